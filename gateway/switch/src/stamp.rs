//! Turns drafts into events: version, position, time and cause.

use std::collections::VecDeque;

use hotline_journal::{Draft, EVENT_VERSION, Event, Seq};
use hotline_types::Now;

use crate::api::{Effect, Output};

/// Everything the switch has said and not yet handed out, in order; and the journal's next position.
#[derive(Debug)]
pub(crate) struct Outbound {
    queue: VecDeque<Output>,
    last: Seq,
    /// First event of the present turn: what led to the others.
    root: Option<Seq>,
}

impl Outbound {
    /// Continues the journal after `last`.
    pub(crate) const fn new(last: Seq) -> Self {
        Self {
            queue: VecDeque::new(),
            last,
            root: None,
        }
    }

    /// A new input begins: its first event has no cause.
    pub(crate) const fn begin_turn(&mut self) {
        self.root = None;
    }

    /// Stamps a draft and queues it; answers its position.
    pub(crate) fn event(&mut self, now: Now, draft: Draft) -> Seq {
        let seq = self.last.next();
        self.last = seq;
        let cause_seq = self.root;
        self.root.get_or_insert(seq);
        self.queue.push_back(Output::Event(Event {
            v: EVENT_VERSION,
            seq,
            at: now.wall,
            contact: draft.contact,
            segment: draft.segment,
            agent: draft.agent,
            queue: draft.queue,
            offer: draft.offer,
            cause_seq,
            by: draft.by,
            what: draft.what,
        }));
        seq
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.queue.push_back(Output::Effect(effect));
    }

    pub(crate) fn pop(&mut self) -> Option<Output> {
        self.queue.pop_front()
    }

    /// Position of the last event.
    pub(crate) const fn last(&self) -> Seq {
        self.last
    }
}
