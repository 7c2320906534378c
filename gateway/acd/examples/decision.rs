//! Measures the queue engine's decisions with 1,000 agents and 500 callers waiting: how long one input takes from
//! `handle` to the last `poll`. Run it with `cargo run --release -p hotline-acd --example decision`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hotline_acd::{
    Acd, AcdConfig, Agent, Band, Effect, Input, Leave, Login, Output, Policy, Queue, QueueRules, Requirement,
    RosterEntry, SkillStep,
};
use hotline_types::{
    AgentSlug, ContactId, DeviceState, Intent, Now, OfferId, ParseSlugError, QueueSlug, Rng, Time, WallTime,
};

const AGENTS: usize = 1_000;
const QUEUES: usize = 10;
const WAITING: usize = 500;
const ROUNDS: usize = 20_000;
/// A decision with 1,000 agents and 500 callers waiting takes at most this, in 99 of 100.
const BAR: Duration = Duration::from_micros(50);

fn agent_slug(no: usize) -> Result<AgentSlug, ParseSlugError> {
    format!("agent{no}").parse()
}

fn queue_slug(no: usize) -> Result<QueueSlug, ParseSlugError> {
    format!("queue{no}").parse()
}

/// The queues take the policies in turn, so that those which look at every agent are measured with the others.
fn rules(no: usize) -> QueueRules {
    let policies = [
        Policy::LongestIdle,
        Policy::LeastOccupied,
        Policy::FewestCalls,
        Policy::RoundRobin,
        Policy::WeightedRandom,
    ];
    QueueRules {
        policy: policies[no % policies.len()],
        steps: vec![SkillStep {
            after: Duration::ZERO,
            needs: Requirement::Anyone,
        }],
        ..QueueRules::default()
    }
}

/// Every agent serves three of ten queues; day and night crews, half each.
fn config() -> Result<AcdConfig, ParseSlugError> {
    let mut config = AcdConfig {
        queues: Vec::new(),
        agents: Vec::new(),
        bands: Vec::new(),
        roster: Vec::new(),
        time_zone: "Asia/Shanghai".to_owned(),
        business_day_start_min: 480,
        login: Login::Register,
        cool_off: Duration::from_secs(10),
        misses_max: 3,
        holidays: Vec::new(),
        pauses: Vec::new(),
    };
    for (slug, from_min, until_min) in [("day", 480, 1200), ("night", 1200, 480)] {
        config.bands.push(Band {
            slug: slug.parse()?,
            from_min,
            until_min,
            days: [true; 7],
            seats: Vec::new(),
        });
    }
    for no in 0..AGENTS {
        config.agents.push(Agent {
            slug: agent_slug(no)?,
            intent: Intent::LoggedOut,
            team: None,
            skills: BTreeMap::new(),
        });
        for band in if no % 2 == 0 {
            &["day"][..]
        } else {
            &["day", "night"][..]
        } {
            config.roster.push(RosterEntry {
                band: band.parse()?,
                agent: agent_slug(no)?,
                days: [true; 7],
                dates: Vec::new(),
            });
        }
    }
    for no in 0..QUEUES {
        let agents: Result<_, _> = (0..AGENTS)
            .filter(|agent| (agent + no) % QUEUES < 3)
            .map(agent_slug)
            .collect();
        config.queues.push(Queue {
            slug: queue_slug(no)?,
            agents: agents?,
            capacity: 1_000,
            wait_max: Duration::from_secs(3_600),
            ring: Duration::from_secs(15),
            ring_min: Duration::from_secs(5),
            wrap_up: Duration::ZERO,
            rules: rules(no),
        });
    }
    Ok(config)
}

/// The engine with its clock, and how long each kind of input took.
struct Bench {
    acd: Acd,
    rng: Rng,
    now: Now,
    offers: Vec<(OfferId, ContactId)>,
}

impl Bench {
    /// Puts one input and drains it; the time that took.
    #[expect(
        clippy::disallowed_methods,
        reason = "a measurement reads the clock; the engine that it measures does not"
    )]
    fn put(&mut self, input: Input) -> Duration {
        self.now = Now::new(
            self.now.mono + Duration::from_millis(1),
            self.now.wall + Duration::from_millis(1),
        );
        let mut offers = Vec::new();
        let began = Instant::now();
        self.acd.handle(self.now, input);
        loop {
            match self.acd.poll() {
                Output::Timeout(_) => break,
                Output::Effect(Effect::Offer { offer, contact, .. }) => offers.push((offer, contact)),
                Output::Effect(_) | Output::Event(_) => {}
            }
        }
        let took = began.elapsed();
        self.offers.append(&mut offers);
        took
    }

    fn enqueue(&mut self, queue: usize) -> Result<(ContactId, Duration), ParseSlugError> {
        let contact = ContactId::new(self.now.wall, &mut self.rng);
        let (queue, enqueued_at) = (queue_slug(queue % QUEUES)?, self.now.wall);
        let took = self.put(Input::Enqueue {
            contact,
            queue,
            enqueued_at,
            priority: Duration::ZERO,
            last_agent: None,
        });
        Ok((contact, took))
    }
}

/// Prints the times; fails where a decision misses its bar.
#[expect(clippy::print_stdout, reason = "what was measured is for whoever runs it")]
fn show(what: &str, mut times: Vec<Duration>) -> Result<(), String> {
    times.sort_unstable();
    let at = |percent: usize| {
        times
            .get((times.len() * percent / 100).min(times.len() - 1))
            .copied()
            .unwrap_or_default()
    };
    println!(
        "{what:<52} p50 {:>9.1?}  p99 {:>9.1?}  max {:>9.1?}  n {}",
        at(50),
        at(99),
        at(100),
        times.len()
    );
    if at(99) > BAR && times.len() == ROUNDS {
        return Err(format!("{what}: p99 {:?} is above the bar of {BAR:?}", at(99)));
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // 2026-11-24 19:30 in Shanghai.
    let now = Now::new(Time::ZERO, WallTime::from_millis(1_795_519_800_000));
    let mut rng = Rng::from_seed(1);
    let acd = Acd::new(config()?, rng.fork(), now).map_err(|problems| format!("{problems:?}"))?;
    let mut bench = Bench {
        acd,
        rng,
        now,
        offers: Vec::new(),
    };
    for no in 0..AGENTS {
        bench.put(Input::Device {
            agent: agent_slug(no)?,
            device: DeviceState::Registered,
        });
    }

    // Agents to spare: a call picks the longest idle of a thousand, and hangs up again.
    let (mut picks, mut leaves) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (contact, took) = bench.enqueue(round)?;
        picks.push(took);
        leaves.push(bench.put(Input::Leave {
            contact,
            why: Leave::HungUp,
        }));
    }
    if bench.offers.len() != ROUNDS {
        return Err("a call was not offered although agents were idle".into());
    }
    show("a call picks one of 1,000 idle agents", picks)?;
    show("a ringing caller hangs up", leaves)?;

    // Everybody talks, 500 wait.
    bench.offers.clear();
    for round in 0..AGENTS + WAITING {
        bench.enqueue(round)?;
    }
    let mut talking = Vec::new();
    for (offer, contact) in std::mem::take(&mut bench.offers) {
        bench.put(Input::OfferAnswered { offer });
        talking.push(contact);
    }

    // Calls to spare: a freed agent picks one of 500, is answered, and a new caller joins the end.
    let (mut frees, mut answers, mut joins) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let contact = talking[round % talking.len()];
        frees.push(bench.put(Input::TalkEnded { contact }));
        let (offer, next) = bench.offers.pop().ok_or("a freed agent was offered nobody")?;
        answers.push(bench.put(Input::OfferAnswered { offer }));
        let slot = round % talking.len();
        talking[slot] = next;
        joins.push(bench.enqueue(round)?.1);
    }
    show("a freed agent picks one of 500 callers", frees)?;
    show("an offer is answered", answers)?;
    show("a caller joins 500 others", joins)?;

    // 20:00: five hundred agents go, nobody new comes; the band's change is the largest single step.
    let to_change = bench
        .acd
        .next_change()
        .map_or(Duration::ZERO, |at| at.since(bench.now.wall));
    bench.now = Now::new(bench.now.mono + to_change, bench.now.wall + to_change);
    show(
        "the band changes under 1,000 agents",
        vec![bench.put(Input::Timeout)],
    )?;
    bench.acd.check()?;
    Ok(())
}
