//! Checked settings of trunks beyond their addresses, of numbers, and of calls to outside numbers.

use std::net::SocketAddr;
use std::time::Duration;

use hotline_types::{Pii, TrunkSlug};
use serde::{Serialize, Serializer};

use crate::settings::{as_text, as_text_or_none};

/// What holds for a trunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrunkRules {
    /// Where our requests go; empty: nowhere.
    pub gateways: Vec<SocketAddr>,
    /// By which transport.
    pub transport: TrunkTransport,
    /// Host of our URIs; empty only without gateways.
    pub domain: String,
    /// The account with the carrier.
    pub account: Option<TrunkAccount>,
    /// Lifetime asked for; none: no registration. Only with an account and a gateway.
    #[serde(serialize_with = "as_text_or_none")]
    pub register: Option<Duration>,
    /// Pause between OPTIONS; none: none are sent.
    #[serde(serialize_with = "as_text_or_none")]
    pub ping: Option<Duration>,
    /// Calls at once; none: as many as lines.
    pub calls_max: Option<usize>,
    /// New calls per second.
    pub calls_per_second: u32,
    /// Lower goes first.
    pub priority: u16,
    /// Share among equals.
    pub weight: u16,
    /// Where the called number is read; at least one.
    pub called: Vec<CalledIn>,
    /// Whether P-Asserted-Identity is believed.
    pub trust_identity: bool,
    /// How our number is told.
    pub identity: IdentityIn,
    /// How numbers are written for it.
    pub numbers: NumberForm,
    /// Codecs, best first; at least one, each once.
    pub codecs: Vec<TrunkCodec>,
    /// How keys come.
    pub dtmf: Dtmf,
    /// Headers handed to agents' phones.
    pub pass_headers: Vec<String>,
}

/// Transport of requests to a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrunkTransport {
    /// Datagrams.
    Udp,
    /// A connection.
    Tcp,
    /// TLS.
    Tls,
}

/// An account with a carrier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrunkAccount {
    /// User part of the address of record.
    pub user: String,
    /// User name of the digest.
    pub auth_user: String,
    /// Its password.
    #[serde(serialize_with = "hidden")]
    pub password: Pii<String>,
    /// The realm that it is for.
    pub realm: String,
}

/// Where the called number is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CalledIn {
    /// The Request-URI.
    RequestUri,
    /// To.
    To,
    /// P-Called-Party-ID (RFC 7315).
    PCalledPartyId,
    /// The topmost Diversion (RFC 5806).
    Diversion,
    /// The entries of History-Info (RFC 7044), the last first.
    HistoryInfo,
}

/// How our number is told to a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityIn {
    /// In From.
    From,
    /// In P-Asserted-Identity (RFC 3325).
    PAssertedIdentity,
    /// In P-Preferred-Identity.
    PPreferredIdentity,
}

/// How numbers are written for a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NumberForm {
    /// `+8613800138000`.
    Plus,
    /// `8613800138000`.
    Bare,
    /// `13800138000`, foreign ones behind the international prefix.
    National,
    /// `013800138000`.
    Prefixed,
}

/// A codec of a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrunkCodec {
    /// G.711 A-law.
    Pcma,
    /// G.711 mu-law.
    Pcmu,
}

/// How keys come from a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dtmf {
    /// Telephone-events, and SIP INFO.
    Rfc4733,
    /// SIP INFO alone: telephone-events are not offered.
    Info,
    /// As tones in the audio: telephone-events are not offered.
    Inband,
}

/// How numbers are written; see [`hotline_types::Numbering`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Numbering {
    /// Country code.
    pub country_code: String,
    /// Before an area code.
    pub trunk_prefix: String,
    /// Before a country code.
    pub international_prefix: String,
    /// Our area; empty: none.
    pub area_code: String,
    /// Digits of a national number, fewest and most.
    pub national_digits: (usize, usize),
    /// Digits of a short number, most.
    pub short_digits: usize,
}

impl Numbering {
    /// The plan that brings numbers into their one form.
    #[must_use]
    pub fn plan(&self) -> hotline_types::Numbering {
        hotline_types::Numbering {
            country_code: self.country_code.clone(),
            trunk_prefix: self.trunk_prefix.clone(),
            international_prefix: self.international_prefix.clone(),
            area_code: self.area_code.clone(),
            national_digits: self.national_digits,
            short_digits: self.short_digits,
        }
    }
}

/// Calls to outside numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outside {
    /// Our number shown; one of the hotline's. None only without destinations.
    pub caller: Option<String>,
    /// Calls at once.
    pub calls_max: usize,
    /// Lines left free for callers; fewer than there are.
    pub kept_for_callers: usize,
    /// How long the called phone may ring.
    #[serde(serialize_with = "as_text")]
    pub ring: Duration,
    /// Emergency numbers.
    pub emergency_numbers: Vec<String>,
    /// Whether they are dialled.
    pub emergency_allowed: bool,
    /// Where calls may go; the first that fits decides.
    pub destinations: Vec<Destination>,
}

/// Outside numbers with one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Destination {
    /// Name.
    pub slug: String,
    /// Patterns; at least one.
    pub numbers: Vec<String>,
    /// Whether they may be called.
    pub allow: bool,
    /// Trunks for them, each with a gateway; empty: all such.
    pub trunks: Vec<TrunkSlug>,
    /// Calls at once.
    pub calls_max: usize,
    /// Calls within an hour.
    pub calls_per_hour: usize,
}

fn hidden<S: Serializer>(_secret: &Pii<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("***")
}
