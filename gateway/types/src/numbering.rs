//! Phone numbers: every spelling that carriers and people use, brought into one form, once.

use std::fmt;

/// Most digits of an international number (ITU-T E.164 §6).
const E164_DIGITS_MAX: usize = 15;
/// Fewest digits that an international number has after its `+`.
const E164_DIGITS_MIN: usize = 5;

/// How numbers are dialled where the hotline stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbering {
    /// Country code, 1 to 3 digits.
    pub country_code: String,
    /// Dialled before an area code inside the country, `0` in most; empty where there is none.
    pub trunk_prefix: String,
    /// Dialled before a country code, `00` in most.
    pub international_prefix: String,
    /// The area that numbers without area code belong to; empty where there are none.
    pub area_code: String,
    /// Digits of a national number without its trunk prefix, fewest and most.
    pub national_digits: (usize, usize),
    /// Numbers of so few digits are short numbers: as they are, known in this country alone.
    pub short_digits: usize,
}

impl Numbering {
    /// Mainland China: 10 or 11 digits after the `0`, short numbers up to `95588` and `10086`.
    #[must_use]
    pub fn china(area_code: &str) -> Self {
        Self {
            country_code: "86".to_owned(),
            trunk_prefix: "0".to_owned(),
            international_prefix: "00".to_owned(),
            area_code: area_code.to_owned(),
            national_digits: (10, 11),
            short_digits: 6,
        }
    }

    /// The one form of a number as somebody wrote or sent it.
    ///
    /// Separators and a `tel:` before it fall away. `+`, the international prefix and a country code in front of a
    /// whole national number make it international; the trunk prefix and a missing area code are put right. What
    /// fits none of this stays as it is: a carrier knows numbers that no plan lists.
    #[must_use]
    pub fn normal(&self, written: &str) -> PhoneNumber {
        let Some((plus, digits)) = digits_of(written) else {
            return PhoneNumber::Unknown;
        };
        if digits.contains(['*', '#']) {
            return PhoneNumber::Short(digits);
        }
        if plus {
            return international(&digits).unwrap_or(PhoneNumber::Short(digits));
        }
        if let Some(rest) = behind(&self.international_prefix, &digits)
            && let Some(number) = international(rest)
        {
            return number;
        }
        if digits.len() <= self.short_digits {
            return PhoneNumber::Short(digits);
        }
        self.inside(&digits).unwrap_or(PhoneNumber::Short(digits))
    }

    /// A number that is dialled inside the country, or names the country without a `+`.
    fn inside(&self, digits: &str) -> Option<PhoneNumber> {
        let (fewest, most) = self.national_digits;
        let is_national = |rest: &str| (fewest..=most).contains(&rest.len());
        let national = |rest: &str| international(&format!("{}{rest}", self.country_code));
        if let Some(rest) = behind(&self.trunk_prefix, digits).filter(|rest| is_national(rest)) {
            return national(rest);
        }
        if digits.len() > most {
            let rest = behind(&self.country_code, digits)?;
            let rest = behind(&self.trunk_prefix, rest)
                .filter(|rest| is_national(rest))
                .unwrap_or(rest);
            return if is_national(rest) { national(rest) } else { None };
        }
        if is_national(digits) {
            return national(digits);
        }
        let whole = format!("{}{digits}", self.area_code);
        if self.area_code.is_empty() || !is_national(&whole) {
            return None;
        }
        national(&whole)
    }

    /// How a number is dialled inside the country: national numbers with their trunk prefix where `prefixed`,
    /// without where not, foreign ones behind the international prefix.
    #[must_use]
    pub fn dialled_here(&self, number: &PhoneNumber, prefixed: bool) -> String {
        match number {
            PhoneNumber::E164(digits) => match behind(&self.country_code, digits) {
                Some(national) if prefixed => format!("{}{national}", self.trunk_prefix),
                Some(national) => national.to_owned(),
                None => format!("{}{digits}", self.international_prefix),
            },
            PhoneNumber::Short(digits) => digits.clone(),
            PhoneNumber::Unknown => String::new(),
        }
    }
}

/// A number in its one form. Personal data: wrap it in [`crate::Pii`] where it is a caller's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PhoneNumber {
    /// International, digits without the `+` (ITU-T E.164).
    E164(String),
    /// A short number, a service code, or what fits no plan: digits, `*` and `#`.
    Short(String),
    /// No number: withheld, or words.
    Unknown,
}

impl PhoneNumber {
    /// The digits, for comparisons by prefix; empty where there is no number.
    #[must_use]
    pub fn digits(&self) -> &str {
        match self {
            Self::E164(digits) | Self::Short(digits) => digits,
            Self::Unknown => "",
        }
    }

    /// Whether there is a number at all.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        !matches!(self, Self::Unknown)
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::E164(digits) => write!(f, "+{digits}"),
            Self::Short(digits) => f.write_str(digits),
            Self::Unknown => Ok(()),
        }
    }
}

/// Whether a `+` leads, and the digits; none where it is no number. Parameters behind `;` fall away.
fn digits_of(written: &str) -> Option<(bool, String)> {
    let text = written.trim();
    let text = text
        .get(..4)
        .filter(|scheme| scheme.eq_ignore_ascii_case("tel:"))
        .map_or(text, |_| &text[4..]);
    let text = text.split([';', '@']).next().unwrap_or("").trim();
    let (plus, rest) = text.strip_prefix('+').map_or((false, text), |rest| (true, rest));
    let mut digits = String::with_capacity(rest.len());
    for letter in rest.chars() {
        match letter {
            '0'..='9' | '*' | '#' => digits.push(letter),
            ' ' | '-' | '.' | '(' | ')' | '/' => {}
            _ => return None,
        }
    }
    let right = (1..=32).contains(&digits.len());
    right.then_some((plus, digits))
}

fn behind<'n>(prefix: &str, digits: &'n str) -> Option<&'n str> {
    digits.strip_prefix(prefix).filter(|_| !prefix.is_empty())
}

fn international(digits: &str) -> Option<PhoneNumber> {
    let right = (E164_DIGITS_MIN..=E164_DIGITS_MAX).contains(&digits.len()) && !digits.starts_with('0');
    right.then(|| PhoneNumber::E164(digits.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(plan: &Numbering, rows: &[(&str, &str)]) {
        for (written, normal) in rows {
            assert_eq!(plan.normal(written).to_string(), *normal, "{written:?}");
        }
    }

    #[test]
    fn every_spelling_of_a_chinese_number_is_one_number() {
        let shanghai = Numbering::china("21");
        check(
            &shanghai,
            &[
                // A mobile, as seven carriers send it.
                ("+8613800138000", "+8613800138000"),
                ("008613800138000", "+8613800138000"),
                ("8613800138000", "+8613800138000"),
                ("013800138000", "+8613800138000"),
                ("13800138000", "+8613800138000"),
                ("tel:+86-138-0013-8000;phone-context=x", "+8613800138000"),
                ("86013800138000", "+8613800138000"),
                // A line with area code, and of our own area.
                ("02161234567", "+862161234567"),
                ("021 6123 4567", "+862161234567"),
                ("(0755) 8612-3456", "+8675586123456"),
                ("61234567", "+862161234567"),
                // Service numbers.
                ("4008001234", "+864008001234"),
                ("95588", "95588"),
                ("10086", "10086"),
                ("110", "110"),
                ("*86#", "*86#"),
                // Abroad.
                ("+4930123456", "+4930123456"),
                ("004930123456", "+4930123456"),
                // What is no number, and what fits no plan.
                ("anonymous", ""),
                ("", ""),
                ("1234567890123456789", "1234567890123456789"),
                ("+1", "1"),
            ],
        );
    }

    #[test]
    fn other_countries_have_plans_of_their_own() {
        let berlin = Numbering {
            country_code: "49".to_owned(),
            area_code: "30".to_owned(),
            national_digits: (7, 11),
            short_digits: 4,
            ..Numbering::china("")
        };
        check(
            &berlin,
            &[
                ("030 123456", "+4930123456"),
                ("0171 1234567", "+491711234567"),
                ("12345", "+493012345"),
                ("110", "110"),
            ],
        );
        let boston = Numbering {
            country_code: "1".to_owned(),
            trunk_prefix: "1".to_owned(),
            international_prefix: "011".to_owned(),
            area_code: String::new(),
            national_digits: (10, 10),
            short_digits: 6,
        };
        check(
            &boston,
            &[
                ("(617) 555-0123", "+16175550123"),
                ("1 617 555 0123", "+16175550123"),
                ("011 86 138 0013 8000", "+8613800138000"),
                ("5550123", "5550123"),
            ],
        );
    }

    #[test]
    fn normal_numbers_are_dialled_as_the_country_does() {
        let shanghai = Numbering::china("21");
        let dialled = |written: &str, prefixed| shanghai.dialled_here(&shanghai.normal(written), prefixed);
        assert_eq!(dialled("+8613800138000", false), "13800138000");
        assert_eq!(dialled("61234567", true), "02161234567");
        assert_eq!(dialled("+4930123456", true), "004930123456");
        assert_eq!(dialled("10086", true), "10086");
    }

    #[test]
    fn what_is_normal_stays_as_it_is() {
        let plan = Numbering::china("10");
        for written in ["+8613800138000", "95588", "00111", "0075586123456", "12345678"] {
            let once = plan.normal(written);
            assert_eq!(plan.normal(&once.to_string()), once, "{written}");
        }
    }
}
