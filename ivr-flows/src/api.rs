//! The contract of a running flow: what goes in, what comes out. See `Run` for the order of calls.

use std::borrow::Cow;
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
    /// The answer to `Effect::AskWait`: the estimated wait, where there is an estimate.
    Wait(Option<Duration>),
    /// The answer to `Effect::Answer`: the caller acknowledged.
    Answered,
    /// The answer to `Effect::AskCaller`.
    Caller(CallerFacts),
    /// The answer to `Effect::Lookup` with this number.
    LookedUp {
        /// The number of the look-up; a late answer changes nothing.
        lookup: u64,
        /// What came of it.
        answer: LookupAnswer,
    },
    /// The answer to `Effect::CallBack`: whether it is registered.
    CallBackKept(bool),
    /// The transfer came to nothing, and why.
    TransferFailed(TransferFailure),
    /// The agent hung up, the caller is still there: for the survey. Only where [`crate::Flow::has_survey`].
    AgentLeft,
    /// The deadline of the last `Output::Timeout` has come.
    Timeout,
}

/// What is known of a caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallerFacts {
    /// On the blocklist.
    pub blocked: bool,
    /// The number is withheld.
    pub anonymous: bool,
    /// A VIP.
    pub vip: bool,
    /// Has called before.
    pub seen: bool,
}

/// What came of a look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupAnswer {
    /// Fields by name.
    Found(Vec<(String, Pii<String>)>),
    /// The other system knows nothing.
    NotFound,
    /// It could not be asked.
    Failed,
}

/// Why a transfer came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferFailure {
    /// Busy.
    Busy,
    /// Nobody answered in time.
    NoAnswer,
    /// Not reached, or not allowed by the dial plan.
    Failed,
}

/// What a flow may know of a call from its start: the values of the variables that every flow has.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The caller's number.
    pub caller: Pii<String>,
    /// Name of the access number.
    pub number: String,
    /// Minutes after midnight, in the hotline's zone.
    pub minutes: u32,
    /// Day of the week, 1 for Monday.
    pub weekday: u32,
    /// Date as 20260503.
    pub today: u32,
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
    /// Ask for the estimated wait; the answer comes at once.
    AskWait,
    /// Ask how long a caller who entered this queue now would wait; the answer comes at once, as `Input::Wait`.
    AskEstimate {
        /// The queue.
        queue: QueueSlug,
    },
    /// Send 183 with our SDP: what is played now reaches the caller as early media.
    Early,
    /// Answer the call.
    Answer,
    /// Refuse the call with this SIP status; the flow is over.
    Reject {
        /// The status.
        status: u16,
    },
    /// Tell what is known of the caller.
    AskCaller,
    /// Ask another system. The flow waits no longer than its deadline.
    Lookup {
        /// The number of the look-up.
        lookup: u64,
        /// Its name in the configuration.
        name: String,
        /// What the other system is told. Never sensitive.
        with: Vec<(String, Pii<String>)>,
        /// Longest wait that makes sense.
        deadline: Duration,
    },
    /// Record what the caller says from now on.
    Record {
        /// The box of the message.
        mailbox: String,
        /// A shorter message is not kept, should the caller hang up.
        min: Duration,
    },
    /// End the recording.
    StopRecord {
        /// Keep the message.
        keep: bool,
    },
    /// Register a call-back.
    CallBack {
        /// The queue whose agents call.
        queue: QueueSlug,
        /// The number to call; the caller's own where None.
        number: Option<Pii<String>>,
    },
    /// The caller gave a score.
    Survey {
        /// Name of the question.
        question: String,
        /// The score; None: asked, and not answered.
        score: Option<u32>,
    },
    /// Connect the caller with this number.
    Transfer {
        /// The number.
        to: Pii<String>,
        /// How long it may ring.
        ring: Duration,
    },
    /// Write this on the contact's record. Never sensitive.
    Note {
        /// Its name.
        name: String,
        /// The text.
        value: Pii<String>,
    },
    /// A menu heard this choice, or `none` when its time was over: what a replay needs.
    Heard {
        /// The keys, which chose nothing where no edge follows.
        keys: Cow<'static, str>,
    },
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
        /// The way out of the last node that led here; None for the first.
        way: Option<Cow<'static, str>>,
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
