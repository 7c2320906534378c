//! Callers: entering a queue, relaxing what they need, leaving, and queues that nobody serves.

use std::time::Duration;

use hotline_journal::{By, What};
use hotline_types::{
    AbandonPhase, AgentSlug, ContactId, FlowOutReason, OfferOutcome, QueueExit, QueueSlug, Time, WallTime,
};

use super::{Acd, UNSTAFFED_MAX, draft};
use crate::agent::{AgentNo, Work};
use crate::queue::{Caller, Place, QueueNo};
use crate::rules::When;
use crate::timers::Timer;
use crate::{Effect, Leave, estimate};

/// What a contact brings to a queue.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) contact: ContactId,
    pub(super) enqueued_at: WallTime,
    pub(super) priority: Duration,
    pub(super) last_agent: Option<AgentSlug>,
}

/// What it keeps where it comes by overflow.
#[derive(Debug, Default)]
struct Kept {
    /// Deadline and wait so far.
    from: Option<(Time, Duration)>,
    visited: Vec<QueueNo>,
}

impl Acd {
    pub(super) fn enqueue(&mut self, arrival: &Arrival, slug: &QueueSlug) {
        let contact = arrival.contact;
        let Some(no) = self.queue_nos.get(slug).copied() else {
            self.ignored += 1;
            self.effect(Effect::Exit {
                contact,
                why: FlowOutReason::NoStaff,
            });
            return;
        };
        if self.callers.contains_key(&contact) {
            self.ignored += 1;
            return;
        }
        if self.talks.contains_key(&contact) {
            self.talk_ended(contact);
        }
        self.enter(arrival, no, Kept::default());
    }

    /// The contact enters this queue, or by its overflow rules another one, or is refused.
    fn enter(&mut self, arrival: &Arrival, mut no: QueueNo, mut kept: Kept) {
        let contact = arrival.contact;
        loop {
            self.entered(contact, no, arrival.enqueued_at.min(self.now.wall));
            kept.visited.push(no);
            let Some(next) = self.overflow_at_entry(no, &kept.visited) else {
                break;
            };
            self.left(contact, no, QueueExit::FlowedOut(FlowOutReason::Overflow));
            self.moved(contact, next);
            no = next;
        }
        let queue = &self.queues[no.0];
        let refusal = if queue.staff == 0 {
            Some(FlowOutReason::NoStaff)
        } else if queue.places.len() >= queue.rules.capacity {
            Some(FlowOutReason::Full)
        } else {
            None
        };
        match refusal {
            Some(why) => {
                self.left(contact, no, QueueExit::FlowedOut(why));
                self.effect(Effect::Exit { contact, why });
            }
            None => self.take_place(arrival, no, kept),
        }
    }

    fn take_place(&mut self, arrival: &Arrival, no: QueueNo, kept: Kept) {
        let contact = arrival.contact;
        self.entries += 1;
        let (now, entry) = (self.now, self.entries);
        let place = Place::new(now.wall, arrival.enqueued_at, arrival.priority, entry, contact);
        let queue = &mut self.queues[no.0];
        let last_agent = arrival
            .last_agent
            .as_ref()
            .filter(|_| !queue.rules.prefer_last.is_zero())
            .and_then(|slug| self.agent_nos.get(slug).copied())
            .filter(|agent| queue.members.iter().any(|member| member.agent == *agent));
        let fresh = || {
            let brought = now.wall.since(arrival.enqueued_at);
            (now.mono + queue.rules.wait_max, brought)
        };
        let (deadline, brought) = kept.from.unwrap_or_else(fresh);
        queue.places.insert(place);
        self.timers.set(Timer::WaitMax(contact), deadline);
        let first = queue.rules.overflow.iter().filter_map(|(when, to)| match when {
            When::Waited(wait) if !kept.visited.contains(to) => Some(*wait),
            _ => None,
        });
        if let Some(wait) = first.min() {
            self.timers.set(Timer::Overflow(contact), now.mono + wait);
        }
        let caller = Caller {
            queue: no,
            place,
            entered: now,
            brought,
            priority: arrival.priority,
            deadline,
            offers: Vec::new(),
            at_once: queue.rules.policy.at_first(),
            steps: 0,
            last_agent,
            prefer_until: now.mono + queue.rules.prefer_last,
            visited: kept.visited,
        };
        self.callers.insert(contact, caller);
        self.relist(contact);
        self.ripen(contact);
    }

    /// The queue that a contact at the door of this one is sent on to.
    fn overflow_at_entry(&self, no: QueueNo, visited: &[QueueNo]) -> Option<QueueNo> {
        let queue = &self.queues[no.0];
        let waiting = queue.places.len();
        let applies = |when: &When| match when {
            When::Waited(_) => false,
            When::Length(most) => waiting >= *most,
            When::NoStaff => queue.staff == 0,
            When::Estimate(most) => {
                let free = !queue.idle.is_empty();
                let left = estimate::wait(waiting + 1, queue.staff, queue.handling.mean());
                !free && left.is_none_or(|left| left > *most)
            }
        };
        let rules = queue.rules.overflow.iter();
        let mut to = rules.filter(|(when, to)| !visited.contains(to) && applies(when));
        to.next().map(|(_, to)| *to)
    }

    /// The caller has waited so long that a rule sends it on. While a phone rings for it, it stays: the rule is asked
    /// again when that is over.
    pub(super) fn overflow_by_wait(&mut self, contact: ContactId) {
        let Some(caller) = self.callers.get(&contact) else {
            return;
        };
        if !caller.offers.is_empty() {
            let most = self.queues[caller.queue.0].rules.ring + super::RING_GRACE;
            self.timers.set(Timer::Overflow(contact), self.now.mono + most);
            return;
        }
        let waited = self.now.mono.since(caller.entered.mono);
        let rules = self.queues[caller.queue.0].rules.overflow.iter();
        let to = rules.filter(|(when, to)| {
            matches!(when, When::Waited(wait) if *wait <= waited) && !caller.visited.contains(to)
        });
        if let Some(to) = to.map(|(_, to)| *to).next() {
            self.send_on(contact, to);
        }
    }

    /// From one queue into another, with the time of enqueuing, the deadline and the queues seen.
    fn send_on(&mut self, contact: ContactId, to: QueueNo) {
        let Some(caller) = self.callers.get(&contact) else {
            return;
        };
        let arrival = Arrival {
            contact,
            enqueued_at: WallTime::from_micros(caller.place.rank_us) + caller.priority,
            priority: caller.priority,
            last_agent: caller.last_agent.map(|agent| self.slug(agent)),
        };
        let kept = Kept {
            from: Some((caller.deadline, caller.age(self.now.mono))),
            visited: caller.visited.clone(),
        };
        self.leave_queue(
            contact,
            |_| QueueExit::FlowedOut(FlowOutReason::Overflow),
            &By::System,
        );
        self.moved(contact, to);
        self.enter(&arrival, to, kept);
    }

    fn moved(&mut self, contact: ContactId, to: QueueNo) {
        let queue = self.queues[to.0].slug.clone();
        self.effect(Effect::Moved { contact, queue });
    }

    fn entered(&mut self, contact: ContactId, no: QueueNo, enqueued_at: WallTime) {
        let what = What::QueueEntered {
            enqueued_at,
            business_date: self.business_date(self.now.wall),
            bands: self.bands_on(self.now.wall),
        };
        let slug = self.queues[no.0].slug.clone();
        self.event(draft(&By::System, what).contact(contact).queue(slug));
    }

    /// It left without having waited.
    fn left(&mut self, contact: ContactId, no: QueueNo, exit: QueueExit) {
        let what = What::QueueLeft { exit, wait_us: 0 };
        let slug = self.queues[no.0].slug.clone();
        self.event(draft(&By::System, what).contact(contact).queue(slug));
    }

    /// More agents may take the caller: it picks, and the timer is set for the next time that happens.
    pub(super) fn ripen(&mut self, contact: ContactId) {
        self.freed_callers.push(contact);
        let Some(caller) = self.callers.get(&contact) else {
            return;
        };
        let rules = &self.queues[caller.queue.0].rules;
        let age = caller.age(self.now.mono);
        let later = |at: &Duration| *at > age;
        let steps = rules.steps.iter().map(|(after, _)| *after).find(later);
        let delays = rules.delays.iter().copied().find(later);
        let prefer = caller
            .last_agent
            .map(|_| caller.prefer_until.since(self.now.mono));
        let prefer = prefer.filter(|left| !left.is_zero()).map(|left| age + left);
        if let Some(next) = [steps, delays, prefer].into_iter().flatten().min() {
            let at = self.now.mono + next.saturating_sub(age);
            self.timers.set(Timer::Ripen(contact), at);
        }
    }

    /// Counts the steps of the requirement that hold by now. A step that nobody on duty meets is passed over at once.
    pub(super) fn relax(&mut self, contact: ContactId) {
        let now = self.now.mono;
        let Some(caller) = self.callers.get(&contact) else {
            return;
        };
        let queue = &self.queues[caller.queue.0];
        let (all, age) = (&queue.rules.steps, caller.age(now));
        if caller.steps >= all.len() {
            return;
        }
        let mut steps = all.iter().take_while(|(after, _)| *after <= age).count();
        steps = steps.max(caller.steps);
        let somebody = |steps: usize| {
            queue.members.iter().any(|member| {
                let agent = &self.agents[member.agent.0];
                let needs = all.iter().take(steps);
                agent.staff && needs.into_iter().any(|(_, needs)| needs.met_by(&agent.levels))
            })
        };
        while steps < all.len() && !somebody(steps) {
            steps += 1;
        }
        if let Some(caller) = self.callers.get_mut(&contact) {
            caller.steps = steps;
        }
    }

    pub(super) fn leave(&mut self, contact: ContactId, why: Leave) {
        let by = match why {
            Leave::HungUp | Leave::FlowedOut(FlowOutReason::Key) => By::Caller,
            Leave::FlowedOut(_) | Leave::Lost(_) => By::System,
        };
        let exit = |phase| match why {
            Leave::HungUp => QueueExit::Abandoned(phase),
            Leave::FlowedOut(reason) => QueueExit::FlowedOut(reason),
            Leave::Lost(reason) => QueueExit::Lost(reason),
        };
        if self.leave_queue(contact, exit, &by) {
            return;
        }
        // The hang-up crossed the answer: the contact talks by now, and that talk is over.
        self.talk_ended(contact);
    }

    /// Takes the caller out of its queue, whose offers end without blame. False where it is in none.
    pub(super) fn leave_queue(
        &mut self,
        contact: ContactId,
        exit: impl FnOnce(AbandonPhase) -> QueueExit,
        by: &By,
    ) -> bool {
        let Some(offered) = self.callers.get(&contact).map(|caller| caller.offers.clone()) else {
            return false;
        };
        let mut phase = AbandonPhase::Waiting;
        for agent in offered {
            let Some(offer) = self.agents[agent.0].offer().copied() else {
                continue;
            };
            if offer.ringing {
                phase = AbandonPhase::Ringing;
            }
            self.withdraw(agent, OfferOutcome::Withdrawn, by);
            self.set_work(agent, Work::Idle { since: offer.idle }, by);
        }
        self.remove_caller(contact, exit(phase), by, None);
        true
    }

    /// Takes the caller out of the tables and says so.
    pub(super) fn remove_caller(
        &mut self,
        contact: ContactId,
        exit: QueueExit,
        by: &By,
        answered_by: Option<AgentNo>,
    ) {
        let Some(caller) = self.callers.remove(&contact) else {
            return;
        };
        for timer in [
            Timer::WaitMax(contact),
            Timer::Overflow(contact),
            Timer::Ripen(contact),
            Timer::Widen(contact),
        ] {
            self.timers.cancel(timer);
        }
        let queue = &mut self.queues[caller.queue.0];
        queue.places.remove(&caller.place);
        queue.free.remove(&caller.place);
        queue.more.remove(&caller.place);
        let waited = self.now.mono.since(caller.entered.mono);
        let wait_us = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        let slug = queue.slug.clone();
        let mut event = draft(by, What::QueueLeft { exit, wait_us })
            .contact(contact)
            .queue(slug);
        if let Some(agent) = answered_by {
            event = event.agent(self.slug(agent));
        }
        self.event(event);
    }

    /// The agents on duty for the queue are others than before: one more, or one less.
    pub(super) fn staff_changed(&mut self, no: QueueNo) {
        let queue = &mut self.queues[no.0];
        if queue.staff > 0 {
            queue.unstaffed_since = None;
            self.timers.cancel(Timer::Unstaffed(no));
        } else if queue.unstaffed_since.is_none() {
            queue.unstaffed_since = Some(self.now.mono);
            if !queue.places.is_empty() {
                self.timers
                    .set(Timer::Unstaffed(no), self.now.mono + UNSTAFFED_MAX);
            }
        }
        if !self.queues[no.0].rules.steps.is_empty() {
            let waiting = self.queues[no.0].free.iter().map(|place| place.contact);
            self.freed_callers.extend(waiting);
        }
    }

    /// Nobody has been on duty for too long: all who wait leave, except those whose phone is being rung for.
    pub(super) fn unstaffed(&mut self, no: QueueNo) {
        let waiting: Vec<ContactId> = self.queues[no.0]
            .places
            .iter()
            .map(|place| place.contact)
            .collect();
        for contact in waiting {
            self.leave_if_unstaffed(contact);
        }
    }

    /// The same for one caller: by an overflow rule into another queue, else by the flow's exit.
    pub(super) fn leave_if_unstaffed(&mut self, contact: ContactId) {
        let Some(caller) = self.callers.get(&contact) else {
            return;
        };
        let queue = &self.queues[caller.queue.0];
        let too_long = queue
            .unstaffed_since
            .is_some_and(|since| self.now.mono.since(since) >= UNSTAFFED_MAX);
        if !too_long || !caller.offers.is_empty() {
            return;
        }
        let rules = queue.rules.overflow.iter();
        let mut to = rules.filter(|(when, to)| *when == When::NoStaff && !caller.visited.contains(to));
        match to.next().map(|(_, to)| *to) {
            Some(to) => self.send_on(contact, to),
            None => self.exit(contact, FlowOutReason::NoStaff),
        }
    }
}
