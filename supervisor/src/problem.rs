//! Every refusal of the API, as problem details (RFC 9457) with a stable `code` and a `hint`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::face::FaceError;

/// One refusal. Never carries personal data or secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// `about:blank`-style type: `/problems/CODE`, relative to the origin.
    #[serde(rename = "type")]
    kind: String,
    /// The HTTP status in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// Stable code, lower case with underscores.
    code: &'static str,
    /// What happened, one sentence.
    detail: String,
    /// What to do about it, one sentence.
    hint: String,
    #[serde(skip)]
    retry_after_s: Option<u32>,
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
            kind: format!("/problems/{code}"),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
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

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let retry = self.retry_after_s;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
