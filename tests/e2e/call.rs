//! One whole call through the shipped menu: both hear each other, and everything written down agrees.

use std::time::Instant;

use hotline_journal::{Event, What};
use hotline_media::Codec;
use hotline_sip::Transport;
use hotline_types::{EndCause, HangupBy};

use super::baresip::{Answers, Baresip};
use super::gateway::{Config, Gateway};
use super::journal::{Journal, micros};
use super::rtp::RtpPeer;
use super::sipp::{CallerLine, Scenario, Sipp};
use super::tone;
use super::wait::{pass, secs, until};

/// Alignment of the two sides in a recording, seconds.
const ALIGNED: f64 = 0.040;
/// A recording's length against the bridged time, milliseconds.
pub const LENGTH_MS: i64 = 100;

/// A recording: left and right channel.
pub struct Wav {
    /// The caller.
    pub left: Vec<i16>,
    /// The agent.
    pub right: Vec<i16>,
}

impl Wav {
    /// Reads a recording of a gateway by its path in the journal.
    pub fn read(gateway: &Gateway, path: &str) -> Self {
        let mut reader =
            hound::WavReader::open(gateway.data().join("recordings").join(path)).expect("a whole WAV");
        assert_eq!((reader.spec().channels, reader.spec().sample_rate), (2, 8_000));
        let samples: Vec<i16> = reader
            .samples()
            .collect::<Result<_, _>>()
            .expect("it plays to its end");
        Self {
            left: samples.iter().step_by(2).copied().collect(),
            right: samples.iter().skip(1).step_by(2).copied().collect(),
        }
    }

    /// Its length in milliseconds.
    pub fn length_ms(&self) -> i64 {
        i64::try_from(self.left.len() / 8).unwrap()
    }
}

fn node(name: &'static str) -> impl Fn(&Event) -> bool {
    move |event| matches!(&event.what, What::FlowNode { node, .. } if node == name)
}

#[test]
fn caller_and_agent_hear_each_other_and_everything_written_down_agrees() {
    check(Transport::Udp);
}

#[test]
fn call_over_tcp_is_the_same_call() {
    check(Transport::Tcp);
}

fn check(transport: Transport) {
    let epoch = Instant::now();
    let gateway = Gateway::start(&Config::shipped());
    let mut journal = gateway.journal();
    let agent = Baresip::start(&gateway, "1001", Codec::Pcma, 1_000, Answers::AtOnce);
    let caller = RtpPeer::start(Codec::Pcma, 440);
    let line = CallerLine {
        media_port: caller.port,
        caller: "13812345678".to_owned(),
        dialled: "8001".to_owned(),
    };
    let sipp = Sipp::start_from(
        "127.0.0.1",
        transport,
        gateway.sip("trunk"),
        &Scenario::call(Codec::Pcma, secs(60)),
        &[line],
        1,
    );

    journal.until("the welcome", secs(10), node("welcome"));
    until("the caller to hear the welcome", secs(5), || {
        (tone::loud_ms(&caller.heard(0)) > 500).then_some(())
    });
    caller.press('2');
    journal.until("the choice of the language", secs(10), node("english"));
    caller.press('0');
    let bridged = journal.until_bridged(secs(20));
    let from = caller.count();
    pass(secs(5));
    agent.command("hangup");
    sipp.finish(secs(10));
    let closed = journal.until_closed(secs(5));
    assert!(matches!(
        closed.what,
        What::ContactClosed {
            cause: EndCause::Completed(HangupBy::Agent),
            ..
        }
    ));
    let unbridged = journal.until("the end of the talk", secs(5), |event| {
        event.what == What::Unbridged
    });

    let talk = caller.heard(from);
    assert!(
        tone::heard_ms(&talk, 1_000) > 3_000,
        "the caller hears the agent: {}",
        tone::heard_ms(&talk, 1_000)
    );
    assert_eq!(tone::heard_ms(&talk, 440), 0, "and not himself");
    let capture = agent.capture();
    assert!(
        tone::heard_ms(&capture, 440) > 3_000,
        "the agent hears the caller: {}",
        tone::heard_ms(&capture, 440)
    );
    assert_eq!(tone::heard_ms(&capture, 1_000), 0, "and not himself");

    let apart = tone::beat(&caller.falls_heard(from, epoch)) - tone::beat(&caller.falls_sent(epoch));
    check_recording(
        &gateway,
        &mut journal,
        micros(&bridged, &unbridged) / 1_000,
        apart,
    );
    check_records(&mut journal);
    check_figures(&gateway);
}

/// The recording is as long as the talk, holds each side alone, and sets them as far apart as the caller heard them.
fn check_recording(gateway: &Gateway, journal: &mut Journal, bridged_ms: i64, apart: f64) {
    let sealed = journal.until("the recording to be sealed", secs(5), |event| {
        matches!(event.what, What::RecordingSealed { .. })
    });
    let What::RecordingSealed {
        path,
        length_ms,
        repaired,
    } = sealed.what
    else {
        unreachable!()
    };
    assert!(!repaired);
    let wav = Wav::read(gateway, &path);
    assert_eq!(wav.length_ms(), i64::try_from(length_ms).unwrap());
    assert!(
        (wav.length_ms() - bridged_ms).abs() <= LENGTH_MS,
        "recorded {} ms of a talk of {bridged_ms} ms",
        wav.length_ms()
    );
    assert!(tone::heard_ms(&wav.left, 440) > 3_000, "left is the caller");
    assert!(tone::heard_ms(&wav.right, 1_000) > 3_000, "right is the agent");
    assert_eq!(
        tone::heard_ms(&wav.left, 1_000) + tone::heard_ms(&wav.right, 440),
        0,
        "each side alone"
    );

    let side = |samples: &[i16]| {
        let falls: Vec<f64> = tone::falls(samples)
            .iter()
            .map(|&at| f64::from(at as u32) / 8_000.0)
            .collect();
        tone::beat(&falls)
    };
    let out = tone::distance(side(&wav.right) - side(&wav.left), apart);
    println!(
        "recorded {} ms of {bridged_ms} ms; the sides are {out:.4} s out of step",
        wav.length_ms()
    );
    assert!(out <= ALIGNED, "the sides are {out:.3} s out of step");
}

/// One contact with its segments, one pop that is older than the ringing.
fn check_records(journal: &mut Journal) {
    assert_eq!(journal.number("SELECT count(*) FROM contacts"), 1);
    assert_eq!(
        journal.number("SELECT count(*) FROM contacts WHERE end = 'completed' AND agent = '1001'"),
        1
    );
    let segments = journal.segments();
    let kinds: Vec<&str> = segments.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["ivr", "wait", "ring", "talk"]);
    assert!(segments.iter().all(|(_, closed)| *closed));
    let ringing = journal.until("ringing", secs(1), |event| event.what == What::OfferRinging);
    let pops = until("the screen-pop", secs(5), || {
        Some(journal.pops()).filter(|pops| !pops.is_empty())
    });
    assert_eq!(pops.len(), 1);
    assert_eq!(pops[0].agent, "1001");
    assert_eq!(
        Some(pops[0].offer.clone()),
        ringing.offer.map(|offer| offer.to_string())
    );
    assert!(
        pops[0].created_at < ringing.at.as_micros(),
        "the pop comes before the ringing"
    );
    until("the desk's record", secs(5), || {
        (journal.desk_contacts().len() == 1).then_some(())
    });
}

fn check_figures(gateway: &Gateway) {
    let total = gateway.until_figures(&[("offered", 1), ("answered", 1), ("waiting", 0)]);
    assert_eq!(total["queues"]["answer_rate"].as_f64(), Some(1.0));
    assert_eq!(total["numbers"]["hotline_answer_rate"].as_f64(), Some(1.0));
    until("the agent to be in wrap-up", secs(5), || {
        (gateway.agent("1001")["work"] == "wrap_up").then_some(())
    });
    let (status, metrics) = gateway.get("/metrics");
    assert_eq!(status, 200);
    assert!(metrics.contains("# HELP "), "{metrics}");
}
