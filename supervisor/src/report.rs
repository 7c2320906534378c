//! Reports for API and command line: one way to make them from the store, three ways to write them.

use std::fmt;
use std::sync::Arc;

use hotline_journal::figures::{Basis, Figure, Thresholds, Unit};
use hotline_journal::report::{
    Ask, Group, Knows, Period, Report, Shifts, TooManyRows, deltas_of, first_contact_at,
};
use hotline_journal::{BusinessDate, BusinessDays, INTERVAL_US};
use hotline_store::Reader;
use hotline_types::{ContactId, WallTime};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::directory::Directory;
use crate::face::FaceError;

/// Contacts whose histories are read at once.
const PAGE: u32 = 200;
/// A contact is counted at most this long after its arrival: it is looked for this far back, microseconds.
const CONTACT_LENGTH_MAX_US: i64 = 24 * 3_600 * 1_000_000;
/// Longest threshold, seconds.
pub const THRESHOLD_MAX_S: u64 = 86_400;

/// What is asked of a report, as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportQuery {
    /// First business date; none: today.
    pub from: Option<String>,
    /// Last business date, inclusive; none: `from`, or today where that is none.
    pub to: Option<String>,
    /// Only intervals from this moment on, UTC milliseconds.
    pub since_ms: Option<i64>,
    /// Only intervals before this moment, UTC milliseconds.
    pub before_ms: Option<i64>,
    /// `total`, `number`, `queue`, `agent`, `team`, `coverage`, `roster`; none: `queue`.
    pub by: Option<String>,
    /// `whole`, `interval`, `hour`, `day`, `week`, `month`; none: `whole`.
    pub per: Option<String>,
    /// Only the row of this slug.
    pub only: Option<String>,
    /// T of the service levels, seconds; none: three rings.
    pub within: Option<u64>,
    /// Longest wait of a short abandon, seconds; none: 5.
    pub short: Option<u64>,
    /// Names of figures, comma between them; none: all of the grouping.
    pub figures: Option<String>,
}

/// Answers when agents were rostered in a stretch of time.
pub type RosterOf = dyn Fn(WallTime, WallTime) -> Shifts + Send + Sync;

/// What reports must know beside the store.
#[derive(Clone)]
pub struct Reporting {
    /// Business days of the hotline.
    pub days: BusinessDays,
    /// Teams of the agents that have one, and the names for people.
    pub directory: Directory,
    /// The roster.
    pub roster: Arc<RosterOf>,
    /// Tells the present moment.
    pub now: fn() -> WallTime,
}

impl fmt::Debug for Reporting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporting").finish_non_exhaustive()
    }
}

impl From<TooManyRows> for FaceError {
    fn from(_: TooManyRows) -> Self {
        Self::Asked(TOO_LONG.to_owned())
    }
}

const TOO_LONG: &str = "the report would be too long: ask for fewer dates or a longer period per row";

fn asked(error: impl ToString) -> FaceError {
    FaceError::Asked(error.to_string())
}

impl ReportQuery {
    /// The question in the journal's words.
    ///
    /// # Errors
    /// The first word that cannot be used, and what can.
    pub fn ask(&self, reporting: &Reporting) -> Result<Ask, FaceError> {
        let today = reporting.days.date_of((reporting.now)());
        let from = self.from.clone().map_or_else(|| today.clone(), BusinessDate);
        let until = self.to.clone().map_or_else(
            || if self.from.is_some() { from.clone() } else { today },
            BusinessDate,
        );
        if from.day_number().is_none() || until.day_number().is_none() || from > until {
            return Err(asked(
                "use business dates as YYYY-MM-DD, the first not after the last",
            ));
        }
        let thresholds = Thresholds {
            within_s: self.within.unwrap_or(Thresholds::default().within_s),
            short_s: self.short.unwrap_or(Thresholds::default().short_s),
        };
        if thresholds.within_s.max(thresholds.short_s) > THRESHOLD_MAX_S {
            return Err(asked(format!("a threshold is at most {THRESHOLD_MAX_S} s")));
        }
        let (since, before) = (self.since_ms, self.before_ms);
        let between = (since.is_some() || before.is_some()).then(|| {
            let at = |ms: i64| WallTime::from_micros(ms.saturating_mul(1_000));
            (at(since.unwrap_or(i64::MIN)), at(before.unwrap_or(i64::MAX)))
        });
        Ok(Ask {
            from,
            until,
            between,
            group: self
                .by
                .as_deref()
                .unwrap_or("queue")
                .parse::<Group>()
                .map_err(asked)?,
            only: self.only.clone(),
            period: self
                .per
                .as_deref()
                .unwrap_or("whole")
                .parse::<Period>()
                .map_err(asked)?,
            thresholds,
        })
    }

    fn chosen(&self, group: Group) -> Result<Vec<&'static Figure>, FaceError> {
        let all = || hotline_journal::report::figures_of(group);
        let Some(names) = &self.figures else {
            return Ok(all().collect());
        };
        names
            .split(',')
            .map(|name| {
                all().find(|figure| figure.name == name.trim()).ok_or_else(|| {
                    let known: Vec<&str> = all().map(|figure| figure.name).collect();
                    asked(format!(
                        "rows by {} have no figure {name:?}: use {}",
                        group.name(),
                        known.join(", ")
                    ))
                })
            })
            .collect()
    }
}

impl Reporting {
    fn knows(&self, ask: &Ask) -> Knows {
        let teams = self.directory.agents.iter();
        let rostered = matches!(ask.group, Group::Agent | Group::Team);
        let shifts = if rostered {
            let (from, until) = self.span(ask);
            (self.roster)(from, until.min((self.now)()))
        } else {
            Shifts::new()
        };
        Knows {
            days: self.days.clone(),
            teams: teams
                .filter_map(|(slug, agent)| Some((slug.clone(), agent.team.clone()?)))
                .collect(),
            shifts,
        }
    }

    /// A stretch that holds the dates asked for, a day wider than they can be.
    fn span(&self, ask: &Ask) -> (WallTime, WallTime) {
        let midnight = |date: &BusinessDate, more: i64| {
            let day = date.day_number().unwrap_or(0) + more;
            WallTime::from_micros(day.saturating_mul(24 * 3_600 * 1_000_000))
        };
        (midnight(&ask.from, -1), midnight(&ask.until, 3))
    }
}

/// A report with what it shows.
#[derive(Debug)]
pub struct Made {
    report: Report,
    figures: Vec<&'static Figure>,
    labels: std::collections::BTreeMap<String, String>,
}

/// Makes a report.
///
/// # Errors
/// [`FaceError::Asked`] where the question cannot be answered; else the store's.
pub async fn make(reader: &Reader, reporting: &Reporting, query: &ReportQuery) -> Result<Made, FaceError> {
    let ask = query.ask(reporting)?;
    let figures = query.chosen(ask.group)?;
    let knows = reporting.knows(&ask);
    let mut report = Report::new(ask, knows.clone());
    let (from, until) = (report.ask().from.clone(), report.ask().until.clone());
    let kind = report.ask().group.scope_kind();
    reader
        .each_counter(&from, &until, kind, |key, counts| {
            report.add(key, counts).map_err(|_| TOO_LONG)
        })
        .await?;
    report.add_shifts()?;
    if !report.ask().thresholds.are_bounds() {
        let (from, until) = contacts_of(reporting, report.ask());
        let mut after = from;
        loop {
            let page = reader.histories(after, until, PAGE).await?;
            for events in page.contacts.values() {
                report.add_contact(&deltas_of(events, &knows.days))?;
            }
            let Some(next) = page.next else { break };
            after = next;
        }
    }
    let labels = labels(&reporting.directory, report.ask().group);
    Ok(Made {
        report,
        figures,
        labels,
    })
}

fn contacts_of(reporting: &Reporting, ask: &Ask) -> (ContactId, ContactId) {
    let (mut from, mut until) = reporting.span(ask);
    if let Some((since, before)) = ask.between {
        from = from.max(WallTime::from_micros(
            since.as_micros().saturating_sub(CONTACT_LENGTH_MAX_US),
        ));
        until = until.min(before);
    }
    (first_contact_at(from), first_contact_at(until))
}

fn labels(directory: &Directory, group: Group) -> std::collections::BTreeMap<String, String> {
    match group {
        Group::Total | Group::Team => std::collections::BTreeMap::new(),
        Group::Number => directory.numbers.clone(),
        Group::Queue => directory.queues.clone(),
        Group::Coverage | Group::Roster => directory.bands.clone(),
        Group::Agent => {
            let agents = directory.agents.iter();
            agents
                .map(|(slug, agent)| (slug.clone(), agent.label.clone()))
                .collect()
        }
    }
}

/// Contacts behind a figure, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Behind {
    /// Their ids.
    pub contacts: Vec<String>,
    /// Hand back as `cursor` for those that follow; none: this was the last page.
    pub next: Option<String>,
}

/// The contacts that stand in a figure's numerator, `limit` at most, from `cursor` on.
///
/// # Errors
/// As [`make`].
pub async fn behind(
    reader: &Reader,
    reporting: &Reporting,
    query: &ReportQuery,
    figure: &str,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Behind, FaceError> {
    let ask = query.ask(reporting)?;
    let named = ReportQuery {
        figures: Some(figure.to_owned()),
        ..ReportQuery::default()
    };
    let chosen = named
        .chosen(ask.group)?
        .into_iter()
        .find(|figure| figure.has_contacts());
    let figure = chosen.ok_or_else(|| {
        let known: Vec<&str> = hotline_journal::report::figures_of(ask.group)
            .filter(|figure| figure.has_contacts())
            .map(|figure| figure.name)
            .collect();
        asked(format!(
            "no single contact stands behind {figure}: use one of {}",
            known.join(", ")
        ))
    })?;
    let knows = Knows {
        shifts: Shifts::new(),
        ..reporting.knows(&Ask {
            group: Group::Total,
            ..ask.clone()
        })
    };
    let (mut after, until) = contacts_of(reporting, &ask);
    if let Some(cursor) = cursor {
        let cursor: ContactId = cursor
            .parse()
            .map_err(|_| asked("the cursor is not one that a page gave"))?;
        after = after.max(cursor);
    }
    let mut found = Behind::default();
    loop {
        let page = reader.histories(after, until, PAGE).await?;
        for (id, events) in &page.contacts {
            if ask.is_behind(figure, &deltas_of(events, &knows.days), &knows) {
                if found.contacts.len() >= limit {
                    found.next = found.contacts.last().cloned();
                    return Ok(found);
                }
                found.contacts.push(id.to_string());
            }
        }
        let Some(next) = page.next else { return Ok(found) };
        after = next;
    }
}

/// A value as people read it: shares in percent, seconds with one digit.
fn shown(figure: &Figure, value: Option<f64>) -> String {
    match (value, figure.unit) {
        (None, _) => "-".to_owned(),
        (Some(value), Unit::Count) => format!("{value:.0}"),
        (Some(value), Unit::Share) => format!("{:.1}%", value * 100.0),
        (Some(value), Unit::Seconds) => format!("{value:.1}"),
    }
}

impl Made {
    fn cells(&self) -> impl Iterator<Item = (&str, &str, &hotline_journal::report::Row, Vec<Option<f64>>)> {
        self.report.rows().map(|(period, key, row)| {
            let basis = Basis {
                counts: &row.counts,
                within: row.within,
                duty: row.duty,
            };
            let values = self.figures.iter().map(|figure| figure.value(&basis)).collect();
            (period, key, row, values)
        })
    }

    /// The report as JSON: the question, the definitions, and a row per period and slug, each with the address that lists
    /// the contacts behind it, to be completed by the figure's name.
    #[must_use]
    pub fn json(&self) -> Value {
        let ask = self.report.ask();
        let definitions: Map<String, Value> = self
            .figures
            .iter()
            .map(|figure| (figure.name.to_owned(), Value::from(figure.formula)))
            .collect();
        let rows: Vec<Value> = self
            .cells()
            .map(|(period, key, row, values)| {
                let figures: Map<String, Value> = self
                    .figures
                    .iter()
                    .zip(values)
                    .map(|(figure, value)| {
                        let whole = figure.unit == Unit::Count;
                        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count is a whole number below 2^53")]
                        let value = value.map_or(Value::Null, |value| if whole { Value::from(value as u64) } else { Value::from(value) });
                        (figure.name.to_owned(), value)
                    })
                    .collect();
                let (since, before) = row.span.map_or((0, 0), |(from, until)| {
                    (from.as_millis(), WallTime::from_micros(until.as_micros() + INTERVAL_US).as_millis())
                });
                let only = if key.is_empty() { String::new() } else { format!("&only={key}") };
                json!({
                    "period": period,
                    "key": key,
                    "label": self.labels.get(key).filter(|label| !label.is_empty()).map_or(key, String::as_str),
                    "since_ms": since,
                    "before_ms": before,
                    "figures": figures,
                    "contacts": format!(
                        "/v1/reports/contacts?by={}{only}&from={}&to={}&since_ms={since}&before_ms={before}&within={}&short={}&figure=",
                        ask.group.name(), ask.from.0, ask.until.0, ask.thresholds.within_s, ask.thresholds.short_s,
                    ),
                })
            })
            .collect();
        json!({
            "from": ask.from.0,
            "to": ask.until.0,
            "by": ask.group.name(),
            "per": ask.period.name(),
            "within_s": ask.thresholds.within_s,
            "short_s": ask.thresholds.short_s,
            "definitions": definitions,
            "rows": rows,
        })
    }

    /// The report as CSV (RFC 4180): shares 0 to 1, times in seconds, nothing where there is no figure.
    #[must_use]
    pub fn csv(&self) -> String {
        let ask = self.report.ask();
        let mut text = format!("period,{}", ask.group.name());
        for figure in &self.figures {
            text.push(',');
            text.push_str(figure.name);
        }
        text.push_str("\r\n");
        for (period, key, _, values) in self.cells() {
            text.push_str(&format!("{period},{key}"));
            for value in values {
                text.push(',');
                if let Some(value) = value {
                    text.push_str(&value.to_string());
                }
            }
            text.push_str("\r\n");
        }
        text
    }

    /// The report as a table for people: figures down, rows across where they are few, else rows down with the figures
    /// that are not zero everywhere.
    #[must_use]
    pub fn table(&self) -> String {
        let ask = self.report.ask();
        let rows: Vec<_> = self.cells().collect();
        let mut text = format!(
            "Report by {} from {} to {}, T = {} s, s = {} s\n\n",
            ask.group.name(),
            ask.from.0,
            ask.until.0,
            ask.thresholds.within_s,
            ask.thresholds.short_s
        );
        if rows.is_empty() {
            text.push_str("Nothing was counted.\n");
            return text;
        }
        let used: Vec<usize> = (0..self.figures.len())
            .filter(|&index| {
                rows.iter().any(|(.., values)| {
                    values
                        .get(index)
                        .copied()
                        .flatten()
                        .is_some_and(|value| value != 0.0)
                })
            })
            .collect();
        let name = |period: &str, key: &str| {
            [period, key]
                .iter()
                .filter(|part| !part.is_empty())
                .copied()
                .collect::<Vec<_>>()
                .join(" ")
        };
        let heads: Vec<String> = rows
            .iter()
            .map(|(period, key, ..)| name(period, key))
            .map(|head| if head.is_empty() { "total".to_owned() } else { head })
            .collect();
        let cell = |row: usize, index: usize| shown(self.figures[index], rows[row].3[index]);
        let grid: Vec<Vec<String>> = if rows.len() <= ACROSS_MAX {
            std::iter::once(
                std::iter::once(String::new())
                    .chain(heads.iter().cloned())
                    .collect(),
            )
            .chain(used.iter().map(|&index| {
                std::iter::once(self.figures[index].name.to_owned())
                    .chain((0..rows.len()).map(|row| cell(row, index)))
                    .collect()
            }))
            .collect()
        } else {
            std::iter::once(
                std::iter::once(String::new())
                    .chain(used.iter().map(|&index| self.figures[index].name.to_owned()))
                    .collect(),
            )
            .chain((0..rows.len()).map(|row| {
                std::iter::once(heads[row].clone())
                    .chain(used.iter().map(|&index| cell(row, index)))
                    .collect()
            }))
            .collect()
        };
        text.push_str(&align(&grid));
        text
    }
}

/// Rows that are shown side by side.
const ACROSS_MAX: usize = 8;

/// Columns as wide as their widest cell, the first to the left, the others to the right.
#[must_use]
pub fn align(grid: &[Vec<String>]) -> String {
    let columns = grid.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        grid.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in grid {
        let line: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, &width))| {
                if column == 0 {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            })
            .collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}
