//! Recordings with the contacts that they are of: searched by date, number, agent, queue and outcome.

use hotline_journal::BusinessDate;
use hotline_types::{ContactId, PersonId, Pii, WallTime};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{PAGE_MAX, Reader, RecordingRow, id, read_recording};
use crate::StoreError;

/// Which recordings; what is none does not matter.
#[derive(Clone, Debug, Default)]
pub struct RecordingFilter {
    /// From this business date on.
    pub from: Option<String>,
    /// Up to this business date.
    pub to: Option<String>,
    /// The caller's number has these digits in it.
    pub caller: Option<Pii<String>>,
    /// That was in this queue.
    pub queue: Option<String>,
    /// Answered by this agent.
    pub agent: Option<String>,
    /// Of a contact that ended so.
    pub outcome: Option<String>,
    /// Of this contact.
    pub contact: Option<ContactId>,
    /// Begun before this time.
    pub before: Option<WallTime>,
}

/// A recording with its contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRow {
    /// The contact.
    pub contact: ContactId,
    /// The caller.
    pub person: PersonId,
    /// The recording.
    pub recording: RecordingRow,
    /// Business date of the contact.
    pub business_date: BusinessDate,
    /// Its last queue.
    pub queue: Option<String>,
    /// Its last agent.
    pub agent: Option<String>,
    /// How it ended.
    pub outcome: Option<String>,
}

/// A page of recordings, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedPage {
    /// The recordings.
    pub recordings: Vec<RecordedRow>,
    /// Where the next page begins; none where this is the last.
    pub next: Option<String>,
}

/// `TIME.CONTACT.SEGMENT` of the last one of a page.
fn place(cursor: &str) -> Option<(i64, &str)> {
    let (time, rest) = cursor.split_once('.')?;
    Some((time.parse().ok()?, rest))
}

impl Reader {
    /// A page of the recordings of contacts that are over, newest first, from `cursor` on.
    ///
    /// # Errors
    /// The database's; [`StoreError::BadRequest`] where the cursor is not one of ours.
    pub async fn recorded(
        &self,
        filter: &RecordingFilter,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<RecordedPage, StoreError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let after = match cursor {
            None => None,
            Some(cursor) => Some(place(cursor).ok_or(StoreError::BadRequest(
                "the cursor is not one that a page of recordings gave",
            ))?),
        };
        let digits = filter.caller.as_ref().map(|caller| {
            let digits = caller.reveal().chars().filter(char::is_ascii_digit);
            format!("%{}%", digits.collect::<String>())
        });
        let rows = sqlx::query(
            "SELECT recordings.*, contacts.person, contacts.business_date, contacts.queue, contacts.agent, contacts.end \
             FROM recordings JOIN contacts ON contacts.id = recordings.contact \
             LEFT JOIN persons ON persons.id = contacts.person \
             WHERE (?1 IS NULL OR business_date >= ?1) AND (?2 IS NULL OR business_date <= ?2) \
             AND (?3 IS NULL OR persons.number LIKE ?3) AND (?4 IS NULL OR agent = ?4) AND (?5 IS NULL OR end = ?5) \
             AND (?6 IS NULL OR EXISTS (SELECT 1 FROM contact_queues AS visits \
             WHERE visits.contact = contacts.id AND visits.queue = ?6)) AND (?7 IS NULL OR recordings.contact = ?7) \
             AND (?8 IS NULL OR started_at < ?8) \
             AND (?9 IS NULL OR started_at < ?9 OR (started_at = ?9 AND recordings.contact || '.' || segment < ?10)) \
             ORDER BY started_at DESC, recordings.contact || '.' || segment DESC LIMIT ?11",
        )
        .bind(filter.from.as_deref())
        .bind(filter.to.as_deref())
        .bind(digits)
        .bind(filter.agent.as_deref())
        .bind(filter.outcome.as_deref())
        .bind(filter.queue.as_deref())
        .bind(filter.contact.map(|contact| contact.to_string()))
        .bind(filter.before.map(WallTime::as_micros))
        .bind(after.map(|(time, _)| time))
        .bind(after.map(|(_, ids)| ids))
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.wrong(error))?;
        let more = rows.len() > limit as usize;
        let mut recordings = Vec::with_capacity(rows.len());
        for row in rows.iter().take(limit as usize) {
            recordings.push(read(row).map_err(|error| self.wrong(error))?);
        }
        let last = recordings.last().filter(|_| more);
        let next = last.map(|last| {
            let at = last.recording.started_at.as_micros();
            format!("{at}.{}.{}", last.contact, last.recording.segment)
        });
        Ok(RecordedPage { recordings, next })
    }
}

fn read(row: &SqliteRow) -> Result<RecordedRow, sqlx::Error> {
    Ok(RecordedRow {
        contact: id(row, "contact")?,
        person: id(row, "person")?,
        recording: read_recording(row)?,
        business_date: BusinessDate(row.try_get("business_date")?),
        queue: row.try_get("queue")?,
        agent: row.try_get("agent")?,
        outcome: row.try_get("end")?,
    })
}
