//! Identifiers: UUIDv7 for what is written down, counters for what lives in the process.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::{Rng, WallTime};

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseIdError(String);

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a UUID", self.0)
    }
}

impl std::error::Error for ParseIdError {}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new UUIDv7 (RFC 9562 §5.7) of this wall time, with its random bits from `rng`.
            #[must_use]
            pub fn new(at: WallTime, rng: &mut Rng) -> Self {
                let millis = u64::try_from(at.as_millis()).unwrap_or(0);
                let mut random = [0_u8; 10];
                rng.fill(&mut random);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }

            /// From the sixteen bytes of a UUID.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The sixteen bytes of the UUID.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                Uuid::parse_str(text).map(Self).map_err(|_| ParseIdError(text.to_owned()))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
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

uuid_id! {
    /// One caller's whole visit.
    ContactId
}
uuid_id! {
    /// A stretch of a contact: IVR, wait, ring, talk, hold, consult.
    SegmentId
}
uuid_id! {
    /// One attempt to give a contact to an agent.
    OfferId
}
uuid_id! {
    /// The row that holds a caller's number and name, and that can be erased.
    PersonId
}

/// One SIP dialog and its media, for the life of the process. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegId(pub u64);

impl fmt::Display for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "leg-{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_version_7_of_its_time_and_survives_text() {
        let mut rng = Rng::from_seed(1);
        let id = ContactId::new(WallTime::from_millis(1_795_557_265_000), &mut rng);
        assert_eq!(id.as_bytes()[6] >> 4, 7);
        assert_eq!(id.to_string().parse(), Ok(id));
        let later = ContactId::new(WallTime::from_millis(1_795_557_265_001), &mut rng);
        assert!(later > id);
        assert!("nonsense".parse::<ContactId>().is_err());
    }
}
