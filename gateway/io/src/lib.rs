//! The shell that moves bytes: SIP transports and RTP media threads, and the one reader of the clocks.

pub mod clock;
pub mod media;
pub mod sip;
