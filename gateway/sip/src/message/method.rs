//! Methods: those we know by name, and any other token.

use std::fmt;

macro_rules! methods {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)+) => {
        /// A method. Tokens are compared with their case (RFC 3261 §7.1).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Method<'a> {
            $($(#[$doc])* $variant,)+
            /// Any other token; a request with one is answered 405 or 501.
            Other(&'a str),
        }

        impl<'a> Method<'a> {
            /// The method of this token.
            pub(crate) fn from_token(token: &'a str) -> Self {
                match token {
                    $($text => Self::$variant,)+
                    other => Self::Other(other),
                }
            }

            /// The token.
            #[must_use]
            pub const fn as_str(&self) -> &'a str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(token) => token,
                }
            }

        }
    };
}

methods! {
    /// RFC 3261.
    Invite = "INVITE",
    /// RFC 3261.
    Ack = "ACK",
    /// RFC 3261.
    Bye = "BYE",
    /// RFC 3261.
    Cancel = "CANCEL",
    /// RFC 3261.
    Register = "REGISTER",
    /// RFC 3261.
    Options = "OPTIONS",
    /// RFC 3262.
    Prack = "PRACK",
    /// RFC 3311.
    Update = "UPDATE",
    /// RFC 6086.
    Info = "INFO",
    /// RFC 3515.
    Refer = "REFER",
    /// RFC 6665.
    Subscribe = "SUBSCRIBE",
    /// RFC 6665.
    Notify = "NOTIFY",
    /// RFC 3428.
    Message = "MESSAGE",
    /// RFC 3903.
    Publish = "PUBLISH",
}

impl fmt::Display for Method<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
