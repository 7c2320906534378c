//! Who may do what: roles, the rights each carries, and the viewer a request speaks for.

use std::collections::BTreeSet;
use std::str::FromStr;

use hotline_types::AgentSlug;
use serde::{Deserialize, Serialize};

/// What a user is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Answers calls: sees and sets the own state.
    Agent,
    /// Leads agents: sees the live page, contacts and figures, sets agents' states, hears recordings.
    TeamLeader,
    /// Runs the hotline: all that, with full phone numbers and metrics.
    Supervisor,
    /// Runs the gateway.
    Admin,
}

/// One thing a route may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// See who one is.
    Me,
    /// The live feed, limited to the own agent.
    LiveOwn,
    /// The live feed of everything, queues, agents.
    Live,
    /// Set the own agent's intent.
    ControlSelf,
    /// Set anybody's intent, release an agent.
    ControlAgents,
    /// List contacts and open one.
    Contacts,
    /// Read figures.
    Figures,
    /// Hear recordings; each hearing is written down.
    Recordings,
    /// Download recordings, hold and erase them; each is written down.
    KeepRecordings,
    /// See phone numbers unmasked.
    SeeNumbers,
    /// Read `/metrics` from another machine.
    Metrics,
    /// See who is banned from signalling, and lift bans; each lift is written down.
    Bans,
    /// Activate flows, switch the emergency announcement.
    Flows,
}

impl Right {
    /// Every right, in order.
    pub const ALL: [Self; 13] = [
        Self::Me,
        Self::LiveOwn,
        Self::Live,
        Self::ControlSelf,
        Self::ControlAgents,
        Self::Contacts,
        Self::Figures,
        Self::Recordings,
        Self::KeepRecordings,
        Self::SeeNumbers,
        Self::Metrics,
        Self::Bans,
        Self::Flows,
    ];

    /// The right's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Me => "me",
            Self::LiveOwn => "live_own",
            Self::Live => "live",
            Self::ControlSelf => "control_self",
            Self::ControlAgents => "control_agents",
            Self::Contacts => "contacts",
            Self::Figures => "figures",
            Self::Recordings => "recordings",
            Self::KeepRecordings => "keep_recordings",
            Self::SeeNumbers => "see_numbers",
            Self::Metrics => "metrics",
            Self::Bans => "bans",
            Self::Flows => "flows",
        }
    }
}

impl Role {
    /// True where the role carries the right. Each role carries what the one before it does.
    #[must_use]
    pub const fn has(self, right: Right) -> bool {
        let least = match right {
            Right::Me | Right::LiveOwn | Right::ControlSelf => Self::Agent,
            Right::Live | Right::ControlAgents | Right::Contacts | Right::Figures | Right::Recordings => {
                Self::TeamLeader
            }
            Right::KeepRecordings | Right::SeeNumbers | Right::Metrics | Right::Bans | Right::Flows => {
                Self::Supervisor
            }
        };
        self as u8 >= least as u8
    }
}

/// A role's name that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no role {0:?}: use agent, team_leader, supervisor or admin")]
pub struct UnknownRole(String);

impl Role {
    /// Every role, from the one with the fewest rights.
    pub const ALL: [Self; 4] = [Self::Agent, Self::TeamLeader, Self::Supervisor, Self::Admin];

    /// The role's name in store and API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::TeamLeader => "team_leader",
            Self::Supervisor => "supervisor",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Role {
    type Err = UnknownRole;
    fn from_str(name: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == name)
            .ok_or_else(|| UnknownRole(name.to_owned()))
    }
}

/// Whom a request speaks for, after authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// Login name of the user or name of the token.
    pub name: String,
    /// The role.
    pub role: Role,
    /// The agent the user is, where the user is one.
    pub agent: Option<AgentSlug>,
    /// Of the role's rights only these, where a token was made for less; none: all of them.
    pub only: Option<BTreeSet<Right>>,
}

impl Viewer {
    /// A user with all the rights of the role, who is no agent.
    #[must_use]
    pub fn new(name: impl Into<String>, role: Role) -> Self {
        Self {
            name: name.into(),
            role,
            agent: None,
            only: None,
        }
    }

    /// True where the viewer has the right.
    #[must_use]
    pub fn has(&self, right: Right) -> bool {
        self.role.has(right) && self.only.as_ref().is_none_or(|only| only.contains(&right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_at_least_the_rights_of_the_one_below() {
        for pair in Role::ALL.windows(2) {
            for right in Right::ALL {
                assert!(!pair[0].has(right) || pair[1].has(right), "{pair:?} {right:?}");
            }
        }
        assert!(!Role::Agent.has(Right::Recordings));
        assert!(!Role::TeamLeader.has(Right::SeeNumbers));
        assert!(Right::ALL.iter().all(|right| Role::Admin.has(*right)));
    }
    #[test]
    fn a_token_made_for_less_never_has_more_than_its_role() {
        let only = Some(BTreeSet::from([Right::Figures, Right::Metrics]));
        let viewer = Viewer {
            only,
            ..Viewer::new("wall", Role::TeamLeader)
        };
        let has: Vec<Right> = Right::ALL
            .into_iter()
            .filter(|right| viewer.has(*right))
            .collect();
        assert_eq!(has, [Right::Figures]);
    }

    #[test]
    fn names_of_roles_are_read_back_and_others_refused() {
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).expect("JSON"), role.name());
        }
        assert!("root".parse::<Role>().is_err());
    }
}
