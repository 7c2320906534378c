//! Agents' clocks and offers: time is booked when it has passed, in the quarter in which it passed.

use hotline_types::{AgentSlug, BandSlug, DeviceState, Intent, OfferId, OfferOutcome, WallTime, WorkState};

use super::{Counters, Served};
use crate::contact::micros;
use crate::{Counts, Event, INTERVAL_US, Scope, Slot, What, interval_of};

/// Longest stretch booked at once, in intervals: 35 days. A clock that stepped further loses the rest.
const STRETCH_INTERVALS_MAX: usize = 96 * 35;

/// One agent's three axes and the moment up to which the time is booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentClock {
    /// What the agent wants.
    pub intent: Intent,
    /// What the agent does.
    pub work: WorkState,
    /// What the phone is.
    pub device: DeviceState,
    /// Time before this is booked; none while the gateway is down.
    pub since: Option<WallTime>,
    /// Where talk, hold and wrap-up count beside the agent's own row.
    pub served: Option<Served>,
    pub(super) offer: Option<OpenOffer>,
}

/// An offer that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OpenOffer {
    id: OfferId,
    slot: Slot,
    bands: Vec<BandSlug>,
}

impl AgentClock {
    /// A clock from a snapshot.
    #[must_use]
    pub const fn new(
        intent: Intent,
        work: WorkState,
        device: DeviceState,
        since: Option<WallTime>,
        served: Option<Served>,
    ) -> Self {
        Self {
            intent,
            work,
            device,
            since,
            served,
            offer: None,
        }
    }

    /// What `passed_us` of the present state adds; none where the state is not counted (logged out).
    fn passed(&self, passed_us: u64) -> Option<Counts> {
        let mut delta = Counts::default();
        let field = match (self.work, &self.intent, self.device) {
            (WorkState::Talking, ..) => &mut delta.talk_us,
            (WorkState::Hold, ..) => &mut delta.hold_us,
            (WorkState::WrapUp, ..) => &mut delta.wrap_up_us,
            (WorkState::Offered, ..) => &mut delta.ring_us,
            (WorkState::Idle, Intent::Ready, DeviceState::Registered) => &mut delta.ready_us,
            (WorkState::Idle, Intent::Ready, DeviceState::Unreachable | DeviceState::BusyElsewhere) => {
                &mut delta.away_us
            }
            (WorkState::Idle, Intent::Paused { .. }, _) => &mut delta.paused_us,
            (WorkState::Idle, Intent::LoggedOut, _) => return None,
        };
        *field = passed_us;
        Some(delta)
    }
}

impl Counters {
    pub(super) fn agent(&mut self, event: &Event) {
        let Some(agent) = &event.agent else { return };
        let mut clock = self.clock_at(agent, event.at);
        match &event.what {
            What::AgentIntent { intent } => clock.intent = intent.clone(),
            What::AgentDevice { device } => clock.device = *device,
            What::AgentWork { work, .. } => {
                clock.work = *work;
                if matches!(work, WorkState::Idle | WorkState::Offered) {
                    clock.served = None;
                }
            }
            What::OfferMade { bands, .. } => {
                if let Some(id) = event.offer {
                    let offer = OpenOffer {
                        id,
                        slot: self.days.slot_of(event.at),
                        bands: bands.clone(),
                    };
                    self.add_offer(
                        agent,
                        &offer,
                        &Counts {
                            offers: 1,
                            ..Counts::default()
                        },
                    );
                    clock.offer = Some(offer);
                }
            }
            What::OfferEnded { outcome, .. } => {
                if let Some(offer) = clock.offer.take_if(|offer| Some(offer.id) == event.offer) {
                    self.add_offer(agent, &offer, &outcome_counts(*outcome));
                }
            }
            _ => {}
        }
        self.clocks.insert(agent.clone(), clock);
    }

    /// Notes for whom the agent works, from the bridge on.
    pub(super) fn serve(&mut self, agent: &AgentSlug, served: Served, at: WallTime) {
        if let Some(clock) = self.clocks.get_mut(agent) {
            clock.served = Some(served);
        } else {
            let clock = AgentClock {
                served: Some(served),
                ..self.clock_at(agent, at)
            };
            self.clocks.insert(agent.clone(), clock);
        }
    }

    /// Counts a handled contact for the agent and the bands of its roster.
    pub(super) fn handled_by(&mut self, agent: &AgentSlug, handled: &Counts, at: WallTime) {
        let slot = self.days.slot_of(at);
        self.add(&slot, Scope::Agent(agent.clone()), handled);
        let roster = self
            .clocks
            .get(agent)
            .and_then(|clock| clock.served.as_ref())
            .map(|served| served.roster.clone());
        for band in roster.unwrap_or_default() {
            self.add(&slot, Scope::Roster(band), handled);
        }
    }

    /// The gateway is up again: what ran when it went down ends with the last event before that, not with this one.
    pub(super) fn restart(&mut self, at: WallTime) {
        let down_at = self.last_at;
        self.book_all(down_at);
        for clock in self.clocks.values_mut() {
            clock.work = WorkState::Idle;
            clock.device = DeviceState::Unreachable;
            clock.since = Some(at);
            clock.served = None;
        }
    }

    /// The gateway goes down in good order.
    pub(super) fn stop(&mut self, at: WallTime) {
        self.book_all(at);
        for clock in self.clocks.values_mut() {
            clock.since = None;
        }
    }

    fn book_all(&mut self, at: WallTime) {
        let agents: Vec<AgentSlug> = self.clocks.keys().cloned().collect();
        for agent in agents {
            let clock = self.clock_at(&agent, at);
            self.clocks.insert(agent, clock);
        }
    }

    /// Takes an agent's clock out, booked up to `at`; a new one where the agent was not known.
    fn clock_at(&mut self, agent: &AgentSlug, at: WallTime) -> AgentClock {
        let Some(mut clock) = self.clocks.remove(agent) else {
            return AgentClock::new(
                Intent::LoggedOut,
                WorkState::Idle,
                DeviceState::Unreachable,
                Some(at),
                None,
            );
        };
        if let Some(since) = clock.since {
            self.book(agent, &clock, since, at);
        }
        clock.since = Some(clock.since.map_or(at, |since| since.max(at)));
        clock
    }

    fn book(&mut self, agent: &AgentSlug, clock: &AgentClock, since: WallTime, until: WallTime) {
        let mut from = since;
        for _ in 0..STRETCH_INTERVALS_MAX {
            if from >= until {
                return;
            }
            let end = WallTime::from_micros(interval_of(from).as_micros() + INTERVAL_US).min(until);
            let Some(delta) = clock.passed(micros(end.since(from))) else {
                return;
            };
            let slot = self.days.slot_of(from);
            self.add(&slot, Scope::Agent(agent.clone()), &delta);
            if matches!(
                clock.work,
                WorkState::Talking | WorkState::Hold | WorkState::WrapUp
            ) && let Some(served) = &clock.served
            {
                self.book_served(served, &slot, &delta);
            }
            from = end;
        }
    }

    fn book_served(&mut self, served: &Served, passed: &Slot, delta: &Counts) {
        if let Some((queue, slot)) = &served.queue {
            self.add(slot, Scope::Queue(queue.clone()), delta);
        }
        if let Some((slot, bands)) = &served.first {
            self.add(slot, Scope::Total, delta);
            for band in bands {
                self.add(slot, Scope::Coverage(band.clone()), delta);
            }
        }
        for band in &served.roster {
            self.add(passed, Scope::Roster(band.clone()), delta);
        }
    }

    fn add_offer(&mut self, agent: &AgentSlug, offer: &OpenOffer, delta: &Counts) {
        self.add(&offer.slot, Scope::Agent(agent.clone()), delta);
        for band in &offer.bands {
            self.add(&offer.slot, Scope::Roster(band.clone()), delta);
        }
    }
}

fn outcome_counts(outcome: OfferOutcome) -> Counts {
    let mut delta = Counts::default();
    match outcome {
        OfferOutcome::Answered => delta.offers_answered = 1,
        OfferOutcome::Missed => delta.offers_missed = 1,
        OfferOutcome::Rejected => delta.offers_rejected = 1,
        OfferOutcome::Busy => delta.offers_busy = 1,
        OfferOutcome::Unreachable => delta.offers_unreachable = 1,
        OfferOutcome::Failed => delta.offers_failed = 1,
        OfferOutcome::Withdrawn => delta.offers_withdrawn = 1,
    }
    delta
}
