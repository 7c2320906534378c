//! The rows of the live feed by plain GET: queues, agents, calls.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::app::App;
use crate::clock::now_ms;

/// Rows as last published, with the position they stand at and the server's clock.
#[derive(Serialize)]
struct Listing<T> {
    seq: u64,
    now: i64,
    items: Vec<T>,
}

async fn listing<T: Clone + Serialize>(
    app: &App,
    rows: impl FnOnce(&crate::live::Rows) -> Vec<T>,
) -> Response {
    let read = |ledger: &crate::live::Ledger| (ledger.seq(), rows(ledger.rows()));
    let (seq, items) = app.hub.read_present(read).await;
    Json(Listing {
        seq,
        now: now_ms(),
        items,
    })
    .into_response()
}

/// `GET /v1/queues`.
pub(super) async fn queues(State(app): State<App>) -> Response {
    listing(&app, |rows| rows.queues.values().cloned().collect()).await
}

/// `GET /v1/agents`.
pub(super) async fn agents(State(app): State<App>) -> Response {
    listing(&app, |rows| rows.agents.values().cloned().collect()).await
}

/// `GET /v1/calls`.
pub(super) async fn calls(State(app): State<App>) -> Response {
    listing(&app, |rows| rows.calls.values().cloned().collect()).await
}
