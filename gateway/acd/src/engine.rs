//! The engine's tables, its front door (`handle`, `poll`) and its timers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use hotline_journal::{By, Draft, What};
use hotline_types::{
    AgentSlug, ContactId, DeviceState, FlowOutReason, Now, OfferId, OfferOutcome, QueueExit, QueueSlug, Rng,
    Time,
};

use jiff::civil::Date;

use crate::agent::{AgentNo, AgentState, IdleSince, Load, Pause, Serves, Shift, Work};
use crate::calendar::{self, BandNo, Calendar, Duty, Occurrence};
use crate::config;
use crate::queue::{Caller, Member, QueueNo, QueueState, Rules};
use crate::skills::Skills;
use crate::timers::{Timer, Timers};
use crate::{AcdConfig, Agent, ConfigProblem, Effect, Input, Login, Output, PauseRule, Queue};

mod agents;
mod callers;
mod offers;
mod seats;

use callers::Arrival;
pub use seats::PauseRefusal;

pub(crate) use agents::timer_of;

/// Callers whose queue has had nobody on duty for this long leave it.
pub const UNSTAFFED_MAX: Duration = Duration::from_secs(30);

/// How long an offer waits for the phone to begin ringing, beyond the ring itself. Once it rings, it rings for the
/// queue's `ring` exactly.
pub const RING_GRACE: Duration = Duration::from_secs(1);

/// Reason of the pause after too many missed offers (ring on no answer).
pub const RONA: &str = "rona";

/// The queue engine. Give it each input by [`Acd::handle`], then [`Acd::poll`] until it answers
/// [`Output::Timeout`]; outputs not yet polled are kept, in order.
#[derive(Debug)]
pub struct Acd {
    pub(crate) calendar: Calendar,
    pub(crate) duty: Duty,
    pub(crate) agents: Vec<AgentState>,
    pub(crate) agent_nos: BTreeMap<AgentSlug, AgentNo>,
    pub(crate) queues: Vec<QueueState>,
    pub(crate) queue_nos: BTreeMap<QueueSlug, QueueNo>,
    pub(crate) callers: BTreeMap<ContactId, Caller>,
    pub(crate) talks: BTreeMap<ContactId, AgentNo>,
    pub(crate) offers: BTreeMap<OfferId, AgentNo>,
    pub(crate) timers: Timers,
    /// Who is on a band on a date that has a roster of its own.
    pub(crate) dated: BTreeMap<(BandNo, Date), BTreeSet<AgentNo>>,
    pub(crate) pauses: BTreeMap<String, Pause>,
    /// Bands that have fewer agents than they must: needed and there.
    pub(crate) short: BTreeMap<BandNo, (u32, u32)>,
    /// Whether the staff has changed since seats were last counted.
    recount: bool,
    pub(crate) now: Now,
    pub(crate) ignored: u64,
    login: Login,
    cool_off: Duration,
    misses_max: u32,
    /// Agents that became free and callers that can be offered, since the last decisions.
    freed_agents: Vec<AgentNo>,
    freed_callers: Vec<ContactId>,
    out: VecDeque<Output>,
    pub(crate) rng: Rng,
    entries: u64,
    fences: u64,
    idle_turns: u64,
}

impl Acd {
    /// An engine with empty queues, all phones unreachable, and the intents that the configuration gives.
    ///
    /// # Errors
    /// Every problem of the configuration, not only the first.
    pub fn new(config: AcdConfig, rng: Rng, now: Now) -> Result<Self, Vec<ConfigProblem>> {
        let problems = config::problems(&config);
        let zone = match calendar::zone(&config.time_zone) {
            Some(zone) if problems.is_empty() => zone,
            _ => return Err(problems),
        };
        let calendar = Calendar::new(
            zone,
            config.bands,
            &config.holidays,
            config.business_day_start_min,
        );
        let duty = calendar.duty(now.wall);
        let agents = config.agents.into_iter().enumerate();
        let mut skills = Skills::default();
        let mut acd = Self {
            duty,
            agents: agents
                .map(|(index, agent)| {
                    let levels = skills.levels(&agent.skills);
                    agent_state(agent, levels, AgentNo(index), now.mono)
                })
                .collect(),
            agent_nos: BTreeMap::new(),
            queues: Vec::new(),
            queue_nos: BTreeMap::new(),
            callers: BTreeMap::new(),
            talks: BTreeMap::new(),
            offers: BTreeMap::new(),
            timers: Timers::default(),
            dated: BTreeMap::new(),
            pauses: config.pauses.into_iter().map(pause).collect(),
            short: BTreeMap::new(),
            recount: true,
            now,
            ignored: 0,
            login: config.login,
            cool_off: config.cool_off,
            misses_max: config.misses_max,
            freed_agents: Vec::new(),
            freed_callers: Vec::new(),
            out: VecDeque::new(),
            rng,
            entries: 0,
            fences: 0,
            idle_turns: 0,
            calendar,
        };
        acd.agent_nos = acd
            .agents
            .iter()
            .enumerate()
            .map(|(index, agent)| (agent.slug.clone(), AgentNo(index)))
            .collect();
        acd.queue_nos = config
            .queues
            .iter()
            .enumerate()
            .map(|(index, queue)| (queue.slug.clone(), QueueNo(index)))
            .collect();
        for queue in config.queues {
            acd.add_queue(queue, &mut skills);
        }
        acd.add_roster(&config.roster);
        acd.apply_duty();
        acd.arm_duty();
        Ok(acd)
    }

    /// Every problem of these settings; empty where the engine can work with them.
    #[must_use]
    pub fn problems(config: &AcdConfig) -> Vec<ConfigProblem> {
        config::problems(config)
    }

    /// Changes the engine by one input. Timers that are due by `now` fire first, so what comes after a deadline
    /// finds it passed. Inputs about unknown agents and queues are counted ([`Acd::ignored`]) and
    /// change nothing.
    pub fn handle(&mut self, now: Now, input: Input) {
        self.now = now;
        self.refresh_duty();
        self.fire_due();
        match input {
            Input::Enqueue {
                contact,
                queue,
                enqueued_at,
                priority,
                last_agent,
            } => {
                let arrival = Arrival {
                    contact,
                    enqueued_at,
                    priority,
                    last_agent,
                };
                self.enqueue(&arrival, &queue);
            }
            Input::Leave { contact, why } => self.leave(contact, why),
            Input::OfferRinging { offer } => self.offer_ringing(offer),
            Input::OfferAnswered { offer } => self.offer_answered(offer),
            Input::OfferFailed {
                offer,
                outcome,
                sip_status,
            } => self.offer_failed(offer, outcome, sip_status),
            Input::TalkEnded { contact } => self.talk_ended(contact),
            Input::Held { contact, held } => self.held(contact, held),
            Input::TakeOver {
                contact,
                agent,
                queue,
            } => {
                self.for_agent(&agent, |acd, no| acd.take_over(contact, no, &queue));
            }
            Input::Device { agent, device } => {
                self.for_agent(&agent, |acd, no| acd.device(no, device, None));
            }
            Input::DeviceUnusable { agent, why } => {
                self.for_agent(&agent, |acd, no| {
                    acd.device(no, DeviceState::Registered, Some(why))
                });
            }
            Input::Intent { agent, intent, by } => {
                self.for_agent(&agent, |acd, no| acd.intent(no, intent, &by));
            }
            Input::Disposed { agent, code, by } => {
                self.for_agent(&agent, |acd, no| acd.disposed(no, code, &by));
            }
            Input::Release { agent, by } => self.for_agent(&agent, |acd, no| acd.release(no, &by)),
            Input::Timeout => {}
        }
        self.decide();
        self.count_seats();
    }

    /// The next output; [`Output::Timeout`] when there is none left.
    pub fn poll(&mut self) -> Output {
        self.out
            .pop_front()
            .unwrap_or_else(|| Output::Timeout(self.timers.next()))
    }

    fn fire_due(&mut self) {
        while let Some(timer) = self.timers.pop_due(self.now.mono) {
            match timer {
                Timer::WaitMax(contact) => {
                    self.exit(contact, FlowOutReason::Timeout);
                }
                Timer::Overflow(contact) => self.overflow_by_wait(contact),
                Timer::Ripen(contact) => self.ripen(contact),
                Timer::Widen(contact) => self.widen(contact),
                Timer::Ring(agent) => self.ring_over(agent),
                Timer::WrapUp(agent) | Timer::CoolOff(agent) => {
                    let since = self.idle_now(agent);
                    self.set_work(agent, Work::Idle { since }, &By::System);
                }
                Timer::Pause(agent) => self.pause_overrun(agent),
                Timer::Duty => self.refresh_duty(),
                Timer::Unstaffed(queue) => self.unstaffed(queue),
            }
        }
    }

    /// Looks the bands up again where the last look-up no longer holds, and arms the wake-up at the next change.
    fn refresh_duty(&mut self) {
        if !self.duty.holds(self.now.wall) {
            self.duty = self.calendar.duty(self.now.wall);
            self.recount = true;
            self.apply_duty();
        }
        self.arm_duty();
    }

    fn arm_duty(&mut self) {
        match self.duty.until {
            Some(until) => {
                let at = self.now.mono + until.since(self.now.wall);
                if self.timers.get(Timer::Duty) != Some(at) {
                    self.timers.set(Timer::Duty, at);
                }
            }
            None => self.timers.cancel(Timer::Duty),
        }
    }

    fn apply_duty(&mut self) {
        for index in 0..self.agents.len() {
            let on = self.duty.on.iter();
            let on_duty = on.copied().any(|on| self.is_rostered(AgentNo(index), on));
            if self.agents[index].on_duty != on_duty {
                self.agents[index].on_duty = on_duty;
                if on_duty {
                    self.agents[index].load = Load {
                        until: self.now.mono,
                        ..Load::default()
                    };
                }
                self.refresh(AgentNo(index));
            }
        }
    }

    /// Adds a queue whose agents and overflow targets are known.
    fn add_queue(&mut self, queue: Queue, skills: &mut Skills) {
        let no = QueueNo(self.queues.len());
        let (mut members, rules) = (Vec::new(), queue.rules);
        for slug in &queue.agents {
            if let Some(agent) = self.agent_nos.get(slug).copied() {
                let member = members.len();
                self.agents[agent.0].queues.push(Serves { queue: no, member });
                let tier = rules.tiers.get(slug).copied().unwrap_or_default();
                members.push(Member { agent, tier });
            }
        }
        let steps = rules.steps.iter();
        let to = |overflow: &crate::Overflow| {
            let no = self.queue_nos.get(&overflow.to)?;
            Some((overflow.when, *no))
        };
        let mut delays: Vec<Duration> = members.iter().map(|member| member.tier.delay).collect();
        delays.retain(|delay| !delay.is_zero());
        delays.sort_unstable();
        delays.dedup();
        let rules = Rules {
            capacity: queue.capacity,
            wait_max: queue.wait_max,
            ring: queue.ring,
            ring_min: queue.ring_min,
            wrap_up: queue.wrap_up,
            wrap_up_rule: rules.wrap_up,
            policy: rules.policy,
            prefer_last: rules.prefer_last,
            steps: steps
                .map(|step| (step.after, skills.needs(&step.needs)))
                .collect(),
            overflow: rules.overflow.iter().filter_map(to).collect(),
            delays,
            tiered: members.iter().any(|member| !member.tier.worth.is_zero()),
        };
        self.queues.push(QueueState {
            slug: queue.slug,
            rules,
            rung_last: members.len().saturating_sub(1),
            members,
            places: Default::default(),
            free: Default::default(),
            more: Default::default(),
            idle: Default::default(),
            staff: 0,
            unstaffed_since: Some(self.now.mono),
            handling: Default::default(),
        });
    }

    fn add_roster(&mut self, roster: &[crate::RosterEntry]) {
        let bands: BTreeMap<_, _> = self
            .calendar
            .slugs()
            .enumerate()
            .map(|(no, slug)| (slug.clone(), BandNo(no)))
            .collect();
        for entry in roster {
            let (Some(&agent), Some(&band)) = (self.agent_nos.get(&entry.agent), bands.get(&entry.band))
            else {
                continue;
            };
            if entry.dates.is_empty() {
                let days = entry.days;
                self.agents[agent.0].shifts.push(Shift { band, days });
            }
            for date in entry.dates.iter().filter_map(|text| calendar::date(text)) {
                self.dated.entry((band, date)).or_default().insert(agent);
            }
        }
    }

    /// Whether the agent is on this band: by the roster of its date where there is one, else by the weekday's.
    pub(crate) fn is_rostered(&self, agent: AgentNo, on: Occurrence) -> bool {
        match self.dated.get(&(on.band, on.date)) {
            Some(agents) => agents.contains(&agent),
            None => {
                let mut shifts = self.agents[agent.0].shifts.iter();
                shifts.any(|shift| shift.band == on.band && shift.days[on.weekday])
            }
        }
    }

    fn for_agent(&mut self, slug: &AgentSlug, change: impl FnOnce(&mut Self, AgentNo)) {
        match self.agent_nos.get(slug).copied() {
            Some(no) => change(self, no),
            None => self.ignored += 1,
        }
    }

    /// The place at the end of the row of idle agents.
    fn idle_now(&mut self, agent: AgentNo) -> IdleSince {
        self.idle_turns += 1;
        IdleSince {
            at: self.now.mono,
            turn: self.idle_turns,
            agent,
        }
    }

    fn effect(&mut self, effect: Effect) {
        self.out.push_back(Output::Effect(effect));
    }

    fn event(&mut self, draft: Draft) {
        self.out.push_back(Output::Event(draft));
    }

    /// The contact leaves its queue by a rule: event and effect.
    fn exit(&mut self, contact: ContactId, why: FlowOutReason) {
        if self.leave_queue(contact, |_| QueueExit::FlowedOut(why), &By::System) {
            self.effect(Effect::Exit { contact, why });
        }
    }

    /// Ends the offer by our own doing: its phone is told.
    fn withdraw(&mut self, agent: AgentNo, outcome: OfferOutcome, by: &By) {
        if let Some(offer) = self.end_offer(agent, outcome, None, by) {
            self.effect(Effect::Withdraw {
                offer: offer.id,
                contact: offer.contact,
                outcome,
            });
        }
    }
}

fn agent_state(agent: Agent, levels: Vec<u8>, no: AgentNo, now: Time) -> AgentState {
    AgentState {
        slug: agent.slug,
        team: agent.team,
        intent: agent.intent,
        work: Work::Idle {
            since: IdleSince {
                at: now,
                turn: 0,
                agent: no,
            },
        },
        told: DeviceState::Unreachable,
        unusable: None,
        shown_unusable: false,
        shown: DeviceState::Unreachable,
        registered_before: false,
        misses: 0,
        queues: Vec::new(),
        levels,
        load: Load {
            until: now,
            ..Load::default()
        },
        awaited: false,
        shifts: Vec::new(),
        on_duty: false,
        staff: false,
        listed: None,
    }
}

fn pause(rule: PauseRule) -> (String, Pause) {
    let pause = Pause {
        longest: rule.longest,
        team_max: rule.team_max,
    };
    (rule.code, pause)
}

/// An event of the gateway's own or of somebody, without subject yet.
fn draft(by: &By, what: What) -> Draft {
    Draft::new(by.clone(), what)
}
