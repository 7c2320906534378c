//! Opening SQLite files: settings, permissions and numbered migrations.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

use crate::StoreError;

/// How long a statement waits for another writer of the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Distinct statements kept prepared per connection.
const STATEMENTS_MAX: usize = 128;

/// What survives a loss of power. A crash of the process alone never costs anything that was committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Power loss may cost the last batches (`synchronous = NORMAL`).
    #[default]
    Normal,
    /// Power loss costs nothing that was committed (`synchronous = FULL`).
    Full,
}

/// A file and how it is opened.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pub(crate) path: PathBuf,
    durability: Durability,
}

/// The numbered files of one database, in order.
pub(crate) type Migrations = &'static [&'static str];

/// Schema of `journal.db`.
pub(crate) const JOURNAL: Migrations = &[
    include_str!("../migrations/journal/0001_journal.sql"),
    include_str!("../migrations/journal/0002_folded.sql"),
];

/// Schema of `service-desk.db`.
pub(crate) const DESK: Migrations = &[include_str!("../migrations/desk/0001_desk.sql")];

impl Database {
    pub(crate) const fn new(path: PathBuf, durability: Durability) -> Self {
        Self { path, durability }
    }

    fn options(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(&self.path)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            .statement_cache_capacity(STATEMENTS_MAX)
            .disable_statement_logging()
    }

    /// Options of a connection that cannot write.
    pub(crate) fn reading(&self) -> SqliteConnectOptions {
        self.options().read_only(true)
    }

    /// A connection that writes; creates the file, for its owner only.
    pub(crate) async fn connect(&self) -> Result<SqliteConnection, StoreError> {
        self.create_private()?;
        self.writing().connect().await.map_err(|error| self.error(error))
    }

    /// Options of a connection that writes.
    pub(crate) fn writing(&self) -> SqliteConnectOptions {
        let synchronous = match self.durability {
            Durability::Normal => SqliteSynchronous::Normal,
            Durability::Full => SqliteSynchronous::Full,
        };
        self.options()
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            .pragma("cache_size", "-16000")
            .pragma("temp_store", "memory")
            .pragma("wal_autocheckpoint", "4000")
            .pragma("journal_size_limit", "67108864")
    }

    /// Brings the schema up to date; each file in its own transaction.
    pub(crate) async fn migrate(&self, migrations: Migrations) -> Result<(), StoreError> {
        let mut connection = self.connect().await?;
        let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
        let found: i64 = sqlx::query_scalar("PRAGMA user_version")
            .fetch_one(&mut connection)
            .await
            .map_err(|error| self.error(error))?;
        if found > known {
            return Err(StoreError::NewerSchema {
                path: self.path.clone(),
                found,
                known,
            });
        }
        let pending = migrations
            .iter()
            .enumerate()
            .skip(usize::try_from(found).unwrap_or(0));
        for (index, migration) in pending {
            let script = format!(
                "BEGIN IMMEDIATE; {migration}\nPRAGMA user_version = {}; COMMIT;",
                index + 1
            );
            sqlx::raw_sql(sqlx::AssertSqlSafe(script))
                .execute(&mut connection)
                .await
                .map_err(|error| self.error(error))?;
        }
        connection.close().await.map_err(|error| self.error(error))
    }

    pub(crate) fn error(&self, source: sqlx::Error) -> StoreError {
        StoreError::of(&self.path, source)
    }

    pub(crate) fn bad_row(&self, what: impl Into<String>) -> StoreError {
        StoreError::BadRow {
            path: self.path.clone(),
            what: what.into(),
        }
    }

    /// The files hold personal data and password equivalents: 0600 from their first moment. SQLite gives its
    /// companions (`-wal`, `-shm`) the same mode.
    fn create_private(&self) -> Result<(), StoreError> {
        let mut options = std::fs::OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&self.path) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => Err(StoreError::DiskFull {
                path: self.path.clone(),
            }),
            Err(error) => Err(unwritable(&self.path, &error)),
        }
    }
}

/// Creates the data folder, for its owner only, and proves that it can be written.
pub(crate) fn create_folder(folder: &Path) -> Result<(), StoreError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| unwritable(folder, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unwritable {
        path: path.to_owned(),
        why: error.to_string(),
    }
}
