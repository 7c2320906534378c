//! Settings of how calls are routed: policies, needs, overflow, pauses, holidays, seats.

use std::time::Duration;

use hotline_types::{AgentSlug, BandSlug, QueueSlug};
use serde::Serialize;

use super::{as_text, as_text_or_none};

/// Which agent of a queue is rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoutingPolicy {
    /// Who has been idle longest.
    LongestIdle,
    /// Who has the least share of busy time since duty began.
    LeastOccupied,
    /// Who took fewest calls since duty began.
    FewestCalls,
    /// The next in turn.
    RoundRobin,
    /// The first of the order.
    Linear,
    /// By lot.
    WeightedRandom,
    /// Several at once.
    RingAll,
    /// One more after each while.
    Progressive,
}

/// What ends after-call work before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WrapUpEnds {
    /// The agent, by "ready".
    Optional,
    /// Nothing.
    Timed,
    /// A disposition.
    Disposition,
}

/// How a queue picks, relaxes and overflows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QueueRules {
    /// Which agent is rung.
    pub policy: RoutingPolicy,
    /// Phones at once, where the policy rings several.
    pub at_once: u32,
    /// Time between two additions of `progressive`.
    #[serde(serialize_with = "as_text")]
    pub add_every: Duration,
    /// How long a caller waits for the agent who served it last.
    #[serde(serialize_with = "as_text")]
    pub prefer_last: Duration,
    /// Skills needed, relaxing.
    pub needs: Vec<Need>,
    /// Agents who stand to it in a way of their own.
    pub tiers: Vec<Tier>,
    /// Where callers are sent early.
    pub overflow: Vec<Overflow>,
    /// What ends after-call work.
    pub wrap_up_ends: WrapUpEnds,
}

/// What a call needs from some wait on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Need {
    /// The wait.
    #[serde(serialize_with = "as_text")]
    pub after: Duration,
    /// An expression over skills.
    pub needs: String,
}

/// How some agents stand to a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tier {
    /// The agents.
    pub agents: Vec<AgentSlug>,
    /// Seconds of wait that its calls are worth more.
    #[serde(serialize_with = "as_text")]
    pub worth: Duration,
    /// Wait from which they help.
    #[serde(serialize_with = "as_text")]
    pub delay: Duration,
    /// Share in a draw by lot.
    pub weight: u32,
}

/// What sends a caller on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OverflowWhen {
    /// A wait in the queue.
    Wait(#[serde(serialize_with = "as_text")] Duration),
    /// An estimated wait at entry.
    Estimate(#[serde(serialize_with = "as_text")] Duration),
    /// Callers waiting at entry.
    Length(usize),
    /// Nobody on duty.
    NoStaff,
}

/// One overflow rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Overflow {
    /// When.
    pub when: OverflowWhen,
    /// Into this queue.
    pub to: QueueSlug,
}

/// A skill of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skill {
    /// Its name.
    pub name: String,
    /// 1 to 10.
    pub level: u8,
}

/// A reason to pause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pause {
    /// Its code.
    pub slug: String,
    /// After this a supervisor is told.
    #[serde(serialize_with = "as_text_or_none")]
    pub longest: Option<Duration>,
    /// Agents of one team in it at once.
    pub team_max: Option<u32>,
}

/// Dates on which exactly these bands begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Holiday {
    /// The dates, `YYYY-MM-DD`.
    pub dates: Vec<String>,
    /// The bands.
    pub bands: Vec<BandSlug>,
}

/// Seats that a band must have within some hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Seats {
    /// Minute of the day from which.
    pub from_min: u16,
    /// Minute of the day until which; at or before `from_min` on the next day.
    pub until_min: u16,
    /// How many.
    pub min: u32,
}
