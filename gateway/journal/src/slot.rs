//! Where a figure is booked in time: the business date and the quarter of an hour.

use hotline_types::WallTime;

use crate::BusinessDate;

/// Length of an interval, microseconds: a quarter of an hour. Every zone's offset is a multiple of it, so intervals
/// cut at whole quarters of UTC are whole quarters of the local clock too.
pub const INTERVAL_US: i64 = 15 * 60 * 1_000_000;

const DAY_S: i64 = 86_400;

/// The interval `at` lies in, as the time it begins.
#[must_use]
pub const fn interval_of(at: WallTime) -> WallTime {
    WallTime::from_micros(at.as_micros().div_euclid(INTERVAL_US).saturating_mul(INTERVAL_US))
}

/// A business date and an interval: what every counter is kept by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// The business date.
    pub date: BusinessDate,
    /// The beginning of the interval.
    pub interval: WallTime,
}

/// Tells the business date of any moment, without a clock or a time-zone database: the shell hands in the zone's
/// offsets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusinessDays {
    first_offset_s: i32,
    changes: Vec<(WallTime, i32)>,
    day_start_s: i64,
}

impl BusinessDays {
    /// A zone that begins with `first_offset_s` seconds east of UTC and changes to the offsets of `changes` from
    /// those moments on (sorted here); the business date begins at minute `day_start_min` of the local day.
    #[must_use]
    pub fn new(first_offset_s: i32, mut changes: Vec<(WallTime, i32)>, day_start_min: u16) -> Self {
        changes.sort_unstable();
        Self {
            first_offset_s,
            changes,
            day_start_s: i64::from(day_start_min) * 60,
        }
    }

    /// A zone whose offset never changes, such as Asia/Shanghai.
    #[must_use]
    pub fn fixed(offset_s: i32, day_start_min: u16) -> Self {
        Self::new(offset_s, Vec::new(), day_start_min)
    }

    /// The business date `at` belongs to: the local date, or the one before while the local clock has not reached
    /// the day's beginning.
    #[must_use]
    pub fn date_of(&self, at: WallTime) -> BusinessDate {
        let local_s = at.as_micros().div_euclid(1_000_000) + i64::from(self.offset_s(at));
        let (year, month, day) = civil((local_s - self.day_start_s).div_euclid(DAY_S));
        BusinessDate(format!("{year:04}-{month:02}-{day:02}"))
    }

    /// The offset of the local clock at that moment, seconds east of UTC.
    #[must_use]
    pub fn offset_s(&self, at: WallTime) -> i32 {
        let later = self.changes.partition_point(|&(from, _)| from <= at);
        let change = later.checked_sub(1).and_then(|index| self.changes.get(index));
        change.map_or(self.first_offset_s, |&(_, offset)| offset)
    }

    /// What the local clock shows, as `2026-11-24T08:15+08:00`: sorts as the time does but in the hour that a clock
    /// going back shows twice.
    #[must_use]
    pub fn local(&self, at: WallTime) -> String {
        let offset = i64::from(self.offset_s(at));
        let local_s = at.as_micros().div_euclid(1_000_000) + offset;
        let (year, month, day) = civil(local_s.div_euclid(DAY_S));
        let minute = local_s.rem_euclid(DAY_S) / 60;
        let (sign, east) = if offset < 0 {
            ('-', -offset / 60)
        } else {
            ('+', offset / 60)
        };
        format!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}{sign}{:02}:{:02}",
            minute / 60,
            minute % 60,
            east / 60,
            east % 60
        )
    }

    /// The slot of `at`.
    #[must_use]
    pub fn slot_of(&self, at: WallTime) -> Slot {
        Slot {
            date: self.date_of(at),
            interval: interval_of(at),
        }
    }
}

impl BusinessDate {
    /// The day as a count from 1970-01-01; none where the text is no `YYYY-MM-DD` of the calendar.
    #[must_use]
    pub fn day_number(&self) -> Option<i64> {
        let text = self.0.as_bytes();
        if text.len() != 10 || text[4] != b'-' || text[7] != b'-' {
            return None;
        }
        let part = |range: std::ops::Range<usize>| {
            let digits = self
                .0
                .get(range)
                .filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
            digits.and_then(|digits| digits.parse::<i64>().ok())
        };
        let number = days_from(part(0..4)?, part(5..7)?, part(8..10)?);
        (Self::from_day_number(number) == *self).then_some(number)
    }

    /// The date of a count of days from 1970-01-01.
    #[must_use]
    pub fn from_day_number(number: i64) -> Self {
        let (year, month, day) = civil(number);
        Self(format!("{year:04}-{month:02}-{day:02}"))
    }

    /// Day of the week, Monday 0; none where the text is no date.
    #[must_use]
    pub fn weekday(&self) -> Option<usize> {
        // 1970-01-01 was a Thursday.
        self.day_number()
            .and_then(|number| usize::try_from((number + 3).rem_euclid(7)).ok())
    }
}

/// The inverse of [`civil`].
const fn days_from(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let march_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of a day counted from 1970-01-01, proleptic Gregorian: counts in eras of 400 years that
/// begin on 1 March, so that the leap day is the last of its year.
const fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(days: &BusinessDays, at_s: i64, date: &str) {
        assert_eq!(
            days.date_of(WallTime::from_millis(at_s * 1_000)).0,
            date,
            "{at_s}"
        );
    }

    #[test]
    fn business_date_turns_at_the_days_start_of_the_local_clock() {
        let shanghai = BusinessDays::fixed(8 * 3_600, 8 * 60);
        check(&shanghai, 0, "1970-01-01");
        check(&shanghai, -1, "1969-12-31");
        check(&shanghai, 1_709_164_799, "2024-02-28");
        check(&shanghai, 1_709_164_800, "2024-02-29");
        check(&shanghai, 1_709_251_200, "2024-03-01");
        check(&shanghai, 1_795_557_265, "2026-11-24");
    }

    #[test]
    fn business_date_follows_the_offsets_of_a_zone_with_summer_time() {
        // Berlin, 2026: UTC+2 from 29 March 01:00 UTC, UTC+1 from 25 October 01:00 UTC.
        let summer = WallTime::from_millis(1_774_746_000_000);
        let winter = WallTime::from_millis(1_792_890_000_000);
        let berlin = BusinessDays::new(3_600, vec![(winter, 3_600), (summer, 7_200)], 8 * 60);
        check(&berlin, 1_774_746_000 + 5 * 3_600 - 1, "2026-03-28");
        check(&berlin, 1_774_746_000 + 5 * 3_600, "2026-03-29");
        check(&berlin, 1_792_890_000 + 6 * 3_600 - 1, "2026-10-24");
        check(&berlin, 1_792_890_000 + 6 * 3_600, "2026-10-25");
    }

    #[test]
    fn dates_are_counted_and_read_back_and_what_is_no_date_is_refused() {
        for (text, number, weekday) in [
            ("1970-01-01", 0, 3),
            ("2024-02-29", 19_782, 3),
            ("2026-11-24", 20_781, 1),
        ] {
            let date = BusinessDate(text.to_owned());
            assert_eq!(
                (date.day_number(), date.weekday()),
                (Some(number), Some(weekday)),
                "{text}"
            );
            assert_eq!(BusinessDate::from_day_number(number), date);
        }
        for text in [
            "2026-02-30",
            "2026-13-01",
            "2026-1-1",
            "",
            "2026-11-2é",
            "+026-11-24",
        ] {
            assert_eq!(BusinessDate(text.to_owned()).day_number(), None, "{text}");
        }
    }

    #[test]
    fn local_clock_shows_its_offset() {
        let shanghai = BusinessDays::fixed(8 * 3_600, 8 * 60);
        let at = WallTime::from_millis(1_795_486_440_000);
        assert_eq!(shanghai.local(at), "2026-11-24T10:14+08:00");
        assert_eq!(
            BusinessDays::fixed(-12_600, 0).local(at),
            "2026-11-23T22:44-03:30"
        );
    }

    #[test]
    fn intervals_are_whole_quarters() {
        let quarter = WallTime::from_micros(INTERVAL_US * 7);
        assert_eq!(interval_of(WallTime::from_micros(INTERVAL_US * 8 - 1)), quarter);
        assert_eq!(interval_of(quarter), quarter);
        assert_eq!(
            interval_of(WallTime::from_micros(-1)),
            WallTime::from_micros(-INTERVAL_US)
        );
    }
}
