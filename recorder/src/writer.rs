//! The writer: takes what the media threads tapped, writes one WAV per recording, and says when it is sealed.

mod account;
mod disk;
mod sealer;
mod sink;
mod space;

use std::collections::BTreeMap;
use std::io::{self, Seek, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hotline_media::tap::{TapBatch, TapMessage};
use hotline_media::{RecordingMark, RecordingSpec};
use hotline_types::{SegmentId, Time};

use crate::Assembler;
use crate::proof::Evidence;
use crate::wav::WavError;
use account::Book;
pub(crate) use disk::private_folder;
use disk::{Folder, probe};
use sealer::{Ending, Sealer};
use sink::Sink;
use space::Space;

/// Ended recordings that wait for the disk at most; beyond, the writer waits too.
const ENDINGS_MAX: usize = 1024;

/// Time between two looks at the disk and at recordings that stand still.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A recording of which nothing was heard for this long, silence being something, stands still.
const STALLED_AFTER: Duration = Duration::from_secs(3);

/// How the recorder is set up.
#[derive(Clone, Debug)]
pub struct RecorderConfig {
    /// The recordings' folder; made where it is missing.
    pub dir: PathBuf,
    /// Recordings open at once; the next is refused, with a `Failed` event.
    pub recordings_max: usize,
    /// Manifest and keys; none: nothing is proven, and nothing can be encrypted.
    pub evidence: Option<Arc<Evidence>>,
    /// Free bytes of the disk below which it counts as full.
    pub free_min: u64,
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
    /// The disk is full or read-only from now on, or takes recordings again.
    Disk {
        /// Whether it takes recordings.
        writable: bool,
        /// Free bytes.
        free: u64,
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
    /// Recordings of which nothing was heard for 3 s while they were open.
    pub stalled: u64,
    /// Recordings whose length was not the time recorded, by more than 40 ms.
    pub off_length: u64,
    /// 1 while the disk takes no recordings.
    pub disk_full: u64,
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
    stalled: AtomicU64,
    off_length: AtomicU64,
    disk_full: AtomicU64,
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
            stalled,
            off_length,
            disk_full,
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
            stalled: read(stalled),
            off_length: read(off_length),
            disk_full: read(disk_full),
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
            evidence: config.evidence.clone(),
            events,
            counters: Arc::clone(&counters),
        };
        let space = Space::new(config.dir.clone(), config.free_min);
        let sealing = spawn("recorder-seal", move || {
            for ending in endings {
                sealer.take(ending);
            }
        })?;
        // Waits where the disk is that far behind; a sealer that is gone has panicked, which `join` tells.
        let tell = move |ending| drop(ended.send(ending));
        let folder = Folder { dir: config.dir };
        let mut writer = Writer::new(folder, config.recordings_max, tell, Arc::clone(&counters));
        writer.evidence = config.evidence;
        writer.space = Some(space);
        let writing = spawn("recorder", move || writer.run(&rx, &recycle))?;
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
    sink: Sink<F>,
    book: Book,
    stalled: bool,
}

struct Writer<P: Place, E> {
    place: P,
    evidence: Option<Arc<Evidence>>,
    /// None in tests that bring their own disk.
    space: Option<Space>,
    looked: Instant,
    /// The newest time that any recording was heard of.
    newest: Time,
    recordings_max: usize,
    recordings: BTreeMap<SegmentId, Recording<P::File>>,
    tell: E,
    counters: Arc<Counters>,
}

impl<P: Place, E: Fn(Ending)> Writer<P, E> {
    fn new(place: P, recordings_max: usize, tell: E, counters: Arc<Counters>) -> Self {
        Self {
            place,
            evidence: None,
            space: None,
            looked: Instant::now(),
            newest: Time::ZERO,
            recordings_max,
            recordings: BTreeMap::new(),
            tell,
            counters,
        }
    }

    /// Takes messages until the last sender is gone.
    fn run(&mut self, rx: &Receiver<TapMessage>, recycle: &SyncSender<Box<TapBatch>>) {
        self.look();
        loop {
            match rx.recv_timeout(LOOK_EVERY) {
                Ok(message) => {
                    if let Some(mut batch) = self.take(message) {
                        batch.clear();
                        // A full return queue has enough boxes already; a closed one needs none.
                        drop(recycle.try_send(batch));
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.close(),
            }
            if self.looked.elapsed() >= LOOK_EVERY {
                self.look();
            }
        }
    }

    /// Looks at the disk, and for recordings that stand still while others go on.
    fn look(&mut self) {
        self.looked = Instant::now();
        if let Some((writable, free)) = self.space.as_mut().and_then(Space::look) {
            self.tell_disk(writable, free);
        }
        for recording in self.recordings.values_mut() {
            let Recording::Open(open) = recording else {
                continue;
            };
            let silent = self.newest.since(open.assembler.complete()) > STALLED_AFTER;
            if silent && !open.stalled {
                tracing::error!(segment = %open.spec.segment, "recording stands still: nothing comes from its call");
                count(&self.counters.stalled, 1);
            }
            open.stalled = silent;
        }
    }

    fn tell_disk(&self, writable: bool, free: u64) {
        self.counters
            .disk_full
            .store(u64::from(!writable), Ordering::Relaxed);
        (self.tell)(Ending::Disk { writable, free });
    }

    /// A write failed: where the disk is at fault, the next look need not be waited for.
    fn suspect(&mut self, error: &WavError) {
        if let (WavError::Io(error), Some(space)) = (error, &mut self.space)
            && let Some((writable, free)) = space.failed(error.kind())
        {
            self.tell_disk(writable, free);
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
            TapMessage::Mark { segment, at, mark } => {
                self.mark(segment, at, mark);
                None
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
        self.newest = self.newest.max(at);
        let file = self.place.create(&spec.path).map_err(WavError::from);
        let evidence = self.evidence.as_deref();
        let recording = match file.and_then(|file| Sink::new(file, &spec, evidence)) {
            Ok(sink) => {
                count(&self.counters.open, 1);
                Recording::Open(Box::new(Open {
                    spec,
                    assembler: Assembler::new(at),
                    sink,
                    book: Book::default(),
                    stalled: false,
                }))
            }
            Err(error) => {
                self.suspect(&error);
                self.failed(&spec, &error.to_string());
                Recording::Failed
            }
        };
        self.recordings.insert(segment, recording);
    }

    fn mark(&mut self, segment: SegmentId, at: Time, mark: RecordingMark) {
        match self.recordings.get_mut(&segment) {
            Some(Recording::Open(open)) => open.book.mark(open.assembler.millis(at), mark),
            Some(Recording::Failed) => {}
            None => count(&self.counters.unknown, 1),
        }
    }

    fn batch(&mut self, segment: SegmentId, batch: &TapBatch, until: Time) {
        self.newest = self.newest.max(until);
        let written = match self.recordings.get_mut(&segment) {
            Some(Recording::Open(open)) => {
                let Open { assembler, sink, .. } = &mut **open;
                assembler.batch(batch, until, |frames| append(sink, frames, &self.counters))
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
            self.suspect(&error);
            self.counters.open.fetch_sub(1, Ordering::Relaxed);
            self.cut_short(*open, &error.to_string());
        }
    }

    /// The recording ends before its call: what was written is sealed as that.
    fn cut_short(&self, open: Open<P::File>, error: &str) {
        let frames = open.sink.frames();
        let account = open.book.account(&open.assembler, None);
        (self.tell)(Ending::Failed {
            spec: open.spec,
            error: error.to_owned(),
            written: Some((frames, account)),
        });
    }

    fn stop(&mut self, segment: SegmentId, at: Time) {
        match self.recordings.remove(&segment) {
            Some(Recording::Open(open)) => self.seal(*open, at),
            Some(Recording::Failed) => {}
            None => count(&self.counters.unknown, 1),
        }
    }

    fn seal(&mut self, mut open: Open<P::File>, at: Time) {
        self.counters.open.fetch_sub(1, Ordering::Relaxed);
        let Open { assembler, sink, .. } = &mut open;
        let ended = assembler.finish(at, |frames| append(sink, frames, &self.counters));
        let counts = assembler.counts();
        count(&self.counters.frames_late, counts.late);
        count(&self.counters.frames_duplicate, counts.duplicate);
        if let Err(error) = ended.and_then(|()| open.sink.finish()) {
            self.suspect(&error);
            return self.cut_short(open, &error.to_string());
        }
        let frames = open.sink.frames();
        let account = open.book.account(&open.assembler, Some(at));
        if account.off_ms.unsigned_abs() > account::OFF_MAX_MS {
            tracing::error!(segment = %open.spec.segment, off_ms = account.off_ms, "recording is not as long as its call");
            count(&self.counters.off_length, 1);
        }
        (self.tell)(Ending::Written {
            spec: open.spec,
            frames,
            account,
        });
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
            written: None,
        });
    }
}

fn append<F: Write + Seek>(wav: &mut Sink<F>, frames: &[i16], counters: &Counters) -> Result<(), WavError> {
    wav.append(frames)?;
    count(&counters.bytes, u64::try_from(frames.len()).unwrap_or(0) * 2);
    Ok(())
}

#[cfg(test)]
mod tests;
