//! Reports: counters of any stretch of time, grouped by what they are about and by when, for the figures to be read from.

use std::collections::BTreeMap;

use hotline_types::{ContactId, WallTime};

use crate::figures::{Duty, Figure, Rows, Thresholds, Within};
use crate::{
    BusinessDate, BusinessDays, CounterKey, Counters, Counts, Deltas, Event, INTERVAL_US, Scope, Slot,
};

/// Rows a report may have; more is refused, the asker groups coarser.
pub const ROWS_MAX: usize = 50_000;

/// Whom the rows are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The hotline as a whole.
    Total,
    /// Access numbers.
    Number,
    /// Queues.
    Queue,
    /// Agents.
    Agent,
    /// Teams: their agents of today, added up.
    Team,
    /// Bands, by the contacts that arrived while they were on.
    Coverage,
    /// Bands, by the agents rostered on them.
    Roster,
}

/// How long the time of a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// All that was asked for.
    Whole,
    /// A quarter of an hour.
    Interval,
    /// An hour of the local clock.
    Hour,
    /// A business date.
    Day,
    /// Seven business dates from a Monday on.
    Week,
    /// The business dates of a month.
    Month,
}

/// A word that is none of a vocabulary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownWord(pub String);

impl std::fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UnknownWord {}

fn read<T: Copy>(words: &[(&str, T)], word: &str, what: &str) -> Result<T, UnknownWord> {
    let found = words.iter().find(|(name, _)| *name == word);
    found.map(|&(_, value)| value).ok_or_else(|| {
        let known: Vec<&str> = words.iter().map(|&(name, _)| name).collect();
        UnknownWord(format!(
            "there is no {what} {word:?}: use one of {}",
            known.join(", ")
        ))
    })
}

impl Group {
    const WORDS: [(&'static str, Self); 7] = [
        ("total", Self::Total),
        ("number", Self::Number),
        ("queue", Self::Queue),
        ("agent", Self::Agent),
        ("team", Self::Team),
        ("coverage", Self::Coverage),
        ("roster", Self::Roster),
    ];

    /// Its word in command line and API.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, group)| *group == self)
            .map_or("", |&(word, _)| word)
    }

    /// The kind of [`Scope`] whose counters it is made of.
    #[must_use]
    pub fn scope_kind(self) -> &'static str {
        if self == Self::Team { "agent" } else { self.name() }
    }

    /// True where such rows have figures of this kind.
    #[must_use]
    pub const fn has(self, rows: Rows) -> bool {
        match rows {
            Rows::Arrivals => matches!(self, Self::Total | Self::Number | Self::Coverage),
            Rows::Entries => matches!(self, Self::Total | Self::Number | Self::Queue | Self::Coverage),
            Rows::Agents => matches!(self, Self::Agent | Self::Team | Self::Roster),
            Rows::Work => !matches!(self, Self::Number),
            Rows::Clocks | Rows::Rostered => matches!(self, Self::Agent | Self::Team),
        }
    }
}

impl std::str::FromStr for Group {
    type Err = UnknownWord;
    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        read(&Self::WORDS, word, "grouping")
    }
}

impl Period {
    const WORDS: [(&'static str, Self); 6] = [
        ("whole", Self::Whole),
        ("interval", Self::Interval),
        ("hour", Self::Hour),
        ("day", Self::Day),
        ("week", Self::Week),
        ("month", Self::Month),
    ];

    /// Its word in command line and API.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, period)| *period == self)
            .map_or("", |&(word, _)| word)
    }
}

impl std::str::FromStr for Period {
    type Err = UnknownWord;
    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        read(&Self::WORDS, word, "period")
    }
}

/// What a report is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// First business date.
    pub from: BusinessDate,
    /// Last business date, inclusive.
    pub until: BusinessDate,
    /// Only intervals that begin in this stretch, its end excluded.
    pub between: Option<(WallTime, WallTime)>,
    /// Whom the rows are about.
    pub group: Group,
    /// Only the row of this slug.
    pub only: Option<String>,
    /// How long the time of a row is.
    pub period: Period,
    /// What a short wait is.
    pub thresholds: Thresholds,
}

/// When agents were rostered: stretches in order, by agent.
pub type Shifts = BTreeMap<String, Vec<(WallTime, WallTime)>>;

/// What a report must know beside the counters.
#[derive(Clone, Debug)]
pub struct Knows {
    /// The hotline's business days.
    pub days: BusinessDays,
    /// The team of each agent that has one.
    pub teams: BTreeMap<String, String>,
    /// When agents were rostered; empty where no adherence is asked for.
    pub shifts: Shifts,
}

/// One row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Its counters.
    pub counts: Counts,
    /// Those within the thresholds.
    pub within: Within,
    /// What the roster asked and got.
    pub duty: Duty,
    /// First and last interval counted in it.
    pub span: Option<(WallTime, WallTime)>,
}

/// The report would have more than [`ROWS_MAX`] rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyRows;

/// A report being made, or made.
#[derive(Clone, Debug)]
pub struct Report {
    ask: Ask,
    knows: Knows,
    rows: BTreeMap<(String, String), Row>,
}

impl Report {
    /// Empty.
    #[must_use]
    pub const fn new(ask: Ask, knows: Knows) -> Self {
        Self {
            ask,
            knows,
            rows: BTreeMap::new(),
        }
    }

    /// What was asked.
    #[must_use]
    pub const fn ask(&self) -> &Ask {
        &self.ask
    }

    /// The rows, by period and slug.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &str, &Row)> {
        self.rows
            .iter()
            .map(|((period, key), row)| (period.as_str(), key.as_str(), row))
    }

    /// The figures of its rows.
    pub fn figures(&self) -> impl Iterator<Item = &'static Figure> + use<> {
        figures_of(self.ask.group)
    }

    /// Takes one row of counters in; one that was not asked for changes nothing. With thresholds between two bounds of
    /// the histograms, the waits come from [`Report::add_contact`].
    ///
    /// # Errors
    /// The report becomes too long.
    pub fn add(&mut self, key: &CounterKey, counts: &Counts) -> Result<(), TooManyRows> {
        let Some(name) = self.ask.takes(key, &self.knows) else {
            return Ok(());
        };
        let mut duty = Duty::default();
        if let Scope::Agent(agent) = &key.scope {
            let worked_us =
                counts.talk_us + counts.hold_us + counts.wrap_up_us + counts.ring_us + counts.ready_us;
            let scheduled = scheduled_us(&self.knows.shifts, agent.as_str(), key.slot.interval);
            duty.worked_us = worked_us;
            duty.kept_us = worked_us.min(scheduled);
        }
        let exact = self.ask.thresholds.are_bounds();
        let thresholds = self.ask.thresholds;
        let row = self.row(&key.slot, name)?;
        row.counts.add(counts);
        row.duty.add(duty);
        if exact {
            row.within.add(Within::of(counts, thresholds));
        }
        Ok(())
    }

    /// Takes in what one contact added, for its exact waits only.
    ///
    /// # Errors
    /// The report becomes too long.
    pub fn add_contact(&mut self, deltas: &Deltas) -> Result<(), TooManyRows> {
        for (key, delta) in deltas {
            if let Some(name) = self.ask.takes(key, &self.knows) {
                let within = Within::of_one(delta, self.ask.thresholds);
                self.row(&key.slot, name)?.within.add(within);
            }
        }
        Ok(())
    }

    /// Counts the rostered time, whether its agents came or not.
    ///
    /// # Errors
    /// The report becomes too long.
    pub fn add_shifts(&mut self) -> Result<(), TooManyRows> {
        if !self.ask.group.has(Rows::Rostered) {
            return Ok(());
        }
        let shifts = std::mem::take(&mut self.knows.shifts);
        for (agent, stretches) in &shifts {
            let Ok(slug) = agent.parse() else { continue };
            let scope = Scope::Agent(slug);
            for &(from, until) in stretches {
                let mut at = from;
                while at < until {
                    let slot = self.knows.days.slot_of(at);
                    let end = WallTime::from_micros(slot.interval.as_micros() + INTERVAL_US).min(until);
                    let key = CounterKey {
                        slot,
                        scope: scope.clone(),
                    };
                    if let Some(name) = self.ask.takes(&key, &self.knows) {
                        self.row(&key.slot, name)?.duty.scheduled_us += crate::contact::micros(end.since(at));
                    }
                    at = end;
                }
            }
        }
        self.knows.shifts = shifts;
        Ok(())
    }

    fn row(&mut self, slot: &Slot, name: String) -> Result<&mut Row, TooManyRows> {
        let period = self.ask.period.label(slot, &self.knows.days);
        let full = self.rows.len() >= ROWS_MAX;
        let row = match self.rows.entry((period, name)) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(_) if full => return Err(TooManyRows),
            std::collections::btree_map::Entry::Vacant(entry) => entry.insert(Row::default()),
        };
        let at = slot.interval;
        row.span = Some(
            row.span
                .map_or((at, at), |(from, until)| (from.min(at), until.max(at))),
        );
        Ok(row)
    }
}

/// The figures that rows of this group have, in their order.
pub fn figures_of(group: Group) -> impl Iterator<Item = &'static Figure> {
    crate::figures::FIGURES
        .iter()
        .filter(move |figure| group.has(figure.rows))
}

fn scheduled_us(shifts: &Shifts, agent: &str, interval: WallTime) -> u64 {
    let end = WallTime::from_micros(interval.as_micros() + INTERVAL_US);
    let stretches = shifts.get(agent).map_or(&[][..], Vec::as_slice);
    let first = stretches.partition_point(|&(_, until)| until <= interval);
    stretches
        .iter()
        .skip(first)
        .take_while(|&&(from, _)| from < end)
        .map(|&(from, until)| crate::contact::micros(until.min(end).since(from.max(interval))))
        .sum()
}

impl Ask {
    /// The slug of the row these counters belong to; none where they were not asked for.
    fn takes(&self, key: &CounterKey, knows: &Knows) -> Option<String> {
        if key.scope.kind() != self.group.scope_kind()
            || key.slot.date < self.from
            || key.slot.date > self.until
        {
            return None;
        }
        let at = key.slot.interval;
        if self.between.is_some_and(|(from, until)| at < from || at >= until) {
            return None;
        }
        let name = if self.group == Group::Team {
            knows.teams.get(key.scope.key())?.as_str()
        } else {
            key.scope.key()
        };
        let wanted = self.only.as_ref().is_none_or(|only| only == name);
        wanted.then(|| name.to_owned())
    }

    /// True where what a contact added puts it behind the figure in the rows asked for.
    #[must_use]
    pub fn is_behind(&self, figure: &Figure, deltas: &Deltas, knows: &Knows) -> bool {
        let mut sums: BTreeMap<String, Counts> = BTreeMap::new();
        for (key, delta) in deltas {
            if let Some(name) = self.takes(key, knows) {
                sums.entry(name).or_default().add(delta);
            }
        }
        sums.values()
            .any(|delta| figure.is_behind(delta, self.thresholds))
    }
}

/// What one contact adds to the counters: the same fold over its events alone. The time agents spend is not in it.
#[must_use]
pub fn deltas_of(events: &[Event], days: &BusinessDays) -> Deltas {
    let mut counters = Counters::new(days.clone());
    events.iter().for_each(|event| counters.apply(event));
    counters.drain()
}

/// The smallest id a contact of that moment can have: ids rise with time.
#[must_use]
pub fn first_contact_at(at: WallTime) -> ContactId {
    let millis = u64::try_from(at.as_millis()).unwrap_or(0);
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    ContactId::from_bytes(bytes)
}

impl Period {
    fn label(self, slot: &Slot, days: &BusinessDays) -> String {
        let date = &slot.date;
        match self {
            Self::Whole => String::new(),
            Self::Interval => days.local(slot.interval),
            Self::Hour => {
                let offset_us = i64::from(days.offset_s(slot.interval)) * 1_000_000;
                let local = slot.interval.as_micros() + offset_us;
                let begin = local.div_euclid(4 * INTERVAL_US) * 4 * INTERVAL_US - offset_us;
                days.local(WallTime::from_micros(begin))
            }
            Self::Day => date.0.clone(),
            Self::Week => {
                let monday = date.day_number().zip(date.weekday());
                monday.map_or_else(
                    || date.0.clone(),
                    |(number, weekday)| {
                        BusinessDate::from_day_number(number - i64::try_from(weekday).unwrap_or(0)).0
                    },
                )
            }
            Self::Month => date.0.get(..7).unwrap_or(&date.0).to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
