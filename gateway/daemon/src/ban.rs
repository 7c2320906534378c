//! The command `ban`: who is banned from signalling, and lifting a ban, through the API of the running gateway.

use std::net::IpAddr;
use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

use crate::agent::{print, request};
use crate::cli::BanCommand;

/// Carries the command out and prints what came of it.
///
/// # Errors
/// [`crate::agent::NoGateway`], or what the gateway refused and why.
pub fn ban(data: &Path, command: &BanCommand) -> anyhow::Result<()> {
    match command {
        BanCommand::List { json } => list(data, *json),
        BanCommand::Lift { source, user } => lift(data, *source, user.as_deref()),
    }
}

fn list(data: &Path, json: bool) -> anyhow::Result<()> {
    let answer = request(data, "GET", "/v1/bans", None)?;
    if json {
        return print(&format!("{}\n", serde_json::to_string_pretty(&answer)?));
    }
    let rows = answer["items"]
        .as_array()
        .context("the gateway's answer is no list of bans")?;
    if rows.is_empty() {
        return print("nobody is banned\n");
    }
    let mut table = format!("{:<40}{:<20}{:<10}{}\n", "SOURCE", "USER", "FAILURES", "UNTIL");
    for row in rows {
        let text = |key: &str| row[key].as_str().unwrap_or("(everybody)").to_owned();
        let until = row["until_ms"]
            .as_i64()
            .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        let until = until.map(|at| format!("{at:.0}")).unwrap_or_default();
        table.push_str(&format!(
            "{:<40}{:<20}{:<10}{until}\n",
            text("source"),
            text("user"),
            row["failures"]
        ));
    }
    print(&table)
}

fn lift(data: &Path, source: IpAddr, user: Option<&str>) -> anyhow::Result<()> {
    let query = user
        .map(|user| format!("?user={}", escaped(user)))
        .unwrap_or_default();
    let answer: Value = request(data, "DELETE", &format!("/v1/bans/{source}{query}"), None)?;
    print(&format!("{source}: {} lifted\n", answer["lifted"]))
}

/// A text as part of a query (RFC 3986 §2.1).
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_that_strangers_chose_fit_into_a_query() {
        assert_eq!(super::escaped("1001"), "1001");
        assert_eq!(super::escaped("a b&c=\u{e9}"), "a%20b%26c%3D%C3%A9");
    }
}
