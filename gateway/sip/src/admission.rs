//! Admission: decides by source, listener and rate whether a message may cost anything, before it is queued.

pub mod bans;
mod rate;
mod recent;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{IpAddr, SocketAddr};

use hotline_types::Time;

use crate::build::{self, Answer};
use crate::header::Name;
use crate::message::{MESSAGE_BYTES_MAX, Message, Method, StartLine};
use crate::{Role, Transport};

use bans::{Standing, origin_of};
use rate::Bucket;
pub use rate::Rate;
use recent::Recent;

/// Longest method token that is taken for SIP.
const METHOD_BYTES_MAX: usize = 32;
/// Most peers whose calls are remembered for their retransmissions, per generation of two.
const CALLS_MAX: usize = 4096;

/// User-Agents of scanners, by a part of them in lower case. What only these send gets no answer at all.
const SCANNERS: &[&str] = &[
    "friendly-scanner",
    "sipvicious",
    "sipcli",
    "sip-scan",
    "sipscan",
    "sundayddr",
    "vaxsipuseragent",
    "iwar",
    "siparmyknife",
    "smap",
    "gulp",
    "pplsip",
];

/// The new calls of one trunk.
#[derive(Clone, Debug)]
pub struct TrunkCalls {
    /// The trunk's sources, as in [`AdmissionConfig::peers`].
    pub peers: Vec<SocketAddr>,
    /// New calls of all of them. Beyond it an INVITE is answered 503.
    pub calls: Rate,
}

/// Settings of one listener's admission.
#[derive(Clone, Debug)]
pub struct AdmissionConfig {
    /// Whom the listener serves.
    pub role: Role,
    /// Trunk listener: the sources that are heard; port 0 means any port of that address. Over TCP the port does not
    /// matter, as a peer connects from any. Unused for phones.
    pub peers: Vec<SocketAddr>,
    /// Longest message, in bytes.
    pub message_bytes_max: usize,
    /// Phones: requests of one source address that may make state (all but ACK, BYE, CANCEL, PRACK).
    pub source_requests: Rate,
    /// Phones: everything else of one source address: ACK, BYE, CANCEL, PRACK and responses.
    pub source_rest: Rate,
    /// Phones: INVITEs of one source address without credentials. A phone sends one before each call; a scanner, which
    /// never answers the challenge, sends nothing else.
    pub source_bare_invites: Rate,
    /// Phones: requests of all sources together that may make state.
    pub all_requests: Rate,
    /// Phones: most source addresses remembered, per generation of two. A forgotten one begins with a full burst.
    pub sources_max: usize,
    /// Trunk: new calls of the peers that no entry of `trunks` names, together. Beyond it an INVITE is answered 503.
    pub calls: Rate,
    /// Trunk: new calls trunk by trunk, so that one in trouble, or one whose address is forged, takes nothing from the
    /// others.
    pub trunks: Vec<TrunkCalls>,
    /// Trunk: seconds of Retry-After in that 503.
    pub retry_after_s: u32,
    /// Trunk: 403s to unknown sources, all together. Beyond it they get nothing.
    pub refusals: Rate,
}

impl AdmissionConfig {
    /// The default limits of a listener: 100 requests/s with bursts of 1,000 for each phone address, as a whole office
    /// may stand behind one and register at once; 1,000/s in all; 100 calls/s with bursts of 200 from trunks; one 403
    /// a second.
    #[must_use]
    pub const fn new(role: Role, peers: Vec<SocketAddr>) -> Self {
        Self {
            role,
            peers,
            message_bytes_max: MESSAGE_BYTES_MAX,
            source_requests: Rate {
                per_second: 100,
                burst: 1000,
            },
            source_rest: Rate {
                per_second: 2000,
                burst: 4000,
            },
            source_bare_invites: Rate {
                per_second: 5,
                burst: 50,
            },
            all_requests: Rate {
                per_second: 1000,
                burst: 3000,
            },
            sources_max: 10_000,
            calls: Rate {
                per_second: 100,
                burst: 200,
            },
            trunks: Vec::new(),
            retry_after_s: 2,
            refusals: Rate {
                per_second: 1,
                burst: 5,
            },
        }
    }
}

/// What to do with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Hand it to the endpoint.
    Queue,
    /// Forget it.
    Drop(DropReason),
    /// Send this to where it came from, then forget it. Counted as the reason says.
    Answer(Vec<u8>, DropReason),
}

/// Why a message went no further; also the label values of its counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DropReason {
    /// Longer than the limit.
    TooLong,
    /// Its first line is not that of a SIP message.
    NotSip,
    /// CRLF or NUL bytes that keep a NAT binding alive.
    KeepAlive,
    /// A trunk listener does not know the source. Some of these got a 403.
    UnknownSource,
    /// One phone address sends too much.
    SourceRate,
    /// All phones together send too many requests.
    ListenerRate,
    /// A trunk brings too many calls. Each got a 503.
    CallRate,
    /// The source, or the user that it claims to be, is banned.
    Banned,
    /// The User-Agent is that of a scanner.
    Scanner,
}

impl DropReason {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::TooLong,
        Self::NotSip,
        Self::KeepAlive,
        Self::UnknownSource,
        Self::SourceRate,
        Self::ListenerRate,
        Self::CallRate,
        Self::Banned,
        Self::Scanner,
    ];

    /// Its name as a metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::NotSip => "not_sip",
            Self::KeepAlive => "keep_alive",
            Self::UnknownSource => "unknown_source",
            Self::SourceRate => "source_rate",
            Self::ListenerRate => "listener_rate",
            Self::CallRate => "call_rate",
            Self::Banned => "banned",
            Self::Scanner => "scanner",
        }
    }
}

/// What the first line says, as far as admission cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Invite,
    Options,
    Ack,
    /// BYE, CANCEL, PRACK: they end or go on with what is there.
    InCall,
    OtherRequest,
    Response,
}

/// The buckets of one phone address.
#[derive(Clone, Copy, Debug, Default)]
struct Source {
    requests: Bucket,
    rest: Bucket,
    bare_invites: Bucket,
}

impl Source {
    /// A request of a source at which no phone has proved who it is. One that cannot be read is left to the endpoint.
    fn stranger(&mut self, now: Time, bare_invites: Rate, kind: Kind, bytes: &[u8]) -> Verdict {
        let Ok(request) = Message::index(bytes) else {
            return Verdict::Queue;
        };
        if is_scanner(&request) {
            return Verdict::Drop(DropReason::Scanner);
        }
        let bare = kind == Kind::Invite && request.first(Name::Authorization).is_none();
        if bare && !self.bare_invites.take(now, bare_invites) {
            return Verdict::Drop(DropReason::SourceRate);
        }
        Verdict::Queue
    }
}

/// The admission of one listener.
pub struct Admission {
    config: AdmissionConfig,
    sources: BTreeMap<IpAddr, Source>,
    sources_before: BTreeMap<IpAddr, Source>,
    all_requests: Bucket,
    calls: Bucket,
    /// One per entry of `config.trunks`.
    trunk_calls: Vec<Bucket>,
    calls_known: Recent,
    refusals: Bucket,
}

impl Admission {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(config: AdmissionConfig) -> Self {
        Self {
            trunk_calls: vec![Bucket::FULL; config.trunks.len()],
            config,
            sources: BTreeMap::new(),
            sources_before: BTreeMap::new(),
            all_requests: Bucket::FULL,
            calls: Bucket::FULL,
            calls_known: Recent::new(CALLS_MAX),
            refusals: Bucket::FULL,
        }
    }

    /// Decides about one message from `peer`. Whoever asks counts what goes no further.
    ///
    /// ACK, BYE, CANCEL, PRACK and responses of a trunk's peers, and repeated or in-dialog INVITEs, are never refused
    /// for a rate: that would hurt calls which are up.
    pub fn admit(&mut self, now: Time, transport: Transport, peer: SocketAddr, bytes: &[u8]) -> Verdict {
        self.admit_as(now, transport, peer, bytes, Standing::Unknown)
    }

    /// As [`Admission::admit`], for a source of which the ban list says how it stands. Trunks' listeners never ask it.
    pub fn admit_as(
        &mut self,
        now: Time,
        transport: Transport,
        peer: SocketAddr,
        bytes: &[u8],
        standing: Standing,
    ) -> Verdict {
        if bytes.len() > self.config.message_bytes_max {
            return Verdict::Drop(DropReason::TooLong);
        }
        if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Verdict::Drop(DropReason::KeepAlive);
        }
        let Some(kind) = kind(bytes) else {
            return Verdict::Drop(DropReason::NotSip);
        };
        match self.config.role {
            Role::Phones if standing == Standing::Banned => Verdict::Drop(DropReason::Banned),
            Role::Phones => self.phone(now, origin_of(peer.ip()), kind, bytes, standing),
            Role::Trunk if !self.knows(transport, peer) => self.unknown(now, peer, kind, bytes),
            Role::Trunk if kind == Kind::Invite => self.call(now, transport, peer, bytes),
            Role::Trunk => Verdict::Queue,
        }
    }

    /// Whether the listener hears this source at all: phones are all heard, trunks by their peers' addresses.
    #[must_use]
    pub fn hears(&self, transport: Transport, peer: SocketAddr) -> bool {
        self.config.role == Role::Phones || self.knows(transport, peer)
    }

    fn knows(&self, transport: Transport, peer: SocketAddr) -> bool {
        is_among(&self.config.peers, transport, peer)
    }

    fn phone(&mut self, now: Time, ip: IpAddr, kind: Kind, bytes: &[u8], standing: Standing) -> Verdict {
        if self.sources.len() >= self.config.sources_max.max(1) && !self.sources.contains_key(&ip) {
            self.sources_before = std::mem::take(&mut self.sources);
        }
        let before = &mut self.sources_before;
        let source = self
            .sources
            .entry(ip)
            .or_insert_with(|| before.remove(&ip).unwrap_or_default());
        match kind {
            Kind::Ack | Kind::InCall | Kind::Response => {
                if !source.rest.take(now, self.config.source_rest) {
                    return Verdict::Drop(DropReason::SourceRate);
                }
            }
            Kind::Invite | Kind::Options | Kind::OtherRequest => {
                if !source.requests.take(now, self.config.source_requests) {
                    return Verdict::Drop(DropReason::SourceRate);
                }
                // A flood of strangers must not keep the phones that are known from refreshing and calling.
                if standing == Standing::Vouched {
                    return Verdict::Queue;
                }
                if !self.all_requests.take(now, self.config.all_requests) {
                    return Verdict::Drop(DropReason::ListenerRate);
                }
                return source.stranger(now, self.config.source_bare_invites, kind, bytes);
            }
        }
        Verdict::Queue
    }

    fn unknown(&mut self, now: Time, peer: SocketAddr, kind: Kind, bytes: &[u8]) -> Verdict {
        let silent = matches!(kind, Kind::Ack | Kind::Options | Kind::Response);
        if silent || !self.refusals.take(now, self.config.refusals) {
            return Verdict::Drop(DropReason::UnknownSource);
        }
        match Message::index(bytes) {
            Ok(request) => Verdict::Answer(refusal(&request, peer, 403, None), DropReason::UnknownSource),
            Err(_) => Verdict::Drop(DropReason::UnknownSource),
        }
    }

    /// An INVITE of a known peer. One that cannot be read is left to the endpoint.
    fn call(&mut self, now: Time, transport: Transport, peer: SocketAddr, bytes: &[u8]) -> Verdict {
        let Ok(request) = Message::index(bytes) else {
            return Verdict::Queue;
        };
        let call = identity(&request);
        let in_dialog = request.to().is_ok_and(|to| to.tag().is_some());
        if in_dialog || self.calls_known.contains(call) {
            return Verdict::Queue;
        }
        let trunks = self.config.trunks.iter().zip(&mut self.trunk_calls);
        let mut own = trunks.filter(|(trunk, _)| is_among(&trunk.peers, transport, peer));
        let taken = match own.next() {
            Some((trunk, bucket)) => bucket.take(now, trunk.calls),
            None => self.calls.take(now, self.config.calls),
        };
        if taken {
            self.calls_known.insert(call);
            return Verdict::Queue;
        }
        let busy = refusal(&request, peer, 503, Some(self.config.retry_after_s));
        Verdict::Answer(busy, DropReason::CallRate)
    }
}

/// Whether a source is one of a trunk's peers: port 0 means any port, and over a stream a peer connects from any.
pub(crate) fn is_among(peers: &[SocketAddr], transport: Transport, source: SocketAddr) -> bool {
    let ip = source.ip().to_canonical();
    peers.iter().any(|peer| {
        peer.ip().to_canonical() == ip
            && (peer.port() == 0 || transport.is_reliable() || peer.port() == source.port())
    })
}

/// Whose first line this is; none where it is not SIP.
fn kind(bytes: &[u8]) -> Option<Kind> {
    let method = match StartLine::read(bytes).ok()? {
        StartLine::Response { .. } => return Some(Kind::Response),
        StartLine::Request { method, .. } => method,
    };
    match method {
        Method::Invite => Some(Kind::Invite),
        Method::Options => Some(Kind::Options),
        Method::Ack => Some(Kind::Ack),
        Method::Bye | Method::Cancel | Method::Prack => Some(Kind::InCall),
        Method::Other(long) if long.len() > METHOD_BYTES_MAX => None,
        _ => Some(Kind::OtherRequest),
    }
}

fn is_scanner(request: &Message<'_>) -> bool {
    let agent = request
        .first(Name::UserAgent)
        .map_or(&[][..], |value| value.bytes());
    let within = |part: &str| {
        agent
            .windows(part.len())
            .any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
    };
    SCANNERS.iter().any(|part| within(part))
}

/// What a request and its retransmissions share.
fn identity(request: &Message<'_>) -> u64 {
    let mut hash = DefaultHasher::new();
    request
        .first(Name::CallId)
        .map(|value| value.bytes())
        .hash(&mut hash);
    request
        .top_via()
        .ok()
        .and_then(|via| via.branch())
        .hash(&mut hash);
    hash.finish()
}

/// A response without state: its tag follows from the request, so that each retransmission gets the same.
fn refusal(request: &Message<'_>, peer: SocketAddr, status: u16, retry_after_s: Option<u32>) -> Vec<u8> {
    let answer = Answer {
        status,
        to_tag: Some(identity(request)),
        peer,
    };
    let response = build::response(Vec::with_capacity(1024), request, answer);
    match retry_after_s {
        Some(seconds) => response.header(Name::RetryAfter, seconds).finish(),
        None => response.finish(),
    }
}

#[cfg(test)]
mod tests;
