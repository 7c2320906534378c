//! Callers: places, limits, exits, and answers that come too late.

use super::script::check;

/// Two agents, one queue, ready at t=0.
const TWO: &str = "
    start 2026-11-24T02:00:00Z
    agents anna ben
    band day 08:00-20:00 anna ben
";

fn check_two(queue: &str, script: &str) {
    check(&format!(
        "{TWO}\nqueue sales agents=anna,ben {queue}\nt=0 login anna ben\n{script}"
    ));
}

#[test]
fn call_goes_to_the_longest_idle_agent_and_every_step_is_told() {
    check(
        "
        start 2026-11-24T02:00:00Z
        all
        agents anna ben
        band day 08:00-20:00 anna ben
        band late 09:00-21:00 ben
        queue sales agents=ben,anna wrap=20
        t=0 login anna
        t=5 login ben
        t=312 call A sales
        > A entered on [day, late]
        > A for anna on [day], fence 1 until 328: longest idle: 312 s, before 1 other
        > anna Offered until 328; offer A anna
        t=313 ringing A
        > A rings anna
        t=315.5 answer A
        > A at anna Answered; A left: answered after 3.5; anna Talking; connect A anna
        t=320 call B sales
        > B entered on [day, late]
        > B for ben on [day, late], fence 2 until 336: only agent free, idle 315 s
        > ben Offered until 336; offer B ben
        t=321 call C sales
        > C entered on [day, late]
        t=330 hold A
        > anna Hold
        t=340 unhold A
        > @336 B at ben Unreachable; @336 withdraw B Unreachable; @336 ben Idle until 346; @336 ben Unreachable
        > anna Talking
        t=341 end A
        > anna WrapUp until 361
        t=362 wait
        > @346 ben Idle; @346 ben Registered
        > @346 B for ben on [day, late], fence 3 until 362: first in line: waits 26 s, before 1 other
        > @346 ben Offered until 362; @346 offer B ben
        > @361 anna Idle
        > @361 C for anna on [day], fence 4 until 377: only caller waiting: 40 s
        > @361 anna Offered until 377; @361 offer C anna
        > B at ben Unreachable; withdraw B Unreachable; ben Idle until 372; ben Unreachable
        ",
    );
}

#[test]
fn callers_are_served_in_the_order_of_wait_plus_priority() {
    check_two(
        "",
        "
        t=1 pause anna meal
        > anna paused meal
        t=1 pause ben meal
        > ben paused meal
        t=10 call A sales
        t=20 call B sales
        t=30 call V sales priority=15
        t=40 call W sales waited=25
        t=41 call X sales priority=1
        ? waiting sales = A V W B X
        ? position V = 2
        ? position X = 5
        t=50 ready ben
        > ben ready; offer A ben
        ? waiting sales = A V W B X
        t=51 ready anna
        > anna ready; offer V anna
        t=52 hangup A
        > A at ben Withdrawn; withdraw A Withdrawn; A left: abandoned Waiting after 42; offer W ben
        t=53 hangup V
        > V at anna Withdrawn; withdraw V Withdrawn; V left: abandoned Waiting after 23; offer B anna
        t=54 hangup W
        > W at ben Withdrawn; withdraw W Withdrawn; W left: abandoned Waiting after 14; offer X ben
        ? position Z = none
        ",
    );
}

#[test]
fn caller_who_hangs_up_while_ringing_frees_the_agent_without_blame() {
    check_two(
        "",
        "
        t=100 call A sales
        > offer A anna
        t=101 ringing A
        t=103 hangup A
        > A at anna Withdrawn; withdraw A Withdrawn; A left: abandoned Ringing after 3
        ? routable = anna ben
        t=104 call B sales
        > offer B anna
        t=105 answer A#1
        > stale A
        t=105 ringing A#1
        t=105 fail A#1 busy
        t=106 fail B rejected
        > B at anna Rejected; anna Idle until 116; offer B ben
        t=107 hangup B
        > B at ben Withdrawn; withdraw B Withdrawn; B left: abandoned Waiting after 3
        ? drained = true
        ",
    );
}

#[test]
fn hang_up_that_crosses_the_answer_ends_the_talk() {
    check_two(
        "wrap=5",
        "
        t=1 call A sales
        > offer A anna
        t=2 answer A anna 1
        t=2 hangup A
        > anna WrapUp until 7
        t=3 end A
        t=3 hangup A
        ? drained = true
        ? ignored = 0
        ",
    );
}

#[test]
fn queue_at_its_capacity_sends_the_next_caller_on_at_once() {
    check_two(
        "capacity=3",
        "
        t=1 call A sales
        > offer A anna
        t=1 call B sales
        > offer B ben
        t=1 call C sales
        t=2 call D sales
        > D left: flowed out Full after 0; exit D Full
        t=3 answer A anna 2
        t=4 call E sales
        ? waiting sales = B C E
        ",
    );
}

#[test]
fn caller_waits_as_long_as_the_queue_allows_and_its_deadline_beats_the_ring() {
    check_two(
        "wait=30 ring_min=5",
        "
        t=1 pause ben meal
        > ben paused meal
        t=10 call A sales
        > offer A anna
        t=11 call B sales
        t=41 wait
        > @26 A at anna Unreachable; @26 withdraw A Unreachable; @26 anna Idle until 36; @26 anna Unreachable
        > @36 anna Registered; @36 offer B anna
        > @40 A left: flowed out Timeout after 30; @40 exit A Timeout
        > B at anna Withdrawn; withdraw B Withdrawn; B left: flowed out Timeout after 30; exit B Timeout
        ? routable = anna
        ",
    );
}

#[test]
fn no_offer_is_made_that_could_not_ring_for_ring_min() {
    check_two(
        "wait=30 ring_min=5",
        "
        t=1 pause ben meal
        > ben paused meal
        t=1 pause anna meal
        > anna paused meal
        t=10 call A sales
        t=14 call B sales
        t=36 ready anna
        > anna ready; offer B anna
        t=39 fail B rejected
        > B at anna Rejected; anna Idle until 49
        t=39 ready ben
        > ben ready; offer B ben
        t=39.5 fail B rejected
        > B at ben Rejected; ben Idle until 49.5
        t=50 wait
        > @40 A left: flowed out Timeout after 30; @40 exit A Timeout
        > @44 B left: flowed out Timeout after 30; @44 exit B Timeout
        ",
    );
}

#[test]
fn nobody_on_duty_at_the_entry_is_an_exit_at_once() {
    check(
        "
        start 2026-11-24T02:00:00Z
        agents anna
        band day 08:00-20:00 anna
        queue sales agents=anna
        queue empty
        t=1 call A sales
        > A left: flowed out NoStaff after 0; exit A NoStaff
        t=2 login anna
        t=2 unregister anna
        > anna Unreachable
        t=3 call A sales
        ? staff sales = 1
        t=4 call B empty
        > B left: flowed out NoStaff after 0; exit B NoStaff
        t=5 call C nowhere
        > exit C NoStaff
        ? ignored = 1
        ",
    );
}

#[test]
fn callers_outlast_a_gap_in_the_staff_but_not_thirty_seconds() {
    check_two(
        "",
        "
        t=1 pause anna meal
        > anna paused meal
        t=1 pause ben meal
        > ben paused meal
        t=10 call A sales
        t=11 logout anna
        > anna logged out
        t=12 logout ben
        > ben logged out
        t=40 pause anna meeting
        > anna paused meeting
        t=50 logout anna
        > anna logged out
        t=81 wait
        > @80 A left: flowed out NoStaff after 70; @80 exit A NoStaff
        ",
    );
}

#[test]
fn caller_whose_ring_outlasts_the_staff_leaves_when_it_ends() {
    check(
        "
        start 2026-11-24T11:59:00Z
        agents anna
        band day 08:00-20:00 anna
        queue sales agents=anna ring=120
        t=0 login anna
        t=50 call A sales
        > offer A anna
        t=51 ringing A
        t=59 call B sales
        t=100 wait
        > @90 B left: flowed out NoStaff after 31; @90 exit B NoStaff
        t=172 wait
        > @171 A at anna Missed; @171 withdraw A Missed; @171 anna Idle until 181
        > @171 A left: flowed out NoStaff after 121; @171 exit A NoStaff
        ",
    );
}

#[test]
fn contact_is_in_one_place_only() {
    check_two(
        "",
        "
        t=1 call A sales
        > offer A anna
        t=2 call A sales
        ? ignored = 1
        ? waiting sales = A
        t=3 answer A anna 2
        t=4 call A sales
        > offer A ben
        ? work anna = Idle
        t=5 lose A
        > A at ben Withdrawn; withdraw A Withdrawn; A left: lost MediaLost after 1
        t=6 key A
        ? ignored = 1
        ",
    );
}
