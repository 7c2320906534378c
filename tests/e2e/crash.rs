//! SIGKILL in the middle of calls, and the start after it. `HOTLINE_E2E_KILLS` says how many there are in a row.

use std::time::{SystemTime, UNIX_EPOCH};

use hotline_journal::{Event, What};
use hotline_media::Codec;
use hotline_types::{EndCause, LostReason, Rng};

use super::baresip::{Answers, Baresip};
use super::call::Wav;
use super::crowd::assert_nobody_offered_twice;
use super::gateway::{Config, Gateway};
use super::journal::Journal;
use super::sipp::{Scenario, Sipp, callers};
use super::wait::{ms, pass, secs, until};

/// Audio that a crash may cost.
const LOST_MS: i64 = 1_000;

fn now_micros() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

fn bridged(event: &Event) -> bool {
    matches!(event.what, What::Bridged { .. })
}

#[test]
fn kill_during_twenty_calls_loses_no_record_and_at_most_a_second_of_audio() {
    let mut gateway = Gateway::start(&Config::quick());
    let mut journal = gateway.journal();
    let agents = ["1001", "1002", "1003", "1004", "1005"]
        .map(|agent| Baresip::start(&gateway, agent, Codec::Pcma, 1_000, Answers::AtOnce));
    let (direct, lines) = callers(15, "8003");
    let queued = Sipp::start(
        gateway.sip("trunk"),
        &Scenario::call(Codec::Pcma, secs(90)),
        &lines,
        15,
    );
    journal.until_count("talks", 5, secs(20), bridged);
    let (menu, lines) = callers(5, "8001");
    let listening = Sipp::start(
        gateway.sip("trunk"),
        &Scenario::call(Codec::Pcma, secs(90)),
        &lines,
        5,
    );
    journal.until_count("callers connected", 20, secs(10), |event| {
        event.what == What::CallerConnected
    });
    pass(secs(2));
    let killed = now_micros();
    gateway.kill();
    drop((queued, listening, direct, menu, agents, journal));

    gateway.start_again();
    let mut journal = gateway.journal();
    check_records(&gateway, &mut journal);
    check_recordings(&gateway, &mut journal, killed);

    // Another crash while nothing goes on changes nothing.
    gateway.kill();
    drop(journal);
    gateway.start_again();
    check_records(&gateway, &mut gateway.journal());
}

/// Every contact is closed once as lost, counted once, and told to the desk once.
fn check_records(gateway: &Gateway, journal: &mut Journal) {
    journal.until_count("contacts closed", 20, secs(5), |event| {
        matches!(event.what, What::ContactClosed { .. })
    });
    let contacts = journal.contacts();
    assert_eq!(contacts.len(), 20);
    let events = journal.events().to_vec();
    assert_nobody_offered_twice(&events);
    for contact in &contacts {
        let closed: Vec<_> = events
            .iter()
            .filter(|event| event.contact == Some(*contact))
            .filter_map(|event| match &event.what {
                What::ContactClosed { cause, .. } => Some(*cause),
                _ => None,
            })
            .collect();
        assert_eq!(closed, [EndCause::Lost(LostReason::Restart)], "{contact}");
    }
    assert_eq!(
        journal.number("SELECT count(*) FROM contacts WHERE end = 'lost' AND why = 'restart'"),
        20
    );
    assert_eq!(
        journal.number("SELECT count(*) FROM segments WHERE closed_at IS NULL"),
        0
    );
    gateway.until_figures(&[
        ("offered", 15),
        ("answered", 5),
        ("abandoned", 0),
        ("flowed_out", 0),
        ("lost", 10),
        ("waiting", 0),
    ]);
    gateway.until_numbers(&[("reached", 20), ("queued", 15), ("lost_in_ivr", 5), ("in_ivr", 0)]);
    let mut wanted: Vec<String> = contacts.iter().map(ToString::to_string).collect();
    wanted.sort();
    until("the desk to hold every contact once", secs(10), || {
        let mut desk = journal.desk_contacts();
        desk.sort();
        (desk == wanted).then_some(())
    });
}

fn check_recordings(gateway: &Gateway, journal: &mut Journal, killed: i64) {
    let talks: Vec<Event> = journal
        .events()
        .iter()
        .filter(|event| bridged(event))
        .cloned()
        .collect();
    assert_eq!(talks.len(), 5);
    for talk in talks {
        let sealed = journal.until("a repaired recording", secs(10), |event| {
            event.segment == talk.segment && matches!(event.what, What::RecordingSealed { .. })
        });
        let What::RecordingSealed { path, length_ms, .. } = sealed.what else {
            unreachable!()
        };
        let wav = Wav::read(gateway, &path);
        assert_eq!(wav.length_ms(), i64::try_from(length_ms).unwrap());
        let talked = (killed - talk.at.as_micros()) / 1_000;
        assert!(
            (talked - LOST_MS..=talked + 200).contains(&wav.length_ms()),
            "{} ms of {talked} ms are left",
            wav.length_ms()
        );
        assert!(
            super::tone::heard_ms(&wav.left, 440) > 500 && super::tone::heard_ms(&wav.right, 1_000) > 500
        );
    }
}

/// Kills in a row where nobody asks for more.
const KILLS: u64 = 3;

#[test]
fn every_contact_is_closed_and_counted_once_whenever_the_process_dies() {
    let kills =
        std::env::var("HOTLINE_E2E_KILLS").map_or(KILLS, |kills| kills.parse().expect("a number of kills"));
    let mut rng = Rng::from_seed(20_261_124);
    let mut gateway = Gateway::start(&Config::quick());
    for kill in 0..kills {
        if kill > 0 {
            gateway.start_again();
        }
        let mut journal = gateway.journal();
        let opened = |event: &&Event| matches!(event.what, What::ContactOpened { .. });
        let before = journal.events().iter().filter(opened).count();
        let agents = ["1001", "1002"]
            .map(|agent| Baresip::start(&gateway, agent, Codec::Pcma, 1_000, Answers::For(ms(600))));
        let (peers, mut lines) = callers(16, "8003");
        lines
            .iter_mut()
            .step_by(4)
            .for_each(|line| line.dialled = "8001".to_owned());
        let length = ms(500 + rng.below(2_500));
        let callers = Sipp::start(
            gateway.sip("trunk"),
            &Scenario::call(Codec::Pcma, length),
            &lines,
            8,
        );
        journal.until_count("contacts", before + 1, secs(10), |event| {
            matches!(event.what, What::ContactOpened { .. })
        });
        pass(ms(rng.below(3_500)));
        gateway.kill();
        drop((callers, agents, peers));
    }
    gateway.start_again();
    check_everything(&gateway);
}

/// What must hold after any crash: one end per contact, one record in the desk, figures that add up, files that play.
fn check_everything(gateway: &Gateway) {
    let mut journal = gateway.journal();
    let contacts = journal.contacts();
    let closed = |event: &Event| matches!(event.what, What::ContactClosed { .. });
    journal.until_count("contacts closed", contacts.len(), secs(10), closed);
    let mut ends: Vec<_> = journal
        .events()
        .iter()
        .filter(|event| closed(event))
        .filter_map(|event| event.contact)
        .collect();
    ends.sort();
    let mut wanted = contacts.clone();
    wanted.sort();
    assert_eq!(ends, wanted, "one end per contact");
    assert_eq!(
        journal.number("SELECT count(*) FROM segments WHERE closed_at IS NULL"),
        0
    );

    let queued = |event: &&Event| matches!(event.what, What::QueueEntered { .. });
    let offered = u64::try_from(journal.events().iter().filter(queued).count()).unwrap();
    let reached = u64::try_from(contacts.len()).unwrap();
    let total = gateway.until_figures(&[("offered", offered), ("waiting", 0)]);
    let sum = |part: &str, names: &[&str]| {
        names
            .iter()
            .map(|name| total[part][*name].as_u64().unwrap())
            .sum::<u64>()
    };
    assert_eq!(
        offered,
        sum("queues", &["answered", "abandoned", "flowed_out", "lost"]),
        "{total}"
    );
    let parts = ["refused", "ended_in_ivr", "lost_in_ivr", "queued", "in_ivr"];
    assert_eq!(
        (reached, total["numbers"]["reached"].as_u64()),
        (sum("numbers", &parts), Some(reached)),
        "{total}"
    );

    let mut names: Vec<String> = contacts.iter().map(ToString::to_string).collect();
    names.sort();
    until("the desk to hold every contact once", secs(10), || {
        let mut desk = journal.desk_contacts();
        desk.sort();
        (desk == names).then_some(())
    });
    check_files(gateway, &mut journal);
}

/// Every recording has an end, and plays to it.
fn check_files(gateway: &Gateway, journal: &mut Journal) {
    let started = |event: &Event| matches!(event.what, What::RecordingStarted { .. });
    let recordings: Vec<Event> = journal
        .events()
        .iter()
        .filter(|event| started(event))
        .cloned()
        .collect();
    for recording in recordings {
        let end = journal.until("a recording to be sealed", secs(10), |event| {
            event.segment == recording.segment
                && matches!(
                    event.what,
                    What::RecordingSealed { .. } | What::RecordingFailed { .. }
                )
        });
        match end.what {
            What::RecordingSealed { path, length_ms, .. } => {
                assert_eq!(
                    Wav::read(gateway, &path).length_ms(),
                    i64::try_from(length_ms).unwrap()
                );
            }
            // Killed between the journal's word of it and the file's first write.
            What::RecordingFailed { path, .. } => {
                let path = gateway.data().join("recordings").join(path);
                assert!(!path.exists(), "{} was not repaired", path.display());
            }
            _ => unreachable!("only these were awaited"),
        }
    }
}
