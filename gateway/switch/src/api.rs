//! The contract of the switch: what wakes it, what it wants. One closed list each.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hotline_journal::{By, Event, Seq};
use hotline_media::{ClipId, MediaCommand, MediaEvent, SrtpPolicy};
use hotline_sip::{ListenerId, Received, Transmit, Transport};
use hotline_types::{
    AgentSlug, ContactId, FlowSlug, Intent, Network, NumberSlug, OfferId, PersonId, Pii, QueueSlug,
    SegmentId, Time, TrunkSlug,
};
use ivr_flows::{CallerFacts, Flow, LookupAnswer, PromptRef};
use jiff::tz::TimeZone;

use crate::dialplan::{DialPlan, DialRefusal};
use crate::lines::TrunkLines;

use crate::familiar::{LostPlace, Memory, Served};

/// One access number of the hotline.
#[derive(Clone, Debug)]
pub struct Number {
    /// Its name.
    pub slug: NumberSlug,
    /// What trunks put into the Request-URI for it, each compared without a leading `+`.
    pub dialled: Vec<String>,
    /// The flow that answers.
    pub flow: FlowSlug,
    /// Language the flow begins in; the flow's own where absent.
    pub language: Option<String>,
    /// Whether callers whose agent hangs up first go on in the flow's survey.
    pub survey: bool,
}

/// Where the media of a listener's legs live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaFace {
    /// Local address to bind.
    pub interface: IpAddr,
    /// Address written into SDP.
    pub advertised: IpAddr,
}

/// A listener's media addresses, chosen by where the peer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaFaces {
    /// For peers of certain networks; the first network that holds the peer wins.
    pub by_network: Vec<(Network, MediaFace)>,
    /// For all others.
    pub others: MediaFace,
}

impl MediaFaces {
    /// The addresses of a leg with this peer.
    #[must_use]
    pub fn toward(&self, peer: IpAddr) -> MediaFace {
        let near = self.by_network.iter().find(|(network, _)| network.contains(peer));
        near.map_or(self.others, |(_, face)| *face)
    }
}

impl From<MediaFace> for MediaFaces {
    fn from(others: MediaFace) -> Self {
        let by_network = Vec::new();
        Self { by_network, others }
    }
}

/// With whom media is encrypted.
#[derive(Clone, Debug, Default)]
pub struct SrtpRules {
    /// Agents' phones, unless told apart.
    pub phones: SrtpPolicy,
    /// Agents whose phones are told apart.
    pub agents: BTreeMap<AgentSlug, SrtpPolicy>,
    /// Trunks; plain where not named.
    pub trunks: BTreeMap<TrunkSlug, SrtpPolicy>,
}

impl SrtpRules {
    /// The rule for an agent's phone.
    #[must_use]
    pub fn agent(&self, agent: &AgentSlug) -> SrtpPolicy {
        self.agents.get(agent).copied().unwrap_or(self.phones)
    }

    /// The rule for a trunk.
    #[must_use]
    pub fn trunk(&self, trunk: &TrunkSlug) -> SrtpPolicy {
        self.trunks.get(trunk).copied().unwrap_or_default()
    }
}

/// How much of a contact is recorded, each with what the ones before it have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordPolicy {
    /// Nothing.
    Off,
    /// Talks with agents.
    #[default]
    Talk,
    /// From the entry into the queue.
    FromQueue,
    /// From the answer on, IVR and outside talks too.
    Everything,
}

/// The rule of one queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueRecording {
    /// How much.
    pub policy: RecordPolicy,
    /// With a full disk nobody is let into the queue who would have to be recorded; else calls go on unrecorded.
    pub refuse_when_full: bool,
}

/// What is recorded, and how.
#[derive(Clone, Debug)]
pub struct RecordingRules {
    /// Of the IVR and of outside talks; queues that are not named have it too.
    pub policy: RecordPolicy,
    /// Queues with rules of their own.
    pub queues: BTreeMap<QueueSlug, QueueRecording>,
    /// Whether recordings are encrypted at rest.
    pub encrypt: bool,
    /// Longest pause: then the recording goes on by itself.
    pub pause_max: Duration,
    /// What an agent presses while talking to pause the recording; empty: nothing.
    pub pause_code: String,
    /// What resumes it.
    pub resume_code: String,
}

impl Default for RecordingRules {
    fn default() -> Self {
        Self {
            policy: RecordPolicy::Talk,
            queues: BTreeMap::new(),
            encrypt: false,
            pause_max: Duration::from_secs(120),
            pause_code: "*71".into(),
            resume_code: "*72".into(),
        }
    }
}

impl RecordingRules {
    /// The rule of a queue.
    #[must_use]
    pub fn of(&self, queue: &QueueSlug) -> QueueRecording {
        self.queues.get(queue).copied().unwrap_or(QueueRecording {
            policy: self.policy,
            refuse_when_full: false,
        })
    }
}

/// Why a recording is not paused or resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordRefusal {
    /// There is no such contact now.
    #[error("there is no such call")]
    UnknownContact,
    /// Nothing of it is recorded now.
    #[error("the call is not being recorded")]
    NotRecorded,
    /// Its recording is not paused.
    #[error("the recording is not paused")]
    NotPaused,
}

/// Settings of the switch.
#[derive(Clone, Debug)]
pub struct SwitchConfig {
    /// Version of the program, for the journal.
    pub version: String,
    /// The access numbers.
    pub numbers: Vec<Number>,
    /// The flows, each the version that is active.
    pub flows: BTreeMap<FlowSlug, Arc<Flow>>,
    /// The clip of each prompt.
    pub clips: BTreeMap<PromptRef, ClipId>,
    /// Feature codes that agents dial, and the intent that each sets.
    pub codes: BTreeMap<String, Intent>,
    /// Codes that switch a number's emergency announcement, and who may dial them.
    pub emergency_codes: EmergencyCodes,
    /// The tone that acknowledges a feature code.
    pub tone: ClipId,
    /// The music that a held caller hears.
    pub hold_music: ClipId,
    /// Media addresses per listener.
    pub media: BTreeMap<ListenerId, MediaFaces>,
    /// The listener whose media address an agent's leg uses where no phone of the agent can be called any more.
    pub phones: ListenerId,
    /// With whom media is encrypted.
    pub srtp: SrtpRules,
    /// Contacts at once; the next is refused with 503.
    pub lines_max: usize,
    /// Longest time that dialling waits for the screen-pop (design.md section 3, step 5).
    pub pop_hold: Duration,
    /// What is recorded.
    pub recording: RecordingRules,
    /// No RTP and no RTCP for this long makes us probe the peer.
    pub media_silence: Duration,
    /// A probe unanswered for this long ends the call.
    pub probe_wait: Duration,
    /// Seconds told in Retry-After with a 503.
    pub retry_after_s: u32,
    /// The trunks, for their caps and the choice of the way out.
    pub trunks: Vec<TrunkLines>,
    /// What outside numbers may be called.
    pub dialplan: DialPlan,
    /// What is known of callers by number, each without a leading `+`: blocklist and VIPs.
    pub callers: BTreeMap<String, CallerFacts>,
    /// Numbers whose emergency announcement is on.
    pub emergencies: BTreeSet<NumberSlug>,
    /// The hotline's time zone, for what a flow says and asks of the time.
    pub time_zone: TimeZone,
    /// How long callers are remembered.
    pub memory: Memory,
}

/// What agents dial, a number's spelling after it, to switch that number's emergency announcement.
#[derive(Clone, Debug, Default)]
pub struct EmergencyCodes {
    /// On; empty: no such code.
    pub on: String,
    /// Off.
    pub off: String,
    /// Who may.
    pub agents: BTreeSet<AgentSlug>,
}

/// The flow that answers numbers whose emergency announcement is on.
pub const EMERGENCY_FLOW: &str = "emergency";

/// Number of a command, chosen by the shell; its reply carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommandId(pub u64);

/// What users may command.
#[derive(Clone, Debug)]
pub enum Command {
    /// Sets an agent's intent.
    SetIntent {
        /// The agent.
        agent: AgentSlug,
        /// The new intent.
        intent: Intent,
    },
    /// Frees an agent, whatever it is stuck in.
    Release {
        /// The agent.
        agent: AgentSlug,
    },
    /// Transfers the caller of a talk; the agent is let go at once.
    Transfer {
        /// The contact.
        contact: ContactId,
        /// Only where this agent talks with the caller; none: whoever does.
        agent: Option<AgentSlug>,
        /// Where to.
        to: TransferTo,
    },
    /// New calls get this version of a flow; those in progress stay on theirs.
    ActivateFlow {
        /// The version; its name tells which flow it is.
        flow: Arc<Flow>,
        /// Only calls to this number; all numbers of the flow where None.
        number: Option<NumberSlug>,
        /// Percent of the calls that get it, 1 to 100.
        share: u8,
        /// Lines added and removed, for the journal.
        difference: String,
    },
    /// Switches a number's emergency announcement.
    Emergency {
        /// The number.
        number: NumberSlug,
        /// On or off.
        on: bool,
    },
    /// Says what came of the contact that an agent wraps up.
    Dispose {
        /// The agent.
        agent: AgentSlug,
        /// Code of the disposition.
        code: String,
    },
    /// Asks why an agent is offered no call.
    WhyAgent {
        /// The agent.
        agent: AgentSlug,
    },
    /// Asks why a contact waits.
    WhyContact {
        /// The contact.
        contact: ContactId,
    },
    /// Writes down that a user heard a recording.
    Heard {
        /// The contact, which may be over.
        contact: ContactId,
        /// The recording.
        segment: SegmentId,
        /// How.
        how: &'static str,
    },
    /// Pauses or resumes the recording of a contact.
    Recording {
        /// The contact.
        contact: ContactId,
        /// Which.
        command: RecordingCommand,
    },
}

/// Pauses or resumes a recording.
#[derive(Clone, Debug)]
pub enum RecordingCommand {
    /// Silence until resumed, or until this has passed (never longer than the rules allow).
    Pause {
        /// Why, for the recording and the journal.
        reason: String,
        /// How long at most.
        longest: Option<Duration>,
    },
    /// Goes on.
    Resume,
}

/// Where a caller is transferred to.
#[derive(Clone, Debug)]
pub enum TransferTo {
    /// A queue.
    Queue(QueueSlug),
    /// An outside number, in any spelling; the dial plan decides.
    Outside(Pii<String>),
}

/// Why a transfer is refused. Says nothing personal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferRefusal {
    /// There is no such contact now.
    #[error("there is no such call")]
    UnknownContact,
    /// Its caller is with no agent, or with another one.
    #[error("the caller is not talking with that agent")]
    NotTalking,
    /// There is no such queue.
    #[error("there is no such queue")]
    UnknownQueue,
    /// The dial plan refuses the number.
    #[error(transparent)]
    Dial(DialRefusal),
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Carried out; the last event written up to then.
    Done(Seq),
    /// There is no such agent.
    UnknownAgent,
    /// The transfer is refused.
    NotTransferred(TransferRefusal),
    /// The recording is neither paused nor resumed.
    NotRecording(RecordRefusal),
    /// A rule is against the pause.
    NotPaused(hotline_acd::PauseRefusal),
    /// There is no such number.
    UnknownNumber,
    /// There is no such contact in a queue or a talk.
    UnknownContact,
    /// The agent wraps no contact up.
    NothingToDispose,
    /// The answer to a question, in a sentence.
    Told(String),
}

/// Everything that can wake the switch.
#[derive(Clone, Debug)]
pub enum Input {
    /// A SIP message passed admission.
    Received(Received),
    /// A SIP message could not be sent.
    TransportFailed {
        /// Its transport.
        transport: Transport,
        /// Where it should have gone.
        to: std::net::SocketAddr,
    },
    /// A SIP connection is gone.
    ConnClosed(hotline_sip::ConnId),
    /// The media plane says something.
    Media(MediaEvent),
    /// The journal is on disk up to here.
    Committed(Seq),
    /// The screen-pop of this offer is in the desk.
    PopDelivered(OfferId),
    /// A recording is complete on disk.
    RecordingSealed {
        /// Its talk segment.
        segment: SegmentId,
        /// Its file, relative.
        path: String,
        /// Its length, milliseconds.
        length_ms: u64,
    },
    /// A recording failed.
    RecordingFailed {
        /// Its talk segment.
        segment: SegmentId,
        /// Its file, relative.
        path: String,
        /// What went wrong.
        error: String,
    },
    /// The recordings' disk is full or read-only from now on, or takes recordings again.
    RecordingDisk {
        /// Whether it takes recordings.
        writable: bool,
        /// Free bytes.
        free: u64,
    },
    /// A user commands something.
    Command {
        /// Its number.
        id: CommandId,
        /// Who.
        by: By,
        /// What.
        command: Command,
    },
    /// The answer to `Effect::Ask`.
    Answered {
        /// The contact; it may be over.
        contact: ContactId,
        /// The answer.
        answer: Answer,
    },
    /// What the journal knows of earlier callers: places lost by a restart, and who served whom last.
    Remember {
        /// Lost places.
        places: Vec<LostPlace>,
        /// Last agents, oldest first.
        served: Vec<Served>,
    },
    /// The journal cannot keep up (true): new calls are refused until it can (false).
    JournalBehind(bool),
    /// Shut down: refuse new calls, let the others end until then.
    Drain {
        /// The limit.
        until: Time,
    },
    /// The deadline of the last `Output::Timeout` has come.
    Timeout,
}

/// What a flow wants to know of the world.
#[derive(Clone, Debug)]
pub enum Question {
    /// Whether this number has called before.
    Seen {
        /// The number.
        number: Pii<String>,
    },
    /// A look-up of the configuration.
    Lookup {
        /// Its number within the call.
        lookup: u64,
        /// Its name.
        name: String,
        /// What it is asked with.
        with: Vec<(String, Pii<String>)>,
        /// Longest wait that makes sense.
        deadline: Duration,
    },
}

/// The answer to a [`Question`].
#[derive(Clone, Debug)]
pub enum Answer {
    /// Whether the number has called before.
    Seen(bool),
    /// What came of a look-up.
    Lookup {
        /// Its number within the call.
        lookup: u64,
        /// What came of it.
        answer: LookupAnswer,
    },
}

/// What the switch wants done.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Send this SIP message.
    Transmit(Transmit),
    /// Tell the media plane.
    Media(MediaCommand),
    /// Keep this person; in one batch with the events that follow.
    Person {
        /// The row.
        id: PersonId,
        /// The caller's number, or `anonymous`.
        number: Pii<String>,
        /// The caller's display name, empty where none came.
        name: Pii<String>,
    },
    /// Somebody answered a SIP challenge, rightly or wrongly: for the ban list.
    Proof(hotline_sip::admission::bans::Proof),
    /// A number's emergency announcement was switched: to be remembered over a restart.
    EmergencySet {
        /// The number.
        number: NumberSlug,
        /// On or off.
        on: bool,
    },
    /// Ask this; the answer comes as `Input::Answered`, or never.
    Ask {
        /// For whom.
        contact: ContactId,
        /// What.
        question: Question,
    },
    /// Answer a command.
    Reply {
        /// Its number.
        id: CommandId,
        /// What became of it.
        reply: Reply,
    },
    /// All calls have ended and all recordings are sealed: flush and exit.
    Drained,
}

/// What the switch does with its turn.
#[derive(Clone, Debug)]
pub enum Output {
    /// Do this.
    Effect(Effect),
    /// Write this down. Positions rise without gaps.
    Event(Event),
    /// Nothing more now; call again with `Input::Timeout` then. None: no timer runs.
    Timeout(Option<Time>),
}

/// A trunk as it is now.
#[derive(Clone, Debug)]
pub struct TrunkView {
    /// Whether it lives.
    pub state: hotline_sip::TrunkState,
    /// Calls now, both ways.
    pub calls: usize,
    /// Calls there may be.
    pub calls_max: usize,
}

/// Sizes and counts for gauges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Contacts in progress: lines in use.
    pub contacts: usize,
    /// SIP legs.
    pub legs: usize,
    /// Recordings not yet sealed.
    pub recordings: usize,
    /// Calls ended by a fault of ours since the start.
    pub faults: u64,
    /// SIP messages that could not be read, since the start.
    pub malformed: u64,
    /// Wrong digests, since the start.
    pub auth_failed: u64,
    /// SIP retransmissions received, since the start.
    pub retransmissions: u64,
    /// SIP requests refused for lack of room, since the start.
    pub table_full: u64,
    /// SIP messages that belong to nothing, since the start.
    pub stray: u64,
    /// Calls refused at a trunk's caps, since the start.
    pub trunk_full: u64,
    /// Outside calls that the dial plan refused, since the start.
    pub dial_refused: u64,
    /// Calls refused because too many of their source were not acknowledged, since the start.
    pub unacknowledged: u64,
    /// Bands that have fewer agents logged in than they must.
    pub seats_short: usize,
}
