//! Starting in vain says why; stopping in good order loses nothing.

use std::fs;
use std::io::Read as _;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use hotline_journal::What;
use hotline_media::Codec;
use hotline_types::{EndCause, HangupBy};

use super::baresip::{Answers, Baresip};
use super::call::Wav;
use super::gateway::{Config, Gateway, folder, program};
use super::journal::Journal;
use super::sipp::{Scenario, Sipp, callers};
use super::wait::{pass, secs, until};

/// A program that ends by itself, or with the test.
pub struct Ending(pub Child);

impl Ending {
    /// What it printed until it ended.
    #[track_caller]
    pub fn output(mut self, deadline: Duration) -> Output {
        let status = until("the program to end", deadline, || self.0.try_wait().unwrap());
        let mut output = Output {
            status,
            stdout: Vec::new(),
            stderr: Vec::new(),
        };
        if let Some(mut stdout) = self.0.stdout.take() {
            stdout.read_to_end(&mut output.stdout).unwrap();
        }
        if let Some(mut stderr) = self.0.stderr.take() {
            stderr.read_to_end(&mut output.stderr).unwrap();
        }
        output
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Runs the program with a configuration that keeps it from starting.
fn run(dir: &Path, config: &str, data: &Path) -> Output {
    fs::write(dir.join("hotline.toml"), config).unwrap();
    let child = Command::new(program())
        .arg("--config")
        .arg(dir.join("hotline.toml"))
        .arg("--data")
        .arg(data)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    Ending(child).output(secs(20))
}

/// A start that fails with this code and says all of this.
fn check(config: &Config, data: &Path, code: i32, says: &[&str]) {
    let dir = folder();
    let output = run(&dir, &toml::to_string(&config.table).unwrap(), data);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for part in says {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn port_in_use_is_said_with_a_hint() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut config = Config::quick();
    let bind = address.clone();
    config.each("listener", |listener| {
        if listener["slug"].as_str() == Some("trunk") {
            listener.insert("bind".to_owned(), bind.clone().into());
        }
    });
    let data = folder();
    check(&config, &data, 1, &[&address, "hint: "]);
    fs::remove_dir_all(data).unwrap();
}

#[test]
fn console_port_in_use_is_said_with_a_hint() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut config = Config::quick();
    config.set("console.bind", address.as_str());
    let data = folder();
    check(&config, &data, 1, &[&address, "hint: "]);
    fs::remove_dir_all(data).unwrap();
}

#[test]
fn second_gateway_on_the_same_data_folder_is_turned_away() {
    let gateway = Gateway::start(&Config::quick());
    let data = gateway.data();
    check(
        &Config::quick(),
        &data,
        1,
        &[data.to_str().unwrap(), "in use by another gateway", "hint: "],
    );
    assert_eq!(gateway.get("/readyz").0, 200, "the first is not disturbed");
}

#[test]
fn data_folder_that_cannot_be_written_is_said_with_a_hint() {
    let dir = folder();
    // Below a file nobody can make a folder, whatever the rights.
    fs::write(dir.join("file"), "").unwrap();
    check(
        &Config::quick(),
        &dir.join("file").join("data"),
        1,
        &["file/data", "hint: "],
    );
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn five_mistakes_of_the_configuration_are_told_at_once() {
    let mut config = Config::quick();
    config.set("hotline.time_zone", "Mars/Olympus");
    config.set("hotline.lines", 0);
    config.set("media.rtp_ports", "9-1");
    config.set("routing.login", "maybe");
    config.set("recording.enable", true);
    let data = folder();
    let says = ["time_zone", "lines", "rtp_ports", "login", "enable"];
    check(&config, &data, 3, &says);
    fs::remove_dir_all(data).unwrap();
}

#[test]
fn stop_refuses_new_calls_and_lets_the_live_one_end() {
    let mut config = Config::quick();
    config.set("limits.drain", "30s");
    let mut gateway = Gateway::start(&config);
    let mut journal = gateway.journal();
    let agent = Baresip::start(&gateway, "1001", Codec::Pcma, 1_000, Answers::AtOnce);
    let (_peers, lines) = callers(2, "8003");
    let live = Sipp::start(
        gateway.sip("trunk"),
        &Scenario::call(Codec::Pcma, secs(60)),
        &lines[..1],
        1,
    );
    journal.until_bridged(secs(10));
    gateway.terminate();
    until("the gateway to say that it drains", secs(5), || {
        (gateway.get("/readyz").0 == 503).then_some(())
    });
    let refused = Scenario::refused(503, Some(("Retry-After", " *[0-9]+"))).plain();
    Sipp::start(gateway.sip("trunk"), &refused, &lines[1..], 1).finish(secs(10));
    pass(secs(2));
    assert!(
        !journal.events().iter().any(|event| event.what == What::Unbridged),
        "the live call goes on"
    );
    agent.command("hangup");
    live.finish(secs(10));
    assert_eq!(gateway.until_ended(secs(15)).code(), Some(0), "{}", gateway.log());

    let mut journal = Journal::open(&gateway.data());
    let events = journal.events().to_vec();
    assert_eq!(events.last().map(|event| event.what.clone()), Some(What::Stopped));
    assert!(events.iter().any(|event| {
        matches!(
            event.what,
            What::ContactClosed {
                cause: EndCause::Completed(HangupBy::Agent),
                ..
            }
        )
    }));
    let path = events.iter().find_map(|event| match &event.what {
        What::RecordingSealed {
            path,
            repaired: false,
            ..
        } => Some(path.clone()),
        _ => None,
    });
    assert!(Wav::read(&gateway, &path.expect("the recording is sealed")).length_ms() > 1_500);
}

#[test]
fn drain_limit_ends_the_talk_and_loses_the_caller_who_waits() {
    let mut config = Config::quick();
    config.set("limits.drain", "2s");
    let mut gateway = Gateway::start(&config);
    let mut journal = gateway.journal();
    let _agent = Baresip::start(&gateway, "1001", Codec::Pcma, 1_000, Answers::AtOnce);
    let (_peers, lines) = callers(2, "8003");
    let live = Sipp::start(
        gateway.sip("trunk"),
        &Scenario::call(Codec::Pcma, secs(60)),
        &lines,
        10,
    );
    journal.until_count("queue entries", 2, secs(10), |event| {
        matches!(event.what, What::QueueEntered { .. })
    });
    journal.until_bridged(secs(10));
    gateway.terminate();
    live.finish(secs(10));
    assert_eq!(gateway.until_ended(secs(10)).code(), Some(0), "{}", gateway.log());
    let mut journal = Journal::open(&gateway.data());
    let events = journal.events();
    let mut ends: Vec<String> = events
        .iter()
        .filter_map(|event| match &event.what {
            What::ContactClosed { cause, .. } => Some(format!("{cause:?}")),
            _ => None,
        })
        .collect();
    ends.sort();
    assert_eq!(ends, ["Completed(System)", "Lost(Shutdown)"]);
    assert!(
        events
            .iter()
            .any(|event| matches!(event.what, What::RecordingSealed { repaired: false, .. }))
    );
    assert_eq!(events.last().map(|event| event.what.clone()), Some(What::Stopped));
}
