//! SIP as a machine: messages, transactions, dialogs, digest, bindings, admission. No socket, no clock.

mod api;

pub use api::*;
