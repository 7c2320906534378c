//! Who works when: shift bands, teams, agents, users, rosters.

use hotline_types::{AgentSlug, BandSlug};
use serde::Serialize;

use super::{Seats, Skill};

/// One shift band.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Band {
    /// Name.
    pub slug: BandSlug,
    /// Name shown.
    pub label: String,
    /// Minute of the day it begins, 0 to 1439.
    pub from_min: u16,
    /// Minute of the day it ends, 1 to 1440; at or before `from_min` it is on the next day.
    pub until_min: u16,
    /// Weekdays on which it begins, Monday first.
    pub days: [bool; 7],
    /// Seats it must have.
    pub seats: Vec<Seats>,
}

/// A group of agents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Team {
    /// Name.
    pub slug: String,
    /// Name shown.
    pub label: String,
}

/// What fills an empty store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seed {
    /// Agents.
    pub agents: Vec<Agent>,
    /// Users of the console.
    pub users: Vec<User>,
    /// Who is on duty when.
    pub roster: Vec<RosterEntry>,
}

/// One agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Agent {
    /// Name and SIP user.
    pub slug: AgentSlug,
    /// Name shown.
    pub label: String,
    /// Team.
    pub team: Option<String>,
    /// What the agent can do.
    pub skills: Vec<Skill>,
}

/// What a user of the console may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserRole {
    /// Everything.
    Supervisor,
    /// Watches, and steers agents.
    TeamLeader,
}

/// One user of the console.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct User {
    /// Login name.
    pub slug: String,
    /// Name shown.
    pub label: String,
    /// What the user may do.
    pub role: UserRole,
    /// Team that a team leader leads; it limits nothing.
    pub team: Option<String>,
}

/// One agent on one band.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RosterEntry {
    /// The band.
    pub band: BandSlug,
    /// The agent.
    pub agent: AgentSlug,
    /// Weekdays on which the band begins, Monday first.
    pub days: [bool; 7],
    /// Dates in place of weekdays, `YYYY-MM-DD`; empty: weekdays count.
    pub dates: Vec<String>,
}
