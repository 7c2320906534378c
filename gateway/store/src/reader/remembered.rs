//! What a start reads of the callers before it: who lost a place in a queue, and who served whom last.

use hotline_types::{AgentSlug, ContactId, PersonId, Pii, QueueSlug, WallTime};

use super::Reader;
use crate::StoreError;

/// Callers read at most, newest first.
pub const REMEMBERED_MAX: u32 = 20_000;

/// A caller whom the system lost in a queue.
#[derive(Clone, Debug)]
pub struct LostCaller {
    /// The contact that was lost.
    pub contact: ContactId,
    /// The row with the number.
    pub person: PersonId,
    /// The number itself.
    pub number: Pii<String>,
    /// The queue.
    pub queue: QueueSlug,
    /// The time that counted for the place.
    pub enqueued_at: WallTime,
    /// When it was lost.
    pub lost_at: WallTime,
}

/// Who served a caller last.
#[derive(Clone, Debug)]
pub struct LastAgent {
    /// The number.
    pub number: Pii<String>,
    /// The agent.
    pub agent: AgentSlug,
    /// When the contact came.
    pub at: WallTime,
}

/// The smallest id of a contact that came at that moment or later: ids rise with time (UUIDv7).
fn first_id(since: WallTime) -> String {
    let millis = u64::try_from(since.as_millis()).unwrap_or(0);
    let mut bytes = [0_u8; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    ContactId::from_bytes(bytes).to_string()
}

impl Reader {
    /// Callers lost in a queue by the system within this stretch, oldest first; [`REMEMBERED_MAX`] at most. Of contacts
    /// that came up to a day before it.
    ///
    /// # Errors
    /// The database's, or a row that hotline did not write.
    pub async fn lost_callers(&self, from: WallTime, until: WallTime) -> Result<Vec<LostCaller>, StoreError> {
        let came = first_id(from - std::time::Duration::from_secs(24 * 3_600));
        let rows: Vec<(String, String, String, String, i64, i64)> = sqlx::query_as(
            "SELECT c.id, c.person, p.number, q.queue, q.enqueued_at, q.left_at
             FROM contacts c JOIN contact_queues q ON q.contact = c.id JOIN persons p ON p.id = c.person
             WHERE c.id >= ? AND q.exit = 'lost' AND q.left_at >= ? AND q.left_at < ? AND p.number IS NOT NULL
             ORDER BY q.enqueued_at LIMIT ?",
        )
        .bind(came)
        .bind(from.as_micros())
        .bind(until.as_micros())
        .bind(REMEMBERED_MAX)
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.wrong(error))?;
        let caller = |(contact, person, number, queue, enqueued_at, left_at): (
            String,
            String,
            String,
            String,
            i64,
            i64,
        )| {
            Some(LostCaller {
                contact: contact.parse().ok()?,
                person: person.parse().ok()?,
                number: Pii::new(number),
                queue: queue.parse().ok()?,
                enqueued_at: WallTime::from_micros(enqueued_at),
                lost_at: WallTime::from_micros(left_at),
            })
        };
        let all: Option<Vec<_>> = rows.into_iter().map(caller).collect();
        all.ok_or_else(|| self.database.bad_row("a caller lost in a queue"))
    }

    /// Who served whom last, of contacts that came since then, oldest first; [`REMEMBERED_MAX`] at most.
    ///
    /// # Errors
    /// The database's, or a row that hotline did not write.
    pub async fn last_agents(&self, since: WallTime) -> Result<Vec<LastAgent>, StoreError> {
        let rows: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT number, agent, opened_at FROM (
                 SELECT c.id, p.number, c.agent, c.opened_at FROM contacts c JOIN persons p ON p.id = c.person
                 WHERE c.id >= ? AND c.agent IS NOT NULL AND p.number IS NOT NULL ORDER BY c.id DESC LIMIT ?
             ) ORDER BY id",
        )
        .bind(first_id(since))
        .bind(REMEMBERED_MAX)
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.wrong(error))?;
        let served = |(number, agent, at): (String, String, i64)| {
            Some(LastAgent {
                number: Pii::new(number),
                agent: agent.parse().ok()?,
                at: WallTime::from_micros(at),
            })
        };
        let all: Option<Vec<_>> = rows.into_iter().map(served).collect();
        all.ok_or_else(|| self.database.bad_row("the last agent of a caller"))
    }
}
