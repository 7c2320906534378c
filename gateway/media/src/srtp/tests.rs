use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .bytes()
        .filter(u8::is_ascii_hexdigit)
        .map(|digit| u8::try_from((digit as char).to_digit(16).unwrap()).unwrap())
        .collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn master(hex: &str) -> MasterKey {
    MasterKey::new(bytes(hex).try_into().unwrap())
}

/// Master key and salt of RFC 3711 B.3.
const RFC: &str = "E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6";
const OTHER: &str = "00112233445566778899AABBCCDDEEFF 0102030405060708090A0B0C0D0E";

fn pair(suite: Suite) -> (Srtp, Srtp) {
    let agreed = SrtpAgreed {
        suite,
        own: master(RFC),
        peer: master(OTHER),
        savp: true,
    };
    let mirrored = SrtpAgreed {
        own: agreed.peer,
        peer: agreed.own,
        ..agreed.clone()
    };
    (Srtp::new(&agreed), Srtp::new(&mirrored))
}

fn packet(sequence: u16, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 8];
    packet.extend(sequence.to_be_bytes());
    packet.extend(1_000_u32.to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}

fn protected(srtp: &mut Srtp, packet: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![0; packet.len() + GROWTH_MAX];
    let len = srtp.protect(packet, &mut out)?;
    out.truncate(len);
    Some(out)
}

fn opened(srtp: &mut Srtp, packet: &[u8]) -> Result<Vec<u8>, SrtpRefusal> {
    let mut packet = packet.to_vec();
    let len = srtp.open(&mut packet)?;
    packet.truncate(len);
    Ok(packet)
}

#[test]
fn keys_are_derived_and_the_counter_runs_as_the_rfc_shows() {
    let derived = Derived::new(&master(RFC), 0);
    assert_eq!(derived.salt.to_vec(), bytes("30CBBC08863D8C85D49DB34A9AE1"));
    let prf = cipher(&bytes("E1F97A0D3E018BE0D64FA32C06DE4139"));
    let salt = bytes("0EC675AD498AFEEBB6960B3AABE6");
    let mut key = [0; 16];
    derive(&prf, &salt, 0, &mut key);
    assert_eq!(key.to_vec(), bytes("C61E7A93744F39EE10734AFE3FF7A087"));
    let mut auth = [0; 20];
    derive(&prf, &salt, 1, &mut auth);
    assert_eq!(auth.to_vec(), bytes("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));

    // B.2, with a length that ends in the middle of a block and needs more than one round of blocks.
    let mut iv = [0; 16];
    iv[..14].copy_from_slice(&bytes("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"));
    let mut stream = [0; 300];
    keystream(
        &cipher(&bytes("2B7E151628AED2A6ABF7158809CF4F3C")),
        iv,
        &mut stream,
    );
    assert_eq!(
        stream[..48].to_vec(),
        bytes(
            "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0"
        )
    );
    let mut rest = [0; 300 - 128];
    iv[15] = 8;
    keystream(&cipher(&bytes("2B7E151628AED2A6ABF7158809CF4F3C")), iv, &mut rest);
    assert_eq!(stream[128..], rest);
}

#[test]
fn whole_packets_look_as_other_implementations_make_them() {
    // The reference packets that libsrtp checks itself with.
    let (mut sender, mut receiver) = pair(Suite::Sha1Tag80);
    let plain = bytes("800f1234decafbadcafebabe abababababababababababababababab");
    let expected = bytes("800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb");
    let sent = protected(&mut sender, &plain).unwrap();
    assert_eq!(sent, expected);
    assert_eq!(opened(&mut receiver, &sent), Ok(plain));

    let plain = bytes("81c8000bcafebabe abababababababababababababababab");
    let expected = bytes("81c8000bcafebabe 7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798");
    let mut out = [0; 64];
    let len = sender.protect_rtcp(&plain, &mut out).unwrap();
    assert_eq!(out[..len], expected);
    let len = receiver.open_rtcp(&mut out[..len]).unwrap();
    assert_eq!(out[..len], plain);
}

#[test]
fn both_suites_carry_every_shape_of_packet_and_each_packet_once() {
    for (suite, tag) in [(Suite::Sha1Tag80, 10), (Suite::Sha1Tag32, 4)] {
        let (mut sender, mut receiver) = pair(suite);
        let mut extended = packet(2, 7, b"");
        extended[0] = 0x92;
        extended.extend(bytes("11111111 22222222 BEDE0001 AABBCCDD"));
        extended.extend(b"what is said");
        for plain in [packet(1, 7, &[0x55; 160]), extended, packet(3, 7, b"")] {
            let sent = protected(&mut sender, &plain).unwrap();
            assert_eq!(sent.len(), plain.len() + tag);
            assert_eq!(opened(&mut receiver, &sent), Ok(plain));
            assert_eq!(opened(&mut receiver, &sent), Err(SrtpRefusal::Replayed));
        }
        assert_eq!(
            protected(&mut sender, &packet(3, 7, b"other")),
            None,
            "one key, one index, one packet"
        );
    }
}

#[test]
fn forged_damaged_and_cut_packets_are_refused_and_leave_no_trace() {
    let (mut sender, mut receiver) = pair(Suite::Sha1Tag80);
    let sent = protected(&mut sender, &packet(9, 7, &[1; 160])).unwrap();
    for at in [1, 2, 5, 8, 50, sent.len() - 1] {
        let mut forged = sent.clone();
        forged[at] ^= 1;
        assert_eq!(
            opened(&mut receiver, &forged),
            Err(SrtpRefusal::Forged),
            "byte {at}"
        );
    }
    for len in [0, 1, 11, 12, 21] {
        assert_eq!(
            opened(&mut receiver, &sent[..len]),
            Err(SrtpRefusal::Malformed),
            "{len} bytes"
        );
    }
    assert_eq!(
        opened(&mut receiver, &packet(9, 7, &[1; 160])),
        Err(SrtpRefusal::Forged),
        "plain RTP"
    );
    assert_eq!(receiver.heard.find(7), None);
    assert!(opened(&mut receiver, &sent).is_ok());

    let mut clear = bytes("81c90001cafebabe 00000005 00000000000000000000");
    assert_eq!(
        receiver.open_rtcp(&mut clear),
        Err(SrtpRefusal::Forged),
        "unencrypted is not unauthenticated"
    );
}

#[test]
fn a_stream_survives_the_wrap_loss_and_reordering_and_a_listener_who_came_late() {
    let (mut sender, mut receiver) = pair(Suite::Sha1Tag32);
    let packets: Vec<Vec<u8>> = (0..400_u16)
        .map(|step| packet(65_400_u16.wrapping_add(step), 7, &step.to_be_bytes()))
        .collect();
    let sent: Vec<Vec<u8>> = packets
        .iter()
        .map(|plain| protected(&mut sender, plain).unwrap())
        .collect();
    for at in [0, 1, 3, 2, 50, 140, 135, 136, 300, 299] {
        assert_eq!(
            opened(&mut receiver, &sent[at]).as_ref(),
            Ok(&packets[at]),
            "packet {at}"
        );
    }
    let (_, mut late) = pair(Suite::Sha1Tag32);
    assert_eq!(opened(&mut late, &sent[200]).as_ref(), Ok(&packets[200]));
    assert_eq!(opened(&mut late, &sent[201]).as_ref(), Ok(&packets[201]));
}

#[test]
fn a_new_description_with_the_same_keys_goes_on_and_with_others_begins_anew() {
    let (mut sender, mut receiver) = pair(Suite::Sha1Tag80);
    let first = protected(&mut sender, &packet(9, 7, b"one")).unwrap();
    assert!(opened(&mut receiver, &first).is_ok());
    receiver.rekey(&receiver.agreed.clone());
    assert_eq!(opened(&mut receiver, &first), Err(SrtpRefusal::Replayed));
    let agreed = SrtpAgreed {
        peer: master(OTHER),
        ..receiver.agreed.clone()
    };
    receiver.rekey(&agreed);
    let second = protected(&mut sender, &packet(10, 7, b"two")).unwrap();
    assert_eq!(opened(&mut receiver, &second), Err(SrtpRefusal::Forged));
    sender.rekey(&SrtpAgreed {
        own: master(OTHER),
        ..sender.agreed.clone()
    });
    let third = protected(&mut sender, &packet(9, 7, b"three")).unwrap();
    assert!(opened(&mut receiver, &third).is_ok());
}

#[test]
fn keys_are_never_printed() {
    let (sender, _) = pair(Suite::Sha1Tag80);
    let text = format!("{sender:?}");
    assert!(text.contains("***"), "{text}");
    assert!(
        !text.contains("225") && !text.to_lowercase().contains("e1"),
        "{text}"
    );
}

#[test]
fn no_bytes_make_it_panic() {
    let (_, mut receiver) = pair(Suite::Sha1Tag80);
    let mut rng = Rng::from_seed(7);
    for _ in 0..20_000 {
        let mut bytes = vec![0; usize::try_from(rng.below(64)).unwrap()];
        rng.fill(&mut bytes);
        if let Some(first) = bytes.first_mut() {
            *first = 0x80 | (*first & 0x3F);
        }
        assert!(receiver.open(&mut bytes).is_err());
        assert!(receiver.open_rtcp(&mut bytes).is_err());
    }
}
