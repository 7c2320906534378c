use std::fs;
use std::path::PathBuf;

use super::*;

/// A folder that goes when the test ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("hotline-repair-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.0.join("cut.wav");
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A recording with this much audio whose header tells of `told` bytes.
fn recording(audio: u32, told: u32) -> Vec<u8> {
    let mut bytes = header(told).to_vec();
    bytes.extend((0..audio).map(|at| u8::try_from(at % 251).unwrap()));
    bytes
}

fn samples(bytes: &[u8]) -> usize {
    let reader = hound::WavReader::new(io::Cursor::new(bytes)).unwrap();
    reader.into_samples::<i16>().map(Result::unwrap).count()
}

#[test]
fn file_cut_anywhere_is_whole_again_with_all_the_frames_it_has() {
    let scratch = Scratch::new("cut");
    // Before and in the header, on its edges, on and between the bytes of a frame, at the end.
    let cuts = [
        0, 1, 3, 4, 7, 8, 20, 39, 40, 43, 44, 45, 46, 47, 48, 49, 164, 165, 200, 440, 443, 444,
    ];
    // The header tells of less, of the same and of more than there is.
    for told in [0, 120, 400, 4000] {
        let whole = recording(400, told);
        for cut in cuts {
            let path = scratch.file(&whole[..cut]);
            let repaired = repair(&path).unwrap();
            let bytes = fs::read(&path).unwrap();
            let audio = cut.saturating_sub(44) / 4 * 4;
            assert_eq!(bytes.len(), 44 + audio, "{told}, {cut}");
            assert_eq!(samples(&bytes), audio / 2, "{told}, {cut}");
            assert_eq!(bytes[44..], whole[44.min(cut)..][..audio], "{told}, {cut}");
            assert_eq!(repaired.changed, bytes != whole[..cut], "{told}, {cut}");
            assert_eq!(
                repair(&path).unwrap(),
                Repaired {
                    changed: false,
                    ..repaired
                }
            );
        }
    }
}

#[test]
fn header_that_never_reached_the_disk_is_written_anew() {
    let scratch = Scratch::new("zeros");
    let path = scratch.file(&[0; 44 + 32_000]);
    assert_eq!(
        repair(&path).unwrap(),
        Repaired {
            length_ms: 1000,
            changed: true
        }
    );
    assert_eq!(samples(&fs::read(&path).unwrap()), 16_000);
}

#[test]
fn another_kind_of_file_is_refused_and_left_alone() {
    let scratch = Scratch::new("foreign");
    let mut mono = recording(100, 100);
    mono[22] = 1;
    for bytes in [
        b"a text, and long enough to have room for a header in it".to_vec(),
        mono,
        b"RIFX".to_vec(),
    ] {
        let path = scratch.file(&bytes);
        assert!(matches!(repair(&path), Err(RepairError::Foreign)));
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
    assert!(matches!(
        repair(&scratch.0.join("missing.wav")),
        Err(RepairError::Io(_))
    ));
}

#[test]
fn file_longer_than_a_wav_can_be_is_cut_to_what_it_can() {
    let Repair::Header(audio) = plan(&header(0), u64::MAX).unwrap() else {
        panic!("it is not whole")
    };
    assert!(audio % 4 == 0 && u64::from(audio) + 44 <= u64::from(u32::MAX));
    assert_eq!(
        plan(&header(audio), u64::from(audio) + 44).unwrap(),
        Repair::None(audio)
    );
}
