//! Tones: making them, and finding them in what was heard.

use std::f64::consts::TAU;

/// Samples a second, everywhere.
pub const RATE: usize = 8_000;
/// Samples of a window in which a tone is looked for: 50 ms, a whole number of periods of our tones.
const WINDOW: usize = 400;
/// Loudness from which a window counts.
const LOUD: f64 = 500.0;
/// Part of each second in which a beating tone is silent, samples.
const GAP: usize = 800;
/// Amplitude of our tones.
const AMPLITUDE: f64 = 8_000.0;

/// A tone that is silent in the last tenth of each second: sample number `at`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "audio samples"
)]
pub fn beating(hz: u32, at: usize) -> i16 {
    let within = at % RATE;
    if within >= RATE - GAP {
        return 0;
    }
    ((TAU * f64::from(hz) * within as f64 / RATE as f64).sin() * AMPLITUDE) as i16
}

/// A tone without a pause: sample number `at`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "audio samples"
)]
pub fn pure(hz: u32, at: usize) -> i16 {
    ((TAU * f64::from(hz) * at as f64 / RATE as f64).sin() * AMPLITUDE) as i16
}

/// Energy of one frequency as a share of all energy, 0 to 1 (Goertzel).
#[expect(clippy::cast_precision_loss, reason = "audio samples")]
fn share(window: &[i16], hz: u32) -> f64 {
    let turn = 2.0 * (TAU * f64::from(hz) / RATE as f64).cos();
    let (mut one, mut two, mut energy) = (0.0, 0.0, 0.0);
    for &sample in window {
        let sample = f64::from(sample);
        let now = sample + turn * one - two;
        two = one;
        one = now;
        energy += sample * sample;
    }
    let power = one * one + two * two - turn * one * two;
    if energy > 0.0 {
        2.0 * power / (energy * window.len() as f64)
    } else {
        0.0
    }
}

#[expect(clippy::cast_precision_loss, reason = "audio samples")]
fn loudness(window: &[i16]) -> f64 {
    let energy: f64 = window.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    (energy / window.len().max(1) as f64).sqrt()
}

/// Milliseconds in which this tone and little else is heard.
pub fn heard_ms(samples: &[i16], hz: u32) -> usize {
    let windows = samples.chunks_exact(WINDOW);
    windows
        .filter(|window| loudness(window) > LOUD && share(window, hz) > 0.8)
        .count()
        * WINDOW
        * 1_000
        / RATE
}

/// Milliseconds in which anything is heard.
pub fn loud_ms(samples: &[i16]) -> usize {
    samples
        .chunks_exact(WINDOW)
        .filter(|window| loudness(window) > LOUD)
        .count()
        * WINDOW
        * 1_000
        / RATE
}

/// Positions at which a beating tone falls silent: the last loud sample before 40 ms of silence.
pub fn falls(samples: &[i16]) -> Vec<usize> {
    const QUIET: usize = 320;
    const BEFORE: usize = 400;
    let loud: Vec<usize> = samples
        .iter()
        .enumerate()
        .filter(|(_, sample)| sample.unsigned_abs() > 600)
        .map(|(at, _)| at)
        .collect();
    loud.windows(2)
        .filter(|pair| pair[1] - pair[0] > QUIET)
        .map(|pair| pair[0])
        .filter(|&at| at >= BEFORE && loudness(&samples[at - BEFORE..at]) > LOUD)
        .collect()
}

/// The middle one of times that repeat each second, as a part of a second, 0 to 1.
pub fn beat(seconds: &[f64]) -> f64 {
    assert!(!seconds.is_empty(), "a beating tone falls silent once a second");
    let first = seconds[0];
    let mut apart: Vec<f64> = seconds
        .iter()
        .map(|at| (at - first + 0.5).rem_euclid(1.0) - 0.5)
        .collect();
    apart.sort_by(f64::total_cmp);
    (first + apart[apart.len() / 2]).rem_euclid(1.0)
}

/// Distance of two parts of a second on the circle.
pub fn distance(one: f64, other: f64) -> f64 {
    let apart = (one - other).rem_euclid(1.0);
    apart.min(1.0 - apart)
}

#[test]
fn a_beating_tone_is_found_with_its_beat() {
    let samples: Vec<i16> = (0..4 * RATE).map(|at| beating(440, at)).collect();
    assert!(heard_ms(&samples, 440) >= 3_500);
    assert_eq!(heard_ms(&samples, 1_000), 0);
    let falls = falls(&samples);
    assert_eq!(falls.len(), 3);
    assert!(
        falls.iter().all(|at| (at % RATE).abs_diff(RATE - GAP) < 20),
        "{falls:?}"
    );
    assert!(distance(beat(&[0.99, 2.01, 3.0]), 0.0) < 0.001);
}
