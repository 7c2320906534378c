//! Our own re-INVITE: sent, answered, refused, and sent again after a glare (RFC 3261 §14.1).

use std::time::Duration;

use hotline_types::LegId;

use super::leg::{Leg, Legs, Reoffering, Up};
use super::session::{arm_session, session_granted};
use crate::endpoint::envelope::Envelope;
use crate::header::Name;
use crate::message::Method;
use crate::timer::TimerKey;
use crate::transaction::{Stack, TxId, User};
use crate::{Event, LegEnd, ReleaseReason};

impl Legs {
    /// Offers new media; waits where another INVITE of the dialog is open. A newer offer replaces one that waits.
    pub(crate) fn reoffer(&mut self, stack: &mut Stack, leg: LegId, sdp: Vec<u8>) {
        let Some(Leg::Up(up)) = self.table.get_mut(&leg) else {
            return;
        };
        match &mut up.reoffering {
            Some(Reoffering::Paused { sdp: waiting } | Reoffering::Queued { sdp: waiting }) => *waiting = sdp,
            Some(Reoffering::Sent { next, .. }) => *next = Some(sdp),
            None => {
                up.reoffering = Some(Reoffering::Queued { sdp });
                self.send_queued_reoffer(stack, leg);
            }
        }
    }

    /// Sends the offer that waits, if nothing hinders it any more.
    pub(super) fn send_queued_reoffer(&mut self, stack: &mut Stack, leg: LegId) {
        let Some(Leg::Up(up)) = self.table.get_mut(&leg) else {
            return;
        };
        if up.answering.is_some() || up.ok.is_some() || up.released.is_some() {
            return;
        }
        match up.reoffering.take() {
            Some(Reoffering::Queued { sdp }) => self.send_reoffer(stack, leg, sdp, false),
            other => up.reoffering = other,
        }
    }

    fn send_reoffer(&mut self, stack: &mut Stack, leg: LegId, sdp: Vec<u8>, retried: bool) {
        let Some(Leg::Up(up)) = self.table.get_mut(&leg) else {
            return;
        };
        let (tx, cseq) = (stack.new_branch(), up.dialog.next_cseq());
        let mut draft = up
            .dialog
            .request(Method::Invite, tx, cseq, &self.settings.product);
        if let Some(session) = up.session {
            // Who refreshes goes on doing so (RFC 4028 §7.4).
            draft = session.ask(draft.header(Name::Supported, "timer"));
        }
        let bytes = draft.sdp(&sdp);
        stack.client_send(tx, User::Reinvite(leg), up.dialog.hop, bytes, true);
        up.reoffering = Some(Reoffering::Sent {
            tx,
            sdp,
            retried,
            next: None,
        });
    }

    /// The pause after a 491 is over.
    pub(crate) fn glare_retry(&mut self, stack: &mut Stack, leg: LegId) {
        let Some(Leg::Up(up)) = self.table.get_mut(&leg) else {
            return;
        };
        match up.reoffering.take() {
            Some(Reoffering::Paused { sdp }) if up.answering.is_none() && up.ok.is_none() => {
                self.send_reoffer(stack, leg, sdp, true);
            }
            Some(Reoffering::Paused { sdp }) => up.reoffering = Some(Reoffering::Queued { sdp }),
            other => up.reoffering = other,
        }
    }

    /// A response to our re-INVITE.
    pub(crate) fn reoffer_heard(
        &mut self,
        stack: &mut Stack,
        leg: LegId,
        tx: TxId,
        env: &Envelope<'_>,
        status: u16,
    ) {
        match status {
            ..200 => {}
            200..300 => self.reoffer_answered(stack, leg, tx, env),
            408 | 481 => self.broken(stack, leg),
            491 => self.reoffer_glare(stack, leg),
            300.. => self.reoffer_refused(stack, leg, status),
        }
    }

    fn reoffer_answered(&mut self, stack: &mut Stack, leg: LegId, tx: TxId, env: &Envelope<'_>) {
        let Some(Leg::Up(up)) = self.table.get_mut(&leg) else {
            self.acknowledge_gone(stack, tx, env);
            return;
        };
        up.dialog.refresh_target(env);
        up.dialog
            .acknowledge(stack, tx, env.cseq, env, &self.settings.product);
        // What the answer grants holds from now on (RFC 4028 §7.2).
        up.session = up.session.and(session_granted(env));
        arm_session(stack, leg, up.session);
        if let Some((sdp, next)) = take_sent(up) {
            up.sdp = sdp;
            up.reoffering = next.map(|sdp| Reoffering::Queued { sdp });
            let answer = env.sdp().ok().flatten().unwrap_or(b"").to_vec();
            self.tell(Event::ReofferAnswered { leg, answer });
            self.send_queued_reoffer(stack, leg);
        }
    }

    /// A 2xx to the re-INVITE of a leg that is gone: its ACK ends the repetitions; BYE is on its way.
    fn acknowledge_gone(&mut self, stack: &mut Stack, tx: TxId, env: &Envelope<'_>) {
        let Some((invite, hop)) = stack.client_request(tx) else {
            return;
        };
        let Some(face) = self.face(hop.listener, hop.to.ip()) else {
            return;
        };
        let dialog = super::Dialog::of_reinvite(&invite, env, hop, face);
        dialog.acknowledge(stack, tx, env.cseq, env, &self.settings.product);
    }

    /// 491: once more after 2.1 to 4 s where the Call-ID is ours, after 0 to 2 s where not, in steps of 10 ms.
    fn reoffer_glare(&mut self, stack: &mut Stack, leg: LegId) {
        let Some(Leg::Up(up)) = self.table.get_mut(&leg) else {
            return;
        };
        match up.reoffering.take() {
            Some(Reoffering::Sent {
                sdp,
                retried: false,
                next,
                ..
            }) => {
                let steps = if up.dialog.we_called {
                    210 + stack.rng.below(191)
                } else {
                    stack.rng.below(201)
                };
                let sdp = next.unwrap_or(sdp);
                up.reoffering = Some(Reoffering::Paused { sdp });
                let at = stack.now + Duration::from_millis(steps * 10);
                stack.timers.set(TimerKey::GlareRetry(leg), at);
            }
            Some(sent @ Reoffering::Sent { .. }) => {
                up.reoffering = Some(sent);
                self.reoffer_refused(stack, leg, 491);
            }
            other => up.reoffering = other,
        }
    }

    fn reoffer_refused(&mut self, stack: &mut Stack, leg: LegId, status: u16) {
        let Some(Leg::Up(up)) = self.table.get_mut(&leg) else {
            return;
        };
        if let Some((_, next)) = take_sent(up) {
            up.reoffering = next.map(|sdp| Reoffering::Queued { sdp });
            self.tell(Event::ReofferRefused { leg, status });
            self.send_queued_reoffer(stack, leg);
        }
    }

    /// A request in the dialog got 408, 481 or nothing at all: the dialog is over (§12.2.1.2, §14.1).
    pub(crate) fn broken(&mut self, stack: &mut Stack, leg: LegId) {
        let Some(Leg::Up(up)) = self.table.get(&leg) else {
            return;
        };
        if up.released.is_none() {
            self.tell(Event::Ended {
                leg,
                end: LegEnd::Broken,
            });
        }
        self.bye(stack, leg, ReleaseReason::Fault);
    }
}

/// Takes out the re-INVITE that was sent: its SDP, and the offer that came meanwhile.
fn take_sent(up: &mut Up) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    match up.reoffering.take() {
        Some(Reoffering::Sent { sdp, next, .. }) => Some((sdp, next)),
        other => {
            up.reoffering = other;
            None
        }
    }
}
