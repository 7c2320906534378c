//! What is wrong with a flow file: where, what, and what to do about it.

use std::fmt;

use serde_saphyr::Location;

/// A place in a flow file; lines and columns count from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line; 0 where it is not known.
    pub line: u32,
    /// The column; 0 where it is not known.
    pub column: u32,
}

impl From<Location> for Place {
    fn from(at: Location) -> Self {
        let narrow = |number: u64| u32::try_from(number).unwrap_or(0);
        Self {
            line: narrow(at.line()),
            column: narrow(at.column()),
        }
    }
}

/// One thing that is wrong with a flow file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file's name.
    pub file: String,
    /// Where in it.
    pub at: Place,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub fix: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.at.line > 0 {
            write!(f, ":{}:{}", self.at.line, self.at.column)?;
        }
        write!(f, ": {}; {}", self.what, self.fix)
    }
}

/// The problems of one file, as they are found.
#[derive(Debug)]
pub(crate) struct Problems {
    file: String,
    list: Vec<Problem>,
}

impl Problems {
    pub(crate) fn of(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            list: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, at: impl Into<Place>, what: impl Into<String>, fix: impl Into<String>) {
        let problem = Problem {
            file: self.file.clone(),
            at: at.into(),
            what: what.into(),
            fix: fix.into(),
        };
        self.list.push(problem);
    }

    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// In the order of the file.
    pub(crate) fn into_sorted(mut self) -> Vec<Problem> {
        self.list.sort_by_key(|problem| problem.at);
        self.list
    }
}
