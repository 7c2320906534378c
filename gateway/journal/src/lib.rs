//! The one ordered journal: its events and everything that is computed from them.

mod board;
mod contact;
mod counters;
mod counts;
mod draft;
mod event;
pub mod figures;
mod funnel;
mod recovery;
pub mod report;
#[cfg(any(test, feature = "sample"))]
pub mod sample;
mod slot;

pub use board::{AgentView, Board, BoardSeed, LiveContact, Place, WaitingContact};
pub use contact::{Change, ContactRecord, Contacts, DETAILS_MAX, Offer, QueueVisit, Recording, Segment};
pub use counters::{AgentClock, Counters, Deltas, Served};
pub use counts::{CounterKey, Counts, Scope, WAIT_BOUNDS_S, WAIT_BUCKETS, wait_bucket};
pub use draft::Draft;
pub use event::{BusinessDate, By, EVENT_VERSION, Event, MediaReported, MediaSide, Seq, What};
pub use funnel::{FlowCounts, Funnel};
pub use recovery::{closing, closing_at, closing_events};
pub use slot::{BusinessDays, INTERVAL_US, Slot, interval_of};
