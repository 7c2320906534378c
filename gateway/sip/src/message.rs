//! The wire codec: one pass over the bytes of a message into an index of its header lines, borrowing everything.

mod error;
mod method;

use memchr::memchr2;

pub use error::{Fault, ParseError};
pub use method::Method;

use crate::header::{Items, Name, Value, is_lws, is_token};
use crate::uri::Uri;

/// Longest message read, in bytes: that of a UDP datagram. Offsets are kept in 16 bits.
pub const MESSAGE_BYTES_MAX: usize = 65_535;
/// Most header lines in one message; one more refuses it ([`Fault::TooManyLines`]).
pub const HEADER_LINES_MAX: usize = 128;
/// Longest header name, in bytes; a longer one is [`Fault::HeaderName`].
pub const HEADER_NAME_BYTES_MAX: usize = 255;

/// The first line of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartLine<'a> {
    /// Of a request.
    Request {
        /// Its method.
        method: Method<'a>,
        /// The Request-URI as it stands, which a digest must see byte by byte; not checked yet ([`Message::uri`]).
        uri: &'a str,
    },
    /// Of a response.
    Response {
        /// 100 to 699.
        status: u16,
        /// The reason phrase; any bytes.
        reason: &'a [u8],
    },
}

impl<'a> StartLine<'a> {
    /// Reads the first line of a message alone.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, ParseError> {
        first_line(bytes).map(|(start, _)| start)
    }
}

/// One header line in the index: offsets into the message.
#[derive(Clone, Copy, Debug)]
struct Entry {
    name: Name,
    name_len: u8,
    name_at: u16,
    value_at: u16,
    value_end: u16,
}

const EMPTY: Entry = Entry {
    name: Name::Other,
    name_len: 0,
    name_at: 0,
    value_at: 0,
    value_end: 0,
};

/// A header line as it stands in the message.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Its name, where known.
    pub name: Name,
    /// The name as written, perhaps compact.
    pub raw_name: &'a [u8],
    /// Its value, raw: perhaps folded.
    pub value: Value<'a>,
}

/// A message, indexed. Holds the bytes that were read and about a kilobyte of index; allocates nothing.
#[derive(Clone)]
pub struct Message<'a> {
    bytes: &'a [u8],
    start: StartLine<'a>,
    entries: [Entry; HEADER_LINES_MAX],
    count: usize,
    body_at: usize,
    body_end: usize,
    length: Result<Option<usize>, ParseError>,
}

impl<'a> Message<'a> {
    /// Reads one whole message: a datagram, or what [`crate::frame::Framer`] cut out of a stream.
    ///
    /// CRLFs before the start line are skipped; bytes beyond Content-Length are cut off; without one the
    /// body is the rest (RFC 3261 §18.3).
    ///
    /// # Errors
    /// What is wrong and where. A header that nobody touches fails for nothing but its name and line ends.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let message = Self::index(bytes)?;
        match message.length {
            Err(error) => Err(error),
            Ok(Some(length)) if length > bytes.len() - message.body_at => {
                Err(ParseError::new(Fault::BodyShort, message.body_at))
            }
            Ok(_) => Ok(message),
        }
    }

    /// Like [`Message::parse`], but does not hold the body against Content-Length: for framing, and so that a
    /// request with a wrong length can still be answered 400. The body is what there is of it.
    ///
    /// # Errors
    /// As for [`Message::parse`], except for Content-Length.
    pub fn index(bytes: &'a [u8]) -> Result<Self, ParseError> {
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(ParseError::new(Fault::TooLong, MESSAGE_BYTES_MAX));
        }
        let (start, line_end) = first_line(bytes)?;
        let mut message = Self {
            bytes,
            start,
            entries: [EMPTY; HEADER_LINES_MAX],
            count: 0,
            body_at: 0,
            body_end: bytes.len(),
            length: Ok(None),
        };
        message.index_lines(line_end + 2)?;
        if let Ok(Some(length)) = message.length {
            message.body_end = message.body_at.saturating_add(length).min(bytes.len());
        }
        Ok(message)
    }

    fn index_lines(&mut self, mut at: usize) -> Result<(), ParseError> {
        let bytes = self.bytes;
        while !bytes[at..].starts_with(b"\r\n") {
            let (entry, next) = header_line(bytes, at)?;
            if self.count == HEADER_LINES_MAX {
                return Err(ParseError::new(Fault::TooManyLines, at));
            }
            if entry.name == Name::ContentLength {
                self.note_length(entry);
            }
            self.entries[self.count] = entry;
            self.count += 1;
            at = next;
        }
        self.body_at = at + 2;
        Ok(())
    }

    fn note_length(&mut self, entry: Entry) {
        let at = usize::from(entry.value_at);
        let fault = ParseError::new(Fault::ContentLength, at);
        let Ok(before) = self.length else { return };
        self.length = match content_length(&self.bytes[at..usize::from(entry.value_end)]) {
            Some(length) if before.is_none_or(|before| before == length) => Ok(Some(length)),
            _ => Err(fault),
        };
    }

    /// The bytes that were read, with whatever followed the body.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The first line.
    #[must_use]
    pub const fn start(&self) -> StartLine<'a> {
        self.start
    }

    /// Whether it is a request.
    #[must_use]
    pub const fn is_request(&self) -> bool {
        matches!(self.start, StartLine::Request { .. })
    }

    /// The method of a request.
    #[must_use]
    pub const fn method(&self) -> Option<Method<'a>> {
        match self.start {
            StartLine::Request { method, .. } => Some(method),
            StartLine::Response { .. } => None,
        }
    }

    /// The status of a response.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self.start {
            StartLine::Request { .. } => None,
            StartLine::Response { status, .. } => Some(status),
        }
    }

    /// The Request-URI as written, for the digest; none for a response.
    #[must_use]
    pub const fn raw_uri(&self) -> Option<&'a str> {
        match self.start {
            StartLine::Request { uri, .. } => Some(uri),
            StartLine::Response { .. } => None,
        }
    }

    /// The Request-URI, read.
    ///
    /// # Errors
    /// Where it breaks the grammar, or the message is a response ([`Fault::StartLine`]).
    pub fn uri(&self) -> Result<Uri<'a>, ParseError> {
        let raw = self.raw_uri().ok_or(ParseError::new(Fault::StartLine, 0))?;
        Uri::parse_at(raw, raw.as_ptr() as usize - self.bytes.as_ptr() as usize)
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        &self.bytes[self.body_at..self.body_end]
    }

    /// Where the body begins: the length of the head with its empty line.
    #[must_use]
    pub const fn head_len(&self) -> usize {
        self.body_at
    }

    /// The length that Content-Length states; none where there is no such header.
    ///
    /// # Errors
    /// Where it is no number or two of them disagree.
    pub(crate) const fn content_length(&self) -> Result<Option<usize>, ParseError> {
        self.length
    }

    fn line(&self, entry: &Entry) -> Line<'a> {
        let name_at = usize::from(entry.name_at);
        let value_at = usize::from(entry.value_at);
        Line {
            name: entry.name,
            raw_name: &self.bytes[name_at..name_at + usize::from(entry.name_len)],
            value: Value::new(&self.bytes[value_at..usize::from(entry.value_end)], value_at),
        }
    }

    fn value(&self, entry: &Entry) -> Value<'a> {
        let at = usize::from(entry.value_at);
        Value::new(&self.bytes[at..usize::from(entry.value_end)], at)
    }

    /// All header lines in their order.
    pub fn lines(&self) -> impl Iterator<Item = Line<'a>> + '_ {
        self.entries[..self.count].iter().map(|entry| self.line(entry))
    }

    /// The raw values of every line with this name, in their order.
    pub fn all(&self, name: Name) -> impl Iterator<Item = Value<'a>> + '_ {
        self.entries[..self.count]
            .iter()
            .filter(move |entry| entry.name == name)
            .map(|entry| self.value(entry))
    }

    /// The raw values of every line with this name, which the codec need not know; case does not matter.
    pub fn all_named<'s>(&'s self, name: &'s str) -> impl Iterator<Item = Value<'a>> + 's {
        self.lines()
            .filter(move |line| line.raw_name.eq_ignore_ascii_case(name.as_bytes()))
            .map(|line| line.value)
    }

    /// The raw value of the first line with this name.
    #[must_use]
    pub fn first(&self, name: Name) -> Option<Value<'a>> {
        self.all(name).next()
    }

    /// The members of a comma-separated list over all lines with this name, in their order.
    pub fn items(&self, name: Name) -> impl Iterator<Item = Result<Value<'a>, ParseError>> + '_ {
        self.all(name).flat_map(Items::new)
    }

    /// The raw value of a header that may stand once.
    ///
    /// # Errors
    /// [`Fault::Repeated`] where it stands again.
    pub(crate) fn optional(&self, name: Name) -> Result<Option<Value<'a>>, ParseError> {
        let mut values = self.all(name);
        let first = values.next();
        match values.next() {
            Some(second) => Err(ParseError::new(Fault::Repeated(name), second.offset())),
            None => Ok(first),
        }
    }

    /// The raw value of a header that must stand exactly once.
    ///
    /// # Errors
    /// [`Fault::Missing`] or [`Fault::Repeated`].
    pub(crate) fn required(&self, name: Name) -> Result<Value<'a>, ParseError> {
        self.optional(name)?
            .ok_or(ParseError::new(Fault::Missing(name), self.body_at))
    }
}

impl std::fmt::Debug for Message<'_> {
    /// Start line's kind and sizes only: headers and bodies hold personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.start {
            StartLine::Request { method, .. } => method.as_str(),
            StartLine::Response { .. } => "response",
        };
        let body = self.body_end - self.body_at;
        write!(
            f,
            "Message({kind} {:?}, {} lines, body {body} bytes)",
            self.status(),
            self.count
        )
    }
}

/// The offset of the CRLF that ends the line at `at`.
fn end_of_line(bytes: &[u8], at: usize) -> Result<usize, ParseError> {
    let Some(found) = memchr2(b'\r', b'\n', &bytes[at..]) else {
        return Err(ParseError::new(Fault::Unterminated, bytes.len()));
    };
    let end = at + found;
    match bytes[end..] {
        [b'\r', b'\n', ..] => Ok(end),
        [b'\r'] => Err(ParseError::new(Fault::Unterminated, end)),
        _ => Err(ParseError::new(Fault::LineEnd, end)),
    }
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Reads the header line at `at`; the second value is where the next line begins (RFC 3261 §7.3.1).
fn header_line(bytes: &[u8], at: usize) -> Result<(Entry, usize), ParseError> {
    let name_len = bytes[at..].iter().take_while(|byte| is_token(**byte)).count();
    let mut value_at = at + name_len;
    while bytes.get(value_at).copied().is_some_and(is_blank) {
        value_at += 1;
    }
    match bytes.get(value_at) {
        Some(b':') if (1..=HEADER_NAME_BYTES_MAX).contains(&name_len) => value_at += 1,
        Some(_) => return Err(ParseError::new(Fault::HeaderName, at)),
        None => return Err(ParseError::new(Fault::Unterminated, bytes.len())),
    }
    let mut end = end_of_line(bytes, value_at)?;
    while bytes.get(end + 2).copied().is_some_and(is_blank) {
        end = end_of_line(bytes, end + 2)?;
    }
    let mut value_end = end;
    while value_end > value_at && is_lws(bytes[value_end - 1]) {
        value_end -= 1;
    }
    while value_at < value_end && is_lws(bytes[value_at]) {
        value_at += 1;
    }
    let entry = Entry {
        name: Name::lookup(&bytes[at..at + name_len]),
        name_len: u8::try_from(name_len).unwrap_or(u8::MAX),
        name_at: offset16(at),
        value_at: offset16(value_at),
        value_end: offset16(value_end),
    };
    Ok((entry, end + 2))
}

/// `Message::index` refuses messages whose offsets would not fit.
fn offset16(offset: usize) -> u16 {
    u16::try_from(offset).unwrap_or(u16::MAX)
}

fn content_length(value: &[u8]) -> Option<usize> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    value.iter().try_fold(0_usize, |sum, digit| {
        sum.checked_mul(10)?.checked_add(usize::from(digit - b'0'))
    })
}

/// The start line, and where it ends. CRLFs before it are skipped.
fn first_line(bytes: &[u8]) -> Result<(StartLine<'_>, usize), ParseError> {
    let mut at = 0;
    while bytes[at..].starts_with(b"\r\n") {
        at += 2;
    }
    let end = end_of_line(bytes, at)?;
    Ok((start_line(bytes, at, end)?, end))
}

fn start_line(bytes: &[u8], at: usize, end: usize) -> Result<StartLine<'_>, ParseError> {
    let line = &bytes[at..end];
    let bad = ParseError::new(Fault::StartLine, at);
    if line.len() >= 4 && line[..4].eq_ignore_ascii_case(b"SIP/") {
        return status_line(line, at);
    }
    let method_len = line.iter().take_while(|byte| is_token(**byte)).count();
    let rest = line[method_len..].strip_prefix(b" ").ok_or(bad)?;
    let uri_len = rest.iter().position(|byte| is_blank(*byte)).ok_or(bad)?;
    let version_at = at + method_len + 1 + uri_len + 1;
    let version = &rest[uri_len + 1..];
    if method_len == 0 || uri_len == 0 {
        return Err(bad);
    }
    if !version.eq_ignore_ascii_case(b"SIP/2.0") {
        let plausible = version.len() > 4 && version[..4].eq_ignore_ascii_case(b"SIP/");
        let plain = version.iter().all(u8::is_ascii_graphic);
        let fault = if plausible && plain {
            Fault::Version
        } else {
            Fault::StartLine
        };
        return Err(ParseError::new(fault, version_at));
    }
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| ParseError::new(Fault::NotUtf8, at));
    Ok(StartLine::Request {
        method: Method::from_token(text(&line[..method_len])?),
        uri: text(&rest[..uri_len])?,
    })
}

fn status_line(line: &[u8], at: usize) -> Result<StartLine<'_>, ParseError> {
    if line.len() < 8 || !line[..8].eq_ignore_ascii_case(b"SIP/2.0 ") {
        return Err(ParseError::new(Fault::Version, at));
    }
    let rest = &line[8..];
    let bad = ParseError::new(Fault::Status, at + 8);
    let (code, reason) = match rest {
        [a, b, c] => ([*a, *b, *c], &rest[3..]),
        [a, b, c, b' ', reason @ ..] => ([*a, *b, *c], reason),
        _ => return Err(bad),
    };
    if !code.iter().all(u8::is_ascii_digit) {
        return Err(bad);
    }
    let status = code
        .iter()
        .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    if (100..700).contains(&status) {
        Ok(StartLine::Response { status, reason })
    } else {
        Err(bad)
    }
}

#[cfg(test)]
mod tests;
