//! How durations, clock times, addresses, port ranges and weekdays are written. Each parser says what it expected.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Weekdays as the file writes them, Monday first.
pub(crate) const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Units of durations with their nanoseconds, longest first so that printing uses the largest that fits.
const UNITS: [(&str, u64); 6] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
];

/// Reads `15s`, `500ms`, `1h 30m`: whole numbers with a unit each.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let mut nanos: u64 = 0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let end = tail
            .find(|letter: char| !letter.is_ascii_lowercase())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
        nanos = nanos.checked_add(number.parse::<u64>().ok()?.checked_mul(*size)?)?;
        rest = tail.trim_start();
    }
    Some(Duration::from_nanos(nanos))
}

/// Writes a duration as `duration` reads it.
pub(crate) fn duration_text(duration: Duration) -> String {
    let mut left = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let mut parts = Vec::new();
    for (unit, size) in UNITS {
        if left >= size {
            parts.push(format!("{}{unit}", left / size));
            left %= size;
        }
    }
    if parts.is_empty() {
        "0s".to_owned()
    } else {
        parts.join(" ")
    }
}

/// Reads `HH:MM` as the minute of the day, 0 to 1440 (`24:00`).
pub(crate) fn minute_of_day(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !two_digits(hours) || !two_digits(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let all = hours * 60 + minutes;
    (minutes < 60 && all <= 1_440).then_some(all)
}

/// Reads a source address with or without a port; port 0 means any.
pub(crate) fn peer(text: &str) -> Option<SocketAddr> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(SocketAddr::new(ip, 0));
    }
    text.parse().ok()
}

/// Reads `first-last`.
pub(crate) fn ports(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-')?;
    let (first, last): (u16, u16) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last).then_some(first..=last)
}

/// Whether this can be what a trunk puts into the Request-URI: digits, `*` and `#`, a leading `+`.
pub(crate) fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (1..=32).contains(&digits.len())
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'*' || byte == b'#')
}

/// Whether this is written like a language tag: `zh-CN`, `en`.
pub(crate) fn is_language(text: &str) -> bool {
    let mut parts = text.split('-');
    parts
        .next()
        .is_some_and(|first| (2..=3).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_lowercase()))
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print_alike() {
        for (text, nanos) in [
            ("15s", 15_000_000_000),
            ("500ms", 500_000_000),
            ("1h 30m", 5_400_000_000_000),
        ] {
            let read = duration(text).unwrap();
            assert_eq!((read.as_nanos(), duration_text(read).as_str()), (nanos, text));
        }
        assert_eq!(duration("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("0s"), Some(Duration::ZERO));
        for bad in [
            "",
            "15",
            "s",
            "15 s",
            "-1s",
            "1.5s",
            "15S",
            "1w",
            "99999999999999999999s",
            "300000000d",
        ] {
            assert_eq!(duration(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn clock_times_are_two_digits_each() {
        assert_eq!(minute_of_day("08:00"), Some(480));
        assert_eq!(minute_of_day("24:00"), Some(1_440));
        for bad in ["8:00", "24:01", "08:60", "+8:00", "0800", "08:00:00", ""] {
            assert_eq!(minute_of_day(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn peers_may_leave_the_port_open() {
        assert_eq!(peer("192.0.2.1"), Some("192.0.2.1:0".parse().unwrap()));
        assert_eq!(
            peer("[2001:db8::1]:5060"),
            Some("[2001:db8::1]:5060".parse().unwrap())
        );
        assert_eq!(peer("2001:db8::1"), Some("[2001:db8::1]:0".parse().unwrap()));
        assert_eq!(peer("sip.example.com"), None);
    }

    #[test]
    fn numbers_languages_and_port_ranges_have_one_spelling() {
        assert!(is_number("+864001234567") && is_number("10086") && is_number("*86#"));
        assert!(!is_number("400-123") && !is_number("") && !is_number("+"));
        assert!(
            is_language("zh-CN") && is_language("en") && !is_language("Chinese") && !is_language("zh_CN")
        );
        assert_eq!(ports("20000-29999"), Some(20_000..=29_999));
        assert_eq!(ports("30000-20000"), None);
    }
}
