//! Media as machines: SDP and offer/answer, RTP, codecs, DTMF, playout. No socket, no clock.

mod api;
pub mod dtmf;
pub mod g711;
pub mod inband;
pub mod leg;
mod library;
mod negotiate;
mod playout;
mod quality;
pub mod rtcp;
pub mod rtp;
mod sdes;
mod sdp;
mod source;
pub mod srtp;
pub mod stats;
pub mod tap;

pub use api::*;
pub use library::Library;
pub use negotiate::{LocalMedia, LocalSrtp, NegotiateError, offer, read_answer};
pub use playout::{Played, Playout};
pub use quality::{Heard, Mos, Quality};
pub use sdes::OwnKeys;
pub use sdp::{Offer, SdpError};
pub use source::{Judgement, SourceChoice};
