//! A flow that passed its checks: every name resolved, so that a running flow cannot meet a missing one.

mod ways;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hotline_types::{FlowOutReason, FlowSlug, QueueSlug};
use regex_lite::Regex;

use crate::expr::{Expr, Value};
use crate::{Place, Problem, check, say::Grammar, say::Spoken};

pub(crate) use ways::{Cause, NEXT, NO_INPUT, NO_MATCH, Way};

/// A checked flow of one version. Calls in progress keep the version they began with.
#[derive(Clone, Debug)]
pub struct Flow {
    pub(crate) name: FlowSlug,
    pub(crate) file: String,
    pub(crate) version: String,
    pub(crate) languages: Vec<Language>,
    pub(crate) language: usize,
    pub(crate) start: NodeIndex,
    pub(crate) on_error: Option<NodeIndex>,
    pub(crate) max_steps: u32,
    pub(crate) nodes: Vec<Node>,
    pub(crate) waits: Vec<WhileWaiting>,
    /// What the variables hold at first, those that every flow has before its own.
    pub(crate) vars: Vec<Value>,
    /// Their names.
    pub(crate) names: Vec<String>,
    /// Whether the flow answers the call itself.
    pub(crate) answers: bool,
    pub(crate) after_agent: Option<NodeIndex>,
    /// Ids of the prompts that tell of the recording.
    pub(crate) notices: Vec<String>,
}

/// Variables that every flow has, in this order, before its own.
pub(crate) mod given {
    /// The caller's number.
    pub(crate) const CALLER: usize = 0;
    /// The access number's name.
    pub(crate) const NUMBER: usize = 1;
    /// Hour of the day.
    pub(crate) const HOUR: usize = 2;
    /// Minutes after midnight.
    pub(crate) const MINUTES: usize = 3;
    /// Day of the week, 1 for Monday.
    pub(crate) const WEEKDAY: usize = 4;
    /// Date as 20260503.
    pub(crate) const TODAY: usize = 5;
    /// Seconds waited in the last queue.
    pub(crate) const WAITED: usize = 6;
    /// Tag of the language.
    pub(crate) const LANGUAGE: usize = 7;
    /// How many there are.
    pub(crate) const COUNT: usize = 8;
}

/// A way from one node to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The node it leaves.
    pub from: String,
    /// Its name: `next`, `key 1`, `no_input`, `timeout` and so on.
    pub way: String,
    /// The node it leads to.
    pub to: String,
    /// Line of the node it leaves.
    pub line: u32,
}

impl Flow {
    /// Reads and checks one flow file. `file` names it in the problems.
    ///
    /// # Errors
    /// Every problem of the file, in its order; where the text is no flow document at all, the first one.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        check::parse(file, text)
    }

    /// What this installation lacks to run the flow: prompts per language, queues, calendars. Empty where nothing.
    #[must_use]
    pub fn check(&self, known: &Known) -> Vec<Problem> {
        check::against(self, known)
    }

    /// Its immutable name.
    #[must_use]
    pub fn name(&self) -> &FlowSlug {
        &self.name
    }

    /// SHA-256 of its text, in lower-case hex: the same text is the same version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Tags of the languages it speaks; the one that a call begins in is [`Flow::language`].
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.languages.iter().map(|language| language.tag.as_str())
    }

    /// Tag of the language that a call begins in.
    #[must_use]
    pub fn language(&self) -> &str {
        self.languages
            .get(self.language)
            .map_or("", |language| language.tag.as_str())
    }

    /// Whether it speaks the language of this tag.
    #[must_use]
    pub fn speaks(&self, tag: &str) -> bool {
        self.languages().any(|language| language == tag)
    }

    /// Whether the flow itself answers the call; else it is answered before the first node.
    #[must_use]
    pub const fn answers(&self) -> bool {
        self.answers
    }

    /// Whether callers go on in the flow after their agent has hung up.
    #[must_use]
    pub const fn has_survey(&self) -> bool {
        self.after_agent.is_some()
    }

    /// All edges, in the order of the nodes and of their ways.
    #[must_use]
    pub fn edges(&self) -> Vec<Edge> {
        let mut edges = Vec::new();
        for node in &self.nodes {
            for Way { name, to, .. } in node.ways() {
                edges.push(Edge {
                    from: node.name.as_ref().to_owned(),
                    way: name.into_owned(),
                    to: self.node_name(to).to_owned(),
                    line: node.at.line,
                });
            }
        }
        edges
    }

    /// Names of the nodes in order, each with the word for its kind and its line.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, &'static str, u32)> {
        self.nodes
            .iter()
            .map(|node| (node.name.as_ref(), node.kind.word(), node.at.line))
    }

    pub(crate) fn node_name(&self, at: NodeIndex) -> &str {
        self.nodes.get(at.0).map_or("", |node| &node.name)
    }

    /// The longest time until a person can answer, with the way there; see [`Reach`]. None: no way leads to a queue.
    #[must_use]
    pub fn longest_to_human(&self, known: &Known) -> Option<Reach> {
        check::longest(self, known)
    }

    /// Queues that it can enter, in the order of its nodes.
    pub fn queues(&self) -> impl Iterator<Item = &QueueSlug> {
        self.nodes.iter().filter_map(|node| match &node.kind {
            NodeKind::Queue(queue) => Some(&queue.name),
            _ => None,
        })
    }
}

/// The longest way from the first ring to a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Its length: every prompt to its end, every time-out waited for.
    pub time: Duration,
    /// The nodes on it.
    pub nodes: Vec<String>,
}

/// What the checker knows of the installation.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Slugs of the queues.
    pub queues: Vec<String>,
    /// Slugs of the shift bands, which serve as calendars; `any` is always known.
    pub calendars: Vec<String>,
    /// Prompts by language tag, with their lengths; music under the empty tag.
    pub prompts: BTreeMap<String, BTreeMap<String, Duration>>,
    /// Names of the look-ups; none are checked where this is None.
    pub lookups: Option<Vec<String>>,
    /// Whether talks are recorded, so that a caller must be told before a queue.
    pub recorded: bool,
}

impl Known {
    pub(crate) fn has_prompt(&self, language: &str, id: &str) -> bool {
        self.prompts.get(language).is_some_and(|ids| ids.contains_key(id))
    }

    pub(crate) fn length(&self, language: &str, id: &str) -> Duration {
        let found = self.prompts.get(language).and_then(|ids| ids.get(id));
        found.copied().unwrap_or_default()
    }
}

/// Place of a node in `Flow::nodes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeIndex(pub(crate) usize);

#[derive(Clone, Debug)]
pub(crate) struct Language {
    pub(crate) tag: String,
    /// How its numbers are spoken; none where we do not know.
    pub(crate) grammar: Option<Grammar>,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) name: Arc<str>,
    pub(crate) at: Place,
    pub(crate) kind: NodeKind,
}

/// A prompt by id, in the call's language or in one that the flow pins.
#[derive(Clone, Debug)]
pub(crate) struct Prompt {
    pub(crate) language: Option<usize>,
    pub(crate) id: String,
    pub(crate) at: Place,
}

/// One thing that is said.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Prompt(Prompt),
    Value(Spoken, Expr, Place),
}

#[derive(Clone, Debug)]
pub(crate) enum NodeKind {
    Play {
        parts: Vec<Part>,
        barge_in: bool,
        next: NodeIndex,
    },
    Menu(Menu),
    Collect(Collect),
    Survey(Survey),
    Set {
        vars: Vec<(usize, Expr)>,
        next: NodeIndex,
    },
    Branch {
        cases: Vec<(Expr, NodeIndex)>,
        otherwise: NodeIndex,
    },
    Caller(ByCaller),
    Lookup(Lookup),
    Language {
        language: usize,
        next: NodeIndex,
    },
    Calendar {
        calendar: String,
        at: Place,
        open: NodeIndex,
        closed: NodeIndex,
    },
    Estimate {
        queue: QueueSlug,
        at: Place,
        var: usize,
        no_staff: NodeIndex,
        next: NodeIndex,
    },
    Queue(Queue),
    Voicemail(Voicemail),
    CallBack {
        queue: QueueSlug,
        at: Place,
        number: Option<usize>,
        registered: NodeIndex,
        failed: NodeIndex,
    },
    Transfer(Transfer),
    Note {
        name: String,
        value: Expr,
        next: NodeIndex,
    },
    Answer {
        next: NodeIndex,
    },
    Reject {
        status: u16,
        prompts: Vec<Prompt>,
    },
    Goto {
        next: NodeIndex,
    },
    Hangup {
        prompts: Vec<Prompt>,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Menu {
    pub(crate) long: Vec<Prompt>,
    pub(crate) short: Vec<Prompt>,
    pub(crate) barge_in: bool,
    pub(crate) timeout: Duration,
    pub(crate) inter_digit: Duration,
    /// None of them begins another.
    pub(crate) keys: BTreeMap<String, NodeIndex>,
    pub(crate) no_input: Failure,
    pub(crate) no_match: Failure,
}

/// Digits into a variable.
#[derive(Clone, Debug)]
pub(crate) struct Collect {
    pub(crate) var: usize,
    pub(crate) prompts: Vec<Prompt>,
    pub(crate) min: usize,
    pub(crate) max: usize,
    pub(crate) end: char,
    pub(crate) validate: Vec<Validator>,
    pub(crate) barge_in: bool,
    pub(crate) timeout: Duration,
    pub(crate) inter_digit: Duration,
    pub(crate) no_input: Failure,
    pub(crate) no_match: Failure,
    pub(crate) next: NodeIndex,
}

/// What must hold of digits.
#[derive(Clone, Debug)]
pub(crate) enum Validator {
    Regex(Regex),
    Luhn,
    Mod11,
    Date,
    /// Computed with what was entered in the variable.
    If(Expr),
}

#[derive(Clone, Debug)]
pub(crate) struct Survey {
    pub(crate) question: String,
    pub(crate) prompts: Vec<Prompt>,
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) timeout: Duration,
    pub(crate) no_input: Failure,
    pub(crate) no_match: Failure,
    pub(crate) next: NodeIndex,
}

#[derive(Clone, Debug)]
pub(crate) struct ByCaller {
    pub(crate) blocked: Option<NodeIndex>,
    pub(crate) anonymous: Option<NodeIndex>,
    pub(crate) vip: Option<NodeIndex>,
    pub(crate) seen: Option<NodeIndex>,
    pub(crate) otherwise: NodeIndex,
}

#[derive(Clone, Debug)]
pub(crate) struct Lookup {
    pub(crate) name: String,
    pub(crate) at: Place,
    pub(crate) with: Vec<(String, Expr)>,
    pub(crate) into: Vec<(usize, String)>,
    pub(crate) deadline: Duration,
    pub(crate) retries: u32,
    pub(crate) filler: Option<Prompt>,
    pub(crate) found: NodeIndex,
    pub(crate) not_found: NodeIndex,
    pub(crate) timeout: NodeIndex,
    pub(crate) error: NodeIndex,
}

#[derive(Clone, Debug)]
pub(crate) struct Voicemail {
    pub(crate) mailbox: String,
    pub(crate) prompts: Vec<Prompt>,
    pub(crate) end: char,
    pub(crate) min: Duration,
    pub(crate) max: Duration,
    pub(crate) saved: NodeIndex,
    pub(crate) short: NodeIndex,
}

#[derive(Clone, Debug)]
pub(crate) struct Transfer {
    pub(crate) to: Expr,
    pub(crate) ring: Duration,
    pub(crate) busy: NodeIndex,
    pub(crate) no_answer: NodeIndex,
    pub(crate) failed: NodeIndex,
}

/// What a menu does when no key or a wrong key came.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// The failure that leaves the menu: 1 leaves at the first.
    pub(crate) max: u32,
    pub(crate) prompts: Vec<Prompt>,
    pub(crate) next: NodeIndex,
}

#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) name: QueueSlug,
    pub(crate) at: Place,
    pub(crate) priority: Duration,
    pub(crate) waiting: usize,
    pub(crate) timeout: NodeIndex,
    pub(crate) full: NodeIndex,
    pub(crate) no_staff: NodeIndex,
    /// Present where the waiting part has a leave key.
    pub(crate) key: Option<NodeIndex>,
}

impl Queue {
    /// The exit of a rule; the key's exit is taken by the flow itself, so the queue's word of it changes nothing.
    pub(crate) fn exit(&self, reason: FlowOutReason) -> Option<NodeIndex> {
        match reason {
            FlowOutReason::Timeout => Some(self.timeout),
            FlowOutReason::Full => Some(self.full),
            FlowOutReason::NoStaff => Some(self.no_staff),
            FlowOutReason::Key | FlowOutReason::Overflow => None,
        }
    }
}

/// The part of a flow that runs while the caller waits.
#[derive(Clone, Debug)]
pub(crate) struct WhileWaiting {
    pub(crate) music: Prompt,
    pub(crate) announce: Option<Announcement>,
    pub(crate) leave_key: Option<char>,
}

#[derive(Clone, Debug)]
pub(crate) struct Announcement {
    /// From the queue's entry to the first announcement.
    pub(crate) after: Duration,
    /// From the end of one announcement to the next.
    pub(crate) every: Duration,
    /// Said before the first.
    pub(crate) first: Vec<Prompt>,
    /// Whether the caller's place is said.
    pub(crate) position: bool,
    /// Whether the estimated wait is said.
    pub(crate) wait: bool,
    /// Said at the end of each.
    pub(crate) then: Vec<Prompt>,
}
