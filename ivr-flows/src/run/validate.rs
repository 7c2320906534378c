//! What may be asked of digits: check digits and dates.

/// The check digit of cards (ISO/IEC 7812-1, Annex B): from the right every second digit doubled, the sum ends in 0.
pub(super) fn luhn(text: &str) -> bool {
    let mut sum = 0;
    for (at, sign) in text.chars().rev().enumerate() {
        let Some(digit) = sign.to_digit(10) else {
            return false;
        };
        let digit = if at % 2 == 1 { digit * 2 } else { digit };
        sum += if digit > 9 { digit - 9 } else { digit };
    }
    text.len() > 1 && sum % 10 == 0
}

/// The check character of a resident identity number (GB 11643, ISO 7064 MOD 11-2); `*` stands for X, which is 10.
pub(super) fn mod11(text: &str) -> bool {
    let mut sum = 0;
    let last = text.chars().count().saturating_sub(1);
    for (at, sign) in text.chars().enumerate() {
        let digit = match sign {
            '*' if at == last => 10,
            _ => match sign.to_digit(10) {
                Some(digit) => digit,
                None => return false,
            },
        };
        sum = if at == last {
            sum + digit
        } else {
            (sum + digit) * 2 % 11
        };
    }
    last > 0 && sum % 11 == 1
}

/// A date as YYYYMMDD, of the Gregorian calendar.
pub(super) fn date(text: &str) -> bool {
    let Ok(number) = text.parse::<u32>() else {
        return false;
    };
    let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => 0,
    };
    text.len() == 8 && year >= 1_000 && (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_and_dates_tell_right_from_wrong() {
        for (text, right) in [
            ("4111111111111111", true),
            ("4111111111111112", false),
            ("0", false),
            ("4a", false),
        ] {
            assert_eq!(luhn(text), right, "{text}");
        }
        for (text, right) in [
            ("11010519491231002*", true),
            ("440524188001010014", true),
            ("440524188001010015", false),
            ("*", false),
            ("", false),
        ] {
            assert_eq!(mod11(text), right, "{text}");
        }
        for (text, right) in [
            ("20240229", true),
            ("20230229", false),
            ("20261301", false),
            ("2026111", false),
            ("20260431", false),
        ] {
            assert_eq!(date(text), right, "{text}");
        }
    }
}
