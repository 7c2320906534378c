//! The running flow: its effects become commands, the world's answers its inputs.

use std::time::Duration;

use hotline_acd::Leave;
use hotline_journal::{By, What};
use hotline_media::{AfterPlay, ClipId, MediaCommand, PlayId};
use hotline_sip::ReleaseReason;
use hotline_types::{FlowOutReason, HangupBy, Pii, QueueSlug, SegmentId, SegmentKind, Time, WallTime};
use ivr_flows::{Effect, Input, Output, PromptRef, Run};

use super::record::Step;
use super::{Action, Call, Cx, Ending, OfferLeg, Phase};
use crate::timer::CallTimer;

/// A key that comes the other way too within this time is the same key: some phones send both RFC 4733 and INFO.
const SAME_KEY_WINDOW: Duration = Duration::from_millis(400);

/// How a key came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyWay {
    /// Telephone-event (RFC 4733).
    Rtp,
    /// SIP INFO.
    Info,
}

/// The last key pressed.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    at: Time,
    way: KeyWay,
    digit: Pii<char>,
}

/// The caller is in the IVR.
#[derive(Debug)]
pub(crate) struct InFlow {
    pub(crate) run: Run,
    pub(crate) segment: SegmentId,
}

/// The caller is in a queue.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) run: Run,
    pub(crate) segment: SegmentId,
    /// One per phone that is being rung.
    pub(crate) offers: Vec<OfferLeg>,
    /// The time that counts for its place.
    pub(crate) enqueued_at: WallTime,
    /// What the caller has been told of its place.
    told: hotline_acd::Told,
}

impl Call {
    /// The running flow, where one runs.
    pub(super) fn run_mut(&mut self) -> Option<&mut Run> {
        match &mut self.phase {
            Phase::Flow(in_flow) => Some(&mut in_flow.run),
            Phase::Waiting(waiting) => Some(&mut waiting.run),
            Phase::Opening(_) | Phase::Talking(_) | Phase::Outside(_) | Phase::Closed => None,
        }
    }

    /// Gives the flow one input and carries out what it wants, until it wants nothing more.
    pub(crate) fn run_flow(&mut self, cx: &mut Cx<'_>, input: Input) {
        let now = cx.now;
        let Some(run) = self.run_mut() else { return };
        run.handle(now, input);
        self.drain_flow(cx);
    }

    /// Carries out what the flow wants, until it wants nothing more.
    pub(super) fn drain_flow(&mut self, cx: &mut Cx<'_>) {
        while let Some(run) = self.run_mut() {
            match run.poll() {
                Output::Timeout(at) => {
                    cx.act(Action::Timer(CallTimer::Flow, at));
                    // Last: what comes of it runs the flow again.
                    if let Some((number, ring)) = self.dials.take() {
                        cx.act(Action::FlowDials(number, ring));
                    }
                    break;
                }
                Output::Effect(effect) => self.on_flow_effect(cx, effect),
            }
        }
    }

    fn on_flow_effect(&mut self, cx: &mut Cx<'_>, effect: Effect) {
        match effect {
            Effect::Play {
                play,
                prompts,
                gap,
                looped,
            } => self.play(cx, play, &prompts, gap, looped),
            Effect::StopPlay => cx.media(MediaCommand::StopPlay { leg: self.caller.leg }),
            Effect::AskOpen { calendar } => {
                let open = cx.acd.is_open(&calendar, cx.now.wall);
                self.answer_flow(cx, Input::Open(open));
            }
            Effect::AskPosition => {
                let position = self.tell_place(cx);
                self.answer_flow(cx, Input::Position(position));
            }
            Effect::Enqueue { queue, priority } => self.enqueue(cx, queue, priority),
            Effect::LeaveQueue => self.leave_queue(cx),
            Effect::Node { node, way } => {
                let way = way.map(std::borrow::Cow::into_owned);
                cx.event(self.draft(By::System, What::FlowNode { node, way }));
            }
            effect @ (Effect::AskWait
            | Effect::AskEstimate { .. }
            | Effect::Early
            | Effect::Answer
            | Effect::Reject { .. }
            | Effect::AskCaller
            | Effect::Lookup { .. }
            | Effect::Record { .. }
            | Effect::StopRecord { .. }
            | Effect::CallBack { .. }
            | Effect::Survey { .. }
            | Effect::Transfer { .. }
            | Effect::Note { .. }
            | Effect::Heard { .. }) => self.on_flow_asks(cx, effect),
            Effect::Hangup => self.close(cx, Ending::HungUp(HangupBy::System), ReleaseReason::Normal),
        }
    }

    /// The place that the caller may be told now: it never moves back.
    fn tell_place(&mut self, cx: &Cx<'_>) -> u32 {
        let place = cx.acd.position(self.contact).unwrap_or(1);
        let waited = cx.acd.waited(self.contact).unwrap_or_default();
        let left = cx.acd.estimate(self.contact);
        match &mut self.phase {
            Phase::Waiting(waiting) => waiting.told.tell(waited, place, left).place,
            _ => place,
        }
    }

    /// An answer that the flow asked for while it was being drained: the loop goes on with it.
    pub(super) fn answer_flow(&mut self, cx: &Cx<'_>, input: Input) {
        let now = cx.now;
        if let Some(run) = self.run_mut() {
            run.handle(now, input);
        }
    }

    fn play(&mut self, cx: &mut Cx<'_>, play: u64, prompts: &[PromptRef], gap: Duration, looped: bool) {
        let clips: Vec<ClipId> = prompts
            .iter()
            .filter_map(|prompt| cx.config.clips.get(prompt).copied())
            .collect();
        if clips.is_empty() {
            // The start refuses flows whose prompts are missing; should one slip through, the caller moves on.
            if !looped {
                self.answer_flow(cx, Input::PlayEnded(play));
            }
            return;
        }
        let after = if looped { AfterPlay::Loop } else { AfterPlay::Stop };
        cx.media(MediaCommand::Play {
            leg: self.caller.leg,
            play: PlayId(play),
            clips,
            gap,
            after,
        });
    }

    fn enqueue(&mut self, cx: &mut Cx<'_>, queue: QueueSlug, priority: Duration) {
        if self.must_not_enter(cx, &queue) {
            cx.event(self.draft(By::System, What::RecordingSkipped).queue(queue));
            return self.answer_flow(cx, Input::QueueExit(FlowOutReason::Full));
        }
        let Phase::Flow(in_flow) = std::mem::replace(&mut self.phase, Phase::Closed) else {
            return;
        };
        // A caller who comes back from a transfer has waited since then; one whom a restart took from this queue, since
        // that place was taken.
        let kept = || cx.familiar.enqueued_at(&self.caller_number, &queue, cx.now.wall);
        let enqueued_at = self.place.take().unwrap_or_else(kept);
        self.close_segment(cx, in_flow.segment);
        let segment = SegmentId::new(cx.now.wall, cx.rng);
        let opened = What::SegmentOpened {
            segment_kind: SegmentKind::Wait,
        };
        cx.event(
            self.draft(By::System, opened)
                .segment(segment)
                .queue(queue.clone()),
        );
        self.record_step(cx, Step::Wait(&queue), segment);
        self.phase = Phase::Waiting(Waiting {
            run: in_flow.run,
            segment,
            offers: Vec::new(),
            enqueued_at,
            told: hotline_acd::Told::default(),
        });
        let last_agent = cx.familiar.last_agent(&self.caller_number, cx.now.wall);
        cx.act(Action::Acd(hotline_acd::Input::Enqueue {
            contact: self.contact,
            queue,
            enqueued_at,
            priority,
            last_agent,
        }));
    }

    /// The caller pressed the key that leaves the queue.
    fn leave_queue(&mut self, cx: &mut Cx<'_>) {
        if self.back_to_flow(cx) {
            cx.act(Action::Acd(hotline_acd::Input::Leave {
                contact: self.contact,
                why: Leave::FlowedOut(FlowOutReason::Key),
            }));
        }
    }

    /// The queue let the caller go by a rule.
    pub(crate) fn on_queue_exit(&mut self, cx: &mut Cx<'_>, why: FlowOutReason) {
        if self.back_to_flow(cx) {
            self.run_flow(cx, Input::QueueExit(why));
        }
    }

    /// An overflow rule moved the caller into another queue: its wait there is a segment of its own.
    pub(crate) fn on_moved(&mut self, cx: &mut Cx<'_>, queue: QueueSlug) {
        let Phase::Waiting(waiting) = &self.phase else {
            return;
        };
        self.close_segment(cx, waiting.segment);
        let segment = SegmentId::new(cx.now.wall, cx.rng);
        let opened = What::SegmentOpened {
            segment_kind: SegmentKind::Wait,
        };
        cx.event(
            self.draft(By::System, opened)
                .segment(segment)
                .queue(queue.clone()),
        );
        self.record_step(cx, Step::Wait(&queue), segment);
        if let Phase::Waiting(waiting) = &mut self.phase {
            waiting.segment = segment;
        }
    }

    /// From the queue back into the IVR; an offer that is out ends.
    fn back_to_flow(&mut self, cx: &mut Cx<'_>) -> bool {
        match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Waiting(waiting) => {
                for mut offer in waiting.offers {
                    offer.media.release(cx, ReleaseReason::NoAnswer);
                    self.close_segment(cx, offer.segment);
                }
                self.close_segment(cx, waiting.segment);
                let segment = self.open_segment(cx, SegmentKind::Ivr);
                self.record_step(cx, Step::Ivr, segment);
                self.phase = Phase::Flow(InFlow {
                    run: waiting.run,
                    segment,
                });
                true
            }
            other => {
                self.phase = other;
                false
            }
        }
    }

    /// The caller pressed a key.
    pub(crate) fn on_key(&mut self, cx: &mut Cx<'_>, way: KeyWay, digit: Pii<char>) {
        let at = cx.now.mono;
        let twice = self.last_key.as_ref().is_some_and(|last| {
            last.way != way && last.digit == digit && at.since(last.at) < SAME_KEY_WINDOW
        });
        if twice {
            return;
        }
        self.last_key = Some(Key {
            at,
            way,
            digit: digit.clone(),
        });
        self.run_flow(cx, Input::Digit(digit));
    }
}
