//! Reading a message allocates nothing, and answering it nothing once the buffer has grown.

#![expect(unsafe_code, reason = "a counting allocator must implement an unsafe trait")]

use hotline_sip::build::{Answer, response};
use hotline_sip::message::Message;

include!("data/counting.rs");

// One test only: the count is that of the whole process.
#[test]
fn reading_and_answering_an_invite_allocates_nothing() {
    let bytes = invite();
    assert!((1150..1400).contains(&bytes.len()), "{} bytes", bytes.len());
    let peer = std::net::SocketAddr::from(([198, 51, 100, 7], 5060));
    let mut out = Vec::with_capacity(4096);
    let mut round = || {
        let sum = read(&bytes);
        let message = Message::parse(&bytes).expect("the INVITE can be read");
        let answer = Answer {
            status: 180,
            to_tag: Some(0x8f2a_0c55),
            peer,
        };
        out = response(std::mem::take(&mut out), &message, answer).finish();
        (sum, out.len())
    };
    let first = round();
    // Other threads of the test harness may allocate: some round in a hundred sees none.
    let quiet = (0..100).any(|_| {
        let before = allocations();
        let same = round() == first;
        same && allocations() == before
    });
    assert!(quiet);
}
