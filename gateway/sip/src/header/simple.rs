//! The small headers: CSeq, Content-Type, Reason, Session-Expires, RAck, Replaces.

use std::borrow::Cow;

use crate::message::{Fault, Method, ParseError};

use super::params::Params;
use super::scan::Value;

/// Largest number of a CSeq, RSeq or RAck (RFC 3261 §8.1.1.5).
const SEQUENCE_MAX: u32 = 0x7fff_ffff;

/// CSeq (RFC 3261 §20.16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CSeq<'a> {
    /// Below 2^31.
    pub number: u32,
    /// The method.
    pub method: Method<'a>,
}

impl<'a> CSeq<'a> {
    /// Reads the value.
    ///
    /// # Errors
    /// Where number or method cannot be read.
    pub(crate) fn parse(value: Value<'a>) -> Result<Self, ParseError> {
        let mut scan = value.scan()?;
        scan.lws();
        let number = scan.number(SEQUENCE_MAX)?;
        scan.lws();
        let method = Method::from_token(scan.token()?);
        scan.end()?;
        Ok(Self { number, method })
    }
}

/// RAck of a PRACK (RFC 3262 §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RAck<'a> {
    /// RSeq of the provisional response.
    pub response: u32,
    /// CSeq of the request it answers.
    pub cseq: CSeq<'a>,
}

impl<'a> RAck<'a> {
    /// Reads the value.
    ///
    /// # Errors
    /// Where a number or the method cannot be read.
    pub(crate) fn parse(value: Value<'a>) -> Result<Self, ParseError> {
        let mut scan = value.scan()?;
        scan.lws();
        let response = scan.number(SEQUENCE_MAX)?;
        scan.lws();
        let rest = Value::new(scan.rest().as_bytes(), scan.offset());
        Ok(Self {
            response,
            cseq: CSeq::parse(rest)?,
        })
    }
}

/// Content-Type (RFC 3261 §20.15).
#[derive(Clone, Debug)]
pub struct ContentType<'a> {
    /// `application` of `application/sdp`, as written.
    pub main: &'a str,
    /// `sdp` of `application/sdp`, as written.
    pub sub: &'a str,
    /// Its parameters.
    pub params: Params<'a>,
}

impl<'a> ContentType<'a> {
    /// Reads the value.
    ///
    /// # Errors
    /// Where type or a parameter cannot be read.
    pub(crate) fn parse(value: Value<'a>) -> Result<Self, ParseError> {
        let mut scan = value.scan()?;
        scan.lws();
        let main = scan.token()?;
        if !scan.eat(b'/') {
            return Err(scan.fault(Fault::Token));
        }
        let sub = scan.token()?;
        Ok(Self {
            main,
            sub,
            params: Params::rest_of(&scan)?,
        })
    }

    /// Whether it is this type, for instance `("application", "sdp")`; case does not matter.
    #[must_use]
    pub fn is(&self, main: &str, sub: &str) -> bool {
        self.main.eq_ignore_ascii_case(main) && self.sub.eq_ignore_ascii_case(sub)
    }
}

/// One reason (RFC 3326).
#[derive(Clone, Debug)]
pub struct Reason<'a> {
    /// `SIP`, `Q.850` or another.
    pub protocol: &'a str,
    /// Its parameters.
    pub params: Params<'a>,
}

impl<'a> Reason<'a> {
    /// Reads one member of the list.
    ///
    /// # Errors
    /// Where protocol or a parameter cannot be read.
    pub(crate) fn parse(value: Value<'a>) -> Result<Self, ParseError> {
        let mut scan = value.scan()?;
        scan.lws();
        let protocol = scan.token()?;
        Ok(Self {
            protocol,
            params: Params::rest_of(&scan)?,
        })
    }

    /// The `cause`.
    #[must_use]
    pub fn cause(&self) -> Option<u16> {
        self.params.get("cause")?.parse().ok()
    }

    /// The `text`.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'a, str>> {
        self.params.find("text").map(|param| param.text())
    }
}

/// Who refreshes (RFC 4028 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresher {
    /// The side that sent the request.
    Uac,
    /// The side that answered it.
    Uas,
}

/// Session-Expires (RFC 4028 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionExpires {
    /// Interval in seconds.
    pub seconds: u32,
    /// Who refreshes, where said.
    pub refresher: Option<Refresher>,
}

impl SessionExpires {
    /// Reads the value.
    ///
    /// # Errors
    /// Where number or a parameter cannot be read.
    pub(crate) fn parse(value: Value<'_>) -> Result<Self, ParseError> {
        let mut scan = value.scan()?;
        scan.lws();
        let seconds = scan.seconds()?;
        let refresher = match Params::rest_of(&scan)?.get("refresher") {
            Some(who) if who.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
            Some(who) if who.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
            _ => None,
        };
        Ok(Self { seconds, refresher })
    }
}

/// Replaces (RFC 3891 §6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaces<'a> {
    /// Call-ID of the dialog.
    pub call_id: &'a str,
    /// Its tag on our side.
    pub to_tag: &'a str,
    /// Its tag on the peer's side.
    pub from_tag: &'a str,
    /// Whether only an early dialog may be replaced.
    pub early_only: bool,
}

impl<'a> Replaces<'a> {
    /// Reads the value.
    ///
    /// # Errors
    /// Where it cannot be read or a tag is missing ([`Fault::Parameter`]).
    pub(crate) fn parse(value: Value<'a>) -> Result<Self, ParseError> {
        let mut scan = value.scan()?;
        scan.lws();
        let call_id = scan.take(|byte| byte > b' ' && byte != b';' && byte != b',');
        let params = Params::rest_of(&scan)?;
        let fault = scan.fault(Fault::Parameter);
        match (params.get("to-tag"), params.get("from-tag")) {
            (Some(to_tag), Some(from_tag)) if !call_id.is_empty() => Ok(Self {
                call_id,
                to_tag,
                from_tag,
                early_only: params.has("early-only"),
            }),
            _ => Err(fault),
        }
    }
}
