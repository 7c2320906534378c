//! Ports for programs that cannot take a free one themselves. Each is handed out once per run.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

/// First port that is handed out; above it and below the system's ephemeral ports.
const FIRST: u16 = 12_000;
/// One after the last.
const LAST: u16 = 32_000;
/// Places of different runs at the same time.
const PLACES: u32 = 3;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// The first of `count` neighbours that are free now, an even number.
///
/// # Panics
/// When the range is used up.
pub fn block(count: u16) -> u16 {
    let size = (LAST - FIRST) / u16::try_from(PLACES).expect("small");
    let place = FIRST + u16::try_from(std::process::id() % PLACES).expect("small") * size;
    let step = count.next_multiple_of(2);
    loop {
        let offset = NEXT.fetch_add(step, Ordering::Relaxed);
        assert!(offset + step <= size, "all ports for tests are handed out");
        let first = place + offset;
        if (first..first + count).all(is_free) {
            return first;
        }
    }
}

/// One port that is free now, an even number; the next is free too.
pub fn one() -> u16 {
    block(2)
}

fn is_free(port: u16) -> bool {
    let at = (Ipv4Addr::LOCALHOST, port);
    UdpSocket::bind(at).is_ok() && TcpListener::bind(at).is_ok()
}
