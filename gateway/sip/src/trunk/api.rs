//! What a trunk is configured to be, and what it tells.

use std::net::SocketAddr;
use std::time::Duration;

use hotline_types::{LegId, Pii, TrunkSlug};

use crate::{ListenerId, Transport};

/// One trunk, known by the source addresses of its peers.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// Its name.
    pub slug: TrunkSlug,
    /// The listener it is reached by.
    pub listener: ListenerId,
    /// Sources it may send from; port 0 means any port of that address. Its gateways' addresses come to them.
    pub peers: Vec<SocketAddr>,
    /// What else holds for it.
    pub rules: TrunkRules,
}

/// What holds for a trunk beside its addresses.
#[derive(Clone, Debug)]
pub struct TrunkRules {
    /// Where requests go, best first; empty: it takes no calls.
    pub gateways: Vec<SocketAddr>,
    /// Transport of requests.
    pub transport: Transport,
    /// Host of our URIs; empty: the address of the first gateway.
    pub domain: String,
    /// The account with the carrier.
    pub account: Option<TrunkAccount>,
    /// Lifetime asked for with a registration; none: there is none.
    pub register: Option<Duration>,
    /// Pause between OPTIONS to each gateway; none: a gateway is taken to live until a request fails.
    pub ping: Option<Duration>,
    /// Where the called number is read, in this order.
    pub called: Vec<CalledIn>,
    /// Whether P-Asserted-Identity is believed (RFC 3325 §9.1).
    pub trust_identity: bool,
    /// How our number is told.
    pub identity: IdentityIn,
    /// Headers of its calls that are handed on.
    pub pass_headers: Vec<String>,
}

impl Default for TrunkRules {
    /// A trunk that brings calls and takes none.
    fn default() -> Self {
        Self {
            gateways: Vec::new(),
            transport: Transport::Udp,
            domain: String::new(),
            account: None,
            register: None,
            ping: None,
            called: vec![CalledIn::RequestUri],
            trust_identity: true,
            identity: IdentityIn::From,
            pass_headers: Vec::new(),
        }
    }
}

/// An account with a carrier.
#[derive(Clone, Debug)]
pub struct TrunkAccount {
    /// User part of the address of record (IMPU).
    pub user: String,
    /// User name of the digest (IMPI).
    pub auth_user: String,
    /// The password.
    pub password: Pii<String>,
    /// The only realm whose challenges are answered.
    pub realm: String,
}

/// Where the called number is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalledIn {
    /// The Request-URI.
    RequestUri,
    /// To.
    To,
    /// P-Called-Party-ID (RFC 7315 §4.2).
    PCalledPartyId,
    /// The topmost Diversion (RFC 5806).
    Diversion,
    /// History-Info (RFC 7044), the last entry first.
    HistoryInfo,
}

/// How our number is told to a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityIn {
    /// In From.
    From,
    /// In P-Asserted-Identity (RFC 3325).
    PAsserted,
    /// In P-Preferred-Identity.
    PPreferred,
}

/// A call to an outside number.
#[derive(Clone, Debug)]
pub struct TrunkDial {
    /// The new leg, numbered by the switch.
    pub leg: LegId,
    /// By which trunk.
    pub trunk: TrunkSlug,
    /// The number, as this trunk wants it.
    pub number: Pii<String>,
    /// Our number shown, as this trunk wants it.
    pub caller: String,
    /// Our SDP offer.
    pub sdp: Vec<u8>,
}

/// Why a trunk is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrunkDown {
    /// No gateway answers.
    Silent,
    /// The registrar refused with this status.
    Refused(u16),
    /// The registrar did not answer.
    RegistrarSilent,
    /// The registrar's challenge was of another realm than the account's.
    ForeignRealm,
    /// Nothing was tried yet.
    Starting,
}

impl std::fmt::Display for TrunkDown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Silent => f.write_str("no gateway answers"),
            Self::Refused(status) => write!(f, "the registrar refuses with {status}"),
            Self::RegistrarSilent => f.write_str("the registrar does not answer"),
            Self::ForeignRealm => f.write_str("the registrar asks for a realm that is not the account's"),
            Self::Starting => f.write_str("not registered yet"),
        }
    }
}

/// What a trunk tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrunkEvent {
    /// It takes calls.
    Up(TrunkSlug),
    /// It takes none.
    Down(TrunkSlug, TrunkDown),
}

/// A trunk as it is now, for people and for the choice of the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkState {
    /// Its name.
    pub slug: TrunkSlug,
    /// Whether it can take calls at all: it has gateways.
    pub takes_calls: bool,
    /// Whether it takes calls now; a trunk without gateways counts as up.
    pub up: bool,
    /// Why not.
    pub down: Option<TrunkDown>,
    /// Addresses of its gateways, and whether each answers.
    pub gateways: Vec<(SocketAddr, bool)>,
    /// Whether it must be registered with, and is.
    pub registered: Option<bool>,
}
