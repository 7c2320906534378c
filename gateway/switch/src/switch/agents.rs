//! Calls that agents' phones start, and transfers that they ask for: who may, whom it means, and the table of them.

use std::collections::BTreeMap;

use hotline_journal::{By, Draft, What};
use hotline_media::{MediaEvent, Offer};
use hotline_sip::{Command, Event as SipEvent, ReleaseReason, Replaced};
use hotline_types::{
    AgentSlug, ContactId, DeviceState, Intent, LegId, Now, Pii, QueueSlug, SegmentId, SegmentKind,
};

use super::arrival::Arrival;
use super::{Drain, Switch};
use crate::agent_call::{AgentCall, Code, Wish};
use crate::call::{Asked, Cx, Phase, Target, unavailable};

/// Agents' calls and what keeps their phones busy.
#[derive(Debug, Default)]
pub(super) struct AgentCalls {
    /// By an id that is never in the journal, so that legs and timers have one kind of owner.
    pub(super) table: BTreeMap<ContactId, AgentCall>,
    /// Phones that are busy with something that is no talk of a queue, by leg.
    engaged: BTreeMap<LegId, AgentSlug>,
    /// What the registrar last said of each phone.
    devices: BTreeMap<AgentSlug, DeviceState>,
}

/// Whom a dialled user part means.
enum Meaning {
    Code(Code),
    Agent(AgentSlug),
    Queue(QueueSlug),
    Number(usize),
    Outside,
}

impl Switch {
    fn meaning(&self, called: &str) -> Meaning {
        if let Some(intent) = self.config.codes.get(called) {
            return Meaning::Code(Code::Intent(intent.clone()));
        }
        if let Some(code) = self.emergency_code(called) {
            return Meaning::Code(code);
        }
        if let Some(agent) = self.acd.agents().find(|agent| agent.as_str() == called) {
            return Meaning::Agent(agent.clone());
        }
        if let Some(queue) = self.acd.queues().find(|queue| queue.as_str() == called) {
            return Meaning::Queue(queue.clone());
        }
        let plain = called.trim_start_matches('+');
        let dialled = |number: &crate::api::Number| number.dialled.iter().any(|dialled| dialled == plain);
        match self.config.numbers.iter().position(dialled) {
            Some(number) => Meaning::Number(number),
            None => Meaning::Outside,
        }
    }

    /// A code with a number after it that switches the number's emergency announcement.
    fn emergency_code(&self, called: &str) -> Option<Code> {
        let codes = &self.config.emergency_codes;
        let meant = [(&codes.on, true), (&codes.off, false)].into_iter();
        let mut meant = meant.filter(|(code, _)| !code.is_empty());
        meant.find_map(|(code, on)| {
            let number = self.number(called.strip_prefix(code.as_str())?)?;
            Some(Code::Emergency(number.slug.clone(), on))
        })
    }

    /// An agent's phone calls.
    pub(super) fn on_agent_arrival(&mut self, now: Now, agent: AgentSlug, arrival: Arrival) {
        let refusal = match self.meaning(&arrival.called) {
            _ if self.drain != Drain::Open => Some((503, "shutting down")),
            Meaning::Code(Code::Intent(Intent::Paused { reason }))
                if self.acd.may_pause(&agent, &reason).is_err() =>
            {
                Some((403, "no such pause now"))
            }
            Meaning::Code(Code::Emergency(..)) if !self.config.emergency_codes.agents.contains(&agent) => {
                Some((403, "this phone may not switch the announcement"))
            }
            Meaning::Code(code) => self.open_agent_call(now, &agent, &arrival, Wish::Code(code)),
            Meaning::Agent(target) if target == agent => Some((482, "that is your own number")),
            Meaning::Agent(target) => {
                let leg = self.endpoint.new_leg();
                self.open_agent_call(now, &agent, &arrival, Wish::Agent(target, leg))
            }
            Meaning::Queue(queue) => return self.take_agent_to_queue(now, agent, &queue, arrival),
            Meaning::Number(_) => return self.take_agent_to_number(now, agent, arrival),
            Meaning::Outside => Some((403, "no dial plan allows this number")),
        };
        if let Some((status, warning)) = refusal {
            let retry_after_s = (status == 503).then_some(self.config.retry_after_s);
            self.endpoint_command(
                now,
                Command::Reject {
                    leg: arrival.leg,
                    status,
                    retry_after_s,
                    warning: Some(warning.to_owned()),
                },
            );
        }
    }

    fn open_agent_call(
        &mut self,
        now: Now,
        agent: &AgentSlug,
        arrival: &Arrival,
        wish: Wish,
    ) -> Option<(u16, &'static str)> {
        let Some(faces) = self.config.media.get(&arrival.listener) else {
            return Some((503, "no media here"));
        };
        let face = faces.toward(arrival.peer);
        if self.agent_calls.table.len() >= self.config.lines_max {
            return Some((503, "too many calls"));
        }
        let offer = match arrival.offer.as_deref().map(Offer::read) {
            None => None,
            Some(Ok(offer)) => Some(offer),
            Some(Err(_)) => return Some((400, "the SDP cannot be read")),
        };
        let talk = self.talk_with(agent);
        let affinity = self.affinity_for(agent, arrival.leg);
        let id = ContactId::new(now.wall, &mut self.rng);
        if let Wish::Agent(target, _) = &wish
            && let Some(status) = unavailable(&self.acd, target)
        {
            return Some((status, "the agent is not free"));
        }
        let consults = matches!(wish, Wish::Agent(..));
        let caller = (agent.clone(), arrival.leg, arrival.peer);
        let opened = self.guarded(now, |cx| {
            AgentCall::open(cx, caller, (face, affinity), offer, wish)
        });
        let Some((mut call, actions)) = opened else {
            return Some((500, "internal fault"));
        };
        if let Some(contact) = talk.filter(|_| consults) {
            let segment = SegmentId::new(now.wall, &mut self.rng);
            let opened = What::SegmentOpened {
                segment_kind: SegmentKind::Consult,
            };
            let by = By::Agent(agent.clone());
            let draft = Draft::new(by, opened).contact(contact).segment(segment);
            self.out.event(now, draft.agent(agent.clone()));
            call.consult = Some((contact, segment));
        }
        self.agent_calls.table.insert(id, call);
        self.carry_out(now, id, actions);
        None
    }

    /// The contact that the agent talks with.
    fn talk_with(&self, agent: &AgentSlug) -> Option<ContactId> {
        let contact = self.acd.agent(agent)?.contact?;
        (self.acd.talks_with(contact) == Some(agent)).then_some(contact)
    }

    /// The media thread for a call of this agent: that of its talk, which the call may join.
    pub(super) fn affinity_for(&self, agent: &AgentSlug, leg: LegId) -> u64 {
        self.talk_with(agent)
            .and_then(|contact| self.calls.get(&contact))
            .map_or(leg.0, |call| call.affinity)
    }

    /// Runs an agent's call on something; where it is over then, nothing is left of it. A panic ends that call alone.
    pub(super) fn with_agent_call(
        &mut self,
        now: Now,
        id: ContactId,
        run: impl FnOnce(&mut AgentCall, &mut Cx<'_>),
    ) {
        let Some(mut call) = self.agent_calls.table.remove(&id) else {
            return;
        };
        let ran = self.guarded(now, |cx| run(&mut call, cx));
        let over = ran.is_none() || call.is_over();
        let consult = call.consult;
        if !over {
            self.agent_calls.table.insert(id, call);
        }
        match ran {
            Some(((), actions)) => self.carry_out(now, id, actions),
            None => self.let_go_legs_of(now, id),
        }
        if over {
            self.timers.clear(id);
            if let Some((contact, segment)) = consult {
                self.close_consult(now, contact, segment);
            }
        }
    }

    fn close_consult(&mut self, now: Now, contact: ContactId, segment: SegmentId) {
        self.out.event(
            now,
            Draft::new(By::System, What::SegmentClosed)
                .contact(contact)
                .segment(segment),
        );
    }

    /// The contact is about to be closed: its consult segments end with it, the calls themselves go on.
    pub(super) fn close_consults_of(&mut self, now: Now, contact: ContactId) {
        let segments: Vec<SegmentId> = self
            .agent_calls
            .table
            .values_mut()
            .filter_map(|call| call.consult.take_if(|(of, _)| *of == contact))
            .map(|(_, segment)| segment)
            .collect();
        for segment in segments {
            self.close_consult(now, contact, segment);
        }
    }

    /// Ends every call that agents started.
    pub(super) fn end_agent_calls(&mut self, now: Now) {
        let ids: Vec<ContactId> = self.agent_calls.table.keys().copied().collect();
        for id in ids {
            self.with_agent_call(now, id, |call, cx| call.end(cx, ReleaseReason::Shutdown));
        }
    }

    /// What the endpoint says of a leg of an agent's call; false where the leg is none of theirs.
    pub(super) fn agent_call_heard(&mut self, now: Now, event: &SipEvent) -> bool {
        let Some(id) = leg_of(event).and_then(|leg| self.agent_call_of(leg)) else {
            return false;
        };
        let tone = self.config.tone;
        self.with_agent_call(now, id, |call, cx| match event {
            SipEvent::Confirmed { answer, .. } => call.on_confirmed(cx, answer.as_deref(), tone),
            SipEvent::Ringing { leg } => call.on_ringing(cx, *leg),
            SipEvent::Answered {
                leg, answer, peer, ..
            } => call.on_answered(cx, *leg, answer, peer.ip()),
            SipEvent::Failed { leg, failure } => call.on_failed(cx, *leg, *failure),
            SipEvent::Ended { leg, .. } => call.on_ended(cx, *leg),
            SipEvent::Reoffered { leg, offer } => call.on_reoffered(cx, *leg, offer.as_deref()),
            SipEvent::ReofferAnswered { leg, answer } => call.on_probe_answered(cx, *leg, Some(answer)),
            SipEvent::ReofferRefused { leg, .. } => call.on_probe_answered(cx, *leg, None),
            _ => {}
        });
        true
    }

    fn agent_call_of(&self, leg: LegId) -> Option<ContactId> {
        let id = self.legs.get(&leg)?;
        self.agent_calls.table.contains_key(id).then_some(*id)
    }

    /// The same for the media plane.
    pub(super) fn agent_call_media(&mut self, now: Now, event: &MediaEvent) -> bool {
        let leg = match event {
            MediaEvent::Opened { leg, .. }
            | MediaEvent::OpenFailed { leg, .. }
            | MediaEvent::PlayEnded { leg, .. }
            | MediaEvent::MediaLost { leg } => *leg,
            MediaEvent::ThreadFailed { legs } => {
                let ids: Vec<ContactId> = legs.iter().filter_map(|leg| self.agent_call_of(*leg)).collect();
                for id in ids {
                    self.with_agent_call(now, id, |call, cx| call.end(cx, ReleaseReason::Fault));
                }
                return false;
            }
            MediaEvent::Digit { .. } | MediaEvent::Closed { .. } | MediaEvent::Measured { .. } => {
                return false;
            }
        };
        let Some(id) = self.agent_call_of(leg) else {
            return false;
        };
        self.with_agent_call(now, id, |call, cx| match event {
            MediaEvent::Opened { rtp, .. } => call.on_ports(cx, leg, rtp.port()),
            MediaEvent::OpenFailed { .. } => call.reject(cx, 503, None),
            MediaEvent::PlayEnded { .. } => call.end(cx, ReleaseReason::Normal),
            MediaEvent::MediaLost { .. } => call.on_media_lost(cx, leg),
            _ => {}
        });
        true
    }

    /// A phone asks for a transfer.
    pub(super) fn on_referred(&mut self, now: Now, leg: LegId, user: &str, replaces: Replaced) {
        match replaces {
            Replaced::Nothing => match self.consult_with(leg, user) {
                // A phone without Replaces means whom it has on the line.
                Some(consult) => self.transfer_attended(now, leg, consult),
                None => self.transfer_blind(now, leg, leg, user),
            },
            Replaced::Leg(other) => self.transfer_attended(now, leg, other),
            Replaced::Unknown => self.refuse_refer(now, leg, 481),
        }
    }

    /// The agent's own leg of a call to this agent, where the agent of a talk has one.
    fn consult_with(&self, talk: LegId, user: &str) -> Option<LegId> {
        let agent = self.acd.talks_with(self.talk_of(talk)?)?;
        let calls = self.agent_calls.table.values();
        calls
            .filter(|call| call.agent == *agent && call.far_agent().is_some_and(|far| far.as_str() == user))
            .map(AgentCall::near_leg)
            .next()
    }

    fn refuse_refer(&mut self, now: Now, leg: LegId, status: u16) {
        self.endpoint_command(now, Command::AnswerRefer { leg, status });
    }

    /// Only an agent may hand a caller over, and only its own.
    fn talk_of(&self, leg: LegId) -> Option<ContactId> {
        let contact = *self.legs.get(&leg)?;
        let call = self.calls.get(&contact)?;
        matches!(&call.phase, Phase::Talking(talk) if talk.media.leg == leg).then_some(contact)
    }

    /// `talk` is the agent's leg in the contact, `on` the leg that the REFER came on.
    fn transfer_blind(&mut self, now: Now, on: LegId, talk: LegId, user: &str) {
        let Some(contact) = self.talk_of(talk) else {
            return self.refuse_refer(now, on, 403);
        };
        let target = match self.meaning(user) {
            Meaning::Agent(agent) => Target::Agent(agent, self.endpoint.new_leg()),
            Meaning::Queue(queue) => Target::Queue(queue),
            Meaning::Number(number) => {
                let number = &self.config.numbers[number];
                match self.config.flows.get(&number.flow) {
                    Some(flow) => Target::Flow(flow.clone(), number.language.clone()),
                    None => return self.refuse_refer(now, on, 404),
                }
            }
            Meaning::Outside => return self.transfer_outside(now, on, contact, user),
            Meaning::Code(_) => return self.refuse_refer(now, on, 403),
        };
        self.with_call(now, contact, |call, cx| {
            call.on_referred(cx, Asked { on }, target)
        });
    }

    /// Nothing goes out without a dial plan that allows it. The agent is let go at once: from then on the transfer is ours.
    fn transfer_outside(&mut self, now: Now, on: LegId, contact: ContactId, user: &str) {
        let by = self
            .acd
            .talks_with(contact)
            .map_or(By::System, |agent| By::Agent(agent.clone()));
        match self.judge_outside(now, contact, &Pii::new(user.to_owned())) {
            Ok(allowed) => {
                self.endpoint_command(now, Command::AnswerRefer { leg: on, status: 202 });
                self.endpoint_command(now, Command::ReferProgress { leg: on, status: 200 });
                self.go_outside(now, (by, None), contact, allowed);
            }
            Err(_) => self.refuse_refer(now, on, 403),
        }
    }

    /// One of the two legs is the agent's in a contact, the other its own in a call that it started.
    fn transfer_attended(&mut self, now: Now, on: LegId, other: LegId) {
        let (talk, consult) = if self.talk_of(on).is_some() {
            (on, other)
        } else {
            (other, on)
        };
        let (Some(contact), Some(id)) = (self.talk_of(talk), self.agent_call_of(consult)) else {
            return self.refuse_refer(now, on, 403);
        };
        let Some(consulted) = self.agent_calls.table.get(&id) else {
            return;
        };
        let own = consulted.near_leg() == consult && self.acd.talks_with(contact) == Some(&consulted.agent);
        if !own {
            return self.refuse_refer(now, on, 403);
        }
        if let Some(target) = consulted.rings().map(ToString::to_string) {
            // Not answered yet: the phone rings anew, for the caller this time.
            self.with_agent_call(now, id, |call, cx| call.reject(cx, 487, None));
            return self.transfer_blind(now, on, talk, &target);
        }
        self.endpoint_command(now, Command::AnswerRefer { leg: on, status: 202 });
        let mut handover = None;
        self.with_agent_call(now, id, |call, cx| handover = call.give_away(cx));
        match handover {
            Some(handover) => {
                self.legs.insert(handover.media.leg, contact);
                self.with_call(now, contact, |call, cx| {
                    call.hand_over(cx, Asked { on }, handover)
                });
            }
            None => self.endpoint_command(now, Command::ReferProgress { leg: on, status: 503 }),
        }
        // The consult's own leg ends last, so that the last NOTIFY may go out on it.
        self.with_agent_call(now, id, |call, cx| call.end(cx, ReleaseReason::Normal));
    }

    /// A leg keeps an agent's phone busy.
    pub(super) fn engage(&mut self, now: Now, leg: LegId, agent: AgentSlug) {
        self.agent_calls.engaged.insert(leg, agent.clone());
        self.show_device(now, agent);
    }

    /// It does so no more.
    pub(super) fn disengage(&mut self, now: Now, leg: LegId) {
        if let Some(agent) = self.agent_calls.engaged.remove(&leg) {
            self.show_device(now, agent);
        }
    }

    /// The registrar says something of a phone.
    pub(super) fn on_device(&mut self, now: Now, agent: AgentSlug, device: DeviceState) {
        self.agent_calls.devices.insert(agent.clone(), device);
        self.show_device(now, agent);
    }

    /// A registered phone in a call of its own is busy for routing, and seen to be.
    fn show_device(&mut self, now: Now, agent: AgentSlug) {
        let busy = self.agent_calls.engaged.values().any(|engaged| *engaged == agent);
        let device = match self.agent_calls.devices.get(&agent) {
            Some(DeviceState::Registered) if busy => DeviceState::BusyElsewhere,
            Some(device) => *device,
            None => return,
        };
        self.acd.handle(now, hotline_acd::Input::Device { agent, device });
        self.drain_acd(now);
    }
}

fn leg_of(event: &SipEvent) -> Option<LegId> {
    match event {
        SipEvent::Confirmed { leg, .. }
        | SipEvent::Ringing { leg }
        | SipEvent::Answered { leg, .. }
        | SipEvent::Failed { leg, .. }
        | SipEvent::Ended { leg, .. }
        | SipEvent::Reoffered { leg, .. }
        | SipEvent::ReofferAnswered { leg, .. }
        | SipEvent::ReofferRefused { leg, .. } => Some(*leg),
        _ => None,
    }
}
