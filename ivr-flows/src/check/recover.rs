//! Reads the YAML. The parser stops at the first thing that fits no schema; where that lies inside one node, the node
//! is put aside and the rest is read again, so that one mistake hides no other.

use super::first_line;
use crate::Place;
use crate::document::Document;
use crate::problem::Problems;

/// Mistakes of one file that are looked for.
const MISTAKES_MAX: usize = 32;

/// The document; None where problems were told.
pub(super) fn read(text: &str, problems: &mut Problems) -> Option<Document> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut given = text.to_owned();
    for _ in 0..MISTAKES_MAX {
        let error = match serde_saphyr::from_str::<Document>(&given) {
            Ok(document) => return problems.is_empty().then_some(document),
            Err(error) => error,
        };
        let at = error.location().map(Place::from).unwrap_or_default();
        problems.add(
            at,
            first_line(&error.without_snippet().to_string()),
            "write it as the schema says: `hotline flow schema`",
        );
        if !set_aside(&mut lines, at) {
            return None;
        }
        given = lines.join("\n");
    }
    None
}

/// Replaces the entry of two spaces' depth that this line belongs to by one without mistakes; false where there is none.
fn set_aside(lines: &mut [String], at: Place) -> bool {
    let Some(line) = usize::try_from(at.line).ok().and_then(|line| line.checked_sub(1)) else {
        return false;
    };
    let mut reached = lines.iter().take(line + 1);
    let Some(from) = reached.rposition(|line| depth(line) == Some(2)) else {
        return false;
    };
    let section = lines.iter().take(from).rev().find(|line| depth(line) == Some(0));
    let Some((name, _)) = lines[from].split_once(':') else {
        return false;
    };
    let whole = match section.map(String::as_str).map(str::trim_end) {
        Some("nodes:") => "{hangup: {}}",
        Some("while_waiting:") => "{music: none}",
        Some("vars:") => "{type: text}",
        _ => return false,
    };
    if lines[from].ends_with(whole) {
        return false;
    }
    lines[from] = format!("{name}: {whole}");
    for line in lines.iter_mut().skip(from + 1) {
        if depth(line).is_some_and(|depth| depth <= 2) {
            break;
        }
        line.clear();
    }
    true
}

/// Spaces before the first sign; None for an empty line or a remark.
fn depth(line: &str) -> Option<usize> {
    let text = line.trim_start_matches(' ');
    (!text.trim().is_empty() && !text.starts_with('#')).then(|| line.len() - text.len())
}
