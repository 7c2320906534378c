//! Documents: one title each, and every link to a file leads to one.

use super::assert_none;
use super::tree::{File, files, root};

fn documents() -> Vec<File> {
    let documents: Vec<File> = files()
        .into_iter()
        .filter(|file| file.path.ends_with(".md"))
        .collect();
    assert!(
        documents.len() >= 3,
        "README.md, ARCHITECTURE.md and CHANGELOG.md are missing"
    );
    documents
}

/// Lines outside fenced blocks, with their numbers from 1.
fn prose(file: &File) -> Vec<(usize, &str)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            lines.push((index + 1, line));
        }
    }
    lines
}

/// Targets of the links in a line: what stands between `](` and `)`.
fn targets(line: &str) -> Vec<&str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .collect()
}

#[test]
fn every_document_has_one_title() {
    let findings: Vec<String> = documents()
        .iter()
        .filter_map(|file| {
            let titles = prose(file)
                .iter()
                .filter(|(_, line)| line.starts_with("# "))
                .count();
            (titles != 1).then(|| {
                format!(
                    "{}: {titles} lines begin with `# `: keep one as the title",
                    file.path
                )
            })
        })
        .collect();
    assert_none(&findings);
}

#[test]
fn links_to_files_lead_somewhere() {
    let mut findings = Vec::new();
    let mut seen = 0;
    for file in documents() {
        let folder = root().join(file.path.rsplit_once('/').map_or("", |(folder, _)| folder));
        for (number, line) in prose(&file) {
            for target in targets(line) {
                let path = target.split('#').next().unwrap_or_default();
                if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
                    continue;
                }
                seen += 1;
                if !folder.join(path).exists() {
                    findings.push(format!(
                        "{}:{number}: {target} does not exist: mend or remove the link",
                        file.path
                    ));
                }
            }
        }
    }
    assert!(seen > 0, "no link was looked at");
    assert_none(&findings);
}

#[test]
fn link_targets_are_found_in_lines() {
    assert_eq!(targets("see [a](b/c.rs) and [d](e#f)"), ["b/c.rs", "e#f"]);
    assert!(targets("no [link] (here)").is_empty());
}
