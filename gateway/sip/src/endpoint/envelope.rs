//! The headers that every message must have, read once, and how answers find their way back.

use std::borrow::Cow;
use std::io::Write as _;
use std::net::SocketAddr;

use crate::build::{self, Answer, Builder, Head};
use crate::header::{Contact, Name, NameAddr, Refresher, Via};
use crate::message::{Message, Method, ParseError};
use crate::transaction::Hop;
use crate::uri::Uri;
use crate::{Received, Role, Transport};

/// Extensions that a peer may require of us.
const SUPPORTED: &[&str] = &["timer", "100rel", "outbound"];
/// The default port of SIP.
const PORT: u16 = 5060;

/// A message whose mandatory headers could be read (RFC 3261 §8.1.1).
pub(crate) struct Envelope<'m> {
    pub(crate) msg: &'m Message<'m>,
    /// Of the request, or of the CSeq of a response.
    pub(crate) method: Method<'m>,
    pub(crate) via: Via<'m>,
    pub(crate) from_value: Cow<'m, str>,
    pub(crate) to_value: Cow<'m, str>,
    /// User part of From; empty where there is none.
    pub(crate) from_user: &'m str,
    pub(crate) to_user: &'m str,
    pub(crate) from_tag: &'m str,
    pub(crate) to_tag: Option<&'m str>,
    pub(crate) call_id: &'m str,
    pub(crate) cseq: u32,
    /// Where the message came from.
    pub(crate) peer: SocketAddr,
    /// Where answers to it go (§18.2.2, RFC 3581 §4).
    pub(crate) hop: Hop,
}

impl<'m> Envelope<'m> {
    /// Reads a message whole and hands it on.
    pub(crate) fn open(received: &Received, hand_on: impl FnOnce(&Envelope<'_>)) -> Result<(), ParseError> {
        let message = Message::parse(&received.bytes)?;
        let envelope = Envelope::read(&message, received)?;
        hand_on(&envelope);
        Ok(())
    }

    /// Reads the mandatory headers of a message and holds the method against its CSeq.
    pub(crate) fn read(msg: &'m Message<'m>, received: &Received) -> Result<Self, ParseError> {
        let via = msg.top_via()?;
        let (from, to, cseq) = (msg.from()?, msg.to()?, msg.cseq()?);
        let method = msg.method().unwrap_or(cseq.method);
        if method != cseq.method {
            return Err(ParseError::new(crate::message::Fault::Token, 0));
        }
        let hop = reply_hop(&via, received);
        Ok(Self {
            msg,
            method,
            from_value: msg.required(Name::From)?.unfolded()?,
            to_value: msg.required(Name::To)?.unfolded()?,
            from_user: user_of(from.uri()),
            to_user: user_of(to.uri()),
            from_tag: from.tag().unwrap_or(""),
            to_tag: to.tag(),
            call_id: msg.call_id()?,
            cseq: cseq.number,
            peer: received.peer,
            hop,
            via,
        })
    }

    /// Begins an answer with this tag of ours, unless the To has one.
    pub(crate) fn response(&self, status: u16, to_tag: Option<u64>) -> Builder {
        let answer = Answer {
            status,
            to_tag: to_tag.filter(|_| self.to_tag.is_none()),
            peer: self.peer,
        };
        build::response_to(Vec::with_capacity(1024), self.msg, Some(&self.via), answer)
    }

    /// What answers begin with that come later.
    pub(crate) fn head(&self, to_tag: Option<u64>) -> Head {
        let to_tag = to_tag.filter(|_| self.to_tag.is_none());
        Head::of(self.msg, &self.via, to_tag, self.peer)
    }

    /// The key of the server transaction (§17.2.3); ACK has that of its INVITE.
    pub(crate) fn transaction_key(&self, method: Method<'_>) -> Vec<u8> {
        let method = if method == Method::Ack {
            Method::Invite
        } else {
            method
        };
        let mut key = Vec::with_capacity(96);
        if self.via.has_cookie() {
            key.extend_from_slice(self.via.branch().unwrap_or("").as_bytes());
        } else {
            // RFC 2543: no unique branch, so Call-ID, From tag, CSeq and Request-URI stand for it.
            for part in [self.call_id, self.from_tag, self.msg.raw_uri().unwrap_or("")] {
                key.extend_from_slice(part.as_bytes());
                key.push(0);
            }
            key.extend_from_slice(&self.cseq.to_be_bytes());
        }
        let (host, port) = (self.via.host, self.via.port.unwrap_or(PORT));
        let _never_fails = write!(key, "\0{host:?}:{port}\0{method}");
        key
    }

    /// What a request has in common with itself over other paths (§8.2.2.2).
    pub(crate) fn merge_key(&self) -> Vec<u8> {
        format!(
            "{}\0{}\0{} {}",
            self.call_id, self.from_tag, self.cseq, self.method
        )
        .into_bytes()
    }

    /// The URI of the first Contact, as written.
    pub(crate) fn contact(&self) -> Option<&'m str> {
        self.contact_addr().map(|addr| addr.raw_uri)
    }

    fn contact_addr(&self) -> Option<NameAddr<'m>> {
        match self.msg.contacts().next()?.ok()? {
            Contact::Addr(addr) => Some(addr),
            Contact::Star => None,
        }
    }

    /// Record-Route members, in their order.
    pub(crate) fn record_routes(&self) -> impl Iterator<Item = String> + '_ {
        self.msg
            .items(Name::RecordRoute)
            .filter_map(|item| Some(item.ok()?.unfolded().ok()?.into_owned()))
    }

    /// The SDP of the body; none for an empty body, an error for another type.
    pub(crate) fn sdp(&self) -> Result<Option<&'m [u8]>, ()> {
        let body = self.msg.body();
        if body.is_empty() {
            return Ok(None);
        }
        let is_sdp = match self.msg.content_type() {
            Ok(Some(kind)) => kind.is("application", "sdp"),
            Ok(None) => true,
            Err(_) => false,
        };
        if is_sdp { Ok(Some(body)) } else { Err(()) }
    }

    /// Session-Expires: seconds, and whether the answering side is asked to refresh (RFC 4028 §4).
    pub(crate) fn session_expires(&self) -> Option<(u32, bool)> {
        let asked = self.msg.session_expires().ok()??;
        Some((asked.seconds, asked.refresher == Some(Refresher::Uas)))
    }

    /// Whether Supported names this extension.
    pub(crate) fn supports(&self, tag: &str) -> bool {
        self.msg.has_token(Name::Supported, tag)
    }

    /// Whether our SDP may be in the answer: no Accept, or one that names it (RFC 3261 §20.1).
    pub(crate) fn accepts_sdp(&self) -> bool {
        let Some(first) = self.msg.first(Name::Accept) else {
            return true;
        };
        let takes = |kind: &str| {
            let kind = kind.split(';').next().unwrap_or_default().trim();
            ["application/sdp", "application/*", "*/*"]
                .iter()
                .any(|known| kind.eq_ignore_ascii_case(known))
        };
        // An empty Accept takes nothing at all.
        !first.bytes().trim_ascii().is_empty()
            && self
                .msg
                .items(Name::Accept)
                .flatten()
                .any(|item| item.text().is_ok_and(takes))
    }

    /// Whether Allow names this method.
    pub(crate) fn allows(&self, method: &str) -> bool {
        self.msg.has_token(Name::Allow, method)
    }

    /// Extensions in Require that we do not know (§8.2.2.3).
    pub(crate) fn unsupported(&self) -> impl Iterator<Item = &str> {
        self.msg
            .tokens(Name::Require)
            .flatten()
            .filter(|tag| !SUPPORTED.iter().any(|known| known.eq_ignore_ascii_case(tag)))
    }

    /// Where requests of a new dialog with this peer go. A trunk says so in its first Record-Route or its
    /// Contact, where that is an address; a phone is always reached over the path that it came by.
    pub(crate) fn next_hop(&self, came_by: Hop, role: Role) -> Hop {
        if role == Role::Phones || came_by.transport != Transport::Udp {
            return came_by;
        }
        let mut routes = self.msg.addrs(Name::RecordRoute);
        // For a request the first route is next, for a response (whose order is reversed) the last (§12.1).
        let route = if self.msg.is_request() {
            routes.next()
        } else {
            routes.last()
        };
        let next = match route {
            Some(route) => route.ok(),
            None => self.contact_addr(),
        };
        next.and_then(|addr| address_of(&addr))
            .map_or(came_by, |to| Hop { to, ..came_by })
    }
}

fn user_of(uri: Result<Uri<'_>, ParseError>) -> &str {
    uri.ok().and_then(|uri| uri.user).unwrap_or("")
}

/// The socket address that a SIP URI names, where its host is an address.
fn address_of(addr: &NameAddr<'_>) -> Option<SocketAddr> {
    let uri = addr.uri().ok()?;
    let ip = uri.host?.ip()?;
    Some(SocketAddr::new(ip, uri.port.unwrap_or(PORT)))
}

/// Where the answers to a message go: back over its connection or, should that be gone, to the port of sent-by
/// (§18.2.2); for datagrams to the port of sent-by unless `rport` asks for the source port (RFC 3581 §4).
pub(crate) fn reply_hop(via: &Via<'_>, received: &Received) -> Hop {
    let Received {
        listener,
        transport,
        conn,
        peer,
        ..
    } = *received;
    let to = if transport == Transport::Udp && via.rport().is_some() {
        peer
    } else {
        SocketAddr::new(peer.ip(), via.port.unwrap_or(PORT))
    };
    Hop {
        listener,
        transport,
        conn,
        to,
    }
}
