//! Causes and states: closed lists, each with one meaning (design.md, Words; callcenter.md section 2).

use serde::{Deserialize, Serialize};

/// What the agent wants. One of the three axes of an agent's state, never merged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// Wants calls.
    Ready,
    /// On duty, wants no calls now, for this coded reason.
    Paused {
        /// Code of the reason, for instance `meal`; `rona` when routing paused the agent after missed offers.
        reason: String,
    },
    /// Not on duty.
    LoggedOut,
}

/// What the agent is doing for the hotline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkState {
    /// Nothing.
    Idle,
    /// A contact is being offered, the phone may be ringing.
    Offered,
    /// Talks with a caller.
    Talking,
    /// Has the caller on hold.
    Hold,
    /// After-call work.
    WrapUp,
}

/// What the agent's phone is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    /// A contact address is registered and answers.
    Registered,
    /// No registration, or the phone no longer answers.
    Unreachable,
    /// In a call that is not ours.
    BusyElsewhere,
}

/// What a segment of a contact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentKind {
    /// The caller is in the IVR flow.
    Ivr,
    /// The caller waits in a queue.
    Wait,
    /// An agent's phone is being rung (inside a wait).
    Ring,
    /// Caller and agent talk.
    Talk,
    /// The agent has the caller on hold (inside a talk).
    Hold,
    /// The agent consults somebody else (inside a talk).
    Consult,
    /// The caller was transferred to an outside number: on the way there, or talking.
    Outside,
    /// The caller leaves a message.
    Message,
}

/// How an offer ended. The first five that are not `Answered` have five different consequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferOutcome {
    /// The agent took the call.
    Answered,
    /// The phone rang until the offer's deadline.
    Missed,
    /// The agent declined (SIP 603, or 480 after ringing).
    Rejected,
    /// The phone was in another call (SIP 486, 600).
    Busy,
    /// The phone did not answer the INVITE, or is not registered (408, 480 before ringing, transport error).
    Unreachable,
    /// The call could not be set up (488, 5xx, no common codec, media failure).
    Failed,
    /// Taken back: the caller hung up, left the queue, or another phone was faster.
    Withdrawn,
}

/// Why a queue no longer holds a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "exit", content = "why")]
pub enum QueueExit {
    /// An agent answered.
    Answered,
    /// The caller hung up.
    Abandoned(AbandonPhase),
    /// The contact went elsewhere by a rule or by the caller's choice.
    FlowedOut(FlowOutReason),
    /// The system lost it.
    Lost(LostReason),
}

/// Where in the queue the caller gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbandonPhase {
    /// While waiting, no phone ringing.
    Waiting,
    /// While an agent's phone was ringing.
    Ringing,
}

/// Why a contact flowed out of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowOutReason {
    /// The queue's longest wait was reached.
    Timeout,
    /// The queue was full when the contact came.
    Full,
    /// Nobody was on duty for the queue.
    NoStaff,
    /// The caller pressed a key that leaves the queue.
    Key,
    /// An overflow rule sent the contact into another queue, with its time of enqueuing.
    Overflow,
}

/// How the system lost a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostReason {
    /// The process ended without closing it; closed by the next start.
    Restart,
    /// The drain limit was reached at shutdown.
    Shutdown,
    /// The media of the caller stopped and a probe went unanswered.
    MediaLost,
    /// The caller's SIP dialog broke: ACK missing, session timer, transport gone.
    SignallingLost,
    /// A bug in this call's machine; the call was ended and counted.
    Fault,
}

/// Why a call was refused before it was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// The called number is not one of ours: 404.
    UnknownNumber,
    /// No codec in common: 488.
    NoCommonCodec,
    /// The SDP could not be read: 400 or 488.
    BadOffer,
    /// Lines, memory or journal are at their limit: 503 with Retry-After.
    Overload,
    /// The gateway is shutting down: 503 with Retry-After.
    Draining,
    /// No RTP port or media thread could be had: 503.
    MediaUnavailable,
    /// The flow refused it, with the status that it names.
    Flow,
}

/// Who ended the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HangupBy {
    /// The caller hung up.
    Caller,
    /// The agent hung up.
    Agent,
    /// The flow or a rule ended it.
    System,
    /// The outside party to whom the caller was transferred hung up.
    Outside,
}

/// How a contact ended. Exactly one per contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "end", content = "why")]
pub enum EndCause {
    /// Refused before it was answered.
    Refused(RefusalReason),
    /// The caller hung up before entering a queue (in the IVR, or before we answered).
    EndedInIvr(HangupBy),
    /// The caller hung up in a queue.
    Abandoned(AbandonPhase),
    /// Talked to an agent; ended by this side.
    Completed(HangupBy),
    /// Left the queue by a rule and was ended by the flow (announcement, goodbye) or hung up there.
    FlowedOut(FlowOutReason),
    /// Lost by the system.
    Lost(LostReason),
}
