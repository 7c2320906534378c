//! The two decisions of routing, each in one place: which agent for a call, which call for an agent.
//!
//! They are never mixed: with agents to spare a call picks an agent, with calls to spare an agent picks a call.

use crate::agent::IdleSince;
use crate::queue::{Place, QueueNo, QueueState};

/// Agents to spare: the agent of the call's queue who has been idle longest.
pub(crate) fn pick_agent(queue: &QueueState) -> Option<IdleSince> {
    queue.idle.first().copied()
}

/// Calls to spare: of all queues the agent serves, the caller with the highest wait + priority; ties go to the
/// earlier entry.
pub(crate) fn pick_call(serves: &[QueueNo], queues: &[QueueState]) -> Option<Place> {
    serves
        .iter()
        .filter_map(|queue| queues[queue.0].free.first())
        .min()
        .copied()
}

/// The reason for a choice, for supervisors: one sentence without personal data.
pub(crate) fn why_agent(idle_secs: u64, others: usize) -> String {
    match others {
        0 => format!("only agent free, idle {idle_secs} s"),
        1 => format!("longest idle: {idle_secs} s, before 1 other"),
        _ => format!("longest idle: {idle_secs} s, before {others} others"),
    }
}

/// The same for a call that an agent was given on becoming free.
pub(crate) fn why_call(wait_secs: u64, others: usize) -> String {
    match others {
        0 => format!("only caller waiting: {wait_secs} s"),
        1 => format!("first in line: waits {wait_secs} s, before 1 other"),
        _ => format!("first in line: waits {wait_secs} s, before {others} others"),
    }
}
