//! An event before the switch stamps it with position, time and cause.

use hotline_types::{AgentSlug, ContactId, OfferId, QueueSlug, SegmentId};

use crate::{By, What};

/// What a core says happened. The switch adds version, position, time and cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The contact it belongs to.
    pub contact: Option<ContactId>,
    /// The segment.
    pub segment: Option<SegmentId>,
    /// The agent.
    pub agent: Option<AgentSlug>,
    /// The queue.
    pub queue: Option<QueueSlug>,
    /// The offer.
    pub offer: Option<OfferId>,
    /// Who caused it.
    pub by: By,
    /// What happened.
    pub what: What,
}

impl Draft {
    /// An event about nothing in particular yet; the `with`-style setters say what about.
    #[must_use]
    pub const fn new(by: By, what: What) -> Self {
        Self {
            contact: None,
            segment: None,
            agent: None,
            queue: None,
            offer: None,
            by,
            what,
        }
    }

    /// About this contact.
    #[must_use]
    pub const fn contact(mut self, contact: ContactId) -> Self {
        self.contact = Some(contact);
        self
    }

    /// About this segment.
    #[must_use]
    pub const fn segment(mut self, segment: SegmentId) -> Self {
        self.segment = Some(segment);
        self
    }

    /// About this agent.
    #[must_use]
    pub fn agent(mut self, agent: AgentSlug) -> Self {
        self.agent = Some(agent);
        self
    }

    /// About this queue.
    #[must_use]
    pub fn queue(mut self, queue: QueueSlug) -> Self {
        self.queue = Some(queue);
        self
    }

    /// About this offer.
    #[must_use]
    pub const fn offer(mut self, offer: OfferId) -> Self {
        self.offer = Some(offer);
        self
    }
}
