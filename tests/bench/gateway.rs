//! The real program in release, in a folder of its own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longest time to become ready, and to end.
const READY_MAX: Duration = Duration::from_secs(60);
/// Ports for RTP of all gateways, one after the other.
const RTP_PORTS: &str = "10000-19999";
/// How often something is looked at that cannot wake us.
const LOOK: Duration = Duration::from_millis(1);

const FLOW: &str = r#"
flow: bench
languages: [zh-CN, en]
language: en
notices: []
start: menu
defaults: {on_error: to_agent, max_steps: 20}
while_waiting:
  standard: {music: music-on-hold}
nodes:
  menu:
    menu:
      long: [main-menu-long]
      timeout: 9s
      keys: {"1": to_agent}
      no_input: {max: 1, next: closed}
      no_match: {max: 1, prompts: [invalid-key], next: closed}
  to_agent:
    queue: {name: bench, while_waiting: standard, exits: {timeout: closed, full: closed, no_staff: closed}}
  closed:
    hangup: {prompts: [goodbye]}
"#;

/// What differs between the runs.
pub struct Config {
    /// Agents there are, `1001` and on.
    pub agents: usize,
    /// Whether talks are recorded.
    pub record: bool,
}

/// The folder of one gateway.
#[derive(Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// With flows and configuration.
    pub fn new(config: &Config) -> Self {
        let name = format!("hotline-bench-{}-{}", std::process::id(), nanos());
        let folder = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(folder.0.join("flows")).unwrap();
        fs::write(folder.0.join("flows/bench.yaml"), FLOW).unwrap();
        fs::write(folder.0.join("hotline.toml"), folder.settings(config)).unwrap();
        folder
    }

    /// Its data.
    pub fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    /// Deletes everything in it.
    pub fn remove(&self) {
        // What is left lies among the temporary files.
        drop(fs::remove_dir_all(&self.0));
    }

    fn settings(&self, config: &Config) -> String {
        let shipped: toml::Table = include_str!("../../config/hotline.toml").parse().unwrap();
        let mut table = toml::Table::new();
        for section in ["hotline", "routing", "sip", "trunk", "console", "limits", "log"] {
            table.insert(section.to_owned(), shipped[section].clone());
        }
        table["hotline"]["lines"] = 200.into();
        table["console"]["bind"] = "127.0.0.1:0".into();
        table["log"]["level"] = "warn".into();
        let mut text = toml::to_string(&table).unwrap();
        let agents: Vec<String> = (0..config.agents)
            .map(|index| format!("\"{}\"", 1001 + index))
            .collect();
        for agent in &agents {
            let _ = write!(
                text,
                "\n[[seed.agent]]\nslug = {agent}\nlabel = {agent}\nteam = \"team\"\n"
            );
        }
        let _ = write!(
            text,
            r#"
[[seed.roster]]
band = "always"
agents = [{}]
[[number]]
slug = "bench"
label = "Bench"
dialled = ["8001"]
flow = "bench"
[[band]]
slug = "always"
label = "Always"
from = "00:00"
until = "24:00"
[[team]]
slug = "team"
label = "Team"
[[queue]]
slug = "bench"
label = "Bench"
teams = ["team"]
capacity = 190
wait_max = "10m"
ring = "10s"
wrap_up = "0s"
[[listener]]
slug = "phones"
role = "phones"
bind = "127.0.0.1:0"
[[listener]]
slug = "trunk"
role = "trunk"
bind = "127.0.0.1:0"
[media]
rtp_ports = "{RTP_PORTS}"
[recording]
enabled = {}
[data]
dir = "{}"
[flows]
dir = "{}"
"#,
            agents.join(", "),
            config.record,
            self.data().display(),
            self.0.join("flows").display()
        );
        text
    }
}

fn nanos() -> u128 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_nanos()
}

/// The program that `HOTLINE_BENCH_PROGRAM` names, else the one of this workspace, built where it is not.
fn program() -> PathBuf {
    if let Some(program) = std::env::var_os("HOTLINE_BENCH_PROGRAM") {
        return program.into();
    }
    let bench = std::env::current_exe().unwrap();
    let folder = bench
        .parent()
        .and_then(Path::parent)
        .expect("a bench lies in target/PROFILE/deps")
        .to_owned();
    let target = folder.parent().expect("a profile lies in the target folder");
    let mut build = Command::new(env!("CARGO"));
    build.args([
        "build",
        "--release",
        "--quiet",
        "--locked",
        "-p",
        "hotline-daemon",
        "--bin",
        "hotline",
        "--target-dir",
    ]);
    build.arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(build.status().unwrap().success(), "the program does not build");
    target.join("release").join("hotline")
}

/// The running program.
pub struct Gateway {
    folder: Folder,
    keep: bool,
    child: Child,
    control: serde_json::Value,
}

impl Gateway {
    /// In a new folder, which goes with it.
    pub fn start(config: &Config) -> Self {
        let mut gateway = Self::start_in(Folder::new(config));
        gateway.keep = false;
        gateway
    }

    /// In this folder; returns when it is ready.
    pub fn start_in(folder: Folder) -> Self {
        static PROGRAM: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
        let program = PROGRAM.get_or_init(program);
        let log = fs::File::create(folder.0.join("log.txt")).unwrap();
        let config = folder.0.join("hotline.toml");
        let begin = Instant::now();
        let mut child = Command::new(program)
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let control = loop {
            let ended = child.try_wait().unwrap().is_some();
            let text = fs::read_to_string(folder.data().join("control.json")).unwrap_or_default();
            let control: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            if control["pid"] == child.id() && ready(&control) {
                break control;
            }
            assert!(
                !ended && begin.elapsed() < READY_MAX,
                "the gateway is not ready\n{}",
                fs::read_to_string(folder.0.join("log.txt")).unwrap_or_default()
            );
            std::thread::park_timeout(LOOK);
        };
        Self {
            folder,
            keep: true,
            child,
            control,
        }
    }

    /// Address of a listener.
    pub fn listener(&self, slug: &str) -> SocketAddr {
        self.control["sip"][slug].as_str().unwrap().parse().unwrap()
    }

    /// The agents' passwords.
    pub fn passwords(&self) -> BTreeMap<String, String> {
        let text = fs::read_to_string(self.folder.data().join("secrets.toml")).unwrap();
        let table: toml::Table = text.parse().unwrap();
        let agents = table["agents"].as_table().unwrap();
        agents
            .iter()
            .map(|(agent, password)| (agent.clone(), password.as_str().unwrap().to_owned()))
            .collect()
    }

    /// CPU time so far, of all threads there were, seconds; in steps of 10 ms.
    pub fn cpu_s(&self) -> f64 {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
        // utime and stime, fields 14 and 15 of proc(5), the first after the name being 3; ticks of 1/100 s.
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
    }

    /// Memory resident, kB.
    pub fn rss_kb(&self) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Ends it, and removes its folder where it was its own.
    pub fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "the gateway ended with {status}");
        if !self.keep {
            self.folder.remove();
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Ended already where all went well.
        drop(self.child.kill());
    }
}

/// Whether `/readyz` says so.
fn ready(control: &serde_json::Value) -> bool {
    let ask = || -> Option<bool> {
        let address = control["url"].as_str()?.strip_prefix("http://")?;
        let mut stream = TcpStream::connect(address).ok()?;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer.starts_with("HTTP/1.1 200"))
    };
    ask().unwrap_or(false)
}
