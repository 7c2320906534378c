//! From the journal's live view to the rows of the feed: the only place that reads the board.

use std::collections::{BTreeMap, BTreeSet};

use hotline_journal::{Board, BusinessDays, By, Event, Place, Scope, What};
use hotline_types::{ContactId, DeviceState, Intent, PersonId, Pii, WallTime, WorkState};

use crate::app::Shared;
use crate::clock::now_ms;
use crate::directory::Directory;
use crate::dto::{AgentRow, CallRow, FigureRow, HotlineRow, QueueRow, masked};
use crate::live::Rows;

mod figures;
mod words;

use figures::counters;
pub(crate) use figures::figure_row;
use words::{device_word, intent_word, place_words, work_word};

/// The journal is called behind from here on, milliseconds.
const JOURNAL_BEHIND_MS: u64 = 1_000;

/// How the gateway is at this moment.
#[derive(Clone, Debug)]
pub(crate) struct Present {
    ready: bool,
    reasons: Vec<String>,
    lines_in_use: u32,
    lines_max: u32,
    seats_short: u32,
    journal_behind: bool,
}

impl Present {
    /// Asks the gateway.
    pub(crate) fn of(app: &Shared) -> Self {
        let (readiness, status) = (app.gateway.readiness(), app.gateway.status());
        Self {
            ready: readiness.ready,
            reasons: readiness.reasons,
            lines_in_use: status.lines_in_use,
            lines_max: status.lines_max,
            seats_short: status.seats_short,
            journal_behind: status.journal_lag_ms > JOURNAL_BEHIND_MS,
        }
    }
}

/// The live view with what the feed shows beside it.
pub(crate) struct View {
    board: Board,
    days: BusinessDays,
    /// Masked numbers of open contacts.
    callers: BTreeMap<ContactId, String>,
    /// Who set an agent's intent last, where a user did.
    setters: BTreeMap<String, String>,
}

impl View {
    /// On this board.
    pub(crate) const fn new(board: Board, days: BusinessDays) -> Self {
        Self {
            board,
            days,
            callers: BTreeMap::new(),
            setters: BTreeMap::new(),
        }
    }

    /// Takes one event in.
    pub(crate) fn apply(&mut self, event: &Event) {
        self.board.apply(event);
        match (&event.what, &event.by, &event.agent) {
            (What::AgentIntent { .. }, By::User(name), Some(agent)) => {
                self.setters.insert(agent.to_string(), name.clone());
            }
            (What::AgentIntent { .. }, _, Some(agent)) => {
                self.setters.remove(agent.as_str());
            }
            (What::ContactClosed { .. }, ..) => {
                if let Some(contact) = event.contact {
                    self.callers.remove(&contact);
                }
            }
            _ => {}
        }
    }

    /// Position of the last event taken in.
    pub(crate) const fn seq(&self) -> u64 {
        self.board.last().0
    }

    /// True while the contact is not over.
    pub(crate) fn is_open(&self, contact: ContactId) -> bool {
        self.board.contacts().any(|(id, _)| id == contact)
    }

    /// All contacts that are open now, each with its caller.
    pub(crate) fn open(&self) -> impl Iterator<Item = (ContactId, PersonId)> {
        self.board.contacts().map(|(id, contact)| (id, contact.person))
    }

    /// Shows this number, masked, beside the contact.
    pub(crate) fn name_caller(&mut self, contact: ContactId, number: &Pii<String>) {
        self.callers.insert(contact, masked(number.reveal()));
    }

    /// The rows as of now. Turns the business date where its time has come.
    pub(crate) fn rows(&mut self, directory: &Directory, present: &Present) -> Rows {
        self.board
            .turn(&self.days.date_of(WallTime::from_millis(now_ms())));
        let agents = self.agents(directory);
        let queues = self.queues(directory, &agents);
        let hotline = self.hotline(directory, present, &agents, &queues);
        Rows {
            hotline: BTreeMap::from([(hotline.id.to_owned(), hotline)]),
            calls: self.calls(directory),
            figures: self.figures(directory),
            agents,
            queues,
        }
    }

    fn agents(&self, directory: &Directory) -> BTreeMap<String, AgentRow> {
        let seen: BTreeMap<&str, _> = self
            .board
            .agents()
            .map(|(slug, view)| (slug.as_str(), view))
            .collect();
        let slugs: BTreeSet<&str> = directory
            .agents
            .keys()
            .map(String::as_str)
            .chain(seen.keys().copied())
            .collect();
        let row = |slug: &str| {
            let mut row = AgentRow {
                id: slug.to_owned(),
                label: directory.agent_label(slug),
                intent: intent_word(&Intent::LoggedOut),
                work: work_word(WorkState::Idle),
                device: device_word(DeviceState::Unreachable),
                by: self.setters.get(slug).cloned(),
                ..AgentRow::default()
            };
            if let Some(view) = seen.get(slug) {
                row.intent = intent_word(&view.intent);
                if let Intent::Paused { reason } = &view.intent {
                    row.reason = Some(reason.clone());
                }
                row.intent_since = view.intent_since.as_millis();
                row.work = work_word(view.work);
                row.work_since = view.work_since.as_millis();
                row.until = view.work_until.map(WallTime::as_millis);
                row.device = device_word(view.device);
                row.device_why.clone_from(&view.unusable);
                row.contact = view.contact.map(|contact| contact.to_string());
            }
            (slug.to_owned(), row)
        };
        slugs.into_iter().map(row).collect()
    }

    fn queues(
        &self,
        directory: &Directory,
        agents: &BTreeMap<String, AgentRow>,
    ) -> BTreeMap<String, QueueRow> {
        let row = |(slug, label): (&String, &String)| {
            let scope = Scope::parse("queue", slug)?;
            let members = || {
                agents.values().filter(|agent| {
                    directory
                        .agents
                        .get(&agent.id)
                        .is_some_and(|entry| entry.queues.contains(slug))
                })
            };
            let mut waiting = 0_u32;
            let mut longest: Option<WallTime> = None;
            for contact in self.board.waiting(slug) {
                waiting = waiting.saturating_add(1);
                longest = Some(longest.map_or(contact.since, |since| since.min(contact.since)));
            }
            let row = QueueRow {
                id: slug.clone(),
                label: if label.is_empty() {
                    slug.clone()
                } else {
                    label.clone()
                },
                waiting,
                longest_since: longest.map(WallTime::as_millis),
                ready: count(members().filter(|agent| can_take(agent))),
                talking: self.talking_of(slug),
                today: counters(&self.board.counts(&scope), self.board.waiting_count(&scope)),
            };
            Some((slug.clone(), row))
        };
        directory.queues.iter().filter_map(row).collect()
    }

    /// Calls of this queue with an agent now. A call counts for the queue it came from, so the rows add up to the
    /// calls there are; agents who serve several queues would be counted in each.
    fn talking_of(&self, queue: &str) -> u32 {
        let calls = self.board.contacts().filter(|(_, contact)| {
            matches!(contact.place, Place::Talking(_) | Place::Hold(_))
                && contact.queue.as_ref().is_some_and(|from| from.as_str() == queue)
        });
        u32::try_from(calls.count()).unwrap_or(u32::MAX)
    }

    fn calls(&self, directory: &Directory) -> BTreeMap<String, CallRow> {
        self.board
            .contacts()
            .map(|(id, contact)| {
                let (phase, queue, agent) = place_words(&contact.place);
                let row = CallRow {
                    id: id.to_string(),
                    number: contact
                        .number
                        .as_ref()
                        .map(|slug| Directory::label(&directory.numbers, slug.as_str())),
                    caller: self.callers.get(&id).cloned(),
                    phase,
                    since: contact.since.as_millis(),
                    opened_at: contact.opened_at.as_millis(),
                    queue: queue.or(contact.queue.as_ref()).map(ToString::to_string),
                    agent: agent.map(ToString::to_string),
                };
                (row.id.clone(), row)
            })
            .collect()
    }

    /// One row per scope that is configured or was counted today; agents have their own page.
    fn figures(&self, directory: &Directory) -> BTreeMap<String, FigureRow> {
        let configured = [("queue", &directory.queues), ("number", &directory.numbers)]
            .into_iter()
            .chain([("coverage", &directory.bands), ("roster", &directory.bands)])
            .flat_map(|(kind, names)| names.keys().filter_map(move |slug| Scope::parse(kind, slug)));
        let counted = self.board.totals().map(|(scope, _)| scope.clone());
        let scopes: BTreeSet<Scope> = [Scope::Total]
            .into_iter()
            .chain(configured)
            .chain(counted)
            .collect();
        scopes
            .iter()
            .filter_map(|scope| {
                let now = (self.board.waiting_count(scope), self.board.in_ivr_count(scope));
                figure_row(directory, scope, &self.board.counts(scope), Some(now))
            })
            .map(|row| (row.id.clone(), row))
            .collect()
    }

    fn hotline(
        &self,
        directory: &Directory,
        present: &Present,
        agents: &BTreeMap<String, AgentRow>,
        queues: &BTreeMap<String, QueueRow>,
    ) -> HotlineRow {
        HotlineRow {
            id: "hotline",
            name: directory.name.clone(),
            zone: directory.zone.clone(),
            business_date: self.board.date().map(|date| date.0.clone()).unwrap_or_default(),
            ready: present.ready,
            reasons: present.reasons.clone(),
            lines_in_use: present.lines_in_use,
            lines_max: present.lines_max,
            seats_short: present.seats_short,
            journal_behind: present.journal_behind,
            waiting: queues.values().map(|queue| queue.waiting).sum(),
            longest_since: queues.values().filter_map(|queue| queue.longest_since).min(),
            agents_ready: count(agents.values().filter(|agent| can_take(agent))),
            agents_in: count(agents.values().filter(|agent| agent.intent != "logged_out")),
            targets: directory.targets.clone(),
        }
    }
}

/// Ready, idle, with a phone that can be rung: routable, as the queue engine sees it.
fn can_take(agent: &AgentRow) -> bool {
    agent.intent == "ready"
        && agent.work == "idle"
        && agent.device == "registered"
        && agent.device_why.is_none()
}

fn count<'a>(rows: impl Iterator<Item = &'a AgentRow>) -> u32 {
    u32::try_from(rows.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
