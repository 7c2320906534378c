//! A bounded memory of what was seen lately.

use std::collections::BTreeSet;

/// Two generations: when the newer one is full it becomes the older one, and the older one is forgotten.
#[derive(Debug)]
pub(super) struct Recent {
    max: usize,
    newer: BTreeSet<u64>,
    older: BTreeSet<u64>,
}

impl Recent {
    /// Remembers at least the last `max`.
    pub(super) const fn new(max: usize) -> Self {
        Self {
            max,
            newer: BTreeSet::new(),
            older: BTreeSet::new(),
        }
    }

    pub(super) fn contains(&self, key: u64) -> bool {
        self.newer.contains(&key) || self.older.contains(&key)
    }

    pub(super) fn insert(&mut self, key: u64) {
        if self.newer.len() >= self.max {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_remembered_and_older_ones_make_room() {
        let mut recent = Recent::new(10);
        for key in 0..100 {
            recent.insert(key);
        }
        assert!((90..100).all(|key| recent.contains(key)));
        assert!(!(0..80).any(|key| recent.contains(key)));
    }
}
