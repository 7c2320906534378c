//! The first sink: the embedded service desk. It gets every message in order, and each once, because a repeat overwrites
//! itself; a slow or broken desk delays no call, its messages wait in the outbox.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hotline_types::{OfferId, PersonId, Pii};
use sqlx::sqlite::SqliteConnection;
use sqlx::{ConnectOptions, Connection};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::db::Database;
use crate::outbox::{ContactMessage, DESK_SINK, Item, Message, PopMessage, RecordingMessage};
use crate::rows::json;
use crate::script::{Rows, Script, Table, Value};
use crate::writer::{OutboxEnd, PRUNE, Progress};
use crate::{PersonRow, StoreError};

/// Messages delivered in one transaction at most.
const DELIVERY_MAX: usize = 256;

/// What nobody waits for waits this long for more, to be delivered together; a screen-pop, and all with it, goes at once.
/// Calls that go on bring a screen-pop sooner than this, so that the desk commits about once a call.
const GATHER: Duration = Duration::from_millis(400);

/// First and longest pause after a failed delivery.
const RETRY_PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(5));

// Tags of the tables, as the triggers of `batch` in the migration know them.
const POPS: Table = Table(1);
const CONTACTS: Table = Table(2);
const RECORDINGS: Table = Table(3);

/// The future that delivers. Spawn it once; it ends after the writer, when everything is delivered or the desk fails.
#[derive(Debug)]
pub struct DeskSink {
    journal: Database,
    desk: Database,
    connections: Option<Connections>,
    items: mpsc::Receiver<Vec<Item>>,
    progress: Arc<Progress>,
    pops: mpsc::Sender<OfferId>,
}

#[derive(Debug)]
struct Connections {
    journal: SqliteConnection,
    desk: SqliteConnection,
}

/// The writer is gone and the desk does not take what is left; it stays in the outbox.
struct GivenUp;

impl DeskSink {
    pub(crate) fn new(
        journal: Database,
        desk: Database,
        end: OutboxEnd,
        pops: mpsc::Sender<OfferId>,
    ) -> Self {
        let OutboxEnd { items, progress } = end;
        Self {
            journal,
            desk,
            connections: None,
            items,
            progress,
            pops,
        }
    }

    /// Delivers until the writer is gone and nothing is left.
    pub async fn run(mut self) {
        // First what an earlier run of the program did not deliver.
        if self.catch_up().await.is_err() {
            return;
        }
        while let Some(items) = self.items.recv().await {
            if self.step(items).await.is_err() {
                return;
            }
        }
        if self.catch_up().await.is_err() {
            return;
        }
        if let Some(Connections { journal, desk }) = self.connections.take() {
            // Everything is delivered; a failure to close in good order costs nothing.
            let _ = journal.close().await;
            let _ = desk.close().await;
        }
        if let Err(error) = self.prune().await {
            tracing::warn!(%error, "delivered messages stay in the outbox; the next start delivers them again");
        }
    }

    /// At the end, when the writer is gone: forgets what it could not any more.
    async fn prune(&self) -> Result<(), StoreError> {
        let mut connection = self.journal.connect().await?;
        let wrong = |error| self.journal.error(error);
        let delivered = self.progress.delivered.load(Ordering::Acquire);
        sqlx::query(PRUNE)
            .bind(delivered)
            .execute(&mut connection)
            .await
            .map_err(wrong)?;
        connection.close().await.map_err(wrong)
    }

    async fn step(&mut self, mut items: Vec<Item>) -> Result<(), GivenUp> {
        let deadline = Instant::now() + GATHER;
        while items.len() < DELIVERY_MAX {
            if let Ok(more) = self.items.try_recv() {
                items.extend(more);
                continue;
            }
            let awaited = items.iter().any(|item| matches!(item.message, Message::Pop(_)));
            if awaited {
                break;
            }
            match tokio::time::timeout_at(deadline, self.items.recv()).await {
                Ok(Some(more)) => items.extend(more),
                Ok(None) | Err(_) => break,
            }
        }
        let next = self.progress.delivered.load(Ordering::Acquire) + 1;
        let in_order = items.iter().zip(next..).all(|(item, id)| item.id == id);
        if in_order {
            self.deliver(items).await?;
        }
        if self.items.is_empty() {
            self.catch_up().await
        } else {
            Ok(())
        }
    }

    /// Reads from the outbox what was written but not handed over.
    async fn catch_up(&mut self) -> Result<(), GivenUp> {
        let mut pause = RETRY_PAUSES.0;
        loop {
            let delivered = self.progress.delivered.load(Ordering::Acquire);
            if delivered >= self.progress.written.load(Ordering::Acquire) {
                return Ok(());
            }
            let items = match self.read(delivered).await {
                Ok(items) => items,
                Err(error) => {
                    self.failed(error, &mut pause).await?;
                    continue;
                }
            };
            if items.is_empty() {
                return Ok(());
            }
            self.deliver(items).await?;
        }
    }

    async fn read(&mut self, after: i64) -> Result<Vec<Item>, StoreError> {
        let journal = self.journal.clone();
        let connections = self.connected().await?;
        let rows: Vec<(i64, String)> =
            sqlx::query_as("SELECT id, payload FROM outbox WHERE sink = ? AND id > ? ORDER BY id LIMIT ?")
                .bind(DESK_SINK)
                .bind(after)
                .bind(i64::try_from(DELIVERY_MAX).unwrap_or(i64::MAX))
                .fetch_all(&mut connections.journal)
                .await
                .map_err(|error| journal.error(error))?;
        let item = |(id, payload): (i64, String)| {
            let message =
                serde_json::from_str(&payload).map_err(|_| journal.bad_row(format!("message {id}")))?;
            Ok(Item {
                id,
                person: None,
                message,
            })
        };
        rows.into_iter().map(item).collect()
    }

    /// Writes the messages into the desk, for as long as it takes, and tells of the screen-pops among them.
    async fn deliver(&mut self, items: Vec<Item>) -> Result<(), GivenUp> {
        let Some(newest) = items.last().map(|item| item.id) else {
            return Ok(());
        };
        let mut pause = RETRY_PAUSES.0;
        while let Err(error) = self.write(&items).await {
            self.failed(error, &mut pause).await?;
        }
        self.progress.delivered.store(newest, Ordering::Release);
        for item in items {
            if let Message::Pop(pop) = item.message {
                // Nobody waits for it, or it comes too late to be waited for: dialling goes on by itself.
                let _ = self.pops.try_send(pop.offer);
            }
        }
        Ok(())
    }

    async fn write(&mut self, items: &[Item]) -> Result<(), StoreError> {
        let desk = self.desk.clone();
        let journal = self.journal.clone();
        let mut rows = Rows::default();
        for item in items {
            let person = match (&item.person, item.message.person()) {
                (Some(person), _) => Some(person.clone()),
                (None, Some(id)) => {
                    let connections = self.connected().await?;
                    person(&mut connections.journal, id)
                        .await
                        .map_err(|error| journal.error(error))?
                }
                (None, None) => None,
            };
            match &item.message {
                Message::Pop(pop) => push_pop(&mut rows, pop, person.as_ref()),
                Message::Contact(contact) => push_contact(&mut rows, contact, person.as_ref()),
                Message::Recording(recording) => push_recording(&mut rows, recording),
            }
        }
        let script = Script::new(rows);
        let connections = self.connected().await?;
        script
            .run(&mut connections.desk)
            .await
            .map_err(|error| desk.error(error))
    }

    async fn connected(&mut self) -> Result<&mut Connections, StoreError> {
        if self.connections.is_none() {
            let desk = self.desk.connect().await?;
            let journal = self
                .journal
                .reading()
                .connect()
                .await
                .map_err(|error| self.journal.error(error))?;
            return Ok(self.connections.insert(Connections { journal, desk }));
        }
        self.connections
            .as_mut()
            .ok_or_else(|| self.desk.error(sqlx::Error::WorkerCrashed))
    }

    async fn failed(&mut self, error: StoreError, pause: &mut Duration) -> Result<(), GivenUp> {
        tracing::error!(%error, "the service desk does not take messages; trying again");
        self.connections = None;
        if self.items.is_closed() {
            return Err(GivenUp);
        }
        tokio::time::sleep(*pause).await;
        *pause = (*pause * 2).min(RETRY_PAUSES.1);
        Ok(())
    }
}

/// A person's row, where there is one.
pub(crate) async fn person(
    connection: &mut SqliteConnection,
    id: PersonId,
) -> Result<Option<PersonRow>, sqlx::Error> {
    let row: Option<(Option<String>, Option<String>)> =
        sqlx::query_as("SELECT number, name FROM persons WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(number, name)| PersonRow {
        id,
        number: number.map(Pii::new),
        name: name.map(Pii::new),
    }))
}

fn caller(person: Option<&PersonRow>) -> (Value, Value) {
    let reveal = |data: Option<&Pii<String>>| data.map(|data| data.reveal().clone()).into();
    (
        reveal(person.and_then(|row| row.number.as_ref())),
        reveal(person.and_then(|row| row.name.as_ref())),
    )
}

fn push_pop(rows: &mut Rows, pop: &PopMessage, person: Option<&PersonRow>) {
    let (number, name) = caller(person);
    rows.push(
        POPS,
        [
            pop.offer.to_string().into(),
            pop.contact.to_string().into(),
            pop.agent.as_str().into(),
            pop.queue.as_str().into(),
            pop.number.as_ref().map(|number| number.as_str()).into(),
            number,
            name,
            pop.waited_ms.into(),
            json(&pop.path).into(),
            pop.at.as_micros().into(),
        ],
    );
}

fn push_contact(rows: &mut Rows, contact: &ContactMessage, person: Option<&PersonRow>) {
    let (number, name) = caller(person);
    rows.push(
        CONTACTS,
        [
            contact.contact.to_string().into(),
            contact.number.as_ref().map(|number| number.as_str()).into(),
            contact.trunk.as_str().into(),
            number,
            name,
            contact.business_date.as_str().into(),
            contact.opened_at.as_micros().into(),
            contact.connected_at.map(|at| at.as_micros()).into(),
            contact.closed_at.as_micros().into(),
            contact.end.as_str().into(),
            contact.why.clone().into(),
            contact.sip_status.map(i64::from).into(),
            contact.queue.as_ref().map(|queue| queue.as_str()).into(),
            contact.agent.as_ref().map(|agent| agent.as_str()).into(),
            contact.waited_ms.into(),
            contact.talked_ms.into(),
            json(&contact.path).into(),
            json(&contact.queues).into(),
        ],
    );
}

fn push_recording(rows: &mut Rows, recording: &RecordingMessage) {
    rows.push(
        RECORDINGS,
        [
            recording.segment.to_string().into(),
            recording.contact.to_string().into(),
            recording.path.as_str().into(),
            recording.length_ms.into(),
            i64::from(recording.repaired).into(),
            recording.failed.clone().into(),
        ],
    );
}
