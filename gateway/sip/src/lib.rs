//! SIP as a machine: messages, transactions, dialogs, digest, bindings, admission. No socket, no clock.

pub mod admission;
mod api;
pub mod build;
pub mod digest;
pub mod frame;
pub mod header;
pub mod message;
pub mod uri;

pub use api::*;
