//! From committed events to published batches: one fold, one ledger, any number of bounded subscribers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use hotline_journal::{Event, Seq, What};
use hotline_store::{Committed, PersonRow};
use hotline_types::{ContactId, PersonId};
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, Semaphore, broadcast, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::{Changed, Delta, Ledger, Resume, SCHEMA};
use crate::app::App;
use crate::clock::now_ms;
use crate::view::{Present, View};

/// How often changes are published.
const BATCH_EVERY: Duration = Duration::from_millis(200);
/// How often the gateway is asked how it is.
const STATUS_EVERY: Duration = Duration::from_secs(1);
/// Batches that wait for one subscriber; more means that it starts anew.
const SUBSCRIBER_BATCHES_MAX: usize = 256;
/// Live feeds at once; the next is refused with 503.
pub(crate) const SUBSCRIBERS_MAX: usize = 200;
/// Callers looked up for one batch; the rest wait for the next.
const LOOKUPS_PER_BATCH_MAX: usize = 16;
/// Callers that wait to be looked up; more stay without a number on the live page.
const LOOKUPS_WAITING_MAX: usize = 1_000;
/// Longest wait for rows that were asked for while nobody looked.
const ROWS_TIME_MAX: Duration = Duration::from_millis(250);
/// Longest look-up of a caller.
const LOOKUP_TIME_MAX: Duration = Duration::from_millis(100);
/// Events read at once when the fold has to catch up.
const CATCH_UP_EVENTS: u32 = 1_000;

/// A batch with its text, made once for everyone who may see all of it.
#[derive(Debug)]
pub(crate) struct Batch {
    pub delta: Arc<Delta>,
    pub text: Utf8Bytes,
}

/// A frame of the feed as it goes over the wire.
#[derive(Serialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub(crate) enum Frame<'a> {
    /// First frame: which life of which journal, and the server's clock.
    Hello {
        epoch: &'a str,
        seq: u64,
        now: i64,
        build: &'a str,
        schema: u32,
    },
    /// All rows of all topics; what is not in it is gone.
    Snap { seq: u64, rows: &'a Changed },
    /// What changed.
    Delta(&'a Delta),
    /// Still there.
    Beat { seq: u64, now: i64 },
    /// Answer to a ping.
    Pong { ping: u64, now: i64 },
    /// A snapshot follows, because the chain is broken.
    Reset { why: &'a str },
}

impl Frame<'_> {
    /// The frame's text.
    pub(crate) fn text(&self) -> Utf8Bytes {
        serde_json::to_string(self).unwrap_or_default().into()
    }
}

/// What a subscriber begins with.
#[derive(Debug)]
pub(crate) enum Start {
    /// It missed these.
    Missed(Vec<Arc<Delta>>),
    /// All rows, at this position.
    Snapshot { seq: u64, rows: Changed },
}

/// Where subscribers join.
#[derive(Debug)]
pub(crate) struct Hub {
    ledger: Mutex<Ledger>,
    batches: broadcast::Sender<Arc<Batch>>,
    epoch: String,
    /// Somebody wants rows while no live feed is open.
    asked: Notify,
    /// Counts what was asked for and done.
    made: watch::Sender<u64>,
    /// One permit per live feed.
    pub seats: Arc<Semaphore>,
}

impl Hub {
    /// A hub with nothing published. `epoch` names this life of the journal's reader.
    pub(crate) fn new(epoch: String) -> Self {
        let (batches, _) = broadcast::channel(SUBSCRIBER_BATCHES_MAX);
        Self {
            ledger: Mutex::new(Ledger::default()),
            batches,
            epoch,
            asked: Notify::new(),
            made: watch::Sender::new(0),
            seats: Arc::new(Semaphore::new(SUBSCRIBERS_MAX)),
        }
    }

    /// Runs `read` on the ledger with the present rows, or with the last published where they take longer than
    /// [`ROWS_TIME_MAX`]. While a live feed is open they are at most [`BATCH_EVERY`] old.
    pub(crate) async fn read_present<T>(&self, read: impl FnOnce(&Ledger) -> T) -> T {
        if !self.is_watched() {
            let mut made = self.made.subscribe();
            self.asked.notify_one();
            // Too late: what was last published is still the truth of a moment ago, and says its position.
            let _late = timeout(ROWS_TIME_MAX, made.changed()).await;
        }
        self.read(read)
    }

    /// A live feed is open.
    fn is_watched(&self) -> bool {
        self.batches.receiver_count() > 0
    }

    /// Runs `read` on the ledger as last published.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Ledger) -> T) -> T {
        read(&self.ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Publishes the present rows.
    pub(crate) fn publish(&self, rows: super::Rows, seq: u64) {
        // Sent under the lock, so that a subscriber that joins sees each batch either in its start or in its queue.
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(delta) = ledger.publish(rows, seq)
            && self.is_watched()
        {
            let text = Frame::Delta(&delta).text();
            // The last receiver may have gone meanwhile: nobody looks at the live page.
            let _nobody_listens = self.batches.send(Arc::new(Batch { delta, text }));
        }
    }

    /// A subscription from where the client stopped, or from the beginning.
    pub(crate) fn join(
        &self,
        epoch: Option<&str>,
        after: Option<u64>,
    ) -> (broadcast::Receiver<Arc<Batch>>, Start) {
        self.read(|ledger| {
            let receiver = self.batches.subscribe();
            let known = after.filter(|_| epoch == Some(self.epoch.as_str()));
            let start = match known.map(|after| ledger.resume(after)) {
                Some(Resume::Batches(missed)) => Start::Missed(missed),
                Some(Resume::Reset) | None => Start::Snapshot {
                    seq: ledger.seq(),
                    rows: ledger.snapshot(),
                },
            };
            (receiver, start)
        })
    }

    /// The first frame of every connection.
    pub(crate) fn hello(&self, build: &str) -> Utf8Bytes {
        let seq = self.read(Ledger::seq);
        Frame::Hello {
            epoch: &self.epoch,
            seq,
            now: now_ms(),
            build,
            schema: SCHEMA,
        }
        .text()
    }
}

/// The task that folds committed events and publishes; ends when the gateway's sender is gone.
pub(crate) async fn run(app: App, view: View, mut events: broadcast::Receiver<Committed>) {
    let mut batch = interval(BATCH_EVERY);
    batch.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let unknown = view.open().collect();
    let mut fold = Fold {
        present: Present::of(&app),
        app,
        view,
        unknown,
        behind: false,
        changed: true,
    };
    // Before the first page can ask: whoever comes sees rows, not an empty hotline.
    fold.publish();
    let mut asked = Instant::now();
    loop {
        tokio::select! {
            received = events.recv() => match received {
                Ok(committed) => fold.take_all(&committed),
                Err(RecvError::Lagged(skipped)) => {
                    tracing::warn!(skipped, "the live page fell behind the journal, reading it from the store");
                    fold.behind = true;
                }
                Err(RecvError::Closed) => return,
            },
            () = fold.app.hub.asked.notified() => {
                fold.refresh().await;
                fold.app.hub.made.send_modify(|made| *made += 1);
            }
            _ = batch.tick() => {
                let stale = asked.elapsed() >= STATUS_EVERY;
                if stale {
                    asked = Instant::now();
                    fold.present = Present::of(&fold.app);
                    fold.changed = true;
                }
                // Rows are made five times a second for those who look, else once.
                if stale || fold.app.hub.is_watched() {
                    fold.refresh().await;
                }
            }
        }
    }
}

/// The fold and what it waits for.
struct Fold {
    app: App,
    view: View,
    present: Present,
    /// Callers whose numbers are not known yet.
    unknown: VecDeque<(ContactId, PersonId)>,
    /// Events are missing: nothing is folded until they were read from the store, in order.
    behind: bool,
    /// Something was folded or asked since rows were last made.
    changed: bool,
}

impl Fold {
    /// Folds committed events, or notes that some before them are missing.
    fn take_all(&mut self, committed: &Committed) {
        for event in committed.events.iter() {
            if self.behind || event.seq > Seq(self.view.seq()).next() {
                self.behind = true;
                return;
            }
            self.take(event, &committed.persons);
        }
    }

    /// Folds one event, once: what was read from the store while catching up is not folded again. A caller who is not
    /// among `persons` is looked up later.
    fn take(&mut self, event: &Event, persons: &[PersonRow]) {
        if event.seq.0 <= self.view.seq() {
            return;
        }
        self.changed = true;
        self.view.apply(event);
        self.app.metrics.apply(event);
        let (What::ContactOpened { person, .. }, Some(contact)) = (&event.what, event.contact) else {
            return;
        };
        let known = persons.iter().find(|known| known.id == *person);
        if let Some(number) = known.and_then(|known| known.number.as_ref()) {
            self.view.name_caller(contact, number);
        } else if known.is_none() && self.unknown.len() < LOOKUPS_WAITING_MAX {
            self.unknown.push_back((contact, *person));
        }
    }

    /// Reads what is missing. Where the store fails, the next batch tries again, and the page says that it is behind.
    async fn catch_up(&mut self) {
        loop {
            match self
                .app
                .records
                .events_after(Seq(self.view.seq()), CATCH_UP_EVENTS)
                .await
            {
                Ok(events) if events.is_empty() => {
                    self.behind = false;
                    return;
                }
                Ok(events) => events.iter().for_each(|event| self.take(event, &[])),
                Err(error) => {
                    tracing::error!(%error, "the live page is behind and could not read the journal");
                    self.changed = true;
                    return;
                }
            }
        }
    }

    /// Publishes what is known now.
    async fn refresh(&mut self) {
        if self.behind {
            self.catch_up().await;
        }
        self.look_up().await;
        self.publish();
    }

    fn publish(&mut self) {
        if std::mem::take(&mut self.changed) {
            let mut rows = self.view.rows(&self.app.directory, &self.present);
            rows.hotline
                .values_mut()
                .for_each(|row| row.journal_behind |= self.behind);
            self.app.hub.publish(rows, self.view.seq());
        }
    }

    async fn look_up(&mut self) {
        for _ in 0..LOOKUPS_PER_BATCH_MAX {
            let Some((contact, person)) = self.unknown.pop_front() else {
                return;
            };
            if !self.view.is_open(contact) {
                continue;
            }
            match timeout(LOOKUP_TIME_MAX, self.app.records.number_of(person)).await {
                Ok(Ok(Some(number))) => {
                    self.view.name_caller(contact, &number);
                    self.changed = true;
                }
                Ok(Ok(None)) => {}
                Ok(Err(error)) => tracing::debug!(%error, "a live call stays without its number"),
                Err(_) => {
                    self.unknown.push_back((contact, person));
                    return;
                }
            }
        }
    }
}
