//! Who was or will be rostered when: the stretches of the roster in a range of time, for reports and planning.

use std::collections::BTreeMap;

use hotline_types::{AgentSlug, WallTime};

use crate::Acd;
use crate::agent::AgentNo;

/// Changes of duty one look-up walks at most: ten years of twenty edges a day. What lies beyond is left out.
const CHANGES_MAX: usize = 73_000;

impl Acd {
    /// The stretches of `from` to `until` in which each agent is rostered on a band that is on, in order and without
    /// gaps between neighbours; agents without any are left out.
    #[must_use]
    pub fn shifts(&self, from: WallTime, until: WallTime) -> BTreeMap<AgentSlug, Vec<(WallTime, WallTime)>> {
        let mut shifts: BTreeMap<AgentSlug, Vec<(WallTime, WallTime)>> = BTreeMap::new();
        let mut at = from;
        for _ in 0..CHANGES_MAX {
            if at >= until {
                break;
            }
            let duty = self.calendar.duty(at);
            let end = duty.until.map_or(until, |change| change.min(until));
            for (index, agent) in self.agents.iter().enumerate() {
                if self.bands_of(AgentNo(index), &duty).is_empty() {
                    continue;
                }
                let stretches = shifts.entry(agent.slug.clone()).or_default();
                match stretches.last_mut() {
                    Some(last) if last.1 == at => last.1 = end,
                    _ => stretches.push((at, end)),
                }
            }
            at = end;
        }
        shifts
    }
}
