//! Shifts: hand-over between bands, overlaps, and agents whose band ends during a call.

use std::fmt::Write as _;

use super::script::check;

#[test]
fn thirty_callers_keep_their_places_when_the_night_shift_takes_over() {
    // 19:59:00 in Shanghai: the night shift is logged in and waits for 20:00 = t 60.
    let mut script = "
        start 2026-11-24T11:59:00Z
        agents day1 day2 night1 night2
        band day 08:00-20:00 day1 day2
        band night 20:00-08:00 night1 night2
        queue sales agents=day1,day2,night1,night2 wrap=5
        t=0 login day1 day2
        t=1 login night2
        t=2 login night1
        ? routable = day1 day2
        ? bands = day
        t=3 call X sales
        > offer X day1
        t=4 answer X day1 1
        t=5 pause day2 meal
        > day2 paused meal
    "
    .to_owned();
    let mut waiting = String::new();
    for caller in 1..=30 {
        writeln!(script, "t={} call C{caller} sales", 5 + caller).unwrap();
        write!(waiting, "C{caller} ").unwrap();
    }
    writeln!(script, "? waiting sales = {}", waiting.trim()).unwrap();
    script.push_str(
        "
        t=60 wait
        > offer C1 night2; offer C2 night1
        ? position C30 = 30
        ? bands = night
        ? bands day1 =
        ? open night = true
        ? open day = false
        ? staff sales = 2
        t=61 ready day2
        > day2 ready
        t=62 end X
        > day1 WrapUp until 67
        t=68 answer C1 night2 62
        ? routable =
        t=69 end C1
        > night2 WrapUp until 74
        t=74 wait
        > offer C3 night2
        ",
    );
    check(&script);
}

#[test]
fn overlapping_bands_share_the_queue_and_an_agent_may_be_on_both() {
    check(
        "
        start 2026-11-24T11:59:00Z
        all
        agents anna ben both
        band early 08:00-20:00 anna both
        band late 09:00-21:00 ben both
        queue sales agents=anna,ben,both
        t=0 login both anna ben
        t=1 call A sales
        > A entered on [early, late]
        > A for both on [early, late], fence 1 until 17: longest idle: 1 s, before 2 others
        > both Offered until 17; offer A both
        t=2 call B sales
        > B entered on [early, late]
        > B for anna on [early], fence 2 until 18: longest idle: 2 s, before 1 other
        > anna Offered until 18; offer B anna
        t=3 answer B
        > B at anna Answered; B left: answered after 1; anna Talking; connect B anna
        t=4 fail A rejected
        > A at both Rejected; both Idle until 14
        > A for ben on [late], fence 3 until 20: only agent free, idle 4 s
        > ben Offered until 20; offer A ben
        t=60 hangup A
        > @14 both Idle
        > @20 A at ben Unreachable; @20 withdraw A Unreachable; @20 ben Idle until 30; @20 ben Unreachable
        > @20 A for both on [early, late], fence 4 until 36: only agent free, idle 6 s
        > @20 both Offered until 36; @20 offer A both
        > @30 ben Idle; @30 ben Registered
        > @36 A at both Unreachable; @36 withdraw A Unreachable; @36 both Idle until 46; @36 both Unreachable
        > @36 A for ben on [late], fence 5 until 52: only agent free, idle 6 s
        > @36 ben Offered until 52; @36 offer A ben
        > @46 both Idle; @46 both Registered
        > @52 A at ben Unreachable; @52 withdraw A Unreachable; @52 ben Idle until 62; @52 ben Unreachable
        > @52 A for both on [early, late], fence 6 until 68: only agent free, idle 6 s
        > @52 both Offered until 68; @52 offer A both
        > A at both Withdrawn; withdraw A Withdrawn; both Idle; A left: abandoned Waiting after 59
        ? bands = late
        ? bands both = late
        ? bands anna =
        ? staff sales = 2
        t=61 end B
        > anna Idle
        ? routable = both
        ",
    );
}

#[test]
fn offer_that_rings_over_the_end_of_the_band_may_still_be_answered() {
    check(
        "
        start 2026-11-24T11:59:50Z
        agents anna ben
        band day 08:00-20:00 anna
        band night 20:00-08:00 ben
        queue sales agents=anna,ben
        t=0 login anna
        t=5 call A sales
        > offer A anna
        t=12 answer A anna 7
        t=13 end A
        ? routable =
        t=14 call B sales
        > B left: flowed out NoStaff after 0; exit B NoStaff
        ",
    );
}

#[test]
fn hole_between_bands_sends_callers_on_after_half_a_minute() {
    check(
        "
        start 2026-11-24T11:59:00Z
        agents anna
        band day 08:00-20:00 anna
        queue sales agents=anna
        t=0 login anna
        t=1 pause anna meal
        > anna paused meal
        t=2 call A sales
        t=95 wait
        > @90 A left: flowed out NoStaff after 88; @90 exit A NoStaff
        ? bands =
        ? open any = false
        ",
    );
}

#[test]
fn night_shift_goes_on_past_midnight_and_a_talk_past_its_end() {
    check(
        "
        start 2026-11-24T15:59:00Z
        agents nina
        band night 20:00-08:00 nina
        queue sales agents=nina
        t=0 login nina
        t=120 call A sales
        > offer A nina
        ? bands nina = night
        t=121 answer A nina 1
        t=28860 end A
        ? bands nina =
        ? routable =
        ",
    );
}

/// The night shift takes over at t=60 and hands over at `end`, when a caller is waiting.
fn check_night(zone: &str, start: &str, end: u64) {
    let before = end - 1;
    check(&format!(
        "
        start {start}
        zone {zone}
        agents dora nina
        band day 08:00-20:00 dora
        band night 20:00-08:00 nina
        queue sales agents=dora,nina
        t=0 login nina
        ? bands = day
        t=60 login dora
        ? bands = night
        ? routable = nina
        t={before} pause nina meal
        > nina paused meal
        ? bands = night
        t={before} call A sales
        t={end} wait
        > offer A dora
        ? bands = day
        ? routable =
        "
    ));
}

#[test]
fn night_shift_is_an_hour_shorter_or_longer_when_the_clocks_change() {
    let hours = |hours: u64| 60 + hours * 3600;
    check_night("Europe/Berlin", "2026-03-27T18:59:00Z", hours(12));
    check_night("Europe/Berlin", "2026-03-28T18:59:00Z", hours(11));
    check_night("Europe/Berlin", "2026-10-24T17:59:00Z", hours(13));
    check_night("America/New_York", "2026-03-08T00:59:00Z", hours(11));
    check_night("America/New_York", "2026-10-31T23:59:00Z", hours(13));
    check_night("Asia/Shanghai", "2026-03-28T11:59:00Z", hours(12));
}

#[test]
fn a_holiday_a_roster_of_its_own_and_missing_seats_show_at_once() {
    // 2026-12-31 23:00 in Berlin; the night band of New Year's Eve has a roster of its own, 1 January is a holiday.
    check(
        "
        start 2026-12-31T22:00:00Z
        zone Europe/Berlin
        agents anna ben cara
        band day 08:00-20:00 anna ben
        band night 20:00-08:00 anna
        holiday 2027-01-01 night
        on 2026-12-31 night ben cara
        seats night 20:00-02:00 2
        seats night 02:00-08:00 1
        queue sales agents=anna,ben,cara
        t=0 wait
        > night short: 0 of 2
        t=1 register ben
        > ben Registered; ben ready; night short: 1 of 2
        t=2 login anna
        ? routable = ben
        t=3 ready cara
        > cara ready; night filled
        ? bands anna =
        ? bands ben = night
        t=10 logout ben
        > ben logged out; night short: 1 of 2
        t=10801 wait
        > @10800 night filled
        ? bands = night
        t=32401 wait
        ? bands =
        t=75601 wait
        > @75600 night short: 1 of 2
        ? bands = night
        ? bands anna = night
        ? bands cara =
        t=108000 wait
        > @97200 night filled
        ? bands = night
        t=118801 wait
        ? bands = day
        ",
    );
}

#[test]
fn hours_of_seats_follow_the_clock_over_a_change_of_it() {
    // The clocks go forward at 02:00 on 2026-03-29 in Berlin: 02:00-03:00 does not exist.
    check(
        "
        start 2026-03-29T00:30:00Z
        zone Europe/Berlin
        agents anna
        band night 20:00-08:00 anna
        seats night 03:00-04:00 1
        queue sales agents=anna
        t=0 wait
        t=1801 wait
        > @1800 night short: 0 of 1
        t=5401 wait
        > @5400 night filled
        ",
    );
}

#[test]
fn pauses_keep_to_their_rules_and_every_state_can_be_explained() {
    check(
        "
        start 2026-11-24T02:00:00Z
        agents anna ben cara
        team front anna ben
        skills cara english=1
        band day 08:00-20:00 anna ben cara
        pauses meal 60 1
        queue sales agents=anna,ben
        queue english agents=cara steps=english>=2@0,any@30
        t=0 login anna ben
        t=1 pause anna meal
        > anna paused meal
        ? why anna = agent anna: is paused (meal)
        t=2 pause ben meal
        ? ignored = 1
        ? why ben = agent ben: is free, and nobody waits in its 1 queue(s)
        t=3 pause ben nonsense
        ? ignored = 2
        t=4 call A sales
        > offer A ben
        t=5 call B sales
        ? why A = waits in queue sales at place 1 for 1 s: the phone of ben rings
        ? why B = waits in queue sales at place 2 for 0 s: of 2 agents 1 is being rung, 1 is paused
        t=62 hangup A
        > @20 A at ben Unreachable; @20 withdraw A Unreachable; @20 ben Idle until 30; @20 ben Unreachable
        > @30 ben Registered; @30 offer A ben; @46 A at ben Unreachable; @46 withdraw A Unreachable
        > @46 ben Idle until 56; @46 ben Unreachable; @56 ben Registered; @56 offer A ben
        > @61 anna meal is too long
        > A at ben Withdrawn; withdraw A Withdrawn; A left: abandoned Waiting after 58; offer B ben
        t=63 ready anna
        > anna ready
        t=64 pause ben meal
        > ben paused meal; B at ben Withdrawn; withdraw B Withdrawn; offer B anna
        ",
    );
}
