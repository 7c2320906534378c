//! The store's and the recorder's read-only faces, as the console uses them: with the reports, the only place that
//! knows their types.

use std::path::Path;

use async_trait::async_trait;
use hotline_journal::{BusinessDate, Counts, Event, Scope, Seq};
use hotline_recorder::proof::Evidence;
use hotline_recorder::{OpenError, RecordingFile};
use hotline_store::{ContactFilter, People, Reader, RecordingFilter, StoreError};
use hotline_types::{AgentSlug, ContactId, PersonId, Pii, SegmentId, WallTime};

use crate::clock::now_ms;
use crate::dto::{ContactDetail, ContactList, ContactRow, SegmentRow, masked};
use crate::face::{
    Account, Accounts, ContactQuery, FaceError, FigureQuery, RecordedList, RecordedRow, RecordingQuery,
    Records,
};
use crate::report::{self, Behind, Made, ReportQuery, Reporting};
use crate::rights::{Right, Role, Viewer};

impl From<StoreError> for FaceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::BadRequest(_) => Self::Asked(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// Opens a recording by its path relative to the recordings' folder.
pub(crate) fn open_recording(
    dir: &Path,
    path: &str,
    evidence: Option<&Evidence>,
) -> Result<RecordingFile, OpenError> {
    RecordingFile::open_with(dir, path, evidence.map(Evidence::vault))
}

/// [`Records`] from the store.
#[derive(Clone, Debug)]
pub struct StoreRecords {
    reader: Reader,
    reporting: Reporting,
}

impl StoreRecords {
    /// Reads through this reader.
    #[must_use]
    pub const fn new(reader: Reader, reporting: Reporting) -> Self {
        Self { reader, reporting }
    }

    /// A caller's number as the viewer may see it.
    async fn shown(&self, person: PersonId, see_numbers: bool) -> Result<Option<String>, FaceError> {
        let number = self.number_of(person).await?;
        Ok(number.map(|number| {
            if see_numbers {
                number.into_inner()
            } else {
                masked(number.reveal())
            }
        }))
    }

    async fn detail(&self, id: ContactId, see_numbers: bool) -> Result<Option<ContactDetail>, FaceError> {
        let Some(found) = self.reader.contact(id).await? else {
            return Ok(None);
        };
        let caller = self.shown(found.contact.person, see_numbers).await?;
        Ok(Some(detail(found, caller)))
    }
}

#[async_trait]
impl Records for StoreRecords {
    async fn contacts(&self, query: &ContactQuery) -> Result<ContactList, FaceError> {
        let filter = ContactFilter {
            business_date: query.business_date.clone().map(BusinessDate),
            queue: query.queue.clone(),
            agent: query.agent.clone(),
            end: query.outcome.clone(),
            ..ContactFilter::default()
        };
        let page = self
            .reader
            .contacts(&filter, query.after.as_deref(), query.limit)
            .await?;
        let mut contacts = Vec::with_capacity(page.contacts.len());
        for contact in &page.contacts {
            if let Some(found) = self.detail(contact.id, query.see_numbers).await? {
                contacts.push(found.row);
            }
        }
        Ok(ContactList {
            contacts,
            next: page.next,
        })
    }

    async fn contact(&self, id: ContactId, see_numbers: bool) -> Result<Option<ContactDetail>, FaceError> {
        self.detail(id, see_numbers).await
    }

    async fn recording(&self, contact: ContactId, segment: SegmentId) -> Result<Option<String>, FaceError> {
        let recordings = self.reader.recordings(contact).await?;
        Ok(recordings
            .into_iter()
            .find(|recording| recording.segment == segment)
            .map(|recording| recording.path))
    }

    async fn recorded(&self, query: &RecordingQuery) -> Result<RecordedList, FaceError> {
        let filter = RecordingFilter {
            from: query.from.clone(),
            to: query.to.clone(),
            caller: query.caller.clone(),
            queue: query.queue.clone(),
            agent: query.agent.clone(),
            outcome: query.outcome.clone(),
            contact: query.contact,
            before: None,
        };
        let page = self
            .reader
            .recorded(&filter, query.after.as_deref(), query.limit)
            .await?;
        let mut items = Vec::with_capacity(page.recordings.len());
        for found in page.recordings {
            let caller = self.shown(found.person, query.see_numbers).await?;
            let recording = found.recording;
            items.push(RecordedRow {
                contact: found.contact.to_string(),
                segment: recording.segment.to_string(),
                path: recording.path,
                started_at: recording.started_at.as_millis(),
                length_ms: recording.length_ms,
                repaired: recording.repaired,
                failed: recording.failed,
                business_date: found.business_date.0,
                caller,
                queue: found.queue,
                agent: found.agent,
                outcome: found.outcome,
            });
        }
        Ok(RecordedList {
            items,
            next: page.next,
        })
    }

    async fn events_of(&self, contact: ContactId) -> Result<Vec<Event>, FaceError> {
        Ok(self
            .reader
            .contact_events(contact, Seq(0), hotline_store::PAGE_MAX)
            .await?)
    }

    async fn counters(&self, query: &FigureQuery) -> Result<Vec<(Scope, Counts)>, FaceError> {
        let (from, to) = (BusinessDate(query.from.clone()), BusinessDate(query.to.clone()));
        Ok(self.reader.totals(&from, &to).await?.into_iter().collect())
    }

    async fn report(&self, query: &ReportQuery) -> Result<Made, FaceError> {
        report::make(&self.reader, &self.reporting, query).await
    }

    async fn behind(
        &self,
        query: &ReportQuery,
        figure: &str,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Behind, FaceError> {
        report::behind(&self.reader, &self.reporting, query, figure, cursor, limit).await
    }

    async fn number_of(&self, person: PersonId) -> Result<Option<Pii<String>>, FaceError> {
        Ok(self.reader.person(person).await?.and_then(|row| row.number))
    }

    async fn events_after(&self, seq: Seq, limit: u32) -> Result<Vec<Event>, FaceError> {
        Ok(self.reader.events(seq, limit).await?)
    }
}

fn detail(found: hotline_store::ContactDetail, caller: Option<String>) -> ContactDetail {
    let offer_why = found.contact.offers.last().map(|offer| offer.why.clone());
    let length = |from: WallTime, to: Option<WallTime>| to.map_or(0, |to| millis(to.since(from).as_micros()));
    let recorded: Vec<String> = found
        .recordings
        .iter()
        .filter(|recording| recording.length_ms.is_some())
        .map(|one| one.segment.to_string())
        .collect();
    let talk_ms: u64 = found
        .segments
        .iter()
        .filter(|segment| segment.kind == "talk")
        .map(|segment| length(segment.opened_at, segment.closed_at))
        .sum();
    let contact = found.contact;
    let row = ContactRow {
        id: contact.id.to_string(),
        opened_at: contact.opened_at.as_millis(),
        closed_at: contact.closed_at.map(WallTime::as_millis),
        business_date: contact.business_date.0,
        number: contact.number,
        caller,
        queue: contact.queue,
        agent: contact.agent,
        wait_ms: found
            .queues
            .last()
            .filter(|visit| visit.left_at.is_some())
            .map(|visit| visit.wait_us / 1_000),
        talk_ms: (talk_ms > 0).then_some(talk_ms),
        outcome: contact.end,
        why: contact.why,
        recordings: recorded.clone(),
    };
    let segments = found.segments.into_iter().map(|segment| {
        let id = segment.id.to_string();
        SegmentRow {
            recorded: recorded.contains(&id),
            id,
            kind: segment.kind,
            from: segment.opened_at.as_millis(),
            to: segment.closed_at.map(WallTime::as_millis),
            queue: segment.queue,
            agent: segment.agent,
        }
    });
    ContactDetail {
        row,
        segments: segments.collect(),
        offer_why,
    }
}

fn millis(micros: u128) -> u64 {
    u64::try_from(micros / 1_000).unwrap_or(u64::MAX)
}

/// [`Accounts`] from the store. A user whose login name is an agent's slug and whose role is `agent` is that agent.
#[derive(Clone, Debug)]
pub struct StoreAccounts {
    people: People,
}

impl StoreAccounts {
    /// Reads through this face.
    #[must_use]
    pub const fn new(people: People) -> Self {
        Self { people }
    }
}

fn agent_of(role: Role, login: &str) -> Option<AgentSlug> {
    (role == Role::Agent).then(|| login.parse().ok()).flatten()
}

fn role_of(name: &str) -> Result<Role, FaceError> {
    name.parse()
        .map_err(|error: crate::rights::UnknownRole| FaceError::Failed(error.to_string()))
}

#[async_trait]
impl Accounts for StoreAccounts {
    async fn account(&self, user: &str) -> Result<Option<Account>, FaceError> {
        let Some(row) = self.people.user(user).await? else {
            return Ok(None);
        };
        let role = role_of(&row.role)?;
        Ok(Some(Account {
            role,
            agent: agent_of(role, &row.login),
            password_hash: Pii::new(row.hash),
        }))
    }

    async fn token(&self, sha256: &[u8; 32]) -> Result<Option<Viewer>, FaceError> {
        let now = WallTime::from_millis(now_ms());
        let Some(row) = self.people.redeem(sha256, now).await? else {
            return Ok(None);
        };
        let role = role_of(&row.role)?;
        let named = |right: &Right| row.rights.iter().any(|name| name == right.name());
        let only = Right::ALL.into_iter().filter(named).collect();
        Ok(Some(Viewer {
            agent: agent_of(role, &row.user),
            only: Some(only),
            ..Viewer::new(row.user, role)
        }))
    }
}

#[cfg(test)]
mod tests;
