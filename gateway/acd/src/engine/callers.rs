//! Callers: entering a queue, leaving it, and queues that nobody serves.

use std::time::Duration;

use hotline_journal::{By, What};
use hotline_types::{AbandonPhase, ContactId, FlowOutReason, OfferOutcome, QueueExit, QueueSlug, WallTime};

use super::{Acd, UNSTAFFED_MAX, draft};
use crate::agent::Work;
use crate::queue::{Caller, Place, QueueNo, Wait};
use crate::timers::Timer;
use crate::{Effect, Leave};

impl Acd {
    pub(super) fn enqueue(
        &mut self,
        contact: ContactId,
        slug: &QueueSlug,
        enqueued_at: WallTime,
        priority: Duration,
    ) {
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
        self.entered(contact, no, enqueued_at.min(self.now.wall));
        let queue = &mut self.queues[no.0];
        let refusal = if queue.staff == 0 {
            Some(FlowOutReason::NoStaff)
        } else if queue.places.len() >= queue.rules.capacity {
            Some(FlowOutReason::Full)
        } else {
            None
        };
        if let Some(why) = refusal {
            let what = What::QueueLeft {
                exit: QueueExit::FlowedOut(why),
                wait_us: 0,
            };
            let slug = self.queues[no.0].slug.clone();
            self.event(draft(&By::System, what).contact(contact).queue(slug));
            self.effect(Effect::Exit { contact, why });
            return;
        }
        self.entries += 1;
        let place = Place::new(self.now.wall, enqueued_at, priority, self.entries, contact);
        let deadline = self.now.mono + queue.rules.wait_max;
        queue.places.insert(place);
        queue.free.insert(place);
        self.timers.set(Timer::WaitMax(contact), deadline);
        let caller = Caller {
            queue: no,
            place,
            entered: self.now,
            deadline,
            wait: Wait::Free,
        };
        self.callers.insert(contact, caller);
        self.freed_callers.push(contact);
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

    /// Takes the caller out of its queue, whose offer ends without blame. False where it is in none.
    pub(super) fn leave_queue(
        &mut self,
        contact: ContactId,
        exit: impl FnOnce(AbandonPhase) -> QueueExit,
        by: &By,
    ) -> bool {
        let Some(wait) = self.callers.get(&contact).map(|caller| caller.wait) else {
            return false;
        };
        let mut phase = AbandonPhase::Waiting;
        if let Wait::Offered(agent) = wait
            && let Some(offer) = self.agents[agent.0].offer().copied()
        {
            if offer.ringing {
                phase = AbandonPhase::Ringing;
            }
            self.withdraw(agent, OfferOutcome::Withdrawn, by);
            self.set_work(agent, Work::Idle { since: offer.idle }, by);
        }
        self.remove_caller(contact, exit(phase), by);
        true
    }

    /// Takes the caller out of the tables and says so.
    pub(super) fn remove_caller(&mut self, contact: ContactId, exit: QueueExit, by: &By) {
        let Some(caller) = self.callers.remove(&contact) else {
            return;
        };
        self.timers.cancel(Timer::WaitMax(contact));
        let queue = &mut self.queues[caller.queue.0];
        queue.places.remove(&caller.place);
        queue.free.remove(&caller.place);
        let waited = self.now.mono.since(caller.entered.mono);
        let wait_us = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        let slug = queue.slug.clone();
        let mut event = draft(by, What::QueueLeft { exit, wait_us })
            .contact(contact)
            .queue(slug);
        if let (QueueExit::Answered, Wait::Offered(agent)) = (exit, caller.wait) {
            event = event.agent(self.agents[agent.0].slug.clone());
        }
        self.event(event);
    }

    /// The number of agents on duty for the queue has changed by one.
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

    /// The same for one caller.
    pub(super) fn leave_if_unstaffed(&mut self, contact: ContactId) {
        let Some(caller) = self.callers.get(&contact) else {
            return;
        };
        let since = self.queues[caller.queue.0].unstaffed_since;
        let too_long = since.is_some_and(|since| self.now.mono.since(since) >= UNSTAFFED_MAX);
        if too_long && !matches!(caller.wait, Wait::Offered(_)) {
            self.exit(contact, FlowOutReason::NoStaff);
        }
    }
}
