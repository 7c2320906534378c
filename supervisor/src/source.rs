//! The read-only faces of store and recorder, as the console uses them.

use std::fs::File;
use std::io;
use std::path::{Component, Path};

/// Opens a recording by its path relative to the recordings' folder; answers it with its length in bytes.
pub(crate) fn open_recording(dir: &Path, path: &str) -> io::Result<(File, u64)> {
    let relative = Path::new(path);
    if !relative
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
    {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a recording lies inside the recordings' folder",
        ));
    }
    let file = File::open(dir.join(relative))?;
    let length = file.metadata()?.len();
    Ok((file, length))
}
