//! A journal of many contacts, as a busy hotline leaves it behind.

use std::path::Path;
use std::time::Duration;

use hotline_journal::sample::{Sample, SampleConfig};
use hotline_journal::{Event, What};
use hotline_store::{Batch, Durability, PersonRow, Store, StoreConfig};
use hotline_types::{Pii, WallTime};
use tokio::sync::mpsc;

/// Writes at least so many contacts; how many events they are.
#[allow(dead_code, reason = "shared by the benchmarks, each of which uses a part")]
pub async fn fill(data_dir: &Path, contacts: usize) -> u64 {
    fill_over(data_dir, contacts, Duration::from_millis(700)).await
}

/// The same with this longest pause between two steps of the hotline, which is how long the journal's time is.
pub async fn fill_over(data_dir: &Path, contacts: usize, pause_max: Duration) -> u64 {
    let config = StoreConfig {
        data_dir: data_dir.to_owned(),
        durability: Durability::Normal,
    };
    let store = Store::open(config).await.unwrap();
    let recovered = store.recover(Sample::days()).await.unwrap();
    let (told, _pops) = mpsc::channel(1_024);
    let (handle, writer, sink) = store.writer(&recovered, told).await.unwrap();
    let tasks = [tokio::spawn(writer.run()), tokio::spawn(sink.run())];
    let mut hotline = Sample::new(SampleConfig {
        seed: 1,
        from: WallTime::from_millis(1_795_476_600_000),
        pause_max,
        lines: 60,
        agents: 60,
        patient: 97,
    });
    let (mut made, mut next) = (0, hotline.start());
    let mut last = hotline_journal::Seq(0);
    while made < contacts {
        while next.len() < 512 {
            next.extend(hotline.step());
        }
        last = next.last().unwrap().seq;
        let batch = batch(std::mem::take(&mut next));
        made += batch.persons.len();
        while handle.pending() > 64 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        handle.append(batch).unwrap();
    }
    handle.committed().wait_for(|&seq| seq >= last).await.unwrap();
    drop(handle);
    for task in tasks {
        task.await.unwrap();
    }
    last.0
}

fn batch(events: Vec<Event>) -> Batch {
    let person = |event: &Event| match &event.what {
        What::ContactOpened { person, .. } => Some(PersonRow {
            id: *person,
            number: Some(Pii::new("14100000000".to_owned())),
            name: None,
        }),
        _ => None,
    };
    let persons = events.iter().filter_map(person).collect();
    Batch { events, persons }
}
