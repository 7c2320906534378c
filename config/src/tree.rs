//! The configuration as a tree of values that know where they were said: TOML below, environment on top.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::problem::{Place, Problem};

/// Environment variables that begin like this override keys of the file.
pub(crate) const ENVIRONMENT_PREFIX: &str = "HOTLINE__";
/// Separates the parts of a key in the name of an environment variable.
const ENVIRONMENT_SEPARATOR: &str = "__";

/// A value and where it was said.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Where the value is.
    pub place: Place,
    /// Where its key is; for an entry of an array, where the value is.
    pub named: Place,
    /// What.
    pub value: Value,
}

/// A value as TOML knows it.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A string.
    Text(String),
    /// An integer; none where it does not fit into 64 bits.
    Integer(Option<i64>),
    /// A number with a fraction.
    Float(f64),
    /// `true` or `false`.
    Flag(bool),
    /// A date or time, which no key takes.
    Datetime,
    /// An array, or an array of tables.
    List(Vec<Node>),
    /// A table.
    Table(BTreeMap<String, Node>),
}

impl Value {
    /// What to call this kind of value in a message.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a number",
            Self::Flag(_) => "true or false",
            Self::Datetime => "a date or time",
            Self::List(_) => "an array",
            Self::Table(_) => "a table",
        }
    }
}

/// Turns byte offsets into lines and columns.
struct Lines<'t> {
    file: Arc<str>,
    text: &'t str,
    /// Byte offset of the beginning of each line.
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn new(file: &str, text: &'t str) -> Self {
        let starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self {
            file: file.into(),
            text,
            starts,
        }
    }

    fn place(&self, offset: usize) -> Place {
        let line = self.starts.partition_point(|&start| start <= offset);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self
            .text
            .get(start..offset)
            .map_or(0, |before| before.chars().count())
            + 1;
        Place::File {
            file: Arc::clone(&self.file),
            line,
            column,
        }
    }
}

/// Reads a TOML text; every syntax error is a problem, and what could be read is kept.
pub(crate) fn parse(file: &str, text: &str, problems: &mut Vec<Problem>) -> Node {
    let lines = Lines::new(file, text);
    let (table, errors) = DeTable::parse_recoverable(text);
    problems.extend(errors.iter().map(|error| Problem {
        place: lines.place(error.span().map_or(0, |span| span.start)),
        key: String::new(),
        what: format!("this is not TOML: {}", error.message().replace('\n', ", ")),
        hint: "write `key = value`, strings in double quotes, sections as `[name]` or `[[name]]`".to_owned(),
    }));
    Node {
        place: lines.place(0),
        named: lines.place(0),
        value: Value::Table(table_of(table.into_inner(), &lines)),
    }
}

fn table_of(table: DeTable<'_>, lines: &Lines<'_>) -> BTreeMap<String, Node> {
    table
        .into_iter()
        .map(|(key, value)| {
            // A value's own place, except where the value is a section: its header is the place of its key.
            let named = lines.place(key.span().start);
            let is_section = matches!(value.get_ref(), DeValue::Table(_));
            let node = node_of(value, lines);
            let place = if is_section {
                named.clone()
            } else {
                node.place.clone()
            };
            let node = Node { place, named, ..node };
            (key.into_inner().into_owned(), node)
        })
        .collect()
}

fn node_of(value: Spanned<DeValue<'_>>, lines: &Lines<'_>) -> Node {
    let place = lines.place(value.span().start);
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()),
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Flag(flag),
        DeValue::Datetime(_) => Value::Datetime,
        DeValue::Array(items) => Value::List(items.into_iter().map(|item| node_of(item, lines)).collect()),
        DeValue::Table(table) => Value::Table(table_of(table, lines)),
    };
    Node {
        named: place.clone(),
        place,
        value,
    }
}

/// Lays the environment over the file: `HOTLINE__sip__realm=x` sets `sip.realm`,
/// `HOTLINE__queue__after_sales__ring=20s` sets `ring` of the `[[queue]]` whose slug is `after-sales`.
/// The value is TOML where it reads as TOML, otherwise a string.
pub(crate) fn overlay(root: &mut Node, environment: &BTreeMap<String, String>, problems: &mut Vec<Problem>) {
    for (name, text) in environment {
        let Some(path) = name.strip_prefix(ENVIRONMENT_PREFIX) else {
            continue;
        };
        let path = path.to_lowercase();
        let steps: Vec<&str> = path.split(ENVIRONMENT_SEPARATOR).collect();
        let place = Place::Environment(name.as_str().into());
        let value = Node {
            named: place.clone(),
            place: place.clone(),
            value: environment_value(text),
        };
        if let Some(missing) = set(root, &steps, value) {
            problems.push(Problem {
                place,
                key: steps.join("."),
                what: format!("there is no `{missing}` in the file to set this in"),
                hint: "name a section, or a section and the slug of one of its entries with `_` for `-`"
                    .to_owned(),
            });
        }
    }
}

/// Sets the value at the end of the path; the step that leads nowhere is returned.
fn set<'s>(node: &mut Node, steps: &[&'s str], value: Node) -> Option<&'s str> {
    let (&step, rest) = steps.split_first()?;
    let next = match &mut node.value {
        Value::Table(table) if rest.is_empty() => {
            table.insert(step.to_owned(), value);
            return None;
        }
        Value::Table(table) => table.entry(step.to_owned()).or_insert_with(|| Node {
            place: value.place.clone(),
            named: value.place.clone(),
            value: Value::Table(BTreeMap::new()),
        }),
        Value::List(items) if !rest.is_empty() => {
            match items.iter_mut().find(|item| answers_to(item, step)) {
                Some(item) => item,
                None => return Some(step),
            }
        }
        _ => return Some(step),
    };
    set(next, rest, value)
}

fn answers_to(item: &Node, step: &str) -> bool {
    slug_of(item).is_some_and(|slug| slug == step || slug.replace('-', "_") == step)
}

/// The slug of an entry of an array of tables.
pub(crate) fn slug_of(item: &Node) -> Option<&str> {
    let Value::Table(table) = &item.value else {
        return None;
    };
    match table.get("slug").map(|node| &node.value) {
        Some(Value::Text(slug)) => Some(slug),
        _ => None,
    }
}

fn environment_value(text: &str) -> Value {
    let lines = Lines::new("", text);
    match DeValue::parse(text) {
        Ok(value) => node_of(value, &lines).value,
        Err(_) => Value::Text(text.to_owned()),
    }
}
