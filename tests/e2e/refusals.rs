//! Calls that are not taken: each refused with its status, counted where the trunk is known.

use hotline_journal::What;
use hotline_media::Codec;
use hotline_sip::Transport;
use hotline_types::{EndCause, FlowOutReason, RefusalReason};

use super::gateway::{Config, Gateway};
use super::sipp::{Scenario, Sipp, callers, one_caller};
use super::tone;
use super::wait::secs;

/// A call that is refused, and how the contact ends.
fn check(scenario: &Scenario, dialled: &str, reason: RefusalReason, status: u16) {
    let gateway = Gateway::start(&Config::quick());
    let (_peers, lines) = callers(1, dialled);
    Sipp::start(gateway.sip("trunk"), scenario, &lines, 1).finish(secs(10));
    let closed = gateway.journal().until_closed(secs(5));
    let cause = EndCause::Refused(reason);
    assert_eq!(
        closed.what,
        What::ContactClosed {
            cause,
            sip_status: Some(status)
        }
    );
    gateway.until_numbers(&[("reached", 1), ("refused", 1)]);
}

#[test]
fn unknown_number_is_404() {
    check(
        &Scenario::refused(404, None).plain(),
        "5555",
        RefusalReason::UnknownNumber,
        404,
    );
}

#[test]
fn offer_without_a_common_codec_is_488() {
    check(
        &Scenario::refused(488, None).g729(),
        "8003",
        RefusalReason::NoCommonCodec,
        488,
    );
}

#[test]
fn stranger_on_the_trunk_listener_leaves_no_trace() {
    let gateway = Gateway::start(&Config::quick());
    let (_peers, lines) = callers(3, "8003");
    Sipp::start_from(
        "127.0.0.2",
        Transport::Udp,
        gateway.sip("trunk"),
        &Scenario::unheard(),
        &lines,
        10,
    )
    .finish(secs(10));
    assert!(gateway.journal().contacts().is_empty());
}

#[test]
fn one_call_too_many_is_503_with_retry_after() {
    let mut config = Config::quick();
    config.set("hotline.lines", 1);
    let gateway = Gateway::start(&config);
    let mut journal = gateway.journal();
    let (_peers, lines) = callers(2, "8001");
    let first = Sipp::start(
        gateway.sip("trunk"),
        &Scenario::call(Codec::Pcma, secs(4)),
        &lines[..1],
        1,
    );
    journal.until("the first call", secs(5), |event| {
        event.what == What::CallerConnected
    });
    let refused = Scenario::refused(503, Some(("Retry-After", " *10"))).plain();
    Sipp::start(gateway.sip("trunk"), &refused, &lines[1..], 1).finish(secs(10));
    first.finish(secs(10));
    journal.until("the refusal in the journal", secs(5), |event| {
        event.what
            == What::ContactClosed {
                cause: EndCause::Refused(RefusalReason::Overload),
                sip_status: Some(503),
            }
    });
}

#[test]
fn caller_whom_nobody_can_serve_hears_it_and_is_let_go() {
    let gateway = Gateway::start(&Config::quick());
    let (caller, sipp) = one_caller(&gateway, secs(30));
    sipp.finish(secs(25));
    let closed = gateway.journal().until_closed(secs(5));
    assert!(
        matches!(
            closed.what,
            What::ContactClosed {
                cause: EndCause::FlowedOut(FlowOutReason::NoStaff),
                ..
            }
        ),
        "{closed:?}"
    );
    assert!(
        tone::loud_ms(&caller.heard(0)) > 500,
        "the closing words are heard"
    );
    gateway.until_figures(&[("offered", 1), ("flowed_out", 1)]);
}
