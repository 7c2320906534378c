//! The caller goes to an outside number, or back to a queue: transfers carried out by us, trunk after trunk.

use std::collections::VecDeque;
use std::time::Duration;

use hotline_journal::{By, What};
use hotline_media::MediaCommand;
use hotline_sip::{Command, DialFailure, LegEnd, ReleaseReason, TrunkDial};
use hotline_types::{HangupBy, LegId, LostReason, Pii, QueueSlug, SegmentId, SegmentKind, TrunkSlug};
use ivr_flows::{Input, Run, TransferFailure};

use super::flow::InFlow;
use super::talk::Talk;
use super::{Action, Call, Cx, Ending, Phase, hold_music};
use crate::api::MediaFace;
use crate::dialplan::DialAllowed;
use crate::leg_media::LegMedia;
use crate::lines::TrunkLines;
use crate::timer::CallTimer;

/// A caller whom nobody outside took goes back before those who came later.
const BACK_PRIORITY: Duration = Duration::from_secs(3_600);

/// How far the way outside is.
#[derive(Debug)]
enum Stage {
    /// A trunk is being chosen.
    Choosing,
    /// Ports are awaited, then the INVITE goes out.
    Preparing(Leg),
    /// The INVITE is out.
    Dialling(Leg),
    /// Both hear each other.
    Talking(Leg),
}

/// The leg to the outside number.
#[derive(Debug)]
struct Leg {
    media: LegMedia,
    trunk: TrunkSlug,
    /// The number as the trunk wants it.
    number: Pii<String>,
    /// Ours, as the trunk wants it.
    caller: String,
}

/// Where a caller came from who goes outside.
#[derive(Debug)]
enum Back {
    /// From a talk: into the queue that it came from.
    Queue(Run, QueueSlug),
    /// From a flow, which knows what to do.
    Flow(Run),
}

/// A caller on the way to an outside number, or there.
#[derive(Debug)]
pub(crate) struct Outside {
    pub(crate) allowed: DialAllowed,
    /// Trunks that were not tried yet.
    pub(crate) trunks: VecDeque<TrunkSlug>,
    segment: SegmentId,
    /// Where the caller goes back to when nobody outside answers.
    back: Back,
    /// The status of the last trunk that failed.
    status: Option<u16>,
    stage: Stage,
}

impl Outside {
    fn leg(&self) -> Option<&Leg> {
        match &self.stage {
            Stage::Choosing => None,
            Stage::Preparing(leg) | Stage::Dialling(leg) | Stage::Talking(leg) => Some(leg),
        }
    }

    fn leg_mut(&mut self) -> Option<&mut Leg> {
        match &mut self.stage {
            Stage::Choosing => None,
            Stage::Preparing(leg) | Stage::Dialling(leg) | Stage::Talking(leg) => Some(leg),
        }
    }

    /// The media of the outside leg, where the two talk.
    pub(crate) fn talking(&mut self) -> Option<&mut LegMedia> {
        match &mut self.stage {
            Stage::Talking(leg) => Some(&mut leg.media),
            _ => None,
        }
    }
}

/// The line that the next try goes by.
pub(crate) struct Line<'a> {
    pub(crate) leg: LegId,
    pub(crate) trunk: &'a TrunkLines,
    pub(crate) face: MediaFace,
    pub(crate) number: String,
    pub(crate) caller: String,
}

impl Call {
    /// Whether caller and agent talk, so that the caller can be transferred.
    pub(crate) const fn is_talking(&self) -> bool {
        matches!(self.phase, Phase::Talking(_))
    }

    fn take_talk(&mut self, cx: &mut Cx<'_>) -> Option<(Run, QueueSlug)> {
        self.take_talk_if(cx, |_| true)
    }

    /// Ends the talk, where this is so of its flow, and answers with what goes on.
    pub(super) fn take_talk_if(
        &mut self,
        cx: &mut Cx<'_>,
        so: impl FnOnce(&Run) -> bool,
    ) -> Option<(Run, QueueSlug)> {
        match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Talking(talk) if so(&talk.run) => {
                let Talk { run, queue, .. } = &talk;
                let back = (run.clone(), queue.clone());
                self.close_talk(cx, talk, ReleaseReason::Normal);
                Some(back)
            }
            other => {
                self.phase = other;
                None
            }
        }
    }

    /// The agent lets the caller go to an outside number, or the flow does: the agent is free, the caller hears music
    /// meanwhile.
    pub(crate) fn go_outside(
        &mut self,
        cx: &mut Cx<'_>,
        (by, ring): (By, Option<Duration>),
        allowed: DialAllowed,
        trunks: VecDeque<TrunkSlug>,
    ) {
        let Some(back) = self.take_from(cx) else { return };
        let segment = SegmentId::new(cx.now.wall, cx.rng);
        let opened = What::SegmentOpened {
            segment_kind: SegmentKind::Outside,
        };
        cx.event(self.draft(by, opened).segment(segment));
        self.record_step(cx, super::record::Step::Outside, segment);
        cx.media(hold_music(cx.config, self.caller.leg));
        let most = cx.config.dialplan.ring;
        let ends = cx.now.mono + ring.map_or(most, |ring| ring.min(most));
        cx.act(Action::Timer(CallTimer::OutsideRing, Some(ends)));
        self.phase = Phase::Outside(Outside {
            allowed,
            trunks,
            segment,
            back,
            status: None,
            stage: Stage::Choosing,
        });
        cx.act(Action::NextTrunk);
    }

    fn take_from(&mut self, cx: &mut Cx<'_>) -> Option<Back> {
        match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Flow(in_flow) => {
                self.close_segment(cx, in_flow.segment);
                Some(Back::Flow(in_flow.run))
            }
            other => {
                self.phase = other;
                let (run, queue) = self.take_talk(cx)?;
                Some(Back::Queue(run, queue))
            }
        }
    }

    /// The agent lets the caller go to a queue.
    pub(crate) fn go_to_queue(&mut self, cx: &mut Cx<'_>, queue: QueueSlug) {
        if let Some((run, _)) = self.take_talk(cx) {
            self.requeue(cx, run, queue, Duration::ZERO);
        }
    }

    fn requeue(&mut self, cx: &mut Cx<'_>, mut run: Run, queue: QueueSlug, priority: Duration) {
        run.requeue(queue, priority, cx.now.mono);
        let segment = self.open_segment(cx, SegmentKind::Ivr);
        self.phase = Phase::Flow(InFlow { run, segment });
        self.drain_flow(cx);
    }

    /// A trunk was chosen: prepare the leg.
    pub(crate) fn on_line(&mut self, cx: &mut Cx<'_>, line: Line<'_>) {
        let affinity = self.caller.leg.0;
        let Phase::Outside(outside) = &mut self.phase else {
            return;
        };
        let media = LegMedia::open(cx, line.leg, line.face, affinity);
        let policy = cx.config.srtp.trunk(&line.trunk.slug);
        let mut media = media.secured(cx, policy);
        media.limit(&line.trunk.codecs, line.trunk.keys);
        if let Some(negotiated) = &self.caller.negotiated {
            media.prefer(negotiated.codec);
        }
        outside.stage = Stage::Preparing(Leg {
            media,
            trunk: line.trunk.slug.clone(),
            number: Pii::new(line.number),
            caller: line.caller,
        });
    }

    fn outside_of(&mut self, leg: LegId) -> Option<&mut Outside> {
        match &mut self.phase {
            Phase::Outside(outside) if outside.leg().is_some_and(|own| own.media.leg == leg) => Some(outside),
            _ => None,
        }
    }

    /// Whether this leg is the one to an outside number.
    pub(crate) fn is_outside(&self, leg: LegId) -> bool {
        matches!(&self.phase, Phase::Outside(outside) if outside.leg().is_some_and(|own| own.media.leg == leg))
    }

    /// Its ports are there: dial.
    pub(crate) fn on_outside_ports(&mut self, cx: &mut Cx<'_>, leg: LegId, port: u16) {
        let contact = self.contact;
        let Some(outside) = self.outside_of(leg) else {
            return;
        };
        let Stage::Preparing(mut own) = std::mem::replace(&mut outside.stage, Stage::Choosing) else {
            return;
        };
        own.media.opened(port);
        cx.sip(Command::DialTrunk(Box::new(TrunkDial {
            leg,
            trunk: own.trunk.clone(),
            number: own.number.clone(),
            caller: own.caller.clone(),
            sdp: own.media.offer(),
        })));
        let what = What::OutsideDialled {
            trunk: own.trunk.clone(),
        };
        cx.event(
            hotline_journal::Draft::new(By::System, what)
                .contact(contact)
                .segment(outside.segment),
        );
        outside.stage = Stage::Dialling(own);
    }

    /// The outside phone answered.
    pub(crate) fn on_outside_answered(
        &mut self,
        cx: &mut Cx<'_>,
        leg: LegId,
        sdp: &[u8],
        peer: std::net::IpAddr,
    ) {
        let caller = self.caller.leg;
        let contact = self.contact;
        let Some(outside) = self.outside_of(leg) else {
            return;
        };
        let Stage::Dialling(mut own) = std::mem::replace(&mut outside.stage, Stage::Choosing) else {
            return;
        };
        own.media.set_peer(peer);
        let agreed = own.media.accept_answer(cx, sdp).is_some();
        let trunk = own.trunk.clone();
        outside.stage = Stage::Talking(own);
        if !agreed {
            return self.on_outside_failed(cx, leg, DialFailure::Status(488));
        }
        let what = What::OutsideAnswered { trunk };
        cx.event(
            hotline_journal::Draft::new(By::System, what)
                .contact(contact)
                .segment(outside.segment),
        );
        cx.act(Action::Timer(CallTimer::OutsideRing, None));
        cx.media(MediaCommand::Bridge { caller, agent: leg });
    }

    /// This trunk did not bring the call there: the next one, where the failure is the trunk's; the queue, where it
    /// is the called one's.
    pub(crate) fn on_outside_failed(&mut self, cx: &mut Cx<'_>, leg: LegId, failure: DialFailure) {
        let Some(outside) = self.outside_of(leg) else {
            return;
        };
        if let Some(own) = outside.leg_mut() {
            // A leg that is gone already takes no harm.
            own.media.release(cx, ReleaseReason::Normal);
        }
        outside.stage = Stage::Choosing;
        let (status, of_trunk) = match failure {
            DialFailure::Unreachable => (None, true),
            DialFailure::Status(status) => (Some(status), is_of_trunk(status)),
        };
        outside.status = status.or(outside.status);
        if !of_trunk {
            outside.trunks.clear();
        }
        cx.act(Action::NextTrunk);
    }

    /// Nobody answered in time.
    pub(crate) fn on_outside_silent(&mut self, cx: &mut Cx<'_>) {
        self.come_back(cx, TransferFailure::NoAnswer);
    }

    /// No trunk is left.
    pub(crate) fn on_outside_exhausted(&mut self, cx: &mut Cx<'_>) {
        let Phase::Outside(outside) = &self.phase else {
            return;
        };
        let why = outside.status.map_or(TransferFailure::Failed, failure);
        self.come_back(cx, why);
    }

    /// Back to the queue, before those who came later; or to the flow, which is told why.
    fn come_back(&mut self, cx: &mut Cx<'_>, why: TransferFailure) {
        let Phase::Outside(outside) = std::mem::replace(&mut self.phase, Phase::Closed) else {
            return;
        };
        let failed = self.draft(
            By::System,
            What::OutsideFailed {
                sip_status: outside.status,
            },
        );
        cx.event(failed.segment(outside.segment));
        match self.leave_outside(cx, outside, ReleaseReason::NoAnswer) {
            Back::Queue(run, queue) => self.requeue(cx, run, queue, BACK_PRIORITY),
            Back::Flow(run) => {
                let segment = self.open_segment(cx, SegmentKind::Ivr);
                self.phase = Phase::Flow(InFlow { run, segment });
                self.run_flow(cx, Input::TransferFailed(why));
            }
        }
    }

    fn leave_outside(&self, cx: &mut Cx<'_>, mut outside: Outside, reason: ReleaseReason) -> Back {
        let caller = self.caller.leg;
        cx.act(Action::Timer(CallTimer::OutsideRing, None));
        if outside.talking().is_some() {
            cx.media(MediaCommand::Unbridge { leg: caller });
        } else {
            cx.media(MediaCommand::StopPlay { leg: caller });
        }
        if let Some(own) = outside.leg_mut() {
            own.media.release(cx, reason);
        }
        self.close_segment(cx, outside.segment);
        outside.back
    }

    /// Takes the way outside apart; both sides are let go.
    pub(super) fn close_outside(&self, cx: &mut Cx<'_>, outside: Outside, reason: ReleaseReason) {
        drop(self.leave_outside(cx, outside, reason));
    }

    /// The outside party hung up, or its leg broke.
    pub(crate) fn on_outside_ended(&mut self, cx: &mut Cx<'_>, leg: LegId, end: LegEnd) {
        let Some(outside) = self.outside_of(leg) else {
            return;
        };
        if let Some(own) = outside.leg_mut() {
            own.media.signalling_gone();
        }
        let ending = match end {
            LegEnd::Bye | LegEnd::Cancelled => Ending::HungUp(HangupBy::Outside),
            LegEnd::NoAck | LegEnd::SessionExpired | LegEnd::Broken => {
                Ending::Lost(LostReason::SignallingLost)
            }
        };
        self.close(cx, ending, ReleaseReason::Normal);
    }
}

/// What a flow is told of this status.
const fn failure(status: u16) -> TransferFailure {
    match status {
        486 | 600 => TransferFailure::Busy,
        408 | 480 | 487 => TransferFailure::NoAnswer,
        _ => TransferFailure::Failed,
    }
}

/// Whether this status speaks of the trunk and not of the one called: another trunk may do better.
const fn is_of_trunk(status: u16) -> bool {
    matches!(
        status,
        401 | 402 | 403 | 407 | 408 | 420 | 421 | 480 | 483 | 488 | 500..=599
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_trunk_is_tried_for_its_own_failures_and_not_for_the_called_ones_word() {
        for status in [408, 480, 500, 503, 403, 407] {
            assert!(is_of_trunk(status), "{status}");
        }
        for status in [404, 484, 486, 600, 603] {
            assert!(!is_of_trunk(status), "{status}");
        }
    }
}
