//! Agents: five ways for an offer to fail, the three axes, release.

use super::script::check;

const TWO: &str = "
    start 2026-11-24T02:00:00Z
    agents anna ben
    band day 08:00-20:00 anna ben
    queue sales agents=anna,ben wrap=20
    queue help agents=anna wrap=0
";

fn check_two(script: &str) {
    check(&format!("{TWO}\nt=0 login anna ben\n{script}"));
}

#[test]
fn missed_offer_sends_the_agent_to_the_back_and_the_caller_to_the_next_at_once() {
    check_two(
        "
        t=10 call A sales
        > offer A anna
        t=11 ringing A
        t=27 wait
        > @26 A at anna Missed; @26 withdraw A Missed; @26 anna Idle until 36; @26 offer A ben
        t=28 answer A ben 18
        t=29 call B sales
        ? routable =
        t=30 end A
        > ben WrapUp until 50
        t=37 wait
        > @36 offer B anna
        t=38 answer B#1 anna 9
        t=60 end B
        > anna WrapUp until 80
        t=81 call C sales
        > offer C ben
        ",
    );
}

#[test]
fn agent_who_keeps_missing_is_paused_and_an_answer_begins_the_count_anew() {
    check_two(
        "
        t=0 pause ben meal
        > ben paused meal
        t=1 call A sales
        > offer A anna
        t=1 ringing A
        t=20 wait
        > @16 A at anna Missed; @16 withdraw A Missed; @16 anna Idle until 26
        t=26 wait
        > offer A anna
        t=26 ringing A
        t=51 wait
        > @41 A at anna Missed; @41 withdraw A Missed; @41 anna Idle until 51; offer A anna
        t=51 ringing A
        t=52 answer A anna 51
        t=53 end A
        > anna WrapUp until 73
        t=73 call B sales
        > offer B anna
        t=73 ringing B
        t=98 wait
        > @88 B at anna Missed; @88 withdraw B Missed; @88 anna Idle until 98; offer B anna
        t=98 ringing B
        t=123 wait
        > @113 B at anna Missed; @113 withdraw B Missed; @113 anna Idle until 123; offer B anna
        t=123 ringing B
        t=200 wait
        > @138 B at anna Missed; @138 withdraw B Missed; @138 anna paused rona
        ? staff sales = 2
        t=201 release anna
        > anna released from Idle
        > anna ready; offer B anna
        ",
    );
}

#[test]
fn busy_phone_is_left_alone_for_the_cool_off_even_if_it_registers() {
    check_two(
        "
        t=1 call A help
        > offer A anna
        t=2 fail A busy
        > A at anna Busy; anna Idle until 12; anna BusyElsewhere
        t=5 register anna
        t=6 ready anna
        t=13 wait
        > @12 anna Registered; @12 offer A anna
        ",
    );
}

#[test]
fn unreachable_phone_is_back_with_its_next_registration_or_after_the_cool_off() {
    check_two(
        "
        t=1 call A help
        > offer A anna
        t=2 fail A unreachable
        > A at anna Unreachable; anna Idle until 12; anna Unreachable
        t=5 register anna
        > anna Registered; offer A anna
        t=6 fail A unreachable
        > A at anna Unreachable; anna Idle until 16; anna Unreachable
        t=17 wait
        > @16 anna Registered; @16 offer A anna
        t=18 fail A unreachable
        > A at anna Unreachable; anna Idle until 28; anna Unreachable
        t=20 unregister anna
        t=30 wait
        ? routable = ben
        t=40 register anna
        > anna Registered; offer A anna
        t=41 unregister anna
        > A at anna Unreachable; withdraw A Unreachable; anna Idle until 51; anna Unreachable
        ",
    );
}

#[test]
fn failed_setup_rests_the_agent_only() {
    check_two(
        "
        t=1 call A help
        > offer A anna
        t=2 fail A failed
        > A at anna Failed; anna Idle until 12
        t=13 wait
        > @12 offer A anna
        ",
    );
}

#[test]
fn pause_during_a_talk_counts_after_it_and_during_an_offer_at_once() {
    check_two(
        "
        t=1 call A sales
        > offer A anna
        t=2 answer A anna 1
        t=3 logout anna
        > anna logged out
        ? work anna = Talking
        t=4 end A
        > anna WrapUp until 24
        t=30 call B sales
        > offer B ben
        ? work anna = Idle
        t=31 pause ben meal
        > ben paused meal; B at ben Withdrawn; withdraw B Withdrawn
        t=32 ready anna
        > anna ready; offer B anna
        ",
    );
}

#[test]
fn registration_logs_in_once_and_expiry_changes_only_the_device() {
    check_two(
        "
        t=1 unregister anna
        > anna Unreachable
        t=2 register anna
        > anna Registered
        t=3 logout anna
        > anna logged out
        t=4 unregister anna
        > anna Unreachable
        t=5 register anna
        > anna Registered
        ? routable = ben
        t=6 call A sales
        > offer A ben
        ",
    );
    check(&format!(
        "{TWO}
        login explicit
        t=0 register anna
        > anna Registered
        ? routable =
        t=1 ready anna
        > anna ready
        ? routable = anna
        ? open any = true
        "
    ));
}

#[test]
fn ready_ends_wrap_up_early() {
    check_two(
        "
        t=1 call A sales
        > offer A anna
        t=2 answer A anna 1
        t=3 end A
        > anna WrapUp until 23
        t=4 call B help
        t=5 ready anna
        > offer B anna
        ",
    );
}

#[test]
fn agent_of_two_queues_serves_the_longest_wait_of_both() {
    check_two(
        "
        t=0 pause anna meal
        > anna paused meal
        t=0 pause ben meal
        > ben paused meal
        t=1 call A help
        t=2 call B sales
        t=3 call C help
        t=4 ready anna
        > anna ready; offer A anna
        t=5 answer A anna 4
        t=6 end A
        > offer B anna
        ",
    );
}

#[test]
fn release_frees_the_agent_from_every_state() {
    check_two(
        "
        t=1 release anna
        > anna released from Idle
        t=2 call A sales
        > offer A anna
        t=3 release anna
        > anna released from Offered
        > A at anna Withdrawn; withdraw A Withdrawn; offer A ben
        t=4 answer A#1
        > stale A
        t=5 answer A ben 3
        t=6 release ben
        > ben released from Talking
        > end-talk A
        t=7 end A
        ? routable = anna ben
        t=8 call B sales
        > offer B anna
        t=9 fail B busy
        > B at anna Busy; anna Idle until 19; anna BusyElsewhere; offer B ben
        t=10 release anna
        > anna released from Idle
        > anna Registered
        t=11 answer B ben 3
        t=12 end B
        > ben WrapUp until 32
        t=13 release ben
        > ben released from WrapUp
        ? routable = anna ben
        t=14 release nobody
        ? ignored = 1
        ",
    );
}
