//! Single requests, written by hand, and what they are answered.

use std::time::Duration;

use hotline_types::{Rng, Time};

use super::world::{PHONES, SDP, TRUNK, address, config, damage, label};
use crate::{
    Command, Counted, Endpoint, EndpointConfig, Event, Input, LegEnd, ListenerId, Output, Received, Transport,
};

pub(super) struct Lone {
    pub(super) gateway: Endpoint,
    pub(super) now: Time,
    pub(super) sent: Vec<String>,
    pub(super) events: Vec<Event>,
}

impl Lone {
    pub(super) fn new(config: EndpointConfig) -> Self {
        let gateway = Endpoint::new(config, Rng::from_seed(3), Time::ZERO);
        Self {
            gateway,
            now: Time::ZERO,
            sent: Vec::new(),
            events: Vec::new(),
        }
    }

    pub(super) fn input(&mut self, input: Input) -> Option<Time> {
        self.gateway.handle(self.now, input);
        loop {
            match self.gateway.poll() {
                Output::Transmit(transmit) => self
                    .sent
                    .push(String::from_utf8_lossy(&transmit.bytes).into_owned()),
                Output::Event(event) => self.events.push(event),
                Output::Timeout(at) => return at,
            }
        }
    }

    pub(super) fn hear(&mut self, listener: ListenerId, from: &str, text: &str) {
        let bytes = text.replace('\n', "\r\n").into_bytes();
        let received = Received {
            listener,
            transport: Transport::Udp,
            conn: None,
            peer: address(from),
            bytes,
        };
        self.input(Input::Received(received));
    }

    pub(super) fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        let mut next = self.input(Input::Timeout);
        while let Some(at) = next.filter(|at| *at <= until) {
            self.now = self.now.max(at);
            next = self.input(Input::Timeout);
        }
        self.now = until;
    }

    pub(super) fn labels(&self) -> Vec<String> {
        self.sent.iter().map(|text| label(text.as_bytes())).collect()
    }

    /// Registers a phone of this agent, password `secret`, by answering our challenge.
    pub(super) fn register(&mut self, agent: &str, from: &str) {
        let plain = |extra: &str, branch: &str| {
            format!(
                "REGISTER sip:hotline SIP/2.0\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{branch};rport\n\
                 From: <sip:{agent}@hotline>;tag=r\nTo: <sip:{agent}@hotline>\nCall-ID: reg-{agent}\n\
                 CSeq: 1 REGISTER\nContact: <sip:{agent}@{from}>\n{extra}Content-Length: 0\n\n"
            )
        };
        self.hear(PHONES, from, &plain("", "reg1"));
        let challenge = self.last("WWW-Authenticate").unwrap().to_owned();
        let nonce = challenge
            .split("nonce=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned();
        // `ha1` hashes three parts joined by colons; the others are written so that they are three too.
        let hash = |a: &str, b: &str, c: &str| crate::digest::ha1(crate::digest::Algorithm::Md5, a, b, c);
        let own = hash(agent, "hotline", "secret");
        let about = hash("REGISTER", "sip", "hotline");
        let whole = hash(&own, &nonce, &format!("00000001:c:auth:{about}"));
        let answer = format!(
            "Authorization: Digest username=\"{agent}\",realm=\"hotline\",nonce=\"{nonce}\",uri=\"sip:hotline\",\
             algorithm=MD5,qop=auth,nc=00000001,cnonce=\"c\",response=\"{whole}\"\n"
        );
        self.hear(PHONES, from, &plain(&answer, "reg2"));
        assert_eq!(self.labels().last().unwrap(), "200 REGISTER");
    }

    fn counted(&self, what: Counted) -> usize {
        self.events
            .iter()
            .filter(|event| matches!(event, Event::Counted(known) if *known == what))
            .count()
    }

    pub(super) fn last(&self, name: &str) -> Option<&str> {
        self.sent
            .last()?
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

pub(super) fn request(method: &str, branch: &str, to_tag: &str, extra: &str) -> String {
    let length = if method == "INVITE" { SDP.len() } else { 0 };
    let body = if method == "INVITE" {
        String::from_utf8(SDP.to_vec()).unwrap()
    } else {
        String::new()
    };
    let kind = if method == "INVITE" {
        "Content-Type: application/sdp\n"
    } else {
        ""
    };
    format!(
        "{method} sip:4001@10.0.0.1:5080 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK{branch};rport\n\
         From: \"Li\" <sip:+861370000@10.0.0.2>;tag=f1\nTo: <sip:4001@10.0.0.1>{to_tag}\nCall-ID: c1@10.0.0.2\n\
         CSeq: 1 {method}\nContact: <sip:x@10.0.0.2:5062>\n{extra}{kind}Content-Length: {length}\n\n{}",
        body.replace("\r\n", "\n")
    )
}

/// One request at the trunk listener from the trunk: its last answer and, perhaps, a header line of it.
fn check(method: &str, to_tag: &str, extra: &str, answer: &str, line: Option<(&str, &str)>) {
    let mut lone = Lone::new(config());
    lone.hear(TRUNK, "10.0.0.2:5060", &request(method, "b1", to_tag, extra));
    assert_eq!(
        lone.labels().last().map(String::as_str),
        Some(answer),
        "{method} {extra}"
    );
    if let Some((name, value)) = line {
        assert_eq!(lone.last(name), Some(value), "{method} {extra}: {name}");
    }
}

#[test]
fn requests_that_we_cannot_serve_are_answered_by_the_book() {
    let allow = Some(("Allow", super::super::wire::ALLOW));
    check("BYE", ";tag=unknown", "", "481 BYE", None);
    check("BYE", "", "", "481 BYE", None);
    check("INFO", ";tag=0123456789abcdef", "", "481 INFO", None);
    check("REFER", "", "", "403 REFER", None);
    check("SUBSCRIBE", "", "", "405 SUBSCRIBE", allow);
    check("MESSAGE", "", "", "405 MESSAGE", allow);
    check("REGISTER", "", "", "405 REGISTER", allow);
    check("PING", "", "", "501 PING", None);
    check("OPTIONS", "", "", "200 OPTIONS", allow);
    check("INVITE", "", "Max-Forwards: 0\n", "483 INVITE", None);
    check(
        "INVITE",
        "",
        "Require: 100rel, precondition\n",
        "420 INVITE",
        Some(("Unsupported", "precondition")),
    );
    check(
        "INVITE",
        "",
        "Require: timer\nSupported: timer\n",
        "100 INVITE",
        None,
    );
    check(
        "INVITE",
        "",
        "Session-Expires: 60\nSupported: timer\n",
        "422 INVITE",
        Some(("Min-SE", "90")),
    );
    check("CANCEL", "", "", "481 CANCEL", None);
}

#[test]
fn answers_go_back_by_the_via() {
    let mut lone = Lone::new(config());
    lone.hear(TRUNK, "10.0.0.2:7777", &request("OPTIONS", "b1", "", ""));
    assert_eq!(
        lone.last("Via"),
        Some("SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKb1;rport=7777;received=10.0.0.2")
    );
    lone.gateway.handle(Time::ZERO, Input::Timeout);
    let plain = request("OPTIONS", "b2", "", "").replace(";rport", "");
    let bytes = plain.replace('\n', "\r\n").into_bytes();
    let peer = address("10.0.0.2:7777");
    let received = Received {
        listener: TRUNK,
        transport: Transport::Udp,
        conn: None,
        peer,
        bytes,
    };
    lone.gateway.handle(Time::ZERO, Input::Received(received));
    let Output::Transmit(transmit) = lone.gateway.poll() else {
        panic!("no answer")
    };
    assert_eq!(
        transmit.to,
        address("10.0.0.2:5060"),
        "without rport the port of sent-by (RFC 3261 18.2.2)"
    );
}

#[test]
fn sources_are_held_against_the_listener() {
    let mut lone = Lone::new(config());
    lone.hear(TRUNK, "10.9.9.9:5060", &request("INVITE", "b1", "", ""));
    assert_eq!(lone.labels(), ["403 INVITE"]);
    lone.hear(PHONES, "10.0.0.2:5060", &request("INVITE", "b2", "", ""));
    assert_eq!(
        lone.labels()[1],
        "401 INVITE",
        "a trunk's address means nothing on the phones' listener"
    );
    lone.hear(PHONES, "10.0.0.2:5060", &request("REGISTER", "b3", "", ""));
    assert_eq!(lone.labels()[2], "401 REGISTER");
    assert!(lone.sent[2].contains("WWW-Authenticate: Digest realm=\"hotline\""));
    assert_eq!(
        (lone.gateway.legs(), lone.gateway.transactions()),
        (0, 0),
        "refusals keep no state"
    );
}

#[test]
fn ack_of_a_refusal_without_state_is_no_stray() {
    let mut lone = Lone::new(config());
    lone.hear(PHONES, "10.0.1.1:5060", &request("INVITE", "b1", "", ""));
    let tag = lone
        .last("To")
        .unwrap()
        .rsplit_once(";tag=")
        .unwrap()
        .1
        .to_owned();
    lone.hear(
        PHONES,
        "10.0.1.1:5060",
        &request("ACK", "b1", &format!(";tag={tag}"), ""),
    );
    assert_eq!(lone.counted(Counted::Stray), 0);
    lone.hear(
        PHONES,
        "10.0.1.1:5060",
        &request("ACK", "b1", ";tag=0123456789abcdef", ""),
    );
    assert_eq!(lone.counted(Counted::Stray), 1);
}

#[test]
fn phone_that_gives_up_on_sha_256_is_offered_md5_alone() {
    let challenges = |user_agent: &str| {
        let mut lone = Lone::new(config());
        let extra = format!("User-Agent: {user_agent}\n");
        lone.hear(PHONES, "10.0.1.1:5060", &request("REGISTER", "b1", "", &extra));
        let text = lone.sent[0].clone();
        (text.contains("algorithm=SHA-256"), text.contains("algorithm=MD5"))
    };
    assert_eq!(challenges("baresip v1.0.0 (x86_64/linux)"), (false, true));
    assert_eq!(challenges(""), (false, true));
    assert_eq!(challenges("baresip v3.20.0 (x86_64/linux)"), (true, true));
}

#[test]
fn identity_of_a_trunk_is_the_asserted_one_and_privacy_hides_it() {
    let caller = |extra: &str| {
        let mut lone = Lone::new(config());
        lone.hear(TRUNK, "10.0.0.2:5060", &request("INVITE", "b1", "", extra));
        lone.events
            .iter()
            .find_map(|event| match event {
                Event::Incoming { caller, display, .. } => Some((
                    caller.reveal().clone(),
                    display.as_ref().map(|name| name.reveal().clone()),
                )),
                _ => None,
            })
            .unwrap()
    };
    let name = |text: &str| Some(text.to_owned());
    assert_eq!(caller(""), ("+861370000".to_owned(), name("Li")));
    let asserted = "P-Asserted-Identity: \"Wang\" <sip:+861390000;ext=7@c.example>\n";
    assert_eq!(caller(asserted), ("+861390000".to_owned(), name("Wang")));
    assert_eq!(
        caller("P-Asserted-Identity: tel:+861380000\n"),
        ("+861380000".to_owned(), name("Li"))
    );
    assert_eq!(
        caller(&format!("{asserted}Privacy: id\n")),
        ("anonymous".to_owned(), None)
    );
}

#[test]
fn the_same_call_by_two_paths_is_one_call() {
    let mut lone = Lone::new(config());
    lone.hear(TRUNK, "10.0.0.2:5060", &request("INVITE", "b1", "", ""));
    lone.hear(TRUNK, "10.0.0.2:5060", &request("INVITE", "b1", "", ""));
    lone.hear(TRUNK, "10.0.0.2:5060", &request("INVITE", "b2", "", ""));
    assert_eq!(lone.labels(), ["100 INVITE", "100 INVITE", "482 INVITE"]);
    assert_eq!(
        (lone.gateway.legs(), lone.counted(Counted::Retransmission)),
        (1, 1)
    );
}

#[test]
fn full_tables_answer_503_without_state() {
    let mut lone = Lone::new(EndpointConfig {
        legs_max: 1,
        ..config()
    });
    lone.hear(TRUNK, "10.0.0.2:5060", &request("INVITE", "b1", "", ""));
    let second = request("INVITE", "b2", "", "").replace("c1@", "c2@");
    lone.hear(TRUNK, "10.0.0.2:5060", &second);
    assert_eq!(lone.labels()[1], "503 INVITE");
    assert!(lone.last("Retry-After").is_some());
    assert_eq!((lone.gateway.legs(), lone.counted(Counted::TableFull)), (1, 1));

    let mut lone = Lone::new(EndpointConfig {
        transactions_max: 1,
        ..config()
    });
    lone.hear(TRUNK, "10.0.0.2:5060", &request("INVITE", "b1", "", ""));
    lone.hear(TRUNK, "10.0.0.2:5060", &second);
    assert_eq!(lone.labels()[1], "503 INVITE");
    assert!(lone.last("Retry-After").is_some());
    assert_eq!(
        (lone.gateway.transactions(), lone.counted(Counted::TableFull)),
        (1, 1)
    );
}

#[test]
fn calls_that_nobody_acknowledges_take_only_a_share_of_the_legs() {
    let mut lone = Lone::new(EndpointConfig {
        unacked_max: 2,
        ..config()
    });
    let call =
        |number: u32| request("INVITE", &format!("b{number}"), "", "").replace("c1@", &format!("c{number}@"));
    let mut legs = Vec::new();
    for number in 1..=3 {
        lone.hear(TRUNK, "10.0.0.2:5060", &call(number));
        let incoming = |event: &Event| match event {
            Event::Incoming { leg, .. } => Some(*leg),
            _ => None,
        };
        legs.extend(lone.events.drain(..).filter_map(|event| incoming(&event)));
        if number == 3 {
            break;
        }
        let sdp = SDP.to_vec();
        lone.input(Input::Command(Command::Answer {
            leg: legs[legs.len() - 1],
            sdp,
        }));
    }
    assert_eq!(lone.labels().last().map(String::as_str), Some("503 INVITE"));
    assert_eq!((legs.len(), lone.gateway.legs()), (2, 2));
    // The forger's calls run out, and there is room again.
    lone.wait(Duration::from_secs(33));
    lone.hear(TRUNK, "10.0.0.2:5060", &call(4));
    assert_eq!(lone.labels().last().map(String::as_str), Some("100 INVITE"));
}

pub(super) fn answered(extra: &str) -> (Lone, String) {
    let mut lone = Lone::new(config());
    lone.hear(TRUNK, "10.0.0.2:5060", &request("INVITE", "b1", "", extra));
    let leg = lone
        .events
        .iter()
        .find_map(|event| {
            if let Event::Incoming { leg, .. } = event {
                Some(*leg)
            } else {
                None
            }
        })
        .unwrap();
    lone.input(Input::Command(Command::Answer {
        leg,
        sdp: SDP.to_vec(),
    }));
    let tag = lone
        .last("To")
        .unwrap()
        .rsplit_once(";tag=")
        .unwrap()
        .1
        .to_owned();
    lone.hear(
        TRUNK,
        "10.0.0.2:5060",
        &request("ACK", "b2", &format!(";tag={tag}"), ""),
    );
    assert!(
        lone.events
            .iter()
            .any(|event| matches!(event, Event::Confirmed { .. }))
    );
    (lone, tag)
}

#[test]
fn session_that_is_not_refreshed_ends_and_a_refresh_keeps_it() {
    let timer = "Session-Expires: 120\nSupported: timer\n";
    let (mut lone, tag) = answered(timer);
    assert_eq!(lone.last("Session-Expires"), Some("120;refresher=uac"));
    lone.wait(Duration::from_secs(80));
    let update = request("UPDATE", "b3", &format!(";tag={tag}"), timer).replace("CSeq: 1", "CSeq: 2");
    lone.hear(TRUNK, "10.0.0.2:5060", &update);
    assert_eq!(lone.labels().last().unwrap(), "200 UPDATE");
    assert_eq!(lone.last("Session-Expires"), Some("120;refresher=uac"));
    lone.wait(Duration::from_secs(87));
    assert_eq!(lone.gateway.legs(), 1);
    lone.wait(Duration::from_secs(2));
    assert_eq!(
        lone.labels().iter().filter(|label| *label == "BYE").count(),
        2,
        "BYE and its repetition"
    );
    assert!(lone.events.iter().any(|event| matches!(
        event,
        Event::Ended {
            end: LegEnd::SessionExpired,
            ..
        }
    )));
    lone.wait(Duration::from_secs(100));
    assert_eq!((lone.gateway.legs(), lone.gateway.transactions()), (0, 0));
}

#[test]
fn offer_of_ours_is_answered_in_the_ack() {
    let mut lone = Lone::new(config());
    let empty = |method: &str, branch: &str, to_tag: &str, cseq: u32| {
        request("OPTIONS", branch, to_tag, "")
            .replace("OPTIONS", method)
            .replace(&format!("CSeq: 1 {method}"), &format!("CSeq: {cseq} {method}"))
    };
    let ack = |branch: &str, to_tag: &str, cseq: u32| {
        request("INVITE", branch, to_tag, "")
            .replace("INVITE", "ACK")
            .replace("CSeq: 1 ACK", &format!("CSeq: {cseq} ACK"))
    };
    lone.hear(TRUNK, "10.0.0.2:5060", &empty("INVITE", "b1", "", 1));
    let leg = lone
        .events
        .iter()
        .find_map(|event| match event {
            Event::Incoming { leg, offer: None, .. } => Some(*leg),
            _ => None,
        })
        .expect("an INVITE without an offer");
    lone.input(Input::Command(Command::Answer {
        leg,
        sdp: SDP.to_vec(),
    }));
    assert!(
        lone.sent
            .last()
            .unwrap()
            .ends_with(std::str::from_utf8(SDP).unwrap())
    );
    let tag = format!(
        ";tag={}",
        lone.last("To").unwrap().rsplit_once(";tag=").unwrap().1
    );
    lone.hear(TRUNK, "10.0.0.2:5060", &ack("b2", &tag, 1));
    lone.hear(TRUNK, "10.0.0.2:5060", &empty("INVITE", "b3", &tag, 2));
    assert!(matches!(
        lone.events.last(),
        Some(Event::Reoffered { offer: None, .. })
    ));
    lone.input(Input::Command(Command::AnswerReoffer {
        leg,
        sdp: SDP.to_vec(),
    }));
    lone.hear(TRUNK, "10.0.0.2:5060", &ack("b4", &tag, 2));
    let answers = lone
        .events
        .iter()
        .filter(|event| matches!(event, Event::Confirmed { answer: Some(sdp), .. } if sdp == SDP))
        .count();
    assert_eq!(answers, 2, "in the ACK of the call and in that of the re-INVITE");
}

#[test]
fn requests_go_to_the_contact_of_the_trunk_over_its_recorded_route() {
    let (mut lone, _) = answered("Record-Route: <sip:10.0.0.7;lr>, <sip:10.0.0.8;lr>\n");
    let leg = lone
        .events
        .iter()
        .find_map(|event| {
            if let Event::Confirmed { leg, .. } = event {
                Some(*leg)
            } else {
                None
            }
        })
        .unwrap();
    lone.gateway.handle(
        lone.now,
        Input::Command(Command::Release {
            leg,
            reason: crate::ReleaseReason::Normal,
        }),
    );
    let Output::Transmit(bye) = lone.gateway.poll() else {
        panic!("no BYE")
    };
    let text = String::from_utf8(bye.bytes).unwrap();
    assert!(
        text.starts_with("BYE sip:x@10.0.0.2:5062 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5080;"),
        "{text}"
    );
    assert!(
        text.contains("Route: <sip:10.0.0.7;lr>\r\nRoute: <sip:10.0.0.8;lr>\r\n"),
        "{text}"
    );
    assert!(text.contains("Reason: Q.850;cause=16\r\n"), "{text}");
    assert_eq!(bye.to, address("10.0.0.7:5060"));
}

#[test]
fn a_request_out_of_order_is_refused_and_others_inside_the_dialog_are_served() {
    let (mut lone, tag) = answered("");
    let mut ask = |method: &str, cseq: u32, branch: &str, extra: &str| {
        let text = request(method, branch, &format!(";tag={tag}"), extra)
            .replace(&format!("CSeq: 1 {method}"), &format!("CSeq: {cseq} {method}"));
        lone.hear(TRUNK, "10.0.0.2:5060", &text);
        lone.labels().last().unwrap().clone()
    };
    assert_eq!(ask("OPTIONS", 5, "b5", ""), "200 OPTIONS");
    assert_eq!(ask("INFO", 4, "b6", ""), "500 INFO");
    assert_eq!(ask("INFO", 6, "b7", ""), "200 INFO");
    assert_eq!(ask("REFER", 7, "b8", ""), "400 REFER", "without a Refer-To");
    let reinvite = ask("INVITE", 8, "b9", "");
    assert_eq!(reinvite, "100 INVITE", "a re-INVITE waits for the user");
    assert_eq!(
        ask("INVITE", 9, "b10", ""),
        "500 INVITE",
        "while one waits, the next is told to come again"
    );
    assert_eq!(
        ask("BYE", 10, "b11", ""),
        "487 INVITE",
        "BYE ends the re-INVITE that waits"
    );
    assert!(lone.labels().contains(&"200 BYE".to_owned()));
}

#[test]
fn hostile_bytes_are_counted_and_survived() {
    let mut lone = Lone::new(config());
    let whole = request("INVITE", "b1", "", "").replace('\n', "\r\n").into_bytes();
    let mut rng = Rng::from_seed(9);
    for _ in 0..3000 {
        let mut bytes = whole.clone();
        for _ in 0..4 {
            damage(&mut bytes, &mut rng);
        }
        let peer = address("10.0.0.2:5060");
        let received = Received {
            listener: TRUNK,
            transport: Transport::Udp,
            conn: None,
            peer,
            bytes,
        };
        lone.input(Input::Received(received));
    }
    assert!(lone.counted(Counted::Malformed) > 1000);
    lone.wait(Duration::from_secs(1));
}
