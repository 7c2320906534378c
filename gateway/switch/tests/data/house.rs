//! A hotline of one queue with three agents and one caller in virtual time: real SIP machines, media by word only.

#![expect(
    clippy::unwrap_used,
    reason = "a test's own house: what is missing fails the test"
)]

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hotline_acd::{Acd, AcdConfig, Agent, Band, Login, PauseRule, Queue, RosterEntry};
use hotline_journal::{Event, Seq};
use hotline_media::{AfterPlay, ClipId, Codec, Direction, LocalMedia, MediaCommand, MediaEvent, Offer};
use hotline_sip::{
    Credentials, Endpoint, EndpointConfig, Listener, ListenerId, Phone, PhoneCommand, PhoneConfig,
    PhoneEvent, PhoneInput, PhoneOutput, Received, Role, Transmit, Transport, Trunk, TrunkRules,
};
use hotline_switch::dialplan::{DialPlan, DialRule, NumberForm};
use hotline_switch::{
    Effect, Input, Keys, MediaFace, Number, Output, RecordingRules, Reply, Switch, SwitchConfig, TrunkLines,
};
use hotline_types::{Intent, LegId, Now, Pii, Rng, SegmentId, Time, WallTime};

pub const AGENTS: [&str; 3] = ["1001", "1002", "1003"];
const PHONES: SocketAddr = at([192, 0, 2, 1], 5060);
const TRUNK: SocketAddr = at([192, 0, 2, 1], 5080);
/// Monday 2026-03-02, 10:00 in Shanghai.
const START: i64 = 1_772_416_800_000_000;

const fn at(ip: [u8; 4], port: u16) -> SocketAddr {
    SocketAddr::V4(std::net::SocketAddrV4::new(
        std::net::Ipv4Addr::new(ip[0], ip[1], ip[2], ip[3]),
        port,
    ))
}

fn address(who: &str) -> SocketAddr {
    match AGENTS.iter().position(|agent| *agent == who) {
        Some(place) => at([203, 0, 113, 1 + u8::try_from(place).unwrap()], 5060),
        None if who == "outside" => at([198, 51, 100, 2], 5060),
        None => at([198, 51, 100, 1], 5060),
    }
}

fn name_of(address_of: SocketAddr) -> &'static str {
    AGENTS
        .into_iter()
        .chain(["outside"])
        .find(|agent| address(agent) == address_of)
        .unwrap_or("caller")
}

/// What a phone does when it rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    Answers,
    Refuses(u16),
    Rings,
}

/// What befalls one message.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    Lost,
    Twice,
    Late(u64),
}

pub struct House {
    pub now: Time,
    pub switch: Switch,
    phones: BTreeMap<&'static str, Phone>,
    pub reactions: BTreeMap<&'static str, Reaction>,
    flying: BTreeMap<(Time, u64), (SocketAddr, SocketAddr, Vec<u8>)>,
    pub sent: u64,
    deadlines: BTreeMap<&'static str, Time>,
    pub fate: Option<(u64, Fate)>,
    /// The newest leg of each person.
    pub legs: BTreeMap<&'static str, LegId>,
    /// What each person was told: `WHO WHAT`.
    pub told: Vec<String>,
    /// Media commands as they came.
    pub media: Vec<MediaCommand>,
    pub events: Vec<Event>,
    pub replies: Vec<Reply>,
    playing: VecDeque<(LegId, hotline_media::PlayId)>,
    ports: u16,
    recording: Option<SegmentId>,
}

fn config() -> EndpointConfig {
    let listener = |id, role, bind| Listener {
        id: ListenerId(id),
        role,
        bind,
        advertised: bind,
        shown: Vec::new(),
        media_group: 0,
    };
    let secret = |agent: &&str| {
        let ha1 = |algorithm| Pii::new(hotline_sip::digest::ha1(algorithm, agent, "test", "secret"));
        Credentials {
            agent: agent.parse().unwrap(),
            ha1_md5: ha1(hotline_sip::digest::Algorithm::Md5),
            ha1_sha256: ha1(hotline_sip::digest::Algorithm::Sha256),
        }
    };
    EndpointConfig {
        realm: "test".to_owned(),
        product: "Hotline/test".to_owned(),
        listeners: vec![listener(0, Role::Phones, PHONES), listener(1, Role::Trunk, TRUNK)],
        trunks: vec![Trunk {
            slug: "carrier".parse().unwrap(),
            listener: ListenerId(1),
            peers: vec![address("caller")],
            rules: TrunkRules {
                gateways: vec![address("outside")],
                ..TrunkRules::default()
            },
        }],
        credentials: AGENTS.iter().map(secret).collect(),
        expires_min: Duration::from_secs(60),
        expires_max: Duration::from_secs(3600),
        t1: Duration::from_millis(500),
        transactions_max: 10_000,
        legs_max: 100,
        unacked_max: 100,
    }
}

fn acd_config() -> AcdConfig {
    let agents = || AGENTS.iter().map(|agent| agent.parse().unwrap());
    let queue = |slug: &str, agents| Queue {
        slug: slug.parse().unwrap(),
        agents,
        capacity: 10,
        wait_max: Duration::from_secs(600),
        ring: Duration::from_secs(20),
        ring_min: Duration::from_secs(3),
        wrap_up: Duration::from_secs(10),
        rules: hotline_acd::QueueRules::default(),
    };
    let entry = |agent| RosterEntry {
        band: "all".parse().unwrap(),
        agent,
        days: [true; 7],
        dates: Vec::new(),
    };
    AcdConfig {
        // The second agent serves the other queue alone.
        queues: vec![
            queue("service", vec!["1001".parse().unwrap()]),
            queue("repair", vec!["1002".parse().unwrap()]),
        ],
        agents: agents()
            .map(|slug| Agent {
                slug,
                intent: Intent::LoggedOut,
                team: None,
                skills: BTreeMap::new(),
            })
            .collect(),
        bands: vec![Band {
            slug: "all".parse().unwrap(),
            from_min: 0,
            until_min: 1440,
            days: [true; 7],
            seats: Vec::new(),
        }],
        roster: agents().map(entry).collect(),
        time_zone: "Asia/Shanghai".to_owned(),
        business_day_start_min: 480,
        login: Login::Register,
        cool_off: Duration::from_secs(10),
        misses_max: 3,
        holidays: Vec::new(),
        pauses: vec![PauseRule {
            code: "phone".to_owned(),
            longest: None,
            team_max: None,
        }],
    }
}

/// One flow that only queues, and two that begin outside.
fn flows() -> ivr_flows::Library {
    let flow = "flow: direct\nlanguages: [en]\nlanguage: en\nstart: wait\n\
         defaults: {on_error: bye, max_steps: 20}\n\
         while_waiting:\n  standard:\n    music: music-on-hold\n\
         nodes:\n  wait:\n    queue:\n      name: service\n      while_waiting: standard\n      \
         exits: {timeout: bye, full: bye, no_staff: bye}\n  bye:\n    hangup: {prompts: [goodbye]}\n";
    // Outside at once; back from there into the queue by a way for each failure, or to the end.
    let away = |to: &str| {
        format!(
            "flow: to-{to}\nlanguages: [en]\nstart: out\ndefaults: {{on_error: bye}}\n\
             while_waiting: {{standard: {{music: music-on-hold}}}}\nvars: {{seconds: {{type: number}}}}\n\
             nodes:\n  out:\n    transfer: {{to: \"'{to}'\", ring: 10s, busy: busy, no_answer: silent, failed: failed}}\n\
             {}",
            "  busy:\n    estimate: {queue: service, var: seconds, next: short, no_staff: bye}\n\
             \x20 short:\n    branch: {cases: [{if: seconds < 60, next: wait}], else: bye}\n\
             \x20 silent:\n    goto: {next: wait}\n  failed:\n    goto: {next: wait}\n\
             \x20 wait:\n    queue: {name: service, while_waiting: standard, exits: {timeout: bye, full: bye, no_staff: bye}}\n\
             \x20 bye:\n    hangup: {prompts: [goodbye]}\n"
        )
    };
    let (allowed, refused) = (away("02161234567"), away("13900139000"));
    let texts = [
        ("direct.yaml", flow),
        ("allowed.yaml", allowed.as_str()),
        ("refused.yaml", refused.as_str()),
    ];
    ivr_flows::Library::from_texts(texts).unwrap()
}

fn number(slug: &str, dialled: &str, flow: &str) -> Number {
    Number {
        slug: slug.parse().unwrap(),
        dialled: vec![dialled.to_owned()],
        flow: flow.parse().unwrap(),
        language: None,
        survey: false,
    }
}

fn switch_config() -> SwitchConfig {
    let flows = flows();
    let ip = at([192, 0, 2, 1], 0).ip();
    let face = MediaFace {
        interface: ip,
        advertised: ip,
    };
    let paused = Intent::Paused {
        reason: "phone".to_owned(),
    };
    SwitchConfig {
        version: "test".to_owned(),
        numbers: vec![
            number("main", "4001", "direct"),
            number("allowed", "4002", "to-02161234567"),
            number("refused", "4003", "to-13900139000"),
        ],
        flows: flows
            .iter()
            .map(|flow| (flow.name().clone(), Arc::clone(flow)))
            .collect(),
        clips: BTreeMap::new(),
        codes: BTreeMap::from([("*45".to_owned(), Intent::Ready), ("*46".to_owned(), paused)]),
        emergency_codes: hotline_switch::EmergencyCodes {
            on: "*91".to_owned(),
            off: "*90".to_owned(),
            agents: ["1003".parse().unwrap()].into(),
        },
        tone: ClipId(7),
        hold_music: ClipId(9),
        media: BTreeMap::from([(ListenerId(0), face.into()), (ListenerId(1), face.into())]),
        phones: ListenerId(0),
        trunks: vec![TrunkLines {
            slug: "carrier".parse().unwrap(),
            listener: ListenerId(1),
            calls_max: 10,
            calls_per_second: 100,
            priority: 10,
            weight: 10,
            takes_calls: true,
            numbers: NumberForm::Plus,
            codecs: vec![Codec::Pcma],
            keys: Keys::Events,
        }],
        dialplan: dial_plan(),
        srtp: hotline_switch::SrtpRules::default(),
        lines_max: 10,
        pop_hold: Duration::ZERO,
        recording: RecordingRules::default(),
        media_silence: Duration::from_secs(30),
        probe_wait: Duration::from_secs(8),
        memory: hotline_switch::Memory {
            places: Duration::from_secs(600),
            agents: Duration::from_secs(3_600),
        },
        retry_after_s: 10,
        callers: BTreeMap::new(),
        emergencies: std::collections::BTreeSet::new(),
        time_zone: jiff::tz::TimeZone::UTC,
    }
}

/// Shanghai's numbers and no others.
fn dial_plan() -> DialPlan {
    let plan = DialPlan::default();
    DialPlan {
        caller: Some(plan.numbering.normal("02160000000")),
        rules: vec![DialRule {
            slug: "shanghai".to_owned(),
            numbers: vec!["+8621*".to_owned()],
            allow: true,
            trunks: Vec::new(),
            calls_max: 2,
            calls_per_hour: 10,
        }],
        calls_max: 5,
        kept_for_callers: 1,
        ring: Duration::from_secs(45),
        ..plan
    }
}

pub fn sdp(who: &str, direction: Direction) -> Vec<u8> {
    hotline_media::offer(&local(who, direction))
}

fn local(who: &str, direction: Direction) -> LocalMedia {
    LocalMedia {
        rtp: SocketAddr::new(address(who).ip(), 4000),
        origin_id: 1,
        version: 1,
        codecs: vec![Codec::Pcma],
        prefer: false,
        dtmf: true,
        direction,
        srtp: None,
    }
}

impl House {
    /// All agents registered and ready, nobody calling.
    pub fn new(reactions: &[(&'static str, Reaction)]) -> Self {
        let mut rng = Rng::from_seed(11);
        let now = Time::from_millis(1);
        let phone = |who: &'static str, rng: &mut Rng| {
            let config = PhoneConfig {
                product: "Phone/test".to_owned(),
                listener: ListenerId(7),
                address: address(who),
                t1: Duration::from_millis(500),
                legs_max: 10,
                transactions_max: 1000,
            };
            (who, Phone::new(config, rng.fork(), now))
        };
        let phones = AGENTS
            .into_iter()
            .chain(["caller", "outside"])
            .map(|who| phone(who, &mut rng))
            .collect();
        let wall = Now {
            mono: now,
            wall: WallTime::from_micros(START),
        };
        let endpoint = Endpoint::new(config(), rng.fork(), now);
        let acd = Acd::new(acd_config(), rng.fork(), wall).unwrap();
        let mut house = Self {
            now,
            switch: Switch::new(switch_config(), endpoint, acd, rng, Seq(0), wall),
            phones,
            reactions: reactions.iter().copied().collect(),
            flying: BTreeMap::new(),
            sent: 0,
            deadlines: BTreeMap::new(),
            fate: None,
            legs: BTreeMap::new(),
            told: Vec::new(),
            media: Vec::new(),
            events: Vec::new(),
            replies: Vec::new(),
            playing: VecDeque::new(),
            ports: 20_000,
            recording: None,
        };
        for agent in AGENTS {
            house.phone(
                agent,
                PhoneCommand::Register {
                    server: PHONES,
                    transport: Transport::Udp,
                    user: agent.to_owned(),
                    password: Pii::new("secret".to_owned()),
                    expires: Duration::from_secs(3600),
                },
            );
        }
        house.wait(200);
        house.told.clear();
        house
    }

    fn clock(&self) -> Now {
        let passed = i64::try_from(self.now.as_nanos() / 1000).unwrap();
        Now {
            mono: self.now,
            wall: WallTime::from_micros(START + passed),
        }
    }

    pub fn input(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            self.switch.handle(self.clock(), input);
            loop {
                match self.switch.poll() {
                    Output::Effect(effect) => inputs.extend(self.effect(effect)),
                    Output::Event(event) => {
                        inputs.push_back(Input::Committed(event.seq));
                        self.events.push(event);
                    }
                    Output::Timeout(at) => {
                        self.deadline("switch", at);
                        break;
                    }
                }
            }
        }
    }

    /// Makes the machine of the `nth` call panic; contacts come first, then the calls that agents' phones started.
    pub fn fault(&mut self, nth: usize) {
        assert!(self.switch.provoke_fault(self.clock(), nth));
        self.input(Input::Timeout);
    }

    fn deadline(&mut self, who: &'static str, at: Option<Time>) {
        match at {
            Some(at) => self.deadlines.insert(who, at),
            None => self.deadlines.remove(who),
        };
    }

    fn effect(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Transmit(transmit) => {
                let from = if transmit.listener == ListenerId(0) {
                    PHONES
                } else {
                    TRUNK
                };
                self.send(from, transmit);
                None
            }
            Effect::Reply { reply, .. } => {
                self.replies.push(reply);
                None
            }
            Effect::Media(command) => {
                self.media.push(command.clone());
                self.media_answer(command)
            }
            _ => None,
        }
    }

    fn media_answer(&mut self, command: MediaCommand) -> Option<Input> {
        match command {
            MediaCommand::Open { leg, .. } => {
                self.ports += 2;
                let rtp = at([192, 0, 2, 1], self.ports);
                Some(Input::Media(MediaEvent::Opened { leg, rtp }))
            }
            MediaCommand::Play {
                leg,
                play,
                after: AfterPlay::Stop,
                ..
            } => {
                self.playing.push_back((leg, play));
                None
            }
            MediaCommand::Record { spec, .. } => {
                self.recording = Some(spec.segment);
                None
            }
            MediaCommand::StopRecord { .. } => self.recording.take().map(|segment| Input::RecordingSealed {
                segment,
                path: "x.wav".to_owned(),
                length_ms: 1,
            }),
            _ => None,
        }
    }

    fn send(&mut self, from: SocketAddr, transmit: Transmit) {
        let Transmit { to, bytes, .. } = transmit;
        let fate = match self.fate {
            Some((0, fate)) => {
                self.fate = None;
                Some(fate)
            }
            Some((left, fate)) => {
                self.fate = Some((left - 1, fate));
                None
            }
            None => None,
        };
        let delays: &[u64] = match fate {
            None => &[5],
            Some(Fate::Lost) => &[],
            Some(Fate::Twice) => &[5, 7],
            Some(Fate::Late(by)) => &[5 + by],
        };
        self.sent += 1;
        for delay in delays {
            let key = (
                self.now + Duration::from_millis(*delay),
                self.sent * 2 + u64::from(*delay == 7),
            );
            self.flying.insert(key, (from, to, bytes.clone()));
        }
    }

    pub fn phone(&mut self, who: &'static str, command: PhoneCommand) {
        self.phone_input(who, PhoneInput::Command(command));
    }

    fn phone_input(&mut self, who: &'static str, input: PhoneInput) {
        let now = self.now;
        self.phones.get_mut(who).unwrap().handle(now, input);
        loop {
            match self.phones.get_mut(who).unwrap().poll() {
                PhoneOutput::Transmit(transmit) => self.send(address(who), transmit),
                PhoneOutput::Event(event) => self.phone_event(who, event),
                PhoneOutput::Timeout(at) => {
                    self.deadline(who, at);
                    return;
                }
            }
        }
    }

    fn phone_event(&mut self, who: &'static str, event: PhoneEvent) {
        let text = match &event {
            PhoneEvent::Incoming { caller, .. } => format!("{who} rings for {}", caller.reveal()),
            PhoneEvent::Answered { .. } | PhoneEvent::Confirmed { .. } => format!("{who} talks"),
            PhoneEvent::Ended { .. } => format!("{who} is hung up"),
            PhoneEvent::Failed { failure, .. } => format!("{who} fails {failure:?}"),
            PhoneEvent::ReferProgress { status, .. } => format!("{who} transfer {status}"),
            PhoneEvent::Ringing { .. } => format!("{who} hears ringing"),
            _ => String::new(),
        };
        self.told.push(text);
        match event {
            PhoneEvent::Incoming { leg, offer, .. } => {
                self.legs.insert(who, leg);
                self.phone(who, PhoneCommand::Ring { leg });
                match self.reactions.get(who).copied().unwrap_or(Reaction::Answers) {
                    Reaction::Answers => {
                        let sdp = answer(who, offer.as_deref());
                        self.phone(who, PhoneCommand::Answer { leg, sdp });
                    }
                    Reaction::Refuses(status) => self.phone(who, PhoneCommand::Reject { leg, status }),
                    Reaction::Rings => {}
                }
            }
            PhoneEvent::Reoffered { leg, offer } => {
                let sdp = answer(who, offer.as_deref());
                self.phone(who, PhoneCommand::AnswerReoffer { leg, sdp });
            }
            _ => {}
        }
    }

    pub fn call(&mut self, who: &'static str, number: &str) -> LegId {
        let leg = self.phones.get_mut(who).unwrap().new_leg();
        self.legs.insert(who, leg);
        let server = if who == "caller" { TRUNK } else { PHONES };
        self.phone(
            who,
            PhoneCommand::Call {
                leg,
                uri: format!("sip:{number}@{server}"),
                server,
                transport: Transport::Udp,
                from: Pii::new(if who == "caller" { "13800138000" } else { who }.to_owned()),
                display: Pii::default(),
                sdp: sdp(who, Direction::SendRecv),
                headers: Vec::new(),
            },
        );
        leg
    }

    pub fn hangup(&mut self, who: &'static str) {
        if let Some(leg) = self.legs.get(who).copied() {
            self.phone(who, PhoneCommand::Hangup { leg });
        }
    }

    pub fn refer(&mut self, who: &'static str, leg: LegId, to: &str, replaces: Option<LegId>) {
        let uri = format!("sip:{to}@192.0.2.1");
        self.phone(who, PhoneCommand::Refer { leg, uri, replaces });
    }

    pub fn wait(&mut self, millis: u64) {
        let until = self.now + Duration::from_millis(millis);
        for _ in 0..1_000_000 {
            while let Some((leg, play)) = self.playing.pop_front() {
                self.input(Input::Media(MediaEvent::PlayEnded { leg, play }));
            }
            let packet = self.flying.first_key_value().map(|((at, _), _)| *at);
            let timer = self.deadlines.iter().map(|(who, at)| (*at, *who)).min();
            let packet_first = packet.is_some_and(|at| timer.is_none_or(|(due, _)| at <= due));
            let next = if packet_first {
                packet
            } else {
                timer.map(|(at, _)| at)
            };
            let Some(next) = next.filter(|at| *at <= until) else {
                self.now = until;
                return;
            };
            self.now = self.now.max(next);
            if packet_first {
                let (_, (from, to, bytes)) = self.flying.pop_first().unwrap();
                self.deliver(from, to, bytes);
            } else if let Some((_, who)) = timer {
                self.deadlines.remove(who);
                match who {
                    "switch" => self.input(Input::Timeout),
                    who => self.phone_input(who, PhoneInput::Timeout),
                }
            }
        }
        panic!("never at rest");
    }

    fn deliver(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        let received = |listener| Received {
            listener: ListenerId(listener),
            transport: Transport::Udp,
            conn: None,
            peer: from,
            bytes,
        };
        if to == PHONES {
            self.input(Input::Received(received(0)));
        } else if to == TRUNK {
            self.input(Input::Received(received(1)));
        } else {
            self.phone_input(name_of(to), PhoneInput::Received(received(7)));
        }
    }

    /// Legs of a person's phone.
    pub fn legs_of(&self, who: &str) -> usize {
        self.phones[who].legs()
    }

    /// The agent's work and device, in the words of the journal.
    pub fn agent(&self, agent: &str) -> String {
        let view = self.switch.acd().agent(&agent.parse().unwrap()).unwrap();
        format!("{:?} {:?} {:?}", view.intent, view.work, view.device)
    }

    /// Nothing may be left of any call, and every agent must be free.
    pub fn assert_at_rest(&mut self, about: &str) {
        self.wait(200_000);
        assert!(self.switch.is_empty(), "{about}: {:#?}", self.told);
        for who in AGENTS.into_iter().chain(["caller"]) {
            assert_eq!(self.legs_of(who), 0, "{about}: legs of {who}");
        }
        for agent in AGENTS {
            assert!(
                self.agent(agent).ends_with("Idle Registered"),
                "{about}: {agent} {}",
                self.agent(agent)
            );
        }
        let mut contacts = hotline_journal::Contacts::new();
        for event in &self.events {
            if let Some(hotline_journal::Change::Closed(record)) = contacts.apply(event) {
                assert!(
                    record.segments.iter().all(|segment| segment.closed_at.is_some()),
                    "{about}: {:?}",
                    record.segments
                );
            }
        }
        assert_eq!(contacts.open().count(), 0, "{about}: contacts open");
    }
}

fn answer(who: &str, offer: Option<&[u8]>) -> Vec<u8> {
    let own = local(who, Direction::SendRecv);
    match offer.and_then(|offer| Offer::read(offer).ok()) {
        Some(offer) => offer.answer(&own).map(|(sdp, _)| sdp).unwrap_or_default(),
        None => hotline_media::offer(&own),
    }
}
