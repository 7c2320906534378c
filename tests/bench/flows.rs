//! What flows cost: tests of the main flow in a second, and a step of the interpreter.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and ends where an unwrap fails"
)]

#[path = "figures.rs"]
#[allow(dead_code, reason = "shared by the benchmarks, each of which uses a part")]
mod figures;

use std::sync::Arc;
use std::time::{Duration, Instant};

use figures::{Bar, Table};
use hotline_types::{Now, Pii, Time, WallTime};
use ivr_flows::{Effect, Input, Library, Output, Run, Trials};

/// Microseconds that a test may take: a thousand in a second.
const TEST_US: f64 = 1_000.0;
/// Microseconds that a step of the interpreter may take.
const STEP_US: f64 = 5.0;
/// Steps that are measured.
const STEPS: u32 = 500_000;
/// Times that the tests of the flow are run.
const ROUNDS: usize = 50;

fn main() {
    let mut table = Table::new("flows");
    let flows = Library::embedded().unwrap();
    let flow = flows.get("hotline-main").unwrap();
    let tests = Library::embedded_tests();
    let (file, text) = tests
        .iter()
        .find(|(file, _)| file == "hotline-main.test.yaml")
        .unwrap();
    let trials = Trials::parse(file, text).unwrap();
    let began = Instant::now();
    for _ in 0..ROUNDS {
        assert!(trials.run(flow).passed());
    }
    let count = ROUNDS * trials.len();
    let took = began.elapsed().as_secs_f64() * 1e6 / count as f64;
    let conditions = format!("{count} tests of hotline-main, {:.0} a second", 1e6 / took);
    table.add("a flow test", took, "us", Some(Bar::AtMost(TEST_US)), &conditions);

    let mut run = Run::new(Arc::clone(flow));
    let (mut now, mut play) = (Time::ZERO, 0);
    step(&mut run, now, Input::Start, &mut play);
    step(&mut run, now, Input::Digit(Pii::new('2')), &mut play);
    let began = Instant::now();
    let mut restarts = 0_u32;
    for at in 0..STEPS {
        now = now + Duration::from_millis(20);
        // Round the main menu by its key, its prompts heard to their end in between.
        let input = match at % 3 {
            0 => Input::PlayEnded(play),
            1 => Input::Open(true),
            _ => Input::Digit(Pii::new('9')),
        };
        step(&mut run, now, input, &mut play);
        if run.is_over() || run.is_queued() {
            restarts += 1;
            run = Run::new(Arc::clone(flow));
            step(&mut run, now, Input::Start, &mut play);
        }
    }
    let took = began.elapsed().as_secs_f64() * 1e6 / f64::from(STEPS);
    let conditions = format!("{STEPS} inputs in the main menu, outputs taken, {restarts} calls");
    table.add(
        "a step of the interpreter",
        took,
        "us",
        Some(Bar::AtMost(STEP_US)),
        &conditions,
    );
    table.print();
}

fn step(run: &mut Run, now: Time, input: Input, play: &mut u64) {
    run.handle(Now::new(now, WallTime::default()), input);
    while let Output::Effect(effect) = run.poll() {
        if let Effect::Play { play: number, .. } = effect {
            *play = number;
        }
    }
}
