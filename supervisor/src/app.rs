//! What every request shares.

use std::path::PathBuf;
use std::sync::Arc;

use hotline_recorder::proof::Evidence;
use tokio::sync::watch;

use crate::directory::Directory;
use crate::face::{Accounts, Gateway, Records};
use crate::idempotency::Keys;
use crate::live::hub::Hub;
use crate::login::{Digest32, Logins, Passwords};
use crate::metrics::Metrics;
use crate::rights::Viewer;
use crate::signalling::Signalling;

/// Shared state, cheap to clone.
pub(crate) type App = Arc<Shared>;

/// The parts behind the routes.
pub(crate) struct Shared {
    pub gateway: Arc<dyn Gateway>,
    pub accounts: Arc<dyn Accounts>,
    pub records: Arc<dyn Records>,
    pub signalling: Arc<dyn Signalling>,
    pub directory: Directory,
    pub recordings: PathBuf,
    /// Manifest and keys of the recordings.
    pub evidence: Option<Arc<Evidence>>,
    pub hub: Hub,
    pub logins: Logins,
    pub passwords: Passwords,
    pub keys: Keys,
    pub metrics: Metrics,
    /// SHA-256 of the control token and whom it speaks for.
    pub control: Option<(Digest32, Viewer)>,
    pub secure_cookies: bool,
    pub build: String,
    /// Becomes true when the gateway ends.
    pub ending: watch::Receiver<bool>,
}
