//! Requests of ours: what each begins with, how its branch and tags are numbered, and how it is sent again.

use std::fmt;
use std::net::SocketAddr;

use memchr::memmem;

use crate::Transport;
use crate::build::{self, Builder};
use crate::header::{COOKIE, Name};
use crate::message::{Message, Method};
use crate::transaction::TxId;

/// Methods we serve.
pub(crate) const ALLOW: &str =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY, REGISTER";
/// Extensions that we offer to use.
pub(crate) const SUPPORTED: &str = "100rel, timer";

/// Begins a request with its Via, branch of `tx`, and Max-Forwards.
pub(crate) fn request(
    method: Method<'_>,
    uri: &str,
    tx: TxId,
    transport: Transport,
    via: SocketAddr,
) -> Builder {
    let transport = transport.via_token();
    build::request(Vec::with_capacity(1024), method, uri)
        .header(
            Name::Via,
            format_args!("SIP/2.0/{transport} {via};rport;branch={}", Branch(tx)),
        )
        .header(Name::MaxForwards, 70)
}

/// The branch of a transaction of ours.
struct Branch(TxId);

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{COOKIE}{:016x}", self.0.0)
    }
}

/// A Contact value of ours.
pub(crate) struct Contact<'a> {
    pub(crate) user: &'a str,
    pub(crate) at: SocketAddr,
    pub(crate) transport: Transport,
}

impl fmt::Display for Contact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, at, transport } = self;
        match transport.uri_param() {
            None => write!(f, "<sip:{user}@{at}>"),
            Some(param) => write!(f, "<sip:{user}@{at};transport={param}>"),
        }
    }
}

/// Our number in a branch of ours; none for a foreign branch.
pub(crate) fn branch_tx(branch: &str) -> Option<TxId> {
    parse_hex(branch.strip_prefix(COOKIE)?).map(TxId)
}

/// A tag of ours as its number.
pub(crate) fn parse_hex(text: &str) -> Option<u64> {
    let plain = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() == 16 && text.bytes().all(plain) {
        u64::from_str_radix(text, 16).ok()
    } else {
        None
    }
}

/// Rewrites the transport in the Via of a request of ours, UDP or TCP to the other: both have three letters.
pub(crate) fn set_via_transport(request: &mut [u8], transport: Transport) {
    const MARK: &[u8] = b"\r\nVia: SIP/2.0/";
    if let Some(at) = memmem::find(request, MARK) {
        let at = at + MARK.len();
        if let Some(name) = request.get_mut(at..at + 3) {
            name.copy_from_slice(transport.via_token().as_bytes());
        }
    }
}

/// A request of ours as a new one: another branch, the next CSeq, and other values of these headers, such as a
/// digest's answer.
pub(crate) fn repeated(request: &Message<'_>, tx: TxId, headers: &[(Name, &str)]) -> Vec<u8> {
    let method = request.method().unwrap_or(Method::Invite);
    let uri = request.raw_uri().unwrap_or_default();
    let mut again = build::request(Vec::with_capacity(request.bytes().len() + 256), method, uri);
    let mut content_type = "";
    for line in request.lines() {
        let text = line.value.text().unwrap_or_default();
        again = match line.name {
            Name::Via => {
                let kept = text.split(";branch=").next().unwrap_or_default();
                again.header(Name::Via, format_args!("{kept};branch={}", Branch(tx)))
            }
            Name::CSeq => {
                let number = request.cseq().map_or(0, |cseq| cseq.number).wrapping_add(1);
                let again = again.header(Name::CSeq, format_args!("{number} {method}"));
                headers
                    .iter()
                    .fold(again, |again, (name, value)| again.header(*name, value))
            }
            Name::ContentType => {
                content_type = text;
                again
            }
            Name::ContentLength => again,
            known if headers.iter().any(|(name, _)| *name == known) => again,
            _ => again.named(std::str::from_utf8(line.raw_name).unwrap_or_default(), text),
        };
    }
    if content_type.is_empty() {
        again.finish()
    } else {
        again.body(content_type, request.body())
    }
}
