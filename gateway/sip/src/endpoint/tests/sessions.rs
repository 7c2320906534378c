//! What lives inside a dialog: reliable provisionals, session timers by either side, UPDATE, REFER, forks.

use std::time::Duration;

use hotline_types::LegId;

use super::lone::{Lone, answered, request};
use super::world::{PHONES, SDP, TRUNK, config};
use super::{CALL_IN, CALL_OUT, REGISTERED, TALKING, play};
use crate::{Command, DialFailure, Event, Input, LegEnd};

const ANSWERED: &str = super::ANSWERED;

/// A gateway that has called a phone of alice, registered by hand; its INVITE is the last message sent.
fn dialled() -> (Lone, LegId, String) {
    let mut lone = Lone::new(config());
    lone.register("alice", "10.0.1.1:5060");
    let leg = lone.gateway.new_leg();
    lone.sent.clear();
    lone.input(Input::Command(Command::DialAgent {
        leg,
        agent: "alice".parse().unwrap(),
        sdp: SDP.to_vec(),
        caller: hotline_types::Pii::new("100".to_owned()),
        display: hotline_types::Pii::new("Queue".to_owned()),
        headers: Vec::new(),
        route: None,
    }));
    let invite = lone.sent.last().unwrap().clone();
    (lone, leg, invite)
}

/// A response of the phone to a request of ours.
fn response(invite: &str, status: &str, tag: &str, extra: &str, sdp: bool) -> String {
    let line = |name: &str| {
        invite
            .lines()
            .find(|line| line.starts_with(&format!("{name}: ")))
            .unwrap()
    };
    let body = if sdp {
        String::from_utf8(SDP.to_vec()).unwrap().replace("\r\n", "\n")
    } else {
        String::new()
    };
    let kind = if sdp {
        "Content-Type: application/sdp\n"
    } else {
        ""
    };
    let length = if sdp { SDP.len() } else { 0 };
    format!(
        "SIP/2.0 {status} X\n{}\n{}\n{};tag={tag}\n{}\n{}\nContact: <sip:alice@10.0.1.1:5060>\n{extra}{kind}\
         Content-Length: {length}\n\n{body}",
        line("Via"),
        line("From"),
        line("To"),
        line("Call-ID"),
        line("CSeq")
    )
}

fn phone_says(lone: &mut Lone, text: &str) {
    lone.hear(PHONES, "10.0.1.1:5060", text);
}

#[test]
fn reliable_provisional_of_a_phone_is_acknowledged_once_and_in_order() {
    let (mut lone, leg, invite) = dialled();
    assert!(invite.contains("\r\nSupported: 100rel, timer\r\n"));
    phone_says(
        &mut lone,
        &response(&invite, "183", "p", "Require: 100rel\nRSeq: 7\n", true),
    );
    let prack = lone.sent.last().unwrap().clone();
    assert!(
        prack.starts_with("PRACK sip:alice@10.0.1.1:5060 SIP/2.0\r\n"),
        "{prack}"
    );
    assert!(prack.contains("\r\nRAck: 7 1 INVITE\r\n") && prack.contains("\r\nCSeq: 2 PRACK\r\n"));
    phone_says(
        &mut lone,
        &response(&prack, "200", "p", "", false).replace(";tag=p;tag=p", ";tag=p"),
    );
    let pracks = |lone: &Lone| lone.labels().iter().filter(|label| *label == "PRACK").count();
    phone_says(
        &mut lone,
        &response(&invite, "183", "p", "Require: 100rel\nRSeq: 7\n", true),
    );
    phone_says(
        &mut lone,
        &response(&invite, "180", "p", "Require: 100rel\nRSeq: 9\n", false),
    );
    assert_eq!(
        pracks(&lone),
        1,
        "a repetition and one out of order are not acknowledged"
    );
    phone_says(
        &mut lone,
        &response(&invite, "180", "p", "Require: 100rel\nRSeq: 8\n", false),
    );
    assert_eq!(pracks(&lone), 2);
    // The 2xx holds no SDP: the answer was in the 183.
    phone_says(&mut lone, &response(&invite, "200", "p", "", false));
    assert!(matches!(lone.events.last(), Some(Event::Answered { answer, .. }) if answer == SDP));
    assert!(lone.last("CSeq").unwrap().starts_with("1 ACK"));
    lone.input(Input::Command(Command::Release {
        leg,
        reason: crate::ReleaseReason::Normal,
    }));
    assert_eq!(
        lone.last("CSeq"),
        Some("4 BYE"),
        "behind the PRACKs of its dialog"
    );
}

#[test]
fn second_fork_that_answers_is_acknowledged_and_ended() {
    let (mut lone, leg, invite) = dialled();
    phone_says(&mut lone, &response(&invite, "200", "first", "", true));
    assert!(matches!(lone.events.last(), Some(Event::Answered { .. })));
    let before = lone.sent.len();
    phone_says(&mut lone, &response(&invite, "200", "second", "", true));
    assert_eq!(lone.labels()[before..], ["ACK", "BYE"]);
    assert!(lone.sent[before + 1].contains(";tag=second\r\n"));
    phone_says(&mut lone, &response(&invite, "200", "second", "", true));
    assert_eq!(
        lone.labels()[before + 2..],
        ["ACK"],
        "its repetition: the same ACK again"
    );
    assert_eq!(lone.gateway.legs(), 1, "the first goes on as leg {leg:?}");
}

#[test]
fn early_dialog_of_a_phone_takes_update_but_no_second_offer() {
    let (mut lone, _, invite) = dialled();
    phone_says(
        &mut lone,
        &response(&invite, "180", "p", "Require: 100rel\nRSeq: 1\n", false),
    );
    let from = invite.lines().find(|line| line.starts_with("From: ")).unwrap();
    let call_id = invite.lines().find(|line| line.starts_with("Call-ID: ")).unwrap();
    let update = |branch: &str, cseq: u32, body: &str| {
        format!(
            "UPDATE sip:hotline@10.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bK{branch};rport\n\
             From: <sip:alice@10.0.0.1>;tag=p\n{}\n{call_id}\nCSeq: {cseq} UPDATE\nContact: <sip:alice@10.0.1.1>\n\
             Content-Type: application/sdp\nContent-Length: {}\n\n{body}",
            from.replacen("From:", "To:", 1),
            body.len()
        )
    };
    phone_says(&mut lone, &update("u1", 1, ""));
    assert_eq!(lone.labels().last().unwrap(), "200 UPDATE");
    phone_says(&mut lone, &update("u2", 2, "v=0"));
    assert_eq!(lone.labels().last().unwrap(), "491 UPDATE", "our offer is open");
}

/// An INVITE of a trunk that requires 100rel, progressed with 180: the leg, and a line of the last answer.
fn progressed() -> (Lone, LegId, String, String) {
    let mut lone = Lone::new(config());
    lone.hear(
        TRUNK,
        "10.0.0.2:5060",
        &request("INVITE", "b1", "", "Require: 100rel\n"),
    );
    let leg = lone
        .events
        .iter()
        .find_map(|event| match event {
            Event::Incoming { leg, .. } => Some(*leg),
            _ => None,
        })
        .expect("a call that requires 100rel is taken");
    lone.input(Input::Command(Command::Progress {
        leg,
        status: 180,
        sdp: None,
    }));
    assert_eq!(lone.last("Require"), Some("100rel"));
    let rseq = lone.last("RSeq").unwrap().to_owned();
    let tag = lone
        .last("To")
        .unwrap()
        .rsplit_once(";tag=")
        .unwrap()
        .1
        .to_owned();
    (lone, leg, rseq, tag)
}

fn prack(tag: &str, rack: &str, cseq: u32, branch: &str) -> String {
    request(
        "PRACK",
        branch,
        &format!(";tag={tag}"),
        &format!("RAck: {rack}\n"),
    )
    .replace("CSeq: 1 PRACK", &format!("CSeq: {cseq} PRACK"))
}

#[test]
fn provisional_that_a_trunk_requires_to_be_reliable_is_repeated_until_its_prack() {
    let (mut lone, leg, rseq, tag) = progressed();
    lone.wait(Duration::from_millis(1600));
    let sent = |lone: &Lone, what: &str| lone.labels().iter().filter(|label| *label == what).count();
    assert_eq!(sent(&lone, "180 INVITE"), 3, "at once, after T1, after two more");
    // A second provisional waits for the PRACK of the first.
    lone.input(Input::Command(Command::Progress {
        leg,
        status: 183,
        sdp: None,
    }));
    assert_eq!(sent(&lone, "183 INVITE"), 0);
    lone.hear(
        TRUNK,
        "10.0.0.2:5060",
        &prack(
            &tag,
            &format!("{} 1 INVITE", rseq.parse::<u32>().unwrap() + 5),
            2,
            "p0",
        ),
    );
    assert_eq!(lone.labels().last().unwrap(), "481 PRACK");
    lone.hear(
        TRUNK,
        "10.0.0.2:5060",
        &prack(&tag, &format!("{rseq} 1 INVITE"), 3, "p1"),
    );
    assert_eq!(sent(&lone, "200 PRACK"), 1);
    assert_eq!(sent(&lone, "183 INVITE"), 1);
    let next = (rseq.parse::<u32>().unwrap() + 1).to_string();
    assert_eq!(lone.last("RSeq"), Some(next.as_str()));
    // Our 200 overtakes the second PRACK, which is answered all the same.
    lone.input(Input::Command(Command::Answer {
        leg,
        sdp: SDP.to_vec(),
    }));
    lone.hear(
        TRUNK,
        "10.0.0.2:5060",
        &prack(&tag, &format!("{next} 1 INVITE"), 4, "p2"),
    );
    assert_eq!(lone.labels().last().unwrap(), "200 PRACK");
    lone.hear(
        TRUNK,
        "10.0.0.2:5060",
        &request("ACK", "b9", &format!(";tag={tag}"), ""),
    );
    assert!(matches!(lone.events.last(), Some(Event::Confirmed { .. })));
}

#[test]
fn provisional_whose_prack_never_comes_ends_the_call_with_504() {
    let (mut lone, _, _, _) = progressed();
    lone.wait(Duration::from_secs(33));
    assert!(lone.labels().contains(&"504 INVITE".to_owned()));
    assert!(lone.events.iter().any(|event| matches!(
        event,
        Event::Ended {
            end: LegEnd::NoAck,
            ..
        }
    )));
    assert_eq!(lone.gateway.legs(), 0);
}

#[test]
fn session_that_we_are_asked_to_refresh_is_refreshed_by_update() {
    let (mut lone, tag) =
        answered("Session-Expires: 120;refresher=uas\nSupported: timer\nAllow: INVITE, UPDATE\n");
    let ok = lone
        .sent
        .iter()
        .rev()
        .find(|text| text.starts_with("SIP/2.0 200"))
        .unwrap();
    assert!(ok.contains("\r\nSession-Expires: 120;refresher=uas\r\n") && !ok.contains("Require"));
    for _ in 0..3 {
        lone.wait(Duration::from_millis(60_050));
        let update = lone.sent.last().unwrap().clone();
        assert!(
            update.starts_with("UPDATE ") && update.contains("\r\nSession-Expires: 120;refresher=uac\r\n")
        );
        let ok = response(&update, "200", "x", "Session-Expires: 120;refresher=uac\n", false)
            .replace(";tag=x", "");
        lone.hear(TRUNK, "10.0.0.2:5060", &ok);
    }
    assert_eq!(
        lone.gateway.legs(),
        1,
        "three refreshes later the call {tag} lives"
    );
    // A peer that is gone does not answer the next one.
    lone.wait(Duration::from_secs(100));
    assert!(lone.events.iter().any(|event| matches!(
        event,
        Event::Ended {
            end: LegEnd::Broken | LegEnd::SessionExpired,
            ..
        }
    )));
}

#[test]
fn session_is_refreshed_by_re_invite_where_the_peer_does_not_know_update() {
    let (mut lone, _) = answered("Session-Expires: 120;refresher=uas\nSupported: timer\n");
    lone.wait(Duration::from_millis(60_050));
    let again = lone.sent.last().unwrap().clone();
    assert!(again.starts_with("INVITE ") && again.contains("\r\nSession-Expires: 120;refresher=uac\r\n"));
    assert!(
        again.ends_with(std::str::from_utf8(SDP).unwrap()),
        "with the SDP that holds"
    );
}

#[test]
fn called_phones_session_timer_is_kept_by_us_and_a_longer_one_is_asked_for_again() {
    let (mut lone, _, invite) = dialled();
    assert!(invite.contains("\r\nSession-Expires: 1800\r\n"));
    phone_says(&mut lone, &response(&invite, "422", "p", "Min-SE: 3600\n", false));
    let again = lone.sent.last().unwrap().clone();
    assert!(
        again.starts_with("INVITE ")
            && again.contains("\r\nSession-Expires: 3600\r\n")
            && again.contains("\r\nMin-SE: 3600\r\n")
    );
    let granted = "Session-Expires: 3600;refresher=uac\nRequire: timer\nAllow: UPDATE\n";
    phone_says(&mut lone, &response(&again, "200", "p", granted, true));
    lone.wait(Duration::from_millis(1_800_100));
    assert!(lone.labels().contains(&"UPDATE".to_owned()));
    assert!(!lone.events.iter().any(|event| matches!(
        event,
        Event::Failed {
            failure: DialFailure::Status(_),
            ..
        }
    )));
}

#[test]
fn transfer_is_reported_to_the_phone_that_asked_for_it() {
    play(&format!(
        "{REGISTERED}{CALL_OUT}{TALKING}
        alice refers bob
        wait 50
        expect gateway referred bob Nothing
        alice refers bob
        wait 50
        sent 1 gateway: 491 REFER
        expect alice refer-progress 491
        gateway answers-refer out 202
        wait 50
        sent 1 gateway: 202 REFER
        sent 1 gateway: NOTIFY
        alice refers bob
        wait 50
        expect alice refer-progress 491
        alice hangs-up
        wait 50
        expect gateway ended Bye"
    ));
    play(&format!(
        "{REGISTERED}{CALL_OUT}{TALKING}
        alice refers bob
        wait 50
        expect gateway referred bob Nothing
        gateway answers-refer out 202
        wait 50
        expect alice refer-progress 100
        gateway refer-progress out 180
        gateway refer-progress out 200
        gateway refer-progress out 503
        wait 50
        expect alice refer-progress 180
        expect alice refer-progress 200
        sent 3 gateway: NOTIFY
        said 1 terminated;reason=noresource
        alice hangs-up
        wait 50
        expect gateway ended Bye"
    ));
    play(&format!(
        "{CALL_IN}{ANSWERED}
        trunk refers 999
        wait 50
        expect gateway referred 999 Nothing
        gateway answers-refer in 403
        wait 50
        expect trunk refer-progress 403
        trunk hangs-up
        wait 50
        expect gateway ended Bye"
    ));
}

#[test]
fn replaces_names_a_leg_by_its_dialog_and_nothing_else() {
    let (mut lone, tag) = answered("");
    let mut refer = |cseq: u32, to: &str| {
        let text = request(
            "REFER",
            &format!("r{cseq}"),
            &format!(";tag={tag}"),
            &format!("Refer-To: {to}\n"),
        )
        .replace("CSeq: 1 REFER", &format!("CSeq: {cseq} REFER"));
        lone.hear(TRUNK, "10.0.0.2:5060", &text);
        let told = lone.events.iter().rev().find_map(|event| match event {
            Event::Referred { leg, user, replaces } => Some((*leg, user.clone(), *replaces)),
            _ => None,
        });
        if let Some((leg, ..)) = told {
            lone.input(Input::Command(Command::AnswerRefer { leg, status: 486 }));
        }
        (lone.labels().last().unwrap().clone(), told)
    };
    let own = format!("<sip:bob@10.0.0.1?Replaces=c1%4010.0.0.2%3Bto-tag%3D{tag}%3Bfrom-tag%3Df1>");
    let (answer, told) = refer(2, &own);
    let (leg, user, replaces) = told.unwrap();
    assert_eq!(
        (answer.as_str(), user.as_str(), replaces),
        ("486 REFER", "bob", crate::Replaced::Leg(leg))
    );
    let foreign = own.replace("f1>", "f2>");
    assert_eq!(
        refer(3, &foreign).1.unwrap().2,
        crate::Replaced::Unknown,
        "another dialog's tag"
    );
    assert_eq!(
        refer(4, "<sip:b@h?Replaces=%zz>").1.unwrap().2,
        crate::Replaced::Nothing
    );
    assert_eq!(refer(5, "<mailto:x@y>").0, "416 REFER");
    assert_eq!(refer(6, "<sip:a@b>\nRefer-To: <sip:c@d>").0, "400 REFER");
}
