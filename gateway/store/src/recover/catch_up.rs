//! After a crash: folds the events that the rows of counters and clocks do not hold yet, and writes these rows.

use hotline_journal::{BusinessDays, Counters, Event, Seq};
use sqlx::sqlite::SqliteConnection;

use super::{clocks, counters, events_of, last_at};
use crate::StoreError;
use crate::db::Database;
use crate::script::{Rows, Script};
use crate::writer;

/// Brings the rows of counters and clocks up to the last event, in one transaction. In a journal that was closed in good
/// order nothing is left to do; else the events of about [`writer::FOLD_EVERY`].
pub(super) async fn catch_up(
    connection: &mut SqliteConnection,
    database: &Database,
    days: &BusinessDays,
) -> Result<(), StoreError> {
    let wrong = |error| database.error(error);
    let folded: i64 = sqlx::query_scalar("SELECT seq FROM folded")
        .fetch_one(&mut *connection)
        .await
        .map_err(wrong)?;
    let late = late_events(connection, database, folded).await?;
    let Some(last) = late.last().map(|event| event.seq) else {
        return Ok(());
    };
    let early = early_events(connection, database, folded).await?;
    let clocks = clocks(connection, database).await?;
    let last_at = last_at(connection, folded).await.map_err(wrong)?;
    let mut counters = counters(days, &early, &clocks, last_at);
    late.iter().for_each(|event| counters.apply(event));
    write(connection, &mut counters, last).await.map_err(wrong)
}

/// The events that are not folded.
async fn late_events(
    connection: &mut SqliteConnection,
    database: &Database,
    folded: i64,
) -> Result<Vec<Event>, StoreError> {
    let rows = sqlx::query_as("SELECT seq, json FROM events WHERE seq > ? ORDER BY seq")
        .bind(folded)
        .fetch_all(connection)
        .await
        .map_err(|error| database.error(error))?;
    events_of(rows, database)
}

/// The events before them, of contacts that were open then: those still open, and those that late events are of.
async fn early_events(
    connection: &mut SqliteConnection,
    database: &Database,
    folded: i64,
) -> Result<Vec<Event>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT seq, json FROM events WHERE seq <= ?1 AND contact IN (
             SELECT id FROM contacts WHERE closed_at IS NULL
             UNION SELECT contact FROM events WHERE seq > ?1 AND contact IS NOT NULL
         ) ORDER BY seq",
    )
    .bind(folded)
    .fetch_all(connection)
    .await
    .map_err(|error| database.error(error))?;
    events_of(rows, database)
}

async fn write(
    connection: &mut SqliteConnection,
    counters: &mut Counters,
    last: Seq,
) -> Result<(), sqlx::Error> {
    let deltas = counters.drain();
    let keys: Vec<_> = deltas.keys().cloned().collect();
    let mut known = writer::load(connection, &keys).await?;
    let mut written = Rows::default();
    writer::push_folded(&mut written, &mut known, deltas, counters.clocks(), last);
    Script::new(written).run(connection).await
}
