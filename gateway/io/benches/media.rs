//! What relaying costs: CPU of the media thread per packet over loopback, with and without the recording tap, plain
//! and coalesced, beside the loopback floor of the same run.
//!
//! `cargo bench -p hotline-io --bench media [-- CALLS...]`; one JSON line per figure goes to `target/bench.jsonl`.
#![allow(clippy::print_stdout, reason = "a benchmark tells its figures")]

use std::fs::OpenOptions;
use std::io::Write as _;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use hotline_io::clock::Clock;
use hotline_io::media::{MediaConfig, MediaPlane};
use hotline_media::rtp::Header;
use hotline_media::tap::TapMessage;
use hotline_media::{
    AfterPlay, ClipId, Codec, Direction, Library, MediaCommand, MediaEvent, Negotiated, PeerTrust, PlayId,
    RecordingSpec,
};
use hotline_types::{ContactId, LegId, SegmentId, Time};
use rustix::event::{Timespec, epoll};
use rustix::net::{RecvFlags, SendFlags};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PACKET_TIME: Duration = Duration::from_millis(20);
const WARM_UP: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(6);
const PACKET_BYTES: usize = 172;

/// One setting to measure.
#[derive(Clone, Copy)]
struct Setting {
    calls: usize,
    coalesce: Duration,
    recorded: bool,
}

fn main() -> Outcome<()> {
    let calls: Vec<usize> = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let calls = if calls.is_empty() { vec![100, 500] } else { calls };
    raise_file_limit();
    println!("loopback floor: {:.2} us per send and receive", tell_floor()?);
    for calls in calls {
        measure_music(calls)?;
        for (coalesce, recorded) in [(0, false), (0, true), (1_000, false), (1_000, true)] {
            measure_relay(Setting {
                calls,
                coalesce: Duration::from_micros(coalesce),
                recorded,
            })?;
        }
    }
    println!("loopback floor: {:.2} us per send and receive", tell_floor()?);
    Ok(())
}

/// A media plane with a recorder that throws away what it gets.
struct House {
    plane: MediaPlane,
    events: Receiver<MediaEvent>,
    recorder: JoinHandle<()>,
    phones: Phones,
}

impl House {
    fn new(coalesce: Duration) -> Outcome<Self> {
        let (tap, taps) = sync_channel(4_096);
        let (boxes, returned) = channel();
        let (told, events) = channel();
        let recorder = std::thread::spawn(move || {
            for message in taps {
                if let TapMessage::Batch { batch, .. } = message {
                    let _gone = boxes.send(batch);
                }
            }
        });
        let config = MediaConfig {
            threads: 1,
            ports: 20_000..=29_999,
            port_rest: Duration::ZERO,
            coalesce,
            legs_max: 4_000,
            clock: Clock::start(),
            seed: [3; 32],
        };
        let library = Arc::new(Library::build(vec![vec![1_000; 80_000]]));
        let tell = move |event| told.send(event).is_ok();
        let plane = MediaPlane::start(&config, &library, &tap, returned, &tell)?;
        Ok(Self {
            plane,
            events,
            recorder,
            phones: Phones::new(config.clock)?,
        })
    }

    fn stop(self) -> Outcome<()> {
        self.plane.stop();
        self.recorder.join().map_err(|_| "the recorder failed".into())
    }
}

fn measure_relay(setting: Setting) -> Outcome<()> {
    let mut house = House::new(setting.coalesce)?;
    let phones = &mut house.phones;
    for call in 0..setting.calls {
        let legs = phones.call(&house.plane, &house.events, call)?;
        house.plane.send(MediaCommand::Bridge {
            caller: legs[0],
            agent: legs[1],
        })?;
        if setting.recorded {
            house.plane.send(MediaCommand::Record {
                caller: legs[0],
                spec: recording(call),
            })?;
        }
    }
    phones.run(WARM_UP);
    phones.delays.clear();
    let (heard, said) = (phones.heard, phones.said);
    let (theirs, own) = (cpu_of("media-0")?, own_cpu());
    phones.run(MEASURED);
    let spent = Spent {
        media: cpu_of("media-0")? - theirs,
        phones: own_cpu() - own,
    };
    tell(
        setting,
        &spent,
        phones.heard - heard,
        phones.said - said,
        &mut phones.delays,
    )?;
    house.stop()
}

/// As many legs as that many calls have, all hearing music.
fn measure_music(calls: usize) -> Outcome<()> {
    let mut house = House::new(Duration::ZERO)?;
    let phones = &mut house.phones;
    for call in 0..calls {
        for leg in phones.call(&house.plane, &house.events, call)? {
            let (play, clips, gap) = (PlayId(0), vec![ClipId(0)], Duration::ZERO);
            house.plane.send(MediaCommand::Play {
                leg,
                play,
                clips,
                gap,
                after: AfterPlay::Loop,
            })?;
        }
    }
    phones.listen_for(WARM_UP);
    let (before, theirs) = (house.plane.counters(), cpu_of("media-0")?);
    phones.listen_for(MEASURED);
    let (after, spent) = (house.plane.counters(), cpu_of("media-0")? - theirs);
    let micros = spent as f64 / 1e3 / (after.played - before.played) as f64;
    let late = after.ticks_lost - before.ticks_lost;
    let conditions = format!("{} legs hearing music", calls * 2);
    println!("{conditions}: {micros:.2} us/packet, {late} frames given up");
    record("playout_cpu_per_packet", micros, "us", &conditions)?;
    house.stop()
}

fn recording(call: usize) -> RecordingSpec {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&(call as u64).to_be_bytes());
    RecordingSpec {
        contact: ContactId::from_bytes(id),
        segment: SegmentId::from_bytes(id),
        path: "bench.wav".into(),
    }
}

/// CPU nanoseconds.
struct Spent {
    media: u64,
    phones: u64,
}

fn tell(setting: Setting, spent: &Spent, heard: u64, said: u64, delays: &mut [u64]) -> Outcome<()> {
    delays.sort_unstable();
    let delay = |part: usize| delays.get(delays.len() * part / 100).copied().unwrap_or(0) / 1_000;
    let per_packet = |nanos: u64| nanos as f64 / 1e3 / heard as f64;
    let micros = per_packet(spent.media);
    let core = spent.media as f64 / MEASURED.as_nanos() as f64 * 100.0;
    let per_100 = core * 100.0 / setting.calls as f64;
    let tapped = if setting.recorded { "tapped" } else { "not tapped" };
    let conditions = format!(
        "{} calls, coalesce {:?}, {tapped}",
        setting.calls, setting.coalesce
    );
    println!(
        "{conditions}: {micros:.2} us/packet, {per_100:.2} % of a core per 100 calls, lost {}, delay p50 {} us \
         p99 {} us (phones {:.2} us/packet)",
        said.saturating_sub(heard),
        delay(50),
        delay(99),
        per_packet(spent.phones),
    );
    record("relay_cpu_per_packet", micros, "us", &conditions)?;
    record("relay_core_per_100_calls", per_100, "%", &conditions)?;
    record("relay_delay_p99", delay(99) as f64, "us", &conditions)
}

/// All the phones of a run: each says a packet every 20 ms and tells how long the other's took.
struct Phones {
    clock: Clock,
    epoll: rustix::fd::OwnedFd,
    phones: Vec<(UdpSocket, SocketAddr)>,
    packet: [u8; PACKET_BYTES],
    sequence: u16,
    said: u64,
    heard: u64,
    delays: Vec<u64>,
}

impl Phones {
    fn new(clock: Clock) -> Outcome<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let packet = [0; PACKET_BYTES];
        Ok(Self {
            clock,
            epoll,
            phones: Vec::new(),
            packet,
            sequence: 0,
            said: 0,
            heard: 0,
            delays: Vec::new(),
        })
    }

    fn call(
        &mut self,
        plane: &MediaPlane,
        events: &Receiver<MediaEvent>,
        call: usize,
    ) -> Outcome<[LegId; 2]> {
        let legs = [LegId(call as u64 * 2), LegId(call as u64 * 2 + 1)];
        for leg in legs {
            plane.send(MediaCommand::Open {
                leg,
                interface: LOOPBACK,
                affinity: 0,
            })?;
            let MediaEvent::Opened { rtp: ours, .. } = events.recv()? else {
                return Err("not opened".into());
            };
            let socket = UdpSocket::bind((LOOPBACK, 0))?;
            socket.set_nonblocking(true)?;
            let rtp = socket.local_addr()?;
            let number = epoll::EventData::new_u64(self.phones.len() as u64);
            epoll::add(&self.epoll, &socket, number, epoll::EventFlags::IN)?;
            self.phones.push((socket, ours));
            let negotiated = Negotiated {
                rtp,
                rtcp: rtp,
                codec: Codec::Pcma,
                payload_type: 8,
                dtmf: Some(101),
                inband: false,
                ptime_ms: 20,
                direction: Direction::SendRecv,
                srtp: None,
            };
            plane.send(MediaCommand::Connect {
                leg,
                negotiated,
                trust: PeerTrust::Strict,
            })?;
        }
        Ok(legs)
    }

    fn listen_for(&mut self, time: Duration) {
        let end = self.clock.mono() + time;
        while self.clock.mono() < end {
            self.listen_until(end.min(self.clock.mono() + PACKET_TIME));
        }
    }

    /// Speaks and listens for a while, the phones spread evenly over the packet time.
    fn run(&mut self, time: Duration) {
        let start = self.clock.mono();
        let rounds = time.as_nanos() / PACKET_TIME.as_nanos();
        let phones = self.phones.len();
        let step = PACKET_TIME / u32::try_from(phones).unwrap_or(1);
        for round in 0..u32::try_from(rounds).unwrap_or(0) {
            self.sequence = self.sequence.wrapping_add(1);
            for phone in 0..phones {
                let due = start + PACKET_TIME * round + step * u32::try_from(phone).unwrap_or(0);
                self.listen_until(due);
                self.say(phone);
            }
        }
        self.listen_until(self.clock.mono() + PACKET_TIME);
    }

    fn say(&mut self, phone: usize) {
        let timestamp = u32::from(self.sequence).wrapping_mul(160);
        if let Some((head, body)) = self.packet.split_first_chunk_mut::<12>() {
            Header::write(8, false, self.sequence, timestamp, 9, head);
            body[..8].copy_from_slice(&self.clock.mono().as_nanos().to_be_bytes());
        }
        let Some((socket, ours)) = self.phones.get(phone) else {
            return;
        };
        if rustix::net::sendto(socket, &self.packet, SendFlags::DONTWAIT, ours).is_ok() {
            self.said += 1;
        }
    }

    fn listen_until(&mut self, due: Time) {
        let mut ready = [const { MaybeUninit::uninit() }; 64];
        loop {
            let left = due.since(self.clock.mono());
            // A packet that is due goes first; under load the phones listen in between all the same.
            let timeout = Timespec {
                tv_sec: 0,
                tv_nsec: i64::from(left.subsec_nanos()),
            };
            let Ok((events, _)) = epoll::wait(&self.epoll, &mut ready[..], Some(&timeout)) else {
                return;
            };
            for event in events.iter() {
                self.hear(usize::try_from(event.data.u64()).unwrap_or(usize::MAX));
            }
            if self.clock.mono() >= due {
                return;
            }
        }
    }

    fn hear(&mut self, phone: usize) {
        let mut buffer = [0; 512];
        let Some((socket, _)) = self.phones.get(phone) else {
            return;
        };
        let Ok((len, _)) = rustix::net::recv(socket, &mut buffer[..], RecvFlags::DONTWAIT) else {
            return;
        };
        self.heard += 1;
        if let Some(stamp) = buffer.get(12..20).and_then(|bytes| bytes.first_chunk::<8>())
            && len == PACKET_BYTES
        {
            self.delays.push(
                self.clock
                    .mono()
                    .as_nanos()
                    .saturating_sub(u64::from_be_bytes(*stamp)),
            );
        }
    }
}

/// One hot connected pair: the least that a packet in and out can cost here.
fn tell_floor() -> Outcome<f64> {
    let (one, other) = (UdpSocket::bind((LOOPBACK, 0))?, UdpSocket::bind((LOOPBACK, 0))?);
    one.connect(other.local_addr()?)?;
    other.connect(one.local_addr()?)?;
    let packet = [0; PACKET_BYTES];
    let mut buffer = [0; PACKET_BYTES];
    let rounds = 200_000_u32;
    let before = own_cpu();
    for _ in 0..rounds {
        rustix::net::send(&one, &packet, SendFlags::empty())?;
        rustix::net::recv(&other, &mut buffer[..], RecvFlags::empty())?;
    }
    let floor = (own_cpu() - before) as f64 / 1e3 / f64::from(rounds);
    record(
        "loopback_floor",
        floor,
        "us",
        "one connected pair, send and receive",
    )?;
    Ok(floor)
}

/// CPU nanoseconds of the thread of this name.
fn cpu_of(name: &str) -> Outcome<u64> {
    for task in std::fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        if std::fs::read_to_string(task.join("comm"))?.trim() == name {
            let text = std::fs::read_to_string(task.join("schedstat"))?;
            return Ok(text.split_ascii_whitespace().next().unwrap_or("0").parse()?);
        }
    }
    Err(format!("no thread is called {name}").into())
}

/// CPU nanoseconds of this thread.
fn own_cpu() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let nanos = time.tv_sec * 1_000_000_000 + time.tv_nsec;
    nanos.unsigned_abs()
}

fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it stays low, opening a leg says so.
    let _raised = setrlimit(Resource::Nofile, limit);
}

fn record(figure: &str, value: f64, unit: &str, conditions: &str) -> Outcome<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    std::fs::create_dir_all(&folder)?;
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("bench.jsonl"))?;
    let value = (value * 1_000.0).round() / 1_000.0;
    writeln!(
        file,
        r#"{{"bench":"media","figure":"{figure}","value":{value},"unit":"{unit}","conditions":"{conditions}"}}"#
    )?;
    Ok(())
}
