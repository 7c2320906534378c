//! Agents hand callers over with a real phone: baresip transfers blind.

use hotline_journal::What;
use hotline_media::Codec;
use hotline_types::{AgentSlug, SegmentKind};

use super::baresip::{Answers, Baresip};
use super::gateway::{Config, Gateway};
use super::sipp::one_caller;
use super::tone;
use super::wait::{secs, until};

#[test]
fn agent_transfers_a_caller_with_baresip_and_both_are_heard_and_recorded_in_one_file() {
    let gateway = Gateway::start(&Config::quick());
    let mut journal = gateway.journal();
    let first = Baresip::start(&gateway, "1001", Codec::Pcma, 1_000, Answers::AtOnce);
    let (caller, sipp) = one_caller(&gateway, secs(60));
    journal.until_bridged(secs(10));
    let hears = |from: usize, hz: u32| tone::heard_ms(&caller.heard(from), hz) > 1_000;
    until("the caller to hear the first agent", secs(5), || {
        hears(0, 1_000).then_some(())
    });
    let second = Baresip::start(&gateway, "1002", Codec::Pcma, 1_700, Answers::AtOnce);

    let to = format!("sip:1002@{}", gateway.sip("phones"));
    first.command_with("transfer", &to);
    let target: AgentSlug = "1002".parse().unwrap();
    journal.until("the second bridge", secs(10), |event| {
        matches!(event.what, What::Bridged { .. }) && event.agent.as_ref() == Some(&target)
    });
    let from = caller.count();
    until("the caller to hear the second agent", secs(5), || {
        hears(from, 1_700).then_some(())
    });
    second.command("hangup");
    sipp.finish(secs(10));
    journal.until_closed(secs(5));
    let events = journal.events();
    let talks = events.iter().filter(|event| {
        event.what
            == What::SegmentOpened {
                segment_kind: SegmentKind::Talk,
            }
    });
    assert_eq!(talks.count(), 2, "a segment for each agent");
    let recordings = events
        .iter()
        .filter(|event| matches!(event.what, What::RecordingStarted { .. }));
    assert_eq!(recordings.count(), 1, "one file goes on over the transfer");
}
