//! Connections: accepting them, making them, and the handshakes of TLS and WebSocket before their first message.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hotline_sip::{ConnId, Input, Transport};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::TcpLimits;
use super::connection::Connection;
use super::counters::SipCount;
use super::gate::Gate;
use super::table::Table;
use super::tls::TlsClient;
use super::websocket::{self, Origins};

/// Pause after a failed accept: for want of file descriptors the same connection would fail again at once.
const FAILED_PAUSE: Duration = Duration::from_millis(100);

/// What the sender cannot do itself.
pub(super) enum Order {
    /// Open a connection, which is in the table already with its first message queued.
    Connect(Box<Connect>),
    /// Tell the driver that a message did not go.
    TellFailed { transport: Transport, to: SocketAddr },
}

/// How connections that were accepted begin.
#[derive(Clone)]
pub(super) enum Opening {
    /// With the first message.
    Plain,
    /// With a TLS handshake.
    Tls(TlsAcceptor),
    /// With a WebSocket handshake.
    Ws(Origins),
    /// With both, one after the other.
    Wss(TlsAcceptor, Origins),
}

impl Opening {
    pub(super) const fn transport(&self) -> Transport {
        match self {
            Self::Plain => Transport::Tcp,
            Self::Tls(_) => Transport::Tls,
            Self::Ws(_) => Transport::Ws,
            Self::Wss(..) => Transport::Wss,
        }
    }
}

/// How connections of ours begin.
#[derive(Clone)]
pub(super) enum Dial {
    /// With the first message.
    Plain,
    /// With a TLS handshake.
    Tls(TlsClient),
}

/// A connection to be made.
pub(super) struct Connect {
    pub(super) id: ConnId,
    pub(super) to: SocketAddr,
    pub(super) local: IpAddr,
    pub(super) dial: Dial,
    pub(super) limits: TcpLimits,
    pub(super) gate: Arc<Gate>,
    pub(super) queue: mpsc::WeakSender<Vec<u8>>,
    pub(super) queue_rx: mpsc::Receiver<Vec<u8>>,
}

/// Accepts for ever, within the limits.
pub(super) async fn accept(
    listener: TcpListener,
    opening: Opening,
    gate: Arc<Gate>,
    table: Arc<Table>,
    limits: TcpLimits,
) {
    let transport = opening.transport();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                gate.count(SipCount::AcceptFailed);
                tracing::warn!(%error, listener = gate.id.0, "a connection could not be accepted");
                tokio::time::sleep(FAILED_PAUSE).await;
                continue;
            }
        };
        if !gate.hears(transport, peer) {
            gate.count(SipCount::UnknownConnection);
            continue;
        }
        let Some((id, queue, queue_rx)) = table.add(gate.id, peer, &limits) else {
            gate.count(SipCount::TooManyConnections);
            continue;
        };
        gate.count(SipCount::Accepted);
        let queue = queue.downgrade();
        let connection = Connection {
            id,
            transport,
            peer,
            limits,
            gate: Arc::clone(&gate),
            table: Arc::clone(&table),
            queue,
            made: false,
        };
        connections.spawn(open(connection, opening.clone(), stream, queue_rx));
    }
}

/// Carries out the handshakes within their time, and serves what comes of them.
async fn open(connection: Connection, opening: Opening, stream: TcpStream, queue: mpsc::Receiver<Vec<u8>>) {
    without_delay(&stream);
    let limits = connection.limits;
    let secure = |acceptor: TlsAcceptor, stream| async move {
        acceptor.accept(stream).await.map_err(|error| {
            tracing::debug!(%error, "a TLS handshake failed");
            SipCount::HandshakeFailed
        })
    };
    match opening {
        Opening::Plain => connection.serve(stream.into_split(), queue).await,
        Opening::Tls(acceptor) => match within(&limits, secure(acceptor, stream)).await {
            Ok(stream) => connection.serve(tokio::io::split(stream), queue).await,
            Err(why) => connection.give_up(why).await,
        },
        Opening::Ws(origins) => {
            let socket = within(&limits, websocket::accept(stream, &origins, &limits)).await;
            websocket(connection, socket, queue).await;
        }
        Opening::Wss(acceptor, origins) => {
            let both = async {
                let stream = secure(acceptor, stream).await?;
                websocket::accept(stream, &origins, &limits).await
            };
            let socket = within(&limits, Box::pin(both)).await;
            websocket(connection, socket, queue).await;
        }
    }
}

async fn websocket<S: AsyncRead + AsyncWrite + Unpin>(
    connection: Connection,
    socket: Result<tokio_tungstenite::WebSocketStream<S>, SipCount>,
    queue: mpsc::Receiver<Vec<u8>>,
) {
    match socket {
        Ok(socket) => connection.serve_websocket(socket, queue).await,
        Err(why) => connection.give_up(why).await,
    }
}

async fn within<T>(
    limits: &TcpLimits,
    handshake: impl Future<Output = Result<T, SipCount>>,
) -> Result<T, SipCount> {
    timeout(limits.handshake_time, handshake)
        .await
        .unwrap_or(Err(SipCount::HandshakeSlow))
}

/// Small messages must not wait for each other.
fn without_delay(stream: &TcpStream) {
    let _works_without = stream.set_nodelay(true);
}

/// Carries out the sender's orders for ever.
pub(super) async fn carry_out(
    mut orders: mpsc::Receiver<Order>,
    inbound: mpsc::Sender<Input>,
    table: Arc<Table>,
) {
    let mut connections = JoinSet::new();
    loop {
        let order = tokio::select! {
            order = orders.recv() => order,
            Some(_) = connections.join_next() => continue,
        };
        match order {
            Some(Order::Connect(connect)) => drop(connections.spawn(make(*connect, Arc::clone(&table)))),
            Some(Order::TellFailed { transport, to }) => {
                let _driver_gone = inbound.send(Input::TransportFailed { transport, to }).await;
            }
            // Every sender is gone: what is open goes on.
            None => {
                while connections.join_next().await.is_some() {}
                return std::future::pending().await;
            }
        }
    }
}

/// Makes a connection and serves it.
async fn make(connect: Connect, table: Arc<Table>) {
    let Connect {
        id,
        to,
        local,
        dial,
        limits,
        gate,
        queue,
        queue_rx,
    } = connect;
    let transport = match &dial {
        Dial::Plain => Transport::Tcp,
        Dial::Tls(_) => Transport::Tls,
    };
    let connection = Connection {
        id,
        transport,
        peer: to,
        limits,
        gate,
        table,
        queue,
        made: true,
    };
    let connected = async {
        let stream = stream(local, to).await?;
        without_delay(&stream);
        match dial {
            Dial::Plain => Ok(Made::Plain(stream)),
            Dial::Tls(client) => {
                let name = client.name_of(to.ip());
                let stream = TlsConnector::from(client.config).connect(name, stream).await?;
                Ok::<_, io::Error>(Made::Tls(Box::new(stream)))
            }
        }
    };
    match timeout(limits.connect_time, connected).await {
        Ok(Ok(made)) => {
            connection.gate.count(SipCount::Connected);
            match made {
                Made::Plain(stream) => connection.serve(stream.into_split(), queue_rx).await,
                Made::Tls(stream) => connection.serve(tokio::io::split(*stream), queue_rx).await,
            }
        }
        failed => {
            if let Ok(Err(error)) = failed {
                tracing::warn!(%error, listener = connection.gate.id.0, "A connection could not be made");
            }
            connection.give_up(SipCount::ConnectFailed).await;
        }
    }
}

enum Made {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

/// Connects from the listener's address where it has one of its own.
async fn stream(local: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    if !local.is_unspecified() && local.is_ipv4() == to.is_ipv4() {
        socket.bind(SocketAddr::new(local, 0))?;
    }
    socket.connect(to).await
}
