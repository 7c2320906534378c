//! Whether the disk takes recordings: full, read-only, or fine.

use std::io;
use std::path::PathBuf;

use super::disk::{free_bytes, probe};

/// The disk under the recordings, looked at once a second.
pub(super) struct Space {
    dir: PathBuf,
    free_min: u64,
    writable: bool,
    /// A write failed: only one that works shows that the disk is well again.
    suspected: bool,
}

impl Space {
    pub(super) const fn new(dir: PathBuf, free_min: u64) -> Self {
        Self {
            dir,
            free_min,
            writable: true,
            suspected: false,
        }
    }

    /// Looks; the new state and the free bytes, where it changed.
    pub(super) fn look(&mut self) -> Option<(bool, u64)> {
        // A disk that cannot even be asked takes no recordings.
        let free = free_bytes(&self.dir).unwrap_or(0);
        // A tenth more than the least before it counts as free again, so that the state does not flutter.
        let least = if self.writable {
            self.free_min
        } else {
            self.free_min.saturating_add(self.free_min / 10)
        };
        let mut writable = free > 0 && free >= least;
        if writable && self.suspected {
            writable = probe(&self.dir).is_ok();
            self.suspected = !writable;
        }
        self.turn(writable, free)
    }

    /// A write failed with this.
    pub(super) fn failed(&mut self, kind: io::ErrorKind) -> Option<(bool, u64)> {
        let disk = matches!(
            kind,
            io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::FileTooLarge
                | io::ErrorKind::ReadOnlyFilesystem
        );
        if !disk {
            return None;
        }
        self.suspected = true;
        self.turn(false, free_bytes(&self.dir).unwrap_or(0))
    }

    fn turn(&mut self, writable: bool, free: u64) -> Option<(bool, u64)> {
        let changed = writable != self.writable;
        self.writable = writable;
        changed.then_some((writable, free))
    }
}
