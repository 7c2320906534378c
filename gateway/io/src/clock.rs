//! The one reader of both clocks: everything in the process counts from the same start.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use hotline_types::{Now, Time, WallTime};

/// The process's clock. Copies share the start, so their times can be compared.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts at [`Time::ZERO`].
    #[must_use]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// Both clocks, read together.
    #[must_use]
    pub fn now(&self) -> Now {
        Now::new(self.mono(), wall())
    }

    /// The monotonic clock (`CLOCK_MONOTONIC`).
    #[must_use]
    pub fn mono(&self) -> Time {
        let nanos = self.start.elapsed().as_nanos();
        Time::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// UTC; the epoch itself where the machine's clock stands before it.
fn wall() -> WallTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallTime::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_a_clock_agree_and_never_go_back() {
        let clock = Clock::start();
        let copy = clock;
        let first = clock.now();
        let second = copy.now();
        assert!(second.mono >= first.mono);
        assert!(first.wall > WallTime::from_millis(1_700_000_000_000));
    }
}
