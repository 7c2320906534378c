//! The port pool of one media thread: pairs of an even RTP port and the RTCP port above it.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::{IpAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::time::Duration;

use hotline_media::OpenFailure;
use hotline_types::{Rng, Time};

/// Pairs that one `Open` tries before it gives up: others on the machine may hold ports of our range.
const TRIES_MAX: usize = 16;

/// Free pairs in the order of their return, so that a port rests as long as can be.
#[derive(Debug)]
pub(super) struct Ports {
    free: VecDeque<(u16, Time)>,
    rest: Duration,
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
        let mut free: VecDeque<_> = even_ports(range)
            .skip(thread)
            .step_by(threads.max(1))
            .map(|port| (port, Time::ZERO))
            .collect();
        let start = usize::try_from(rng.below(free.len() as u64)).unwrap_or(0);
        free.rotate_left(start);
        Self { free, rest }
    }

    /// Binds a pair that has rested.
    pub(super) fn take(&mut self, now: Time, interface: IpAddr) -> Result<Pair, OpenFailure> {
        for _ in 0..TRIES_MAX {
            let Some((port, _)) = self.free.pop_front_if(|(_, rested)| *rested <= now) else {
                return Err(OpenFailure::NoPorts);
            };
            match bind(interface, port) {
                Ok((rtp, rtcp)) => return Ok(Pair { rtp, rtcp, port }),
                Err(error) => {
                    self.give_back(now, port);
                    if error.kind() != ErrorKind::AddrInUse {
                        return Err(OpenFailure::Address);
                    }
                }
            }
        }
        Err(OpenFailure::NoPorts)
    }

    /// Takes a pair back; stale packets meet nobody while it rests.
    pub(super) fn give_back(&mut self, now: Time, port: u16) {
        self.free.push_back((port, now + self.rest));
    }
}

fn bind(interface: IpAddr, port: u16) -> std::io::Result<(UdpSocket, UdpSocket)> {
    let rtp = UdpSocket::bind((interface, port))?;
    let rtcp = UdpSocket::bind((interface, port + 1))?;
    rtp.set_nonblocking(true)?;
    rtcp.set_nonblocking(true)?;
    // Expedited forwarding (RFC 3246) where the network honours it; a kernel that refuses changes nothing.
    let _marked = if interface.is_ipv4() {
        rustix::net::sockopt::set_ip_tos(&rtp, 0xB8)
    } else {
        rustix::net::sockopt::set_ipv6_tclass(&rtp, 0xB8)
    };
    Ok((rtp, rtcp))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn threads_share_the_range_without_overlap_and_only_whole_pairs_count() {
        let range = 20_001..=20_010;
        let mut rng = Rng::from_seed(1);
        let mut all = BTreeSet::new();
        for thread in 0..3 {
            let ports = Ports::new(&range, (thread, 3), Duration::ZERO, &mut rng);
            for (port, _) in ports.free {
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
    fn a_port_rests_before_it_is_used_again() {
        let mut ports = Ports::new(&(0..=0), (0, 1), Duration::from_secs(2), &mut Rng::from_seed(1));
        ports.give_back(Time::from_millis(500), 40_000);
        let interface = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(
            ports.take(Time::from_millis(2_499), interface).unwrap_err(),
            OpenFailure::NoPorts
        );
        assert_eq!(ports.free.len(), 1);
        let elsewhere = IpAddr::from([192, 0, 2, 77]);
        assert_eq!(
            ports.take(Time::from_millis(2_500), elsewhere).unwrap_err(),
            OpenFailure::Address
        );
    }
}
