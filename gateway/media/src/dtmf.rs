//! Telephone-events (RFC 4733): keys out of packets, and packets for a key.

use hotline_types::Time;

use crate::rtp::Header;

/// Keys a second that a leg may press; a person manages ten, what is beyond is counted and dropped.
pub const DIGITS_PER_SECOND_MAX: u32 = 20;

/// Ticks between the end seen of an event and a packet that still belongs to it: 100 ms of lost updates.
const CONTINUES_TICKS_MAX: i32 = 800;
/// A duration from which a long event may have been cut in segments (RFC 4733 §2.5.1.3).
const SEGMENT_TICKS_MIN: u16 = 0xF000;
/// After this many milliseconds without an event an older timestamp is a new time base, not a late packet.
const LATE_MS_MAX: u128 = 2_000;

/// Receiver of one leg: each key once, at its first packet that arrives.
#[derive(Clone, Debug, Default)]
pub struct Receiver {
    last: Option<Event>,
    second: u64,
    in_second: u32,
    dropped: u64,
}

#[derive(Clone, Copy, Debug)]
struct Event {
    ssrc: u32,
    timestamp: u32,
    code: u8,
    duration: u16,
    ended: bool,
    at: Time,
}

impl Receiver {
    /// Takes a telephone-event packet; the key at the first packet of its event, `None` for its repetitions,
    /// events that are no key (flash, tones), malformed payloads and keys beyond [`DIGITS_PER_SECOND_MAX`].
    pub fn take(&mut self, now: Time, header: &Header, payload: &[u8]) -> Option<char> {
        let &[code, flags, high, low] = payload.first_chunk::<4>()?;
        let event = Event {
            ssrc: header.ssrc,
            timestamp: header.timestamp,
            code,
            duration: u16::from_be_bytes([high, low]),
            ended: flags & 0x80 != 0,
            at: now,
        };
        let digit = key(code)?;
        if let Some(last) = &mut self.last
            && last.ssrc == event.ssrc
        {
            let newer = event.timestamp.wrapping_sub(last.timestamp).cast_signed();
            if newer == 0 && last.code == code {
                last.duration = last.duration.max(event.duration);
                last.ended |= event.ended;
                last.at = now;
                return None;
            }
            if newer < 0 && now.since(last.at).as_millis() < LATE_MS_MAX {
                return None;
            }
            if last.continues(&event, newer, header.marker) {
                *last = event;
                return None;
            }
        }
        self.last = Some(event);
        self.within_rate(now).then_some(digit)
    }

    /// Keys dropped beyond the rate.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    fn within_rate(&mut self, now: Time) -> bool {
        let second = now.as_nanos() / 1_000_000_000;
        if second != self.second {
            self.second = second;
            self.in_second = 0;
        }
        self.in_second += 1;
        if self.in_second > DIGITS_PER_SECOND_MAX {
            self.in_second = DIGITS_PER_SECOND_MAX;
            self.dropped += 1;
            return false;
        }
        true
    }
}

impl Event {
    /// Whether a packet with a newer timestamp is the same press: the next segment of a long one, or the work of
    /// a phone that wrongly moves the timestamp with every packet (its duration then grows all the same).
    fn continues(&self, next: &Self, newer: i32, marker: bool) -> bool {
        let gap = newer - i32::from(self.duration);
        let grows = next.duration >= self.duration && newer <= CONTINUES_TICKS_MAX;
        let segment = self.duration >= SEGMENT_TICKS_MIN && gap.abs() <= CONTINUES_TICKS_MAX;
        let open = !self.ended || next.ended;
        next.code == self.code && !marker && open && (grows || segment)
    }
}

/// The key of an event code (RFC 4733 §3.2), if it is one.
#[must_use]
pub const fn key(code: u8) -> Option<char> {
    match code {
        0..=9 => Some((b'0' + code) as char),
        10 => Some('*'),
        11 => Some('#'),
        12..=15 => Some((b'A' + code - 12) as char),
        _ => None,
    }
}

/// The event code of a key.
#[must_use]
pub const fn code(key: char) -> Option<u8> {
    match key {
        '0'..='9' => Some(key as u8 - b'0'),
        '*' => Some(10),
        '#' => Some(11),
        'A'..='D' => Some(key as u8 - b'A' + 12),
        _ => None,
    }
}

/// One packet of a key being sent. All packets of a key carry the timestamp of its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPacket {
    /// Marker: the first one.
    pub marker: bool,
    /// The payload.
    pub payload: [u8; 4],
}

/// The packets of a key held for `millis` (at most 8 s), one per 20 ms, the end three times (RFC 4733 §2.5.1.4).
pub fn press(key: char, millis: u16) -> impl Iterator<Item = KeyPacket> {
    let steps = (millis / 20).clamp(1, 400);
    let code = code(key);
    (1..steps + 3).filter_map(move |step| {
        let [high, low] = (step.min(steps) * 160).to_be_bytes();
        let flags = if step >= steps { 0x80 | 10 } else { 10 };
        Some(KeyPacket {
            marker: step == 1,
            payload: [code?, flags, high, low],
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets as `(at ms, timestamp, marker, code, end, duration)`; what keys they make.
    fn keys(packets: &[(u64, u32, bool, u8, bool, u16)]) -> String {
        let mut receiver = Receiver::default();
        let mut heard = String::new();
        for &(at, timestamp, marker, code, end, duration) in packets {
            let mut bytes = [0_u8; 16];
            let mut fixed = [0_u8; 12];
            Header::write(101, marker, 0, timestamp, 9, &mut fixed);
            bytes[..12].copy_from_slice(&fixed);
            bytes[12] = code;
            bytes[13] = if end { 0x8A } else { 0x0A };
            bytes[14..].copy_from_slice(&duration.to_be_bytes());
            let header = Header::read(&bytes).unwrap();
            heard.extend(receiver.take(Time::from_millis(at), &header, header.payload(&bytes)));
        }
        heard
    }

    #[test]
    fn each_key_is_heard_once_whatever_is_lost_or_repeated() {
        let whole = [
            (0, 100, true, 5, false, 160),
            (20, 100, false, 5, false, 320),
            (40, 100, false, 5, true, 480),
        ];
        let cases: &[(&str, Vec<_>, &str)] = &[
            (
                "whole, end three times",
                [&whole[..], &[whole[2], whole[2]]].concat(),
                "5",
            ),
            ("start lost", whole[1..].to_vec(), "5"),
            ("only the end arrives", whole[2..].to_vec(), "5"),
            (
                "end lost, next key follows",
                vec![whole[0], (200, 1_700, true, 5, false, 160)],
                "55",
            ),
            (
                "end and next marker lost",
                vec![whole[1], (200, 1_700, false, 5, false, 160)],
                "55",
            ),
            (
                "another key at once",
                vec![whole[0], (20, 260, false, 6, false, 160)],
                "56",
            ),
            (
                "late packet of the key before",
                vec![whole[0], (90, 900, true, 6, false, 160), whole[2]],
                "56",
            ),
            (
                "flash and nonsense",
                vec![(0, 1, true, 16, false, 0), (0, 2, true, 255, true, 9)],
                "",
            ),
            (
                "phone that moves the timestamp",
                vec![
                    whole[0],
                    (20, 260, false, 5, false, 320),
                    (40, 420, false, 5, true, 480),
                    (60, 580, false, 5, true, 480),
                ],
                "5",
            ),
            (
                "long press in two segments",
                vec![
                    (0, 0, true, 1, false, 0xFFFF),
                    (8_192, 0xFFFF, false, 1, false, 160),
                    (8_212, 0xFFFF, false, 1, true, 320),
                ],
                "1",
            ),
            (
                "source that restarts its clock",
                vec![(0, 900_000, true, 1, true, 160), (5_000, 7, true, 2, true, 160)],
                "12",
            ),
        ];
        for (case, packets, expected) in cases {
            assert_eq!(keys(packets), *expected, "{case}");
        }
    }

    #[test]
    fn all_sixteen_keys_go_and_come_back() {
        for key_sent in "0123456789*#ABCD".chars() {
            let mut receiver = Receiver::default();
            let packets: Vec<_> = press(key_sent, 100).collect();
            assert_eq!(packets.len(), 7);
            let header = Header::read(&[0x80, 101, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]).unwrap();
            let heard: Vec<char> = packets
                .iter()
                .filter_map(|packet| receiver.take(Time::ZERO, &header, &packet.payload))
                .collect();
            assert_eq!(heard, [key_sent]);
        }
        assert_eq!(press('x', 100).count(), 0);
    }

    #[test]
    fn more_keys_than_fingers_can_press_are_dropped_and_counted() {
        let mut receiver = Receiver::default();
        let mut heard = 0;
        for press in 0..100_u32 {
            let mut bytes = [0x80_u8, 0x80 | 101, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
            bytes[4..8].copy_from_slice(&(press * 1_000).to_be_bytes());
            let header = Header::read(&bytes).unwrap();
            heard += u32::from(
                receiver
                    .take(Time::from_millis(5), &header, &[1, 0x8A, 0, 160])
                    .is_some(),
            );
        }
        assert_eq!((heard, receiver.dropped()), (20, 80));
    }
}
