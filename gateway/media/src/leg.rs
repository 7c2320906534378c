//! One leg's media as a machine without ceremony: packets in, packets out, playout, digits, liveness.
//!
//! A media thread owns the sockets and the legs; per packet it calls [`Leg::take`] on the leg that received it and
//! [`Leg::forward`] on the leg that is to hear it. Nothing here allocates per packet.

use std::net::SocketAddr;
use std::time::Duration;

use hotline_types::{Now, Rng, Time};

use crate::dtmf::Receiver;
use crate::inband::Detector;
use crate::negotiate::{receives, sends};
use crate::rtcp::{self, LastReport, OursTold, REPORT_BYTES_MAX, SenderInfo};
use crate::rtp::{HEADER_BYTES, Header, Outgoing};
use crate::stats::Reception;
use crate::{
    Codec, Heard, Judgement, LegStats, Library, Negotiated, PeerTrust, PlayId, Played, Playout, Quality,
    SourceChoice, g711,
};

/// Bytes of a frame that we build at most: a header and 60 ms.
pub const FRAME_BYTES_MAX: usize = HEADER_BYTES + 60 * g711::SAMPLES_PER_MS;
/// Time between two of our RTCP reports (RFC 3550 §6.2, the minimum).
pub const REPORT_INTERVAL: Duration = Duration::from_secs(5);
/// A playout that is later than this gives its missed frames up instead of sending them in a burst.
pub const LATE_MAX: Duration = Duration::from_millis(200);

/// A longer round trip is a lie or a broken clock.
const ROUND_TRIP_MAX: Duration = Duration::from_secs(10);
/// Length of a tick at 8 kHz.
const TICK: Duration = Duration::from_micros(125);

/// Payload type of comfort noise (RFC 3389): a sign of life, nothing to hear.
const COMFORT_NOISE: u8 = 13;

/// A packet that was taken from the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its header.
    pub header: Header,
    /// What it carries.
    pub content: Content,
    /// A key that began in the audio.
    pub key: Option<char>,
    /// Connect the socket to where it came from: that is the peer's source now.
    pub choose: bool,
}

/// What a taken packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Audio to relay and to record.
    Audio(Codec),
    /// A telephone-event to relay; the key at its first packet.
    Event(Option<char>),
    /// Comfort noise, or audio that nobody asked for (we do not receive now).
    Quiet,
}

/// A frame that a playout made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Bytes to send from the start of the buffer; 0 where we may not send now.
    pub len: usize,
    /// The playout ended with it.
    pub ended: Option<PlayId>,
    /// Frames given up because the thread was late.
    pub missed: u64,
}

/// The media of one leg.
#[derive(Debug)]
pub struct Leg {
    agreed: Option<Agreed>,
    out: Outgoing,
    reception: Reception,
    dtmf: Receiver,
    /// Listens for keys in the audio, where the peer sends them so.
    inband: Option<Box<Detector>>,
    playing: Option<Playout>,
    /// The loop that played last, for its place.
    looped: Option<Playout>,
    /// When the next frame of the playout is due.
    frame_due: Time,
    watch: Option<Watch>,
    heard: Time,
    refused: u64,
    report_due: Time,
    reported_packets: u64,
    /// NTP middle of the peer's last sender report and when it came.
    peer_report: Option<(u32, Time)>,
    rtcp_from: Option<SocketAddr>,
    /// Our last two sender reports: the middle of their NTP time, and when they went.
    own_reports: [Option<(u32, Time)>; 2],
    /// What the peer said of us, and when.
    told: Option<(OursTold, Time)>,
    round_trip: Option<Duration>,
    mark: Mark,
}

/// Where a measure began.
#[derive(Clone, Copy, Debug)]
struct Mark {
    at: Time,
    received: u64,
    lost: u64,
    sent: u64,
    told_lost: i32,
}

#[derive(Debug)]
struct Agreed {
    negotiated: Negotiated,
    source: SourceChoice,
}

#[derive(Clone, Copy, Debug)]
struct Watch {
    silence: Duration,
    since: Time,
    told: bool,
}

impl Leg {
    /// A leg with nothing agreed yet. `phase` spreads the playouts of many legs over the packet time.
    #[must_use]
    pub fn new(now: Time, phase: Duration, rng: &mut Rng) -> Self {
        let [random, more] = [rng.next_u64(), rng.next_u64()];
        let low = |bits: u64| u32::try_from(bits & 0xFFFF_FFFF).unwrap_or(0);
        let sequence = u16::try_from(more & 0x7FFF).unwrap_or(0);
        Self {
            agreed: None,
            out: Outgoing::new(low(random), sequence, low(random >> 32)),
            reception: Reception::default(),
            dtmf: Receiver::default(),
            inband: None,
            playing: None,
            looped: None,
            frame_due: now + phase,
            watch: None,
            heard: now,
            refused: 0,
            report_due: now + REPORT_INTERVAL,
            reported_packets: 0,
            peer_report: None,
            rtcp_from: None,
            own_reports: [None; 2],
            told: None,
            round_trip: None,
            mark: Mark {
                at: now,
                received: 0,
                lost: 0,
                sent: 0,
                told_lost: 0,
            },
        }
    }

    /// A new SDP was agreed on: its addresses and types count from now on, and the source is chosen anew. What was
    /// to be played before anything was agreed begins now.
    pub fn connect(&mut self, now: Time, negotiated: Negotiated, trust: PeerTrust) {
        self.rtcp_from = None;
        if negotiated.inband {
            self.inband.get_or_insert_default();
        } else {
            self.inband = None;
        }
        if let Some(agreed) = &mut self.agreed {
            agreed.source.rearm(trust, negotiated.rtp);
            agreed.negotiated = negotiated;
            return;
        }
        let source = SourceChoice::new(trust, negotiated.rtp);
        self.agreed = Some(Agreed { negotiated, source });
        self.align(now);
    }

    /// Takes a datagram of the RTP socket; `None` where it is refused, which is counted.
    pub fn take(&mut self, now: Time, from: SocketAddr, packet: &[u8]) -> Option<Taken> {
        let taken = self.judge(now, from, packet);
        if taken.is_none() {
            self.refused += 1;
        }
        taken
    }

    fn judge(&mut self, now: Time, from: SocketAddr, packet: &[u8]) -> Option<Taken> {
        let header = Header::read(packet)?;
        let agreed = self.agreed.as_mut()?;
        let content = content(&agreed.negotiated, header.payload_type)?;
        let choose = match agreed.source.judge(now, from, header.ssrc, header.sequence) {
            Judgement::Accept => false,
            Judgement::Choose => true,
            Judgement::Refuse => return None,
        };
        self.heard = now;
        let timed = matches!(content, Content::Audio(_));
        let goes_on = (header.ssrc, header.sequence.wrapping_sub(1));
        let gap = self.reception.newest() != Some(goes_on);
        self.reception
            .note(now, header.ssrc, header.sequence, header.timestamp, timed);
        let content = match content {
            Content::Event(_) => Content::Event(self.dtmf.take(now, &header, header.payload(packet))),
            Content::Audio(_) if !receives(agreed.negotiated.direction) => Content::Quiet,
            Content::Audio(_) | Content::Quiet => content,
        };
        let key = match (&mut self.inband, content) {
            (Some(detector), Content::Audio(codec)) => {
                if gap {
                    detector.gap();
                }
                detector.take(codec, header.payload(packet))
            }
            _ => None,
        };
        Some(Taken {
            header,
            content,
            key,
            choose,
        })
    }

    /// Makes another leg's packet one of this leg's stream, in place; false where this leg is not to hear it.
    pub fn forward(&mut self, now: Time, taken: &Taken, packet: &mut [u8]) -> bool {
        let Some(agreed) = &self.agreed else { return false };
        let negotiated = &agreed.negotiated;
        if self.playing.is_some() || !sends(negotiated.direction) {
            return false;
        }
        match taken.content {
            Content::Audio(codec) => {
                g711::transcode(codec, negotiated.codec, taken.header.payload_mut(packet));
                self.out
                    .relay(now, &taken.header, negotiated.payload_type, false, packet)
            }
            Content::Event(_) => negotiated
                .dtmf
                .is_some_and(|kind| self.out.relay(now, &taken.header, kind, true, packet)),
            Content::Quiet => false,
        }
    }

    /// Whatever is relayed next is another source: a bridge began or ended.
    pub const fn switch(&mut self) {
        self.out.switch();
    }

    /// Plays in place of what the leg hears. A loop that is the same as the last one goes on where that stood.
    pub fn play(&mut self, now: Time, mut playout: Playout) {
        self.stop_play();
        if let Some(looped) = &self.looped {
            playout.resume(looped);
        }
        self.align(now);
        self.playing = Some(playout);
    }

    /// Moves the next frame to now or later. The phase stays that of the leg, whatever played before.
    fn align(&mut self, now: Time) {
        let step = self.step();
        let steps = now
            .since(self.frame_due)
            .as_nanos()
            .div_ceil(step.as_nanos().max(1));
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        self.frame_due = self.frame_due + step.saturating_mul(steps);
    }

    /// Stops playing.
    pub fn stop_play(&mut self) {
        if let Some(playing) = self.playing.take() {
            if playing.loops() {
                self.looped = Some(playing);
            }
            self.out.switch();
        }
    }

    /// When the next frame of the playout is due; `None` where nothing plays or nothing is agreed yet.
    #[must_use]
    pub fn frame_due(&self) -> Option<Time> {
        (self.playing.is_some() && self.agreed.is_some()).then_some(self.frame_due)
    }

    /// The frame that is due, and the time of the next. Deadlines do not drift.
    pub fn frame(&mut self, now: Time, library: &Library, out: &mut [u8; FRAME_BYTES_MAX]) -> Frame {
        let step = self.step();
        let nothing = Frame {
            len: 0,
            ended: None,
            missed: 0,
        };
        let (Some(agreed), Some(playing)) = (&self.agreed, &mut self.playing) else {
            return nothing;
        };
        let late = now.since(self.frame_due);
        let missed = if late > LATE_MAX {
            late.as_nanos() / step.as_nanos().max(1)
        } else {
            0
        };
        let missed = u32::try_from(missed).unwrap_or(u32::MAX);
        self.frame_due = self.frame_due + step.saturating_mul(missed.saturating_add(1));
        let negotiated = &agreed.negotiated;
        let samples = usize::from(negotiated.ptime_ms) * g711::SAMPLES_PER_MS;
        let Some((head, body)) = out.split_first_chunk_mut::<HEADER_BYTES>() else {
            return nothing;
        };
        let Some(body) = body.get_mut(..samples) else {
            return nothing;
        };
        let played = playing.next(library, negotiated.codec, body);
        let ended = matches!(played, Played::Last | Played::Nothing).then(|| playing.play());
        let len = if played != Played::Nothing && sends(negotiated.direction) {
            self.out.own(
                now,
                negotiated.payload_type,
                u32::try_from(samples).unwrap_or(0),
                head,
            );
            HEADER_BYTES + samples
        } else {
            0
        };
        if ended.is_some() {
            self.playing = None;
            self.out.switch();
        }
        Frame {
            len,
            ended,
            missed: u64::from(missed),
        }
    }

    fn step(&self) -> Duration {
        let ptime = self
            .agreed
            .as_ref()
            .map_or(20, |agreed| agreed.negotiated.ptime_ms);
        Duration::from_millis(u64::from(ptime.max(10)))
    }

    /// The codec that is sent to the peer, once one was agreed.
    #[must_use]
    pub fn codec(&self) -> Option<Codec> {
        self.agreed.as_ref().map(|agreed| agreed.negotiated.codec)
    }

    /// Where RTP goes; `None` before anything is agreed.
    #[must_use]
    pub fn target(&self) -> Option<SocketAddr> {
        self.agreed.as_ref().map(|agreed| agreed.source.target())
    }

    /// Whether the socket should be disconnected: the peer is silent, its stream may go on from elsewhere.
    #[must_use]
    pub fn is_stale(&self, now: Time) -> bool {
        self.agreed
            .as_ref()
            .is_some_and(|agreed| agreed.source.is_stale(now))
    }

    /// Watches for silence; `None` ends it.
    pub fn watch(&mut self, now: Time, silence: Option<Duration>) {
        self.watch = silence.map(|silence| Watch {
            silence,
            since: now,
            told: false,
        });
    }

    /// Whether `MediaLost` is due: true once per silence, and never while we expect nothing.
    pub fn is_lost(&mut self, now: Time) -> bool {
        let expects = self
            .agreed
            .as_ref()
            .is_some_and(|agreed| receives(agreed.negotiated.direction));
        let Some(watch) = &mut self.watch else {
            return false;
        };
        if !expects {
            watch.since = now;
            return false;
        }
        let silent = now.since(watch.since.max(self.heard)) >= watch.silence;
        let due = silent && !watch.told;
        watch.told = silent;
        due
    }

    /// Takes a datagram of the RTCP socket; false where it is refused.
    pub fn take_rtcp(&mut self, now: Time, from: SocketAddr, packet: &[u8]) -> bool {
        let Some(agreed) = &self.agreed else { return false };
        if !agreed.source.allows_rtcp(from.ip(), agreed.negotiated.rtcp.ip()) {
            return false;
        }
        let Some(told) = rtcp::read(packet, self.out.ssrc()) else {
            return false;
        };
        self.heard = now;
        self.rtcp_from = Some(from);
        if let Some(ntp) = told.ntp {
            self.peer_report = Some((ntp, now));
        }
        if let Some(ours) = told.ours {
            self.round_trip = self.round_trip_of(now, ours.last).or(self.round_trip);
            self.told = Some((ours, now));
        }
        true
    }

    /// RFC 3550 §6.4.1, by our own clock: from our report to the peer's, less what the peer kept it for.
    fn round_trip_of(&self, now: Time, last: LastReport) -> Option<Duration> {
        let sent = self
            .own_reports
            .iter()
            .flatten()
            .find(|(ntp, _)| *ntp == last.ntp)?
            .1;
        let kept = Duration::from_micros(u64::from(last.delay) * 1_000_000 / 65_536);
        now.since(sent)
            .checked_sub(kept)
            .filter(|trip| *trip <= ROUND_TRIP_MAX)
    }

    /// A measure begins.
    pub fn mark(&mut self, now: Time) {
        self.mark = Mark {
            at: now,
            received: self.reception.received(),
            lost: self.reception.lost(),
            sent: self.out.sent().0,
            told_lost: self.told.map_or(0, |(told, _)| told.lost),
        };
        self.round_trip = None;
    }

    /// What it was like since the mark.
    #[must_use]
    pub fn quality(&self) -> Quality {
        let mark = &self.mark;
        let heard = Heard {
            received: self.reception.received() - mark.received,
            lost: self.reception.lost().saturating_sub(mark.lost),
            jitter: TICK * self.reception.jitter(),
        };
        let told = self.told.filter(|(_, at)| *at >= mark.at).map(|(told, _)| {
            let sent = self.out.sent().0 - mark.sent;
            let lost = u64::try_from(told.lost.saturating_sub(mark.told_lost))
                .unwrap_or(0)
                .min(sent);
            Heard {
                received: sent - lost,
                lost,
                jitter: TICK.saturating_mul(told.jitter),
            }
        });
        let agreed = self.agreed.as_ref();
        Quality {
            heard,
            told,
            round_trip: self.round_trip,
            srtp: agreed.is_some_and(|agreed| agreed.negotiated.srtp.is_some()),
        }
    }

    /// Our RTCP report, if one is due: how long it is and where it goes.
    pub fn report(&mut self, now: Now, out: &mut [u8; REPORT_BYTES_MAX]) -> Option<(usize, SocketAddr)> {
        let agreed = self.agreed.as_ref()?;
        if now.mono < self.report_due {
            return None;
        }
        self.report_due = now.mono + REPORT_INTERVAL;
        let target = self.rtcp_from.unwrap_or(agreed.negotiated.rtcp);
        if target.ip().is_unspecified() {
            return None;
        }
        let (packets, octets) = self.out.sent();
        let wrap = |count: u64| u32::try_from(count & 0xFFFF_FFFF).unwrap_or(0);
        let sender = (packets > self.reported_packets).then(|| SenderInfo {
            wall: now.wall,
            timestamp: self.out.timestamp_at(now.mono),
            packets: wrap(packets),
            octets: wrap(octets),
        });
        self.reported_packets = packets;
        if let Some(info) = sender {
            self.own_reports = [Some((rtcp::middle(info.wall), now.mono)), self.own_reports[0]];
        }
        let last = self.peer_report.map_or_else(LastReport::default, |(ntp, at)| {
            let delay = now.mono.since(at).as_micros() * 65_536 / 1_000_000;
            LastReport {
                ntp,
                delay: u32::try_from(delay).unwrap_or(u32::MAX),
            }
        });
        let block = self.reception.report().map(|block| (block, last));
        Some((rtcp::build(self.out.ssrc(), sender, block, out), target))
    }

    /// The leg's figures so far.
    #[must_use]
    pub fn stats(&self) -> LegStats {
        LegStats {
            received: self.reception.received(),
            sent: self.out.sent().0,
            lost: self.reception.lost(),
            refused: self.refused,
            jitter: self.reception.jitter(),
        }
    }
}

/// What a payload type carries: the one agreed on, or the other law by its static type, which costs us nothing.
fn content(negotiated: &Negotiated, payload_type: u8) -> Option<Content> {
    if payload_type == negotiated.payload_type {
        return Some(Content::Audio(negotiated.codec));
    }
    if Some(payload_type) == negotiated.dtmf {
        return Some(Content::Event(None));
    }
    match payload_type {
        0 => Some(Content::Audio(Codec::Pcmu)),
        8 => Some(Content::Audio(Codec::Pcma)),
        COMFORT_NOISE => Some(Content::Quiet),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
