//! The configuration: file and environment are read into [`raw::Raw`], checked as a whole into [`Settings`], and every
//! problem is told at once with its place and a hint. Nothing writes the configuration; only this crate reads it.

mod advice;
mod check;
mod problem;
pub mod raw;
pub mod read;
mod settings;
mod tree;
mod trunk;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use problem::{Place, Problem};
pub use settings::{
    Agent, Band, Connections, Console, DIRECT_PREFIX, Data, Durability, Face, Flows, Guard, Hotline, Limits,
    Listener, ListenerKind, Log, LogFormat, Login, Media, Number, Phone, Queue, Rate, Recording, Role,
    RosterEntry, Routing, Seed, Settings, Sip, Srtp, Team, Trunk, User, UserRole,
};
pub use settings::{
    Holiday, Keep, KeepOf, Need, Overflow, OverflowWhen, Pause, QueueRules, RecordPolicy, RoutingPolicy,
    Seats, Skill, Tier, WrapUpEnds,
};
pub use trunk::{
    CalledIn, Destination, Dtmf, IdentityIn, NumberForm, Numbering, Outside, TrunkAccount, TrunkCodec,
    TrunkRules, TrunkTransport,
};

use read::{Key, Read, Section};
use tree::Node;

/// The annotated default, which is used where no file is named and `./config/hotline.toml` is not there.
pub const DEFAULT: &str = include_str!("../hotline.toml");
/// How the default calls itself in messages.
const DEFAULT_NAME: &str = "built-in hotline.toml";
/// Where a file is looked for when none is named.
const USUAL_FILE: &str = "./config/hotline.toml";
/// Names a file, after `--config`.
const FILE_VARIABLE: &str = "HOTLINE_CONFIG";
/// Names the data folder, after `--data`.
const DATA_VARIABLE: &str = "HOTLINE_DATA";
/// Largest file that is read; a configuration is a few kilobytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// What the command line and the environment say about the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// `--config`, or else `HOTLINE_CONFIG`.
    pub file: Option<PathBuf>,
    /// `--data`, or else `HOTLINE_DATA`; wins over `data.dir`.
    pub data: Option<PathBuf>,
    /// Overrides, by name of the environment variable: `HOTLINE__sip__realm`.
    pub overrides: BTreeMap<String, String>,
}

impl Source {
    /// From the command line's options and the process's environment.
    #[must_use]
    pub fn from_process(config: Option<PathBuf>, data: Option<PathBuf>) -> Self {
        let said = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            file: config.or_else(|| said(FILE_VARIABLE)),
            data: data.or_else(|| said(DATA_VARIABLE)),
            overrides: std::env::vars_os().filter_map(text).collect(),
        }
    }
}

/// Why there are no settings. Prints whole, one problem after the other.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file that was named cannot be read.
    #[error("{}: cannot be read: {error}\n  hint: name a readable file with --config or {FILE_VARIABLE}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The configuration has problems.
    #[error("{}", problems_text(.0))]
    Problems(Vec<Problem>),
}

fn problems_text(problems: &[Problem]) -> String {
    let count = match problems.len() {
        1 => "1 problem".to_owned(),
        many => format!("{many} problems"),
    };
    let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
    format!("the configuration has {count}\n{}", list.join("\n"))
}

/// Reads and checks the configuration: the file that `source` names, else `./config/hotline.toml`, else the one built in.
///
/// # Errors
///
/// The named file cannot be read, or the configuration has problems.
pub fn load(source: &Source) -> Result<Settings, LoadError> {
    let usual = Path::new(USUAL_FILE);
    let file = source.file.as_deref().or_else(|| usual.exists().then_some(usual));
    let (name, text) = match file {
        Some(file) => {
            let text = read_file(file).map_err(|error| LoadError::Unreadable {
                file: file.to_owned(),
                error,
            })?;
            (file.display().to_string(), text)
        }
        None => (DEFAULT_NAME.to_owned(), DEFAULT.to_owned()),
    };
    let mut overrides = source.overrides.clone();
    if let Some(data) = &source.data {
        // The command line wins over the file in the same way as the environment does.
        let text = toml::Value::String(data.display().to_string()).to_string();
        overrides.insert(format!("{}data__dir", tree::ENVIRONMENT_PREFIX), text);
    }
    read_text(&name, &text, &overrides).map_err(LoadError::Problems)
}

fn read_file(file: &Path) -> std::io::Result<String> {
    let bytes = std::fs::metadata(file)?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(std::io::Error::other(format!(
            "{bytes} bytes are too many for a configuration"
        )));
    }
    std::fs::read_to_string(file)
}

/// Checks a text as a configuration; pure. `name` is what messages call it, `overrides` are environment variables.
///
/// # Errors
///
/// Every problem that it has, in the order of places.
pub fn read_text(
    name: &str,
    text: &str,
    overrides: &BTreeMap<String, String>,
) -> Result<Settings, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut root: Node = tree::parse(name, text, &mut problems);
    if !problems.is_empty() {
        problems.sort();
        // What else is wrong cannot be told from a text that was only half understood.
        return Err(problems);
    }
    tree::overlay(&mut root, overrides, &mut problems);
    let place = root.place.clone();
    let raw = raw::Raw::read(root, String::new(), &mut problems).unwrap_or_else(|| {
        raw::Raw::absent(Key {
            place,
            path: String::new(),
        })
    });
    check::check(&raw, name, problems)
}

#[cfg(test)]
mod tests;
