//! The calendar: which shift bands are on at a moment, the business date, and when either changes next.
//!
//! Local clock times become instants by one rule, so that a band's end and the next band's beginning at the same
//! clock time are the same instant on every day of the year: a time that the clock skips (a gap) is the moment of
//! the jump, a time that it shows twice (a fold) is the first of the two.

use std::collections::{BTreeMap, BTreeSet};

use hotline_journal::BusinessDate;
use hotline_types::{BandSlug, WallTime};
use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{Span, Timestamp};

use crate::{Band, Holiday, Seats};

/// Name of the calendar that is open while any band is on; no band may be called so.
pub(crate) const ANY: &str = "any";

/// Minutes of a day's clock.
const DAY_MIN: u16 = 24 * 60;

/// How many dates back a band that is on now can have begun: one, and one more where a zone skipped a date.
const DAYS_BACK: i32 = 2;

/// How many dates ahead the next change can lie: a week between two beginnings, and a date for the end.
const DAYS_AHEAD: i32 = 8;

/// Index of a band in the configuration's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BandNo(pub(crate) usize);

/// A band that is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Occurrence {
    /// The band.
    pub(crate) band: BandNo,
    /// The date it began.
    pub(crate) date: Date,
    /// Weekday of that date, Monday 0: the roster counts by it.
    pub(crate) weekday: usize,
    /// Seats it must have now; zero where no rule says so.
    pub(crate) seats: u32,
}

/// What is on, and for how long this stays true: from `from` until just before `until`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Duty {
    /// First moment for which it was looked up.
    pub(crate) from: WallTime,
    /// The next beginning or end of a band or of the hours of its seats; none where no band ever begins.
    pub(crate) until: Option<WallTime>,
    /// The bands that are on, in the configuration's order.
    pub(crate) on: Vec<Occurrence>,
}

impl Duty {
    /// Whether this look-up still holds at that moment.
    pub(crate) fn holds(&self, wall: WallTime) -> bool {
        self.from <= wall && self.until.is_none_or(|until| wall < until)
    }
}

/// The bands in their time zone.
#[derive(Clone, Debug)]
pub(crate) struct Calendar {
    zone: TimeZone,
    bands: Vec<Band>,
    holidays: BTreeMap<Date, BTreeSet<usize>>,
    business_day_start_min: u16,
}

/// The date of that text, `YYYY-MM-DD`.
pub(crate) fn date(text: &str) -> Option<Date> {
    text.parse().ok().filter(|date: &Date| date.to_string() == text)
}

/// The zone of that IANA name, from the data built into the program.
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

impl Calendar {
    /// Bands and holidays that have been checked.
    pub(crate) fn new(
        zone: TimeZone,
        bands: Vec<Band>,
        holidays: &[Holiday],
        business_day_start_min: u16,
    ) -> Self {
        let number = |slug: &BandSlug| bands.iter().position(|band| band.slug == *slug);
        let holidays = holidays
            .iter()
            .filter_map(|day| Some((date(&day.date)?, day.bands.iter().filter_map(number).collect())))
            .collect();
        Self {
            zone,
            bands,
            holidays,
            business_day_start_min,
        }
    }

    /// The hotline's zone.
    pub(crate) const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The band's name.
    pub(crate) fn slug(&self, band: BandNo) -> &BandSlug {
        &self.bands[band.0].slug
    }

    /// The names of all bands, in their order.
    pub(crate) fn slugs(&self) -> impl Iterator<Item = &BandSlug> {
        self.bands.iter().map(|band| &band.slug)
    }

    /// The bands that are on at that moment, and until when.
    pub(crate) fn duty(&self, wall: WallTime) -> Duty {
        let at = timestamp(wall);
        let today = self.zone.to_datetime(at).date();
        let mut on = Vec::new();
        let mut next: Option<Timestamp> = None;
        let mut edge = |edge: Timestamp| {
            if edge > at {
                next = Some(next.map_or(edge, |known| known.min(edge)));
            }
        };
        for (index, band) in self.bands.iter().enumerate() {
            for days in -DAYS_BACK..=DAYS_AHEAD {
                let Some((date, from, until)) = self.occurrence(index, today, days) else {
                    continue;
                };
                if from < until {
                    edge(from);
                    edge(until);
                }
                if from <= at && at < until {
                    let mut seats = 0;
                    for rule in &band.seats {
                        let Some((begins, ends)) = self.hours(band, date, rule) else {
                            continue;
                        };
                        edge(begins);
                        edge(ends);
                        if begins <= at && at < ends {
                            seats = seats.max(rule.min);
                        }
                    }
                    on.push(Occurrence {
                        band: BandNo(index),
                        date,
                        weekday: weekday(date),
                        seats,
                    });
                }
            }
        }
        // Where holidays hide the next beginning, it is looked for again from the end of what was looked at.
        if next.is_none() && !self.holidays.is_empty() {
            next = at.checked_add(Span::new().hours(24 * i64::from(DAYS_AHEAD))).ok();
        }
        Duty {
            from: wall,
            until: next.map(wall_time),
            on,
        }
    }

    /// The hours of a seats rule within the band's occurrence of that date.
    fn hours(&self, band: &Band, date: Date, rule: &Seats) -> Option<(Timestamp, Timestamp)> {
        let tomorrow = date.tomorrow().ok()?;
        let begins_on = if rule.from_min < band.from_min {
            tomorrow
        } else {
            date
        };
        let ends_on = if rule.until_min <= rule.from_min {
            begins_on.tomorrow().ok()?
        } else {
            begins_on
        };
        Some((
            self.instant(begins_on, rule.from_min)?,
            self.instant(ends_on, rule.until_min)?,
        ))
    }

    /// The date of business that moment belongs to.
    pub(crate) fn business_date(&self, wall: WallTime) -> BusinessDate {
        let at = timestamp(wall);
        let today = self.zone.to_datetime(at).date();
        let begun = self
            .instant(today, self.business_day_start_min)
            .is_some_and(|start| start <= at);
        let date = if begun {
            today
        } else {
            today.yesterday().unwrap_or(today)
        };
        BusinessDate(date.to_string())
    }

    /// The band that begins `days` after `today`, if its weekdays or a holiday have one: date, first instant, end.
    fn occurrence(&self, band: usize, today: Date, days: i32) -> Option<(Date, Timestamp, Timestamp)> {
        let date = today.checked_add(Span::new().days(days)).ok()?;
        let begins = match self.holidays.get(&date) {
            Some(bands) => bands.contains(&band),
            None => self.bands[band].days[weekday(date)],
        };
        let band = &self.bands[band];
        if !begins {
            return None;
        }
        let crosses = band.until_min <= band.from_min;
        let end = if crosses { date.tomorrow().ok()? } else { date };
        Some((
            date,
            self.instant(date, band.from_min)?,
            self.instant(end, band.until_min)?,
        ))
    }

    /// The first instant at which the local clock shows that minute of the date, or has passed it. None at the
    /// ends of the calendar.
    fn instant(&self, date: Date, minute: u16) -> Option<Timestamp> {
        let (date, minute) = if minute >= DAY_MIN {
            (date.tomorrow().ok()?, minute - DAY_MIN)
        } else {
            (date, minute)
        };
        let hour = i8::try_from(minute / 60).ok()?;
        let local = date.at(hour, i8::try_from(minute % 60).ok()?, 0, 0);
        match self.zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local).ok(),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(local).ok(),
            AmbiguousOffset::Gap { after, .. } => {
                let before_jump = after.to_timestamp(local).ok()?;
                self.zone
                    .following(before_jump)
                    .next()
                    .map(|jump| jump.timestamp())
            }
        }
    }
}

/// Monday 0.
pub(crate) fn weekday(date: Date) -> usize {
    usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())
}

/// The nearest moment the calendar knows (years -9999 to 9999).
fn timestamp(wall: WallTime) -> Timestamp {
    let edge = if wall.as_micros() < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    Timestamp::from_microsecond(wall.as_micros()).unwrap_or(edge)
}

fn wall_time(at: Timestamp) -> WallTime {
    WallTime::from_micros(at.as_microsecond())
}

#[cfg(test)]
mod tests;
