//! From the tree to the raw structs: kinds of values, unknown keys, and the macro that declares a section.

use crate::problem::{Place, Problem};
use crate::tree::{Node, Value, slug_of};

/// A place in the configuration and the path of the key that leads there.
#[derive(Clone, Debug)]
pub struct Key {
    /// Where it was said.
    pub place: Place,
    /// Its path, for instance `sip.realm`.
    pub path: String,
}

impl Key {
    /// A problem here.
    pub(crate) fn problem(&self, what: impl Into<String>, hint: impl Into<String>) -> Problem {
        Problem {
            place: self.place.clone(),
            key: self.path.clone(),
            what: what.into(),
            hint: hint.into(),
        }
    }

    /// The key below this one; a key that was not said is where its section is.
    pub(crate) fn below(&self, name: &str) -> Self {
        Self {
            place: self.place.clone(),
            path: join(&self.path, name),
        }
    }
}

/// A value and where it was said.
#[derive(Clone, Debug)]
pub struct Said<T> {
    /// Where.
    pub key: Key,
    /// What.
    pub value: T,
}

/// What the file says about one key.
#[derive(Clone, Debug, Default)]
pub enum Field<T> {
    /// Nothing: the default holds.
    #[default]
    Absent,
    /// Something of the wrong kind, which is a problem already told.
    Bad,
    /// This.
    Is(T),
}

/// Something that can be read from a node. None: it was of the wrong kind, and a problem was told.
pub(crate) trait Read: Sized {
    /// Reads the value at `path`.
    fn read(node: Node, path: String, problems: &mut Vec<Problem>) -> Option<Self>;
}

impl<T> Field<T> {
    /// The value, where there is a good one.
    pub const fn get(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Bad => None,
        }
    }
}

impl<T> Field<Vec<T>> {
    /// The entries; none where nothing was said.
    pub fn items(&self) -> &[T] {
        self.get().map_or(&[], Vec::as_slice)
    }
}

/// What the file says about the key at `path`.
pub(crate) fn field<T: Read>(node: Option<Node>, path: String, problems: &mut Vec<Problem>) -> Field<T> {
    match node {
        None => Field::Absent,
        Some(node) => T::read(node, path, problems).map_or(Field::Bad, Field::Is),
    }
}

/// A section of the file.
pub(crate) trait Section {
    /// The section where the file does not have it: every key has its default.
    fn absent(key: Key) -> Self;
}

/// Kinds of single values.
pub(crate) trait Kind: Sized {
    /// What to call the kind in a message.
    const NAME: &'static str;
    /// How such a value is written.
    const EXAMPLE: &'static str;
    /// The value, if it is of this kind.
    fn of(value: Value) -> Result<Self, Value>;
}

macro_rules! kind {
    ($type:ty, $name:literal, $example:literal, $($pattern:pat => $result:expr),+) => {
        impl Kind for $type {
            const NAME: &'static str = $name;
            const EXAMPLE: &'static str = $example;
            fn of(value: Value) -> Result<Self, Value> {
                match value {
                    $($pattern => Ok($result),)+
                    other => Err(other),
                }
            }
        }
    };
}

kind!(String, "a string", "`\"text\"`", Value::Text(text) => text);
kind!(bool, "true or false", "`true` or `false`, without quotes", Value::Flag(flag) => flag);
kind!(i64, "an integer", "digits without quotes and fraction", Value::Integer(Some(number)) => number);

impl Kind for f64 {
    const NAME: &'static str = "a number";
    const EXAMPLE: &'static str = "digits with a point, without quotes";
    fn of(value: Value) -> Result<Self, Value> {
        match value {
            Value::Float(number) => Ok(number),
            Value::Integer(Some(number)) => i32::try_from(number)
                .map(Self::from)
                .map_err(|_| Value::Integer(None)),
            other => Err(other),
        }
    }
}

impl<T: Kind> Read for Said<T> {
    fn read(node: Node, path: String, problems: &mut Vec<Problem>) -> Option<Self> {
        let key = Key {
            place: node.place,
            path,
        };
        match T::of(node.value) {
            Ok(value) => Some(Self { key, value }),
            Err(other) => {
                let what = match other {
                    Value::Integer(None) => "this integer is too large".to_owned(),
                    other => format!("expected {}, found {}", T::NAME, other.kind()),
                };
                problems.push(key.problem(what, format!("write {}", T::EXAMPLE)));
                None
            }
        }
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(node: Node, path: String, problems: &mut Vec<Problem>) -> Option<Self> {
        let Value::List(nodes) = node.value else {
            let sections = path.rsplit('.').next().unwrap_or_default().to_owned();
            let hint = match node.value {
                Value::Table(_) => format!("write the section with two brackets: `[[{sections}]]`"),
                _ => "put it into brackets: `[a, b]`".to_owned(),
            };
            let what = format!("expected an array, found {}", node.value.kind());
            problems.push(
                Key {
                    place: node.place,
                    path,
                }
                .problem(what, hint),
            );
            return None;
        };
        // A bad entry is a problem told already; the others are still checked.
        Some(
            nodes
                .into_iter()
                .enumerate()
                .filter_map(|(index, node)| {
                    let path = match slug_of(&node) {
                        Some(slug) => join(&path, slug),
                        None => format!("{path}[{index}]"),
                    };
                    T::read(node, path, problems)
                })
                .collect(),
        )
    }
}

/// The path of a key below a path.
pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// Tells of keys that no section has, naming the nearest that it does have.
pub(crate) fn unknown_keys<'n>(
    left: impl Iterator<Item = (&'n String, &'n Node)>,
    path: &str,
    known: &[&str],
    problems: &mut Vec<Problem>,
) {
    for (name, node) in left {
        let key = Key {
            place: node.named.clone(),
            path: join(path, name),
        };
        let near = known.iter().map(|word| (distance(name, word), *word)).min();
        let hint = match near {
            Some((steps, word)) if steps <= 2.max(name.len() / 3) => format!("did you mean `{word}`?"),
            _ => format!("known here: {}", known.join(", ")),
        };
        problems.push(key.problem("unknown key", hint));
    }
}

/// Edit distance of two words (Levenshtein, one row).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, left) in one.chars().enumerate() {
        let mut diagonal = index;
        let mut before = index + 1;
        for (right, cell) in other.iter().zip(row.iter_mut().skip(1)) {
            let here = (diagonal + usize::from(left != *right))
                .min(before + 1)
                .min(*cell + 1);
            diagonal = std::mem::replace(cell, here);
            before = here;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// Declares a section: a struct with one field per key, read from a table, any other key being a problem.
macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            /// Where the section is.
            pub key: $crate::read::Key,
            $($(#[$field_doc])* pub $field: $crate::read::Field<$kind>,)*
        }

        impl $crate::read::Read for $name {
            fn read(
                node: $crate::tree::Node,
                path: String,
                problems: &mut Vec<$crate::problem::Problem>,
            ) -> Option<Self> {
                let key = $crate::read::Key { place: node.place, path };
                let $crate::tree::Value::Table(mut table) = node.value else {
                    problems.push(key.problem(
                        format!("expected a section, found {}", node.value.kind()),
                        format!("write `[{}]` on a line of its own and its keys below", key.path),
                    ));
                    return None;
                };
                $(let $field = $crate::read::field(
                    table.remove(stringify!($field)),
                    $crate::read::join(&key.path, stringify!($field)),
                    problems,
                );)*
                $crate::read::unknown_keys(table.iter(), &key.path, &[$(stringify!($field)),*], problems);
                Some(Self { key, $($field,)* })
            }
        }

        impl $crate::read::Section for $name {
            fn absent(key: $crate::read::Key) -> Self {
                Self { key, $($field: $crate::read::Field::Absent,)* }
            }
        }
    };
}
pub(crate) use section;
