use hotline_acd::{Agent, Band, Login, Queue, RosterEntry};
use hotline_journal::figures::{Basis, Duty, Figure};

use super::*;
use crate::{Load, estimate, with_abandons};

/// 2026-11-24 08:00 in Shanghai.
const BEGIN: WallTime = WallTime::from_micros(1_795_478_400_000_000);

/// One queue, `agents` agents on one band all day, who answer at once and need no wrap-up.
fn one_queue(agents: usize) -> AcdConfig {
    let slugs: Vec<AgentSlug> = (0..agents)
        .map(|no| format!("agent{no}").parse().unwrap())
        .collect();
    AcdConfig {
        queues: vec![Queue {
            slug: "main".parse().unwrap(),
            agents: slugs.clone(),
            capacity: 10_000,
            wait_max: Duration::from_secs(86_400),
            ring: Duration::from_secs(15),
            ring_min: Duration::ZERO,
            wrap_up: Duration::ZERO,
            rules: hotline_acd::QueueRules::default(),
        }],
        agents: slugs
            .iter()
            .map(|slug| Agent {
                slug: slug.clone(),
                intent: Intent::Ready,
                team: None,
                skills: BTreeMap::new(),
            })
            .collect(),
        bands: vec![Band {
            slug: "always".parse().unwrap(),
            from_min: 0,
            until_min: 1_440,
            days: [true; 7],
            seats: Vec::new(),
        }],
        roster: slugs
            .iter()
            .map(|agent| RosterEntry {
                band: "always".parse().unwrap(),
                agent: agent.clone(),
                days: [true; 7],
                dates: Vec::new(),
            })
            .collect(),
        time_zone: "Asia/Shanghai".to_owned(),
        business_day_start_min: 480,
        login: Login::Explicit,
        cool_off: Duration::from_secs(10),
        misses_max: 3,
        holidays: Vec::new(),
        pauses: Vec::new(),
    }
}

/// Poisson arrivals, exponential service and patience.
fn markov(load: &Load, length: Duration, seed: u64) -> Vec<Caller> {
    let mut rng = Rng::from_seed(seed);
    let between = Duration::from_secs_f64(3_600.0 / load.calls_per_hour);
    let mut at = BEGIN;
    let mut callers = Vec::new();
    loop {
        at = at + exponential(&mut rng, between);
        if at > BEGIN + length {
            return callers;
        }
        callers.push(Caller {
            contact: ContactId::new(at, &mut rng),
            at,
            queue: "main".parse().unwrap(),
            patience: Known::Exactly(exponential(&mut rng, Duration::from_secs_f64(load.patience_s))),
            handling: Some(exponential(&mut rng, Duration::from_secs_f64(load.aht_s))),
            exit: None,
        });
    }
}

fn scenario(acd: AcdConfig) -> Scenario {
    Scenario {
        acd,
        presence: Presence::Rostered { shrinkage: 0.0 },
        demand: 1.0,
        thresholds: Thresholds::default(),
    }
}

fn figure(run: &Run, name: &str) -> f64 {
    let basis = Basis {
        counts: &run.counts,
        within: run.within,
        duty: Duty::default(),
    };
    Figure::named(name).unwrap().value(&basis).unwrap()
}

#[test]
fn markov_input_agrees_with_erlang_a_within_the_confidence_interval() {
    let load = Load {
        calls_per_hour: 60.0,
        aht_s: 300.0,
        patience_s: 120.0,
    };
    let scenario = scenario(one_queue(5));
    let runs: Outcome = (0..20)
        .map(|no| {
            let callers = markov(&load, Duration::from_secs(2 * 86_400), 70 + u64::from(no));
            run(&scenario, &callers, &Model::default(), no, 1).unwrap()
        })
        .collect();
    let exact = with_abandons(&load, 5, 15.0);
    for (name, exact) in [
        ("sl_offered", exact.sl_offered),
        ("sl_without_abandons_within", exact.sl_without_abandons_within),
        ("sl_answered_only", exact.sl_answered_only.unwrap()),
        ("abandonment", exact.abandon),
    ] {
        let values: Vec<f64> = runs.iter().map(|run| figure(run, name)).collect();
        let estimate = estimate(&values).unwrap();
        assert!(
            estimate.holds(exact),
            "{name}: {estimate:?} does not hold {exact}"
        );
        assert!(estimate.margin < 0.02, "{name}: {estimate:?} says too little");
    }
}

#[test]
fn every_caller_is_accounted_for_and_equal_seeds_give_equal_runs() {
    let load = Load {
        calls_per_hour: 200.0,
        aht_s: 120.0,
        patience_s: 60.0,
    };
    let callers = markov(&load, Duration::from_secs(6 * 3_600), 5);
    let scenario = Scenario {
        presence: Presence::Rostered { shrinkage: 0.2 },
        demand: 1.5,
        ..scenario(one_queue(6))
    };
    let (first, again) = (
        run(&scenario, &callers, &Model::default(), 3, 9).unwrap(),
        run(&scenario, &callers, &Model::default(), 3, 9).unwrap(),
    );
    assert_eq!(first, again);
    let counts = &first.counts;
    assert_eq!(
        counts.offered,
        counts.answered + counts.abandoned + counts.flowed_out() + counts.lost
    );
    assert_eq!(counts.answered, counts.handled);
    let asked = callers.len() * 3 / 2;
    assert!(
        usize::try_from(counts.offered).unwrap().abs_diff(asked) < asked / 10,
        "{counts:?}"
    );
}

#[test]
fn one_agent_more_serves_better_and_the_record_of_presence_is_obeyed() {
    let load = Load {
        calls_per_hour: 60.0,
        aht_s: 300.0,
        patience_s: 120.0,
    };
    let callers = markov(&load, Duration::from_secs(86_400), 11);
    let rate = |agents| {
        figure(
            &run(&scenario(one_queue(agents)), &callers, &Model::default(), 0, 1).unwrap(),
            "answer_rate",
        )
    };
    assert!(rate(6) > rate(5) && rate(5) > rate(4));
    // Nobody logs in: nobody is answered.
    let away = Scenario {
        presence: Presence::Recorded(Vec::new()),
        ..scenario(one_queue(5))
    };
    let run = run(&away, &callers, &Model::default(), 0, 1).unwrap();
    assert_eq!(
        (run.counts.answered, run.counts.offered),
        (0, callers.len() as u64)
    );
}

#[test]
fn caller_whom_an_overflow_rule_sent_on_arrives_once() {
    let wait = Duration::from_secs(20);
    let first = Caller {
        contact: ContactId::new(BEGIN, &mut Rng::from_seed(1)),
        at: BEGIN,
        queue: "main".parse().unwrap(),
        patience: Known::Longer(wait),
        handling: None,
        exit: Some((QueueExit::FlowedOut(FlowOutReason::Overflow), wait)),
    };
    let sent_on = Caller {
        at: BEGIN + wait,
        queue: "second".parse().unwrap(),
        patience: Known::Exactly(Duration::from_secs(5)),
        handling: Some(Duration::from_secs(60)),
        exit: Some((QueueExit::Answered, Duration::ZERO)),
        ..first.clone()
    };
    let callers = arrivals(&[
        first.clone(),
        sent_on,
        Caller {
            contact: ContactId::from_bytes([7; 16]),
            ..first
        },
    ]);
    assert_eq!(callers.len(), 2);
    assert_eq!(callers[0].patience, Known::Exactly(Duration::from_secs(25)));
    assert_eq!(callers[0].handling, Some(Duration::from_secs(60)));
}

#[test]
fn names_that_the_settings_lack_are_told_by_kind() {
    let slugs = |queue: &str, agent: &str, band: &str| crate::Names {
        queues: [queue.parse().unwrap()].into(),
        agents: [agent.parse().unwrap()].into(),
        bands: [band.parse().unwrap()].into(),
    };
    let config = one_queue(2);
    assert!(slugs("main", "agent1", "always").unknown_to(&config).is_empty());
    let unknown = slugs("other", "agent2", "night").unknown_to(&config);
    assert_eq!(unknown.to_string(), "queues other; agents agent2; bands night");
}
