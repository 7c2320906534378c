//! The command `why`: one sentence from the running gateway about a contact or an agent.

use std::path::Path;

use anyhow::{Context as _, bail};

use crate::agent::{print, request};
use crate::cli::WhyCommand;

/// Asks and prints the sentence.
///
/// # Errors
/// [`crate::agent::NoGateway`], or that there is no such contact or agent.
pub fn why(data: &Path, command: &WhyCommand) -> anyhow::Result<()> {
    let (kind, id) = match command {
        WhyCommand::Contact { id } => ("contacts", id),
        WhyCommand::Agent { id } => ("agents", id),
    };
    let word = id
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !word || id.is_empty() {
        bail!("{id:?} is no id\nhint: `hotline agent list` and the console name them");
    }
    let answer = request(data, "GET", &format!("/v1/why/{kind}/{id}"), None)?;
    let sentence = answer["why"]
        .as_str()
        .context("the gateway's answer has no sentence")?;
    print(&format!("{sentence}\n"))
}
