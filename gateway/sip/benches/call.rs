//! What the signalling of one whole call costs the endpoint: caller answered, agent dialled, both hung up.
//!
//! Prints one line of JSON per figure and appends it to `bench.jsonl` in the target folder.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and appends to its file"
)]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hotline_sip::digest::{Algorithm, ha1};
use hotline_sip::{
    Command, Credentials, Endpoint, EndpointConfig, Event, Input, Listener, ListenerId, Output, Phone,
    PhoneCommand, PhoneConfig, PhoneEvent, PhoneInput, PhoneOutput, Received, ReleaseReason, Role, Transmit,
    Transport, Trunk,
};
use hotline_types::{LegId, Pii, Rng, Time};
use report::report;

#[path = "data/report.rs"]
mod report;

const ROUNDS: u32 = 40;
const CALLS: u32 = 200;
/// Pause between calls: 100 a second, so that finished transactions linger as they do in life.
const PAUSE: Duration = Duration::from_millis(10);
const SDP: &[u8] = b"v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\n";

/// The gateway between a trunk and an agent, everything delivered at once and in order.
struct World {
    now: Time,
    gateway: Endpoint,
    trunk: Phone,
    agent: Phone,
    wire: VecDeque<(SocketAddr, Transmit)>,
    caller: Option<LegId>,
    spent: Duration,
    ended: u32,
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn phone(at: &str, seed: u64) -> Phone {
    let config = PhoneConfig {
        product: "Bench".to_owned(),
        listener: ListenerId(9),
        address: address(at),
        t1: Duration::from_millis(500),
        legs_max: 1000,
        transactions_max: 1_000_000,
    };
    Phone::new(config, Rng::from_seed(seed), Time::ZERO)
}

fn gateway() -> Endpoint {
    let listener = |id, role, at: &str| Listener {
        id: ListenerId(id),
        role,
        bind: address(at),
        advertised: address(at),
        shown: Vec::new(),
        media_group: 0,
    };
    let hash = |algorithm| Pii::new(ha1(algorithm, "alice", "hotline", "secret"));
    let config = EndpointConfig {
        realm: "hotline".to_owned(),
        product: "Hotline/bench".to_owned(),
        listeners: vec![
            listener(0, Role::Phones, "10.0.0.1:5060"),
            listener(1, Role::Trunk, "10.0.0.1:5080"),
        ],
        trunks: vec![Trunk {
            slug: "carrier".parse().expect("a slug"),
            listener: ListenerId(1),
            peers: vec![address("10.0.0.2:0")],
            rules: hotline_sip::TrunkRules::default(),
        }],
        credentials: vec![Credentials {
            agent: "alice".parse().expect("a slug"),
            ha1_md5: hash(Algorithm::Md5),
            ha1_sha256: hash(Algorithm::Sha256),
        }],
        expires_min: Duration::from_secs(60),
        expires_max: Duration::from_secs(36_000),
        t1: Duration::from_millis(500),
        transactions_max: 1_000_000,
        legs_max: 1000,
        unacked_max: 100,
    };
    Endpoint::new(config, Rng::from_seed(1), Time::ZERO)
}

impl World {
    fn gateway_input(&mut self, input: Input) {
        let begun = Instant::now();
        self.gateway.handle(self.now, input);
        let mut events = Vec::new();
        loop {
            match self.gateway.poll() {
                Output::Transmit(transmit) => {
                    let port = if transmit.listener == ListenerId(0) {
                        5060
                    } else {
                        5080
                    };
                    self.wire
                        .push_back((SocketAddr::from(([10, 0, 0, 1], port)), transmit));
                }
                Output::Event(event) => events.push(event),
                Output::Timeout(_) => break,
            }
        }
        self.spent += begun.elapsed();
        for event in events {
            self.gateway_event(event);
        }
    }

    fn gateway_event(&mut self, event: Event) {
        let command = match event {
            Event::Incoming { leg, .. } => {
                self.caller = Some(leg);
                Command::Answer {
                    leg,
                    sdp: SDP.to_vec(),
                }
            }
            Event::Confirmed { .. } => {
                let leg = self.gateway.new_leg();
                Command::DialAgent {
                    leg,
                    agent: "alice".parse().expect("a slug"),
                    sdp: SDP.to_vec(),
                    caller: Pii::new("+8613800138000".to_owned()),
                    display: Pii::new("After-sales".to_owned()),
                    headers: Vec::new(),
                    route: None,
                }
            }
            Event::Answered { leg, .. } => Command::Release {
                leg,
                reason: ReleaseReason::Normal,
            },
            _ => return,
        };
        let answered = matches!(command, Command::Release { .. });
        self.gateway_input(Input::Command(command));
        if answered && let Some(leg) = self.caller.take() {
            self.ended += 1;
            self.gateway_input(Input::Command(Command::Release {
                leg,
                reason: ReleaseReason::Normal,
            }));
        }
    }

    fn phone_input(&mut self, agent: bool, input: PhoneInput) {
        let from = address(if agent { "10.0.0.3:5060" } else { "10.0.0.2:5060" });
        let phone = if agent { &mut self.agent } else { &mut self.trunk };
        phone.handle(self.now, input);
        let mut ring = None;
        loop {
            match phone.poll() {
                PhoneOutput::Transmit(transmit) => self.wire.push_back((from, transmit)),
                PhoneOutput::Event(PhoneEvent::Incoming { leg, .. }) => ring = Some(leg),
                PhoneOutput::Event(_) => {}
                PhoneOutput::Timeout(_) => break,
            }
        }
        if let Some(leg) = ring {
            self.phone_input(agent, PhoneInput::Command(PhoneCommand::Ring { leg }));
            self.phone_input(
                agent,
                PhoneInput::Command(PhoneCommand::Answer {
                    leg,
                    sdp: SDP.to_vec(),
                }),
            );
        }
    }

    fn settle(&mut self) {
        while let Some((peer, Transmit { to, bytes, .. })) = self.wire.pop_front() {
            let received = |listener| Received {
                listener: ListenerId(listener),
                transport: Transport::Udp,
                conn: None,
                peer,
                bytes,
            };
            match to.port() {
                5080 => self.gateway_input(Input::Received(received(1))),
                _ if to.ip() == address("10.0.0.1:0").ip() => {
                    self.gateway_input(Input::Received(received(0)));
                }
                _ => {
                    let agent = to.ip() == address("10.0.0.3:0").ip();
                    self.phone_input(agent, PhoneInput::Received(received(9)));
                }
            }
        }
    }

    fn call(&mut self) {
        let leg = self.trunk.new_leg();
        let call = PhoneCommand::Call {
            leg,
            uri: "sip:4001@10.0.0.1:5080".to_owned(),
            server: address("10.0.0.1:5080"),
            transport: Transport::Udp,
            from: Pii::new("+8613800138000".to_owned()),
            display: Pii::new("Li".to_owned()),
            sdp: SDP.to_vec(),
            headers: Vec::new(),
        };
        self.phone_input(false, PhoneInput::Command(call));
        self.settle();
        self.now = self.now + PAUSE;
        self.gateway_input(Input::Timeout);
        self.phone_input(true, PhoneInput::Timeout);
        self.phone_input(false, PhoneInput::Timeout);
        self.settle();
    }
}

fn main() {
    let mut world = World {
        now: Time::ZERO,
        gateway: gateway(),
        trunk: phone("10.0.0.2:5060", 2),
        agent: phone("10.0.0.3:5060", 3),
        wire: VecDeque::new(),
        caller: None,
        spent: Duration::ZERO,
        ended: 0,
    };
    let register = PhoneCommand::Register {
        server: address("10.0.0.1:5060"),
        transport: Transport::Udp,
        user: "alice".to_owned(),
        password: Pii::new("secret".to_owned()),
        expires: Duration::from_secs(36_000),
    };
    world.phone_input(true, PhoneInput::Command(register));
    world.settle();
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        world.spent = Duration::ZERO;
        for _ in 0..CALLS {
            world.call();
        }
        best = best.min(world.spent.as_secs_f64() / f64::from(CALLS));
    }
    assert_eq!(
        world.ended,
        ROUNDS * CALLS,
        "every call was answered by the agent"
    );
    let conditions =
        format!("trunk call answered, agent dialled, two BYEs; best of {ROUNDS} rounds of {CALLS}");
    report("sip_call", "call", best * 1e6, "us", &conditions);
    let lingering = world.gateway.transactions() as f64;
    report(
        "sip_call",
        "transactions_lingering",
        lingering,
        "count",
        &conditions,
    );
}
