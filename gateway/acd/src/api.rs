//! The contract of the queue engine: what goes in, what comes out. See `Acd` for the order of calls.

use std::collections::BTreeMap;
use std::time::Duration;

use hotline_journal::{By, Draft};
use hotline_types::{
    AgentSlug, BandSlug, ContactId, DeviceState, FlowOutReason, Intent, LostReason, OfferId, OfferOutcome,
    QueueSlug, Time, WallTime,
};

use crate::rules::QueueRules;

/// How a plain softphone logs its agent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// The first registration since the process knows the agent makes a logged-out agent ready.
    Register,
    /// Only a command does.
    Explicit,
}

/// One queue.
#[derive(Clone, Debug)]
pub struct Queue {
    /// Its name.
    pub slug: QueueSlug,
    /// Agents that serve it; duty is decided by the roster.
    pub agents: Vec<AgentSlug>,
    /// Callers it holds at most; the next flows out as full.
    pub capacity: usize,
    /// Longest wait before the caller flows out.
    pub wait_max: Duration,
    /// How long an offer rings.
    pub ring: Duration,
    /// An offer is not made if the caller's own deadline leaves less than this.
    pub ring_min: Duration,
    /// Wrap-up after a talk of this queue; zero: none.
    pub wrap_up: Duration,
    /// How it picks, relaxes and overflows.
    pub rules: QueueRules,
}

/// One agent.
#[derive(Clone, Debug)]
pub struct Agent {
    /// The name.
    pub slug: AgentSlug,
    /// The intent to begin with: logged out, or what the journal says it was.
    pub intent: Intent,
    /// The agent's team, for limits of pauses.
    pub team: Option<String>,
    /// What the agent can do: level per skill, 1 to [`LEVEL_MAX`](crate::LEVEL_MAX).
    pub skills: BTreeMap<String, u8>,
}

/// One shift band: local clock times in the hotline's zone. `until` at or before `from` crosses midnight and
/// belongs to the date it began.
#[derive(Clone, Debug)]
pub struct Band {
    /// Its name.
    pub slug: BandSlug,
    /// Minute of the day it begins, 0 to 1439.
    pub from_min: u16,
    /// Minute of the day it ends, 1 to 1440.
    pub until_min: u16,
    /// Weekdays on which it begins, Monday first.
    pub days: [bool; 7],
    /// Seats it must have, by the hour.
    pub seats: Vec<Seats>,
}

/// Seats that a band must have between two local clock times; what lies outside the band is not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seats {
    /// Minute of the day from which, 0 to 1439; before the band's own beginning it is on the next day.
    pub from_min: u16,
    /// Minute of the day until which, 1 to 1440; at or before `from_min` it is on the next day.
    pub until_min: u16,
    /// Agents who must be rostered on the band and logged in.
    pub min: u32,
}

/// A date on which exactly these bands begin, whatever their weekdays say.
#[derive(Clone, Debug)]
pub struct Holiday {
    /// The date, `YYYY-MM-DD`.
    pub date: String,
    /// The bands.
    pub bands: Vec<BandSlug>,
}

/// A reason to pause.
#[derive(Clone, Debug)]
pub struct PauseRule {
    /// Its code.
    pub code: String,
    /// After this a supervisor is told.
    pub longest: Option<Duration>,
    /// Agents of one team who may be in it at once.
    pub team_max: Option<u32>,
}

/// Who is on a band, on which weekdays (of the band's beginning).
#[derive(Clone, Debug)]
pub struct RosterEntry {
    /// The band.
    pub band: BandSlug,
    /// The agent.
    pub agent: AgentSlug,
    /// Weekdays, Monday first.
    pub days: [bool; 7],
    /// These dates (`YYYY-MM-DD`) in place of weekdays: on them the band has the agents of such entries and no others.
    pub dates: Vec<String>,
}

/// Settings of the engine.
#[derive(Clone, Debug)]
pub struct AcdConfig {
    /// All queues.
    pub queues: Vec<Queue>,
    /// All agents.
    pub agents: Vec<Agent>,
    /// All bands.
    pub bands: Vec<Band>,
    /// The roster.
    pub roster: Vec<RosterEntry>,
    /// IANA zone of the hotline.
    pub time_zone: String,
    /// Minute of the day at which the business date begins.
    pub business_day_start_min: u16,
    /// How plain softphones log in.
    pub login: Login,
    /// Rest of an agent after an offer that was not answered.
    pub cool_off: Duration,
    /// Misses in a row after which the agent is paused with reason `rona`.
    pub misses_max: u32,
    /// Dates on which other bands are on.
    pub holidays: Vec<Holiday>,
    /// Reasons to pause; empty: any word will do.
    pub pauses: Vec<PauseRule>,
}

/// What the world tells the engine.
#[derive(Clone, Debug)]
pub enum Input {
    /// A contact asks for a place.
    Enqueue {
        /// The contact.
        contact: ContactId,
        /// The queue.
        queue: QueueSlug,
        /// The time that counts for its place: now, or an older one it brings.
        enqueued_at: WallTime,
        /// Added to the wait when places are compared.
        priority: Duration,
        /// The agent who served this caller last, where that is known and recent.
        last_agent: Option<AgentSlug>,
    },
    /// A contact gives its place up.
    Leave {
        /// The contact.
        contact: ContactId,
        /// Why.
        why: Leave,
    },
    /// The agent's phone rings.
    OfferRinging {
        /// The offer.
        offer: OfferId,
    },
    /// The agent's phone answered; answered by `Effect::Connect` or `Effect::Stale`.
    OfferAnswered {
        /// The offer.
        offer: OfferId,
    },
    /// The offer ended without an answer, told by the phone.
    OfferFailed {
        /// The offer.
        offer: OfferId,
        /// Rejected, busy, unreachable or failed.
        outcome: OfferOutcome,
        /// The SIP status, where one did it.
        sip_status: Option<u16>,
    },
    /// The talk of this contact is over: its agent goes to wrap-up.
    TalkEnded {
        /// The contact.
        contact: ContactId,
    },
    /// The agent put the caller on hold, or took it back.
    Held {
        /// The contact.
        contact: ContactId,
        /// On or off.
        held: bool,
    },
    /// This agent has the contact from now on, without an offer: a transfer. The talk that it had must have ended
    /// before; the agent must not be in another.
    TakeOver {
        /// The contact.
        contact: ContactId,
        /// The agent.
        agent: AgentSlug,
        /// The queue whose rules hold for the wrap-up.
        queue: QueueSlug,
    },
    /// The state of an agent's phone.
    Device {
        /// The agent.
        agent: AgentSlug,
        /// Its phone.
        device: DeviceState,
    },
    /// An agent has phones registered, and none of them can be called.
    DeviceUnusable {
        /// The agent.
        agent: AgentSlug,
        /// Why, for a supervisor to read.
        why: String,
    },
    /// Someone set an agent's intent.
    Intent {
        /// The agent.
        agent: AgentSlug,
        /// The new one.
        intent: Intent,
        /// Who.
        by: By,
    },
    /// The agent, or somebody for it, said what came of the contact that is being wrapped up.
    Disposed {
        /// The agent.
        agent: AgentSlug,
        /// Code of the disposition.
        code: String,
        /// Who.
        by: By,
    },
    /// Frees an agent whatever the engine believes: offers end, wrap-up ends, cool-off ends, a pause for missed
    /// offers ends. A talk in progress is named in `Effect::EndTalk`. Always works.
    Release {
        /// The agent.
        agent: AgentSlug,
        /// Who.
        by: By,
    },
    /// The deadline of the last `Output::Timeout` has come.
    Timeout,
}

/// Why a contact leaves its queue, told from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// The caller hung up.
    HungUp,
    /// The flow takes it elsewhere.
    FlowedOut(FlowOutReason),
    /// The system lost it.
    Lost(LostReason),
}

/// What the engine wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ring this agent for this contact.
    Offer {
        /// The offer.
        offer: OfferId,
        /// The contact.
        contact: ContactId,
        /// The agent.
        agent: AgentSlug,
        /// The queue.
        queue: QueueSlug,
    },
    /// Stop ringing: deadline reached, or the contact has gone. The offer is over already.
    Withdraw {
        /// The offer.
        offer: OfferId,
        /// The contact it was made for.
        contact: ContactId,
        /// Missed, unreachable (it never rang, or its phone has gone) or withdrawn.
        outcome: OfferOutcome,
    },
    /// The answer counts: bridge.
    Connect {
        /// The offer.
        offer: OfferId,
        /// The contact.
        contact: ContactId,
        /// The agent.
        agent: AgentSlug,
    },
    /// The answer comes too late: hang the phone up.
    Stale {
        /// The offer.
        offer: OfferId,
    },
    /// The contact leaves the queue by a rule; the flow goes on at this exit.
    Exit {
        /// The contact.
        contact: ContactId,
        /// Timeout, full or nobody on duty.
        why: FlowOutReason,
    },
    /// The contact was moved into another queue by an overflow rule; it waits on there.
    Moved {
        /// The contact.
        contact: ContactId,
        /// The queue it waits in now.
        queue: QueueSlug,
    },
    /// The agent was released by hand: end this talk.
    EndTalk {
        /// The contact.
        contact: ContactId,
    },
}

/// What the engine says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Do this.
    Effect(Effect),
    /// This happened. QueueEntered, QueueLeft, OfferMade, OfferRinging, OfferEnded, AgentIntent, AgentWork,
    /// AgentDevice are the engine's to tell, all with their ids filled in.
    Event(Draft),
    /// Nothing more now; call again with `Input::Timeout` then. None: no timer runs.
    Timeout(Option<Time>),
}
