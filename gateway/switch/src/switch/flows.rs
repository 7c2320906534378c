//! Which version of a flow a call gets, and the commands that change it.

use std::collections::BTreeMap;
use std::sync::Arc;

use hotline_journal::{By, Draft, What};
use hotline_types::{FlowSlug, Now, NumberSlug};
use ivr_flows::Flow;

use super::Switch;
use crate::api::{Command, EMERGENCY_FLOW, Effect, Number, Reply};

/// Versions that part of a number's calls get.
pub(super) type Canaries = BTreeMap<(FlowSlug, NumberSlug), Canary>;

/// A version on trial.
#[derive(Clone, Debug)]
pub(super) struct Canary {
    flow: Arc<Flow>,
    /// Percent of the calls.
    share: u8,
}

impl Switch {
    /// The version that the next call to this number gets; it stays on it.
    pub(super) fn flow_of(&mut self, number: &Number) -> Option<Arc<Flow>> {
        if self.config.emergencies.contains(&number.slug)
            && let Some(flow) = self.config.flows.get(EMERGENCY_FLOW)
        {
            return Some(Arc::clone(flow));
        }
        let key = (number.flow.clone(), number.slug.clone());
        if let Some(canary) = self.canaries.get(&key)
            && self.rng.below(100) < u64::from(canary.share)
        {
            return Some(Arc::clone(&canary.flow));
        }
        self.config.flows.get(&number.flow).cloned()
    }

    pub(super) fn on_flow_command(&mut self, now: Now, by: By, command: Command) -> Reply {
        match command {
            Command::Emergency { number, on } => {
                if !self.config.numbers.iter().any(|known| known.slug == number) {
                    return Reply::UnknownNumber;
                }
                let changed = if on {
                    self.config.emergencies.insert(number.clone())
                } else {
                    self.config.emergencies.remove(&number)
                };
                if changed {
                    self.out.effect(Effect::EmergencySet {
                        number: number.clone(),
                        on,
                    });
                    self.out
                        .event(now, Draft::new(by, What::EmergencySet { number, on }));
                }
            }
            Command::ActivateFlow {
                flow,
                number,
                share,
                difference,
            } => return self.activate(now, by, (flow, number, share, difference)),
            Command::SetIntent { .. }
            | Command::Release { .. }
            | Command::Transfer { .. }
            | Command::Dispose { .. }
            | Command::WhyAgent { .. }
            | Command::WhyContact { .. }
            | Command::Heard { .. }
            | Command::Recording { .. } => return Reply::UnknownAgent,
        }
        Reply::Done(self.out.last())
    }

    fn activate(
        &mut self,
        now: Now,
        by: By,
        (flow, number, share, difference): (Arc<Flow>, Option<NumberSlug>, u8, String),
    ) -> Reply {
        let served = |known: &&Number| {
            known.flow == *flow.name() && number.as_ref().is_none_or(|number| *number == known.slug)
        };
        let numbers: Vec<NumberSlug> = self
            .config
            .numbers
            .iter()
            .filter(served)
            .map(|known| known.slug.clone())
            .collect();
        if number.is_some() && numbers.is_empty() {
            return Reply::UnknownNumber;
        }
        let previous = self.config.flows.get(flow.name());
        let previous = previous.map(|flow| flow.version().to_owned());
        for number in &numbers {
            self.canaries.remove(&(flow.name().clone(), number.clone()));
        }
        if share >= 100 && number.is_none() {
            self.config.flows.insert(flow.name().clone(), Arc::clone(&flow));
        } else {
            for number in numbers {
                let canary = Canary {
                    flow: Arc::clone(&flow),
                    share,
                };
                self.canaries.insert((flow.name().clone(), number), canary);
            }
        }
        let what = What::FlowActivated {
            flow: flow.name().clone(),
            version: flow.version().to_owned(),
            previous,
            number,
            share,
            difference,
        };
        self.out.event(now, Draft::new(by, what));
        Reply::Done(self.out.last())
    }
}
