//! The media plane on loopback, with real sockets and deadlines.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering as Atomic};
use std::sync::mpsc::{Receiver as Inbox, Sender, channel};
use std::time::Instant;

use hotline_media::rtp::Header;
use hotline_media::tap::Channel;
use hotline_media::{
    AfterPlay, ClipId, Codec, Direction, LegStats, Negotiated, OpenFailure, PeerTrust, PlayId, RecordingSpec,
    dtmf, g711,
};
use hotline_types::{ContactId, SegmentId};

use super::*;

mod srtp;

/// A playout that makes the thread panic, to see what it does then.
pub(super) const PLAY_THAT_PANICS: PlayId = PlayId(u64::MAX);

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(10);
const CLIP: [i16; 1_000] = [4_000; 1_000];

/// A media plane with its ends in our hands.
struct House {
    plane: MediaPlane,
    events: Inbox<MediaEvent>,
    taps: Inbox<TapMessage>,
    boxes: Sender<Box<TapBatch>>,
    fences: u64,
}

fn house(pairs: u16, threads: usize) -> House {
    house_of(&config(pairs, threads))
}

fn config(pairs: u16, threads: usize) -> MediaConfig {
    let ports = free_ports(pairs * 2);
    MediaConfig {
        threads,
        ports,
        port_rest: Duration::ZERO,
        coalesce: Duration::ZERO,
        legs_max: 1_000,
        clock: Clock::start(),
        seed: [7; 32],
    }
}

fn house_of(config: &MediaConfig) -> House {
    let (tap, taps) = sync_channel(1_024);
    let (boxes, returned) = channel();
    let (told, events) = channel();
    let library = Arc::new(Library::build(vec![CLIP.to_vec(), vec![-300; 160]]));
    let plane = MediaPlane::start(config, &library, &tap, returned, &move |event| {
        told.send(event).is_ok()
    });
    House {
        plane: plane.unwrap(),
        events,
        taps,
        boxes,
        fences: 1 << 40,
    }
}

/// A run of ports that nobody holds, another one for each test.
pub(super) fn free_ports(count: u16) -> RangeInclusive<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    for _ in 0..200 {
        let first = 11_000 + NEXT.fetch_add(count.next_multiple_of(2), Atomic::SeqCst) % 18_000;
        let range = first & !1..=(first & !1) + count - 1;
        if range
            .clone()
            .all(|port| UdpSocket::bind((LOOPBACK, port)).is_ok())
        {
            return range;
        }
    }
    panic!("no free ports");
}

impl House {
    fn send(&self, command: MediaCommand) {
        self.plane.send(command).unwrap();
    }

    fn event(&self) -> MediaEvent {
        self.events.recv_timeout(PATIENCE).unwrap()
    }

    fn open(&self, leg: u64) -> SocketAddr {
        self.send(MediaCommand::Open {
            leg: LegId(leg),
            interface: LOOPBACK,
            affinity: leg / 10,
        });
        let MediaEvent::Opened { leg: opened, rtp } = self.event() else {
            panic!("not opened")
        };
        assert_eq!(opened, LegId(leg));
        rtp
    }

    fn close(&self, leg: u64) -> LegStats {
        self.send(MediaCommand::Close { leg: LegId(leg) });
        loop {
            if let MediaEvent::Closed { leg: closed, stats } = self.event() {
                assert_eq!(closed, LegId(leg));
                return stats;
            }
        }
    }

    /// Waits until the thread of this leg's call has carried out all commands so far.
    fn fence(&mut self, call: u64) {
        self.fences += 1;
        let leg = LegId(self.fences);
        self.send(MediaCommand::Open {
            leg,
            interface: IpAddr::from([192, 0, 2, 1]),
            affinity: call,
        });
        while !matches!(self.event(), MediaEvent::OpenFailed { leg: failed, .. } if failed == leg) {}
    }

    /// A leg with its peer, agreed on.
    fn leg(&self, leg: u64, codec: Codec) -> Peer {
        let peer = Peer::new(self.open(leg), codec);
        self.connect(leg, &peer);
        peer
    }

    fn connect(&self, leg: u64, peer: &Peer) {
        self.send(MediaCommand::Connect {
            leg: LegId(leg),
            negotiated: peer.negotiated(),
            trust: PeerTrust::Strict,
        });
    }

    /// A call: the caller speaks mu-law, the agent A-law.
    fn call(&mut self, call: u64) -> (Peer, Peer) {
        let caller = self.leg(call * 10, Codec::Pcmu);
        let agent = self.leg(call * 10 + 1, Codec::Pcma);
        self.send(MediaCommand::Bridge {
            caller: LegId(call * 10),
            agent: LegId(call * 10 + 1),
        });
        self.fence(call);
        (caller, agent)
    }
}

/// What a phone is, as far as media goes.
struct Peer {
    socket: UdpSocket,
    ours: SocketAddr,
    codec: Codec,
    sequence: u16,
    heard: Option<Header>,
}

impl Peer {
    fn new(ours: SocketAddr, codec: Codec) -> Self {
        let socket = UdpSocket::bind((LOOPBACK, 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            socket,
            ours,
            codec,
            sequence: 0,
            heard: None,
        }
    }

    fn negotiated(&self) -> Negotiated {
        let rtp = self.socket.local_addr().unwrap();
        Negotiated {
            rtp,
            rtcp: SocketAddr::new(LOOPBACK, rtp.port().wrapping_add(1)),
            codec: self.codec,
            payload_type: self.payload_type(),
            dtmf: Some(101),
            inband: false,
            ptime_ms: 20,
            direction: Direction::SendRecv,
            srtp: None,
        }
    }

    fn payload_type(&self) -> u8 {
        if self.codec == Codec::Pcmu { 0 } else { 8 }
    }

    fn say(&mut self, payload: &[u8]) {
        self.say_as(self.payload_type(), u32::from(self.sequence) * 160, payload);
    }

    fn say_as(&mut self, payload_type: u8, timestamp: u32, payload: &[u8]) {
        let mut head = [0; 12];
        Header::write(payload_type, false, self.sequence, timestamp, 1, &mut head);
        self.sequence += 1;
        self.socket
            .send_to(&[&head[..], payload].concat(), self.ours)
            .unwrap();
    }

    fn press(&mut self, key: char) {
        let timestamp = u32::from(self.sequence) * 160;
        for packet in dtmf::press(key, 60) {
            self.say_as(101, timestamp, &packet.payload);
        }
    }

    /// Header and payload of the next packet heard.
    fn hear(&self) -> (Header, Vec<u8>) {
        let mut buffer = [0; 2_048];
        let (len, from) = self.socket.recv_from(&mut buffer).unwrap();
        assert_eq!(from, self.ours);
        let header = Header::read(&buffer[..len]).unwrap();
        let payload = header.payload(&buffer[..len]).to_vec();
        (header, payload)
    }
}

/// Frame number `step` of a sound that tells its place in every byte.
fn sound(step: u8) -> Vec<u8> {
    (0..160)
        .map(|at: u8| at.wrapping_mul(3).wrapping_add(step))
        .collect()
}

fn transcoded(from: Codec, to: Codec, payload: &[u8]) -> Vec<u8> {
    let mut payload = payload.to_vec();
    g711::transcode(from, to, &mut payload);
    payload
}

fn spec() -> RecordingSpec {
    RecordingSpec {
        contact: ContactId::from_bytes([1; 16]),
        segment: SegmentId::from_bytes([2; 16]),
        path: "2026/01/01/a/b.wav".into(),
    }
}

/// Each frame that one side says is heard by the other, in one contiguous stream.
fn assert_relays(caller: &mut Peer, agent: &mut Peer, steps: std::ops::Range<u8>) {
    for step in steps {
        assert_hears(caller, agent, step);
        assert_hears(agent, caller, step);
    }
}

fn assert_hears(from: &mut Peer, to: &mut Peer, step: u8) {
    from.say(&sound(step));
    let (header, payload) = to.hear();
    assert_eq!(header.payload_type, to.payload_type());
    assert_eq!(
        payload,
        transcoded(from.codec, to.codec, &sound(step)),
        "frame {step}"
    );
    if let Some(before) = to.heard.replace(header) {
        assert_eq!(header.sequence, before.sequence.wrapping_add(1));
        assert_eq!(
            (header.ssrc, header.timestamp),
            (before.ssrc, before.timestamp.wrapping_add(160))
        );
    }
}

#[test]
fn both_sides_of_a_call_hear_each_other_sample_by_sample_in_their_own_law() {
    let mut house = house(4, 1);
    let (mut caller, mut agent) = house.call(1);
    assert_relays(&mut caller, &mut agent, 0..50);
    let expected = LegStats {
        received: 50,
        sent: 50,
        ..LegStats::default()
    };
    for leg in [10, 11] {
        let stats = house.close(leg);
        assert_eq!(LegStats { jitter: 0, ..stats }, expected);
    }
    house.plane.stop();
}

#[test]
fn a_prompt_is_heard_byte_by_byte_at_its_pace_and_its_end_is_told() {
    let house = house(4, 1);
    let caller = house.leg(10, Codec::Pcma);
    let began = Instant::now();
    let clips = vec![ClipId(0); 8];
    let (leg, play) = (LegId(10), PlayId(3));
    house.send(MediaCommand::Play {
        leg,
        play,
        clips,
        gap: Duration::ZERO,
        after: AfterPlay::Stop,
    });
    let mut heard = Vec::new();
    let mut last: Option<Header> = None;
    for _ in 0..50 {
        let (header, payload) = caller.hear();
        if let Some(before) = last.replace(header) {
            assert_eq!(header.sequence, before.sequence.wrapping_add(1));
            assert_eq!(header.timestamp, before.timestamp.wrapping_add(160));
        } else {
            assert!(header.marker);
        }
        heard.extend(payload);
    }
    let took = began.elapsed();
    let expected: Vec<u8> = CLIP
        .iter()
        .map(|&sample| g711::encode(Codec::Pcma, sample))
        .collect();
    assert_eq!(heard, expected.repeat(8));
    assert!(took >= Duration::from_millis(960), "fifty frames in {took:?}");
    assert!(took < Duration::from_millis(2_500), "fifty frames in {took:?}");
    assert!(matches!(
        house.event(),
        MediaEvent::PlayEnded { play: PlayId(3), .. }
    ));
}

#[test]
fn a_key_is_told_once_at_its_first_packet_and_relayed() {
    let mut house = house(4, 1);
    let (mut caller, agent) = house.call(1);
    for key in "5#".chars() {
        caller.press(key);
        let MediaEvent::Digit { leg, digit } = house.event() else {
            panic!("no digit")
        };
        assert_eq!((leg, *digit.reveal()), (LegId(10), key));
        let (header, payload) = agent.hear();
        assert_eq!((header.payload_type, dtmf::key(payload[0])), (101, Some(key)));
        (0..4).for_each(|_| drop(agent.hear()));
    }
}

#[test]
fn a_held_caller_hears_music_and_nothing_passes_until_the_hold_ends() {
    let mut house = house(4, 1);
    let (mut caller, mut agent) = house.call(1);
    assert_relays(&mut caller, &mut agent, 0..2);
    let leg = LegId(10);
    house.send(MediaCommand::Hold {
        caller: leg,
        held: true,
    });
    let (play, clips) = (PlayId(1), vec![ClipId(1)]);
    house.send(MediaCommand::Play {
        leg,
        play,
        clips,
        gap: Duration::ZERO,
        after: AfterPlay::Loop,
    });
    house.fence(1);
    let music = vec![g711::encode(Codec::Pcmu, -300); 160];
    agent.say(&sound(100));
    caller.say(&sound(100));
    for peer in [&mut caller, &mut agent] {
        // The key on the same socket tells that what was said before it was looked at.
        peer.press('1');
        assert!(matches!(house.event(), MediaEvent::Digit { .. }));
    }
    for _ in 0..5 {
        assert_eq!(caller.hear().1, music);
    }
    house.send(MediaCommand::Hold {
        caller: leg,
        held: false,
    });
    house.send(MediaCommand::StopPlay { leg });
    house.fence(1);
    // Frames of the music that are still in the socket.
    agent.say(&sound(7));
    let expected = transcoded(Codec::Pcma, Codec::Pcmu, &sound(7));
    loop {
        let (_, payload) = caller.hear();
        if payload != music {
            assert_eq!(payload, expected);
            break;
        }
    }
    caller.say(&sound(8));
    assert_eq!(agent.hear().1, transcoded(Codec::Pcmu, Codec::Pcma, &sound(8)));
}

#[test]
fn the_tap_yields_both_sides_whole_between_a_start_and_a_stop() {
    let mut house = house(4, 1);
    let (mut caller, mut agent) = house.call(1);
    house.send(MediaCommand::Record {
        caller: LegId(10),
        spec: spec(),
    });
    house.fence(1);
    assert_relays(&mut caller, &mut agent, 0..100);
    house.send(MediaCommand::StopRecord { caller: LegId(10) });
    let TapMessage::Start {
        spec: started,
        at: began,
    } = house.taps.recv_timeout(PATIENCE).unwrap()
    else {
        panic!("audio before the start")
    };
    assert_eq!(started, spec());
    let mut said = [Vec::new(), Vec::new()];
    let mut complete = began;
    loop {
        match house.taps.recv_timeout(PATIENCE).unwrap() {
            TapMessage::Start { .. } | TapMessage::Mark { .. } => panic!("a second start, or a mark"),
            TapMessage::Batch { batch, until, .. } => {
                let mut rest = &batch.bytes[..];
                for frame in &batch.frames {
                    let (payload, after) = rest.split_at(usize::from(frame.len));
                    rest = after;
                    assert!(frame.arrived >= complete && frame.arrived <= until);
                    let caller = frame.channel == Channel::Caller;
                    assert_eq!(frame.codec, if caller { Codec::Pcmu } else { Codec::Pcma });
                    said[usize::from(!caller)].extend_from_slice(payload);
                }
                assert!(rest.is_empty());
                complete = until;
                house.boxes.send(batch).unwrap();
            }
            TapMessage::Stop { at, .. } => {
                assert_eq!(at, complete);
                break;
            }
        }
    }
    let whole: Vec<u8> = (0..100).flat_map(sound).collect();
    assert!(said == [whole.clone(), whole], "what was tapped is what was said");
}

#[test]
fn a_stranger_is_not_heard() {
    let mut house = house(4, 1);
    let (mut caller, agent) = house.call(1);
    let mut stranger = Peer::new(caller.ours, Codec::Pcmu);
    stranger.say(&sound(66));
    caller.say(&sound(1));
    assert_eq!(agent.hear().1, transcoded(Codec::Pcmu, Codec::Pcma, &sound(1)));
    stranger.say(&sound(66));
    caller.say(&sound(2));
    assert_eq!(agent.hear().1, transcoded(Codec::Pcmu, Codec::Pcma, &sound(2)));
    // The first came before the source was chosen and was refused; the second the kernel did not let through.
    assert_eq!(house.close(10).refused, 1);
}

#[test]
fn a_new_sdp_moves_the_call_to_the_peers_new_place() {
    let mut house = house(4, 1);
    let (mut caller, mut agent) = house.call(1);
    assert_relays(&mut caller, &mut agent, 0..3);
    let mut moved = Peer::new(agent.ours, Codec::Pcmu);
    house.connect(11, &moved);
    house.fence(1);
    caller.say(&sound(9));
    assert_eq!(
        moved.hear().1,
        sound(9),
        "sent to the new place before it has said anything"
    );
    moved.say(&sound(10));
    assert_eq!(caller.hear().1, sound(10));
}

#[test]
fn ports_run_out_are_given_back_and_used_again() {
    let house = house(2, 1);
    let first = house.open(1);
    let second = house.open(2);
    assert_ne!(first, second);
    assert_eq!(first.port() % 2, 0);
    house.send(MediaCommand::Open {
        leg: LegId(3),
        interface: LOOPBACK,
        affinity: 0,
    });
    let MediaEvent::OpenFailed {
        leg: LegId(3),
        failure,
    } = house.event()
    else {
        panic!("it opened")
    };
    assert_eq!(failure, OpenFailure::NoPorts);
    house.close(1);
    UdpSocket::bind(first).expect("a closed leg frees its port");
    assert_eq!(house.open(4), first);
    assert_eq!(
        house.close(999),
        LegStats::default(),
        "an unknown leg is closed already"
    );
}

#[test]
fn a_full_house_and_a_wrong_address_are_told_apart() {
    let config = MediaConfig {
        threads: 1,
        ports: free_ports(8),
        port_rest: Duration::ZERO,
        coalesce: COALESCE_MAX,
        legs_max: 1,
        clock: Clock::start(),
        seed: [1; 32],
    };
    let house = house_of(&config);
    let elsewhere = IpAddr::from([192, 0, 2, 1]);
    house.send(MediaCommand::Open {
        leg: LegId(1),
        interface: elsewhere,
        affinity: 0,
    });
    assert!(matches!(
        house.event(),
        MediaEvent::OpenFailed {
            failure: OpenFailure::Address,
            ..
        }
    ));
    house.open(2);
    house.send(MediaCommand::Open {
        leg: LegId(3),
        interface: LOOPBACK,
        affinity: 0,
    });
    assert!(matches!(
        house.event(),
        MediaEvent::OpenFailed {
            failure: OpenFailure::Unavailable,
            ..
        }
    ));
    house.plane.stop();

    let bad = |change: fn(&mut MediaConfig)| {
        let mut config = config.clone();
        change(&mut config);
        check(&config).unwrap_err().to_string()
    };
    assert!(bad(|config| config.threads = 0).contains("at least one"));
    assert!(bad(|config| config.coalesce = Duration::from_millis(2)).contains("at most 1ms"));
    assert!(bad(|config| config.ports = 7..=8).contains("7-8 holds 0"));
}

#[test]
fn twenty_five_calls_on_two_threads_do_not_hear_each_other() {
    let mut house = house(60, 2);
    let mut calls: Vec<_> = (0..25).map(|call| house.call(call)).collect();
    for (number, (caller, agent)) in calls.iter_mut().enumerate() {
        let step = u8::try_from(number).unwrap() * 4;
        assert_relays(caller, agent, step..step + 4);
    }
    for call in 0..25 {
        for leg in [call * 10, call * 10 + 1] {
            assert_eq!(house.close(leg).received, 4);
        }
    }
    house.plane.stop();
}

#[test]
fn silence_is_told_once_and_a_port_that_was_closed_for_a_moment_is_no_matter() {
    let mut house = house(4, 1);
    let (mut caller, agent) = house.call(1);
    let (leg, silence) = (LegId(11), Some(Duration::from_millis(150)));
    house.send(MediaCommand::Watch { leg, silence });
    let MediaEvent::MediaLost { leg: lost } = house.event() else {
        panic!("no loss told")
    };
    assert_eq!(lost, leg);
    // The agent's phone is away: the system tells refusals. Then it is back on the same port.
    let place = agent.socket.local_addr().unwrap();
    drop(agent);
    for step in 0..5 {
        caller.say(&sound(step));
        caller.press('2');
        assert!(
            matches!(house.event(), MediaEvent::Digit { .. }),
            "nothing else is told"
        );
    }
    let back = UdpSocket::bind(place).unwrap();
    back.set_read_timeout(Some(PATIENCE)).unwrap();
    caller.say(&sound(50));
    let mut buffer = [0; 500];
    // The rest of the keys may still be on its way.
    while back.recv(&mut buffer).unwrap() != 172 {}
    assert_eq!(&buffer[12..172], transcoded(Codec::Pcmu, Codec::Pcma, &sound(50)));
}

#[test]
fn a_panic_ends_the_calls_of_its_thread_seals_their_recordings_and_new_calls_come() {
    let mut house = house(8, 1);
    house.call(1);
    house.send(MediaCommand::Record {
        caller: LegId(10),
        spec: spec(),
    });
    let (leg, play) = (LegId(10), PLAY_THAT_PANICS);
    house.send(MediaCommand::Play {
        leg,
        play,
        clips: vec![],
        gap: Duration::ZERO,
        after: AfterPlay::Stop,
    });
    let event = house.event();
    let MediaEvent::ThreadFailed { legs } = event else {
        panic!("no failure told: {event:?}")
    };
    assert_eq!(legs, [LegId(10), LegId(11)]);
    let told: Vec<TapMessage> = (0..3)
        .map(|_| house.taps.recv_timeout(PATIENCE).unwrap())
        .collect();
    assert!(matches!(
        told[..],
        [
            TapMessage::Start { .. },
            TapMessage::Batch { .. },
            TapMessage::Stop { .. }
        ]
    ));
    let (mut caller, mut agent) = house.call(2);
    assert_relays(&mut caller, &mut agent, 0..3);
    assert_eq!(house.plane.counters().failures, 1);
}

#[test]
fn stopping_the_plane_ends_its_recordings() {
    let mut house = house(4, 1);
    house.call(1);
    house.send(MediaCommand::Record {
        caller: LegId(10),
        spec: spec(),
    });
    house.fence(1);
    house.plane.stop();
    let told: Vec<TapMessage> = house.taps.iter().collect();
    assert!(matches!(told.first(), Some(TapMessage::Start { .. })));
    assert!(matches!(told.last(), Some(TapMessage::Stop { .. })));
}

#[test]
fn a_coalescing_thread_relays_just_the_same_and_hears_reports() {
    let mut house = house_of(&MediaConfig {
        coalesce: COALESCE_MAX,
        ..config(4, 1)
    });
    let (mut caller, mut agent) = house.call(1);
    assert_relays(&mut caller, &mut agent, 0..20);
    let reports = SocketAddr::new(LOOPBACK, caller.ours.port() + 1);
    // An empty receiver report, and rubbish.
    for bytes in [&[0x80, 201, 0, 1, 0, 0, 0, 1][..], b"rubbish"] {
        caller.socket.send_to(bytes, reports).unwrap();
    }
    let deadline = Instant::now() + PATIENCE;
    let mut counters = house.plane.counters();
    while (counters.rtcp_received, counters.refused) != (1, 1) {
        assert!(Instant::now() < deadline, "{counters:?}");
        house.fence(1);
        counters = house.plane.counters();
    }
    assert_eq!(
        (counters.received, counters.relayed, counters.legs_open),
        (40, 40, 2)
    );
}
