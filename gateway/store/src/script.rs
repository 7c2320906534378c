//! One transaction as one prepared script: every table's rows in one padded multi-row statement, sent to the
//! database's thread at once.
//!
//! A commit costs one trip to that thread instead of one per statement. The number of rows differs from batch to batch,
//! so each statement has one of a few sizes and its spare rows are NULL, which the statement leaves out: the scripts
//! repeat and stay prepared.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::Arguments;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};

/// Sizes of a statement, in rows. More rows take several statements.
const SIZES: [usize; 4] = [4, 16, 64, 256];

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

/// A table that takes rows: what stands before and after `SELECT .. FROM (VALUES ..) WHERE column1 IS NOT NULL`.
/// Column 1 must never be NULL in a real row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    pub(crate) insert: &'static str,
    pub(crate) conflict: &'static str,
    pub(crate) columns: usize,
}

/// Rows for one table.
#[derive(Debug)]
pub(crate) struct Rows {
    table: Table,
    values: Vec<Value>,
}

impl Rows {
    pub(crate) const fn new(table: Table) -> Self {
        Self {
            table,
            values: Vec::new(),
        }
    }

    pub(crate) fn push<const N: usize>(&mut self, row: [Value; N]) {
        debug_assert_eq!(N, self.table.columns);
        self.values.extend(row);
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len() / self.table.columns
    }
}

/// Makes scripts; keeps the text of those it made.
#[derive(Debug, Default)]
pub(crate) struct Scripts {
    texts: BTreeMap<Vec<(u8, u16)>, Arc<str>>,
}

/// Texts kept; beyond it the memory starts afresh.
const TEXTS_MAX: usize = 512;

/// A transaction ready to be run, as often as it takes.
#[derive(Debug)]
pub(crate) struct Script {
    text: Arc<str>,
    arguments: SqliteArguments,
}

impl Scripts {
    /// The transaction that writes these rows, in this order of tables, and then runs `last`, a constant statement
    /// without arguments or with the given ones.
    pub(crate) fn script(&mut self, sections: Vec<Rows>, last: Option<(&'static str, i64)>) -> Script {
        let mut shape = Vec::new();
        let mut arguments = SqliteArguments::default();
        let values: usize = sections.iter().map(|rows| rows.values.len()).sum();
        arguments.reserve(values * 2, 0);
        let mut parts = Vec::new();
        for (index, rows) in sections.into_iter().enumerate() {
            let mut left = rows.len();
            let columns = rows.table.columns;
            let mut values = rows.values.into_iter();
            while left > 0 {
                let size = SIZES
                    .into_iter()
                    .find(|&size| size >= left)
                    .unwrap_or(SIZES[SIZES.len() - 1]);
                let taken = left.min(size);
                values
                    .by_ref()
                    .take(taken * columns)
                    .for_each(|value| bind(&mut arguments, value));
                (taken * columns..size * columns).for_each(|_| bind(&mut arguments, Value::Null));
                shape.push((
                    u8::try_from(index).unwrap_or(u8::MAX),
                    u16::try_from(size).unwrap_or(u16::MAX),
                ));
                parts.push((rows.table, size));
                left -= taken;
            }
        }
        if let Some((_, argument)) = last {
            bind(&mut arguments, Value::Int(argument));
            shape.push((u8::MAX, 0));
        }
        if self.texts.len() >= TEXTS_MAX {
            self.texts.clear();
        }
        let text = self
            .texts
            .entry(shape)
            .or_insert_with(|| text(&parts, last.map(|(text, _)| text)));
        Script {
            text: Arc::clone(text),
            arguments,
        }
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

fn text(parts: &[(Table, usize)], last: Option<&str>) -> Arc<str> {
    let mut text = String::from("BEGIN IMMEDIATE;");
    for (table, size) in parts {
        let row = format!("({})", vec!["?"; table.columns].join(","));
        let rows = vec![row; *size].join(",");
        text.push_str(table.insert);
        text.push_str(" SELECT * FROM (VALUES ");
        text.push_str(&rows);
        text.push_str(") WHERE column1 IS NOT NULL ");
        text.push_str(table.conflict);
        text.push(';');
    }
    if let Some(last) = last {
        text.push_str(last);
        text.push(';');
    }
    text.push_str("COMMIT;");
    text.into()
}

impl Script {
    /// Runs it: all of it is committed, or none.
    pub(crate) async fn run(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let text = sqlx::AssertSqlSafe(Arc::clone(&self.text));
        let query = sqlx::query_with(text, self.arguments.clone());
        let done = query.execute(&mut *connection).await;
        if done.is_err() {
            // Fails where the transaction is already undone, which is what is wanted.
            let _ = sqlx::query("ROLLBACK").execute(&mut *connection).await;
        }
        done.map(|_| ())
    }
}
