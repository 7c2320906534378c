use std::collections::BTreeSet;

use super::*;
use crate::{Known, Outcome, Trials, prompts};

/// The smallest flow.
const END: &str = "flow: end\nlanguages: [en]\nstart: a\nnodes:\n  a:\n    hangup: {}\n";

fn known() -> Known {
    Known {
        queues: ["pre-sales", "after-sales", "complaints"]
            .map(str::to_owned)
            .to_vec(),
        calendars: Vec::new(),
        prompts: prompts::embedded_ids(),
        lookups: None,
        recorded: true,
    }
}

#[test]
fn shipped_flows_pass_the_checker_with_the_shipped_prompts() {
    let library = Library::embedded().unwrap_or_else(|problems| panic!("{problems:#?}"));
    let names: Vec<_> = library.iter().map(|flow| flow.name().as_str()).collect();
    assert_eq!(names, ["direct", "emergency", "hotline-main"]);
    for flow in library.iter() {
        assert_eq!(flow.check(&known()), []);
    }
    let queues: BTreeSet<_> = library
        .get("hotline-main")
        .unwrap()
        .queues()
        .map(|queue| queue.as_str())
        .collect();
    assert_eq!(queues, BTreeSet::from(["pre-sales", "after-sales", "complaints"]));
}

#[test]
fn same_text_is_the_same_version_and_another_text_another() {
    let version = |text: &str| Flow::parse("end.yaml", text).unwrap().version().to_owned();
    let library = Library::from_texts([("other.yaml", END)]).unwrap();
    assert_eq!(version(END), library.get("end").unwrap().version());
    assert_eq!(version(END).len(), 64);
    assert_ne!(version(END), version(&format!("# A remark.\n{END}")));
}

#[test]
fn flow_begins_in_the_first_language_unless_it_names_another() {
    let language = |head: &str| {
        let text = END.replace("languages: [en]", head);
        Flow::parse("end.yaml", &text).unwrap().language().to_owned()
    };
    assert_eq!(language("languages: [en, zh-CN]"), "en");
    assert_eq!(language("languages: [en, zh-CN]\nlanguage: zh-CN"), "zh-CN");
}

#[test]
fn folder_with_more_flow_files_than_may_be_is_refused() {
    let texts: Vec<_> = (0..=FLOWS_MAX)
        .map(|at| {
            (
                format!("{at}.yaml"),
                END.replace("flow: end", &format!("flow: end-{at}")),
            )
        })
        .collect();
    let files = || texts.iter().map(|(file, text)| (file.as_str(), text.as_str()));
    assert_eq!(
        Library::from_texts(files().take(FLOWS_MAX))
            .unwrap()
            .iter()
            .count(),
        FLOWS_MAX
    );
    let problems = Library::from_texts(files()).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert!(
        problems[0]
            .to_string()
            .starts_with("256.yaml: too many flow files")
    );
}

#[test]
fn library_tells_the_problems_of_every_file() {
    let check = |files: &[(&str, &str)], expected: &[&str]| {
        let problems = Library::from_texts(files.iter().copied()).unwrap_err();
        let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), expected.len(), "{told:#?}");
        for (told, expected) in told.iter().zip(expected) {
            assert!(told.contains(expected), "{told:?} has no {expected:?}");
        }
    };
    check(
        &[("a.yaml", END), ("b.yaml", END)],
        &["b.yaml:1:7: there is another flow \"end\""],
    );
    check(
        &[
            ("a.yaml", "nonsense: 1\n"),
            ("b.yaml", &END.replace("start: a", "start: a\nlanguage: fr")),
        ],
        &[
            "a.yaml:1:1",
            "b.yaml:4:11: the flow does not list the language \"fr\"",
        ],
    );
}

#[test]
fn tests_beside_the_shipped_flows_pass_and_go_every_edge() {
    let library = Library::embedded().unwrap();
    let tests = Library::embedded_tests();
    assert_eq!(tests.len(), library.iter().count());
    for (file, text) in tests {
        let trials = Trials::parse(&file, &text).unwrap_or_else(|problem| panic!("{problem}"));
        let verdict = trials.run(library.get(&trials.flow).unwrap());
        for outcome in &verdict.outcomes {
            let Outcome { name, line, failures } = outcome;
            assert!(failures.is_empty(), "{file}:{line}: {name}: {failures:#?}");
        }
        assert_eq!(verdict.coverage.missed, [], "{file}");
        assert_eq!(verdict.coverage.percent(), 100);
    }
}
