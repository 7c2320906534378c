//! Recorded callers: when they came, how long they would have waited at least, how long they were served.

use std::collections::BTreeMap;
use std::time::Duration;

use hotline_journal::figures::aht_s;
use hotline_journal::{Counts, Event, What};
use hotline_types::{ContactId, OfferOutcome, QueueExit, QueueSlug, WallTime};

use crate::Load;

/// Patience where nobody ever gave up.
const PATIENCE_UNKNOWN: Duration = Duration::from_secs(300);
/// Handling time where nobody was ever served.
const HANDLING_UNKNOWN: Duration = Duration::from_secs(180);
/// Samples kept of pick-up and handling times.
const SAMPLES_MAX: usize = 100_000;

/// What the record tells of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It was this long.
    Exactly(Duration),
    /// It was longer than this: censored.
    Longer(Duration),
}

impl Known {
    /// One time after another.
    pub(crate) fn then(self, next: Self) -> Self {
        let (Self::Exactly(before) | Self::Longer(before)) = self;
        match next {
            Self::Exactly(time) => Self::Exactly(before + time),
            Self::Longer(time) => Self::Longer(before + time),
        }
    }
}

/// One entry into a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The contact.
    pub contact: ContactId,
    /// When it entered.
    pub at: WallTime,
    /// The queue.
    pub queue: QueueSlug,
    /// How long it waits before it gives up.
    pub patience: Known,
    /// Talk and hold; none where it was never served.
    pub handling: Option<Duration>,
    /// How the entry ended, and after which wait.
    pub exit: Option<(QueueExit, Duration)>,
}

/// What is drawn where the record does not tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// Handling times, by queue.
    pub handling: BTreeMap<QueueSlug, Vec<Duration>>,
    /// From offer to answer.
    pub pick_ups: Vec<Duration>,
    /// Sum of all waits, by queue, and how many ended in giving up: exponential patience is their ratio, which counts the
    /// waits of the answered as the censored observations they are.
    pub waits: BTreeMap<QueueSlug, (Duration, u64)>,
    /// Offers that ended answered, and those that ended otherwise by the agent's doing.
    pub offers: (u64, u64),
}

impl Model {
    /// Mean patience in a queue.
    #[must_use]
    pub fn patience(&self, queue: &QueueSlug) -> Duration {
        let (waits, abandons) = self.waits.get(queue).copied().unwrap_or_default();
        match u32::try_from(abandons) {
            Ok(abandons) if abandons > 0 => (waits / abandons).max(Duration::from_secs(1)),
            _ => waits.max(PATIENCE_UNKNOWN),
        }
    }

    /// Share of offers that an agent takes.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "offers stay far below 2^53")]
    pub fn taken(&self) -> f64 {
        let (answered, missed) = self.offers;
        if answered == 0 {
            1.0
        } else {
            answered as f64 / (answered + missed) as f64
        }
    }

    /// A recorded handling time of the queue; `draw` is any number.
    #[must_use]
    pub fn handling(&self, queue: &QueueSlug, draw: u64) -> Duration {
        pick(self.handling.get(queue).map_or(&[][..], Vec::as_slice), draw).unwrap_or(HANDLING_UNKNOWN)
    }

    /// A recorded time from offer to answer; `draw` is any number.
    #[must_use]
    pub fn pick_up(&self, draw: u64) -> Duration {
        pick(&self.pick_ups, draw).unwrap_or_default()
    }

    /// Learns from one entry.
    pub fn learn(&mut self, caller: &Caller) {
        if let Some(handling) = caller.handling {
            let known = self.handling.entry(caller.queue.clone()).or_default();
            if known.len() < SAMPLES_MAX {
                known.push(handling);
            }
        }
        if let Some((exit, wait)) = caller.exit {
            let sums = self.waits.entry(caller.queue.clone()).or_default();
            sums.0 = sums.0.saturating_add(wait);
            sums.1 += u64::from(matches!(exit, QueueExit::Abandoned(_)));
        }
    }
}

impl Load {
    /// Handling time and patience of these counters, without any calls. The patience counts the waits of the answered as
    /// censored, as [`Model::patience`] does.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counters stay far below 2^53")]
    pub fn of(counts: &Counts) -> Self {
        let waits_s = (counts.wait_answered_us + counts.wait_abandoned_us) as f64 / 1e6;
        let patience_s = if counts.abandoned == 0 {
            PATIENCE_UNKNOWN.as_secs_f64().max(waits_s)
        } else {
            waits_s / counts.abandoned as f64
        };
        Self {
            calls_per_hour: 0.0,
            aht_s: aht_s(counts).unwrap_or(HANDLING_UNKNOWN.as_secs_f64()).max(1.0),
            patience_s: patience_s.max(1.0),
        }
    }
}

fn pick(samples: &[Duration], draw: u64) -> Option<Duration> {
    let len = u64::try_from(samples.len()).ok().filter(|&len| len > 0)?;
    samples.get(usize::try_from(draw % len).ok()?).copied()
}

/// The entries of one contact, from its events in order; what its offers tell goes into the model.
pub fn callers_of(events: &[Event], model: &mut Model) -> Vec<Caller> {
    let mut callers: Vec<Caller> = Vec::new();
    let (mut offered, mut talking): (Option<WallTime>, Option<WallTime>) = (None, None);
    for event in events {
        match &event.what {
            What::QueueEntered { .. } => {
                if let (Some(contact), Some(queue)) = (event.contact, &event.queue) {
                    callers.push(Caller {
                        contact,
                        at: event.at,
                        queue: queue.clone(),
                        patience: Known::Longer(Duration::ZERO),
                        handling: None,
                        exit: None,
                    });
                }
            }
            What::QueueLeft { exit, wait_us } => {
                let wait = Duration::from_micros(*wait_us);
                if let Some(caller) = callers.last_mut() {
                    caller.exit = Some((*exit, wait));
                    caller.patience = if matches!(exit, QueueExit::Abandoned(_)) {
                        Known::Exactly(wait)
                    } else {
                        Known::Longer(wait)
                    };
                }
            }
            What::OfferMade { .. } => offered = Some(event.at),
            What::OfferEnded { outcome, .. } => match outcome {
                OfferOutcome::Answered => {
                    model.offers.0 += 1;
                    if let Some(from) = offered.take().filter(|_| model.pick_ups.len() < SAMPLES_MAX) {
                        model.pick_ups.push(event.at.since(from));
                    }
                }
                OfferOutcome::Withdrawn => {}
                _ => model.offers.1 += 1,
            },
            What::Bridged { .. } => talking = Some(event.at),
            What::Unbridged | What::ContactClosed { .. } => {
                if let (Some(from), Some(caller)) = (talking.take(), callers.last_mut()) {
                    let talk = event.at.since(from);
                    caller.handling = Some(caller.handling.unwrap_or_default() + talk);
                }
            }
            _ => {}
        }
    }
    callers.iter().for_each(|caller| model.learn(caller));
    callers
}
