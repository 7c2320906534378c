//! Finding recordings, and all that is known of one: segments, pauses, gaps, integrity, who heard it.

use axum::Json;
use axum::extract::{Extension, Path, Query, State};
use axum::response::{IntoResponse, Response};
use hotline_journal::What;
use hotline_recorder::proof::{Account, PublicKey, Standing, verify_one};
use hotline_recorder::{PEAKS_MAX, peaks};
use hotline_types::Pii;
use serde::{Deserialize, Serialize};

use super::{found, opened};
use crate::app::{App, Shared};
use crate::face::{RecordedRow, RecordingQuery};
use crate::guard::Caller;
use crate::problem::Problem;
use crate::rights::Right;

/// Rows of a page where none are asked for.
const LIMIT_DEFAULT: u32 = 50;
/// Rows of a page at most.
const LIMIT_MAX: u32 = 200;
/// Longest word of a search.
const WORD_BYTES_MAX: usize = 128;
/// Stretches of a drawing where none are asked for.
const PEAKS_DEFAULT: usize = 1_200;

#[derive(Deserialize)]
pub(in crate::routes) struct Asked {
    cursor: Option<String>,
    limit: Option<u32>,
    from: Option<String>,
    to: Option<String>,
    caller: Option<String>,
    queue: Option<String>,
    agent: Option<String>,
    outcome: Option<String>,
    contact: Option<String>,
}

#[derive(Serialize)]
struct Listed {
    items: Vec<Row>,
    next: Option<String>,
}

/// A recording in the list.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    row: RecordedRow,
    /// `sealed`, `failed`, `erased`, `unproven`.
    state: &'static str,
    /// Why it is held, where it is.
    held: Option<String>,
    encrypted: bool,
}

/// `GET /v1/recordings?cursor&limit&from&to&caller&queue&agent&outcome&contact`.
pub(in crate::routes) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let bad = |_| {
        Problem::bad_request(
            "The query cannot be read.",
            "Use cursor, limit, from, to, caller, queue, agent, outcome, contact.",
        )
    };
    let Query(asked) = asked.map_err(bad)?;
    let Asked {
        cursor,
        limit,
        from,
        to,
        caller: number,
        queue,
        agent,
        outcome,
        contact,
    } = asked;
    let words = [&cursor, &from, &to, &number, &queue, &agent, &outcome, &contact];
    if words
        .into_iter()
        .flatten()
        .any(|word| word.len() > WORD_BYTES_MAX)
    {
        return Err(Problem::bad_request(
            "A word of the search is too long.",
            "Shorten it.",
        ));
    }
    let contact = contact
        .map(|id| id.parse().map_err(|_| Problem::not_found("contact")))
        .transpose()?;
    let filled = |word: Option<String>| word.filter(|word| !word.is_empty());
    let query = RecordingQuery {
        after: cursor,
        limit: limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX),
        from: filled(from),
        to: filled(to),
        caller: filled(number).map(Pii::new),
        queue: filled(queue),
        agent: filled(agent),
        outcome: filled(outcome),
        contact,
        see_numbers: caller.viewer.has(Right::SeeNumbers),
    };
    let page = app
        .records
        .recorded(&query)
        .await
        .map_err(|error| Problem::of_face(&error, "recordings"))?;
    let shared = App::clone(&app);
    let items = tokio::task::spawn_blocking(move || {
        let rows = page.items.into_iter();
        rows.map(|row| row_of(&shared, row)).collect::<Vec<_>>()
    });
    let items = items.await.map_err(|_| Problem::store_unavailable())?;
    Ok(Json(Listed {
        items,
        next: page.next,
    })
    .into_response())
}

fn row_of(app: &Shared, row: RecordedRow) -> Row {
    // A proof that cannot be read is no proof.
    let standing = Standing::of(&app.recordings, &row.path).unwrap_or_default();
    let state = match &standing {
        Standing { erased: Some(_), .. } => "erased",
        _ if row.failed.is_some() => "failed",
        Standing {
            sealing: Some(sealing),
            ..
        } if sealing.failed.is_some() => "failed",
        Standing { sealing: Some(_), .. } => "sealed",
        _ => "unproven",
    };
    Row {
        encrypted: hotline_recorder::is_encrypted(&row.path),
        held: standing.held,
        row,
        state,
    }
}

/// All that is known of a recording.
#[derive(Serialize)]
struct Detail {
    #[serde(flatten)]
    row: Row,
    /// SHA-256 when it was sealed.
    sha256: Option<String>,
    /// True where file, entries and signatures are as they were; false where not; none where nothing is proven.
    intact: Option<bool>,
    /// What is wrong.
    findings: Vec<String>,
    /// Segments, pauses and gaps.
    account: Option<Account>,
    /// Why it was erased.
    erased: Option<String>,
    /// Who heard or downloaded it.
    heard: Vec<Heard>,
}

#[derive(Serialize)]
struct Heard {
    at: i64,
    by: String,
    how: String,
}

/// `GET /v1/recordings/{contact}/{segment}/about`.
pub(in crate::routes) async fn about(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path((contact, segment)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (contact, segment) = super::ids(&contact, &segment)?;
    let query = RecordingQuery {
        limit: LIMIT_MAX,
        contact: Some(contact),
        see_numbers: caller.viewer.has(Right::SeeNumbers),
        ..RecordingQuery::default()
    };
    let of_face = |error| Problem::of_face(&error, "recording");
    let page = app.records.recorded(&query).await.map_err(of_face)?;
    let wanted = segment.to_string();
    let row = page.items.into_iter().find(|row| row.segment == wanted);
    let row = row.ok_or_else(|| Problem::not_found("recording"))?;
    let events = app.records.events_of(contact).await.map_err(of_face)?;
    let heard = events.into_iter().filter(|event| event.segment == Some(segment));
    let heard = heard.filter_map(|event| match (event.what, event.by) {
        (What::RecordingHeard { how }, hotline_journal::By::User(by)) => Some(Heard {
            at: event.at.as_millis(),
            by,
            how,
        }),
        _ => None,
    });
    let heard = heard.collect();
    let shared = App::clone(&app);
    let detail = tokio::task::spawn_blocking(move || detail(&shared, row, heard));
    let detail = detail.await.map_err(|_| Problem::store_unavailable())?;
    Ok(Json(detail).into_response())
}

fn detail(app: &Shared, row: RecordedRow, heard: Vec<Heard>) -> Detail {
    let path = row.path.clone();
    let key = match &app.evidence {
        Some(evidence) => Some(evidence.vault().public_key()),
        None => std::fs::read_to_string(app.recordings.join("manifest.pub"))
            .ok()
            .and_then(|text| PublicKey::parse(&text).ok()),
    };
    let verified = key.and_then(|key| verify_one(&app.recordings, &key, &path).ok().flatten());
    let standing = Standing::of(&app.recordings, &path).unwrap_or_default();
    let findings = verified.iter().flat_map(|verified| &verified.findings);
    let findings: Vec<String> = findings.map(|finding| finding.what.clone()).collect();
    Detail {
        row: row_of(app, row),
        intact: verified.is_some().then_some(findings.is_empty()),
        findings,
        sha256: standing.sealing.as_ref().map(|sealing| sealing.sha256.clone()),
        account: standing.sealing.and_then(|sealing| sealing.account),
        erased: standing.erased.map(|(_, why)| why),
        heard,
    }
}

#[derive(Deserialize)]
pub(in crate::routes) struct Drawn {
    count: Option<usize>,
}

#[derive(Serialize)]
struct Shape {
    length_ms: u64,
    caller: Vec<u8>,
    agent: Vec<u8>,
}

/// `GET /v1/recordings/{contact}/{segment}/peaks?count`: the loudest sample of each side, 0 to 255, in `count` stretches.
pub(in crate::routes) async fn draw(
    State(app): State<App>,
    Path((contact, segment)): Path<(String, String)>,
    Query(drawn): Query<Drawn>,
) -> Result<Response, Problem> {
    let (contact, segment) = super::ids(&contact, &segment)?;
    let path = found(&app, contact, segment).await?;
    let file = opened(&app, path).await?;
    let count = drawn.count.unwrap_or(PEAKS_DEFAULT).clamp(1, PEAKS_MAX);
    let length_ms = file.length_ms();
    let shape = tokio::task::spawn_blocking(move || peaks(file, count)).await;
    let Ok(Ok(shape)) = shape else {
        return Err(Problem::store_unavailable());
    };
    Ok(Json(Shape {
        length_ms,
        caller: shape.caller,
        agent: shape.agent,
    })
    .into_response())
}
