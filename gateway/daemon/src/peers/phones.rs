//! A softphone on a UDP socket of its own: many accounts and calls on one port.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hotline_io::clock::Clock;
use hotline_sip::{
    ListenerId, Phone, PhoneCommand, PhoneConfig, PhoneEvent, PhoneInput, PhoneOutput, Received, Transport,
};
use hotline_types::{LegId, Rng, Time};
use tokio::net::UdpSocket;

/// The largest datagram there is.
const DATAGRAM_MAX: usize = 65_535;
/// Datagrams taken in one go before events are handed out.
const BURST_MAX: usize = 64;
/// Most transactions of one phone: the finished ones linger for half a minute.
const TRANSACTIONS_MAX: usize = 100_000;
/// RFC 3261 timer T1.
const T1: Duration = Duration::from_millis(500);

/// The softphone and its socket.
pub struct PhoneSocket {
    /// Where it hears.
    pub local: SocketAddr,
    phone: Phone,
    socket: UdpSocket,
    clock: Clock,
    due: Option<Time>,
    /// Emptied before more is received; each input adds a bounded number.
    events: VecDeque<PhoneEvent>,
    buffer: Box<[u8]>,
}

impl PhoneSocket {
    /// A phone with nothing going on, on a free port.
    ///
    /// # Errors
    /// Where no socket can be had.
    pub async fn open(interface: IpAddr, clock: Clock, rng: Rng, legs_max: usize) -> std::io::Result<Self> {
        let socket = UdpSocket::bind((interface, 0)).await?;
        let local = socket.local_addr()?;
        let config = PhoneConfig {
            product: format!("Hotline-Peer/{}", env!("CARGO_PKG_VERSION")),
            listener: ListenerId(0),
            address: local,
            t1: T1,
            legs_max,
            transactions_max: TRANSACTIONS_MAX,
        };
        let phone = Phone::new(config, rng, clock.mono());
        let buffer = vec![0_u8; DATAGRAM_MAX].into_boxed_slice();
        Ok(Self {
            local,
            phone,
            socket,
            clock,
            due: None,
            events: VecDeque::new(),
            buffer,
        })
    }

    /// A number for a leg that will call.
    pub fn new_leg(&mut self) -> LegId {
        self.phone.new_leg()
    }

    /// Legs alive.
    #[must_use]
    pub fn legs(&self) -> usize {
        self.phone.legs()
    }

    /// Tells the phone to do something; it is done and sent when this returns.
    pub fn command(&mut self, command: PhoneCommand) {
        self.drive(PhoneInput::Command(command));
    }

    /// Waits for what the phone reports next. May be dropped and called again without losing anything.
    pub async fn next(&mut self) -> PhoneEvent {
        loop {
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            let wait = self.due.map(|due| due.since(self.clock.mono()));
            tokio::select! {
                ready = self.socket.readable() => {
                    if ready.is_ok() {
                        self.receive();
                    }
                }
                () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {
                    self.drive(PhoneInput::Timeout);
                }
            }
        }
    }

    fn receive(&mut self) {
        for _ in 0..BURST_MAX {
            // An error is an ICMP message about an earlier send, or that nothing is left.
            let Ok((len, peer)) = self.socket.try_recv_from(&mut self.buffer) else {
                return;
            };
            let received = Received {
                listener: ListenerId(0),
                transport: Transport::Udp,
                conn: None,
                peer,
                bytes: self.buffer[..len].to_vec(),
            };
            self.drive(PhoneInput::Received(received));
        }
    }

    fn drive(&mut self, input: PhoneInput) {
        self.phone.handle(self.clock.mono(), input);
        loop {
            match self.phone.poll() {
                // What cannot be sent is lost and sent again, as on any network.
                PhoneOutput::Transmit(transmit) => {
                    drop(self.socket.try_send_to(&transmit.bytes, transmit.to));
                }
                PhoneOutput::Event(event) => self.events.push_back(event),
                PhoneOutput::Timeout(due) => {
                    self.due = due;
                    return;
                }
            }
        }
    }
}
