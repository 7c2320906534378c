//! The shipped prompts and music, and the reading of a prompt's WAV.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Cursor;
use std::time::Duration;

use hound::{SampleFormat, WavReader};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/prompts"]
struct Shipped;

/// Sample rate of every prompt, in Hz.
pub const SAMPLE_RATE: u32 = 8000;

/// Longest prompt or music, in samples: ten minutes.
pub const SAMPLES_MAX: u32 = SAMPLE_RATE * 600;

/// Why a WAV is no prompt.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// Not the one format that is spoken to telephones.
    #[error(
        "a prompt is 8000 Hz, mono, 16-bit PCM; this one has {rate} Hz, {channels} channels, {bits} bits: \
         convert it, for instance with `sox IN -r 8000 -c 1 -b 16 OUT`"
    )]
    Format {
        /// Its sample rate.
        rate: u32,
        /// Its audio channels.
        channels: u16,
        /// Its bits per sample.
        bits: u16,
    },
    /// Longer than `SAMPLES_MAX`.
    #[error("a prompt has at most {SAMPLES_MAX} samples; this one has {0}")]
    TooLong(u32),
    /// Not a WAV file, or cut off.
    #[error("not a readable WAV file: {0}")]
    Wav(#[from] hound::Error),
}

/// The shipped prompts: language tag (empty for music), id, WAV.
pub fn embedded() -> impl Iterator<Item = (String, String, &'static [u8])> {
    Shipped::iter().filter_map(|file| {
        let (language, id) = split(&file)?;
        match Shipped::get(&file)?.data {
            Cow::Borrowed(wav) => Some((language.to_owned(), id.to_owned(), wav)),
            // Only where the crate is built to read them from disk, which its features rule out.
            Cow::Owned(_) => None,
        }
    })
}

/// The ids of the shipped prompts with their lengths, by language, as the checker wants them.
#[must_use]
pub fn embedded_ids() -> BTreeMap<String, BTreeMap<String, Duration>> {
    let mut ids: BTreeMap<String, BTreeMap<String, Duration>> = BTreeMap::new();
    for (language, id, wav) in embedded() {
        let samples = WavReader::new(Cursor::new(wav)).map_or(0, |reader| reader.duration());
        ids.entry(language).or_default().insert(id, length(samples));
    }
    ids
}

/// How long so many samples last.
#[must_use]
pub fn length(samples: u32) -> Duration {
    Duration::from_millis(u64::from(samples) * 1_000 / u64::from(SAMPLE_RATE))
}

/// What is wrong with how a prompt sounds, one sentence; None where nothing is. Speech is expected at -20 dBFS, see
/// prompts/README.md; what is recorded by hand may be 8 dB off.
#[must_use]
pub fn fault(samples: &[i16]) -> Option<String> {
    const CLIPPED: i16 = 32_700;
    const CLIPPED_MAX: usize = 3;
    const SPEECH: f64 = 300.0;
    let clipped = samples
        .iter()
        .filter(|sample| sample.saturating_abs() >= CLIPPED)
        .count();
    if clipped > CLIPPED_MAX {
        return Some(format!("it is clipped: {clipped} samples are at full scale"));
    }
    // Loudness over speech only: frames of 20 ms that hold more than background noise.
    let (mut sum, mut frames) = (0.0, 0_u32);
    for frame in samples.chunks(160) {
        let energy: f64 = frame.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        let mean = energy / f64::from(u32::try_from(frame.len()).unwrap_or(1));
        if mean > SPEECH * SPEECH {
            sum += mean;
            frames += 1;
        }
    }
    if frames == 0 {
        return Some("it is silent".to_owned());
    }
    let level = 10.0 * (sum / f64::from(frames) / f64::from(i16::MAX).powi(2)).log10();
    (!(-32.0..=-10.0).contains(&level)).then(|| format!("its level is {level:.0} dBFS; speech is at -20"))
}

/// Language and id of a prompt file, named `LANGUAGE/ID.wav` or `ID.wav` for music; None for any other file.
#[must_use]
pub fn split(file: &str) -> Option<(&str, &str)> {
    let stem = file.strip_suffix(".wav")?;
    let (language, id) = stem.split_once('/').unwrap_or(("", stem));
    (!id.is_empty() && !id.contains('/')).then_some((language, id))
}

/// The samples of a prompt.
///
/// # Errors
/// Anything but 8 kHz mono 16-bit PCM of at most `SAMPLES_MAX` samples.
pub fn decode(wav: &[u8]) -> Result<Vec<i16>, PromptError> {
    let mut reader = WavReader::new(Cursor::new(wav))?;
    let spec = reader.spec();
    if spec.sample_rate != SAMPLE_RATE
        || spec.channels != 1
        || spec.bits_per_sample != 16
        || spec.sample_format != SampleFormat::Int
    {
        return Err(PromptError::Format {
            rate: spec.sample_rate,
            channels: spec.channels,
            bits: spec.bits_per_sample,
        });
    }
    if reader.duration() > SAMPLES_MAX {
        return Err(PromptError::TooLong(reader.duration()));
    }
    let mut samples = Vec::with_capacity(wav.len() / 2);
    for sample in reader.samples::<i16>() {
        samples.push(sample?);
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(rate: u32, channels: u16, samples: &[i16]) -> Vec<u8> {
        let spec = hound::WavSpec {
            channels,
            sample_rate: rate,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
        for sample in samples {
            writer.write_sample(*sample).unwrap();
        }
        writer.finalize().unwrap();
        bytes.into_inner()
    }

    #[test]
    fn every_shipped_prompt_decodes_and_both_languages_and_music_are_there() {
        let mut count = 0;
        for (language, id, bytes) in embedded() {
            let samples = decode(bytes).unwrap_or_else(|error| panic!("{language}/{id}: {error}"));
            assert!(
                samples.len() > 400,
                "{language}/{id} has {} samples",
                samples.len()
            );
            assert_eq!(fault(&samples), None, "{language}/{id}");
            count += 1;
        }
        let ids = embedded_ids();
        assert!(count > 250, "{count}");
        assert_eq!(ids.keys().collect::<Vec<_>>(), ["", "en", "zh-CN"]);
        assert_eq!(ids[""].keys().collect::<Vec<_>>(), ["music-on-hold", "tone"]);
    }

    #[test]
    fn prompt_in_another_format_is_refused_with_the_format_it_should_have() {
        assert_eq!(decode(&wav(8000, 1, &[1, -2, 3])).unwrap(), [1, -2, 3]);
        for (rate, channels) in [(16_000, 1), (8000, 2), (44_100, 2)] {
            let error = decode(&wav(rate, channels, &[0, 0])).unwrap_err().to_string();
            assert!(
                error.contains("8000 Hz, mono, 16-bit") && error.contains(&rate.to_string()),
                "{error}"
            );
        }
    }

    #[test]
    fn cut_and_foreign_bytes_are_errors_not_panics() {
        let whole = wav(8000, 1, &[5; 200]);
        for cut in 0..whole.len() {
            if let Ok(samples) = decode(&whole[..cut]) {
                assert!(samples.len() < 200);
            }
        }
        assert!(decode(b"not a wave file at all, but long enough to look at").is_err());
    }

    #[test]
    fn file_names_give_language_and_id() {
        assert_eq!(split("en/welcome.wav"), Some(("en", "welcome")));
        assert_eq!(split("music-on-hold.wav"), Some(("", "music-on-hold")));
        for other in ["manifest.yaml", "en/.wav", "a/b/c.wav", "en/welcome.mp3"] {
            assert_eq!(split(other), None, "{other}");
        }
    }
}
