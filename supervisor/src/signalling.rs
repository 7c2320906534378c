//! The signalling's own books, as the console needs them: who is banned.

use std::net::IpAddr;

use serde::Serialize;

/// One ban.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BanRow {
    /// The address, or the first of an IPv6 network.
    pub source: String,
    /// Only this user is banned there; none: everybody is.
    pub user: Option<String>,
    /// Wrong passwords that led to it.
    pub failures: u32,
    /// When it ends by itself, UTC milliseconds.
    pub until_ms: i64,
}

/// What the daemon supplies.
pub trait Signalling: Send + Sync + 'static {
    /// Every ban in force.
    fn bans(&self) -> Vec<BanRow>;
    /// Lifts the bans of a source, or only that of a user there; answers how many there were.
    fn lift(&self, source: IpAddr, user: Option<&str>) -> usize;
}
