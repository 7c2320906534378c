//! The fold of counters: turns events into additions to the rows of [`Counts`], by interval and scope.
//!
//! Rules of attribution. A call counts for its number, the total and the bands on at its arrival, in the interval of
//! its arrival. An entry into a queue counts in that queue, in the interval of the entry, with the wait in that
//! queue. For the total and the bands a contact counts **once**, however many queues it enters: in the interval and
//! the bands of its first entry, with the first exit that is not a flow-out, and the wait since that first entry; it
//! counts as flowed out only if it is over without any other exit, and as waiting until then. Its number counts the same
//! once, in the interval of the arrival. Talk, hold and wrap-up
//! count for queue, total and bands where the contact was counted, and for agent and roster in the interval in which
//! the time passed. Offers count in the interval in which they were made.

mod agents;
mod calls;

use std::collections::BTreeMap;

use hotline_types::{AgentSlug, BandSlug, ContactId, QueueSlug, WallTime};

pub use agents::AgentClock;
use calls::Call;

use crate::{BusinessDays, CounterKey, Counts, Event, Scope, Slot, What};

/// Additions to rows, by row.
pub type Deltas = BTreeMap<CounterKey, Counts>;

/// The fold. Holds one small entry per open contact and one clock per agent.
#[derive(Clone, Debug)]
pub struct Counters {
    calls: BTreeMap<ContactId, Call>,
    clocks: BTreeMap<AgentSlug, AgentClock>,
    deltas: Deltas,
    days: BusinessDays,
    last_at: WallTime,
}

/// Where the time an agent gives to a contact is counted beside the agent's own row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// The queue the contact came from and the slot of its entry.
    pub queue: Option<(QueueSlug, Slot)>,
    /// The slot of its first entry into any queue, and the bands on then.
    pub first: Option<(Slot, Vec<BandSlug>)>,
    /// The bands the agent was rostered on.
    pub roster: Vec<BandSlug>,
}

impl Counters {
    /// Having seen nothing. `days` tells the business date of the time agents spend.
    #[must_use]
    pub const fn new(days: BusinessDays) -> Self {
        Self {
            calls: BTreeMap::new(),
            clocks: BTreeMap::new(),
            deltas: BTreeMap::new(),
            days,
            last_at: WallTime::from_micros(i64::MIN),
        }
    }

    /// Takes one event in. What it adds waits for [`Counters::drain`].
    pub fn apply(&mut self, event: &Event) {
        match &event.what {
            What::Started { .. } => self.restart(event.at),
            What::Stopped => self.stop(event.at),
            What::ContactOpened { .. }
            | What::ContactClosed { .. }
            | What::QueueEntered { .. }
            | What::QueueLeft { .. }
            | What::Unbridged => self.call(event),
            What::Bridged { bands } => {
                self.bridged(event, bands);
            }
            What::OfferMade { .. }
            | What::OfferEnded { .. }
            | What::AgentIntent { .. }
            | What::AgentWork { .. }
            | What::AgentDevice { .. } => self.agent(event),
            What::CallerConnected
            | What::FlowNode { .. }
            | What::FlowHeard { .. }
            | What::FlowNoted { .. }
            | What::SurveyAnswered { .. }
            | What::MessageKept { .. }
            | What::CallBackRequested { .. }
            | What::FlowActivated { .. }
            | What::EmergencySet { .. }
            | What::SegmentOpened { .. }
            | What::SegmentClosed
            | What::OfferRinging
            | What::PopLate
            | What::RecordingStarted { .. }
            | What::RecordingSealed { .. }
            | What::RecordingFailed { .. }
            | What::RecordingPaused { .. }
            | What::RecordingResumed
            | What::RecordingSkipped
            | What::RecordingHeard { .. }
            | What::RecordingDisk { .. }
            | What::Disposed { .. }
            | What::AgentReleased { .. }
            | What::PauseOverrun { .. }
            | What::SeatsShort { .. }
            | What::SeatsFilled { .. }
            | What::MediaMeasured { .. }
            | What::AgentDeviceUnusable { .. }
            | What::OutsideDialled { .. }
            | What::OutsideAnswered { .. }
            | What::OutsideFailed { .. }
            | What::TrunkUp { .. }
            | What::TrunkDown { .. } => {}
        }
        self.last_at = self.last_at.max(event.at);
    }

    /// Takes out what was added since the last time.
    #[must_use]
    pub fn drain(&mut self) -> Deltas {
        std::mem::take(&mut self.deltas)
    }

    /// True where nothing was added since the last [`Counters::drain`].
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.deltas.is_empty()
    }

    /// Contacts that wait, counted from the contacts themselves and not as a difference: for a queue those in it, for
    /// the total and a band those that entered a queue and have no exit that counts yet.
    #[must_use]
    pub fn waiting(&self, scope: &Scope) -> u64 {
        count(self.calls.values().filter(|call| call.waits_for(scope)))
    }

    /// Calls that have reached the gateway and are neither queued nor over, counted from the calls themselves.
    #[must_use]
    pub fn in_ivr(&self, scope: &Scope) -> u64 {
        count(self.calls.values().filter(|call| call.in_ivr_of(scope)))
    }

    /// The clocks of the agents, for a snapshot.
    pub fn clocks(&self) -> impl Iterator<Item = (&AgentSlug, &AgentClock)> {
        self.clocks.iter()
    }

    /// The clock of one agent.
    #[must_use]
    pub fn clock(&self, agent: &str) -> Option<&AgentClock> {
        self.clocks.get(agent)
    }

    /// At start, after the events of the open contacts were applied and drained away: an agent's clock as the
    /// snapshot has it, and the time of the journal's last event.
    pub fn seed(&mut self, agent: AgentSlug, clock: AgentClock) {
        let offer = self.clocks.remove(agent.as_str()).and_then(|known| known.offer);
        self.clocks.insert(agent, AgentClock { offer, ..clock });
    }

    /// At start: the time of the journal's last event, at which clocks left running by a crash are stopped.
    pub fn seed_last(&mut self, at: WallTime) {
        self.last_at = self.last_at.max(at);
    }

    fn add(&mut self, slot: &Slot, scope: Scope, delta: &Counts) {
        self.deltas
            .entry(CounterKey {
                slot: slot.clone(),
                scope,
            })
            .or_default()
            .add(delta);
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u64 {
    items.fold(0, |sum, _| sum + 1)
}
