//! Who depends on whom: the table of the house, and what a pure crate must never have in its tree.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::assert_none;
use super::tree::root;

/// Every crate of the project and the crates of the project that it may know.
const MAY_KNOW: [(&str, &[&str]); 14] = [
    ("hotline-types", &[]),
    ("hotline-journal", &["hotline-types"]),
    ("hotline-sip", &["hotline-types", "hotline-journal"]),
    ("hotline-media", &["hotline-types", "hotline-journal"]),
    ("hotline-acd", &["hotline-types", "hotline-journal"]),
    ("ivr-flows", &["hotline-types", "hotline-journal"]),
    // The simulator runs the queue engine itself, not a model of it.
    (
        "hotline-planning",
        &["hotline-types", "hotline-journal", "hotline-acd"],
    ),
    (
        "hotline-switch",
        &[
            "hotline-types",
            "hotline-journal",
            "hotline-sip",
            "hotline-media",
            "hotline-acd",
            "ivr-flows",
        ],
    ),
    ("hotline-config", &["hotline-types"]),
    ("hotline-io", &["hotline-types", "hotline-sip", "hotline-media"]),
    ("hotline-store", &["hotline-types", "hotline-journal"]),
    ("hotline-recorder", &["hotline-types", "hotline-media"]),
    (
        "hotline-supervisor",
        &[
            "hotline-types",
            "hotline-journal",
            "hotline-store",
            "hotline-recorder",
        ],
    ),
    (
        "hotline-daemon",
        &[
            "hotline-config",
            "hotline-types",
            "hotline-journal",
            "hotline-sip",
            "hotline-media",
            "hotline-acd",
            "hotline-planning",
            "hotline-switch",
            "hotline-io",
            "hotline-store",
            "ivr-flows",
            "hotline-recorder",
            "hotline-supervisor",
        ],
    ),
];

/// Crates without clocks, sockets, files and randomness.
const PURE: [&str; 8] = [
    "hotline-types",
    "hotline-journal",
    "hotline-sip",
    "hotline-media",
    "hotline-acd",
    "hotline-planning",
    "hotline-switch",
    "ivr-flows",
];

/// What brings the world into a tree.
const WORLDLY: [&str; 22] = [
    "async-std",
    "axum",
    "chrono",
    "crossbeam-channel",
    "fastrand",
    "futures-executor",
    "getrandom",
    "hyper",
    "mio",
    "nix",
    "parking_lot",
    "polling",
    "rand",
    "reqwest",
    "rusqlite",
    "rustix",
    "smol",
    "socket2",
    "sqlx",
    "sqlx-core",
    "tempfile",
    "tokio",
];

/// A crate of others and the only crate of ours that may name it.
const ONE_OWNER: [(&str, &str); 5] = [
    ("sqlx", "hotline-store"),
    ("axum", "hotline-supervisor"),
    ("clap", "hotline-daemon"),
    ("toml", "hotline-config"),
    ("hound", "hotline-recorder"),
];

/// Ours that may name `hound` beside the recorder: flows read their prompts from bytes.
const READS_PROMPTS: &str = "ivr-flows";
/// The tests may know everything.
const TESTS: [&str; 2] = ["hotline-tests", "hotline-fuzz"];

fn cargo(arguments: &[&str]) -> String {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo can be started");
    assert!(
        output.status.success(),
        "cargo {} failed:\n{}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("cargo writes UTF-8")
}

/// One crate of the project.
struct Member {
    name: String,
    folder: PathBuf,
    /// Names of direct dependencies and their kind: none for ordinary ones, `dev`, `build`.
    dependencies: Vec<(String, Option<String>)>,
}

fn members() -> Vec<Member> {
    let text = cargo(&["metadata", "--format-version", "1", "--no-deps", "--locked"]);
    let metadata: Value = serde_json::from_str(&text).expect("cargo metadata is JSON");
    let word = |value: &Value| {
        value
            .as_str()
            .expect("names in cargo metadata are strings")
            .to_owned()
    };
    let packages = metadata["packages"]
        .as_array()
        .expect("cargo metadata lists packages");
    let members: Vec<Member> = packages
        .iter()
        .map(|package| Member {
            name: word(&package["name"]),
            folder: PathBuf::from(word(&package["manifest_path"]))
                .parent()
                .expect("a manifest lies in a folder")
                .to_owned(),
            dependencies: package["dependencies"]
                .as_array()
                .expect("packages list dependencies")
                .iter()
                .map(|dependency| {
                    (
                        word(&dependency["name"]),
                        dependency["kind"].as_str().map(str::to_owned),
                    )
                })
                .collect(),
        })
        .collect();
    assert!(members.len() >= PURE.len(), "only {} crates found", members.len());
    members
}

#[test]
fn crates_know_only_the_crates_that_the_table_allows() {
    let table: BTreeMap<&str, &[&str]> = MAY_KNOW.into_iter().collect();
    let mut findings = Vec::new();
    for member in members()
        .iter()
        .filter(|member| !TESTS.contains(&member.name.as_str()))
    {
        let Some(allowed) = table.get(member.name.as_str()) else {
            findings.push(format!(
                "{}: the crate {} is not in the table: give it a row in MAY_KNOW, and in ARCHITECTURE.md a line",
                member.folder.display(),
                member.name
            ));
            continue;
        };
        // A crate may name itself, to have a feature in its own tests.
        for (name, _) in &member.dependencies {
            if *name != member.name && table.contains_key(name.as_str()) && !allowed.contains(&name.as_str())
            {
                findings.push(format!(
                    "{}/Cargo.toml: {} must not know {name}: declare a trait and let the daemon supply it, or move the code",
                    member.folder.display(),
                    member.name
                ));
            }
        }
    }
    assert_none(&findings);
}

#[test]
fn every_crate_of_the_table_is_there() {
    let there: BTreeSet<String> = members().into_iter().map(|member| member.name).collect();
    let findings: Vec<String> = MAY_KNOW
        .iter()
        .filter(|(name, _)| !there.contains(*name))
        .map(|(name, _)| format!("{name} is in the table and not in the workspace: remove its row"))
        .collect();
    assert_none(&findings);
}

#[test]
fn pure_crates_have_no_clock_socket_file_or_randomness_in_their_tree() {
    let mut findings = Vec::new();
    for name in PURE {
        let tree = cargo(&[
            "tree", "--locked", "-p", name, "-e", "normal", "--prefix", "none", "--format", "{p}",
        ]);
        let all: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
        assert!(all.contains(name), "cargo tree does not name {name}");
        for worldly in WORLDLY.into_iter().filter(|worldly| all.contains(worldly)) {
            findings.push(format!(
                "{name} has {worldly} in its tree: see `cargo tree -p {name} -e normal -i {worldly}` and drop what brings it"
            ));
        }
    }
    assert_none(&findings);
}

#[test]
fn databases_web_command_line_and_configuration_have_one_owner_each() {
    let mut findings = Vec::new();
    for member in members()
        .iter()
        .filter(|member| !TESTS.contains(&member.name.as_str()))
    {
        for (name, kind) in &member.dependencies {
            let ordinary = kind.as_deref() != Some("dev");
            for (_, owner) in ONE_OWNER
                .into_iter()
                .filter(|(other, _)| ordinary && other == name)
            {
                let reads_prompts = name == "hound" && member.name == READS_PROMPTS;
                if member.name != owner && !reads_prompts {
                    findings.push(format!(
                        "{}/Cargo.toml: only {owner} may depend on {name}: ask it through its interface",
                        member.folder.display()
                    ));
                }
            }
        }
    }
    assert_none(&findings);
}

#[test]
fn every_crate_takes_the_shared_lints() {
    let findings: Vec<String> = members()
        .iter()
        .map(|member| member.folder.join("Cargo.toml"))
        .filter(|manifest| {
            let text = fs::read_to_string(manifest).expect("a manifest can be read");
            !text.replace(' ', "").contains("[lints]\nworkspace=true")
        })
        .map(|manifest| format!("{}: add `[lints]` with `workspace = true`", manifest.display()))
        .collect();
    assert_none(&findings);
}

/// A crate's own clippy.toml replaces the root's, so it must repeat it.
#[test]
fn lint_files_of_pure_crates_repeat_the_shared_rules_and_are_alike() {
    let rules = |folder: PathBuf| -> BTreeSet<String> {
        let file = folder.join("clippy.toml");
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        text.lines()
            .map(|line| line.trim().to_owned())
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .collect()
    };
    let shared = rules(root());
    let mut findings = Vec::new();
    let pure: Vec<Member> = members()
        .into_iter()
        .filter(|member| PURE.contains(&member.name.as_str()))
        .collect();
    assert_eq!(pure.len(), PURE.len());
    let model = rules(pure[0].folder.clone());
    for member in &pure {
        let own = rules(member.folder.clone());
        for missing in shared.difference(&own) {
            findings.push(format!(
                "{}/clippy.toml: add the shared rule `{missing}`",
                member.folder.display()
            ));
        }
        for different in model.symmetric_difference(&own) {
            findings.push(format!(
                "{}/clippy.toml: differs from {}/clippy.toml in `{different}`: make them alike",
                member.folder.display(),
                pure[0].folder.display()
            ));
        }
    }
    assert_none(&findings);
}
