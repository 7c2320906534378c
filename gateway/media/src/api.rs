//! The contract between the switch and the media threads: commands down, events up.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hotline_types::{ContactId, LegId, Pii, SegmentId, SegmentKind};

/// An audio codec we speak: both G.711 laws at 8 kHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// G.711 mu-law, static payload type 0.
    Pcmu,
    /// G.711 A-law, static payload type 8.
    Pcma,
}

/// Direction of media as seen from us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    SendRecv,
    /// We send only: the peer has us on hold or listens.
    SendOnly,
    /// We receive only.
    RecvOnly,
    /// Neither.
    Inactive,
}

/// Whether a peer is spoken to over SRTP (RFC 3711), with keys in SDP (RFC 4568).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SrtpPolicy {
    /// Plain RTP only.
    #[default]
    Off,
    /// SRTP with who can, plain RTP with the others.
    Optional,
    /// SRTP, or no call.
    Mandatory,
}

/// What an offer and its answer agreed on, for one leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// Where the peer wants RTP.
    pub rtp: SocketAddr,
    /// Where the peer wants RTCP.
    pub rtcp: SocketAddr,
    /// The codec.
    pub codec: Codec,
    /// Payload type of the codec that we send.
    pub payload_type: u8,
    /// Payload type of telephone-event (RFC 4733) at 8 kHz, both ways.
    pub dtmf: Option<u8>,
    /// Keys come as tones in the audio, and are listened for there.
    pub inband: bool,
    /// Packet time that we send, milliseconds: 10, 20, 30, 40 or 60.
    pub ptime_ms: u8,
    /// Direction, ours.
    pub direction: Direction,
    /// Keys of SRTP; none where RTP is plain.
    pub srtp: Option<Box<crate::srtp::SrtpAgreed>>,
}

/// How far a peer's packets are believed (design.md section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerTrust {
    /// Only the address in its SDP.
    Strict,
    /// The address in its SDP, or its signalling source's IP address with any port.
    Symmetric(IpAddr),
    /// As symmetric, and the first good packet decides at once: the SDP is known to be private.
    Nat(IpAddr),
}

/// A clip of the library by its place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClipId(pub u32);

/// Number of one playout, chosen by the switch, so that a late end is not taken for another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlayId(pub u64);

/// What comes after the last clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterPlay {
    /// Silence, and `PlayEnded`.
    Stop,
    /// From the start again, without end (music on hold). A later play begins where the loop stood, see `Play`.
    Loop,
}

/// One recording: what the tap of a call is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingSpec {
    /// The contact.
    pub contact: ContactId,
    /// The talk segment; also the recording's id.
    pub segment: SegmentId,
    /// File, relative to the recordings' folder: `YYYY/MM/DD/CONTACT/SEGMENT.wav`.
    pub path: Arc<str>,
}

/// Something that a recording remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordingMark {
    /// A segment of its contact begins.
    Segment(SegmentKind),
    /// Nothing is recorded until `Resume`; silence fills the time.
    Pause(Arc<str>),
    /// It goes on.
    Resume,
}

/// What a measure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The contact.
    pub contact: ContactId,
    /// The segment.
    pub segment: SegmentId,
    /// Whether it is the caller's leg; else an agent's.
    pub caller: bool,
}

/// What the switch asks of the media plane. Commands about one leg are carried out in order.
#[derive(Clone, Debug)]
pub enum MediaCommand {
    /// Takes a port pair (RTP even, RTCP odd) on `interface`. Answered by `Opened` or `OpenFailed`.
    Open {
        /// The leg.
        leg: LegId,
        /// Local address to bind.
        interface: IpAddr,
        /// Legs with the same affinity live on the same thread: the legs of a call must.
        affinity: u64,
    },
    /// Says where the peer is and what was agreed; again after each new SDP. Re-arms the choice of the source.
    Connect {
        /// The leg.
        leg: LegId,
        /// What was agreed.
        negotiated: Negotiated,
        /// How far the peer is believed.
        trust: PeerTrust,
    },
    /// Plays clips one after the other to the leg, in place of what it heard. Silence of `gap` between two.
    Play {
        /// The leg.
        leg: LegId,
        /// The number that `PlayEnded` will carry.
        play: PlayId,
        /// The clips.
        clips: Vec<ClipId>,
        /// Silence between two clips; multiples of 20 ms.
        gap: Duration,
        /// What comes after the last.
        after: AfterPlay,
    },
    /// Stops playing; no `PlayEnded`.
    StopPlay {
        /// The leg.
        leg: LegId,
    },
    /// Relays between two legs of one thread; both stop playing.
    Bridge {
        /// One.
        caller: LegId,
        /// The other.
        agent: LegId,
    },
    /// Ends the relay of the two legs; neither is closed.
    Unbridge {
        /// Either leg of the bridge.
        leg: LegId,
    },
    /// Begins to record this caller leg: left what it sends, right what the bridged leg sends, or, where there is none,
    /// what is played to it.
    Record {
        /// The caller's leg.
        caller: LegId,
        /// Where to.
        spec: RecordingSpec,
    },
    /// Ends the recording of this caller leg; the recorder then seals the file.
    StopRecord {
        /// The caller's leg.
        caller: LegId,
    },
    /// Marks the recording of this caller leg; a pause pauses it.
    MarkRecording {
        /// The caller's leg.
        caller: LegId,
        /// The mark.
        mark: RecordingMark,
    },
    /// While true nothing is recorded and what the peer sends is not relayed (hold); silence fills the time.
    Hold {
        /// The caller's leg.
        caller: LegId,
        /// On or off.
        held: bool,
    },
    /// What this leg's media is like is measured from now on, and told by `Measured` when the next measure begins, the
    /// bridge ends or the leg closes.
    Measure {
        /// The leg.
        leg: LegId,
        /// What is measured.
        stretch: Stretch,
    },
    /// Watches for `MediaLost`: no RTP and no RTCP for this long while we expect some. None: off.
    Watch {
        /// The leg.
        leg: LegId,
        /// How long.
        silence: Option<Duration>,
    },
    /// Frees the leg and its ports. Answered by `Closed`.
    Close {
        /// The leg.
        leg: LegId,
    },
}

/// Why no ports could be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenFailure {
    /// No free pair in the range.
    NoPorts,
    /// The address cannot be bound.
    Address,
    /// The media thread is at its limit or restarting.
    Unavailable,
}

/// Figures of a leg's life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegStats {
    /// RTP packets taken from the peer.
    pub received: u64,
    /// RTP packets sent to the peer.
    pub sent: u64,
    /// Packets missing in the peer's sequence.
    pub lost: u64,
    /// Packets refused: wrong source, not RTP, unknown payload type.
    pub refused: u64,
    /// Interarrival jitter at the end, in RTP ticks of 125 us (RFC 3550 §6.4.1).
    pub jitter: u32,
}

/// What the media plane tells the switch.
#[derive(Clone, Debug)]
pub enum MediaEvent {
    /// The ports of a leg.
    Opened {
        /// The leg.
        leg: LegId,
        /// Our RTP address; RTCP is one port above.
        rtp: SocketAddr,
    },
    /// No ports for a leg; it does not exist.
    OpenFailed {
        /// The leg.
        leg: LegId,
        /// Why.
        failure: OpenFailure,
    },
    /// A key was pressed (first packet of its telephone-event; once per event).
    Digit {
        /// The leg.
        leg: LegId,
        /// One of `0-9 * # A-D`.
        digit: Pii<char>,
    },
    /// The last clip of a playout was sent.
    PlayEnded {
        /// The leg.
        leg: LegId,
        /// Which.
        play: PlayId,
    },
    /// Nothing came for the time of `Watch`. Told once, until something came again.
    MediaLost {
        /// The leg.
        leg: LegId,
    },
    /// A measure is over. Comes before `Closed` of its leg.
    Measured {
        /// What was measured.
        stretch: Stretch,
        /// What it was like.
        quality: crate::Quality,
    },
    /// The leg is closed, its ports are free.
    Closed {
        /// The leg.
        leg: LegId,
        /// Its figures.
        stats: LegStats,
    },
    /// The media thread failed and restarts: these legs are gone.
    ThreadFailed {
        /// The legs.
        legs: Vec<LegId>,
    },
}
