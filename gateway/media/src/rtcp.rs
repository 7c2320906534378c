//! RTCP (RFC 3550 §6): our report out, the peer's report in. It ends here and is never relayed.

use hotline_types::WallTime;

use crate::stats::ReportBlock;

/// Bytes of a report that we build at most.
pub const REPORT_BYTES_MAX: usize = 80;
/// Packets of a compound that we look at.
const COMPOUND_PACKETS_MAX: usize = 16;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const BYE: u8 = 203;
const LAST_KNOWN: u8 = 207;
/// Seconds from 1900 to 1970.
const NTP_OFFSET: u64 = 2_208_988_800;

/// What a report of ours says of what we sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderInfo {
    /// The wall clock now.
    pub wall: WallTime,
    /// The RTP timestamp that belongs to it.
    pub timestamp: u32,
    /// Packets sent; wraps.
    pub packets: u32,
    /// Payload octets sent; wraps.
    pub octets: u32,
}

/// What the peer's last sender report was, for the round trip (RFC 3550 §6.4.1, LSR and DLSR).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastReport {
    /// Middle 32 bits of its NTP time.
    pub ntp: u32,
    /// Time since, in 1/65536 s.
    pub delay: u32,
}

/// What a peer's report block says of our stream (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OursTold {
    /// Cumulative loss; duplicates make it negative.
    pub lost: i32,
    /// Interarrival jitter, ticks.
    pub jitter: u32,
    /// Which report of ours it had last, and since when.
    pub last: LastReport,
}

/// What the peer told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Middle 32 bits of the NTP time of its sender report.
    pub ntp: Option<u32>,
    /// What it says of our stream.
    pub ours: Option<OursTold>,
    /// It says good-bye.
    pub bye: bool,
}

/// Writes a compound report (SR or RR, then SDES with a CNAME of our SSRC) and returns its length.
pub fn build(
    ssrc: u32,
    sender: Option<SenderInfo>,
    block: Option<(ReportBlock, LastReport)>,
    out: &mut [u8; REPORT_BYTES_MAX],
) -> usize {
    let kind = if sender.is_some() {
        SENDER_REPORT
    } else {
        RECEIVER_REPORT
    };
    let mut writer = Writer { out, at: 0 };
    writer.word(0);
    writer.word(ssrc);
    if let Some(info) = sender {
        let (seconds, fraction) = ntp(info.wall);
        for word in [seconds, fraction, info.timestamp, info.packets, info.octets] {
            writer.word(word);
        }
    }
    if let Some((block, last)) = block {
        let lost = block.lost.cast_unsigned() & 0x00FF_FFFF;
        let loss = (u32::from(block.fraction) << 24) | lost;
        for word in [
            block.ssrc,
            loss,
            block.highest,
            block.jitter,
            last.ntp,
            last.delay,
        ] {
            writer.word(word);
        }
    }
    writer.head(0, u8::from(block.is_some()), kind);
    let description = writer.at;
    writer.word(0);
    writer.word(ssrc);
    // CNAME (1), eight hexadecimal digits of the SSRC, end of list and padding to a whole word.
    let name = hex(ssrc);
    writer.word(u32::from_be_bytes([1, 8, name[0], name[1]]));
    writer.word(u32::from_be_bytes([name[2], name[3], name[4], name[5]]));
    writer.word(u32::from_be_bytes([name[6], name[7], 0, 0]));
    writer.head(description, 1, SOURCE_DESCRIPTION);
    writer.at
}

/// Reads a compound; `None` where it does not begin as RTCP does (RFC 3550 A.2). A broken tail is ignored.
#[must_use]
pub fn read(packet: &[u8], ours: u32) -> Option<Told> {
    let first = packet.first_chunk::<8>()?;
    if first[0] >> 6 != 2 || !(SENDER_REPORT..=LAST_KNOWN).contains(&first[1]) {
        return None;
    }
    let mut told = Told::default();
    let mut rest = packet;
    for _ in 0..COMPOUND_PACKETS_MAX {
        let Some(&[flags, kind, high, low]) = rest.first_chunk::<4>() else {
            break;
        };
        let length = (usize::from(u16::from_be_bytes([high, low])) + 1) * 4;
        let Some(whole) = rest.get(..length) else { break };
        match kind {
            SENDER_REPORT => {
                let middle = whole.get(10..14).and_then(|bytes| bytes.first_chunk::<4>());
                told.ntp = middle.map(|bytes| u32::from_be_bytes(*bytes)).or(told.ntp);
                told.ours = blocks(whole, 28, flags & 0x1F, ours).or(told.ours);
            }
            RECEIVER_REPORT => told.ours = blocks(whole, 8, flags & 0x1F, ours).or(told.ours),
            BYE => told.bye = true,
            _ => {}
        }
        rest = &rest[length..];
    }
    Some(told)
}

/// The report block about us.
fn blocks(whole: &[u8], at: usize, count: u8, ours: u32) -> Option<OursTold> {
    let blocks = whole.get(at..)?;
    blocks
        .chunks_exact(24)
        .take(usize::from(count))
        .find_map(|block| {
            let word = |at: usize| Some(u32::from_be_bytes(*block.get(at..)?.first_chunk::<4>()?));
            if word(0)? != ours {
                return None;
            }
            Some(OursTold {
                // 24 bits, signed.
                lost: (word(4)? << 8).cast_signed() >> 8,
                jitter: word(12)?,
                last: LastReport {
                    ntp: word(16)?,
                    delay: word(20)?,
                },
            })
        })
}

struct Writer<'a> {
    out: &'a mut [u8; REPORT_BYTES_MAX],
    at: usize,
}

impl Writer<'_> {
    fn word(&mut self, word: u32) {
        if let Some(place) = self.out.get_mut(self.at..self.at + 4) {
            place.copy_from_slice(&word.to_be_bytes());
            self.at += 4;
        }
    }

    /// Fills the header of the packet that began at `start`.
    fn head(&mut self, start: usize, count: u8, kind: u8) {
        let words = u16::try_from((self.at - start) / 4 - 1)
            .unwrap_or(0)
            .to_be_bytes();
        self.out[start..start + 4].copy_from_slice(&[0x80 | count, kind, words[0], words[1]]);
    }
}

fn hex(number: u32) -> [u8; 8] {
    let mut text = [0; 8];
    for (place, digit) in text.iter_mut().enumerate() {
        let nibble = (number >> (28 - place * 4)) & 0xF;
        *digit = b"0123456789abcdef"[nibble as usize];
    }
    text
}

/// The middle 32 bits of a moment's NTP time, by which a peer names our report.
#[must_use]
pub fn middle(wall: WallTime) -> u32 {
    let (seconds, fraction) = ntp(wall);
    (seconds << 16) | (fraction >> 16)
}

fn ntp(wall: WallTime) -> (u32, u32) {
    let micros = wall.as_micros().max(0).unsigned_abs();
    let seconds = (micros / 1_000_000 + NTP_OFFSET) & 0xFFFF_FFFF;
    let fraction = ((micros % 1_000_000) << 32) / 1_000_000;
    (
        u32::try_from(seconds).unwrap_or(0),
        u32::try_from(fraction).unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    use hotline_types::Rng;

    use super::*;

    fn block(ssrc: u32) -> (ReportBlock, LastReport) {
        let block = ReportBlock {
            ssrc,
            fraction: 42,
            lost: -1,
            highest: 70_000,
            jitter: 13,
        };
        (block, LastReport { ntp: 5, delay: 6 })
    }

    #[test]
    fn a_sender_report_is_a_compound_that_reads_back() {
        let mut out = [0; REPORT_BYTES_MAX];
        let wall = WallTime::from_micros(1_500_000);
        let info = SenderInfo {
            wall,
            timestamp: 1,
            packets: 2,
            octets: 3,
        };
        let len = build(0xABCD_0123, Some(info), Some(block(77)), &mut out);
        assert_eq!(len, 28 + 24 + 20);
        assert_eq!(&out[..4], [0x81, 200, 0, 12]);
        assert_eq!(
            &out[8..16],
            [0x83, 0xAA, 0x7E, 0x81, 0x80, 0, 0, 0],
            "1.5 s after 1970, in NTP"
        );
        assert_eq!(middle(wall), 0x7E81_8000);
        assert_eq!(&out[60..70], b"\x01\x08abcd0123");
        let told = read(&out[..len], 77).unwrap();
        assert_eq!(
            told,
            Told {
                ntp: Some(0x7E81_8000),
                ours: Some(OursTold {
                    lost: -1,
                    jitter: 13,
                    last: LastReport { ntp: 5, delay: 6 }
                }),
                bye: false
            }
        );
        assert_eq!(read(&out[..len], 78).unwrap().ours, None);
    }

    #[test]
    fn a_silent_listener_sends_a_receiver_report_and_a_bye_is_seen() {
        let mut out = [0; REPORT_BYTES_MAX];
        let len = build(1, None, None, &mut out);
        assert_eq!(&out[..4], [0x80, 201, 0, 1]);
        let mut compound = out[..len].to_vec();
        compound.extend([0x81, 203, 0, 1, 0, 0, 0, 1]);
        assert!(read(&compound, 9).unwrap().bye);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut rng = Rng::from_seed(5);
        for _ in 0..50_000 {
            let mut bytes = vec![0; usize::try_from(rng.below(120)).unwrap()];
            rng.fill(&mut bytes);
            if let [first, second, ..] = bytes.as_mut_slice() {
                *first = 0x80 | (*first & 0x3F);
                *second = 200 + *second % 8;
            }
            assert!(read(&bytes, 1).is_some() || bytes.len() < 8);
        }
    }
}
