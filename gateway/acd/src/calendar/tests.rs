//! The calendar on ordinary days, on the days the clock changes, across midnight and with overlaps.

use super::*;

const ALL_WEEK: [bool; 7] = [true; 7];

fn band(text: &str, days: [bool; 7]) -> Band {
    let (slug, times) = text.split_once(' ').unwrap();
    let (from, until) = times.split_once('-').unwrap();
    let minute = |clock: &str| {
        let (hour, minute) = clock.split_once(':').unwrap();
        hour.parse::<u16>().unwrap() * 60 + minute.parse::<u16>().unwrap()
    };
    Band {
        slug: slug.parse().unwrap(),
        from_min: minute(from),
        until_min: minute(until),
        days,
        seats: Vec::new(),
    }
}

fn calendar(zone_name: &str, bands: &[&str]) -> Calendar {
    let bands = bands.iter().map(|text| band(text, ALL_WEEK)).collect();
    Calendar::new(zone(zone_name).unwrap(), bands, &[], 8 * 60)
}

fn at(text: &str) -> WallTime {
    wall_time(text.parse().unwrap())
}

fn on(calendar: &Calendar, wall: WallTime) -> String {
    let slugs: Vec<&str> = calendar
        .duty(wall)
        .on
        .iter()
        .map(|on| calendar.slug(on.band).as_str())
        .collect();
    slugs.join(" ")
}

/// Follows the changes from one moment on: `(instant of the change, what is on from then)`.
fn check_changes(calendar: &Calendar, from: &str, changes: &[(&str, &str)]) {
    let mut wall = at(from);
    for (when, bands) in changes {
        let next = calendar.duty(wall).until.unwrap();
        assert_eq!(
            timestamp(next),
            timestamp(at(when)),
            "the change after {}",
            timestamp(wall)
        );
        wall = next;
        assert_eq!(on(calendar, wall), *bands, "from {when}");
        let just_before = WallTime::from_micros(wall.as_micros() - 1);
        assert_eq!(calendar.duty(just_before).until, Some(wall), "just before {when}");
    }
}

#[test]
fn overlapping_bands_hand_over_through_a_day_in_shanghai() {
    let calendar = calendar(
        "Asia/Shanghai",
        &["early 08:00-20:00", "late 09:00-21:00", "night 20:00-08:00"],
    );
    assert_eq!(on(&calendar, at("2026-11-24T07:59:59.999999+08:00")), "night");
    check_changes(
        &calendar,
        "2026-11-24T07:00:00+08:00",
        &[
            ("2026-11-24T08:00:00+08:00", "early"),
            ("2026-11-24T09:00:00+08:00", "early late"),
            ("2026-11-24T20:00:00+08:00", "late night"),
            ("2026-11-24T21:00:00+08:00", "night"),
            ("2026-11-25T08:00:00+08:00", "early"),
        ],
    );
}

#[test]
fn night_band_lasts_eleven_hours_when_berlin_springs_forward_and_thirteen_when_it_falls_back() {
    let calendar = calendar("Europe/Berlin", &["day 08:00-20:00", "night 20:00-08:00"]);
    check_changes(
        &calendar,
        "2026-03-28T12:00:00Z",
        &[
            ("2026-03-28T19:00:00Z", "night"),
            ("2026-03-29T06:00:00Z", "day"),
            ("2026-03-29T18:00:00Z", "night"),
        ],
    );
    check_changes(
        &calendar,
        "2026-10-24T12:00:00Z",
        &[
            ("2026-10-24T18:00:00Z", "night"),
            ("2026-10-25T07:00:00Z", "day"),
            ("2026-10-25T19:00:00Z", "night"),
        ],
    );
}

#[test]
fn band_edge_in_a_skipped_hour_falls_on_the_jump_and_leaves_no_hole() {
    // Berlin skips 02:00-03:00 on 2026-03-29 at 01:00 UTC; New York on 2026-03-08 at 07:00 UTC.
    let berlin = calendar("Europe/Berlin", &["a 20:00-02:30", "b 02:30-08:00"]);
    check_changes(
        &berlin,
        "2026-03-28T20:00:00Z",
        &[("2026-03-29T01:00:00Z", "b"), ("2026-03-29T06:00:00Z", "")],
    );
    let new_york = calendar("America/New_York", &["a 20:00-02:30", "b 02:30-08:00"]);
    check_changes(
        &new_york,
        "2026-03-08T05:00:00Z",
        &[("2026-03-08T07:00:00Z", "b"), ("2026-03-08T12:00:00Z", "")],
    );
}

#[test]
fn band_edge_in_a_repeated_hour_is_the_first_of_the_two_and_comes_once() {
    // New York repeats 01:00-02:00 on 2026-11-01: 01:30 is 05:30 UTC (EDT) and again 06:30 UTC (EST).
    let calendar = calendar("America/New_York", &["a 20:00-01:30", "b 01:30-08:00"]);
    check_changes(
        &calendar,
        "2026-11-01T04:00:00Z",
        &[("2026-11-01T05:30:00Z", "b"), ("2026-11-01T13:00:00Z", "")],
    );
    assert_eq!(
        on(&calendar, at("2026-11-01T06:15:00Z")),
        "b",
        "the second 01:15 of the night"
    );
}

#[test]
fn band_that_lies_in_the_skipped_hour_does_not_happen_that_day() {
    let calendar = calendar("Europe/Berlin", &["short 02:10-02:50"]);
    assert_eq!(on(&calendar, at("2026-03-29T01:00:00Z")), "");
    check_changes(
        &calendar,
        "2026-03-28T12:00:00Z",
        &[("2026-03-30T00:10:00Z", "short")],
    );
}

#[test]
fn band_that_crosses_midnight_belongs_to_the_weekday_it_began() {
    let mut fridays = [false; 7];
    fridays[4] = true;
    let bands = vec![band("night 20:00-08:00", fridays)];
    let calendar = Calendar::new(zone("Asia/Shanghai").unwrap(), bands, &[], 8 * 60);
    // 2026-11-27 is a Friday.
    let saturday = calendar.duty(at("2026-11-28T07:59:00+08:00"));
    assert_eq!(
        saturday.on,
        [Occurrence {
            band: BandNo(0),
            date: jiff::civil::date(2026, 11, 27),
            weekday: 4,
            seats: 0,
        }]
    );
    assert_eq!(on(&calendar, at("2026-11-27T07:59:00+08:00")), "");
    check_changes(
        &calendar,
        "2026-11-28T08:00:00+08:00",
        &[
            ("2026-12-04T20:00:00+08:00", "night"),
            ("2026-12-05T08:00:00+08:00", ""),
        ],
    );
}

#[test]
fn whole_day_band_is_always_on_whichever_way_it_is_written() {
    for times in ["all 00:00-24:00", "all 08:00-08:00"] {
        let calendar = calendar("Europe/Berlin", &[times]);
        for hour in 0..24 * 400 {
            let wall = at("2026-01-01T00:30:00Z") + std::time::Duration::from_secs(hour * 3600);
            assert_eq!(on(&calendar, wall), "all", "{times} {}", timestamp(wall));
        }
    }
}

#[test]
fn band_without_weekdays_never_wakes_the_engine() {
    let bands = vec![band("never 08:00-20:00", [false; 7])];
    let calendar = Calendar::new(zone("Asia/Shanghai").unwrap(), bands, &[], 0);
    assert_eq!(calendar.duty(at("2026-11-24T12:00:00Z")).until, None);
}

#[test]
fn business_date_begins_at_its_start_and_never_runs_backwards() {
    let check = |zone_name: &str, start: u16, cases: &[(&str, &str)]| {
        let calendar = Calendar::new(zone(zone_name).unwrap(), Vec::new(), &[], start);
        for (when, date) in cases {
            assert_eq!(calendar.business_date(at(when)).0, *date, "{zone_name} {when}");
        }
    };
    check(
        "Asia/Shanghai",
        8 * 60,
        &[
            ("2026-11-24T07:59:59+08:00", "2026-11-23"),
            ("2026-11-24T08:00:00+08:00", "2026-11-24"),
            ("2026-11-25T00:10:00+08:00", "2026-11-24"),
            ("2027-01-01T03:00:00+08:00", "2026-12-31"),
        ],
    );
    // Start in the repeated hour: begun by the first 01:30, the date stays at the second 01:10.
    check(
        "America/New_York",
        90,
        &[
            ("2026-11-01T05:29:59Z", "2026-10-31"),
            ("2026-11-01T05:30:00Z", "2026-11-01"),
            ("2026-11-01T06:10:00Z", "2026-11-01"),
        ],
    );
    // Start in the skipped hour: at the jump.
    check(
        "Europe/Berlin",
        150,
        &[
            ("2026-03-29T00:59:59Z", "2026-03-28"),
            ("2026-03-29T01:00:00Z", "2026-03-29"),
        ],
    );
}

#[test]
fn ends_of_time_are_survived() {
    let calendar = calendar("America/New_York", &["night 20:00-08:00", "all 00:00-24:00"]);
    for micros in [i64::MIN, i64::MAX, 0] {
        let wall = WallTime::from_micros(micros);
        assert!(calendar.duty(wall).on.len() <= 2);
        assert!(!calendar.business_date(wall).0.is_empty());
    }
}
