//! REGISTER of a phone's accounts: challenge, refresh, retry, removal (RFC 3261 §10.2).

use std::time::Duration;

use hotline_types::Pii;

use super::{ACCOUNTS_MAX, Phone, PhoneEvent};
use crate::digest::Challenge;
use crate::endpoint::envelope::Envelope;
use crate::endpoint::wire;
use crate::header::Name;
use crate::message::Method;
use crate::timer::TimerKey;
use crate::transaction::{Hop, User};

/// Pause after a registration that failed.
const RETRY: Duration = Duration::from_secs(30);
/// Most challenges answered in a row, so that no server can keep a phone busy.
const CHALLENGES_MAX: u8 = 3;

/// One account.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) user: String,
    pub(super) password: Pii<String>,
    /// What a From of this account holds.
    pub(super) mark: String,
    hop: Hop,
    expires: Duration,
    call_id: String,
    tag: u64,
    cseq: u32,
    challenge: Option<Challenge>,
    /// Uses of the challenge's nonce.
    count: u32,
    /// Challenges answered in a row.
    tries: u8,
    /// The binding is being removed.
    leaving: bool,
}

impl Phone {
    pub(super) fn register(&mut self, hop: Hop, user: String, password: Pii<String>, expires: Duration) {
        let rng = &mut self.ua.stack.rng;
        let known = self
            .accounts
            .iter()
            .find(|(_, account)| account.user == user)
            .map(|(id, _)| *id);
        if let Some(account) = known.and_then(|id| self.accounts.get_mut(&id)) {
            (account.hop, account.password, account.expires) = (hop, password, expires);
            (account.leaving, account.tries) = (false, 0);
        } else if self.accounts.len() < ACCOUNTS_MAX {
            let account = Account {
                mark: format!("sip:{user}@"),
                user,
                password,
                hop,
                expires,
                call_id: format!("{:016x}", rng.next_u64()),
                tag: rng.next_u64(),
                cseq: 0,
                challenge: None,
                count: 0,
                tries: 0,
                leaving: false,
            };
            self.accounts.insert(self.next_account, account);
            self.next_account += 1;
        } else {
            self.events.push_back(PhoneEvent::RegisterFailed {
                user,
                status: Some(503),
            });
            return;
        }
        if let Some(id) = known.or(self.next_account.checked_sub(1)) {
            self.send_register(id);
        }
    }

    pub(super) fn unregister(&mut self, user: &str) {
        let known = self.accounts.iter_mut().find(|(_, account)| account.user == user);
        let Some((&id, account)) = known else { return };
        account.leaving = true;
        account.tries = 0;
        self.ua.stack.timers.cancel(TimerKey::RegisterRefresh(id));
        self.send_register(id);
    }

    pub(super) fn refresh(&mut self, id: u64) {
        if let Some(account) = self.accounts.get_mut(&id) {
            account.tries = 0;
        }
        self.send_register(id);
    }

    fn send_register(&mut self, id: u64) {
        let Some(account) = self.accounts.get_mut(&id) else {
            return;
        };
        let Some(face) = self.ua.legs.face(account.hop.listener, account.hop.to.ip()) else {
            return;
        };
        let stack = &mut self.ua.stack;
        let (tx, hop) = (stack.new_branch(), account.hop);
        account.cseq = account.cseq.wrapping_add(1);
        let (user, server) = (&account.user, hop.to);
        let uri = format!("sip:{server}");
        let expires = if account.leaving {
            0
        } else {
            account.expires.as_secs()
        };
        let contact = wire::Contact {
            user,
            at: face.advertised,
            transport: hop.transport,
        };
        let mut draft = wire::request(Method::Register, &uri, tx, hop.transport, face.advertised)
            .header(
                Name::From,
                format_args!("<sip:{user}@{server}>;tag={:016x}", account.tag),
            )
            .header(Name::To, format_args!("<sip:{user}@{server}>"))
            .header(Name::CallId, &account.call_id)
            .header(Name::CSeq, format_args!("{} REGISTER", account.cseq))
            .header(Name::Contact, contact)
            .header(Name::Expires, expires)
            .header(Name::UserAgent, &self.ua.legs.settings.product);
        if let Some(challenge) = &account.challenge {
            account.count += 1;
            let password = account.password.reveal();
            let value = challenge.answer(user, password, "REGISTER", &uri, account.count, &mut stack.rng);
            draft = draft.header(challenge.answered_in, value);
        }
        stack.client_send(tx, User::Register(id), hop, draft.finish(), false);
    }

    pub(super) fn register_heard(&mut self, env: &Envelope<'_>, status: u16, id: u64) {
        let Some(account) = self.accounts.get_mut(&id) else {
            return;
        };
        match status {
            ..200 => {}
            200..300 if account.leaving => {
                self.accounts.remove(&id);
            }
            200..300 => {
                account.tries = 0;
                let granted = granted(env).map_or(account.expires, |s| Duration::from_secs(s.into()));
                let at = self.ua.stack.now + (granted / 2).max(Duration::from_secs(1));
                self.ua.stack.timers.set(TimerKey::RegisterRefresh(id), at);
                self.events.push_back(PhoneEvent::Registered {
                    user: account.user.clone(),
                });
            }
            401 | 407 => {
                let again = |challenge: &Challenge| {
                    // A stale nonce says nothing against the password (RFC 7616 §3.3).
                    account.tries == 0 || (challenge.stale && account.tries < CHALLENGES_MAX)
                };
                match Challenge::best(env.msg, None).filter(again) {
                    Some(challenge) => {
                        account.tries += 1;
                        account.challenge = Some(challenge);
                        account.count = 0;
                        self.send_register(id);
                    }
                    _ => {
                        account.challenge = None;
                        self.register_failed(id, Some(status));
                    }
                }
            }
            423 => {
                let least = env.msg.seconds(Name::MinExpires).ok().flatten().unwrap_or(0);
                let least = Duration::from_secs(least.into());
                if least > account.expires {
                    account.expires = least;
                    self.send_register(id);
                } else {
                    self.register_failed(id, Some(status));
                }
            }
            300.. => self.register_failed(id, Some(status)),
        }
    }

    pub(super) fn register_lapsed(&mut self, id: u64) {
        self.register_failed(id, None);
    }

    fn register_failed(&mut self, id: u64, status: Option<u16>) {
        let Some(account) = self.accounts.get_mut(&id) else {
            return;
        };
        account.tries = 0;
        if account.leaving {
            self.accounts.remove(&id);
            return;
        }
        let user = account.user.clone();
        if status != Some(403) {
            let at = self.ua.stack.now + RETRY;
            self.ua.stack.timers.set(TimerKey::RegisterRefresh(id), at);
        }
        self.events.push_back(PhoneEvent::RegisterFailed { user, status });
    }
}

/// The seconds granted: the longest of the contacts in the answer, or its Expires.
fn granted(env: &Envelope<'_>) -> Option<u32> {
    let contacts = env
        .msg
        .contacts()
        .filter_map(|contact| contact.ok()?.addr()?.expires());
    contacts.max().or_else(|| env.msg.expires().ok().flatten())
}
