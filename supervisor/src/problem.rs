//! Every refusal of the API, as problem details (RFC 9457) with a stable `code` and a `hint`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::face::{CommandError, FaceError};
use crate::rights::Right;

/// One refusal. Never carries personal data or secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    hint: String,
    retry_after_s: Option<u32>,
}

/// The body of a refusal.
#[derive(Serialize)]
struct Body<'a> {
    /// Names the kind of problem, relative to the origin.
    #[serde(rename = "type")]
    kind: String,
    /// The HTTP status in words.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// Stable code, lower case with underscores.
    code: &'a str,
    /// What happened, one sentence.
    detail: &'a str,
    /// What to do about it, one sentence.
    hint: &'a str,
}

impl Problem {
    /// A refusal of this status.
    #[must_use]
    pub fn new(
        status: StatusCode,
        code: &'static str,
        detail: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            hint: hint.into(),
            retry_after_s: None,
        }
    }

    /// Says when to try again, in seconds.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// 404 of a thing that is not there.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("There is no such {what}."),
            "Check the id; lists are under /v1.",
        )
    }

    /// 400 of a request that cannot be read.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail, hint)
    }

    /// 503 of a store that does not answer. The cause goes to the log, not to the caller.
    #[must_use]
    pub fn store_unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "store_unavailable",
            "The gateway's store did not answer.",
            "Try again; the gateway's log says what is wrong.",
        )
        .retry_after(2)
    }

    /// What became of a read: a request that cannot be is told, everything else is logged with `what` failed.
    #[must_use]
    pub fn of_face(error: &FaceError, what: &'static str) -> Self {
        match error {
            FaceError::Asked(detail) => Self::bad_request(detail.clone(), "Change the request."),
            FaceError::Failed(_) => {
                tracing::warn!(%error, what, "the store could not be read");
                Self::store_unavailable()
            }
        }
    }

    /// What became of a command: `unknown` where what it names is not there, `hint` for what was refused.
    #[must_use]
    pub fn of_command(error: CommandError, unknown: fn() -> Self, hint: &str) -> Self {
        match error {
            CommandError::UnknownContact | CommandError::UnknownAgent => unknown(),
            CommandError::Refused(reason) => Self::new(StatusCode::CONFLICT, "refused", reason, hint),
            CommandError::Busy => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "The gateway cannot take commands now.",
                "Try again in a moment.",
            )
            .retry_after(1),
        }
    }

    /// 403 of what a team leader may do, `doing` it.
    #[must_use]
    pub fn for_team_leaders(doing: &str) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "right_missing",
            format!("{doing} needs the right {:?}.", Right::ControlAgents.name()),
            "Ask a team leader.",
        )
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            kind: format!("/problems/{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
            hint: &self.hint,
        };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
