//! One queue and its callers: places, who may be offered, how many agents stand behind it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hotline_types::{ContactId, Now, QueueSlug, Time, WallTime};

use crate::agent::{AgentNo, IdleSince};
use crate::estimate::Handling;
use crate::rules::{Policy, Tier, When, WrapUpRule};
use crate::skills::Needs;

/// Index of a queue in the configuration's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct QueueNo(pub(crate) usize);

/// A caller's place: the smallest is next. Comparing these keys is comparing wait + priority at any one moment,
/// because both grow alike: wait + priority = now - `rank_us`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Time of enqueuing less the priority, UTC microseconds.
    pub(crate) rank_us: i64,
    /// Order of entry: settles ties.
    pub(crate) entry: u64,
    /// Whose place it is.
    pub(crate) contact: ContactId,
}

impl Place {
    /// The place of a caller who counts from `enqueued_at`, which the future cannot hold.
    pub(crate) fn new(
        now: WallTime,
        enqueued_at: WallTime,
        priority: Duration,
        entry: u64,
        contact: ContactId,
    ) -> Self {
        let rank_us = (enqueued_at.min(now) - priority).as_micros();
        Self {
            rank_us,
            entry,
            contact,
        }
    }
}

/// One caller in a queue.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) queue: QueueNo,
    pub(crate) place: Place,
    /// When it entered this queue.
    pub(crate) entered: Now,
    /// Wait that the place brought along: from before a restart, or from the queue it overflowed from.
    pub(crate) brought: Duration,
    /// What it counts for besides its wait.
    pub(crate) priority: Duration,
    /// When its wait ends by the `wait_max` of the first queue; always wins over an offer.
    pub(crate) deadline: Time,
    /// Agents whose phones are being rung for it.
    pub(crate) offers: Vec<AgentNo>,
    /// How many may be rung at once by now.
    pub(crate) at_once: usize,
    /// Steps of the queue's requirement that hold by now.
    pub(crate) steps: usize,
    /// The agent of the queue who served this caller last.
    pub(crate) last_agent: Option<AgentNo>,
    /// Until then it waits for that agent.
    pub(crate) prefer_until: Time,
    /// Queues it has been in by overflow, this one included.
    pub(crate) visited: Vec<QueueNo>,
}

impl Caller {
    /// Its wait, that of before included.
    pub(crate) fn age(&self, now: Time) -> Duration {
        self.brought + now.since(self.entered.mono)
    }
}

/// The settings of a queue that routing needs.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) capacity: usize,
    pub(crate) wait_max: Duration,
    pub(crate) ring: Duration,
    pub(crate) ring_min: Duration,
    pub(crate) wrap_up: Duration,
    pub(crate) wrap_up_rule: WrapUpRule,
    pub(crate) policy: Policy,
    pub(crate) prefer_last: Duration,
    /// From which wait on which requirement holds.
    pub(crate) steps: Vec<(Duration, Needs)>,
    pub(crate) overflow: Vec<(When, QueueNo)>,
    /// The different delays of its agents, shortest first, without zero.
    pub(crate) delays: Vec<Duration>,
    /// Whether its calls are worth more to some agents than to others.
    pub(crate) tiered: bool,
}

/// An agent of a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) agent: AgentNo,
    pub(crate) tier: Tier,
}

/// One queue.
#[derive(Debug)]
pub(crate) struct QueueState {
    pub(crate) slug: QueueSlug,
    pub(crate) rules: Rules,
    /// Agents that serve it, in the configuration's order.
    pub(crate) members: Vec<Member>,
    /// Everybody who waits, offered or not.
    pub(crate) places: BTreeSet<Place>,
    /// Those of them for whom no phone rings.
    pub(crate) free: BTreeSet<Place>,
    /// Those for whom one rings and more may.
    pub(crate) more: BTreeSet<Place>,
    /// Agents who can be offered a call now, longest idle first, with their index among the members.
    pub(crate) idle: BTreeMap<IdleSince, usize>,
    /// Agents on duty and not logged out.
    pub(crate) staff: usize,
    /// Since when that has been none.
    pub(crate) unstaffed_since: Option<Time>,
    /// Index of the member rung last.
    pub(crate) rung_last: usize,
    /// How long its contacts take.
    pub(crate) handling: Handling,
}
