//! The live feed's ledger: the rows as last published, what changed since, and a bounded ring for those who resume.

pub(crate) mod hub;
pub(crate) mod socket;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::dto::{AgentRow, CallRow, FigureRow, HotlineRow, QueueRow};

/// Version of the feed's frames.
pub(crate) const SCHEMA: u32 = 1;
/// Batches kept for those who resume.
const RING_BATCHES_MAX: usize = 300;
/// Rows kept in the ring, over all batches.
const RING_ROWS_MAX: usize = 5_000;

/// Everything that is shown live, by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rows {
    pub hotline: BTreeMap<String, HotlineRow>,
    pub queues: BTreeMap<String, QueueRow>,
    pub agents: BTreeMap<String, AgentRow>,
    pub calls: BTreeMap<String, CallRow>,
    pub figures: BTreeMap<String, FigureRow>,
}

/// Rows of a batch or snapshot, per topic.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Changed {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hotline: Vec<HotlineRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub queues: Vec<QueueRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<AgentRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<CallRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<FigureRow>,
}

/// Ids that are there no more, per topic.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Gone {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub queues: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<String>,
}

/// One batch: absolute values of what changed between two positions of the journal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Delta {
    pub from: u64,
    pub to: u64,
    pub rows: Changed,
    pub gone: Gone,
}

impl Changed {
    fn len(&self) -> usize {
        self.hotline.len() + self.queues.len() + self.agents.len() + self.calls.len() + self.figures.len()
    }
}

impl Gone {
    fn len(&self) -> usize {
        self.queues.len() + self.agents.len() + self.calls.len() + self.figures.len()
    }
}

/// What can be subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Topic {
    Hotline,
    Queues,
    Agents,
    Calls,
    Figures,
}

/// What a client's feed is limited to: by its rights, and by what it asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    /// The one agent it may see, where it may not see all.
    pub own: Option<String>,
    /// The topics it asked for; empty: all.
    pub topics: BTreeSet<Topic>,
}

impl Scope {
    /// True where nothing is left out.
    pub(crate) fn is_all(&self) -> bool {
        self.own.is_none() && self.topics.is_empty()
    }

    fn wants(&self, topic: Topic) -> bool {
        let may = self.own.is_none() || matches!(topic, Topic::Hotline | Topic::Agents);
        may && (self.topics.is_empty() || self.topics.contains(&topic))
    }

    fn keep<T>(&self, topic: Topic, items: Vec<T>, id: impl Fn(&T) -> &str) -> Vec<T> {
        match &self.own {
            _ if !self.wants(topic) => Vec::new(),
            Some(slug) if topic == Topic::Agents => {
                items.into_iter().filter(|item| id(item) == slug).collect()
            }
            _ => items,
        }
    }

    /// The rows this scope sees. Whoever sees one agent sees the hotline without its queues.
    pub(crate) fn limit(&self, rows: Changed) -> Changed {
        Changed {
            hotline: self.keep(Topic::Hotline, rows.hotline, |row| row.id),
            queues: self.keep(Topic::Queues, rows.queues, |row| &row.id),
            agents: self.keep(Topic::Agents, rows.agents, |row| &row.id),
            calls: self.keep(Topic::Calls, rows.calls, |row| &row.id),
            figures: self.keep(Topic::Figures, rows.figures, |row| &row.id),
        }
    }

    /// The batch as this scope sees it. Empty batches are kept: they carry the position.
    pub(crate) fn delta(&self, delta: &Delta) -> Delta {
        if self.is_all() {
            return delta.clone();
        }
        let gone = delta.gone.clone();
        Delta {
            from: delta.from,
            to: delta.to,
            rows: self.limit(delta.rows.clone()),
            gone: Gone {
                queues: self.keep(Topic::Queues, gone.queues, |id| id),
                agents: self.keep(Topic::Agents, gone.agents, |id| id),
                calls: self.keep(Topic::Calls, gone.calls, |id| id),
                figures: self.keep(Topic::Figures, gone.figures, |id| id),
            },
        }
    }
}

/// Adds the entries of `new` that are not the same in `old`, and the keys of `old` that `new` lacks.
fn difference<T: Clone + PartialEq>(
    old: &BTreeMap<String, T>,
    new: &BTreeMap<String, T>,
) -> (Vec<T>, Vec<String>) {
    let changed = new
        .iter()
        .filter(|(id, row)| old.get(*id) != Some(*row))
        .map(|(_, row)| row.clone())
        .collect();
    let gone = old.keys().filter(|id| !new.contains_key(*id)).cloned().collect();
    (changed, gone)
}

/// The rows as last published and the batches that led there.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    rows: Rows,
    seq: u64,
    ring: VecDeque<Arc<Delta>>,
    ring_rows: usize,
}

/// What a client gets that says where it stopped.
#[derive(Debug)]
pub(crate) enum Resume {
    /// The batches it missed, none where it is up to date.
    Batches(Vec<Arc<Delta>>),
    /// Too old or unknown: start anew.
    Reset,
}

impl Ledger {
    /// Takes the present rows; answers the batch that leads to them, none where nothing changed.
    pub(crate) fn publish(&mut self, rows: Rows, seq: u64) -> Option<Arc<Delta>> {
        let (hotline, _) = difference(&self.rows.hotline, &rows.hotline);
        let (queues, queues_gone) = difference(&self.rows.queues, &rows.queues);
        let (agents, agents_gone) = difference(&self.rows.agents, &rows.agents);
        let (calls, calls_gone) = difference(&self.rows.calls, &rows.calls);
        let (figures, figures_gone) = difference(&self.rows.figures, &rows.figures);
        let changed = Changed {
            hotline,
            queues,
            agents,
            calls,
            figures,
        };
        let gone = Gone {
            queues: queues_gone,
            agents: agents_gone,
            calls: calls_gone,
            figures: figures_gone,
        };
        if changed.len() + gone.len() == 0 && seq == self.seq {
            return None;
        }
        let delta = Arc::new(Delta {
            from: self.seq,
            to: seq,
            rows: changed,
            gone,
        });
        self.rows = rows;
        self.seq = seq;
        self.ring_rows += delta.rows.len() + delta.gone.len();
        self.ring.push_back(Arc::clone(&delta));
        while self.ring.len() > RING_BATCHES_MAX || self.ring_rows > RING_ROWS_MAX {
            let Some(oldest) = self.ring.pop_front() else {
                break;
            };
            self.ring_rows -= oldest.rows.len() + oldest.gone.len();
        }
        Some(delta)
    }

    /// The rows as last published.
    pub(crate) const fn rows(&self) -> &Rows {
        &self.rows
    }

    /// The position they stand at.
    pub(crate) const fn seq(&self) -> u64 {
        self.seq
    }

    /// All rows, as a client sees them that begins.
    pub(crate) fn snapshot(&self) -> Changed {
        Changed {
            hotline: self.rows.hotline.values().cloned().collect(),
            queues: self.rows.queues.values().cloned().collect(),
            agents: self.rows.agents.values().cloned().collect(),
            calls: self.rows.calls.values().cloned().collect(),
            figures: self.rows.figures.values().cloned().collect(),
        }
    }

    /// What a client needs that has applied everything up to `after`.
    pub(crate) fn resume(&self, after: u64) -> Resume {
        let missed: Vec<_> = self
            .ring
            .iter()
            .filter(|delta| delta.from >= after)
            .cloned()
            .collect();
        let follows = missed
            .first()
            .map_or(after == self.seq, |delta| delta.from == after);
        if follows {
            Resume::Batches(missed)
        } else {
            Resume::Reset
        }
    }
}

#[cfg(test)]
mod tests;
