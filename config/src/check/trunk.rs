//! Checks of a trunk's rules: where our requests go, its account, how it writes numbers.

use std::net::SocketAddr;
use std::time::Duration;

use hotline_types::Pii;

use super::{Check, DAY, MINUTE, SECOND};
use crate::raw::RawTrunk;
use crate::read::{Field, Key, Said};
use crate::settings::{Listener, ListenerKind};
use crate::trunk::{
    CalledIn, Dtmf, IdentityIn, NumberForm, TrunkAccount, TrunkCodec, TrunkRules, TrunkTransport,
};

/// Most gateways of one trunk.
const GATEWAYS_MAX: usize = 8;
/// Most headers handed to agents.
const PASS_HEADERS_MAX: usize = 8;

const TRANSPORTS: [(&str, TrunkTransport); 3] = [
    ("udp", TrunkTransport::Udp),
    ("tcp", TrunkTransport::Tcp),
    ("tls", TrunkTransport::Tls),
];
const CALLED: [(&str, CalledIn); 5] = [
    ("request-uri", CalledIn::RequestUri),
    ("to", CalledIn::To),
    ("p-called-party-id", CalledIn::PCalledPartyId),
    ("diversion", CalledIn::Diversion),
    ("history-info", CalledIn::HistoryInfo),
];
const IDENTITIES: [(&str, IdentityIn); 3] = [
    ("from", IdentityIn::From),
    ("p-asserted-identity", IdentityIn::PAssertedIdentity),
    ("p-preferred-identity", IdentityIn::PPreferredIdentity),
];
const FORMS: [(&str, NumberForm); 4] = [
    ("+e164", NumberForm::Plus),
    ("e164", NumberForm::Bare),
    ("national", NumberForm::National),
    ("prefixed", NumberForm::Prefixed),
];
const CODECS: [(&str, TrunkCodec); 2] = [("pcma", TrunkCodec::Pcma), ("pcmu", TrunkCodec::Pcmu)];
const DTMF: [(&str, Dtmf); 3] = [
    ("rfc4733", Dtmf::Rfc4733),
    ("info", Dtmf::Info),
    ("inband", Dtmf::Inband),
];

impl Check {
    pub(super) fn trunk_rules(&mut self, raw: &RawTrunk) -> TrunkRules {
        let gateways = self.gateways(raw);
        let first_host = gateways.first().map_or_else(String::new, |at| match at {
            SocketAddr::V4(at) => at.ip().to_string(),
            SocketAddr::V6(at) => format!("[{}]", at.ip()),
        });
        let domain = self.uri_part(&raw.domain).unwrap_or(first_host);
        let account = self.account(raw, &domain);
        let register = self.register(raw, account.is_some() && !gateways.is_empty());
        let ping = self.duration(&raw.ping, 30 * SECOND, Duration::ZERO..=10 * MINUTE);
        if let Some(said) = raw.ping.get()
            && ping > Duration::ZERO
            && ping < 5 * SECOND
        {
            self.tell(
                &said.key,
                "too often",
                "use 5s to 10m, or 0s for no OPTIONS at all",
            );
        }
        let calls_max = raw
            .calls_max
            .get()
            .map(|_| self.integer(&raw.calls_max, 1, 1..=10_000));
        let called = self.words(&raw.called, &CALLED);
        let codecs = self.words(&raw.codecs, &CODECS);
        TrunkRules {
            ping: (ping > Duration::ZERO && !gateways.is_empty()).then_some(ping),
            gateways,
            transport: self.word_or(&raw.transport, &TRANSPORTS, TrunkTransport::Udp),
            domain,
            account,
            register,
            calls_max: calls_max.and_then(|calls| usize::try_from(calls).ok()),
            calls_per_second: self.integer(&raw.calls_per_second, 100, 1..=1_000),
            priority: self.small(&raw.priority),
            weight: self.small(&raw.weight),
            called: called.unwrap_or_else(|| vec![CalledIn::RequestUri]),
            trust_identity: Self::flag(&raw.trust_identity, true),
            identity: self.word_or(&raw.identity, &IDENTITIES, IdentityIn::From),
            numbers: self.word_or(&raw.numbers, &FORMS, NumberForm::Plus),
            codecs: codecs.unwrap_or_else(|| vec![TrunkCodec::Pcma, TrunkCodec::Pcmu]),
            dtmf: self.word_or(&raw.dtmf, &DTMF, Dtmf::Rfc4733),
            pass_headers: self.pass_headers(raw),
        }
    }

    /// The listener must speak the transport of our requests.
    pub(super) fn trunk_transport(&mut self, raw: &RawTrunk, rules: &TrunkRules, listener: &Listener) {
        let (spoken, name, hint) = match (rules.transport, &listener.kind) {
            (TrunkTransport::Udp, ListenerKind::Plain { udp, .. }) => (*udp, "UDP", "udp = true"),
            (TrunkTransport::Udp, _) => (false, "UDP", "udp = true"),
            (TrunkTransport::Tcp, ListenerKind::Plain { tcp, .. }) => (*tcp, "TCP", "tcp = true"),
            (TrunkTransport::Tcp, _) => (false, "TCP", "tcp = true"),
            (TrunkTransport::Tls, kind) => {
                let spoken = matches!(kind, ListenerKind::Tls { .. });
                (spoken, "TLS", "kind = \"tls\"")
            }
        };
        if !spoken && !rules.gateways.is_empty() {
            let key = raw
                .transport
                .get()
                .map_or_else(|| raw.key.clone(), |said| said.key.clone());
            self.tell(
                &key,
                format!("the listener `{}` does not speak {name}", listener.slug),
                format!("set `{hint}` there, or choose another transport"),
            );
        }
    }

    fn small(&mut self, field: &Field<Said<i64>>) -> u16 {
        u16::try_from(self.integer(field, 10, 0..=u32::from(u16::MAX))).unwrap_or(u16::MAX)
    }

    /// A list of words, each once; none where it was not said.
    fn words<T: Copy + PartialEq>(
        &mut self,
        field: &Field<Vec<Said<String>>>,
        words: &[(&str, T)],
    ) -> Option<Vec<T>> {
        let mut found = Vec::new();
        for said in field.items() {
            match self.word(said, words) {
                Some(word) if found.contains(&word) => {
                    self.tell(&said.key, format!("{:?} is said twice", said.value), "remove one");
                }
                Some(word) => found.push(word),
                None => {}
            }
        }
        (!found.is_empty()).then_some(found)
    }

    fn gateways(&mut self, raw: &RawTrunk) -> Vec<SocketAddr> {
        let said = raw.gateways.items();
        if said.len() > GATEWAYS_MAX {
            let key = raw.key.below("gateways");
            self.tell(
                &key,
                format!("{} gateways", said.len()),
                format!("name up to {GATEWAYS_MAX}"),
            );
        }
        said.iter()
            .take(GATEWAYS_MAX)
            .filter_map(|said| {
                let gateway = gateway(&said.value);
                if gateway.is_none() {
                    let what = format!("{:?} is no gateway", said.value);
                    let hint = "write \"192.0.2.10:5060\"; names are not looked up";
                    self.tell(&said.key, what, hint);
                }
                gateway
            })
            .collect()
    }

    /// A text that goes into a URI or a quoted string as it is.
    fn uri_part(&mut self, field: &Field<Said<String>>) -> Option<String> {
        let said = field.get()?;
        let right = (1..=128).contains(&said.value.len())
            && said
                .value
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"<>\"\\;?".contains(&byte));
        if !right {
            let what = format!("{:?} does not fit into a SIP URI", said.value);
            self.tell(
                &said.key,
                what,
                "use 1 to 128 printable ASCII characters without < > \" \\ ; ?",
            );
        }
        Some(said.value.clone())
    }

    fn account(&mut self, raw: &RawTrunk, domain: &str) -> Option<TrunkAccount> {
        let user = self.uri_part(&raw.user);
        let auth_user = self.uri_part(&raw.auth_user);
        let alone = |check: &mut Self, key: &Key| {
            check.tell(
                key,
                "an account needs a user and a password",
                "add `user` and `password`, or remove this",
            );
        };
        match (user, raw.password.get()) {
            (Some(user), Some(password)) => Some(TrunkAccount {
                auth_user: auth_user.unwrap_or_else(|| user.clone()),
                user,
                password: Pii::new(password.value.clone()),
                realm: raw
                    .realm
                    .get()
                    .map_or_else(|| domain.to_owned(), |said| said.value.clone()),
            }),
            (None, None) => {
                for said in [&raw.auth_user, &raw.realm]
                    .into_iter()
                    .filter_map(|field| field.get())
                {
                    alone(self, &said.key);
                }
                None
            }
            (Some(_), None) => {
                alone(self, &raw.key.below("user"));
                None
            }
            (None, Some(password)) => {
                alone(self, &password.key);
                None
            }
        }
    }

    fn register(&mut self, raw: &RawTrunk, able: bool) -> Option<Duration> {
        let expires = self.duration(&raw.expires, 10 * MINUTE, 30 * SECOND..=DAY);
        let wanted = Self::flag(&raw.register, false);
        if let Some(said) = raw.register.get()
            && wanted
            && !able
        {
            self.tell(
                &said.key,
                "nothing to register with",
                "add `gateways`, `user` and `password`",
            );
        }
        (wanted && able).then_some(expires)
    }

    fn pass_headers(&mut self, raw: &RawTrunk) -> Vec<String> {
        let said = raw.pass_headers.items();
        if said.len() > PASS_HEADERS_MAX {
            let key = raw.key.below("pass_headers");
            self.tell(
                &key,
                format!("{} headers", said.len()),
                format!("name up to {PASS_HEADERS_MAX}"),
            );
        }
        let mut names = Vec::new();
        for said in said.iter().take(PASS_HEADERS_MAX) {
            let name = said.value.as_str();
            let fits = name.eq_ignore_ascii_case("User-to-User")
                || (name.get(..2).is_some_and(|x| x.eq_ignore_ascii_case("x-"))
                    && name.len() > 2
                    && name
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
            if fits {
                names.push(name.to_owned());
            } else {
                let what = format!("{name:?} cannot be handed on");
                self.tell(
                    &said.key,
                    what,
                    "name `User-to-User` or a header that begins with `X-`",
                );
            }
        }
        names
    }
}

/// An address, at port 5060 where none is said.
fn gateway(text: &str) -> Option<SocketAddr> {
    let at = text
        .parse::<SocketAddr>()
        .ok()
        .or_else(|| Some(SocketAddr::new(text.parse().ok()?, 5_060)))?;
    (at.port() != 0 && !at.ip().is_unspecified()).then_some(at)
}
