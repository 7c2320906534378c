//! The rules of a queue beyond its limits: which policy picks, who helps when, what is required, where it overflows.

use std::collections::BTreeMap;
use std::time::Duration;

use hotline_types::{AgentSlug, QueueSlug};

use crate::skills::Requirement;

/// Most phones that one caller may ring at once.
pub const RING_AT_ONCE_MAX: usize = 20;

/// Most steps of a requirement that relaxes.
pub const STEPS_MAX: usize = 8;

/// Most overflow rules of one queue.
pub const OVERFLOWS_MAX: usize = 8;

/// Which agent of those who may take a call is rung: `pick_agent` of a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Who has been idle longest, one clock per agent over all queues.
    #[default]
    LongestIdle,
    /// Whose share of busy time since duty began is least (talk, hold, wrap-up against those and idle-ready).
    LeastOccupied,
    /// Who took fewest calls since duty began.
    FewestCalls,
    /// The next after the one rung last, in the order of the queue's agents.
    RoundRobin,
    /// The first in the order of the queue's agents.
    Linear,
    /// By lot, in proportion to the agents' weights.
    WeightedRandom,
    /// This many at once, longest idle first; the first answer wins.
    RingAll {
        /// Phones at once, 2 to [`RING_AT_ONCE_MAX`].
        at_once: usize,
    },
    /// One, and while nobody answers one more at each `every`; the first answer wins.
    Progressive {
        /// Phones at once, 2 to [`RING_AT_ONCE_MAX`].
        at_once: usize,
        /// Time between two additions.
        every: Duration,
    },
}

impl Policy {
    /// Phones at once when a caller begins to be offered.
    pub(crate) const fn at_first(self) -> usize {
        match self {
            Self::RingAll { at_once } => at_once,
            _ => 1,
        }
    }
}

/// How one agent stands to one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Seconds of wait that this queue's calls are worth more to this agent than other queues' calls. Of agents for
    /// one call, those to whom the queue is worth most are rung first.
    pub worth: Duration,
    /// The agent helps this queue only with calls that have waited this long.
    pub delay: Duration,
    /// Share in a draw by lot, 1 to 1000.
    pub weight: u32,
}

impl Default for Tier {
    fn default() -> Self {
        Self {
            worth: Duration::ZERO,
            delay: Duration::ZERO,
            weight: 1,
        }
    }
}

/// From this much wait on, agents who meet this will do as well. What was once enough stays enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkillStep {
    /// Wait from which it holds; the first step has none.
    pub after: Duration,
    /// What an agent must have.
    pub needs: Requirement,
}

/// What makes a queue send a caller away before the longest wait is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// It has waited this long in this queue.
    Waited(Duration),
    /// Its estimated wait at entry is longer than this.
    Estimate(Duration),
    /// At its entry this many wait already.
    Length(usize),
    /// Nobody is on duty and logged in for the queue.
    NoStaff,
}

/// One overflow rule: the first that applies is taken. The place's time of enqueuing is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overflow {
    /// When.
    pub when: When,
    /// Into this queue. A contact enters no queue a second time by overflow; such a rule is passed over.
    pub to: QueueSlug,
}

/// How after-call work ends. Its length is the queue's `wrap_up`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WrapUpRule {
    /// By time, or sooner by "ready".
    #[default]
    Optional,
    /// By time only.
    Timed,
    /// By a disposition; by time too, which then is counted as a disposition that is missing.
    UntilDisposition,
}

/// What a queue does beyond its limits. The default rings who has been idle longest and sends nobody away early.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueRules {
    /// Which agent a call rings.
    pub policy: Policy,
    /// Agents who stand to the queue in a way of their own; all others have [`Tier::default`].
    pub tiers: BTreeMap<AgentSlug, Tier>,
    /// What callers need, relaxing with their wait; none: everybody will do.
    pub steps: Vec<SkillStep>,
    /// A caller whose last agent is known waits this long for that agent, while the agent is ready; zero: not at all.
    pub prefer_last: Duration,
    /// Where callers are sent early, in the order of asking.
    pub overflow: Vec<Overflow>,
    /// How after-call work ends.
    pub wrap_up: WrapUpRule,
}
