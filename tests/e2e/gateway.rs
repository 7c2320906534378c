//! The real program in a folder of its own: configuration, start, log, end.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use toml::{Table, Value};

use super::journal::Journal;
use super::wait::{ms, secs, until};

/// How long a gateway may take until it is ready, on a busy machine.
const START: Duration = Duration::from_secs(20);
/// Ports for RTP of one gateway.
const RTP_PORTS: u16 = 160;

/// The program: the one that `HOTLINE_E2E_PROGRAM` names, else built once per run in the profile of this test.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(program) = std::env::var_os("HOTLINE_E2E_PROGRAM") {
            return PathBuf::from(program);
        }
        let test = std::env::current_exe().unwrap();
        let folder = test
            .parent()
            .and_then(Path::parent)
            .expect("a test lies in target/PROFILE/deps");
        let target = folder.parent().expect("a profile lies in the target folder");
        // The cargo that runs this test; run by hand, the one of the project's folder.
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.args([
            "build",
            "--quiet",
            "--locked",
            "-p",
            "hotline-daemon",
            "--bin",
            "hotline",
            "--target-dir",
        ]);
        build.arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
        if folder.ends_with("release") {
            build.arg("--release");
        }
        assert!(
            build.status().expect("cargo runs").success(),
            "the program does not build"
        );
        folder.join("hotline")
    })
}

/// A new empty folder of this test.
pub fn folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("hotline-e2e-{}-{count}", std::process::id()));
    fs::create_dir_all(&path).unwrap();
    path
}

/// The shipped configuration on free ports, with one band that is always on and everybody rostered on it.
pub struct Config {
    /// The file's tables.
    pub table: Table,
}

impl Config {
    /// With short flows and short times.
    pub fn quick() -> Self {
        let mut config = Self::shipped();
        let flows = Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join("flows");
        config.set("flows.dir", flows.to_str().unwrap());
        config.each("queue", |queue| {
            queue.insert("ring".to_owned(), "4s".into());
            queue.insert("ring_min".to_owned(), "1s".into());
            queue.insert("wrap_up".to_owned(), "1s".into());
        });
        config.set("routing.cool_off", "1s");
        config
    }

    /// With the shipped flows and times.
    pub fn shipped() -> Self {
        let table: Table = include_str!("../../config/hotline.toml")
            .parse()
            .expect("the default is TOML");
        let mut config = Self { table };
        config.each("listener", |listener| {
            drop(listener.insert("bind".to_owned(), "127.0.0.1:0".into()))
        });
        config.set("console.bind", "127.0.0.1:0");
        let first = super::ports::block(RTP_PORTS);
        config.set("media.rtp_ports", format!("{first}-{}", first + RTP_PORTS - 1));
        config.set("media.threads", 1);
        config.set("hotline.lines", i64::from(RTP_PORTS / 4));
        config.set("log.level", "info,hotline_sip=debug");
        let band: Table = "slug = 'always'\nfrom = '00:00'\nuntil = '24:00'"
            .parse()
            .unwrap();
        config
            .table
            .insert("band".to_owned(), Value::Array(vec![band.into()]));
        let agents: Vec<Value> = (1_001..=1_012)
            .map(|agent: i32| Value::String(agent.to_string()))
            .collect();
        config.roster(agents);
        config
    }

    /// Puts these agents on the band, and nobody else.
    pub fn roster(&mut self, agents: Vec<Value>) {
        let roster = Table::from_iter([
            ("band".to_owned(), "always".into()),
            ("agents".to_owned(), agents.into()),
        ]);
        let rows = if roster["agents"].as_array().is_some_and(Vec::is_empty) {
            vec![]
        } else {
            vec![roster.into()]
        };
        let seed = self.table["seed"]
            .as_table_mut()
            .expect("the default seeds people");
        seed.insert("roster".to_owned(), Value::Array(rows));
    }

    /// Sets a key of a section.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        let (section, key) = key.split_once('.').expect("section.key");
        let section = self.table.entry(section).or_insert_with(|| Table::new().into());
        section
            .as_table_mut()
            .expect("a section")
            .insert(key.to_owned(), value.into());
    }

    /// Changes every table of an array.
    pub fn each(&mut self, array: &str, mut change: impl FnMut(&mut Table)) {
        for table in self.table[array].as_array_mut().expect("an array of tables") {
            change(table.as_table_mut().expect("an array of tables"));
        }
    }
}

/// A running gateway. Dropping it ends the process it started, and removes its folder unless the test failed.
pub struct Gateway {
    /// Everything of it lies here.
    pub root: PathBuf,
    child: Option<Child>,
    control: serde_json::Value,
}

impl Gateway {
    /// Starts and waits until it is ready.
    pub fn start(config: &Config) -> Self {
        let root = folder();
        fs::write(root.join("hotline.toml"), toml::to_string(&config.table).unwrap()).unwrap();
        let mut gateway = Self {
            root,
            child: None,
            control: serde_json::Value::Null,
        };
        gateway.start_again();
        gateway
    }

    /// Starts on the same folder after the process has ended.
    pub fn start_again(&mut self) {
        assert!(self.child.is_none(), "it runs");
        drop(fs::remove_file(self.data().join("control.json")));
        self.child = Some(self.spawn());
        let child = self.child.as_mut().unwrap();
        let (control, log) = (
            self.root.join("data").join("control.json"),
            self.root.join("log.txt"),
        );
        self.control = until("the gateway to be ready", START, || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!(
                    "the gateway ended with {status}\n{}",
                    fs::read_to_string(&log).unwrap_or_default()
                );
            }
            serde_json::from_str(&fs::read_to_string(&control).ok()?).ok()
        });
        assert_eq!(self.control["pid"].as_u64(), Some(u64::from(child.id())));
    }

    fn spawn(&self) -> Child {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.root.join("log.txt"))
            .unwrap();
        Command::new(program())
            .arg("--config")
            .arg(self.root.join("hotline.toml"))
            .arg("--data")
            .arg(self.data())
            .current_dir(&self.root)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("the program starts")
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// What it logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.root.join("log.txt")).unwrap_or_default()
    }

    /// Address of a listener by its slug.
    pub fn sip(&self, listener: &str) -> SocketAddr {
        let address = self.control["sip"][listener].as_str();
        address
            .unwrap_or_else(|| panic!("no listener {listener} in {}", self.control))
            .parse()
            .unwrap()
    }

    /// Password of an agent.
    pub fn password(&self, agent: &str) -> String {
        let text =
            fs::read_to_string(self.data().join("secrets.toml")).expect("the first start hands secrets out");
        let table: Table = text.parse().unwrap();
        table["agents"][agent]
            .as_str()
            .expect("every agent has a password")
            .to_owned()
    }

    /// The journal, to read.
    pub fn journal(&self) -> Journal {
        Journal::open(&self.data())
    }

    /// GET with the token of `control.json`: status and body.
    pub fn get(&self, path: &str) -> (u16, String) {
        super::http::get(&self.host(), path, self.control["token"].as_str().unwrap())
    }

    /// POST of JSON with the same token.
    pub fn post(&self, path: &str, body: &str) -> (u16, String) {
        super::http::post(&self.host(), path, self.control["token"].as_str().unwrap(), body)
    }

    fn host(&self) -> String {
        let url = self.control["url"].as_str().unwrap();
        url.trim_start_matches("http://").trim_end_matches('/').to_owned()
    }

    /// GET, as JSON.
    pub fn json(&self, path: &str) -> serde_json::Value {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Waits until the counters of all queues of today show this, and returns the whole row of the total.
    #[track_caller]
    pub fn until_figures(&self, wanted: &[(&str, u64)]) -> serde_json::Value {
        self.until_total("queues", wanted)
    }

    /// The same of all numbers.
    #[track_caller]
    pub fn until_numbers(&self, wanted: &[(&str, u64)]) -> serde_json::Value {
        self.until_total("numbers", wanted)
    }

    /// The live figures follow the journal at their own pace.
    #[track_caller]
    fn until_total(&self, part: &str, wanted: &[(&str, u64)]) -> serde_json::Value {
        let end = Instant::now() + secs(5);
        loop {
            let row = self.json("/v1/figures?group=total")["items"][0].clone();
            if wanted
                .iter()
                .all(|(key, count)| row[part][*key].as_u64() == Some(*count))
            {
                return row;
            }
            assert!(Instant::now() < end, "{part} never showed {wanted:?}: {row}");
            std::thread::park_timeout(ms(50));
        }
    }

    /// An agent as the API shows it.
    pub fn agent(&self, slug: &str) -> serde_json::Value {
        let rows = self.json("/v1/agents");
        let rows = rows["items"].as_array().expect("a list").clone();
        rows.into_iter()
            .find(|row| row["id"] == slug)
            .unwrap_or_else(|| panic!("no agent {slug}"))
    }

    /// Waits until a registered phone has made its agent ready.
    pub fn until_ready(&self, slug: &str) {
        until(&format!("agent {slug} to be ready"), secs(15), || {
            let agent = self.agent(slug);
            (agent["device"] == "registered" && agent["intent"] == "ready" && agent["work"] == "idle")
                .then_some(())
        });
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        let id = self.child.as_ref().expect("it runs").id();
        let id = rustix::process::Pid::from_raw(id.cast_signed()).expect("a process id");
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    }

    /// Waits for the end of the process.
    pub fn until_ended(&mut self, deadline: Duration) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        until("the gateway to end", deadline, || child.try_wait().unwrap())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(60).collect();
            for line in tail.into_iter().rev() {
                println!("gateway: {line}");
            }
            println!("kept for a look: {}", self.root.display());
        } else {
            drop(fs::remove_dir_all(&self.root));
        }
    }
}
