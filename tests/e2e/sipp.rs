//! SIPp as callers: signalling alone; their audio belongs to peers of ours.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hotline_media::Codec;
use hotline_sip::Transport;

use super::gateway::Gateway;
use super::rtp::RtpPeer;
use super::wait::until;

/// One call to make.
#[derive(Clone, Debug)]
pub struct CallerLine {
    /// Port of the caller's audio.
    pub media_port: u16,
    /// The caller's number.
    pub caller: String,
    /// The number called.
    pub dialled: String,
}

/// A scenario, and what is written into its blanks.
pub struct Scenario {
    text: String,
}

impl Scenario {
    fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
        }
    }

    fn fill(mut self, blank: &str, value: &str) -> Self {
        let blank = format!("@{blank}@");
        assert!(self.text.contains(&blank), "the scenario has no {blank}");
        self.text = self.text.replace(&blank, value);
        self
    }

    fn codec(self, codec: Codec) -> Self {
        let (payload_type, name) = if codec == Codec::Pcma {
            (8, "PCMA")
        } else {
            (0, "PCMU")
        };
        let maps = format!(
            "a=rtpmap:{payload_type} {name}/8000\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15"
        );
        self.fill("FORMATS", &format!("{payload_type} 101"))
            .fill("MAPS", &maps)
    }

    /// A call that lasts at most `length` from its answer.
    pub fn call(codec: Codec, length: Duration) -> Self {
        Self::new(include_str!("../data/sipp/call.xml"))
            .codec(codec)
            .fill("LENGTH_MS", &length.as_millis().to_string())
    }

    /// A call whose caller presses these keys by SIP INFO, `step` after each other, `w` for none, and then listens.
    pub fn keys(codec: Codec, keys: &str, step: Duration, length: Duration) -> Self {
        let info = include_str!("../data/sipp/info.xml");
        let mut presses = String::new();
        for (number, key) in keys.chars().enumerate() {
            presses.push_str(&format!("<pause milliseconds=\"{}\"/>\n", step.as_millis()));
            if key != 'w' {
                let info = info.replace("@KEY@", &key.to_string());
                presses.push_str(&info.replace("@CSEQ@", &(number + 2).to_string()));
            }
        }
        Self::new(include_str!("../data/sipp/keys.xml"))
            .codec(codec)
            .fill("KEYS", &presses)
            .fill("LENGTH_MS", &length.as_millis().to_string())
    }

    /// A call that is refused with this status and, where named, this header with this value (a regular expression).
    pub fn refused(status: u16, header: Option<(&str, &str)>) -> Self {
        let (check, reference) = match header {
            None => (String::new(), ""),
            Some((name, value)) => (
                format!(
                    "<action><ereg regexp=\"{value}\" search_in=\"hdr\" header=\"{name}:\" check_it=\"true\" assign_to=\"1\"/></action>"
                ),
                "<Reference variables=\"1\"/>",
            ),
        };
        Self::new(include_str!("../data/sipp/refused.xml"))
            .fill("STATUS", &status.to_string())
            .fill("CHECK", &check)
            .fill("REFERENCE", reference)
    }

    /// A call that is refused with 403 or not heard.
    pub fn unheard() -> Self {
        Self::new(include_str!("../data/sipp/unheard.xml")).codec(Codec::Pcma)
    }

    /// The same with an offer of G.711 A-law.
    pub fn plain(self) -> Self {
        self.codec(Codec::Pcma)
    }

    /// The same with an offer of G.729 alone.
    pub fn g729(self) -> Self {
        self.fill("FORMATS", "18").fill("MAPS", "a=rtpmap:18 G729/8000")
    }
}

/// Callers with a port each.
pub fn callers(count: usize, dialled: &str) -> (Vec<RtpPeer>, Vec<CallerLine>) {
    let peers: Vec<RtpPeer> = (0..count).map(|_| RtpPeer::start(Codec::Pcma, 440)).collect();
    let line = |(number, peer): (usize, &RtpPeer)| CallerLine {
        media_port: peer.port,
        caller: format!("139{number:08}"),
        dialled: dialled.to_owned(),
    };
    let lines = peers.iter().enumerate().map(line).collect();
    (peers, lines)
}

/// One caller to the direct number by the trunk, for at most `length` from the answer: the audio, and SIPp at work.
pub fn one_caller(gateway: &Gateway, length: Duration) -> (RtpPeer, Sipp) {
    let (mut peers, lines) = callers(1, "8003");
    let call = Scenario::call(Codec::Pcma, length);
    let sipp = Sipp::start(gateway.sip("trunk"), &call, &lines, 1);
    (peers.remove(0), sipp)
}

/// SIPp at work.
pub struct Sipp {
    child: Option<Child>,
    dir: PathBuf,
}

impl Sipp {
    /// Makes these calls, at this many per second.
    pub fn start(server: SocketAddr, scenario: &Scenario, lines: &[CallerLine], rate: usize) -> Self {
        Self::start_from("127.0.0.1", Transport::Udp, server, scenario, lines, rate)
    }

    /// The same from this address of this machine, by this transport.
    pub fn start_from(
        from: &str,
        transport: Transport,
        server: SocketAddr,
        scenario: &Scenario,
        lines: &[CallerLine],
        rate: usize,
    ) -> Self {
        let dir = super::gateway::folder();
        fs::write(dir.join("scenario.xml"), &scenario.text).unwrap();
        let mut rows = "SEQUENTIAL\n".to_owned();
        for line in lines {
            rows.push_str(&format!(
                "{};{};{};\n",
                line.media_port, line.caller, line.dialled
            ));
        }
        fs::write(dir.join("lines.csv"), rows).unwrap();
        let screen = File::create(dir.join("screen.txt")).unwrap();
        // It takes the ports of audio and video, whether the scenario has media or not.
        let (port, media) = (super::ports::one(), super::ports::block(4));
        let transport = if transport == Transport::Tcp { "t1" } else { "u1" };
        let child = Command::new("sipp")
            .current_dir(&dir)
            .args(["-sf", "scenario.xml", "-inf", "lines.csv", "-i", from, "-nostdin"])
            .args([
                "-t",
                transport,
                "-p",
                &port.to_string(),
                "-mp",
                &media.to_string(),
            ])
            .args([
                "-m",
                &lines.len().to_string(),
                "-r",
                &rate.to_string(),
                "-timeout",
                "120s",
                "-timeout_error",
            ])
            .args([
                "-trace_err",
                "-error_file",
                "errors.txt",
                "-trace_msg",
                "-message_file",
                "messages.txt",
            ])
            .arg(server.to_string())
            .stdin(Stdio::null())
            .stdout(screen.try_clone().unwrap())
            .stderr(screen)
            .spawn()
            .expect("sipp is installed (package sip-tester)");
        Self {
            child: Some(child),
            dir,
        }
    }

    /// Waits until every call went as its scenario says.
    #[track_caller]
    pub fn finish(mut self, deadline: Duration) {
        let child = self.child.as_mut().unwrap();
        let status = until("the callers to finish", deadline, || child.try_wait().unwrap());
        self.child = None;
        let read = |name| fs::read_to_string(self.dir.join(name)).unwrap_or_default();
        assert!(
            status.success(),
            "sipp: {status}\n{}\n{}",
            read("errors.txt"),
            read("messages.txt")
        );
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
        if !std::thread::panicking() {
            drop(fs::remove_dir_all(&self.dir));
        }
    }
}
