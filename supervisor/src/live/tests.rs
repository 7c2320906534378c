//! The ledger's promises: absolute values, an unbroken chain of positions, a bounded ring.

use super::*;

fn rows(waiting: u32, agents: &[(&str, &'static str)]) -> Rows {
    let mut rows = Rows::default();
    rows.queues.insert(
        "sales".into(),
        QueueRow {
            id: "sales".into(),
            waiting,
            ..QueueRow::default()
        },
    );
    for (slug, work) in agents {
        rows.agents.insert(
            (*slug).into(),
            AgentRow {
                id: (*slug).into(),
                work,
                ..AgentRow::default()
            },
        );
    }
    rows
}

#[test]
fn a_batch_holds_only_what_changed_and_what_went() {
    let mut ledger = Ledger::default();
    ledger.publish(rows(1, &[("8001", "idle"), ("8002", "idle")]), 10);
    let delta = ledger
        .publish(rows(1, &[("8001", "talking")]), 12)
        .expect("something changed");
    assert_eq!((delta.from, delta.to), (10, 12));
    assert!(delta.rows.queues.is_empty());
    assert_eq!(delta.rows.agents.len(), 1);
    assert_eq!(delta.gone.agents, ["8002"]);
    assert!(ledger.publish(rows(1, &[("8001", "talking")]), 12).is_none());
}

#[test]
fn a_client_that_missed_batches_gets_exactly_those() {
    let mut ledger = Ledger::default();
    for seq in 1..=5 {
        ledger.publish(rows(seq, &[]), u64::from(seq) * 10);
    }
    let Resume::Batches(missed) = ledger.resume(30) else {
        panic!("the ring holds 30")
    };
    assert_eq!(
        missed
            .iter()
            .map(|delta| (delta.from, delta.to))
            .collect::<Vec<_>>(),
        [(30, 40), (40, 50)]
    );
    let Resume::Batches(none) = ledger.resume(50) else {
        panic!("50 is now")
    };
    assert!(none.is_empty());
    for unknown in [35, 51, 9_999] {
        assert!(matches!(ledger.resume(unknown), Resume::Reset), "{unknown}");
    }
}

#[test]
fn the_ring_is_bounded_and_a_position_that_fell_out_means_reset() {
    let mut ledger = Ledger::default();
    for seq in 1..=(RING_BATCHES_MAX as u32 + 2) {
        ledger.publish(rows(seq, &[]), u64::from(seq));
    }
    assert_eq!(ledger.ring.len(), RING_BATCHES_MAX);
    assert!(matches!(ledger.resume(1), Resume::Reset));
    assert!(matches!(ledger.resume(2), Resume::Batches(missed) if missed.len() == RING_BATCHES_MAX));
}

#[test]
fn an_agents_own_feed_carries_that_agent_alone_and_keeps_the_positions() {
    let mut ledger = Ledger::default();
    let delta = ledger
        .publish(rows(3, &[("8001", "idle"), ("8002", "talking")]), 7)
        .expect("first batch");
    let own = Scope {
        own: Some("8001".into()),
        ..Scope::default()
    }
    .delta(&delta);
    assert_eq!((own.from, own.to), (0, 7));
    assert!(own.rows.queues.is_empty());
    assert_eq!(
        own.rows
            .agents
            .iter()
            .map(|row| row.id.as_str())
            .collect::<Vec<_>>(),
        ["8001"]
    );
}

#[test]
fn a_feed_carries_only_the_topics_that_were_asked_for() {
    let mut ledger = Ledger::default();
    let delta = ledger
        .publish(rows(3, &[("8001", "idle")]), 7)
        .expect("first batch");
    let scope = Scope {
        topics: BTreeSet::from([Topic::Queues]),
        ..Scope::default()
    };
    let seen = scope.delta(&delta);
    assert_eq!(seen.rows.queues.len(), 1);
    assert!(seen.rows.agents.is_empty());
    assert!(Scope::default().is_all());
}
