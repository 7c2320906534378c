//! Messages that take headers from another one: responses, CANCEL, and the ACK of a refusal.

use std::net::SocketAddr;

use crate::header::{Name, Value, Via};
use crate::message::{Message, Method};

use super::Builder;

/// What a response says beyond the headers that it takes from its request.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// 100 to 699.
    pub status: u16,
    /// Tag of ours, written as 16 hex digits, added to To where the request's To has none. A 100 needs none.
    pub to_tag: Option<u64>,
    /// Where the request came from, for `received` and `rport`.
    pub peer: SocketAddr,
}

/// Begins the response to a request in an emptied buffer (RFC 3261 §8.2.6).
///
/// Via, From, To, Call-ID and CSeq are copied as they stand, also when they cannot be read; Record-Route from 101
/// to 299 (§12.1.1); Timestamp into a 100 (§8.2.6.1). The topmost Via gets `received` and `rport` (§18.2.1,
/// RFC 3581 §4).
pub fn response(out: Vec<u8>, request: &Message<'_>, answer: Answer) -> Builder {
    let top = request.top_via().ok();
    let tagged = request.to().is_ok_and(|to| to.tag().is_some());
    let to_tag = answer.to_tag.filter(|_| !tagged);
    response_to(out, request, top.as_ref(), Answer { to_tag, ..answer })
}

/// As [`response`], for a request whose topmost Via and To were read: the tag is added as it is.
pub(crate) fn response_to(
    out: Vec<u8>,
    request: &Message<'_>,
    top: Option<&Via<'_>>,
    answer: Answer,
) -> Builder {
    let mut builder = Builder::status(out, answer.status);
    builder.repeated_lines(request, top, answer.to_tag, answer.peer);
    if makes_dialog(answer.status) {
        builder.copy_all(request, Name::RecordRoute);
    } else if answer.status == 100 {
        builder.copy_all(request, Name::Timestamp);
    }
    builder
}

/// Whether Record-Route stands in an answer of this status (RFC 3261 §12.1.1, table 2).
const fn makes_dialog(status: u16) -> bool {
    matches!(status, 101..300)
}

/// The lines of a request that its answers repeat, made once, so that the request need not be kept for them.
#[derive(Debug)]
pub(crate) struct Head {
    lines: Box<[u8]>,
    /// Where the Record-Routes begin.
    routes_at: usize,
}

impl Head {
    /// Of a request whose topmost Via was read; `to_tag` is ours to add, as the request's To has none.
    pub(crate) fn of(request: &Message<'_>, top: &Via<'_>, to_tag: Option<u64>, peer: SocketAddr) -> Self {
        let mut builder = Builder::begin(Vec::with_capacity(512));
        builder.repeated_lines(request, Some(top), to_tag, peer);
        let routes_at = builder.out.len();
        builder.copy_all(request, Name::RecordRoute);
        Self {
            lines: builder.out.into_boxed_slice(),
            routes_at,
        }
    }

    /// Begins a response to the request.
    pub(crate) fn response(&self, status: u16) -> Builder {
        let mut builder = Builder::status(Vec::with_capacity(self.lines.len() + 512), status);
        let end = if makes_dialog(status) {
            self.lines.len()
        } else {
            self.routes_at
        };
        builder.out.extend_from_slice(&self.lines[..end]);
        builder
    }
}

impl Builder {
    fn repeated_lines(
        &mut self,
        request: &Message<'_>,
        top: Option<&Via<'_>>,
        to_tag: Option<u64>,
        peer: SocketAddr,
    ) {
        for line in request.lines() {
            let value = line.value;
            match line.name {
                Name::Via => {
                    // The topmost hop is not always in the first line: that one may be empty.
                    let end = value.offset() + value.bytes().len();
                    let holds = |via: &&Via<'_>| (value.offset()..end).contains(&via.value.offset());
                    match top.filter(holds) {
                        Some(via) => self.received_via(via, value, peer),
                        None => self.copy(Name::Via, value.bytes()),
                    }
                }
                Name::To => self.tagged_to(value, to_tag),
                Name::From | Name::CallId | Name::CSeq => self.copy(line.name, value.bytes()),
                _ => {}
            }
        }
    }

    fn copy_all(&mut self, request: &Message<'_>, name: Name) {
        for value in request.all(name) {
            self.copy(name, value.bytes());
        }
    }

    fn received_via(&mut self, via: &Via<'_>, line: Value<'_>, peer: SocketAddr) {
        let hop = via.value.bytes();
        let params = via.params.as_str().len();
        self.name(Name::Via);
        self.clean(hop[..hop.len() - params].trim_ascii_end());
        for param in via.params.iter() {
            if param.name.eq_ignore_ascii_case("received") || param.name.eq_ignore_ascii_case("rport") {
                continue;
            }
            self.out.push(b';');
            self.clean(param.name.as_bytes());
            if let Some(raw) = param.raw {
                self.out.push(b'=');
                self.clean(raw.as_bytes());
            }
        }
        let ip = peer.ip().to_canonical();
        let asked = via.rport().is_some();
        if asked {
            self.plain(format_args!(";rport={}", peer.port()));
        }
        if asked || via.host.ip() != Some(ip) {
            self.plain(format_args!(";received={ip}"));
        }
        let end = via.value.offset() + hop.len() - line.offset();
        self.clean(&line.bytes()[end..]);
        self.end_line();
    }

    fn tagged_to(&mut self, value: Value<'_>, tag: Option<u64>) {
        self.name(Name::To);
        self.clean(value.bytes());
        if let Some(tag) = tag {
            self.plain(format_args!(";tag={tag:016x}"));
        }
        self.end_line();
    }
}

/// The request that belongs to an INVITE of ours and travels with it hop by hop; `to` replaces its To.
fn beside(invite: &Message<'_>, method: Method<'_>, to: Option<&[u8]>) -> Builder {
    let mut builder = super::request(
        Vec::with_capacity(512),
        method,
        invite.raw_uri().unwrap_or_default(),
    );
    for line in invite.lines() {
        match line.name {
            Name::Via | Name::MaxForwards | Name::Route | Name::From | Name::CallId => {
                builder.copy(line.name, line.value.bytes());
            }
            Name::To => builder.copy(Name::To, to.unwrap_or(line.value.bytes())),
            _ => {}
        }
    }
    let number = invite.cseq().map_or(0, |cseq| cseq.number);
    builder.header(Name::CSeq, format_args!("{number} {method}"))
}

/// Begins the CANCEL of an INVITE of ours, which has one Via (RFC 3261 §9.1).
pub(crate) fn cancel_of(invite: &Message<'_>) -> Builder {
    beside(invite, Method::Cancel, None)
}

/// Begins the ACK of a final refusal of an INVITE of ours: To comes from the response (RFC 3261 §17.1.1.3).
pub(crate) fn ack_of_failure(invite: &Message<'_>, to: &[u8]) -> Builder {
    beside(invite, Method::Ack, Some(to))
}

/// The usual reason phrase of a status (RFC 3261 §21 and the registry); that of its class where there is none.
pub(crate) const fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        181 => "Call Is Being Forwarded",
        182 => "Queued",
        183 => "Session Progress",
        199 => "Early Dialog Terminated",
        200 => "OK",
        202 => "Accepted",
        204 => "No Notification",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        305 => "Use Proxy",
        380 => "Alternative Service",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        410 => "Gone",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        421 => "Extension Required",
        422 => "Session Interval Too Small",
        423 => "Interval Too Brief",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        484 => "Address Incomplete",
        485 => "Ambiguous",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        493 => "Undecipherable",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        505 => "Version Not Supported",
        513 => "Message Too Large",
        600 => "Busy Everywhere",
        603 => "Decline",
        604 => "Does Not Exist Anywhere",
        606 => "Not Acceptable",
        other => class_phrase(other),
    }
}

const fn class_phrase(status: u16) -> &'static str {
    match status {
        0..200 => "Progress",
        200..300 => "Success",
        300..400 => "Redirected",
        400..500 => "Request Failure",
        500..600 => "Server Failure",
        _ => "Global Failure",
    }
}
