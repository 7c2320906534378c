//! The contract of the SIP endpoint: what goes in, what comes out. See `Endpoint` for the order of calls.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hotline_types::{AgentSlug, LegId, Network, Pii, Time, TrunkSlug};

use crate::trunk::{Trunk, TrunkDial, TrunkEvent};

/// A listening socket (or pair of UDP and TCP sockets on one address), by its place in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId(pub u16);

/// A connection of a stream transport, numbered by `io`. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// Transport protocol of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A stream; messages framed by Content-Length (RFC 3261 §18.3).
    Tcp,
    /// The same within TLS (RFC 3261 §26.3.1).
    Tls,
    /// WebSocket, one SIP message in each of its messages (RFC 7118).
    Ws,
    /// WebSocket within TLS.
    Wss,
}

impl Transport {
    /// Whether the transport repeats what is lost, so that we need not (RFC 3261 §17).
    #[must_use]
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Self::Udp)
    }

    /// Its name in Via (RFC 3261 §25.1, RFC 7118 §5.2).
    #[must_use]
    pub const fn via_token(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// The value of `transport` in URIs; none for UDP, the default. Both WebSockets are `ws` (RFC 7118 §5.2).
    #[must_use]
    pub const fn uri_param(self) -> Option<&'static str> {
        match self {
            Self::Udp => None,
            Self::Tcp => Some("tcp"),
            Self::Tls => Some("tls"),
            Self::Ws | Self::Wss => Some("ws"),
        }
    }
}

/// An address that some peers are told instead of [`Listener::advertised`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The peers.
    pub network: Network,
    /// What they are told.
    pub address: SocketAddr,
}

/// Whom a listener serves. A caller's rights come from the listener and the source, never from headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Agents' phones: everything is challenged.
    Phones,
    /// Trunks: only the addresses of the trunks are heard.
    Trunk,
}

/// One listener of the endpoint.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Its id.
    pub id: ListenerId,
    /// Whom it serves.
    pub role: Role,
    /// Address bound (after an ephemeral port was chosen).
    pub bind: SocketAddr,
    /// Address written into Via and Contact.
    pub advertised: SocketAddr,
    /// Addresses for peers of certain networks; the first that holds the peer wins.
    pub shown: Vec<Shown>,
    /// Listeners with the same number have the same media addresses, so that one SDP may go out by any of them.
    pub media_group: u16,
}

impl Listener {
    /// The entry of [`Listener::shown`] that this peer belongs to.
    pub(crate) fn network_of(&self, peer: IpAddr) -> Option<usize> {
        self.shown.iter().position(|shown| shown.network.contains(peer))
    }

    /// The address that this peer is told.
    #[must_use]
    pub fn shown_to(&self, peer: IpAddr) -> SocketAddr {
        self.network_of(peer)
            .map_or(self.advertised, |at| self.shown[at].address)
    }
}

/// How an agent's phone is reached: its registration that is newest and can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentRoute {
    /// The listener it registered with.
    pub listener: ListenerId,
    /// Where its packets come from.
    pub peer: SocketAddr,
}

/// Why a registered phone cannot be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unusable {
    /// It registered over a WebSocket, so it is a browser, whose media we do not speak.
    BrowserMedia,
}

impl Unusable {
    /// For a supervisor to read.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BrowserMedia => {
                "registered over WebSocket only: browser phones need DTLS-SRTP and ICE, which this gateway does not have"
            }
        }
    }
}

/// An agent's password-equivalents (RFC 8760): `H(user:realm:password)` per algorithm, lower-case hex.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// User part of the address of record and user name of the digest.
    pub agent: AgentSlug,
    /// HA1 with MD5.
    pub ha1_md5: Pii<String>,
    /// HA1 with SHA-256.
    pub ha1_sha256: Pii<String>,
}

/// Settings of the endpoint.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// Realm of the digest challenges, a fact of the HA1s.
    pub realm: String,
    /// Product token of Server and User-Agent.
    pub product: String,
    /// All listeners.
    pub listeners: Vec<Listener>,
    /// All trunks.
    pub trunks: Vec<Trunk>,
    /// All agents.
    pub credentials: Vec<Credentials>,
    /// Expiry granted to registrations: asked values are cut to this range.
    pub expires_min: Duration,
    /// Longest expiry granted.
    pub expires_max: Duration,
    /// RFC 3261 timer T1, 500 ms by default.
    pub t1: Duration,
    /// Most transactions at once; beyond it new requests get 503 without state.
    pub transactions_max: usize,
    /// Most legs at once; beyond it new INVITEs get 503 with Retry-After.
    pub legs_max: usize,
    /// Most calls of one trunk, or of one agent's phones, whose INVITE is not yet acknowledged; beyond it new INVITEs get
    /// 503. Over UDP a trunk's address can be forged, and nobody acknowledges such a call.
    pub unacked_max: usize,
}

/// One message that arrived, whole and alone (streams are framed before).
#[derive(Clone, Debug)]
pub struct Received {
    /// The listener it came in on.
    pub listener: ListenerId,
    /// Its transport.
    pub transport: Transport,
    /// Its connection; none for UDP.
    pub conn: Option<ConnId>,
    /// Where it came from.
    pub peer: SocketAddr,
    /// The message.
    pub bytes: Vec<u8>,
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The listener whose socket sends it.
    pub listener: ListenerId,
    /// Its transport.
    pub transport: Transport,
    /// The connection to use while it is open; otherwise a new one to `to` is made (TCP, TLS to a trunk).
    pub conn: Option<ConnId>,
    /// Where to.
    pub to: SocketAddr,
    /// The message.
    pub bytes: Vec<u8>,
}

/// Everything that the world tells the endpoint.
#[derive(Clone, Debug)]
pub enum Input {
    /// A message arrived and passed admission.
    Received(Received),
    /// A message could not be sent to this address (connect refused, connection lost, message too large).
    TransportFailed {
        /// Its transport.
        transport: Transport,
        /// Where it should have gone.
        to: SocketAddr,
    },
    /// A connection is gone.
    Closed(ConnId),
    /// The switch wants something.
    Command(Command),
    /// The deadline of the last `Output::Timeout` has come.
    Timeout,
}

/// A reason for CANCEL or BYE (RFC 3326).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseReason {
    /// Ordinary end: `Reason: Q.850;cause=16`.
    Normal,
    /// Another phone took the call: `Reason: SIP;cause=200;text="Call completed elsewhere"`.
    CompletedElsewhere,
    /// The offer's time is over, or the caller has gone: CANCEL without a Reason, so that the phone shows a missed call.
    NoAnswer,
    /// The media died: `Reason: Q.850;cause=102`.
    MediaLost,
    /// We shut down: `Reason: SIP;cause=503`.
    Shutdown,
    /// Our fault: `Reason: Q.850;cause=41`.
    Fault,
}

/// What the switch may ask of the endpoint. A command about a leg that is gone is ignored.
#[derive(Clone, Debug)]
pub enum Command {
    /// A provisional answer to an incoming INVITE (180, 183).
    Progress {
        /// The leg.
        leg: LegId,
        /// Status, 101 to 199.
        status: u16,
        /// Our SDP answer, where early media is to be heard; the same must come in the 200.
        sdp: Option<Vec<u8>>,
    },
    /// 200 to an incoming INVITE, retransmitted until the ACK.
    Answer {
        /// The leg.
        leg: LegId,
        /// Our SDP answer (our offer, where the INVITE had none).
        sdp: Vec<u8>,
    },
    /// Final refusal of an incoming INVITE.
    Reject {
        /// The leg.
        leg: LegId,
        /// Status, 300 to 699.
        status: u16,
        /// Seconds of Retry-After.
        retry_after_s: Option<u32>,
        /// Text of a Warning header, code 399 (RFC 3261 §20.43).
        warning: Option<String>,
    },
    /// Calls an agent's registered phone (every binding of it; the first to answer wins).
    DialAgent {
        /// The new leg, numbered by the switch with [`crate::Endpoint::new_leg`].
        leg: LegId,
        /// Whom.
        agent: AgentSlug,
        /// Our SDP offer.
        sdp: Vec<u8>,
        /// Caller shown to the agent: number or `anonymous`.
        caller: Pii<String>,
        /// Name shown to the agent (queue, or caller's name).
        display: Pii<String>,
        /// Extra headers, name and value, free of CR and LF.
        headers: Vec<(Cow<'static, str>, String)>,
        /// The route that the SDP was made for, as [`crate::Endpoint::agent_route`] told it: phones that need other
        /// media addresses are not called. None calls all.
        route: Option<AgentRoute>,
    },
    /// Calls an outside number by a trunk.
    DialTrunk(Box<TrunkDial>),
    /// Ends the leg in whatever state it is: reject, CANCEL or BYE. No more events about it follow.
    Release {
        /// The leg.
        leg: LegId,
        /// Why.
        reason: ReleaseReason,
    },
    /// Answers a re-INVITE or an UPDATE with SDP.
    AnswerReoffer {
        /// The leg.
        leg: LegId,
        /// Our SDP.
        sdp: Vec<u8>,
    },
    /// Refuses a re-INVITE or UPDATE; the dialog goes on as it was.
    RejectReoffer {
        /// The leg.
        leg: LegId,
        /// Status, for instance 488.
        status: u16,
    },
    /// Answers a REFER: 202 where it will be carried out, 300 to 699 where not.
    AnswerRefer {
        /// The leg.
        leg: LegId,
        /// Status.
        status: u16,
    },
    /// Tells the peer how its REFER stands (NOTIFY, RFC 3515 §2.4.4); a status from 200 on is the last word.
    ReferProgress {
        /// The leg.
        leg: LegId,
        /// Status of the call to the target.
        status: u16,
    },
    /// Sends a re-INVITE (retried once after 491): as a probe of a silent peer, or for new media.
    Reoffer {
        /// The leg.
        leg: LegId,
        /// Our SDP.
        sdp: Vec<u8>,
    },
    /// New or changed password of an agent; all bindings stay.
    SetCredentials(Credentials),
    /// An agent's HA1s are gone: bindings are dropped.
    RemoveCredentials(AgentSlug),
}

/// Where an incoming call comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A trunk, by address.
    Trunk(TrunkSlug),
    /// An agent's phone, authenticated by digest.
    Agent(AgentSlug),
}

/// Why a leg ended that the switch did not release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegEnd {
    /// The peer sent BYE.
    Bye,
    /// The caller sent CANCEL before we answered.
    Cancelled,
    /// The ACK of our 200 never came (64*T1); BYE was sent.
    NoAck,
    /// The session timer ran out (RFC 4028); BYE was sent.
    SessionExpired,
    /// A request inside the dialog got 408 or 481, or the transport failed.
    Broken,
}

/// The dialog that a Replaces names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// There is no Replaces: a blind transfer.
    Nothing,
    /// That of this leg.
    Leg(LegId),
    /// None of ours.
    Unknown,
}

/// Why an outgoing leg never came up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialFailure {
    /// The peer refused with this status.
    Status(u16),
    /// Nothing was heard at all (timer B, transport failure, no binding).
    Unreachable,
}

/// What the endpoint tells the switch.
#[derive(Clone, Debug)]
pub enum Event {
    /// A call arrives. 100 was sent already. The switch answers with Progress, Answer, Reject or Release.
    Incoming {
        /// The new leg.
        leg: LegId,
        /// From where.
        source: Source,
        /// The listener, for the choice of the media address.
        listener: ListenerId,
        /// The number called, as the trunk's rule reads it; at first the user part of the Request-URI.
        called: String,
        /// What else the trunk's rule reads as the number called, in its order.
        also_called: Vec<String>,
        /// Headers of the call that the trunk's rules hand on to the agent.
        passed: Vec<(String, String)>,
        /// The caller's number (P-Asserted-Identity of a trunk before From), or `anonymous`.
        caller: Pii<String>,
        /// The caller's display name.
        display: Option<Pii<String>>,
        /// SDP of the INVITE; none for an offerless one.
        offer: Option<Vec<u8>>,
        /// Source of the signalling, for symmetric media.
        peer: SocketAddr,
    },
    /// The caller's ACK of our 200 arrived; with SDP where our 200 held the offer.
    Confirmed {
        /// The leg.
        leg: LegId,
        /// SDP answer in the ACK.
        answer: Option<Vec<u8>>,
    },
    /// A called phone rings (180, 183).
    Ringing {
        /// The leg.
        leg: LegId,
    },
    /// A called phone answered. The ACK was sent. Other forks were CANCELled as completed elsewhere.
    Answered {
        /// The leg.
        leg: LegId,
        /// The SDP answer.
        answer: Vec<u8>,
        /// Source of the signalling, for symmetric media.
        peer: SocketAddr,
        /// The listener.
        listener: ListenerId,
    },
    /// A called phone will not come. The leg is gone.
    Failed {
        /// The leg.
        leg: LegId,
        /// Why.
        failure: DialFailure,
    },
    /// A leg is over. It is gone.
    Ended {
        /// The leg.
        leg: LegId,
        /// Why.
        end: LegEnd,
    },
    /// The peer sends a new offer (hold, codec change); answer with AnswerReoffer or RejectReoffer.
    /// Without SDP the peer asks for our offer.
    Reoffered {
        /// The leg.
        leg: LegId,
        /// The SDP.
        offer: Option<Vec<u8>>,
    },
    /// Our re-INVITE was answered: the peer is alive.
    ReofferAnswered {
        /// The leg.
        leg: LegId,
        /// The SDP answer.
        answer: Vec<u8>,
    },
    /// Our re-INVITE was refused with this status, and the dialog lives.
    ReofferRefused {
        /// The leg.
        leg: LegId,
        /// The status.
        status: u16,
    },
    /// The peer wants its call transferred (REFER, RFC 3515); answer with AnswerRefer.
    Referred {
        /// The leg.
        leg: LegId,
        /// User part of Refer-To: whom.
        user: String,
        /// The dialog to be replaced, of an attended transfer (RFC 3891).
        replaces: Replaced,
    },
    /// How a REFER of ours stands; a status from 200 on is the last word. Only phones send REFER.
    ReferProgress {
        /// The leg.
        leg: LegId,
        /// Status of the call to the target, or of the REFER's refusal.
        status: u16,
    },
    /// A digit by SIP INFO (application/dtmf-relay or application/dtmf). 200 was sent.
    Digit {
        /// The leg.
        leg: LegId,
        /// One of `0-9 * # A-D`.
        digit: Pii<char>,
    },
    /// An agent's phone that can be called registered for the first time, or again after it was gone.
    Registered {
        /// The agent.
        agent: AgentSlug,
    },
    /// An agent has phones registered, and none of them can be called.
    Unusable {
        /// The agent.
        agent: AgentSlug,
        /// Why.
        why: Unusable,
    },
    /// The last binding of an agent is gone (expiry or removal, or its connection closed).
    Unregistered {
        /// The agent.
        agent: AgentSlug,
    },
    /// A trunk came up, went down, or was refused.
    Trunk(TrunkEvent),
    /// Somebody answered a challenge of ours, rightly or wrongly: for the ban list.
    Proof(crate::admission::bans::Proof),
    /// Something worth counting that needs no action.
    Counted(Counted),
}

/// What the endpoint counts; names are metric label values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// A message that could not be read.
    Malformed,
    /// A request or response that belongs to nothing.
    Stray,
    /// A request repeated by the peer.
    Retransmission,
    /// A digest that was wrong.
    AuthFailed,
    /// A request refused for lack of room.
    TableFull,
    /// A call refused because too many of its source are not yet acknowledged.
    Unacknowledged,
}

/// What the endpoint wants.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send this.
    Transmit(Transmit),
    /// Tell the switch.
    Event(Event),
    /// Nothing more now; call again with `Input::Timeout` then. None: no timer runs.
    Timeout(Option<Time>),
}
