//! Whose packets are a peer's (design.md, Media): the choice of its source address, and when it may change.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hotline_types::Time;

use crate::PeerTrust;

/// After this silence a stream that goes on elsewhere may be followed there.
pub const REARM_AFTER: Duration = Duration::from_secs(2);

/// Packets in a row that prove a source which is not the SDP's address.
const PROOF_PACKETS: u8 = 3;
/// How far a sequence may have gone on while we heard nothing: a minute at 20 ms.
const CONTINUITY_MAX: u16 = 3_000;

/// What to do with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is the peer's.
    Accept,
    /// It is the peer's, and its address is chosen from now on: connect to it.
    Choose,
    /// It is not.
    Refuse,
}

/// The choice of one peer's RTP source. Re-armed by each new SDP.
#[derive(Clone, Debug)]
pub struct SourceChoice {
    trust: PeerTrust,
    /// Where the SDP says that it is.
    sdp: SocketAddr,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Nothing chosen. `before`: what was chosen under the SDP before, taken up again at once if still allowed.
    Open {
        candidate: Option<Candidate>,
        before: Option<SocketAddr>,
    },
    /// Chosen.
    Chosen(Chosen),
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    address: SocketAddr,
    ssrc: u32,
    sequence: u16,
    packets: u8,
}

#[derive(Clone, Copy, Debug)]
struct Chosen {
    address: SocketAddr,
    ssrc: u32,
    sequence: u16,
    heard: Time,
}

impl SourceChoice {
    /// For a peer whose SDP names this address.
    #[must_use]
    pub const fn new(trust: PeerTrust, sdp: SocketAddr) -> Self {
        Self {
            trust,
            sdp,
            state: State::Open {
                candidate: None,
                before: None,
            },
        }
    }

    /// A new SDP: the choice is open again.
    pub const fn rearm(&mut self, trust: PeerTrust, sdp: SocketAddr) {
        let before = self.chosen();
        *self = Self {
            trust,
            sdp,
            state: State::Open {
                candidate: None,
                before,
            },
        };
    }

    /// The chosen address.
    #[must_use]
    pub const fn chosen(&self) -> Option<SocketAddr> {
        match self.state {
            State::Open { .. } => None,
            State::Chosen(chosen) => Some(chosen.address),
        }
    }

    /// Where to send: the chosen source, else the SDP's address. Behind a NAT that address is of no use, and the
    /// source of before is the better guess until the next packet comes.
    #[must_use]
    pub fn target(&self) -> SocketAddr {
        match (self.state, self.trust) {
            (State::Chosen(chosen), _) => chosen.address,
            (
                State::Open {
                    before: Some(before), ..
                },
                PeerTrust::Nat(ip),
            ) if before.ip() == ip => before,
            (State::Open { .. }, _) => self.sdp,
        }
    }

    /// Whether the peer was silent for so long that its stream may be looked for elsewhere: disconnect the socket.
    #[must_use]
    pub fn is_stale(&self, now: Time) -> bool {
        match self.state {
            State::Open { .. } => false,
            State::Chosen(chosen) => self.follows() && now.since(chosen.heard) >= REARM_AFTER,
        }
    }

    /// Judges a good RTP packet by where it came from.
    pub fn judge(&mut self, now: Time, from: SocketAddr, ssrc: u32, sequence: u16) -> Judgement {
        match &mut self.state {
            State::Open { candidate, before } => {
                let known = from == self.sdp || *before == Some(from);
                if !allowed(self.trust, self.sdp, from) {
                    return Judgement::Refuse;
                }
                let nat = matches!(self.trust, PeerTrust::Nat(_));
                if !known && !nat && !proven(candidate, from, ssrc, sequence) {
                    return Judgement::Refuse;
                }
                self.state = State::Chosen(Chosen {
                    address: from,
                    ssrc,
                    sequence,
                    heard: now,
                });
                Judgement::Choose
            }
            State::Chosen(chosen) if chosen.address == from => {
                *chosen = Chosen {
                    address: from,
                    ssrc,
                    sequence,
                    heard: now,
                };
                Judgement::Accept
            }
            State::Chosen(chosen) => {
                let silent = now.since(chosen.heard) >= REARM_AFTER;
                let ahead = sequence.wrapping_sub(chosen.sequence);
                let goes_on = ssrc == chosen.ssrc && (1..=CONTINUITY_MAX).contains(&ahead);
                if !(silent && goes_on && allowed(self.trust, self.sdp, from)) {
                    return Judgement::Refuse;
                }
                *chosen = Chosen {
                    address: from,
                    ssrc,
                    sequence,
                    heard: now,
                };
                Judgement::Choose
            }
        }
    }

    /// Whether RTCP from this address may be the peer's: the port is not held against it.
    #[must_use]
    pub fn allows_rtcp(&self, from: IpAddr, rtcp: IpAddr) -> bool {
        from == rtcp
            || self.chosen().is_some_and(|chosen| chosen.ip() == from)
            || self.signalling() == Some(from)
    }

    const fn signalling(&self) -> Option<IpAddr> {
        match self.trust {
            PeerTrust::Strict => None,
            PeerTrust::Symmetric(ip) | PeerTrust::Nat(ip) => Some(ip),
        }
    }

    /// Whether another source could ever be accepted.
    const fn follows(&self) -> bool {
        !matches!(self.trust, PeerTrust::Strict)
    }
}

fn allowed(trust: PeerTrust, sdp: SocketAddr, from: SocketAddr) -> bool {
    from == sdp
        || match trust {
            PeerTrust::Strict => false,
            PeerTrust::Symmetric(ip) | PeerTrust::Nat(ip) => from.ip() == ip,
        }
}

/// Counts packets in a row of one stream from one address.
fn proven(candidate: &mut Option<Candidate>, address: SocketAddr, ssrc: u32, sequence: u16) -> bool {
    let packets = match candidate {
        Some(before)
            if before.address == address
                && before.ssrc == ssrc
                && sequence.wrapping_sub(before.sequence) == 1 =>
        {
            before.packets + 1
        }
        _ => 1,
    };
    *candidate = Some(Candidate {
        address,
        ssrc,
        sequence,
        packets,
    });
    packets >= PROOF_PACKETS
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "192.0.2.1:4000";
    const SIGNALLING: &str = "198.51.100.7";

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    /// `(ms, from, ssrc, sequence)`.
    type Packet = (u64, &'static str, u32, u16);

    /// The judgements as letters: a accept, c choose, - refuse.
    fn judged(choice: &mut SourceChoice, packets: &[Packet]) -> String {
        packets
            .iter()
            .map(|&(at, from, ssrc, sequence)| {
                match choice.judge(Time::from_millis(at), address(from), ssrc, sequence) {
                    Judgement::Accept => 'a',
                    Judgement::Choose => 'c',
                    Judgement::Refuse => '-',
                }
            })
            .collect()
    }

    #[test]
    fn each_trust_believes_what_it_may() {
        let ip = SIGNALLING.parse().unwrap();
        let other = "198.51.100.7:9";
        let stranger = "203.0.113.9:4000";
        let cases: &[(PeerTrust, &[Packet], &str)] = &[
            (
                PeerTrust::Strict,
                &[
                    (0, other, 1, 1),
                    (1, stranger, 1, 2),
                    (2, SDP, 1, 3),
                    (3, SDP, 1, 4),
                ],
                "--ca",
            ),
            (
                PeerTrust::Strict,
                &[(0, SDP, 1, 1), (5_000, "192.0.2.1:4002", 1, 2)],
                "c-",
            ),
            (
                PeerTrust::Symmetric(ip),
                &[(0, stranger, 1, 1), (1, SDP, 1, 2), (2, other, 1, 3)],
                "-c-",
            ),
            (
                PeerTrust::Symmetric(ip),
                &[
                    (0, other, 1, 1),
                    (1, other, 1, 2),
                    (2, other, 1, 3),
                    (3, other, 1, 4),
                ],
                "--ca",
            ),
            (
                PeerTrust::Symmetric(ip),
                &[
                    (0, other, 1, 1),
                    (1, other, 1, 9),
                    (2, other, 2, 10),
                    (3, other, 2, 11),
                ],
                "----",
            ),
            (
                PeerTrust::Nat(ip),
                &[(0, stranger, 1, 1), (1, other, 1, 2), (2, SDP, 1, 3)],
                "-c-",
            ),
        ];
        for (trust, packets, expected) in cases {
            let mut choice = SourceChoice::new(*trust, address(SDP));
            assert_eq!(judged(&mut choice, packets), *expected, "{trust:?}");
        }
    }

    #[test]
    fn a_stream_is_followed_after_silence_only_if_it_goes_on() {
        let trust = PeerTrust::Nat(SIGNALLING.parse().unwrap());
        let packets: &[Packet] = &[
            (0, "198.51.100.7:10", 1, 65_530),
            (1_000, "198.51.100.7:11", 1, 65_531),
            (2_000, "198.51.100.7:11", 2, 65_531),
            (2_000, "198.51.100.7:11", 1, 65_000),
            (2_000, "203.0.113.9:11", 1, 40),
            (2_000, "198.51.100.7:11", 1, 40),
            (2_020, "198.51.100.7:11", 1, 41),
        ];
        let mut choice = SourceChoice::new(trust, address(SDP));
        assert_eq!(judged(&mut choice, packets), "c----ca");
        assert!(!choice.is_stale(Time::from_millis(4_019)) && choice.is_stale(Time::from_millis(4_020)));
    }

    #[test]
    fn behind_a_nat_we_go_on_sending_to_where_the_peer_was_heard() {
        let trust = PeerTrust::Nat(SIGNALLING.parse().unwrap());
        let mut choice = SourceChoice::new(trust, address(SDP));
        assert_eq!(choice.target(), address(SDP));
        assert_eq!(judged(&mut choice, &[(0, "198.51.100.7:10", 1, 1)]), "c");
        choice.rearm(trust, address("192.0.2.1:5000"));
        assert_eq!(
            (choice.chosen(), choice.target()),
            (None, address("198.51.100.7:10"))
        );
    }

    #[test]
    fn a_new_sdp_opens_the_choice_and_the_source_of_before_is_taken_up_at_once() {
        let ip = SIGNALLING.parse().unwrap();
        let mut choice = SourceChoice::new(PeerTrust::Symmetric(ip), address(SDP));
        let proof: Vec<_> = (1..=3)
            .map(|sequence| (0, "198.51.100.7:10", 1, sequence))
            .collect();
        assert_eq!(judged(&mut choice, &proof), "--c");
        assert_eq!(choice.target(), address("198.51.100.7:10"));
        choice.rearm(PeerTrust::Symmetric(ip), address("192.0.2.1:5000"));
        assert_eq!(choice.target(), address("192.0.2.1:5000"));
        assert_eq!(judged(&mut choice, &[(9, "198.51.100.7:10", 1, 4)]), "c");
        choice.rearm(PeerTrust::Strict, address("192.0.2.1:5000"));
        assert_eq!(
            judged(
                &mut choice,
                &[(9, "198.51.100.7:10", 1, 5), (9, "192.0.2.1:5000", 8, 5)]
            ),
            "-c"
        );
        assert!(choice.allows_rtcp("192.0.2.1".parse().unwrap(), "192.0.2.9".parse().unwrap()));
        assert!(!choice.allows_rtcp(ip, "192.0.2.9".parse().unwrap()));
    }
}
