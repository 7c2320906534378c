//! A gateway, a trunk and phones on a network of virtual time that loses, repeats and delays datagrams by a seed.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use hotline_types::{LegId, Pii, Rng, Time};

use crate::digest::{Algorithm, ha1};
use crate::{
    Command, ConnId, Credentials, Endpoint, EndpointConfig, Event, Input, Listener, ListenerId, Output,
    Phone, PhoneCommand, PhoneConfig, PhoneEvent, PhoneInput, PhoneOutput, Received, ReleaseReason, Role,
    Transmit, Transport, Trunk,
};

pub(crate) const SDP: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
pub(crate) const PHONES: ListenerId = ListenerId(0);
pub(crate) const TRUNK: ListenerId = ListenerId(1);
/// Longest run without an event before a script counts as hung.
const STEPS_MAX: usize = 2_000_000;

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(crate) fn config() -> EndpointConfig {
    let listener = |id, role, at: &str| Listener {
        id,
        role,
        bind: address(at),
        advertised: address(at),
        shown: Vec::new(),
        media_group: 0,
    };
    let credentials = |user: &str| Credentials {
        agent: user.parse().unwrap(),
        ha1_md5: Pii::new(ha1(Algorithm::Md5, user, "hotline", "secret")),
        ha1_sha256: Pii::new(ha1(Algorithm::Sha256, user, "hotline", "secret")),
    };
    EndpointConfig {
        realm: "hotline".to_owned(),
        product: "Hotline/test".to_owned(),
        listeners: vec![
            listener(PHONES, Role::Phones, "10.0.0.1:5060"),
            listener(TRUNK, Role::Trunk, "10.0.0.1:5080"),
        ],
        trunks: vec![Trunk {
            slug: "carrier".parse().unwrap(),
            listener: TRUNK,
            peers: vec![address("10.0.0.2:0")],
            rules: crate::TrunkRules::default(),
        }],
        credentials: vec![credentials("alice"), credentials("bob")],
        expires_min: Duration::from_secs(60),
        expires_max: Duration::from_secs(3600),
        t1: Duration::from_millis(500),
        transactions_max: 10_000,
        legs_max: 1000,
        unacked_max: 100,
    }
}

/// Faults of the network, per thousand datagrams.
#[derive(Clone, Copy, Default)]
pub(crate) struct Weather {
    pub(crate) lost: u64,
    pub(crate) repeated: u64,
    /// Bytes of a datagram changed on its way.
    pub(crate) damaged: u64,
    /// Longest extra delay; differing delays reorder.
    pub(crate) jitter_ms: u64,
}

/// What the network does to one message of its own choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It never arrives.
    Lost,
    /// It arrives twice, the second time this much later.
    Repeated { after_ms: u64 },
    /// It arrives this much later, after what was sent behind it.
    Delayed { by_ms: u64 },
}

struct Packet {
    from: SocketAddr,
    to: SocketAddr,
    transport: Transport,
    bytes: Vec<u8>,
}

pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) gateway: Endpoint,
    pub(crate) phones: BTreeMap<&'static str, (SocketAddr, Phone)>,
    flying: BTreeMap<(Time, u64), Packet>,
    sent: u64,
    rng: Rng,
    pub(crate) weather: Weather,
    /// Messages to go before one meets its fate.
    pub(crate) fault: Option<(usize, Fault)>,
    /// Messages to lose: pattern and how many.
    pub(crate) losses: Vec<(String, usize)>,
    /// TCP is refused by everybody.
    pub(crate) no_tcp: bool,
    /// Everything that any machine reported and nobody has looked at yet: `who what`.
    pub(crate) log: VecDeque<String>,
    /// First lines of all messages in the order sent, for scripts that ask.
    pub(crate) wire: Vec<String>,
    /// The same messages in full.
    pub(crate) texts: Vec<String>,
    /// The latest leg of each machine, by `who` or `gateway in` and `gateway out`.
    pub(crate) legs: BTreeMap<String, LegId>,
    /// Events of the gateway as they are, for drivers.
    pub(crate) raw: VecDeque<Event>,
    pub(crate) raw_phone: VecDeque<(&'static str, PhoneEvent)>,
    deadlines: BTreeMap<&'static str, Time>,
}

pub(crate) const PEOPLE: &[(&str, &str)] = &[
    ("trunk", "10.0.0.2:5060"),
    ("alice", "10.0.1.1:5060"),
    ("alice2", "10.0.1.2:5060"),
    ("bob", "10.0.1.3:5060"),
    ("stranger", "10.9.9.9:5060"),
];

impl World {
    pub(crate) fn new(seed: u64, config: EndpointConfig) -> Self {
        let mut rng = Rng::from_seed(seed);
        let phones = PEOPLE.iter().map(|(who, at)| {
            let config = PhoneConfig {
                product: "Phone/test".to_owned(),
                listener: ListenerId(7),
                address: address(at),
                t1: Duration::from_millis(500),
                legs_max: 1000,
                transactions_max: 10_000,
            };
            (*who, (address(at), Phone::new(config, rng.fork(), Time::ZERO)))
        });
        let phones = phones.collect();
        let mut gateway = Endpoint::new(config, rng.fork(), Time::ZERO);
        gateway.set_keepalive(None);
        Self {
            now: Time::ZERO,
            gateway,
            phones,
            flying: BTreeMap::new(),
            sent: 0,
            rng,
            weather: Weather::default(),
            fault: None,
            losses: Vec::new(),
            no_tcp: false,
            log: VecDeque::new(),
            wire: Vec::new(),
            texts: Vec::new(),
            legs: BTreeMap::new(),
            raw: VecDeque::new(),
            raw_phone: VecDeque::new(),
            deadlines: BTreeMap::new(),
        }
    }

    pub(crate) fn leg(&self, who: &str) -> LegId {
        *self.legs.get(who).unwrap_or_else(|| panic!("{who} has no leg"))
    }

    pub(crate) fn gateway_input(&mut self, input: Input) {
        self.gateway.handle(self.now, input);
        loop {
            match self.gateway.poll() {
                Output::Transmit(transmit) => {
                    let from = match transmit.listener {
                        PHONES => address("10.0.0.1:5060"),
                        _ => address("10.0.0.1:5080"),
                    };
                    self.send("gateway", from, transmit);
                }
                Output::Event(event) => self.gateway_event(event),
                Output::Timeout(at) => {
                    self.set_deadline("gateway", at);
                    return;
                }
            }
        }
    }

    fn set_deadline(&mut self, who: &'static str, at: Option<Time>) {
        match at {
            Some(at) => self.deadlines.insert(who, at),
            None => self.deadlines.remove(who),
        };
    }

    fn gateway_event(&mut self, event: Event) {
        let text = match &event {
            Event::Incoming {
                leg,
                source,
                called,
                caller,
                offer,
                ..
            } => {
                self.legs.insert("in".to_owned(), *leg);
                let offer = if offer.is_some() { "offer" } else { "no-offer" };
                format!("incoming {source:?} {called} {} {offer}", caller.reveal())
            }
            Event::Confirmed { answer, .. } => {
                format!("confirmed {}", if answer.is_some() { "answer" } else { "" })
            }
            Event::Ringing { .. } => "ringing".to_owned(),
            Event::Answered { .. } => "answered".to_owned(),
            Event::Failed { failure, .. } => format!("failed {failure:?}"),
            Event::Ended { end, .. } => format!("ended {end:?}"),
            Event::Reoffered { offer, .. } => {
                format!("reoffered {}", if offer.is_some() { "offer" } else { "no-offer" })
            }
            Event::ReofferAnswered { .. } => "reoffer-answered".to_owned(),
            Event::ReofferRefused { status, .. } => format!("reoffer-refused {status}"),
            Event::Referred { user, replaces, .. } => format!("referred {user} {replaces:?}"),
            Event::ReferProgress { status, .. } => format!("refer-progress {status}"),
            Event::Digit { digit, .. } => format!("digit {}", digit.reveal()),
            Event::Registered { agent } => format!("registered {agent}"),
            Event::Unusable { agent, why } => format!("unusable {agent} {why:?}"),
            Event::Unregistered { agent } => format!("unregistered {agent}"),
            Event::Trunk(event) => format!("trunk {event:?}"),
            Event::Proof(_) => return,
            Event::Counted(what) => {
                self.raw.push_back(Event::Counted(*what));
                return;
            }
        };
        self.log.push_back(format!("gateway {}", text.trim_end()));
        self.raw.push_back(event);
    }

    pub(crate) fn phone_input(&mut self, who: &str, input: PhoneInput) {
        let who = PEOPLE
            .iter()
            .find(|(known, _)| *known == who)
            .map(|(known, _)| *known)
            .unwrap();
        let (from, phone) = self.phones.get_mut(who).unwrap();
        let from = *from;
        phone.handle(self.now, input);
        loop {
            match self.phones.get_mut(who).unwrap().1.poll() {
                PhoneOutput::Transmit(transmit) => self.send(who, from, transmit),
                PhoneOutput::Event(event) => self.phone_event(who, event),
                PhoneOutput::Timeout(at) => {
                    self.set_deadline(who, at);
                    return;
                }
            }
        }
    }

    fn phone_event(&mut self, who: &'static str, event: PhoneEvent) {
        let text = match &event {
            PhoneEvent::Registered { .. } => "registered".to_owned(),
            PhoneEvent::RegisterFailed { status, .. } => format!("register-failed {status:?}"),
            PhoneEvent::Incoming {
                leg, called, caller, ..
            } => {
                self.legs.insert(who.to_owned(), *leg);
                format!("incoming {called} {}", caller.reveal())
            }
            PhoneEvent::Confirmed { .. } => "confirmed".to_owned(),
            PhoneEvent::Ringing { .. } => "ringing".to_owned(),
            PhoneEvent::Answered { .. } => "answered".to_owned(),
            PhoneEvent::Failed { failure, .. } => format!("failed {failure:?}"),
            PhoneEvent::Ended { end, .. } => format!("ended {end:?}"),
            PhoneEvent::Reoffered { .. } => "reoffered".to_owned(),
            PhoneEvent::ReofferAnswered { .. } => "reoffer-answered".to_owned(),
            PhoneEvent::ReofferRefused { status, .. } => format!("reoffer-refused {status}"),
            PhoneEvent::ReferProgress { status, .. } => format!("refer-progress {status}"),
        };
        self.log.push_back(format!("{who} {text}"));
        self.raw_phone.push_back((who, event));
    }

    fn send(&mut self, who: &'static str, from: SocketAddr, transmit: Transmit) {
        let Transmit {
            transport, to, bytes, ..
        } = transmit;
        let label = format!("{who}: {}", label(&bytes));
        self.wire.push(label.clone());
        self.texts.push(String::from_utf8_lossy(&bytes).into_owned());
        let hit = self
            .losses
            .iter_mut()
            .find(|(pattern, left)| *left > 0 && label.ends_with(pattern.as_str()));
        if let Some((_, left)) = hit {
            *left -= 1;
            return;
        }
        let (mut late, mut again) = (0, None);
        match self.fault_of_this_message() {
            Some(Fault::Lost) => return,
            Some(Fault::Repeated { after_ms }) => again = Some(after_ms),
            Some(Fault::Delayed { by_ms }) => late = by_ms,
            None => {}
        }
        let chance = |rng: &mut Rng, per_mille| rng.below(1000) < per_mille;
        let datagram = transport == Transport::Udp;
        if datagram && chance(&mut self.rng, self.weather.lost) {
            return;
        }
        let copies = if datagram && chance(&mut self.rng, self.weather.repeated) {
            2
        } else {
            1
        };
        for copy in 0..copies + u64::from(again.is_some()) {
            let late = late + if copy == copies { again.unwrap_or(0) } else { 0 };
            let jitter = if datagram {
                self.rng.below(self.weather.jitter_ms + 1)
            } else {
                0
            };
            let at = self.now + Duration::from_millis(10 + late + jitter);
            self.sent += 1;
            let mut bytes = bytes.clone();
            if datagram && chance(&mut self.rng, self.weather.damaged) {
                damage(&mut bytes, &mut self.rng);
            }
            let packet = Packet {
                from,
                to,
                transport,
                bytes,
            };
            self.flying.insert((at, self.sent), packet);
        }
    }

    fn fault_of_this_message(&mut self) -> Option<Fault> {
        let (left, fault) = self.fault?;
        self.fault = left.checked_sub(1).map(|left| (left, fault));
        (left == 0).then_some(fault)
    }

    fn deliver(&mut self, packet: Packet) {
        let Packet {
            from,
            to,
            transport,
            bytes,
        } = packet;
        if transport == Transport::Tcp && self.no_tcp {
            let back = self.name_of(from);
            return match back {
                Some(who) => self.phone_input(who, PhoneInput::TransportFailed { transport, to }),
                None => self.gateway_input(Input::TransportFailed { transport, to }),
            };
        }
        let conn = (transport == Transport::Tcp).then(|| conn_of(from, to));
        let received = |listener| Received {
            listener,
            transport,
            conn,
            peer: from,
            bytes,
        };
        if to == address("10.0.0.1:5060") {
            self.gateway_input(Input::Received(received(PHONES)));
        } else if to == address("10.0.0.1:5080") {
            self.gateway_input(Input::Received(received(TRUNK)));
        } else if let Some(who) = self.name_of(to) {
            self.phone_input(who, PhoneInput::Received(received(ListenerId(7))));
        }
    }

    fn name_of(&self, at: SocketAddr) -> Option<&'static str> {
        self.phones
            .iter()
            .find(|(_, (address, _))| *address == at)
            .map(|(who, _)| *who)
    }

    /// Runs until `until`, or until nothing is left to happen before it.
    pub(crate) fn run_until(&mut self, until: Time) {
        for _ in 0..STEPS_MAX {
            if !self.step(until) {
                self.now = self.now.max(until);
                return;
            }
        }
        panic!("the world never comes to rest");
    }

    /// One packet or one deadline that comes before `until`; false where there is none.
    pub(crate) fn step(&mut self, until: Time) -> bool {
        let packet = self.flying.first_key_value().map(|((at, _), _)| *at);
        let deadline = self.deadlines.iter().map(|(who, at)| (*at, *who)).min();
        let packet_first = packet.is_some_and(|at| deadline.is_none_or(|(due, _)| at <= due));
        if packet_first {
            let Some(entry) = self.flying.first_entry().filter(|entry| entry.key().0 <= until) else {
                return false;
            };
            self.now = self.now.max(entry.key().0);
            let packet = entry.remove();
            self.deliver(packet);
            return true;
        }
        let Some((at, who)) = deadline.filter(|(at, _)| *at <= until) else {
            return false;
        };
        self.now = self.now.max(at);
        match who {
            "gateway" => self.gateway_input(Input::Timeout),
            who => self.phone_input(who, PhoneInput::Timeout),
        }
        true
    }

    pub(crate) fn run_for(&mut self, millis: u64) {
        self.run_until(self.now + Duration::from_millis(millis));
    }

    /// After quiet nothing may be left of any call.
    pub(crate) fn assert_drained(&mut self) {
        self.weather = Weather::default();
        self.run_for(300_000);
        assert_eq!(self.gateway.legs(), 0, "legs of the gateway");
        assert_eq!(self.gateway.transactions(), 0, "transactions of the gateway");
        self.gateway.assert_indices_empty();
        for (who, (_, phone)) in &self.phones {
            assert_eq!(
                (phone.legs(), phone.transactions()),
                (0, 0),
                "legs and transactions of {who}"
            );
        }
    }

    pub(crate) fn dial(&mut self, agent: &str, sdp: Vec<u8>) -> LegId {
        let leg = self.gateway.new_leg();
        self.legs.insert("out".to_owned(), leg);
        self.gateway_input(Input::Command(Command::DialAgent {
            leg,
            agent: agent.parse().unwrap(),
            sdp,
            caller: Pii::new("+8613800138000".to_owned()),
            display: Pii::new("After-sales \"vip\"".to_owned()),
            headers: vec![("X-Hotline-Queue".into(), "after-sales".to_owned())],
            route: None,
        }));
        leg
    }

    pub(crate) fn call(&mut self, who: &str, from: &str, to: &str, tcp: bool) -> LegId {
        let leg = self.phones.get_mut(who).unwrap().1.new_leg();
        self.legs.insert(who.to_owned(), leg);
        let server = if who == "trunk" {
            "10.0.0.1:5080"
        } else {
            "10.0.0.1:5060"
        };
        self.phone_input(
            who,
            PhoneInput::Command(PhoneCommand::Call {
                leg,
                uri: format!("sip:{to}@{server}"),
                server: address(server),
                transport: if tcp { Transport::Tcp } else { Transport::Udp },
                from: Pii::new(from.to_owned()),
                display: Pii::new("Zhang".to_owned()),
                sdp: SDP.to_vec(),
                headers: Vec::new(),
            }),
        );
        leg
    }

    pub(crate) fn register(&mut self, who: &str, password: &str, expires_s: u64, tcp: bool) {
        let user = who.trim_end_matches('2').to_owned();
        self.phone_input(
            who,
            PhoneInput::Command(PhoneCommand::Register {
                server: address("10.0.0.1:5060"),
                transport: if tcp { Transport::Tcp } else { Transport::Udp },
                user,
                password: Pii::new(password.to_owned()),
                expires: Duration::from_secs(expires_s),
            }),
        );
    }

    pub(crate) fn release(&mut self, which: &str, reason: ReleaseReason) {
        let leg = self.leg(which);
        self.gateway_input(Input::Command(Command::Release { leg, reason }));
    }
}

pub(crate) fn conn_of(a: SocketAddr, b: SocketAddr) -> ConnId {
    let number = |at: SocketAddr| match at.ip() {
        std::net::IpAddr::V4(ip) => u64::from(u32::from(ip)) ^ u64::from(at.port()),
        std::net::IpAddr::V6(_) => 0,
    };
    ConnId(number(a) ^ number(b) << 20 ^ number(b) ^ number(a) << 20)
}

/// `INVITE` of a request, `200 INVITE` of a response.
pub(crate) fn label(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let first = text.lines().next().unwrap_or("");
    let method = text
        .lines()
        .find_map(|line| line.strip_prefix("CSeq: ")?.split(' ').nth(1))
        .unwrap_or("?");
    match first.strip_prefix("SIP/2.0 ") {
        Some(rest) => format!("{} {method}", rest.split(' ').next().unwrap_or("?")),
        None => method.to_owned(),
    }
}

/// Changes, drops or doubles a few bytes.
pub(crate) fn damage(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let mut below = |bound: usize| usize::try_from(rng.below(bound as u64)).unwrap();
    for _ in 0..=below(4) {
        let place = below(bytes.len());
        match below(4) {
            0 => bytes[place] = u8::try_from(below(256)).unwrap(),
            1 => bytes[place] = bytes[below(bytes.len())],
            2 => bytes.insert(place, bytes[place]),
            _ if bytes.len() > 1 => drop(bytes.remove(place)),
            _ => {}
        }
    }
}
