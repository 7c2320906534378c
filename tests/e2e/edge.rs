//! Transports beside UDP and TCP: TLS with a real phone, WebSocket, IPv6.

use std::fs;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use hotline_journal::What;
use hotline_media::Codec;
use hotline_sip::{
    ListenerId, Phone, PhoneCommand, PhoneConfig, PhoneEvent, PhoneInput, PhoneOutput, Received, Transport,
};
use hotline_types::{Pii, Rng, Time};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};
use toml::Table;

use super::baresip::{Answers, Baresip};
use super::gateway::{Config, Gateway, folder};
use super::softphone::{SoftPhone, sdp};
use super::tone;
use super::wait::{ms, secs, until};

fn listener(config: &mut Config, text: &str) {
    let table: Table = text.parse().unwrap();
    let listeners = config.table["listener"].as_array_mut().unwrap();
    listeners.push(table.into());
}

/// A certificate for 127.0.0.1 and its key, in this folder.
fn issue(dir: &Path) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    fs::write(dir.join("certificate.pem"), made.cert.pem()).unwrap();
    fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
}

#[test]
fn phone_registers_over_tls_and_takes_a_call_over_its_connection() {
    let files = folder();
    issue(&files);
    let mut config = Config::quick();
    let dir = files.display();
    listener(
        &mut config,
        &format!(
            "slug = 'secure'\nrole = 'phones'\nkind = 'tls'\nbind = '127.0.0.1:0'\n\
             certificate = '{dir}/certificate.pem'\nprivate_key = '{dir}/key.pem'"
        ),
    );
    let gateway = Gateway::start(&config);
    let mut journal = gateway.journal();
    let server = format!("{};transport=tls", gateway.sip("secure"));
    let pcma = (Codec::Pcma, 1_000);
    let agent = Baresip::start_on(&gateway, &server, "1001", pcma, Answers::AtOnce, "");
    // The certificate may change under a registered phone.
    issue(&files);
    until("the new certificate", secs(20), || {
        gateway.log().contains("Certificate read again").then_some(())
    });
    let caller = SoftPhone::start();
    let audio = super::rtp::RtpPeer::start(Codec::Pcma, 440);
    caller.call(&gateway, "8003", sdp(audio.port, Codec::Pcma));
    caller.until_answered(secs(5));
    journal.until_bridged(secs(10));
    until("the caller to hear the agent", secs(10), || {
        (tone::heard_ms(&audio.heard(0), 1_000) > 1_000).then_some(())
    });
    agent.command("hangup");
    journal.until_closed(secs(5));
    drop(gateway);
    drop(fs::remove_dir_all(files));
}

/// A browser phone's signalling: our phone machine over a WebSocket.
struct WebPhone {
    socket: WebSocket<TcpStream>,
    phone: Phone,
    epoch: Instant,
    server: SocketAddr,
}

impl WebPhone {
    fn connect(server: SocketAddr) -> Self {
        let mut request = format!("ws://{server}/").into_client_request().unwrap();
        let sip = "sip".parse().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", sip);
        let stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(ms(20))).unwrap();
        let (socket, response) = client(request, stream).unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], "sip");
        let config = PhoneConfig {
            product: "web-phone-of-the-tests".to_owned(),
            listener: ListenerId(0),
            address: "192.0.2.1:9".parse().unwrap(),
            t1: ms(500),
            legs_max: 4,
            transactions_max: 100,
        };
        let phone = Phone::new(config, Rng::from_seed(7), Time::ZERO);
        Self {
            socket,
            phone,
            epoch: Instant::now(),
            server,
        }
    }

    fn now(&self) -> Time {
        Time::from_nanos(u64::try_from(self.epoch.elapsed().as_nanos()).unwrap())
    }

    fn drive(&mut self, input: PhoneInput) -> Vec<PhoneEvent> {
        self.phone.handle(self.now(), input);
        let mut events = Vec::new();
        loop {
            match self.phone.poll() {
                PhoneOutput::Transmit(transmit) => {
                    let text = String::from_utf8(transmit.bytes).unwrap();
                    // What a browser writes there, which has no address (RFC 7118 §5).
                    let text = text.replace("192.0.2.1:9", "df7jal23ls0d.invalid");
                    self.socket.send(Message::Text(text.into())).unwrap();
                }
                PhoneOutput::Event(event) => events.push(event),
                PhoneOutput::Timeout(_) => return events,
            }
        }
    }

    /// Takes what comes within a moment.
    fn listen(&mut self) -> Vec<PhoneEvent> {
        match self.socket.read() {
            Ok(Message::Text(text)) => {
                let received = Received {
                    listener: ListenerId(0),
                    transport: Transport::Ws,
                    conn: None,
                    peer: self.server,
                    bytes: text.as_bytes().to_vec(),
                };
                self.drive(PhoneInput::Received(received))
            }
            _ => Vec::new(),
        }
    }
}

#[test]
fn browser_phone_registers_over_websocket_and_is_shown_but_never_offered_a_call() {
    let mut config = Config::quick();
    listener(
        &mut config,
        "slug = 'web'\nrole = 'phones'\nkind = 'ws'\nbind = '127.0.0.1:0'\norigins = ['http://127.0.0.1']",
    );
    let gateway = Gateway::start(&config);
    let mut journal = gateway.journal();
    let mut browser = WebPhone::connect(gateway.sip("web"));
    browser.drive(PhoneInput::Command(PhoneCommand::Register {
        server: gateway.sip("web"),
        transport: Transport::Ws,
        user: "1001".to_owned(),
        password: Pii::new(gateway.password("1001")),
        expires: Duration::from_secs(600),
    }));
    until("the phone to be registered", secs(10), || {
        let events = browser.listen();
        events
            .iter()
            .any(|event| matches!(event, PhoneEvent::Registered { .. }))
            .then_some(())
    });
    let shown = until("the agent to be shown", secs(5), || {
        let agent = gateway.agent("1001");
        (agent["device"] == "registered" && agent["device_why"].is_string()).then_some(agent)
    });
    assert!(
        shown["device_why"].as_str().unwrap().contains("WebSocket"),
        "{shown}"
    );
    assert_eq!(shown["intent"], "logged_out", "it logs nobody in");

    // A desk phone of the same agent can be called, and is.
    let desk = SoftPhone::of_agent(&gateway, "1001");
    assert!(gateway.agent("1001")["device_why"].is_null());
    let caller = SoftPhone::start();
    caller.call(&gateway, "8003", sdp(40_000, Codec::Pcma));
    desk.until_incoming(secs(10));
    journal.until("the offer", secs(5), |event| {
        matches!(event.what, What::OfferMade { .. })
    });
    let events = browser.listen();
    assert!(
        !events
            .iter()
            .any(|event| matches!(event, PhoneEvent::Incoming { .. })),
        "{events:?}"
    );
}

#[test]
fn caller_over_ipv6_is_answered_with_ipv6_and_hears_the_hotline() {
    let mut config = Config::quick();
    config.each("listener", |table| {
        if table["slug"].as_str() == Some("trunk") {
            table.insert("bind".to_owned(), "[::1]:0".into());
        }
    });
    config.each("trunk", |table| {
        table.insert("peers".to_owned(), vec!["::1"].into());
    });
    let gateway = Gateway::start(&config);
    // An agent on IPv4 makes somebody be on duty; the caller then hears music in the queue or the phone ring.
    let _agent = SoftPhone::of_agent(&gateway, "1001");
    let audio = UdpSocket::bind("[::1]:0").unwrap();
    audio.set_read_timeout(Some(secs(10))).unwrap();
    let port = audio.local_addr().unwrap().port();
    let offer = String::from_utf8(sdp(port, Codec::Pcma)).unwrap();
    let offer = offer.replace("IN IP4 127.0.0.1", "IN IP6 ::1");
    let caller = SoftPhone::start_at("[::1]:0");
    caller.call(&gateway, "8003", offer.into_bytes());
    let answer = String::from_utf8(caller.until_answered(secs(5))).unwrap();
    assert!(answer.contains("c=IN IP6 ::1\r\n"), "{answer}");
    let mut packet = [0; 400];
    let (len, from) = audio.recv_from(&mut packet).expect("audio comes");
    let said = format!("m=audio {} ", from.port());
    assert!(
        len > 12 && from.is_ipv6() && answer.contains(&said),
        "{from} {answer}"
    );
}
