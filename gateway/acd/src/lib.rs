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
mod policy;
mod queue;
mod shifts;
mod timers;
mod views;

pub use api::*;
pub use config::{AGENTS_MAX, BANDS_MAX, CALLERS_MAX, COOL_OFF_MIN, ConfigProblem, QUEUES_MAX, ROSTER_MAX};
pub use engine::{Acd, RING_GRACE, RONA, UNSTAFFED_MAX};
pub use views::{AgentView, QueueView};

#[cfg(test)]
mod tests;
