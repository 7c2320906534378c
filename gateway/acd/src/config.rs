//! What can be wrong with the engine's settings: every problem is found, not only the first.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use crate::calendar::{self, ANY};
use crate::{AcdConfig, Band, Queue};

mod rules;

/// Most agents the engine takes.
pub const AGENTS_MAX: usize = 10_000;

/// Most queues the engine takes.
pub const QUEUES_MAX: usize = 1_000;

/// Most shift bands the engine takes.
pub const BANDS_MAX: usize = 100;

/// Most lines of the roster.
pub const ROSTER_MAX: usize = 100_000;

/// Most callers in all queues together, by their capacities.
pub const CALLERS_MAX: usize = 1_000_000;

/// Shortest rest after an offer without an answer; without one, a broken phone would be offered the same caller in
/// a tight loop.
pub const COOL_OFF_MIN: Duration = Duration::from_secs(1);

/// A setting the engine cannot work with; its text names the setting and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigProblem {
    /// The time zone is not in the IANA database that is built in.
    UnknownZone {
        /// The name given.
        zone: String,
    },
    /// A queue names an agent that does not exist.
    UnknownAgentInQueue {
        /// The queue.
        queue: String,
        /// The name given.
        agent: String,
    },
    /// The roster names an agent that does not exist.
    UnknownAgentInRoster {
        /// The band of the entry.
        band: String,
        /// The name given.
        agent: String,
    },
    /// The roster names a band that does not exist.
    UnknownBandInRoster {
        /// The name given.
        band: String,
        /// The agent of the entry.
        agent: String,
    },
    /// Two of a kind have the same name.
    Duplicate {
        /// Queue, agent, band, or agent of a queue.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The band's name means every band (`any`).
    ReservedBand,
    /// A minute of the day outside its range.
    BadMinute {
        /// Where.
        of: String,
        /// The minute given.
        minute: u16,
    },
    /// A number or duration outside its range.
    OutOfRange {
        /// Which, where, and the range it must keep.
        rule: String,
    },
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownZone { zone } => {
                write!(
                    f,
                    "time zone {zone:?} is unknown: give an IANA name such as Asia/Shanghai"
                )
            }
            Self::UnknownAgentInQueue { queue, agent } => {
                write!(
                    f,
                    "queue {queue} names agent {agent}, which does not exist: add the agent or drop the name"
                )
            }
            Self::UnknownAgentInRoster { band, agent } => {
                write!(
                    f,
                    "the roster of band {band} names agent {agent}, which does not exist"
                )
            }
            Self::UnknownBandInRoster { band, agent } => {
                write!(
                    f,
                    "the roster puts agent {agent} on band {band}, which does not exist"
                )
            }
            Self::Duplicate { what, name } => write!(f, "{what} {name} is given twice: keep one"),
            Self::ReservedBand => write!(
                f,
                "a band may not be called {ANY:?}, which means every band: rename it"
            ),
            Self::BadMinute { of, minute } => {
                write!(
                    f,
                    "{of} is minute {minute}, outside the day (00:00 to 23:59, an end up to 24:00)"
                )
            }
            Self::OutOfRange { rule } => f.write_str(rule),
        }
    }
}

impl std::error::Error for ConfigProblem {}

/// Every problem of these settings; empty where the engine can work with them.
pub(crate) fn problems(config: &AcdConfig) -> Vec<ConfigProblem> {
    let mut found = Vec::new();
    if calendar::zone(&config.time_zone).is_none() {
        found.push(ConfigProblem::UnknownZone {
            zone: config.time_zone.clone(),
        });
    }
    if config.business_day_start_min >= 24 * 60 {
        let of = "the start of the business day".to_owned();
        found.push(ConfigProblem::BadMinute {
            of,
            minute: config.business_day_start_min,
        });
    }
    at_most(&mut found, "agents", config.agents.len(), AGENTS_MAX);
    at_most(&mut found, "queues", config.queues.len(), QUEUES_MAX);
    at_most(&mut found, "bands", config.bands.len(), BANDS_MAX);
    at_most(&mut found, "lines of the roster", config.roster.len(), ROSTER_MAX);
    let capacity = config
        .queues
        .iter()
        .fold(0_usize, |sum, queue| sum.saturating_add(queue.capacity));
    at_most(
        &mut found,
        "callers of all queues by their capacities",
        capacity,
        CALLERS_MAX,
    );
    require(&mut found, config.cool_off >= COOL_OFF_MIN, || {
        format!(
            "cool_off is {:?}: give at least {COOL_OFF_MIN:?}",
            config.cool_off
        )
    });
    let agents = names(
        &mut found,
        "agent",
        config.agents.iter().map(|agent| agent.slug.as_str()),
    );
    let bands = names(
        &mut found,
        "band",
        config.bands.iter().map(|band| band.slug.as_str()),
    );
    names(
        &mut found,
        "queue",
        config.queues.iter().map(|queue| queue.slug.as_str()),
    );
    for band in &config.bands {
        check_band(&mut found, band);
    }
    for queue in &config.queues {
        check_queue(&mut found, queue, &agents);
    }
    rules::check(&mut found, config);
    for entry in &config.roster {
        let (band, agent) = (entry.band.to_string(), entry.agent.to_string());
        if !bands.contains(entry.band.as_str()) {
            found.push(ConfigProblem::UnknownBandInRoster { band, agent });
        } else if !agents.contains(entry.agent.as_str()) {
            found.push(ConfigProblem::UnknownAgentInRoster { band, agent });
        }
    }
    found
}

fn check_band(found: &mut Vec<ConfigProblem>, band: &Band) {
    if band.slug.as_str() == ANY {
        found.push(ConfigProblem::ReservedBand);
    }
    if band.from_min >= 24 * 60 {
        found.push(ConfigProblem::BadMinute {
            of: format!("the beginning of band {}", band.slug),
            minute: band.from_min,
        });
    }
    if band.until_min > 24 * 60 {
        found.push(ConfigProblem::BadMinute {
            of: format!("the end of band {}", band.slug),
            minute: band.until_min,
        });
    }
}

fn check_queue(found: &mut Vec<ConfigProblem>, queue: &Queue, agents: &BTreeSet<&str>) {
    let slug = &queue.slug;
    let mut seen = BTreeSet::new();
    for agent in &queue.agents {
        if !agents.contains(agent.as_str()) {
            found.push(ConfigProblem::UnknownAgentInQueue {
                queue: slug.to_string(),
                agent: agent.to_string(),
            });
        }
        if !seen.insert(agent) {
            found.push(ConfigProblem::Duplicate {
                what: "agent of queue",
                name: format!("{slug}: {agent}"),
            });
        }
    }
    require(found, queue.capacity > 0, || {
        format!("queue {slug} has capacity 0: give at least 1")
    });
    require(found, !queue.ring.is_zero(), || {
        format!("queue {slug} has ring 0 s: give at least 1 s")
    });
    require(found, !queue.wait_max.is_zero(), || {
        format!("queue {slug} has wait_max 0 s: give at least 1 s")
    });
    require(found, queue.ring_min <= queue.ring, || {
        format!(
            "queue {slug} has ring_min {:?} above ring {:?}: lower it",
            queue.ring_min, queue.ring
        )
    });
    require(found, queue.ring_min <= queue.wait_max, || {
        format!(
            "queue {slug} has ring_min {:?} above wait_max {:?}: lower it",
            queue.ring_min, queue.wait_max
        )
    });
}

fn require(found: &mut Vec<ConfigProblem>, good: bool, rule: impl FnOnce() -> String) {
    if !good {
        found.push(ConfigProblem::OutOfRange { rule: rule() });
    }
}

fn at_most(found: &mut Vec<ConfigProblem>, what: &str, count: usize, limit: usize) {
    require(found, count <= limit, || {
        format!("{count} {what}: at most {limit}")
    });
}

fn names<'a>(
    found: &mut Vec<ConfigProblem>,
    what: &'static str,
    all: impl Iterator<Item = &'a str>,
) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    for name in all {
        if !seen.insert(name) {
            found.push(ConfigProblem::Duplicate {
                what,
                name: name.to_owned(),
            });
        }
    }
    seen
}
