//! How a stretch of a leg sounded: what came and what was missing, as we heard it and as the peer reported it, and
//! what that is worth to an ear.

use std::time::Duration;

/// Delay that we cannot measure: a packet time at the sender and a jitter buffer of a packet at the receiver.
const PACKET_DELAY_MS: f64 = 40.0;
/// Transmission rating of a call without any loss or delay (ITU-T G.107, all defaults).
const RATING: f64 = 93.2;
/// Robustness of G.711 to random loss where it is concealed, as every phone does (ITU-T G.113, Appendix I).
const ROBUSTNESS: f64 = 25.1;

/// Opinion in hundredths, 100 to 450.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mos(pub u16);

impl Mos {
    /// The E-model (ITU-T G.107) for G.711 with concealment: delay impairment after Cole and Rosenbluth, loss
    /// impairment `95 * P / (P + Bpl)`. `loss` is a share of 1; `delay` one way, without what ends add.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an opinion lies between 100 and 450"
    )]
    pub fn estimate(loss: f64, jitter: Duration, delay: Duration) -> Self {
        let delay = delay.as_secs_f64() * 1_000.0 + 2.0 * jitter.as_secs_f64() * 1_000.0 + PACKET_DELAY_MS;
        let beyond = (delay - 177.3).max(0.0);
        let percent = loss.clamp(0.0, 1.0) * 100.0;
        let rating = RATING - 0.024 * delay - 0.11 * beyond - 95.0 * percent / (percent + ROBUSTNESS);
        let rating = rating.clamp(0.0, 100.0);
        let mos = 1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6;
        Self((mos.clamp(1.0, 4.5) * 100.0).round() as u16)
    }
}

/// What one direction of a leg was like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Packets that arrived.
    pub received: u64,
    /// Packets missing.
    pub lost: u64,
    /// Interarrival jitter at the end (RFC 3550 §6.4.1).
    pub jitter: Duration,
}

impl Heard {
    /// Share of the packets that was lost, 0 to 1; 0 where there were none.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "packet counts of a call")]
    pub fn loss(&self) -> f64 {
        let expected = self.received + self.lost;
        if expected == 0 {
            return 0.0;
        }
        self.lost as f64 / expected as f64
    }
}

/// What a stretch of a leg was like, both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quality {
    /// What we heard of the peer.
    pub heard: Heard,
    /// What the peer reported of us; none where it sent no report.
    pub told: Option<Heard>,
    /// The newest round trip; none where the peer reported none.
    pub round_trip: Option<Duration>,
    /// Whether it was encrypted.
    pub srtp: bool,
}

impl Quality {
    /// Opinion of what we heard; none where nothing came.
    #[must_use]
    pub fn mos_heard(&self) -> Option<Mos> {
        (self.heard.received > 0).then(|| self.mos(&self.heard))
    }

    /// Opinion of what the peer heard, by its reports.
    #[must_use]
    pub fn mos_told(&self) -> Option<Mos> {
        self.told.as_ref().map(|told| self.mos(told))
    }

    fn mos(&self, direction: &Heard) -> Mos {
        let delay = self.round_trip.unwrap_or_default() / 2;
        Mos::estimate(direction.loss(), direction.jitter, delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opinions_are_those_of_the_model() {
        // Loss per cent, jitter ms, delay ms: opinion.
        let cases = [
            ((0.0, 0, 0), 439),
            ((1.0, 0, 0), 430),
            ((5.0, 10, 50), 381),
            ((20.0, 0, 0), 258),
            ((0.0, 0, 400), 277),
            ((100.0, 0, 0), 115),
        ];
        for ((loss, jitter, delay), expected) in cases {
            let mos = Mos::estimate(
                loss / 100.0,
                Duration::from_millis(jitter),
                Duration::from_millis(delay),
            );
            assert!(
                mos.0.abs_diff(expected) <= 1,
                "{loss} % {jitter} ms {delay} ms: {}",
                mos.0
            );
        }
    }

    #[test]
    fn a_leg_that_heard_nothing_has_no_opinion() {
        assert_eq!(Quality::default().mos_heard(), None);
        let heard = Heard {
            received: 95,
            lost: 5,
            jitter: Duration::ZERO,
        };
        assert!((heard.loss() - 0.05).abs() < 1e-9);
    }
}
