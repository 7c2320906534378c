//! Brings ended recordings to the disk and into the manifest, so that the wait for the disk holds up no other one.

use std::path::PathBuf;
use std::sync::Arc;

use hotline_media::RecordingSpec;

use super::disk::sync;
use super::{Counters, RecorderEvent, count};
use crate::is_encrypted;
use crate::proof::{Account, Evidence, EvidenceError, Hash, Sealing};
use crate::wav::{FRAME_BYTES, length_ms};

/// How a recording ended, from the writer to the sealer, in order; and how the disk is.
#[derive(Debug)]
pub(super) enum Ending {
    /// The file is whole; it has to reach the disk.
    Written {
        spec: RecordingSpec,
        frames: u64,
        account: Account,
    },
    Failed {
        spec: RecordingSpec,
        error: String,
        /// What the file holds, where there is one.
        written: Option<(u64, Account)>,
    },
    Disk {
        writable: bool,
        free: u64,
    },
}

pub(super) struct Sealer<E> {
    pub(super) dir: PathBuf,
    pub(super) evidence: Option<Arc<Evidence>>,
    pub(super) events: E,
    pub(super) counters: Arc<Counters>,
}

impl<E: Fn(RecorderEvent)> Sealer<E> {
    pub(super) fn take(&self, ending: Ending) {
        match ending {
            Ending::Written {
                spec,
                frames,
                account,
            } => match self.seal(&spec, frames, account, None) {
                Ok(()) => {
                    count(&self.counters.sealed, 1);
                    let length_ms = length_ms(frames * u64::from(FRAME_BYTES));
                    let (segment, path) = (spec.segment, spec.path);
                    (self.events)(RecorderEvent::Sealed {
                        segment,
                        path,
                        length_ms,
                    });
                }
                Err(error) => self.failed(spec, error.to_string()),
            },
            Ending::Failed { spec, error, written } => {
                if let Some((frames, account)) = written {
                    // What there is is proven as what it is; where even that fails, the event says it all.
                    let _sealed = self.seal(&spec, frames, account, Some(error.clone()));
                }
                self.failed(spec, error);
            }
            Ending::Disk { writable, free } => {
                if writable {
                    tracing::info!(free, "recordings are taken again");
                } else {
                    tracing::error!(
                        free,
                        "the recordings' disk is full or read-only: nothing is recorded"
                    );
                }
                (self.events)(RecorderEvent::Disk { writable, free });
            }
        }
    }

    fn seal(
        &self,
        spec: &RecordingSpec,
        frames: u64,
        account: Account,
        failed: Option<String>,
    ) -> Result<(), EvidenceError> {
        sync(&self.dir, &spec.path)?;
        let Some(evidence) = &self.evidence else {
            return Ok(());
        };
        let sealing = Sealing {
            contact: spec.contact.to_string(),
            segment: spec.segment.to_string(),
            bytes: 0,
            sha256: Hash::new(),
            length_ms: length_ms(frames * u64::from(FRAME_BYTES)),
            encrypted: is_encrypted(&spec.path),
            repaired: false,
            failed,
            account: Some(account),
        };
        evidence.seal(&spec.path, sealing).map(|_| ())
    }

    fn failed(&self, spec: RecordingSpec, error: String) {
        tracing::error!(segment = %spec.segment, error, "recording failed");
        count(&self.counters.failed, 1);
        (self.events)(RecorderEvent::Failed {
            segment: spec.segment,
            path: spec.path,
            error,
        });
    }
}
