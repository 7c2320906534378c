//! Bodies of the SIP targets. The tests of the SIP crate run them too, over mutations of good messages.

use std::net::SocketAddr;

use hotline_sip::build::{Answer, response};
use hotline_sip::frame::{Frame, FrameError, FrameLimits, Framer};
use hotline_sip::header::{Contact, Name, NameAddr};
use hotline_sip::message::Message;

/// Reads a message and everything in it; its answer must be readable and say the same of the transaction.
///
/// # Panics
/// Where an invariant of the codec breaks.
pub fn sip_message(data: &[u8]) {
    let message = match Message::parse(data) {
        Ok(message) => message,
        Err(error) => {
            assert!(error.offset <= data.len(), "{error}");
            assert!(error.line(data) > 0 && !error.to_string().is_empty());
            return;
        }
    };
    assert!(message.head_len() + message.body().len() <= data.len());
    let lines = message.lines().count();
    assert_eq!(
        lines,
        message
            .lines()
            .map(|line| message.all_named(name(line.raw_name)).count().min(1))
            .sum::<usize>()
    );
    touch(&message);
    if message.is_request() {
        answer(&message);
    }
}

fn name(raw: &[u8]) -> &str {
    std::str::from_utf8(raw).expect("a header name is a token")
}

/// Reads every typed header; nothing may panic, whatever is refused.
fn touch(message: &Message<'_>) {
    if let Ok(uri) = message.uri() {
        let _ = (
            uri.user_decoded(),
            uri.params.iter().count(),
            uri.host.map(|host| host.to_string()),
        );
    }
    for via in message.vias().flatten() {
        let _ = (via.branch(), via.received(), via.rport(), via.has_cookie());
    }
    for addr in [message.from(), message.to()].into_iter().flatten() {
        touch_addr(&addr);
    }
    for contact in message.contacts().flatten() {
        if let Contact::Addr(addr) = &contact {
            touch_addr(addr);
        }
    }
    for name in [
        Name::Route,
        Name::RecordRoute,
        Name::PAssertedIdentity,
        Name::Diversion,
        Name::Path,
    ] {
        message.addrs(name).flatten().for_each(|addr| touch_addr(&addr));
    }
    for name in [Name::Allow, Name::Supported, Name::Require] {
        let _ = message.tokens(name).count();
    }
    for name in [
        Name::Authorization,
        Name::ProxyAuthorization,
        Name::WwwAuthenticate,
    ] {
        for params in message.auth(name).flatten() {
            params.iter().for_each(|param| drop(param.text()));
        }
    }
    for reason in message.reasons().flatten() {
        let _ = (reason.cause(), reason.text());
    }
    let _ = (
        message.cseq(),
        message.call_id(),
        message.max_forwards(),
        message.expires(),
        message.min_se(),
    );
    let _ = (
        message.session_expires(),
        message.rseq(),
        message.rack(),
        message.content_type().is_ok(),
    );
    let _ = (message.replaces(), message.addr(Name::ReferTo).is_ok());
    for line in message.lines() {
        let _ = (line.value.unfolded(), message.items(line.name).count());
    }
}

fn touch_addr(addr: &NameAddr<'_>) {
    let _ = (
        addr.display(),
        addr.tag(),
        addr.expires(),
        addr.q(),
        addr.uri().is_ok(),
    );
    for param in addr.params.iter() {
        assert_eq!(
            addr.params.has(param.name),
            addr.params.find(param.name).is_some()
        );
        let _ = param.text();
    }
}

/// Answers a request and reads the answer back.
fn answer(message: &Message<'_>) {
    let peer = SocketAddr::from(([192, 0, 2, 9], 5062));
    let answer = Answer {
        status: 486,
        to_tag: Some(7),
        peer,
    };
    let out = response(Vec::new(), message, answer).finish();
    let read = Message::parse(&out).expect("an answer of ours can be read");
    assert_eq!(read.status(), Some(486));
    assert_eq!(read.all(Name::Via).count(), message.all(Name::Via).count());
    if message.vias().all(|via| via.is_ok()) {
        assert_eq!(read.vias().count(), message.vias().count());
    }
    if let Ok(theirs) = message.top_via() {
        let ours = read.top_via().expect("a Via that could be read still can");
        assert_eq!(ours.branch(), theirs.branch());
        assert_eq!(
            (ours.received(), ours.host),
            (
                Some(peer.ip()).filter(|_| ours.params.has("received")),
                theirs.host
            )
        );
    }
    if let Ok(call_id) = message.call_id() {
        assert_eq!(read.call_id(), Ok(call_id));
    }
    if let Ok(cseq) = message.cseq() {
        assert_eq!(read.cseq(), Ok(cseq));
    }
    if let Ok(to) = message.to() {
        let read = read.to().expect("a To that could be read still can");
        assert_eq!(read.raw_uri, to.raw_uri);
        assert!(read.params.has("tag"));
    }
}

/// Frames a stream whole and in pieces whose sizes the first bytes choose: the frames are the same.
///
/// # Panics
/// Where an invariant of the framing breaks.
pub fn sip_frame(data: &[u8]) {
    let Some((seed, stream)) = data.split_first() else {
        return;
    };
    let limits = FrameLimits {
        head_bytes: 2048,
        body_bytes: 2048,
    };
    let whole = frames(limits, stream, usize::MAX);
    let pieces = frames(limits, stream, usize::from(*seed).max(1));
    assert_eq!(whole, pieces);
}

/// What a framer cuts out of the stream when it is handed `piece` bytes at a time; none stands for a ping.
fn frames(limits: FrameLimits, stream: &[u8], piece: usize) -> (Vec<Option<Vec<u8>>>, Option<FrameError>) {
    let mut framer = Framer::new(limits);
    let mut found = Vec::new();
    for bytes in stream.chunks(piece.min(stream.len()).max(1)) {
        framer.push(bytes);
        loop {
            match framer.next_frame() {
                Ok(Some(Frame::Ping)) => found.push(None),
                Ok(Some(Frame::Message(bytes))) => {
                    let message = Message::parse(bytes).expect("what was framed can be read");
                    assert_eq!(message.head_len() + message.body().len(), bytes.len());
                    found.push(Some(bytes.to_vec()));
                }
                Ok(None) => break,
                Err(error) => return (found, Some(error)),
            }
        }
    }
    (found, None)
}
