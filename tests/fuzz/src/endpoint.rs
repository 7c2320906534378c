//! Bodies of the targets that speak to the whole endpoint: junk behind admission, and hostile credentials.

use std::net::SocketAddr;
use std::time::Duration;

use hotline_sip::admission::{Admission, AdmissionConfig, Verdict};
use hotline_sip::digest::{Algorithm, ha1};
use hotline_sip::message::Message;
use hotline_sip::{
    Command, Credentials, Endpoint, EndpointConfig, Event, Input, Listener, ListenerId, Output, Received,
    Role, Transmit, Transport, Trunk,
};
use hotline_types::{Pii, Rng, Time};

/// Outputs that one input may cause: more would be a loop, or an amplifier for forged sources.
const OUTPUTS_MAX: usize = 32;
/// Messages of one run.
const MESSAGES_MAX: usize = 200;
const SDP: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
const LISTENERS: [(Role, [u8; 4]); 2] = [(Role::Phones, [192, 0, 2, 9]), (Role::Trunk, [192, 0, 2, 8])];

fn socket(ip: [u8; 4]) -> SocketAddr {
    SocketAddr::from((ip, 5060))
}

fn endpoint() -> Endpoint {
    let listener = |id, role| Listener {
        id: ListenerId(id),
        role,
        bind: SocketAddr::from(([192, 0, 2, 1], 5060 + id)),
        advertised: SocketAddr::from(([192, 0, 2, 1], 5060 + id)),
        shown: Vec::new(),
        media_group: 0,
    };
    let hash = |algorithm| Pii::new(ha1(algorithm, "alice", "hotline", "secret"));
    let config = EndpointConfig {
        realm: "hotline".to_owned(),
        product: "Hotline/fuzz".to_owned(),
        listeners: vec![listener(0, Role::Phones), listener(1, Role::Trunk)],
        trunks: vec![Trunk {
            slug: "carrier".parse().expect("a slug"),
            listener: ListenerId(1),
            peers: vec![socket([192, 0, 2, 8])],
            rules: hotline_sip::TrunkRules::default(),
        }],
        credentials: vec![Credentials {
            agent: "alice".parse().expect("a slug"),
            ha1_md5: hash(Algorithm::Md5),
            ha1_sha256: hash(Algorithm::Sha256),
        }],
        expires_min: Duration::from_secs(60),
        expires_max: Duration::from_secs(3600),
        t1: Duration::from_millis(500),
        transactions_max: 64,
        legs_max: 16,
        unacked_max: 100,
    };
    Endpoint::new(config, Rng::from_seed(1), Time::ZERO)
}

/// Hands one input in and takes everything out: what is sent is SIP, and there is an end to it.
fn step(endpoint: &mut Endpoint, now: Time, input: Input) -> (Vec<Transmit>, Option<Time>) {
    let mut sent = Vec::new();
    let mut answers = Vec::new();
    endpoint.handle(now, input);
    let mut next = None;
    for _ in 0..2 {
        for turn in 0.. {
            assert!(turn < OUTPUTS_MAX, "outputs without end");
            match endpoint.poll() {
                Output::Transmit(transmit) => {
                    Message::parse(&transmit.bytes).expect("what we send is SIP");
                    sent.push(transmit);
                }
                Output::Event(event) => answers.extend(answer(&event)),
                Output::Timeout(at) => {
                    next = at;
                    break;
                }
            }
        }
        for command in answers.drain(..) {
            endpoint.handle(now, Input::Command(command));
        }
    }
    (sent, next)
}

/// What a switch would do: every other call is answered, the rest is refused; what is offered is accepted.
fn answer(event: &Event) -> Option<Command> {
    match event {
        Event::Incoming { leg, .. } if leg.0.is_multiple_of(2) => Some(Command::Answer {
            leg: *leg,
            sdp: SDP.to_vec(),
        }),
        Event::Incoming { leg, .. } => Some(Command::Reject {
            leg: *leg,
            status: 486,
            retry_after_s: None,
            warning: Some("\"fuzz\\\r\n".replace(['\r', '\n'], "")),
        }),
        Event::Reoffered { leg, .. } => Some(Command::AnswerReoffer {
            leg: *leg,
            sdp: SDP.to_vec(),
        }),
        Event::Registered { .. } => panic!("somebody registered without the secret"),
        _ => None,
    }
}

/// Sends datagrams (each behind a byte that chooses the listener and two bytes of length) through admission into an
/// endpoint, as a stranger to the phones' listener and as the carrier to the trunk's.
///
/// # Panics
/// Where something is sent that is no SIP, where one message causes too many, or where anything is left at the end.
pub fn endpoint_junk(data: &[u8]) {
    let mut gates = LISTENERS.map(|(role, ip)| Admission::new(AdmissionConfig::new(role, vec![socket(ip)])));
    let mut endpoint = endpoint();
    let mut now = Time::ZERO;
    let mut rest = data;
    for _ in 0..MESSAGES_MAX {
        let Some((&[choice, high, low], after)) = rest.split_first_chunk::<3>() else {
            break;
        };
        let length = usize::from(u16::from_be_bytes([high, low])).min(after.len());
        let (bytes, after) = after.split_at(length);
        rest = after;
        now = now + Duration::from_millis(u64::from(choice));
        let place = usize::from(choice & 1);
        let peer = socket(LISTENERS[place].1);
        match gates[place].admit(now, Transport::Udp, peer, bytes) {
            Verdict::Queue => {
                let received = Received {
                    listener: ListenerId(u16::from(choice & 1)),
                    transport: Transport::Udp,
                    conn: None,
                    peer,
                    bytes: bytes.to_vec(),
                };
                step(&mut endpoint, now, Input::Received(received));
            }
            Verdict::Answer(answer, _) => {
                Message::parse(&answer).expect("a refusal of admission is SIP");
            }
            Verdict::Drop(_) => {}
        }
    }
    // Whatever happened: within a session's expiry and the transactions' timers everything is over.
    for _ in 0..100_000 {
        let (_, next) = step(&mut endpoint, now, Input::Timeout);
        let Some(at) = next else { break };
        now = at.max(now);
        for leg in 0..64 {
            let release = Command::Release {
                leg: hotline_types::LegId(leg),
                reason: hotline_sip::ReleaseReason::Shutdown,
            };
            step(&mut endpoint, now, Input::Command(release));
        }
    }
    assert_eq!(
        (endpoint.legs(), endpoint.transactions()),
        (0, 0),
        "something is left"
    );
}

/// Takes the data as the value of Authorization in a REGISTER and an INVITE: both are challenged or refused, and nobody
/// gets in.
///
/// # Panics
/// Where credentials of a stranger are taken, or the request gets no answer or two.
pub fn sip_auth(data: &[u8]) {
    let value: Vec<u8> = data
        .iter()
        .copied()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .collect();
    let mut endpoint = endpoint();
    for (number, method) in ["REGISTER", "INVITE"].into_iter().enumerate() {
        let mut bytes = format!(
            "{method} sip:192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKauth{number};rport\r\n\
             From: <sip:alice@192.0.2.1>;tag=f\r\nTo: <sip:alice@192.0.2.1>\r\nCall-ID: auth{number}\r\n\
             CSeq: 1 {method}\r\nContact: <sip:alice@192.0.2.9>\r\nMax-Forwards: 70\r\nAuthorization: "
        )
        .into_bytes();
        bytes.extend_from_slice(&value);
        bytes.extend_from_slice(b"\r\nContent-Length: 0\r\n\r\n");
        let received = Received {
            listener: ListenerId(0),
            transport: Transport::Udp,
            conn: None,
            peer: socket([192, 0, 2, 9]),
            bytes,
        };
        let (sent, _) = step(&mut endpoint, Time::ZERO, Input::Received(received));
        let statuses: Vec<_> = sent
            .iter()
            .filter_map(|transmit| Message::parse(&transmit.bytes).ok()?.status())
            .collect();
        assert!(
            matches!(statuses[..], [400 | 401]),
            "{method} is answered {statuses:?}"
        );
    }
    assert_eq!(endpoint.legs(), 0);
}
