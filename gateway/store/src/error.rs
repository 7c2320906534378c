//! Errors that say which file, why, and what to do.

use std::path::{Path, PathBuf};

/// Why the store cannot do what was asked. Never holds personal data: statements' arguments are not part of it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder or file cannot be created or written.
    #[error("{path}: cannot be opened for writing ({why}); let the user that runs hotline own this folder, or choose another with --data", path = .path.display())]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// No space is left.
    #[error("{path}: the disk is full; free some space, or move the data folder with --data", path = .path.display())]
    DiskFull {
        /// Which file.
        path: PathBuf,
    },
    /// The file was written by a newer program.
    #[error("{path}: has schema {found}, this program knows up to {known}; run a newer hotline, or restore a backup", path = .path.display())]
    NewerSchema {
        /// Which file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest known.
        known: i64,
    },
    /// There is no journal where one is to be read.
    #[error("{path}: does not exist; start hotline once, or name its data folder with --data", path = .path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
    },
    /// The file is damaged or no database.
    #[error("{path}: is damaged or no SQLite database; move it away and restore a backup", path = .path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
    },
    /// A row that this program did not write.
    #[error("{path}: {what} cannot be read; the row was changed by something else than hotline", path = .path.display())]
    BadRow {
        /// Which file.
        path: PathBuf,
        /// Which row.
        what: String,
    },
    /// A cursor, id or name that came from outside is not valid.
    #[error("{0}")]
    BadRequest(&'static str),
    /// Anything else the database said.
    #[error("{path}: {source}", path = .path.display())]
    Database {
        /// Which file.
        path: PathBuf,
        /// What it said.
        source: sqlx::Error,
    },
}

impl StoreError {
    /// The meaning of what the database said about a file.
    pub(crate) fn of(path: &Path, source: sqlx::Error) -> Self {
        let path = path.to_owned();
        let code = match &source {
            sqlx::Error::Database(error) => error.code().and_then(|code| code.parse::<i32>().ok()),
            _ => None,
        };
        match code.map(|code| code & 0xff) {
            Some(13) => Self::DiskFull { path },
            Some(3 | 8 | 14) => Self::Unwritable {
                path,
                why: source.to_string(),
            },
            Some(11 | 26) => Self::Damaged { path },
            _ => Self::Database { path, source },
        }
    }
}
