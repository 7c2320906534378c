//! The JSON of events is a promise: a golden file for every kind, read and written back byte for byte.

#![expect(clippy::disallowed_methods, reason = "a test reads its golden files")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use hotline_journal::{EVENT_VERSION, Event};

/// Kinds there are; a new kind needs a new golden file and a line here.
const KINDS: &[&str] = &[
    "started",
    "stopped",
    "contact_opened",
    "caller_connected",
    "flow_node",
    "segment_opened",
    "segment_closed",
    "queue_entered",
    "queue_left",
    "offer_made",
    "offer_ringing",
    "pop_late",
    "offer_ended",
    "bridged",
    "unbridged",
    "recording_started",
    "recording_sealed",
    "recording_failed",
    "recording_paused",
    "recording_resumed",
    "recording_skipped",
    "recording_disk",
    "recording_heard",
    "media_measured",
    "media_measured.silent",
    "contact_closed",
    "agent_intent",
    "agent_work",
    "agent_device",
    "agent_device_unusable",
    "disposed",
    "agent_released",
    "pause_overrun",
    "seats_short",
    "seats_filled",
    "queue_left.abandoned",
    "contact_closed.refused",
];

#[test]
fn every_kind_of_event_reads_and_writes_its_golden_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut seen = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let event: Event =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(event.v, EVENT_VERSION);
        assert_eq!(
            serde_json::to_string(&event).unwrap() + "\n",
            text,
            "{}",
            path.display()
        );
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let kind = serde_json::to_value(&event).unwrap()["kind"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(
            name == kind || name.starts_with(&format!("{kind}.")),
            "{name} holds a {kind}"
        );
        seen.insert(name);
    }
    assert_eq!(seen, KINDS.iter().map(|kind| (*kind).to_owned()).collect());
}
