//! One agent: intent, work and device, three axes that are never merged, and the place in the row of idle agents.

use hotline_types::{AgentSlug, ContactId, DeviceState, Intent, OfferId, Time, WorkState};

use crate::calendar::BandNo;
use crate::queue::QueueNo;

/// Index of an agent in the configuration's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AgentNo(pub(crate) usize);

/// Place in the row of idle agents: the smallest has been idle longest. One clock per agent over all queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct IdleSince {
    /// When the agent became idle.
    pub(crate) at: Time,
    /// Order among those who became so at the same moment.
    pub(crate) turn: u64,
    /// The agent.
    pub(crate) agent: AgentNo,
}

/// An offer that is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) id: OfferId,
    pub(crate) contact: ContactId,
    pub(crate) queue: QueueNo,
    /// When it ends unanswered: allows for the time until the phone rings, and is moved forward once it does.
    pub(crate) deadline: Time,
    /// Whether the phone has rung.
    pub(crate) ringing: bool,
    /// The agent's place in the row, given back if the caller goes first.
    pub(crate) idle: IdleSince,
}

/// What the agent is doing. Transient states carry their deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Nothing.
    Idle { since: IdleSince },
    /// Rests after an offer that was not answered.
    CoolOff {
        until: Time,
        /// What the failed offer showed the phone to be, believed as long as the rest lasts.
        device: Option<DeviceState>,
    },
    /// An offer is out.
    Offered(Offer),
    /// Talks, or holds the caller.
    Talking {
        contact: ContactId,
        queue: QueueNo,
        held: bool,
    },
    /// After-call work.
    WrapUp { until: Time },
}

impl Work {
    /// The journal's word for it. Cool-off is idleness with a deadline.
    pub(crate) const fn state(&self) -> WorkState {
        match self {
            Self::Idle { .. } | Self::CoolOff { .. } => WorkState::Idle,
            Self::Offered(_) => WorkState::Offered,
            Self::Talking { held: false, .. } => WorkState::Talking,
            Self::Talking { held: true, .. } => WorkState::Hold,
            Self::WrapUp { .. } => WorkState::WrapUp,
        }
    }

    /// When it ends by itself, if it does.
    pub(crate) const fn until(&self) -> Option<Time> {
        match self {
            Self::Idle { .. } | Self::Talking { .. } => None,
            Self::CoolOff { until, .. } | Self::WrapUp { until } => Some(*until),
            Self::Offered(offer) => Some(offer.deadline),
        }
    }

    /// The contact it is about.
    pub(crate) const fn contact(&self) -> Option<ContactId> {
        match self {
            Self::Idle { .. } | Self::CoolOff { .. } | Self::WrapUp { .. } => None,
            Self::Offered(offer) => Some(offer.contact),
            Self::Talking { contact, .. } => Some(*contact),
        }
    }
}

/// A line of the roster that is this agent's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shift {
    pub(crate) band: BandNo,
    /// Weekdays of the band's beginning, Monday first.
    pub(crate) days: [bool; 7],
}

/// One agent.
#[derive(Debug)]
pub(crate) struct AgentState {
    pub(crate) slug: AgentSlug,
    pub(crate) intent: Intent,
    pub(crate) work: Work,
    /// The phone as last told from outside.
    pub(crate) told: DeviceState,
    /// Why the registered phone cannot be offered calls.
    pub(crate) unusable: Option<String>,
    /// Whether the journal was told so.
    pub(crate) shown_unusable: bool,
    /// The phone as last written to the journal.
    pub(crate) shown: DeviceState,
    /// Whether the phone has registered since the engine began: only the first time logs in.
    pub(crate) registered_before: bool,
    /// Missed offers in a row.
    pub(crate) misses: u32,
    /// The queues it serves.
    pub(crate) queues: Vec<QueueNo>,
    pub(crate) shifts: Vec<Shift>,
    /// Rostered on a band that is on now.
    pub(crate) on_duty: bool,
    /// Counted as staff of its queues.
    pub(crate) staff: bool,
    /// Where its queues list it as free, while they do.
    pub(crate) listed: Option<IdleSince>,
}

impl AgentState {
    /// The phone, with what a failed offer has shown of it.
    pub(crate) const fn device(&self) -> DeviceState {
        match (self.told, self.work) {
            (
                DeviceState::Registered,
                Work::CoolOff {
                    device: Some(seen), ..
                },
            ) => seen,
            (told, _) => told,
        }
    }

    /// On duty and not logged out.
    pub(crate) fn is_staff(&self) -> bool {
        self.on_duty && self.intent != Intent::LoggedOut
    }

    /// Its place among the free agents, where a call may be offered to it now.
    pub(crate) fn routable(&self) -> Option<IdleSince> {
        let callable = self.device() == DeviceState::Registered && self.unusable.is_none();
        let willing = self.on_duty && self.intent == Intent::Ready && callable;
        match self.work {
            Work::Idle { since } if willing => Some(since),
            _ => None,
        }
    }

    /// The offer that is out to it.
    pub(crate) const fn offer(&self) -> Option<&Offer> {
        match &self.work {
            Work::Offered(offer) => Some(offer),
            _ => None,
        }
    }
}
