//! SRTP by SDES: a phone and a trunk that encrypt, and those who may not speak in clear.

use hotline_journal::{MediaSide, What};
use hotline_media::{Codec, Direction, LocalMedia, LocalSrtp, OwnKeys};
use hotline_sip::PhoneEvent;
use hotline_types::Rng;
use toml::{Table, Value};

use super::baresip::{Answers, Baresip};
use super::call::Wav;
use super::gateway::{Config, Gateway};
use super::rtp::RtpPeer;
use super::softphone::{SoftPhone, audio_address, sdp};
use super::tone;
use super::wait::{secs, until};

/// Phones by this rule, but for 1001, which must encrypt; the trunk by its own.
fn config(trunk: &str, phones: &str) -> Config {
    let mut config = Config::quick();
    config.set("media.srtp", phones);
    config.each("trunk", |table| {
        drop(table.insert("srtp".to_owned(), trunk.into()))
    });
    let phone = Table::from_iter([
        ("slug".to_owned(), "1001".into()),
        ("srtp".to_owned(), "mandatory".into()),
    ]);
    config
        .table
        .insert("phone".to_owned(), Value::Array(vec![phone.into()]));
    config
}

fn caller_sdp(port: u16) -> LocalMedia {
    LocalMedia {
        rtp: ([127, 0, 0, 1], port).into(),
        origin_id: 1,
        version: 1,
        codecs: vec![Codec::Pcma],
        prefer: false,
        dtmf: true,
        direction: Direction::SendRecv,
        srtp: Some(LocalSrtp {
            mandatory: true,
            keys: OwnKeys::random(&mut Rng::from_seed(u64::from(port))),
        }),
    }
}

/// A call to the direct number with keys, answered with keys: its audio.
fn call_encrypted(gateway: &Gateway, caller: &SoftPhone) -> RtpPeer {
    let audio = RtpPeer::start(Codec::Pcma, 440);
    let local = caller_sdp(audio.port);
    caller.call(gateway, "8003", hotline_media::offer(&local));
    let answer = caller.until_answered(secs(5));
    let agreed = hotline_media::read_answer(&local, &answer).expect("an answer with keys");
    audio.secure(*agreed.srtp.expect("SRTP was agreed on"));
    audio.send_to(audio_address(&answer));
    audio
}

#[test]
fn encrypting_phone_and_encrypting_trunk_hear_each_other_and_the_recording_is_plain() {
    let gateway = Gateway::start(&config("optional", "off"));
    let mut journal = gateway.journal();
    let account = ";mediaenc=srtp-mand";
    let agent = Baresip::start_with(&gateway, "1001", Codec::Pcmu, 1_000, Answers::AtOnce, account);
    let caller = SoftPhone::start();
    let audio = call_encrypted(&gateway, &caller);
    journal.until_bridged(secs(10));
    until("the caller to hear the agent", secs(10), || {
        (tone::heard_ms(&audio.heard(0), 1_000) > 2_000).then_some(())
    });
    agent.command("hangup");
    journal.until_closed(secs(5));
    let heard = agent.capture();
    assert!(
        tone::heard_ms(&heard, 440) > 1_500,
        "the agent hears {} ms",
        tone::heard_ms(&heard, 440)
    );
    let path = journal.until("the sealed recording", secs(5), |event| {
        matches!(event.what, What::RecordingSealed { .. })
    });
    let What::RecordingSealed { path, .. } = path.what else {
        unreachable!()
    };
    let wav = Wav::read(&gateway, &path);
    for (side, samples, hz) in [("left", &wav.left, 440), ("right", &wav.right, 1_000)] {
        assert!(
            tone::heard_ms(samples, hz) > 1_500,
            "{side}: {} ms",
            tone::heard_ms(samples, hz)
        );
    }
    for side in [MediaSide::Caller, MediaSide::Agent] {
        let measured = journal.until(
            "the measure of the talk",
            secs(5),
            |event| matches!(event.what, What::MediaMeasured { side: of, .. } if of == side),
        );
        let What::MediaMeasured {
            received, mos, srtp, ..
        } = measured.what
        else {
            unreachable!()
        };
        assert!(
            received > 80 && mos > Some(350) && srtp,
            "{side:?}: {received} packets, {mos:?}, {srtp}"
        );
    }
    let log = gateway.log();
    assert!(!log.contains("inline:"), "no key is logged");
}

#[test]
fn optional_srtp_takes_a_phone_in_clear_and_mandatory_takes_no_caller_in_clear() {
    let gateway = Gateway::start(&config("mandatory", "optional"));
    let caller = SoftPhone::start();
    caller.call(&gateway, "8003", sdp(40_000, Codec::Pcma));
    let status = caller.until("a refusal", secs(5), |event| match event {
        PhoneEvent::Failed { failure, .. } => Some(format!("{failure:?}")),
        _ => None,
    });
    assert!(status.contains("488"), "{status}");

    let agent = SoftPhone::of_agent(&gateway, "1002");
    let audio = call_encrypted(&gateway, &caller);
    let (leg, offer) = agent.until_incoming(secs(5));
    let text = String::from_utf8(offer.clone()).unwrap();
    assert!(
        text.contains(" RTP/AVP ") && text.contains("a=crypto:1 "),
        "{text}"
    );
    let voice = RtpPeer::start(Codec::Pcma, 1_000);
    voice.send_to(audio_address(&offer));
    agent.command(hotline_sip::PhoneCommand::Answer {
        leg,
        sdp: sdp(voice.port, Codec::Pcma),
    });
    until("both to hear each other", secs(10), || {
        let both = tone::heard_ms(&audio.heard(0), 1_000) > 500 && tone::heard_ms(&voice.heard(0), 440) > 500;
        both.then_some(())
    });
}
