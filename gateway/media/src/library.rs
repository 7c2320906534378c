//! The library of clips: prompts and music, encoded once per codec and shared by all calls.

use crate::{ClipId, Codec, g711};

/// All clips of the house in both laws, 8 kHz mono. Immutable; share it by `Arc`.
#[derive(Clone, Debug, Default)]
pub struct Library {
    clips: Vec<Clip>,
}

#[derive(Clone, Debug)]
struct Clip {
    pcmu: Box<[u8]>,
    pcma: Box<[u8]>,
}

impl Library {
    /// Encodes clips of 16-bit linear samples at 8 kHz, mono; the place in the list is the [`ClipId`].
    #[must_use]
    pub fn build(clips: Vec<Vec<i16>>) -> Self {
        let encode = |codec, samples: &[i16]| {
            samples
                .iter()
                .map(|&sample| g711::encode(codec, sample))
                .collect()
        };
        let clips = clips
            .iter()
            .map(|samples| Clip {
                pcmu: encode(Codec::Pcmu, samples),
                pcma: encode(Codec::Pcma, samples),
            })
            .collect();
        Self { clips }
    }

    /// The payload bytes of a clip; empty where there is no such clip.
    #[must_use]
    pub fn clip(&self, clip: ClipId, codec: Codec) -> &[u8] {
        let found = usize::try_from(clip.0).ok().and_then(|at| self.clips.get(at));
        match (found, codec) {
            (None, _) => &[],
            (Some(clip), Codec::Pcmu) => &clip.pcmu,
            (Some(clip), Codec::Pcma) => &clip.pcma,
        }
    }

    /// How many clips there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.clips.len()
    }

    /// Whether there is no clip at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clips.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_is_there_in_both_laws_and_an_unknown_one_is_empty() {
        let library = Library::build(vec![vec![0, 1000, -1000], vec![]]);
        let decoded = |codec| -> Vec<i16> {
            library
                .clip(ClipId(0), codec)
                .iter()
                .map(|&code| g711::decode(codec, code))
                .collect()
        };
        assert_eq!(decoded(Codec::Pcmu), [0, 988, -988]);
        assert_eq!(decoded(Codec::Pcma), [8, 1008, -1008]);
        assert!(library.clip(ClipId(1), Codec::Pcmu).is_empty());
        assert!(library.clip(ClipId(2), Codec::Pcmu).is_empty());
        assert_eq!((library.len(), library.is_empty()), (2, false));
    }
}
