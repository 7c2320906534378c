//! The open connections, by id and by peer, and how many each source has.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hotline_sip::{ConnId, ListenerId};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::TcpLimits;

/// A connection's place in the table.
struct Entry {
    listener: ListenerId,
    peer: SocketAddr,
    queue: mpsc::Sender<Vec<u8>>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    open: HashMap<ConnId, Entry>,
    by_peer: HashMap<(ListenerId, SocketAddr), ConnId>,
    per_listener: HashMap<ListenerId, usize>,
    per_source: HashMap<(ListenerId, IpAddr), usize>,
}

/// A connection that was added: its id, and both ends of its queue.
pub(super) type Added = (ConnId, mpsc::Sender<Vec<u8>>, mpsc::Receiver<Vec<u8>>);

/// All connections of all listeners.
#[derive(Default)]
pub(super) struct Table(Mutex<Inner>);

/// What became of a message for a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// It waits for its turn.
    Queued,
    /// There is no such connection; the message comes back.
    Unknown(Vec<u8>),
    /// The peer does not read; the connection was given up.
    Full,
}

impl Table {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a connection; none where the listener or the source has as many as it may.
    pub(super) fn add(&self, listener: ListenerId, peer: SocketAddr, limits: &TcpLimits) -> Option<Added> {
        let mut inner = self.lock();
        let source = (listener, peer.ip());
        let all = inner.per_listener.get(&listener).copied().unwrap_or(0);
        let of_source = inner.per_source.get(&source).copied().unwrap_or(0);
        if all >= limits.connections_max || of_source >= limits.per_source_max {
            return None;
        }
        let (queue, queue_rx) = mpsc::channel(limits.write_queue_max.max(1));
        let id = ConnId(inner.next);
        inner.next += 1;
        inner.per_listener.insert(listener, all + 1);
        inner.per_source.insert(source, of_source + 1);
        inner.by_peer.insert((listener, peer), id);
        inner.open.insert(
            id,
            Entry {
                listener,
                peer,
                queue: queue.clone(),
            },
        );
        Some((id, queue, queue_rx))
    }

    /// Removes a connection.
    pub(super) fn remove(&self, id: ConnId) {
        let mut inner = self.lock();
        let Some(entry) = inner.open.remove(&id) else {
            return;
        };
        let (peer, source) = ((entry.listener, entry.peer), (entry.listener, entry.peer.ip()));
        if inner.by_peer.get(&peer) == Some(&id) {
            inner.by_peer.remove(&peer);
        }
        count_down(&mut inner.per_listener, entry.listener);
        count_down(&mut inner.per_source, source);
    }

    /// The connection of this listener to this peer.
    pub(super) fn find(&self, listener: ListenerId, peer: SocketAddr) -> Option<ConnId> {
        self.lock().by_peer.get(&(listener, peer)).copied()
    }

    /// Queues a message for a connection.
    pub(super) fn put(&self, id: ConnId, bytes: Vec<u8>) -> Put {
        let inner = self.lock();
        let Some(entry) = inner.open.get(&id) else {
            return Put::Unknown(bytes);
        };
        match entry.queue.try_send(bytes) {
            Ok(()) => Put::Queued,
            Err(TrySendError::Closed(bytes)) => Put::Unknown(bytes),
            Err(TrySendError::Full(_)) => {
                drop(inner);
                self.remove(id);
                Put::Full
            }
        }
    }
}

fn count_down<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    if let Some(count) = counts.get_mut(&key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(&key);
        }
    }
}
