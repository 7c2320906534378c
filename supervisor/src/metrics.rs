//! Prometheus metrics: counters folded from the committed events, gauges from the gateway's status.

mod sound;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use hotline_journal::{Event, What};
use hotline_types::{ContactId, EndCause, OfferOutcome, QueueExit, WallTime};
use prometheus::{
    Encoder, Gauge, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use crate::directory::Directory;
use crate::face::Status;
use crate::live::Rows;
use sound::Sound;

/// Label of whatever is not configured, so that labels stay bounded.
const OTHER: &str = "other";
/// Talks timed at once; one beyond is not timed.
const TALKS_MAX: usize = 10_000;
/// Waits, seconds: the bounds of the reports' histogram, and two beyond.
const WAIT_BUCKETS: [f64; 10] = [3.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 120.0, 300.0];
/// Talks, seconds.
const TALK_BUCKETS: [f64; 9] = [5.0, 15.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0, 1_800.0];

/// Reads one gauge out of the gateway's status.
type Read = fn(&Status) -> f64;

/// All metrics of the process.
pub(crate) struct Metrics {
    registry: Registry,
    queues: BTreeSet<String>,
    numbers: BTreeSet<String>,
    reached: IntCounterVec,
    closed: IntCounterVec,
    entered: IntCounterVec,
    left: IntCounterVec,
    wait: HistogramVec,
    talk: HistogramVec,
    offers: IntCounterVec,
    pop_late: IntCounter,
    recordings: IntCounterVec,
    sound: Sound,
    seq: IntCounter,
    gauges: Vec<(Read, Gauge)>,
    ready: Gauge,
    waiting: IntGaugeVec,
    agents: IntGaugeVec,
    phones: IntGaugeVec,
    totals: IntCounterVec,
    trunk_up: IntGaugeVec,
    trunk_calls: IntGaugeVec,
    talks: Mutex<BTreeMap<ContactId, (String, WallTime)>>,
}

/// A metric that could not be made: a name given twice, which no configuration can cause.
pub(crate) type MetricsError = prometheus::Error;

struct Maker(Registry);

impl Maker {
    fn counter(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, MetricsError> {
        let metric = IntCounterVec::new(Opts::new(name, help), labels)?;
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn single(&self, name: &str, help: &str) -> Result<IntCounter, MetricsError> {
        let metric = IntCounter::new(name, help)?;
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Result<HistogramVec, MetricsError> {
        let metric = HistogramVec::new(
            HistogramOpts::new(name, help).buckets(buckets.to_vec()),
            &["queue"],
        )?;
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    /// By the leg's side.
    fn of_sides(&self, name: &str, help: &str, buckets: &[f64]) -> Result<HistogramVec, MetricsError> {
        let metric = HistogramVec::new(
            HistogramOpts::new(name, help).buckets(buckets.to_vec()),
            &["side"],
        )?;
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn gauges(&self, name: &str, help: &str, label: &str) -> Result<IntGaugeVec, MetricsError> {
        let metric = IntGaugeVec::new(Opts::new(name, help), &[label])?;
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn gauge(&self, name: &str, help: &str) -> Result<Gauge, MetricsError> {
        let metric = Gauge::new(name, help)?;
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float; counts stay far below 2^53"
)]
fn gauges(make: &Maker) -> Result<Vec<(Read, Gauge)>, MetricsError> {
    let table: [(&str, &str, Read); 9] = [
        ("hotline_lines_in_use", "Calls that hold a line now.", |status| {
            f64::from(status.lines_in_use)
        }),
        ("hotline_lines_max", "Lines there are.", |status| {
            f64::from(status.lines_max)
        }),
        (
            "hotline_seats_short",
            "Shift bands that have fewer agents logged in than they must.",
            |status| f64::from(status.seats_short),
        ),
        (
            "hotline_journal_lag_seconds",
            "Age of the oldest event not yet committed.",
            |status| status.journal_lag_ms as f64 / 1e3,
        ),
        ("hotline_media_ports_in_use", "RTP port pairs in use.", |status| {
            f64::from(status.media_ports_in_use)
        }),
        ("hotline_media_ports_max", "RTP port pairs there are.", |status| {
            f64::from(status.media_ports_max)
        }),
        (
            "hotline_outbox_waiting",
            "Rows waiting to be delivered to their sink.",
            |status| status.outbox_waiting as f64,
        ),
        (
            "hotline_start_time_seconds",
            "When the process started, Unix time.",
            |status| status.started_at_ms as f64 / 1e3,
        ),
        ("hotline_up", "1 while the process answers.", |_| 1.0),
    ];
    table
        .into_iter()
        .map(|(name, help, read)| Ok((read, make.gauge(name, help)?)))
        .collect()
}

/// Of each trunk: whether it is up, and its calls.
fn trunks(make: &Maker) -> Result<[IntGaugeVec; 2], MetricsError> {
    Ok([
        make.gauges("hotline_trunk_up", "1 while the trunk takes calls.", "trunk")?,
        make.gauges(
            "hotline_trunk_calls",
            "Calls by the trunk now, both ways.",
            "trunk",
        )?,
    ])
}

impl Metrics {
    /// All at zero. Labels are limited to what the directory names.
    pub(crate) fn new(directory: &Directory) -> Result<Self, MetricsError> {
        let registry = Registry::new();
        let make = Maker(registry.clone());
        let [trunk_up, trunk_calls] = trunks(&make)?;
        Ok(Self {
            queues: directory.queues.keys().cloned().collect(),
            numbers: directory.numbers.keys().cloned().collect(),
            reached: make.counter(
                "hotline_contacts_reached_total",
                "Calls that reached the hotline, by access number.",
                &["number"],
            )?,
            closed: make.counter(
                "hotline_contacts_closed_total",
                "Contacts that are over, by how they ended and why.",
                &["outcome", "cause"],
            )?,
            entered: make.counter(
                "hotline_queue_entered_total",
                "Contacts that entered the queue.",
                &["queue"],
            )?,
            left: make.counter(
                "hotline_queue_left_total",
                "Contacts that left the queue, by how and why.",
                &["queue", "exit", "cause"],
            )?,
            wait: make.histogram(
                "hotline_queue_wait_seconds",
                "Wait of the answered, from queue entry to answer.",
                &WAIT_BUCKETS,
            )?,
            talk: make.histogram("hotline_talk_seconds", "Talk including hold.", &TALK_BUCKETS)?,
            offers: make.counter(
                "hotline_offers_ended_total",
                "Offers to agents that ended, by queue and outcome.",
                &["queue", "outcome"],
            )?,
            pop_late: make.single(
                "hotline_pop_late_total",
                "Screen-pops that dialling did not wait for.",
            )?,
            recordings: make.counter(
                "hotline_recordings_total",
                "Recordings that ended: sealed, repaired after a crash, or failed.",
                &["result"],
            )?,
            sound: Sound::new(&make)?,
            seq: make.single(
                "hotline_journal_events_total",
                "Committed events seen since the start.",
            )?,
            ready: make.gauge("hotline_ready", "1 while new calls are taken.")?,
            totals: make.counter(
                "hotline_gateway_total",
                "Totals kept by the gateway itself, by name.",
                &["name"],
            )?,
            trunk_up,
            trunk_calls,
            waiting: make.gauges("hotline_queue_waiting", "Callers waiting now.", "queue")?,
            agents: make.gauges(
                "hotline_agents",
                "Agents now, by their work or, where idle, by what they want.",
                "state",
            )?,
            phones: make.gauges("hotline_phones", "Agents' phones now, by their state.", "state")?,
            gauges: gauges(&make)?,
            talks: Mutex::new(BTreeMap::new()),
            registry,
        })
    }

    fn queue<'a>(&self, event: &'a Event) -> &'a str {
        event
            .queue
            .as_ref()
            .map(|slug| slug.as_str())
            .filter(|slug| self.queues.contains(*slug))
            .unwrap_or(OTHER)
    }

    /// Counts one committed event.
    pub(crate) fn apply(&self, event: &Event) {
        self.seq.inc();
        match &event.what {
            What::ContactOpened { number, .. } => {
                let number = number
                    .as_ref()
                    .map(|slug| slug.as_str())
                    .filter(|slug| self.numbers.contains(*slug));
                self.reached.with_label_values(&[number.unwrap_or(OTHER)]).inc();
            }
            What::ContactClosed { cause, .. } => {
                let (outcome, why) = end_words(*cause);
                self.closed.with_label_values(&[outcome, &why]).inc();
                self.talk_ended(event);
            }
            What::QueueEntered { .. } => self.entered.with_label_values(&[self.queue(event)]).inc(),
            What::QueueLeft { exit, wait_us } => self.queue_left(event, *exit, *wait_us),
            What::OfferEnded { outcome, .. } => {
                self.offers
                    .with_label_values(&[self.queue(event), offer_word(*outcome)])
                    .inc();
            }
            What::PopLate => self.pop_late.inc(),
            What::Unbridged => self.talk_ended(event),
            What::RecordingSealed { repaired: true, .. } => {
                self.recordings.with_label_values(&["repaired"]).inc();
            }
            What::RecordingSealed { .. } => self.recordings.with_label_values(&["sealed"]).inc(),
            What::RecordingFailed { .. } => self.recordings.with_label_values(&["failed"]).inc(),
            What::MediaMeasured { .. } => self.sound.apply(&event.what),
            _ => {}
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a wait in microseconds stays far below 2^53"
    )]
    fn queue_left(&self, event: &Event, exit: QueueExit, wait_us: u64) {
        let queue = self.queue(event);
        let (word, why) = exit_words(exit);
        self.left.with_label_values(&[queue, word, &why]).inc();
        if exit == QueueExit::Answered {
            self.wait
                .with_label_values(&[queue])
                .observe(wait_us as f64 / 1e6);
            let mut talks = self.talks.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(contact) = event.contact
                && talks.len() < TALKS_MAX
            {
                talks.insert(contact, (queue.to_owned(), event.at));
            }
        }
    }

    fn talk_ended(&self, event: &Event) {
        let Some(contact) = event.contact else { return };
        let began = self
            .talks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&contact);
        if let Some((queue, from)) = began {
            self.talk
                .with_label_values(&[queue.as_str()])
                .observe(event.at.since(from).as_secs_f64());
        }
    }

    /// What the live page shows now, as gauges: who waits, what the agents do, which phones are registered.
    fn show(&self, rows: &Rows) {
        for (slug, queue) in &rows.queues {
            self.waiting
                .with_label_values(&[slug])
                .set(i64::from(queue.waiting));
        }
        self.agents.reset();
        self.phones.reset();
        for agent in rows.agents.values() {
            let state = if agent.work == "idle" {
                agent.intent
            } else {
                agent.work
            };
            self.agents.with_label_values(&[state]).inc();
            self.phones.with_label_values(&[agent.device]).inc();
        }
    }

    /// The text format of all metrics.
    pub(crate) fn render(&self, status: &Status, ready: bool, rows: &Rows) -> String {
        self.show(rows);
        for (read, gauge) in &self.gauges {
            gauge.set(read(status));
        }
        self.ready.set(if ready { 1.0 } else { 0.0 });
        for (name, total) in &status.totals {
            let counter = self.totals.with_label_values(&[*name]);
            counter.inc_by(total.saturating_sub(counter.get()));
        }
        for trunk in &status.trunks {
            self.trunk_up
                .with_label_values(&[&trunk.id])
                .set(i64::from(trunk.up));
            self.trunk_calls
                .with_label_values(&[&trunk.id])
                .set(i64::from(trunk.calls));
        }
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics could not be written");
        }
        String::from_utf8(text).unwrap_or_default()
    }
}

/// The serde word of a closed list of causes: bounded by the list.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => OTHER.to_owned(),
    }
}

/// Outcome and cause of a contact's end.
pub(crate) fn end_words(cause: EndCause) -> (&'static str, String) {
    match cause {
        EndCause::Refused(why) => ("refused", word(&why)),
        EndCause::EndedInIvr(by) => ("ended_in_ivr", word(&by)),
        EndCause::Abandoned(phase) => ("abandoned", word(&phase)),
        EndCause::Completed(by) => ("completed", word(&by)),
        EndCause::FlowedOut(why) => ("flowed_out", word(&why)),
        EndCause::Lost(why) => ("lost", word(&why)),
    }
}

fn exit_words(exit: QueueExit) -> (&'static str, String) {
    match exit {
        QueueExit::Answered => ("answered", String::new()),
        QueueExit::Abandoned(phase) => ("abandoned", word(&phase)),
        QueueExit::FlowedOut(why) => ("flowed_out", word(&why)),
        QueueExit::Lost(why) => ("lost", word(&why)),
    }
}

const fn offer_word(outcome: OfferOutcome) -> &'static str {
    match outcome {
        OfferOutcome::Answered => "answered",
        OfferOutcome::Missed => "missed",
        OfferOutcome::Rejected => "rejected",
        OfferOutcome::Busy => "busy",
        OfferOutcome::Unreachable => "unreachable",
        OfferOutcome::Failed => "failed",
        OfferOutcome::Withdrawn => "withdrawn",
    }
}
