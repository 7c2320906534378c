//! Building messages: written once, into a buffer that is used again. No value can add a line of its own.

mod answer;
mod text;

use std::fmt::{self, Write as _};

pub use answer::{Answer, ack_for, cancel_for, reason_phrase, response};
pub use text::{Addr, EscapedUser, Quoted};

use crate::header::{Name, Value, is_token};
use crate::message::Method;

/// A message being written. Ends with [`Builder::finish`] or [`Builder::body`].
///
/// CR, LF and NUL in any value become spaces, and each is counted; the ends answer with that count, so that a
/// caller can tell that a value was not what it should have been.
#[must_use = "a message ends with finish or body"]
pub struct Builder<'b> {
    out: &'b mut Vec<u8>,
    replaced: usize,
}

/// Begins a request in an emptied buffer. In the URI, white space and control bytes become percent escapes.
pub fn request<'b>(out: &'b mut Vec<u8>, method: Method<'_>, uri: &str) -> Builder<'b> {
    out.clear();
    let mut builder = Builder { out, replaced: 0 };
    for byte in method.as_str().bytes() {
        let good = is_token(byte);
        builder.replaced += usize::from(!good);
        builder.out.push(if good { byte } else { b'-' });
    }
    builder.out.push(b' ');
    for byte in uri.bytes() {
        if byte <= b' ' || byte == 0x7f {
            builder.replaced += 1;
            builder.plain(format_args!("%{byte:02X}"));
        } else {
            builder.out.push(byte);
        }
    }
    builder.out.extend_from_slice(b" SIP/2.0\r\n");
    builder
}

impl Builder<'_> {
    /// Writes text that is known to be free of CR and LF.
    fn plain(&mut self, text: fmt::Arguments<'_>) {
        struct Plain<'v>(&'v mut Vec<u8>);
        impl fmt::Write for Plain<'_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.extend_from_slice(text.as_bytes());
                Ok(())
            }
        }
        let _never_fails = Plain(self.out).write_fmt(text);
    }

    /// Writes bytes, folds made one space, other line ends made spaces and counted.
    fn clean(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            self.out.extend_from_slice(&rest[..at]);
            self.out.push(b' ');
            let fold = rest[at..].starts_with(b"\r\n ") || rest[at..].starts_with(b"\r\n\t");
            self.replaced += usize::from(!fold);
            rest = &rest[at + if fold { 3 } else { 1 }..];
        }
        self.out.extend_from_slice(rest);
    }

    /// A header whose value is formatted in place.
    pub fn header(&mut self, name: Name, value: impl fmt::Display) -> &mut Self {
        self.named(name.as_str(), value)
    }

    /// A header by a name that the codec need not know. A name that is no token drops the header and counts.
    pub fn named(&mut self, name: &str, value: impl fmt::Display) -> &mut Self {
        if self.begin(name) {
            let _never_fails = write!(self, "{value}");
            self.out.extend_from_slice(b"\r\n");
        }
        self
    }

    /// A header whose value is copied from a message that was read; folds become spaces.
    pub fn copy(&mut self, name: Name, value: Value<'_>) -> &mut Self {
        self.bytes(name.as_str(), value.bytes())
    }

    /// A header of any bytes, which need not be UTF-8.
    pub fn bytes(&mut self, name: &str, value: &[u8]) -> &mut Self {
        if self.begin(name) {
            self.clean(value);
            self.out.extend_from_slice(b"\r\n");
        }
        self
    }

    fn begin(&mut self, name: &str) -> bool {
        if name.is_empty() || !name.bytes().all(is_token) {
            self.replaced += 1;
            return false;
        }
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b": ");
        true
    }

    /// Ends the message without a body. Answers how many bytes had to be replaced: 0 where all was well.
    pub fn finish(&mut self) -> usize {
        self.out.extend_from_slice(b"Content-Length: 0\r\n\r\n");
        self.replaced
    }

    /// Ends the message with this body. Answers like [`Builder::finish`].
    pub fn body(&mut self, content_type: &str, body: &[u8]) -> usize {
        self.header(Name::ContentType, content_type);
        self.plain(format_args!("Content-Length: {}\r\n\r\n", body.len()));
        self.out.extend_from_slice(body);
        self.replaced
    }
}

/// What is formatted into a builder passes the same filter as copied bytes.
impl fmt::Write for Builder<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for (count, piece) in text.split(['\r', '\n', '\0']).enumerate() {
            if count > 0 {
                self.replaced += 1;
                self.out.push(b' ');
            }
            self.out.extend_from_slice(piece.as_bytes());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
