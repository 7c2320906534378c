use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use hotline_io::clock::Clock;
use hotline_media::Codec;
use hotline_sip::{PhoneCommand, PhoneEvent, Transport};
use hotline_types::{LegId, Pii, Rng};

use super::audio::AudioBank;
use super::{Party, PhoneSocket};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PATIENCE: Duration = Duration::from_secs(10);

struct Pair {
    caller: PhoneSocket,
    called: PhoneSocket,
    bank: AudioBank,
}

impl Pair {
    async fn new() -> Self {
        let clock = Clock::start();
        let open = |seed| PhoneSocket::open(LOOPBACK, clock, Rng::from_seed(seed), 8);
        Self {
            caller: open(1).await.unwrap(),
            called: open(2).await.unwrap(),
            bank: AudioBank::start(LOOPBACK, clock).unwrap(),
        }
    }

    fn party(&mut self, id: u64, codec: Codec, tone_hz: u32) -> Party {
        Party::new(self.bank.open(true).unwrap(), id, vec![codec], tone_hz)
    }

    fn call(&mut self, party: &Party) -> LegId {
        let leg = self.caller.new_leg();
        let server = self.called.local;
        self.caller.command(PhoneCommand::Call {
            leg,
            uri: format!("sip:desk@{server}"),
            server,
            transport: Transport::Udp,
            from: Pii::new("14100000001".to_owned()),
            display: Pii::new(String::new()),
            sdp: party.offer(),
            headers: Vec::new(),
        });
        leg
    }

    /// The next event of the caller (true) or the called side.
    async fn next(&mut self) -> (bool, PhoneEvent) {
        tokio::select! {
            event = self.caller.next() => (true, event),
            event = self.called.next() => (false, event),
            () = tokio::time::sleep(PATIENCE) => panic!("nothing happened for {PATIENCE:?}"),
        }
    }
}

#[tokio::test]
async fn two_parties_hear_each_other_and_a_key_is_heard_once() {
    let mut pair = Pair::new().await;
    let mut caller = pair.party(1, Codec::Pcma, 440);
    let mut desk = pair.party(2, Codec::Pcma, 1_000);
    let leg = pair.call(&caller);
    loop {
        match pair.next().await {
            (
                false,
                PhoneEvent::Incoming {
                    leg,
                    called,
                    caller,
                    offer,
                    ..
                },
            ) => {
                assert_eq!(
                    (called.as_str(), caller.reveal().as_str()),
                    ("desk", "14100000001")
                );
                let sdp = desk.answer(offer.as_deref()).unwrap();
                pair.called.command(PhoneCommand::Answer { leg, sdp });
            }
            (true, PhoneEvent::Answered { sdp, .. }) => {
                caller.answered(&sdp).unwrap();
                caller.press('7');
            }
            (false, PhoneEvent::Confirmed { .. }) => break,
            _ => {}
        }
    }
    let heard = async {
        loop {
            let (one, other) = (caller.heard(), desk.heard());
            if one.packets >= 10 && other.packets >= 10 && other.keys == "7" {
                return (one, other);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let (one, _) = tokio::time::timeout(PATIENCE, heard)
        .await
        .expect("both hear each other");
    assert!(one.key_sent.is_some());
    assert!(
        one.payload.iter().any(|byte| *byte != one.payload[0]),
        "a tone is no silence"
    );
    pair.caller.command(PhoneCommand::Hangup { leg });
    while !matches!(pair.next().await, (false, PhoneEvent::Ended { .. })) {}
    assert_eq!((pair.caller.legs(), pair.called.legs()), (0, 0));
}

#[tokio::test]
async fn a_party_without_a_common_codec_refuses_the_offer() {
    let mut pair = Pair::new().await;
    let caller = pair.party(1, Codec::Pcma, 440);
    let mut desk = pair.party(2, Codec::Pcmu, 1_000);
    assert!(desk.answer(Some(&caller.offer())).is_err());
    assert!(desk.answer(Some(b"no description")).is_err());
}
