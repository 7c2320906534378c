//! Keys of a trunk that sends them as tones in the audio.

use hotline_journal::{Event, What};
use hotline_media::Codec;

use super::gateway::{Config, Gateway};
use super::rtp::RtpPeer;
use super::softphone::{SoftPhone, audio_address, sdp};
use super::tone;
use super::wait::{secs, until};

fn node(name: &'static str) -> impl Fn(&Event) -> bool {
    move |event| matches!(&event.what, What::FlowNode { node, .. } if node == name)
}

#[test]
fn caller_whose_trunk_sends_keys_as_tones_chooses_in_the_menu() {
    let mut config = Config::shipped();
    config.each("trunk", |table| {
        drop(table.insert("dtmf".to_owned(), "inband".into()))
    });
    let gateway = Gateway::start(&config);
    let mut journal = gateway.journal();
    let caller = SoftPhone::start();
    // Speech-like sound before the key: the caller is not silent.
    let audio = RtpPeer::start(Codec::Pcmu, 440);
    caller.call(&gateway, "8001", sdp(audio.port, Codec::Pcmu));
    let answer = caller.until_answered(secs(5));
    let text = String::from_utf8_lossy(&answer).into_owned();
    assert!(!text.contains("telephone-event"), "one way for keys: {text}");
    audio.send_to(audio_address(&answer));
    journal.until("the welcome", secs(10), node("welcome"));
    until("the caller to hear the welcome", secs(5), || {
        (tone::loud_ms(&audio.heard(0)) > 500).then_some(())
    });
    audio.tones(697, 1_336);
    journal.until("the choice of the language", secs(10), node("english"));
}
