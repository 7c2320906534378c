use std::io::Cursor;

use super::*;

fn key(byte: u8) -> RecordingKey {
    RecordingKey::new(&[byte; KEY_BYTES]).unwrap()
}

/// 2.5 seconds, appended unevenly.
fn recording() -> (Vec<u8>, Vec<u8>) {
    let samples: Vec<i16> = (0..40_000).map(|at| (at % 30_011) as i16).collect();
    let mut file = CipherFile::new(Vec::new(), key(1), [7; 16]).unwrap();
    for part in [&samples[..8_000], &samples[8_000..39_000], &samples[39_000..]] {
        file.append(part).unwrap();
    }
    assert_eq!(file.frames(), 20_000);
    let mut wav = header(80_000).to_vec();
    wav.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    (file.to, wav)
}

#[test]
fn an_encrypted_recording_reads_as_its_wav_from_any_place() {
    let (file, wav) = recording();
    assert!(!file.windows(8).any(|window| window == &wav[1000..1008]));
    let mut reader = CipherReader::new(Cursor::new(&file), key(1)).unwrap();
    assert_eq!(reader.size(), wav.len() as u64);
    for from in [
        0,
        10,
        44,
        45,
        16_044,
        70_001,
        wav.len() - 1,
        wav.len(),
        wav.len() + 9,
    ] {
        reader.seek(SeekFrom::Start(from as u64)).unwrap();
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, wav.get(from..).unwrap_or(&[]), "from {from}");
    }
}

#[test]
fn each_chunk_opens_by_itself_and_nothing_changed_or_moved_opens() {
    let (file, _) = recording();
    let (_, chunks, end) = index(&mut Cursor::new(&file)).unwrap();
    assert_eq!((chunks.len(), end), (4, file.len() as u64));
    // The first chunk is destroyed: the others open.
    let mut hurt = file.clone();
    hurt[chunks[0].at as usize] ^= 1;
    let mut reader = CipherReader::new(Cursor::new(&hurt), key(1)).unwrap();
    assert!(reader.audio_from(0).is_err());
    assert!(reader.audio_from(chunks[1].before).is_ok());
    // Two chunks of one length change places.
    let mut moved = file.clone();
    let (one, other) = (chunks[0].at as usize - 4, chunks[1].at as usize - 4);
    assert_ne!(chunks[0].length, chunks[1].length);
    moved[one + 4] = file[other + 4];
    let mut reader = CipherReader::new(Cursor::new(&moved), key(1)).unwrap();
    assert!(reader.audio_from(0).is_err());
    // Another key.
    let mut reader = CipherReader::new(Cursor::new(&file), key(2)).unwrap();
    assert!(reader.audio_from(0).is_err());
}

#[test]
fn a_cut_file_has_its_whole_chunks() {
    let (file, _) = recording();
    for (cut, audio) in [
        (24, 0),
        (30, 0),
        (16_044, 16_000),
        (file.len() - 1, 78_000),
        (file.len(), 80_000),
    ] {
        let (found, _) = whole_chunks(&mut Cursor::new(&file[..cut])).unwrap();
        assert_eq!(found, audio, "cut at {cut}");
    }
    assert!(whole_chunks(&mut Cursor::new(b"RIFF....WAVEfmt and so on")).is_err());
}
