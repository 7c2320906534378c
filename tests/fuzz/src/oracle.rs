//! Body of the differential target: messages of everyday shape, read by our codec and by `rsip`.
//!
//! The data chooses the words; the shapes keep clear of the known faults of `rsip` (their list is a test of the SIP
//! crate), so that every difference is news.

use std::fmt::Write as _;

use hotline_sip::header::NameAddr;
use hotline_sip::message::{Message, StartLine};
use rsip::prelude::*;

/// Reads choices out of the data; after its end everything is zero.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn one_of<T: Copy>(&mut self, list: &[T]) -> T {
        list[usize::from(self.byte()) % list.len()]
    }

    /// One to sixteen characters of an alphabet.
    fn word(&mut self, alphabet: &[u8]) -> String {
        let length = usize::from(self.byte() % 16) + 1;
        (0..length).map(|_| char::from(self.one_of(alphabet))).collect()
    }
}

const PLAIN: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCXYZ0123456789";
const TOKEN: &[u8] = b"abcxyzABCXYZ0123456789-_.!%*+~";
const USER: &[u8] = b"abcxyz0123456789+-_";
const METHODS: [&str; 8] = [
    "INVITE",
    "REGISTER",
    "OPTIONS",
    "BYE",
    "MESSAGE",
    "SUBSCRIBE",
    "UPDATE",
    "INFO",
];

fn host(from: &mut Choices<'_>) -> String {
    if from.byte().is_multiple_of(2) {
        return format!("{}.{}", from.word(PLAIN).to_lowercase(), "example");
    }
    format!("192.0.2.{}", from.byte())
}

fn port(from: &mut Choices<'_>) -> String {
    match from.byte() {
        0..64 => format!(":{}", 1024 + u32::from(from.byte())),
        _ => String::new(),
    }
}

fn uri(from: &mut Choices<'_>) -> String {
    let scheme = from.one_of(&["sip", "sips"]);
    let user = from.word(USER);
    format!("{scheme}:{user}@{}{}", host(from), port(from))
}

/// A From, To or Contact value.
fn addr(from: &mut Choices<'_>, tag: Option<String>) -> String {
    let uri = uri(from);
    let mut text = match from.byte() % 3 {
        0 => format!("<{uri}>"),
        1 => format!("\"{}\" <{uri}>", from.word(PLAIN)),
        _ => format!("{} <{uri}>", from.word(PLAIN)),
    };
    if let Some(tag) = tag {
        let _never_fails = write!(text, ";tag={tag}");
    }
    text
}

fn message(from: &mut Choices<'_>) -> Vec<u8> {
    let method = from.one_of(&METHODS);
    let start = if from.byte() < 200 {
        format!("{method} {} SIP/2.0", uri(from))
    } else {
        format!(
            "SIP/2.0 {} {}",
            100 + u16::from(from.byte()) * 2,
            from.word(PLAIN)
        )
    };
    let transport = from.one_of(&["UDP", "TCP", "TLS"]);
    let via = format!(
        "SIP/2.0/{transport} {}{};branch=z9hG4bK{}",
        host(from),
        port(from),
        from.word(TOKEN)
    );
    let from_tag = from.word(TOKEN);
    let to_tag = (from.byte() > 127).then(|| from.word(TOKEN));
    let (from_value, to_value, contact) = (addr(from, Some(from_tag)), addr(from, to_tag), addr(from, None));
    let call_id = format!("{}@{}", from.word(TOKEN), host(from));
    let cseq = u32::from_be_bytes([from.byte() & 0x7f, from.byte(), from.byte(), from.byte()]);
    let mut lines = vec![
        format!("Via: {via}"),
        format!("From: {from_value}"),
        format!("To: {to_value}"),
        format!("Call-ID: {call_id}"),
        format!("CSeq: {cseq} {method}"),
        format!("Contact: {contact}"),
    ];
    for _ in 0..from.byte() % 4 {
        let name = from.one_of(&["Subject", "X-Own", "User-Agent", "Organization"]);
        lines.push(format!("{name}: {}", from.word(TOKEN)));
    }
    // Any order is as good as another (RFC 3261 §7.3.1), so long as each header stands once.
    let turn = usize::from(from.byte()) % lines.len();
    lines.rotate_left(turn);
    let body: String = (0..from.byte() % 8).map(|_| from.word(PLAIN)).collect();
    format!(
        "{start}\r\n{}\r\nContent-Length: {}\r\n\r\n{body}",
        lines.join("\r\n"),
        body.len()
    )
    .into_bytes()
}

fn text(value: impl ToString) -> Option<String> {
    Some(value.to_string().to_ascii_lowercase())
}

/// What a parser makes of a message, field by field; none where it cannot say.
type Reading = [(&'static str, Option<String>); 11];

fn ours(bytes: &[u8]) -> Reading {
    let message = Message::parse(bytes).expect("we read every message of everyday shape");
    let start = match message.start() {
        StartLine::Request { method, .. } => text(method),
        StartLine::Response { status, .. } => text(status),
    };
    let uri = message.uri().ok();
    let via = message.top_via().expect("a Via");
    let (from, to) = (message.from().expect("a From"), message.to().expect("a To"));
    let user = |addr: &NameAddr<'_>| addr.uri().ok()?.user.and_then(text);
    let host = |addr: &NameAddr<'_>| addr.uri().ok()?.host.and_then(text);
    let contact = message.contacts().next().and_then(Result::ok);
    let cseq = message.cseq().expect("a CSeq");
    [
        ("start", start),
        ("request user", uri.and_then(|uri| uri.user).and_then(text)),
        ("request port", uri.and_then(|uri| uri.port).and_then(text)),
        ("branch", via.branch().and_then(text)),
        ("sent-by", text(via.host)),
        ("from user", user(&from)),
        ("to host", host(&to)),
        ("tags", Some(format!("{:?} {:?}", from.tag(), to.tag()))),
        ("cseq", text(format!("{} {}", cseq.number, cseq.method))),
        ("call-id", message.call_id().ok().map(str::to_owned)),
        (
            "contact user",
            contact.as_ref().and_then(|contact| contact.addr()).and_then(user),
        ),
    ]
}

fn theirs(bytes: &[u8]) -> Option<Reading> {
    let message = rsip::SipMessage::try_from(bytes).ok()?;
    let (start, uri) = match &message {
        rsip::SipMessage::Request(request) => (text(request.method), Some(request.uri.clone())),
        rsip::SipMessage::Response(response) => (text(response.status_code.code()), None),
    };
    let via = message.via_header().ok()?.typed().ok()?;
    let from = message.from_header().ok()?.typed().ok()?;
    let to = message.to_header().ok()?.typed().ok()?;
    let cseq = message.cseq_header().ok()?.typed().ok()?;
    let contact = message.contact_header().ok()?.typed().ok()?;
    let (from_tag, to_tag) = (
        from.tag().map(ToString::to_string),
        to.tag().map(ToString::to_string),
    );
    Some([
        ("start", start),
        (
            "request user",
            uri.as_ref().and_then(|uri| uri.user()).and_then(text),
        ),
        (
            "request port",
            uri.as_ref().and_then(|uri| uri.port()).and_then(text),
        ),
        ("branch", via.branch().and_then(text)),
        ("sent-by", text(via.sent_by().host())),
        ("from user", from.uri.user().and_then(text)),
        ("to host", text(to.uri.host())),
        ("tags", Some(format!("{from_tag:?} {to_tag:?}"))),
        ("cseq", text(format!("{} {}", cseq.seq, cseq.method))),
        (
            "call-id",
            message
                .call_id_header()
                .ok()
                .map(|call_id| call_id.value().to_owned()),
        ),
        ("contact user", contact.uri.user().and_then(text)),
    ])
}

/// Reads a message with both parsers; what both accept they read alike.
///
/// # Panics
/// Where they do not.
pub fn oracle(data: &[u8]) {
    let bytes = message(&mut Choices(data));
    let ours = ours(&bytes);
    let Some(theirs) = theirs(&bytes) else { return };
    for ((field, our), (_, their)) in ours.into_iter().zip(theirs) {
        assert_eq!(our, their, "{field} of\n{}", String::from_utf8_lossy(&bytes));
    }
}
