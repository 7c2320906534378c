//! SDP read (RFC 8866): what we need of a description, with bounds; the text itself is read by `sdp-types`.

use std::net::{IpAddr, SocketAddr};

use sdp_types::{Connection, Media, Session};
use thiserror::Error;

use crate::sdes::{CRYPTO_LINES_MAX, Crypto};
use crate::{Codec, Direction};

/// Bytes of a description that we read at most.
pub const SDP_BYTES_MAX: usize = 16 * 1024;
/// Media lines that we read at most.
pub const MEDIA_LINES_MAX: usize = 16;
/// Formats of a media line that we look at; the rest is not offered, as far as we are concerned.
const FORMATS_MAX: usize = 64;

/// Why a body is not a description: the request is bad (400), not merely unacceptable.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SdpError {
    /// Longer than [`SDP_BYTES_MAX`].
    #[error("the SDP has more than {SDP_BYTES_MAX} bytes")]
    TooLong,
    /// More media lines than [`MEDIA_LINES_MAX`].
    #[error("the SDP has more than {MEDIA_LINES_MAX} media lines")]
    TooManyMedia,
    /// The text is not SDP.
    #[error("the SDP cannot be read: {0}")]
    Malformed(String),
}

/// A peer's description, as an offer or as an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub(crate) lines: Vec<Line>,
}

/// A media line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) media: String,
    pub(crate) proto: String,
    pub(crate) formats_text: String,
    pub(crate) port: u16,
    pub(crate) address: Address,
    pub(crate) rtcp: Option<(u16, Option<IpAddr>)>,
    /// Ours, as the mirror of what the peer said.
    pub(crate) direction: Direction,
    pub(crate) formats: Vec<Format>,
    pub(crate) ptime: Option<u8>,
    pub(crate) maxptime: Option<u8>,
    /// The `a=crypto` lines that we can use, in the peer's order.
    pub(crate) crypto: Vec<Crypto>,
}

/// What a `c=` line names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// There is none.
    Missing,
    /// A unicast address, or the unspecified one (hold in the style of RFC 2543).
    Ip(IpAddr),
    /// A host name: looking it up would let a caller make us ask for any name.
    Name,
    /// A group or a broadcast.
    Group,
}

/// A format of a media line that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    pub(crate) payload_type: u8,
    pub(crate) kind: FormatKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FormatKind {
    Audio(Codec),
    Event,
}

impl Offer {
    /// Reads a body of `application/sdp`.
    pub fn read(bytes: &[u8]) -> Result<Self, SdpError> {
        if bytes.len() > SDP_BYTES_MAX {
            return Err(SdpError::TooLong);
        }
        let description = Session::parse(bytes).map_err(|error| SdpError::Malformed(error.to_string()))?;
        if description.medias.len() > MEDIA_LINES_MAX {
            return Err(SdpError::TooManyMedia);
        }
        let lines = description
            .medias
            .iter()
            .map(|media| line(&description, media))
            .collect();
        Ok(Self { lines })
    }

    /// What we may do under it: the mirror of the first audio line's direction; inactive where it has none.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.audio().map_or(Direction::Inactive, Line::ours)
    }

    /// Whether the peer puts us on hold: it does not want to hear us, by `a=sendonly`, `a=inactive` or `c=0.0.0.0`.
    #[must_use]
    pub fn is_hold(&self) -> bool {
        self.audio()
            .is_some_and(|line| matches!(line.ours(), Direction::RecvOnly | Direction::Inactive))
    }

    /// The address of the first audio line, to see whether it is private; none where it is no address.
    #[must_use]
    pub fn connection(&self) -> Option<IpAddr> {
        match self.audio()?.address {
            Address::Ip(ip) => Some(ip),
            Address::Missing | Address::Name | Address::Group => None,
        }
    }

    /// The codecs that the peer names on its first audio line, in its order.
    #[must_use]
    pub fn codecs(&self) -> Vec<Codec> {
        self.audio()
            .map_or_else(Vec::new, |line| line.codecs().map(|(_, codec)| codec).collect())
    }

    fn audio(&self) -> Option<&Line> {
        self.lines.iter().find(|line| line.is_audio() && line.port != 0)
    }
}

impl Line {
    pub(crate) fn is_audio(&self) -> bool {
        self.media.eq_ignore_ascii_case("audio")
    }

    /// Plain RTP; feedback (RFC 4585) may be offered and is not used.
    pub(crate) fn is_plain_rtp(&self) -> bool {
        self.proto.eq_ignore_ascii_case("RTP/AVP") || self.proto.eq_ignore_ascii_case("RTP/AVPF")
    }

    /// SRTP whose keys stand in the SDP; keys by DTLS are another transport.
    pub(crate) fn is_savp(&self) -> bool {
        self.proto.eq_ignore_ascii_case("RTP/SAVP") || self.proto.eq_ignore_ascii_case("RTP/SAVPF")
    }

    pub(crate) fn codecs(&self) -> impl Iterator<Item = (u8, Codec)> {
        self.formats.iter().filter_map(|format| match format.kind {
            FormatKind::Audio(codec) => Some((format.payload_type, codec)),
            FormatKind::Event => None,
        })
    }

    pub(crate) fn event(&self) -> Option<u8> {
        let event = self
            .formats
            .iter()
            .find(|format| format.kind == FormatKind::Event);
        event.map(|format| format.payload_type)
    }

    /// Our direction, with the unspecified address as a wish not to hear us.
    pub(crate) fn ours(&self) -> Direction {
        match self.address {
            Address::Ip(ip) if ip.is_unspecified() => without_sending(self.direction),
            _ => self.direction,
        }
    }

    /// Where the peer wants RTCP: `a=rtcp` (RFC 3605), else one port above.
    pub(crate) fn rtcp_at(&self, ip: IpAddr) -> SocketAddr {
        let above = self.port.checked_add(1).unwrap_or(self.port);
        let (port, at) = self.rtcp.unwrap_or((above, None));
        SocketAddr::new(at.unwrap_or(ip), port)
    }
}

const fn without_sending(direction: Direction) -> Direction {
    match direction {
        Direction::SendRecv | Direction::RecvOnly => Direction::RecvOnly,
        Direction::SendOnly | Direction::Inactive => Direction::Inactive,
    }
}

fn line(description: &Session, media: &Media) -> Line {
    let connection = media.connections.first().or(description.connection.as_ref());
    let direction = media
        .attributes
        .iter()
        .find_map(|attribute| mirrored(&attribute.attribute))
        .or_else(|| {
            description
                .attributes
                .iter()
                .find_map(|attribute| mirrored(&attribute.attribute))
        });
    Line {
        media: media.media.clone(),
        proto: media.proto.clone(),
        formats_text: media.fmt.clone(),
        port: media.port,
        address: connection.map_or(Address::Missing, address),
        rtcp: value(media, "rtcp").and_then(rtcp),
        direction: direction.unwrap_or(Direction::SendRecv),
        formats: formats(media),
        ptime: value(media, "ptime").and_then(millis),
        maxptime: value(media, "maxptime").and_then(millis),
        crypto: crypto(media),
    }
}

fn crypto(media: &Media) -> Vec<Crypto> {
    let values = media
        .attributes
        .iter()
        .filter(|attribute| attribute.attribute == "crypto")
        .filter_map(|attribute| attribute.value.as_deref());
    values.take(CRYPTO_LINES_MAX).filter_map(Crypto::read).collect()
}

fn value<'a>(media: &'a Media, name: &'a str) -> Option<&'a str> {
    media.get_first_attribute_value(name).flatten()
}

/// The peer's direction as ours (RFC 3264 §6.1).
fn mirrored(attribute: &str) -> Option<Direction> {
    match attribute {
        "sendrecv" => Some(Direction::SendRecv),
        "sendonly" => Some(Direction::RecvOnly),
        "recvonly" => Some(Direction::SendOnly),
        "inactive" => Some(Direction::Inactive),
        _ => None,
    }
}

fn address(connection: &Connection) -> Address {
    match connection.try_address().map(|address| address.ip) {
        Ok(ip) if ip.is_multicast() || ip == IpAddr::V4(std::net::Ipv4Addr::BROADCAST) => Address::Group,
        Ok(ip) => Address::Ip(ip.to_canonical()),
        Err(_) => Address::Name,
    }
}

/// `port [nettype addrtype address]`.
fn rtcp(value: &str) -> Option<(u16, Option<IpAddr>)> {
    let mut words = value.split_ascii_whitespace();
    let port = words.next()?.parse().ok().filter(|&port| port != 0)?;
    let ip = words.nth(2).and_then(|word| word.parse::<IpAddr>().ok());
    Some((port, ip.filter(|ip| !ip.is_multicast() && !ip.is_unspecified())))
}

/// Whole milliseconds; `20`, and `20.0` as some phones write it.
fn millis(value: &str) -> Option<u8> {
    value.trim().split('.').next()?.parse().ok()
}

fn formats(media: &Media) -> Vec<Format> {
    let types = media.fmt.split_ascii_whitespace().take(FORMATS_MAX);
    types
        .filter_map(|text| text.parse::<u8>().ok())
        .filter(|&payload_type| payload_type < 128)
        .filter_map(|payload_type| format_kind(media, payload_type).map(|kind| Format { payload_type, kind }))
        .collect()
}

/// What a payload type stands for: its `a=rtpmap`, else the static types of RFC 3551.
fn format_kind(media: &Media, payload_type: u8) -> Option<FormatKind> {
    let maps = media
        .attributes
        .iter()
        .filter(|attribute| attribute.attribute == "rtpmap");
    let mapped = maps
        .filter_map(|attribute| attribute.value.as_deref()?.trim().split_once(' '))
        .find(|(number, _)| number.parse() == Ok(payload_type));
    let Some((_, encoding)) = mapped else {
        return match payload_type {
            0 => Some(FormatKind::Audio(Codec::Pcmu)),
            8 => Some(FormatKind::Audio(Codec::Pcma)),
            _ => None,
        };
    };
    let mut parts = encoding.trim().split('/');
    let (name, rate, channels) = (parts.next()?, parts.next()?, parts.next().unwrap_or("1"));
    if rate != "8000" || channels != "1" {
        return None;
    }
    match name {
        name if name.eq_ignore_ascii_case("PCMU") => Some(FormatKind::Audio(Codec::Pcmu)),
        name if name.eq_ignore_ascii_case("PCMA") => Some(FormatKind::Audio(Codec::Pcma)),
        name if name.eq_ignore_ascii_case("telephone-event") => Some(FormatKind::Event),
        _ => None,
    }
}
