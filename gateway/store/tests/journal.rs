//! The journal on disk: order, crashes, delivery, and figures that agree.

#![allow(clippy::unwrap_used, reason = "a test ends where an unwrap fails")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use hotline_journal::sample::{Sample, SampleConfig};
use hotline_journal::{BusinessDate, Counters, Event, Scope, Seq, What, figures};
use hotline_store::{
    Batch, ContactFilter, Durability, Full, JournalHandle, PersonRow, QUEUE_BATCHES_MAX, Reader, Recovered,
    Store, StoreConfig, StoreError,
};
use hotline_types::{ContactId, OfferId, Pii, WallTime};
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
    let mut unfolded = 0;
    for round in 0..4 {
        let open = Open::new(&folder.0, true).await;
        if round > 0 {
            figures_agree(&folder.0).await;
        }
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
        let mut journal = connect(&folder.0, "journal.db").await;
        unfolded += number(
            &mut journal,
            "SELECT (SELECT max(seq) FROM events) - seq FROM folded",
        )
        .await;
    }
    assert!(unfolded > 0, "no crash came between two writings of the counters");
    let open = Open::new(&folder.0, true).await;
    open.append(&open.recovered.closing()).await;
    open.close().await;
    figures_agree(&folder.0).await;
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
async fn recording_not_sealed_before_a_crash_is_found_though_its_contact_is_over() {
    let folder = Folder::new("unsealed");
    let mut hotline = sample(3);
    let mut events = hotline.start();
    let sealed_afterwards = |events: &[Event]| {
        events.iter().position(|event| {
            let over = |other: &Event| {
                other.contact == event.contact && matches!(other.what, What::ContactClosed { .. })
            };
            matches!(event.what, What::RecordingSealed { .. })
                && events.iter().take_while(|other| other.seq < event.seq).any(over)
        })
    };
    while sealed_afterwards(&events).is_none() {
        events.extend(hotline.step());
    }
    let at = sealed_afterwards(&events).unwrap();
    let (contact, segment) = (events[at].contact.unwrap(), events[at].segment.unwrap());
    let holds = |open: &Open| {
        let unsealed = open.recovered.unsealed();
        unsealed
            .iter()
            .filter(|left| (left.contact, left.segment) == (contact, segment))
            .count()
    };

    let open = Open::new(&folder.0, false).await;
    open.append(&events[..at]).await;
    open.crash().await;
    let open = Open::new(&folder.0, false).await;
    assert_eq!(holds(&open), 1);
    open.append(&events[at..=at]).await;
    open.close().await;
    assert_eq!(holds(&Open::new(&folder.0, false).await), 0);
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

/// A folder on which a hotline ran for a while and ended in good order.
async fn past(name: &str, seed: u64) -> (Folder, Vec<Event>) {
    let folder = Folder::new(name);
    let open = Open::new(&folder.0, true).await;
    let mut hotline = sample(seed);
    let mut events = hotline.start();
    events.extend((0..500).flat_map(|_| hotline.step()));
    events.extend(hotline.finish());
    open.append(&events).await;
    open.close().await;
    (folder, events)
}

fn opened(events: &[Event]) -> Vec<ContactId> {
    let opened = events
        .iter()
        .filter(|event| matches!(event.what, What::ContactOpened { .. }));
    opened.filter_map(|event| event.contact).collect()
}

#[tokio::test]
async fn reader_pages_through_contacts_newest_first_with_no_daemon_running() {
    let (folder, events) = past("pages", 5).await;
    let reader = Reader::open(&folder.0).unwrap();
    let all = ContactFilter::default();
    let (mut ids, mut cursor) = (Vec::new(), None);
    loop {
        let page = reader.contacts(&all, cursor.as_deref(), 7).await.unwrap();
        assert!(page.contacts.len() <= 7);
        ids.extend(page.contacts.iter().map(|contact| contact.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let mut expected = opened(&events);
    expected.sort_by(|a, b| b.cmp(a));
    assert_eq!(ids, expected);
    assert!(matches!(
        reader.contacts(&all, Some("' OR 1"), 7).await,
        Err(StoreError::BadRequest(_))
    ));
    let last = reader.last_seq().await.unwrap();
    assert_eq!(
        reader.events(Seq(last.0 - 3), 500).await.unwrap(),
        events[events.len() - 3..]
    );
}

#[tokio::test]
async fn reader_shows_an_answered_contact_with_its_details() {
    let (folder, _events) = past("detail", 5).await;
    let reader = Reader::open(&folder.0).unwrap();
    let end = Some("completed".to_owned());
    let answered = ContactFilter {
        end,
        closed: Some(true),
        ..ContactFilter::default()
    };
    let page = reader.contacts(&answered, None, 500).await.unwrap();
    let contact = page
        .contacts
        .iter()
        .find(|contact| contact.queue.is_some())
        .unwrap();
    let queue = ContactFilter {
        queue: contact.queue.clone(),
        ..answered
    };
    assert!(
        reader
            .contacts(&queue, None, 500)
            .await
            .unwrap()
            .contacts
            .contains(contact)
    );
    let detail = reader.contact(contact.id).await.unwrap().unwrap();
    assert_eq!(detail.contact, *contact);
    assert_eq!(detail.queues.last().unwrap().exit.as_deref(), Some("answered"));
    assert!(detail.segments.iter().any(|segment| segment.kind == "talk"));
    assert_eq!(
        detail.recordings[0].length_ms,
        Some(4_000),
        "sealed after the contact was over"
    );
    assert_eq!(reader.recordings(contact.id).await.unwrap(), detail.recordings);
    let own = reader.contact_events(contact.id, Seq(0), 500).await.unwrap();
    assert_eq!(
        (own.first().unwrap().seq, own.len() > 20),
        (contact.first_seq, true)
    );
    let person = reader.person(contact.person).await.unwrap().unwrap();
    assert_eq!(person.number, Some(Pii::new("+8613800138000".to_owned())));
}

#[tokio::test]
async fn reader_adds_counters_up_to_figures_that_balance() {
    let (folder, events) = past("totals", 5).await;
    let reader = Reader::open(&folder.0).unwrap();
    let dates = [
        BusinessDate("2026-01-01".to_owned()),
        BusinessDate("2026-12-31".to_owned()),
    ];
    let totals = reader.totals(&dates[0], &dates[1]).await.unwrap();
    assert_eq!(totals[&Scope::Total].reached, opened(&events).len() as u64);
    for (scope, row) in &totals {
        assert_eq!(figures::balance(row, 0, 0), Ok(()), "{scope:?}");
    }
    let rows = reader
        .counters(&dates[0], &dates[1], Some(&Scope::Total))
        .await
        .unwrap();
    assert_eq!(
        rows.iter().map(|(_, counts)| counts.reached).sum::<u64>(),
        totals[&Scope::Total].reached
    );
    assert!(reader.totals(&dates[1], &dates[1]).await.unwrap().is_empty());
}

#[tokio::test]
async fn erased_person_is_gone_from_what_the_desk_is_still_to_be_told() {
    let folder = Folder::new("erase");
    let open = Open::new(&folder.0, false).await;
    let mut hotline = sample(6);
    open.append(&hotline.start()).await;
    let mut events: Vec<Event> = (0..60).flat_map(|_| hotline.step()).collect();
    events.extend(hotline.finish());
    open.append(&events).await;
    let erased = people(&events)[0].id;
    open.crash().await;
    let store = Store::open(StoreConfig {
        data_dir: folder.0.clone(),
        durability: Durability::Normal,
    })
    .await
    .unwrap();
    let now = WallTime::from_millis(1_795_500_000_000);
    assert!(store.people().erase_person(erased, now).await.unwrap());
    Open::new(&folder.0, true).await.close().await;
    let mut desk = connect(&folder.0, "service-desk.db").await;
    assert_eq!(
        number(
            &mut desk,
            "SELECT count(*) FROM contacts WHERE caller_number IS NULL"
        )
        .await,
        1
    );
    assert!(
        number(
            &mut desk,
            "SELECT count(*) FROM contacts WHERE caller_number IS NOT NULL"
        )
        .await
            > 0
    );
}

#[tokio::test]
async fn live_view_after_a_restart_shows_the_figures_of_before() {
    let folder = Folder::new("board");
    let open = Open::new(&folder.0, true).await;
    let mut hotline = sample(8);
    let mut board = open.recovered.board();
    let mut events = hotline.start();
    events.extend((0..400).flat_map(|_| hotline.step()));
    events.iter().for_each(|event| board.apply(event));
    open.append(&events).await;
    open.crash().await;
    let open = Open::new(&folder.0, false).await;
    let mut again = open.recovered.board();
    assert_eq!(again.date(), board.date());
    assert!(again.totals().eq(board.totals()));
    assert!(again.contacts().eq(board.contacts()));
    assert!(again.contacts().count() > 0, "something was open");
    let intents: Vec<_> = board
        .agents()
        .map(|(agent, view)| (agent, &view.intent))
        .collect();
    assert_eq!(open.recovered.intents().collect::<Vec<_>>(), intents);
    // Both go on alike: what the crash left open is lost, and every agent's time is booked up to the crash.
    for event in open.recovered.closing().iter().chain(&{
        hotline.crash();
        hotline.start()
    }) {
        board.apply(event);
        again.apply(event);
    }
    assert!(again.totals().eq(board.totals()));
}

#[tokio::test]
async fn journal_that_cannot_be_written_says_so_and_loses_nothing() {
    let folder = Folder::new("broken");
    let open = Open::new(&folder.0, true).await;
    let mut hotline = sample(9);
    open.append(&hotline.start()).await;
    let mut other = connect(&folder.0, "journal.db").await;
    sqlx::query("CREATE TRIGGER broken BEFORE INSERT ON events BEGIN SELECT raise(ABORT, 'no space'); END")
        .execute(&mut other)
        .await
        .unwrap();
    let events: Vec<Event> = (0..200).flat_map(|_| hotline.step()).collect();
    open.push(&events);
    tokio::time::timeout(WAIT, async {
        while open.handle.status().error.is_none() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let status = open.handle.status();
    assert!(status.failures > 0);
    assert!(status.error.unwrap().contains("journal.db"));
    sqlx::query("DROP TRIGGER broken")
        .execute(&mut other)
        .await
        .unwrap();
    open.reach(events.last().unwrap().seq).await;
    assert_eq!(open.handle.status().error, None);
    open.close().await;
    figures_agree(&folder.0).await;
    let rows = number(&mut other, "SELECT count(*) FROM events").await;
    assert_eq!(number(&mut other, "SELECT max(seq) FROM events").await, rows);
}
