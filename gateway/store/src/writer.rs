//! The journal's writer: one task, one connection, one transaction per batch, in order, for as long as it takes.

mod handle;
mod prepare;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use hotline_journal::{CounterKey, Counts, Event, Seq};
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::Instant;

use handle::Shared;
pub use handle::{Batch, Full, JournalHandle, JournalStatus};
use prepare::{Folds, Prepared};
pub(crate) use prepare::{PRUNE, load, push_folded};

use crate::db::Database;
use crate::outbox::Item;
use crate::{PersonRow, StoreError, recover::Recovered};

/// Batches that wait for the writer at most; the next is refused, and the call it came from is too.
pub const QUEUE_BATCHES_MAX: usize = 8_192;

/// Events in one transaction at most; batches beyond wait for the next.
pub const COMMIT_EVENTS_MAX: usize = 1_024;

/// A busy writer leaves this between its last commit and one of events that nobody waits for; an idle one writes at once.
/// A commit costs some 0.3 ms of CPU, whatever is in it; the live feed goes out every 200 ms. A killed process loses what
/// is gathered; its contacts are then closed by the next start.
pub const COMMIT_SPACING: Duration = Duration::from_millis(100);

/// As much between its last commit and one with a call's opening, whose caller is answered after it. An offer, for whose
/// screen-pop an agent's phone waits, is never kept waiting.
pub const OPENING_SPACING: Duration = Duration::from_millis(50);

/// Committed batches that the slowest reader of the live feed may lag behind; beyond it, it reads the journal.
pub const FEED_BATCHES_MAX: usize = 1_024;

/// First and longest pause after a failed commit.
const RETRY_PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Batches of the outbox on their way to the sink without being read back; beyond it the sink reads them.
const OUTBOX_BATCHES_MAX: usize = 256;

/// Messages that wait for a sink beyond which no screen-pop is added: its call would be over long before. Counted.
pub const OUTBOX_POPS_MAX: i64 = 10_000;

/// Messages that wait for a sink beyond which none is added. Counted; the journal still has what they would tell.
pub const OUTBOX_MAX: i64 = 1_000_000;

/// Counters and clocks of agents are written with the first commit this long after the last time they were: a commit then
/// touches a third fewer pages. The start folds anew what a crash left unwritten (`catch_up.rs`).
pub const FOLD_EVERY: Duration = Duration::from_secs(1);

/// After this much quiet, what the sink has delivered is deleted and the write-ahead log is copied back.
const QUIET: Duration = Duration::from_secs(2);

/// What was committed: durable against a crash of the process, in order.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Position of the last event.
    pub last: Seq,
    /// The events.
    pub events: Arc<Vec<Event>>,
    /// The people that came with them.
    pub persons: Arc<Vec<PersonRow>>,
}

/// The future that writes. Spawn it once; it ends when every [`JournalHandle`] is gone and everything is written.
#[derive(Debug)]
pub struct JournalWriter {
    database: Database,
    connection: Option<SqliteConnection>,
    batches: mpsc::Receiver<Batch>,
    folds: Folds,
    shared: Arc<Shared>,
    committed: watch::Sender<Seq>,
    feed: broadcast::Sender<Committed>,
    outbox: mpsc::Sender<Vec<Item>>,
    progress: Arc<Progress>,
    deleted: i64,
    folded: Instant,
}

/// How far the outbox is written and delivered.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// The newest message committed.
    pub(crate) written: AtomicI64,
    /// The newest message delivered; all before it are too.
    pub(crate) delivered: AtomicI64,
}

/// What the sink needs of the writer.
#[derive(Debug)]
pub(crate) struct OutboxEnd {
    pub(crate) items: mpsc::Receiver<Vec<Item>>,
    pub(crate) progress: Arc<Progress>,
}

pub(crate) async fn writer(
    database: Database,
    recovered: &Recovered,
) -> Result<(JournalHandle, JournalWriter, OutboxEnd), StoreError> {
    let mut connection = database.connect().await?;
    let (delivered, newest): (i64, i64) =
        sqlx::query_as("SELECT coalesce(min(id) - 1, 0), coalesce(max(id), 0) FROM outbox")
            .fetch_one(&mut connection)
            .await
            .map_err(|error| database.error(error))?;
    let (sender, batches) = mpsc::channel(QUEUE_BATCHES_MAX);
    let (committed, committed_rx) = watch::channel(recovered.last);
    let (feed, _) = broadcast::channel(FEED_BATCHES_MAX);
    let (outbox, items) = mpsc::channel(OUTBOX_BATCHES_MAX);
    let shared = Arc::new(Shared::default());
    let progress = Progress {
        written: AtomicI64::new(newest),
        delivered: AtomicI64::new(delivered),
    };
    let progress = Arc::new(progress);
    let handle = JournalHandle::new(
        sender,
        Arc::clone(&shared),
        committed_rx,
        feed.clone(),
        Arc::clone(&progress),
    );
    let writer = JournalWriter {
        database,
        connection: Some(connection),
        batches,
        folds: Folds::new(recovered, newest),
        shared,
        committed,
        feed,
        outbox,
        deleted: delivered,
        folded: Instant::now(),
        progress: Arc::clone(&progress),
    };
    Ok((handle, writer, OutboxEnd { items, progress }))
}

impl JournalWriter {
    /// Writes until every handle is gone and everything is committed.
    pub async fn run(mut self) {
        let mut last_commit = None;
        loop {
            let quiet = if self.folds.is_unwritten() {
                FOLD_EVERY.saturating_sub(self.folded.elapsed())
            } else {
                QUIET
            };
            match tokio::time::timeout(quiet, self.batches.recv()).await {
                Ok(Some(batch)) => {
                    let batch = self.collect(batch, last_commit).await;
                    last_commit = Some(Instant::now());
                    let fold = self.folded.elapsed() >= FOLD_EVERY;
                    self.commit(batch, fold).await;
                }
                Ok(None) => break,
                Err(_) if self.folds.is_unwritten() => self.commit(Batch::default(), true).await,
                Err(_) => self.housekeep().await,
            }
        }
        if self.folds.is_unwritten() {
            self.commit(Batch::default(), true).await;
        }
        self.housekeep().await;
        if let Some(connection) = self.connection.take() {
            // Everything is committed; a failure to close in good order costs nothing.
            let _ = connection.close().await;
        }
    }

    /// Adds what else there is: at once what waits already, and, where the last commit is not long ago, what comes while
    /// everything in the batch may wait.
    async fn collect(&mut self, first: Batch, last_commit: Option<Instant>) -> Batch {
        let mut all = first;
        let deadline = |batch: &Batch| last_commit.map(|at| at + batch.spacing());
        let mut until = deadline(&all);
        while all.events.len() < COMMIT_EVENTS_MAX {
            let next = match (self.batches.try_recv(), until) {
                (Ok(batch), _) => Some(batch),
                (Err(_), Some(until)) if until > Instant::now() => {
                    tokio::time::timeout_at(until, self.batches.recv())
                        .await
                        .unwrap_or(None)
                }
                (Err(_), _) => None,
            };
            let Some(batch) = next else { break };
            until = until.min(deadline(&batch));
            all.join(batch);
        }
        all
    }

    /// One transaction; with `fold`, also of the counters and clocks as they are then.
    async fn commit(&mut self, batch: Batch, fold: bool) {
        let delivered = self.progress.delivered.load(Ordering::Acquire);
        let prune = (delivered > self.deleted).then_some(delivered);
        self.folds.take(&batch);
        let counters = if fold { Some(self.counters().await) } else { None };
        let Prepared {
            script,
            items,
            dropped,
        } = self.folds.prepare(&batch, counters, delivered, prune.is_some());
        self.shared.dropped(dropped);
        let last = batch.events.last().map(|event| event.seq);
        self.run_script(&script, last).await;
        self.deleted = prune.unwrap_or(self.deleted);
        self.shared.committed(batch.events.len());
        if let Some(newest) = items.last() {
            self.progress.written.store(newest.id, Ordering::Release);
            // A full queue is no loss: the sink sees that it is behind and reads the outbox.
            let _ = self.outbox.try_send(items);
        }
        let Some(last) = last else { return };
        // Nobody listening is fine.
        let _ = self.feed.send(Committed {
            last,
            events: Arc::new(batch.events),
            persons: Arc::new(batch.persons),
        });
        self.committed.send_replace(last);
    }

    /// Runs the script until it is committed. After a failure that leaves it open whether it was, it looks.
    async fn run_script(&mut self, script: &crate::script::Script, last: Option<Seq>) {
        let mut pause = RETRY_PAUSES.0;
        loop {
            let Some(connection) = self.connected(&mut pause).await else {
                continue;
            };
            match script.run(connection).await {
                Ok(()) => break,
                Err(error) => self.failed(error, &mut pause).await,
            }
            if let (Some(last), Some(connection)) = (last, self.connected(&mut pause).await)
                && prepare::is_written(connection, last).await.unwrap_or(false)
            {
                break;
            }
        }
        self.shared.healthy();
    }

    /// Reads the rows of counters to be added to, for as long as it takes.
    async fn counters(&mut self) -> BTreeMap<CounterKey, Counts> {
        self.folded = Instant::now();
        let keys = self.folds.missing();
        let mut pause = RETRY_PAUSES.0;
        while !keys.is_empty() {
            let Some(connection) = self.connected(&mut pause).await else {
                continue;
            };
            match load(connection, &keys).await {
                Ok(rows) => return rows,
                Err(error) => self.failed(error, &mut pause).await,
            }
        }
        BTreeMap::new()
    }

    async fn connected(&mut self, pause: &mut Duration) -> Option<&mut SqliteConnection> {
        if self.connection.is_none() {
            match self.database.connect().await {
                Ok(connection) => self.connection = Some(connection),
                Err(error) => self.wait(error, pause).await,
            }
        }
        self.connection.as_mut()
    }

    /// After a failed statement: the connection is opened anew, since some failures stick to it.
    async fn failed(&mut self, error: sqlx::Error, pause: &mut Duration) {
        if let Some(connection) = self.connection.take() {
            let _ = connection.close().await;
        }
        let error = self.database.error(error);
        self.wait(error, pause).await;
    }

    async fn wait(&self, error: StoreError, pause: &mut Duration) {
        tracing::error!(%error, "the journal cannot be written; trying again");
        self.shared.unhealthy(error.to_string());
        tokio::time::sleep(*pause).await;
        *pause = (*pause * 2).min(RETRY_PAUSES.1);
    }

    /// In quiet moments: forgets what the sink delivered, and copies the write-ahead log back.
    async fn housekeep(&mut self) {
        let delivered = self.progress.delivered.load(Ordering::Acquire);
        let Some(connection) = self.connection.as_mut() else {
            return;
        };
        if delivered > self.deleted {
            let done = sqlx::query(PRUNE).bind(delivered).execute(&mut *connection).await;
            if done.is_ok() {
                self.deleted = delivered;
            }
        }
        // Passive: never waits for readers; what it cannot copy now is copied the next time.
        if let Err(error) = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)")
            .execute(connection)
            .await
        {
            tracing::warn!(%error, "the write-ahead log could not be copied back");
        }
    }
}
