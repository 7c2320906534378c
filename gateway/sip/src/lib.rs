//! SIP as a machine: messages, transactions, dialogs, digest, bindings, admission. No socket, no clock.

mod api;
pub mod build;
pub mod header;
pub mod message;
pub mod uri;

pub use api::*;
