//! The figures by name: what reports show, each with its formula, its unit, and which contacts stand behind it.

use super::{
    THREE_RINGS_S, aht_s, answer_rate, asa_hotline_s, asa_s, in_ivr_now, logged_in_us, occupancy, ratio,
    time_to_abandon_s, utilisation, waiting_now,
};
use crate::Counts;

/// How a figure is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A whole number.
    Count,
    /// A share, 0 to 1.
    Share,
    /// Seconds.
    Seconds,
}

/// What decides whether a wait was short enough. Changing it changes the view of old counters too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// T of the service levels, seconds of wait.
    pub within_s: u64,
    /// An abandon with at most this wait is short, seconds.
    pub short_s: u64,
}

impl Default for Thresholds {
    /// Three rings, and the usual 5 s.
    fn default() -> Self {
        Self {
            within_s: THREE_RINGS_S,
            short_s: 5,
        }
    }
}

impl Thresholds {
    /// True where the histograms of the counters hold both thresholds exactly, so that no single wait need be looked at.
    #[must_use]
    pub fn are_bounds(&self) -> bool {
        [self.within_s, self.short_s]
            .iter()
            .all(|bound| *bound == 0 || crate::WAIT_BOUNDS_S.contains(bound))
    }
}

/// Those whose wait was within the thresholds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Within {
    /// Answered with a wait of at most [`Thresholds::within_s`].
    pub answered: u64,
    /// Abandoned with a wait of at most [`Thresholds::within_s`].
    pub abandoned: u64,
    /// Abandoned with a wait of at most [`Thresholds::short_s`].
    pub short: u64,
}

impl Within {
    /// Read from the histograms; exact where [`Thresholds::are_bounds`].
    #[must_use]
    pub fn of(counts: &Counts, thresholds: Thresholds) -> Self {
        Self {
            answered: counts.answered_within(thresholds.within_s),
            abandoned: counts.abandoned_within(thresholds.within_s),
            short: counts.abandoned_within(thresholds.short_s),
        }
    }

    /// Of what a single contact added to one row: its wait is known to the microsecond.
    #[must_use]
    pub fn of_one(delta: &Counts, thresholds: Thresholds) -> Self {
        let one = |count: u64, wait_us: u64, bound_s: u64| {
            u64::from(count != 0 && wait_us <= bound_s.saturating_mul(1_000_000))
        };
        let (wait, bounds) = (delta.wait_abandoned_us, thresholds);
        Self {
            answered: one(delta.answered, delta.wait_answered_us, bounds.within_s),
            abandoned: one(delta.abandoned, wait, bounds.within_s),
            short: one(delta.abandoned, wait, bounds.short_s),
        }
    }

    /// Adds another row's.
    pub const fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.abandoned += other.abandoned;
        self.short += other.short;
    }
}

/// What the roster asked of agents and what they did of it, microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Duty {
    /// Rostered.
    pub scheduled_us: u64,
    /// At work or ready inside the rostered time.
    pub kept_us: u64,
    /// At work or ready at any time.
    pub worked_us: u64,
}

impl Duty {
    /// Adds another row's.
    pub const fn add(&mut self, other: Self) {
        self.scheduled_us += other.scheduled_us;
        self.kept_us += other.kept_us;
        self.worked_us += other.worked_us;
    }
}

/// What a figure is computed from.
#[derive(Clone, Copy, Debug)]
pub struct Basis<'a> {
    /// The counters.
    pub counts: &'a Counts,
    /// Those within the thresholds.
    pub within: Within,
    /// The roster's view; all zero where none is known.
    pub duty: Duty,
}

impl<'a> Basis<'a> {
    /// Of counters alone.
    #[must_use]
    pub fn of(counts: &'a Counts, thresholds: Thresholds) -> Self {
        Self {
            counts,
            within: Within::of(counts, thresholds),
            duty: Duty::default(),
        }
    }
}

/// Which rows a figure is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Total, numbers, bands by coverage: calls by their arrival.
    Arrivals,
    /// Those and queues: entries into queues.
    Entries,
    /// Agents, teams, bands by roster: offers.
    Agents,
    /// All rows but numbers: the time given to contacts.
    Work,
    /// Agents and teams: how their time passed.
    Clocks,
    /// Agents and teams, whose roster is known.
    Rostered,
}

/// One figure.
#[derive(Clone, Copy)]
pub struct Figure {
    /// Its name in every output.
    pub name: &'static str,
    /// How it is written.
    pub unit: Unit,
    /// Which rows have it.
    pub rows: Rows,
    /// The definition, in the counters' names; T is [`Thresholds::within_s`], s is [`Thresholds::short_s`].
    pub formula: &'static str,
    value: fn(&Basis<'_>) -> Option<f64>,
    /// How many times a contact that added this counts in the numerator; none where no single contact stands behind it.
    behind: Option<fn(&Basis<'_>) -> u64>,
}

impl std::fmt::Debug for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Figure")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Figure {
    /// The figure of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        FIGURES.iter().find(|figure| figure.name == name)
    }

    /// Its value; none where its denominator is 0.
    #[must_use]
    pub fn value(&self, basis: &Basis<'_>) -> Option<f64> {
        (self.value)(basis)
    }

    /// True where contacts can be listed behind it.
    #[must_use]
    pub const fn has_contacts(&self) -> bool {
        self.behind.is_some()
    }

    /// True where the contact that added this to a row stands in the figure's numerator.
    #[must_use]
    pub fn is_behind(&self, delta: &Counts, thresholds: Thresholds) -> bool {
        let basis = Basis {
            counts: delta,
            within: Within::of_one(delta, thresholds),
            duty: Duty::default(),
        };
        self.behind.is_some_and(|behind| behind(&basis) != 0)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counters stay far below 2^53")]
const fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "counters stay far below 2^53")]
const fn whole(count: u64) -> f64 {
    count as f64
}

macro_rules! figure {
    ($name:literal, count $rows:ident, $formula:literal, $value:expr) => {
        Figure {
            name: $name,
            unit: Unit::Count,
            rows: Rows::$rows,
            formula: $formula,
            value: |basis| {
                let count: fn(&Basis<'_>) -> u64 = $value;
                Some(whole(count(basis)))
            },
            behind: Some($value),
        }
    };
    ($name:literal, time $rows:ident, $formula:literal, $value:expr) => {
        Figure {
            name: $name,
            unit: Unit::Seconds,
            rows: Rows::$rows,
            formula: $formula,
            value: |basis| {
                let time: fn(&Basis<'_>) -> u64 = $value;
                Some(seconds(time(basis)))
            },
            behind: None,
        }
    };
    ($name:literal, $unit:ident $rows:ident, $formula:literal, $value:expr, $behind:expr) => {
        Figure {
            name: $name,
            unit: Unit::$unit,
            rows: Rows::$rows,
            formula: $formula,
            value: $value,
            behind: $behind,
        }
    };
}

/// Every figure, in the order reports show them.
pub const FIGURES: &[Figure] = &[
    figure!("reached", count Arrivals, "calls that reached the gateway", |b| b.counts.reached),
    figure!("refused", count Arrivals, "refused before they were answered", |b| b.counts.refused),
    figure!("refused_unknown_number", count Arrivals, "of refused: number not ours", |b| b.counts.refused_unknown_number),
    figure!("refused_media", count Arrivals, "of refused: no common codec, broken offer, no port", |b| b.counts.refused_media),
    figure!("refused_overload", count Arrivals, "of refused: lines, memory or journal full", |b| b.counts.refused_overload),
    figure!("refused_draining", count Arrivals, "of refused: shutting down", |b| b.counts.refused_draining),
    figure!("refused_flow", count Arrivals, "of refused: by the flow, such as blocked callers", |b| b.counts.refused_flow),
    figure!("ended_in_ivr", count Arrivals, "ended before a queue", |b| b.counts.ended_in_ivr),
    figure!("ended_in_ivr_caller", count Arrivals, "of ended_in_ivr: the caller hung up", |b| b.counts.ended_in_ivr_caller),
    figure!("lost_in_ivr", count Arrivals, "lost by the system before a queue", |b| b.counts.lost_in_ivr),
    figure!("queued", count Arrivals, "entered a queue", |b| b.counts.queued),
    figure!("in_ivr", count Arrivals, "reached - refused - ended_in_ivr - lost_in_ivr - queued", |b| in_ivr_now(b.counts)),
    figure!("hotline_answer_rate", Share Arrivals, "answered / reached", |b| super::hotline_answer_rate(b.counts), Some(|b| b.counts.answered)),
    figure!("offered", count Entries, "O: entered the queue", |b| b.counts.offered),
    figure!("answered", count Entries, "A: answered by an agent", |b| b.counts.answered),
    figure!("abandoned", count Entries, "B: given up by the caller", |b| b.counts.abandoned),
    figure!("abandoned_ringing", count Entries, "of abandoned: while a phone rang", |b| b.counts.abandoned_ringing),
    figure!("abandoned_short", count Entries, "of abandoned: wait <= s", |b| b.within.short),
    figure!("flowed_out", count Entries, "F: left by a rule or a key", |b| b.counts.flowed_out()),
    figure!("flowed_out_timeout", count Entries, "of flowed_out: longest wait reached", |b| b.counts.flowed_out_timeout),
    figure!("flowed_out_full", count Entries, "of flowed_out: queue full", |b| b.counts.flowed_out_full),
    figure!("flowed_out_no_staff", count Entries, "of flowed_out: nobody on duty", |b| b.counts.flowed_out_no_staff),
    figure!("flowed_out_key", count Entries, "of flowed_out: the caller pressed a key", |b| b.counts.flowed_out_key),
    figure!("flowed_out_overflow", count Entries, "of flowed_out: sent to another queue by an overflow rule", |b| b.counts.flowed_out_overflow),
    figure!("lost", count Entries, "X: lost by the system", |b| b.counts.lost),
    figure!("lost_restart", count Entries, "of lost and lost_in_ivr: the process ended", |b| b.counts.lost_restart),
    figure!("lost_shutdown", count Entries, "of lost and lost_in_ivr: cut off at shutdown", |b| b.counts.lost_shutdown),
    figure!("lost_media", count Entries, "of lost and lost_in_ivr: media stopped", |b| b.counts.lost_media),
    figure!("lost_signalling", count Entries, "of lost and lost_in_ivr: dialog broke", |b| b.counts.lost_signalling),
    figure!("lost_fault", count Entries, "of lost and lost_in_ivr: a bug", |b| b.counts.lost_fault),
    figure!("waiting", count Entries, "O - A - B - F - X", |b| waiting_now(b.counts)),
    figure!("answer_rate", Share Entries, "A / O", |b| answer_rate(b.counts), Some(|b| b.counts.answered)),
    figure!("answered_within", count Entries, "answered, wait <= T", |b| b.within.answered),
    figure!("sl_offered", Share Entries, "SL-1: A<=T / (A + B)", |b| super::sl_offered(b.counts, b.within), Some(|b| b.within.answered)),
    figure!("sl_without_abandons_within", Share Entries, "SL-2: A<=T / (A + B>T)", |b| super::sl_without_abandons_within(b.counts, b.within), Some(|b| b.within.answered)),
    figure!("sl_abandons_within_are_good", Share Entries, "SL-3: (A<=T + B<=T) / (A + B)", |b| super::sl_abandons_within_are_good(b.counts, b.within), Some(|b| b.within.answered + b.within.abandoned)),
    figure!("sl_answered_only", Share Entries, "SL-4: A<=T / A", |b| super::sl_answered_only(b.counts, b.within), Some(|b| b.within.answered)),
    figure!("within_three_rings", Share Entries, "answered, wait <= 15 s / O", |b| super::within_three_rings_of_offered(b.counts), Some(|b| b.counts.answered_within(THREE_RINGS_S))),
    figure!("within_three_rings_of_answered", Share Entries, "answered, wait <= 15 s / A", |b| super::within_three_rings_of_answered(b.counts), Some(|b| b.counts.answered_within(THREE_RINGS_S))),
    figure!("abandonment", Share Entries, "B / O", |b| super::abandonment(b.counts), Some(|b| b.counts.abandoned)),
    figure!("abandonment_without_short", Share Entries, "(B - B<=s) / (O - B<=s)", |b| super::abandonment_without_short(b.counts, b.within), Some(|b| b.counts.abandoned.saturating_sub(b.within.short))),
    figure!("lost_rate", Share Entries, "(O - A) / O", |b| super::lost_rate(b.counts), Some(|b| b.counts.offered.saturating_sub(b.counts.answered))),
    figure!("asa_s", Seconds Entries, "sum of waits of answered / A", |b| asa_s(b.counts), Some(|b| b.counts.answered)),
    figure!("asa_hotline_s", Seconds Arrivals, "sum of times from arrival to answer / A", |b| asa_hotline_s(b.counts), Some(|b| b.counts.answered)),
    figure!("time_to_abandon_s", Seconds Entries, "sum of waits of abandoned / B", |b| time_to_abandon_s(b.counts), Some(|b| b.counts.abandoned)),
    figure!("wait_max_s", time Entries, "longest wait of any that left", |b| b.counts.wait_max_us),
    figure!("ended_by_agent", count Entries, "talks that the agent ended", |b| b.counts.ended_by_agent),
    figure!("offers", count Agents, "offers made", |b| b.counts.offers),
    figure!("offers_answered", count Agents, "of offers: answered", |b| b.counts.offers_answered),
    figure!("offers_missed", count Agents, "of offers: rung until the deadline", |b| b.counts.offers_missed),
    figure!("offers_rejected", count Agents, "of offers: declined", |b| b.counts.offers_rejected),
    figure!("offers_busy", count Agents, "of offers: phone in another call", |b| b.counts.offers_busy),
    figure!("offers_unreachable", count Agents, "of offers: phone did not respond", |b| b.counts.offers_unreachable),
    figure!("offers_failed", count Agents, "of offers: failed technically", |b| b.counts.offers_failed),
    figure!("offers_withdrawn", count Agents, "of offers: taken back", |b| b.counts.offers_withdrawn),
    figure!("agent_answer_rate", Share Agents, "offers_answered / (offers - offers_withdrawn)", |b| super::agent_answer_rate(b.counts), Some(|b| b.counts.offers_answered)),
    figure!("handled", count Work, "contacts whose talk has ended", |b| b.counts.handled),
    figure!("talk_s", time Work, "talk, without hold", |b| b.counts.talk_us),
    figure!("hold_s", time Work, "hold inside talks", |b| b.counts.hold_us),
    figure!("wrap_up_s", time Work, "wrap-up", |b| b.counts.wrap_up_us),
    figure!("aht_s", Seconds Work, "(talk + hold + wrap_up) / handled", |b| aht_s(b.counts), Some(|b| b.counts.handled)),
    figure!("ring_s", time Clocks, "being offered a contact", |b| b.counts.ring_us),
    figure!("ready_s", time Clocks, "ready and idle, phone registered", |b| b.counts.ready_us),
    figure!("away_s", time Clocks, "ready and idle, no usable phone", |b| b.counts.away_us),
    figure!("paused_s", time Clocks, "paused and not at work", |b| b.counts.paused_us),
    figure!("logged_in_s", time Clocks, "all of an agent's clocks", |b| logged_in_us(b.counts)),
    figure!("occupancy", Share Clocks, "(talk + hold + wrap_up) / (talk + hold + wrap_up + ready)", |b| occupancy(b.counts), None),
    figure!("utilisation", Share Clocks, "(talk + hold + wrap_up) / logged_in", |b| utilisation(b.counts), None),
    figure!("scheduled_s", time Rostered, "rostered", |b| b.duty.scheduled_us),
    figure!("adherence", Share Rostered, "at work or ready while rostered / rostered", |b| ratio(b.duty.kept_us, b.duty.scheduled_us), None),
    figure!("conformance", Share Rostered, "at work or ready at any time / rostered", |b| ratio(b.duty.worked_us, b.duty.scheduled_us), None),
    figure!("shrinkage", Share Rostered, "1 - adherence", |b| ratio(b.duty.scheduled_us.saturating_sub(b.duty.kept_us), b.duty.scheduled_us), None),
];
