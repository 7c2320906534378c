//! IVR flows: their model, checker and interpreter, and the shipped flows and prompts. Pure.

mod api;
mod check;
mod document;
mod library;
mod model;
mod problem;
pub mod prompts;
mod run;
pub mod say;

pub use api::*;
pub use library::{FLOWS_MAX, Library};
pub use model::{Flow, Known};
pub use problem::{Place, Problem};
pub use run::{EARLY_DIGITS_MAX, PLAY_WAIT_MAX, Run, RunCounts};
