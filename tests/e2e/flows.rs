//! Flows while calls are up: activation and roll-back, messages, the survey, early media of the emergency announcement.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use hotline_journal::{Event, What};
use hotline_media::Codec;
use hotline_sip::PhoneCommand;
use hotline_types::{EndCause, HangupBy, RefusalReason};

use super::gateway::{Config, Gateway, folder, program};
use super::rtp::RtpPeer;
use super::sipp::{Scenario, Sipp, callers};
use super::softphone::{SoftPhone, sdp};
use super::stop::Ending;
use super::tone;
use super::wait::{ms, pass, secs, until};

/// Ports for fifty calls and some.
const RTP_PORTS: u16 = 320;

/// A menu in a folder of its own: one key leads to a message, one to a person.
const MENU: &str = r#"flow: hotline-main
languages: [en]
start: menu
after_agent: rate
while_waiting:
  plain: {music: music-on-hold}
nodes:
  menu:
    menu:
      long: [welcome]
      timeout: 55s
      keys: {"1": message, "2": person}
      no_input: {max: 1, next: bye}
      no_match: {max: 9, next: bye}
  message:
    voicemail: {box: night, prompts: [please-hold], min: 1s, saved: bye, short: bye}
  person:
    queue: {name: after-sales, while_waiting: plain, exits: {timeout: bye, full: bye, no_staff: bye}}
  rate:
    survey:
      {question: service, prompts: [survey-rate], from: 1, to: 5, no_input: {max: 1, next: bye}, no_match: {max: 1, next: bye}, next: bye}
  bye:
    hangup: {}
"#;

fn own_flow() -> (Config, PathBuf) {
    let dir = folder();
    let file = dir.join("hotline-main.yaml");
    std::fs::write(&file, MENU).unwrap();
    let mut config = Config::quick();
    config.set("flows.dir", dir.to_str().unwrap());
    let numbers = config.table["number"].as_array_mut().unwrap();
    numbers.truncate(1);
    let main = numbers[0].as_table_mut().unwrap();
    main.insert("language".to_owned(), "en".into());
    main.insert("survey".to_owned(), true.into());
    (config, file)
}

/// `hotline ...` on the folder of a gateway: exit code and what it printed.
fn hotline(gateway: &Gateway, arguments: &[&str]) -> (Option<i32>, String) {
    let child = Command::new(program())
        .arg("--config")
        .arg(gateway.root.join("hotline.toml"))
        .arg("--data")
        .arg(gateway.data())
        .args(arguments)
        .current_dir(&gateway.root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = Ending(child).output(secs(20));
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

fn node(name: &'static str) -> impl Fn(&Event) -> bool {
    move |event| matches!(&event.what, What::FlowNode { node, .. } if node == name)
}

/// A caller in the menu, who hears it.
fn caller(gateway: &Gateway) -> (SoftPhone, RtpPeer) {
    let phone = SoftPhone::start();
    let audio = RtpPeer::start(Codec::Pcma, 440);
    phone.call(gateway, "8001", sdp(audio.port, Codec::Pcma));
    until("the caller to hear the menu", secs(15), || {
        (tone::loud_ms(&audio.heard(0)) > 300).then_some(())
    });
    (phone, audio)
}

#[test]
fn version_is_activated_while_a_call_is_up_which_stays_on_its_own() {
    let (mut config, file) = own_flow();
    let ports = super::ports::block(RTP_PORTS);
    config.set("media.rtp_ports", format!("{ports}-{}", ports + RTP_PORTS - 1));
    config.set("hotline.lines", 80);
    let gateway = Gateway::start(&config);
    let mut journal = gateway.journal();
    let (_peers, lines) = callers(49, "8001");
    let call = Scenario::call(Codec::Pcma, secs(120));
    let _others = Sipp::start(gateway.sip("trunk"), &call, &lines, 25);
    let (_old, old_keys) = caller(&gateway);
    journal.until_count("fifty calls in the menu", 50, secs(20), node("menu"));
    let before = journal.contacts();

    std::fs::write(&file, MENU.replace("\"1\": message", "\"1\": nowhere")).unwrap();
    let (code, said) = hotline(&gateway, &["flow", "activate", "hotline-main"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("flow.yaml:12:") && said.contains("there is no node"),
        "{said}"
    );

    let changed = MENU.replace("\"1\": message", "\"1\": person");
    let changed = changed.replace("  message:\n", "").replace(
        "    voicemail: {box: night, prompts: [please-hold], min: 1s, saved: bye, short: bye}\n",
        "",
    );
    std::fs::write(&file, changed).unwrap();
    let (code, said) = hotline(&gateway, &["flow", "activate", "hotline-main"]);
    assert_eq!(code, Some(0), "{said}");
    let activated = journal.until("the activation", secs(5), |event| {
        matches!(&event.what, What::FlowActivated { share: 100, .. })
    });
    assert!(
        matches!(&activated.what, What::FlowActivated { difference, previous: Some(_), .. } if difference == "+1 -3")
    );

    let (_new, new_keys) = caller(&gateway);
    new_keys.press('1');
    journal.until("the new call to follow the new version", secs(10), node("person"));
    old_keys.press('1');
    journal.until("the old call to follow its own", secs(10), node("message"));

    let (code, said) = hotline(&gateway, &["flow", "rollback", "hotline-main"]);
    assert_eq!(code, Some(0), "{said}");
    let (_third, keys) = caller(&gateway);
    keys.press('1');
    journal.until_count("two calls left messages", 2, secs(10), node("message"));
    let closed = |event: &Event| {
        matches!(event.what, What::ContactClosed { .. })
            && event.contact.is_some_and(|contact| before.contains(&contact))
    };
    assert!(
        !journal.events().iter().any(closed),
        "no call in progress was changed"
    );
}

#[test]
fn message_is_recorded_and_listed() {
    let (config, _) = own_flow();
    let gateway = Gateway::start(&config);
    let mut journal = gateway.journal();
    let (_phone, keys) = caller(&gateway);
    keys.press('1');
    journal.until("the message to be recorded", secs(20), |event| {
        matches!(event.what, What::RecordingStarted { .. })
    });
    pass(secs(2));
    keys.press('#');
    let sealed = journal.until("the message to be sealed", secs(10), |event| {
        matches!(event.what, What::RecordingSealed { .. })
    });
    let What::RecordingSealed { path, .. } = sealed.what else {
        unreachable!()
    };
    let heard = super::call::Wav::read(&gateway, &path);
    assert!(
        tone::heard_ms(&heard.left, 440) > 1_000,
        "{} ms of the caller",
        heard.length_ms()
    );
    let (code, said) = hotline(&gateway, &["flow", "messages"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.lines()
            .any(|line| line.starts_with("night") && line.contains("/v1/recordings/")),
        "{said}"
    );
}

#[test]
fn caller_is_asked_for_a_score_when_the_agent_has_hung_up() {
    let (config, _) = own_flow();
    let gateway = Gateway::start(&config);
    let mut journal = gateway.journal();
    let agent = SoftPhone::of_agent(&gateway, "1001");
    gateway.until_ready("1001");
    let (_phone, keys) = caller(&gateway);
    keys.press('2');
    let (leg, _) = agent.until_incoming(secs(10));
    let voice = RtpPeer::start(Codec::Pcma, 1_000);
    agent.command(PhoneCommand::Answer {
        leg,
        sdp: sdp(voice.port, Codec::Pcma),
    });
    journal.until("the bridge", secs(5), |event| {
        matches!(event.what, What::Bridged { .. })
    });
    pass(ms(500));
    agent.command(PhoneCommand::Hangup { leg });
    journal.until("the survey", secs(5), node("rate"));
    pass(ms(300));
    keys.press('4');
    journal.until("the score", secs(5), |event| {
        matches!(&event.what, What::SurveyAnswered { question, score: Some(4) } if question == "service")
    });
    let closed = journal.until_closed(secs(10));
    assert!(matches!(
        closed.what,
        What::ContactClosed {
            cause: EndCause::Completed(HangupBy::Agent),
            ..
        }
    ));
    let talk_ends = journal
        .events()
        .iter()
        .position(|event| event.what == What::Unbridged);
    let asked = journal.events().iter().position(node("rate"));
    assert!(talk_ends < asked, "the survey is no talk time");
}

#[test]
fn emergency_announcement_is_early_media_and_then_a_refusal() {
    let mut config = Config::shipped();
    config.set("media.threads", 1);
    let gateway = Gateway::start(&config);
    let mut journal = gateway.journal();
    let (code, said) = hotline(&gateway, &["emergency", "on", "main"]);
    assert_eq!(code, Some(0), "{said}");
    let phone = SoftPhone::start();
    let audio = RtpPeer::start(Codec::Pcma, 440);
    phone.call(&gateway, "8001", sdp(audio.port, Codec::Pcma));
    until("the caller to hear the announcement", secs(15), || {
        (tone::loud_ms(&audio.heard(0)) > 1_000).then_some(())
    });
    let closed = journal.until_closed(secs(40));
    assert_eq!(
        closed.what,
        What::ContactClosed {
            cause: EndCause::Refused(RefusalReason::Flow),
            sip_status: Some(480),
        }
    );
    let connected = |event: &Event| event.what == What::CallerConnected;
    assert!(
        !journal.events().iter().any(connected),
        "it cost the caller nothing"
    );
    assert_eq!(hotline(&gateway, &["emergency", "off", "main"]).0, Some(0));
    let (_phone, _audio) = caller(&gateway);
    journal.until("the menu", secs(10), node("welcome"));
}
