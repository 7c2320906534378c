//! One queue and its callers: places, who may be offered, how many agents stand behind it.

use std::collections::BTreeSet;
use std::time::Duration;

use hotline_types::{ContactId, Now, QueueSlug, Time, WallTime};

use crate::agent::{AgentNo, IdleSince};

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

/// What a waiting caller is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Can be offered.
    Free,
    /// Too little is left of its time for another offer (`ring_min`).
    Late,
    /// An agent's phone is being rung.
    Offered(AgentNo),
}

/// One caller in a queue.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) queue: QueueNo,
    pub(crate) place: Place,
    /// When it entered this queue.
    pub(crate) entered: Now,
    /// When its wait ends by the queue's `wait_max`; always wins over an offer.
    pub(crate) deadline: Time,
    pub(crate) wait: Wait,
}

/// The settings of a queue that routing needs.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) capacity: usize,
    pub(crate) wait_max: Duration,
    pub(crate) ring: Duration,
    pub(crate) ring_min: Duration,
    pub(crate) wrap_up: Duration,
}

/// One queue.
#[derive(Debug)]
pub(crate) struct QueueState {
    pub(crate) slug: QueueSlug,
    pub(crate) rules: Rules,
    /// Agents that serve it.
    pub(crate) agents: Vec<AgentNo>,
    /// Everybody who waits, offered or not.
    pub(crate) places: BTreeSet<Place>,
    /// Those of them who can be offered.
    pub(crate) free: BTreeSet<Place>,
    /// Agents who can be offered a call now, longest idle first.
    pub(crate) idle: BTreeSet<IdleSince>,
    /// Agents on duty and not logged out.
    pub(crate) staff: usize,
    /// Since when that has been none.
    pub(crate) unstaffed_since: Option<Time>,
}
