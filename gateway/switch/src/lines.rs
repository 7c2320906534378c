//! Who uses which trunk: caps on calls at once and per second, and the counts that the dial plan asks for.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use hotline_sip::ListenerId;
use hotline_types::{LegId, Rng, Time, TrunkSlug};

use crate::dialplan::{DialUse, NumberForm};

/// The window of a rule's calls.
const HOUR: Duration = Duration::from_secs(3_600);

/// A trunk, as the switch uses it.
#[derive(Clone, Debug)]
pub struct TrunkLines {
    /// Its name.
    pub slug: TrunkSlug,
    /// Its listener, for the media address.
    pub listener: ListenerId,
    /// Calls at once, both ways.
    pub calls_max: usize,
    /// New calls per second, both ways; bursts of twice that.
    pub calls_per_second: u32,
    /// Lower goes first.
    pub priority: u16,
    /// Share among equals.
    pub weight: u16,
    /// Whether it takes calls.
    pub takes_calls: bool,
    /// How it wants numbers.
    pub numbers: NumberForm,
    /// Codecs, best first.
    pub codecs: Vec<hotline_media::Codec>,
    /// How keys come from it.
    pub keys: Keys,
}

/// How keys come from a peer. SIP INFO is understood from all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// Telephone-events are offered and answered.
    Events,
    /// Telephone-events are not offered.
    Info,
    /// As tones in the audio, and no telephone-events: one way, so that no key counts twice.
    Tones,
}

/// What a leg by a trunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// A caller's.
    In,
    /// To an outside number under this rule of the dial plan; none for an emergency number.
    Out(Option<usize>),
}

/// Why a trunk takes no more calls now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TrunkFull;

#[derive(Debug, Default)]
struct Usage {
    calls: usize,
    /// When the bucket will be full again (generic cell rate algorithm).
    full_at: Time,
}

#[derive(Debug)]
struct Held {
    trunk: usize,
    way: Way,
}

/// The use of all trunks.
#[derive(Debug)]
pub(crate) struct Lines {
    trunks: Vec<TrunkLines>,
    usage: Vec<Usage>,
    /// One entry per live leg of a trunk: bounded by the endpoint's legs.
    legs: BTreeMap<LegId, Held>,
    /// Per rule: calls now, and the times of those within the last hour, at most its limit.
    rules: Vec<(usize, VecDeque<Time>)>,
    refused: u64,
}

impl Lines {
    pub(crate) fn new(trunks: Vec<TrunkLines>, rules: usize) -> Self {
        Self {
            usage: trunks.iter().map(|_| Usage::default()).collect(),
            trunks,
            legs: BTreeMap::new(),
            rules: (0..rules).map(|_| (0, VecDeque::new())).collect(),
            refused: 0,
        }
    }

    pub(crate) fn get(&self, slug: &TrunkSlug) -> Option<&TrunkLines> {
        self.trunks.iter().find(|trunk| trunk.slug == *slug)
    }

    /// Takes a line of a trunk for a leg, unless it is at one of its caps. A trunk that is not known has none.
    pub(crate) fn take(
        &mut self,
        now: Time,
        leg: LegId,
        slug: &TrunkSlug,
        way: Way,
    ) -> Result<(), TrunkFull> {
        let Some(at) = self.trunks.iter().position(|trunk| trunk.slug == *slug) else {
            return Ok(());
        };
        let (trunk, usage) = (&self.trunks[at], &mut self.usage[at]);
        let rate = trunk.calls_per_second.max(1);
        let each = Duration::from_secs(1) / rate;
        let full_at = usage.full_at.max(now);
        let quick = full_at.since(now) > each * (2 * rate - 1);
        let emergency = way == Way::Out(None);
        if !emergency && (usage.calls >= trunk.calls_max || quick) {
            self.refused += 1;
            return Err(TrunkFull);
        }
        usage.calls += 1;
        usage.full_at = full_at + each;
        if let Way::Out(Some(rule)) = way
            && let Some((calls, _)) = self.rules.get_mut(rule)
        {
            *calls += 1;
        }
        self.legs.insert(leg, Held { trunk: at, way });
        Ok(())
    }

    /// Counts a call under a rule, once however many trunks it tries.
    pub(crate) fn called(&mut self, now: Time, rule: usize) {
        if let Some((_, times)) = self.rules.get_mut(rule) {
            times.push_back(now);
        }
    }

    /// The leg is gone.
    pub(crate) fn free(&mut self, leg: LegId) {
        let Some(held) = self.legs.remove(&leg) else {
            return;
        };
        self.usage[held.trunk].calls = self.usage[held.trunk].calls.saturating_sub(1);
        if let Way::Out(Some(rule)) = held.way
            && let Some((calls, _)) = self.rules.get_mut(rule)
        {
            *calls = calls.saturating_sub(1);
        }
    }

    /// What the dial plan asks for; how many lines are free, the switch knows.
    pub(crate) fn dial_use(&mut self, now: Time) -> DialUse {
        for (_, times) in &mut self.rules {
            while times.front().is_some_and(|at| now.since(*at) >= HOUR) {
                times.pop_front();
            }
        }
        DialUse {
            outside: self
                .legs
                .values()
                .filter(|held| matches!(held.way, Way::Out(_)))
                .count(),
            lines_free: 0,
            rules: self
                .rules
                .iter()
                .map(|(calls, times)| (*calls, times.len()))
                .collect(),
        }
    }

    /// The trunks for an outside call in the order in which they are tried: those that live first, then by
    /// priority, then by lot according to weight (RFC 2782). `only`: these, where any are named.
    pub(crate) fn order(
        &self,
        rng: &mut Rng,
        only: &[TrunkSlug],
        is_up: impl Fn(&TrunkSlug) -> bool,
    ) -> VecDeque<TrunkSlug> {
        let mut left: Vec<(bool, u16, &TrunkLines)> = self
            .trunks
            .iter()
            .filter(|trunk| trunk.takes_calls && (only.is_empty() || only.contains(&trunk.slug)))
            .map(|trunk| (!is_up(&trunk.slug), trunk.priority, trunk))
            .collect();
        left.sort_by_key(|(down, priority, _)| (*down, *priority));
        let mut order = VecDeque::with_capacity(left.len());
        while let Some(&(down, priority, _)) = left.first() {
            let equals = left
                .iter()
                .take_while(|(a, b, _)| (*a, *b) == (down, priority))
                .count();
            let total: u64 = left[..equals]
                .iter()
                .map(|(_, _, trunk)| u64::from(trunk.weight))
                .sum();
            let mut lot = rng.below(total.saturating_add(1));
            let chosen = left[..equals].iter().position(|(_, _, trunk)| {
                let weight = u64::from(trunk.weight);
                let hit = lot <= weight;
                lot = lot.saturating_sub(weight);
                hit
            });
            let (_, _, trunk) = left.remove(chosen.unwrap_or(0));
            order.push_back(trunk.slug.clone());
        }
        order
    }

    /// Calls of each trunk now, in the order of the configuration.
    pub(crate) fn calls(&self) -> impl Iterator<Item = (&TrunkLines, usize)> {
        self.trunks.iter().zip(self.usage.iter().map(|usage| usage.calls))
    }

    /// Calls refused at a trunk's cap since the start.
    pub(crate) const fn refused(&self) -> u64 {
        self.refused
    }

    /// Whether no leg holds a line.
    pub(crate) fn is_empty(&self) -> bool {
        self.legs.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trunk(slug: &str, priority: u16, weight: u16) -> TrunkLines {
        TrunkLines {
            slug: slug.parse().unwrap(),
            listener: ListenerId(1),
            calls_max: 2,
            calls_per_second: 1,
            priority,
            weight,
            takes_calls: true,
            numbers: NumberForm::Plus,
            codecs: vec![hotline_media::Codec::Pcma],
            keys: Keys::Events,
        }
    }

    #[test]
    fn caps_hold_calls_at_once_and_per_second_and_free_lines_are_taken_again() {
        let slug: TrunkSlug = "a".parse().unwrap();
        let mut lines = Lines::new(vec![trunk("a", 1, 1)], 1);
        let at = Time::from_millis;
        let take = |lines: &mut Lines, ms, leg, way| lines.take(at(ms), LegId(leg), &slug, way).is_ok();
        assert!(take(&mut lines, 0, 1, Way::In) && take(&mut lines, 0, 2, Way::Out(Some(0))));
        assert!(!take(&mut lines, 5_000, 3, Way::In), "two at once");
        assert!(
            take(&mut lines, 5_000, 3, Way::Out(None)),
            "an emergency is past caps"
        );
        lines.free(LegId(1));
        lines.free(LegId(3));
        assert!(take(&mut lines, 9_000, 4, Way::In));
        lines.free(LegId(4));
        assert!(take(&mut lines, 9_000, 5, Way::In));
        lines.free(LegId(5));
        assert!(
            !take(&mut lines, 9_000, 6, Way::In),
            "one a second, two in a burst"
        );
        assert_eq!((lines.refused(), lines.dial_use(at(0)).outside), (2, 1));
        lines.called(at(9_000), 0);
        assert_eq!(lines.dial_use(at(10_000)).rules, [(1, 1)]);
        assert_eq!(lines.dial_use(at(9_000 + 3_600_000)).rules, [(1, 0)]);
        lines.free(LegId(2));
        assert!(lines.is_empty());
    }

    #[test]
    fn trunks_are_tried_alive_first_then_by_priority_then_by_weight() {
        let lines = Lines::new(
            vec![
                trunk("last", 9, 1),
                trunk("light", 1, 1),
                trunk("heavy", 1, 9),
                trunk("dead", 0, 1),
            ],
            0,
        );
        let mut rng = Rng::from_seed(5);
        let mut heavy = 0;
        for _ in 0..500 {
            let order = lines.order(&mut rng, &[], |slug| slug.as_str() != "dead");
            let names: Vec<&str> = order.iter().map(TrunkSlug::as_str).collect();
            assert_eq!(names[2..], ["last", "dead"]);
            heavy += u32::from(names[0] == "heavy");
        }
        assert!((400..490).contains(&heavy), "{heavy}");
        let only = ["last".parse().unwrap()];
        assert_eq!(lines.order(&mut rng, &only, |_| true), only);
    }
}
