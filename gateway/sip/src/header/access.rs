//! Typed access to the headers of a message: each is read when it is asked for, and only it can fail.

use crate::message::{Fault, Message, ParseError};

use super::{
    AuthParams, CSeq, Contact, ContentType, Name, NameAddr, RAck, Reason, Replaces, SessionExpires, Value,
    Via,
};

/// Largest Max-Forwards (RFC 3261 §20.22).
const MAX_FORWARDS_MAX: u32 = 255;

impl<'a> Message<'a> {
    /// All hops, the topmost first.
    pub fn vias(&self) -> impl Iterator<Item = Result<Via<'a>, ParseError>> + '_ {
        self.items(Name::Via).map(|item| item.and_then(Via::parse))
    }

    /// The topmost hop.
    ///
    /// # Errors
    /// Where it is missing or cannot be read.
    pub fn top_via(&self) -> Result<Via<'a>, ParseError> {
        self.vias()
            .next()
            .unwrap_or(Err(ParseError::new(Fault::Missing(Name::Via), self.head_len())))
    }

    /// From.
    ///
    /// # Errors
    /// Where it is missing, repeated or cannot be read.
    pub fn from(&self) -> Result<NameAddr<'a>, ParseError> {
        NameAddr::parse(self.required(Name::From)?)
    }

    /// To.
    ///
    /// # Errors
    /// Where it is missing, repeated or cannot be read.
    pub fn to(&self) -> Result<NameAddr<'a>, ParseError> {
        NameAddr::parse(self.required(Name::To)?)
    }

    /// Call-ID.
    ///
    /// # Errors
    /// Where it is missing, repeated, empty, not UTF-8 or holds white space.
    pub fn call_id(&self) -> Result<&'a str, ParseError> {
        let value = self.required(Name::CallId)?;
        let text = value.text()?;
        if text.is_empty() || text.bytes().any(|byte| byte <= b' ') {
            return Err(ParseError::new(Fault::Token, value.offset()));
        }
        Ok(text)
    }

    /// CSeq.
    ///
    /// # Errors
    /// Where it is missing, repeated or cannot be read.
    pub fn cseq(&self) -> Result<CSeq<'a>, ParseError> {
        CSeq::parse(self.required(Name::CSeq)?)
    }

    /// All contacts.
    pub fn contacts(&self) -> impl Iterator<Item = Result<Contact<'a>, ParseError>> + '_ {
        self.items(Name::Contact)
            .map(|item| item.and_then(Contact::parse))
    }

    /// The addresses in a list header: Route, Record-Route, Path, P-Asserted-Identity, Diversion.
    pub fn addrs(&self, name: Name) -> impl Iterator<Item = Result<NameAddr<'a>, ParseError>> + '_ {
        self.items(name).map(|item| item.and_then(NameAddr::parse))
    }

    /// The address in a header that may stand once: Refer-To, Referred-By.
    ///
    /// # Errors
    /// Where it is repeated or cannot be read.
    pub fn addr(&self, name: Name) -> Result<Option<NameAddr<'a>>, ParseError> {
        self.optional(name)?.map(NameAddr::parse).transpose()
    }

    /// Max-Forwards.
    ///
    /// # Errors
    /// Where it is repeated or no number up to 255.
    pub fn max_forwards(&self) -> Result<Option<u8>, ParseError> {
        let number = |value: Value<'a>| {
            let mut scan = value.scan()?;
            let number = scan.number(MAX_FORWARDS_MAX)?;
            scan.end()?;
            u8::try_from(number).map_err(|_| ParseError::new(Fault::Number, value.offset()))
        };
        self.optional(Name::MaxForwards)?.map(number).transpose()
    }

    /// A header of one number of seconds: Expires, Min-Expires. Parameters are ignored.
    ///
    /// # Errors
    /// Where it is repeated or no number. One beyond 32 bits is taken as the largest.
    pub fn seconds(&self, name: Name) -> Result<Option<u32>, ParseError> {
        self.optional(name)?
            .map(|value| value.scan()?.seconds())
            .transpose()
    }

    /// Expires, in seconds.
    ///
    /// # Errors
    /// As for [`Message::seconds`].
    pub fn expires(&self) -> Result<Option<u32>, ParseError> {
        self.seconds(Name::Expires)
    }

    /// Min-SE, in seconds (RFC 4028 §5).
    ///
    /// # Errors
    /// As for [`Message::seconds`].
    pub fn min_se(&self) -> Result<Option<u32>, ParseError> {
        self.seconds(Name::MinSe)
    }

    /// Session-Expires (RFC 4028 §4).
    ///
    /// # Errors
    /// Where it is repeated or cannot be read.
    pub fn session_expires(&self) -> Result<Option<SessionExpires>, ParseError> {
        self.optional(Name::SessionExpires)?
            .map(SessionExpires::parse)
            .transpose()
    }

    /// RSeq (RFC 3262 §7.1).
    ///
    /// # Errors
    /// Where it is repeated or no number.
    pub fn rseq(&self) -> Result<Option<u32>, ParseError> {
        self.optional(Name::RSeq)?
            .map(|value| value.scan()?.number(u32::MAX))
            .transpose()
    }

    /// RAck (RFC 3262 §7.2).
    ///
    /// # Errors
    /// Where it is repeated or cannot be read.
    pub fn rack(&self) -> Result<Option<RAck<'a>>, ParseError> {
        self.optional(Name::RAck)?.map(RAck::parse).transpose()
    }

    /// Content-Type.
    ///
    /// # Errors
    /// Where it is repeated or cannot be read.
    pub fn content_type(&self) -> Result<Option<ContentType<'a>>, ParseError> {
        self.optional(Name::ContentType)?
            .map(ContentType::parse)
            .transpose()
    }

    /// The tokens of a list header: Require, Supported, Allow, Unsupported, Privacy.
    pub fn tokens(&self, name: Name) -> impl Iterator<Item = Result<&'a str, ParseError>> + '_ {
        self.items(name).map(|item| {
            let mut scan = item?.scan()?;
            let token = scan.token()?;
            scan.end().map(|()| token)
        })
    }

    /// Whether a list header names this token; case does not matter.
    pub(crate) fn has_token(&self, name: Name, token: &str) -> bool {
        self.tokens(name)
            .any(|found| found.is_ok_and(|found| found.eq_ignore_ascii_case(token)))
    }

    /// Credentials or challenges: Authorization, Proxy-Authorization, WWW-Authenticate, Proxy-Authenticate.
    pub fn auth(&self, name: Name) -> impl Iterator<Item = Result<AuthParams<'a>, ParseError>> + '_ {
        self.all(name).map(AuthParams::parse)
    }

    /// All reasons (RFC 3326).
    pub fn reasons(&self) -> impl Iterator<Item = Result<Reason<'a>, ParseError>> + '_ {
        self.items(Name::Reason).map(|item| item.and_then(Reason::parse))
    }

    /// Replaces (RFC 3891).
    ///
    /// # Errors
    /// Where it is repeated or cannot be read.
    pub fn replaces(&self) -> Result<Option<Replaces<'a>>, ParseError> {
        self.optional(Name::Replaces)?.map(Replaces::parse).transpose()
    }
}
