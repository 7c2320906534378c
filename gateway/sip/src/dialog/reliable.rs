//! Reliable provisional answers (RFC 3262): ours, repeated until their PRACK, and the peer's, which we PRACK.

use std::time::Duration;

use hotline_types::LegId;

use super::leg::{Leg, Legs, Ringing};
use super::outbound::{EARLY_MAX, Early};
use super::{Dialog, contact};
use crate::endpoint::envelope::Envelope;
use crate::endpoint::wire;
use crate::header::Name;
use crate::message::Method;
use crate::timer::TimerKey;
use crate::transaction::{Stack, TxId, User};
use crate::{Event, LegEnd};

/// First RSeq at most: it only ever grows by one (§3).
const RSEQ_FIRST_MAX: u64 = 1 << 30;

/// A provisional answer of ours that waits for its PRACK, or had it.
#[derive(Debug)]
pub(crate) struct Reliable {
    rseq: u32,
    bytes: Vec<u8>,
    interval: Duration,
    acknowledged: bool,
    /// The next one, which may only go out after the PRACK (§3).
    next: Option<(u16, Option<Vec<u8>>)>,
}

impl Reliable {
    /// The RSeq whose PRACK may still come.
    pub(super) fn awaited(&self) -> Option<u32> {
        (!self.acknowledged).then_some(self.rseq)
    }
}

/// Whether the request asks for reliable provisional answers only.
pub(super) fn is_required(env: &Envelope<'_>) -> bool {
    env.msg.has_token(Name::Require, "100rel")
}

impl Legs {
    /// A provisional answer to an INVITE that requires 100rel.
    pub(super) fn progress_reliably(
        &mut self,
        stack: &mut Stack,
        leg: LegId,
        status: u16,
        sdp: Option<&[u8]>,
    ) {
        let Some(Leg::Incoming(ringing)) = self.table.get_mut(&leg) else {
            return;
        };
        let Ringing {
            dialog,
            answering,
            reliable,
            ..
        } = &mut **ringing;
        let rseq = match reliable {
            Some(before) if !before.acknowledged => {
                before.next = Some((status, sdp.map(<[u8]>::to_vec)));
                return;
            }
            Some(before) => before.rseq + 1,
            None => u32::try_from(1 + stack.rng.below(RSEQ_FIRST_MAX)).unwrap_or(1),
        };
        let draft = answering
            .head
            .response(status)
            .header(Name::Contact, contact(&dialog.face, dialog.hop.transport))
            .header(Name::Require, "100rel")
            .header(Name::RSeq, rseq)
            .header(Name::Allow, wire::ALLOW)
            .header(Name::Server, &self.settings.product);
        let bytes = match sdp {
            Some(sdp) => draft.sdp(sdp),
            None => draft.finish(),
        };
        let interval = stack.t1();
        let (now, t1_64) = (stack.now, stack.t1_64());
        *reliable = Some(Reliable {
            rseq,
            bytes: bytes.clone(),
            interval,
            acknowledged: false,
            next: None,
        });
        stack.timers.set(TimerKey::OkRetransmit(leg), now + interval);
        stack.timers.set(TimerKey::AckWait(leg), now + t1_64);
        stack.server_respond(answering.tx, status, bytes);
    }

    /// Our provisional answer again: pauses double without limit (§3).
    pub(super) fn reliable_again(&mut self, stack: &mut Stack, leg: LegId) {
        let Some(Leg::Incoming(ringing)) = self.table.get_mut(&leg) else {
            return;
        };
        let Some(reliable) = ringing
            .reliable
            .as_mut()
            .filter(|reliable| !reliable.acknowledged)
        else {
            return;
        };
        reliable.interval *= 2;
        let at = stack.now + reliable.interval;
        if let Some(hop) = stack.server_hop(ringing.answering.tx) {
            stack.send(hop, reliable.bytes.clone());
        }
        stack.timers.set(TimerKey::OkRetransmit(leg), at);
    }

    /// No PRACK for 64*T1: the INVITE is refused with a 5xx (§3).
    pub(super) fn reliable_lapsed(&mut self, stack: &mut Stack, leg: LegId) {
        self.reject(stack, leg, 504, None, None);
        self.tell(Event::Ended {
            leg,
            end: LegEnd::NoAck,
        });
    }

    /// PRACK: 200 for the provisional answer that waits for it, 481 for any other (§3). It may hold no offer, for
    /// our provisional answers complete none (§5).
    pub(super) fn pracked(&mut self, stack: &mut Stack, leg: LegId, tx: TxId, env: &Envelope<'_>) {
        let rack = env.msg.rack().ok().flatten();
        let Some(rack) = rack.filter(|rack| rack.cseq.method == Method::Invite) else {
            return self.reply(stack, tx, env, 400);
        };
        match self.table.get_mut(&leg) {
            Some(Leg::Incoming(ringing)) => {
                let fits = ringing.answering.cseq == rack.cseq.number;
                let Some(reliable) = ringing
                    .reliable
                    .as_mut()
                    .filter(|reliable| fits && reliable.awaited() == Some(rack.response))
                else {
                    return self.reply(stack, tx, env, 481);
                };
                if !env.msg.body().is_empty() {
                    return self.reply(stack, tx, env, 488);
                }
                reliable.acknowledged = true;
                let next = reliable.next.take();
                stack.timers.cancel(TimerKey::OkRetransmit(leg));
                stack.timers.cancel(TimerKey::AckWait(leg));
                self.reply(stack, tx, env, 200);
                if let Some((status, sdp)) = next {
                    self.progress_reliably(stack, leg, status, sdp.as_deref());
                }
            }
            // It crossed our 2xx (§3).
            Some(Leg::Up(up)) if up.late_prack == Some((rack.response, rack.cseq.number)) => {
                up.late_prack = None;
                self.reply(stack, tx, env, 200);
            }
            _ => self.reply(stack, tx, env, 481),
        }
    }

    /// A provisional answer of a called phone with a tag: its early dialog is kept, and a reliable one is
    /// acknowledged in its order (§4). Repetitions are the business of our PRACK's own transaction.
    pub(super) fn early_heard(
        &mut self,
        stack: &mut Stack,
        leg: LegId,
        fork: usize,
        tx: TxId,
        env: &Envelope<'_>,
    ) {
        let Some(tag) = env.to_tag else { return };
        let rseq = env.msg.rseq().ok().flatten();
        let rseq = rseq.filter(|_| is_required(env));
        let sdp = env.sdp().ok().flatten();
        if rseq.is_none() && sdp.is_none() {
            return;
        }
        let Some((invite, hop)) = stack.client_request(tx) else {
            return;
        };
        let Some(face) = self.face(hop.listener, hop.to.ip()) else {
            return;
        };
        let Some(Leg::Dialling(dialling)) = self.table.get_mut(&leg) else {
            return;
        };
        let Some(fork) = dialling.forks.get_mut(fork) else {
            return;
        };
        let known = fork.early.iter().position(|early| early.dialog.remote_tag == tag);
        let at = match known {
            Some(at) => at,
            None if fork.early.len() >= EARLY_MAX => return,
            None => {
                let next = env.next_hop(hop, face.role);
                fork.early.push(Early {
                    dialog: Dialog::of_answer(&invite, env, next, face),
                    rseq: None,
                    sdp: None,
                });
                fork.early.len() - 1
            }
        };
        let early = &mut fork.early[at];
        if early.sdp.is_none() {
            early.sdp = sdp.map(<[u8]>::to_vec);
        }
        let Some(rseq) = rseq else { return };
        if early.rseq.is_some_and(|last| rseq != last.wrapping_add(1)) {
            return; // a repetition, or one that overtook another and will come again (§4)
        }
        early.rseq = Some(rseq);
        let (prack, cseq) = (stack.new_branch(), early.dialog.next_cseq());
        let bytes = early
            .dialog
            .request(Method::Prack, prack, cseq, &self.settings.product)
            .header(Name::RAck, format_args!("{rseq} {} INVITE", env.cseq))
            .finish();
        stack.client_send(prack, User::Nobody, early.dialog.hop, bytes, false);
    }
}
