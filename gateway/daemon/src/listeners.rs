//! The listeners of the configuration as the transports, the endpoint and the switch know them.

use std::net::SocketAddr;
use std::path::Path;

use hotline_config::{Listener, ListenerKind, Settings};
use hotline_io::sip::{BoundSip, Identity, ListenerConfig, Origins, SipShell, TcpLimits, TlsClient};
use hotline_sip::frame::FrameLimits;
use hotline_sip::{Role, Shown};
use hotline_switch::{MediaFace, MediaFaces};
use hotline_types::Network;

use crate::parts::{admission, listener_id, role};

/// Binds every socket of every listener, with their certificates, or none.
///
/// # Errors
/// Which address, certificate or key cannot be had, and what to do about it.
pub fn bind(settings: &Settings) -> anyhow::Result<BoundSip> {
    let listeners = settings.sip.listeners.iter().enumerate().map(|(at, listener)| {
        let role = role(listener.role);
        Ok(ListenerConfig {
            id: listener_id(at),
            role,
            bind: listener.bind,
            kind: kind(listener, role)?,
            admission: admission(settings, at),
            limits: limits(settings),
        })
    });
    Ok(SipShell::bind(listeners.collect::<anyhow::Result<_>>()?)?)
}

/// Reads every certificate and key that the listeners name, as the start would.
///
/// # Errors
/// Which file cannot be used, and why.
pub fn check(settings: &Settings) -> anyhow::Result<()> {
    for listener in &settings.sip.listeners {
        kind(listener, role(listener.role))?;
    }
    Ok(())
}

fn kind(listener: &Listener, role: Role) -> anyhow::Result<hotline_io::sip::ListenerKind> {
    use hotline_io::sip::ListenerKind as Kind;
    Ok(match &listener.kind {
        ListenerKind::Plain { udp, tcp } => Kind::Plain { udp: *udp, tcp: *tcp },
        ListenerKind::Tls {
            certificate,
            private_key,
            trusted,
            peer_name,
        } => Kind::Tls {
            identity: Identity::load(certificate, private_key)?,
            client: match role {
                Role::Trunk => Some(TlsClient::new(
                    trusted.as_deref().map(Path::new),
                    peer_name.as_deref(),
                )?),
                Role::Phones => None,
            },
        },
        ListenerKind::Ws { origins } => Kind::Ws {
            origins: allowed(origins),
        },
        ListenerKind::Wss {
            certificate,
            private_key,
            origins,
        } => Kind::Wss {
            identity: Identity::load(certificate, private_key)?,
            origins: allowed(origins),
        },
    })
}

fn allowed(origins: &[String]) -> Origins {
    if origins.iter().any(|origin| origin == "*") {
        Origins::Any
    } else {
        Origins::These(origins.into())
    }
}

fn limits(settings: &Settings) -> TcpLimits {
    let set = &settings.sip.connections;
    TcpLimits {
        connections_max: set.max,
        per_source_max: set.per_source_max,
        idle: set.idle,
        handshake_time: set.handshake_time,
        message_time: set.message_time,
        frame: FrameLimits {
            head_bytes: set.head_bytes_max,
            body_bytes: set.body_bytes_max,
        },
        ..TcpLimits::default()
    }
}

/// The addresses that peers of certain networks are told in Via and Contact: trunks before local networks.
#[must_use]
pub fn shown(settings: &Settings, at: usize, bound: SocketAddr) -> Vec<Shown> {
    let listener = &settings.sip.listeners[at];
    let trunks = settings
        .trunks
        .iter()
        .filter(|trunk| trunk.listener == at)
        .flat_map(|trunk| {
            let face = trunk.face.as_ref();
            face.into_iter()
                .flat_map(|face| trunk.sources().map(move |source| (source.ip(), face)))
        })
        .map(|(peer, face)| Shown {
            network: Network::of(peer),
            address: face.advertised.unwrap_or(bound),
        });
    let local = listener.local_networks.iter().map(|network| Shown {
        network: *network,
        address: bound,
    });
    trunks.chain(local).collect()
}

/// The media addresses of a listener's legs, in the same order of networks as [`shown`].
#[must_use]
pub fn media(settings: &Settings, at: usize) -> MediaFaces {
    let listener = &settings.sip.listeners[at];
    let trunks = settings.trunks.iter().filter(|trunk| trunk.listener == at);
    let of_trunks = trunks.flat_map(|trunk| {
        let face = trunk.face.map(|face| MediaFace {
            interface: face.media_interface,
            advertised: face.media_advertised,
        });
        let peers = face.map(|face| {
            trunk
                .sources()
                .map(move |source| (Network::of(source.ip()), face))
        });
        peers.into_iter().flatten()
    });
    let near = MediaFace {
        interface: listener.media_interface,
        advertised: listener.media_interface,
    };
    let local = listener.local_networks.iter().map(|network| (*network, near));
    MediaFaces {
        by_network: of_trunks.chain(local).collect(),
        others: MediaFace {
            interface: listener.media_interface,
            advertised: listener.media_advertised,
        },
    }
}

/// The first listener with the same media addresses: one number for all that share them.
#[must_use]
pub fn media_group(settings: &Settings, at: usize) -> u16 {
    let own = media(settings, at);
    let first = (0..at).find(|other| media(settings, *other) == own).unwrap_or(at);
    listener_id(first).0
}
