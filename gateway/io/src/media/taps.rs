//! The recording tap of one media thread: batches per recorded call, away whole, boxes used again.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hotline_media::tap::{Channel, TapBatch, TapFrame, TapMessage};
use hotline_media::{Codec, RecordingMark, RecordingSpec, rtp::Header};
use hotline_types::{SegmentId, Time};

/// How long a batch is filled.
const FLUSH_AFTER: Duration = Duration::from_millis(500);
/// Empty boxes that a thread keeps.
const POOL_MAX: usize = 1_024;
/// Starts, stops and marks that wait for the recorder before marks are given up.
const MARKS_WAITING_MAX: usize = 65_536;
/// Boxes that a thread takes back at a time.
const RECYCLE_MAX: usize = 256;

/// One running recording.
#[derive(Debug)]
pub(super) struct Recording {
    segment: SegmentId,
    batch: Option<Box<TapBatch>>,
    flush_due: Time,
    /// Nothing is tapped.
    paused: bool,
}

/// A tapped payload, apart from when it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spoken<'a> {
    pub(super) channel: Channel,
    pub(super) codec: Codec,
    pub(super) header: &'a Header,
    pub(super) payload: &'a [u8],
}

/// The way to the recorder.
#[derive(Debug)]
#[allow(
    clippy::vec_box,
    reason = "the boxes travel: a batch moves between threads as one pointer"
)]
pub(super) struct Taps {
    sender: SyncSender<TapMessage>,
    returned: Arc<Mutex<Receiver<Box<TapBatch>>>>,
    pool: Vec<Box<TapBatch>>,
    /// Starts and stops that found the queue full. While it holds any, batches are dropped: order is kept.
    waiting: VecDeque<TapMessage>,
    pub(super) dropped: u64,
}

impl Taps {
    pub(super) fn new(sender: SyncSender<TapMessage>, returned: Arc<Mutex<Receiver<Box<TapBatch>>>>) -> Self {
        Self {
            sender,
            returned,
            pool: Vec::new(),
            waiting: VecDeque::new(),
            dropped: 0,
        }
    }

    pub(super) fn start(&mut self, now: Time, spec: RecordingSpec) -> Recording {
        let segment = spec.segment;
        self.send(TapMessage::Start { spec, at: now });
        Recording {
            segment,
            batch: None,
            flush_due: now + FLUSH_AFTER,
            paused: false,
        }
    }

    /// Marks the recording; a pause pauses it. What was tapped before is handed over first.
    pub(super) fn mark(&mut self, now: Time, recording: &mut Recording, mark: RecordingMark) {
        match mark {
            RecordingMark::Pause(_) => recording.paused = true,
            RecordingMark::Resume => recording.paused = false,
            RecordingMark::Segment(_) => {}
        }
        self.flush(now, recording);
        self.send(TapMessage::Mark {
            segment: recording.segment,
            at: now,
            mark,
        });
    }

    /// Adds a payload; a full batch leaves first.
    pub(super) fn frame(&mut self, now: Time, recording: &mut Recording, spoken: Spoken<'_>) {
        if recording.paused {
            return;
        }
        let frame = TapFrame {
            channel: spoken.channel,
            codec: spoken.codec,
            arrived: now,
            timestamp: spoken.header.timestamp,
            ssrc: spoken.header.ssrc,
            len: u16::try_from(spoken.payload.len()).unwrap_or(0),
        };
        let batch = recording
            .batch
            .get_or_insert_with(|| self.pool.pop().unwrap_or_default());
        if batch.push(frame, spoken.payload) {
            return;
        }
        self.flush(now, recording);
        let batch = recording
            .batch
            .get_or_insert_with(|| self.pool.pop().unwrap_or_default());
        if !batch.push(frame, spoken.payload) {
            self.dropped += 1;
        }
    }

    /// Hands over what there is, also nothing: the recorder learns how far silence may be filled.
    pub(super) fn flush(&mut self, now: Time, recording: &mut Recording) {
        recording.flush_due = now + FLUSH_AFTER;
        let batch = recording
            .batch
            .take()
            .unwrap_or_else(|| self.pool.pop().unwrap_or_default());
        self.send(TapMessage::Batch {
            segment: recording.segment,
            batch,
            until: now,
        });
    }

    pub(super) fn flush_if_due(&mut self, now: Time, recording: &mut Recording) {
        if now >= recording.flush_due {
            self.flush(now, recording);
        }
    }

    pub(super) fn stop(&mut self, now: Time, mut recording: Recording) {
        self.flush(now, &mut recording);
        self.send(TapMessage::Stop {
            segment: recording.segment,
            at: now,
        });
    }

    fn send(&mut self, message: TapMessage) {
        let refused = if self.waiting.is_empty() {
            match self.sender.try_send(message) {
                Ok(()) => return,
                Err(TrySendError::Full(message) | TrySendError::Disconnected(message)) => message,
            }
        } else {
            message
        };
        match refused {
            TapMessage::Batch { batch, .. } => {
                self.dropped += 1;
                self.keep(batch);
            }
            // A mark of a recorder this far behind is given up like audio; starts and stops never are: at most two per
            // recording, and there are no more recordings than legs.
            TapMessage::Mark { .. } if self.waiting.len() >= MARKS_WAITING_MAX => self.dropped += 1,
            TapMessage::Start { .. } | TapMessage::Mark { .. } | TapMessage::Stop { .. } => {
                self.waiting.push_back(refused);
            }
        }
    }

    /// Tries what waits again; true where nothing waits any more.
    pub(super) fn retry(&mut self) -> bool {
        while let Some(message) = self.waiting.pop_front() {
            match self.sender.try_send(message) {
                Ok(()) => {}
                Err(TrySendError::Full(message)) => {
                    self.waiting.push_front(message);
                    return false;
                }
                Err(TrySendError::Disconnected(_)) => {}
            }
        }
        true
    }

    /// Takes empty boxes back, unless another thread is at it.
    pub(super) fn recycle(&mut self) {
        let returned = Arc::clone(&self.returned);
        if let Ok(returned) = returned.try_lock() {
            for batch in returned.try_iter().take(RECYCLE_MAX) {
                self.keep(batch);
            }
        }
    }

    fn keep(&mut self, mut batch: Box<TapBatch>) {
        if self.pool.len() < POOL_MAX {
            batch.clear();
            self.pool.push(batch);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{channel, sync_channel};

    use hotline_types::ContactId;

    use super::*;

    fn spec() -> RecordingSpec {
        RecordingSpec {
            contact: ContactId::from_bytes([1; 16]),
            segment: SegmentId::from_bytes([2; 16]),
            path: "a.wav".into(),
        }
    }

    #[test]
    fn a_slow_recorder_loses_audio_but_never_a_start_or_a_stop() {
        let (sender, receiver) = sync_channel(1);
        let (_back, returned) = channel();
        let mut taps = Taps::new(sender, Arc::new(Mutex::new(returned)));
        let mut recording = taps.start(Time::ZERO, spec());
        taps.flush(Time::from_millis(500), &mut recording);
        assert_eq!(taps.dropped, 1);
        taps.stop(Time::from_millis(700), recording);
        assert!(!taps.retry());
        assert!(matches!(receiver.recv().unwrap(), TapMessage::Start { .. }));
        assert!(taps.retry());
        assert!(matches!(receiver.recv().unwrap(), TapMessage::Stop { .. }));
        assert_eq!(taps.dropped, 2);
    }

    #[test]
    fn boxes_come_back_empty_and_are_used_again() {
        let (sender, receiver) = sync_channel(8);
        let (back, returned) = channel();
        let mut taps = Taps::new(sender, Arc::new(Mutex::new(returned)));
        let mut recording = taps.start(Time::ZERO, spec());
        let header = Header::read(&[0x80, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]).unwrap();
        let spoken = Spoken {
            channel: Channel::Caller,
            codec: Codec::Pcma,
            header: &header,
            payload: &[7; 160],
        };
        for _ in 0..65 {
            taps.frame(Time::ZERO, &mut recording, spoken);
        }
        receiver.recv().unwrap();
        let TapMessage::Batch { batch, .. } = receiver.recv().unwrap() else {
            panic!("a full batch leaves at once")
        };
        assert_eq!((batch.frames.len(), batch.bytes.len()), (64, 64 * 160));
        back.send(batch).unwrap();
        taps.recycle();
        assert_eq!((taps.pool.len(), taps.pool[0].frames.len()), (1, 0));
    }
}
