//! Numbers as the pieces of the prompt set, per language (prompts/README.md, "Putting pieces together").

mod values;

pub use values::{NUMBER_MAX, Spoken};

/// Highest number that is spoken; above it a place in the queue is not announced.
pub const SPOKEN_MAX: u32 = 999;

/// How a language speaks its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grammar {
    /// Mandarin.
    Mandarin,
    /// English.
    English,
}

impl Grammar {
    /// The grammar of a language tag, None for a language whose numbers we cannot speak.
    #[must_use]
    pub fn of(tag: &str) -> Option<Self> {
        match tag {
            "zh-CN" => Some(Self::Mandarin),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    /// The pieces of a cardinal number in `1..=SPOKEN_MAX`; None outside.
    ///
    /// Mandarin: 12 is ten two, 112 is one hundred one ten two, 205 is two hundred zero five.
    /// English: 205 is two hundred and five.
    #[must_use]
    pub fn number(self, number: u32) -> Option<Vec<&'static str>> {
        if !(1..=SPOKEN_MAX).contains(&number) {
            return None;
        }
        let (hundreds, tens, ones) = (number / 100, number / 10 % 10, number % 10);
        let mut pieces = Vec::with_capacity(5);
        match self {
            Self::Mandarin => mandarin(&mut pieces, hundreds, tens, ones),
            Self::English => english(&mut pieces, hundreds, tens, ones),
        }
        Some(pieces)
    }
}

fn mandarin(pieces: &mut Vec<&'static str>, hundreds: u32, tens: u32, ones: u32) {
    if hundreds > 0 {
        pieces.push(if hundreds == 2 {
            "number-2-liang"
        } else {
            upto_nineteen(hundreds)
        });
        pieces.push("hundred");
    }
    if tens > 0 {
        if tens > 1 || hundreds > 0 {
            pieces.push(upto_nineteen(tens));
        }
        pieces.push("number-10");
    } else if hundreds > 0 && ones > 0 {
        pieces.push("number-0");
    }
    if ones > 0 {
        pieces.push(upto_nineteen(ones));
    }
}

fn english(pieces: &mut Vec<&'static str>, hundreds: u32, tens: u32, ones: u32) {
    if hundreds > 0 {
        pieces.push(upto_nineteen(hundreds));
        pieces.push("hundred");
        if tens > 0 || ones > 0 {
            pieces.push("and");
        }
    }
    if tens > 1 {
        pieces.push(english_tens(tens));
        if ones > 0 {
            pieces.push(upto_nineteen(ones));
        }
    } else if tens * 10 + ones > 0 {
        pieces.push(upto_nineteen(tens * 10 + ones));
    }
}

fn upto_nineteen(number: u32) -> &'static str {
    match number {
        1 => "number-1",
        2 => "number-2",
        3 => "number-3",
        4 => "number-4",
        5 => "number-5",
        6 => "number-6",
        7 => "number-7",
        8 => "number-8",
        9 => "number-9",
        10 => "number-10",
        11 => "number-11",
        12 => "number-12",
        13 => "number-13",
        14 => "number-14",
        15 => "number-15",
        16 => "number-16",
        17 => "number-17",
        18 => "number-18",
        19 => "number-19",
        _ => "number-0",
    }
}

fn english_tens(tens: u32) -> &'static str {
    match tens {
        2 => "number-20",
        3 => "number-30",
        4 => "number-40",
        5 => "number-50",
        6 => "number-60",
        7 => "number-70",
        8 => "number-80",
        _ => "number-90",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_put_together_as_the_prompt_set_says() {
        let check = |grammar: Grammar, number, expected: &str| {
            assert_eq!(grammar.number(number).unwrap().join(" "), expected, "{number}");
        };
        for (number, mandarin, english) in [
            (1, "number-1", "number-1"),
            (2, "number-2", "number-2"),
            (10, "number-10", "number-10"),
            (12, "number-10 number-2", "number-12"),
            (20, "number-2 number-10", "number-20"),
            (30, "number-3 number-10", "number-30"),
            (45, "number-4 number-10 number-5", "number-40 number-5"),
            (100, "number-1 hundred", "number-1 hundred"),
            (
                112,
                "number-1 hundred number-1 number-10 number-2",
                "number-1 hundred and number-12",
            ),
            (
                205,
                "number-2-liang hundred number-0 number-5",
                "number-2 hundred and number-5",
            ),
            (
                220,
                "number-2-liang hundred number-2 number-10",
                "number-2 hundred and number-20",
            ),
            (
                999,
                "number-9 hundred number-9 number-10 number-9",
                "number-9 hundred and number-90 number-9",
            ),
        ] {
            check(Grammar::Mandarin, number, mandarin);
            check(Grammar::English, number, english);
        }
        assert_eq!(Grammar::English.number(0), None);
        assert_eq!(Grammar::Mandarin.number(1000), None);
    }

    #[test]
    fn no_two_numbers_sound_alike() {
        for grammar in [Grammar::Mandarin, Grammar::English] {
            let mut all: Vec<_> = (1..=SPOKEN_MAX)
                .map(|number| grammar.number(number).unwrap())
                .collect();
            all.sort();
            all.dedup();
            assert_eq!(all.len(), 999);
        }
    }
}
