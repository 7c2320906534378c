//! Via (RFC 3261 §20.42, RFC 3581).

use std::net::IpAddr;

use crate::message::{Fault, ParseError};
use crate::uri::Host;

use super::params::Params;
use super::scan::Value;

/// The magic cookie of branches (RFC 3261 §8.1.1.7).
pub(crate) const COOKIE: &str = "z9hG4bK";

/// One hop.
#[derive(Clone, Debug)]
pub struct Via<'a> {
    /// The transport token as written: `UDP`, `TCP`, `DTLS-UDP` and any other.
    pub transport: &'a str,
    /// The host of sent-by.
    pub host: Host<'a>,
    /// The port of sent-by, where written.
    pub port: Option<u16>,
    /// All parameters.
    pub params: Params<'a>,
    /// The hop as written.
    pub value: Value<'a>,
}

impl<'a> Via<'a> {
    /// Reads one hop.
    ///
    /// # Errors
    /// Where protocol, sent-by or a parameter cannot be read.
    pub(crate) fn parse(value: Value<'a>) -> Result<Self, ParseError> {
        let mut scan = value.scan()?;
        scan.lws();
        let protocol = scan.token()?;
        let slash = scan.eat(b'/');
        let version = scan.token()?;
        if !slash || !protocol.eq_ignore_ascii_case("SIP") || version != "2.0" {
            return Err(ParseError::new(Fault::Version, value.offset()));
        }
        if !scan.eat(b'/') {
            return Err(scan.fault(Fault::Token));
        }
        let transport = scan.token()?;
        scan.lws();
        let sent_by_at = scan.offset();
        let sent_by = scan.take(|byte| byte != b';');
        let (host, port) = Host::parse_with_port(sent_by.trim_ascii_end(), sent_by_at)?;
        Ok(Self {
            transport,
            host,
            port,
            params: Params::rest_of(&scan)?,
            value,
        })
    }

    /// The `branch` parameter, the transaction's id.
    #[must_use]
    pub fn branch(&self) -> Option<&'a str> {
        self.params.get("branch").filter(|branch| !branch.is_empty())
    }

    /// Whether the branch has the magic cookie and something after it (RFC 3261 §8.1.1.7).
    #[must_use]
    pub fn has_cookie(&self) -> bool {
        self.branch().is_some_and(|branch| {
            branch.len() > COOKIE.len() && branch.is_char_boundary(COOKIE.len()) && branch.starts_with(COOKIE)
        })
    }

    /// The address in `received`; none where it is absent or no address.
    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        let text = self.params.get("received")?;
        text.strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(text)
            .parse()
            .ok()
    }

    /// Whether `rport` is there, and its value if it has one (RFC 3581 §3).
    #[must_use]
    pub fn rport(&self) -> Option<Option<u16>> {
        self.params.get("rport").map(|text| text.parse().ok())
    }
}
