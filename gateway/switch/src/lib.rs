//! The switch: every call as a machine, and the one place that routes between SIP endpoint, queues, flows and
//! media. Pure: told the time, asked by poll.

mod agent_call;
mod api;
mod call;
pub mod dialplan;
mod familiar;
mod leg_media;
mod lines;
mod measure;
mod stamp;
mod switch;
mod timer;

pub use api::*;
pub use familiar::{FAMILIAR_MAX, LostPlace, Memory, Served};
pub use lines::{Keys, TrunkLines};
pub use switch::Switch;
