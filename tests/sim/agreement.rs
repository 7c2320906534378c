//! One day, three readers: the report from the store, the console's live figures and `/metrics` must say the same numbers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hotline_journal::{Event, Seq};
use hotline_store::{Batch, Durability, Store, StoreConfig};
use hotline_supervisor::report::{ReportQuery, Reporting};
use hotline_supervisor::{
    Actor, CommandError, ConsoleConfig, Directory, Gateway, Parts, Readiness, RecordingOrder, Records as _,
    Status, StoreAccounts, StoreRecords, Supervisor, TransferTo,
};
use hotline_types::{AgentSlug, ContactId, Intent, Pii, Rng, SegmentId, WallTime};
use serde_json::Value;
use tokio::sync::mpsc;

use super::checkers::business_days;
use super::options::Options;
use super::world::World;
use crate::e2e::http;

const TOKEN: &str = "control";
const QUEUES: [&str; 3] = ["pre-sales", "after-sales", "complaints"];
const NUMBERS: [&str; 3] = ["hotline", "hotline-en", "direct"];
/// 2090-06-02 19:20 in Shanghai: the run crosses the band change at 20:00 inside one business date, which no clock of a
/// machine that runs this test has passed.
const START_MS: i64 = 3_800_085_600_000;

/// Takes no commands.
struct Still;

impl hotline_supervisor::Signalling for Still {
    fn bans(&self) -> Vec<hotline_supervisor::BanRow> {
        Vec::new()
    }

    fn lift(&self, _: std::net::IpAddr, _: Option<&str>) -> usize {
        0
    }
}

#[async_trait]
impl Gateway for Still {
    async fn set_intent(&self, _: &Actor, _: &AgentSlug, _: Intent) -> Result<Seq, CommandError> {
        Err(CommandError::Busy)
    }
    async fn release_agent(&self, _: &Actor, _: &AgentSlug) -> Result<Seq, CommandError> {
        Err(CommandError::Busy)
    }
    async fn transfer(
        &self,
        _: &Actor,
        _: ContactId,
        _: Option<&AgentSlug>,
        _: TransferTo,
    ) -> Result<Seq, CommandError> {
        Err(CommandError::Busy)
    }
    async fn dispose(&self, _: &Actor, _: &AgentSlug, _: &str) -> Result<Seq, CommandError> {
        Err(CommandError::Busy)
    }

    async fn why_agent(&self, _: &Actor, _: &AgentSlug) -> Result<Option<String>, CommandError> {
        Ok(None)
    }

    async fn why_contact(&self, _: &Actor, _: ContactId) -> Result<Option<String>, CommandError> {
        Ok(None)
    }

    async fn recording(&self, _: &Actor, _: ContactId, _: RecordingOrder) -> Result<Seq, CommandError> {
        Err(CommandError::Busy)
    }

    async fn heard(
        &self,
        _: &Actor,
        _: ContactId,
        _: SegmentId,
        _: &'static str,
    ) -> Result<Seq, CommandError> {
        Err(CommandError::Busy)
    }

    fn readiness(&self) -> Readiness {
        Readiness {
            ready: true,
            reasons: Vec::new(),
        }
    }
    fn status(&self) -> Status {
        Status::default()
    }
}

/// The events of a bad evening: losses, faults, kills and the change of shift.
fn evening(seed: u64) -> Vec<Event> {
    let options = Options {
        start: WallTime::from_millis(START_MS),
        calls: 160,
        between: Duration::from_secs(20),
        agents: 6,
        kills: 2,
        dark: 1,
        dead_media: 5,
        impatient: 30,
        unwilling: 20,
        holds: 20,
        commands: 10,
        drain: false,
        lines: 90,
        ..Options::swarm(seed)
    };
    let mut world = World::new(options);
    world
        .run()
        .unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
    world.events().to_vec()
}

fn names(slugs: &[&str]) -> BTreeMap<String, String> {
    slugs
        .iter()
        .map(|slug| ((*slug).to_owned(), (*slug).to_owned()))
        .collect()
}

fn directory() -> Directory {
    Directory {
        queues: names(&QUEUES),
        numbers: names(&NUMBERS),
        bands: names(&["day", "late", "night"]),
        ..Directory::default()
    }
}

fn reporting() -> Reporting {
    Reporting {
        days: business_days(),
        directory: directory(),
        roster: Arc::new(|_, _| hotline_journal::report::Shifts::new()),
        now: || WallTime::from_millis(START_MS),
    }
}

/// What the three say once all events are committed and folded.
struct Said {
    figures: Value,
    queues: Value,
    numbers: Value,
    metrics: String,
}

async fn ask(address: &str, path: &'static str) -> String {
    let address = address.to_owned();
    let answer = tokio::task::spawn_blocking(move || http::get(&address, path, TOKEN)).await;
    let (status, text) = answer.expect("an answer");
    assert_eq!(status, 200, "{path}: {text}");
    text
}

async fn said(events: Vec<Event>, folder: PathBuf) -> Said {
    let config = StoreConfig {
        data_dir: folder,
        durability: Durability::Normal,
    };
    let store = Store::open(config).await.unwrap();
    let recovered = store.recover(business_days()).await.unwrap();
    let (told, _pops) = mpsc::channel(1_024);
    let (handle, writer, sink) = store.writer(&recovered, told).await.unwrap();
    let parts = Parts {
        gateway: Arc::new(Still),
        accounts: Arc::new(StoreAccounts::new(store.people())),
        records: Arc::new(StoreRecords::new(store.reader(), reporting())),
        signalling: Arc::new(Still),
        board: recovered.board(),
        days: business_days(),
        events: handle.subscribe(),
        control_token: Pii::new(TOKEN.to_owned()),
        rng: Rng::from_seed(1),
    };
    let console = ConsoleConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        https: false,
        recordings: PathBuf::from("no-recordings"),
        evidence: None,
        directory: directory(),
        build: "sim".to_owned(),
    };
    let (supervisor, serving) = Supervisor::build(console, parts).await.unwrap();
    let tasks = [
        tokio::spawn(writer.run()),
        tokio::spawn(sink.run()),
        tokio::spawn(serving),
    ];
    let last = events.last().expect("events").seq;
    let mut committed = handle.committed();
    for batch in events.chunks(200) {
        let upto = batch.last().expect("a batch is not empty").seq;
        let batch = Batch {
            events: batch.to_vec(),
            persons: Vec::new(),
        };
        handle.append(batch).unwrap();
        committed.wait_for(|&seq| seq >= upto).await.unwrap();
    }
    let address = supervisor.address().to_string();
    let figures = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let figures: Value = serde_json::from_str(&ask(&address, "/v1/figures").await).unwrap();
            if figures["seq"].as_u64() == Some(last.0) {
                return figures;
            }
            tokio::task::yield_now().await;
        }
    });
    let figures = figures.await.expect("the console takes every event in");
    let metrics = ask(&address, "/metrics").await;
    supervisor.end();
    drop(handle);
    for task in tasks {
        task.await.unwrap();
    }
    // Rows of counters are written once a second, and by the end of the writer all are: read as the command line does.
    let records = StoreRecords::new(store.reader(), reporting());
    Said {
        figures,
        queues: report(&records, "queue").await,
        numbers: report(&records, "number").await,
        metrics,
    }
}

async fn report(records: &StoreRecords, by: &str) -> Value {
    let query = ReportQuery {
        by: Some(by.to_owned()),
        ..ReportQuery::default()
    };
    records.report(&query).await.expect("a report").json()
}

impl Said {
    /// The sum of a metric's samples that have all these labels.
    fn metric(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let has = |line: &&str| {
            line.starts_with(&format!("{name}{{"))
                && labels
                    .iter()
                    .all(|(label, value)| line.contains(&format!("{label}=\"{value}\"")))
        };
        let value = |line: &str| line.rsplit(' ').next().and_then(|text| text.parse::<u64>().ok());
        self.metrics.lines().filter(has).filter_map(value).sum()
    }

    fn live(&self, id: &str) -> &Value {
        let rows = self.figures["items"].as_array().expect("rows");
        rows.iter().find(|row| row["id"] == id).expect("a configured row")
    }

    fn reported<'a>(&'a self, report: &'a Value, key: &str, figure: &str) -> u64 {
        let rows = report["rows"].as_array().expect("rows");
        let row = rows.iter().find(|row| row["key"] == key);
        row.map_or(0, |row| row["figures"][figure].as_u64().expect("a count"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn report_console_and_metrics_say_the_same_numbers_of_a_bad_evening() {
    let folder = std::env::temp_dir().join(format!("hotline-agreement-{}", std::process::id()));
    let events = evening(23);
    let lives = events
        .iter()
        .filter(|event| matches!(event.what, hotline_journal::What::Started { .. }));
    assert!(lives.count() > 1, "the evening must have a crash");
    let said = said(events, folder.clone()).await;
    let mut answered = 0;
    for queue in QUEUES {
        let live = &said.live(&format!("queue:{queue}"))["queues"];
        for (figure, exit) in [
            ("offered", None),
            ("answered", Some("answered")),
            ("abandoned", Some("abandoned")),
            ("flowed_out", Some("flowed_out")),
            ("lost", Some("lost")),
        ] {
            let shown = live[figure].as_u64().expect("a count");
            let reported = said.reported(&said.queues, queue, figure);
            let metric = match exit {
                None => said.metric("hotline_queue_entered_total", &[("queue", queue)]),
                Some(exit) => said.metric("hotline_queue_left_total", &[("queue", queue), ("exit", exit)]),
            };
            assert_eq!(
                (shown, shown),
                (reported, metric),
                "{queue} {figure}: console, report, metrics"
            );
        }
        let within = live["within"].as_u64().expect("a count");
        let bucket = said.metric(
            "hotline_queue_wait_seconds_bucket",
            &[("queue", queue), ("le", "15")],
        );
        assert_eq!(
            (within, within),
            (said.reported(&said.queues, queue, "answered_within"), bucket)
        );
        answered += live["answered"].as_u64().expect("a count");
    }
    assert!(answered > 30, "only {answered} were answered");
    for number in NUMBERS {
        let shown = said.live(&format!("number:{number}"))["numbers"]["reached"].as_u64();
        let reported = said.reported(&said.numbers, number, "reached");
        let metric = said.metric("hotline_contacts_reached_total", &[("number", number)]);
        assert_eq!((shown, reported), (Some(metric), metric), "{number}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}
