//! Logins: passwords, cookies, one-time links. In memory, bounded; a restart logs everybody out.

mod password;
mod throttle;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hotline_types::{Pii, Rng};
use sha2::{Digest, Sha256};

use crate::guard::Caller;
use crate::rights::Viewer;
pub use password::{HashError, hash_password};
pub(crate) use password::{Passwords, Verdict};
use throttle::Throttle;

/// How long a login holds.
pub(crate) const LOGIN_LIFE: Duration = Duration::from_secs(12 * 3_600);
/// How long a one-time link may wait for its use.
pub(crate) const LINK_LIFE: Duration = Duration::from_secs(15 * 60);
/// Logins at once; the one that ends first makes room.
const LOGINS_MAX: usize = 1_000;
/// One-time links at once; the one that ends first makes room.
const LINKS_MAX: usize = 32;
/// Longest token that is looked at.
const TOKEN_BYTES_MAX: usize = 256;

/// SHA-256 of a secret: what is kept in place of it.
pub(crate) type Digest32 = [u8; 32];

/// SHA-256 of a secret that is too random to guess.
pub(crate) fn digest(secret: &str) -> Option<Digest32> {
    (!secret.is_empty() && secret.len() <= TOKEN_BYTES_MAX).then(|| Sha256::digest(secret.as_bytes()).into())
}

#[derive(Debug)]
struct Login {
    viewer: Viewer,
    until: Instant,
}

#[derive(Debug)]
struct Table {
    logins: BTreeMap<Digest32, Login>,
    links: BTreeMap<Digest32, Login>,
    throttle: Throttle,
    rng: Rng,
}

/// Everybody who is logged in by cookie, and the links that still may.
#[derive(Debug)]
pub(crate) struct Logins(Mutex<Table>);

impl Logins {
    /// Nobody logged in. Secrets come from this generator.
    pub(crate) fn new(rng: Rng) -> Self {
        Self(Mutex::new(Table {
            logins: BTreeMap::new(),
            links: BTreeMap::new(),
            throttle: Throttle::default(),
            rng,
        }))
    }

    fn with<T>(&self, change: impl FnOnce(&mut Table) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A new random secret: 32 bytes in hex.
    pub(crate) fn secret(&self) -> Pii<String> {
        self.with(|table| {
            let mut bytes = [0_u8; 32];
            table.rng.fill(&mut bytes);
            Pii::new(hex(&bytes))
        })
    }

    /// A nonce for one page: 16 bytes in hex.
    pub(crate) fn nonce(&self) -> String {
        self.with(|table| {
            let mut bytes = [0_u8; 16];
            table.rng.fill(&mut bytes);
            hex(&bytes)
        })
    }

    /// Logs this viewer in; answers the cookie's value.
    pub(crate) fn open(&self, viewer: Viewer, now: Instant) -> Pii<String> {
        let secret = self.secret();
        if let Some(key) = digest(secret.reveal()) {
            self.with(|table| {
                put(
                    &mut table.logins,
                    LOGINS_MAX,
                    key,
                    Login {
                        viewer,
                        until: now + LOGIN_LIFE,
                    },
                    now,
                )
            });
        }
        secret
    }

    /// Whom this cookie speaks for, and until when.
    pub(crate) fn viewer(&self, cookie: &str, now: Instant) -> Option<(Digest32, Viewer, Instant)> {
        let key = digest(cookie)?;
        self.with(|table| {
            let login = table.logins.get(&key).filter(|login| login.until > now)?;
            Some((key, login.viewer.clone(), login.until))
        })
    }

    /// False once the login of this caller was ended. Tokens always hold: they are looked up on each request.
    pub(crate) fn still_holds(&self, caller: &Caller) -> bool {
        caller
            .login
            .is_none_or(|key| self.with(|table| table.logins.contains_key(&key)))
    }

    /// Ends a login.
    pub(crate) fn close(&self, key: &Digest32) {
        self.with(|table| table.logins.remove(key));
    }

    /// Lets this secret log this viewer in, once, within [`LINK_LIFE`].
    pub(crate) fn add_link(&self, secret: &str, viewer: Viewer, now: Instant) {
        if let Some(key) = digest(secret) {
            self.with(|table| {
                put(
                    &mut table.links,
                    LINKS_MAX,
                    key,
                    Login {
                        viewer,
                        until: now + LINK_LIFE,
                    },
                    now,
                )
            });
        }
    }

    /// Uses a link up.
    pub(crate) fn take_link(&self, secret: &str, now: Instant) -> Option<Viewer> {
        let key = digest(secret)?;
        self.with(|table| {
            table
                .links
                .remove(&key)
                .filter(|link| link.until > now)
                .map(|link| link.viewer)
        })
    }

    /// Seconds until another password may be tried, where too many failed.
    pub(crate) fn blocked(&self, user: &str, from: IpAddr, now: Instant) -> Option<u32> {
        self.with(|table| table.throttle.blocked(user, from, now))
    }

    /// Counts a failed try.
    pub(crate) fn failed(&self, user: &str, from: IpAddr, now: Instant) {
        self.with(|table| table.throttle.failed(user, from, now));
    }

    /// Takes the last counted try back: it was the right password.
    pub(crate) fn succeeded(&self, user: &str, from: IpAddr) {
        self.with(|table| table.throttle.succeeded(user, from));
    }
}

/// Puts an entry in; where the table is full, what is over goes first, then what ends first.
fn put(table: &mut BTreeMap<Digest32, Login>, max: usize, key: Digest32, login: Login, now: Instant) {
    if table.len() >= max {
        table.retain(|_, entry| entry.until > now);
    }
    if table.len() >= max
        && let Some(first) = table
            .iter()
            .min_by_key(|(_, entry)| entry.until)
            .map(|(key, _)| *key)
    {
        tracing::warn!(max, "too many logins at once, the oldest was ended");
        table.remove(&first);
    }
    table.insert(key, login);
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|nibble| char::from(DIGITS[usize::from(nibble)]))
        .collect()
}

#[cfg(test)]
mod tests;
