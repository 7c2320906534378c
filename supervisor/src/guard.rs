//! The one gate before every route: who asks, may they, does the request come from our own page.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::{App, Shared};
use crate::login::{Digest32, digest};
use crate::problem::Problem;
use crate::rights::{Right, Viewer};

/// Name of the login cookie.
pub(crate) const COOKIE: &str = "hotline_login";
/// Longest time until a request is answered; a stream's body may take longer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// The other end of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub SocketAddr);

/// Who asks, once the gate let the request through.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Whom the request speaks for.
    pub viewer: Viewer,
    /// The cookie's entry, where it came by cookie.
    pub login: Option<Digest32>,
    /// When the login ends, where it does.
    pub until: Option<Instant>,
}

/// What a route asks of its caller. There is no route without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing.
    Public,
    /// This right.
    Needs(Right),
    /// This right, or a connection from this machine itself.
    NeedsOrLoopback(Right),
}

/// Which gate stands before a route.
#[derive(Clone)]
pub(crate) struct Gate {
    pub app: App,
    pub access: Access,
    /// The route's pattern, for the log.
    pub path: &'static str,
}

/// Lets the request through with its [`Caller`] as an extension, or refuses it.
pub(crate) async fn check(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let here = is_from_here(&request);
    let name = match admit(&gate, &method, request.headers(), here).await {
        Ok(Some(caller)) => {
            let name = caller.viewer.name.clone();
            request.extensions_mut().insert(caller);
            name
        }
        Ok(None) => String::new(),
        Err(problem) => {
            tracing::debug!(%method, path = gate.path, code = problem.code(), "request refused");
            return problem.into_response();
        }
    };
    let began = Instant::now();
    let response = match tokio::time::timeout(ANSWER_TIME_MAX, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(
            StatusCode::GATEWAY_TIMEOUT,
            "too_slow",
            "The answer took too long.",
            "Ask for less at once, or try again.",
        )
        .into_response(),
    };
    let status = response.status().as_u16();
    if is_safe(&method) {
        tracing::debug!(%method, path = gate.path, status, user = name, ms = began.elapsed().as_millis(), "request");
    } else {
        tracing::info!(%method, path = gate.path, status, user = name, "request");
    }
    response
}

async fn admit(
    gate: &Gate,
    method: &Method,
    headers: &HeaderMap,
    here: bool,
) -> Result<Option<Caller>, Problem> {
    let right = match gate.access {
        Access::Public => return Ok(None),
        Access::NeedsOrLoopback(_) if here => return Ok(None),
        Access::Needs(right) | Access::NeedsOrLoopback(right) => right,
    };
    let caller = caller(&gate.app, headers).await?;
    let upgrade = headers.contains_key(header::UPGRADE);
    if caller.login.is_some() && (upgrade || !is_safe(method)) {
        same_origin(headers)?;
    }
    if caller.viewer.has(right) {
        Ok(Some(caller))
    } else {
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "right_missing",
            format!("This needs the right {:?}.", right.name()),
            "Ask an administrator for a role that carries it.",
        ))
    }
}

/// Who asks: a bearer token that is there must be good, else the cookie counts.
async fn caller(app: &Shared, headers: &HeaderMap) -> Result<Caller, Problem> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let token = value
            .to_str()
            .ok()
            .and_then(|text| text.strip_prefix("Bearer "))
            .and_then(digest);
        let Some(token) = token else {
            return Err(unauthenticated("The Authorization header cannot be read."));
        };
        return match bearer(app, &token).await? {
            Some(viewer) => Ok(Caller {
                viewer,
                login: None,
                until: None,
            }),
            None => Err(unauthenticated("The token is not known.")),
        };
    }
    let login = cookie(headers).and_then(|secret| app.logins.viewer(secret, Instant::now()));
    match login {
        Some((key, viewer, until)) => Ok(Caller {
            viewer,
            login: Some(key),
            until: Some(until),
        }),
        None => Err(unauthenticated("Nobody is logged in.")),
    }
}

async fn bearer(app: &Shared, token: &Digest32) -> Result<Option<Viewer>, Problem> {
    // Digests are compared, not secrets: how far they agree tells nothing about the token.
    if let Some((control, viewer)) = &app.control
        && control == token
    {
        return Ok(Some(viewer.clone()));
    }
    app.accounts
        .token(token)
        .await
        .map_err(|error| Problem::of_face(&error, "token"))
}

/// The login cookie's value.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// A request that changes something and came by cookie must come from our own page: `Origin` names our `Host`.
fn same_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text(header::ORIGIN)
        .and_then(|origin| origin.split_once("://"))
        .map(|(_, host)| host);
    match (origin, text(header::HOST)) {
        (Some(origin), Some(host)) if origin.eq_ignore_ascii_case(host) => Ok(()),
        _ => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "foreign_origin",
            "The request does not come from this console's own page.",
            "Use the console, or a token in the Authorization header.",
        )),
    }
}

/// True where the connection comes from this machine, by its own name, not through a proxy.
fn is_from_here(request: &Request) -> bool {
    let peer = request
        .extensions()
        .get::<Peer>()
        .is_some_and(|peer| peer.0.ip().to_canonical().is_loopback());
    let headers = request.headers();
    let proxied = ["x-forwarded-for", "forwarded", "x-real-ip"]
        .iter()
        .any(|name| headers.contains_key(*name));
    let host = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let named = host.starts_with("127.")
        || host.starts_with("[::1]")
        || host == "localhost"
        || host.starts_with("localhost:");
    peer && !proxied && named
}

const fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn unauthenticated(detail: &str) -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "login_required",
        detail,
        "Log in at /login, or send a token as `Authorization: Bearer TOKEN`.",
    )
}
