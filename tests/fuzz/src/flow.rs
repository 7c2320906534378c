//! Body of the flow target: a flow file and a call through it.

use std::sync::Arc;
use std::time::Duration;

use hotline_types::{FlowOutReason, Now, Pii, Time, WallTime};
use ivr_flows::{Flow, Input, Library, Output, Run, prompts};

/// Reads a flow file; where it is good, lets a call walk through it by keys and events taken from the text.
///
/// # Panics
/// Where a problem has no words, where two flows may have one name, where a call's outputs have no end, or where a
/// checked flow meets a missing node.
pub fn flow(data: &[u8]) {
    // A file of prompts takes the same way in as one of flows: from a folder of the operator's.
    drop(prompts::decode(data));
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    assert!(
        Library::from_texts([("a.yaml", text), ("b.yaml", text)]).is_err(),
        "one name for two flows"
    );
    match Flow::parse("fuzz.yaml", text) {
        Ok(flow) => walk(flow, data),
        Err(problems) => {
            assert!(!problems.is_empty());
            assert!(
                problems
                    .iter()
                    .all(|problem| !problem.what.is_empty() && !problem.fix.is_empty())
            );
        }
    }
}

fn walk(flow: Flow, data: &[u8]) {
    const OUTPUTS_MAX: usize = 100_000;
    let mut run = Run::new(Arc::new(flow));
    let mut now = Time::ZERO;
    let mut play = 0;
    for byte in std::iter::once(&0).chain(data).take(500) {
        run.handle(Now::new(now, WallTime::default()), input(*byte, play));
        let mut outputs = 0;
        while let Output::Effect(effect) = run.poll() {
            if let ivr_flows::Effect::Play { play: number, .. } = effect {
                play = number;
            }
            outputs += 1;
            assert!(outputs < OUTPUTS_MAX, "outputs without end");
        }
        assert!(!run.node().is_empty());
        now = now + Duration::from_millis(u64::from(*byte) * 50);
    }
}

fn input(byte: u8, play: u64) -> Input {
    match byte {
        0 => Input::Start,
        b'0'..=b'9' | b'*' | b'#' => Input::Digit(Pii::new(char::from(byte))),
        b'a'..=b'f' => Input::PlayEnded(play),
        b'g' => Input::Open(true),
        b'h' => Input::Open(false),
        b'i' => Input::OfferStarted,
        b'j' => Input::OfferEnded,
        b'k' => Input::QueueExit(FlowOutReason::Timeout),
        b'l' => Input::QueueExit(FlowOutReason::NoStaff),
        b'm' => Input::QueueExit(FlowOutReason::Key),
        b'n'..=b'p' => Input::Position(u32::from(byte)),
        _ => Input::Timeout,
    }
}
