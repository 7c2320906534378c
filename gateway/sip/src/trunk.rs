//! Trunks: whom calls are taken from, where ours go, and whether the carrier lives.
//!
//! The table is of the configuration's size. What each trunk is doing is in machines of their own, [`registration`]
//! and [`health`]; `crate::endpoint` sends for them and tells them what came back.

mod api;
pub(crate) mod health;
pub(crate) mod registration;

use std::net::SocketAddr;

use hotline_types::{Rng, Time, TrunkSlug};

pub use api::{
    CalledIn, IdentityIn, Trunk, TrunkAccount, TrunkDial, TrunkDown, TrunkEvent, TrunkRules, TrunkState,
};

use crate::admission::is_among;
use crate::transaction::Hop;
use crate::{ListenerId, Transport};
use health::Health;
use registration::Registration;

/// Most addresses of one trunk's gateways.
pub(crate) const TARGETS_MAX: usize = 16;

/// A trunk, by its place in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TrunkId(pub(crate) u16);

/// One address of a trunk's gateways.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) at: SocketAddr,
    /// Lower goes first: the place in the configuration.
    pub(crate) priority: u16,
    /// Share among equals (RFC 2782).
    pub(crate) weight: u16,
    pub(crate) health: Health,
}

/// One trunk and what is known of it.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) config: Trunk,
    /// At most [`TARGETS_MAX`].
    pub(crate) targets: Vec<Target>,
    pub(crate) registration: Option<Registration>,
    /// What was told last: up, or why not.
    pub(crate) told: Option<Option<TrunkDown>>,
}

impl Line {
    /// Whether calls may be sent there: a gateway lives, and it knows us where it must.
    pub(crate) fn is_up(&self, now: Time) -> bool {
        self.targets.iter().any(|target| target.health.is_up()) && self.is_registered(now) != Some(false)
    }

    /// Whether it must be registered with, and is.
    pub(crate) fn is_registered(&self, now: Time) -> Option<bool> {
        self.registration
            .as_ref()
            .map(|registration| registration.is_up(now))
    }

    /// Why it is down.
    pub(crate) fn why_down(&self, now: Time) -> TrunkDown {
        match &self.registration {
            Some(registration) if !registration.is_up(now) => registration.down(),
            _ => TrunkDown::Silent,
        }
    }

    /// Where a request goes: live addresses before dead ones, by priority, and by weight among equals (RFC 2782).
    pub(crate) fn order(&self, rng: &mut Rng) -> Vec<SocketAddr> {
        let mut left: Vec<&Target> = self.targets.iter().collect();
        let mut order = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let rank = |target: &Target| (!target.health.is_up(), target.priority);
            let first = left.iter().map(|target| rank(target)).min();
            let equal = |target: &&Target| Some(rank(target)) == first;
            let total: u64 = left
                .iter()
                .copied()
                .filter(equal)
                .map(|target| u64::from(target.weight))
                .sum();
            let mut lot = rng.below(total.saturating_add(1));
            let chosen = left.iter().position(|target| {
                equal(target) && {
                    let weight = u64::from(target.weight);
                    let hit = lot <= weight;
                    lot = lot.saturating_sub(weight);
                    hit
                }
            });
            let Some(at) = chosen.or_else(|| left.iter().position(equal)) else {
                break;
            };
            order.push(left.remove(at).at);
        }
        order
    }

    /// How to reach an address of it.
    pub(crate) fn hop(&self, to: SocketAddr) -> Hop {
        Hop {
            listener: self.config.listener,
            transport: self.config.rules.transport,
            conn: None,
            to,
        }
    }

    /// Host of its URIs: the domain, or the first gateway's address.
    pub(crate) fn domain(&self) -> String {
        let rules = &self.config.rules;
        match self.targets.first() {
            _ if !rules.domain.is_empty() => rules.domain.clone(),
            Some(target) => target.at.to_string(),
            None => "invalid".to_owned(),
        }
    }
}

/// All trunks.
#[derive(Debug)]
pub(crate) struct Trunks {
    lines: Vec<Line>,
}

impl Trunks {
    pub(crate) fn new(trunks: Vec<Trunk>) -> Self {
        let lines = trunks.into_iter().map(|config| {
            let fixed = config.rules.gateways.iter().enumerate();
            let targets = fixed.map(|(place, at)| Target {
                at: *at,
                priority: u16::try_from(place).unwrap_or(u16::MAX),
                weight: 0,
                health: Health::new(),
            });
            Line {
                targets: targets.take(TARGETS_MAX).collect(),
                registration: config.rules.register.map(Registration::new),
                told: None,
                config,
            }
        });
        Self {
            lines: lines.collect(),
        }
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = TrunkId> + use<> {
        (0..u16::try_from(self.lines.len()).unwrap_or(u16::MAX)).map(TrunkId)
    }

    pub(crate) fn get(&self, id: TrunkId) -> Option<&Line> {
        self.lines.get(usize::from(id.0))
    }

    pub(crate) fn get_mut(&mut self, id: TrunkId) -> Option<&mut Line> {
        self.lines.get_mut(usize::from(id.0))
    }

    pub(crate) fn named(&self, slug: &TrunkSlug) -> Option<TrunkId> {
        self.ids()
            .find(|id| self.get(*id).is_some_and(|line| line.config.slug == *slug))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter()
    }

    /// The trunk that a source belongs to: one of its peers, or of its gateways' addresses with any port.
    pub(crate) fn of_source(
        &self,
        listener: ListenerId,
        transport: Transport,
        source: SocketAddr,
    ) -> Option<TrunkId> {
        let ip = source.ip().to_canonical();
        let its = |line: &Line| {
            line.config.listener == listener
                && (is_among(&line.config.peers, transport, source)
                    || line
                        .targets
                        .iter()
                        .any(|target| target.at.ip().to_canonical() == ip))
        };
        self.ids().find(|id| self.get(*id).is_some_and(its))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trunk::TrunkRules;

    fn line(targets: &[(u16, u16, bool)]) -> Line {
        let mut trunks = Trunks::new(vec![Trunk {
            slug: "carrier".parse().unwrap(),
            listener: ListenerId(0),
            peers: vec!["192.0.2.1:0".parse().unwrap()],
            rules: TrunkRules::default(),
        }]);
        let mut line = trunks.lines.remove(0);
        for (at, (priority, weight, up)) in targets.iter().enumerate() {
            let mut health = Health::new();
            if !up {
                health.failed();
                health.failed();
            }
            line.targets.push(Target {
                at: SocketAddr::from(([192, 0, 2, 100 + at as u8], 5_060)),
                priority: *priority,
                weight: *weight,
                health,
            });
        }
        line
    }

    #[test]
    fn live_gateways_go_first_then_priority_then_weight() {
        let line = line(&[(1, 0, true), (0, 0, false), (2, 10, true), (2, 90, true)]);
        let mut rng = Rng::from_seed(7);
        let mut heavy_first = 0;
        for _ in 0..1_000 {
            let order: Vec<u8> = line
                .order(&mut rng)
                .iter()
                .map(|at| match at.ip() {
                    std::net::IpAddr::V4(ip) => ip.octets()[3] - 100,
                    std::net::IpAddr::V6(_) => unreachable!("all are IPv4"),
                })
                .collect();
            assert_eq!((order[0], order[3]), (0, 1));
            heavy_first += u32::from(order[1] == 3);
        }
        assert!((820..960).contains(&heavy_first), "{heavy_first}");
    }

    #[test]
    fn source_is_known_by_peer_or_gateway_on_its_own_listener() {
        let mut trunks = Trunks::new(Vec::new());
        trunks.lines.push(line(&[(0, 0, true)]));
        let known = |trunks: &Trunks, listener, source: &str| {
            trunks
                .of_source(ListenerId(listener), Transport::Udp, source.parse().unwrap())
                .is_some()
        };
        assert!(known(&trunks, 0, "192.0.2.1:9999") && known(&trunks, 0, "192.0.2.100:9999"));
        assert!(!known(&trunks, 1, "192.0.2.1:9999") && !known(&trunks, 0, "192.0.2.2:5060"));
    }
}
