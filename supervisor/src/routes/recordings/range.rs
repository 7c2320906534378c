//! Which bytes a `Range` header asks for (RFC 9110 section 14).

/// The bytes to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All: no range asked for, or one that is to be ignored (another unit, several ranges, unreadable).
    Whole,
    /// From this byte to that, both included.
    Range {
        /// First byte.
        from: u64,
        /// Last byte.
        to: u64,
    },
    /// None of the bytes exist: 416.
    Unsatisfiable,
}

/// The part of `length` bytes that the header asks for.
pub(super) fn part(header: Option<&str>, length: u64) -> Part {
    let Some((first, last)) = header
        .and_then(|text| text.strip_prefix("bytes="))
        .and_then(|set| set.split_once('-'))
    else {
        return Part::Whole;
    };
    let number = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse::<u64>().ok())
            .flatten()
    };
    match (first.trim(), last.trim()) {
        ("", suffix) => match number(suffix) {
            Some(0) => Part::Unsatisfiable,
            Some(_) if length == 0 => Part::Unsatisfiable,
            Some(suffix) => Part::Range {
                from: length.saturating_sub(suffix),
                to: length - 1,
            },
            None => Part::Whole,
        },
        (from, last) => match (number(from), number(last)) {
            (Some(from), None) if last.is_empty() => within(from, u64::MAX, length),
            (Some(from), Some(to)) if from <= to => within(from, to, length),
            _ => Part::Whole,
        },
    }
}

const fn within(from: u64, to: u64, length: u64) -> Part {
    if from >= length {
        return Part::Unsatisfiable;
    }
    let last = length - 1;
    Part::Range {
        from,
        to: if to < last { to } else { last },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_file_and_nonsense_gets_all_of_it() {
        for (header, want) in [
            (None, Part::Whole),
            (Some("bytes=0-"), Part::Range { from: 0, to: 99 }),
            (Some("bytes=10-19"), Part::Range { from: 10, to: 19 }),
            (Some("bytes=90-500"), Part::Range { from: 90, to: 99 }),
            (Some("bytes=-5"), Part::Range { from: 95, to: 99 }),
            (Some("bytes=-500"), Part::Range { from: 0, to: 99 }),
            (Some("bytes=100-"), Part::Unsatisfiable),
            (Some("bytes=-0"), Part::Unsatisfiable),
            (Some("bytes=9-1"), Part::Whole),
            (Some("bytes=0-1,5-6"), Part::Whole),
            (Some("items=0-1"), Part::Whole),
            (Some("bytes=a-b"), Part::Whole),
            (Some("bytes=99999999999999999999-"), Part::Whole),
        ] {
            assert_eq!(part(header, 100), want, "{header:?}");
        }
        assert_eq!(part(Some("bytes=0-"), 0), Part::Unsatisfiable);
        assert_eq!(part(Some("bytes=-5"), 0), Part::Unsatisfiable);
    }
}
