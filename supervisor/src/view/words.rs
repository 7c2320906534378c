//! The words the API uses for states; a promise to its clients, independent of names in the code.

use hotline_journal::Place;
use hotline_types::{AgentSlug, DeviceState, Intent, QueueSlug, WorkState};

pub(super) const fn intent_word(intent: &Intent) -> &'static str {
    match intent {
        Intent::Ready => "ready",
        Intent::Paused { .. } => "paused",
        Intent::LoggedOut => "logged_out",
    }
}

pub(super) const fn work_word(work: WorkState) -> &'static str {
    match work {
        WorkState::Idle => "idle",
        WorkState::Offered => "offered",
        WorkState::Talking => "talking",
        WorkState::Hold => "hold",
        WorkState::WrapUp => "wrap_up",
    }
}

pub(super) const fn device_word(device: DeviceState) -> &'static str {
    match device {
        DeviceState::Registered => "registered",
        DeviceState::Unreachable => "unreachable",
        DeviceState::BusyElsewhere => "busy_elsewhere",
    }
}

/// Phase, queue and agent of a place.
pub(super) const fn place_words(place: &Place) -> (&'static str, Option<&QueueSlug>, Option<&AgentSlug>) {
    match place {
        Place::Ivr => ("ivr", None, None),
        Place::Waiting(queue) => ("waiting", Some(queue), None),
        Place::Ringing(queue, agent) => ("ringing", Some(queue), Some(agent)),
        Place::Talking(agent) => ("talking", None, Some(agent)),
        Place::Hold(agent) => ("hold", None, Some(agent)),
    }
}
