//! A call that an agent's phone started: to another agent (a consult, perhaps with a caller on hold), or a feature code.
//!
//! No contact: it stands beside the contacts, keeps both phones busy for routing, and may end by being handed over
//! into a contact (attended transfer). Inside a talk it shows as a consult segment of that contact.

use std::net::IpAddr;

use hotline_journal::By;
use hotline_media::{AfterPlay, ClipId, Direction, MediaCommand, Offer, PlayId};
use hotline_sip::{Command, DialFailure, ReleaseReason};
use hotline_types::{AgentSlug, ContactId, Intent, LegId, NumberSlug, Pii, SegmentId};

use crate::api::MediaFace;
use crate::call::{Action, Cx, Handover, play_or_stop};
use crate::leg_media::LegMedia;
use crate::timer::CallTimer;

/// Number of the one playout of a feature code.
const TONE_PLAY: PlayId = PlayId(1);
/// Longest ringing of the called agent.
const RING_MAX: std::time::Duration = std::time::Duration::from_secs(60);

/// What the agent dialled.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    /// A feature code.
    Code(Code),
    /// Another agent, by a new leg of this number.
    Agent(AgentSlug, LegId),
}

/// What a feature code does.
#[derive(Clone, Debug)]
pub(crate) enum Code {
    /// Sets the agent's intent.
    Intent(Intent),
    /// Switches a number's emergency announcement.
    Emergency(NumberSlug, bool),
}

/// The present state of the call.
#[derive(Debug)]
enum State {
    /// Ports of the agent's own leg, and of the other where there is one, are awaited.
    Opening {
        near: bool,
        far: Option<(Far, bool)>,
        code: Option<Code>,
    },
    /// The other phone is being rung.
    Ringing(Far),
    /// Both hear each other.
    Talking(Far),
    /// The feature code is acknowledged by a tone.
    Acknowledging,
    /// The other side went into a contact: only the agent's own leg is left.
    GivenAway,
    /// Over.
    Over,
}

/// The other side.
#[derive(Debug)]
struct Far {
    agent: AgentSlug,
    media: LegMedia,
}

/// A call started by an agent's phone.
#[derive(Debug)]
pub(crate) struct AgentCall {
    pub(crate) agent: AgentSlug,
    near: LegMedia,
    offer: Option<Offer>,
    state: State,
    /// The consult segment in the contact that the agent talks with.
    pub(crate) consult: Option<(ContactId, SegmentId)>,
}

impl AgentCall {
    /// An authenticated INVITE of an agent's phone; the wish was judged.
    pub(crate) fn open(
        cx: &mut Cx<'_>,
        (agent, leg, peer): (AgentSlug, LegId, IpAddr),
        (face, affinity): (MediaFace, u64),
        offer: Option<Offer>,
        wish: Wish,
    ) -> Self {
        let srtp = cx.config.srtp.agent(&agent);
        let mut near = LegMedia::open(cx, leg, face, affinity).secured(cx, srtp);
        near.set_peer(peer);
        cx.act(Action::Engage(leg, agent.clone()));
        let (far, code) = match wish {
            Wish::Code(code) => (None, Some(code)),
            Wish::Agent(target, leg) => {
                let srtp = cx.config.srtp.agent(&target);
                let media = LegMedia::open(cx, leg, face, affinity).secured(cx, srtp);
                cx.act(Action::Engage(leg, target.clone()));
                let far = Far { agent: target, media };
                (Some((far, false)), None)
            }
        };
        cx.act(Action::Timer(CallTimer::Transfer, Some(cx.now.mono + RING_MAX)));
        Self {
            agent,
            near,
            offer,
            state: State::Opening {
                near: false,
                far,
                code,
            },
            consult: None,
        }
    }

    fn far(&mut self) -> Option<&mut Far> {
        match &mut self.state {
            State::Opening {
                far: Some((far, _)), ..
            }
            | State::Ringing(far)
            | State::Talking(far) => Some(far),
            _ => None,
        }
    }

    /// Whom the agent has called.
    pub(crate) fn far_agent(&self) -> Option<&AgentSlug> {
        match &self.state {
            State::Talking(far) => Some(&far.agent),
            _ => self.rings(),
        }
    }

    /// Whom the agent has called, where the phone still rings.
    pub(crate) fn rings(&self) -> Option<&AgentSlug> {
        match &self.state {
            State::Opening {
                far: Some((far, _)), ..
            }
            | State::Ringing(far) => Some(&far.agent),
            _ => None,
        }
    }

    /// The agent's own leg.
    pub(crate) const fn near_leg(&self) -> LegId {
        self.near.leg
    }

    pub(crate) fn on_ports(&mut self, cx: &mut Cx<'_>, leg: LegId, port: u16) {
        let own = leg == self.near.leg;
        if own {
            self.near.opened(port);
        } else if let Some(far) = self.far() {
            far.media.opened(port);
        }
        let State::Opening { near, far, code } = &mut self.state else {
            return;
        };
        match far {
            _ if own => *near = true,
            Some((_, ready)) => *ready = true,
            None => {}
        }
        match (*near, far, code) {
            (true, None, Some(code)) => {
                let code = code.clone();
                self.acknowledge(cx, code);
            }
            (true, Some((_, true)), _) => self.dial(cx),
            _ => {}
        }
    }

    /// A feature code takes effect when it is answered.
    fn acknowledge(&mut self, cx: &mut Cx<'_>, code: Code) {
        if !self.answer_near(cx) {
            return;
        }
        self.state = State::Acknowledging;
        let agent = self.agent.clone();
        let by = By::Agent(agent.clone());
        cx.act(match code {
            Code::Intent(intent) => Action::Acd(hotline_acd::Input::Intent { agent, intent, by }),
            Code::Emergency(number, on) => Action::Emergency(by, number, on),
        });
    }

    fn dial(&mut self, cx: &mut Cx<'_>) {
        let State::Opening {
            far: Some((mut far, _)),
            ..
        } = std::mem::replace(&mut self.state, State::Over)
        else {
            return;
        };
        let sdp = far.media.offer();
        cx.sip(Command::DialAgent {
            leg: far.media.leg,
            agent: far.agent.clone(),
            sdp,
            caller: Pii::new(self.agent.to_string()),
            display: Pii::new(self.agent.to_string()),
            headers: vec![("X-Hotline-Internal".into(), "1".to_owned())],
            route: None,
        });
        self.state = State::Ringing(far);
    }

    /// 200 to the agent's INVITE; false where its media does not fit, and the call is over.
    fn answer_near(&mut self, cx: &mut Cx<'_>) -> bool {
        let sdp = match &self.offer {
            None => Ok(self.near.offer()),
            Some(offer) => self.near.answer(cx, offer),
        };
        let leg = self.near.leg;
        match sdp {
            Ok(sdp) => {
                cx.act(Action::Timer(CallTimer::Transfer, None));
                cx.sip(Command::Answer { leg, sdp });
                true
            }
            Err(error) => {
                self.reject(cx, 488, Some(error.to_string()));
                false
            }
        }
    }

    pub(crate) fn on_ringing(&mut self, cx: &mut Cx<'_>, leg: LegId) {
        if matches!(&self.state, State::Ringing(far) if far.media.leg == leg) {
            cx.sip(Command::Progress {
                leg: self.near.leg,
                status: 180,
                sdp: None,
            });
        }
    }

    pub(crate) fn on_answered(&mut self, cx: &mut Cx<'_>, leg: LegId, sdp: &[u8], peer: IpAddr) {
        let State::Ringing(far) = &mut self.state else {
            return;
        };
        if far.media.leg != leg {
            return;
        }
        far.media.set_peer(peer);
        let Some(negotiated) = far.media.accept_answer(cx, sdp) else {
            self.reject(cx, 488, None);
            return;
        };
        self.near.prefer(negotiated.codec);
        if !self.answer_near(cx) {
            return;
        }
        cx.media(MediaCommand::Bridge {
            caller: self.near.leg,
            agent: leg,
        });
        if let State::Ringing(far) = std::mem::replace(&mut self.state, State::Over) {
            self.state = State::Talking(far);
        }
    }

    /// The ACK came: a feature code is acknowledged by its tone.
    pub(crate) fn on_confirmed(&mut self, cx: &mut Cx<'_>, answer: Option<&[u8]>, tone: ClipId) {
        if let Some(answer) = answer {
            self.near.accept_answer(cx, answer);
        }
        if matches!(self.state, State::Acknowledging) {
            cx.media(MediaCommand::Play {
                leg: self.near.leg,
                play: TONE_PLAY,
                clips: vec![tone],
                gap: std::time::Duration::ZERO,
                after: AfterPlay::Stop,
            });
        }
    }

    pub(crate) fn on_failed(&mut self, cx: &mut Cx<'_>, leg: LegId, failure: DialFailure) {
        let status = match failure {
            DialFailure::Status(status) => status,
            DialFailure::Unreachable => 480,
        };
        if let Some(far) = self.far().filter(|far| far.media.leg == leg) {
            far.media.signalling_gone();
            self.reject(cx, status, None);
        }
    }

    /// One of the legs is gone: so is the other.
    pub(crate) fn on_ended(&mut self, cx: &mut Cx<'_>, leg: LegId) {
        if leg == self.near.leg {
            self.near.signalling_gone();
        } else if let Some(far) = self.far().filter(|far| far.media.leg == leg) {
            far.media.signalling_gone();
        }
        self.end(cx, ReleaseReason::Normal);
    }

    pub(crate) fn on_reoffered(&mut self, cx: &mut Cx<'_>, leg: LegId, offer: Option<&[u8]>) {
        let near = self.near.leg;
        let State::Talking(far) = &mut self.state else {
            self.near.answer_reoffer(cx, offer);
            return;
        };
        let (media, other) = if leg == near {
            (&mut self.near, far.media.leg)
        } else {
            (&mut far.media, near)
        };
        if let Some(direction) = media.answer_reoffer(cx, offer) {
            play_or_stop(
                cx,
                other,
                matches!(direction, Direction::RecvOnly | Direction::Inactive),
            );
        }
    }

    pub(crate) fn on_probe_answered(&mut self, cx: &mut Cx<'_>, leg: LegId, sdp: Option<&[u8]>) {
        let near = leg == self.near.leg;
        let media = match self.far() {
            Some(far) if !near => &mut far.media,
            _ => &mut self.near,
        };
        if let Some(sdp) = sdp {
            media.accept_answer(cx, sdp);
        }
        media.watch(cx);
        cx.act(Action::Timer(
            if near {
                CallTimer::ProbeCaller
            } else {
                CallTimer::ProbeAgent
            },
            None,
        ));
    }

    pub(crate) fn on_media_lost(&mut self, cx: &mut Cx<'_>, leg: LegId) {
        let until = Some(cx.now.mono + cx.config.probe_wait);
        if leg == self.near.leg {
            self.near.probe(cx);
            cx.act(Action::Timer(CallTimer::ProbeCaller, until));
        } else if let Some(far) = self.far() {
            far.media.probe(cx);
            cx.act(Action::Timer(CallTimer::ProbeAgent, until));
        }
    }

    /// The tone was heard, a probe went unanswered, or nobody answered: over.
    pub(crate) fn on_timer(&mut self, cx: &mut Cx<'_>, timer: CallTimer) {
        match timer {
            CallTimer::Transfer => self.reject(cx, 480, None),
            _ => self.end(cx, ReleaseReason::MediaLost),
        }
    }

    /// Refuses the agent's INVITE where it has no answer yet; ends the call.
    pub(crate) fn reject(&mut self, cx: &mut Cx<'_>, status: u16, warning: Option<String>) {
        cx.sip(Command::Reject {
            leg: self.near.leg,
            status: if (300..700).contains(&status) { status } else { 480 },
            retry_after_s: None,
            warning,
        });
        self.end(cx, ReleaseReason::NoAnswer);
    }

    /// Lets both legs go.
    pub(crate) fn end(&mut self, cx: &mut Cx<'_>, reason: ReleaseReason) {
        if let Some(far) = self.far() {
            far.media.release(cx, reason);
        }
        self.near.release(cx, reason);
        self.state = State::Over;
    }

    /// Gives the other side away into a contact; the agent's own leg ends. None where nobody has answered.
    pub(crate) fn give_away(&mut self, cx: &mut Cx<'_>) -> Option<Handover> {
        match std::mem::replace(&mut self.state, State::GivenAway) {
            State::Talking(far) => {
                cx.media(MediaCommand::Unbridge { leg: self.near.leg });
                cx.media(MediaCommand::StopPlay { leg: far.media.leg });
                Some(Handover {
                    agent: far.agent,
                    media: far.media,
                })
            }
            other => {
                self.state = other;
                None
            }
        }
    }

    /// Whether nothing is left of it.
    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }
}
