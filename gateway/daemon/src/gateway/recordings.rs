//! The recorder and its proof, as the gateway starts them.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};

use anyhow::Context as _;
use hotline_config::Settings;
use hotline_journal::What;
use hotline_media::tap::{TapBatch, TapMessage};
use hotline_recorder::proof::{Evidence, Sealing};
use hotline_recorder::{Recorder, RecorderConfig, RecorderEvent, is_encrypted};
use hotline_store::Store;
use hotline_switch::Input;
use hotline_types::{ContactId, SegmentId};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Manifest and keys of the recordings.
pub(super) fn evidence(settings: &Settings) -> anyhow::Result<Arc<Evidence>> {
    let recording = &settings.recording;
    let opened = Evidence::open(&recording.dir, &recording.keys);
    let opened = opened.with_context(|| {
        let (dir, keys) = (recording.dir.display(), recording.keys.display());
        format!("cannot open recordings in {dir} with keys in {keys}")
    });
    opened.map(Arc::new)
}

/// Repairs and seals what a crash left, and tells what became of it.
pub(super) fn repaired(
    settings: &Settings,
    evidence: &Evidence,
    (contact, segment): (ContactId, SegmentId),
    path: String,
) -> What {
    let repaired = hotline_recorder::repair(&settings.recording.dir.join(&path));
    let sealed = repaired.map_err(|error| error.to_string()).and_then(|repaired| {
        let length_ms = repaired.length_ms;
        let sealing = Sealing {
            contact: contact.to_string(),
            segment: segment.to_string(),
            bytes: 0,
            sha256: String::new(),
            length_ms,
            encrypted: is_encrypted(&path),
            repaired: true,
            failed: None,
            account: None,
        };
        let sealed = evidence.seal(&path, sealing);
        sealed.map(|_| length_ms).map_err(|error| error.to_string())
    });
    match sealed {
        Ok(length_ms) => What::RecordingSealed {
            path,
            length_ms,
            repaired: true,
        },
        Err(error) => What::RecordingFailed { path, error },
    }
}

/// Begins to erase what was kept long enough.
pub(super) fn tidy(settings: &Settings, store: &Store, evidence: &Arc<Evidence>) -> JoinHandle<()> {
    let (settings, reader) = (settings.clone(), store.reader());
    tokio::spawn(crate::recordings::keep_tidy(
        settings,
        reader,
        Arc::clone(evidence),
    ))
}

/// What the recorder is started with.
pub(super) struct RecorderParts {
    config: RecorderConfig,
    control: mpsc::Sender<Input>,
}

/// From the settings.
pub(super) fn parts(
    settings: &Settings,
    evidence: &Arc<Evidence>,
    control: mpsc::Sender<Input>,
) -> RecorderParts {
    let config = RecorderConfig {
        dir: settings.recording.dir.clone(),
        // Sealing may lag behind the next calls a little.
        recordings_max: settings.hotline.lines * 2,
        evidence: Some(Arc::clone(evidence)),
        free_min: settings.recording.free_min_mb << 20,
    };
    RecorderParts { config, control }
}

impl RecorderParts {
    /// Starts it.
    pub(super) fn start(
        self,
        tapped: Receiver<TapMessage>,
        recycle: SyncSender<Box<TapBatch>>,
    ) -> anyhow::Result<Recorder> {
        let Self { config, control } = self;
        let told = move |event: RecorderEvent| {
            // Called on the recorder's own threads, which may wait; the driver gone means that the process ends.
            drop(control.blocking_send(input(event)));
        };
        Ok(Recorder::start(config, tapped, recycle, told)?)
    }
}

fn input(event: RecorderEvent) -> Input {
    match event {
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
            error,
        },
        RecorderEvent::Disk { writable, free } => Input::RecordingDisk { writable, free },
    }
}
