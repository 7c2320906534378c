//! Caller and agent: bridge, recording, hold, and the end of it.

use hotline_acd::Input as AcdInput;
use hotline_journal::{By, What};
use hotline_media::{AfterPlay, Direction, MediaCommand, PlayId, RecordingSpec};
use hotline_sip::ReleaseReason;
use hotline_types::{AgentSlug, OfferId, SegmentId, SegmentKind};

use super::{Action, Call, Cx, Phase};
use crate::leg_media::LegMedia;
use crate::timer::CallTimer;

/// Number of the playout of hold music; flows number theirs from 1.
const HOLD_PLAY: PlayId = PlayId(0);

/// A caller with an agent.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) agent: AgentSlug,
    pub(crate) media: LegMedia,
    pub(crate) segment: SegmentId,
    recorded: bool,
    /// The hold segment, while the agent has the caller on hold.
    hold: Option<SegmentId>,
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
        cx.act(Action::Timer(CallTimer::Flow, None));
        cx.act(Action::Timer(CallTimer::PopHold, None));
        self.close_segment(cx, leg.segment);
        self.close_segment(cx, waiting.segment);
        let segment = SegmentId::new(cx.now.wall, cx.rng);
        let talk_of = |draft: hotline_journal::Draft| draft.segment(segment).agent(leg.agent.clone());
        let opened = self.draft(
            By::System,
            What::SegmentOpened {
                segment_kind: SegmentKind::Talk,
            },
        );
        cx.event(talk_of(opened).queue(leg.queue.clone()));
        let bands = cx.acd.rostered_bands(&leg.agent, cx.now.wall);
        cx.event(talk_of(self.draft(By::Agent(leg.agent.clone()), What::Bridged { bands })).queue(leg.queue));
        cx.media(MediaCommand::Bridge {
            caller: self.caller.leg,
            agent: leg.media.leg,
        });
        for mut slower in waiting.offers {
            slower.media.release(cx, ReleaseReason::CompletedElsewhere);
            self.close_segment(cx, slower.segment);
        }
        if cx.config.record {
            self.start_recording(cx, segment);
        }
        let direction = leg
            .media
            .negotiated
            .as_ref()
            .map_or(Direction::SendRecv, |agreed| agreed.direction);
        self.phase = Phase::Talking(Talk {
            agent: leg.agent,
            media: leg.media,
            segment,
            recorded: cx.config.record,
            hold: None,
        });
        self.on_agent_direction(cx, direction);
    }

    fn start_recording(&self, cx: &mut Cx<'_>, segment: SegmentId) {
        let day = self.business_date.0.replace('-', "/");
        let path = format!("{day}/{}/{segment}.wav", self.contact);
        cx.event(
            self.draft(By::System, What::RecordingStarted { path: path.clone() })
                .segment(segment),
        );
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

    /// The agent's SDP says hold (both styles become `RecvOnly` or `Inactive` for us) or takes it back.
    pub(super) fn on_agent_direction(&mut self, cx: &mut Cx<'_>, direction: Direction) {
        // The agent hears us (SendRecv) or only is muted at its end (we still send): no hold.
        let held = matches!(direction, Direction::RecvOnly | Direction::Inactive);
        let Phase::Talking(talk) = &self.phase else { return };
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
                cx.media(MediaCommand::Hold { caller, held: true });
                cx.media(MediaCommand::Play {
                    leg: caller,
                    play: HOLD_PLAY,
                    clips: vec![cx.config.hold_music],
                    gap: std::time::Duration::ZERO,
                    after: AfterPlay::Loop,
                });
                Some(segment)
            }
            (false, Some(segment)) => {
                cx.media(MediaCommand::StopPlay { leg: caller });
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
        if talk.recorded {
            cx.media(MediaCommand::StopRecord { caller });
        }
        cx.media(MediaCommand::Unbridge { leg: caller });
        talk.media.release(cx, reason);
        if let Some(hold) = talk.hold {
            self.close_segment(cx, hold);
        }
        let unbridged = self
            .draft(By::System, What::Unbridged)
            .segment(talk.segment)
            .agent(talk.agent);
        cx.event(unbridged);
        self.close_segment(cx, talk.segment);
        cx.act(Action::Acd(AcdInput::TalkEnded {
            contact: self.contact,
        }));
    }
}
