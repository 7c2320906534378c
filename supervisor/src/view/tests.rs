//! The rows of the live page against a board of a few events.

use hotline_journal::{EVENT_VERSION, Seq};
use hotline_types::{QueueExit, SegmentId};

use super::*;
use crate::directory::AgentEntry;

/// One agent in three queues.
fn directory() -> Directory {
    let queues = ["sales", "service", "complaints"].map(str::to_owned);
    let agent = AgentEntry {
        label: "Zhang Wei".to_owned(),
        queues: queues.to_vec(),
        team: None,
    };
    Directory {
        queues: queues.into_iter().map(|queue| (queue, String::new())).collect(),
        agents: BTreeMap::from([("8001".to_owned(), agent)]),
        ..Directory::default()
    }
}

#[test]
fn one_call_counts_as_talking_in_the_queue_it_came_from_and_in_no_other() {
    let days = BusinessDays::fixed(0, 0);
    let mut view = View::new(Board::new(days.clone()), days.clone());
    let at = WallTime::from_millis(now_ms());
    let steps = [
        What::ContactOpened {
            number: None,
            trunk: "trunk".parse().expect("a slug"),
            person: PersonId::from_bytes([1; 16]),
            business_date: days.date_of(at),
            bands: Vec::new(),
            flow: None,
            flow_version: None,
        },
        What::QueueEntered {
            enqueued_at: at,
            business_date: days.date_of(at),
            bands: Vec::new(),
        },
        What::QueueLeft {
            exit: QueueExit::Answered,
            wait_us: 0,
        },
        What::Bridged { bands: Vec::new() },
        What::AgentWork {
            work: WorkState::Talking,
            until: None,
        },
    ];
    for (seq, what) in (1..).zip(steps) {
        view.apply(&Event {
            v: EVENT_VERSION,
            seq: Seq(seq),
            at,
            contact: Some(ContactId::from_bytes([7; 16])),
            segment: Some(SegmentId::from_bytes([8; 16])),
            agent: Some("8001".parse().expect("a slug")),
            queue: Some("service".parse().expect("a slug")),
            offer: None,
            cause_seq: None,
            by: By::System,
            what,
        });
    }
    let present = Present {
        ready: true,
        reasons: Vec::new(),
        lines_in_use: 1,
        lines_max: 1,
        seats_short: 0,
        journal_behind: false,
    };
    let rows = view.rows(&directory(), &present);
    let talking: Vec<(&str, u32)> = rows
        .queues
        .iter()
        .map(|(queue, row)| (queue.as_str(), row.talking))
        .collect();
    assert_eq!(talking, [("complaints", 0), ("sales", 0), ("service", 1)]);
}
