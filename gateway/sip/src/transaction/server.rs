//! Server transactions: the UAS side of one request.
//!
//! | INVITE (RFC 6026 §7.1) | event | next | action |
//! |---|---|---|---|
//! | Proceeding | INVITE again | Proceeding | last provisional again (§17.2.1) |
//! | Proceeding | we answer 1xx | Proceeding | send |
//! | Proceeding | we answer 2xx | Accepted | send, timer L; the dialog repeats the 2xx (§13.3.1.4) |
//! | Proceeding | we answer 3xx-6xx | Completed | send, timers G (datagrams) and H |
//! | Accepted | INVITE again | Accepted | nothing |
//! | Accepted | ACK | Accepted | to the dialog |
//! | Completed | INVITE again, or G | Completed | final answer again |
//! | Completed | ACK | Confirmed | timer I |
//! | Completed | H | gone | |
//! | Confirmed | anything | Confirmed | nothing |
//! | Confirmed, Accepted | I, L | gone | |
//!
//! Other methods (§17.2.2): Trying, then Completed with the answer kept until timer J.

use std::time::Duration;

use hotline_types::LegId;

use super::{Hop, Stack, T2, T4, TxId};
use crate::timer::TimerKey;

/// One server transaction.
#[derive(Debug)]
pub(crate) struct Server {
    key: Box<[u8]>,
    merge_key: Option<Box<[u8]>>,
    hop: Hop,
    /// The leg that the INVITE made, for its CANCEL.
    leg: Option<LegId>,
    state: State,
}

#[derive(Debug)]
enum State {
    InviteProceeding { provisional: Vec<u8> },
    InviteAccepted,
    InviteCompleted { response: Vec<u8>, interval: Duration },
    InviteConfirmed,
    Trying,
    Completed { response: Vec<u8> },
}

/// What a request that arrived is to the transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It belongs to no transaction: for the layer above.
    New,
    /// It was repeated, and has been dealt with.
    Repeated,
    /// The ACK of a final answer that is not 2xx: done.
    Acknowledged,
}

impl Stack {
    /// Matches a request other than ACK by the key of its transaction (§17.2.3).
    pub(crate) fn server_receive(&mut self, key: &[u8]) -> Arrival {
        let Some(server) = self.server_keys.get(key).and_then(|tx| self.servers.get(tx)) else {
            return Arrival::New;
        };
        let again = match &server.state {
            State::InviteProceeding { provisional: bytes }
            | State::InviteCompleted { response: bytes, .. }
            | State::Completed { response: bytes } => bytes.clone(),
            State::InviteAccepted | State::InviteConfirmed | State::Trying => Vec::new(),
        };
        let hop = server.hop;
        if !again.is_empty() {
            self.send(hop, again);
        }
        Arrival::Repeated
    }

    /// Matches an ACK by the key of its INVITE. An ACK of a 2xx is [`Arrival::New`]: the dialog's.
    pub(crate) fn server_ack(&mut self, key: &[u8]) -> Arrival {
        let Some(&tx) = self.server_keys.get(key) else {
            return Arrival::New;
        };
        let Some(server) = self.servers.get_mut(&tx) else {
            return Arrival::New;
        };
        match server.state {
            State::InviteCompleted { .. } => {
                let wait = if server.hop.is_reliable() {
                    Duration::ZERO
                } else {
                    T4
                };
                server.state = State::InviteConfirmed;
                self.timers.cancel(TimerKey::ServerRetransmit(tx));
                self.set_timer(TimerKey::ServerEnd(tx), wait);
                Arrival::Acknowledged
            }
            State::InviteConfirmed => Arrival::Acknowledged,
            _ => Arrival::New,
        }
    }

    /// Whether the same request is already being served by another path (§8.2.2.2): its answer is 482.
    pub(crate) fn is_merged(&self, merge_key: &[u8]) -> bool {
        self.merge_keys.contains_key(merge_key)
    }

    /// The INVITE transaction that a CANCEL with this key means (§9.2).
    pub(crate) fn server_by_key(&self, key: &[u8]) -> Option<TxId> {
        self.server_keys.get(key).copied()
    }

    /// Notes the leg that an INVITE made.
    pub(crate) fn server_set_leg(&mut self, tx: TxId, leg: LegId) {
        if let Some(server) = self.servers.get_mut(&tx) {
            server.leg = Some(leg);
        }
    }

    /// The leg that an INVITE made.
    pub(crate) fn server_leg(&self, tx: TxId) -> Option<LegId> {
        self.servers.get(&tx).and_then(|server| server.leg)
    }

    /// A new server transaction, answers of which go to `hop`. `invite` tells the two machines apart.
    pub(crate) fn server_open(
        &mut self,
        key: &[u8],
        merge_key: Option<&[u8]>,
        hop: Hop,
        invite: bool,
    ) -> TxId {
        let tx = TxId(self.server_next);
        self.server_next += 1;
        let key: Box<[u8]> = key.into();
        let merge_key: Option<Box<[u8]>> = merge_key.map(Into::into);
        self.server_keys.insert(key.clone(), tx);
        if let Some(merge_key) = &merge_key {
            self.merge_keys.insert(merge_key.clone(), tx);
        }
        let state = if invite {
            State::InviteProceeding {
                provisional: Vec::new(),
            }
        } else {
            State::Trying
        };
        self.servers.insert(
            tx,
            Server {
                key,
                merge_key,
                hop,
                leg: None,
                state,
            },
        );
        tx
    }

    /// Sends an answer. A second final answer is ignored: the first one stands.
    pub(crate) fn server_respond(&mut self, tx: TxId, status: u16, bytes: Vec<u8>) {
        let (t1, t1_64) = (self.t1(), self.t1_64());
        let Some(server) = self.servers.get_mut(&tx) else {
            return;
        };
        let hop = server.hop;
        let reliable = hop.is_reliable();
        match &server.state {
            State::InviteProceeding { .. } if status < 200 => {
                server.state = State::InviteProceeding {
                    provisional: bytes.clone(),
                };
            }
            State::InviteProceeding { .. } if status < 300 => {
                server.state = State::InviteAccepted;
                self.set_timer(TimerKey::ServerEnd(tx), t1_64); // L
            }
            State::InviteProceeding { .. } => {
                server.state = State::InviteCompleted {
                    response: bytes.clone(),
                    interval: t1,
                };
                if !reliable {
                    self.set_timer(TimerKey::ServerRetransmit(tx), t1); // G
                }
                self.set_timer(TimerKey::ServerEnd(tx), t1_64); // H
            }
            State::Trying if status >= 200 => {
                let wait = if reliable { Duration::ZERO } else { t1_64 }; // J
                server.state = State::Completed {
                    response: bytes.clone(),
                };
                self.set_timer(TimerKey::ServerEnd(tx), wait);
            }
            _ => return,
        }
        self.send(hop, bytes);
    }

    /// Where answers of the transaction go.
    pub(crate) fn server_hop(&self, tx: TxId) -> Option<Hop> {
        self.servers.get(&tx).map(|server| server.hop)
    }

    /// Timer G.
    pub(crate) fn server_retransmit(&mut self, tx: TxId) {
        let Some(server) = self.servers.get_mut(&tx) else {
            return;
        };
        let State::InviteCompleted { response, interval } = &mut server.state else {
            return;
        };
        *interval = (*interval * 2).min(T2);
        let (bytes, hop, wait) = (response.clone(), server.hop, *interval);
        self.send(hop, bytes);
        self.set_timer(TimerKey::ServerRetransmit(tx), wait);
    }

    /// Timers H, I, J and L.
    pub(crate) fn server_end(&mut self, tx: TxId) {
        self.timers.cancel(TimerKey::ServerRetransmit(tx));
        let Some(server) = self.servers.remove(&tx) else {
            return;
        };
        self.server_keys.remove(&server.key);
        if let Some(merge_key) = server.merge_key {
            self.merge_keys.remove(&merge_key);
        }
    }
}
