//! A flow file as it is written: the YAML's shape, with the place of every word in the file, nothing resolved yet.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

/// A word of the file with its place.
pub(crate) type Word = Spanned<String>;

/// A whole file: one flow.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    pub(crate) flow: Word,
    #[serde(default)]
    pub(crate) languages: Vec<Word>,
    /// The language that a call begins in; the first of `languages` where it is not given.
    pub(crate) language: Option<Word>,
    pub(crate) start: Option<Word>,
    #[serde(default)]
    pub(crate) defaults: Defaults,
    #[serde(default)]
    pub(crate) while_waiting: BTreeMap<String, Spanned<Waiting>>,
    #[serde(default)]
    pub(crate) nodes: BTreeMap<String, Spanned<NodeDocument>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Defaults {
    pub(crate) on_error: Option<Word>,
    pub(crate) max_steps: Option<Spanned<u32>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Waiting {
    pub(crate) music: Word,
    pub(crate) announce: Option<Announce>,
    pub(crate) leave_key: Option<Word>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Announce {
    pub(crate) after: Option<Word>,
    pub(crate) every: Word,
    #[serde(default)]
    pub(crate) first: Vec<Word>,
    #[serde(default)]
    pub(crate) position: bool,
    #[serde(default)]
    pub(crate) then: Vec<Word>,
}

/// The closed set of node kinds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NodeDocument {
    Play(PlayDocument),
    Menu(MenuDocument),
    Language(LanguageDocument),
    Calendar(CalendarDocument),
    Queue(QueueDocument),
    Goto(GotoDocument),
    Hangup(HangupDocument),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlayDocument {
    pub(crate) prompts: Vec<Word>,
    #[serde(default)]
    pub(crate) barge_in: bool,
    pub(crate) next: Option<Word>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MenuDocument {
    pub(crate) long: Vec<Word>,
    /// Said when the menu is repeated; `long` where it is not given.
    pub(crate) short: Option<Vec<Word>>,
    #[serde(default = "barge_in_default")]
    pub(crate) barge_in: bool,
    pub(crate) timeout: Option<Word>,
    #[serde(default)]
    pub(crate) keys: BTreeMap<String, Word>,
    pub(crate) no_input: Option<FailureDocument>,
    pub(crate) no_match: Option<FailureDocument>,
}

fn barge_in_default() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FailureDocument {
    pub(crate) max: Spanned<u32>,
    #[serde(default)]
    pub(crate) prompts: Vec<Word>,
    pub(crate) next: Option<Word>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LanguageDocument {
    pub(crate) set: Word,
    pub(crate) next: Option<Word>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CalendarDocument {
    pub(crate) name: Word,
    pub(crate) open: Option<Word>,
    pub(crate) closed: Option<Word>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueueDocument {
    pub(crate) name: Word,
    pub(crate) priority: Option<Word>,
    pub(crate) while_waiting: Word,
    #[serde(default)]
    pub(crate) exits: Exits,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exits {
    pub(crate) timeout: Option<Word>,
    pub(crate) full: Option<Word>,
    pub(crate) no_staff: Option<Word>,
    pub(crate) key: Option<Word>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GotoDocument {
    pub(crate) next: Option<Word>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HangupDocument {
    #[serde(default)]
    pub(crate) prompts: Vec<Word>,
}
