use std::collections::BTreeSet;

use super::*;
use crate::{Known, prompts};

fn known() -> Known {
    Known {
        queues: ["pre-sales", "after-sales", "complaints"]
            .map(str::to_owned)
            .to_vec(),
        calendars: Vec::new(),
        prompts: prompts::embedded_ids(),
    }
}

#[test]
fn shipped_flows_pass_the_checker_with_the_shipped_prompts() {
    let library = Library::embedded().unwrap_or_else(|problems| panic!("{problems:#?}"));
    let names: Vec<_> = library.iter().map(|flow| flow.name().as_str()).collect();
    assert_eq!(names, ["direct", "hotline-en", "hotline-main"]);
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
fn flow_like_another_has_its_name_language_and_version() {
    let library = Library::embedded().unwrap();
    let (main, english) = (
        library.get("hotline-main").unwrap(),
        library.get("hotline-en").unwrap(),
    );
    assert_eq!((main.language(), english.language()), ("zh-CN", "en"));
    assert_eq!(english.name().as_str(), "hotline-en");
    assert_ne!(main.version(), english.version());
    assert_eq!(main.version().len(), 64);
    assert_eq!(
        Library::embedded()
            .unwrap()
            .get("hotline-main")
            .unwrap()
            .version(),
        main.version()
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
    const END: &str = "flow: end\nlanguages: [en]\nstart: a\nnodes:\n  a:\n    hangup: {}\n";
    check(
        &[("a.yaml", END), ("b.yaml", END)],
        &["b.yaml:1:7: there is another flow \"end\""],
    );
    check(
        &[("a.yaml", "nonsense: 1\n"), ("b.yaml", "flow: b\nlike: c\n")],
        &["a.yaml:1:1", "b.yaml:2:7: there is no flow \"c\""],
    );
    check(
        &[("a.yaml", END), ("b.yaml", "flow: b\nlike: end\nlanguage: fr\n")],
        &["b.yaml:3:11: flow \"end\" does not speak \"fr\"; use one of en"],
    );
    check(
        &[("a.yaml", END), ("b.yaml", "flow: b\nlike: end\nstart: a\n")],
        &["b.yaml:2:7: a flow that is like another one has nothing of its own"],
    );
}
