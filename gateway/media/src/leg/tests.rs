use super::*;
use crate::{AfterPlay, ClipId, Direction, dtmf};

const PEER: &str = "192.0.2.1:4000";

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn negotiated(codec: Codec, dtmf: Option<u8>) -> Negotiated {
    Negotiated {
        rtp: at(PEER),
        rtcp: at("192.0.2.1:4001"),
        codec,
        payload_type: if codec == Codec::Pcmu { 0 } else { 8 },
        dtmf,
        inband: false,
        ptime_ms: 20,
        direction: Direction::SendRecv,
        srtp: None,
    }
}

fn leg(negotiated: Negotiated) -> Leg {
    let mut leg = Leg::new(Time::ZERO, Duration::ZERO, &mut Rng::from_seed(1));
    leg.connect(Time::ZERO, negotiated, PeerTrust::Strict);
    leg
}

fn rtp(payload_type: u8, sequence: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let mut head = [0; HEADER_BYTES];
    Header::write(payload_type, false, sequence, timestamp, 55, &mut head);
    [&head[..], payload].concat()
}

#[test]
fn audio_of_one_law_is_heard_in_the_other() {
    let (mut caller, mut agent) = (
        leg(negotiated(Codec::Pcmu, None)),
        leg(negotiated(Codec::Pcma, None)),
    );
    let spoken: Vec<u8> = (0..160).collect();
    let mut packet = rtp(0, 9, 0, &spoken);
    let taken = caller.take(Time::ZERO, at(PEER), &packet).unwrap();
    assert_eq!((taken.content, taken.choose), (Content::Audio(Codec::Pcmu), true));
    assert!(agent.forward(Time::ZERO, &taken, &mut packet));
    let mut expected = spoken;
    g711::transcode(Codec::Pcmu, Codec::Pcma, &mut expected);
    let header = Header::read(&packet).unwrap();
    assert_eq!((header.payload_type, header.payload(&packet)), (8, &expected[..]));
    assert_eq!((caller.stats().received, agent.stats().sent), (1, 1));
}

#[test]
fn keys_are_told_once_and_relayed_with_the_other_sides_type_or_not_at_all() {
    let mut caller = leg(negotiated(Codec::Pcma, Some(101)));
    let mut knows = leg(negotiated(Codec::Pcma, Some(96)));
    let mut deaf = leg(negotiated(Codec::Pcma, None));
    let mut heard = Vec::new();
    for (step, key) in dtmf::press('7', 80).enumerate() {
        let packet = rtp(101, 1 + u16::try_from(step).unwrap(), 4_000, &key.payload);
        let taken = caller.take(Time::ZERO, at(PEER), &packet).unwrap();
        let Content::Event(digit) = taken.content else {
            panic!("{taken:?}")
        };
        heard.extend(digit);
        assert!(knows.forward(Time::ZERO, &taken, &mut packet.clone()));
        assert!(!deaf.forward(Time::ZERO, &taken, &mut packet.clone()));
    }
    assert_eq!(heard, ['7']);
}

#[test]
fn strangers_rubbish_and_unknown_types_are_refused_and_counted() {
    let mut leg = leg(negotiated(Codec::Pcma, None));
    let good = rtp(8, 1, 0, &[0; 160]);
    assert!(leg.take(Time::ZERO, at("192.0.2.66:4000"), &good).is_none());
    assert!(leg.take(Time::ZERO, at(PEER), b"rubbish").is_none());
    assert!(leg.take(Time::ZERO, at(PEER), &rtp(18, 1, 0, &[0; 20])).is_none());
    assert_eq!(
        leg.stats(),
        LegStats {
            refused: 3,
            ..LegStats::default()
        }
    );
    assert_eq!(
        leg.take(Time::ZERO, at(PEER), &rtp(13, 1, 0, &[60]))
            .unwrap()
            .content,
        Content::Quiet
    );
}

#[test]
fn a_held_direction_neither_sends_nor_relays() {
    let mut held = leg(Negotiated {
        direction: Direction::Inactive,
        ..negotiated(Codec::Pcma, None)
    });
    let mut other = leg(negotiated(Codec::Pcma, None));
    let mut packet = rtp(8, 1, 0, &[0; 160]);
    let taken = held.take(Time::ZERO, at(PEER), &packet).unwrap();
    assert_eq!(taken.content, Content::Quiet);
    assert!(!other.forward(Time::ZERO, &taken, &mut packet));
    let taken = other.take(Time::ZERO, at(PEER), &packet).unwrap();
    assert!(!held.forward(Time::ZERO, &taken, &mut packet));
}

#[test]
fn playout_keeps_its_beat_waits_for_an_agreement_and_tells_its_end() {
    let library = Library::build(vec![vec![500; 400]]);
    let mut leg = Leg::new(Time::ZERO, Duration::from_millis(7), &mut Rng::from_seed(1));
    let playout = || Playout::new(PlayId(4), vec![ClipId(0)], Duration::ZERO, AfterPlay::Stop);
    leg.play(Time::ZERO, playout());
    assert_eq!(leg.frame_due(), None);
    leg.connect(
        Time::from_millis(3_000),
        negotiated(Codec::Pcma, None),
        PeerTrust::Strict,
    );
    let mut out = [0; FRAME_BYTES_MAX];
    let mut ends = Vec::new();
    for step in 0..3 {
        let due = leg.frame_due().unwrap();
        assert_eq!(due, Time::from_millis(3_007 + 20 * step));
        let frame = leg.frame(due + Duration::from_millis(3), &library, &mut out);
        assert_eq!((frame.len, frame.missed), (172, 0));
        ends.push(frame.ended);
    }
    assert_eq!(ends, [None, None, Some(PlayId(4))]);
    assert_eq!(leg.frame_due(), None);
    leg.play(Time::from_millis(4_000), playout());
    assert_eq!(
        leg.frame_due(),
        Some(Time::from_millis(4_007)),
        "the phase of the leg stays"
    );
    let late = leg.frame(Time::from_millis(4_607), &library, &mut out);
    assert_eq!(
        (late.missed, leg.frame_due()),
        (30, Some(Time::from_millis(4_627)))
    );
}

#[test]
fn what_plays_is_heard_in_place_of_the_relay() {
    let mut leg = leg(negotiated(Codec::Pcma, None));
    let mut packet = rtp(8, 1, 0, &[0; 160]);
    let taken = leg.take(Time::ZERO, at(PEER), &packet).unwrap();
    leg.play(
        Time::ZERO,
        Playout::new(PlayId(1), vec![ClipId(0)], Duration::ZERO, AfterPlay::Loop),
    );
    assert!(!leg.forward(Time::ZERO, &taken, &mut packet));
    leg.stop_play();
    assert!(leg.forward(Time::ZERO, &taken, &mut packet));
}

#[test]
fn silence_is_told_once_and_again_after_something_came() {
    let mut leg = leg(negotiated(Codec::Pcma, None));
    let second = |seconds: u64| Time::from_millis(seconds * 1_000);
    assert!(!leg.is_lost(second(100)), "not watched");
    leg.watch(second(100), Some(Duration::from_secs(20)));
    assert!(!leg.is_lost(second(119)) && leg.is_lost(second(120)) && !leg.is_lost(second(150)));
    assert!(leg.take_rtcp(second(160), at("192.0.2.1:4001"), &[0x80, 201, 0, 1, 0, 0, 0, 1]));
    assert!(!leg.is_lost(second(179)) && leg.is_lost(second(180)));
    leg.connect(
        Time::ZERO,
        Negotiated {
            direction: Direction::SendOnly,
            ..negotiated(Codec::Pcma, None)
        },
        PeerTrust::Strict,
    );
    assert!(
        !leg.is_lost(second(900)),
        "the peer has us on hold: nothing is expected"
    );
    leg.connect(Time::ZERO, negotiated(Codec::Pcma, None), PeerTrust::Strict);
    assert!(
        !leg.is_lost(second(901)),
        "the silence of the hold does not count"
    );
}

#[test]
fn reports_go_out_every_five_seconds_to_where_the_peers_come_from() {
    let mut leg = leg(negotiated(Codec::Pcma, None));
    let now = |ms| Now::new(Time::from_millis(ms), hotline_types::WallTime::from_millis(1_000));
    let mut out = [0; REPORT_BYTES_MAX];
    assert_eq!(leg.report(now(4_999), &mut out), None);
    assert_eq!(leg.report(now(5_000), &mut out), Some((28, at("192.0.2.1:4001"))));
    assert_eq!((out[1], leg.report(now(5_001), &mut out)), (201, None));
    leg.take(Time::ZERO, at(PEER), &rtp(8, 1, 0, &[0; 160])).unwrap();
    assert!(
        !leg.take_rtcp(Time::ZERO, at("192.0.2.9:4001"), &out[..28]),
        "a stranger"
    );
    assert!(leg.take_rtcp(Time::ZERO, at("192.0.2.1:9"), &out[..28]));
    assert_eq!(leg.report(now(10_000), &mut out), Some((52, at("192.0.2.1:9"))));
}

#[test]
fn a_stretch_tells_what_was_heard_what_the_peer_told_and_how_far_it_is() {
    let mut leg = leg(negotiated(Codec::Pcma, None));
    let now = |ms| {
        Now::new(
            Time::from_millis(ms),
            hotline_types::WallTime::from_millis(1_000 + i64::try_from(ms).unwrap()),
        )
    };
    let peer = at("192.0.2.1:4001");
    let mut out = [0; REPORT_BYTES_MAX];
    // Before the stretch: one packet lost, which is not its fault.
    for sequence in [1, 3] {
        leg.take(now(0).mono, at(PEER), &rtp(8, sequence, 0, &[0; 160]))
            .unwrap();
    }
    leg.mark(now(1_000).mono);
    assert_eq!(leg.quality(), Quality::default());
    for sequence in [4, 5, 7, 8] {
        leg.take(now(1_000).mono, at(PEER), &rtp(8, sequence, 8_000, &[0; 160]))
            .unwrap();
    }
    let library = Library::build(vec![vec![1; 1_600]]);
    leg.play(
        now(1_000).mono,
        Playout::new(PlayId(1), vec![ClipId(0)], Duration::ZERO, AfterPlay::Stop),
    );
    let mut frame = [0; FRAME_BYTES_MAX];
    for step in 0..10 {
        leg.frame(now(1_000 + step * 20).mono, &library, &mut frame);
    }
    leg.report(now(5_000), &mut out).expect("a sender report");
    let ours = leg.out.ssrc();
    // The peer kept our report for 500 ms, and we hear 580 ms later: 80 ms are the way and back.
    let block = crate::stats::ReportBlock {
        ssrc: ours,
        fraction: 0,
        lost: 2,
        highest: 10,
        jitter: 40,
    };
    let last = LastReport {
        ntp: rtcp::middle(now(5_000).wall),
        delay: 32_768,
    };
    let len = rtcp::build(55, None, Some((block, last)), &mut out);
    assert!(leg.take_rtcp(now(5_580).mono, peer, &out[..len]));
    let quality = leg.quality();
    let jitter = Duration::from_millis(5);
    assert_eq!((quality.heard.received, quality.heard.lost), (4, 1));
    assert_eq!(
        quality.told,
        Some(Heard {
            received: 8,
            lost: 2,
            jitter
        })
    );
    assert_eq!(quality.round_trip, Some(Duration::from_millis(80)));
    assert!(quality.mos_told() < quality.mos_heard().map(|mos| crate::Mos(mos.0 + 100)));
}

#[test]
fn a_report_that_cannot_be_true_tells_no_round_trip() {
    let mut leg = leg(negotiated(Codec::Pcma, None));
    let block = crate::stats::ReportBlock {
        ssrc: leg.out.ssrc(),
        fraction: 0,
        lost: 2,
        highest: 10,
        jitter: 40,
    };
    leg.own_reports[0] = Some((7, Time::from_millis(5_000)));
    let mut out = [0; REPORT_BYTES_MAX];
    // A report of ours that never was, and one that was kept for longer than we waited.
    for (ntp, delay) in [(1, 0), (7, u32::MAX)] {
        let len = rtcp::build(55, None, Some((block, LastReport { ntp, delay })), &mut out);
        assert!(leg.take_rtcp(Time::from_millis(6_000), at("192.0.2.1:4001"), &out[..len]));
        assert_eq!(leg.quality().round_trip, None);
    }
    leg.mark(Time::from_millis(7_000));
    assert_eq!(leg.quality().told, None, "told before the stretch");
}
