//! What works as said but is probably not meant: told as warnings, not as problems.

use std::net::IpAddr;

use crate::settings::Settings;

impl Settings {
    /// What the operator should look at again, a sentence each: private addresses told to a public trunk, which would
    /// send its calls' messages and audio into nowhere.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for trunk in &self.trunks {
            let listener = &self.sip.listeners[trunk.listener];
            let Some(peer) = trunk.sources().map(|peer| peer.ip()).find(|peer| {
                let near = |network: &hotline_types::Network| network.contains(*peer);
                !is_private(*peer) && !listener.local_networks.iter().any(near)
            }) else {
                continue;
            };
            let (advertised, media) = trunk
                .face
                .map_or((listener.advertised, listener.media_advertised), |face| {
                    (face.advertised, face.media_advertised)
                });
            let signalling = advertised.unwrap_or(listener.bind).ip();
            for (told, key, what) in [
                (signalling, "advertised", "Via and Contact"),
                (media, "media_advertised", "SDP"),
            ] {
                if is_private(told) {
                    warnings.push(format!(
                        "trunk.{}: its peer {peer} is public, but is told the private address {told} in {what}; set \
                         `{key}` of the trunk or of its listener {} to the address that it reaches this machine at",
                        trunk.slug, listener.slug
                    ));
                }
            }
        }
        warnings
    }
}

/// Whether an address has no meaning on the internet.
fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let carrier_nat = ip.octets()[0] == 100 && ip.octets()[1] & 0xC0 == 64;
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || carrier_nat
        }
        IpAddr::V6(ip) => {
            ip.is_unique_local() || ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unspecified()
        }
    }
}
