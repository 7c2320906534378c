//! The queue engine: queues, agents, offers, shift bands, routing. Pure: told the time, asked by poll.
//!
//! [`Acd`] owns the callers' places and the agents' states. It decides on events only, never on a poll; every
//! decision is one of the two policies in `policy.rs`, and every transient state has a deadline in one timer table.

mod agent;
mod api;
mod calendar;
mod check;
mod config;
mod engine;
mod estimate;
mod lint;
mod policy;
mod queue;
mod rules;
mod shifts;
mod skills;
mod timers;
mod views;
mod why;

pub use api::*;
pub use config::{AGENTS_MAX, BANDS_MAX, CALLERS_MAX, COOL_OFF_MIN, ConfigProblem, QUEUES_MAX, ROSTER_MAX};
pub use engine::{Acd, PauseRefusal, RING_GRACE, RONA, UNSTAFFED_MAX};
pub use estimate::{HANDLING_GUESS, Telling, Told};
pub use lint::{HINTS_MAX, LINT_AHEAD, lint};
pub use rules::{
    OVERFLOWS_MAX, Overflow, Policy, QueueRules, RING_AT_ONCE_MAX, STEPS_MAX, SkillStep, Tier, When,
    WrapUpRule,
};
pub use skills::{DEPTH_MAX, LEVEL_MAX, REQUIREMENT_BYTES_MAX, Requirement, RequirementError, SKILLS_MAX};
pub use views::{AgentView, QueueView};

#[cfg(test)]
mod tests;
