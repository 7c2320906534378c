//! The fold of contacts: everything a contact's row and its page show, computed from its events.

use std::collections::BTreeMap;

use hotline_types::{
    AgentSlug, BandSlug, ContactId, EndCause, FlowSlug, NumberSlug, OfferId, OfferOutcome, PersonId,
    QueueExit, QueueSlug, SegmentId, SegmentKind, TrunkSlug, WallTime,
};

use crate::{BusinessDate, Event, Seq, What};

/// Longest list of any kind a record keeps: path, queue visits, segments, offers, recordings. What comes later is
/// counted in [`ContactRecord::dropped`]; the journal still has it.
pub const DETAILS_MAX: usize = 256;

/// One contact as it is known so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactRecord {
    /// The contact.
    pub id: ContactId,
    /// Its opening event.
    pub first_seq: Seq,
    /// Its newest event.
    pub last_seq: Seq,
    /// Time of its newest event.
    pub last_at: WallTime,
    /// The access number; none where the called number is not ours.
    pub number: Option<NumberSlug>,
    /// The trunk it came by.
    pub trunk: TrunkSlug,
    /// The row with the caller's number and name.
    pub person: PersonId,
    /// The business date of its arrival.
    pub business_date: BusinessDate,
    /// The bands on at its arrival.
    pub bands: Vec<BandSlug>,
    /// The flow it stays on.
    pub flow: Option<FlowSlug>,
    /// The version of the flow.
    pub flow_version: Option<String>,
    /// When the call reached the gateway.
    pub opened_at: WallTime,
    /// When we answered it.
    pub connected_at: Option<WallTime>,
    /// When it was over.
    pub closed_at: Option<WallTime>,
    /// How it ended.
    pub end: Option<EndCause>,
    /// The SIP status of the end.
    pub sip_status: Option<u16>,
    /// The nodes of the flow it came to.
    pub path: Vec<String>,
    /// Its visits to queues.
    pub queues: Vec<QueueVisit>,
    /// Its segments.
    pub segments: Vec<Segment>,
    /// The offers made for it.
    pub offers: Vec<Offer>,
    /// Its recordings.
    pub recordings: Vec<Recording>,
    /// The segment in which caller and agent hear each other now, and the agent.
    pub bridged: Option<(SegmentId, AgentSlug)>,
    /// Details beyond [`DETAILS_MAX`] that the record does not keep.
    pub dropped: u32,
}

/// One visit to a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueVisit {
    /// The queue.
    pub queue: QueueSlug,
    /// When it entered.
    pub entered_at: WallTime,
    /// The time that counts for its place.
    pub enqueued_at: WallTime,
    /// When it left.
    pub left_at: Option<WallTime>,
    /// How it left.
    pub exit: Option<QueueExit>,
    /// Wait from entry to exit, microseconds; 0 while it waits.
    pub wait_us: u64,
    /// Who answered.
    pub agent: Option<AgentSlug>,
}

/// One segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The segment.
    pub id: SegmentId,
    /// What it is.
    pub kind: SegmentKind,
    /// The agent in it.
    pub agent: Option<AgentSlug>,
    /// The queue it belongs to.
    pub queue: Option<QueueSlug>,
    /// When it began.
    pub opened_at: WallTime,
    /// When it ended.
    pub closed_at: Option<WallTime>,
}

/// One offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The offer.
    pub id: OfferId,
    /// To whom.
    pub agent: Option<AgentSlug>,
    /// From which queue.
    pub queue: Option<QueueSlug>,
    /// When it was made.
    pub made_at: WallTime,
    /// When the phone rang.
    pub ringing_at: Option<WallTime>,
    /// When it ended.
    pub ended_at: Option<WallTime>,
    /// How it ended.
    pub outcome: Option<OfferOutcome>,
    /// The reason for the choice.
    pub why: String,
    /// The screen-pop came late.
    pub pop_late: bool,
}

/// One recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The segment recorded.
    pub segment: SegmentId,
    /// File, relative to the recordings' folder.
    pub path: String,
    /// When it began; of one sealed after its contact left the fold, when it was sealed.
    pub started_at: WallTime,
    /// Length of the sealed audio, milliseconds.
    pub length_ms: Option<u64>,
    /// It was repaired after a crash.
    pub repaired: bool,
    /// What went wrong, where it failed.
    pub failed: Option<String>,
}

impl ContactRecord {
    /// The queue it waits in now.
    #[must_use]
    pub fn waiting(&self) -> Option<&QueueVisit> {
        self.queues.last().filter(|visit| visit.left_at.is_none())
    }

    /// The time it has waited at `now`, in its present or last queue, microseconds.
    #[must_use]
    pub fn waited_us(&self, now: WallTime) -> u64 {
        let Some(visit) = self.queues.last() else { return 0 };
        if visit.left_at.is_some() {
            visit.wait_us
        } else {
            micros(now.since(visit.entered_at))
        }
    }
}

/// Whole microseconds; saturates.
pub(crate) fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// What an event changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A contact was opened; its record is in [`Contacts::get`].
    Opened(ContactId),
    /// An open contact's record changed; it is in [`Contacts::get`].
    Updated(ContactId),
    /// The contact is over; the fold no longer holds it.
    Closed(Box<ContactRecord>),
    /// A recording of a contact that is over was sealed or failed: the writer of rows updates the recording's own
    /// row, found by contact and segment, since the contact's record is no longer held.
    RecordedAfterwards(ContactId, Recording),
}

/// The fold: holds the open contacts only, so it is bounded by the lines of the hotline.
#[derive(Clone, Debug, Default)]
pub struct Contacts {
    open: BTreeMap<ContactId, ContactRecord>,
}

impl Contacts {
    /// Holding no contact.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            open: BTreeMap::new(),
        }
    }

    /// The record of an open contact.
    #[must_use]
    pub fn get(&self, contact: ContactId) -> Option<&ContactRecord> {
        self.open.get(&contact)
    }

    /// All open contacts, oldest first.
    pub fn open(&self) -> impl Iterator<Item = &ContactRecord> {
        self.open.values()
    }

    /// Takes one event in. Events of no contact, and events of a contact it does not hold, change nothing (but see
    /// [`Change::RecordedAfterwards`]).
    pub fn apply(&mut self, event: &Event) -> Option<Change> {
        let id = event.contact?;
        if let Some(record) = opened(id, event) {
            self.open.insert(id, record);
            return Some(Change::Opened(id));
        }
        let Some(record) = self.open.get_mut(&id) else {
            return afterwards(id, event);
        };
        record.last_seq = event.seq;
        record.last_at = record.last_at.max(event.at);
        if let What::ContactClosed { cause, sip_status } = event.what {
            let mut record = self.open.remove(&id)?;
            record.closed_at = Some(event.at);
            // Only a call whose machine failed leaves one open.
            for segment in &mut record.segments {
                segment.closed_at.get_or_insert(event.at);
            }
            record.end = Some(cause);
            record.sip_status = sip_status;
            return Some(Change::Closed(Box::new(record)));
        }
        step(record, event);
        Some(Change::Updated(id))
    }
}

fn opened(id: ContactId, event: &Event) -> Option<ContactRecord> {
    let What::ContactOpened {
        number,
        trunk,
        person,
        business_date,
        bands,
        flow,
        flow_version,
    } = &event.what
    else {
        return None;
    };
    Some(ContactRecord {
        id,
        first_seq: event.seq,
        last_seq: event.seq,
        last_at: event.at,
        number: number.clone(),
        trunk: trunk.clone(),
        person: *person,
        business_date: business_date.clone(),
        bands: bands.clone(),
        flow: flow.clone(),
        flow_version: flow_version.clone(),
        opened_at: event.at,
        connected_at: None,
        closed_at: None,
        end: None,
        sip_status: None,
        path: Vec::new(),
        queues: Vec::new(),
        segments: Vec::new(),
        offers: Vec::new(),
        recordings: Vec::new(),
        bridged: None,
        dropped: 0,
    })
}

fn afterwards(id: ContactId, event: &Event) -> Option<Change> {
    let segment = event.segment?;
    let mut recording = Recording {
        segment,
        path: String::new(),
        started_at: event.at,
        length_ms: None,
        repaired: false,
        failed: None,
    };
    record_recording(&mut recording, &event.what).then_some(Change::RecordedAfterwards(id, recording))
}

/// Takes the outcome of a recording in; false where the event is not one.
fn record_recording(recording: &mut Recording, what: &What) -> bool {
    match what {
        What::RecordingSealed {
            path,
            length_ms,
            repaired,
        } => {
            recording.path.clone_from(path);
            recording.length_ms = Some(*length_ms);
            recording.repaired = *repaired;
            recording.failed = None;
            true
        }
        What::RecordingFailed { path, error } => {
            recording.path.clone_from(path);
            recording.failed = Some(error.clone());
            true
        }
        _ => false,
    }
}

fn push<T>(list: &mut Vec<T>, dropped: &mut u32, detail: T) {
    if list.len() < DETAILS_MAX {
        list.push(detail);
    } else {
        *dropped = dropped.saturating_add(1);
    }
}

fn step(record: &mut ContactRecord, event: &Event) {
    match &event.what {
        What::CallerConnected => record.connected_at = Some(event.at),
        What::FlowNode { node, .. } => push(&mut record.path, &mut record.dropped, node.clone()),
        What::SegmentOpened { .. } | What::SegmentClosed => segment(record, event),
        What::QueueEntered { .. } | What::QueueLeft { .. } => queue(record, event),
        What::OfferMade { .. } | What::OfferRinging | What::PopLate | What::OfferEnded { .. } => {
            offer(record, event)
        }
        What::Bridged { .. } => {
            record.bridged = event.segment.zip(event.agent.clone());
        }
        What::Unbridged => record.bridged = None,
        What::RecordingStarted { .. } | What::RecordingSealed { .. } | What::RecordingFailed { .. } => {
            recorded(record, event);
        }
        What::Started { .. }
        | What::Stopped
        | What::FlowHeard { .. }
        | What::FlowNoted { .. }
        | What::SurveyAnswered { .. }
        | What::MessageKept { .. }
        | What::CallBackRequested { .. }
        | What::FlowActivated { .. }
        | What::EmergencySet { .. }
        | What::ContactOpened { .. }
        | What::ContactClosed { .. }
        | What::MediaMeasured { .. }
        | What::AgentIntent { .. }
        | What::AgentWork { .. }
        | What::AgentDevice { .. }
        | What::Disposed { .. }
        | What::AgentReleased { .. }
        | What::PauseOverrun { .. }
        | What::SeatsShort { .. }
        | What::SeatsFilled { .. }
        | What::AgentDeviceUnusable { .. }
        | What::OutsideDialled { .. }
        | What::OutsideAnswered { .. }
        | What::OutsideFailed { .. }
        | What::TrunkUp { .. }
        | What::TrunkDown { .. }
        | What::RecordingPaused { .. }
        | What::RecordingResumed
        | What::RecordingSkipped
        | What::RecordingHeard { .. }
        | What::RecordingDisk { .. } => {}
    }
}

fn segment(record: &mut ContactRecord, event: &Event) {
    let Some(id) = event.segment else { return };
    match event.what {
        What::SegmentOpened { segment_kind } => {
            let segment = Segment {
                id,
                kind: segment_kind,
                agent: event.agent.clone(),
                queue: event.queue.clone(),
                opened_at: event.at,
                closed_at: None,
            };
            push(&mut record.segments, &mut record.dropped, segment);
        }
        _ => {
            if let Some(segment) = record.segments.iter_mut().rev().find(|segment| segment.id == id) {
                segment.closed_at = Some(event.at);
            }
        }
    }
}

fn queue(record: &mut ContactRecord, event: &Event) {
    let Some(queue) = &event.queue else { return };
    match &event.what {
        What::QueueEntered { enqueued_at, .. } => {
            let visit = QueueVisit {
                queue: queue.clone(),
                entered_at: event.at,
                enqueued_at: *enqueued_at,
                left_at: None,
                exit: None,
                wait_us: 0,
                agent: None,
            };
            push(&mut record.queues, &mut record.dropped, visit);
        }
        What::QueueLeft { exit, wait_us } => {
            let open = record
                .queues
                .iter_mut()
                .rev()
                .find(|visit| visit.queue == *queue && visit.left_at.is_none());
            if let Some(visit) = open {
                visit.left_at = Some(event.at);
                visit.exit = Some(*exit);
                visit.wait_us = *wait_us;
                visit.agent.clone_from(&event.agent);
            }
        }
        _ => {}
    }
}

fn offer(record: &mut ContactRecord, event: &Event) {
    let Some(id) = event.offer else { return };
    if let What::OfferMade { why, .. } = &event.what {
        let offer = Offer {
            id,
            agent: event.agent.clone(),
            queue: event.queue.clone(),
            made_at: event.at,
            ringing_at: None,
            ended_at: None,
            outcome: None,
            why: why.clone(),
            pop_late: false,
        };
        push(&mut record.offers, &mut record.dropped, offer);
        return;
    }
    let Some(offer) = record.offers.iter_mut().rev().find(|offer| offer.id == id) else {
        return;
    };
    match event.what {
        What::OfferRinging => offer.ringing_at = Some(event.at),
        What::PopLate => offer.pop_late = true,
        What::OfferEnded { outcome, .. } => {
            offer.ended_at = Some(event.at);
            offer.outcome = Some(outcome);
        }
        _ => {}
    }
}

fn recorded(record: &mut ContactRecord, event: &Event) {
    let Some(segment) = event.segment else { return };
    let mut recording = Recording {
        segment,
        path: String::new(),
        started_at: event.at,
        length_ms: None,
        repaired: false,
        failed: None,
    };
    if let What::RecordingStarted { path } = &event.what {
        recording.path.clone_from(path);
        push(&mut record.recordings, &mut record.dropped, recording);
    } else if let Some(known) = record
        .recordings
        .iter_mut()
        .rev()
        .find(|known| known.segment == segment)
    {
        record_recording(known, &event.what);
    } else if record_recording(&mut recording, &event.what) {
        push(&mut record.recordings, &mut record.dropped, recording);
    }
}
