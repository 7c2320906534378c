use std::cell::RefCell;
use std::io::{Cursor, Read, SeekFrom};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc::{channel, sync_channel};

use hotline_media::Codec;
use hotline_media::tap::{Channel, TapFrame};
use hotline_types::{ContactId, Rng, WallTime};

use super::disk::private_folder;
use super::*;
use crate::{RecordingFile, list_day};

fn ids(number: u8) -> RecordingSpec {
    let mut rng = Rng::from_seed(u64::from(number));
    let at = WallTime::from_millis(1_795_557_265_000);
    let (contact, segment) = (ContactId::new(at, &mut rng), SegmentId::new(at, &mut rng));
    RecordingSpec {
        contact,
        segment,
        path: format!("2026/11/24/{contact}/{segment}.wav").into(),
    }
}

/// One payload of 20 ms, of this code, on the caller's side.
fn batch(at: u64, code: u8) -> Box<TapBatch> {
    let frame = TapFrame {
        channel: Channel::Caller,
        codec: Codec::Pcma,
        arrived: Time::from_millis(at),
        timestamp: u32::try_from(at * 8).unwrap(),
        ssrc: 1,
        len: 160,
    };
    let mut batch = Box::new(TapBatch::new());
    assert!(batch.push(frame, &[code; 160]));
    batch
}

fn messages(spec: &RecordingSpec, from: u64, to: u64) -> Vec<TapMessage> {
    let segment = spec.segment;
    let mut all = vec![TapMessage::Start {
        spec: spec.clone(),
        at: Time::from_millis(from),
    }];
    let mut at = from;
    while at < to {
        all.push(TapMessage::Batch {
            segment,
            batch: batch(at, 0x2A),
            until: Time::from_millis(at + 20),
        });
        at += 20;
    }
    all.push(TapMessage::Stop {
        segment,
        at: Time::from_millis(to),
    });
    all
}

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("hotline-writer-{name}-{}", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Runs a recorder over the messages; its events and its figures at the end.
fn record(
    dir: &Path,
    recordings_max: usize,
    messages: Vec<TapMessage>,
) -> (Vec<RecorderEvent>, RecorderCounts) {
    let (tx, rx) = channel();
    let (recycle, _empty) = sync_channel(4);
    let (told, events) = channel();
    let config = RecorderConfig {
        dir: dir.to_owned(),
        recordings_max,
    };
    let recorder = Recorder::start(config, rx, recycle, move |event| told.send(event).unwrap()).unwrap();
    for message in messages {
        tx.send(message).unwrap();
    }
    drop(tx);
    let counters = Arc::clone(&recorder.counters);
    assert!(recorder.join());
    (events.try_iter().collect(), counters.read())
}

#[test]
fn recording_lies_private_in_its_folder_and_reads_as_what_was_said() {
    let scratch = Scratch::new("whole");
    let spec = ids(1);
    let (events, counts) = record(&scratch.0, 10, messages(&spec, 10_000, 11_000));
    let sealed = RecorderEvent::Sealed {
        segment: spec.segment,
        path: spec.path.clone(),
        length_ms: 1000,
    };
    assert_eq!(events, [sealed]);
    assert_eq!(
        (counts.open, counts.sealed, counts.failed, counts.bytes),
        (0, 1, 0, 32_000)
    );

    let path = scratch.0.join(&*spec.path);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    for folder in path
        .ancestors()
        .skip(1)
        .take_while(|folder| folder.starts_with(&scratch.0))
    {
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
    }
    let mut file = RecordingFile::open(&scratch.0, &spec.path).unwrap();
    assert_eq!((file.size(), file.length_ms()), (32_044, 1000));
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    let samples: Vec<i16> = hound::WavReader::new(Cursor::new(bytes))
        .unwrap()
        .into_samples()
        .map(Result::unwrap)
        .collect();
    let level = hotline_media::g711::decode(Codec::Pcma, 0x2A);
    assert_eq!(samples, [level, 0].repeat(8000));

    let listed = list_day(&scratch.0, "2026/11/24").unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].path.as_str(), listed[0].bytes), (&*spec.path, 32_044));
    assert_eq!(list_day(&scratch.0, "2026/11/25").unwrap(), []);
    assert!(list_day(&scratch.0, "../../etc").is_err());
}

#[test]
fn link_that_leads_out_of_the_folder_is_not_followed() {
    let scratch = Scratch::new("link");
    let dir = scratch.0.join("recordings");
    private_folder(&dir).unwrap();
    std::fs::write(scratch.0.join("secret.wav"), b"secret").unwrap();
    std::os::unix::fs::symlink(scratch.0.join("secret.wav"), dir.join("a.wav")).unwrap();
    assert!(matches!(
        RecordingFile::open(&dir, "a.wav"),
        Err(crate::OpenError::Path(_))
    ));
    assert!(matches!(
        RecordingFile::open(&dir, "../secret.wav"),
        Err(crate::OpenError::Path(_))
    ));
    assert!(matches!(
        RecordingFile::open(&dir, "none.wav"),
        Err(crate::OpenError::Io(_))
    ));
}

#[test]
fn everything_still_open_is_sealed_when_the_queue_closes() {
    let scratch = Scratch::new("close");
    let specs = [ids(1), ids(2), ids(3)];
    let mut all = Vec::new();
    for spec in &specs {
        all.extend(messages(spec, 0, 600));
        all.pop();
    }
    let (events, counts) = record(&scratch.0, 10, all);
    assert_eq!(events.len(), 3);
    assert!(
        events
            .iter()
            .all(|event| matches!(event, RecorderEvent::Sealed { length_ms: 600, .. })),
        "{events:?}"
    );
    assert_eq!((counts.open, counts.sealed), (0, 3));
}

#[test]
fn recordings_beyond_the_limit_and_unknown_ones_are_refused_and_counted() {
    let scratch = Scratch::new("limit");
    let (one, two) = (ids(1), ids(2));
    let mut all = messages(&one, 0, 100);
    let stop = all.pop().unwrap();
    all.extend(messages(&two, 0, 100));
    all.push(stop);
    let (events, counts) = record(&scratch.0, 1, all);
    assert!(
        matches!(&events[..], [RecorderEvent::Failed { segment, error, .. }, RecorderEvent::Sealed { .. }]
            if *segment == two.segment && error.contains("too many")),
        "{events:?}"
    );
    assert_eq!((counts.failed, counts.unknown, counts.sealed), (1, 6, 1));
}

#[test]
fn path_that_leaves_the_folder_or_exists_already_fails_that_recording_alone() {
    let scratch = Scratch::new("path");
    let (out, good) = (
        RecordingSpec {
            path: "../out.wav".into(),
            ..ids(1)
        },
        ids(2),
    );
    let mut all = messages(&out, 0, 100);
    all.extend(messages(&good, 0, 100));
    all.extend(messages(
        &RecordingSpec {
            path: good.path.clone(),
            ..ids(3)
        },
        0,
        100,
    ));
    let (events, counts) = record(&scratch.0, 9, all);
    assert!(
        matches!(
            &events[..],
            [
                RecorderEvent::Failed { .. },
                RecorderEvent::Sealed { length_ms: 100, .. },
                RecorderEvent::Failed { .. }
            ]
        ),
        "{events:?}"
    );
    assert_eq!(
        (counts.batches_dropped, counts.failed, counts.sealed, counts.open),
        (10, 2, 1, 0)
    );
}

#[test]
fn folder_that_cannot_be_made_stops_the_start_and_says_where() {
    let scratch = Scratch::new("folder");
    std::fs::write(&scratch.0, b"a file in the way").unwrap();
    let (_tx, rx) = channel();
    let config = RecorderConfig {
        dir: scratch.0.join("recordings"),
        recordings_max: 1,
    };
    let error = Recorder::start(config, rx, sync_channel(1).0, |_| ())
        .unwrap_err()
        .to_string();
    std::fs::remove_file(&scratch.0).unwrap();
    assert!(
        error.contains("recordings") && error.contains("make the folder writable"),
        "{error}"
    );
}

/// Files in memory, all on one disk that gets full.
struct FullDisk {
    room: Rc<RefCell<usize>>,
}

struct FullFile {
    bytes: Cursor<Vec<u8>>,
    room: Rc<RefCell<usize>>,
}

impl Write for FullFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut room = self.room.borrow_mut();
        let grows = (usize::try_from(self.bytes.position()).unwrap() + bytes.len())
            .saturating_sub(self.bytes.get_ref().len());
        if grows > *room {
            return Err(io::ErrorKind::StorageFull.into());
        }
        *room -= grows;
        self.bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for FullFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

impl Place for FullDisk {
    type File = FullFile;

    fn create(&mut self, _: &str) -> io::Result<FullFile> {
        Ok(FullFile {
            bytes: Cursor::default(),
            room: Rc::clone(&self.room),
        })
    }
}

#[test]
fn full_disk_fails_each_recording_once_and_drops_the_rest_of_it() {
    let room = Rc::new(RefCell::new(40_000));
    let told = Rc::new(RefCell::new(Vec::new()));
    let tell = {
        let told = Rc::clone(&told);
        move |ending| told.borrow_mut().push(ending)
    };
    let mut writer = Writer::new(
        FullDisk {
            room: Rc::clone(&room),
        },
        10,
        tell,
        Arc::default(),
    );
    let (long, next) = (ids(1), ids(2));
    for message in messages(&long, 0, 3000) {
        let is_batch = matches!(message, TapMessage::Batch { .. });
        assert_eq!(writer.take(message).is_some(), is_batch, "every box comes back");
    }
    // 40,000 bytes are 1.25 s; the file stays behind by the hold-back, so it failed at about 1.6 s of 3 s.
    let dropped = writer.counters.batches_dropped.load(Ordering::Relaxed);
    assert!((60..80).contains(&dropped), "{dropped}");
    assert!(matches!(&told.borrow()[..], [Ending::Failed { spec, .. }] if spec.segment == long.segment));
    // There is room again: the next one works.
    *room.borrow_mut() = 1_000_000;
    for message in messages(&next, 0, 3000) {
        writer.take(message);
    }
    assert!(
        matches!(&told.borrow()[1..], [Ending::Written { frames: 24_000, .. }]),
        "{:?}",
        told.borrow()
    );
    assert_eq!(writer.counters.open.load(Ordering::Relaxed), 0);
}

#[test]
fn boxes_come_back_empty_for_reuse() {
    let scratch = Scratch::new("recycle");
    let spec = ids(1);
    let (tx, rx) = channel();
    let (recycle, empty) = sync_channel(100);
    let config = RecorderConfig {
        dir: scratch.0.clone(),
        recordings_max: 1,
    };
    let recorder = Recorder::start(config, rx, recycle, |_| ()).unwrap();
    for message in messages(&spec, 0, 400) {
        tx.send(message).unwrap();
    }
    drop(tx);
    assert!(recorder.join());
    let boxes: Vec<_> = empty.try_iter().collect();
    assert_eq!(boxes.len(), 20);
    assert!(
        boxes
            .iter()
            .all(|batch| batch.frames.is_empty() && batch.bytes.capacity() >= 64 * 160)
    );
}

#[test]
fn recording_that_vanished_before_it_was_sealed_is_told_as_failed() {
    let scratch = Scratch::new("vanished");
    let spec = ids(1);
    let told = RefCell::new(Vec::new());
    let counters = Arc::new(Counters::default());
    let sealer = Sealer {
        dir: scratch.0.clone(),
        events: |event| told.borrow_mut().push(event),
        counters: Arc::clone(&counters),
    };
    sealer.take(Ending::Written {
        spec: spec.clone(),
        frames: 8000,
    });
    assert!(
        matches!(&told.borrow()[..], [RecorderEvent::Failed { segment, .. }] if *segment == spec.segment),
        "{:?}",
        told.borrow()
    );
    assert_eq!((counters.read().failed, counters.read().sealed), (1, 0));
}
