//! Transactions (RFC 3261 §17 with RFC 6026): retransmission, absorption and time-outs of single requests.
//!
//! [`Stack`] owns both tables, the timer table they share with the dialogs above, the queue of messages to send
//! and the generator. It knows nothing of dialogs: who asked for a client transaction is a [`User`], told again
//! when something comes of it.

mod client;
mod server;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use hotline_types::{LegId, Rng, Time};

pub(crate) use client::{Client, Heard, Lapse, cancel_id};
pub(crate) use server::{Arrival, Server};

use crate::registrar::BindingId;
use crate::timer::{TimerKey, Timers};
use crate::trunk::TrunkId;
use crate::{ConnId, ListenerId, Transmit, Transport};

#[cfg(test)]
mod tests;

/// A transaction. Random for client transactions, whose branch it is; counted for server transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TxId(pub(crate) u64);

/// Where a message goes: the socket, the connection if there is one, and the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hop {
    pub(crate) listener: ListenerId,
    pub(crate) transport: Transport,
    pub(crate) conn: Option<ConnId>,
    pub(crate) to: SocketAddr,
}

impl Hop {
    /// Whether the transport retransmits by itself, so that the timers A, E and G stay off.
    pub(crate) fn is_reliable(self) -> bool {
        self.transport.is_reliable()
    }
}

/// Who is told what comes of a client transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// The INVITE of one fork of an outgoing leg.
    Dial { leg: LegId, fork: usize },
    /// A re-INVITE of a leg.
    Reinvite(LegId),
    /// An UPDATE that refreshes a leg's session.
    Refresh(LegId),
    /// A REFER of a phone.
    Refer(LegId),
    /// A keep-alive OPTIONS to a phone.
    Ping(BindingId),
    /// A REGISTER of our own phone, by account.
    Register(u64),
    /// A REGISTER of ours with a trunk, sent to this address.
    TrunkRegister(TrunkId, SocketAddr),
    /// A keep-alive OPTIONS to a trunk's gateway.
    TrunkPing(TrunkId, SocketAddr),
    /// Nobody: BYE, CANCEL, PRACK and NOTIFY.
    Nobody,
}

/// The base times of the state machines (RFC 3261, table 4) and the room there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// T1, the assumed round trip.
    pub(crate) t1: Duration,
    /// Most transactions, server and client together, before new requests are refused.
    pub(crate) transactions_max: usize,
}

/// T2, the longest pause between retransmissions of non-INVITE requests and INVITE responses.
pub(crate) const T2: Duration = Duration::from_secs(4);
/// T4, how long a message can stay in the network.
pub(crate) const T4: Duration = Duration::from_secs(5);
/// Timer D over datagrams: at least 32 s.
const TIMER_D: Duration = Duration::from_secs(32);
/// A request to a UDP peer that is longer goes by TCP (§18.1.1).
const DATAGRAM_REQUEST_MAX: usize = 1300;

/// Both transaction tables with everything that they need to act.
#[derive(Debug)]
pub(crate) struct Stack {
    /// The time of the input being handled.
    pub(crate) now: Time,
    pub(crate) timers: Timers,
    pub(crate) rng: Rng,
    /// Messages to send, in order. Drained completely after each input, and each input adds a bounded number.
    pub(crate) out: VecDeque<Transmit>,
    limits: Limits,
    servers: BTreeMap<TxId, Server>,
    server_keys: BTreeMap<Box<[u8]>, TxId>,
    merge_keys: BTreeMap<Box<[u8]>, TxId>,
    server_next: u64,
    /// Upper half of the tags of answers that make no dialog, so that the ACK of one is known for what it is.
    reply_mark: u64,
    clients: BTreeMap<TxId, Client>,
}

impl Stack {
    pub(crate) fn new(limits: Limits, mut rng: Rng, now: Time) -> Self {
        let reply_mark = rng.next_u64() & !u64::from(u32::MAX);
        Self {
            now,
            timers: Timers::default(),
            rng,
            out: VecDeque::new(),
            limits,
            servers: BTreeMap::new(),
            server_keys: BTreeMap::new(),
            merge_keys: BTreeMap::new(),
            server_next: 0,
            reply_mark,
            clients: BTreeMap::new(),
        }
    }

    /// A tag of ours for an answer that makes no dialog.
    pub(crate) fn reply_tag(&mut self) -> u64 {
        self.reply_mark | self.rng.below(1 << 32)
    }

    /// Whether the tag is of [`Stack::reply_tag`].
    pub(crate) fn is_reply_tag(&self, tag: u64) -> bool {
        tag & !u64::from(u32::MAX) == self.reply_mark
    }

    /// T1 of this endpoint.
    pub(crate) fn t1(&self) -> Duration {
        self.limits.t1
    }

    /// 64*T1, the life of most timers.
    pub(crate) fn t1_64(&self) -> Duration {
        self.limits.t1 * 64
    }

    /// Transactions alive.
    pub(crate) fn len(&self) -> usize {
        self.servers.len() + self.clients.len()
    }

    /// Whether there is room for a new transaction. Requests of live dialogs may use a quarter more, so that
    /// a flood of new calls cannot keep the old ones from ending.
    pub(crate) fn has_room(&self, within_dialog: bool) -> bool {
        let max = self.limits.transactions_max;
        self.len()
            < if within_dialog {
                max.saturating_add(max / 4)
            } else {
                max
            }
    }

    /// Queues a message.
    pub(crate) fn send(&mut self, hop: Hop, bytes: Vec<u8>) {
        let Hop {
            listener,
            transport,
            conn,
            to,
        } = hop;
        self.out.push_back(Transmit {
            listener,
            transport,
            conn,
            to,
            bytes,
        });
    }

    fn set_timer(&mut self, key: TimerKey, after: Duration) {
        self.timers.set(key, self.now + after);
    }

    #[cfg(test)]
    pub(crate) fn has_no_keys(&self) -> bool {
        self.server_keys.is_empty() && self.merge_keys.is_empty()
    }
}
