//! Why a contact waits and why an agent has no call: one sentence from the engine, or of the record.

use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use hotline_types::{AgentSlug, ContactId};
use serde::Serialize;

use crate::app::App;
use crate::face::Actor;
use crate::guard::Caller;
use crate::problem::Problem;

/// The answer.
#[derive(Serialize)]
struct Why {
    why: String,
}

/// `GET /v1/why/agents/{slug}`.
pub(super) async fn agent(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(slug): Path<String>,
) -> Result<Response, Problem> {
    let agent: AgentSlug = slug.parse().map_err(|_| Problem::not_found("agent"))?;
    let why = app
        .gateway
        .why_agent(&Actor::from(&caller.viewer), &agent)
        .await
        .map_err(super::commands::problem)?
        .ok_or_else(|| Problem::not_found("agent"))?;
    Ok(Json(Why { why }).into_response())
}

/// `GET /v1/why/contacts/{id}`: of a contact that is over, why it was offered to whom it was offered last.
pub(super) async fn contact(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id: ContactId = id.parse().map_err(|_| Problem::not_found("contact"))?;
    let live = app
        .gateway
        .why_contact(&Actor::from(&caller.viewer), id)
        .await
        .map_err(super::commands::problem)?;
    if let Some(why) = live {
        return Ok(Json(Why { why }).into_response());
    }
    let found = app
        .records
        .contact(id, false)
        .await
        .map_err(|error| Problem::of_face(&error, "contacts"))?
        .ok_or_else(|| Problem::not_found("contact"))?;
    let why = found.why();
    Ok(Json(Why { why }).into_response())
}
