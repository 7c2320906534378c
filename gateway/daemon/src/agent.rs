//! The command `agent`: asks and commands the running gateway through its API.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::cli::AgentCommand;
use crate::place::read_control;

/// No gateway runs on the data folder.
#[derive(Debug, thiserror::Error)]
#[error("no gateway runs on {0}\nhint: start it with `hotline`, or name its data folder with --data DIR")]
pub struct NoGateway(pub String);

/// Longest wait for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Largest answer that is read.
const ANSWER_BYTES_MAX: u64 = 8 << 20;

/// Carries the command out and prints what came of it.
///
/// # Errors
/// [`NoGateway`], or what the gateway refused and why.
pub fn agent(data: &Path, command: &AgentCommand) -> anyhow::Result<()> {
    let (agent, verb, body) = match command {
        AgentCommand::List { json } => return list(data, *json),
        AgentCommand::Pause { agent, reason } => (agent, "pause", serde_json::json!({ "reason": reason })),
        AgentCommand::Login { agent } => (agent, "login", serde_json::json!({})),
        AgentCommand::Dispose { agent, code } => (agent, "disposition", serde_json::json!({ "code": code })),
        AgentCommand::Ready { agent } => (agent, "ready", serde_json::json!({})),
        AgentCommand::Release { agent } => (agent, "release", serde_json::json!({})),
        AgentCommand::Logout { agent } => (agent, "logout", serde_json::json!({})),
    };
    if agent.parse::<hotline_types::AgentSlug>().is_err() {
        bail!("{agent:?} is no agent\nhint: `hotline agent list` names them");
    }
    request(data, "POST", &format!("/v1/agents/{agent}/{verb}"), Some(&body))?;
    print(&format!("{agent}: {verb}\n"))
}

/// Writes to standard output.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot write to standard output")
}

fn list(data: &Path, json: bool) -> anyhow::Result<()> {
    let answer = request(data, "GET", "/v1/agents", None)?;
    if json {
        return print(&format!("{}\n", serde_json::to_string_pretty(&answer)?));
    }
    let rows = answer
        .get("items")
        .or_else(|| answer.get("agents"))
        .unwrap_or(&answer);
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or("-").to_owned();
    let mut table = format!(
        "{:<12}{:<20}{:<12}{:<10}{}\n",
        "AGENT", "NAME", "INTENT", "WORK", "DEVICE"
    );
    for row in rows
        .as_array()
        .context("the gateway's answer is no list of agents")?
    {
        let cells = ["id", "label", "intent", "work", "device"].map(|key| text(row, key));
        let [id, label, intent, work, device] = cells;
        let why = match row["device_why"].as_str() {
            Some(why) => format!(" ({why})"),
            None => String::new(),
        };
        table.push_str(&format!(
            "{id:<12}{label:<20}{intent:<12}{work:<10}{device}{why}\n"
        ));
    }
    print(&table)
}

/// One request over HTTP/1.1 to the loopback API; its JSON, or the problem it answered with.
pub(crate) fn request(data: &Path, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
    let control = read_control(data)?.ok_or_else(|| NoGateway(data.display().to_string()))?;
    let host = control
        .url
        .strip_prefix("http://")
        .context("control.json names no http address")?;
    let gone = || NoGateway(data.display().to_string());
    let mut stream = TcpStream::connect(host).map_err(|_| gone())?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    stream.set_write_timeout(Some(ANSWER_MAX))?;
    let body = body.map(Value::to_string).unwrap_or_default();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        control.token,
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    let mut answer = Vec::new();
    stream
        .take(ANSWER_BYTES_MAX)
        .read_to_end(&mut answer)
        .context("the gateway did not answer in time")?;
    read_answer(&answer)
}

fn read_answer(answer: &[u8]) -> anyhow::Result<Value> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text
        .split_once("\r\n\r\n")
        .context("the gateway's answer is cut off")?;
    let status: u16 = head
        .split(' ')
        .nth(1)
        .and_then(|word| word.parse().ok())
        .context("no HTTP status")?;
    let body = if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        unchunk(body)
    } else {
        body.to_owned()
    };
    let value: Value = if body.trim().is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&body)?
    };
    if (200..300).contains(&status) {
        return Ok(value);
    }
    let said = |key: &str| value[key].as_str().unwrap_or_default();
    let mut message = format!("refused ({status}): {} {}", said("title"), said("detail"));
    if !said("hint").is_empty() {
        message.push_str(&format!("\nhint: {}", said("hint")));
    }
    bail!(message)
}

/// The chunks of a chunked body, joined (RFC 9112 §7.1).
fn unchunk(body: &str) -> String {
    let mut rest = body;
    let mut joined = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let Some(size) = usize::from_str_radix(size.trim(), 16)
            .ok()
            .filter(|size| *size > 0)
        else {
            break;
        };
        let Some(chunk) = after.get(..size) else { break };
        joined.push_str(chunk);
        rest = after.get(size + 2..).unwrap_or_default();
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whole_or_chunked_and_problems_become_errors() {
        let plain = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n{\"a\":1}";
        assert_eq!(read_answer(plain).unwrap()["a"], 1);
        let chunked =
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n3\r\n:1}\r\n0\r\n\r\n";
        assert_eq!(read_answer(chunked).unwrap()["a"], 1);
        let problem =
            b"HTTP/1.1 404 Not Found\r\n\r\n{\"title\":\"Unknown agent\",\"detail\":\"x\",\"hint\":\"list them\"}";
        let error = read_answer(problem).unwrap_err().to_string();
        assert!(
            error.contains("404") && error.contains("hint: list them"),
            "{error}"
        );
    }
}
