//! What is built can be read back, and no value breaks out of its line.

use std::net::SocketAddr;

use super::*;
use crate::header::{NameAddr, Value};
use crate::message::Message;

const PEER: SocketAddr = SocketAddr::new(
    std::net::IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9)),
    40_000,
);

fn answered(request: &str, status: u16) -> String {
    let bytes = request.replace('\n', "\r\n");
    let message = Message::parse(bytes.as_bytes()).unwrap();
    let answer = Answer {
        status,
        to_tag: Some(0xabc),
        peer: PEER,
    };
    let out = response(b"left over".to_vec(), &message, answer).finish();
    Message::parse(&out).unwrap();
    // The same answer, made later of what was kept of the request.
    if status != 100
        && let Ok(top) = message.top_via()
    {
        let untagged = message.to().is_ok_and(|to| to.tag().is_none());
        let later = Head::of(&message, &top, untagged.then_some(0xabc), PEER)
            .response(status)
            .finish();
        assert_eq!(String::from_utf8(later), String::from_utf8(out.clone()));
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn request_is_written_as_it_is_meant() {
    let out = request(Vec::new(), Method::Invite, "sip:agent01@192.0.2.7:5060")
        .header(
            Name::Via,
            format_args!("SIP/2.0/UDP {PEER};branch=z9hG4bK1;rport"),
        )
        .header(
            Name::From,
            format_args!("{} <sip:1@x>;tag=f", Quoted("Li \"Lei\"")),
        )
        .named("X-Contact-Id", "0190")
        .sdp(b"v=0\r\n");
    let expected = "INVITE sip:agent01@192.0.2.7:5060 SIP/2.0\r\n\
        Via: SIP/2.0/UDP 203.0.113.9:40000;branch=z9hG4bK1;rport\r\n\
        From: \"Li \\\"Lei\\\"\" <sip:1@x>;tag=f\r\nX-Contact-Id: 0190\r\n\
        Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn no_value_adds_a_line() {
    type Write = fn(Builder) -> Builder;
    let cases: &[(Write, &str)] = &[
        (
            |b| b.header(Name::Subject, "a\r\nX-Evil: 1"),
            "Subject: a  X-Evil: 1\r\n",
        ),
        (|b| b.named("X-Note", "a\nX-Evil: 1"), "X-Note: a X-Evil: 1\r\n"),
        (|b| b.named("X\r\nX-Evil", "1"), ""),
        (|b| b.named("", "1"), ""),
        (
            |mut b| {
                b.copy(Name::Subject, b"a\r\nX-Evil: 1\0");
                b
            },
            "Subject: a  X-Evil: 1 \r\n",
        ),
        (
            |mut b| {
                b.copy(Name::Subject, b"folded\r\n X-Evil: 1");
                b
            },
            "Subject: folded X-Evil: 1\r\n",
        ),
        (
            |b| b.header(Name::From, Quoted("a\r\nX-Evil: 1")),
            "From: \"a  X-Evil: 1\"\r\n",
        ),
        (
            |b| b.header(Name::To, format_args!("<sip:a>{}X-Evil: 1", '\n')),
            "To: <sip:a> X-Evil: 1\r\n",
        ),
    ];
    for (write, expected) in cases {
        let out = write(request(Vec::new(), Method::Options, "sip:a@b")).finish();
        let written = format!("OPTIONS sip:a@b SIP/2.0\r\n{expected}Content-Length: 0\r\n\r\n");
        assert_eq!(String::from_utf8(out).unwrap(), written);
    }
    let out = request(Vec::new(), Method::Options, "sip:a@b").body("text/plain\r\nX-Evil: 1", b"");
    assert_eq!(Message::parse(&out).unwrap().all_named("X-Evil").count(), 0);
    let out = request(Vec::new(), Method::Other("A\nB"), "sip:a b\r\nX-Evil:1").finish();
    assert!(out.starts_with(b"A B sip:a%20b%0D%0AX-Evil:1 SIP/2.0\r\n"));
}

#[test]
fn response_takes_over_what_rfc_3261_section_8_2_6_says() {
    let invite = "INVITE sip:a@b SIP/2.0
v: SIP/2.0/UDP 10.0.0.5:5060;rport;branch=z9hG4bK1 , SIP/2.0/TCP p;branch=z9hG4bK0
Via: SIP/2.0/UDP q;branch=z9hG4bKq
Record-Route: <sip:p;lr>
f: <sip:c@d>;tag=1
t: \"B\"
  <sip:a@b>
Call-ID: x
CSeq: 7 INVITE
Timestamp: 54
Subject: not copied

";
    let trying = answered(invite, 100);
    assert_eq!(
        trying,
        "SIP/2.0 100 Trying\r\n\
         Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK1;rport=40000;received=203.0.113.9 , \
         SIP/2.0/TCP p;branch=z9hG4bK0\r\n\
         Via: SIP/2.0/UDP q;branch=z9hG4bKq\r\nFrom: <sip:c@d>;tag=1\r\nTo: \"B\"  <sip:a@b>;tag=0000000000000abc\r\n\
         Call-ID: x\r\nCSeq: 7 INVITE\r\nTimestamp: 54\r\nContent-Length: 0\r\n\r\n"
    );
    let ok = answered(invite, 200);
    assert!(ok.contains("Record-Route: <sip:p;lr>\r\n") && !ok.contains("Timestamp"));
    assert!(!answered(invite, 486).contains("Record-Route"));
}

#[test]
fn received_and_rport_follow_rfc_3581() {
    let via = |hop: &str| {
        let text = format!("BYE sip:a@b SIP/2.0\nVia: {hop}\nTo: <sip:a@b>;tag=t\n\n");
        let out = answered(&text, 200);
        assert!(
            out.contains("To: <sip:a@b>;tag=t\r\n"),
            "a tag is not added twice"
        );
        let line = out.lines().find(|line| line.starts_with("Via")).unwrap();
        line["Via: ".len()..].to_owned()
    };
    for (hop, expected) in [
        (
            "SIP/2.0/UDP 203.0.113.9;branch=z",
            "SIP/2.0/UDP 203.0.113.9;branch=z",
        ),
        (
            "SIP/2.0/UDP 203.0.113.9;rport;branch=z",
            "SIP/2.0/UDP 203.0.113.9;branch=z;rport=40000;received=203.0.113.9",
        ),
        (
            "SIP/2.0/UDP 10.1.1.1;branch=z",
            "SIP/2.0/UDP 10.1.1.1;branch=z;received=203.0.113.9",
        ),
        (
            "SIP/2.0/UDP host;branch=z;received=1.1.1.1",
            "SIP/2.0/UDP host;branch=z;received=203.0.113.9",
        ),
        ("nonsense", "nonsense"),
    ] {
        assert_eq!(via(hop), expected);
    }
}

#[test]
fn cancel_and_ack_match_their_invite() {
    let invite = b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:c@d>;tag=1\r\n\
        To: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 7 INVITE\r\nRoute: <sip:p;lr>\r\nRequire: timer\r\n\r\n";
    let invite = Message::parse(invite).unwrap();
    let out = cancel_of(&invite).finish();
    let cancel = Message::parse(&out).unwrap();
    assert_eq!(
        (cancel.method(), cancel.raw_uri()),
        (Some(Method::Cancel), Some("sip:a@b"))
    );
    assert_eq!(
        cancel.cseq().map(|cseq| (cseq.number, cseq.method)),
        Ok((7, Method::Cancel))
    );
    assert_eq!(cancel.top_via().unwrap().branch(), Some("z9hG4bK1"));
    assert_eq!(cancel.to().unwrap().tag(), None);
    assert_eq!(
        (cancel.all(Name::Route).count(), cancel.all(Name::Require).count()),
        (1, 0)
    );
    let out = ack_of_failure(&invite, b"<sip:a@b>;tag=9").finish();
    let ack = Message::parse(&out).unwrap();
    assert_eq!(
        (ack.method(), ack.to().unwrap().tag()),
        (Some(Method::Ack), Some("9"))
    );
    assert_eq!(
        ack.cseq().map(|cseq| (cseq.number, cseq.method)),
        Ok((7, Method::Ack))
    );
}

#[test]
fn escapes_are_undone_by_reading() {
    for name in ["plain", "a \"b\" \\c", "王小明", ""] {
        let text = format!("{} <sip:a@b>", Quoted(name));
        let addr = NameAddr::parse(Value::new(text.as_bytes(), 0)).unwrap();
        assert_eq!(addr.display().unwrap_or_default(), name);
    }
}

#[test]
fn empty_via_line_before_the_real_one_is_copied_as_it_stands() {
    let out = answered(
        "BYE sip:a@b SIP/2.0\nVia: \nVia: ,\nVia: , SIP/2.0/UDP h;branch=z\n\n",
        200,
    );
    assert!(
        out.contains("Via: \r\nVia: ,\r\nVia: SIP/2.0/UDP h;branch=z;received=203.0.113.9\r\n"),
        "{out}"
    );
}
