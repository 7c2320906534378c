//! One contact as a machine: from the INVITE to the last leg's end.
//!
//! | phase   | leaves by                              | to                         |
//! |---------|----------------------------------------|----------------------------|
//! | Opening | ports and journal there, ACK           | Flow                       |
//! | Flow    | the flow enters a queue                | Waiting                    |
//! | Waiting | an agent's answer counts (`Connect`)   | Talking                    |
//! | Waiting | queue rule or key (`Exit`)             | Flow                       |
//! | Talking | transfer to an outside number          | Outside                    |
//! | Talking | transfer to a queue                    | Waiting                    |
//! | Outside | nobody there answers                   | Waiting                    |
//! | any     | hang-up, loss, fault, release by hand  | closed, out of the table   |
//!
//! A call never does anything itself: it writes [`Action`]s, which the switch carries out in order.

mod ask;
mod flow;
mod offer;
mod opening;
mod outside;
mod record;
mod talk;
mod transfer;

use std::sync::Arc;

use hotline_acd::Acd;
use hotline_journal::{BusinessDate, By, Draft, Seq, What};
use hotline_media::{Direction, MediaCommand, Negotiated};
use hotline_sip::{LegEnd, ReleaseReason};
use hotline_types::{
    AgentSlug, ContactId, HangupBy, LegId, LostReason, Now, Pii, Rng, SegmentId, SegmentKind, Time, WallTime,
};
use ivr_flows::{Facts, Flow};

use crate::api::SwitchConfig;
use crate::familiar::Familiar;
use crate::leg_media::LegMedia;
use crate::timer::CallTimer;

pub(crate) use flow::KeyWay;
pub(crate) use offer::OfferLeg;
pub(crate) use opening::Opening;
pub(crate) use outside::{Line, Outside};
pub(crate) use talk::{Talk, hold_music};
pub(crate) use transfer::{Asked, Handover, Target, play_or_stop, unavailable, waiting_flow};

/// What a call asks the switch to do, in order.
#[derive(Debug)]
pub(crate) enum Action {
    /// A command to the SIP endpoint.
    Sip(hotline_sip::Command),
    /// A command to the media plane.
    Media(MediaCommand),
    /// An input of the queue engine.
    Acd(hotline_acd::Input),
    /// Something happened.
    Event(Draft),
    /// Set or clear one of the call's timers.
    Timer(CallTimer, Option<Time>),
    /// From now on, events about this leg are this call's.
    OwnLeg(LegId),
    /// No longer.
    DropLeg(LegId),
    /// A number's emergency announcement is switched by this agent.
    Emergency(By, hotline_types::NumberSlug, bool),
    /// The next trunk for the way to an outside number.
    NextTrunk,
    /// The flow connects the caller with this number, where the dial plan allows it; for so long it may ring.
    FlowDials(Pii<String>, std::time::Duration),
    /// This leg keeps an agent's phone busy with something that is no talk of a queue; until the leg is dropped.
    Engage(LegId, AgentSlug),
    /// No longer: the leg is a talk now.
    Disengage(LegId),
    /// A recording began; the switch waits for its sealing.
    Recording(SegmentId),
    /// An effect of the switch itself.
    Effect(crate::api::Effect),
    /// The call is over: write its one record and take it out of the table.
    Close(Ending),
}

/// How a call ended; the queue's word, where it has one, makes the cause of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Somebody hung up in good order.
    HungUp(HangupBy),
    /// Refused before it was answered.
    Refused(hotline_types::RefusalReason, u16),
    /// The system lost it.
    Lost(LostReason),
}

/// What a call may look at while it decides.
pub(crate) struct Cx<'a> {
    pub(crate) now: Now,
    pub(crate) config: &'a SwitchConfig,
    pub(crate) acd: &'a Acd,
    pub(crate) familiar: &'a Familiar,
    /// Nothing can be recorded now.
    pub(crate) disk_full: bool,
    pub(crate) rng: &'a mut Rng,
    pub(crate) actions: &'a mut Vec<Action>,
}

impl Cx<'_> {
    pub(crate) fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    pub(crate) fn media(&mut self, command: MediaCommand) {
        self.actions.push(Action::Media(command));
    }

    pub(crate) fn sip(&mut self, command: hotline_sip::Command) {
        self.actions.push(Action::Sip(command));
    }

    pub(crate) fn event(&mut self, draft: Draft) {
        self.actions.push(Action::Event(draft));
    }
}

/// Where the caller is.
#[derive(Debug)]
pub(crate) enum Phase {
    /// The INVITE is in, we have not been acknowledged yet.
    Opening(Opening),
    /// In the IVR flow.
    Flow(flow::InFlow),
    /// In a queue; the flow's while-waiting part runs.
    Waiting(flow::Waiting),
    /// With an agent.
    Talking(Talk),
    /// On the way to an outside number, or there.
    Outside(Outside),
    /// Over; kept only until the switch has taken it out.
    Closed,
}

/// One caller's whole visit.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) contact: ContactId,
    pub(crate) flow: Arc<Flow>,
    pub(crate) language: Option<String>,
    /// What its flow knows of it.
    pub(crate) facts: Facts,
    /// Whether it goes on in the flow after its agent has hung up.
    pub(crate) survey: bool,
    /// The talk is over by the agent's hang-up, whatever comes now.
    pub(crate) surveyed: bool,
    /// The outside number that the flow wants, asked for when it wants nothing else.
    pub(crate) dials: Option<(Pii<String>, std::time::Duration)>,
    /// The message that is being recorded.
    pub(crate) message: Option<ask::Message>,
    /// The offer that early media was answered to, and our SDP for the 200.
    pub(crate) early: Option<Vec<u8>>,
    pub(crate) business_date: BusinessDate,
    /// Position of its opening event: the caller is answered when it is on disk.
    pub(crate) opened: Seq,
    pub(crate) caller_number: Pii<String>,
    /// Headers of the call that go on to the agent's phone.
    pub(crate) passed: Vec<(String, String)>,
    pub(crate) caller: LegMedia,
    pub(crate) phase: Phase,
    /// The media thread that its legs are on: legs of other calls that may join it go there too.
    pub(crate) affinity: u64,
    /// The time that counts for its next place in a queue, where it brings one.
    pub(crate) place: Option<WallTime>,
    /// The last key and the way it came, so that a phone that sends it twice is heard once.
    pub(crate) last_key: Option<flow::Key>,
    /// What is recorded of it.
    pub(crate) recording: record::Recording,
}

impl Call {
    /// A draft about this contact.
    pub(crate) fn draft(&self, by: By, what: What) -> Draft {
        Draft::new(by, what).contact(self.contact)
    }

    /// Opens a segment of a kind and says so.
    pub(crate) fn open_segment(&self, cx: &mut Cx<'_>, kind: SegmentKind) -> SegmentId {
        let segment = SegmentId::new(cx.now.wall, cx.rng);
        cx.event(
            self.draft(By::System, What::SegmentOpened { segment_kind: kind })
                .segment(segment),
        );
        segment
    }

    /// Says that a segment is over.
    pub(crate) fn close_segment(&self, cx: &mut Cx<'_>, segment: SegmentId) {
        cx.event(self.draft(By::System, What::SegmentClosed).segment(segment));
    }

    /// A leg of this call ended by itself.
    pub(crate) fn on_leg_ended(&mut self, cx: &mut Cx<'_>, leg: LegId, end: LegEnd) {
        cx.act(Action::DropLeg(leg));
        if leg == self.caller.leg {
            let ending = match end {
                LegEnd::Bye | LegEnd::Cancelled => Ending::HungUp(HangupBy::Caller),
                LegEnd::NoAck | LegEnd::SessionExpired | LegEnd::Broken => {
                    Ending::Lost(LostReason::SignallingLost)
                }
            };
            self.caller.signalling_gone();
            self.close(cx, ending, ReleaseReason::Normal);
        } else if self.is_outside(leg) {
            self.on_outside_ended(cx, leg, end);
        } else if let Phase::Talking(talk) = &mut self.phase {
            if talk.media.leg == leg && talk.transfer.is_some() {
                self.on_transferor_gone(cx);
            } else if self.is_target(leg) {
                self.on_target_failed(cx, leg, 480);
            } else if let Phase::Talking(talk) = &mut self.phase
                && talk.media.leg == leg
            {
                talk.media.signalling_gone();
                if end == LegEnd::Bye && self.begin_survey(cx) {
                    return;
                }
                let ending = match end {
                    LegEnd::Bye | LegEnd::Cancelled => Ending::HungUp(HangupBy::Agent),
                    LegEnd::NoAck | LegEnd::SessionExpired | LegEnd::Broken => {
                        Ending::Lost(LostReason::SignallingLost)
                    }
                };
                self.close(cx, ending, ReleaseReason::Normal);
            }
        } else {
            // An answered phone that hung up before its answer was judged.
            self.on_dial_failed(cx, leg, hotline_types::OfferOutcome::Failed, None);
        }
    }

    /// Ends the call in whatever phase it is. Exactly one `Close` is written.
    pub(crate) fn close(&mut self, cx: &mut Cx<'_>, ending: Ending, reason: ReleaseReason) {
        let ending = match ending {
            // The talk is what the contact was about; a survey after it changes nothing.
            Ending::HungUp(_) | Ending::Lost(_) if self.surveyed => Ending::HungUp(HangupBy::Agent),
            ending => ending,
        };
        self.end_message(cx, None);
        match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Closed => return,
            Phase::Opening(opening) => opening.close(self, cx),
            Phase::Flow(in_flow) => self.close_segment(cx, in_flow.segment),
            Phase::Waiting(waiting) => self.close_waiting(cx, waiting, ending),
            Phase::Talking(talk) => self.close_talk(cx, talk, reason),
            Phase::Outside(outside) => self.close_outside(cx, outside, reason),
        }
        self.stop_recording(cx);
        self.caller.release(cx, reason);
        cx.act(Action::Close(ending));
    }

    /// Leaves the queue on the way out.
    fn close_waiting(&self, cx: &mut Cx<'_>, waiting: flow::Waiting, ending: Ending) {
        let why = match ending {
            Ending::Lost(lost) => hotline_acd::Leave::Lost(lost),
            Ending::HungUp(_) | Ending::Refused(..) => hotline_acd::Leave::HungUp,
        };
        for mut offer in waiting.offers {
            offer.media.release(cx, ReleaseReason::NoAnswer);
            self.close_segment(cx, offer.segment);
        }
        cx.act(Action::Acd(hotline_acd::Input::Leave {
            contact: self.contact,
            why,
        }));
        self.close_segment(cx, waiting.segment);
    }

    /// The media plane heard nothing from a leg for long: ask the phone whether it lives.
    pub(crate) fn on_media_lost(&mut self, cx: &mut Cx<'_>, leg: LegId) {
        let wait = cx.now.mono + cx.config.probe_wait;
        if leg == self.caller.leg {
            if !matches!(self.phase, Phase::Opening(_) | Phase::Closed) {
                self.caller.probe(cx);
                cx.act(Action::Timer(CallTimer::ProbeCaller, Some(wait)));
            }
        } else if let Phase::Talking(talk) = &mut self.phase
            && talk.media.leg == leg
        {
            talk.media.probe(cx);
            cx.act(Action::Timer(CallTimer::ProbeAgent, Some(wait)));
        } else if let Phase::Outside(outside) = &mut self.phase
            && let Some(media) = outside.talking().filter(|media| media.leg == leg)
        {
            media.probe(cx);
            cx.act(Action::Timer(CallTimer::ProbeAgent, Some(wait)));
        }
    }

    /// The probed phone answered: it is muted, not dead.
    pub(crate) fn on_probe_answered(&mut self, cx: &mut Cx<'_>, leg: LegId, sdp: Option<&[u8]>) {
        let (timer, media) = match &mut self.phase {
            Phase::Talking(talk) if talk.media.leg == leg => (CallTimer::ProbeAgent, &mut talk.media),
            Phase::Outside(outside) if leg != self.caller.leg => match outside.talking() {
                Some(media) if media.leg == leg => (CallTimer::ProbeAgent, media),
                _ => return,
            },
            _ if leg == self.caller.leg => (CallTimer::ProbeCaller, &mut self.caller),
            _ => return,
        };
        cx.act(Action::Timer(timer, None));
        if let Some(sdp) = sdp {
            media.accept_answer(cx, sdp);
        }
        media.watch(cx);
    }

    /// A timer of this call has come.
    pub(crate) fn on_timer(&mut self, cx: &mut Cx<'_>, timer: CallTimer) {
        match timer {
            CallTimer::Setup => self.on_setup_timeout(cx),
            CallTimer::Flow => self.run_flow(cx, ivr_flows::Input::Timeout),
            CallTimer::PopHold => self.on_pop_late(cx),
            CallTimer::OutsideRing => self.on_outside_silent(cx),
            CallTimer::Transfer => self.on_target_silent(cx),
            CallTimer::ResumeRecording => {
                // A recording that ended meanwhile has nothing to resume.
                let _resumed = self.resume_recording(cx, By::System);
            }
            CallTimer::ProbeCaller | CallTimer::ProbeAgent => {
                self.close(cx, Ending::Lost(LostReason::MediaLost), ReleaseReason::MediaLost);
            }
        }
    }

    /// A leg's peer sends a new offer, or asks for ours.
    pub(crate) fn on_reoffered(&mut self, cx: &mut Cx<'_>, leg: LegId, offer: Option<&[u8]>) {
        if leg == self.caller.leg {
            self.caller.answer_reoffer(cx, offer);
            return;
        }
        if let Phase::Outside(outside) = &mut self.phase {
            if let Some(media) = outside.talking().filter(|media| media.leg == leg) {
                media.answer_reoffer(cx, offer);
            }
            return;
        }
        let Phase::Talking(talk) = &mut self.phase else {
            return;
        };
        if talk.media.leg == leg
            && let Some(direction) = talk.media.answer_reoffer(cx, offer)
        {
            self.on_agent_direction(cx, direction);
        }
    }

    /// SDP that came in an ACK: the answer to the offer in our 200.
    pub(crate) fn on_late_answer(&mut self, cx: &mut Cx<'_>, leg: LegId, answer: &[u8]) {
        if leg == self.caller.leg {
            self.caller.accept_answer(cx, answer);
        } else if let Phase::Talking(talk) = &mut self.phase
            && talk.media.leg == leg
            && let Some(negotiated) = talk.media.accept_answer(cx, answer)
        {
            self.on_agent_direction(cx, negotiated.direction);
        }
    }
}

/// Whether the peer lets us hear it.
pub(crate) const fn hears_peer(negotiated: &Negotiated) -> bool {
    matches!(negotiated.direction, Direction::SendRecv | Direction::RecvOnly)
}
