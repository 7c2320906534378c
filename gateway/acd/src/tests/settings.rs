//! Settings that cannot work are refused, all at once.

use std::collections::BTreeMap;
use std::time::Duration;

use hotline_types::{Intent, Now, Rng, Time, WallTime};

use super::script::plain_config;
use crate::{
    Acd, Agent, Band, ConfigProblem, Overflow, Policy, Queue, QueueRules, Requirement, RosterEntry,
    SkillStep, Tier, When, WrapUpRule,
};

/// What the test's settings are told.
const PROBLEMS: &[&str] = &[
    "time zone \"Asia/Shangri-La\" is unknown: give an IANA name such as Asia/Shanghai",
    "the start of the business day is minute 1440, outside the day (00:00 to 23:59, an end up to 24:00)",
    "cool_off is 0ns: give at least 1s",
    "agent anna is given twice: keep one",
    "a band may not be called \"any\", which means every band: rename it",
    "the beginning of band any is minute 1440, outside the day (00:00 to 23:59, an end up to 24:00)",
    "the end of band any is minute 1441, outside the day (00:00 to 23:59, an end up to 24:00)",
    "queue sales names agent bob, which does not exist: add the agent or drop the name",
    "agent of queue sales: anna is given twice: keep one",
    "queue sales has capacity 0: give at least 1",
    "queue sales has ring 0 s: give at least 1 s",
    "queue sales has wait_max 0 s: give at least 1 s",
    "queue sales has ring_min 5s above ring 0ns: lower it",
    "queue sales has ring_min 5s above wait_max 0ns: lower it",
    "queue sales rings 1 phones at once: give 2 to 20",
    "queue sales has a rule for agent carl, who does not serve it: drop the rule",
    "queue sales gives agent carl the weight 0: give 1 to 1000",
    "the steps of queue sales must begin at 0 s and each come later than the one before",
    "queue sales overflows into sales: name another queue",
    "queue sales waits for a disposition, but has wrap_up 0 s: give the longest wait for it",
    "the roster of band any names agent carl, which does not exist",
    "the roster puts agent anna on band noon, which does not exist",
];

/// Rules of queue sales, each of them wrong.
fn wrong_rules() -> QueueRules {
    QueueRules {
        policy: Policy::RingAll { at_once: 1 },
        tiers: BTreeMap::from([(
            "carl".parse().unwrap(),
            Tier {
                weight: 0,
                ..Tier::default()
            },
        )]),
        steps: vec![SkillStep {
            after: Duration::from_secs(1),
            needs: Requirement::Anyone,
        }],
        overflow: vec![Overflow {
            when: When::NoStaff,
            to: "sales".parse().unwrap(),
        }],
        wrap_up: WrapUpRule::UntilDisposition,
        ..QueueRules::default()
    }
}

#[test]
fn every_problem_of_the_settings_is_reported_at_once() {
    let mut config = plain_config();
    config.time_zone = "Asia/Shangri-La".to_owned();
    config.business_day_start_min = 1440;
    config.cool_off = Duration::ZERO;
    let agent = Agent {
        slug: "anna".parse().unwrap(),
        intent: Intent::Ready,
        team: None,
        skills: BTreeMap::new(),
    };
    config.agents = vec![agent.clone(), agent];
    config.bands = vec![Band {
        slug: "any".parse().unwrap(),
        from_min: 1440,
        until_min: 1441,
        days: [true; 7],
        seats: Vec::new(),
    }];
    config.queues = vec![Queue {
        slug: "sales".parse().unwrap(),
        agents: vec![
            "anna".parse().unwrap(),
            "bob".parse().unwrap(),
            "anna".parse().unwrap(),
        ],
        capacity: 0,
        wait_max: Duration::ZERO,
        ring: Duration::ZERO,
        ring_min: Duration::from_secs(5),
        wrap_up: Duration::ZERO,
        rules: wrong_rules(),
    }];
    let entry = |band: &str, agent: &str| RosterEntry {
        band: band.parse().unwrap(),
        agent: agent.parse().unwrap(),
        days: [true; 7],
        dates: Vec::new(),
    };
    config.roster = vec![entry("any", "carl"), entry("noon", "anna")];
    let now = Now::new(Time::ZERO, WallTime::from_millis(0));
    let problems = Acd::new(config, Rng::from_seed(1), now).unwrap_err();
    let texts: Vec<String> = problems.iter().map(ConfigProblem::to_string).collect();
    assert_eq!(texts, PROBLEMS);
}
