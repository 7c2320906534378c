//! Recordings as evidence: pauses, policies, proof, holding and erasing, and a disk that is full.

use std::fs;
use std::process::{Command, Stdio};

use hotline_journal::{By, What};
use hotline_media::Codec;
use hotline_sip::PhoneCommand;
use serde_json::Value;

use super::gateway::{Config, Gateway, program};
use super::journal::Journal;
use super::rtp::RtpPeer;
use super::softphone::{SoftPhone, audio_address, sdp};
use super::stop::Ending;
use super::tone;
use super::wait::{ms, pass, secs, until};

/// `hotline recording ...` on the data folder of a gateway: exit code and what it printed.
fn recording(gateway: &Gateway, arguments: &[&str]) -> (Option<i32>, String) {
    let child = Command::new(program())
        .arg("--config")
        .arg(gateway.root.join("hotline.toml"))
        .arg("--data")
        .arg(gateway.data())
        .arg("recording")
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

/// Caller and agent who talk.
struct Talk {
    gateway: Gateway,
    journal: Journal,
    caller: SoftPhone,
    call: hotline_types::LegId,
    _audio: RtpPeer,
    voice: RtpPeer,
    _agent: SoftPhone,
}

impl Talk {
    fn start(config: &Config) -> Self {
        let gateway = Gateway::start(config);
        let mut journal = gateway.journal();
        let agent = SoftPhone::of_agent(&gateway, "1001");
        let caller = SoftPhone::start();
        let audio = RtpPeer::start(Codec::Pcma, 440);
        let call = caller.call(&gateway, "8003", sdp(audio.port, Codec::Pcma));
        let answer = caller.until_answered(secs(5));
        audio.send_to(audio_address(&answer));
        let (leg, offer) = agent.until_incoming(secs(10));
        let voice = RtpPeer::start(Codec::Pcma, 1_000);
        voice.send_to(audio_address(&offer));
        agent.command(PhoneCommand::Answer {
            leg,
            sdp: sdp(voice.port, Codec::Pcma),
        });
        journal.until_bridged(secs(10));
        until("both to hear each other", secs(5), || {
            let both = [(&audio, 1_000), (&voice, 440)];
            both.iter()
                .all(|(peer, hz)| tone::heard_ms(&peer.heard(0), *hz) > 200)
                .then_some(())
        });
        Self {
            gateway,
            journal,
            caller,
            call,
            _audio: audio,
            voice,
            _agent: agent,
        }
    }

    fn contact(&mut self) -> String {
        self.journal.contacts()[0].to_string()
    }

    fn press(&self, keys: &str) {
        for key in keys.chars() {
            self.voice.press(key);
            pass(ms(250));
        }
    }

    fn hang_up(&mut self) {
        self.caller.command(PhoneCommand::Hangup { leg: self.call });
        self.journal.until_closed(secs(10));
    }
}

#[test]
fn recording_is_paused_by_agent_and_api_sealed_verified_held_and_erased() {
    let mut config = Config::quick();
    config.set("recording.encrypt", true);
    config.set("recording.policy", "queue");
    config.set("recording.pause_max", "2s");
    let mut talk = Talk::start(&config);
    pass(secs(1));
    talk.press("*71");
    let paused = talk.journal.until("the agent's pause", secs(5), |event| {
        matches!(event.what, What::RecordingPaused { .. })
    });
    assert_eq!(paused.by, By::Agent("1001".parse().unwrap()));
    let resumed = talk.journal.until("the rule's resume", secs(5), |event| {
        event.what == What::RecordingResumed
    });
    assert_eq!(resumed.by, By::System, "it goes on by itself");
    let contact = talk.contact();
    let act = |talk: &Talk, what: &str, body: &str| {
        talk.gateway
            .post(&format!("/v1/contacts/{contact}/recording/{what}"), body)
            .0
    };
    assert_eq!(act(&talk, "pause", r#"{"reason": "card", "seconds": 1}"#), 202);
    assert_eq!(act(&talk, "resume", ""), 202);
    assert_eq!(act(&talk, "resume", ""), 409, "it is not paused");
    talk.hang_up();
    let sealed = talk.journal.until("the sealing", secs(10), |event| {
        matches!(event.what, What::RecordingSealed { .. })
    });
    let What::RecordingSealed { path, length_ms, .. } = sealed.what else {
        unreachable!("that was waited for")
    };
    assert!(
        path.ends_with(".wav.enc") && length_ms > 3_000,
        "{path} {length_ms}"
    );

    let (code, list) = recording(&talk.gateway, &["list", "--json"]);
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(
        (code, &list["items"][0]["state"]),
        (Some(0), &Value::from("sealed"))
    );
    let (code, said) = recording(&talk.gateway, &["verify"]);
    assert_eq!(
        (code, said.contains("1 recordings as they were sealed")),
        (Some(0), true),
        "{said}"
    );
    about(&talk, &contact, &sealed.segment.unwrap().to_string());
    exported(
        &talk,
        &path,
        paused.at.since(opened_at(&mut talk_journal(&talk))).as_millis(),
    );
    erased(&talk, &contact, &path);
}

fn talk_journal(talk: &Talk) -> Journal {
    talk.gateway.journal()
}

fn opened_at(journal: &mut Journal) -> hotline_types::WallTime {
    journal
        .until("the recording", secs(1), |event| {
            matches!(event.what, What::RecordingStarted { .. })
        })
        .at
}

/// What the console is told, and that hearing is written down.
fn about(talk: &Talk, contact: &str, segment: &str) {
    let path = format!("/v1/recordings/{contact}/{segment}");
    let shape = talk.gateway.json(&format!("{path}/peaks?count=100"));
    let caller = shape["caller"].as_array().unwrap();
    assert_eq!(caller.len(), 100);
    assert!(
        caller.iter().filter(|peak| peak.as_u64() > Some(10)).count() > 20,
        "{shape}"
    );
    assert!(
        caller.iter().filter(|peak| peak.as_u64() == Some(0)).count() > 5,
        "the pause is silent: {shape}"
    );
    let found = talk.gateway.json("/v1/recordings?queue=nothing-of-this-name");
    assert_eq!(found["items"].as_array().map(Vec::len), Some(0));
    // FLAC is no text: only its right and its being written down are looked at here.
    assert_eq!(talk.gateway.get(&format!("{path}/download?format=mp3")).0, 400);
    let about = talk.gateway.json(&format!("{path}/about"));
    assert_eq!(about["intact"], true, "{about}");
    let marks = about["account"]["marks"].as_array().unwrap();
    let kinds: Vec<&str> = marks
        .iter()
        .filter_map(|mark| mark["segment"].as_str().or(mark["mark"].as_str()))
        .collect();
    assert_eq!(
        kinds,
        ["wait", "talk", "paused", "resumed", "paused", "resumed"],
        "{about}"
    );
}

/// Exported, it is a WAV of both, silent where it was paused.
fn exported(talk: &Talk, path: &str, paused_ms: u128) {
    let (code, said) = recording(&talk.gateway, &["export", path, "--to", "."]);
    assert_eq!(code, Some(0), "{said}");
    let mut wav = hound::WavReader::open(talk.gateway.root.join(said.trim())).unwrap();
    let samples: Vec<i16> = wav.samples().collect::<Result<_, _>>().unwrap();
    let left: Vec<i16> = samples.iter().step_by(2).copied().collect();
    assert!(tone::heard_ms(&left, 440) > 1_000);
    let from = usize::try_from(paused_ms).unwrap() * 8 + 1_600;
    let pause = &left[from..from + 8 * 1_500];
    assert_eq!(tone::loud_ms(pause), 0, "nothing is recorded while it is paused");
    let (code, said) = recording(&talk.gateway, &["export", path, "--format", "flac"]);
    assert_eq!(code, Some(0), "{said}");
    let flac = fs::read(talk.gateway.root.join(said.trim())).unwrap();
    assert!(flac.starts_with(b"fLaC") && flac.len() < samples.len() * 2);
}

/// A hold keeps it; without, it goes with its key and leaves a tombstone; what was changed is found.
fn erased(talk: &Talk, contact: &str, path: &str) {
    let file = talk.gateway.data().join("recordings").join(path);
    assert_eq!(
        recording(&talk.gateway, &["hold", contact, "--reason", "case 7"]).0,
        Some(0)
    );
    let (_, said) = recording(&talk.gateway, &["purge", contact, "--reason", "asked for"]);
    assert!(said.contains("kept") && file.exists(), "{said}");
    assert_eq!(
        recording(&talk.gateway, &["hold", contact, "--release", "--reason", "over"]).0,
        Some(0)
    );
    let mut bytes = fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&file, &bytes).unwrap();
    let (code, said) = recording(&talk.gateway, &["verify", contact]);
    assert_eq!(
        (code, said.contains("its SHA-256 is another one")),
        (Some(1), true),
        "{said}"
    );
    let (code, said) = recording(&talk.gateway, &["purge", contact, "--reason", "asked for"]);
    assert_eq!((code, file.exists()), (Some(0), false), "{said}");
    let keys = fs::read_dir(talk.gateway.data().join("keys")).unwrap();
    let left: Vec<String> = keys
        .map(|key| key.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !["signing.key", "wrapping.key"].contains(&name.as_str()))
        .collect();
    assert_eq!(left, [] as [&str; 0], "the key is destroyed");
    let (code, said) = recording(&talk.gateway, &["verify"]);
    assert_eq!((code, said.contains("1 erased")), (Some(0), true), "{said}");
}

/// A disk of which too little is free: the queue that refuses lets nobody in, the others talk on unrecorded.
#[test]
fn full_disk_refuses_or_goes_on_as_the_queue_says_and_raises_the_alarm() {
    for refuse in [true, false] {
        let mut config = Config::quick();
        // More than any disk has.
        config.set("recording.free_min_mb", 1_048_576);
        config.each("queue", |queue| {
            let word = if refuse { "refuse" } else { "go-on" };
            queue.insert("record_when_full".to_owned(), word.into());
        });
        if refuse {
            let gateway = Gateway::start(&config);
            let mut journal = gateway.journal();
            let _agent = SoftPhone::of_agent(&gateway, "1001");
            alarm(&mut journal);
            let caller = SoftPhone::start();
            let audio = RtpPeer::start(Codec::Pcma, 440);
            caller.call(&gateway, "8003", sdp(audio.port, Codec::Pcma));
            let skipped = journal.until("the refusal", secs(10), |event| {
                event.what == What::RecordingSkipped
            });
            assert!(skipped.queue.is_some(), "the queue is named");
            let events = journal.events();
            assert!(
                !events
                    .iter()
                    .any(|event| matches!(event.what, What::QueueEntered { .. }))
            );
            continue;
        }
        let mut talk = Talk::start(&config);
        alarm(&mut talk.journal);
        let events = talk.journal.events();
        assert!(events.iter().any(|event| event.what == What::RecordingSkipped));
        let started = |event: &hotline_journal::Event| matches!(event.what, What::RecordingStarted { .. });
        assert!(!events.iter().any(started));
        talk.hang_up();
    }
}

fn alarm(journal: &mut Journal) {
    journal.until("the alarm", secs(10), |event| {
        matches!(event.what, What::RecordingDisk { writable: false, .. })
    });
}
