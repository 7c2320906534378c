//! The gateway's rules for what arrives: who is heard on which listener, and as whom.

use hotline_types::AgentSlug;

use super::Endpoint;
use super::agent::UserAgent;
use super::envelope::Envelope;
use super::identity;
use crate::admission::bans::Proof;
use crate::dialog::Call;
use crate::digest::{Check, Refusal};
use crate::header::Name;
use crate::message::Method;
use crate::transaction::{Hop, TxId, User};
use crate::trunk::TrunkId;
use crate::{Counted, Event, Received, Role, Source};

impl Endpoint {
    pub(super) fn receive(&mut self, received: &Received) {
        if Envelope::open(received, |env| self.arrived(env)).is_err() {
            self.ua.malformed(received);
        }
    }

    fn arrived(&mut self, env: &Envelope<'_>) {
        match env.msg.status() {
            Some(status) => {
                if let Some((tx, user)) = self.ua.response(env, status) {
                    self.heard(env, status, tx, user);
                }
            }
            None => {
                let origin = self.origin(env);
                let refusal = (origin == Origin::Stranger).then_some(403);
                if let Some(key) = self.ua.request(env, refusal) {
                    self.request_outside(env, &key, origin);
                }
            }
        }
    }

    fn heard(&mut self, env: &Envelope<'_>, status: u16, tx: TxId, user: User) {
        let UserAgent { stack, legs } = &mut self.ua;
        match user {
            User::Dial { leg, fork } => {
                let answered =
                    matches!(status, 401 | 407) && self.answer_trunk_challenge(env, (leg, fork), tx);
                if !answered {
                    let UserAgent { stack, legs } = &mut self.ua;
                    legs.dial_heard(stack, leg, fork, tx, env, status);
                }
            }
            User::TrunkRegister(trunk, at) => self.trunk_register_heard(env, status, trunk, at),
            User::TrunkPing(trunk, at) => self.trunk_pong(env, status, trunk, at),
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
            User::Refresh(leg) => legs.refresh_heard(stack, leg, env, status),
            User::Refer(_) | User::Register(_) | User::Nobody => {}
        }
    }

    fn request_outside(&mut self, env: &Envelope<'_>, key: &[u8], origin: Origin) {
        match (env.method, origin) {
            (Method::Invite, Origin::Trunk(id)) => self.invite(env, key, Some(id)),
            (Method::Invite, Origin::Phone) => self.invite(env, key, None),
            (Method::Register, Origin::Phone) => self.register(env, key),
            _ => self.ua.request_outside(env),
        }
    }

    fn invite(&mut self, env: &Envelope<'_>, key: &[u8], trunk: Option<TrunkId>) {
        if self.ua.legs.is_full() {
            self.ua.legs.count(Counted::TableFull);
            return self.ua.reply_stateless(env, 503);
        }
        let source = match trunk.and_then(|id| self.trunks.get(id)) {
            Some(line) => Source::Trunk(line.config.slug.clone()),
            None => match self.authenticated(env, env.from_user) {
                Some(agent) => Source::Agent(agent),
                None => return,
            },
        };
        if self.ua.legs.unacknowledged_of(&source) >= self.unacked_max {
            self.ua.legs.count(Counted::Unacknowledged);
            return self.ua.reply_stateless(env, 503);
        }
        let rules = trunk
            .and_then(|id| self.trunks.get(id))
            .map(|line| &line.config.rules);
        let trusted = rules.is_some_and(|rules| rules.trust_identity);
        let (caller, display) = identity::caller(env, trusted);
        let called = rules.map_or_else(Vec::new, |rules| identity::called_by(env, &rules.called));
        let mut called = called.into_iter();
        let call = Call {
            source,
            called: called.next().unwrap_or_else(|| identity::called(env)),
            also_called: called.collect(),
            passed: rules.map_or_else(Vec::new, |rules| identity::passed(env, &rules.pass_headers)),
            caller,
            display,
        };
        let Some(tx) = self.ua.open_invite(env, key) else {
            return;
        };
        let came_by = Hop {
            to: env.peer,
            ..env.hop
        };
        let role = trunk.map_or(Role::Phones, |_| Role::Trunk);
        let next = env.next_hop(came_by, role);
        let UserAgent { stack, legs } = &mut self.ua;
        if let Err(status) = legs.incoming(stack, env, tx, next, call) {
            legs.reply(stack, tx, env, status);
        }
    }

    /// The agent whose digest the request holds, if `claimed` is that agent. Otherwise the request has been
    /// answered, without state (RFC 3261 §8.2.7): 401 with challenges, or 403.
    pub(super) fn authenticated(&mut self, env: &Envelope<'_>, claimed: &str) -> Option<AgentSlug> {
        let UserAgent { stack, legs } = &mut self.ua;
        let credentials = &self.credentials;
        let source = env.peer.ip();
        let (check, guessed) = self
            .digest
            .check(stack.now, env.msg, (Name::Authorization, source), |user| {
                credentials.get(user)
            });
        if let Some(user) = guessed {
            let live = |user: Option<&str>| self.registrar.is_live_at(source, user);
            legs.tell(Event::Proof(Proof::Failed {
                source,
                source_live: live(None),
                user_live: live(Some(&user)),
                user,
            }));
        }
        let stale = match check {
            Check::Good { user } => {
                if let Some((agent, _)) = self.credentials.get_key_value(user.as_str())
                    && agent.as_str() == claimed
                {
                    legs.tell(Event::Proof(Proof::Given { source }));
                    return Some(agent.clone());
                }
                legs.count(Counted::AuthFailed);
                self.ua.reply_stateless(env, 403);
                return None;
            }
            Check::Absent => false,
            Check::Stale | Check::Refused(Refusal::Replayed) => true,
            Check::Refused(_) => {
                legs.count(Counted::AuthFailed);
                false
            }
        };
        let tag = stack.reply_tag();
        let [sha256, md5] = self.digest.challenges(stack.now, &mut stack.rng, source, stale);
        let mut draft = env.response(401, Some(tag));
        if !knows_only_md5(env) {
            draft = draft.header(Name::WwwAuthenticate, sha256);
        }
        let bytes = draft
            .header(Name::WwwAuthenticate, md5)
            .header(Name::Server, &legs.settings.product)
            .finish();
        stack.send(env.hop, bytes);
        None
    }

    /// Whose request this is, by listener and source.
    fn origin(&self, env: &Envelope<'_>) -> Origin {
        let Hop {
            listener, transport, ..
        } = env.hop;
        match self.ua.legs.listener(listener).map(|known| known.role) {
            Some(Role::Phones) => Origin::Phone,
            Some(Role::Trunk) => self
                .trunks
                .of_source(listener, transport, env.peer)
                .map_or(Origin::Stranger, Origin::Trunk),
            None => Origin::Stranger,
        }
    }
}

/// Whose a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// On the phones' listener: who it is the digest says.
    Phone,
    /// On its own listener, from one of its addresses.
    Trunk(TrunkId),
    /// Anybody else's.
    Stranger,
}

/// Phones, by the beginning of their User-Agent, that give up where any challenge names an algorithm that they do
/// not know (against RFC 8760 §2.4): baresip before it learned SHA-256.
const MD5_ONLY: &[&str] = &["baresip v0.", "baresip v1.", "baresip v2."];

/// Whether to offer MD5 alone: to the phones of [`MD5_ONLY`], and to what does not say what it is, such as SIPp,
/// which gives up in the same way. MD5 is offered to every phone, so that nobody gains by pretending.
fn knows_only_md5(env: &Envelope<'_>) -> bool {
    let agent = env
        .msg
        .first(Name::UserAgent)
        .and_then(|value| value.text().ok())
        .unwrap_or("");
    agent.is_empty() || MD5_ONLY.iter().any(|known| agent.starts_with(known))
}
