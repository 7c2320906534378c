//! Seats and pauses that rules limit: alarms for supervisors, and the teams' shares.

use std::fmt;

use hotline_journal::{By, What};
use hotline_types::{AgentSlug, BandSlug, Intent};

use super::{Acd, RONA, draft};
use crate::agent::AgentNo;
use crate::timers::Timer;

/// Why an agent may not pause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PauseRefusal {
    /// The code is none of the configured ones.
    UnknownReason,
    /// As many agents of the team as may be are in this pause already.
    TeamFull {
        /// How many may.
        most: u32,
    },
}

impl fmt::Display for PauseRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownReason => f.write_str("that is none of the configured pauses"),
            Self::TeamFull { most } => write!(f, "{most} of the team are in that pause already"),
        }
    }
}

impl Acd {
    /// Whether the agent may pause for this reason now. True for agents and reasons that no rule limits.
    ///
    /// # Errors
    /// The rule that is against it.
    pub fn may_pause(&self, agent: &AgentSlug, reason: &str) -> Result<(), PauseRefusal> {
        match self.agent_nos.get(agent) {
            Some(no) => self.pause_refusal(*no, reason).map_or(Ok(()), Err),
            None => Ok(()),
        }
    }

    pub(super) fn pause_refusal(&self, no: AgentNo, reason: &str) -> Option<PauseRefusal> {
        if self.pauses.is_empty() || reason == RONA {
            return None;
        }
        let Some(rule) = self.pauses.get(reason) else {
            return Some(PauseRefusal::UnknownReason);
        };
        let (most, team) = (rule.team_max?, self.agents[no.0].team.as_ref()?);
        let in_it = self.agents.iter().enumerate().filter(|(index, agent)| {
            let same = matches!(&agent.intent, Intent::Paused { reason: other } if other == reason);
            same && *index != no.0 && agent.team.as_ref() == Some(team)
        });
        let full = u32::try_from(in_it.count()).unwrap_or(u32::MAX) >= most;
        full.then_some(PauseRefusal::TeamFull { most })
    }

    /// Watches over the length of a pause, where its reason has one.
    pub(super) fn watch_pause(&mut self, no: AgentNo) {
        self.timers.cancel(Timer::Pause(no));
        if let Intent::Paused { reason } = &self.agents[no.0].intent
            && let Some(longest) = self.pauses.get(reason).and_then(|rule| rule.longest)
        {
            self.timers.set(Timer::Pause(no), self.now.mono + longest);
        }
    }

    pub(super) fn pause_overrun(&mut self, no: AgentNo) {
        if let Intent::Paused { reason } = self.agents[no.0].intent.clone() {
            let event = draft(&By::System, What::PauseOverrun { reason }).agent(self.slug(no));
            self.event(event);
        }
    }

    /// Counts the seats of the bands that are on, where the staff or the hours have changed, and tells of bands that
    /// have too few, or have enough again.
    pub(super) fn count_seats(&mut self) {
        if !std::mem::take(&mut self.recount) {
            return;
        }
        let mut short = std::collections::BTreeMap::new();
        for on in self.duty.on.iter().filter(|on| on.seats > 0) {
            let there = (0..self.agents.len()).filter(|index| {
                self.agents[*index].intent != Intent::LoggedOut && self.is_rostered(AgentNo(*index), *on)
            });
            let have = u32::try_from(there.count()).unwrap_or(u32::MAX);
            if have < on.seats {
                short.insert(on.band, (on.seats, have));
            }
        }
        let before = std::mem::replace(&mut self.short, short.clone());
        for (band, (need, have)) in &short {
            if before.get(band) != Some(&(*need, *have)) {
                let (band, need, have) = (self.calendar.slug(*band).clone(), *need, *have);
                self.event(draft(&By::System, What::SeatsShort { band, need, have }));
            }
        }
        for band in before.keys().filter(|band| !short.contains_key(band)) {
            let band = self.calendar.slug(*band).clone();
            self.event(draft(&By::System, What::SeatsFilled { band }));
        }
    }

    /// Bands that have fewer agents logged in than they must: name, needed, there.
    pub fn seats_short(&self) -> impl Iterator<Item = (&BandSlug, u32, u32)> {
        let short = self.short.iter();
        short.map(|(band, (need, have))| (self.calendar.slug(*band), *need, *have))
    }
}
