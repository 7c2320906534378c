//! Token buckets of eight bytes.

use std::time::Duration;

use hotline_types::Time;

/// A rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many a second in the long run; 0 refuses everything.
    pub per_second: u32,
    /// How many at once after a quiet time; at least 1.
    pub burst: u32,
}

/// A bucket in the form of the generic cell rate algorithm (ITU-T I.371): the time at which it will be full again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket(Time);

impl Bucket {
    pub(super) const FULL: Self = Self(Time::ZERO);

    /// Takes one token; false where there is none.
    pub(super) fn take(&mut self, now: Time, rate: Rate) -> bool {
        if rate.per_second == 0 {
            return false;
        }
        let each = Duration::from_secs(1) / rate.per_second;
        let full_at = self.0.max(now);
        let room = each.saturating_mul(rate.burst.saturating_sub(1));
        let good = full_at.since(now) <= room;
        if good {
            self.0 = full_at + each;
        }
        good
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_gives_its_burst_and_then_its_rate() {
        let rate = Rate {
            per_second: 10,
            burst: 5,
        };
        let mut bucket = Bucket::FULL;
        let now = Time::from_millis(1_000);
        assert_eq!((0..20).filter(|_| bucket.take(now, rate)).count(), 5);
        assert!(!bucket.take(Time::from_millis(1_099), rate));
        assert!(bucket.take(Time::from_millis(1_100), rate));
        assert!(!bucket.take(Time::from_millis(1_101), rate));
        let later = Time::from_millis(60_000);
        assert_eq!((0..20).filter(|_| bucket.take(later, rate)).count(), 5);
    }

    #[test]
    fn rate_of_zero_refuses_everything() {
        let mut bucket = Bucket::FULL;
        let never = Rate {
            per_second: 0,
            burst: 9,
        };
        assert!(!bucket.take(Time::from_millis(5), never));
    }
}
