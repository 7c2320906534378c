//! The client's half: choosing a challenge and answering it.

use hotline_types::Rng;

use crate::build::Quoted;
use crate::header::{AuthParams, Name};
use crate::message::Message;

use super::{Algorithm, Proof, ha1, hex};

/// A challenge that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// The realm.
    pub(crate) realm: String,
    /// The nonce, to be used with rising counts until another is given.
    pub(crate) nonce: String,
    /// Handed back unchanged.
    pub(crate) opaque: Option<String>,
    /// The algorithm.
    pub(crate) algorithm: Algorithm,
    /// Whether the last answer failed for its nonce alone: try again without asking anybody.
    pub(crate) stale: bool,
    /// The header of its answer (RFC 3261 §22.2, §22.3).
    pub(crate) answered_in: Name,
}

impl Challenge {
    /// Reads one challenge; none where it asks for an algorithm or a qop that we do not speak.
    #[must_use]
    pub(crate) fn read(params: &AuthParams<'_>, answered_in: Name) -> Option<Self> {
        let get = |name| params.get(name).map(std::borrow::Cow::into_owned);
        let algorithm = Algorithm::asked(params)?;
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
            answered_in,
        })
    }

    /// The strongest challenge of a response, 407 (`Proxy-Authenticate`) or 401 (`WWW-Authenticate`); only one of
    /// `realm`, where that is given: a password must not be tried on whoever asks.
    #[must_use]
    pub(crate) fn best(response: &Message<'_>, realm: Option<&str>) -> Option<Self> {
        let (asked_in, answered_in) = if response.status() == Some(407) {
            (Name::ProxyAuthenticate, Name::ProxyAuthorization)
        } else {
            (Name::WwwAuthenticate, Name::Authorization)
        };
        response
            .auth(asked_in)
            .filter_map(|params| Self::read(&params.ok()?, answered_in))
            .filter(|challenge| realm.is_none_or(|realm| realm == challenge.realm))
            .reduce(|best, next| {
                if next.algorithm > best.algorithm {
                    next
                } else {
                    best
                }
            })
    }

    /// The value of the header that answers for this request.
    ///
    /// `uri` is the Request-URI byte for byte; `count` starts at 1 and rises with each use of the nonce.
    #[must_use]
    pub(crate) fn answer(
        &self,
        user: &str,
        password: &str,
        method: &str,
        uri: &str,
        count: u32,
        rng: &mut Rng,
    ) -> String {
        let mut random = [0; 16];
        rng.fill(&mut random);
        let cnonce = hex(&random);
        let nc = format!("{count:08x}");
        let ha1 = ha1(self.algorithm, user, &self.realm, password);
        let proof = Proof {
            method,
            uri,
            nonce: &self.nonce,
            nc: &nc,
            cnonce: &cnonce,
        };
        let response = proof.response(self.algorithm, &ha1);
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
