//! Reading the journal and the service desk as anybody with the files could.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hotline_journal::{Event, What};
use hotline_types::ContactId;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Row as _};
use tokio::runtime::Runtime;

use super::wait::until;

/// The two databases of a data folder.
pub struct Journal {
    dir: PathBuf,
    runtime: Runtime,
    connection: SqliteConnection,
    events: Vec<Event>,
}

/// A screen-pop row of the service desk.
#[derive(Clone, Debug)]
pub struct Pop {
    /// The offer.
    pub offer: String,
    /// The agent.
    pub agent: String,
    /// When it was written, UTC microseconds.
    pub created_at: i64,
}

impl Journal {
    /// Opens the journal of a data folder, read-only.
    pub fn open(dir: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let connection = runtime.block_on(connect(&dir.join("journal.db")));
        Self {
            dir: dir.to_owned(),
            runtime,
            connection,
            events: Vec::new(),
        }
    }

    /// All events so far.
    pub fn events(&mut self) -> &[Event] {
        let after = self
            .events
            .last()
            .map_or(0, |event| i64::try_from(event.seq.0).unwrap());
        let rows = self.runtime.block_on(
            sqlx::query("SELECT json FROM events WHERE seq > ? ORDER BY seq")
                .bind(after)
                .fetch_all(&mut self.connection),
        );
        for row in rows.expect("the journal can be read") {
            let json: String = row.get(0);
            self.events
                .push(serde_json::from_str(&json).expect("an event of this version"));
        }
        &self.events
    }

    /// Waits for an event.
    #[track_caller]
    pub fn until(&mut self, what: &str, deadline: Duration, wanted: impl Fn(&Event) -> bool) -> Event {
        until(what, deadline, || {
            self.events().iter().find(|event| wanted(event)).cloned()
        })
    }

    /// Waits until there are so many of an event.
    #[track_caller]
    pub fn until_count(
        &mut self,
        what: &str,
        count: usize,
        deadline: Duration,
        wanted: impl Fn(&Event) -> bool,
    ) {
        until(&format!("{count} times {what}"), deadline, || {
            (self.events().iter().filter(|event| wanted(event)).count() >= count).then_some(())
        });
    }

    /// Waits for the first talk to begin.
    #[track_caller]
    pub fn until_bridged(&mut self, deadline: Duration) -> Event {
        self.until("the bridge", deadline, |event| {
            matches!(event.what, What::Bridged { .. })
        })
    }

    /// Waits until the only contact there ever was is closed.
    #[track_caller]
    pub fn until_closed(&mut self, deadline: Duration) -> Event {
        self.until("the contact to close", deadline, |event| {
            matches!(event.what, What::ContactClosed { .. })
        })
    }

    /// The contacts in order of their opening.
    pub fn contacts(&mut self) -> Vec<ContactId> {
        let opened = |event: &&Event| matches!(event.what, What::ContactOpened { .. });
        self.events()
            .iter()
            .filter(opened)
            .filter_map(|event| event.contact)
            .collect()
    }

    /// A number that a statement without parameters yields.
    pub fn number(&mut self, sql: &'static str) -> i64 {
        self.runtime
            .block_on(sqlx::query_scalar(sql).fetch_one(&mut self.connection))
            .expect("the journal can be read")
    }

    /// Kinds of the segments that the database holds, in order.
    pub fn segments(&mut self) -> Vec<(String, bool)> {
        let rows = self.runtime.block_on(
            sqlx::query("SELECT kind, closed_at IS NOT NULL FROM segments ORDER BY contact, number")
                .fetch_all(&mut self.connection),
        );
        rows.expect("the journal can be read")
            .iter()
            .map(|row| (row.get(0), row.get(1)))
            .collect()
    }

    /// The screen-pops that the service desk holds.
    pub fn pops(&self) -> Vec<Pop> {
        let rows = self.runtime.block_on(async {
            let mut desk = connect(&self.dir.join("service-desk.db")).await;
            sqlx::query("SELECT offer_id, agent, created_at FROM screen_pops ORDER BY created_at")
                .fetch_all(&mut desk)
                .await
        });
        let pop = |row: &sqlx::sqlite::SqliteRow| Pop {
            offer: row.get(0),
            agent: row.get(1),
            created_at: row.get(2),
        };
        rows.expect("the desk can be read").iter().map(pop).collect()
    }

    /// Ids of the contacts that the service desk holds.
    pub fn desk_contacts(&self) -> Vec<String> {
        let rows = self.runtime.block_on(async {
            let mut desk = connect(&self.dir.join("service-desk.db")).await;
            sqlx::query_scalar("SELECT contact_id FROM contacts")
                .fetch_all(&mut desk)
                .await
        });
        rows.expect("the desk can be read")
    }
}

async fn connect(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(Duration::from_secs(5));
    options.connect().await.expect("the database can be opened")
}

/// Microseconds between two events.
pub fn micros(from: &Event, to: &Event) -> i64 {
    to.at.as_micros() - from.at.as_micros()
}
