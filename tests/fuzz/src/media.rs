//! Bodies of the media targets: descriptions, and what comes to the RTP and RTCP sockets.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use hotline_media::leg::{Content, FRAME_BYTES_MAX, Leg};
use hotline_media::rtcp;
use hotline_media::rtp::Header;
use hotline_media::srtp::{GROWTH_MAX, MasterKey, Srtp, SrtpAgreed, Suite};
use hotline_media::{
    AfterPlay, ClipId, Codec, Direction, Library, LocalMedia, Negotiated, Offer, PeerTrust, PlayId, Playout,
    read_answer,
};
use hotline_types::{Rng, Time};

const PEER: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 4_000));

fn local() -> LocalMedia {
    LocalMedia {
        rtp: SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 20_000)),
        origin_id: 1,
        version: 1,
        codecs: vec![Codec::Pcma, Codec::Pcmu],
        prefer: false,
        dtmf: true,
        direction: Direction::SendRecv,
        srtp: None,
    }
}

/// Reads a description as an offer and as an answer; our answer to it must be readable, with as many media lines,
/// and say what was agreed.
///
/// # Panics
/// Where an invariant of offer and answer breaks.
pub fn sdp(data: &[u8]) {
    let local = local();
    if let Err(error) = read_answer(&local, data) {
        assert!(matches!(error.status(), 400 | 488) && !error.to_string().is_empty());
    }
    let Ok(offer) = Offer::read(data) else { return };
    let Ok((answer, agreed)) = offer.answer(&local) else {
        return;
    };
    assert!(matches!(agreed.ptime_ms, 10 | 20 | 30 | 40 | 60));
    assert!(agreed.payload_type < 128 && agreed.rtp.port() != 0 && !agreed.rtp.ip().is_multicast());
    let ours = Offer::read(&answer).expect("our answer is SDP");
    assert_eq!(ours.codecs(), [agreed.codec]);
    let deaf = matches!(agreed.direction, Direction::SendOnly | Direction::Inactive);
    assert_eq!(ours.is_hold(), deaf);
}

/// Opens a datagram as SRTP and as SRTCP: nobody has the keys, so nothing is ever taken; and protects it, which must
/// open again to the same bytes.
///
/// # Panics
/// Where an invariant of SRTP breaks.
pub fn srtp(data: &[u8]) {
    let mut rng = Rng::from_seed(3);
    let agreed = SrtpAgreed {
        suite: Suite::Sha1Tag80,
        own: MasterKey::random(&mut rng),
        peer: MasterKey::random(&mut rng),
        savp: true,
    };
    let mirrored = SrtpAgreed {
        own: agreed.peer,
        peer: agreed.own,
        ..agreed.clone()
    };
    let (mut ours, mut theirs) = (Srtp::new(&agreed), Srtp::new(&mirrored));
    assert!(ours.open(&mut data.to_vec()).is_err() && ours.open_rtcp(&mut data.to_vec()).is_err());
    let mut room = vec![0; data.len() + GROWTH_MAX];
    if let Some(length) = theirs.protect(data, &mut room) {
        let plain = ours.open(&mut room[..length]).expect("what we protect opens");
        assert_eq!(&room[..plain], data);
    }
    if let Some(length) = theirs.protect_rtcp(data, &mut room) {
        if let Ok(plain) = ours.open_rtcp(&mut room[..length]) {
            assert_eq!(&room[..plain], data);
        } else {
            assert!(data.len() < 8, "what we protect opens");
        }
    }
}

/// Feeds two bridged legs of different laws with a run of datagrams (each behind two bytes of length): what is
/// relayed must be RTP of the right type, in one stream.
///
/// # Panics
/// Where an invariant of the media path breaks.
pub fn rtp(data: &[u8]) {
    let library = Library::build(vec![vec![100; 333]]);
    let mut rng = Rng::from_seed(1);
    let [mut caller, mut agent] = [Codec::Pcmu, Codec::Pcma].map(|codec| {
        let mut leg = Leg::new(Time::ZERO, Duration::ZERO, &mut rng);
        leg.connect(Time::ZERO, negotiated(codec), PeerTrust::Nat(PEER.ip()));
        leg
    });
    let mut ssrc = None;
    let mut rest = data;
    let mut now = Time::ZERO;
    while let Some((&[high, low], after)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes([high, low])).min(after.len());
        let (packet, after) = after.split_at(length);
        rest = after;
        now = now + Duration::from_millis(20);
        caller.take_rtcp(now, PEER, packet);
        let mut packet = packet.to_vec();
        if let Some(taken) = caller.take(now, PEER, &packet)
            && agent.forward(now, &taken, &mut packet)
        {
            let header = Header::read(&packet).expect("what is relayed is RTP");
            let kind = if matches!(taken.content, Content::Event(_)) {
                101
            } else {
                8
            };
            assert_eq!(header.payload_type, kind);
            assert_eq!(*ssrc.get_or_insert(header.ssrc), header.ssrc);
        }
        let playout = Playout::new(PlayId(0), vec![ClipId(0)], Duration::ZERO, AfterPlay::Stop);
        caller.play(now, playout);
        let mut frame = [0; FRAME_BYTES_MAX];
        assert!(caller.frame(now, &library, &mut frame).len <= FRAME_BYTES_MAX);
    }
    let stats = caller.stats();
    assert!(stats.received + stats.refused <= data.len() as u64);
}

/// Reads the data as a compound RTCP packet for any SSRC that its first bytes name, and hands it to a leg.
///
/// # Panics
/// Where a packet is taken that does not begin as RTCP does, or a report block says more than it holds.
pub fn rtcp(data: &[u8]) {
    let Some((ssrc, packet)) = data.split_first_chunk::<4>() else {
        return;
    };
    let ours = u32::from_be_bytes(*ssrc);
    let told = rtcp::read(packet, ours);
    let begins = packet.len() >= 8 && packet[0] >> 6 == 2 && (200..=207).contains(&packet[1]);
    assert_eq!(told.is_some(), begins);
    let again = told.is_some_and(|told| told.ours.is_some());
    assert!(
        !again || packet.windows(4).any(|word| word == ssrc),
        "a report about somebody else"
    );
    let mut leg = Leg::new(Time::ZERO, Duration::ZERO, &mut Rng::from_seed(1));
    leg.connect(Time::ZERO, negotiated(Codec::Pcma), PeerTrust::Nat(PEER.ip()));
    leg.take_rtcp(Time::from_millis(20), PEER, packet);
    assert_eq!(leg.stats().received, 0, "RTCP is not RTP");
}

fn negotiated(codec: Codec) -> Negotiated {
    Negotiated {
        rtp: PEER,
        rtcp: PEER,
        codec,
        payload_type: if codec == Codec::Pcmu { 0 } else { 8 },
        dtmf: Some(101),
        inband: false,
        ptime_ms: 20,
        direction: Direction::SendRecv,
        srtp: None,
    }
}
