//! A call arrives: refused, or opened as a contact. Every one that reached us is counted.

use std::sync::Arc;

use hotline_journal::{By, Draft, What};
use hotline_media::{Offer, SrtpPolicy};
use hotline_sip::{Command, ListenerId, ReleaseReason, Source};
use hotline_types::{
    AgentSlug, ContactId, EndCause, LegId, LostReason, Now, PersonId, Pii, QueueSlug, RefusalReason,
    TrunkSlug,
};
use ivr_flows::{Facts, Flow};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Drain, Switch};
use crate::api::{Effect, MediaFace, Number};
use crate::call::{Action, Call, Ending, Opening, Phase, waiting_flow};
use crate::leg_media::LegMedia;
use crate::lines::Way;
use crate::timer::CallTimer;

/// What stands for the trunk of a call that an agent's phone began.
fn internal() -> TrunkSlug {
    "agents".parse().expect("a lower-case word is a slug")
}

/// Longest time from the INVITE to our 200.
const SETUP_MAX: std::time::Duration = std::time::Duration::from_secs(8);

/// An incoming INVITE, as the endpoint tells it.
pub(super) struct Arrival {
    pub(super) leg: LegId,
    pub(super) listener: ListenerId,
    pub(super) called: String,
    pub(super) also_called: Vec<String>,
    pub(super) passed: Vec<(String, String)>,
    pub(super) caller: Pii<String>,
    pub(super) display: Option<Pii<String>>,
    pub(super) offer: Option<Vec<u8>>,
    pub(super) peer: std::net::IpAddr,
}

/// What a flow knows of the call from its start.
fn facts(zone: &TimeZone, now: Now, caller: &Pii<String>, number: Option<&Number>) -> Facts {
    let at = Timestamp::from_millisecond(now.wall.as_millis()).unwrap_or_default();
    let at = at.to_zoned_datetime(zone.clone());
    let small = |number: i64| u32::try_from(number).unwrap_or(0);
    let date = i64::from(at.year()) * 10_000 + i64::from(at.month()) * 100 + i64::from(at.day());
    Facts {
        caller: caller.clone(),
        number: number.map(|number| number.slug.to_string()).unwrap_or_default(),
        minutes: small(i64::from(at.hour()) * 60 + i64::from(at.minute())),
        weekday: small(i64::from(at.weekday().to_monday_one_offset())),
        today: small(date),
    }
}

/// What a call needs to be taken.
struct Taken {
    /// None where an agent's phone dialled a queue.
    number: Option<Number>,
    flow: Arc<Flow>,
    face: MediaFace,
    offer: Option<Offer>,
    /// The media thread of its legs.
    affinity: u64,
}

impl Switch {
    pub(super) fn on_arrival(&mut self, now: Now, source: Source, mut arrival: Arrival) {
        let trunk = match source {
            Source::Trunk(trunk) => trunk,
            Source::Agent(agent) => return self.on_agent_arrival(now, agent, arrival),
        };
        arrival.caller = self.normal(&arrival.caller);
        let judged = self.judge(&arrival).and_then(|taken| {
            let line = self.lines.take(now.mono, arrival.leg, &trunk, Way::In);
            line.map(|_| taken)
                .map_err(|_| (RefusalReason::Overload, 503, None))
        });
        match judged {
            Ok(taken) => {
                let srtp = self.config.srtp.trunk(&trunk);
                self.take(now, (trunk, srtp), arrival, taken);
            }
            Err((reason, status, warning)) => self.refuse(now, trunk, arrival, (reason, status, warning)),
        }
    }

    /// The access number that this spelling of it means: as configured, or in the one form of numbers.
    pub(super) fn number(&self, called: &str) -> Option<&Number> {
        let plain = called.trim_start_matches('+');
        let numbering = &self.config.dialplan.numbering;
        let spelled = |number: &&Number| number.dialled.iter().any(|dialled| dialled == plain);
        self.config.numbers.iter().find(spelled).or_else(|| {
            let normal = numbering.normal(called);
            self.config.numbers.iter().find(|number| {
                normal.is_known()
                    && number
                        .dialled
                        .iter()
                        .any(|dialled| numbering.normal(dialled) == normal)
            })
        })
    }

    /// The first of the numbers that the trunk's rules read as the one called which is ours.
    fn number_of(&self, arrival: &Arrival) -> Option<&Number> {
        std::iter::once(&arrival.called)
            .chain(&arrival.also_called)
            .find_map(|called| self.number(called))
    }

    fn judge(&mut self, arrival: &Arrival) -> Result<Taken, (RefusalReason, u16, Option<String>)> {
        if self.drain != Drain::Open {
            return Err((RefusalReason::Draining, 503, None));
        }
        let number = self
            .number_of(arrival)
            .ok_or((RefusalReason::UnknownNumber, 404, None))?
            .clone();
        if self.journal_behind || self.calls.len() >= self.config.lines_max {
            return Err((RefusalReason::Overload, 503, None));
        }
        let flow = self.flow_of(&number);
        self.judge_media(arrival, Some(number), flow)
    }

    fn judge_media(
        &self,
        arrival: &Arrival,
        number: Option<Number>,
        flow: Option<Arc<Flow>>,
    ) -> Result<Taken, (RefusalReason, u16, Option<String>)> {
        let face = self.config.media.get(&arrival.listener);
        let (Some(flow), Some(face)) = (flow, face) else {
            return Err((RefusalReason::MediaUnavailable, 503, None));
        };
        let offer = match &arrival.offer {
            None => None,
            Some(bytes) => Some(
                Offer::read(bytes)
                    .map_err(|error| (RefusalReason::BadOffer, 400, Some(error.to_string())))?,
            ),
        };
        Ok(Taken {
            number,
            flow,
            face: face.toward(arrival.peer),
            offer,
            affinity: arrival.leg.0,
        })
    }

    /// A caller's number in its one form, for routing, records and search; what is no number stays as it is.
    fn normal(&self, caller: &Pii<String>) -> Pii<String> {
        match self.config.dialplan.numbering.normal(caller.reveal()) {
            hotline_types::PhoneNumber::Unknown => caller.clone(),
            number => Pii::new(number.to_string()),
        }
    }

    /// Opens a contact in the journal; the caller's number goes to the person row in the same batch.
    fn open_contact(
        &mut self,
        now: Now,
        trunk: TrunkSlug,
        arrival: &Arrival,
        number: Option<&Number>,
        flow: Option<&Flow>,
    ) -> ContactId {
        let contact = ContactId::new(now.wall, &mut self.rng);
        let person = PersonId::new(now.wall, &mut self.rng);
        let name = arrival.display.clone().unwrap_or_default();
        self.out.effect(Effect::Person {
            id: person,
            number: arrival.caller.clone(),
            name,
        });
        let what = What::ContactOpened {
            number: number.map(|number| number.slug.clone()),
            trunk,
            person,
            business_date: self.acd.business_date(now.wall),
            bands: self.acd.bands_on(now.wall),
            flow: flow.map(|flow| flow.name().clone()),
            flow_version: flow.map(|flow| flow.version().to_owned()),
        };
        self.out.event(now, Draft::new(By::Caller, what).contact(contact));
        contact
    }

    fn refuse(
        &mut self,
        now: Now,
        trunk: TrunkSlug,
        arrival: Arrival,
        (reason, status, warning): (RefusalReason, u16, Option<String>),
    ) {
        let number = self.number_of(&arrival).cloned();
        let flow = number
            .as_ref()
            .and_then(|number| self.config.flows.get(&number.flow).cloned());
        let contact = self.open_contact(now, trunk, &arrival, number.as_ref(), flow.as_deref());
        let closed = What::ContactClosed {
            cause: EndCause::Refused(reason),
            sip_status: Some(status),
        };
        self.out
            .event(now, Draft::new(By::System, closed).contact(contact));
        let retry_after_s = (status == 503).then_some(self.config.retry_after_s);
        let leg = arrival.leg;
        self.endpoint_command(
            now,
            Command::Reject {
                leg,
                status,
                retry_after_s,
                warning,
            },
        );
    }

    /// An agent calls a number of the hotline: a caller like any other, whose phone is busy meanwhile.
    pub(super) fn take_agent_to_number(&mut self, now: Now, agent: AgentSlug, arrival: Arrival) {
        let leg = arrival.leg;
        let affinity = self.affinity_for(&agent, leg);
        let srtp = self.config.srtp.agent(&agent);
        self.engage(now, leg, agent);
        match self.judge(&arrival).map(|taken| Taken { affinity, ..taken }) {
            Ok(taken) => self.take(now, (internal(), srtp), arrival, taken),
            Err(refusal) => {
                self.refuse(now, internal(), arrival, refusal);
                self.disengage(now, leg);
            }
        }
    }

    /// An agent calls a queue: waits there like a caller.
    pub(super) fn take_agent_to_queue(
        &mut self,
        now: Now,
        agent: AgentSlug,
        queue: &QueueSlug,
        arrival: Arrival,
    ) {
        let leg = arrival.leg;
        let affinity = self.affinity_for(&agent, leg);
        let srtp = self.config.srtp.agent(&agent);
        let spoken = self.config.flows.values().next();
        let languages: Vec<&str> = spoken.map(|flow| flow.languages().collect()).unwrap_or_default();
        let flow = languages
            .first()
            .and_then(|language| waiting_flow(queue, &languages, language));
        self.engage(now, leg, agent);
        let full = self.journal_behind || self.calls.len() >= self.config.lines_max;
        let judged = if full {
            Err((RefusalReason::Overload, 503, None))
        } else {
            self.judge_media(&arrival, None, flow)
        };
        match judged.map(|taken| Taken { affinity, ..taken }) {
            Ok(taken) => self.take(now, (internal(), srtp), arrival, taken),
            Err(refusal) => {
                self.refuse(now, internal(), arrival, refusal);
                self.disengage(now, leg);
            }
        }
    }

    fn take(&mut self, now: Now, (trunk, srtp): (TrunkSlug, SrtpPolicy), arrival: Arrival, taken: Taken) {
        let contact = self.open_contact(
            now,
            trunk.clone(),
            &arrival,
            taken.number.as_ref(),
            Some(&taken.flow),
        );
        let opened = self.out.last();
        let leg = arrival.leg;
        let opening = self.guarded(now, |cx| {
            let caller = LegMedia::open(cx, leg, taken.face, taken.affinity).secured(cx, srtp);
            cx.act(Action::Timer(CallTimer::Setup, Some(now.mono + SETUP_MAX)));
            caller
        });
        let Some((mut caller, actions)) = opening else {
            self.let_go(now, leg, ReleaseReason::Fault);
            return self.close_contact(now, contact, Ending::Lost(LostReason::Fault));
        };
        caller.set_peer(arrival.peer);
        if let Some(lines) = self.lines.get(&trunk) {
            caller.limit(&lines.codecs, lines.keys);
        }
        let call = Call {
            contact,
            flow: taken.flow,
            facts: facts(
                &self.config.time_zone,
                now,
                &arrival.caller,
                taken.number.as_ref(),
            ),
            survey: taken.number.as_ref().is_some_and(|number| number.survey),
            language: taken.number.and_then(|number| number.language),
            surveyed: false,
            dials: None,
            message: None,
            early: None,
            business_date: self.acd.business_date(now.wall),
            opened,
            caller_number: arrival.caller,
            passed: arrival.passed,
            caller,
            phase: Phase::Opening(Opening::Preparing {
                offer: taken.offer,
                ports: false,
                committed: false,
            }),
            affinity: taken.affinity,
            place: None,
            last_key: None,
            recording: Default::default(),
        };
        self.uncommitted.insert(opened, contact);
        self.calls.insert(contact, call);
        self.carry_out(now, contact, actions);
    }
}
