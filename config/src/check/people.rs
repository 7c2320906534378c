//! Checks of numbers, queues, bands, teams and people, which refer to each other.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Check, DAY, HOUR, MINUTE, SECOND};
use crate::raw::{Raw, RawBand, RawNumber, RawQueue, RawRoster, RawSeed};
use crate::read::{Field, Key, Said, Section};
use crate::settings::{
    Agent, Band, DIRECT_PREFIX, Holiday, Number, Pause, Queue, RosterEntry, Seed, Team, User, UserRole,
};
use crate::values::{self, WEEKDAYS};

/// Most spellings of one number.
const SPELLINGS_MAX: usize = 16;
const EVERY_DAY: [bool; 7] = [true; 7];

const USER_ROLES: [(&str, UserRole); 2] = [
    ("supervisor", UserRole::Supervisor),
    ("team-leader", UserRole::TeamLeader),
];

/// What this file checks.
pub(super) struct People {
    pub numbers: Vec<Number>,
    pub queues: Vec<Queue>,
    pub bands: Vec<Band>,
    pub holidays: Vec<Holiday>,
    pub pauses: Vec<Pause>,
    pub teams: Vec<Team>,
    pub seed: Seed,
}

/// The slugs that others may refer to, as they were said.
struct Known<'r> {
    teams: Vec<&'r str>,
    agents: Vec<&'r str>,
    bands: Vec<&'r str>,
    queues: Vec<&'r str>,
    /// Teams that have an agent.
    staffed: Vec<&'r str>,
}

/// The slugs of a list of sections, as they were said.
macro_rules! slugs {
    ($sections:expr) => {
        $sections
            .iter()
            .filter_map(|section| section.slug.get().map(|said| said.value.as_str()))
            .collect()
    };
}

impl Check {
    pub(super) fn people(&mut self, raw: &Raw) -> People {
        let absent = RawSeed::absent(raw.key.below("seed"));
        let seed = raw.seed.get().unwrap_or(&absent);
        let known = Known {
            teams: slugs!(raw.team.items()),
            agents: slugs!(seed.agent.items()),
            bands: slugs!(raw.band.items()),
            queues: slugs!(raw.queue.items()),
            staffed: seed
                .agent
                .items()
                .iter()
                .filter_map(|agent| agent.team.get().map(|said| said.value.as_str()))
                .collect(),
        };
        self.unique(raw.number.items().iter().map(|number| number.slug.get()));
        self.unique(raw.queue.items().iter().map(|queue| queue.slug.get()));
        self.unique(raw.band.items().iter().map(|band| band.slug.get()));
        self.unique(raw.pause.items().iter().map(|pause| pause.slug.get()));
        self.unique(raw.team.items().iter().map(|team| team.slug.get()));
        self.some(&raw.number, &raw.key, "number", "nobody can call");
        self.some(&raw.queue, &raw.key, "queue", "nobody can wait for an agent");
        self.some(&raw.band, &raw.key, "band", "nobody is ever on duty");
        let mut seen = BTreeMap::new();
        People {
            numbers: raw
                .number
                .items()
                .iter()
                .filter_map(|number| self.number(number, &mut seen))
                .collect(),
            queues: raw
                .queue
                .items()
                .iter()
                .filter_map(|queue| self.queue(queue, &known))
                .collect(),
            bands: raw
                .band
                .items()
                .iter()
                .filter_map(|band| self.band(band))
                .collect(),
            holidays: raw
                .holiday
                .items()
                .iter()
                .filter_map(|holiday| self.holiday(holiday, &known.bands))
                .collect(),
            pauses: raw
                .pause
                .items()
                .iter()
                .filter_map(|pause| self.pause(pause))
                .collect(),
            teams: raw
                .team
                .items()
                .iter()
                .filter_map(|team| {
                    let slug = self.name(&team.slug, &team.key, "\"first\"")?;
                    Some(Team {
                        label: self.label(&team.label, &slug),
                        slug,
                    })
                })
                .collect(),
            seed: self.seed(seed, &known),
        }
    }

    fn some<T>(&mut self, list: &Field<Vec<T>>, root: &Key, name: &str, consequence: &str) {
        if list.items().is_empty() && !matches!(list, Field::Bad) {
            self.tell(
                &root.below(name),
                format!("there is none: {consequence}"),
                format!("add a `[[{name}]]`"),
            );
        }
    }

    /// A slug that has no type of its own outside the configuration.
    pub(super) fn name(
        &mut self,
        field: &Field<Said<String>>,
        section: &Key,
        example: &str,
    ) -> Option<String> {
        let said = self.required(field, section, "slug", example)?;
        self.slug::<hotline_types::AgentSlug>(said)
            .map(|slug| slug.to_string())
    }

    fn number<'r>(&mut self, raw: &'r RawNumber, seen: &mut BTreeMap<&'r str, &'r Key>) -> Option<Number> {
        let slug = self
            .required(&raw.slug, &raw.key, "slug", "\"main\"")
            .and_then(|said| self.slug(said));
        let flow = match raw.queue.get() {
            Some(said) => format!("{DIRECT_PREFIX}{}", said.value).parse().ok(),
            None => self
                .required(&raw.flow, &raw.key, "flow", "\"hotline-main\"")
                .and_then(|said| self.slug(said)),
        };
        let spellings = self.required(&raw.dialled, &raw.key, "dialled", "[\"4001234567\"]");
        if let Some(spellings) = spellings
            && !(1..=SPELLINGS_MAX).contains(&spellings.len())
        {
            let what = format!("{} spellings", spellings.len());
            self.tell(
                &raw.key.below("dialled"),
                what,
                format!("name 1 to {SPELLINGS_MAX}"),
            );
        }
        let mut dialled = Vec::new();
        for said in spellings.into_iter().flatten() {
            if !values::is_number(&said.value) {
                let what = format!("{:?} is not a number as trunks send it", said.value);
                self.tell(
                    &said.key,
                    what,
                    "use 1 to 32 digits, `*` or `#`, with a `+` before them or not",
                );
            }
            let digits = said.value.trim_start_matches('+');
            match seen.insert(digits, &said.key) {
                Some(first) => {
                    let what = format!("{:?} is a hotline number already at {}", said.value, first.place);
                    self.tell(&said.key, what, "remove one; a leading `+` makes no difference");
                }
                None => dialled.push(digits.to_owned()),
            }
        }
        if let Some(said) = raw.language.get()
            && !values::is_language(&said.value)
        {
            let what = format!("{:?} is not a language tag", said.value);
            self.tell(&said.key, what, "write for instance \"zh-CN\" or \"en\"");
        }
        let slug: hotline_types::NumberSlug = slug?;
        Some(Number {
            label: self.label(&raw.label, slug.as_str()),
            slug,
            dialled,
            flow: flow?,
            language: raw.language.get().map(|said| said.value.clone()),
            survey: raw.survey.get().is_some_and(|said| said.value),
        })
    }

    fn queue(&mut self, raw: &RawQueue, known: &Known<'_>) -> Option<Queue> {
        let slug = self
            .required(&raw.slug, &raw.key, "slug", "\"complaints\"")
            .and_then(|said| self.slug(said));
        for said in raw.teams.items() {
            self.refer(said, "team", &known.teams);
        }
        for said in raw.agents.items() {
            self.refer(said, "seed.agent", &known.agents);
        }
        let served = !raw.agents.items().is_empty()
            || raw.teams.items().iter().any(|team| {
                known.staffed.contains(&team.value.as_str()) || !known.teams.contains(&team.value.as_str())
            });
        if !served && !matches!(raw.teams, Field::Bad) && !matches!(raw.agents, Field::Bad) {
            self.tell(
                &raw.key,
                "no agent serves this queue",
                "name agents, or teams that have agents, in `agents` or `teams`",
            );
        }
        let ring = self.duration(&raw.ring, 20 * SECOND, 2 * SECOND..=2 * MINUTE);
        let ring_min = self.duration(&raw.ring_min, 3 * SECOND, Duration::ZERO..=MINUTE);
        if ring_min > ring {
            let key = raw
                .ring_min
                .get()
                .or_else(|| raw.ring.get())
                .map_or(&raw.key, |said| &said.key);
            self.tell(
                key,
                "`ring_min` is above `ring`",
                "lower `ring_min` or raise `ring`",
            );
        }
        let capacity = self.integer(&raw.capacity, 50, 1..=10_000);
        let wait_max = self.duration(&raw.wait_max, 10 * MINUTE, SECOND..=DAY);
        let wrap_up = self.duration(&raw.wrap_up, 20 * SECOND, Duration::ZERO..=HOUR);
        let rules = self.queue_rules(raw, &known.queues, &known.agents);
        let (record, refuse_unrecorded) = self.queue_recording(raw);
        let slug: hotline_types::QueueSlug = slug?;
        Some(Queue {
            label: self.label(&raw.label, slug.as_str()),
            slug,
            teams: raw.teams.items().iter().map(|said| said.value.clone()).collect(),
            agents: raw
                .agents
                .items()
                .iter()
                .filter_map(|said| said.value.parse().ok())
                .collect(),
            capacity: usize::try_from(capacity).unwrap_or(usize::MAX),
            wait_max,
            ring,
            ring_min,
            wrap_up,
            record,
            refuse_unrecorded,
            rules,
        })
    }

    fn band(&mut self, raw: &RawBand) -> Option<Band> {
        let slug = self
            .required(&raw.slug, &raw.key, "slug", "\"day\"")
            .and_then(|said| self.slug(said));
        let from = self
            .required(&raw.from, &raw.key, "from", "\"08:00\"")
            .and_then(|said| self.minute(said, 0..=1_439));
        let until = self
            .required(&raw.until, &raw.key, "until", "\"20:00\"")
            .and_then(|said| self.minute(said, 1..=1_440));
        let days = self.days(&raw.days);
        let seats = self.seats(raw);
        let slug: hotline_types::BandSlug = slug?;
        Some(Band {
            label: self.label(&raw.label, slug.as_str()),
            slug,
            from_min: from?,
            until_min: until?,
            days,
            seats,
        })
    }

    fn days(&mut self, field: &Field<Vec<Said<String>>>) -> [bool; 7] {
        let Some(said) = field.get() else { return EVERY_DAY };
        let mut days = [false; 7];
        for day in said {
            match days.iter_mut().zip(WEEKDAYS).find(|(_, name)| *name == day.value) {
                Some((on, _)) => *on = true,
                None => {
                    let hint = format!("use {}", WEEKDAYS.join(", "));
                    self.tell(&day.key, format!("{:?} is not a weekday", day.value), hint);
                }
            }
        }
        days
    }

    fn seed(&mut self, raw: &RawSeed, known: &Known<'_>) -> Seed {
        self.unique(raw.agent.items().iter().map(|agent| agent.slug.get()));
        self.unique(raw.user.items().iter().map(|user| user.slug.get()));
        let mut agents = Vec::new();
        for agent in raw.agent.items() {
            let slug = self.required(&agent.slug, &agent.key, "slug", "\"1001\"");
            let slug: Option<hotline_types::AgentSlug> = slug.and_then(|said| self.slug(said));
            let team = self.team(&agent.team, known);
            let skills = self.skills(agent);
            if let Some(slug) = slug {
                agents.push(Agent {
                    label: self.label(&agent.label, slug.as_str()),
                    slug,
                    team,
                    skills,
                });
            }
        }
        let mut users = Vec::new();
        for user in raw.user.items() {
            let slug = self.name(&user.slug, &user.key, "\"supervisor\"");
            let role = self.required(&user.role, &user.key, "role", "\"supervisor\"");
            let role = role.and_then(|said| self.word(said, &USER_ROLES));
            let team = self.team(&user.team, known);
            if let (Some(slug), Some(role)) = (slug, role) {
                users.push(User {
                    label: self.label(&user.label, &slug),
                    slug,
                    role,
                    team,
                });
            }
        }
        let roster = raw
            .roster
            .items()
            .iter()
            .flat_map(|entry| self.roster(entry, known))
            .collect();
        Seed {
            agents,
            users,
            roster,
        }
    }

    fn team(&mut self, field: &Field<Said<String>>, known: &Known<'_>) -> Option<String> {
        let said = field.get()?;
        self.refer(said, "team", &known.teams);
        Some(said.value.clone())
    }

    fn roster(&mut self, raw: &RawRoster, known: &Known<'_>) -> Vec<RosterEntry> {
        let band = self.required(&raw.band, &raw.key, "band", "\"day\"");
        if let Some(said) = band {
            self.refer(said, "band", &known.bands);
        }
        let agents = self.required(&raw.agents, &raw.key, "agents", "[\"1001\"]");
        for said in agents.into_iter().flatten() {
            self.refer(said, "seed.agent", &known.agents);
        }
        let days = self.days(&raw.days);
        for said in raw.dates.items() {
            self.date(said);
        }
        let dates = raw.dates.items().iter().map(|said| said.value.clone());
        let dates: Vec<String> = dates.collect();
        let Some(band) = band.and_then(|said| said.value.parse().ok()) else {
            return Vec::new();
        };
        let band: hotline_types::BandSlug = band;
        agents
            .into_iter()
            .flatten()
            .filter_map(|said| said.value.parse().ok())
            .map(|agent| RosterEntry {
                band: band.clone(),
                agent,
                days,
                dates: dates.clone(),
            })
            .collect()
    }
}
