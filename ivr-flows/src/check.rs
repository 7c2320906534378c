//! The checker: a flow file to a flow in which nothing is missing, or every reason why not.

mod graph;
mod installation;
mod reach;
mod recover;
mod resolve;
mod states;

use sha2::{Digest, Sha256};

use crate::document::Document;
use crate::problem::Problems;
use crate::{Flow, Place, Problem};

pub(crate) use installation::against;
pub(crate) use reach::longest;

/// Longest flow file.
const FLOW_BYTES_MAX: usize = 256 * 1024;

/// Reads the YAML; the first thing that is no flow document is the only problem told.
pub(crate) fn read(file: &str, text: &str) -> Result<Document, Vec<Problem>> {
    let mut problems = Problems::of(file);
    if text.len() > FLOW_BYTES_MAX {
        problems.add(
            Place::default(),
            format!("the file has {} bytes", text.len()),
            format!("keep a flow below {FLOW_BYTES_MAX} bytes"),
        );
        return Err(problems.into_sorted());
    }
    recover::read(text, &mut problems).ok_or_else(|| problems.into_sorted())
}

/// One line of a parser's message, bounded.
pub(crate) fn first_line(message: &str) -> String {
    message
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(200)
        .collect()
}

pub(crate) fn parse(file: &str, text: &str) -> Result<Flow, Vec<Problem>> {
    let document = read(file, text)?;
    build(file, text, &document)
}

/// Resolves and checks the whole document that was read from this text.
pub(crate) fn build(file: &str, text: &str, document: &Document) -> Result<Flow, Vec<Problem>> {
    let mut problems = Problems::of(file);
    let flow = resolve::resolve(document, version_of(text), &mut problems);
    if let Some(flow) = &flow {
        graph::check(flow, &mut problems);
        states::check(flow, &mut problems);
    }
    match flow {
        Some(flow) if problems.is_empty() => Ok(flow),
        _ => Err(problems.into_sorted()),
    }
}

/// SHA-256 of the text, in lower-case hex.
fn version_of(text: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text) {
        for nibble in [byte >> 4, byte & 15] {
            hex.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    hex
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod violations;
