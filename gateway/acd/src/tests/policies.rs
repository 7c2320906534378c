//! The policies in scripts: who is rung, who waits for whom, who is sent on.

use super::script::check;

const CREW: &str = "
    start 2026-11-24T02:00:00Z
    agents anna ben cara
    band day 08:00-20:00 anna ben cara
";

const READY: &str = "
    t=0 login anna
    t=1 login ben
    t=2 login cara
";

fn crew(queues: &str, steps: &str) {
    check(&format!("{CREW}{queues}{READY}{steps}"));
}

#[test]
fn linear_takes_the_first_of_the_order_and_round_robin_the_next() {
    crew(
        "queue lin agents=cara,anna,ben policy=linear
         queue rob agents=cara,anna,ben policy=robin",
        "
        t=3 call A lin
        > offer A cara
        t=4 call B rob
        > offer B anna
        t=5 hangup A
        > A at cara Withdrawn; withdraw A Withdrawn; A left: abandoned Waiting after 2
        t=6 call C lin
        > offer C cara
        t=7 hangup C
        > C at cara Withdrawn; withdraw C Withdrawn; C left: abandoned Waiting after 1
        t=8 call D rob
        > offer D ben
        t=9 call E rob
        > offer E cara
        ",
    );
}

#[test]
fn fewest_calls_and_least_occupied_spare_who_has_worked() {
    crew(
        "queue few agents=anna,ben,cara policy=fewest
         queue occ agents=anna,ben,cara policy=occupied",
        "
        t=10 call A few
        > offer A anna
        t=10 answer A anna 0
        t=40 end A
        t=41 call B few
        > offer B ben
        t=41 answer B ben 0
        t=42 end B
        t=43 call C occ
        > offer C cara
        t=44 call D occ
        > offer D ben
        t=45 call E occ
        > offer E anna
        ",
    );
}

#[test]
fn ring_all_rings_up_to_its_cap_and_the_losers_keep_their_rank() {
    crew(
        "queue sales agents=anna,ben,cara policy=all:2",
        "
        t=3 call A sales
        > offer A anna; offer A ben
        t=4 ringing A#1
        t=4 fail A#2 busy
        > A at ben Busy; ben Idle until 14; ben BusyElsewhere; offer A cara
        t=5 answer A#3
        > A at cara Answered; A at anna Withdrawn; A left: answered after 2; connect A cara; withdraw A Withdrawn
        t=6 answer A#1
        > stale A
        t=6 call B sales
        > offer B anna
        t=14 wait
        > ben Registered; offer B ben
        t=15 hangup B
        > B at anna Withdrawn; withdraw B Withdrawn; B at ben Withdrawn; withdraw B Withdrawn; B left: abandoned Waiting after 9
        ",
    );
}

#[test]
fn progressive_adds_a_phone_at_a_time() {
    crew(
        "queue sales agents=anna,ben,cara policy=progressive:3:5",
        "
        t=3 call A sales
        > offer A anna
        t=9 wait
        > @8 offer A ben
        t=10 ringing A#1
        t=14 wait
        > @13 offer A cara
        t=15 answer A#2
        > A at ben Answered; A at anna Withdrawn; A at cara Withdrawn; A left: answered after 12
        > connect A ben; withdraw A Withdrawn; withdraw A Withdrawn
        ? routable = anna cara
        ",
    );
}

#[test]
fn helpers_help_only_with_calls_that_have_waited_and_a_queue_worth_more_comes_first() {
    crew(
        "queue sales agents=anna,ben tier=ben:0:20:1
         queue repair agents=anna,cara tier=anna:60:0:1",
        "
        t=3 call A sales
        > offer A anna
        t=4 answer A anna 1
        t=5 call B sales
        t=20 call C repair
        > offer C cara
        t=21 answer C cara 1
        t=22 call D repair
        t=26 wait
        > @25 offer B ben
        t=27 call E sales
        t=28 end A
        > offer D anna
        ",
    );
}

#[test]
fn nobody_at_the_head_blocks_others_and_what_is_needed_relaxes_in_steps() {
    check(
        "
        start 2026-11-24T02:00:00Z
        agents anna ben cara
        skills anna repair=3,english=2
        skills ben english=1
        band day 08:00-20:00 anna ben cara
        queue fix agents=anna,ben,cara steps=repair>=2+english@0,english@20,any@40
        queue any agents=ben
        t=0 login ben
        t=1 login anna
        t=2 login cara
        t=3 call A fix
        > offer A anna
        t=4 call B fix
        t=5 call C any
        > offer C ben
        t=6 hangup C
        > C at ben Withdrawn; withdraw C Withdrawn; C left: abandoned Waiting after 1
        t=25 wait
        > @19 A at anna Unreachable; @19 withdraw A Unreachable; @19 anna Idle until 29; @19 anna Unreachable
        > @23 offer A ben
        t=30 logout anna
        > @29 anna Registered; @29 offer B anna; anna logged out
        > B at anna Withdrawn; withdraw B Withdrawn
        t=31 logout ben
        > ben logged out; A at ben Withdrawn; withdraw A Withdrawn; offer A cara
        ",
    );
}

#[test]
fn the_last_agent_is_waited_for_within_the_bound_and_only_while_ready() {
    crew(
        "queue sales agents=anna,ben,cara prefer=20",
        "
        t=3 call A sales last=ben
        > offer A ben
        t=4 answer A ben 1
        t=5 call B sales last=ben
        t=6 call C sales last=ben
        t=7 call D sales
        > offer D anna
        t=10 end A
        > offer B ben
        t=27 wait
        > @23 D at anna Unreachable; @23 withdraw D Unreachable; @23 anna Idle until 33; @23 anna Unreachable
        > @23 offer D cara; @26 B at ben Unreachable; @26 withdraw B Unreachable; @26 ben Idle until 36
        > @26 ben Unreachable
        t=34 wait
        > @33 anna Registered; @33 offer B anna
        t=36 pause ben meal
        > ben Registered; ben paused meal
        ",
    );
}

#[test]
fn overflow_keeps_the_time_of_enqueuing_and_the_first_deadline() {
    check(
        "
        start 2026-11-24T02:00:00Z
        all
        agents anna ben
        band day 08:00-20:00 anna ben
        queue sales agents=anna wait=60 over=wait:20:help over=length:2:help
        queue help agents=ben capacity=2 over=nostaff:sales
        t=0 login anna
        t=1 ready ben
        > ben ready
        t=1 pause anna meal
        > anna paused meal
        t=2 call A sales
        > A entered on [day]
        t=3 call B sales
        > B entered on [day]
        t=4 call C sales
        > C entered on [day]; C left: flowed out Overflow after 0; moved C help; C entered on [day]
        ? waiting help = C
        t=22 wait
        > A left: flowed out Overflow after 20; moved A help; A entered on [day]
        ? waiting help = A C
        t=23 wait
        > B left: flowed out Overflow after 20; moved B help; B entered on [day]
        > B left: flowed out Full after 0; exit B Full
        t=63 wait
        > @62 A left: flowed out Timeout after 40; @62 exit A Timeout
        ? waiting help = C
        ",
    );
}

#[test]
fn wrap_up_waits_for_the_disposition_but_not_for_ever() {
    crew(
        "queue sales agents=anna wrap=30 dispose=until
         queue timed agents=ben wrap=30 dispose=timed",
        "
        t=3 call A sales
        > offer A anna
        t=4 answer A anna 1
        t=5 end A
        > anna WrapUp until 35
        t=6 ready anna
        ? routable = ben cara
        t=7 dispose anna solved
        > anna disposed A solved
        ? routable = anna ben cara
        t=8 call B sales
        > offer B anna
        t=9 answer B anna 1
        t=10 end B
        > anna WrapUp until 40
        t=11 call C timed
        > offer C ben
        t=12 answer C ben 1
        t=13 end C
        > ben WrapUp until 43
        t=14 ready ben
        t=41 wait
        ? routable = anna cara
        t=42 release ben
        > ben released from WrapUp
        ",
    );
}
