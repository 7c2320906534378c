//! Caller and agent: bridge, recording, hold, and the end of it.

use hotline_acd::Input as AcdInput;
use hotline_journal::{By, What};
use hotline_media::{AfterPlay, Direction, MediaCommand, PlayId, RecordingMark, Stretch};
use hotline_sip::ReleaseReason;
use hotline_types::{AgentSlug, LegId, OfferId, QueueSlug, SegmentId, SegmentKind, WallTime};
use ivr_flows::Run;

use super::record::Step;
use super::transfer::Transfer;
use super::{Action, Call, Cx, Phase};
use crate::api::SwitchConfig;
use crate::leg_media::LegMedia;
use crate::timer::CallTimer;

/// Number of the playout of hold music; flows number theirs from 1.
const HOLD_PLAY: PlayId = PlayId(0);

/// Whom the caller talks with next, and where it came from.
pub(super) struct With {
    pub(super) agent: AgentSlug,
    pub(super) media: LegMedia,
    pub(super) queue: QueueSlug,
    pub(super) enqueued_at: WallTime,
    pub(super) run: Run,
}

/// A caller with an agent.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) agent: AgentSlug,
    pub(crate) media: LegMedia,
    pub(crate) segment: SegmentId,
    /// The flow, for the way back into a queue.
    pub(super) run: Run,
    /// The hold segment, while the agent has the caller on hold.
    pub(super) hold: Option<SegmentId>,
    /// The queue that the caller came from, and the time that counts for a place in it.
    pub(crate) queue: QueueSlug,
    pub(crate) enqueued_at: WallTime,
    /// The agent hands the caller over.
    pub(crate) transfer: Option<Transfer>,
    /// The agent has gone already, and the caller waits for the target alone.
    pub(super) left: bool,
}

impl Call {
    /// The answer counts: bridge and record.
    pub(crate) fn on_connect(&mut self, cx: &mut Cx<'_>, offer: OfferId) {
        let mut waiting = match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Waiting(waiting) => waiting,
            other => {
                self.phase = other;
                return;
            }
        };
        let Some(at) = waiting.offers.iter().position(|leg| leg.offer == offer) else {
            self.phase = Phase::Waiting(waiting);
            return;
        };
        let leg = waiting.offers.remove(at);
        self.language = Some(waiting.run.language().to_owned());
        cx.act(Action::Timer(CallTimer::Flow, None));
        cx.act(Action::Timer(CallTimer::PopHold, None));
        self.close_segment(cx, leg.segment);
        self.close_segment(cx, waiting.segment);
        for mut slower in waiting.offers {
            slower.media.release(cx, ReleaseReason::CompletedElsewhere);
            self.close_segment(cx, slower.segment);
        }
        let with = With {
            agent: leg.agent,
            media: leg.media,
            queue: leg.queue,
            enqueued_at: waiting.enqueued_at,
            run: waiting.run,
        };
        self.begin_talk(cx, with);
    }

    /// Caller and agent hear each other from now on; a recording that runs goes on.
    pub(super) fn begin_talk(&mut self, cx: &mut Cx<'_>, with: With) {
        let segment = SegmentId::new(cx.now.wall, cx.rng);
        let talk_of = |draft: hotline_journal::Draft| {
            draft
                .segment(segment)
                .agent(with.agent.clone())
                .queue(with.queue.clone())
        };
        let opened = What::SegmentOpened {
            segment_kind: SegmentKind::Talk,
        };
        cx.event(talk_of(self.draft(By::System, opened)));
        let bands = cx.acd.rostered_bands(&with.agent, cx.now.wall);
        let bridged = self.draft(By::Agent(with.agent.clone()), What::Bridged { bands });
        cx.event(talk_of(bridged));
        cx.media(MediaCommand::Bridge {
            caller: self.caller.leg,
            agent: with.media.leg,
        });
        for (of, caller) in [(self.caller.leg, true), (with.media.leg, false)] {
            let contact = self.contact;
            let stretch = Stretch {
                contact,
                segment,
                caller,
            };
            cx.media(MediaCommand::Measure { leg: of, stretch });
        }
        self.record_step(cx, Step::Talk(&with.queue), segment);
        let direction = with
            .media
            .negotiated
            .as_ref()
            .map_or(Direction::SendRecv, |agreed| agreed.direction);
        self.phase = Phase::Talking(Talk {
            agent: with.agent,
            media: with.media,
            segment,
            run: with.run,
            hold: None,
            queue: with.queue,
            enqueued_at: with.enqueued_at,
            transfer: None,
            left: false,
        });
        self.on_agent_direction(cx, direction);
    }

    /// The agent's SDP says hold (both styles become `RecvOnly` or `Inactive` for us) or takes it back.
    pub(super) fn on_agent_direction(&mut self, cx: &mut Cx<'_>, direction: Direction) {
        // The agent hears us (SendRecv) or only is muted at its end (we still send): no hold.
        let held = matches!(direction, Direction::RecvOnly | Direction::Inactive);
        let Phase::Talking(talk) = &self.phase else { return };
        if talk.transfer.is_some() {
            return; // the caller is parked until the transfer is decided
        }
        let (agent, was) = (talk.agent.clone(), talk.hold);
        let caller = self.caller.leg;
        let hold = match (held, was) {
            (true, None) => {
                let segment = SegmentId::new(cx.now.wall, cx.rng);
                let opened = What::SegmentOpened {
                    segment_kind: SegmentKind::Hold,
                };
                cx.event(
                    self.draft(By::Agent(agent.clone()), opened)
                        .segment(segment)
                        .agent(agent),
                );
                self.mark_recording(cx, RecordingMark::Segment(SegmentKind::Hold));
                cx.media(MediaCommand::Hold { caller, held: true });
                cx.media(hold_music(cx.config, caller));
                Some(segment)
            }
            (false, Some(segment)) => {
                cx.media(MediaCommand::StopPlay { leg: caller });
                self.mark_recording(cx, RecordingMark::Segment(SegmentKind::Talk));
                cx.media(MediaCommand::Hold { caller, held: false });
                self.close_segment(cx, segment);
                None
            }
            (true, Some(_)) | (false, None) => return,
        };
        cx.act(Action::Acd(AcdInput::Held {
            contact: self.contact,
            held,
        }));
        if let Phase::Talking(talk) = &mut self.phase {
            talk.hold = hold;
        }
    }

    /// Takes the talk apart; both sides are let go.
    pub(super) fn close_talk(&self, cx: &mut Cx<'_>, mut talk: Talk, reason: ReleaseReason) {
        let caller = self.caller.leg;
        cx.media(MediaCommand::Unbridge { leg: caller });
        if let Some(transfer) = talk.transfer.take() {
            self.drop_target(cx, transfer, ReleaseReason::NoAnswer);
        }
        if !talk.left {
            self.end_with_agent(cx, &mut talk, reason);
        }
    }

    /// The agent is out of the contact: hung up, no longer probed, segments closed, off to wrap-up.
    pub(super) fn end_with_agent(&self, cx: &mut Cx<'_>, talk: &mut Talk, reason: ReleaseReason) {
        talk.media.release(cx, reason);
        cx.act(Action::Timer(CallTimer::ProbeAgent, None));
        if let Some(hold) = talk.hold.take() {
            self.close_segment(cx, hold);
        }
        let unbridged = self
            .draft(By::System, What::Unbridged)
            .segment(talk.segment)
            .agent(talk.agent.clone());
        cx.event(unbridged);
        self.close_segment(cx, talk.segment);
        cx.act(Action::Acd(AcdInput::TalkEnded {
            contact: self.contact,
        }));
    }
}

/// Music without end for a leg that waits.
pub(crate) fn hold_music(config: &SwitchConfig, leg: LegId) -> MediaCommand {
    MediaCommand::Play {
        leg,
        play: HOLD_PLAY,
        clips: vec![config.hold_music],
        gap: std::time::Duration::ZERO,
        after: AfterPlay::Loop,
    }
}
