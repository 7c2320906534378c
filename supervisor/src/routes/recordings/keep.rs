//! Pausing what is being recorded, holding what was, and erasing it.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hotline_recorder::proof::EvidenceError;
use hotline_types::ContactId;
use serde::{Deserialize, Serialize};

use super::{found, ids};
use crate::app::App;
use crate::face::{Actor, RecordingOrder};
use crate::guard::Caller;
use crate::problem::Problem;

/// Longest reason.
const REASON_BYTES_MAX: usize = 200;

#[derive(Deserialize)]
struct Reason {
    #[serde(default)]
    reason: String,
    /// Of a pause: how long at most.
    seconds: Option<u32>,
}

#[derive(Serialize)]
struct Accepted {
    command: &'static str,
    contact: String,
    seq: u64,
}

fn reason(body: &Bytes) -> Result<Reason, Problem> {
    if body.is_empty() {
        return Ok(Reason {
            reason: String::new(),
            seconds: None,
        });
    }
    let bad = || Problem::bad_request("The reason cannot be read.", "Send JSON: {\"reason\": \"why\"}.");
    let asked: Reason = serde_json::from_slice(body).map_err(|_| bad())?;
    if asked.reason.len() > REASON_BYTES_MAX || asked.reason.chars().any(char::is_control) {
        return Err(bad());
    }
    Ok(asked)
}

/// `POST /v1/contacts/{id}/recording/pause`, with `{"reason": "card", "seconds": 60}`.
pub(in crate::routes) async fn pause(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let asked = reason(&body)?;
    let order = RecordingOrder::Pause {
        reason: if asked.reason.is_empty() {
            "api".into()
        } else {
            asked.reason
        },
        seconds: asked.seconds,
    };
    carry_out(&app, &caller, &id, "pause", order).await
}

/// `POST /v1/contacts/{id}/recording/resume`.
pub(in crate::routes) async fn resume(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    carry_out(&app, &caller, &id, "resume", RecordingOrder::Resume).await
}

async fn carry_out(
    app: &App,
    caller: &Caller,
    id: &str,
    command: &'static str,
    order: RecordingOrder,
) -> Result<Response, Problem> {
    let contact: ContactId = id.parse().map_err(|_| unknown_contact())?;
    let actor = Actor::from(&caller.viewer);
    let answer = app.gateway.recording(&actor, contact, order).await;
    tracing::info!(user = actor.name, %contact, command, refused = answer.is_err(), "recording");
    let hint = "GET /v1/calls shows what is being recorded.";
    let seq = answer.map_err(|error| Problem::of_command(error, unknown_contact, hint))?;
    let accepted = Accepted {
        command,
        contact: contact.to_string(),
        seq: seq.0,
    };
    Ok((StatusCode::ACCEPTED, Json(accepted)).into_response())
}

fn unknown_contact() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "unknown_contact",
        "There is no such call now.",
        "GET /v1/calls names them all.",
    )
}

/// What is done to a recording that lies there.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Hold,
    Release,
    Erase,
}

/// `POST /v1/recordings/{contact}/{segment}/hold`, with `{"reason": "case 7"}`: no rule erases it.
pub(in crate::routes) async fn hold(
    state: State<App>,
    caller: Extension<Caller>,
    path: Path<(String, String)>,
    body: Bytes,
) -> Result<Response, Problem> {
    act(state.0, &caller.0, &path.0, &body, Deed::Hold).await
}

/// `POST /v1/recordings/{contact}/{segment}/release`.
pub(in crate::routes) async fn release(
    state: State<App>,
    caller: Extension<Caller>,
    path: Path<(String, String)>,
    body: Bytes,
) -> Result<Response, Problem> {
    act(state.0, &caller.0, &path.0, &body, Deed::Release).await
}

/// `POST /v1/recordings/{contact}/{segment}/erase`, with `{"reason": "asked by the caller"}`: its key is destroyed, its
/// file deleted, and a tombstone stays.
pub(in crate::routes) async fn erase(
    state: State<App>,
    caller: Extension<Caller>,
    path: Path<(String, String)>,
    body: Bytes,
) -> Result<Response, Problem> {
    act(state.0, &caller.0, &path.0, &body, Deed::Erase).await
}

async fn act(
    app: App,
    caller: &Caller,
    (contact, segment): &(String, String),
    body: &Bytes,
    deed: Deed,
) -> Result<Response, Problem> {
    let (contact, segment) = ids(contact, segment)?;
    let reason = reason(body)?.reason;
    if reason.trim().is_empty() {
        return Err(Problem::bad_request(
            "A reason is needed.",
            "Send JSON: {\"reason\": \"why\"}.",
        ));
    }
    let path = found(&app, contact, segment).await?;
    let Some(evidence) = app.evidence.clone() else {
        return Err(Problem::store_unavailable());
    };
    let by = caller.viewer.name.clone();
    tracing::info!(user = by, %contact, %segment, ?deed, "recording");
    let done = tokio::task::spawn_blocking(move || match deed {
        Deed::Hold => evidence.hold(&path, true, &by, &reason),
        Deed::Release => evidence.hold(&path, false, &by, &reason),
        Deed::Erase => evidence.erase(&path, &by, &reason),
    });
    match done.await {
        Ok(Ok(entry)) => Ok(Json(entry).into_response()),
        Ok(Err(error @ (EvidenceError::Held(_) | EvidenceError::NotHeld))) => Err(Problem::new(
            StatusCode::CONFLICT,
            "refused",
            error.to_string(),
            "Hold or release it first.",
        )),
        Ok(Err(EvidenceError::Gone)) => Err(Problem::not_found("recording")),
        Ok(Err(error)) => {
            tracing::error!(%contact, %segment, %error, "a recording's standing cannot be written down");
            Err(Problem::store_unavailable())
        }
        Err(_) => Err(Problem::store_unavailable()),
    }
}
