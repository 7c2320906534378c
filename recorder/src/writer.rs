//! The writer thread: takes what the media threads tapped, writes one WAV per recording, and says when it is sealed.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::thread::JoinHandle;

use hotline_media::RecordingSpec;
use hotline_media::tap::{TapBatch, TapMessage};
use hotline_types::{SegmentId, Time};

use crate::wav::{FRAME_BYTES, WavError, WavFile, length_ms};
use crate::{Assembler, checked_path};

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

fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

/// The running recorder. It ends when every sender of its queue is gone, and seals what is open then.
#[derive(Debug)]
pub struct Recorder {
    thread: JoinHandle<()>,
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
        let folder = Folder { dir: config.dir };
        let mut writer = Writer::new(folder, config.recordings_max, events, Arc::clone(&counters));
        let run = move || {
            for message in rx {
                if let Some(mut batch) = writer.take(message) {
                    batch.clear();
                    // A full return queue has enough boxes already; a closed one needs none.
                    drop(recycle.try_send(batch));
                }
            }
            writer.close();
        };
        let thread = std::thread::Builder::new().name("recorder".to_owned()).spawn(run);
        Ok(Self {
            thread: thread.map_err(RecorderError::Thread)?,
            counters,
        })
    }

    /// The figures now.
    #[must_use]
    pub fn counts(&self) -> RecorderCounts {
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
        } = &*self.counters;
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

    /// Waits until everything is sealed. Drop the senders first. False where the thread had panicked.
    #[must_use]
    pub fn join(self) -> bool {
        self.thread.join().is_ok()
    }
}

/// Where recordings are made: the folder, or a double in tests.
trait Place {
    /// What a recording is written to.
    type File: Write + Seek;
    /// Makes the file and its folders; it must be new.
    fn create(&mut self, relative: &str) -> io::Result<Self::File>;
    /// Brings the sealed file to the disk.
    fn sync(&mut self, relative: &str) -> io::Result<()>;
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
    events: E,
    counters: Arc<Counters>,
}

impl<P: Place, E: Fn(RecorderEvent)> Writer<P, E> {
    fn new(place: P, recordings_max: usize, events: E, counters: Arc<Counters>) -> Self {
        Self {
            place,
            recordings_max,
            recordings: BTreeMap::new(),
            events,
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
        let sealed = wav.seal();
        let synced = self.place.sync(&spec.path).map_err(WavError::from);
        match ended.and(sealed).and(synced) {
            Ok(()) => {
                count(&self.counters.sealed, 1);
                (self.events)(RecorderEvent::Sealed {
                    segment: spec.segment,
                    path: spec.path,
                    length_ms: length_ms(frames * u64::from(FRAME_BYTES)),
                });
            }
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
        tracing::error!(segment = %spec.segment, error, "recording failed");
        count(&self.counters.failed, 1);
        (self.events)(RecorderEvent::Failed {
            segment: spec.segment,
            path: Arc::clone(&spec.path),
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

/// The recordings' folder on the disk.
struct Folder {
    dir: PathBuf,
}

impl Place for Folder {
    type File = PlacedFile;

    fn create(&mut self, relative: &str) -> io::Result<PlacedFile> {
        let path = checked_path(&self.dir, relative)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        if let Some(parent) = path.parent() {
            private_folder(parent)?;
        }
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        Ok(PlacedFile { file, at: 0 })
    }

    fn sync(&mut self, relative: &str) -> io::Result<()> {
        let path = checked_path(&self.dir, relative)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        File::open(path)?.sync_all()
    }
}

fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes the folder, and finds out now rather than at the first call whether it can be written to.
fn probe(dir: &Path) -> io::Result<()> {
    private_folder(dir)?;
    let path = dir.join(format!(".probe-{}", std::process::id()));
    let probed = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path);
    probed?.write_all(b"probe")?;
    std::fs::remove_file(path)
}

/// A file that keeps its own position: a header refreshed costs two writes, and no seek reaches the kernel.
struct PlacedFile {
    file: File,
    at: u64,
}

impl Write for PlacedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write_at(bytes, self.at)?;
        self.at += u64::try_from(written).unwrap_or(0);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for PlacedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let before_start = || {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "a place before the start of the file",
            )
        };
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::Current(by) => self.at.checked_add_signed(by).ok_or_else(before_start)?,
            SeekFrom::End(by) => self
                .file
                .metadata()?
                .len()
                .checked_add_signed(by)
                .ok_or_else(before_start)?,
        };
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests;
