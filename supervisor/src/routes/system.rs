//! Health, readiness, metrics.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::app::App;

/// `GET /healthz`: the process answers.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    reasons: Vec<String>,
}

/// `GET /readyz`: 200 where new calls are taken, else 503 with the reasons.
pub(super) async fn readyz(State(app): State<App>) -> Response {
    let readiness = app.gateway.readiness();
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        Json(Ready {
            ready: readiness.ready,
            reasons: readiness.reasons,
        }),
    )
        .into_response()
}

/// `GET /metrics`: Prometheus text format 0.0.4.
pub(super) async fn metrics(State(app): State<App>) -> Response {
    let (status, ready) = (app.gateway.status(), app.gateway.readiness().ready);
    let text = app
        .hub
        .read(|ledger| app.metrics.render(&status, ready, ledger.rows()));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
