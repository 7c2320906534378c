//! A flow file as it is written: the YAML's shape, with the place of every word in the file, nothing resolved yet. The
//! comments of this file are the descriptions in the published schema.

mod nodes;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_saphyr::Spanned;

pub(crate) use nodes::*;

/// A value of the file with its place; in the schema it is the value alone.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent, bound(deserialize = "T: serde::de::DeserializeOwned"))]
pub(crate) struct Said<T: serde::de::DeserializeOwned>(Spanned<T>);

impl<T: serde::de::DeserializeOwned> Deref for Said<T> {
    type Target = Spanned<T>;

    fn deref(&self) -> &Spanned<T> {
        &self.0
    }
}

impl<T: serde::de::DeserializeOwned + JsonSchema> JsonSchema for Said<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A word of the file with its place.
pub(crate) type Word = Said<String>;

/// A flow of Hotline: what callers hear and choose between the first ring and a queue.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Hotline flow")]
pub(crate) struct Document {
    /// The flow's immutable name: 1 to 63 of a-z 0-9 - _.
    pub(crate) flow: Word,
    /// Tags of the languages it speaks; every prompt must exist in each.
    #[serde(default)]
    pub(crate) languages: Vec<Word>,
    /// The language that a call begins in; the first of `languages` where it is not given.
    pub(crate) language: Option<Word>,
    /// The first node.
    pub(crate) start: Option<Word>,
    /// `start`: we answer at once (as shipped). `flow`: an `answer` node does; what is played before it is early media,
    /// which costs the caller nothing, and `reject` may refuse.
    #[serde(default)]
    pub(crate) answer: AnswerDocument,
    /// The node to which a caller comes whose agent has hung up first: a survey. Left away: the call ends.
    pub(crate) after_agent: Option<Word>,
    /// Prompts that tell the caller of the recording. Left away: `welcome` and `recording-notice`; none (`[]`): callers are
    /// told elsewhere, before they come to this flow.
    pub(crate) notices: Option<Vec<Word>>,
    /// Variables by name.
    #[serde(default)]
    pub(crate) vars: BTreeMap<String, Said<VarDocument>>,
    /// What nodes inherit where they do not say it themselves.
    #[serde(default)]
    pub(crate) defaults: Defaults,
    /// What a caller hears in a queue, by name.
    #[serde(default)]
    pub(crate) while_waiting: BTreeMap<String, Said<Waiting>>,
    /// Parts that `call` nodes use again, by name.
    #[serde(default)]
    pub(crate) sub_flows: BTreeMap<String, Said<SubFlowDocument>>,
    /// The nodes by their stable names.
    #[serde(default)]
    pub(crate) nodes: BTreeMap<String, Said<NodeDocument>>,
}

/// Who answers the call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AnswerDocument {
    /// We, before the first node.
    #[default]
    Start,
    /// The flow, at an `answer` node.
    Flow,
}

/// A variable.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VarDocument {
    /// What it holds.
    #[serde(rename = "type")]
    pub(crate) kind: VarType,
    /// What it holds before anything was put into it: an expression; empty text, 0 or false where left away.
    pub(crate) value: Option<Word>,
    /// Whether it never may reach a log, a header, a record or another system.
    #[serde(default)]
    pub(crate) sensitive: bool,
}

/// What a variable holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum VarType {
    /// Text.
    Text,
    /// Keys of a phone, as text.
    Digits,
    /// A whole number.
    Number,
    /// true or false.
    Flag,
}

/// What nodes inherit.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Defaults {
    /// Where a call goes that passed `max_steps` nodes, and where look-ups lead that fail; a node named `to_agent` where
    /// left away.
    pub(crate) on_error: Option<Word>,
    /// Nodes that a call may pass, 1 to 10000; 200 where left away.
    pub(crate) max_steps: Option<Said<u32>>,
    /// Time for a key in menus and collects.
    pub(crate) timeout: Option<Word>,
    /// What menus and collects do without a key.
    pub(crate) no_input: Option<FailureDocument>,
    /// What menus and collects do with a wrong key.
    pub(crate) no_match: Option<FailureDocument>,
    /// The waiting part of queues.
    pub(crate) while_waiting: Option<Word>,
    /// The exits of queues.
    pub(crate) exits: Option<Exits>,
}

/// What a caller hears in a queue.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Waiting {
    /// The music.
    pub(crate) music: Word,
    /// What is said over it.
    pub(crate) announce: Option<Announce>,
    /// The key that gives the place up; the queue then needs an exit for it.
    pub(crate) leave_key: Option<Word>,
}

/// What is said while waiting.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Announce {
    /// From the queue's entry to the first announcement; 1 s where left away.
    pub(crate) after: Option<Word>,
    /// From the end of one announcement to the next, at least 5 s.
    pub(crate) every: Word,
    /// Said once, before the first.
    #[serde(default)]
    pub(crate) first: Vec<Word>,
    /// Whether the caller's place is said.
    #[serde(default)]
    pub(crate) position: bool,
    /// Whether the estimated wait is said, where there is an estimate.
    #[serde(default)]
    pub(crate) wait: bool,
    /// Said at the end of each.
    #[serde(default)]
    pub(crate) then: Vec<Word>,
}

/// A part of a flow that is used again.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubFlowDocument {
    /// Its first node.
    pub(crate) start: Word,
    /// Its nodes; edges lead to its own nodes, and `return` leads back.
    pub(crate) nodes: BTreeMap<String, Said<NodeDocument>>,
}

/// The closed set of node kinds.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NodeDocument {
    /// Plays prompts.
    Play(PlayDocument),
    /// Says numbers, dates and more, put together from recorded pieces.
    Say(SayDocument),
    /// Lets the caller choose by keys.
    Menu(MenuDocument),
    /// Takes digits into a variable.
    Collect(CollectDocument),
    /// Puts the values of expressions into variables.
    Set(SetDocument),
    /// Goes on by the first condition that holds.
    Branch(BranchDocument),
    /// Goes on by who calls.
    Caller(CallerDocument),
    /// Asks another system, with a deadline.
    Lookup(LookupDocument),
    /// Asks how long the wait in a queue would be now.
    Estimate(EstimateDocument),
    /// Changes the language.
    Language(LanguageDocument),
    /// Goes on by the calendar.
    Calendar(CalendarDocument),
    /// Waits for an agent.
    Queue(QueueDocument),
    /// Records a message.
    Voicemail(VoicemailDocument),
    /// Registers a call-back.
    CallBack(CallBackDocument),
    /// Asks for a score.
    Survey(SurveyDocument),
    /// Connects the caller with another number.
    Transfer(TransferDocument),
    /// Writes a text on the contact's record.
    Note(NoteDocument),
    /// Answers the call, in a flow with `answer: flow`.
    Answer(GotoDocument),
    /// Refuses the call, in a flow with `answer: flow`, before it was answered.
    Reject(RejectDocument),
    /// Goes on elsewhere.
    Goto(GotoDocument),
    /// Goes through a part of `sub_flows`.
    Call(CallDocument),
    /// Leads back to the `call`; in `sub_flows` only.
    Return(ReturnDocument),
    /// Ends the call.
    Hangup(HangupDocument),
}

/// The JSON Schema of a flow file, for editors.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Document);
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
    text.push('\n');
    text
}
