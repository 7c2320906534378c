//! The one table of timers. At equal times they fire in the order of the enum.

use std::collections::{BTreeMap, BTreeSet};

use hotline_types::{ContactId, Time};

use crate::agent::AgentNo;
use crate::queue::QueueNo;

/// Every timer of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The caller has waited as long as the queue allows: before the ring, for the caller's deadline wins.
    WaitMax(ContactId),
    /// The caller has waited as long as an overflow rule says.
    Overflow(ContactId),
    /// More agents may take the caller from now on.
    Ripen(ContactId),
    /// One more phone may ring for the caller.
    Widen(ContactId),
    /// The offer to this agent has rung long enough.
    Ring(AgentNo),
    /// The agent's after-call work ends.
    WrapUp(AgentNo),
    /// The agent's rest after an unanswered offer ends.
    CoolOff(AgentNo),
    /// The agent's pause has gone on as long as its reason allows.
    Pause(AgentNo),
    /// A band begins or ends: before the staff is found missing, for a new band may bring it.
    Duty,
    /// Nobody has been on duty for this queue long enough.
    Unstaffed(QueueNo),
}

/// Which timer fires when. Holds at most four entries per caller, one per agent's state and queue, and one for the calendar.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    by_time: BTreeSet<(Time, Timer)>,
    at: BTreeMap<Timer, Time>,
}

impl Timers {
    /// Arms the timer, or moves it.
    pub(crate) fn set(&mut self, timer: Timer, at: Time) {
        self.cancel(timer);
        self.at.insert(timer, at);
        self.by_time.insert((at, timer));
    }

    /// Disarms it, if it is armed.
    pub(crate) fn cancel(&mut self, timer: Timer) {
        if let Some(at) = self.at.remove(&timer) {
            self.by_time.remove(&(at, timer));
        }
    }

    /// When the timer fires, if it is armed.
    pub(crate) fn get(&self, timer: Timer) -> Option<Time> {
        self.at.get(&timer).copied()
    }

    /// The time of the next one.
    pub(crate) fn next(&self) -> Option<Time> {
        self.by_time.first().map(|&(at, _)| at)
    }

    /// Takes out the first that is due.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<Timer> {
        let &(at, timer) = self.by_time.first()?;
        if at > now {
            return None;
        }
        self.cancel(timer);
        Some(timer)
    }

    /// All that are armed.
    pub(crate) fn armed(&self) -> impl Iterator<Item = (Timer, Time)> + '_ {
        self.at.iter().map(|(&timer, &at)| (timer, at))
    }
}
