//! The live view: what the console shows now, computed from the same events and the same counters as every report.

use std::collections::BTreeMap;

use hotline_types::{
    AgentSlug, ContactId, DeviceState, Intent, NumberSlug, OfferId, PersonId, QueueExit, QueueSlug,
    SegmentId, SegmentKind, WallTime, WorkState,
};

use crate::{AgentClock, BusinessDate, BusinessDays, Counters, Counts, Event, Scope, Seq, What};

/// The live view. Holds the open contacts, the agents and one row of counters per scope: all bounded by the hotline's
/// lines and configuration.
#[derive(Clone, Debug)]
pub struct Board {
    counters: Counters,
    last: Seq,
    date: Option<BusinessDate>,
    totals: BTreeMap<Scope, Counts>,
    queues: BTreeMap<QueueSlug, BTreeMap<(WallTime, ContactId), WallTime>>,
    agents: BTreeMap<AgentSlug, AgentView>,
    contacts: BTreeMap<ContactId, LiveContact>,
}

/// What the store knows at start.
#[derive(Clone, Debug, Default)]
pub struct BoardSeed {
    /// The last event taken in.
    pub last: Seq,
    /// The current business date.
    pub date: Option<BusinessDate>,
    /// Its counters, added up per scope.
    pub totals: BTreeMap<Scope, Counts>,
    /// The clocks of the agents.
    pub clocks: Vec<(AgentSlug, AgentClock)>,
    /// The time of the last event.
    pub last_at: Option<WallTime>,
}

/// An agent: three axes, each with the moment it took its present value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentView {
    /// What the agent wants.
    pub intent: Intent,
    /// Since when.
    pub intent_since: WallTime,
    /// What the agent does.
    pub work: WorkState,
    /// Since when.
    pub work_since: WallTime,
    /// Until when, where the work has a deadline.
    pub work_until: Option<WallTime>,
    /// What the phone is.
    pub device: DeviceState,
    /// Since when.
    pub device_since: WallTime,
    /// Why a registered phone cannot be used.
    pub unusable: Option<String>,
    /// The contact the work is about.
    pub contact: Option<ContactId>,
}

/// A contact that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingContact {
    /// The contact.
    pub contact: ContactId,
    /// The time that counts for its place.
    pub enqueued_at: WallTime,
    /// When it entered this queue.
    pub since: WallTime,
    /// Its place, from 1, by `enqueued_at`.
    pub position: usize,
}

/// Where a live contact is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the flow.
    Ivr,
    /// In a queue, no phone ringing.
    Waiting(QueueSlug),
    /// In a queue, this agent's phone being rung.
    Ringing(QueueSlug, AgentSlug),
    /// With this agent.
    Talking(AgentSlug),
    /// On hold by this agent.
    Hold(AgentSlug),
}

/// A contact that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveContact {
    /// The access number.
    pub number: Option<NumberSlug>,
    /// The row with the caller's number and name.
    pub person: PersonId,
    /// When the call reached the gateway.
    pub opened_at: WallTime,
    /// Where it is.
    pub place: Place,
    /// Since when.
    pub since: WallTime,
    /// The queue it is in or came from.
    pub queue: Option<QueueSlug>,
    entered: Option<(QueueSlug, WallTime)>,
    offer: Option<OfferId>,
    hold: Option<SegmentId>,
}

impl Board {
    /// An empty board.
    #[must_use]
    pub const fn new(days: BusinessDays) -> Self {
        Self {
            counters: Counters::new(days),
            last: Seq(0),
            date: None,
            totals: BTreeMap::new(),
            queues: BTreeMap::new(),
            agents: BTreeMap::new(),
            contacts: BTreeMap::new(),
        }
    }

    /// A board at start, before the events that follow `seed.last`. Contacts a crash left open must be applied first
    /// through their events (`open`), which add nothing to the seeded counters.
    #[must_use]
    pub fn seeded(days: BusinessDays, seed: BoardSeed, open: &[Event]) -> Self {
        let mut board = Self::new(days);
        for event in open {
            board.counters.apply(event);
            board.live(event);
        }
        drop(board.counters.drain());
        board.agents.clear();
        for (agent, clock) in seed.clocks {
            let since = clock.since.or(seed.last_at).unwrap_or_default();
            let view = board
                .agents
                .entry(agent.clone())
                .or_insert_with(|| AgentView::unknown(since));
            view.intent = clock.intent.clone();
            view.work = clock.work;
            view.device = clock.device;
            board.counters.seed(agent, clock);
        }
        if let Some(at) = seed.last_at {
            board.counters.seed_last(at);
        }
        board.last = seed.last;
        board.date = seed.date;
        board.totals = seed.totals;
        board
    }

    /// Takes one event in; one at or before [`Board::last`] changes nothing.
    pub fn apply(&mut self, event: &Event) {
        if event.seq <= self.last {
            return;
        }
        self.last = event.seq;
        self.counters.apply(event);
        self.collect();
        self.live(event);
    }

    /// The last event taken in.
    #[must_use]
    pub const fn last(&self) -> Seq {
        self.last
    }

    /// The business date the counters are of: the newest any event was counted on.
    #[must_use]
    pub const fn date(&self) -> Option<&BusinessDate> {
        self.date.as_ref()
    }

    /// Begins a later business date with empty counters, though no event came yet.
    pub fn turn(&mut self, date: &BusinessDate) {
        if self.date.as_ref().is_none_or(|present| present < date) {
            self.date = Some(date.clone());
            self.totals.clear();
        }
    }

    /// The counters of the current business date.
    #[must_use]
    pub fn counts(&self, scope: &Scope) -> Counts {
        self.totals.get(scope).cloned().unwrap_or_default()
    }

    /// All scopes counted on the current business date.
    pub fn totals(&self) -> impl Iterator<Item = (&Scope, &Counts)> {
        self.totals.iter()
    }

    /// Contacts waiting in a scope now, whatever their date.
    #[must_use]
    pub fn waiting_count(&self, scope: &Scope) -> u64 {
        self.counters.waiting(scope)
    }

    /// Calls in the IVR in a scope now, whatever their date.
    #[must_use]
    pub fn in_ivr_count(&self, scope: &Scope) -> u64 {
        self.counters.in_ivr(scope)
    }

    /// Those who wait in a queue, first in line first.
    pub fn waiting(&self, queue: &str) -> impl Iterator<Item = WaitingContact> {
        self.queues.get(queue).into_iter().flatten().enumerate().map(
            |(index, (&(enqueued_at, contact), &since))| WaitingContact {
                contact,
                enqueued_at,
                since,
                position: index + 1,
            },
        )
    }

    /// All agents seen so far.
    pub fn agents(&self) -> impl Iterator<Item = (&AgentSlug, &AgentView)> {
        self.agents.iter()
    }

    /// All contacts that are not over, oldest first.
    pub fn contacts(&self) -> impl Iterator<Item = (ContactId, &LiveContact)> {
        self.contacts.iter().map(|(id, contact)| (*id, contact))
    }

    fn collect(&mut self) {
        if self.counters.is_drained() {
            return;
        }
        for (key, delta) in self.counters.drain() {
            self.turn(&key.slot.date);
            if self.date.as_ref() == Some(&key.slot.date) {
                self.totals.entry(key.scope).or_default().add(&delta);
            }
        }
    }

    fn live(&mut self, event: &Event) {
        if let Some(agent) = &event.agent {
            self.agent(agent, event);
        }
        if matches!(event.what, What::Started { .. }) {
            for view in self.agents.values_mut() {
                view.set_work(WorkState::Idle, None, event.at);
                view.set_device(DeviceState::Unreachable, event.at);
            }
        }
        if let Some(id) = event.contact {
            self.contact(id, event);
        }
    }

    fn agent(&mut self, agent: &AgentSlug, event: &Event) {
        if !matches!(
            event.what,
            What::AgentIntent { .. }
                | What::AgentWork { .. }
                | What::AgentDevice { .. }
                | What::AgentDeviceUnusable { .. }
        ) {
            return;
        }
        let view = self
            .agents
            .entry(agent.clone())
            .or_insert_with(|| AgentView::unknown(event.at));
        match &event.what {
            What::AgentIntent { intent } => {
                view.intent = intent.clone();
                view.intent_since = event.at;
            }
            What::AgentWork { work, until } => {
                view.set_work(*work, *until, event.at);
                view.contact = event.contact.filter(|_| *work != WorkState::Idle);
            }
            What::AgentDevice { device } => view.set_device(*device, event.at),
            What::AgentDeviceUnusable { why } => view.unusable = Some(why.clone()),
            _ => {}
        }
    }

    fn contact(&mut self, id: ContactId, event: &Event) {
        if let What::ContactOpened { number, person, .. } = &event.what {
            let contact = LiveContact {
                number: number.clone(),
                person: *person,
                opened_at: event.at,
                place: Place::Ivr,
                since: event.at,
                queue: None,
                entered: None,
                offer: None,
                hold: None,
            };
            self.contacts.insert(id, contact);
            return;
        }
        let Some(contact) = self.contacts.get_mut(&id) else {
            return;
        };
        let before = contact.entered.clone();
        contact.step(event);
        if contact.entered != before {
            if let Some((queue, enqueued_at)) = before
                && let Some(waiting) = self.queues.get_mut(&queue)
            {
                waiting.remove(&(enqueued_at, id));
            }
            if let Some((queue, enqueued_at)) = contact.entered.clone() {
                self.queues
                    .entry(queue)
                    .or_default()
                    .insert((enqueued_at, id), event.at);
            }
        }
        if matches!(event.what, What::ContactClosed { .. }) {
            self.contacts.remove(&id);
        }
    }
}

impl LiveContact {
    fn place(&mut self, place: Place, at: WallTime) {
        if self.place != place {
            self.place = place;
            self.since = at;
        }
    }

    fn step(&mut self, event: &Event) {
        match &event.what {
            What::QueueEntered { enqueued_at, .. } => {
                let Some(queue) = &event.queue else { return };
                self.entered = Some((queue.clone(), *enqueued_at));
                self.queue = Some(queue.clone());
                self.place(Place::Waiting(queue.clone()), event.at);
            }
            What::QueueLeft { exit, .. } => {
                self.entered = None;
                self.offer = None;
                if let (QueueExit::Answered, Some(agent)) = (exit, &event.agent) {
                    self.place(Place::Talking(agent.clone()), event.at);
                } else if *exit != QueueExit::Answered {
                    self.place(Place::Ivr, event.at);
                }
            }
            What::OfferRinging => {
                if let (Some((queue, _)), Some(agent)) = (self.entered.clone(), &event.agent) {
                    self.offer = event.offer;
                    self.place(Place::Ringing(queue, agent.clone()), event.at);
                }
            }
            What::OfferEnded { .. } => {
                if self.offer.take_if(|offer| Some(*offer) == event.offer).is_some()
                    && let Some((queue, _)) = self.entered.clone()
                {
                    self.place(Place::Waiting(queue), event.at);
                }
            }
            What::Bridged { .. } => {
                if let Some(agent) = &event.agent {
                    self.place(Place::Talking(agent.clone()), event.at);
                }
            }
            What::Unbridged => self.place(Place::Ivr, event.at),
            What::SegmentOpened {
                segment_kind: SegmentKind::Hold,
            } => {
                if let Place::Talking(agent) = self.place.clone() {
                    self.hold = event.segment;
                    self.place(Place::Hold(agent), event.at);
                }
            }
            What::SegmentClosed => {
                if self.hold.take_if(|hold| Some(*hold) == event.segment).is_some()
                    && let Place::Hold(agent) = self.place.clone()
                {
                    self.place(Place::Talking(agent), event.at);
                }
            }
            What::ContactClosed { .. } => self.entered = None,
            _ => {}
        }
    }
}

impl AgentView {
    const fn unknown(at: WallTime) -> Self {
        Self {
            intent: Intent::LoggedOut,
            intent_since: at,
            work: WorkState::Idle,
            work_since: at,
            work_until: None,
            device: DeviceState::Unreachable,
            device_since: at,
            unusable: None,
            contact: None,
        }
    }

    fn set_work(&mut self, work: WorkState, until: Option<WallTime>, at: WallTime) {
        if self.work != work {
            self.work = work;
            self.work_since = at;
        }
        self.work_until = until;
        if work == WorkState::Idle {
            self.contact = None;
        }
    }

    fn set_device(&mut self, device: DeviceState, at: WallTime) {
        self.unusable = None;
        if self.device != device {
            self.device = device;
            self.device_since = at;
        }
    }
}
