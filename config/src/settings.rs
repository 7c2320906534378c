//! The checked settings: plain typed structs, one per part of the program. Whoever holds them need not doubt them.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use hotline_types::{AgentSlug, FlowSlug, Network, NumberSlug, Pii, QueueSlug, TrunkSlug};
use serde::{Serialize, Serializer};

use crate::trunk::{Numbering, Outside, TrunkRules};

mod people;
mod recording;
mod rules;

pub use people::{Agent, Band, RosterEntry, Seed, Team, User, UserRole};
pub use recording::{Keep, KeepOf, RecordPolicy, Recording};
pub use rules::*;

/// Everything that was configured, with defaults filled in; serialises for people to look at, and is never read back.
/// References between parts exist, addresses fit, limits hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// Where they come from, for the first log line: a file, or `built-in hotline.toml`.
    pub source: String,
    /// What the hotline is and promises.
    pub hotline: Hotline,
    /// Where the data lies.
    pub data: Data,
    /// What all listeners share, and the listeners. At least one has the role of phones.
    pub sip: Sip,
    /// The trunks; each `listener` is an index into `sip.listeners`, of a listener with the role of trunks.
    pub trunks: Vec<Trunk>,
    /// How numbers are written.
    pub numbering: Numbering,
    /// Calls to outside numbers.
    pub outside: Outside,
    /// RTP.
    pub media: Media,
    /// Agents' phones with something of their own.
    pub phones: Vec<Phone>,
    /// Recording.
    pub recording: Recording,
    /// Web page, API and metrics.
    pub console: Console,
    /// Own flows and prompts.
    pub flows: Flows,
    /// How calls are offered.
    pub routing: Routing,
    /// Access numbers; at least one, no two with the same spelling.
    pub numbers: Vec<Number>,
    /// Queues; at least one, each with at least one agent.
    pub queues: Vec<Queue>,
    /// Shift bands; at least one.
    pub bands: Vec<Band>,
    /// Dates on which other bands are on.
    pub holidays: Vec<Holiday>,
    /// Reasons to pause.
    pub pauses: Vec<Pause>,
    /// Teams.
    pub teams: Vec<Team>,
    /// What fills an empty store.
    pub seed: Seed,
    /// Bounds.
    pub limits: Limits,
    /// How much strangers may send, and who is banned.
    pub guard: Guard,
    /// Logging.
    pub log: Log,
}

/// What the hotline is and promises.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hotline {
    /// Name shown.
    pub name: String,
    /// IANA zone, known to the time-zone database that is built in.
    pub time_zone: String,
    /// Minute of the day at which a business date begins, 0 to 1439.
    pub business_day_start_min: u16,
    /// Contacts at once.
    pub lines: usize,
    /// The wait that `hotline staffing` plans for.
    #[serde(serialize_with = "as_text")]
    pub answer_within: Duration,
    /// Share of offered callers to be answered, above 0 and at most 1.
    pub answer_rate_target: f64,
}

/// Where the data lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Data {
    /// The folder.
    pub dir: PathBuf,
    /// What a commit survives.
    pub durability: Durability,
}

/// What a commit survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// A crash of the process; power loss may cost the last batch.
    Normal,
    /// Power loss as well.
    Full,
}

/// What all listeners share, and the listeners.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sip {
    /// Realm of the digest.
    pub realm: String,
    /// Shortest expiry of a registration.
    #[serde(serialize_with = "as_text")]
    pub expires_min: Duration,
    /// Longest expiry of a registration; not below the shortest.
    #[serde(serialize_with = "as_text")]
    pub expires_max: Duration,
    /// Limits of connections.
    pub connections: Connections,
    /// The listeners, in the order of the file.
    pub listeners: Vec<Listener>,
}

/// Whom a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Agents' phones.
    Phones,
    /// Trunks.
    Trunk,
}

/// One address that phones or trunks send to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listener {
    /// Name.
    pub slug: String,
    /// Whom it serves.
    pub role: Role,
    /// Address to bind; port 0 takes a free one.
    pub bind: SocketAddr,
    /// Address for Via and Contact, never a wildcard. None: what was bound.
    pub advertised: Option<SocketAddr>,
    /// What it speaks.
    pub kind: ListenerKind,
    /// Local address that RTP is bound to.
    pub media_interface: IpAddr,
    /// Address written into SDP, never a wildcard.
    pub media_advertised: IpAddr,
    /// Peers who are told the addresses that were bound, not the advertised ones.
    pub local_networks: Vec<Network>,
}

/// What a listener speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListenerKind {
    /// UDP and TCP on one port; at least one of them.
    Plain {
        /// Whether UDP is heard.
        udp: bool,
        /// Whether TCP is heard.
        tcp: bool,
    },
    /// SIP within TLS.
    Tls {
        /// PEM file with our certificate and those that lead to its root.
        certificate: PathBuf,
        /// PEM file with its private key.
        private_key: PathBuf,
        /// PEM file with the certificates that we trust when we connect; none: those of the system.
        trusted: Option<PathBuf>,
        /// Name expected in the certificates of peers that we connect to; none: their address.
        peer_name: Option<String>,
    },
    /// SIP over WebSocket.
    Ws {
        /// Origins of the pages that may connect, lower-case; `*` allows all.
        origins: Vec<String>,
    },
    /// SIP over WebSocket within TLS.
    Wss {
        /// PEM file with our certificate and those that lead to its root.
        certificate: PathBuf,
        /// PEM file with its private key.
        private_key: PathBuf,
        /// Origins of the pages that may connect, lower-case; `*` allows all.
        origins: Vec<String>,
    },
}

/// The addresses that a trunk is told, where they are not the listener's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Face {
    /// Address for Via and Contact, never a wildcard. None: what was bound.
    pub advertised: Option<SocketAddr>,
    /// Local address that RTP is bound to.
    pub media_interface: IpAddr,
    /// Address written into SDP, never a wildcard.
    pub media_advertised: IpAddr,
}

/// Limits of the connections of each listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Connections {
    /// Most connections of a listener.
    pub max: usize,
    /// Most connections from one address.
    pub per_source_max: usize,
    /// How long a connection may be silent.
    #[serde(serialize_with = "as_text")]
    pub idle: Duration,
    /// How long the handshakes of TLS and WebSocket may take together.
    #[serde(serialize_with = "as_text")]
    pub handshake_time: Duration,
    /// How long a message may take to come, and the first one of a connection to begin.
    #[serde(serialize_with = "as_text")]
    pub message_time: Duration,
    /// Longest start line and headers.
    pub head_bytes_max: usize,
    /// Longest body.
    pub body_bytes_max: usize,
}

/// One trunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trunk {
    /// Name.
    pub slug: TrunkSlug,
    /// Index of its listener.
    pub listener: usize,
    /// Source addresses; port 0 means any. No two trunks of one listener share one. Those of the gateways come to it: see
    /// [`Trunk::sources`].
    pub peers: Vec<SocketAddr>,
    /// Everything else about it.
    #[serde(flatten)]
    pub rules: TrunkRules,
    /// SRTP with it.
    pub srtp: Srtp,
    /// Addresses of its own.
    pub face: Option<Face>,
}

/// Whether media is encrypted with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Srtp {
    /// Never.
    Off,
    /// With who can.
    Optional,
    /// Or no call.
    Mandatory,
}

/// What one agent's phone needs of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Phone {
    /// The agent.
    pub agent: AgentSlug,
    /// SRTP with it.
    pub srtp: Srtp,
}

/// RTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Media {
    /// Ports; enough for two legs on each line.
    pub rtp_ports: RangeInclusive<u16>,
    /// Media threads; none: one per core.
    pub threads: Option<usize>,
    /// How long packets may be gathered, at most 1 ms.
    #[serde(serialize_with = "as_text")]
    pub coalesce: Duration,
    /// Silence after which a peer is probed.
    #[serde(serialize_with = "as_text")]
    pub silence: Duration,
    /// An unanswered probe ends the call after this.
    #[serde(serialize_with = "as_text")]
    pub probe_wait: Duration,
    /// SRTP with agents' phones that are not told apart.
    pub srtp: Srtp,
}

/// Web page, API and metrics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Console {
    /// Address to bind; loopback unless there are trusted proxies.
    pub bind: SocketAddr,
    /// HTTPS proxies in front; with one, cookies are for HTTPS alone.
    pub trusted_proxies: Vec<IpAddr>,
}

/// Own flows and prompts; none: those built in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flows {
    /// Callers on the blocklist, without a leading `+`; never shown.
    #[serde(skip)]
    pub blocked: Vec<Pii<String>>,
    /// VIPs, without a leading `+`; never shown.
    #[serde(skip)]
    pub vip: Vec<Pii<String>>,
    /// Folder of flows.
    pub dir: Option<PathBuf>,
    /// Folder of prompts.
    pub prompts: Option<PathBuf>,
}

/// How a plain softphone logs its agent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Login {
    /// By its first registration.
    Register,
    /// By a command only.
    Explicit,
}

/// How calls are offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Routing {
    /// How agents log in.
    pub login: Login,
    /// Rest after an unanswered offer.
    #[serde(serialize_with = "as_text")]
    pub cool_off: Duration,
    /// Unanswered offers in a row after which the agent is paused.
    pub misses_max: u32,
    /// How long a place lost by a restart is kept for its caller.
    #[serde(serialize_with = "as_text")]
    pub places_kept: Duration,
    /// How long an agent is a caller's last agent.
    #[serde(serialize_with = "as_text")]
    pub last_agent_kept: Duration,
    /// Longest wait for the screen-pop.
    #[serde(serialize_with = "as_text")]
    pub pop_hold: Duration,
    /// Dialled by an agent to be ready; empty: no such code.
    pub code_ready: String,
    /// Dialled by an agent to be paused.
    pub code_pause: String,
    /// Dialled by an agent to log out.
    pub code_log_out: String,
    /// Dialled before a number's spelling to switch its emergency announcement on; empty: no such code.
    pub code_emergency_on: String,
    /// The same to switch it off.
    pub code_emergency_off: String,
    /// Agents whose phones may do so.
    pub emergency_agents: Vec<AgentSlug>,
}

/// Before a queue's slug: name of the flow that leads straight to it.
pub const DIRECT_PREFIX: &str = "direct-";

/// One access number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Number {
    /// Name.
    pub slug: NumberSlug,
    /// Name shown.
    pub label: String,
    /// What trunks put into the Request-URI, without a leading `+`, each once.
    pub dialled: Vec<String>,
    /// The flow that answers; whether there is such a flow is for the flows' checker to say.
    pub flow: FlowSlug,
    /// Language the flow begins in.
    pub language: Option<String>,
    /// Whether callers whose agent hangs up first are asked the flow's survey.
    pub survey: bool,
}

/// One queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Queue {
    /// Name.
    pub slug: QueueSlug,
    /// Name shown.
    pub label: String,
    /// Teams whose agents serve it.
    pub teams: Vec<String>,
    /// Further agents that serve it.
    pub agents: Vec<AgentSlug>,
    /// Callers it holds.
    pub capacity: usize,
    /// Longest wait.
    #[serde(serialize_with = "as_text")]
    pub wait_max: Duration,
    /// How long a phone rings.
    #[serde(serialize_with = "as_text")]
    pub ring: Duration,
    /// Least of the wait that must be left for an offer; not above `ring`.
    #[serde(serialize_with = "as_text")]
    pub ring_min: Duration,
    /// After-call work; zero: none.
    #[serde(serialize_with = "as_text")]
    pub wrap_up: Duration,
    /// How much is recorded; none: as everywhere.
    pub record: Option<RecordPolicy>,
    /// With a full disk nobody is let in who would have to be recorded.
    pub refuse_unrecorded: bool,
    /// How it picks, relaxes and overflows.
    #[serde(flatten)]
    pub rules: QueueRules,
}

/// Bounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// SIP transactions at once.
    pub transactions: usize,
    /// SIP legs at once; at least two per line.
    pub legs: usize,
    /// What Retry-After says with a 503; whole seconds.
    #[serde(serialize_with = "as_text")]
    pub retry_after: Duration,
    /// How long calls may go on after the program was told to stop.
    #[serde(serialize_with = "as_text")]
    pub drain: Duration,
}

/// A rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rate {
    /// In the long run.
    pub per_second: u32,
    /// At once after a quiet time.
    pub burst: u32,
}

/// How much strangers may send, and who is banned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Guard {
    /// Requests of one phone address.
    pub source: Rate,
    /// Requests of all addresses at which no phone has logged in.
    pub all: Rate,
    /// Calls of one trunk or agent that wait for their ACK.
    pub unacknowledged: u32,
    /// Wrong passwords that ban a user at an address; 0: never.
    pub user_failures: u32,
    /// Wrong passwords that ban an address; 0: never.
    pub source_failures: u32,
    /// How long a wrong password is remembered.
    #[serde(serialize_with = "as_text")]
    pub window: Duration,
    /// How long a user is banned at an address.
    #[serde(serialize_with = "as_text")]
    pub user_ban: Duration,
    /// How long an address is banned.
    #[serde(serialize_with = "as_text")]
    pub source_ban: Duration,
    /// Networks that are never banned: address and length of the prefix.
    pub never: Vec<(IpAddr, u8)>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object per line.
    Json,
}

/// Logging.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Log {
    /// Filter of levels.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
}

/// Durations as the file writes them.
pub(crate) fn as_text<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&crate::values::duration_text(*duration))
}

/// The same of one that may be missing.
#[expect(clippy::ref_option, reason = "serde hands the field by reference")]
pub(crate) fn as_text_or_none<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => as_text(duration, serializer),
        None => serializer.serialize_none(),
    }
}

impl Trunk {
    /// Every address that its messages may come from; port 0 means any. Its gateways send from whatever port they like.
    pub fn sources(&self) -> impl Iterator<Item = SocketAddr> {
        let gateways = self.rules.gateways.iter();
        let gateways = gateways.map(|gateway| SocketAddr::new(gateway.ip(), 0));
        self.peers.iter().copied().chain(gateways)
    }
}

impl Settings {
    /// The agents that serve a queue, in the order of the seed: members of its teams and those it names.
    #[must_use]
    pub fn agents_of(&self, queue: &Queue) -> Vec<AgentSlug> {
        let serves = |agent: &&Agent| {
            queue.agents.contains(&agent.slug)
                || agent.team.as_ref().is_some_and(|team| queue.teams.contains(team))
        };
        self.seed
            .agents
            .iter()
            .filter(serves)
            .map(|agent| agent.slug.clone())
            .collect()
    }
}
