//! What reports read: counters row by row, and the histories of contacts page by page. Nothing is held but one page.

use std::collections::BTreeMap;

use hotline_journal::{BusinessDate, CounterKey, Counts, Event, Scope, Seq, Slot};
use hotline_types::{ContactId, WallTime};

use super::{PAGE_MAX, REPORT_DAYS_MAX, Reader};
use crate::people::read_roster;
use crate::rows::counts_of;
use crate::{RosterRow, StoreError};

/// Events of one page of histories at most: contacts beyond are left for the next page.
const PAGE_EVENTS_MAX: usize = 50_000;

/// A page of contacts with the events that counters are made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histories {
    /// By contact, in the order of their arrival.
    pub contacts: BTreeMap<ContactId, Vec<Event>>,
    /// The last contact looked at, where there may be more.
    pub next: Option<ContactId>,
}

impl Reader {
    /// Hands every row of counters of the business dates `from` to `until`, both included, and of one kind of scope to
    /// `take`, by date, interval and slug. Answers how many there were.
    ///
    /// # Errors
    /// The database's, a row that hotline did not write; [`StoreError::BadRequest`] where more than
    /// [`REPORT_DAYS_MAX`] dates have counters, or where `take` says so.
    pub async fn each_counter(
        &self,
        from: &BusinessDate,
        until: &BusinessDate,
        kind: &str,
        mut take: impl FnMut(&CounterKey, &Counts) -> Result<(), &'static str> + Send,
    ) -> Result<u64, StoreError> {
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
        let mut taken = 0;
        for date in dates {
            let rows: Vec<(i64, String, String)> = sqlx::query_as(
                "SELECT interval, key, counts FROM counters WHERE business_date = ? AND scope = ? \
                 ORDER BY interval, key",
            )
            .bind(date.as_str())
            .bind(kind)
            .fetch_all(&self.pool)
            .await
            .map_err(|error| self.wrong(error))?;
            for (interval, key, counts) in rows {
                let row = Scope::parse(kind, &key).zip(counts_of(&counts));
                let (scope, counts) =
                    row.ok_or_else(|| self.database.bad_row(format!("a counter of {date}")))?;
                let slot = Slot {
                    date: BusinessDate(date.clone()),
                    interval: WallTime::from_micros(interval),
                };
                take(&CounterKey { slot, scope }, &counts).map_err(StoreError::BadRequest)?;
                taken += 1;
            }
        }
        Ok(taken)
    }

    /// The next page of contacts after `after` and before `until`, each with the events from which its counters are
    /// folded; `limit` contacts at most. Contacts without such events are left out.
    ///
    /// # Errors
    /// The database's, or a row that hotline did not write.
    pub async fn histories(
        &self,
        after: ContactId,
        until: ContactId,
        limit: u32,
    ) -> Result<Histories, StoreError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let ids: Vec<String> =
            sqlx::query_scalar("SELECT id FROM contacts WHERE id > ? AND id < ? ORDER BY id LIMIT ?")
                .bind(after.to_string())
                .bind(until.to_string())
                .bind(limit)
                .fetch_all(&self.pool)
                .await
                .map_err(|error| self.wrong(error))?;
        let full = ids.len() >= limit as usize;
        let mut histories = Histories::default();
        let mut events = 0;
        for (index, text) in ids.iter().enumerate() {
            let id: ContactId = text.parse().map_err(|_| self.database.bad_row("a contact"))?;
            let history = self.history(text).await?;
            events += history.len();
            if !history.is_empty() {
                histories.contacts.insert(id, history);
            }
            let last = index + 1 == ids.len();
            if events >= PAGE_EVENTS_MAX || last {
                histories.next = (full || !last).then_some(id);
                break;
            }
        }
        Ok(histories)
    }

    async fn history(&self, contact: &str) -> Result<Vec<Event>, StoreError> {
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "SELECT seq, json FROM events WHERE contact = ? AND kind IN ('contact_opened', 'queue_entered', \
             'queue_left', 'offer_made', 'offer_ended', 'bridged', 'unbridged', 'contact_closed') ORDER BY seq",
        )
        .bind(contact)
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.wrong(error))?;
        self.parse_events(rows)
    }

    /// The roster.
    ///
    /// # Errors
    /// The database's, or a row that hotline did not write.
    pub async fn roster(&self) -> Result<Vec<RosterRow>, StoreError> {
        read_roster(&self.database, &self.pool).await
    }

    /// The first event at or after that moment, found by halving: positions rise with time. The one after the last
    /// where there is none.
    ///
    /// # Errors
    /// The database's.
    pub async fn seq_at(&self, at: WallTime) -> Result<Seq, StoreError> {
        let (mut low, mut high) = (1, self.last_seq().await?.0 + 1);
        while low < high {
            let middle = low.midpoint(high);
            let found: Option<i64> =
                sqlx::query_scalar("SELECT at FROM events WHERE seq >= ? ORDER BY seq LIMIT 1")
                    .bind(i64::try_from(middle).unwrap_or(i64::MAX))
                    .fetch_optional(&self.pool)
                    .await
                    .map_err(|error| self.wrong(error))?;
            if found.is_some_and(|found| found < at.as_micros()) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(Seq(low))
    }

    /// Up to `limit` of an agent's changes of intent after a position and before another, in order; with their
    /// phones' changes.
    ///
    /// # Errors
    /// The database's, or a row that hotline did not write.
    pub async fn presence(&self, after: Seq, before: Seq, limit: u32) -> Result<Vec<Event>, StoreError> {
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "SELECT seq, json FROM events WHERE seq > ? AND seq < ? AND kind IN ('agent_intent', \
             'agent_device', 'started', 'stopped') ORDER BY seq LIMIT ?",
        )
        .bind(i64::try_from(after.0).unwrap_or(i64::MAX))
        .bind(i64::try_from(before.0).unwrap_or(i64::MAX))
        .bind(limit.clamp(1, PAGE_MAX))
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.wrong(error))?;
        self.parse_events(rows)
    }
}
