//! A look at the week ahead: hours in which a queue has nobody rostered, or nobody with the skills it asks for.

use std::time::Duration;

use hotline_types::{Now, Rng, Time, WallTime};
use jiff::Timestamp;

use crate::queue::QueueState;
use crate::{Acd, AcdConfig};

/// How far the lint looks.
pub const LINT_AHEAD: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Hints at most; one more line says how many were left out.
pub const HINTS_MAX: usize = 50;

/// What is lacking, and since when.
type Lack = Option<(&'static str, WallTime)>;

/// Stretches of the week from `from` on in which callers of a queue would find nobody: hints, not problems, for a hotline
/// may close. Empty where the settings do not work at all.
#[must_use]
pub fn lint(config: &AcdConfig, from: WallTime) -> Vec<String> {
    let now = Now::new(Time::ZERO, from);
    let Ok(acd) = Acd::new(config.clone(), Rng::from_seed(0), now) else {
        return Vec::new();
    };
    let until = from + LINT_AHEAD;
    let mut lacks: Vec<Lack> = vec![None; acd.queues.len()];
    let mut hints = Vec::new();
    let mut at = from;
    while at < until {
        let duty = acd.calendar.duty(at);
        for (queue, lack) in acd.queues.iter().zip(&mut lacks) {
            let found = acd.lack(queue, &duty.on);
            if lack.map(|(what, _)| what) != found {
                hints.extend(lack.take().map(|(what, since)| acd.hint(queue, what, since, at)));
                *lack = found.map(|what| (what, at));
            }
        }
        match duty.until {
            Some(next) if next > at => at = next,
            _ => break,
        }
    }
    for (queue, lack) in acd.queues.iter().zip(lacks) {
        hints.extend(lack.map(|(what, since)| acd.hint(queue, what, since, until)));
    }
    let more = hints.len().saturating_sub(HINTS_MAX);
    hints.truncate(HINTS_MAX);
    if more > 0 {
        hints.push(format!("and {more} more of the kind"));
    }
    hints
}

impl Acd {
    /// What a caller of this queue would lack while these bands are on.
    fn lack(&self, queue: &QueueState, on: &[crate::calendar::Occurrence]) -> Option<&'static str> {
        let rostered = queue.members.iter().filter(|member| {
            let mut on = on.iter();
            on.any(|on| self.is_rostered(member.agent, *on))
        });
        let rostered: Vec<_> = rostered.collect();
        let steps = &queue.rules.steps;
        let able = |levels: &[u8]| steps.is_empty() || steps.iter().any(|(_, needs)| needs.met_by(levels));
        if rostered.is_empty() {
            Some("nobody is rostered")
        } else if !rostered
            .iter()
            .any(|member| able(&self.agents[member.agent.0].levels))
        {
            Some("nobody who is rostered has the skills needed")
        } else {
            None
        }
    }

    fn hint(&self, queue: &QueueState, what: &str, since: WallTime, until: WallTime) -> String {
        let clock = |at: WallTime| {
            let at = Timestamp::from_microsecond(at.as_micros()).unwrap_or(Timestamp::MAX);
            let zoned = self.calendar.zone().to_datetime(at);
            zoned.strftime("%a %Y-%m-%d %H:%M").to_string()
        };
        format!(
            "queue {}: {what} from {} to {}",
            queue.slug,
            clock(since),
            clock(until)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::script::{plain_config, wall};
    use crate::{Agent, Band, Queue, QueueRules, RosterEntry, SkillStep};

    #[test]
    fn hours_and_skills_that_nobody_covers_are_named() {
        let mut config = plain_config();
        let band = |slug: &str, from_min, until_min| Band {
            slug: slug.parse().unwrap(),
            from_min,
            until_min,
            days: [true; 7],
            seats: Vec::new(),
        };
        config.bands = vec![band("day", 480, 1200), band("night", 1200, 480)];
        let agent = |slug: &str, level| Agent {
            slug: slug.parse().unwrap(),
            intent: hotline_types::Intent::Ready,
            team: None,
            skills: [("repair".to_owned(), level)].into(),
        };
        config.agents = vec![agent("anna", 3), agent("ben", 1)];
        let mut weekdays = [true; 7];
        weekdays[6] = false;
        let entry = |band: &str, agent: &str, days| RosterEntry {
            band: band.parse().unwrap(),
            agent: agent.parse().unwrap(),
            days,
            dates: Vec::new(),
        };
        config.roster = vec![entry("day", "anna", weekdays), entry("night", "ben", [true; 7])];
        let queue = |slug: &str, needs: &str| Queue {
            slug: slug.parse().unwrap(),
            agents: vec!["anna".parse().unwrap(), "ben".parse().unwrap()],
            capacity: 10,
            wait_max: Duration::from_secs(60),
            ring: Duration::from_secs(15),
            ring_min: Duration::from_secs(5),
            wrap_up: Duration::ZERO,
            rules: QueueRules {
                steps: vec![SkillStep {
                    after: Duration::ZERO,
                    needs: needs.parse().unwrap(),
                }],
                ..QueueRules::default()
            },
        };
        config.queues = vec![queue("any", "any"), queue("fix", "repair>=2")];
        // Saturday noon in Shanghai.
        let mut hints = lint(&config, wall("2026-11-28T04:00:00Z"));
        assert_eq!(
            hints[0],
            "queue fix: nobody who is rostered has the skills needed from Sat 2026-11-28 20:00 to Sun 2026-11-29 08:00"
        );
        hints.retain(|hint| hint.contains("nobody is rostered"));
        assert_eq!(
            hints,
            [
                "queue any: nobody is rostered from Sun 2026-11-29 08:00 to Sun 2026-11-29 20:00",
                "queue fix: nobody is rostered from Sun 2026-11-29 08:00 to Sun 2026-11-29 20:00",
            ]
        );
    }
}
