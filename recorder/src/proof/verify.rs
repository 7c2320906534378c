//! Checking the proof, offline: chain, signatures, and the files against them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use super::chain::{Line, hash_file, hash_of, lines_of, months};
use super::{Entry, PublicKey, Standing};
use crate::checked_path;

/// Something that is not as it was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The recording or the manifest's file.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Entries of the manifest.
    pub entries: u64,
    /// Recordings whose file is as it was sealed.
    pub whole: u64,
    /// Recordings that were erased, with their tombstone.
    pub erased: u64,
    /// Recordings that are held.
    pub held: u64,
    /// What is wrong, in the order it was found.
    pub findings: Vec<Finding>,
    /// SHA-256 of the last entry: kept elsewhere, it shows later that nothing was cut off.
    pub head: String,
}

impl Verified {
    fn find(&mut self, place: impl Into<String>, what: impl Into<String>) {
        self.findings.push(Finding {
            place: place.into(),
            what: what.into(),
        });
    }
}

/// Checks the whole manifest of a folder, and each recording that it names and that is not erased. Nothing but the
/// folder and the public key is needed; `each` hears of every recording that was looked at.
///
/// # Errors
/// What reading the manifest answers; a recording that cannot be read is a finding.
pub fn verify(dir: &Path, key: &PublicKey, mut each: impl FnMut(u64)) -> io::Result<Verified> {
    let mut verified = Verified {
        head: "0".repeat(64),
        ..Verified::default()
    };
    let mut standings: BTreeMap<String, Standing> = BTreeMap::new();
    for month in months(dir)? {
        let name = month
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        for (number, line) in BufReader::new(File::open(&month)?).lines().enumerate() {
            let place = format!("{name}:{}", number + 1);
            let line = line?;
            let Ok(line) = serde_json::from_str::<Line>(&line) else {
                verified.find(place, "is no entry");
                continue;
            };
            let Ok(entry) = serde_json::from_str::<Entry>(line.entry.get()) else {
                verified.find(place, "is no entry that this version knows");
                continue;
            };
            if !key.signed(line.entry.get().as_bytes(), &line.sig) {
                verified.find(&place, "the signature is not that of this entry and key");
            }
            if entry.prev != verified.head || entry.n != verified.entries + 1 {
                verified.find(
                    &place,
                    "does not follow the entry before it: one was changed, taken out or put in",
                );
            }
            verified.entries = entry.n;
            verified.head = hash_of(&line.entry);
            standings.entry(entry.path.clone()).or_default().take(&entry);
        }
    }
    for (done, (path, standing)) in standings.iter().enumerate() {
        check_file(dir, path, standing, &mut verified);
        each(done as u64 + 1);
    }
    Ok(verified)
}

/// Checks one recording by its own entries: their signatures and its file. None where there are no entries.
///
/// # Errors
/// What reading answers.
pub fn verify_one(dir: &Path, key: &PublicKey, path: &str) -> io::Result<Option<Verified>> {
    let lines = lines_of(dir, path)?;
    if lines.is_empty() {
        return Ok(None);
    }
    let mut verified = Verified::default();
    let mut standing = Standing::default();
    for line in lines {
        verified.entries += 1;
        if !key.signed(line.entry.get().as_bytes(), &line.sig) {
            verified.find(path, "the signature is not that of this entry and key");
        }
        match serde_json::from_str::<Entry>(line.entry.get()) {
            Ok(entry) if entry.path == path => standing.take(&entry),
            _ => verified.find(path, "an entry beside it is another recording's"),
        }
    }
    check_file(dir, path, &standing, &mut verified);
    Ok(Some(verified))
}

fn check_file(dir: &Path, path: &str, standing: &Standing, verified: &mut Verified) {
    verified.held += u64::from(standing.held.is_some());
    let Ok(place) = checked_path(dir, path) else {
        return verified.find(path, "is not the path of a recording");
    };
    if standing.erased.is_some() {
        verified.erased += 1;
        if place.exists() {
            verified.find(path, "was erased and is there");
        }
        return;
    }
    let Some(sealing) = &standing.sealing else {
        return verified.find(path, "was never sealed");
    };
    match hash_file(&place) {
        Ok((hash, bytes)) if hash == sealing.sha256 && bytes == sealing.bytes => verified.whole += 1,
        Ok((_, bytes)) if bytes != sealing.bytes => verified.find(
            path,
            format!("has {bytes} bytes and was sealed with {}", sealing.bytes),
        ),
        Ok(_) => verified.find(path, "is not what was sealed: its SHA-256 is another one"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            verified.find(path, "is missing, and nothing says that it was erased");
        }
        Err(error) => verified.find(path, format!("cannot be read: {error}")),
    }
}
