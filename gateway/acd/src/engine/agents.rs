//! Agents: what they want, do and have for a phone, and what follows for staff and the row of idle agents.

use hotline_journal::{By, What};
use hotline_types::{AgentSlug, ContactId, DeviceState, Intent, OfferOutcome, QueueSlug};

use super::{Acd, RONA, draft};
use crate::agent::{AgentNo, Work};
use crate::rules::WrapUpRule;
use crate::timers::Timer;
use crate::{Effect, Login};

/// The timer that ends this work, if one does.
pub(crate) const fn timer_of(agent: AgentNo, work: &Work) -> Option<Timer> {
    match work {
        Work::Idle { .. } | Work::Talking { .. } => None,
        Work::CoolOff { .. } => Some(Timer::CoolOff(agent)),
        Work::Offered(_) => Some(Timer::Ring(agent)),
        Work::WrapUp { .. } => Some(Timer::WrapUp(agent)),
    }
}

impl Acd {
    /// The only way work changes: timers, event and the indices follow it.
    pub(super) fn set_work(&mut self, no: AgentNo, work: Work, by: &By) {
        if let Some(timer) = timer_of(no, &self.agents[no.0].work) {
            self.timers.cancel(timer);
        }
        if let (Some(timer), Some(until)) = (timer_of(no, &work), work.until()) {
            self.timers.set(timer, until);
        }
        self.agents[no.0].add_load(self.now.mono);
        let about = work.contact().or(self.agents[no.0].work.contact());
        self.agents[no.0].work = work;
        let until = work.until().map(|until| self.now.wall_at(until));
        let mut event = draft(
            by,
            What::AgentWork {
                work: work.state(),
                until,
            },
        )
        .agent(self.slug(no));
        event.contact = about;
        self.event(event);
        self.refresh(no);
    }

    /// Brings the journal's device, the staff counts and the row of idle agents in line with the three axes.
    pub(super) fn refresh(&mut self, no: AgentNo) {
        let device = self.agents[no.0].device();
        let unusable = self.agents[no.0].unusable.clone();
        // Told again although it is the same: what could not be used can be used now.
        let usable_again = self.agents[no.0].shown_unusable && unusable.is_none();
        if device != self.agents[no.0].shown || usable_again {
            self.agents[no.0].shown = device;
            self.agents[no.0].shown_unusable = false;
            let event = draft(&By::System, What::AgentDevice { device }).agent(self.slug(no));
            self.event(event);
        }
        if let Some(why) = unusable
            && !self.agents[no.0].shown_unusable
        {
            self.agents[no.0].shown_unusable = true;
            let event = draft(&By::System, What::AgentDeviceUnusable { why }).agent(self.slug(no));
            self.event(event);
        }
        let agent = &mut self.agents[no.0];
        let (staff, routable) = (agent.is_staff(), agent.routable());
        let staff_changed = agent.staff != staff;
        let listed = agent.listed;
        agent.staff = staff;
        agent.listed = routable;
        let awaited = agent.is_awaited();
        let given_up = agent.awaited && !awaited;
        agent.awaited = awaited;
        for index in 0..self.agents[no.0].queues.len() {
            let serves = self.agents[no.0].queues[index];
            let queue = &mut self.queues[serves.queue.0];
            if listed != routable {
                if let Some(old) = listed {
                    queue.idle.remove(&old);
                }
                if let Some(new) = routable {
                    queue.idle.insert(new, serves.member);
                }
            }
            if staff_changed {
                queue.staff = if staff { queue.staff + 1 } else { queue.staff - 1 };
                self.staff_changed(serves.queue);
            }
        }
        if given_up {
            // Callers who waited for this agent take anybody from now on.
            let waiting = self
                .callers
                .iter()
                .filter(|(_, caller)| caller.last_agent == Some(no));
            self.freed_callers.extend(waiting.map(|(contact, _)| *contact));
        }
        if routable.is_some() && listed.is_none() {
            self.freed_agents.push(no);
        }
    }

    /// The phone changed. Registered but `unusable` it neither logs the agent in nor is offered calls.
    pub(super) fn device(&mut self, no: AgentNo, device: DeviceState, unusable: Option<String>) {
        let agent = &mut self.agents[no.0];
        agent.told = device;
        agent.unusable = unusable;
        let callable = device == DeviceState::Registered && agent.unusable.is_none();
        let first = callable && !agent.registered_before;
        agent.registered_before |= first;
        let logs_in = first && self.login == Login::Register && agent.intent == Intent::LoggedOut;
        match agent.work {
            // A phone that registers again is back: it need not rest for having been away.
            Work::CoolOff {
                device: Some(DeviceState::Unreachable),
                ..
            } if callable => {
                self.back_to_idle(no, &By::System);
            }
            // The phone has gone while it was being rung: the caller need not wait for the deadline.
            Work::Offered(_) if !callable && device != DeviceState::BusyElsewhere => {
                self.withdraw(no, OfferOutcome::Unreachable, &By::System);
                self.after_offer(no, OfferOutcome::Unreachable, &By::System);
            }
            _ => self.refresh(no),
        }
        if logs_in {
            let by = By::Agent(self.slug(no));
            self.intent(no, Intent::Ready, &by);
        }
    }

    /// Sets the intent at once; a talk or wrap-up goes on ("finish the call, then off"). An offer to an agent who
    /// no longer wants calls is taken back. Ready ends wrap-up, and a rest that is not about the phone.
    pub(super) fn intent(&mut self, no: AgentNo, intent: Intent, by: &By) {
        let ready = intent == Intent::Ready;
        if let Intent::Paused { reason } = &intent
            && self.pause_refusal(no, reason).is_some()
        {
            // The switch asks before it sends one: this crossed another agent's pause.
            self.ignored += 1;
            return;
        }
        let agent = &mut self.agents[no.0];
        agent.add_load(self.now.mono);
        let was_out = agent.intent == Intent::LoggedOut;
        if ready {
            agent.misses = 0;
        }
        if agent.intent != intent {
            agent.intent = intent.clone();
            let event = draft(by, What::AgentIntent { intent }).agent(self.slug(no));
            self.event(event);
            self.watch_pause(no);
            self.recount = true;
        }
        match self.agents[no.0].work {
            Work::Offered(offer) if !ready => {
                self.withdraw(no, OfferOutcome::Withdrawn, by);
                self.set_work(no, Work::Idle { since: offer.idle }, by);
            }
            Work::WrapUp {
                rule: WrapUpRule::Optional,
                ..
            }
            | Work::CoolOff { device: None, .. }
                if ready =>
            {
                self.back_to_idle(no, by);
            }
            Work::Idle { .. } if ready && was_out => {
                let since = self.idle_now(no);
                self.agents[no.0].work = Work::Idle { since };
                self.refresh(no);
            }
            _ => self.refresh(no),
        }
    }

    /// Frees the agent whatever it is believed to do.
    pub(super) fn release(&mut self, no: AgentNo, by: &By) {
        let work = self.agents[no.0].work;
        let mut released = draft(by, What::AgentReleased { work: work.state() }).agent(self.slug(no));
        released.contact = work.contact();
        self.event(released);
        self.agents[no.0].misses = 0;
        match self.agents[no.0].work {
            Work::Idle { .. } => {}
            Work::CoolOff { .. } | Work::WrapUp { .. } => self.back_to_idle(no, by),
            Work::Offered(_) => {
                self.withdraw(no, OfferOutcome::Withdrawn, by);
                self.back_to_idle(no, by);
            }
            Work::Talking { contact, .. } => {
                self.talks.remove(&contact);
                self.effect(Effect::EndTalk { contact });
                self.back_to_idle(no, by);
            }
        }
        if self.agents[no.0].intent
            == (Intent::Paused {
                reason: RONA.to_owned(),
            })
        {
            self.intent(no, Intent::Ready, by);
        }
    }

    pub(super) fn talk_ended(&mut self, contact: ContactId) {
        let Some(no) = self.talks.remove(&contact) else {
            return;
        };
        let Work::Talking { queue, since, .. } = self.agents[no.0].work else {
            return;
        };
        let queue = &mut self.queues[queue.0];
        let (wrap_up, rule) = (queue.rules.wrap_up, queue.rules.wrap_up_rule);
        queue.handling.add(self.now.mono.since(since) + wrap_up);
        if wrap_up.is_zero() {
            self.back_to_idle(no, &By::System);
        } else {
            self.set_work(
                no,
                Work::WrapUp {
                    until: self.now.mono + wrap_up,
                    contact,
                    rule,
                },
                &By::System,
            );
        }
    }

    /// The agent has said what came of the last contact: wrap-up that waits for it ends.
    pub(super) fn disposed(&mut self, no: AgentNo, code: String, by: &By) {
        let Work::WrapUp { contact, rule, .. } = self.agents[no.0].work else {
            return;
        };
        let event = draft(by, What::Disposed { code }).agent(self.slug(no));
        self.event(event.contact(contact));
        if rule == WrapUpRule::UntilDisposition {
            self.back_to_idle(no, by);
        }
    }

    /// A transfer: the agent has the contact, whatever it did before; an offer that is out is taken back.
    pub(super) fn take_over(&mut self, contact: ContactId, no: AgentNo, queue: &QueueSlug) {
        let talks = matches!(self.agents[no.0].work, Work::Talking { .. });
        let busy = talks || self.talks.contains_key(&contact) || self.callers.contains_key(&contact);
        let Some(queue) = self.queue_nos.get(queue).copied().filter(|_| !busy) else {
            self.ignored += 1;
            return;
        };
        let by = By::Agent(self.slug(no));
        if matches!(self.agents[no.0].work, Work::Offered(_)) {
            self.withdraw(no, OfferOutcome::Withdrawn, &by);
        }
        self.talks.insert(contact, no);
        let work = Work::Talking {
            contact,
            queue,
            held: false,
            since: self.now.mono,
        };
        self.set_work(no, work, &by);
    }

    pub(super) fn held(&mut self, contact: ContactId, on_hold: bool) {
        let Some(no) = self.talks.get(&contact).copied() else {
            return;
        };
        if let Work::Talking {
            queue, held, since, ..
        } = self.agents[no.0].work
            && held != on_hold
        {
            let by = By::Agent(self.slug(no));
            self.set_work(
                no,
                Work::Talking {
                    contact,
                    queue,
                    held: on_hold,
                    since,
                },
                &by,
            );
        }
    }

    /// Idle from now on, at the end of the row.
    pub(super) fn back_to_idle(&mut self, no: AgentNo, by: &By) {
        let since = self.idle_now(no);
        self.set_work(no, Work::Idle { since }, by);
    }

    pub(super) fn slug(&self, no: AgentNo) -> AgentSlug {
        self.agents[no.0].slug.clone()
    }
}
