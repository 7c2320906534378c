//! The media side of one leg: its ports, what was agreed, and its SDP versions.

use std::net::{IpAddr, SocketAddr};

use hotline_media::{
    Codec, Direction, LocalMedia, LocalSrtp, MediaCommand, NegotiateError, Negotiated, Offer, OwnKeys,
    PeerTrust, SrtpPolicy,
};
use hotline_sip::{Command, ReleaseReason};
use hotline_types::LegId;

use crate::api::MediaFace;
use crate::call::{Action, Cx, hears_peer};
use crate::lines::Keys;

/// Our codecs in the order of preference where the peer leaves the choice to us.
const CODECS: [Codec; 2] = [Codec::Pcma, Codec::Pcmu];

/// One leg's media.
#[derive(Debug)]
pub(crate) struct LegMedia {
    pub(crate) leg: LegId,
    face: MediaFace,
    /// Our RTP port, once there is one.
    port: Option<u16>,
    /// Source of the peer's signalling, once known.
    peer: Option<IpAddr>,
    pub(crate) negotiated: Option<Negotiated>,
    codecs: Vec<Codec>,
    srtp: Option<LocalSrtp>,
    /// How keys come.
    keys: Keys,
    version: u64,
    /// Whether a SIP leg still stands behind it.
    signalling: bool,
}

impl LegMedia {
    /// A leg whose ports were asked for.
    pub(crate) fn open(cx: &mut Cx<'_>, leg: LegId, face: MediaFace, affinity: u64) -> Self {
        cx.act(Action::OwnLeg(leg));
        cx.media(MediaCommand::Open {
            leg,
            interface: face.interface,
            affinity,
        });
        Self {
            leg,
            face,
            port: None,
            peer: None,
            negotiated: None,
            codecs: CODECS.to_vec(),
            srtp: None,
            keys: Keys::Events,
            version: 0,
            signalling: true,
        }
    }

    /// With SRTP as the rule for its peer says; our keys are those of the leg for its life.
    pub(crate) fn secured(mut self, cx: &mut Cx<'_>, policy: SrtpPolicy) -> Self {
        self.srtp = (policy != SrtpPolicy::Off).then(|| LocalSrtp {
            mandatory: policy == SrtpPolicy::Mandatory,
            keys: OwnKeys::random(cx.rng),
        });
        self
    }

    /// Puts this codec first, so that the two legs of a call agree without transcoding.
    pub(crate) fn prefer(&mut self, codec: Codec) {
        self.codecs.sort_by_key(|own| *own != codec);
    }

    /// Speaks what the trunk is configured to speak, best first.
    pub(crate) fn limit(&mut self, codecs: &[Codec], keys: Keys) {
        self.codecs = codecs.to_vec();
        self.keys = keys;
    }

    pub(crate) const fn opened(&mut self, port: u16) {
        self.port = Some(port);
    }

    pub(crate) const fn set_peer(&mut self, peer: IpAddr) {
        self.peer = Some(peer);
    }

    pub(crate) const fn signalling_gone(&mut self) {
        self.signalling = false;
    }

    /// What we say of ourselves; each call is a new version of our SDP (RFC 3264 §8).
    fn local(&mut self, direction: Direction) -> LocalMedia {
        self.version += 1;
        LocalMedia {
            rtp: SocketAddr::new(self.face.advertised, self.port.unwrap_or(0)),
            origin_id: self.leg.0 + 1,
            version: self.version,
            codecs: self.codecs.clone(),
            prefer: false,
            dtmf: self.keys == Keys::Events,
            direction,
            srtp: self.srtp,
        }
    }

    /// Answers an offer and connects the media to it.
    pub(crate) fn answer(&mut self, cx: &mut Cx<'_>, offer: &Offer) -> Result<Vec<u8>, NegotiateError> {
        let local = self.local(Direction::SendRecv);
        let (sdp, negotiated) = offer.answer(&local)?;
        self.connect(cx, negotiated);
        Ok(sdp)
    }

    /// Our own offer.
    pub(crate) fn offer(&mut self) -> Vec<u8> {
        let mut local = self.local(Direction::SendRecv);
        let agreed = self.negotiated.as_ref().and_then(|agreed| agreed.srtp.as_ref());
        if let (Some(srtp), Some(agreed)) = (&mut local.srtp, agreed) {
            // A peer that spoke SAVP hears SAVP again.
            srtp.mandatory |= agreed.savp;
        }
        hotline_media::offer(&local)
    }

    /// Takes the answer to our offer; none where it cannot be used (what was agreed before stays).
    pub(crate) fn accept_answer(&mut self, cx: &mut Cx<'_>, sdp: &[u8]) -> Option<Negotiated> {
        let mut local = self.local(Direction::SendRecv);
        local.version -= 1;
        self.version -= 1;
        let negotiated = hotline_media::read_answer(&local, sdp).ok()?;
        self.connect(cx, negotiated.clone());
        Some(negotiated)
    }

    /// Answers a re-INVITE or UPDATE; tells the new direction where an offer was taken.
    pub(crate) fn answer_reoffer(&mut self, cx: &mut Cx<'_>, offer: Option<&[u8]>) -> Option<Direction> {
        let leg = self.leg;
        let Some(bytes) = offer else {
            let sdp = self.offer();
            cx.sip(Command::AnswerReoffer { leg, sdp });
            return None;
        };
        let answered = Offer::read(bytes)
            .ok()
            .and_then(|offer| self.answer(cx, &offer).ok());
        match answered {
            Some(sdp) => {
                cx.sip(Command::AnswerReoffer { leg, sdp });
                self.negotiated.as_ref().map(|negotiated| negotiated.direction)
            }
            None => {
                cx.sip(Command::RejectReoffer { leg, status: 488 });
                None
            }
        }
    }

    fn connect(&mut self, cx: &mut Cx<'_>, mut negotiated: Negotiated) {
        negotiated.inband = self.keys == Keys::Tones;
        let trust = trust(&negotiated, self.peer);
        cx.media(MediaCommand::Connect {
            leg: self.leg,
            negotiated: negotiated.clone(),
            trust,
        });
        self.negotiated = Some(negotiated);
        self.watch(cx);
    }

    /// Watches for a dead peer while it should be heard; a peer on hold may be silent.
    pub(crate) fn watch(&self, cx: &mut Cx<'_>) {
        let heard = self.negotiated.as_ref().is_some_and(hears_peer);
        let silence = heard.then_some(cx.config.media_silence);
        cx.media(MediaCommand::Watch {
            leg: self.leg,
            silence,
        });
    }

    /// Asks the peer whether it lives, with an offer that changes nothing.
    pub(crate) fn probe(&mut self, cx: &mut Cx<'_>) {
        let sdp = self.offer();
        cx.sip(Command::Reoffer { leg: self.leg, sdp });
    }

    /// Frees ports and SIP leg.
    pub(crate) fn release(&mut self, cx: &mut Cx<'_>, reason: ReleaseReason) {
        cx.media(MediaCommand::Close { leg: self.leg });
        if self.signalling {
            self.signalling = false;
            cx.sip(Command::Release {
                leg: self.leg,
                reason,
            });
        }
        cx.act(Action::DropLeg(self.leg));
    }
}

/// How far the peer's packets are believed: symmetric from where it signals; where its SDP names a private
/// address that it does not signal from, it is behind a NAT (design.md section 7).
fn trust(negotiated: &Negotiated, peer: Option<IpAddr>) -> PeerTrust {
    let said = negotiated.rtp.ip();
    match peer {
        None => PeerTrust::Strict,
        Some(peer) if peer != said && is_private(said) => PeerTrust::Nat(peer),
        Some(peer) => PeerTrust::Symmetric(peer),
    }
}

const fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local() || ip.is_loopback() || ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_loopback() || ip.is_unspecified(),
    }
}
