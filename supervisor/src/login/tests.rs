//! Links serve once, logins end, tables stay bounded.

use super::*;
use crate::rights::Role;

fn viewer(name: &str) -> Viewer {
    Viewer::new(name, Role::Supervisor)
}

fn logins() -> Logins {
    Logins::new(Rng::from_seed(7))
}

#[test]
fn a_login_link_serves_once_and_for_a_quarter_of_an_hour() {
    let (logins, now) = (logins(), Instant::now());
    logins.add_link("first", viewer("first"), now);
    assert_eq!(logins.take_link("other", now), None);
    assert_eq!(logins.take_link("first", now), Some(viewer("first")));
    assert_eq!(logins.take_link("first", now), None);
    logins.add_link("late", viewer("late"), now);
    assert_eq!(logins.take_link("late", now + LINK_LIFE), None);
}

#[test]
fn a_login_ends_after_its_life_or_when_it_is_closed() {
    let (logins, now) = (logins(), Instant::now());
    let cookie = logins.open(viewer("ann"), now);
    let (key, who, until) = logins.viewer(cookie.reveal(), now).expect("logged in");
    assert_eq!((who, until), (viewer("ann"), now + LOGIN_LIFE));
    assert!(logins.viewer(cookie.reveal(), now + LOGIN_LIFE).is_none());
    logins.close(&key);
    assert!(logins.viewer(cookie.reveal(), now).is_none());
}

#[test]
fn the_table_of_logins_is_bounded_and_the_oldest_makes_room() {
    let (logins, now) = (logins(), Instant::now());
    let first = logins.open(viewer("first"), now);
    for count in 0..LOGINS_MAX {
        logins.open(viewer("next"), now + Duration::from_secs(1 + count as u64));
    }
    assert_eq!(logins.with(|table| table.logins.len()), LOGINS_MAX);
    assert!(logins.viewer(first.reveal(), now).is_none());
}

#[test]
fn two_secrets_are_never_the_same_and_are_64_hex_digits() {
    let logins = logins();
    let (one, two) = (logins.secret(), logins.secret());
    assert_ne!(one, two);
    assert_eq!(one.reveal().len(), 64);
    assert!(one.reveal().bytes().all(|byte| byte.is_ascii_hexdigit()));
}
