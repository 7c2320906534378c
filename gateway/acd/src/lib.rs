//! The queue engine: queues, agents, offers, shift bands, routing. Pure: told the time, asked by poll.

mod api;

pub use api::*;
