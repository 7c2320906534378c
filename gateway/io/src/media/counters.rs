//! Figures of the media plane: counted by each thread in plain numbers, published ten times a second.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Figures since the start, summed over the media threads; up to a tenth of a second old.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct MediaCounters {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// What a thread publishes.
        #[derive(Debug, Default)]
        pub(super) struct Published {
            $($name: AtomicU64,)*
        }

        impl Published {
            pub(super) fn store(&self, figures: &MediaCounters) {
                $(self.$name.store(figures.$name, Ordering::Relaxed);)*
            }

            pub(super) fn add_to(&self, sum: &mut MediaCounters) {
                $(sum.$name += self.$name.load(Ordering::Relaxed);)*
            }
        }
    };
}

counters! {
    /// RTP packets taken from peers.
    received,
    /// RTP packets relayed to the other leg of a call.
    relayed,
    /// RTP packets of prompts and music.
    played,
    /// Datagrams refused: wrong source, not RTP or RTCP, unknown payload type.
    refused,
    /// SRTP and SRTCP packets refused because their tag is wrong: forged, damaged, or of another key.
    srtp_forged,
    /// SRTP and SRTCP packets refused because they came before, or are too old to tell.
    srtp_replayed,
    /// Datagrams that the system did not take from us.
    send_failed,
    /// RTCP packets taken.
    rtcp_received,
    /// Frames of prompts and music given up because the thread was late.
    ticks_lost,
    /// Batches of recorded audio dropped because the recorder was slow.
    tap_dropped,
    /// Events dropped because the switch was slow.
    events_dropped,
    /// Times that a port was kept from the next call because somebody still sent to it.
    ports_noisy,
    /// Commands about legs that do not exist.
    commands_stray,
    /// Legs open now.
    legs_open,
    /// Times that a thread failed and started anew.
    failures,
}
