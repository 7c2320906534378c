//! Addresses: From, To, Contact, Route, P-Asserted-Identity, Refer-To and their like (RFC 3261 §20.10).

use std::borrow::Cow;

use crate::message::{Fault, ParseError};
use crate::uri::Uri;

use super::params::Params;
use super::scan::{Scan, Value, unquoted};

/// A URI with a display name and parameters, bracketed or bare.
#[derive(Clone, Debug)]
pub struct NameAddr<'a> {
    /// The display name as written, quotes included; none where there is none.
    pub raw_display: Option<&'a str>,
    /// The URI as written, not read yet.
    pub raw_uri: &'a str,
    /// The header parameters.
    pub params: Params<'a>,
    uri_at: usize,
}

impl<'a> NameAddr<'a> {
    /// Reads one address.
    ///
    /// # Errors
    /// Where quotes or brackets do not match, a parameter cannot be read, or a bare URI holds `?` or `,`,
    /// which belong in brackets (RFC 3261 §20).
    pub(crate) fn parse(value: Value<'a>) -> Result<Self, ParseError> {
        let mut scan = value.scan()?;
        scan.lws();
        let raw_display = if scan.peek() == Some(b'"') {
            let display = scan.quoted()?;
            scan.lws();
            if scan.peek() != Some(b'<') {
                return Err(scan.fault(Fault::Brackets));
            }
            Some(display)
        } else if let Some(open) = bracket(scan.rest()) {
            let display = scan.take_len(open).trim_ascii_end();
            if display
                .bytes()
                .any(|byte| matches!(byte, b'"' | b',' | b';' | b'>'))
            {
                return Err(scan.fault(Fault::Brackets));
            }
            (!display.is_empty()).then_some(display)
        } else {
            return Self::bare(scan);
        };
        scan.take_len(1);
        let uri_at = scan.offset();
        let close = scan.rest().find('>').ok_or(scan.fault(Fault::Unclosed))?;
        let raw_uri = scan.take_len(close);
        if raw_uri.is_empty() || raw_uri.bytes().any(|byte| byte <= b' ' || byte == b'<') {
            return Err(ParseError::new(Fault::Uri, uri_at));
        }
        scan.take_len(1);
        Ok(Self {
            raw_display,
            raw_uri,
            params: Params::rest_of(&scan)?,
            uri_at,
        })
    }

    fn bare(mut scan: Scan<'a>) -> Result<Self, ParseError> {
        let uri_at = scan.offset();
        let raw_uri = scan.take(|byte| byte > b' ' && byte != b';');
        if raw_uri.is_empty()
            || raw_uri
                .bytes()
                .any(|byte| matches!(byte, b'?' | b',' | b'>' | b'"'))
        {
            return Err(ParseError::new(Fault::Uri, uri_at));
        }
        Ok(Self {
            raw_display: None,
            raw_uri,
            params: Params::rest_of(&scan)?,
            uri_at,
        })
    }

    /// The URI, read.
    ///
    /// # Errors
    /// Where it breaks the grammar.
    pub fn uri(&self) -> Result<Uri<'a>, ParseError> {
        Uri::parse_at(self.raw_uri, self.uri_at)
    }

    /// The display name without quotes and escapes.
    #[must_use]
    pub fn display(&self) -> Option<Cow<'a, str>> {
        self.raw_display.map(unquoted).filter(|name| !name.is_empty())
    }

    /// The `tag` parameter.
    #[must_use]
    pub fn tag(&self) -> Option<&'a str> {
        self.params.get("tag").filter(|tag| !tag.is_empty())
    }

    /// The `expires` parameter of a Contact, in seconds; none where it is absent or no number.
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        let text = self.params.get("expires")?;
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().unwrap_or(u32::MAX))
    }

    /// The `q` parameter of a Contact in thousandths, 0 to 1000 (RFC 3261 §25.1, qvalue).
    #[must_use]
    pub fn q(&self) -> Option<u16> {
        let (whole, fraction) = match self.params.get("q")?.split_once('.') {
            Some((whole, fraction)) => (whole, fraction),
            None => (self.params.get("q")?, ""),
        };
        if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let thousandths = fraction.bytes().chain(std::iter::repeat(b'0')).take(3);
        let part = thousandths.fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
        match whole {
            "0" | "" => Some(part),
            "1" if part == 0 => Some(1000),
            _ => None,
        }
    }
}

/// Where the `<` is that opens the URI; none for a bare one. A bare URI ends where its parameters begin.
fn bracket(text: &str) -> Option<usize> {
    text.find('<')
        .filter(|open| !text[..*open].contains(':') || text[..*open].contains(' '))
}

/// One member of a Contact header.
#[derive(Clone, Debug)]
pub enum Contact<'a> {
    /// `*`: all bindings (RFC 3261 §10.2.2).
    Star,
    /// An address.
    Addr(NameAddr<'a>),
}

impl<'a> Contact<'a> {
    /// Reads one member.
    ///
    /// # Errors
    /// As for [`NameAddr::parse`].
    pub(crate) fn parse(value: Value<'a>) -> Result<Self, ParseError> {
        if value.bytes() == b"*" {
            Ok(Self::Star)
        } else {
            NameAddr::parse(value).map(Self::Addr)
        }
    }

    /// The address; none for `*`.
    #[must_use]
    pub const fn addr(&self) -> Option<&NameAddr<'a>> {
        match self {
            Self::Star => None,
            Self::Addr(addr) => Some(addr),
        }
    }
}
