//! What the media plane measured, in the words of the journal.

use std::time::Duration;

use hotline_journal::{MediaReported, MediaSide, What};
use hotline_media::{Quality, Stretch};

/// The event of a measure that is over.
pub(crate) fn measured(stretch: &Stretch, quality: &Quality) -> What {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let reported = quality
        .told
        .zip(quality.mos_told())
        .map(|(told, mos)| MediaReported {
            lost: told.lost,
            jitter_us: micros(told.jitter),
            mos: mos.0,
        });
    What::MediaMeasured {
        side: if stretch.caller {
            MediaSide::Caller
        } else {
            MediaSide::Agent
        },
        received: quality.heard.received,
        lost: quality.heard.lost,
        jitter_us: micros(quality.heard.jitter),
        mos: quality.mos_heard().map(|mos| mos.0),
        reported,
        round_trip_us: quality.round_trip.map(micros),
        srtp: quality.srtp,
    }
}
