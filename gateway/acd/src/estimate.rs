//! Estimated waits: from how long contacts take, how many wait before, and how many agents there are.

use std::collections::VecDeque;
use std::time::Duration;

/// Contacts whose handling is remembered per queue.
const REMEMBERED: usize = 50;

/// Taken for the handling of a contact until a queue has seen one.
pub const HANDLING_GUESS: Duration = Duration::from_secs(180);

/// How long a queue's last contacts took: talk, hold and wrap-up.
#[derive(Debug, Default)]
pub(crate) struct Handling {
    last: VecDeque<Duration>,
    sum: Duration,
}

impl Handling {
    pub(crate) fn add(&mut self, took: Duration) {
        if self.last.len() == REMEMBERED
            && let Some(oldest) = self.last.pop_front()
        {
            self.sum -= oldest;
        }
        self.last.push_back(took);
        self.sum += took;
    }

    pub(crate) fn mean(&self) -> Duration {
        match u32::try_from(self.last.len()) {
            Ok(count) if count > 0 => self.sum / count,
            _ => HANDLING_GUESS,
        }
    }
}

/// Wait of a caller at this place (from 1) before these agents: each frees itself once per `handling`, one of them
/// is on average half through. None without agents.
pub(crate) fn wait(place: usize, agents: usize, handling: Duration) -> Option<Duration> {
    let (place, agents) = (u32::try_from(place).ok()?, u32::try_from(agents).ok()?);
    (agents > 0).then(|| handling.saturating_mul(place) / agents)
}

/// What a caller has been told, so that the next telling does not contradict it: a place never moves back, and an
/// estimate is told only while it is not later than the one before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    place: Option<u32>,
    /// When the caller was to be served by the last estimate, on the clock of the waits.
    served_at: Option<Duration>,
}

/// What may be told now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Telling {
    /// Place, from 1.
    pub place: u32,
    /// Upper end of the estimated wait that is left, in whole minutes, at least 1; none where it would contradict.
    pub minutes: Option<u32>,
}

impl Told {
    /// Tells a caller who has waited `waited` so far and by the present state has this place and this long to go.
    pub fn tell(&mut self, waited: Duration, place: u32, left: Option<Duration>) -> Telling {
        let place = self.place.map_or(place, |before| before.min(place));
        self.place = Some(place);
        let minutes = left.and_then(|left| {
            let served_at = waited + left;
            if self.served_at.is_some_and(|before| before < served_at) {
                return None;
            }
            self.served_at = Some(served_at);
            u32::try_from(left.as_secs().div_ceil(60).max(1)).ok()
        });
        Telling { place, minutes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn estimate_follows_the_last_contacts_of_the_queue() {
        let mut handling = Handling::default();
        assert_eq!(handling.mean(), HANDLING_GUESS);
        for _ in 0..REMEMBERED {
            handling.add(s(1_000));
        }
        for _ in 0..REMEMBERED {
            handling.add(s(60));
        }
        assert_eq!(handling.mean(), s(60), "the old ones are forgotten");
        assert_eq!(wait(4, 2, s(60)), Some(s(120)));
        assert_eq!(wait(4, 0, s(60)), None);
    }

    #[test]
    fn announcements_never_contradict_themselves() {
        let mut told = Told::default();
        let mut tell = |waited, place, left| {
            let telling = told.tell(s(waited), place, Some(s(left)));
            (telling.place, telling.minutes)
        };
        assert_eq!(tell(0, 5, 300), (5, Some(5)));
        assert_eq!(
            tell(30, 7, 200),
            (5, Some(4)),
            "somebody overtook: the place told stays"
        );
        assert_eq!(
            tell(60, 4, 400),
            (4, None),
            "an agent went: it would be told later than before"
        );
        assert_eq!(tell(90, 2, 61), (2, Some(2)));
        assert_eq!(tell(120, 1, 10), (1, Some(1)));
    }
}
