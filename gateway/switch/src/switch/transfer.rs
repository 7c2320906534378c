//! Transfers that people and phones ask for: to an outside number, by the dial plan alone, or to a queue.

use std::time::Duration;

use hotline_journal::By;
use hotline_types::{AgentSlug, ContactId, Now, Pii, QueueSlug, TrunkSlug};
use ivr_flows::TransferFailure;

use super::Switch;
use crate::api::{Reply, TransferRefusal, TransferTo};
use crate::call::{Line, Phase};
use crate::dialplan::DialAllowed;
use crate::lines::Way;

impl Switch {
    /// A user's command.
    pub(super) fn on_transfer(
        &mut self,
        now: Now,
        by: By,
        (contact, agent, to): (ContactId, Option<&AgentSlug>, &TransferTo),
    ) -> Reply {
        if agent.is_some() && self.acd.talks_with(contact) != agent {
            return Reply::NotTransferred(TransferRefusal::NotTalking);
        }
        match self.transfer(now, by, contact, to) {
            Ok(()) => {
                self.settle(now);
                Reply::Done(self.out.last())
            }
            Err(refusal) => Reply::NotTransferred(refusal),
        }
    }

    /// Transfers the caller of a talk; the agent is let go at once.
    pub(super) fn transfer(
        &mut self,
        now: Now,
        by: By,
        contact: ContactId,
        to: &TransferTo,
    ) -> Result<(), TransferRefusal> {
        match to {
            TransferTo::Queue(queue) => self.transfer_to_queue(now, contact, queue),
            TransferTo::Outside(number) => self.dial_outside(now, by, contact, number),
        }
    }

    fn transfer_to_queue(
        &mut self,
        now: Now,
        contact: ContactId,
        queue: &QueueSlug,
    ) -> Result<(), TransferRefusal> {
        self.must_talk(contact)?;
        if self.acd.queue(queue).is_none() {
            return Err(TransferRefusal::UnknownQueue);
        }
        self.with_call(now, contact, |call, cx| call.go_to_queue(cx, queue.clone()));
        Ok(())
    }

    /// Sends the caller of a talk to an outside number, where the dial plan allows it.
    pub(super) fn dial_outside(
        &mut self,
        now: Now,
        by: By,
        contact: ContactId,
        written: &Pii<String>,
    ) -> Result<(), TransferRefusal> {
        let allowed = self.judge_outside(now, contact, written)?;
        self.go_outside(now, (by, None), contact, allowed);
        Ok(())
    }

    /// What the dial plan says of a talk's caller going to this number.
    pub(super) fn judge_outside(
        &mut self,
        now: Now,
        contact: ContactId,
        written: &Pii<String>,
    ) -> Result<DialAllowed, TransferRefusal> {
        self.must_talk(contact)?;
        self.judge_number(now, written)
    }

    /// A flow connects its caller with a number; where the plan refuses it, the flow goes on at once.
    pub(super) fn dial_for_flow(
        &mut self,
        now: Now,
        contact: ContactId,
        written: &Pii<String>,
        ring: Duration,
    ) {
        match self.judge_number(now, written) {
            Ok(allowed) => self.go_outside(now, (By::System, Some(ring)), contact, allowed),
            Err(_) => self.with_call(now, contact, |call, cx| {
                call.run_flow(cx, ivr_flows::Input::TransferFailed(TransferFailure::Failed));
            }),
        }
    }

    fn judge_number(&mut self, now: Now, written: &Pii<String>) -> Result<DialAllowed, TransferRefusal> {
        let mut used = self.lines.dial_use(now.mono);
        used.lines_free = self
            .config
            .lines_max
            .saturating_sub(self.calls.len() + used.outside);
        let judged = self.config.dialplan.judge(written.reveal(), &used);
        judged.map_err(|refusal| {
            self.gauges.dial_refused += 1;
            TransferRefusal::Dial(refusal)
        })
    }

    /// Sends a talk's caller, or a flow's, where it was allowed; for so long it may ring, as the plan says where None.
    pub(super) fn go_outside(
        &mut self,
        now: Now,
        (by, ring): (By, Option<Duration>),
        contact: ContactId,
        allowed: DialAllowed,
    ) {
        let rule = allowed.rule.and_then(|rule| self.config.dialplan.rules.get(rule));
        let only: &[TrunkSlug] = rule.map_or(&[], |rule| &rule.trunks);
        let endpoint = &self.endpoint;
        let trunks = self
            .lines
            .order(&mut self.rng, only, |slug| endpoint.is_trunk_up(slug));
        if let Some(rule) = allowed.rule {
            self.lines.called(now.mono, rule);
        }
        self.with_call(now, contact, |call, cx| {
            call.go_outside(cx, (by, ring), allowed, trunks)
        });
    }

    fn must_talk(&self, contact: ContactId) -> Result<(), TransferRefusal> {
        match self.calls.get(&contact) {
            None => Err(TransferRefusal::UnknownContact),
            Some(call) if call.is_talking() => Ok(()),
            Some(_) => Err(TransferRefusal::NotTalking),
        }
    }

    /// The next trunk for a caller on the way to an outside number; the queue, where none is left.
    pub(super) fn next_trunk(&mut self, now: Now, contact: ContactId) {
        while let Some(Phase::Outside(outside)) = self.calls.get_mut(&contact).map(|call| &mut call.phase) {
            let Some(slug) = outside.trunks.pop_front() else {
                return self.with_call(now, contact, |call, cx| call.on_outside_exhausted(cx));
            };
            let allowed = outside.allowed.clone();
            let leg = self.endpoint.new_leg();
            let plan = &self.config.dialplan;
            let Some(trunk) = self.lines.get(&slug).cloned() else {
                continue;
            };
            let (Some(faces), Some(caller)) = (self.config.media.get(&trunk.listener), &plan.caller) else {
                continue;
            };
            let gateway = self.endpoint.trunks().find(|state| state.slug == slug);
            let gateway = gateway.and_then(|state| state.gateways.first().map(|(at, _)| at.ip()));
            let face = gateway.map_or(faces.others, |at| faces.toward(at));
            if self
                .lines
                .take(now.mono, leg, &slug, Way::Out(allowed.rule))
                .is_err()
            {
                continue;
            }
            let line = Line {
                leg,
                face,
                number: plan.written_for(&allowed.number, trunk.numbers),
                caller: plan.written_for(caller, trunk.numbers),
                trunk: &trunk,
            };
            return self.with_call(now, contact, |call, cx| call.on_line(cx, line));
        }
    }

    /// Counts and writes down what a trunk told.
    pub(super) fn on_trunk(&mut self, now: Now, event: hotline_sip::TrunkEvent) {
        use hotline_journal::{Draft, What};
        let what = match event {
            hotline_sip::TrunkEvent::Up(trunk) => What::TrunkUp { trunk },
            hotline_sip::TrunkEvent::Down(_, hotline_sip::TrunkDown::Starting) => return,
            hotline_sip::TrunkEvent::Down(trunk, why) => What::TrunkDown {
                trunk,
                why: why.to_string(),
            },
        };
        self.out.event(now, Draft::new(By::System, what));
    }
}
