//! Who calls, and whom: read from headers, trusted only as far as the listener is.

use std::borrow::Cow;

use hotline_types::Pii;

use super::envelope::Envelope;
use crate::CalledIn;
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

/// Longest header that is handed on, and most of one name.
const PASSED_BYTES_MAX: usize = 512;
/// Most headers of one call that are handed on.
const PASSED_MAX: usize = 16;
/// Most numbers that are read as the one called.
const CALLED_MAX: usize = 8;

/// The numbers that a trunk's rules read as the one called, in their order, each once. Which of them is ours is for
/// the switch to say.
pub(crate) fn called_by(env: &Envelope<'_>, rules: &[CalledIn]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut add = |number: Option<String>| {
        if let Some(number) = number.filter(|number| !number.is_empty())
            && found.len() < CALLED_MAX
            && !found.contains(&number)
        {
            found.push(number);
        }
    };
    for rule in rules {
        match rule {
            CalledIn::RequestUri => add(Some(called(env))),
            CalledIn::To => add(env.msg.to().ok().as_ref().and_then(number_of)),
            CalledIn::PCalledPartyId => add(env
                .msg
                .addrs(Name::PCalledPartyId)
                .flatten()
                .next()
                .as_ref()
                .and_then(number_of)),
            CalledIn::Diversion => add(env
                .msg
                .addrs(Name::Diversion)
                .flatten()
                .next()
                .as_ref()
                .and_then(number_of)),
            CalledIn::HistoryInfo => {
                let mut entries: Vec<_> = env
                    .msg
                    .addrs(Name::HistoryInfo)
                    .flatten()
                    .take(CALLED_MAX)
                    .collect();
                entries.reverse();
                entries.iter().for_each(|entry| add(number_of(entry)));
            }
        }
    }
    found
}

/// Headers of the request with these names, for the agent's phone. Control bytes have gone with the folds.
pub(crate) fn passed(env: &Envelope<'_>, names: &[String]) -> Vec<(String, String)> {
    if names.is_empty() {
        return Vec::new();
    }
    env.msg
        .lines()
        .filter_map(|line| {
            let raw = std::str::from_utf8(line.raw_name).ok()?;
            let name = names.iter().find(|name| name.eq_ignore_ascii_case(raw))?;
            let value = line.value.unfolded().ok()?;
            (value.len() <= PASSED_BYTES_MAX).then(|| (name.clone(), value.into_owned()))
        })
        .take(PASSED_MAX)
        .collect()
}

fn number_of(addr: &NameAddr<'_>) -> Option<String> {
    let number = plain_user(addr.uri().ok()?.user_decoded()?);
    (!number.is_empty()).then_some(number)
}

/// A decoded user part without its parameters, as it may be shown and looked up.
pub(crate) fn plain_user(user: Cow<'_, str>) -> String {
    let user = user.split(';').next().unwrap_or("");
    user.chars()
        .filter(|c| !c.is_control())
        .take(IDENTITY_CHARS_MAX)
        .collect()
}
