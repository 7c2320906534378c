//! Who is banned from signalling, and lifting a ban.

use std::net::IpAddr;

use axum::Json;
use axum::extract::{Extension, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::signalling::BanRow;

#[derive(Serialize)]
struct Bans {
    items: Vec<BanRow>,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    user: Option<String>,
}

#[derive(Serialize)]
struct Lifted {
    lifted: usize,
}

/// `GET /v1/bans`.
pub(super) async fn list(State(app): State<App>) -> Response {
    let items = app.signalling.bans();
    Json(Bans { items }).into_response()
}

/// `DELETE /v1/bans/{source}?user`.
pub(super) async fn lift(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(source): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let source: IpAddr = source.parse().map_err(|_| {
        Problem::bad_request(
            "The source is not an address.",
            "GET /v1/bans and `hotline ban list` name the sources.",
        )
    })?;
    let lifted = app.signalling.lift(source, asked.user.as_deref());
    tracing::info!(user = caller.viewer.name, %source, of = asked.user, lifted, "bans lifted");
    if lifted == 0 {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "not_banned",
            "There is no such ban.",
            "GET /v1/bans and `hotline ban list` name them all.",
        ));
    }
    Ok(Json(Lifted { lifted }).into_response())
}
