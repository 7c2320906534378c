//! The endpoint: one machine for all SIP of the gateway.
//!
//! `handle` one input, then `poll` until `Output::Timeout`; hand `Input::Timeout` in when that deadline has come.
//! Below it lie the transactions ([`crate::transaction`]), the legs and their dialogs ([`crate::dialog`]) and the
//! bindings ([`crate::registrar`]); here is what ties them: whose requests are heard, and where each message goes.

pub(crate) mod envelope;
mod identity;
mod receive;
mod register;
#[cfg(test)]
mod tests;
pub(crate) mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use hotline_types::{AgentSlug, LegId, Rng, Time};

use crate::dialog::{Invitation, LegSettings, Legs, Target, from_value};
use crate::digest::{DigestConfig, DigestServer};
use crate::registrar::{BindingView, Change, Registrar};
use crate::timer::TimerKey;
use crate::transaction::{Lapse, Limits, Stack, User};
use crate::{Command, Credentials, DialFailure, EndpointConfig, Event, Input, Output, Trunk};

/// Pause between the keep-alive OPTIONS to a binding unless [`Endpoint::set_keepalive`] says otherwise.
pub const KEEPALIVE: Duration = Duration::from_secs(25);

/// The SIP endpoint of the gateway: a pure machine without socket or clock.
///
/// Call [`Endpoint::handle`] with one input, then [`Endpoint::poll`] until it answers [`Output::Timeout`].
pub struct Endpoint {
    stack: Stack,
    legs: Legs,
    registrar: Registrar,
    digest: DigestServer,
    credentials: BTreeMap<AgentSlug, Credentials>,
    trunks: Vec<Trunk>,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("legs", &self.legs.len())
            .field("transactions", &self.stack.len())
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    /// A machine with nothing going on. `rng` makes its tags, branches, Call-IDs and nonces.
    #[must_use]
    pub fn new(config: EndpointConfig, mut rng: Rng, now: Time) -> Self {
        let digest = DigestServer::new(config.realm, DigestConfig::default(), &mut rng);
        let limits = Limits {
            t1: config.t1,
            transactions_max: config.transactions_max,
        };
        let settings = LegSettings {
            product: config.product,
            legs_max: config.legs_max,
            listeners: config.listeners,
        };
        let credentials = config
            .credentials
            .into_iter()
            .map(|known| (known.agent.clone(), known))
            .collect();
        Self {
            stack: Stack::new(limits, rng, now),
            legs: Legs::new(settings),
            registrar: Registrar::new(config.expires_min, config.expires_max, Some(KEEPALIVE)),
            digest,
            credentials,
            trunks: config.trunks,
        }
    }

    /// Sets the pause between keep-alive OPTIONS to each binding; none sends none. Holds from each binding's next
    /// registration on.
    pub fn set_keepalive(&mut self, pause: Option<Duration>) {
        self.registrar.set_keepalive(pause);
    }

    /// A number for a leg that the switch will dial.
    pub fn new_leg(&mut self) -> LegId {
        self.legs.new_leg()
    }

    /// Legs alive, ringing ones included.
    #[must_use]
    pub fn legs(&self) -> usize {
        self.legs.len()
    }

    /// Transactions alive; finished ones linger up to 64*T1 to absorb repetitions.
    #[must_use]
    pub fn transactions(&self) -> usize {
        self.stack.len()
    }

    /// Whether calls can reach a phone of the agent.
    #[must_use]
    pub fn is_registered(&self, agent: &AgentSlug) -> bool {
        self.registrar.is_registered(agent)
    }

    /// The agent's bindings, reachable or not.
    #[must_use]
    pub fn bindings(&self, agent: &AgentSlug) -> Vec<BindingView> {
        self.registrar.views(agent)
    }

    /// Changes the machine once. Then [`Endpoint::poll`] it empty.
    pub fn handle(&mut self, now: Time, input: Input) {
        self.stack.now = now;
        match input {
            Input::Received(received) => self.receive(&received),
            Input::TransportFailed { transport, to } => {
                for lapse in self.stack.client_transport_failed(transport, to) {
                    self.lapsed(lapse);
                }
            }
            Input::Closed(conn) => {
                for change in self.registrar.closed(&mut self.stack.timers, conn) {
                    self.tell(change);
                }
                for lapse in self.stack.client_conn_closed(conn) {
                    self.lapsed(lapse);
                }
            }
            Input::Command(command) => self.command(command),
            Input::Timeout => {}
        }
        while let Some(key) = self.stack.timers.pop_due(now) {
            self.fire(key);
        }
    }

    /// The next thing that the endpoint wants.
    pub fn poll(&mut self) -> Output {
        if let Some(transmit) = self.stack.out.pop_front() {
            return Output::Transmit(transmit);
        }
        if let Some(event) = self.legs.events.pop_front() {
            return Output::Event(event);
        }
        Output::Timeout(self.stack.timers.next())
    }

    fn tell(&mut self, change: Change) {
        self.legs.tell(match change {
            Change::Registered(agent) => Event::Registered { agent },
            Change::Unregistered(agent) => Event::Unregistered { agent },
        });
    }

    fn fire(&mut self, key: TimerKey) {
        let (stack, legs) = (&mut self.stack, &mut self.legs);
        match key {
            TimerKey::ServerRetransmit(tx) => stack.server_retransmit(tx),
            TimerKey::ServerEnd(tx) => stack.server_end(tx),
            TimerKey::ClientRetransmit(tx) => stack.client_retransmit(tx),
            TimerKey::ClientTimeout(tx) => {
                if let Some(lapse) = stack.client_timeout(tx) {
                    self.lapsed(lapse);
                }
            }
            TimerKey::ClientEnd(tx) => stack.client_end(tx),
            TimerKey::OkRetransmit(leg) => legs.ok_retransmit(stack, leg),
            TimerKey::AckWait(leg) => legs.ack_timeout(stack, leg),
            TimerKey::GlareRetry(leg) => legs.glare_retry(stack, leg),
            TimerKey::SessionExpiry(leg) => legs.session_expired(stack, leg),
            TimerKey::BindingExpiry(binding) => {
                if let Some(change) = self.registrar.expired(&mut stack.timers, binding) {
                    self.tell(change);
                }
            }
            TimerKey::BindingPing(binding) => self.ping(binding),
            // Only our own phones register with others.
            TimerKey::RegisterRefresh(_) => {}
        }
    }

    /// A client transaction ended without an answer.
    fn lapsed(&mut self, lapse: Lapse) {
        match lapse.user {
            User::Dial { leg, fork } => {
                self.legs
                    .dial_failed(&mut self.stack, leg, fork, DialFailure::Unreachable);
            }
            User::Reinvite(leg) => self.legs.broken(&mut self.stack, leg),
            // Keep-alives are judged by the registrar's own timer.
            User::Ping(_) | User::Register(_) | User::Nobody => {}
        }
    }

    fn command(&mut self, command: Command) {
        let (stack, legs) = (&mut self.stack, &mut self.legs);
        match command {
            Command::Progress { leg, status } => legs.progress(stack, leg, status),
            Command::Answer { leg, sdp } => legs.answer(stack, leg, &sdp),
            Command::Reject {
                leg,
                status,
                retry_after_s,
                warning,
            } => {
                legs.reject(stack, leg, status, retry_after_s, warning.as_deref());
            }
            Command::DialAgent {
                leg,
                agent,
                sdp,
                caller,
                display,
                headers,
            } => {
                let targets: Vec<Target> = self
                    .registrar
                    .targets(&agent)
                    .map(|(uri, hop)| Target {
                        uri: uri.to_owned(),
                        hop,
                    })
                    .collect();
                let host = targets.first().and_then(|target| legs.face(target.hop.listener));
                let invitation = host.map(|face| Invitation {
                    from: from_value(&display, &caller, face.advertised),
                    to: format!("<sip:{agent}@{}>", face.advertised),
                    sdp: &sdp,
                    headers: &headers,
                });
                match invitation {
                    Some(invitation) => legs.dial(stack, leg, &targets, &invitation),
                    None => legs.tell(Event::Failed {
                        leg,
                        failure: DialFailure::Unreachable,
                    }),
                }
            }
            Command::Release { leg, reason } => legs.release(stack, leg, reason),
            Command::AnswerReoffer { leg, sdp } => legs.answer_reoffer(stack, leg, &sdp),
            Command::RejectReoffer { leg, status } => legs.reject_reoffer(stack, leg, status),
            Command::Reoffer { leg, sdp } => legs.reoffer(stack, leg, sdp),
            Command::SetCredentials(credentials) => {
                self.credentials.insert(credentials.agent.clone(), credentials);
            }
            Command::RemoveCredentials(agent) => {
                self.credentials.remove(&agent);
                if let Some(change) = self.registrar.remove_all(&mut stack.timers, &agent) {
                    self.tell(change);
                }
            }
        }
    }
}
