//! A leg with SRTP beside a plain one: what is heard, and that attacks change nothing.

use hotline_media::srtp::{GROWTH_MAX, MasterKey, Srtp, SrtpAgreed, Suite};

use super::*;

/// Waits for so many replayed, forged and relayed packets.
fn until_counted(house: &mut House, expected: (u64, u64, u64)) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let counters = house.plane.counters();
        if (counters.srtp_replayed, counters.srtp_forged, counters.relayed) == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{counters:?}");
        house.fence(1);
    }
}

/// Frame number `step` as the phone sends it.
fn sealed(phone: &mut Srtp, step: u8) -> Vec<u8> {
    let mut packet = [0; 172];
    let head = packet.first_chunk_mut::<12>().unwrap();
    Header::write(8, false, u16::from(step), u32::from(step) * 160, 1, head);
    packet[12..].copy_from_slice(&sound(step));
    let mut room = [0; 172 + GROWTH_MAX];
    let len = phone.protect(&packet, &mut room).unwrap();
    room[..len].to_vec()
}

#[test]
fn forged_and_replayed_packets_are_counted_and_reach_nobody_while_the_talk_goes_on() {
    let mut house = house(4, 1);
    let agreed = SrtpAgreed {
        suite: Suite::Sha1Tag80,
        own: MasterKey::new([1; 30]),
        peer: MasterKey::new([2; 30]),
        savp: true,
    };
    let mut phone = Srtp::new(&SrtpAgreed {
        own: agreed.peer,
        peer: agreed.own,
        ..agreed.clone()
    });
    let caller = Peer::new(house.open(10), Codec::Pcma);
    let connect = |house: &House| {
        let negotiated = Negotiated {
            srtp: Some(Box::new(agreed.clone())),
            ..caller.negotiated()
        };
        let (leg, trust) = (LegId(10), PeerTrust::Strict);
        house.send(MediaCommand::Connect {
            leg,
            negotiated,
            trust,
        });
    };
    connect(&house);
    let mut agent = house.leg(11, Codec::Pcma);
    let (of, with) = (LegId(10), LegId(11));
    house.send(MediaCommand::Bridge {
        caller: of,
        agent: with,
    });
    house.fence(1);

    let packets: Vec<Vec<u8>> = (0..3).map(|step| sealed(&mut phone, step)).collect();
    let send = |packet: &[u8]| {
        caller.socket.send_to(packet, caller.ours).unwrap();
    };
    send(&packets[0]);
    assert_eq!(agent.hear().1, sound(0));
    send(&packets[0]);
    let mut forged = packets[1].clone();
    forged[40] ^= 1;
    send(&forged);
    let mut clear = [0; 172];
    Header::write(8, false, 9, 9 * 160, 1, clear.first_chunk_mut::<12>().unwrap());
    send(&clear);
    send(&packets[1]);
    assert_eq!(agent.hear().1, sound(1), "what is between was heard by nobody");
    // The same keys in a new description go on where they were.
    connect(&house);
    house.fence(1);
    send(&packets[1]);
    send(&packets[2]);
    assert_eq!(agent.hear().1, sound(2));
    until_counted(&mut house, (2, 2, 3));

    agent.say(&sound(77));
    let mut buffer = [0; 2_048];
    let (len, _) = caller.socket.recv_from(&mut buffer).unwrap();
    assert_eq!(len, 172 + 10);
    let plain = phone.open(&mut buffer[..len]).unwrap();
    assert_eq!(buffer[12..plain], sound(77));
}
