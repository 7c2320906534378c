//! After a crash: the events that end what the crash left open.

use hotline_types::{EndCause, LostReason, OfferOutcome, QueueExit, WallTime};

use crate::{By, ContactRecord, Draft, EVENT_VERSION, Event, Seq, What};

/// The moment at which a contact left open by a crash counts as over: its last known event. The downtime belongs to no
/// contact, so waits, talks and recordings do not grow by it.
#[must_use]
pub const fn closing_at(record: &ContactRecord) -> WallTime {
    record.last_at
}

/// The events that close a contact left open by a crash as lost by the restart, in order: its offers are withdrawn,
/// its talk is unbridged, its place in the queue is lost, its segments end, newest first, and it is closed. They must
/// be stamped with [`closing_at`]; [`closing_events`] does. Agents need nothing: they come back with the intent of
/// their last `AgentIntent`, idle.
#[must_use]
pub fn closing(record: &ContactRecord) -> Vec<Draft> {
    let lost = LostReason::Restart;
    let draft = |what| Draft::new(By::System, what).contact(record.id);
    let mut drafts = Vec::new();
    for offer in record.offers.iter().filter(|offer| offer.ended_at.is_none()) {
        let what = What::OfferEnded {
            outcome: OfferOutcome::Withdrawn,
            sip_status: None,
        };
        let mut ended = draft(what).offer(offer.id);
        ended.agent.clone_from(&offer.agent);
        ended.queue.clone_from(&offer.queue);
        drafts.push(ended);
    }
    if let Some((segment, agent)) = &record.bridged {
        drafts.push(draft(What::Unbridged).segment(*segment).agent(agent.clone()));
    }
    for visit in record.queues.iter().filter(|visit| visit.left_at.is_none()) {
        let wait_us = crate::contact::micros(closing_at(record).since(visit.entered_at));
        drafts.push(
            draft(What::QueueLeft {
                exit: QueueExit::Lost(lost),
                wait_us,
            })
            .queue(visit.queue.clone()),
        );
    }
    for segment in record
        .segments
        .iter()
        .rev()
        .filter(|segment| segment.closed_at.is_none())
    {
        let mut closed = draft(What::SegmentClosed).segment(segment.id);
        closed.agent.clone_from(&segment.agent);
        closed.queue.clone_from(&segment.queue);
        drafts.push(closed);
    }
    drafts.push(draft(What::ContactClosed {
        cause: EndCause::Lost(lost),
        sip_status: None,
    }));
    drafts
}

/// [`closing`], stamped: positions from `next` on, at [`closing_at`], caused by the contact's last event.
#[must_use]
pub fn closing_events(record: &ContactRecord, next: Seq) -> Vec<Event> {
    let mut seq = next;
    let stamp = |draft: Draft| {
        let event = Event {
            v: EVENT_VERSION,
            seq,
            at: closing_at(record),
            contact: draft.contact,
            segment: draft.segment,
            agent: draft.agent,
            queue: draft.queue,
            offer: draft.offer,
            cause_seq: Some(record.last_seq),
            by: draft.by,
            what: draft.what,
        };
        seq = seq.next();
        event
    };
    closing(record).into_iter().map(stamp).collect()
}
