//! The ways of a sample's calls: through the flow, the queue, the ringing and the talk, to one of their ends.

use std::time::Duration;

use hotline_types::{
    AbandonPhase, AgentSlug, ContactId, EndCause, FlowOutReason, HangupBy, Intent, LostReason, OfferId,
    OfferOutcome, QueueExit, QueueSlug, SegmentId, SegmentKind, WallTime, WorkState,
};

use super::{Call, Place, Sample, SampleAgent};
use crate::{By, Draft, What};

impl Sample {
    pub(super) fn in_ivr(&mut self, id: ContactId, mut call: Call, nodes: u64) -> Call {
        if nodes < 3 {
            self.say(
                id,
                What::FlowNode {
                    node: format!("node-{nodes}"),
                    way: None,
                },
            );
            call.at = Place::Ivr { nodes: nodes + 1 };
            return call;
        }
        self.end_segment(id, call.segment);
        let Some(queue) = Self::pick(&mut self.rng, &self.queues) else {
            return call;
        };
        let entered = What::QueueEntered {
            enqueued_at: self.now,
            business_date: self.days.date_of(self.now),
            bands: self.bands(),
        };
        self.emit(Draft::new(By::System, entered).contact(id).queue(queue.clone()));
        call.segment = self.segment(id, SegmentKind::Wait, None);
        call.at = Place::Waiting {
            queue,
            since: self.now,
        };
        call
    }

    fn leave(
        &mut self,
        id: ContactId,
        queue: QueueSlug,
        since: WallTime,
        exit: QueueExit,
        agent: Option<AgentSlug>,
    ) {
        let wait_us = crate::contact::micros(self.now.since(since));
        let mut draft = Draft::new(By::System, What::QueueLeft { exit, wait_us })
            .contact(id)
            .queue(queue);
        draft.agent = agent;
        self.emit(draft);
    }

    pub(super) fn in_queue(&mut self, id: ContactId, mut call: Call) -> Option<Call> {
        let Place::Waiting { queue, since } = call.take_place() else {
            return Some(call);
        };
        if !call.patient && self.rng.below(100) < 20 {
            let reason = match self.rng.below(4) {
                0 => FlowOutReason::Timeout,
                1 => FlowOutReason::Full,
                2 => FlowOutReason::NoStaff,
                _ => FlowOutReason::Key,
            };
            self.leave(id, queue, since, QueueExit::FlowedOut(reason), None);
            self.end_segment(id, call.segment);
            call.segment = self.segment(id, SegmentKind::Ivr, None);
            if self.rng.below(2) == 0 {
                return Some(self.in_ivr(id, call, 3));
            }
            self.end_segment(id, call.segment);
            self.say(
                id,
                What::ContactClosed {
                    cause: EndCause::FlowedOut(reason),
                    sip_status: None,
                },
            );
            return None;
        }
        let free = |agent: &SampleAgent| agent.intent == Intent::Ready && agent.work == WorkState::Idle;
        let Some(agent) = self.agents.iter().position(free) else {
            call.at = Place::Waiting { queue, since };
            return Some(call);
        };
        let (offer, slug) = (
            OfferId::new(self.now, &mut self.rng),
            self.agents[agent].slug.clone(),
        );
        let made = What::OfferMade {
            deadline: self.now + Duration::from_secs(15),
            fence: self.seq.0,
            why: "longest idle of the agents on duty".to_owned(),
            bands: self.bands(),
        };
        self.emit(
            Draft::new(By::System, made)
                .contact(id)
                .queue(queue.clone())
                .agent(slug.clone())
                .offer(offer),
        );
        self.work(agent, WorkState::Offered, Some(id));
        let ring = self.segment(id, SegmentKind::Ring, Some(slug));
        call.at = Place::Ringing {
            queue,
            since,
            agent,
            offer,
            ring,
            rings: false,
        };
        Some(call)
    }

    fn end_offer(
        &mut self,
        id: ContactId,
        agent: usize,
        offer: OfferId,
        outcome: OfferOutcome,
        ring: SegmentId,
    ) {
        let slug = self.agents[agent].slug.clone();
        let ended = What::OfferEnded {
            outcome,
            sip_status: None,
        };
        self.emit(Draft::new(By::System, ended).contact(id).agent(slug).offer(offer));
        self.end_segment(id, ring);
    }

    pub(super) fn ringing(&mut self, id: ContactId, mut call: Call) -> Call {
        let Place::Ringing {
            queue,
            since,
            agent,
            offer,
            ring,
            rings,
        } = call.take_place()
        else {
            return call;
        };
        let slug = self.agents[agent].slug.clone();
        if !rings {
            self.emit(
                Draft::new(By::System, What::OfferRinging)
                    .contact(id)
                    .agent(slug)
                    .offer(offer),
            );
            call.at = Place::Ringing {
                queue,
                since,
                agent,
                offer,
                ring,
                rings: true,
            };
            return call;
        }
        if !call.patient && self.rng.below(2) == 0 {
            let outcome = match self.rng.below(5) {
                0 => OfferOutcome::Missed,
                1 => OfferOutcome::Rejected,
                2 => OfferOutcome::Busy,
                3 => OfferOutcome::Unreachable,
                _ => OfferOutcome::Failed,
            };
            self.end_offer(id, agent, offer, outcome, ring);
            self.work(agent, WorkState::Idle, None);
            call.at = Place::Waiting { queue, since };
            return call;
        }
        self.end_offer(id, agent, offer, OfferOutcome::Answered, ring);
        self.leave(id, queue, since, QueueExit::Answered, Some(slug.clone()));
        self.end_segment(id, call.segment);
        call.segment = self.segment(id, SegmentKind::Talk, Some(slug.clone()));
        self.work(agent, WorkState::Talking, Some(id));
        let bridged = What::Bridged { bands: self.bands() };
        self.emit(
            Draft::new(By::System, bridged)
                .contact(id)
                .segment(call.segment)
                .agent(slug),
        );
        let started = What::RecordingStarted {
            path: format!("2026/11/24/{id}/{}.wav", call.segment),
        };
        self.emit(Draft::new(By::System, started).contact(id).segment(call.segment));
        call.at = Place::Talking { agent, hold: None };
        call
    }

    pub(super) fn talking(&mut self, id: ContactId, mut call: Call) -> Option<Call> {
        let Place::Talking { agent, hold } = call.at else {
            return Some(call);
        };
        let slug = self.agents[agent].slug.clone();
        let change = self.rng.below(100) < 20;
        match hold {
            Some(segment) => {
                self.end_segment(id, segment);
                self.work(agent, WorkState::Talking, Some(id));
                call.at = Place::Talking { agent, hold: None };
                Some(call)
            }
            None if change && !call.patient => {
                let hold = self.segment(id, SegmentKind::Hold, Some(slug));
                self.work(agent, WorkState::Hold, Some(id));
                call.at = Place::Talking {
                    agent,
                    hold: Some(hold),
                };
                Some(call)
            }
            None if change => {
                call.at = Place::Talking { agent, hold };
                Some(call)
            }
            None => {
                call.at = Place::Talking { agent, hold };
                self.hang_up(id, call);
                None
            }
        }
    }

    pub(super) fn hang_up(&mut self, id: ContactId, call: Call) {
        let cause = match call.at {
            Place::Ivr { .. } => EndCause::EndedInIvr(HangupBy::Caller),
            Place::Waiting { queue, since } => {
                self.leave(
                    id,
                    queue,
                    since,
                    QueueExit::Abandoned(AbandonPhase::Waiting),
                    None,
                );
                EndCause::Abandoned(AbandonPhase::Waiting)
            }
            Place::Ringing {
                queue,
                since,
                agent,
                offer,
                ring,
                rings,
            } => {
                let exit = if rings {
                    AbandonPhase::Ringing
                } else {
                    AbandonPhase::Waiting
                };
                self.end_offer(id, agent, offer, OfferOutcome::Withdrawn, ring);
                self.work(agent, WorkState::Idle, None);
                self.leave(id, queue, since, QueueExit::Abandoned(exit), None);
                EndCause::Abandoned(exit)
            }
            Place::Talking { agent, hold } => {
                let slug = self.agents[agent].slug.clone();
                if let Some(hold) = hold {
                    self.end_segment(id, hold);
                }
                self.emit(
                    Draft::new(By::Caller, What::Unbridged)
                        .contact(id)
                        .segment(call.segment)
                        .agent(slug),
                );
                self.work(agent, WorkState::WrapUp, Some(id));
                if self.rng.below(20) == 0 {
                    EndCause::Lost(LostReason::MediaLost)
                } else {
                    EndCause::Completed(HangupBy::Caller)
                }
            }
        };
        self.end_segment(id, call.segment);
        self.say(
            id,
            What::ContactClosed {
                cause,
                sip_status: None,
            },
        );
        if matches!(cause, EndCause::Completed(_)) {
            let sealed = What::RecordingSealed {
                path: format!("2026/11/24/{id}/{}.wav", call.segment),
                length_ms: 4_000,
                repaired: false,
            };
            self.emit(Draft::new(By::System, sealed).contact(id).segment(call.segment));
        }
    }
}
