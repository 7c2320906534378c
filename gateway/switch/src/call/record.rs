//! What of a contact is recorded: by the rule of its queue, with pauses, and what happens when the disk is full.

use std::sync::Arc;
use std::time::Duration;

use hotline_journal::{By, What};
use hotline_media::{MediaCommand, RecordingMark, RecordingSpec};
use hotline_types::{Pii, QueueSlug, SegmentId, SegmentKind, Time};

use super::{Action, Call, Cx, KeyWay, Phase};
use crate::api::{RecordPolicy, RecordRefusal};
use crate::timer::CallTimer;

/// Keys of a feature code come within this time of each other.
const KEYS_WINDOW: Duration = Duration::from_secs(3);
/// Keys that are remembered of an agent; codes are shorter.
const KEYS_MAX: usize = 8;

/// Where the caller is, seen from the recording.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    /// In the IVR.
    Ivr,
    /// In this queue.
    Wait(&'a QueueSlug),
    /// With an agent, from this queue.
    Talk(&'a QueueSlug),
    /// With an outside number.
    Outside,
}

impl Step<'_> {
    const fn kind(self) -> SegmentKind {
        match self {
            Self::Ivr => SegmentKind::Ivr,
            Self::Wait(_) => SegmentKind::Wait,
            Self::Talk(_) => SegmentKind::Talk,
            Self::Outside => SegmentKind::Outside,
        }
    }
}

/// The recording of a contact, and the keys that an agent pressed.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    running: Option<Running>,
    keys: [String; 2],
    last_key: Time,
}

#[derive(Debug)]
struct Running {
    segment: SegmentId,
    paused: bool,
}

impl Call {
    /// The caller goes on to this step, whose segment this is: a recording begins, goes on or ends by the rules.
    pub(super) fn record_step(&mut self, cx: &mut Cx<'_>, step: Step<'_>, segment: SegmentId) {
        let rules = &cx.config.recording;
        let wanted = match step {
            Step::Ivr | Step::Outside => rules.policy == RecordPolicy::Everything,
            Step::Wait(queue) => rules.of(queue).policy >= RecordPolicy::FromQueue,
            Step::Talk(queue) => rules.of(queue).policy >= RecordPolicy::Talk,
        };
        match (wanted, self.recording.running.is_some()) {
            (true, false) => self.start_recording(cx, segment),
            (false, true) => self.stop_recording(cx),
            (true, true) | (false, false) => {}
        }
        self.mark_recording(cx, RecordingMark::Segment(step.kind()));
    }

    fn start_recording(&mut self, cx: &mut Cx<'_>, segment: SegmentId) {
        if cx.disk_full {
            let skipped = self.draft(By::System, What::RecordingSkipped);
            cx.event(skipped.segment(segment));
            return;
        }
        self.begin_file(cx, segment);
        self.recording.running = Some(Running {
            segment,
            paused: false,
        });
    }

    /// Begins the file of this segment.
    pub(super) fn begin_file(&self, cx: &mut Cx<'_>, segment: SegmentId) {
        let day = self.business_date.0.replace('-', "/");
        let suffix = if cx.config.recording.encrypt {
            "wav.enc"
        } else {
            "wav"
        };
        let path = format!("{day}/{}/{segment}.{suffix}", self.contact);
        let started = What::RecordingStarted { path: path.clone() };
        cx.event(self.draft(By::System, started).segment(segment));
        cx.act(Action::Recording(segment));
        let spec = RecordingSpec {
            contact: self.contact,
            segment,
            path: path.into(),
        };
        cx.media(MediaCommand::Record {
            caller: self.caller.leg,
            spec,
        });
    }

    /// Ends the recording, where one runs.
    pub(super) fn stop_recording(&mut self, cx: &mut Cx<'_>) {
        if self.recording.running.take().is_some() {
            cx.act(Action::Timer(CallTimer::ResumeRecording, None));
            cx.media(MediaCommand::StopRecord {
                caller: self.caller.leg,
            });
        }
    }

    /// Writes into the recording, where one runs, what begins now.
    pub(super) fn mark_recording(&self, cx: &mut Cx<'_>, mark: RecordingMark) {
        if self.recording.running.is_some() {
            cx.media(MediaCommand::MarkRecording {
                caller: self.caller.leg,
                mark,
            });
        }
    }

    /// Whether the caller may not enter this queue: it must be recorded there, and cannot be.
    pub(super) fn must_not_enter(&self, cx: &Cx<'_>, queue: &QueueSlug) -> bool {
        let rules = cx.config.recording.of(queue);
        cx.disk_full
            && rules.refuse_when_full
            && rules.policy != RecordPolicy::Off
            && self.recording.running.is_none()
    }

    /// Pauses the recording: silence from here on, until it is resumed or the pause has lasted long enough.
    pub(crate) fn pause_recording(
        &mut self,
        cx: &mut Cx<'_>,
        by: By,
        reason: &str,
        longest: Option<Duration>,
    ) -> Result<(), RecordRefusal> {
        let running = self
            .recording
            .running
            .as_mut()
            .ok_or(RecordRefusal::NotRecorded)?;
        running.paused = true;
        let segment = running.segment;
        let most = cx.config.recording.pause_max;
        let until = cx.now.mono + longest.map_or(most, |longest| longest.min(most));
        cx.act(Action::Timer(CallTimer::ResumeRecording, Some(until)));
        let paused = What::RecordingPaused {
            reason: reason.to_owned(),
        };
        cx.event(self.draft(by, paused).segment(segment));
        self.mark_recording(cx, RecordingMark::Pause(Arc::from(reason)));
        Ok(())
    }

    /// The recording goes on.
    pub(crate) fn resume_recording(&mut self, cx: &mut Cx<'_>, by: By) -> Result<(), RecordRefusal> {
        let running = self
            .recording
            .running
            .as_mut()
            .ok_or(RecordRefusal::NotRecorded)?;
        if !running.paused {
            return Err(RecordRefusal::NotPaused);
        }
        running.paused = false;
        let segment = running.segment;
        cx.act(Action::Timer(CallTimer::ResumeRecording, None));
        cx.event(self.draft(by, What::RecordingResumed).segment(segment));
        self.mark_recording(cx, RecordingMark::Resume);
        Ok(())
    }

    /// The agent pressed a key while talking: it may end a feature code.
    pub(crate) fn on_agent_key(&mut self, cx: &mut Cx<'_>, way: KeyWay, digit: &Pii<char>) {
        let Phase::Talking(talk) = &self.phase else { return };
        let by = By::Agent(talk.agent.clone());
        let recording = &mut self.recording;
        if cx.now.mono.since(recording.last_key) > KEYS_WINDOW {
            recording.keys = Default::default();
        }
        recording.last_key = cx.now.mono;
        let keys = &mut recording.keys[usize::from(way == KeyWay::Info)];
        if keys.len() >= KEYS_MAX {
            keys.remove(0);
        }
        keys.push(*digit.reveal());
        let rules = &cx.config.recording;
        let ends = |code: &str| !code.is_empty() && keys.ends_with(code);
        let (pause, resume) = (ends(&rules.pause_code), ends(&rules.resume_code));
        // Without a recording the code means nothing, and nobody is told of it.
        let _told = if pause {
            recording.keys = Default::default();
            self.pause_recording(cx, by, "agent", None)
        } else if resume {
            recording.keys = Default::default();
            self.resume_recording(cx, by)
        } else {
            Ok(())
        };
    }
}
