//! The running gateway: every part built in order (`start.rs`), and taken down in order.

mod recordings;
mod start;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hotline_config::Settings;
use hotline_io::clock::Clock;
use hotline_io::media::MediaPlane;
use hotline_io::sip::SipSender;
use hotline_journal::BusinessDays;
use hotline_recorder::Recorder;
use hotline_store::{Committed, Reader};
use hotline_supervisor::{Role, Supervisor, Viewer};
use hotline_switch::Input;
use hotline_types::{AgentSlug, Pii, Rng};
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;

use crate::driver::Ended;
use crate::place::Place;
use crate::pulse::Pulse;

/// Longest wait for the recorder's and the journal's last writes.
const FLUSH_MAX: Duration = Duration::from_secs(20);

/// Name of the console's task, which ends before the others.
const CONSOLE: &str = "console";
/// Name of the task that answers what flows ask; it ends with the driver.
const QUESTIONS: &str = "questions";

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
    /// Erases recordings that were kept long enough.
    tidy: JoinHandle<()>,
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
    pub async fn start_watched(settings: &Settings) -> anyhow::Result<(Self, Watch)> {
        start::start(settings).await
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
        self.tidy.abort();
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
