//! The header names that the codec knows, with their compact forms.

macro_rules! names {
    ($($variant:ident = $long:literal $(, $compact:literal)?;)+) => {
        /// A header name. [`Name::Other`] stands for every name not listed; its text is in the line.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        #[expect(missing_docs, reason = "each variant is the header of that name")]
        pub enum Name { $($variant,)+ Other }

        /// Every known name with its long form and its compact one, if any.
        #[cfg(test)]
        const ALL: &[(Name, &str, &[u8])] = &[$((Name::$variant, $long, &[$($compact)?]),)+];

        impl Name {
            /// The name in its long form; empty for [`Name::Other`].
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $long,)+
                    Self::Other => "",
                }
            }

            fn compact(letter: u8) -> Self {
                match letter.to_ascii_lowercase() {
                    $($($compact => Self::$variant,)?)+
                    _ => Self::Other,
                }
            }
        }
    };
}

names! {
    Accept = "Accept";
    AlertInfo = "Alert-Info";
    Allow = "Allow";
    AllowEvents = "Allow-Events", b'u';
    AuthenticationInfo = "Authentication-Info";
    Authorization = "Authorization";
    CSeq = "CSeq";
    CallId = "Call-ID", b'i';
    CallInfo = "Call-Info";
    Contact = "Contact", b'm';
    ContentDisposition = "Content-Disposition";
    ContentEncoding = "Content-Encoding", b'e';
    ContentLength = "Content-Length", b'l';
    ContentType = "Content-Type", b'c';
    Date = "Date";
    Diversion = "Diversion";
    Event = "Event", b'o';
    Expires = "Expires";
    From = "From", b'f';
    HistoryInfo = "History-Info";
    Identity = "Identity", b'y';
    MaxForwards = "Max-Forwards";
    MinExpires = "Min-Expires";
    MinSe = "Min-SE";
    PAssertedIdentity = "P-Asserted-Identity";
    PCalledPartyId = "P-Called-Party-ID";
    PPreferredIdentity = "P-Preferred-Identity";
    Path = "Path";
    Privacy = "Privacy";
    ProxyAuthenticate = "Proxy-Authenticate";
    ProxyAuthorization = "Proxy-Authorization";
    ProxyRequire = "Proxy-Require";
    RAck = "RAck";
    RSeq = "RSeq";
    Reason = "Reason";
    RecordRoute = "Record-Route";
    ReferTo = "Refer-To", b'r';
    ReferredBy = "Referred-By", b'b';
    Replaces = "Replaces";
    Require = "Require";
    RetryAfter = "Retry-After";
    Route = "Route";
    Server = "Server";
    ServiceRoute = "Service-Route";
    SessionExpires = "Session-Expires", b'x';
    Subject = "Subject", b's';
    SubscriptionState = "Subscription-State";
    Supported = "Supported", b'k';
    Timestamp = "Timestamp";
    To = "To", b't';
    Unsupported = "Unsupported";
    UserAgent = "User-Agent";
    Via = "Via", b'v';
    Warning = "Warning";
    WwwAuthenticate = "WWW-Authenticate";
}

impl Name {
    /// The name of these bytes, long or compact, in any case (RFC 3261 §7.3.3).
    pub(crate) fn lookup(bytes: &[u8]) -> Self {
        let (first, last) = match bytes {
            [letter] => return Self::compact(*letter),
            [first, .., last] => (first.to_ascii_lowercase(), last.to_ascii_lowercase()),
            [] => return Self::Other,
        };
        let likely = Self::likely(bytes.len(), first, last);
        if likely.as_str().as_bytes().eq_ignore_ascii_case(bytes) {
            likely
        } else {
            Self::Other
        }
    }

    /// Length, first and last letter tell the known names apart; the caller compares the rest.
    const fn likely(len: usize, first: u8, last: u8) -> Self {
        match (len, first, last) {
            (2, b't', b'o') => Self::To,
            (3, b'v', b'a') => Self::Via,
            (4, b'c', b'q') => Self::CSeq,
            (4, b'd', b'e') => Self::Date,
            (4, b'f', b'm') => Self::From,
            (4, b'p', b'h') => Self::Path,
            (4, b'r', b'k') => Self::RAck,
            (4, b'r', b'q') => Self::RSeq,
            (5, b'a', b'w') => Self::Allow,
            (5, b'e', b't') => Self::Event,
            (5, b'r', b'e') => Self::Route,
            (6, b'a', b't') => Self::Accept,
            (6, b'm', b'e') => Self::MinSe,
            (6, b'r', b'n') => Self::Reason,
            (6, b's', b'r') => Self::Server,
            (7, b'c', b'd') => Self::CallId,
            (7, b'c', b't') => Self::Contact,
            (7, b'e', b's') => Self::Expires,
            (7, b'p', b'y') => Self::Privacy,
            (7, b'r', b'e') => Self::Require,
            (7, b's', b't') => Self::Subject,
            (7, b'w', b'g') => Self::Warning,
            (8, b'i', b'y') => Self::Identity,
            (8, b'r', b'o') => Self::ReferTo,
            (8, b'r', b's') => Self::Replaces,
            (9, b'c', b'o') => Self::CallInfo,
            (9, b'd', b'n') => Self::Diversion,
            (9, b's', b'd') => Self::Supported,
            (9, b't', b'p') => Self::Timestamp,
            (10, b'a', b'o') => Self::AlertInfo,
            (10, b'u', b't') => Self::UserAgent,
            (11, b'm', b's') => Self::MinExpires,
            (11, b'r', b'r') => Self::RetryAfter,
            (11, b'r', b'y') => Self::ReferredBy,
            (11, b'u', b'd') => Self::Unsupported,
            (12, b'a', b's') => Self::AllowEvents,
            (12, b'c', b'e') => Self::ContentType,
            (12, b'h', b'o') => Self::HistoryInfo,
            (12, b'm', b's') => Self::MaxForwards,
            (12, b'r', b'e') => Self::RecordRoute,
            (13, b'a', b'n') => Self::Authorization,
            (13, b'p', b'e') => Self::ProxyRequire,
            (13, b's', b'e') => Self::ServiceRoute,
            (14, b'c', b'h') => Self::ContentLength,
            (15, b's', b's') => Self::SessionExpires,
            (16, b'c', b'g') => Self::ContentEncoding,
            (16, b'w', b'e') => Self::WwwAuthenticate,
            (17, b'p', b'd') => Self::PCalledPartyId,
            (18, b'p', b'e') => Self::ProxyAuthenticate,
            (18, b's', b'e') => Self::SubscriptionState,
            (19, b'a', b'o') => Self::AuthenticationInfo,
            (19, b'c', b'n') => Self::ContentDisposition,
            (19, b'p', b'n') => Self::ProxyAuthorization,
            (19, b'p', b'y') => Self::PAssertedIdentity,
            (20, b'p', b'y') => Self::PPreferredIdentity,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case_and_in_its_compact_form() {
        assert_eq!(ALL.len(), 55);
        for (name, long, compact) in ALL {
            assert_eq!(Name::lookup(long.as_bytes()), *name, "{long}");
            assert_eq!(
                Name::lookup(long.to_ascii_uppercase().as_bytes()),
                *name,
                "{long}"
            );
            assert_eq!(Name::lookup(format!("{long}x").as_bytes()), Name::Other);
            for letter in *compact {
                assert_eq!(Name::lookup(&[*letter]), *name);
                assert_eq!(Name::lookup(&[letter.to_ascii_uppercase()]), *name);
            }
        }
        assert_eq!(Name::lookup(b"Vaa"), Name::Other);
        assert_eq!(Name::lookup(b""), Name::Other);
        assert_eq!(Name::lookup(b"z"), Name::Other);
    }
}
