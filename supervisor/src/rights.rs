//! Who may do what: roles, the rights each carries, and the viewer a request speaks for.

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
    /// See phone numbers unmasked.
    SeeNumbers,
    /// Read `/metrics` from another machine.
    Metrics,
}

impl Right {
    /// Every right, in order.
    pub const ALL: [Self; 10] = [
        Self::Me,
        Self::LiveOwn,
        Self::Live,
        Self::ControlSelf,
        Self::ControlAgents,
        Self::Contacts,
        Self::Figures,
        Self::Recordings,
        Self::SeeNumbers,
        Self::Metrics,
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
            Self::SeeNumbers => "see_numbers",
            Self::Metrics => "metrics",
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
            Right::SeeNumbers | Right::Metrics => Self::Supervisor,
        };
        self as u8 >= least as u8
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
}

impl Viewer {
    /// True where the viewer has the right.
    #[must_use]
    pub const fn has(&self, right: Right) -> bool {
        self.role.has(right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_at_least_the_rights_of_the_one_below() {
        let roles = [Role::Agent, Role::TeamLeader, Role::Supervisor, Role::Admin];
        for pair in roles.windows(2) {
            for right in Right::ALL {
                assert!(!pair[0].has(right) || pair[1].has(right), "{pair:?} {right:?}");
            }
        }
        assert!(!Role::Agent.has(Right::Recordings));
        assert!(!Role::TeamLeader.has(Right::SeeNumbers));
        assert!(Right::ALL.iter().all(|right| Role::Admin.has(*right)));
    }
}
