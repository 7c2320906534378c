//! IVR flows: their model, checker and interpreter, and the shipped flows and prompts. Pure.

mod api;
mod check;
mod document;
mod draw;
mod expr;
mod library;
mod model;
mod problem;
pub mod prompts;
mod replay;
mod run;
pub mod say;
mod trial;

pub use api::*;
pub use document::schema;
pub use draw::Counts;
pub use expr::Value;
pub use library::{FLOWS_MAX, Library, is_tests};
pub use model::{Edge, Flow, Known, Reach};
pub use problem::{Place, Problem};
pub use replay::Trace;
pub use run::{EARLY_DIGITS_MAX, PLAY_WAIT_MAX, Run, RunCounts};
pub use trial::{Coverage, Outcome, Trials, Verdict};
