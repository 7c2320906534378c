//! What the file can say of SIP listeners, carriers and outside numbers.

use super::{Flag, Integer, Text, Texts};
use crate::read::section;

section! {
    /// `[sip]`: what all SIP listeners share.
    RawSip {
        /// Realm of the digest challenge; agents' stored secrets are bound to it. Default: `"hotline"`.
        realm: Text,
        /// Shortest expiry granted to a registration, 10 s at least. Default: `"1m"`.
        expires_min: Text,
        /// Longest expiry granted to a registration, 1 day at most. Default: `"1h"`.
        expires_max: Text,
        /// Connections (TCP, TLS, WebSocket) of each listener at once, 1 to 100000; one more is closed. Default: 1000.
        connections: Integer,
        /// Connections from one address, 1 to 100000. Default: 200.
        connections_per_source: Integer,
        /// A connection silent for this long is closed, 1 s to 1 day. Longer than `expires_max`, so that phones stay
        /// reachable. Default: `"65m"`.
        idle: Text,
        /// Longest time for the handshakes of TLS and WebSocket together, 1 s to 60 s. Default: `"10s"`.
        handshake_time: Text,
        /// Longest time from a message's first byte to its last, and from a new connection to its first message,
        /// 1 s to 60 s. Default: `"10s"`.
        message_time: Text,
        /// Longest start line and headers of a message on a connection, in bytes, 1024 to 32768. Default: 16384.
        head_bytes: Integer,
        /// Longest body of a message on a connection, in bytes, 1024 to 32768. Default: 32768.
        body_bytes: Integer,
    }
}

section! {
    /// `[[listener]]`: one address that phones or trunks send to. At least one for phones; more for other transports,
    /// networks, or IPv6 beside IPv4.
    RawListener {
        /// Its name. Required.
        slug: Text,
        /// `"phones"`: everything is challenged. `"trunk"`: only the trunks' addresses are heard. Required.
        role: Text,
        /// Address and port to bind, for instance `"10.0.0.5:5060"`; port 0 takes a free one. Required.
        bind: Text,
        /// Address and port written into Via and Contact, where it differs from `bind`; required where `bind` is a
        /// wildcard (`0.0.0.0`, `[::]`).
        advertised: Text,
        /// `"udp"`, `"tcp"`, `"tls"`, `"ws"` or `"wss"` (SIP over WebSocket, RFC 7118, without and within TLS).
        /// Default: UDP and TCP on one port, as the next two keys say.
        kind: Text,
        /// Whether UDP is heard. Default: true.
        udp: Flag,
        /// Whether TCP is heard. Default: true.
        tcp: Flag,
        /// PEM file with the certificate and those that lead to its root; for `tls` and `wss`. Read again when it
        /// changes, and on SIGHUP.
        certificate: Text,
        /// PEM file with the certificate's private key; for `tls` and `wss`.
        private_key: Text,
        /// PEM file with the certificates that are trusted when the gateway connects to a trunk; for `tls`. Default:
        /// those of the system.
        trusted: Text,
        /// Name expected in the certificate of a trunk that the gateway connects to; for `tls`. Default: its address.
        peer_name: Text,
        /// Origins of the web pages that may connect, such as `"https://desk.example.com"`; `"*"` allows all. Required
        /// for `ws` and `wss`. What is no browser names no origin, and may connect.
        origins: Texts,
        /// Networks whose peers are told the bound addresses instead of `advertised` and `media_advertised`, as
        /// `"10.0.0.0/8"`. Default: none.
        local_networks: Texts,
        /// Local address that the RTP of this listener's calls is bound to. Default: the address of `bind`.
        media_interface: Text,
        /// Address written into SDP. Default: the address of `advertised`, where given, else `media_interface`.
        media_advertised: Text,
    }
}

section! {
    /// `[[trunk]]`: a carrier, known by the source addresses of its gateways, and registered with where it asks for it.
    RawTrunk {
        /// Its name. Required.
        slug: Text,
        /// Slug of the listener it sends to, one with the role `trunk`; our requests leave there too. Required.
        listener: Text,
        /// Source addresses, as `"192.0.2.10"` (any port) or `"192.0.2.10:5060"`. Up to 64. Required without `gateways`.
        peers: Texts,
        /// SRTP with this trunk, as `media.srtp`. Default: `"off"`.
        srtp: Text,
        /// Address and port that this trunk is told in Via and Contact. Default: the listener's.
        advertised: Text,
        /// Local address that the RTP of this trunk's calls is bound to. Default: the listener's.
        media_interface: Text,
        /// Address written into SDP for this trunk. Default: `media_interface` or the address of `advertised`, where
        /// the trunk has them, else the listener's.
        media_advertised: Text,
        /// Where our requests go, in order of preference, as `"192.0.2.10:5060"`; port 5060 where none is said. An
        /// outbound proxy is named here. Every address is a peer too. Up to 8. Default: none; the trunk brings calls and
        /// takes none.
        gateways: Texts,
        /// Transport of our requests, `"udp"`, `"tcp"` or `"tls"`, which the listener must speak. Default: `"udp"`.
        transport: Text,
        /// Host in our From, To and Request-URI. Default: the host of the first gateway, as written.
        domain: Text,
        /// Account with the carrier: the user part of its address of record (IMPU). Needed to register and to answer
        /// challenges.
        user: Text,
        /// User name of the digest (IMPI), where it differs from `user`.
        auth_user: Text,
        /// Password of the account. Better put into the environment: `HOTLINE__trunk__SLUG__password`.
        password: Text,
        /// The realm that the password is for; a challenge of another realm is never answered. Default: `domain`.
        realm: Text,
        /// Whether to register with it. Default: false.
        register: Flag,
        /// Lifetime asked for with a registration, 30 s to 1 day. Default: `"10m"`.
        expires: Text,
        /// Pause between the OPTIONS that show whether a gateway lives, 5 s to 10 m; `"0s"` asks none. Default: `"30s"`.
        ping: Text,
        /// Calls at once, both ways, 1 to 10000; the next incoming one gets 503. Default: as many as there are lines.
        calls_max: Integer,
        /// New calls per second, both ways, 1 to 1000, with bursts of twice that; incoming ones beyond it get 503 before
        /// anything is made of them. Default: 100.
        calls_per_second: Integer,
        /// Outgoing calls try trunks of a lower number first, 0 to 65535. Default: 10.
        priority: Integer,
        /// Share of the calls among trunks of one priority, 0 to 65535. Default: 10.
        weight: Integer,
        /// Where the called number is read, the first that one of our numbers is found in: `"request-uri"`, `"to"`,
        /// `"p-called-party-id"`, `"diversion"`, `"history-info"`. Default: `["request-uri"]`.
        called: Texts,
        /// Whether its P-Asserted-Identity is believed. Default: true.
        trust_identity: Flag,
        /// How our number is told to it: `"from"`, `"p-asserted-identity"` or `"p-preferred-identity"`; the last two
        /// leave the account's user in From. Default: `"from"`.
        identity: Text,
        /// How it wants numbers: `"+e164"`, `"e164"` (without the plus), `"national"` (`13800138000`) or `"prefixed"`
        /// (`013800138000`). Default: `"+e164"`.
        numbers: Text,
        /// Codecs, best first, of `"pcma"` and `"pcmu"`. Default: both, in this order.
        codecs: Texts,
        /// How it sends keys: `"rfc4733"`, `"info"` where it must not be offered telephone-events, or `"inband"` (tones in
        /// the audio; events are then not offered). SIP INFO is understood from every trunk. Default: `"rfc4733"`.
        dtmf: Text,
        /// Headers of its calls that go on to the agent's phone, each `User-to-User` or beginning with `X-`. Up to 8.
        /// Default: none.
        pass_headers: Texts,
    }
}

section! {
    /// `[numbering]`: how phone numbers are written here. Every number is brought into one form with it, once.
    RawNumbering {
        /// Country code without the plus. Default: `"86"`.
        country_code: Text,
        /// Dialled before an area code; `""` where there is none. Default: `"0"`.
        trunk_prefix: Text,
        /// Dialled before a country code. Default: `"00"`.
        international_prefix: Text,
        /// The area of numbers that come without one; `""`: they stay as they are. Default: `""`.
        area_code: Text,
        /// Digits of a national number without the trunk prefix, fewest and most. Default: `"10-11"`.
        national_digits: Text,
        /// Numbers of up to so many digits are short numbers, 0 to 9. Default: 6.
        short_digits: Integer,
    }
}

section! {
    /// `[outside]`: calls to outside numbers: transfers, call-backs, click-to-call.
    RawOutside {
        /// Our number shown to the called; one that is ours. Required where there is a `[[destination]]`.
        caller: Text,
        /// Outside calls at once, 0 to 10000. Default: 10.
        calls_max: Integer,
        /// Lines that outside calls leave free for callers, less than `hotline.lines`. Default: 20.
        kept_for_callers: Integer,
        /// How long the called phone may ring, 5 s to 3 m. Default: `"45s"`.
        ring: Text,
        /// The emergency numbers of the country. Default: `["110", "112", "119", "120", "122", "911", "999"]`.
        emergency_numbers: Texts,
        /// `"refuse"`: they are never dialled, since the call would show the hotline's place and not the caller's.
        /// `"allow"`: they are dialled past every rule and limit. Default: `"refuse"`.
        emergency: Text,
    }
}

section! {
    /// `[[destination]]`: outside numbers, and what holds for calls to them. The first that fits a number decides.
    RawDestination {
        /// Its name. Required.
        slug: Text,
        /// The numbers, in the one form: `"+8613800138000"`, `"10086"`; `X` is any digit, a `*` at the end any rest.
        /// Required, 1 to 64.
        numbers: Texts,
        /// Whether they may be called. Default: true.
        allow: Flag,
        /// Slugs of the trunks for them. Default: every trunk with a gateway.
        trunks: Texts,
        /// Calls to them at once, 1 to 10000. Default: 10.
        calls_max: Integer,
        /// Calls to them within an hour, 1 to 10000. Default: 100.
        calls_per_hour: Integer,
    }
}
