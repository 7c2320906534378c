//! Many calls at once on a bad network: whatever is lost, in the end nothing is left.

use std::time::Duration;

use hotline_types::{LegId, Rng, Time};

use super::world::{SDP, Weather, World, config};
use crate::{Command, Event, Input, PhoneCommand, PhoneEvent, PhoneInput, ReleaseReason};

/// How many calls one run makes.
const CALLS: usize = 150;

/// Drives every machine by chance: each event is answered in one of the ways that its state allows.
struct Chance {
    rng: Rng,
    gateway_legs: Vec<LegId>,
    phone_legs: Vec<(&'static str, LegId)>,
    answered: usize,
    /// Whatever comes is hung up at once.
    closing: bool,
}

impl Chance {
    fn gateway(&mut self, world: &mut World, event: &Event) {
        let sdp = SDP.to_vec();
        let reason = ReleaseReason::Normal;
        let command = match event {
            Event::Incoming { leg, .. } | Event::Answered { leg, .. } if self.closing => {
                Command::Release { leg: *leg, reason }
            }
            Event::Incoming { leg, .. } => {
                self.gateway_legs.push(*leg);
                let leg = *leg;
                match self.rng.below(10) {
                    0 => Command::Reject {
                        leg,
                        status: 486,
                        retry_after_s: None,
                        warning: None,
                    },
                    1 => Command::Progress {
                        leg,
                        status: 180,
                        sdp: None,
                    },
                    2 => Command::Release {
                        leg,
                        reason: ReleaseReason::Normal,
                    },
                    _ => Command::Answer { leg, sdp },
                }
            }
            Event::Answered { leg, .. } => {
                self.answered += 1;
                self.gateway_legs.push(*leg);
                return;
            }
            Event::Reoffered { leg, .. } => match self.rng.below(4) {
                0 => Command::RejectReoffer {
                    leg: *leg,
                    status: 488,
                },
                _ => Command::AnswerReoffer { leg: *leg, sdp },
            },
            Event::Confirmed { .. } => {
                self.answered += 1;
                return;
            }
            _ => return,
        };
        world.gateway_input(Input::Command(command));
    }

    fn phone(&mut self, world: &mut World, who: &'static str, event: &PhoneEvent) {
        let sdp = SDP.to_vec();
        let command = match event {
            PhoneEvent::Incoming { leg, .. } | PhoneEvent::Answered { leg, .. } if self.closing => {
                PhoneCommand::Hangup { leg: *leg }
            }
            PhoneEvent::Incoming { leg, .. } => {
                self.phone_legs.push((who, *leg));
                let leg = *leg;
                match self.rng.below(10) {
                    0 => PhoneCommand::Reject { leg, status: 603 },
                    1..=3 => PhoneCommand::Ring { leg },
                    _ => PhoneCommand::Answer { leg, sdp },
                }
            }
            PhoneEvent::Reoffered { leg, .. } => PhoneCommand::AnswerReoffer { leg: *leg, sdp },
            _ => return,
        };
        world.phone_input(who, PhoneInput::Command(command));
    }

    /// Something out of the blue on some leg, dead or alive.
    fn disturb(&mut self, world: &mut World) {
        let sdp = SDP.to_vec();
        let gateway = pick(&mut self.rng, &self.gateway_legs);
        let phone = pick(&mut self.rng, &self.phone_legs);
        match (self.rng.below(6), gateway, phone) {
            (0, Some(leg), _) => {
                world.gateway_input(Input::Command(Command::Release {
                    leg,
                    reason: ReleaseReason::Normal,
                }));
            }
            (1, Some(leg), _) => world.gateway_input(Input::Command(Command::Reoffer { leg, sdp })),
            (2, Some(leg), _) => world.gateway_input(Input::Command(Command::Answer { leg, sdp })),
            (3, _, Some((who, leg))) => {
                world.phone_input(who, PhoneInput::Command(PhoneCommand::Hangup { leg }));
            }
            (4, _, Some((who, leg))) => {
                world.phone_input(who, PhoneInput::Command(PhoneCommand::Reoffer { leg, sdp }));
            }
            (_, _, Some((who, leg))) => {
                world.phone_input(who, PhoneInput::Command(PhoneCommand::Answer { leg, sdp }));
            }
            _ => {}
        }
    }

    fn react(&mut self, world: &mut World) {
        while let Some(event) = world.raw.pop_front() {
            self.gateway(world, &event);
        }
        while let Some((who, event)) = world.raw_phone.pop_front() {
            self.phone(world, who, &event);
        }
    }

    fn run_until(&mut self, world: &mut World, until: Time) {
        while world.step(until) {
            self.react(world);
        }
        world.now = until;
    }
}

fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> Option<T> {
    from.get(usize::try_from(rng.below(from.len() as u64)).unwrap())
        .copied()
}

fn run(seed: u64, weather: Weather) -> usize {
    let mut world = World::new(seed, config());
    let mut chance = Chance {
        rng: Rng::from_seed(seed ^ 0xdead),
        gateway_legs: Vec::new(),
        phone_legs: Vec::new(),
        answered: 0,
        closing: false,
    };
    for who in ["alice", "alice2", "bob"] {
        world.register(who, "secret", 3600, false);
    }
    world.run_for(1000);
    world.weather = weather;
    for _ in 0..CALLS {
        match chance.rng.below(3) {
            0 => {
                let agent = if chance.rng.below(2) == 0 { "alice" } else { "bob" };
                let leg = world.dial(agent, SDP.to_vec());
                chance.gateway_legs.push(leg);
            }
            1 => {
                let leg = world.call("trunk", "+8613800138000", "4001", false);
                chance.phone_legs.push(("trunk", leg));
            }
            _ => {
                let leg = world.call("bob", "bob", "100", chance.rng.below(2) == 0);
                chance.phone_legs.push(("bob", leg));
            }
        }
        chance.disturb(&mut world);
        let pause = chance.rng.below(900);
        let until = world.now + Duration::from_millis(pause);
        chance.run_until(&mut world, until);
    }
    // Everybody hangs up, and goes on hanging up on whoever is still heard.
    chance.closing = true;
    for leg in std::mem::take(&mut chance.gateway_legs) {
        world.gateway_input(Input::Command(Command::Release {
            leg,
            reason: ReleaseReason::Normal,
        }));
    }
    for (who, leg) in std::mem::take(&mut chance.phone_legs) {
        world.phone_input(who, PhoneInput::Command(PhoneCommand::Hangup { leg }));
    }
    for who in ["alice", "alice2", "bob"] {
        let user = who.trim_end_matches('2').to_owned();
        world.phone_input(who, PhoneInput::Command(PhoneCommand::Unregister { user }));
    }
    let until = world.now + Duration::from_secs(60);
    chance.run_until(&mut world, until);
    world.weather = Weather::default();
    let until = world.now + Duration::from_secs(300);
    chance.run_until(&mut world, until);
    world.assert_drained();
    chance.answered
}

/// Runs seeds through ever worse weather.
fn storm(seeds: std::ops::Range<u64>, damaged: u64) {
    for seed in seeds {
        let lost = [0, 100, 300][usize::try_from(seed % 3).unwrap()];
        let answered = run(
            seed,
            Weather {
                lost,
                repeated: 100,
                damaged,
                jitter_ms: 400,
            },
        );
        assert!(
            answered > CALLS / 6,
            "seed {seed}: only {answered} calls were answered"
        );
    }
}

#[test]
fn calls_on_a_bad_network_leave_nothing_behind() {
    storm(0..40, 0);
}

#[test]
fn damaged_messages_leave_nothing_behind_either() {
    storm(1000..1040, 150);
}
