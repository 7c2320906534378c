//! Tests that stand beside a flow, in `NAME.test.yaml`: a call each, in virtual time, without sockets.

mod report;
mod stage;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::check::first_line;
use crate::{Place, Problem};

pub use report::{Coverage, Outcome, Verdict};

/// Longest file of tests, bytes.
const FILE_BYTES_MAX: usize = 1024 * 1024;

/// The tests of one flow.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trials {
    /// Name of the flow.
    pub flow: String,
    tests: Vec<Spanned<Trial>>,
}

/// One call.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trial {
    name: String,
    /// When the call comes, local time, `2026-11-21T23:10`.
    at: Option<String>,
    /// The caller's number.
    #[serde(default)]
    caller: String,
    /// Name of the access number.
    #[serde(default)]
    number: String,
    /// The language of the access number.
    language: Option<String>,
    #[serde(default)]
    stub: Stub,
    #[serde(default)]
    steps: Vec<Spanned<Step>>,
    #[serde(default)]
    expect: Expect,
}

/// How the world answers.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stub {
    /// Calendars that are not on.
    #[serde(default)]
    closed: Vec<String>,
    /// What is known of the caller: blocked, anonymous, vip, seen.
    #[serde(default)]
    caller: Vec<String>,
    /// Look-ups by name.
    #[serde(default)]
    lookup: BTreeMap<String, LookupStub>,
    /// The place in the queue.
    position: Option<u32>,
    /// The estimated wait, seconds.
    wait: Option<u64>,
    /// Whether a call-back can be registered; true where left away.
    call_back: Option<bool>,
    /// What becomes of a transfer: busy, no_answer or failed; it is answered where left away.
    transfer: Option<TransferStub>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LookupStub {
    /// Found, with these fields.
    Found(BTreeMap<String, String>),
    NotFound,
    Error,
    /// No answer.
    Timeout,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TransferStub {
    Busy,
    NoAnswer,
    Failed,
}

/// What the caller does, or the world.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    /// This prompt must be heard next, after whatever plays to its end before.
    Hear(String),
    /// The caller presses these keys, whatever is playing.
    Press(String),
    /// The caller says and presses nothing until the flow's next deadline.
    Silence,
    /// Time passes while the caller hears what there is, such as `40s`.
    Pass(String),
    /// An agent's phone rings.
    Offer,
    /// It stopped ringing in vain.
    OfferOver,
    /// An agent answered, talked and hung up.
    Talk,
    /// The queue lets the caller go.
    Queue(Exit),
    /// The caller hangs up.
    HangUp,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Exit {
    Timeout,
    Full,
    NoStaff,
}

/// What must have come of it; what is not named is not looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    /// The queue that the caller is in at the end, or was last.
    queued: Option<String>,
    /// Added to its wait.
    priority: Option<String>,
    /// All nodes in order.
    visited: Option<Vec<String>>,
    /// The node at the end.
    node: Option<String>,
    /// How it ended: `hung_up`, `rejected 486`, `transferred`, `waiting`, `gone` (the caller hung up).
    ended: Option<String>,
    /// The language at the end.
    language: Option<String>,
    /// Scores by question.
    survey: Option<BTreeMap<String, u32>>,
    /// Boxes in which a message was kept.
    voicemail: Option<Vec<String>>,
    /// Queues for which a call-back was registered.
    call_back: Option<Vec<String>>,
    /// Notes by name.
    notes: Option<BTreeMap<String, String>>,
    /// Variables by name, as text.
    vars: Option<BTreeMap<String, String>>,
    /// Whether the call was answered.
    answered: Option<bool>,
}

impl Trials {
    /// Reads a file of tests.
    ///
    /// # Errors
    /// The first thing that is no test, with its place.
    pub fn parse(file: &str, text: &str) -> Result<Self, Problem> {
        let problem = |at, what: String| Problem {
            file: file.to_owned(),
            at,
            what,
            fix: "write it as the tests beside the shipped flows".to_owned(),
        };
        if text.len() > FILE_BYTES_MAX {
            return Err(problem(
                Place::default(),
                format!("the file has {} bytes", text.len()),
            ));
        }
        serde_saphyr::from_str(text).map_err(|error| {
            let at = error.location().map(Place::from).unwrap_or_default();
            problem(at, first_line(&error.without_snippet().to_string()))
        })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tests.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tests.is_empty()
    }
}
