//! Session timers (RFC 4028): either side refreshes, we by UPDATE where the peer knows it, else by re-INVITE.

use std::time::Duration;

use hotline_types::LegId;

use super::leg::{Leg, Legs};
use crate::build::Builder;
use crate::endpoint::envelope::Envelope;
use crate::header::Name;
use crate::message::Method;
use crate::timer::TimerKey;
use crate::transaction::{Stack, User};
use crate::{LegEnd, ReleaseReason};

/// Smallest session interval that we accept, in seconds (RFC 4028 §4).
pub(crate) const SESSION_MIN_S: u32 = 90;
/// The interval that we ask for in calls of ours (RFC 4028 §4 recommends it), in seconds.
pub(super) const SESSION_ASKED_S: u32 = 1800;
/// Longest interval that we agree to: a lost peer is noticed within it, in seconds.
const SESSION_MAX_S: u32 = 7200;
/// Pause before a refresh is tried again that the peer could not take just now.
const AGAIN: Duration = Duration::from_secs(3);

/// A session interval in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) seconds: u32,
    /// We refresh; otherwise the peer does.
    pub(crate) we_refresh: bool,
}

impl Session {
    /// Writes the headers of a request of ours that refreshes, or leaves the refreshing with the peer.
    pub(super) fn ask(self, draft: Builder) -> Builder {
        let refresher = if self.we_refresh { "uac" } else { "uas" };
        draft.header(
            Name::SessionExpires,
            format_args!("{};refresher={refresher}", self.seconds),
        )
    }

    /// Writes the headers of a 2xx of ours. `Require` only where the peer must act on it (§9).
    pub(super) fn grant(self, draft: Builder) -> Builder {
        let (draft, refresher) = if self.we_refresh {
            (draft, "uas")
        } else {
            (draft.header(Name::Require, "timer"), "uac")
        };
        draft.header(
            Name::SessionExpires,
            format_args!("{};refresher={refresher}", self.seconds),
        )
    }
}

/// The session interval that a request asks for and that we grant (§9); the status 422 where it is too small.
///
/// Who refreshes is the peer's choice, and the peer itself where it says nothing; a peer that does not know
/// session timers, for which a proxy asked, is refreshed by us.
pub(super) fn session_asked(env: &Envelope<'_>) -> Result<Option<Session>, u16> {
    let Some((seconds, we_are_asked)) = env.session_expires() else {
        return Ok(None);
    };
    if seconds < SESSION_MIN_S {
        return Err(422);
    }
    Ok(Some(Session {
        seconds: seconds.min(SESSION_MAX_S.max(env.msg.min_se().ok().flatten().unwrap_or(0))),
        we_refresh: we_are_asked || !env.supports("timer"),
    }))
}

/// What the 2xx to a request of ours says: no Session-Expires, no session timer (§7.2).
pub(super) fn session_granted(env: &Envelope<'_>) -> Option<Session> {
    let (seconds, peer_refreshes) = env.session_expires()?;
    Some(Session {
        seconds: seconds.max(SESSION_MIN_S),
        we_refresh: !peer_refreshes,
    })
}

/// (Re)starts the timers: our refresh at half of the interval (§7.2), and BYE before it is over by min(32 s, a
/// third) (§10).
pub(super) fn arm_session(stack: &mut Stack, leg: LegId, session: Option<Session>) {
    let Some(Session { seconds, we_refresh }) = session else {
        stack.timers.cancel(TimerKey::SessionExpiry(leg));
        stack.timers.cancel(TimerKey::SessionRefresh(leg));
        return;
    };
    let early = (seconds / 3).min(32);
    let after = |seconds: u32| Duration::from_secs(u64::from(seconds));
    let now = stack.now;
    stack
        .timers
        .set(TimerKey::SessionExpiry(leg), now + after(seconds - early));
    if we_refresh {
        stack
            .timers
            .set(TimerKey::SessionRefresh(leg), now + after(seconds / 2));
    } else {
        stack.timers.cancel(TimerKey::SessionRefresh(leg));
    }
}

impl Legs {
    /// Our refresh is due.
    pub(crate) fn session_refresh(&mut self, stack: &mut Stack, leg: LegId) {
        let Some(Leg::Up(up)) = self.table.get_mut(&leg) else {
            return;
        };
        let Some(session) = up.session.filter(|_| up.released.is_none()) else {
            return;
        };
        if !up.peer_updates {
            // A re-INVITE with the SDP that holds; it waits its turn where another one is open.
            let sdp = up.sdp.clone();
            self.reoffer(stack, leg, sdp);
            return;
        }
        let (tx, cseq) = (stack.new_branch(), up.dialog.next_cseq());
        // What a 422 made us raise the interval to stays the least (§7.3).
        let least = if session.seconds > SESSION_ASKED_S {
            session.seconds
        } else {
            SESSION_MIN_S
        };
        let draft = up
            .dialog
            .request(Method::Update, tx, cseq, &self.settings.product)
            .header(Name::Supported, "timer")
            .header(Name::MinSe, least);
        let bytes = session.ask(draft).finish();
        stack.client_send(tx, User::Refresh(leg), up.dialog.hop, bytes, false);
    }

    /// The answer to our UPDATE.
    pub(crate) fn refresh_heard(&mut self, stack: &mut Stack, leg: LegId, env: &Envelope<'_>, status: u16) {
        let Some(Leg::Up(up)) = self.table.get_mut(&leg) else {
            return;
        };
        match status {
            ..200 => {}
            200..300 => {
                up.dialog.refresh_target(env);
                up.session = session_granted(env);
                arm_session(stack, leg, up.session);
            }
            408 | 481 => self.broken(stack, leg),
            422 => {
                let least = env.msg.min_se().ok().flatten().unwrap_or(0);
                if let Some(session) = up.session.as_mut().filter(|session| session.seconds < least) {
                    session.seconds = least;
                    self.session_refresh(stack, leg);
                }
            }
            405 | 501 => {
                up.peer_updates = false;
                self.session_refresh(stack, leg);
            }
            // The peer is busy with another request, or does not like this one: the expiry is still ahead.
            300.. => {
                let at = stack.now + AGAIN;
                stack.timers.set(TimerKey::SessionRefresh(leg), at);
            }
        }
    }

    /// Nobody refreshed (§10): BYE.
    pub(crate) fn session_expired(&mut self, stack: &mut Stack, leg: LegId) {
        let Some(Leg::Up(up)) = self.table.get(&leg) else {
            return;
        };
        if up.released.is_none() {
            self.tell(crate::Event::Ended {
                leg,
                end: LegEnd::SessionExpired,
            });
        }
        self.bye(stack, leg, ReleaseReason::Fault);
    }
}
