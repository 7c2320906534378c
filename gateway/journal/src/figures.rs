//! The definition of every figure, as pure views over counters. None where the denominator is 0.

mod table;

pub use table::{Basis, Duty, FIGURES, Figure, Rows, Thresholds, Unit, Within};

use crate::Counts;

/// Three rings of a Chinese ringback cadence (1 s on, 4 s off), seconds: the caller's wait from queue entry.
pub const THREE_RINGS_S: u64 = 15;

#[expect(clippy::cast_precision_loss, reason = "counters stay far below 2^53")]
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole != 0).then(|| part as f64 / whole as f64)
}

fn seconds_each(sum_us: u64, count: u64) -> Option<f64> {
    ratio(sum_us, count).map(|us| us / 1e6)
}

/// Answer rate: `answered / offered`.
#[must_use]
pub fn answer_rate(row: &Counts) -> Option<f64> {
    ratio(row.answered, row.offered)
}

/// Hotline answer rate: `answered / reached`; counts those lost before a queue against the hotline.
#[must_use]
pub fn hotline_answer_rate(row: &Counts) -> Option<f64> {
    ratio(row.answered, row.reached)
}

/// Answered within three rings, of the answered: `answered with wait <= 15 s / answered`. Equals [`sl_answered_only`]
/// at 15 s.
#[must_use]
pub fn within_three_rings_of_answered(row: &Counts) -> Option<f64> {
    ratio(row.answered_within(THREE_RINGS_S), row.answered)
}

/// Answered within three rings, of the offered: `answered with wait <= 15 s / offered`.
#[must_use]
pub fn within_three_rings_of_offered(row: &Counts) -> Option<f64> {
    ratio(row.answered_within(THREE_RINGS_S), row.offered)
}

/// Abandonment, plain: `abandoned / offered`.
#[must_use]
pub fn abandonment(row: &Counts) -> Option<f64> {
    ratio(row.abandoned, row.offered)
}

/// Abandonment without the short ones: `(abandoned - short) / (offered - short)`, where short is abandoned with a
/// wait of at most [`Thresholds::short_s`].
#[must_use]
pub fn abandonment_without_short(row: &Counts, within: Within) -> Option<f64> {
    ratio(
        row.abandoned.saturating_sub(within.short),
        row.offered.saturating_sub(within.short),
    )
}

/// Lost rate: `(offered - answered) / offered`. Includes flow-outs, losses and those who still wait: never compare it
/// with the plain abandonment.
#[must_use]
pub fn lost_rate(row: &Counts) -> Option<f64> {
    ratio(row.offered.saturating_sub(row.answered), row.offered)
}

/// SL-1, strictest: `answered <= T / (answered + abandoned)`. T is [`Thresholds::within_s`], here and below.
#[must_use]
pub fn sl_offered(row: &Counts, within: Within) -> Option<f64> {
    ratio(within.answered, row.answered + row.abandoned)
}

/// SL-2, abandons within T left out: `answered <= T / (answered + abandoned > T)`.
#[must_use]
pub fn sl_without_abandons_within(row: &Counts, within: Within) -> Option<f64> {
    let late = row.abandoned.saturating_sub(within.abandoned);
    ratio(within.answered, row.answered + late)
}

/// SL-3, abandons within T count as good: `(answered <= T + abandoned <= T) / (answered + abandoned)`.
#[must_use]
pub fn sl_abandons_within_are_good(row: &Counts, within: Within) -> Option<f64> {
    ratio(within.answered + within.abandoned, row.answered + row.abandoned)
}

/// SL-4, flattering: `answered <= T / answered`.
#[must_use]
pub fn sl_answered_only(row: &Counts, within: Within) -> Option<f64> {
    ratio(within.answered, row.answered)
}

/// ASA, seconds: `sum of waits of the answered / answered`; the wait includes the ringing at the agent.
#[must_use]
pub fn asa_s(row: &Counts) -> Option<f64> {
    seconds_each(row.wait_answered_us, row.answered)
}

/// ASA of the hotline, seconds: `sum of times from the call's arrival to its answer / answered`; IVR and all queues count.
#[must_use]
pub fn asa_hotline_s(row: &Counts) -> Option<f64> {
    seconds_each(row.reach_answered_us, row.answered)
}

/// Average time to abandon, seconds: `sum of waits of the abandoned / abandoned`.
#[must_use]
pub fn time_to_abandon_s(row: &Counts) -> Option<f64> {
    seconds_each(row.wait_abandoned_us, row.abandoned)
}

/// AHT, seconds: `(talk + hold + wrap-up) / handled`.
#[must_use]
pub fn aht_s(row: &Counts) -> Option<f64> {
    seconds_each(at_work_us(row), row.handled)
}

/// Occupancy: `(talk + hold + wrap-up) / (talk + hold + wrap-up + ready)`; paused, away and ringing time is left out.
#[must_use]
pub fn occupancy(row: &Counts) -> Option<f64> {
    ratio(at_work_us(row), at_work_us(row) + row.ready_us)
}

/// Utilisation: `(talk + hold + wrap-up) / logged in`.
#[must_use]
pub fn utilisation(row: &Counts) -> Option<f64> {
    ratio(at_work_us(row), logged_in_us(row))
}

/// Agent answer rate: `offers answered / offers made`, without those taken back, which no agent could answer.
#[must_use]
pub fn agent_answer_rate(row: &Counts) -> Option<f64> {
    ratio(
        row.offers_answered,
        row.offers.saturating_sub(row.offers_withdrawn),
    )
}

/// Time an agent was logged in, microseconds: the sum of all clocks.
#[must_use]
pub const fn logged_in_us(row: &Counts) -> u64 {
    at_work_us(row) + row.ring_us + row.ready_us + row.away_us + row.paused_us
}

const fn at_work_us(row: &Counts) -> u64 {
    row.talk_us + row.hold_us + row.wrap_up_us
}

/// A figure that contradicts another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imbalance {
    /// `offered` is not `answered + abandoned + flowed out + lost + waiting`.
    Queue {
        /// Left side.
        offered: u64,
        /// Right side.
        accounted: u64,
    },
    /// `reached` is not `refused + ended in IVR + lost in IVR + queued + in IVR now`.
    Number {
        /// Left side.
        reached: u64,
        /// Right side.
        accounted: u64,
    },
}

/// The two invariants (design.md section 4) over the rows of a scope added up, with those who wait and are in the IVR
/// now, counted from the contacts ([`crate::Counters::waiting`], [`crate::Counters::in_ivr`]). Agent and roster rows
/// hold neither, so they balance trivially.
///
/// # Errors
/// The first invariant that does not hold.
pub const fn balance(row: &Counts, waiting: u64, in_ivr: u64) -> Result<(), Imbalance> {
    let accounted = row.answered + row.abandoned + row.flowed_out() + row.lost + waiting;
    if row.offered != accounted {
        return Err(Imbalance::Queue {
            offered: row.offered,
            accounted,
        });
    }
    let accounted = row.refused + row.ended_in_ivr + row.lost_in_ivr + row.queued + in_ivr;
    if row.reached != accounted {
        return Err(Imbalance::Number {
            reached: row.reached,
            accounted,
        });
    }
    Ok(())
}

/// Those in the IVR now, as the difference: `reached - refused - ended - lost - queued`.
#[must_use]
pub const fn in_ivr_now(row: &Counts) -> u64 {
    row.reached
        .saturating_sub(row.refused + row.ended_in_ivr + row.lost_in_ivr + row.queued)
}

/// Those waiting now, as the difference: `offered - answered - abandoned - flowed out - lost`.
#[must_use]
pub const fn waiting_now(row: &Counts) -> u64 {
    row.offered
        .saturating_sub(row.answered + row.abandoned + row.flowed_out() + row.lost)
}

#[cfg(test)]
mod tests;
