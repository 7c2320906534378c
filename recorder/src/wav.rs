//! The WAV file of a recording: stereo, 16 bits, 8 kHz, whole after every write.

use std::io::{self, Seek, Write};

use hound::{SampleFormat, WavSpec, WavWriter};

/// Sample rate of every recording, in Hz.
pub const SAMPLE_RATE: u32 = 8000;

/// Bytes of one frame: two samples of 16 bits.
pub const FRAME_BYTES: u32 = 4;

/// Bytes before the audio.
pub const HEADER_BYTES: u32 = 44;

/// Audio of one file at most, in bytes: 37 hours, below the 4 GiB that a WAV can name (RIFF, 32-bit lengths).
const DATA_BYTES_MAX: u32 = u32::MAX - 0xFFFF - HEADER_BYTES;

const SPEC: WavSpec = WavSpec {
    channels: 2,
    sample_rate: SAMPLE_RATE,
    bits_per_sample: 16,
    sample_format: SampleFormat::Int,
};

/// Why audio could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
    /// The file system failed: disk full, folder gone.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The file is at the length that a WAV can have.
    #[error("the recording reached the longest length of a WAV file")]
    Full,
}

impl From<hound::Error> for WavError {
    fn from(error: hound::Error) -> Self {
        match error {
            hound::Error::IoError(error) => Self::Io(error),
            other => Self::Io(io::Error::other(other)),
        }
    }
}

/// A recording being written. After each [`WavFile::append`] the file is a whole WAV.
pub struct WavFile<W: Write + Seek> {
    writer: WavWriter<W>,
    bytes: u32,
    bytes_max: u32,
}

impl<W: Write + Seek> WavFile<W> {
    /// Writes the header of an empty recording.
    ///
    /// # Errors
    /// What writing answers.
    pub fn new(to: W) -> Result<Self, WavError> {
        let mut writer = WavWriter::new(to, SPEC)?;
        writer.flush()?;
        Ok(Self {
            writer,
            bytes: 0,
            bytes_max: DATA_BYTES_MAX,
        })
    }

    /// Frames written so far, 8,000 a second.
    #[must_use]
    pub fn frames(&self) -> u64 {
        u64::from(self.bytes / FRAME_BYTES)
    }

    /// Appends frames (left, right, left, right; a last half frame is left away) and refreshes the header.
    ///
    /// # Errors
    /// `Full` where the file would become too long for a WAV; else what writing answers. The file then holds what
    /// the last good call left.
    pub fn append(&mut self, interleaved: &[i16]) -> Result<(), WavError> {
        let whole = interleaved.len() & !1;
        let bytes = u32::try_from(whole * 2).map_err(|_| WavError::Full)?;
        let after = self
            .bytes
            .checked_add(bytes)
            .filter(|after| *after <= self.bytes_max);
        let after = after.ok_or(WavError::Full)?;
        if bytes == 0 {
            return Ok(());
        }
        let mut samples = self.writer.get_i16_writer(bytes / 2);
        for sample in &interleaved[..whole] {
            samples.write_sample(*sample);
        }
        samples.flush()?;
        self.writer.flush()?;
        self.bytes = after;
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// What writing answers.
    pub fn seal(&mut self) -> Result<(), WavError> {
        Ok(self.writer.flush()?)
    }
}

/// The header of a recording with this many bytes of audio.
#[must_use]
pub fn header(data_bytes: u32) -> [u8; HEADER_BYTES as usize] {
    let mut header = [0; HEADER_BYTES as usize];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"RIFF");
    put(4, &data_bytes.saturating_add(HEADER_BYTES - 8).to_le_bytes());
    put(8, b"WAVEfmt ");
    put(16, &16_u32.to_le_bytes());
    put(20, &1_u16.to_le_bytes());
    put(22, &SPEC.channels.to_le_bytes());
    put(24, &SAMPLE_RATE.to_le_bytes());
    put(28, &(SAMPLE_RATE * FRAME_BYTES).to_le_bytes());
    put(32, &4_u16.to_le_bytes());
    put(34, &SPEC.bits_per_sample.to_le_bytes());
    put(36, b"data");
    put(40, &data_bytes.to_le_bytes());
    header
}

/// Milliseconds of this many bytes of audio.
#[must_use]
pub fn length_ms(data_bytes: u64) -> u64 {
    data_bytes / u64::from(FRAME_BYTES) * 1000 / u64::from(SAMPLE_RATE)
}

#[cfg(test)]
mod tests;
