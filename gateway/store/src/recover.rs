//! The start: what the journal knows, from the rows that are its snapshot; only open contacts' events are replayed.

mod catch_up;

use std::collections::BTreeMap;

use hotline_journal::{
    AgentClock, BoardSeed, BusinessDate, BusinessDays, ContactRecord, Contacts, Counters, Counts, Event,
    Recording, Scope, Seq, closing_events,
};
use hotline_types::{AgentSlug, ContactId, Intent, SegmentId, WallTime};
use sqlx::sqlite::SqliteConnection;

use crate::StoreError;
use crate::db::Database;
use crate::rows::{ClockRow, counts_of};

/// Events looked at to find the latest time: those that close what a crash left open carry earlier ones.
const LAST_EVENTS: i64 = 2_048;

/// What the store knows when the program starts.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// Position of the last event; 0 in an empty journal.
    pub last: Seq,
    /// The latest time in the journal.
    pub last_at: Option<WallTime>,
    /// The newest business date that was counted on.
    pub date: Option<BusinessDate>,
    /// Its counters, added up per scope.
    pub totals: BTreeMap<Scope, Counts>,
    /// The clocks of the agents, with their last intents.
    pub clocks: Vec<(AgentSlug, AgentClock)>,
    /// The events of the contacts that a crash left open, in order.
    pub open_events: Vec<Event>,
    pub(crate) contacts: Contacts,
    pub(crate) counters: Counters,
    days: BusinessDays,
    /// Of contacts that were closed in time.
    unsealed: Vec<Unsealed>,
}

/// A recording that a crash left without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsealed {
    /// Its contact.
    pub contact: ContactId,
    /// The segment recorded.
    pub segment: SegmentId,
    /// File, relative to the recordings' folder.
    pub path: String,
}

impl Recovered {
    /// The contacts that a crash left open, oldest first.
    pub fn open(&self) -> impl Iterator<Item = &ContactRecord> {
        self.contacts.open()
    }

    /// The recordings that a crash left without their end: those of the contacts it left open, and those of contacts
    /// that were over before their last recording was sealed.
    #[must_use]
    pub fn unsealed(&self) -> Vec<Unsealed> {
        let mut unsealed = self.unsealed.clone();
        for record in self.open() {
            let left = |recording: &&Recording| recording.length_ms.is_none() && recording.failed.is_none();
            unsealed.extend(record.recordings.iter().filter(left).map(|recording| Unsealed {
                contact: record.id,
                segment: recording.segment,
                path: recording.path.clone(),
            }));
        }
        unsealed
    }

    /// The events that close them, to be appended before anything else.
    #[must_use]
    pub fn closing(&self) -> Vec<Event> {
        let mut events = Vec::new();
        let mut next = self.last.next();
        for record in self.open() {
            events.extend(closing_events(record, next));
            next = events.last().map_or(next, |event| event.seq.next());
        }
        events
    }

    /// The agents' last intents.
    pub fn intents(&self) -> impl Iterator<Item = (&AgentSlug, &Intent)> {
        self.clocks.iter().map(|(agent, clock)| (agent, &clock.intent))
    }

    /// A live view as of the last event.
    #[must_use]
    pub fn board(&self) -> hotline_journal::Board {
        let seed = BoardSeed {
            last: self.last,
            date: self.date.clone(),
            totals: self.totals.clone(),
            clocks: self.clocks.clone(),
            last_at: self.last_at,
        };
        hotline_journal::Board::seeded(self.days.clone(), seed, &self.open_events)
    }
}

pub(crate) async fn recover(database: &Database, days: BusinessDays) -> Result<Recovered, StoreError> {
    let mut connection = database.connect().await?;
    catch_up::catch_up(&mut connection, database, &days).await?;
    let wrong = |error| database.error(error);
    let last: i64 = sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM events")
        .fetch_one(&mut connection)
        .await
        .map_err(wrong)?;
    let last_at = last_at(&mut connection, last).await.map_err(wrong)?;
    let open_events = open_events(&mut connection, database).await?;
    let clocks = clocks(&mut connection, database).await?;
    let unsealed = unsealed(&mut connection, database).await?;
    let date: Option<String> = sqlx::query_scalar("SELECT max(business_date) FROM counters")
        .fetch_one(&mut connection)
        .await
        .map_err(wrong)?;
    let totals = match &date {
        Some(date) => totals(&mut connection, database, date).await?,
        None => BTreeMap::new(),
    };
    let mut contacts = Contacts::new();
    for event in &open_events {
        contacts.apply(event);
    }
    let counters = counters(&days, &open_events, &clocks, last_at);
    Ok(Recovered {
        last: Seq(u64::try_from(last).unwrap_or(0)),
        last_at,
        date: date.map(BusinessDate),
        totals,
        clocks,
        open_events,
        contacts,
        counters,
        days,
        unsealed,
    })
}

/// The fold of counters where all that it counted so far is in the rows: it knows the contacts that are open, of which
/// these are the events, and the agents' clocks.
fn counters(
    days: &BusinessDays,
    open: &[Event],
    clocks: &[(AgentSlug, AgentClock)],
    last_at: Option<WallTime>,
) -> Counters {
    let mut counters = Counters::new(days.clone());
    open.iter().for_each(|event| counters.apply(event));
    drop(counters.drain());
    for (agent, clock) in clocks {
        counters.seed(agent.clone(), clock.clone());
    }
    if let Some(at) = last_at {
        counters.seed_last(at);
    }
    counters
}

/// The latest time of the events up to and with the one at `last`.
async fn last_at(connection: &mut SqliteConnection, last: i64) -> Result<Option<WallTime>, sqlx::Error> {
    let at: Option<i64> = sqlx::query_scalar("SELECT max(at) FROM events WHERE seq > ? AND seq <= ?")
        .bind(last - LAST_EVENTS)
        .bind(last)
        .fetch_one(connection)
        .await?;
    Ok(at.map(WallTime::from_micros))
}

async fn open_events(
    connection: &mut SqliteConnection,
    database: &Database,
) -> Result<Vec<Event>, StoreError> {
    let rows: Vec<(i64, String)> = sqlx::query_as(
        "SELECT seq, json FROM events WHERE contact IN (SELECT id FROM contacts WHERE closed_at IS NULL) ORDER BY seq",
    )
    .fetch_all(connection)
    .await
    .map_err(|error| database.error(error))?;
    events_of(rows, database)
}

fn events_of(rows: Vec<(i64, String)>, database: &Database) -> Result<Vec<Event>, StoreError> {
    let event = |(seq, json): (i64, String)| {
        serde_json::from_str(&json).map_err(|_| database.bad_row(format!("event {seq}")))
    };
    rows.into_iter().map(event).collect()
}

async fn unsealed(
    connection: &mut SqliteConnection,
    database: &Database,
) -> Result<Vec<Unsealed>, StoreError> {
    let rows: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT contact, segment, path FROM recordings WHERE length_ms IS NULL AND failed IS NULL ORDER BY contact",
    )
    .fetch_all(connection)
    .await
    .map_err(|error| database.error(error))?;
    let unsealed = |(contact, segment, path): (String, String, String)| {
        let ids = contact.parse().ok().zip(segment.parse().ok());
        let (contact, segment) = ids.ok_or_else(|| database.bad_row(format!("the recording {path}")))?;
        Ok(Unsealed {
            contact,
            segment,
            path,
        })
    };
    rows.into_iter().map(unsealed).collect()
}

async fn clocks(
    connection: &mut SqliteConnection,
    database: &Database,
) -> Result<Vec<(AgentSlug, AgentClock)>, StoreError> {
    let rows: Vec<(String, String)> = sqlx::query_as("SELECT agent, clock FROM agent_clocks ORDER BY agent")
        .fetch_all(connection)
        .await
        .map_err(|error| database.error(error))?;
    let clock = |(agent, clock): (String, String)| {
        let slug = agent.parse::<AgentSlug>().ok();
        let clock = serde_json::from_str::<ClockRow>(&clock).ok();
        slug.zip(clock)
            .map(|(slug, row)| (slug, row.clock()))
            .ok_or_else(|| database.bad_row("an agent's clock"))
    };
    rows.into_iter().map(clock).collect()
}

async fn totals(
    connection: &mut SqliteConnection,
    database: &Database,
    date: &str,
) -> Result<BTreeMap<Scope, Counts>, StoreError> {
    let rows: Vec<(String, String, String)> =
        sqlx::query_as("SELECT scope, key, counts FROM counters WHERE business_date = ?")
            .bind(date)
            .fetch_all(connection)
            .await
            .map_err(|error| database.error(error))?;
    let mut totals: BTreeMap<Scope, Counts> = BTreeMap::new();
    for (scope, key, counts) in rows {
        let row = Scope::parse(&scope, &key).zip(counts_of(&counts));
        let (scope, counts) = row.ok_or_else(|| database.bad_row(format!("a counter of {date}")))?;
        totals.entry(scope).or_default().add(&counts);
    }
    Ok(totals)
}
