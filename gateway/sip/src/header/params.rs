//! Parameters: `;name=value` lists, and the `name=value, ...` lists of the digest headers.

use std::borrow::Cow;

use crate::message::{Fault, ParseError};

use super::scan::{Scan, Value, unquoted};

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    /// Its name as written; its case does not matter.
    pub name: &'a str,
    /// Its value as written, quotes included; none for a bare name.
    pub raw: Option<&'a str>,
}

impl<'a> Param<'a> {
    /// The value without quotes and escapes; empty for a bare name.
    #[must_use]
    pub fn text(&self) -> Cow<'a, str> {
        unquoted(self.raw.unwrap_or(""))
    }
}

/// Header parameters, checked to be well-formed, read on demand.
#[derive(Clone, Debug)]
pub struct Params<'a> {
    scan: Scan<'a>,
}

impl<'a> Params<'a> {
    /// The parameters that the rest of the value consists of.
    pub(crate) fn rest_of(scan: &Scan<'a>) -> Result<Self, ParseError> {
        let params = Self { scan: scan.clone() };
        let mut check = scan.clone();
        while next_param(&mut check)?.is_some() {}
        Ok(params)
    }

    /// The text of all parameters as it stands, from the first `;` on.
    #[must_use]
    pub fn as_str(&self) -> &'a str {
        self.scan.rest()
    }

    /// All parameters in their order.
    pub fn iter(&self) -> impl Iterator<Item = Param<'a>> + use<'a> {
        let mut scan = self.scan.clone();
        std::iter::from_fn(move || next_param(&mut scan).ok().flatten())
    }

    /// The parameter of this name, the first of several.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Param<'a>> {
        self.iter().find(|param| param.name.eq_ignore_ascii_case(name))
    }

    /// The value of a parameter without its quotes, escapes as written; empty for a bare name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        let raw = self.find(name)?.raw.unwrap_or("");
        Some(
            raw.strip_prefix('"')
                .and_then(|rest| rest.strip_suffix('"'))
                .unwrap_or(raw),
        )
    }

    /// Whether a parameter of this name is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }
}

fn next_param<'a>(scan: &mut Scan<'a>) -> Result<Option<Param<'a>>, ParseError> {
    scan.lws();
    if scan.rest().is_empty() {
        return Ok(None);
    }
    if !scan.eat(b';') {
        return Err(scan.fault(Fault::Trailing));
    }
    let name = scan.token().map_err(|error| ParseError {
        fault: Fault::Parameter,
        ..error
    })?;
    if !scan.eat(b'=') {
        return Ok(Some(Param { name, raw: None }));
    }
    Ok(Some(Param {
        name,
        raw: Some(param_value(scan)?),
    }))
}

/// A token, a host or a quoted string; anything printable in practice.
fn param_value<'a>(scan: &mut Scan<'a>) -> Result<&'a str, ParseError> {
    if scan.peek() == Some(b'"') {
        return scan.quoted();
    }
    let raw =
        scan.take(|byte| byte > b' ' && byte != 0x7f && !matches!(byte, b';' | b',' | b'"' | b'<' | b'>'));
    if raw.is_empty() {
        Err(scan.fault(Fault::Parameter))
    } else {
        Ok(raw)
    }
}

/// Scheme and parameters of Authorization, WWW-Authenticate and their like (RFC 7616 §3).
#[derive(Clone, Debug)]
pub struct AuthParams<'a> {
    /// The scheme, for instance `Digest`.
    pub scheme: &'a str,
    scan: Scan<'a>,
}

impl<'a> AuthParams<'a> {
    /// Reads scheme and parameters.
    ///
    /// # Errors
    /// Where a parameter cannot be read.
    pub(crate) fn parse(value: Value<'a>) -> Result<Self, ParseError> {
        let mut scan = value.scan()?;
        let scheme = scan.token()?;
        scan.lws();
        let params = Self {
            scheme,
            scan: scan.clone(),
        };
        while next_auth(&mut scan)?.is_some() {}
        Ok(params)
    }

    /// All parameters in their order.
    pub fn iter(&self) -> impl Iterator<Item = Param<'a>> + use<'a> {
        let mut scan = self.scan.clone();
        std::iter::from_fn(move || next_auth(&mut scan).ok().flatten())
    }

    /// The value of a parameter without quotes and escapes.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        self.iter()
            .find(|param| param.name.eq_ignore_ascii_case(name))
            .map(|param| param.text())
    }
}

fn next_auth<'a>(scan: &mut Scan<'a>) -> Result<Option<Param<'a>>, ParseError> {
    while scan.eat(b',') {}
    if scan.rest().is_empty() {
        return Ok(None);
    }
    let name = scan.token().map_err(|error| ParseError {
        fault: Fault::Parameter,
        ..error
    })?;
    if !scan.eat(b'=') {
        return Err(scan.fault(Fault::Parameter));
    }
    let raw = param_value(scan)?;
    scan.lws();
    if scan.peek().is_some_and(|byte| byte != b',') {
        return Err(scan.fault(Fault::Parameter));
    }
    Ok(Some(Param { name, raw: Some(raw) }))
}
