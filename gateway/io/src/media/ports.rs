//! The port pool of one media thread: pairs of an even RTP port and the RTCP port above it.
//!
//! A pair that comes back rests with its sockets open, so that whoever still sends to it meets us and not the next
//! call. While something comes it goes on resting, for [`NOISE_MAX`] at most: one who sends to every port must not be
//! able to leave none for callers, and the choice of the source guards a call from strangers in any case.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::mem::MaybeUninit;
use std::net::{IpAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::time::Duration;

use hotline_media::OpenFailure;
use hotline_types::{Rng, Time};
use rustix::net::{RecvFlags, sockopt};

/// Pairs that one `Open` tries before it gives up: others on the machine may hold ports of our range.
const TRIES_MAX: usize = 16;
/// Longest rest of a pair to which somebody sends.
const NOISE_MAX: Duration = Duration::from_secs(60);
/// Datagrams taken from a resting socket at once.
const DRAIN_MAX: usize = 256;
/// Receive buffer of an RTP socket, bytes as asked for; the kernel takes twice that: 80 packets or 1.6 s of audio. What
/// is older is worth nothing, and a flood of one port cannot hold more of the machine's memory.
const RTP_BUFFER_BYTES: usize = 32 * 1024;
/// Receive buffer of an RTCP socket.
const RTCP_BUFFER_BYTES: usize = 8 * 1024;
/// Expedited forwarding (RFC 3246), as the byte of the IP header.
const EXPEDITED: u8 = 0xB8;

/// Free pairs in the order of their return, so that a port rests as long as can be.
#[derive(Debug)]
pub(super) struct Ports {
    free: VecDeque<u16>,
    resting: VecDeque<Resting>,
    rest: Duration,
    /// Times that a rest was made longer because somebody still sent.
    pub(super) noisy: u64,
}

#[derive(Debug)]
struct Resting {
    pair: Pair,
    /// Rested then.
    until: Time,
    /// Free then, whoever sends.
    limit: Time,
}

/// A bound pair.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) rtp: UdpSocket,
    pub(super) rtcp: UdpSocket,
    pub(super) port: u16,
}

/// How many pairs lie in a range.
pub(super) fn pairs(range: &RangeInclusive<u16>) -> usize {
    even_ports(range).count()
}

fn even_ports(range: &RangeInclusive<u16>) -> impl Iterator<Item = u16> {
    let last = *range.end();
    range
        .clone()
        .filter(move |port| *port != 0 && port % 2 == 0 && *port < last)
}

impl Ports {
    /// Every `threads`-th pair of the range from the `thread`-th on, beginning at a random one.
    pub(super) fn new(
        range: &RangeInclusive<u16>,
        (thread, threads): (usize, usize),
        rest: Duration,
        rng: &mut Rng,
    ) -> Self {
        let mut free: VecDeque<_> = even_ports(range).skip(thread).step_by(threads.max(1)).collect();
        let start = usize::try_from(rng.below(free.len() as u64)).unwrap_or(0);
        free.rotate_left(start);
        Self {
            free,
            resting: VecDeque::new(),
            rest,
            noisy: 0,
        }
    }

    /// Binds a pair that has rested.
    pub(super) fn take(&mut self, now: Time, interface: IpAddr) -> Result<Pair, OpenFailure> {
        self.settle(now);
        for _ in 0..TRIES_MAX {
            let Some(port) = self.free.pop_front() else {
                return Err(OpenFailure::NoPorts);
            };
            match bind(interface, port) {
                Ok((rtp, rtcp)) => return Ok(Pair { rtp, rtcp, port }),
                Err(error) => {
                    self.free.push_back(port);
                    if error.kind() != ErrorKind::AddrInUse {
                        return Err(OpenFailure::Address);
                    }
                }
            }
        }
        Err(OpenFailure::NoPorts)
    }

    /// Takes a pair back, to rest with its sockets open.
    pub(super) fn give_back(&mut self, now: Time, pair: Pair) {
        if self.rest.is_zero() {
            self.free.push_back(pair.port);
            return;
        }
        // Connected, it would be deaf to all but its last peer.
        let _heard = rustix::net::connect_unspec(&pair.rtp);
        self.resting.push_back(Resting {
            pair,
            until: now + self.rest,
            limit: now + self.rest.max(NOISE_MAX),
        });
    }

    /// Frees the pairs that have rested; those to which somebody sent meanwhile rest on.
    pub(super) fn settle(&mut self, now: Time) {
        // The rest is one and the same, so they stand in the order in which they are rested.
        while let Some(mut resting) = self.resting.pop_front_if(|resting| resting.until <= now) {
            let noise = drained(&resting.pair.rtp) | drained(&resting.pair.rtcp);
            if noise && now < resting.limit {
                self.noisy += 1;
                resting.until = now + self.rest;
                self.resting.push_back(resting);
            } else {
                self.free.push_back(resting.pair.port);
            }
        }
    }
}

/// Empties a socket; whether anything was in it.
fn drained(socket: &UdpSocket) -> bool {
    let mut any = false;
    for _ in 0..DRAIN_MAX {
        let mut room = [const { MaybeUninit::<u8>::uninit() }; 1];
        match rustix::net::recv(socket, &mut room[..], RecvFlags::DONTWAIT | RecvFlags::TRUNC) {
            Ok(_) => any = true,
            Err(rustix::io::Errno::AGAIN) => break,
            // ICMP about what we sent to the last peer.
            Err(_) => {}
        }
    }
    any
}

fn bind(interface: IpAddr, port: u16) -> std::io::Result<(UdpSocket, UdpSocket)> {
    let rtp = UdpSocket::bind((interface, port))?;
    let rtcp = UdpSocket::bind((interface, port + 1))?;
    for (socket, buffer) in [(&rtp, RTP_BUFFER_BYTES), (&rtcp, RTCP_BUFFER_BYTES)] {
        socket.set_nonblocking(true)?;
        // Where the network honours the mark and the kernel the size; one that refuses changes nothing.
        let _sized = sockopt::set_socket_recv_buffer_size(socket, buffer);
        let _marked = if interface.is_ipv4() {
            sockopt::set_ip_tos(socket, EXPEDITED)
        } else {
            sockopt::set_ipv6_tclass(socket, u32::from(EXPEDITED))
        };
    }
    Ok((rtp, rtcp))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn threads_share_the_range_without_overlap_and_only_whole_pairs_count() {
        let range = 20_001..=20_010;
        let mut rng = Rng::from_seed(1);
        let mut all = BTreeSet::new();
        for thread in 0..3 {
            let ports = Ports::new(&range, (thread, 3), Duration::ZERO, &mut rng);
            for port in ports.free {
                assert!(all.insert(port), "{port} twice");
            }
        }
        assert_eq!(
            all.into_iter().collect::<Vec<_>>(),
            [20_002, 20_004, 20_006, 20_008]
        );
        assert_eq!((pairs(&range), pairs(&(7..=7)), pairs(&(8..=9))), (4, 0, 1));
    }

    #[test]
    fn a_port_rests_while_strangers_send_to_it_but_not_for_ever() {
        let at = Time::from_millis;
        let range = super::super::tests::free_ports(2);
        let mut ports = Ports::new(&range, (0, 1), Duration::from_secs(2), &mut Rng::from_seed(1));
        let pair = ports.take(at(0), LOOPBACK).unwrap();
        let (port, stranger) = (pair.port, UdpSocket::bind((LOOPBACK, 0)).unwrap());
        // The pair was connected to its peer, which must not hide the stranger.
        rustix::net::connect(&pair.rtp, &std::net::SocketAddr::new(LOOPBACK, 9)).unwrap();
        ports.give_back(at(500), pair);
        let refused =
            |ports: &mut Ports, ms| ports.take(at(ms), LOOPBACK).unwrap_err() == OpenFailure::NoPorts;
        assert!(refused(&mut ports, 2_499), "it rests");
        for (ms, to) in [(2_500, port), (4_500, port + 1), (6_500, port)] {
            stranger.send_to(b"still here", (LOOPBACK, to)).unwrap();
            assert!(refused(&mut ports, ms), "somebody sent to {to}");
            assert!(refused(&mut ports, ms + 1_999), "and rests on");
        }
        assert_eq!(ports.noisy, 3);
        let pair = ports
            .take(at(8_500), LOOPBACK)
            .expect("it was quiet for a whole rest");
        assert!(!drained(&pair.rtp), "nothing of before meets the next call");
        ports.give_back(at(10_000), pair);
        for ms in (12_000..70_000).step_by(2_000) {
            stranger.send_to(b"for ever", (LOOPBACK, port)).unwrap();
            assert!(refused(&mut ports, ms));
        }
        stranger.send_to(b"for ever", (LOOPBACK, port)).unwrap();
        assert!(
            ports.take(at(70_000), LOOPBACK).is_ok(),
            "a flood must not leave callers without ports"
        );
    }

    #[test]
    fn an_address_that_is_not_ours_is_told_apart_from_a_port_that_is_taken() {
        let mut ports = Ports::new(&(40_000..=40_001), (0, 1), Duration::ZERO, &mut Rng::from_seed(1));
        let elsewhere = IpAddr::from([192, 0, 2, 77]);
        assert_eq!(
            ports.take(Time::ZERO, elsewhere).unwrap_err(),
            OpenFailure::Address
        );
    }
}
