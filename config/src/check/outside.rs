//! Checks of numbering and of calls to outside numbers.

use std::time::Duration;

use super::{Check, SECOND};
use crate::raw::{Raw, RawDestination, RawNumbering, RawOutside};
use crate::read::{Field, Said};
use crate::settings::{Number, Trunk};
use crate::trunk::{Destination, Numbering, Outside};

/// Most patterns of one destination, and most emergency numbers.
const PATTERNS_MAX: usize = 64;
/// The emergency numbers of China, and those that phones take for one everywhere.
const EMERGENCY: [&str; 7] = ["110", "112", "119", "120", "122", "911", "999"];

impl Check {
    pub(super) fn numbering(&mut self, raw: &RawNumbering) -> Numbering {
        let mut digits = |field: &Field<Said<String>>, default: &str, most: usize, empty: bool| {
            let Some(said) = field.get() else {
                return default.to_owned();
            };
            let right = said.value.bytes().all(|byte| byte.is_ascii_digit())
                && said.value.len() <= most
                && (empty || !said.value.is_empty());
            if !right {
                let what = format!("{:?} are not digits", said.value);
                self.tell(&said.key, what, format!("use up to {most} digits"));
            }
            said.value.clone()
        };
        let country_code = digits(&raw.country_code, "86", 3, false);
        let trunk_prefix = digits(&raw.trunk_prefix, "0", 3, true);
        let international_prefix = digits(&raw.international_prefix, "00", 5, false);
        let area_code = digits(&raw.area_code, "", 6, true);
        let mut national_digits = (10, 11);
        if let Some(said) = raw.national_digits.get() {
            let read = said.value.split_once('-').and_then(|(fewest, most)| {
                let range = (fewest.trim().parse().ok()?, most.trim().parse().ok()?);
                (range.0 >= 4 && range.0 <= range.1 && range.1 <= 14).then_some(range)
            });
            match read {
                Some(range) => national_digits = range,
                None => self.tell(
                    &said.key,
                    format!("{:?} is no range of digits", said.value),
                    "write \"10-11\": fewest and most, 4 to 14",
                ),
            }
        }
        Numbering {
            country_code,
            trunk_prefix,
            international_prefix,
            area_code,
            national_digits,
            short_digits: usize::try_from(self.integer(&raw.short_digits, 6, 0..=9)).unwrap_or(6),
        }
    }

    pub(super) fn outside(
        &mut self,
        raw: &RawOutside,
        root: &Raw,
        (numbering, trunks, numbers, lines): (&Numbering, &[Trunk], &[Number], usize),
    ) -> Outside {
        let plan = numbering.plan();
        let ours = |written: &str| {
            let wanted = plan.normal(written);
            numbers
                .iter()
                .flat_map(|number| &number.dialled)
                .any(|dialled| plan.normal(dialled) == wanted)
        };
        self.unique(
            root.destination
                .items()
                .iter()
                .map(|destination| destination.slug.get()),
        );
        let destinations: Vec<Destination> = root
            .destination
            .items()
            .iter()
            .filter_map(|destination| self.destination(destination, trunks))
            .collect();
        if let Some(said) = raw.caller.get()
            && !ours(&said.value)
        {
            self.tell(
                &said.key,
                "not one of our numbers",
                "only a number that a `[[number]]` has among its `dialled` may be shown to the called",
            );
        }
        if !root.destination.items().is_empty() && matches!(raw.caller, Field::Absent) {
            self.tell(
                &raw.key.below("caller"),
                "missing",
                "add `[outside]` with `caller = \"4000000001\"`, one of our numbers",
            );
        }
        let kept = self.integer(&raw.kept_for_callers, 0, 0..=10_000);
        let kept = match raw.kept_for_callers.get() {
            None => 20.min(lines.saturating_sub(1)),
            Some(said) => {
                let kept = usize::try_from(kept).unwrap_or(usize::MAX);
                if kept >= lines {
                    self.tell(
                        &said.key,
                        format!("there are {lines} lines, so none is left for outside calls"),
                        "lower it, or raise `hotline.lines`",
                    );
                }
                kept
            }
        };
        let emergency = [("refuse", false), ("allow", true)];
        Outside {
            caller: raw.caller.get().map(|said| said.value.clone()),
            calls_max: usize::try_from(self.integer(&raw.calls_max, 10, 0..=10_000)).unwrap_or(10),
            kept_for_callers: kept,
            ring: self.duration(&raw.ring, 45 * SECOND, 5 * SECOND..=Duration::from_secs(180)),
            emergency_numbers: self.emergency_numbers(raw),
            emergency_allowed: self.word_or(&raw.emergency, &emergency, false),
            destinations,
        }
    }

    fn emergency_numbers(&mut self, raw: &RawOutside) -> Vec<String> {
        if raw.emergency_numbers.get().is_none() {
            return EMERGENCY.map(ToOwned::to_owned).to_vec();
        }
        let said = raw.emergency_numbers.items();
        said.iter()
            .take(PATTERNS_MAX)
            .filter_map(|said| {
                let right = (2..=6).contains(&said.value.len())
                    && said.value.bytes().all(|byte| byte.is_ascii_digit());
                if !right {
                    let what = format!("{:?} is no emergency number", said.value);
                    self.tell(&said.key, what, "use 2 to 6 digits");
                }
                right.then(|| said.value.clone())
            })
            .collect()
    }

    fn destination(&mut self, raw: &RawDestination, trunks: &[Trunk]) -> Option<Destination> {
        let slug = self
            .required(&raw.slug, &raw.key, "slug", "\"mobiles\"")
            .filter(|said| self.slug::<hotline_types::AgentSlug>(said).is_some());
        let numbers = self.required(&raw.numbers, &raw.key, "numbers", "[\"+861*\"]");
        if let Some(numbers) = numbers
            && !(1..=PATTERNS_MAX).contains(&numbers.len())
        {
            let key = raw.key.below("numbers");
            self.tell(
                &key,
                format!("{} patterns", numbers.len()),
                format!("name 1 to {PATTERNS_MAX}"),
            );
        }
        let mut patterns = Vec::new();
        for said in numbers.into_iter().flatten() {
            if is_pattern(&said.value) {
                patterns.push(said.value.clone());
            } else {
                let what = format!("{:?} is no pattern of numbers", said.value);
                self.tell(
                    &said.key,
                    what,
                    "write \"+8613800138000\", \"+861XXXXXXXXX\", \"+861*\" or \"10086\"",
                );
            }
        }
        let able: Vec<&str> = trunks
            .iter()
            .filter(|trunk| !trunk.rules.gateways.is_empty())
            .map(|trunk| trunk.slug.as_str())
            .collect();
        let mut chosen = Vec::new();
        for said in raw.trunks.items() {
            self.refer(said, "trunk with a gateway", &able);
            chosen.extend(
                trunks
                    .iter()
                    .find(|trunk| trunk.slug.as_str() == said.value)
                    .map(|trunk| trunk.slug.clone()),
            );
        }
        let allow = Self::flag(&raw.allow, true);
        if allow && able.is_empty() {
            self.tell(
                &raw.key,
                "no trunk takes calls",
                "add `gateways = [\"ADDRESS:PORT\"]` to a `[[trunk]]`",
            );
        }
        let most = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let calls_max = most(self.integer(&raw.calls_max, 10, 1..=10_000));
        let calls_per_hour = most(self.integer(&raw.calls_per_hour, 100, 1..=10_000));
        Some(Destination {
            slug: slug?.value.clone(),
            numbers: patterns,
            allow,
            trunks: chosen,
            calls_max,
            calls_per_hour,
        })
    }
}

/// Digits, `X` and a leading `+`; a `*` at the end.
fn is_pattern(text: &str) -> bool {
    let body = text.strip_prefix('+').unwrap_or(text);
    let body = body.strip_suffix('*').unwrap_or(body);
    text.len() <= 32
        && !text.is_empty()
        && (text != "+")
        && body.bytes().all(|byte| byte.is_ascii_digit() || byte == b'X')
}
