//! What came of a flow's tests, and which of its edges they went.

use std::collections::BTreeSet;

use super::Trials;
use super::stage::Stage;
use crate::{Edge, Flow};
use std::sync::Arc;

/// What came of all tests of a flow.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// One per test, in the order of the file.
    pub outcomes: Vec<Outcome>,
    /// The edges they went.
    pub coverage: Coverage,
}

impl Verdict {
    /// Whether every test passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.failures.is_empty())
    }
}

/// What came of one test.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// Its line.
    pub line: u32,
    /// What differed; empty where it passed.
    pub failures: Vec<String>,
}

/// Which edges of a flow were gone.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// Edges of the flow.
    pub edges: usize,
    /// Edges that no test went.
    pub missed: Vec<Edge>,
}

impl Coverage {
    /// Share of the edges that were gone, percent, rounded down.
    #[must_use]
    pub fn percent(&self) -> usize {
        ((self.edges - self.missed.len()) * 100)
            .checked_div(self.edges)
            .unwrap_or(100)
    }
}

impl Trials {
    /// Runs all tests against this flow.
    #[must_use]
    pub fn run(&self, flow: &Arc<Flow>) -> Verdict {
        let mut gone: BTreeSet<(String, String)> = BTreeSet::new();
        let mut outcomes = Vec::with_capacity(self.tests.len());
        for test in &self.tests {
            let mut stage = Stage::new(Arc::clone(flow), &test.value);
            let failures = stage.play();
            gone.append(&mut stage.gone);
            outcomes.push(Outcome {
                name: test.value.name.clone(),
                line: u32::try_from(test.referenced.line()).unwrap_or(0),
                failures,
            });
        }
        let edges = flow.edges();
        let missed = edges
            .iter()
            .filter(|edge| !gone.contains(&(edge.from.clone(), edge.way.clone())));
        Verdict {
            outcomes,
            coverage: Coverage {
                missed: missed.cloned().collect(),
                edges: edges.len(),
            },
        }
    }
}
