//! Slows down whoever guesses passwords, without letting a stranger lock a user out from elsewhere.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Failures count for this long.
const WINDOW: Duration = Duration::from_secs(300);
/// Failures of one user from one address.
const PER_USER_AND_ADDRESS: u32 = 5;
/// Failures from one address, whatever the user.
const PER_ADDRESS: u32 = 20;
/// Failures of one user, whatever the address: well above what one guesser causes before the limits above stop him.
const PER_USER: u32 = 100;
/// Entries kept; beyond, those that end first make room.
const ENTRIES_MAX: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Both(String, IpAddr),
    Address(IpAddr),
    User(String),
}

impl Key {
    fn all(user: &str, from: IpAddr) -> [(Self, u32); 3] {
        [
            (Self::Both(user.to_owned(), from), PER_USER_AND_ADDRESS),
            (Self::Address(from), PER_ADDRESS),
            (Self::User(user.to_owned()), PER_USER),
        ]
    }
}

/// Failed tries, counted in fixed windows.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    windows: BTreeMap<Key, (Instant, u32)>,
}

impl Throttle {
    /// Seconds to wait, where a limit is reached.
    pub(super) fn blocked(&self, user: &str, from: IpAddr, now: Instant) -> Option<u32> {
        Key::all(user, from)
            .into_iter()
            .filter_map(|(key, max)| {
                let (began, failures) = self.windows.get(&key)?;
                let left = WINDOW.checked_sub(now.saturating_duration_since(*began))?;
                (*failures >= max && !left.is_zero())
                    .then(|| u32::try_from(left.as_secs()).unwrap_or(u32::MAX).max(1))
            })
            .max()
    }

    /// Counts a failure.
    pub(super) fn failed(&mut self, user: &str, from: IpAddr, now: Instant) {
        if self.windows.len() + 3 > ENTRIES_MAX {
            self.windows
                .retain(|_, (began, _)| now.saturating_duration_since(*began) < WINDOW);
        }
        while self.windows.len() + 3 > ENTRIES_MAX {
            let Some(oldest) = self
                .windows
                .iter()
                .min_by_key(|(_, (began, _))| *began)
                .map(|(key, _)| key.clone())
            else {
                break;
            };
            self.windows.remove(&oldest);
        }
        for (key, _) in Key::all(user, from) {
            let window = self.windows.entry(key).or_insert((now, 0));
            if now.saturating_duration_since(window.0) >= WINDOW {
                *window = (now, 0);
            }
            window.1 = window.1.saturating_add(1);
        }
    }

    /// Takes one try back, and forgets the failures of this user from this address.
    pub(super) fn succeeded(&mut self, user: &str, from: IpAddr) {
        for (key, _) in Key::all(user, from) {
            if matches!(key, Key::Both(..)) {
                self.windows.remove(&key);
            } else if let Some(window) = self.windows.get_mut(&key) {
                window.1 = window.1.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

    #[test]
    fn five_wrong_passwords_block_that_user_from_that_address_until_the_window_ends() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        for _ in 0..PER_USER_AND_ADDRESS {
            assert_eq!(throttle.blocked("ann", HERE, now), None);
            throttle.failed("ann", HERE, now);
        }
        assert_eq!(throttle.blocked("ann", HERE, now), Some(300));
        assert_eq!(
            throttle.blocked("ann", THERE, now),
            None,
            "a stranger must not lock ann out elsewhere"
        );
        assert_eq!(throttle.blocked("ann", HERE, now + WINDOW), None);
    }

    #[test]
    fn an_address_that_tries_many_users_is_blocked_for_all() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        for user in 0..PER_ADDRESS {
            throttle.failed(&format!("user{user}"), THERE, now);
        }
        assert!(throttle.blocked("ann", THERE, now).is_some());
    }

    #[test]
    fn the_table_never_grows_beyond_its_limit() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        for user in 0..6_000 {
            throttle.failed(&format!("user{user}"), HERE, now);
        }
        assert!(throttle.windows.len() <= ENTRIES_MAX);
    }
}
