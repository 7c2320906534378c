//! How the talks sounded: metrics folded from the measures of the legs.

use hotline_journal::What;
use prometheus::{HistogramVec, IntCounterVec};

use super::{Maker, MetricsError};

/// Upper bounds of the opinion histogram, MOS.
const MOS_BUCKETS: [f64; 8] = [2.0, 2.6, 3.1, 3.6, 4.0, 4.2, 4.3, 4.4];
/// Upper bounds of the jitter and round-trip histograms, seconds.
const DELAY_BUCKETS: [f64; 9] = [0.001, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6];

/// Per side of a talk: the caller's leg, the agent's leg.
#[derive(Debug)]
pub(super) struct Sound {
    mos: HistogramVec,
    jitter: HistogramVec,
    round_trip: HistogramVec,
    packets: IntCounterVec,
}

impl Sound {
    pub(super) fn new(make: &Maker) -> Result<Self, MetricsError> {
        Ok(Self {
            mos: make.of_sides(
                "hotline_media_mos",
                "Estimated opinion (E-model) of what came from a leg, per talk.",
                &MOS_BUCKETS,
            )?,
            jitter: make.of_sides(
                "hotline_media_jitter_seconds",
                "Interarrival jitter of what came from a leg, at the end of a talk.",
                &DELAY_BUCKETS,
            )?,
            round_trip: make.of_sides(
                "hotline_media_round_trip_seconds",
                "Newest round trip to a leg's phone, per talk, where it reported one.",
                &DELAY_BUCKETS,
            )?,
            packets: make.counter(
                "hotline_media_packets_total",
                "RTP packets of talks, by leg: received, lost on the way to us, reported lost on the way from us.",
                &["side", "what"],
            )?,
        })
    }

    /// Takes in a measure; other events are none of its business.
    #[expect(
        clippy::cast_precision_loss,
        reason = "microseconds of a delay stay far below 2^53"
    )]
    pub(super) fn apply(&self, what: &What) {
        let What::MediaMeasured {
            side,
            received,
            lost,
            jitter_us,
            mos,
            reported,
            round_trip_us,
            ..
        } = what
        else {
            return;
        };
        let side = side.as_str();
        let count = |what, packets| self.packets.with_label_values(&[side, what]).inc_by(packets);
        count("received", *received);
        count("lost", *lost);
        if let Some(reported) = reported {
            count("reported_lost", reported.lost);
        }
        if let Some(mos) = mos {
            self.mos
                .with_label_values(&[side])
                .observe(f64::from(*mos) / 100.0);
            self.jitter
                .with_label_values(&[side])
                .observe(*jitter_us as f64 / 1e6);
        }
        if let Some(round_trip) = round_trip_us {
            self.round_trip
                .with_label_values(&[side])
                .observe(*round_trip as f64 / 1e6);
        }
    }
}
