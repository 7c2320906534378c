//! Puts the tapped payloads of both sides on one time base: arrival anchors, RTP timestamps order (design.md
//! section 7).
//!
//! Each side has an anchor: this RTP timestamp lies at this sample of the file. A payload's place follows from its
//! timestamp alone, so that jitter and reordering do not show. How late a payload came for its place is compared
//! with those within `LOOK_AHEAD` before and after it: where one of them is in time, it was the network and the
//! anchor stays; where none is within `DRIFT_MAX`, it was the sender (its clock, or a pause that its timestamps do not
//! count), and the anchor moves. A payload before its time moves the anchor at once, since nothing can be heard
//! before it was said.

use std::collections::VecDeque;
use std::time::Duration;

use hotline_media::g711;
use hotline_media::tap::{Channel, TapBatch, TapFrame};
use hotline_types::Time;

/// Drift between timestamps and arrival that moves the anchor.
const DRIFT_MAX: i64 = samples(Duration::from_millis(40));

/// How far behind its place a payload may come and still be written.
pub const LATE_MAX: Duration = Duration::from_millis(200);

/// How long a payload is kept to see what follows it.
pub const LOOK_AHEAD: Duration = Duration::from_millis(160);

/// How far the file stays behind what was handed over; below half a second, so that with the half second in the
/// media thread a crash costs less than one second.
pub const HOLD_BACK: Duration = Duration::from_millis(360);

/// Payloads that one side may have in its look-ahead; the oldest is placed early beyond.
const PENDING_MAX: usize = 128;

/// Samples that one side holds for the file at most: hold-back, one batch interval and the longest payload.
const HELD_MAX: i64 = 24_000;

/// How far a payload may lie ahead of the file before the file catches up: 1.5 seconds, half of `HELD_MAX`.
const GAP_MAX: i64 = 12_000;

/// Frames handed out at once: one second.
const CHUNK_FRAMES: i64 = 8_000;

/// Silence of one side shorter than this is no gap.
pub const GAP_MIN: Duration = Duration::from_millis(200);

/// One sample in this many is asked whether anything came: gaps are known to 10 ms.
const GAP_STEP: usize = 80;

/// Gaps of one side that are remembered; further ones are counted.
const GAPS_MAX: usize = 4_096;

/// No sound yet: no G.711 code decodes to it (their range is -32,256 to 32,256), so it marks the gaps.
const EMPTY: i16 = i16::MIN;

/// Whole samples of a time at 8 kHz.
const fn samples(time: Duration) -> i64 {
    (time.as_millis() * 8) as i64
}

/// What became of payloads that are not in the file as they were said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameCounts {
    /// Payloads placed.
    pub placed: u64,
    /// Payloads dropped whole: their place is filled already.
    pub duplicate: u64,
    /// Payloads dropped whole: their place is written already, or lies before the recording.
    pub late: u64,
    /// Times that an anchor moved.
    pub reanchored: u64,
    /// Payloads that reached too far ahead and were cut or dropped.
    pub cut: u64,
}

/// The audio of one recording between its frames and its file. Left is the caller, right the agent.
#[derive(Debug)]
pub struct Assembler {
    start: Time,
    /// Frames handed out so far: the file's length.
    written: i64,
    /// Everything before this time was handed over.
    complete: Time,
    caller: Track,
    agent: Track,
    out: Vec<i16>,
    counts: FrameCounts,
    gaps_left_out: u64,
}

impl Assembler {
    /// A recording whose time zero is `start`.
    #[must_use]
    pub fn new(start: Time) -> Self {
        Self {
            start,
            written: 0,
            complete: start,
            caller: Track::default(),
            agent: Track::default(),
            out: Vec::new(),
            counts: FrameCounts::default(),
            gaps_left_out: 0,
        }
    }

    /// Where nothing came from caller and agent, in milliseconds of what was handed out, and how many more there were.
    #[must_use]
    pub fn gaps(&self) -> ([Vec<(u64, u64)>; 2], u64) {
        let of = |track: &Track| {
            let open = track.silent_since.map(|since| (since, self.written));
            let all = track.gaps.iter().copied().chain(open);
            all.filter(|(from, to)| to - from >= samples(GAP_MIN))
                .map(|(from, to)| ((from / 8).unsigned_abs(), (to / 8).unsigned_abs()))
                .collect()
        };
        ([of(&self.caller), of(&self.agent)], self.gaps_left_out)
    }

    /// Milliseconds from the recording's start to this time; 0 before it.
    #[must_use]
    pub fn millis(&self, at: Time) -> u64 {
        u64::try_from(at.since(self.start).as_millis()).unwrap_or(u64::MAX)
    }

    /// What became of the payloads so far.
    #[must_use]
    pub fn counts(&self) -> FrameCounts {
        self.counts
    }

    /// Frames handed out so far, 8,000 a second.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.written.unsigned_abs()
    }

    /// Everything before this time was handed over.
    #[must_use]
    pub fn complete(&self) -> Time {
        self.complete
    }

    /// Takes a batch that is complete up to `until`, and hands out what is ready: left, right, left, right.
    ///
    /// # Errors
    /// What `sink` answers.
    pub fn batch<E>(
        &mut self,
        batch: &TapBatch,
        until: Time,
        mut sink: impl FnMut(&[i16]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut at = 0;
        for frame in &batch.frames {
            let end = at + usize::from(frame.len);
            // A batch whose lengths do not add up ends where its bytes end.
            let Some(payload) = batch.bytes.get(at..end) else {
                break;
            };
            at = end;
            if self.position(frame.arrived) - self.written > GAP_MAX {
                // After a long silence the file catches up first, so that what is held stays bounded.
                self.complete_until(frame.arrived, &mut sink)?;
            }
            self.push(frame, payload);
        }
        self.complete_until(until, &mut sink)
    }

    fn complete_until<E>(
        &mut self,
        until: Time,
        sink: &mut impl FnMut(&[i16]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.complete = self.complete.max(until);
        let complete = self.position(self.complete);
        self.place_until(complete - samples(LOOK_AHEAD));
        self.hand_out(complete - samples(HOLD_BACK), sink)
    }

    /// Ends the recording at `at`: hands out the rest, cut or filled with silence to this time.
    ///
    /// # Errors
    /// What `sink` answers.
    pub fn finish<E>(&mut self, at: Time, mut sink: impl FnMut(&[i16]) -> Result<(), E>) -> Result<(), E> {
        self.place_until(i64::MAX);
        let end = self.position(at);
        self.hand_out(end, &mut sink)
    }

    fn position(&self, at: Time) -> i64 {
        let nanos = i128::from(at.as_nanos()) - i128::from(self.start.as_nanos());
        i64::try_from(nanos.div_euclid(125_000)).unwrap_or(i64::MAX)
    }

    fn push(&mut self, frame: &TapFrame, payload: &[u8]) {
        let arrived = self.position(frame.arrived);
        let track = match frame.channel {
            Channel::Caller => &mut self.caller,
            Channel::Agent => &mut self.agent,
        };
        if track.pending.len() >= PENDING_MAX {
            track.place_oldest(self.written, &mut self.counts);
        }
        let mut samples = track.spare.pop().unwrap_or_default();
        let table = g711::decode_table(frame.codec);
        samples.extend(payload.iter().map(|code| table[usize::from(*code)]));
        track.pending.push_back(Pending {
            arrived,
            timestamp: frame.timestamp,
            ssrc: frame.ssrc,
            samples,
        });
    }

    /// Places every payload that arrived before `due`.
    fn place_until(&mut self, due: i64) {
        for track in [&mut self.caller, &mut self.agent] {
            while track.pending.front().is_some_and(|oldest| oldest.arrived < due) {
                track.place_oldest(self.written, &mut self.counts);
            }
        }
    }

    fn hand_out<E>(&mut self, horizon: i64, sink: &mut impl FnMut(&[i16]) -> Result<(), E>) -> Result<(), E> {
        while self.written < horizon {
            let frames = (horizon - self.written).min(CHUNK_FRAMES);
            self.out.clear();
            let count = usize::try_from(frames).unwrap_or(0);
            let (left, right) = (self.caller.said(count), self.agent.said(count));
            self.out.extend(
                left.zip(right)
                    .take(count)
                    .flat_map(|(left, right)| [left, right]),
            );
            for track in [&mut self.caller, &mut self.agent] {
                self.gaps_left_out += track.note_gaps(self.written, count);
                track.let_go(count);
            }
            self.written += frames;
            sink(&self.out)?;
        }
        Ok(())
    }
}

/// A payload in its look-ahead, decoded.
#[derive(Debug)]
struct Pending {
    arrived: i64,
    timestamp: u32,
    ssrc: u32,
    samples: Vec<i16>,
}

/// This timestamp of this source lies at this sample of the file.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    ssrc: u32,
    timestamp: u32,
    position: i64,
}

impl Anchor {
    fn place(&self, timestamp: u32) -> i64 {
        // The difference of two timestamps that wrapped is the signed one (RFC 3550 §5.1).
        self.position + i64::from(timestamp.wrapping_sub(self.timestamp).cast_signed())
    }
}

/// One side.
#[derive(Debug, Default)]
struct Track {
    anchor: Option<Anchor>,
    /// When the last payload arrived that was within `DRIFT_MAX` of its place.
    in_time: i64,
    pending: VecDeque<Pending>,
    /// Samples from the first that is not written on, `EMPTY` where nothing was said yet.
    held: Vec<i16>,
    /// Buffers for reuse.
    spare: Vec<Vec<i16>>,
    /// Since which sample nothing came.
    silent_since: Option<i64>,
    /// Stretches in which nothing came, in samples.
    gaps: Vec<(i64, i64)>,
}

impl Track {
    /// The next samples, silence in the gaps and behind the last.
    fn said(&self, count: usize) -> impl Iterator<Item = i16> {
        let held = &self.held[..count.min(self.held.len())];
        let sound = held
            .iter()
            .map(|sample| if *sample == EMPTY { 0 } else { *sample });
        sound.chain(std::iter::repeat(0))
    }

    /// Looks for stretches without audio in what is about to be let go; how many found no room.
    fn note_gaps(&mut self, written: i64, count: usize) -> u64 {
        let mut left_out = 0;
        for step in (0..count).step_by(GAP_STEP) {
            let came = self.held.get(step).is_some_and(|sample| *sample != EMPTY);
            let at = written + i64::try_from(step).unwrap_or(0);
            match (came, self.silent_since) {
                (false, None) => self.silent_since = Some(at),
                (true, Some(since)) => {
                    self.silent_since = None;
                    if at - since < samples(GAP_MIN) {
                        continue;
                    }
                    if self.gaps.len() < GAPS_MAX {
                        self.gaps.push((since, at));
                    } else {
                        left_out += 1;
                    }
                }
                (true, None) | (false, Some(_)) => {}
            }
        }
        left_out
    }

    fn let_go(&mut self, count: usize) {
        self.held.drain(..count.min(self.held.len()));
    }

    fn place_oldest(&mut self, written: i64, counts: &mut FrameCounts) {
        let Some(mut oldest) = self.pending.pop_front() else {
            return;
        };
        let place = self.place_of(&oldest, counts);
        self.fill(place, &oldest.samples, written, counts);
        if self.spare.len() < PENDING_MAX {
            oldest.samples.clear();
            self.spare.push(oldest.samples);
        }
    }

    /// Where the payload belongs; moves the anchor where the sender and the clock have parted.
    fn place_of(&mut self, oldest: &Pending, counts: &mut FrameCounts) -> i64 {
        if let Some(anchor) = self.anchor.filter(|anchor| anchor.ssrc == oldest.ssrc) {
            let place = anchor.place(oldest.timestamp);
            let late = oldest.arrived - place;
            let in_time = |next: &Pending| {
                next.ssrc == oldest.ssrc && next.arrived - anchor.place(next.timestamp) <= DRIFT_MAX
            };
            if (-DRIFT_MAX..=DRIFT_MAX).contains(&late) {
                self.in_time = oldest.arrived;
                return place;
            }
            let just_before = oldest.arrived - self.in_time <= samples(LOOK_AHEAD);
            if late > DRIFT_MAX && (just_before || self.followers(oldest).any(in_time)) {
                return place;
            }
            counts.reanchored += 1;
        }
        let position = self.least_delayed(oldest);
        self.anchor = Some(Anchor {
            ssrc: oldest.ssrc,
            timestamp: oldest.timestamp,
            position,
        });
        position
    }

    fn followers(&self, oldest: &Pending) -> impl Iterator<Item = &Pending> {
        let horizon = oldest.arrived + samples(LOOK_AHEAD);
        self.pending
            .iter()
            .take_while(move |next| next.arrived <= horizon)
    }

    /// The place of a payload that starts a time base: its arrival, less what the network held it up, which shows
    /// in the followers that came sooner after it than their timestamps say.
    fn least_delayed(&self, oldest: &Pending) -> i64 {
        let earliest = oldest.arrived - samples(LATE_MAX);
        let base = Anchor {
            ssrc: oldest.ssrc,
            timestamp: oldest.timestamp,
            position: 0,
        };
        self.followers(oldest)
            .filter(|next| next.ssrc == oldest.ssrc)
            .map(|next| next.arrived - base.place(next.timestamp))
            .filter(|place| (earliest..oldest.arrived).contains(place))
            .min()
            .unwrap_or(oldest.arrived)
    }

    /// Writes into the gaps; what is there already stays.
    fn fill(&mut self, place: i64, samples: &[i16], written: i64, counts: &mut FrameCounts) {
        let first = place - written;
        let length = i64::try_from(samples.len()).unwrap_or(i64::MAX);
        let end = first.saturating_add(length);
        if end <= 0 {
            counts.late += 1;
            return;
        }
        if end > HELD_MAX {
            counts.cut += 1;
        }
        let (from, to) = (first.max(0), end.min(HELD_MAX));
        if from >= to {
            return;
        }
        let index = |at: i64| usize::try_from(at).unwrap_or(0);
        if self.held.len() < index(to) {
            self.held.resize(index(to), EMPTY);
        }
        let mut new = false;
        let said = &samples[index(from - first)..index(to - first)];
        for (gap, sample) in self.held[index(from)..index(to)].iter_mut().zip(said) {
            if *gap == EMPTY {
                *gap = *sample;
                new = true;
            }
        }
        if new {
            counts.placed += 1;
        } else {
            counts.duplicate += 1;
        }
    }
}

#[cfg(test)]
mod tests;
