//! Figures: of today from the live fold, of past business dates from the store. One definition serves both.

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::dto::FigureRow;
use crate::face::FigureQuery;
use crate::problem::Problem;
use crate::view::figure_row;

/// Groups figures can be limited to.
const GROUPS: [&str; 5] = ["total", "queue", "number", "coverage", "roster"];

#[derive(Deserialize)]
pub(super) struct Asked {
    from: Option<String>,
    to: Option<String>,
    group: Option<String>,
}

#[derive(Serialize)]
struct Figures {
    /// First business date.
    from: String,
    /// Last business date, inclusive.
    to: String,
    /// Position of the journal the figures of today stand at; none where only past days were asked for.
    seq: Option<u64>,
    items: Vec<FigureRow>,
}

/// `GET /v1/figures?from&to&group`; without dates, today's.
pub(super) async fn figures(
    State(app): State<App>,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(asked) =
        asked.map_err(|_| Problem::bad_request("The query cannot be read.", "Use from, to, group."))?;
    if let Some(group) = asked.group.as_deref().filter(|group| !GROUPS.contains(group)) {
        return Err(Problem::bad_request(
            format!("There is no group {group:?}."),
            format!("Use one of: {}.", GROUPS.join(", ")),
        ));
    }
    let (seq, today, live) = app
        .hub
        .read_present(|ledger| {
            let rows = ledger.rows();
            let date = rows
                .hotline
                .values()
                .next()
                .map(|row| row.business_date.clone())
                .unwrap_or_default();
            (
                ledger.seq(),
                date,
                rows.figures.values().cloned().collect::<Vec<_>>(),
            )
        })
        .await;
    let from = asked.from.unwrap_or_else(|| today.clone());
    let to = asked.to.unwrap_or_else(|| from.clone().max(today.clone()));
    let (seq, mut items) = if from == today && to == today {
        (Some(seq), live)
    } else {
        check_dates(&from, &to)?;
        let query = FigureQuery {
            from: from.clone(),
            to: to.clone(),
        };
        let stored = app
            .records
            .counters(&query)
            .await
            .map_err(|error| Problem::of_face(&error, "figures"))?;
        let rows = stored
            .iter()
            .filter_map(|(scope, counts)| figure_row(&app.directory, scope, counts, None));
        (None, rows.collect())
    };
    if let Some(group) = &asked.group {
        items.retain(|row| row.kind == group);
    }
    Ok(Json(Figures { from, to, seq, items }).into_response())
}

fn check_dates(from: &str, to: &str) -> Result<(), Problem> {
    let date = |text: &str| {
        let bytes = text.as_bytes();
        bytes.len() == 10
            && bytes.iter().enumerate().all(|(at, byte)| {
                if at == 4 || at == 7 {
                    *byte == b'-'
                } else {
                    byte.is_ascii_digit()
                }
            })
    };
    if date(from) && date(to) && from <= to {
        Ok(())
    } else {
        Err(Problem::bad_request(
            "The dates cannot be used.",
            "Use business dates as YYYY-MM-DD, `from` not after `to`.",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dates_in_order_are_taken() {
        assert!(check_dates("2026-11-24", "2026-11-24").is_ok());
        for (from, to) in [
            ("2026-11-25", "2026-11-24"),
            ("", "2026-11-24"),
            ("2026-1-1", "2026-11-24"),
            ("x", "y"),
        ] {
            assert!(check_dates(from, to).is_err(), "{from} {to}");
        }
    }
}
