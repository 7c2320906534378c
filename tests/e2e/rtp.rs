//! A peer's audio port: sends a beating tone, presses keys by RFC 4733, and keeps what it hears with the times.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hotline_media::rtp::Header;
use hotline_media::srtp::{GROWTH_MAX, Srtp, SrtpAgreed};
use hotline_media::{Codec, dtmf, g711};

use super::tone;

/// Payload type of telephone-event, as all our offers say.
pub const KEYS: u8 = 101;
const FRAME: Duration = Duration::from_millis(20);
const FRAME_SAMPLES: usize = 160;

/// One packet heard.
#[derive(Clone, Debug)]
pub struct Packet {
    /// When it came.
    pub at: Instant,
    /// Decoded.
    pub samples: Vec<i16>,
}

#[derive(Default)]
struct State {
    packets: Vec<Packet>,
    falls: Vec<Instant>,
    /// When the first packet of the newest key went out.
    pressed: Option<Instant>,
}

enum Order {
    To(SocketAddr),
    Press(char),
    Tones(u32, u32),
    Quiet(bool),
    Secure(SrtpAgreed),
}

/// The port. Its thread ends when it is dropped.
pub struct RtpPeer {
    /// Where it hears.
    pub port: u16,
    orders: Option<Sender<Order>>,
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

impl RtpPeer {
    /// Opens a port that sends `hz` to whoever sends to it first, or to where it is told.
    pub fn start(codec: Codec, hz: u32) -> Self {
        let (rtp, rtcp) = pair();
        let port = rtp.local_addr().unwrap().port();
        let (orders, inbox) = channel();
        let state = Arc::new(Mutex::new(State::default()));
        let voice = Voice {
            rtp,
            _rtcp: rtcp,
            codec,
            hz,
            to: None,
            quiet: false,
            at: 0,
            sequence: 7,
            timestamp: 1_600,
            srtp: None,
            tones: None,
            pressing: Vec::new(),
            key_start: 0,
            state: state.clone(),
        };
        let thread = std::thread::spawn(move || voice.run(&inbox));
        Self {
            port,
            orders: Some(orders),
            state,
            thread: Some(thread),
        }
    }

    fn order(&self, order: Order) {
        self.orders
            .as_ref()
            .expect("open until dropped")
            .send(order)
            .expect("the peer's thread lives");
    }

    /// Sends to this address from now on.
    pub fn send_to(&self, to: SocketAddr) {
        self.order(Order::To(to));
    }

    /// Holds a key for 100 ms.
    pub fn press(&self, key: char) {
        self.order(Order::Press(key));
    }

    /// Sends two tones for 100 ms in place of its own.
    pub fn tones(&self, low: u32, high: u32) {
        self.order(Order::Tones(low, high));
    }

    /// Stops sending, or begins again.
    pub fn quiet(&self, quiet: bool) {
        self.order(Order::Quiet(quiet));
    }

    /// Speaks and hears SRTP from now on.
    pub fn secure(&self, agreed: SrtpAgreed) {
        self.order(Order::Secure(agreed));
    }

    /// Number of packets heard.
    pub fn count(&self) -> usize {
        self.state.lock().unwrap().packets.len()
    }

    /// What was heard since packet number `from`, in one piece.
    pub fn heard(&self, from: usize) -> Vec<i16> {
        let state = self.state.lock().unwrap();
        state.packets[from.min(state.packets.len())..]
            .iter()
            .flat_map(|packet| packet.samples.clone())
            .collect()
    }

    /// From the first packet of the newest key to the last packet that was loud; none while no key went out.
    pub fn loud_after_key(&self) -> Option<Duration> {
        let state = self.state.lock().unwrap();
        let loud = |packet: &&Packet| packet.samples.iter().any(|sample| sample.unsigned_abs() > 500);
        let last = state.packets.iter().rev().find(loud)?;
        Some(last.at.saturating_duration_since(state.pressed?))
    }

    /// Seconds since `epoch` at which our tone fell silent on the wire.
    pub fn falls_sent(&self, epoch: Instant) -> Vec<f64> {
        self.state
            .lock()
            .unwrap()
            .falls
            .iter()
            .map(|at| at.duration_since(epoch).as_secs_f64())
            .collect()
    }

    /// Seconds since `epoch` at which the tone heard since packet `from` fell silent, by arrival.
    #[expect(clippy::cast_precision_loss, reason = "audio samples")]
    pub fn falls_heard(&self, from: usize, epoch: Instant) -> Vec<f64> {
        let packets = self.state.lock().unwrap().packets[from..].to_vec();
        let samples: Vec<i16> = packets.iter().flat_map(|packet| packet.samples.clone()).collect();
        let starts: Vec<usize> = packets
            .iter()
            .scan(0, |start, packet| {
                let here = *start;
                *start += packet.samples.len();
                Some(here)
            })
            .collect();
        tone::falls(&samples)
            .into_iter()
            .map(|at| {
                let packet = starts.partition_point(|start| *start <= at) - 1;
                let within = (at - starts[packet]) as f64 / tone::RATE as f64;
                packets[packet].at.duration_since(epoch).as_secs_f64() + within
            })
            .collect()
    }
}

impl Drop for RtpPeer {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Two neighbouring ports, the first even.
fn pair() -> (UdpSocket, UdpSocket) {
    let first = super::ports::one();
    let bind =
        |port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).expect("a port that was free a moment ago");
    (bind(first), bind(first + 1))
}

struct Voice {
    rtp: UdpSocket,
    /// Held, so that no other peer gets our reports.
    _rtcp: UdpSocket,
    codec: Codec,
    hz: u32,
    to: Option<SocketAddr>,
    quiet: bool,
    at: usize,
    sequence: u16,
    timestamp: u32,
    srtp: Option<Srtp>,
    /// Two tones, and for how many frames still.
    tones: Option<(u32, u32, usize)>,
    pressing: Vec<dtmf::KeyPacket>,
    key_start: u32,
    state: Arc<Mutex<State>>,
}

impl Voice {
    fn run(mut self, inbox: &Receiver<Order>) {
        let mut tick = Instant::now();
        let mut buffer = [0_u8; 2_048];
        loop {
            let left = tick.saturating_duration_since(Instant::now());
            if left.is_zero() {
                loop {
                    match inbox.try_recv() {
                        Ok(order) => self.obey(order),
                        Err(TryRecvError::Empty) => break,
                        Err(TryRecvError::Disconnected) => return,
                    }
                }
                self.speak();
                tick += FRAME;
                continue;
            }
            self.rtp.set_read_timeout(Some(left)).unwrap();
            if let Ok((len, from)) = self.rtp.recv_from(&mut buffer) {
                let opened = match &mut self.srtp {
                    None => Ok(len),
                    Some(srtp) => srtp.open(&mut buffer[..len]),
                };
                if let Ok(len) = opened {
                    self.listen(&buffer[..len], from);
                }
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::To(to) => self.to = Some(to),
            Order::Tones(low, high) => self.tones = Some((low, high, 5)),
            Order::Quiet(quiet) => self.quiet = quiet,
            Order::Secure(agreed) => self.srtp = Some(Srtp::new(&agreed)),
            Order::Press(key) => {
                self.pressing.extend(dtmf::press(key, 100));
                self.pressing.reverse();
            }
        }
    }

    fn speak(&mut self) {
        let Some(to) = self.to else { return };
        let mut packet = [0_u8; 12 + FRAME_SAMPLES];
        let mut header = [0_u8; 12];
        let key = self.pressing.pop();
        let len = if let Some(key) = key {
            if key.marker {
                self.key_start = self.timestamp;
                self.state.lock().unwrap().pressed = Some(Instant::now());
            }
            Header::write(
                KEYS,
                key.marker,
                self.sequence,
                self.key_start,
                4_711,
                &mut header,
            );
            packet[12..16].copy_from_slice(&key.payload);
            16
        } else {
            let payload_type = if self.codec == Codec::Pcma { 8 } else { 0 };
            Header::write(
                payload_type,
                false,
                self.sequence,
                self.timestamp,
                4_711,
                &mut header,
            );
            for (offset, byte) in packet[12..].iter_mut().enumerate() {
                let at = self.at + offset;
                let sample = match self.tones {
                    Some((low, high, _)) => tone::pure(low, at) / 2 + tone::pure(high, at) / 2,
                    None => tone::beating(self.hz, at),
                };
                *byte = g711::encode(self.codec, sample);
            }
            self.tones = self.tones.and_then(|(low, high, frames)| {
                let left = frames.checked_sub(1).filter(|left| *left > 0)?;
                Some((low, high, left))
            });
            packet.len()
        };
        packet[..12].copy_from_slice(&header);
        if !self.quiet {
            // An error is the ICMP message of a port that is not open yet.
            let mut sealed = [0_u8; 12 + FRAME_SAMPLES + GROWTH_MAX];
            let sent = match &mut self.srtp {
                None => &packet[..len],
                Some(srtp) => {
                    let len = srtp
                        .protect(&packet[..len], &mut sealed)
                        .expect("each number once");
                    &sealed[..len]
                }
            };
            drop(self.rtp.send_to(sent, to));
            let mut state = self.state.lock().unwrap();
            let fall = (tone::RATE - 800)
                .checked_sub(self.at % tone::RATE)
                .filter(|&at| at < FRAME_SAMPLES);
            if let (Some(fall), None) = (fall, key) {
                state
                    .falls
                    .push(Instant::now() + Duration::from_secs_f64(f64::from(fall as u32) / 8_000.0));
            }
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(160);
        self.at += FRAME_SAMPLES;
    }

    fn listen(&mut self, packet: &[u8], from: SocketAddr) {
        let Some(header) = Header::read(packet) else {
            return;
        };
        let at = Instant::now();
        self.to.get_or_insert(from);
        let payload = header.payload(packet);
        let mut state = self.state.lock().unwrap();
        let codec = match header.payload_type {
            0 => Codec::Pcmu,
            8 => Codec::Pcma,
            _ => return,
        };
        let samples = payload.iter().map(|&code| g711::decode(codec, code)).collect();
        state.packets.push(Packet { at, samples });
    }
}
