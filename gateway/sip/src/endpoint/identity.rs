//! Who calls, and whom: read from headers, trusted only as far as the listener is.

use std::borrow::Cow;

use hotline_types::Pii;

use super::envelope::Envelope;
use crate::header::{Name, NameAddr};

/// What stands for a caller who withholds the number.
const ANONYMOUS: &str = "anonymous";
/// Longest number or name that is taken over.
const IDENTITY_CHARS_MAX: usize = 64;

/// The caller's number and display name. A trunk's P-Asserted-Identity goes before From (RFC 3325 §9.1), and its
/// Privacy is respected towards the agent (RFC 3323 §4.2, RFC 3325 §9.3).
pub(crate) fn caller(env: &Envelope<'_>, trusted: bool) -> (Pii<String>, Option<Pii<String>>) {
    let hidden = ["id", "user", "full", "header"]
        .iter()
        .any(|kind| env.msg.has_token(Name::Privacy, kind));
    let asserted = if trusted {
        env.msg.addrs(Name::PAssertedIdentity).flatten().next()
    } else {
        None
    };
    let from = env.msg.from().ok();
    let shown = asserted.as_ref().or(from.as_ref());
    let number = shown
        .and_then(number_of)
        .filter(|number| !number.eq_ignore_ascii_case(ANONYMOUS));
    match number {
        Some(number) if !hidden => {
            let name = shown
                .and_then(NameAddr::display)
                .or_else(|| from.as_ref()?.display());
            let name = name
                .filter(|name| !name.eq_ignore_ascii_case(ANONYMOUS))
                .map(|name| {
                    name.chars()
                        .filter(|c| !c.is_control())
                        .take(IDENTITY_CHARS_MAX)
                        .collect()
                });
            (Pii::new(number), name.map(Pii::new))
        }
        _ => (Pii::new(ANONYMOUS.to_owned()), None),
    }
}

/// The number called: the user part of the Request-URI, without the parameters that it may carry.
pub(crate) fn called(env: &Envelope<'_>) -> String {
    let user = env.msg.uri().ok().and_then(|uri| uri.user_decoded());
    plain_user(user.unwrap_or_default())
}

fn number_of(addr: &NameAddr<'_>) -> Option<String> {
    let number = plain_user(addr.uri().ok()?.user_decoded()?);
    (!number.is_empty()).then_some(number)
}

fn plain_user(user: Cow<'_, str>) -> String {
    let user = user.split(';').next().unwrap_or("");
    user.chars()
        .filter(|c| !c.is_control())
        .take(IDENTITY_CHARS_MAX)
        .collect()
}
