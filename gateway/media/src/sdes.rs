//! Keys in SDP: `a=crypto` (RFC 4568) read and written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hotline_types::Rng;

use crate::srtp::{MASTER_BYTES, MasterKey, Suite};

/// `a=crypto` lines of one media line that we look at.
pub(crate) const CRYPTO_LINES_MAX: usize = 8;

/// Our keys of one leg, one for each suite; they stay for the life of the leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnKeys {
    tag_80: MasterKey,
    tag_32: MasterKey,
}

impl OwnKeys {
    /// Made by chance.
    #[must_use]
    pub fn random(rng: &mut Rng) -> Self {
        Self {
            tag_80: MasterKey::random(rng),
            tag_32: MasterKey::random(rng),
        }
    }

    pub(crate) const fn of(&self, suite: Suite) -> MasterKey {
        match suite {
            Suite::Sha1Tag80 => self.tag_80,
            Suite::Sha1Tag32 => self.tag_32,
        }
    }
}

/// A usable `a=crypto` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Crypto {
    pub(crate) tag: u32,
    pub(crate) suite: Suite,
    pub(crate) key: MasterKey,
}

impl Crypto {
    /// Reads a value; none where we cannot use it: another suite, several keys or a key identifier in each packet
    /// (MKI), or a parameter that weakens or changes the packets (§6.3).
    pub(crate) fn read(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let tag = words.next()?;
        let tag = (tag.len() <= 9).then(|| tag.parse().ok()).flatten()?;
        let name = words.next()?;
        let suite = Suite::ALL
            .into_iter()
            .find(|suite| suite.name().eq_ignore_ascii_case(name))?;
        let key = key(words.next()?)?;
        words.all(harmless).then_some(Self { tag, suite, key })
    }

    /// Writes the value.
    pub(crate) fn text(&self) -> String {
        let key = STANDARD.encode(self.key.bytes());
        format!("{} {} inline:{key}", self.tag, self.suite.name())
    }
}

/// `inline:KEY[|LIFETIME]`. A lifetime outlasts any call; a key identifier is told by its colon.
fn key(word: &str) -> Option<MasterKey> {
    let (method, parameters) = word.split_once(':')?;
    if !method.eq_ignore_ascii_case("inline") || parameters.contains(';') {
        return None;
    }
    let mut parts = parameters.split('|');
    let text = parts.next()?;
    if parts.any(|part| part.contains(':')) {
        return None;
    }
    let mut bytes = [0; MASTER_BYTES];
    let length = STANDARD.decode_slice(text, &mut bytes).ok()?;
    (length == MASTER_BYTES).then(|| MasterKey::new(bytes))
}

/// The peer's replay window is its own matter, and what begins with `-` may be ignored (§6.3.7).
fn harmless(parameter: &str) -> bool {
    parameter.starts_with('-')
        || parameter
            .get(..4)
            .is_some_and(|name| name.eq_ignore_ascii_case("WSH="))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    #[test]
    fn usable_lines_are_read_and_the_others_are_not_offered_to_us() {
        let cases = [
            (
                format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4 FEC_ORDER=FEC_SRTP"),
                None,
            ),
            (
                format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20"),
                Some((1, Suite::Sha1Tag80)),
            ),
            (
                format!("007 aes_cm_128_hmac_sha1_32 INLINE:{KEY} WSH=128 -X"),
                Some((7, Suite::Sha1Tag32)),
            ),
            (
                format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY};inline:{KEY}"),
                None,
            ),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:4"), None),
            (
                format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTP"),
                None,
            ),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} KDR=1"), None),
            (format!("1 F8_128_HMAC_SHA1_80 inline:{KEY}"), None),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{}", &KEY[4..]), None),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}AAAA"), None),
            (format!("1 AES_CM_128_HMAC_SHA1_80 uri:{KEY}"), None),
            (format!("1234567890 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"), None),
            ("1 AES_CM_128_HMAC_SHA1_80".to_owned(), None),
            (String::new(), None),
        ];
        for (value, expected) in cases {
            let read = Crypto::read(&value);
            assert_eq!(
                read.as_ref().map(|line| (line.tag, line.suite)),
                expected,
                "{value}"
            );
            if let Some(line) = read {
                assert_eq!(Crypto::read(&line.text()), Some(line));
            }
        }
    }
}
