//! Whom the list bans, for how long, and whom never.

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn at(seconds: u64) -> Time {
    Time::from_millis(seconds * 1000)
}

fn failed(source: &str, user: &str) -> Proof {
    Proof::Failed {
        source: ip(source),
        user: user.to_owned(),
        source_live: false,
        user_live: false,
    }
}

fn bans() -> Bans {
    Bans::new(BanConfig {
        user_failures: 3,
        source_failures: 6,
        sources_max: 100,
        never: vec![(ip("10.0.0.0"), 8)],
        ..BanConfig::default()
    })
}

fn register(user: &str) -> Vec<u8> {
    format!(
        "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nAuthorization: Digest username=\"{user}\", realm=\"hotline\"\r\n\r\n"
    )
    .into_bytes()
}

#[test]
fn a_user_is_banned_at_the_source_before_the_source_is() {
    let mut bans = bans();
    for second in 0..2 {
        assert!(bans.note(at(second), failed("192.0.2.1", "1001")).is_empty());
    }
    let made = bans.note(at(2), failed("192.0.2.1", "1001"));
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].user.as_deref(), Some("1001"));
    let standing = |bans: &Bans, now, source, user| bans.standing(at(now), ip(source), &register(user));
    assert_eq!(standing(&bans, 3, "192.0.2.1", "1001"), Standing::Banned);
    assert_eq!(
        standing(&bans, 3, "192.0.2.1", "1002"),
        Standing::Unknown,
        "a colleague"
    );
    assert_eq!(
        standing(&bans, 3, "192.0.2.2", "1001"),
        Standing::Unknown,
        "another place"
    );
    assert_eq!(
        standing(&bans, 603, "192.0.2.1", "1001"),
        Standing::Unknown,
        "it expires"
    );
    // More names from there: now the source itself is not heard.
    for second in 3..6 {
        bans.note(at(second), failed("192.0.2.1", "1002"));
    }
    assert_eq!(
        bans.standing(at(6), ip("192.0.2.1"), b"OPTIONS"),
        Standing::Banned
    );
    assert!(
        bans.is_banned(at(6), ip("::ffff:192.0.2.1")),
        "written as IPv6 it is the same"
    );
    assert_eq!((bans.list(at(6)).len(), bans.made()), (3, 3));
}

#[test]
fn one_phone_with_a_wrong_password_never_bans_its_whole_office() {
    let mut bans = bans();
    for second in 0..500 {
        bans.note(at(second), failed("192.0.2.1", "1001"));
    }
    assert!(!bans.is_banned(at(500), ip("192.0.2.1")));
    assert_eq!(bans.list(at(500)).len(), 1);
}

#[test]
fn live_phones_and_spared_networks_are_never_banned() {
    let mut bans = bans();
    for second in 0..20 {
        let user = format!("10{second}");
        bans.note(at(second), failed("10.9.8.7", &user));
        bans.note(
            at(second),
            Proof::Failed {
                source: ip("192.0.2.5"),
                user,
                source_live: true,
                user_live: false,
            },
        );
        bans.note(
            at(second),
            Proof::Failed {
                source: ip("192.0.2.6"),
                user: "1001".to_owned(),
                source_live: true,
                user_live: true,
            },
        );
    }
    assert!(bans.list(at(20)).is_empty());
}

#[test]
fn guesses_far_apart_ban_nobody_and_a_lifted_ban_begins_anew() {
    let mut bans = bans();
    for day in 0..10 {
        assert!(
            bans.note(at(day * 86_400), failed("192.0.2.1", "1001"))
                .is_empty()
        );
    }
    let now = 9 * 86_400;
    bans.note(at(now + 1), failed("192.0.2.1", "1001"));
    bans.note(at(now + 2), failed("192.0.2.1", "1001"));
    assert_eq!(bans.lift(at(now + 3), ip("192.0.2.1"), Some("1009")), 0);
    assert_eq!(bans.lift(at(now + 3), ip("192.0.2.1"), None), 1);
    assert!(bans.list(at(now + 3)).is_empty());
    assert!(bans.note(at(now + 4), failed("192.0.2.1", "1001")).is_empty());
}

#[test]
fn tables_stay_small_whatever_comes_and_an_ipv6_network_is_one_source() {
    let mut bans = bans();
    for number in 0..20_000_u32 {
        let source = format!("198.{}.{}.1", number / 256 % 256, number % 256);
        bans.note(at(1), failed(&source, &format!("user{number}")));
        bans.note(at(1), failed("192.0.2.1", &"x".repeat(number as usize % 500)));
        bans.note(
            at(1),
            Proof::Given {
                source: IpAddr::from(number.to_be_bytes()),
            },
        );
    }
    assert!(bans.origins.len() <= 100 && bans.by_end.len() == bans.origins.len());
    assert!(
        bans.origins
            .values()
            .all(|origin| origin.users.len() <= USERS_MAX)
    );
    assert!(bans.vouched.len() <= VOUCHED_MAX && bans.vouched_by_end.len() == bans.vouched.len());
    let mut bans = self::bans();
    for host in 0..6 {
        bans.note(at(1), failed(&format!("2001:db8::{host:x}"), &format!("{host}")));
    }
    assert!(bans.is_banned(at(2), ip("2001:db8::ffff")));
    assert!(!bans.is_banned(at(2), ip("2001:db8:0:1::1")));
}

#[test]
fn a_right_answer_vouches_for_its_address_for_a_while() {
    let mut bans = bans();
    bans.note(
        at(1),
        Proof::Given {
            source: ip("192.0.2.9"),
        },
    );
    assert_eq!(bans.standing(at(2), ip("192.0.2.9"), b""), Standing::Vouched);
    assert_eq!(bans.standing(at(8_000), ip("192.0.2.9"), b""), Standing::Unknown);
}
