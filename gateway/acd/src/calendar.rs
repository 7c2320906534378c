//! The calendar: which shift bands are on at a moment, the business date, and when either changes next.
//!
//! Local clock times become instants by one rule, so that a band's end and the next band's beginning at the same
//! clock time are the same instant on every day of the year: a time that the clock skips (a gap) is the moment of
//! the jump, a time that it shows twice (a fold) is the first of the two.

use hotline_journal::BusinessDate;
use hotline_types::{BandSlug, WallTime};
use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{Span, Timestamp};

use crate::Band;

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
    /// Weekday of the date it began, Monday 0: the roster counts by it.
    pub(crate) weekday: usize,
}

/// What is on, and for how long this stays true: from `from` until just before `until`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Duty {
    /// First moment for which it was looked up.
    pub(crate) from: WallTime,
    /// The next beginning or end of a band; none where no band ever begins.
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
    business_day_start_min: u16,
}

/// The zone of that IANA name, from the data built into the program.
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

impl Calendar {
    /// Bands whose minutes have been checked.
    pub(crate) fn new(zone: TimeZone, bands: Vec<Band>, business_day_start_min: u16) -> Self {
        Self {
            zone,
            bands,
            business_day_start_min,
        }
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
        for (index, band) in self.bands.iter().enumerate() {
            for days in -DAYS_BACK..=DAYS_AHEAD {
                let Some((date, from, until)) = self.occurrence(band, today, days) else {
                    continue;
                };
                if from <= at && at < until {
                    on.push(Occurrence {
                        band: BandNo(index),
                        weekday: weekday(date),
                    });
                }
                for edge in [from, until] {
                    if edge > at && from < until {
                        next = Some(next.map_or(edge, |known| known.min(edge)));
                    }
                }
            }
        }
        Duty {
            from: wall,
            until: next.map(wall_time),
            on,
        }
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

    /// The band that begins `days` after `today`, if its weekdays have one: date, first instant, end.
    fn occurrence(&self, band: &Band, today: Date, days: i32) -> Option<(Date, Timestamp, Timestamp)> {
        let date = today.checked_add(Span::new().days(days)).ok()?;
        if !band.days[weekday(date)] {
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
fn weekday(date: Date) -> usize {
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
