//! The counters themselves: which there are, and what they are kept by. Counters are stored, percentages are views.

use hotline_types::{AgentSlug, BandSlug, NumberSlug, QueueSlug};

use crate::Slot;

/// Upper bounds of the wait histograms, seconds, inclusive; one more bucket holds what is longer.
pub const WAIT_BOUNDS_S: [u64; 13] = [3, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60];

/// Buckets of a wait histogram: one per bound and one for what is longer.
pub const WAIT_BUCKETS: usize = WAIT_BOUNDS_S.len() + 1;

/// The bucket of a wait.
#[must_use]
pub fn wait_bucket(wait_us: u64) -> usize {
    WAIT_BOUNDS_S
        .iter()
        .position(|bound| wait_us <= bound * 1_000_000)
        .unwrap_or(WAIT_BUCKETS - 1)
}

/// Whom a counter is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The hotline as a whole: every contact once.
    Total,
    /// One access number.
    Number(NumberSlug),
    /// One queue: every entry into it once.
    Queue(QueueSlug),
    /// One agent.
    Agent(AgentSlug),
    /// Contacts that arrived while the band was on. Overlapping bands both count them: never sum band rows.
    Coverage(BandSlug),
    /// Offers and contacts handled by agents rostered on the band.
    Roster(BandSlug),
}

impl Scope {
    /// Name of the kind of scope.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Number(_) => "number",
            Self::Queue(_) => "queue",
            Self::Agent(_) => "agent",
            Self::Coverage(_) => "coverage",
            Self::Roster(_) => "roster",
        }
    }

    /// The slug it is about; empty for the total.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Total => "",
            Self::Number(slug) => slug.as_str(),
            Self::Queue(slug) => slug.as_str(),
            Self::Agent(slug) => slug.as_str(),
            Self::Coverage(slug) | Self::Roster(slug) => slug.as_str(),
        }
    }

    /// The scope of a [`Scope::kind`] and a [`Scope::key`]; none where they are not of this vocabulary.
    #[must_use]
    pub fn parse(kind: &str, key: &str) -> Option<Self> {
        match kind {
            "total" if key.is_empty() => Some(Self::Total),
            "number" => key.parse().ok().map(Self::Number),
            "queue" => key.parse().ok().map(Self::Queue),
            "agent" => key.parse().ok().map(Self::Agent),
            "coverage" => key.parse().ok().map(Self::Coverage),
            "roster" => key.parse().ok().map(Self::Roster),
            _ => None,
        }
    }
}

/// What a row of counters is kept by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CounterKey {
    /// When.
    pub slot: Slot,
    /// About whom.
    pub scope: Scope,
}

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// One row of counters. All are sums, but [`Counts::wait_max_us`], which is a maximum. Times are microseconds.
        ///
        /// Number, total and coverage rows use the first group, by the interval in which the call arrived; queue,
        /// total and coverage rows the second, by the interval in which the contact entered the queue (for the
        /// total and the coverage: its first queue), number rows too, by the interval of the arrival; agent and roster rows the third, offers by the interval in which
        /// the offer was made, clock time by the interval in which it passed.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Counts {
            $($(#[$doc])* pub $name: u64,)+
            /// Waits of the answered, by [`wait_bucket`].
            pub answered_waits: [u64; WAIT_BUCKETS],
            /// Waits of the abandoned, by [`wait_bucket`].
            pub abandoned_waits: [u64; WAIT_BUCKETS],
        }

        impl Counts {
            /// Every single counter that is not zero, by name; the histograms are apart.
            pub fn fields(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)+].into_iter().filter(|&(_, value)| value != 0)
            }

            /// Sets a counter by its name; false where there is none of that name.
            pub fn set(&mut self, name: &str, value: u64) -> bool {
                match name {
                    $(stringify!($name) => self.$name = value,)+
                    _ => return false,
                }
                true
            }

            /// Adds another row of the same or another interval, date or scope.
            pub fn add(&mut self, other: &Self) {
                let wait_max_us = self.wait_max_us.max(other.wait_max_us);
                $(self.$name = self.$name.saturating_add(other.$name);)+
                self.wait_max_us = wait_max_us;
                let waits = self.answered_waits.iter_mut().chain(&mut self.abandoned_waits);
                for (mine, theirs) in waits.zip(other.answered_waits.iter().chain(&other.abandoned_waits)) {
                    *mine = mine.saturating_add(*theirs);
                }
            }
        }
    };
}

counts! {
    /// Calls that reached the gateway.
    reached,
    /// Calls refused before they were answered.
    refused,
    /// Calls that ended before they entered a queue.
    ended_in_ivr,
    /// Calls the system lost before they entered a queue.
    lost_in_ivr,
    /// Calls that entered a queue.
    queued,
    /// Entered the queue.
    offered,
    /// Answered by an agent.
    answered,
    /// The caller gave up, in either phase.
    abandoned,
    /// Of `abandoned`: while a phone was ringing.
    abandoned_ringing,
    /// Flowed out: the longest wait was reached.
    flowed_out_timeout,
    /// Flowed out: the queue was full.
    flowed_out_full,
    /// Flowed out: nobody was on duty.
    flowed_out_no_staff,
    /// Flowed out: the caller pressed a key.
    flowed_out_key,
    /// Flowed out: into another queue by an overflow rule.
    flowed_out_overflow,
    /// Lost by the system.
    lost,
    /// Sum of the waits of the answered.
    wait_answered_us,
    /// Sum of the waits of the abandoned.
    wait_abandoned_us,
    /// The longest wait of any that left.
    wait_max_us,
    /// Contacts whose talk has ended, once per answered entry.
    handled,
    /// Talk time, without hold.
    talk_us,
    /// Hold time inside talks.
    hold_us,
    /// Wrap-up time.
    wrap_up_us,
    /// Offers made.
    offers,
    /// Offers that ended answered.
    offers_answered,
    /// Offers not answered in time.
    offers_missed,
    /// Offers declined.
    offers_rejected,
    /// Offers to a phone in another call.
    offers_busy,
    /// Offers to a phone that did not respond.
    offers_unreachable,
    /// Offers that failed technically.
    offers_failed,
    /// Offers taken back.
    offers_withdrawn,
    /// Time being offered a contact.
    ring_us,
    /// Time ready and idle with a registered phone.
    ready_us,
    /// Time ready and idle without a usable phone.
    away_us,
    /// Time paused and not at work.
    paused_us,
    /// Of `ended_in_ivr`: the caller hung up.
    ended_in_ivr_caller,
    /// Of `refused`: the called number is not ours.
    refused_unknown_number,
    /// Of `refused`: no common codec, a broken offer or no media port.
    refused_media,
    /// Of `refused`: lines, memory or journal at their limit.
    refused_overload,
    /// Of `refused`: the gateway was shutting down.
    refused_draining,
    /// Of refused: by the flow.
    refused_flow,
    /// Of `lost` and `lost_in_ivr`: the process ended without closing it.
    lost_restart,
    /// Of `lost` and `lost_in_ivr`: cut off by the end of a shutdown.
    lost_shutdown,
    /// Of `lost` and `lost_in_ivr`: the caller's media stopped.
    lost_media,
    /// Of `lost` and `lost_in_ivr`: the caller's dialog broke.
    lost_signalling,
    /// Of `lost` and `lost_in_ivr`: a bug.
    lost_fault,
    /// Calls with an agent that the agent ended.
    ended_by_agent,
    /// Sum of the times from the call's arrival to the agent's answer, of the answered: IVR and all queues.
    reach_answered_us,
}

impl Counts {
    /// Flowed out for any reason.
    #[must_use]
    pub const fn flowed_out(&self) -> u64 {
        self.flowed_out_timeout
            + self.flowed_out_full
            + self.flowed_out_no_staff
            + self.flowed_out_key
            + self.flowed_out_overflow
    }

    /// Answered with a wait of at most `bound_s`, which must be one of [`WAIT_BOUNDS_S`]; a bound between two is
    /// taken as the lower of them.
    #[must_use]
    pub fn answered_within(&self, bound_s: u64) -> u64 {
        within(&self.answered_waits, bound_s)
    }

    /// Abandoned with a wait of at most `bound_s`, as [`Counts::answered_within`].
    #[must_use]
    pub fn abandoned_within(&self, bound_s: u64) -> u64 {
        within(&self.abandoned_waits, bound_s)
    }

    /// True where nothing was counted.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

fn within(waits: &[u64; WAIT_BUCKETS], bound_s: u64) -> u64 {
    WAIT_BOUNDS_S
        .iter()
        .zip(waits)
        .take_while(|&(&bound, _)| bound <= bound_s)
        .map(|(_, &count)| count)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_on_a_bound_belongs_to_the_bucket_it_ends() {
        assert_eq!(wait_bucket(0), 0);
        assert_eq!(wait_bucket(3_000_000), 0);
        assert_eq!(wait_bucket(3_000_001), 1);
        assert_eq!(wait_bucket(15_000_000), 3);
        assert_eq!(wait_bucket(60_000_001), 13);
    }

    #[test]
    fn every_counter_is_reached_by_its_name_and_sums_but_the_longest_wait() {
        let mut row = Counts {
            offered: 2,
            wait_max_us: 7,
            ..Counts::default()
        };
        row.answered_waits[3] = 1;
        let mut copy = Counts {
            answered_waits: row.answered_waits,
            ..Counts::default()
        };
        for (name, value) in row.fields() {
            assert!(copy.set(name, value));
        }
        assert_eq!(copy, row);
        assert!(!copy.set("nonsense", 1));
        copy.add(&row);
        assert_eq!(
            (copy.offered, copy.wait_max_us, copy.answered_within(15)),
            (4, 7, 2)
        );
        assert_eq!(copy.answered_within(10), 0);
    }

    #[test]
    fn scope_survives_its_text() {
        let slug = "night".parse().unwrap();
        for scope in [Scope::Total, Scope::Coverage(slug)] {
            assert_eq!(Scope::parse(scope.kind(), scope.key()), Some(scope));
        }
        assert_eq!(Scope::parse("total", "x"), None);
        assert_eq!(Scope::parse("queue", "No"), None);
    }
}
