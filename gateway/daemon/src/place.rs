//! The data folder: who owns it (`lock`), how to reach the running gateway (`control.json`), and the hand-out of
//! the generated secrets (`secrets.toml`), which is written once and never read.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

/// A data folder that this process owns until it ends.
#[derive(Debug)]
pub struct Place {
    dir: PathBuf,
    /// Held open: the lock lives as long as the descriptor.
    _lock: File,
}

/// How to reach the running gateway.
#[derive(Debug, Serialize, Deserialize)]
pub struct Control {
    /// Base URL of the API.
    pub url: String,
    /// Bearer token with all rights.
    pub token: String,
    /// Process id of the gateway.
    pub pid: u32,
    /// Addresses of the SIP listeners, by slug.
    pub sip: std::collections::BTreeMap<String, std::net::SocketAddr>,
}

impl Place {
    /// Makes the folder where it is missing and takes its lock.
    ///
    /// # Errors
    /// Where the folder cannot be made or written, or another process owns it; says what to do.
    pub fn take(dir: &Path) -> anyhow::Result<Self> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).with_context(|| {
            format!(
                "cannot make the data folder {}\nhint: make it yourself with the right owner, or choose another with --data DIR",
                dir.display()
            )
        })?;
        let path = dir.join("lock");
        let mut lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| {
                format!(
                    "cannot write into the data folder {}\nhint: give this user the right to write there, or choose another with --data DIR",
                    dir.display()
                )
            })?;
        if rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
            bail!(
                "the data folder {} is in use by another gateway\nhint: stop that one first, or choose another with --data DIR",
                dir.display()
            );
        }
        lock.set_len(0).context("cannot write the lock file")?;
        writeln!(lock, "{}", std::process::id()).context("cannot write the lock file")?;
        Ok(Self {
            dir: dir.to_owned(),
            _lock: lock,
        })
    }

    /// Writes a file that only this user can read, whole or not at all.
    fn write_private(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.dir.join(name);
        let fresh = self.dir.join(format!("{name}.new"));
        let context = || format!("cannot write {}", path.display());
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&fresh)
            .with_context(context)?;
        file.write_all(text.as_bytes()).with_context(context)?;
        file.sync_all().with_context(context)?;
        std::fs::rename(&fresh, &path).with_context(context)?;
        Ok(path)
    }

    /// Says how this gateway is reached.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write_control(&self, control: &Control) -> anyhow::Result<()> {
        self.write_private("control.json", &serde_json::to_string_pretty(control)?)?;
        Ok(())
    }

    /// The gateway no longer runs.
    pub fn remove_control(&self) {
        // Nothing to do where it is gone already: the next start writes a new one.
        drop(std::fs::remove_file(self.dir.join("control.json")));
    }

    /// Hands the generated secrets out.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write_secrets(&self, text: &str) -> anyhow::Result<PathBuf> {
        self.write_private("secrets.toml", text)
    }

    /// Where the hand-out lies, if it still does.
    #[must_use]
    pub fn secrets(&self) -> Option<PathBuf> {
        Some(self.dir.join("secrets.toml")).filter(|path| path.exists())
    }
}

/// How to reach the gateway that runs on this data folder; none where none runs.
///
/// # Errors
/// Where the file is there but cannot be read.
pub fn read_control(dir: &Path) -> anyhow::Result<Option<Control>> {
    let path = dir.join("control.json");
    match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        Ok(text) => Ok(Some(serde_json::from_str(&text).with_context(|| {
            format!("{} is not what a gateway writes", path.display())
        })?)),
    }
}
