//! What happens, told line by line as the journal commits it, and counted by the journal's own definitions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hotline_config::Settings;
use hotline_journal::{Counters, Counts, Event, Scope, Seq, What};
use hotline_store::{PAGE_MAX, Reader};
use hotline_types::{
    AgentSlug, ContactId, EndCause, FlowOutReason, LostReason, OfferOutcome, PersonId, QueueExit, QueueSlug,
    WallTime,
};
use jiff::tz::TimeZone;
use tokio::sync::broadcast::error::RecvError;

use super::Show;
use crate::gateway::Watch;

/// What the run came to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The counters of the whole hotline.
    pub(crate) counts: Counts,
    /// Callers that wait still.
    pub(crate) waiting: u64,
    /// The recordings on disk.
    pub(crate) recordings: Vec<PathBuf>,
}

/// Tells and counts.
pub(crate) struct Watcher {
    watch: Watch,
    show: Show,
    names: Names,
    counters: Counters,
    totals: Counts,
    last: Seq,
    /// Open contacts: bounded by the hotline's lines.
    callers: BTreeMap<ContactId, Caller>,
    called: u64,
    recordings_dir: PathBuf,
    recordings: Vec<PathBuf>,
}

struct Names {
    zone: TimeZone,
    numbers: BTreeMap<String, String>,
    queues: BTreeMap<QueueSlug, String>,
    agents: BTreeMap<AgentSlug, String>,
}

struct Caller {
    number: u64,
    masked: String,
    queue: Option<QueueSlug>,
    bridged: Option<WallTime>,
    talked: Option<WallTime>,
}

impl Names {
    fn new(settings: &Settings) -> Self {
        let numbers = settings
            .numbers
            .iter()
            .map(|number| (number.slug.to_string(), number.label.clone()));
        let queues = settings
            .queues
            .iter()
            .map(|queue| (queue.slug.clone(), queue.label.clone()));
        let agents = settings
            .seed
            .agents
            .iter()
            .map(|agent| (agent.slug.clone(), agent.label.clone()));
        Self {
            // The checked settings hold a zone that is known.
            zone: TimeZone::get(&settings.hotline.time_zone).unwrap_or(TimeZone::UTC),
            numbers: numbers.collect(),
            queues: queues.collect(),
            agents: agents.collect(),
        }
    }

    fn clock(&self, at: WallTime) -> String {
        let Ok(at) = jiff::Timestamp::from_microsecond(at.as_micros()) else {
            return String::new();
        };
        let local = self.zone.to_offset(at).to_datetime(at);
        format!("{:02}:{:02}:{:02}", local.hour(), local.minute(), local.second())
    }

    fn queue(&self, queue: Option<&QueueSlug>) -> &str {
        queue
            .and_then(|queue| self.queues.get(queue))
            .map_or("a queue", String::as_str)
    }

    fn agent(&self, agent: Option<&AgentSlug>) -> &str {
        agent
            .and_then(|agent| self.agents.get(agent))
            .map_or("an agent", String::as_str)
    }
}

impl Watcher {
    /// A watcher of a gateway that just started.
    pub(crate) fn new(watch: Watch, settings: &Settings, show: Show) -> Self {
        Self {
            counters: Counters::new(watch.days.clone()),
            watch,
            show,
            names: Names::new(settings),
            totals: Counts::default(),
            last: Seq(0),
            callers: BTreeMap::new(),
            called: 0,
            recordings_dir: settings.recording.dir.clone(),
            recordings: Vec::new(),
        }
    }

    /// Watches until the gateway has ended and everything is committed.
    pub(crate) async fn run(mut self) -> Outcome {
        loop {
            match self.watch.feed.recv().await {
                Ok(committed) => {
                    if self.last == Seq(0)
                        && let Some(first) = committed.events.first()
                    {
                        self.last = Seq(first.seq.0.saturating_sub(1));
                    }
                    for event in committed.events.iter() {
                        self.take(event).await;
                    }
                }
                Err(RecvError::Lagged(_)) => self.catch_up().await,
                Err(RecvError::Closed) => break,
            }
        }
        let on_disk = |path: &PathBuf| path.is_file();
        Outcome {
            counts: self.totals,
            waiting: self.counters.waiting(&Scope::Total),
            recordings: self.recordings.into_iter().filter(on_disk).collect(),
        }
    }

    /// Reads from the journal what the feed no longer holds.
    async fn catch_up(&mut self) {
        while let Ok(events) = self.watch.reader.events(self.last, PAGE_MAX).await
            && !events.is_empty()
        {
            for event in &events {
                self.take(event).await;
            }
        }
    }

    async fn take(&mut self, event: &Event) {
        if event.seq <= self.last {
            return;
        }
        self.last = event.seq;
        self.counters.apply(event);
        for (key, delta) in self.counters.drain() {
            if key.scope == Scope::Total {
                self.totals.add(&delta);
            }
        }
        if let What::RecordingSealed { path, .. } = &event.what {
            self.recordings.push(self.recordings_dir.join(Path::new(path)));
        }
        let Some(contact) = event.contact else { return };
        if let What::ContactOpened { number, person, .. } = &event.what {
            self.called += 1;
            let masked = masked(&self.watch.reader, *person).await;
            let caller = Caller {
                number: self.called,
                masked,
                queue: None,
                bridged: None,
                talked: None,
            };
            self.callers.insert(contact, caller);
            let label = number
                .as_ref()
                .and_then(|number| self.names.numbers.get(number.as_str()));
            let text = format!("calls: {}", label.map_or("unknown number", String::as_str));
            self.tell(event, contact, &text);
            return;
        }
        if let Some(text) = self.text(event, contact) {
            self.tell(event, contact, &text);
        }
        if matches!(event.what, What::ContactClosed { .. }) {
            self.callers.remove(&contact);
        }
    }

    fn tell(&self, event: &Event, contact: ContactId, text: &str) {
        let Some(caller) = self.callers.get(&contact) else {
            return;
        };
        let clock = self.names.clock(event.at);
        self.show.line(&format!(
            "{clock}  #{:<4} {:<13} {text}",
            caller.number, caller.masked
        ));
    }

    /// The line about an event; none where it is of no interest here.
    fn text(&mut self, event: &Event, contact: ContactId) -> Option<String> {
        let caller = self.callers.get_mut(&contact)?;
        let agent = self.names.agent(event.agent.as_ref());
        Some(match &event.what {
            What::QueueEntered { .. } => {
                caller.queue = event.queue.clone();
                format!("waits for {}", self.names.queue(event.queue.as_ref()))
            }
            What::OfferRinging => format!("{agent}'s phone rings"),
            What::OfferEnded { outcome, .. } => format!("{agent} {}", offer_text(*outcome)?),
            What::QueueLeft {
                exit: QueueExit::Answered,
                wait_us,
            } => {
                format!("{agent} answers after {}", seconds(*wait_us))
            }
            What::QueueLeft {
                exit: QueueExit::FlowedOut(reason),
                wait_us,
            } => {
                format!(
                    "leaves the queue after {}: {}",
                    seconds(*wait_us),
                    flow_out_text(*reason)
                )
            }
            What::QueueLeft {
                exit: QueueExit::Abandoned(_),
                wait_us,
            } => {
                format!("gives up in the queue after {}", seconds(*wait_us))
            }
            What::Bridged { .. } => {
                caller.bridged = Some(event.at);
                return None;
            }
            What::Unbridged => {
                caller.talked = Some(event.at);
                return None;
            }
            What::ContactClosed { cause, .. } => match cause {
                EndCause::Completed(_) => {
                    let talk = caller
                        .bridged
                        .zip(caller.talked)
                        .map(|(from, until)| until.since(from));
                    let us = talk.map_or(0, |talk| u64::try_from(talk.as_micros()).unwrap_or(u64::MAX));
                    format!("ends after {} of talk", seconds(us))
                }
                EndCause::EndedInIvr(_) => "hangs up in the menu".to_owned(),
                EndCause::Refused(reason) => format!("refused: {reason:?}").to_lowercase(),
                EndCause::Lost(reason) => format!("lost: {}", lost_text(*reason)),
                EndCause::Abandoned(_) | EndCause::FlowedOut(_) => return None,
            },
            _ => return None,
        })
    }
}

async fn masked(reader: &Reader, person: PersonId) -> String {
    let row = reader.person(person).await.ok().flatten();
    let number = row.and_then(|row| row.number);
    number.map_or_else(
        || "unknown".to_owned(),
        |number| hotline_supervisor::dto::masked(number.reveal()),
    )
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn seconds(us: u64) -> String {
    format!("{:.1} s", us as f64 / 1e6)
}

const fn offer_text(outcome: OfferOutcome) -> Option<&'static str> {
    match outcome {
        OfferOutcome::Answered | OfferOutcome::Withdrawn => None,
        OfferOutcome::Missed => Some("misses the call; the next agent is tried"),
        OfferOutcome::Rejected => Some("declines; the next agent is tried"),
        OfferOutcome::Busy => Some("is busy; the next agent is tried"),
        OfferOutcome::Unreachable => Some("cannot be reached; the next agent is tried"),
        OfferOutcome::Failed => Some("cannot be connected; the next agent is tried"),
    }
}

const fn flow_out_text(reason: FlowOutReason) -> &'static str {
    match reason {
        FlowOutReason::Timeout => "the longest wait is over",
        FlowOutReason::Full => "the queue is full",
        FlowOutReason::NoStaff => "nobody is on duty",
        FlowOutReason::Key => "by a key",
        FlowOutReason::Overflow => "into another queue by a rule",
    }
}

const fn lost_text(reason: LostReason) -> &'static str {
    match reason {
        LostReason::Restart => "the gateway started anew",
        LostReason::Shutdown => "the gateway stopped",
        LostReason::MediaLost => "no audio came any more",
        LostReason::SignallingLost => "no signalling came any more",
        LostReason::Fault => "a fault",
    }
}
