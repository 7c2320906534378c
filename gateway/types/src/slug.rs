//! Slugs: the immutable names of configured things. Labels may change, slugs never do.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Longest slug, in bytes.
const SLUG_BYTES_MAX: usize = 63;

/// Why a text is not a slug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseSlugError(String);

impl fmt::Display for ParseSlugError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is not a slug: use 1 to {SLUG_BYTES_MAX} of a-z, 0-9, '-' and '_', beginning with a letter or digit",
            self.0
        )
    }
}

impl std::error::Error for ParseSlugError {}

fn check(text: &str) -> Result<(), ParseSlugError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let good = !text.is_empty()
        && text.len() <= SLUG_BYTES_MAX
        && text.bytes().next().is_some_and(plain)
        && text
            .bytes()
            .all(|byte| plain(byte) || byte == b'-' || byte == b'_');
    if good {
        Ok(())
    } else {
        Err(ParseSlugError(text.to_owned()))
    }
}

macro_rules! slug {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text of the slug.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseSlugError;
            fn from_str(text: &str) -> Result<Self, ParseSlugError> {
                check(text)?;
                Ok(Self(text.into()))
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

slug! {
    /// An agent. Also the user part of the agent's SIP address of record.
    AgentSlug
}
slug! {
    /// A queue.
    QueueSlug
}
slug! {
    /// A hotline access number (DID).
    NumberSlug
}
slug! {
    /// A trunk.
    TrunkSlug
}
slug! {
    /// A shift band.
    BandSlug
}
slug! {
    /// An IVR flow.
    FlowSlug
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_lower_case_words() {
        assert!("after-sales_2".parse::<QueueSlug>().is_ok());
        for bad in ["", "-x", "After", "a b", "售后", &"x".repeat(64)] {
            assert!(bad.parse::<QueueSlug>().is_err(), "{bad:?}");
        }
    }
}
