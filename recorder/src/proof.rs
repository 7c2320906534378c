//! The proof of recordings: one entry per thing that happened to a recording, each signed and naming the one before.
//!
//! A line of the manifest is `{"entry":{...},"sig":"..."}`: the signature is Ed25519 over the bytes of the entry as
//! they stand there, and the entry's `prev` is the SHA-256 of the entry before it, so that none can be changed, taken
//! out or put in between. Only what lies at the end can be cut off unseen; who keeps a copy of the last line
//! elsewhere sees that too.

mod chain;
mod keys;
mod verify;

use std::path::Path;

use hotline_types::SegmentKind;
use serde::{Deserialize, Serialize};

pub(crate) use chain::recording_id;
pub use chain::{Evidence, EvidenceError, entries_of};
pub use keys::{PublicKey, Vault};
pub use verify::{Finding, Verified, verify, verify_one};

/// Version of the entries.
pub const PROOF_VERSION: u8 = 1;
/// Marks that one recording keeps; further ones are left out.
pub const MARKS_MAX: usize = 1_024;
/// Gaps that one recording names; further ones are counted.
pub const GAPS_MAX: usize = 256;

/// SHA-256, written as 64 hexadecimal digits.
pub type Hash = String;

/// Something that happened while it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Milliseconds from the recording's start.
    pub at_ms: u64,
    /// What.
    #[serde(flatten)]
    pub what: MarkKind,
}

/// What a mark says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mark", rename_all = "snake_case")]
pub enum MarkKind {
    /// A segment of the contact begins.
    Segment {
        /// Its kind.
        segment: SegmentKind,
    },
    /// Nothing is recorded from here on.
    Paused {
        /// Why.
        reason: String,
    },
    /// It goes on.
    Resumed,
}

/// Whose audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Left.
    Caller,
    /// Right.
    Agent,
}

/// A stretch in which nothing came from a side that should have been heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Whose.
    pub side: Side,
    /// Its start, milliseconds.
    pub from_ms: u64,
    /// Its end, milliseconds.
    pub to_ms: u64,
}

/// What a recording is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Segments, pauses and their ends, in order.
    pub marks: Vec<Mark>,
    /// Where nothing came, in order per side.
    pub gaps: Vec<Gap>,
    /// Further gaps that found no room.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gaps_left_out: u64,
    /// How much longer (or, below zero, shorter) the file is than the time that was recorded, milliseconds.
    pub off_ms: i64,
}

const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What happened to a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Deed {
    /// It is whole, on the disk, and must not change any more.
    Sealed(Box<Sealing>),
    /// It must not be erased.
    Held {
        /// Who wants it kept.
        by: String,
        /// Why.
        reason: String,
    },
    /// It may be erased again.
    Released {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// It is gone: its key was destroyed, or its file was deleted.
    Erased {
        /// Who.
        by: String,
        /// Why.
        reason: String,
        /// True where the key was destroyed; else the file was deleted.
        key_destroyed: bool,
        /// What its file was, by its SHA-256 when it was sealed.
        sha256: Option<Hash>,
    },
}

/// The file as it was sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealing {
    /// The contact.
    pub contact: String,
    /// The segment at which it began; also its id.
    pub segment: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: Hash,
    /// Length of the audio, milliseconds.
    pub length_ms: u64,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// True where a crash cut it and it was repaired.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repaired: bool,
    /// Why it ends before its call, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// What it is made of; none after a crash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
}

/// One entry of the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// [`PROOF_VERSION`] of the writer.
    pub v: u8,
    /// Its number, from 1, without gaps.
    pub n: u64,
    /// When, Unix milliseconds.
    pub at_ms: u64,
    /// SHA-256 of the entry before; 64 zeros for the first.
    pub prev: Hash,
    /// The recording, relative to the folder.
    pub path: String,
    /// What happened to it.
    #[serde(flatten)]
    pub deed: Deed,
}

/// How a recording stands, by all its entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The file as it was sealed last.
    pub sealing: Option<Sealing>,
    /// Why it is held, where it is.
    pub held: Option<String>,
    /// When it was erased and why, where it was.
    pub erased: Option<(u64, String)>,
}

impl Standing {
    /// Takes the next entry in.
    pub fn take(&mut self, entry: &Entry) {
        match &entry.deed {
            Deed::Sealed(sealing) => self.sealing = Some((**sealing).clone()),
            Deed::Held { reason, .. } => self.held = Some(reason.clone()),
            Deed::Released { .. } => self.held = None,
            Deed::Erased { reason, .. } => self.erased = Some((entry.at_ms, reason.clone())),
        }
    }

    /// Of the recording at this path, by its own entries, whose signatures are not looked at here.
    ///
    /// # Errors
    /// What reading answers. A recording without entries stands as nothing.
    pub fn of(dir: &Path, path: &str) -> std::io::Result<Self> {
        let mut standing = Self::default();
        for entry in entries_of(dir, path)? {
            standing.take(&entry);
        }
        Ok(standing)
    }
}

/// The bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes that hexadecimal digits name.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests;
