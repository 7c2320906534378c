//! What the journal costs: CPU per call at 20 calls/s, the way of a screen-pop to the desk, and the start on a journal of
//! 100,000 contacts (`HOTLINE_BENCH_CONTACTS` sets another number; `HOTLINE_BENCH_ONLY` is `cost`, `pop` or `start`). Prints each figure and appends it to
//! `target/bench.jsonl`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and ends where an unwrap fails"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hotline_journal::sample::{Sample, SampleConfig};
use hotline_journal::{Event, What};
use hotline_store::{Batch, Durability, JournalHandle, PersonRow, Store, StoreConfig};
use hotline_types::{Pii, WallTime};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

const CALLS_PER_S: f64 = 20.0;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("hotline-bench-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn report(figure: &str, value: f64, unit: &str, conditions: &str) {
    println!("{figure}: {value:.3} {unit} ({conditions})");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/bench.jsonl");
    let line = serde_json::json!({
        "bench": "journal", "figure": figure, "value": value, "unit": unit, "conditions": conditions,
    });
    if let Ok(mut file) = std::fs::OpenOptions::new().create(true).append(true).open(path) {
        writeln!(file, "{line}").unwrap();
    }
}

fn sample(patient: u64, pause_max: Duration) -> Sample {
    let from = WallTime::from_millis(1_795_476_600_000);
    Sample::new(SampleConfig {
        seed: 1,
        from,
        pause_max,
        lines: 60,
        agents: 60,
        patient,
    })
}

fn batch(events: Vec<Event>) -> Batch {
    let person = |event: &Event| match &event.what {
        What::ContactOpened { person, .. } => Some(PersonRow {
            id: *person,
            number: Some(Pii::new("+8613800138000".to_owned())),
            name: None,
        }),
        _ => None,
    };
    let persons = events.iter().filter_map(person).collect();
    Batch { events, persons }
}

fn opened(batches: &[Batch]) -> usize {
    batches.iter().map(|batch| batch.persons.len()).sum()
}

struct Running {
    handle: JournalHandle,
    pops: mpsc::Receiver<hotline_types::OfferId>,
    tasks: Vec<JoinHandle<()>>,
}

async fn run(folder: &Path) -> Running {
    let store = Store::open(StoreConfig {
        data_dir: folder.to_owned(),
        durability: Durability::Normal,
    })
    .await
    .unwrap();
    let recovered = store.recover(Sample::days()).await.unwrap();
    let (told, pops) = mpsc::channel(1_024);
    let (handle, writer, sink) = store.writer(&recovered, told).await.unwrap();
    let tasks = vec![tokio::spawn(writer.run()), tokio::spawn(sink.run())];
    Running { handle, pops, tasks }
}

/// CPU time of all threads of this process, seconds.
fn cpu_s() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let nanos = |entry: std::io::Result<std::fs::DirEntry>| -> Option<f64> {
        let text = std::fs::read_to_string(entry.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    };
    tasks.filter_map(nanos).sum::<f64>() / 1e9
}

async fn cost_per_call() {
    let folder = Folder::new("cost");
    let running = run(&folder.0).await;
    let mut hotline = sample(100, Duration::from_millis(9));
    running.handle.append(batch(hotline.start())).unwrap();
    let mut batches = Vec::new();
    while opened(&batches) < 240 {
        batches.push(batch(hotline.step()));
        batches.retain(|batch| !batch.events.is_empty());
    }
    let calls = opened(&batches) as f64;
    let events: usize = batches.iter().map(|batch| batch.events.len()).sum();
    let pause = Duration::from_secs_f64(calls / CALLS_PER_S / batches.len() as f64);
    let idle = cpu_s();
    let begin = tokio::time::Instant::now();
    for index in 0..batches.len() {
        tokio::time::sleep_until(begin + pause * u32::try_from(index).unwrap()).await;
    }
    let floor = cpu_s() - idle;
    let before = (cpu_s(), running.handle.status().commits);
    let begin = tokio::time::Instant::now();
    let batch_count = batches.len();
    for (index, batch) in batches.into_iter().enumerate() {
        tokio::time::sleep_until(begin + pause * u32::try_from(index).unwrap()).await;
        running.handle.append(batch).unwrap();
    }
    let seq = running.handle.committed();
    let cost = cpu_s() - before.0 - floor;
    let commits = running.handle.status().commits - before.1;
    let conditions = format!(
        "{CALLS_PER_S} calls/s, {:.1} events in {:.1} batches and {:.1} commits per call, up to event {}",
        events as f64 / calls,
        batch_count as f64 / calls,
        commits as f64 / calls,
        seq.borrow().0
    );
    report("cpu_per_call", cost * 1e3 / calls, "ms", &conditions);
    running.tasks.iter().for_each(JoinHandle::abort);
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}

async fn way_of_a_pop() {
    let folder = Folder::new("pop");
    let mut running = run(&folder.0).await;
    let mut hotline = sample(100, Duration::from_millis(900));
    running.handle.append(batch(hotline.start())).unwrap();
    let (mut commits, mut desks) = (Vec::new(), Vec::new());
    while desks.len() < 300 {
        let events = hotline.step();
        let Some(last) = events.last().map(|event| event.seq) else {
            continue;
        };
        let offered = events
            .iter()
            .any(|event| matches!(event.what, What::OfferMade { .. }));
        let mut committed = running.handle.committed();
        tokio::time::sleep(Duration::from_millis(12)).await;
        let begin = Instant::now();
        running.handle.append(batch(events)).unwrap();
        committed.wait_for(|&seq| seq >= last).await.unwrap();
        let durable = begin.elapsed();
        if offered {
            running.pops.recv().await.unwrap();
            commits.push(durable.as_secs_f64() * 1e3);
            desks.push(begin.elapsed().saturating_sub(durable).as_secs_f64() * 1e3);
        }
    }
    for (figure, mut times) in [("append_to_commit", commits), ("commit_to_desk", desks)] {
        times.sort_by(f64::total_cmp);
        report(
            &format!("{figure}_p50"),
            percentile(&times, 0.5),
            "ms",
            "one batch per 12 ms",
        );
        report(
            &format!("{figure}_p99"),
            percentile(&times, 0.99),
            "ms",
            "one batch per 12 ms",
        );
    }
    running.tasks.iter().for_each(JoinHandle::abort);
}

async fn start_on_a_large_journal() {
    let contacts = std::env::var("HOTLINE_BENCH_CONTACTS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(100_000);
    let folder = Folder::new("start");
    let running = run(&folder.0).await;
    let mut hotline = sample(97, Duration::from_millis(700));
    let (mut made, mut events, mut seq) = (0, 0, hotline_journal::Seq(0));
    let mut next = hotline.start();
    let (begin, cpu) = (Instant::now(), cpu_s());
    while made < contacts {
        while next.len() < 512 {
            next.extend(hotline.step());
        }
        let batch = batch(std::mem::take(&mut next));
        made += batch.persons.len();
        events += batch.events.len();
        seq = batch.events.last().unwrap().seq;
        while running.handle.pending() > 64 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        running.handle.append(batch).unwrap();
    }
    running
        .handle
        .committed()
        .wait_for(|&last| last >= seq)
        .await
        .unwrap();
    let rate = events as f64 / begin.elapsed().as_secs_f64();
    report(
        "bulk_write",
        rate,
        "events/s",
        &format!("{events} events of {made} contacts"),
    );
    let cost = (cpu_s() - cpu) * 1e3 / made as f64;
    report(
        "bulk_cpu_per_call",
        cost,
        "ms",
        "512 events per batch, making them included",
    );
    for task in running.tasks {
        task.abort();
        let _ = task.await;
    }
    let begin = Instant::now();
    let store = Store::open(StoreConfig {
        data_dir: folder.0.clone(),
        durability: Durability::Normal,
    })
    .await
    .unwrap();
    let recovered = store.recover(Sample::days()).await.unwrap();
    let board = recovered.board();
    let took = begin.elapsed().as_secs_f64() * 1e3;
    let open = recovered.open().count();
    assert_eq!(board.contacts().count(), open);
    report(
        "open_and_recover",
        took,
        "ms",
        &format!("{made} contacts, {events} events, {open} open after a crash"),
    );
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let only = std::env::var("HOTLINE_BENCH_ONLY").unwrap_or_default();
    if only.is_empty() || only == "cost" {
        cost_per_call().await;
    }
    if only.is_empty() || only == "pop" {
        way_of_a_pop().await;
    }
    if only.is_empty() || only == "start" {
        start_on_a_large_journal().await;
    }
}
