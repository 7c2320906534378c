//! The legs of one media thread, by place and by id.

use std::collections::BTreeMap;

use hotline_media::Stretch;
use hotline_media::leg::Leg;
use hotline_types::LegId;

use super::ports::Pair;
use super::taps::Recording;
use super::transport::Transport;

/// A leg with its sockets and its ties.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) id: LegId,
    pub(super) leg: Leg,
    pub(super) sockets: Pair,
    pub(super) transport: Transport,
    /// Whether the RTP socket is connected to the chosen source.
    pub(super) connected: bool,
    pub(super) bridge: Option<Bridge>,
    /// On the caller's leg: nothing is relayed or recorded.
    pub(super) held: bool,
    /// On the caller's leg.
    pub(super) recording: Option<Recording>,
    /// What is measured now.
    pub(super) measured: Option<Stretch>,
    /// Whether the schedule of frames holds an entry of it.
    pub(super) scheduled: bool,
}

/// One end of a bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bridge {
    /// Place of the other leg.
    pub(super) peer: u32,
    /// Whether this is the caller's end.
    pub(super) caller: bool,
}

/// A place and how often it was used before: an old event cannot meet a new leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) at: u32,
    pub(super) generation: u32,
}

#[derive(Debug, Default)]
struct Entry {
    generation: u32,
    slot: Option<Slot>,
}

/// All legs of a thread. Bounded by the number of port pairs.
#[derive(Debug, Default)]
pub(super) struct Slots {
    entries: Vec<Entry>,
    free: Vec<u32>,
    by_leg: BTreeMap<LegId, u32>,
}

impl Slots {
    pub(super) fn find(&self, leg: LegId) -> Option<u32> {
        self.by_leg.get(&leg).copied()
    }

    /// The place that the next leg will have.
    pub(super) fn next_place(&mut self) -> Place {
        let at = match self.free.last() {
            Some(&at) => at,
            None => {
                let at = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
                self.entries.push(Entry::default());
                self.free.push(at);
                at
            }
        };
        Place {
            at,
            generation: self.entries.get(at as usize).map_or(0, |entry| entry.generation),
        }
    }

    /// Puts a leg at [`Self::next_place`].
    pub(super) fn put(&mut self, slot: Slot) {
        let place = self.next_place();
        self.free.pop();
        self.by_leg.insert(slot.id, place.at);
        if let Some(entry) = self.entries.get_mut(place.at as usize) {
            entry.slot = Some(slot);
        }
    }

    pub(super) fn remove(&mut self, at: u32) -> Option<Slot> {
        let entry = self.entries.get_mut(at as usize)?;
        let slot = entry.slot.take()?;
        entry.generation = entry.generation.wrapping_add(1);
        self.by_leg.remove(&slot.id);
        self.free.push(at);
        Some(slot)
    }

    pub(super) fn get(&mut self, at: u32) -> Option<&mut Slot> {
        self.entries.get_mut(at as usize)?.slot.as_mut()
    }

    /// The leg of a place, unless another one lives there by now.
    pub(super) fn get_at(&mut self, place: Place) -> Option<&mut Slot> {
        let entry = self.entries.get_mut(place.at as usize)?;
        entry
            .slot
            .as_mut()
            .filter(|_| entry.generation == place.generation)
    }

    pub(super) fn place(&self, at: u32) -> Place {
        Place {
            at,
            generation: self.entries.get(at as usize).map_or(0, |entry| entry.generation),
        }
    }

    /// Two legs at once.
    pub(super) fn pair(&mut self, one: u32, other: u32) -> Option<(&mut Slot, &mut Slot)> {
        let [one, other] = self
            .entries
            .get_disjoint_mut([one as usize, other as usize])
            .ok()?;
        Some((one.slot.as_mut()?, other.slot.as_mut()?))
    }

    pub(super) fn len(&self) -> usize {
        self.by_leg.len()
    }

    pub(super) fn legs(&self) -> impl Iterator<Item = LegId> {
        self.by_leg.keys().copied()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Slot> {
        self.entries.iter_mut().filter_map(|entry| entry.slot.as_mut())
    }
}
