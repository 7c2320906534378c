//! From what was said to what holds: each value in its range, each reference to something that exists.

mod guard;
mod listener;
mod network;
mod outside;
mod people;
mod recording;
mod rules;
mod trunk;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::problem::Problem;
use crate::raw::{Raw, RawData, RawFlows, RawHotline, RawLimits, RawLog, RawRouting};
use crate::read::{Field, Key, Said, Section};
use crate::settings::{Data, Durability, Flows, Hotline, Limits, Log, LogFormat, Login, Routing, Settings};
use crate::values;

const MICROSECOND: Duration = Duration::from_micros(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// Checks everything and tells every problem, in the order of places.
pub(crate) fn check(raw: &Raw, source: &str, mut problems: Vec<Problem>) -> Result<Settings, Vec<Problem>> {
    let mut check = Check { problems: Vec::new() };
    let section_key = |name: &str| raw.key.below(name);
    macro_rules! section {
        ($field:ident, $kind:ident) => {
            &match raw.$field.get() {
                Some(section) => section.clone(),
                None => <crate::raw::$kind as Section>::absent(section_key(stringify!($field))),
            }
        };
    }
    let hotline = check.hotline(section!(hotline, RawHotline));
    let data = check.data(section!(data, RawData));
    let sip = check.sip(section!(sip, RawSip), &raw.listener, &raw.key);
    let trunks = check.trunks(raw.trunk.items(), &sip.listeners, raw.listener.items());
    let numbering = check.numbering(section!(numbering, RawNumbering));
    let media = check.media(section!(media, RawMedia), hotline.lines);
    let recording = check.recording(section!(recording, RawRecording), &data, raw.queue.items());
    let console = check.console(section!(console, RawConsole));
    let flows = check.flows(section!(flows, RawFlows));
    let routing = check.routing(section!(routing, RawRouting));
    let people = check.people(raw);
    let phones = check.phones(raw.phone.items(), raw.seed.get(), media.srtp);
    let outside = check.outside(
        section!(outside, RawOutside),
        raw,
        (&numbering, &trunks, &people.numbers, hotline.lines),
    );
    let limits = check.limits(section!(limits, RawLimits), hotline.lines);
    let guard = check.guard(section!(guard, RawGuard));
    let log = check.log(section!(log, RawLog));
    problems.append(&mut check.problems);
    problems.sort();
    problems.dedup();
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Settings {
        source: source.to_owned(),
        hotline,
        data,
        sip,
        trunks,
        numbering,
        outside,
        media,
        phones,
        recording,
        console,
        flows,
        routing,
        numbers: people.numbers,
        queues: people.queues,
        bands: people.bands,
        holidays: people.holidays,
        pauses: people.pauses,
        teams: people.teams,
        seed: people.seed,
        limits,
        guard,
        log,
    })
}

/// Collects problems. Every method answers with a usable value, so that one mistake hides no other.
struct Check {
    problems: Vec<Problem>,
}

impl Check {
    fn tell(&mut self, key: &Key, what: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(key.problem(what, hint));
    }

    /// The value of a key that has no default.
    fn required<'f, T>(
        &mut self,
        field: &'f Field<T>,
        section: &Key,
        name: &str,
        example: &str,
    ) -> Option<&'f T> {
        if matches!(field, Field::Absent) {
            self.tell(
                &section.below(name),
                "missing",
                format!("add `{name} = {example}`"),
            );
        }
        field.get()
    }

    fn text(field: &Field<Said<String>>, default: &str) -> String {
        field
            .get()
            .map_or_else(|| default.to_owned(), |said| said.value.clone())
    }

    fn flag(field: &Field<Said<bool>>, default: bool) -> bool {
        field.get().map_or(default, |said| said.value)
    }

    fn path(&mut self, field: &Field<Said<String>>) -> Option<PathBuf> {
        let said = field.get()?;
        if said.value.is_empty() {
            self.tell(&said.key, "an empty path", "name a folder, or leave the key out");
        }
        Some(PathBuf::from(&said.value))
    }

    /// A text that is shown to people.
    fn label(&mut self, field: &Field<Said<String>>, default: &str) -> String {
        let Some(said) = field.get() else {
            return default.to_owned();
        };
        let length = said.value.chars().count();
        if !(1..=80).contains(&length) || said.value.chars().any(char::is_control) {
            self.tell(
                &said.key,
                "not fit to be shown",
                "use 1 to 80 characters without control characters",
            );
        }
        said.value.clone()
    }

    /// The text parsed as a slug of type `T`.
    fn slug<T: std::str::FromStr>(&mut self, said: &Said<String>) -> Option<T> {
        let parsed = said.value.parse().ok();
        if parsed.is_none() {
            self.tell(
                &said.key,
                format!("{:?} is not a slug", said.value),
                "use 1 to 63 of a-z, 0-9, `-` and `_`, beginning with a letter or digit",
            );
        }
        parsed
    }

    fn duration(
        &mut self,
        field: &Field<Said<String>>,
        default: Duration,
        range: RangeInclusive<Duration>,
    ) -> Duration {
        let Some(said) = field.get() else { return default };
        let Some(value) = values::duration(&said.value) else {
            self.tell(
                &said.key,
                format!("{:?} is not a duration", said.value),
                "write whole numbers with units: \"15s\", \"500ms\", \"1h 30m\" (us, ms, s, m, h, d)",
            );
            return default;
        };
        if range.contains(&value) {
            return value;
        }
        let [low, high] = [range.start(), range.end()].map(|bound| values::duration_text(*bound));
        self.tell(
            &said.key,
            format!("{:?} is out of range", said.value),
            format!("use {low} to {high}"),
        );
        default
    }

    fn integer(&mut self, field: &Field<Said<i64>>, default: u32, range: RangeInclusive<u32>) -> u32 {
        let Some(said) = field.get() else { return default };
        match u32::try_from(said.value) {
            Ok(value) if range.contains(&value) => value,
            _ => {
                let hint = format!("use {} to {}", range.start(), range.end());
                self.tell(&said.key, format!("{} is out of range", said.value), hint);
                default
            }
        }
    }

    fn minute(&mut self, said: &Said<String>, range: RangeInclusive<u16>) -> Option<u16> {
        match values::minute_of_day(&said.value) {
            Some(minute) if range.contains(&minute) => Some(minute),
            _ => {
                self.tell(
                    &said.key,
                    format!("{:?} is not a clock time here", said.value),
                    format!(
                        "write \"HH:MM\" from {:02}:{:02} to {:02}:{:02}",
                        range.start() / 60,
                        range.start() % 60,
                        range.end() / 60,
                        range.end() % 60
                    ),
                );
                None
            }
        }
    }

    /// One of a few words.
    fn word<T: Copy>(&mut self, said: &Said<String>, words: &[(&str, T)]) -> Option<T> {
        let found = words
            .iter()
            .find(|(word, _)| *word == said.value)
            .map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
            self.tell(
                &said.key,
                format!("{:?} is not known", said.value),
                format!("use {}", known.join(" or ")),
            );
        }
        found
    }

    fn word_or<T: Copy>(&mut self, field: &Field<Said<String>>, words: &[(&str, T)], default: T) -> T {
        field
            .get()
            .and_then(|said| self.word(said, words))
            .unwrap_or(default)
    }

    /// Tells of slugs that are said twice.
    fn unique<'s>(&mut self, slugs: impl Iterator<Item = Option<&'s Said<String>>>) {
        let mut seen: BTreeMap<&str, &Key> = BTreeMap::new();
        for said in slugs.flatten() {
            match seen.get(said.value.as_str()) {
                Some(first) => {
                    let what = format!("the slug {:?} is taken by {}", said.value, first.place);
                    self.tell(&said.key, what, "give each entry a slug of its own");
                }
                None => {
                    seen.insert(&said.value, &said.key);
                }
            }
        }
    }

    /// Tells of a name that refers to nothing.
    fn refer(&mut self, said: &Said<String>, kind: &str, known: &[&str]) {
        if !known.contains(&said.value.as_str()) {
            let hint = match known {
                [] => "there is none at all: add a section for it".to_owned(),
                known => {
                    let each: BTreeSet<&str> = known.iter().copied().collect();
                    format!("known: {}", Vec::from_iter(each).join(", "))
                }
            };
            self.tell(&said.key, format!("there is no {kind} {:?}", said.value), hint);
        }
    }

    fn hotline(&mut self, raw: &RawHotline) -> Hotline {
        let time_zone = Self::text(&raw.time_zone, "Asia/Shanghai");
        if let Some(said) = raw.time_zone.get()
            && jiff::tz::TimeZoneDatabase::bundled().get(&said.value).is_err()
        {
            let hint = "use an IANA name such as \"Asia/Shanghai\" or \"Europe/Berlin\"";
            self.tell(&said.key, format!("there is no time zone {:?}", said.value), hint);
        }
        let start = raw
            .business_day_start
            .get()
            .and_then(|said| self.minute(said, 0..=1_439));
        let answer_rate_target = raw.answer_rate_target.get().map_or(0.9, |said| said.value);
        if let Some(said) = raw.answer_rate_target.get()
            && !(said.value > 0.0 && said.value <= 1.0)
        {
            self.tell(
                &said.key,
                format!("{} is out of range", said.value),
                "write 90 % as 0.9",
            );
        }
        let lines = self.integer(&raw.lines, 90, 1..=10_000);
        Hotline {
            name: self.label(&raw.name, "Hotline"),
            time_zone,
            business_day_start_min: start.unwrap_or(480),
            lines: usize::try_from(lines).unwrap_or(usize::MAX),
            answer_within: self.duration(&raw.answer_within, 15 * SECOND, SECOND..=10 * MINUTE),
            answer_rate_target,
        }
    }

    fn data(&mut self, raw: &RawData) -> Data {
        let words = [("normal", Durability::Normal), ("full", Durability::Full)];
        Data {
            dir: self.path(&raw.dir).unwrap_or_else(|| PathBuf::from("./data")),
            durability: self.word_or(&raw.durability, &words, Durability::Normal),
        }
    }

    fn flows(&mut self, raw: &RawFlows) -> Flows {
        let numbers = |said: &[Said<String>]| {
            let plain = |one: &Said<String>| one.value.trim_start_matches('+').to_owned();
            said.iter()
                .map(|one| hotline_types::Pii::new(plain(one)))
                .collect()
        };
        Flows {
            blocked: numbers(raw.blocked.items()),
            vip: numbers(raw.vip.items()),
            dir: self.path(&raw.dir),
            prompts: self.path(&raw.prompts),
        }
    }

    fn routing(&mut self, raw: &RawRouting) -> Routing {
        let words = [("register", Login::Register), ("explicit", Login::Explicit)];
        Routing {
            login: self.word_or(&raw.login, &words, Login::Register),
            cool_off: self.duration(&raw.cool_off, 10 * SECOND, Duration::ZERO..=10 * MINUTE),
            misses_max: self.integer(&raw.misses_max, 3, 1..=100),
            places_kept: self.duration(&raw.places_kept, 10 * MINUTE, Duration::ZERO..=HOUR),
            last_agent_kept: self.duration(&raw.last_agent_kept, 72 * HOUR, Duration::ZERO..=30 * DAY),
            pop_hold: self.duration(&raw.pop_hold, 10_000 * MICROSECOND, Duration::ZERO..=SECOND),
            code_ready: self.code(&raw.code_ready, "*45"),
            code_pause: self.code(&raw.code_pause, "*46"),
            code_log_out: self.code(&raw.code_log_out, "*47"),
            code_emergency_on: self.code(&raw.code_emergency_on, "*91"),
            code_emergency_off: self.code(&raw.code_emergency_off, "*90"),
            emergency_agents: raw
                .emergency_agents
                .items()
                .iter()
                .filter_map(|said| self.slug(said))
                .collect(),
        }
    }

    /// What can be dialled on a phone's keys.
    fn code(&mut self, raw: &Field<Said<String>>, default: &str) -> String {
        let Some(said) = raw.get() else {
            return default.to_owned();
        };
        let code = said.value.clone();
        let dialable = |c: char| c.is_ascii_digit() || matches!(c, '*' | '#');
        if code.len() > 16 || !code.chars().all(dialable) {
            self.tell(
                &said.key,
                "a code is dialled with at most 16 of 0-9, * and #",
                "write for instance \"*45\", or \"\" for none",
            );
        }
        code
    }

    fn limits(&mut self, raw: &RawLimits, lines: usize) -> Limits {
        let lines = u32::try_from(lines).unwrap_or(u32::MAX);
        let retry_after = self.duration(&raw.retry_after, 10 * SECOND, SECOND..=HOUR);
        if let Some(said) = raw.retry_after.get()
            && retry_after.subsec_nanos() != 0
        {
            self.tell(
                &said.key,
                "Retry-After has whole seconds",
                "write for instance \"10s\"",
            );
        }
        let transactions = self.integer(&raw.transactions, 20_000, 100..=1_000_000);
        // A call is two legs; every further one is a phone that rings beside it.
        let legs = self.integer(
            &raw.legs,
            lines.saturating_mul(4),
            lines.saturating_mul(2)..=100_000,
        );
        Limits {
            transactions: usize::try_from(transactions).unwrap_or(usize::MAX),
            legs: usize::try_from(legs).unwrap_or(usize::MAX),
            retry_after,
            drain: self.duration(&raw.drain, 2 * MINUTE, Duration::ZERO..=HOUR),
        }
    }

    fn log(&mut self, raw: &RawLog) -> Log {
        let words = [("pretty", LogFormat::Pretty), ("json", LogFormat::Json)];
        let level = Self::text(&raw.level, "info");
        if let Some(said) = raw.level.get()
            && !level.split(',').all(is_directive)
        {
            let hint =
                "use error, warn, info, debug or trace, or a filter such as \"info,hotline_sip=debug\"";
            self.tell(&said.key, format!("{level:?} is not a filter of levels"), hint);
        }
        Log {
            level,
            format: self.word_or(&raw.format, &words, LogFormat::Pretty),
        }
    }
}

/// Whether this is `level` or `target=level`.
fn is_directive(text: &str) -> bool {
    let level = text.split_once('=').map_or(text, |(_, level)| level).trim();
    ["off", "error", "warn", "info", "debug", "trace"].contains(&level)
}
