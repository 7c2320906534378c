//! Agents commanded from the terminal: pause, ready, release, list.

use std::process::{Command, Stdio};

use hotline_journal::What;
use hotline_media::Codec;
use hotline_sip::{LegEnd, PhoneCommand};

use super::gateway::{Config, Gateway, program};
use super::rtp::RtpPeer;
use super::softphone::{SoftPhone, sdp};
use super::stop::Ending;
use super::wait::{ms, pass, secs, until};

/// `hotline agent ...` on the data folder of a gateway: exit code and what it printed.
fn agent(gateway: &Gateway, arguments: &[&str]) -> (Option<i32>, String) {
    hotline(gateway, "agent", arguments)
}

/// `hotline COMMAND ...` on the data folder of a gateway: exit code and what it printed.
pub fn hotline(gateway: &Gateway, command: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let child = Command::new(program())
        .arg("--data")
        .arg(gateway.data())
        .arg(command)
        .args(arguments)
        .current_dir(&gateway.root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = Ending(child).output(secs(10));
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn agent_is_paused_made_ready_and_released_from_the_terminal() {
    let mut gateway = Gateway::start(&Config::quick());
    let mut journal = gateway.journal();
    let phone = SoftPhone::of_agent(&gateway, "1001");
    assert_eq!(agent(&gateway, &["pause", "1001", "--reason", "meal"]).0, Some(0));
    until("the pause", secs(5), || {
        (gateway.agent("1001")["intent"] == "paused").then_some(())
    });
    assert_eq!(gateway.agent("1001")["reason"], "meal");

    let caller = SoftPhone::start();
    let audio = RtpPeer::start(Codec::Pcma, 440);
    caller.call(&gateway, "8003", sdp(audio.port, Codec::Pcma));
    journal.until("the queue", secs(5), |event| {
        matches!(event.what, What::QueueEntered { .. })
    });
    pass(ms(500));
    assert!(
        !journal
            .events()
            .iter()
            .any(|event| matches!(event.what, What::OfferMade { .. }))
    );

    assert_eq!(agent(&gateway, &["ready", "1001"]).0, Some(0));
    let (leg, _) = phone.until_incoming(secs(5));
    let voice = RtpPeer::start(Codec::Pcma, 1_000);
    phone.command(PhoneCommand::Answer {
        leg,
        sdp: sdp(voice.port, Codec::Pcma),
    });
    journal.until_bridged(secs(5));
    let (code, list) = agent(&gateway, &["list"]);
    assert_eq!(code, Some(0));
    until("the list to show the talk", secs(5), || {
        let (_, list) = agent(&gateway, &["list"]);
        list.lines()
            .any(|line| line.starts_with("1001") && line.contains("talking"))
            .then_some(())
    });
    assert_eq!(list.lines().count(), 13, "a heading and twelve agents: {list}");

    assert_eq!(agent(&gateway, &["release", "1001"]).0, Some(0));
    assert_eq!(phone.until_ended(secs(5)), LegEnd::Bye);
    journal.until_closed(secs(5));

    let (code, said) = agent(&gateway, &["pause", "nobody"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("hint: "), "{said}");
    gateway.kill();
    let (code, said) = agent(&gateway, &["list"]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("hint: "), "{said}");
}
