//! Rights by construction, logins, commands, lists, recordings, health, metrics.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use hotline_types::{ContactId, Pii, SegmentId};

use super::fake::*;
use crate::guard::Access;
use crate::routes::TABLE;
use crate::{CommandError, Right, Role};

fn path_of(pattern: &str) -> String {
    pattern
        .replace("{slug}", "8002")
        .replace("{id}", "x")
        .replace("{contact}", "x")
        .replace("{segment}", "x")
        .replace("{source}", "192.0.2.66")
}

fn is_refusal(answer: &Answer) -> bool {
    matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
        && answer.header("content-type") == "application/problem+json"
}

#[tokio::test]
async fn every_route_refuses_whoever_lacks_its_right_and_only_four_are_public() {
    let desk = desk();
    let mut public = Vec::new();
    for route in TABLE {
        let path = path_of(route.path);
        let right = match route.access {
            Access::Public => {
                public.push(route.path);
                continue;
            }
            Access::Needs(right) | Access::NeedsOrLoopback(right) => right,
        };
        for token in ["", "nonsense"] {
            let request = request(route.method.as_str(), &path, token)
                .body(Body::empty())
                .expect("a request");
            let answer = desk.ask(request).await;
            assert_eq!(
                answer.status,
                StatusCode::UNAUTHORIZED,
                "{} {path} with {token:?}",
                route.method
            );
            assert_eq!(answer.json()["code"], "login_required");
        }
        for role in [Role::Agent, Role::TeamLeader, Role::Supervisor, Role::Admin] {
            let request = request(route.method.as_str(), &path, role_token(role))
                .body(Body::empty())
                .expect("a request");
            let answer = desk.ask(request).await;
            // Whose call a transfer is about, only the gateway knows.
            let own_only = right == Right::ControlSelf
                && !role.has(Right::ControlAgents)
                && path.starts_with("/v1/agents/");
            assert_eq!(
                is_refusal(&answer),
                !role.has(right) || own_only,
                "{} {path} as {role:?}: {}",
                route.method,
                answer.text
            );
        }
    }
    assert_eq!(public, ["/healthz", "/readyz", "/login", "/v1/login"]);
}

#[tokio::test]
async fn an_agent_sets_the_own_state_and_nobody_elses() {
    let desk = desk();
    let own = desk
        .post("/v1/agents/8001/pause", "agent-token", r#"{"reason":"meal"}"#)
        .await;
    assert_eq!(own.status, StatusCode::ACCEPTED, "{}", own.text);
    assert_eq!(own.json()["seq"], 1);
    let other = desk.post("/v1/agents/8002/pause", "agent-token", "").await;
    assert_eq!(
        (other.status, other.json()["code"].as_str()),
        (StatusCode::FORBIDDEN, Some("right_missing"))
    );
    assert_eq!(
        *desk.gateway.commands.lock().expect("not poisoned"),
        ["agent-token 8001 Paused { reason: \"meal\" }"]
    );
}

#[tokio::test]
async fn each_way_a_command_fails_has_its_own_status_and_code() {
    let desk = desk();
    for (path, body, refuse, status, code) in [
        ("/v1/agents/unknown/ready", "", None, 404, "unknown_agent"),
        ("/v1/agents/Not A Slug/ready", "", None, 404, "unknown_agent"),
        (
            "/v1/agents/8001/pause",
            r#"{"reason":"golf"}"#,
            None,
            422,
            "unknown_reason",
        ),
        ("/v1/agents/8001/pause", "{", None, 400, "bad_request"),
        (
            "/v1/agents/8001/ready",
            "",
            Some(CommandError::Refused("in a talk".into())),
            409,
            "refused",
        ),
        ("/v1/agents/8001/ready", "", Some(CommandError::Busy), 503, "busy"),
    ] {
        *desk.gateway.refuse.lock().expect("not poisoned") = refuse;
        let answer = desk.post(&path.replace(' ', "%20"), "admin-token", body).await;
        assert_eq!(answer.status.as_u16(), status, "{path} {body}");
        let problem = answer.json();
        assert_eq!(problem["code"], code, "{path} {body}");
        assert!(problem["hint"].as_str().is_some_and(|hint| !hint.is_empty()));
    }
}

#[tokio::test]
async fn a_command_repeated_under_its_key_is_carried_out_once() {
    let desk = desk();
    let send = |path: &'static str, key: &'static str| {
        let request = request("POST", path, "leader-token").header("idempotency-key", key);
        desk.ask(request.body(Body::empty()).expect("a request"))
    };
    let first = send("/v1/agents/8001/ready", "k1").await;
    let again = send("/v1/agents/8001/ready", "k1").await;
    assert_eq!((first.status, first.text), (again.status, again.text));
    assert_eq!(
        send("/v1/agents/8002/ready", "k1").await.json()["code"],
        "key_misused"
    );
    assert_eq!(
        send("/v1/agents/8001/ready", "").await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(desk.gateway.commands.lock().expect("not poisoned").len(), 1);
}

fn cookie_of(answer: &Answer) -> String {
    answer
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn a_right_password_logs_in_and_the_cookie_serves_until_logout_from_the_own_page_only() {
    let desk = desk();
    let login = desk
        .post("/v1/login", "", r#"{"user":"ann","password":"right-password"}"#)
        .await;
    assert_eq!(login.status, StatusCode::OK, "{}", login.text);
    let set = login.header("set-cookie");
    assert!(
        set.contains("HttpOnly") && set.contains("SameSite=Strict") && set.contains("Max-Age=43200"),
        "{set}"
    );
    let cookie = cookie_of(&login);
    let ask = |method: Method, path: &'static str, origin: &'static str| {
        let mut builder = request(method.as_str(), path, "").header("cookie", format!("other=1; {cookie}"));
        if !origin.is_empty() {
            builder = builder.header("origin", origin);
        }
        desk.ask(builder.body(Body::empty()).expect("a request"))
    };
    assert_eq!(ask(Method::GET, "/v1/me", "").await.json()["name"], "ann");
    for foreign in ["", "http://evil.test", "null"] {
        let answer = ask(Method::POST, "/v1/agents/8001/ready", foreign).await;
        assert_eq!(answer.json()["code"], "foreign_origin", "{foreign:?}");
    }
    assert_eq!(
        ask(Method::POST, "/v1/agents/8001/ready", "http://hotline.test")
            .await
            .status,
        StatusCode::ACCEPTED
    );
    assert_eq!(
        ask(Method::POST, "/v1/logout", "http://hotline.test")
            .await
            .status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        ask(Method::GET, "/v1/me", "").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn after_five_wrong_passwords_even_the_right_one_has_to_wait() {
    let desk = desk();
    for _ in 0..5 {
        let answer = desk
            .post("/v1/login", "", r#"{"user":"ann","password":"wrong"}"#)
            .await;
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (StatusCode::UNAUTHORIZED, Some("login_wrong"))
        );
    }
    let answer = desk
        .post("/v1/login", "", r#"{"user":"ann","password":"right-password"}"#)
        .await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(
        answer
            .header("retry-after")
            .parse::<u32>()
            .is_ok_and(|seconds| (1..=300).contains(&seconds))
    );
}

#[tokio::test]
async fn a_login_link_logs_in_once() {
    let desk = desk();
    let viewer = crate::Viewer::new("first", Role::Admin);
    desk.app
        .logins
        .add_link("one-time", viewer, std::time::Instant::now());
    let first = desk.get("/login?token=one-time", "").await;
    assert_eq!(
        (first.status, first.header("location")),
        (StatusCode::SEE_OTHER, "/")
    );
    let me = request("GET", "/v1/me", "")
        .header("cookie", cookie_of(&first))
        .body(Body::empty());
    assert_eq!(desk.ask(me.expect("a request")).await.json()["role"], "admin");
    let second = desk.get("/login?token=one-time", "").await;
    assert_eq!(
        (second.header("location"), second.header("set-cookie")),
        ("/login?link=used", "")
    );
}

#[tokio::test]
async fn phone_numbers_are_masked_unless_the_viewer_may_see_them_and_cursors_are_opaque() {
    let desk = desk();
    let leader = desk.get("/v1/contacts?limit=7", "leader-token").await.json();
    assert_eq!(leader["contacts"][0]["caller"], "138****1234");
    let next = leader["next"].as_str().expect("a cursor").to_owned();
    assert!(!next.contains("place"));
    let page = desk
        .get(&format!("/v1/contacts?cursor={next}"), "supervisor-token")
        .await
        .json();
    assert_eq!(page["contacts"][0]["id"], "place-7");
    assert_eq!(page["contacts"][0]["caller"], NUMBER);
    assert_eq!(
        desk.get("/v1/contacts?cursor=bad", "leader-token").await.json()["code"],
        "bad_request"
    );
    assert_eq!(
        desk.get("/v1/contacts?limit=x", "leader-token").await.json()["code"],
        "bad_request"
    );
}

#[tokio::test]
async fn figures_of_past_days_come_from_the_store_by_the_same_definitions() {
    let desk = desk();
    let past = desk
        .get(
            "/v1/figures?from=2026-11-01&to=2026-11-02&group=total",
            "leader-token",
        )
        .await
        .json();
    assert_eq!(past["items"][0]["queues"]["answer_rate"], 0.75);
    assert!(past["seq"].is_null());
    for bad in ["group=moon", "from=2026-11-02&to=2026-11-01", "from=yesterday"] {
        assert_eq!(
            desk.get(&format!("/v1/figures?{bad}"), "leader-token")
                .await
                .status,
            StatusCode::BAD_REQUEST,
            "{bad}"
        );
    }
}

#[tokio::test]
async fn a_recording_is_sent_by_ranges_and_never_from_outside_its_folder() {
    let dir = std::env::temp_dir().join(format!("hotline-console-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a folder");
    let bytes: Vec<u8> = (0..200_000_u32).map(|at| (at % 251) as u8).collect();
    std::fs::write(dir.join("talk.wav"), &bytes).expect("a file");
    let desk = desk_in(dir.clone());
    let path = format!(
        "/v1/recordings/{}/{}",
        ContactId::from_bytes([1; 16]),
        SegmentId::from_bytes([2; 16])
    );
    assert_eq!(
        desk.get(&path, "leader-token").await.status,
        StatusCode::NOT_FOUND
    );
    *desk.records.recorded.lock().expect("not poisoned") = Some("talk.wav".into());
    let whole = desk.get(&path, "leader-token").await;
    assert_eq!(
        (whole.status, whole.header("content-length")),
        (StatusCode::OK, "200000")
    );
    assert_eq!(
        (whole.header("content-type"), whole.header("accept-ranges")),
        ("audio/wav", "bytes")
    );
    let part = request("GET", &path, "leader-token")
        .header("range", "bytes=10-12")
        .body(Body::empty());
    let part = desk.ask(part.expect("a request")).await;
    assert_eq!(
        (part.status, part.header("content-range")),
        (StatusCode::PARTIAL_CONTENT, "bytes 10-12/200000")
    );
    assert_eq!(part.text.as_bytes(), &bytes[10..13]);
    let outside = request("GET", &path, "leader-token")
        .header("range", "bytes=200000-")
        .body(Body::empty());
    assert_eq!(
        desk.ask(outside.expect("a request")).await.status,
        StatusCode::RANGE_NOT_SATISFIABLE
    );
    *desk.records.recorded.lock().expect("not poisoned") = Some("../secrets.toml".into());
    assert_eq!(
        desk.get(&path, "leader-token").await.status,
        StatusCode::NOT_FOUND
    );
    std::fs::remove_dir_all(dir).expect("the folder goes");
}

#[tokio::test]
async fn metrics_carry_help_texts_and_bounded_labels() {
    let mut desk = desk();
    for event in call_waits(1) {
        desk.app.metrics.apply(&event);
    }
    let mut stranger = call_waits(3).remove(1);
    stranger.queue = Some("not-configured".parse().expect("a slug"));
    desk.app.metrics.apply(&stranger);
    let (mut view, present) = (
        desk.view.take().expect("the view"),
        crate::view::Present::of(&desk.app),
    );
    call_waits(1).iter().for_each(|event| view.apply(event));
    desk.app
        .hub
        .publish(view.rows(&desk.app.directory, &present), view.seq());
    let text = desk.get("/metrics", "supervisor-token").await.text;
    for line in [
        "# HELP hotline_queue_entered_total Contacts that entered the queue.",
        "hotline_queue_entered_total{queue=\"sales\"} 1",
        "hotline_queue_entered_total{queue=\"other\"} 1",
        "hotline_contacts_reached_total{number=\"main\"} 1",
        "hotline_lines_in_use 3",
        "hotline_ready 1",
        "hotline_queue_waiting{queue=\"sales\"} 1",
        "hotline_agents{state=\"logged_out\"} 2",
        "hotline_phones{state=\"unreachable\"} 2",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    let helps = text.lines().filter(|line| line.starts_with("# HELP")).count();
    assert_eq!(
        helps,
        text.lines().filter(|line| line.starts_with("# TYPE")).count()
    );
}

#[tokio::test]
async fn health_and_pages_are_served_and_unknown_addresses_of_the_api_are_problems() {
    let desk = desk();
    assert_eq!(desk.get("/healthz", "").await.text, "ok\n");
    assert_eq!(desk.get("/readyz", "").await.json()["ready"], true);
    let page = desk.get("/contacts/anything", "").await;
    assert_eq!(page.status, StatusCode::OK);
    let policy = page.header("content-security-policy").to_owned();
    let nonce = policy
        .split("'nonce-")
        .nth(1)
        .and_then(|rest| rest.split('\'').next())
        .expect("a nonce");
    assert!(page.text.contains(nonce) && !page.text.contains("__CSP_NONCE__"));
    assert_ne!(
        desk.get("/", "").await.header("content-security-policy"),
        policy,
        "a nonce is used once"
    );
    assert_eq!(
        desk.get("/v1/nothing", "admin-token").await.json()["code"],
        "not_found"
    );
    assert_eq!(
        desk.get("/assets/none.js", "").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        desk.post("/v1/me", "admin-token", "").await.json()["code"],
        "method_not_allowed"
    );
    assert_eq!(page.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn the_control_token_speaks_for_an_administrator() {
    let desk = desk();
    let me = desk.get("/v1/me", CONTROL).await.json();
    assert_eq!(
        (me["name"].as_str(), me["role"].as_str()),
        (Some("control"), Some("admin"))
    );
    assert_ne!(Pii::new(CONTROL).to_string(), CONTROL);
}

#[tokio::test]
async fn bans_are_listed_and_lifted_once_by_whoever_may() {
    let desk = desk();
    let ask = async |method: &str, path: &str| {
        let request = request(method, path, role_token(Role::Supervisor))
            .body(Body::empty())
            .expect("a request");
        desk.ask(request).await
    };
    let list = ask("GET", "/v1/bans").await;
    assert_eq!(list.json()["items"][0]["user"], "1001");
    for (path, status) in [
        ("/v1/bans/nonsense", StatusCode::BAD_REQUEST),
        ("/v1/bans/192.0.2.66?user=1002", StatusCode::NOT_FOUND),
        ("/v1/bans/192.0.2.66?user=1001", StatusCode::OK),
        ("/v1/bans/192.0.2.66", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(ask("DELETE", path).await.status, status, "{path}");
    }
    assert_eq!(
        ask("GET", "/v1/bans").await.json()["items"]
            .as_array()
            .map(Vec::len),
        Some(0)
    );
}
