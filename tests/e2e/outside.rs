//! Calls to outside numbers: a caller is transferred, trunk after trunk, or goes back to the queue.

use hotline_journal::What;
use hotline_media::Codec;
use hotline_sip::{PhoneCommand, PhoneEvent};
use hotline_types::{EndCause, HangupBy};

use super::gateway::{Config, Gateway};
use super::rtp::RtpPeer;
use super::sipp::one_caller;
use super::softphone::{SoftPhone, audio_address, sdp};
use super::tone;
use super::wait::{secs, until};

/// The shipped trunk, and another one before it that nobody stands behind; mobiles may be called.
fn config(outside: &SoftPhone) -> Config {
    let mut config = Config::quick();
    let gateway = outside.address().to_string();
    config.each("trunk", |trunk| {
        trunk.insert("gateways".to_owned(), vec![gateway.clone()].into());
        trunk.insert("ping".to_owned(), "0s".into());
    });
    let spare: toml::Table = format!(
        "slug = 'spare'\nlistener = 'trunk'\ngateways = ['127.0.0.9:{}']\nping = '0s'\npriority = 1\nnumbers = 'prefixed'",
        super::ports::one()
    )
    .parse()
    .unwrap();
    config.table["trunk"].as_array_mut().unwrap().push(spare.into());
    config.set("outside.caller", "4000000001");
    config.set("outside.kept_for_callers", 1);
    let mobiles: toml::Table = "slug = 'mobiles'\nnumbers = ['+861*']".parse().unwrap();
    config
        .table
        .insert("destination".to_owned(), toml::Value::Array(vec![mobiles.into()]));
    config
}

/// A talk of agent 1001: its contact as the API names it.
fn talk(gateway: &Gateway, agent: &SoftPhone, audio: &RtpPeer) -> String {
    let (leg, offer) = agent.until_incoming(secs(15));
    audio.send_to(audio_address(&offer));
    agent.command(PhoneCommand::Answer {
        leg,
        sdp: sdp(audio.port, Codec::Pcma),
    });
    until("the talk", secs(10), || {
        let calls = gateway.json("/v1/calls");
        let call = calls["items"].as_array()?.first()?.clone();
        (gateway.agent("1001")["work"] == "talking").then(|| call["id"].as_str().unwrap().to_owned())
    })
}

#[test]
fn caller_is_transferred_outside_by_the_next_trunk_when_the_first_is_silent() {
    let outside = SoftPhone::start();
    let gateway = Gateway::start(&config(&outside));
    let mut journal = gateway.journal();
    let agent = SoftPhone::of_agent(&gateway, "1001");
    let (caller, sipp) = one_caller(&gateway, secs(60));
    let agent_audio = RtpPeer::start(Codec::Pcma, 1_000);
    let contact = talk(&gateway, &agent, &agent_audio);
    let path = format!("/v1/contacts/{contact}/transfer");

    let (status, body) = gateway.post(&path, "{\"to\": \"+4930123456\"}");
    assert_eq!(status, 409, "{body}");
    assert!(body.contains("dial plan does not allow"), "{body}");
    let (status, body) = gateway.post(&path, "{\"to\": \"0138 0013 8000\"}");
    assert_eq!(status, 202, "{body}");

    let (leg, called, offer) = outside.until("the call outside", secs(15), |event| match event {
        PhoneEvent::Incoming {
            leg, called, offer, ..
        } => Some((*leg, called.clone(), offer.clone().unwrap())),
        _ => None,
    });
    assert_eq!(called, "+8613800138000");
    assert_ne!(gateway.agent("1001")["work"], "talking", "the agent is free");
    let audio = RtpPeer::start(Codec::Pcma, 700);
    audio.send_to(audio_address(&offer));
    outside.command(PhoneCommand::Answer {
        leg,
        sdp: sdp(audio.port, Codec::Pcma),
    });
    journal.until("the outside talk", secs(10), |event| {
        matches!(event.what, What::OutsideAnswered { .. })
    });
    until("the caller to hear the outside party", secs(5), || {
        (tone::heard_ms(&caller.heard(0), 700) > 1_000).then_some(())
    });
    let trunks = gateway.json("/v1/trunks");
    assert_eq!(trunks["items"][0]["calls"], 2, "caller and outside leg: {trunks}");
    outside.command(PhoneCommand::Hangup { leg });
    sipp.finish(secs(10));
    let closed = journal.until_closed(secs(5));
    assert!(
        matches!(
            closed.what,
            What::ContactClosed {
                cause: EndCause::Completed(HangupBy::Outside),
                ..
            }
        ),
        "{closed:?}"
    );
}

#[test]
fn caller_whom_nobody_outside_takes_is_back_in_the_queue_and_served() {
    let outside = SoftPhone::start();
    let gateway = Gateway::start(&config(&outside));
    let mut journal = gateway.journal();
    let agent = SoftPhone::of_agent(&gateway, "1001");
    let (_audio, sipp) = one_caller(&gateway, secs(60));
    let audio = RtpPeer::start(Codec::Pcma, 1_000);
    let contact = talk(&gateway, &agent, &audio);
    let (status, body) = gateway.post(
        &format!("/v1/contacts/{contact}/transfer"),
        "{\"to\": \"13800138000\"}",
    );
    assert_eq!(status, 202, "{body}");
    let (leg, _) = outside.until_incoming(secs(15));
    outside.command(PhoneCommand::Reject { leg, status: 486 });
    journal.until("the way back", secs(10), |event| {
        event.what
            == What::OutsideFailed {
                sip_status: Some(486),
            }
    });
    let (leg, _) = agent.until_incoming(secs(15));
    agent.command(PhoneCommand::Answer {
        leg,
        sdp: sdp(audio.port, Codec::Pcma),
    });
    journal.until_count("a talk", 2, secs(10), |event| {
        matches!(event.what, What::Bridged { .. })
    });
    agent.command(PhoneCommand::Hangup { leg });
    sipp.finish(secs(10));
    journal.until_closed(secs(5));
}
