//! How a leg's packets travel: as they are, or as SRTP (design.md, Media: a leg's transport is an enum).

use hotline_media::srtp::{GROWTH_MAX, Srtp, SrtpAgreed, SrtpRefusal};

use super::counters::MediaCounters;
use super::worker::DATAGRAM_BYTES;

/// Room for a protected packet.
pub(super) type Protected = [u8; DATAGRAM_BYTES + GROWTH_MAX];

/// The transport of one leg.
#[derive(Debug, Default)]
pub(super) enum Transport {
    /// RTP and RTCP in clear.
    #[default]
    Plain,
    /// Both protected.
    Srtp(Box<Srtp>),
}

impl Transport {
    /// Follows what was agreed. A direction whose key stays goes on where it was.
    pub(super) fn agree(&mut self, agreed: Option<&SrtpAgreed>) {
        match (&mut *self, agreed) {
            (_, None) => *self = Self::Plain,
            (Self::Plain, Some(agreed)) => *self = Self::Srtp(Box::new(Srtp::new(agreed))),
            (Self::Srtp(srtp), Some(agreed)) => srtp.rekey(agreed),
        }
    }

    /// The plain RTP packet; none where it is refused, which is counted and changes nothing else.
    pub(super) fn open<'a>(
        &mut self,
        packet: &'a mut [u8],
        counters: &mut MediaCounters,
    ) -> Option<&'a mut [u8]> {
        match self {
            Self::Plain => Some(packet),
            Self::Srtp(srtp) => {
                let opened = srtp.open(packet);
                plain(packet, opened, counters)
            }
        }
    }

    /// The plain RTCP packet; none where it is refused, which is counted and changes nothing else.
    pub(super) fn open_rtcp<'a>(
        &mut self,
        packet: &'a mut [u8],
        counters: &mut MediaCounters,
    ) -> Option<&'a mut [u8]> {
        match self {
            Self::Plain => Some(packet),
            Self::Srtp(srtp) => {
                let opened = srtp.open_rtcp(packet);
                plain(packet, opened, counters)
            }
        }
    }

    /// Hands the packet to `send` as it goes over the wire; false where it must not go, or did not.
    pub(super) fn seal(&mut self, packet: &[u8], send: impl FnOnce(&[u8]) -> bool) -> bool {
        match self {
            Self::Plain => send(packet),
            Self::Srtp(srtp) => {
                let mut room: Protected = [0; _];
                let length = srtp.protect(packet, &mut room);
                length.and_then(|length| room.get(..length)).is_some_and(send)
            }
        }
    }

    /// As [`Self::seal`], for RTCP.
    pub(super) fn seal_rtcp(&mut self, packet: &[u8], send: impl FnOnce(&[u8]) -> bool) -> bool {
        match self {
            Self::Plain => send(packet),
            Self::Srtp(srtp) => {
                let mut room: Protected = [0; _];
                let length = srtp.protect_rtcp(packet, &mut room);
                length.and_then(|length| room.get(..length)).is_some_and(send)
            }
        }
    }
}

fn plain<'a>(
    packet: &'a mut [u8],
    opened: Result<usize, SrtpRefusal>,
    counters: &mut MediaCounters,
) -> Option<&'a mut [u8]> {
    match opened {
        Ok(length) => return packet.get_mut(..length),
        Err(SrtpRefusal::Replayed) => counters.srtp_replayed += 1,
        Err(SrtpRefusal::Forged | SrtpRefusal::Malformed) => counters.srtp_forged += 1,
    }
    None
}
