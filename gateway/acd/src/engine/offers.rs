//! Offers: deciding who is offered what, and what each outcome means for agent and caller.

use hotline_journal::{By, What};
use hotline_types::{ContactId, DeviceState, Intent, OfferId, OfferOutcome, QueueExit};

use super::{Acd, RING_GRACE, RONA, draft};
use crate::Effect;
use crate::agent::{AgentNo, IdleSince, Offer, Work};
use crate::policy;
use crate::queue::{QueueState, Wait};
use crate::timers::Timer;

impl Acd {
    /// Decides for those whose state has changed: freed agents pick calls in the order of their idleness, then
    /// freed callers pick agents in the order of their places. All others had no match before and have none now.
    pub(super) fn decide(&mut self) {
        if !self.freed_agents.is_empty() {
            let mut freed = std::mem::take(&mut self.freed_agents);
            freed.sort_unstable_by_key(|no| (self.agents[no.0].listed, *no));
            freed.dedup();
            for no in freed.drain(..) {
                self.agent_picks(no);
            }
            self.freed_agents = freed;
        }
        if !self.freed_callers.is_empty() {
            let mut freed = std::mem::take(&mut self.freed_callers);
            freed.sort_unstable_by_key(|contact| self.callers.get(contact).map(|caller| caller.place));
            freed.dedup();
            for contact in freed.drain(..) {
                self.leave_if_unstaffed(contact);
                self.caller_picks(contact);
            }
            self.freed_callers = freed;
        }
    }

    /// The agent picks a call, the call picks an agent, and so on until the choice is mutual. Only a call that has
    /// itself just become free can pick another agent than the one who picked it, one idle longer; each such turn
    /// leads to a better place, and each round makes one offer, so both loops end.
    fn agent_picks(&mut self, no: AgentNo) {
        while self.agents[no.0].listed.is_some() {
            let mut agent = no;
            loop {
                self.set_late_aside(agent);
                let Some(place) = policy::pick_call(&self.agents[agent.0].queues, &self.queues) else {
                    return;
                };
                let Some(caller) = self.callers.get(&place.contact) else {
                    return;
                };
                let queue = &self.queues[caller.queue.0];
                let Some(since) = policy::pick_agent(queue) else {
                    return;
                };
                if since.agent == agent {
                    let why = if agent == no {
                        let others = queue.free.len().saturating_sub(1);
                        policy::why_call(self.now.mono.since(caller.entered.mono).as_secs(), others)
                    } else {
                        self.why_agent(queue, since)
                    };
                    self.offer(place.contact, agent, why);
                    break;
                }
                agent = since.agent;
            }
        }
    }

    fn caller_picks(&mut self, contact: ContactId) {
        let Some(caller) = self.callers.get(&contact) else {
            return;
        };
        let no = caller.queue;
        if caller.wait != Wait::Free {
            return;
        }
        if self.is_late(contact) {
            self.set_aside(contact);
            return;
        }
        let Some(since) = policy::pick_agent(&self.queues[no.0]) else {
            return;
        };
        let why = self.why_agent(&self.queues[no.0], since);
        self.offer(contact, since.agent, why);
    }

    fn why_agent(&self, queue: &QueueState, since: IdleSince) -> String {
        let others = queue.idle.len().saturating_sub(1);
        policy::why_agent(self.now.mono.since(since.at).as_secs(), others)
    }

    /// Callers at the head of the agent's queues who have less than `ring_min` left are offered no more; what is
    /// left never grows.
    fn set_late_aside(&mut self, agent: AgentNo) {
        for index in 0..self.agents[agent.0].queues.len() {
            let queue = self.agents[agent.0].queues[index];
            while let Some(place) = self.queues[queue.0].free.first().copied() {
                if !self.is_late(place.contact) {
                    break;
                }
                self.set_aside(place.contact);
            }
        }
    }

    fn is_late(&self, contact: ContactId) -> bool {
        self.callers.get(&contact).is_some_and(|caller| {
            caller.deadline.since(self.now.mono) < self.queues[caller.queue.0].rules.ring_min
        })
    }

    fn set_aside(&mut self, contact: ContactId) {
        if let Some(caller) = self.callers.get_mut(&contact) {
            caller.wait = Wait::Late;
            self.queues[caller.queue.0].free.remove(&caller.place);
        }
    }

    fn offer(&mut self, contact: ContactId, no: AgentNo, why: String) {
        let Work::Idle { since: idle } = self.agents[no.0].work else {
            return;
        };
        let Some(caller) = self.callers.get_mut(&contact) else {
            return;
        };
        let queue = caller.queue;
        caller.wait = Wait::Offered(no);
        let state = &mut self.queues[queue.0];
        state.free.remove(&caller.place);
        let deadline = (self.now.mono + state.rules.ring + RING_GRACE).min(caller.deadline);
        let slug = state.slug.clone();
        let id = OfferId::new(self.now.wall, &mut self.rng);
        self.fences += 1;
        self.offers.insert(id, no);
        let what = What::OfferMade {
            deadline: self.now.wall_at(deadline),
            fence: self.fences,
            why,
            bands: self.bands_of(no, &self.duty),
        };
        let agent = self.slug(no);
        let event = draft(&By::System, what)
            .contact(contact)
            .queue(slug.clone())
            .agent(agent.clone());
        self.event(event.offer(id));
        let offer = Offer {
            id,
            contact,
            queue,
            deadline,
            ringing: false,
            idle,
        };
        self.set_work(no, Work::Offered(offer), &By::System);
        self.effect(Effect::Offer {
            offer: id,
            contact,
            agent,
            queue: slug,
        });
    }

    /// Ends the offer in the tables and says so; the caller, unless answered, is free for the next agent. The
    /// agent's work is for [`Acd::after_offer`] or the caller of this to set.
    pub(super) fn end_offer(
        &mut self,
        no: AgentNo,
        outcome: OfferOutcome,
        sip_status: Option<u16>,
        by: &By,
    ) -> Option<Offer> {
        let offer = *self.agents[no.0].offer()?;
        self.offers.remove(&offer.id);
        let queue = self.queues[offer.queue.0].slug.clone();
        let event = draft(by, What::OfferEnded { outcome, sip_status })
            .contact(offer.contact)
            .queue(queue);
        self.event(event.agent(self.slug(no)).offer(offer.id));
        if outcome != OfferOutcome::Answered
            && let Some(caller) = self.callers.get_mut(&offer.contact)
        {
            caller.wait = Wait::Free;
            self.queues[caller.queue.0].free.insert(caller.place);
            self.freed_callers.push(offer.contact);
        }
        Some(offer)
    }

    pub(super) fn offer_ringing(&mut self, id: OfferId) {
        let Some(no) = self.offers.get(&id).copied() else {
            return;
        };
        let Work::Offered(mut offer) = self.agents[no.0].work else {
            return;
        };
        if offer.ringing {
            return;
        }
        offer.ringing = true;
        offer.deadline = offer
            .deadline
            .min(self.now.mono + self.queues[offer.queue.0].rules.ring);
        self.timers.set(Timer::Ring(no), offer.deadline);
        self.agents[no.0].work = Work::Offered(offer);
        let agent = self.slug(no);
        let event = draft(&By::Agent(agent.clone()), What::OfferRinging).contact(offer.contact);
        self.event(
            event
                .queue(self.queues[offer.queue.0].slug.clone())
                .agent(agent)
                .offer(id),
        );
    }

    pub(super) fn offer_answered(&mut self, id: OfferId) {
        let Some(no) = self.offers.get(&id).copied() else {
            self.effect(Effect::Stale { offer: id });
            return;
        };
        let agent = self.slug(no);
        let by = By::Agent(agent.clone());
        let Some(offer) = self.end_offer(no, OfferOutcome::Answered, None, &by) else {
            return;
        };
        let contact = offer.contact;
        self.remove_caller(contact, QueueExit::Answered, &by);
        self.talks.insert(contact, no);
        self.agents[no.0].misses = 0;
        self.set_work(
            no,
            Work::Talking {
                contact,
                queue: offer.queue,
                held: false,
            },
            &by,
        );
        self.effect(Effect::Connect {
            offer: id,
            contact,
            agent,
        });
    }

    /// The phone's own word on how the offer ended. What a phone cannot say counts as failed.
    pub(super) fn offer_failed(&mut self, id: OfferId, outcome: OfferOutcome, sip_status: Option<u16>) {
        let Some(no) = self.offers.get(&id).copied() else {
            return;
        };
        let outcome = match outcome {
            OfferOutcome::Answered | OfferOutcome::Withdrawn => OfferOutcome::Failed,
            told => told,
        };
        let by = match outcome {
            OfferOutcome::Rejected => By::Agent(self.slug(no)),
            _ => By::System,
        };
        self.end_offer(no, outcome, sip_status, &by);
        self.after_offer(no, outcome, &by);
    }

    /// The offer's time is over: missed where the phone rang; a phone that never rang is not the agent's fault.
    pub(super) fn ring_over(&mut self, no: AgentNo) {
        let Some(offer) = self.agents[no.0].offer() else {
            return;
        };
        let outcome = if offer.ringing {
            OfferOutcome::Missed
        } else {
            OfferOutcome::Unreachable
        };
        self.withdraw(no, outcome, &By::System);
        self.after_offer(no, outcome, &By::System);
    }

    /// What an offer that failed means for its agent.
    pub(super) fn after_offer(&mut self, no: AgentNo, outcome: OfferOutcome, by: &By) {
        let device = match outcome {
            OfferOutcome::Busy => Some(DeviceState::BusyElsewhere),
            OfferOutcome::Unreachable => Some(DeviceState::Unreachable),
            _ => None,
        };
        let agent = &mut self.agents[no.0];
        match outcome {
            OfferOutcome::Missed => agent.misses += 1,
            OfferOutcome::Rejected => agent.misses = 0,
            _ => {}
        }
        if outcome == OfferOutcome::Missed && self.misses_max > 0 && agent.misses >= self.misses_max {
            agent.misses = 0;
            let intent = Intent::Paused {
                reason: RONA.to_owned(),
            };
            agent.intent = intent.clone();
            let event = draft(&By::System, What::AgentIntent { intent }).agent(self.slug(no));
            self.event(event);
            self.back_to_idle(no, by);
        } else {
            let until = self.now.mono + self.cool_off;
            self.set_work(no, Work::CoolOff { until, device }, by);
        }
    }
}
