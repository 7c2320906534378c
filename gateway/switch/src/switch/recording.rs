//! Recordings, seen from the table of calls: their ends, the disk under them, and who pauses them.

use hotline_journal::{By, Draft, What};
use hotline_types::{ContactId, Now, SegmentId};

use super::Switch;
use crate::api::{RecordRefusal, RecordingCommand, Reply};

impl Switch {
    /// A recording is sealed, or failed.
    pub(super) fn on_recording(&mut self, now: Now, segment: SegmentId, what: What) {
        if let Some(contact) = self.recordings.remove(&segment) {
            self.out.event(
                now,
                Draft::new(By::System, what).contact(contact).segment(segment),
            );
        }
    }

    /// A user heard a recording.
    pub(super) fn on_heard(
        &mut self,
        now: Now,
        by: By,
        (contact, segment): (ContactId, SegmentId),
        how: &str,
    ) -> Reply {
        if self.drain != super::Drain::Done {
            let what = What::RecordingHeard { how: how.to_owned() };
            let draft = Draft::new(by, what).contact(contact).segment(segment);
            self.out.event(now, draft);
        }
        Reply::Done(self.out.last())
    }

    /// The disk is full, or no longer.
    pub(super) fn on_recording_disk(&mut self, now: Now, writable: bool, free: u64) {
        self.disk_full = !writable;
        let free_mb = free / (1 << 20);
        let what = What::RecordingDisk { writable, free_mb };
        self.out.event(now, Draft::new(By::System, what));
    }

    /// A user pauses or resumes a recording.
    pub(super) fn on_recording_command(
        &mut self,
        now: Now,
        by: By,
        contact: ContactId,
        command: RecordingCommand,
    ) -> Reply {
        let mut outcome = Err(RecordRefusal::UnknownContact);
        self.with_call(now, contact, |call, cx| {
            outcome = match command {
                RecordingCommand::Pause { reason, longest } => call.pause_recording(cx, by, &reason, longest),
                RecordingCommand::Resume => call.resume_recording(cx, by),
            };
        });
        match outcome {
            Ok(()) => Reply::Done(self.out.last()),
            Err(refusal) => Reply::NotRecording(refusal),
        }
    }
}
