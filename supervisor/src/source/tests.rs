//! The adapters on a real store: contacts and figures as the journal's fold has them, users and tokens as stored.

use std::path::PathBuf;
use std::time::Duration;

use hotline_journal::figures::{self, Thresholds, Within};
use hotline_journal::sample::{Sample, SampleConfig};
use hotline_journal::{Board, Seq, What};
use hotline_store::{Batch, Durability, NewToken, PersonRow, QUEUE_BATCHES_MAX, Store, StoreConfig, UserRow};

use super::*;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("hotline-supervisor-{name}-{}", std::process::id()));
        let _was_not_there = std::fs::remove_dir_all(&path);
        Self(path)
    }

    async fn store(&self) -> Store {
        let config = StoreConfig {
            data_dir: self.0.clone(),
            durability: Durability::Normal,
        };
        Store::open(config).await.expect("a store")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _stays = std::fs::remove_dir_all(&self.0);
    }
}

fn events() -> Vec<Event> {
    let config = SampleConfig {
        seed: 5,
        from: WallTime::from_millis(1_795_500_000_000),
        pause_max: Duration::from_secs(8),
        lines: 10,
        agents: 4,
        patient: 60,
    };
    let mut sample = Sample::new(config);
    let mut events = sample.start();
    for _ in 0..600 {
        events.extend(sample.step());
    }
    events.extend(sample.finish());
    events
}

fn batch(event: &Event) -> Batch {
    let persons = match &event.what {
        What::ContactOpened { person, .. } => {
            vec![PersonRow {
                id: *person,
                number: Some(Pii::new("13812341234".to_owned())),
                name: None,
            }]
        }
        _ => Vec::new(),
    };
    Batch {
        events: vec![event.clone()],
        persons,
    }
}

/// A store that holds the events.
async fn filled(folder: &Folder, events: &[Event]) -> Reader {
    let store = folder.store().await;
    let recovered = store.recover(Sample::days()).await.expect("recovered");
    let (pops, _told) = tokio::sync::mpsc::channel(4_096);
    let (handle, writer, _sink) = store.writer(&recovered, pops).await.expect("a writer");
    let writing = tokio::spawn(writer.run());
    let mut committed = handle.committed();
    // As many at once as the bounded queue holds for certain.
    for some in events.chunks(QUEUE_BATCHES_MAX) {
        for event in some {
            handle.append(batch(event)).expect("room in the queue");
        }
        let newest = some.last().map_or(Seq(0), |event| event.seq);
        let reached = committed.wait_for(|last| *last >= newest);
        tokio::time::timeout(Duration::from_secs(20), reached)
            .await
            .expect("in time")
            .expect("a writer");
    }
    drop(handle);
    writing.await.expect("written");
    store.reader()
}

#[tokio::test]
async fn contacts_and_figures_of_the_store_agree_with_the_live_fold() {
    let (folder, events) = (Folder::new("records"), events());
    let records = StoreRecords::new(filled(&folder, &events).await, reporting());
    let mut board = Board::new(Sample::days());
    events.iter().for_each(|event| board.apply(event));
    let date = board.date().expect("a date").0.clone();
    let stored = records
        .counters(&FigureQuery {
            from: date.clone(),
            to: date,
        })
        .await
        .expect("counters");
    let total = stored
        .iter()
        .find(|(scope, _)| *scope == Scope::Total)
        .map(|(_, counts)| counts.clone());
    assert_eq!(total.expect("a total"), board.counts(&Scope::Total));
    assert!(board.counts(&Scope::Total).answered > 0);

    let mut query = ContactQuery {
        limit: 7,
        ..ContactQuery::default()
    };
    let mut seen = Vec::new();
    loop {
        let page = records.contacts(&query).await.expect("a page");
        seen.extend(page.contacts);
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    let opened = events
        .iter()
        .filter(|event| matches!(event.what, What::ContactOpened { .. }))
        .count();
    assert_eq!(seen.len(), opened);
    assert!(seen.is_sorted_by(|one, next| one.id > next.id));
    assert!(
        seen.iter()
            .all(|row| row.caller.as_deref() == Some("138****1234") && row.outcome.is_some())
    );

    let talked = seen
        .iter()
        .find(|row| row.talk_ms.is_some())
        .expect("somebody talked");
    let id: ContactId = talked.id.parse().expect("an id");
    let detail = records.contact(id, true).await.expect("read").expect("there");
    assert_eq!(detail.row.caller.as_deref(), Some("13812341234"));
    assert!(
        detail
            .segments
            .iter()
            .any(|segment| segment.kind == "talk" && segment.to.is_some())
    );

    let after = records.events_after(Seq(3), 5).await.expect("events");
    assert_eq!(after, events[3..8]);
    query.after = Some("no cursor of ours".into());
    assert!(matches!(records.contacts(&query).await, Err(FaceError::Asked(_))));
}

#[tokio::test]
async fn users_have_their_role_and_a_token_no_more_than_it_was_made_for() {
    let folder = Folder::new("accounts");
    let store = folder.store().await;
    store.recover(Sample::days()).await.expect("recovered");
    let people = store.people();
    let user = |login: &str, role: Role| UserRow {
        login: login.into(),
        role: role.name().into(),
        hash: "$x".into(),
    };
    for row in [user("8001", Role::Agent), user("ann", Role::Supervisor)] {
        people.put_user(&row).await.expect("written");
    }
    let token = NewToken {
        sha256: [9; 32],
        user: "ann".into(),
        rights: vec!["metrics".into()],
        label: "scraper".into(),
        created: WallTime::from_millis(now_ms()),
        expires: None,
        once: false,
    };
    people.create_token(&token).await.expect("written");
    let accounts = StoreAccounts::new(people);
    let agent = accounts.account("8001").await.expect("read").expect("there");
    assert_eq!((agent.role, agent.agent), (Role::Agent, "8001".parse().ok()));
    let ann = accounts.account("ann").await.expect("read").expect("there");
    assert_eq!((ann.role, ann.agent), (Role::Supervisor, None));
    assert!(accounts.account("nobody").await.expect("read").is_none());
    let viewer = accounts.token(&[9; 32]).await.expect("read").expect("there");
    assert!(viewer.has(Right::Metrics) && !viewer.has(Right::Live));
    assert!(accounts.token(&[8; 32]).await.expect("read").is_none());
}

fn reporting() -> Reporting {
    Reporting {
        days: Sample::days(),
        directory: crate::Directory::default(),
        roster: std::sync::Arc::new(|_, _| hotline_journal::report::Shifts::new()),
        now: || WallTime::from_millis(now_ms()),
    }
}

#[tokio::test]
async fn a_report_of_the_store_equals_the_live_fold_and_lists_the_contacts_behind_each_figure() {
    let (folder, events) = (Folder::new("reports"), events());
    let records = StoreRecords::new(filled(&folder, &events).await, reporting());
    let mut board = Board::new(Sample::days());
    events.iter().for_each(|event| board.apply(event));
    let date = board.date().expect("a date").0.clone();
    let query = ReportQuery {
        from: Some(date),
        ..ReportQuery::default()
    };
    let made = records.report(&query).await.expect("a report").json();
    let rows = made["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 3, "{made}");
    let mut listed = 0;
    for row in rows {
        let key = row["key"].as_str().expect("a slug");
        let live = board.counts(&Scope::parse("queue", key).expect("a queue"));
        for (figure, count) in [
            ("offered", live.offered),
            ("answered", live.answered),
            ("answered_within", live.answered_within(15)),
        ] {
            assert_eq!(row["figures"][figure], count, "{key} {figure}");
        }
        assert_eq!(
            row["figures"]["sl_offered"].as_f64(),
            figures::sl_offered(&live, Within::of(&live, Thresholds::default()))
        );
        // Contacts, not entries: in this hotline nobody enters a queue twice.
        let one = ReportQuery {
            only: Some(key.to_owned()),
            ..query.clone()
        };
        let (mut cursor, mut contacts) = (None, Vec::new());
        loop {
            let page = records
                .behind(&one, "answered", cursor.as_deref(), 3)
                .await
                .expect("a page");
            contacts.extend(page.contacts);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        listed += contacts.len();
        assert_eq!(contacts.len() as u64, live.answered, "{key}");
    }
    assert!(listed > 0, "somebody was answered");
}

#[tokio::test]
async fn a_threshold_between_two_bounds_is_answered_exactly_and_nonsense_is_refused() {
    let (folder, events) = (Folder::new("thresholds"), events());
    let records = StoreRecords::new(filled(&folder, &events).await, reporting());
    let mut board = Board::new(Sample::days());
    events.iter().for_each(|event| board.apply(event));
    let query = ReportQuery {
        from: Some(board.date().expect("a date").0.clone()),
        ..ReportQuery::default()
    };
    let odd = ReportQuery {
        within: Some(16),
        by: Some("total".to_owned()),
        ..query.clone()
    };
    let odd = records.report(&odd).await.expect("a report").json();
    let odd = odd["rows"][0]["figures"]["answered_within"]
        .as_u64()
        .expect("a count");
    let total = board.counts(&Scope::Total);
    assert!(
        (total.answered_within(15)..=total.answered_within(20)).contains(&odd),
        "{odd}"
    );
    for wrong in [
        ReportQuery {
            by: Some("planet".to_owned()),
            ..query.clone()
        },
        ReportQuery {
            figures: Some("nonsense".to_owned()),
            ..query.clone()
        },
        ReportQuery {
            from: Some("2026-02-30".to_owned()),
            ..query.clone()
        },
    ] {
        assert!(
            matches!(records.report(&wrong).await, Err(FaceError::Asked(_))),
            "{wrong:?}"
        );
    }
    assert!(
        records.behind(&query, "occupancy", None, 3).await.is_err(),
        "no contact stands behind it"
    );
}
