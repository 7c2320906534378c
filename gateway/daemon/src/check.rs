//! The command `check`: the configuration with the flows and prompts it names, every problem at once.

use std::collections::BTreeMap;
use std::io::Write as _;

use anyhow::Context as _;
use hotline_config::Settings;

use crate::{content, listeners, parts};

/// Checks what the start would check, without starting; prints the effective settings where asked.
///
/// # Errors
/// Every problem that there is.
pub fn check(settings: &Settings, json: bool) -> anyhow::Result<()> {
    let content = content::load(settings, &BTreeMap::new())?;
    listeners::check(settings)?;
    let warnings = settings.warnings().into_iter();
    let warnings: String = warnings.map(|warning| format!("warning: {warning}\n")).collect();
    // They are for a person; what a program reads stays as it is.
    std::io::stderr()
        .write_all(warnings.as_bytes())
        .context("cannot write to standard error")?;
    let roster = settings.seed.roster.iter().map(|entry| hotline_acd::RosterEntry {
        band: entry.band.clone(),
        agent: entry.agent.clone(),
        days: entry.days,
        dates: entry.dates.clone(),
    });
    let acd = parts::acd(settings, &BTreeMap::new(), roster.collect())?;
    let problems: Vec<String> = hotline_acd::Acd::problems(&acd)
        .iter()
        .map(ToString::to_string)
        .collect();
    anyhow::ensure!(problems.is_empty(), problems.join("\n"));
    let text = if json {
        format!("{}\n", serde_json::to_string_pretty(settings)?)
    } else {
        let hints: String = hotline_acd::lint(&acd, hotline_io::clock::Clock::start().now().wall)
            .iter()
            .map(|hint| format!("hint: {hint}\n"))
            .collect();
        format!(
            "{hints}{}: good; {} numbers, {} queues, {} bands, {} agents, {} flows, {} prompts\n",
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
