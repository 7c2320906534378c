//! The journal on disk, the rows computed from it, people and secrets, and what is told to other systems. The only
//! place that writes SQL.

mod db;
mod error;
mod flows;
mod outbox;
mod people;
mod reader;
mod recover;
mod rows;
mod script;
mod sink;
mod writer;

use std::path::{Path, PathBuf};

use hotline_journal::BusinessDays;
use hotline_types::OfferId;
use tokio::sync::mpsc;

use db::Database;

pub use db::Durability;
pub use error::StoreError;
pub use flows::ActivationRow;
pub use people::{AgentRow, NewToken, People, RosterRow, Seed, TOKENS_MAX, TokenRow, UserRow};
pub use reader::{
    ContactDetail, ContactFilter, ContactPage, ContactRow, Histories, PAGE_MAX, QueueRow, REPORT_DAYS_MAX,
    Reader, RecordedPage, RecordedRow, RecordingFilter, RecordingRow, SegmentRow,
};
pub use reader::{LastAgent, LostCaller, REMEMBERED_MAX};
pub use recover::{Recovered, Unsealed};
pub use rows::{OfferRow, PersonRow};
pub use sink::DeskSink;
pub use writer::{
    Batch, COMMIT_EVENTS_MAX, COMMIT_SPACING, Committed, FEED_BATCHES_MAX, Full, JournalHandle,
    JournalStatus, JournalWriter, OUTBOX_MAX, OUTBOX_POPS_MAX, QUEUE_BATCHES_MAX,
};

/// Name of the journal's file in the data folder.
pub const JOURNAL_FILE: &str = "journal.db";

/// Name of the embedded service desk's file in the data folder.
pub const DESK_FILE: &str = "service-desk.db";

/// Where the store lies and what it survives.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// The data folder; created where it is missing. Whoever opens it holds its `lock`.
    pub data_dir: PathBuf,
    /// What survives a loss of power.
    pub durability: Durability,
}

/// The store of one running program.
#[derive(Clone, Debug)]
pub struct Store {
    journal: Database,
    desk: Database,
}

impl Store {
    /// Opens the store, creates what is missing and brings the schemas up to date.
    ///
    /// # Errors
    /// Which file cannot be used, why, and what to do.
    pub async fn open(config: StoreConfig) -> Result<Self, StoreError> {
        db::create_folder(&config.data_dir)?;
        let store = Self {
            journal: Database::new(config.data_dir.join(JOURNAL_FILE), config.durability),
            desk: Database::new(config.data_dir.join(DESK_FILE), config.durability),
        };
        store.journal.migrate(db::JOURNAL).await?;
        store.desk.migrate(db::DESK).await?;
        Ok(store)
    }

    /// What the journal knows: to be called before [`Store::writer`].
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn recover(&self, days: BusinessDays) -> Result<Recovered, StoreError> {
        recover::recover(&self.journal, days).await
    }

    /// The journal's writer and the sink of the embedded desk, which go on after `recovered`. `pops` is told each offer
    /// whose screen-pop is in the desk; where it is full, nobody is told. Both futures are to be spawned.
    ///
    /// # Errors
    /// The journal cannot be opened.
    pub async fn writer(
        &self,
        recovered: &Recovered,
        pops: mpsc::Sender<OfferId>,
    ) -> Result<(JournalHandle, JournalWriter, DeskSink), StoreError> {
        let (handle, writer, end) = writer::writer(self.journal.clone(), recovered).await?;
        let sink = DeskSink::new(self.journal.clone(), self.desk.clone(), end, pops);
        Ok((handle, writer, sink))
    }

    /// People and secrets.
    #[must_use]
    pub fn people(&self) -> People {
        People::new(&self.journal)
    }

    /// The read-only face.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(&self.journal)
    }

    /// The journal's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.journal.path
    }
}
