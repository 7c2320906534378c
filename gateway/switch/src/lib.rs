//! The switch: every call as a machine, and the one place that routes between SIP endpoint, queues, flows and
//! media. Pure: told the time, asked by poll.

mod api;
mod call;
mod leg_media;
mod measure;
mod stamp;
mod switch;
mod timer;

pub use api::*;
pub use switch::Switch;
