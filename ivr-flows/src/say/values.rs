//! Values as pieces of the prompt set: numbers, digits, dates, times, money, waits and places, in the grammar of each
//! language (prompts/README.md, "Putting pieces together").

use super::{Grammar, english_tens, upto_nineteen};

/// Largest amount of a number that is spoken; beyond it the number is said digit by digit.
pub const NUMBER_MAX: i64 = 999_999_999;
/// Longest wait that is said exactly, minutes.
const WAIT_MAX: i64 = 30;

/// Said before the caller's place in the queue.
const POSITION_PREFIX: &str = "queue-position-prefix";
/// Said after it.
const POSITION_SUFFIX: &str = "queue-position-suffix";
/// Said in place of it to the caller who is next.
const POSITION_NEXT: &str = "queue-next";

/// How a value is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spoken {
    /// A cardinal number.
    Number,
    /// Single digits and letters.
    Digits,
    /// A date, given as 20260503.
    Date,
    /// A time of day, given in minutes after midnight.
    Time,
    /// An amount of yuan, given in fen.
    Money,
    /// An estimated wait, given in seconds.
    Wait,
    /// A place in the queue.
    Position,
}

type Pieces = Vec<&'static str>;

impl Grammar {
    /// The pieces of a value. Empty where it cannot be said: no such date or time, a place below 1.
    #[must_use]
    pub fn say(self, how: Spoken, text: &str) -> Pieces {
        let number = text.parse::<i64>().unwrap_or(0);
        let mut pieces = Vec::with_capacity(8);
        match how {
            Spoken::Number if number.saturating_abs() > NUMBER_MAX => self.digits(&mut pieces, text),
            Spoken::Number => self.cardinal(&mut pieces, number),
            Spoken::Digits => self.digits(&mut pieces, text),
            Spoken::Date => self.date(&mut pieces, number),
            Spoken::Time => self.time(&mut pieces, number),
            Spoken::Money => self.money(&mut pieces, number),
            Spoken::Wait => self.wait(&mut pieces, number),
            Spoken::Position => self.position(&mut pieces, number),
        }
        pieces
    }

    /// Every piece that values spoken so can use.
    pub(crate) fn pieces_of(self, how: Spoken) -> Pieces {
        let numbers = || (0..=999).chain([1_000, 2_000, 20_000, 2_000_000, 100_000_000, -1]);
        let days = || (1..=12).flat_map(|month| (1..=28).map(move |day| 20_260_000 + month * 100 + day));
        let samples: Vec<i64> = match how {
            Spoken::Number => numbers().collect(),
            Spoken::Digits => Vec::new(),
            Spoken::Date => days().chain([20_000_130, 20_050_131, 19_990_129]).collect(),
            Spoken::Time => (0..24 * 60).collect(),
            Spoken::Money => numbers()
                .map(|number| number * 100)
                .chain([1, 10, 15, 225])
                .collect(),
            Spoken::Wait => (0..WAIT_MAX + 2).map(|minutes| minutes * 60).collect(),
            Spoken::Position => (1..=999).collect(),
        };
        let mut all: Pieces = samples
            .iter()
            .flat_map(|number| self.say(how, &number.to_string()))
            .collect();
        if how == Spoken::Digits {
            all = self.say(how, "0123456789");
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    fn digits(self, pieces: &mut Pieces, text: &str) {
        let piece = |sign: char| match (sign.to_digit(10), self) {
            (Some(1), Self::Mandarin) => Some("number-1-yao"),
            (Some(digit), _) => Some(upto_nineteen(digit)),
            (None, Self::English) => letter(sign),
            (None, Self::Mandarin) => None,
        };
        pieces.extend(text.chars().filter_map(piece));
    }

    fn cardinal(self, pieces: &mut Pieces, number: i64) {
        if number < 0 {
            pieces.push("minus");
        }
        let number = u32::try_from(number.unsigned_abs()).unwrap_or(u32::MAX);
        match (number, self) {
            (0, _) => pieces.push("number-0"),
            (_, Self::Mandarin) => mandarin(pieces, number),
            (_, Self::English) => english(pieces, number),
        }
    }

    fn date(self, pieces: &mut Pieces, date: i64) {
        let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
        if !(1_000..=9_999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return;
        }
        let narrow = |number: i64| u32::try_from(number).unwrap_or(0);
        let (year, month, day) = (narrow(year), narrow(month), narrow(day));
        match self {
            Self::Mandarin => {
                let digits = [year / 1_000, year / 100 % 10, year / 10 % 10, year % 10];
                pieces.extend(digits.map(upto_nineteen));
                pieces.extend(["date-year", month_name(month)]);
                mandarin(pieces, day);
                pieces.push("date-day-hao");
            }
            Self::English => {
                pieces.push(month_name(month));
                if day > 20 && day != 30 {
                    pieces.extend([english_tens(day / 10), ordinal(day % 10)]);
                } else {
                    pieces.push(ordinal(day));
                }
                match (year / 100, year % 100) {
                    (century, 0) if century % 10 == 0 => english(pieces, year),
                    (century, 0) => {
                        english(pieces, century);
                        pieces.push("hundred");
                    }
                    (century, rest) => {
                        english(pieces, century);
                        if rest < 10 {
                            pieces.push("oh");
                        }
                        english(pieces, rest);
                    }
                }
            }
        }
    }

    fn time(self, pieces: &mut Pieces, minutes: i64) {
        if !(0..24 * 60).contains(&minutes) {
            return;
        }
        let minutes = u32::try_from(minutes).unwrap_or(0);
        let (hour, minute) = (minutes / 60, minutes % 60);
        let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
        match self {
            Self::Mandarin => {
                pieces.push(match hour {
                    0..12 => "am",
                    12..18 => "pm",
                    _ => "evening",
                });
                if twelve == 2 {
                    pieces.push("number-2-liang");
                } else {
                    mandarin(pieces, twelve);
                }
                if minute == 0 {
                    pieces.push("oclock");
                } else {
                    pieces.push("point");
                    if minute < 10 {
                        pieces.push("number-0");
                    }
                    mandarin(pieces, minute);
                    pieces.push("time-minute");
                }
            }
            Self::English => {
                english(pieces, twelve);
                if (1..10).contains(&minute) {
                    pieces.push("oh");
                }
                if minute > 0 {
                    english(pieces, minute);
                }
                pieces.push(if hour < 12 { "am" } else { "pm" });
            }
        }
    }

    fn money(self, pieces: &mut Pieces, fen: i64) {
        if fen < 0 {
            pieces.push("minus");
        }
        let fen = fen.saturating_abs();
        let (whole, tenth, hundredth) = (fen / 100, fen / 10 % 10, fen % 10);
        let narrow = |number: i64| u32::try_from(number).unwrap_or(0);
        match self {
            Self::Mandarin => {
                if whole > 0 || fen == 0 {
                    self.measured(pieces, whole.min(NUMBER_MAX));
                    pieces.push("yuan");
                }
                if tenth > 0 {
                    self.measured(pieces, tenth);
                    pieces.push("jiao");
                } else if whole > 0 && hundredth > 0 {
                    pieces.push("number-0");
                }
                if hundredth > 0 {
                    self.measured(pieces, hundredth);
                    pieces.push("fen");
                }
            }
            Self::English => {
                self.cardinal(pieces, whole.min(NUMBER_MAX));
                if fen % 100 > 0 {
                    pieces.extend(["point", upto_nineteen(narrow(tenth))]);
                }
                if hundredth > 0 {
                    pieces.push(upto_nineteen(narrow(hundredth)));
                }
                pieces.push("yuan");
            }
        }
    }

    /// A number before a measure word: two is liang.
    fn measured(self, pieces: &mut Pieces, number: i64) {
        match (self, number) {
            (Self::Mandarin, 2) => pieces.push("number-2-liang"),
            _ => self.cardinal(pieces, number),
        }
    }

    fn wait(self, pieces: &mut Pieces, seconds: i64) {
        pieces.push("wait-prefix");
        if seconds < 60 {
            return pieces.push("wait-less-than-one-minute");
        }
        let minutes = seconds.saturating_add(59) / 60;
        pieces.push(if minutes > WAIT_MAX {
            "wait-more-than"
        } else {
            "wait-about"
        });
        self.measured(pieces, minutes.min(WAIT_MAX));
        pieces.push(match (self, minutes) {
            (Self::English, 1) => "minute",
            _ => "wait-minutes",
        });
    }

    fn position(self, pieces: &mut Pieces, place: i64) {
        let place = u32::try_from(place).unwrap_or(0);
        if place == 1 {
            return pieces.push(POSITION_NEXT);
        }
        if let Some(number) = self.number(place) {
            pieces.push(POSITION_PREFIX);
            pieces.extend(number);
            pieces.push(POSITION_SUFFIX);
        }
    }
}

/// Sections of four digits: hundred million, ten thousand, ones. A section that leaves a place empty is joined by zero.
fn mandarin(pieces: &mut Pieces, number: u32) {
    let sections = [
        (number / 100_000_000, "hundred-million"),
        (number / 10_000 % 10_000, "ten-thousand"),
        (number % 10_000, ""),
    ];
    let mut begun = false;
    let mut gap = false;
    for (section, unit) in sections {
        if section == 0 {
            gap = begun;
            continue;
        }
        if begun && (gap || section < 1_000) {
            pieces.push("number-0");
        }
        if section == 2 && !unit.is_empty() {
            pieces.push("number-2-liang");
        } else {
            mandarin_section(pieces, section, begun);
        }
        if !unit.is_empty() {
            pieces.push(unit);
        }
        (begun, gap) = (true, false);
    }
}

fn mandarin_section(pieces: &mut Pieces, section: u32, inside: bool) {
    let digits = [
        (section / 1_000, "thousand"),
        (section / 100 % 10, "hundred"),
        (section / 10 % 10, "number-10"),
        (section % 10, ""),
    ];
    let mut begun = false;
    let mut gap = false;
    for (digit, unit) in digits {
        if digit == 0 {
            gap = begun;
            continue;
        }
        if gap {
            pieces.push("number-0");
        }
        // Ten to nineteen begin with ten alone; two hundred and two thousand are liang.
        let bare_ten = unit == "number-10" && digit == 1 && !begun && !inside;
        if digit == 2 && matches!(unit, "hundred" | "thousand") {
            pieces.push("number-2-liang");
        } else if !bare_ten {
            pieces.push(upto_nineteen(digit));
        }
        if !unit.is_empty() {
            pieces.push(unit);
        }
        (begun, gap) = (true, false);
    }
}

fn english(pieces: &mut Pieces, number: u32) {
    let (millions, thousands, rest) = (number / 1_000_000, number / 1_000 % 1_000, number % 1_000);
    for (section, unit) in [(millions, "million"), (thousands, "thousand")] {
        if section > 0 {
            super::english(pieces, section / 100, section / 10 % 10, section % 10);
            pieces.push(unit);
        }
    }
    if rest > 0 {
        if rest < 100 && number > 1_000 {
            pieces.push("and");
        }
        super::english(pieces, rest / 100, rest / 10 % 10, rest % 10);
    }
}

/// One piece out of a table by its number from 1.
fn nth(table: &'static [&'static str], number: u32) -> &'static str {
    let at = usize::try_from(number).unwrap_or(0).saturating_sub(1);
    table.get(at).copied().unwrap_or("number-0")
}

fn month_name(month: u32) -> &'static str {
    nth(
        &[
            "month-1", "month-2", "month-3", "month-4", "month-5", "month-6", "month-7", "month-8",
            "month-9", "month-10", "month-11", "month-12",
        ],
        month,
    )
}

fn ordinal(day: u32) -> &'static str {
    if day == 30 {
        return "ordinal-30";
    }
    nth(
        &[
            "ordinal-1",
            "ordinal-2",
            "ordinal-3",
            "ordinal-4",
            "ordinal-5",
            "ordinal-6",
            "ordinal-7",
            "ordinal-8",
            "ordinal-9",
            "ordinal-10",
            "ordinal-11",
            "ordinal-12",
            "ordinal-13",
            "ordinal-14",
            "ordinal-15",
            "ordinal-16",
            "ordinal-17",
            "ordinal-18",
            "ordinal-19",
            "ordinal-20",
        ],
        day,
    )
}

fn letter(sign: char) -> Option<&'static str> {
    const LETTERS: [&str; 26] = [
        "letter-a", "letter-b", "letter-c", "letter-d", "letter-e", "letter-f", "letter-g", "letter-h",
        "letter-i", "letter-j", "letter-k", "letter-l", "letter-m", "letter-n", "letter-o", "letter-p",
        "letter-q", "letter-r", "letter-s", "letter-t", "letter-u", "letter-v", "letter-w", "letter-x",
        "letter-y", "letter-z",
    ];
    let at = u32::from(sign.to_ascii_lowercase()).checked_sub(u32::from('a'))?;
    LETTERS.get(usize::try_from(at).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values, and how they are said in Mandarin and in English.
    const SAID: &[(Spoken, &str, &str, &str)] = &[
        (Spoken::Number, "0", "0", "0"),
        (Spoken::Number, "-12", "minus 10 2", "minus 12"),
        (Spoken::Number, "1005", "1 thousand 0 5", "1 thousand and 5"),
        (
            Spoken::Number,
            "2200",
            "2-liang thousand 2-liang hundred",
            "2 thousand 2 hundred",
        ),
        (
            Spoken::Number,
            "10500",
            "1 ten-thousand 0 5 hundred",
            "10 thousand 5 hundred",
        ),
        (
            Spoken::Number,
            "110000",
            "10 1 ten-thousand",
            "1 hundred and 10 thousand",
        ),
        (
            Spoken::Number,
            "20015",
            "2-liang ten-thousand 0 1 10 5",
            "20 thousand and 15",
        ),
        (
            Spoken::Number,
            "100000003",
            "1 hundred-million 0 3",
            "1 hundred million and 3",
        ),
        (Spoken::Digits, "110A", "1-yao 1-yao 0", "1 1 0 letter-a"),
        (
            Spoken::Date,
            "20260503",
            "2 0 2 6 date-year month-5 3 date-day-hao",
            "month-5 ordinal-3 20 20 6",
        ),
        (
            Spoken::Date,
            "20051222",
            "2 0 0 5 date-year month-12 2 10 2 date-day-hao",
            "month-12 20 ordinal-2 20 oh 5",
        ),
        (Spoken::Date, "20261301", "", ""),
        (Spoken::Time, "920", "pm 3 point 2 10 time-minute", "3 20 pm"),
        (Spoken::Time, "540", "am 9 oclock", "9 am"),
        (
            Spoken::Time,
            "125",
            "am 2-liang point 0 5 time-minute",
            "2 oh 5 am",
        ),
        (Spoken::Time, "1440", "", ""),
        (Spoken::Money, "1250", "10 2 yuan 5 jiao", "12 point 5 yuan"),
        (Spoken::Money, "205", "2-liang yuan 0 5 fen", "2 point 0 5 yuan"),
        (Spoken::Money, "0", "0 yuan", "0 yuan"),
        (
            Spoken::Wait,
            "30",
            "wait-prefix wait-less-than-one-minute",
            "wait-prefix wait-less-than-one-minute",
        ),
        (
            Spoken::Wait,
            "60",
            "wait-prefix wait-about 1 wait-minutes",
            "wait-prefix wait-about 1 minute",
        ),
        (
            Spoken::Wait,
            "110",
            "wait-prefix wait-about 2-liang wait-minutes",
            "wait-prefix wait-about 2 wait-minutes",
        ),
        (
            Spoken::Wait,
            "9000",
            "wait-prefix wait-more-than 3 10 wait-minutes",
            "wait-prefix wait-more-than 30 wait-minutes",
        ),
        (Spoken::Position, "1", "queue-next", "queue-next"),
        (
            Spoken::Position,
            "12",
            "queue-position-prefix 10 2 queue-position-suffix",
            "queue-position-prefix 12 queue-position-suffix",
        ),
    ];

    #[test]
    fn values_are_put_together_in_the_grammar_of_each_language() {
        let short = |pieces: Vec<&str>| pieces.join(" ").replace("number-", "");
        for &(how, value, mandarin, english) in SAID {
            assert_eq!(
                short(Grammar::Mandarin.say(how, value)),
                mandarin,
                "{how:?} {value}"
            );
            assert_eq!(
                short(Grammar::English.say(how, value)),
                english,
                "{how:?} {value}"
            );
        }
    }

    #[test]
    fn every_piece_of_every_value_is_among_the_shipped_prompts() {
        let ids = crate::prompts::embedded_ids();
        for (tag, grammar) in [("zh-CN", Grammar::Mandarin), ("en", Grammar::English)] {
            for how in [
                Spoken::Number,
                Spoken::Digits,
                Spoken::Date,
                Spoken::Time,
                Spoken::Money,
                Spoken::Wait,
                Spoken::Position,
            ] {
                for piece in grammar.pieces_of(how) {
                    assert!(ids[tag].contains_key(piece), "{tag}/{piece} of {how:?}");
                }
            }
        }
    }

    #[test]
    fn mandarin_numbers_below_a_thousand_are_those_of_the_queue() {
        for number in 1..=999_u32 {
            let mut pieces = Vec::new();
            mandarin(&mut pieces, number);
            assert_eq!(Some(pieces), Grammar::Mandarin.number(number), "{number}");
        }
    }
}
