//! Media as machines: SDP and offer/answer, RTP, codecs, DTMF, playout. No socket, no clock.

mod api;
pub mod tap;

pub use api::*;
