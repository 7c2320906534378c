//! The commands `staffing` and `simulate`: the journal's history through the planning crate.

mod simulation;
mod staffing;

pub use simulation::simulate;
pub use staffing::staffing;

use anyhow::Context as _;
use hotline_config::Settings;
use hotline_journal::{BusinessDate, INTERVAL_US};
use hotline_types::WallTime;
use jiff::tz::TimeZone;

/// When a business date begins.
///
/// # Errors
/// The zone or the date is unknown.
pub(crate) fn begin_of(settings: &Settings, date: &BusinessDate) -> anyhow::Result<WallTime> {
    let zone = TimeZone::get(&settings.hotline.time_zone).context("unknown time zone")?;
    let day: jiff::civil::Date = date
        .0
        .parse()
        .with_context(|| format!("{:?} is no date\nhint: use YYYY-MM-DD", date.0))?;
    let minute = settings.hotline.business_day_start_min;
    let hour = i8::try_from(minute / 60).context("the start of the business day")?;
    let local = day.at(hour, i8::try_from(minute % 60)?, 0, 0);
    let at = zone
        .to_ambiguous_timestamp(local)
        .compatible()
        .context("the start of the business day")?;
    Ok(WallTime::from_micros(at.as_microsecond()))
}

/// The quarter of a business date that begins at `begin`, counted from 0.
pub(crate) fn slot_in(begin: WallTime, interval: WallTime) -> Option<usize> {
    usize::try_from((interval.as_micros() - begin.as_micros()).div_euclid(INTERVAL_US)).ok()
}

/// A date days away from another.
pub(crate) fn days_from(date: &BusinessDate, days: i64) -> anyhow::Result<BusinessDate> {
    let number = date
        .day_number()
        .with_context(|| format!("{:?} is no date\nhint: use YYYY-MM-DD", date.0))?;
    Ok(BusinessDate::from_day_number(number + days))
}
