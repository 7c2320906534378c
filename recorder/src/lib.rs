//! Recordings: tapped payloads to stereo WAV files, their repair after a crash, their proof, and their reading.

mod assemble;
mod cipher;
mod export;
mod file;
mod peaks;
pub mod proof;
mod repair;
mod wav;
mod writer;

pub use assemble::{Assembler, FrameCounts, GAP_MIN, HOLD_BACK, LATE_MAX, LOOK_AHEAD};
pub use cipher::{CipherFile, CipherReader, RecordingKey, whole_chunks};
pub use export::{ExportError, flac};
pub use file::{Listed, OpenError, PathError, RecordingFile, checked_path, is_encrypted, list_day};
pub use peaks::{PEAKS_MAX, Peaks, peaks};
pub use repair::{Repair, RepairError, Repaired, plan, repair};
pub use wav::{FRAME_BYTES, HEADER_BYTES, SAMPLE_RATE, WavError, WavFile, header, length_ms};
pub use writer::{Recorder, RecorderConfig, RecorderCounts, RecorderError, RecorderEvent};
