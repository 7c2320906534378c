//! The RFC's examples, and phones good and bad.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use hotline_types::{Pii, Rng, Time};

use super::*;
use crate::Credentials;
use crate::header::{AuthParams, Name, Value};
use crate::message::Message;

const URI: &str = "sip:hotline.example";
const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9));

/// RFC 7616 §3.9.1.
#[test]
fn rfc_7616_example_gives_its_responses() {
    let proof = Proof {
        method: "GET",
        uri: "/dir/index.html",
        nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        nc: "00000001",
        cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    };
    for (algorithm, response) in [
        (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
        (
            Algorithm::Sha256,
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
    ] {
        let ha1 = ha1(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life");
        assert_eq!(proof.response(algorithm, &ha1), response);
    }
}

struct House {
    server: DigestServer,
    rng: Rng,
    agent: Credentials,
}

impl House {
    fn new(config: DigestConfig) -> Self {
        let mut rng = Rng::from_seed(7);
        let ha1 = |algorithm| Pii::new(ha1(algorithm, "agent01", "hotline", "s3cret"));
        let agent = Credentials {
            agent: "agent01".parse().unwrap(),
            ha1_md5: ha1(Algorithm::Md5),
            ha1_sha256: ha1(Algorithm::Sha256),
        };
        Self {
            server: DigestServer::new("hotline".to_owned(), config, &mut rng),
            rng,
            agent,
        }
    }

    /// What a phone makes of our challenges: the one of this algorithm, or the best.
    fn challenge(&mut self, at: Time, algorithm: Option<Algorithm>) -> Challenge {
        let values = self.server.challenges(at, &mut self.rng, SOURCE, false);
        let text = format!(
            "SIP/2.0 401 Unauthorized\r\nWWW-Authenticate: {}\r\nWWW-Authenticate: {}\r\n\r\n",
            values[0], values[1]
        );
        let response = Message::parse(text.as_bytes()).unwrap();
        match algorithm {
            None => Challenge::best(&response, Some("hotline")).unwrap(),
            Some(algorithm) => response
                .auth(Name::WwwAuthenticate)
                .filter_map(|params| Challenge::read(&params.unwrap(), Name::Authorization))
                .find(|challenge| challenge.algorithm == algorithm)
                .unwrap(),
        }
    }

    fn answer(&mut self, challenge: &Challenge, count: u32) -> String {
        challenge.answer("agent01", "s3cret", "REGISTER", URI, count, &mut self.rng)
    }

    fn check(&mut self, at: Time, authorization: &str) -> Check {
        self.check_from(SOURCE, at, authorization).0
    }

    fn check_from(&mut self, source: IpAddr, at: Time, authorization: &str) -> (Check, Option<String>) {
        let text = format!("REGISTER {URI} SIP/2.0\r\nAuthorization: {authorization}\r\n\r\n");
        let request = Message::parse(text.as_bytes()).unwrap();
        let agent = &self.agent;
        self.server
            .check(at, &request, (Name::Authorization, source), |user| {
                (user == "agent01").then_some(agent)
            })
    }
}

fn good() -> Check {
    Check::Good {
        user: "agent01".to_owned(),
    }
}

fn at(seconds: u64) -> Time {
    Time::from_millis(seconds * 1000)
}

#[test]
fn phone_answers_either_challenge_and_prefers_sha_256() {
    let mut house = House::new(DigestConfig::default());
    let best = house.challenge(at(1), None);
    assert_eq!(best.algorithm, Algorithm::Sha256);
    for challenge in [best, house.challenge(at(1), Some(Algorithm::Md5))] {
        let answer = house.answer(&challenge, 1);
        assert_eq!(
            house.check(at(2), &answer),
            good(),
            "{}",
            challenge.algorithm.as_str()
        );
    }
}

#[test]
fn challenge_of_another_realm_is_not_answered() {
    let text = "SIP/2.0 407 No\r\nProxy-Authenticate: Digest realm=\"evil\", nonce=\"n\", qop=\"auth\"\r\n\
        Proxy-Authenticate: Digest realm=\"trunk\", nonce=\"n\", qop=\"auth-int,auth\", opaque=\"o\", stale=TRUE\r\n\
        Proxy-Authenticate: Digest realm=\"trunk\", nonce=\"m\", qop=\"auth\", algorithm=SHA-512-256\r\n\r\n";
    let response = Message::parse(text.as_bytes()).unwrap();
    let best = |realm| Challenge::best(&response, Some(realm));
    let trunk = best("trunk").unwrap();
    assert_eq!(
        (trunk.nonce.as_str(), trunk.opaque.as_deref(), trunk.stale),
        ("n", Some("o"), true)
    );
    assert_eq!(best("other"), None);
}

#[test]
fn count_may_be_used_once_and_may_come_out_of_order() {
    let mut house = House::new(DigestConfig::default());
    let challenge = house.challenge(at(1), None);
    let mut outcome = |count| {
        let answer = house.answer(&challenge, count);
        house.check(at(2), &answer)
    };
    for count in [1, 2, 5, 3, 4, 70, 8] {
        assert_eq!(outcome(count), good(), "count {count}");
    }
    for count in [1, 2, 3, 4, 5, 70, 8, 6] {
        assert_eq!(outcome(count), Check::Refused(Refusal::Replayed), "count {count}");
    }
}

#[test]
fn nonce_that_is_old_foreign_or_forgotten_is_stale_only_with_a_right_response() {
    let mut house = House::new(DigestConfig {
        lifetime: Duration::from_secs(60),
        nonces_max: 2,
    });
    let old = house.challenge(at(1), None);
    let answer = house.answer(&old, 1);
    assert_eq!(house.check(at(62), &answer), Check::Stale);
    let foreign = Challenge {
        nonce: "0".repeat(64),
        ..old.clone()
    };
    let answer = house.answer(&foreign, 1);
    assert_eq!(house.check(at(2), &answer), Check::Stale);
    let wrong = foreign.answer("agent01", "guess", "REGISTER", URI, 1, &mut house.rng);
    assert_eq!(house.check(at(2), &wrong), Check::Refused(Refusal::WrongResponse));
    // Three phones, room for two: the oldest must not be usable from the start again.
    let challenges: Vec<_> = (10..13).map(|second| house.challenge(at(second), None)).collect();
    for challenge in &challenges {
        let answer = house.answer(challenge, 1);
        assert_eq!(house.check(at(20), &answer), good());
    }
    assert_eq!(house.server.nonces(), 2);
    let answer = house.answer(&challenges[0], 1);
    assert_eq!(house.check(at(20), &answer), Check::Stale);
    let answer = house.answer(&challenges[1], 2);
    assert_eq!(house.check(at(20), &answer), good());
}

#[test]
fn unanswered_challenges_and_wrong_answers_take_no_room() {
    let mut house = House::new(DigestConfig::default());
    for second in 0..1000 {
        let challenge = house.challenge(at(second), Some(Algorithm::Md5));
        let wrong = challenge.answer("agent01", "guess", "REGISTER", URI, 1, &mut house.rng);
        assert_eq!(
            house.check(at(second), &wrong),
            Check::Refused(Refusal::WrongResponse)
        );
    }
    assert_eq!(house.server.nonces(), 0);
}

#[test]
fn tampered_answers_are_refused_with_the_right_reason() {
    let mut house = House::new(DigestConfig::default());
    let challenge = house.challenge(at(1), Some(Algorithm::Md5));
    let answer = house.answer(&challenge, 1);
    for (from, to, refusal) in [
        ("agent01", "agent02", Refusal::UnknownUser),
        (
            "uri=\"sip:hotline.example\"",
            "uri=\"sip:other.example\"",
            Refusal::OtherUri,
        ),
        ("nc=00000001", "nc=00000002", Refusal::WrongResponse),
        ("nc=00000001", "nc=1", Refusal::Malformed),
        ("nc=00000001", "nc=00000000", Refusal::Malformed),
        ("qop=auth", "qop=auth-int", Refusal::Malformed),
        (", qop=auth", "", Refusal::Malformed),
        ("algorithm=MD5", "algorithm=MD5-sess", Refusal::Malformed),
        ("algorithm=MD5", "algorithm=SHA-256", Refusal::WrongResponse),
        ("response=\"", "response=\"0", Refusal::WrongResponse),
        ("nonce=", "no nonce=", Refusal::Malformed),
    ] {
        let tampered = answer.replace(from, to);
        assert_ne!(tampered, answer, "{from} occurs");
        assert_eq!(
            house.check(at(2), &tampered),
            Check::Refused(refusal),
            "{from} -> {to}"
        );
    }
    assert_eq!(
        house.check(at(2), &answer.replace("realm=\"hotline\"", "realm=\"other\"")),
        Check::Absent
    );
    assert_eq!(
        house.check(at(2), "Basic YTpi"),
        Check::Refused(Refusal::Malformed)
    );
    assert_eq!(
        house.check(at(2), &answer),
        good(),
        "none of them spoilt the nonce"
    );
}

#[test]
fn digest_uri_may_differ_in_its_parameters_only() {
    let mut house = House::new(DigestConfig::default());
    for (uri, outcome) in [
        ("sip:hotline.example;transport=tcp", good()),
        ("sip:HOTLINE.example", good()),
        ("sip:hotline.example:5070", Check::Refused(Refusal::OtherUri)),
        ("sips:hotline.example", Check::Refused(Refusal::OtherUri)),
        ("/", Check::Refused(Refusal::OtherUri)),
    ] {
        let challenge = house.challenge(at(1), None);
        let answer = challenge.answer("agent01", "s3cret", "REGISTER", uri, 1, &mut house.rng);
        assert_eq!(house.check(at(2), &answer), outcome, "{uri}");
    }
}

#[test]
fn challenges_offer_both_algorithms_with_sha_256_first() {
    let mut house = House::new(DigestConfig::default());
    let values = house.server.challenges(at(1), &mut house.rng, SOURCE, true);
    let read = |text: &'static str| {
        move |value: &String| {
            let params = AuthParams::parse(Value::new(value.as_bytes(), 0)).unwrap();
            params.get(text).map(|found| found.into_owned())
        }
    };
    assert_eq!(
        values.each_ref().map(read("algorithm")),
        [Some("SHA-256".to_owned()), Some("MD5".to_owned())]
    );
    assert_eq!(
        values.each_ref().map(read("stale")),
        [Some("true".to_owned()), Some("true".to_owned())]
    );
    assert_eq!(read("nonce")(&values[0]), read("nonce")(&values[1]));
}

#[test]
fn user_without_a_usable_secret_is_never_let_in() {
    let mut house = House::new(DigestConfig::default());
    for secret in ["", "0", &"a".repeat(33)] {
        house.agent.ha1_md5 = Pii::new(secret.to_owned());
        let challenge = house.challenge(at(1), Some(Algorithm::Md5));
        let answer = challenge.answer("agent01", "guess", "REGISTER", URI, 1, &mut house.rng);
        assert_eq!(house.check(at(2), &answer), Check::Refused(Refusal::NoSecret));
    }
}

#[test]
fn only_wrong_answers_to_a_nonce_of_the_source_itself_are_held_against_it() {
    let mut house = House::new(DigestConfig::default());
    let challenge = house.challenge(at(1), None);
    let wrong = house.answer(&challenge, 1).replace("response=\"", "response=\"0");
    let unknown = house.answer(&challenge, 1).replace("agent01", "mallory");
    let wrong = wrong
        .replacen("response=\"0", "response=\"", 1)
        .replace("cnonce=\"", "cnonce=\"0");
    let guess =
        |house: &mut House, source: IpAddr, second, text: &str| house.check_from(source, at(second), text);
    let refused = |refusal, user: Option<&str>| (Check::Refused(refusal), user.map(str::to_owned));
    assert_eq!(
        guess(&mut house, SOURCE, 2, &wrong),
        refused(Refusal::WrongResponse, Some("agent01"))
    );
    assert_eq!(
        guess(&mut house, SOURCE, 2, &unknown),
        refused(Refusal::UnknownUser, Some("mallory"))
    );
    // Somebody forges the address of an office, with a nonce that was given to himself, to one made up, or to none.
    let office = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));
    assert_eq!(
        guess(&mut house, office, 2, &wrong),
        refused(Refusal::WrongResponse, None)
    );
    let made_up = wrong.replace("nonce=\"0", "nonce=\"f");
    assert_eq!(guess(&mut house, SOURCE, 2, &made_up).1, None);
    assert_eq!(guess(&mut house, SOURCE, 7200, &wrong).1, None, "long ago");
    // A phone that moved answers rightly, and is only challenged once more.
    let right = house.answer(&challenge, 2);
    assert_eq!(guess(&mut house, office, 3, &right), (Check::Stale, None));
    assert_eq!(guess(&mut house, SOURCE, 3, &right), (good(), None));
}
