//! What happened, what the engine would have done with the same callers, and what it would do with another roster.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;

use anyhow::{Context as _, bail};
use hotline_acd::{AcdConfig, RosterEntry};
use hotline_config::Settings;
use hotline_journal::figures::{Figure, Thresholds, Unit};
use hotline_journal::report::first_contact_at;
use hotline_journal::{BusinessDate, Seq, What};
use hotline_planning::{
    Caller, Compared, Estimate, Model, Names, Outcome, Presence, RUNS_MAX, Run, Scenario, callers_of,
    compare, queues, run,
};
use hotline_store::{PAGE_MAX, Reader};
use hotline_supervisor::report::align;
use hotline_types::{AgentSlug, Intent, WallTime};
use serde_json::{Value, json};

use super::{begin_of, days_from};
use crate::cli::{Format, Simulate};
use crate::reports::{open, print, wall_now};
use crate::{parts, people};

/// Contacts read at once.
const PAGE: u32 = 500;
/// Agents that `--seats` adds to a band at most.
const SEATS_MAX: i32 = 500;

/// What was read of the journal.
struct Record {
    callers: Vec<Caller>,
    names: Names,
    model: Model,
    presence: Vec<(WallTime, AgentSlug, Intent)>,
}

/// Replays a stretch of the journal and prints both outcomes.
///
/// # Errors
/// There are no calls, the change cannot be made, or the journal cannot be read.
pub async fn simulate(
    settings: &Settings,
    changed: Option<&Settings>,
    command: &Simulate,
) -> anyhow::Result<()> {
    if !(2..=RUNS_MAX).contains(&command.runs)
        || !(0.0..=20.0).contains(&command.demand)
        || !(0.0..0.95).contains(&command.shrinkage)
    {
        bail!("--runs is 2 to {RUNS_MAX}, --demand 0 to 20, --shrinkage 0 to 0.95");
    }
    let (reader, reporting) = open(settings).await?;
    let from = BusinessDate(
        command
            .from
            .clone()
            .unwrap_or_else(|| reporting.days.date_of(wall_now()).0),
    );
    let to = command.to.clone().map_or_else(|| from.clone(), BusinessDate);
    let span = (
        begin_of(settings, &from)?,
        begin_of(settings, &days_from(&to, 1)?)?,
    );
    let record = read(&reader, command, span).await?;
    let roster = people::entries(reader.roster().await?, settings);
    let thresholds = Thresholds {
        within_s: command.within,
        ..Thresholds::default()
    };
    let base = parts::acd(settings, &BTreeMap::new(), roster)?;
    known(settings, &base, &record.names, (&from, &to))?;
    let replayed = Scenario {
        acd: base.clone(),
        presence: Presence::Recorded(record.presence.clone()),
        demand: 1.0,
        thresholds,
    };
    let what_if = Scenario {
        acd: changed_engine(base.clone(), changed, command, &record.names)?,
        presence: presence(&record, changed, command),
        demand: command.demand,
        thresholds,
    };
    let baseline = Scenario {
        acd: base,
        presence: what_if.presence.clone(),
        demand: 1.0,
        thresholds,
    };
    let actual = Run::recorded(&record.callers, thresholds);
    let calibration = runs(&replayed, &record, command, "calibration")?;
    let before = if baseline.presence == replayed.presence {
        calibration.clone()
    } else {
        runs(&baseline, &record, command, "as it is")?
    };
    let after = runs(&what_if, &record, command, "changed")?;
    let rows = compare(&actual, &calibration, &before, &after);
    let format = if command.json {
        Format::Json
    } else {
        command.format
    };
    print(&match format {
        Format::Table => table(&rows, &record, command, (&from, &to)),
        Format::Csv => csv(&rows),
        Format::Json => format!(
            "{}\n",
            serde_json::to_string_pretty(&json(&rows, &record, command, (&from, &to)))?
        ),
    })
}

async fn read(reader: &Reader, command: &Simulate, span: (WallTime, WallTime)) -> anyhow::Result<Record> {
    let mut record = Record {
        callers: Vec::new(),
        names: Names::default(),
        model: Model::default(),
        presence: Vec::new(),
    };
    let (mut after, until) = (first_contact_at(span.0), first_contact_at(span.1));
    loop {
        let page = reader.histories(after, until, PAGE).await?;
        for events in page.contacts.values() {
            let mut callers = callers_of(events, &mut record.model);
            callers.retain(|caller| {
                caller.exit.is_some()
                    && command
                        .queue
                        .as_ref()
                        .is_none_or(|queue| caller.queue.as_str() == queue)
            });
            if !callers.is_empty() {
                events.iter().for_each(|event| record.names.learn(event));
            }
            record.callers.extend(callers);
        }
        let Some(next) = page.next else { break };
        after = next;
    }
    if record.callers.is_empty() {
        bail!("no caller entered a queue in that time\nhint: name days that have calls with --from and --to");
    }
    if record.callers.len() > hotline_planning::CALLERS_MAX {
        bail!(
            "that are more than {} callers\nhint: name fewer days",
            hotline_planning::CALLERS_MAX
        );
    }
    // Who was ready when it began is known from before: a day back finds every agent who works.
    let day_before = WallTime::from_micros(span.0.as_micros() - 24 * 3_600 * 1_000_000);
    let (mut seq, before) = (reader.seq_at(day_before).await?, reader.seq_at(span.1).await?);
    seq = Seq(seq.0.saturating_sub(1));
    loop {
        let events = reader.presence(seq, before, PAGE_MAX).await?;
        let Some(last) = events.last() else { break };
        seq = last.seq;
        for event in events {
            if let (What::AgentIntent { intent }, Some(agent)) = (event.what, event.agent) {
                record.presence.push((event.at, agent, intent));
            }
        }
    }
    record.names.learn_ready(&record.presence, span.0);
    record.names.queues = queues(&record.callers);
    Ok(record)
}

/// Refuses settings that lack what the record names: whoever calls a queue or works on a band that is not there would
/// silently be left out, and every figure would be about another hotline.
fn known(
    settings: &Settings,
    base: &AcdConfig,
    names: &Names,
    (from, to): (&BusinessDate, &BusinessDate),
) -> anyhow::Result<()> {
    let unknown = names.unknown_to(base);
    if !unknown.is_empty() {
        bail!(
            "the journal in {} names from {} to {} what {} does not have: {unknown}\n\
             hint: give the configuration of those days with --config, or name other days with --from and --to",
            settings.data.dir.display(),
            from.0,
            to.0,
            settings.source,
        );
    }
    Ok(())
}

/// The same for changed settings, which may have other agents and bands, but must have the callers' queues.
fn keeps_queues(changed: &Settings, what_if: &AcdConfig, names: &Names) -> anyhow::Result<()> {
    let queues = Names {
        queues: names.queues.clone(),
        ..Names::default()
    };
    let unknown = queues.unknown_to(what_if);
    if !unknown.is_empty() {
        bail!(
            "{} of --with does not have what the recorded callers called: {unknown}\n\
             hint: keep these queues in it, or name one that it has with --queue",
            changed.source,
        );
    }
    Ok(())
}

/// The engine's settings with what the command line changes.
fn changed_engine(
    base: AcdConfig,
    changed: Option<&Settings>,
    command: &Simulate,
    names: &Names,
) -> anyhow::Result<AcdConfig> {
    let mut config = match changed {
        None => base,
        Some(settings) => {
            // Entries for dates come with the settings themselves.
            let weekly = settings.seed.roster.iter().filter(|entry| entry.dates.is_empty());
            let roster = weekly.map(|entry| RosterEntry {
                band: entry.band.clone(),
                agent: entry.agent.clone(),
                days: entry.days,
                dates: Vec::new(),
            });
            let engine = parts::acd(settings, &BTreeMap::new(), roster.collect())?;
            keeps_queues(settings, &engine, names)?;
            engine
        }
    };
    for change in &command.seats {
        let (band, count) = change.split_once('=').context("--seats is BAND=+N or BAND=-N")?;
        let count: i32 = count.parse().context("--seats is BAND=+N or BAND=-N")?;
        let slug = config
            .bands
            .iter()
            .map(|one| one.slug.clone())
            .find(|slug| slug.as_str() == band);
        let slug = slug.with_context(|| format!("there is no band {band:?}"))?;
        if count.abs() > SEATS_MAX {
            bail!("--seats adds or takes {SEATS_MAX} at most");
        }
        for index in 0..count {
            let agent: AgentSlug = format!("extra-{band}-{index}")
                .parse()
                .context("the band's name is too long")?;
            let mut one = config.agents.first().context("there are no agents")?.clone();
            one.slug = agent.clone();
            config.agents.push(one);
            for queue in &mut config.queues {
                queue.agents.push(agent.clone());
            }
            let days = [true; 7];
            config.roster.push(RosterEntry {
                band: slug.clone(),
                agent,
                days,
                dates: Vec::new(),
            });
        }
        for _ in count..0 {
            let last = config.roster.iter().rposition(|entry| entry.band == slug);
            config
                .roster
                .remove(last.with_context(|| format!("nobody is left on band {band}"))?);
        }
    }
    Ok(config)
}

/// A changed roster needs the roster's own presence; else what the agents did is repeated.
fn presence(record: &Record, changed: Option<&Settings>, command: &Simulate) -> Presence {
    if changed.is_some() || !command.seats.is_empty() {
        Presence::Rostered {
            shrinkage: command.shrinkage,
        }
    } else {
        Presence::Recorded(record.presence.clone())
    }
}

fn runs(scenario: &Scenario, record: &Record, command: &Simulate, name: &str) -> anyhow::Result<Outcome> {
    let progress = std::io::stderr().is_terminal();
    (0..command.runs)
        .map(|no| {
            if progress && no.is_multiple_of(5) {
                tracing::info!(run = no + 1, of = command.runs, "simulating: {name}");
            }
            run(scenario, &record.callers, &record.model, no, command.seed).map_err(|problems| {
                let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
                anyhow::anyhow!(lines.join("\n"))
            })
        })
        .collect()
}

fn shown(figure: &Figure, value: Option<f64>, margin: Option<f64>) -> String {
    let Some(value) = value else { return "-".to_owned() };
    let (scale, unit) = if figure.unit == Unit::Share {
        (100.0, "%")
    } else {
        (1.0, " s")
    };
    margin.map_or_else(
        || format!("{:.1}{unit}", value * scale),
        |margin| format!("{:.1} ±{:.1}{unit}", value * scale, margin * scale),
    )
}

fn table(
    rows: &[Compared],
    record: &Record,
    command: &Simulate,
    (from, to): (&BusinessDate, &BusinessDate),
) -> String {
    let one = |figure: &Figure, estimate: Option<Estimate>| {
        shown(
            figure,
            estimate.map(|estimate| estimate.mean),
            estimate.map(|estimate| estimate.margin),
        )
    };
    let calibration = rows.iter().map(|row| {
        let error = row
            .replayed
            .zip(row.actual)
            .map(|(replayed, actual)| replayed.mean - actual);
        vec![
            row.figure.name.to_owned(),
            shown(row.figure, row.actual, None),
            one(row.figure, row.replayed),
            shown(row.figure, error, None),
        ]
    });
    let outcome = rows.iter().map(|row| {
        vec![
            row.figure.name.to_owned(),
            one(row.figure, row.before),
            one(row.figure, row.after),
            one(row.figure, row.difference),
        ]
    });
    let head = |names: [&str; 4]| std::iter::once(names.map(str::to_owned).to_vec());
    format!(
        "{} queue entries from {} to {}, {} runs, 95 % confidence\n\nCalibration: the engine of today with the agents who were there, against what happened\n\n{}\nOutcomes\n\n{}\n\
         Callers who ring again, agents who work faster or slower and what flows do after a queue are not simulated; waits and \n\
         talks that the record does not tell are drawn from it. Believe differences larger than the calibration error.\n",
        record.callers.len(),
        from.0,
        to.0,
        command.runs,
        align(
            &head(["", "happened", "replayed", "error"])
                .chain(calibration)
                .collect::<Vec<_>>()
        ),
        align(
            &head(["", "as it is", "changed", "difference"])
                .chain(outcome)
                .collect::<Vec<_>>()
        ),
    )
}

fn csv(rows: &[Compared]) -> String {
    let mut text = "figure,happened,replayed,replayed_margin,as_it_is,as_it_is_margin,changed,changed_margin,difference,difference_margin\r\n".to_owned();
    for row in rows {
        let mut cells = vec![
            row.figure.name.to_owned(),
            row.actual.map_or_else(String::new, |value| value.to_string()),
        ];
        for estimate in [row.replayed, row.before, row.after, row.difference] {
            cells.push(estimate.map_or_else(String::new, |estimate| estimate.mean.to_string()));
            cells.push(estimate.map_or_else(String::new, |estimate| estimate.margin.to_string()));
        }
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

fn json(
    rows: &[Compared],
    record: &Record,
    command: &Simulate,
    (from, to): (&BusinessDate, &BusinessDate),
) -> Value {
    let one = |estimate: Option<Estimate>| {
        estimate.map_or(Value::Null, |e| json!({"mean": e.mean, "margin": e.margin}))
    };
    let row = |row: &Compared| {
        json!({
            "figure": row.figure.name,
            "formula": row.figure.formula,
            "happened": row.actual,
            "replayed": one(row.replayed),
            "calibration_error": row.replayed.zip(row.actual).map(|(replayed, actual)| replayed.mean - actual),
            "as_it_is": one(row.before),
            "changed": one(row.after),
            "difference": one(row.difference),
        })
    };
    json!({
        "from": from.0, "to": to.0, "entries": record.callers.len(), "runs": command.runs, "confidence": 0.95,
        "within_s": command.within, "figures": rows.iter().map(row).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests;
