//! The world around the switch: a clock that jumps, a network that loses, callers and agents that behave badly.

mod people;
mod setup;

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use hotline_journal::{By, Contacts, Seq, What, closing_events};
use hotline_media::MediaCommand;
use hotline_sip::{
    ConnId, ListenerId, Phone, PhoneCommand, PhoneInput, PhoneOutput, Received, Transmit, Transport,
};
use hotline_switch::{Answer, Command, CommandId, Effect, Input, Output, Question, Switch};
use hotline_types::{AgentSlug, ContactId, Intent, LegId, Now, OfferId, Rng, Time};
use ivr_flows::LookupAnswer;

use super::checkers::Checkers;
use super::media::{Due, MediaDouble};
use super::options::Options;
use super::store::StoreDouble;

/// Inputs that a failure shows.
const HISTORY: usize = 50;
/// Steps of one run: beyond it something never ends.
const STEPS_MAX: u64 = 3_000_000;
/// After the last arrival everything must be over by then.
const DRAIN_MAX: Duration = Duration::from_secs(3_600);

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    pub opened: u64,
    pub answered: u64,
    pub causes: BTreeSet<String>,
    /// Calls whose machine panicked.
    pub panics: u32,
    /// Hash of the whole journal.
    pub digest: u64,
}

/// One of the two far ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The carrier with its callers.
    Carrier,
    /// The agents' phones.
    Phones,
}

/// Something that will happen.
#[derive(Debug)]
enum Next {
    /// To the switch of this life (a killed one hears nothing).
    Switch(u32, Box<Input>),
    /// The end of a playout, if it still plays.
    PlayEnd(u32, LegId, hotline_media::PlayId, Box<Input>),
    SwitchTimer(u32, u64),
    Deliver(End, Box<Received>),
    PhoneTimer(End, u64),
    /// The journal is durable up to here.
    Commit(u32, Seq),
    Arrive(u32),
    /// A person does something to a leg.
    Person(End, LegId, people::Deed),
    Press(u16, char),
    Fault(Fault),
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    Kill,
    DarkBegins,
    DarkEnds,
    DeadMedia,
    Command,
    Drain,
    Panic,
}

struct Scheduled {
    at: Time,
    order: u64,
    next: Next,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}
impl Eq for Scheduled {}
impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        // The heap gives the largest first: the soonest must be it.
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

/// The far end's machine and what its people are doing.
struct Far {
    phone: Phone,
    address: SocketAddr,
    timer: u64,
    /// The gateway's RTP port of each leg, for keys.
    ports: BTreeMap<LegId, u16>,
}

/// Everything.
pub struct World {
    options: Options,
    rng: Rng,
    now: Time,
    heap: BinaryHeap<Scheduled>,
    order: u64,
    life: u32,
    switch: Switch,
    timer: u64,
    carrier: Far,
    phones: Far,
    media: MediaDouble,
    store: StoreDouble,
    checkers: Checkers,
    history: VecDeque<String>,
    dark: bool,
    drained: bool,
    killed: bool,
    commands: u64,
    panics: u32,
    agents: Vec<AgentSlug>,
}

impl World {
    pub fn new(options: Options) -> Self {
        let mut rng = Rng::from_seed(options.seed);
        let now = Time::from_millis(1_000);
        let wall = options.start;
        let agents = setup::agents();
        let switch = setup::switch(
            &options,
            &BTreeMap::new(),
            rng.fork(),
            Seq(0),
            Now::new(now, wall),
        );
        let carrier = setup::far(setup::CARRIER, 7, rng.fork(), now);
        let phones = setup::far(setup::PHONES, 8, rng.fork(), now);
        let mut world = Self {
            options,
            rng,
            now,
            heap: BinaryHeap::new(),
            order: 0,
            life: 0,
            switch,
            timer: 0,
            carrier,
            phones,
            media: MediaDouble::default(),
            store: StoreDouble::default(),
            checkers: Checkers::new(),
            history: VecDeque::new(),
            dark: false,
            drained: false,
            killed: false,
            commands: 0,
            panics: 0,
            agents,
        };
        world.plan();
        world
    }

    fn clock(&self) -> Now {
        Now::new(
            self.now,
            self.options.start + self.now.since(Time::from_millis(1_000)),
        )
    }

    fn schedule(&mut self, after: Duration, next: Next) {
        self.order += 1;
        self.heap.push(Scheduled {
            at: self.now + after,
            order: self.order,
            next,
        });
    }

    /// Puts arrivals, registrations and faults on the calendar.
    fn plan(&mut self) {
        let span = self.options.between * self.options.calls;
        for call in 0..self.options.calls {
            let spread = Duration::from_millis(self.rng.below(span.as_millis() as u64 + 1));
            self.schedule(Duration::from_secs(2) + spread, Next::Arrive(call));
        }
        let faults = [
            (self.options.kills, Fault::Kill),
            (self.options.dark, Fault::DarkBegins),
            (self.options.commands, Fault::Command),
            (
                (u64::from(self.options.calls) * self.options.dead_media / 100) as u32,
                Fault::DeadMedia,
            ),
            (u32::from(self.options.drain), Fault::Drain),
            (self.options.panics, Fault::Panic),
        ];
        for (count, fault) in faults {
            for _ in 0..count {
                let at = Duration::from_millis(3_000 + self.rng.below(span.as_millis() as u64 + 1));
                self.schedule(at, Next::Fault(fault));
            }
        }
        for at in 0..self.options.agents.min(self.agents.len()) {
            let user = self.agents[at].to_string();
            self.command_phone(
                End::Phones,
                PhoneCommand::Register {
                    server: setup::PHONES_LISTENER,
                    transport: Transport::Udp,
                    user,
                    password: hotline_types::Pii::new(setup::PASSWORD.to_owned()),
                    expires: Duration::from_secs(60),
                },
            );
        }
    }

    /// Runs to the end. Fails with the first broken invariant.
    pub fn run(&mut self) -> Result<Outcome, String> {
        self.drain_switch()?;
        self.drain_phone(End::Phones);
        let limit = self.now + self.options.between * self.options.calls + DRAIN_MAX;
        let mut steps = 0_u64;
        while let Some(scheduled) = self.heap.pop() {
            steps += 1;
            if self.quiet_since_last_call() || self.drained {
                break;
            }
            if steps > STEPS_MAX || scheduled.at > limit {
                return Err(format!("it does not come to an end: {}", self.left()));
            }
            self.now = scheduled.at.max(self.now);
            self.step(scheduled.next)?;
            if steps.is_multiple_of(64) {
                self.switch.acd().check()?;
                self.checkers.balance()?;
            }
        }
        self.checkers.balance()?;
        self.checkers.drained()?;
        if !self.switch.is_empty() || !self.media.is_empty() {
            return Err(format!("something is left at the end: {}", self.left()));
        }
        if self.media.recordings_started != self.media.recordings_sealed {
            return Err("a recording was begun and never ended".to_owned());
        }
        Ok(Outcome {
            opened: self.checkers.opened,
            answered: self.checkers.answered,
            causes: self.checkers.causes.clone(),
            panics: self.panics,
            digest: setup::digest(&self.store.events),
        })
    }

    /// No arrival to come, nobody in the house: only registrations and keep-alives go on for ever.
    fn quiet_since_last_call(&self) -> bool {
        let to_come = |scheduled: &Scheduled| {
            matches!(
                scheduled.next,
                Next::Arrive(_) | Next::Fault(_) | Next::Commit(..) | Next::Switch(..) | Next::Person(..)
            )
        };
        self.switch.is_empty()
            && self.media.is_empty()
            && self.switch.gauges().legs == 0
            && self.carrier.phone.legs() == 0
            && self.phones.phone.legs() == 0
            && !self.heap.iter().any(to_come)
    }

    fn left(&self) -> String {
        format!(
            "{:?}, callers' legs {}, agents' legs {}, media {:?}, acd {:?}",
            self.switch.gauges(),
            self.carrier.phone.legs(),
            self.phones.phone.legs(),
            self.media,
            self.switch.acd().check(),
        )
    }

    /// The last inputs of the switch.
    pub fn history(&self) -> String {
        self.history.iter().cloned().collect::<Vec<_>>().join("\n")
    }

    fn step(&mut self, next: Next) -> Result<(), String> {
        match next {
            Next::Switch(life, input) if life == self.life => self.tell_switch(*input)?,
            Next::PlayEnd(life, leg, play, input) if life == self.life && self.media.end_play(leg, play) => {
                self.tell_switch(*input)?;
            }
            Next::SwitchTimer(life, timer) if life == self.life && timer == self.timer => {
                self.tell_switch(Input::Timeout)?;
            }
            Next::Commit(life, seq) if life == self.life => self.commit(seq)?,
            Next::Switch(..) | Next::PlayEnd(..) | Next::SwitchTimer(..) | Next::Commit(..) => {}
            Next::Deliver(end, received) => self.tell_phone(end, PhoneInput::Received(*received)),
            Next::PhoneTimer(end, timer) if timer == self.far(end).timer => {
                self.tell_phone(end, PhoneInput::Timeout);
            }
            Next::PhoneTimer(..) => {}
            Next::Arrive(call) => self.arrive(call),
            Next::Person(end, leg, deed) => self.do_deed(end, leg, deed),
            Next::Press(port, key) => {
                if let Some(leg) = self.media.leg_of_port(port) {
                    self.tell_switch(MediaDouble::digit(leg, key))?;
                }
            }
            Next::Fault(fault) => self.fault(fault)?,
        }
        Ok(())
    }

    fn far(&mut self, end: End) -> &mut Far {
        match end {
            End::Carrier => &mut self.carrier,
            End::Phones => &mut self.phones,
        }
    }

    fn tell_switch(&mut self, input: Input) -> Result<(), String> {
        let line = match &input {
            Input::Received(received) => {
                let text = String::from_utf8_lossy(&received.bytes);
                format!(
                    "t={:?} {} from {}",
                    self.now,
                    text.lines().next().unwrap_or(""),
                    received.peer
                )
            }
            other => format!("t={:?} {other:?}", self.now),
        };
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(line);
        self.switch.handle(self.clock(), input);
        self.drain_switch()
    }

    fn drain_switch(&mut self) -> Result<(), String> {
        let before = self.store.events.len();
        let timeout = loop {
            match self.switch.poll() {
                Output::Timeout(at) => break at,
                Output::Event(event) => {
                    self.checkers.see(&event)?;
                    self.store.events.push(event);
                }
                Output::Effect(effect) => self.carry_out(effect)?,
            }
        };
        if self.store.events.len() > before {
            let at = self
                .store
                .commit_at(self.now, &mut self.rng, self.options.slow_commits);
            let (life, last) = (self.life, self.store.last());
            self.schedule(at.since(self.now), Next::Commit(life, last));
        }
        self.timer += 1;
        if let Some(at) = timeout {
            let (life, timer) = (self.life, self.timer);
            self.schedule(at.since(self.now), Next::SwitchTimer(life, timer));
        }
        Ok(())
    }

    fn carry_out(&mut self, effect: Effect) -> Result<(), String> {
        match effect {
            Effect::Transmit(transmit) => self.send_from_gateway(transmit),
            Effect::Media(command) => self.media_command(command)?,
            Effect::Person { .. } | Effect::Reply { .. } | Effect::Proof(_) | Effect::EmergencySet { .. } => {
            }
            Effect::Ask { contact, question } => self.ask(contact, question),
            Effect::Drained => self.drained = true,
        }
        Ok(())
    }

    /// The world answers what a flow asks late, wrongly or never: the flow goes on in time all the same.
    fn ask(&mut self, contact: ContactId, question: Question) {
        let after = Duration::from_millis(1 + self.rng.below(12_000));
        let answer = match (question, self.rng.below(4)) {
            (_, 0) => return,
            (Question::Seen { .. }, chance) => Answer::Seen(chance == 1),
            (Question::Lookup { lookup, .. }, _) => Answer::Lookup {
                lookup,
                answer: LookupAnswer::Failed,
            },
        };
        let next = Next::Switch(self.life, Box::new(Input::Answered { contact, answer }));
        self.schedule(after, next);
    }

    fn media_command(&mut self, command: MediaCommand) -> Result<(), String> {
        let refuse = self.rng.below(1_000) < self.options.no_ports;
        let play_time = Duration::from_millis(300 + self.rng.below(4_000));
        for due in self.media.command(self.now, command, refuse, play_time)? {
            let life = self.life;
            let Due { after, input, play } = due;
            let next = match play {
                Some((leg, play)) => Next::PlayEnd(life, leg, play, Box::new(input)),
                None => Next::Switch(life, Box::new(input)),
            };
            self.schedule(after, next);
        }
        Ok(())
    }

    fn commit(&mut self, seq: Seq) -> Result<(), String> {
        let offers: Vec<OfferId> = self.store.commit(seq);
        for offer in offers {
            let late = self.rng.below(100) < self.options.late_pops;
            let after = Duration::from_millis(if late { 20 + self.rng.below(3_000) } else { 2 });
            let life = self.life;
            self.schedule(after, Next::Switch(life, Box::new(Input::PopDelivered(offer))));
        }
        self.tell_switch(Input::Committed(seq))
    }

    fn delays(&mut self) -> Vec<Duration> {
        if self.rng.below(1_000) < self.options.loss {
            return Vec::new();
        }
        let copies = 1 + u64::from(self.rng.below(1_000) < self.options.duplicate);
        (0..copies)
            .map(|_| Duration::from_micros(300 + self.rng.below(self.options.delay_ms * 1_000)))
            .collect()
    }

    fn send_from_gateway(&mut self, transmit: Transmit) {
        let source = if transmit.listener == setup::PHONES_ID {
            setup::PHONES_LISTENER
        } else {
            setup::TRUNK_LISTENER
        };
        let end = if transmit.to == setup::PHONES {
            End::Phones
        } else {
            End::Carrier
        };
        if end == End::Phones && self.dark {
            return;
        }
        for delay in self.delays() {
            let received = received(self.far(end).phone_listener(), source, transmit.bytes.clone());
            self.schedule(delay, Next::Deliver(end, Box::new(received)));
        }
    }

    fn send_from_far(&mut self, end: End, transmit: Transmit) {
        if end == End::Phones && self.dark {
            return;
        }
        let listener = if transmit.to == setup::PHONES_LISTENER {
            setup::PHONES_ID
        } else {
            setup::TRUNK_ID
        };
        let source = self.far(end).address;
        for delay in self.delays() {
            let input = Input::Received(received(listener, source, transmit.bytes.clone()));
            // A killed gateway's successor hears what was under way.
            self.schedule(delay, Next::Switch(self.life, Box::new(input)));
        }
    }

    fn command_phone(&mut self, end: End, command: PhoneCommand) {
        self.tell_phone(end, PhoneInput::Command(command));
    }

    fn tell_phone(&mut self, end: End, input: PhoneInput) {
        let now = self.now;
        self.far(end).phone.handle(now, input);
        self.drain_phone(end);
    }

    fn drain_phone(&mut self, end: End) {
        let timeout = loop {
            match self.far(end).phone.poll() {
                PhoneOutput::Timeout(at) => break at,
                PhoneOutput::Transmit(transmit) => self.send_from_far(end, transmit),
                PhoneOutput::Event(event) => self.on_phone(end, event),
            }
        };
        let far = self.far(end);
        far.timer += 1;
        let timer = far.timer;
        if let Some(at) = timeout {
            self.schedule(at.since(self.now), Next::PhoneTimer(end, timer));
        }
    }

    fn fault(&mut self, fault: Fault) -> Result<(), String> {
        match fault {
            Fault::Kill => self.kill()?,
            Fault::DarkBegins => {
                self.dark = true;
                let length = Duration::from_secs(5 + self.rng.below(120));
                self.schedule(length, Next::Fault(Fault::DarkEnds));
            }
            Fault::DarkEnds => self.dark = false,
            Fault::DeadMedia => {
                let nth = self.rng.next_u64();
                if let Some(leg) = self.media.bridged_leg(nth) {
                    self.tell_switch(Input::Media(hotline_media::MediaEvent::MediaLost { leg }))?;
                }
            }
            Fault::Command => self.command_agent()?,
            Fault::Drain => {
                let until = self.now + Duration::from_secs(self.rng.below(60));
                self.tell_switch(Input::Drain { until })?;
            }
            Fault::Panic => {
                let nth = self.rng.below(64) as usize;
                self.panics += u32::from(self.switch.provoke_fault(self.clock(), nth));
                self.drain_switch()?;
            }
        }
        Ok(())
    }

    fn command_agent(&mut self) -> Result<(), String> {
        let agent = self.agents[self.rng.below(self.agents.len() as u64) as usize].clone();
        let command = match self.rng.below(4) {
            0 => Command::SetIntent {
                agent,
                intent: Intent::Paused {
                    reason: "break".to_owned(),
                },
            },
            1 => Command::SetIntent {
                agent,
                intent: Intent::LoggedOut,
            },
            2 => Command::Release { agent },
            _ => Command::SetIntent {
                agent,
                intent: Intent::Ready,
            },
        };
        self.commands += 1;
        let id = CommandId(self.commands);
        self.tell_switch(Input::Command {
            id,
            by: By::User("sim".to_owned()),
            command,
        })
    }

    /// kill -9: what was not on disk is gone, the next start closes what was open.
    fn kill(&mut self) -> Result<(), String> {
        self.store.kill();
        self.media.kill();
        self.life += 1;
        self.checkers = Checkers::replayed(&self.store.events)?;
        let mut contacts = Contacts::default();
        let mut intents = BTreeMap::new();
        for event in &self.store.events {
            contacts.apply(event);
            if let (What::AgentIntent { intent }, Some(agent)) = (&event.what, &event.agent) {
                intents.insert(agent.clone(), intent.clone());
            }
        }
        let mut closing = Vec::new();
        for record in contacts.open() {
            let next = closing
                .last()
                .map_or(self.store.last(), |event: &hotline_journal::Event| event.seq)
                .next();
            closing.extend(closing_events(record, next));
        }
        for event in closing {
            self.checkers.see(&event)?;
            self.store.events.push(event);
        }
        self.repair()?;
        self.store.durable = self.store.events.len();
        let (last, now) = (self.store.last(), self.clock());
        self.switch = setup::switch(&self.options, &intents, self.rng.fork(), last, now);
        self.killed = true;
        self.drain_switch()
    }

    /// The next start repairs the recordings that the kill cut off.
    fn repair(&mut self) -> Result<(), String> {
        for segment in self.checkers.take_unsealed() {
            let contact = self
                .store
                .events
                .iter()
                .find(|event| event.segment == Some(segment));
            let what = What::RecordingSealed {
                path: "repaired".to_owned(),
                length_ms: 0,
                repaired: true,
            };
            let draft = hotline_journal::Draft::new(By::System, what);
            let event = hotline_journal::Event {
                v: hotline_journal::EVENT_VERSION,
                seq: self.store.last().next(),
                at: self.clock().wall,
                contact: contact.and_then(|event| event.contact),
                segment: Some(segment),
                agent: None,
                queue: None,
                offer: None,
                cause_seq: None,
                by: draft.by,
                what: draft.what,
            };
            self.checkers.see(&event)?;
            self.store.events.push(event);
        }
        Ok(())
    }
}

fn received(listener: ListenerId, peer: SocketAddr, bytes: Vec<u8>) -> Received {
    Received {
        listener,
        transport: Transport::Udp,
        conn: None::<ConnId>,
        peer,
        bytes,
    }
}

impl Far {
    fn phone_listener(&self) -> ListenerId {
        if self.address == setup::CARRIER {
            ListenerId(7)
        } else {
            ListenerId(8)
        }
    }
}
