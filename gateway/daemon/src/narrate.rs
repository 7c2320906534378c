//! The log's view of the journal: what an operator wants to read as it happens. Ids and slugs, never people.

use hotline_journal::{Event, What};
use hotline_types::EndCause;
use tracing::{debug, info, warn};

/// Writes an event to the log, at the level of its weight.
pub fn narrate(event: &Event) {
    let contact = event.contact.map(tracing::field::display);
    let agent = event.agent.as_ref().map(tracing::field::display);
    let queue = event.queue.as_ref().map(tracing::field::display);
    match &event.what {
        What::Started { version } => info!(version, "Gateway started"),
        What::Stopped => info!("Gateway stopped in good order"),
        What::ContactClosed {
            cause: EndCause::Lost(why),
            ..
        } => warn!(contact, ?why, "Contact lost by the system"),
        What::ContactClosed {
            cause: EndCause::Refused(why),
            sip_status,
        } => {
            info!(contact, ?why, sip_status, "Call refused");
        }
        What::ContactClosed { cause, .. } => info!(contact, ?cause, "Contact closed"),
        What::RecordingFailed { path, error } => warn!(contact, path, error, "Recording failed"),
        What::TrunkUp { trunk } => info!(%trunk, "Trunk takes calls"),
        What::TrunkDown { trunk, why } => warn!(%trunk, why, "Trunk takes no calls"),
        What::SeatsShort { band, need, have } => {
            warn!(%band, need, have, "Too few agents logged in for the band")
        }
        What::SeatsFilled { band } => info!(%band, "The band has its seats again"),
        What::PauseOverrun { reason } => warn!(agent, reason, "A pause is longer than allowed"),
        What::AgentReleased { work } => info!(agent, ?work, by = ?event.by, "Agent released by hand"),
        What::PopLate => debug!(contact, agent, "Screen-pop late"),
        What::AgentIntent { intent } => info!(agent, ?intent, by = ?event.by, "Agent's intent changed"),
        What::AgentDevice { device } => info!(agent, ?device, "Agent's phone changed"),
        What::OfferEnded { outcome, sip_status } => {
            debug!(contact, agent, queue, ?outcome, sip_status, "Offer ended")
        }
        _ => debug!(contact, agent, queue, seq = event.seq.0, "Event"),
    }
}
