//! The load: callers who press one key and talk, and agents who answer at once.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use hotline_daemon::peers::audio::AudioBank;
use hotline_daemon::peers::{Party, PhoneSocket};
use hotline_io::clock::Clock;
use hotline_media::Codec;
use hotline_sip::{PhoneCommand, PhoneEvent, Transport};
use hotline_types::{LegId, Pii, Rng, Time};

use crate::gateway::Gateway;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Longest time for the agents to register, and for the last calls to end.
const PATIENCE: Duration = Duration::from_secs(20);
/// Legs of one phone.
const LEGS_MAX: usize = 4_096;

/// What callers and agents do.
pub struct Script {
    /// Calls a second.
    pub rate: u32,
    /// From the answer to the key.
    pub ivr: Duration,
    /// Talk; none: until the end.
    pub talk: Option<Duration>,
    /// Whether both sides send audio.
    pub tones: bool,
    /// Callers at once; while so many are there, none arrives.
    pub at_once: usize,
}

/// What was seen.
#[derive(Default)]
pub struct Tally {
    /// Calls that went through the whole script.
    pub completed: u64,
    /// Calls that did not.
    pub failed: u64,
    /// First packet of the key to the INVITE at an agent.
    pub key_to_invite_ms: Vec<f64>,
    /// An agent's BYE to the next INVITE at the same agent.
    pub free_to_invite_ms: Vec<f64>,
}

struct Caller {
    party: Party,
    number: String,
    talked: bool,
}

struct AgentCall {
    party: Party,
    agent: String,
    caller: String,
    talks: bool,
}

enum Step {
    Arrive,
    Press(LegId),
    AgentHangsUp(LegId),
}

/// Everybody.
pub struct Load {
    /// What was seen so far.
    pub tally: Tally,
    clock: Clock,
    rng: Rng,
    server: SocketAddr,
    bank: AudioBank,
    trunk: PhoneSocket,
    phones: PhoneSocket,
    callers: BTreeMap<LegId, Caller>,
    by_number: BTreeMap<String, LegId>,
    agents: BTreeMap<LegId, AgentCall>,
    freed: BTreeMap<String, Time>,
    steps: BTreeMap<(Time, u64), Step>,
    count: u64,
}

impl Load {
    /// With so many agents registered.
    pub async fn new(gateway: &Gateway, agents: usize) -> Self {
        let clock = Clock::start();
        let mut rng = Rng::from_seed(1);
        let trunk = PhoneSocket::open(LOOPBACK, clock, rng.fork(), LEGS_MAX)
            .await
            .unwrap();
        let mut phones = PhoneSocket::open(LOOPBACK, clock, rng.fork(), LEGS_MAX)
            .await
            .unwrap();
        for (agent, password) in gateway.passwords().into_iter().take(agents) {
            phones.command(PhoneCommand::Register {
                server: gateway.listener("phones"),
                transport: Transport::Udp,
                user: agent,
                password: Pii::new(password),
                expires: Duration::from_secs(3_600),
            });
        }
        let mut registered = std::collections::BTreeSet::new();
        let all = async {
            while registered.len() < agents {
                if let PhoneEvent::Registered { user } = phones.next().await {
                    registered.insert(user);
                }
            }
        };
        tokio::time::timeout(PATIENCE, all)
            .await
            .expect("all agents register");
        Self {
            tally: Tally::default(),
            clock,
            rng,
            server: gateway.listener("trunk"),
            bank: AudioBank::start(LOOPBACK, clock).unwrap(),
            trunk,
            phones,
            callers: BTreeMap::new(),
            by_number: BTreeMap::new(),
            agents: BTreeMap::new(),
            freed: BTreeMap::new(),
            steps: BTreeMap::new(),
            count: 0,
        }
    }

    /// Calls in which both sides talk.
    pub fn talking(&self) -> usize {
        self.agents.values().filter(|call| call.talks).count()
    }

    /// Plays for this long; calls go on when it returns, as long as it is called again soon.
    pub async fn play(&mut self, script: &Script, time: Duration) {
        let end = self.clock.mono() + time;
        if !self.steps.values().any(|step| matches!(step, Step::Arrive)) {
            self.after(Duration::ZERO, Step::Arrive);
        }
        while self.clock.mono() < end {
            self.turn(script, end).await;
        }
    }

    /// Everybody hangs up, and what that brings is answered.
    pub async fn finish(&mut self) {
        self.steps.clear();
        for leg in std::mem::take(&mut self.callers).into_keys() {
            self.trunk.command(PhoneCommand::Hangup { leg });
        }
        let silent = Script {
            rate: 1,
            ivr: Duration::ZERO,
            talk: None,
            tones: false,
            at_once: 0,
        };
        let end = self.clock.mono() + PATIENCE;
        while !self.agents.is_empty() && self.clock.mono() < end {
            self.turn(&silent, end).await;
        }
        let end = self.clock.mono() + Duration::from_secs(1);
        while self.clock.mono() < end {
            self.turn(&silent, end).await;
        }
    }

    async fn turn(&mut self, script: &Script, end: Time) {
        let next = self
            .steps
            .first_key_value()
            .map_or(end, |((at, _), _)| (*at).min(end));
        let wait = next.since(self.clock.mono());
        tokio::select! {
            event = self.trunk.next() => self.caller_event(event, script),
            event = self.phones.next() => self.agent_event(event, script),
            () = tokio::time::sleep(wait) => {
                let now = self.clock.mono();
                while let Some(entry) = self.steps.first_entry().filter(|entry| entry.key().0 <= now) {
                    let step = entry.remove();
                    self.step(step, script);
                }
            }
        }
    }

    fn after(&mut self, time: Duration, step: Step) {
        self.count += 1;
        self.steps.insert((self.clock.mono() + time, self.count), step);
    }

    fn step(&mut self, step: Step, script: &Script) {
        match step {
            Step::Arrive => {
                self.after(Duration::from_secs(1) / script.rate, Step::Arrive);
                if self.callers.len() < script.at_once {
                    self.arrive(script);
                }
            }
            Step::Press(leg) => {
                if let Some(caller) = self.callers.get(&leg) {
                    caller.party.press('1');
                }
            }
            Step::AgentHangsUp(leg) => {
                let Some(call) = self.agents.remove(&leg) else {
                    return;
                };
                self.freed.insert(call.agent, self.clock.mono());
                self.phones.command(PhoneCommand::Hangup { leg });
            }
        }
    }

    fn arrive(&mut self, script: &Script) {
        let leg = self.trunk.new_leg();
        let port = self.bank.open(false).unwrap();
        let party = Party::new(
            port,
            self.count,
            vec![Codec::Pcma],
            if script.tones { 440 } else { 0 },
        );
        let number = format!("+861410{:07}", self.rng.below(10_000_000));
        self.trunk.command(PhoneCommand::Call {
            leg,
            uri: format!("sip:8001@{}", self.server),
            server: self.server,
            transport: Transport::Udp,
            from: Pii::new(number.clone()),
            display: Pii::new(String::new()),
            sdp: party.offer(),
            headers: Vec::new(),
        });
        self.by_number.insert(number.clone(), leg);
        self.callers.insert(
            leg,
            Caller {
                party,
                number,
                talked: false,
            },
        );
    }

    fn caller_event(&mut self, event: PhoneEvent, script: &Script) {
        match event {
            PhoneEvent::Answered { leg, sdp } => {
                let Some(caller) = self.callers.get_mut(&leg) else {
                    return;
                };
                caller.party.answered(&sdp).unwrap();
                self.after(script.ivr, Step::Press(leg));
            }
            PhoneEvent::Ended { leg, .. } | PhoneEvent::Failed { leg, .. } => self.caller_gone(leg),
            _ => {}
        }
    }

    fn caller_gone(&mut self, leg: LegId) {
        let Some(caller) = self.callers.remove(&leg) else {
            return;
        };
        self.by_number.remove(&caller.number);
        if caller.talked {
            self.tally.completed += 1;
        } else {
            self.tally.failed += 1;
        }
    }

    fn agent_event(&mut self, event: PhoneEvent, script: &Script) {
        match event {
            PhoneEvent::Incoming {
                leg,
                called,
                caller,
                offer,
                ..
            } => {
                let now = self.clock.mono();
                let caller = caller.into_inner();
                if let Some(freed) = self.freed.remove(&called) {
                    self.tally
                        .free_to_invite_ms
                        .push(now.since(freed).as_secs_f64() * 1e3);
                }
                let pressed = self.by_number.get(&caller).and_then(|leg| self.callers.get(leg));
                if let Some(sent) = pressed.and_then(|caller| caller.party.heard().key_sent) {
                    self.tally
                        .key_to_invite_ms
                        .push(now.since(sent).as_secs_f64() * 1e3);
                }
                let port = self.bank.open(false).unwrap();
                let tone = if script.tones { 1_000 } else { 0 };
                let mut party = Party::new(port, self.count, vec![Codec::Pcma], tone);
                let sdp = party.answer(offer.as_deref()).unwrap();
                self.phones.command(PhoneCommand::Answer { leg, sdp });
                self.agents.insert(
                    leg,
                    AgentCall {
                        party,
                        agent: called,
                        caller,
                        talks: false,
                    },
                );
            }
            PhoneEvent::Confirmed { leg } => {
                let Some(call) = self.agents.get_mut(&leg) else {
                    return;
                };
                call.talks = true;
                if let Some(caller) = self
                    .by_number
                    .get(&call.caller)
                    .and_then(|leg| self.callers.get_mut(leg))
                {
                    caller.talked = true;
                }
                if let Some(talk) = script.talk {
                    self.after(talk, Step::AgentHangsUp(leg));
                }
            }
            PhoneEvent::Ended { leg, .. } => drop(self.agents.remove(&leg)),
            PhoneEvent::Reoffered { leg, offer } => {
                let Some(call) = self.agents.get_mut(&leg) else {
                    return;
                };
                let sdp = call.party.answer(offer.as_deref()).unwrap();
                self.phones.command(PhoneCommand::AnswerReoffer { leg, sdp });
            }
            _ => {}
        }
    }
}
