//! Body of the recording target: the bytes that a crash may leave of a WAV.

use std::io::Cursor;

use hotline_recorder::{HEADER_BYTES, Repair, header, plan};
use hound::WavReader;

/// Repairs a recording in memory: what is accepted is whole afterwards, and stays as it is.
///
/// # Panics
/// Where a repaired recording does not read, or is not whole on the second look.
pub fn recording(data: &[u8]) {
    let head = HEADER_BYTES as usize;
    let start = &data[..data.len().min(head)];
    let length = u64::try_from(data.len()).expect("a length fits 64 bits");
    let audio = match plan(start, length) {
        Err(_) => return,
        Ok(Repair::None(audio) | Repair::Header(audio)) => audio,
    };
    let mut file = data.to_vec();
    file.resize(head + audio as usize, 0);
    file[..head].copy_from_slice(&header(audio));
    assert_eq!(
        file.get(head..),
        data.get(head..head + audio as usize).or(Some(&[])),
        "audio is kept"
    );
    let reader = WavReader::new(Cursor::new(&file)).expect("a repaired recording is a WAV");
    assert_eq!(reader.duration(), audio / 4);
    assert!(reader.into_samples::<i16>().all(|sample| sample.is_ok()));
    let again = plan(&file[..head], u64::from(HEADER_BYTES + audio)).expect("it is ours");
    assert_eq!(again, Repair::None(audio));
}
