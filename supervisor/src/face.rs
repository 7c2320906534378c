//! The faces of other parts that the console needs and the daemon supplies: commands, accounts, records.

use async_trait::async_trait;
use hotline_journal::{Counts, Event, Scope, Seq};
use hotline_types::{AgentSlug, ContactId, Intent, PersonId, Pii, QueueSlug, SegmentId};

use crate::dto::{ContactDetail, ContactList};
use crate::report::{Behind, Made, ReportQuery};
use crate::rights::{Role, Viewer};

/// Who gives a command; goes into the journal as the event's author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Login name of the user, or the token's name.
    pub name: String,
}

impl From<&Viewer> for Actor {
    fn from(viewer: &Viewer) -> Self {
        Self {
            name: viewer.name.clone(),
        }
    }
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No contact has this id now: 404.
    #[error("there is no such call")]
    UnknownContact,
    /// No agent has this slug: 404.
    #[error("there is no such agent")]
    UnknownAgent,
    /// The agent's present state forbids it: 409 with the reason, one sentence without personal data.
    #[error("refused: {0}")]
    Refused(String),
    /// The gateway cannot take commands now: 503.
    #[error("the gateway is busy")]
    Busy,
}

/// What is asked about flows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowOrder {
    /// All flows: active version, history.
    List,
    /// Makes a version answer calls, after its checks and tests.
    Activate {
        /// The flow file.
        text: String,
        /// The tests beside it.
        tests: Option<String>,
        /// Only calls to this number.
        number: Option<String>,
        /// Percent of the calls, 1 to 100.
        share: u8,
    },
    /// Goes back to the version before the active one.
    Rollback {
        /// The flow.
        flow: String,
    },
    /// Runs the keys of real calls against a version and tells whose outcome would change.
    Replay {
        /// The flow file.
        text: String,
    },
    /// Counts per edge of the active version.
    Funnel {
        /// The flow.
        flow: String,
    },
    /// The messages that callers left, newest first.
    Messages,
    /// Switches a number's emergency announcement.
    Emergency {
        /// The number.
        number: String,
        /// On or off.
        on: bool,
    },
}

/// Why an order about flows was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlowRefusal {
    /// There is no such thing: 404.
    #[error("there is no such {0}")]
    Unknown(&'static str),
    /// The version has problems, or its tests fail: 422 with all of them.
    #[error("{}", .0.join("\n"))]
    Wrong(Vec<String>),
    /// The gateway cannot take orders now: 503.
    #[error("the gateway is busy")]
    Busy,
    /// The store failed: for the log.
    #[error("{0}")]
    Failed(String),
}

/// Whether the gateway takes calls, and if not, why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// True where a new call would be taken.
    pub ready: bool,
    /// Short codes such as `draining`, `journal_behind`; empty where ready.
    pub reasons: Vec<String>,
}

/// How the gateway is, for the header of the console and the gauges of `/metrics`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// Version of the program.
    pub version: String,
    /// When the process started, UTC milliseconds.
    pub started_at_ms: i64,
    /// Calls that hold a line now.
    pub lines_in_use: u32,
    /// Lines there are.
    pub lines_max: u32,
    /// Bands that have fewer agents logged in than they must.
    pub seats_short: u32,
    /// Age of the oldest event that is not yet committed, milliseconds.
    pub journal_lag_ms: u64,
    /// RTP port pairs in use.
    pub media_ports_in_use: u32,
    /// RTP port pairs there are.
    pub media_ports_max: u32,
    /// Rows waiting in the outbox for their sink.
    pub outbox_waiting: u64,
    /// The trunks, in the order of the configuration.
    pub trunks: Vec<TrunkStatus>,
    /// Totals that live outside the journal, by fixed name: becomes `hotline_gateway_total{name=...}`.
    pub totals: Vec<(&'static str, u64)>,
}

/// A trunk as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct TrunkStatus {
    /// Its slug.
    pub id: String,
    /// Whether it takes calls now; one that only brings them counts as up.
    pub up: bool,
    /// Why not.
    pub why: Option<String>,
    /// Whether we are registered with it; none where it asks for no registration.
    pub registered: Option<bool>,
    /// Addresses of its gateways that answer.
    pub gateways_up: Vec<String>,
    /// Addresses of its gateways that do not.
    pub gateways_down: Vec<String>,
    /// Calls now, both ways.
    pub calls: u32,
    /// Calls there may be.
    pub calls_max: u32,
}

/// Where a caller is transferred to.
#[derive(Clone, Debug)]
pub enum TransferTo {
    /// A queue.
    Queue(QueueSlug),
    /// An outside number, in any spelling; the dial plan decides.
    Outside(Pii<String>),
}

/// What is done to a recording that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordingOrder {
    /// Silence until resumed, or until it has lasted long enough.
    Pause {
        /// Why.
        reason: String,
        /// How long at most.
        seconds: Option<u32>,
    },
    /// Goes on.
    Resume,
}

/// The running gateway, as the console needs it.
#[async_trait]
pub trait Gateway: Send + Sync + 'static {
    /// Sets what an agent wants. Answers the position of the event that says so.
    async fn set_intent(&self, actor: &Actor, agent: &AgentSlug, intent: Intent)
    -> Result<Seq, CommandError>;
    /// Frees an agent whatever the queue engine believes; ends the agent's talk.
    async fn release_agent(&self, actor: &Actor, agent: &AgentSlug) -> Result<Seq, CommandError>;
    /// Transfers the caller of a talk: of this agent's, where one is named. Answers the position of its last event.
    async fn transfer(
        &self,
        actor: &Actor,
        contact: ContactId,
        agent: Option<&AgentSlug>,
        to: TransferTo,
    ) -> Result<Seq, CommandError>;
    /// Looks at flows and changes them; the answer is what the API answers.
    async fn flows(&self, _actor: &Actor, _order: FlowOrder) -> Result<serde_json::Value, FlowRefusal> {
        Err(FlowRefusal::Busy)
    }
    /// Says what came of the contact that an agent wraps up.
    async fn dispose(&self, actor: &Actor, agent: &AgentSlug, code: &str) -> Result<Seq, CommandError>;
    /// Why an agent is offered no call, in a sentence; none where there is no such agent.
    async fn why_agent(&self, actor: &Actor, agent: &AgentSlug) -> Result<Option<String>, CommandError>;
    /// Why a contact waits, in a sentence; none where it is in no queue and no talk.
    async fn why_contact(&self, actor: &Actor, contact: ContactId) -> Result<Option<String>, CommandError>;
    /// Pauses or resumes the recording of a call.
    async fn recording(
        &self,
        actor: &Actor,
        contact: ContactId,
        order: RecordingOrder,
    ) -> Result<Seq, CommandError>;
    /// Writes down that somebody heard a recording; `how` is `played`, `downloaded` or `live`.
    async fn heard(
        &self,
        actor: &Actor,
        contact: ContactId,
        segment: SegmentId,
        how: &'static str,
    ) -> Result<Seq, CommandError>;
    /// Whether new calls are taken.
    fn readiness(&self) -> Readiness;
    /// Lines, limits, lag.
    fn status(&self) -> Status;
}

/// A user of the console.
#[derive(Clone, Debug)]
pub struct Account {
    /// Role of the user.
    pub role: Role,
    /// The agent the user is, where the user is one.
    pub agent: Option<AgentSlug>,
    /// Argon2 hash of the password as a PHC string.
    pub password_hash: Pii<String>,
}

/// Why a face could not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaceError {
    /// It failed: for the log; the caller of the API gets a fixed sentence.
    #[error("{0}")]
    Failed(String),
    /// It was asked for something that cannot be: told to the caller of the API.
    #[error("{0}")]
    Asked(String),
}

/// Users and API tokens.
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// The user of this login name.
    async fn account(&self, user: &str) -> Result<Option<Account>, FaceError>;
    /// The holder of the token with this SHA-256.
    async fn token(&self, sha256: &[u8; 32]) -> Result<Option<Viewer>, FaceError>;
}

/// What a list of contacts is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactQuery {
    /// Where the page before ended, as the store says it.
    pub after: Option<String>,
    /// Rows at most, 1 to 200.
    pub limit: u32,
    /// Only this business date, `YYYY-MM-DD`.
    pub business_date: Option<String>,
    /// Only this queue.
    pub queue: Option<String>,
    /// Only this agent.
    pub agent: Option<String>,
    /// Only this way of ending.
    pub outcome: Option<String>,
    /// True where phone numbers may be shown whole.
    pub see_numbers: bool,
}

/// What a list of recordings is asked for.
#[derive(Clone, Debug, Default)]
pub struct RecordingQuery {
    /// Where the page before ended, as the store says it.
    pub after: Option<String>,
    /// Rows at most, 1 to 200.
    pub limit: u32,
    /// From this business date on.
    pub from: Option<String>,
    /// Up to this business date.
    pub to: Option<String>,
    /// Digits of the caller's number.
    pub caller: Option<Pii<String>>,
    /// Only this queue.
    pub queue: Option<String>,
    /// Only this agent.
    pub agent: Option<String>,
    /// Only contacts that ended so.
    pub outcome: Option<String>,
    /// Only this contact.
    pub contact: Option<ContactId>,
    /// True where phone numbers may be shown whole.
    pub see_numbers: bool,
}

/// A page of recordings, newest first.
#[derive(Clone, Debug, Default)]
pub struct RecordedList {
    /// The recordings.
    pub items: Vec<RecordedRow>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// A recording and the contact that it is of.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct RecordedRow {
    /// The contact.
    pub contact: String,
    /// The segment at which it began; also its id.
    pub segment: String,
    /// File, relative to the recordings' folder.
    pub path: String,
    /// When it began, UTC milliseconds.
    pub started_at: i64,
    /// Length, milliseconds; none while it is not sealed.
    pub length_ms: Option<u64>,
    /// Repaired after a crash.
    pub repaired: bool,
    /// What went wrong.
    pub failed: Option<String>,
    /// Business date of the contact.
    pub business_date: String,
    /// The caller's number; masked unless the viewer may see it.
    pub caller: Option<String>,
    /// Slug of the contact's last queue.
    pub queue: Option<String>,
    /// Slug of its last agent.
    pub agent: Option<String>,
    /// How it ended.
    pub outcome: Option<String>,
}

/// Which figures are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FigureQuery {
    /// First business date, `YYYY-MM-DD`.
    pub from: String,
    /// Last business date, inclusive.
    pub to: String,
}

/// What is written down: contacts, figures of past days, committed events.
#[async_trait]
pub trait Records: Send + Sync + 'static {
    /// A page of contacts, newest first.
    async fn contacts(&self, query: &ContactQuery) -> Result<ContactList, FaceError>;
    /// One contact with its segments.
    async fn contact(&self, id: ContactId, see_numbers: bool) -> Result<Option<ContactDetail>, FaceError>;
    /// The recording of a segment, relative to the recordings' folder.
    async fn recording(&self, contact: ContactId, segment: SegmentId) -> Result<Option<String>, FaceError>;
    /// A page of recordings, newest first.
    async fn recorded(&self, query: &RecordingQuery) -> Result<RecordedList, FaceError>;
    /// The events of a contact, in order; the first 500.
    async fn events_of(&self, contact: ContactId) -> Result<Vec<Event>, FaceError>;
    /// Counters of a range of business dates, summed per scope.
    async fn counters(&self, query: &FigureQuery) -> Result<Vec<(Scope, Counts)>, FaceError>;
    /// A report.
    async fn report(&self, query: &ReportQuery) -> Result<Made, FaceError>;
    /// The contacts that stand behind a figure of a report, `limit` at most, from a cursor on.
    async fn behind(
        &self,
        query: &ReportQuery,
        figure: &str,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Behind, FaceError>;
    /// A caller's number; none where it was hidden or erased.
    async fn number_of(&self, person: PersonId) -> Result<Option<Pii<String>>, FaceError>;
    /// Committed events after this position, in order, `limit` at most.
    async fn events_after(&self, seq: Seq, limit: u32) -> Result<Vec<Event>, FaceError>;
}
