//! Transfers: the caller of a talk goes to an outside number or to a queue. And the trunks that calls go by.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hotline_types::{ContactId, Pii};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::face::{Actor, TransferTo, TrunkStatus};
use crate::guard::Caller;
use crate::problem::Problem;
use crate::rights::Right;

/// Longest number or name of a queue.
const TO_BYTES_MAX: usize = 64;

#[derive(Deserialize)]
struct Transfer {
    /// The slug of a queue, or an outside number in any spelling.
    to: String,
}

/// 202: carried out when the live feed has passed `seq`.
#[derive(Serialize)]
struct Accepted {
    command: &'static str,
    contact: String,
    seq: u64,
}

/// `POST /v1/contacts/{id}/transfer`, with `{"to": "after-sales"}` or `{"to": "13800138000"}`: by an agent the own
/// talk, by a team leader any.
pub(super) async fn transfer(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let contact: ContactId = id.parse().map_err(|_| unknown_contact())?;
    let asked: Transfer = serde_json::from_slice(&body).map_err(|_| {
        Problem::bad_request(
            "The transfer cannot be read.",
            "Send JSON: {\"to\": \"after-sales\"} or {\"to\": \"13800138000\"}.",
        )
    })?;
    let to = asked.to.trim();
    if to.is_empty() || to.len() > TO_BYTES_MAX {
        return Err(Problem::bad_request(
            "That is nowhere to go.",
            "Name a queue by its slug, or an outside number.",
        ));
    }
    let queue = app.directory.queues.contains_key(to);
    let target = match to.parse() {
        Ok(slug) if queue => TransferTo::Queue(slug),
        _ => TransferTo::Outside(Pii::new(to.to_owned())),
    };
    let own = caller.viewer.agent.as_ref();
    let only = match (caller.viewer.has(Right::ControlAgents), own) {
        (true, _) => None,
        (false, Some(agent)) => Some(agent),
        (false, None) => {
            return Err(Problem::for_team_leaders("To transfer somebody's call"));
        }
    };
    let actor = Actor::from(&caller.viewer);
    let answer = app.gateway.transfer(&actor, contact, only, target).await;
    let refused = answer.as_ref().err().map(ToString::to_string);
    tracing::info!(user = actor.name, %contact, refused, "transfer");
    let seq = answer.map_err(|error| {
        Problem::of_command(
            error,
            unknown_contact,
            "Name a queue, or a number that a [[destination]] of the configuration allows.",
        )
    })?;
    let accepted = Accepted {
        command: "transfer",
        contact: contact.to_string(),
        seq: seq.0,
    };
    Ok((StatusCode::ACCEPTED, Json(accepted)).into_response())
}

#[derive(Serialize)]
struct Trunks {
    items: Vec<TrunkStatus>,
}

/// `GET /v1/trunks`: each trunk, whether it lives and how much it is used.
pub(super) async fn trunks(State(app): State<App>) -> Response {
    let items = app.gateway.status().trunks;
    Json(Trunks { items }).into_response()
}

fn unknown_contact() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "unknown_contact",
        "There is no such call now.",
        "GET /v1/calls names them all.",
    )
}
