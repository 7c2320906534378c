//! What the driver lets others see without asking it: gauges, written once a turn.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use hotline_switch::Gauges;

macro_rules! pulse {
    ($($field:ident),* $(,)?) => {
        /// The latest figures of the driver. Each is right by itself; together they may be a turn apart.
        #[derive(Debug, Default)]
        pub struct Pulse {
            $($field: AtomicU64,)*
            backlog: AtomicU64,
            behind: AtomicBool,
            draining: AtomicBool,
        }

        impl Pulse {
            /// The driver's latest figures.
            pub fn beat(&self, gauges: Gauges, behind: bool, backlog: usize) {
                $(self.$field.store(gauges.$field as u64, Relaxed);)*
                self.backlog.store(backlog as u64, Relaxed);
                self.behind.store(behind, Relaxed);
            }

            /// The latest gauges.
            #[must_use]
            pub fn gauges(&self) -> Gauges {
                Gauges { $($field: self.$field.load(Relaxed) as _,)* }
            }
        }
    };
}

pulse! { contacts, legs, recordings, faults, malformed, auth_failed, retransmissions, table_full, stray }

impl Pulse {
    /// Events that the journal has not taken yet.
    #[must_use]
    pub fn backlog(&self) -> u64 {
        self.backlog.load(Relaxed)
    }

    /// Whether new calls are refused because of the journal.
    #[must_use]
    pub fn behind(&self) -> bool {
        self.behind.load(Relaxed)
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
