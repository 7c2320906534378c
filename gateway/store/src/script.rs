//! One transaction as one prepared text: events go into their table, rows of all other tables into the view `batch`,
//! whose triggers (see the migrations) put each where its tag says.
//!
//! A commit is one trip to the database's thread and one answer, instead of one per table. Most rows are events, and a row
//! of the view costs several times one of a table, so events have a statement of their own. The number of rows differs from
//! batch to batch, so a statement has one of a few sizes and its spare rows are NULL, which it leaves out: a few dozen
//! texts stay prepared for ever.

use std::sync::{Arc, OnceLock};

use sqlx::Arguments;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};

/// Sizes of a statement, in rows. More rows take several statements.
const SIZES: [usize; 7] = [0, 4, 8, 16, 32, 64, 256];

/// Columns of an event.
const EVENT_COLUMNS: usize = 5;

/// Columns of the view `batch`: the tag and the widest table's.
const BATCH_COLUMNS: usize = 22;

const EVENTS: &str = "INSERT INTO events (seq, at, contact, kind, json)";
const BATCH: &str = "INSERT INTO batch";

/// A value to be bound.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Text(String),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The tag of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table(pub(crate) i64);

/// Rows of any tables, in the order in which they are to be written; events before all others.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    events: Vec<Value>,
    batch: Vec<Value>,
}

impl Rows {
    pub(crate) fn event(&mut self, row: [Value; EVENT_COLUMNS]) {
        self.events.extend(row);
    }

    pub(crate) fn push<const N: usize>(&mut self, table: Table, row: [Value; N]) {
        const { assert!(N < BATCH_COLUMNS) }
        self.batch.push(Value::Int(table.0));
        self.batch.extend(row);
        self.batch.extend((N + 1..BATCH_COLUMNS).map(|_| Value::Null));
    }
}

/// A transaction ready to be run, as often as it takes.
#[derive(Debug)]
pub(crate) struct Script {
    text: Arc<str>,
    arguments: SqliteArguments,
}

/// The texts of all pairs of sizes, of events and of others; each is made when it is first needed.
static TEXTS: [[OnceLock<Arc<str>>; SIZES.len()]; SIZES.len()] =
    [const { [const { OnceLock::new() }; SIZES.len()] }; SIZES.len()];

/// The smallest size that holds so many rows, or the largest.
fn size_for(rows: usize) -> usize {
    SIZES
        .iter()
        .position(|&size| size >= rows)
        .unwrap_or(SIZES.len() - 1)
}

/// Appends what inserts so many rows.
fn push_statements(text: &mut String, into: &str, columns: usize, mut rows: usize) {
    while rows > 0 {
        let size = SIZES[size_for(rows)];
        let row = format!("({})", ["?"; BATCH_COLUMNS][..columns].join(","));
        let values = vec![row; size].join(",");
        *text += &format!("{into} SELECT * FROM (VALUES {values}) WHERE column1 IS NOT NULL;");
        rows = rows.saturating_sub(size);
    }
}

fn text_for(events: usize, others: usize) -> Arc<str> {
    let mut text = String::from("BEGIN IMMEDIATE;");
    push_statements(&mut text, EVENTS, EVENT_COLUMNS, events);
    push_statements(&mut text, BATCH, BATCH_COLUMNS, others);
    text.push_str("COMMIT;");
    text.into()
}

impl Script {
    /// The transaction that writes these rows. Arguments not bound are NULL to the database, so only statements before
    /// others need filling.
    pub(crate) fn new(rows: Rows) -> Self {
        let largest = SIZES[SIZES.len() - 1];
        let events = rows.events.len() / EVENT_COLUMNS;
        let others = rows.batch.len() / BATCH_COLUMNS;
        let text = if events <= largest && others <= largest {
            let text = &TEXTS[size_for(events)][size_for(others)];
            Arc::clone(text.get_or_init(|| text_for(events, others)))
        } else {
            text_for(events, others)
        };
        let filled = events / largest * largest + SIZES[size_for(events % largest)];
        let spare = filled * EVENT_COLUMNS - rows.events.len();
        let mut arguments = SqliteArguments::default();
        arguments.reserve(rows.events.len() + spare + rows.batch.len(), 0);
        let values = rows.events.into_iter();
        values.for_each(|value| bind(&mut arguments, value));
        (0..spare).for_each(|_| bind(&mut arguments, Value::Null));
        let values = rows.batch.into_iter();
        values.for_each(|value| bind(&mut arguments, value));
        Self { text, arguments }
    }

    /// Runs it: all of it is committed, or none.
    pub(crate) async fn run(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let text = sqlx::AssertSqlSafe(Arc::clone(&self.text));
        let done = sqlx::query_with(text, self.arguments.clone())
            .execute(&mut *connection)
            .await;
        if done.is_err() {
            // Fails where the transaction is already undone, which is what is wanted.
            let _ = sqlx::query("ROLLBACK").execute(&mut *connection).await;
        }
        done.map(|_| ())
    }
}

fn bind(arguments: &mut SqliteArguments, value: Value) {
    // Encoding an integer, a text or NULL cannot fail.
    let bound = match value {
        Value::Null => arguments.add(None::<i64>),
        Value::Int(value) => arguments.add(value),
        Value::Text(value) => arguments.add(value),
    };
    debug_assert!(bound.is_ok());
}
