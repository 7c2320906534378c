//! One transaction as one prepared statement: all rows of all tables go into the view `batch`, whose triggers (see the
//! migrations) put each where its tag says.
//!
//! A commit is one trip to the database's thread and one answer, instead of one per table, and it is atomic by itself.
//! The number of rows differs from batch to batch, so the statement has one of a few sizes and its spare rows are NULL,
//! which it leaves out: a handful of statements stay prepared for ever.

use std::sync::{Arc, LazyLock};

use sqlx::Arguments;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};

/// Sizes of the statement, in rows. More rows take several statements in one transaction.
const SIZES: [usize; 6] = [4, 8, 16, 32, 64, 256];

/// Columns of the view `batch`: the tag and the widest table's.
const COLUMNS: usize = 22;

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

/// Rows of any tables, in the order in which they are to be written.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    arguments: SqliteArguments,
    rows: usize,
}

impl Rows {
    pub(crate) fn push<const N: usize>(&mut self, table: Table, row: [Value; N]) {
        const { assert!(N < COLUMNS) }
        self.rows += 1;
        self.bind(Value::Int(table.0));
        row.into_iter().for_each(|value| self.bind(value));
        (N + 1..COLUMNS).for_each(|_| self.bind(Value::Null));
    }

    fn bind(&mut self, value: Value) {
        // Encoding an integer, a text or NULL cannot fail.
        let bound = match value {
            Value::Null => self.arguments.add(None::<i64>),
            Value::Int(value) => self.arguments.add(value),
            Value::Text(value) => self.arguments.add(value),
        };
        debug_assert!(bound.is_ok());
    }
}

/// A transaction ready to be run, as often as it takes.
#[derive(Debug)]
pub(crate) struct Script {
    text: Arc<str>,
    arguments: SqliteArguments,
}

/// The statement in each of its sizes.
static STATEMENTS: LazyLock<[Arc<str>; SIZES.len()]> = LazyLock::new(|| {
    SIZES.map(|size| {
        let row = format!("({})", ["?"; COLUMNS].join(","));
        let rows = vec![row; size].join(",");
        format!("INSERT INTO batch SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL").into()
    })
});

/// The smallest size that holds so many rows, or the largest.
fn size_for(rows: usize) -> usize {
    SIZES
        .iter()
        .position(|&size| size >= rows)
        .unwrap_or(SIZES.len() - 1)
}

impl Script {
    /// The transaction that writes these rows. Arguments not bound are NULL to the database, so only whole statements
    /// before others would need filling, and those are full.
    pub(crate) fn new(rows: Rows) -> Self {
        let largest = SIZES[SIZES.len() - 1];
        let text = if rows.rows <= largest {
            Arc::clone(&STATEMENTS[size_for(rows.rows)])
        } else {
            let mut text = String::from("BEGIN IMMEDIATE;");
            let mut left = rows.rows;
            while left > 0 {
                let size = size_for(left);
                text.push_str(&STATEMENTS[size]);
                text.push(';');
                left = left.saturating_sub(SIZES[size]);
            }
            text.push_str("COMMIT;");
            text.into()
        };
        Self {
            text,
            arguments: rows.arguments,
        }
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
