//! What the record names: settings that lack some of it cannot tell what would have been.

use std::collections::BTreeSet;

use hotline_acd::AcdConfig;
use hotline_journal::{Event, What};
use hotline_types::{AgentSlug, BandSlug, Intent, QueueSlug, WallTime};

/// Queues, agents and shift bands, by their slugs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Queues.
    pub queues: BTreeSet<QueueSlug>,
    /// Agents.
    pub agents: BTreeSet<AgentSlug>,
    /// Shift bands.
    pub bands: BTreeSet<BandSlug>,
}

impl Names {
    /// Takes in the agents and bands of a contact's event.
    pub fn learn(&mut self, event: &Event) {
        match &event.what {
            What::ContactOpened { bands, .. } | What::QueueEntered { bands, .. } => {
                self.bands.extend(bands.iter().cloned());
            }
            What::OfferMade { bands, .. } | What::Bridged { bands } => {
                self.bands.extend(bands.iter().cloned());
                self.agents.extend(event.agent.clone());
            }
            _ => {}
        }
    }

    /// Takes in who was ready from that moment on, out of all changes of intent before and after it, in order.
    pub fn learn_ready(&mut self, changes: &[(WallTime, AgentSlug, Intent)], from: WallTime) {
        let begin = changes.partition_point(|change| change.0 < from);
        let (before, after) = changes.split_at(begin);
        let mut ready = BTreeSet::new();
        for (_, agent, intent) in before {
            if *intent == Intent::Ready {
                ready.insert(agent);
            } else {
                ready.remove(agent);
            }
        }
        let later = after.iter().filter(|change| change.2 == Intent::Ready);
        ready.extend(later.map(|(_, agent, _)| agent));
        self.agents.extend(ready.into_iter().cloned());
    }

    /// Those of them that the engine's settings lack.
    #[must_use]
    pub fn unknown_to(&self, config: &AcdConfig) -> Self {
        let mut unknown = self.clone();
        for queue in &config.queues {
            unknown.queues.remove(&queue.slug);
        }
        for agent in &config.agents {
            unknown.agents.remove(&agent.slug);
        }
        for band in &config.bands {
            unknown.bands.remove(&band.slug);
        }
        unknown
    }

    /// True where there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queues.is_empty() && self.agents.is_empty() && self.bands.is_empty()
    }
}

impl std::fmt::Display for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = |kind: &str, slugs: Vec<&str>| {
            (!slugs.is_empty()).then(|| format!("{kind} {}", slugs.join(", ")))
        };
        let parts = [
            words("queues", self.queues.iter().map(QueueSlug::as_str).collect()),
            words("agents", self.agents.iter().map(AgentSlug::as_str).collect()),
            words("bands", self.bands.iter().map(BandSlug::as_str).collect()),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_left_before_the_stretch_is_not_needed_in_it() {
        let change = |at, agent: &str, intent| (WallTime::from_millis(at), agent.parse().unwrap(), intent);
        let changes = [
            change(1, "stays", Intent::Ready),
            change(2, "leaves", Intent::Ready),
            change(3, "leaves", Intent::LoggedOut),
            change(10, "comes", Intent::Ready),
            change(11, "comes", Intent::LoggedOut),
            change(12, "never", Intent::LoggedOut),
        ];
        let mut names = Names::default();
        names.learn_ready(&changes, WallTime::from_millis(10));
        assert_eq!(names.to_string(), "agents comes, stays");
        assert!(!names.is_empty());
    }
}
