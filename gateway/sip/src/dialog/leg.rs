//! Legs: the table of calls as the user sees them, and what states a leg can be in.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hotline_types::LegId;

use super::Dialog;
use super::outbound::Dialling;
use super::refer::Referring;
use super::reliable::Reliable;
use super::session::Session;
use crate::build::Head;
use crate::endpoint::wire;
use crate::timer::TimerKey;
use crate::transaction::{Hop, Stack, TxId};
use crate::{Counted, Event, LegEnd, Listener, ListenerId, ReleaseReason, Role, Source};

/// What is fixed for all legs of a machine.
#[derive(Clone, Debug)]
pub(crate) struct LegSettings {
    /// Product token of Server and User-Agent.
    pub(crate) product: String,
    /// Most legs at once.
    pub(crate) legs_max: usize,
    /// All listeners.
    pub(crate) listeners: Vec<Listener>,
    /// User part of our Contact.
    pub(crate) contact_user: &'static str,
}

/// How a listener shows itself to its peers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SocketFace {
    pub(crate) role: Role,
    pub(crate) advertised: SocketAddr,
    /// User part of our Contact.
    pub(crate) user: &'static str,
}

/// A 2xx to an INVITE that waits for its ACK (RFC 3261 §13.3.1.4).
#[derive(Debug)]
pub(crate) struct OkSent {
    pub(crate) cseq: u32,
    pub(crate) bytes: Vec<u8>,
    pub(crate) hop: Hop,
    pub(crate) interval: Duration,
    /// Our 2xx held an offer, so the ACK must hold the answer.
    pub(crate) offered: bool,
    /// The first INVITE of the leg.
    pub(crate) first: bool,
}

/// A request of the peer that waits for the user's answer.
#[derive(Debug)]
pub(crate) struct Answering {
    pub(crate) tx: TxId,
    pub(crate) cseq: u32,
    pub(crate) invite: bool,
    /// What every answer begins with.
    pub(crate) head: Head,
    pub(crate) offered: bool,
    /// Session interval to grant.
    pub(crate) session: Option<Session>,
    /// The peer takes UPDATE.
    pub(crate) peer_updates: bool,
}

/// A re-INVITE of ours that is not answered.
#[derive(Debug)]
pub(crate) enum Reoffering {
    /// Waits for a final answer; `next` goes out after it.
    Sent {
        tx: TxId,
        sdp: Vec<u8>,
        retried: bool,
        next: Option<Vec<u8>>,
    },
    /// Waits after a 491 (§14.1).
    Paused { sdp: Vec<u8> },
    /// Waits until another INVITE transaction of the dialog is over (§14.1).
    Queued { sdp: Vec<u8> },
}

/// A leg with a confirmed dialog.
#[derive(Debug)]
pub(crate) struct Up {
    pub(crate) dialog: Dialog,
    pub(crate) ok: Option<OkSent>,
    pub(crate) answering: Option<Answering>,
    pub(crate) reoffering: Option<Reoffering>,
    /// Session interval in force (RFC 4028).
    pub(crate) session: Option<Session>,
    /// The peer takes UPDATE (its Allow says so).
    pub(crate) peer_updates: bool,
    /// Our SDP that holds, for a refresh by re-INVITE.
    pub(crate) sdp: Vec<u8>,
    /// A PRACK that may still come for a provisional answer which our 2xx overtook: its RSeq and CSeq.
    pub(crate) late_prack: Option<(u32, u32)>,
    /// A REFER of the peer that is not finished.
    pub(crate) referring: Option<Referring>,
    /// We sent a REFER and await its NOTIFYs.
    pub(crate) refers: bool,
    /// Released by the user while our 2xx was not acknowledged: BYE follows the ACK (RFC 3261 §15).
    pub(crate) released: Option<ReleaseReason>,
}

impl Up {
    pub(super) fn new(dialog: Dialog) -> Self {
        Self {
            dialog,
            ok: None,
            answering: None,
            reoffering: None,
            session: None,
            peer_updates: false,
            sdp: Vec::new(),
            late_prack: None,
            referring: None,
            refers: false,
            released: None,
        }
    }

    /// Ends the peer's re-INVITE or UPDATE that waits, as the dialog ends (RFC 3261 §15.1.2).
    pub(super) fn end_waiting(&self, stack: &mut Stack) {
        if let Some(answering) = &self.answering {
            stack.server_respond(answering.tx, 487, answering.head.response(487).finish());
        }
        if let Some(referring) = &self.referring {
            referring.end(stack);
        }
    }
}

/// An INVITE of the peer without a final answer.
#[derive(Debug)]
pub(crate) struct Ringing {
    pub(crate) dialog: Dialog,
    pub(crate) answering: Answering,
    /// Provisional answers must be reliable (RFC 3262 §3).
    pub(crate) reliably: bool,
    pub(crate) reliable: Option<Reliable>,
}

/// One leg.
#[derive(Debug)]
pub(crate) enum Leg {
    /// The peer calls, we have not answered.
    Incoming(Box<Ringing>),
    /// We call, nobody has answered.
    Dialling(Dialling),
    /// Answered.
    Up(Box<Up>),
}

impl Leg {
    pub(crate) fn dialog(&self) -> Option<&Dialog> {
        match self {
            Self::Incoming(ringing) => Some(&ringing.dialog),
            Self::Dialling(_) => None,
            Self::Up(up) => Some(&up.dialog),
        }
    }
}

/// The table of legs and what they report.
#[derive(Debug)]
pub(crate) struct Legs {
    pub(crate) settings: LegSettings,
    pub(super) table: BTreeMap<LegId, Leg>,
    /// Our tags, which requests inside a dialog carry.
    pub(super) by_tag: BTreeMap<u64, LegId>,
    next: u64,
    /// Incoming calls without an ACK, and whose they are.
    pub(super) unacknowledged: BTreeMap<LegId, Source>,
    /// Drained completely after each input; each input adds a bounded number.
    pub(crate) events: VecDeque<Event>,
}

impl Legs {
    pub(crate) fn new(settings: LegSettings) -> Self {
        let (table, by_tag) = (BTreeMap::new(), BTreeMap::new());
        Self {
            settings,
            table,
            by_tag,
            next: 1,
            unacknowledged: BTreeMap::new(),
            events: VecDeque::new(),
        }
    }

    pub(crate) fn new_leg(&mut self) -> LegId {
        let leg = LegId(self.next);
        self.next += 1;
        leg
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.table.len() >= self.settings.legs_max
    }

    pub(crate) fn listener(&self, id: ListenerId) -> Option<&Listener> {
        self.settings.listeners.iter().find(|known| known.id == id)
    }

    /// How the listener shows itself to this peer.
    pub(crate) fn face(&self, listener: ListenerId, peer: IpAddr) -> Option<SocketFace> {
        let listener = self.listener(listener)?;
        Some(SocketFace {
            role: listener.role,
            advertised: listener.shown_to(peer),
            user: self.settings.contact_user,
        })
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.events.push_back(event);
    }

    pub(crate) fn count(&mut self, what: Counted) {
        self.events.push_back(Event::Counted(what));
    }

    /// How many calls of this source wait for their ACK. There are never more than a few hundred, so they are counted
    /// when a call comes rather than kept.
    pub(crate) fn unacknowledged_of(&self, source: &Source) -> usize {
        self.unacknowledged
            .values()
            .filter(|known| *known == source)
            .count()
    }

    /// The leg whose dialog has this tag of ours.
    pub(crate) fn by_tag(&self, tag: &str) -> Option<LegId> {
        self.by_tag.get(&wire::parse_hex(tag)?).copied()
    }

    /// Takes the leg out with all its timers. Transactions of it run on by themselves.
    pub(super) fn remove(&mut self, stack: &mut Stack, leg: LegId) -> Option<Leg> {
        let gone = self.table.remove(&leg)?;
        self.unacknowledged.remove(&leg);
        if let Some(dialog) = gone.dialog() {
            self.by_tag.remove(&dialog.local_tag);
        }
        if let Leg::Up(up) = &gone
            && let Some(Reoffering::Sent { tx, .. }) = up.reoffering
        {
            stack.client_abandon(tx);
        }
        if let Leg::Dialling(dialling) = &gone {
            for fork in &dialling.forks {
                self.by_tag.remove(&fork.local_tag);
            }
        }
        for key in [
            TimerKey::OkRetransmit(leg),
            TimerKey::AckWait(leg),
            TimerKey::GlareRetry(leg),
            TimerKey::SessionExpiry(leg),
            TimerKey::SessionRefresh(leg),
        ] {
            stack.timers.cancel(key);
        }
        Some(gone)
    }

    /// Ends the leg and tells the user, unless the user released it before.
    pub(super) fn end(&mut self, stack: &mut Stack, leg: LegId, end: LegEnd) {
        let told = match self.remove(stack, leg) {
            Some(Leg::Up(up)) => up.released.is_none(),
            Some(_) => true,
            None => false,
        };
        if told {
            self.tell(Event::Ended { leg, end });
        }
    }

    #[cfg(test)]
    pub(crate) fn has_no_tags(&self) -> bool {
        self.by_tag.is_empty()
    }
}
