//! Built-in callers and agents, who speak real SIP and RTP over loopback: for the demonstration and the benchmarks.

pub mod audio;
mod party;
mod phones;

pub use party::{Party, PartyError};
pub use phones::PhoneSocket;

#[cfg(test)]
mod tests;
