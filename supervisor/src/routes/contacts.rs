//! Contacts: newest first by opaque cursor, and one by id.

use axum::Json;
use axum::extract::{Extension, Path, Query, State};
use axum::response::{IntoResponse, Response};
use hotline_types::ContactId;
use serde::Deserialize;

use crate::app::App;
use crate::face::ContactQuery;
use crate::guard::Caller;
use crate::login::hex;
use crate::problem::Problem;
use crate::rights::Right;

/// Rows of a page where none are asked for.
const LIMIT_DEFAULT: u32 = 50;
/// Rows of a page at most.
const LIMIT_MAX: u32 = 200;
/// Longest cursor.
const CURSOR_BYTES_MAX: usize = 256;
/// What every cursor begins with; another kind of cursor will begin otherwise.
const CURSOR_KIND: &str = "c1";

#[derive(Deserialize)]
pub(super) struct Asked {
    cursor: Option<String>,
    limit: Option<u32>,
    date: Option<String>,
    queue: Option<String>,
    agent: Option<String>,
    outcome: Option<String>,
}

/// `GET /v1/contacts?cursor&limit&date&queue&agent&outcome`.
pub(super) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(asked) = asked.map_err(|_| {
        Problem::bad_request(
            "The query cannot be read.",
            "Use cursor, limit, date, queue, agent, outcome.",
        )
    })?;
    let after = asked.cursor.as_deref().map(opened).transpose()?;
    let query = ContactQuery {
        after,
        limit: asked.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX),
        business_date: asked.date,
        queue: asked.queue,
        agent: asked.agent,
        outcome: asked.outcome,
        see_numbers: caller.viewer.has(Right::SeeNumbers),
    };
    let mut page = app
        .records
        .contacts(&query)
        .await
        .map_err(|error| Problem::of_face(&error, "contacts"))?;
    page.next = page
        .next
        .map(|text| format!("{CURSOR_KIND}{}", hex(text.as_bytes())));
    Ok(Json(page).into_response())
}

/// `GET /v1/contacts/{id}`.
pub(super) async fn one(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id: ContactId = id.parse().map_err(|_| Problem::not_found("contact"))?;
    let see_numbers = caller.viewer.has(Right::SeeNumbers);
    let found = app
        .records
        .contact(id, see_numbers)
        .await
        .map_err(|error| Problem::of_face(&error, "contacts"))?;
    if see_numbers {
        tracing::info!(user = caller.viewer.name, contact = %id, "a contact was opened with its number");
    }
    found
        .map(|detail| Json(detail).into_response())
        .ok_or_else(|| Problem::not_found("contact"))
}

/// The store's place out of a cursor.
fn opened(cursor: &str) -> Result<String, Problem> {
    let bad = || {
        Problem::bad_request(
            "The cursor cannot be read.",
            "Use `next` of the page before, unchanged.",
        )
    };
    let digits = cursor
        .strip_prefix(CURSOR_KIND)
        .filter(|_| cursor.len() <= CURSOR_BYTES_MAX)
        .ok_or_else(bad)?;
    let digits = digits.as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(bad());
    }
    let bytes: Option<Vec<u8>> = pairs
        .iter()
        .map(|pair| {
            let text = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(text, 16).ok()
        })
        .collect();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_way_to_the_client_and_back_and_nonsense_is_refused() {
        let cursor = format!("{CURSOR_KIND}{}", hex("2026-11-24/名".as_bytes()));
        assert_eq!(opened(&cursor).as_deref(), Ok("2026-11-24/名"));
        for bad in [
            "",
            "c2ff",
            "c1f",
            "c1zz",
            "c1+1",
            "c1ff",
            &format!("c1{}", "0".repeat(600)),
        ] {
            assert!(opened(bad).is_err(), "{bad}");
        }
    }
}
