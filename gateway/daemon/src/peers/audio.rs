//! RTP of the loopback peers: one thread speaks for all of them, each every twenty milliseconds at a moment of its own,
//! so that a gateway meets them spread out as on a network.
//!
//! A peer sends a tone or nothing, presses keys by RFC 4733, and counts and keeps what it hears.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hotline_io::clock::Clock;
use hotline_media::rtp::Header;
use hotline_media::{Codec, Negotiated, dtmf, g711};
use hotline_types::Time;

/// A peer's turn comes once in so many ticks, which makes a packet every 20 ms.
const PHASES: u64 = 20;
/// Time between two turns of the thread, milliseconds.
const TICK_MS: u64 = 1;
/// Samples of a frame.
const FRAME_SAMPLES: usize = 160;
/// Payload bytes that a peer keeps at most: five minutes.
const HEARD_BYTES_MAX: usize = 5 * 60 * 8_000;
/// Amplitude of the tones, of 32,768.
const TONE_AMPLITUDE: f64 = 8_000.0;
/// How long a key is held, milliseconds.
const KEY_MS: u16 = 100;

/// What a peer has heard and sent.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// Codec payload in order of arrival, where the peer keeps it.
    pub payload: Vec<u8>,
    /// When the first packet came.
    pub first: Option<Time>,
    /// Packets that came.
    pub packets: u64,
    /// Keys that came as telephone-events.
    pub keys: String,
    /// When the first packet of the last pressed key went out.
    pub key_sent: Option<Time>,
}

/// One peer's port.
#[derive(Debug)]
pub struct AudioPort {
    id: u64,
    /// Where it hears.
    pub local: SocketAddr,
    orders: Sender<Order>,
    heard: Arc<Mutex<Heard>>,
}

impl AudioPort {
    /// Begins to send to where the negotiation says; `tone_hz` 0 sends nothing but keys.
    pub fn connect(&self, negotiated: &Negotiated, tone_hz: u32) {
        self.order(What::Connect {
            to: negotiated.clone(),
            tone_hz,
        });
    }

    /// Presses a key.
    pub fn press(&self, key: char) {
        self.order(What::Press(key));
    }

    /// What was heard so far.
    #[must_use]
    pub fn heard(&self) -> Heard {
        self.heard.lock().map(|heard| heard.clone()).unwrap_or_default()
    }

    fn order(&self, what: What) {
        // The thread ends only when all ports and the bank are gone.
        drop(self.orders.send(Order { id: self.id, what }));
    }
}

impl Drop for AudioPort {
    fn drop(&mut self) {
        self.order(What::Close);
    }
}

#[derive(Debug)]
struct Order {
    id: u64,
    what: What,
}

#[derive(Debug)]
enum What {
    Open {
        socket: UdpSocket,
        heard: Arc<Mutex<Heard>>,
        keep: bool,
    },
    Connect {
        to: Negotiated,
        tone_hz: u32,
    },
    Press(char),
    Close,
}

/// The thread that speaks for all peers.
#[derive(Debug)]
pub struct AudioBank {
    orders: Sender<Order>,
    next: u64,
    interface: IpAddr,
}

impl AudioBank {
    /// Starts the thread; it ends when the bank and all its ports are dropped.
    ///
    /// # Errors
    /// Where no thread can be made.
    pub fn start(interface: IpAddr, clock: Clock) -> std::io::Result<Self> {
        let (orders, inbox) = channel();
        std::thread::Builder::new()
            .name("peers-audio".to_owned())
            .spawn(move || {
                Speaker {
                    clock,
                    inbox,
                    peers: BTreeMap::new(),
                    tones: BTreeMap::new(),
                }
                .run()
            })?;
        Ok(Self {
            orders,
            next: 0,
            interface,
        })
    }

    /// A port of its own for one more peer; `keep` keeps the payload it hears.
    ///
    /// # Errors
    /// Where no socket can be had.
    pub fn open(&mut self, keep: bool) -> std::io::Result<AudioPort> {
        let socket = UdpSocket::bind((self.interface, 0))?;
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        let heard = Arc::new(Mutex::new(Heard::default()));
        self.next += 1;
        let port = AudioPort {
            id: self.next,
            local,
            orders: self.orders.clone(),
            heard: heard.clone(),
        };
        port.order(What::Open { socket, heard, keep });
        Ok(port)
    }
}

#[derive(Debug)]
struct Peer {
    socket: UdpSocket,
    heard: Arc<Mutex<Heard>>,
    keep: bool,
    receiver: dtmf::Receiver,
    talk: Option<Talk>,
}

#[derive(Debug)]
struct Talk {
    to: Negotiated,
    tone: Option<Arc<[u8]>>,
    at: usize,
    sequence: u16,
    timestamp: u32,
    keys: std::collections::VecDeque<char>,
    /// The rest of the key being pressed, and the timestamp of its start.
    pressing: Option<(Vec<dtmf::KeyPacket>, u32)>,
}

struct Speaker {
    clock: Clock,
    inbox: Receiver<Order>,
    peers: BTreeMap<u64, Peer>,
    tones: BTreeMap<(u32, Codec), Arc<[u8]>>,
}

impl Speaker {
    fn run(mut self) {
        let start = self.clock.mono();
        let mut ticks = 0_u64;
        loop {
            let next = start + Duration::from_millis(TICK_MS * ticks);
            match self.inbox.recv_timeout(next.since(self.clock.mono())) {
                Ok(order) => self.obey(order),
                Err(RecvTimeoutError::Timeout) => {
                    let phase = ticks % PHASES;
                    for (id, peer) in self.peers.iter_mut().filter(|(id, _)| *id % PHASES == phase) {
                        let now = self.clock.mono();
                        peer.speak(*id, now);
                        peer.listen(now);
                    }
                    ticks += 1;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order.what {
            What::Open { socket, heard, keep } => {
                let receiver = dtmf::Receiver::default();
                self.peers.insert(
                    order.id,
                    Peer {
                        socket,
                        heard,
                        keep,
                        receiver,
                        talk: None,
                    },
                );
            }
            What::Connect { to, tone_hz } => {
                let tone = (tone_hz > 0).then(|| {
                    let key = (tone_hz, to.codec);
                    self.tones
                        .entry(key)
                        .or_insert_with(|| tone(tone_hz, to.codec))
                        .clone()
                });
                if let Some(peer) = self.peers.get_mut(&order.id) {
                    let (sequence, timestamp) = peer
                        .talk
                        .as_ref()
                        .map_or((1, 160), |talk| (talk.sequence, talk.timestamp));
                    let keys = peer.talk.take().map(|talk| talk.keys).unwrap_or_default();
                    peer.talk = Some(Talk {
                        to,
                        tone,
                        at: 0,
                        sequence,
                        timestamp,
                        keys,
                        pressing: None,
                    });
                }
            }
            What::Press(key) => {
                if let Some(talk) = self.peers.get_mut(&order.id).and_then(|peer| peer.talk.as_mut()) {
                    talk.keys.push_back(key);
                }
            }
            What::Close => {
                self.peers.remove(&order.id);
            }
        }
    }
}

/// One second of a tone, coded: a whole number of periods.
fn tone(hz: u32, codec: Codec) -> Arc<[u8]> {
    (0..8_000_u32)
        .map(|at| {
            let phase = f64::from(hz * at % 8_000) / 8_000.0 * std::f64::consts::TAU;
            #[expect(clippy::cast_possible_truncation, reason = "within the amplitude")]
            let sample = (phase.sin() * TONE_AMPLITUDE) as i16;
            g711::encode(codec, sample)
        })
        .collect()
}

impl Peer {
    fn speak(&mut self, id: u64, now: Time) {
        let Some(talk) = &mut self.talk else { return };
        #[expect(clippy::cast_possible_truncation, reason = "any number will do")]
        let ssrc = (id as u32).wrapping_mul(2_654_435_761);
        let mut packet = [0_u8; 12 + FRAME_SAMPLES];
        let mut header = [0_u8; 12];
        talk.begin_key();
        let payload_len = if let Some((packets, start)) = &mut talk.pressing {
            let Some(dtmf_type) = talk.to.dtmf else { return };
            let key = packets.remove(0);
            if key.marker
                && let Ok(mut heard) = self.heard.lock()
            {
                heard.key_sent = Some(now);
            }
            Header::write(dtmf_type, key.marker, talk.sequence, *start, ssrc, &mut header);
            packet[12..16].copy_from_slice(&key.payload);
            if packets.is_empty() {
                talk.pressing = None;
            }
            4
        } else if let Some(tone) = &talk.tone {
            Header::write(
                talk.to.payload_type,
                false,
                talk.sequence,
                talk.timestamp,
                ssrc,
                &mut header,
            );
            for (at, byte) in packet[12..].iter_mut().enumerate() {
                *byte = tone[(talk.at + at) % tone.len()];
            }
            FRAME_SAMPLES
        } else {
            talk.timestamp = talk.timestamp.wrapping_add(160);
            return;
        };
        packet[..12].copy_from_slice(&header);
        talk.sequence = talk.sequence.wrapping_add(1);
        talk.timestamp = talk.timestamp.wrapping_add(160);
        talk.at = (talk.at + FRAME_SAMPLES) % 8_000;
        // A full buffer or a closed port loses the packet, as a network may.
        drop(self.socket.send_to(&packet[..12 + payload_len], talk.to.rtp));
    }

    fn listen(&mut self, now: Time) {
        let mut buffer = [0_u8; 2_048];
        while let Ok((len, _)) = self.socket.recv_from(&mut buffer) {
            let Some(header) = Header::read(&buffer[..len]) else {
                continue;
            };
            let payload = header.payload(&buffer[..len]);
            let Ok(mut heard) = self.heard.lock() else { return };
            let dtmf_type = self.talk.as_ref().and_then(|talk| talk.to.dtmf);
            if Some(header.payload_type) == dtmf_type {
                heard.keys.extend(self.receiver.take(now, &header, payload));
                continue;
            }
            heard.first.get_or_insert(now);
            heard.packets += 1;
            if self.keep && heard.payload.len() + payload.len() <= HEARD_BYTES_MAX {
                heard.payload.extend_from_slice(payload);
            }
        }
    }
}

impl Talk {
    /// Takes the next key where none is being pressed.
    fn begin_key(&mut self) {
        if self.pressing.is_none()
            && self.to.dtmf.is_some()
            && let Some(key) = self.keys.pop_front()
        {
            let packets: Vec<_> = dtmf::press(key, KEY_MS).collect();
            self.pressing = (!packets.is_empty()).then_some((packets, self.timestamp));
        }
    }
}
