//! The store of the simulator: a journal that becomes durable a little later than it is written, and may be slow.

use std::time::Duration;

use hotline_journal::{Event, Seq, What};
use hotline_types::{OfferId, Rng, Time};

/// The journal: what is written, and up to where it is on disk.
#[derive(Debug, Default)]
pub struct StoreDouble {
    pub events: Vec<Event>,
    pub durable: usize,
    /// Commits run one after the other.
    busy_until: Time,
}

impl StoreDouble {
    /// When what is written now will be on disk.
    pub fn commit_at(&mut self, now: Time, rng: &mut Rng, slow_per_mille: u64) -> Time {
        let slow = rng.below(1_000) < slow_per_mille;
        let millis = if slow {
            500 + rng.below(4_000)
        } else {
            1 + rng.below(5)
        };
        let begin = self.busy_until.max(now);
        self.busy_until = begin + Duration::from_millis(millis);
        self.busy_until
    }

    /// Makes everything up to this position durable; answers the offers whose pops are now on their way.
    pub fn commit(&mut self, upto: Seq) -> Vec<OfferId> {
        let mut offers = Vec::new();
        while let Some(event) = self.events.get(self.durable).filter(|event| event.seq <= upto) {
            if matches!(event.what, What::OfferMade { .. }) {
                offers.extend(event.offer);
            }
            self.durable += 1;
        }
        offers
    }

    /// The process was killed: what was not on disk is gone.
    pub fn kill(&mut self) {
        self.events.truncate(self.durable);
        self.busy_until = Time::ZERO;
    }

    pub fn last(&self) -> Seq {
        self.events.last().map_or(Seq(0), |event| event.seq)
    }
}
