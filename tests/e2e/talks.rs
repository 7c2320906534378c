//! Talks that need more than relaying: two codecs, hold, silence.

use hotline_journal::What;
use hotline_media::Codec;
use hotline_sip::{LegEnd, PhoneCommand, PhoneEvent};
use hotline_types::{EndCause, LegId, LostReason, SegmentKind};

use super::baresip::{Answers, Baresip};
use super::gateway::{Config, Gateway};
use super::journal::Journal;
use super::rtp::RtpPeer;
use super::sipp::one_caller;
use super::softphone::{SoftPhone, audio_address, sdp};
use super::tone;
use super::wait::{pass, secs, until};

#[test]
fn caller_and_agent_with_different_codecs_hear_each_other() {
    let gateway = Gateway::start(&Config::quick());
    let mut journal = gateway.journal();
    let agent = Baresip::start(&gateway, "1001", Codec::Pcmu, 1_000, Answers::AtOnce);
    let (caller, sipp) = one_caller(&gateway, secs(5));
    journal.until_bridged(secs(10));
    sipp.finish(secs(15));
    journal.until_closed(secs(5));
    let (caller, agent) = (caller.heard(0), agent.capture());
    assert!(
        tone::heard_ms(&caller, 1_000) > 1_500,
        "{}",
        tone::heard_ms(&caller, 1_000)
    );
    assert!(
        tone::heard_ms(&agent, 440) > 1_500,
        "{}",
        tone::heard_ms(&agent, 440)
    );
}

#[test]
fn caller_on_hold_hears_music_and_the_agent_again_afterwards() {
    let gateway = Gateway::start(&Config::quick());
    let mut journal = gateway.journal();
    let agent = Baresip::start(&gateway, "1001", Codec::Pcma, 1_000, Answers::AtOnce);
    let (caller, sipp) = one_caller(&gateway, secs(60));
    journal.until_bridged(secs(10));
    let hears = |from: usize| tone::heard_ms(&caller.heard(from), 1_000) > 1_000;
    until("the caller to hear the agent", secs(5), || hears(0).then_some(()));

    agent.command("hold");
    journal.until("the hold", secs(5), |event| {
        event.what
            == What::SegmentOpened {
                segment_kind: SegmentKind::Hold,
            }
    });
    // What the agent sent before the hold is still on its way.
    let from = caller.count() + 10;
    pass(secs(3));
    let held = caller.heard(from);
    assert!(
        tone::loud_ms(&held) > 1_500,
        "music is heard: {} ms",
        tone::loud_ms(&held)
    );
    assert_eq!(tone::heard_ms(&held, 1_000), 0, "the agent is not");

    agent.command("resume");
    let from = caller.count();
    until("the caller to hear the agent again", secs(5), || {
        hears(from).then_some(())
    });
    agent.command("hangup");
    sipp.finish(secs(10));
    journal.until_closed(secs(5));
    let kinds: Vec<String> = journal.segments().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(
        kinds,
        ["ivr", "wait", "ring", "talk", "hold"].map(str::to_owned),
        "a hold lies inside its talk"
    );
}

/// A talk between two phones of ours, with short times of silence.
struct Talk {
    gateway: Gateway,
    journal: Journal,
    caller: SoftPhone,
    call: LegId,
    audio: RtpPeer,
    agent: SoftPhone,
    voice: RtpPeer,
}

fn talk() -> Talk {
    let mut config = Config::quick();
    config.set("media.silence", "5s");
    config.set("media.probe_wait", "1s");
    let gateway = Gateway::start(&config);
    let mut journal = gateway.journal();
    let agent = SoftPhone::of_agent(&gateway, "1001");
    let caller = SoftPhone::start();
    let audio = RtpPeer::start(Codec::Pcma, 440);
    let call = caller.call(&gateway, "8003", sdp(audio.port, Codec::Pcma));
    caller.until_answered(secs(5));
    let (leg, offer) = agent.until_incoming(secs(5));
    let voice = RtpPeer::start(Codec::Pcma, 1_000);
    voice.send_to(audio_address(&offer));
    agent.command(PhoneCommand::Answer {
        leg,
        sdp: sdp(voice.port, Codec::Pcma),
    });
    journal.until_bridged(secs(5));
    until("both to hear each other", secs(5), || {
        (tone::heard_ms(&audio.heard(0), 1_000) > 200 && tone::heard_ms(&voice.heard(0), 440) > 200)
            .then_some(())
    });
    Talk {
        gateway,
        journal,
        caller,
        call,
        audio,
        agent,
        voice,
    }
}

#[track_caller]
fn until_media_lost(journal: &mut Journal) {
    let closed = journal.until_closed(secs(20));
    assert!(
        matches!(
            closed.what,
            What::ContactClosed {
                cause: EndCause::Lost(LostReason::MediaLost),
                ..
            }
        ),
        "{closed:?}"
    );
}

#[test]
fn caller_who_is_gone_without_a_bye_frees_the_agent() {
    let mut talk = talk();
    drop((talk.caller, talk.audio));
    until_media_lost(&mut talk.journal);
    assert_eq!(talk.agent.until_ended(secs(2)), LegEnd::Bye);
    talk.gateway.until_ready("1001");
}

#[test]
fn agent_whose_phone_is_gone_does_not_keep_the_caller_in_silence() {
    let mut talk = talk();
    drop((talk.agent, talk.voice));
    until_media_lost(&mut talk.journal);
    assert_eq!(talk.caller.until_ended(secs(2)), LegEnd::Bye);
    until("the agent to be idle", secs(5), || {
        (talk.gateway.agent("1001")["work"] == "idle").then_some(())
    });
}

#[test]
fn muted_caller_who_answers_the_probes_keeps_the_call() {
    let mut talk = talk();
    talk.audio.quiet(true);
    for _ in 0..2 {
        let leg = talk.caller.until("the probe", secs(12), |event| match event {
            PhoneEvent::Reoffered { leg, .. } => Some(*leg),
            _ => None,
        });
        assert_eq!(leg, talk.call);
        let sdp = sdp(talk.audio.port, Codec::Pcma);
        talk.caller.command(PhoneCommand::AnswerReoffer { leg, sdp });
    }
    let from = talk.audio.count();
    until("the muted caller to hear the agent still", secs(5), || {
        (tone::heard_ms(&talk.audio.heard(from), 1_000) > 1_500).then_some(())
    });
    assert!(
        !talk
            .journal
            .events()
            .iter()
            .any(|event| event.what == What::Unbridged)
    );
    talk.caller.command(PhoneCommand::Hangup { leg: talk.call });
    let closed = talk.journal.until_closed(secs(5));
    assert!(
        matches!(
            closed.what,
            What::ContactClosed {
                cause: EndCause::Completed(_),
                ..
            }
        ),
        "{closed:?}"
    );
}
