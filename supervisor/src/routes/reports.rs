//! Reports over any stretch of time and grouping, and the contacts behind each figure.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::app::App;
use crate::problem::Problem;
use crate::report::ReportQuery;

/// Contacts of a page where none are asked for.
const LIMIT_DEFAULT: usize = 50;
/// Contacts of a page at most.
const LIMIT_MAX: usize = 200;

/// The query of both routes.
#[derive(Deserialize)]
pub(super) struct Asked {
    from: Option<String>,
    to: Option<String>,
    since_ms: Option<i64>,
    before_ms: Option<i64>,
    by: Option<String>,
    per: Option<String>,
    only: Option<String>,
    within: Option<u64>,
    short: Option<u64>,
    figures: Option<String>,
    format: Option<String>,
    figure: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

type Question = Result<Query<Asked>, axum::extract::rejection::QueryRejection>;

impl Asked {
    fn read(question: Question) -> Result<(ReportQuery, Self), Problem> {
        let Query(mut asked) = question.map_err(|_| {
            Problem::bad_request(
                "The query cannot be read.",
                "Use from, to, by, per, only, within, short, figures, format; for contacts figure, cursor, limit.",
            )
        })?;
        let query = ReportQuery {
            from: asked.from.take(),
            to: asked.to.take(),
            since_ms: asked.since_ms,
            before_ms: asked.before_ms,
            by: asked.by.take(),
            per: asked.per.take(),
            only: asked.only.take(),
            within: asked.within,
            short: asked.short,
            figures: asked.figures.take(),
        };
        Ok((query, asked))
    }
}

/// `GET /v1/reports?from&to&since_ms&before_ms&by&per&only&within&short&figures&format=json|csv`.
pub(super) async fn report(State(app): State<App>, question: Question) -> Result<Response, Problem> {
    let (query, asked) = Asked::read(question)?;
    let made = app
        .records
        .report(&query)
        .await
        .map_err(|error| Problem::of_face(&error, "reports"))?;
    match asked.format.as_deref() {
        None | Some("json") => Ok(Json(made.json()).into_response()),
        Some("csv") => Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], made.csv()).into_response()),
        Some(other) => Err(Problem::bad_request(
            format!("There is no format {other:?}."),
            "Use json or csv.",
        )),
    }
}

/// `GET /v1/reports/contacts?figure&cursor&limit`, with the rest as for a report.
pub(super) async fn behind(State(app): State<App>, question: Question) -> Result<Response, Problem> {
    let (query, asked) = Asked::read(question)?;
    let figure = asked.figure.ok_or_else(|| {
        Problem::bad_request(
            "No figure was named.",
            "Name it as figure=abandoned, for instance.",
        )
    })?;
    let limit = asked.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX);
    let found = app
        .records
        .behind(&query, &figure, asked.cursor.as_deref(), limit)
        .await
        .map_err(|error| Problem::of_face(&error, "reports"))?;
    Ok(Json(found).into_response())
}
