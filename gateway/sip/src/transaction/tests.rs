//! The timers of RFC 3261 table 4, by the clock.

use std::time::Duration;

use hotline_types::{LegId, Rng, Time};

use super::{Arrival, Heard, Hop, Limits, Stack, TxId, User};
use crate::endpoint::wire;
use crate::header::Name;
use crate::message::Method;
use crate::timer::TimerKey;
use crate::{ListenerId, Transport};

const HOP_UDP: Hop = hop(Transport::Udp);
const HOP_TCP: Hop = hop(Transport::Tcp);

const fn hop(transport: Transport) -> Hop {
    let to = std::net::SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5060);
    Hop {
        listener: ListenerId(0),
        transport,
        conn: None,
        to,
    }
}

fn stack() -> Stack {
    let limits = Limits {
        t1: Duration::from_millis(500),
        transactions_max: 8,
    };
    Stack::new(limits, Rng::from_seed(1), Time::ZERO)
}

/// Runs all timers up to `until`; answers when messages went out and when a client transaction lapsed, in ms.
fn run(stack: &mut Stack, until_ms: u64) -> (Vec<u64>, Vec<u64>) {
    let (mut sent, mut lapsed) = (Vec::new(), Vec::new());
    let until = Time::from_millis(until_ms);
    while let Some(at) = stack.timers.next().filter(|at| *at <= until) {
        stack.now = at;
        let millis = at.as_nanos() / 1_000_000;
        match stack.timers.pop_due(at) {
            Some(TimerKey::ServerRetransmit(tx)) => stack.server_retransmit(tx),
            Some(TimerKey::ServerEnd(tx)) => stack.server_end(tx),
            Some(TimerKey::ClientRetransmit(tx)) => stack.client_retransmit(tx),
            Some(TimerKey::ClientTimeout(tx)) => lapsed.extend(stack.client_timeout(tx).map(|_| millis)),
            Some(TimerKey::ClientEnd(tx)) => stack.client_end(tx),
            other => panic!("{other:?} is not a transaction's"),
        }
        sent.extend(stack.out.drain(..).map(|_| millis));
    }
    stack.now = until;
    (sent, lapsed)
}

fn request(stack: &mut Stack, method: &str, hop: Hop) -> TxId {
    let tx = stack.new_branch();
    let bytes = wire::request(
        Method::from_token(method),
        "sip:a@127.0.0.1",
        tx,
        hop.transport,
        hop.to,
    )
    .header(Name::From, "<sip:b@c>;tag=1")
    .header(Name::To, "<sip:a@c>")
    .header(Name::CallId, "x")
    .header(Name::CSeq, format_args!("1 {method}"))
    .finish();
    stack.client_send(tx, User::Reinvite(LegId(1)), hop, bytes, method == "INVITE");
    stack.out.clear();
    tx
}

#[test]
fn requests_are_repeated_by_a_and_e_and_lapse_by_b_and_f() {
    let mut udp = stack();
    request(&mut udp, "INVITE", HOP_UDP);
    assert_eq!(
        run(&mut udp, 60_000),
        (vec![500, 1500, 3500, 7500, 15_500, 31_500], vec![32_000])
    );
    assert_eq!((udp.len(), udp.timers.len()), (0, 0));

    request(&mut udp, "BYE", HOP_UDP);
    let (sent, lapsed) = run(&mut udp, 120_000);
    let pauses: Vec<u64> = [60_000]
        .iter()
        .chain(&sent)
        .zip(&sent)
        .map(|(a, b)| b - a)
        .collect();
    assert_eq!(
        pauses,
        [500, 1000, 2000, 4000, 4000, 4000, 4000, 4000, 4000, 4000]
    );
    assert_eq!(lapsed, [92_000]);

    for method in ["INVITE", "BYE"] {
        let mut tcp = stack();
        request(&mut tcp, method, HOP_TCP);
        assert_eq!(
            run(&mut tcp, 60_000),
            (vec![], vec![32_000]),
            "{method} over a stream"
        );
    }
}

#[test]
fn provisional_answers_stop_a_and_b_but_only_slow_e() {
    let mut invite = stack();
    let tx = request(&mut invite, "INVITE", HOP_UDP);
    assert_eq!(
        invite.client_receive(tx, true, 100, b"", b""),
        Heard::For(tx, User::Reinvite(LegId(1)))
    );
    assert_eq!(
        run(&mut invite, 300_000),
        (vec![], vec![]),
        "an INVITE may ring for long"
    );

    let mut bye = stack();
    let tx = request(&mut bye, "BYE", HOP_UDP);
    bye.client_receive(tx, false, 100, b"", b"");
    assert_eq!(
        run(&mut bye, 60_000),
        (
            vec![4000, 8000, 12_000, 16_000, 20_000, 24_000, 28_000],
            vec![32_000]
        )
    );
}

#[test]
fn finished_clients_linger_by_d_k_and_m_over_datagrams_only() {
    for (method, status, hop, linger) in [
        ("INVITE", 486, HOP_UDP, 32_000),
        ("INVITE", 486, HOP_TCP, 0),
        ("INVITE", 200, HOP_UDP, 32_000),
        ("INVITE", 200, HOP_TCP, 32_000),
        ("BYE", 200, HOP_UDP, 5000),
        ("BYE", 200, HOP_TCP, 0),
    ] {
        let mut stack = stack();
        let tx = request(&mut stack, method, hop);
        stack.client_receive(tx, method == "INVITE", status, b"t", b"<sip:a@c>;tag=t");
        let acks = stack.out.drain(..).count();
        assert_eq!(
            acks,
            usize::from(status == 486),
            "{method} {status}: ACK of a refusal"
        );
        assert_eq!(
            stack.timers.next(),
            Some(Time::from_millis(linger)),
            "{method} {status} {hop:?}"
        );
        run(&mut stack, linger);
        assert_eq!((stack.len(), stack.timers.len()), (0, 0));
    }
}

#[test]
fn invite_too_long_to_be_read_again_gets_neither_ack_nor_cancel_and_ends() {
    let mut stack = stack();
    for answer in [100, 486] {
        let tx = stack.new_branch();
        let target = format!("sip:{}@c", "a".repeat(crate::message::MESSAGE_BYTES_MAX));
        let invite = wire::request(Method::Invite, &target, tx, Transport::Tcp, HOP_TCP.to).finish();
        stack.client_send(tx, User::Nobody, HOP_TCP, invite, true);
        stack.out.clear();
        stack.client_cancel(tx, None);
        assert_eq!(
            stack.client_receive(tx, true, answer, b"t", b"<sip:a@c>;tag=t"),
            Heard::For(tx, User::Nobody)
        );
        assert_eq!(stack.out.len(), 0);
        run(&mut stack, 60_000);
        assert_eq!((stack.len(), stack.timers.len()), (0, 0));
    }
}

#[test]
fn refusal_is_repeated_by_g_until_its_ack_or_h() {
    let mut lost = stack();
    let tx = lost.server_open(b"k", None, HOP_UDP, true);
    lost.server_respond(tx, 486, b"486".to_vec());
    lost.out.clear();
    let (sent, _) = run(&mut lost, 60_000);
    assert_eq!(
        sent,
        [
            500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500
        ]
    );
    assert_eq!((lost.len(), lost.timers.len()), (0, 0));

    let mut heard = stack();
    let tx = heard.server_open(b"k", None, HOP_UDP, true);
    heard.server_respond(tx, 486, b"486".to_vec());
    heard.out.clear();
    assert_eq!(heard.server_ack(b"k"), Arrival::Acknowledged);
    assert_eq!(run(&mut heard, 4999).0, []);
    assert_eq!(
        heard.server_ack(b"k"),
        Arrival::Acknowledged,
        "a repeated ACK within timer I"
    );
    run(&mut heard, 5000);
    assert_eq!((heard.len(), heard.timers.len()), (0, 0));
}

#[test]
fn answered_invite_absorbs_repetitions_until_l_and_passes_the_ack_on() {
    let mut stack = stack();
    let tx = stack.server_open(b"k", Some(b"m"), HOP_UDP, true);
    assert!(stack.is_merged(b"m"));
    stack.server_respond(tx, 180, b"180".to_vec());
    stack.out.clear();
    assert_eq!(stack.server_receive(b"k"), Arrival::Repeated);
    assert_eq!(
        stack.out.drain(..).map(|sent| sent.bytes).collect::<Vec<_>>(),
        [b"180".to_vec()]
    );
    stack.server_respond(tx, 200, b"200".to_vec());
    stack.server_respond(tx, 486, b"486".to_vec());
    assert_eq!(stack.out.drain(..).count(), 1, "the first final answer stands");
    assert_eq!(stack.server_receive(b"k"), Arrival::Repeated);
    assert_eq!((stack.server_ack(b"k"), stack.out.len()), (Arrival::New, 0));
    run(&mut stack, 32_000);
    assert!(stack.has_no_keys() && stack.len() == 0);
}

#[test]
fn answer_to_another_method_is_kept_for_j() {
    let mut stack = stack();
    let tx = stack.server_open(b"k", None, HOP_UDP, false);
    stack.server_respond(tx, 200, b"200".to_vec());
    stack.out.clear();
    run(&mut stack, 31_999);
    assert_eq!(
        (stack.server_receive(b"k"), stack.out.len()),
        (Arrival::Repeated, 1)
    );
    run(&mut stack, 32_000);
    assert_eq!(stack.server_receive(b"k"), Arrival::New);
}

#[test]
fn second_2xx_of_another_fork_is_reported_and_the_first_is_acknowledged_again() {
    let mut stack = stack();
    let tx = request(&mut stack, "INVITE", HOP_UDP);
    let user = User::Reinvite(LegId(1));
    assert_eq!(
        stack.client_receive(tx, true, 200, b"t1", b""),
        Heard::For(tx, user)
    );
    stack.client_acknowledge(tx, b"t1", HOP_UDP, b"ack1".to_vec());
    assert_eq!(stack.client_receive(tx, true, 200, b"t1", b""), Heard::Absorbed);
    assert_eq!(
        stack.client_receive(tx, true, 200, b"t2", b""),
        Heard::For(tx, user)
    );
    assert_eq!(
        stack.out.drain(..).filter(|sent| sent.bytes == b"ack1").count(),
        2
    );
}

#[test]
fn requests_of_live_dialogs_have_room_when_new_ones_have_none() {
    let mut stack = stack();
    for number in 0..8_u8 {
        assert!(stack.has_room(false));
        stack.server_open(&[number], None, HOP_UDP, false);
    }
    assert!(!stack.has_room(false) && stack.has_room(true));
    for number in 8..10_u8 {
        stack.server_open(&[number], None, HOP_UDP, false);
    }
    assert!(!stack.has_room(true));
}
