//! Many calls at once.

use std::time::Duration;

use hotline_types::{AgentSlug, ContactId, DeviceState, Intent, Now, Rng, Time};

use super::script::{plain_config, wall};
use super::simulation::{agent_slug, queue_slug, world};
use crate::{Acd, Agent, Band, Effect, Input, Output, RosterEntry};

/// One queue of fifty places, ten agents on duty all day.
fn ten_agents() -> crate::AcdConfig {
    let mut config = plain_config();
    config.bands = vec![Band {
        slug: "day".parse().unwrap(),
        from_min: 0,
        until_min: 1440,
        days: [true; 7],
        seats: Vec::new(),
    }];
    config.agents = (0..10)
        .map(|no| Agent {
            slug: agent_slug(no),
            intent: Intent::Ready,
            team: None,
            skills: Default::default(),
        })
        .collect();
    config.roster = (0..10)
        .map(|no| RosterEntry {
            band: "day".parse().unwrap(),
            agent: agent_slug(no),
            days: [true; 7],
            dates: Vec::new(),
        })
        .collect();
    let mut queue = world().queues.swap_remove(0);
    queue.agents = (0..10).map(agent_slug).collect();
    queue.capacity = 50;
    config.queues = vec![queue];
    config
}

#[test]
fn fifty_calls_in_a_tenth_of_a_second_offer_each_of_ten_agents_once() {
    let config = ten_agents();
    let start = wall("2026-11-24T02:00:00Z");
    let at = |ms: u64| Now::new(Time::from_millis(ms), start + Duration::from_millis(ms));
    let mut rng = Rng::from_seed(1);
    let mut acd = Acd::new(config, rng.fork(), at(0)).unwrap();
    for no in 0..10 {
        acd.handle(
            at(0),
            Input::Device {
                agent: agent_slug(no),
                device: DeviceState::Registered,
            },
        );
    }
    let mut offered: Vec<(ContactId, AgentSlug)> = Vec::new();
    let mut callers = Vec::new();
    for call in 0..50 {
        let now = at(1000 + call * 2);
        let contact = ContactId::new(now.wall, &mut rng);
        callers.push(contact);
        let (queue, enqueued_at) = (queue_slug(0), now.wall);
        acd.handle(
            now,
            Input::Enqueue {
                contact,
                queue,
                enqueued_at,
                priority: Duration::ZERO,
                last_agent: None,
            },
        );
        loop {
            match acd.poll() {
                Output::Timeout(_) => break,
                Output::Effect(Effect::Offer { contact, agent, .. }) => offered.push((contact, agent)),
                Output::Effect(other) => panic!("{other:?}"),
                Output::Event(_) => {}
            }
        }
        acd.check().unwrap();
    }
    let expected: Vec<_> = callers.iter().copied().zip((0..10).map(agent_slug)).collect();
    assert_eq!(offered, expected);
    assert_eq!(acd.waiting(&queue_slug(0)), callers);
}
