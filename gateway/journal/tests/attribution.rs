//! Where things are counted: once for the total, in each queue, in the quarter in which they happened.

#![allow(clippy::unwrap_used, reason = "a test ends where an unwrap fails")]

use std::collections::BTreeMap;
use std::time::Duration;

use hotline_journal::{
    BusinessDate, BusinessDays, By, Change, ContactRecord, Contacts, Counters, Counts, Draft, EVENT_VERSION,
    Event, Scope, Seq, What, closing_at, closing_events,
};
use hotline_types::{
    AbandonPhase, ContactId, DeviceState, EndCause, FlowOutReason, Intent, LostReason, PersonId, QueueExit,
    Rng, SegmentId, SegmentKind, WallTime, WorkState,
};

/// 2026-11-24 10:14:00 in Shanghai: a minute before the quarter ends.
const BEGIN_MS: i64 = 1_795_486_440_000;

struct Script {
    seq: Seq,
    now: WallTime,
    contact: ContactId,
    segment: SegmentId,
    events: Vec<Event>,
}

impl Script {
    fn new() -> Self {
        let now = WallTime::from_millis(BEGIN_MS);
        let mut rng = Rng::from_seed(1);
        let (contact, segment) = (ContactId::new(now, &mut rng), SegmentId::new(now, &mut rng));
        let mut script = Self {
            seq: Seq(0),
            now,
            contact,
            segment,
            events: Vec::new(),
        };
        let person = PersonId::new(now, &mut rng);
        let opened = What::ContactOpened {
            number: "main".parse().ok(),
            trunk: "carrier".parse().unwrap(),
            person,
            business_date: BusinessDate("2026-11-24".to_owned()),
            bands: vec!["day".parse().unwrap()],
            flow: None,
            flow_version: None,
        };
        script.say(opened);
        script
    }

    fn emit(&mut self, draft: Draft) {
        self.seq = self.seq.next();
        self.events.push(Event {
            v: EVENT_VERSION,
            seq: self.seq,
            at: self.now,
            contact: draft.contact,
            segment: draft.segment,
            agent: draft.agent,
            queue: draft.queue,
            offer: draft.offer,
            cause_seq: None,
            by: draft.by,
            what: draft.what,
        });
    }

    fn say(&mut self, what: What) {
        let contact = self.contact;
        self.emit(Draft::new(By::System, what).contact(contact));
    }

    fn after(&mut self, seconds: u64) -> &mut Self {
        self.now = self.now + Duration::from_secs(seconds);
        self
    }

    fn enter(&mut self, queue: &str) {
        let what = What::QueueEntered {
            enqueued_at: self.now,
            business_date: BusinessDate("2026-11-24".to_owned()),
            bands: vec!["day".parse().unwrap(), "late".parse().unwrap()],
        };
        let draft = Draft::new(By::System, what)
            .contact(self.contact)
            .queue(queue.parse().unwrap());
        self.emit(draft);
    }

    fn leave(&mut self, queue: &str, exit: QueueExit, wait_s: u64) {
        let what = What::QueueLeft {
            exit,
            wait_us: wait_s * 1_000_000,
        };
        let draft = Draft::new(By::System, what)
            .contact(self.contact)
            .queue(queue.parse().unwrap());
        self.emit(draft);
    }

    fn agent(&mut self, what: What) {
        self.emit(Draft::new(By::System, what).agent("agent-1".parse().unwrap()));
    }

    fn work(&mut self, work: WorkState) {
        self.agent(What::AgentWork { work, until: None });
    }

    fn rows(&self) -> BTreeMap<(i64, Scope), Counts> {
        let mut counters = Counters::new(BusinessDays::fixed(8 * 3_600, 8 * 60));
        self.events.iter().for_each(|event| counters.apply(event));
        let minutes = |at: WallTime| (at.as_millis() - BEGIN_MS) / 60_000;
        counters
            .drain()
            .into_iter()
            .map(|(key, counts)| ((minutes(key.slot.interval), key.scope), counts))
            .collect()
    }

    fn total(&self, kind: &str, key: &str) -> Counts {
        let scope = Scope::parse(kind, key).unwrap();
        let mut total = Counts::default();
        self.rows()
            .iter()
            .filter(|((_, of), _)| *of == scope)
            .for_each(|(_, row)| total.add(row));
        total
    }
}

#[test]
fn contact_that_enters_two_queues_counts_in_each_and_once_for_the_hotline() {
    let mut script = Script::new();
    script.after(10).enter("sales");
    script
        .after(20)
        .leave("sales", QueueExit::FlowedOut(FlowOutReason::Timeout), 20);
    assert_eq!(
        (
            script.total("total", "").flowed_out(),
            script.total("queue", "sales").flowed_out()
        ),
        (0, 1)
    );
    script.after(5).enter("service");
    script
        .after(30)
        .leave("service", QueueExit::Abandoned(AbandonPhase::Ringing), 30);
    script.say(What::ContactClosed {
        cause: EndCause::Abandoned(AbandonPhase::Ringing),
        sip_status: None,
    });
    for (kind, key) in [("total", ""), ("coverage", "day"), ("coverage", "late")] {
        let row = script.total(kind, key);
        assert_eq!(
            (row.offered, row.abandoned, row.flowed_out()),
            (1, 1, 0),
            "{kind} {key}"
        );
        assert_eq!(
            row.wait_abandoned_us, 55_000_000,
            "the wait since the first queue"
        );
    }
    assert_eq!(
        (
            script.total("coverage", "day").reached,
            script.total("coverage", "late").reached
        ),
        (1, 0)
    );
    let service = script.total("queue", "service");
    assert_eq!(
        (
            service.offered,
            service.abandoned_ringing,
            service.wait_abandoned_us
        ),
        (1, 1, 30_000_000)
    );
    assert_eq!(script.total("number", "main").queued, 1);
    // Booked in the quarter of the entry, though it ended in the next.
    let quarters: Vec<i64> = script
        .rows()
        .keys()
        .filter(|(_, s)| s.key() == "service")
        .map(|(at, _)| *at)
        .collect();
    assert_eq!(quarters, [-14]);
}

#[test]
fn contact_that_flows_out_for_good_counts_as_flowed_out_when_it_is_over() {
    let mut script = Script::new();
    script.after(1).enter("sales");
    script
        .after(9)
        .leave("sales", QueueExit::FlowedOut(FlowOutReason::NoStaff), 9);
    script.say(What::ContactClosed {
        cause: EndCause::FlowedOut(FlowOutReason::NoStaff),
        sip_status: None,
    });
    let total = script.total("total", "");
    assert_eq!(
        (total.offered, total.flowed_out_no_staff, total.wait_max_us),
        (1, 1, 9_000_000)
    );
}

fn talk() -> Script {
    let mut script = Script::new();
    script.agent(What::AgentIntent {
        intent: Intent::Ready,
    });
    script.agent(What::AgentDevice {
        device: DeviceState::Registered,
    });
    script.enter("sales");
    script.after(30).work(WorkState::Offered);
    script.after(5).leave("sales", QueueExit::Answered, 35);
    script.work(WorkState::Talking);
    let (contact, segment) = (script.contact, script.segment);
    let about = |what| Draft::new(By::System, what).contact(contact).segment(segment);
    script.emit(about(What::SegmentOpened {
        segment_kind: SegmentKind::Talk,
    }));
    script.emit(
        about(What::Bridged {
            bands: vec!["day".parse().unwrap()],
        })
        .agent("agent-1".parse().unwrap()),
    );
    script
}

#[test]
fn time_of_agents_is_in_the_quarter_it_passed_and_of_queues_in_the_quarter_of_the_contact() {
    let mut script = talk();
    script.after(60).say(What::Unbridged);
    script.work(WorkState::WrapUp);
    script.after(15).work(WorkState::Idle);
    script.after(100).agent(What::AgentIntent {
        intent: Intent::LoggedOut,
    });
    let rows = script.rows();
    let row = |minute: i64, kind: &str, key: &str| {
        rows.get(&(minute, Scope::parse(kind, key).unwrap()))
            .cloned()
            .unwrap_or_default()
    };
    for (kind, key) in [("agent", "agent-1"), ("roster", "day")] {
        assert_eq!(
            (row(-14, kind, key).talk_us, row(1, kind, key).talk_us),
            (25_000_000, 35_000_000),
            "{kind}"
        );
        assert_eq!(
            (row(1, kind, key).wrap_up_us, row(1, kind, key).handled),
            (15_000_000, 1),
            "{kind}"
        );
    }
    let agent = script.total("agent", "agent-1");
    assert_eq!((agent.ready_us, agent.ring_us), (130_000_000, 5_000_000));
    for (kind, key) in [("queue", "sales"), ("total", ""), ("coverage", "late")] {
        let row = row(-14, kind, key);
        assert_eq!(
            (row.talk_us, row.wrap_up_us, row.handled),
            (60_000_000, 15_000_000, 1),
            "{kind}"
        );
    }
}

#[test]
fn contact_left_open_by_a_crash_does_not_grow_by_the_downtime() {
    let mut script = talk();
    script.after(40).say(What::FlowNode {
        node: "last-known".to_owned(),
        way: None,
    });
    let mut contacts = Contacts::new();
    script.events.iter().for_each(|event| drop(contacts.apply(event)));
    let record: ContactRecord = contacts.open().next().unwrap().clone();
    let closing = closing_events(&record, script.seq.next());
    let last = closing_at(&record);
    assert_eq!(last, script.now);
    assert!(closing.iter().all(|event| event.at == last));
    let closed = closing
        .iter()
        .filter_map(|event| contacts.apply(event))
        .last()
        .unwrap();
    let Change::Closed(closed) = closed else {
        panic!("{closed:?}")
    };
    assert_eq!(
        (closed.end, closed.closed_at),
        (Some(EndCause::Lost(LostReason::Restart)), Some(last))
    );
    assert_eq!(closed.segments[0].closed_at, Some(last));
    script.events.extend(closing);
    script.seq = script.events.last().unwrap().seq;
    script.after(7_200).emit(Draft::new(
        By::System,
        What::Started {
            version: "0.1.0".to_owned(),
        },
    ));
    script.agent(What::AgentIntent {
        intent: Intent::LoggedOut,
    });
    let sales = script.total("queue", "sales");
    assert_eq!(
        (sales.answered, sales.lost, sales.handled, sales.talk_us),
        (1, 0, 1, 40_000_000)
    );
}

#[test]
fn contact_that_waits_at_a_crash_is_lost_once_with_the_wait_until_then() {
    let mut script = Script::new();
    script.enter("sales");
    script.after(12).say(What::FlowNode {
        node: "music".to_owned(),
        way: None,
    });
    let mut contacts = Contacts::new();
    script.events.iter().for_each(|event| drop(contacts.apply(event)));
    let closing = closing_events(contacts.open().next().unwrap(), script.seq.next());
    script.events.extend(closing);
    for (kind, key) in [("queue", "sales"), ("total", "")] {
        let row = script.total(kind, key);
        assert_eq!(
            (row.offered, row.lost, row.wait_max_us),
            (1, 1, 12_000_000),
            "{kind}"
        );
    }
}
