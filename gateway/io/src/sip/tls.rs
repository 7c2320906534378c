//! Certificates of our TLS listeners, read again when their files change, and whom we trust when we connect.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use thiserror::Error;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, ServerConfig};

use super::counters::{SipCount, SipCounters};

/// How often the files are looked at.
const LOOK_PAUSE: Duration = Duration::from_secs(5);
/// Largest certificate or key file that is read.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// A certificate, key or trust file that cannot be used.
#[derive(Debug, Error)]
#[error("cannot use {} {}: {why}\nhint: {hint}", .what, .path.display())]
pub struct TlsError {
    /// What it was to be.
    pub what: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: String,
    /// What to do.
    pub hint: &'static str,
}

const CERTIFICATE: &str = "the certificate";
const KEY: &str = "the private key";
const TRUST: &str = "the trusted certificates";

impl TlsError {
    fn new(what: &'static str, path: &Path, why: impl fmt::Display, hint: &'static str) -> Self {
        Self {
            what,
            path: path.to_owned(),
            why: why.to_string(),
            hint,
        }
    }
}

/// What tells one version of a file from another.
type Stamp = [Option<(SystemTime, u64)>; 2];

struct Current {
    key: Arc<CertifiedKey>,
    stamp: Stamp,
}

/// The certificate chain and private key of a listener, from two PEM files. Connections made after a reload see the
/// new ones; those that are open go on.
pub struct Identity {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
    /// Of what was read last, good or not: a bad file is told once.
    seen: Mutex<Stamp>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

impl Identity {
    /// Reads both files.
    ///
    /// # Errors
    /// Which file cannot be used, and why.
    pub fn load(certificate: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        let current = read(certificate, key)?;
        Ok(Arc::new(Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            current: RwLock::new(current.key),
            seen: Mutex::new(current.stamp),
        }))
    }

    /// Reads the files again, where they changed since or `always`; answers whether it did. What cannot be used
    /// leaves everything as it was.
    ///
    /// # Errors
    /// Which file cannot be used, and why.
    pub fn refresh(&self, always: bool) -> Result<bool, TlsError> {
        let stamp = stamp(&self.certificate, &self.key);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == stamp && !always {
            return Ok(false);
        }
        *seen = stamp;
        let fresh = read(&self.certificate, &self.key)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh.key;
        Ok(true)
    }

    pub(super) fn server(self: &Arc<Self>) -> Result<Arc<ServerConfig>, rustls::Error> {
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn stamp(certificate: &Path, key: &Path) -> Stamp {
    [certificate, key].map(|path| {
        let known = std::fs::metadata(path).ok()?;
        Some((known.modified().ok()?, known.len()))
    })
}

/// A PEM file that is no larger than one can be.
fn text(what: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    const HINT: &str = "check the path, and that the user of this program may read the file";
    let read = || {
        let len = std::fs::metadata(path)?.len();
        if len > FILE_BYTES_MAX {
            return Err(io::Error::other(format!(
                "{len} bytes are too many for a PEM file"
            )));
        }
        std::fs::read(path)
    };
    read().map_err(|error| TlsError::new(what, path, error, HINT))
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    const HINT: &str = "the file must hold PEM blocks `BEGIN CERTIFICATE`";
    let bytes = text(what, path)?;
    let chain = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, pem::Error>>();
    match chain {
        Ok(chain) if chain.is_empty() => Err(TlsError::new(what, path, "no certificate in it", HINT)),
        Ok(chain) => Ok(chain),
        Err(error) => Err(TlsError::new(what, path, error, HINT)),
    }
}

fn read(certificate: &Path, key: &Path) -> Result<Current, TlsError> {
    let stamp = stamp(certificate, key);
    let chain = certificates(CERTIFICATE, certificate)?;
    let bytes = text(KEY, key)?;
    let private = PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| {
        let hint = "the file must hold one PEM block `BEGIN PRIVATE KEY`, not encrypted";
        TlsError::new(KEY, key, error, hint)
    })?;
    let key = CertifiedKey::from_der(chain, private, &provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            let hint = "the first certificate of the file must belong to the private key";
            let why = format!("it does not belong to the private key {}", key.display());
            TlsError::new(CERTIFICATE, certificate, why, hint)
        }
        other => TlsError::new(KEY, key, other, "use an RSA, ECDSA or Ed25519 key"),
    })?;
    Ok(Current {
        key: Arc::new(key),
        stamp,
    })
}

/// Looks at the files for ever, and at once where told to.
pub(super) async fn watch(
    identities: Vec<Arc<Identity>>,
    now: Arc<tokio::sync::Notify>,
    counters: Arc<SipCounters>,
) {
    loop {
        let always = tokio::select! {
            () = now.notified() => true,
            () = tokio::time::sleep(LOOK_PAUSE) => false,
        };
        for identity in &identities {
            match identity.refresh(always) {
                Ok(true) => {
                    counters.add(SipCount::CertificateReloaded);
                    tracing::info!(file = %identity.certificate.display(), "Certificate read again");
                }
                Ok(false) => {}
                Err(error) => {
                    counters.add(SipCount::CertificateRefused);
                    tracing::error!(%error, "The certificate in use stays");
                }
            }
        }
    }
}

/// How we connect to peers over TLS: whom we trust, and as whom we expect them.
#[derive(Clone)]
pub struct TlsClient {
    pub(super) config: Arc<ClientConfig>,
    /// Expected in the peer's certificate; none: its address.
    name: Option<ServerName<'static>>,
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl TlsClient {
    /// Trusts the certificates of this PEM file, or those that the system trusts. `name` is expected in the peers'
    /// certificates instead of their addresses.
    ///
    /// # Errors
    /// Why the file cannot be used.
    pub fn new(trust: Option<&Path>, name: Option<&str>) -> Result<Self, TlsError> {
        let nowhere = Path::new("of the system");
        let at = trust.unwrap_or(nowhere);
        let hint = "name a PEM file with the certificates to trust in `trusted`";
        let found = match trust {
            Some(path) => certificates(TRUST, path)?,
            None => rustls_native_certs::load_native_certs().certs,
        };
        let mut roots = RootCertStore::empty();
        // Old roots of a system that cannot be read are no reason to trust none.
        let (good, bad) = roots.add_parsable_certificates(found);
        if good == 0 || (bad > 0 && trust.is_some()) {
            let why = format!("{good} certificates can be used, {bad} cannot");
            return Err(TlsError::new(TRUST, at, why, hint));
        }
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::new(TRUST, at, error, hint))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = name
            .map(|name| ServerName::try_from(name.to_owned()))
            .transpose()
            .map_err(|error| TlsError::new("the peers' name", Path::new(""), error, "write a host name"))?;
        Ok(Self {
            config: Arc::new(config),
            name,
        })
    }

    pub(super) fn name_of(&self, peer: std::net::IpAddr) -> ServerName<'static> {
        self.name.clone().unwrap_or_else(|| ServerName::from(peer))
    }
}
