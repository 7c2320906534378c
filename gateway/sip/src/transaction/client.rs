//! Client transactions: the UAC side of one request.
//!
//! | INVITE (RFC 6026 §7.2) | event | next | action |
//! |---|---|---|---|
//! | Calling | A (datagrams) | Calling | INVITE again, pause doubled (§17.1.1.2) |
//! | Calling | B, transport failed | gone | the user is told |
//! | Calling, Proceeding | 1xx | Proceeding | a CANCEL held back goes out (§9.1) |
//! | Calling, Proceeding | 2xx | Accepted | timer M, to the user, who hands back the ACK |
//! | Calling, Proceeding | 3xx-6xx | Completed | ACK, timer D, to the user |
//! | Completed | 3xx-6xx again | Completed | ACK again |
//! | Accepted | 2xx of a known tag | Accepted | its ACK again (§13.2.2.4) |
//! | Accepted | 2xx of a new tag | Accepted | to the user: a second fork answered |
//! | Completed, Accepted | D, M | gone | |
//! | Proceeding | 64*T1 after CANCEL | gone | nothing came of it (§9.1) |
//!
//! Other methods (§17.1.2): Trying and Proceeding with timers E and F, then Completed until timer K.

use std::net::SocketAddr;
use std::time::Duration;

use super::{DATAGRAM_REQUEST_MAX, Hop, Stack, T2, T4, TIMER_D, TxId, User};
use crate::build;
use crate::endpoint::wire;
use crate::header::Name;
use crate::message::Message;
use crate::timer::TimerKey;
use crate::{ConnId, Transport};

/// Most different 2xx (forks behind one branch) that one INVITE is acknowledged to.
const FORKS_MAX: usize = 8;

/// One client transaction.
#[derive(Debug)]
pub(crate) struct Client {
    user: User,
    hop: Hop,
    request: Vec<u8>,
    /// The request was moved to TCP for its size alone, and may go back.
    moved_to_tcp: bool,
    cancel: Cancel,
    state: State,
}

impl Client {
    fn lapse(self) -> Lapse {
        Lapse {
            user: self.user,
            to: self.hop.to,
        }
    }

    fn new(user: User, hop: Hop, request: Vec<u8>, state: State) -> Self {
        Self {
            user,
            hop,
            request,
            moved_to_tcp: false,
            cancel: Cancel::No,
            state,
        }
    }
}

#[derive(Debug)]
enum State {
    Calling {
        interval: Duration,
    },
    InviteProceeding,
    /// The ACK is kept for repetitions; none where our INVITE outgrew what a message may have.
    InviteCompleted {
        ack: Option<Vec<u8>>,
    },
    InviteAccepted {
        acks: Vec<Ack>,
    },
    Trying {
        interval: Duration,
    },
    Proceeding,
    Completed,
}

/// The ACK of one 2xx, kept for its repetitions.
#[derive(Debug)]
struct Ack {
    tag: Box<[u8]>,
    hop: Hop,
    bytes: Vec<u8>,
}

/// CANCEL may only follow a provisional answer (§9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cancel {
    No,
    Held(Option<&'static str>),
    Sent,
}

/// What a response that arrived is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It belongs to no transaction.
    Stray,
    /// It was dealt with.
    Absorbed,
    /// For this user.
    For(TxId, User),
}

/// A client transaction that ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lapse {
    pub(crate) user: User,
    /// Where the request went.
    pub(crate) to: SocketAddr,
}

impl Stack {
    /// The id, and so the branch, of the next client transaction. Not guessable.
    pub(crate) fn new_branch(&mut self) -> TxId {
        TxId(self.rng.next_u64())
    }

    /// Sends a request whose topmost Via carries the branch of `tx`.
    pub(crate) fn client_send(&mut self, tx: TxId, user: User, hop: Hop, request: Vec<u8>, invite: bool) {
        let interval = self.t1();
        let state = if invite {
            State::Calling { interval }
        } else {
            State::Trying { interval }
        };
        let mut client = Client::new(user, hop, request, state);
        if hop.transport == Transport::Udp && client.request.len() > DATAGRAM_REQUEST_MAX {
            client.hop.transport = Transport::Tcp;
            client.moved_to_tcp = true;
            wire::set_via_transport(&mut client.request, Transport::Tcp);
        }
        let (hop, bytes) = (client.hop, client.request.clone());
        self.clients.insert(tx, client);
        self.client_start(tx, hop, bytes);
    }

    /// Gives up sooner than timers B and F where nothing at all is heard.
    pub(crate) fn client_hurry(&mut self, tx: TxId, after: Duration) {
        if self.clients.contains_key(&tx) {
            self.set_timer(TimerKey::ClientTimeout(tx), after);
        }
    }

    fn client_start(&mut self, tx: TxId, hop: Hop, bytes: Vec<u8>) {
        let (t1, t1_64) = (self.t1(), self.t1_64());
        self.send(hop, bytes);
        if !hop.is_reliable() {
            self.set_timer(TimerKey::ClientRetransmit(tx), t1); // A, E
        }
        self.set_timer(TimerKey::ClientTimeout(tx), t1_64); // B, F
    }

    /// Matches a response by the branch of its topmost Via and the method of its CSeq (§17.1.3).
    pub(crate) fn client_receive(
        &mut self,
        tx: TxId,
        invite: bool,
        status: u16,
        to_tag: &[u8],
        to_value: &[u8],
    ) -> Heard {
        let Some(client) = self.clients.get_mut(&tx) else {
            return Heard::Stray;
        };
        let user = client.user;
        let hop = client.hop;
        match &mut client.state {
            State::Calling { .. } | State::InviteProceeding if invite => {
                self.client_invite_heard(tx, status, to_value);
                Heard::For(tx, user)
            }
            State::InviteCompleted { ack } if invite && status >= 300 => {
                if let Some(ack) = ack.clone() {
                    self.send(hop, ack);
                }
                Heard::Absorbed
            }
            State::InviteAccepted { acks } if invite && (200..300).contains(&status) => {
                let Some(ack) = acks.iter().find(|ack| *ack.tag == *to_tag) else {
                    return if acks.len() < FORKS_MAX {
                        Heard::For(tx, user)
                    } else {
                        Heard::Absorbed
                    };
                };
                let (hop, bytes) = (ack.hop, ack.bytes.clone());
                self.send(hop, bytes);
                Heard::Absorbed
            }
            State::Trying { .. } | State::Proceeding if !invite => {
                self.client_other_heard(tx, status);
                Heard::For(tx, user)
            }
            State::InviteCompleted { .. } | State::InviteAccepted { .. } if invite => Heard::Absorbed,
            State::Completed if !invite => Heard::Absorbed,
            _ => Heard::Stray,
        }
    }

    fn client_invite_heard(&mut self, tx: TxId, status: u16, to_value: &[u8]) {
        let t1_64 = self.t1_64();
        let Some(client) = self.clients.get_mut(&tx) else {
            return;
        };
        self.timers.cancel(TimerKey::ClientRetransmit(tx));
        self.timers.cancel(TimerKey::ClientTimeout(tx));
        match status {
            ..200 => {
                client.state = State::InviteProceeding;
                if let Cancel::Held(reason) = client.cancel {
                    self.client_cancel_now(tx, reason);
                }
            }
            200..300 => {
                client.state = State::InviteAccepted { acks: Vec::new() };
                self.set_timer(TimerKey::ClientEnd(tx), t1_64); // M
            }
            300.. => {
                let invite = Message::index(&client.request).ok();
                let ack = invite.map(|invite| build::ack_of_failure(&invite, to_value).finish());
                let (hop, bytes) = (client.hop, ack.clone());
                client.state = State::InviteCompleted { ack };
                if let Some(bytes) = bytes {
                    self.send(hop, bytes);
                }
                let wait = if hop.is_reliable() {
                    Duration::ZERO
                } else {
                    TIMER_D
                };
                self.set_timer(TimerKey::ClientEnd(tx), wait); // D
            }
        }
    }

    fn client_other_heard(&mut self, tx: TxId, status: u16) {
        let Some(client) = self.clients.get_mut(&tx) else {
            return;
        };
        let reliable = client.hop.is_reliable();
        if status < 200 {
            client.state = State::Proceeding;
            if !reliable {
                self.set_timer(TimerKey::ClientRetransmit(tx), T2);
            }
            return;
        }
        client.state = State::Completed;
        self.timers.cancel(TimerKey::ClientRetransmit(tx));
        self.timers.cancel(TimerKey::ClientTimeout(tx));
        self.set_timer(
            TimerKey::ClientEnd(tx),
            if reliable { Duration::ZERO } else { T4 },
        ); // K
    }

    /// Sends the ACK of a 2xx and keeps it for repetitions of that 2xx.
    pub(crate) fn client_acknowledge(&mut self, tx: TxId, tag: &[u8], hop: Hop, ack: Vec<u8>) {
        if let Some(Client {
            state: State::InviteAccepted { acks },
            ..
        }) = self.clients.get_mut(&tx)
            && acks.len() < FORKS_MAX
        {
            acks.push(Ack {
                tag: tag.into(),
                hop,
                bytes: ack.clone(),
            });
        }
        self.send(hop, ack);
    }

    /// Cancels an INVITE: at once where a provisional answer was heard, after it where not (§9.1).
    /// `reason` is the value of its Reason header.
    pub(crate) fn client_cancel(&mut self, tx: TxId, reason: Option<&'static str>) {
        let Some(client) = self.clients.get_mut(&tx) else {
            return;
        };
        match (&client.state, client.cancel) {
            (State::Calling { .. }, Cancel::No) => client.cancel = Cancel::Held(reason),
            (State::InviteProceeding, Cancel::No) => self.client_cancel_now(tx, reason),
            _ => {}
        }
    }

    fn client_cancel_now(&mut self, tx: TxId, reason: Option<&'static str>) {
        let t1_64 = self.t1_64();
        let Some(client) = self.clients.get_mut(&tx) else {
            return;
        };
        client.cancel = Cancel::Sent;
        let hop = client.hop;
        let cancel = Message::index(&client.request).ok().map(|invite| {
            let cancel = build::cancel_of(&invite);
            match reason {
                Some(reason) => cancel.header(Name::Reason, reason).finish(),
                None => cancel.finish(),
            }
        });
        self.set_timer(TimerKey::ClientEnd(tx), t1_64);
        let Some(bytes) = cancel else { return };
        // The CANCEL has the branch of its INVITE (§9.1); here it is its own transaction under a neighbouring id.
        let cancel = cancel_id(tx);
        let interval = self.t1();
        let client = Client::new(User::Nobody, hop, bytes.clone(), State::Trying { interval });
        self.clients.insert(cancel, client);
        self.client_start(cancel, hop, bytes);
    }

    /// The dialog of a re-INVITE is gone, and perhaps its peer with it: an answer is awaited for 64*T1, no longer.
    pub(crate) fn client_abandon(&mut self, tx: TxId) {
        if self.clients.contains_key(&tx) {
            self.set_timer(TimerKey::ClientEnd(tx), self.t1_64());
        }
    }

    /// The request that was sent in this transaction.
    pub(crate) fn client_request(&self, tx: TxId) -> Option<(Message<'_>, Hop)> {
        let client = self.clients.get(&tx)?;
        let request = Message::index(&client.request).ok()?;
        Some((request, client.hop))
    }

    /// Timers A and E.
    pub(crate) fn client_retransmit(&mut self, tx: TxId) {
        let Some(client) = self.clients.get_mut(&tx) else {
            return;
        };
        let wait = match &mut client.state {
            State::Calling { interval } => {
                *interval *= 2;
                *interval
            }
            State::Trying { interval } => {
                *interval = (*interval * 2).min(T2);
                *interval
            }
            State::Proceeding => T2,
            _ => return,
        };
        let (hop, bytes) = (client.hop, client.request.clone());
        self.send(hop, bytes);
        self.set_timer(TimerKey::ClientRetransmit(tx), wait);
    }

    /// Timers B and F.
    pub(crate) fn client_timeout(&mut self, tx: TxId) -> Option<Lapse> {
        self.client_remove(tx).map(Client::lapse)
    }

    /// Timers D, K and M, and the end of the wait after a CANCEL.
    pub(crate) fn client_end(&mut self, tx: TxId) {
        self.client_remove(tx);
    }

    fn client_remove(&mut self, tx: TxId) -> Option<Client> {
        self.timers.cancel(TimerKey::ClientRetransmit(tx));
        self.timers.cancel(TimerKey::ClientTimeout(tx));
        self.timers.cancel(TimerKey::ClientEnd(tx));
        self.clients.remove(&tx)
    }

    /// Nothing can be sent to this address (§17.1.4, §18.4): requests that were moved to TCP for their size go
    /// back to UDP (§18.1.1), others end. Answered transactions stay.
    pub(crate) fn client_transport_failed(&mut self, transport: Transport, to: SocketAddr) -> Vec<Lapse> {
        self.client_broken(|hop| hop.transport == transport && hop.to == to)
    }

    /// A connection closed: what was sent on it and is not answered is lost.
    pub(crate) fn client_conn_closed(&mut self, conn: ConnId) -> Vec<Lapse> {
        self.client_broken(|hop| hop.conn == Some(conn))
    }

    fn client_broken(&mut self, hit: impl Fn(&Hop) -> bool) -> Vec<Lapse> {
        let waiting = |client: &Client| {
            matches!(
                client.state,
                State::Calling { .. } | State::Trying { .. } | State::Proceeding
            )
        };
        let broken: Vec<TxId> = self
            .clients
            .iter()
            .filter(|(_, client)| hit(&client.hop) && waiting(client))
            .map(|(tx, _)| *tx)
            .collect();
        let mut lapses = Vec::new();
        for tx in broken {
            let Some(client) = self.clients.get_mut(&tx) else {
                continue;
            };
            if client.moved_to_tcp {
                client.moved_to_tcp = false;
                client.hop.transport = Transport::Udp;
                wire::set_via_transport(&mut client.request, Transport::Udp);
                let (hop, bytes) = (client.hop, client.request.clone());
                self.client_start(tx, hop, bytes);
            } else if let Some(client) = self.client_remove(tx) {
                lapses.push(client.lapse());
            }
        }
        lapses
    }
}

/// The id of the CANCEL transaction of an INVITE transaction. Branches of INVITEs are random 64-bit numbers, so
/// that two of them being bitwise complements is as unlikely as a guessed tag.
pub(crate) fn cancel_id(invite: TxId) -> TxId {
    TxId(!invite.0)
}
