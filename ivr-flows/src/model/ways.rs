//! The ways out of each kind of node: their names, where they lead, and what it takes to go them.

use std::borrow::Cow;

use super::{ByCaller, Collect, Expr, Node, NodeIndex, NodeKind, Queue, Survey};

/// What has to happen for a call to take a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Nothing: the call goes on by itself.
    Itself,
    /// The caller pressed a key, or waited in a queue.
    Caller,
}

/// A way out of a node.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) name: Cow<'static, str>,
    pub(crate) to: NodeIndex,
    pub(crate) cause: Cause,
}

/// A way that is taken by itself.
const fn alone(name: &'static str, to: NodeIndex) -> Way {
    Way {
        name: Cow::Borrowed(name),
        to,
        cause: Cause::Itself,
    }
}

/// A way that is the caller's.
const fn chosen(name: &'static str, to: NodeIndex) -> Way {
    Way {
        name: Cow::Borrowed(name),
        to,
        cause: Cause::Caller,
    }
}

impl Node {
    /// The ways out of it.
    pub(crate) fn ways(&self) -> Vec<Way> {
        match &self.kind {
            NodeKind::Play { next, .. }
            | NodeKind::Language { next, .. }
            | NodeKind::Set { next, .. }
            | NodeKind::Note { next, .. }
            | NodeKind::Answer { next }
            | NodeKind::Goto { next } => vec![alone(NEXT, *next)],
            NodeKind::Calendar { open, closed, .. } => vec![alone("open", *open), alone("closed", *closed)],
            NodeKind::Estimate { no_staff, next, .. } => {
                vec![alone(NEXT, *next), alone("no_staff", *no_staff)]
            }
            NodeKind::Menu(menu) => {
                let key = |(keys, to): (&String, &NodeIndex)| Way {
                    name: Cow::Owned(format!("key {keys}")),
                    to: *to,
                    cause: Cause::Caller,
                };
                let mut ways: Vec<_> = menu.keys.iter().map(key).collect();
                ways.push(chosen(NO_MATCH, menu.no_match.next));
                ways.push(alone(NO_INPUT, menu.no_input.next));
                ways
            }
            NodeKind::Collect(Collect {
                next,
                no_match,
                no_input,
                ..
            })
            | NodeKind::Survey(Survey {
                next,
                no_match,
                no_input,
                ..
            }) => vec![
                chosen(NEXT, *next),
                chosen(NO_MATCH, no_match.next),
                alone(NO_INPUT, no_input.next),
            ],
            NodeKind::Branch { cases, otherwise } => {
                let case = |(at, (_, to)): (usize, &(Expr, NodeIndex))| Way {
                    name: Cow::Owned(format!("if {}", at + 1)),
                    to: *to,
                    cause: Cause::Itself,
                };
                let mut ways: Vec<_> = cases.iter().enumerate().map(case).collect();
                ways.push(alone("else", *otherwise));
                ways
            }
            NodeKind::Caller(by) => by.ways(),
            NodeKind::Lookup(lookup) => vec![
                alone("found", lookup.found),
                alone("not_found", lookup.not_found),
                alone("timeout", lookup.timeout),
                alone("error", lookup.error),
            ],
            NodeKind::Queue(queue) => queue.ways(),
            NodeKind::Voicemail(voicemail) => {
                vec![chosen("saved", voicemail.saved), chosen("short", voicemail.short)]
            }
            NodeKind::CallBack {
                registered, failed, ..
            } => vec![alone("registered", *registered), alone("failed", *failed)],
            NodeKind::Transfer(transfer) => vec![
                alone("busy", transfer.busy),
                alone("no_answer", transfer.no_answer),
                alone("failed", transfer.failed),
            ],
            NodeKind::Reject { .. } | NodeKind::Hangup { .. } => Vec::new(),
        }
    }
}

/// The ways that several kinds of nodes have.
pub(crate) const NEXT: &str = "next";
pub(crate) const NO_INPUT: &str = "no_input";
pub(crate) const NO_MATCH: &str = "no_match";

impl NodeKind {
    /// The word of the file for it.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Play { .. } => "play",
            Self::Menu(_) => "menu",
            Self::Collect(_) => "collect",
            Self::Survey(_) => "survey",
            Self::Set { .. } => "set",
            Self::Branch { .. } => "branch",
            Self::Caller(_) => "caller",
            Self::Lookup(_) => "lookup",
            Self::Language { .. } => "language",
            Self::Calendar { .. } => "calendar",
            Self::Estimate { .. } => "estimate",
            Self::Queue(_) => "queue",
            Self::Voicemail(_) => "voicemail",
            Self::CallBack { .. } => "call_back",
            Self::Transfer(_) => "transfer",
            Self::Note { .. } => "note",
            Self::Answer { .. } => "answer",
            Self::Reject { .. } => "reject",
            Self::Goto { .. } => "goto",
            Self::Hangup { .. } => "hangup",
        }
    }
}

impl ByCaller {
    fn ways(&self) -> Vec<Way> {
        let named = [
            ("blocked", self.blocked),
            ("anonymous", self.anonymous),
            ("vip", self.vip),
            ("seen", self.seen),
            ("else", Some(self.otherwise)),
        ];
        named
            .into_iter()
            .filter_map(|(name, to)| Some(alone(name, to?)))
            .collect()
    }
}

impl Queue {
    fn ways(&self) -> Vec<Way> {
        let mut ways = vec![
            alone("full", self.full),
            alone("no_staff", self.no_staff),
            chosen("timeout", self.timeout),
        ];
        ways.extend(self.key.map(|to| chosen("key", to)));
        ways
    }
}
