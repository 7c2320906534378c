//! Tests of the engine: scripts in virtual time, settings, and a seeded random simulation.

mod agents;
mod burst;
mod callers;
mod policies;
pub(crate) mod script;
mod settings;
mod shifts;
mod simulation;
