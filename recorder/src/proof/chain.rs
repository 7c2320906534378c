//! Appending to the manifest, one process at a time, and what it does to recordings.
//!
//! The manifest is a file per month beside the recordings, `manifest-YYYY-MM.jsonl`; the chain runs on from month to
//! month. Each recording has a copy of its own entries beside it (`SEGMENT.wav.proof`), so that one recording's
//! standing costs one small file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use ring::digest::{Context, SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::keys::Vault;
use super::{Deed, Entry, Hash, PROOF_VERSION, Sealing, Standing, hex};
use crate::{PathError, checked_path};

/// Longest line of the manifest that is read.
pub(super) const LINE_BYTES_MAX: u64 = 1 << 20;
/// Bytes read at once.
const READ_BYTES: usize = 1 << 18;

/// Why nothing was written down.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The name is no recording's.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The recording is held.
    #[error("the recording is held: {0}")]
    Held(String),
    /// It is not held.
    #[error("the recording is not held")]
    NotHeld,
    /// There is no such recording, or it is erased.
    #[error("there is no such recording")]
    Gone,
    /// The file system failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The end of the manifest cannot be read.
    #[error("the manifest's last entry cannot be read: {0}; see `hotline recording verify`")]
    Broken(PathBuf),
}

/// A line of the manifest.
#[derive(Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) entry: Box<RawValue>,
    pub(super) sig: String,
}

/// Manifest and keys of a folder of recordings.
#[derive(Debug)]
pub struct Evidence {
    dir: PathBuf,
    vault: Vault,
}

/// The months of the manifest, oldest first.
pub(super) fn months(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut months = Vec::new();
    for file in fs::read_dir(dir)? {
        let file = file?;
        let name = file.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("manifest-") && name.ends_with(".jsonl") {
            months.push(file.path());
        }
    }
    months.sort();
    Ok(months)
}

pub(super) fn hash_of(entry: &RawValue) -> Hash {
    hex(digest(&SHA256, entry.get().as_bytes()).as_ref())
}

/// SHA-256 of a file, and its length.
pub(crate) fn hash_file(path: &Path) -> io::Result<(Hash, u64)> {
    let mut file = File::open(path)?;
    let (mut context, mut length) = (Context::new(&SHA256), 0);
    let mut room = vec![0; READ_BYTES];
    loop {
        let count = file.read(&mut room)?;
        if count == 0 {
            return Ok((hex(context.finish().as_ref()), length));
        }
        context.update(&room[..count]);
        length += count as u64;
    }
}

/// Where a recording's own entries lie.
fn proof_path(dir: &Path, path: &str) -> Result<PathBuf, PathError> {
    let mut proof = checked_path(dir, path)?.into_os_string();
    proof.push(".proof");
    Ok(proof.into())
}

/// The entries of one recording, oldest first.
///
/// # Errors
/// What reading answers; a recording without entries has none.
pub fn entries_of(dir: &Path, path: &str) -> io::Result<Vec<Entry>> {
    let lines = lines_of(dir, path)?;
    let read = |line: &Line| serde_json::from_str(line.entry.get()).ok();
    Ok(lines.iter().filter_map(read).collect())
}

pub(super) fn lines_of(dir: &Path, path: &str) -> io::Result<Vec<Line>> {
    let proof = proof_path(dir, path).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let file = match File::open(proof) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    let mut lines = Vec::new();
    for line in BufReader::new(file.take(LINE_BYTES_MAX)).lines() {
        lines.extend(serde_json::from_str::<Line>(&line?).ok());
    }
    Ok(lines)
}

impl Evidence {
    /// Opens manifest and keys; writes the public key beside the manifest where it is missing.
    ///
    /// # Errors
    /// What the file system answers.
    pub fn open(dir: &Path, keys: &Path) -> io::Result<Self> {
        crate::writer::private_folder(dir)?;
        let vault = Vault::open(keys)?;
        let public = dir.join("manifest.pub");
        if !public.exists() {
            fs::write(&public, format!("{}\n", vault.public_key().text()))?;
        }
        Ok(Self {
            dir: dir.to_owned(),
            vault,
        })
    }

    /// The keys.
    #[must_use]
    pub const fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The recordings' folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Appends what happened to a recording; it is on the disk when this returns.
    ///
    /// # Errors
    /// What the file system answers, and where the manifest's end cannot be read.
    pub fn append(&self, path: &str, deed: Deed) -> Result<Entry, EvidenceError> {
        let proof = proof_path(&self.dir, path)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(self.dir.join(".manifest.lock"))?;
        lock.lock()?;
        let at_ms = now_ms();
        let (n, prev) = self.head()?;
        let entry = Entry {
            v: PROOF_VERSION,
            n: n + 1,
            at_ms,
            prev,
            path: path.to_owned(),
            deed,
        };
        let raw = serde_json::value::to_raw_value(&entry).map_err(io::Error::other)?;
        let sig = self.vault.sign(raw.get().as_bytes());
        let mut line = serde_json::to_vec(&Line { entry: raw, sig }).map_err(io::Error::other)?;
        line.push(b'\n');
        append_synced(&self.month(at_ms), &line)?;
        append_synced(&proof, &line)?;
        Ok(entry)
    }

    fn month(&self, at_ms: u64) -> PathBuf {
        let (year, month) = year_and_month(at_ms);
        self.dir.join(format!("manifest-{year:04}-{month:02}.jsonl"))
    }

    /// Number and hash of the last entry. A line that a crash cut is taken off: nobody was told of it.
    fn head(&self) -> Result<(u64, Hash), EvidenceError> {
        for month in months(&self.dir)?.into_iter().rev() {
            let mut file = OpenOptions::new().read(true).write(true).open(&month)?;
            let length = file.metadata()?.len();
            let from = length.saturating_sub(LINE_BYTES_MAX);
            file.seek(SeekFrom::Start(from))?;
            let mut tail = Vec::new();
            (&file).take(LINE_BYTES_MAX).read_to_end(&mut tail)?;
            let whole = tail
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1);
            if whole < tail.len() {
                file.set_len(from + whole as u64)?;
            }
            let Some(end) = whole.checked_sub(1) else { continue };
            let start = tail[..end]
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1);
            let line: Option<Line> = serde_json::from_slice(&tail[start..end]).ok();
            let entry = line
                .as_ref()
                .and_then(|line| serde_json::from_str::<Entry>(line.entry.get()).ok());
            let (Some(line), Some(entry)) = (line, entry) else {
                return Err(EvidenceError::Broken(month));
            };
            return Ok((entry.n, hash_of(&line.entry)));
        }
        Ok((0, "0".repeat(64)))
    }

    /// Seals a finished file: hashes it as it lies on the disk and writes that down. Marks the file read-only.
    ///
    /// # Errors
    /// As [`Evidence::append`].
    pub fn seal(&self, path: &str, mut sealing: Sealing) -> Result<Entry, EvidenceError> {
        let place = checked_path(&self.dir, path)?;
        (sealing.sha256, sealing.bytes) = hash_file(&place)?;
        self.append(path, Deed::Sealed(Box::new(sealing)))
    }

    /// Holds a recording, so that no rule erases it, or releases it.
    ///
    /// # Errors
    /// Where it is erased, or not held; else as [`Evidence::append`].
    pub fn hold(&self, path: &str, held: bool, by: &str, reason: &str) -> Result<Entry, EvidenceError> {
        let standing = Standing::of(&self.dir, path)?;
        if standing.erased.is_some() || standing.sealing.is_none() {
            return Err(EvidenceError::Gone);
        }
        let (by, reason) = (by.to_owned(), reason.to_owned());
        if !held && standing.held.is_none() {
            return Err(EvidenceError::NotHeld);
        }
        self.append(
            path,
            if held {
                Deed::Held { by, reason }
            } else {
                Deed::Released { by, reason }
            },
        )
    }

    /// Erases a recording: destroys its key, deletes its file, and leaves the entry as its tombstone.
    ///
    /// # Errors
    /// Where it is held or erased already; else as [`Evidence::append`].
    pub fn erase(&self, path: &str, by: &str, reason: &str) -> Result<Entry, EvidenceError> {
        let place = checked_path(&self.dir, path)?;
        let standing = Standing::of(&self.dir, path)?;
        if let Some(why) = standing.held {
            return Err(EvidenceError::Held(why));
        }
        if standing.erased.is_some() || (standing.sealing.is_none() && !place.exists()) {
            return Err(EvidenceError::Gone);
        }
        let key_destroyed = match recording_id(path) {
            Some(id) => self.vault.destroy(&id)?,
            None => false,
        };
        match fs::remove_file(&place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => removed?,
        }
        if let Some(folder) = place.parent() {
            File::open(folder)?.sync_all()?;
        }
        let deed = Deed::Erased {
            by: by.to_owned(),
            reason: reason.to_owned(),
            key_destroyed,
            sha256: standing.sealing.map(|sealing| sealing.sha256),
        };
        self.append(path, deed)
    }
}

/// The id of the recording at this path: its file's name.
pub(crate) fn recording_id(path: &str) -> Option<[u8; 16]> {
    let name = path.rsplit('/').next()?;
    let name = name.split('.').next()?;
    let id: hotline_types::SegmentId = name.parse().ok()?;
    Some(*id.as_bytes())
}

fn append_synced(path: &Path, line: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(line)?;
    file.sync_data()
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Of a Unix time, in UTC (days to civil, as in Howard Hinnant's chrono algorithms).
fn year_and_month(at_ms: u64) -> (u64, u64) {
    let days = at_ms / 86_400_000 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + u64::from(month <= 2), month)
}

#[cfg(test)]
mod tests {
    use super::year_and_month;

    #[test]
    fn months_are_those_of_the_calendar() {
        for (at_ms, expected) in [
            (0, (1970, 1)),
            (951_782_399_000, (2000, 2)),
            (951_868_800_000, (2000, 3)),
            (1_795_557_265_000, (2026, 11)),
            (1_798_761_600_000, (2027, 1)),
        ] {
            assert_eq!(year_and_month(at_ms), expected, "{at_ms}");
        }
    }
}
