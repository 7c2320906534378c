//! What agents do with their phones: consult, transfer, feature codes; and every message of a call disturbed in turn.

#[path = "data/house.rs"]
mod house;

use hotline_journal::{By, Contacts, What};
use hotline_media::{Direction, MediaCommand, MediaEvent};
use hotline_sip::PhoneCommand;
use hotline_switch::{Command, CommandId, Input, Reply};
use hotline_types::{Intent, LegId, SegmentKind};

use house::{Fate, House, Reaction, sdp};

/// A caller who talks with agent 1001; answers the agent's leg.
fn talking(reactions: &[(&'static str, Reaction)]) -> (House, LegId) {
    let mut house = House::new(reactions);
    house.call("caller", "4001");
    house.wait(500);
    assert!(house.agent("1001").contains("Talking"), "{:?}", house.told);
    house.told.clear();
    let leg = house.legs["1001"];
    (house, leg)
}

/// The segments of all contacts, with their agents, in order.
fn segments(house: &House) -> Vec<String> {
    house
        .events
        .iter()
        .filter_map(|event| match &event.what {
            What::SegmentOpened { segment_kind } => {
                let agent = event.agent.as_ref().map(ToString::to_string).unwrap_or_default();
                Some(format!("{segment_kind:?} {agent}").trim().to_owned())
            }
            _ => None,
        })
        .collect()
}

fn count(house: &House, wanted: impl Fn(&MediaCommand) -> bool) -> usize {
    house.media.iter().filter(|command| wanted(command)).count()
}

#[test]
fn blind_transfer_to_an_agent_is_a_new_segment_and_recording_goes_on() {
    let (mut house, leg) = talking(&[]);
    house.refer("1001", leg, "1002", None);
    house.wait(300);
    assert_eq!(
        house
            .told
            .iter()
            .filter(|line| !line.is_empty())
            .cloned()
            .collect::<Vec<_>>(),
        [
            "1001 transfer 100",
            "1002 rings for +8613800138000",
            "1001 transfer 180",
            "1002 talks",
            "1001 transfer 200",
            "1001 is hung up"
        ]
    );
    assert!(house.agent("1001").contains("WrapUp"), "{}", house.agent("1001"));
    assert!(
        house.agent("1002").contains("Talking Registered"),
        "{}",
        house.agent("1002")
    );
    assert_eq!(
        segments(&house),
        [
            "Ivr",
            "Wait",
            "Ring 1001",
            "Talk 1001",
            "Hold 1001",
            "Ring 1002",
            "Talk 1002"
        ]
    );
    assert_eq!(
        count(&house, |command| matches!(command, MediaCommand::Record { .. })),
        1
    );
    assert_eq!(
        count(&house, |command| matches!(
            command,
            MediaCommand::StopRecord { .. }
        )),
        0
    );
    house.hangup("caller");
    house.wait(100);
    assert!(house.agent("1002").contains("WrapUp"));
    house.assert_at_rest("blind transfer");
    assert_eq!(
        count(&house, |command| matches!(
            command,
            MediaCommand::StopRecord { .. }
        )),
        1
    );
}

#[test]
fn caller_whose_target_will_not_come_returns_to_the_transferor() {
    for (reaction, status) in [
        (Reaction::Refuses(486), 486),
        (Reaction::Refuses(603), 603),
        (Reaction::Rings, 408),
    ] {
        let (mut house, leg) = talking(&[("1002", reaction)]);
        house.refer("1001", leg, "1002", None);
        house.wait(35_000);
        assert!(
            house.told.contains(&format!("1001 transfer {status}")),
            "{:?}",
            house.told
        );
        assert!(
            house.agent("1001").contains("Talking"),
            "{reaction:?}: {}",
            house.agent("1001")
        );
        let last = house
            .media
            .iter()
            .rev()
            .find(|command| matches!(command, MediaCommand::Hold { .. }));
        assert!(
            matches!(last, Some(MediaCommand::Hold { held: false, .. })),
            "they hear each other again"
        );
        house.hangup("1001");
        house.assert_at_rest("failed transfer");
    }
}

#[test]
fn caller_whose_transferor_has_gone_returns_to_the_queue_with_its_place() {
    let (mut house, leg) = talking(&[("1002", Reaction::Rings)]);
    house.refer("1001", leg, "1002", None);
    house.wait(200);
    house.hangup("1001");
    house.wait(100);
    assert!(
        house.agent("1001").contains("WrapUp"),
        "the transferor is free of the call"
    );
    house.wait(35_000);
    let entered: Vec<_> = house
        .events
        .iter()
        .filter_map(|event| match &event.what {
            What::QueueEntered { enqueued_at, .. } => Some(*enqueued_at),
            _ => None,
        })
        .collect();
    assert_eq!(entered.len(), 2, "back in the queue");
    assert_eq!(entered[0], entered[1], "at the old place");
    // After its wrap-up the same agent is offered the caller again.
    house.wait(12_000);
    assert!(house.agent("1001").contains("Talking"), "{}", house.agent("1001"));
    house.hangup("caller");
    house.assert_at_rest("back to the queue");
}

#[test]
fn blind_transfer_to_a_queue_and_to_a_number_of_the_hotline() {
    for (to, expect) in [("repair", "1002"), ("4001", "1001")] {
        let (mut house, leg) = talking(&[]);
        house.refer("1001", leg, to, None);
        house.wait(300);
        assert!(
            house.told.contains(&"1001 transfer 200".to_owned()),
            "{:?}",
            house.told
        );
        assert!(house.agent("1001").contains("WrapUp"));
        house.wait(11_000);
        assert!(
            house.agent(expect).contains("Talking"),
            "{to}: {}",
            house.agent(expect)
        );
        house.hangup("caller");
        house.assert_at_rest(to);
    }
}

#[test]
fn caller_handed_over_while_the_agents_phone_was_being_probed_is_kept() {
    let (mut house, leg) = talking(&[]);
    let bridged = house.media.iter().find_map(|command| match command {
        MediaCommand::Bridge { agent, .. } => Some(*agent),
        _ => None,
    });
    house.input(Input::Media(MediaEvent::MediaLost {
        leg: bridged.unwrap(),
    }));
    house.refer("1001", leg, "repair", None);
    house.wait(60_000);
    assert!(house.agent("1002").contains("Talking"), "{:?}", house.told);
    house.hangup("caller");
    house.assert_at_rest("handed over while probed");
}

#[test]
fn blind_transfer_to_an_outside_number_goes_by_the_dial_plan_and_frees_the_agent() {
    let (mut house, leg) = talking(&[]);
    house.refer("1001", leg, "02161234567", None);
    house.wait(500);
    assert!(
        house.told.contains(&"1001 transfer 200".to_owned())
            && house.told.contains(&"outside talks".to_owned()),
        "{:?}",
        house.told
    );
    assert!(house.agent("1001").contains("WrapUp"), "{}", house.agent("1001"));
    house.hangup("outside");
    house.wait(500);
    assert!(
        house.told.contains(&"caller is hung up".to_owned()),
        "{:?}",
        house.told
    );
    house.assert_at_rest("outside");
}

#[test]
fn authorised_phone_switches_the_emergency_announcement_of_a_number() {
    let mut house = House::new(&[]);
    let mut dial = |who: &'static str, code: &str| {
        house.told.clear();
        house.call(who, code);
        house.wait(600);
        let set = house.events.iter().rev().find_map(|event| match &event.what {
            What::EmergencySet { number, on } => Some((event.by.clone(), number.to_string(), *on)),
            _ => None,
        });
        (house.told.contains(&format!("{who} talks")), set)
    };
    let by = |on| Some((By::Agent("1003".parse().unwrap()), "main".to_owned(), on));
    assert_eq!(dial("1002", "*914001"), (false, None), "not this phone");
    assert_eq!(dial("1003", "*914999"), (false, None), "no such number");
    assert_eq!(dial("1003", "*914001"), (true, by(true)));
    assert_eq!(dial("1003", "*904001"), (true, by(false)));
    house.assert_at_rest("switched");
}

/// Nodes that the caller's flow went through.
fn nodes(house: &House) -> Vec<&str> {
    let events = house.events.iter();
    events
        .filter_map(|event| match &event.what {
            What::FlowNode { node, .. } => Some(node.as_str()),
            _ => None,
        })
        .collect()
}

#[test]
fn flow_connects_its_caller_with_a_number_that_the_dial_plan_allows() {
    let mut house = House::new(&[]);
    house.call("caller", "4002");
    house.wait(800);
    assert!(
        house.told.contains(&"outside talks".to_owned()),
        "{:?}",
        house.told
    );
    assert_eq!(segments(&house), ["Ivr", "Outside"]);
    house.hangup("outside");
    house.wait(500);
    assert!(
        house.told.contains(&"caller is hung up".to_owned()),
        "{:?}",
        house.told
    );
    house.assert_at_rest("connected by the flow");
}

#[test]
fn flow_whose_transfer_fails_goes_its_way_for_that() {
    for (number, reaction, wait, path) in [
        (
            "4002",
            Reaction::Refuses(486),
            800,
            &["out", "busy", "short", "wait"][..],
        ),
        ("4002", Reaction::Refuses(404), 800, &["out", "failed", "wait"]),
        ("4002", Reaction::Rings, 11_000, &["out", "silent", "wait"]),
        ("4003", Reaction::Answers, 800, &["out", "failed", "wait"]),
    ] {
        let mut house = House::new(&[("outside", reaction)]);
        house.call("caller", number);
        house.wait(wait);
        assert_eq!(nodes(&house), path, "{number} {reaction:?}");
        assert!(
            house.agent("1001").contains("Talking"),
            "{number} {reaction:?}: {:?}",
            house.told
        );
        house.hangup("caller");
        house.assert_at_rest("back from outside");
    }
}

#[test]
fn transfers_that_are_not_allowed_change_nothing() {
    let (mut house, leg) = talking(&[]);
    for (to, status) in [("13900139000", 403), ("1001", 482), ("*46", 403)] {
        house.told.clear();
        house.refer("1001", leg, to, None);
        house.wait(100);
        assert_eq!(house.told, [format!("1001 transfer {status}")], "{to}");
        assert!(house.agent("1001").contains("Talking"));
    }
    // The caller's side may not transfer at all: no open relay.
    let caller = house.legs["caller"];
    house.told.clear();
    house.refer("caller", caller, "1002", None);
    house.wait(100);
    assert_eq!(house.told, ["caller transfer 403"]);
    house.hangup("caller");
    house.assert_at_rest("refused transfers");
}

#[test]
fn consult_keeps_both_phones_busy_and_shows_in_the_contact() {
    let (mut house, leg) = talking(&[]);
    let held = sdp("1001", Direction::SendOnly);
    house.phone("1001", PhoneCommand::Reoffer { leg, sdp: held });
    house.wait(100);
    assert!(house.agent("1001").contains("Hold"));
    house.call("1001", "1002");
    house.wait(200);
    assert!(
        house.told.contains(&"1002 rings for 1001".to_owned()),
        "{:?}",
        house.told
    );
    assert!(house.told.contains(&"1001 talks".to_owned()));
    assert!(
        house.agent("1002").contains("Idle BusyElsewhere"),
        "{}",
        house.agent("1002")
    );
    assert!(segments(&house).contains(&"Consult 1001".to_owned()));
    house.hangup("1001");
    house.wait(100);
    assert!(house.agent("1002").contains("Idle Registered"));
    let closed = |house: &House| {
        let mut contacts = Contacts::new();
        for event in &house.events {
            contacts.apply(event);
        }
        let record = contacts.open().next().unwrap().clone();
        let consult = record
            .segments
            .iter()
            .find(|segment| segment.kind == SegmentKind::Consult);
        consult.unwrap().closed_at.is_some()
    };
    assert!(closed(&house), "the consult is over, the contact is not");
    let resumed = sdp("1001", Direction::SendRecv);
    house.phone("1001", PhoneCommand::Reoffer { leg, sdp: resumed });
    house.wait(100);
    house.phone("1001", PhoneCommand::Hangup { leg });
    house.assert_at_rest("consult");
}

#[test]
fn attended_transfer_joins_the_caller_with_the_consulted_agent() {
    for by_consult_leg in [false, true] {
        let (mut house, leg) = talking(&[]);
        let held = sdp("1001", Direction::SendOnly);
        house.phone("1001", PhoneCommand::Reoffer { leg, sdp: held });
        house.wait(100);
        let consult = house.call("1001", "1002");
        house.wait(200);
        house.told.clear();
        let (on, replaces) = if by_consult_leg {
            (consult, leg)
        } else {
            (leg, consult)
        };
        house.refer("1001", on, "1002", Some(replaces));
        house.wait(200);
        assert!(
            house.told.contains(&"1001 transfer 200".to_owned()),
            "{:?}",
            house.told
        );
        assert_eq!(house.legs_of("1001"), 0, "both of the transferor's legs are over");
        assert_eq!(house.legs_of("1002"), 1, "the consulted agent's goes on");
        assert!(
            house.agent("1002").contains("Talking Registered"),
            "{}",
            house.agent("1002")
        );
        assert!(
            house.agent("1001").contains("WrapUp Registered"),
            "{}",
            house.agent("1001")
        );
        let last = house.media.iter().rev().find_map(|command| match command {
            MediaCommand::Bridge { caller, agent } => Some((*caller, *agent)),
            _ => None,
        });
        let opened: Vec<(LegId, u64)> = house
            .media
            .iter()
            .filter_map(|command| match command {
                MediaCommand::Open { leg, affinity, .. } => Some((*leg, *affinity)),
                _ => None,
            })
            .collect();
        let thread = |leg| opened.iter().find(|(known, _)| *known == leg).unwrap().1;
        let (one, other) = last.unwrap();
        assert_eq!(thread(one), thread(other), "on one media thread");
        assert_eq!(
            count(&house, |command| matches!(command, MediaCommand::Record { .. })),
            1
        );
        house.hangup("1002");
        house.wait(100);
        assert_eq!(house.legs_of("caller"), 0);
        house.assert_at_rest("attended transfer");
    }
}

#[test]
fn attended_transfer_before_the_answer_rings_the_target_for_the_caller() {
    let (mut house, leg) = talking(&[("1002", Reaction::Rings)]);
    let consult = house.call("1001", "1002");
    house.wait(200);
    house.reactions.insert("1002", Reaction::Answers);
    house.refer("1001", leg, "1002", Some(consult));
    house.wait(500);
    assert!(
        house.told.contains(&"1002 rings for +8613800138000".to_owned()),
        "{:?}",
        house.told
    );
    assert!(house.agent("1002").contains("Talking"), "{}", house.agent("1002"));
    house.hangup("caller");
    house.assert_at_rest("semi-attended transfer");
}

#[test]
fn panic_in_an_agents_own_call_or_in_its_contact_ends_that_one_alone() {
    for (reaction, nth, left) in [
        (Reaction::Answers, 1, [1, 1, 0]),
        (Reaction::Rings, 1, [1, 1, 0]),
        (Reaction::Answers, 0, [0, 1, 1]),
    ] {
        let (mut house, _) = talking(&[("1002", reaction)]);
        house.call("1001", "1002");
        house.wait(200);
        house.fault(nth);
        house.wait(200);
        let about = format!("{reaction:?}, fault of {nth}");
        let legs = ["caller", "1001", "1002"].map(|who| house.legs_of(who));
        assert_eq!(legs, left, "{about}: {:?}", house.told);
        assert_eq!(house.switch.gauges().faults, 1, "{about}");
        house.hangup("caller");
        house.hangup("1001");
        house.assert_at_rest(&about);
    }
}

#[test]
fn pause_that_no_rule_knows_is_refused_and_told() {
    let mut house = House::new(&[]);
    for (reason, paused) in [("nap", false), ("phone", true)] {
        house.input(Input::Command {
            id: CommandId(1),
            by: By::System,
            command: Command::SetIntent {
                agent: "1001".parse().unwrap(),
                intent: Intent::Paused {
                    reason: reason.to_owned(),
                },
            },
        });
        assert_eq!(house.agent("1001").contains("Paused"), paused, "{reason}");
        let refused = matches!(house.replies.last(), Some(Reply::NotPaused(_)));
        assert_eq!(refused, !paused, "{reason}");
    }
}

#[test]
fn feature_codes_set_the_intent_and_are_acknowledged_by_a_tone() {
    let mut house = House::new(&[]);
    for (code, intent) in [("*46", "Paused"), ("*45", "Ready")] {
        house.told.clear();
        house.media.clear();
        house.call("1003", code);
        house.wait(300);
        assert!(
            house.agent("1003").starts_with(intent),
            "{code}: {}",
            house.agent("1003")
        );
        assert_eq!(
            count(&house, |command| matches!(command, MediaCommand::Play { .. })),
            1
        );
        assert_eq!(
            house
                .told
                .iter()
                .filter(|line| !line.is_empty())
                .cloned()
                .collect::<Vec<_>>(),
            ["1003 talks", "1003 is hung up"]
        );
    }
    house.assert_at_rest("feature codes");
}

#[test]
fn agents_calls_go_to_agents_queues_and_numbers_only() {
    let mut house = House::new(&[("1002", Reaction::Refuses(486))]);
    for (number, told) in [
        ("13900139000", "1003 fails Status(403)"),
        ("1003", "1003 fails Status(482)"),
        ("1002", "1003 fails Status(486)"),
    ] {
        house.told.clear();
        house.call("1003", number);
        house.wait(300);
        assert!(
            house.told.contains(&told.to_owned()),
            "{number}: {:?}",
            house.told
        );
    }
    for number in ["service", "4001"] {
        house.told.clear();
        house.call("1003", number);
        house.wait(500);
        assert!(house.agent("1003").contains("BusyElsewhere"), "{number}");
        assert!(
            house.agent("1001").contains("Talking"),
            "{number}: {}",
            house.agent("1001")
        );
        house.hangup("1003");
        house.wait(15_000);
    }
    house.assert_at_rest("agents' calls");
}

/// Plays a course undisturbed, then with every fate of every message, and demands that everybody is free in the end.
fn race(name: &str, course: impl Fn(&mut House)) {
    let run = |fate: Option<(u64, Fate)>| {
        let mut house = House::new(&[]);
        let before = house.sent;
        house.fate = fate;
        course(&mut house);
        let sent = house.sent - before;
        // Whoever has not hung up by now does: a call that a fault delayed may only have begun.
        house.wait(60_000);
        house.hangup("caller");
        house.assert_at_rest(&format!("{name} with {fate:?}"));
        sent
    };
    let messages = run(None);
    for nth in 0..messages {
        for fate in [
            Fate::Lost,
            Fate::Twice,
            Fate::Late(12),
            Fate::Late(1_300),
            Fate::Late(40_000),
        ] {
            run(Some((nth, fate)));
        }
    }
}

#[test]
fn agent_is_freed_whatever_befalls_a_message() {
    race("caller hangs up", |house| {
        house.call("caller", "4001");
        house.wait(3_000);
        house.hangup("caller");
        house.wait(3_000);
    });
    race("agent hangs up", |house| {
        house.call("caller", "4001");
        house.wait(3_000);
        house.hangup("1001");
        house.wait(3_000);
    });
}

#[test]
fn both_agents_are_freed_whatever_befalls_a_message_of_a_transfer() {
    race("transfer", |house| {
        house.call("caller", "4001");
        house.wait(3_000);
        if let Some(leg) = house.legs.get("1001").copied() {
            house.refer("1001", leg, "1002", None);
        }
        house.wait(3_000);
        house.hangup("1002");
        house.wait(3_000);
    });
}
