//! Recordings encrypted at rest: AES-256-GCM in chunks of at most a second, each of which opens by itself.
//!
//! The file begins with `HLREC1`, two zero bytes and the recording's id (16 bytes). A chunk is the length of its
//! audio in bytes (32 bits, little endian), that much cipher text and the tag of 16 bytes. Its nonce is its number,
//! which occurs once, since each recording has a key of its own and its file is only ever appended to; number and
//! place are authenticated too, so that chunks can neither change places nor recordings.

use std::io::{self, Read, Seek, SeekFrom, Write};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::wav::{FRAME_BYTES, HEADER_BYTES, SAMPLE_RATE, header};

/// Bytes before the first chunk.
pub const PREAMBLE_BYTES: usize = 24;
/// Bytes of audio of one chunk at most: one second.
pub const CHUNK_BYTES_MAX: usize = (SAMPLE_RATE * FRAME_BYTES) as usize;
/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

const MAGIC: &[u8; 8] = b"HLREC1\0\0";
const LENGTH_BYTES: u64 = 4;
const TAG_BYTES: u64 = 16;

/// The key of one recording. Never printed.
#[derive(Clone)]
pub struct RecordingKey(LessSafeKey);

impl std::fmt::Debug for RecordingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecordingKey(***)")
    }
}

impl RecordingKey {
    /// A key of these bytes.
    ///
    /// # Errors
    /// Where there are not 32 of them.
    pub fn new(bytes: &[u8]) -> io::Result<Self> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| invalid("a key has 32 bytes"))?;
        Ok(Self(LessSafeKey::new(key)))
    }

    pub(crate) fn seal(&self, nonce: [u8; 12], about: &[u8], bytes: &mut Vec<u8>) -> io::Result<()> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0
            .seal_in_place_append_tag(nonce, Aad::from(about), bytes)
            .map_err(|_| invalid("cannot be encrypted"))
    }

    pub(crate) fn open<'a>(
        &self,
        nonce: [u8; 12],
        about: &[u8],
        bytes: &'a mut [u8],
    ) -> io::Result<&'a [u8]> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = self.0.open_in_place(nonce, Aad::from(about), bytes);
        opened
            .map(|plain| &*plain)
            .map_err(|_| invalid("does not open: it was changed, or the key is another one"))
    }
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// What a chunk is bound to, and its nonce.
fn binding(id: &[u8; 16], number: u64, before: u64) -> ([u8; 12], [u8; 40]) {
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(&number.to_le_bytes());
    let mut about = [0; 40];
    about[..8].copy_from_slice(MAGIC);
    about[8..24].copy_from_slice(id);
    about[24..32].copy_from_slice(&number.to_le_bytes());
    about[32..].copy_from_slice(&before.to_le_bytes());
    (nonce, about)
}

/// A recording being written encrypted. After each [`CipherFile::append`] all of it can be read.
#[derive(Debug)]
pub struct CipherFile<W> {
    to: W,
    key: RecordingKey,
    id: [u8; 16],
    chunks: u64,
    bytes: u64,
}

impl<W: Write> CipherFile<W> {
    /// Begins an empty recording with this id.
    ///
    /// # Errors
    /// What writing answers.
    pub fn new(mut to: W, key: RecordingKey, id: [u8; 16]) -> io::Result<Self> {
        to.write_all(MAGIC)?;
        to.write_all(&id)?;
        Ok(Self {
            to,
            key,
            id,
            chunks: 0,
            bytes: 0,
        })
    }

    /// Frames written so far.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.bytes / u64::from(FRAME_BYTES)
    }

    /// Appends frames: left, right, left, right.
    ///
    /// # Errors
    /// What writing answers.
    pub fn append(&mut self, interleaved: &[i16]) -> io::Result<()> {
        for part in interleaved[..interleaved.len() & !1].chunks(CHUNK_BYTES_MAX / 2) {
            let length = u32::try_from(part.len() * 2).unwrap_or(0);
            let mut chunk: Vec<u8> = part.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            let (nonce, about) = binding(&self.id, self.chunks, self.bytes);
            self.key.seal(nonce, &about, &mut chunk)?;
            // One write: a chunk is there or not.
            chunk.splice(..0, length.to_le_bytes());
            self.chunks += 1;
            self.bytes += u64::from(length);
            self.to.write_all(&chunk)?;
        }
        Ok(())
    }
}

/// Where a chunk lies.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    /// Of its cipher text in the file.
    at: u64,
    /// Of its audio in the recording.
    before: u64,
    length: u32,
}

/// Reads the places of all whole chunks: the recording's id, the places, and where the last ends.
fn index(file: &mut (impl Read + Seek)) -> io::Result<([u8; 16], Vec<Chunk>, u64)> {
    let size = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(0))?;
    let mut preamble = [0; PREAMBLE_BYTES];
    file.read_exact(&mut preamble)?;
    if !preamble.starts_with(MAGIC) {
        return Err(invalid("not an encrypted recording"));
    }
    let mut id = [0; 16];
    id.copy_from_slice(&preamble[8..]);
    let (mut chunks, mut at, mut before) = (Vec::new(), PREAMBLE_BYTES as u64, 0);
    while at + LENGTH_BYTES + TAG_BYTES < size {
        file.seek(SeekFrom::Start(at))?;
        let mut length = [0; LENGTH_BYTES as usize];
        file.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length);
        let end = at + LENGTH_BYTES + u64::from(length) + TAG_BYTES;
        let good = (1..=CHUNK_BYTES_MAX as u32).contains(&length) && length.is_multiple_of(FRAME_BYTES);
        if !good || end > size {
            break;
        }
        chunks.push(Chunk {
            at: at + LENGTH_BYTES,
            before,
            length,
        });
        before += u64::from(length);
        at = end;
    }
    Ok((id, chunks, at))
}

/// Bytes of audio of an encrypted recording, and the length of the file up to its last whole chunk; without its key.
///
/// # Errors
/// What reading answers, and `InvalidData` where it is no such file.
pub fn whole_chunks(file: &mut (impl Read + Seek)) -> io::Result<(u64, u64)> {
    let (_, chunks, end) = index(file)?;
    let audio = chunks
        .last()
        .map_or(0, |last| last.before + u64::from(last.length));
    Ok((audio, end))
}

/// An encrypted recording that reads as its WAV.
#[derive(Debug)]
pub struct CipherReader<R> {
    file: R,
    key: RecordingKey,
    id: [u8; 16],
    chunks: Vec<Chunk>,
    header: [u8; HEADER_BYTES as usize],
    audio: u64,
    at: u64,
    /// The chunk that was opened last, and its audio.
    open: Option<(usize, Vec<u8>)>,
}

impl<R: Read + Seek> CipherReader<R> {
    /// Opens it.
    ///
    /// # Errors
    /// What reading answers, and `InvalidData` where it is no such file.
    pub fn new(mut file: R, key: RecordingKey) -> io::Result<Self> {
        let (id, chunks, _) = index(&mut file)?;
        let audio = chunks
            .last()
            .map_or(0, |last| last.before + u64::from(last.length));
        let length = u32::try_from(audio).map_err(|_| invalid("longer than a WAV can be"))?;
        Ok(Self {
            file,
            key,
            id,
            chunks,
            header: header(length),
            audio,
            at: 0,
            open: None,
        })
    }

    /// Bytes of the WAV.
    #[must_use]
    pub fn size(&self) -> u64 {
        u64::from(HEADER_BYTES) + self.audio
    }

    /// The audio of the chunk that holds this byte of audio, from there on.
    fn audio_from(&mut self, byte: u64) -> io::Result<&[u8]> {
        let number = self.chunks.partition_point(|chunk| chunk.before <= byte);
        let number = number.saturating_sub(1);
        let Some(chunk) = self.chunks.get(number).copied() else {
            return Ok(&[]);
        };
        if self.open.as_ref().is_none_or(|(open, _)| *open != number) {
            let mut bytes = vec![0; chunk.length as usize + TAG_BYTES as usize];
            self.file.seek(SeekFrom::Start(chunk.at))?;
            self.file.read_exact(&mut bytes)?;
            let (nonce, about) = binding(&self.id, number as u64, chunk.before);
            let length = self.key.open(nonce, &about, &mut bytes)?.len();
            bytes.truncate(length);
            self.open = Some((number, bytes));
        }
        let within = usize::try_from(byte - chunk.before).unwrap_or(usize::MAX);
        Ok(self
            .open
            .as_ref()
            .and_then(|(_, audio)| audio.get(within..))
            .unwrap_or(&[]))
    }
}

impl<R: Read + Seek> Read for CipherReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let header = self.header;
        let from = match self.at.checked_sub(u64::from(HEADER_BYTES)) {
            None => header.get(usize::try_from(self.at).unwrap_or(0)..).unwrap_or(&[]),
            Some(byte) => self.audio_from(byte)?,
        };
        let count = from.len().min(buffer.len());
        buffer[..count].copy_from_slice(&from[..count]);
        self.at += count as u64;
        Ok(count)
    }
}

impl<R: Read + Seek> Seek for CipherReader<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.size().checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| invalid("a place before the start"))?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests;
