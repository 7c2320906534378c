//! The shape of a recording, for drawing: the loudest sample of each side per stretch of time.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use crate::RecordingFile;
use crate::wav::{FRAME_BYTES, HEADER_BYTES};

/// Stretches that one drawing has at most.
pub const PEAKS_MAX: usize = 4_000;

/// The shape of both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peaks {
    /// The caller's: 0 is silence, 255 full scale.
    pub caller: Vec<u8>,
    /// The agent's.
    pub agent: Vec<u8>,
}

/// Reads a recording and finds its peaks in `count` (at most [`PEAKS_MAX`]) stretches of equal length.
///
/// # Errors
/// What reading answers.
pub fn peaks(file: RecordingFile, count: usize) -> io::Result<Peaks> {
    let count = count.clamp(1, PEAKS_MAX);
    let frames = file.size().saturating_sub(u64::from(HEADER_BYTES)) / u64::from(FRAME_BYTES);
    let mut reader = BufReader::with_capacity(1 << 16, file);
    reader.seek(SeekFrom::Start(u64::from(HEADER_BYTES)))?;
    let mut loudest = vec![[0_u16; 2]; count];
    let mut frame = [0; FRAME_BYTES as usize];
    for at in 0..frames {
        match reader.read_exact(&mut frame) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            read => read?,
        }
        let slot = usize::try_from(at * count as u64 / frames).unwrap_or(0);
        if let Some(slot) = loudest.get_mut(slot) {
            let left = i16::from_le_bytes([frame[0], frame[1]]).unsigned_abs();
            let right = i16::from_le_bytes([frame[2], frame[3]]).unsigned_abs();
            *slot = [slot[0].max(left), slot[1].max(right)];
        }
    }
    let side = |side: usize| {
        loudest
            .iter()
            .map(|peak| (peak[side] >> 7).min(255) as u8)
            .collect()
    };
    Ok(Peaks {
        caller: side(0),
        agent: side(1),
    })
}
