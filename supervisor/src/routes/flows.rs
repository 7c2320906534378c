//! Flows: what is active, activation, roll-back, replay, counts per edge, messages, and the emergency announcement.

use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::app::App;
use crate::face::{Actor, FlowOrder, FlowRefusal};
use crate::guard::Caller;
use crate::problem::Problem;

/// A version that is to be activated.
#[derive(Deserialize)]
pub(super) struct Activate {
    text: String,
    tests: Option<String>,
    number: Option<String>,
    share: Option<u8>,
}

/// A version that is to be replayed.
#[derive(Deserialize)]
pub(super) struct Replay {
    text: String,
}

async fn carry_out(app: &App, caller: &Caller, order: FlowOrder) -> Result<Json<Value>, Problem> {
    let actor = Actor::from(&caller.viewer);
    let answer = app.gateway.flows(&actor, order).await;
    answer.map(Json).map_err(|refusal| match refusal {
        FlowRefusal::Unknown(what) => Problem::not_found(what),
        FlowRefusal::Wrong(problems) => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "flow_refused",
            problems.join("\n"),
            "Nothing was changed. Correct the flow; `hotline flow check` and `hotline flow test` tell the same.",
        ),
        FlowRefusal::Busy => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "The gateway cannot take commands now.",
            "Try again in a moment.",
        )
        .retry_after(1),
        FlowRefusal::Failed(error) => {
            tracing::error!(error, "An order about flows failed");
            Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "failed",
                "The store could not be used.",
                "Look at the gateway's log.",
            )
        }
    })
}

/// `GET /v1/flows`.
pub(super) async fn list(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, Problem> {
    carry_out(&app, &caller, FlowOrder::List).await
}

/// `POST /v1/flows/activate`, with `{"text": FLOW, "tests": TESTS, "number": SLUG, "share": PERCENT}`.
pub(super) async fn activate(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Json(body): Json<Activate>,
) -> Result<Json<Value>, Problem> {
    let share = body.share.unwrap_or(100);
    if !(1..=100).contains(&share) {
        return Err(Problem::bad_request(
            "A share is 1 to 100 percent.",
            "Leave it away for all calls.",
        ));
    }
    let order = FlowOrder::Activate {
        text: body.text,
        tests: body.tests,
        number: body.number,
        share,
    };
    carry_out(&app, &caller, order).await
}

/// `POST /v1/flows/{flow}/rollback`.
pub(super) async fn rollback(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(flow): Path<String>,
) -> Result<Json<Value>, Problem> {
    carry_out(&app, &caller, FlowOrder::Rollback { flow }).await
}

/// `POST /v1/flows/replay`, with `{"text": FLOW}`.
pub(super) async fn replay(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Json(body): Json<Replay>,
) -> Result<Json<Value>, Problem> {
    carry_out(&app, &caller, FlowOrder::Replay { text: body.text }).await
}

/// `GET /v1/flows/{flow}/funnel`.
pub(super) async fn funnel(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(flow): Path<String>,
) -> Result<Json<Value>, Problem> {
    carry_out(&app, &caller, FlowOrder::Funnel { flow }).await
}

/// `GET /v1/messages`.
pub(super) async fn messages(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, Problem> {
    carry_out(&app, &caller, FlowOrder::Messages).await
}

/// `POST /v1/numbers/{number}/emergency/{state}`, `on` or `off`.
pub(super) async fn emergency(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path((number, state)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let on = match state.as_str() {
        "on" => true,
        "off" => false,
        _ => return Err(Problem::not_found("state")),
    };
    carry_out(&app, &caller, FlowOrder::Emergency { number, on }).await
}
