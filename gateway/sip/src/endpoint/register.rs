//! REGISTER of agents' phones (RFC 3261 §10.3), and the keep-alive OPTIONS to them.

use super::Endpoint;
use super::envelope::Envelope;
use crate::header::{Contact, Name};
use crate::registrar::{Asked, BindingId, Registration, Wish};
use crate::transaction::{Hop, User};

/// Expiry of a Contact that asks for none, in seconds; cut to the configured range.
const EXPIRES_DEFAULT_S: u32 = 3600;
/// How often a phone is to keep its flow alive, in seconds (RFC 5626 §4.4): over streams, whose NAT bindings last.
const FLOW_TIMER_STREAM_S: u32 = 120;
/// The same over UDP.
const FLOW_TIMER_UDP_S: u32 = 29;
/// Most contacts in one REGISTER.
const CONTACTS_MAX: usize = crate::registrar::BINDINGS_MAX;

impl Endpoint {
    pub(super) fn register(&mut self, env: &Envelope<'_>, key: &[u8]) {
        let Some(agent) = self.authenticated(env, env.to_user) else {
            return;
        };
        if env.from_user != env.to_user {
            return self.ua.reply_stateless(env, 403); // nobody registers for another
        }
        let tx = self.ua.stack.server_open(key, None, env.hop, false);
        let hop = Hop {
            to: env.peer,
            ..env.hop
        };
        let mut outbound = false;
        let outcome = wish(env).and_then(|wish| {
            outbound = is_outbound(env, &wish);
            let registration = Registration {
                agent: &agent,
                call_id: env.call_id,
                cseq: env.cseq,
                hop,
                wish,
            };
            self.registrar
                .register(&mut self.ua.stack.timers, self.ua.stack.now, &registration)
        });
        let tag = self.ua.stack.reply_tag();
        let product = &self.ua.legs.settings.product;
        match outcome {
            Ok(change) => {
                let mut draft = env.response(200, Some(tag)).header(Name::Server, product);
                if outbound {
                    let pause = if hop.transport.is_reliable() {
                        FLOW_TIMER_STREAM_S
                    } else {
                        FLOW_TIMER_UDP_S
                    };
                    draft = draft
                        .header(Name::Supported, "outbound")
                        .header(Name::Require, "outbound")
                        .named("Flow-Timer", pause);
                }
                for (uri, left) in self.registrar.listing(&agent, self.ua.stack.now) {
                    draft = draft.header(Name::Contact, format_args!("<{uri}>;expires={left}"));
                }
                self.ua.stack.server_respond(tx, 200, draft.finish());
                if let Some(change) = change {
                    self.tell(change);
                }
            }
            Err(status) => {
                let mut draft = env.response(status, Some(tag)).header(Name::Server, product);
                if status == 423 {
                    draft = draft.header(Name::MinExpires, self.registrar.expires_min_s());
                }
                self.ua.stack.server_respond(tx, status, draft.finish());
            }
        }
    }

    /// The keep-alive timer of a binding has come.
    pub(super) fn ping(&mut self, binding: BindingId) {
        let (target, change) = self
            .registrar
            .ping_due(&mut self.ua.stack.timers, self.ua.stack.now, binding);
        if let Some(change) = change {
            self.tell(change);
        }
        let Some((uri, hop)) = target else { return };
        let Some((tx, draft)) = self.ua.options(&uri, hop) else {
            return;
        };
        let bytes = draft.finish();
        self.ua
            .stack
            .client_send(tx, User::Ping(binding), hop, bytes, false);
    }
}

/// Whether the phone's flow is kept as RFC 5626 §6 says: it can do so, nobody stands between, and it says which
/// phone and which of its flows this is.
fn is_outbound(env: &Envelope<'_>, wish: &Wish) -> bool {
    let numbered = matches!(wish, Wish::Contacts(contacts)
        if contacts.iter().any(|asked| asked.instance.is_some() && asked.reg_id.is_some()));
    numbered && env.supports("outbound") && env.msg.items(Name::Via).count() == 1
}

/// What the contacts of a REGISTER ask for; the error is the status to answer.
fn wish(env: &Envelope<'_>) -> Result<Wish, u16> {
    let expires = env.msg.expires().map_err(|_| 400_u16)?;
    let mut contacts = Vec::new();
    for contact in env.msg.contacts() {
        match contact.map_err(|_| 400_u16)? {
            Contact::Star if expires == Some(0) && env.msg.contacts().count() == 1 => {
                return Ok(Wish::RemoveAll);
            }
            Contact::Star => return Err(400),
            Contact::Addr(addr) => {
                addr.uri().map_err(|_| 400_u16)?;
                contacts.push(Asked {
                    uri: addr.raw_uri.to_owned(),
                    instance: addr.params.get("+sip.instance").map(ToOwned::to_owned),
                    reg_id: addr.params.get("reg-id").and_then(|id| id.parse().ok()),
                    expires: addr.expires().or(expires).unwrap_or(EXPIRES_DEFAULT_S),
                });
            }
        }
    }
    match contacts.len() {
        0 if env.msg.first(Name::Contact).is_some() => Err(400),
        0 => Ok(Wish::Query),
        count if count > CONTACTS_MAX => Err(400),
        _ => Ok(Wish::Contacts(contacts)),
    }
}
