//! Connections: accepting them, making them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hotline_sip::{ConnId, Input, Transport};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::TcpLimits;
use super::connection::{Connection, serve};
use super::counters::SipCount;
use super::gate::Gate;
use super::table::Table;

/// Pause after a failed accept: for want of file descriptors the same connection would fail again at once.
const FAILED_PAUSE: Duration = Duration::from_millis(100);

/// What the sender cannot do itself.
pub(super) enum Order {
    /// Open a connection, which is in the table already with its first message queued.
    Connect(Box<Connect>),
    /// Tell the driver that a message did not go.
    TellFailed { transport: Transport, to: SocketAddr },
}

/// A connection to be made.
pub(super) struct Connect {
    pub(super) id: ConnId,
    pub(super) to: SocketAddr,
    pub(super) local: IpAddr,
    pub(super) limits: TcpLimits,
    pub(super) gate: Arc<Gate>,
    pub(super) queue: mpsc::WeakSender<Vec<u8>>,
    pub(super) queue_rx: mpsc::Receiver<Vec<u8>>,
}

/// Accepts for ever, within the limits.
pub(super) async fn accept(listener: TcpListener, gate: Arc<Gate>, table: Arc<Table>, limits: TcpLimits) {
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
        if !gate.hears(peer) {
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
            peer,
            limits,
            gate: Arc::clone(&gate),
            table: Arc::clone(&table),
            queue,
        };
        connections.spawn(serve(connection, stream, queue_rx));
    }
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
            Some(Order::Connect(connect)) => drop(connections.spawn(open(*connect, Arc::clone(&table)))),
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

async fn open(connect: Connect, table: Arc<Table>) {
    let Connect {
        id,
        to,
        local,
        limits,
        gate,
        queue,
        queue_rx,
    } = connect;
    match timeout(limits.connect_time, stream(local, to)).await {
        Ok(Ok(stream)) => {
            gate.count(SipCount::Connected);
            let connection = Connection {
                id,
                peer: to,
                limits,
                gate,
                table,
                queue,
            };
            serve(connection, stream, queue_rx).await;
        }
        failed => {
            gate.count(SipCount::ConnectFailed);
            if let Ok(Err(error)) = failed {
                tracing::debug!(%error, listener = gate.id.0, "a connection could not be made");
            }
            table.remove(id);
            let failed = Input::TransportFailed {
                transport: Transport::Tcp,
                to,
            };
            let _driver_gone = gate.inbound.send(failed).await;
        }
    }
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
