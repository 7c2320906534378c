//! The one ordered journal: its events and everything that is computed from them.

mod draft;
mod event;

pub use draft::Draft;
pub use event::{BusinessDate, By, EVENT_VERSION, Event, Seq, What};
