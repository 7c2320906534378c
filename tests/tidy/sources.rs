//! What a source file looks like, and what it does not say.

use super::assert_none;
use super::tree::{File, files};

/// Lines of code, without unit tests, that no file may pass.
const LINES_MAX: usize = 600;

/// Never in the project's Rust, tests included; split so that this file does not contain them.
const BANNED: [(&str, &str); 7] = [
    (
        concat!("to", "do!"),
        "build it, or leave it out and say so in CHANGELOG.md",
    ),
    (concat!("unimplemented", "!"), "build it, or leave it out"),
    (concat!("#[ig", "nore"), "a test runs or does not exist"),
    (
        concat!("TO", "DO"),
        "build it, or leave it out and say so in CHANGELOG.md",
    ),
    (
        concat!("FIX", "ME"),
        "mend it, or open an issue and say in words what is so",
    ),
    (concat!("db", "g!("), "use tracing"),
    (
        concat!("thread::", "sleep"),
        "wait on an observable event with a deadline",
    ),
];

/// Places of somebody's machine; split as above.
const PLACES: [&str; 4] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/t", "mp/"),
];

/// How SQL begins in a string.
const SQL: [&str; 7] = [
    "SELECT ",
    "INSERT INTO ",
    "UPDATE OR ",
    "DELETE FROM ",
    "CREATE TABLE ",
    "ALTER TABLE ",
    "PRAGMA ",
];

/// Words that say nothing about what a thing does.
const EMPTY_NAMES: [&str; 4] = ["Manager", "Helper", "Util", "Handler"];
const EMPTY_FILES: [&str; 8] = [
    "manager", "helper", "helpers", "util", "utils", "handler", "common", "misc",
];

fn rust() -> Vec<File> {
    files().into_iter().filter(File::is_rust).collect()
}

/// Lines of ordinary code, not of tests, that contain `needle`, outside the files that `may`.
fn findings_of(needle: &str, may: impl Fn(&str) -> bool, hint: &str) -> Vec<String> {
    rust()
        .iter()
        .filter(|file| !file.is_test && !may(&file.path))
        .flat_map(|file| {
            file.code()
                .filter(|(_, line)| line.contains(needle))
                .map(|(number, _)| format!("{}:{number}: {needle}: {hint}", file.path))
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn every_source_file_begins_by_saying_what_it_owns() {
    let findings: Vec<String> = rust()
        .iter()
        .filter(|file| !file.text.starts_with("//!") && !file.path.ends_with("/tests.rs"))
        .map(|file| {
            format!(
                "{}:1: begin with a `//!` sentence that says what the file owns",
                file.path
            )
        })
        .collect();
    assert_none(&findings);
}

#[test]
fn no_source_file_is_too_long_to_read() {
    let findings: Vec<String> = rust()
        .iter()
        .filter(|file| !file.is_test && file.lines_of_code() > LINES_MAX)
        .map(|file| {
            format!(
                "{}: {} lines of code: split it by what changes together (at most {LINES_MAX})",
                file.path,
                file.lines_of_code()
            )
        })
        .collect();
    assert_none(&findings);
}

#[test]
fn nothing_unfinished_or_asleep_is_in_the_code() {
    let mut findings = Vec::new();
    for file in rust() {
        for (number, line) in file.text.lines().enumerate() {
            for (banned, hint) in BANNED.iter().filter(|(banned, _)| line.contains(banned)) {
                findings.push(format!("{}:{}: {banned}: {hint}", file.path, number + 1));
            }
        }
    }
    assert_none(&findings);
}

#[test]
fn no_file_names_a_place_of_somebodys_machine() {
    let mut findings = Vec::new();
    for file in files() {
        for (number, line) in file.text.lines().enumerate() {
            for place in PLACES.iter().filter(|place| line.contains(*place)) {
                findings.push(format!(
                    "{}:{}: {place}: use a path that means something everywhere",
                    file.path,
                    number + 1
                ));
            }
        }
    }
    assert_none(&findings);
}

#[test]
fn only_the_store_writes_sql() {
    let mut findings = Vec::new();
    for word in SQL {
        findings.extend(findings_of(
            word,
            |path| path.starts_with("gateway/store/"),
            "move the query to gateway/store",
        ));
    }
    assert_none(&findings);
}

#[test]
fn only_the_configuration_reads_the_environment() {
    let may = |path: &str| path.starts_with("config/") || path.ends_with("build.rs");
    assert_none(&findings_of("env::var", may, "make it a setting of `config`"));
}

#[test]
fn only_the_daemon_spawns_tasks() {
    let may = |path: &str| path.starts_with("gateway/daemon/");
    assert_none(&findings_of(
        "tokio::spawn(",
        may,
        "return a future for the daemon to run, or own a JoinSet",
    ));
}

/// The name that a line declares as a type, if it does.
fn declared_type(line: &str) -> Option<&str> {
    let mut words = line
        .split(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
        .filter(|word| !word.is_empty());
    let kind = words.find(|word| !["pub", "crate", "super"].contains(word))?;
    if ["struct", "enum", "trait", "type", "union"].contains(&kind) {
        words.next()
    } else {
        None
    }
}

#[test]
fn names_say_what_a_thing_does() {
    let mut findings = Vec::new();
    for file in rust() {
        let stem = file
            .path
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .trim_end_matches(".rs");
        if EMPTY_FILES.contains(&stem) {
            findings.push(format!("{}: name the file after what it owns", file.path));
        }
        for (number, line) in file.all_code() {
            let Some(name) = declared_type(line) else { continue };
            for empty in EMPTY_NAMES.iter().filter(|empty| name.contains(*empty)) {
                findings.push(format!(
                    "{}:{number}: {name}: say what it does, `{empty}` does not",
                    file.path
                ));
            }
        }
    }
    assert_none(&findings);
}

#[test]
fn declared_types_are_found_in_lines() {
    assert_eq!(
        declared_type("pub(crate) struct CallManager {"),
        Some("CallManager")
    );
    assert_eq!(declared_type("    enum Util { A }"), Some("Util"));
    assert_eq!(declared_type("    let manager = 1;"), None);
}
