//! Digest authentication (RFC 7616 as RFC 8760 takes it into SIP): the formulas, our challenges, a peer's.

mod client;
mod server;

use md5::Md5;
use sha2::Sha256;

use crate::header::AuthParams;

pub(crate) use client::Challenge;
pub(crate) use server::{Check, DigestConfig, DigestServer, Refusal};

/// A digest algorithm. Session variants and SHA-512-256 are neither offered nor answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// `MD5`, the only one that many phones know.
    Md5,
    /// `SHA-256`, offered first and preferred.
    Sha256,
}

impl Algorithm {
    /// Its name in the headers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// The algorithm of this name; none for one that we do not speak.
    fn from_name(name: &str) -> Option<Self> {
        [Self::Md5, Self::Sha256]
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(name))
    }

    /// What a header asks for: MD5 where it does not say (RFC 7616 §3.3); none for one that we do not speak.
    fn asked(params: &AuthParams<'_>) -> Option<Self> {
        match params.get("algorithm") {
            Some(name) => Self::from_name(&name),
            None => Some(Self::Md5),
        }
    }

    /// Whether the text can be an HA1 of this algorithm. An empty one, say, would let in whoever guesses that it is empty.
    const fn fits(self, ha1: &str) -> bool {
        match self {
            Self::Md5 => ha1.len() == 32,
            Self::Sha256 => ha1.len() == 64,
        }
    }

    /// Stands for the HA1 of a user who is not known, so that asking for one costs and shows the same.
    const fn no_ha1(self) -> &'static str {
        match self {
            Self::Md5 => "00000000000000000000000000000000",
            Self::Sha256 => "0000000000000000000000000000000000000000000000000000000000000000",
        }
    }

    /// The hash of the parts joined by `:`, in lower-case hex.
    fn hash(self, parts: &[&str]) -> String {
        fn joined<D: md5::Digest>(parts: &[&str]) -> String {
            let mut hash = D::new();
            for (count, part) in parts.iter().enumerate() {
                if count > 0 {
                    hash.update(b":");
                }
                hash.update(part.as_bytes());
            }
            hex(&hash.finalize())
        }
        match self {
            Self::Md5 => joined::<Md5>(parts),
            Self::Sha256 => joined::<Sha256>(parts),
        }
    }
}

/// HA1, the password-equivalent that is stored instead of the password: `H(user:realm:password)` in lower-case hex
/// (RFC 7616 §3.4.2).
#[must_use]
pub fn ha1(algorithm: Algorithm, user: &str, realm: &str, password: &str) -> String {
    algorithm.hash(&[user, realm, password])
}

/// What a response is computed over, as it stands in the header, quotes taken off.
#[derive(Clone, Copy)]
struct Proof<'a> {
    method: &'a str,
    uri: &'a str,
    nonce: &'a str,
    nc: &'a str,
    cnonce: &'a str,
}

impl Proof<'_> {
    /// `response` with qop=auth (RFC 7616 §3.4.1).
    fn response(&self, algorithm: Algorithm, ha1: &str) -> String {
        let ha2 = algorithm.hash(&[self.method, self.uri]);
        algorithm.hash(&[ha1, self.nonce, self.nc, self.cnonce, "auth", &ha2])
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// Compares in a time that depends on the lengths alone.
fn same(one: &[u8], other: &[u8]) -> bool {
    let differ = one.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b));
    one.len() == other.len() && std::hint::black_box(differ) == 0
}

#[cfg(test)]
mod tests;
