//! The demo's callers and agents: who calls when, presses what, answers, misses, talks and hangs up.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use hotline_io::clock::Clock;
use hotline_media::Codec;
use hotline_sip::{PhoneCommand, PhoneEvent, Transport};
use hotline_types::{LegId, Pii, Rng, Time};
use tokio::sync::mpsc;

use super::stage::Account;
use crate::peers::audio::AudioBank;
use crate::peers::{Party, PhoneSocket};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// The first caller calls this long after the start.
const FIRST_CALL_MS: u64 = 800;
/// Legs of one phone at once.
const LEGS_MAX: usize = 4_096;
/// Lifetime of a registration.
const REGISTRATION: Duration = Duration::from_secs(600);
/// Callers' tones, Hz: notes, so that a recording sounds like a call.
const CALLER_TONES: [u32; 5] = [330, 350, 392, 440, 494];
/// Agents' tones, Hz.
const AGENT_TONES: [u32; 5] = [660, 700, 784, 880, 990];
/// Longest time for the last calls to end by themselves.
const LAST_CALLS: Duration = Duration::from_secs(8);
/// Time for the last hang-ups to be answered.
const LAST_WORDS: Duration = Duration::from_millis(600);

/// What the demo wants of its cast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cue {
    /// No new calls; those there are end soon.
    End,
    /// All calls end at once.
    Cut,
}

/// Where everything is.
pub(crate) struct Scene {
    /// The gateway's listener for phones.
    pub(crate) phones: SocketAddr,
    /// The gateway's listener for the trunk.
    pub(crate) trunk: SocketAddr,
    /// Numbers that are called.
    pub(crate) numbers: Vec<String>,
    /// Calls a minute on average.
    pub(crate) rate: u32,
}

enum Step {
    Arrive,
    Press(LegId, char),
    CallerHangsUp(LegId),
    AgentAnswers(LegId),
    AgentRejects(LegId),
    AgentHangsUp(LegId),
    AllHangUp,
    Leave,
}

struct Caller {
    party: Party,
    number: String,
}

struct AgentCall {
    party: Party,
    offer: Option<Vec<u8>>,
    answered: bool,
    /// The number of the caller, by which the demo finds the other end.
    caller: String,
}

/// Everybody, in one task.
pub(crate) struct Cast {
    clock: Clock,
    rng: Rng,
    scene: Scene,
    bank: AudioBank,
    trunk: PhoneSocket,
    phones: PhoneSocket,
    callers: BTreeMap<LegId, Caller>,
    by_number: BTreeMap<String, LegId>,
    agents: BTreeMap<LegId, AgentCall>,
    steps: BTreeMap<(Time, u64), Step>,
    next_step: u64,
    ending: bool,
}

impl Cast {
    /// Registers the agents.
    ///
    /// # Errors
    /// Where no sockets can be had.
    pub(crate) async fn new(scene: Scene, accounts: Vec<Account>, mut rng: Rng) -> anyhow::Result<Self> {
        let clock = Clock::start();
        let trunk = PhoneSocket::open(LOOPBACK, clock, rng.fork(), LEGS_MAX).await?;
        let mut phones = PhoneSocket::open(LOOPBACK, clock, rng.fork(), LEGS_MAX).await?;
        for (agent, password) in accounts {
            phones.command(PhoneCommand::Register {
                server: scene.phones,
                transport: Transport::Udp,
                user: agent.to_string(),
                password,
                expires: REGISTRATION,
            });
        }
        let mut cast = Self {
            bank: AudioBank::start(LOOPBACK, clock)?,
            clock,
            rng,
            scene,
            trunk,
            phones,
            callers: BTreeMap::new(),
            by_number: BTreeMap::new(),
            agents: BTreeMap::new(),
            steps: BTreeMap::new(),
            next_step: 0,
            ending: false,
        };
        cast.after(FIRST_CALL_MS, Step::Arrive);
        Ok(cast)
    }

    /// Plays until it is told to end and the last call is over.
    pub(crate) async fn play(mut self, mut cues: mpsc::Receiver<Cue>) {
        loop {
            let next = self
                .steps
                .first_key_value()
                .map_or(Time::ZERO, |((at, _), _)| *at);
            let wait = next.since(self.clock.mono());
            tokio::select! {
                event = self.trunk.next() => self.caller_event(event),
                event = self.phones.next() => self.agent_event(event),
                cue = cues.recv() => self.cue(cue.unwrap_or(Cue::Cut)),
                () = tokio::time::sleep(wait), if !self.steps.is_empty() => {
                    if let Some((_, step)) = self.steps.pop_first() {
                        if matches!(step, Step::Leave) {
                            return;
                        }
                        self.step(step);
                    }
                }
            }
            if self.ending && self.callers.is_empty() && self.agents.is_empty() {
                self.ending = false;
                self.after(u64::try_from(LAST_WORDS.as_millis()).unwrap_or(0), Step::Leave);
            }
        }
    }

    fn after(&mut self, ms: u64, step: Step) {
        self.next_step += 1;
        let at = self.clock.mono() + Duration::from_millis(ms);
        self.steps.insert((at, self.next_step), step);
    }

    fn between(&mut self, from_ms: u64, until_ms: u64) -> u64 {
        from_ms + self.rng.below(until_ms - from_ms)
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.rng.below(100) < percent
    }

    fn one_of<T: Copy>(&mut self, list: &[T]) -> T {
        list[usize::try_from(self.rng.below(list.len() as u64)).unwrap_or(0)]
    }

    fn cue(&mut self, cue: Cue) {
        self.steps.retain(|_, step| !matches!(step, Step::Arrive));
        if cue == Cue::Cut {
            self.step(Step::AllHangUp);
            self.ending = true;
            return;
        }
        self.ending = true;
        // Who has most keys still to press is in the menu; the others wait, or soon will, and are answered yet.
        let mut keys: BTreeMap<LegId, usize> = BTreeMap::new();
        for step in self.steps.values() {
            if let Step::Press(leg, _) = step {
                *keys.entry(*leg).or_default() += 1;
            }
        }
        for (leg, _) in keys.into_iter().filter(|(_, left)| *left > 1) {
            let ms = self.between(100, 1_500);
            self.after(ms, Step::CallerHangsUp(leg));
        }
        let at_work: Vec<LegId> = self.agents.keys().copied().collect();
        for leg in at_work {
            let ms = self.between(500, 2_000);
            self.after(ms, Step::AgentAnswers(leg));
            self.after(ms + 1_000, Step::AgentHangsUp(leg));
        }
        self.after(
            u64::try_from(LAST_CALLS.as_millis()).unwrap_or(0),
            Step::AllHangUp,
        );
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Arrive => self.arrive(),
            Step::Press(leg, key) => {
                if let Some(caller) = self.callers.get(&leg) {
                    caller.party.press(key);
                }
            }
            Step::CallerHangsUp(leg) => {
                self.trunk.command(PhoneCommand::Hangup { leg });
                self.caller_gone(leg);
            }
            Step::AgentAnswers(leg) => self.agent_answers(leg),
            Step::AgentRejects(leg) => {
                self.phones.command(PhoneCommand::Reject { leg, status: 603 });
                self.agents.remove(&leg);
            }
            Step::AgentHangsUp(leg) => {
                self.phones.command(PhoneCommand::Hangup { leg });
                self.agents.remove(&leg);
            }
            Step::AllHangUp => {
                for leg in std::mem::take(&mut self.callers).into_keys() {
                    self.trunk.command(PhoneCommand::Hangup { leg });
                }
                for leg in std::mem::take(&mut self.agents).into_keys() {
                    self.phones.command(PhoneCommand::Hangup { leg });
                }
                self.by_number.clear();
            }
            Step::Leave => {}
        }
    }

    fn arrive(&mut self) {
        let pause = self.pause_ms();
        self.after(pause, Step::Arrive);
        let codecs = [Codec::Pcma, Codec::Pcmu];
        let codecs = if self.chance(70) {
            codecs.to_vec()
        } else {
            codecs[1..].to_vec()
        };
        let tone = self.one_of(&CALLER_TONES);
        // Without a socket this caller stays at home.
        let Ok(port) = self.bank.open(false) else { return };
        let leg = self.trunk.new_leg();
        let party = Party::new(port, self.next_step, codecs, tone);
        // A prefix for machines, which reaches nobody.
        let number = format!("1410{:07}", self.rng.below(10_000_000));
        let favourite = self.chance(60);
        let at = if favourite {
            0
        } else {
            self.rng.below(self.scene.numbers.len() as u64)
        };
        let called = &self.scene.numbers[usize::try_from(at).unwrap_or(0)];
        let server = self.scene.trunk;
        self.trunk.command(PhoneCommand::Call {
            leg,
            uri: format!("sip:{called}@{server}"),
            server,
            transport: Transport::Udp,
            from: Pii::new(number.clone()),
            display: Pii::new(String::new()),
            sdp: party.offer(),
            headers: Vec::new(),
        });
        self.by_number.insert(number.clone(), leg);
        self.callers.insert(leg, Caller { party, number });
    }

    /// Pause before the next arrival: exponential, as independent callers are.
    fn pause_ms(&mut self) -> u64 {
        let mean_ms = 60_000.0 / f64::from(self.scene.rate);
        #[expect(clippy::cast_precision_loss, reason = "a thousandth is fine enough")]
        let share = (self.rng.below(1_000) + 1) as f64 / 1_000.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and below seven means"
        )]
        let pause = (-share.ln() * mean_ms) as u64;
        pause
    }

    fn caller_event(&mut self, event: PhoneEvent) {
        match event {
            PhoneEvent::Answered { leg, sdp } => {
                let Some(caller) = self.callers.get_mut(&leg) else {
                    return;
                };
                if caller.party.answered(&sdp).is_err() {
                    self.step(Step::CallerHangsUp(leg));
                } else {
                    self.plan_visit(leg);
                }
            }
            PhoneEvent::Failed { leg, .. } | PhoneEvent::Ended { leg, .. } => self.caller_gone(leg),
            PhoneEvent::Reoffered { leg, offer } => {
                let Some(caller) = self.callers.get_mut(&leg) else {
                    return;
                };
                let command = reanswer(&mut caller.party, leg, offer.as_deref());
                self.trunk.command(command);
            }
            _ => {}
        }
    }

    /// What a caller will do: keys through the menus, and how much patience there is.
    fn plan_visit(&mut self, leg: LegId) {
        if self.chance(6) {
            let ms = self.between(1_500, 5_000);
            self.after(ms, Step::CallerHangsUp(leg));
            return;
        }
        let language = self.one_of(&['1', '1', '2']);
        let service = self.one_of(&['1', '1', '2', '2', '2', '3', '4', '0']);
        let detail = self.one_of(&['1', '2', '0']);
        let mut at = self.between(1_500, 3_000);
        for key in [language, service, detail] {
            self.after(at, Step::Press(leg, key));
            at += self.between(1_200, 2_500);
        }
        let patience = if self.chance(12) {
            self.between(3_000, 12_000)
        } else {
            self.between(60_000, 120_000)
        };
        self.after(at + patience, Step::CallerHangsUp(leg));
    }

    fn caller_gone(&mut self, leg: LegId) {
        if let Some(caller) = self.callers.remove(&leg) {
            self.by_number.remove(&caller.number);
        }
        self.steps
            .retain(|_, step| !matches!(step, Step::Press(of, _) | Step::CallerHangsUp(of) if *of == leg));
    }

    fn agent_event(&mut self, event: PhoneEvent) {
        match event {
            PhoneEvent::Incoming {
                leg, caller, offer, ..
            } => self.agent_rings(leg, caller.into_inner(), offer),
            PhoneEvent::Confirmed { leg } => self.plan_talk(leg),
            PhoneEvent::Ended { leg, .. } => {
                self.agents.remove(&leg);
            }
            PhoneEvent::Reoffered { leg, offer } => {
                let Some(call) = self.agents.get_mut(&leg) else {
                    return;
                };
                let command = reanswer(&mut call.party, leg, offer.as_deref());
                self.phones.command(command);
            }
            _ => {}
        }
    }

    fn agent_rings(&mut self, leg: LegId, caller: String, offer: Option<Vec<u8>>) {
        let tone = self.one_of(&AGENT_TONES);
        let codecs = if self.chance(70) {
            vec![Codec::Pcma, Codec::Pcmu]
        } else {
            vec![Codec::Pcmu]
        };
        let Ok(port) = self.bank.open(false) else {
            self.phones.command(PhoneCommand::Reject { leg, status: 480 });
            return;
        };
        let party = Party::new(port, self.next_step, codecs, tone);
        self.phones.command(PhoneCommand::Ring { leg });
        self.agents.insert(
            leg,
            AgentCall {
                party,
                offer,
                answered: false,
                caller,
            },
        );
        if self.ending {
            self.after(300, Step::AgentAnswers(leg));
        } else if self.chance(4) {
            // Not at the desk: it rings until the gateway takes it back.
        } else if self.chance(4) {
            self.after(900, Step::AgentRejects(leg));
        } else {
            let ms = self.between(900, 3_500);
            self.after(ms, Step::AgentAnswers(leg));
        }
    }

    fn agent_answers(&mut self, leg: LegId) {
        let Some(call) = self.agents.get_mut(&leg).filter(|call| !call.answered) else {
            return;
        };
        call.answered = true;
        let command = match call.party.answer(call.offer.as_deref()) {
            Ok(sdp) => PhoneCommand::Answer { leg, sdp },
            Err(_) => PhoneCommand::Reject { leg, status: 488 },
        };
        self.phones.command(command);
    }

    /// How long they talk, and who hangs up.
    fn plan_talk(&mut self, leg: LegId) {
        let ms = if self.ending {
            1_000
        } else {
            self.between(4_000, 15_000).min(self.between(4_000, 15_000))
        };
        let caller = self
            .agents
            .get(&leg)
            .and_then(|call| self.by_number.get(&call.caller))
            .copied();
        // Whoever talks has no reason to give up.
        self.steps
            .retain(|_, step| !matches!(step, Step::CallerHangsUp(of) if Some(*of) == caller));
        match caller {
            Some(caller) if self.chance(35) => self.after(ms, Step::CallerHangsUp(caller)),
            _ => self.after(ms, Step::AgentHangsUp(leg)),
        }
    }
}

fn reanswer(party: &mut Party, leg: LegId, offer: Option<&[u8]>) -> PhoneCommand {
    match party.answer(offer) {
        Ok(sdp) => PhoneCommand::AnswerReoffer { leg, sdp },
        Err(_) => PhoneCommand::RejectReoffer { leg, status: 488 },
    }
}
