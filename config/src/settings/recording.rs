//! What is recorded, and how long it is kept.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::as_text;

/// Recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recording {
    /// Whether talks are recorded.
    pub enabled: bool,
    /// The folder.
    pub dir: PathBuf,
    /// How much.
    pub policy: RecordPolicy,
    /// Whether they are encrypted at rest.
    pub encrypt: bool,
    /// The folder of the keys.
    pub keys: PathBuf,
    /// Longest pause.
    #[serde(serialize_with = "as_text")]
    pub pause_max: Duration,
    /// What an agent presses to pause.
    pub pause_code: String,
    /// What resumes.
    pub resume_code: String,
    /// Free space below which the disk counts as full, MiB.
    pub free_min_mb: u64,
    /// How long they are kept.
    pub keep: Vec<Keep>,
}

/// How much of a contact is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordPolicy {
    /// Nothing.
    Off,
    /// Talks with agents.
    Talk,
    /// From the entry into the queue.
    Queue,
    /// From the answer.
    Everything,
}

/// How long some recordings are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Keep {
    /// Which.
    pub of: KeepOf,
    /// How long.
    #[serde(serialize_with = "as_text")]
    pub time: Duration,
}

/// Which recordings a time of keeping is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeepOf {
    /// All that no other rule is for.
    All,
    /// Those of a queue.
    Queue(String),
    /// Those of contacts with this disposition.
    Disposition(String),
}
