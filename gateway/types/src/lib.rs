//! The words of Hotline: ids, causes, time and personal data. Vocabulary only; behaviour lives in the cores.

mod cause;
mod id;
mod network;
mod numbering;
mod pii;
mod rng;
mod slug;
mod time;

pub use cause::{
    AbandonPhase, DeviceState, EndCause, FlowOutReason, HangupBy, Intent, LostReason, OfferOutcome,
    QueueExit, RefusalReason, SegmentKind, WorkState,
};
pub use id::{ContactId, LegId, OfferId, ParseIdError, PersonId, SegmentId};
pub use network::Network;
pub use numbering::{Numbering, PhoneNumber};
pub use pii::Pii;
pub use rng::Rng;
pub use slug::{AgentSlug, BandSlug, FlowSlug, NumberSlug, ParseSlugError, QueueSlug, TrunkSlug};
pub use time::{Now, Time, WallTime};
