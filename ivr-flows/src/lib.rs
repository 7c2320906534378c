//! IVR flows: their model, checker and interpreter, and the shipped flows and prompts. Pure.

mod api;

pub use api::*;
