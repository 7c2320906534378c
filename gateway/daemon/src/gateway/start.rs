//! The start: every part in the order it is built, each step by its name.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use anyhow::Context as _;
use hotline_acd::Acd;
use hotline_config::{Durability, Settings};
use hotline_io::clock::Clock;
use hotline_io::media::{MediaConfig, MediaPlane};
use hotline_io::sip::{BoundSip, SharedBans, SipCounters, SipSender};
use hotline_journal::{BusinessDays, By, Draft, EVENT_VERSION, Event, Seq};
use hotline_media::MediaEvent;
use hotline_media::tap::{TapBatch, TapMessage};
use hotline_recorder::Recorder;
use hotline_recorder::proof::Evidence;
use hotline_sip::Endpoint;
use hotline_store::{Batch, JournalHandle, People, Recovered, Store, StoreConfig, Unsealed};
use hotline_supervisor::report::Reporting;
use hotline_supervisor::{ConsoleConfig, Parts, StoreAccounts, StoreRecords, Supervisor};
use hotline_switch::{Input, Switch};
use hotline_types::{AgentSlug, Intent, OfferId, Pii, Rng};
use tokio::sync::{mpsc, watch};

use super::recordings;
use super::{CONSOLE, FLUSH_MAX, Gateway, QUESTIONS, Watch, entropy};
use crate::bridge::Bridge;
use crate::content::Content;
use crate::driver::{Driver, Inbox, Order};
use crate::flows::Flows;
use crate::place::{Control, Place};
use crate::pulse::Pulse;
use crate::signalling::Signalling;
use crate::{content, days, directory, listeners, parts, people, questions, remember, reports, secrets};

/// SIP messages that may wait for the driver; beyond it they are dropped and sent again by their senders.
const SIP_INBOX: usize = 4_096;
/// Events of the media threads that may wait; beyond it the threads offer them again.
const MEDIA_INBOX: usize = 16_384;
/// Recorder events and orders to drain that may wait.
const CONTROL_INBOX: usize = 4_096;
/// Screen-pops delivered that may wait; a lost one only delays its dialling by `pop_hold`.
const POPS_INBOX: usize = 4_096;
/// Users' commands that may wait; beyond it they are refused as busy.
const ORDERS_INBOX: usize = 64;
/// Tap messages that may wait for the recorder.
const TAP_QUEUE: usize = 8_192;
/// How long a port pair rests after use.
const PORT_REST: Duration = Duration::from_secs(4);

/// Builds every part and begins to take calls.
///
/// # Errors
/// What is in the way, where, and what to do about it.
pub(super) async fn start(settings: &Settings) -> anyhow::Result<(Gateway, Watch)> {
    tell_warnings(settings);
    let clock = Clock::start();
    let mut rng = entropy()?;
    let ground = Ground::take(settings, &mut rng).await?;
    let (doors, ends) = doors();
    let (journal, writer, sink) = ground.store.writer(&ground.recovered, doors.pops).await?;
    let feed = journal.subscribe();
    let watch = ground.watch(&journal);
    let evidence = &ground.evidence;
    let last = close_what_a_crash_left(settings, evidence, &ground.recovered, &clock, &journal)?;
    let recorder = recordings::parts(settings, evidence, doors.control.clone());
    let told = (doors.media, recorder);
    let (media, recorder) = start_media(settings, clock, &mut rng, &ground.content.library, told)?;
    let addresses = addresses(settings, &ground.bound)?;
    let flows = flows(&ground, &doors.orders, clock);
    let state = (&ground.people, &ground.recovered);
    let core = core(settings, ground.content, state, &addresses, last, clock, &mut rng).await?;
    let (sip, sip_work) = start_sip(settings, ground.bound, doors.sip, clock)?;
    let pulse = Arc::new(Pulse::default());
    let token = secrets::token(&mut rng);
    let orders = (doors.orders, flows);
    let bridge = bridge(settings, clock, orders, &pulse, &journal, &media, &sip);
    let (questions, answers) = questions(&ground.store, &doors.control);
    let reader = ground.store.reader();
    let console_parts = Parts {
        gateway: Arc::new(bridge),
        accounts: Arc::new(StoreAccounts::new(ground.people)),
        records: Arc::new(StoreRecords::new(ground.store.reader(), core.reporting)),
        signalling: Arc::clone(&sip.signalling) as Arc<dyn hotline_supervisor::Signalling>,
        board: ground.recovered.board(),
        days: ground.days,
        events: feed,
        control_token: Pii::new(token.clone()),
        rng: rng.fork(),
    };
    let config = console_config(settings, &ground.evidence);
    let (supervisor, console) = Supervisor::build(config, console_parts).await?;
    let committed = journal.committed();
    let inbox = ends.inbox(journal.committed());
    let sender = sip.sender.clone();
    let outward = (sip.sender, Arc::clone(&media), journal);
    let shown = (Arc::clone(&pulse), sip.signalling);
    let driver = Driver::new(core.switch, clock, inbox, outward, shown, questions);
    let tasks = spawned(writer.run(), sink.run(), answers, console);
    let (sip, driver) = (tokio::spawn(sip_work), tokio::spawn(driver.run()));
    let listeners = by_slug(settings, &addresses);
    wait_until_closed(committed, last).await;
    remember::tell(&reader, settings, clock.now().wall, &doors.control).await?;
    tell_where(&ground.place, &supervisor, token, &listeners)?;
    let gateway = Gateway {
        place: ground.place,
        control: doors.control,
        clock,
        pulse,
        supervisor,
        driver,
        tasks,
        sip,
        sender,
        media,
        recorder,
        tidy: recordings::tidy(settings, &ground.store, &ground.evidence),
        listeners,
        on_duty: core.on_duty,
        drain: settings.limits.drain,
    };
    Ok((gateway, watch))
}

/// The tasks that write, and the one that serves.
fn spawned(
    journal: impl Future<Output = ()> + Send + 'static,
    desk: impl Future<Output = ()> + Send + 'static,
    answers: impl Future<Output = ()> + Send + 'static,
    console: impl Future<Output = ()> + Send + 'static,
) -> Vec<(&'static str, tokio::task::JoinHandle<()>)> {
    vec![
        ("journal", tokio::spawn(journal)),
        ("desk", tokio::spawn(desk)),
        (QUESTIONS, tokio::spawn(answers)),
        (CONSOLE, tokio::spawn(console)),
    ]
}

fn tell_warnings(settings: &Settings) {
    for warning in settings.warnings() {
        tracing::warn!("{warning}");
    }
}

/// What everything else stands on.
struct Ground {
    place: Place,
    content: Content,
    bound: BoundSip,
    store: Store,
    people: People,
    days: BusinessDays,
    recovered: Recovered,
    evidence: Arc<Evidence>,
}

impl Ground {
    /// Takes the data folder, reads flows and prompts, binds the listeners, and reads what the store knows.
    async fn take(settings: &Settings, rng: &mut Rng) -> anyhow::Result<Self> {
        let place = Place::take(&settings.data.dir)?;
        let bound = listeners::bind(settings)?;
        let evidence = recordings::evidence(settings)?;
        let store = open_store(settings).await?;
        let people = store.people();
        let content = content::load(settings, &people.active_flows().await?)?;
        people::seed(&people, settings, &place, rng).await?;
        people::keep_demo_on_loopback(&people, settings).await?;
        let days = days::business_days(settings)?;
        let recovered = store
            .recover(days.clone())
            .await
            .context("cannot read the journal")?;
        Ok(Self {
            place,
            content,
            bound,
            store,
            people,
            days,
            recovered,
            evidence,
        })
    }

    fn watch(&self, journal: &JournalHandle) -> Watch {
        Watch {
            feed: journal.subscribe(),
            reader: self.store.reader(),
            days: self.days.clone(),
        }
    }
}

/// Where the other parts put what is for the driver.
struct Doors {
    pops: mpsc::Sender<OfferId>,
    control: mpsc::Sender<Input>,
    orders: mpsc::Sender<Order>,
    sip: mpsc::Sender<hotline_sip::Input>,
    media: mpsc::Sender<MediaEvent>,
}

/// Where the driver takes it from.
struct Ends {
    pops: mpsc::Receiver<OfferId>,
    control: mpsc::Receiver<Input>,
    orders: mpsc::Receiver<Order>,
    sip: mpsc::Receiver<hotline_sip::Input>,
    media: mpsc::Receiver<MediaEvent>,
}

fn doors() -> (Doors, Ends) {
    let (pops, pops_end) = mpsc::channel(POPS_INBOX);
    let (control, control_end) = mpsc::channel(CONTROL_INBOX);
    let (orders, orders_end) = mpsc::channel(ORDERS_INBOX);
    let (sip, sip_end) = mpsc::channel(SIP_INBOX);
    let (media, media_end) = mpsc::channel(MEDIA_INBOX);
    let doors = Doors {
        pops,
        control,
        orders,
        sip,
        media,
    };
    let ends = Ends {
        pops: pops_end,
        control: control_end,
        orders: orders_end,
        sip: sip_end,
        media: media_end,
    };
    (doors, ends)
}

impl Ends {
    fn inbox(self, committed: watch::Receiver<Seq>) -> Inbox {
        Inbox {
            sip: self.sip,
            media: self.media,
            control: self.control,
            pops: self.pops,
            orders: self.orders,
            committed,
        }
    }
}

/// Writes the events of [`closing`] before any others. Answers the position of the last event there is then.
fn close_what_a_crash_left(
    settings: &Settings,
    evidence: &Evidence,
    recovered: &Recovered,
    clock: &Clock,
    journal: &JournalHandle,
) -> anyhow::Result<Seq> {
    let closing = closing(settings, evidence, recovered, clock);
    let last = closing.last().map_or(recovered.last, |event| event.seq);
    if !closing.is_empty() {
        tracing::warn!(
            contacts = recovered.open().count(),
            recordings = recovered.unsealed().len(),
            "Left by a crash: contacts are closed as lost, recordings repaired"
        );
        journal.append(Batch {
            events: closing,
            persons: Vec::new(),
        })?;
    }
    Ok(last)
}

/// Starts the recorder, then the media threads, whose audio it takes.
fn start_media(
    settings: &Settings,
    clock: Clock,
    rng: &mut Rng,
    library: &Arc<hotline_media::Library>,
    (events, recorder): (mpsc::Sender<MediaEvent>, recordings::RecorderParts),
) -> anyhow::Result<(Arc<MediaPlane>, Recorder)> {
    let taps = Taps::new();
    let recorder = recorder.start(taps.tapped, taps.recycle)?;
    let config = media_config(settings, clock, rng);
    let media = MediaPlane::start(&config, library, &taps.tap, taps.recycled, &move |event| {
        events.try_send(event).is_ok()
    })
    .context("cannot start the media threads")?;
    Ok((Arc::new(media), recorder))
}

/// The addresses of the SIP listeners, in the order of the configuration.
fn addresses(settings: &Settings, bound: &BoundSip) -> anyhow::Result<Vec<SocketAddr>> {
    (0..settings.sip.listeners.len())
        .map(|at| {
            bound
                .local_addr(parts::listener_id(at))
                .context("a listener is not bound")
        })
        .collect()
}

fn by_slug(settings: &Settings, addresses: &[SocketAddr]) -> BTreeMap<String, SocketAddr> {
    let listeners = settings.sip.listeners.iter().zip(addresses);
    listeners
        .map(|(listener, address)| (listener.slug.clone(), *address))
        .collect()
}

/// The pure parts, put together.
struct Core {
    switch: Switch,
    on_duty: Vec<AgentSlug>,
    reporting: Reporting,
}

/// Builds endpoint, queue engine and switch, whose events begin after `last`.
async fn core(
    settings: &Settings,
    content: Content,
    (people, recovered): (&People, &Recovered),
    addresses: &[SocketAddr],
    last: Seq,
    clock: Clock,
    rng: &mut Rng,
) -> anyhow::Result<Core> {
    let endpoint_config = parts::endpoint(settings, addresses, people::credentials(people).await?);
    let endpoint = Endpoint::new(endpoint_config, rng.fork(), clock.now().mono);
    let intents: BTreeMap<AgentSlug, Intent> = recovered
        .intents()
        .map(|(agent, intent)| (agent.clone(), intent.clone()))
        .collect();
    let roster = people::roster(people, settings).await?;
    let reporting = reports::reporting(settings, roster.clone())?;
    let acd = Acd::new(parts::acd(settings, &intents, roster)?, rng.fork(), clock.now())
        .map_err(|problems| anyhow::anyhow!(problems_text(&problems)))?;
    let on_duty = acd
        .agents()
        .filter(|agent| acd.agent(agent).is_some_and(|view| view.on_duty))
        .cloned()
        .collect();
    let mut config = parts::switch(
        settings,
        content.flows,
        content.clips,
        (content.hold_music, content.tone),
    );
    let emergencies = people.emergencies().await?;
    config.emergencies = emergencies
        .iter()
        .filter_map(|number| number.parse().ok())
        .collect();
    Ok(Core {
        switch: Switch::new(config, endpoint, acd, rng.fork(), last, clock.now()),
        on_duty,
        reporting,
    })
}

/// The way to the task that answers what flows ask, and its work.
fn questions(
    store: &Store,
    control: &mpsc::Sender<Input>,
) -> (
    mpsc::Sender<questions::Asked>,
    impl Future<Output = ()> + Send + 'static,
) {
    let (questions, asked) = mpsc::channel(questions::QUESTIONS_MAX);
    (
        questions,
        questions::answer(asked, (store.reader(), store.people()), control.clone()),
    )
}

/// The service for flows, with what is active now.
fn flows(ground: &Ground, orders: &mpsc::Sender<Order>, clock: Clock) -> Flows {
    let texts = &ground.content.texts;
    let text = |flow: &ivr_flows::Flow| texts.get(flow.version()).cloned().unwrap_or_default();
    let active = ground.content.flows.iter();
    let active = active.map(|(name, flow)| (name.clone(), (Arc::clone(flow), text(flow))));
    Flows {
        known: ground.content.known.clone(),
        people: ground.people.clone(),
        reader: ground.store.reader(),
        orders: orders.clone(),
        clock,
        active: tokio::sync::Mutex::new(active.collect()),
    }
}

/// The SIP side as it runs.
struct Sip {
    sender: SipSender,
    counters: Arc<SipCounters>,
    signalling: Arc<Signalling>,
}

/// Lets the listeners take messages in; they do once the future is spawned.
fn start_sip(
    settings: &Settings,
    bound: BoundSip,
    inbound: mpsc::Sender<hotline_sip::Input>,
    clock: Clock,
) -> anyhow::Result<(Sip, impl Future<Output = ()> + Send + 'static)> {
    let counters = Arc::new(SipCounters::default());
    let signalling = Arc::new(Signalling::new(SharedBans::new(parts::bans(settings)), clock));
    let bound = bound.with_bans(signalling.bans());
    let (sender, work) = bound.start(inbound, Arc::clone(&counters), clock)?;
    let sip = Sip {
        sender,
        counters,
        signalling,
    };
    Ok((sip, work))
}

/// The gateway as the console sees it.
fn bridge(
    settings: &Settings,
    clock: Clock,
    (orders, flows): (mpsc::Sender<Order>, Flows),
    pulse: &Arc<Pulse>,
    journal: &JournalHandle,
    media: &Arc<MediaPlane>,
    sip: &Sip,
) -> Bridge {
    Bridge {
        orders,
        pulse: Arc::clone(pulse),
        journal: journal.clone(),
        media: Arc::clone(media),
        sip: Arc::clone(&sip.counters),
        signalling: Arc::clone(&sip.signalling),
        clock,
        flows,
        started_at_ms: clock.now().wall.as_millis(),
        lines_max: settings.hotline.lines,
        media_ports_max: settings.media.rtp_ports.len() / 2,
    }
}

/// Ready is told when what a crash left open is closed on disk too.
async fn wait_until_closed(mut committed: watch::Receiver<Seq>, last: Seq) {
    let closed = committed.wait_for(|seq| *seq >= last);
    if tokio::time::timeout(FLUSH_MAX, closed).await.is_err() {
        tracing::error!("The journal does not take what the start has to write");
    }
}

/// Tells the commands where the gateway is.
fn tell_where(
    place: &Place,
    supervisor: &Supervisor,
    token: String,
    listeners: &BTreeMap<String, SocketAddr>,
) -> anyhow::Result<()> {
    place.write_control(&Control {
        url: format!("http://{}", supervisor.address()),
        token,
        pid: std::process::id(),
        sip: listeners.clone(),
    })
}

/// The parts that carry audio from the media threads to the recorder.
struct Taps {
    tap: SyncSender<TapMessage>,
    tapped: Receiver<TapMessage>,
    recycle: SyncSender<Box<TapBatch>>,
    recycled: Receiver<Box<TapBatch>>,
}

impl Taps {
    fn new() -> Self {
        let (tap, tapped) = sync_channel(TAP_QUEUE);
        let (recycle, recycled) = sync_channel(TAP_QUEUE);
        Self {
            tap,
            tapped,
            recycle,
            recycled,
        }
    }
}

fn problems_text(problems: &[hotline_acd::ConfigProblem]) -> String {
    let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
    format!(
        "the queues, agents and bands have {} problem(s)\n{}",
        problems.len(),
        list.join("\n")
    )
}

async fn open_store(settings: &Settings) -> anyhow::Result<Store> {
    let durability = match settings.data.durability {
        Durability::Normal => hotline_store::Durability::Normal,
        Durability::Full => hotline_store::Durability::Full,
    };
    let store = Store::open(StoreConfig {
        data_dir: settings.data.dir.clone(),
        durability,
    })
    .await?;
    Ok(store)
}

/// What closes the contacts and the recordings that a crash left open.
fn closing(settings: &Settings, evidence: &Evidence, recovered: &Recovered, clock: &Clock) -> Vec<Event> {
    let mut events = recovered.closing();
    let mut seq = events.last().map_or(recovered.last, |event| event.seq);
    for Unsealed {
        contact,
        segment,
        path,
    } in recovered.unsealed()
    {
        let what = recordings::repaired(settings, evidence, (contact, segment), path);
        let draft = Draft::new(By::System, what).contact(contact).segment(segment);
        seq = seq.next();
        events.push(Event {
            v: EVENT_VERSION,
            seq,
            at: clock.now().wall,
            contact: draft.contact,
            segment: draft.segment,
            agent: None,
            queue: None,
            offer: None,
            cause_seq: None,
            by: draft.by,
            what: draft.what,
        });
    }
    events
}

fn media_config(settings: &Settings, clock: Clock, rng: &mut Rng) -> MediaConfig {
    let mut seed = [0_u8; 32];
    rng.fill(&mut seed);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    MediaConfig {
        threads: settings.media.threads.unwrap_or(cores),
        ports: settings.media.rtp_ports.clone(),
        port_rest: PORT_REST,
        coalesce: settings.media.coalesce,
        legs_max: settings.limits.legs,
        clock,
        seed,
    }
}

fn console_config(settings: &Settings, evidence: &Arc<Evidence>) -> ConsoleConfig {
    ConsoleConfig {
        listen: settings.console.bind,
        https: !settings.console.trusted_proxies.is_empty(),
        recordings: settings.recording.dir.clone(),
        evidence: Some(Arc::clone(evidence)),
        directory: directory::directory(settings),
        build: env!("CARGO_PKG_VERSION").to_owned(),
    }
}
