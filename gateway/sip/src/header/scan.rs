//! Raw values, and the scanner that the typed headers read them with. White space may be folded anywhere.

use std::borrow::Cow;
use std::fmt;

use memchr::{memchr, memchr2, memchr3};

use crate::message::{Fault, ParseError};

/// The bytes of a token (RFC 3261 §25.1).
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let letter = byte as u8;
        table[byte] = letter.is_ascii_alphanumeric()
            || matches!(
                letter,
                b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~'
            );
        byte += 1;
    }
    table
};

/// Whether the byte may stand in a token.
pub(crate) const fn is_token(byte: u8) -> bool {
    TOKEN[byte as usize]
}

/// White space inside a value; CR and LF only ever belong to a fold there.
pub(crate) const fn is_lws(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The raw value of a header line, or one member of a list: perhaps folded, not yet known to be UTF-8.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Value<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Value<'a> {
    /// Bytes whose first lies at `offset` of the message.
    #[must_use]
    pub const fn new(bytes: &'a [u8], offset: usize) -> Self {
        Self { bytes, offset }
    }

    /// The bytes as they stand.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Where they stand in the message.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The text as it stands, folds included.
    ///
    /// # Errors
    /// [`Fault::NotUtf8`].
    pub fn text(&self) -> Result<&'a str, ParseError> {
        std::str::from_utf8(self.bytes)
            .map_err(|error| ParseError::new(Fault::NotUtf8, self.offset + error.valid_up_to()))
    }

    /// The text with every fold made one space (RFC 3261 §7.3.1); borrowed where nothing is folded.
    ///
    /// # Errors
    /// [`Fault::NotUtf8`].
    pub fn unfolded(&self) -> Result<Cow<'a, str>, ParseError> {
        self.text().map(unfold)
    }

    pub(crate) fn scan(&self) -> Result<Scan<'a>, ParseError> {
        Ok(Scan {
            text: self.text()?,
            at: 0,
            offset: self.offset,
        })
    }
}

impl fmt::Debug for Value<'_> {
    /// Place and length only: values hold personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({} bytes at {})", self.bytes.len(), self.offset)
    }
}

pub(crate) fn unfold(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'\r' | b'\n')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for (count, line) in text
        .split(['\r', '\n'])
        .filter(|line| !line.trim_ascii().is_empty())
        .enumerate()
    {
        if count > 0 {
            out.truncate(out.trim_ascii_end().len());
            out.push(' ');
            out.push_str(line.trim_ascii_start());
        } else {
            out.push_str(line);
        }
    }
    Cow::Owned(out)
}

/// The text between the quotes of a quoted string, its `\` escapes resolved and folds made spaces; any other
/// text as it is.
pub(crate) fn unquoted(text: &str) -> Cow<'_, str> {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return unfold(text);
    };
    if !inner.contains('\\') {
        return unfold(inner);
    }
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            other => out.push(other),
        }
    }
    match unfold(&out) {
        Cow::Owned(text) => Cow::Owned(text),
        Cow::Borrowed(_) => Cow::Owned(out),
    }
}

/// The members of a comma-separated list. Commas in quoted strings and in angle brackets do not count; empty
/// members are skipped (RFC 3261 §7.3.1).
#[derive(Clone, Debug)]
pub(crate) struct Items<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Items<'a> {
    /// The members of this value.
    pub(crate) const fn new(value: Value<'a>) -> Self {
        Self {
            rest: value.bytes,
            offset: value.offset,
        }
    }

    /// How long the member is that `rest` begins with; none where a quote or bracket has no end.
    fn member_len(&self) -> Option<usize> {
        let mut at = 0;
        while let Some(found) = memchr3(b',', b'"', b'<', &self.rest[at..]) {
            at += found;
            match self.rest[at] {
                b'"' => at += quoted_len(&self.rest[at..])?,
                b'<' => at += memchr(b'>', &self.rest[at..])?,
                _ => return Some(at),
            }
        }
        Some(self.rest.len())
    }
}

/// The length of the quoted string that the bytes begin with, its quotes included; none where it has no end.
fn quoted_len(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        match bytes[at] {
            b'"' => return Some(at + 1),
            _ => at += 2,
        }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<Value<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let Some(len) = self.member_len() else {
                self.rest = &[];
                return Some(Err(ParseError::new(Fault::Unclosed, self.offset)));
            };
            let member = &self.rest[..len];
            let lead = member.iter().take_while(|byte| is_lws(**byte)).count();
            let value = Value::new(member[lead..].trim_ascii_end(), self.offset + lead);
            let next = (len + 1).min(self.rest.len());
            self.rest = &self.rest[next..];
            self.offset += next;
            if !value.bytes.is_empty() {
                return Some(Ok(value));
            }
        }
    }
}

/// A position in the text of one value.
#[derive(Clone, Debug)]
pub(crate) struct Scan<'a> {
    text: &'a str,
    at: usize,
    offset: usize,
}

impl<'a> Scan<'a> {
    pub(crate) const fn fault(&self, fault: Fault) -> ParseError {
        ParseError::new(fault, self.offset + self.at)
    }

    /// Where the position lies in the message.
    pub(crate) const fn offset(&self) -> usize {
        self.offset + self.at
    }

    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Skips white space, folded or not.
    pub(crate) fn lws(&mut self) {
        while self.peek().is_some_and(is_lws) {
            self.at += 1;
        }
    }

    /// Takes this ASCII byte if it is next, with the white space around it.
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        self.lws();
        let found = self.peek() == Some(byte);
        if found {
            self.at += 1;
            self.lws();
        }
        found
    }

    /// Takes bytes while they are good. `good` must refuse or accept all bytes of a non-ASCII character alike.
    pub(crate) fn take(&mut self, good: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.rest();
        let len = rest.bytes().position(|byte| !good(byte)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    /// Takes this many bytes, which end on a character boundary.
    pub(crate) fn take_len(&mut self, len: usize) -> &'a str {
        let taken = &self.rest()[..len];
        self.at += len;
        taken
    }

    pub(crate) fn token(&mut self) -> Result<&'a str, ParseError> {
        let token = self.take(is_token);
        if token.is_empty() {
            Err(self.fault(Fault::Token))
        } else {
            Ok(token)
        }
    }

    /// A decimal number up to `max`.
    pub(crate) fn number(&mut self, max: u32) -> Result<u32, ParseError> {
        let fault = self.fault(Fault::Number);
        let digits = self.take(|byte| byte.is_ascii_digit());
        if digits.is_empty() {
            return Err(fault);
        }
        digits.parse().ok().filter(|number| *number <= max).ok_or(fault)
    }

    /// A number of seconds; one beyond 32 bits is taken as the largest (RFC 4475 §3.1.2.5).
    pub(crate) fn seconds(&mut self) -> Result<u32, ParseError> {
        let fault = self.fault(Fault::Number);
        let digits = self.take(|byte| byte.is_ascii_digit());
        if digits.is_empty() {
            Err(fault)
        } else {
            Ok(digits.parse().unwrap_or(u32::MAX))
        }
    }

    /// A quoted string with its quotes.
    pub(crate) fn quoted(&mut self) -> Result<&'a str, ParseError> {
        match quoted_len(self.rest().as_bytes()) {
            Some(len) => Ok(self.take_len(len)),
            None => Err(self.fault(Fault::Unclosed)),
        }
    }

    /// Nothing but white space may follow.
    pub(crate) fn end(&mut self) -> Result<(), ParseError> {
        self.lws();
        if self.rest().is_empty() {
            Ok(())
        } else {
            Err(self.fault(Fault::Trailing))
        }
    }
}
