//! Talk-off: hours of nothing but speech and music must never be taken for keys. The shipped prompts are the speech.

#![expect(clippy::disallowed_methods, reason = "a test reads the shipped prompts")]

use std::fs;
use std::path::{Path, PathBuf};

use hotline_media::inband::Detector;
use hotline_media::{Codec, g711};

fn wavs(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the prompts lie in the project") {
        let path = entry.expect("a folder that can be read").path();
        if path.is_dir() {
            wavs(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "wav") {
            found.push(path);
        }
    }
}

/// Samples of a mono WAV of 16 bits at 8 kHz.
fn samples(path: &Path) -> Vec<i16> {
    let bytes = fs::read(path).expect("a prompt that can be read");
    let data = bytes
        .windows(4)
        .position(|window| window == b"data")
        .expect("a data chunk");
    bytes[data + 8..]
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

#[test]
fn speech_of_two_languages_and_music_hold_no_key_at_any_loudness() {
    let mut found = Vec::new();
    wavs(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ivr-flows/prompts"),
        &mut found,
    );
    found.sort();
    let mut seconds = 0;
    for path in &found {
        let samples = samples(path);
        for (codec, numerator) in [(Codec::Pcma, 4), (Codec::Pcmu, 8), (Codec::Pcma, 1)] {
            let mut detector = Detector::default();
            for chunk in samples.chunks(160) {
                let payload: Vec<u8> = chunk
                    .iter()
                    .map(|&sample| {
                        let louder = i32::from(sample) * numerator / 4;
                        let clipped = louder.clamp(i32::from(i16::MIN), i32::from(i16::MAX));
                        g711::encode(codec, i16::try_from(clipped).unwrap())
                    })
                    .collect();
                assert_eq!(detector.take(codec, &payload), None, "{}", path.display());
            }
        }
        seconds += samples.len() / 8_000;
    }
    assert!(seconds > 300, "only {seconds} s of speech and music");
}
