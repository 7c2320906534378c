//! What the API and the live feed say: structs of their own, times in UTC milliseconds, no personal data unmasked.

use serde::Serialize;

/// A queue now and today.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct QueueRow {
    /// Slug.
    pub id: String,
    /// Label for people.
    pub label: String,
    /// Callers waiting or being rung for.
    pub waiting: u32,
    /// Entry of the caller who waits longest.
    pub longest_since: Option<i64>,
    /// Agents of the queue who could take a call now.
    pub ready: u32,
    /// Calls of the queue that an agent talks with or holds now.
    pub talking: u32,
    /// Today's counters and rates.
    pub today: Counters,
}

/// Counters of queues over a stretch of time, and the rates made of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Counters {
    /// Entered a queue.
    pub offered: u64,
    /// Answered by an agent.
    pub answered: u64,
    /// Given up by the caller.
    pub abandoned: u64,
    /// Left by a rule.
    pub flowed_out: u64,
    /// Lost by the system.
    pub lost: u64,
    /// Still there.
    pub waiting: u64,
    /// Answered within three rings (15 s from queue entry).
    pub within: u64,
    /// answered / offered, 0 to 1; none where nothing was offered.
    pub answer_rate: Option<f64>,
    /// within / offered, 0 to 1.
    pub within_rate: Option<f64>,
    /// within / answered, 0 to 1.
    pub within_of_answered: Option<f64>,
    /// Longest wait of any contact that left, milliseconds.
    pub longest_wait_ms: u64,
    /// Mean wait of the answered, milliseconds.
    pub mean_wait_ms: Option<u64>,
}

/// One agent on the three axes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AgentRow {
    /// Slug.
    pub id: String,
    /// Name for people.
    pub label: String,
    /// `ready`, `paused`, `logged_out`.
    pub intent: &'static str,
    /// Reason of the pause.
    pub reason: Option<String>,
    /// Since when the intent holds.
    pub intent_since: i64,
    /// Login name of the user who set the intent, where a user did.
    pub by: Option<String>,
    /// `idle`, `offered`, `talking`, `hold`, `wrap_up`.
    pub work: &'static str,
    /// Since when the work holds.
    pub work_since: i64,
    /// Deadline of the work, where it has one.
    pub until: Option<i64>,
    /// `registered`, `unreachable`, `busy_elsewhere`.
    pub device: &'static str,
    /// Why a registered phone cannot be offered calls.
    pub device_why: Option<String>,
    /// Contact the work is about.
    pub contact: Option<String>,
}

/// One contact that is open now.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CallRow {
    /// Contact id.
    pub id: String,
    /// Label of the access number, where known.
    pub number: Option<String>,
    /// The caller's number, masked.
    pub caller: Option<String>,
    /// `ivr`, `waiting`, `ringing`, `talking`, `hold`.
    pub phase: &'static str,
    /// Since when the phase holds.
    pub since: i64,
    /// When the call came.
    pub opened_at: i64,
    /// Slug of the queue it is or was in.
    pub queue: Option<String>,
    /// Slug of the agent being rung or talking.
    pub agent: Option<String>,
}

/// Figures of one group.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FigureRow {
    /// `KIND:SLUG`, or `total`.
    pub id: String,
    /// `total`, `queue`, `number`, `coverage`, `roster`.
    pub kind: &'static str,
    /// Label for people.
    pub label: String,
    /// Counters of queues; none on `roster`.
    pub queues: Option<Counters>,
    /// Counters of numbers; on `total`, `number` and `coverage`.
    pub numbers: Option<NumberCounters>,
    /// Counters of offers; only on `roster`.
    pub offers: Option<OfferCounters>,
}

/// Counters of access numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NumberCounters {
    /// Calls that reached the hotline.
    pub reached: u64,
    /// Refused before they were answered.
    pub refused: u64,
    /// Ended by the caller or the flow before a queue.
    pub ended_in_ivr: u64,
    /// Lost by the system before a queue.
    pub lost_in_ivr: u64,
    /// Entered a queue.
    pub queued: u64,
    /// Still before a queue.
    pub in_ivr: u64,
    /// Answered by an agent.
    pub answered: u64,
    /// The hotline answer rate, answered / reached, 0 to 1.
    pub hotline_answer_rate: Option<f64>,
}

/// Counters of the offers to the agents rostered on a band.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct OfferCounters {
    /// Offers made.
    pub made: u64,
    /// Of those answered.
    pub answered: u64,
    /// Rung until the deadline.
    pub missed: u64,
    /// Declined, busy, unreachable, failed.
    pub failed: u64,
    /// Taken back.
    pub withdrawn: u64,
    /// Contacts talked to.
    pub handled: u64,
    /// answered / (made - withdrawn), 0 to 1.
    pub agent_answer_rate: Option<f64>,
}

/// The hotline as a whole: what stands in the header and beside the tiles.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct HotlineRow {
    /// Always `hotline`.
    pub id: &'static str,
    /// Name of the hotline.
    pub name: String,
    /// IANA zone of its clocks.
    pub zone: String,
    /// The business date of the figures, `YYYY-MM-DD`.
    pub business_date: String,
    /// True where new calls are taken.
    pub ready: bool,
    /// Why not.
    pub reasons: Vec<String>,
    /// Calls that hold a line.
    pub lines_in_use: u32,
    /// Lines there are.
    pub lines_max: u32,
    /// Shift bands that have fewer agents logged in than they must.
    pub seats_short: u32,
    /// True where the journal is more than a second behind.
    pub journal_behind: bool,
    /// Callers waiting, all queues.
    pub waiting: u32,
    /// Entry of the caller who waits longest, all queues.
    pub longest_since: Option<i64>,
    /// Agents who could take a call now.
    pub agents_ready: u32,
    /// Agents not logged out.
    pub agents_in: u32,
    /// What the figures are held against.
    pub targets: Targets,
}

/// What the figures are held against.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Targets {
    /// Answer rate at least, 0 to 1.
    pub answer_rate: f64,
    /// Answered within three rings at least, 0 to 1.
    pub within_rate: f64,
    /// Longest wait at most, milliseconds.
    pub wait_ms: u64,
    /// Agents ready at least.
    pub agents_ready: u32,
    /// Contacts that must stand behind a rate before it is shown.
    pub rate_from: u64,
}

impl Default for Targets {
    fn default() -> Self {
        Self {
            answer_rate: 0.90,
            within_rate: 0.80,
            wait_ms: 15_000,
            agents_ready: 2,
            rate_from: 10,
        }
    }
}

/// A page of contacts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ContactList {
    /// Newest first.
    pub contacts: Vec<ContactRow>,
    /// Opaque; hand back as `cursor` for the next page. None: this was the last.
    pub next: Option<String>,
}

/// One contact in a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ContactRow {
    /// Contact id.
    pub id: String,
    /// When the call came.
    pub opened_at: i64,
    /// When it was over; none while it is open.
    pub closed_at: Option<i64>,
    /// The business date of its arrival.
    pub business_date: String,
    /// Slug of the access number.
    pub number: Option<String>,
    /// The caller's number; masked unless the viewer may see it.
    pub caller: Option<String>,
    /// Slug of the last queue.
    pub queue: Option<String>,
    /// Slug of the last agent.
    pub agent: Option<String>,
    /// Wait in the last queue, milliseconds.
    pub wait_ms: Option<u64>,
    /// Talk including hold, milliseconds.
    pub talk_ms: Option<u64>,
    /// `refused`, `ended_in_ivr`, `abandoned`, `completed`, `flowed_out`, `lost`; none while open.
    pub outcome: Option<String>,
    /// More of the outcome.
    pub why: Option<String>,
    /// Segments that have a recording.
    pub recordings: Vec<String>,
}

/// One contact with all its segments.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ContactDetail {
    /// The row as in the list.
    #[serde(flatten)]
    pub row: ContactRow,
    /// In order of their beginning.
    pub segments: Vec<SegmentRow>,
    /// Why the agent of its last offer was chosen; none where it was never offered.
    pub offer_why: Option<String>,
}

impl ContactDetail {
    /// Why it was offered to whom it was offered last, or how it ended without an offer.
    pub(crate) fn why(&self) -> String {
        let ended = self.row.outcome.as_deref().unwrap_or("open");
        let agent = self
            .segments
            .iter()
            .rev()
            .find_map(|segment| segment.agent.as_deref());
        match (&self.offer_why, agent) {
            (Some(why), Some(agent)) => format!("is over ({ended}); agent {agent} was chosen: {why}"),
            (Some(why), None) => format!("is over ({ended}); the last choice was made so: {why}"),
            (None, _) => format!("is over ({ended}); it was offered to nobody"),
        }
    }
}

/// One stretch of a contact.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SegmentRow {
    /// Segment id.
    pub id: String,
    /// `ivr`, `wait`, `ring`, `talk`, `hold`, `consult`.
    pub kind: String,
    /// Beginning.
    pub from: i64,
    /// End; none while open.
    pub to: Option<i64>,
    /// Slug of the queue.
    pub queue: Option<String>,
    /// Slug of the agent.
    pub agent: Option<String>,
    /// True where it has a recording.
    pub recorded: bool,
}

/// A phone number as those see it who may not see numbers: first three and last four digits of eleven or more,
/// else the last two.
#[must_use]
pub fn masked(number: &str) -> String {
    let characters: Vec<char> = number.chars().collect();
    let keep = |count: usize| characters[characters.len() - count..].iter().collect::<String>();
    match characters.len() {
        0..=4 => "****".to_owned(),
        5..=10 => format!("****{}", keep(2)),
        _ => format!("{}****{}", characters[..3].iter().collect::<String>(), keep(4)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_number_never_shows_more_than_its_ends() {
        for (number, want) in [
            ("13812341234", "138****1234"),
            ("+8613812341234", "+86****1234"),
            ("8001", "****"),
            ("65551234", "****34"),
        ] {
            assert_eq!(masked(number), want);
        }
        assert_eq!(masked("一二三四五六七八九十一"), "一二三****八九十一");
    }
}
