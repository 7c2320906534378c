//! From a batch of events to the rows of one transaction: the folds run here, in memory.

use std::collections::{BTreeMap, BTreeSet};

use hotline_journal::{AgentClock, Change, Contacts, CounterKey, Counters, Counts, Deltas, Event, Seq, What};
use hotline_types::{AgentSlug, PersonId};
use sqlx::sqlite::SqliteConnection;

use super::{Batch, OUTBOX_MAX, OUTBOX_POPS_MAX};
use crate::PersonRow;
use crate::outbox::{Item, Message, push_item};
use crate::recover::Recovered;
use crate::rows::{self, counts_of};
use crate::script::{Rows, Script};

/// Rows of counters kept in memory to be added to; the oldest go first, and are read again if they are needed.
const COUNTER_ROWS_MAX: usize = 4_096;

/// Callers whose number and name are at hand for the sink; the oldest go first, and are read again if needed.
const PEOPLE_MAX: usize = 2_048;

/// Forgets messages of the outbox that were delivered.
pub(crate) const PRUNE: &str = "DELETE FROM outbox WHERE id <= ?";

/// The folds as of the last event taken, and the memory that keeps commits short.
#[derive(Debug)]
pub(crate) struct Folds {
    contacts: Contacts,
    counters: Counters,
    known: BTreeMap<CounterKey, Counts>,
    people: BTreeMap<PersonId, PersonRow>,
    outbox: i64,
    taken: Taken,
    unwritten: Unwritten,
}

/// What the folds know and the rows of counters and clocks do not say yet. A crash loses nothing by it: the start
/// folds the events after [`rows::FOLDED`] anew.
#[derive(Debug, Default)]
struct Unwritten {
    deltas: Deltas,
    agents: BTreeSet<AgentSlug>,
    last: Seq,
}

/// What the events of the present batch changed.
#[derive(Debug, Default)]
struct Taken {
    rows: Rows,
    messages: Vec<Message>,
    left: Vec<PersonId>,
}

/// A transaction, and the messages it puts into the outbox.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) script: Script,
    pub(crate) items: Vec<Item>,
    pub(crate) dropped: u64,
}

impl Folds {
    pub(crate) fn new(recovered: &Recovered, outbox: i64) -> Self {
        Self {
            contacts: recovered.contacts.clone(),
            counters: recovered.counters.clone(),
            known: BTreeMap::new(),
            people: BTreeMap::new(),
            outbox,
            taken: Taken::default(),
            unwritten: Unwritten::default(),
        }
    }

    /// Runs the folds over the batch.
    pub(crate) fn take(&mut self, batch: &Batch) {
        for person in &batch.persons {
            self.people.insert(person.id, person.clone());
        }
        while self.people.len() > PEOPLE_MAX {
            self.people.pop_first();
        }
        for event in &batch.events {
            self.event(event);
        }
        for (key, delta) in self.counters.drain() {
            self.unwritten.deltas.entry(key).or_default().add(&delta);
        }
        if let Some(event) = batch.events.last() {
            self.unwritten.last = event.seq;
        }
    }

    /// Events were folded whose counters and clocks are not in their rows.
    pub(crate) fn is_unwritten(&self) -> bool {
        self.unwritten.last != Seq::default()
    }

    /// The rows of counters that must be read before what is unwritten can be added to them.
    pub(crate) fn missing(&self) -> Vec<CounterKey> {
        let keys = self.unwritten.deltas.keys();
        keys.filter(|key| !self.known.contains_key(key))
            .cloned()
            .collect()
    }

    fn event(&mut self, event: &Event) {
        let change = self.contacts.apply(event);
        self.counters.apply(event);
        let taken = &mut self.taken;
        let agents = &mut self.unwritten.agents;
        match &event.what {
            What::Started { .. } | What::Stopped => {
                agents.extend(self.counters.clocks().map(|(agent, _)| agent.clone()));
            }
            What::AgentIntent { .. }
            | What::AgentWork { .. }
            | What::AgentDevice { .. }
            | What::OfferMade { .. }
            | What::OfferEnded { .. }
            | What::Bridged { .. } => agents.extend(event.agent.clone()),
            _ => {}
        }
        match change {
            Some(Change::Opened(id)) => {
                if let Some(record) = self.contacts.get(id) {
                    rows::push_contact(&mut taken.rows, record);
                }
            }
            Some(Change::Updated(id)) => {
                if let Some(record) = self.contacts.get(id) {
                    taken.messages.extend(Message::pop(event, record));
                }
            }
            Some(Change::Closed(record)) => {
                rows::push_contact(&mut taken.rows, &record);
                rows::push_visits(&mut taken.rows, &record);
                rows::push_segments(&mut taken.rows, &record);
                taken.messages.push(Message::contact(&record));
                taken.left.push(record.person);
                for recording in &record.recordings {
                    rows::push_recording(&mut taken.rows, record.id, recording);
                    if recording.length_ms.is_some() || recording.failed.is_some() {
                        taken.messages.push(Message::recording(record.id, recording));
                    }
                }
            }
            Some(Change::RecordedAfterwards(contact, recording)) => {
                rows::push_recording(&mut taken.rows, contact, &recording);
                taken.messages.push(Message::recording(contact, &recording));
            }
            None => {}
        }
    }

    /// The transaction of what [`Folds::take`] took; with `read`, the rows that [`Folds::missing`] asked for, also of the
    /// counters and clocks. `delivered` is the newest delivered message of the outbox, forgotten with `prune`.
    pub(crate) fn prepare(
        &mut self,
        batch: &Batch,
        read: Option<BTreeMap<CounterKey, Counts>>,
        delivered: i64,
        prune: bool,
    ) -> Prepared {
        let taken = std::mem::take(&mut self.taken);
        let mut written = taken.rows;
        batch
            .persons
            .iter()
            .for_each(|person| rows::push_person(&mut written, person));
        batch
            .events
            .iter()
            .for_each(|event| rows::push_event(&mut written, event));
        if let Some(read) = read {
            self.write_counters(read, &mut written);
        }
        let mut items = Vec::with_capacity(taken.messages.len());
        let mut dropped = 0;
        for message in taken.messages {
            let limit = if matches!(message, Message::Pop(_)) {
                OUTBOX_POPS_MAX
            } else {
                OUTBOX_MAX
            };
            if self.outbox - delivered >= limit {
                dropped += 1;
                continue;
            }
            self.outbox += 1;
            let person = message.person().and_then(|id| self.people.get(&id)).cloned();
            let item = Item {
                id: self.outbox,
                person,
                message,
            };
            push_item(&mut written, &item);
            items.push(item);
        }
        for person in &taken.left {
            self.people.remove(person);
        }
        if prune {
            written.push(rows::DELIVERED, [delivered.into()]);
        }
        Prepared {
            script: Script::new(written),
            items,
            dropped,
        }
    }

    fn write_counters(&mut self, read: BTreeMap<CounterKey, Counts>, written: &mut Rows) {
        let unwritten = std::mem::take(&mut self.unwritten);
        self.known.extend(read);
        let clocks = unwritten
            .agents
            .iter()
            .filter_map(|agent| Some((agent, self.counters.clock(agent.as_str())?)));
        push_folded(written, &mut self.known, unwritten.deltas, clocks, unwritten.last);
        while self.known.len() > COUNTER_ROWS_MAX {
            self.known.pop_first();
        }
    }
}

/// The rows of counters and clocks as of the event `last`: `deltas` are added to the rows `known`, which [`load`] read.
pub(crate) fn push_folded<'a>(
    written: &mut Rows,
    known: &mut BTreeMap<CounterKey, Counts>,
    deltas: Deltas,
    clocks: impl Iterator<Item = (&'a AgentSlug, &'a AgentClock)>,
    last: Seq,
) {
    for (key, delta) in deltas {
        let row = known.entry(key.clone()).or_default();
        row.add(&delta);
        rows::push_counts(written, &key, row);
    }
    for (agent, clock) in clocks {
        rows::push_clock(written, agent.as_str(), clock);
    }
    rows::push_folded(written, last);
}

/// Reads rows of counters; those there are not yet are left out.
pub(crate) async fn load(
    connection: &mut SqliteConnection,
    keys: &[CounterKey],
) -> Result<BTreeMap<CounterKey, Counts>, sqlx::Error> {
    let mut rows = BTreeMap::new();
    for key in keys {
        let text: Option<String> = sqlx::query_scalar(
            "SELECT counts FROM counters WHERE business_date = ? AND interval = ? AND scope = ? AND key = ?",
        )
        .bind(key.slot.date.0.as_str())
        .bind(key.slot.interval.as_micros())
        .bind(key.scope.kind())
        .bind(key.scope.key())
        .fetch_optional(&mut *connection)
        .await?;
        if let Some(counts) = text.as_deref().and_then(counts_of) {
            rows.insert(key.clone(), counts);
        }
    }
    Ok(rows)
}

/// True where the event is in the journal.
pub(super) async fn is_written(connection: &mut SqliteConnection, seq: Seq) -> Result<bool, sqlx::Error> {
    let seq = i64::try_from(seq.0).unwrap_or(i64::MAX);
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM events WHERE seq = ?)")
        .bind(seq)
        .fetch_one(connection)
        .await
}
