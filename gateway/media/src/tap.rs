//! What a media thread hands to the recorder: batches of tapped payloads over one bounded queue.
//!
//! The thread fills one [`TapBatch`] per recorded call for about half a second and sends it away whole; the
//! recorder sends the empty box back for reuse, so that the media path allocates nothing in steady state.

use hotline_types::Time;

use crate::{Codec, RecordingMark, RecordingSpec};

/// Frames that a batch holds at most: two channels, half a second at 20 ms, and room for bursts.
pub const TAP_FRAMES_MAX: usize = 64;
/// Payload bytes that a batch holds at most.
pub const TAP_BYTES_MAX: usize = 64 * 160;

/// Channel of the stereo recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Left: what the caller says.
    Caller,
    /// Right: what the agent says.
    Agent,
}

/// One tapped RTP payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TapFrame {
    /// Who said it.
    pub channel: Channel,
    /// How it is coded.
    pub codec: Codec,
    /// When it arrived.
    pub arrived: Time,
    /// RTP timestamp of the sender's stream, 8 kHz.
    pub timestamp: u32,
    /// SSRC of the sender's stream: a new one is a new time base.
    pub ssrc: u32,
    /// Length of its payload; payloads lie back to back in the batch.
    pub len: u16,
}

/// Half a second of a recorded call.
#[derive(Debug, Default)]
pub struct TapBatch {
    /// The frames in order of arrival.
    pub frames: Vec<TapFrame>,
    /// Their payloads, back to back.
    pub bytes: Vec<u8>,
}

impl TapBatch {
    /// An empty batch with its whole room.
    #[must_use]
    pub fn new() -> Self {
        Self {
            frames: Vec::with_capacity(TAP_FRAMES_MAX),
            bytes: Vec::with_capacity(TAP_BYTES_MAX),
        }
    }

    /// Adds a payload; false where the batch is full and must be sent first.
    #[must_use]
    pub fn push(&mut self, frame: TapFrame, payload: &[u8]) -> bool {
        if self.frames.len() >= TAP_FRAMES_MAX || self.bytes.len() + payload.len() > TAP_BYTES_MAX {
            return false;
        }
        self.frames.push(frame);
        self.bytes.extend_from_slice(payload);
        true
    }

    /// Empties it, keeping its room.
    pub fn clear(&mut self) {
        self.frames.clear();
        self.bytes.clear();
    }
}

/// What travels to the recorder, in order per recording.
#[derive(Debug)]
pub enum TapMessage {
    /// A recording begins: time zero of its file.
    Start {
        /// Which, and where to.
        spec: RecordingSpec,
        /// Time zero.
        at: Time,
    },
    /// More audio. `until`: everything before this time has been handed over; silence may be filled up to there.
    Batch {
        /// Which recording, by its path's segment.
        segment: hotline_types::SegmentId,
        /// The audio.
        batch: Box<TapBatch>,
        /// Complete up to here.
        until: Time,
    },
    /// Something to remember of this time of the recording. What was tapped before it was handed over.
    Mark {
        /// Which recording.
        segment: hotline_types::SegmentId,
        /// When.
        at: Time,
        /// What.
        mark: RecordingMark,
    },
    /// The recording ends here: fill to this time and seal.
    Stop {
        /// Which.
        segment: hotline_types::SegmentId,
        /// Its end.
        at: Time,
    },
}
