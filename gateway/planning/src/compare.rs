//! What happened beside what the runs of a simulation came to, figure by figure.

use hotline_journal::Counts;
use hotline_journal::figures::{Basis, Duty, Figure, Thresholds, Within};

use crate::{Caller, Estimate, Run, estimate};

/// The figures that are compared.
const COMPARED: [&str; 7] = [
    "answer_rate",
    "sl_offered",
    "sl_answered_only",
    "abandonment",
    "asa_s",
    "time_to_abandon_s",
    "lost_rate",
];

/// One figure; none where one of the runs does not have it.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Which.
    pub figure: &'static Figure,
    /// As it happened.
    pub actual: Option<f64>,
    /// As the engine replays it.
    pub replayed: Option<Estimate>,
    /// Before the change.
    pub before: Option<Estimate>,
    /// After it.
    pub after: Option<Estimate>,
    /// What the change makes of it.
    pub difference: Option<Estimate>,
}

impl Run {
    /// What really happened to the same entries; without those that have no end.
    #[must_use]
    pub fn recorded(callers: &[Caller], thresholds: Thresholds) -> Self {
        let mut run = Self::default();
        for (exit, wait) in callers.iter().filter_map(|caller| caller.exit) {
            let wait_us = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
            run.counts.offered += 1;
            run.add(&Counts::of_exit(exit, wait_us), thresholds);
        }
        run
    }

    /// Adds one entry's end.
    pub(crate) fn add(&mut self, one: &Counts, thresholds: Thresholds) {
        self.within.add(Within::of_one(one, thresholds));
        self.counts.add(one);
    }

    fn value(&self, figure: &Figure) -> Option<f64> {
        figure.value(&Basis {
            counts: &self.counts,
            within: self.within,
            duty: Duty::default(),
        })
    }
}

/// The compared figures of what happened, of its replay, and of the same runs before and after a change.
#[must_use]
pub fn compare(actual: &Run, replayed: &[Run], before: &[Run], after: &[Run]) -> Vec<Compared> {
    let all = |runs: &[Run], figure: &Figure| {
        runs.iter()
            .map(|run| run.value(figure))
            .collect::<Option<Vec<f64>>>()
    };
    let figures = COMPARED.iter().filter_map(|name| Figure::named(name));
    let compared = figures.map(|figure| {
        let (first, second) = (all(before, figure), all(after, figure));
        // Both saw the same callers, so the difference of each pair of runs says more than two intervals apart.
        let pairs = first.as_ref().zip(second.as_ref());
        let differences = pairs.map(|(a, b)| a.iter().zip(b).map(|(a, b)| b - a).collect::<Vec<f64>>());
        let of = |values: Option<Vec<f64>>| values.and_then(|values| estimate(&values));
        Compared {
            figure,
            actual: actual.value(figure),
            replayed: of(all(replayed, figure)),
            before: of(first.clone()),
            after: of(second.clone()),
            difference: of(differences),
        }
    });
    compared.collect()
}
