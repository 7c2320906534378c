use super::*;
use crate::figures::Basis;
use crate::sample::{Sample, SampleConfig};

/// 2026-11-24 08:00 in Shanghai, the beginning of that business date.
const BEGIN_MS: i64 = 1_795_478_400_000;

fn knows() -> Knows {
    Knows {
        days: Sample::days(),
        teams: BTreeMap::from([
            ("agent-1".to_owned(), "red".to_owned()),
            ("agent-2".to_owned(), "red".to_owned()),
        ]),
        shifts: Shifts::new(),
    }
}

fn ask(group: Group, period: Period, within_s: u64) -> Ask {
    Ask {
        from: BusinessDate("2026-11-24".to_owned()),
        until: BusinessDate("2026-11-25".to_owned()),
        between: None,
        group,
        only: None,
        period,
        thresholds: Thresholds { within_s, short_s: 5 },
    }
}

/// A day of a sample hotline: its counters, and its events by contact.
fn day() -> (BTreeMap<CounterKey, Counts>, BTreeMap<ContactId, Vec<Event>>) {
    let mut sample = Sample::new(SampleConfig {
        seed: 3,
        from: WallTime::from_millis(BEGIN_MS),
        pause_max: std::time::Duration::from_secs(8),
        lines: 20,
        agents: 4,
        patient: 60,
    });
    let mut events = sample.start();
    while events.len() < 20_000 {
        events.extend(sample.step());
    }
    let (mut counters, mut totals, mut by_contact) = (
        Counters::new(Sample::days()),
        BTreeMap::<CounterKey, Counts>::new(),
        BTreeMap::<_, Vec<Event>>::new(),
    );
    for event in events {
        counters.apply(&event);
        for (key, delta) in counters.drain() {
            totals.entry(key).or_default().add(&delta);
        }
        if let Some(contact) = event.contact {
            by_contact.entry(contact).or_default().push(event);
        }
    }
    (totals, by_contact)
}

fn report(ask: Ask, totals: &BTreeMap<CounterKey, Counts>) -> Report {
    let mut report = Report::new(ask, knows());
    for (key, counts) in totals {
        report.add(key, counts).unwrap();
    }
    report
}

#[test]
fn every_figure_of_every_row_equals_the_contacts_listed_behind_it() {
    let (totals, contacts) = day();
    let deltas: Vec<Deltas> = contacts
        .values()
        .map(|events| deltas_of(events, &Sample::days()))
        .collect();
    let mut compared = 0;
    for group in [Group::Total, Group::Number, Group::Coverage] {
        let report = report(ask(group, Period::Whole, 15), &totals);
        for (_, key, row) in report.rows() {
            let basis = Basis {
                counts: &row.counts,
                within: row.within,
                duty: row.duty,
            };
            let one = Ask {
                only: Some(key.to_owned()),
                ..report.ask().clone()
            };
            for figure in report
                .figures()
                .filter(|figure| figure.has_contacts() && figure.unit == crate::figures::Unit::Count)
            {
                let listed = deltas
                    .iter()
                    .filter(|deltas| one.is_behind(figure, deltas, &knows()))
                    .count();
                assert_eq!(
                    figure.value(&basis),
                    Some(f64::from(u32::try_from(listed).unwrap())),
                    "{group:?} {key} {figure:?}"
                );
                compared += listed;
            }
        }
    }
    assert!(compared > 10_000, "only {compared} contacts stood behind figures");
}

#[test]
fn a_threshold_on_a_bound_and_the_exact_waits_give_the_same_and_others_lie_between() {
    let (totals, contacts) = day();
    let days = Sample::days();
    let exact = |within_s| {
        let mut report = report(ask(Group::Queue, Period::Day, within_s), &totals);
        let histogram: Vec<Within> = report.rows().map(|(_, _, row)| row.within).collect();
        report
            .rows
            .values_mut()
            .for_each(|row| row.within = Within::default());
        for events in contacts.values() {
            report.add_contact(&deltas_of(events, &days)).unwrap();
        }
        (
            histogram,
            report.rows().map(|(_, _, row)| row.within).collect::<Vec<_>>(),
        )
    };
    let (histogram, fifteen) = exact(15);
    assert_eq!(histogram, fifteen);
    let (twelve, ten) = (exact(12).1, exact(10).1);
    assert!(
        ten.iter()
            .zip(&twelve)
            .zip(&fifteen)
            .all(|((ten, twelve), fifteen)| {
                ten.answered <= twelve.answered && twelve.answered <= fifteen.answered
            })
    );
    assert_ne!(
        (&ten, &fifteen),
        (&twelve, &twelve),
        "twelve seconds must tell waits apart"
    );
}

#[test]
fn shorter_periods_add_up_to_longer_ones_and_teams_to_their_agents() {
    let (totals, _) = day();
    let sum = |group, period| {
        let mut sum = Counts::default();
        report(ask(group, period, 15), &totals)
            .rows()
            .for_each(|(_, _, row)| sum.add(&row.counts));
        sum
    };
    for group in [Group::Queue, Group::Agent, Group::Roster] {
        let whole = sum(group, Period::Whole);
        for period in [
            Period::Interval,
            Period::Hour,
            Period::Day,
            Period::Week,
            Period::Month,
        ] {
            assert_eq!(sum(group, period), whole, "{group:?} {period:?}");
        }
    }
    let agents = report(ask(Group::Agent, Period::Whole, 15), &totals);
    let red: u64 = agents
        .rows()
        .filter(|(_, key, _)| ["agent-1", "agent-2"].contains(key))
        .map(|(_, _, row)| row.counts.offers)
        .sum();
    assert_eq!(sum(Group::Team, Period::Whole).offers, red);
}

#[test]
fn adherence_is_the_rostered_time_that_was_kept_and_an_agent_who_stays_away_keeps_none() {
    let at = |minutes: i64| WallTime::from_millis(BEGIN_MS + minutes * 60_000);
    let mut knows = knows();
    // Rostered for an hour each; agent-1 is ready from a quarter past on and stays a quarter longer.
    for agent in ["agent-1", "agent-3"] {
        knows.shifts.insert(agent.to_owned(), vec![(at(0), at(60))]);
    }
    let mut report = Report::new(ask(Group::Agent, Period::Day, 15), knows);
    for quarter in 1..5 {
        let key = CounterKey {
            slot: Sample::days().slot_of(at(quarter * 15)),
            scope: Scope::parse("agent", "agent-1").unwrap(),
        };
        let counts = Counts {
            ready_us: 900_000_000,
            ..Counts::default()
        };
        report.add(&key, &counts).unwrap();
    }
    report.add_shifts().unwrap();
    let shares: Vec<(String, Vec<Option<f64>>)> = report
        .rows()
        .map(|(_, key, row)| {
            let basis = Basis {
                counts: &row.counts,
                within: row.within,
                duty: row.duty,
            };
            let of = |name| Figure::named(name).unwrap().value(&basis);
            (
                key.to_owned(),
                vec![of("adherence"), of("conformance"), of("shrinkage")],
            )
        })
        .collect();
    let want = [("agent-1", [0.75, 1.0, 0.25]), ("agent-3", [0.0, 0.0, 1.0])];
    assert_eq!(
        shares,
        want.map(|(key, values)| (key.to_owned(), values.map(Some).to_vec()))
    );
}

#[test]
fn service_levels_of_the_reference_to_the_printed_digits() {
    // A million calls of the exact Erlang A model: 60 calls/h, AHT 300 s, 5 agents, patience 120 s, T = 15 s.
    let counts = Counts {
        offered: 1_000_000,
        answered: 787_457,
        abandoned: 212_543,
        ..Counts::default()
    };
    let within = Within {
        answered: 583_274,
        abandoned: 51_758,
        short: 0,
    };
    let basis = Basis {
        counts: &counts,
        within,
        duty: Duty::default(),
    };
    for (name, percent) in [
        ("sl_offered", "58.3"),
        ("sl_without_abandons_within", "61.5"),
        ("sl_abandons_within_are_good", "63.5"),
        ("sl_answered_only", "74.1"),
    ] {
        let value = Figure::named(name).unwrap().value(&basis).unwrap();
        assert_eq!(format!("{:.1}", value * 100.0), percent, "{name}");
    }
}

#[test]
fn a_report_of_too_many_rows_is_refused() {
    let mut report = Report::new(
        Ask {
            from: BusinessDate("0000-01-01".to_owned()),
            until: BusinessDate("9999-12-31".to_owned()),
            ..ask(Group::Total, Period::Interval, 15)
        },
        knows(),
    );
    for quarter in 0..=i64::try_from(ROWS_MAX).unwrap() {
        let at = WallTime::from_micros(quarter * INTERVAL_US);
        let key = CounterKey {
            slot: Sample::days().slot_of(at),
            scope: Scope::Total,
        };
        let added = report.add(&key, &Counts::default());
        assert_eq!(added.is_err(), quarter >= i64::try_from(ROWS_MAX).unwrap());
    }
}
