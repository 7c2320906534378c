//! A gateway, accounts and records for the tests, and the console built on them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Response, StatusCode};
use hotline_journal::{Board, BusinessDays, By, Counts, Event, Scope, Seq, What};
use hotline_types::{AgentSlug, ContactId, Intent, PersonId, Pii, Rng, SegmentId, WallTime};
use http_body_util::BodyExt;
use tokio::sync::watch;
use tower::ServiceExt;

use crate::app::App;
use crate::dto::{ContactDetail, ContactList, ContactRow, masked};
use crate::guard::Peer;
use crate::login::digest;
use crate::view::View;
use crate::*;

pub(super) const CONTROL: &str = "control-token";
pub(super) const NUMBER: &str = "13812341234";

/// Answers every command with the next position, and remembers it.
#[derive(Default)]
pub(super) struct FakeGateway {
    pub commands: Mutex<Vec<String>>,
    pub refuse: Mutex<Option<CommandError>>,
}

impl FakeGateway {
    fn done(&self, actor: &Actor, agent: &AgentSlug, what: &str) -> Result<Seq, CommandError> {
        if agent.as_str() == "unknown" {
            return Err(CommandError::UnknownAgent);
        }
        if let Some(error) = self.refuse.lock().expect("not poisoned").clone() {
            return Err(error);
        }
        let mut commands = self.commands.lock().expect("not poisoned");
        commands.push(format!("{} {agent} {what}", actor.name));
        Ok(Seq(commands.len() as u64))
    }
}

#[async_trait]
impl Gateway for FakeGateway {
    async fn set_intent(
        &self,
        actor: &Actor,
        agent: &AgentSlug,
        intent: Intent,
    ) -> Result<Seq, CommandError> {
        self.done(actor, agent, &format!("{intent:?}"))
    }

    async fn release_agent(&self, actor: &Actor, agent: &AgentSlug) -> Result<Seq, CommandError> {
        self.done(actor, agent, "release")
    }

    async fn transfer(
        &self,
        actor: &Actor,
        contact: ContactId,
        agent: Option<&AgentSlug>,
        to: TransferTo,
    ) -> Result<Seq, CommandError> {
        let to = match to {
            TransferTo::Queue(queue) => format!("queue {queue}"),
            TransferTo::Outside(number) => format!("outside {}", number.reveal()),
        };
        let what = format!("transfer {contact} {agent:?} {to}");
        self.done(actor, &"1001".parse().expect("a slug"), &what)
    }

    async fn dispose(&self, actor: &Actor, agent: &AgentSlug, code: &str) -> Result<Seq, CommandError> {
        self.done(actor, agent, &format!("dispose {code}"))
    }

    async fn why_agent(&self, _: &Actor, agent: &AgentSlug) -> Result<Option<String>, CommandError> {
        Ok(Some(format!("agent {agent}: is off duty")))
    }

    async fn why_contact(&self, _: &Actor, _: ContactId) -> Result<Option<String>, CommandError> {
        Ok(None)
    }

    async fn recording(
        &self,
        actor: &Actor,
        contact: ContactId,
        order: RecordingOrder,
    ) -> Result<Seq, CommandError> {
        let what = format!("recording {contact} {order:?}");
        self.done(actor, &"1001".parse().expect("a slug"), &what)
    }

    async fn heard(
        &self,
        actor: &Actor,
        _: ContactId,
        segment: SegmentId,
        how: &'static str,
    ) -> Result<Seq, CommandError> {
        let what = format!("{how} {segment}");
        self.done(actor, &"1001".parse().expect("a slug"), &what)
    }

    fn readiness(&self) -> Readiness {
        Readiness {
            ready: true,
            reasons: Vec::new(),
        }
    }

    fn status(&self) -> Status {
        Status {
            version: "0.1.0".into(),
            lines_in_use: 3,
            lines_max: 90,
            ..Status::default()
        }
    }
}

/// Users with the password `right-password`; tokens by their text.
pub(super) struct FakeAccounts;

pub(super) fn hash() -> Pii<String> {
    hash_password(&Pii::new("right-password".to_owned()), &[3; 16]).expect("a hash")
}

pub(super) fn role_token(role: Role) -> &'static str {
    match role {
        Role::Agent => "agent-token",
        Role::TeamLeader => "leader-token",
        Role::Supervisor => "supervisor-token",
        Role::Admin => "admin-token",
    }
}

#[async_trait]
impl Accounts for FakeAccounts {
    async fn account(&self, user: &str) -> Result<Option<Account>, FaceError> {
        let account = Account {
            role: Role::Supervisor,
            agent: None,
            password_hash: hash(),
        };
        Ok((user == "ann").then_some(account))
    }

    async fn token(&self, sha256: &[u8; 32]) -> Result<Option<Viewer>, FaceError> {
        let roles = [Role::Agent, Role::TeamLeader, Role::Supervisor, Role::Admin];
        let role = roles
            .into_iter()
            .find(|role| digest(role_token(*role)).as_ref() == Some(sha256));
        let agent = |role| (role == Role::Agent).then(|| "8001".parse().expect("a slug"));
        Ok(role.map(|role| Viewer {
            agent: agent(role),
            ..Viewer::new(role_token(role), role)
        }))
    }
}

/// One contact, whose segments `recorded` is on disk.
#[derive(Default)]
pub(super) struct FakeRecords {
    pub recorded: Mutex<Option<String>>,
    pub journal: Mutex<Vec<Event>>,
    /// Reads of the journal that fail before one succeeds.
    pub failures: Mutex<u32>,
}

#[async_trait]
impl Records for FakeRecords {
    async fn contacts(&self, query: &ContactQuery) -> Result<ContactList, FaceError> {
        let caller = if query.see_numbers {
            NUMBER.to_owned()
        } else {
            masked(NUMBER)
        };
        let row = ContactRow {
            id: query.after.clone().unwrap_or_default(),
            caller: Some(caller),
            ..ContactRow::default()
        };
        Ok(ContactList {
            contacts: vec![row],
            next: Some(format!("place-{}", query.limit)),
        })
    }

    async fn contact(&self, _: ContactId, _: bool) -> Result<Option<ContactDetail>, FaceError> {
        Ok(None)
    }

    async fn recording(&self, _: ContactId, _: SegmentId) -> Result<Option<String>, FaceError> {
        Ok(self.recorded.lock().expect("not poisoned").clone())
    }

    async fn recorded(&self, query: &RecordingQuery) -> Result<RecordedList, FaceError> {
        let row = RecordedRow {
            segment: SegmentId::from_bytes([2; 16]).to_string(),
            path: self
                .recorded
                .lock()
                .expect("not poisoned")
                .clone()
                .unwrap_or_default(),
            caller: Some(if query.see_numbers {
                NUMBER.to_owned()
            } else {
                masked(NUMBER)
            }),
            queue: query.queue.clone(),
            ..RecordedRow::default()
        };
        let (items, next) = (vec![row], None);
        Ok(RecordedList { items, next })
    }

    async fn events_of(&self, _: ContactId) -> Result<Vec<Event>, FaceError> {
        Ok(Vec::new())
    }

    async fn counters(&self, _: &FigureQuery) -> Result<Vec<(Scope, Counts)>, FaceError> {
        let counts = Counts {
            offered: 4,
            answered: 3,
            ..Counts::default()
        };
        Ok(vec![(Scope::Total, counts)])
    }

    async fn report(&self, _: &report::ReportQuery) -> Result<report::Made, FaceError> {
        Err(FaceError::Asked("the fake makes no reports".into()))
    }

    async fn behind(
        &self,
        _: &report::ReportQuery,
        figure: &str,
        _: Option<&str>,
        limit: usize,
    ) -> Result<report::Behind, FaceError> {
        Ok(report::Behind {
            contacts: vec![format!("{figure}-{limit}")],
            next: None,
        })
    }

    async fn number_of(&self, _: PersonId) -> Result<Option<Pii<String>>, FaceError> {
        Ok(Some(Pii::new(NUMBER.to_owned())))
    }

    async fn events_after(&self, seq: Seq, limit: u32) -> Result<Vec<Event>, FaceError> {
        let mut failures = self.failures.lock().expect("not poisoned");
        if *failures > 0 {
            *failures -= 1;
            return Err(FaceError::Failed("the disk is away".into()));
        }
        let journal = self.journal.lock().expect("not poisoned");
        Ok(journal
            .iter()
            .filter(|event| event.seq > seq)
            .take(limit as usize)
            .cloned()
            .collect())
    }
}

pub(super) fn directory() -> Directory {
    let entry = |label: &str| AgentEntry {
        label: label.into(),
        queues: vec!["sales".into()],
        team: None,
    };
    Directory {
        name: "Test".into(),
        zone: "Asia/Shanghai".into(),
        queues: BTreeMap::from([("sales".into(), "售前".into())]),
        agents: BTreeMap::from([("8001".into(), entry("张伟")), ("8002".into(), entry("李娜"))]),
        numbers: BTreeMap::from([("main".into(), "95000".into())]),
        bands: BTreeMap::from([("day".into(), "08:00-20:00".into())]),
        pause_reasons: vec!["break".into(), "meal".into()],
        targets: dto::Targets::default(),
    }
}

/// The console without a listener.
pub(super) struct Desk {
    pub app: App,
    pub router: Router,
    pub gateway: Arc<FakeGateway>,
    pub records: Arc<FakeRecords>,
    pub view: Option<View>,
    pub end: watch::Sender<bool>,
}

pub(super) fn desk() -> Desk {
    desk_in(PathBuf::from("recordings-of-no-test"))
}

pub(super) fn desk_in(recordings: PathBuf) -> Desk {
    let (gateway, records) = (Arc::new(FakeGateway::default()), Arc::new(FakeRecords::default()));
    let (end, ending) = watch::channel(false);
    let config = ConsoleConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        https: false,
        recordings,
        evidence: None,
        directory: directory(),
        build: "test".into(),
    };
    let days = BusinessDays::fixed(8 * 3_600, 8 * 60);
    let inner = Inner {
        signalling: Arc::new(FakeSignalling::default()),
        board: Board::new(days.clone()),
        days,
        control_token: Pii::new(CONTROL.to_owned()),
        rng: Rng::from_seed(11),
        ending,
    };
    let (app, view) = shared(
        config,
        gateway.clone(),
        Arc::new(FakeAccounts),
        records.clone(),
        inner,
    )
    .expect("a console");
    let router = routes::router(App::clone(&app));
    Desk {
        app,
        router,
        gateway,
        records,
        view: Some(view),
        end,
    }
}

/// An answer: status, headers, text.
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

impl Desk {
    pub async fn ask(&self, mut request: Request) -> Answer {
        request
            .extensions_mut()
            .insert(Peer(SocketAddr::from(([192, 0, 2, 9], 4_000))));
        let response: Response<Body> = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    /// Asks with a token; an empty one sends none.
    pub async fn get(&self, path: &str, token: &str) -> Answer {
        self.ask(
            request("GET", path, token)
                .body(Body::empty())
                .expect("a request"),
        )
        .await
    }

    pub async fn post(&self, path: &str, token: &str, body: &str) -> Answer {
        self.ask(
            request("POST", path, token)
                .body(Body::from(body.to_owned()))
                .expect("a request"),
        )
        .await
    }
}

pub(super) fn request(method: &str, path: &str, token: &str) -> axum::http::request::Builder {
    let builder = axum::http::Request::builder()
        .method(method)
        .uri(path)
        .header("host", "hotline.test");
    if token.is_empty() {
        builder
    } else {
        builder.header("authorization", format!("Bearer {token}"))
    }
}

pub(super) fn event(seq: u64, what: What) -> Event {
    Event {
        v: hotline_journal::EVENT_VERSION,
        seq: Seq(seq),
        at: WallTime::from_millis(clock::now_ms()),
        contact: None,
        segment: None,
        agent: None,
        queue: None,
        offer: None,
        cause_seq: None,
        by: By::System,
        what,
    }
}

pub(super) fn agent_ready(seq: u64, agent: &str, user: &str) -> Event {
    Event {
        agent: Some(agent.parse().expect("a slug")),
        by: By::User(user.to_owned()),
        ..event(
            seq,
            What::AgentIntent {
                intent: Intent::Ready,
            },
        )
    }
}

pub(super) fn call_waits(seq: u64) -> Vec<Event> {
    let contact = Some(ContactId::from_bytes([7; 16]));
    let days = BusinessDays::fixed(8 * 3_600, 8 * 60);
    let now = WallTime::from_millis(clock::now_ms());
    let opened = What::ContactOpened {
        number: Some("main".parse().expect("a slug")),
        trunk: "trunk".parse().expect("a slug"),
        person: PersonId::from_bytes([1; 16]),
        business_date: days.date_of(now),
        bands: vec!["day".parse().expect("a slug")],
        flow: None,
        flow_version: None,
    };
    let entered = What::QueueEntered {
        enqueued_at: now,
        business_date: days.date_of(now),
        bands: vec!["day".parse().expect("a slug")],
    };
    vec![
        Event {
            contact,
            ..event(seq, opened)
        },
        Event {
            contact,
            queue: Some("sales".parse().expect("a slug")),
            ..event(seq + 1, entered)
        },
    ]
}

/// One ban that can be lifted.
#[derive(Default)]
pub struct FakeSignalling {
    lifted: std::sync::atomic::AtomicBool,
}

impl Signalling for FakeSignalling {
    fn bans(&self) -> Vec<BanRow> {
        let row = BanRow {
            source: "192.0.2.66".to_owned(),
            user: Some("1001".to_owned()),
            failures: 10,
            until_ms: 1_000,
        };
        let lifted = self.lifted.load(std::sync::atomic::Ordering::Relaxed);
        if lifted { Vec::new() } else { vec![row] }
    }

    fn lift(&self, source: std::net::IpAddr, user: Option<&str>) -> usize {
        let ours = source.to_string() == "192.0.2.66" && user.is_none_or(|user| user == "1001");
        let lifted = &self.lifted;
        usize::from(ours && !lifted.swap(true, std::sync::atomic::Ordering::Relaxed))
    }
}
