//! baresip as an agent's phone: registered by digest, with a file as microphone and a file of what it heard.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hotline_media::Codec;

use super::gateway::{Gateway, folder};
use super::tone;
use super::wait::{ms, secs, until};

/// Seconds of the microphone's file.
const SOURCE_SECONDS: usize = 120;

/// What a phone does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// Takes it as soon as it rings.
    AtOnce,
    /// Takes it as soon as it rings, and hangs up after this.
    For(Duration),
}

/// The phone. Dropping it ends the process it started.
pub struct Baresip {
    child: Child,
    dir: PathBuf,
    control: Arc<Mutex<TcpStream>>,
    reader: Option<JoinHandle<()>>,
}

impl Baresip {
    /// Starts the phone of an agent and waits until the gateway calls the agent ready.
    pub fn start(gateway: &Gateway, agent: &str, codec: Codec, hz: u32, answers: Answers) -> Self {
        Self::start_with(gateway, agent, codec, hz, answers, "")
    }

    /// As [`Self::start`], with more parameters of its account, such as `;mediaenc=srtp-mand`.
    pub fn start_with(
        gateway: &Gateway,
        agent: &str,
        codec: Codec,
        hz: u32,
        answers: Answers,
        parameters: &str,
    ) -> Self {
        let server = gateway.sip("phones").to_string();
        Self::start_on(gateway, &server, agent, (codec, hz), answers, parameters)
    }

    /// As [`Self::start_with`], with another server: address, port and transport as in a URI.
    pub fn start_on(
        gateway: &Gateway,
        server: &str,
        agent: &str,
        (codec, hz): (Codec, u32),
        answers: Answers,
        parameters: &str,
    ) -> Self {
        let dir = folder();
        write_source(&dir.join("source.wav"), hz);
        let (sip, control, rtp) = (
            super::ports::block(4),
            super::ports::one(),
            super::ports::block(40),
        );
        let config = include_str!("../data/baresip.config")
            .replace("@DIR@", dir.to_str().unwrap())
            .replace("@SIP_PORT@", &sip.to_string())
            .replace("@CTRL_PORT@", &control.to_string())
            .replace("@RTP_FIRST@", &rtp.to_string())
            .replace("@RTP_LAST@", &(rtp + 39).to_string());
        fs::write(dir.join("config"), config).unwrap();
        let codec = if codec == Codec::Pcma { "PCMA" } else { "PCMU" };
        let password = gateway.password(agent);
        let account = format!(
            "<sip:{agent}@{server}>;auth_user={agent};auth_pass={password};regint=60;answermode=manual;audio_codecs={codec}/8000/1{parameters}\n"
        );
        fs::write(dir.join("accounts"), account).unwrap();
        fs::write(dir.join("contacts"), "").unwrap();
        let screen = File::create(dir.join("screen.txt")).unwrap();
        let child = Command::new("baresip")
            .arg("-f")
            .arg(&dir)
            .args(["-v", "-s"])
            .current_dir(&dir)
            .stdin(Stdio::null())
            .stdout(screen.try_clone().unwrap())
            .stderr(screen)
            .spawn()
            .expect("baresip is installed (package baresip-core)");
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, control));
        let control = until("baresip to listen", secs(15), || TcpStream::connect(at).ok());
        let reading = control.try_clone().unwrap();
        let control = Arc::new(Mutex::new(control));
        let reader = {
            let control = control.clone();
            std::thread::spawn(move || read(reading, answers, &control))
        };
        let phone = Self {
            child,
            dir,
            control,
            reader: Some(reader),
        };
        gateway.until_ready(agent);
        phone
    }

    /// A command of its menu, such as `accept`, `hold`, `resume`, `hangup`.
    pub fn command(&self, command: &str) {
        send(&self.control, command);
    }

    /// A command with its parameter, such as `transfer` and whom to.
    pub fn command_with(&self, command: &str, parameter: &str) {
        send_with(&self.control, command, parameter);
    }

    /// Everything it heard in all its calls.
    pub fn capture(&self) -> Vec<i16> {
        let mut names: Vec<PathBuf> = fs::read_dir(&self.dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.to_str().is_some_and(|path| path.ends_with("-dec.wav")))
            .collect();
        names.sort();
        names.iter().flat_map(|path| wav_samples(path)).collect()
    }
}

/// Samples of a WAV that may still be written: its header may not know the length yet.
fn wav_samples(path: &std::path::Path) -> Vec<i16> {
    let bytes = fs::read(path).unwrap();
    let start = bytes
        .windows(4)
        .position(|window| window == b"data")
        .map_or(bytes.len(), |at| at + 8);
    let data = bytes.get(start..).unwrap_or_default();
    data.chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

impl Drop for Baresip {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if let Ok(control) = self.control.lock() {
            drop(control.shutdown(std::net::Shutdown::Both));
        }
        if let Some(reader) = self.reader.take() {
            drop(reader.join());
        }
        if std::thread::panicking() {
            println!("phone kept for a look: {}", self.dir.display());
        } else {
            drop(fs::remove_dir_all(&self.dir));
        }
    }
}

/// Sends a command as a netstring of JSON.
fn send(control: &Mutex<TcpStream>, command: &str) {
    send_with(control, command, "");
}

fn send_with(control: &Mutex<TcpStream>, command: &str, parameter: &str) {
    let message = format!("{{\"command\":\"{command}\",\"params\":\"{parameter}\",\"token\":\"test\"}}");
    let mut control = control.lock().unwrap();
    control
        .write_all(format!("{}:{message},", message.len()).as_bytes())
        .expect("baresip listens");
}

/// Reads what the phone reports until it ends; takes and ends calls as it may.
fn read(mut from: TcpStream, answers: Answers, control: &Mutex<TcpStream>) {
    from.set_read_timeout(Some(ms(20))).unwrap();
    let mut buffer = [0_u8; 4_096];
    let mut reported = String::new();
    let (mut taken, mut begun) = (0, 0);
    let mut hang_up_at: Option<Instant> = None;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(len) => reported.push_str(&String::from_utf8_lossy(&buffer[..len])),
            Err(error) if [ErrorKind::Interrupted, ErrorKind::WouldBlock].contains(&error.kind()) => {}
            Err(_) => return,
        }
        let count = |event: &str| reported.matches(&format!("\"{event}\"")).count();
        while taken < count("CALL_INCOMING") {
            send(control, "accept");
            taken += 1;
        }
        if let Answers::For(time) = answers {
            if begun < count("CALL_ESTABLISHED") {
                begun += 1;
                hang_up_at = Some(Instant::now() + time);
            }
            if hang_up_at.is_some_and(|at| at <= Instant::now()) {
                hang_up_at = None;
                send(control, "hangup");
            }
        }
    }
}

fn write_source(path: &std::path::Path, hz: u32) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for at in 0..SOURCE_SECONDS * tone::RATE {
        writer.write_sample(tone::beating(hz, at)).unwrap();
    }
    writer.finalize().unwrap();
}
