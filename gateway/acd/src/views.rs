//! What may be read of the engine: for the console, for flows that branch on the calendar, for tests.

use std::time::Duration;

use hotline_journal::BusinessDate;
use hotline_types::{
    AgentSlug, BandSlug, ContactId, DeviceState, Intent, OfferId, QueueSlug, Time, WallTime, WorkState,
};

use crate::agent::{AgentNo, Work};
use crate::calendar::{ANY, Duty};
use crate::{Acd, estimate};

/// One agent as the console shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentView {
    /// The name.
    pub slug: AgentSlug,
    /// What the agent wants.
    pub intent: Intent,
    /// What the agent does.
    pub work: WorkState,
    /// When that ends by itself, if it does.
    pub until: Option<Time>,
    /// Rests after an offer that was not answered; `until` says how long.
    pub cooling_off: bool,
    /// The phone, with what a failed offer has shown of it.
    pub device: DeviceState,
    /// The contact that is offered or talked to.
    pub contact: Option<ContactId>,
    /// The offer that is out.
    pub offer: Option<OfferId>,
    /// Missed offers in a row.
    pub misses: u32,
    /// Rostered on a band that is on now.
    pub on_duty: bool,
    /// A call may be offered now.
    pub routable: bool,
    /// Idle since then, while idle.
    pub idle_since: Option<Time>,
}

/// One queue as the console shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueView {
    /// The name.
    pub slug: QueueSlug,
    /// Callers in it, those being offered included.
    pub waiting: usize,
    /// Callers for whom a phone is being rung.
    pub offered: usize,
    /// When the one who has waited longest entered.
    pub oldest: Option<WallTime>,
    /// Agents on duty and not logged out.
    pub staff: usize,
    /// Agents who can be offered a call now.
    pub free_agents: usize,
    /// Estimated wait of a caller who enters now; none while nobody is on duty.
    pub estimate: Option<Duration>,
}

impl Acd {
    /// The bands that are on at that moment, in the configuration's order.
    #[must_use]
    pub fn bands_on(&self, wall: WallTime) -> Vec<BandSlug> {
        self.with_duty(wall, |duty| {
            duty.on
                .iter()
                .map(|on| self.calendar.slug(on.band).clone())
                .collect()
        })
    }

    /// The date of business that moment belongs to.
    #[must_use]
    pub fn business_date(&self, wall: WallTime) -> BusinessDate {
        self.calendar.business_date(wall)
    }

    /// The bands, on at that moment, for which the agent is rostered. Empty for an unknown agent.
    #[must_use]
    pub fn rostered_bands(&self, agent: &AgentSlug, wall: WallTime) -> Vec<BandSlug> {
        let Some(no) = self.agent_nos.get(agent).copied() else {
            return Vec::new();
        };
        self.with_duty(wall, |duty| self.bands_of(no, duty))
    }

    /// Whether a calendar is open at that moment: a band's slug, or `any` for any band. False for other names.
    #[must_use]
    pub fn is_open(&self, calendar: &str, wall: WallTime) -> bool {
        self.with_duty(wall, |duty| {
            duty.on
                .iter()
                .any(|on| calendar == ANY || self.calendar.slug(on.band).as_str() == calendar)
        })
    }

    /// When the bands that are on next change after the last input; none where no band ever begins.
    #[must_use]
    pub fn next_change(&self) -> Option<WallTime> {
        self.duty.until
    }

    /// The contact's place in its queue, from 1; those being offered keep theirs.
    #[must_use]
    pub fn position(&self, contact: ContactId) -> Option<u32> {
        let caller = self.callers.get(&contact)?;
        let before = self.queues[caller.queue.0].places.range(..caller.place).count();
        Some(u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1))
    }

    /// The contact's estimated wait from now on; none while nobody is on duty for its queue.
    #[must_use]
    pub fn estimate(&self, contact: ContactId) -> Option<Duration> {
        let caller = self.callers.get(&contact)?;
        let queue = &self.queues[caller.queue.0];
        let place = usize::try_from(self.position(contact)?).ok()?;
        estimate::wait(place, queue.staff, queue.handling.mean())
    }

    /// How long the contact has waited, what it brought along included.
    #[must_use]
    pub fn waited(&self, contact: ContactId) -> Option<Duration> {
        Some(self.callers.get(&contact)?.age(self.now.mono))
    }

    /// The contacts in a queue, next first, those being offered included. Empty for an unknown queue.
    #[must_use]
    pub fn waiting(&self, queue: &QueueSlug) -> Vec<ContactId> {
        let places = self.queue_nos.get(queue).map(|no| &self.queues[no.0].places);
        places.into_iter().flatten().map(|place| place.contact).collect()
    }

    /// One queue.
    #[must_use]
    pub fn queue(&self, queue: &QueueSlug) -> Option<QueueView> {
        let state = &self.queues[self.queue_nos.get(queue)?.0];
        let callers = || {
            state
                .places
                .iter()
                .filter_map(|place| self.callers.get(&place.contact))
        };
        Some(QueueView {
            slug: state.slug.clone(),
            waiting: state.places.len(),
            offered: callers().filter(|caller| !caller.offers.is_empty()).count(),
            oldest: callers().map(|caller| caller.entered.wall).min(),
            staff: state.staff,
            free_agents: state.idle.len(),
            estimate: if state.idle.is_empty() {
                estimate::wait(state.places.len() + 1, state.staff, state.handling.mean())
            } else {
                Some(Duration::ZERO)
            },
        })
    }

    /// All queues, in the configuration's order.
    pub fn queues(&self) -> impl Iterator<Item = &QueueSlug> {
        self.queues.iter().map(|queue| &queue.slug)
    }

    /// One agent.
    #[must_use]
    pub fn agent(&self, agent: &AgentSlug) -> Option<AgentView> {
        let state = &self.agents[self.agent_nos.get(agent)?.0];
        Some(AgentView {
            slug: state.slug.clone(),
            intent: state.intent.clone(),
            work: state.work.state(),
            until: state.work.until(),
            cooling_off: matches!(state.work, Work::CoolOff { .. }),
            device: state.device(),
            contact: state.work.contact(),
            offer: state.offer().map(|offer| offer.id),
            misses: state.misses,
            on_duty: state.on_duty,
            routable: state.listed.is_some(),
            idle_since: match state.work {
                Work::Idle { since } => Some(since.at),
                _ => None,
            },
        })
    }

    /// Whether the agent wraps a contact up, so that a disposition says what came of it.
    #[must_use]
    pub fn may_dispose(&self, agent: &AgentSlug) -> bool {
        let no = self.agent_nos.get(agent);
        no.is_some_and(|no| matches!(self.agents[no.0].work, Work::WrapUp { .. }))
    }

    /// All agents, in the configuration's order.
    pub fn agents(&self) -> impl Iterator<Item = &AgentSlug> {
        self.agents.iter().map(|agent| &agent.slug)
    }

    /// The contact of an offer that is out.
    #[must_use]
    pub fn contact_of(&self, offer: OfferId) -> Option<ContactId> {
        let no = self.offers.get(&offer)?;
        self.agents[no.0].work.contact()
    }

    /// The agent who talks with this contact.
    #[must_use]
    pub fn talks_with(&self, contact: ContactId) -> Option<&AgentSlug> {
        self.talks.get(&contact).map(|no| &self.agents[no.0].slug)
    }

    /// Inputs so far that named an unknown agent or queue, or asked a second place for a contact: each is a fault
    /// of the teller. What merely crossed another event on its way is not counted.
    #[must_use]
    pub const fn ignored(&self) -> u64 {
        self.ignored
    }

    /// True where nobody waits, nobody talks and no offer is out.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.callers.is_empty() && self.talks.is_empty() && self.offers.is_empty()
    }

    pub(crate) fn bands_of(&self, no: AgentNo, duty: &Duty) -> Vec<BandSlug> {
        let rostered = duty.on.iter().filter(|on| self.is_rostered(no, **on));
        rostered.map(|on| self.calendar.slug(on.band).clone()).collect()
    }

    fn with_duty<T>(&self, wall: WallTime, read: impl FnOnce(&Duty) -> T) -> T {
        if self.duty.holds(wall) {
            read(&self.duty)
        } else {
            read(&self.calendar.duty(wall))
        }
    }
}
