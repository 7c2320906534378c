//! Offer and answer (RFC 3264) for one audio stream of G.711 with telephone-events, plain or with keys (RFC 4568).

use std::net::SocketAddr;

use sdp_types::{Attribute, Connection, Media, Origin, Session, Time};
use thiserror::Error;

use crate::sdes::{Crypto, OwnKeys};
use crate::sdp::{Address, Line};
use crate::srtp::{SrtpAgreed, Suite};
use crate::{Codec, Direction, Negotiated, Offer, SdpError};

/// Payload type of telephone-event in our offers.
const EVENT_PAYLOAD_TYPE: u8 = 101;
/// Packet time that we offer and fall back on, milliseconds.
const PTIME_MS: u8 = 20;
/// Packet times that we send, milliseconds.
const PTIMES_MS: [u8; 5] = [10, 20, 30, 40, 60];

/// Our side of one leg's description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalMedia {
    /// Our RTP address as the peer shall see it.
    pub rtp: SocketAddr,
    /// Id of the `o=` line: the same for the life of the leg.
    pub origin_id: u64,
    /// Version of the `o=` line: one more with each description that differs.
    pub version: u64,
    /// Codecs that we take, best first.
    pub codecs: Vec<Codec>,
    /// Whether our order of codecs beats the offer's.
    pub prefer: bool,
    /// Whether we take telephone-events.
    pub dtmf: bool,
    /// What we want to do at most.
    pub direction: Direction,
    /// SRTP towards this peer; none: plain RTP only.
    pub srtp: Option<LocalSrtp>,
}

/// What we say of SRTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalSrtp {
    /// Whether plain RTP is refused. Our offers are then `RTP/SAVP`; else `RTP/AVP` with keys, which a peer without
    /// SRTP answers plainly (RFC 8643).
    pub mandatory: bool,
    /// Our keys.
    pub keys: OwnKeys,
}

/// Why a readable description cannot be agreed to: 488, and the dialog lives on if there is one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NegotiateError {
    /// No audio line with a port.
    #[error("no audio is offered")]
    NoAudio,
    /// Audio, but not in a codec of ours.
    #[error("no codec in common: only G.711 A-law and mu-law at 8 kHz are spoken")]
    NoCommonCodec,
    /// Audio only over a transport that we do not speak.
    #[error("the audio is offered only over {0}, which is not spoken with this peer")]
    Transport(String),
    /// SRTP without a usable key.
    #[error("no usable a=crypto line: AES_CM_128_HMAC_SHA1_80 or _32 with one inline key is spoken")]
    NoKey,
    /// Plain RTP where SRTP is mandatory.
    #[error("the audio is offered in clear, and SRTP is mandatory with this peer")]
    Clear,
    /// No usable address: none, a host name or a group.
    #[error("the audio has no usable address: {0}")]
    NoAddress(&'static str),
    /// The answer cannot be read.
    #[error(transparent)]
    Sdp(#[from] SdpError),
}

impl NegotiateError {
    /// The SIP status that tells a peer: 400 for a body that is no description, 488 for one we cannot agree to.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Sdp(_) => 400,
            Self::NoAudio
            | Self::NoCommonCodec
            | Self::Transport(_)
            | Self::NoKey
            | Self::Clear
            | Self::NoAddress(_) => 488,
        }
    }
}

impl Offer {
    /// Answers it: the body, and what is agreed. The first audio line with a codec in common is taken, the others
    /// are refused by port 0 (RFC 3264 §6). A line with keys is taken before one in clear.
    pub fn answer(&self, local: &LocalMedia) -> Result<(Vec<u8>, Negotiated), NegotiateError> {
        let secured = local.srtp.and_then(|_| {
            self.agree(local, local.prefer, |line| !line.crypto.is_empty())
                .ok()
        });
        let (taken, negotiated) = match secured {
            Some(agreed) => agreed,
            None => self.agree(local, local.prefer, |_| true)?,
        };
        let mut description = description(local);
        for (at, line) in self.lines.iter().enumerate() {
            let media = if at == taken {
                let crypto = line.crypto.first().zip(negotiated.srtp.as_deref());
                let crypto = crypto.map(|(theirs, agreed)| Crypto {
                    key: agreed.own,
                    ..*theirs
                });
                let formats = negotiated_formats(&negotiated);
                ours(
                    line.proto.clone(),
                    local,
                    &formats,
                    &negotiated,
                    crypto.as_slice(),
                )
            } else {
                refused(line)
            };
            description.add_media(media);
        }
        Ok((text(&description), negotiated))
    }

    fn agree(
        &self,
        local: &LocalMedia,
        prefer: bool,
        fits: fn(&Line) -> bool,
    ) -> Result<(usize, Negotiated), NegotiateError> {
        let mut error = NegotiateError::NoAudio;
        for (at, line) in self.lines.iter().enumerate() {
            if !line.is_audio() || line.port == 0 || !fits(line) {
                continue;
            }
            match agree_line(line, local, prefer) {
                Ok(negotiated) => return Ok((at, negotiated)),
                Err(refusal) if error == NegotiateError::NoAudio => error = refusal,
                Err(_) => {}
            }
        }
        Err(error)
    }
}

/// Our offer: all codecs of `local`, telephone-event, 20 ms.
#[must_use]
pub fn offer(local: &LocalMedia) -> Vec<u8> {
    let mut formats: Vec<(u8, &'static str)> = local
        .codecs
        .iter()
        .map(|&codec| (static_type(codec), name(codec)))
        .collect();
    if local.dtmf {
        formats.push((EVENT_PAYLOAD_TYPE, "telephone-event"));
    }
    let negotiated = Negotiated {
        rtp: local.rtp,
        rtcp: local.rtp,
        codec: Codec::Pcma,
        payload_type: 8,
        dtmf: None,
        inband: false,
        ptime_ms: PTIME_MS,
        direction: local.direction,
        srtp: None,
    };
    let crypto = local.srtp.map_or_else(Vec::new, |srtp| offered_keys(&srtp.keys));
    let proto = match local.srtp {
        Some(LocalSrtp { mandatory: true, .. }) => "RTP/SAVP",
        _ => "RTP/AVP",
    };
    let mut description = description(local);
    description.add_media(ours(proto.to_owned(), local, &formats, &negotiated, &crypto));
    text(&description)
}

/// The keys of our offers: the tag is the suite's place.
fn offered_keys(keys: &OwnKeys) -> Vec<Crypto> {
    (1..)
        .zip(Suite::ALL)
        .map(|(tag, suite)| Crypto {
            tag,
            suite,
            key: keys.of(suite),
        })
        .collect()
}

/// Reads the answer to the offer that [`offer`] made of `local`.
pub fn read_answer(local: &LocalMedia, bytes: &[u8]) -> Result<Negotiated, NegotiateError> {
    let answer = Offer::read(bytes)?;
    // The answerer's order counts now: the first codec is the one it wants to hear.
    let (at, negotiated) = answer.agree(local, false, |_| true)?;
    if let (Some(srtp), Some(line)) = (&local.srtp, answer.lines.get(at)) {
        let ours = offered_keys(&srtp.keys);
        let known = |theirs: &Crypto| {
            ours.iter()
                .any(|ours| (ours.tag, ours.suite) == (theirs.tag, theirs.suite))
        };
        if !line.crypto.first().is_none_or(known) {
            return Err(NegotiateError::NoKey);
        }
    }
    Ok(negotiated)
}

/// The keys that a line and our rule agree on; none for plain RTP.
fn agree_keys(line: &Line, local: &LocalMedia) -> Result<Option<Box<SrtpAgreed>>, NegotiateError> {
    let savp = line.is_savp();
    if !savp && !line.is_plain_rtp() {
        return Err(NegotiateError::Transport(line.proto.clone()));
    }
    let Some(srtp) = &local.srtp else {
        return if savp {
            Err(NegotiateError::Transport(line.proto.clone()))
        } else {
            Ok(None)
        };
    };
    match line.crypto.first() {
        Some(theirs) => Ok(Some(Box::new(SrtpAgreed {
            suite: theirs.suite,
            own: srtp.keys.of(theirs.suite),
            peer: theirs.key,
            savp,
        }))),
        None if savp => Err(NegotiateError::NoKey),
        None if srtp.mandatory => Err(NegotiateError::Clear),
        None => Ok(None),
    }
}

fn agree_line(line: &Line, local: &LocalMedia, prefer: bool) -> Result<Negotiated, NegotiateError> {
    let srtp = agree_keys(line, local)?;
    let (payload_type, codec) = choose(line, local, prefer).ok_or(NegotiateError::NoCommonCodec)?;
    let ip = match line.address {
        Address::Ip(ip) => ip,
        Address::Missing => return Err(NegotiateError::NoAddress("there is no c= line")),
        Address::Name => return Err(NegotiateError::NoAddress("the c= line holds no IP address")),
        Address::Group => return Err(NegotiateError::NoAddress("the c= line holds a group address")),
    };
    Ok(Negotiated {
        rtp: SocketAddr::new(ip, line.port),
        rtcp: line.rtcp_at(ip),
        codec,
        payload_type,
        dtmf: line.event().filter(|_| local.dtmf),
        inband: false,
        ptime_ms: ptime(line.ptime, line.maxptime),
        direction: both(line.ours(), local.direction),
        srtp,
    })
}

fn choose(line: &Line, local: &LocalMedia, prefer: bool) -> Option<(u8, Codec)> {
    if prefer {
        return local
            .codecs
            .iter()
            .find_map(|&codec| line.codecs().find(|&(_, offered)| offered == codec));
    }
    line.codecs().find(|(_, codec)| local.codecs.contains(codec))
}

/// The packet time to send: the peer's wish where it is one of ours, never above its maximum.
fn ptime(wish: Option<u8>, max: Option<u8>) -> u8 {
    let wish = wish.filter(|wish| PTIMES_MS.contains(wish)).unwrap_or(PTIME_MS);
    let max = max.filter(|&max| max >= PTIMES_MS[0]).unwrap_or(u8::MAX);
    if wish <= max {
        return wish;
    }
    PTIMES_MS
        .into_iter()
        .rev()
        .find(|&ptime| ptime <= max)
        .unwrap_or(PTIME_MS)
}

/// What both allow.
const fn both(one: Direction, other: Direction) -> Direction {
    match (sends(one) && sends(other), receives(one) && receives(other)) {
        (true, true) => Direction::SendRecv,
        (true, false) => Direction::SendOnly,
        (false, true) => Direction::RecvOnly,
        (false, false) => Direction::Inactive,
    }
}

/// Whether we send.
pub(crate) const fn sends(direction: Direction) -> bool {
    matches!(direction, Direction::SendRecv | Direction::SendOnly)
}

/// Whether we receive.
pub(crate) const fn receives(direction: Direction) -> bool {
    matches!(direction, Direction::SendRecv | Direction::RecvOnly)
}

const fn static_type(codec: Codec) -> u8 {
    match codec {
        Codec::Pcmu => 0,
        Codec::Pcma => 8,
    }
}

const fn name(codec: Codec) -> &'static str {
    match codec {
        Codec::Pcmu => "PCMU",
        Codec::Pcma => "PCMA",
    }
}

fn negotiated_formats(negotiated: &Negotiated) -> Vec<(u8, &'static str)> {
    let mut formats = vec![(negotiated.payload_type, name(negotiated.codec))];
    formats.extend(
        negotiated
            .dtmf
            .map(|payload_type| (payload_type, "telephone-event")),
    );
    formats
}

fn description(local: &LocalMedia) -> Session {
    let origin = Origin::with_ip_addr(local.origin_id, local.version, local.rtp.ip());
    let mut description = Session::new(origin, "-");
    description.set_connection(Connection::from_ip_addr(local.rtp.ip()));
    description.times.push(Time::new(0, 0));
    description
}

fn ours(
    proto: String,
    local: &LocalMedia,
    formats: &[(u8, &'static str)],
    negotiated: &Negotiated,
    crypto: &[Crypto],
) -> Media {
    let types: Vec<String> = formats
        .iter()
        .map(|(payload_type, _)| payload_type.to_string())
        .collect();
    let mut attributes: Vec<Attribute> = crypto
        .iter()
        .map(|line| Attribute::with_value("crypto", line.text()))
        .collect();
    for (payload_type, name) in formats {
        attributes.push(Attribute::with_value(
            "rtpmap",
            format!("{payload_type} {name}/8000"),
        ));
        if *name == "telephone-event" {
            attributes.push(Attribute::with_value("fmtp", format!("{payload_type} 0-15")));
        }
    }
    attributes.push(Attribute::with_value("ptime", negotiated.ptime_ms));
    attributes.push(Attribute::new(match negotiated.direction {
        Direction::SendRecv => "sendrecv",
        Direction::SendOnly => "sendonly",
        Direction::RecvOnly => "recvonly",
        Direction::Inactive => "inactive",
    }));
    media(
        "audio".to_owned(),
        local.rtp.port(),
        proto,
        types.join(" "),
        attributes,
    )
}

fn refused(line: &Line) -> Media {
    media(
        line.media.clone(),
        0,
        line.proto.clone(),
        line.formats_text.clone(),
        Vec::new(),
    )
}

fn media(media: String, port: u16, proto: String, fmt: String, attributes: Vec<Attribute>) -> Media {
    Media {
        media,
        port,
        num_ports: None,
        proto,
        fmt,
        media_title: None,
        connections: Vec::new(),
        bandwidths: Vec::new(),
        key: None,
        attributes,
    }
}

fn text(description: &Session) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    // Writing to memory cannot fail; should it, a cut text is refused by the peer, not by a panic here.
    let _written = description.write(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests;
