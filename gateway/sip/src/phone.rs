//! A softphone as a machine: registers with a gateway, calls and is called. Many accounts and many calls at once.
//!
//! It stands on the same transactions and dialogs as the gateway's endpoint, and is driven in the same way:
//! `handle` one input, then `poll` until `PhoneOutput::Timeout`. The demo's callers and agents and the load
//! benchmark are phones.

mod api;
mod register;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use hotline_types::{LegId, Rng, Time, TrunkSlug};

use crate::dialog::{Call, Invitation, LegSettings, Legs, Target, from_value};
use crate::digest::Challenge;
use crate::endpoint::agent::{Fired, UserAgent};
use crate::endpoint::envelope::Envelope;
use crate::endpoint::identity;
use crate::header::Name;
use crate::message::Method;
use crate::timer::TimerKey;
use crate::transaction::{Hop, Lapse, Limits, Stack, TxId, User};
use crate::{Event, Listener, ListenerId, Output, Received, ReleaseReason, Role, Source, Transport};

pub use api::{PhoneCommand, PhoneConfig, PhoneEvent, PhoneInput, PhoneOutput};
use register::Account;

/// Most accounts of one phone.
const ACCOUNTS_MAX: usize = 1024;

/// The softphone.
pub struct Phone {
    ua: UserAgent,
    listener: ListenerId,
    accounts: BTreeMap<u64, Account>,
    next_account: u64,
    /// Stands for the server in the incoming events of the shared machine.
    server: TrunkSlug,
    /// Drained completely after each input; each input adds a bounded number.
    events: VecDeque<PhoneEvent>,
}

impl std::fmt::Debug for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Phone")
            .field("legs", &self.ua.legs.len())
            .finish_non_exhaustive()
    }
}

impl Phone {
    /// A phone with nothing going on.
    #[must_use]
    pub fn new(config: PhoneConfig, rng: Rng, now: Time) -> Self {
        let PhoneConfig {
            product,
            listener,
            address,
            t1,
            legs_max,
            transactions_max,
        } = config;
        let face = Listener {
            id: listener,
            role: Role::Phones,
            bind: address,
            advertised: address,
            shown: Vec::new(),
            media_group: 0,
        };
        let settings = LegSettings {
            product,
            legs_max,
            listeners: vec![face],
            contact_user: "phone",
        };
        let stack = Stack::new(Limits { t1, transactions_max }, rng, now);
        Self {
            ua: UserAgent {
                stack,
                legs: Legs::new(settings),
            },
            listener,
            accounts: BTreeMap::new(),
            next_account: 0,
            server: "server".parse().expect("a lower-case word is a slug"),
            events: VecDeque::new(),
        }
    }

    /// A number for a leg that will call.
    pub fn new_leg(&mut self) -> LegId {
        self.ua.legs.new_leg()
    }

    /// Legs alive.
    #[must_use]
    pub fn legs(&self) -> usize {
        self.ua.legs.len()
    }

    /// Transactions alive; finished ones linger up to 64*T1.
    #[must_use]
    pub fn transactions(&self) -> usize {
        self.ua.stack.len()
    }

    /// Changes the machine once. Then [`Phone::poll`] it empty.
    pub fn handle(&mut self, now: Time, input: PhoneInput) {
        self.ua.stack.now = now;
        match input {
            PhoneInput::Received(received) => self.receive(&received),
            PhoneInput::TransportFailed { transport, to } => {
                for lapse in self.ua.stack.client_transport_failed(transport, to) {
                    self.lapsed(lapse);
                }
            }
            PhoneInput::Closed(conn) => {
                for lapse in self.ua.stack.client_conn_closed(conn) {
                    self.lapsed(lapse);
                }
            }
            PhoneInput::Command(command) => self.command(command),
            PhoneInput::Timeout => {}
        }
        while let Some(key) = self.ua.stack.timers.pop_due(now) {
            match self.ua.fire(key) {
                Fired::Lapsed(lapse) => self.lapsed(lapse),
                Fired::Owner(TimerKey::RegisterRefresh(account)) => self.refresh(account),
                Fired::Owner(_) | Fired::Done => {}
            }
        }
        self.take_events(Vec::new());
    }

    /// The next thing that the phone wants.
    pub fn poll(&mut self) -> PhoneOutput {
        match self.ua.poll_transmit() {
            Some(Output::Transmit(transmit)) => PhoneOutput::Transmit(transmit),
            _ => match self.events.pop_front() {
                Some(event) => PhoneOutput::Event(event),
                None => PhoneOutput::Timeout(self.ua.stack.timers.next()),
            },
        }
    }

    fn hop(&self, server: SocketAddr, transport: Transport) -> Hop {
        Hop {
            listener: self.listener,
            transport,
            conn: None,
            to: server,
        }
    }

    fn receive(&mut self, received: &Received) {
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
                if let Some(key) = self.ua.request(env, None) {
                    self.request_outside(env, &key);
                }
            }
        }
    }

    fn heard(&mut self, env: &Envelope<'_>, status: u16, tx: TxId, user: User) {
        let UserAgent { stack, legs } = &mut self.ua;
        match user {
            User::Dial { leg, fork } => {
                if !(matches!(status, 401 | 407) && self.repeat_call(env, leg, fork, tx)) {
                    let UserAgent { stack, legs } = &mut self.ua;
                    legs.dial_heard(stack, leg, fork, tx, env, status);
                }
            }
            User::Reinvite(leg) => legs.reoffer_heard(stack, leg, tx, env, status),
            User::Refresh(leg) => legs.refresh_heard(stack, leg, env, status),
            User::Refer(leg) => legs.refer_heard(leg, status),
            User::Register(account) => self.register_heard(env, status, account),
            User::Ping(_) | User::TrunkRegister(..) | User::TrunkPing(..) | User::Nobody => {}
        }
    }

    /// Sends a challenged INVITE again with the digest of the account that it is from; false where there is none
    /// or it was tried already.
    fn repeat_call(&mut self, env: &Envelope<'_>, leg: LegId, fork: usize, tx: TxId) -> bool {
        let Some((request, _)) = self.ua.stack.client_request(tx) else {
            return false;
        };
        let from = request
            .first(Name::From)
            .and_then(|from| from.text().ok())
            .unwrap_or_default();
        let Some(account) = self
            .accounts
            .values()
            .find(|account| from.contains(&account.mark))
        else {
            return false;
        };
        let Some(challenge) = Challenge::best(env.msg, None) else {
            return false;
        };
        let password = account.password.reveal();
        let uri = request.raw_uri().unwrap_or_default().to_owned();
        let UserAgent { stack, legs } = &mut self.ua;
        let answer = challenge.answer(&account.user, password, "INVITE", &uri, 1, &mut stack.rng);
        legs.dial_repeat(stack, leg, (fork, tx), &[(challenge.answered_in, &answer)])
    }

    fn request_outside(&mut self, env: &Envelope<'_>, key: &[u8]) {
        if env.method != Method::Invite {
            return self.ua.request_outside(env);
        }
        let (caller, display) = identity::caller(env, true);
        let source = Source::Trunk(self.server.clone());
        let call = Call {
            source,
            called: identity::called(env),
            also_called: Vec::new(),
            passed: Vec::new(),
            caller,
            display,
        };
        let Some(tx) = self.ua.open_invite(env, key) else {
            return;
        };
        let next = Hop {
            to: env.peer,
            ..env.hop
        };
        let UserAgent { stack, legs } = &mut self.ua;
        match legs.incoming(stack, env, tx, next, call) {
            Ok(_) => self.take_events(foreign_headers(env)),
            Err(status) => legs.reply(stack, tx, env, status),
        }
    }

    fn lapsed(&mut self, lapse: Lapse) {
        match lapse.user {
            User::Register(account) => self.register_lapsed(account),
            _ => self.ua.lapsed(lapse),
        }
    }

    /// Translates what the shared machine reports. Only an INVITE brings headers.
    fn take_events(&mut self, mut headers: Vec<(String, String)>) {
        while let Some(event) = self.ua.legs.events.pop_front() {
            let event = match event {
                Event::Incoming {
                    leg,
                    called,
                    caller,
                    display,
                    offer,
                    ..
                } => {
                    let headers = std::mem::take(&mut headers);
                    PhoneEvent::Incoming {
                        leg,
                        called,
                        caller,
                        display,
                        offer,
                        headers,
                    }
                }
                Event::Confirmed { leg, .. } => PhoneEvent::Confirmed { leg },
                Event::Ringing { leg } => PhoneEvent::Ringing { leg },
                Event::Answered { leg, answer, .. } => PhoneEvent::Answered { leg, sdp: answer },
                Event::Failed { leg, failure } => PhoneEvent::Failed { leg, failure },
                Event::Ended { leg, end } => PhoneEvent::Ended { leg, end },
                Event::Reoffered { leg, offer } => PhoneEvent::Reoffered { leg, offer },
                Event::ReofferAnswered { leg, answer } => PhoneEvent::ReofferAnswered { leg, sdp: answer },
                Event::ReofferRefused { leg, status } => PhoneEvent::ReofferRefused { leg, status },
                Event::ReferProgress { leg, status } => PhoneEvent::ReferProgress { leg, status },
                Event::Referred { leg, .. } => {
                    // Whoever calls a phone has no say over its calls.
                    self.ua.legs.answer_refer(&mut self.ua.stack, leg, 403);
                    continue;
                }
                Event::Digit { .. }
                | Event::Registered { .. }
                | Event::Unregistered { .. }
                | Event::Trunk(_)
                | Event::Proof(_)
                | Event::Unusable { .. }
                | Event::Counted(_) => continue,
            };
            self.events.push_back(event);
        }
    }

    fn command(&mut self, command: PhoneCommand) {
        let UserAgent { stack, legs } = &mut self.ua;
        match command {
            PhoneCommand::Register {
                server,
                transport,
                user,
                password,
                expires,
            } => {
                let hop = self.hop(server, transport);
                self.register(hop, user, password, expires);
            }
            PhoneCommand::Unregister { user } => self.unregister(&user),
            PhoneCommand::Call {
                leg,
                uri,
                server,
                transport,
                from,
                display,
                sdp,
                headers,
            } => {
                let targets = [Target {
                    hop: self.hop(server, transport),
                    uri: uri.clone(),
                }];
                let UserAgent { stack, legs } = &mut self.ua;
                let invitation = Invitation {
                    from: from_value(&display, &from, server),
                    to: format!("<{uri}>"),
                    sdp: &sdp,
                    headers: &headers,
                };
                legs.dial(stack, leg, &targets, &invitation);
            }
            PhoneCommand::Ring { leg } => legs.progress(stack, leg, 180, None),
            PhoneCommand::Answer { leg, sdp } => legs.answer(stack, leg, &sdp),
            PhoneCommand::Reject { leg, status } => legs.reject(stack, leg, status, None, None),
            PhoneCommand::Hangup { leg } => legs.release(stack, leg, ReleaseReason::Normal),
            PhoneCommand::Reoffer { leg, sdp } => legs.reoffer(stack, leg, sdp),
            PhoneCommand::Refer { leg, uri, replaces } => legs.refer(stack, leg, &uri, replaces),
            PhoneCommand::AnswerReoffer { leg, sdp } => legs.answer_reoffer(stack, leg, &sdp),
            PhoneCommand::RejectReoffer { leg, status } => legs.reject_reoffer(stack, leg, status),
            PhoneCommand::Digit { leg, digit } => legs.send_digit(stack, leg, *digit.reveal()),
        }
    }
}

fn foreign_headers(env: &Envelope<'_>) -> Vec<(String, String)> {
    env.msg
        .lines()
        .filter(|line| line.name == Name::Other)
        .filter_map(|line| {
            let name = std::str::from_utf8(line.raw_name).ok()?;
            Some((name.to_owned(), line.value.unfolded().ok()?.into_owned()))
        })
        .collect()
}
