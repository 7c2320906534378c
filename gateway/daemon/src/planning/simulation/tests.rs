//! Simulating a journal that another configuration wrote.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use hotline_config::Source;
use hotline_journal::sample::{Sample, SampleConfig};
use hotline_store::{Batch, Durability, PersonRow, Store, StoreConfig};

use super::*;

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _stays = std::fs::remove_dir_all(&self.0);
    }
}

/// A data folder with the journal of a hotline that the built-in configuration is not of; answers its first date too.
async fn of_another_hotline() -> (Folder, String) {
    let path = std::env::temp_dir().join(format!("hotline-simulate-{}", std::process::id()));
    let _was_not_there = std::fs::remove_dir_all(&path);
    let folder = Folder(path);
    let store = Store::open(StoreConfig {
        data_dir: folder.0.clone(),
        durability: Durability::Normal,
    });
    let store = store.await.unwrap();
    let recovered = store.recover(Sample::days()).await.unwrap();
    let (pops, _told) = tokio::sync::mpsc::channel(4_096);
    let (journal, writer, _sink) = store.writer(&recovered, pops).await.unwrap();
    let mut sample = Sample::new(SampleConfig {
        seed: 5,
        from: WallTime::from_millis(1_795_500_000_000),
        pause_max: Duration::from_secs(8),
        lines: 10,
        agents: 4,
        patient: 60,
    });
    let mut events = sample.start();
    for _ in 0..200 {
        events.extend(sample.step());
    }
    events.extend(sample.finish());
    let date = Sample::days().date_of(events[0].at).0;
    let person = |event: &hotline_journal::Event| match &event.what {
        What::ContactOpened { person, .. } => Some(PersonRow {
            id: *person,
            number: None,
            name: None,
        }),
        _ => None,
    };
    let persons = events.iter().filter_map(person).collect();
    journal.append(Batch { events, persons }).unwrap();
    drop(journal);
    writer.run().await;
    (folder, date)
}

#[tokio::test]
async fn journal_of_another_hotline_is_refused_with_the_names_that_are_not_known() {
    let (folder, date) = of_another_hotline().await;
    let settings = hotline_config::load(&Source {
        file: None,
        data: Some(folder.0.clone()),
        overrides: BTreeMap::new(),
    })
    .unwrap();
    let command = Simulate {
        from: Some(date.clone()),
        to: None,
        queue: None,
        changed: None,
        seats: Vec::new(),
        demand: 1.0,
        shrinkage: 0.15,
        within: 15,
        runs: 2,
        seed: 1,
        format: Format::Table,
        json: false,
    };
    let refused = simulate(&settings, None, &command).await.unwrap_err().to_string();
    let (said, hint) = refused.split_once("\nhint: ").expect("a hint");
    for part in [
        folder.0.to_str().unwrap(),
        &date,
        &settings.source,
        "agents agent-1, agent-2",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said:?}");
    }
    assert!(hint.contains("--config") && hint.contains("--from"), "{hint}");
}
