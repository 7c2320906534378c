//! Trunks: what goes to the carrier, what the carrier says, and what comes of it.

use std::net::SocketAddr;
use std::time::Duration;

use hotline_types::{LegId, Pii, Rng, Time};

use super::world::{SDP, TRUNK, address, config, label};
use crate::{
    CalledIn, Command, Endpoint, EndpointConfig, Event, IdentityIn, Input, Output, Received, Transport,
    TrunkAccount, TrunkDial, TrunkRules,
};

const FIRST: &str = "192.0.2.1:5060";
const SECOND: &str = "192.0.2.2:5060";

struct Carrier {
    endpoint: Endpoint,
    now: Time,
    next: Option<Time>,
    sent: Vec<(SocketAddr, String)>,
    events: Vec<String>,
}

fn trunk(change: impl FnOnce(&mut TrunkRules)) -> EndpointConfig {
    let mut config = config();
    let rules = &mut config.trunks[0].rules;
    rules.gateways = vec![address(FIRST), address(SECOND)];
    rules.domain = "carrier.example".to_owned();
    rules.account = Some(TrunkAccount {
        user: "0216".to_owned(),
        auth_user: "impi".to_owned(),
        password: Pii::new("secret".to_owned()),
        realm: "carrier.example".to_owned(),
    });
    change(rules);
    config
}

impl Carrier {
    fn new(config: EndpointConfig) -> Self {
        let mut carrier = Self {
            endpoint: Endpoint::new(config, Rng::from_seed(5), Time::ZERO),
            now: Time::ZERO,
            next: None,
            sent: Vec::new(),
            events: Vec::new(),
        };
        carrier.input(Input::Timeout);
        carrier
    }

    fn input(&mut self, input: Input) {
        self.endpoint.handle(self.now, input);
        loop {
            match self.endpoint.poll() {
                Output::Transmit(transmit) => {
                    let text = String::from_utf8(transmit.bytes).unwrap();
                    self.sent.push((transmit.to, text));
                }
                Output::Event(Event::Counted(_)) => {}
                Output::Event(event) => self.events.push(match event {
                    Event::Trunk(event) => format!("{event:?}"),
                    Event::Failed { failure, .. } => format!("failed {failure:?}"),
                    Event::Answered { .. } => "answered".to_owned(),
                    Event::Incoming {
                        called,
                        also_called,
                        passed,
                        caller,
                        ..
                    } => {
                        format!("incoming {called} {also_called:?} {passed:?} {}", caller.reveal())
                    }
                    other => format!("{other:?}"),
                }),
                Output::Timeout(at) => {
                    self.next = at;
                    return;
                }
            }
        }
    }

    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.next.filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.input(Input::Timeout);
        }
        self.now = until;
    }

    /// Waits until another request of this method was sent, this long at most.
    fn wait_for_next(&mut self, method: &str, at_most: Duration) {
        let (before, until) = (self.count(method), self.now + at_most);
        while self.count(method) == before && self.now < until {
            self.wait(Duration::from_millis(100));
        }
        assert!(self.count(method) > before, "no {method} within {at_most:?}");
    }

    fn last(&self, method: &str) -> (SocketAddr, String) {
        let found = self
            .sent
            .iter()
            .rev()
            .find(|(_, text)| text.starts_with(&format!("{method} ")));
        found.unwrap_or_else(|| panic!("no {method} was sent")).clone()
    }

    fn count(&self, method: &str) -> usize {
        self.sent
            .iter()
            .filter(|(_, text)| label(text.as_bytes()) == method)
            .count()
    }

    /// Answers the last request of this method, from where it went.
    fn answer(&mut self, method: &str, status: u16, extra: &str, body: &[u8]) {
        let (from, request) = self.last(method);
        let mut text = format!("SIP/2.0 {status} X\r\n");
        for line in request.lines() {
            let name = line.split(':').next().unwrap_or("");
            match name {
                "Via" => text.push_str(&format!(
                    "{};received=203.0.113.9\r\n",
                    line.replace(";rport", ";rport=5080")
                )),
                "To" if !line.contains("tag=") => text.push_str(&format!("{line};tag=carrier{status}\r\n")),
                "From" | "To" | "Call-ID" | "CSeq" => text.push_str(&format!("{line}\r\n")),
                _ => {}
            }
        }
        text.push_str(&extra.replace('\n', "\r\n"));
        if !body.is_empty() {
            text.push_str("Content-Type: application/sdp\r\nContact: <sip:gw@192.0.2.1>\r\n");
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(body);
        self.hear(from, bytes);
    }

    fn hear(&mut self, from: SocketAddr, bytes: Vec<u8>) {
        self.input(Input::Received(Received {
            listener: TRUNK,
            transport: Transport::Udp,
            conn: None,
            peer: from,
            bytes,
        }));
    }

    fn dial(&mut self) -> LegId {
        let leg = self.endpoint.new_leg();
        self.input(Input::Command(Command::DialTrunk(Box::new(TrunkDial {
            leg,
            trunk: "carrier".parse().unwrap(),
            number: Pii::new("+8613800138000".to_owned()),
            caller: "+864000000001".to_owned(),
            sdp: SDP.to_vec(),
        }))));
        leg
    }
}

fn header<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

const CHALLENGE: &str =
    "WWW-Authenticate: Digest realm=\"carrier.example\", nonce=\"n1\", qop=\"auth\", algorithm=MD5\n";
const FOREIGN: &str = "WWW-Authenticate: Digest realm=\"elsewhere.example\", nonce=\"n1\", qop=\"auth\"\n";

fn registering() -> EndpointConfig {
    trunk(|rules| rules.register = Some(Duration::from_secs(600)))
}

#[test]
fn trunk_registers_with_its_digest_refreshes_and_sends_calls_by_the_service_route() {
    let mut carrier = Carrier::new(registering());
    let (to, register) = carrier.last("REGISTER");
    assert_eq!(to, address(FIRST));
    assert!(register.starts_with("REGISTER sip:carrier.example SIP/2.0"));
    assert_eq!(header(&register, "To"), Some("<sip:0216@carrier.example>"));
    assert_eq!(header(&register, "Authorization"), None);
    carrier.answer("REGISTER", 401, CHALLENGE, b"");
    let (_, register) = carrier.last("REGISTER");
    let digest = header(&register, "Authorization").expect("the digest").to_owned();
    assert!(
        digest.contains("username=\"impi\"") && digest.contains("nc=00000001"),
        "{digest}"
    );
    carrier.answer(
        "REGISTER",
        200,
        "Contact: <sip:0216@10.0.0.1:5080>;expires=100\nService-Route: <sip:edge.carrier.example;lr>\n",
        b"",
    );
    assert_eq!(carrier.events.last().map(String::as_str), Some("Up(carrier)"));
    carrier.wait_for_next("REGISTER", Duration::from_secs(90));
    let (_, refresh) = carrier.last("REGISTER");
    assert!(
        header(&refresh, "Authorization").is_some_and(|value| value.contains("nc=00000002")),
        "the nonce is used on"
    );
    carrier.answer(
        "REGISTER",
        200,
        "Expires: 100\nService-Route: <sip:edge.carrier.example;lr>\n",
        b"",
    );
    carrier.dial();
    let (_, invite) = carrier.last("INVITE");
    assert_eq!(header(&invite, "Route"), Some("<sip:edge.carrier.example;lr>"));
    assert_eq!(
        header(&invite, "From").and_then(|from| from.split(';').next()),
        Some("<sip:+864000000001@carrier.example>")
    );
}

#[test]
fn proxy_before_the_registrar_gets_the_digest_in_its_own_header() {
    let mut carrier = Carrier::new(registering());
    carrier.answer("REGISTER", 407, &CHALLENGE.replace("WWW", "Proxy"), b"");
    let (_, register) = carrier.last("REGISTER");
    assert!(
        header(&register, "Proxy-Authorization").is_some_and(|value| value.contains("username=\"impi\""))
    );
    assert_eq!(header(&register, "Authorization"), None);
}

#[test]
fn challenge_of_a_foreign_realm_gets_no_digest_neither_for_register_nor_for_a_call() {
    let mut carrier = Carrier::new(registering());
    carrier.answer("REGISTER", 401, FOREIGN, b"");
    assert_eq!(carrier.count("REGISTER"), 1);
    assert_eq!(
        carrier.events.last().map(String::as_str),
        Some("Down(carrier, ForeignRealm)")
    );
    carrier.wait(Duration::from_secs(3));
    carrier.dial();
    carrier.answer("INVITE", 401, FOREIGN, b"");
    assert!(
        carrier
            .sent
            .iter()
            .all(|(_, text)| !text.contains("Authorization"))
    );
    assert_eq!(
        carrier.events.last().map(String::as_str),
        Some("failed Status(401)")
    );
}

#[test]
fn call_is_challenged_once_and_taken() {
    let mut carrier = Carrier::new(trunk(|rules| rules.identity = IdentityIn::PAsserted));
    carrier.dial();
    carrier.answer("INVITE", 407, &CHALLENGE.replace("WWW", "Proxy"), b"");
    let (_, invite) = carrier.last("INVITE");
    assert!(header(&invite, "Proxy-Authorization").is_some_and(|value| value.contains("username=\"impi\"")));
    assert_eq!(
        header(&invite, "P-Asserted-Identity"),
        Some("<sip:+864000000001@carrier.example>")
    );
    assert!(header(&invite, "From").is_some_and(|from| from.starts_with("<sip:0216@carrier.example>")));
    carrier.answer("INVITE", 200, "", SDP);
    assert_eq!(carrier.events.last().map(String::as_str), Some("answered"));
}

#[test]
fn silent_or_overloaded_gateway_is_passed_over_for_the_next() {
    let mut carrier = Carrier::new(trunk(|_| {}));
    carrier.dial();
    assert_eq!(carrier.last("INVITE").0, address(FIRST));
    carrier.wait(Duration::from_millis(4_100));
    assert_eq!(carrier.last("INVITE").0, address(SECOND), "after 4 s of silence");
    carrier.answer("INVITE", 200, "", SDP);
    assert_eq!(carrier.events.last().map(String::as_str), Some("answered"));

    let mut carrier = Carrier::new(trunk(|_| {}));
    carrier.dial();
    carrier.answer("INVITE", 503, "", b"");
    assert_eq!(carrier.last("INVITE").0, address(SECOND));
    carrier.answer("INVITE", 486, "", b"");
    assert_eq!(
        carrier.events.last().map(String::as_str),
        Some("failed Status(486)")
    );
}

#[test]
fn gateways_that_do_not_answer_options_take_the_trunk_down_and_an_answer_brings_it_up() {
    let mut carrier = Carrier::new(trunk(|rules| rules.ping = Some(Duration::from_secs(10))));
    carrier.wait(Duration::from_secs(40));
    assert_eq!(carrier.events, ["Up(carrier)", "Down(carrier, Silent)"]);
    let state = carrier.endpoint.trunks().next().expect("one trunk");
    assert!(!state.up && state.gateways.iter().all(|(_, up)| !up));
    carrier.wait_for_next("OPTIONS", Duration::from_secs(30));
    carrier.answer("OPTIONS", 404, "", b"");
    assert_eq!(carrier.events.last().map(String::as_str), Some("Up(carrier)"));
}

/// A call of the carrier with these headers; what the endpoint tells of it.
fn check(rules: impl FnOnce(&mut TrunkRules), extra: &str, expected: &str) {
    let mut carrier = Carrier::new(trunk(rules));
    let text = format!(
        "INVITE sip:hotline@10.0.0.1:5080 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx;rport\n\
         From: <sip:1234@192.0.2.1>;tag=f\nTo: <sip:8002@carrier.example>\nCall-ID: c\nCSeq: 1 INVITE\n\
         Contact: <sip:x@192.0.2.1>\n{extra}Content-Length: 0\n\n"
    );
    carrier.hear(address(FIRST), text.replace('\n', "\r\n").into_bytes());
    assert_eq!(carrier.events.last().map(String::as_str), Some(expected));
}

#[test]
fn called_number_caller_and_handed_on_headers_are_read_by_the_trunks_rules() {
    let pai = "P-Asserted-Identity: <tel:+8613800138000>\n";
    check(|_| {}, pai, "incoming hotline [] [] +8613800138000");
    check(
        |rules| rules.trust_identity = false,
        pai,
        "incoming hotline [] [] 1234",
    );
    check(
        |_| {},
        "P-Asserted-Identity: <tel:+8613800138000>\nPrivacy: id\n",
        "incoming hotline [] [] anonymous",
    );
    check(
        |rules| {
            rules.called = vec![
                CalledIn::PCalledPartyId,
                CalledIn::Diversion,
                CalledIn::HistoryInfo,
                CalledIn::To,
                CalledIn::RequestUri,
            ];
        },
        "P-Called-Party-ID: <sip:8001@carrier.example>\nDiversion: <sip:8003@x>;reason=unconditional, <sip:8009@x>\n\
         History-Info: <sip:8005@x>;index=1, <sip:8006@x>;index=1.1\n",
        "incoming 8001 [\"8003\", \"8006\", \"8005\", \"8002\", \"hotline\"] [] 1234",
    );
    check(
        |rules| rules.pass_headers = vec!["User-to-User".to_owned(), "X-Case".to_owned()],
        "User-To-User: 0123;encoding=hex\nX-Case: 77\nX-Secret: 1\n",
        "incoming hotline [] [(\"User-to-User\", \"0123;encoding=hex\"), (\"X-Case\", \"77\")] 1234",
    );
}
