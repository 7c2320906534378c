//! Tables of good and bad messages, after the kinds that RFC 4475 lists.

use super::*;
use crate::header::{Contact, Refresher};

/// A request of these header lines, each without its CRLF, and this body.
fn request(lines: &[&str], body: &str) -> Vec<u8> {
    format!(
        "INVITE sip:4001@gw.example SIP/2.0\r\n{}\r\n\r\n{body}",
        lines.join("\r\n")
    )
    .into_bytes()
}

const GOOD: [&str; 5] = [
    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa",
    "From: <sip:a@b.example>;tag=1",
    "To: <sip:c@d.example>",
    "Call-ID: x@y",
    "CSeq: 1 INVITE",
];

#[test]
fn valid_start_lines_are_read_as_they_stand() {
    let long = "!Method0123-_*+`.%!'~";
    for (line, method, uri) in [
        ("INVITE sip:a@b SIP/2.0", Method::Invite, "sip:a@b"),
        (
            "PING tel:+8613800138000 SIP/2.0",
            Method::Other("PING"),
            "tel:+8613800138000",
        ),
        ("invite sip:a@b sip/2.0", Method::Other("invite"), "sip:a@b"),
        ("OPTIONS http://x/y?z SIP/2.0", Method::Options, "http://x/y?z"),
        (
            &format!("{long} sip:a;b=c@[::1]:5070;d?e=f SIP/2.0"),
            Method::Other(long),
            "sip:a;b=c@[::1]:5070;d?e=f",
        ),
    ] {
        let bytes = format!("\r\n\r\n{line}\r\n\r\n");
        let message = Message::parse(bytes.as_bytes()).unwrap();
        assert_eq!(message.start(), StartLine::Request { method, uri }, "{line}");
        assert_eq!(message.lines().count(), 0);
    }
    for (line, status, reason) in [
        ("SIP/2.0 200 OK", 200, "OK"),
        (
            "sip/2.0 183 Weiter, \u{7b49}\u{5f85}",
            183,
            "Weiter, \u{7b49}\u{5f85}",
        ),
        ("SIP/2.0 180 ", 180, ""),
        ("SIP/2.0 699", 699, ""),
    ] {
        let bytes = format!("{line}\r\n\r\n");
        let message = Message::parse(bytes.as_bytes()).unwrap();
        assert_eq!(
            message.start(),
            StartLine::Response {
                status,
                reason: reason.as_bytes()
            },
            "{line}"
        );
    }
}

/// Messages that are refused whole: what is wrong, and at which byte.
const BROKEN: &[(&str, Fault, usize)] = &[
    ("", Fault::Unterminated, 0),
    ("INVITE sip:a@b SIP/2.0", Fault::Unterminated, 22),
    ("INVITE sip:a@b SIP/2.0\r\nVia: x\r\n", Fault::Unterminated, 32),
    ("INVITE sip:a@b SIP/2.0\r\nVia", Fault::Unterminated, 27),
    ("INVITE  sip:a@b SIP/2.0\r\n\r\n", Fault::StartLine, 0),
    ("INVITE sip:a@b  SIP/2.0\r\n\r\n", Fault::StartLine, 15),
    ("INVITE sip:a b SIP/2.0\r\n\r\n", Fault::StartLine, 13),
    ("INVITE sip:a@b SIP/2.0 \r\n\r\n", Fault::StartLine, 15),
    ("INVITE sip:a@b SIP/7.0\r\n\r\n", Fault::Version, 15),
    ("INVITE sip:a@b\r\n\r\n", Fault::StartLine, 0),
    ("IN(VITE sip:a@b SIP/2.0\r\n\r\n", Fault::StartLine, 0),
    (" INVITE sip:a@b SIP/2.0\r\n\r\n", Fault::StartLine, 0),
    ("SIP/3.0 200 OK\r\n\r\n", Fault::Version, 0),
    ("SIP/2.0 99 Low\r\n\r\n", Fault::Status, 8),
    ("SIP/2.0 700 High\r\n\r\n", Fault::Status, 8),
    ("SIP/2.0 4294967301 Far\r\n\r\n", Fault::Status, 8),
    ("INVITE sip:a@b SIP/2.0\nVia: x\n\n", Fault::LineEnd, 22),
    (
        "INVITE sip:a@b SIP/2.0\r\nVia: x\ny: z\r\n\r\n",
        Fault::LineEnd,
        30,
    ),
    (
        "INVITE sip:a@b SIP/2.0\r\nVia: x\ry: z\r\n\r\n",
        Fault::LineEnd,
        30,
    ),
    (
        "INVITE sip:a@b SIP/2.0\r\nno colon here\r\n\r\n",
        Fault::HeaderName,
        24,
    ),
    (
        "INVITE sip:a@b SIP/2.0\r\n: nameless\r\n\r\n",
        Fault::HeaderName,
        24,
    ),
    (
        "INVITE sip:a@b SIP/2.0\r\n folded: first\r\n\r\n",
        Fault::HeaderName,
        24,
    ),
    ("INVITE sip:a@b SIP/2.0\r\nl: 5\r\n\r\nv=0", Fault::BodyShort, 32),
    (
        "INVITE sip:a@b SIP/2.0\r\nl: -999\r\n\r\nv=0",
        Fault::ContentLength,
        27,
    ),
    (
        "INVITE sip:a@b SIP/2.0\r\nl:\r\n\r\nv=0",
        Fault::ContentLength,
        26,
    ),
    (
        "INVITE sip:a@b SIP/2.0\r\nl: 99999999999999999999\r\n\r\n",
        Fault::ContentLength,
        27,
    ),
    (
        "INVITE sip:a@b SIP/2.0\r\nl: 1\r\nContent-Length : 2\r\n\r\nxx",
        Fault::ContentLength,
        47,
    ),
];

#[test]
fn broken_messages_say_what_and_where() {
    for (text, fault, offset) in BROKEN {
        let error = Message::parse(text.as_bytes()).map(|_| ()).unwrap_err();
        assert_eq!(error, ParseError::new(*fault, *offset), "{text:?}: {error}");
    }
    let error = Message::parse(b"INVITE sip:a@b SIP/2.0\r\nA: b\r\nbad\r\n\r\n")
        .map(|_| ())
        .unwrap_err();
    assert_eq!(error.line(b"INVITE sip:a@b SIP/2.0\r\nA: b\r\nbad\r\n\r\n"), 3);
}

#[test]
fn limits_refuse_with_their_name() {
    let many = "A: b\r\n".repeat(HEADER_LINES_MAX + 1);
    let fits = "A: b\r\n".repeat(HEADER_LINES_MAX);
    let message =
        |lines: &str| Message::parse(format!("X sip:a@b SIP/2.0\r\n{lines}\r\n").as_bytes()).map(|_| ());
    assert_eq!(message(&fits), Ok(()));
    assert_eq!(message(&many).unwrap_err().fault, Fault::TooManyLines);
    assert_eq!(message(&format!("{}: b\r\n", "n".repeat(255))), Ok(()));
    assert_eq!(
        message(&format!("{}: b\r\n", "n".repeat(256))).unwrap_err().fault,
        Fault::HeaderName
    );
    let body = vec![b'x'; MESSAGE_BYTES_MAX + 1];
    assert_eq!(
        Message::parse(&body).map(|_| ()).unwrap_err().fault,
        Fault::TooLong
    );
}

/// Folds, odd white space, any case, compact names, unknown transports, lists, bytes that are no UTF-8.
const UNUSUAL: &[u8] = b"INVITE sip:vivek@chair.example.com;unknownparam SIP/2.0\r\n\
        TO :\r\n sip:vivek@chair.example.com ;   tag    = 1918181833n\r\n\
        from   : \"J Rosen \\\\\\\"\"       <sip:jd@example.com>\r\n  ;\r\n  tag = 98asjd8\r\n\
        MaX-fOrWaRdS: 0068\r\n\
        Call-ID: ws.nda@192.0.2.1\r\n\
        Content-Length   : 4\r\n\
        cseq: 0009\r\n  INVITE\r\n\
        Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw\r\n\
        s :\r\n\
        X-Latin: caf\xe9\r\n\
        NewFangled:   new value\r\n continued value\r\n\
        Weird: ;;,,;;,;\r\n\
        Route:\r\n <sip:s.example.com;lr;with=value;flag>\r\n\
        v:  SIP  / 2.0  / DTLS-UDP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n \
        SIP  /    2.0   / UDP  192.168.255.111 : 5070   ; branch=\r\n z9hG4bK30239\r\n\
        m:\"Quoted, \\\"\\\"\" <sip:jd@example.com> ; newparam =\r\n      newvalue ;\r\n  flag ; q = 0.33\r\n\r\nv=0\r\nmore";

#[test]
fn everything_legal_but_unusual_in_one_message_is_understood() {
    let message = Message::parse(UNUSUAL).unwrap();
    assert_eq!(message.body(), b"v=0\r");
    let from = message.from().unwrap();
    assert_eq!(
        (from.display().as_deref(), from.tag()),
        (Some(r#"J Rosen \""#), Some("98asjd8"))
    );
    assert_eq!(message.to().unwrap().tag(), Some("1918181833n"));
    assert_eq!(message.max_forwards(), Ok(Some(68)));
    assert_eq!(message.cseq().unwrap().number, 9);
    assert_eq!(message.cseq().unwrap().method, Method::Invite);
    assert_eq!(message.call_id(), Ok("ws.nda@192.0.2.1"));
    let vias: Vec<_> = message.vias().map(Result::unwrap).collect();
    let read: Vec<_> = vias
        .iter()
        .map(|via| {
            (
                via.transport,
                via.host.to_string(),
                via.port,
                via.branch().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        read,
        [
            ("UDP", "192.0.2.2".to_owned(), None, "390skdjuw"),
            ("DTLS-UDP", "spindle.example.com".to_owned(), None, "z9hG4bK9ikj8"),
            ("UDP", "192.168.255.111".to_owned(), Some(5070), "z9hG4bK30239"),
        ]
    );
    assert!(!vias[0].has_cookie() && vias[1].has_cookie());
    let contacts: Vec<_> = message.contacts().map(Result::unwrap).collect();
    let Contact::Addr(contact) = &contacts[0] else {
        panic!("not an address")
    };
    assert_eq!(
        (contact.display().as_deref(), contact.q()),
        (Some("Quoted, \"\""), Some(330))
    );
    assert_eq!(
        (contact.params.get("newparam"), contact.params.get("flag")),
        (Some("newvalue"), Some(""))
    );
    assert_eq!(
        message
            .all_named("newfangled")
            .next()
            .unwrap()
            .unfolded()
            .unwrap(),
        "new value continued value"
    );
    assert_eq!(
        message
            .all_named("X-Latin")
            .next()
            .unwrap()
            .text()
            .unwrap_err()
            .fault,
        Fault::NotUtf8
    );
    assert_eq!(message.first(Name::Subject).unwrap().bytes(), b"");
    let route = message.addrs(Name::Route).next().unwrap().unwrap();
    assert_eq!(route.uri().unwrap().params.get("lr"), Some(""));
}

#[test]
fn header_that_is_broken_fails_alone() {
    // Each line replaces the good one of its name; `reads` says which access then fails, and with what.
    type Read = fn(&Message<'_>) -> Option<Fault>;
    fn fault<T>(result: Result<T, ParseError>) -> Option<Fault> {
        result.err().map(|error| error.fault)
    }
    let via: Read = |message| fault(message.top_via());
    let from: Read = |message| fault(message.from());
    let to: Read = |message| fault(message.to());
    let uri: Read = |message| fault(message.from().and_then(|from| from.uri().map(|_| ())));
    let cseq: Read = |message| fault(message.cseq());
    let call_id: Read = |message| fault(message.call_id());
    let cases: &[(usize, &str, Read, Fault)] = &[
        (0, "Via: SIP/2.0/UDP", via, Fault::Host),
        (0, "Via: SIP/1.0/UDP h;branch=x", via, Fault::Version),
        (0, "Via: SIP/2.0 UDP h", via, Fault::Token),
        (0, "Via: SIP/2.0/UDP h:99999", via, Fault::Port),
        (0, "Via: SIP/2.0/UDP h:0", via, Fault::Port),
        (0, "Via: SIP/2.0/UDP [::1;branch=x", via, Fault::Host),
        (0, "Via: SIP/2.0/UDP h;;branch=x", via, Fault::Parameter),
        (0, "Via: SIP/2.0/UDP h;branch=", via, Fault::Parameter),
        (0, "X: y", via, Fault::Missing(Name::Via)),
        (1, "From: \"no end <sip:a@b>", from, Fault::Unclosed),
        (1, "From: <sip:a@b", from, Fault::Unclosed),
        (1, "From: \"a\" sip:a@b", from, Fault::Brackets),
        (1, "From: Bell, Alex <sip:a@b>", from, Fault::Brackets),
        (1, "From: < sip:a@b>", from, Fault::Uri),
        (1, "From: sip:a@b?Route=x", from, Fault::Uri),
        (1, "From: <sip:a@b> tag=1", from, Fault::Trailing),
        (1, "From: <sip:a@b>;tag=\"1", from, Fault::Unclosed),
        (1, "From: ", from, Fault::Uri),
        (
            1,
            "From: <sip:a@b>\r\nFrom: <sip:c@d>",
            from,
            Fault::Repeated(Name::From),
        ),
        (
            1,
            "From: <sip:a@b>\r\nf: <sip:c@d>",
            from,
            Fault::Repeated(Name::From),
        ),
        (1, "From: <sip:a%4@b>", uri, Fault::Uri),
        (1, "From: <sip:@b>", uri, Fault::Uri),
        (1, "From: <sip:a@b:port>", uri, Fault::Port),
        (1, "From: <sip:a@b@c>", uri, Fault::Host),
        (1, "From: <nothing>", uri, Fault::Uri),
        (3, "Call-ID: a b", call_id, Fault::Token),
        (3, "Call-ID:", call_id, Fault::Token),
        (4, "CSeq: 36893488147419103232 INVITE", cseq, Fault::Number),
        (4, "CSeq: 2147483648 INVITE", cseq, Fault::Number),
        (4, "CSeq: INVITE", cseq, Fault::Number),
        (4, "CSeq: 1", cseq, Fault::Token),
        (4, "CSeq: 1 INVITE x", cseq, Fault::Trailing),
    ];
    for (place, line, read, expected) in cases {
        let mut lines = GOOD;
        lines[*place] = line;
        let bytes = request(&lines, "");
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(read(&message), Some(*expected), "{line}");
        let good = [via, from, to, call_id, cseq];
        for other in (0..GOOD.len()).filter(|other| other != place) {
            assert_eq!(good[other](&message), None, "{line} also broke line {other}");
        }
    }
}

const SMALL: &[&str] = &[
    "Max-Forwards: 255",
    "Expires: 10000000000000",
    "x: 1800 ;refresher=UAS",
    "Min-SE: 90",
    "RSeq: 988789",
    "RAck: 776656 1 INVITE",
    "Reason: SIP;cause=200;text=\"Call \\\"done\\\"\", Q.850;cause=16",
    "Replaces: 425928@b;to-tag=7743;from-tag=6472;early-only",
    "c: Multipart/Mixed; boundary=\"a;b\"",
    "Supported: 100rel, , timer",
    "k: replaces",
    "Refer-To: <sip:d@e?Replaces=x>",
    "P-Asserted-Identity: \"A, B\" <sip:1@x>, <tel:+1>",
    "Contact: *",
    "m: <sip:a@b>;expires=0;+sip.instance=\"<urn:uuid:0>\", sip:c@d;q=1.000",
];

#[test]
fn small_headers_are_read_with_their_limits() {
    let bytes = request(SMALL, "");
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.max_forwards(), Ok(Some(255)));
    assert_eq!(message.expires(), Ok(Some(u32::MAX)));
    let timer = message.session_expires().unwrap().unwrap();
    assert_eq!((timer.seconds, timer.refresher), (1800, Some(Refresher::Uas)));
    assert_eq!(
        (message.min_se(), message.rseq()),
        (Ok(Some(90)), Ok(Some(988_789)))
    );
    let rack = message.rack().unwrap().unwrap();
    assert_eq!(
        (rack.response, rack.cseq.number, rack.cseq.method),
        (776_656, 1, Method::Invite)
    );
    let reasons: Vec<_> = message.reasons().map(Result::unwrap).collect();
    assert_eq!(
        (reasons[0].cause(), reasons[0].text().as_deref()),
        (Some(200), Some("Call \"done\""))
    );
    assert_eq!((reasons[1].protocol, reasons[1].cause()), ("Q.850", Some(16)));
    let replaces = message.replaces().unwrap().unwrap();
    assert_eq!(
        (replaces.call_id, replaces.to_tag, replaces.from_tag),
        ("425928@b", "7743", "6472")
    );
    assert!(replaces.early_only);
    let kind = message.content_type().unwrap().unwrap();
    assert!(kind.is("multipart", "mixed") && kind.params.get("boundary") == Some("a;b"));
    assert_eq!(
        message
            .tokens(Name::Supported)
            .filter_map(Result::ok)
            .collect::<Vec<_>>(),
        ["100rel", "timer", "replaces"]
    );
    assert!(message.has_token(Name::Supported, "TIMER") && !message.has_token(Name::Require, "timer"));
    assert_eq!(
        message
            .addr(Name::ReferTo)
            .unwrap()
            .unwrap()
            .uri()
            .unwrap()
            .headers,
        Some("Replaces=x")
    );
}

#[test]
fn lists_of_addresses_and_contacts_are_split_at_the_right_commas() {
    let bytes = request(SMALL, "");
    let message = Message::parse(&bytes).unwrap();
    let asserted: Vec<_> = message
        .addrs(Name::PAssertedIdentity)
        .map(|addr| addr.unwrap().raw_uri)
        .collect();
    assert_eq!(asserted, ["sip:1@x", "tel:+1"]);
    let contacts: Vec<_> = message.contacts().map(Result::unwrap).collect();
    assert!(matches!(contacts[0], Contact::Star));
    let first = contacts[1].addr().unwrap();
    assert_eq!(
        (first.expires(), first.params.get("+SIP.instance")),
        (Some(0), Some("<urn:uuid:0>"))
    );
    let second = contacts[2].addr().unwrap();
    assert_eq!(
        (second.raw_uri, second.q(), second.expires()),
        ("sip:c@d", Some(1000), None)
    );
}

#[test]
fn datagram_body_follows_content_length_and_binary_bytes_survive() {
    let body: Vec<u8> = (0..=255).collect();
    let mut bytes = request(&[&GOOD[..], &["l: 256"]].concat(), "");
    bytes.extend_from_slice(&body);
    bytes.extend_from_slice(b"INVITE sip:another@one SIP/2.0\r\n\r\n");
    assert_eq!(Message::parse(&bytes).unwrap().body(), body);
    let whole = request(&GOOD, "the rest");
    assert_eq!(Message::parse(&whole).unwrap().body(), b"the rest");
    let short = request(&[&GOOD[..], &["l: 9"]].concat(), "the rest");
    let indexed = Message::index(&short).unwrap();
    assert_eq!(
        (indexed.body(), indexed.content_length()),
        (&b"the rest"[..], Ok(Some(9)))
    );
}

#[test]
fn debug_output_of_a_message_shows_no_header() {
    let bytes = request(&GOOD, "secret");
    let shown = format!("{:?}", Message::parse(&bytes).unwrap());
    assert_eq!(shown, "Message(INVITE None, 5 lines, body 6 bytes)");
}
