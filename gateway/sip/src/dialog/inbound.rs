//! Calls to us: INVITE, our answers to it, its ACK and its CANCEL (RFC 3261 §9.2, §13.3).

use hotline_types::{LegId, Pii};

use super::leg::{Answering, Leg, Legs, OkSent, Ringing, Up};
use super::reliable;
use super::session::{arm_session, session_asked};
use super::{Dialog, contact};
use crate::endpoint::envelope::Envelope;
use crate::endpoint::wire;
use crate::header::Name;
use crate::timer::TimerKey;
use crate::transaction::{Hop, Stack, T2, TxId};
use crate::{Event, LegEnd, ReleaseReason, Source};

/// Who calls whom, as the listener's rules read it.
pub(crate) struct Call {
    pub(crate) source: Source,
    pub(crate) called: String,
    pub(crate) also_called: Vec<String>,
    pub(crate) passed: Vec<(String, String)>,
    pub(crate) caller: Pii<String>,
    pub(crate) display: Option<Pii<String>>,
}

impl Legs {
    /// A new leg for an INVITE that passed the checks of its listener. `next` is where our requests will go.
    /// On refusal the status to answer with comes back.
    pub(crate) fn incoming(
        &mut self,
        stack: &mut Stack,
        env: &Envelope<'_>,
        tx: TxId,
        next: Hop,
        call: Call,
    ) -> Result<LegId, u16> {
        let face = self.face(env.hop.listener, env.peer.ip()).ok_or(500_u16)?;
        let target = env.contact().ok_or(400_u16)?;
        let offer = env.sdp().map_err(|()| 415_u16)?;
        if !env.accepts_sdp() {
            return Err(406);
        }
        let session = session_asked(env)?;
        if self.is_full() {
            return Err(503);
        }
        let local_tag = stack.rng.next_u64();
        let leg = self.new_leg();
        let dialog = Dialog::of_invite(env, local_tag, target, next, face);
        let head = env.head(Some(local_tag));
        let answering = Answering {
            tx,
            cseq: env.cseq,
            invite: true,
            head,
            offered: offer.is_some(),
            session,
            peer_updates: env.allows("UPDATE"),
        };
        stack.server_set_leg(tx, leg);
        self.by_tag.insert(local_tag, leg);
        self.unacknowledged.insert(leg, call.source.clone());
        let ringing = Ringing {
            dialog,
            answering,
            reliably: reliable::is_required(env),
            reliable: None,
        };
        self.table.insert(leg, Leg::Incoming(Box::new(ringing)));
        let Call {
            source,
            called,
            also_called,
            passed,
            caller,
            display,
        } = call;
        let offer = offer.map(<[u8]>::to_vec);
        let listener = env.hop.listener;
        self.tell(Event::Incoming {
            leg,
            source,
            listener,
            called,
            also_called,
            passed,
            caller,
            display,
            offer,
            peer: env.peer,
        });
        Ok(leg)
    }

    /// A provisional answer.
    pub(crate) fn progress(&mut self, stack: &mut Stack, leg: LegId, status: u16, sdp: Option<&[u8]>) {
        let Some(Leg::Incoming(ringing)) = self.table.get(&leg) else {
            return;
        };
        if !(101..200).contains(&status) {
            return;
        }
        if ringing.reliably {
            self.progress_reliably(stack, leg, status, sdp);
            return;
        }
        let Ringing {
            dialog, answering, ..
        } = &**ringing;
        let draft = answering
            .head
            .response(status)
            .header(Name::Contact, contact(&dialog.face, dialog.hop.transport))
            .header(Name::Server, &self.settings.product);
        let bytes = match sdp {
            Some(sdp) => draft.sdp(sdp),
            None => draft.finish(),
        };
        stack.server_respond(answering.tx, status, bytes);
    }

    /// 200 to the INVITE.
    pub(crate) fn answer(&mut self, stack: &mut Stack, leg: LegId, sdp: &[u8]) {
        match self.table.remove(&leg) {
            Some(Leg::Incoming(ringing)) => {
                let Ringing {
                    dialog,
                    answering,
                    reliable,
                    ..
                } = *ringing;
                let mut up = Up::new(dialog);
                let awaited = reliable.and_then(|reliable| reliable.awaited());
                up.late_prack = awaited.map(|rseq| (rseq, answering.cseq));
                self.send_ok(stack, leg, &mut up, answering, sdp, true);
                self.table.insert(leg, Leg::Up(Box::new(up)));
            }
            Some(other) => {
                self.table.insert(leg, other);
            }
            None => {}
        }
    }

    /// Sends the 2xx of an INVITE (first or not) or an UPDATE; for an INVITE it is repeated until the ACK.
    pub(super) fn send_ok(
        &self,
        stack: &mut Stack,
        leg: LegId,
        up: &mut Up,
        answering: Answering,
        sdp: &[u8],
        first: bool,
    ) {
        let Answering {
            tx,
            cseq,
            invite,
            head,
            offered,
            session,
            peer_updates,
        } = answering;
        let mut draft = head
            .response(200)
            .header(Name::Contact, contact(&up.dialog.face, up.dialog.hop.transport))
            .header(Name::Allow, wire::ALLOW)
            .header(Name::Supported, wire::SUPPORTED)
            .header(Name::Server, &self.settings.product);
        if let Some(session) = session {
            draft = session.grant(draft);
        }
        up.session = session;
        up.peer_updates |= peer_updates;
        if !sdp.is_empty() {
            up.sdp = sdp.to_vec();
        }
        arm_session(stack, leg, session);
        let bytes = if sdp.is_empty() {
            draft.finish()
        } else {
            draft.sdp(sdp)
        };
        if invite {
            let hop = stack.server_hop(tx).unwrap_or(up.dialog.hop);
            let interval = stack.t1();
            up.ok = Some(OkSent {
                cseq,
                bytes: bytes.clone(),
                hop,
                interval,
                offered: !offered,
                first,
            });
            let (now, t1_64) = (stack.now, stack.t1_64());
            stack.timers.set(TimerKey::OkRetransmit(leg), now + interval);
            stack.timers.set(TimerKey::AckWait(leg), now + t1_64);
        }
        stack.server_respond(tx, 200, bytes);
    }

    /// Refuses the INVITE. The leg is gone.
    pub(crate) fn reject(
        &mut self,
        stack: &mut Stack,
        leg: LegId,
        status: u16,
        retry_after_s: Option<u32>,
        warning: Option<&str>,
    ) {
        if !(300..700).contains(&status) || !matches!(self.table.get(&leg), Some(Leg::Incoming(_))) {
            return;
        }
        let Some(Leg::Incoming(ringing)) = self.remove(stack, leg) else {
            return;
        };
        let Ringing {
            dialog, answering, ..
        } = *ringing;
        let mut draft = answering
            .head
            .response(status)
            .header(Name::Server, &self.settings.product);
        if let Some(seconds) = retry_after_s {
            draft = draft.header(Name::RetryAfter, seconds);
        }
        if let Some(text) = warning {
            let quoted = text.replace(['"', '\\'], "'");
            draft = draft.header(
                Name::Warning,
                format_args!("399 {} \"{quoted}\"", dialog.face.advertised.ip()),
            );
        }
        stack.server_respond(answering.tx, status, draft.finish());
    }

    /// The ACK of a 2xx of ours (§13.3.1.4). Others of the dialog, late or repeated, mean nothing.
    pub(crate) fn acknowledged(&mut self, stack: &mut Stack, leg: LegId, env: &Envelope<'_>) {
        let Some(Leg::Up(up)) = self.table.get_mut(&leg) else {
            return;
        };
        if !up.dialog.is_of(env) || up.ok.as_ref().is_none_or(|ok| ok.cseq != env.cseq) {
            return;
        }
        let Some(ok) = up.ok.take() else { return };
        self.unacknowledged.remove(&leg);
        stack.timers.cancel(TimerKey::OkRetransmit(leg));
        stack.timers.cancel(TimerKey::AckWait(leg));
        if let Some(reason) = up.released {
            self.bye(stack, leg, reason);
            return;
        }
        let answer = env
            .sdp()
            .ok()
            .flatten()
            .filter(|_| ok.offered)
            .map(<[u8]>::to_vec);
        if ok.first || answer.is_some() {
            self.tell(Event::Confirmed { leg, answer });
        }
        self.send_queued_reoffer(stack, leg);
    }

    /// The caller gave up before we answered: 487 to the INVITE (§9.2).
    pub(crate) fn cancelled(&mut self, stack: &mut Stack, leg: LegId) {
        let Some(Leg::Incoming(ringing)) = self.table.get(&leg) else {
            return;
        };
        let Answering { tx, head, .. } = &ringing.answering;
        let (tx, bytes) = (
            *tx,
            head.response(487)
                .header(Name::Server, &self.settings.product)
                .finish(),
        );
        stack.server_respond(tx, 487, bytes);
        self.end(stack, leg, LegEnd::Cancelled);
    }

    /// Our 2xx again: pauses double up to T2, over streams too (§13.3.1.4).
    pub(crate) fn ok_retransmit(&mut self, stack: &mut Stack, leg: LegId) {
        let Some(Leg::Up(up)) = self.table.get_mut(&leg) else {
            self.reliable_again(stack, leg);
            return;
        };
        let Some(ok) = &mut up.ok else { return };
        ok.interval = (ok.interval * 2).min(T2);
        let at = stack.now + ok.interval;
        stack.send(ok.hop, ok.bytes.clone());
        stack.timers.set(TimerKey::OkRetransmit(leg), at);
    }

    /// No ACK for 64*T1: BYE (§13.3.1.4).
    pub(crate) fn ack_timeout(&mut self, stack: &mut Stack, leg: LegId) {
        let Some(Leg::Up(up)) = self.table.get_mut(&leg) else {
            self.reliable_lapsed(stack, leg);
            return;
        };
        let reason = up.released.unwrap_or(ReleaseReason::Fault);
        if up.released.is_none() {
            self.tell(Event::Ended {
                leg,
                end: LegEnd::NoAck,
            });
        }
        self.bye(stack, leg, reason);
    }
}
