//! One playout: where it stands in its list of clips, and its next frame.

use std::time::Duration;

use crate::{AfterPlay, ClipId, Codec, Library, PlayId, g711};

/// Clips in one playout at most; what is beyond is not played.
pub const PLAY_CLIPS_MAX: usize = 64;

/// What a playout did with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Played {
    /// The frame is filled.
    Frame,
    /// The frame is filled and was the last: `PlayEnded` is due.
    Last,
    /// There was nothing left to play; the frame is untouched.
    Nothing,
}

/// A list of clips being played to one leg.
#[derive(Clone, Debug)]
pub struct Playout {
    play: PlayId,
    clips: Vec<ClipId>,
    gap: usize,
    after: AfterPlay,
    place: Place,
}

/// A place in a list of clips.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    clip: usize,
    /// Bytes of the clip already played.
    played: usize,
    /// Bytes of silence before the clip goes on.
    gap: usize,
}

impl Playout {
    /// From the start of the first clip.
    #[must_use]
    pub fn new(play: PlayId, mut clips: Vec<ClipId>, gap: Duration, after: AfterPlay) -> Self {
        clips.truncate(PLAY_CLIPS_MAX);
        let gap = usize::try_from(gap.as_millis())
            .unwrap_or(0)
            .saturating_mul(g711::SAMPLES_PER_MS);
        Self {
            play,
            clips,
            gap,
            after,
            place: Place::default(),
        }
    }

    /// The number that `PlayEnded` carries.
    #[must_use]
    pub const fn play(&self) -> PlayId {
        self.play
    }

    /// Goes on where `earlier` stood, if both are the same loop: music does not begin anew after each announcement.
    pub fn resume(&mut self, earlier: &Self) {
        let same =
            self.after == AfterPlay::Loop && earlier.after == AfterPlay::Loop && self.clips == earlier.clips;
        if same {
            self.place = earlier.place;
        }
    }

    /// Whether it plays without end.
    #[must_use]
    pub const fn loops(&self) -> bool {
        matches!(self.after, AfterPlay::Loop)
    }

    /// Fills the next frame; the rest of a last frame is silence.
    pub fn next(&mut self, library: &Library, codec: Codec, frame: &mut [u8]) -> Played {
        if self.clips.is_empty() || (!self.loops() && self.place.clip >= self.clips.len()) {
            return Played::Nothing;
        }
        let mut filled = 0;
        // Clips passed without a byte: a loop of empty clips is silence, not an endless search.
        let mut barren = 0;
        while filled < frame.len() {
            let rest = &mut frame[filled..];
            if self.place.gap > 0 {
                let take = self.place.gap.min(rest.len());
                rest[..take].fill(g711::silence(codec));
                self.place.gap -= take;
                filled += take;
                continue;
            }
            let Some(&clip) = self.clips.get(self.place.clip) else {
                break;
            };
            let left = library.clip(clip, codec).get(self.place.played..).unwrap_or(&[]);
            let take = left.len().min(rest.len());
            rest[..take].copy_from_slice(&left[..take]);
            self.place.played += take;
            filled += take;
            barren = if take > 0 { 0 } else { barren + 1 };
            if take == left.len() && !self.step() {
                break;
            }
            if barren > self.clips.len() {
                break;
            }
        }
        frame[filled..].fill(g711::silence(codec));
        if !self.loops() && self.place.clip >= self.clips.len() {
            Played::Last
        } else {
            Played::Frame
        }
    }

    /// To the next clip; false where that was the last.
    fn step(&mut self) -> bool {
        self.place = Place {
            clip: self.place.clip + 1,
            played: 0,
            gap: self.gap,
        };
        if self.place.clip < self.clips.len() {
            return true;
        }
        if self.loops() {
            self.place.clip = 0;
        } else {
            self.place.gap = 0;
        }
        self.loops()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library() -> Library {
        Library::build(vec![vec![1_000; 200], vec![-2_000; 100], vec![]])
    }

    fn run(playout: &mut Playout, frames: usize) -> (Vec<u8>, Vec<Played>) {
        let library = library();
        let mut heard = Vec::new();
        let mut played = Vec::new();
        for _ in 0..frames {
            let mut frame = [0_u8; 160];
            played.push(playout.next(&library, Codec::Pcma, &mut frame));
            heard.extend_from_slice(&frame);
        }
        (heard, played)
    }

    #[test]
    fn clips_follow_each_other_with_the_gap_and_end_in_silence() {
        let mut playout = Playout::new(
            PlayId(1),
            vec![ClipId(0), ClipId(1)],
            Duration::from_millis(20),
            AfterPlay::Stop,
        );
        let (heard, played) = run(&mut playout, 4);
        let mut expected = library().clip(ClipId(0), Codec::Pcma).to_vec();
        expected.extend([0xD5; 160]);
        expected.extend(library().clip(ClipId(1), Codec::Pcma));
        expected.extend([0xD5; 20]);
        assert_eq!(heard[..480], expected);
        assert_eq!(
            played,
            [Played::Frame, Played::Frame, Played::Last, Played::Nothing]
        );
    }

    #[test]
    fn a_loop_never_ends_and_the_same_loop_goes_on_where_it_stood() {
        let mut first = Playout::new(PlayId(1), vec![ClipId(1)], Duration::ZERO, AfterPlay::Loop);
        let (heard, played) = run(&mut first, 50);
        assert!(played.iter().all(|&played| played == Played::Frame));
        assert!(heard.iter().all(|&code| code == heard[0]));

        let mut again = Playout::new(PlayId(2), vec![ClipId(1)], Duration::ZERO, AfterPlay::Loop);
        again.resume(&first);
        assert_eq!(again.place, first.place);
        let mut other = Playout::new(PlayId(3), vec![ClipId(0)], Duration::ZERO, AfterPlay::Loop);
        other.resume(&first);
        assert_eq!(other.place, Place::default());
    }

    #[test]
    fn a_loop_of_empty_or_unknown_clips_is_silence_not_an_endless_search() {
        for clips in [vec![ClipId(2)], vec![ClipId(99), ClipId(2)]] {
            let mut playout = Playout::new(PlayId(1), clips, Duration::ZERO, AfterPlay::Loop);
            let (heard, played) = run(&mut playout, 3);
            assert_eq!(heard, [0xD5; 480]);
            assert_eq!(played, [Played::Frame; 3]);
        }
        let mut nothing = Playout::new(PlayId(1), vec![], Duration::ZERO, AfterPlay::Loop);
        assert_eq!(run(&mut nothing, 1).1, [Played::Nothing]);
        let mut unknown = Playout::new(PlayId(1), vec![ClipId(99)], Duration::ZERO, AfterPlay::Stop);
        assert_eq!(run(&mut unknown, 2).1, [Played::Last, Played::Nothing]);
    }
}
