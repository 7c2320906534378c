//! Offers: deciding who is offered what, and what each outcome means for agent and caller.

use hotline_journal::{By, What};
use hotline_types::{ContactId, DeviceState, Intent, OfferId, OfferOutcome, QueueExit};

use super::{Acd, RING_GRACE, RONA, draft};
use crate::Effect;
use crate::agent::{AgentNo, Offer, Work};
use crate::policy::Choice;
use crate::queue::Caller;
use crate::rules::Policy;
use crate::timers::Timer;

/// Longest chain of picks until agent and call have chosen each other. Only where several agents become free at one
/// moment can it go on at all; beyond it the agent takes its call.
const CHAIN_MAX: usize = 16;

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
        while !self.freed_callers.is_empty() {
            let mut freed = std::mem::take(&mut self.freed_callers);
            freed.sort_unstable_by_key(|contact| self.callers.get(contact).map(|caller| caller.place));
            freed.dedup();
            for contact in freed.drain(..) {
                self.leave_if_unstaffed(contact);
                self.relax(contact);
                while let Some(choice) = self.caller_picks(contact) {
                    self.agent_picks(choice.agent);
                }
            }
            // What a caller's turn set free has its own turn in the next round.
            freed.append(&mut self.freed_callers);
            self.freed_callers = freed;
        }
    }

    /// The agent picks a call, the call picks an agent, and so on until the choice is mutual. Only a call that has
    /// itself just become free can pick another agent than the one who picked it, one before it by the policy. Each
    /// round makes one offer, so it ends.
    fn agent_picks(&mut self, no: AgentNo) {
        while self.agents[no.0].listed.is_some() {
            let mut agent = no;
            for link in 0..=CHAIN_MAX {
                let Some(contact) = self.pick_call(agent) else {
                    return;
                };
                let Some(mut choice) = self.pick_agent(contact) else {
                    return;
                };
                if choice.agent != agent && link < CHAIN_MAX {
                    agent = choice.agent;
                    continue;
                }
                let why = if link == 0 {
                    self.why_call(contact)
                } else {
                    self.why_agent(contact, &choice)
                };
                if choice.agent != agent {
                    let Some(idle) = self.agents[agent.0].listed else {
                        return;
                    };
                    choice.agent = agent;
                    choice.idle = idle;
                }
                self.offer(contact, &choice, why);
                break;
            }
        }
    }

    /// A caller for whom a phone, or one more, may ring picks an agent and is offered to it, or answers an agent
    /// who has a better call and must take that first.
    fn caller_picks(&mut self, contact: ContactId) -> Option<Choice> {
        let caller = self.callers.get(&contact)?;
        if caller.offers.len() >= caller.at_once {
            return None;
        }
        let choice = self.pick_agent(contact)?;
        if self.pick_call(choice.agent).is_some_and(|best| best != contact) {
            return Some(choice);
        }
        let why = self.why_agent(contact, &choice);
        self.offer(contact, &choice, why);
        // Another phone may ring for the same caller.
        self.freed_callers.push(contact);
        None
    }

    pub(crate) fn is_late(&self, caller: &Caller) -> bool {
        caller.deadline.since(self.now.mono) < self.queues[caller.queue.0].rules.ring_min
    }

    /// Puts the caller into the lists of those who can be offered, as its offers and their limit say.
    pub(super) fn relist(&mut self, contact: ContactId) {
        let Some(caller) = self.callers.get(&contact) else {
            return;
        };
        let queue = &mut self.queues[caller.queue.0];
        queue.free.remove(&caller.place);
        queue.more.remove(&caller.place);
        if caller.offers.is_empty() {
            queue.free.insert(caller.place);
        } else if caller.offers.len() < caller.at_once {
            queue.more.insert(caller.place);
        }
    }

    /// One more phone may ring for a caller whom nobody has answered.
    pub(super) fn widen(&mut self, contact: ContactId) {
        let Some(caller) = self.callers.get_mut(&contact) else {
            return;
        };
        let Policy::Progressive { at_once, every } = self.queues[caller.queue.0].rules.policy else {
            return;
        };
        caller.at_once = (caller.at_once + 1).min(at_once);
        if caller.at_once < at_once {
            self.timers.set(Timer::Widen(contact), self.now.mono + every);
        }
        self.relist(contact);
        self.freed_callers.push(contact);
    }

    fn offer(&mut self, contact: ContactId, choice: &Choice, why: String) {
        let no = choice.agent;
        let Work::Idle { since: idle } = self.agents[no.0].work else {
            return;
        };
        let Some(caller) = self.callers.get_mut(&contact) else {
            return;
        };
        let queue = caller.queue;
        let first = caller.offers.is_empty();
        caller.offers.push(no);
        let state = &mut self.queues[queue.0];
        state.rung_last = choice.member;
        let deadline = (self.now.mono + state.rules.ring + RING_GRACE).min(caller.deadline);
        if let Policy::Progressive { every, .. } = state.rules.policy
            && first
        {
            self.timers.set(Timer::Widen(contact), self.now.mono + every);
        }
        let slug = state.slug.clone();
        self.relist(contact);
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
            caller.offers.retain(|other| *other != no);
            if caller.offers.is_empty() {
                caller.at_once = self.queues[caller.queue.0].rules.policy.at_first();
                self.timers.cancel(Timer::Widen(offer.contact));
            }
            self.relist(offer.contact);
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
        let losers = self.end_other_offers(contact, no, &by);
        self.remove_caller(contact, QueueExit::Answered, &by, Some(no));
        self.talks.insert(contact, no);
        self.agents[no.0].misses = 0;
        self.agents[no.0].load.calls += 1;
        self.set_work(
            no,
            Work::Talking {
                contact,
                queue: offer.queue,
                held: false,
                since: self.now.mono,
            },
            &by,
        );
        self.effect(Effect::Connect {
            offer: id,
            contact,
            agent,
        });
        for loser in losers {
            self.effect(Effect::Withdraw {
                offer: loser,
                contact,
                outcome: OfferOutcome::Withdrawn,
            });
        }
    }

    /// The other phones that ring for this caller were slower. Their agents keep their places in the row.
    fn end_other_offers(&mut self, contact: ContactId, winner: AgentNo, by: &By) -> Vec<OfferId> {
        let others = match self.callers.get(&contact) {
            Some(caller) => caller.offers.clone(),
            None => Vec::new(),
        };
        let mut ended = Vec::new();
        for no in others.into_iter().filter(|no| *no != winner) {
            if let Some(offer) = self.end_offer(no, OfferOutcome::Withdrawn, None, by) {
                self.set_work(no, Work::Idle { since: offer.idle }, by);
                ended.push(offer.id);
            }
        }
        ended
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
            self.watch_pause(no);
            self.back_to_idle(no, by);
        } else {
            let until = self.now.mono + self.cool_off;
            self.set_work(no, Work::CoolOff { until, device }, by);
        }
    }
}
