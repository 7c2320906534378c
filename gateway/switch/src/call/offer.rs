//! One attempt to give the caller to an agent: ports, screen-pop, dialling, answer.

use std::time::Duration;

use hotline_acd::Input as AcdInput;
use hotline_journal::{By, What};
use hotline_sip::{AgentRoute, Command, DialFailure, ReleaseReason};
use hotline_types::{AgentSlug, LegId, OfferId, OfferOutcome, Pii, QueueSlug, SegmentId, SegmentKind};

use super::{Action, Call, Cx, Phase};
use crate::leg_media::LegMedia;
use crate::timer::CallTimer;

/// How far an offer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Ports and the screen-pop are awaited, in either order.
    Preparing { ports: bool, popped: bool },
    /// The INVITE is out.
    Dialling,
    /// 180 or 183 came.
    Ringing,
    /// The phone answered; the queue engine says whether it counts.
    Answered,
}

/// The leg to the agent that the present offer rings.
#[derive(Debug)]
pub(crate) struct OfferLeg {
    pub(crate) offer: OfferId,
    pub(crate) agent: AgentSlug,
    pub(crate) queue: QueueSlug,
    pub(crate) segment: SegmentId,
    pub(crate) media: LegMedia,
    /// How the phone was to be reached when the ports were chosen.
    route: Option<AgentRoute>,
    stage: Stage,
}

impl Call {
    /// The queue engine chose an agent: prepare the leg, wait for the pop, then dial.
    pub(crate) fn on_offer(
        &mut self,
        cx: &mut Cx<'_>,
        leg: LegId,
        (offer, agent, queue): (OfferId, AgentSlug, QueueSlug),
        route: Option<AgentRoute>,
    ) {
        let listener = route.map_or(cx.config.phones, |route| route.listener);
        let Some(faces) = cx.config.media.get(&listener) else {
            return;
        };
        let face = route.map_or(faces.others, |route| faces.toward(route.peer.ip()));
        if !matches!(&self.phase, Phase::Waiting(_)) {
            return;
        }
        let segment = SegmentId::new(cx.now.wall, cx.rng);
        let opened = What::SegmentOpened {
            segment_kind: SegmentKind::Ring,
        };
        cx.event(
            self.draft(By::System, opened)
                .segment(segment)
                .agent(agent.clone())
                .queue(queue.clone()),
        );
        let srtp = cx.config.srtp.agent(&agent);
        let mut media = LegMedia::open(cx, leg, face, self.affinity).secured(cx, srtp);
        if let Some(negotiated) = &self.caller.negotiated {
            media.prefer(negotiated.codec);
        }
        let popped = cx.config.pop_hold == Duration::ZERO;
        let stage = Stage::Preparing { ports: false, popped };
        if !popped {
            cx.act(Action::Timer(
                CallTimer::PopHold,
                Some(cx.now.mono + cx.config.pop_hold),
            ));
        }
        let mut first = false;
        if let Phase::Waiting(waiting) = &mut self.phase {
            first = waiting.offers.is_empty();
            waiting.offers.push(OfferLeg {
                offer,
                agent,
                queue,
                segment,
                media,
                route,
                stage,
            });
        }
        if first {
            self.run_flow(cx, ivr_flows::Input::OfferStarted);
        }
    }

    fn offer_legs(&mut self) -> &mut [OfferLeg] {
        match &mut self.phase {
            Phase::Waiting(waiting) => &mut waiting.offers,
            _ => &mut [],
        }
    }

    fn offer_leg_mut(&mut self, leg: LegId) -> Option<&mut OfferLeg> {
        self.offer_legs().iter_mut().find(|offer| offer.media.leg == leg)
    }

    /// The agent leg's ports are there.
    pub(crate) fn on_agent_ports(&mut self, cx: &mut Cx<'_>, leg: LegId, port: u16) {
        let Some(offer) = self.offer_leg_mut(leg) else {
            return;
        };
        offer.media.opened(port);
        if let Stage::Preparing { ports, .. } = &mut offer.stage {
            *ports = true;
        }
        self.dial_if_prepared(cx, leg);
    }

    /// The screen-pop is in the desk.
    pub(crate) fn on_popped(&mut self, cx: &mut Cx<'_>, offer: OfferId) {
        let Some(leg) = self.offer_legs().iter_mut().find(|leg| leg.offer == offer) else {
            return;
        };
        let leg = leg.media.leg;
        self.set_popped(cx, leg);
        if self.unpopped().is_empty() {
            cx.act(Action::Timer(CallTimer::PopHold, None));
        }
    }

    /// Legs whose screen-pop is awaited.
    fn unpopped(&mut self) -> Vec<LegId> {
        let legs = self.offer_legs().iter();
        legs.filter(|leg| matches!(leg.stage, Stage::Preparing { popped: false, .. }))
            .map(|leg| leg.media.leg)
            .collect()
    }

    /// Screen-pops are late: dial all the same, and count it.
    pub(super) fn on_pop_late(&mut self, cx: &mut Cx<'_>) {
        let contact = self.contact;
        for leg in self.unpopped() {
            if let Some(offer) = self.offer_leg_mut(leg) {
                let draft = hotline_journal::Draft::new(By::System, What::PopLate)
                    .contact(contact)
                    .agent(offer.agent.clone())
                    .offer(offer.offer);
                cx.event(draft);
            }
            self.set_popped(cx, leg);
        }
    }

    fn set_popped(&mut self, cx: &mut Cx<'_>, leg: LegId) {
        if let Some(OfferLeg {
            stage: Stage::Preparing { popped, .. },
            ..
        }) = self.offer_leg_mut(leg)
        {
            *popped = true;
            self.dial_if_prepared(cx, leg);
        }
    }

    fn dial_if_prepared(&mut self, cx: &mut Cx<'_>, leg: LegId) {
        let prepared = Stage::Preparing {
            ports: true,
            popped: true,
        };
        if self
            .offer_leg_mut(leg)
            .is_none_or(|offer| offer.stage != prepared)
        {
            return;
        }
        let (caller, contact) = (self.caller_number.clone(), self.contact);
        let passed = self.passed.clone();
        let Some(offer) = self.offer_leg_mut(leg) else {
            return;
        };
        offer.stage = Stage::Dialling;
        let sdp = offer.media.offer();
        let mut headers = vec![
            ("X-Hotline-Contact".into(), contact.to_string()),
            ("X-Hotline-Queue".into(), offer.queue.to_string()),
        ];
        headers.extend(passed.into_iter().map(|(name, value)| (name.into(), value)));
        cx.sip(Command::DialAgent {
            leg: offer.media.leg,
            agent: offer.agent.clone(),
            sdp,
            caller,
            display: Pii::new(offer.queue.to_string()),
            headers,
            route: offer.route,
        });
    }

    /// The agent's phone rings.
    pub(crate) fn on_ringing(&mut self, cx: &mut Cx<'_>, leg: LegId) {
        let Some(offer) = self.offer_leg_mut(leg) else {
            return;
        };
        if offer.stage == Stage::Dialling {
            offer.stage = Stage::Ringing;
            cx.act(Action::Acd(AcdInput::OfferRinging { offer: offer.offer }));
        }
    }

    /// The agent's phone answered: its media must fit, and the queue engine must agree.
    pub(crate) fn on_answered(&mut self, cx: &mut Cx<'_>, leg: LegId, sdp: &[u8], peer: std::net::IpAddr) {
        if self.is_outside(leg) {
            return self.on_outside_answered(cx, leg, sdp, peer);
        }
        let Some(offer) = self.offer_leg_mut(leg) else {
            return;
        };
        offer.media.set_peer(peer);
        if offer.media.accept_answer(cx, sdp).is_some() {
            offer.stage = Stage::Answered;
            let offer = offer.offer;
            cx.act(Action::Acd(AcdInput::OfferAnswered { offer }));
        } else {
            self.fail_offer(cx, leg, OfferOutcome::Failed, None);
        }
    }

    /// The agent's phone will not come.
    pub(crate) fn on_dial_refused(&mut self, cx: &mut Cx<'_>, leg: LegId, failure: DialFailure) {
        if self.is_outside(leg) {
            return self.on_outside_failed(cx, leg, failure);
        }
        let rang = self
            .offer_leg_mut(leg)
            .is_some_and(|offer| offer.stage == Stage::Ringing);
        let (outcome, status) = match failure {
            DialFailure::Unreachable => (OfferOutcome::Unreachable, None),
            DialFailure::Status(status) => (outcome_of(status, rang), Some(status)),
        };
        self.on_dial_failed(cx, leg, outcome, status);
    }

    /// A leg to an agent is gone before it was connected.
    pub(crate) fn on_dial_failed(
        &mut self,
        cx: &mut Cx<'_>,
        leg: LegId,
        outcome: OfferOutcome,
        status: Option<u16>,
    ) {
        if let Some(offer) = self.offer_leg_mut(leg) {
            offer.media.signalling_gone();
            self.fail_offer(cx, leg, outcome, status);
        }
    }

    /// Ends one offer by what happened to its leg, and tells the queue engine.
    pub(crate) fn fail_offer(
        &mut self,
        cx: &mut Cx<'_>,
        leg: LegId,
        outcome: OfferOutcome,
        sip_status: Option<u16>,
    ) {
        if let Some(offer) = self.take_offer(cx, |offer| offer.media.leg == leg, ReleaseReason::Normal) {
            cx.act(Action::Acd(AcdInput::OfferFailed {
                offer,
                outcome,
                sip_status,
            }));
        }
    }

    /// The queue engine took the offer back: the phone stops ringing.
    pub(crate) fn on_withdrawn(&mut self, cx: &mut Cx<'_>, offer: OfferId) {
        self.take_offer(cx, |leg| leg.offer == offer, ReleaseReason::NoAnswer);
    }

    /// Lets the leg of an offer go; with the last one the flow may speak again.
    fn take_offer(
        &mut self,
        cx: &mut Cx<'_>,
        which: impl Fn(&OfferLeg) -> bool,
        reason: ReleaseReason,
    ) -> Option<OfferId> {
        let Phase::Waiting(waiting) = &mut self.phase else {
            return None;
        };
        let at = waiting.offers.iter().position(which)?;
        let mut leg = waiting.offers.remove(at);
        let last = waiting.offers.is_empty();
        leg.media.release(cx, reason);
        self.close_segment(cx, leg.segment);
        if last {
            cx.act(Action::Timer(CallTimer::PopHold, None));
            self.run_flow(cx, ivr_flows::Input::OfferEnded);
        }
        Some(leg.offer)
    }
}

/// The meaning of a phone's final status (design.md section 3, step 6: five different outcomes).
const fn outcome_of(status: u16, rang: bool) -> OfferOutcome {
    match status {
        486 | 600 => OfferOutcome::Busy,
        603 => OfferOutcome::Rejected,
        480 if rang => OfferOutcome::Rejected,
        404 | 408 | 410 | 480 | 503 => OfferOutcome::Unreachable,
        _ => OfferOutcome::Failed,
    }
}
