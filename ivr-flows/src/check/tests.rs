use super::*;
use crate::Known;

/// A small flow that is right; the cases below break it.
const GOOD: &str = "\
flow: small
languages: [zh-CN, en]
start: hello
while_waiting:
  hold:
    music: music-on-hold
    announce: {every: 30s, position: true}
    leave_key: '*'
nodes:
  hello:
    play: {prompts: [welcome], next: menu}
  menu:
    menu:
      long: [main-menu-long]
      keys: {'1': support, '2': bye}
      no_input: {max: 2, next: support}
      no_match: {max: 2, next: support}
  support:
    queue:
      name: after-sales
      while_waiting: hold
      exits: {timeout: bye, full: bye, no_staff: bye, key: bye}
  bye:
    hangup: {prompts: [goodbye]}
";

fn known() -> Known {
    Known {
        queues: vec!["after-sales".to_owned()],
        calendars: vec!["early".to_owned()],
        prompts: crate::prompts::embedded_ids(),
        lookups: Some(vec!["customer".to_owned()]),
        recorded: false,
    }
}

/// Every problem of `GOOD` after the replacement begins as expected, and there are no others.
#[track_caller]
fn check(from: &str, to: &str, expected: &[&str]) {
    assert!(
        from.is_empty() || GOOD.contains(from),
        "{from:?} is not in the flow"
    );
    let text = if from.is_empty() {
        GOOD.to_owned()
    } else {
        GOOD.replacen(from, to, 1)
    };
    let problems = match Flow::parse("small.yaml", &text) {
        Ok(flow) => flow.check(&known()),
        Err(problems) => problems,
    };
    let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told:?} does not begin {expected:?}");
    }
}

#[test]
fn good_flow_has_no_problem() {
    check("", "", &[]);
    check("'1': support", "1: support", &[]);
}

#[test]
fn every_missing_or_unknown_name_is_told_with_its_place() {
    check(
        "next: menu}",
        "next: menuu}",
        &[
            "small.yaml:11:38: there is no node \"menuu\"; use one of bye, hello, menu, support",
            "small.yaml:13:5: no call can come to node \"menu\"",
            "small.yaml:19:5: no call can come to node \"support\"",
            "small.yaml:24:5: no call can come to node \"bye\"",
        ],
    );
    check(
        "      no_input: {max: 2, next: support}\n",
        "",
        &["small.yaml:13:5: this menu has no \"no_input\" exit; add `no_input: {max: 2, next: NODE}`"],
    );
    check(
        "full: bye, no_staff: bye, ",
        "",
        &[
            "small.yaml:19:5: \"exits: full\" is missing",
            "small.yaml:19:5: \"exits: no_staff\" is missing",
        ],
    );
    check(
        ", key: bye}",
        "}",
        &["small.yaml:19:5: \"exits: key\" is missing"],
    );
    check(
        "    leave_key: '*'\n",
        "",
        &["small.yaml:21:60: no key leaves this queue"],
    );
    check(
        "hold:\n    music",
        "holds:\n    music",
        &[
            "small.yaml:21:22: there is no \"hold\" under `while_waiting`; use one of holds",
            "small.yaml:22:60: no key leaves this queue",
        ],
    );
}

#[test]
fn every_value_out_of_its_range_is_told_with_its_place() {
    check(
        "'2': bye",
        "'2x': bye",
        &["small.yaml:15:34: \"2x\" is no key of a phone"],
    );
    check(
        "'2': bye",
        "'12': bye",
        &["small.yaml:15:34: the keys \"1\" and \"12\" are ambiguous"],
    );
    check(
        "every: 30s",
        "every: soon",
        &["small.yaml:7:23: \"soon\" is no time; write 1500ms, 5s or 2m"],
    );
    check(
        "every: 30s",
        "every: 1s",
        &["small.yaml:7:23: 1s is out of range; use 5 s to 3600 s"],
    );
    check(
        "max: 2, next: support}\n      no_match",
        "max: 0, next: support}\n      no_match",
        &["small.yaml:16:23: 0 is out of range for \"no_input\"; use 1 to 9"],
    );
    check(
        "[zh-CN, en]",
        "[]",
        &["small.yaml:1:7: the flow speaks no language"],
    );
    check(
        "[welcome]",
        "[fr/welcome]",
        &["small.yaml:11:22: the flow does not list the language \"fr\""],
    );
    check("[welcome]", "[]", &["small.yaml:11:5: this node plays nothing"]);
    check(
        "flow: small",
        "flow: Not A Slug",
        &["small.yaml:1:7: this is no name"],
    );
    check(
        "start: hello",
        "start: hello\ndefaults: {max_steps: 0}",
        &["small.yaml:4:23: 0 is out of range"],
    );
}

#[test]
fn unknown_words_are_refused_where_they_stand() {
    check("next: menu}", "next: menu, nxt: bye}", &["small.yaml:11:"]);
    check("    hangup:", "    hang_up:", &["small.yaml:24:5"]);
    check("start: hello", "start: [", &["small.yaml:"]);
}

#[test]
fn installation_must_have_prompts_queues_and_calendars() {
    check(
        "[welcome]",
        "[welcom]",
        &[
            "small.yaml:11:22: there is no prompt zh-CN/welcom.wav",
            "small.yaml:11:22: there is no prompt en/welcom.wav",
        ],
    );
    check("[welcome]", "[welcome, en/month-1, zh-CN/number-1-yao]", &[]);
    check(
        "[welcome]",
        "[number-1-yao]",
        &["small.yaml:11:22: there is no prompt en/number-1-yao.wav"],
    );
    check(
        "name: after-sales",
        "name: sales",
        &["small.yaml:20:13: there is no queue \"sales\"; use one of after-sales"],
    );
    check(
        "music: music-on-hold",
        "music: silence",
        &["small.yaml:6:12: there is no prompt silence.wav"],
    );
    check(
        "play: {prompts: [welcome], next: menu}",
        "calendar: {name: late, open: menu, closed: bye}",
        &["small.yaml:11:22: there is no shift band \"late\"; use `any` or one of early"],
    );
    check(
        "play: {prompts: [welcome], next: menu}",
        "calendar: {name: any, open: menu, closed: bye}",
        &[],
    );
}

#[test]
fn loops_and_dead_ends_are_found() {
    check(
        "no_staff: bye",
        "no_staff: hello",
        &["small.yaml:11:5: hello -> menu -> support -> hello turns round without a word from the caller"],
    );
    check("timeout: bye", "timeout: hello", &[]);
    check(
        "no_input: {max: 2, next: support}",
        "no_input: {max: 2, next: hello}",
        &["small.yaml:11:5: hello -> menu -> hello turns round without a word from the caller"],
    );
    check(
        "no_match: {max: 2, next: support}",
        "no_match: {max: 2, next: hello}",
        &[],
    );
    check(
        "'2': bye",
        "'2': bye, '3': trap",
        &["small.yaml:15:43: there is no node \"trap\""],
    );
    check(
        "  bye:\n",
        "  trap:\n    goto: {next: trap}\n  bye:\n",
        &[
            "small.yaml:24:5: no call can come to node \"trap\"",
            "small.yaml:24:5: from node \"trap\" a call comes to no agent and to no end",
            "small.yaml:24:5: trap -> trap turns round without a word from the caller",
        ],
    );
}

#[test]
fn all_problems_of_a_file_are_told_at_once() {
    let text = GOOD
        .replace("next: menu}", "next: nowhere}")
        .replace("30s", "30")
        .replace("'1'", "'x'");
    assert_eq!(Flow::parse("small.yaml", &text).unwrap_err().len(), 6);
}

#[test]
fn hostile_text_is_refused() {
    assert!(Flow::parse("x", &"a".repeat(FLOW_BYTES_MAX + 1)).is_err());
    assert!(Flow::parse("x", &"[".repeat(10_000)).is_err());
    assert!(Flow::parse("x", "\u{0}").is_err());
    assert!(Flow::parse("x", "flow: &a [*a]").is_err());
    assert!(Flow::parse("x", "").is_err());
}

#[test]
fn example_of_the_readme_is_a_good_flow() {
    let readme = include_str!("../../README.md");
    let text = readme
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    let flow = Flow::parse("README.md", text).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(flow.check(&known()), []);
}
