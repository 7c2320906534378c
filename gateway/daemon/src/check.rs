//! The command `check`: the configuration with the flows and prompts it names, every problem at once.

use std::io::Write as _;

use anyhow::Context as _;
use hotline_config::Settings;

use crate::{content, listeners};

/// Checks what the start would check, without starting; prints the effective settings where asked.
///
/// # Errors
/// Every problem that there is.
pub fn check(settings: &Settings, json: bool) -> anyhow::Result<()> {
    let content = content::load(settings, &std::collections::BTreeMap::new())?;
    listeners::check(settings)?;
    let warnings = settings.warnings().into_iter();
    let warnings: String = warnings.map(|warning| format!("warning: {warning}\n")).collect();
    // They are for a person; what a program reads stays as it is.
    std::io::stderr()
        .write_all(warnings.as_bytes())
        .context("cannot write to standard error")?;
    let text = if json {
        format!("{}\n", serde_json::to_string_pretty(settings)?)
    } else {
        format!(
            "{}: good; {} numbers, {} queues, {} bands, {} agents, {} flows, {} prompts\n",
            settings.source,
            settings.numbers.len(),
            settings.queues.len(),
            settings.bands.len(),
            settings.seed.agents.len(),
            content.flows.len(),
            content.clips.len()
        )
    };
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot write to standard output")
}
