//! Tests of the engine: scripts in virtual time, settings, and a seeded random simulation.

mod agents;
mod callers;
mod script;
mod settings;
mod shifts;
mod simulation;
