//! How a figure is told: one line of JSON, printed and appended to `bench.jsonl` in the target folder.

use std::io::Write as _;

/// Tells one figure.
pub fn report(bench: &str, figure: &str, value: f64, unit: &str, conditions: &str) {
    let line = format!(
        r#"{{"bench":"{bench}","figure":"{figure}","value":{value:.1},"unit":"{unit}","conditions":"{conditions}"}}"#
    );
    println!("{line}");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"),
        Into::into,
    );
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(target.join("bench.jsonl"));
    if let Ok(mut file) = file {
        let _only_printed = writeln!(file, "{line}");
    }
}
