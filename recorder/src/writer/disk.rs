//! The recordings' folder on the disk: private folders and files, written in place.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::Place;
use crate::checked_path;

/// The recordings' folder on the disk.
pub(super) struct Folder {
    pub(super) dir: PathBuf,
}

impl Place for Folder {
    type File = PlacedFile;

    fn create(&mut self, relative: &str) -> io::Result<PlacedFile> {
        let path = placed(&self.dir, relative)?;
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
}

/// Brings a finished file to the disk.
pub(super) fn sync(dir: &Path, relative: &str) -> io::Result<()> {
    File::open(placed(dir, relative)?)?.sync_all()
}

fn placed(dir: &Path, relative: &str) -> io::Result<PathBuf> {
    checked_path(dir, relative).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

pub(crate) fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes the folder, and finds out now rather than at the first call whether it can be written to.
pub(super) fn probe(dir: &Path) -> io::Result<()> {
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

/// Bytes that may be written to the folder's disk; 0 where it is mounted read-only.
pub(super) fn free_bytes(dir: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(dir)?;
    if disk.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
        return Ok(0);
    }
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// A file that keeps its own position: a header refreshed costs two writes, and no seek reaches the kernel.
pub(super) struct PlacedFile {
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
