//! Messages of ours: requests written line by line, answers made of the request they answer.
//!
//! Requests we write have one header per line, no folding and Via first, so that ACK, CANCEL and a repeat with
//! credentials are made from the stored bytes of the request without reading it again as a foreign message.

use std::io::Write as _;
use std::net::SocketAddr;

use crate::build::reason_phrase;
use crate::transaction::TxId;
use crate::{Transport, message::Method};

/// Methods we serve.
pub(crate) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, REGISTER";
/// The magic cookie of branches (RFC 3261 §8.1.1.7).
const COOKIE: &str = "z9hG4bK";

/// A message being written.
#[derive(Debug)]
pub(crate) struct Draft(Vec<u8>);

impl Draft {
    /// A request with its Via, branch of `tx`, and Max-Forwards.
    pub(crate) fn request(method: &str, uri: &str, tx: TxId, transport: Transport, via: SocketAddr) -> Self {
        let mut draft = Self(Vec::with_capacity(1024));
        let transport = transport_name(transport);
        draft.line(format_args!("{method} {uri} SIP/2.0"));
        draft.line(format_args!(
            "Via: SIP/2.0/{transport} {via};rport;branch={COOKIE}{:016x}",
            tx.0
        ));
        draft.line(format_args!("Max-Forwards: 70"));
        draft
    }

    /// A response that begins with the lines of `head`, see [`super::envelope::Envelope::reply_head`].
    pub(crate) fn response(status: u16, head: &[u8]) -> Self {
        let mut draft = Self(Vec::with_capacity(head.len() + 512));
        draft.line(format_args!("SIP/2.0 {status} {}", reason_phrase(status)));
        draft.0.extend_from_slice(head);
        draft
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing into a Vec cannot fail.
        let _ = self.0.write_fmt(line);
        self.0.extend_from_slice(b"\r\n");
    }

    /// Adds a header. The value must be free of CR and LF; one that is not is left out.
    pub(crate) fn header(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        let start = self.0.len();
        let _ = write!(self.0, "{name}: {value}");
        if self.0[start..].iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
            self.0.truncate(start);
        } else {
            self.0.extend_from_slice(b"\r\n");
        }
        self
    }

    /// Adds a whole header line of ours with its line end, or nothing where it is empty.
    pub(crate) fn raw(mut self, line: &'static str) -> Self {
        self.0.extend_from_slice(line.as_bytes());
        self
    }

    /// Ends the message with a body.
    pub(crate) fn body(self, content_type: &str, body: &[u8]) -> Vec<u8> {
        let mut done = self
            .header("Content-Type", content_type)
            .header("Content-Length", body.len())
            .0;
        done.extend_from_slice(b"\r\n");
        done.extend_from_slice(body);
        done
    }

    /// Ends the message with SDP.
    pub(crate) fn sdp(self, sdp: &[u8]) -> Vec<u8> {
        self.body("application/sdp", sdp)
    }

    /// Ends the message without a body.
    pub(crate) fn end(self) -> Vec<u8> {
        let mut done = self.header("Content-Length", 0).0;
        done.extend_from_slice(b"\r\n");
        done
    }
}

/// Name of a transport in Via.
pub(crate) fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "UDP",
        Transport::Tcp => "TCP",
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

/// Rewrites the transport in the Via of a request of ours. Both names have three letters.
pub(crate) fn set_via_transport(request: &mut [u8], transport: Transport) {
    const MARK: &[u8] = b"\r\nVia: SIP/2.0/";
    if let Some(at) = request.windows(MARK.len()).position(|window| window == MARK) {
        let at = at + MARK.len();
        if let Some(name) = request.get_mut(at..at + 3) {
            name.copy_from_slice(transport_name(transport).as_bytes());
        }
    }
}

/// The header lines of a request of ours: name and value.
pub(crate) fn lines(request: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    let head = request
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap_or(request.len());
    let head = std::str::from_utf8(&request[..head]).unwrap_or("");
    head.split("\r\n")
        .skip(1)
        .filter_map(|line| line.split_once(": "))
}

/// The value of the first line with this name in a request of ours; empty where there is none.
pub(crate) fn line<'r>(request: &'r [u8], name: &str) -> &'r str {
    lines(request)
        .find(|(known, _)| *known == name)
        .map_or("", |(_, value)| value)
}

/// The Request-URI of a request of ours.
pub(crate) fn request_uri(request: &[u8]) -> &str {
    let end = request.iter().position(|byte| *byte == b'\r').unwrap_or(0);
    std::str::from_utf8(&request[..end])
        .ok()
        .and_then(|line| line.split(' ').nth(1))
        .unwrap_or("")
}

/// The CSeq number of a request of ours.
pub(crate) fn sequence(request: &[u8]) -> u32 {
    line(request, "CSeq")
        .split(' ')
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

fn hop_by_hop(request: &[u8], method: Method<'_>, to: &str) -> Draft {
    let mut draft = Draft(Vec::with_capacity(512));
    draft.line(format_args!("{method} {} SIP/2.0", request_uri(request)));
    for (name, value) in lines(request) {
        match name {
            "Via" | "Max-Forwards" | "Route" | "From" | "Call-ID" => {
                draft.line(format_args!("{name}: {value}"))
            }
            "To" => draft.line(format_args!("To: {to}")),
            "CSeq" => draft.line(format_args!("CSeq: {} {method}", sequence(request))),
            _ => {}
        }
    }
    draft
}

/// The ACK of a final answer that is not 2xx (RFC 3261 §17.1.1.3).
pub(crate) fn ack_of_failure(invite: &[u8], to_value: &[u8]) -> Vec<u8> {
    let to = String::from_utf8_lossy(to_value);
    hop_by_hop(invite, Method::Ack, &to).end()
}

/// The CANCEL of an INVITE (§9.1), with a whole Reason line or nothing.
pub(crate) fn cancel_of(invite: &[u8], reason: &'static str) -> Vec<u8> {
    hop_by_hop(invite, Method::Cancel, line(invite, "To"))
        .raw(reason)
        .end()
}

/// The same request as a new one: another branch, the next CSeq, and one more header (a digest's answer).
pub(crate) fn repeated(request: &[u8], tx: TxId, name: &str, value: &str) -> Vec<u8> {
    let mut draft = Draft(Vec::with_capacity(request.len() + value.len() + 64));
    let head = request
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap_or(request.len());
    let first = request.iter().position(|byte| *byte == b'\r').unwrap_or(0);
    draft.0.extend_from_slice(&request[..first]);
    draft.0.extend_from_slice(b"\r\n");
    for (known, text) in lines(request) {
        match known {
            "Via" => {
                let kept = text.rsplit_once("branch=").map_or(text, |(kept, _)| kept);
                draft.line(format_args!("Via: {kept}branch={COOKIE}{:016x}", tx.0));
            }
            "CSeq" => {
                let method = text.split(' ').nth(1).unwrap_or("");
                draft.line(format_args!(
                    "CSeq: {} {method}",
                    sequence(request).wrapping_add(1)
                ));
                draft.line(format_args!("{name}: {value}"));
            }
            "Authorization" | "Proxy-Authorization" if known == name => {}
            _ => draft.line(format_args!("{known}: {text}")),
        }
    }
    draft.0.extend_from_slice(b"\r\n");
    draft.0.extend_from_slice(request.get(head + 4..).unwrap_or(b""));
    draft.0
}
