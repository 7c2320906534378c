//! The console with made-up calls, for looking at its pages and for trying the smoke test without a telephone:
//! prints a one-time login link and runs until it is interrupted.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use hotline_journal::{Board, BusinessDays, By, Counts, Event, Scope, Seq, What};
use hotline_store::Committed;
use hotline_supervisor::dto::{ContactDetail, ContactList, Targets};
use hotline_supervisor::{
    Account, Accounts, Actor, AgentEntry, CommandError, ConsoleConfig, ContactQuery, Directory, FaceError,
    FigureQuery, Gateway, Parts, Readiness, RecordedList, RecordingOrder, RecordingQuery, Records, Role,
    Status, Supervisor, TransferTo, Viewer, report,
};
use hotline_types::{
    AgentSlug, BandSlug, ContactId, DeviceState, EndCause, HangupBy, Intent, OfferId, OfferOutcome, PersonId,
    Pii, QueueExit, QueueSlug, Rng, SegmentId, WallTime, WorkState,
};
use tokio::sync::broadcast;

const AGENTS: [(&str, &str); 6] = [
    ("8001", "张伟"),
    ("8002", "李娜"),
    ("8003", "王芳"),
    ("8004", "刘洋"),
    ("8005", "陈静"),
    ("8006", "杨帆"),
];
const QUEUES: [(&str, &str); 3] = [
    ("after-sales", "售后报修"),
    ("complaints", "投诉"),
    ("pre-sales", "售前咨询"),
];
const BANDS: [(&str, &str); 3] = [
    ("day", "08:00-20:00"),
    ("late", "09:00-21:00"),
    ("night", "20:00-08:00"),
];

fn now() -> WallTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallTime::from_micros(i64::try_from(since.as_micros()).unwrap_or(0))
}

fn days() -> BusinessDays {
    BusinessDays::fixed(8 * 3_600, 8 * 60)
}

/// Commits at once whatever is told to it.
struct Pretend {
    seq: Mutex<u64>,
    events: broadcast::Sender<Committed>,
}

impl Pretend {
    fn commit(
        &self,
        contact: Option<ContactId>,
        queue: usize,
        agent: Option<&str>,
        by: By,
        what: What,
    ) -> Seq {
        let mut seq = self.seq.lock().unwrap_or_else(PoisonError::into_inner);
        *seq += 1;
        let event = Event {
            v: hotline_journal::EVENT_VERSION,
            seq: Seq(*seq),
            at: now(),
            contact,
            segment: Some(SegmentId::from_bytes([1; 16])),
            agent: agent.and_then(|slug| slug.parse().ok()),
            queue: contact.and_then(|_| QUEUES[queue].0.parse::<QueueSlug>().ok()),
            offer: Some(OfferId::from_bytes([2; 16])),
            cause_seq: None,
            by,
            what,
        };
        // Nobody listens once the console has ended.
        let _nobody = self.events.send(Committed {
            last: event.seq,
            events: Arc::new(vec![event]),
            persons: Arc::default(),
        });
        Seq(*seq)
    }

    /// One caller's visit: half a second in the menu, a wait, a ring, a talk.
    async fn call(&self, contact: ContactId, turn: usize) {
        let visit = Visit {
            pretend: self,
            contact,
            queue: turn % QUEUES.len(),
            agent: AGENTS[turn % AGENTS.len()].0,
        };
        visit.arrive().await;
        let entered = visit.enter();
        tokio::time::sleep(Duration::from_millis(700 * (turn as u64 % 5))).await;
        visit.ring().await;
        visit.answer(entered);
        tokio::time::sleep(Duration::from_millis(2_000 + 700 * (turn as u64 % 4))).await;
        visit.hang_up().await;
    }
}

struct Visit<'a> {
    pretend: &'a Pretend,
    contact: ContactId,
    queue: usize,
    agent: &'static str,
}

impl Visit<'_> {
    fn tell(&self, what: What) {
        self.pretend
            .commit(Some(self.contact), self.queue, None, By::System, what);
    }

    fn tell_agent(&self, what: What) {
        self.pretend
            .commit(Some(self.contact), self.queue, Some(self.agent), By::System, what);
    }

    async fn arrive(&self) {
        self.tell(What::ContactOpened {
            number: "main".parse().ok(),
            trunk: "trunk".parse().expect("a slug"),
            person: PersonId::from_bytes(*self.contact.as_bytes()),
            business_date: days().date_of(now()),
            bands: bands(),
            flow: None,
            flow_version: None,
        });
        tokio::time::sleep(Duration::from_millis(500)).await;
    }

    fn enter(&self) -> WallTime {
        let enqueued_at = now();
        let business_date = days().date_of(enqueued_at);
        self.tell(What::QueueEntered {
            enqueued_at,
            business_date,
            bands: bands(),
        });
        enqueued_at
    }

    async fn ring(&self) {
        self.tell_agent(What::AgentWork {
            work: WorkState::Offered,
            until: None,
        });
        let deadline = now() + Duration::from_secs(15);
        self.tell_agent(What::OfferMade {
            deadline,
            fence: 1,
            why: "longest idle".into(),
            bands: bands(),
        });
        self.tell_agent(What::OfferRinging);
        tokio::time::sleep(Duration::from_millis(900)).await;
    }

    fn answer(&self, entered: WallTime) {
        self.tell_agent(What::OfferEnded {
            outcome: OfferOutcome::Answered,
            sip_status: Some(200),
        });
        let wait_us = u64::try_from(now().since(entered).as_micros()).unwrap_or(0);
        self.tell_agent(What::QueueLeft {
            exit: QueueExit::Answered,
            wait_us,
        });
        self.tell_agent(What::Bridged { bands: bands() });
        self.tell_agent(What::AgentWork {
            work: WorkState::Talking,
            until: None,
        });
    }

    async fn hang_up(&self) {
        self.tell_agent(What::Unbridged);
        self.tell(What::ContactClosed {
            cause: EndCause::Completed(HangupBy::Caller),
            sip_status: None,
        });
        let until = Some(now() + Duration::from_secs(3));
        self.tell_agent(What::AgentWork {
            work: WorkState::WrapUp,
            until,
        });
        tokio::time::sleep(Duration::from_secs(3)).await;
        self.tell_agent(What::AgentWork {
            work: WorkState::Idle,
            until: None,
        });
    }
}

fn bands() -> Vec<BandSlug> {
    BANDS
        .iter()
        .take(2)
        .filter_map(|(slug, _)| slug.parse().ok())
        .collect()
}

#[async_trait]
impl Gateway for Pretend {
    async fn set_intent(
        &self,
        actor: &Actor,
        agent: &AgentSlug,
        intent: Intent,
    ) -> Result<Seq, CommandError> {
        let by = By::User(actor.name.clone());
        Ok(self.commit(None, 0, Some(agent.as_str()), by, What::AgentIntent { intent }))
    }

    async fn release_agent(&self, _: &Actor, _: &AgentSlug) -> Result<Seq, CommandError> {
        Err(CommandError::Refused(
            "calls that are made up cannot be ended".into(),
        ))
    }

    async fn transfer(
        &self,
        actor: &Actor,
        contact: ContactId,
        agent: Option<&AgentSlug>,
        to: TransferTo,
    ) -> Result<Seq, CommandError> {
        let _ = (actor, contact, agent, to);
        Err(CommandError::UnknownContact)
    }

    async fn dispose(&self, actor: &Actor, agent: &AgentSlug, code: &str) -> Result<Seq, CommandError> {
        let by = By::User(actor.name.clone());
        let code = code.to_owned();
        Ok(self.commit(None, 0, Some(agent.as_str()), by, What::Disposed { code }))
    }

    async fn why_agent(&self, _: &Actor, _: &AgentSlug) -> Result<Option<String>, CommandError> {
        Ok(None)
    }

    async fn why_contact(&self, _: &Actor, _: ContactId) -> Result<Option<String>, CommandError> {
        Ok(None)
    }

    async fn recording(&self, _: &Actor, _: ContactId, _: RecordingOrder) -> Result<Seq, CommandError> {
        Err(CommandError::UnknownContact)
    }

    async fn heard(
        &self,
        _: &Actor,
        _: ContactId,
        _: SegmentId,
        _: &'static str,
    ) -> Result<Seq, CommandError> {
        Err(CommandError::UnknownContact)
    }

    fn readiness(&self) -> Readiness {
        Readiness {
            ready: true,
            reasons: Vec::new(),
        }
    }

    fn status(&self) -> Status {
        Status {
            version: "example".into(),
            lines_max: 90,
            ..Status::default()
        }
    }
}

struct Nothing;

#[async_trait]
impl Accounts for Nothing {
    async fn account(&self, _: &str) -> Result<Option<Account>, FaceError> {
        Ok(None)
    }

    async fn token(&self, _: &[u8; 32]) -> Result<Option<Viewer>, FaceError> {
        Ok(None)
    }
}

impl hotline_supervisor::Signalling for Nothing {
    fn bans(&self) -> Vec<hotline_supervisor::BanRow> {
        Vec::new()
    }

    fn lift(&self, _: std::net::IpAddr, _: Option<&str>) -> usize {
        0
    }
}

#[async_trait]
impl Records for Nothing {
    async fn contacts(&self, _: &ContactQuery) -> Result<ContactList, FaceError> {
        Ok(ContactList::default())
    }

    async fn contact(&self, _: ContactId, _: bool) -> Result<Option<ContactDetail>, FaceError> {
        Ok(None)
    }

    async fn recording(&self, _: ContactId, _: SegmentId) -> Result<Option<String>, FaceError> {
        Ok(None)
    }

    async fn recorded(&self, _: &RecordingQuery) -> Result<RecordedList, FaceError> {
        Ok(RecordedList::default())
    }

    async fn events_of(&self, _: ContactId) -> Result<Vec<Event>, FaceError> {
        Ok(Vec::new())
    }

    async fn counters(&self, _: &FigureQuery) -> Result<Vec<(Scope, Counts)>, FaceError> {
        Ok(Vec::new())
    }

    async fn report(&self, _: &report::ReportQuery) -> Result<report::Made, FaceError> {
        Err(FaceError::Asked("nothing is written down".to_owned()))
    }

    async fn behind(
        &self,
        _: &report::ReportQuery,
        _: &str,
        _: Option<&str>,
        _: usize,
    ) -> Result<report::Behind, FaceError> {
        Ok(report::Behind::default())
    }

    async fn number_of(&self, person: PersonId) -> Result<Option<Pii<String>>, FaceError> {
        let [.., last] = *person.as_bytes();
        Ok(Some(Pii::new(format!(
            "138{:08}",
            12_340_000 + u32::from(last) * 37
        ))))
    }

    async fn events_after(&self, _: Seq, _: u32) -> Result<Vec<Event>, FaceError> {
        Ok(Vec::new())
    }
}

fn directory() -> Directory {
    let names = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(slug, label)| ((*slug).to_owned(), (*label).to_owned()))
            .collect()
    };
    let queues: Vec<String> = QUEUES.iter().map(|(slug, _)| (*slug).to_owned()).collect();
    let agent = |(slug, label): &(&str, &str)| {
        (
            (*slug).to_owned(),
            AgentEntry {
                label: (*label).to_owned(),
                queues: queues.clone(),
                team: None,
            },
        )
    };
    Directory {
        name: "客服热线".into(),
        zone: "Asia/Shanghai".into(),
        queues: names(&QUEUES),
        agents: AGENTS.iter().map(agent).collect(),
        numbers: names(&[("main", "95000-1")]),
        bands: names(&BANDS),
        pause_reasons: ["break", "meal", "meeting", "training"]
            .map(String::from)
            .to_vec(),
        targets: Targets::default(),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (events, receiver) = broadcast::channel(1_024);
    let gateway = Arc::new(Pretend {
        seq: Mutex::new(0),
        events,
    });
    let config = ConsoleConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        https: false,
        recordings: "recordings".into(),
        evidence: None,
        directory: directory(),
        build: "example".into(),
    };
    let seed = u64::try_from(now().as_micros()).unwrap_or(0);
    let parts = Parts {
        gateway: gateway.clone(),
        accounts: Arc::new(Nothing),
        records: Arc::new(Nothing),
        signalling: Arc::new(Nothing),
        board: Board::new(days()),
        days: days(),
        events: receiver,
        control_token: Pii::default(),
        rng: Rng::from_seed(seed),
    };
    let (console, work) = Supervisor::build(config, parts).await?;
    let link = console.login_link(Viewer::new("admin", Role::Admin));
    writeln!(std::io::stdout(), "http://{}{}", console.address(), link.reveal())?;
    for (slug, _) in AGENTS {
        gateway.commit(
            None,
            0,
            Some(slug),
            By::System,
            What::AgentDevice {
                device: DeviceState::Registered,
            },
        );
        gateway.commit(
            None,
            0,
            Some(slug),
            By::System,
            What::AgentIntent {
                intent: Intent::Ready,
            },
        );
    }
    let calls = async {
        let mut rng = Rng::from_seed(seed ^ 1);
        let mut running = tokio::task::JoinSet::new();
        for turn in 0.. {
            let (gateway, contact) = (Arc::clone(&gateway), ContactId::new(now(), &mut rng));
            running.spawn(async move { gateway.call(contact, turn).await });
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            while running.try_join_next().is_some() {}
        }
    };
    tokio::select! {
        () = work => {}
        () = calls => {}
    }
    Ok(())
}
