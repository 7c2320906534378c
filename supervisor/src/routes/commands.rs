//! What people may tell agents' states to be: pause, ready, log out, release.

use std::time::Instant;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use hotline_types::{AgentSlug, Intent};
use serde::{Deserialize, Serialize};

use crate::app::{App, Shared};
use crate::face::{Actor, CommandError};
use crate::guard::Caller;
use crate::idempotency::{Admission, Answer, KEY_BYTES_MAX};
use crate::problem::Problem;
use crate::rights::Right;

/// Longest code of a pause.
const REASON_BYTES_MAX: usize = 32;
/// The pause where none is configured and none is given.
const REASON_DEFAULT: &str = "break";

/// 202: carried out when the live feed has passed `seq`.
#[derive(Serialize)]
struct Accepted {
    command: &'static str,
    agent: String,
    seq: u64,
}

#[derive(Default, Deserialize)]
struct Pause {
    reason: Option<String>,
}

enum Order {
    Set(Intent),
    Dispose(String),
    Release,
}

#[derive(Deserialize)]
struct Disposition {
    code: String,
}

/// `POST /v1/agents/{slug}/pause`, with `{"reason": "meal"}`.
pub(super) async fn pause(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let pause: Pause = if body.is_empty() {
        Ok(Pause::default())
    } else {
        serde_json::from_slice(&body)
    }
    .map_err(|_| Problem::bad_request("The pause cannot be read.", "Send JSON: {\"reason\": \"meal\"}."))?;
    let known = &app.directory.pause_reasons;
    let reason = pause
        .reason
        .or_else(|| known.first().cloned())
        .unwrap_or_else(|| REASON_DEFAULT.to_owned());
    if !is_code(&reason) || (!known.is_empty() && !known.contains(&reason)) {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "unknown_reason",
            "That is not a reason to pause.",
            format!("Use one of: {}.", known.join(", ")),
        ));
    }
    order(
        &app,
        &caller,
        &slug,
        &headers,
        "pause",
        Order::Set(Intent::Paused { reason }),
    )
    .await
}

/// `POST /v1/agents/{slug}/disposition`, with `{"code": "solved"}`: what came of the contact that is wrapped up.
pub(super) async fn dispose(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    // Before the body: whoever may not is not told what would be right.
    agent_of(&caller, &slug)?;
    let Disposition { code } = serde_json::from_slice(&body).map_err(|_| {
        Problem::bad_request(
            "The disposition cannot be read.",
            "Send JSON: {\"code\": \"solved\"}.",
        )
    })?;
    if !is_code(&code) {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "bad_code",
            "That is not a disposition.",
            format!("Use 1 to {REASON_BYTES_MAX} of a-z, 0-9, - and _."),
        ));
    }
    let order_of = Order::Dispose(code);
    order(&app, &caller, &slug, &headers, "disposition", order_of).await
}

fn is_code(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    !text.is_empty() && text.len() <= REASON_BYTES_MAX && text.bytes().all(plain)
}

/// `POST /v1/agents/{slug}/ready`, and `/login`.
pub(super) async fn ready(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    order(&app, &caller, &slug, &headers, "ready", Order::Set(Intent::Ready)).await
}

/// `POST /v1/agents/{slug}/logout`.
pub(super) async fn log_out(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    order(
        &app,
        &caller,
        &slug,
        &headers,
        "logout",
        Order::Set(Intent::LoggedOut),
    )
    .await
}

/// `POST /v1/agents/{slug}/release`.
pub(super) async fn release(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    order(&app, &caller, &slug, &headers, "release", Order::Release).await
}

/// The agent of the path, where the caller may give it orders.
fn agent_of(caller: &Caller, slug: &str) -> Result<AgentSlug, Problem> {
    let agent: AgentSlug = slug.parse().map_err(|_| unknown_agent())?;
    if caller.viewer.agent.as_ref() != Some(&agent) && !caller.viewer.has(Right::ControlAgents) {
        return Err(Problem::for_team_leaders("To set another agent's state"));
    }
    Ok(agent)
}

async fn order(
    app: &Shared,
    caller: &Caller,
    slug: &str,
    headers: &HeaderMap,
    command: &'static str,
    order: Order,
) -> Result<Response, Problem> {
    let agent = agent_of(caller, slug)?;
    let key = idempotency_key(headers)?;
    let actor = Actor::from(&caller.viewer);
    let answer = match key {
        None => carry_out(app, &actor, &agent, order).await,
        Some(key) => once(app, &actor, &agent, order, command, key).await?,
    };
    let refused = answer.as_ref().err().map(Problem::code);
    tracing::info!(user = actor.name, %agent, command, refused, "command");
    let seq = answer?;
    Ok((
        StatusCode::ACCEPTED,
        Json(Accepted {
            command,
            agent: agent.to_string(),
            seq,
        }),
    )
        .into_response())
}

async fn once(
    app: &Shared,
    actor: &Actor,
    agent: &AgentSlug,
    order: Order,
    command: &str,
    key: &str,
) -> Result<Answer, Problem> {
    let reason = match &order {
        Order::Set(Intent::Paused { reason }) => reason.as_str(),
        Order::Dispose(code) => code.as_str(),
        _ => "",
    };
    let request = format!("{command} {agent} {reason}");
    match app.keys.admit(&actor.name, key, &request, Instant::now()) {
        Admission::Fresh => {
            let answer = carry_out(app, actor, agent, order).await;
            app.keys.done(&actor.name, key, &answer);
            Ok(answer)
        }
        Admission::Again(answer) => Ok(answer),
        Admission::Running => Err(Problem::new(
            StatusCode::CONFLICT,
            "command_running",
            "The same command is being carried out.",
            "Wait for its answer, or ask again with the same key.",
        )),
        Admission::Misused => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "key_misused",
            "This Idempotency-Key was used for another command.",
            "Use a new key for each command.",
        )),
    }
}

async fn carry_out(app: &Shared, actor: &Actor, agent: &AgentSlug, order: Order) -> Answer {
    let done = match order {
        Order::Set(intent) => app.gateway.set_intent(actor, agent, intent).await,
        Order::Dispose(code) => app.gateway.dispose(actor, agent, &code).await,
        Order::Release => app.gateway.release_agent(actor, agent).await,
    };
    done.map(|seq| seq.0).map_err(problem)
}

/// Why a command was not carried out, for who gave it.
pub(super) fn problem(error: CommandError) -> Problem {
    Problem::of_command(
        error,
        unknown_agent,
        "Look at the agent's present state, then decide again.",
    )
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= KEY_BYTES_MAX => Ok(Some(key)),
        _ => Err(Problem::bad_request(
            "The Idempotency-Key cannot be used.",
            format!("Use 1 to {KEY_BYTES_MAX} visible ASCII characters, for instance a UUID."),
        )),
    }
}

fn unknown_agent() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "unknown_agent",
        "There is no such agent.",
        "`hotline agent list` and GET /v1/agents name them all.",
    )
}
