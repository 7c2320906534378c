//! Waiting for something observable, always with a deadline.

use std::time::{Duration, Instant};

/// How often a condition that cannot wake us is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// Polls `look` until it finds something.
///
/// # Panics
/// When the deadline has passed, with `what` was awaited.
#[track_caller]
pub fn until<T>(what: &str, deadline: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            start.elapsed() < deadline,
            "waited {deadline:?} in vain for {what}"
        );
        std::thread::park_timeout(LOOK);
    }
}

/// Lets the world go on for this long: a stretch of a call, not a wait for something.
pub fn pass(time: Duration) {
    let end = Instant::now() + time;
    while let Some(left) = end
        .checked_duration_since(Instant::now())
        .filter(|left| !left.is_zero())
    {
        std::thread::park_timeout(left);
    }
}

/// Seconds, for deadlines.
pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Milliseconds.
pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
