//! Cutting messages out of a byte stream (RFC 3261 §18.3, RFC 5626 §4.4.1), by the same reading as [`Message`].

use memchr::memmem;
use thiserror::Error;

use crate::message::{MESSAGE_BYTES_MAX, Message, ParseError};

/// A buffer larger than this is given back once it is empty.
const IDLE_BYTES_MAX: usize = 8 * 1024;
/// The end of a head.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// Limits of one stream.
#[derive(Clone, Copy, Debug)]
pub struct FrameLimits {
    /// Longest start line and headers, in bytes.
    pub head_bytes: usize,
    /// Longest body, in bytes. Head and body together never exceed [`MESSAGE_BYTES_MAX`].
    pub body_bytes: usize,
}

impl Default for FrameLimits {
    /// 16 KiB of head, 32 KiB of body.
    fn default() -> Self {
        Self {
            head_bytes: 16 * 1024,
            body_bytes: 32 * 1024,
        }
    }
}

/// What a stream holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// One whole message, which [`Message::parse`] reads.
    Message(&'a [u8]),
    /// A double CRLF: answer it with one CRLF (RFC 5626 §4.4.1).
    Ping,
}

/// Why a stream cannot be framed any more. The connection must be closed: what follows means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// No end of the headers within the limit.
    #[error("headers too long")]
    HeadTooLong,
    /// The body would exceed the limit.
    #[error("body too long")]
    BodyTooLong,
    /// No Content-Length, which a stream needs (RFC 3261 §20.14).
    #[error("no Content-Length")]
    NoContentLength,
    /// The head, Content-Length included, cannot be read.
    #[error("{0}")]
    Malformed(ParseError),
}

/// Collects the bytes of one stream. Any split of the same bytes gives the same frames.
#[derive(Debug)]
pub struct Framer {
    limits: FrameLimits,
    buffer: Vec<u8>,
    /// Where the bytes not yet handed out begin.
    start: usize,
    /// How many bytes behind `start` are known to hold no end of a head.
    searched: usize,
    /// Length of the message at `start`, once its head has been read.
    total: Option<usize>,
    failed: Option<FrameError>,
}

impl Framer {
    /// An empty stream.
    #[must_use]
    pub fn new(limits: FrameLimits) -> Self {
        let head_bytes = limits.head_bytes.min(MESSAGE_BYTES_MAX);
        let body_bytes = limits.body_bytes.min(MESSAGE_BYTES_MAX - head_bytes);
        let limits = FrameLimits {
            head_bytes,
            body_bytes,
        };
        Self {
            limits,
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            total: None,
            failed: None,
        }
    }

    /// Adds what was read. Call [`Framer::next_frame`] until it answers `None` before adding more: then at most one
    /// message and one such piece are held.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.start = 0;
        if self.buffer.is_empty() && self.buffer.capacity() > IDLE_BYTES_MAX {
            self.buffer = Vec::new();
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether part of a message is waiting for its rest: for the limit on how long that may take.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.failed.is_none()
            && self.buffer[self.start..]
                .iter()
                .any(|byte| !matches!(byte, b'\r' | b'\n'))
    }

    /// The next frame; none until more bytes come.
    ///
    /// # Errors
    /// Once it has failed it fails for ever.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        match self.cut() {
            Ok(Some(Cut::Ping)) => Ok(Some(Frame::Ping)),
            Ok(Some(Cut::Message { at, len })) => Ok(Some(Frame::Message(&self.buffer[at..at + len]))),
            Ok(None) => Ok(None),
            Err(error) => {
                self.failed = Some(error);
                Err(error)
            }
        }
    }

    fn cut(&mut self) -> Result<Option<Cut>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if self.total.is_none() {
            match self.buffer[self.start..] {
                [b'\r', b'\n', b'\r', b'\n', ..] => {
                    self.advance(4);
                    return Ok(Some(Cut::Ping));
                }
                [] | [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => return Ok(None),
                [b'\r', b'\n', ..] => self.advance(2),
                _ => {}
            }
            let Some(head_len) = self.head_len()? else {
                return Ok(None);
            };
            self.total = Some(head_len + self.body_len(head_len)?);
        }
        let (at, waiting) = (self.start, self.buffer.len() - self.start);
        match self.total.filter(|total| *total <= waiting) {
            Some(len) => {
                self.advance(len);
                Ok(Some(Cut::Message { at, len }))
            }
            None => Ok(None),
        }
    }

    fn advance(&mut self, len: usize) {
        self.start += len;
        self.searched = 0;
        self.total = None;
    }

    /// The length of the head, once its end has come.
    fn head_len(&mut self) -> Result<Option<usize>, FrameError> {
        let waiting = &self.buffer[self.start..];
        let from = self.searched.saturating_sub(HEAD_END.len() - 1);
        match memmem::find(&waiting[from..], HEAD_END) {
            Some(found) if from + found + HEAD_END.len() <= self.limits.head_bytes => {
                Ok(Some(from + found + HEAD_END.len()))
            }
            None if waiting.len() < self.limits.head_bytes => {
                self.searched = waiting.len();
                Ok(None)
            }
            _ => Err(FrameError::HeadTooLong),
        }
    }

    fn body_len(&self, head_len: usize) -> Result<usize, FrameError> {
        let head = &self.buffer[self.start..self.start + head_len];
        let message = Message::index(head).map_err(FrameError::Malformed)?;
        match message.content_length().map_err(FrameError::Malformed)? {
            None => Err(FrameError::NoContentLength),
            Some(len) if len > self.limits.body_bytes => Err(FrameError::BodyTooLong),
            Some(len) => Ok(len),
        }
    }
}

enum Cut {
    Ping,
    Message { at: usize, len: usize },
}

#[cfg(test)]
mod tests;
