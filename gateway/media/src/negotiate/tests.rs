use hotline_types::Rng;

use super::*;

fn local() -> LocalMedia {
    LocalMedia {
        rtp: "127.0.0.1:20000".parse().unwrap(),
        origin_id: 77,
        version: 1,
        codecs: vec![Codec::Pcma, Codec::Pcmu],
        prefer: false,
        dtmf: true,
        direction: Direction::SendRecv,
        srtp: None,
    }
}

/// A description with this connection address and these lines after `t=`.
fn sdp(connection: &str, lines: &[&str]) -> Vec<u8> {
    let family = if connection.contains(':') { "IP6" } else { "IP4" };
    let mut text =
        format!("v=0\r\no=- 1 1 IN {family} {connection}\r\ns=-\r\nc=IN {family} {connection}\r\nt=0 0\r\n");
    for line in lines {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text.into_bytes()
}

fn answered(offer: &[u8], local: &LocalMedia) -> Result<(String, Negotiated), NegotiateError> {
    let (answer, negotiated) = Offer::read(offer).unwrap().answer(local)?;
    Ok((String::from_utf8(answer).unwrap(), negotiated))
}

const BARESIP: &[&str] = &[
    "a=tool:baresip",
    "m=audio 16384 RTP/AVP 8 0 101",
    "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:101 telephone-event/8000",
    "a=fmtp:101 0-15",
    "a=rtcp:16385",
    "a=sendrecv",
    "a=label:1",
    "a=rtcp-rsize",
    "a=ssrc:1013462012 cname:sip:agent@example",
    "a=ptime:20",
];
const LINPHONE: &[&str] = &[
    "m=audio 7078 RTP/AVPF 96 97 0 8 100 101",
    "a=rtpmap:96 opus/48000/2",
    "a=fmtp:96 useinbandfec=1",
    "a=rtpmap:97 speex/16000",
    "a=rtpmap:100 telephone-event/48000",
    "a=rtpmap:101 telephone-event/8000",
    "a=rtcp-fb:* ccm tmmbr",
    "m=video 9078 RTP/AVPF 96",
    "a=rtpmap:96 VP8/90000",
];
const CARRIER: &[&str] = &[
    "m=audio 31442 RTP/AVP 18 8 0 96",
    "a=rtpmap:18 G729/8000",
    "a=fmtp:18 annexb=no",
    "a=rtpmap:8 PCMA/8000/1",
    "a=rtpmap:96 TELEPHONE-EVENT/8000",
    "a=maxptime:150",
    "a=ptime:30",
];

/// An offer's lines, and the codec, payload type, telephone-event type and packet time that are agreed.
type ClientCase = (&'static [&'static str], (Codec, u8, Option<u8>, u8));

const CLIENTS: &[ClientCase] = &[
    (BARESIP, (Codec::Pcma, 8, Some(101), 20)),
    (LINPHONE, (Codec::Pcmu, 0, Some(101), 20)),
    (CARRIER, (Codec::Pcma, 8, Some(96), 30)),
    (
        &["m=audio 6000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000"],
        (Codec::Pcmu, 0, None, 20),
    ),
    (&["m=audio 6000 RTP/AVP 3 8"], (Codec::Pcma, 8, None, 20)),
    (
        &["m=audio 6000 RTP/AVP 110", "a=rtpmap:110 pcma/8000"],
        (Codec::Pcma, 110, None, 20),
    ),
    (
        &["m=audio 6000 RTP/AVP 8", "a=ptime:200"],
        (Codec::Pcma, 8, None, 20),
    ),
    (
        &["m=audio 6000 RTP/AVP 8", "a=ptime:40", "a=maxptime:30"],
        (Codec::Pcma, 8, None, 30),
    ),
];

#[test]
fn offers_of_real_clients_are_answered() {
    for &(lines, expected) in CLIENTS {
        let (text, agreed) = answered(&sdp("192.0.2.4", lines), &local()).unwrap();
        assert_eq!(
            (agreed.codec, agreed.payload_type, agreed.dtmf, agreed.ptime_ms),
            expected,
            "{lines:?}"
        );
        assert_eq!(agreed.direction, Direction::SendRecv, "{lines:?}");
        assert!(
            text.contains(&format!("a=rtpmap:{} ", agreed.payload_type)),
            "{text}"
        );
        let lines_in = lines.iter().filter(|line| line.starts_with("m=")).count();
        assert_eq!(
            text.matches("\r\nm=").count(),
            lines_in,
            "one line for each: {text}"
        );
        // Our own answer is a description that the other side can agree to.
        assert_eq!(Offer::read(text.as_bytes()).unwrap().codecs(), [agreed.codec]);
    }
}

#[test]
fn an_answer_is_written_as_the_rfc_wants_it() {
    let (text, _) = answered(&sdp("192.0.2.4", LINPHONE), &local()).unwrap();
    let expected = "v=0\r\no=- 77 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
        m=audio 20000 RTP/AVPF 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
        a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\nm=video 0 RTP/AVPF 96\r\n";
    assert_eq!(text, expected);
}

#[test]
fn our_preference_wins_only_where_it_is_asked_for() {
    let offer = sdp("192.0.2.4", &["m=audio 6000 RTP/AVP 0 8"]);
    assert_eq!(answered(&offer, &local()).unwrap().1.codec, Codec::Pcmu);
    assert_eq!(
        answered(
            &offer,
            &LocalMedia {
                prefer: true,
                ..local()
            }
        )
        .unwrap()
        .1
        .codec,
        Codec::Pcma
    );
    let only = LocalMedia {
        codecs: vec![Codec::Pcma],
        dtmf: false,
        ..local()
    };
    let agreed = answered(&sdp("192.0.2.4", LINPHONE), &only).unwrap().1;
    assert_eq!((agreed.codec, agreed.dtmf), (Codec::Pcma, None));
}

#[test]
fn hold_is_seen_in_both_styles_and_answered_with_the_mirror() {
    let audio = "m=audio 6000 RTP/AVP 8";
    let cases: &[(&str, &[&str], bool, Direction)] = &[
        ("192.0.2.4", &[audio], false, Direction::SendRecv),
        ("192.0.2.4", &[audio, "a=sendonly"], true, Direction::RecvOnly),
        ("192.0.2.4", &[audio, "a=inactive"], true, Direction::Inactive),
        ("192.0.2.4", &[audio, "a=recvonly"], false, Direction::SendOnly),
        ("192.0.2.4", &["a=sendonly", audio], true, Direction::RecvOnly),
        (
            "192.0.2.4",
            &["a=sendonly", audio, "a=sendrecv"],
            false,
            Direction::SendRecv,
        ),
        ("0.0.0.0", &[audio], true, Direction::RecvOnly),
        ("0.0.0.0", &[audio, "a=sendonly"], true, Direction::RecvOnly),
        ("::", &[audio], true, Direction::RecvOnly),
    ];
    for &(connection, lines, hold, direction) in cases {
        let bytes = sdp(connection, lines);
        let offer = Offer::read(&bytes).unwrap();
        assert_eq!(
            (offer.is_hold(), offer.direction()),
            (hold, direction),
            "{connection} {lines:?}"
        );
        assert_eq!(
            answered(&bytes, &local()).unwrap().1.direction,
            direction,
            "{connection} {lines:?}"
        );
    }
    let quiet = LocalMedia {
        direction: Direction::SendOnly,
        ..local()
    };
    assert_eq!(
        answered(&sdp("192.0.2.4", &[audio]), &quiet).unwrap().1.direction,
        Direction::SendOnly
    );
}

#[test]
fn addresses_of_rtp_and_rtcp_are_those_of_the_line() {
    let cases: &[(&str, &[&str], &str, &str)] = &[
        (
            "192.0.2.4",
            &["m=audio 6000 RTP/AVP 8"],
            "192.0.2.4:6000",
            "192.0.2.4:6001",
        ),
        (
            "192.0.2.4",
            &["m=audio 6000 RTP/AVP 8", "a=rtcp:7777"],
            "192.0.2.4:6000",
            "192.0.2.4:7777",
        ),
        (
            "192.0.2.4",
            &[
                "m=audio 6000 RTP/AVP 8",
                "c=IN IP4 192.0.2.9",
                "a=rtcp:7 IN IP4 192.0.2.8",
            ],
            "192.0.2.9:6000",
            "192.0.2.8:7",
        ),
        (
            "2001:db8::1",
            &["m=audio 65535 RTP/AVP 8"],
            "[2001:db8::1]:65535",
            "[2001:db8::1]:65535",
        ),
    ];
    for &(connection, lines, rtp, rtcp) in cases {
        let agreed = answered(&sdp(connection, lines), &local()).unwrap().1;
        assert_eq!(
            (agreed.rtp.to_string(), agreed.rtcp.to_string()),
            (rtp.to_owned(), rtcp.to_owned())
        );
    }
}

#[test]
fn what_cannot_be_agreed_to_says_why() {
    let cases: &[(&str, &[&str], NegotiateError)] = &[
        ("192.0.2.4", &[], NegotiateError::NoAudio),
        ("192.0.2.4", &["m=audio 0 RTP/AVP 8"], NegotiateError::NoAudio),
        ("192.0.2.4", &["m=video 4000 RTP/AVP 96"], NegotiateError::NoAudio),
        (
            "192.0.2.4",
            &["m=audio 4000 RTP/AVP 18 9"],
            NegotiateError::NoCommonCodec,
        ),
        (
            "192.0.2.4",
            &["m=audio 4000 RTP/AVP 8", "a=rtpmap:8 PCMA/16000"],
            NegotiateError::NoCommonCodec,
        ),
        (
            "192.0.2.4",
            &["m=audio 4000 RTP/SAVP 8"],
            NegotiateError::Transport("RTP/SAVP".to_owned()),
        ),
        (
            "phone.example",
            &["m=audio 4000 RTP/AVP 8"],
            NegotiateError::NoAddress("the c= line holds no IP address"),
        ),
        (
            "224.0.0.1",
            &["m=audio 4000 RTP/AVP 8"],
            NegotiateError::NoAddress("the c= line holds a group address"),
        ),
    ];
    for (connection, lines, expected) in cases {
        let error = answered(&sdp(connection, lines), &local()).unwrap_err();
        assert_eq!((&error, error.status()), (expected, 488), "{lines:?}");
    }
    let second = sdp(
        "192.0.2.4",
        &["m=audio 4000 RTP/SAVP 8", "m=audio 4002 RTP/AVP 8"],
    );
    let (text, agreed) = answered(&second, &local()).unwrap();
    assert_eq!(agreed.rtp.port(), 4002);
    assert!(text.contains("m=audio 0 RTP/SAVP 8\r\n"), "{text}");
}

const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

/// Ours under a rule: `-` off, `o` optional, `m` mandatory.
fn secured(rule: char, seed: u64) -> LocalMedia {
    let srtp = (rule != '-').then(|| LocalSrtp {
        mandatory: rule == 'm',
        keys: OwnKeys::random(&mut Rng::from_seed(seed)),
    });
    LocalMedia { srtp, ..local() }
}

/// A rule, an offer's profile and its keys; then the refusal, or the suite agreed on.
type KeyCase<'a> = (
    char,
    &'a str,
    &'a [&'a str],
    Option<NegotiateError>,
    Option<Suite>,
);

#[test]
fn keys_are_agreed_on_as_each_rule_says() {
    let crypto = format!("a=crypto:4 AES_CM_128_HMAC_SHA1_32 inline:{KEY}|2^31");
    let f8 = format!("a=crypto:1 F8_128_HMAC_SHA1_80 inline:{KEY}");
    let no_savp = || Some(NegotiateError::Transport("RTP/SAVP".to_owned()));
    let cases: &[KeyCase<'_>] = &[
        ('-', "RTP/AVP", &[&crypto], None, None),
        ('-', "RTP/SAVP", &[&crypto], no_savp(), None),
        ('o', "RTP/AVP", &[], None, None),
        ('o', "RTP/AVP", &[&f8, &crypto], None, Some(Suite::Sha1Tag32)),
        ('o', "RTP/SAVPF", &[&crypto], None, Some(Suite::Sha1Tag32)),
        ('o', "RTP/SAVP", &[&f8], Some(NegotiateError::NoKey), None),
        ('m', "RTP/AVP", &[], Some(NegotiateError::Clear), None),
        ('m', "RTP/AVP", &[&crypto], None, Some(Suite::Sha1Tag32)),
        ('m', "RTP/SAVP", &[&crypto], None, Some(Suite::Sha1Tag32)),
    ];
    for (rule, profile, keys, refusal, suite) in cases {
        let audio = format!("m=audio 4000 {profile} 8");
        let lines: Vec<&str> = std::iter::once(audio.as_str())
            .chain(keys.iter().copied())
            .collect();
        let found = answered(&sdp("192.0.2.4", &lines), &secured(*rule, 1));
        let case = format!("{rule} {profile} {keys:?}");
        match (found, refusal) {
            (Err(error), Some(refusal)) => assert_eq!((&error, error.status()), (refusal, 488), "{case}"),
            (Ok((text, agreed)), None) => {
                assert_eq!(agreed.srtp.as_ref().map(|srtp| srtp.suite), *suite, "{case}");
                assert!(
                    text.contains(&format!("m=audio 20000 {profile} 8")),
                    "{case}: {text}"
                );
                assert_eq!(
                    text.contains("a=crypto:4 AES_CM_128_HMAC_SHA1_32 inline:"),
                    suite.is_some(),
                    "{case}"
                );
                assert!(!text.contains(KEY), "our own key, not an echo: {text}");
                assert!(!format!("{agreed:?}").contains("KeyB"), "{case}");
            }
            (found, _) => panic!("{case}: {found:?}"),
        }
    }
}

#[test]
fn a_line_with_keys_is_taken_before_one_in_clear() {
    let crypto = format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}");
    let lines = ["m=audio 4000 RTP/AVP 8", "m=audio 4002 RTP/SAVP 8", &crypto];
    let (text, agreed) = answered(&sdp("192.0.2.4", &lines), &secured('o', 1)).unwrap();
    assert_eq!((agreed.rtp.port(), agreed.srtp.is_some()), (4002, true));
    assert!(text.contains("m=audio 0 RTP/AVP 8\r\n"), "{text}");
}

#[test]
fn both_sides_of_an_offer_with_keys_agree_on_them_crosswise() {
    for (ours, theirs, expected) in [
        ('m', 'o', Some(true)),
        ('m', 'm', Some(true)),
        ('o', 'o', Some(false)),
        ('o', 'm', Some(false)),
        ('o', '-', None),
        ('-', 'o', None),
    ] {
        let (us, them) = (secured(ours, 1), secured(theirs, 2));
        let (text, agreed) = answered(&offer(&us), &them).unwrap();
        let read = read_answer(&us, text.as_bytes()).unwrap();
        let case = format!("{ours}{theirs}");
        assert_eq!(read.srtp.as_ref().map(|srtp| srtp.savp), expected, "{case}");
        let (Some(here), Some(there)) = (read.srtp, agreed.srtp) else {
            continue;
        };
        assert_eq!(
            (here.own, here.peer, here.suite),
            (there.peer, there.own, there.suite),
            "{case}"
        );
        assert_ne!(here.own, here.peer, "{case}");
        // A tag that we did not offer, or not for this suite.
        let other = text.replace("a=crypto:1 ", "a=crypto:2 ");
        assert_eq!(
            read_answer(&us, other.as_bytes()),
            Err(NegotiateError::NoKey),
            "{case}"
        );
    }
    let plain = answered(&offer(&secured('o', 1)), &local()).unwrap().0;
    assert_eq!(
        read_answer(&secured('m', 1), plain.as_bytes()),
        Err(NegotiateError::Clear)
    );
}

#[test]
fn what_is_no_description_is_a_bad_request() {
    let many = sdp("192.0.2.4", &["m=audio 4000 RTP/AVP 8"; MEDIA_LINES + 1]);
    assert_eq!(Offer::read(&many), Err(SdpError::TooManyMedia));
    assert_eq!(
        Offer::read(&vec![b'v'; crate::sdp::SDP_BYTES_MAX + 1]),
        Err(SdpError::TooLong)
    );
    for nonsense in [&b""[..], b"hello", b"v=1\r\n", b"v=0\r\nm=audio x RTP/AVP 8\r\n"] {
        assert!(
            matches!(Offer::read(nonsense), Err(SdpError::Malformed(_))),
            "{nonsense:?}"
        );
    }
    assert_eq!(read_answer(&local(), b"?").unwrap_err().status(), 400);
}
const MEDIA_LINES: usize = crate::sdp::MEDIA_LINES_MAX;

#[test]
fn our_offer_is_answered_by_ourselves_and_read_back() {
    let ours = LocalMedia {
        rtp: "[2001:db8::5]:20002".parse().unwrap(),
        ..local()
    };
    let offered = offer(&ours);
    let theirs = LocalMedia {
        rtp: "127.0.0.1:9000".parse().unwrap(),
        codecs: vec![Codec::Pcmu],
        ..local()
    };
    let (answer, at_their_side) = Offer::read(&offered).unwrap().answer(&theirs).unwrap();
    assert_eq!(at_their_side.rtp, ours.rtp);
    let agreed = read_answer(&ours, &answer).unwrap();
    assert_eq!(
        (agreed.codec, agreed.dtmf, agreed.rtp),
        (Codec::Pcmu, Some(101), theirs.rtp)
    );
}

#[test]
fn mutated_descriptions_never_panic() {
    let mut rng = Rng::from_seed(8);
    let seeds = [
        sdp("192.0.2.4", BARESIP),
        sdp("::1", LINPHONE),
        sdp("0.0.0.0", CARRIER),
    ];
    let mut read = 0;
    for round in 0..20_000 {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..=rng.below(6) {
            let at = usize::try_from(rng.below(bytes.len() as u64)).unwrap();
            match rng.below(3) {
                0 => bytes[at] = rng.next_u64().to_le_bytes()[0],
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, b"0:/ \n=\xFF9"[usize::try_from(rng.below(8)).unwrap()]),
            }
        }
        if let Ok(offer) = Offer::read(&bytes) {
            read += 1;
            if let Ok((answer, _)) = offer.answer(&local()) {
                assert!(
                    Offer::read(&answer).is_ok(),
                    "our answer to {:?}",
                    String::from_utf8_lossy(&bytes)
                );
            }
        }
    }
    assert!(read > 1_000, "the mutations must leave something to read: {read}");
}
