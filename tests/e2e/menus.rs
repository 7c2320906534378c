//! The main flow with real callers: every edge by keys of both ways, and prompts that a key cuts.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hotline_journal::{Event, What};
use hotline_media::Codec;
use hotline_types::ContactId;
use ivr_flows::Library;

use super::gateway::{Config, Gateway};
use super::rtp::RtpPeer;
use super::sipp::{CallerLine, Scenario, Sipp, callers};
use super::softphone::{SoftPhone, sdp};
use super::tone;
use super::wait::{ms, pass, secs, until};

/// Between two keys.
const STEP: Duration = ms(700);
/// Longest call: whoever presses nothing hears everything twice.
const CALL_MAX: Duration = secs(200);

/// What callers press, `w` for nothing meanwhile; nobody is on duty, so that every queue leads to the menu for that.
const PATHS: &[&str] = &[
    "",
    "10",
    "7788",
    "20",
    "2777",
    "23",
    "24",
    "290",
    "211#",
    "212#",
    "210",
    "21*0",
    "21777",
    "21",
    "221#",
    "222#",
    "220",
    "22*0",
    "22777",
    "22",
    "2077",
    "2015#",
    "2015wwww#",
    "202",
    "2021",
    "202777",
    "2022",
    "20224#4#4#",
    "202213800138000#",
    "202213800138000#1",
    "202213800138000#2",
    "202213800138000#w77",
];

/// The edges that these callers cannot go: a full queue, one without an answer, the key that leaves it, a closed
/// calendar, a call-back that cannot be registered, and what follows a talk. Others show each of them.
fn beyond_keys(from: &str, way: &str) -> bool {
    matches!(way, "full" | "timeout" | "key" | "failed") || way == "closed" || from == "rate"
}

/// The edges that calls went.
fn edges_gone(events: &[Event]) -> BTreeSet<(String, String)> {
    let mut at: BTreeMap<ContactId, &str> = BTreeMap::new();
    let mut gone = BTreeSet::new();
    for event in events {
        if let (What::FlowNode { node, way }, Some(contact)) = (&event.what, event.contact)
            && let (Some(from), Some(way)) = (at.insert(contact, node), way)
        {
            gone.insert((from.to_owned(), way.clone()));
        }
    }
    gone
}

/// Callers at work, and their audio.
type Callers = (Vec<Sipp>, Vec<JoinHandle<RtpPeer>>);

/// Lets the callers press; waits until every edge was gone.
fn check(press: impl FnOnce(&Gateway, Vec<RtpPeer>, Vec<CallerLine>) -> Callers) {
    let gateway = Gateway::start(&Config::shipped());
    let mut journal = gateway.journal();
    let (peers, lines) = callers(PATHS.len(), "8001");
    let _callers = press(&gateway, peers, lines);
    let flows = Library::embedded().unwrap();
    let flow = flows.get("hotline-main").unwrap();
    let wanted: BTreeSet<(String, String)> = flow
        .edges()
        .into_iter()
        .map(|edge| (edge.from, edge.way))
        .filter(|(from, way)| !beyond_keys(from, way))
        .collect();
    let began = Instant::now();
    loop {
        let gone = edges_gone(journal.events());
        let missing: Vec<_> = wanted.difference(&gone).collect();
        if missing.is_empty() {
            return;
        }
        assert!(began.elapsed() < CALL_MAX, "nobody went {missing:?}");
        pass(ms(500));
    }
}

#[test]
fn keys_in_rtp_lead_callers_along_every_edge_of_the_main_flow() {
    check(|gateway, peers, lines| {
        let call = Scenario::call(Codec::Pcma, CALL_MAX);
        let sipp = Sipp::start(gateway.sip("trunk"), &call, &lines, 20);
        let press = |(peer, keys): (RtpPeer, &'static &str)| {
            std::thread::spawn(move || {
                until("the caller to hear something", secs(30), || {
                    (tone::loud_ms(&peer.heard(0)) > 100).then_some(())
                });
                for key in keys.chars() {
                    pass(STEP);
                    if key != 'w' {
                        peer.press(key);
                    }
                }
                peer
            })
        };
        (vec![sipp], peers.into_iter().zip(PATHS).map(press).collect())
    });
}

#[test]
fn keys_by_info_lead_callers_along_every_edge_of_the_main_flow() {
    let mut kept = Vec::new();
    check(|gateway, peers, lines| {
        kept = peers;
        let call = |(line, keys): (CallerLine, &&str)| {
            let scenario = Scenario::keys(Codec::Pcma, keys, STEP, CALL_MAX);
            Sipp::start(gateway.sip("trunk"), &scenario, &[line], 1)
        };
        (lines.into_iter().zip(PATHS).map(call).collect(), Vec::new())
    });
    drop(kept);
}

/// A menu whose one choice has two keys: after the first there is silence.
const TWO_KEYS: &str = r#"flow: hotline-main
languages: [en]
start: menu
notices: []
nodes:
  menu:
    menu:
      long: [main-menu-long, main-menu-long]
      inter_digit: 10s
      keys: {"21": bye}
      no_input: {max: 1, next: bye}
      no_match: {max: 9, next: bye}
  bye:
    hangup: {}
"#;

#[test]
fn key_cuts_a_prompt_within_a_tenth_of_a_second() {
    let dir = super::gateway::folder();
    std::fs::write(dir.join("hotline-main.yaml"), TWO_KEYS).unwrap();
    let mut config = Config::shipped();
    config.set("flows.dir", dir.to_str().unwrap());
    let numbers = config.table["number"].as_array_mut().unwrap();
    numbers.truncate(1);
    numbers[0]
        .as_table_mut()
        .unwrap()
        .insert("language".to_owned(), "en".into());
    let gateway = Gateway::start(&config);
    // The best of a few: a busy machine may hold any one of them up.
    let cut = (0..3).map(|_| {
        let phone = SoftPhone::start();
        let audio = RtpPeer::start(Codec::Pcma, 440);
        phone.call(&gateway, "8001", sdp(audio.port, Codec::Pcma));
        until("the caller to hear the menu", secs(15), || {
            (tone::loud_ms(&audio.heard(0)) > 500).then_some(())
        });
        audio.press('2');
        pass(ms(900));
        audio.loud_after_key().expect("the key went out")
    });
    let cut = cut.min().unwrap();
    assert!(cut < ms(100), "{cut:?}");
}
