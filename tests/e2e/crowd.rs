//! Twenty callers at once on five agents.

use std::collections::BTreeMap;

use hotline_journal::{Event, What};
use hotline_media::Codec;
use hotline_types::{AgentSlug, ContactId, OfferOutcome, QueueExit};

use super::baresip::{Answers, Baresip};
use super::call::{LENGTH_MS, Wav};
use super::gateway::{Config, Gateway};
use super::journal::{Journal, micros};
use super::sipp::{Scenario, Sipp, callers};
use super::tone;
use super::wait::{ms, secs, until};

/// Panics where a contact or an agent ever had two offers at once, or an agent an offer during a talk.
pub fn assert_nobody_offered_twice(events: &[Event]) {
    let mut contacts: BTreeMap<ContactId, u64> = BTreeMap::new();
    let mut agents: BTreeMap<AgentSlug, u64> = BTreeMap::new();
    for event in events {
        let seq = event.seq.0;
        match (&event.what, event.contact, event.agent.clone()) {
            (What::OfferMade { .. }, Some(contact), Some(agent)) => {
                assert_eq!(
                    contacts.insert(contact, seq),
                    None,
                    "contact of event {seq} is offered already"
                );
                assert_eq!(
                    agents.insert(agent, seq),
                    None,
                    "agent of event {seq} has a call already"
                );
            }
            (What::OfferEnded { outcome, .. }, Some(contact), Some(agent)) => {
                contacts.remove(&contact);
                if *outcome != OfferOutcome::Answered {
                    agents.remove(&agent);
                }
            }
            (What::Unbridged, _, Some(agent)) => drop(agents.remove(&agent)),
            _ => {}
        }
    }
}

#[test]
fn twenty_callers_at_once_are_answered_in_the_order_they_came() {
    let gateway = Gateway::start(&Config::quick());
    let mut journal = gateway.journal();
    let agents = ["1001", "1002", "1003", "1004", "1005"]
        .map(|agent| Baresip::start(&gateway, agent, Codec::Pcma, 1_000, Answers::For(ms(1_200))));
    let (peers, lines) = callers(20, "8003");
    let sipp = Sipp::start(
        gateway.sip("trunk"),
        &Scenario::call(Codec::Pcma, secs(90)),
        &lines,
        20,
    );
    sipp.finish(secs(90));
    journal.until_count("a contact closed", 20, secs(5), |event| {
        matches!(event.what, What::ContactClosed { .. })
    });

    let events = journal.events().to_vec();
    assert_nobody_offered_twice(&events);
    let mut queued: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.what {
            What::QueueEntered { enqueued_at, .. } => Some((*enqueued_at, event.seq, event.contact)),
            _ => None,
        })
        .collect();
    queued.sort();
    let queued: Vec<_> = queued.into_iter().map(|(_, _, contact)| contact).collect();
    let offered: Vec<_> = events
        .iter()
        .filter(|event| matches!(event.what, What::OfferMade { .. }))
        .map(|event| event.contact)
        .collect();
    assert_eq!(offered, queued, "first come, first served, and nobody twice");
    let answered = |event: &&Event| {
        matches!(
            event.what,
            What::QueueLeft {
                exit: QueueExit::Answered,
                ..
            }
        )
    };
    assert_eq!(events.iter().filter(answered).count(), 20);
    gateway.until_figures(&[("offered", 20), ("answered", 20), ("waiting", 0)]);
    assert!(
        peers
            .iter()
            .all(|peer| tone::heard_ms(&peer.heard(0), 1_000) > 300),
        "every caller hears an agent"
    );
    assert!(
        agents
            .iter()
            .all(|agent| tone::heard_ms(&agent.capture(), 440) > 300),
        "every agent hears callers"
    );
    check_recordings(&gateway, &mut journal);
    check_pops(&mut journal);
}

/// Every talk has its recording: as long as the talk, each side alone.
fn check_recordings(gateway: &Gateway, journal: &mut Journal) {
    journal.until_count("recordings sealed", 20, secs(5), |event| {
        matches!(event.what, What::RecordingSealed { .. })
    });
    let events = journal.events();
    for talk in events
        .iter()
        .filter(|event| matches!(event.what, What::Bridged { .. }))
    {
        let of_talk = |event: &&Event| event.segment == talk.segment;
        let end = events
            .iter()
            .filter(of_talk)
            .find(|event| event.what == What::Unbridged)
            .expect("it ended");
        let path = events.iter().filter(of_talk).find_map(|event| match &event.what {
            What::RecordingSealed { path, .. } => Some(path),
            _ => None,
        });
        let wav = Wav::read(gateway, path.expect("it was recorded"));
        let talked = micros(talk, end) / 1_000;
        assert!(
            (wav.length_ms() - talked).abs() <= LENGTH_MS,
            "{} ms of {talked} ms",
            wav.length_ms()
        );
        assert!(tone::heard_ms(&wav.left, 440) > 500 && tone::heard_ms(&wav.right, 1_000) > 500);
        assert_eq!(
            tone::heard_ms(&wav.left, 1_000) + tone::heard_ms(&wav.right, 440),
            0
        );
    }
}

/// Every agent saw who calls before the phone rang, or the pop was counted as late.
fn check_pops(journal: &mut Journal) {
    let pops = until("every pop in the desk", secs(5), || {
        Some(journal.pops()).filter(|pops| pops.len() == 20)
    });
    let events = journal.events();
    for ringing in events.iter().filter(|event| event.what == What::OfferRinging) {
        let offer = ringing.offer.expect("it is of an offer").to_string();
        let pop = pops
            .iter()
            .find(|pop| pop.offer == offer)
            .expect("every offer has its pop");
        let late = events
            .iter()
            .any(|event| event.offer == ringing.offer && event.what == What::PopLate);
        assert!(
            late || pop.created_at < ringing.at.as_micros(),
            "{pop:?} {ringing:?}"
        );
    }
}
