//! Recordings as files in their folder: names that cannot leave it, and reading.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use crate::cipher::CipherReader;
use crate::proof::{Vault, recording_id};
use crate::wav::{HEADER_BYTES, length_ms};

/// Longest relative path, in bytes.
const PATH_BYTES_MAX: usize = 255;

/// Recordings that one listing tells at most.
const LIST_MAX: usize = 100_000;

/// Why a name is no recording's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the path of a recording: use a relative path of plain names that ends in .wav or .wav.enc")]
pub struct PathError;

/// Why a recording cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The name leaves the folder, or is none.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The file system failed; `NotFound` where there is no such recording.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// The path as it lies in the folder.
///
/// # Errors
/// Where the name is absolute, has `.` or `..`, is too long, or is no recording's.
pub fn checked_path(dir: &Path, relative: &str) -> Result<PathBuf, PathError> {
    let path = Path::new(relative);
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    let good = plain
        && relative.len() <= PATH_BYTES_MAX
        && !relative.contains(['\0', '\\'])
        && relative
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with('.'))
        && (relative.ends_with(".wav") || is_encrypted(relative));
    if good { Ok(dir.join(path)) } else { Err(PathError) }
}

/// Whether the recording at this path is encrypted.
#[must_use]
pub fn is_encrypted(relative: &str) -> bool {
    relative.ends_with(".wav.enc")
}

/// A recording opened for reading. Reads the whole WAV, header first, also where it lies encrypted.
#[derive(Debug)]
pub struct RecordingFile {
    audio: Audio,
    bytes: u64,
}

#[derive(Debug)]
enum Audio {
    Plain(File),
    Encrypted(Box<CipherReader<BufReader<File>>>),
}

impl RecordingFile {
    /// Opens the recording `relative` of the folder `dir`. Links that lead out of the folder are not followed.
    ///
    /// # Errors
    /// Where the name leaves the folder, or the file system fails; `PermissionDenied` where it is encrypted.
    pub fn open(dir: &Path, relative: &str) -> Result<Self, OpenError> {
        Self::open_with(dir, relative, None)
    }

    /// Opens it with the keys of this vault, should it be encrypted. `NotFound` where its key was destroyed.
    ///
    /// # Errors
    /// As [`RecordingFile::open`].
    pub fn open_with(dir: &Path, relative: &str, vault: Option<&Vault>) -> Result<Self, OpenError> {
        let path = checked_path(dir, relative)?.canonicalize()?;
        if !path.starts_with(dir.canonicalize()?) {
            return Err(PathError.into());
        }
        let file = File::open(&path)?;
        if !is_encrypted(relative) {
            let bytes = file.metadata()?.len();
            return Ok(Self {
                audio: Audio::Plain(file),
                bytes,
            });
        }
        let locked = || io::Error::new(io::ErrorKind::PermissionDenied, "it is encrypted");
        let vault = vault.ok_or_else(locked)?;
        let key = vault.key(&recording_id(relative).ok_or(PathError)?)?;
        let reader = CipherReader::new(BufReader::new(file), key)?;
        Ok(Self {
            bytes: reader.size(),
            audio: Audio::Encrypted(Box::new(reader)),
        })
    }

    /// Bytes of the WAV when it was opened.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.bytes
    }

    /// Length of the audio when it was opened, milliseconds.
    #[must_use]
    pub fn length_ms(&self) -> u64 {
        length_ms(self.bytes.saturating_sub(u64::from(HEADER_BYTES)))
    }
}

impl Read for RecordingFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.audio {
            Audio::Plain(file) => file.read(buffer),
            Audio::Encrypted(reader) => reader.read(buffer),
        }
    }
}

impl Seek for RecordingFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.audio {
            Audio::Plain(file) => file.seek(to),
            Audio::Encrypted(reader) => reader.seek(to),
        }
    }
}

/// A recording in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Relative to the recordings' folder, as [`RecordingFile::open`] takes it.
    pub path: String,
    /// Bytes of the file.
    pub bytes: u64,
}

/// The recordings of one day (`YYYY/MM/DD`), by path; none where the day has no folder.
///
/// # Errors
/// What the file system answers, and where there are more than 100,000.
pub fn list_day(dir: &Path, day: &str) -> io::Result<Vec<Listed>> {
    let is_day = day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'/') && day.split('/').count() == 3;
    if !is_day || day.split('/').any(str::is_empty) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a day is YYYY/MM/DD"));
    }
    let contacts = match fs::read_dir(dir.join(day)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        contacts => contacts?,
    };
    let mut listed = Vec::new();
    for contact in contacts {
        let contact = contact?;
        if !contact.file_type()?.is_dir() {
            continue;
        }
        for file in fs::read_dir(contact.path())? {
            let file = file?;
            let path = format!(
                "{day}/{}/{}",
                contact.file_name().to_string_lossy(),
                file.file_name().to_string_lossy()
            );
            if checked_path(dir, &path).is_ok() {
                listed.push(Listed {
                    path,
                    bytes: file.metadata()?.len(),
                });
            }
            if listed.len() > LIST_MAX {
                return Err(io::Error::other(format!(
                    "more than {LIST_MAX} recordings on {day}"
                )));
            }
        }
    }
    listed.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_the_folder() {
        let dir = Path::new("recordings");
        assert_eq!(
            checked_path(dir, "2026/11/24/c/s.wav"),
            Ok(dir.join("2026/11/24/c/s.wav"))
        );
        let long = format!("{}.wav", "a".repeat(300));
        for bad in [
            "",
            "/etc/passwd",
            "/a.wav",
            "../a.wav",
            "a/../b.wav",
            "a/./b.wav",
            "a//b.wav",
            ".hidden.wav",
            "a/.b.wav",
            "a.mp3",
            "a",
            "a\0.wav",
            "a\\b.wav",
            "a.wav/",
            long.as_str(),
        ] {
            assert_eq!(checked_path(dir, bad), Err(PathError), "{bad:?}");
        }
    }
}
