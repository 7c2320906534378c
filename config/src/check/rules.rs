//! Checks of how queues pick agents, of pauses, skills, holidays and seats.

use std::time::Duration;

use super::{Check, DAY, HOUR, MINUTE, SECOND};
use crate::raw::{RawAgent, RawBand, RawHoliday, RawPause, RawQueue, RawTier};
use crate::read::{Field, Said};
use crate::settings::{
    Holiday, Need, Overflow, OverflowWhen, Pause, QueueRules, RoutingPolicy, Seats, Skill, Tier, WrapUpEnds,
};
use crate::values;

const POLICIES: [(&str, RoutingPolicy); 8] = [
    ("longest-idle", RoutingPolicy::LongestIdle),
    ("least-occupied", RoutingPolicy::LeastOccupied),
    ("fewest-calls", RoutingPolicy::FewestCalls),
    ("round-robin", RoutingPolicy::RoundRobin),
    ("linear", RoutingPolicy::Linear),
    ("weighted-random", RoutingPolicy::WeightedRandom),
    ("ring-all", RoutingPolicy::RingAll),
    ("progressive", RoutingPolicy::Progressive),
];

const WRAP_UP_ENDS: [(&str, WrapUpEnds); 3] = [
    ("optional", WrapUpEnds::Optional),
    ("timed", WrapUpEnds::Timed),
    ("disposition", WrapUpEnds::Disposition),
];

impl Check {
    pub(super) fn queue_rules(&mut self, raw: &RawQueue, queues: &[&str], agents: &[&str]) -> QueueRules {
        let needs = raw.needs.items().iter().filter_map(|said| self.need(said));
        let needs = needs.collect();
        let mut overflow = Vec::new();
        for said in raw.overflow.items() {
            overflow.extend(self.overflow(said, queues));
        }
        let mut tiers = Vec::new();
        for tier in raw.tier.items() {
            tiers.push(self.tier(tier, agents));
        }
        QueueRules {
            policy: self.word_or(&raw.policy, &POLICIES, RoutingPolicy::LongestIdle),
            at_once: self.integer(&raw.at_once, 3, 2..=20),
            add_every: self.duration(&raw.add_every, 5 * SECOND, SECOND..=MINUTE),
            prefer_last: self.duration(&raw.prefer_last, Duration::ZERO, Duration::ZERO..=10 * MINUTE),
            needs,
            tiers,
            overflow,
            wrap_up_ends: self.word_or(&raw.wrap_up_ends, &WRAP_UP_ENDS, WrapUpEnds::Optional),
        }
    }

    /// `"repair>=2"` holds from the start, `"20s: english"` from then on. The expression is read by the queue engine.
    fn need(&mut self, said: &Said<String>) -> Option<Need> {
        let (after, needs) = match said.value.split_once(':') {
            Some((after, needs)) => (values::duration(after.trim()), needs),
            None => (Some(Duration::ZERO), said.value.as_str()),
        };
        let Some(after) = after else {
            let what = format!("{:?} does not begin with a duration", said.value);
            self.tell(
                &said.key,
                what,
                "write for instance \"20s: english or french>=2\"",
            );
            return None;
        };
        Some(Need {
            after,
            needs: needs.trim().to_owned(),
        })
    }

    fn overflow(&mut self, said: &Said<String>, queues: &[&str]) -> Option<Overflow> {
        let (when, to) = said
            .value
            .split_once(':')
            .map_or(("", ""), |(when, to)| (when.trim(), to.trim()));
        let (word, amount) = when.split_once(' ').unwrap_or((when, ""));
        let wait = || values::duration(amount.trim()).filter(|wait| (SECOND..=DAY).contains(wait));
        let when = match word {
            "wait" => wait().map(OverflowWhen::Wait),
            "estimate" => wait().map(OverflowWhen::Estimate),
            "length" => amount.trim().parse().ok().map(OverflowWhen::Length),
            "no-staff" if amount.is_empty() => Some(OverflowWhen::NoStaff),
            _ => None,
        };
        let to = queues.contains(&to).then(|| to.parse().ok()).flatten();
        if let (Some(when), Some(to)) = (when, to) {
            return Some(Overflow { when, to });
        }
        let hint =
            "write \"wait 30s: QUEUE\", \"estimate 5m: QUEUE\", \"length 10: QUEUE\" or \"no-staff: QUEUE\"";
        self.tell(&said.key, format!("{:?} is no overflow rule", said.value), hint);
        None
    }

    fn tier(&mut self, raw: &RawTier, agents: &[&str]) -> Tier {
        let named = self.required(&raw.agents, &raw.key, "agents", "[\"1001\"]");
        for said in named.into_iter().flatten() {
            self.refer(said, "seed.agent", agents);
        }
        Tier {
            agents: slugs(&raw.agents),
            worth: self.duration(&raw.worth, Duration::ZERO, Duration::ZERO..=HOUR),
            delay: self.duration(&raw.delay, Duration::ZERO, Duration::ZERO..=HOUR),
            weight: self.integer(&raw.weight, 1, 1..=1_000),
        }
    }

    /// `"repair 3"`, or `"english"` for level 1.
    pub(super) fn skills(&mut self, raw: &RawAgent) -> Vec<Skill> {
        let mut skills: Vec<Skill> = Vec::new();
        for said in raw.skills.items() {
            let (name, level) = said.value.split_once(' ').unwrap_or((&said.value, "1"));
            let word = name.starts_with(|first: char| first.is_ascii_lowercase())
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte));
            let level = level.trim().parse().ok().filter(|level| (1..=10).contains(level));
            match level.filter(|_| word && !["and", "or", "any"].contains(&name)) {
                Some(level) => skills.push(Skill {
                    name: name.to_owned(),
                    level,
                }),
                None => self.tell(
                    &said.key,
                    format!("{:?} is no skill", said.value),
                    "write a word and a level from 1 to 10: \"repair 3\"",
                ),
            }
        }
        skills
    }

    pub(super) fn pause(&mut self, raw: &RawPause) -> Option<Pause> {
        Some(Pause {
            slug: self.name(&raw.slug, &raw.key, "\"meal\"")?,
            longest: raw
                .longest
                .get()
                .map(|_| self.duration(&raw.longest, HOUR, MINUTE..=DAY)),
            team_max: raw
                .team_max
                .get()
                .map(|_| self.integer(&raw.team_max, 1, 1..=10_000)),
        })
    }

    pub(super) fn holiday(&mut self, raw: &RawHoliday, bands: &[&str]) -> Option<Holiday> {
        for said in raw.bands.items() {
            self.refer(said, "band", bands);
        }
        let dates = self.required(&raw.dates, &raw.key, "dates", "[\"2026-10-01\"]")?;
        for said in dates {
            self.date(said);
        }
        Some(Holiday {
            dates: dates.iter().map(|said| said.value.clone()).collect(),
            bands: slugs(&raw.bands),
        })
    }

    /// Tells of what is not written as a date; whether the calendar has it is for the queue engine to say.
    pub(super) fn date(&mut self, said: &Said<String>) {
        let shape = said.value.bytes().enumerate().all(|(at, byte)| {
            if at == 4 || at == 7 {
                byte == b'-'
            } else {
                byte.is_ascii_digit()
            }
        });
        if !shape || said.value.len() != 10 {
            let what = format!("{:?} is not a date", said.value);
            self.tell(&said.key, what, "write \"YYYY-MM-DD\"");
        }
    }

    /// `"08:00-20:00 8"`: at least eight seats in these hours.
    pub(super) fn seats(&mut self, raw: &RawBand) -> Vec<Seats> {
        let mut all = Vec::new();
        for said in raw.seats.items() {
            let read = || {
                let (hours, min) = said.value.split_once(' ')?;
                let (from, until) = hours.split_once('-')?;
                Some(Seats {
                    from_min: values::minute_of_day(from).filter(|minute| *minute < 1_440)?,
                    until_min: values::minute_of_day(until)?,
                    min: min.trim().parse().ok().filter(|min| (1..=10_000).contains(min))?,
                })
            };
            match read() {
                Some(seats) => all.push(seats),
                None => self.tell(
                    &said.key,
                    format!("{:?} names no seats", said.value),
                    "write hours and a number: \"08:00-20:00 8\"",
                ),
            }
        }
        all
    }
}

fn slugs<T: std::str::FromStr>(field: &Field<Vec<Said<String>>>) -> Vec<T> {
    let items = field.items().iter();
    items.filter_map(|said| said.value.parse().ok()).collect()
}
