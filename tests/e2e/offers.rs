//! Agents who do not take the call, and callers who do not wait for them.

use hotline_journal::What;
use hotline_media::Codec;
use hotline_sip::{LegEnd, PhoneCommand};
use hotline_types::{AbandonPhase, EndCause, OfferOutcome, QueueExit};

use super::gateway::{Config, Gateway};
use super::rtp::RtpPeer;
use super::softphone::{SoftPhone, audio_address, sdp};
use super::wait::secs;

/// What the first agent does.
enum First {
    Rejects(u16),
    LetsItRing,
    IsGone,
}

/// The call that the first agent did not take goes to the next, who answers it.
fn check(first: First, outcome: OfferOutcome) {
    let gateway = Gateway::start(&Config::quick());
    let mut journal = gateway.journal();
    let phones = [
        ("1001", SoftPhone::of_agent(&gateway, "1001")),
        ("1002", SoftPhone::of_agent(&gateway, "1002")),
    ];
    let caller = SoftPhone::start();
    let audio = RtpPeer::start(Codec::Pcma, 440);
    let call = caller.call(&gateway, "8003", sdp(audio.port, Codec::Pcma));
    caller.until_answered(secs(5));
    let offer = journal.until("an offer", secs(5), |event| {
        matches!(event.what, What::OfferMade { .. })
    });
    let agent = offer.agent.expect("an offer is to an agent");
    let of = |slug: &str| {
        &phones
            .iter()
            .find(|(name, _)| *name == slug)
            .expect("one of the two")
            .1
    };
    let phone = of(agent.as_str());
    if let First::IsGone = first {
        phone.unplug();
    } else {
        let (leg, _) = phone.until_incoming(secs(5));
        phone.command(PhoneCommand::Ring { leg });
        match first {
            First::Rejects(status) => phone.command(PhoneCommand::Reject { leg, status }),
            _ => assert_eq!(phone.until_ended(secs(10)), LegEnd::Cancelled),
        }
    }
    let ended = journal.until("the end of the offer", secs(10), |event| {
        matches!(event.what, What::OfferEnded { .. })
    });
    assert!(
        matches!(&ended.what, What::OfferEnded { outcome: was, .. } if *was == outcome),
        "{ended:?}"
    );

    let next = if agent.as_str() == "1001" { "1002" } else { "1001" };
    let (leg, offer) = of(next).until_incoming(secs(5));
    let voice = RtpPeer::start(Codec::Pcma, 1_000);
    voice.send_to(audio_address(&offer));
    of(next).command(PhoneCommand::Answer {
        leg,
        sdp: sdp(voice.port, Codec::Pcma),
    });
    let bridged = journal.until_bridged(secs(5));
    assert_eq!(
        bridged.agent.map(|agent| agent.to_string()).as_deref(),
        Some(next)
    );
    caller.command(PhoneCommand::Hangup { leg: call });
    assert_eq!(of(next).until_ended(secs(5)), LegEnd::Bye);
    journal.until_closed(secs(5));
    // One entry, one answer: the place in the queue was kept.
    gateway.until_figures(&[("offered", 1), ("answered", 1)]);
}

#[test]
fn call_that_an_agent_rejects_goes_to_the_next() {
    check(First::Rejects(603), OfferOutcome::Rejected);
}

#[test]
fn call_to_a_busy_agent_goes_to_the_next() {
    check(First::Rejects(486), OfferOutcome::Busy);
}

#[test]
fn call_that_an_agent_misses_goes_to_the_next() {
    check(First::LetsItRing, OfferOutcome::Missed);
}

#[test]
fn call_to_a_phone_that_is_gone_goes_to_the_next() {
    check(First::IsGone, OfferOutcome::Unreachable);
}

#[test]
fn caller_who_hangs_up_while_ringing_stops_the_phone() {
    let gateway = Gateway::start(&Config::quick());
    let mut journal = gateway.journal();
    let agent = SoftPhone::of_agent(&gateway, "1001");
    let caller = SoftPhone::start();
    let audio = RtpPeer::start(Codec::Pcma, 440);
    let call = caller.call(&gateway, "8003", sdp(audio.port, Codec::Pcma));
    let (leg, _) = agent.until_incoming(secs(10));
    agent.command(PhoneCommand::Ring { leg });
    journal.until("ringing", secs(5), |event| event.what == What::OfferRinging);
    caller.command(PhoneCommand::Hangup { leg: call });
    assert_eq!(agent.until_ended(secs(5)), LegEnd::Cancelled);
    let closed = journal.until_closed(secs(5));
    assert!(matches!(
        closed.what,
        What::ContactClosed {
            cause: EndCause::Abandoned(AbandonPhase::Ringing),
            ..
        }
    ));
    journal.until("the queue left", secs(1), |event| {
        matches!(
            event.what,
            What::QueueLeft {
                exit: QueueExit::Abandoned(AbandonPhase::Ringing),
                ..
            }
        )
    });
    gateway.until_ready("1001");
}

#[test]
fn digit_by_info_chooses_like_one_by_rtp() {
    let gateway = Gateway::start(&Config::quick());
    let mut journal = gateway.journal();
    let _agent = SoftPhone::of_agent(&gateway, "1001");
    let caller = SoftPhone::start();
    let audio = RtpPeer::start(Codec::Pcmu, 440);
    let call = caller.call(&gateway, "8001", sdp(audio.port, Codec::Pcmu));
    caller.until_answered(secs(5));
    caller.command(PhoneCommand::Digit {
        leg: call,
        digit: hotline_types::Pii::new('3'),
    });
    let entered = journal.until("the queue", secs(5), |event| {
        matches!(event.what, What::QueueEntered { .. })
    });
    assert_eq!(
        entered.queue.map(|queue| queue.to_string()).as_deref(),
        Some("complaints")
    );
}
