//! The flows that one daemon runs: the shipped ones, or those of a folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use hotline_types::FlowSlug;
use rust_embed::RustEmbed;

use crate::document::Document;
use crate::{Flow, Place, Problem, check};

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/flows"]
struct Shipped;

/// Flow files of one library at most.
pub const FLOWS_MAX: usize = 256;

/// Flows by name. Immutable: a change of flows is another library.
#[derive(Clone, Debug, Default)]
pub struct Library {
    flows: BTreeMap<FlowSlug, Arc<Flow>>,
}

impl Library {
    /// The shipped flows.
    ///
    /// # Errors
    /// The problems of the shipped files; a test holds that there are none.
    pub fn embedded() -> Result<Self, Vec<Problem>> {
        let texts = Self::embedded_texts();
        Self::from_texts(texts.iter().map(|(file, text)| (file.as_str(), text.as_str())))
    }

    /// The shipped flow files: name and text.
    #[must_use]
    pub fn embedded_texts() -> Vec<(String, String)> {
        let text =
            |file: &str| Shipped::get(file).map(|data| String::from_utf8_lossy(&data.data).into_owned());
        Shipped::iter()
            .filter(|file| file.ends_with(".yaml") && !is_tests(file))
            .filter_map(|file| text(&file).map(|text| (file.into_owned(), text)))
            .collect()
    }

    /// The tests beside the shipped flows: name and text of each file.
    #[must_use]
    pub fn embedded_tests() -> Vec<(String, String)> {
        Shipped::iter()
            .filter(|file| is_tests(file))
            .filter_map(|file| {
                let text = String::from_utf8_lossy(&Shipped::get(&file)?.data).into_owned();
                Some((file.into_owned(), text))
            })
            .collect()
    }

    /// The flows of these files, each given by its name and text.
    ///
    /// # Errors
    /// Every problem of the first [`FLOWS_MAX`] files, and that there are more.
    pub fn from_texts<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut flows = BTreeMap::new();
        for (at, (file, text)) in files.into_iter().enumerate() {
            if at == FLOWS_MAX {
                problems.push(too_many(file));
                break;
            }
            let document = match check::read(file, text) {
                Ok(document) => document,
                Err(more) => {
                    problems.extend(more);
                    continue;
                }
            };
            match check::build(file, text, &document) {
                Ok(flow) if flows.contains_key(&flow.name) => problems.push(twice(file, &document)),
                Ok(flow) => {
                    flows.insert(flow.name.clone(), Arc::new(flow));
                }
                Err(more) => problems.extend(more),
            }
        }
        if problems.is_empty() {
            Ok(Self { flows })
        } else {
            Err(problems)
        }
    }

    /// The flow of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Flow>> {
        self.flows.get(name)
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Flow>> {
        self.flows.values()
    }
}

/// Whether a file holds tests: `NAME.test.yaml`.
#[must_use]
pub fn is_tests(file: &str) -> bool {
    file.ends_with(".test.yaml")
}

fn too_many(file: &str) -> Problem {
    Problem {
        file: file.to_owned(),
        at: Place::default(),
        what: "too many flow files".to_owned(),
        fix: format!("keep at most {FLOWS_MAX} in one folder"),
    }
}

fn twice(file: &str, document: &Document) -> Problem {
    Problem {
        file: file.to_owned(),
        at: Place::from(document.flow.referenced),
        what: format!("there is another flow {:?}", document.flow.value),
        fix: "give each flow a name of its own".to_owned(),
    }
}

#[cfg(test)]
mod tests;
