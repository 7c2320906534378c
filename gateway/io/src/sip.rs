//! The SIP transports: UDP, TCP, TLS and WebSocket, admission before the queue, and a sender that never waits.

mod bind;
mod connection;
mod counters;
mod gate;
mod sender;
mod table;
mod tcp;
mod tls;
mod udp;
mod websocket;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hotline_sip::admission::AdmissionConfig;
use hotline_sip::frame::FrameLimits;
use hotline_sip::{Input, ListenerId, Role, Transport};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::clock::Clock;

pub use bind::{BindError, BoundSip};
pub use counters::{SipCount, SipCounters};
pub use gate::SharedBans;
pub use sender::SipSender;
pub use tls::{Identity, TlsClient, TlsError};
pub use websocket::Origins;

use gate::Gate;
use sender::{Outgoing, StreamOut, UdpOut};
use table::Table;
use tcp::{Dial, Opening};

/// Datagrams that may wait for a UDP socket whose buffer is full; one more is dropped and counted.
const UDP_QUEUE_MAX: usize = 256;
/// Connections waiting to be opened, and failures waiting to be told; one more is a failure, counted.
const ORDERS_MAX: usize = 1024;

/// One listening address.
#[derive(Clone, Debug)]
pub struct ListenerConfig {
    /// Its id.
    pub id: ListenerId,
    /// Whom it serves.
    pub role: Role,
    /// Address; port 0 takes a free one, the same for UDP and TCP.
    pub bind: std::net::SocketAddr,
    /// What it speaks.
    pub kind: ListenerKind,
    /// What is let in.
    pub admission: AdmissionConfig,
    /// Limits of its connections.
    pub limits: TcpLimits,
}

/// What a listener speaks.
#[derive(Clone, Debug)]
pub enum ListenerKind {
    /// UDP, TCP or both on one port.
    Plain {
        /// Whether datagrams are taken.
        udp: bool,
        /// Whether connections are taken, and made.
        tcp: bool,
    },
    /// SIP within TLS.
    Tls {
        /// Who we are.
        identity: Arc<Identity>,
        /// How connections to peers are made; none makes no connection, as phones cannot be connected to.
        client: Option<TlsClient>,
    },
    /// SIP over WebSocket.
    Ws {
        /// Which pages may connect.
        origins: Origins,
    },
    /// SIP over WebSocket within TLS.
    Wss {
        /// Who we are.
        identity: Arc<Identity>,
        /// Which pages may connect.
        origins: Origins,
    },
}

impl ListenerKind {
    const fn datagrams(&self) -> bool {
        matches!(self, Self::Plain { udp: true, .. })
    }

    /// The transport of its connections, if it has any.
    const fn stream(&self) -> Option<Transport> {
        match self {
            Self::Plain { tcp: false, .. } => None,
            Self::Plain { tcp: true, .. } => Some(Transport::Tcp),
            Self::Tls { .. } => Some(Transport::Tls),
            Self::Ws { .. } => Some(Transport::Ws),
            Self::Wss { .. } => Some(Transport::Wss),
        }
    }

    const fn identity(&self) -> Option<&Arc<Identity>> {
        match self {
            Self::Tls { identity, .. } | Self::Wss { identity, .. } => Some(identity),
            Self::Plain { .. } | Self::Ws { .. } => None,
        }
    }

    /// How its connections begin, those that come and those that we make.
    fn opening(&self) -> io::Result<(Opening, Option<Dial>)> {
        let acceptor =
            |identity: &Arc<Identity>| identity.server().map(TlsAcceptor::from).map_err(io::Error::other);
        Ok(match self {
            Self::Plain { .. } => (Opening::Plain, Some(Dial::Plain)),
            Self::Tls { identity, client } => {
                (Opening::Tls(acceptor(identity)?), client.clone().map(Dial::Tls))
            }
            Self::Ws { origins } => (Opening::Ws(origins.clone()), None),
            Self::Wss { identity, origins } => (Opening::Wss(acceptor(identity)?, origins.clone()), None),
        })
    }
}

/// Limits of the connections of one listener.
#[derive(Clone, Copy, Debug)]
pub struct TcpLimits {
    /// Most connections at once, of either direction; one more is closed at once, or not made.
    pub connections_max: usize,
    /// Most connections from one source address.
    pub per_source_max: usize,
    /// How long a connection may be silent. Longer than a registration, so that phones stay reachable.
    pub idle: Duration,
    /// How long the handshakes of TLS and WebSocket may take together.
    pub handshake_time: Duration,
    /// How long a message may take from its first byte to its last, and a new connection to its first message.
    pub message_time: Duration,
    /// How long connecting may take.
    pub connect_time: Duration,
    /// How long the peer may take to accept one message.
    pub write_time: Duration,
    /// Messages waiting for one connection; one more closes it, for its peer does not read.
    pub write_queue_max: usize,
    /// Limits of one message.
    pub frame: FrameLimits,
}

impl Default for TcpLimits {
    /// 1,000 connections, 200 of one address, 65 min idle, 10 s a handshake or message, 5 s to connect.
    fn default() -> Self {
        Self {
            connections_max: 1000,
            per_source_max: 200,
            idle: Duration::from_secs(65 * 60),
            handshake_time: Duration::from_secs(10),
            message_time: Duration::from_secs(10),
            connect_time: Duration::from_secs(5),
            write_time: Duration::from_secs(10),
            write_queue_max: 64,
            frame: FrameLimits::default(),
        }
    }
}

/// The way to bound SIP sockets.
pub struct SipShell;

impl SipShell {
    /// Binds every socket of every listener, or none.
    ///
    /// # Errors
    /// Which address could not be had, why, and what to do about it.
    pub fn bind(listeners: Vec<ListenerConfig>) -> Result<BoundSip, BindError> {
        bind::bind_all(listeners)
    }
}

impl BoundSip {
    /// Starts: gives the sender, and the one future that does all the work, which the caller spawns. Dropping that
    /// future closes every socket and connection.
    ///
    /// Messages, failures and closed connections go to `inbound`. A datagram that finds it full is dropped and
    /// counted; a connection waits for room instead, as its peer would not repeat the message.
    ///
    /// # Errors
    /// Where the runtime refuses a socket.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(
        self,
        inbound: mpsc::Sender<Input>,
        counters: Arc<SipCounters>,
        clock: Clock,
    ) -> io::Result<(SipSender, impl Future<Output = ()> + Send + 'static)> {
        let (orders, orders_rx) = mpsc::channel(ORDERS_MAX);
        let table = Arc::new(Table::default());
        let mut tasks: Vec<Task> = Vec::new();
        let mut outgoing = Vec::new();
        let mut identities = Vec::new();
        let (listeners, bans) = self.into_parts();
        for listener in listeners {
            let config = listener.config;
            let gate = Gate::new(
                &config,
                inbound.clone(),
                Arc::clone(&counters),
                clock,
                bans.clone(),
            );
            let gate = Arc::new(gate);
            let mut out = Outgoing {
                id: config.id,
                udp: None,
                stream: None,
            };
            identities.extend(config.kind.identity().cloned());
            if let Some(socket) = listener.udp {
                let socket = Arc::new(tokio::net::UdpSocket::from_std(socket)?);
                let (queue, queue_rx) = mpsc::channel(UDP_QUEUE_MAX);
                tasks.push(Box::pin(udp::receive(Arc::clone(&socket), Arc::clone(&gate))));
                tasks.push(Box::pin(udp::send_queued(
                    Arc::clone(&socket),
                    queue_rx,
                    Arc::clone(&gate),
                )));
                out.udp = Some(UdpOut { socket, queue });
            }
            if let Some(socket) = listener.tcp {
                let socket = tokio::net::TcpListener::from_std(socket)?;
                let local = listener.local.ip();
                let (opening, dial) = config.kind.opening()?;
                out.stream = Some(StreamOut {
                    transport: opening.transport(),
                    dial,
                    limits: config.limits,
                    gate: Arc::clone(&gate),
                    local,
                });
                tasks.push(Box::pin(tcp::accept(
                    socket,
                    opening,
                    gate,
                    Arc::clone(&table),
                    config.limits,
                )));
            }
            outgoing.push(out);
        }
        tasks.push(Box::pin(tcp::carry_out(orders_rx, inbound, Arc::clone(&table))));
        let reload = Arc::new(Notify::new());
        if !identities.is_empty() {
            let counters = Arc::clone(&counters);
            tasks.push(Box::pin(tls::watch(identities, Arc::clone(&reload), counters)));
        }
        let sender = SipSender::new(outgoing, orders, table, counters, reload);
        Ok((sender, run(tasks)))
    }
}

/// Work that goes on as long as the transports do.
type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs every task until the future is dropped; a task that ends, which none does by itself, ends them all.
async fn run(tasks: Vec<Task>) {
    let mut set = JoinSet::new();
    for task in tasks {
        set.spawn(task);
    }
    if let Some(Err(error)) = set.join_next().await {
        tracing::error!(%error, "a SIP transport task failed");
    }
}

#[cfg(test)]
mod tests;
