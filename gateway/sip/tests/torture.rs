//! The behaviours that RFC 4475 asks for, section by section, with messages of our own and the answer of each.

#![expect(
    clippy::too_many_lines,
    reason = "one section of the RFC is one test, row after row"
)]

use std::time::Duration;

use hotline_sip::{
    Counted, Endpoint, EndpointConfig, Event, Input, Listener, ListenerId, Output, Received, Role, Transport,
    Trunk,
};
use hotline_types::{Rng, Time};

const PEER: &str = "10.0.0.2:5060";

fn endpoint() -> Endpoint {
    let at = |text: &str| text.parse().expect("an address");
    let listener = |id, role, bind: &str| Listener {
        id: ListenerId(id),
        role,
        bind: at(bind),
        advertised: at(bind),
        shown: Vec::new(),
        media_group: 0,
    };
    let config = EndpointConfig {
        realm: "hotline".to_owned(),
        product: "Hotline/test".to_owned(),
        listeners: vec![
            listener(0, Role::Phones, "10.0.0.1:5060"),
            listener(1, Role::Trunk, "10.0.0.1:5080"),
        ],
        trunks: vec![Trunk {
            slug: "carrier".parse().expect("a slug"),
            listener: ListenerId(1),
            peers: vec![at(PEER)],
            rules: hotline_sip::TrunkRules::default(),
        }],
        credentials: Vec::new(),
        expires_min: Duration::from_secs(60),
        expires_max: Duration::from_secs(3600),
        t1: Duration::from_millis(500),
        transactions_max: 100,
        legs_max: 10,
        unacked_max: 100,
    };
    Endpoint::new(config, Rng::from_seed(1), Time::ZERO)
}

/// What came of one message: the answers, as `STATUS METHOD` and in full, and the events.
struct Came {
    answers: Vec<String>,
    text: String,
    events: Vec<Event>,
}

fn hear(listener: u16, message: &str) -> Came {
    let mut endpoint = endpoint();
    let bytes = message.replace('\n', "\r\n").into_bytes();
    endpoint.handle(
        Time::ZERO,
        Input::Received(Received {
            listener: ListenerId(listener),
            transport: Transport::Udp,
            conn: None,
            peer: PEER.parse().expect("an address"),
            bytes,
        }),
    );
    let mut came = Came {
        answers: Vec::new(),
        text: String::new(),
        events: Vec::new(),
    };
    loop {
        match endpoint.poll() {
            Output::Transmit(transmit) => {
                let text = String::from_utf8(transmit.bytes).expect("we write UTF-8");
                let status = text.split(' ').nth(1).unwrap_or_default().to_owned();
                came.answers.push(status);
                came.text = text;
            }
            Output::Event(event) => came.events.push(event),
            Output::Timeout(_) => return came,
        }
    }
}

/// A request with these parts; a line of `extra` that names a header of the standard ones replaces it.
fn request(line: &str, extra: &str, body: &str) -> String {
    let method = line.split(' ').next().unwrap_or_default();
    let standard = [
        "Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKt1",
        "Max-Forwards: 20",
        "From: <sip:caller@example.net>;tag=t1",
        "To: <sip:hotline@example.com>",
        "Call-ID: torture@10.0.0.2",
        &format!("CSeq: 17 {method}"),
        "Contact: <sip:caller@10.0.0.2>",
        &format!("Content-Length: {}", body.replace('\n', "\r\n").len()),
    ];
    let replaced = |line: &str| {
        let name = line.split(':').next().unwrap_or_default();
        extra.lines().any(|other| {
            other
                .split(':')
                .next()
                .is_some_and(|other| other.trim().eq_ignore_ascii_case(name))
        })
    };
    let mut text = format!("{line}\n");
    for line in standard.iter().filter(|line| !replaced(line)) {
        text.push_str(line);
        text.push('\n');
    }
    text.push_str(extra);
    text.push('\n');
    text.push_str(body);
    text
}

const OPTIONS: &str = "OPTIONS sip:hotline@example.com SIP/2.0";
const INVITE: &str = "INVITE sip:hotline@example.com SIP/2.0";

/// At the trunk's listener: the first answer's status, none where there must be none.
fn check(section: &str, message: &str, status: Option<&str>) -> Came {
    let came = hear(1, message);
    assert_eq!(
        came.answers.first().map(String::as_str),
        status,
        "{section}:\n{message}\n{}",
        came.text
    );
    came
}

fn called(came: &Came) -> Option<&str> {
    came.events.iter().find_map(|event| match event {
        Event::Incoming { called, .. } => Some(called.as_str()),
        _ => None,
    })
}

#[test]
fn section_3_1_1_valid_messages_are_taken_however_they_are_written() {
    let tortuous = "TO :\n sip:hotline@example.com ;   x  = y\nfrom   :\t\"A \\\\\\\" B\"  <sip:caller@example.net>\n  ;\n  tag = 98\n\
         MaX-fOrWaRdS: 0068\nCall-ID: odd.0ha0isndaksdj@10.0.0.2\nCseq: 0009\n  INVITE\nVia  : SIP  /   2.0\n /UDP\n    10.0.0.2;branch=z9hG4bKodd\n\
         s :\nNewFangledHeader:   newfangled value\n continued\nVia: SIP/2.0/TCP  spindle.example.com ;\n  branch  =   z9hG4bK9ikj8\n\
         m:\"Quoted \\\"\\\" name\" <sip:caller@10.0.0.2> ; newparam = newvalue ; q=0.33\nl: 0\n";
    let message = format!("INVITE sip:hotline;unknownparam@example.com SIP/2.0\n{tortuous}\n");
    check("3.1.1.1", &message, Some("100"));
    let odd = "!interesting-Method0123456789_*+`.%indeed'~";
    check(
        "3.1.1.2",
        &request(
            &format!(
                "{odd} sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d@example.com SIP/2.0"
            ),
            "",
            "",
        ),
        Some("501"),
    );
    let escaped = check(
        "3.1.1.3",
        &request("INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0", "", ""),
        Some("100"),
    );
    assert_eq!(called(&escaped), Some("sips:user@example.com"));
    check(
        "3.1.1.4",
        &request(OPTIONS, "To: <sip:null-%00-null@example.com>\n", ""),
        Some("200"),
    );
    check(
        "3.1.1.5",
        &request("RE%47IST%45R sip:hotline@example.com SIP/2.0", "", ""),
        Some("501"),
    );
    check(
        "3.1.1.6",
        &request(OPTIONS, "From: caller<sip:caller@example.net>;tag=323\n", ""),
        Some("200"),
    );
    let long = "x".repeat(400);
    let name = "x".repeat(180);
    check(
        "3.1.1.7",
        &request(
            INVITE,
            &format!(
                "From: \"{long}\" <sip:{long}@{long}.example.net>;tag={long}\nX-{name}: {long}\nCall-ID: {long}\n"
            ),
            "",
        ),
        Some("100"),
    );
    check(
        "3.1.1.8",
        &format!(
            "{}INVITE sip:more SIP/2.0\nand more\n\n",
            request(OPTIONS, "", "")
        ),
        Some("200"),
    );
    check(
        "3.1.1.9",
        &request("OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0", "", ""),
        Some("200"),
    );
    let transports = ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"];
    let vias: String = transports
        .iter()
        .enumerate()
        .map(|(at, name)| format!("Via: SIP/2.0/{name} t{at}.example.com;branch=z9hG4bK{at}\n"))
        .collect();
    check("3.1.1.10", &request(OPTIONS, &vias, ""), Some("200"));
    let multipart = "Content-Type: multipart/mixed;boundary=7a9\n";
    check(
        "3.1.1.11",
        &request(
            "MESSAGE sip:hotline@example.com SIP/2.0",
            multipart,
            "--7a9\nContent-Type: text/plain\n\nHello\n--7a9--\n",
        ),
        Some("405"),
    );
    for line in ["SIP/2.0 200 = 2**3 * 5**2 \u{43d}\u{43e}", "SIP/2.0 100 "] {
        let answer = check("3.1.1.12, 3.1.1.13", &request(line, "CSeq: 1 INVITE\n", ""), None);
        assert!(
            matches!(answer.events[..], [Event::Counted(Counted::Stray)]),
            "read, and nobody's: {:?}",
            answer.events
        );
    }
}

#[test]
fn section_3_1_2_invalid_messages_are_refused_with_400_where_they_can_be_answered() {
    // The RFC leaves room to be liberal with empty parameters, and with brackets around the Request-URI (3.1.2.7).
    check(
        "3.1.2.1",
        &request(INVITE, "Contact: \"Joe\" <sip:joe@example.org>;;;;\n", ""),
        Some("100"),
    );
    check(
        "3.1.2.2",
        &request(INVITE, "Content-Length: 9999\n", "v=0\n"),
        Some("400"),
    );
    check(
        "3.1.2.3",
        &request(INVITE, "Content-Length: -999\n", "v=0\n"),
        Some("400"),
    );
    for large in ["CSeq: 36893488147419103232 INVITE\n", "Max-Forwards: 300\n"] {
        check("3.1.2.4", &request(INVITE, large, ""), Some("400"));
    }
    let large = check(
        "3.1.2.5",
        &request(
            "SIP/2.0 503 Service Unavailable",
            "CSeq: 9292394834772304023312 OPTIONS\nRetry-After: 949302838503028349304023988\n",
            "",
        ),
        None,
    );
    assert!(matches!(large.events[..], [Event::Counted(Counted::Malformed)]));
    check(
        "3.1.2.6",
        &request(INVITE, "To: \"Mr. J. User <sip:j.user@example.com>\n", ""),
        Some("400"),
    );
    check(
        "3.1.2.7",
        &request("INVITE <sip:user@example.com> SIP/2.0", "", ""),
        Some("100"),
    );
    check(
        "3.1.2.8",
        &request("INVITE sip:user@example.com; lr SIP/2.0", "", ""),
        Some("400"),
    );
    check(
        "3.1.2.9",
        &request("INVITE  sip:user@example.com  SIP/2.0", "", ""),
        Some("400"),
    );
    check(
        "3.1.2.10",
        &request("OPTIONS sip:remote@example.com SIP/2.0  ", "", ""),
        Some("400"),
    );
    check(
        "3.1.2.11",
        &request(
            "INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0",
            "",
            "",
        ),
        Some("400"),
    );
    check(
        "3.1.2.14",
        &request(
            OPTIONS,
            "To: \"Watson, Thomas\" < sip:t.watson@example.org >\n",
            "",
        ),
        Some("400"),
    );
    check(
        "3.1.2.15",
        &request(
            OPTIONS,
            "From: Bell, Alexander <sip:a.g.bell@example.com>;tag=43\n",
            "",
        ),
        Some("400"),
    );
    check(
        "3.1.2.16",
        &request("OPTIONS sip:t.watson@example.org SIP/7.0", "", ""),
        Some("505"),
    );
    check("3.1.2.17", &request(OPTIONS, "CSeq: 8 INVITE\n", ""), Some("400"));
    check(
        "3.1.2.18",
        &request("NEWMETHOD sip:user@example.com SIP/2.0", "CSeq: 8 INVITE\n", ""),
        Some("400"),
    );
    check(
        "3.1.2.19",
        &request(
            "SIP/2.0 4294967301 better not break the receiver",
            "CSeq: 3 INVITE\n",
            "",
        ),
        None,
    );
}

#[test]
fn section_3_1_2_12_a_date_in_another_zone_is_no_reason_to_lose_a_call() {
    // The RFC leaves it open; nothing of ours depends on Date.
    check(
        "3.1.2.12",
        &request(INVITE, "Date: Fri, 01 Jan 2010 16:00:00 EST\n", ""),
        Some("100"),
    );
}

#[test]
fn section_3_2_a_branch_that_is_only_the_cookie_still_makes_a_transaction() {
    check(
        "3.2.1",
        &request(OPTIONS, "Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK\n", ""),
        Some("200"),
    );
}

#[test]
fn section_3_3_what_is_well_formed_and_cannot_be_served_is_told_why() {
    let bare = "INVITE sip:user@example.com SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKa\nContent-Length: 0\n\n";
    // Without From, To, Call-ID and CSeq there is nothing to write an answer from.
    let insufficient = hear(1, bare);
    assert!(insufficient.answers.iter().all(|status| status == "400"), "3.3.1");
    check(
        "3.3.2",
        &request(
            "OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0",
            "",
            "",
        ),
        Some("416"),
    );
    check(
        "3.3.3",
        &request("OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0", "", ""),
        Some("416"),
    );
    check(
        "3.3.4",
        &request(
            OPTIONS,
            "To: isbn:2983792873\nFrom: <http://www.example.com>;tag=3\n",
            "",
        ),
        Some("200"),
    );
    let extension = check(
        "3.3.5",
        &request(
            OPTIONS,
            "Require: nothingSupportsThis, nothingSupportsThisEither\nProxy-Require: noProxiesSupportThis\n",
            "",
        ),
        Some("420"),
    );
    assert!(
        extension
            .text
            .contains("\r\nUnsupported: nothingSupportsThis, nothingSupportsThisEither\r\n")
    );
    let unknown = hear(
        1,
        &request(INVITE, "Content-Type: application/unknownformat\n", "<audio/>\n"),
    );
    assert_eq!(unknown.answers.last().map(String::as_str), Some("415"), "3.3.6");
    assert!(unknown.text.contains("\r\nAccept: application/sdp"));
    let authorization = "Authorization: NoOneKnowsThisScheme opaque-data-here\n";
    let challenged = hear(0, &request("REGISTER sip:example.com SIP/2.0", authorization, ""));
    assert_eq!(challenged.answers, ["401"], "3.3.7");
    check(
        "3.3.8",
        &request(
            INVITE,
            "CSeq: 5 INVITE\nCSeq: 59 INVITE\nCall-ID: a\nCall-ID: b\n",
            "",
        ),
        Some("400"),
    );
    check(
        "3.3.9",
        &request(
            OPTIONS,
            "Content-Length: 13\nContent-Length: 5\n",
            "There's no way\n",
        ),
        Some("400"),
    );
    check(
        "3.3.10",
        &request(
            "SIP/2.0 200 OK",
            "Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1\nVia: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK2\nCSeq: 1 INVITE\n",
            "",
        ),
        None,
    );
    check("3.3.11", &request(OPTIONS, "Max-Forwards: 0\n", ""), Some("483"));
    for contact in [
        "sip:a@10.0.0.2;unknownparam",
        "<sip:a@10.0.0.2;unknownparam>",
        "<sip:a@example.com?Route=%3Csip:b.example%3E>",
    ] {
        let came = hear(
            0,
            &request(
                "REGISTER sip:example.com SIP/2.0",
                &format!("Contact: {contact}\n"),
                "",
            ),
        );
        assert_eq!(
            came.answers,
            ["401"],
            "3.3.12 to 3.3.14: read, and asked who it is"
        );
    }
    let unacceptable = hear(1, &request(INVITE, "Accept: text/nobodyKnowsThis\n", ""));
    assert_eq!(
        unacceptable.answers.last().map(String::as_str),
        Some("406"),
        "3.3.15"
    );
}

#[test]
fn section_3_4_an_invite_of_rfc_2543_is_taken() {
    let old = "INVITE sip:UserB@example.com SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.2\nFrom: <sip:UserA@example.com>\nTo: <sip:UserB@example.com>\n\
         Call-ID: 1717@10.0.0.2\nCSeq: 56 INVITE\nContact: <sip:UserA@10.0.0.2>\n\n";
    check("3.4.1", old, Some("100"));
}
