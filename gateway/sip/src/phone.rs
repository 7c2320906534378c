//! A softphone as a machine: registers with a gateway, calls and is called. Many accounts and many calls at once.
//!
//! It stands on the same transactions and dialogs as the gateway's endpoint, and is driven in the same way:
//! `handle` one input, then `poll` until `PhoneOutput::Timeout`. The demo's callers and agents and the load
//! benchmark are phones.

mod register;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use hotline_types::{LegId, Pii, Rng, Time, TrunkSlug};

use crate::dialog::{Call, Invitation, LegSettings, Legs, Target, from_value};
use crate::digest::{Challenge, Secret};
use crate::endpoint::agent::{Fired, UserAgent};
use crate::endpoint::envelope::Envelope;
use crate::endpoint::{identity, wire};
use crate::header::Name;
use crate::message::{Message, Method};
use crate::timer::TimerKey;
use crate::transaction::{Hop, Lapse, Limits, Stack, TxId, User};
use crate::{
    ConnId, DialFailure, Event, LegEnd, Listener, ListenerId, Output, Received, ReleaseReason, Role, Source,
    Transmit, Transport,
};

use register::Account;

/// Most accounts of one phone.
pub const ACCOUNTS_MAX: usize = 1024;

/// Settings of a phone.
#[derive(Clone, Debug)]
pub struct PhoneConfig {
    /// Product token of User-Agent.
    pub product: String,
    /// The number of its socket in [`Transmit`].
    pub listener: ListenerId,
    /// Its address, as it shows itself in Via and Contact.
    pub address: SocketAddr,
    /// RFC 3261 timer T1.
    pub t1: Duration,
    /// Most legs at once.
    pub legs_max: usize,
    /// Most transactions at once.
    pub transactions_max: usize,
}

/// What a phone may be told to do. A command about a leg that is gone is ignored.
#[derive(Clone, Debug)]
pub enum PhoneCommand {
    /// Registers an account and keeps it registered. Again: with new data at once.
    Register {
        /// Address of the registrar.
        server: SocketAddr,
        /// Transport to it.
        transport: Transport,
        /// User of the account; also its digest's user name.
        user: String,
        /// The password.
        password: Pii<String>,
        /// Expiry asked for; refreshed after half of it.
        expires: Duration,
    },
    /// Removes the binding of an account and forgets the account.
    Unregister {
        /// User of the account.
        user: String,
    },
    /// Calls.
    Call {
        /// The new leg, numbered by [`Phone::new_leg`].
        leg: LegId,
        /// Whom: the Request-URI.
        uri: String,
        /// Where the INVITE goes.
        server: SocketAddr,
        /// By which transport.
        transport: Transport,
        /// The number to show; of an account with this name challenges are answered.
        from: Pii<String>,
        /// The name to show.
        display: Pii<String>,
        /// The SDP offer.
        sdp: Vec<u8>,
        /// Extra headers, free of CR and LF.
        headers: Vec<(&'static str, String)>,
    },
    /// 180 to an incoming call.
    Ring {
        /// The leg.
        leg: LegId,
    },
    /// 200 to an incoming call.
    Answer {
        /// The leg.
        leg: LegId,
        /// The SDP answer.
        sdp: Vec<u8>,
    },
    /// Refuses an incoming call.
    Reject {
        /// The leg.
        leg: LegId,
        /// Status, 300 to 699.
        status: u16,
    },
    /// Ends a leg in whatever state. No more events about it follow.
    Hangup {
        /// The leg.
        leg: LegId,
    },
    /// Sends a re-INVITE: hold, resume, other media.
    Reoffer {
        /// The leg.
        leg: LegId,
        /// The SDP offer.
        sdp: Vec<u8>,
    },
    /// Answers a re-INVITE or UPDATE.
    AnswerReoffer {
        /// The leg.
        leg: LegId,
        /// The SDP answer.
        sdp: Vec<u8>,
    },
    /// Refuses a re-INVITE or UPDATE.
    RejectReoffer {
        /// The leg.
        leg: LegId,
        /// Status, 300 to 699.
        status: u16,
    },
    /// Sends a digit by INFO (application/dtmf-relay).
    Digit {
        /// The leg.
        leg: LegId,
        /// One of `0-9 * # A-D`.
        digit: Pii<char>,
    },
}

/// What a phone reports.
#[derive(Clone, Debug)]
pub enum PhoneEvent {
    /// An account is registered, or registered again.
    Registered {
        /// User of the account.
        user: String,
    },
    /// A registration failed; it is tried again after a pause, except after 403.
    RegisterFailed {
        /// User of the account.
        user: String,
        /// Status of the refusal; none where nobody answered.
        status: Option<u16>,
    },
    /// A call comes in.
    Incoming {
        /// The new leg.
        leg: LegId,
        /// User part of the Request-URI: the account called.
        called: String,
        /// The number shown.
        caller: Pii<String>,
        /// The name shown.
        display: Option<Pii<String>>,
        /// Its SDP offer.
        offer: Option<Vec<u8>>,
        /// Headers that SIP itself does not know, such as `X-...`.
        headers: Vec<(String, String)>,
    },
    /// The ACK of our 200 came.
    Confirmed {
        /// The leg.
        leg: LegId,
    },
    /// The called side rings.
    Ringing {
        /// The leg.
        leg: LegId,
    },
    /// The called side answered.
    Answered {
        /// The leg.
        leg: LegId,
        /// The SDP answer.
        sdp: Vec<u8>,
    },
    /// A call of ours did not come up.
    Failed {
        /// The leg.
        leg: LegId,
        /// Why.
        failure: DialFailure,
    },
    /// A leg ended by itself or the other side.
    Ended {
        /// The leg.
        leg: LegId,
        /// Why.
        end: LegEnd,
    },
    /// The other side offers new media.
    Reoffered {
        /// The leg.
        leg: LegId,
        /// The SDP; none where our offer is asked for.
        offer: Option<Vec<u8>>,
    },
    /// Our re-INVITE was answered.
    ReofferAnswered {
        /// The leg.
        leg: LegId,
        /// The SDP answer.
        sdp: Vec<u8>,
    },
    /// Our re-INVITE was refused; the call goes on.
    ReofferRefused {
        /// The leg.
        leg: LegId,
        /// The status.
        status: u16,
    },
}

/// What the world tells a phone.
#[derive(Clone, Debug)]
pub enum PhoneInput {
    /// A message arrived.
    Received(Received),
    /// A message could not be sent.
    TransportFailed {
        /// Its transport.
        transport: Transport,
        /// Where it should have gone.
        to: SocketAddr,
    },
    /// A connection is gone.
    Closed(ConnId),
    /// The user wants something.
    Command(PhoneCommand),
    /// The deadline of the last [`PhoneOutput::Timeout`] has come.
    Timeout,
}

/// What a phone wants.
#[derive(Clone, Debug)]
pub enum PhoneOutput {
    /// Send this.
    Transmit(Transmit),
    /// Tell the user.
    Event(PhoneEvent),
    /// Nothing more now; call again then. None: no timer runs.
    Timeout(Option<Time>),
}

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
        let Ok(message) = Message::parse(&received.bytes) else {
            return self.ua.malformed(received);
        };
        let Ok(env) = Envelope::read(&message, received) else {
            return self.ua.malformed(received);
        };
        match message.status() {
            Some(status) => {
                if let Some((tx, user)) = self.ua.response(&env, status) {
                    self.heard(&env, status, tx, user);
                }
            }
            None => {
                if let Some(key) = self.ua.request(&env, None) {
                    self.request_outside(&env, &key);
                }
            }
        }
    }

    fn heard(&mut self, env: &Envelope<'_>, status: u16, tx: TxId, user: User) {
        let UserAgent { stack, legs } = &mut self.ua;
        match user {
            User::Dial { leg, fork } => {
                if !(matches!(status, 401 | 407) && self.repeat_call(env, status, leg, fork, tx)) {
                    let UserAgent { stack, legs } = &mut self.ua;
                    legs.dial_heard(stack, leg, fork, tx, env, status);
                }
            }
            User::Reinvite(leg) => legs.reoffer_heard(stack, leg, tx, env, status),
            User::Register(account) => self.register_heard(env, status, account),
            User::Ping(_) | User::Nobody => {}
        }
    }

    /// Sends a challenged INVITE again with the digest of the account that it is from; false where there is none
    /// or it was tried already.
    fn repeat_call(&mut self, env: &Envelope<'_>, status: u16, leg: LegId, fork: usize, tx: TxId) -> bool {
        let (challenge_name, answer_name) = challenge_names(status);
        let Some((request, hop)) = self.ua.stack.client_request(tx) else {
            return false;
        };
        let request = request.to_vec();
        let from = wire::line(&request, "From");
        let Some(account) = self
            .accounts
            .values()
            .find(|account| from.contains(&account.mark))
        else {
            return false;
        };
        let Some(challenge) = Challenge::best(env.msg, challenge_name, None) else {
            return false;
        };
        let secret = Secret::Password(account.password.reveal());
        let uri = wire::request_uri(&request);
        let answer = challenge.answer(&account.user, secret, "INVITE", uri, 1, &mut self.ua.stack.rng);
        let UserAgent { stack, legs } = &mut self.ua;
        legs.dial_repeat(stack, leg, fork, hop, |tx| {
            wire::repeated(&request, tx, answer_name, &answer)
        })
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
                Event::Digit { .. }
                | Event::Registered { .. }
                | Event::Unregistered { .. }
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
            PhoneCommand::Ring { leg } => legs.progress(stack, leg, 180),
            PhoneCommand::Answer { leg, sdp } => legs.answer(stack, leg, &sdp),
            PhoneCommand::Reject { leg, status } => legs.reject(stack, leg, status, None, None),
            PhoneCommand::Hangup { leg } => legs.release(stack, leg, ReleaseReason::Normal),
            PhoneCommand::Reoffer { leg, sdp } => legs.reoffer(stack, leg, sdp),
            PhoneCommand::AnswerReoffer { leg, sdp } => legs.answer_reoffer(stack, leg, &sdp),
            PhoneCommand::RejectReoffer { leg, status } => legs.reject_reoffer(stack, leg, status),
            PhoneCommand::Digit { leg, digit } => legs.send_digit(stack, leg, *digit.reveal()),
        }
    }
}

/// The header of a challenge and that of its answer, by status (RFC 3261 §22.2, §22.3).
fn challenge_names(status: u16) -> (Name, &'static str) {
    if status == 407 {
        (Name::ProxyAuthenticate, "Proxy-Authorization")
    } else {
        (Name::WwwAuthenticate, "Authorization")
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
