//! One document for every check, each breaking it and nothing else; the line and the words are what an author sees.

use crate::{Flow, Known, prompts};

/// A flow with one of everything.
const RICH: &str = r#"flow: rich
languages: [zh-CN, en]
start: hello
answer: flow
vars:
  order: {type: digits}
  pin: {type: digits, sensitive: true}
  tier: {type: text}
  open: {type: flag, value: "true"}
  seconds: {type: number}
defaults:
  on_error: to_agent
  while_waiting: hold
  exits: {timeout: bye, full: bye, no_staff: bye}
  no_input: {max: 2, next: to_agent}
  no_match: {max: 2, next: to_agent}
while_waiting:
  hold: {music: music-on-hold}
sub_flows:
  ask_order:
    start: ask
    nodes:
      ask:
        collect: {var: order, prompts: [enter-order-number], min: 6, max: 10, next: done}
      done:
        return: {exit: ok}
nodes:
  hello:
    caller: {blocked: refused, else: pick_up}
  refused:
    reject: {cause: declined, prompts: [caller-blocked]}
  pick_up:
    answer: {next: notice}
  notice:
    play: {prompts: [welcome], next: soon}
  order:
    call: {flow: ask_order, exits: {ok: secret}}
  secret:
    collect: {var: pin, prompts: [please-hold], max: 4, validate: [luhn, {regex: "[0-9]{4}"}], next: find}
  find:
    lookup: {name: customer, with: {order: order}, into: {tier: tier}, found: sort, not_found: sort}
  sort:
    branch: {cases: [{if: "tier == 'gold' and open", next: to_vip}], else: told}
  told:
    say: {parts: [{digits: order}, {date: today}], next: to_agent}
  to_vip:
    note: {name: tier, value: tier, next: to_agent}
  to_agent:
    queue: {name: after-sales}
  bye:
    hangup: {prompts: [goodbye]}
  soon:
    estimate: {queue: after-sales, var: seconds, next: order, no_staff: order}
"#;

#[track_caller]
fn check(from: &str, to: &str, expected: &[&str]) {
    assert!(
        from.is_empty() || RICH.contains(from),
        "{from:?} is not in the flow"
    );
    let text = if from.is_empty() {
        RICH.to_owned()
    } else {
        RICH.replacen(from, to, 1)
    };
    let known = Known {
        queues: vec!["after-sales".to_owned()],
        calendars: vec!["early".to_owned()],
        prompts: prompts::embedded_ids(),
        lookups: Some(vec!["customer".to_owned()]),
        recorded: true,
    };
    let problems = match Flow::parse("rich.yaml", &text) {
        Ok(flow) => flow.check(&known),
        Err(problems) => problems,
    };
    let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
    for expected in expected {
        assert!(
            told.iter().any(|told| told.contains(expected)),
            "{expected:?} is not in {told:#?}"
        );
    }
    assert_eq!(told.is_empty(), expected.is_empty(), "{told:#?}");
    let placed = problems
        .iter()
        .all(|problem| problem.at.line > 0 && !problem.fix.is_empty());
    assert!(placed, "{told:#?}");
}

#[test]
fn flow_with_one_of_everything_is_good() {
    check("", "", &[]);
}

/// A change to the flow, and what it is refused for.
const VIOLATIONS: &[(&str, &str, &str)] = &[
    // Unreachable and dead-end nodes, missing edges, loops.
    (
        "else: told",
        "else: to_agent",
        "rich.yaml:45:5: no call can come to node \"told\"",
    ),
    ("found: sort, ", "", "rich.yaml:41:5: \"found\" is missing"),
    (
        "found: sort, not_found: sort",
        "found: sort, not_found: find",
        "find -> find turns round without",
    ),
    (
        "{prompts: [welcome], next: soon}",
        "{prompts: [welcome], next: notice}",
        "comes to no agent and to no end",
    ),
    (
        "exits: {timeout: bye, full: bye, no_staff: bye}",
        "exits: {timeout: bye, full: bye}",
        "\"exits: no_staff\" is missing",
    ),
    // Expressions and types.
    (
        "tier == 'gold' and open",
        "tier == 'gold' and order",
        "true or false and text do not go together",
    ),
    (
        "tier == 'gold' and open",
        "level == 1",
        "there is no variable \"level\"",
    ),
    (
        "{date: today}",
        "{date: tier}",
        "this is text, and should be a number",
    ),
    (
        "value: \"true\"",
        "value: \"'yes'\"",
        "\"open\" is true or false, this is text",
    ),
    (
        "collect: {var: pin,",
        "collect: {var: open,",
        "does not hold digits",
    ),
    (
        "regex: \"[0-9]{4}\"",
        "regex: \"[0-9\"",
        "this is no regular expression",
    ),
    (
        "var: order,",
        "var: ordr,",
        "there is no variable \"ordr\" under `vars`",
    ),
    // What the installation has.
    ("name: after-sales", "name: sales", "there is no queue \"sales\""),
    (
        "name: customer",
        "name: customers",
        "there is no look-up \"customers\"",
    ),
    ("[goodbye]", "[good-bye]", "there is no prompt en/good-bye.wav"),
    // Sub-flows.
    (
        "exits: {ok: secret}",
        "exits: {okay: secret}",
        "a `call` of this part has no exit \"ok\"",
    ),
    (
        "call: {flow: ask_order",
        "call: {flow: ask_orders",
        "there is no \"ask_orders\" under `sub_flows`",
    ),
    (
        "        return: {exit: ok}",
        "        call: {flow: ask_order, exits: {ok: ask}}",
        "sub-flows call each other without end",
    ),
    (
        "hangup: {prompts: [goodbye]}",
        "return: {exit: ok}",
        "there is nothing to return to",
    ),
    // Answered, refused, told of the recording.
    (
        "else: pick_up",
        "else: notice",
        "rich.yaml:33:5: no call can come to node \"pick_up\"",
    ),
    (
        "next: notice}",
        "next: refused}",
        "answered, and cannot be refused any more",
    ),
    (
        "answer: flow\n",
        "",
        "comes too late: the call is answered at its start",
    ),
    (
        "[welcome]",
        "[welcome-short]",
        "where talks are recorded, without being told",
    ),
    (
        "{queue: after-sales, var",
        "{queue: nowhere, var",
        "there is no queue \"nowhere\"",
    ),
    ("var: seconds", "var: tier", "\"tier\" does not hold a number"),
    // Sensitive data.
    (
        "with: {order: order}",
        "with: {order: pin}",
        "the sensitive variable \"pin\" would reach another system",
    ),
    (
        "value: tier,",
        "value: pin,",
        "the sensitive variable \"pin\" would reach the record",
    ),
    (
        "value: tier,",
        "value: order,",
        "the digits in \"order\" would reach the record",
    ),
];

#[test]
fn every_check_refuses_a_flow_that_violates_it() {
    for (from, to, expected) in VIOLATIONS {
        check(from, to, &[expected]);
    }
}

#[test]
fn no_mistake_of_the_schema_hides_another() {
    let text = RICH
        .replace("blocked: refused", "blokked: refused")
        .replace("{cause: declined,", "{cause: tired,")
        .replace("{type: text}", "{type: txt}")
        .replace("name: after-sales", "nome: after-sales");
    let problems = Flow::parse("rich.yaml", &text).unwrap_err();
    let lines: Vec<u32> = problems.iter().map(|problem| problem.at.line).collect();
    assert_eq!(lines, [8, 29, 31, 49], "{problems:#?}");
}

#[test]
fn longest_time_to_a_person_counts_prompts_and_time_outs() {
    let flow = Flow::parse("rich.yaml", RICH).unwrap();
    let known = Known {
        prompts: prompts::embedded_ids(),
        ..Known::default()
    };
    let reach = flow.longest_to_human(&known).unwrap();
    assert_eq!(reach.nodes.last().map(String::as_str), Some("to_agent"));
    assert!((120..300).contains(&reach.time.as_secs()), "{reach:?}");
}

#[test]
fn published_schema_is_the_one_of_the_types() {
    let committed = include_str!("../../flow.schema.json");
    let now = crate::schema();
    assert!(
        committed == now,
        "write it anew: hotline flow schema > ivr-flows/flow.schema.json\n{now}"
    );
    for word in [
        "\"while_waiting\"",
        "\"lookup\"",
        "\"voicemail\"",
        "\"validate\"",
        "\"mod11\"",
    ] {
        assert!(now.contains(word), "{word}");
    }
}
