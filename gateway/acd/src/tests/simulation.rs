//! A seeded random call centre: anything may happen at any moment, and after every input the engine's invariants
//! hold, its events add up, and a model that knows only inputs and outputs agrees with every offer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hotline_journal::{By, Draft, What};
use hotline_types::{
    AgentSlug, ContactId, DeviceState, FlowOutReason, Intent, LostReason, Now, OfferId, OfferOutcome,
    QueueExit, QueueSlug, Rng, Time, WorkState,
};

use super::script::{plain_config, wall};
use crate::{
    Acd, AcdConfig, Agent, Band, Effect, Input, Leave, Login, Output, Overflow, Policy, Queue, QueueRules,
    RosterEntry, SkillStep, Tier, When, WrapUpRule,
};

const AGENTS: u64 = 9;
const QUEUES: u64 = 3;
const RING_MIN: Duration = Duration::from_secs(5);
const WAIT_MAX: Duration = Duration::from_secs(240);

#[derive(Default)]
struct Counts {
    offered: u64,
    answered: u64,
    abandoned: u64,
    flowed_out: u64,
    lost: u64,
}

/// A caller as the model sees it.
#[derive(Debug)]
struct Waiting {
    queue: QueueSlug,
    /// Enqueued less priority, then order of entry.
    place: (i64, u64),
    entered: Time,
    offers: BTreeSet<OfferId>,
}

struct Sim {
    acd: Acd,
    rng: Rng,
    now: Now,
    wake: Option<Time>,
    seed: u64,
    /// Phones that may ring at once for one caller.
    at_once: usize,
    contacts: u64,
    priorities: BTreeMap<ContactId, Duration>,
    waiting: BTreeMap<ContactId, Waiting>,
    talks: BTreeMap<ContactId, AgentSlug>,
    /// Offers that are out.
    offers: BTreeMap<OfferId, (ContactId, AgentSlug)>,
    /// Offers that are over.
    over: Vec<OfferId>,
    /// Exits still to come for contacts that a rule has sent away.
    exits: BTreeSet<ContactId>,
    intents: BTreeMap<AgentSlug, Intent>,
    devices: BTreeMap<AgentSlug, DeviceState>,
    work: BTreeMap<AgentSlug, WorkState>,
    counts: BTreeMap<QueueSlug, Counts>,
    fence: u64,
    entries: u64,
}

pub(super) fn agent_slug(no: u64) -> AgentSlug {
    format!("agent{no}").parse().unwrap()
}

pub(super) fn queue_slug(no: u64) -> QueueSlug {
    format!("queue{no}").parse().unwrap()
}

fn serves(agent: &AgentSlug, queue: &QueueSlug) -> bool {
    let no = |slug: &str| slug[5..].parse::<u64>().unwrap();
    (no(agent.as_str()) + no(queue.as_str())) % 3 != 0
}

/// Three queues with overlapping crews; three bands whose changes the run crosses.
pub(super) fn world() -> AcdConfig {
    let mut config = plain_config();
    config.time_zone = "Europe/Berlin".to_owned();
    config.login = Login::Register;
    for (slug, from_min, until_min) in [("day", 480, 1200), ("late", 540, 1260), ("night", 1200, 480)] {
        config.bands.push(Band {
            slug: slug.parse().unwrap(),
            from_min,
            until_min,
            days: [true; 7],
            seats: Vec::new(),
        });
    }
    for no in 0..AGENTS {
        config.agents.push(Agent {
            slug: agent_slug(no),
            intent: Intent::LoggedOut,
            team: None,
            skills: BTreeMap::new(),
        });
        let bands: &[&str] = match no % 4 {
            0 => &["day"],
            1 => &["late"],
            2 => &["night"],
            _ => &["day", "night"],
        };
        for band in bands {
            config.roster.push(RosterEntry {
                band: band.parse().unwrap(),
                agent: agent_slug(no),
                days: [true; 7],
                dates: Vec::new(),
            });
        }
    }
    for no in 0..QUEUES {
        config.queues.push(Queue {
            slug: queue_slug(no),
            agents: (0..AGENTS)
                .filter(|agent| (agent + no) % 3 != 0)
                .map(agent_slug)
                .collect(),
            capacity: 12,
            wait_max: WAIT_MAX,
            ring: Duration::from_secs(15),
            ring_min: RING_MIN,
            wrap_up: Duration::from_secs(10 * no),
            rules: QueueRules::default(),
        });
    }
    config
}

impl Sim {
    /// Every queue with another policy, needs that relax, helpers, last agents and overflow.
    fn rich(seed: u64) -> Self {
        let mut config = world();
        for agent in &mut config.agents {
            let no: u8 = agent.slug.as_str()[5..].parse().unwrap();
            agent.skills = BTreeMap::from([("repair".to_owned(), 1 + no % 4)]);
        }
        let policies = [
            Policy::LongestIdle,
            Policy::LeastOccupied,
            Policy::FewestCalls,
            Policy::RoundRobin,
            Policy::Linear,
            Policy::WeightedRandom,
            Policy::RingAll { at_once: 3 },
            Policy::Progressive {
                at_once: 3,
                every: Duration::from_secs(4),
            },
        ];
        let secs = Duration::from_secs;
        let step = |after, needs: &str| SkillStep {
            after: secs(after),
            needs: needs.parse().unwrap(),
        };
        for (no, queue) in config.queues.iter_mut().enumerate() {
            let at = (usize::try_from(seed).unwrap() + no) % policies.len();
            queue.rules = QueueRules {
                policy: policies[at],
                prefer_last: secs(20),
                ..QueueRules::default()
            };
            let helper = queue.agents[no].clone();
            let tier = Tier {
                worth: secs(30),
                delay: secs(15),
                weight: 3,
            };
            queue.rules.tiers.insert(helper, tier);
            queue.rules.wrap_up = WrapUpRule::UntilDisposition;
        }
        config.queues[0].rules.wrap_up = WrapUpRule::Optional;
        config.queues[1].rules.steps = vec![step(0, "repair>=3"), step(20, "repair>=2"), step(60, "any")];
        let over = |when, to| Overflow {
            when,
            to: queue_slug(to),
        };
        config.queues[0].rules.overflow = vec![over(When::Waited(secs(40)), 1), over(When::NoStaff, 2)];
        config.queues[2].rules.overflow = vec![over(When::Length(6), 0), over(When::Estimate(secs(600)), 1)];
        Self::in_world(seed, config, 3)
    }

    fn new(seed: u64) -> Self {
        Self::in_world(seed, world(), 1)
    }

    fn in_world(seed: u64, config: AcdConfig, at_once: usize) -> Self {
        let mut rng = Rng::from_seed(seed);
        // Shortly before the night the clocks go forward.
        let now = Now::new(Time::ZERO, wall("2026-03-28T17:30:00Z"));
        let acd = Acd::new(config, rng.fork(), now).unwrap();
        let agents = || (0..AGENTS).map(agent_slug);
        let mut sim = Self {
            acd,
            rng,
            now,
            wake: None,
            seed,
            at_once,
            contacts: 0,
            priorities: BTreeMap::new(),
            waiting: BTreeMap::new(),
            talks: BTreeMap::new(),
            offers: BTreeMap::new(),
            over: Vec::new(),
            exits: BTreeSet::new(),
            intents: agents().map(|slug| (slug, Intent::LoggedOut)).collect(),
            devices: agents().map(|slug| (slug, DeviceState::Unreachable)).collect(),
            work: agents().map(|slug| (slug, WorkState::Idle)).collect(),
            counts: (0..QUEUES)
                .map(|no| (queue_slug(no), Counts::default()))
                .collect(),
            fence: 0,
            entries: 0,
        };
        sim.drain();
        for agent in agents() {
            sim.put(Input::Device {
                agent,
                device: DeviceState::Registered,
            });
        }
        sim
    }

    fn put(&mut self, input: Input) {
        self.acd.handle(self.now, input);
        self.drain();
        if let Err(broken) = self.acd.check() {
            panic!("seed {}, {:?}: {broken}", self.seed, self.now);
        }
        assert!(
            self.exits.is_empty(),
            "seed {}: a contact left by a rule and its flow was not told",
            self.seed
        );
        for (queue, counts) in &self.counts {
            let waiting = self.acd.waiting(queue).len() as u64;
            let sum = counts.answered + counts.abandoned + counts.flowed_out + counts.lost + waiting;
            assert_eq!(counts.offered, sum, "seed {}: {queue} does not add up", self.seed);
        }
    }

    fn drain(&mut self) {
        loop {
            match self.acd.poll() {
                Output::Timeout(wake) => {
                    self.wake = wake;
                    return;
                }
                Output::Event(draft) => self.on_event(&draft),
                Output::Effect(effect) => self.on_effect(effect),
            }
        }
    }

    fn on_event(&mut self, draft: &Draft) {
        let agent = draft.agent.clone();
        match &draft.what {
            What::QueueEntered { enqueued_at, .. } => {
                let (contact, queue) = (draft.contact.unwrap(), draft.queue.clone().unwrap());
                self.counts.get_mut(&queue).unwrap().offered += 1;
                self.entries += 1;
                self.exits.remove(&contact);
                let rank = (*enqueued_at - self.priorities[&contact]).as_micros();
                let place = (rank, self.entries);
                let caller = Waiting {
                    queue,
                    place,
                    entered: self.now.mono,
                    offers: BTreeSet::new(),
                };
                assert!(
                    self.waiting.insert(contact, caller).is_none(),
                    "a contact entered twice"
                );
                assert!(
                    !self.talks.contains_key(&contact),
                    "a contact entered while it talked"
                );
            }
            What::QueueLeft { exit, wait_us } => self.on_left(draft, *exit, *wait_us),
            What::OfferMade { fence, .. } => {
                assert!(*fence > self.fence, "the fence must rise");
                self.fence = *fence;
            }
            What::OfferEnded { .. } => {
                let offer = draft.offer.unwrap();
                let (contact, of) = self.offers.remove(&offer).expect("ended without having begun");
                assert_eq!((draft.contact, agent), (Some(contact), Some(of)));
                self.waiting
                    .get_mut(&contact)
                    .expect("offered, so it waits")
                    .offers
                    .remove(&offer);
                self.over.push(offer);
            }
            What::AgentIntent { intent } => {
                let before = self.intents.insert(agent.unwrap(), intent.clone());
                assert_ne!(
                    before.as_ref(),
                    Some(intent),
                    "an intent that did not change was told"
                );
            }
            What::AgentDevice { device } => {
                let before = self.devices.insert(agent.unwrap(), *device);
                assert_ne!(before, Some(*device), "a device that did not change was told");
            }
            What::AgentWork { work, until } => {
                assert!(
                    until.is_none_or(|until| until > self.now.wall),
                    "a deadline in the past"
                );
                self.work.insert(agent.unwrap(), *work);
            }
            What::AgentReleased { .. } | What::Disposed { .. } => {}
            What::OfferRinging => assert!(self.offers.contains_key(&draft.offer.unwrap())),
            other => panic!("the engine does not tell {other:?}"),
        }
    }

    fn on_left(&mut self, draft: &Draft, exit: QueueExit, wait_us: u64) {
        let contact = draft.contact.unwrap();
        let caller = self
            .waiting
            .remove(&contact)
            .expect("left without having entered");
        assert_eq!(draft.queue.as_ref(), Some(&caller.queue));
        assert_eq!(
            u128::from(wait_us),
            self.now.mono.since(caller.entered).as_micros()
        );
        assert!(caller.offers.is_empty(), "left with an offer out");
        let counts = self.counts.get_mut(&caller.queue).unwrap();
        match exit {
            QueueExit::Answered => {
                counts.answered += 1;
                self.talks
                    .insert(contact, draft.agent.clone().expect("answered by somebody"));
            }
            QueueExit::Abandoned(_) => counts.abandoned += 1,
            QueueExit::FlowedOut(FlowOutReason::Key) => counts.flowed_out += 1,
            QueueExit::FlowedOut(_) => {
                counts.flowed_out += 1;
                self.exits.insert(contact);
            }
            QueueExit::Lost(_) => counts.lost += 1,
        }
    }

    fn on_effect(&mut self, effect: Effect) {
        match effect {
            Effect::Offer {
                offer,
                contact,
                agent,
                queue,
            } => self.on_offer(offer, contact, &agent, &queue),
            Effect::Withdraw { offer, .. } => assert!(self.over.contains(&offer), "withdrawn, but not over"),
            Effect::Connect {
                offer,
                contact,
                agent,
            } => {
                assert!(self.over.contains(&offer));
                assert_eq!(self.talks.get(&contact), Some(&agent));
            }
            Effect::Stale { offer } => {
                assert!(!self.offers.contains_key(&offer), "a live offer called stale")
            }
            // It was told by the leaving of one queue and the entry into another.
            Effect::Moved { .. } => {}
            Effect::Exit { contact, .. } => assert!(self.exits.remove(&contact), "an exit without a reason"),
            Effect::EndTalk { contact } => assert!(self.talks.remove(&contact).is_some()),
        }
    }

    fn on_offer(&mut self, offer: OfferId, contact: ContactId, agent: &AgentSlug, queue: &QueueSlug) {
        let seed = self.seed;
        assert!(
            self.offers.values().all(|(_, of)| of != agent),
            "seed {seed}: {agent} has two offers"
        );
        assert!(
            self.talks.values().all(|of| of != agent),
            "seed {seed}: {agent} talks already"
        );
        assert_eq!(
            self.intents[agent],
            Intent::Ready,
            "seed {seed}: {agent} wants no calls"
        );
        assert_eq!(
            self.devices[agent],
            DeviceState::Registered,
            "seed {seed}: {agent} has no phone"
        );
        assert_eq!(self.work[agent], WorkState::Offered);
        let bands = self.acd.rostered_bands(agent, self.now.wall);
        assert!(!bands.is_empty(), "seed {seed}: {agent} is off duty");
        let place = {
            let caller = self.waiting.get_mut(&contact).expect("only who waits is offered");
            assert_eq!(&caller.queue, queue);
            caller.offers.insert(offer);
            assert!(
                caller.offers.len() <= self.at_once,
                "too many phones ring for one caller"
            );
            caller.place
        };
        // Where anybody may take any call, places alone decide. Where not, the engine's own invariant is asked.
        for (other, caller) in self.waiting.iter().filter(|_| self.at_once == 1) {
            let left = (caller.entered + WAIT_MAX).since(self.now.mono);
            let before = serves(agent, &caller.queue) && caller.offers.is_empty() && caller.place < place;
            assert!(
                !before || left < RING_MIN,
                "seed {seed}: {contact} was served before {other}"
            );
        }
        self.offers.insert(offer, (contact, agent.clone()));
    }

    fn pass(&mut self, by: Duration) {
        // Mostly a punctual driver, at times one that comes late.
        let target = self.now.mono + by;
        let punctual = self.rng.below(10) > 0;
        while let Some(at) = self.wake.filter(|at| punctual && *at < target) {
            self.now = Now::new(at, self.now.wall_at(at));
            self.put(Input::Timeout);
        }
        self.now = Now::new(target, self.now.wall_at(target));
    }

    fn any<T: Clone>(&mut self, mut from: impl ExactSizeIterator<Item = T>) -> Option<T> {
        let index = self.rng.below(from.len() as u64);
        from.nth(usize::try_from(index).unwrap())
    }

    fn step(&mut self) {
        match self.rng.below(100) {
            0 => self.pass(Duration::from_secs(3600)),
            1..30 => {
                let millis = self.rng.below(20_000);
                self.pass(Duration::from_millis(millis));
            }
            30 => {
                // The wall clock is stepped; places and deadlines must survive it.
                let step = Duration::from_secs(self.rng.below(1800));
                let back = self.rng.below(2) == 0;
                self.now.wall = if back {
                    self.now.wall - step
                } else {
                    self.now.wall + step
                };
            }
            31..55 => self.enqueue(),
            55..85 => self.phone(),
            _ => self.people(),
        }
        self.put(Input::Timeout);
    }

    fn enqueue(&mut self) {
        self.contacts += 1;
        let contact = ContactId::new(self.now.wall, &mut self.rng);
        let some = self.rng.below(3) == 0;
        let extra = Duration::from_secs(if some { self.rng.below(120) } else { 0 });
        self.priorities.insert(contact, extra);
        let waited = Duration::from_secs(if self.rng.below(5) == 0 {
            self.rng.below(300)
        } else {
            0
        });
        let queue = queue_slug(self.rng.below(QUEUES));
        let enqueued_at = self.now.wall - waited;
        let last_agent = Some(agent_slug(self.rng.below(4 * AGENTS)));
        self.put(Input::Enqueue {
            contact,
            queue,
            enqueued_at,
            priority: extra,
            last_agent,
        });
    }

    fn phone(&mut self) {
        let offers: Vec<OfferId> = self.offers.keys().copied().collect();
        let Some(offer) = self.any(offers.into_iter()) else {
            return;
        };
        let input = match self.rng.below(10) {
            0..4 => Input::OfferRinging { offer },
            4..8 => Input::OfferAnswered { offer },
            _ => {
                let outcomes = [
                    OfferOutcome::Rejected,
                    OfferOutcome::Busy,
                    OfferOutcome::Unreachable,
                    OfferOutcome::Failed,
                    OfferOutcome::Withdrawn,
                ];
                let outcome = self.any(outcomes.into_iter()).unwrap();
                Input::OfferFailed {
                    offer,
                    outcome,
                    sip_status: None,
                }
            }
        };
        self.put(input);
    }

    fn people(&mut self) {
        let agent = agent_slug(self.rng.below(AGENTS));
        let by = By::User("boss".to_owned());
        let contact = if self.rng.below(2) == 0 {
            let all: Vec<ContactId> = self.talks.keys().copied().collect();
            self.any(all.into_iter())
        } else {
            let all: Vec<ContactId> = self.waiting.keys().copied().collect();
            self.any(all.into_iter())
        };
        let input = match self.rng.below(13) {
            12 => Input::Disposed {
                agent,
                code: "solved".to_owned(),
                by,
            },
            0 => Input::Device {
                agent,
                device: DeviceState::Unreachable,
            },
            1..4 => Input::Device {
                agent,
                device: DeviceState::Registered,
            },
            4 => Input::Intent {
                agent,
                intent: Intent::Paused {
                    reason: "meal".to_owned(),
                },
                by,
            },
            5 if self.rng.below(3) == 0 => Input::Intent {
                agent,
                intent: Intent::LoggedOut,
                by,
            },
            5..8 => Input::Intent {
                agent,
                intent: Intent::Ready,
                by,
            },
            8 if self.rng.below(2) == 0 => {
                self.put(Input::Release {
                    agent: agent.clone(),
                    by,
                });
                assert!(!self.acd.agent(&agent).unwrap().cooling_off);
                return;
            }
            8 => match self.any(self.over.clone().into_iter()) {
                Some(offer) => Input::OfferAnswered { offer },
                None => return,
            },
            9 => {
                let (Some(contact), held) = (contact, self.rng.below(2) == 0) else {
                    return;
                };
                Input::Held { contact, held }
            }
            _ => {
                let Some(contact) = contact else { return };
                self.end(contact);
                return;
            }
        };
        self.put(input);
    }

    /// The contact's visit here ends, in one of the ways that fits where it is.
    fn end(&mut self, contact: ContactId) {
        if self.talks.remove(&contact).is_some() {
            self.put(Input::TalkEnded { contact });
            return;
        }
        let why = match self.rng.below(4) {
            0 => Leave::FlowedOut(FlowOutReason::Key),
            1 => Leave::Lost(LostReason::MediaLost),
            _ => Leave::HungUp,
        };
        self.put(Input::Leave { contact, why });
    }

    /// Everybody goes home: nothing may be left but the calendar's timer.
    fn drain_to_empty(&mut self) {
        while let Some(contact) = self.waiting.keys().chain(self.talks.keys()).next().copied() {
            self.end(contact);
        }
        self.pass(Duration::from_secs(120));
        self.put(Input::Timeout);
        assert!(self.acd.is_drained(), "seed {}", self.seed);
        let next_change = self
            .acd
            .next_change()
            .map(|at| self.now.mono + at.since(self.now.wall));
        assert_eq!(
            self.wake, next_change,
            "seed {}: a timer outlives its reason",
            self.seed
        );
        for agent in (0..AGENTS).map(agent_slug) {
            let view = self.acd.agent(&agent).unwrap();
            assert_eq!(
                (view.work, view.until),
                (WorkState::Idle, None),
                "seed {}: {agent}",
                self.seed
            );
        }
        assert_eq!(self.acd.ignored(), 0);
    }
}

#[test]
fn random_call_centre_keeps_every_promise_and_drains_to_empty() {
    let mut total = Counts::default();
    for seed in 1..=80 {
        let mut sim = if seed % 2 == 0 {
            Sim::rich(seed)
        } else {
            Sim::new(seed)
        };
        for _ in 0..2_000 {
            sim.step();
        }
        sim.drain_to_empty();
        for counts in sim.counts.values() {
            total.offered += counts.offered;
            total.answered += counts.answered;
            total.abandoned += counts.abandoned;
            total.flowed_out += counts.flowed_out;
            total.lost += counts.lost;
        }
    }
    // The runs must have met every fate often enough to mean something.
    for count in [total.answered, total.abandoned, total.flowed_out, total.lost] {
        assert!(
            count > total.offered / 100,
            "a fate was hardly met: {count} of {}",
            total.offered
        );
    }
}

#[test]
fn same_seed_gives_the_same_run() {
    let run = |seed| {
        let mut sim = Sim::new(seed);
        for _ in 0..500 {
            sim.step();
        }
        (sim.over, sim.fence, sim.now, sim.contacts)
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}
