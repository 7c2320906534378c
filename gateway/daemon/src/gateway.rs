//! The running gateway: every part built in order, and taken down in order.

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
use hotline_io::sip::{SharedBans, SipCounters, SipSender};
use hotline_journal::{BusinessDays, By, Draft, EVENT_VERSION, Event, What};
use hotline_media::tap::{TapBatch, TapMessage};
use hotline_recorder::{Recorder, RecorderConfig, RecorderEvent};
use hotline_sip::Endpoint;
use hotline_store::{Batch, Committed, Reader, Recovered, Store, StoreConfig, Unsealed};
use hotline_supervisor::{ConsoleConfig, Parts, Role, StoreAccounts, StoreRecords, Supervisor, Viewer};
use hotline_switch::{Input, Switch};
use hotline_types::{AgentSlug, Intent, Pii, Rng};
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;

use crate::bridge::Bridge;
use crate::driver::{Driver, Ended, Inbox};
use crate::place::{Control, Place};
use crate::pulse::Pulse;
use crate::signalling::Signalling;
use crate::{content, days, directory, listeners, parts, people, reports, secrets};

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
/// Longest wait for the recorder's and the journal's last writes.
const FLUSH_MAX: Duration = Duration::from_secs(20);

/// Name of the console's task, which ends before the others.
const CONSOLE: &str = "console";

/// A gateway that takes calls.
pub struct Gateway {
    place: Place,
    control: mpsc::Sender<Input>,
    clock: Clock,
    pulse: Arc<Pulse>,
    supervisor: Supervisor,
    driver: JoinHandle<Ended>,
    tasks: Vec<(&'static str, JoinHandle<()>)>,
    sip: JoinHandle<()>,
    sender: SipSender,
    media: Arc<MediaPlane>,
    recorder: Recorder,
    /// The addresses of the SIP listeners, by slug.
    pub listeners: BTreeMap<String, SocketAddr>,
    /// The agents on duty when it started.
    pub on_duty: Vec<AgentSlug>,
    drain: Duration,
}

/// Entropy of the operating system, for the generators of all parts.
///
/// # Errors
/// Where the system has none to give.
pub fn entropy() -> anyhow::Result<Rng> {
    let mut seed = [0_u8; 32];
    let got = rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty())?;
    anyhow::ensure!(got == seed.len(), "the system gave too little entropy");
    Ok(Rng::from_entropy(seed))
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

/// What the journal commits, for somebody who watches.
pub struct Watch {
    /// Everything committed from the start on.
    pub feed: broadcast::Receiver<Committed>,
    /// For what the feed only points to, or was missed.
    pub reader: Reader,
    /// For the folds.
    pub days: BusinessDays,
}

impl Gateway {
    /// Builds every part and begins to take calls.
    ///
    /// # Errors
    /// What is in the way, where, and what to do about it.
    pub async fn start(settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self::start_watched(settings).await?.0)
    }

    /// As [`Gateway::start`], for somebody who watches.
    ///
    /// # Errors
    /// As there.
    #[expect(
        clippy::too_many_lines,
        reason = "one straight list of parts in the order they are built"
    )]
    pub async fn start_watched(settings: &Settings) -> anyhow::Result<(Self, Watch)> {
        for warning in settings.warnings() {
            tracing::warn!("{warning}");
        }
        let clock = Clock::start();
        let mut rng = entropy()?;
        let place = Place::take(&settings.data.dir)?;
        let content = content::load(settings)?;
        let bound = listeners::bind(settings)?;
        let store = open_store(settings).await?;
        let people = store.people();
        people::seed(&people, settings, &place, &mut rng).await?;
        people::keep_demo_on_loopback(&people, settings).await?;
        let days = days::business_days(settings)?;
        let recovered = store
            .recover(days.clone())
            .await
            .context("cannot read the journal")?;

        let (pops_tx, pops) = mpsc::channel(POPS_INBOX);
        let (journal, writer, sink) = store.writer(&recovered, pops_tx).await?;
        let (control, control_rx) = mpsc::channel(CONTROL_INBOX);
        let (orders, orders_rx) = mpsc::channel(ORDERS_INBOX);
        let (sip_tx, sip_rx) = mpsc::channel(SIP_INBOX);
        let (media_tx, media_rx) = mpsc::channel(MEDIA_INBOX);
        let feed = journal.subscribe();
        let watch = Watch {
            feed: journal.subscribe(),
            reader: store.reader(),
            days: days.clone(),
        };
        let closing = closing(settings, &recovered, &clock);
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
        let taps = Taps::new();
        let recorder = start_recorder(settings, taps.tapped, taps.recycle, control.clone())?;
        let media_config = media_config(settings, clock, &mut rng);
        let media = MediaPlane::start(
            &media_config,
            &content.library,
            &taps.tap,
            taps.recycled,
            &move |event| media_tx.try_send(event).is_ok(),
        )
        .context("cannot start the media threads")?;
        let media = Arc::new(media);
        let addresses: Vec<SocketAddr> = (0..settings.sip.listeners.len())
            .map(|at| {
                bound
                    .local_addr(parts::listener_id(at))
                    .context("a listener is not bound")
            })
            .collect::<Result<_, _>>()?;
        let bound_at: BTreeMap<String, SocketAddr> = settings
            .sip
            .listeners
            .iter()
            .zip(&addresses)
            .map(|(listener, address)| (listener.slug.clone(), *address))
            .collect();

        let endpoint_config = parts::endpoint(settings, &addresses, people::credentials(&people).await?);
        let endpoint = Endpoint::new(endpoint_config, rng.fork(), clock.now().mono);
        let intents: BTreeMap<AgentSlug, Intent> = recovered
            .intents()
            .map(|(agent, intent)| (agent.clone(), intent.clone()))
            .collect();
        let roster = people::roster(&people, settings).await?;
        let reporting = reports::reporting(settings, roster.clone())?;
        let acd = Acd::new(parts::acd(settings, &intents, roster)?, rng.fork(), clock.now())
            .map_err(|problems| anyhow::anyhow!(problems_text(&problems)))?;
        let on_duty = acd
            .agents()
            .filter(|agent| acd.agent(agent).is_some_and(|view| view.on_duty))
            .cloned()
            .collect();
        let switch_config = parts::switch(
            settings,
            content.flows,
            content.clips,
            (content.hold_music, content.tone),
        );
        let switch = Switch::new(switch_config, endpoint, acd, rng.fork(), last, clock.now());

        let sip_counters = Arc::new(SipCounters::default());
        let signalling = Arc::new(Signalling::new(SharedBans::new(parts::bans(settings)), clock));
        let bound = bound.with_bans(signalling.bans());
        let (sip_sender, sip_work) = bound.start(sip_tx, Arc::clone(&sip_counters), clock)?;
        let pulse = Arc::new(Pulse::default());
        let token = secrets::token(&mut rng);
        let bridge = Bridge {
            orders,
            pulse: Arc::clone(&pulse),
            journal: journal.clone(),
            media: Arc::clone(&media),
            sip: sip_counters,
            signalling: Arc::clone(&signalling),
            clock,
            started_at_ms: clock.now().wall.as_millis(),
            lines_max: settings.hotline.lines,
            media_ports_max: settings.media.rtp_ports.len() / 2,
        };
        let console_parts = Parts {
            gateway: Arc::new(bridge),
            accounts: Arc::new(StoreAccounts::new(people)),
            records: Arc::new(StoreRecords::new(store.reader(), reporting)),
            signalling: Arc::clone(&signalling) as Arc<dyn hotline_supervisor::Signalling>,
            board: recovered.board(),
            days,
            events: feed,
            control_token: Pii::new(token.clone()),
            rng: rng.fork(),
        };
        let (supervisor, console) = Supervisor::build(console_config(settings), console_parts).await?;

        let mut committed = journal.committed();
        let inbox = Inbox {
            sip: sip_rx,
            media: media_rx,
            control: control_rx,
            pops,
            orders: orders_rx,
            committed: journal.committed(),
        };
        let sender = sip_sender.clone();
        let parts = (sip_sender, Arc::clone(&media), journal);
        let driver = Driver::new(
            switch,
            clock,
            inbox,
            parts,
            Arc::clone(&pulse),
            Arc::clone(&signalling),
        );
        let tasks = vec![
            ("journal", tokio::spawn(writer.run())),
            ("desk", tokio::spawn(sink.run())),
            (CONSOLE, tokio::spawn(console)),
        ];
        let sip = tokio::spawn(sip_work);
        let driver = tokio::spawn(driver.run());
        let url = format!("http://{}", supervisor.address());
        // Ready is told when what a crash left open is closed on disk too.
        let closed = committed.wait_for(|seq| *seq >= last);
        if tokio::time::timeout(FLUSH_MAX, closed).await.is_err() {
            tracing::error!("The journal does not take what the start has to write");
        }
        place.write_control(&Control {
            url,
            token,
            pid: std::process::id(),
            sip: bound_at.clone(),
        })?;
        let drain = settings.limits.drain;
        let gateway = Self {
            place,
            control,
            clock,
            pulse,
            supervisor,
            driver,
            tasks,
            sip,
            sender,
            media,
            recorder,
            listeners: bound_at,
            on_duty,
            drain,
        };
        Ok((gateway, watch))
    }

    /// Base URL of console and API.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.supervisor.address())
    }

    /// A login link for the person at the terminal, good once and for 15 minutes.
    #[must_use]
    pub fn login_link(&self) -> Pii<String> {
        let viewer = Viewer::new("admin", Role::Admin);
        Pii::new(format!(
            "{}{}",
            self.url(),
            self.supervisor.login_link(viewer).reveal()
        ))
    }

    /// Where the hand-out of the secrets lies, if it still does.
    #[must_use]
    pub fn secrets(&self) -> Option<std::path::PathBuf> {
        self.place.secrets()
    }

    /// Reads the certificates of the SIP listeners again; connections that are open go on.
    pub fn reload(&self) {
        self.sender.reload_certificates();
    }

    /// Waits until the driver ends by itself: only a fault makes it.
    pub async fn failed(&mut self) {
        let ended = (&mut self.driver).await;
        tracing::error!(?ended, "The gateway failed");
    }

    /// Takes no new calls, lets the others end within the limit (at once where `now`), seals, flushes, ends.
    ///
    /// # Errors
    /// Where something could not be written to the end.
    pub async fn stop(mut self, now: impl Future<Output = ()>) -> anyhow::Result<()> {
        self.pulse.set_draining();
        let limit = if self.driver.is_finished() {
            Duration::ZERO
        } else {
            self.drain
        };
        let drained = {
            let until = self.clock.now().mono + limit;
            // The driver may be gone already after a fault.
            drop(self.control.send(Input::Drain { until }).await);
            let driver = &mut self.driver;
            tokio::pin!(now);
            tokio::select! {
                ended = &mut *driver => ended,
                () = now => {
                    drop(self.control.send(Input::Drain { until: self.clock.now().mono }).await);
                    driver.await
                }
            }
        };
        self.sip.abort();
        self.supervisor.end();
        let (console, writers): (Vec<_>, Vec<_>) =
            self.tasks.into_iter().partition(|(name, _)| *name == CONSOLE);
        finish(console).await;
        // With the console go the last other holders of journal and media plane.
        drop(self.supervisor);
        finish(writers).await;
        let (media, recorder) = (self.media, self.recorder);
        let ended = tokio::task::spawn_blocking(move || {
            drop(media);
            recorder.join()
        });
        if !matches!(tokio::time::timeout(FLUSH_MAX, ended).await, Ok(Ok(true))) {
            tracing::error!("The recorder did not end in order; its files are repaired by the next start");
        }
        self.place.remove_control();
        match drained {
            Ok(Ended::Drained) => Ok(()),
            Ok(Ended::Fault) | Err(_) => anyhow::bail!("the gateway failed; the log says where"),
        }
    }
}

/// Waits for tasks that end by themselves, each within its limit.
async fn finish(tasks: Vec<(&'static str, JoinHandle<()>)>) {
    for (name, task) in tasks {
        if tokio::time::timeout(FLUSH_MAX, task).await.is_err() {
            tracing::error!(task = name, "Did not end in time; what it held may be lost");
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
fn closing(settings: &Settings, recovered: &Recovered, clock: &Clock) -> Vec<Event> {
    let mut events = recovered.closing();
    let mut seq = events.last().map_or(recovered.last, |event| event.seq);
    for Unsealed {
        contact,
        segment,
        path,
    } in recovered.unsealed()
    {
        let what = match hotline_recorder::repair(&settings.recording.dir.join(&path)) {
            Ok(repaired) => What::RecordingSealed {
                path,
                length_ms: repaired.length_ms,
                repaired: true,
            },
            Err(error) => What::RecordingFailed {
                path,
                error: error.to_string(),
            },
        };
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

fn start_recorder(
    settings: &Settings,
    tapped: Receiver<TapMessage>,
    recycle: SyncSender<Box<TapBatch>>,
    control: mpsc::Sender<Input>,
) -> anyhow::Result<Recorder> {
    let config = RecorderConfig {
        dir: settings.recording.dir.clone(),
        // Sealing may lag behind the next calls a little.
        recordings_max: settings.hotline.lines * 2,
    };
    let told = move |event: RecorderEvent| {
        let input = match event {
            RecorderEvent::Sealed {
                segment,
                path,
                length_ms,
            } => Input::RecordingSealed {
                segment,
                path: path.to_string(),
                length_ms,
            },
            RecorderEvent::Failed { segment, path, error } => Input::RecordingFailed {
                segment,
                path: path.to_string(),
                error: error.to_string(),
            },
        };
        // Called on the recorder's own threads, which may wait; the driver gone means that the process ends.
        drop(control.blocking_send(input));
    };
    Ok(Recorder::start(config, tapped, recycle, told)?)
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

fn console_config(settings: &Settings) -> ConsoleConfig {
    ConsoleConfig {
        listen: settings.console.bind,
        https: !settings.console.trusted_proxies.is_empty(),
        recordings: settings.recording.dir.clone(),
        directory: directory::directory(settings),
        build: env!("CARGO_PKG_VERSION").to_owned(),
    }
}
