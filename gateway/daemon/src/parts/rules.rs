//! The routing rules of the settings, in the queue engine's words.

use std::collections::BTreeMap;

use anyhow::Context as _;
use hotline_acd::{Overflow, Policy, QueueRules, Requirement, SkillStep, Tier, When, WrapUpRule};
use hotline_config::{OverflowWhen, RecordPolicy, RoutingPolicy, Settings, WrapUpEnds};
use hotline_switch::{QueueRecording, RecordingRules};

/// The rules of one queue.
///
/// # Errors
/// An expression over skills that cannot be read.
pub fn queue(queue: &hotline_config::Queue) -> anyhow::Result<QueueRules> {
    let rules = &queue.rules;
    let at_once = usize::try_from(rules.at_once).unwrap_or(usize::MAX);
    let every = rules.add_every;
    let mut steps = Vec::new();
    for need in &rules.needs {
        let needs: Requirement = need
            .needs
            .parse()
            .with_context(|| format!("queue.{}.needs: {:?} cannot be read", queue.slug, need.needs))?;
        let after = need.after;
        steps.push(SkillStep { after, needs });
    }
    let tiers = rules.tiers.iter().flat_map(|tier| {
        let one = Tier {
            worth: tier.worth,
            delay: tier.delay,
            weight: tier.weight,
        };
        tier.agents.iter().map(move |agent| (agent.clone(), one))
    });
    let overflow = rules.overflow.iter().map(|overflow| Overflow {
        when: match overflow.when {
            OverflowWhen::Wait(wait) => When::Waited(wait),
            OverflowWhen::Estimate(wait) => When::Estimate(wait),
            OverflowWhen::Length(most) => When::Length(most),
            OverflowWhen::NoStaff => When::NoStaff,
        },
        to: overflow.to.clone(),
    });
    Ok(QueueRules {
        policy: match rules.policy {
            RoutingPolicy::LongestIdle => Policy::LongestIdle,
            RoutingPolicy::LeastOccupied => Policy::LeastOccupied,
            RoutingPolicy::FewestCalls => Policy::FewestCalls,
            RoutingPolicy::RoundRobin => Policy::RoundRobin,
            RoutingPolicy::Linear => Policy::Linear,
            RoutingPolicy::WeightedRandom => Policy::WeightedRandom,
            RoutingPolicy::RingAll => Policy::RingAll { at_once },
            RoutingPolicy::Progressive => Policy::Progressive { at_once, every },
        },
        tiers: tiers.collect(),
        steps,
        prefer_last: rules.prefer_last,
        overflow: overflow.collect(),
        wrap_up: match rules.wrap_up_ends {
            WrapUpEnds::Optional => WrapUpRule::Optional,
            WrapUpEnds::Timed => WrapUpRule::Timed,
            WrapUpEnds::Disposition => WrapUpRule::UntilDisposition,
        },
    })
}

/// What an agent can do.
#[must_use]
pub fn skills(agent: &hotline_config::Agent) -> BTreeMap<String, u8> {
    let skills = agent.skills.iter();
    skills.map(|skill| (skill.name.clone(), skill.level)).collect()
}

/// A band with its seats.
#[must_use]
pub fn band(band: &hotline_config::Band) -> hotline_acd::Band {
    let seats = band.seats.iter().map(|seats| hotline_acd::Seats {
        from_min: seats.from_min,
        until_min: seats.until_min,
        min: seats.min,
    });
    hotline_acd::Band {
        slug: band.slug.clone(),
        from_min: band.from_min,
        until_min: band.until_min,
        days: band.days,
        seats: seats.collect(),
    }
}

/// The weekly roster with the entries for dates, which the file alone has.
#[must_use]
pub fn roster(
    settings: &Settings,
    mut weekly: Vec<hotline_acd::RosterEntry>,
) -> Vec<hotline_acd::RosterEntry> {
    let dated = settings.seed.roster.iter();
    let dated = dated
        .filter(|entry| !entry.dates.is_empty())
        .map(|entry| hotline_acd::RosterEntry {
            band: entry.band.clone(),
            agent: entry.agent.clone(),
            days: entry.days,
            dates: entry.dates.clone(),
        });
    weekly.extend(dated);
    weekly
}

/// Every holiday.
#[must_use]
pub fn holidays(settings: &Settings) -> Vec<hotline_acd::Holiday> {
    let all = settings.holidays.iter().flat_map(|holiday| {
        holiday.dates.iter().map(|date| hotline_acd::Holiday {
            date: date.clone(),
            bands: holiday.bands.clone(),
        })
    });
    all.collect()
}

/// The reasons to pause.
#[must_use]
pub fn pauses(settings: &Settings) -> Vec<hotline_acd::PauseRule> {
    let all = settings.pauses.iter().map(|pause| hotline_acd::PauseRule {
        code: pause.slug.clone(),
        longest: pause.longest,
        team_max: pause.team_max,
    });
    all.collect()
}

/// What is recorded.
#[must_use]
pub fn recording(settings: &Settings) -> RecordingRules {
    let recording = &settings.recording;
    let policy = |policy| match policy {
        _ if !recording.enabled => hotline_switch::RecordPolicy::Off,
        RecordPolicy::Off => hotline_switch::RecordPolicy::Off,
        RecordPolicy::Talk => hotline_switch::RecordPolicy::Talk,
        RecordPolicy::Queue => hotline_switch::RecordPolicy::FromQueue,
        RecordPolicy::Everything => hotline_switch::RecordPolicy::Everything,
    };
    let queues = settings.queues.iter().map(|queue| {
        let rule = QueueRecording {
            policy: policy(queue.record.unwrap_or(recording.policy)),
            refuse_when_full: queue.refuse_unrecorded,
        };
        (queue.slug.clone(), rule)
    });
    RecordingRules {
        policy: policy(recording.policy),
        queues: queues.collect(),
        encrypt: recording.encrypt,
        pause_max: recording.pause_max,
        pause_code: recording.pause_code.clone(),
        resume_code: recording.resume_code.clone(),
    }
}
