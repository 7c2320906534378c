//! A place in a queue that outlives the process, what the gateway says of those who wait, and dispositions.

use hotline_journal::{Event, What};
use hotline_media::Codec;
use hotline_sip::PhoneCommand;
use hotline_types::{ContactId, WallTime};

use super::commands::hotline;
use super::gateway::{Config, Gateway};
use super::journal::Journal;
use super::rtp::RtpPeer;
use super::softphone::{SoftPhone, sdp};
use super::wait::{secs, until};

/// One caller from a number of its own.
struct Caller {
    phone: SoftPhone,
    _audio: RtpPeer,
}

impl Caller {
    /// Rings until it is in a queue; with the contact and the time that counts for its place.
    fn ring(gateway: &Gateway, journal: &mut Journal, number: &str) -> (Self, ContactId, WallTime) {
        let entered = |event: &Event| matches!(event.what, What::QueueEntered { .. });
        let before = journal.events().iter().filter(|event| entered(event)).count();
        let (phone, audio) = (SoftPhone::start(), RtpPeer::start(Codec::Pcma, 440));
        phone.call_as(number, gateway, "8003", sdp(audio.port, Codec::Pcma));
        journal.until_count("callers in the queue", before + 1, secs(10), entered);
        let last = journal
            .events()
            .iter()
            .rev()
            .find(|event| entered(event))
            .unwrap();
        let What::QueueEntered { enqueued_at, .. } = last.what else {
            unreachable!("only these were looked for")
        };
        let (contact, caller) = (last.contact.unwrap(), Self { phone, _audio: audio });
        (caller, contact, enqueued_at)
    }
}

/// The contact of the `nth` offer, from 1.
fn offered(journal: &mut Journal, nth: usize) -> ContactId {
    let made = |event: &Event| matches!(event.what, What::OfferMade { .. });
    journal.until_count("offers", nth, secs(10), made);
    let mut offers = journal.events().iter().filter(|event| made(event));
    offers.nth(nth - 1).unwrap().contact.unwrap()
}

/// What `hotline why` says.
fn why(gateway: &Gateway, kind: &str, id: &str) -> String {
    let (code, said) = hotline(gateway, "why", &[kind, id]);
    assert_eq!(code, Some(0), "{said}");
    said
}

/// Queues whose wrap-up ends with a disposition.
fn disposing() -> Config {
    let mut config = Config::quick();
    config.each("queue", |queue| {
        queue.insert("wrap_up".to_owned(), "60s".into());
        queue.insert("wrap_up_ends".to_owned(), "disposition".into());
    });
    config
}

#[test]
fn caller_cut_off_by_a_crash_rings_again_and_has_the_old_place() {
    let mut gateway = Gateway::start(&disposing());
    let mut journal = gateway.journal();
    let phone = SoftPhone::of_agent(&gateway, "1001");
    assert_eq!(
        hotline(&gateway, "agent", &["pause", "1001", "--reason", "meal"]).0,
        Some(0)
    );
    let (cut_off, contact, first) = Caller::ring(&gateway, &mut journal, "13900000001");
    let said = why(&gateway, "contact", &contact.to_string());
    assert!(
        said.contains("at place 1") && said.contains("1 is paused"),
        "{said}"
    );
    let said = why(&gateway, "agent", "1001");
    assert!(said.contains("1001: is paused (meal)"), "{said}");
    gateway.kill();
    drop((phone, cut_off, journal));

    gateway.start_again();
    let mut journal = gateway.journal();
    let (other, younger, its_own) = Caller::ring(&gateway, &mut journal, "13900000002");
    let (back, returned, kept) = Caller::ring(&gateway, &mut journal, "13900000001");
    assert_eq!(kept, first, "the time that counts is that of before the crash");
    assert!(its_own > first && returned != contact);
    let said = why(&gateway, "contact", &younger.to_string());
    assert!(said.contains("at place 2"), "{said}");

    assert_eq!(hotline(&gateway, "agent", &["ready", "1001"]).0, Some(0));
    let phone = SoftPhone::registering(&gateway, "1001");
    assert_eq!(
        offered(&mut journal, 1),
        returned,
        "before who rang earlier today"
    );
    let (leg, _) = phone.until_incoming(secs(5));
    let voice = RtpPeer::start(Codec::Pcma, 1_000);
    phone.command(PhoneCommand::Answer {
        leg,
        sdp: sdp(voice.port, Codec::Pcma),
    });
    journal.until_bridged(secs(5));
    let (code, said) = hotline(&gateway, "agent", &["dispose", "1001", "solved"]);
    assert_eq!(code, Some(1), "a talk cannot be disposed of: {said}");
    phone.command(PhoneCommand::Hangup { leg });
    until("wrap-up", secs(5), || {
        (gateway.agent("1001")["work"] == "wrap_up").then_some(())
    });

    assert_eq!(hotline(&gateway, "agent", &["ready", "1001"]).0, Some(0));
    assert_eq!(
        gateway.agent("1001")["work"],
        "wrap_up",
        "ready is no disposition"
    );
    let (code, said) = hotline(&gateway, "agent", &["dispose", "1001", "solved"]);
    assert_eq!(code, Some(0), "{said}");
    let disposed = journal.until(
        "the disposition",
        secs(5),
        |event| matches!(&event.what, What::Disposed { code } if code == "solved"),
    );
    assert_eq!(disposed.contact, Some(returned));
    assert_eq!(offered(&mut journal, 2), younger);
    let said = why(&gateway, "contact", &returned.to_string());
    assert!(
        said.contains("is over") && said.contains("1001 was chosen"),
        "{said}"
    );
    drop((other, back.phone));
}
