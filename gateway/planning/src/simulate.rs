//! The simulator: callers, agents and their patience around the queue engine that also runs the hotline, in virtual time.
//!
//! What the record tells is kept: arrivals, the patience of those who gave up, the talks of those who were served.
//! The rest is drawn from a generator keyed by contact and run, so that two scenarios see the same callers.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

use hotline_acd::{Acd, AcdConfig, ConfigProblem, Effect, Input, Leave, Output};
use hotline_journal::figures::{Thresholds, Within};
use hotline_journal::{By, Counts, What};
use hotline_types::{
    AgentSlug, ContactId, DeviceState, FlowOutReason, Intent, Now, OfferId, QueueExit, QueueSlug, Rng, Time,
    WallTime, WorkState,
};

use crate::{Caller, Known, Model};

/// Entries one run takes at most.
pub const CALLERS_MAX: usize = 2_000_000;
/// Runs of one scenario at most.
pub const RUNS_MAX: u32 = 1_000;
/// After the last arrival a run goes on for at most this long.
const DRAIN_MAX: Duration = Duration::from_secs(4 * 3_600);
/// How often the agents are counted.
const SAMPLE: Duration = Duration::from_secs(300);
/// An agent's presence is drawn anew this often, where the roster says who is there.
const PRESENCE: Duration = Duration::from_secs(900);
/// Copies of callers beyond the recorded ones arrive this near to them.
const NEAR: Duration = Duration::from_secs(900);

/// Who is there.
#[derive(Clone, Debug, PartialEq)]
pub enum Presence {
    /// What the agents did in the record: intents, as they changed.
    Recorded(Vec<(WallTime, AgentSlug, Intent)>),
    /// Whoever is rostered, but for this share of the time.
    Rostered {
        /// 0 to below 1.
        shrinkage: f64,
    },
}

/// One thing to simulate.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The queue engine's settings: queues, policies, bands, rosters.
    pub acd: AcdConfig,
    /// Who is there.
    pub presence: Presence,
    /// Callers per recorded caller.
    pub demand: f64,
    /// What a short wait is.
    pub thresholds: Thresholds,
}

/// What one run came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// Counters of all entries; only the second group and the handled.
    pub counts: Counts,
    /// Those within the thresholds.
    pub within: Within,
    /// Samples of agents at work, and of agents at work or free.
    pub busy: (u64, u64),
}

/// Runs of a scenario.
pub type Outcome = Vec<Run>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Presence(usize),
    Arrive(usize),
    GiveUp(ContactId),
    Answer(OfferId),
    TalkEnds(ContactId),
    Draw,
    Sample,
    Timer,
}

struct Sim<'a> {
    acd: Acd,
    scenario: &'a Scenario,
    model: &'a Model,
    callers: Vec<Caller>,
    by_contact: BTreeMap<ContactId, usize>,
    offers: BTreeMap<ContactId, u32>,
    out: BTreeSet<OfferId>,
    talking: BTreeSet<ContactId>,
    heap: BinaryHeap<Reverse<(Time, u64, Next)>>,
    order: u64,
    timer: Option<Time>,
    start: WallTime,
    now: Time,
    run: u32,
    seed: u64,
    result: Run,
}

/// Runs the scenario once; `run` and `seed` choose what is drawn, equal ones draw equally in every scenario.
///
/// # Errors
/// Every problem of the engine's settings.
pub fn run(
    scenario: &Scenario,
    callers: &[Caller],
    model: &Model,
    run: u32,
    seed: u64,
) -> Result<Run, Vec<ConfigProblem>> {
    let start = callers.iter().map(|caller| caller.at).min().unwrap_or_default();
    let start = match &scenario.presence {
        Presence::Recorded(changes) => changes.first().map_or(start, |change| start.min(change.0)),
        Presence::Rostered { .. } => start,
    };
    let now = Now::new(Time::from_millis(0), start);
    let mut config = scenario.acd.clone();
    for agent in &mut config.agents {
        agent.intent = match scenario.presence {
            Presence::Recorded(_) => Intent::LoggedOut,
            Presence::Rostered { .. } => Intent::Ready,
        };
    }
    let acd = Acd::new(config, Rng::from_seed(seed ^ u64::from(run)), now)?;
    let mut sim = Sim {
        acd,
        scenario,
        model,
        callers: Vec::new(),
        by_contact: BTreeMap::new(),
        offers: BTreeMap::new(),
        out: BTreeSet::new(),
        talking: BTreeSet::new(),
        heap: BinaryHeap::new(),
        order: 0,
        timer: None,
        start,
        now: now.mono,
        run,
        seed,
        result: Run::default(),
    };
    sim.prepare(callers);
    sim.go();
    Ok(sim.result)
}

/// The callers as they came: who was sent from queue to queue by overflow rules is one, since the engine does that itself.
fn arrivals(entries: &[Caller]) -> Vec<Caller> {
    let overflow = QueueExit::FlowedOut(FlowOutReason::Overflow);
    let mut callers: Vec<Caller> = Vec::new();
    for entry in entries.iter().take(CALLERS_MAX) {
        match callers.last_mut() {
            Some(before)
                if before.contact == entry.contact
                    && before.exit.is_some_and(|(exit, _)| exit == overflow) =>
            {
                before.patience = before.patience.then(entry.patience);
                before.handling = entry.handling;
                before.exit = entry.exit;
            }
            _ => callers.push(entry.clone()),
        }
    }
    callers
}

impl Sim<'_> {
    fn prepare(&mut self, callers: &[Caller]) {
        self.callers = arrivals(callers)
            .iter()
            .flat_map(|caller| self.copies(caller))
            .collect();
        for index in 0..self.callers.len() {
            let at = self.callers[index].at;
            self.by_contact.insert(self.callers[index].contact, index);
            self.schedule(self.time(at), Next::Arrive(index));
        }
        let agents: Vec<AgentSlug> = self.acd.agents().cloned().collect();
        for agent in agents {
            self.put(Input::Device {
                agent,
                device: DeviceState::Registered,
            });
        }
        match &self.scenario.presence {
            Presence::Recorded(changes) => {
                for (index, change) in changes.iter().enumerate() {
                    self.schedule(self.time(change.0), Next::Presence(index));
                }
            }
            Presence::Rostered { shrinkage } if *shrinkage > 0.0 => self.schedule(self.now, Next::Draw),
            Presence::Rostered { .. } => {}
        }
        self.schedule(self.now + SAMPLE, Next::Sample);
    }

    /// The recorded caller as often as the demand asks; copies come near the original's time and are drawn whole.
    fn copies(&self, caller: &Caller) -> Vec<Caller> {
        let mut rng = self.keyed(caller.contact, 0);
        let extra = if unit(&mut rng) < self.scenario.demand.fract() {
            1.0
        } else {
            0.0
        };
        let count = self.scenario.demand.trunc() + extra;
        let mut all = Vec::new();
        let mut copy = 0.0;
        while copy < count {
            let mut one = caller.clone();
            if copy > 0.0 {
                let mut bytes = [0; 16];
                rng.fill(&mut bytes);
                one.contact = ContactId::from_bytes(bytes);
                let spread = u64::try_from(NEAR.as_micros()).unwrap_or(0);
                one.at = (caller.at - NEAR + Duration::from_micros(rng.below(2 * spread))).max(self.start);
                one.patience = Known::Longer(Duration::ZERO);
                one.handling = None;
            }
            all.push(one);
            copy += 1.0;
        }
        all
    }

    fn go(&mut self) {
        let last = self
            .callers
            .iter()
            .map(|caller| caller.at)
            .max()
            .unwrap_or(self.start);
        let end = self.time(last) + DRAIN_MAX;
        while let Some(Reverse((at, _, next))) = self.heap.pop() {
            if at > end || (self.time(last) < at && self.acd.is_drained()) {
                break;
            }
            self.now = at;
            self.step(next);
        }
    }

    fn step(&mut self, next: Next) {
        match next {
            Next::Timer => {
                if self.timer == Some(self.now) {
                    self.timer = None;
                    self.put(Input::Timeout);
                }
            }
            Next::Arrive(index) => self.arrive(index),
            Next::GiveUp(contact) => {
                if !self.talking.contains(&contact) {
                    self.put(Input::Leave {
                        contact,
                        why: Leave::HungUp,
                    });
                }
            }
            Next::Answer(offer) => {
                if self.out.remove(&offer) {
                    self.put(Input::OfferAnswered { offer });
                }
            }
            Next::TalkEnds(contact) => {
                if self.talking.remove(&contact) {
                    self.result.counts.handled += 1;
                    self.put(Input::TalkEnded { contact });
                }
            }
            Next::Presence(index) => {
                if let Presence::Recorded(changes) = &self.scenario.presence
                    && let Some((_, agent, intent)) = changes.get(index)
                {
                    let (agent, intent) = (agent.clone(), intent.clone());
                    self.put(Input::Intent {
                        agent,
                        intent,
                        by: By::System,
                    });
                }
            }
            Next::Draw => self.draw_presence(),
            Next::Sample => self.sample(),
        }
    }

    fn arrive(&mut self, index: usize) {
        let caller = &self.callers[index];
        let (contact, queue, at) = (caller.contact, caller.queue.clone(), caller.at);
        let patience = match caller.patience {
            Known::Exactly(patience) => patience,
            // Memoryless beyond what was seen.
            Known::Longer(seen) => {
                let mut rng = self.keyed(contact, 1);
                seen + exponential(&mut rng, self.model.patience(&queue))
            }
        };
        self.schedule(self.now + patience, Next::GiveUp(contact));
        self.put(Input::Enqueue {
            contact,
            queue,
            enqueued_at: at,
            priority: Duration::ZERO,
            last_agent: None,
        });
    }

    fn draw_presence(&mut self) {
        let Presence::Rostered { shrinkage } = self.scenario.presence else {
            return;
        };
        let agents: Vec<AgentSlug> = self.acd.agents().cloned().collect();
        let slot = u64::try_from(self.wall().as_micros() / 1_000_000).unwrap_or(0);
        for (index, agent) in (0_u64..).zip(agents) {
            let mut rng = Rng::from_seed(mix(self.seed ^ u64::from(self.run), mix(slot, index)));
            let intent = if unit(&mut rng) < shrinkage {
                Intent::Paused {
                    reason: "shrinkage".to_owned(),
                }
            } else {
                Intent::Ready
            };
            if self.acd.agent(&agent).is_some_and(|view| view.intent != intent) {
                self.put(Input::Intent {
                    agent,
                    intent,
                    by: By::System,
                });
            }
        }
        self.schedule(self.now + PRESENCE, Next::Draw);
    }

    fn sample(&mut self) {
        let agents: Vec<AgentSlug> = self.acd.agents().cloned().collect();
        for view in agents.iter().filter_map(|agent| self.acd.agent(agent)) {
            let busy = matches!(
                view.work,
                WorkState::Talking | WorkState::Hold | WorkState::WrapUp
            );
            self.result.busy.0 += u64::from(busy);
            self.result.busy.1 += u64::from(busy || view.routable);
        }
        self.schedule(self.now + SAMPLE, Next::Sample);
    }

    fn put(&mut self, input: Input) {
        self.acd.handle(Now::new(self.now, self.wall()), input);
        loop {
            match self.acd.poll() {
                Output::Timeout(at) => {
                    if at != self.timer
                        && let Some(at) = at
                    {
                        self.schedule(at.max(self.now), Next::Timer);
                    }
                    self.timer = at.map(|at| at.max(self.now));
                    return;
                }
                Output::Effect(effect) => self.effect(effect),
                Output::Event(draft) => self.count(&draft.what),
            }
        }
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Offer { offer, contact, .. } => {
                let turn = self.offers.entry(contact).or_default();
                *turn += 1;
                let question = 1_000 + u64::from(*turn);
                let mut rng = self.keyed(contact, question);
                if unit(&mut rng) < self.model.taken() {
                    self.out.insert(offer);
                    self.schedule(self.now + self.model.pick_up(rng.next_u64()), Next::Answer(offer));
                }
            }
            Effect::Withdraw { offer, .. } | Effect::Stale { offer } => {
                self.out.remove(&offer);
            }
            Effect::Connect { contact, .. } => {
                self.talking.insert(contact);
                let handling = self.by_contact.get(&contact).map_or(Duration::ZERO, |&index| {
                    let caller = &self.callers[index];
                    let drawn = || {
                        self.model
                            .handling(&caller.queue, self.keyed(contact, 2).next_u64())
                    };
                    caller.handling.unwrap_or_else(drawn)
                });
                self.result.counts.talk_us += u64::try_from(handling.as_micros()).unwrap_or(u64::MAX);
                self.schedule(self.now + handling, Next::TalkEnds(contact));
            }
            Effect::EndTalk { contact } => self.schedule(self.now, Next::TalkEnds(contact)),
            Effect::Exit { .. } | Effect::Moved { .. } => {}
        }
    }

    fn count(&mut self, what: &What) {
        match what {
            What::QueueEntered { .. } => self.result.counts.offered += 1,
            What::QueueLeft { exit, wait_us } => {
                let one = Counts::of_exit(*exit, *wait_us);
                self.result.add(&one, self.scenario.thresholds);
            }
            _ => {}
        }
    }

    fn schedule(&mut self, at: Time, next: Next) {
        self.order += 1;
        self.heap.push(Reverse((at, self.order, next)));
    }

    fn time(&self, at: WallTime) -> Time {
        Time::from_millis(0) + at.since(self.start)
    }

    fn wall(&self) -> WallTime {
        self.start + self.now.since(Time::from_millis(0))
    }

    /// A generator for one question about one contact: the same in every scenario of the same run.
    fn keyed(&self, contact: ContactId, question: u64) -> Rng {
        let bytes = contact.as_bytes();
        let half = |range: std::ops::Range<usize>| {
            bytes[range]
                .iter()
                .fold(0_u64, |value, &byte| value << 8 | u64::from(byte))
        };
        Rng::from_seed(mix(
            mix(half(0..8), half(8..16)),
            mix(self.seed ^ u64::from(self.run), question),
        ))
    }
}

/// The mixing step of SplitMix64 over two numbers.
const fn mix(a: u64, b: u64) -> u64 {
    let mut z = a.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ b.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// A number in 0..1.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit a float")]
fn unit(rng: &mut Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

fn exponential(rng: &mut Rng, mean: Duration) -> Duration {
    mean.mul_f64(-(-unit(rng)).ln_1p())
}

/// Slugs of the queues that a simulation sends these callers to.
#[must_use]
pub fn queues(callers: &[Caller]) -> BTreeSet<QueueSlug> {
    arrivals(callers).into_iter().map(|caller| caller.queue).collect()
}

#[cfg(test)]
mod tests;
