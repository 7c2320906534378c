//! The command `report`, and what reports must know of the settings: names, teams, rosters.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use anyhow::Context as _;
use hotline_acd::{Acd, RosterEntry};
use hotline_config::Settings;
use hotline_store::{ContactDetail, Reader};
use hotline_supervisor::FaceError;
use hotline_supervisor::report::{self, ReportQuery, Reporting, align};
use hotline_types::{Now, Rng, Time, WallTime};

use crate::cli::{Format, Report};
use crate::days::business_days;
use crate::directory::directory;
use crate::{parts, people};

/// Contacts the command line asks for at once.
const CONTACTS_PAGE: usize = 200;

/// What reports must know, from the settings and the roster.
///
/// # Errors
/// Every problem of the settings that the queue engine finds.
pub fn reporting(settings: &Settings, roster: Vec<RosterEntry>) -> anyhow::Result<Reporting> {
    let acd = engine(settings, roster)?;
    Ok(Reporting {
        days: business_days(settings)?,
        directory: directory(settings),
        roster: Arc::new(move |from, until| {
            let shifts = acd.shifts(from, until).into_iter();
            shifts
                .map(|(agent, stretches)| (agent.to_string(), stretches))
                .collect()
        }),
        now: wall_now,
    })
}

/// A queue engine that is asked for its calendar only.
///
/// # Errors
/// As [`reporting`].
pub fn engine(settings: &Settings, roster: Vec<RosterEntry>) -> anyhow::Result<Acd> {
    let config = parts::acd(settings, &BTreeMap::new(), roster)?;
    let now = Now::new(Time::from_millis(0), WallTime::from_millis(0));
    // No offer is ever made by it, so nothing is drawn from the generator.
    Acd::new(config, Rng::from_seed(0), now).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!(lines.join("\n"))
    })
}

/// The system's clock.
#[must_use]
pub fn wall_now() -> WallTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    WallTime::from_micros(since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX)))
}

/// The journal of the data folder, read-only, with the roster it holds.
///
/// # Errors
/// There is no journal, or it cannot be read.
pub async fn open(settings: &Settings) -> anyhow::Result<(Reader, Reporting)> {
    let reader = Reader::open(&settings.data.dir)?;
    let rows = reader.roster().await?;
    let reporting = reporting(settings, people::entries(rows, settings))?;
    Ok((reader, reporting))
}

/// Prints a report, or the contacts behind one of its figures.
///
/// # Errors
/// The question cannot be answered, there is no journal, or it cannot be read.
pub async fn report(settings: &Settings, command: &Report) -> anyhow::Result<()> {
    let (reader, reporting) = open(settings).await?;
    let query = ReportQuery {
        from: command.from.clone(),
        to: command.to.clone(),
        since_ms: None,
        before_ms: None,
        by: Some(command.by.clone()),
        per: Some(command.per.clone()),
        only: command.only.clone(),
        within: command.within,
        short: command.short,
        figures: command.figures.clone(),
    };
    let format = if command.json {
        Format::Json
    } else {
        command.format
    };
    if let Some(figure) = &command.contacts {
        return contacts(&reader, &reporting, &query, figure, format).await;
    }
    let made = report::make(&reader, &reporting, &query).await.map_err(said)?;
    let text = match format {
        Format::Table => made.table(),
        Format::Csv => made.csv(),
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&made.json())?),
    };
    print(&text)
}

fn said(error: FaceError) -> anyhow::Error {
    anyhow::anyhow!(match error {
        FaceError::Asked(text) | FaceError::Failed(text) => text,
    })
}

pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot write to standard output")
}

async fn contacts(
    reader: &Reader,
    reporting: &Reporting,
    query: &ReportQuery,
    figure: &str,
    format: Format,
) -> anyhow::Result<()> {
    let mut cursor: Option<String> = None;
    let mut first = true;
    if format == Format::Json {
        print("[")?;
    }
    loop {
        let page = report::behind(reader, reporting, query, figure, cursor.as_deref(), CONTACTS_PAGE).await;
        let page = page.map_err(said)?;
        let mut grid = Vec::new();
        for id in &page.contacts {
            let found = reader.contact(id.parse()?).await?;
            grid.extend(found.map(|found| cells(reporting, &found)));
        }
        print(&lines(&grid, format, first)?)?;
        first = first && grid.is_empty();
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    if format == Format::Json {
        print("\n]\n")
    } else {
        Ok(())
    }
}

const HEADS: [&str; 8] = [
    "contact", "opened", "number", "queue", "agent", "wait_s", "end", "why",
];

fn cells(reporting: &Reporting, found: &ContactDetail) -> Vec<String> {
    let row = &found.contact;
    let waits = found.queues.iter().map(|visit| visit.wait_us).sum::<u64>();
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    vec![
        row.id.to_string(),
        reporting.days.local(row.opened_at),
        text(&row.number),
        text(&row.queue),
        text(&row.agent),
        format!("{}.{}", waits / 1_000_000, waits / 100_000 % 10),
        text(&row.end),
        text(&row.why),
    ]
}

fn lines(grid: &[Vec<String>], format: Format, first: bool) -> anyhow::Result<String> {
    let head = || HEADS.map(str::to_owned).to_vec();
    Ok(match format {
        Format::Table => {
            let head = first.then(head);
            align(&head.into_iter().chain(grid.iter().cloned()).collect::<Vec<_>>())
        }
        Format::Csv => {
            let head = first.then(head);
            let rows = head.into_iter().chain(grid.iter().cloned());
            rows.map(|row| format!("{}\r\n", row.join(","))).collect()
        }
        Format::Json => {
            let mut text = String::new();
            for row in grid {
                let object: serde_json::Map<String, serde_json::Value> = HEADS
                    .iter()
                    .zip(row)
                    .map(|(head, cell)| ((*head).to_owned(), serde_json::Value::from(cell.as_str())))
                    .collect();
                text.push_str(if first && text.is_empty() { "\n" } else { ",\n" });
                text.push_str(&serde_json::to_string(&object)?);
            }
            text
        }
    })
}
