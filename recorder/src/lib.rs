//! Recordings: tapped payloads to stereo WAV files, their repair after a crash, and their reading.

mod assemble;
mod file;
mod repair;
mod wav;
mod writer;

pub use assemble::{Assembler, FrameCounts, HOLD_BACK, LATE_MAX, LOOK_AHEAD};
pub use file::{Listed, OpenError, PathError, RecordingFile, checked_path, list_day};
pub use repair::{Repair, RepairError, Repaired, plan, repair};
pub use wav::{FRAME_BYTES, HEADER_BYTES, SAMPLE_RATE, WavError, WavFile, header, length_ms};
pub use writer::{Recorder, RecorderConfig, RecorderCounts, RecorderError, RecorderEvent};
