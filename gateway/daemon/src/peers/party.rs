//! One side of one call: what its phone describes, and its audio.

use std::net::SocketAddr;

use hotline_media::{
    Codec, Direction, LocalMedia, NegotiateError, Negotiated, Offer, SdpError, offer, read_answer,
};

use super::audio::{AudioPort, Heard};

/// Why a party cannot speak with the other side.
#[derive(Debug, thiserror::Error)]
pub enum PartyError {
    /// The other side's description cannot be read.
    #[error("unreadable description: {0}")]
    Sdp(#[from] SdpError),
    /// Nothing in common.
    #[error("no agreement: {0}")]
    Negotiate(#[from] NegotiateError),
}

/// One side of one call.
#[derive(Debug)]
pub struct Party {
    local: LocalMedia,
    port: AudioPort,
    tone_hz: u32,
}

impl Party {
    /// A party with a port for its audio, that sends a tone (0: nothing but keys).
    #[must_use]
    pub fn new(port: AudioPort, id: u64, codecs: Vec<Codec>, tone_hz: u32) -> Self {
        Self {
            local: local(port.local, id, codecs),
            port,
            tone_hz,
        }
    }

    /// Its offer.
    #[must_use]
    pub fn offer(&self) -> Vec<u8> {
        offer(&self.local)
    }

    /// The answer to its offer came: it begins to speak.
    ///
    /// # Errors
    /// Where the answer does not fit the offer.
    pub fn answered(&mut self, answer: &[u8]) -> Result<(), PartyError> {
        let negotiated = read_answer(&self.local, answer)?;
        self.speak(&negotiated);
        Ok(())
    }

    /// Answers an offer, and begins to speak; without an offer it offers itself.
    ///
    /// # Errors
    /// Where the offer cannot be agreed to.
    pub fn answer(&mut self, offer: Option<&[u8]>) -> Result<Vec<u8>, PartyError> {
        let Some(offer) = offer else {
            return Ok(self.offer());
        };
        let (answer, negotiated) = Offer::read(offer)?.answer(&self.local)?;
        self.speak(&negotiated);
        Ok(answer)
    }

    /// Presses a key by RFC 4733.
    pub fn press(&self, key: char) {
        self.port.press(key);
    }

    /// What was heard so far.
    #[must_use]
    pub fn heard(&self) -> Heard {
        self.port.heard()
    }

    fn speak(&self, negotiated: &Negotiated) {
        self.port.connect(negotiated, self.tone_hz);
    }
}

fn local(rtp: SocketAddr, origin_id: u64, codecs: Vec<Codec>) -> LocalMedia {
    LocalMedia {
        rtp,
        origin_id,
        version: 1,
        codecs,
        prefer: false,
        dtmf: true,
        direction: Direction::SendRecv,
        srtp: None,
    }
}
