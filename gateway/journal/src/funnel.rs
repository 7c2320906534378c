//! How callers go through a flow: counts per edge and where they drop out, as a fold of the journal.

use std::collections::BTreeMap;

use hotline_types::{ContactId, FlowSlug};

use crate::{Event, What};

/// Contacts that are followed at once; more than any gateway has lines.
const CONTACTS_MAX: usize = 20_000;

/// Counts of one flow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowCounts {
    /// Contacts by the edge that they went: node and way.
    pub edges: BTreeMap<(String, String), u64>,
    /// Contacts by the node at which they came in.
    pub entered: BTreeMap<String, u64>,
    /// Contacts by the node at which they were when they ended.
    pub ended: BTreeMap<String, u64>,
    /// Scores given, by question and score; nought for those who were asked and gave none.
    pub scores: BTreeMap<(String, u32), u64>,
}

/// The fold.
#[derive(Clone, Debug, Default)]
pub struct Funnel {
    flows: BTreeMap<FlowSlug, FlowCounts>,
    /// Where each contact is: its flow and node.
    at: BTreeMap<ContactId, (FlowSlug, Option<String>)>,
}

impl Funnel {
    /// Takes one event in.
    pub fn apply(&mut self, event: &Event) {
        let Some(contact) = event.contact else { return };
        match &event.what {
            What::ContactOpened { flow: Some(flow), .. } if self.at.len() < CONTACTS_MAX => {
                self.at.insert(contact, (flow.clone(), None));
            }
            What::FlowNode { node, way } => {
                let Some((flow, last)) = self.at.get_mut(&contact) else {
                    return;
                };
                let counts = self.flows.entry(flow.clone()).or_default();
                let count = match (last.take(), way) {
                    (Some(from), Some(way)) => counts.edges.entry((from, way.clone())).or_default(),
                    _ => counts.entered.entry(node.clone()).or_default(),
                };
                *count += 1;
                *last = Some(node.clone());
            }
            What::SurveyAnswered { question, score } => {
                if let Some((flow, _)) = self.at.get(&contact) {
                    let counts = self.flows.entry(flow.clone()).or_default();
                    let score = (question.clone(), score.unwrap_or(0));
                    *counts.scores.entry(score).or_default() += 1;
                }
            }
            What::ContactClosed { .. } => {
                if let Some((flow, Some(node))) = self.at.remove(&contact) {
                    let counts = self.flows.entry(flow).or_default();
                    *counts.ended.entry(node).or_default() += 1;
                }
            }
            _ => {}
        }
    }

    /// The counts of a flow.
    #[must_use]
    pub fn of(&self, flow: &str) -> Option<&FlowCounts> {
        self.flows.get(flow)
    }
}
