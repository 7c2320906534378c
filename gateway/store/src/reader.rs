//! The read-only face: what supervisor and command line see, daemon or not. Every read is a page of bounded size, so that
//! none holds the write-ahead log for long.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hotline_journal::{BusinessDate, CounterKey, Counts, Event, Scope, Seq, Slot};
use hotline_types::{ContactId, PersonId, SegmentId, WallTime};
use sqlx::Row;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions, SqliteRow};

mod remembered;

pub use remembered::{LastAgent, LostCaller, REMEMBERED_MAX};

use crate::db::Database;
use crate::rows::{OfferRow, PersonRow, counts_of};
use crate::{Durability, JOURNAL_FILE, StoreError};

mod recordings;
mod report;

pub use recordings::{RecordedPage, RecordedRow, RecordingFilter};
pub use report::Histories;

/// Rows of a page at most.
pub const PAGE_MAX: u32 = 500;

/// Connections for reading at once; more readers wait.
const READERS_MAX: u32 = 4;

/// Days a report may span.
pub const REPORT_DAYS_MAX: usize = 800;

/// Reads the journal; cheap to clone.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(crate) database: Arc<Database>,
    pub(crate) pool: SqlitePool,
}

/// Which contacts; what is none does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactFilter {
    /// Of this business date.
    pub business_date: Option<BusinessDate>,
    /// To this access number.
    pub number: Option<String>,
    /// That entered this queue; of contacts that are over.
    pub queue: Option<String>,
    /// Answered by this agent.
    pub agent: Option<String>,
    /// That ended so: `completed`, `abandoned`, ...
    pub end: Option<String>,
    /// Over, or still open.
    pub closed: Option<bool>,
}

/// A page of contacts, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactPage {
    /// The contacts.
    pub contacts: Vec<ContactRow>,
    /// Where the next page begins; none where this is the last.
    pub next: Option<String>,
}

/// A contact's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactRow {
    /// The contact.
    pub id: ContactId,
    /// Its opening event.
    pub first_seq: Seq,
    /// Its closing event, or the newest known when the row was written.
    pub last_seq: Seq,
    /// The access number.
    pub number: Option<String>,
    /// The trunk.
    pub trunk: String,
    /// The row with the caller's number and name.
    pub person: PersonId,
    /// The business date of its arrival.
    pub business_date: BusinessDate,
    /// The bands on at its arrival.
    pub bands: Vec<String>,
    /// The flow.
    pub flow: Option<String>,
    /// The flow's version.
    pub flow_version: Option<String>,
    /// When the call reached the gateway.
    pub opened_at: WallTime,
    /// When it was answered by the gateway.
    pub connected_at: Option<WallTime>,
    /// When it was over.
    pub closed_at: Option<WallTime>,
    /// How it ended.
    pub end: Option<String>,
    /// Why, where the end has a reason.
    pub why: Option<String>,
    /// The SIP status of the end.
    pub sip_status: Option<u16>,
    /// Its last queue.
    pub queue: Option<String>,
    /// Who answered last.
    pub agent: Option<String>,
    /// The nodes of the flow it came to.
    pub path: Vec<String>,
    /// The offers made for it.
    pub offers: Vec<OfferRow>,
}

/// A contact with its details. Those of an open contact are in the live view; here they are empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactDetail {
    /// The row.
    pub contact: ContactRow,
    /// Its visits to queues, in order.
    pub queues: Vec<QueueRow>,
    /// Its segments, in order.
    pub segments: Vec<SegmentRow>,
    /// Its recordings.
    pub recordings: Vec<RecordingRow>,
}

/// A visit to a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueRow {
    /// The queue.
    pub queue: String,
    /// When it entered.
    pub entered_at: WallTime,
    /// The time that counted for its place.
    pub enqueued_at: WallTime,
    /// When it left.
    pub left_at: Option<WallTime>,
    /// How.
    pub exit: Option<String>,
    /// Why, where the exit has a reason.
    pub why: Option<String>,
    /// The wait, microseconds.
    pub wait_us: u64,
    /// Who answered.
    pub agent: Option<String>,
}

/// A segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentRow {
    /// The segment.
    pub id: SegmentId,
    /// What it was.
    pub kind: String,
    /// The agent in it.
    pub agent: Option<String>,
    /// The queue it belongs to.
    pub queue: Option<String>,
    /// When it began.
    pub opened_at: WallTime,
    /// When it ended.
    pub closed_at: Option<WallTime>,
}

/// A recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingRow {
    /// The segment.
    pub segment: SegmentId,
    /// File, relative to the recordings' folder.
    pub path: String,
    /// When it began.
    pub started_at: WallTime,
    /// Length, milliseconds; none while it is not sealed.
    pub length_ms: Option<u64>,
    /// Repaired after a crash.
    pub repaired: bool,
    /// What went wrong.
    pub failed: Option<String>,
}

impl Reader {
    /// Reads the journal of a data folder, whether a daemon runs on it or not.
    ///
    /// # Errors
    /// There is no journal.
    pub fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let path = data_dir.join(JOURNAL_FILE);
        if !path.is_file() {
            return Err(StoreError::Missing { path });
        }
        Ok(Self::new(&Database::new(path, Durability::Normal)))
    }

    pub(crate) fn new(database: &Database) -> Self {
        let pool = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .connect_lazy_with(database.reading());
        Self {
            database: Arc::new(database.clone()),
            pool,
        }
    }

    fn wrong(&self, error: sqlx::Error) -> StoreError {
        self.database.error(error)
    }

    /// One contact with its details.
    ///
    /// # Errors
    /// The database's, or a row that hotline did not write.
    pub async fn contact(&self, id: ContactId) -> Result<Option<ContactDetail>, StoreError> {
        let text = id.to_string();
        let row = sqlx::query("SELECT * FROM contacts WHERE id = ?").bind(text.as_str());
        let row = row
            .fetch_optional(&self.pool)
            .await
            .map_err(|error| self.wrong(error))?;
        let Some(contact) = row.map(|row| self.contact_row(&row)).transpose()? else {
            return Ok(None);
        };
        let queues = sqlx::query("SELECT * FROM contact_queues WHERE contact = ? ORDER BY visit");
        let queues = queues
            .bind(text.as_str())
            .fetch_all(&self.pool)
            .await
            .map_err(|error| self.wrong(error))?;
        let segments = sqlx::query("SELECT * FROM segments WHERE contact = ? ORDER BY number");
        let segments = segments
            .bind(text.as_str())
            .fetch_all(&self.pool)
            .await
            .map_err(|error| self.wrong(error))?;
        Ok(Some(ContactDetail {
            contact,
            queues: queues
                .iter()
                .map(|row| read_queue(row).map_err(|error| self.wrong(error)))
                .collect::<Result<_, _>>()?,
            segments: segments
                .iter()
                .map(|row| self.segment(row))
                .collect::<Result<_, _>>()?,
            recordings: self.recordings(id).await?,
        }))
    }

    /// A page of contacts, newest first, from `cursor` on.
    ///
    /// # Errors
    /// The database's; [`StoreError::BadRequest`] where the cursor is not one of ours.
    pub async fn contacts(
        &self,
        filter: &ContactFilter,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<ContactPage, StoreError> {
        let limit = limit.clamp(1, PAGE_MAX);
        if cursor.is_some_and(|cursor| cursor.parse::<ContactId>().is_err()) {
            return Err(StoreError::BadRequest(
                "the cursor is not one that a page of contacts gave",
            ));
        }
        let rows = sqlx::query(
            "SELECT * FROM contacts WHERE (?1 IS NULL OR id < ?1) AND (?2 IS NULL OR business_date = ?2) \
             AND (?3 IS NULL OR number = ?3) AND (?4 IS NULL OR agent = ?4) AND (?5 IS NULL OR end = ?5) \
             AND (?6 IS NULL OR (closed_at IS NOT NULL) = ?6) AND (?7 IS NULL OR EXISTS \
             (SELECT 1 FROM contact_queues AS visits WHERE visits.contact = contacts.id AND visits.queue = ?7)) \
             ORDER BY id DESC LIMIT ?8",
        )
        .bind(cursor)
        .bind(filter.business_date.as_ref().map(|date| date.0.as_str()))
        .bind(filter.number.as_deref())
        .bind(filter.agent.as_deref())
        .bind(filter.end.as_deref())
        .bind(filter.closed)
        .bind(filter.queue.as_deref())
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.wrong(error))?;
        let more = rows.len() > limit as usize;
        let taken = rows.iter().take(limit as usize);
        let contacts: Vec<ContactRow> = taken.map(|row| self.contact_row(row)).collect::<Result<_, _>>()?;
        let next = contacts
            .last()
            .filter(|_| more)
            .map(|contact| contact.id.to_string());
        Ok(ContactPage { contacts, next })
    }

    /// Up to `limit` events after a position, in order.
    ///
    /// # Errors
    /// The database's, or a row that hotline did not write.
    pub async fn events(&self, after: Seq, limit: u32) -> Result<Vec<Event>, StoreError> {
        let rows: Vec<(i64, String)> =
            sqlx::query_as("SELECT seq, json FROM events WHERE seq > ? ORDER BY seq LIMIT ?")
                .bind(i64::try_from(after.0).unwrap_or(i64::MAX))
                .bind(i64::from(limit.clamp(1, PAGE_MAX)))
                .fetch_all(&self.pool)
                .await
                .map_err(|error| self.wrong(error))?;
        self.parse_events(rows)
    }

    /// Up to `limit` events of one contact after a position, in order.
    ///
    /// # Errors
    /// The database's, or a row that hotline did not write.
    pub async fn contact_events(
        &self,
        id: ContactId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        let rows: Vec<(i64, String)> =
            sqlx::query_as("SELECT seq, json FROM events WHERE contact = ? AND seq > ? ORDER BY seq LIMIT ?")
                .bind(id.to_string())
                .bind(i64::try_from(after.0).unwrap_or(i64::MAX))
                .bind(i64::from(limit.clamp(1, PAGE_MAX)))
                .fetch_all(&self.pool)
                .await
                .map_err(|error| self.wrong(error))?;
        self.parse_events(rows)
    }

    fn parse_events(&self, rows: Vec<(i64, String)>) -> Result<Vec<Event>, StoreError> {
        let event = |(seq, json): (i64, String)| {
            serde_json::from_str(&json).map_err(|_| self.database.bad_row(format!("event {seq}")))
        };
        rows.into_iter().map(event).collect()
    }

    /// Position of the last event.
    ///
    /// # Errors
    /// The database's.
    pub async fn last_seq(&self) -> Result<Seq, StoreError> {
        let last: i64 = sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM events")
            .fetch_one(&self.pool)
            .await
            .map_err(|error| self.wrong(error))?;
        Ok(Seq(u64::try_from(last).unwrap_or(0)))
    }

    /// The counters of business dates `from` to `until`, both included, by interval, of one scope or all. Read date by
    /// date.
    ///
    /// # Errors
    /// The database's; [`StoreError::BadRequest`] where more than [`REPORT_DAYS_MAX`] dates have counters.
    pub async fn counters(
        &self,
        from: &BusinessDate,
        until: &BusinessDate,
        scope: Option<&Scope>,
    ) -> Result<Vec<(CounterKey, Counts)>, StoreError> {
        let dates: Vec<String> = sqlx::query_scalar(
            "SELECT DISTINCT business_date FROM counters WHERE business_date BETWEEN ? AND ? ORDER BY 1",
        )
        .bind(from.0.as_str())
        .bind(until.0.as_str())
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.wrong(error))?;
        if dates.len() > REPORT_DAYS_MAX {
            return Err(StoreError::BadRequest("the report spans too many days"));
        }
        let mut counters = Vec::new();
        for date in dates {
            self.counters_of(date, scope, &mut counters).await?;
        }
        Ok(counters)
    }

    async fn counters_of(
        &self,
        date: String,
        scope: Option<&Scope>,
        counters: &mut Vec<(CounterKey, Counts)>,
    ) -> Result<(), StoreError> {
        let rows: Vec<(i64, String, String, String)> = sqlx::query_as(
            "SELECT interval, scope, key, counts FROM counters WHERE business_date = ?1 \
             AND (?2 IS NULL OR (scope = ?2 AND key = ?3)) ORDER BY interval, scope, key",
        )
        .bind(date.as_str())
        .bind(scope.map(Scope::kind))
        .bind(scope.map(Scope::key))
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.wrong(error))?;
        for (interval, scope, key, counts) in rows {
            let row = Scope::parse(&scope, &key).zip(counts_of(&counts));
            let (scope, counts) = row.ok_or_else(|| self.database.bad_row(format!("a counter of {date}")))?;
            let slot = Slot {
                date: BusinessDate(date.clone()),
                interval: WallTime::from_micros(interval),
            };
            counters.push((CounterKey { slot, scope }, counts));
        }
        Ok(())
    }

    /// [`Reader::counters`] added up per scope.
    ///
    /// # Errors
    /// As there.
    pub async fn totals(
        &self,
        from: &BusinessDate,
        until: &BusinessDate,
    ) -> Result<BTreeMap<Scope, Counts>, StoreError> {
        let mut totals: BTreeMap<Scope, Counts> = BTreeMap::new();
        for (key, counts) in self.counters(from, until, None).await? {
            totals.entry(key.scope).or_default().add(&counts);
        }
        Ok(totals)
    }

    /// The recordings of a contact that is over.
    ///
    /// # Errors
    /// The database's, or a row that hotline did not write.
    pub async fn recordings(&self, contact: ContactId) -> Result<Vec<RecordingRow>, StoreError> {
        let rows = sqlx::query("SELECT * FROM recordings WHERE contact = ? ORDER BY started_at, segment")
            .bind(contact.to_string())
            .fetch_all(&self.pool)
            .await
            .map_err(|error| self.wrong(error))?;
        rows.iter().map(|row| self.recording(row)).collect()
    }

    /// A caller's number and name, in full: the caller masks them.
    ///
    /// # Errors
    /// The database's.
    pub async fn person(&self, id: PersonId) -> Result<Option<PersonRow>, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(|error| self.wrong(error))?;
        crate::sink::person(&mut connection, id)
            .await
            .map_err(|error| self.wrong(error))
    }

    fn contact_row(&self, row: &SqliteRow) -> Result<ContactRow, StoreError> {
        read_contact(row).map_err(|error| match error {
            sqlx::Error::Decode(_) => self.database.bad_row("a contact"),
            other => self.wrong(other),
        })
    }

    fn segment(&self, row: &SqliteRow) -> Result<SegmentRow, StoreError> {
        read_segment(row).map_err(|error| self.wrong(error))
    }

    fn recording(&self, row: &SqliteRow) -> Result<RecordingRow, StoreError> {
        read_recording(row).map_err(|error| self.wrong(error))
    }
}

fn decode<E: std::error::Error + Send + Sync + 'static>(error: E) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}

fn id<T: std::str::FromStr<Err = hotline_types::ParseIdError>>(
    row: &SqliteRow,
    name: &str,
) -> Result<T, sqlx::Error> {
    row.try_get::<&str, _>(name)?.parse().map_err(decode)
}

fn list<T: serde::de::DeserializeOwned>(row: &SqliteRow, name: &str) -> Result<Vec<T>, sqlx::Error> {
    serde_json::from_str(row.try_get(name)?).map_err(decode)
}

fn time(row: &SqliteRow, name: &str) -> Result<WallTime, sqlx::Error> {
    row.try_get(name).map(WallTime::from_micros)
}

fn time_or_none(row: &SqliteRow, name: &str) -> Result<Option<WallTime>, sqlx::Error> {
    Ok(row.try_get::<Option<i64>, _>(name)?.map(WallTime::from_micros))
}

fn read_contact(row: &SqliteRow) -> Result<ContactRow, sqlx::Error> {
    Ok(ContactRow {
        id: id(row, "id")?,
        first_seq: Seq(row.try_get("first_seq")?),
        last_seq: Seq(row.try_get("last_seq")?),
        number: row.try_get("number")?,
        trunk: row.try_get("trunk")?,
        person: id(row, "person")?,
        business_date: BusinessDate(row.try_get("business_date")?),
        bands: list(row, "bands")?,
        flow: row.try_get("flow")?,
        flow_version: row.try_get("flow_version")?,
        opened_at: time(row, "opened_at")?,
        connected_at: time_or_none(row, "connected_at")?,
        closed_at: time_or_none(row, "closed_at")?,
        end: row.try_get("end")?,
        why: row.try_get("why")?,
        sip_status: row.try_get("sip_status")?,
        queue: row.try_get("queue")?,
        agent: row.try_get("agent")?,
        path: list(row, "path")?,
        offers: list(row, "offers")?,
    })
}

fn read_queue(row: &SqliteRow) -> Result<QueueRow, sqlx::Error> {
    Ok(QueueRow {
        queue: row.try_get("queue")?,
        entered_at: time(row, "entered_at")?,
        enqueued_at: time(row, "enqueued_at")?,
        left_at: time_or_none(row, "left_at")?,
        exit: row.try_get("exit")?,
        why: row.try_get("why")?,
        wait_us: row.try_get("wait_us")?,
        agent: row.try_get("agent")?,
    })
}

fn read_segment(row: &SqliteRow) -> Result<SegmentRow, sqlx::Error> {
    Ok(SegmentRow {
        id: id(row, "id")?,
        kind: row.try_get("kind")?,
        agent: row.try_get("agent")?,
        queue: row.try_get("queue")?,
        opened_at: time(row, "opened_at")?,
        closed_at: time_or_none(row, "closed_at")?,
    })
}

fn read_recording(row: &SqliteRow) -> Result<RecordingRow, sqlx::Error> {
    Ok(RecordingRow {
        segment: id(row, "segment")?,
        path: row.try_get("path")?,
        started_at: time(row, "started_at")?,
        length_ms: row.try_get("length_ms")?,
        repaired: row.try_get("repaired")?,
        failed: row.try_get("failed")?,
    })
}
