//! Calls as scripts between a gateway, a trunk and phones, in virtual time.

mod flood;
mod lone;
mod races;
mod sessions;
mod trunk;
pub(crate) mod world;

use hotline_types::Pii;

use crate::{Command, Input, PhoneCommand, PhoneInput, ReleaseReason};
use world::{SDP, World, address, config};

/// Plays a script, one step a line, and demands that everything drains afterwards.
///
/// `WHO calls NUMBER [tcp]`, `WHO rings|answers|hangs-up|reoffers|accepts-reoffer`, `WHO rejects STATUS`,
/// `WHO presses DIGIT`, `WHO registers PASSWORD SECONDS [tcp]`, `WHO unregisters`, `gateway rings|answers`,
/// `gateway rejects STATUS`, `gateway dials AGENT`, `gateway releases in|out REASON`,
/// `gateway reoffers|accepts-reoffer in|out`, `gateway refuses-reoffer in|out STATUS`, `lose COUNT PATTERN`,
/// `refuse tcp`, `wait MILLIS`, `expect WHO WHAT` (the next thing reported), `quiet` (nothing was reported),
/// `sent COUNT PATTERN` (so many messages ended with the pattern so far), `said COUNT TEXT` (so many held the text).
fn play(script: &str) {
    let mut world = World::new(1, config());
    for (number, line) in script.lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if !words.is_empty() {
            step(&mut world, &words, &format!("line {}: {}", number, line.trim()));
        }
    }
    assert!(world.log.is_empty(), "unexpected at the end: {:?}", world.log);
    for who in ["alice", "alice2", "bob"] {
        let user = who.trim_end_matches('2').to_owned();
        world.phone_input(who, PhoneInput::Command(PhoneCommand::Unregister { user }));
    }
    world.assert_drained();
}

fn step(world: &mut World, words: &[&str], place: &str) {
    match words {
        ["wait", millis] => world.run_for(millis.parse().unwrap()),
        ["lose", count, pattern @ ..] => world.losses.push((pattern.join(" "), count.parse().unwrap())),
        ["refuse", "tcp"] => world.no_tcp = true,
        ["quiet"] => assert!(world.log.is_empty(), "{place}: {:?}", world.log),
        ["expect", what @ ..] => {
            let next = world.log.pop_front();
            assert_eq!(
                next.as_deref(),
                Some(what.join(" ").as_str()),
                "{place}, then {:?}",
                world.log
            );
        }
        ["sent", count, pattern @ ..] => {
            let pattern = pattern.join(" ");
            let found = world
                .wire
                .iter()
                .filter(|label| label.ends_with(&pattern))
                .count();
            assert_eq!(
                found,
                count.parse::<usize>().unwrap(),
                "{place}: {:#?}",
                world.wire
            );
        }
        ["said", count, text @ ..] => {
            let text = text.join(" ");
            let found = world
                .texts
                .iter()
                .filter(|message| message.contains(&text))
                .count();
            assert_eq!(found, count.parse::<usize>().unwrap(), "{place}");
        }
        ["gateway", rest @ ..] => gateway_step(world, rest, place),
        [who, rest @ ..] => phone_step(world, who, rest, place),
        [] => {}
    }
}

fn gateway_step(world: &mut World, words: &[&str], place: &str) {
    let (sdp, name) = (SDP.to_vec(), words.get(1).copied().unwrap_or(""));
    let command = match words {
        ["rings"] => Command::Progress {
            leg: world.leg("in"),
            status: 180,
            sdp: None,
        },
        ["answers"] => Command::Answer {
            leg: world.leg("in"),
            sdp,
        },
        ["rejects", status] => Command::Reject {
            leg: world.leg("in"),
            status: status.parse().unwrap(),
            retry_after_s: Some(7),
            warning: Some("no \"codec\"".to_owned()),
        },
        ["dials", agent] => {
            world.dial(agent, sdp);
            return;
        }
        ["dials", agent, "at-length"] => {
            let mut long = sdp;
            long.extend_from_slice("a=x:padding\r\n".repeat(80).as_bytes());
            world.dial(agent, long);
            return;
        }
        ["releases", leg, reason] => {
            let reason = match *reason {
                "elsewhere" => ReleaseReason::CompletedElsewhere,
                "no-answer" => ReleaseReason::NoAnswer,
                "shutdown" => ReleaseReason::Shutdown,
                _ => ReleaseReason::Normal,
            };
            return world.release(leg, reason);
        }
        ["reoffers", _] => Command::Reoffer {
            leg: world.leg(name),
            sdp,
        },
        ["accepts-reoffer", _] => Command::AnswerReoffer {
            leg: world.leg(name),
            sdp,
        },
        ["refuses-reoffer", _, status] => Command::RejectReoffer {
            leg: world.leg(name),
            status: status.parse().unwrap(),
        },
        ["answers-refer", _, status] => Command::AnswerRefer {
            leg: world.leg(name),
            status: status.parse().unwrap(),
        },
        ["refer-progress", _, status] => Command::ReferProgress {
            leg: world.leg(name),
            status: status.parse().unwrap(),
        },
        ["forgets", agent] => Command::RemoveCredentials(agent.parse().unwrap()),
        _ => panic!("{place}: no such step"),
    };
    world.gateway_input(Input::Command(command));
}

fn phone_step(world: &mut World, who: &str, words: &[&str], place: &str) {
    let sdp = SDP.to_vec();
    let command = match words {
        ["calls", number, rest @ ..] => {
            let from = if who == "trunk" { "+8613800138000" } else { who };
            world.call(who, from, number, *rest == ["tcp"]);
            return;
        }
        ["registers", password, seconds, rest @ ..] => {
            world.register(who, password, seconds.parse().unwrap(), *rest == ["tcp"]);
            return;
        }
        ["unregisters"] => PhoneCommand::Unregister {
            user: who.trim_end_matches('2').to_owned(),
        },
        ["rings"] => PhoneCommand::Ring { leg: world.leg(who) },
        ["answers"] => PhoneCommand::Answer {
            leg: world.leg(who),
            sdp,
        },
        ["rejects", status] => PhoneCommand::Reject {
            leg: world.leg(who),
            status: status.parse().unwrap(),
        },
        ["hangs-up"] => PhoneCommand::Hangup { leg: world.leg(who) },
        ["reoffers"] => PhoneCommand::Reoffer {
            leg: world.leg(who),
            sdp,
        },
        ["accepts-reoffer"] => PhoneCommand::AnswerReoffer {
            leg: world.leg(who),
            sdp,
        },
        ["refuses-reoffer", status] => PhoneCommand::RejectReoffer {
            leg: world.leg(who),
            status: status.parse().unwrap(),
        },
        ["presses", digit] => PhoneCommand::Digit {
            leg: world.leg(who),
            digit: Pii::new(digit.chars().next().unwrap()),
        },
        ["refers", user] => PhoneCommand::Refer {
            leg: world.leg(who),
            uri: format!("sip:{user}@10.0.0.1"),
            replaces: None,
        },
        ["disconnects"] => {
            let at = world::PEOPLE
                .iter()
                .find(|(known, _)| *known == who)
                .map(|(_, at)| address(at))
                .unwrap();
            let conn = world::conn_of(at, address("10.0.0.1:5060"));
            return world.gateway_input(Input::Closed(conn));
        }
        _ => panic!("{place}: no such step"),
    };
    world.phone_input(who, PhoneInput::Command(command));
}

const CALL_IN: &str = "
    trunk calls 4001
    wait 50
    expect gateway incoming Trunk(carrier) 4001 +8613800138000 offer
";
const ANSWERED: &str = "
    gateway rings
    wait 50
    expect trunk ringing
    gateway answers
    wait 50
    expect trunk answered
    expect gateway confirmed
";
const REGISTERED: &str = "
    alice registers secret 3600
    wait 100
    expect gateway registered alice
    expect alice registered
";
const CALL_OUT: &str = "
    gateway dials alice
    wait 50
    expect alice incoming alice +8613800138000
    alice rings
    wait 50
    expect gateway ringing
";
const TALKING: &str = "
    alice answers
    wait 50
    expect gateway answered
    expect alice confirmed
";

#[test]
fn caller_is_answered_and_hangs_up() {
    play(&format!(
        "{CALL_IN}{ANSWERED} trunk hangs-up\n wait 50\n expect gateway ended Bye\n sent 1 trunk: BYE"
    ));
}

#[test]
fn gateway_hangs_up_on_the_caller() {
    play(&format!(
        "{CALL_IN}{ANSWERED} gateway releases in normal\n wait 50\n expect trunk ended Bye"
    ));
}

#[test]
fn caller_who_gives_up_before_the_answer_is_told_487() {
    let script = "trunk hangs-up
        wait 50
        expect gateway ended Cancelled
        sent 1 gateway: 200 CANCEL
        sent 1 gateway: 487 INVITE";
    play(&format!("{CALL_IN}{script}"));
    play(&format!(
        "{CALL_IN} gateway rings\n wait 50\n expect trunk ringing\n{script}"
    ));
}

#[test]
fn cancel_waits_for_a_provisional_answer() {
    play(
        "lose 2 gateway: 100 INVITE
        trunk calls 4001
        trunk hangs-up
        wait 100
        expect gateway incoming Trunk(carrier) 4001 +8613800138000 offer
        sent 0 trunk: CANCEL
        wait 3000
        expect gateway ended Cancelled
        sent 1 trunk: CANCEL",
    );
}

#[test]
fn cancel_that_crosses_our_200_ends_in_a_bye_by_the_caller() {
    play(&format!(
        "{CALL_IN}
        gateway rings
        wait 50
        expect trunk ringing
        gateway answers
        trunk hangs-up
        wait 500
        expect gateway confirmed
        expect gateway ended Bye
        sent 1 trunk: CANCEL
        sent 1 trunk: BYE"
    ));
}

#[test]
fn cancel_of_ours_that_crosses_the_answer_of_the_phone_ends_in_our_bye() {
    play(&format!(
        "{REGISTERED}{CALL_OUT}
        alice answers
        gateway releases out no-answer
        wait 500
        expect alice confirmed
        expect alice ended Bye
        sent 1 gateway: CANCEL
        sent 1 gateway: BYE"
    ));
}

#[test]
fn refused_caller_hears_the_status_and_the_reason() {
    for status in ["404", "486", "488", "503", "603"] {
        play(&format!(
            "{CALL_IN} gateway rejects {status}\n wait 50\n expect trunk failed Status({status})\n sent 1 trunk: ACK"
        ));
    }
    for (reason, status) in [("normal", 480), ("shutdown", 503)] {
        play(&format!(
            "{CALL_IN} gateway releases in {reason}\n wait 50\n expect trunk failed Status({status})"
        ));
    }
}

#[test]
fn lost_refusal_is_sent_again_until_its_ack() {
    play(&format!(
        "lose 2 gateway: 486 INVITE
        lose 1 trunk: ACK
        {CALL_IN}
        gateway rejects 486
        wait 10000
        expect trunk failed Status(486)
        sent 4 gateway: 486 INVITE
        sent 2 trunk: ACK"
    ));
}

#[test]
fn lost_200_and_lost_ack_are_sent_again() {
    play(&format!(
        "lose 2 gateway: 200 INVITE
        lose 1 trunk: ACK
        {CALL_IN}
        gateway answers
        wait 8000
        expect trunk answered
        expect gateway confirmed
        sent 4 gateway: 200 INVITE
        sent 2 trunk: ACK
        trunk hangs-up
        wait 50
        expect gateway ended Bye"
    ));
}

#[test]
fn ack_that_never_comes_ends_the_leg_after_64_t1() {
    play(&format!(
        "lose 99 trunk: ACK
        {CALL_IN}
        gateway answers
        wait 31900
        expect trunk answered
        quiet
        wait 300
        expect gateway ended NoAck
        expect trunk ended Bye"
    ));
}

#[test]
fn release_before_the_ack_waits_for_it() {
    play(&format!(
        "lose 1 trunk: ACK
        {CALL_IN}
        gateway answers
        gateway releases in normal
        wait 2000
        expect trunk answered
        expect trunk ended Bye
        sent 1 gateway: BYE"
    ));
}

#[test]
fn repeated_invite_after_the_answer_is_absorbed() {
    play(&format!(
        "lose 2 gateway: 100 INVITE
        lose 2 gateway: 200 INVITE
        {CALL_IN}
        gateway answers
        wait 2000
        expect trunk answered
        expect gateway confirmed
        sent 3 trunk: INVITE
        sent 1 gateway: 100 INVITE
        trunk hangs-up
        wait 100
        expect gateway ended Bye"
    ));
}

#[test]
fn lost_bye_is_sent_again() {
    play(&format!(
        "{CALL_IN}{ANSWERED}
        lose 3 trunk: BYE
        trunk hangs-up
        wait 8000
        expect gateway ended Bye
        sent 4 trunk: BYE"
    ));
}

#[test]
fn agent_answers_and_hangs_up() {
    play(&format!(
        "{REGISTERED}{CALL_OUT}{TALKING}
        alice hangs-up
        wait 50
        expect gateway ended Bye"
    ));
}

#[test]
fn agent_who_refuses_ends_the_dialling() {
    for status in ["486", "603", "480", "488"] {
        play(&format!(
            "{REGISTERED}{CALL_OUT} alice rejects {status}\n wait 50\n expect gateway failed Status({status})"
        ));
    }
}

#[test]
fn agent_without_a_phone_is_unreachable_at_once() {
    play("gateway dials alice\n expect gateway failed Unreachable");
}

#[test]
fn phone_that_says_nothing_is_unreachable_after_64_t1() {
    play(&format!(
        "{REGISTERED}
        lose 99 gateway: INVITE
        gateway dials alice
        wait 31900
        quiet
        wait 200
        expect gateway failed Unreachable"
    ));
}

#[test]
fn first_phone_to_answer_wins_and_the_other_is_cancelled_as_completed_elsewhere() {
    play(&format!(
        "{REGISTERED}
        alice2 registers secret 3600
        wait 100
        expect alice2 registered
        gateway dials alice
        wait 50
        expect alice incoming alice +8613800138000
        expect alice2 incoming alice +8613800138000
        alice rings
        alice2 rings
        wait 50
        expect gateway ringing
        alice2 answers
        wait 50
        expect gateway answered
        expect alice2 confirmed
        expect alice ended Cancelled
        sent 1 gateway: CANCEL
        said 1 Reason: SIP;cause=200;text=\"Call completed elsewhere\"
        said 2 X-Hotline-Queue: after-sales
        alice2 hangs-up
        wait 50
        expect gateway ended Bye"
    ));
}

#[test]
fn call_fails_only_when_every_phone_has_refused_and_603_ends_all() {
    let both = format!(
        "{REGISTERED}
        alice2 registers secret 3600
        wait 100
        expect alice2 registered
        gateway dials alice
        wait 50
        expect alice incoming alice +8613800138000
        expect alice2 incoming alice +8613800138000"
    );
    play(&format!(
        "{both}
        alice rejects 500
        wait 50
        quiet
        alice2 rejects 486
        wait 50
        expect gateway failed Status(486)"
    ));
    play(&format!(
        "{both}
        alice rejects 603
        wait 50
        expect alice2 ended Cancelled
        expect gateway failed Status(603)"
    ));
}

#[test]
fn both_phones_answering_at_once_leave_one_call() {
    play(&format!(
        "{REGISTERED}
        alice2 registers secret 3600
        wait 100
        expect alice2 registered
        gateway dials alice
        wait 50
        expect alice incoming alice +8613800138000
        expect alice2 incoming alice +8613800138000
        alice answers
        alice2 answers
        wait 200
        expect gateway answered
        expect alice confirmed
        expect alice2 confirmed
        expect alice2 ended Bye
        alice hangs-up
        wait 50
        expect gateway ended Bye"
    ));
}

#[test]
fn hold_by_the_agent_is_a_reoffer() {
    play(&format!(
        "{REGISTERED}{CALL_OUT}{TALKING}
        alice reoffers
        wait 50
        expect gateway reoffered offer
        gateway accepts-reoffer out
        wait 50
        expect alice reoffer-answered
        alice reoffers
        wait 50
        expect gateway reoffered offer
        gateway refuses-reoffer out 488
        wait 50
        expect alice reoffer-refused 488
        gateway releases out normal
        wait 50
        expect alice ended Bye"
    ));
}

#[test]
fn glare_is_resolved_by_waiting() {
    play(&format!(
        "{REGISTERED}{CALL_OUT}{TALKING}
        alice reoffers
        gateway reoffers out
        wait 100
        sent 1 gateway: 491 INVITE
        sent 1 alice: 491 INVITE
        wait 2000
        expect gateway reoffered offer
        gateway accepts-reoffer out
        wait 2000
        expect alice reoffer-answered
        expect alice reoffered
        alice accepts-reoffer
        wait 100
        expect gateway reoffer-answered
        alice hangs-up
        wait 50
        expect gateway ended Bye"
    ));
}

#[test]
fn reoffer_waits_for_the_ack_of_the_first_invite() {
    play(&format!(
        "lose 1 trunk: ACK
        {CALL_IN}
        gateway answers
        gateway reoffers in
        wait 100
        expect trunk answered
        quiet
        wait 1000
        expect gateway confirmed
        expect trunk reoffered
        trunk accepts-reoffer
        wait 100
        expect gateway reoffer-answered
        gateway releases in normal
        wait 50
        expect trunk ended Bye"
    ));
}

#[test]
fn probe_of_a_dead_peer_ends_the_leg() {
    play(&format!(
        "{REGISTERED}{CALL_OUT}{TALKING}
        lose 999 gateway: INVITE
        lose 999 gateway: BYE
        gateway reoffers out
        wait 33000
        expect gateway ended Broken
        alice hangs-up
        wait 100"
    ));
}

#[test]
fn bye_before_the_lost_200_fails_the_fork() {
    play(&format!(
        "{REGISTERED}{CALL_OUT}
        lose 99 alice: 200 INVITE
        alice answers
        wait 100
        alice hangs-up
        wait 40000
        expect gateway failed Status(480)"
    ));
}

#[test]
fn digits_by_info_are_heard() {
    play(&format!(
        "{CALL_IN}{ANSWERED}
        trunk presses 5
        wait 50
        expect gateway digit 5
        trunk presses #
        wait 50
        expect gateway digit #
        trunk hangs-up
        wait 50
        expect gateway ended Bye"
    ));
}

#[test]
fn agents_phone_may_call_with_its_digest_only() {
    play(&format!(
        "{REGISTERED}
        alice calls 100
        wait 100
        expect gateway incoming Agent(alice) 100 alice offer
        gateway answers
        wait 50
        expect alice answered
        expect gateway confirmed
        alice hangs-up
        wait 50
        expect gateway ended Bye
        stranger calls 100
        wait 100
        expect stranger failed Status(401)"
    ));
}

#[test]
fn wrong_password_is_refused_and_counted() {
    play(
        "alice registers wrong 3600
        wait 200
        expect alice register-failed Some(401)
        sent 2 gateway: 401 REGISTER
        sent 0 gateway: 200 REGISTER",
    );
}

#[test]
fn nonce_is_used_again_until_it_is_stale() {
    play(&format!(
        "{REGISTERED}
        wait 5500000
        expect alice registered
        expect alice registered
        expect alice registered
        sent 2 gateway: 401 REGISTER
        said 1 stale=true
        sent 4 gateway: 200 REGISTER
        alice unregisters
        wait 100
        expect gateway unregistered alice"
    ));
}

#[test]
fn registration_too_brief_is_made_longer() {
    play(
        "alice registers secret 10
        wait 200
        expect gateway registered alice
        expect alice registered
        sent 1 gateway: 423 REGISTER
        wait 40000
        expect alice registered",
    );
}

#[test]
fn registration_ends_by_removal_expiry_and_lost_password() {
    play(&format!(
        "{REGISTERED} alice unregisters\n wait 100\n expect gateway unregistered alice"
    ));
    play(
        "lose 9999 alice: OPTIONS
        alice registers secret 60
        wait 100
        expect gateway registered alice
        expect alice registered
        lose 9999 alice: REGISTER
        wait 59000
        wait 1000
        expect gateway unregistered alice
        wait 10000
        expect alice register-failed None",
    );
    play(&format!(
        "{REGISTERED} gateway forgets alice\n expect gateway unregistered alice"
    ));
}

#[test]
fn phone_over_tcp_is_called_over_its_connection_and_lost_with_it() {
    play(
        "alice registers secret 3600 tcp
        wait 100
        expect gateway registered alice
        expect alice registered
        gateway dials alice
        wait 50
        expect alice incoming alice +8613800138000
        alice answers
        wait 50
        expect gateway answered
        expect alice confirmed
        gateway releases out normal
        wait 50
        expect alice ended Bye
        alice disconnects
        expect gateway unregistered alice",
    );
}

#[test]
fn long_request_goes_by_tcp_and_back_to_udp_where_tcp_is_refused() {
    let call = "gateway dials alice at-length
        wait 200
        expect alice incoming alice +8613800138000
        alice answers
        wait 50
        expect gateway answered
        expect alice confirmed
        gateway releases out normal
        wait 50
        expect alice ended Bye";
    play(&format!("{REGISTERED}{call}\n sent 1 gateway: INVITE"));
    play(&format!(
        "{REGISTERED} refuse tcp\n {call}\n sent 2 gateway: INVITE"
    ));
}
