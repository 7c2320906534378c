//! What the machine itself takes for a packet over loopback.

use std::net::UdpSocket;

const PACKETS: u32 = 200_000;
const PACKET_BYTES: usize = 172;

/// CPU time of sending a packet and receiving it, by a plain loop over two sockets, microseconds.
pub fn us_per_packet() -> f64 {
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.connect(receiver.local_addr().unwrap()).unwrap();
    let packet = [0x55_u8; PACKET_BYTES];
    let mut buffer = [0_u8; 2_048];
    let before = thread_cpu_ns();
    for _ in 0..PACKETS {
        sender.send(&packet).unwrap();
        receiver.recv(&mut buffer).unwrap();
    }
    (thread_cpu_ns() - before) / 1e3 / f64::from(PACKETS)
}

fn thread_cpu_ns() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}
