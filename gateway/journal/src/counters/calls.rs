//! Calls and queue entries: from arrival to the one exit that counts.

use hotline_types::{
    AbandonPhase, AgentSlug, BandSlug, EndCause, FlowOutReason, HangupBy, LostReason, NumberSlug, QueueExit,
    QueueSlug, RefusalReason, WallTime,
};

use super::{Counters, Served};
use crate::contact::micros;
use crate::{Counts, Event, Scope, Slot, What, interval_of, wait_bucket};

/// What the counters remember of an open contact.
#[derive(Clone, Debug)]
pub(super) struct Call {
    arrival: Slot,
    opened_at: WallTime,
    number: Option<NumberSlug>,
    bands: Vec<BandSlug>,
    first: Option<First>,
    visit: Option<Visit>,
    bridged: Option<AgentSlug>,
}

/// The first entry into a queue: what the total and the bands count.
#[derive(Clone, Debug)]
struct First {
    slot: Slot,
    at: WallTime,
    bands: Vec<BandSlug>,
    state: Standing,
    entries: u32,
    handled: bool,
}

/// How the contact stands for the total and the bands.
#[derive(Clone, Copy, Debug)]
enum Standing {
    Waits,
    FlowedOut { reason: FlowOutReason, wait_us: u64 },
    Settled,
}

/// The present or last visit to a queue.
#[derive(Clone, Debug)]
struct Visit {
    queue: QueueSlug,
    slot: Slot,
    at: WallTime,
    left: bool,
    handled: bool,
}

impl Call {
    pub(super) fn waits_for(&self, scope: &Scope) -> bool {
        let first = self
            .first
            .as_ref()
            .filter(|first| !matches!(first.state, Standing::Settled));
        match scope {
            Scope::Queue(queue) => self
                .visit
                .as_ref()
                .is_some_and(|visit| !visit.left && visit.queue == *queue),
            Scope::Total => first.is_some(),
            Scope::Coverage(band) => first.is_some_and(|first| first.bands.contains(band)),
            Scope::Number(number) => first.is_some() && self.number.as_ref() == Some(number),
            Scope::Agent(_) | Scope::Roster(_) => false,
        }
    }

    pub(super) fn in_ivr_of(&self, scope: &Scope) -> bool {
        self.first.is_none()
            && match scope {
                Scope::Number(number) => self.number.as_ref() == Some(number),
                Scope::Total => true,
                Scope::Coverage(band) => self.bands.contains(band),
                Scope::Queue(_) | Scope::Agent(_) | Scope::Roster(_) => false,
            }
    }

    /// Where an agent's time for this contact is counted.
    fn served(&self, roster: &[BandSlug]) -> Served {
        Served {
            queue: self
                .visit
                .as_ref()
                .map(|visit| (visit.queue.clone(), visit.slot.clone())),
            first: self
                .first
                .as_ref()
                .map(|first| (first.slot.clone(), first.bands.clone())),
            roster: roster.to_vec(),
        }
    }
}

impl Counters {
    pub(super) fn call(&mut self, event: &Event) {
        let Some(id) = event.contact else { return };
        if matches!(event.what, What::ContactOpened { .. }) {
            if let Some(call) = self.opened(event) {
                self.calls.insert(id, call);
            }
            return;
        }
        let Some(mut call) = self.calls.remove(&id) else {
            return;
        };
        match &event.what {
            What::QueueEntered { .. } => self.entered(&mut call, event),
            What::QueueLeft { exit, wait_us } => self.left(&mut call, event.at, *exit, *wait_us),
            What::Unbridged => self.unbridged(&mut call, event.at),
            What::ContactClosed { cause, .. } => {
                self.closed(call, event.at, *cause);
                return;
            }
            _ => {}
        }
        self.calls.insert(id, call);
    }

    fn opened(&mut self, event: &Event) -> Option<Call> {
        let What::ContactOpened {
            number,
            business_date,
            bands,
            ..
        } = &event.what
        else {
            return None;
        };
        let call = Call {
            arrival: Slot {
                date: business_date.clone(),
                interval: interval_of(event.at),
            },
            opened_at: event.at,
            number: number.clone(),
            bands: bands.clone(),
            first: None,
            visit: None,
            bridged: None,
        };
        self.add_arrival(
            &call,
            &Counts {
                reached: 1,
                ..Counts::default()
            },
        );
        Some(call)
    }

    fn add_arrival(&mut self, call: &Call, delta: &Counts) {
        self.add(&call.arrival, Scope::Total, delta);
        if let Some(number) = &call.number {
            self.add(&call.arrival, Scope::Number(number.clone()), delta);
        }
        for band in &call.bands {
            self.add(&call.arrival, Scope::Coverage(band.clone()), delta);
        }
    }

    /// Adds to what counts a contact once: the total and the bands by its first entry, its number by its arrival.
    fn add_once(&mut self, call: &Call, first: &First, delta: &Counts) {
        if let Some(number) = &call.number {
            self.add(&call.arrival, Scope::Number(number.clone()), delta);
        }
        self.add_first(first, delta);
    }

    fn add_first(&mut self, first: &First, delta: &Counts) {
        self.add(&first.slot, Scope::Total, delta);
        for band in &first.bands {
            self.add(&first.slot, Scope::Coverage(band.clone()), delta);
        }
    }

    fn entered(&mut self, call: &mut Call, event: &Event) {
        let (
            What::QueueEntered {
                business_date, bands, ..
            },
            Some(queue),
        ) = (&event.what, &event.queue)
        else {
            return;
        };
        if call.visit.as_ref().is_some_and(|visit| !visit.left) {
            self.left(call, event.at, QueueExit::Lost(LostReason::Fault), 0);
        }
        let slot = Slot {
            date: business_date.clone(),
            interval: interval_of(event.at),
        };
        let offered = Counts {
            offered: 1,
            ..Counts::default()
        };
        self.add(&slot, Scope::Queue(queue.clone()), &offered);
        if let Some(first) = &mut call.first {
            first.entries = first.entries.saturating_add(1);
            if matches!(first.state, Standing::FlowedOut { .. }) {
                first.state = Standing::Waits;
            }
        } else {
            let first = First {
                slot: slot.clone(),
                at: event.at,
                bands: bands.clone(),
                state: Standing::Waits,
                entries: 1,
                handled: false,
            };
            self.add_arrival(
                call,
                &Counts {
                    queued: 1,
                    ..Counts::default()
                },
            );
            self.add_once(call, &first, &offered);
            call.first = Some(first);
        }
        call.visit = Some(Visit {
            queue: queue.clone(),
            slot,
            at: event.at,
            left: false,
            handled: false,
        });
    }

    fn left(&mut self, call: &mut Call, at: WallTime, exit: QueueExit, wait_us: u64) {
        let Some(visit) = call.visit.as_mut().filter(|visit| !visit.left) else {
            return;
        };
        visit.left = true;
        let (slot, queue) = (visit.slot.clone(), visit.queue.clone());
        self.add(&slot, Scope::Queue(queue), &Counts::of_exit(exit, wait_us));
        let Some(first) = call
            .first
            .as_mut()
            .filter(|first| !matches!(first.state, Standing::Settled))
        else {
            return;
        };
        let wait_us = if first.entries == 1 {
            wait_us
        } else {
            micros(at.since(first.at))
        };
        if let QueueExit::FlowedOut(reason) = exit {
            first.state = Standing::FlowedOut { reason, wait_us };
        } else {
            first.state = Standing::Settled;
            let first = first.clone();
            let mut delta = Counts::of_exit(exit, wait_us);
            if exit == QueueExit::Answered {
                delta.reach_answered_us = micros(at.since(call.opened_at));
            }
            self.add_once(call, &first, &delta);
        }
    }

    pub(super) fn bridged(&mut self, event: &Event, roster: &[BandSlug]) {
        let (Some(contact), Some(agent)) = (event.contact, &event.agent) else {
            return;
        };
        let Some(call) = self.calls.get_mut(&contact) else {
            return;
        };
        call.bridged = Some(agent.clone());
        let served = call.served(roster);
        self.serve(agent, served, event.at);
    }

    fn unbridged(&mut self, call: &mut Call, at: WallTime) {
        let Some(agent) = call.bridged.take() else { return };
        let handled = Counts {
            handled: 1,
            ..Counts::default()
        };
        self.handled_by(&agent, &handled, at);
        if let Some(visit) = call.visit.as_mut().filter(|visit| visit.left && !visit.handled) {
            visit.handled = true;
            let (slot, queue) = (visit.slot.clone(), visit.queue.clone());
            self.add(&slot, Scope::Queue(queue), &handled);
        }
        if let Some(first) = call.first.as_mut().filter(|first| !first.handled) {
            first.handled = true;
            let first = first.clone();
            self.add_first(&first, &handled);
        }
    }

    fn closed(&mut self, mut call: Call, at: WallTime, cause: EndCause) {
        self.unbridged(&mut call, at);
        if call.first.is_none() {
            self.add_arrival(&call, &unqueued_counts(cause));
            return;
        }
        if let Some(visit) = call.visit.as_ref().filter(|visit| !visit.left) {
            let wait_us = micros(at.since(visit.at));
            self.left(&mut call, at, exit_of(cause), wait_us);
        }
        let Some(first) = call.first.clone() else { return };
        if let Standing::FlowedOut { reason, wait_us } = first.state {
            self.add_once(
                &call,
                &first,
                &Counts::of_exit(QueueExit::FlowedOut(reason), wait_us),
            );
        }
        if cause == EndCause::Completed(HangupBy::Agent) {
            let delta = Counts {
                ended_by_agent: 1,
                ..Counts::default()
            };
            self.add_once(&call, &first, &delta);
            if let Some(visit) = &call.visit {
                self.add(&visit.slot, Scope::Queue(visit.queue.clone()), &delta);
            }
        }
    }
}

/// The exit of a queue that was not told, from the end of the contact.
const fn exit_of(cause: EndCause) -> QueueExit {
    match cause {
        EndCause::Abandoned(phase) => QueueExit::Abandoned(phase),
        EndCause::FlowedOut(reason) => QueueExit::FlowedOut(reason),
        EndCause::Lost(reason) => QueueExit::Lost(reason),
        EndCause::Refused(_) | EndCause::EndedInIvr(_) | EndCause::Completed(_) => {
            QueueExit::Lost(LostReason::Fault)
        }
    }
}

impl Counts {
    /// What the end of one entry into a queue adds, after a wait of so many microseconds.
    #[must_use]
    pub fn of_exit(exit: QueueExit, wait_us: u64) -> Self {
        let mut delta = Self {
            wait_max_us: wait_us,
            ..Self::default()
        };
        match exit {
            QueueExit::Answered => {
                delta.answered = 1;
                delta.wait_answered_us = wait_us;
                delta.answered_waits[wait_bucket(wait_us)] = 1;
            }
            QueueExit::Abandoned(phase) => {
                delta.abandoned = 1;
                delta.abandoned_ringing = u64::from(phase == AbandonPhase::Ringing);
                delta.wait_abandoned_us = wait_us;
                delta.abandoned_waits[wait_bucket(wait_us)] = 1;
            }
            QueueExit::FlowedOut(FlowOutReason::Timeout) => delta.flowed_out_timeout = 1,
            QueueExit::FlowedOut(FlowOutReason::Full) => delta.flowed_out_full = 1,
            QueueExit::FlowedOut(FlowOutReason::NoStaff) => delta.flowed_out_no_staff = 1,
            QueueExit::FlowedOut(FlowOutReason::Key) => delta.flowed_out_key = 1,
            QueueExit::FlowedOut(FlowOutReason::Overflow) => delta.flowed_out_overflow = 1,
            QueueExit::Lost(reason) => {
                delta.lost = 1;
                *lost_counter(&mut delta, reason) = 1;
            }
        }
        delta
    }
}

/// What the end of a call adds that entered no queue.
fn unqueued_counts(cause: EndCause) -> Counts {
    let mut delta = Counts::default();
    match cause {
        EndCause::Refused(reason) => {
            delta.refused = 1;
            *refused_counter(&mut delta, reason) = 1;
        }
        EndCause::Lost(reason) => {
            delta.lost_in_ivr = 1;
            *lost_counter(&mut delta, reason) = 1;
        }
        EndCause::EndedInIvr(by) => {
            delta.ended_in_ivr = 1;
            delta.ended_in_ivr_caller = u64::from(by == HangupBy::Caller);
        }
        EndCause::Abandoned(_) | EndCause::Completed(_) | EndCause::FlowedOut(_) => delta.ended_in_ivr = 1,
    }
    delta
}

const fn lost_counter(delta: &mut Counts, reason: LostReason) -> &mut u64 {
    match reason {
        LostReason::Restart => &mut delta.lost_restart,
        LostReason::Shutdown => &mut delta.lost_shutdown,
        LostReason::MediaLost => &mut delta.lost_media,
        LostReason::SignallingLost => &mut delta.lost_signalling,
        LostReason::Fault => &mut delta.lost_fault,
    }
}

const fn refused_counter(delta: &mut Counts, reason: RefusalReason) -> &mut u64 {
    match reason {
        RefusalReason::UnknownNumber => &mut delta.refused_unknown_number,
        RefusalReason::NoCommonCodec | RefusalReason::BadOffer | RefusalReason::MediaUnavailable => {
            &mut delta.refused_media
        }
        RefusalReason::Overload => &mut delta.refused_overload,
        RefusalReason::Draining => &mut delta.refused_draining,
        RefusalReason::Flow => &mut delta.refused_flow,
    }
}
