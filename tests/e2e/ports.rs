//! Ports for programs that cannot take a free one themselves.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::Mutex;

/// First port that is handed out; above it and below the system's ephemeral ports.
const FIRST: u16 = 12_000;
/// One after the last.
const LAST: u16 = 32_000;
/// Places of different runs at the same time.
const PLACES: u32 = 3;

/// Where the next block begins, within this run's place.
static NEXT: Mutex<u16> = Mutex::new(0);

/// The first of `count` neighbours that are free now, an even number. After the last ones come the first again.
///
/// # Panics
/// When none are free.
pub fn block(count: u16) -> u16 {
    let size = (LAST - FIRST) / u16::try_from(PLACES).expect("small");
    let place = FIRST + u16::try_from(std::process::id() % PLACES).expect("small") * size;
    let step = count.next_multiple_of(2);
    for _ in 0..2 * size / step {
        let mut next = NEXT.lock().expect("nobody panics while holding it");
        let offset = if *next + step <= size { *next } else { 0 };
        *next = offset + step;
        drop(next);
        let first = place + offset;
        if (first..first + count).all(is_free) {
            return first;
        }
    }
    panic!("no {count} ports from {place} on are free");
}

/// One port that is free now, an even number; the next is free too.
pub fn one() -> u16 {
    block(2)
}

fn is_free(port: u16) -> bool {
    let at = (Ipv4Addr::LOCALHOST, port);
    UdpSocket::bind(at).is_ok() && TcpListener::bind(at).is_ok()
}
