//! RTP on the wire (RFC 3550 §5.1): reading a header, and writing ours so that one leg hears one unbroken stream.

use hotline_types::Time;
use rtp_rs::RtpReader;

/// Bytes of the fixed header.
pub const HEADER_BYTES: usize = 12;
/// Bytes of a packet that we take at most; G.711 at 60 ms with extensions stays well below.
pub const PACKET_BYTES_MAX: usize = 1_500;

/// Jump ahead in sequence that is still loss and not a restart (RFC 3550 A.1, `MAX_DROPOUT`).
const DROPOUT_MAX: i32 = 3_000;
/// Packets that may come late (RFC 3550 A.1, `MAX_MISORDER`).
const MISORDER_MAX: i32 = 100;
/// Ticks by which a source's timestamps may stray from the wall before we take them for a new time base: 2 s.
const STRAY_TICKS_MAX: i64 = 16_000;
/// Nanoseconds of one tick at 8 kHz.
const TICK_NANOS: u64 = 125_000;

/// What we read of a packet's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Payload type, 0 to 127.
    pub payload_type: u8,
    /// Marker bit.
    pub marker: bool,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp, 8 kHz.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Where the payload begins.
    start: u16,
    /// Where it ends; padding lies behind.
    end: u16,
}

impl Header {
    /// Reads a datagram; `None` where it is not a whole RTP version 2 packet of at most [`PACKET_BYTES_MAX`].
    #[must_use]
    pub fn read(packet: &[u8]) -> Option<Self> {
        if packet.len() > PACKET_BYTES_MAX {
            return None;
        }
        let reader = RtpReader::new(packet).ok()?;
        let start = reader.payload_offset();
        let end = start + reader.payload().len();
        Some(Self {
            payload_type: reader.payload_type(),
            marker: reader.mark(),
            sequence: reader.sequence_number().into(),
            timestamp: reader.timestamp(),
            ssrc: reader.ssrc(),
            start: u16::try_from(start).ok()?,
            end: u16::try_from(end).ok()?,
        })
    }

    /// The payload of the packet that this header was read from.
    #[must_use]
    pub fn payload<'a>(&self, packet: &'a [u8]) -> &'a [u8] {
        packet
            .get(usize::from(self.start)..usize::from(self.end))
            .unwrap_or(&[])
    }

    /// The payload of the packet that this header was read from, to be changed in place.
    #[must_use]
    pub fn payload_mut<'a>(&self, packet: &'a mut [u8]) -> &'a mut [u8] {
        packet
            .get_mut(usize::from(self.start)..usize::from(self.end))
            .unwrap_or(&mut [])
    }

    /// Bytes of the payload.
    #[must_use]
    pub const fn payload_len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Writes a plain header: version 2, no padding, no extension, no contributing sources.
    pub fn write(
        payload_type: u8,
        marker: bool,
        sequence: u16,
        timestamp: u32,
        ssrc: u32,
        out: &mut [u8; 12],
    ) {
        out[0] = 0x80;
        write_fields(out, payload_type, marker, sequence, timestamp, ssrc);
    }
}

fn write_fields(
    packet: &mut [u8; 12],
    payload_type: u8,
    marker: bool,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
) {
    packet[1] = (payload_type & 0x7F) | if marker { 0x80 } else { 0 };
    packet[2..4].copy_from_slice(&sequence.to_be_bytes());
    packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
    packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
}

/// What feeds an outgoing stream now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feed {
    /// Nothing since the start or the last switch.
    None,
    /// Our own frames.
    Own,
    /// Another leg's packets.
    Relay(Relay),
}

/// How the packets of a relayed source map onto our stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Relay {
    ssrc: u32,
    /// Added to its sequence.
    sequence_offset: u16,
    /// Added to its timestamps.
    timestamp_offset: u32,
    /// Its newest sequence.
    newest: u16,
    /// How many numbers before the newest are ours to use: those before belonged to the feed before.
    back: u16,
    /// The sequence that would prove a restart of the source (RFC 3550 A.1, `bad_seq`).
    restart: Option<u16>,
}

/// What a stream puts on a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    sequence: u16,
    timestamp: u32,
    marker: bool,
}

/// One outgoing stream of a leg: one SSRC for its life, over playout, relay, hold music and relay again.
///
/// Sequence numbers stay contiguous at each switch; losses and reordering of a relayed source are passed on as
/// they are. Timestamps follow the source and are re-based on the wall clock at each switch.
#[derive(Clone, Debug)]
pub struct Outgoing {
    ssrc: u32,
    /// Newest sequence sent; the first packet takes the one after.
    sequence: u16,
    /// Newest timestamp sent.
    timestamp: u32,
    /// When that was.
    at: Option<Time>,
    feed: Feed,
    packets: u64,
    octets: u64,
}

impl Outgoing {
    /// A stream whose numbers begin at these random places (RFC 3550 §5.1).
    #[must_use]
    pub const fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self {
            ssrc,
            sequence,
            timestamp,
            at: None,
            feed: Feed::None,
            packets: 0,
            octets: 0,
        }
    }

    /// Our SSRC.
    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Packets and payload octets so far, for sender reports.
    #[must_use]
    pub const fn sent(&self) -> (u64, u64) {
        (self.packets, self.octets)
    }

    /// The timestamp that belongs to `now`, for sender reports.
    #[must_use]
    pub fn timestamp_at(&self, now: Time) -> u32 {
        self.at
            .map_or(self.timestamp, |at| self.timestamp.wrapping_add(ticks(now, at)))
    }

    /// The next packet is the first of another feed, whatever it is.
    pub const fn switch(&mut self) {
        self.feed = Feed::None;
    }

    /// Writes the header of our own next frame of `samples` samples.
    pub fn own(&mut self, now: Time, payload_type: u8, samples: u32, out: &mut [u8; HEADER_BYTES]) {
        let first = self.feed != Feed::Own;
        let timestamp = if first {
            self.base(now)
        } else {
            self.timestamp.wrapping_add(samples)
        };
        self.feed = Feed::Own;
        let sequence = self.sequence.wrapping_add(1);
        Header::write(payload_type, first, sequence, timestamp, self.ssrc, out);
        self.note(now, sequence, timestamp, samples as usize);
    }

    /// Rewrites a packet of another leg in place: SSRC, sequence, timestamp, payload type and marker. False where
    /// it must not be sent: too old, or out of any order. `event`: a telephone-event, whose timestamp stands still.
    pub fn relay(
        &mut self,
        now: Time,
        header: &Header,
        payload_type: u8,
        event: bool,
        packet: &mut [u8],
    ) -> bool {
        let Some(fixed) = packet.first_chunk_mut::<HEADER_BYTES>() else {
            return false;
        };
        let Some(stamp) = self.stamp(now, header, event) else {
            return false;
        };
        write_fields(
            fixed,
            payload_type,
            stamp.marker,
            stamp.sequence,
            stamp.timestamp,
            self.ssrc,
        );
        self.note(now, stamp.sequence, stamp.timestamp, header.payload_len());
        true
    }

    fn stamp(&mut self, now: Time, header: &Header, event: bool) -> Option<Stamp> {
        let Feed::Relay(mut relay) = self.feed else {
            return Some(self.anchor(now, header));
        };
        if relay.ssrc != header.ssrc {
            return Some(self.anchor(now, header));
        }
        let ahead = i32::from(header.sequence.wrapping_sub(relay.newest).cast_signed());
        if !(-MISORDER_MAX..=DROPOUT_MAX).contains(&ahead) {
            if relay.restart == Some(header.sequence) {
                return Some(self.anchor(now, header));
            }
            relay.restart = Some(header.sequence.wrapping_add(1));
            self.feed = Feed::Relay(relay);
            return None;
        }
        let timestamp = header.timestamp.wrapping_add(relay.timestamp_offset);
        if ahead > 0 {
            if !event && self.strays(now, timestamp) {
                return Some(self.anchor(now, header));
            }
            relay.newest = header.sequence;
            relay.back = relay
                .back
                .saturating_add(u16::try_from(ahead).unwrap_or(u16::MAX));
            relay.restart = None;
            self.feed = Feed::Relay(relay);
        } else if ahead == 0 || ahead.unsigned_abs() > u32::from(relay.back) {
            return None;
        }
        let sequence = header.sequence.wrapping_add(relay.sequence_offset);
        Some(Stamp {
            sequence,
            timestamp,
            marker: header.marker,
        })
    }

    /// A first packet of a source: it takes the next number and the timestamp that the wall clock asks for.
    fn anchor(&mut self, now: Time, header: &Header) -> Stamp {
        let sequence = self.sequence.wrapping_add(1);
        let timestamp = self.base(now);
        self.feed = Feed::Relay(Relay {
            ssrc: header.ssrc,
            sequence_offset: sequence.wrapping_sub(header.sequence),
            timestamp_offset: timestamp.wrapping_sub(header.timestamp),
            newest: header.sequence,
            back: 0,
            restart: None,
        });
        Stamp {
            sequence,
            timestamp,
            marker: true,
        }
    }

    /// The timestamp of a new feed: as far after the last as the wall clock went on, and at least one tick.
    fn base(&self, now: Time) -> u32 {
        self.at.map_or(self.timestamp, |at| {
            self.timestamp.wrapping_add(ticks(now, at).max(1))
        })
    }

    fn strays(&self, now: Time, timestamp: u32) -> bool {
        let Some(at) = self.at else { return false };
        let went = i64::from(timestamp.wrapping_sub(self.timestamp).cast_signed());
        (went - i64::from(ticks(now, at))).abs() > STRAY_TICKS_MAX
    }

    fn note(&mut self, now: Time, sequence: u16, timestamp: u32, octets: usize) {
        self.packets += 1;
        self.octets += octets as u64;
        if sequence.wrapping_sub(self.sequence).cast_signed() > 0 {
            self.sequence = sequence;
        }
        // The packets of a telephone-event share the timestamp of its start, and that is when it was.
        if self.at.is_none() || timestamp.wrapping_sub(self.timestamp).cast_signed() > 0 {
            self.timestamp = timestamp;
            self.at = Some(now);
        }
    }
}

/// Whole ticks of 125 us between two moments, wrapping as timestamps do.
fn ticks(now: Time, earlier: Time) -> u32 {
    let nanos = now.as_nanos().saturating_sub(earlier.as_nanos());
    u32::try_from((nanos / TICK_NANOS) & u64::from(u32::MAX)).unwrap_or(0)
}

#[cfg(test)]
mod tests;
