//! Logging in and out, and who one is.

use std::time::Instant;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use hotline_types::Pii;
use serde::{Deserialize, Serialize};

use super::pages;
use crate::app::{App, Shared};
use crate::guard::{COOKIE, Caller, Peer};
use crate::login::{LOGIN_LIFE, Verdict};
use crate::problem::Problem;
use crate::rights::{Right, Role, Viewer};

/// Longest login name.
const USER_BYTES_MAX: usize = 64;

#[derive(Deserialize)]
struct Credentials {
    user: String,
    password: String,
}

/// Who is logged in, with all the page needs to know what to offer.
#[derive(Serialize)]
struct Me {
    name: String,
    role: Role,
    agent: Option<String>,
    rights: Vec<&'static str>,
    pause_reasons: Vec<String>,
    build: String,
}

impl Me {
    fn of(app: &Shared, viewer: &Viewer) -> Self {
        Self {
            name: viewer.name.clone(),
            role: viewer.role,
            agent: viewer.agent.as_ref().map(ToString::to_string),
            rights: Right::ALL
                .iter()
                .filter(|right| viewer.has(**right))
                .map(|right| right.name())
                .collect(),
            pause_reasons: app.directory.pause_reasons.clone(),
            build: app.build.clone(),
        }
    }
}

/// `GET /v1/me`.
pub(super) async fn me(State(app): State<App>, Extension(caller): Extension<Caller>) -> Response {
    Json(Me::of(&app, &caller.viewer)).into_response()
}

/// `POST /v1/login`.
pub(super) async fn login(
    State(app): State<App>,
    Extension(Peer(peer)): Extension<Peer>,
    body: Bytes,
) -> Result<Response, Problem> {
    let credentials: Credentials = serde_json::from_slice(&body).map_err(|_| {
        Problem::bad_request(
            "The login cannot be read.",
            "Send JSON: {\"user\": ..., \"password\": ...}.",
        )
    })?;
    let (user, password) = (credentials.user, Pii::new(credentials.password));
    if user.is_empty() || user.len() > USER_BYTES_MAX {
        return Err(wrong());
    }
    let from = peer.ip().to_canonical();
    if let Some(seconds) = app.logins.blocked(&user, from, Instant::now()) {
        return Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_tries",
            "Too many wrong passwords.",
            "Wait, then try again; an administrator can set a new password.",
        )
        .retry_after(seconds));
    }
    // Counted before the check, so that many tries at once cannot slip through while it runs.
    app.logins.failed(&user, from, Instant::now());
    let account = app
        .accounts
        .account(&user)
        .await
        .map_err(|error| Problem::of_face(&error, "login"))?;
    let stored = account.as_ref().map(|account| account.password_hash.clone());
    match app.passwords.check(password, stored).await {
        Verdict::Right => {}
        Verdict::Wrong => {
            tracing::info!(%from, "a login was refused");
            return Err(wrong());
        }
        Verdict::Busy => {
            return Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "logins_busy",
                "Too many logins are being checked.",
                "Try again in a moment.",
            )
            .retry_after(3));
        }
    }
    app.logins.succeeded(&user, from);
    let account = account.ok_or_else(wrong)?;
    let viewer = Viewer {
        agent: account.agent,
        ..Viewer::new(user, account.role)
    };
    tracing::info!(user = viewer.name, %from, "logged in");
    let me = Me::of(&app, &viewer);
    Ok((
        AppendHeaders([(header::SET_COOKIE, opened(&app, viewer))]),
        Json(me),
    )
        .into_response())
}

fn wrong() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "login_wrong",
        "User and password do not fit together.",
        "Check both; the first start wrote them to secrets.toml in the data folder.",
    )
}

/// Logs the viewer in and answers the `Set-Cookie` header.
fn opened(app: &Shared, viewer: Viewer) -> HeaderValue {
    let secret = app.logins.open(viewer, Instant::now());
    set_cookie(app, secret.reveal(), LOGIN_LIFE.as_secs())
}

fn set_cookie(app: &Shared, value: &str, seconds: u64) -> HeaderValue {
    let secure = if app.secure_cookies { "; Secure" } else { "" };
    let text = format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let mut header = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
    header.set_sensitive(true);
    header
}

#[derive(Deserialize)]
pub(super) struct LoginPage {
    token: Option<String>,
}

/// `GET /login`: the page; with `?token=` the one-time link.
pub(super) async fn login_page(State(app): State<App>, Query(query): Query<LoginPage>) -> Response {
    let Some(token) = query.token.map(Pii::new) else {
        return pages::index(&app);
    };
    match app.logins.take_link(token.reveal(), Instant::now()) {
        Some(viewer) => {
            tracing::info!(user = viewer.name, "logged in by a one-time link");
            let cookie = opened(&app, viewer);
            (AppendHeaders([(header::SET_COOKIE, cookie)]), Redirect::to("/")).into_response()
        }
        None => Redirect::to("/login?link=used").into_response(),
    }
}

/// `POST /v1/logout`.
pub(super) async fn logout(State(app): State<App>, Extension(caller): Extension<Caller>) -> Response {
    if let Some(key) = &caller.login {
        app.logins.close(key);
        tracing::info!(user = caller.viewer.name, "logged out");
    }
    (
        StatusCode::NO_CONTENT,
        AppendHeaders([(header::SET_COOKIE, set_cookie(&app, "", 0))]),
    )
        .into_response()
}
