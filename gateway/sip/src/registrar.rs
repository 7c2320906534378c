//! Bindings: which phones an agent is reached at, for how long, and whether they still answer (RFC 3261 §10.3).

use std::collections::BTreeMap;
use std::time::Duration;

use hotline_types::{AgentSlug, Time};

use crate::timer::{TimerKey, Timers};
use crate::transaction::Hop;
use crate::{ConnId, Transport, Unusable};

/// Most bindings of one agent; one more takes the place of the binding that was refreshed longest ago.
pub(crate) const BINDINGS_MAX: usize = 5;
/// Longest Contact URI that is kept.
const CONTACT_BYTES_MAX: usize = 512;
/// How long one keep-alive OPTIONS may go unanswered. Two of them and the pause before stay below 60 s.
const PING_WAIT: Duration = Duration::from_secs(16);
/// Unanswered keep-alives in a row that make a binding unreachable.
const PINGS_MISSED_MAX: u8 = 2;

/// A binding, numbered by the registrar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BindingId(pub(crate) u64);

/// One phone of an agent.
#[derive(Debug)]
struct Binding {
    agent: AgentSlug,
    uri: String,
    instance: Option<String>,
    reg_id: Option<u32>,
    call_id: String,
    cseq: u32,
    refreshed_at: Time,
    expires_at: Time,
    hop: Hop,
    /// Keep-alives unanswered in a row; one being waited for counts from the moment its wait is over.
    missed: u8,
    /// A keep-alive is out and not answered.
    waiting: bool,
}

impl Binding {
    fn is_reachable(&self) -> bool {
        self.missed < PINGS_MISSED_MAX
    }

    /// Why calls cannot go to it although it is reachable.
    fn unusable(&self) -> Option<Unusable> {
        matches!(self.hop.transport, Transport::Ws | Transport::Wss).then_some(Unusable::BrowserMedia)
    }

    /// Another flow of the same phone (RFC 5626 §4.2), of which only one is to be called.
    fn is_sibling(&self, other: &Self) -> bool {
        self.reg_id.is_some() && other.reg_id.is_some() && self.instance == other.instance
    }
}

/// A contact that a REGISTER names.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) uri: String,
    pub(crate) instance: Option<String>,
    /// Which of the phone's flows it is (RFC 5626 §4.2); counts only together with the instance.
    pub(crate) reg_id: Option<u32>,
    /// Seconds asked for; 0 removes.
    pub(crate) expires: u32,
}

/// What a REGISTER wants.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    /// Only to be told the bindings.
    Query,
    /// `Contact: *` with `Expires: 0`.
    RemoveAll,
    /// Add, refresh or remove these.
    Contacts(Vec<Asked>),
}

/// A REGISTER of an authenticated agent.
#[derive(Clone, Debug)]
pub(crate) struct Registration<'a> {
    pub(crate) agent: &'a AgentSlug,
    pub(crate) call_id: &'a str,
    pub(crate) cseq: u32,
    pub(crate) hop: Hop,
    pub(crate) wish: Wish,
}

/// A change of an agent's device axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Registered(AgentSlug),
    Unusable(AgentSlug, Unusable),
    Unregistered(AgentSlug),
}

/// What an agent's bindings come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// No phone, or none that answers.
    Gone,
    /// Only phones that cannot be called.
    Unusable(Unusable),
    /// At least one phone that can.
    Callable,
}

/// All bindings.
#[derive(Debug)]
pub(crate) struct Registrar {
    bindings: BTreeMap<BindingId, Binding>,
    /// At most [`BINDINGS_MAX`] per agent, and agents are configured, so the table is bounded.
    by_agent: BTreeMap<AgentSlug, Vec<BindingId>>,
    next: u64,
    expires_min: Duration,
    expires_max: Duration,
    keepalive: Option<Duration>,
}

impl Registrar {
    pub(crate) fn new(expires_min: Duration, expires_max: Duration, keepalive: Option<Duration>) -> Self {
        let (bindings, by_agent) = (BTreeMap::new(), BTreeMap::new());
        Self {
            bindings,
            by_agent,
            next: 0,
            expires_min,
            expires_max,
            keepalive,
        }
    }

    #[cfg(test)]
    pub(crate) fn set_keepalive(&mut self, pause: Option<Duration>) {
        self.keepalive = pause;
    }

    /// Shortest expiry granted, in seconds, for Min-Expires.
    pub(crate) fn expires_min_s(&self) -> u64 {
        self.expires_min.as_secs()
    }

    fn reach(&self, agent: &AgentSlug) -> Reach {
        let mut reach = Reach::Gone;
        for (_, binding) in self.of(agent).filter(|(_, binding)| binding.is_reachable()) {
            match binding.unusable() {
                None => return Reach::Callable,
                Some(why) => reach = Reach::Unusable(why),
            }
        }
        reach
    }

    fn of(&self, agent: &AgentSlug) -> impl Iterator<Item = (BindingId, &Binding)> {
        let ids = self.by_agent.get(agent).map_or(&[][..], Vec::as_slice);
        ids.iter()
            .filter_map(|id| self.bindings.get(id).map(|binding| (*id, binding)))
    }

    /// Whether a binding that answers is reached at this address, of this agent or of any.
    pub(crate) fn is_live_at(&self, source: std::net::IpAddr, agent: Option<&str>) -> bool {
        self.bindings.values().any(|binding| {
            binding.is_reachable()
                && binding.hop.to.ip().to_canonical() == source.to_canonical()
                && agent.is_none_or(|agent| binding.agent.as_str() == agent)
        })
    }

    fn callable(&self, agent: &AgentSlug) -> impl Iterator<Item = (BindingId, &Binding)> {
        let callable = |binding: &Binding| binding.is_reachable() && binding.unusable().is_none();
        self.of(agent).filter(move |(_, binding)| callable(binding))
    }

    /// Where calls for the agent go: URI and hop of every binding that answers and can be called; of the flows of one
    /// phone only the one that was refreshed last (RFC 5626 §5.1).
    pub(crate) fn targets(&self, agent: &AgentSlug) -> impl Iterator<Item = (&str, Hop)> {
        let age = |(id, binding): (BindingId, &Binding)| (binding.refreshed_at, id);
        self.callable(agent)
            .filter(move |one| {
                let mut others = self.callable(agent);
                !others.any(|other| other.1.is_sibling(one.1) && age(other) > age(*one))
            })
            .map(|(_, binding)| (binding.uri.as_str(), binding.hop))
    }

    /// The way to the phone that registered last, of those that can be called.
    pub(crate) fn newest(&self, agent: &AgentSlug) -> Option<Hop> {
        let newest = self
            .callable(agent)
            .max_by_key(|(id, binding)| (binding.refreshed_at, *id))?;
        Some(newest.1.hop)
    }

    /// URIs of the agent's bindings with the seconds left, for the 200 of a REGISTER.
    pub(crate) fn listing(&self, agent: &AgentSlug, now: Time) -> Vec<(&str, u64)> {
        self.of(agent)
            .map(|(_, binding)| (binding.uri.as_str(), binding.expires_at.since(now).as_secs()))
            .collect()
    }

    /// Carries out a REGISTER as a whole or not at all (§10.3 step 7). The error is the status to answer.
    pub(crate) fn register(
        &mut self,
        timers: &mut Timers,
        now: Time,
        registration: &Registration<'_>,
    ) -> Result<Option<Change>, u16> {
        let agent = registration.agent;
        let was = self.reach(agent);
        match &registration.wish {
            Wish::Query => {}
            Wish::RemoveAll => {
                if self.of(agent).any(|(_, known)| is_stale(known, registration)) {
                    return Err(500);
                }
                self.remove_all(timers, agent);
            }
            Wish::Contacts(contacts) => {
                for asked in contacts {
                    self.check(asked, registration)?;
                }
                for asked in contacts {
                    self.apply(timers, now, asked, registration);
                }
            }
        }
        Ok(self.change(agent, was))
    }

    fn change(&self, agent: &AgentSlug, was: Reach) -> Option<Change> {
        let is = self.reach(agent);
        (is != was).then(|| match is {
            Reach::Callable => Change::Registered(agent.clone()),
            Reach::Unusable(why) => Change::Unusable(agent.clone(), why),
            Reach::Gone => Change::Unregistered(agent.clone()),
        })
    }

    fn check(&self, asked: &Asked, registration: &Registration<'_>) -> Result<(), u16> {
        if asked.uri.len() > CONTACT_BYTES_MAX {
            return Err(400);
        }
        if asked.expires > 0 && Duration::from_secs(asked.expires.into()) < self.expires_min {
            return Err(423);
        }
        let known = self
            .find(asked, registration.agent)
            .and_then(|id| self.bindings.get(&id));
        if known.is_some_and(|known| is_stale(known, registration)) {
            Err(500)
        } else {
            Ok(())
        }
    }

    fn find(&self, asked: &Asked, agent: &AgentSlug) -> Option<BindingId> {
        self.of(agent)
            .find(|(_, known)| {
                let same_phone = known.instance.is_some() && known.instance == asked.instance;
                match (same_phone, known.reg_id, asked.reg_id) {
                    // Two flows of one phone are two bindings, whatever their Contact (RFC 5626 §6).
                    (true, Some(one), Some(other)) => one == other,
                    (same_phone, ..) => same_phone || known.uri == asked.uri,
                }
            })
            .map(|(id, _)| id)
    }

    fn apply(&mut self, timers: &mut Timers, now: Time, asked: &Asked, registration: &Registration<'_>) {
        let found = self.find(asked, registration.agent);
        if asked.expires == 0 {
            if let Some(id) = found {
                self.remove(timers, id);
            }
            return;
        }
        let expires = Duration::from_secs(asked.expires.into()).min(self.expires_max);
        let id = found.unwrap_or_else(|| {
            self.make_room(timers, registration.agent);
            let id = BindingId(self.next);
            self.next += 1;
            self.by_agent
                .entry(registration.agent.clone())
                .or_default()
                .push(id);
            id
        });
        let binding = Binding {
            agent: registration.agent.clone(),
            uri: asked.uri.clone(),
            instance: asked.instance.clone(),
            reg_id: asked.reg_id.filter(|_| asked.instance.is_some()),
            call_id: registration.call_id.to_owned(),
            cseq: registration.cseq,
            refreshed_at: now,
            expires_at: now + expires,
            hop: registration.hop,
            missed: 0,
            waiting: false,
        };
        self.bindings.insert(id, binding);
        timers.set(TimerKey::BindingExpiry(id), now + expires);
        if let Some(pause) = self.keepalive {
            timers.set(TimerKey::BindingPing(id), now + pause);
        }
    }

    fn make_room(&mut self, timers: &mut Timers, agent: &AgentSlug) {
        if self.of(agent).count() >= BINDINGS_MAX
            && let Some(oldest) = self
                .of(agent)
                .min_by_key(|(_, known)| known.refreshed_at)
                .map(|(id, _)| id)
        {
            self.remove(timers, oldest);
        }
    }

    fn remove(&mut self, timers: &mut Timers, id: BindingId) {
        timers.cancel(TimerKey::BindingExpiry(id));
        timers.cancel(TimerKey::BindingPing(id));
        let Some(binding) = self.bindings.remove(&id) else {
            return;
        };
        if let Some(ids) = self.by_agent.get_mut(&binding.agent) {
            ids.retain(|known| *known != id);
            if ids.is_empty() {
                self.by_agent.remove(&binding.agent);
            }
        }
    }

    /// Drops every binding of an agent; answers whether the agent was registered.
    pub(crate) fn remove_all(&mut self, timers: &mut Timers, agent: &AgentSlug) -> Option<Change> {
        let was = self.reach(agent);
        for id in self.by_agent.get(agent).cloned().unwrap_or_default() {
            self.remove(timers, id);
        }
        self.change(agent, was)
    }

    /// The expiry of a binding has come.
    pub(crate) fn expired(&mut self, timers: &mut Timers, id: BindingId) -> Option<Change> {
        let agent = self.bindings.get(&id)?.agent.clone();
        let was = self.reach(&agent);
        self.remove(timers, id);
        self.change(&agent, was)
    }

    /// A connection closed: bindings that are only reached over it are gone.
    pub(crate) fn closed(&mut self, timers: &mut Timers, conn: ConnId) -> Vec<Change> {
        let gone: Vec<BindingId> = self
            .bindings
            .iter()
            .filter(|(_, binding)| binding.hop.conn == Some(conn))
            .map(|(id, _)| *id)
            .collect();
        gone.into_iter()
            .filter_map(|id| self.expired(timers, id))
            .collect()
    }

    /// The keep-alive timer of a binding: answers URI and hop where an OPTIONS is to be sent, and what changed.
    ///
    /// A pause, an OPTIONS, [`PING_WAIT`], another one, the wait again: then the binding is unreachable, and is
    /// asked once per pause until it answers, registers again or expires.
    pub(crate) fn ping_due(
        &mut self,
        timers: &mut Timers,
        now: Time,
        id: BindingId,
    ) -> (Option<(String, Hop)>, Option<Change>) {
        let Some(pause) = self.keepalive else {
            return (None, None);
        };
        let Some(agent) = self.bindings.get(&id).map(|binding| binding.agent.clone()) else {
            return (None, None);
        };
        let was = self.reach(&agent);
        let Some(binding) = self.bindings.get_mut(&id) else {
            return (None, None);
        };
        if binding.waiting {
            binding.missed = binding.missed.saturating_add(1);
        }
        let send = !(binding.waiting && binding.missed >= PINGS_MISSED_MAX);
        binding.waiting = send;
        timers.set(
            TimerKey::BindingPing(id),
            now + if send { PING_WAIT } else { pause },
        );
        let target = send.then(|| (binding.uri.clone(), binding.hop));
        (target, self.change(&agent, was))
    }

    /// A keep-alive was answered.
    pub(crate) fn ping_answered(&mut self, timers: &mut Timers, now: Time, id: BindingId) -> Option<Change> {
        let agent = self.bindings.get(&id)?.agent.clone();
        let was = self.reach(&agent);
        let binding = self.bindings.get_mut(&id)?;
        binding.missed = 0;
        binding.waiting = false;
        if let Some(pause) = self.keepalive {
            timers.set(TimerKey::BindingPing(id), now + pause);
        }
        self.change(&agent, was)
    }

    /// How many bindings there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.bindings.len()
    }
}

#[cfg(test)]
mod tests;

/// The same phone may not overtake itself: equal Call-ID and no higher CSeq (§10.3 steps 6 and 7).
fn is_stale(known: &Binding, registration: &Registration<'_>) -> bool {
    known.call_id == registration.call_id && registration.cseq <= known.cseq
}
