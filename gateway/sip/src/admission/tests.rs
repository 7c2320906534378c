//! Who is heard, how much, and who never is.

use super::*;

const NOW: Time = Time::from_millis(10_000);

fn addr(last: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], port))
}

fn request(method: &str, call: u32, to_tag: &str) -> Vec<u8> {
    format!(
        "{method} sip:4001@gw SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{call};rport\r\nFrom: <sip:a@b>;tag=1\r\n\
         To: <sip:4001@gw>{to_tag}\r\nCall-ID: call-{call}\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

fn trunk() -> Admission {
    let mut config = AdmissionConfig::new(Role::Trunk, vec![addr(1, 0), addr(2, 5060)]);
    config.calls = Rate {
        per_second: 2,
        burst: 3,
    };
    config.refusals = Rate {
        per_second: 1,
        burst: 2,
    };
    Admission::new(config)
}

fn status(verdict: &Verdict) -> Option<u16> {
    match verdict {
        Verdict::Answer(bytes, _) => Message::parse(bytes).unwrap().status(),
        _ => None,
    }
}

#[test]
fn trunk_listener_hears_its_peers_only() {
    let mut admission = trunk();
    for (peer, known) in [
        (addr(1, 5060), true),
        (addr(1, 9), true),
        (addr(2, 5060), true),
        (addr(2, 9), false),
    ] {
        assert_eq!(
            admission.admit(NOW, Transport::Udp, peer, &request("BYE", 1, "")) == Verdict::Queue,
            known,
            "{peer}"
        );
    }
    assert!(
        admission.hears(Transport::Tcp, addr(2, 9)),
        "a connection comes from any port"
    );
    assert!(!admission.hears(Transport::Tcp, addr(3, 5060)));
    let mapped: SocketAddr = "[::ffff:192.0.2.1]:5060".parse().unwrap();
    assert_eq!(
        admission.admit(NOW, Transport::Udp, mapped, &request("BYE", 1, "")),
        Verdict::Queue
    );
}

#[test]
fn strangers_get_few_refusals_and_some_get_none() {
    let mut admission = trunk();
    let stranger = addr(66, 5060);
    for silent in [
        request("OPTIONS", 1, ""),
        request("ACK", 1, ""),
        b"SIP/2.0 200 OK\r\n\r\n".to_vec(),
    ] {
        assert_eq!(
            admission.admit(NOW, Transport::Udp, stranger, &silent),
            Verdict::Drop(DropReason::UnknownSource)
        );
    }
    let verdicts: Vec<_> = (0..50)
        .map(|call| admission.admit(NOW, Transport::Udp, stranger, &request("INVITE", call, "")))
        .collect();
    assert_eq!(verdicts.iter().filter_map(status).collect::<Vec<_>>(), [403, 403]);
    assert!(
        verdicts[2..]
            .iter()
            .all(|verdict| *verdict == Verdict::Drop(DropReason::UnknownSource))
    );
}

#[test]
fn calls_beyond_the_rate_get_503_and_calls_that_are_up_are_untouched() {
    let mut admission = trunk();
    let peer = addr(1, 5060);
    for call in 0..3 {
        assert_eq!(
            admission.admit(NOW, Transport::Udp, peer, &request("INVITE", call, "")),
            Verdict::Queue
        );
    }
    let busy = admission.admit(NOW, Transport::Udp, peer, &request("INVITE", 3, ""));
    assert_eq!(status(&busy), Some(503));
    let again = admission.admit(NOW, Transport::Udp, peer, &request("INVITE", 3, ""));
    assert_eq!(busy, again, "a retransmission gets the same tag");
    let Verdict::Answer(bytes, DropReason::CallRate) = busy else {
        panic!("not counted as it should")
    };
    let read = Message::parse(&bytes).unwrap();
    assert_eq!(read.seconds(Name::RetryAfter), Ok(Some(2)));
    assert!(read.to().unwrap().tag().is_some());
    for known in [
        request("INVITE", 0, ""),
        request("INVITE", 9, ";tag=x"),
        request("ACK", 0, ""),
        request("BYE", 0, ""),
        request("CANCEL", 0, ""),
        b"SIP/2.0 200 OK\r\n\r\n".to_vec(),
    ] {
        for _ in 0..100 {
            assert_eq!(admission.admit(NOW, Transport::Udp, peer, &known), Verdict::Queue);
        }
    }
    let later = Time::from_millis(10_500);
    assert_eq!(
        admission.admit(later, Transport::Udp, peer, &request("INVITE", 4, "")),
        Verdict::Queue
    );
}

#[test]
fn one_phone_that_floods_does_not_shut_out_the_others() {
    let mut config = AdmissionConfig::new(Role::Phones, Vec::new());
    config.source_requests = Rate {
        per_second: 1,
        burst: 10,
    };
    let mut admission = Admission::new(config);
    let register = request("REGISTER", 1, "");
    let queued = |admission: &mut Admission, last, bytes: &[u8], count: u16| {
        (0..count)
            .filter(|port| {
                admission.admit(NOW, Transport::Udp, addr(last, 1024 + port), bytes) == Verdict::Queue
            })
            .count()
    };
    assert_eq!(queued(&mut admission, 5, &register, 500), 10);
    assert_eq!(queued(&mut admission, 6, &register, 5), 5);
    assert_eq!(
        queued(&mut admission, 5, &request("BYE", 1, ""), 50),
        50,
        "ends of calls have their own room"
    );
    assert_eq!(
        admission.admit(NOW, Transport::Udp, addr(5, 9), &register),
        Verdict::Drop(DropReason::SourceRate)
    );
}

#[test]
fn many_forged_sources_meet_the_listeners_rate_and_a_bounded_table() {
    let mut config = AdmissionConfig::new(Role::Phones, Vec::new());
    config.all_requests = Rate {
        per_second: 10,
        burst: 20,
    };
    config.sources_max = 50;
    let mut admission = Admission::new(config);
    let register = request("REGISTER", 1, "");
    let sources = (0..2000_u32).map(|n| SocketAddr::from((std::net::Ipv4Addr::from(0x0a00_0000 + n), 5060)));
    let queued = sources
        .filter(|peer| admission.admit(NOW, Transport::Udp, *peer, &register) == Verdict::Queue)
        .count();
    assert_eq!(queued, 20);
    assert!(admission.sources.len() <= 50 && admission.sources_before.len() <= 50);
}

#[test]
fn what_is_not_sip_goes_at_the_first_look() {
    let mut config = AdmissionConfig::new(Role::Phones, Vec::new());
    config.message_bytes_max = 300;
    let mut admission = Admission::new(config);
    for (bytes, reason) in [
        (&b""[..], DropReason::KeepAlive),
        (b"\r\n\r\n", DropReason::KeepAlive),
        (b"\0\0\0\0", DropReason::KeepAlive),
        (b"GET / HTTP/1.1\r\n\r\n", DropReason::NotSip),
        (b"\x16\x03\x01\x02\r\n", DropReason::NotSip),
        (b"REGISTER sip:a SIP/2.0", DropReason::NotSip),
        (b" SIP/2.0\r\n\r\n", DropReason::NotSip),
        (
            b"AVERYLONGMETHODTOKENTHATNOBODYUSES sip:a SIP/2.0\r\n\r\n",
            DropReason::NotSip,
        ),
        (&[b'x'; 301], DropReason::TooLong),
    ] {
        assert_eq!(
            admission.admit(NOW, Transport::Udp, addr(1, 1), bytes),
            Verdict::Drop(reason),
            "{bytes:?}"
        );
    }
    assert_eq!(
        admission.admit(NOW, Transport::Udp, addr(1, 1), b"\r\nX sip:a SIP/2.0\r\n\r\n"),
        Verdict::Queue
    );
    assert_eq!(
        DropReason::ALL.map(|reason| reason as usize),
        [0, 1, 2, 3, 4, 5, 6, 7, 8]
    );
}

fn with_header(method: &str, line: &str) -> Vec<u8> {
    let text = String::from_utf8(request(method, 1, "")).unwrap();
    text.replacen("Call-ID", &format!("{line}\r\nCall-ID"), 1)
        .into_bytes()
}

#[test]
fn known_phones_keep_their_place_in_a_flood_of_strangers() {
    let mut config = AdmissionConfig::new(Role::Phones, Vec::new());
    config.all_requests = Rate {
        per_second: 1,
        burst: 1,
    };
    let mut admission = Admission::new(config);
    let register = request("REGISTER", 1, "");
    let mut admit =
        |last, standing| admission.admit_as(NOW, Transport::Udp, addr(last, 5060), &register, standing);
    assert_eq!(admit(1, Standing::Unknown), Verdict::Queue);
    for last in 2..200 {
        assert_eq!(
            admit(last, Standing::Unknown),
            Verdict::Drop(DropReason::ListenerRate)
        );
    }
    assert_eq!(admit(250, Standing::Vouched), Verdict::Queue);
    assert_eq!(admit(251, Standing::Banned), Verdict::Drop(DropReason::Banned));
    // A trunk is heard whatever the list says: it is known by its address, and never on it.
    let invite = request("INVITE", 1, "");
    let verdict = trunk().admit_as(NOW, Transport::Udp, addr(1, 5060), &invite, Standing::Banned);
    assert_eq!(verdict, Verdict::Queue);
}

#[test]
fn scanners_get_no_answer_and_calls_without_credentials_soon_none() {
    let mut admission = Admission::new(AdmissionConfig::new(Role::Phones, Vec::new()));
    let mut admit = |last, bytes: &[u8]| admission.admit(NOW, Transport::Udp, addr(last, 5060), bytes);
    let scan = with_header("OPTIONS", "User-Agent: Friendly-Scanner/1.0");
    assert_eq!(admit(1, &scan), Verdict::Drop(DropReason::Scanner));
    let phone = with_header("OPTIONS", "User-Agent: Friendly Phone");
    assert_eq!(admit(1, &phone), Verdict::Queue);
    let bare = request("INVITE", 1, "");
    let heard = (0..500).filter(|_| admit(2, &bare) == Verdict::Queue).count();
    assert_eq!(heard, 50);
    let armed = with_header("INVITE", "Authorization: Digest username=\"1001\"");
    assert_eq!(
        admit(2, &armed),
        Verdict::Queue,
        "a phone that answers its challenge is heard"
    );
}

#[test]
fn one_trunk_in_a_flood_takes_nothing_from_another() {
    let mut config = AdmissionConfig::new(Role::Trunk, vec![addr(1, 0), addr(2, 0)]);
    let calls = Rate {
        per_second: 1,
        burst: 5,
    };
    config.trunks = [1, 2]
        .map(|last| TrunkCalls {
            peers: vec![addr(last, 0)],
            calls,
        })
        .to_vec();
    let mut admission = Admission::new(config);
    let mut taken = |last, from: u32| {
        let call = |number| request("INVITE", from + number, "");
        (0..20)
            .filter(|number| {
                admission.admit(NOW, Transport::Udp, addr(last, 5060), &call(*number)) == Verdict::Queue
            })
            .count()
    };
    assert_eq!((taken(1, 0), taken(2, 100)), (5, 5));
}
