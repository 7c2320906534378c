//! The engine's invariants, checked from its own tables: used by simulations and tests after every step.

use std::collections::{BTreeMap, BTreeSet};

use crate::Acd;
use crate::agent::{AgentNo, Work};
use crate::engine::timer_of;
use crate::queue::QueueNo;
use crate::timers::Timer;

impl Acd {
    /// Whether every contact and every agent is in exactly one place, all indices agree with the states, every
    /// transient state has its deadline armed and nobody waits beside a free agent.
    ///
    /// # Errors
    /// The first broken invariant, in a sentence.
    pub fn check(&self) -> Result<(), String> {
        for index in 0..self.agents.len() {
            self.check_agent(AgentNo(index))?;
        }
        for index in 0..self.queues.len() {
            self.check_queue(QueueNo(index))?;
        }
        self.check_callers()?;
        self.check_timers()
    }

    fn check_agent(&self, no: AgentNo) -> Result<(), String> {
        let agent = &self.agents[no.0];
        let slug = &agent.slug;
        ensure(agent.listed == agent.routable(), || {
            format!("agent {slug} is listed against its state")
        })?;
        ensure(agent.staff == agent.is_staff(), || {
            format!("agent {slug} is counted as staff against its state")
        })?;
        ensure(agent.shown == agent.device(), || {
            format!("the journal has another device of agent {slug}")
        })?;
        let offers = self.offers.iter().filter(|(_, of)| **of == no).count();
        let talks = self.talks.values().filter(|of| **of == no).count();
        let (offers_due, talks_due) = match &agent.work {
            Work::Offered(offer) => {
                let waits = self.callers.get(&offer.contact);
                ensure(waits.is_some_and(|caller| caller.offers.contains(&no)), || {
                    format!("agent {slug} is offered nobody's call")
                })?;
                ensure(self.offers.get(&offer.id) == Some(&no), || {
                    format!("offer of {slug} is not in the table")
                })?;
                (1, 0)
            }
            Work::Talking { contact, .. } => {
                ensure(self.talks.get(contact) == Some(&no), || {
                    format!("talk of {slug} is not in the table")
                })?;
                (0, 1)
            }
            Work::Idle { .. } | Work::CoolOff { .. } | Work::WrapUp { .. } => (0, 0),
        };
        ensure(offers == offers_due, || {
            format!("agent {slug} has {offers} offers, {offers_due} by its state")
        })?;
        ensure(talks == talks_due, || {
            format!("agent {slug} has {talks} talks, {talks_due} by its state")
        })?;
        let armed =
            timer_of(no, &agent.work).is_none_or(|timer| self.timers.get(timer) == agent.work.until());
        ensure(armed, || format!("the deadline of agent {slug} is not armed"))
    }

    fn check_queue(&self, no: QueueNo) -> Result<(), String> {
        let queue = &self.queues[no.0];
        let slug = &queue.slug;
        let listed: BTreeMap<_, _> = queue
            .members
            .iter()
            .enumerate()
            .filter_map(|(at, member)| Some((self.agents[member.agent.0].listed?, at)))
            .collect();
        ensure(listed == queue.idle, || {
            format!("queue {slug} has a wrong row of idle agents")
        })?;
        let staff = queue
            .members
            .iter()
            .filter(|member| self.agents[member.agent.0].staff)
            .count();
        ensure(staff == queue.staff, || {
            format!("queue {slug} counts {} staff, has {staff}", queue.staff)
        })?;
        ensure(queue.unstaffed_since.is_some() == (staff == 0), || {
            format!("queue {slug} mistakes its staff")
        })?;
        ensure(queue.places.len() <= queue.rules.capacity, || {
            format!("queue {slug} is beyond its capacity")
        })?;
        let in_queue = || self.callers.values().filter(|caller| caller.queue == no);
        let places: BTreeSet<_> = in_queue().map(|caller| caller.place).collect();
        ensure(places == queue.places, || {
            format!("queue {slug} holds other places than its callers")
        })?;
        let listed = |rings: bool| -> BTreeSet<_> {
            let callers = in_queue().filter(|caller| caller.offers.is_empty() != rings);
            callers
                .filter(|caller| !rings || caller.offers.len() < caller.at_once)
                .map(|caller| caller.place)
                .collect()
        };
        ensure(listed(false) == queue.free && listed(true) == queue.more, || {
            format!("queue {slug} lists other callers as free than are")
        })?;
        for caller in in_queue().filter(|caller| caller.offers.len() < caller.at_once) {
            let beside = queue
                .idle
                .values()
                .any(|member| self.may_take(caller, queue, &queue.members[*member]));
            ensure(!beside, || {
                format!("in queue {slug} a caller waits beside a free agent who may take it")
            })?;
        }
        Ok(())
    }

    fn check_callers(&self) -> Result<(), String> {
        for (contact, caller) in &self.callers {
            ensure(caller.place.contact == *contact, || {
                format!("contact {contact} holds another's place")
            })?;
            ensure(!self.talks.contains_key(contact), || {
                format!("contact {contact} both waits and talks")
            })?;
            let armed = self.timers.get(Timer::WaitMax(*contact)) == Some(caller.deadline);
            ensure(armed, || format!("contact {contact} waits without a deadline"))?;
            for no in &caller.offers {
                let offered = self.agents[no.0].offer().map(|offer| offer.contact);
                ensure(offered == Some(*contact), || {
                    format!("contact {contact} is offered to nobody")
                })?;
            }
        }
        Ok(())
    }

    fn check_timers(&self) -> Result<(), String> {
        for (timer, at) in self.timers.armed() {
            let meant = match timer {
                Timer::WaitMax(contact)
                | Timer::Overflow(contact)
                | Timer::Ripen(contact)
                | Timer::Widen(contact) => self.callers.contains_key(&contact),
                Timer::Ring(no) | Timer::WrapUp(no) | Timer::CoolOff(no) => {
                    timer_of(no, &self.agents[no.0].work) == Some(timer)
                }
                Timer::Pause(no) => matches!(self.agents[no.0].intent, hotline_types::Intent::Paused { .. }),
                Timer::Duty => self.duty.until.is_some(),
                Timer::Unstaffed(no) => self.queues[no.0].staff == 0,
            };
            ensure(meant, || format!("{timer:?} is armed for nothing"))?;
            ensure(at > self.now.mono, || format!("{timer:?} is overdue"))?;
        }
        Ok(())
    }
}

fn ensure(good: bool, broken: impl FnOnce() -> String) -> Result<(), String> {
    if good { Ok(()) } else { Err(broken()) }
}
