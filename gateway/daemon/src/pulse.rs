//! What the driver lets others see without asking it: gauges, written once a turn.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use hotline_switch::{Gauges, TrunkView};
use hotline_types::WallTime;

macro_rules! pulse {
    ($($field:ident),* $(,)?) => {
        /// The latest figures of the driver. Each is right by itself; together they may be a turn apart.
        #[derive(Debug, Default)]
        pub struct Pulse {
            $($field: AtomicU64,)*
            /// Since when the journal has not caught up, UTC milliseconds; 0: it has.
            lags_since_ms: AtomicU64,
            trunks: Mutex<Vec<TrunkView>>,
            behind: AtomicBool,
            draining: AtomicBool,
        }

        impl Pulse {
            /// The driver's latest figures.
            pub fn beat(&self, gauges: Gauges, behind: bool, uncommitted: bool, now: WallTime) {
                $(self.$field.store(gauges.$field as u64, Relaxed);)*
                self.behind.store(behind, Relaxed);
                let since = self.lags_since_ms.load(Relaxed);
                if !uncommitted {
                    self.lags_since_ms.store(0, Relaxed);
                } else if since == 0 {
                    self.lags_since_ms.store(now.as_millis().unsigned_abs(), Relaxed);
                }
            }

            /// The latest gauges.
            #[must_use]
            pub fn gauges(&self) -> Gauges {
                Gauges { $($field: self.$field.load(Relaxed) as _,)* }
            }
        }
    };
}

pulse! { contacts, legs, recordings, faults, malformed, auth_failed, retransmissions, table_full, stray, trunk_full, dial_refused, unacknowledged, seats_short }

impl Pulse {
    /// How long events have been waiting to be committed, milliseconds.
    #[must_use]
    pub fn lag_ms(&self, now: WallTime) -> u64 {
        match self.lags_since_ms.load(Relaxed) {
            0 => 0,
            since => now.as_millis().unsigned_abs().saturating_sub(since),
        }
    }

    /// Whether new calls are refused because of the journal.
    #[must_use]
    pub fn behind(&self) -> bool {
        self.behind.load(Relaxed)
    }

    /// The trunks, as the driver last saw them.
    #[must_use]
    pub fn trunks(&self) -> Vec<TrunkView> {
        self.trunks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The driver's view of the trunks: told a few times a second at most.
    pub fn set_trunks(&self, trunks: Vec<TrunkView>) {
        *self.trunks.lock().unwrap_or_else(PoisonError::into_inner) = trunks;
    }

    /// A shutdown has begun.
    pub fn set_draining(&self) {
        self.draining.store(true, Relaxed);
    }

    /// Whether a shutdown has begun.
    #[must_use]
    pub fn draining(&self) -> bool {
        self.draining.load(Relaxed)
    }
}
