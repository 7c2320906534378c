//! A flow that passed its checks: every name resolved, so that a running flow cannot meet a missing one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hotline_types::{FlowOutReason, FlowSlug, QueueSlug};

use crate::{Place, Problem, check, say::Grammar};

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

    /// Queues that it can enter, in the order of its nodes.
    pub fn queues(&self) -> impl Iterator<Item = &QueueSlug> {
        self.nodes.iter().filter_map(|node| match &node.kind {
            NodeKind::Queue(queue) => Some(&queue.name),
            _ => None,
        })
    }
}

/// What the checker knows of the installation.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Slugs of the queues.
    pub queues: Vec<String>,
    /// Slugs of the shift bands, which serve as calendars; `any` is always known.
    pub calendars: Vec<String>,
    /// Prompts by language tag; music under the empty tag.
    pub prompts: BTreeMap<String, Vec<String>>,
}

impl Known {
    pub(crate) fn has_prompt(&self, language: &str, id: &str) -> bool {
        self.prompts
            .get(language)
            .is_some_and(|ids| ids.iter().any(|known| known == id))
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

#[derive(Clone, Debug)]
pub(crate) enum NodeKind {
    Play {
        prompts: Vec<Prompt>,
        barge_in: bool,
        next: NodeIndex,
    },
    Menu(Menu),
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
    Queue(Queue),
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
    pub(crate) keys: BTreeMap<char, NodeIndex>,
    pub(crate) no_input: Failure,
    pub(crate) no_match: Failure,
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
    /// Said at the end of each.
    pub(crate) then: Vec<Prompt>,
}
