//! The one timer table: what is due, in the order of time.

use std::collections::{BTreeMap, BTreeSet};

use hotline_types::{LegId, Time};

use crate::registrar::BindingId;
use crate::transaction::TxId;
use crate::trunk::TrunkId;

/// Everything that can be due. One exhaustive match per machine fires it. Of timers due at one moment the earlier
/// variant fires first: what ends a transaction before what repeats its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TimerKey {
    /// Timers H, I, J and L: a server transaction is over.
    ServerEnd(TxId),
    /// Timers B and F: nobody answers our request.
    ClientTimeout(TxId),
    /// Timers D, K and M, and the wait after a CANCEL (§9.1): a client transaction is over.
    ClientEnd(TxId),
    /// Timer G (RFC 3261 §17.2.1): our final answer to an INVITE again.
    ServerRetransmit(TxId),
    /// Timers A and E (RFC 3261 §17.1): our request again.
    ClientRetransmit(TxId),
    /// Our 2xx to an INVITE again (§13.3.1.4), or our reliable provisional answer (RFC 3262 §3).
    OkRetransmit(LegId),
    /// 64*T1 without an ACK of our 2xx (§13.3.1.4), or without a PRACK.
    AckWait(LegId),
    /// The pause after a 491 (§14.1).
    GlareRetry(LegId),
    /// Our refresh of the leg's session is due (RFC 4028 §7.2).
    SessionRefresh(LegId),
    /// The session timer of the leg (RFC 4028 §10).
    SessionExpiry(LegId),
    /// A binding of a phone expires (§10.3).
    BindingExpiry(BindingId),
    /// The next keep-alive OPTIONS to a phone.
    BindingPing(BindingId),
    /// The next REGISTER with a trunk.
    TrunkRegister(TrunkId),
    /// The next keep-alive OPTIONS to a trunk's gateways.
    TrunkPing(TrunkId),
    /// The phone's own registration is to be refreshed.
    RegisterRefresh(u64),
}

/// Grid of the timers that only end a transaction: they fire up to this late, many together, since waking for each of
/// a call's dozen would cost more than all else that SIP does.
const END_GRID_NANOS: u64 = 250_000_000;

impl TimerKey {
    /// When the timer really fires: at its time, or at the next line of the grid where it only ends a transaction.
    fn fires(self, at: Time) -> Time {
        match self {
            Self::ServerEnd(_) | Self::ClientEnd(_) => Time::from_nanos(
                at.as_nanos()
                    .div_ceil(END_GRID_NANOS)
                    .saturating_mul(END_GRID_NANOS),
            ),
            _ => at,
        }
    }
}

/// Deadlines by key. A key has at most one deadline; the size is bounded by what the keys point to.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeSet<(Time, TimerKey)>,
    at: BTreeMap<TimerKey, Time>,
}

impl Timers {
    /// Sets or moves the deadline of `key`.
    pub(crate) fn set(&mut self, key: TimerKey, at: Time) {
        let at = key.fires(at);
        if let Some(before) = self.at.insert(key, at) {
            self.due.remove(&(before, key));
        }
        self.due.insert((at, key));
    }

    /// Forgets the deadline of `key`, if it has one.
    pub(crate) fn cancel(&mut self, key: TimerKey) {
        if let Some(at) = self.at.remove(&key) {
            self.due.remove(&(at, key));
        }
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Time> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes out the earliest key that is due at `now`.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<TimerKey> {
        let (at, key) = *self.due.first()?;
        if at > now {
            return None;
        }
        self.due.pop_first();
        self.at.remove(&key);
        Some(key)
    }

    /// How many deadlines there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.due.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_fire_in_order_once_and_can_be_moved_and_cancelled() {
        let mut timers = Timers::default();
        let (a, b, c) = (
            TimerKey::AckWait(LegId(1)),
            TimerKey::AckWait(LegId(2)),
            TimerKey::GlareRetry(LegId(1)),
        );
        timers.set(a, Time::from_millis(30));
        timers.set(b, Time::from_millis(20));
        timers.set(c, Time::from_millis(10));
        timers.set(a, Time::from_millis(15));
        timers.cancel(c);
        assert_eq!(timers.next(), Some(Time::from_millis(15)));
        assert_eq!(timers.pop_due(Time::from_millis(14)), None);
        assert_eq!(timers.pop_due(Time::from_millis(25)), Some(a));
        assert_eq!(timers.pop_due(Time::from_millis(25)), Some(b));
        assert_eq!(timers.pop_due(Time::from_millis(25)), None);
        assert_eq!(timers.len(), 0);
    }
}
