//! Which packets of a source were seen (RFC 3711 §3.3.1 and §3.3.2): the index behind a 16-bit sequence number, and a
//! window in which each index is taken once.

/// Packets before the newest of which we know whether they came; the RFC asks for 64 at least.
const WINDOW: u64 = 128;
/// Sources of one key that are remembered. A leg has one; a phone that changes its SSRC has a few in its life. Only
/// who has the key can make one, and the one that was quiet longest goes first.
const SOURCES_MAX: usize = 4;

/// One source's packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    ssrc: u32,
    /// Highest index so far; none before the first packet.
    highest: Option<u64>,
    /// Bit n: the index `highest - n` was taken.
    seen: u128,
}

impl Stream {
    pub(super) const fn new(ssrc: u32) -> Self {
        Self {
            ssrc,
            highest: None,
            seen: 0,
        }
    }

    /// The index that a sequence number most probably stands for; none where that lies before the source began.
    pub(super) fn index_of(&self, sequence: u16) -> Option<u64> {
        const HALF: u16 = 1 << 15;
        let Some(highest) = self.highest else {
            return Some(u64::from(sequence));
        };
        let newest = u16::try_from(highest & 0xFFFF).unwrap_or(0);
        let round = highest >> 16;
        let round = if newest < HALF && sequence.checked_sub(newest).is_some_and(|ahead| ahead > HALF) {
            round.checked_sub(1)?
        } else if newest >= HALF && newest - HALF > sequence {
            round + 1
        } else {
            round
        };
        Some((round << 16) | u64::from(sequence))
    }

    /// With this index taken; none where it was taken before or is too old to tell.
    pub(super) fn noted(&self, index: u64) -> Option<Self> {
        let Some(highest) = self.highest else {
            return Some(Self {
                highest: Some(index),
                seen: 1,
                ..*self
            });
        };
        if let Some(ahead) = index.checked_sub(highest).filter(|ahead| *ahead > 0) {
            let seen = if ahead < WINDOW { self.seen << ahead } else { 0 };
            return Some(Self {
                highest: Some(index),
                seen: seen | 1,
                ..*self
            });
        }
        let back = highest - index;
        let bit = 1_u128.checked_shl(u32::try_from(back).ok()?)?;
        (self.seen & bit == 0).then_some(Self {
            seen: self.seen | bit,
            ..*self
        })
    }
}

/// The sources of one key, the one heard last first.
#[derive(Debug, Default)]
pub(super) struct Sources([Option<Stream>; SOURCES_MAX]);

impl Sources {
    pub(super) fn find(&self, ssrc: u32) -> Option<&Stream> {
        self.0.iter().flatten().find(|stream| stream.ssrc == ssrc)
    }

    /// Remembers a source, in place of what was known of it.
    pub(super) fn put(&mut self, stream: Stream) {
        let place = self
            .0
            .iter()
            .position(|old| old.is_none_or(|old| old.ssrc == stream.ssrc))
            .unwrap_or(SOURCES_MAX - 1);
        if let Some(front) = self.0.get_mut(..=place) {
            front.rotate_right(1);
            if let Some(first) = front.first_mut() {
                *first = Some(stream);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_are_followed_over_the_wrap_and_back() {
        let stream = Stream::new(1).noted(65_000).unwrap();
        assert_eq!(stream.index_of(65_001), Some(65_001));
        assert_eq!(stream.index_of(3), Some(65_539));
        let stream = stream.noted(65_539).unwrap();
        assert_eq!(stream.index_of(65_530), Some(65_530), "late, of the round before");
        let young = Stream::new(1).noted(5).unwrap();
        assert_eq!(young.index_of(65_000), None, "before the first round");
    }

    #[test]
    fn each_index_is_taken_once_and_old_ones_not_at_all() {
        let mut stream = Stream::new(1);
        for (index, taken) in [
            (1_000, true),
            (1_000, false),
            (998, true),
            (998, false),
            (1_127, true),
            (1_000, false),
            (999, false),
            (1_001, true),
            (9_000, true),
            (1_127, false),
        ] {
            let noted = stream.noted(index);
            assert_eq!(noted.is_some(), taken, "{index}");
            stream = noted.unwrap_or(stream);
        }
    }

    #[test]
    fn the_source_that_was_quiet_longest_is_forgotten_first() {
        let mut sources = Sources::default();
        for ssrc in [1, 2, 3, 4, 1, 5] {
            sources.put(Stream::new(ssrc));
        }
        let known: Vec<u32> = (1..=5).filter(|ssrc| sources.find(*ssrc).is_some()).collect();
        assert_eq!(known, [1, 3, 4, 5]);
    }
}
