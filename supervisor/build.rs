//! Puts the built front end, or a page that says how to build it, where the crate embeds it from.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

const PLACEHOLDER: &str = include_str!("placeholder.html");

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-env-changed=HOTLINE_REQUIRE_CONSOLE");
    println!("cargo:rerun-if-changed=placeholder.html");
    let manifest =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or_else(|| missing("CARGO_MANIFEST_DIR"))?);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or_else(|| missing("OUT_DIR"))?).join("web");
    let dist = manifest.join("web").join("dist");
    // A folder that is not there yet is watched through its parent, so that the first build of the pages is seen.
    let watched = if dist.exists() {
        dist.clone()
    } else {
        manifest.join("web")
    };
    println!("cargo:rerun-if-changed={}", watched.display());
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    fs::create_dir_all(&out)?;
    if dist.join("index.html").is_file() {
        return copy(&dist, &out);
    }
    if env::var("HOTLINE_REQUIRE_CONSOLE").is_ok_and(|value| value == "1") {
        return Err(io::Error::other(
            "the console is not built: run `make console`, then build again",
        ));
    }
    println!("cargo:warning=console not embedded: run `make console`, then build again");
    fs::write(out.join("index.html"), PLACEHOLDER)
}

fn missing(name: &str) -> io::Error {
    io::Error::other(format!("{name} is not set"))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
