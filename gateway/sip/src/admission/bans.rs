//! The ban list: who answered our challenges wrongly too often, and until when that source is not heard.
//!
//! Only answers to a nonce that we gave to that very source count, so nobody can get another banned by forging its
//! address. A guess is held against the user name at its source first, and against the source alone only when several
//! names were tried. The list lives in memory: a restart forgets it, and whoever goes on guessing is banned again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use hotline_types::Time;

use crate::header::Name;
use crate::message::Message;

/// Most user names remembered per source; guesses at more count for the source alone.
const USERS_MAX: usize = 32;
/// Longest part of a user name that is remembered, in characters.
const USER_CHARS_MAX: usize = 64;
/// Most sources that are known to hold a registered phone; beyond it the one that will lapse first is forgotten.
const VOUCHED_MAX: usize = 10_000;

/// Settings of the ban list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BanConfig {
    /// Wrong answers for one user from one source, within `window`, that ban the two together; 0 bans nobody.
    pub user_failures: u32,
    /// Wrong answers of one source for whatever users, within `window`, that ban the source; 0 bans nobody.
    pub source_failures: u32,
    /// How long a wrong answer is remembered.
    pub window: Duration,
    /// How long a user name is not heard from its source.
    pub user_time: Duration,
    /// How long a source is not heard.
    pub source_time: Duration,
    /// Sources that are never banned, as address and length of the prefix: the trunks and the operator's own.
    pub never: Vec<(IpAddr, u8)>,
    /// Most sources remembered; beyond it the one that would be forgotten first is.
    pub sources_max: usize,
    /// How long a right answer vouches for its source: such a source keeps its place when all phones together send
    /// too much.
    pub vouched_for: Duration,
}

impl Default for BanConfig {
    /// 10 wrong answers for a user or 30 in all within 10 min ban for 10 min or 1 h; 10,000 sources.
    fn default() -> Self {
        Self {
            user_failures: 10,
            source_failures: 30,
            window: Duration::from_secs(600),
            user_time: Duration::from_secs(600),
            source_time: Duration::from_secs(3600),
            never: Vec::new(),
            sources_max: 10_000,
            vouched_for: Duration::from_secs(2 * 3600),
        }
    }
}

/// A wrong answer to a challenge that we gave to this source, or a right one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Wrong.
    Failed {
        /// Where it came from.
        source: IpAddr,
        /// The user name it was given for, known or not.
        user: String,
        /// Whether a registered phone is reached at that source: then the source is not banned.
        source_live: bool,
        /// Whether a registered phone of that very user is: then nothing is.
        user_live: bool,
    },
    /// Right.
    Given {
        /// Where it came from.
        source: IpAddr,
    },
}

/// How a source stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not heard at all, or not with this message's credentials.
    Banned,
    /// A phone there proved who it is.
    Vouched,
    /// Nothing is known.
    Unknown,
}

/// One entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// The source; an IPv6 network of 64 bits counts as one, shown by its first address.
    pub source: IpAddr,
    /// Only credentials of this user are not heard from there; none: nothing is.
    pub user: Option<String>,
    /// Wrong answers that led to it.
    pub failures: u32,
    /// When it ends by itself.
    pub until: Time,
}

#[derive(Clone, Copy, Debug, Default)]
struct Record {
    failures: u32,
    since: Time,
    banned_until: Option<Time>,
}

impl Record {
    /// Counts one more; true where that makes the limit full.
    fn fails(&mut self, now: Time, limit: u32, window: Duration) -> bool {
        if now.since(self.since) > window {
            (self.failures, self.since) = (0, now);
        }
        self.failures = self.failures.saturating_add(1);
        limit > 0 && self.failures >= limit
    }

    fn is_banned(&self, now: Time) -> bool {
        self.banned_until.is_some_and(|until| until > now)
    }

    fn ends(&self, window: Duration) -> Time {
        (self.since + window).max(self.banned_until.unwrap_or_default())
    }
}

#[derive(Debug, Default)]
struct Origin {
    all: Record,
    users: BTreeMap<String, Record>,
    forget_at: Time,
}

/// The ban list of the listeners for phones.
#[derive(Debug)]
pub struct Bans {
    config: BanConfig,
    origins: BTreeMap<IpAddr, Origin>,
    by_end: BTreeSet<(Time, IpAddr)>,
    vouched: BTreeMap<IpAddr, Time>,
    vouched_by_end: BTreeSet<(Time, IpAddr)>,
    made: u64,
}

impl Bans {
    /// Nobody is banned.
    #[must_use]
    pub const fn new(config: BanConfig) -> Self {
        Self {
            config,
            origins: BTreeMap::new(),
            by_end: BTreeSet::new(),
            vouched: BTreeMap::new(),
            vouched_by_end: BTreeSet::new(),
            made: 0,
        }
    }

    /// Takes note of an answer to a challenge; tells the bans that it made, at most two.
    pub fn note(&mut self, now: Time, proof: Proof) -> Vec<Ban> {
        match proof {
            Proof::Given { source } => {
                self.vouch(now, source.to_canonical());
                Vec::new()
            }
            Proof::Failed { user_live: true, .. } => Vec::new(),
            Proof::Failed {
                source,
                user,
                source_live,
                ..
            } => self.failed(now, origin_of(source), &user, source_live),
        }
    }

    fn failed(&mut self, now: Time, source: IpAddr, user: &str, source_live: bool) -> Vec<Ban> {
        self.forget(now);
        if self.config.never.iter().any(|network| contains(*network, source)) {
            return Vec::new();
        }
        let BanConfig {
            window,
            user_failures,
            source_failures,
            user_time,
            source_time,
            ..
        } = self.config;
        let origin = self.origins.entry(source).or_default();
        self.by_end.remove(&(origin.forget_at, source));
        let mut made = Vec::new();
        let cut = name_of(user);
        if origin.users.contains_key(&cut) || origin.users.len() < USERS_MAX {
            let record = origin.users.entry(cut.clone()).or_default();
            if record.fails(now, user_failures, window) && !record.is_banned(now) {
                record.banned_until = Some(now + user_time);
                made.push(ban(source, Some(cut), record));
            }
        }
        let full = origin.all.fails(now, source_failures, window);
        if full && !source_live && origin.users.len() > 1 && !origin.all.is_banned(now) {
            origin.all.banned_until = Some(now + source_time);
            made.push(ban(source, None, &origin.all));
        }
        let ends = origin.users.values().map(|record| record.ends(window));
        origin.forget_at = ends.fold(origin.all.ends(window), Time::max);
        self.by_end.insert((origin.forget_at, source));
        if self.origins.len() > self.config.sources_max.max(1)
            && let Some((_, first)) = self.by_end.pop_first()
        {
            self.origins.remove(&first);
        }
        self.made += made.len() as u64;
        made
    }

    fn vouch(&mut self, now: Time, source: IpAddr) {
        while let Some((at, old)) = self.vouched_by_end.first().copied() {
            if at > now && self.vouched.len() < VOUCHED_MAX {
                break;
            }
            self.vouched_by_end.remove(&(at, old));
            self.vouched.remove(&old);
        }
        let until = now + self.config.vouched_for;
        if let Some(before) = self.vouched.insert(source, until) {
            self.vouched_by_end.remove(&(before, source));
        }
        self.vouched_by_end.insert((until, source));
    }

    fn forget(&mut self, now: Time) {
        while let Some((at, source)) = self.by_end.first().copied()
            && at <= now
        {
            self.by_end.remove(&(at, source));
            self.origins.remove(&source);
        }
    }

    /// How the source of a message stands. Costs a look-up, and reading the message only where some user is banned
    /// at its source.
    #[must_use]
    pub fn standing(&self, now: Time, source: IpAddr, bytes: &[u8]) -> Standing {
        let banned = self
            .origins
            .get(&origin_of(source))
            .is_some_and(|origin| origin.all.is_banned(now) || origin.bans_credentials(now, bytes));
        if banned {
            return Standing::Banned;
        }
        let vouched = self.vouched.get(&source.to_canonical());
        if vouched.is_some_and(|until| *until > now) {
            Standing::Vouched
        } else {
            Standing::Unknown
        }
    }

    /// Whether a new connection from this source is refused.
    #[must_use]
    pub fn is_banned(&self, now: Time, source: IpAddr) -> bool {
        let origin = self.origins.get(&origin_of(source));
        origin.is_some_and(|origin| origin.all.is_banned(now))
    }

    /// Every ban in force, in order of source and user.
    #[must_use]
    pub fn list(&self, now: Time) -> Vec<Ban> {
        let mut list = Vec::new();
        for (source, origin) in &self.origins {
            if origin.all.is_banned(now) {
                list.push(ban(*source, None, &origin.all));
            }
            let users = origin.users.iter().filter(|(_, record)| record.is_banned(now));
            list.extend(users.map(|(user, record)| ban(*source, Some(user.clone()), record)));
        }
        list
    }

    /// Lifts the bans of a source, or only that of a user there, and forgets the failures; answers how many it lifted.
    pub fn lift(&mut self, now: Time, source: IpAddr, user: Option<&str>) -> usize {
        let source = origin_of(source);
        let Some(origin) = self.origins.get_mut(&source) else {
            return 0;
        };
        let banned = |record: &Record| usize::from(record.is_banned(now));
        match user {
            Some(user) => origin.users.remove(user).map_or(0, |record| banned(&record)),
            None => {
                let lifted = banned(&origin.all) + origin.users.values().map(banned).sum::<usize>();
                self.by_end.remove(&(origin.forget_at, source));
                self.origins.remove(&source);
                lifted
            }
        }
    }

    /// Bans made since the start.
    #[must_use]
    pub const fn made(&self) -> u64 {
        self.made
    }
}

impl Origin {
    /// Whether a message holds credentials of a user who is banned here.
    fn bans_credentials(&self, now: Time, bytes: &[u8]) -> bool {
        if !self.users.values().any(|record| record.is_banned(now)) {
            return false;
        }
        let Ok(message) = Message::index(bytes) else {
            return false;
        };
        message.auth(Name::Authorization).flatten().any(|params| {
            params.get("username").is_some_and(|user| {
                let record = self.users.get(&name_of(&user));
                record.is_some_and(|record| record.is_banned(now))
            })
        })
    }
}

fn ban(source: IpAddr, user: Option<String>, record: &Record) -> Ban {
    Ban {
        source,
        user,
        failures: record.failures,
        until: record.banned_until.unwrap_or_default(),
    }
}

/// A user name as it is remembered and shown to the operator: strangers write it.
fn name_of(user: &str) -> String {
    user.chars()
        .filter(|c| !c.is_control())
        .take(USER_CHARS_MAX)
        .collect()
}

/// What counts as one source: an IPv4 address, or the 64 bits of IPv6 that one customer is given at least.
pub(super) fn origin_of(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

fn contains((network, prefix): (IpAddr, u8), ip: IpAddr) -> bool {
    let same = |one: u128, other: u128, bits: u8| {
        let rest = u32::from(bits - prefix.min(bits));
        one.checked_shr(rest).unwrap_or(0) == other.checked_shr(rest).unwrap_or(0)
    };
    match (network, ip) {
        (IpAddr::V4(network), IpAddr::V4(ip)) => same(u32::from(network).into(), u32::from(ip).into(), 32),
        // A source is known by its first 64 bits only.
        (IpAddr::V6(network), IpAddr::V6(ip)) => same(u128::from(network) >> 64, u128::from(ip) >> 64, 64),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
