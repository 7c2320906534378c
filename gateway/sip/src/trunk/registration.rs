//! Our registration with a carrier, as a machine (RFC 3261 §10.2, RFC 3608, RFC 5626 §4.5).
//!
//! | state | what comes | next |
//! |---|---|---|
//! | Asking | 200 | Registered; refresh before it ends |
//! | Asking | 401, 407 of our realm | Asking again with the digest, once, or again where only the nonce was stale |
//! | Asking | challenge of another realm | Waiting: it is never answered |
//! | Asking | 423 with a longer Min-Expires | Asking with it, once |
//! | Asking | 403 | Waiting; then as a stranger would: new Call-ID, no old nonce |
//! | Asking | any other refusal, silence | Waiting, longer each time, with jitter; Retry-After is kept |
//! | Registered | time to refresh, connection lost, our address seen changed | Asking; the old one counts until it ends |
//!
//! It sends nothing: [`Step`] says what the endpoint is to do.

use std::time::Duration;

use hotline_types::{Rng, Time};

use crate::digest::Challenge;
use crate::trunk::TrunkDown;

/// First pause after a failure.
const PAUSE_FIRST: Duration = Duration::from_secs(2);
/// Longest pause after failures.
const PAUSE_MAX: Duration = Duration::from_secs(300);
/// Longest Retry-After that is kept to.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);
/// Most challenges answered in a row, so that no registrar can keep us busy.
const CHALLENGES_MAX: u8 = 3;
/// Most members of a Service-Route that are kept.
pub(crate) const ROUTES_MAX: usize = 8;
/// Shortest lifetime that is believed.
const GRANTED_MIN: Duration = Duration::from_secs(10);

/// What the registrar said to our REGISTER.
#[derive(Clone, Debug)]
pub(crate) enum Heard {
    /// 2xx.
    Granted {
        /// Lifetime of the binding.
        granted: Option<Duration>,
        /// Service-Route (RFC 3608), in its order.
        routes: Vec<String>,
        /// Where it saw us: `received` and `rport` of our Via.
        seen: Option<String>,
    },
    /// 401 or 407, with the challenge of our realm; none where there is none.
    Challenged(u16, Option<Challenge>),
    /// 423, with Min-Expires.
    TooBrief(Duration),
    /// Another refusal, with Retry-After.
    Refused(u16, Option<Duration>),
    /// Nobody answered, or nothing could be sent.
    Silence,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send a REGISTER at once.
    Send,
    /// Nothing before this time; then [`Registration::due`].
    Until(Time),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A REGISTER is out.
    Asking,
    /// Granted until `ends`.
    Registered,
    /// A pause after a failure.
    Waiting,
}

/// One registration.
#[derive(Debug)]
pub(crate) struct Registration {
    state: State,
    /// The binding counts until then.
    ends: Option<Time>,
    /// Lifetime asked for; grows with 423.
    pub(crate) expires: Duration,
    /// The challenge to answer, and how often its nonce was used.
    pub(crate) challenge: Option<(Challenge, u32)>,
    tries: u8,
    raised: bool,
    failures: u32,
    /// A number for Call-ID and tag; none: a new one is due.
    pub(crate) call: Option<u64>,
    pub(crate) cseq: u32,
    pub(crate) routes: Vec<String>,
    seen: Option<String>,
    down: TrunkDown,
}

impl Registration {
    pub(crate) fn new(expires: Duration) -> Self {
        Self {
            state: State::Waiting,
            ends: None,
            expires,
            challenge: None,
            tries: 0,
            raised: false,
            failures: 0,
            call: None,
            cseq: 0,
            routes: Vec::new(),
            seen: None,
            down: TrunkDown::Starting,
        }
    }

    /// Whether the carrier knows us now.
    pub(crate) fn is_up(&self, now: Time) -> bool {
        self.ends.is_some_and(|ends| ends > now)
    }

    /// Why not.
    pub(crate) const fn down(&self) -> TrunkDown {
        self.down
    }

    /// The time of the last [`Step::Until`] has come.
    pub(crate) fn due(&mut self) -> Step {
        self.state = State::Asking;
        self.tries = 0;
        self.raised = false;
        Step::Send
    }

    /// The way to the carrier broke or our address changed: the binding may point nowhere, so it is made anew. A
    /// pause that runs goes on, for a carrier that is down breaks connections all the time.
    pub(crate) fn moved(&mut self) -> Option<Step> {
        (self.state == State::Registered).then(|| self.due())
    }

    /// An answer of the carrier shows where it sees us; elsewhere than the registrar did, the binding is made anew.
    pub(crate) fn seen(&mut self, seen: &str) -> Option<Step> {
        let elsewhere = self.seen.as_deref().is_some_and(|before| before != seen);
        if elsewhere { self.moved() } else { None }
    }

    /// The registrar answered, or did not.
    pub(crate) fn heard(&mut self, now: Time, heard: Heard, rng: &mut Rng) -> Step {
        match heard {
            Heard::Granted {
                granted,
                routes,
                seen,
            } => self.granted(now, granted, routes, seen, rng),
            Heard::Challenged(_, None) => self.pause(now, TrunkDown::ForeignRealm, None, rng),
            Heard::Challenged(status, Some(challenge)) => {
                let again = self.tries == 0 || (challenge.stale && self.tries < CHALLENGES_MAX);
                if !again {
                    self.forget();
                    return self.pause(now, TrunkDown::Refused(status), None, rng);
                }
                self.tries += 1;
                self.challenge = Some((challenge, 0));
                Step::Send
            }
            Heard::TooBrief(least) => {
                if self.raised || least <= self.expires || least > Duration::from_secs(86_400) {
                    return self.pause(now, TrunkDown::Refused(423), None, rng);
                }
                self.raised = true;
                self.expires = least;
                Step::Send
            }
            Heard::Refused(status, retry_after) => {
                if status == 403 {
                    self.forget();
                }
                self.pause(now, TrunkDown::Refused(status), retry_after, rng)
            }
            Heard::Silence => self.pause(now, TrunkDown::RegistrarSilent, None, rng),
        }
    }

    fn granted(
        &mut self,
        now: Time,
        granted: Option<Duration>,
        routes: Vec<String>,
        seen: Option<String>,
        rng: &mut Rng,
    ) -> Step {
        let lifetime = granted.unwrap_or(self.expires).max(GRANTED_MIN);
        self.state = State::Registered;
        self.ends = Some(now + lifetime);
        self.failures = 0;
        self.tries = 0;
        self.routes = routes;
        self.seen = seen;
        // A refresh in good time: at 75 to 85 percent of the lifetime, so that many gateways do not come at once.
        let percent = u32::try_from(75 + rng.below(11)).unwrap_or(75);
        Step::Until(now + lifetime * percent / 100)
    }

    /// The next REGISTER is that of a stranger: carriers keep refusals by Call-ID and nonce.
    fn forget(&mut self) {
        self.challenge = None;
        self.call = None;
    }

    /// Waits longer after each failure, half of it by lot. A binding that nobody took back counts until it ends.
    fn pause(&mut self, now: Time, down: TrunkDown, retry_after: Option<Duration>, rng: &mut Rng) -> Step {
        self.state = State::Waiting;
        self.down = down;
        if matches!(down, TrunkDown::Refused(_) | TrunkDown::ForeignRealm) {
            self.ends = None;
        }
        let whole = PAUSE_FIRST
            .saturating_mul(1 << self.failures.min(16))
            .min(PAUSE_MAX);
        self.failures = self.failures.saturating_add(1);
        let half = whole / 2;
        let lot = rng.below(u64::try_from(half.as_millis()).unwrap_or(0) + 1);
        let wait = (half + Duration::from_millis(lot))
            .max(retry_after.unwrap_or(Duration::ZERO).min(RETRY_AFTER_MAX));
        Step::Until(now + wait)
    }
}

#[cfg(test)]
mod tests;
