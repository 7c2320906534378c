//! What can be wrong with a message, and where.

use thiserror::Error;

use crate::header::Name;

/// A message, or one of its headers, that cannot be read.
///
/// Says what and where, never what stood there: the text may hold personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{fault} (byte {offset})")]
pub struct ParseError {
    /// What is wrong.
    pub fault: Fault,
    /// Offset into the message, in bytes.
    pub offset: usize,
}

impl ParseError {
    /// A fault at this offset of the message.
    #[must_use]
    pub const fn new(fault: Fault, offset: usize) -> Self {
        Self { fault, offset }
    }

    /// The number of the line it lies on, counted from 1, in the message that was read.
    #[must_use]
    pub fn line(&self, message: &[u8]) -> usize {
        message
            .iter()
            .take(self.offset)
            .filter(|byte| **byte == b'\n')
            .count()
            .saturating_add(1)
    }
}

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// Longer than [`crate::message::MESSAGE_BYTES_MAX`].
    #[error("message too long")]
    TooLong,
    /// More header lines than [`crate::message::HEADER_LINES_MAX`].
    #[error("too many header lines")]
    TooManyLines,
    /// The start line is neither a request's nor a response's (RFC 3261 §7.1, §7.2).
    #[error("start line cannot be read")]
    StartLine,
    /// A version other than SIP/2.0; a request is answered 505.
    #[error("SIP version is not 2.0")]
    Version,
    /// A status code outside 100 to 699.
    #[error("status code out of range")]
    Status,
    /// The message ends before the empty line.
    #[error("header section has no end")]
    Unterminated,
    /// A CR or LF that is not part of a CRLF.
    #[error("lone CR or LF")]
    LineEnd,
    /// A header line without a name or without a colon.
    #[error("header name cannot be read")]
    HeaderName,
    /// A Content-Length that is no number, is out of range or contradicts another one.
    #[error("Content-Length cannot be read or is contradicted")]
    ContentLength,
    /// The body is shorter than Content-Length says (RFC 3261 §18.3).
    #[error("body shorter than Content-Length")]
    BodyShort,
    /// The header that was touched is not UTF-8.
    #[error("header is not UTF-8")]
    NotUtf8,
    /// A header that must be there is not.
    #[error("{} missing", .0.as_str())]
    Missing(Name),
    /// A header that may stand once stands more often.
    #[error("{} repeated", .0.as_str())]
    Repeated(Name),
    /// A token was expected (RFC 3261 §25.1).
    #[error("token expected")]
    Token,
    /// A number was expected, or it is out of range.
    #[error("number expected or out of range")]
    Number,
    /// A quoted string or a bracketed URI without its end.
    #[error("quoted string or bracket has no end")]
    Unclosed,
    /// Angle brackets where none may stand, or none where a display name needs them.
    #[error("angle brackets out of place")]
    Brackets,
    /// A parameter without a name, or without the value that its `=` announces.
    #[error("parameter cannot be read")]
    Parameter,
    /// The URI breaks the grammar.
    #[error("URI cannot be read")]
    Uri,
    /// The host of a URI or of a Via breaks the grammar.
    #[error("host cannot be read")]
    Host,
    /// The port is no number from 1 to 65535.
    #[error("port cannot be read")]
    Port,
    /// Something stands after the end of the value.
    #[error("text after the end of the value")]
    Trailing,
}
