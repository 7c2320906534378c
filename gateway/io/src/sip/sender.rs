//! Sending without waiting: what cannot go at once waits in a bounded queue, or fails and is told.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hotline_sip::{ListenerId, Transmit, Transport};
use tokio::net::UdpSocket;
use tokio::sync::{Notify, mpsc};

use super::TcpLimits;
use super::counters::{SipCount, SipCounters};
use super::gate::Gate;
use super::table::{Put, Table};
use super::tcp::{Connect, Dial, Order};

/// Where one listener's datagrams leave.
pub(super) struct UdpOut {
    pub(super) socket: Arc<UdpSocket>,
    pub(super) queue: mpsc::Sender<(SocketAddr, Vec<u8>)>,
}

/// What one listener can send over connections.
pub(super) struct StreamOut {
    pub(super) transport: Transport,
    /// How new ones are made; none where only the peers can.
    pub(super) dial: Option<Dial>,
    pub(super) limits: TcpLimits,
    pub(super) gate: Arc<Gate>,
    /// Address connected from: the listener's, unless it is bound to all.
    pub(super) local: IpAddr,
}

/// What one listener can send.
pub(super) struct Outgoing {
    pub(super) id: ListenerId,
    pub(super) udp: Option<UdpOut>,
    pub(super) stream: Option<StreamOut>,
}

struct Inner {
    outgoing: Vec<Outgoing>,
    orders: mpsc::Sender<Order>,
    table: Arc<Table>,
    counters: Arc<SipCounters>,
    reload: Arc<Notify>,
}

/// Sends messages for the driver. Cheap to clone.
#[derive(Clone)]
pub struct SipSender(Arc<Inner>);

impl SipSender {
    pub(super) fn new(
        outgoing: Vec<Outgoing>,
        orders: mpsc::Sender<Order>,
        table: Arc<Table>,
        counters: Arc<SipCounters>,
        reload: Arc<Notify>,
    ) -> Self {
        Self(Arc::new(Inner {
            outgoing,
            orders,
            table,
            counters,
            reload,
        }))
    }

    /// Has the certificates of all listeners read again, changed or not. Connections that are open go on.
    pub fn reload_certificates(&self) {
        self.0.reload.notify_one();
    }

    /// Sends a message, or begins to; never waits.
    ///
    /// Over connections the message takes its own while that is open, else another one to the same peer, else a new
    /// one where we can make it. A failure comes back as [`hotline_sip::Input::TransportFailed`].
    pub fn send(&self, transmit: Transmit) {
        let listener = self
            .0
            .outgoing
            .iter()
            .find(|listener| listener.id == transmit.listener);
        match (transmit.transport, listener) {
            (Transport::Udp, Some(Outgoing { udp: Some(udp), .. })) => self.send_udp(udp, transmit),
            (
                wanted,
                Some(Outgoing {
                    stream: Some(stream), ..
                }),
            ) if wanted == stream.transport => self.send_stream(stream, transmit),
            _ => self.no_transport(&transmit),
        }
    }

    fn no_transport(&self, transmit: &Transmit) {
        self.0.counters.add(SipCount::NoTransport);
        self.tell_failed(transmit.transport, transmit.to);
    }

    fn send_udp(&self, udp: &UdpOut, transmit: Transmit) {
        let waiting = udp.queue.capacity() < udp.queue.max_capacity();
        if !waiting {
            match udp.socket.try_send_to(&transmit.bytes, transmit.to) {
                Ok(_) => return self.0.counters.add(SipCount::SentUdp),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    tracing::debug!(%error, listener = transmit.listener.0, "sending failed");
                    self.0.counters.add(SipCount::UdpSendFailed);
                    return self.tell_failed(Transport::Udp, transmit.to);
                }
            }
        }
        // What is lost here the transaction repeats.
        if udp.queue.try_send((transmit.to, transmit.bytes)).is_err() {
            self.0.counters.add(SipCount::UdpQueueFull);
        }
    }

    fn send_stream(&self, stream: &StreamOut, transmit: Transmit) {
        let Transmit {
            listener,
            transport,
            conn,
            to,
            mut bytes,
        } = transmit;
        let others = std::iter::once_with(|| self.0.table.find(listener, to));
        for conn in conn.into_iter().chain(others.flatten()) {
            match self.0.table.put(conn, bytes) {
                Put::Queued => return,
                Put::Unknown(back) => bytes = back,
                Put::Full => {
                    self.0.counters.add(SipCount::ClosedNotRead);
                    return self.tell_failed(transport, to);
                }
            }
        }
        let Some(dial) = stream.dial.clone() else {
            self.0.counters.add(SipCount::NoTransport);
            return self.tell_failed(transport, to);
        };
        let Some((id, queue, queue_rx)) = self.0.table.add(listener, to, &stream.limits) else {
            self.0.counters.add(SipCount::TooManyConnections);
            return self.tell_failed(transport, to);
        };
        let first = queue.try_send(bytes);
        let connect = Connect {
            id,
            to,
            local: stream.local,
            dial,
            limits: stream.limits,
            gate: Arc::clone(&stream.gate),
            queue: queue.downgrade(),
            queue_rx,
        };
        drop(queue);
        if first.is_err() || self.0.orders.try_send(Order::Connect(Box::new(connect))).is_err() {
            self.0.table.remove(id);
            self.0.counters.add(SipCount::ConnectFailed);
            self.tell_failed(transport, to);
        }
    }

    /// The failure goes through the transport's task, which can wait for room; the driver, who calls this, cannot.
    fn tell_failed(&self, transport: Transport, to: SocketAddr) {
        if self
            .0
            .orders
            .try_send(Order::TellFailed { transport, to })
            .is_err()
        {
            self.0.counters.add(SipCount::NoticeLost);
        }
    }
}
