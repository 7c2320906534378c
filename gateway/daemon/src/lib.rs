//! The program: reads the configuration, builds every part, runs the driver loop, and takes all down again. The
//! only crate that knows them all.

pub mod agent;
pub mod ban;
mod bridge;
pub mod check;
pub mod cli;
mod content;
mod days;
pub mod demo;
mod directory;
mod driver;
pub mod flow;
mod flows;
mod gateway;
mod listeners;
pub mod logs;
mod narrate;
mod parts;
pub mod peers;
mod people;
mod place;
pub mod planning;
mod pulse;
mod questions;
pub mod recordings;
mod remember;
pub mod reports;
pub mod run;
mod secrets;
mod signalling;
mod trunks;
pub mod why;

pub use gateway::{Gateway, Watch, entropy};
