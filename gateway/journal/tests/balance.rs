//! Histories from many seeds: whatever callers and agents do, and wherever a crash cuts, no figure contradicts another.

use std::collections::BTreeMap;
use std::time::Duration;

use hotline_journal::sample::{Sample, SampleConfig};
use hotline_journal::{Board, Change, Contacts, Counters, Counts, Event, Scope, figures};
use hotline_types::WallTime;

struct Books {
    counters: Counters,
    contacts: Contacts,
    board: Board,
    rows: BTreeMap<Scope, Counts>,
    closed: u64,
}

impl Books {
    fn new() -> Self {
        Self {
            counters: Counters::new(Sample::days()),
            contacts: Contacts::new(),
            board: Board::new(Sample::days()),
            rows: BTreeMap::new(),
            closed: 0,
        }
    }

    fn take(&mut self, events: &[Event], seed: u64) {
        for event in events {
            self.counters.apply(event);
            self.board.apply(event);
            if let Some(Change::Closed(record)) = self.contacts.apply(event) {
                self.closed += 1;
                assert!(
                    record.queues.iter().all(|visit| visit.exit.is_some()),
                    "seed {seed}: {record:?}"
                );
                assert!(
                    record.segments.iter().all(|segment| segment.closed_at.is_some()),
                    "seed {seed}: {record:?}"
                );
                assert!(
                    record.offers.iter().all(|offer| offer.outcome.is_some()),
                    "seed {seed}: {record:?}"
                );
            }
            for (key, delta) in self.counters.drain() {
                self.rows.entry(key.scope).or_default().add(&delta);
            }
            for (scope, row) in &self.rows {
                let held = figures::balance(row, self.counters.waiting(scope), self.counters.in_ivr(scope));
                assert_eq!(held, Ok(()), "seed {seed}, {scope:?} after {event:?}");
            }
        }
        self.compare_lists(seed);
    }

    fn agents_agree(&self, seed: u64) {
        let total = &self.rows[&Scope::Total];
        let by_queue: u64 = self
            .rows
            .iter()
            .filter(|(s, _)| s.kind() == "queue")
            .map(|(_, row)| row.talk_us)
            .sum();
        let by_agent: u64 = self
            .rows
            .iter()
            .filter(|(s, _)| s.kind() == "agent")
            .map(|(_, row)| row.talk_us)
            .sum();
        assert_eq!((by_queue, total.talk_us), (by_agent, by_agent), "seed {seed}");
        let offers: u64 = self
            .rows
            .iter()
            .filter(|(s, _)| s.kind() == "agent")
            .map(|(_, row)| row.offers)
            .sum();
        let ended: u64 = self
            .rows
            .iter()
            .filter(|(s, _)| s.kind() == "agent")
            .map(|(_, row)| {
                row.offers_answered
                    + row.offers_missed
                    + row.offers_rejected
                    + row.offers_busy
                    + row.offers_unreachable
                    + row.offers_failed
                    + row.offers_withdrawn
            })
            .sum();
        assert_eq!(offers, ended, "seed {seed}");
    }

    fn compare_lists(&self, seed: u64) {
        for queue in ["pre-sales", "after-sales", "complaints"] {
            let scope = Scope::Queue(queue.parse().expect("a slug"));
            let listed: Vec<_> = self.board.waiting(queue).collect();
            assert_eq!(
                listed.len() as u64,
                self.board.waiting_count(&scope),
                "seed {seed}, {queue}"
            );
            let records = self
                .contacts
                .open()
                .filter(|record| record.waiting().is_some_and(|v| v.queue.as_str() == queue));
            assert_eq!(records.count(), listed.len(), "seed {seed}, {queue}");
            assert!(
                listed
                    .windows(2)
                    .all(|pair| pair[0].enqueued_at <= pair[1].enqueued_at)
            );
        }
        assert_eq!(
            self.contacts.open().count(),
            self.board.contacts().count(),
            "seed {seed}"
        );
    }
}

fn sample(seed: u64, pause_max: Duration) -> Sample {
    Sample::new(SampleConfig {
        seed,
        from: WallTime::from_millis(1_795_476_600_000),
        pause_max,
        lines: 12,
        agents: 4,
        patient: 40,
    })
}

#[test]
fn both_balances_hold_at_every_event_of_every_history() {
    let mut all = Counts::default();
    for seed in 0..24 {
        let mut hotline = sample(seed, Duration::from_secs(20));
        let mut books = Books::new();
        books.take(&hotline.start(), seed);
        for step in 0..700 {
            let events = hotline.step();
            books.take(&events, seed);
            if step % 233 == 232 {
                books.take(&hotline.crash(), seed);
                books.take(&hotline.start(), seed);
            }
        }
        books.take(&hotline.finish(), seed);
        let total = &books.rows[&Scope::Total];
        assert_eq!(total.reached, books.closed);
        all.add(total);
        assert_eq!((figures::waiting_now(total), figures::in_ivr_now(total)), (0, 0));
        books.agents_agree(seed);
    }
    let seen = [
        all.refused,
        all.lost_in_ivr,
        all.answered,
        all.abandoned_ringing,
        all.lost,
        all.hold_us,
    ];
    let flowed = [
        all.flowed_out_timeout,
        all.flowed_out_full,
        all.flowed_out_no_staff,
        all.flowed_out_key,
    ];
    assert!(
        seen.iter().chain(&flowed).all(|&count| count > 0),
        "the histories show every outcome: {all:?}"
    );
}

#[test]
fn board_shows_the_counters_of_its_business_date_only() {
    let mut hotline = sample(7, Duration::from_secs(90));
    let mut counters = Counters::new(Sample::days());
    let mut board = Board::new(Sample::days());
    let mut rows: BTreeMap<_, BTreeMap<Scope, Counts>> = BTreeMap::new();
    let mut events = hotline.start();
    for _ in 0..4_000 {
        for event in &events {
            counters.apply(event);
            board.apply(event);
        }
        events = hotline.step();
    }
    for (key, delta) in counters.drain() {
        rows.entry(key.slot.date)
            .or_default()
            .entry(key.scope)
            .or_default()
            .add(&delta);
    }
    assert!(rows.len() >= 2, "the history spans two business dates");
    let (date, today) = rows.pop_last().unwrap();
    assert_eq!(board.date(), Some(&date));
    assert_eq!(
        board
            .totals()
            .map(|(s, row)| (s.clone(), row.clone()))
            .collect::<BTreeMap<_, _>>(),
        today
    );
}
