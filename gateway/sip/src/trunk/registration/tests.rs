//! Scripts of what a registrar may say, and what we do about it.

use super::*;
use crate::digest::Algorithm;
use crate::header::Name;

fn challenge(stale: bool) -> Heard {
    let challenge = Challenge {
        realm: "carrier.example".to_owned(),
        nonce: "n".to_owned(),
        opaque: None,
        algorithm: Algorithm::Md5,
        stale,
        answered_in: Name::Authorization,
    };
    Heard::Challenged(401, Some(challenge))
}

fn granted(seconds: u64) -> Heard {
    Heard::Granted {
        granted: Some(Duration::from_secs(seconds)),
        routes: vec!["<sip:edge.example;lr>".to_owned()],
        seen: Some("203.0.113.9:5080".to_owned()),
    }
}

/// Hands the answers in one after the other, each when the step before says so; the pauses in seconds, rounded up.
#[track_caller]
fn check(script: &[Heard], expected: &[Option<u64>]) -> Registration {
    let mut registration = Registration::new(Duration::from_secs(600));
    let mut rng = Rng::from_seed(1);
    let mut now = Time::from_millis(1_000);
    assert_eq!(registration.due(), Step::Send);
    let mut steps = Vec::new();
    for heard in script {
        match registration.heard(now, heard.clone(), &mut rng) {
            Step::Send => steps.push(None),
            Step::Until(at) => {
                steps.push(Some(at.since(now).as_millis().div_ceil(1_000) as u64));
                now = at;
                registration.due();
            }
        }
    }
    assert_eq!(steps, expected);
    registration
}

#[test]
fn challenge_is_answered_once_and_the_binding_refreshed_in_good_time() {
    let registration = check(&[challenge(false), granted(100)], &[None, Some(79)]);
    assert!(registration.is_up(Time::from_millis(80_000)));
    assert_eq!(registration.routes, ["<sip:edge.example;lr>"]);
    let (_, uses) = registration.challenge.expect("the nonce is kept for the refresh");
    assert_eq!(uses, 0, "counted by who uses it");
}

#[test]
fn stale_nonce_is_answered_again_and_a_wrong_password_waits() {
    check(
        &[challenge(false), challenge(true), granted(100)],
        &[None, None, Some(79)],
    );
    let registration = check(&[challenge(false), challenge(false)], &[None, Some(2)]);
    assert_eq!(registration.down(), TrunkDown::Refused(401));
    assert!(registration.challenge.is_none() && registration.call.is_none());
}

#[test]
fn challenge_of_another_realm_is_never_answered() {
    let registration = check(&[Heard::Challenged(401, None)], &[Some(2)]);
    assert_eq!(registration.down(), TrunkDown::ForeignRealm);
    assert!(registration.challenge.is_none());
}

#[test]
fn too_brief_lifetime_is_raised_once() {
    let brief = |seconds| Heard::TooBrief(Duration::from_secs(seconds));
    let registration = check(&[brief(1_800), granted(1_800)], &[None, Some(1_422)]);
    assert_eq!(registration.expires, Duration::from_secs(1_800));
    check(&[brief(1_800), brief(3_600)], &[None, Some(2)]);
}

#[test]
fn forbidden_is_tried_again_as_a_stranger() {
    let mut registration = Registration::new(Duration::from_secs(600));
    registration.call = Some(7);
    let mut rng = Rng::from_seed(1);
    registration.heard(Time::ZERO, granted(600), &mut rng);
    assert!(registration.is_up(Time::ZERO));
    registration.heard(Time::ZERO, Heard::Refused(403, None), &mut rng);
    assert!(
        !registration.is_up(Time::ZERO),
        "the carrier took the binding back"
    );
    assert!(registration.call.is_none() && registration.challenge.is_none());
    assert_eq!(registration.due(), Step::Send);
}

#[test]
fn pauses_double_with_jitter_up_to_five_minutes_and_keep_to_retry_after() {
    let mut registration = Registration::new(Duration::from_secs(600));
    let mut rng = Rng::from_seed(3);
    let now = Time::from_millis(1_000);
    for (failure, whole) in [2, 4, 8, 16, 32, 64, 128, 256, 300, 300].into_iter().enumerate() {
        let Step::Until(at) = registration.heard(now, Heard::Silence, &mut rng) else {
            panic!("failure {failure} waits")
        };
        let wait = at.since(now).as_millis();
        assert!(
            (whole * 500..=whole * 1_000).contains(&wait),
            "failure {failure}: {wait}"
        );
    }
    let heard = Heard::Refused(503, Some(Duration::from_secs(900)));
    assert_eq!(
        registration.heard(now, heard, &mut rng),
        Step::Until(now + Duration::from_secs(900))
    );
}

#[test]
fn binding_outlives_a_silent_refresh_until_it_ends() {
    let mut registration = Registration::new(Duration::from_secs(600));
    let mut rng = Rng::from_seed(3);
    registration.heard(Time::ZERO, granted(100), &mut rng);
    registration.heard(Time::from_millis(80_000), Heard::Silence, &mut rng);
    assert!(registration.is_up(Time::from_millis(80_000)));
    assert!(!registration.is_up(Time::from_millis(100_001)));
}

#[test]
fn changed_network_registers_again_at_once_but_not_while_a_carrier_is_down() {
    let mut registration = Registration::new(Duration::from_secs(600));
    let mut rng = Rng::from_seed(3);
    registration.heard(Time::ZERO, granted(600), &mut rng);
    let now = Time::from_millis(5_000);
    assert_eq!(registration.seen("203.0.113.9:5080"), None);
    assert_eq!(registration.seen("198.51.100.4:61000"), Some(Step::Send));
    registration.heard(now, granted(600), &mut rng);
    assert_eq!(registration.moved(), Some(Step::Send));
    registration.heard(now, Heard::Silence, &mut rng);
    assert_eq!(registration.moved(), None);
}
