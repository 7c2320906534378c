//! The demonstration: real calls without anything installed.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::gateway::{folder, program};
use super::stop::Ending;
use super::wait::secs;

/// Runs the demonstration for some seconds and reads what it prints.
fn demo(dir: &Path) -> Value {
    let child = Command::new(program())
        .args(["demo", "--for", "12s", "--json", "--data"])
        .arg(dir.join("data"))
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(dir.join("log.txt")).unwrap())
        .spawn()
        .unwrap();
    let output = Ending(child).output(secs(40));
    let log = std::fs::read_to_string(dir.join("log.txt")).unwrap();
    assert!(output.status.success(), "{log}");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}\n{log}", String::from_utf8_lossy(&output.stdout)))
}

fn check(shown: &Value) {
    let count = |key: &str| {
        shown[key]
            .as_u64()
            .unwrap_or_else(|| panic!("no {key} in {shown}"))
    };
    assert_eq!(
        count("offered"),
        count("answered") + count("abandoned") + count("flowed_out") + count("lost") + count("waiting"),
        "{shown}"
    );
    assert!(count("answered") > 0, "{shown}");
    for key in ["answer_rate", "within_three_rings", "longest_wait"] {
        assert!(shown[key].is_number(), "no {key} in {shown}");
    }
    let recordings = shown["recordings"].as_array().expect("a list of paths");
    assert!(!recordings.is_empty(), "{shown}");
    for path in recordings {
        let reader = hound::WavReader::open(path.as_str().expect("a path")).expect("a recording that opens");
        assert_eq!(reader.spec().channels, 2);
    }
}

#[test]
fn demonstration_shows_calls_and_can_be_repeated_on_the_same_folder() {
    let dir = folder();
    check(&demo(&dir));
    check(&demo(&dir));
    std::fs::remove_dir_all(dir).unwrap();
}
