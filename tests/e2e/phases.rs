//! Callers who give up, in every phase, and callers who press nothing or the wrong key.

use hotline_journal::What;
use hotline_media::Codec;
use hotline_sip::PhoneCommand;
use hotline_types::{AbandonPhase, EndCause, HangupBy, LegId};

use super::gateway::{Config, Gateway};
use super::journal::Journal;
use super::rtp::RtpPeer;
use super::softphone::{SoftPhone, sdp};
use super::wait::{ms, pass, secs};

/// A caller whose call was answered.
struct Caller {
    gateway: Gateway,
    journal: Journal,
    phone: SoftPhone,
    leg: LegId,
    audio: RtpPeer,
}

fn caller(dialled: &str, agents: &[&str]) -> (Caller, Vec<SoftPhone>) {
    let gateway = Gateway::start(&Config::quick());
    let journal = gateway.journal();
    let agents = agents
        .iter()
        .map(|agent| SoftPhone::of_agent(&gateway, agent))
        .collect();
    let phone = SoftPhone::start();
    let audio = RtpPeer::start(Codec::Pcma, 440);
    let leg = phone.call(&gateway, dialled, sdp(audio.port, Codec::Pcma));
    phone.until_answered(secs(5));
    (
        Caller {
            gateway,
            journal,
            phone,
            leg,
            audio,
        },
        agents,
    )
}

impl Caller {
    fn hang_up(&mut self) -> EndCause {
        self.phone.command(PhoneCommand::Hangup { leg: self.leg });
        match self.journal.until_closed(secs(5)).what {
            What::ContactClosed { cause, .. } => cause,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn caller_who_hangs_up_in_the_menu_ended_in_the_ivr() {
    let (mut caller, _agents) = caller("8001", &["1001"]);
    pass(ms(300));
    assert_eq!(caller.hang_up(), EndCause::EndedInIvr(HangupBy::Caller));
    caller
        .gateway
        .until_numbers(&[("reached", 1), ("ended_in_ivr", 1), ("queued", 0)]);
}

#[test]
fn caller_who_hangs_up_while_all_are_busy_abandons_the_queue() {
    let (mut first, agents) = caller("8003", &["1001"]);
    let (leg, _) = agents[0].until_incoming(secs(5));
    let voice = RtpPeer::start(Codec::Pcma, 1_000);
    agents[0].command(PhoneCommand::Answer {
        leg,
        sdp: sdp(voice.port, Codec::Pcma),
    });
    first.journal.until_bridged(secs(5));

    let second = first
        .phone
        .call(&first.gateway, "8003", sdp(first.audio.port, Codec::Pcma));
    first.journal.until_count("queue entries", 2, secs(5), |event| {
        matches!(event.what, What::QueueEntered { .. })
    });
    pass(ms(500));
    first.phone.command(PhoneCommand::Hangup { leg: second });
    let closed = first.journal.until_closed(secs(5));
    assert!(
        matches!(
            closed.what,
            What::ContactClosed {
                cause: EndCause::Abandoned(AbandonPhase::Waiting),
                ..
            }
        ),
        "{closed:?}"
    );
    let offers = first
        .journal
        .events()
        .iter()
        .filter(|event| matches!(event.what, What::OfferMade { .. }))
        .count();
    assert_eq!(offers, 1, "a busy agent is not rung");
    first
        .gateway
        .until_figures(&[("offered", 2), ("answered", 1), ("abandoned", 1), ("waiting", 0)]);
}

/// Where the menu leads a caller who presses these keys, of which the last one counts.
fn check(keys: &str, queue: &str) {
    let (mut caller, _agents) = caller("8001", &["1001"]);
    for key in keys.chars() {
        caller.audio.press(key);
        pass(ms(700));
    }
    let entered = caller.journal.until("the queue", secs(25), |event| {
        matches!(event.what, What::QueueEntered { .. })
    });
    assert_eq!(
        entered.queue.map(|queue| queue.to_string()).as_deref(),
        Some(queue)
    );
}

#[test]
fn caller_who_presses_no_key_reaches_a_person() {
    check("", "after-sales");
}

#[test]
fn caller_who_presses_a_wrong_key_may_press_another() {
    check("71", "pre-sales");
}
