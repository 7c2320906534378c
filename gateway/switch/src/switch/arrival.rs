//! A call arrives: refused, or opened as a contact. Every one that reached us is counted.

use std::sync::Arc;

use hotline_journal::{By, Draft, What};
use hotline_media::Offer;
use hotline_sip::{Command, ListenerId, Source};
use hotline_types::{ContactId, EndCause, LegId, Now, PersonId, Pii, RefusalReason, TrunkSlug};
use ivr_flows::Flow;

use super::{Drain, Switch};
use crate::api::{Effect, MediaFace, Number};
use crate::call::{Action, Call, Cx, Opening, Phase};
use crate::leg_media::LegMedia;
use crate::timer::CallTimer;

/// Longest time from the INVITE to our 200.
const SETUP_MAX: std::time::Duration = std::time::Duration::from_secs(8);

/// An incoming INVITE, as the endpoint tells it.
pub(super) struct Arrival {
    pub(super) leg: LegId,
    pub(super) listener: ListenerId,
    pub(super) called: String,
    pub(super) caller: Pii<String>,
    pub(super) display: Option<Pii<String>>,
    pub(super) offer: Option<Vec<u8>>,
    pub(super) peer: std::net::IpAddr,
}

/// What a call needs to be taken.
struct Taken {
    number: Number,
    flow: Arc<Flow>,
    face: MediaFace,
    offer: Option<Offer>,
}

impl Switch {
    pub(super) fn on_arrival(&mut self, now: Now, source: Source, arrival: Arrival) {
        let Source::Trunk(trunk) = source else {
            // Calls started by an agent's phone have no dial plan yet.
            let warning = Some("agents' phones cannot start calls here".to_owned());
            let leg = arrival.leg;
            self.endpoint_command(
                now,
                Command::Reject {
                    leg,
                    status: 403,
                    retry_after_s: None,
                    warning,
                },
            );
            return;
        };
        match self.judge(&arrival) {
            Ok(taken) => self.take(now, trunk, arrival, taken),
            Err((reason, status, warning)) => self.refuse(now, trunk, arrival, (reason, status, warning)),
        }
    }

    fn number(&self, called: &str) -> Option<&Number> {
        let plain = called.trim_start_matches('+');
        self.config
            .numbers
            .iter()
            .find(|number| number.dialled.iter().any(|dialled| dialled == plain))
    }

    fn judge(&self, arrival: &Arrival) -> Result<Taken, (RefusalReason, u16, Option<String>)> {
        if self.drain != Drain::Open {
            return Err((RefusalReason::Draining, 503, None));
        }
        let number = self
            .number(&arrival.called)
            .ok_or((RefusalReason::UnknownNumber, 404, None))?
            .clone();
        if self.journal_behind || self.calls.len() >= self.config.lines_max {
            return Err((RefusalReason::Overload, 503, None));
        }
        let flow = self.config.flows.get(&number.flow).cloned();
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
        })
    }

    /// Opens a contact in the journal; the caller's number goes to the person row in the same batch.
    fn open_contact(
        &mut self,
        now: Now,
        trunk: TrunkSlug,
        arrival: &Arrival,
        number: Option<&Number>,
    ) -> ContactId {
        let contact = ContactId::new(now.wall, &mut self.rng);
        let person = PersonId::new(now.wall, &mut self.rng);
        let name = arrival.display.clone().unwrap_or_default();
        self.out.effect(Effect::Person {
            id: person,
            number: arrival.caller.clone(),
            name,
        });
        let flow = number.and_then(|number| self.config.flows.get(&number.flow).map(|flow| (number, flow)));
        let what = What::ContactOpened {
            number: number.map(|number| number.slug.clone()),
            trunk,
            person,
            business_date: self.acd.business_date(now.wall),
            bands: self.acd.bands_on(now.wall),
            flow: flow.map(|(number, _)| number.flow.clone()),
            flow_version: flow.map(|(_, flow)| flow.version().to_owned()),
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
        let number = self.number(&arrival.called).cloned();
        let contact = self.open_contact(now, trunk, &arrival, number.as_ref());
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

    fn take(&mut self, now: Now, trunk: TrunkSlug, arrival: Arrival, taken: Taken) {
        let srtp = self.config.srtp.trunk(&trunk);
        let contact = self.open_contact(now, trunk, &arrival, Some(&taken.number));
        let opened = self.out.last();
        let mut actions = Vec::new();
        let mut cx = Cx {
            now,
            config: &self.config,
            acd: &self.acd,
            rng: &mut self.rng,
            actions: &mut actions,
        };
        let caller = LegMedia::open(&mut cx, arrival.leg, taken.face, arrival.leg.0);
        let mut caller = caller.secured(&mut cx, srtp);
        caller.set_peer(arrival.peer);
        cx.act(Action::Timer(CallTimer::Setup, Some(now.mono + SETUP_MAX)));
        let call = Call {
            contact,
            flow: taken.flow,
            language: taken.number.language,
            business_date: self.acd.business_date(now.wall),
            opened,
            caller_number: arrival.caller,
            caller,
            phase: Phase::Opening(Opening::Preparing {
                offer: taken.offer,
                ports: false,
                committed: false,
            }),
            last_key: None,
        };
        self.uncommitted.insert(opened, contact);
        self.calls.insert(contact, call);
        self.carry_out(now, contact, actions);
    }
}
