//! What figures cost: a million events folded, a day of 20,000 contacts simulated, a month reported from a journal of ten
//! million events. `HOTLINE_BENCH_ONLY` is `fold`, `simulate` or `report`; `HOTLINE_BENCH_CONTACTS` sets the size of the last.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and ends where an unwrap fails"
)]

#[path = "figures.rs"]
#[allow(dead_code, reason = "shared by the benchmarks, each of which uses a part")]
mod figures;
#[path = "journal.rs"]
mod journal;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use figures::{Bar, Table};
use hotline_acd::{AcdConfig, Agent, Band, Login, Queue, RosterEntry};
use hotline_journal::sample::{Sample, SampleConfig};
use hotline_journal::{Counters, Event};
use hotline_planning::{Caller, Known, Model, Presence, Scenario, run};
use hotline_store::Reader;
use hotline_supervisor::Directory;
use hotline_supervisor::report::{ReportQuery, Reporting, make};
use hotline_types::{AgentSlug, ContactId, Intent, Rng, WallTime};

/// 2026-11-24 08:00 in Shanghai.
const BEGIN: WallTime = WallTime::from_micros(1_795_478_400_000_000);
/// Contacts of a journal of about ten million events.
const CONTACTS: usize = 640_000;
/// Seconds a fold of a million events may take: 200,000 a second.
const FOLD_S: f64 = 5.0;

fn main() {
    let only = std::env::var("HOTLINE_BENCH_ONLY").ok();
    let asked = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let mut table = Table::new("reports");
    if asked("fold") {
        fold(&mut table);
    }
    if asked("simulate") {
        simulate(&mut table);
    }
    if asked("report") {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(report(&mut table));
    }
    table.print();
}

fn sample(pause_max: Duration) -> Sample {
    Sample::new(SampleConfig {
        seed: 1,
        from: BEGIN,
        pause_max,
        lines: 60,
        agents: 60,
        patient: 90,
    })
}

fn fold(table: &mut Table) {
    let mut hotline = sample(Duration::from_millis(700));
    let mut events: Vec<Event> = hotline.start();
    while events.len() < 1_000_000 {
        events.extend(hotline.step());
    }
    let mut counters = Counters::new(Sample::days());
    let (began, mut rows) = (Instant::now(), 0);
    for batch in events.chunks(64) {
        batch.iter().for_each(|event| counters.apply(event));
        rows += counters.drain().len();
    }
    let took = began.elapsed().as_secs_f64();
    let conditions = format!("{} events in batches of 64, {rows} rows drained", events.len());
    table.add(
        "fold of a million events",
        took,
        "s",
        Some(Bar::AtMost(FOLD_S)),
        &conditions,
    );
}

/// A day with peaks: 60 agents in three overlapping bands, three queues.
fn simulate(table: &mut Table) {
    let mut rng = Rng::from_seed(4);
    let mut callers: Vec<Caller> = Vec::new();
    for _ in 0..20_000 {
        let at = BEGIN + Duration::from_millis((rng.below(43_200_000) + rng.below(43_200_000)) / 2);
        callers.push(Caller {
            contact: ContactId::new(at, &mut rng),
            at,
            queue: ["a", "b", "c"][rng.below(3) as usize].parse().unwrap(),
            patience: Known::Longer(Duration::ZERO),
            handling: Some(Duration::from_secs(20 + rng.below(160))),
            exit: None,
        });
    }
    let scenario = Scenario {
        acd: day(80),
        presence: Presence::Rostered { shrinkage: 0.1 },
        demand: 1.0,
        thresholds: Default::default(),
    };
    let began = Instant::now();
    let day = run(&scenario, &callers, &Model::default(), 0, 1).unwrap();
    let took = began.elapsed().as_secs_f64();
    let conditions = format!(
        "20,000 contacts, 80 agents, 3 queues; {} answered, {} abandoned",
        day.counts.answered, day.counts.abandoned
    );
    table.add("a day simulated", took, "s", Some(Bar::AtMost(1.0)), &conditions);
}

fn day(agents: usize) -> AcdConfig {
    let slugs: Vec<AgentSlug> = (0..agents)
        .map(|no| format!("agent{no}").parse().unwrap())
        .collect();
    let queue = |name: &str| Queue {
        slug: name.parse().unwrap(),
        agents: slugs.clone(),
        capacity: 1_000,
        wait_max: Duration::from_secs(600),
        ring: Duration::from_secs(15),
        ring_min: Duration::from_secs(3),
        wrap_up: Duration::from_secs(10),
        rules: hotline_acd::QueueRules::default(),
    };
    let band = |name: &str, from_min, until_min| Band {
        slug: name.parse().unwrap(),
        from_min,
        until_min,
        days: [true; 7],
        seats: Vec::new(),
    };
    let roster = slugs.iter().enumerate().map(|(no, agent)| RosterEntry {
        band: ["day", "late", "night"][no % 3].parse().unwrap(),
        agent: agent.clone(),
        days: [true; 7],
        dates: Vec::new(),
    });
    AcdConfig {
        queues: ["a", "b", "c"].map(queue).to_vec(),
        agents: slugs
            .iter()
            .map(|slug| Agent {
                slug: slug.clone(),
                intent: Intent::Ready,
                team: None,
                skills: BTreeMap::new(),
            })
            .collect(),
        bands: vec![
            band("day", 480, 1_200),
            band("late", 540, 1_260),
            band("night", 1_200, 480),
        ],
        roster: roster.collect(),
        time_zone: "Asia/Shanghai".to_owned(),
        business_day_start_min: 480,
        login: Login::Explicit,
        cool_off: Duration::from_secs(10),
        misses_max: 3,
        holidays: Vec::new(),
        pauses: Vec::new(),
    }
}

/// Resident memory of this process, MB.
fn resident_mb() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kb: f64 = line.split_whitespace().next().unwrap().parse().unwrap();
    kb / 1_024.0
}

async fn report(table: &mut Table) {
    let folder = std::env::temp_dir().join(format!("hotline-bench-reports-{}", std::process::id()));
    let asked = std::env::var("HOTLINE_BENCH_CONTACTS").ok();
    let contacts = asked.map_or(CONTACTS, |text| text.parse().unwrap());
    let events = journal::fill_over(&folder, contacts, Duration::from_millis(1_600)).await;
    let reader = Reader::open(&folder).unwrap();
    let reporting = Reporting {
        days: Sample::days(),
        directory: Directory::default(),
        roster: Arc::new(|_, _| hotline_journal::report::Shifts::new()),
        now: || BEGIN,
    };
    let before = resident_mb();
    let mut longest: f64 = 0.0;
    for by in ["queue", "agent", "total"] {
        let query = ReportQuery {
            from: Some("2026-11-24".to_owned()),
            to: Some("2026-12-24".to_owned()),
            by: Some(by.to_owned()),
            per: Some("day".to_owned()),
            ..ReportQuery::default()
        };
        let began = Instant::now();
        let made = make(&reader, &reporting, &query).await.unwrap();
        let took = began.elapsed().as_secs_f64();
        println!("by {by}: {took:.3} s, {} bytes of CSV", made.csv().len());
        longest = longest.max(took);
    }
    let conditions =
        format!("{events} events, {contacts} contacts; the slowest of queue, agent, total per day");
    table.add(
        "report of a month",
        longest,
        "s",
        Some(Bar::AtMost(2.0)),
        &conditions,
    );
    table.add(
        "memory of it",
        resident_mb() - before,
        "MB",
        Some(Bar::AtMost(32.0)),
        &conditions,
    );
    std::fs::remove_dir_all(folder).unwrap();
}
