//! Scripts in virtual time: a world, then steps `t=SECONDS VERB ...` with the outputs each must give (`> ...`) and
//! what must hold after it (`? ...`). The invariants are checked after every input.
//!
//! `login` and `answer` with an agent and a wait stand for a step with its usual outputs.
//! Outputs are compared exactly, in order, joined by `; `. What a timer gave before the step is marked `@SECONDS`.
//! Hidden unless the world says `all`: entries, offers made, ringing, and work that has no deadline.

use std::collections::BTreeMap;
use std::time::Duration;

use hotline_journal::{By, What};
use hotline_types::{
    ContactId, DeviceState, FlowOutReason, Intent, LostReason, Now, OfferId, OfferOutcome, QueueExit, Rng,
    Time, WallTime, WorkState,
};

use crate::{
    Acd, AcdConfig, Agent, Band, Effect, Holiday, Input, Leave, Login, Output, Overflow, PauseRule, Policy,
    Queue, QueueRules, RosterEntry, Seats, SkillStep, Tier, When, WrapUpRule,
};

/// Runs the script; panics at the first step whose outputs or state differ.
pub(super) fn check(script: &str) {
    let mut world = World::default();
    let lines: Vec<String> = script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .flat_map(spelled_out)
        .collect();
    let mut index = 0;
    while index < lines.len() {
        let line = lines[index].as_str();
        index += 1;
        if let Some(question) = line.strip_prefix("? ") {
            world.ask(question);
        } else if line.starts_with("t=") {
            let outputs = world.step(line);
            let mut expected = Vec::new();
            while let Some(text) = lines.get(index).and_then(|next| next.strip_prefix('>')) {
                expected.extend(
                    text.split(';')
                        .map(|one| one.trim().to_owned())
                        .filter(|one| !one.is_empty()),
                );
                index += 1;
            }
            assert_eq!(outputs, expected, "outputs of `{line}`");
        } else {
            world.describe(line);
        }
    }
}

/// Two steps that most scripts have, with the outputs that belong to them: `login AGENT ...` (each phone registers for
/// the first time) and `answer CALL AGENT WAIT` (nobody else is rung for the call).
fn spelled_out(line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match *words.as_slice() {
        [at, "login", ref agents @ ..] => agents
            .iter()
            .flat_map(|agent| {
                [
                    format!("{at} register {agent}"),
                    format!("> {agent} Registered; {agent} ready"),
                ]
            })
            .collect(),
        [at, "answer", offer, agent, wait] => {
            let call = offer.split('#').next().unwrap();
            let outputs = format!(
                "{call} at {agent} Answered; {call} left: answered after {wait}; connect {call} {agent}"
            );
            vec![format!("{at} answer {offer}"), format!("> {outputs}")]
        }
        _ => vec![line.to_owned()],
    }
}

/// Settings of a small hotline in Shanghai with one whole-day band, for scripts to change.
pub(crate) fn plain_config() -> AcdConfig {
    AcdConfig {
        queues: Vec::new(),
        agents: Vec::new(),
        bands: Vec::new(),
        roster: Vec::new(),
        time_zone: "Asia/Shanghai".to_owned(),
        business_day_start_min: 8 * 60,
        login: Login::Register,
        cool_off: Duration::from_secs(10),
        misses_max: 3,
        holidays: Vec::new(),
        pauses: Vec::new(),
    }
}

fn minute(clock: &str) -> u16 {
    let (hour, minute) = clock.split_once(':').unwrap();
    hour.parse::<u16>().unwrap() * 60 + minute.parse::<u16>().unwrap()
}

pub(crate) fn wall(text: &str) -> WallTime {
    WallTime::from_micros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

#[derive(Default)]
struct World {
    config: Option<AcdConfig>,
    start: WallTime,
    all: bool,
    acd: Option<Acd>,
    now_ms: u64,
    wake: Option<Time>,
    contacts: BTreeMap<String, ContactId>,
    offers: BTreeMap<ContactId, Vec<OfferId>>,
}

/// Pauses, holidays, dated rosters and seats.
fn describe_days(config: &mut AcdConfig, words: &[&str]) {
    match words {
        ["pauses", code, longest, most] => config.pauses.push(PauseRule {
            code: (*code).to_owned(),
            longest: Some(Duration::from_secs(longest.parse().unwrap())),
            team_max: Some(most.parse().unwrap()),
        }),
        ["holiday", date, bands @ ..] => config.holidays.push(Holiday {
            date: (*date).to_owned(),
            bands: bands.iter().map(|band| band.parse().unwrap()).collect(),
        }),
        ["on", date, band, who @ ..] => config.roster.extend(who.iter().map(|agent| RosterEntry {
            band: band.parse().unwrap(),
            agent: agent.parse().unwrap(),
            days: [false; 7],
            dates: vec![(*date).to_owned()],
        })),
        ["seats", band, times, min] => {
            let (from, until) = times.split_once('-').unwrap();
            let band = config.bands.iter_mut().find(|known| known.slug.as_str() == *band);
            band.unwrap().seats.push(Seats {
                from_min: minute(from),
                until_min: minute(until),
                min: min.parse().unwrap(),
            });
        }
        _ => panic!("the script does not know {words:?}"),
    }
}

impl World {
    fn describe(&mut self, line: &str) {
        let config = self.config.get_or_insert_with(plain_config);
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["all"] => self.all = true,
            ["start", at] => self.start = wall(at),
            ["zone", name] => config.time_zone = (*name).to_owned(),
            ["login", "explicit"] => config.login = Login::Explicit,
            ["misses", max] => config.misses_max = max.parse().unwrap(),
            ["agents", slugs @ ..] => {
                let agent = |slug: &&str| Agent {
                    slug: slug.parse().unwrap(),
                    intent: Intent::LoggedOut,
                    team: None,
                    skills: BTreeMap::new(),
                };
                config.agents = slugs.iter().map(agent).collect();
            }
            ["skills", slug, skills] => {
                let agent = config
                    .agents
                    .iter_mut()
                    .find(|agent| agent.slug.as_str() == *slug);
                let skills = skills.split(',').map(|skill| skill.split_once('=').unwrap());
                agent.unwrap().skills = skills
                    .map(|(skill, level)| (skill.to_owned(), level.parse().unwrap()))
                    .collect();
            }
            ["band", slug, times, who @ ..] => {
                let (from, until) = times.split_once('-').unwrap();
                config.bands.push(Band {
                    slug: slug.parse().unwrap(),
                    from_min: minute(from),
                    until_min: minute(until),
                    days: [true; 7],
                    seats: Vec::new(),
                });
                config.roster.extend(who.iter().map(|agent| RosterEntry {
                    band: slug.parse().unwrap(),
                    agent: agent.parse().unwrap(),
                    days: [true; 7],
                    dates: Vec::new(),
                }));
            }
            ["team", team, agents @ ..] => {
                for agent in config
                    .agents
                    .iter_mut()
                    .filter(|agent| agents.contains(&agent.slug.as_str()))
                {
                    agent.team = Some((*team).to_owned());
                }
            }
            ["queue", slug, rest @ ..] => config.queues.push(queue(slug, rest)),
            words => describe_days(config, words),
        }
    }

    fn now(&self) -> Now {
        let since = Duration::from_millis(self.now_ms);
        Now::new(Time::ZERO + since, self.start + since)
    }

    fn step(&mut self, line: &str) -> Vec<String> {
        let mut words = line.split_whitespace();
        let seconds: f64 = words.next().unwrap().trim_start_matches("t=").parse().unwrap();
        let until_ms = Duration::from_secs_f64(seconds).as_millis().try_into().unwrap();
        if self.acd.is_none() {
            let acd = Acd::new(self.config.clone().unwrap(), Rng::from_seed(1), self.now()).unwrap();
            self.acd = Some(acd);
            assert_eq!(self.drain(), [""; 0], "a new engine says nothing");
        }
        let mut outputs = Vec::new();
        while let Some(at) = self.wake.filter(|at| *at < Time::from_millis(until_ms)) {
            self.now_ms = at.as_nanos().div_ceil(1_000_000);
            let seconds = Duration::from_millis(self.now_ms).as_secs_f64();
            outputs.extend(
                self.put(Input::Timeout)
                    .into_iter()
                    .map(|text| format!("@{seconds} {text}")),
            );
        }
        self.now_ms = until_ms;
        let words: Vec<&str> = words.collect();
        let input = self.input(&words);
        outputs.extend(self.put(input));
        outputs
    }

    fn put(&mut self, input: Input) -> Vec<String> {
        let now = self.now();
        let acd = self.acd.as_mut().unwrap();
        acd.handle(now, input);
        let outputs = self.drain();
        self.acd.as_ref().unwrap().check().unwrap();
        outputs
    }

    fn drain(&mut self) -> Vec<String> {
        let mut texts = Vec::new();
        loop {
            match self.acd.as_mut().unwrap().poll() {
                Output::Timeout(wake) => {
                    self.wake = wake;
                    return texts;
                }
                Output::Effect(effect) => {
                    if let Effect::Offer { offer, contact, .. } = effect {
                        self.offers.entry(contact).or_default().push(offer);
                    }
                    texts.push(self.effect(&effect));
                }
                Output::Event(draft) => texts.extend(self.event(&draft)),
            }
        }
    }

    fn input(&mut self, words: &[&str]) -> Input {
        let caller = self.caller_input(words);
        let phone = || self.phone_input(words);
        caller
            .or_else(phone)
            .or_else(|| agent_input(words))
            .unwrap_or_else(|| panic!("the script does not know `{}`", words.join(" ")))
    }

    fn caller_input(&mut self, words: &[&str]) -> Option<Input> {
        let leave = |contact, why| Some(Input::Leave { contact, why });
        match *words {
            ["wait"] => Some(Input::Timeout),
            ["call", contact, queue, ref rest @ ..] => {
                let seconds = |key: &str| {
                    let given = rest.iter().find_map(|word| word.strip_prefix(key));
                    Duration::from_secs(given.map_or(0, |text| text.parse().unwrap()))
                };
                Some(Input::Enqueue {
                    contact: self.contact(contact),
                    queue: queue.parse().unwrap(),
                    enqueued_at: self.now().wall - seconds("waited="),
                    priority: seconds("priority="),
                    last_agent: rest
                        .iter()
                        .find_map(|word| word.strip_prefix("last="))
                        .map(|slug| slug.parse().unwrap()),
                })
            }
            ["hangup", contact] => leave(self.contact(contact), Leave::HungUp),
            ["key", contact] => leave(self.contact(contact), Leave::FlowedOut(FlowOutReason::Key)),
            ["lose", contact] => leave(self.contact(contact), Leave::Lost(LostReason::MediaLost)),
            ["end", contact] => Some(Input::TalkEnded {
                contact: self.contact(contact),
            }),
            _ => None,
        }
    }

    fn phone_input(&self, words: &[&str]) -> Option<Input> {
        let held = |name: &str, held| {
            Some(Input::Held {
                contact: self.contacts[name],
                held,
            })
        };
        match *words {
            ["ringing", contact] => Some(Input::OfferRinging {
                offer: self.offer(contact),
            }),
            ["answer", contact] => Some(Input::OfferAnswered {
                offer: self.offer(contact),
            }),
            ["fail", contact, outcome] => Some(Input::OfferFailed {
                offer: self.offer(contact),
                outcome: match outcome {
                    "rejected" => OfferOutcome::Rejected,
                    "busy" => OfferOutcome::Busy,
                    "unreachable" => OfferOutcome::Unreachable,
                    "failed" => OfferOutcome::Failed,
                    _ => panic!("no outcome {outcome}"),
                },
                sip_status: None,
            }),
            ["hold", contact] => held(contact, true),
            ["unhold", contact] => held(contact, false),
            _ => None,
        }
    }

    fn contact(&mut self, name: &str) -> ContactId {
        let mut bytes = [0_u8; 16];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        let id = ContactId::from_bytes(bytes);
        self.contacts.insert(name.to_owned(), id);
        id
    }

    /// `A` is the newest offer of A, `A#1` its first.
    fn offer(&self, name: &str) -> OfferId {
        let (name, number) = name
            .split_once('#')
            .map_or((name, None), |(name, number)| (name, Some(number)));
        let offers = &self.offers[&self.contacts[name]];
        number.map_or_else(
            || *offers.last().unwrap(),
            |number| offers[number.parse::<usize>().unwrap() - 1],
        )
    }

    fn name(&self, contact: ContactId) -> &str {
        self.contacts
            .iter()
            .find(|(_, id)| **id == contact)
            .map_or("?", |(name, _)| name)
    }

    fn offer_name(&self, offer: OfferId) -> &str {
        let owner = self.offers.iter().find(|(_, offers)| offers.contains(&offer));
        owner.map_or("?", |(contact, _)| self.name(*contact))
    }

    fn effect(&self, effect: &Effect) -> String {
        match effect {
            Effect::Offer { contact, agent, .. } => format!("offer {} {agent}", self.name(*contact)),
            Effect::Withdraw { contact, outcome, .. } => {
                format!("withdraw {} {outcome:?}", self.name(*contact))
            }
            Effect::Connect { contact, agent, .. } => format!("connect {} {agent}", self.name(*contact)),
            Effect::Stale { offer } => format!("stale {}", self.offer_name(*offer)),
            Effect::Exit { contact, why } => format!("exit {} {why:?}", self.name(*contact)),
            Effect::Moved { contact, queue } => format!("moved {} {queue}", self.name(*contact)),
            Effect::EndTalk { contact } => format!("end-talk {}", self.name(*contact)),
        }
    }

    fn event(&self, draft: &hotline_journal::Draft) -> Option<String> {
        let contact = draft.contact.map_or("?", |contact| self.name(contact));
        let agent = draft.agent.as_ref().map_or("?", |agent| agent.as_str());
        let all = self.all;
        let until = |until: &Option<WallTime>| {
            until.map_or_else(String::new, |until| {
                format!(" until {}", until.since(self.start).as_secs_f64())
            })
        };
        match &draft.what {
            What::QueueEntered { bands, .. } => all.then(|| format!("{contact} entered on {bands:?}")),
            What::QueueLeft { exit, wait_us } => {
                let exit = match exit {
                    QueueExit::Answered => "answered".to_owned(),
                    QueueExit::Abandoned(phase) => format!("abandoned {phase:?}"),
                    QueueExit::FlowedOut(why) => format!("flowed out {why:?}"),
                    QueueExit::Lost(why) => format!("lost {why:?}"),
                };
                Some(format!(
                    "{contact} left: {exit} after {}",
                    Duration::from_micros(*wait_us).as_secs_f64()
                ))
            }
            What::OfferMade {
                deadline,
                fence,
                why,
                bands,
            } => all.then(|| {
                format!(
                    "{contact} for {agent} on {bands:?}, fence {fence}{}: {why}",
                    until(&Some(*deadline))
                )
            }),
            What::OfferRinging => all.then(|| format!("{contact} rings {agent}")),
            What::OfferEnded { outcome, .. } => Some(format!("{contact} at {agent} {outcome:?}")),
            What::AgentIntent { intent } => Some(match intent {
                Intent::Paused { reason } => format!("{agent} paused {reason}"),
                Intent::Ready => format!("{agent} ready"),
                Intent::LoggedOut => format!("{agent} logged out"),
            }),
            What::AgentWork {
                work: WorkState::Offered,
                until: at,
            } => all.then(|| format!("{agent} Offered{}", until(at))),
            What::AgentWork { work, until: at } => {
                (all || at.is_some()).then(|| format!("{agent} {work:?}{}", until(at)))
            }
            What::PauseOverrun { reason } => Some(format!("{agent} {reason} is too long")),
            What::SeatsShort { band, need, have } => Some(format!("{band} short: {have} of {need}")),
            What::SeatsFilled { band } => Some(format!("{band} filled")),
            What::Disposed { code } => Some(format!("{agent} disposed {contact} {code}")),
            What::AgentReleased { work } => Some(format!("{agent} released from {work:?}")),
            What::AgentDevice { device } => Some(format!("{agent} {device:?}")),
            other => panic!("the engine does not tell {other:?}"),
        }
    }

    fn ask(&mut self, question: &str) {
        let (left, right) = question.split_once('=').unwrap();
        let words: Vec<&str> = left.split_whitespace().collect();
        let now = self.now().wall;
        let slugs = |slugs: Vec<hotline_types::BandSlug>| {
            slugs
                .iter()
                .map(|slug| slug.as_str().to_owned())
                .collect::<Vec<_>>()
                .join(" ")
        };
        let contact = words.get(1).map(|name| self.contact(name));
        let acd = self.acd.as_ref().unwrap();
        let found = match *words.as_slice() {
            ["waiting", queue] => {
                let waiting = acd.waiting(&queue.parse().unwrap());
                waiting
                    .iter()
                    .map(|contact| self.name(*contact))
                    .collect::<Vec<_>>()
                    .join(" ")
            }
            ["position", _] => contact
                .and_then(|id| acd.position(id))
                .map_or("none".into(), |at| at.to_string()),
            ["bands"] => slugs(acd.bands_on(now)),
            ["bands", agent] => slugs(acd.rostered_bands(&agent.parse().unwrap(), now)),
            ["open", calendar] => acd.is_open(calendar, now).to_string(),
            ["staff", queue] => acd.queue(&queue.parse().unwrap()).unwrap().staff.to_string(),
            ["routable"] => {
                let free = acd.agents().filter(|slug| acd.agent(slug).unwrap().routable);
                free.map(|slug| slug.as_str()).collect::<Vec<_>>().join(" ")
            }
            ["work", agent] => format!("{:?}", acd.agent(&agent.parse().unwrap()).unwrap().work),
            ["why", _] if contact.is_some_and(|id| acd.position(id).is_some()) => {
                contact.and_then(|id| acd.why_contact(id)).unwrap()
            }
            ["why", agent] => acd.why_agent_idle(&agent.parse().unwrap()).unwrap(),
            ["ignored"] => acd.ignored().to_string(),
            ["drained"] => acd.is_drained().to_string(),
            _ => panic!("the script cannot ask `{question}`"),
        };
        assert_eq!(found, right.trim(), "`{question}`");
    }
}

fn agent_input(words: &[&str]) -> Option<Input> {
    let agent = |slug: &str| slug.parse().unwrap();
    let device = |slug: &str, device| {
        Some(Input::Device {
            agent: agent(slug),
            device,
        })
    };
    let by = By::User("boss".to_owned());
    let intent = |slug: &str, intent, by| {
        Some(Input::Intent {
            agent: agent(slug),
            intent,
            by,
        })
    };
    match *words {
        ["register", slug] => device(slug, DeviceState::Registered),
        ["unregister", slug] => device(slug, DeviceState::Unreachable),
        ["ready", slug] => intent(slug, Intent::Ready, by),
        ["logout", slug] => intent(slug, Intent::LoggedOut, by),
        ["pause", slug, reason] => intent(
            slug,
            Intent::Paused {
                reason: reason.to_owned(),
            },
            by,
        ),
        ["dispose", slug, code] => Some(Input::Disposed {
            agent: agent(slug),
            code: code.to_owned(),
            by,
        }),
        ["release", slug] => Some(Input::Release {
            agent: agent(slug),
            by,
        }),
        _ => None,
    }
}

/// `agents=a,b capacity=N wait=S ring=S ring_min=S wrap=S`, each with a default.
fn queue(slug: &str, words: &[&str]) -> Queue {
    let mut queue = Queue {
        slug: slug.parse().unwrap(),
        agents: Vec::new(),
        capacity: 100,
        wait_max: Duration::from_secs(600),
        ring: Duration::from_secs(15),
        ring_min: Duration::from_secs(5),
        wrap_up: Duration::ZERO,
        rules: QueueRules::default(),
    };
    for word in words {
        let (key, value) = word.split_once('=').unwrap();
        let seconds = || Duration::from_secs(value.parse().unwrap());
        match key {
            "agents" => queue.agents = value.split(',').map(|agent| agent.parse().unwrap()).collect(),
            "capacity" => queue.capacity = value.parse().unwrap(),
            "wait" => queue.wait_max = seconds(),
            "ring" => queue.ring = seconds(),
            "ring_min" => queue.ring_min = seconds(),
            "wrap" => queue.wrap_up = seconds(),
            _ => rule(&mut queue.rules, key, value),
        }
    }
    queue
}

/// `policy=fewest prefer=S dispose=until tier=AGENT:WORTH:DELAY:WEIGHT steps=SKILLS@S,SKILLS@S over=wait:S:QUEUE`.
fn rule(rules: &mut QueueRules, key: &str, value: &str) {
    let secs = |text: &str| Duration::from_secs(text.parse().unwrap());
    let parts: Vec<&str> = value.split(':').collect();
    match (key, parts.as_slice()) {
        ("policy", ["occupied"]) => rules.policy = Policy::LeastOccupied,
        ("policy", ["fewest"]) => rules.policy = Policy::FewestCalls,
        ("policy", ["robin"]) => rules.policy = Policy::RoundRobin,
        ("policy", ["linear"]) => rules.policy = Policy::Linear,
        ("policy", ["lot"]) => rules.policy = Policy::WeightedRandom,
        ("policy", ["all", at_once]) => {
            rules.policy = Policy::RingAll {
                at_once: at_once.parse().unwrap(),
            };
        }
        ("policy", ["progressive", at_once, every]) => {
            rules.policy = Policy::Progressive {
                at_once: at_once.parse().unwrap(),
                every: secs(every),
            };
        }
        ("prefer", [bound]) => rules.prefer_last = secs(bound),
        ("dispose", ["until"]) => rules.wrap_up = WrapUpRule::UntilDisposition,
        ("dispose", ["timed"]) => rules.wrap_up = WrapUpRule::Timed,
        ("tier", [agent, worth, delay, weight]) => {
            let tier = Tier {
                worth: secs(worth),
                delay: secs(delay),
                weight: weight.parse().unwrap(),
            };
            rules.tiers.insert(agent.parse().unwrap(), tier);
        }
        ("steps", _) => {
            let step = |text: &str| {
                let (needs, after) = text.split_once('@').unwrap();
                SkillStep {
                    after: secs(after),
                    needs: needs.replace('+', " and ").parse().unwrap(),
                }
            };
            rules.steps = value.split(',').map(step).collect();
        }
        ("over", [when, rest @ .., to]) => {
            let when = match (*when, rest) {
                ("wait", [wait]) => When::Waited(secs(wait)),
                ("estimate", [wait]) => When::Estimate(secs(wait)),
                ("length", [most]) => When::Length(most.parse().unwrap()),
                ("nostaff", []) => When::NoStaff,
                _ => panic!("no overflow {value}"),
            };
            rules.overflow.push(Overflow {
                when,
                to: to.parse().unwrap(),
            });
        }
        _ => panic!("no setting {key}={value}"),
    }
}
