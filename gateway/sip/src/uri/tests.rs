//! URIs as they are met, and as they must not be.

use super::*;

#[test]
fn uris_are_taken_apart_as_written() {
    type Parts<'a> = (Option<&'a str>, Option<&'a str>, Option<u16>, &'a str);
    let cases: &[(&str, Parts<'_>)] = &[
        (
            "sip:alice@example.com",
            (Some("alice"), Some("example.com"), None, ""),
        ),
        (
            "sip:john.doe@example.com:5070",
            (Some("john.doe"), Some("example.com"), Some(5070), ""),
        ),
        ("SIPS:192.0.2.7", (None, Some("192.0.2.7"), None, "")),
        (
            "sip:+1555;phone-context=x@gw;user=phone",
            (Some("+1555;phone-context=x"), Some("gw"), None, ";user=phone"),
        ),
        ("sip:alice:pa.ss@host", (Some("alice"), Some("host"), None, "")),
        (
            "sip:a@[2001:db8::10]:5070;transport=xyz",
            (Some("a"), Some("[2001:db8::10]"), Some(5070), ";transport=xyz"),
        ),
        (
            "sip:a/b?c@h;p=:&$/;lr?Subject=x",
            (Some("a/b?c"), Some("h"), None, ";p=:&$/;lr"),
        ),
        ("tel:+8613800138000", (Some("+8613800138000"), None, None, "")),
        (
            "tel:7042;phone-context=example.com",
            (Some("7042"), None, None, ";phone-context=example.com"),
        ),
        ("http://user@example.com", (None, None, None, "")),
        ("sip:256.1.1.1", (None, Some("256.1.1.1"), None, "")),
    ];
    for (text, (user, host, port, params)) in cases {
        let uri = Uri::parse(text).unwrap();
        let found = uri.host.map(|host| host.to_string());
        assert_eq!(
            (uri.user, found.as_deref(), uri.port, uri.params.as_str()),
            (*user, *host, *port, *params),
            "{text}"
        );
        assert_eq!(uri.raw, *text);
    }
    assert_eq!(
        Uri::parse("sip:alice:pa.ss@host").unwrap().password,
        Some("pa.ss")
    );
    assert_eq!(Uri::parse("sip:h?a=b").unwrap().headers, Some("a=b"));
    assert_eq!(Uri::parse("foo+1.x:y").unwrap().scheme, Scheme::Other("foo+1.x"));
    assert_eq!(
        Uri::parse("sip:a@10.0.0.1")
            .unwrap()
            .host
            .and_then(|host| host.ip()),
        Some([10, 0, 0, 1].into())
    );
}

#[test]
fn bad_uris_are_refused_with_the_part_that_is_bad() {
    for (text, fault) in [
        ("", Fault::Uri),
        ("sip:", Fault::Uri),
        ("alice@example.com", Fault::Uri),
        (":x", Fault::Uri),
        ("1sip:x", Fault::Uri),
        ("sip:a b@c", Fault::Uri),
        ("<sip:a@b>", Fault::Uri),
        ("sip:a%zz@b", Fault::Uri),
        ("sip:@b", Fault::Uri),
        ("sip:a@", Fault::Host),
        ("sip:a@b@c", Fault::Host),
        ("sip:a@[::1", Fault::Host),
        ("sip:a@[nonsense]", Fault::Host),
        ("sip:a@h:", Fault::Port),
        ("sip:a@h:65536", Fault::Port),
        ("sip:a@h:000005060", Fault::Port),
        ("sip:a@[::1]5060", Fault::Port),
        ("tel:", Fault::Uri),
        ("tel:+", Fault::Uri),
        ("tel:alice", Fault::Uri),
    ] {
        assert_eq!(Uri::parse(text).unwrap_err().fault, fault, "{text}");
    }
}

#[test]
fn dialled_user_is_decoded_and_freed_from_its_parameters() {
    for (text, user) in [
        ("sip:+1555;phone-context=x@gw", Some("+1555")),
        ("sip:%34%30%30%31@gw", Some("4001")),
        ("sip:caf%C3%A9@gw", Some("café")),
        ("sip:%00@gw", Some("\0")),
        ("sip:gw", None),
    ] {
        assert_eq!(
            Uri::parse(text).unwrap().user_decoded().as_deref(),
            user,
            "{text}"
        );
    }
    assert_eq!(percent_decoded("100%"), "100%");
    assert_eq!(percent_decoded("%ff"), "\u{fffd}");
}

#[test]
fn uri_parameters_are_found_in_any_case() {
    let uri = Uri::parse("sip:h;Transport=TCP;;lr").unwrap();
    assert_eq!(
        (
            uri.params.get("transport"),
            uri.params.get("LR"),
            uri.params.get("x")
        ),
        (Some("TCP"), Some(""), None)
    );
    assert_eq!(uri.params.iter().count(), 2);
}
