//! The table of calls and the routes between the cores.
//!
//! `handle` carries one input through: the endpoint, the queue engine and the calls are asked in turn until none
//! of them wants anything more. Each call is taken out of the table, run under `catch_unwind` and put back, so that
//! a bug ends that call alone (design.md section 2); a bug in the endpoint or the queue engine ends the process.

mod agents;
mod arrival;
mod close;
mod commands;
mod flows;
mod recording;
mod route;
mod transfer;

use std::collections::{BTreeMap, VecDeque};
use std::panic::AssertUnwindSafe;

use hotline_acd::Acd;
use hotline_journal::{By, Draft, Seq, What};
use hotline_sip::{Endpoint, ReleaseReason};
use hotline_types::{ContactId, LegId, LostReason, Now, OfferId, QueueExit, Rng, SegmentId, Time};

use crate::api::{Effect, Gauges, Input, Output, SwitchConfig, TrunkView};
use crate::call::{Action, Call, Cx, Ending};
use crate::familiar::Familiar;
use crate::lines::Lines;
use crate::stamp::Outbound;
use crate::timer::Timers;

/// Owner of all calls. One change at a time: `handle(now, input)`, then `poll()` until it answers `Timeout`.
#[derive(Debug)]
pub struct Switch {
    config: SwitchConfig,
    rng: Rng,
    endpoint: Endpoint,
    acd: Acd,
    familiar: Familiar,
    calls: BTreeMap<ContactId, Call>,
    agent_calls: agents::AgentCalls,
    legs: BTreeMap<LegId, ContactId>,
    /// Contacts whose opening event is not on disk yet, by its position.
    uncommitted: BTreeMap<Seq, ContactId>,
    /// Recordings not yet sealed.
    recordings: BTreeMap<SegmentId, ContactId>,
    /// Latest exit from a queue of each contact in the table.
    exits: BTreeMap<ContactId, QueueExit>,
    timers: Timers,
    lines: Lines,
    /// Deadlines of the endpoint and the queue engine.
    endpoint_at: Option<Time>,
    acd_at: Option<Time>,
    out: Outbound,
    /// What the queue engine wants, until it is carried out.
    wanted: VecDeque<hotline_acd::Effect>,
    journal_behind: bool,
    /// Nothing can be recorded.
    disk_full: bool,
    drain: Drain,
    gauges: Gauges,
    /// Versions of flows that part of a number's calls get.
    canaries: flows::Canaries,
}

/// How far a shutdown is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drain {
    /// No shutdown.
    Open,
    /// No new calls; the rest is cut off then.
    Until(Time),
    /// Told the shell.
    Done,
}

impl Switch {
    /// A switch whose journal goes on after `last`. Writes `Started`.
    #[must_use]
    pub fn new(config: SwitchConfig, endpoint: Endpoint, acd: Acd, rng: Rng, last: Seq, now: Now) -> Self {
        let lines = Lines::new(config.trunks.clone(), config.dialplan.rules.len());
        let familiar = Familiar::new(config.memory);
        let mut switch = Self {
            lines,
            config,
            rng,
            endpoint,
            acd,
            familiar,
            calls: BTreeMap::new(),
            agent_calls: agents::AgentCalls::default(),
            legs: BTreeMap::new(),
            uncommitted: BTreeMap::new(),
            recordings: BTreeMap::new(),
            exits: BTreeMap::new(),
            timers: Timers::default(),
            endpoint_at: None,
            acd_at: None,
            out: Outbound::new(last),
            wanted: VecDeque::new(),
            journal_behind: false,
            disk_full: false,
            drain: Drain::Open,
            gauges: Gauges::default(),
            canaries: flows::Canaries::default(),
        };
        let version = switch.config.version.clone();
        switch
            .out
            .event(now, Draft::new(By::System, What::Started { version }));
        switch.settle(now);
        switch
    }

    /// Takes one input. Never fails for the world's reasons.
    pub fn handle(&mut self, now: Now, input: Input) {
        self.out.begin_turn();
        match input {
            Input::Received(received) => self
                .endpoint
                .handle(now.mono, hotline_sip::Input::Received(received)),
            Input::TransportFailed { transport, to } => {
                self.endpoint
                    .handle(now.mono, hotline_sip::Input::TransportFailed { transport, to });
            }
            Input::ConnClosed(conn) => self.endpoint.handle(now.mono, hotline_sip::Input::Closed(conn)),
            Input::Media(event) => self.on_media(now, event),
            Input::Committed(seq) => self.on_committed(now, seq),
            Input::PopDelivered(offer) => self.on_popped(now, offer),
            Input::RecordingSealed {
                segment,
                path,
                length_ms,
            } => {
                self.on_recording(
                    now,
                    segment,
                    What::RecordingSealed {
                        path,
                        length_ms,
                        repaired: false,
                    },
                );
            }
            Input::RecordingFailed { segment, path, error } => {
                self.on_recording(now, segment, What::RecordingFailed { path, error });
            }
            Input::RecordingDisk { writable, free } => self.on_recording_disk(now, writable, free),
            Input::Command { id, by, command } => {
                let reply = self.on_command(now, by, command);
                self.out.effect(Effect::Reply { id, reply });
            }
            Input::Answered { contact, answer } => {
                self.with_call(now, contact, |call, cx| call.on_answer(cx, answer));
            }
            Input::Remember { places, served } => {
                places.into_iter().for_each(|place| self.familiar.lost(place));
                served.into_iter().for_each(|one| self.familiar.served(one));
            }
            Input::JournalBehind(behind) => self.journal_behind = behind,
            Input::Drain { until } => {
                if self.drain == Drain::Open {
                    self.drain = Drain::Until(until);
                }
            }
            Input::Timeout => self.on_timeout(now),
        }
        self.settle(now);
    }

    /// What is wanted next; `Timeout` ends the turn.
    pub fn poll(&mut self) -> Output {
        self.out
            .pop()
            .unwrap_or_else(|| Output::Timeout(self.next_timeout()))
    }

    fn next_timeout(&self) -> Option<Time> {
        let drain = match self.drain {
            Drain::Until(until) if !self.calls.is_empty() || !self.agent_calls.table.is_empty() => {
                Some(until)
            }
            Drain::Until(_) | Drain::Open | Drain::Done => None,
        };
        [self.endpoint_at, self.acd_at, self.timers.soonest(), drain]
            .into_iter()
            .flatten()
            .min()
    }

    /// Sizes and counts for gauges.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        Gauges {
            contacts: self.calls.len(),
            legs: self.endpoint.legs(),
            recordings: self.recordings.len(),
            trunk_full: self.lines.refused(),
            seats_short: self.acd.seats_short().count(),
            ..self.gauges
        }
    }

    /// Every trunk as it is now, in the order of the configuration.
    #[must_use]
    pub fn trunks(&self) -> Vec<TrunkView> {
        let used = self
            .lines
            .calls()
            .map(|(lines, calls)| (&lines.slug, lines.calls_max, calls));
        let used: Vec<_> = used.collect();
        let view = |state: hotline_sip::TrunkState| {
            let lines = used.iter().find(|(slug, ..)| **slug == state.slug);
            let (calls_max, calls) = lines.map_or((0, 0), |(_, max, calls)| (*max, *calls));
            TrunkView {
                state,
                calls,
                calls_max,
            }
        };
        self.endpoint.trunks().map(view).collect()
    }

    /// The queue engine, to look at.
    #[must_use]
    pub const fn acd(&self) -> &Acd {
        &self.acd
    }

    /// Position of the last event written.
    #[must_use]
    pub const fn last_seq(&self) -> Seq {
        self.out.last()
    }

    /// Whether nothing is left: no call, leg, recording or timer of a call.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
            && self.agent_calls.table.is_empty()
            && self.legs.is_empty()
            && self.recordings.is_empty()
            && self.uncommitted.is_empty()
            && self.exits.is_empty()
            && self.lines.is_empty()
            && self.timers.is_empty()
    }

    /// Asks the cores in turn until none of them wants anything more.
    fn settle(&mut self, now: Now) {
        loop {
            self.drain_acd(now);
            if let Some(effect) = self.wanted.pop_front() {
                self.on_acd_effect(now, effect);
                continue;
            }
            match self.endpoint.poll() {
                hotline_sip::Output::Transmit(transmit) => self.out.effect(Effect::Transmit(transmit)),
                hotline_sip::Output::Event(event) => self.on_sip(now, event),
                hotline_sip::Output::Timeout(at) => {
                    self.endpoint_at = at;
                    break;
                }
            }
        }
        self.finish_drain(now);
    }

    /// Writes the queue engine's events down and keeps its effects in order.
    fn drain_acd(&mut self, now: Now) {
        loop {
            match self.acd.poll() {
                hotline_acd::Output::Timeout(at) => {
                    self.acd_at = at;
                    break;
                }
                hotline_acd::Output::Effect(effect) => self.wanted.push_back(effect),
                hotline_acd::Output::Event(draft) => {
                    if let (Some(contact), What::QueueLeft { exit, .. }) = (draft.contact, &draft.what)
                        && self.calls.contains_key(&contact)
                    {
                        self.exits.insert(contact, *exit);
                    }
                    self.out.event(now, draft);
                }
            }
        }
    }

    /// Runs one call on something and carries out what it wants. A panic ends that call alone: in good order where its
    /// machine still can, else from outside.
    fn with_call(&mut self, now: Now, contact: ContactId, run: impl FnOnce(&mut Call, &mut Cx<'_>)) {
        if self.try_call(now, contact, run) {
            return;
        }
        let lost = Ending::Lost(LostReason::Fault);
        let closed = self.try_call(now, contact, |call, cx| {
            call.close(cx, lost, ReleaseReason::Fault);
        });
        // What the machine lost track of, perhaps all.
        self.let_go_legs_of(now, contact);
        if !closed || self.calls.contains_key(&contact) {
            self.abandon_call(now, contact, LostReason::Fault);
        }
    }

    /// Runs one call, where there is one, under guard; false where it panicked, and then nothing it wanted is done.
    fn try_call(&mut self, now: Now, contact: ContactId, run: impl FnOnce(&mut Call, &mut Cx<'_>)) -> bool {
        let Some(mut call) = self.calls.remove(&contact) else {
            return true;
        };
        let ran = self.guarded(now, |cx| run(&mut call, cx));
        self.calls.insert(contact, call);
        let Some(((), actions)) = ran else {
            return false;
        };
        self.carry_out(now, contact, actions);
        true
    }

    /// Runs the code of one call's machine: its answer and what it wants, or None, counted, where it panicked.
    fn guarded<R>(&mut self, now: Now, run: impl FnOnce(&mut Cx<'_>) -> R) -> Option<(R, Vec<Action>)> {
        let mut actions = Vec::new();
        let ran = std::panic::catch_unwind(AssertUnwindSafe(|| {
            run(&mut Cx {
                now,
                config: &self.config,
                acd: &self.acd,
                familiar: &self.familiar,
                disk_full: self.disk_full,
                rng: &mut self.rng,
                actions: &mut actions,
            })
        }));
        self.gauges.faults += u64::from(ran.is_err());
        ran.ok().map(|answer| (answer, actions))
    }

    /// Makes the machine of the `nth` call, counted round, panic: for the simulation, which holds the containment against
    /// its checkers. Calls that agents' phones started come after the contacts. False where there is no call.
    #[doc(hidden)]
    pub fn provoke_fault(&mut self, now: Now, nth: usize) -> bool {
        let count = self.calls.len() + self.agent_calls.table.len();
        let mut ids = self.calls.keys().chain(self.agent_calls.table.keys());
        let Some(&id) = ids.nth(nth % count.max(1)) else {
            return false;
        };
        self.with_call(now, id, |_, _| panic!("provoked"));
        self.with_agent_call(now, id, |_, _| panic!("provoked"));
        self.settle(now);
        true
    }

    fn carry_out(&mut self, now: Now, contact: ContactId, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Sip(command) => self
                    .endpoint
                    .handle(now.mono, hotline_sip::Input::Command(command)),
                Action::Media(command) => self.out.effect(Effect::Media(command)),
                Action::Acd(input) => {
                    self.acd.handle(now, input);
                    self.drain_acd(now);
                }
                Action::Event(draft) => {
                    self.remember(now, &draft);
                    self.out.event(now, draft);
                }
                Action::Timer(timer, at) => self.timers.set(contact, timer, at),
                Action::OwnLeg(leg) => {
                    self.legs.insert(leg, contact);
                }
                Action::Emergency(by, number, on) => {
                    self.on_flow_command(now, by, crate::Command::Emergency { number, on });
                }
                Action::NextTrunk => self.next_trunk(now, contact),
                Action::FlowDials(number, ring) => self.dial_for_flow(now, contact, &number, ring),
                Action::Engage(leg, agent) => self.engage(now, leg, agent),
                Action::Disengage(leg) => self.disengage(now, leg),
                Action::DropLeg(leg) => {
                    self.lines.free(leg);
                    self.legs.remove(&leg);
                    self.disengage(now, leg);
                }
                Action::Recording(segment) => {
                    self.recordings.insert(segment, contact);
                }
                Action::Effect(effect) => self.out.effect(effect),
                Action::Close(ending) => self.close_contact(now, contact, ending),
            }
        }
    }

    fn on_committed(&mut self, now: Now, seq: Seq) {
        while let Some(entry) = self.uncommitted.first_entry() {
            if *entry.key() > seq {
                break;
            }
            let contact = entry.remove();
            self.with_call(now, contact, Call::on_opening_committed);
        }
    }

    fn on_popped(&mut self, now: Now, offer: OfferId) {
        if let Some(contact) = self.acd.contact_of(offer) {
            self.with_call(now, contact, |call, cx| call.on_popped(cx, offer));
        }
    }

    fn on_timeout(&mut self, now: Now) {
        if self.endpoint_at.is_some_and(|at| at <= now.mono) {
            self.endpoint.handle(now.mono, hotline_sip::Input::Timeout);
        }
        if self.acd_at.is_some_and(|at| at <= now.mono) {
            self.acd.handle(now, hotline_acd::Input::Timeout);
        }
        while let Some((contact, timer)) = self.timers.pop_due(now.mono) {
            self.with_call(now, contact, |call, cx| call.on_timer(cx, timer));
            self.with_agent_call(now, contact, |call, cx| call.on_timer(cx, timer));
        }
        if matches!(self.drain, Drain::Until(until) if until <= now.mono) {
            self.cut_off(now);
        }
    }
}
