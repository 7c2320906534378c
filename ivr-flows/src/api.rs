//! The contract of a running flow: what goes in, what comes out. See `Run` for the order of calls.

use std::time::Duration;

use hotline_types::{FlowOutReason, Pii, QueueSlug, Time};

/// Something to be played: a prompt of the manifest by its id, in the language the flow has chosen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PromptRef {
    /// Language tag, for instance `zh-CN`; empty for music.
    pub language: String,
    /// Id in the manifest.
    pub id: String,
}

/// What the world tells a running flow.
#[derive(Clone, Debug)]
pub enum Input {
    /// The caller is connected: begin.
    Start,
    /// The caller pressed a key.
    Digit(Pii<char>),
    /// The playout with this number came to its end.
    PlayEnded(u64),
    /// The answer to `Effect::AskOpen`.
    Open(bool),
    /// The answer to `Effect::AskPosition`: 1 for the next to be served.
    Position(u32),
    /// An agent's phone begins to ring for this caller: announcements wait, music goes on.
    OfferStarted,
    /// It no longer rings, and the caller still waits.
    OfferEnded,
    /// The queue let the contact go by a rule.
    QueueExit(FlowOutReason),
    /// The deadline of the last `Output::Timeout` has come.
    Timeout,
}

/// What a running flow wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Play these, one after the other, in place of what plays now.
    Play {
        /// Number of the playout, rising.
        play: u64,
        /// What.
        prompts: Vec<PromptRef>,
        /// Silence between two of them.
        gap: Duration,
        /// Again from the start without end (music): no `PlayEnded`.
        looped: bool,
    },
    /// Stop what plays.
    StopPlay,
    /// Ask whether this calendar (a band, or the word `any`) is on now; the answer comes at once.
    AskOpen {
        /// Name of the calendar: a band's slug.
        calendar: String,
    },
    /// Ask for the caller's place in the queue; the answer comes at once.
    AskPosition,
    /// Take a place in this queue; the flow's while-waiting part now runs.
    Enqueue {
        /// The queue.
        queue: QueueSlug,
        /// Added to the wait when places are compared.
        priority: Duration,
    },
    /// Give the place up: the caller pressed a key that leaves the queue.
    LeaveQueue,
    /// The flow came to this node (for the journal).
    Node {
        /// Its name.
        node: String,
    },
    /// The flow is over: hang up.
    Hangup,
}

/// What a running flow says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Do this.
    Effect(Effect),
    /// Nothing more now; call again with `Input::Timeout` then. None: no timer runs.
    Timeout(Option<Time>),
}
