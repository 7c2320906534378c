//! The table of routes: method, path, who may, and what answers. The router is made of nothing else.

mod account;
mod bans;
mod commands;
mod contacts;
mod figures;
mod flows;
mod now;
mod pages;
mod recordings;
mod reports;
mod system;
mod transfer;
mod why;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post};

use crate::app::App;
use crate::guard::{Access, Gate, check};
use crate::live::socket::live;
use crate::problem::Problem;
use crate::rights::Right;
use Access::{Needs, NeedsOrLoopback, Public};

/// Longest body of a request.
const BODY_BYTES_MAX: usize = 512 * 1024;

/// One row of the table.
pub(crate) struct Route {
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the test that walks the table asks with it")
    )]
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
    endpoint: fn() -> MethodRouter<App>,
}

const fn route(
    method: Method,
    path: &'static str,
    access: Access,
    endpoint: fn() -> MethodRouter<App>,
) -> Route {
    Route {
        method,
        path,
        access,
        endpoint,
    }
}

/// Every route there is. A page or an asset of the console is none: it holds no data.
pub(crate) const TABLE: &[Route] = &[
    route(Method::GET, "/healthz", Public, || get(system::healthz)),
    route(Method::GET, "/readyz", Public, || get(system::readyz)),
    route(Method::GET, "/metrics", NeedsOrLoopback(Right::Metrics), || {
        get(system::metrics)
    }),
    route(Method::GET, "/login", Public, || get(account::login_page)),
    route(Method::POST, "/v1/login", Public, || post(account::login)),
    route(Method::POST, "/v1/logout", Needs(Right::Me), || {
        post(account::logout)
    }),
    route(Method::GET, "/v1/me", Needs(Right::Me), || get(account::me)),
    route(Method::GET, "/v1/live", Needs(Right::LiveOwn), || get(live)),
    route(Method::GET, "/v1/queues", Needs(Right::Live), || get(now::queues)),
    route(Method::GET, "/v1/agents", Needs(Right::Live), || get(now::agents)),
    route(Method::GET, "/v1/calls", Needs(Right::Live), || get(now::calls)),
    route(
        Method::POST,
        "/v1/agents/{slug}/pause",
        Needs(Right::ControlSelf),
        || post(commands::pause),
    ),
    route(
        Method::POST,
        "/v1/agents/{slug}/login",
        Needs(Right::ControlSelf),
        || post(commands::ready),
    ),
    route(
        Method::POST,
        "/v1/agents/{slug}/disposition",
        Needs(Right::ControlSelf),
        || post(commands::dispose),
    ),
    route(Method::GET, "/v1/why/agents/{slug}", Needs(Right::Live), || {
        get(why::agent)
    }),
    route(
        Method::GET,
        "/v1/why/contacts/{id}",
        Needs(Right::Contacts),
        || get(why::contact),
    ),
    route(
        Method::POST,
        "/v1/agents/{slug}/ready",
        Needs(Right::ControlSelf),
        || post(commands::ready),
    ),
    route(
        Method::POST,
        "/v1/agents/{slug}/logout",
        Needs(Right::ControlSelf),
        || post(commands::log_out),
    ),
    route(
        Method::POST,
        "/v1/agents/{slug}/release",
        Needs(Right::ControlAgents),
        || post(commands::release),
    ),
    route(Method::GET, "/v1/bans", Needs(Right::Bans), || get(bans::list)),
    route(Method::DELETE, "/v1/bans/{source}", Needs(Right::Bans), || {
        delete(bans::lift)
    }),
    route(Method::GET, "/v1/contacts", Needs(Right::Contacts), || {
        get(contacts::list)
    }),
    route(Method::GET, "/v1/contacts/{id}", Needs(Right::Contacts), || {
        get(contacts::one)
    }),
    route(
        Method::POST,
        "/v1/contacts/{id}/transfer",
        Needs(Right::ControlSelf),
        || post(transfer::transfer),
    ),
    route(Method::GET, "/v1/trunks", Needs(Right::Live), || {
        get(transfer::trunks)
    }),
    route(Method::GET, "/v1/figures", Needs(Right::Figures), || {
        get(figures::figures)
    }),
    route(Method::GET, "/v1/reports", Needs(Right::Figures), || {
        get(reports::report)
    }),
    route(
        Method::GET,
        "/v1/reports/contacts",
        Needs(Right::Contacts),
        || get(reports::behind),
    ),
    route(Method::GET, "/v1/flows", Needs(Right::Figures), || {
        get(flows::list)
    }),
    route(Method::POST, "/v1/flows/activate", Needs(Right::Flows), || {
        post(flows::activate)
    }),
    route(Method::POST, "/v1/flows/replay", Needs(Right::Flows), || {
        post(flows::replay)
    }),
    route(
        Method::POST,
        "/v1/flows/{flow}/rollback",
        Needs(Right::Flows),
        || post(flows::rollback),
    ),
    route(
        Method::GET,
        "/v1/flows/{flow}/funnel",
        Needs(Right::Figures),
        || get(flows::funnel),
    ),
    route(Method::GET, "/v1/messages", Needs(Right::Recordings), || {
        get(flows::messages)
    }),
    route(
        Method::POST,
        "/v1/numbers/{number}/emergency/{state}",
        Needs(Right::Flows),
        || post(flows::emergency),
    ),
    route(
        Method::POST,
        "/v1/contacts/{id}/recording/pause",
        Needs(Right::ControlAgents),
        || post(recordings::keep::pause),
    ),
    route(
        Method::POST,
        "/v1/contacts/{id}/recording/resume",
        Needs(Right::ControlAgents),
        || post(recordings::keep::resume),
    ),
    route(Method::GET, "/v1/recordings", Needs(Right::Recordings), || {
        get(recordings::search::list)
    }),
    route(
        Method::GET,
        "/v1/recordings/{contact}/{segment}/about",
        Needs(Right::Recordings),
        || get(recordings::search::about),
    ),
    route(
        Method::GET,
        "/v1/recordings/{contact}/{segment}/peaks",
        Needs(Right::Recordings),
        || get(recordings::search::draw),
    ),
    route(
        Method::GET,
        "/v1/recordings/{contact}/{segment}/download",
        Needs(Right::KeepRecordings),
        || get(recordings::download),
    ),
    route(
        Method::POST,
        "/v1/recordings/{contact}/{segment}/hold",
        Needs(Right::KeepRecordings),
        || post(recordings::keep::hold),
    ),
    route(
        Method::POST,
        "/v1/recordings/{contact}/{segment}/release",
        Needs(Right::KeepRecordings),
        || post(recordings::keep::release),
    ),
    route(
        Method::POST,
        "/v1/recordings/{contact}/{segment}/erase",
        Needs(Right::KeepRecordings),
        || post(recordings::keep::erase),
    ),
    route(
        Method::GET,
        "/v1/recordings/{contact}/{segment}",
        Needs(Right::Recordings),
        || get(recordings::hear),
    ),
];

/// The whole service.
pub(crate) fn router(app: App) -> Router {
    let mut router = Router::new();
    for entry in TABLE {
        let gate = Gate {
            app: App::clone(&app),
            access: entry.access,
            path: entry.path,
        };
        router = router.route(
            entry.path,
            (entry.endpoint)().layer(middleware::from_fn_with_state(gate, check)),
        );
    }
    router
        .fallback(pages::page)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(secured))
        .with_state(app)
}

async fn method_not_allowed() -> Response {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "This address does not know that method.",
        "Commands are POST, everything else is GET.",
    )
    .into_response()
}

/// Headers that every answer carries.
async fn secured(request: Request, next: Next) -> Response {
    const HEADERS: [(HeaderName, &str); 6] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=()",
        ),
    ];
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(
            "default-src 'none'; frame-ancestors 'none'",
        ));
    response
}
