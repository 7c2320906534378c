//! The whole call centre in virtual time, from one seed: the real switch with its SIP endpoint, queues and flows,
//! between scripted callers, agents, media, store and a bad network. Checkers watch every event.

mod agreement;
mod checkers;
mod media;
mod options;
mod store;
mod world;

use options::Options;
use world::World;

/// Seeds that every run of the tests takes. A seed that found something stays, with a line saying what.
const SEEDS: std::ops::Range<u64> = 1..41;

/// Runs one seed and says how to run it again where it fails.
fn run(options: Options) -> world::Outcome {
    let seed = options.seed;
    let mut world = World::new(options);
    match world.run() {
        Ok(outcome) => outcome,
        Err(problem) => {
            panic!(
                "seed {seed}: {problem}\nthe last inputs:\n{}\nrun it alone: HOTLINE_SIM_SEED={seed} cargo test -p hotline-tests sim::one_seed",
                world.history()
            );
        }
    }
}

#[test]
fn every_seed_keeps_the_invariants_and_drains() {
    let (mut answered, mut panics) = (0, 0);
    let mut outcomes = std::collections::BTreeSet::new();
    for seed in SEEDS {
        let outcome = run(Options::swarm(seed));
        answered += outcome.answered;
        panics += outcome.panics;
        outcomes.extend(outcome.causes);
    }
    // The seeds must reach the interesting ends, else the checkers saw nothing.
    assert!(answered > 500, "only {answered} calls were answered in all seeds");
    assert!(panics > 10, "only {panics} calls had a machine that panicked");
    for cause in [
        "completed",
        "abandoned",
        "ended_in_ivr",
        "flowed_out",
        "lost",
        "refused",
    ] {
        assert!(
            outcomes.contains(cause),
            "no seed reached the cause {cause}: {outcomes:?}"
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_journal() {
    let first = run(Options::swarm(7));
    let second = run(Options::swarm(7));
    assert_eq!(first.digest, second.digest, "a run must depend on its seed alone");
}

#[test]
fn a_quiet_day_answers_everybody() {
    let outcome = run(Options::quiet(99));
    assert_eq!(
        outcome.opened, outcome.answered,
        "enough agents, no faults: {outcome:?}"
    );
}

#[test]
fn one_seed() {
    // The seed a failure names; without one, another fixed one.
    let seed = std::env::var("HOTLINE_SIM_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(4_711);
    run(Options::swarm(seed));
}

#[test]
fn many_seeds() {
    // `make sim-long` names how many; the ordinary tests take a handful beyond the fixed ones.
    let count = std::env::var("HOTLINE_SIM_SEEDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(5_u64);
    for seed in 10_000..10_000 + count {
        run(Options::swarm(seed));
    }
}
