//! Valid histories from a seed, for tests and benches: a small hotline whose callers and agents do what they like.

mod calls;

use std::collections::BTreeMap;
use std::time::Duration;

use hotline_types::{
    AgentSlug, BandSlug, ContactId, DeviceState, EndCause, Intent, NumberSlug, OfferId, PersonId, QueueSlug,
    RefusalReason, Rng, SegmentId, SegmentKind, TrunkSlug, WallTime, WorkState,
};

use crate::{BusinessDays, By, Contacts, Draft, EVENT_VERSION, Event, Seq, What, closing_events};

/// How the hotline of a sample is run.
#[derive(Clone, Copy, Debug)]
pub struct SampleConfig {
    /// Seed of everything random.
    pub seed: u64,
    /// Time of the first event.
    pub from: WallTime,
    /// Longest pause between two steps.
    pub pause_max: Duration,
    /// Calls at once.
    pub lines: usize,
    /// Agents.
    pub agents: usize,
    /// Of a hundred callers, how many behave: press a key, wait, talk; the others hang up, are refused, flow out.
    pub patient: u64,
}

/// The running sample.
#[derive(Debug)]
pub struct Sample {
    config: SampleConfig,
    rng: Rng,
    now: WallTime,
    seq: Seq,
    days: BusinessDays,
    numbers: Vec<NumberSlug>,
    queues: Vec<QueueSlug>,
    bands: Vec<BandSlug>,
    trunk: Option<TrunkSlug>,
    agents: Vec<SampleAgent>,
    calls: BTreeMap<ContactId, Call>,
    open: Contacts,
    out: Vec<Event>,
}

#[derive(Debug)]
struct SampleAgent {
    slug: AgentSlug,
    intent: Intent,
    work: WorkState,
}

#[derive(Debug)]
struct Call {
    patient: bool,
    segment: SegmentId,
    at: Place,
}

#[derive(Debug)]
enum Place {
    Ivr {
        nodes: u64,
    },
    Waiting {
        queue: QueueSlug,
        since: WallTime,
    },
    Ringing {
        queue: QueueSlug,
        since: WallTime,
        agent: usize,
        offer: OfferId,
        ring: SegmentId,
        rings: bool,
    },
    Talking {
        agent: usize,
        hold: Option<SegmentId>,
    },
}

fn slugs<T: std::str::FromStr>(names: &[&str]) -> Vec<T> {
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

impl Call {
    /// The place it was in; leaves the end of the flow behind until the next one is known.
    fn take_place(&mut self) -> Place {
        std::mem::replace(&mut self.at, Place::Ivr { nodes: 3 })
    }
}

impl Sample {
    /// A hotline that has not started.
    #[must_use]
    pub fn new(config: SampleConfig) -> Self {
        let agents = (1..=config.agents)
            .filter_map(|number| format!("agent-{number}").parse().ok())
            .map(|slug| SampleAgent {
                slug,
                intent: Intent::LoggedOut,
                work: WorkState::Idle,
            })
            .collect();
        Self {
            config,
            rng: Rng::from_seed(config.seed),
            now: config.from,
            seq: Seq(0),
            days: Self::days(),
            numbers: slugs(&["main", "sales", "service"]),
            queues: slugs(&["pre-sales", "after-sales", "complaints"]),
            bands: slugs(&["day", "late", "night"]),
            trunk: slugs(&["carrier"]).pop(),
            agents,
            calls: BTreeMap::new(),
            open: Contacts::new(),
            out: Vec::new(),
        }
    }

    /// The business days of the sample's hotline.
    #[must_use]
    pub fn days() -> BusinessDays {
        BusinessDays::fixed(8 * 3_600, 8 * 60)
    }

    /// The process is ready; the agents log in.
    pub fn start(&mut self) -> Vec<Event> {
        self.emit(Draft::new(
            By::System,
            What::Started {
                version: "0.1.0".to_owned(),
            },
        ));
        for index in 0..self.agents.len() {
            let slug = self.agents[index].slug.clone();
            let device = What::AgentDevice {
                device: DeviceState::Registered,
            };
            self.emit(Draft::new(By::System, device).agent(slug.clone()));
            if self.agents[index].intent == Intent::LoggedOut {
                self.agents[index].intent = Intent::Ready;
                let intent = What::AgentIntent {
                    intent: Intent::Ready,
                };
                self.emit(Draft::new(By::Agent(slug.clone()), intent).agent(slug));
            }
        }
        std::mem::take(&mut self.out)
    }

    /// The process dies; what follows is what the next start writes down before it is ready.
    pub fn crash(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        for record in self.open.open() {
            let closing = closing_events(record, self.seq.next());
            self.seq = closing.last().map_or(self.seq, |event| event.seq);
            events.extend(closing);
        }
        for event in &events {
            self.open.apply(event);
        }
        self.calls.clear();
        for agent in &mut self.agents {
            agent.work = WorkState::Idle;
        }
        self.now = self.now + Duration::from_secs(3_600);
        events
    }

    /// One thing happens; what it leads to at once is in the same answer.
    pub fn step(&mut self) -> Vec<Event> {
        let pause_us = u64::try_from(self.config.pause_max.as_micros()).unwrap_or(u64::MAX);
        self.now = self.now + Duration::from_micros(self.rng.below(pause_us));
        let room = self.config.lines.saturating_sub(self.calls.len());
        if self.rng.below(100) < 8 {
            self.agent_step();
        } else if room > 0 && (self.calls.is_empty() || self.rng.below(100) < 15) {
            self.arrive();
        } else {
            self.call_step();
        }
        std::mem::take(&mut self.out)
    }

    /// No new calls; ends those there are, and the process in good order.
    pub fn finish(&mut self) -> Vec<Event> {
        let ids: Vec<ContactId> = self.calls.keys().copied().collect();
        for id in ids {
            while let Some(call) = self.calls.remove(&id) {
                self.now = self.now + Duration::from_secs(1);
                self.hang_up(id, call);
            }
        }
        self.emit(Draft::new(By::System, What::Stopped));
        std::mem::take(&mut self.out)
    }

    /// Contacts that are open.
    pub fn open(&self) -> impl Iterator<Item = ContactId> {
        self.calls.keys().copied()
    }

    fn emit(&mut self, draft: Draft) {
        self.seq = self.seq.next();
        let event = Event {
            v: EVENT_VERSION,
            seq: self.seq,
            at: self.now,
            contact: draft.contact,
            segment: draft.segment,
            agent: draft.agent,
            queue: draft.queue,
            offer: draft.offer,
            cause_seq: None,
            by: draft.by,
            what: draft.what,
        };
        self.open.apply(&event);
        self.out.push(event);
    }

    fn say(&mut self, id: ContactId, what: What) {
        self.emit(Draft::new(By::System, what).contact(id));
    }

    fn pick<T: Clone>(rng: &mut Rng, list: &[T]) -> Option<T> {
        let index = usize::try_from(rng.below(list.len() as u64)).ok()?;
        list.get(index).cloned()
    }

    fn bands(&mut self) -> Vec<BandSlug> {
        let first = self.rng.below(3) as usize;
        self.bands.iter().skip(first).take(2).cloned().collect()
    }

    fn work(&mut self, agent: usize, work: WorkState, contact: Option<ContactId>) {
        self.agents[agent].work = work;
        let until = (work == WorkState::WrapUp).then(|| self.now + Duration::from_secs(15));
        let mut draft = Draft::new(By::System, What::AgentWork { work, until });
        draft.contact = contact;
        draft.agent = Some(self.agents[agent].slug.clone());
        self.emit(draft);
    }

    fn segment(&mut self, id: ContactId, segment_kind: SegmentKind, agent: Option<AgentSlug>) -> SegmentId {
        let segment = SegmentId::new(self.now, &mut self.rng);
        let mut draft = Draft::new(By::System, What::SegmentOpened { segment_kind })
            .contact(id)
            .segment(segment);
        draft.agent = agent;
        self.emit(draft);
        segment
    }

    fn end_segment(&mut self, id: ContactId, segment: SegmentId) {
        self.emit(
            Draft::new(By::System, What::SegmentClosed)
                .contact(id)
                .segment(segment),
        );
    }

    fn agent_step(&mut self) {
        let index = self.rng.below(self.agents.len() as u64) as usize;
        if self.agents[index].work == WorkState::WrapUp {
            self.work(index, WorkState::Idle, None);
            return;
        }
        let intent = match self.rng.below(8) {
            0 => Intent::Paused {
                reason: "meal".to_owned(),
            },
            1 => Intent::LoggedOut,
            _ => Intent::Ready,
        };
        if self.agents[index].intent != intent {
            self.agents[index].intent = intent.clone();
            let slug = self.agents[index].slug.clone();
            self.emit(Draft::new(By::User("lead".to_owned()), What::AgentIntent { intent }).agent(slug));
        }
    }

    fn arrive(&mut self) {
        let id = ContactId::new(self.now, &mut self.rng);
        let person = PersonId::new(self.now, &mut self.rng);
        let patient = self.rng.below(100) < self.config.patient;
        let number = Self::pick(&mut self.rng, &self.numbers).filter(|_| patient || self.rng.below(4) > 0);
        let known = number.is_some();
        let Some(trunk) = self.trunk.clone() else { return };
        let bands = self.bands();
        self.say(
            id,
            What::ContactOpened {
                number,
                trunk,
                person,
                business_date: self.days.date_of(self.now),
                bands,
                flow: slugs(&["hotline"]).pop().filter(|_| known),
                flow_version: known.then(|| "5f2a9c3e".to_owned()),
            },
        );
        if !known {
            let cause = EndCause::Refused(RefusalReason::UnknownNumber);
            self.say(
                id,
                What::ContactClosed {
                    cause,
                    sip_status: Some(404),
                },
            );
            return;
        }
        let segment = self.segment(id, SegmentKind::Ivr, None);
        self.say(id, What::CallerConnected);
        self.calls.insert(
            id,
            Call {
                patient,
                segment,
                at: Place::Ivr { nodes: 0 },
            },
        );
    }

    fn call_step(&mut self) {
        let index = self.rng.below(self.calls.len() as u64) as usize;
        let Some(id) = self.calls.keys().nth(index).copied() else {
            return;
        };
        let Some(call) = self.calls.remove(&id) else {
            return;
        };
        if !call.patient && self.rng.below(100) < 25 {
            self.hang_up(id, call);
            return;
        }
        let call = match call.at {
            Place::Ivr { nodes } => Some(self.in_ivr(id, call, nodes)),
            Place::Waiting { .. } => self.in_queue(id, call),
            Place::Ringing { .. } => Some(self.ringing(id, call)),
            Place::Talking { .. } => self.talking(id, call),
        };
        if let Some(call) = call {
            self.calls.insert(id, call);
        }
    }
}
