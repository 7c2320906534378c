//! What it costs to read a 1.2 kB INVITE and to answer it: time and allocations per message.
//!
//! Prints one line of JSON per figure and appends it to `bench.jsonl` in the target folder.

#![expect(unsafe_code, reason = "a counting allocator must implement an unsafe trait")]
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and appends to its file"
)]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::hint::black_box;
use std::time::Instant;

use hotline_sip::build::{Answer, response};
use hotline_sip::frame::{Frame, FrameLimits, Framer};
use hotline_sip::message::Message;
use report::report;

#[path = "data/report.rs"]
mod report;

include!("../tests/data/counting.rs");

/// Short rounds and many: the best of them ran without being interrupted.
const ROUNDS: u32 = 500;
const MESSAGES: u32 = 400;

/// Runs the work in rounds and reports the best one, which other load on the machine has disturbed least.
fn figure(name: &str, mut work: impl FnMut() -> usize) {
    black_box(work());
    let before = allocations();
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        for _ in 0..MESSAGES {
            black_box(work());
        }
        best = best.min(begun.elapsed().as_secs_f64() / f64::from(MESSAGES));
    }
    let each = (allocations() - before) as f64 / f64::from(ROUNDS * MESSAGES);
    let conditions = format!("{} bytes, best of {ROUNDS} rounds of {MESSAGES}", invite().len());
    report("sip_parse", name, best * 1e9, "ns", &conditions);
    report(
        "sip_parse",
        &format!("{name}_allocations"),
        each,
        "count",
        &conditions,
    );
}

fn main() {
    let bytes = invite();
    figure("index", || {
        Message::parse(black_box(&bytes)).map_or(0, |message| message.body().len())
    });
    figure("index_and_typed", || read(black_box(&bytes)));
    let mut out = Vec::with_capacity(2048);
    let peer = std::net::SocketAddr::from(([198, 51, 100, 7], 5060));
    let message = Message::parse(&bytes).expect("the INVITE can be read");
    figure("answer", || {
        let answer = Answer {
            status: 180,
            to_tag: Some(0x8f2a_0c55),
            peer,
        };
        out = response(std::mem::take(&mut out), &message, answer).finish();
        out.len()
    });
    let mut framer = Framer::new(FrameLimits::default());
    figure("frame", || {
        framer.push(black_box(&bytes));
        match framer.next_frame() {
            Ok(Some(Frame::Message(message))) => message.len(),
            _ => 0,
        }
    });
}
