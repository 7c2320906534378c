//! What a recording is made of, kept while it is written: segments, pauses, gaps, and whether it is long enough.

use hotline_media::RecordingMark;
use hotline_types::{SegmentKind, Time};

use crate::Assembler;
use crate::assemble::GAP_MIN;
use crate::proof::{Account, GAPS_MAX, Gap, MARKS_MAX, Mark, MarkKind, Side};
use crate::wav::{FRAME_BYTES, length_ms};

/// A recording may be this much longer or shorter than its call, milliseconds.
pub(super) const OFF_MAX_MS: u64 = 40;

/// The marks of one recording so far.
#[derive(Debug, Default)]
pub(super) struct Book {
    marks: Vec<Mark>,
    /// Stretches in which nobody is expected to be heard by the recording, and the one that is open.
    quiet: Vec<(u64, u64)>,
    quiet_since: Option<u64>,
    paused: bool,
    talking: Option<bool>,
}

impl Book {
    pub(super) fn mark(&mut self, at_ms: u64, mark: RecordingMark) {
        let what = match mark {
            RecordingMark::Segment(segment) => {
                self.talking = Some(matches!(segment, SegmentKind::Talk | SegmentKind::Outside));
                MarkKind::Segment { segment }
            }
            RecordingMark::Pause(reason) => {
                self.paused = true;
                MarkKind::Paused {
                    reason: reason.to_string(),
                }
            }
            RecordingMark::Resume => {
                self.paused = false;
                MarkKind::Resumed
            }
        };
        let quiet = self.paused || self.talking == Some(false);
        match (quiet, self.quiet_since) {
            (true, None) => self.quiet_since = Some(at_ms),
            (false, Some(since)) => {
                self.quiet.push((since, at_ms));
                self.quiet_since = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
        if self.marks.len() < MARKS_MAX {
            self.marks.push(Mark { at_ms, what });
        }
    }

    /// Closes the book. `end`: when the recording ended in good order.
    pub(super) fn account(mut self, assembler: &Assembler, end: Option<Time>) -> Account {
        let length = length_ms(assembler.frames() * u64::from(FRAME_BYTES));
        if let Some(since) = self.quiet_since {
            self.quiet.push((since, u64::MAX));
        }
        let ([caller, agent], mut left_out) = assembler.gaps();
        let mut gaps = Vec::new();
        for (side, stretches) in [(Side::Caller, caller), (Side::Agent, agent)] {
            for stretch in stretches {
                for (from_ms, to_ms) in without(stretch, &self.quiet) {
                    if gaps.len() < GAPS_MAX {
                        gaps.push(Gap { side, from_ms, to_ms });
                    } else {
                        left_out += 1;
                    }
                }
            }
        }
        let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        Account {
            marks: self.marks,
            gaps,
            gaps_left_out: left_out,
            off_ms: end.map_or(0, |end| signed(length) - signed(assembler.millis(end))),
        }
    }
}

/// The parts of a stretch outside others, which lie in order; those too short for a gap are left away.
fn without((from, to): (u64, u64), others: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut parts = Vec::new();
    let mut at = from;
    for (begin, end) in others {
        if *begin >= to {
            break;
        }
        if *end <= at {
            continue;
        }
        parts.push((at, (*begin).max(at)));
        at = *end;
    }
    parts.push((at.min(to), to));
    let least = u64::try_from(GAP_MIN.as_millis()).unwrap_or(0);
    parts.retain(|(from, to)| to.saturating_sub(*from) >= least);
    parts
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn gaps_are_told_only_where_somebody_should_have_been_heard() {
        let quiet = [(1_000, 2_000), (3_000, 3_100), (9_000, u64::MAX)];
        for (stretch, expected) in [
            ((0, 500), vec![(0, 500)]),
            ((500, 2_500), vec![(500, 1_000), (2_000, 2_500)]),
            ((900, 2_150), vec![]),
            ((1_200, 1_900), vec![]),
            ((2_500, 4_000), vec![(2_500, 3_000), (3_100, 4_000)]),
            ((8_000, 20_000), vec![(8_000, 9_000)]),
        ] {
            assert_eq!(without(stretch, &quiet), expected, "{stretch:?}");
        }
    }
}
