use hotline_types::Rng;

use super::*;

fn packet(sequence: u16, timestamp: u32, ssrc: u32, marker: bool) -> Vec<u8> {
    let mut packet = vec![0_u8; 172];
    let mut header = [0; 12];
    Header::write(0, marker, sequence, timestamp, ssrc, &mut header);
    packet[..12].copy_from_slice(&header);
    packet
}

fn relayed(out: &mut Outgoing, at_ms: u64, mut packet: Vec<u8>) -> Option<(u16, u32, bool)> {
    let header = Header::read(&packet).unwrap();
    let sent = out.relay(Time::from_millis(at_ms), &header, 8, false, &mut packet);
    let header = Header::read(&packet).unwrap();
    sent.then(|| {
        assert_eq!((header.ssrc, header.payload_type), (7, 8));
        (header.sequence, header.timestamp, header.marker)
    })
}

fn played(out: &mut Outgoing, at_ms: u64) -> (u16, u32, bool) {
    let mut header = [0; 12];
    out.own(Time::from_millis(at_ms), 8, 160, &mut header);
    let header = Header::read(&header).unwrap();
    (header.sequence, header.timestamp, header.marker)
}

#[test]
fn playout_relay_and_playout_again_are_one_contiguous_stream() {
    let mut out = Outgoing::new(7, 65_533, u32::MAX - 100);
    let start = u32::MAX - 100;
    assert_eq!(played(&mut out, 0), (65_534, start, true));
    assert_eq!(played(&mut out, 20), (65_535, start.wrapping_add(160), false));
    assert_eq!(
        relayed(&mut out, 45, packet(100, 5_000, 1, false)),
        Some((0, start.wrapping_add(360), true))
    );
    assert_eq!(
        relayed(&mut out, 65, packet(101, 5_160, 1, false)),
        Some((1, start.wrapping_add(520), false))
    );
    assert_eq!(played(&mut out, 100), (2, start.wrapping_add(800), true));
    // Another relay of the same source after the music: new offsets again.
    assert_eq!(
        relayed(&mut out, 120, packet(900, 100, 1, false)),
        Some((3, start.wrapping_add(960), true))
    );
}

#[test]
fn loss_and_reordering_of_the_source_are_passed_on_and_its_past_is_not() {
    let mut out = Outgoing::new(7, 99, 1_000);
    assert_eq!(
        relayed(&mut out, 0, packet(10, 0, 1, false)),
        Some((100, 1_000, true))
    );
    assert_eq!(
        relayed(&mut out, 60, packet(13, 480, 1, false)),
        Some((103, 1_480, false)),
        "two lost"
    );
    assert_eq!(
        relayed(&mut out, 61, packet(12, 320, 1, false)),
        Some((102, 1_320, false)),
        "late"
    );
    assert_eq!(
        relayed(&mut out, 61, packet(9, 0, 1, false)),
        None,
        "before the switch"
    );
    assert_eq!(relayed(&mut out, 62, packet(13, 480, 1, false)), None, "twice");
    assert_eq!(
        relayed(&mut out, 80, packet(14, 640, 1, true)),
        Some((104, 1_640, true)),
        "its own talk-spurt"
    );
}

#[test]
fn a_source_that_restarts_its_sequence_or_time_is_taken_up_contiguously() {
    let mut out = Outgoing::new(7, 99, 1_000);
    relayed(&mut out, 0, packet(10, 0, 1, false)).unwrap();
    assert_eq!(
        relayed(&mut out, 20, packet(40_000, 160, 1, false)),
        None,
        "one stray packet proves nothing"
    );
    assert_eq!(
        relayed(&mut out, 40, packet(40_001, 320, 1, false)),
        Some((101, 1_320, true))
    );
    assert_eq!(
        relayed(&mut out, 60, packet(40_002, 900_000, 1, false)),
        Some((102, 1_480, true)),
        "new time base"
    );
    assert_eq!(
        relayed(&mut out, 80, packet(3, 7, 2, false)),
        Some((103, 1_640, true)),
        "new SSRC"
    );
}

#[test]
fn audio_after_a_long_key_keeps_its_time() {
    let mut out = Outgoing::new(7, 99, 1_000);
    assert_eq!(
        relayed(&mut out, 0, packet(1, 0, 1, false)),
        Some((100, 1_000, true))
    );
    for step in 1..=250_u16 {
        let mut event = packet(1 + step, 160, 1, false);
        let header = Header::read(&event).unwrap();
        assert!(out.relay(
            Time::from_millis(u64::from(step) * 20),
            &header,
            101,
            true,
            &mut event
        ));
        assert_eq!(Header::read(&event).unwrap().timestamp, 1_160);
    }
    assert_eq!(
        relayed(&mut out, 5_020, packet(252, 40_160, 1, false)),
        Some((351, 41_160, false))
    );
}

#[test]
fn output_stays_contiguous_over_any_mixture_of_sources() {
    let mut rng = Rng::from_seed(11);
    let mut out = Outgoing::new(7, 0, 0);
    let mut last = 0_u16;
    let mut time = 0;
    for _ in 0..2_000 {
        time += 20;
        let sequence = if rng.below(2) == 0 {
            played(&mut out, time).0
        } else {
            out.switch();
            let random = u16::try_from(rng.below(65_536)).unwrap();
            relayed(&mut out, time, packet(random, 0, u32::from(random), false))
                .unwrap()
                .0
        };
        assert_eq!(sequence, last.wrapping_add(1));
        last = sequence;
    }
}

#[test]
fn no_bytes_make_reading_or_relaying_panic() {
    let mut rng = Rng::from_seed(3);
    let mut out = Outgoing::new(7, 0, 0);
    for round in 0..20_000_u64 {
        let mut bytes = vec![0; usize::try_from(rng.below(200)).unwrap()];
        rng.fill(&mut bytes);
        if let Some(first) = bytes.first_mut() {
            *first = (*first & 0x3F) | 0x80;
        }
        if let Some(header) = Header::read(&bytes) {
            assert!(header.payload(&bytes).len() == header.payload_len());
            out.relay(Time::from_millis(round), &header, 0, round % 3 == 0, &mut bytes);
        }
    }
    assert_eq!(Header::read(&[0x80; PACKET_BYTES_MAX + 1]), None);
}
