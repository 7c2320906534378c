//! Commands that arrive twice with one `Idempotency-Key` are carried out once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::problem::Problem;

/// How long an answer is kept.
const KEPT_FOR: Duration = Duration::from_secs(600);
/// Answers kept; beyond, the oldest goes.
const KEPT_MAX: usize = 1_000;
/// Longest key.
pub(crate) const KEY_BYTES_MAX: usize = 128;

/// The answer of a command: the position of its event, or the refusal.
pub(crate) type Answer = Result<u64, Problem>;

#[derive(Debug)]
struct Entry {
    request: String,
    began: Instant,
    answer: Option<Answer>,
}

/// What to do with a command.
#[derive(Debug, PartialEq)]
pub(crate) enum Admission {
    /// Not seen before: carry it out, then say how it went.
    Fresh,
    /// Carried out before: answer the same.
    Again(Answer),
    /// Being carried out right now.
    Running,
    /// The key was used for another command.
    Misused,
}

#[derive(Debug, Default)]
struct Table {
    entries: BTreeMap<(String, String), Entry>,
    order: VecDeque<(String, String)>,
}

/// Keys seen lately, by who used them.
#[derive(Debug, Default)]
pub(crate) struct Keys(Mutex<Table>);

impl Keys {
    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits a command of `actor` under `key`; `request` tells commands apart.
    pub(crate) fn admit(&self, actor: &str, key: &str, request: &str, now: Instant) -> Admission {
        let mut table = self.table();
        let id = (actor.to_owned(), key.to_owned());
        if let Some(entry) = table.entries.get(&id)
            && now.saturating_duration_since(entry.began) < KEPT_FOR
        {
            return match &entry.answer {
                _ if entry.request != request => Admission::Misused,
                Some(answer) => Admission::Again(answer.clone()),
                None => Admission::Running,
            };
        }
        table.order.retain(|known| *known != id);
        while table.order.len() >= KEPT_MAX {
            let Some(oldest) = table.order.pop_front() else {
                break;
            };
            table.entries.remove(&oldest);
        }
        table.order.push_back(id.clone());
        table.entries.insert(
            id,
            Entry {
                request: request.to_owned(),
                began: now,
                answer: None,
            },
        );
        Admission::Fresh
    }

    /// Keeps the answer of an admitted command. A passing trouble (5xx) is not kept: the command may be tried again.
    pub(crate) fn done(&self, actor: &str, key: &str, answer: &Answer) {
        let mut table = self.table();
        let id = (actor.to_owned(), key.to_owned());
        if answer
            .as_ref()
            .is_err_and(|problem| problem.status().is_server_error())
        {
            table.entries.remove(&id);
            table.order.retain(|known| *known != id);
        } else if let Some(entry) = table.entries.get_mut(&id) {
            entry.answer = Some(answer.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_answers_the_same_and_another_command_under_it_is_refused() {
        let (keys, now) = (Keys::default(), Instant::now());
        assert_eq!(keys.admit("ann", "k", "pause 8001", now), Admission::Fresh);
        assert_eq!(keys.admit("ann", "k", "pause 8001", now), Admission::Running);
        keys.done("ann", "k", &Ok(17));
        assert_eq!(
            keys.admit("ann", "k", "pause 8001", now),
            Admission::Again(Ok(17))
        );
        assert_eq!(keys.admit("ann", "k", "ready 8001", now), Admission::Misused);
        assert_eq!(keys.admit("bob", "k", "ready 8001", now), Admission::Fresh);
        assert_eq!(
            keys.admit("ann", "k", "pause 8001", now + KEPT_FOR),
            Admission::Fresh
        );
    }

    #[test]
    fn a_command_that_met_passing_trouble_may_be_tried_again() {
        let (keys, now) = (Keys::default(), Instant::now());
        keys.admit("ann", "k", "pause", now);
        keys.done("ann", "k", &Err(Problem::store_unavailable()));
        assert_eq!(keys.admit("ann", "k", "pause", now), Admission::Fresh);
    }

    #[test]
    fn keys_are_bounded() {
        let (keys, now) = (Keys::default(), Instant::now());
        for count in 0..KEPT_MAX + 50 {
            keys.admit("ann", &count.to_string(), "pause", now);
        }
        let table = keys.table();
        assert_eq!((table.entries.len(), table.order.len()), (KEPT_MAX, KEPT_MAX));
    }
}
