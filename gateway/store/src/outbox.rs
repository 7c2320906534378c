//! What is told to other systems: made in the transaction of the events it comes from, by ids the gateway made.

use hotline_journal::{ContactRecord, Event, Recording, What};
use hotline_types::{
    AgentSlug, ContactId, NumberSlug, OfferId, PersonId, QueueSlug, SegmentId, SegmentKind, TrunkSlug,
    WallTime,
};
use serde::{Deserialize, Serialize};

use crate::PersonRow;
use crate::rows::{OUTBOX, json, tagged};
use crate::script::Rows;

/// Name of the first sink: the embedded service desk.
pub(crate) const DESK_SINK: &str = "desk";

/// One thing to tell. Numbers and names are looked up when it is told, so erasing a person reaches what still waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "data")]
pub(crate) enum Message {
    Pop(PopMessage),
    Contact(Box<ContactMessage>),
    Recording(RecordingMessage),
}

/// Who is calling, for the agent whose phone is about to ring.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PopMessage {
    pub(crate) offer: OfferId,
    pub(crate) contact: ContactId,
    pub(crate) agent: AgentSlug,
    pub(crate) queue: QueueSlug,
    pub(crate) number: Option<NumberSlug>,
    pub(crate) person: PersonId,
    pub(crate) waited_ms: u64,
    pub(crate) path: Vec<String>,
    pub(crate) at: WallTime,
}

/// A contact that is over.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ContactMessage {
    pub(crate) contact: ContactId,
    pub(crate) number: Option<NumberSlug>,
    pub(crate) trunk: TrunkSlug,
    pub(crate) person: PersonId,
    pub(crate) business_date: String,
    pub(crate) opened_at: WallTime,
    pub(crate) connected_at: Option<WallTime>,
    pub(crate) closed_at: WallTime,
    pub(crate) end: String,
    pub(crate) why: Option<String>,
    pub(crate) sip_status: Option<u16>,
    pub(crate) queue: Option<QueueSlug>,
    pub(crate) agent: Option<AgentSlug>,
    pub(crate) waited_ms: u64,
    pub(crate) talked_ms: u64,
    pub(crate) path: Vec<String>,
    pub(crate) queues: Vec<QueueSlug>,
}

/// A recording that is complete, or failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RecordingMessage {
    pub(crate) contact: ContactId,
    pub(crate) segment: SegmentId,
    pub(crate) path: String,
    pub(crate) length_ms: Option<u64>,
    pub(crate) repaired: bool,
    pub(crate) failed: Option<String>,
}

/// A message with its place in the outbox.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) id: i64,
    /// Whom it is about, where that is at hand.
    pub(crate) person: Option<PersonRow>,
    pub(crate) message: Message,
}

impl Message {
    /// The screen-pop of an offer; none where the event is not one, or names no agent or queue.
    pub(crate) fn pop(event: &Event, record: &ContactRecord) -> Option<Self> {
        if !matches!(event.what, What::OfferMade { .. }) {
            return None;
        }
        Some(Self::Pop(PopMessage {
            offer: event.offer?,
            contact: record.id,
            agent: event.agent.clone()?,
            queue: event
                .queue
                .clone()
                .or_else(|| record.waiting().map(|visit| visit.queue.clone()))?,
            number: record.number.clone(),
            person: record.person,
            waited_ms: record.waited_us(event.at) / 1_000,
            path: record.path.clone(),
            at: event.at,
        }))
    }

    /// The record of a contact that is over.
    pub(crate) fn contact(record: &ContactRecord) -> Self {
        let (end, why) = record.end.as_ref().map(tagged).unwrap_or_default();
        let last = record.queues.last();
        let talks = record
            .segments
            .iter()
            .filter(|segment| segment.kind == SegmentKind::Talk);
        let talked: std::time::Duration = talks
            .filter_map(|talk| talk.closed_at.map(|closed| closed.since(talk.opened_at)))
            .sum();
        Self::Contact(Box::new(ContactMessage {
            contact: record.id,
            number: record.number.clone(),
            trunk: record.trunk.clone(),
            person: record.person,
            business_date: record.business_date.0.clone(),
            opened_at: record.opened_at,
            connected_at: record.connected_at,
            closed_at: record.closed_at.unwrap_or(record.last_at),
            end,
            why,
            sip_status: record.sip_status,
            queue: last.map(|visit| visit.queue.clone()),
            agent: last.and_then(|visit| visit.agent.clone()),
            waited_ms: record.queues.iter().map(|visit| visit.wait_us).sum::<u64>() / 1_000,
            talked_ms: u64::try_from(talked.as_millis()).unwrap_or(u64::MAX),
            path: record.path.clone(),
            queues: record.queues.iter().map(|visit| visit.queue.clone()).collect(),
        }))
    }

    /// A recording, once it is sealed or has failed.
    pub(crate) fn recording(contact: ContactId, recording: &Recording) -> Self {
        Self::Recording(RecordingMessage {
            contact,
            segment: recording.segment,
            path: recording.path.clone(),
            length_ms: recording.length_ms,
            repaired: recording.repaired,
            failed: recording.failed.clone(),
        })
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Pop(_) => "pop",
            Self::Contact(_) => "contact",
            Self::Recording(_) => "recording",
        }
    }

    fn contact_id(&self) -> ContactId {
        match self {
            Self::Pop(pop) => pop.contact,
            Self::Contact(contact) => contact.contact,
            Self::Recording(recording) => recording.contact,
        }
    }

    /// Whose number and name it needs.
    pub(crate) const fn person(&self) -> Option<PersonId> {
        match self {
            Self::Pop(pop) => Some(pop.person),
            Self::Contact(contact) => Some(contact.person),
            Self::Recording(_) => None,
        }
    }
}

pub(crate) fn push_item(rows: &mut Rows, item: &Item) {
    let message = &item.message;
    rows.push(
        OUTBOX,
        [
            item.id.into(),
            DESK_SINK.into(),
            message.contact_id().to_string().into(),
            message.kind().into(),
            json(message).into(),
        ],
    );
}
