//! Recordings in other formats: FLAC, which loses nothing and halves the size.

use std::io::{self, Read, Seek, SeekFrom, Write};

use flacenc::bitsink::ByteSink;
use flacenc::component::BitRepr as _;
use flacenc::error::Verify as _;
use flacenc::source::MemSource;

use crate::RecordingFile;
use crate::wav::{HEADER_BYTES, SAMPLE_RATE};

/// Frames of one FLAC block (RFC 9639 §9.1.1).
const BLOCK_FRAMES: usize = 4_096;

/// Why a recording could not be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Reading or writing failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The encoder refused.
    #[error("the FLAC encoder refuses: {0}")]
    Encoder(String),
}

/// Writes the recording as FLAC (RFC 9639): stereo, 16 bits, 8 kHz. Holds its audio in memory.
///
/// # Errors
/// What reading, writing and the encoder answer.
pub fn flac(mut file: RecordingFile, mut to: impl Write) -> Result<(), ExportError> {
    file.seek(SeekFrom::Start(u64::from(HEADER_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let samples: Vec<i32> = bytes
        .chunks_exact(2)
        .map(|pair| i32::from(i16::from_le_bytes([pair[0], pair[1]])))
        .collect();
    let refused = |error: &dyn std::fmt::Debug| ExportError::Encoder(format!("{error:?}"));
    let config = flacenc::config::Encoder::default();
    let config = config.into_verified().map_err(|(_, error)| refused(&error))?;
    let source = MemSource::from_samples(&samples, 2, 16, SAMPLE_RATE as usize);
    let stream = flacenc::encode_with_fixed_block_size(&config, source, BLOCK_FRAMES);
    let stream = stream.map_err(|error| refused(&error))?;
    let mut sink = ByteSink::new();
    stream.write(&mut sink).map_err(|error| refused(&error))?;
    to.write_all(sink.as_slice())?;
    Ok(to.flush()?)
}
