//! What a flow asks beyond playing and queueing: to answer or refuse, who calls, look-ups, messages, call-backs, scores.

use std::time::Duration;

use hotline_journal::{By, What};
use hotline_media::MediaCommand;
use hotline_sip::{Command, ReleaseReason};
use hotline_types::{HangupBy, PersonId, RefusalReason, SegmentId, SegmentKind, Time};
use ivr_flows::{CallerFacts, Input};

use super::flow::InFlow;
use super::{Action, Call, Cx, Ending, Phase};
use crate::api::{Answer, Effect, Question};
use crate::call::opening::Opening;
use crate::timer::CallTimer;

/// A message that is being recorded.
#[derive(Debug)]
pub(crate) struct Message {
    mailbox: String,
    segment: SegmentId,
    since: Time,
    min: Duration,
}

impl Call {
    pub(super) fn on_flow_asks(&mut self, cx: &mut Cx<'_>, effect: ivr_flows::Effect) {
        use ivr_flows::Effect as Flow;
        match effect {
            Flow::Early => self.send_early(cx),
            Flow::Answer => self.answer_for_flow(cx),
            Flow::Reject { status } => self.reject_for_flow(cx, status),
            Flow::AskWait => {
                let wait = cx.acd.estimate(self.contact);
                self.answer_flow(cx, Input::Wait(wait));
            }
            Flow::AskEstimate { queue } => {
                let wait = cx.acd.queue(&queue).and_then(|queue| queue.estimate);
                self.answer_flow(cx, Input::Wait(wait));
            }
            Flow::AskCaller => self.ask(
                cx,
                Question::Seen {
                    number: self.caller_number.clone(),
                },
            ),
            Flow::Lookup {
                lookup,
                name,
                with,
                deadline,
            } => self.ask(
                cx,
                Question::Lookup {
                    lookup,
                    name,
                    with,
                    deadline,
                },
            ),
            Flow::Record { mailbox, min } => self.record_message(cx, mailbox, min),
            Flow::StopRecord { keep } => self.end_message(cx, Some(keep)),
            Flow::CallBack { queue, number } => {
                let person = PersonId::new(cx.now.wall, cx.rng);
                cx.act(Action::Effect(Effect::Person {
                    id: person,
                    number: number.unwrap_or_else(|| self.caller_number.clone()),
                    name: hotline_types::Pii::default(),
                }));
                let what = What::CallBackRequested { person };
                cx.event(self.draft(By::Caller, what).queue(queue));
                self.answer_flow(cx, Input::CallBackKept(true));
            }
            Flow::Survey { question, score } => {
                cx.event(self.draft(By::Caller, What::SurveyAnswered { question, score }));
            }
            Flow::Transfer { to, ring } => self.dials = Some((to, ring)),
            Flow::Note { name, value } => {
                let value = value.into_inner();
                cx.event(self.draft(By::System, What::FlowNoted { name, value }));
            }
            Flow::Heard { keys } => {
                let keys = keys.into_owned();
                cx.event(self.draft(By::Caller, What::FlowHeard { keys }));
            }
            // Those that `on_flow_effect` carries out itself.
            Flow::Play { .. }
            | Flow::StopPlay
            | Flow::AskOpen { .. }
            | Flow::AskPosition
            | Flow::Enqueue { .. }
            | Flow::LeaveQueue
            | Flow::Node { .. }
            | Flow::Hangup => {}
        }
    }

    fn ask(&self, cx: &mut Cx<'_>, question: Question) {
        cx.act(Action::Effect(Effect::Ask {
            contact: self.contact,
            question,
        }));
    }

    /// The world's answer to what the flow asked.
    pub(crate) fn on_answer(&mut self, cx: &mut Cx<'_>, answer: Answer) {
        let input = match answer {
            Answer::Seen(seen) => {
                let number = self.caller_number.reveal();
                let known = cx.config.callers.get(number.trim_start_matches('+')).copied();
                Input::Caller(CallerFacts {
                    seen,
                    anonymous: number.is_empty() || number == "anonymous",
                    ..known.unwrap_or_default()
                })
            }
            Answer::Lookup { lookup, answer } => Input::LookedUp { lookup, answer },
        };
        self.run_flow(cx, input);
    }

    /// The flow answers the call itself: it begins before.
    pub(super) fn begin_unanswered(&mut self, cx: &mut Cx<'_>) {
        cx.act(Action::Timer(CallTimer::Setup, None));
        if let Phase::Opening(Opening::Preparing {
            offer: Some(offer), ..
        }) = &self.phase
        {
            match self.caller.answer(cx, offer) {
                Ok(sdp) => {
                    self.early = Some(sdp);
                    // Before the answer a caller may well be silent.
                    cx.media(MediaCommand::Watch {
                        leg: self.caller.leg,
                        silence: None,
                    });
                }
                Err(error) => {
                    let warning = Some(error.to_string());
                    return self.refuse(cx, RefusalReason::NoCommonCodec, 488, warning);
                }
            }
        }
        self.begin_flow(cx);
    }

    fn send_early(&self, cx: &mut Cx<'_>) {
        cx.sip(Command::Progress {
            leg: self.caller.leg,
            status: 183,
            sdp: self.early.clone(),
        });
    }

    fn answer_for_flow(&mut self, cx: &mut Cx<'_>) {
        match self.early.take() {
            Some(sdp) => {
                cx.sip(Command::Answer {
                    leg: self.caller.leg,
                    sdp,
                });
                self.caller.watch(cx);
                cx.event(self.draft(By::System, What::CallerConnected));
            }
            // The caller sent no offer: we had to answer to hear of its media.
            None => self.answer_flow(cx, Input::Answered),
        }
    }

    fn reject_for_flow(&mut self, cx: &mut Cx<'_>, status: u16) {
        if self.early.is_none() {
            return self.close(cx, Ending::HungUp(HangupBy::System), ReleaseReason::Normal);
        }
        cx.sip(Command::Reject {
            leg: self.caller.leg,
            status,
            retry_after_s: None,
            warning: None,
        });
        self.caller.signalling_gone();
        self.close(
            cx,
            Ending::Refused(RefusalReason::Flow, status),
            ReleaseReason::Normal,
        );
    }

    fn record_message(&mut self, cx: &mut Cx<'_>, mailbox: String, min: Duration) {
        let segment = self.open_segment(cx, SegmentKind::Message);
        // One leg, one recording: what ran of the call ends where the message begins.
        self.stop_recording(cx);
        self.begin_file(cx, segment);
        self.message = Some(Message {
            mailbox,
            segment,
            since: cx.now.mono,
            min,
        });
    }

    /// Ends a message; where the flow does not say, it is kept if it is long enough.
    pub(super) fn end_message(&mut self, cx: &mut Cx<'_>, keep: Option<bool>) {
        let Some(message) = self.message.take() else {
            return;
        };
        cx.media(MediaCommand::StopRecord {
            caller: self.caller.leg,
        });
        let long = cx.now.mono.since(message.since) >= message.min;
        if keep.unwrap_or(long) {
            let kept = What::MessageKept {
                mailbox: message.mailbox,
            };
            cx.event(self.draft(By::Caller, kept).segment(message.segment));
        }
        self.close_segment(cx, message.segment);
    }

    /// The agent hung up first: the caller goes on in the flow, where there is a survey. False where there is none.
    pub(super) fn begin_survey(&mut self, cx: &mut Cx<'_>) -> bool {
        let wanted = self.survey && !self.surveyed;
        let Some((run, _)) = self.take_talk_if(cx, |run| wanted && run.flow().has_survey()) else {
            return false;
        };
        self.surveyed = true;
        let segment = self.open_segment(cx, SegmentKind::Ivr);
        self.record_step(cx, super::record::Step::Ivr, segment);
        self.phase = Phase::Flow(InFlow { run, segment });
        self.run_flow(cx, Input::AgentLeft);
        true
    }
}
