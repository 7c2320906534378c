//! The rules of the house as tests: who may depend on whom, what a source file looks like, what documents link to.
//! Every failure names its place and what to do.

mod documents;
mod edges;
mod sources;
mod tree;

/// Fails with the list of findings, if there are any.
#[track_caller]
fn assert_none(findings: &[String]) {
    assert!(
        findings.is_empty(),
        "{} findings:\n  {}",
        findings.len(),
        findings.join("\n  ")
    );
}
