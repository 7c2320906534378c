//! The server's half: challenges that cost no memory, and the store of nonces in use.
//!
//! A nonce carries its time of issue and a keyed hash, so an unanswered challenge is remembered nowhere and a flood
//! of them cannot push out anybody's. Only a nonce that came back with a right response takes room, for its counts.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use hotline_types::{Rng, Time};
use sha2::{Digest as _, Sha256};

use crate::Credentials;
use crate::build::Quoted;
use crate::header::{AuthParams, Name};
use crate::message::Message;
use crate::uri::Uri;

use super::{Algorithm, Proof, hex, same};

/// Counts behind the highest one seen that are still remembered one by one: requests may overtake each other so far.
const WINDOW: u32 = 64;
/// Digits of the part of a nonce that says when it was issued and makes it unique.
const STAMP_DIGITS: usize = 32;

/// Limits of the nonce store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DigestConfig {
    /// How long a nonce may be used.
    pub(crate) lifetime: Duration,
    /// Most nonces in use at once; beyond it the oldest becomes stale, and its phone is challenged once more.
    pub(crate) nonces_max: usize,
}

impl Default for DigestConfig {
    /// One hour, 10,000 nonces.
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(3600),
            nonces_max: 10_000,
        }
    }
}

/// What came of checking a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// The request comes from this user.
    Good {
        /// The user name, as the credentials know it.
        user: String,
    },
    /// It holds no credentials for our realm: challenge it.
    Absent,
    /// The response is right, the nonce is not, or no longer: challenge again with `stale`.
    Stale,
    /// The credentials are wrong: challenge again, and count.
    Refused(Refusal),
}

/// Why credentials were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A parameter is missing or cannot be read, or asks for what was not offered.
    Malformed,
    /// Nobody has this name.
    UnknownUser,
    /// The user has no usable HA1 for this algorithm.
    NoSecret,
    /// The digest was made for another URI.
    OtherUri,
    /// The response is wrong.
    WrongResponse,
    /// This count was used before. A fresh challenge with `stale` helps a phone that never counts up.
    Replayed,
}

/// The counts used with one nonce: the highest, and the [`WINDOW`] below it as bits.
#[derive(Clone, Copy, Debug)]
struct Counts {
    highest: u32,
    seen: u64,
}

impl Counts {
    /// Notes a count; false where it was used before or is too old to know.
    fn note(&mut self, count: u32) -> bool {
        if count > self.highest {
            let ahead = count - self.highest;
            self.seen = if ahead < WINDOW { self.seen << ahead | 1 } else { 1 };
            self.highest = count;
            return true;
        }
        let behind = self.highest - count;
        if behind >= WINDOW || self.seen >> behind & 1 == 1 {
            return false;
        }
        self.seen |= 1 << behind;
        true
    }
}

/// A nonce in use: when it was issued, and what tells it from others of that moment.
type Stamp = (u64, u64);

/// Challenges requests and checks their answers.
pub(crate) struct DigestServer {
    realm: String,
    secret: [u8; 32],
    config: DigestConfig,
    in_use: BTreeMap<Stamp, Counts>,
    /// Nonces up to this one are stale: the store had to forget one of their age.
    floor: Option<Stamp>,
}

impl DigestServer {
    /// A server of this realm; the key of its nonces is drawn from `rng`.
    #[must_use]
    pub(crate) fn new(realm: String, config: DigestConfig, rng: &mut Rng) -> Self {
        let mut secret = [0; 32];
        rng.fill(&mut secret);
        Self {
            realm,
            secret,
            config,
            in_use: BTreeMap::new(),
            floor: None,
        }
    }

    /// The values of two WWW-Authenticate headers with one fresh nonce, SHA-256 first (RFC 8760 §2.4).
    #[must_use]
    pub(crate) fn challenges(&self, now: Time, rng: &mut Rng, source: IpAddr, stale: bool) -> [String; 2] {
        let stamp = format!("{:016x}{:016x}", now.as_nanos(), rng.next_u64());
        let nonce = self.sealed(&stamp, source);
        let stale = if stale { ", stale=true" } else { "" };
        [Algorithm::Sha256, Algorithm::Md5].map(|algorithm| {
            let (realm, name) = (Quoted(&self.realm), algorithm.as_str());
            format!("Digest realm={realm}, nonce=\"{nonce}\", algorithm={name}, qop=\"auth\"{stale}")
        })
    }

    /// The stamp with its keyed hash, which holds for one source address alone: a phone that moves is challenged once
    /// more. Key, address and stamp have fixed lengths, and half of the hash stays unseen.
    fn sealed(&self, stamp: &str, source: IpAddr) -> String {
        let source = match source {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        let mut hash = Sha256::new();
        hash.update(self.secret);
        hash.update(source.octets());
        hash.update(stamp.as_bytes());
        format!("{stamp}{}", hex(&hash.finalize()[..16]))
    }

    /// Checks the credentials in `header` (Authorization or Proxy-Authorization) of a request.
    ///
    /// `credentials` finds a user's HA1s. Nothing is remembered of a request that is refused. With a refusal comes the
    /// user name that was guessed at, where the nonce is one that we gave to this source: such a failure cannot be
    /// forged, so it may be held against the source.
    pub(crate) fn check<'c>(
        &mut self,
        now: Time,
        request: &Message<'_>,
        (header, source): (Name, IpAddr),
        credentials: impl Fn(&str) -> Option<&'c Credentials>,
    ) -> (Check, Option<String>) {
        let mut outcome = (Check::Absent, None);
        for params in request.auth(header) {
            let Ok(params) = params else {
                outcome = (Check::Refused(Refusal::Malformed), None);
                continue;
            };
            let ours = params.scheme.eq_ignore_ascii_case("Digest")
                && params.get("realm").is_some_and(|realm| realm == self.realm);
            if !ours {
                continue;
            }
            outcome = self.check_one(now, request, &params, source, &credentials);
            if matches!(outcome.0, Check::Good { .. } | Check::Stale) {
                break;
            }
        }
        outcome
    }

    fn check_one<'c>(
        &mut self,
        now: Time,
        request: &Message<'_>,
        params: &AuthParams<'_>,
        source: IpAddr,
        credentials: &impl Fn(&str) -> Option<&'c Credentials>,
    ) -> (Check, Option<String>) {
        let malformed = (Check::Refused(Refusal::Malformed), None);
        let Some(answer) = Answered::read(params) else {
            return malformed;
        };
        let (Some(method), Some(raw_uri)) = (request.method(), request.raw_uri()) else {
            return malformed;
        };
        // Whoever asks for an unknown user waits as long, and for the same answer, as for a known one.
        let known = credentials(&answer.user);
        let secret = known.map(|known| match answer.algorithm {
            Algorithm::Md5 => known.ha1_md5.reveal().to_ascii_lowercase(),
            Algorithm::Sha256 => known.ha1_sha256.reveal().to_ascii_lowercase(),
        });
        let usable = secret.as_ref().is_some_and(|ha1| answer.algorithm.fits(ha1));
        let ha1 = secret
            .filter(|_| usable)
            .unwrap_or_else(|| answer.algorithm.no_ha1().to_owned());
        let proof = Proof {
            method: method.as_str(),
            uri: &answer.uri,
            nonce: &answer.nonce,
            nc: &answer.nc,
            cnonce: &answer.cnonce,
        };
        let expected = proof.response(answer.algorithm, &ha1);
        let right = same(
            expected.as_bytes(),
            answer.response.to_ascii_lowercase().as_bytes(),
        );
        let refused = if !same_target(&answer.uri, raw_uri) {
            Some(Refusal::OtherUri)
        } else if known.is_none() {
            Some(Refusal::UnknownUser)
        } else if !usable {
            Some(Refusal::NoSecret)
        } else {
            (!right).then_some(Refusal::WrongResponse)
        };
        if let Some(refusal) = refused {
            let given = self.is_given(now, &answer.nonce, source);
            return (Check::Refused(refusal), given.then_some(answer.user));
        }
        match self.use_nonce(now, &answer.nonce, answer.count, source) {
            Use::Fresh => (Check::Good { user: answer.user }, None),
            Use::Stale => (Check::Stale, None),
            Use::Replayed => (Check::Refused(Refusal::Replayed), None),
        }
    }

    /// Whether the nonce is one that we gave to this source not long ago.
    fn is_given(&self, now: Time, nonce: &str, source: IpAddr) -> bool {
        self.stamp(nonce, source).is_some_and(|(at, _)| {
            let issued = Time::from_nanos(at);
            issued <= now && now.since(issued) <= self.config.lifetime
        })
    }

    fn use_nonce(&mut self, now: Time, nonce: &str, count: u32, source: IpAddr) -> Use {
        let Some(stamp) = self.stamp(nonce, source) else {
            return Use::Stale;
        };
        self.forget_expired(now);
        let issued = Time::from_nanos(stamp.0);
        let forgotten = self.floor.is_some_and(|floor| stamp <= floor);
        if forgotten || issued > now || now.since(issued) > self.config.lifetime {
            return Use::Stale;
        }
        if let Some(counts) = self.in_use.get_mut(&stamp) {
            return if counts.note(count) {
                Use::Fresh
            } else {
                Use::Replayed
            };
        }
        self.in_use.insert(
            stamp,
            Counts {
                highest: count,
                seen: 1,
            },
        );
        while self.in_use.len() > self.config.nonces_max.max(1) {
            self.floor = self.in_use.pop_first().map(|(oldest, _)| oldest).max(self.floor);
        }
        if self.in_use.contains_key(&stamp) {
            Use::Fresh
        } else {
            Use::Stale
        }
    }

    fn forget_expired(&mut self, now: Time) {
        while let Some(oldest) = self.in_use.first_entry() {
            if now.since(Time::from_nanos(oldest.key().0)) <= self.config.lifetime {
                return;
            }
            oldest.remove();
        }
    }

    /// The stamp of a nonce that we gave to this source; none for any other text.
    fn stamp(&self, nonce: &str, source: IpAddr) -> Option<Stamp> {
        let stamp = nonce.get(..STAMP_DIGITS)?;
        if !same(self.sealed(stamp, source).as_bytes(), nonce.as_bytes()) {
            return None;
        }
        let part = |range| u64::from_str_radix(stamp.get(range)?, 16).ok();
        Some((part(0..16)?, part(16..32)?))
    }

    /// How many nonces are in use.
    #[cfg(test)]
    pub(crate) fn nonces(&self) -> usize {
        self.in_use.len()
    }
}

enum Use {
    Fresh,
    Stale,
    Replayed,
}

/// The parameters of an answer that matter, read.
struct Answered {
    user: String,
    algorithm: Algorithm,
    uri: String,
    nonce: String,
    cnonce: String,
    nc: String,
    count: u32,
    response: String,
}

impl Answered {
    /// None where one is missing or asks for what we did not offer (another algorithm or qop).
    fn read(params: &AuthParams<'_>) -> Option<Self> {
        let get = |name| params.get(name).map(std::borrow::Cow::into_owned);
        let algorithm = Algorithm::asked(params)?;
        if !get("qop")?.eq_ignore_ascii_case("auth") {
            return None;
        }
        let nc = get("nc")?;
        let plain = nc.len() == 8 && nc.bytes().all(|byte| byte.is_ascii_hexdigit());
        let count = u32::from_str_radix(&nc, 16)
            .ok()
            .filter(|count| plain && *count > 0)?;
        Some(Self {
            user: get("username")?,
            algorithm,
            uri: get("uri")?,
            nonce: get("nonce")?,
            cnonce: get("cnonce").filter(|cnonce| !cnonce.is_empty())?,
            nc,
            count,
            response: get("response")?,
        })
    }
}

/// Whether the digest's URI names what the request names: scheme, user, host and port; phones differ in parameters.
fn same_target(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    let (Ok(one), Ok(other)) = (Uri::parse(one), Uri::parse(other)) else {
        return false;
    };
    let host = |uri: &Uri<'_>| uri.host.map(|host| host.to_string().to_ascii_lowercase());
    one.scheme == other.scheme
        && one.user == other.user
        && host(&one) == host(&other)
        && one.port == other.port
}
