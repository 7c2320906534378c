//! Checks of what touches the network: listeners, trunks, RTP, console.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{Check, DAY, MICROSECOND, MINUTE, SECOND};
use crate::raw::{RawConsole, RawListener, RawMedia, RawPhone, RawSeed, RawSip, RawTrunk};
use crate::read::{Field, Key, Said};
use crate::settings::{Console, Listener, Media, Phone, Sip, Srtp, Trunk};
use crate::values;

/// Most source addresses of one trunk.
const TRUNK_PEERS_MAX: usize = 64;
/// Ports of one call: RTP and RTCP of two legs.
const PORTS_PER_LINE: usize = 4;

const SRTP: [(&str, Srtp); 3] = [
    ("off", Srtp::Off),
    ("optional", Srtp::Optional),
    ("mandatory", Srtp::Mandatory),
];

impl Check {
    pub(super) fn sip(&mut self, raw: &RawSip, listeners: &Field<Vec<RawListener>>, root: &Key) -> Sip {
        let realm = Self::text(&raw.realm, "hotline");
        if let Some(said) = raw.realm.get()
            && (realm.is_empty()
                || realm
                    .chars()
                    .any(|c| c == '"' || c == '\\' || c == ':' || !(' '..='~').contains(&c)))
        {
            self.tell(
                &said.key,
                "not fit for a digest challenge",
                "use printable ASCII without `\"`, `\\` and `:`",
            );
        }
        let (shortest, longest) = (10 * SECOND, DAY);
        let expires_min = self.duration(&raw.expires_min, MINUTE, shortest..=longest);
        let expires_max = self.duration(&raw.expires_max, 60 * MINUTE, shortest..=longest);
        if expires_min > expires_max {
            let key = raw
                .expires_max
                .get()
                .or_else(|| raw.expires_min.get())
                .map_or(&raw.key, |said| &said.key);
            self.tell(
                key,
                "`expires_max` is below `expires_min`",
                "raise `expires_max` or lower `expires_min`",
            );
        }
        self.unique(listeners.items().iter().map(|listener| listener.slug.get()));
        let checked = listeners
            .items()
            .iter()
            .filter_map(|listener| self.listener(listener))
            .collect();
        if !matches!(listeners, Field::Bad) {
            self.roles(listeners.items(), root);
        }
        self.ports_taken_twice(listeners.items());
        Sip {
            realm,
            expires_min,
            expires_max,
            connections: self.connections(raw),
            listeners: checked,
        }
    }

    /// Phones need a listener; several serve several networks, transports or families of addresses.
    fn roles(&mut self, listeners: &[RawListener], root: &Key) {
        let may_be_phones = listeners.iter().any(|listener| {
            matches!(listener.role, Field::Bad)
                || matches!(listener.role.get(), Some(role) if role.value == "phones")
        });
        if !may_be_phones {
            let hint = "add a `[[listener]]` with `role = \"phones\"` and `bind = \"127.0.0.1:5060\"`";
            self.tell(
                &root.below("listener"),
                "no listener has the role \"phones\"",
                hint,
            );
        }
    }

    fn ports_taken_twice(&mut self, listeners: &[RawListener]) {
        let mut seen: BTreeMap<SocketAddr, &Key> = BTreeMap::new();
        for said in listeners.iter().filter_map(|listener| listener.bind.get()) {
            let Ok(address) = said.value.parse::<SocketAddr>() else {
                continue;
            };
            if address.port() == 0 {
                continue;
            }
            if let Some(first) = seen.insert(address, &said.key) {
                let what = format!("{address} is bound by {} already", first.place);
                self.tell(
                    &said.key,
                    what,
                    "give each listener an address or port of its own",
                );
            }
        }
    }

    pub(super) fn address(&mut self, said: &Said<String>) -> Option<SocketAddr> {
        let parsed = said.value.parse().ok();
        if parsed.is_none() {
            let what = format!("{:?} is not an address with a port", said.value);
            self.tell(
                &said.key,
                what,
                "write for instance \"127.0.0.1:5060\" or \"[::1]:5060\"; names are not looked up",
            );
        }
        parsed
    }

    pub(super) fn ip(&mut self, said: &Said<String>) -> Option<IpAddr> {
        let parsed = said.value.parse().ok();
        if parsed.is_none() {
            let what = format!("{:?} is not an address", said.value);
            self.tell(
                &said.key,
                what,
                "write for instance \"127.0.0.1\" or \"::1\", without a port",
            );
        }
        parsed
    }

    /// An address that peers are told: never a wildcard.
    pub(super) fn told_address(&mut self, key: &Key, ip: IpAddr) {
        if ip.is_unspecified() {
            self.tell(
                key,
                "peers cannot send to a wildcard address",
                "name the address at which peers reach this machine",
            );
        }
    }

    pub(super) fn trunks(
        &mut self,
        raw: &[RawTrunk],
        listeners: &[Listener],
        said_listeners: &[RawListener],
    ) -> Vec<Trunk> {
        self.unique(raw.iter().map(|trunk| trunk.slug.get()));
        let names: Vec<&str> = said_listeners
            .iter()
            .filter(|listener| !matches!(listener.role.get(), Some(role) if role.value == "phones"))
            .filter_map(|listener| listener.slug.get().map(|said| said.value.as_str()))
            .collect();
        let mut seen: BTreeMap<(String, SocketAddr), Key> = BTreeMap::new();
        raw.iter()
            .filter_map(|trunk| self.trunk(trunk, listeners, &names, &mut seen))
            .collect()
    }

    fn trunk(
        &mut self,
        raw: &RawTrunk,
        listeners: &[Listener],
        names: &[&str],
        seen: &mut BTreeMap<(String, SocketAddr), Key>,
    ) -> Option<Trunk> {
        let slug = self
            .required(&raw.slug, &raw.key, "slug", "\"carrier\"")
            .and_then(|said| self.slug(said));
        let listener = self.required(&raw.listener, &raw.key, "listener", "\"trunk\"");
        if let Some(said) = listener {
            self.refer(said, "trunk listener", names);
        }
        let reached = !raw.gateways.items().is_empty();
        let peers = match reached {
            true => raw.peers.get(),
            false => self.required(&raw.peers, &raw.key, "peers", "[\"192.0.2.10\"]"),
        };
        if let Some(peers) = peers
            && !(usize::from(!reached)..=TRUNK_PEERS_MAX).contains(&peers.len())
        {
            let key = raw.key.below("peers");
            self.tell(
                &key,
                format!("{} peers", peers.len()),
                format!("name 1 to {TRUNK_PEERS_MAX} source addresses"),
            );
        }
        let mut addresses = Vec::new();
        for said in peers.into_iter().flatten() {
            let Some(address) = values::peer(&said.value).filter(|address| !address.ip().is_unspecified())
            else {
                let what = format!("{:?} is not a source address", said.value);
                let hint = "write \"192.0.2.10\" for any port or \"192.0.2.10:5060\" for one; names are not looked up";
                self.tell(&said.key, what, hint);
                continue;
            };
            let name = listener.map(|said| said.value.clone()).unwrap_or_default();
            if let Some(first) = seen.insert((name, address), said.key.clone()) {
                let what = format!("{:?} is a peer already at {}", said.value, first.place);
                self.tell(
                    &said.key,
                    what,
                    "a source address belongs to one trunk of a listener: remove one",
                );
            }
            addresses.push(address);
        }
        let rules = self.trunk_rules(raw);
        let face = self.trunk_face(raw);
        let listener = listener?;
        let listener = listeners.iter().position(|known| known.slug == listener.value)?;
        self.trunk_transport(raw, &rules, &listeners[listener]);
        Some(Trunk {
            slug: slug?,
            listener,
            peers: addresses,
            srtp: self.word_or(&raw.srtp, &SRTP, Srtp::Off),
            face: face.map(|face| face.over(&listeners[listener])),
            rules,
        })
    }

    pub(super) fn phones(&mut self, raw: &[RawPhone], seed: Option<&RawSeed>, default: Srtp) -> Vec<Phone> {
        self.unique(raw.iter().map(|phone| phone.slug.get()));
        let agents: Vec<&str> = seed
            .iter()
            .flat_map(|seed| seed.agent.items())
            .filter_map(|agent| agent.slug.get().map(|said| said.value.as_str()))
            .collect();
        raw.iter()
            .filter_map(|phone| {
                let srtp = self.word_or(&phone.srtp, &SRTP, default);
                let slug = self.required(&phone.slug, &phone.key, "slug", "\"1001\"")?;
                self.refer(slug, "agent", &agents);
                let agent = self.slug(slug)?;
                Some(Phone { agent, srtp })
            })
            .collect()
    }

    pub(super) fn media(&mut self, raw: &RawMedia, lines: usize) -> Media {
        let mut rtp_ports = 20_000..=29_999;
        if let Some(said) = raw.rtp_ports.get() {
            match values::ports(&said.value) {
                Some(ports) if *ports.start() >= 1_024 => rtp_ports = ports,
                _ => {
                    let what = format!("{:?} is not a range of ports", said.value);
                    self.tell(
                        &said.key,
                        what,
                        "write \"20000-29999\": first and last, from 1024 on",
                    );
                }
            }
            let needed = lines.saturating_mul(PORTS_PER_LINE);
            if rtp_ports.len() < needed {
                let what = format!("{} ports are too few for {lines} lines", rtp_ports.len());
                self.tell(
                    &said.key,
                    what,
                    format!(
                        "name at least {needed} ports ({PORTS_PER_LINE} per line), or lower `hotline.lines`"
                    ),
                );
            }
        }
        let threads = raw.threads.get().map(|_| self.integer(&raw.threads, 1, 1..=64));
        Media {
            rtp_ports,
            threads: threads.and_then(|threads| usize::try_from(threads).ok()),
            coalesce: self.duration(
                &raw.coalesce,
                Duration::ZERO,
                Duration::ZERO..=1_000 * MICROSECOND,
            ),
            silence: self.duration(&raw.silence, 30 * SECOND, 5 * SECOND..=10 * MINUTE),
            probe_wait: self.duration(&raw.probe_wait, 8 * SECOND, SECOND..=32 * SECOND),
            srtp: self.word_or(&raw.srtp, &SRTP, Srtp::Off),
        }
    }

    pub(super) fn console(&mut self, raw: &RawConsole) -> Console {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 8_080));
        let bind = raw
            .bind
            .get()
            .and_then(|said| self.address(said))
            .unwrap_or(loopback);
        let proxies: Vec<IpAddr> = raw
            .trusted_proxies
            .items()
            .iter()
            .filter_map(|said| self.ip(said))
            .collect();
        if let Some(said) = raw.bind.get()
            && !bind.ip().is_loopback()
            && raw.trusted_proxies.items().is_empty()
            && !matches!(raw.trusted_proxies, Field::Bad)
        {
            self.tell(
                &said.key,
                format!("{bind} is not loopback: passwords and recordings would cross the network in clear"),
                "bind to 127.0.0.1, or put an HTTPS proxy in front and name it in `trusted_proxies`",
            );
        }
        Console {
            bind,
            trusted_proxies: proxies,
        }
    }
}
