//! Checks what is recorded, how long it is kept, and what a full disk means.

use std::time::Duration;

use super::{Check, DAY, HOUR, MINUTE, SECOND};
use crate::raw::{RawQueue, RawRecording};
use crate::read::Said;
use crate::settings::{Data, Keep, KeepOf, RecordPolicy, Recording};
use crate::values;

const POLICIES: [(&str, RecordPolicy); 4] = [
    ("off", RecordPolicy::Off),
    ("talk", RecordPolicy::Talk),
    ("queue", RecordPolicy::Queue),
    ("everything", RecordPolicy::Everything),
];

const WHEN_FULL: [(&str, bool); 2] = [("go-on", false), ("refuse", true)];

/// Longest time that a recording is kept by a rule.
const KEEP_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

impl Check {
    pub(super) fn recording(&mut self, raw: &RawRecording, data: &Data, queues: &[RawQueue]) -> Recording {
        let slugs: Vec<&str> = queues
            .iter()
            .filter_map(|queue| queue.slug.get().map(|said| said.value.as_str()))
            .collect();
        let mut keep = Vec::new();
        for said in raw.keep.items() {
            keep.extend(self.keep(said, &slugs));
        }
        let free_min_mb = self.integer(&raw.free_min_mb, 500, 0..=1_048_576);
        Recording {
            enabled: Self::flag(&raw.enabled, true),
            dir: self.path(&raw.dir).unwrap_or_else(|| data.dir.join("recordings")),
            policy: self.word_or(&raw.policy, &POLICIES, RecordPolicy::Talk),
            encrypt: Self::flag(&raw.encrypt, false),
            keys: self.path(&raw.keys).unwrap_or_else(|| data.dir.join("keys")),
            pause_max: self.duration(&raw.pause_max, 2 * MINUTE, SECOND..=HOUR),
            pause_code: self.keys(raw.pause_code.get(), "*71"),
            resume_code: self.keys(raw.resume_code.get(), "*72"),
            free_min_mb: u64::from(free_min_mb),
            keep,
        }
    }

    /// What a queue says of recording: how much, and whether a full disk closes it.
    pub(super) fn queue_recording(&mut self, raw: &RawQueue) -> (Option<RecordPolicy>, bool) {
        let policy = raw
            .record
            .get()
            .map(|_| self.word_or(&raw.record, &POLICIES, RecordPolicy::Talk));
        (policy, self.word_or(&raw.record_when_full, &WHEN_FULL, false))
    }

    fn keys(&mut self, said: Option<&Said<String>>, default: &str) -> String {
        let Some(said) = said else {
            return default.to_owned();
        };
        let good = said.value.len() <= 6
            && said
                .value
                .bytes()
                .all(|key| key.is_ascii_digit() || b"*#".contains(&key));
        if !good {
            self.tell(
                &said.key,
                format!("{:?} cannot be pressed", said.value),
                "write at most six of 0-9 * #, for instance \"*71\"",
            );
        }
        said.value.clone()
    }

    /// `"365d"`, `"queue sales: 90d"`, `"disposition test: 7d"`.
    fn keep(&mut self, said: &Said<String>, queues: &[&str]) -> Option<Keep> {
        let (which, time) = said.value.rsplit_once(':').unwrap_or(("", &said.value));
        let (word, name) = which.trim().split_once(' ').unwrap_or((which.trim(), ""));
        let of = match (word, name.trim()) {
            ("", "") => Some(KeepOf::All),
            ("queue", name) if queues.contains(&name) => Some(KeepOf::Queue(name.to_owned())),
            ("disposition", name) if !name.is_empty() => Some(KeepOf::Disposition(name.to_owned())),
            _ => None,
        };
        let time = values::duration(time).filter(|time| (DAY..=KEEP_MAX).contains(time));
        let (Some(of), Some(time)) = (of, time) else {
            self.tell(
                &said.key,
                format!("{:?} says neither for what nor how long", said.value),
                "write \"365d\", \"queue QUEUE: 90d\" or \"disposition CODE: 7d\", at least a day",
            );
            return None;
        };
        Some(Keep { of, time })
    }
}
