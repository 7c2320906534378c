//! Business days of the hotline's zone, for the journal's folds, which have no time-zone data of their own.

use anyhow::Context as _;
use hotline_config::Settings;
use hotline_journal::BusinessDays;
use hotline_types::WallTime;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Changes of the clock are known from 2000 on, for this many changes: two a year for a century.
const CHANGES_MAX: usize = 200;
/// 2000-01-01, seconds since the epoch.
const FROM_S: i64 = 946_684_800;

/// The business days of the settings' zone.
///
/// # Errors
/// Where the zone is not in the built-in database; the checked settings hold none such.
pub fn business_days(settings: &Settings) -> anyhow::Result<BusinessDays> {
    let name = &settings.hotline.time_zone;
    let zone = TimeZone::get(name).with_context(|| format!("unknown time zone {name:?}"))?;
    let from = Timestamp::from_second(FROM_S)?;
    let changes = zone
        .following(from)
        .take(CHANGES_MAX)
        .map(|change| {
            (
                WallTime::from_micros(change.timestamp().as_microsecond()),
                change.offset().seconds(),
            )
        })
        .collect();
    let first = zone.to_offset(from).seconds();
    Ok(BusinessDays::new(
        first,
        changes,
        settings.hotline.business_day_start_min,
    ))
}
