//! An agent hands the caller over: blind to an agent, a queue or a number, or attended to whom it has on the line.
//!
//! The caller hears music until it is decided. The transferor stays in the call until the target answers, unless its
//! phone hangs up at once; where the target fails, the caller goes back to the transferor, or, where that one has
//! gone, into the queue that it came from, at its old place. Recording goes on over all of it in one file.

use std::sync::Arc;
use std::time::Duration;

use hotline_acd::{Acd, Input as AcdInput};
use hotline_journal::{By, What};
use hotline_media::{Direction, MediaCommand};
use hotline_sip::{Command, DialFailure, ReleaseReason};
use hotline_types::{
    AgentSlug, DeviceState, LegId, LostReason, Pii, QueueSlug, SegmentId, SegmentKind, WorkState,
};
use ivr_flows::{Flow, Library};

use super::flow::InFlow;
use super::record::Step;
use super::talk::With;
use super::{Action, Call, Cx, Ending, Phase, Talk, hold_music};
use crate::leg_media::LegMedia;
use crate::timer::CallTimer;

/// Longest ringing of a transfer's target.
const RING_MAX: Duration = Duration::from_secs(30);

/// A REFER to be answered: the leg that it came on, which is not always the talk's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) on: LegId,
}

/// Where a caller may be handed to.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// An agent, by a new leg of this number.
    Agent(AgentSlug, LegId),
    /// A queue.
    Queue(QueueSlug),
    /// A number of the hotline: its flow, and the language that it begins in.
    Flow(Arc<Flow>, Option<String>),
}

/// An agent who is on the line with the transferor already.
#[derive(Debug)]
pub(crate) struct Handover {
    pub(crate) agent: AgentSlug,
    pub(crate) media: LegMedia,
}

/// The phone of the target, which is being rung.
#[derive(Debug)]
pub(crate) struct Transfer {
    target: AgentSlug,
    media: LegMedia,
    segment: SegmentId,
    asked: Asked,
}

impl Call {
    /// Whether this leg is the transfer's target.
    pub(super) fn is_target(&self, leg: LegId) -> bool {
        matches!(&self.phase, Phase::Talking(Talk { transfer: Some(transfer), .. }) if transfer.media.leg == leg)
    }

    fn transfer_mut(&mut self, leg: LegId) -> Option<&mut Transfer> {
        match &mut self.phase {
            Phase::Talking(talk) => talk
                .transfer
                .as_mut()
                .filter(|transfer| transfer.media.leg == leg),
            _ => None,
        }
    }

    /// The agent asks for a blind transfer.
    pub(crate) fn on_referred(&mut self, cx: &mut Cx<'_>, asked: Asked, target: Target) {
        let refusal = match (&self.phase, &target) {
            (Phase::Talking(talk), _) if talk.transfer.is_some() => Some(491),
            (Phase::Talking(talk), Target::Agent(agent, _)) if *agent == talk.agent => Some(482),
            (Phase::Talking(_), Target::Agent(agent, _)) => unavailable(cx.acd, agent),
            (Phase::Talking(_), _) => None,
            _ => Some(403),
        };
        let status = refusal.unwrap_or(202);
        cx.sip(Command::AnswerRefer {
            leg: asked.on,
            status,
        });
        if refusal.is_some() {
            return;
        }
        match target {
            Target::Agent(agent, leg) => self.ring_target(cx, asked, agent, leg),
            Target::Queue(queue) => {
                let flow = self.queue_flow(&queue);
                self.leave_for(cx, asked, flow, None);
            }
            Target::Flow(flow, language) => self.leave_for(cx, asked, Some(flow), language),
        }
    }

    fn ring_target(&mut self, cx: &mut Cx<'_>, asked: Asked, target: AgentSlug, leg: LegId) {
        let Some(face) = cx.config.media.get(&cx.config.phones).map(|faces| faces.others) else {
            cx.sip(Command::ReferProgress {
                leg: asked.on,
                status: 503,
            });
            return;
        };
        // Parked as on hold, whether the agent had done so or not.
        self.on_agent_direction(cx, Direction::Inactive);
        let segment = SegmentId::new(cx.now.wall, cx.rng);
        let opened = What::SegmentOpened {
            segment_kind: SegmentKind::Ring,
        };
        cx.event(
            self.draft(By::System, opened)
                .segment(segment)
                .agent(target.clone()),
        );
        let srtp = cx.config.srtp.agent(&target);
        let mut media = LegMedia::open(cx, leg, face, self.affinity).secured(cx, srtp);
        if let Some(negotiated) = &self.caller.negotiated {
            media.prefer(negotiated.codec);
        }
        cx.act(Action::Engage(leg, target.clone()));
        cx.act(Action::Timer(CallTimer::Transfer, Some(cx.now.mono + RING_MAX)));
        if let Phase::Talking(talk) = &mut self.phase {
            talk.transfer = Some(Transfer {
                target,
                media,
                segment,
                asked,
            });
        }
    }

    /// The target's ports are there: ring its phone.
    pub(crate) fn on_target_ports(&mut self, cx: &mut Cx<'_>, leg: LegId, port: u16) {
        let (caller, contact) = (self.caller_number.clone(), self.contact);
        let queue = match &self.phase {
            Phase::Talking(talk) => talk.queue.to_string(),
            _ => return,
        };
        let Some(transfer) = self.transfer_mut(leg) else {
            return;
        };
        transfer.media.opened(port);
        let sdp = transfer.media.offer();
        cx.sip(Command::DialAgent {
            leg,
            agent: transfer.target.clone(),
            sdp,
            caller,
            display: Pii::new(queue.clone()),
            headers: vec![
                ("X-Hotline-Contact".into(), contact.to_string()),
                ("X-Hotline-Queue".into(), queue),
            ],
            route: None,
        });
    }

    /// The target's phone rings: the transferor is told.
    pub(crate) fn on_target_ringing(&mut self, cx: &mut Cx<'_>, leg: LegId) {
        if let Some(transfer) = self.transfer_mut(leg) {
            let on = transfer.asked.on;
            cx.sip(Command::ReferProgress { leg: on, status: 180 });
        }
    }

    /// The target answered.
    pub(crate) fn on_target_answered(
        &mut self,
        cx: &mut Cx<'_>,
        leg: LegId,
        sdp: &[u8],
        peer: std::net::IpAddr,
    ) {
        let Some(transfer) = self.transfer_mut(leg) else {
            return;
        };
        transfer.media.set_peer(peer);
        if transfer.media.accept_answer(cx, sdp).is_none() {
            self.fail_transfer(cx, 488);
            return;
        }
        let Phase::Talking(talk) = &mut self.phase else {
            return;
        };
        let Some(transfer) = talk.transfer.take() else {
            return;
        };
        cx.act(Action::Timer(CallTimer::Transfer, None));
        self.close_segment(cx, transfer.segment);
        let handover = Handover {
            agent: transfer.target,
            media: transfer.media,
        };
        self.hand_over(cx, transfer.asked, handover);
    }

    /// The transferor goes, the target comes: who answered, or was on the line with the transferor already.
    pub(crate) fn hand_over(&mut self, cx: &mut Cx<'_>, asked: Asked, handover: Handover) {
        let Phase::Talking(mut talk) = std::mem::replace(&mut self.phase, Phase::Closed) else {
            return;
        };
        cx.sip(Command::ReferProgress {
            leg: asked.on,
            status: 200,
        });
        if !talk.left {
            self.end_with_agent(cx, &mut talk, ReleaseReason::Normal);
        }
        cx.media(MediaCommand::StopPlay { leg: self.caller.leg });
        cx.act(Action::Acd(AcdInput::TakeOver {
            contact: self.contact,
            agent: handover.agent.clone(),
            queue: talk.queue.clone(),
        }));
        cx.act(Action::Disengage(handover.media.leg));
        let with = With {
            agent: handover.agent,
            media: handover.media,
            queue: talk.queue,
            enqueued_at: talk.enqueued_at,
            run: talk.run,
        };
        self.begin_talk(cx, with);
    }

    /// The transferor's phone hung up while the target rings: off to wrap-up, the caller waits for the target.
    pub(super) fn on_transferor_gone(&mut self, cx: &mut Cx<'_>) {
        let Phase::Talking(mut talk) = std::mem::replace(&mut self.phase, Phase::Closed) else {
            return;
        };
        talk.media.signalling_gone();
        if !talk.left {
            talk.left = true;
            // The music of the parked caller goes on.
            self.end_with_agent(cx, &mut talk, ReleaseReason::Normal);
        }
        self.phase = Phase::Talking(talk);
    }

    /// The target will not come.
    pub(crate) fn on_target_refused(&mut self, cx: &mut Cx<'_>, leg: LegId, failure: DialFailure) {
        let status = match failure {
            DialFailure::Status(status) => status,
            DialFailure::Unreachable => 480,
        };
        self.on_target_failed(cx, leg, status);
    }

    /// The target's leg is gone.
    pub(super) fn on_target_failed(&mut self, cx: &mut Cx<'_>, leg: LegId, status: u16) {
        if let Some(transfer) = self.transfer_mut(leg) {
            transfer.media.signalling_gone();
            self.fail_transfer(cx, status);
        }
    }

    /// The target has rung long enough.
    pub(super) fn on_target_silent(&mut self, cx: &mut Cx<'_>) {
        self.fail_transfer(cx, 408);
    }

    /// No ports for the target.
    pub(crate) fn on_no_target_ports(&mut self, cx: &mut Cx<'_>) {
        self.fail_transfer(cx, 503);
    }

    /// Back to the transferor, or to the queue at the old place.
    fn fail_transfer(&mut self, cx: &mut Cx<'_>, status: u16) {
        let Phase::Talking(talk) = &mut self.phase else {
            return;
        };
        let Some(transfer) = talk.transfer.take() else {
            return;
        };
        let (left, on) = (talk.left, transfer.asked.on);
        let held = talk.media.negotiated.as_ref().map(|agreed| agreed.direction);
        let queue = talk.queue.clone();
        self.drop_target(cx, transfer, ReleaseReason::NoAnswer);
        if left {
            let flow = self.queue_flow(&queue);
            self.move_on(cx, flow, None);
        } else {
            cx.sip(Command::ReferProgress { leg: on, status });
            self.on_agent_direction(cx, held.unwrap_or(Direction::SendRecv));
        }
    }

    /// Lets the target's leg go.
    pub(super) fn drop_target(&self, cx: &mut Cx<'_>, mut transfer: Transfer, reason: ReleaseReason) {
        cx.act(Action::Timer(CallTimer::Transfer, None));
        transfer.media.release(cx, reason);
        self.close_segment(cx, transfer.segment);
    }

    /// The caller goes on in a flow at once, and the transferor is done.
    fn leave_for(
        &mut self,
        cx: &mut Cx<'_>,
        asked: Asked,
        flow: Option<Arc<Flow>>,
        language: Option<String>,
    ) {
        cx.sip(Command::ReferProgress {
            leg: asked.on,
            status: 200,
        });
        self.move_on(cx, flow, language);
    }

    fn move_on(&mut self, cx: &mut Cx<'_>, flow: Option<Arc<Flow>>, language: Option<String>) {
        let Phase::Talking(talk) = std::mem::replace(&mut self.phase, Phase::Closed) else {
            return;
        };
        self.place = Some(talk.enqueued_at);
        self.close_talk(cx, talk, ReleaseReason::Normal);
        cx.media(MediaCommand::StopPlay { leg: self.caller.leg });
        let segment = self.open_segment(cx, SegmentKind::Ivr);
        self.record_step(cx, Step::Ivr, segment);
        let Some(flow) = flow else {
            // Names of queues and languages come from checked flows: their flow can be built.
            self.close_segment(cx, segment);
            self.stop_recording(cx);
            self.caller.release(cx, ReleaseReason::Fault);
            cx.act(Action::Close(Ending::Lost(LostReason::Fault)));
            return;
        };
        let run = match &language {
            Some(language) => ivr_flows::Run::in_language(flow, language),
            None => ivr_flows::Run::new(flow),
        };
        self.phase = Phase::Flow(InFlow { run, segment });
        self.run_flow(cx, ivr_flows::Input::Start);
    }

    /// A flow that does nothing but wait in this queue with music, in the languages of the contact's own.
    fn queue_flow(&self, queue: &QueueSlug) -> Option<Arc<Flow>> {
        let languages: Vec<&str> = self.flow.languages().collect();
        let own = self.language.as_deref().or(languages.first().copied())?;
        waiting_flow(queue, &languages, own)
    }
}

/// A flow that waits in a queue and says sorry where nobody comes.
pub(crate) fn waiting_flow(queue: &QueueSlug, languages: &[&str], language: &str) -> Option<Arc<Flow>> {
    let text = format!(
        "flow: transfer\nlanguages: [{}]\nlanguage: {language}\nstart: wait\n\
         defaults: {{on_error: sorry, max_steps: 20}}\n\
         while_waiting:\n  standard:\n    music: music-on-hold\n\
         nodes:\n  wait:\n    queue:\n      name: {queue}\n      while_waiting: standard\n      \
         exits: {{timeout: sorry, full: sorry, no_staff: sorry}}\n  \
         sorry:\n    hangup: {{prompts: [sorry-goodbye]}}\n",
        languages.join(", ")
    );
    let library = Library::from_texts([("transfer.yaml", text.as_str())]).ok()?;
    library.get("transfer").cloned()
}

/// Why an agent cannot be rung by hand now, as a status: only a talk, a ringing offer or a phone that is not there.
pub(crate) fn unavailable(acd: &Acd, agent: &AgentSlug) -> Option<u16> {
    let view = acd.agent(agent)?;
    match (view.work, view.device) {
        (WorkState::Talking | WorkState::Hold | WorkState::Offered, _) => Some(486),
        (_, DeviceState::BusyElsewhere) => Some(486),
        (_, DeviceState::Unreachable) => Some(480),
        (WorkState::Idle | WorkState::WrapUp, DeviceState::Registered) => None,
    }
}

/// The hold of a consult is only music: nothing is counted.
pub(crate) fn play_or_stop(cx: &mut Cx<'_>, leg: LegId, held: bool) {
    let command = if held {
        hold_music(cx.config, leg)
    } else {
        MediaCommand::StopPlay { leg }
    };
    cx.media(command);
}
