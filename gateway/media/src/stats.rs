//! What a leg receives, counted: loss (RFC 3550 A.1, A.3) and interarrival jitter (A.8).

use hotline_types::Time;

/// Jump ahead that is still loss (RFC 3550 A.1, `MAX_DROPOUT`).
const DROPOUT_MAX: i32 = 3_000;
/// Packets that may come late (RFC 3550 A.1, `MAX_MISORDER`).
const MISORDER_MAX: i32 = 100;
/// Nanoseconds of one tick at 8 kHz.
const TICK_NANOS: u64 = 125_000;

/// Reception of one leg, over all the sources that it had.
#[derive(Clone, Debug, Default)]
pub struct Reception {
    received: u64,
    /// Loss of the sources before this one.
    lost_before: u64,
    source: Option<Source>,
}

#[derive(Clone, Debug)]
struct Source {
    ssrc: u32,
    base: u64,
    /// Highest extended sequence.
    highest: u64,
    received: u64,
    restart: Option<u16>,
    transit: Option<i64>,
    /// Jitter times 16, ticks (A.8).
    jitter: u32,
    expected_prior: u64,
    received_prior: u64,
}

/// One report block's worth of reception (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportBlock {
    /// Whom it is about.
    pub ssrc: u32,
    /// Fraction lost since the last block, of 256.
    pub fraction: u8,
    /// Cumulative loss, clamped to 24 bits, signed.
    pub lost: i32,
    /// Extended highest sequence number.
    pub highest: u32,
    /// Jitter, ticks.
    pub jitter: u32,
}

impl Reception {
    /// Counts an accepted packet. `timed`: its timestamp tells when it was spoken (not so for telephone-events).
    pub fn note(&mut self, now: Time, ssrc: u32, sequence: u16, timestamp: u32, timed: bool) {
        self.received += 1;
        if self.source.as_ref().is_none_or(|source| source.ssrc != ssrc) {
            self.begin(ssrc, sequence);
        }
        let Some(source) = &mut self.source else { return };
        if !source.advance(sequence) {
            self.begin(ssrc, sequence);
            if let Some(source) = &mut self.source {
                source.received = 1;
            }
            return;
        }
        if timed {
            source.time(now, timestamp);
        }
    }

    fn begin(&mut self, ssrc: u32, sequence: u16) {
        self.lost_before = self.lost();
        // One cycle up, so that a late packet of before the first has a place below.
        let base = 0x1_0000 + u64::from(sequence);
        self.source = Some(Source {
            ssrc,
            base,
            highest: base,
            received: 0,
            restart: None,
            transit: None,
            jitter: 0,
            expected_prior: 0,
            received_prior: 0,
        });
    }

    /// Packets received.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Packets missing; duplicates may hide some.
    #[must_use]
    pub fn lost(&self) -> u64 {
        let now = self
            .source
            .as_ref()
            .map_or(0, |source| source.expected().saturating_sub(source.received));
        self.lost_before + now
    }

    /// Interarrival jitter, ticks of 125 us.
    #[must_use]
    pub fn jitter(&self) -> u32 {
        self.source.as_ref().map_or(0, |source| source.jitter >> 4)
    }

    /// SSRC and sequence of the newest packet.
    #[must_use]
    pub fn newest(&self) -> Option<(u32, u16)> {
        self.source
            .as_ref()
            .map(|source| (source.ssrc, low(source.highest)))
    }

    /// The report block since the last one.
    pub fn report(&mut self) -> Option<ReportBlock> {
        let source = self.source.as_mut()?;
        let expected = source.expected();
        let expected_now = expected - source.expected_prior;
        let received_now = source.received - source.received_prior;
        source.expected_prior = expected;
        source.received_prior = source.received;
        let missing = expected_now.saturating_sub(received_now);
        let fraction = (missing << 8)
            .checked_div(expected_now)
            .map_or(0, |parts| parts.min(255));
        let lost = i64::try_from(expected).unwrap_or(0) - i64::try_from(source.received).unwrap_or(0);
        Some(ReportBlock {
            ssrc: source.ssrc,
            fraction: u8::try_from(fraction).unwrap_or(255),
            lost: i32::try_from(lost.clamp(-0x80_0000, 0x7F_FFFF)).unwrap_or(0),
            highest: u32::try_from((source.highest - 0x1_0000) & 0xFFFF_FFFF).unwrap_or(0),
            jitter: source.jitter >> 4,
        })
    }
}

impl Source {
    const fn expected(&self) -> u64 {
        self.highest - self.base + 1
    }

    /// False where the source began anew.
    fn advance(&mut self, sequence: u16) -> bool {
        let ahead = i32::from(sequence.wrapping_sub(low(self.highest)).cast_signed());
        if !(-MISORDER_MAX..=DROPOUT_MAX).contains(&ahead) {
            if self.restart == Some(sequence) {
                return false;
            }
            self.restart = Some(sequence.wrapping_add(1));
            return true;
        }
        self.restart = None;
        if ahead > 0 {
            self.highest += u64::from(ahead.unsigned_abs());
        }
        self.received += 1;
        true
    }

    fn time(&mut self, now: Time, timestamp: u32) {
        let arrival = i64::try_from((now.as_nanos() / TICK_NANOS) & 0xFFFF_FFFF).unwrap_or(0);
        let transit = arrival - i64::from(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            // Both clocks are 32 bits: a difference is taken modulo 2^32, then as a signed distance.
            let distance = (transit - before).rem_euclid(1 << 32);
            let distance = distance.min((1 << 32) - distance);
            let distance = u32::try_from(distance.min(1 << 20)).unwrap_or(0);
            self.jitter = self.jitter.saturating_add(distance) - ((self.jitter + 8) >> 4);
        }
    }
}

fn low(extended: u64) -> u16 {
    u16::try_from(extended & 0xFFFF).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(reception: &mut Reception, at_ms: u64, ssrc: u32, sequence: u16, timestamp: u32) {
        reception.note(Time::from_millis(at_ms), ssrc, sequence, timestamp, true);
    }

    #[test]
    fn loss_is_counted_over_a_wrap_and_a_late_packet_is_no_loss() {
        let mut reception = Reception::default();
        for (step, sequence) in [65_534_u16, 65_535, 2, 1, 3].into_iter().enumerate() {
            note(
                &mut reception,
                step as u64 * 20,
                1,
                sequence,
                u32::from(sequence) * 160,
            );
        }
        assert_eq!((reception.received(), reception.lost()), (5, 1));
        let block = reception.report().unwrap();
        assert_eq!((block.lost, block.highest, block.fraction), (1, 65_539, 42));
        assert_eq!(reception.report().unwrap().fraction, 0);
    }

    #[test]
    fn a_new_source_keeps_the_loss_of_the_one_before_and_a_restart_is_no_loss() {
        let mut reception = Reception::default();
        for (ssrc, sequence) in [
            (1, 10),
            (1, 12),
            (2, 500),
            (2, 501),
            (2, 40_000),
            (2, 40_001),
            (2, 40_002),
        ] {
            note(&mut reception, 0, ssrc, sequence, 0);
        }
        assert_eq!(reception.lost(), 1);
        assert_eq!(reception.newest(), Some((2, 40_002)));
    }

    #[test]
    fn jitter_is_that_of_the_rfc_and_zero_for_an_even_stream() {
        let mut even = Reception::default();
        let mut uneven = Reception::default();
        for step in 0..400_u16 {
            let at = u64::from(step) * 20;
            note(
                &mut even,
                at,
                1,
                step,
                u32::MAX.wrapping_add(u32::from(step) * 160),
            );
            note(
                &mut uneven,
                at + u64::from(step % 2) * 10,
                1,
                step,
                u32::from(step) * 160,
            );
        }
        assert_eq!(even.jitter(), 0);
        assert!(
            (78..=80).contains(&uneven.jitter()),
            "{} ticks, 10 ms are 80",
            uneven.jitter()
        );
    }
}
