//! What the transports count.

use std::sync::atomic::{AtomicU64, Ordering};

use hotline_sip::Transport;
use hotline_sip::admission::DropReason;

macro_rules! counts {
    ($($(#[$doc:meta])* $variant:ident = $label:literal,)+) => {
        /// What the transports count, besides what admission drops.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum SipCount {
            $($(#[$doc])* $variant,)+
        }

        impl SipCount {
            /// Everything that is counted.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Its name as a metric label.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)+
                }
            }
        }
    };
}

counts! {
    /// Datagrams received, whatever became of them.
    ReceivedUdp = "received_udp",
    /// Messages cut out of TCP connections.
    ReceivedTcp = "received_tcp",
    /// Messages cut out of TLS connections.
    ReceivedTls = "received_tls",
    /// Messages taken from WebSockets without TLS.
    ReceivedWs = "received_ws",
    /// Messages taken from WebSockets within TLS.
    ReceivedWss = "received_wss",
    /// Datagrams handed to the system.
    SentUdp = "sent_udp",
    /// Messages written to TCP connections.
    SentTcp = "sent_tcp",
    /// Messages written to TLS connections.
    SentTls = "sent_tls",
    /// Messages written to WebSockets without TLS.
    SentWs = "sent_ws",
    /// Messages written to WebSockets within TLS.
    SentWss = "sent_wss",
    /// Datagrams dropped because the driver's queue was full.
    InboundFull = "inbound_full",
    /// Datagrams dropped because the socket stayed full.
    UdpQueueFull = "udp_queue_full",
    /// Datagrams that the system refused to send.
    UdpSendFailed = "udp_send_failed",
    /// Failed receives.
    UdpReceiveFailed = "udp_receive_failed",
    /// Messages for a listener that does not have the transport.
    NoTransport = "no_transport",
    /// Connections taken.
    Accepted = "accepted",
    /// Connections made.
    Connected = "connected",
    /// Connections that could not be made.
    ConnectFailed = "connect_failed",
    /// Failed accepts, for instance for want of file descriptors.
    AcceptFailed = "accept_failed",
    /// Connections refused for the limit of the listener or of their source.
    TooManyConnections = "too_many_connections",
    /// Connections refused because the listener does not hear their source.
    UnknownConnection = "unknown_connection",
    /// Handshakes of TLS or WebSocket that failed.
    HandshakeFailed = "handshake_failed",
    /// Handshakes that did not come to their end in time.
    HandshakeSlow = "handshake_slow",
    /// WebSockets refused for their origin, or without the subprotocol `sip`.
    HandshakeRefused = "handshake_refused",
    /// Certificates read again and taken.
    CertificateReloaded = "certificate_reloaded",
    /// Certificates that could not be used when they were read again.
    CertificateRefused = "certificate_refused",
    /// Connections that their peer closed.
    ClosedByPeer = "closed_by_peer",
    /// Connections closed for silence.
    ClosedIdle = "closed_idle",
    /// Connections closed because a message did not come to its end in time.
    ClosedSlow = "closed_slow",
    /// Connections closed because what came cannot be framed.
    ClosedMalformed = "closed_malformed",
    /// Connections closed because a message was too large.
    ClosedTooLarge = "closed_too_large",
    /// Connections closed because a keep-alive was not answered.
    ClosedDead = "closed_dead",
    /// Connections closed because their peer does not read.
    ClosedNotRead = "closed_not_read",
    /// Connections that broke.
    ClosedBroken = "closed_broken",
    /// Failures that could not be told because too many were waiting.
    NoticeLost = "notice_lost",
}

impl SipCount {
    /// The count of messages received over a transport.
    pub(super) const fn received(transport: Transport) -> Self {
        match transport {
            Transport::Udp => Self::ReceivedUdp,
            Transport::Tcp => Self::ReceivedTcp,
            Transport::Tls => Self::ReceivedTls,
            Transport::Ws => Self::ReceivedWs,
            Transport::Wss => Self::ReceivedWss,
        }
    }

    /// The count of messages sent over a transport.
    pub(super) const fn sent(transport: Transport) -> Self {
        match transport {
            Transport::Udp => Self::SentUdp,
            Transport::Tcp => Self::SentTcp,
            Transport::Tls => Self::SentTls,
            Transport::Ws => Self::SentWs,
            Transport::Wss => Self::SentWss,
        }
    }
}

/// The counters, shared by every task.
#[derive(Debug)]
pub struct SipCounters {
    counts: [AtomicU64; SipCount::ALL.len()],
    dropped: [AtomicU64; DropReason::ALL.len()],
}

impl Default for SipCounters {
    fn default() -> Self {
        Self {
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            dropped: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl SipCounters {
    pub(super) fn add(&self, what: SipCount) {
        self.counts[what as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_dropped(&self, reason: DropReason) {
        self.dropped[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// One count.
    #[must_use]
    pub fn get(&self, what: SipCount) -> u64 {
        self.counts[what as usize].load(Ordering::Relaxed)
    }

    /// How many messages admission dropped or answered for this reason.
    #[must_use]
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize].load(Ordering::Relaxed)
    }
}
