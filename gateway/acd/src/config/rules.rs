//! What can be wrong with a queue's rules and with skills.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{ConfigProblem, at_most, require};
use crate::rules::{OVERFLOWS_MAX, Policy, RING_AT_ONCE_MAX, STEPS_MAX, WrapUpRule};
use crate::skills::{LEVEL_MAX, SKILLS_MAX};
use crate::{AcdConfig, Queue, calendar};

/// Largest weight in a draw by lot.
const WEIGHT_MAX: u32 = 1_000;

pub(super) fn check(found: &mut Vec<ConfigProblem>, config: &AcdConfig) {
    let mut skills: BTreeSet<&str> = BTreeSet::new();
    for agent in &config.agents {
        for (skill, level) in &agent.skills {
            skills.insert(skill);
            require(found, (1..=LEVEL_MAX).contains(level), || {
                format!(
                    "agent {} has {skill} at level {level}: give 1 to {LEVEL_MAX}",
                    agent.slug
                )
            });
        }
    }
    for queue in &config.queues {
        queue_rules(found, config, queue);
        for step in &queue.rules.steps {
            let mut names = Vec::new();
            step.needs.names(&mut names);
            skills.extend(names);
        }
    }
    for day in &config.holidays {
        check_date(found, "a holiday", &day.date);
        for band in &day.bands {
            let known = config.bands.iter().any(|other| other.slug == *band);
            require(found, known, || {
                format!("holiday {} names band {band}, which does not exist", day.date)
            });
        }
    }
    for entry in &config.roster {
        for date in &entry.dates {
            check_date(found, "the roster", date);
        }
    }
    for band in &config.bands {
        for seats in &band.seats {
            let good = seats.from_min < 24 * 60 && (1..=24 * 60).contains(&seats.until_min) && seats.min > 0;
            require(found, good, || {
                format!(
                    "band {} has seats {} from minute {} to {}: give hours of a day and at least 1",
                    band.slug, seats.min, seats.from_min, seats.until_min
                )
            });
        }
    }
    at_most(found, "different skills", skills.len(), SKILLS_MAX);
}

fn check_date(found: &mut Vec<ConfigProblem>, what: &str, date: &str) {
    require(found, calendar::date(date).is_some(), || {
        format!("{what} names {date:?}, which is no date: write YYYY-MM-DD")
    });
}

fn queue_rules(found: &mut Vec<ConfigProblem>, config: &AcdConfig, queue: &Queue) {
    let (slug, rules) = (&queue.slug, &queue.rules);
    if let Policy::RingAll { at_once } | Policy::Progressive { at_once, .. } = rules.policy {
        require(found, (2..=RING_AT_ONCE_MAX).contains(&at_once), || {
            format!("queue {slug} rings {at_once} phones at once: give 2 to {RING_AT_ONCE_MAX}")
        });
    }
    if let Policy::Progressive { every, .. } = rules.policy {
        require(found, every >= Duration::from_secs(1), || {
            format!("queue {slug} adds a phone every {every:?}: give at least 1 s")
        });
    }
    for (agent, tier) in &rules.tiers {
        require(found, queue.agents.contains(agent), || {
            format!("queue {slug} has a rule for agent {agent}, who does not serve it: drop the rule")
        });
        require(found, (1..=WEIGHT_MAX).contains(&tier.weight), || {
            format!(
                "queue {slug} gives agent {agent} the weight {}: give 1 to {WEIGHT_MAX}",
                tier.weight
            )
        });
    }
    at_most(found, "steps of a requirement", rules.steps.len(), STEPS_MAX);
    let first = rules.steps.first().is_none_or(|step| step.after.is_zero());
    let rising = rules.steps.windows(2).all(|two| two[0].after < two[1].after);
    require(found, first && rising, || {
        format!("the steps of queue {slug} must begin at 0 s and each come later than the one before")
    });
    at_most(
        found,
        "overflow rules of a queue",
        rules.overflow.len(),
        OVERFLOWS_MAX,
    );
    for overflow in &rules.overflow {
        let to = &overflow.to;
        let known = config.queues.iter().any(|other| other.slug == *to);
        require(found, known && to != slug, || {
            format!("queue {slug} overflows into {to}: name another queue")
        });
    }
    let waits_for_it = rules.wrap_up == WrapUpRule::UntilDisposition;
    require(found, !waits_for_it || !queue.wrap_up.is_zero(), || {
        format!("queue {slug} waits for a disposition, but has wrap_up 0 s: give the longest wait for it")
    });
}
