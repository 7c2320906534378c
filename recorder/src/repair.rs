//! Puts right the WAV of a recording that a crash cut: its length, and where needed its header.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::cipher::whole_chunks;
use crate::is_encrypted;
use crate::wav::{FRAME_BYTES, HEADER_BYTES, header, length_ms};

/// What a repair did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repaired {
    /// Length of the recording now.
    pub length_ms: u64,
    /// False where the file was whole already and was not touched.
    pub changed: bool,
}

/// Why a file cannot be repaired.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// It is no recording of ours; it was not touched.
    #[error("not a recording: it does not begin as a stereo WAV of 8 kHz and 16 bits")]
    Foreign,
    /// The file system failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// What has to be done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Nothing: it is whole. Its bytes of audio.
    None(u32),
    /// Write the header for this many bytes of audio, and cut or extend the file to it.
    Header(u32),
}

/// Decides by the first bytes of a file and its length.
///
/// A file shorter than its header, or with nothing but zeros there (the length reached the disk, the bytes did not),
/// gets a new header. Audio behind the length that the header names was written by the batch whose header was lost:
/// it is kept.
///
/// # Errors
/// `Foreign` for what does not begin as our recordings do.
pub fn plan(start: &[u8], length: u64) -> Result<Repair, RepairError> {
    let audio =
        length.saturating_sub(u64::from(HEADER_BYTES)) / u64::from(FRAME_BYTES) * u64::from(FRAME_BYTES);
    // Beyond the longest WAV nothing was written by us; the rest is cut.
    let longest = u64::from((u32::MAX - HEADER_BYTES) / FRAME_BYTES * FRAME_BYTES);
    let audio = u32::try_from(audio.min(longest)).unwrap_or(0);
    let whole = header(audio);
    let known = start.len().min(whole.len());
    let lengths = |at: usize| (4..8).contains(&at) || (40..44).contains(&at);
    let ours = (0..known).all(|at| lengths(at) || start[at] == whole[at]);
    let unwritten = start[..known].iter().all(|byte| *byte == 0);
    if !ours && !unwritten {
        return Err(RepairError::Foreign);
    }
    let is_whole = known == whole.len()
        && start[..known] == whole
        && length == u64::from(HEADER_BYTES) + u64::from(audio);
    Ok(if is_whole {
        Repair::None(audio)
    } else {
        Repair::Header(audio)
    })
}

/// Repairs the recording in place, and syncs it. A whole one is left untouched.
///
/// # Errors
/// `Foreign` for another kind of file, which is left untouched; else what the file system answers.
pub fn repair(path: &Path) -> Result<Repaired, RepairError> {
    if is_encrypted(&path.to_string_lossy()) {
        return repair_encrypted(path);
    }
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let mut start = Vec::with_capacity(HEADER_BYTES as usize);
    (&file).take(u64::from(HEADER_BYTES)).read_to_end(&mut start)?;
    match plan(&start, length)? {
        Repair::None(audio) => Ok(Repaired {
            length_ms: length_ms(u64::from(audio)),
            changed: false,
        }),
        Repair::Header(audio) => {
            file.set_len(u64::from(HEADER_BYTES) + u64::from(audio))?;
            file.write_all_at(&header(audio), 0)?;
            file.sync_all()?;
            Ok(Repaired {
                length_ms: length_ms(u64::from(audio)),
                changed: true,
            })
        }
    }
}

/// Cuts an encrypted recording behind its last whole chunk; its key is not needed.
fn repair_encrypted(path: &Path) -> Result<Repaired, RepairError> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let (audio, end) = match whole_chunks(&mut file) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(RepairError::Foreign),
        found => found?,
    };
    if end != length {
        file.set_len(end)?;
        file.sync_all()?;
    }
    Ok(Repaired {
        length_ms: length_ms(audio),
        changed: end != length,
    })
}

#[cfg(test)]
mod tests;
