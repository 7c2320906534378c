//! The journal on disk: order, crashes, delivery, and figures that agree.

#![allow(clippy::unwrap_used, reason = "a test ends where an unwrap fails")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use hotline_journal::sample::{Sample, SampleConfig};
use hotline_journal::{Counters, Event, Seq, What};
use hotline_store::{
    Batch, Durability, Full, JournalHandle, PersonRow, QUEUE_BATCHES_MAX, Recovered, Store, StoreConfig,
};
use hotline_types::{OfferId, Pii, WallTime};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Row};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

const WAIT: Duration = Duration::from_secs(20);

struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("hotline-store-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn sample(seed: u64) -> Sample {
    Sample::new(SampleConfig {
        seed,
        from: WallTime::from_millis(1_795_476_600_000),
        pause_max: Duration::from_secs(8),
        lines: 10,
        agents: 4,
        patient: 40,
    })
}

fn people(events: &[Event]) -> Vec<PersonRow> {
    let person = |event: &Event| match &event.what {
        What::ContactOpened { person, .. } => Some(PersonRow {
            id: *person,
            number: Some(Pii::new("+8613800138000".to_owned())),
            name: None,
        }),
        _ => None,
    };
    events.iter().filter_map(person).collect()
}

struct Open {
    recovered: Recovered,
    handle: JournalHandle,
    writer: JoinHandle<()>,
    sink: Option<JoinHandle<()>>,
    pops: mpsc::Receiver<OfferId>,
}

impl Open {
    async fn new(folder: &Path, with_sink: bool) -> Self {
        let config = StoreConfig {
            data_dir: folder.to_owned(),
            durability: Durability::Normal,
        };
        let store = Store::open(config).await.unwrap();
        let recovered = store.recover(Sample::days()).await.unwrap();
        let (told, pops) = mpsc::channel(4_096);
        let (handle, writer, sink) = store.writer(&recovered, told).await.unwrap();
        let writer = tokio::spawn(writer.run());
        let sink = with_sink.then(|| tokio::spawn(sink.run()));
        Self {
            recovered,
            handle,
            writer,
            sink,
            pops,
        }
    }

    async fn append(&self, events: &[Event]) {
        self.push(events);
        if let Some(last) = events.last() {
            self.reach(last.seq).await;
        }
    }

    fn push(&self, events: &[Event]) {
        for event in events {
            let batch = Batch {
                events: vec![event.clone()],
                persons: people(std::slice::from_ref(event)),
            };
            self.handle.append(batch).unwrap();
        }
    }

    async fn reach(&self, seq: Seq) {
        let mut committed = self.handle.committed();
        tokio::time::timeout(WAIT, committed.wait_for(|&last| last >= seq))
            .await
            .unwrap()
            .unwrap();
    }

    /// The process is gone in the middle of it.
    async fn crash(self) {
        self.writer.abort();
        if let Some(sink) = self.sink {
            sink.abort();
            let _ = sink.await;
        }
        let _ = self.writer.await;
    }

    async fn close(self) {
        let Self {
            handle, writer, sink, ..
        } = self;
        drop(handle);
        writer.await.unwrap();
        if let Some(sink) = sink {
            sink.await.unwrap();
        }
    }
}

async fn connect(folder: &Path, file: &str) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(folder.join(file))
        .connect()
        .await
        .unwrap()
}

async fn number(connection: &mut SqliteConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
}

/// The counters of the file equal those of one fold over all its events, and every contact has its rows.
async fn figures_agree(folder: &Path) {
    let mut connection = connect(folder, "journal.db").await;
    let mut counters = Counters::new(Sample::days());
    for row in sqlx::query("SELECT json FROM events ORDER BY seq")
        .fetch_all(&mut connection)
        .await
        .unwrap()
    {
        counters.apply(&serde_json::from_str(row.get(0)).unwrap());
    }
    let mut folded = BTreeMap::new();
    for (key, counts) in counters.drain() {
        let fields: serde_json::Map<_, _> = counts
            .fields()
            .map(|(name, value)| (name.to_owned(), serde_json::json!(value)))
            .collect();
        let key = (
            key.slot.date.0,
            key.slot.interval.as_micros(),
            key.scope.kind().to_owned(),
            key.scope.key().to_owned(),
        );
        folded.insert(key, fields);
    }
    let mut stored = BTreeMap::new();
    for row in sqlx::query("SELECT * FROM counters")
        .fetch_all(&mut connection)
        .await
        .unwrap()
    {
        let mut fields: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(row.get(4)).unwrap();
        fields.remove("answered_waits");
        fields.remove("abandoned_waits");
        stored.insert((row.get(0), row.get(1), row.get(2), row.get(3)), fields);
    }
    assert!(!stored.is_empty());
    assert_eq!(stored, folded);
    let opened = number(
        &mut connection,
        "SELECT count(*) FROM events WHERE kind = 'contact_opened'",
    )
    .await;
    assert_eq!(
        number(&mut connection, "SELECT count(*) FROM contacts").await,
        opened
    );
    let reached = number(
        &mut connection,
        "SELECT sum(counts ->> 'reached') FROM counters WHERE scope = 'total'",
    )
    .await;
    assert_eq!(reached, opened);
}

#[tokio::test]
async fn batches_are_in_the_journal_in_the_order_of_their_appending() {
    let folder = Folder::new("order");
    let open = Open::new(&folder.0, true).await;
    let mut feed = open.handle.subscribe();
    let mut hotline = sample(1);
    let mut events = hotline.start();
    for _ in 0..300 {
        events.extend(hotline.step());
    }
    open.append(&events).await;
    let mut fed = Vec::new();
    while fed.len() < events.len() {
        let committed = tokio::time::timeout(WAIT, feed.recv()).await.unwrap().unwrap();
        assert_eq!(committed.events.last().unwrap().seq, committed.last);
        fed.extend(committed.events.iter().cloned());
    }
    assert_eq!(fed, events);
    assert_eq!(open.handle.status().error, None);
    open.close().await;
    let mut connection = connect(&folder.0, "journal.db").await;
    let rows = sqlx::query("SELECT json FROM events ORDER BY seq")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let stored: Vec<Event> = rows
        .iter()
        .map(|row| serde_json::from_str(row.get(0)).unwrap())
        .collect();
    assert_eq!(stored, events);
}

#[tokio::test]
async fn crashes_close_what_was_open_once_and_no_figure_contradicts_another() {
    let folder = Folder::new("crash");
    let mut hotline = sample(2);
    for round in 0..4 {
        let open = Open::new(&folder.0, true).await;
        let expected = hotline.crash();
        let closing = open.recovered.closing();
        assert_eq!(closing, expected, "round {round}");
        open.append(&closing).await;
        open.append(&hotline.start()).await;
        let mut last = Seq(0);
        for _ in 0..400 {
            let events = hotline.step();
            open.push(&events);
            last = events.last().map_or(last, |event| event.seq);
        }
        open.reach(last).await;
        assert!(
            hotline.open().count() > 0,
            "round {round}: something is open when it crashes"
        );
        open.crash().await;
        figures_agree(&folder.0).await;
    }
    let open = Open::new(&folder.0, true).await;
    open.append(&open.recovered.closing()).await;
    open.close().await;
    let mut connection = connect(&folder.0, "journal.db").await;
    assert_eq!(
        number(
            &mut connection,
            "SELECT count(*) FROM contacts WHERE closed_at IS NULL"
        )
        .await,
        0
    );
    assert!(
        number(
            &mut connection,
            "SELECT count(*) FROM contacts WHERE why = 'restart'"
        )
        .await
            > 0
    );
    let contacts = number(&mut connection, "SELECT count(*) FROM contacts").await;
    let mut desk = connect(&folder.0, "service-desk.db").await;
    assert_eq!(number(&mut desk, "SELECT count(*) FROM contacts").await, contacts);
}

#[tokio::test]
async fn message_committed_before_a_crash_reaches_the_desk_once_after_it() {
    let folder = Folder::new("outbox");
    let open = Open::new(&folder.0, false).await;
    let mut hotline = sample(3);
    open.append(&hotline.start()).await;
    let events: Vec<Event> = (0..300).flat_map(|_| hotline.step()).collect();
    open.append(&events).await;
    open.crash().await;
    let mut journal = connect(&folder.0, "journal.db").await;
    let pops = number(&mut journal, "SELECT count(*) FROM outbox WHERE kind = 'pop'").await;
    let contacts = number(&mut journal, "SELECT count(*) FROM outbox WHERE kind = 'contact'").await;
    assert!(pops > 0 && contacts > 0);
    // Delivered, but the outbox does not know it: as if the crash came right after the desk's commit.
    let open = Open::new(&folder.0, true).await;
    let mut open = open;
    for _ in 0..pops {
        tokio::time::timeout(WAIT, open.pops.recv())
            .await
            .unwrap()
            .unwrap();
    }
    open.crash().await;
    let again = Open::new(&folder.0, true).await;
    again.close().await;
    let mut desk = connect(&folder.0, "service-desk.db").await;
    assert_eq!(number(&mut desk, "SELECT count(*) FROM screen_pops").await, pops);
    assert_eq!(number(&mut desk, "SELECT count(*) FROM contacts").await, contacts);
    let known = number(
        &mut desk,
        "SELECT count(*) FROM contacts WHERE caller_number = '+8613800138000'",
    )
    .await;
    assert_eq!(known, contacts);
    assert_eq!(number(&mut journal, "SELECT count(*) FROM outbox").await, 0);
}

#[tokio::test]
async fn full_queue_refuses_and_counts_and_nothing_taken_is_lost() {
    let folder = Folder::new("full");
    let config = StoreConfig {
        data_dir: folder.0.clone(),
        durability: Durability::Normal,
    };
    let store = Store::open(config).await.unwrap();
    let recovered = store.recover(Sample::days()).await.unwrap();
    let (told, _pops) = mpsc::channel(1);
    let (handle, writer, _sink) = store.writer(&recovered, told).await.unwrap();
    let template = sample(4).start().remove(0);
    let batch = |seq: u64| Batch {
        events: vec![Event {
            seq: Seq(seq),
            ..template.clone()
        }],
        persons: Vec::new(),
    };
    let taken = QUEUE_BATCHES_MAX as u64;
    for seq in 1..=taken {
        assert_eq!(handle.append(batch(seq)), Ok(()));
    }
    assert_eq!(handle.append(batch(taken + 1)), Err(Full));
    assert_eq!(
        (handle.pending(), handle.capacity()),
        (QUEUE_BATCHES_MAX, QUEUE_BATCHES_MAX)
    );
    assert_eq!(handle.status().refused, 1);
    drop(handle);
    writer.run().await;
    let mut connection = connect(&folder.0, "journal.db").await;
    assert_eq!(
        number(&mut connection, "SELECT count(*) FROM events").await,
        i64::try_from(taken).unwrap()
    );
    assert_eq!(store.path(), folder.0.join("journal.db"));
}
