//! Requests of the peer inside a dialog (RFC 3261 §12.2.2, §14.2, §15.1.2; RFC 3311; RFC 6086).

use hotline_types::{LegId, Pii};

use super::leg::{Answering, Leg, Legs};
use super::session::{SESSION_MIN_S, session_asked};
use crate::endpoint::envelope::Envelope;
use crate::endpoint::wire;
use crate::header::Name;
use crate::message::Method;
use crate::transaction::{Stack, TxId, User};
use crate::{Event, LegEnd};

/// Seconds of Retry-After while an earlier request still waits for its answer (§14.2 allows 0 to 10).
const RETRY_AFTER_MAX_S: u64 = 10;
/// Seconds of Retry-After where there is no room.
const OVERLOAD_RETRY_AFTER_S: u32 = 5;
/// Bodies that we read.
const ACCEPT: &str = "application/sdp, application/dtmf-relay, application/dtmf";

impl Legs {
    /// A request with a tag of ours, in its own server transaction.
    pub(crate) fn within(&mut self, stack: &mut Stack, leg: LegId, tx: TxId, env: &Envelope<'_>) {
        let status = match self.table.get_mut(&leg) {
            None => Some(481),
            Some(Leg::Dialling(_)) => {
                self.within_dialling(stack, leg, tx, env);
                return;
            }
            Some(Leg::Incoming(ringing)) => check_order(&mut ringing.dialog, env),
            Some(Leg::Up(up)) if up.released.is_some() && env.method != Method::Bye => Some(481),
            Some(Leg::Up(up)) => check_order(&mut up.dialog, env),
        };
        match (status, env.method) {
            (Some(status), _) => self.reply(stack, tx, env, status),
            (None, Method::Bye) => self.byed(stack, leg, tx, env),
            (None, Method::Invite | Method::Update) => self.reoffered(stack, leg, tx, env),
            (None, Method::Info) => self.info(stack, leg, tx, env),
            (None, Method::Options) => self.reply(stack, tx, env, 200),
            (None, Method::Prack) => self.pracked(stack, leg, tx, env),
            (None, Method::Refer) => self.referred(stack, leg, tx, env),
            (None, Method::Notify) => self.notified(stack, leg, tx, env),
            (None, method) => self.reply(stack, tx, env, refusal_of(method)),
        }
    }

    /// A request of a called phone whose 2xx has not come: of its early dialog, or BYE, where that 2xx was lost and
    /// it has hung up again.
    fn within_dialling(&mut self, stack: &mut Stack, leg: LegId, tx: TxId, env: &Envelope<'_>) {
        let tag = env.to_tag.and_then(wire::parse_hex);
        let Some(Leg::Dialling(dialling)) = self.table.get(&leg) else {
            return;
        };
        let fork = dialling.forks.iter().position(|fork| Some(fork.local_tag) == tag);
        let Some((index, invite)) = fork.map(|index| (index, dialling.forks[index].tx)) else {
            return self.reply(stack, tx, env, 481);
        };
        let ours = stack
            .client_request(invite)
            .is_some_and(|(invite, _)| invite.call_id() == Ok(env.call_id));
        if !ours {
            return self.reply(stack, tx, env, 481);
        }
        match env.method {
            Method::Bye => {}
            // Our offer in the INVITE is still open (RFC 3311 §5.2).
            Method::Update if !env.msg.body().is_empty() => return self.reply(stack, tx, env, 491),
            Method::Update | Method::Options | Method::Info => return self.reply(stack, tx, env, 200),
            method => return self.reply(stack, tx, env, refusal_of(method)),
        }
        self.reply(stack, tx, env, 200);
        stack.client_cancel(invite, None);
        self.dial_failed(stack, leg, index, crate::DialFailure::Status(480));
    }

    fn byed(&mut self, stack: &mut Stack, leg: LegId, tx: TxId, env: &Envelope<'_>) {
        self.reply(stack, tx, env, 200);
        match self.table.get(&leg) {
            Some(Leg::Incoming(_)) => self.cancelled(stack, leg),
            Some(Leg::Up(up)) => {
                up.end_waiting(stack);
                self.end(stack, leg, LegEnd::Bye);
            }
            _ => {}
        }
    }

    /// A re-INVITE or an UPDATE.
    fn reoffered(&mut self, stack: &mut Stack, leg: LegId, tx: TxId, env: &Envelope<'_>) {
        let invite = env.method == Method::Invite;
        let session = match session_asked(env) {
            Ok(session) => session,
            Err(status) => return self.reply(stack, tx, env, status),
        };
        let Ok(offer) = env.sdp() else {
            return self.reply(stack, tx, env, 415);
        };
        let Some(Leg::Up(up)) = self.table.get_mut(&leg) else {
            // An UPDATE before our answer: we sent no reliable provisional, so it may carry no offer (RFC 3311 §5.2).
            let status = if invite || offer.is_some() { 500 } else { 200 };
            return self.reply(stack, tx, env, status);
        };
        if up.answering.is_some() || (up.ok.is_some() && (invite || offer.is_some())) {
            return self.reply(stack, tx, env, 500); // §14.2: an earlier one is not finished
        }
        if matches!(up.reoffering, Some(super::leg::Reoffering::Sent { .. })) && (invite || offer.is_some()) {
            return self.reply(stack, tx, env, 491); // §14.2, RFC 3311 §5.2: glare
        }
        up.dialog.refresh_target(env);
        let head = env.head(None);
        let answering = Answering {
            tx,
            cseq: env.cseq,
            invite,
            head,
            offered: offer.is_some(),
            session,
            peer_updates: env.allows("UPDATE"),
        };
        if !invite && offer.is_none() {
            self.refreshed(stack, leg, answering);
            return;
        }
        if invite {
            let trying = env.response(100, None).finish();
            stack.server_respond(tx, 100, trying);
        }
        up.answering = Some(answering);
        let offer = offer.map(<[u8]>::to_vec);
        self.tell(Event::Reoffered { leg, offer });
    }

    /// An UPDATE without SDP: refreshes session timer and target, and needs no user (RFC 4028 §7.4).
    fn refreshed(&mut self, stack: &mut Stack, leg: LegId, answering: Answering) {
        let Some(Leg::Up(mut up)) = self.table.remove(&leg) else {
            return;
        };
        self.send_ok(stack, leg, &mut up, answering, b"", false);
        self.table.insert(leg, Leg::Up(up));
    }

    /// The user's SDP for a re-INVITE or UPDATE.
    pub(crate) fn answer_reoffer(&mut self, stack: &mut Stack, leg: LegId, sdp: &[u8]) {
        let Some(state) = self.table.remove(&leg) else {
            return;
        };
        let state = match state {
            Leg::Up(mut up) => {
                if let Some(answering) = up.answering.take() {
                    self.send_ok(stack, leg, &mut up, answering, sdp, false);
                }
                Leg::Up(up)
            }
            other => other,
        };
        self.table.insert(leg, state);
        self.send_queued_reoffer(stack, leg);
    }

    /// The user refuses a re-INVITE or UPDATE: the dialog goes on as it was (§14.2).
    pub(crate) fn reject_reoffer(&mut self, stack: &mut Stack, leg: LegId, status: u16) {
        if !(300..700).contains(&status) {
            return;
        }
        let Some(Leg::Up(up)) = self.table.get_mut(&leg) else {
            return;
        };
        let Some(answering) = up.answering.take() else {
            return;
        };
        let bytes = answering
            .head
            .response(status)
            .header(Name::Server, &self.settings.product)
            .finish();
        stack.server_respond(answering.tx, status, bytes);
        self.send_queued_reoffer(stack, leg);
    }

    /// INFO: digits are events, everything else is taken or refused by its type (RFC 6086 §4.2.2).
    fn info(&mut self, stack: &mut Stack, leg: LegId, tx: TxId, env: &Envelope<'_>) {
        let body = env.msg.body();
        if body.is_empty() {
            return self.reply(stack, tx, env, 200);
        }
        let digit = match env.msg.content_type() {
            Ok(Some(kind)) if kind.is("application", "dtmf-relay") => relay_digit(body),
            Ok(Some(kind)) if kind.is("application", "dtmf") => plain_digit(body),
            _ => return self.reply(stack, tx, env, 415),
        };
        match digit {
            Some(digit) => {
                self.reply(stack, tx, env, 200);
                self.tell(Event::Digit {
                    leg,
                    digit: Pii::new(digit),
                });
            }
            None => self.reply(stack, tx, env, 400),
        }
    }

    /// Sends a digit by INFO (application/dtmf-relay, as phones do).
    pub(crate) fn send_digit(&mut self, stack: &mut Stack, leg: LegId, digit: char) {
        let Some(Leg::Up(up)) = self.table.get_mut(&leg) else {
            return;
        };
        let (tx, cseq) = (stack.new_branch(), up.dialog.next_cseq());
        let body = format!("Signal={digit}\r\nDuration=160\r\n");
        let bytes = up
            .dialog
            .request(Method::Info, tx, cseq, &self.settings.product)
            .body("application/dtmf-relay", body.as_bytes());
        stack.client_send(tx, User::Nobody, up.dialog.hop, bytes, false);
    }

    /// Answers in a transaction, without a body.
    pub(crate) fn reply(&self, stack: &mut Stack, tx: TxId, env: &Envelope<'_>, status: u16) {
        let bytes = self.reply_bytes(stack, env, status);
        stack.server_respond(tx, status, bytes);
    }

    /// A final answer without a body, with the headers that its status and method ask for.
    pub(crate) fn reply_bytes(&self, stack: &mut Stack, env: &Envelope<'_>, status: u16) -> Vec<u8> {
        let tag = stack.reply_tag();
        let draft = env
            .response(status, Some(tag))
            .header(Name::Server, &self.settings.product);
        let draft = match status {
            200 if env.method == Method::Options => {
                // What we can (§11.2).
                draft
                    .header(Name::Allow, wire::ALLOW)
                    .header(Name::Accept, ACCEPT)
                    .header(Name::Supported, wire::SUPPORTED)
            }
            405 => draft.header(Name::Allow, wire::ALLOW),
            406 | 415 => draft.header(Name::Accept, ACCEPT),
            420 => draft.header(
                Name::Unsupported,
                env.unsupported().collect::<Vec<_>>().join(", "),
            ),
            422 => draft.header(Name::MinSe, SESSION_MIN_S),
            500 => draft.header(Name::RetryAfter, stack.rng.below(RETRY_AFTER_MAX_S + 1)),
            503 => draft.header(Name::RetryAfter, OVERLOAD_RETRY_AFTER_S),
            _ => draft,
        };
        draft.finish()
    }
}

/// What a method that we do not serve is answered: 405 where we know it, 501 where not (§8.2.1, §21.5.2).
pub(crate) fn refusal_of(method: Method<'_>) -> u16 {
    match method {
        // Only inside a call, where it is known who asks: no open transfer.
        Method::Refer => 403,
        Method::Subscribe
        | Method::Notify
        | Method::Message
        | Method::Publish
        | Method::Prack
        | Method::Register
        | Method::Info
        | Method::Update => 405,
        _ => 501,
    }
}

/// Holds a request against its dialog: the tags and the Call-ID, and the order of its CSeq (§12.2.2).
fn check_order(dialog: &mut super::Dialog, env: &Envelope<'_>) -> Option<u16> {
    if !dialog.is_of(env) {
        return Some(481);
    }
    if dialog.remote_cseq.is_some_and(|latest| env.cseq < latest) {
        return Some(500);
    }
    dialog.remote_cseq = Some(env.cseq);
    None
}

/// `Signal=5` in an application/dtmf-relay body.
fn relay_digit(body: &[u8]) -> Option<char> {
    let text = std::str::from_utf8(body).ok()?;
    let signal = text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        name.trim().eq_ignore_ascii_case("signal").then_some(value.trim())
    })?;
    one_digit(signal)
}

fn plain_digit(body: &[u8]) -> Option<char> {
    one_digit(std::str::from_utf8(body).ok()?.trim())
}

/// A digit by its sign, or by its event number of RFC 4733 where two letters say so.
fn one_digit(text: &str) -> Option<char> {
    match text {
        "10" => return Some('*'),
        "11" => return Some('#'),
        _ => {}
    }
    let mut chars = text.chars();
    let digit = chars.next()?.to_ascii_uppercase();
    let known = matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D');
    (known && chars.next().is_none()).then_some(digit)
}
