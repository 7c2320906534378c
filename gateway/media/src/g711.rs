//! G.711: both laws to 16-bit linear and back, and law to law in place.
//!
//! The decoded values are those of ITU-T G.711 tables 1a to 2b, scaled to 16 bits. Encoding takes the code
//! whose interval holds the sample. The tables are our own because the A-law encoder of `audio-codec` 0.4
//! turns -1..=-8 into a positive code and shifts the negative intervals by half a step; the tests hold ours
//! against it everywhere else.

use crate::Codec;

/// Samples a second of both laws.
pub const RATE: u32 = 8_000;
/// Samples, and bytes, of a millisecond.
pub const SAMPLES_PER_MS: usize = 8;

static ULAW: [i16; 256] = table(false);
static ALAW: [i16; 256] = table(true);
static ULAW_TO_ALAW: [u8; 256] = law_to_law(&ULAW, true);
static ALAW_TO_ULAW: [u8; 256] = law_to_law(&ALAW, false);

/// The sample of a code, 16 bits linear.
#[must_use]
pub fn decode(codec: Codec, code: u8) -> i16 {
    decode_table(codec)[usize::from(code)]
}

/// The samples of all 256 codes.
#[must_use]
pub fn decode_table(codec: Codec) -> &'static [i16; 256] {
    match codec {
        Codec::Pcmu => &ULAW,
        Codec::Pcma => &ALAW,
    }
}

/// The code of a sample; samples beyond the law's range take its last code.
#[must_use]
pub fn encode(codec: Codec, sample: i16) -> u8 {
    match codec {
        Codec::Pcmu => encode_ulaw(sample),
        Codec::Pcma => encode_alaw(sample),
    }
}

/// The code of silence: the smallest positive step.
#[must_use]
pub const fn silence(codec: Codec) -> u8 {
    match codec {
        Codec::Pcmu => 0xFF,
        Codec::Pcma => 0xD5,
    }
}

/// Turns a payload of one law into the other, in place; nothing happens where both are the same.
pub fn transcode(from: Codec, to: Codec, payload: &mut [u8]) {
    let table = match (from, to) {
        (Codec::Pcmu, Codec::Pcma) => &ULAW_TO_ALAW,
        (Codec::Pcma, Codec::Pcmu) => &ALAW_TO_ULAW,
        (Codec::Pcmu, Codec::Pcmu) | (Codec::Pcma, Codec::Pcma) => return,
    };
    for code in payload {
        *code = table[usize::from(*code)];
    }
}

const fn decode_ulaw(code: u8) -> i16 {
    let bits = !code;
    let magnitude = ((((bits & 0x0F) as i16) << 3) + 0x84) << ((bits & 0x70) >> 4);
    if bits & 0x80 != 0 {
        0x84 - magnitude
    } else {
        magnitude - 0x84
    }
}

const fn decode_alaw(code: u8) -> i16 {
    let bits = code ^ 0x55;
    let segment = (bits & 0x70) >> 4;
    let step = ((bits & 0x0F) as i16) << 4;
    let magnitude = match segment {
        0 => step + 8,
        _ => (step + 0x108) << (segment - 1),
    };
    if bits & 0x80 != 0 { magnitude } else { -magnitude }
}

const fn encode_ulaw(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80_u8 } else { 0 };
    let clipped = if sample.unsigned_abs() > 32_635 {
        32_635
    } else {
        sample.unsigned_abs()
    };
    let biased = clipped + 0x84;
    let segment = 8 - biased.leading_zeros();
    let step = ((biased >> (segment + 3)) & 0x0F) as u8;
    !(sign | ((segment as u8) << 4) | step)
}

const fn encode_alaw(sample: i16) -> u8 {
    let sign = if sample < 0 { 0 } else { 0x80_u8 };
    let magnitude = if sample < 0 { !sample as u16 } else { sample as u16 };
    let code = if magnitude < 256 {
        (magnitude >> 4) as u8
    } else {
        let segment = 8 - magnitude.leading_zeros();
        ((segment as u8) << 4) | ((magnitude >> (segment + 3)) & 0x0F) as u8
    };
    (sign | code) ^ 0x55
}

const fn table(alaw: bool) -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = if alaw {
            decode_alaw(code as u8)
        } else {
            decode_ulaw(code as u8)
        };
        code += 1;
    }
    table
}

const fn law_to_law(from: &[i16; 256], alaw: bool) -> [u8; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = if alaw {
            encode_alaw(from[code])
        } else {
            encode_ulaw(from[code])
        };
        code += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use audio_codec::{Decoder, Encoder};

    use super::*;

    #[test]
    fn decoding_agrees_with_an_independent_codec_on_every_code() {
        let codes: Vec<u8> = (0..=255).collect();
        let decoded = |decoder: &mut dyn Decoder| {
            let mut out = vec![0; 256];
            decoder.decode_into(&codes, &mut out).unwrap();
            out
        };
        assert_eq!(decoded(&mut audio_codec::pcmu::PcmuDecoder::new()), ULAW);
        assert_eq!(decoded(&mut audio_codec::pcma::PcmaDecoder::new()), ALAW);
    }

    #[test]
    fn encoding_agrees_with_an_independent_codec_except_for_its_negative_a_law() {
        let samples: Vec<i16> = (i16::MIN..=i16::MAX).collect();
        let encoded = |encoder: &mut dyn Encoder| {
            let mut out = vec![0; samples.len()];
            encoder.encode_into(&samples, &mut out).unwrap();
            out
        };
        let ulaw = encoded(&mut audio_codec::pcmu::PcmuEncoder::new());
        let alaw = encoded(&mut audio_codec::pcma::PcmaEncoder::new());
        for (at, &sample) in samples.iter().enumerate() {
            // The one mu-law code for negative zero is the only freedom that the law leaves.
            assert_eq!(encode(Codec::Pcmu, sample), ulaw[at], "mu-law {sample}");
            if sample >= 0 {
                assert_eq!(encode(Codec::Pcma, sample), alaw[at], "A-law {sample}");
            }
        }
        assert_eq!(decode(Codec::Pcma, encode(Codec::Pcma, -8)), -8);
        assert_eq!(decode(Codec::Pcma, encode(Codec::Pcma, -24)), -24);
    }

    #[test]
    fn every_code_survives_decoding_and_encoding() {
        for code in 0..=255_u8 {
            assert_eq!(
                encode(Codec::Pcma, decode(Codec::Pcma, code)),
                code,
                "A-law {code:#x}"
            );
            if code != 0x7F {
                assert_eq!(
                    encode(Codec::Pcmu, decode(Codec::Pcmu, code)),
                    code,
                    "mu-law {code:#x}"
                );
            }
        }
    }

    #[test]
    fn an_encoded_sample_is_never_more_than_half_a_step_away() {
        for codec in [Codec::Pcmu, Codec::Pcma] {
            for sample in (-32_000..=32_000_i16).step_by(7) {
                let back = i32::from(decode(codec, encode(codec, sample)));
                let off = (back - i32::from(sample)).abs();
                let bound = 16.max(i32::from(sample).abs() / 16);
                assert!(off <= bound, "{codec:?} {sample} came back as {back}");
            }
        }
    }

    #[test]
    fn law_to_law_is_decode_then_encode_and_silence_stays_silence() {
        let mut payload: Vec<u8> = (0..=255).collect();
        transcode(Codec::Pcmu, Codec::Pcma, &mut payload);
        for (code, turned) in payload.iter().enumerate() {
            let sample = decode(Codec::Pcmu, u8::try_from(code).unwrap());
            assert_eq!(*turned, encode(Codec::Pcma, sample));
        }
        let mut quiet = [silence(Codec::Pcma); 160];
        transcode(Codec::Pcma, Codec::Pcma, &mut quiet);
        assert_eq!(quiet, [0xD5; 160]);
        transcode(Codec::Pcma, Codec::Pcmu, &mut quiet);
        assert!(quiet.iter().all(|&code| decode(Codec::Pcmu, code).abs() <= 8));
    }
}
