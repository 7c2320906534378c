//! Keys heard in the audio itself (ITU-T Q.23, Q.24), for trunks that send no telephone-events.
//!
//! Blocks of 12.75 ms, eight Goertzel filters. A block shows a key where one low and one high tone stand out of their
//! groups, are nearly as loud as each other, and are nearly all that is there: speech has too much beside them. Three
//! such blocks in a row, steady in loudness and true in frequency, begin a key (51 ms are always enough), two without it
//! end it, so that a key held is one key and a gap of 40 ms parts two.

use crate::{Codec, g711};

/// Samples of a block, at 8 kHz.
const BLOCK: usize = 102;
const LOW_HZ: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const HIGH_HZ: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
const KEYS: [[char; 4]; 4] = [
    ['1', '2', '3', 'A'],
    ['4', '5', '6', 'B'],
    ['7', '8', '9', 'C'],
    ['*', '0', '#', 'D'],
];
/// Mean square of the quietest pair of tones that counts: about -36 dBm0, well above Q.24's noise.
const QUIETEST: f32 = 40_000.0;
/// Share of the block's energy that the two tones must have, as their filters see them and, once their true
/// frequencies are known, as they are.
const PURITY: f32 = 0.78;
const TRUE_PURITY: f32 = 0.9;
/// How much louder than its group a tone must be, as a power: 8 dB.
const PEAK: f32 = 6.3;
/// High tone over low tone at most, 4 dB, and low over high at most, 8 dB, as powers (Q.24).
const TWIST: f32 = 2.51;
const REVERSE_TWIST: f32 = 6.3;
/// How much either tone of a key may change from block to block while it begins, as a power: 2 dB. A voice glides; the
/// two tones of a key, seen through filters of 12.75 ms, disturb each other by 1.7 dB at most.
const STEADY: f32 = 1.6;
/// How far a tone may be off, as a part of its frequency: Q.24 wants 1.5 % taken and 3.5 % refused.
const OFF: f32 = 0.022;
/// Blocks that begin a key: a key of 51 ms always has three whole ones, and no voice stays so pure for so long.
const BEGIN_BLOCKS: u8 = 3;
/// Blocks without it that end a key.
const END_BLOCKS: u8 = 2;

/// One filter.
#[derive(Clone, Copy, Debug, Default)]
struct Goertzel {
    /// Radians a sample.
    turn: f32,
    coefficient: f32,
    one: f32,
    two: f32,
}

impl Goertzel {
    fn new(hz: f32) -> Self {
        let turn = std::f32::consts::TAU * hz / 8_000.0;
        Self {
            turn,
            coefficient: 2.0 * turn.cos(),
            one: 0.0,
            two: 0.0,
        }
    }

    fn take(&mut self, sample: f32) {
        // No `mul_add`: without FMA in the target it is a call for each sample and filter.
        let now = self.coefficient * self.one + (sample - self.two);
        self.two = self.one;
        self.one = now;
    }

    /// What the block held of the tone; begins anew.
    #[expect(clippy::cast_precision_loss, reason = "the length of a block")]
    fn end(&mut self) -> Tone {
        let real = self.one - self.two * self.coefficient / 2.0;
        let imaginary = self.two * self.turn.sin();
        (self.one, self.two) = (0.0, 0.0);
        Tone {
            turn: self.turn,
            energy: 2.0 * (real * real + imaginary * imaginary) / BLOCK as f32,
            phase: imaginary.atan2(real),
        }
    }
}

/// A tone in one block.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Tone {
    /// Radians a sample that its filter looks for.
    turn: f32,
    /// In the units of the sum of squared samples.
    energy: f32,
    /// At the end of the block.
    phase: f32,
}

impl Tone {
    /// Its energy where it went on evenly from the block before. How far its phase is from where the nominal tone
    /// would be tells its true frequency, up to 39 Hz off, and so what its filter missed of it.
    #[expect(clippy::cast_precision_loss, reason = "the length of a block")]
    fn goes_on(&self, before: &Self) -> Option<f32> {
        use std::f32::consts::{PI, TAU};
        let block = BLOCK as f32;
        let astray = (self.phase - before.phase - self.turn * block + PI).rem_euclid(TAU) - PI;
        let even = self.energy <= STEADY * before.energy
            && before.energy <= STEADY * self.energy
            && astray.abs() <= OFF * self.turn * block;
        let half = (astray / 2.0).abs().max(1e-3);
        let seen = half.sin() / half;
        even.then(|| self.energy / (seen * seen))
    }
}

/// A key in one block, with its tones.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Seen {
    key: char,
    tones: [Tone; 2],
    /// Of the whole block.
    energy: f32,
}

impl Seen {
    fn goes_on(&self, before: &Self) -> bool {
        let mut tones = self.tones.iter().zip(&before.tones);
        let energy = tones.try_fold(0.0, |sum, (now, before)| Some(sum + now.goes_on(before)?));
        self.key == before.key && energy.is_some_and(|energy| energy >= TRUE_PURITY * self.energy)
    }
}

/// The detector of one leg.
#[derive(Clone, Debug)]
pub struct Detector {
    low: [Goertzel; 4],
    high: [Goertzel; 4],
    energy: f32,
    taken: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Silent,
    /// A key was seen in so many blocks in a row, and its tones were so loud in the last.
    Rising(Seen, u8),
    /// It was told; since so many blocks it is gone.
    Held(char, u8),
}

impl Default for Detector {
    fn default() -> Self {
        Self {
            low: LOW_HZ.map(Goertzel::new),
            high: HIGH_HZ.map(Goertzel::new),
            energy: 0.0,
            taken: 0,
            state: State::Silent,
        }
    }
}

impl Detector {
    /// Takes a payload of G.711; a key that began in it. A packet holds one at most: two begin 80 ms apart.
    pub fn take(&mut self, codec: Codec, payload: &[u8]) -> Option<char> {
        let mut key = None;
        for &code in payload {
            key = self.sample(f32::from(g711::decode(codec, code))).or(key);
        }
        key
    }

    /// Packets are missing: what was begun is not gone on with.
    pub fn gap(&mut self) {
        *self = Self {
            state: self.state,
            ..Self::default()
        };
    }

    fn sample(&mut self, sample: f32) -> Option<char> {
        for filter in self.low.iter_mut().chain(&mut self.high) {
            filter.take(sample);
        }
        self.energy += sample * sample;
        self.taken += 1;
        if self.taken < BLOCK {
            return None;
        }
        let seen = self.block();
        self.energy = 0.0;
        self.taken = 0;
        self.step(seen)
    }

    #[expect(clippy::cast_precision_loss, reason = "the length of a block")]
    fn block(&mut self) -> Option<Seen> {
        let low = self.low.each_mut().map(Goertzel::end);
        let high = self.high.each_mut().map(Goertzel::end);
        let (row, low_tone) = peak(low)?;
        let (column, high_tone) = peak(high)?;
        let both = low_tone.energy + high_tone.energy;
        let fits = both >= QUIETEST * BLOCK as f32
            && both >= PURITY * self.energy
            && high_tone.energy <= TWIST * low_tone.energy
            && low_tone.energy <= REVERSE_TWIST * high_tone.energy;
        fits.then(|| Seen {
            key: KEYS[row][column],
            tones: [low_tone, high_tone],
            energy: self.energy,
        })
    }

    fn step(&mut self, seen: Option<Seen>) -> Option<char> {
        let (state, told) = match (self.state, seen) {
            (State::Silent | State::Rising(..), None) => (State::Silent, None),
            (State::Silent, Some(seen)) => (State::Rising(seen, 1), None),
            (State::Rising(before, blocks), Some(seen)) if seen.goes_on(&before) => {
                if blocks + 1 >= BEGIN_BLOCKS {
                    (State::Held(seen.key, 0), Some(seen.key))
                } else {
                    (State::Rising(seen, blocks + 1), None)
                }
            }
            (State::Rising(..), Some(seen)) => (State::Rising(seen, 1), None),
            (State::Held(key, _), Some(seen)) if seen.key == key => (State::Held(key, 0), None),
            (State::Held(key, gone), _) if gone + 1 < END_BLOCKS => (State::Held(key, gone + 1), None),
            (State::Held(..), None) => (State::Silent, None),
            (State::Held(..), Some(seen)) => (State::Rising(seen, 1), None),
        };
        self.state = state;
        told
    }
}

/// The strongest of a group, where it stands out of it.
fn peak(group: [Tone; 4]) -> Option<(usize, Tone)> {
    let (at, tone) = group
        .into_iter()
        .enumerate()
        .max_by(|(_, one), (_, other)| one.energy.total_cmp(&other.energy))?;
    let alone = group
        .iter()
        .enumerate()
        .all(|(other, weaker)| other == at || tone.energy >= PEAK * weaker.energy);
    alone.then_some((at, tone))
}

#[cfg(test)]
mod tests;
