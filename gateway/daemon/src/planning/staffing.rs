//! Seats and heads for days to come, from the days that were.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use hotline_acd::Acd;
use hotline_config::Settings;
use hotline_journal::report::Shifts;
use hotline_journal::{BusinessDate, Counts, INTERVAL_US};
use hotline_planning::{
    BandHours, Forecast, History, Load, Need, Target, forecast, heads_per_band, rostered_heads, seats,
};
use hotline_store::Reader;
use hotline_supervisor::report::{Reporting, align};
use hotline_types::WallTime;
use serde_json::{Value, json};

use super::{begin_of, days_from, slot_in};
use crate::cli::{Format, Staffing};
use crate::people;
use crate::reports::{engine, open, print, wall_now};

/// Days one call plans at most.
const DAYS_MAX: u32 = 31;
/// Days of history looked at at most.
const HISTORY_DAYS_MAX: u32 = 400;

/// What the history says.
struct Past {
    history: History,
    counts: Counts,
    begins: BTreeMap<BusinessDate, WallTime>,
}

/// One planned quarter.
struct Row {
    at: String,
    calls: f64,
    need: Need,
    heads: u32,
    rostered: u32,
}

/// One planned date.
struct Plan {
    date: BusinessDate,
    forecast: Forecast,
    rows: Vec<Row>,
    bands: Vec<(String, u32, u32)>,
    uncovered: Vec<String>,
}

/// Prints the plan.
///
/// # Errors
/// There is no history, the question cannot be answered, or the journal cannot be read.
pub async fn staffing(settings: &Settings, command: &Staffing) -> anyhow::Result<()> {
    let (reader, reporting) = open(settings).await?;
    let acd = engine(settings, people::entries(reader.roster().await?, settings))?;
    let today = reporting.days.date_of(wall_now());
    let first = match &command.date {
        Some(date) => BusinessDate(date.clone()),
        None => days_from(&today, 1)?,
    };
    check(command)?;
    let past = past(settings, &reader, command, &days_from(&first, -1)?.min(today)).await?;
    let load = Load::of(&past.counts);
    let target = Target {
        answer_rate: command.answer_rate.unwrap_or(settings.hotline.answer_rate_target),
        within_share: command.level,
        within_s: command
            .within
            .map_or(settings.hotline.answer_within.as_secs_f64(), f64::from),
        endless_patience: command.erlang_c,
    };
    let mut plans = Vec::new();
    for day in 0..command.days {
        let date = days_from(&first, i64::from(day))?;
        plans.push(plan(
            settings,
            (&acd, &reporting),
            command,
            (&past.history, &load, &target),
            date,
        )?);
    }
    let format = if command.json {
        Format::Json
    } else {
        command.format
    };
    print(&match format {
        Format::Table => table(&plans, &load, &target, command),
        Format::Csv => csv(&plans),
        Format::Json => format!(
            "{}\n",
            serde_json::to_string_pretty(&json(&plans, &load, &target))?
        ),
    })
}

fn check(command: &Staffing) -> anyhow::Result<()> {
    let share = |value: f64| (0.0..1.0).contains(&value);
    if !share(command.level) || !command.answer_rate.is_none_or(share) || !share(command.shrinkage) {
        bail!("shares are numbers from 0 to below 1, such as 0.8");
    }
    if !(1..=DAYS_MAX).contains(&command.days) || !(1..=HISTORY_DAYS_MAX).contains(&command.history) {
        bail!("--days is 1 to {DAYS_MAX}, --history 1 to {HISTORY_DAYS_MAX}");
    }
    Ok(())
}

async fn past(
    settings: &Settings,
    reader: &Reader,
    command: &Staffing,
    until: &BusinessDate,
) -> anyhow::Result<Past> {
    let from = days_from(until, 1 - i64::from(command.history))?;
    let mut past = Past {
        history: History::default(),
        counts: Counts::default(),
        begins: BTreeMap::new(),
    };
    for day in 0..=i64::from(command.history) {
        let date = days_from(&from, day)?;
        past.begins.insert(date.clone(), begin_of(settings, &date)?);
    }
    let configured = settings.holidays.iter().flat_map(|holiday| &holiday.dates);
    past.history.holidays = command
        .holidays
        .iter()
        .chain(configured)
        .cloned()
        .map(BusinessDate)
        .collect::<BTreeSet<_>>();
    let kind = if command.queue.is_some() { "queue" } else { "total" };
    let Past {
        history,
        counts,
        begins,
    } = &mut past;
    reader
        .each_counter(&from, until, kind, |key, row| {
            if command
                .queue
                .as_ref()
                .is_none_or(|queue| queue == key.scope.key())
            {
                let begin = begins.get(&key.slot.date);
                if let Some(slot) = begin.and_then(|&begin| slot_in(begin, key.slot.interval)) {
                    #[expect(clippy::cast_precision_loss, reason = "counters stay far below 2^53")]
                    history.add(&key.slot.date, slot, row.offered as f64);
                }
                counts.add(row);
            }
            Ok(())
        })
        .await?;
    if past.history.days.is_empty() {
        bail!(
            "the journal holds no calls from {} to {}\nhint: name the day to plan with --date, or a longer --history",
            from.0,
            until.0
        );
    }
    Ok(past)
}

fn plan(
    settings: &Settings,
    (acd, reporting): (&Acd, &Reporting),
    command: &Staffing,
    (history, load, target): (&History, &Load, &Target),
    date: BusinessDate,
) -> anyhow::Result<Plan> {
    let begin = begin_of(settings, &date)?;
    let end = begin_of(settings, &days_from(&date, 1)?)?;
    let slots = slot_in(begin, end).context("a day has no negative length")?;
    let forecast = forecast(history, &date).context("there is no day before it to forecast from")?;
    let at = |slot: usize| {
        WallTime::from_micros(begin.as_micros() + i64::try_from(slot).unwrap_or(0) * INTERVAL_US)
    };
    let shifts = (reporting.roster)(begin, end);
    let mut rows = Vec::new();
    for slot in 0..slots {
        let calls = forecast.offered.get(slot).copied().unwrap_or(0.0) * command.demand;
        let load = Load {
            calls_per_hour: calls * 4.0,
            ..*load
        };
        let need = seats(&load, target)
            .context("no number of seats keeps the target\nhint: lower --level or --answer-rate")?;
        rows.push(Row {
            at: reporting.days.local(at(slot)),
            calls,
            heads: rostered_heads(need.seats, command.shrinkage),
            need,
            rostered: rostered(&shifts, at(slot)),
        });
    }
    let bands: Vec<BandHours> = settings
        .bands
        .iter()
        .map(|band| BandHours {
            band: band.slug.to_string(),
            on: (0..slots)
                .map(|slot| acd.bands_on(at(slot)).contains(&band.slug))
                .collect(),
        })
        .collect();
    let wanted: Vec<u32> = rows.iter().map(|row| row.heads).collect();
    let (heads, uncovered) = heads_per_band(&bands, &wanted);
    let now = |band: &BandHours| {
        let first = band.on.iter().position(|&on| on)?;
        let agents = acd.agents().filter(|agent| {
            acd.rostered_bands(agent, at(first))
                .iter()
                .any(|on| on.as_str() == band.band)
        });
        u32::try_from(agents.count()).ok()
    };
    let uncovered = uncovered.into_iter().map(|slot| rows[slot].at.clone()).collect();
    let bands = bands
        .iter()
        .zip(heads)
        .map(|(band, heads)| (band.band.clone(), heads, now(band).unwrap_or(0)))
        .collect();
    Ok(Plan {
        date,
        forecast,
        rows,
        bands,
        uncovered,
    })
}

fn rostered(shifts: &Shifts, at: WallTime) -> u32 {
    let there = shifts
        .values()
        .filter(|stretches| stretches.iter().any(|&(from, until)| from <= at && at < until));
    u32::try_from(there.count()).unwrap_or(u32::MAX)
}

const HEADS: [&str; 9] = [
    "time",
    "calls",
    "seats",
    "heads",
    "rostered",
    "answer_rate",
    "within_t",
    "wait_s",
    "occupancy",
];

fn cells(row: &Row) -> [String; 9] {
    [
        row.at.clone(),
        format!("{:.1}", row.calls),
        row.need.seats.to_string(),
        row.heads.to_string(),
        row.rostered.to_string(),
        format!("{:.3}", row.need.answer_rate),
        format!("{:.3}", row.need.within),
        format!("{:.1}", row.need.wait_s),
        format!("{:.3}", row.need.occupancy),
    ]
}

fn table(plans: &[Plan], load: &Load, target: &Target, command: &Staffing) -> String {
    let formula = if target.endless_patience {
        "Erlang C"
    } else {
        "Erlang A"
    };
    let mut text = format!(
        "{formula}: answer rate >= {:.1}%, {:.1}% within {} s; handling {:.1} s, patience {:.1} s, shrinkage {:.1}%\n",
        target.answer_rate * 100.0,
        target.within_share * 100.0,
        target.within_s,
        load.aht_s,
        load.patience_s,
        command.shrinkage * 100.0
    );
    for plan in plans {
        text.push_str(&format!(
            "\n{}: from {} {}, trend {:+.1}% a week\n\n",
            plan.date.0,
            plan.forecast.days_used,
            plan.forecast.basis,
            plan.forecast.trend * 100.0
        ));
        let bands = plan
            .bands
            .iter()
            .map(|(band, heads, now)| vec![band.clone(), heads.to_string(), now.to_string()]);
        let head = vec!["band".to_owned(), "heads".to_owned(), "rostered".to_owned()];
        text.push_str(&align(&std::iter::once(head).chain(bands).collect::<Vec<_>>()));
        for at in &plan.uncovered {
            text.push_str(&format!("{at}: calls are expected and no band is on\n"));
        }
        text.push('\n');
        let grid: Vec<Vec<String>> = std::iter::once(HEADS.map(str::to_owned).to_vec())
            .chain(plan.rows.iter().map(|row| cells(row).to_vec()))
            .collect();
        text.push_str(&align(&grid));
    }
    text
}

fn csv(plans: &[Plan]) -> String {
    let mut text = format!("date,{}\r\n", HEADS.join(","));
    for plan in plans {
        for row in &plan.rows {
            text.push_str(&format!("{},{}\r\n", plan.date.0, cells(row).join(",")));
        }
    }
    text
}

fn json(plans: &[Plan], load: &Load, target: &Target) -> Value {
    let plan = |plan: &Plan| {
        let row = |row: &Row| {
            json!({
                "time": row.at, "calls": row.calls, "seats": row.need.seats, "heads": row.heads,
                "rostered": row.rostered, "answer_rate": row.need.answer_rate, "within_t": row.need.within,
                "wait_s": row.need.wait_s, "occupancy": row.need.occupancy,
            })
        };
        json!({
            "date": plan.date.0,
            "basis": plan.forecast.basis,
            "days_used": plan.forecast.days_used,
            "trend_per_week": plan.forecast.trend,
            "bands": plan.bands.iter().map(|(band, heads, now)| json!({"band": band, "heads": heads, "rostered": now})).collect::<Vec<_>>(),
            "uncovered": plan.uncovered,
            "intervals": plan.rows.iter().map(row).collect::<Vec<_>>(),
        })
    };
    json!({
        "formula": if target.endless_patience { "erlang_c" } else { "erlang_a" },
        "answer_rate": target.answer_rate,
        "within_share": target.within_share,
        "within_s": target.within_s,
        "aht_s": load.aht_s,
        "patience_s": load.patience_s,
        "dates": plans.iter().map(plan).collect::<Vec<_>>(),
    })
}
