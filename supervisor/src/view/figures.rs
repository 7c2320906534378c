//! From counters to the figures that are shown: one way for today and for past days.

use hotline_journal::{Counts, Scope, figures};

use crate::directory::Directory;
use crate::dto::{Counters, FigureRow, NumberCounters, OfferCounters};

/// A scope's counters of queues, and the rates made of them by the journal's definitions.
pub(super) fn counters(counts: &Counts, waiting: u64) -> Counters {
    Counters {
        offered: counts.offered,
        answered: counts.answered,
        abandoned: counts.abandoned,
        flowed_out: counts.flowed_out(),
        lost: counts.lost,
        waiting,
        within: counts.answered_within(figures::THREE_RINGS_S),
        answer_rate: figures::answer_rate(counts),
        within_rate: figures::within_three_rings_of_offered(counts),
        within_of_answered: figures::within_three_rings_of_answered(counts),
        longest_wait_ms: counts.wait_max_us / 1_000,
        mean_wait_ms: (counts.wait_answered_us / 1_000).checked_div(counts.answered),
    }
}

/// The figures of a scope, made of its counters. `now` is how many wait and are in the IVR, counted from the contacts;
/// none for past days, where it is the difference. None for a scope that is no group of figures.
pub(crate) fn figure_row(
    directory: &Directory,
    scope: &Scope,
    counts: &Counts,
    now: Option<(u64, u64)>,
) -> Option<FigureRow> {
    let (waiting, in_ivr) =
        now.unwrap_or_else(|| (figures::waiting_now(counts), figures::in_ivr_now(counts)));
    let (label, queues, numbers, offers) = match scope {
        Scope::Total => (String::new(), true, true, false),
        Scope::Queue(slug) => (
            Directory::label(&directory.queues, slug.as_str()),
            true,
            false,
            false,
        ),
        Scope::Number(slug) => (
            Directory::label(&directory.numbers, slug.as_str()),
            false,
            true,
            false,
        ),
        Scope::Coverage(slug) => (
            Directory::label(&directory.bands, slug.as_str()),
            true,
            true,
            false,
        ),
        Scope::Roster(slug) => (
            Directory::label(&directory.bands, slug.as_str()),
            false,
            false,
            true,
        ),
        Scope::Agent(_) => return None,
    };
    let id = if scope.key().is_empty() {
        scope.kind().to_owned()
    } else {
        format!("{}:{}", scope.kind(), scope.key())
    };
    Some(FigureRow {
        id,
        kind: scope.kind(),
        label,
        queues: queues.then(|| counters(counts, waiting)),
        numbers: numbers.then(|| NumberCounters {
            reached: counts.reached,
            refused: counts.refused,
            ended_in_ivr: counts.ended_in_ivr,
            lost_in_ivr: counts.lost_in_ivr,
            queued: counts.queued,
            in_ivr,
            answered: counts.answered,
            hotline_answer_rate: figures::hotline_answer_rate(counts),
        }),
        offers: offers.then(|| OfferCounters {
            made: counts.offers,
            answered: counts.offers_answered,
            missed: counts.offers_missed,
            failed: counts.offers_rejected
                + counts.offers_busy
                + counts.offers_unreachable
                + counts.offers_failed,
            withdrawn: counts.offers_withdrawn,
            handled: counts.handled,
            agent_answer_rate: figures::agent_answer_rate(counts),
        }),
    })
}
