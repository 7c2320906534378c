//! The driver's end of the journal: a bounded queue, its state, and what was committed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hotline_journal::{Event, Seq, What};
use tokio::sync::{broadcast, mpsc, watch};

use super::{COMMIT_SPACING, Committed, OPENING_SPACING, Progress};
use crate::PersonRow;

/// Events that happened together, and the people they point to.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The events, in order.
    pub events: Vec<Event>,
    /// Rows of people, new or with a name found since.
    pub persons: Vec<PersonRow>,
}

impl Batch {
    pub(super) fn join(&mut self, other: Self) {
        self.events.extend(other.events);
        self.persons.extend(other.persons);
    }

    /// How long after the last commit it may be committed at the earliest.
    pub(super) fn spacing(&self) -> Duration {
        let spacing = self.events.iter().map(|event| match event.what {
            What::OfferMade { .. } => Duration::ZERO,
            What::ContactOpened { .. } => OPENING_SPACING,
            _ => COMMIT_SPACING,
        });
        spacing.min().unwrap_or(COMMIT_SPACING)
    }
}

/// The journal cannot take more now; the batch was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal's queue is full")]
pub struct Full;

/// State of the journal, for readiness and metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalStatus {
    /// What keeps it from being written, while something does.
    pub error: Option<String>,
    /// Events committed since the start.
    pub events: u64,
    /// Commits since the start.
    pub commits: u64,
    /// Failed attempts since the start.
    pub failures: u64,
    /// Batches refused since the start.
    pub refused: u64,
    /// Messages that wait for a sink.
    pub outbox: u64,
    /// Messages not put into the full outbox since the start.
    pub outbox_dropped: u64,
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    error: Mutex<Option<String>>,
    events: AtomicU64,
    commits: AtomicU64,
    failures: AtomicU64,
    refused: AtomicU64,
    outbox_dropped: AtomicU64,
}

impl Shared {
    pub(super) fn committed(&self, events: usize) {
        self.events.fetch_add(events as u64, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn dropped(&self, messages: u64) {
        self.outbox_dropped.fetch_add(messages, Ordering::Relaxed);
    }

    pub(super) fn healthy(&self) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) fn unhealthy(&self, error: String) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
}

/// Appends to the journal; cheap to clone. When the last clone is gone, the writer finishes.
#[derive(Clone, Debug)]
pub struct JournalHandle {
    sender: mpsc::Sender<Batch>,
    shared: Arc<Shared>,
    committed: watch::Receiver<Seq>,
    feed: broadcast::Sender<Committed>,
    progress: Arc<Progress>,
}

impl JournalHandle {
    pub(super) const fn new(
        sender: mpsc::Sender<Batch>,
        shared: Arc<Shared>,
        committed: watch::Receiver<Seq>,
        feed: broadcast::Sender<Committed>,
        progress: Arc<Progress>,
    ) -> Self {
        Self {
            sender,
            shared,
            committed,
            feed,
            progress,
        }
    }

    /// Hands a batch to the writer, without waiting. Order of calls is order in the journal.
    ///
    /// # Errors
    /// [`Full`] where [`super::QUEUE_BATCHES_MAX`] batches wait already, or the writer is gone; counted.
    pub fn append(&self, batch: Batch) -> Result<(), Full> {
        self.sender.try_send(batch).map_err(|_| {
            self.shared.refused.fetch_add(1, Ordering::Relaxed);
            Full
        })
    }

    /// Batches that wait for the writer.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.sender.max_capacity() - self.sender.capacity()
    }

    /// Batches the queue holds at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.sender.max_capacity()
    }

    /// The position of the last committed event, now and whenever it moves.
    #[must_use]
    pub fn committed(&self) -> watch::Receiver<Seq> {
        self.committed.clone()
    }

    /// Everything committed from now on. A reader that lags more than [`super::FEED_BATCHES_MAX`] batches is told, and
    /// reads what it missed from the journal.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Committed> {
        self.feed.subscribe()
    }

    /// How the journal is.
    #[must_use]
    pub fn status(&self) -> JournalStatus {
        let shared = &self.shared;
        JournalStatus {
            error: shared
                .error
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            events: shared.events.load(Ordering::Relaxed),
            commits: shared.commits.load(Ordering::Relaxed),
            failures: shared.failures.load(Ordering::Relaxed),
            refused: shared.refused.load(Ordering::Relaxed),
            outbox: u64::try_from(
                self.progress.written.load(Ordering::Acquire)
                    - self.progress.delivered.load(Ordering::Acquire),
            )
            .unwrap_or(0),
            outbox_dropped: shared.outbox_dropped.load(Ordering::Relaxed),
        }
    }
}
