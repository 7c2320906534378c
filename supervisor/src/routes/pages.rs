//! The console's own files, embedded in the program; every other page address gets the one index page.

use axum::extract::State;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::app::{App, Shared};
use crate::problem::Problem;

/// `web/dist` as built, or the placeholder page that says how to build it.
#[derive(RustEmbed)]
#[folder = "$OUT_DIR/web"]
struct Files;

/// Stands in the index page where the nonce of each answer goes.
const NONCE_MARK: &str = "__CSP_NONCE__";

/// Everything that is no route of the table.
pub(super) async fn page(State(app): State<App>, method: Method, uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path == "v1" || path.starts_with("v1/") {
        return Problem::not_found("address of the API").into_response();
    }
    if !matches!(method, Method::GET | Method::HEAD) {
        return super::method_not_allowed().await;
    }
    match Files::get(path).filter(|_| path != "index.html") {
        Some(file) => {
            let kind = HeaderValue::from_static(media_type(path));
            // Names under assets/ carry a hash of their content.
            let cache = if path.starts_with("assets/") {
                "public, max-age=31536000, immutable"
            } else {
                "no-cache"
            };
            let headers = [
                (header::CONTENT_TYPE, kind),
                (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
            ];
            (headers, file.data).into_response()
        }
        // A missing file must not answer with a page: a browser would take HTML for a script.
        None if path.rsplit('/').next().is_some_and(|name| name.contains('.')) && path != "index.html" => {
            (StatusCode::NOT_FOUND, "not found\n").into_response()
        }
        None => index(&app),
    }
}

/// The media type of what a build of the console contains.
fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// The index page with a nonce of its own, or the placeholder.
pub(super) fn index(app: &Shared) -> Response {
    let Some(file) = Files::get("index.html") else {
        return Problem::not_found("page").into_response();
    };
    let nonce = app.logins.nonce();
    let html = String::from_utf8_lossy(&file.data).replace(NONCE_MARK, &nonce);
    let policy = format!(
        "default-src 'self'; style-src 'self' 'nonce-{nonce}'; style-src-attr 'unsafe-inline'; \
         img-src 'self' data:; media-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'"
    );
    let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, policy),
    ];
    (headers, html).into_response()
}
