//! Calls by us: one INVITE per target, the first answer wins (RFC 3261 §13.2, §16.7).

use std::borrow::Cow;

use hotline_types::{LegId, Pii};

use super::leg::{Leg, Legs, Up};
use super::session::{SESSION_ASKED_S, arm_session, session_granted};
use super::{Dialog, contact};
use crate::endpoint::envelope::Envelope;
use crate::endpoint::wire;
use crate::header::Name;
use crate::message::Method;
use crate::transaction::{Hop, Stack, TxId, User};
use crate::{DialFailure, Event, ReleaseReason};

/// Where one fork of a call goes.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Request-URI.
    pub(crate) uri: String,
    pub(crate) hop: Hop,
}

/// What all forks of a call share.
pub(crate) struct Invitation<'a> {
    /// From value without tag.
    pub(crate) from: String,
    /// To value.
    pub(crate) to: String,
    pub(crate) sdp: &'a [u8],
    pub(crate) headers: &'a [(Cow<'static, str>, String)],
}

/// One INVITE of an outgoing leg.
#[derive(Debug)]
pub(crate) struct Fork {
    pub(crate) tx: TxId,
    pub(crate) local_tag: u64,
    pub(crate) failed: Option<DialFailure>,
    /// A digest challenge, or a demand for a longer session, was answered already.
    pub(crate) answered_challenge: bool,
    /// Early dialogs that matter: with a reliable provisional answer, or with SDP.
    pub(crate) early: Vec<Early>,
}

/// Most early dialogs of one fork.
pub(super) const EARLY_MAX: usize = 8;

/// An early dialog of a fork.
#[derive(Debug)]
pub(crate) struct Early {
    pub(super) dialog: Dialog,
    /// The last reliable provisional answer that we acknowledged (RFC 3262 §4).
    pub(super) rseq: Option<u32>,
    /// The answer to our offer, where it came before the 2xx.
    pub(super) sdp: Option<Vec<u8>>,
}

/// An outgoing leg before its answer.
#[derive(Debug)]
pub(crate) struct Dialling {
    pub(crate) forks: Vec<Fork>,
    pub(crate) rings: bool,
    /// Where it goes by a trunk.
    pub(crate) hunt: Option<Box<super::hunt::Hunt>>,
}

impl Legs {
    /// Sends the INVITEs. Without targets the leg fails at once.
    pub(crate) fn dial(
        &mut self,
        stack: &mut Stack,
        leg: LegId,
        targets: &[Target],
        invitation: &Invitation<'_>,
    ) {
        if self.table.contains_key(&leg) {
            return;
        }
        if targets.is_empty() {
            self.tell(Event::Failed {
                leg,
                failure: DialFailure::Unreachable,
            });
            return;
        }
        if self.is_full() || !stack.has_room(false) {
            self.tell(Event::Failed {
                leg,
                failure: DialFailure::Status(503),
            });
            return;
        }
        let mut forks = Vec::with_capacity(targets.len());
        for target in targets {
            let Some(face) = self.face(target.hop.listener, target.hop.to.ip()) else {
                continue;
            };
            let (tx, local_tag) = (stack.new_branch(), stack.rng.next_u64());
            let call_id = stack.rng.next_u64();
            let mut draft = wire::request(
                Method::Invite,
                &target.uri,
                tx,
                target.hop.transport,
                face.advertised,
            )
            .header(
                Name::From,
                format_args!("{};tag={local_tag:016x}", invitation.from),
            )
            .header(Name::To, &invitation.to)
            .header(Name::CallId, format_args!("{call_id:016x}{:016x}", leg.0))
            .header(Name::CSeq, "1 INVITE")
            .header(Name::Contact, contact(&face, target.hop.transport))
            .header(Name::Allow, wire::ALLOW)
            .header(Name::Supported, wire::SUPPORTED)
            .header(Name::SessionExpires, SESSION_ASKED_S)
            .header(Name::UserAgent, &self.settings.product);
            for (name, value) in invitation.headers {
                draft = draft.named(name, value);
            }
            let user = User::Dial {
                leg,
                fork: forks.len(),
            };
            self.by_tag.insert(local_tag, leg);
            forks.push(Fork {
                tx,
                local_tag,
                failed: None,
                answered_challenge: false,
                early: Vec::new(),
            });
            stack.client_send(tx, user, target.hop, draft.sdp(invitation.sdp), true);
        }
        let dialling = Dialling {
            forks,
            rings: false,
            hunt: None,
        };
        self.table.insert(leg, Leg::Dialling(dialling));
    }

    /// A response to the INVITE of a fork.
    pub(crate) fn dial_heard(
        &mut self,
        stack: &mut Stack,
        leg: LegId,
        fork: usize,
        tx: TxId,
        env: &Envelope<'_>,
        status: u16,
    ) {
        match status {
            ..200 => {
                self.early_heard(stack, leg, fork, tx, env);
                self.dial_rings(leg, status);
            }
            422 if self.dial_longer(stack, leg, fork, tx, env) => {}
            200..300 => self.dial_answered(stack, leg, fork, tx, env),
            300.. => self.dial_failed(stack, leg, fork, DialFailure::Status(status)),
        }
    }

    fn dial_rings(&mut self, leg: LegId, status: u16) {
        let Some(Leg::Dialling(dialling)) = self.table.get_mut(&leg) else {
            return;
        };
        if matches!(status, 180 | 183) && !dialling.rings {
            dialling.rings = true;
            self.tell(Event::Ringing { leg });
        }
    }

    fn dial_answered(&mut self, stack: &mut Stack, leg: LegId, fork: usize, tx: TxId, env: &Envelope<'_>) {
        let Some((invite, hop)) = stack.client_request(tx) else {
            return;
        };
        let Some(face) = self.face(hop.listener, hop.to.ip()) else {
            return;
        };
        let next = env.next_hop(hop, face.role);
        let mut dialog = Dialog::of_answer(&invite, env, next, face);
        let sdp = invite.body().to_vec();
        dialog.acknowledge(stack, tx, dialog.last_cseq(), env, &self.settings.product);
        let wanted = match self.table.get(&leg) {
            Some(Leg::Dialling(dialling)) => {
                dialling.forks.get(fork).is_some_and(|fork| fork.failed.is_none())
            }
            _ => false,
        };
        if !wanted {
            // Too late, or a second fork behind one branch: acknowledged and ended (§13.2.2.4).
            self.send_bye(stack, dialog, ReleaseReason::CompletedElsewhere);
            return;
        }
        let early = self.take_early(leg, fork, &dialog.remote_tag);
        let answer = env.sdp().ok().flatten().map(<[u8]>::to_vec);
        let (cseq, early_answer) = early.map_or((0, None), |early| (early.dialog.last_cseq(), early.sdp));
        dialog.skip_to(cseq);
        let Some(answer) = answer.or(early_answer) else {
            self.send_bye(stack, dialog, ReleaseReason::Fault);
            self.dial_failed(stack, leg, fork, DialFailure::Status(488));
            return;
        };
        let mut up = Up::new(dialog);
        up.sdp = sdp;
        up.peer_updates = env.allows("UPDATE");
        up.session = session_granted(env);
        self.dial_won(stack, leg, fork, up);
        self.tell(Event::Answered {
            leg,
            answer,
            peer: env.peer,
            listener: next.listener,
        });
    }

    fn take_early(&mut self, leg: LegId, fork: usize, tag: &str) -> Option<Early> {
        let Some(Leg::Dialling(dialling)) = self.table.get_mut(&leg) else {
            return None;
        };
        let early = &mut dialling.forks.get_mut(fork)?.early;
        let at = early.iter().position(|early| early.dialog.remote_tag == tag)?;
        Some(early.swap_remove(at))
    }

    /// 422: once more with the interval that the peer demands (RFC 4028 §7.3).
    fn dial_longer(
        &mut self,
        stack: &mut Stack,
        leg: LegId,
        fork: usize,
        tx: TxId,
        env: &Envelope<'_>,
    ) -> bool {
        let least = env.msg.min_se().ok().flatten().unwrap_or(0);
        if least <= SESSION_ASKED_S {
            return false;
        }
        let least = least.to_string();
        let headers = [(Name::SessionExpires, &*least), (Name::MinSe, &*least)];
        self.dial_repeat(stack, leg, (fork, tx), &headers)
    }

    fn dial_won(&mut self, stack: &mut Stack, leg: LegId, fork: usize, up: Up) {
        if let Some(Leg::Dialling(dialling)) = self.remove(stack, leg) {
            for (index, other) in dialling.forks.iter().enumerate() {
                if index != fork && other.failed.is_none() {
                    stack.client_cancel(
                        other.tx,
                        super::release::reason_value(ReleaseReason::CompletedElsewhere),
                    );
                }
            }
        }
        arm_session(stack, leg, up.session);
        self.by_tag.insert(up.dialog.local_tag, leg);
        self.table.insert(leg, Leg::Up(Box::new(up)));
    }

    /// Sends the INVITE `sent` of a fork again as a new transaction, once, with other values of these headers.
    pub(crate) fn dial_repeat(
        &mut self,
        stack: &mut Stack,
        leg: LegId,
        (fork, sent): (usize, TxId),
        headers: &[(Name, &str)],
    ) -> bool {
        let Some(Leg::Dialling(dialling)) = self.table.get_mut(&leg) else {
            return false;
        };
        let Some(fork_state) = dialling
            .forks
            .get_mut(fork)
            .filter(|fork| !fork.answered_challenge)
        else {
            return false;
        };
        let tx = stack.new_branch();
        let Some((request, hop)) = stack.client_request(sent) else {
            return false;
        };
        let again = wire::repeated(&request, tx, headers);
        fork_state.answered_challenge = true;
        fork_state.tx = tx;
        stack.client_send(tx, User::Dial { leg, fork }, hop, again, true);
        true
    }

    /// A fork will not answer. 6xx ends the others (§16.7.5); after the last one the leg fails.
    pub(crate) fn dial_failed(&mut self, stack: &mut Stack, leg: LegId, fork: usize, failure: DialFailure) {
        let Some(Leg::Dialling(dialling)) = self.table.get_mut(&leg) else {
            return;
        };
        let Some(failed) = dialling.forks.get_mut(fork) else {
            return;
        };
        failed.failed = Some(failure);
        self.hunt_on(stack, leg, failure);
        let Some(Leg::Dialling(dialling)) = self.table.get_mut(&leg) else {
            return;
        };
        if matches!(failure, DialFailure::Status(600..)) {
            for other in dialling.forks.iter().filter(|other| other.failed.is_none()) {
                stack.client_cancel(other.tx, None);
            }
        }
        if dialling.forks.iter().all(|fork| fork.failed.is_some()) {
            let best = dialling
                .forks
                .iter()
                .filter_map(|fork| fork.failed)
                .min_by_key(rank);
            self.remove(stack, leg);
            let failure = best.unwrap_or(DialFailure::Unreachable);
            self.tell(Event::Failed { leg, failure });
        }
    }
}

/// Order of final answers, best first (§16.7.6): 6xx, then the lowest class; redirections, which we do not follow,
/// and silence come last.
fn rank(failure: &DialFailure) -> u16 {
    match failure {
        DialFailure::Status(600..) => 0,
        DialFailure::Status(400..500) => 4,
        DialFailure::Status(500..600) => 5,
        DialFailure::Status(_) => 7,
        DialFailure::Unreachable => 8,
    }
}

/// A From value of ours: display name and number; both may come from a caller and are cleaned for their place.
pub(crate) fn from_value(display: &Pii<String>, caller: &Pii<String>, host: std::net::SocketAddr) -> String {
    let name: String = display
        .reveal()
        .chars()
        .filter(|c| !c.is_control() && !matches!(c, '"' | '\\'))
        .take(64)
        .collect();
    let user: String = caller
        .reveal()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_' | '*'))
        .take(64)
        .collect();
    let user = if user.is_empty() {
        "anonymous"
    } else {
        user.as_str()
    };
    if name.is_empty() {
        format!("<sip:{user}@{host}>")
    } else {
        format!("\"{name}\" <sip:{user}@{host}>")
    }
}
