//! Binding the sockets, all or none, with errors that say what to do.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use hotline_sip::{ListenerId, Transport};
use rustix::fd::OwnedFd;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with, sockopt};
use thiserror::Error;

use super::ListenerConfig;
use super::gate::SharedBans;

/// Ports tried where any free one will do but UDP and TCP must share it.
const EPHEMERAL_TRIES: usize = 64;
/// Connections that the system accepts for us before we take them; one more waits and tries again.
const BACKLOG: i32 = 256;
/// Receive buffer asked of the system: bursts of INVITEs wait here while the driver is busy. It may grant less.
const RECEIVE_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// An address that could not be had.
#[derive(Debug, Error)]
#[error("cannot listen for SIP on {} {address}: {error}\nhint: {}", .transport.via_token().to_ascii_lowercase(), hint(.error))]
pub struct BindError {
    /// The listener.
    pub listener: ListenerId,
    /// UDP or TCP.
    pub transport: Transport,
    /// The address.
    pub address: SocketAddr,
    /// What the system said; already in the message.
    pub error: io::Error,
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program holds this port, perhaps another Hotline: stop it (`ss -lnptu` names it), or choose \
             another port for this listener"
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address: bind the listener to one that `ip address` lists, or to 0.0.0.0"
        }
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need CAP_NET_BIND_SERVICE: grant it, or choose a higher port"
        }
        _ => "check the listener's address",
    }
}

/// A listener with its sockets.
pub(super) struct BoundListener {
    pub(super) config: ListenerConfig,
    pub(super) local: SocketAddr,
    pub(super) udp: Option<UdpSocket>,
    pub(super) tcp: Option<TcpListener>,
}

/// Every listener, bound but not started.
pub struct BoundSip {
    listeners: Vec<BoundListener>,
    bans: SharedBans,
}

impl BoundSip {
    /// The address of a listener, with the port that was chosen; none for an unknown id or without a transport.
    #[must_use]
    pub fn local_addr(&self, id: ListenerId) -> Option<SocketAddr> {
        self.listeners
            .iter()
            .find(|listener| listener.config.id == id)
            .map(|listener| listener.local)
    }

    /// The ban list that the listeners for phones obey; one that bans nobody where this is not called.
    #[must_use]
    pub fn with_bans(self, bans: SharedBans) -> Self {
        Self { bans, ..self }
    }

    pub(super) fn into_parts(self) -> (Vec<BoundListener>, SharedBans) {
        (self.listeners, self.bans)
    }
}

pub(super) fn bind_all(configs: Vec<ListenerConfig>) -> Result<BoundSip, BindError> {
    let listeners = configs.into_iter().map(bind_one).collect::<Result<_, _>>()?;
    let bans = SharedBans::default();
    Ok(BoundSip { listeners, bans })
}

fn bind_one(config: ListenerConfig) -> Result<BoundListener, BindError> {
    let tries = if config.bind.port() == 0 {
        EPHEMERAL_TRIES
    } else {
        1
    };
    let mut result = try_bind(&config);
    for _ in 1..tries {
        match &result {
            Err((_, error)) if error.kind() == io::ErrorKind::AddrInUse => result = try_bind(&config),
            _ => break,
        }
    }
    let (local, udp, tcp) = result.map_err(|(transport, error)| BindError {
        listener: config.id,
        transport,
        address: config.bind,
        error,
    })?;
    Ok(BoundListener {
        config,
        local,
        udp,
        tcp,
    })
}

type Sockets = (SocketAddr, Option<UdpSocket>, Option<TcpListener>);

/// TCP first: the system then chooses the port, and UDP takes the same one.
fn try_bind(config: &ListenerConfig) -> Result<Sockets, (Transport, io::Error)> {
    let mut local = config.bind;
    let tcp = if let Some(transport) = config.kind.stream() {
        let socket = tcp_socket(local).map_err(|error| (transport, error))?;
        local = socket.local_addr().map_err(|error| (transport, error))?;
        Some(socket)
    } else {
        None
    };
    let udp = if config.kind.datagrams() {
        let socket = udp_socket(local).map_err(|error| (Transport::Udp, error))?;
        local = socket.local_addr().map_err(|error| (Transport::Udp, error))?;
        Some(socket)
    } else {
        None
    };
    Ok((local, udp, tcp))
}

/// A socket of one family: IPv6 never takes IPv4 as well, so that a peer has one address only.
fn socket(address: SocketAddr, kind: SocketType) -> rustix::io::Result<OwnedFd> {
    let family = if address.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, kind, flags, None)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    Ok(socket)
}

fn tcp_socket(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address, SocketType::STREAM)?;
    // A restarted program need not wait for what its connections left behind.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(TcpListener::from(socket))
}

fn udp_socket(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = socket(address, SocketType::DGRAM)?;
    rustix::net::bind(&socket, &address)?;
    if let Err(error) = sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER_BYTES) {
        tracing::debug!(%error, %address, "the receive buffer keeps its size");
    }
    Ok(UdpSocket::from(socket))
}
