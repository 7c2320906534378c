//! Checks of one listener: what it speaks, its certificate, and the addresses that it shows to whom.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use hotline_types::Network;

use super::{Check, HOUR, SECOND};
use crate::raw::{RawListener, RawSip, RawTrunk};
use crate::read::{Field, Said};
use crate::settings::{Connections, Face, Listener, ListenerKind, Role};

const ROLES: [(&str, Role); 2] = [("phones", Role::Phones), ("trunk", Role::Trunk)];
const KINDS: [(&str, Kind); 5] = [
    ("udp", Kind::Udp),
    ("tcp", Kind::Tcp),
    ("tls", Kind::Tls),
    ("ws", Kind::Ws),
    ("wss", Kind::Wss),
];
/// Most local networks of a listener, and origins of a WebSocket.
const LIST_MAX: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Udp,
    Tcp,
    Tls,
    Ws,
    Wss,
}

/// The addresses that a trunk has of its own.
#[derive(Default)]
pub(super) struct OwnFace {
    advertised: Option<SocketAddr>,
    interface: Option<IpAddr>,
    media: Option<IpAddr>,
}

impl OwnFace {
    /// What is not said is the listener's.
    pub(super) fn over(self, listener: &Listener) -> Face {
        let media_interface = self.interface.unwrap_or(listener.media_interface);
        let moved = self.interface.or_else(|| self.advertised.map(|told| told.ip()));
        Face {
            advertised: self.advertised.or(listener.advertised),
            media_interface,
            media_advertised: self.media.or(moved).unwrap_or(listener.media_advertised),
        }
    }
}

impl Check {
    pub(super) fn listener(&mut self, raw: &RawListener) -> Option<Listener> {
        let slug = self.required(&raw.slug, &raw.key, "slug", "\"phones\"");
        let slug = slug.filter(|said| self.slug::<hotline_types::TrunkSlug>(said).is_some());
        let role = self
            .required(&raw.role, &raw.key, "role", "\"phones\"")
            .and_then(|said| self.word(said, &ROLES));
        let bind = self
            .required(&raw.bind, &raw.key, "bind", "\"127.0.0.1:5060\"")
            .and_then(|said| self.address(said));
        let advertised = self.told(&raw.advertised);
        let interface = raw.media_interface.get().and_then(|said| self.ip(said));
        let media_advertised = self.told_ip(&raw.media_advertised);
        if let (Some(said), Some(bind)) = (raw.bind.get(), bind)
            && bind.ip().is_unspecified()
            && matches!(raw.advertised, Field::Absent)
        {
            let hint = "add `advertised = \"ADDRESS:PORT\"`, the address at which peers reach this machine";
            self.tell(
                &said.key,
                format!("{bind} is a wildcard, and no address to tell to peers is given"),
                hint,
            );
        }
        let kind = self.kind(raw, role);
        let local_networks = self.local_networks(raw, bind, interface);
        let media_interface = interface.or(bind.map(|bind| bind.ip()))?;
        let fallback = advertised.map_or(media_interface, |address| address.ip());
        let media_advertised = media_advertised.unwrap_or(fallback);
        if media_interface.is_ipv4() != media_advertised.is_ipv4() {
            self.tell(
                &raw.key,
                format!("RTP is bound to {media_interface}, but peers are told {media_advertised}"),
                "give `media_interface` and `media_advertised` addresses of one family",
            );
        }
        Some(Listener {
            slug: slug?.value.clone(),
            role: role?,
            bind: bind?,
            advertised,
            kind: kind?,
            media_interface,
            media_advertised,
            local_networks,
        })
    }

    /// An address with a port that peers are told.
    fn told(&mut self, field: &Field<Said<String>>) -> Option<SocketAddr> {
        let said = field.get()?;
        let address = self.address(said)?;
        self.told_address(&said.key, address.ip());
        Some(address)
    }

    fn told_ip(&mut self, field: &Field<Said<String>>) -> Option<IpAddr> {
        let said = field.get()?;
        let ip = self.ip(said)?;
        self.told_address(&said.key, ip);
        Some(ip)
    }

    fn kind(&mut self, raw: &RawListener, role: Option<Role>) -> Option<ListenerKind> {
        let said = match &raw.kind {
            Field::Bad => return None,
            Field::Absent => None,
            Field::Is(said) => Some(self.word(said, &KINDS)?),
        };
        self.unused_keys(raw, said);
        let kind = match said {
            None => {
                let (udp, tcp) = (Self::flag(&raw.udp, true), Self::flag(&raw.tcp, true));
                if !udp && !tcp {
                    self.tell(
                        &raw.key,
                        "neither UDP nor TCP is heard",
                        "set `udp` or `tcp` to true, or remove the listener",
                    );
                }
                ListenerKind::Plain { udp, tcp }
            }
            Some(Kind::Udp) => ListenerKind::Plain {
                udp: true,
                tcp: false,
            },
            Some(Kind::Tcp) => ListenerKind::Plain {
                udp: false,
                tcp: true,
            },
            Some(Kind::Tls) => {
                let (certificate, private_key) = self.identity(raw)?;
                ListenerKind::Tls {
                    certificate,
                    private_key,
                    trusted: self.path(&raw.trusted),
                    peer_name: raw.peer_name.get().map(|said| said.value.clone()),
                }
            }
            Some(Kind::Ws) => ListenerKind::Ws {
                origins: self.origins(raw),
            },
            Some(Kind::Wss) => {
                let (certificate, private_key) = self.identity(raw)?;
                ListenerKind::Wss {
                    certificate,
                    private_key,
                    origins: self.origins(raw),
                }
            }
        };
        let browser = matches!(kind, ListenerKind::Ws { .. } | ListenerKind::Wss { .. });
        if let (true, Some(said), Some(Role::Trunk)) = (browser, raw.kind.get(), role) {
            self.tell(
                &said.key,
                "a trunk does not come over WebSocket",
                "use \"udp\", \"tcp\" or \"tls\" for trunks",
            );
        }
        Some(kind)
    }

    /// A key that the kind has no use for is a mistake about the kind.
    fn unused_keys(&mut self, raw: &RawListener, kind: Option<Kind>) {
        let secure = matches!(kind, Some(Kind::Tls | Kind::Wss));
        let browser = matches!(kind, Some(Kind::Ws | Kind::Wss));
        let tls = kind == Some(Kind::Tls);
        let said = |field: &Field<Said<String>>| field.get().map(|said| said.key.clone());
        let flag = |field: &Field<Said<bool>>| field.get().map(|said| said.key.clone());
        let unused = [
            (flag(&raw.udp), kind.is_none(), "leave `kind` out, or this key"),
            (flag(&raw.tcp), kind.is_none(), "leave `kind` out, or this key"),
            (
                said(&raw.certificate),
                secure,
                "it belongs to `kind = \"tls\"` or \"wss\"",
            ),
            (
                said(&raw.private_key),
                secure,
                "it belongs to `kind = \"tls\"` or \"wss\"",
            ),
            (said(&raw.trusted), tls, "it belongs to `kind = \"tls\"`"),
            (said(&raw.peer_name), tls, "it belongs to `kind = \"tls\"`"),
            (
                raw.origins.items().first().map(|said| said.key.clone()),
                browser,
                "it belongs to `kind = \"ws\"` or \"wss\"",
            ),
        ];
        for (key, used, hint) in unused {
            if let (Some(key), false) = (key, used) {
                self.tell(&key, "has no meaning for a listener of this kind", hint);
            }
        }
    }

    fn identity(&mut self, raw: &RawListener) -> Option<(PathBuf, PathBuf)> {
        let certificate = self
            .required(&raw.certificate, &raw.key, "certificate", "\"FILE.pem\"")
            .and_then(|_| self.path(&raw.certificate));
        let key = self
            .required(&raw.private_key, &raw.key, "private_key", "\"FILE.pem\"")
            .and_then(|_| self.path(&raw.private_key));
        Some((certificate?, key?))
    }

    fn origins(&mut self, raw: &RawListener) -> Vec<String> {
        let example = "[\"https://desk.example.com\"]";
        let said = self.required(&raw.origins, &raw.key, "origins", example);
        let mut origins = Vec::new();
        for said in said.into_iter().flatten().take(LIST_MAX) {
            let origin = said.value.to_ascii_lowercase();
            let host = origin
                .strip_prefix("https://")
                .or_else(|| origin.strip_prefix("http://"));
            if origin == "*" || host.is_some_and(|host| !host.is_empty() && !host.contains('/')) {
                origins.push(origin);
            } else {
                let what = format!("{:?} is not an origin", said.value);
                let hint =
                    "write scheme, host and port as the browser does, \"https://desk.example.com\", or \"*\"";
                self.tell(&said.key, what, hint);
            }
        }
        origins
    }

    fn local_networks(
        &mut self,
        raw: &RawListener,
        bind: Option<SocketAddr>,
        interface: Option<IpAddr>,
    ) -> Vec<Network> {
        let mut networks = Vec::new();
        for said in raw.local_networks.items().iter().take(LIST_MAX) {
            match said.value.parse() {
                Ok(network) => networks.push(network),
                Err(()) => {
                    let what = format!("{:?} is not a network", said.value);
                    let hint = "write for instance \"10.0.0.0/8\", \"fd00::/8\" or a single address";
                    self.tell(&said.key, what, hint);
                }
            }
        }
        let wildcard = |ip: Option<IpAddr>| ip.is_some_and(|ip| ip.is_unspecified());
        let bound = bind.map(|bind| bind.ip());
        if let Some(first) = raw.local_networks.items().first()
            && (wildcard(bound) || wildcard(interface))
        {
            self.tell(
                &first.key,
                "local peers are told the addresses that are bound, and one of them is a wildcard",
                "give `bind` and `media_interface` addresses of the local network",
            );
        }
        networks
    }

    pub(super) fn trunk_face(&mut self, raw: &RawTrunk) -> Option<OwnFace> {
        let face = OwnFace {
            advertised: self.told(&raw.advertised),
            interface: raw.media_interface.get().and_then(|said| self.ip(said)),
            media: self.told_ip(&raw.media_advertised),
        };
        let said = face.advertised.is_some() || face.interface.is_some() || face.media.is_some();
        said.then_some(face)
    }

    pub(super) fn connections(&mut self, raw: &RawSip) -> Connections {
        let size = |bytes: u32| usize::try_from(bytes).unwrap_or(usize::MAX);
        let short = SECOND..=Duration::from_secs(60);
        Connections {
            max: size(self.integer(&raw.connections, 1_000, 1..=100_000)),
            per_source_max: size(self.integer(&raw.connections_per_source, 200, 1..=100_000)),
            idle: self.duration(&raw.idle, Duration::from_secs(65 * 60), SECOND..=24 * HOUR),
            handshake_time: self.duration(&raw.handshake_time, 10 * SECOND, short.clone()),
            message_time: self.duration(&raw.message_time, 10 * SECOND, short),
            head_bytes_max: size(self.integer(&raw.head_bytes, 16 * 1024, 1_024..=32 * 1024)),
            body_bytes_max: size(self.integer(&raw.body_bytes, 32 * 1024, 1_024..=32 * 1024)),
        }
    }
}
