//! What stands between a listener's sockets and the driver's queue: admission, and the queue's bound.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hotline_sip::admission::bans::{BanConfig, Bans, Standing};
use hotline_sip::admission::{Admission, Verdict};
use hotline_sip::{ConnId, Input, ListenerId, Received, Role, Transport};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::clock::Clock;

use super::ListenerConfig;
use super::counters::{SipCount, SipCounters};

/// One listener's gate, shared by its socket and its connections.
pub(super) struct Gate {
    pub(super) id: ListenerId,
    pub(super) inbound: mpsc::Sender<Input>,
    pub(super) counters: Arc<SipCounters>,
    role: Role,
    admission: Mutex<Admission>,
    bans: SharedBans,
    clock: Clock,
}

/// The ban list, shared by the listeners for phones, the driver that adds to it, and the console. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SharedBans(Arc<Mutex<Bans>>);

impl SharedBans {
    /// An empty list with these rules.
    #[must_use]
    pub fn new(config: BanConfig) -> Self {
        Self(Arc::new(Mutex::new(Bans::new(config))))
    }

    /// The list itself: for a look or a change, never across a wait.
    pub fn lock(&self) -> MutexGuard<'_, Bans> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for SharedBans {
    fn default() -> Self {
        Self::new(BanConfig::default())
    }
}

impl Gate {
    pub(super) fn new(
        config: &ListenerConfig,
        inbound: mpsc::Sender<Input>,
        counters: Arc<SipCounters>,
        clock: Clock,
        bans: SharedBans,
    ) -> Self {
        let admission = Mutex::new(Admission::new(config.admission.clone()));
        Self {
            id: config.id,
            inbound,
            counters,
            role: config.role,
            admission,
            bans,
            clock,
        }
    }

    pub(super) fn count(&self, what: SipCount) {
        self.counters.add(what);
    }

    /// Whether a connection from this source is worth keeping.
    pub(super) fn hears(&self, transport: Transport, peer: SocketAddr) -> bool {
        let now = self.clock.mono();
        if self.role == Role::Phones && self.bans.lock().is_banned(now, peer.ip()) {
            return false;
        }
        self.lock().hears(transport, peer)
    }

    fn lock(&self) -> MutexGuard<'_, Admission> {
        self.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, transport: Transport, peer: SocketAddr, bytes: &[u8]) -> Result<(), Option<Vec<u8>>> {
        let now = self.clock.mono();
        let standing = match self.role {
            Role::Phones => self.bans.lock().standing(now, peer.ip(), bytes),
            Role::Trunk => Standing::Unknown,
        };
        let verdict = self.lock().admit_as(now, transport, peer, bytes, standing);
        match verdict {
            Verdict::Queue => Ok(()),
            Verdict::Drop(reason) => {
                self.counters.add_dropped(reason);
                Err(None)
            }
            Verdict::Answer(answer, reason) => {
                self.counters.add_dropped(reason);
                Err(Some(answer))
            }
        }
    }

    fn received(&self, transport: Transport, conn: Option<ConnId>, peer: SocketAddr, bytes: &[u8]) -> Input {
        Input::Received(Received {
            listener: self.id,
            transport,
            conn,
            peer,
            bytes: bytes.to_vec(),
        })
    }

    /// Passes a datagram on, or answers what to send back.
    pub(super) fn datagram(&self, peer: SocketAddr, bytes: &[u8]) -> Option<Vec<u8>> {
        if let Err(answer) = self.admit(Transport::Udp, peer, bytes) {
            return answer;
        }
        // Room first: a datagram that will be dropped need not be copied.
        match self.inbound.try_reserve() {
            Ok(room) => room.send(self.received(Transport::Udp, None, peer, bytes)),
            Err(TrySendError::Full(())) => self.count(SipCount::InboundFull),
            Err(TrySendError::Closed(())) => {}
        }
        None
    }

    /// Passes a message of a connection on, waiting for room, or answers what to send back.
    pub(super) async fn message(
        &self,
        transport: Transport,
        conn: ConnId,
        peer: SocketAddr,
        bytes: &[u8],
    ) -> Option<Vec<u8>> {
        if let Err(answer) = self.admit(transport, peer, bytes) {
            return answer;
        }
        let input = self.received(transport, Some(conn), peer, bytes);
        // Only closed when the driver is gone, and then everything ends.
        let _driver_gone = self.inbound.send(input).await;
        None
    }
}
