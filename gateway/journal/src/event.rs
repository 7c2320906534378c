//! The events: what happened, in order. Their JSON is a promise, kept by golden files in `tests/data`.

use hotline_types::{
    AgentSlug, BandSlug, ContactId, DeviceState, EndCause, FlowSlug, Intent, NumberSlug, OfferId,
    OfferOutcome, PersonId, QueueExit, QueueSlug, SegmentId, SegmentKind, TrunkSlug, WallTime, WorkState,
};
use serde::{Deserialize, Serialize};

/// Version of the event's JSON. Readers refuse a newer one.
pub const EVENT_VERSION: u8 = 1;

/// Position of an event in the journal: strictly rising, without gaps, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// The position after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A day of business as `YYYY-MM-DD`: begins at `business_day_start` in the hotline's zone (design.md section 4).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BusinessDate(pub String);

/// Who caused an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "who", content = "name")]
pub enum By {
    /// The gateway itself: rules, timers, recovery.
    System,
    /// The caller of the contact.
    Caller,
    /// An agent, by the phone.
    Agent(AgentSlug),
    /// A user of console, API or command line, by login name.
    User(String),
}

/// One thing that happened. Personal data is never in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// [`EVENT_VERSION`] of the writer.
    pub v: u8,
    /// Position in the journal.
    pub seq: Seq,
    /// When, UTC microseconds.
    pub at: WallTime,
    /// The contact it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<ContactId>,
    /// The segment it opens, closes or happens in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<SegmentId>,
    /// The agent it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentSlug>,
    /// The queue it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueSlug>,
    /// The offer it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<OfferId>,
    /// The event that led to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause_seq: Option<Seq>,
    /// Who caused it.
    pub by: By,
    /// What happened: `kind` and `data`.
    #[serde(flatten)]
    pub what: What,
}

/// Whose leg a measure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaSide {
    /// The caller's.
    Caller,
    /// The agent's.
    Agent,
}

impl MediaSide {
    /// Its word in JSON and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Agent => "agent",
        }
    }
}

/// What a peer reported of what we sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaReported {
    /// Packets missing there.
    pub lost: u64,
    /// Interarrival jitter there, microseconds.
    pub jitter_us: u64,
    /// What that was worth to an ear, hundredths of a MOS.
    pub mos: u16,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "data")]
pub enum What {
    /// The process is ready for calls.
    Started {
        /// Version of the program.
        version: String,
    },
    /// The process ends in good order; no contact is open.
    Stopped,
    /// A call reached the gateway. `contact`.
    ContactOpened {
        /// The access number called; none where it is not one of ours.
        number: Option<NumberSlug>,
        /// The trunk it came by.
        trunk: TrunkSlug,
        /// The row with the caller's number.
        person: PersonId,
        /// The business date of its arrival.
        business_date: BusinessDate,
        /// The bands on at its arrival, for the coverage view.
        bands: Vec<BandSlug>,
        /// The flow and the version of it that the contact stays on.
        flow: Option<FlowSlug>,
        /// Content hash of the flow's version, in hex.
        flow_version: Option<String>,
    },
    /// We answered the caller's INVITE with 200. `contact`.
    CallerConnected,
    /// The flow came to a node. `contact`.
    FlowNode {
        /// Name of the node.
        node: String,
        /// The way out of the node before that led here; none for the first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        way: Option<String>,
    },
    /// A menu of the flow heard a choice. Digits that are collected are never written. `contact`.
    FlowHeard {
        /// The keys, `none` where the time for them was over.
        keys: String,
    },
    /// The flow wrote something on the contact's record. Never personal. `contact`.
    FlowNoted {
        /// Its name.
        name: String,
        /// The text.
        value: String,
    },
    /// The caller was asked for a score. `contact`.
    SurveyAnswered {
        /// Name of the question.
        question: String,
        /// The score; none where none was given.
        score: Option<u32>,
    },
    /// The caller left a message. `contact`, `segment` (its recording).
    MessageKept {
        /// The box.
        mailbox: String,
    },
    /// The caller wants to be called back. `contact`, `queue`.
    CallBackRequested {
        /// The row with the number to call.
        person: PersonId,
    },
    /// Another version of a flow answers calls from now on.
    FlowActivated {
        /// The flow.
        flow: FlowSlug,
        /// Content hash of the version.
        version: String,
        /// The version before, where there was one.
        previous: Option<String>,
        /// The one number that it is for; all numbers of the flow where none.
        number: Option<NumberSlug>,
        /// Percent of the calls that get it.
        share: u8,
        /// Lines added and removed, such as `+3 -1`.
        difference: String,
    },
    /// A number's emergency announcement was switched.
    EmergencySet {
        /// The number.
        number: NumberSlug,
        /// On or off.
        on: bool,
    },
    /// A segment begins. `contact`, `segment`; `agent` and `queue` where they apply.
    SegmentOpened {
        /// What it is.
        segment_kind: SegmentKind,
    },
    /// A segment ends. `contact`, `segment`.
    SegmentClosed,
    /// The contact took its place in a queue. `contact`, `queue`.
    QueueEntered {
        /// The time that counts for its place; earlier than `at` where it brings an older place.
        enqueued_at: WallTime,
        /// The business date of the entry.
        business_date: BusinessDate,
        /// The bands on at the entry, for the coverage view.
        bands: Vec<BandSlug>,
    },
    /// The contact left the queue. `contact`, `queue`; `agent` where answered.
    QueueLeft {
        /// How.
        #[serde(flatten)]
        exit: QueueExit,
        /// From the entry into this queue to this moment, microseconds.
        wait_us: u64,
    },
    /// An agent was chosen and reserved. `contact`, `queue`, `agent`, `offer`.
    OfferMade {
        /// The offer ends then.
        deadline: WallTime,
        /// Newest fence of the contact: only the holder may connect.
        fence: u64,
        /// The reason for the choice, one sentence, without personal data.
        why: String,
        /// The bands the agent is rostered on now, for the roster view.
        bands: Vec<BandSlug>,
    },
    /// The agent's phone rings (180 or 183). `contact`, `agent`, `offer`.
    OfferRinging,
    /// The screen-pop was not in the desk within `pop_hold`; dialling went on. `contact`, `agent`, `offer`.
    PopLate,
    /// The offer ended. `contact`, `queue`, `agent`, `offer`.
    OfferEnded {
        /// How.
        outcome: OfferOutcome,
        /// The SIP status that ended it, where one did.
        sip_status: Option<u16>,
    },
    /// Caller and agent hear each other. `contact`, `segment` (the talk), `agent`.
    Bridged {
        /// The bands the agent is rostered on now, for the roster view.
        bands: Vec<BandSlug>,
    },
    /// They no longer do. `contact`, `segment` (the talk), `agent`.
    Unbridged,
    /// The caller was transferred: an outside number is dialled by this trunk. `contact`, `segment`.
    OutsideDialled {
        /// The trunk.
        trunk: TrunkSlug,
    },
    /// The outside number answered; caller and it hear each other. `contact`, `segment`.
    OutsideAnswered {
        /// The trunk.
        trunk: TrunkSlug,
    },
    /// No trunk brought the caller to the outside number. `contact`, `segment`.
    OutsideFailed {
        /// The last status that a trunk gave, where one did.
        sip_status: Option<u16>,
    },
    /// A trunk takes calls.
    TrunkUp {
        /// The trunk.
        trunk: TrunkSlug,
    },
    /// A trunk takes no calls.
    TrunkDown {
        /// The trunk.
        trunk: TrunkSlug,
        /// For an operator to read.
        why: String,
    },
    /// Recording began. `contact`, `segment`.
    RecordingStarted {
        /// File, relative to the recordings' folder.
        path: String,
    },
    /// The recording is complete on disk. `contact`, `segment`.
    RecordingSealed {
        /// File, relative to the recordings' folder.
        path: String,
        /// Length of the audio, milliseconds.
        length_ms: u64,
        /// True where it was repaired after a crash.
        repaired: bool,
    },
    /// The recording failed; what was written stays. `contact`, `segment`.
    RecordingFailed {
        /// File, relative to the recordings' folder.
        path: String,
        /// What went wrong.
        error: String,
    },
    /// The recording is paused: silence from here on. `contact`, `segment`.
    RecordingPaused {
        /// Why, as whoever paused it said.
        reason: String,
    },
    /// The paused recording goes on. `contact`, `segment`.
    RecordingResumed,
    /// Something that should be recorded is not, since the disk is full or read-only: the call goes on without, or,
    /// where its `queue` is named, was not let in. `contact`.
    RecordingSkipped,
    /// Somebody heard the recording, or downloaded it, or listened to the call itself. `contact`, `segment`.
    RecordingHeard {
        /// `played`, `downloaded`, `live`.
        how: String,
    },
    /// The recordings' disk is full or read-only, or takes recordings again.
    RecordingDisk {
        /// Whether it takes recordings.
        writable: bool,
        /// Free space, MiB.
        free_mb: u64,
    },
    /// What the media of one leg was like while a segment lasted; may come after the contact's end. `contact`,
    /// `segment`.
    MediaMeasured {
        /// Whose leg.
        side: MediaSide,
        /// RTP packets that came from it.
        received: u64,
        /// Packets missing.
        lost: u64,
        /// Interarrival jitter at the end, microseconds (RFC 3550 §6.4.1).
        jitter_us: u64,
        /// What that was worth to an ear, hundredths of a MOS (ITU-T G.107); none where nothing came.
        mos: Option<u16>,
        /// What it reported of us by RTCP; none where it reported nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reported: Option<MediaReported>,
        /// The newest round trip, microseconds; none where it reported none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        round_trip_us: Option<u64>,
        /// Whether it was encrypted.
        srtp: bool,
    },
    /// The contact is over. Exactly one per contact. `contact`.
    ContactClosed {
        /// How it ended.
        #[serde(flatten)]
        cause: EndCause,
        /// The SIP status given to or by the caller, where one was.
        sip_status: Option<u16>,
    },
    /// An agent's intent changed. `agent`.
    AgentIntent {
        /// The new one.
        intent: Intent,
    },
    /// An agent's work changed. `agent`; `contact` where it is about one.
    AgentWork {
        /// The new one.
        work: WorkState,
        /// Its deadline, where it has one.
        until: Option<WallTime>,
    },
    /// An agent's device changed. `agent`.
    AgentDevice {
        /// The new one.
        device: DeviceState,
    },
    /// What came of a contact, said by its agent. `agent`, `contact`.
    Disposed {
        /// Code of the disposition.
        code: String,
    },
    /// An agent was freed by hand from whatever it was in. `agent`; `contact` where it had one.
    AgentReleased {
        /// What it was in.
        work: WorkState,
    },
    /// A pause has gone on for as long as its reason allows: for a supervisor to act on. `agent`.
    PauseOverrun {
        /// Code of the reason.
        reason: String,
    },
    /// Fewer agents are logged in for a band than it must have at this hour.
    SeatsShort {
        /// The band.
        band: BandSlug,
        /// How many it must have.
        need: u32,
        /// How many there are.
        have: u32,
    },
    /// The band has its seats again, or its rule has ended.
    SeatsFilled {
        /// The band.
        band: BandSlug,
    },
    /// A registered phone cannot be offered calls, and why. `agent`.
    AgentDeviceUnusable {
        /// For a supervisor to read.
        why: String,
    },
}
