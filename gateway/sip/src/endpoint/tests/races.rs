//! Every message of a call lost, repeated, delayed and overtaken, one after the other: both legs always end.
//!
//! A course is played once undisturbed to count its messages, then once for each message and each fate of it. The
//! people react to what they are told; one of them hangs up at a set time, and whatever happened to the message,
//! nobody may be left with a leg by themselves.

use std::collections::BTreeSet;
use std::time::Duration;

use hotline_types::{LegId, Time};

use super::world::{Fault, SDP, World, config};
use crate::{Command, Event, Input, PhoneCommand, PhoneEvent, PhoneInput, ReleaseReason};

/// What may befall a message: the delays are shorter and longer than T1, and longer than every transaction.
const FATES: [Fault; 6] = [
    Fault::Lost,
    Fault::Repeated { after_ms: 3 },
    Fault::Repeated { after_ms: 40_000 },
    Fault::Delayed { by_ms: 45 },
    Fault::Delayed { by_ms: 1_800 },
    Fault::Delayed { by_ms: 40_000 },
];
/// All of a call's last timers are over after this.
const REST: Duration = Duration::from_secs(250);
/// Pause between ringing and answering.
const THINKS: Duration = Duration::from_millis(120);

/// Something that a person does at its time, whatever has become of the call.
#[derive(Clone, Copy, Debug)]
enum Deed {
    TrunkCalls,
    GatewayDials,
    AliceCalls,
    HangsUp(&'static str),
    GatewayReleases(&'static str, ReleaseReason),
    Reoffers(&'static str),
    GatewayReoffers(&'static str),
}

/// The people of one run: each reacts at once, and answers after a moment.
struct People {
    world: World,
    answers_at: Vec<(Time, Answer)>,
    /// Legs that the gateway was told of, and was not told the end of.
    open: BTreeSet<LegId>,
    /// Who has hung up, and hangs up whatever still comes.
    gone: BTreeSet<&'static str>,
}

#[derive(Clone, Copy)]
enum Answer {
    Gateway(LegId),
    Phone(&'static str, LegId),
}

impl People {
    fn react(&mut self) {
        while let Some(event) = self.world.raw.pop_front() {
            self.gateway(&event);
        }
        while let Some((who, event)) = self.world.raw_phone.pop_front() {
            match event {
                PhoneEvent::Incoming { leg, .. } | PhoneEvent::Answered { leg, .. }
                    if self.gone.contains(who) =>
                {
                    self.world
                        .phone_input(who, PhoneInput::Command(PhoneCommand::Hangup { leg }));
                }
                PhoneEvent::Incoming { leg, .. } => {
                    self.world
                        .phone_input(who, PhoneInput::Command(PhoneCommand::Ring { leg }));
                    self.answers_at
                        .push((self.world.now + THINKS, Answer::Phone(who, leg)));
                }
                PhoneEvent::Reoffered { leg, .. } => {
                    let sdp = SDP.to_vec();
                    self.world
                        .phone_input(who, PhoneInput::Command(PhoneCommand::AnswerReoffer { leg, sdp }));
                }
                _ => {}
            }
        }
    }

    fn gateway(&mut self, event: &Event) {
        let command = match event {
            Event::Incoming { leg, .. } | Event::Answered { leg, .. } if self.gone.contains("gateway") => {
                self.open.remove(leg);
                Command::Release {
                    leg: *leg,
                    reason: ReleaseReason::Normal,
                }
            }
            Event::Incoming { leg, .. } => {
                self.open.insert(*leg);
                self.answers_at
                    .push((self.world.now + THINKS, Answer::Gateway(*leg)));
                Command::Progress {
                    leg: *leg,
                    status: 180,
                    sdp: None,
                }
            }
            Event::Failed { leg, .. } | Event::Ended { leg, .. } => {
                assert!(
                    self.open.remove(leg),
                    "an end is told once, and not after a release"
                );
                return;
            }
            Event::Reoffered { leg, .. } => Command::AnswerReoffer {
                leg: *leg,
                sdp: SDP.to_vec(),
            },
            _ => return,
        };
        self.world.gateway_input(Input::Command(command));
    }

    fn answer(&mut self, answer: Answer) {
        let sdp = SDP.to_vec();
        match answer {
            Answer::Gateway(leg) => self
                .world
                .gateway_input(Input::Command(Command::Answer { leg, sdp })),
            Answer::Phone(who, leg) => self
                .world
                .phone_input(who, PhoneInput::Command(PhoneCommand::Answer { leg, sdp })),
        }
    }

    fn run_until(&mut self, until: Time) {
        loop {
            self.react();
            let due = self.answers_at.first().map(|(at, _)| *at);
            let next = due.filter(|at| *at <= until).unwrap_or(until);
            if self.world.step(next) {
                continue;
            }
            self.world.now = self.world.now.max(next);
            if due.is_none_or(|at| at > until) {
                break;
            }
            let (_, answer) = self.answers_at.remove(0);
            self.answer(answer);
        }
    }

    fn act(&mut self, deed: Deed) {
        let (world, sdp) = (&mut self.world, SDP.to_vec());
        match deed {
            Deed::TrunkCalls => drop(world.call("trunk", "+8613800138000", "4001", false)),
            Deed::AliceCalls => drop(world.call("alice", "alice", "100", false)),
            Deed::GatewayDials => {
                let leg = world.dial("alice", sdp);
                self.open.insert(leg);
            }
            Deed::HangsUp(who) => {
                self.gone.insert(who);
                if let Some(leg) = world.legs.get(who).copied() {
                    world.phone_input(who, PhoneInput::Command(PhoneCommand::Hangup { leg }));
                }
            }
            Deed::Reoffers(who) => {
                if let Some(leg) = world.legs.get(who).copied() {
                    world.phone_input(who, PhoneInput::Command(PhoneCommand::Reoffer { leg, sdp }));
                }
            }
            Deed::GatewayReleases(which, reason) => {
                self.gone.insert("gateway");
                if let Some(leg) = world.legs.get(which).copied() {
                    world.gateway_input(Input::Command(Command::Release { leg, reason }));
                    self.react();
                    self.open.remove(&leg);
                }
            }
            Deed::GatewayReoffers(which) => {
                if let Some(leg) = world.legs.get(which).copied() {
                    world.gateway_input(Input::Command(Command::Reoffer { leg, sdp }));
                }
            }
        }
    }
}

/// One course with one message's fate; answers how many messages it took.
fn run(course: &[(u64, Deed)], fault: Option<(usize, Fault)>) -> usize {
    let mut world = World::new(5, config());
    world.register("alice", "secret", 3600, false);
    world.run_for(1000);
    world.raw.clear();
    world.raw_phone.clear();
    world.fault = fault;
    let (begin, before) = (world.now, world.wire.len());
    let mut people = People {
        world,
        answers_at: Vec::new(),
        open: BTreeSet::new(),
        gone: BTreeSet::new(),
    };
    for (at_ms, deed) in course {
        people.run_until(begin + Duration::from_millis(*at_ms));
        people.act(*deed);
    }
    people.run_until(people.world.now + REST);
    let place = || format!("{course:?} with {fault:?}:\n{:#?}", people.world.wire);
    assert!(
        people.open.is_empty(),
        "legs whose end was not told: {:?} {}",
        people.open,
        place()
    );
    assert_eq!(people.world.gateway.legs(), 0, "legs of the gateway: {}", place());
    for (who, (_, phone)) in &people.world.phones {
        assert_eq!(phone.legs(), 0, "legs of {who}: {}", place());
    }
    let sent = people.world.wire.len() - before;
    let user = "alice".to_owned();
    people
        .world
        .phone_input("alice", PhoneInput::Command(PhoneCommand::Unregister { user }));
    people.world.assert_drained();
    sent
}

/// Plays a course undisturbed, then with every fate of every message of it.
fn race(course: &[(u64, Deed)]) {
    let messages = run(course, None);
    assert!(messages >= 4, "{course:?}: only {messages} messages");
    for nth in 0..messages {
        for fate in FATES {
            run(course, Some((nth, fate)));
        }
    }
}

#[test]
fn caller_who_hangs_up_leaves_no_leg_whatever_befalls_a_message() {
    race(&[(0, Deed::TrunkCalls), (3_000, Deed::HangsUp("trunk"))]);
    race(&[(0, Deed::TrunkCalls), (60, Deed::HangsUp("trunk"))]);
    // The CANCEL crosses the 200.
    race(&[(0, Deed::TrunkCalls), (125, Deed::HangsUp("trunk"))]);
}

#[test]
fn gateway_that_hangs_up_leaves_no_leg_whatever_befalls_a_message() {
    for after in [60, 135, 3_000] {
        race(&[
            (0, Deed::TrunkCalls),
            (after, Deed::GatewayReleases("in", ReleaseReason::Normal)),
        ]);
    }
}

#[test]
fn agents_call_leaves_no_leg_whatever_befalls_a_message() {
    for after in [60, 135, 3_000] {
        race(&[
            (0, Deed::GatewayDials),
            (after, Deed::GatewayReleases("out", ReleaseReason::NoAnswer)),
        ]);
    }
    race(&[(0, Deed::GatewayDials), (3_000, Deed::HangsUp("alice"))]);
    race(&[(0, Deed::AliceCalls), (3_000, Deed::HangsUp("alice"))]);
}

#[test]
fn held_call_leaves_no_leg_whatever_befalls_a_message() {
    race(&[
        (0, Deed::GatewayDials),
        (1_000, Deed::Reoffers("alice")),
        (3_000, Deed::HangsUp("alice")),
    ]);
    // Both offer at once: glare (RFC 3261 §14.1).
    race(&[
        (0, Deed::TrunkCalls),
        (1_000, Deed::Reoffers("trunk")),
        (1_005, Deed::GatewayReoffers("in")),
        (9_000, Deed::GatewayReleases("in", ReleaseReason::Normal)),
    ]);
    // The hang-up crosses the offer.
    race(&[
        (0, Deed::TrunkCalls),
        (1_000, Deed::GatewayReoffers("in")),
        (1_005, Deed::HangsUp("trunk")),
    ]);
}
