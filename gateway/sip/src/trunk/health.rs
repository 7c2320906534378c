//! Whether one gateway address lives: OPTIONS out and answers back, and what other requests met.

/// Requests unanswered in a row that make a gateway dead.
const MISSED_MAX: u8 = 2;

/// What is known of one address. It is taken to live until something fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Health {
    missed: u8,
}

impl Health {
    pub(crate) const fn new() -> Self {
        Self { missed: 0 }
    }

    pub(crate) const fn is_up(self) -> bool {
        self.missed < MISSED_MAX
    }

    /// Any answer shows that it lives: a gateway may refuse OPTIONS and take calls (RFC 3261 §11). Only 503 says
    /// that it wants none.
    pub(crate) fn answered(&mut self, status: u16) {
        if status == 503 {
            self.failed();
        } else {
            self.missed = 0;
        }
    }

    /// A request was not answered.
    pub(crate) fn failed(&mut self) {
        self.missed = self.missed.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateway_is_dead_after_two_silent_requests_and_lives_by_any_answer() {
        let mut health = Health::new();
        assert!(health.is_up());
        health.failed();
        assert!(health.is_up(), "one datagram may be lost");
        health.failed();
        assert!(!health.is_up());
        health.answered(405);
        assert!(health.is_up());
        health.answered(503);
        health.answered(503);
        assert!(!health.is_up());
    }
}
