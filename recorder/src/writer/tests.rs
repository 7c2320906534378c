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
use crate::proof::{Account, MarkKind, PublicKey, Standing, verify};
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
        evidence: None,
        free_min: 0,
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
        evidence: None,
        free_min: 0,
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
        evidence: None,
        free_min: 0,
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
        evidence: None,
        events: |event| told.borrow_mut().push(event),
        counters: Arc::clone(&counters),
    };
    sealer.take(Ending::Written {
        spec: spec.clone(),
        frames: 8000,
        account: Account::default(),
    });
    assert!(
        matches!(&told.borrow()[..], [RecorderEvent::Failed { segment, .. }] if *segment == spec.segment),
        "{:?}",
        told.borrow()
    );
    assert_eq!((counters.read().failed, counters.read().sealed), (1, 0));
}

/// A recorder with manifest and keys over the messages; its events.
fn record_proven(scratch: &Scratch, messages: Vec<TapMessage>) -> (Vec<RecorderEvent>, Arc<Evidence>) {
    let dir = scratch.0.join("recordings");
    let evidence = Arc::new(Evidence::open(&dir, &scratch.0.join("keys")).unwrap());
    let (tx, rx) = channel();
    let (told, events) = channel();
    let config = RecorderConfig {
        dir,
        recordings_max: 9,
        evidence: Some(Arc::clone(&evidence)),
        free_min: 0,
    };
    let told = move |event| told.send(event).unwrap();
    let recorder = Recorder::start(config, rx, sync_channel(4).0, told).unwrap();
    for message in messages {
        tx.send(message).unwrap();
    }
    drop(tx);
    assert!(recorder.join());
    (events.try_iter().collect(), evidence)
}

fn mark(spec: &RecordingSpec, at: u64, mark: RecordingMark) -> TapMessage {
    TapMessage::Mark {
        segment: spec.segment,
        at: Time::from_millis(at),
        mark,
    }
}

/// A batch that reaches this time, milliseconds.
fn ends_at_or_after(message: &TapMessage, ms: u128) -> bool {
    matches!(message, TapMessage::Batch { until, .. } if until.since(Time::ZERO).as_millis() >= ms)
}

/// Four seconds in which the caller is not heard from 1.0 s to 1.5 s, and pauses from 2.0 s to 3.0 s; the agent never.
fn broken_talk(spec: &RecordingSpec) -> Vec<TapMessage> {
    let mut all = messages(spec, 0, 4_000);
    all.retain(|message| {
        let TapMessage::Batch { until, .. } = message else {
            return true;
        };
        let ms = until.since(Time::ZERO).as_millis();
        !(1_000..1_500).contains(&ms) && !(2_000..3_000).contains(&ms)
    });
    all.insert(
        1,
        mark(spec, 0, RecordingMark::Segment(hotline_types::SegmentKind::Talk)),
    );
    let at = all
        .iter()
        .position(|message| ends_at_or_after(message, 3_000))
        .unwrap();
    all.insert(at, mark(spec, 3_000, RecordingMark::Resume));
    all.insert(at, mark(spec, 2_000, RecordingMark::Pause("card".into())));
    all
}

/// Plain and encrypted: what is sealed can be verified and read, and its marks and gaps are those that were.
#[test]
fn recording_is_sealed_with_its_proof_segments_pauses_and_gaps() {
    for suffix in ["wav", "wav.enc"] {
        let scratch = Scratch::new(&format!("proven-{suffix}"));
        let mut spec = ids(1);
        spec.path = spec.path.replace(".wav", &format!(".{suffix}")).into();
        let all = broken_talk(&spec);
        let (events, evidence) = record_proven(&scratch, all);
        assert!(
            matches!(&events[..], [RecorderEvent::Sealed { length_ms: 4_000, .. }]),
            "{events:?}"
        );
        let dir = evidence.dir();
        let key = PublicKey::parse(&std::fs::read_to_string(dir.join("manifest.pub")).unwrap()).unwrap();
        let verified = verify(dir, &key, |_| ()).unwrap();
        assert_eq!((verified.whole, verified.findings.len()), (1, 0), "{verified:?}");
        let sealing = Standing::of(dir, &spec.path).unwrap().sealing.unwrap();
        assert_eq!(
            (sealing.length_ms, sealing.encrypted),
            (4_000, suffix == "wav.enc")
        );
        let account = sealing.account.unwrap();
        assert_eq!(account.off_ms, 0);
        let at: Vec<u64> = account.marks.iter().map(|mark| mark.at_ms).collect();
        assert_eq!(at, [0, 2_000, 3_000]);
        assert!(matches!(&account.marks[1].what, MarkKind::Paused { reason } if reason == "card"));
        let gaps: Vec<_> = account.gaps.iter().map(|gap| (gap.from_ms, gap.to_ms)).collect();
        assert!(
            matches!(
                gaps[..],
                [(970..=1_000, 1_460..=1_500), (0, 2_000), (3_000, 4_000)]
            ),
            "{gaps:?}"
        );
        let mut file = RecordingFile::open_with(dir, &spec.path, Some(evidence.vault())).unwrap();
        let mut wav = Vec::new();
        file.read_to_end(&mut wav).unwrap();
        assert_eq!(wav.len(), 44 + 128_000);
        let shape = crate::peaks(
            RecordingFile::open_with(dir, &spec.path, Some(evidence.vault())).unwrap(),
            8,
        )
        .unwrap();
        assert!(
            shape.caller[0] > 0 && shape.caller[4] == 0 && shape.agent == [0; 8],
            "{shape:?}"
        );
        let mut flac = Vec::new();
        let file = RecordingFile::open_with(dir, &spec.path, Some(evidence.vault())).unwrap();
        crate::flac(file, &mut flac).unwrap();
        assert!(flac.starts_with(b"fLaC") && flac.len() < wav.len() / 2);
        if suffix == "wav.enc" {
            assert!(
                RecordingFile::open(dir, &spec.path).is_err(),
                "it does not open without its key"
            );
            evidence.erase(&spec.path, "test", "over").unwrap();
            assert_eq!(verify(dir, &key, |_| ()).unwrap().erased, 1);
        }
    }
}

/// A disk whose syncs take for ever: recordings go on being written, and every box comes back.
#[test]
fn slow_disk_at_the_end_of_one_recording_holds_up_no_other() {
    let scratch = Scratch::new("slow");
    let (first, second) = (ids(1), ids(2));
    let (tx, rx) = channel();
    let (recycle, empty) = sync_channel(1_000);
    let (gate, closed) = sync_channel::<()>(0);
    let closed = std::sync::Mutex::new(closed);
    let config = RecorderConfig {
        dir: scratch.0.clone(),
        recordings_max: 9,
        evidence: None,
        free_min: 0,
    };
    // The sealer tells of the first and is stuck there, as in a sync.
    let told = move |_| {
        let _opened = closed.lock().unwrap().recv();
    };
    let recorder = Recorder::start(config, rx, recycle, told).unwrap();
    for message in messages(&first, 0, 200)
        .into_iter()
        .chain(messages(&second, 0, 2_000))
    {
        tx.send(message).unwrap();
    }
    for _ in 0..10 + 100 {
        empty
            .recv_timeout(Duration::from_secs(10))
            .expect("the writer goes on");
    }
    assert!(recorder.counts().sealed <= 1);
    drop((tx, gate));
    let counters = Arc::clone(&recorder.counters);
    assert!(recorder.join());
    assert_eq!(counters.read().sealed, 2);
}

/// A disk that gets full under a running recording, then has room again: told once each, and what was there is proven.
#[test]
fn disk_that_fills_up_is_told_and_what_was_written_is_sealed_as_cut_short() {
    let scratch = Scratch::new("fills");
    std::fs::create_dir_all(&scratch.0).unwrap();
    let mut space = Space::new(scratch.0.clone(), 0);
    assert_eq!(space.look(), None, "fine from the start");
    let (writable, _) = space.failed(io::ErrorKind::StorageFull).expect("told at once");
    assert!(!writable);
    assert!(space.failed(io::ErrorKind::StorageFull).is_none(), "told once");
    assert!(matches!(space.look(), Some((true, _))), "a write works again");
    assert!(
        space.failed(io::ErrorKind::NotFound).is_none(),
        "no fault of the disk"
    );
    let (writable, _) = space
        .failed(io::ErrorKind::ReadOnlyFilesystem)
        .expect("told at once");
    assert!(!writable);
    let mut space = Space::new(scratch.0.clone(), u64::MAX);
    assert!(matches!(space.look(), Some((false, _))), "too little is free");
}
