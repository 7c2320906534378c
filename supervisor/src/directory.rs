//! What configured things are called, for people: labels by slug, and the targets of the hotline.

use std::collections::BTreeMap;

use crate::dto::Targets;

/// An agent as configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentEntry {
    /// Name for people.
    pub label: String,
    /// Slugs of the queues the agent serves.
    pub queues: Vec<String>,
    /// Slug of the agent's team, where it has one.
    pub team: Option<String>,
}

/// Names of everything that has a slug, and the targets. Fixed while the process runs.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    /// Name of the hotline.
    pub name: String,
    /// IANA zone of its clocks.
    pub zone: String,
    /// Queues: slug to label.
    pub queues: BTreeMap<String, String>,
    /// Agents by slug.
    pub agents: BTreeMap<String, AgentEntry>,
    /// Access numbers: slug to label.
    pub numbers: BTreeMap<String, String>,
    /// Shift bands: slug to label, such as `08:00-20:00`.
    pub bands: BTreeMap<String, String>,
    /// Codes an agent may be paused with; the first is used where none is given.
    pub pause_reasons: Vec<String>,
    /// What figures are held against.
    pub targets: Targets,
}

impl Directory {
    /// The label of a slug in one of the maps; the slug itself where it has none.
    #[must_use]
    pub fn label(names: &BTreeMap<String, String>, slug: &str) -> String {
        names
            .get(slug)
            .filter(|label| !label.is_empty())
            .cloned()
            .unwrap_or_else(|| slug.to_owned())
    }

    /// The name of an agent; the slug itself where it has none.
    #[must_use]
    pub fn agent_label(&self, slug: &str) -> String {
        self.agents
            .get(slug)
            .map(|agent| agent.label.clone())
            .filter(|label| !label.is_empty())
            .unwrap_or_else(|| slug.to_owned())
    }
}
