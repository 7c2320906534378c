//! The supervisors' side of the gateway: REST, live feed, metrics, logins, and the console's pages.
//!
//! [`Supervisor::build`] binds the listener and answers a future that the daemon runs. Everything shown is a fold of
//! committed events ([`hotline_journal::Board`]); what is written down is read through [`Records`].

mod app;
mod clock;
mod directory;
pub mod dto;
mod face;
mod guard;
mod idempotency;
mod live;
mod login;
mod metrics;
mod problem;
pub mod report;
mod rights;
mod routes;
mod serve;
mod signalling;
mod source;
mod view;

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use hotline_journal::{Board, BusinessDays};
use hotline_store::Committed;
use hotline_types::{Pii, Rng};
use tokio::sync::{broadcast, watch};

pub use directory::{AgentEntry, Directory};
pub use face::{
    Account, Accounts, Actor, CommandError, ContactQuery, FaceError, FigureQuery, FlowOrder, FlowRefusal,
    Gateway, Readiness, RecordedList, RecordedRow, RecordingOrder, RecordingQuery, Records, Status,
    TransferTo, TrunkStatus,
};
pub use login::{HashError, hash_password};
pub use rights::{Right, Role, UnknownRole, Viewer};
pub use serve::ListenError;
pub use signalling::{BanRow, Signalling};
pub use source::{StoreAccounts, StoreRecords};

use app::{App, Shared};
use live::hub::Hub;
use login::{Logins, Passwords};
use metrics::Metrics;
use view::View;

/// Settings of the console.
#[derive(Clone, Debug)]
pub struct ConsoleConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// True where browsers reach it by HTTPS: cookies are then sent over nothing else.
    pub https: bool,
    /// Where recordings lie.
    pub recordings: PathBuf,
    /// Manifest and keys of the recordings.
    pub evidence: Option<Arc<hotline_recorder::proof::Evidence>>,
    /// Names and targets.
    pub directory: Directory,
    /// Version and commit of the program, shown by the pages.
    pub build: String,
}

/// What the daemon hands in.
pub struct Parts {
    /// The running gateway.
    pub gateway: Arc<dyn Gateway>,
    /// Users and tokens.
    pub accounts: Arc<dyn Accounts>,
    /// What is written down.
    pub records: Arc<dyn Records>,
    /// Who is banned.
    pub signalling: Arc<dyn Signalling>,
    /// The live view as of the last committed event; `events` begins right after or before it.
    pub board: Board,
    /// The hotline's business days.
    pub days: BusinessDays,
    /// Committed events, in order.
    pub events: broadcast::Receiver<Committed>,
    /// The token of `control.json`, which speaks for an administrator.
    pub control_token: Pii<String>,
    /// Secrets and nonces come from it.
    pub rng: Rng,
}

/// Why the console cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The listener.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The metrics: a fault of the program.
    #[error("the metrics cannot be set up: {0}")]
    Metrics(String),
}

/// The running console, for the daemon to hold.
pub struct Supervisor {
    app: App,
    address: SocketAddr,
    end: watch::Sender<bool>,
}

impl Supervisor {
    /// Binds the listener and builds everything. The future serves until [`Supervisor::end`] was called and open
    /// requests have ended, or the sender of events is gone.
    ///
    /// # Errors
    /// Where the address is in use or cannot be bound.
    pub async fn build(
        config: ConsoleConfig,
        parts: Parts,
    ) -> Result<(Self, impl Future<Output = ()> + Send + 'static), BuildError> {
        let (listener, address) = serve::bind(config.listen).await?;
        let (end, ending) = watch::channel(false);
        let (app, view) = shared(
            config,
            parts.gateway,
            parts.accounts,
            parts.records,
            Inner {
                signalling: parts.signalling,
                board: parts.board,
                days: parts.days,
                control_token: parts.control_token,
                rng: parts.rng,
                ending: ending.clone(),
            },
        )?;
        let router = routes::router(App::clone(&app));
        let (folding, events) = (App::clone(&app), parts.events);
        let work = async move {
            let serving = serve::serve(listener, router, ending);
            // The live view lives as long as there is somebody to serve; without events there is nothing to serve.
            tokio::select! {
                () = live::hub::run(folding, view, events) => {}
                () = serving => {}
            }
        };
        Ok((Self { app, address, end }, work))
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A one-time login link for this viewer, good for 15 minutes. Relative to the console's origin.
    #[must_use]
    pub fn login_link(&self, viewer: Viewer) -> Pii<String> {
        let secret = self.app.logins.secret();
        self.app.logins.add_link(secret.reveal(), viewer, Instant::now());
        Pii::new(format!("/login?token={}", secret.reveal()))
    }

    /// Ends the live feeds and the listener; the future returned by [`Supervisor::build`] then ends.
    pub fn end(&self) {
        self.end.send_replace(true);
    }
}

struct Inner {
    signalling: Arc<dyn Signalling>,
    board: Board,
    days: BusinessDays,
    control_token: Pii<String>,
    rng: Rng,
    ending: watch::Receiver<bool>,
}

fn shared(
    config: ConsoleConfig,
    gateway: Arc<dyn Gateway>,
    accounts: Arc<dyn Accounts>,
    records: Arc<dyn Records>,
    mut inner: Inner,
) -> Result<(App, View), BuildError> {
    let mut salt = [0_u8; 16];
    inner.rng.fill(&mut salt);
    let metrics = Metrics::new(&config.directory).map_err(|error| BuildError::Metrics(error.to_string()))?;
    let control = login::digest(inner.control_token.reveal())
        .map(|digest| (digest, Viewer::new("control", Role::Admin)));
    let epoch = format!("{:x}", clock::now_ms());
    let app = Shared {
        gateway,
        accounts,
        records,
        signalling: inner.signalling,
        directory: config.directory,
        recordings: config.recordings,
        evidence: config.evidence,
        hub: Hub::new(epoch),
        logins: Logins::new(inner.rng),
        passwords: Passwords::new(&salt),
        keys: idempotency::Keys::default(),
        metrics,
        control,
        secure_cookies: config.https,
        build: config.build,
        ending: inner.ending,
    };
    Ok((Arc::new(app), View::new(inner.board, inner.days)))
}

#[cfg(test)]
mod tests;
