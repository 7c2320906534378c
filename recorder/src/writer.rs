//! The writer: takes what the media threads tapped, writes one WAV per recording, and says when it is sealed.

mod disk;

use std::collections::BTreeMap;
use std::io::{self, Seek, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use hotline_media::RecordingSpec;
use hotline_media::tap::{TapBatch, TapMessage};
use hotline_types::{SegmentId, Time};

use crate::Assembler;
use crate::wav::{FRAME_BYTES, WavError, WavFile, length_ms};
use disk::{Folder, probe, sync};

/// Ended recordings that wait for the disk at most; beyond, the writer waits too.
const ENDINGS_MAX: usize = 1024;

/// How the recorder is set up.
#[derive(Clone, Debug)]
pub struct RecorderConfig {
    /// The recordings' folder; made where it is missing.
    pub dir: PathBuf,
    /// Recordings open at once; the next is refused, with a `Failed` event.
    pub recordings_max: usize,
}

/// Why the recorder cannot start.
#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    /// The folder cannot be made or written to.
    #[error("cannot write recordings to {dir}: {error}; make the folder writable, or set another one")]
    Folder {
        /// The folder.
        dir: PathBuf,
        /// What the file system answered.
        error: io::Error,
    },
    /// No thread could be had.
    #[error("cannot start the recorder's thread: {0}")]
    Thread(io::Error),
}

/// What the recorder tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecorderEvent {
    /// The file is whole and on the disk.
    Sealed {
        /// The recording.
        segment: SegmentId,
        /// Its file, relative to the folder.
        path: Arc<str>,
        /// Its length.
        length_ms: u64,
    },
    /// The recording failed: told once; the file holds what was written before, the rest is dropped.
    Failed {
        /// The recording.
        segment: SegmentId,
        /// Its file, relative to the folder.
        path: Arc<str>,
        /// Why.
        error: String,
    },
}

/// Figures since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecorderCounts {
    /// Recordings open now.
    pub open: u64,
    /// Recordings sealed.
    pub sealed: u64,
    /// Recordings that failed, refused ones among them.
    pub failed: u64,
    /// Batches dropped because their recording had failed.
    pub batches_dropped: u64,
    /// Messages about a recording that is not open.
    pub unknown: u64,
    /// Payloads that came too late for their place.
    pub frames_late: u64,
    /// Payloads whose place was filled already.
    pub frames_duplicate: u64,
    /// Bytes of audio written.
    pub bytes: u64,
}

#[derive(Debug, Default)]
struct Counters {
    open: AtomicU64,
    sealed: AtomicU64,
    failed: AtomicU64,
    batches_dropped: AtomicU64,
    unknown: AtomicU64,
    frames_late: AtomicU64,
    frames_duplicate: AtomicU64,
    bytes: AtomicU64,
}

impl Counters {
    fn read(&self) -> RecorderCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counters {
            open,
            sealed,
            failed,
            batches_dropped,
            unknown,
            frames_late,
            frames_duplicate,
            bytes,
        } = self;
        RecorderCounts {
            open: read(open),
            sealed: read(sealed),
            failed: read(failed),
            batches_dropped: read(batches_dropped),
            unknown: read(unknown),
            frames_late: read(frames_late),
            frames_duplicate: read(frames_duplicate),
            bytes: read(bytes),
        }
    }
}

fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

/// The running recorder. It ends when every sender of its queue is gone, and seals what is open then.
#[derive(Debug)]
pub struct Recorder {
    writing: JoinHandle<()>,
    sealing: JoinHandle<()>,
    counters: Arc<Counters>,
}

impl Recorder {
    /// Makes the folder (0700) and starts the writer thread. Batches go back empty through `recycle`; where that
    /// is full they are let go.
    ///
    /// # Errors
    /// Where the folder cannot be made or written to, or no thread can be had.
    pub fn start(
        config: RecorderConfig,
        rx: Receiver<TapMessage>,
        recycle: SyncSender<Box<TapBatch>>,
        events: impl Fn(RecorderEvent) + Send + 'static,
    ) -> Result<Self, RecorderError> {
        probe(&config.dir).map_err(|error| RecorderError::Folder {
            dir: config.dir.clone(),
            error,
        })?;
        let counters = Arc::new(Counters::default());
        let (ended, endings) = sync_channel(ENDINGS_MAX);
        let sealer = Sealer {
            dir: config.dir.clone(),
            events,
            counters: Arc::clone(&counters),
        };
        let sealing = spawn("recorder-seal", move || {
            for ending in endings {
                sealer.take(ending);
            }
        })?;
        // Waits where the disk is that far behind; a sealer that is gone has panicked, which `join` tells.
        let tell = move |ending| drop(ended.send(ending));
        let folder = Folder { dir: config.dir };
        let mut writer = Writer::new(folder, config.recordings_max, tell, Arc::clone(&counters));
        let writing = spawn("recorder", move || {
            for message in rx {
                if let Some(mut batch) = writer.take(message) {
                    batch.clear();
                    // A full return queue has enough boxes already; a closed one needs none.
                    drop(recycle.try_send(batch));
                }
            }
            writer.close();
        })?;
        Ok(Self {
            writing,
            sealing,
            counters,
        })
    }

    /// The figures now.
    #[must_use]
    pub fn counts(&self) -> RecorderCounts {
        self.counters.read()
    }

    /// Waits until everything is sealed. Drop the senders first. False where the thread had panicked.
    #[must_use]
    pub fn join(self) -> bool {
        let written = self.writing.join().is_ok();
        self.sealing.join().is_ok() && written
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, RecorderError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(RecorderError::Thread)
}

/// How a recording ended, from the writer to the sealer, in order.
#[derive(Debug)]
enum Ending {
    /// The file is whole; it has to reach the disk.
    Written {
        spec: RecordingSpec,
        frames: u64,
    },
    Failed {
        spec: RecordingSpec,
        error: String,
    },
}

/// Brings ended recordings to the disk, so that the wait for it holds up no other recording.
struct Sealer<E> {
    dir: PathBuf,
    events: E,
    counters: Arc<Counters>,
}

impl<E: Fn(RecorderEvent)> Sealer<E> {
    fn take(&self, ending: Ending) {
        match ending {
            Ending::Written { spec, frames } => match sync(&self.dir, &spec.path) {
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
            Ending::Failed { spec, error } => self.failed(spec, error),
        }
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

/// Where recordings are made: the folder, or a double in tests.
trait Place {
    /// What a recording is written to.
    type File: Write + Seek;
    /// Makes the file and its folders; it must be new.
    fn create(&mut self, relative: &str) -> io::Result<Self::File>;
}

/// One recording between its start and its end.
enum Recording<F: Write + Seek> {
    Open(Box<Open<F>>),
    /// Told as failed; its batches are dropped until its end.
    Failed,
}

struct Open<F: Write + Seek> {
    spec: RecordingSpec,
    assembler: Assembler,
    wav: WavFile<F>,
}

struct Writer<P: Place, E> {
    place: P,
    recordings_max: usize,
    recordings: BTreeMap<SegmentId, Recording<P::File>>,
    tell: E,
    counters: Arc<Counters>,
}

impl<P: Place, E: Fn(Ending)> Writer<P, E> {
    fn new(place: P, recordings_max: usize, tell: E, counters: Arc<Counters>) -> Self {
        Self {
            place,
            recordings_max,
            recordings: BTreeMap::new(),
            tell,
            counters,
        }
    }

    /// Takes one message; gives its batch back.
    fn take(&mut self, message: TapMessage) -> Option<Box<TapBatch>> {
        match message {
            TapMessage::Start { spec, at } => {
                self.start(spec, at);
                None
            }
            TapMessage::Batch {
                segment,
                batch,
                until,
            } => {
                self.batch(segment, &batch, until);
                Some(batch)
            }
            TapMessage::Stop { segment, at } => {
                self.stop(segment, at);
                None
            }
        }
    }

    fn start(&mut self, spec: RecordingSpec, at: Time) {
        if self.recordings.contains_key(&spec.segment) {
            count(&self.counters.unknown, 1);
            return;
        }
        if self.recordings.len() >= self.recordings_max {
            self.failed(&spec, "too many recordings are open");
            return;
        }
        let segment = spec.segment;
        let file = self.place.create(&spec.path).map_err(WavError::from);
        let recording = match file.and_then(WavFile::new) {
            Ok(wav) => {
                count(&self.counters.open, 1);
                Recording::Open(Box::new(Open {
                    spec,
                    assembler: Assembler::new(at),
                    wav,
                }))
            }
            Err(error) => {
                self.failed(&spec, &error.to_string());
                Recording::Failed
            }
        };
        self.recordings.insert(segment, recording);
    }

    fn batch(&mut self, segment: SegmentId, batch: &TapBatch, until: Time) {
        let written = match self.recordings.get_mut(&segment) {
            Some(Recording::Open(open)) => {
                let Open { assembler, wav, .. } = &mut **open;
                assembler.batch(batch, until, |frames| append(wav, frames, &self.counters))
            }
            Some(Recording::Failed) => {
                count(&self.counters.batches_dropped, 1);
                return;
            }
            None => {
                count(&self.counters.unknown, 1);
                return;
            }
        };
        if let Err(error) = written
            && let Some(Recording::Open(open)) = self.recordings.insert(segment, Recording::Failed)
        {
            self.failed(&open.spec, &error.to_string());
            self.counters.open.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn stop(&mut self, segment: SegmentId, at: Time) {
        match self.recordings.remove(&segment) {
            Some(Recording::Open(open)) => self.seal(*open, at),
            Some(Recording::Failed) => {}
            None => count(&self.counters.unknown, 1),
        }
    }

    fn seal(&mut self, open: Open<P::File>, at: Time) {
        let Open {
            spec,
            mut assembler,
            mut wav,
        } = open;
        self.counters.open.fetch_sub(1, Ordering::Relaxed);
        let ended = assembler.finish(at, |frames| append(&mut wav, frames, &self.counters));
        let frames = wav.frames();
        let counts = assembler.counts();
        count(&self.counters.frames_late, counts.late);
        count(&self.counters.frames_duplicate, counts.duplicate);
        match ended.and_then(|()| wav.seal()) {
            Ok(()) => (self.tell)(Ending::Written { spec, frames }),
            Err(error) => self.failed(&spec, &error.to_string()),
        }
    }

    /// Seals everything that is open, each up to what was handed over.
    fn close(&mut self) {
        for recording in std::mem::take(&mut self.recordings).into_values() {
            if let Recording::Open(open) = recording {
                let at = open.assembler.complete();
                self.seal(*open, at);
            }
        }
    }

    fn failed(&self, spec: &RecordingSpec, error: &str) {
        (self.tell)(Ending::Failed {
            spec: spec.clone(),
            error: error.to_owned(),
        });
    }
}

fn append<F: Write + Seek>(
    wav: &mut WavFile<F>,
    frames: &[i16],
    counters: &Counters,
) -> Result<(), WavError> {
    wav.append(frames)?;
    count(&counters.bytes, u64::try_from(frames.len()).unwrap_or(0) * 2);
    Ok(())
}

#[cfg(test)]
mod tests;
