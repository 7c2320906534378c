//! How a leg's packets travel: as they are, or as SRTP (design.md, Media: a leg's transport is an enum).

use hotline_media::srtp::{GROWTH_MAX, Srtp, SrtpAgreed, SrtpRefusal};

use super::counters::MediaCounters;
use super::worker::DATAGRAM_BYTES;

/// What a packet is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Rtp,
    Rtcp,
}

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

    /// The plain packet; none where it is refused, which is counted and changes nothing else.
    pub(super) fn open<'a>(
        &mut self,
        kind: Kind,
        packet: &'a mut [u8],
        counters: &mut MediaCounters,
    ) -> Option<&'a mut [u8]> {
        let Self::Srtp(srtp) = self else {
            return Some(packet);
        };
        let opened = match kind {
            Kind::Rtp => srtp.open(packet),
            Kind::Rtcp => srtp.open_rtcp(packet),
        };
        match opened {
            Ok(length) => return packet.get_mut(..length),
            Err(SrtpRefusal::Replayed) => counters.srtp_replayed += 1,
            Err(SrtpRefusal::Forged | SrtpRefusal::Malformed) => counters.srtp_forged += 1,
        }
        None
    }

    /// Hands the packet to `send` as it goes over the wire; false where it must not go, or did not.
    pub(super) fn seal(&mut self, kind: Kind, packet: &[u8], send: impl FnOnce(&[u8]) -> bool) -> bool {
        let Self::Srtp(srtp) = self else {
            return send(packet);
        };
        let mut room = [0; DATAGRAM_BYTES + GROWTH_MAX];
        let length = match kind {
            Kind::Rtp => srtp.protect(packet, &mut room),
            Kind::Rtcp => srtp.protect_rtcp(packet, &mut room),
        };
        length.and_then(|length| room.get(..length)).is_some_and(send)
    }
}
