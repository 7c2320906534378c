//! The forecast of arrivals: a profile of the day per weekday, from past days, with their trend; holidays are a class of
//! their own.

use std::collections::{BTreeMap, BTreeSet};

use hotline_journal::BusinessDate;

/// Slots of a business date at most: a day of 25 hours in quarters.
pub const SLOTS_MAX: usize = 100;

/// Weight of a day against one a week younger.
const WEEK_WEIGHT: f64 = 0.85;

/// Largest growth a week that is believed, and largest decline.
const TREND_MAX: f64 = 0.10;

/// Weeks of data below which no trend is drawn from them.
const TREND_WEEKS_MIN: usize = 3;

/// Past days: quarters from the beginning of the business date on. Quarters without calls count as zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// By business date; every recorded day, also one without calls.
    pub days: BTreeMap<BusinessDate, Vec<f64>>,
    /// Holidays, past and to come.
    pub holidays: BTreeSet<BusinessDate>,
}

/// What is to come on a date.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// Contacts per quarter, from the beginning of the business date on.
    pub offered: Vec<f64>,
    /// Past days it is made of.
    pub days_used: usize,
    /// Growth a week that was applied.
    pub trend: f64,
    /// What the days used have in common, for people.
    pub basis: &'static str,
}

impl History {
    /// Adds contacts to a quarter of a day.
    pub fn add(&mut self, date: &BusinessDate, slot: usize, offered: f64) {
        let day = self.days.entry(date.clone()).or_default();
        if slot < SLOTS_MAX {
            if day.len() <= slot {
                day.resize(slot + 1, 0.0);
            }
            day[slot] += offered;
        }
    }

    /// Growth a week: the slope of a line through the weekly totals of ordinary days, against their mean.
    #[must_use]
    pub fn trend(&self) -> f64 {
        let mut weeks: BTreeMap<i64, (f64, f64)> = BTreeMap::new();
        for (date, day) in self
            .days
            .iter()
            .filter(|(date, _)| !self.holidays.contains(*date))
        {
            let Some(number) = date.day_number() else { continue };
            let week = weeks.entry((number + 3).div_euclid(7)).or_default();
            week.0 += day.iter().sum::<f64>();
            week.1 += 1.0;
        }
        // Weeks with days missing would look like a decline.
        let most = weeks.values().map(|week| week.1).fold(0.0, f64::max);
        #[expect(clippy::cast_precision_loss, reason = "weeks are few")]
        let points: Vec<(f64, f64)> = weeks
            .iter()
            .filter(|(_, week)| week.1 >= most)
            .map(|(number, week)| (*number as f64, week.0))
            .collect();
        if points.len() < TREND_WEEKS_MIN {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "weeks are few")]
        let n = points.len() as f64;
        let (x, y) = (
            points.iter().map(|p| p.0).sum::<f64>() / n,
            points.iter().map(|p| p.1).sum::<f64>() / n,
        );
        let spread: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
        let slope = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum::<f64>() / spread;
        if y > 0.0 {
            (slope / y).clamp(-TREND_MAX, TREND_MAX)
        } else {
            0.0
        }
    }
}

/// The forecast of a date: the weighted mean of past days of its kind, each carried forward by the trend. A holiday is
/// made of past holidays, else of Sundays; a weekday never seen, of all ordinary days. None without any past day.
#[must_use]
pub fn forecast(history: &History, date: &BusinessDate) -> Option<Forecast> {
    let target = date.day_number()?;
    let holiday = history.holidays.contains(date);
    let ordinary = |day: &BusinessDate| !history.holidays.contains(day);
    let past = |kind: &dyn Fn(&BusinessDate) -> bool| {
        let days = history.days.iter().filter(|(day, _)| *day < date && kind(day));
        days.map(|(day, slots)| (day.day_number().unwrap_or(target), slots))
            .collect::<Vec<_>>()
    };
    let holidays = || ("past holidays", past(&|day| holiday && !ordinary(day)));
    let sundays = || {
        let days = past(&|day| holiday && ordinary(day) && day.weekday() == Some(6));
        ("past Sundays, for want of holidays", days)
    };
    let weekdays = || {
        let days = past(&|day| ordinary(day) && day.weekday() == date.weekday());
        ("past days of the same weekday", days)
    };
    let all = || ("all past days, for want of the weekday", past(&|_| true));
    let kinds = [holidays(), sundays(), weekdays(), all()];
    let (basis, days) = kinds.into_iter().find(|(_, days)| !days.is_empty())?;
    let trend = history.trend();
    let slots = days.iter().map(|(_, day)| day.len()).max().unwrap_or(0);
    let mut offered = vec![0.0; slots];
    let mut weights = 0.0;
    for (number, day) in &days {
        #[expect(clippy::cast_precision_loss, reason = "days are few")]
        let weeks = (target - number) as f64 / 7.0;
        let weight = WEEK_WEIGHT.powf(weeks);
        weights += weight;
        let carried = weight * (1.0 + trend).powf(weeks);
        for (sum, value) in offered.iter_mut().zip(day.iter()) {
            *sum += carried * value;
        }
    }
    offered.iter_mut().for_each(|sum| *sum /= weights);
    Some(Forecast {
        offered,
        days_used: days.len(),
        trend,
        basis,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> BusinessDate {
        BusinessDate(text.to_owned())
    }

    /// Eight weeks from Monday 2026-09-28 on: `calls` by week and weekday in the second quarter.
    fn history(calls: impl Fn(i64, i64) -> f64) -> History {
        let first = date("2026-09-28").day_number().unwrap();
        let mut history = History::default();
        for day in 0..56 {
            history.add(
                &BusinessDate::from_day_number(first + day),
                1,
                calls(day / 7, day % 7),
            );
        }
        history
    }

    #[test]
    fn each_weekday_has_its_profile() {
        let history = history(|_, weekday| if weekday == 0 { 40.0 } else { 10.0 });
        for (day, want) in [("2026-11-23", 40.0), ("2026-11-24", 10.0)] {
            let forecast = forecast(&history, &date(day)).unwrap();
            assert!(
                (forecast.offered[1] - want).abs() < 1e-9 && forecast.offered[0] == 0.0,
                "{forecast:?}"
            );
            assert_eq!(
                (forecast.days_used, forecast.basis),
                (8, "past days of the same weekday")
            );
        }
    }

    #[test]
    fn growth_goes_on_and_a_flat_history_has_none() {
        let growing = history(|week, _| 100.0 + 5.0 * f64::from(i32::try_from(week).unwrap()));
        let forecast = forecast(&growing, &date("2026-11-24")).unwrap();
        assert!(
            forecast.trend > 0.03 && forecast.offered[1] > 130.0 && forecast.offered[1] < 150.0,
            "{forecast:?}"
        );
        assert_eq!(history(|_, _| 100.0).trend(), 0.0);
    }

    #[test]
    fn a_holiday_is_made_of_holidays_or_of_sundays_and_spoils_no_weekday() {
        let mut history = history(|_, weekday| if weekday == 6 { 5.0 } else { 20.0 });
        history.holidays = BTreeSet::from([date("2026-11-24"), date("2026-10-01")]);
        let first = forecast(&history, &date("2026-11-24")).unwrap();
        assert_eq!((first.basis, first.days_used), ("past holidays", 1));
        history.holidays.remove(&date("2026-10-01"));
        let sundays = forecast(&history, &date("2026-11-24")).unwrap();
        assert!((sundays.offered[1] - 5.0).abs() < 1e-9, "{sundays:?}");
        history.days.insert(date("2026-10-01"), vec![0.0, 300.0]);
        history.holidays.insert(date("2026-10-01"));
        let thursday = forecast(&history, &date("2026-11-26")).unwrap();
        assert!((thursday.offered[1] - 20.0).abs() < 1e-9, "{thursday:?}");
        assert_eq!(forecast(&History::default(), &date("2026-11-24")), None);
    }
}
