//! The user agent: transactions and legs tied together, for the gateway's endpoint and for phones alike.
//!
//! It matches what arrives to transactions and dialogs. What belongs to neither, a request outside dialogs or an
//! answer to somebody else's request, goes back to the owner, who has the rules for it.

use super::envelope::{Envelope, reply_hop};
use super::wire;
use crate::build::{self, Builder};
use crate::dialog::Legs;
use crate::header::Name;
use crate::message::{Fault, Message, Method};
use crate::timer::TimerKey;
use crate::transaction::{Arrival, Heard, Hop, Lapse, Stack, TxId, User, cancel_id};
use crate::uri::Scheme;
use crate::{Counted, DialFailure, Output, Received};

/// Transactions and legs.
#[derive(Debug)]
pub(crate) struct UserAgent {
    pub(crate) stack: Stack,
    pub(crate) legs: Legs,
}

impl UserAgent {
    /// Counts a message that cannot be read; a request whose header lines and topmost Via can is answered 400, or 505
    /// for its version (RFC 3261 §21.4.1, §21.5.6). An answer is no longer than the request and needs no state.
    pub(crate) fn malformed(&mut self, received: &Received) {
        self.legs.count(Counted::Malformed);
        let bytes = &received.bytes;
        let (status, repaired) = match Message::index(bytes) {
            Ok(_) => (400, None),
            Err(error) if error.fault == Fault::Version => (505, with_first_line(bytes)),
            Err(error) if error.fault == Fault::StartLine => (400, with_first_line(bytes)),
            Err(_) => return,
        };
        let Ok(message) = Message::index(repaired.as_ref().unwrap_or(bytes)) else {
            return;
        };
        let Ok(via) = message.top_via() else { return };
        if !message.is_request() || bytes.starts_with(b"ACK") {
            return;
        }
        let answer = build::Answer {
            status,
            to_tag: Some(self.stack.rng.next_u64()),
            peer: received.peer,
        };
        let answer = build::response(Vec::with_capacity(1024), &message, answer);
        self.stack.send(reply_hop(&via, received), answer.finish());
    }

    /// Matches a response to its transaction; answers whose it is, unless it was dealt with.
    pub(crate) fn response(&mut self, env: &Envelope<'_>, status: u16) -> Option<(TxId, User)> {
        let invite = env.method == Method::Invite;
        let Some(tx) = env.via.branch().and_then(wire::branch_tx) else {
            self.legs.count(Counted::Stray);
            return None;
        };
        let tx = if env.method == Method::Cancel {
            cancel_id(tx)
        } else {
            tx
        };
        let (tag, to) = (env.to_tag.unwrap_or("").as_bytes(), env.to_value.as_bytes());
        match self.stack.client_receive(tx, invite, status, tag, to) {
            Heard::Stray => self.legs.count(Counted::Stray),
            Heard::Absorbed => self.legs.count(Counted::Retransmission),
            Heard::For(tx, user) => return Some((tx, user)),
        }
        None
    }

    /// Matches a request to its transaction and dialog. A request outside dialogs that passed `refusal` comes back
    /// as the key of its transaction to be.
    pub(crate) fn request(&mut self, env: &Envelope<'_>, refusal: Option<u16>) -> Option<Vec<u8>> {
        let key = env.transaction_key(env.method);
        match env.method {
            Method::Ack => self.acknowledgement(env, &key),
            Method::Cancel => self.cancel(env, &key),
            _ if self.stack.server_receive(&key) != Arrival::New => self.legs.count(Counted::Retransmission),
            _ if !self.stack.has_room(env.to_tag.is_some()) => {
                self.legs.count(Counted::TableFull);
                self.reply_stateless(env, 503);
            }
            _ => match (refusal.or_else(|| stateless_refusal(env)), env.to_tag) {
                (Some(status), _) => self.reply_stateless(env, status),
                (None, Some(tag)) => self.within(env, &key, tag),
                (None, None) => return Some(key),
            },
        }
        None
    }

    fn acknowledgement(&mut self, env: &Envelope<'_>, key: &[u8]) {
        if self.stack.server_ack(key) != Arrival::New {
            return;
        }
        let tag = env.to_tag.unwrap_or("");
        match self.legs.by_tag(tag) {
            Some(leg) => self.legs.acknowledged(&mut self.stack, leg, env),
            None if wire::parse_hex(tag).is_some_and(|tag| self.stack.is_reply_tag(tag)) => {}
            None => self.legs.count(Counted::Stray),
        }
    }

    /// §9.2. A CANCEL is heard from whom its INVITE was heard: the key holds branch and sent-by.
    fn cancel(&mut self, env: &Envelope<'_>, key: &[u8]) {
        if self.stack.server_receive(key) != Arrival::New {
            self.legs.count(Counted::Retransmission);
            return;
        }
        let invite = self.stack.server_by_key(&env.transaction_key(Method::Invite));
        let Some(invite) = invite else {
            self.legs.count(Counted::Stray);
            self.reply_stateless(env, 481);
            return;
        };
        let tx = self.stack.server_open(key, None, env.hop, false);
        self.legs.reply(&mut self.stack, tx, env, 200);
        if let Some(leg) = self.stack.server_leg(invite) {
            self.legs.cancelled(&mut self.stack, leg);
        }
    }

    fn within(&mut self, env: &Envelope<'_>, key: &[u8], tag: &str) {
        let Some(leg) = self.legs.by_tag(tag) else {
            self.legs.count(Counted::Stray);
            self.reply_stateless(env, 481);
            return;
        };
        let tx = self
            .stack
            .server_open(key, None, env.hop, env.method == Method::Invite);
        self.legs.within(&mut self.stack, leg, tx, env);
    }

    /// Opens the transaction of an INVITE outside dialogs and answers 100; none where it is a merged request
    /// (§8.2.2.2), which has been refused.
    pub(crate) fn open_invite(&mut self, env: &Envelope<'_>, key: &[u8]) -> Option<TxId> {
        let merge_key = env.merge_key();
        if self.stack.is_merged(&merge_key) {
            self.reply_stateless(env, 482);
            return None;
        }
        let tx = self.stack.server_open(key, Some(&merge_key), env.hop, true);
        let trying = env.response(100, None).finish();
        self.stack.server_respond(tx, 100, trying);
        Some(tx)
    }

    /// Answers a request outside dialogs for which the owner has no rule of its own: without state, so that a
    /// flood of them costs none (§8.2.7).
    pub(crate) fn request_outside(&mut self, env: &Envelope<'_>) {
        let status = match env.method {
            Method::Options => 200,
            Method::Bye | Method::Info | Method::Update | Method::Prack | Method::Notify => {
                self.legs.count(Counted::Stray);
                481
            }
            other => crate::dialog::refusal_of(other),
        };
        self.reply_stateless(env, status);
    }

    /// Answers without a transaction: a repetition is simply answered again.
    pub(crate) fn reply_stateless(&mut self, env: &Envelope<'_>, status: u16) {
        let bytes = self.legs.reply_bytes(&mut self.stack, env, status);
        self.stack.send(env.hop, bytes);
    }

    /// Begins an OPTIONS that shows whether somebody lives; none where the listener is not known.
    pub(crate) fn options(&mut self, uri: &str, hop: Hop) -> Option<(TxId, Builder)> {
        let at = self.legs.face(hop.listener, hop.to.ip())?.advertised;
        let stack = &mut self.stack;
        let (tx, tag, call) = (stack.new_branch(), stack.rng.next_u64(), stack.rng.next_u64());
        let draft = wire::request(Method::Options, uri, tx, hop.transport, at)
            .header(Name::From, format_args!("<sip:hotline@{at}>;tag={tag:016x}"))
            .header(Name::To, format_args!("<{uri}>"))
            .header(Name::CallId, format_args!("{call:016x}"))
            .header(Name::CSeq, "1 OPTIONS")
            .header(Name::UserAgent, &self.legs.settings.product);
        Some((tx, draft))
    }

    /// A client transaction ended without an answer.
    pub(crate) fn lapsed(&mut self, lapse: Lapse) {
        match lapse.user {
            User::Dial { leg, fork } => {
                self.legs
                    .dial_failed(&mut self.stack, leg, fork, DialFailure::Unreachable);
            }
            User::Reinvite(leg) | User::Refresh(leg) => self.legs.broken(&mut self.stack, leg),
            User::Refer(leg) => self.legs.refer_heard(leg, 408),
            // Keep-alives are judged by the registrar's own timer; the rest is the owner's.
            User::Ping(_)
            | User::Register(_)
            | User::TrunkRegister(..)
            | User::TrunkPing(..)
            | User::Nobody => {}
        }
    }

    /// Fires a timer; a client transaction that it ended, and keys of the owner's, come back.
    pub(crate) fn fire(&mut self, key: TimerKey) -> Fired {
        let (stack, legs) = (&mut self.stack, &mut self.legs);
        match key {
            TimerKey::ServerRetransmit(tx) => stack.server_retransmit(tx),
            TimerKey::ServerEnd(tx) => stack.server_end(tx),
            TimerKey::ClientRetransmit(tx) => stack.client_retransmit(tx),
            TimerKey::ClientTimeout(tx) => {
                return stack.client_timeout(tx).map_or(Fired::Done, Fired::Lapsed);
            }
            TimerKey::ClientEnd(tx) => stack.client_end(tx),
            TimerKey::OkRetransmit(leg) => legs.ok_retransmit(stack, leg),
            TimerKey::AckWait(leg) => legs.ack_timeout(stack, leg),
            TimerKey::GlareRetry(leg) => legs.glare_retry(stack, leg),
            TimerKey::SessionRefresh(leg) => legs.session_refresh(stack, leg),
            TimerKey::SessionExpiry(leg) => legs.session_expired(stack, leg),
            TimerKey::BindingExpiry(_)
            | TimerKey::BindingPing(_)
            | TimerKey::TrunkRegister(_)
            | TimerKey::TrunkPing(_)
            | TimerKey::RegisterRefresh(_) => {
                return Fired::Owner(key);
            }
        }
        Fired::Done
    }

    /// What is to be sent next.
    pub(crate) fn poll_transmit(&mut self) -> Option<Output> {
        self.stack.out.pop_front().map(Output::Transmit)
    }
}

/// What came of a timer.
pub(crate) enum Fired {
    /// Nothing more to do.
    Done,
    /// A client transaction of this user timed out.
    Lapsed(Lapse),
    /// The timer is not the user agent's.
    Owner(TimerKey),
}

/// A request whose first line cannot be read, with one that can: its other lines still say where an answer goes. None
/// for an answer, and where there is only one line.
fn with_first_line(bytes: &[u8]) -> Option<Vec<u8>> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let answer = bytes.len() >= 4 && bytes[..4].eq_ignore_ascii_case(b"SIP/");
    (!answer).then(|| [b"UNREADABLE sip:unreadable SIP/2.0", &bytes[end..]].concat())
}

/// What is refused before any state is made: used-up hops (§16.3), a Request-URI that is not ours to read, extensions that we do not know (§8.2.2.3).
fn stateless_refusal(env: &Envelope<'_>) -> Option<u16> {
    match env.msg.max_forwards() {
        Ok(Some(0)) => return Some(483),
        Ok(_) => {}
        Err(_) => return Some(400), // §20.22
    }
    match env.msg.uri() {
        Ok(uri) if matches!(uri.scheme, Scheme::Other(_)) => return Some(416), // §8.2.2.1
        // Headers have no place in a Request-URI (§19.1.1).
        Ok(uri) if uri.headers.is_some() => return Some(400),
        Ok(_) | Err(_) => {}
    }
    env.unsupported().next().map(|_| 420)
}
