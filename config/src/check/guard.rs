//! Checks of `[guard]`: how much strangers may send, who is banned.

use std::net::IpAddr;

use super::{Check, DAY, HOUR, MINUTE, SECOND};
use crate::raw::RawGuard;
use crate::settings::{Guard, Rate};

/// Most networks that are never banned.
const NEVER_MAX: usize = 256;

impl Check {
    pub(super) fn guard(&mut self, raw: &RawGuard) -> Guard {
        let rates = 1..=1_000_000;
        let (second, burst) = (rates.clone(), rates);
        let source = Rate {
            per_second: self.integer(&raw.source_requests, 100, second.clone()),
            burst: self.integer(&raw.source_burst, 1_000, burst.clone()),
        };
        let all = Rate {
            per_second: self.integer(&raw.all_requests, 1_000, second),
            burst: self.integer(&raw.all_burst, 3_000, burst),
        };
        let mut never = Vec::new();
        if raw.never.items().len() > NEVER_MAX {
            let what = format!("{} networks", raw.never.items().len());
            self.tell(&raw.key.below("never"), what, format!("name at most {NEVER_MAX}"));
        }
        for said in raw.never.items() {
            match network(&said.value) {
                Some(network) => never.push(network),
                None => self.tell(
                    &said.key,
                    format!("{:?} is not a network", said.value),
                    "write \"10.0.0.0/8\", \"2001:db8::/32\" or a single address",
                ),
            }
        }
        Guard {
            source,
            all,
            unacknowledged: self.integer(&raw.unacknowledged, 100, 1..=100_000),
            user_failures: self.integer(&raw.user_failures, 10, 0..=100_000),
            source_failures: self.integer(&raw.source_failures, 30, 0..=100_000),
            window: self.duration(&raw.window, 10 * MINUTE, SECOND..=DAY),
            user_ban: self.duration(&raw.user_ban, 10 * MINUTE, SECOND..=30 * DAY),
            source_ban: self.duration(&raw.source_ban, HOUR, SECOND..=30 * DAY),
            never,
        }
    }
}

/// Reads `10.0.0.0/8`, or a single address.
fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let whole = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.unwrap_or(whole);
    (prefix <= whole).then_some((address, prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_an_address_and_a_prefix() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(network("10.0.0.0/8"), Some((ip("10.0.0.0"), 8)));
        assert_eq!(network("192.0.2.1"), Some((ip("192.0.2.1"), 32)));
        assert_eq!(network("2001:db8::/32"), Some((ip("2001:db8::"), 32)));
        for bad in [
            "",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "2001:db8::/129",
            "host/8",
            "10.0.0.0/",
        ] {
            assert_eq!(network(bad), None, "{bad}");
        }
    }
}
