//! Writing messages: once, front to back, into one buffer that may be used again. No value can add a line of its own.

mod answer;
mod quoted;

use std::fmt;
use std::io::Write as _;

use memchr::memchr3;

pub use answer::{Answer, response};
pub(crate) use answer::{Head, ack_of_failure, cancel_of, reason_phrase, response_to};
pub(crate) use quoted::Quoted;

use crate::header::{Name, is_token};
use crate::message::Method;

/// A message being written. Ends with [`Builder::finish`] or a body.
///
/// CR, LF and NUL in any value become spaces: whatever a value holds, it stays on its line.
#[must_use = "a message is not written before it ends"]
#[derive(Debug)]
pub struct Builder {
    out: Vec<u8>,
}

/// Begins a request in an emptied buffer. In the URI, white space and control bytes become percent escapes.
pub(crate) fn request(out: Vec<u8>, method: Method<'_>, uri: &str) -> Builder {
    let mut builder = Builder::begin(out);
    builder.clean(method.as_str().as_bytes());
    builder.out.push(b' ');
    for byte in uri.bytes() {
        if byte <= b' ' || byte == 0x7f {
            builder.plain(format_args!("%{byte:02X}"));
        } else {
            builder.out.push(byte);
        }
    }
    builder.out.extend_from_slice(b" SIP/2.0\r\n");
    builder
}

impl Builder {
    fn begin(mut out: Vec<u8>) -> Self {
        out.clear();
        Self { out }
    }

    /// Begins a response with its status line.
    fn status(out: Vec<u8>, status: u16) -> Self {
        let mut builder = Self::begin(out);
        let status = status.clamp(100, 699);
        builder.plain(format_args!("SIP/2.0 {status} {}", reason_phrase(status)));
        builder.end_line();
        builder
    }

    /// Writes text that is known to be free of CR, LF and NUL.
    fn plain(&mut self, text: fmt::Arguments<'_>) {
        let _never_fails = self.out.write_fmt(text);
    }

    /// Writes bytes: a fold becomes one space, and so does every other CR, LF or NUL.
    fn clean(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(at) = memchr3(b'\r', b'\n', 0, rest) {
            self.out.extend_from_slice(&rest[..at]);
            self.out.push(b' ');
            let fold = rest[at..].starts_with(b"\r\n ") || rest[at..].starts_with(b"\r\n\t");
            rest = &rest[at + if fold { 3 } else { 1 }..];
        }
        self.out.extend_from_slice(rest);
    }

    fn name(&mut self, name: Name) {
        self.raw_name(name.as_str());
    }

    fn raw_name(&mut self, name: &str) {
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b": ");
    }

    /// Formats a value in place and ends its line. It is looked through once, and rarely written twice.
    fn value(&mut self, value: impl fmt::Display) {
        let start = self.out.len();
        self.plain(format_args!("{value}"));
        if memchr3(b'\r', b'\n', 0, &self.out[start..]).is_some() {
            let value = self.out.split_off(start);
            self.clean(&value);
        }
        self.end_line();
    }

    fn end_line(&mut self) {
        self.out.extend_from_slice(b"\r\n");
    }

    /// A header whose value is formatted in place.
    pub fn header(mut self, name: Name, value: impl fmt::Display) -> Self {
        self.name(name);
        self.value(value);
        self
    }

    /// A header by a name that the codec need not know. A name that is no token drops the header.
    pub(crate) fn named(mut self, name: &str, value: impl fmt::Display) -> Self {
        if !name.is_empty() && name.bytes().all(is_token) {
            self.raw_name(name);
            self.value(value);
        }
        self
    }

    /// A header whose value is copied, from a message that was read, perhaps; it need not be UTF-8.
    fn copy(&mut self, name: Name, value: &[u8]) {
        self.name(name);
        self.clean(value);
        self.end_line();
    }

    /// Ends the message without a body.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.out.extend_from_slice(b"Content-Length: 0\r\n\r\n");
        self.out
    }

    /// Ends the message with this body.
    #[must_use]
    pub(crate) fn body(self, content_type: &str, body: &[u8]) -> Vec<u8> {
        let mut out = self
            .header(Name::ContentType, content_type)
            .header(Name::ContentLength, body.len())
            .out;
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(body);
        out
    }

    /// Ends the message with SDP.
    #[must_use]
    pub(crate) fn sdp(self, sdp: &[u8]) -> Vec<u8> {
        self.body("application/sdp", sdp)
    }
}

#[cfg(test)]
mod tests;
