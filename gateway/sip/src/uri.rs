//! SIP, SIPS and tel URIs (RFC 3261 §19.1, RFC 3966), read in place.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::message::{Fault, ParseError};

/// The scheme of a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme<'a> {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`
    Tel,
    /// Any other; a request for it is answered 416.
    Other(&'a str),
}

/// The host of a URI or of a Via.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host<'a> {
    /// A name, or an address that is no valid IPv4.
    Name(&'a str),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, without its brackets.
    V6(Ipv6Addr),
}

impl<'a> Host<'a> {
    /// The address, where the host is one.
    #[must_use]
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Name(_) => None,
            Self::V4(ip) => Some(IpAddr::V4(*ip)),
            Self::V6(ip) => Some(IpAddr::V6(*ip)),
        }
    }

    /// Reads `host` or `host:port`, whose first byte lies at `offset` of the message.
    ///
    /// # Errors
    /// [`Fault::Host`] or [`Fault::Port`].
    pub(crate) fn parse_with_port(text: &'a str, offset: usize) -> Result<(Self, Option<u16>), ParseError> {
        let bad_host = ParseError::new(Fault::Host, offset);
        let (host, rest) = if let Some(inner) = text.strip_prefix('[') {
            let (address, rest) = inner.split_once(']').ok_or(bad_host)?;
            (Self::V6(address.parse().map_err(|_| bad_host)?), rest)
        } else {
            let end = text
                .find(|c: char| c == ':' || c.is_ascii_whitespace())
                .unwrap_or(text.len());
            let (host, rest) = text.split_at(end);
            if host.is_empty() || !host.bytes().all(is_host_byte) {
                return Err(bad_host);
            }
            let digits = host.as_bytes()[host.len() - 1].is_ascii_digit();
            let v4 = if digits {
                host.parse().ok().map(Self::V4)
            } else {
                None
            };
            (v4.unwrap_or(Self::Name(host)), rest)
        };
        let rest = rest.trim_ascii();
        if rest.is_empty() {
            return Ok((host, None));
        }
        let bad_port = ParseError::new(Fault::Port, offset + text.len() - rest.len());
        let digits = rest.strip_prefix(':').ok_or(bad_port)?.trim_ascii_start();
        if digits.is_empty() || digits.len() > 5 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(bad_port);
        }
        match digits.parse() {
            Ok(0) | Err(_) => Err(bad_port),
            Ok(port) => Ok((host, Some(port))),
        }
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(ip) => write!(f, "{ip}"),
            Self::V6(ip) => write!(f, "[{ip}]"),
        }
    }
}

const fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

/// A URI, read. Parts are as written; percent escapes are decoded on demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uri<'a> {
    /// The whole text.
    pub raw: &'a str,
    /// Its scheme.
    pub scheme: Scheme<'a>,
    /// The user part with its own parameters (`+1555;phone-context=x`), or the number of a `tel:`.
    pub user: Option<&'a str>,
    /// The password of `user:password`.
    pub password: Option<&'a str>,
    /// The host; none for `tel:` and unknown schemes.
    pub host: Option<Host<'a>>,
    /// The port, where written.
    pub port: Option<u16>,
    /// The parameters, after the host or the number.
    pub params: UriParams<'a>,
    /// What follows `?`.
    pub headers: Option<&'a str>,
}

impl<'a> Uri<'a> {
    /// Reads a URI.
    ///
    /// # Errors
    /// Where it breaks the grammar; the offset counts from the start of `text`.
    pub fn parse(text: &'a str) -> Result<Self, ParseError> {
        Self::parse_at(text, 0)
    }

    /// Reads a URI whose first byte lies at `offset` of the message.
    ///
    /// # Errors
    /// Where it breaks the grammar.
    pub(crate) fn parse_at(text: &'a str, offset: usize) -> Result<Self, ParseError> {
        let bad = ParseError::new(Fault::Uri, offset);
        if !text.bytes().all(is_uri_byte) {
            return Err(bad);
        }
        let (scheme, rest) = text.split_once(':').ok_or(bad)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        if !scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            || !scheme.bytes().all(plain)
            || rest.is_empty()
        {
            return Err(bad);
        }
        let rest_at = offset + scheme.len() + 1;
        if scheme.eq_ignore_ascii_case("sip") {
            Self::sip(text, Scheme::Sip, rest, rest_at)
        } else if scheme.eq_ignore_ascii_case("sips") {
            Self::sip(text, Scheme::Sips, rest, rest_at)
        } else if scheme.eq_ignore_ascii_case("tel") {
            Self::tel(text, rest, rest_at)
        } else {
            Ok(Self {
                scheme: Scheme::Other(scheme),
                ..Self::bare(text)
            })
        }
    }

    const fn bare(raw: &'a str) -> Self {
        Self {
            raw,
            scheme: Scheme::Sip,
            user: None,
            password: None,
            host: None,
            port: None,
            params: UriParams(""),
            headers: None,
        }
    }

    fn sip(raw: &'a str, scheme: Scheme<'a>, rest: &'a str, at: usize) -> Result<Self, ParseError> {
        let (userinfo, host_at) = match rest.find('@') {
            Some(end) => (Some(&rest[..end]), end + 1),
            None => (None, 0),
        };
        let (user, password) = match userinfo.map(|info| info.split_once(':')) {
            Some(Some((user, password))) => (Some(user), Some(password)),
            Some(None) => (userinfo, None),
            None => (None, None),
        };
        if user.is_some_and(|user| user.is_empty() || !escapes_are_whole(user)) {
            return Err(ParseError::new(Fault::Uri, at));
        }
        let (address, headers) = match rest[host_at..].split_once('?') {
            Some((address, headers)) => (address, Some(headers)),
            None => (&rest[host_at..], None),
        };
        let end = address.find(';').unwrap_or(address.len());
        let (host, port) = Host::parse_with_port(&address[..end], at + host_at)?;
        Ok(Self {
            scheme,
            user,
            password,
            host: Some(host),
            port,
            params: UriParams(&address[end..]),
            headers,
            ..Self::bare(raw)
        })
    }

    fn tel(raw: &'a str, rest: &'a str, at: usize) -> Result<Self, ParseError> {
        let end = rest.find(';').unwrap_or(rest.len());
        let number = &rest[..end];
        let digit =
            |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b'*' | b'#' | b'-' | b'.' | b'(' | b')');
        let digits = number.strip_prefix('+').unwrap_or(number);
        if digits.is_empty() || !digits.bytes().all(digit) {
            return Err(ParseError::new(Fault::Uri, at));
        }
        Ok(Self {
            scheme: Scheme::Tel,
            user: Some(number),
            params: UriParams(&rest[end..]),
            ..Self::bare(raw)
        })
    }

    /// The user part without its own parameters, percent escapes decoded: what the caller dialled.
    /// A byte that is no UTF-8 after decoding becomes U+FFFD.
    #[must_use]
    pub fn user_decoded(&self) -> Option<Cow<'a, str>> {
        let user = self.user?;
        Some(percent_decoded(user.split(';').next().unwrap_or(user)))
    }
}

/// The parameters of a URI, as written, with their leading `;`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UriParams<'a>(&'a str);

impl<'a> UriParams<'a> {
    /// The text.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    /// Names and values in their order; the value is empty where there is none. Empty parameters are skipped.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.0
            .split(';')
            .filter(|param| !param.is_empty())
            .map(|param| param.split_once('=').unwrap_or((param, "")))
    }

    /// The value of a parameter, empty where it has none; the case of its name does not matter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

const fn is_uri_byte(byte: u8) -> bool {
    byte > b' ' && byte != 0x7f && !matches!(byte, b'<' | b'>' | b'"')
}

fn escapes_are_whole(text: &str) -> bool {
    let bytes = text.as_bytes();
    let hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    bytes
        .iter()
        .enumerate()
        .all(|(at, byte)| *byte != b'%' || (hex(at + 1) && hex(at + 2)))
}

/// The text with its percent escapes decoded; an incomplete escape stays as it is.
fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%'
            && let (Some(high), Some(low)) = (digit(at + 1), digit(at + 2))
        {
            out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests;
