use std::f64::consts::TAU;

use super::*;

/// A piece of sound: tones with their amplitudes, for so many milliseconds.
type Piece<'a> = (&'a [(f64, f64)], usize);

fn samples(pieces: &[Piece<'_>]) -> Vec<f64> {
    let mut all = Vec::new();
    for &(tones, ms) in pieces {
        for at in 0..ms * 8 {
            let time = at as f64 / 8_000.0;
            all.push(
                tones
                    .iter()
                    .map(|(hz, loud)| loud * (TAU * hz * time).sin())
                    .sum(),
            );
        }
    }
    all
}

/// The keys heard in samples, in packets of 20 ms of A-law.
fn heard(samples: &[f64]) -> String {
    let codes: Vec<u8> = samples
        .iter()
        .map(|sample| g711::encode(Codec::Pcma, sample.clamp(-32_000.0, 32_000.0) as i16))
        .collect();
    let mut detector = Detector::default();
    codes
        .chunks(160)
        .filter_map(|packet| detector.take(Codec::Pcma, packet))
        .collect()
}

/// A key as `(low, high)` at an amplitude each, off by a factor.
fn key(row: usize, column: usize, loud: (f64, f64), off: f64) -> [(f64, f64); 2] {
    [
        (f64::from(LOW_HZ[row]) * off, loud.0),
        (f64::from(HIGH_HZ[column]) * off, loud.1),
    ]
}

const LOUD: (f64, f64) = (4_000.0, 4_000.0);

#[test]
fn each_key_is_heard_once_however_long_it_is_held_and_wherever_it_begins() {
    for (row, keys) in KEYS.into_iter().enumerate() {
        for (column, name) in keys.into_iter().enumerate() {
            let tones = key(row, column, LOUD, 1.0);
            for (lead, ms) in [(0, 52), (3, 52), (7, 100), (11, 3_000)] {
                let sound = samples(&[(&[], lead), (&tones, ms), (&[], 100)]);
                assert_eq!(heard(&sound), name.to_string(), "after {lead} ms for {ms} ms");
            }
        }
    }
}

#[test]
fn keys_in_a_row_are_told_apart_and_a_pair_of_the_same_too() {
    let (one, two) = (key(0, 0, LOUD, 1.0), key(0, 1, LOUD, 1.0));
    let sound = samples(&[
        (&one, 60),
        (&[], 50),
        (&one, 60),
        (&[], 50),
        (&two, 60),
        (&[], 50),
        (&one, 60),
        (&[], 50),
    ]);
    assert_eq!(heard(&sound), "1121");
}

#[test]
fn tolerances_are_those_of_q24() {
    let cases = [
        // Amplitudes of low and high, off by, milliseconds: heard.
        ((4_000.0, 4_000.0), 1.015, 60, true),
        ((4_000.0, 4_000.0), 0.985, 60, true),
        ((4_000.0, 4_000.0), 1.04, 200, false),
        ((4_000.0, 4_000.0), 0.96, 200, false),
        ((4_000.0, 4_000.0), 1.0, 18, false),
        // 3 dB of twist, 7 dB of reverse twist, and beyond both.
        ((4_000.0, 5_600.0), 1.0, 60, true),
        ((4_000.0, 1_800.0), 1.0, 60, true),
        ((2_000.0, 5_000.0), 1.0, 60, false),
        ((5_000.0, 1_200.0), 1.0, 60, false),
        ((500.0, 500.0), 1.0, 60, true),
        ((60.0, 60.0), 1.0, 60, false),
        ((4_000.0, 0.0), 1.0, 200, false),
        ((0.0, 4_000.0), 1.0, 200, false),
    ];
    for (loud, off, ms, expected) in cases {
        for (row, column) in [(0, 0), (1, 2), (3, 3)] {
            let tones = key(row, column, loud, off);
            let found = heard(&samples(&[(&[], 5), (&tones, ms), (&[], 100)]));
            let wanted = if expected {
                KEYS[row][column].to_string()
            } else {
                String::new()
            };
            assert_eq!(found, wanted, "{loud:?} off by {off} for {ms} ms");
        }
    }
}

#[test]
fn a_key_is_heard_through_noise_of_20_db_below_and_noise_alone_is_no_key() {
    let mut rng = hotline_types::Rng::from_seed(11);
    let mut noise = move |loud: f64| (rng.below(2_001) as f64 / 1_000.0 - 1.0) * loud;
    let tones = key(1, 1, LOUD, 1.0);
    let mut sound = samples(&[(&[], 20), (&tones, 80), (&[], 80)]);
    for sample in &mut sound {
        *sample += noise(690.0);
    }
    assert_eq!(heard(&sound), "5");
    let hiss: Vec<f64> = (0..8_000 * 60).map(|_| noise(12_000.0)).collect();
    assert_eq!(heard(&hiss), "");
}

#[test]
fn voiced_sounds_of_every_pitch_are_no_keys() {
    // A voice: harmonics of a gliding pitch under moving formants, from deep to high, ten minutes in all.
    let mut sound = Vec::new();
    let mut phase = 0.0_f64;
    for at in 0..8_000 * 600 {
        let time = at as f64 / 8_000.0;
        let pitch = 180.0 + 110.0 * (TAU * 0.37 * time).sin() + 15.0 * (TAU * 5.1 * time).sin();
        phase = (phase + pitch / 8_000.0).fract();
        let first = 550.0 + 300.0 * (TAU * 1.3 * time).sin();
        let second = 1_450.0 + 600.0 * (TAU * 0.9 * time + 1.0).sin();
        let harmonics = 1..=12;
        let sample: f64 = harmonics
            .map(|number| {
                let hz = pitch * f64::from(number);
                let near = |formant: f64, width: f64| (-((hz - formant) / width).powi(2)).exp();
                let loud = near(first, 120.0) + 0.5 * near(second, 150.0) + 0.04;
                loud * (TAU * phase * f64::from(number)).sin()
            })
            .sum();
        sound.push(sample * 6_000.0);
    }
    assert_eq!(heard(&sound), "");
}
