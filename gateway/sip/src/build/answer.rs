//! Messages that take headers from another one: responses, CANCEL, and the ACK of a refusal.

use std::net::SocketAddr;

use crate::header::{Name, Value, Via};
use crate::message::{Message, Method, ParseError};

use super::Builder;

/// What a response says beyond the headers that it takes from its request.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// 100 to 699.
    pub status: u16,
    /// Reason phrase; the usual one where none is given.
    pub reason: Option<&'a str>,
    /// Tag added to To where the request's To has none. A 100 needs none.
    pub to_tag: Option<&'a str>,
    /// Where the request came from, for `received` and `rport`.
    pub peer: SocketAddr,
}

/// Begins the response to a request in an emptied buffer (RFC 3261 §8.2.6).
///
/// Via, From, To, Call-ID and CSeq are copied as they stand, also when they cannot be read; Record-Route from 101
/// to 299 (§12.1.1); Timestamp into a 100. The topmost Via gets `received` and `rport` (§18.2.1, RFC 3581 §4).
pub fn response<'b>(out: &'b mut Vec<u8>, request: &Message<'_>, answer: Answer<'_>) -> Builder<'b> {
    out.clear();
    let mut builder = Builder { out, replaced: 0 };
    let reason = answer.reason.unwrap_or_else(|| reason_phrase(answer.status));
    builder.plain(format_args!("SIP/2.0 {} ", answer.status.clamp(100, 699)));
    builder.clean(reason.as_bytes());
    builder.out.extend_from_slice(b"\r\n");
    let top = request.top_via();
    for value in request.all(Name::Via) {
        // Not always the first line: that one may be empty.
        let holds_top = |via: &&Via<'_>| {
            let end = value.offset() + value.bytes().len();
            (value.offset()..end).contains(&via.value.offset())
        };
        match top.as_ref().ok().filter(holds_top) {
            Some(via) => builder.received_via(via, value, answer.peer),
            None => {
                builder.copy(Name::Via, value);
            }
        }
    }
    for line in request.lines() {
        let copied = match line.name {
            Name::From | Name::CallId | Name::CSeq => true,
            Name::RecordRoute => (101..300).contains(&answer.status),
            Name::Timestamp => answer.status == 100,
            _ => false,
        };
        if copied {
            builder.copy(line.name, line.value);
        } else if line.name == Name::To {
            builder.tagged_to(request, line.value, answer.to_tag);
        }
    }
    builder
}

impl Builder<'_> {
    fn received_via(&mut self, via: &Via<'_>, line: Value<'_>, peer: SocketAddr) {
        let hop = via.value.bytes();
        let params = via.params.as_str().len();
        self.out.extend_from_slice(b"Via: ");
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
        if via.rport().is_some() || via.host.ip() != Some(ip) {
            self.plain(format_args!(";received={ip}"));
        }
        if via.rport().is_some() {
            self.plain(format_args!(";rport={}", peer.port()));
        }
        let end = via.value.offset() + hop.len() - line.offset();
        self.clean(&line.bytes()[end..]);
        self.out.extend_from_slice(b"\r\n");
    }

    fn tagged_to(&mut self, request: &Message<'_>, value: Value<'_>, tag: Option<&str>) {
        self.out.extend_from_slice(b"To: ");
        self.clean(value.bytes());
        let tagged = request.to().is_ok_and(|to| to.params.has("tag"));
        if let Some(tag) = tag.filter(|_| !tagged) {
            self.out.extend_from_slice(b";tag=");
            self.clean(tag.as_bytes());
        }
        self.out.extend_from_slice(b"\r\n");
    }

    /// Request-URI, topmost Via, From, Call-ID, Route and the CSeq's number of an INVITE that was sent.
    fn of_invite(
        &mut self,
        invite: &Message<'_>,
        method: Method<'_>,
        to: Value<'_>,
    ) -> Result<(), ParseError> {
        let cseq = invite.cseq()?.number;
        self.copy(Name::Via, invite.top_via()?.value);
        self.copy(Name::From, invite.required(Name::From)?);
        self.copy(Name::To, to);
        self.copy(Name::CallId, invite.required(Name::CallId)?);
        self.header(Name::CSeq, format_args!("{cseq} {method}"));
        self.header(Name::MaxForwards, 70);
        for route in invite.all(Name::Route) {
            self.copy(Name::Route, route);
        }
        Ok(())
    }
}

/// Begins the CANCEL of an INVITE that was sent (RFC 3261 §9.1).
///
/// # Errors
/// Where the INVITE lacks what must be copied.
pub fn cancel_for<'b>(out: &'b mut Vec<u8>, invite: &Message<'_>) -> Result<Builder<'b>, ParseError> {
    let mut builder = super::request(out, Method::Cancel, invite.raw_uri().unwrap_or(""));
    builder.of_invite(invite, Method::Cancel, invite.required(Name::To)?)?;
    Ok(builder)
}

/// Begins the ACK of a final refusal of an INVITE that was sent: To comes from the response (RFC 3261 §17.1.1.3).
///
/// # Errors
/// Where INVITE or response lack what must be copied.
pub fn ack_for<'b>(
    out: &'b mut Vec<u8>,
    invite: &Message<'_>,
    refusal: &Message<'_>,
) -> Result<Builder<'b>, ParseError> {
    let mut builder = super::request(out, Method::Ack, invite.raw_uri().unwrap_or(""));
    builder.of_invite(invite, Method::Ack, refusal.required(Name::To)?)?;
    Ok(builder)
}

/// The usual reason phrase of a status (RFC 3261 §21 and the registry); that of its class where there is none.
#[must_use]
pub const fn reason_phrase(status: u16) -> &'static str {
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
