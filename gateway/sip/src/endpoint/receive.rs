//! What arrives: matched to its transaction, then to its dialog, then to the rules of its listener.

use super::Endpoint;
use super::envelope::Envelope;
use super::identity;
use super::wire::{self, Draft};
use crate::dialog::{Call, refusal_of};
use crate::digest::{Check, Refusal};
use crate::header::Name;
use crate::message::{Message, Method};
use crate::transaction::{Arrival, Heard, Hop, TxId, User, cancel_id};
use crate::{Counted, Received, Role, Source};

/// Extensions that a peer may require of us.
const SUPPORTED: &[&str] = &["timer"];
/// Seconds of Retry-After where there is no room.
const RETRY_AFTER_S: u32 = 5;

impl Endpoint {
    pub(super) fn receive(&mut self, received: &Received) {
        let Ok(message) = Message::parse(&received.bytes) else {
            self.legs.count(Counted::Malformed);
            self.answer_malformed(received);
            return;
        };
        let Ok(env) = Envelope::read(&message, received) else {
            self.legs.count(Counted::Malformed);
            return;
        };
        match message.status() {
            Some(status) => self.response(&env, status),
            None => self.request(&env),
        }
    }

    /// 400 to a request whose headers can be read although the whole cannot (§21.4.1).
    fn answer_malformed(&mut self, received: &Received) {
        let Ok(message) = Message::index(&received.bytes) else {
            return;
        };
        let Ok(env) = Envelope::read(&message, received) else {
            return;
        };
        if message.is_request() && env.method != Method::Ack {
            self.reply_stateless(&env, 400);
        }
    }

    fn response(&mut self, env: &Envelope<'_>, status: u16) {
        let invite = env.method == Method::Invite;
        let Some(tx) = env.via.branch().and_then(wire::branch_tx) else {
            self.legs.count(Counted::Stray);
            return;
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
            Heard::For(tx, user) => self.heard(env, status, tx, user),
        }
    }

    fn heard(&mut self, env: &Envelope<'_>, status: u16, tx: TxId, user: User) {
        let (stack, legs) = (&mut self.stack, &mut self.legs);
        match user {
            User::Dial { leg, fork } => legs.dial_heard(stack, leg, fork, tx, env, status),
            User::Reinvite(leg) => legs.reoffer_heard(stack, leg, tx, env, status),
            User::Ping(binding) => {
                // Any answer of the phone itself shows that it lives (RFC 5626 §4.4.1).
                if status >= 200
                    && let Some(change) = self
                        .registrar
                        .ping_answered(&mut stack.timers, stack.now, binding)
                {
                    self.tell(change);
                }
            }
            User::Register(_) | User::Nobody => {}
        }
    }

    fn request(&mut self, env: &Envelope<'_>) {
        let key = env.transaction_key(env.method);
        match env.method {
            Method::Ack => return self.acknowledgement(env, &key),
            Method::Cancel => return self.cancel(env, &key),
            _ => {}
        }
        if self.stack.server_receive(&key) != Arrival::New {
            self.legs.count(Counted::Retransmission);
            return;
        }
        if !self.stack.has_room(env.to_tag.is_some()) {
            self.legs.count(Counted::TableFull);
            self.reply_stateless(env, 503);
            return;
        }
        if let Some(status) = self.stateless_refusal(env) {
            self.reply_stateless(env, status);
            return;
        }
        match env.to_tag {
            Some(tag) => self.request_within(env, &key, tag),
            None => self.request_outside(env, &key),
        }
    }

    fn acknowledgement(&mut self, env: &Envelope<'_>, key: &[u8]) {
        if self.stack.server_ack(key) != Arrival::New {
            return;
        }
        match env.to_tag.and_then(|tag| self.legs.by_tag(tag)) {
            Some(leg) => self.legs.acknowledged(&mut self.stack, leg, env),
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

    /// What is refused before any state is made: foreign sources of a trunk listener, used-up hops (§16.3),
    /// extensions that we do not know (§8.2.2.3).
    fn stateless_refusal(&mut self, env: &Envelope<'_>) -> Option<u16> {
        if self.role(env) == Some(Role::Trunk) && self.trunk_of(env).is_none() {
            return Some(403);
        }
        if env.msg.max_forwards().ok().flatten() == Some(0) {
            return Some(483);
        }
        unsupported(env).next().map(|_| 420)
    }

    fn request_within(&mut self, env: &Envelope<'_>, key: &[u8], tag: &str) {
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

    fn request_outside(&mut self, env: &Envelope<'_>, key: &[u8]) {
        match (env.method, self.role(env)) {
            (Method::Invite, Some(_)) => self.invite(env, key),
            (Method::Register, Some(Role::Phones)) => self.register(env, key),
            (method, _) => {
                let tx = self.stack.server_open(key, None, env.hop, false);
                match method {
                    Method::Options => self.legs.reply_options(&mut self.stack, tx, env),
                    Method::Bye | Method::Info | Method::Update | Method::Prack | Method::Notify => {
                        self.legs.count(Counted::Stray);
                        self.legs.reply(&mut self.stack, tx, env, 481);
                    }
                    other => self.legs.reply(&mut self.stack, tx, env, refusal_of(other)),
                }
            }
        }
    }

    fn invite(&mut self, env: &Envelope<'_>, key: &[u8]) {
        let merge_key = env.merge_key();
        if self.stack.is_merged(&merge_key) {
            self.reply_stateless(env, 482);
            return;
        }
        let source = match self.trunk_of(env) {
            Some(trunk) => Source::Trunk(trunk),
            None => match self.authenticated(env, env.from_user) {
                Some(agent) => Source::Agent(agent),
                None => return,
            },
        };
        let trusted = matches!(source, Source::Trunk(_));
        let (caller, display) = identity::caller(env, trusted);
        let call = Call {
            source,
            called: identity::called(env),
            caller,
            display,
        };
        let tx = self.stack.server_open(key, Some(&merge_key), env.hop, true);
        let trying = Draft::response(100, &env.reply_head(None)).end();
        self.stack.server_respond(tx, 100, trying);
        let came_by = Hop {
            to: env.peer,
            ..env.hop
        };
        let role = if trusted { Role::Trunk } else { Role::Phones };
        let next = env.next_hop(came_by, role);
        if let Err(status) = self.legs.incoming(&mut self.stack, env, tx, next, call) {
            if status == 503 {
                self.legs.count(Counted::TableFull);
            }
            self.legs.reply(&mut self.stack, tx, env, status);
        }
    }

    /// The agent whose digest the request holds, if `claimed` is that agent. Otherwise the request has been
    /// answered, without state (§8.2.7): 401 with challenges, or 403.
    pub(super) fn authenticated(
        &mut self,
        env: &Envelope<'_>,
        claimed: &str,
    ) -> Option<hotline_types::AgentSlug> {
        let now = self.stack.now;
        let credentials = &self.credentials;
        let check = self
            .digest
            .check(now, env.msg, Name::Authorization, |user| credentials.get(user));
        let stale = match check {
            Check::Good { user } => {
                if let Some((agent, _)) = self.credentials.get_key_value(user.as_str())
                    && agent.as_str() == claimed
                {
                    return Some(agent.clone());
                }
                self.legs.count(Counted::AuthFailed);
                self.reply_stateless(env, 403);
                return None;
            }
            Check::Absent => false,
            Check::Stale | Check::Refused(Refusal::Replayed) => true,
            Check::Refused(_) => {
                self.legs.count(Counted::AuthFailed);
                false
            }
        };
        let tag = self.stack.rng.next_u64();
        let [first, second] = self.digest.challenges(now, &mut self.stack.rng, stale);
        let bytes = Draft::response(401, &env.reply_head(Some(tag)))
            .header("WWW-Authenticate", first)
            .header("WWW-Authenticate", second)
            .header("Server", &self.legs.settings.product)
            .end();
        self.stack.send(env.hop, bytes);
        None
    }

    /// Answers without a transaction: a repetition is simply answered again.
    fn reply_stateless(&mut self, env: &Envelope<'_>, status: u16) {
        let tag = self.stack.rng.next_u64();
        let mut draft =
            Draft::response(status, &env.reply_head(Some(tag))).header("Server", &self.legs.settings.product);
        match status {
            420 => {
                let names: Vec<&str> = unsupported(env).collect();
                draft = draft.header("Unsupported", names.join(", "));
            }
            503 => draft = draft.header("Retry-After", RETRY_AFTER_S),
            _ => {}
        }
        self.stack.send(env.hop, draft.end());
    }

    fn role(&self, env: &Envelope<'_>) -> Option<Role> {
        self.legs.face(env.hop.listener).map(|face| face.role)
    }

    /// The trunk that a source belongs to, on the trunk's own listener.
    fn trunk_of(&self, env: &Envelope<'_>) -> Option<hotline_types::TrunkSlug> {
        let listener = env.hop.listener;
        let is_peer = |peer: &std::net::SocketAddr| {
            peer.ip() == env.peer.ip() && (peer.port() == 0 || peer.port() == env.peer.port())
        };
        let trunk = self
            .trunks
            .iter()
            .find(|trunk| trunk.listener == listener && trunk.peers.iter().any(is_peer))?;
        Some(trunk.slug.clone())
    }
}

/// Extensions in Require that we do not know.
fn unsupported<'e>(env: &'e Envelope<'_>) -> impl Iterator<Item = &'e str> {
    env.msg
        .tokens(Name::Require)
        .flatten()
        .filter(|tag| !SUPPORTED.iter().any(|known| known.eq_ignore_ascii_case(tag)))
}
