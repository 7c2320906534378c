//! The endpoint: one machine for all SIP of the gateway.
//!
//! `handle` one input, then `poll` until `Output::Timeout`; hand `Input::Timeout` in when that deadline has come.
//! Below it lie the transactions ([`crate::transaction`]), the legs and their dialogs ([`crate::dialog`]) and the
//! bindings ([`crate::registrar`]); here is what ties them: whose requests are heard, and where each message goes.

pub(crate) mod agent;
pub(crate) mod envelope;
pub(crate) mod identity;
mod receive;
mod register;
#[cfg(test)]
mod tests;
mod trunk;
pub(crate) mod wire;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use hotline_types::{AgentSlug, LegId, Rng, Time};

use agent::{Fired, UserAgent};

use crate::dialog::{Invitation, LegSettings, Legs, Target, from_value};
use crate::digest::{DigestConfig, DigestServer};
use crate::registrar::{Change, Registrar};
use crate::timer::TimerKey;
use crate::transaction::{Hop, Lapse, Limits, Stack, User};
use crate::trunk::Trunks;
use crate::{AgentRoute, Command, Credentials, DialFailure, EndpointConfig, Event, Input, Output};

/// Pause between the keep-alive OPTIONS to a binding.
const KEEPALIVE: Duration = Duration::from_secs(25);

/// The SIP endpoint of the gateway: a pure machine without socket or clock.
///
/// Call [`Endpoint::handle`] with one input, then [`Endpoint::poll`] until it answers [`Output::Timeout`].
pub struct Endpoint {
    ua: UserAgent,
    registrar: Registrar,
    digest: DigestServer,
    credentials: BTreeMap<AgentSlug, Credentials>,
    trunks: Trunks,
    unacked_max: usize,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("legs", &self.ua.legs.len())
            .field("transactions", &self.ua.stack.len())
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
            contact_user: "hotline",
        };
        let credentials = config
            .credentials
            .into_iter()
            .map(|known| (known.agent.clone(), known))
            .collect();
        let mut endpoint = Self {
            ua: UserAgent {
                stack: Stack::new(limits, rng, now),
                legs: Legs::new(settings),
            },
            registrar: Registrar::new(config.expires_min, config.expires_max, Some(KEEPALIVE)),
            digest,
            credentials,
            trunks: Trunks::new(config.trunks),
            unacked_max: config.unacked_max,
        };
        endpoint.start_trunks();
        endpoint
    }

    /// Sets the pause between keep-alive OPTIONS to each binding; none sends none. Holds from each binding's next
    /// registration on.
    #[cfg(test)]
    pub(crate) fn set_keepalive(&mut self, pause: Option<Duration>) {
        self.registrar.set_keepalive(pause);
    }

    /// A number for a leg that the switch will dial.
    pub fn new_leg(&mut self) -> LegId {
        self.ua.legs.new_leg()
    }

    /// How a call to the agent would go now; none where no phone of the agent can be called.
    #[must_use]
    pub fn agent_route(&self, agent: &AgentSlug) -> Option<AgentRoute> {
        let hop = self.registrar.newest(agent)?;
        Some(AgentRoute {
            listener: hop.listener,
            peer: hop.to,
        })
    }

    /// Whether the SDP made for this route suits a phone reached by `hop`: same media addresses.
    fn suits(&self, route: &AgentRoute, hop: Hop) -> bool {
        let face = |id, peer: SocketAddr| {
            let listener = self.ua.legs.listener(id)?;
            Some((listener.media_group, listener.network_of(peer.ip())))
        };
        face(route.listener, route.peer) == face(hop.listener, hop.to)
    }

    /// Legs alive, ringing ones included.
    #[must_use]
    pub fn legs(&self) -> usize {
        self.ua.legs.len()
    }

    /// Transactions alive; finished ones linger up to 64*T1 to absorb repetitions.
    #[must_use]
    pub fn transactions(&self) -> usize {
        self.ua.stack.len()
    }

    /// Changes the machine once. Then [`Endpoint::poll`] it empty.
    pub fn handle(&mut self, now: Time, input: Input) {
        self.ua.stack.now = now;
        match input {
            Input::Received(received) => self.receive(&received),
            Input::TransportFailed { transport, to } => {
                for lapse in self.ua.stack.client_transport_failed(transport, to) {
                    self.lapsed(lapse);
                }
                self.trunk_moved(|hop| hop.transport == transport && hop.to == to);
            }
            Input::Closed(conn) => {
                for change in self.registrar.closed(&mut self.ua.stack.timers, conn) {
                    self.tell(change);
                }
                for lapse in self.ua.stack.client_conn_closed(conn) {
                    self.lapsed(lapse);
                }
            }
            Input::Command(command) => self.command(command),
            Input::Timeout => {}
        }
        while let Some(key) = self.ua.stack.timers.pop_due(now) {
            self.fire(key);
        }
    }

    /// The next thing that the endpoint wants.
    pub fn poll(&mut self) -> Output {
        if let Some(transmit) = self.ua.poll_transmit() {
            return transmit;
        }
        if let Some(event) = self.ua.legs.events.pop_front() {
            return Output::Event(event);
        }
        Output::Timeout(self.ua.stack.timers.next())
    }

    fn tell(&mut self, change: Change) {
        self.ua.legs.tell(match change {
            Change::Registered(agent) => Event::Registered { agent },
            Change::Unusable(agent, why) => Event::Unusable { agent, why },
            Change::Unregistered(agent) => Event::Unregistered { agent },
        });
    }

    fn fire(&mut self, key: TimerKey) {
        match self.ua.fire(key) {
            Fired::Done => {}
            Fired::Lapsed(lapse) => self.lapsed(lapse),
            Fired::Owner(TimerKey::BindingExpiry(binding)) => {
                if let Some(change) = self.registrar.expired(&mut self.ua.stack.timers, binding) {
                    self.tell(change);
                }
            }
            Fired::Owner(TimerKey::BindingPing(binding)) => self.ping(binding),
            Fired::Owner(TimerKey::TrunkRegister(trunk)) => self.register_with_trunk(trunk),
            Fired::Owner(TimerKey::TrunkPing(trunk)) => self.ping_trunk(trunk),
            // Only our own phones register with others.
            Fired::Owner(_) => {}
        }
    }

    /// A client transaction ended without an answer.
    fn lapsed(&mut self, lapse: Lapse) {
        match lapse.user {
            User::TrunkRegister(trunk, at) => self.trunk_register_lapsed(trunk, at),
            User::TrunkPing(trunk, at) => self.gateway_failed(trunk, at),
            User::Dial { leg, .. } => {
                if let Some(trunk) = self.ua.legs.trunk_of_dial(leg) {
                    self.gateway_failed(trunk, lapse.to);
                }
                self.ua.lapsed(lapse);
            }
            _ => self.ua.lapsed(lapse),
        }
    }

    fn command(&mut self, command: Command) {
        let UserAgent { stack, legs } = &mut self.ua;
        match command {
            Command::Progress { leg, status, sdp } => legs.progress(stack, leg, status, sdp.as_deref()),
            Command::Answer { leg, sdp } => legs.answer(stack, leg, &sdp),
            Command::Reject {
                leg,
                status,
                retry_after_s,
                warning,
            } => {
                legs.reject(stack, leg, status, retry_after_s, warning.as_deref());
            }
            Command::DialTrunk(dial) => self.dial_trunk(&dial),
            dial @ Command::DialAgent { .. } => self.dial_agent(dial),
            Command::Release { leg, reason } => legs.release(stack, leg, reason),
            Command::AnswerRefer { leg, status } => legs.answer_refer(stack, leg, status),
            Command::ReferProgress { leg, status } => legs.refer_progress(stack, leg, status),
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

    fn dial_agent(&mut self, command: Command) {
        let Command::DialAgent {
            leg,
            agent,
            sdp,
            caller,
            display,
            headers,
            route,
        } = command
        else {
            return;
        };
        let targets: Vec<Target> = self
            .registrar
            .targets(&agent)
            .filter(|(_, hop)| route.is_none_or(|route| self.suits(&route, *hop)))
            .map(|(uri, hop)| Target {
                uri: uri.to_owned(),
                hop,
            })
            .collect();
        let UserAgent { stack, legs } = &mut self.ua;
        let first = targets.first().map(|target| target.hop);
        let face = first.and_then(|hop| legs.face(hop.listener, hop.to.ip()));
        let invitation = face.map(|face| Invitation {
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

    /// No index may outlive what it points to.
    #[cfg(test)]
    pub(crate) fn assert_indices_empty(&self) {
        assert!(self.ua.legs.has_no_tags(), "tags without legs");
        assert!(self.ua.stack.has_no_keys(), "keys without transactions");
        let bindings = self.registrar.len();
        assert!(
            self.ua.stack.timers.len() <= 2 * bindings,
            "timers without owners"
        );
    }
}
