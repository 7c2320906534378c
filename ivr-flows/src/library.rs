//! The flows that one daemon runs: the shipped ones, or those of a folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use hotline_types::FlowSlug;
use rust_embed::RustEmbed;

use crate::document::Document;
use crate::{Flow, Place, Problem, check, problem::Problems};

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
            .filter(|file| file.ends_with(".yaml"))
            .filter_map(|file| text(&file).map(|text| (file.into_owned(), text)))
            .collect()
    }

    /// The flows of these files, each given by its name and text. A file `{flow: A, like: B, language: L}` makes
    /// flow A of flow B, beginning in language L.
    ///
    /// # Errors
    /// Every problem of every file.
    pub fn from_texts<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut documents: Vec<(&str, &str, Document)> = Vec::new();
        for (file, text) in files.into_iter().take(FLOWS_MAX + 1) {
            match check::read(file, text) {
                Ok(document) => documents.push((file, text, document)),
                Err(more) => problems.extend(more),
            }
        }
        let mut flows = BTreeMap::new();
        for (file, text, document) in &documents {
            let built = match &document.like {
                None => check::build(file, document, check::version_of(&[text])),
                Some(_) => like(file, text, document, &documents),
            };
            match built {
                Ok(flow) if flows.contains_key(&flow.name) => problems.push(twice(file, document)),
                Ok(flow) => {
                    flows.insert(flow.name.clone(), Arc::new(flow));
                }
                Err(more) => problems.extend(more),
            }
        }
        if documents.len() > FLOWS_MAX {
            let mut list = Problems::of(documents[FLOWS_MAX].0);
            list.add(
                Place::default(),
                "too many flow files",
                format!("keep at most {FLOWS_MAX} in one folder"),
            );
            problems.extend(list.into_sorted());
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

fn like(
    file: &str,
    text: &str,
    document: &Document,
    documents: &[(&str, &str, Document)],
) -> Result<Flow, Vec<Problem>> {
    let mut problems = Problems::of(file);
    let Some(like) = &document.like else {
        return Err(problems.into_sorted());
    };
    let base = documents
        .iter()
        .find(|(_, _, base)| base.flow.value == like.value && base.like.is_none());
    let Some((base_file, base_text, base)) = base else {
        problems.add(
            like.referenced,
            format!("there is no flow {:?} of its own", like.value),
            "name a flow that has nodes",
        );
        return Err(problems.into_sorted());
    };
    if !document.nodes.is_empty() || document.start.is_some() || !document.languages.is_empty() {
        problems.add(
            like.referenced,
            "a flow that is like another one has nothing of its own but `flow` and `language`",
            "take the rest away, or take `like` away",
        );
    }
    let name = document.flow.value.parse::<FlowSlug>();
    if let Err(error) = &name {
        problems.add(document.flow.referenced, "this is no name", error.to_string());
    }
    // The problems of the other flow are told by its own file.
    let built = check::build(base_file, base, check::version_of(&[base_text, text]));
    let (Ok(mut flow), Ok(name)) = (built, name) else {
        return Err(problems.into_sorted());
    };
    flow.name = name;
    if let Some(word) = &document.language {
        match flow
            .languages
            .iter()
            .position(|language| language.tag == word.value)
        {
            Some(language) => flow.language = language,
            None => problems.add(
                word.referenced,
                format!("flow {:?} does not speak {:?}", like.value, word.value),
                format!("use one of {}", flow.languages().collect::<Vec<_>>().join(", ")),
            ),
        }
    }
    if problems.is_empty() {
        Ok(flow)
    } else {
        Err(problems.into_sorted())
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
