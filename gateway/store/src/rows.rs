//! How what the folds compute is written into rows, and read back.

use hotline_journal::{
    AgentClock, BusinessDate, ContactRecord, CounterKey, Counts, Event, Recording, Seq, Served, Slot,
    WAIT_BUCKETS,
};
use hotline_types::{
    BandSlug, ContactId, DeviceState, Intent, PersonId, Pii, QueueSlug, WallTime, WorkState,
};
use serde::{Deserialize, Serialize};

use crate::script::{Rows, Table, Value};

/// A caller's number and name, kept apart from the journal so that it can be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonRow {
    /// The id events point to.
    pub id: PersonId,
    /// The number, in the form the trunk gave after normalisation; none where the caller hides it.
    pub number: Option<Pii<String>>,
    /// The name, where one is known.
    pub name: Option<Pii<String>>,
}

// Tags of the tables, as the triggers of `batch` in the migration know them.
pub(crate) const PERSONS: Table = Table(2);
pub(crate) const CONTACTS: Table = Table(3);
pub(crate) const QUEUES: Table = Table(4);
pub(crate) const SEGMENTS: Table = Table(5);
pub(crate) const RECORDINGS: Table = Table(6);
pub(crate) const COUNTERS: Table = Table(7);
pub(crate) const CLOCKS: Table = Table(8);
pub(crate) const OUTBOX: Table = Table(9);
/// One row with the newest delivered message: it and those before it are forgotten.
pub(crate) const DELIVERED: Table = Table(10);
/// One row with the last event that the rows of counters and clocks hold.
pub(crate) const FOLDED: Table = Table(11);

fn time(at: WallTime) -> Value {
    Value::Int(at.as_micros())
}

fn time_or_null(at: Option<WallTime>) -> Value {
    at.map_or(Value::Null, time)
}

fn text(value: &impl ToString) -> Value {
    Value::Text(value.to_string())
}

fn text_or_null(value: Option<&impl ToString>) -> Value {
    value.map_or(Value::Null, text)
}

/// JSON of something of ours, whose serialisation cannot fail: no maps with keys that are not text.
pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The tag and the content of an adjacently tagged cause.
pub(crate) fn tagged(value: &impl Serialize) -> (String, Option<String>) {
    let mut texts = match serde_json::to_value(value) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let mut take = |name: &str| match texts.remove(name) {
        Some(serde_json::Value::String(text)) => Some(text),
        _ => None,
    };
    let why = take("why");
    (take("end").or_else(|| take("exit")).unwrap_or_default(), why)
}

/// The name of a unit variant.
pub(crate) fn name(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

/// The event's row. The kind is cut out of the JSON, which always holds it.
pub(crate) fn push_event(rows: &mut Rows, event: &Event) {
    let json = json(event);
    let kind = json
        .split_once("\"kind\":\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map_or("", |(kind, _)| kind);
    let kind = Value::from(kind);
    rows.event([
        event.seq.0.into(),
        time(event.at),
        text_or_null(event.contact.as_ref()),
        kind,
        json.into(),
    ]);
}

pub(crate) fn push_person(rows: &mut Rows, person: &PersonRow) {
    let reveal = |data: &Option<Pii<String>>| data.as_ref().map(|data| data.reveal().clone());
    rows.push(
        PERSONS,
        [
            text(&person.id),
            reveal(&person.number).into(),
            reveal(&person.name).into(),
        ],
    );
}

pub(crate) fn push_contact(rows: &mut Rows, record: &ContactRecord) {
    let (end, why) = record.end.as_ref().map_or((Value::Null, Value::Null), |end| {
        let (end, why) = tagged(end);
        (end.into(), why.into())
    });
    let last = record.queues.last();
    let offers: Vec<OfferRow> = record.offers.iter().map(OfferRow::of).collect();
    rows.push(
        CONTACTS,
        [
            text(&record.id),
            record.first_seq.0.into(),
            record.last_seq.0.into(),
            text_or_null(record.number.as_ref()),
            text(&record.trunk),
            text(&record.person),
            record.business_date.0.as_str().into(),
            json(&record.bands).into(),
            text_or_null(record.flow.as_ref()),
            record.flow_version.clone().into(),
            time(record.opened_at),
            time_or_null(record.connected_at),
            time_or_null(record.closed_at),
            end,
            why,
            record.sip_status.map(i64::from).into(),
            text_or_null(last.map(|visit| &visit.queue)),
            text_or_null(last.and_then(|visit| visit.agent.as_ref())),
            json(&record.path).into(),
            json(&offers).into(),
            i64::from(record.dropped).into(),
        ],
    );
}

pub(crate) fn push_visits(rows: &mut Rows, record: &ContactRecord) {
    for (index, visit) in record.queues.iter().enumerate() {
        let (exit, why) = visit.exit.as_ref().map_or((Value::Null, Value::Null), |exit| {
            let (exit, why) = tagged(exit);
            (exit.into(), why.into())
        });
        rows.push(
            QUEUES,
            [
                text(&record.id),
                (index as u64).into(),
                text(&visit.queue),
                time(visit.entered_at),
                time(visit.enqueued_at),
                time_or_null(visit.left_at),
                exit,
                why,
                visit.wait_us.into(),
                text_or_null(visit.agent.as_ref()),
            ],
        );
    }
}

pub(crate) fn push_segments(rows: &mut Rows, record: &ContactRecord) {
    for (index, segment) in record.segments.iter().enumerate() {
        rows.push(
            SEGMENTS,
            [
                text(&record.id),
                (index as u64).into(),
                text(&segment.id),
                name(&segment.kind).into(),
                text_or_null(segment.agent.as_ref()),
                text_or_null(segment.queue.as_ref()),
                time(segment.opened_at),
                time_or_null(segment.closed_at),
            ],
        );
    }
}

pub(crate) fn push_recording(rows: &mut Rows, contact: ContactId, recording: &Recording) {
    rows.push(
        RECORDINGS,
        [
            text(&contact),
            text(&recording.segment),
            recording.path.as_str().into(),
            time(recording.started_at),
            recording.length_ms.into(),
            i64::from(recording.repaired).into(),
            recording.failed.clone().into(),
        ],
    );
}

pub(crate) fn push_counts(rows: &mut Rows, key: &CounterKey, counts: &Counts) {
    rows.push(
        COUNTERS,
        [
            key.slot.date.0.as_str().into(),
            time(key.slot.interval),
            key.scope.kind().into(),
            key.scope.key().into(),
            counts_json(counts).into(),
        ],
    );
}

pub(crate) fn push_clock(rows: &mut Rows, agent: &str, clock: &AgentClock) {
    rows.push(CLOCKS, [agent.into(), json(&ClockRow::of(clock)).into()]);
}

pub(crate) fn push_folded(rows: &mut Rows, last: Seq) {
    rows.push(FOLDED, [last.0.into()]);
}

/// An offer inside a contact's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferRow {
    /// The offer.
    pub id: hotline_types::OfferId,
    /// To whom.
    pub agent: Option<hotline_types::AgentSlug>,
    /// From which queue.
    pub queue: Option<QueueSlug>,
    /// When it was made, UTC microseconds.
    pub made_at: WallTime,
    /// When the phone rang.
    pub ringing_at: Option<WallTime>,
    /// When it ended.
    pub ended_at: Option<WallTime>,
    /// How it ended.
    pub outcome: Option<hotline_types::OfferOutcome>,
    /// The reason for the choice.
    pub why: String,
    /// The screen-pop came late.
    pub pop_late: bool,
}

impl OfferRow {
    fn of(offer: &hotline_journal::Offer) -> Self {
        Self {
            id: offer.id,
            agent: offer.agent.clone(),
            queue: offer.queue.clone(),
            made_at: offer.made_at,
            ringing_at: offer.ringing_at,
            ended_at: offer.ended_at,
            outcome: offer.outcome,
            why: offer.why.clone(),
            pop_late: offer.pop_late,
        }
    }
}

/// JSON object of the counters that are not zero.
pub(crate) fn counts_json(counts: &Counts) -> String {
    use std::fmt::Write as _;
    let mut out = String::from("{");
    for (name, value) in counts.fields() {
        // Writing to a String cannot fail.
        let _ = write!(out, "\"{name}\":{value},");
    }
    for (name, waits) in [
        ("answered_waits", &counts.answered_waits),
        ("abandoned_waits", &counts.abandoned_waits),
    ] {
        if waits.iter().any(|&count| count != 0) {
            let _ = write!(out, "\"{name}\":{},", json(waits));
        }
    }
    if out.ends_with(',') {
        out.pop();
    }
    out.push('}');
    out
}

/// Reads [`counts_json`]; none where it is not of that form. Counters of a newer program are left out.
pub(crate) fn counts_of(text: &str) -> Option<Counts> {
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    let mut counts = Counts::default();
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("answered_waits", value) => counts.answered_waits = waits_of(value)?,
            ("abandoned_waits", value) => counts.abandoned_waits = waits_of(value)?,
            (name, value) => {
                counts.set(name, value.as_u64()?);
            }
        }
    }
    Some(counts)
}

fn waits_of(value: serde_json::Value) -> Option<[u64; WAIT_BUCKETS]> {
    serde_json::from_value(value).ok()
}

#[derive(Debug, Serialize, Deserialize)]
struct SlotRow {
    date: BusinessDate,
    interval: WallTime,
}

impl SlotRow {
    fn of(slot: &Slot) -> Self {
        Self {
            date: slot.date.clone(),
            interval: slot.interval,
        }
    }

    fn slot(self) -> Slot {
        Slot {
            date: self.date,
            interval: self.interval,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct ServedRow {
    queue: Option<(QueueSlug, SlotRow)>,
    first: Option<(SlotRow, Vec<BandSlug>)>,
    roster: Vec<BandSlug>,
}

/// An agent's clock as it is written.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ClockRow {
    intent: Intent,
    work: WorkState,
    device: DeviceState,
    since: Option<WallTime>,
    served: Option<ServedRow>,
}

impl ClockRow {
    fn of(clock: &AgentClock) -> Self {
        let served = clock.served.as_ref().map(|served| ServedRow {
            queue: served
                .queue
                .as_ref()
                .map(|(queue, slot)| (queue.clone(), SlotRow::of(slot))),
            first: served
                .first
                .as_ref()
                .map(|(slot, bands)| (SlotRow::of(slot), bands.clone())),
            roster: served.roster.clone(),
        });
        Self {
            intent: clock.intent.clone(),
            work: clock.work,
            device: clock.device,
            since: clock.since,
            served,
        }
    }

    pub(crate) fn clock(self) -> AgentClock {
        let served = self.served.map(|served| Served {
            queue: served.queue.map(|(queue, slot)| (queue, slot.slot())),
            first: served.first.map(|(slot, bands)| (slot.slot(), bands)),
            roster: served.roster,
        });
        AgentClock::new(self.intent, self.work, self.device, self.since, served)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_survive_their_json() {
        let mut counts = Counts {
            offered: 3,
            wait_max_us: 12,
            ..Counts::default()
        };
        counts.answered_waits[2] = 5;
        assert_eq!(counts_of(&counts_json(&counts)), Some(counts));
        assert_eq!(counts_json(&Counts::default()), "{}");
        assert_eq!(counts_of("{\"offered\":-1}"), None);
        assert_eq!(counts_of("{\"of_a_newer_program\":1}"), Some(Counts::default()));
    }
}
