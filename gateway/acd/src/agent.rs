//! One agent: intent, work and device, three axes that are never merged, and the place in the row of idle agents.

use std::time::Duration;

use hotline_types::{AgentSlug, ContactId, DeviceState, Intent, OfferId, Time, WorkState};

use crate::calendar::BandNo;
use crate::queue::QueueNo;
use crate::rules::WrapUpRule;

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
        since: Time,
    },
    /// After-call work.
    WrapUp {
        until: Time,
        /// The contact it is about, and how it ends.
        contact: ContactId,
        rule: WrapUpRule,
    },
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
            Self::CoolOff { until, .. } | Self::WrapUp { until, .. } => Some(*until),
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

/// A pause that a rule limits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pause {
    pub(crate) longest: Option<Duration>,
    pub(crate) team_max: Option<u32>,
}

/// A queue that an agent serves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Serves {
    pub(crate) queue: QueueNo,
    /// The agent's index among the queue's members.
    pub(crate) member: usize,
}

/// What an agent has done since duty began: what the policies compare.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    /// Calls taken.
    pub(crate) calls: u32,
    /// Talk, hold and wrap-up.
    pub(crate) busy: Duration,
    /// Ready and idle.
    pub(crate) ready: Duration,
    /// Up to when the two are added up.
    pub(crate) until: Time,
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
    pub(crate) queues: Vec<Serves>,
    pub(crate) team: Option<String>,
    /// Levels by the skill's number.
    pub(crate) levels: Vec<u8>,
    pub(crate) load: Load,
    /// Whether callers who want this agent wait for it: on duty, ready, with a phone.
    pub(crate) awaited: bool,
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

    /// On duty, ready and with a phone, whatever it does now.
    pub(crate) fn is_awaited(&self) -> bool {
        self.on_duty && self.intent == Intent::Ready && self.told == DeviceState::Registered
    }

    /// Adds up what the agent has been doing since the last call of this.
    pub(crate) fn add_load(&mut self, now: Time) {
        let past = now.since(self.load.until);
        self.load.until = now;
        match self.work {
            Work::Talking { .. } | Work::WrapUp { .. } => self.load.busy += past,
            Work::Idle { .. } if self.intent == Intent::Ready => self.load.ready += past,
            Work::Idle { .. } | Work::CoolOff { .. } | Work::Offered(_) => {}
        }
    }

    /// Share of busy time since duty began, in millionths.
    pub(crate) fn occupied_ppm(&self, now: Time) -> u64 {
        let past = now.since(self.load.until);
        let ready = match self.work {
            Work::Idle { .. } if self.intent == Intent::Ready => self.load.ready + past,
            _ => self.load.ready,
        };
        let whole = (self.load.busy + ready).as_micros();
        let busy = self.load.busy.as_micros();
        u64::try_from((busy * 1_000_000).checked_div(whole).unwrap_or(0)).unwrap_or(u64::MAX)
    }

    /// The offer that is out to it.
    pub(crate) const fn offer(&self) -> Option<&Offer> {
        match &self.work {
            Work::Offered(offer) => Some(offer),
            _ => None,
        }
    }
}
