//! The project's files as the other checks see them.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold what others made, or what was built.
const SKIPPED: [&str; 6] = ["target", "node_modules", ".git", "dist", "data", "corpus"];
/// Endings of the files that people read.
const TEXT: [&str; 14] = [
    "rs", "toml", "md", "yaml", "yml", "sh", "ts", "tsx", "vue", "css", "html", "json", "sql", "py",
];

/// One text file.
pub struct File {
    /// Path from the root of the project, with `/`.
    pub path: String,
    /// What is in it.
    pub text: String,
    /// Whether all of it is test code: it lies in a `tests/` or `benches/`, or a `#[cfg(test)]` brings it in.
    pub is_test: bool,
}

/// The root of the project.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent()
        .expect("the tests lie in a folder of the project")
        .to_owned()
}

/// All text files of the project in the order of their paths.
pub fn files() -> Vec<File> {
    let mut files = Vec::new();
    collect(&root(), "", &mut files);
    files.sort_by(|one, other| one.path.cmp(&other.path));
    let test_modules: Vec<String> = files.iter().flat_map(test_modules).collect();
    for file in &mut files {
        file.is_test = file.path.starts_with("tests/")
            || file.path.contains("/tests/")
            || file.path.contains("/benches/")
            || test_modules.iter().any(|module| is_in(&file.path, module));
    }
    assert!(
        files.len() > 50,
        "only {} files found: is this the project?",
        files.len()
    );
    files
}

/// Whether the file is read: known endings, and scripts without any.
fn is_text(name: &str) -> bool {
    match name.rsplit_once('.') {
        Some((_, ending)) => TEXT.contains(&ending),
        None => ["Makefile", "run", "packages", "rust", "node"].contains(&name),
    }
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).expect("folders of the project can be read") {
        let entry = entry.expect("folders of the project can be read");
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type().expect("the kind of a file is known");
        if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
            collect(&entry.path(), &format!("{path}/"), files);
        } else if kind.is_file() && is_text(&name) {
            // A file that vanishes meanwhile is a build's, not ours.
            if let Ok(text) = fs::read_to_string(entry.path()) {
                files.push(File {
                    path,
                    text,
                    is_test: false,
                });
            }
        }
    }
}

/// Paths, without `.rs`, of the modules that this file brings in for tests alone.
fn test_modules(file: &File) -> Vec<String> {
    let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    let stem = name.trim_end_matches(".rs");
    let below = if ["lib", "main"].contains(&stem) {
        folder.to_owned()
    } else {
        format!("{folder}/{stem}")
    };
    let lines: Vec<&str> = file.text.lines().map(str::trim).collect();
    lines
        .windows(2)
        .filter(|pair| pair[0].starts_with("#[cfg(") && pair[0].contains("test"))
        .filter_map(|pair| pair[1].rsplit_once("mod ")?.1.strip_suffix(';'))
        .map(|module| format!("{below}/{module}"))
        .collect()
}

/// Whether the file is this module or lies in it.
fn is_in(path: &str, module: &str) -> bool {
    path.strip_prefix(module)
        .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

impl File {
    /// Whether it is Rust.
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Number of lines before the unit tests at its end; all where there are none.
    pub fn lines_of_code(&self) -> usize {
        let lines: Vec<&str> = self.text.lines().collect();
        let begins = |pair: &[&str]| {
            pair[0].starts_with("#[cfg(test)]")
                && pair[1].trim_start_matches("pub(crate) ").starts_with("mod ")
                && pair[1].ends_with('{')
        };
        lines.windows(2).position(begins).unwrap_or(lines.len())
    }

    /// Lines with their numbers from 1, without comment lines, up to the unit tests.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let last = self.lines_of_code();
        self.all_code().take_while(move |(number, _)| *number <= last)
    }

    /// Lines with their numbers from 1, without comment lines, unit tests and all.
    pub fn all_code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}
