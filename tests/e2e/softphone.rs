//! A phone of our own for what baresip and SIPp cannot be told to do at the right moment.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hotline_media::Codec;
use hotline_sip::{ListenerId, Received, Transport};
use hotline_sip::{Phone, PhoneCommand, PhoneConfig, PhoneEvent, PhoneInput, PhoneOutput};
use hotline_types::{LegId, Pii, Rng, Time};

use super::gateway::Gateway;
use super::wait::ms;

/// The socket is looked after at least this often.
const TURN: Duration = Duration::from_millis(10);

struct Inner {
    phone: Phone,
    next: Option<Time>,
    unplugged: bool,
    ended: bool,
    events: Vec<PhoneEvent>,
}

struct Shared {
    epoch: Instant,
    socket: UdpSocket,
    inner: Mutex<Inner>,
    news: Condvar,
}

/// The phone. Its thread ends when it is dropped.
pub struct SoftPhone {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl SoftPhone {
    /// A phone that is not registered anywhere.
    pub fn start() -> Self {
        Self::start_at("127.0.0.1:0")
    }

    /// The same at another address.
    pub fn start_at(bind: &str) -> Self {
        let socket = UdpSocket::bind(bind).unwrap();
        socket.set_read_timeout(Some(TURN)).unwrap();
        let address = socket.local_addr().unwrap();
        let config = PhoneConfig {
            product: "softphone-of-the-tests".to_owned(),
            listener: ListenerId(0),
            address,
            t1: ms(500),
            legs_max: 64,
            transactions_max: 1_000,
        };
        let phone = Phone::new(config, Rng::from_seed(u64::from(address.port())), Time::ZERO);
        let inner = Mutex::new(Inner {
            phone,
            next: None,
            unplugged: false,
            ended: false,
            events: Vec::new(),
        });
        let shared = Arc::new(Shared {
            epoch: Instant::now(),
            socket,
            inner,
            news: Condvar::new(),
        });
        let thread = {
            let shared = shared.clone();
            std::thread::spawn(move || shared.run())
        };
        Self {
            shared,
            thread: Some(thread),
        }
    }

    /// The registered phone of an agent, ready for calls.
    pub fn of_agent(gateway: &Gateway, agent: &str) -> Self {
        let phone = Self::registering(gateway, agent);
        gateway.until_ready(agent);
        phone
    }

    /// The phone of an agent, which registers now.
    pub fn registering(gateway: &Gateway, agent: &str) -> Self {
        let phone = Self::start();
        phone.command(PhoneCommand::Register {
            server: gateway.sip("phones"),
            transport: Transport::Udp,
            user: agent.to_owned(),
            password: Pii::new(gateway.password(agent)),
            expires: Duration::from_secs(600),
        });
        phone
    }

    /// Calls a number of the hotline over its trunk.
    pub fn call(&self, gateway: &Gateway, dialled: &str, sdp: Vec<u8>) -> LegId {
        self.call_as("13900000000", gateway, dialled, sdp)
    }

    /// The same from this number.
    pub fn call_as(&self, number: &str, gateway: &Gateway, dialled: &str, sdp: Vec<u8>) -> LegId {
        let server = gateway.sip("trunk");
        let leg = self.shared.inner.lock().unwrap().phone.new_leg();
        self.command(PhoneCommand::Call {
            leg,
            uri: format!("sip:{dialled}@{server}"),
            server,
            transport: Transport::Udp,
            from: Pii::new(number.to_owned()),
            display: Pii::new(String::new()),
            sdp,
            headers: Vec::new(),
        });
        leg
    }

    /// Where it hears SIP.
    pub fn address(&self) -> SocketAddr {
        self.shared.socket.local_addr().unwrap()
    }

    /// Tells the phone to do something.
    pub fn command(&self, command: PhoneCommand) {
        self.shared.drive(PhoneInput::Command(command));
    }

    /// From now on nothing goes in or out.
    pub fn unplug(&self) {
        self.shared.inner.lock().unwrap().unplugged = true;
    }

    /// Waits for an event and takes it out.
    #[track_caller]
    pub fn until<T>(&self, what: &str, deadline: Duration, wanted: impl Fn(&PhoneEvent) -> Option<T>) -> T {
        let end = Instant::now() + deadline;
        let mut inner = self.shared.inner.lock().unwrap();
        loop {
            if let Some(at) = inner.events.iter().position(|event| wanted(event).is_some()) {
                let event = inner.events.remove(at);
                return wanted(&event).expect("it was wanted a moment ago");
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "the phone waited {deadline:?} in vain for {what}; it saw {:?}",
                inner.events
            );
            inner = self.shared.news.wait_timeout(inner, left).unwrap().0;
        }
    }

    /// Waits for a call: its leg and where the gateway wants the audio.
    #[track_caller]
    pub fn until_incoming(&self, deadline: Duration) -> (LegId, Vec<u8>) {
        self.until("a call", deadline, |event| match event {
            PhoneEvent::Incoming { leg, offer, .. } => Some((*leg, offer.clone().unwrap_or_default())),
            _ => None,
        })
    }

    /// Waits for the answer of our call: where the gateway wants the audio.
    #[track_caller]
    pub fn until_answered(&self, deadline: Duration) -> Vec<u8> {
        self.until("an answer", deadline, |event| match event {
            PhoneEvent::Answered { sdp, .. } => Some(sdp.clone()),
            _ => None,
        })
    }

    /// Waits until a leg ended.
    #[track_caller]
    pub fn until_ended(&self, deadline: Duration) -> hotline_sip::LegEnd {
        self.until("the end of a call", deadline, |event| match event {
            PhoneEvent::Ended { end, .. } => Some(*end),
            _ => None,
        })
    }
}

impl Drop for SoftPhone {
    fn drop(&mut self) {
        if let Ok(mut inner) = self.shared.inner.lock() {
            inner.ended = true;
        }
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Shared {
    fn now(&self) -> Time {
        Time::from_nanos(u64::try_from(self.epoch.elapsed().as_nanos()).expect("tests end within 584 years"))
    }

    fn run(&self) {
        let mut buffer = [0_u8; 8_192];
        loop {
            if let Ok((len, peer)) = self.socket.recv_from(&mut buffer) {
                self.drive(PhoneInput::Received(Received {
                    listener: ListenerId(0),
                    transport: Transport::Udp,
                    conn: None,
                    peer,
                    bytes: buffer[..len].to_vec(),
                }));
            }
            let due = {
                let inner = self.inner.lock().unwrap();
                if inner.ended {
                    return;
                }
                inner.next.is_some_and(|next| next <= self.now())
            };
            if due {
                self.drive(PhoneInput::Timeout);
            }
        }
    }

    fn drive(&self, input: PhoneInput) {
        let mut inner = self.inner.lock().unwrap();
        if inner.unplugged {
            return;
        }
        inner.phone.handle(self.now(), input);
        loop {
            match inner.phone.poll() {
                // What cannot be sent is repeated or times out, as on any network.
                PhoneOutput::Transmit(transmit) => drop(self.socket.send_to(&transmit.bytes, transmit.to)),
                PhoneOutput::Event(event) => inner.events.push(event),
                PhoneOutput::Timeout(next) => {
                    inner.next = next;
                    break;
                }
            }
        }
        self.news.notify_all();
    }
}

/// An offer or answer of one codec with keys, at this port.
pub fn sdp(port: u16, codec: Codec) -> Vec<u8> {
    let (payload_type, name) = if codec == Codec::Pcma {
        (8, "PCMA")
    } else {
        (0, "PCMU")
    };
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP {payload_type} 101\r\n\
         a=rtpmap:{payload_type} {name}/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n"
    )
    .into_bytes()
}

/// Where an SDP wants the audio, all on loopback.
pub fn audio_address(sdp: &[u8]) -> SocketAddr {
    let text = String::from_utf8_lossy(sdp);
    let port = text
        .split("m=audio ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .expect("an audio line");
    SocketAddr::from(([127, 0, 0, 1], port.parse().expect("a port")))
}
