//! The client's half: choosing a challenge and answering it.

use hotline_types::Rng;

use crate::build::Quoted;
use crate::header::{AuthParams, Name};
use crate::message::Message;

use super::{Algorithm, Proof, ha1, hex};

/// What the client knows.
#[derive(Clone, Copy)]
pub enum Secret<'a> {
    /// The password.
    Password(&'a str),
    /// The HA1 of each algorithm, lower-case hex.
    Ha1 {
        /// With MD5.
        md5: &'a str,
        /// With SHA-256.
        sha256: &'a str,
    },
}

/// A challenge that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The realm.
    pub realm: String,
    /// The nonce, to be used with rising counts until another is given.
    pub nonce: String,
    /// Handed back unchanged.
    pub opaque: Option<String>,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Whether the last answer failed for its nonce alone: try again without asking anybody.
    pub stale: bool,
}

impl Challenge {
    /// Reads one challenge; none where it asks for an algorithm or a qop that we do not speak.
    #[must_use]
    pub fn read(params: &AuthParams<'_>) -> Option<Self> {
        let get = |name| params.get(name).map(std::borrow::Cow::into_owned);
        let algorithm = match get("algorithm") {
            Some(name) => Algorithm::from_name(&name)?,
            None => Algorithm::Md5,
        };
        let auth = get("qop")?
            .split(',')
            .any(|qop| qop.trim().eq_ignore_ascii_case("auth"));
        if !auth || !params.scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        Some(Self {
            realm: get("realm")?,
            nonce: get("nonce")?,
            opaque: get("opaque"),
            algorithm,
            stale: get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }

    /// The strongest challenge of a 401 (`WWW-Authenticate`) or 407 (`Proxy-Authenticate`); only one of `realm`,
    /// where that is given: a password must not be tried on whoever asks.
    #[must_use]
    pub fn best(response: &Message<'_>, header: Name, realm: Option<&str>) -> Option<Self> {
        response
            .auth(header)
            .filter_map(|params| Self::read(&params.ok()?))
            .filter(|challenge| realm.is_none_or(|realm| realm == challenge.realm))
            .reduce(|best, next| {
                if next.algorithm > best.algorithm {
                    next
                } else {
                    best
                }
            })
    }

    /// The value of the Authorization (or Proxy-Authorization) header that answers for this request.
    ///
    /// `uri` is the Request-URI byte for byte; `count` starts at 1 and rises with each use of the nonce.
    #[must_use]
    pub fn answer(
        &self,
        user: &str,
        secret: Secret<'_>,
        method: &str,
        uri: &str,
        count: u32,
        rng: &mut Rng,
    ) -> String {
        let mut random = [0; 16];
        rng.fill(&mut random);
        let cnonce = hex(&random);
        let nc = format!("{count:08x}");
        let computed;
        let ha1 = match (secret, self.algorithm) {
            (Secret::Password(password), algorithm) => {
                computed = ha1(algorithm, user, &self.realm, password);
                &computed
            }
            (Secret::Ha1 { md5, .. }, Algorithm::Md5) => md5,
            (Secret::Ha1 { sha256, .. }, Algorithm::Sha256) => sha256,
        };
        let proof = Proof {
            method,
            uri,
            nonce: &self.nonce,
            nc: &nc,
            cnonce: &cnonce,
        };
        let response = proof.response(self.algorithm, ha1);
        let opaque = self
            .opaque
            .as_deref()
            .map(|opaque| format!(", opaque={}", Quoted(opaque)));
        format!(
            "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\", algorithm={}, \
             cnonce=\"{cnonce}\", qop=auth, nc={nc}{}",
            Quoted(user),
            Quoted(&self.realm),
            Quoted(&self.nonce),
            Quoted(uri),
            self.algorithm.as_str(),
            opaque.unwrap_or_default(),
        )
    }
}
