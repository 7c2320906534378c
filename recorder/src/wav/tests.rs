use std::cell::RefCell;
use std::io::{Cursor, SeekFrom};
use std::rc::Rc;

use hound::WavReader;

use super::*;

/// A file that can be looked at after every write, and that is full at a length.
#[derive(Clone)]
struct Disk {
    state: Rc<RefCell<DiskState>>,
    full_at: u64,
}

#[derive(Default)]
struct DiskState {
    file: Cursor<Vec<u8>>,
    /// The file after each write.
    snapshots: Vec<Vec<u8>>,
}

impl Disk {
    fn new(full_at: u64) -> Self {
        Self {
            state: Rc::default(),
            full_at,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        self.state.borrow().file.get_ref().clone()
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state.borrow_mut();
        let room = usize::try_from(self.full_at.saturating_sub(state.file.position())).unwrap();
        if room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let written = state.file.write(&bytes[..bytes.len().min(room)])?;
        let now = state.file.get_ref().clone();
        state.snapshots.push(now);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Disk {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.state.borrow_mut().file.seek(to)
    }
}

fn read(bytes: &[u8]) -> Vec<i16> {
    let reader = WavReader::new(Cursor::new(bytes)).unwrap();
    assert_eq!(reader.spec(), SPEC);
    reader.into_samples().map(Result::unwrap).collect()
}

#[test]
fn file_is_a_whole_wav_after_every_single_write() {
    let disk = Disk::new(u64::MAX);
    let mut wav = WavFile::new(disk.clone()).unwrap();
    let mut expected = Vec::new();
    for batch in 0..20_i16 {
        let frames: Vec<i16> = (0..batch * 2).map(|at| batch * 100 + at).collect();
        expected.extend_from_slice(&frames);
        wav.append(&frames).unwrap();
        assert_eq!(read(&disk.bytes()), expected);
        assert_eq!(wav.frames(), u64::try_from(expected.len() / 2).unwrap());
    }
    wav.seal().unwrap();
    assert_eq!(read(&disk.bytes()), expected);
    let snapshots = disk.state.borrow().snapshots.clone();
    let mut whole = 0;
    for snapshot in snapshots.iter().filter(|snapshot| snapshot.len() >= 44) {
        let samples = read(snapshot);
        assert_eq!(samples, expected[..samples.len()]);
        whole += 1;
    }
    assert!(whole > 60, "{whole}");
}

#[test]
fn half_a_frame_is_left_away() {
    let disk = Disk::new(u64::MAX);
    let mut wav = WavFile::new(disk.clone()).unwrap();
    wav.append(&[1, 2, 3]).unwrap();
    wav.append(&[9]).unwrap();
    assert_eq!(read(&disk.bytes()), [1, 2]);
}

#[test]
fn full_disk_is_an_error_and_leaves_the_file_readable() {
    for full_at in 0..200 {
        let disk = Disk::new(full_at);
        let Ok(mut wav) = WavFile::new(disk.clone()) else {
            assert!(full_at < 44, "{full_at}");
            continue;
        };
        let written = (0..10).take_while(|_| wav.append(&[7, 8, 9, 10]).is_ok()).count();
        assert!(written < 10 || full_at >= 44 + 80);
        drop(wav);
        assert_eq!(read(&disk.bytes()), [7, 8, 9, 10].repeat(written), "{full_at}");
    }
}

#[test]
fn file_stops_before_it_is_longer_than_a_wav_can_be() {
    let disk = Disk::new(u64::MAX);
    let mut wav = WavFile::new(disk.clone()).unwrap();
    wav.bytes_max = 100;
    wav.append(&[1; 48]).unwrap();
    assert!(matches!(wav.append(&[2; 4]), Err(WavError::Full)));
    wav.append(&[3; 2]).unwrap();
    wav.seal().unwrap();
    assert_eq!(read(&disk.bytes()).len(), 50);
    assert!(u64::from(DATA_BYTES_MAX) + u64::from(HEADER_BYTES) < u64::from(u32::MAX));
}

#[test]
fn our_header_is_the_one_that_is_written() {
    let disk = Disk::new(u64::MAX);
    let mut wav = WavFile::new(disk.clone()).unwrap();
    assert_eq!(disk.bytes(), header(0));
    wav.append(&[1, 2, 3, 4]).unwrap();
    assert_eq!(disk.bytes()[..44], header(8));
    assert_eq!(length_ms(32_000), 1000);
}
