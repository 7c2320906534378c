//! The calls' timers: one ordered table, one list of kinds.

use std::collections::{BTreeMap, BTreeSet};

use hotline_types::{ContactId, Time};

/// What a call may wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CallTimer {
    /// The call was not answered by us in time: ports or journal did not come.
    Setup,
    /// The flow's own deadline.
    Flow,
    /// The screen-pop of the present offer is late.
    PopHold,
    /// Nobody answers at the outside number.
    OutsideRing,
    /// The target of a transfer does not answer.
    Transfer,
    /// The probe of the caller is unanswered.
    ProbeCaller,
    /// The probe of the agent is unanswered.
    ProbeAgent,
    /// A pause of the recording has lasted long enough.
    ResumeRecording,
}

/// Deadlines of all calls. Setting one replaces it.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    by_time: BTreeSet<(Time, ContactId, CallTimer)>,
    by_call: BTreeMap<(ContactId, CallTimer), Time>,
}

impl Timers {
    /// Sets, moves or (with `None`) clears one deadline.
    pub(crate) fn set(&mut self, contact: ContactId, timer: CallTimer, at: Option<Time>) {
        let old = match at {
            Some(at) => self.by_call.insert((contact, timer), at),
            None => self.by_call.remove(&(contact, timer)),
        };
        if let Some(old) = old {
            self.by_time.remove(&(old, contact, timer));
        }
        if let Some(at) = at {
            self.by_time.insert((at, contact, timer));
        }
    }

    /// Clears all deadlines of a call.
    pub(crate) fn clear(&mut self, contact: ContactId) {
        let keys: Vec<_> = self
            .by_call
            .range((contact, CallTimer::Setup)..=(contact, CallTimer::ResumeRecording))
            .map(|(key, at)| (*key, *at))
            .collect();
        for ((contact, timer), at) in keys {
            self.by_call.remove(&(contact, timer));
            self.by_time.remove(&(at, contact, timer));
        }
    }

    /// The soonest deadline.
    pub(crate) fn soonest(&self) -> Option<Time> {
        self.by_time.first().map(|(at, _, _)| *at)
    }

    /// Takes one deadline that has come.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<(ContactId, CallTimer)> {
        let (at, contact, timer) = *self.by_time.first()?;
        if at > now {
            return None;
        }
        self.by_time.pop_first();
        self.by_call.remove(&(contact, timer));
        Some((contact, timer))
    }

    /// Whether no deadline runs.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_time.is_empty()
    }
}
