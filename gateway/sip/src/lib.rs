//! SIP as a machine: messages, transactions, dialogs, digest, bindings, admission. No socket, no clock.

pub mod admission;
mod api;
pub mod build;
mod dialog;
pub mod digest;
mod endpoint;
pub mod frame;
pub mod header;
pub mod message;
mod phone;
mod registrar;
mod timer;
mod transaction;
mod trunk;
pub mod uri;

pub use api::*;
pub use endpoint::Endpoint;
pub use phone::{Phone, PhoneCommand, PhoneConfig, PhoneEvent, PhoneInput, PhoneOutput};
pub use trunk::{
    CalledIn, IdentityIn, Trunk, TrunkAccount, TrunkDial, TrunkDown, TrunkEvent, TrunkRules, TrunkState,
};
