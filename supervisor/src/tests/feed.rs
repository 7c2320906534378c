//! The live feed over a real loopback socket: snapshot, batches, resume, reset, scope, limits.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use futures_util::{SinkExt, StreamExt};
use hotline_journal::{Event, Seq};
use hotline_store::Committed;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::broadcast;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::fake::*;
use crate::live::hub::{self, SUBSCRIBERS_MAX};
use crate::serve;

struct Running {
    desk: Desk,
    address: std::net::SocketAddr,
    events: broadcast::Sender<Committed>,
    work: tokio::task::JoinHandle<()>,
}

async fn running(queue: usize) -> Running {
    let mut desk = desk();
    let (events, receiver) = broadcast::channel(queue);
    let (listener, address) = serve::bind(([127, 0, 0, 1], 0).into()).await.expect("a port");
    let (app, router) = (desk.app.clone(), desk.router.clone());
    let view = desk.view.take().expect("the view");
    let work = tokio::spawn(async move {
        let ending = app.ending.clone();
        tokio::join!(
            hub::run(app, view, receiver),
            serve::serve(listener, router, ending)
        );
    });
    Running {
        desk,
        address,
        events,
        work,
    }
}

fn commit(running: &Running, events: Vec<Event>) {
    let last = events.last().map_or(Seq(0), |event| event.seq);
    running
        .events
        .send(Committed {
            last,
            events: Arc::new(events),
            persons: Arc::default(),
        })
        .expect("somebody folds");
}

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn open(running: &Running, token: &str) -> Self {
        let mut request = format!("ws://{}/v1/live", running.address)
            .into_client_request()
            .expect("a request");
        request.headers_mut().insert(
            "authorization",
            format!("Bearer {token}").parse().expect("a header"),
        );
        Self(connect_async(request).await.expect("connected").0)
    }

    async fn say(&mut self, message: Value) {
        self.0
            .send(Message::text(message.to_string()))
            .await
            .expect("sent");
    }

    async fn next(&mut self) -> Value {
        loop {
            let message = timeout(Duration::from_secs(10), self.0.next())
                .await
                .expect("a frame in time");
            match message.expect("open").expect("readable") {
                Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
                Message::Close(frame) => {
                    return json!({"t": "close", "code": frame.map(|frame| u16::from(frame.code))});
                }
                _ => {}
            }
        }
    }

    /// The next frame of this kind; heartbeats and status changes between are passed over.
    async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..200 {
            let frame = self.next().await;
            if wanted(&frame) {
                return frame;
            }
        }
        panic!("no such frame among 200");
    }
}

fn is(kind: &'static str) -> impl Fn(&Value) -> bool {
    move |frame| frame["t"] == kind
}

fn agent<'a>(frame: &'a Value, slug: &str) -> Option<&'a Value> {
    frame["rows"]["agents"]
        .as_array()?
        .iter()
        .find(|row| row["id"] == slug)
}

#[tokio::test]
async fn a_feed_begins_with_all_rows_and_goes_on_with_what_changes() {
    let running = running(16).await;
    let mut client = Client::open(&running, "leader-token").await;
    let hello = client.next().await;
    assert_eq!(
        (hello["t"].as_str(), hello["build"].as_str()),
        (Some("hello"), Some("test"))
    );
    client.say(json!({"sub": []})).await;
    let snap = client.next().await;
    assert_eq!(snap["t"], "snap");
    assert_eq!(agent(&snap, "8001").expect("a row")["label"], "张伟");
    assert_eq!(snap["rows"]["hotline"][0]["lines_max"], 90);

    let mut events = call_waits(1);
    events.push(agent_ready(3, "8001", "ann"));
    commit(&running, events);
    let delta = client.until(|frame| agent(frame, "8001").is_some()).await;
    assert_eq!(
        (delta["from"].as_u64(), delta["to"].as_u64()),
        (snap["seq"].as_u64(), Some(3))
    );
    let row = agent(&delta, "8001").expect("a row");
    assert_eq!(
        (row["intent"].as_str(), row["by"].as_str()),
        (Some("ready"), Some("ann"))
    );
    assert!(
        agent(&delta, "8002").is_none(),
        "an agent that did not change is not sent"
    );
    assert_eq!(delta["rows"]["queues"][0]["waiting"], 1);
    assert_eq!(delta["rows"]["hotline"][0]["waiting"], 1);
    let call = |frame: &Value| frame["rows"]["calls"][0].clone();
    let named = if call(&delta)["caller"].is_null() {
        client.until(|frame| !call(frame)["caller"].is_null()).await
    } else {
        delta
    };
    assert_eq!(call(&named)["caller"], "138****1234");
    client.say(json!({"ping": 5})).await;
    assert_eq!(client.until(is("pong")).await["ping"], 5);
    assert!(
        client.until(is("beat")).await["now"]
            .as_i64()
            .is_some_and(|now| now > 1_700_000_000_000)
    );
}

#[tokio::test]
async fn who_comes_back_gets_what_was_missed_and_after_a_gap_everything() {
    let running = running(16).await;
    let mut first = Client::open(&running, "leader-token").await;
    let hello = first.next().await;
    first.say(json!({"sub": []})).await;
    let seq = first.until(is("snap")).await["seq"].clone();
    drop(first);
    commit(&running, vec![agent_ready(1, "8001", "ann")]);

    let mut second = Client::open(&running, "leader-token").await;
    second
        .say(json!({"sub": [], "after": seq, "epoch": hello["epoch"]}))
        .await;
    let ready = |frame: &Value| agent(frame, "8001").is_some_and(|row| row["intent"] == "ready");
    let missed = second.until(ready).await;
    assert_eq!(
        (missed["t"].as_str(), missed["to"].as_u64()),
        (Some("delta"), Some(1))
    );

    for (after, epoch) in [
        (json!(77), hello["epoch"].clone()),
        (json!(1), json!("another life")),
    ] {
        second
            .say(json!({"sub": [], "after": after, "epoch": epoch}))
            .await;
        assert_eq!(second.until(is("reset")).await["why"], "gap");
        assert_eq!(second.until(is("snap")).await["seq"], 1);
    }
}

#[tokio::test]
async fn an_agents_feed_shows_that_agent_and_no_call() {
    let running = running(16).await;
    let mut client = Client::open(&running, "agent-token").await;
    client.say(json!({"sub": []})).await;
    let snap = client.until(is("snap")).await;
    assert!(agent(&snap, "8001").is_some() && agent(&snap, "8002").is_none());
    let mut events = call_waits(1);
    events.push(agent_ready(3, "8001", "ann"));
    commit(&running, events);
    let delta = client.until(|frame| agent(frame, "8001").is_some()).await;
    assert!(delta["rows"]["calls"].is_null() && delta["rows"]["queues"].is_null());
}

#[tokio::test]
async fn the_fold_reads_from_the_store_what_the_channel_dropped() {
    let running = running(1).await;
    let journal: Vec<Event> = (1..=40)
        .map(|seq| agent_ready(seq, if seq == 2 { "8002" } else { "8001" }, "ann"))
        .collect();
    *running.desk.records.journal.lock().expect("not poisoned") = journal.clone();
    for event in journal {
        commit(&running, vec![event]);
    }
    let mut client = Client::open(&running, "leader-token").await;
    client.say(json!({"sub": ["agents"]})).await;
    let mut ready = std::collections::BTreeSet::new();
    while ready.len() < 2 {
        let frame = client.next().await;
        for slug in ["8001", "8002"] {
            if agent(&frame, slug).is_some_and(|row| row["intent"] == "ready") {
                ready.insert(slug);
            }
        }
        assert!(frame["rows"]["queues"].is_null(), "only agents were asked for");
    }
}

#[tokio::test]
async fn a_fold_that_misses_events_folds_nothing_more_until_the_store_gave_them_and_says_so() {
    let running = running(16).await;
    let mut client = Client::open(&running, "leader-token").await;
    client.say(json!({"sub": []})).await;
    client.until(is("snap")).await;
    *running.desk.records.failures.lock().expect("not poisoned") = 8;
    let journal = vec![agent_ready(1, "8001", "ann"), agent_ready(2, "8002", "ann")];
    *running.desk.records.journal.lock().expect("not poisoned") = journal.clone();
    commit(&running, journal[1..].to_vec());
    let behind = client
        .until(|frame| frame["rows"]["hotline"][0]["journal_behind"] == true)
        .await;
    assert_eq!(
        behind["to"], 0,
        "the second event must not be folded without the first"
    );
    let caught_up = client.until(|frame| agent(frame, "8001").is_some()).await;
    assert_eq!(caught_up["to"], 2);
    assert_eq!(agent(&caught_up, "8002").expect("a row")["intent"], "ready");
    assert_eq!(caught_up["rows"]["hotline"][0]["journal_behind"], false);
}

#[tokio::test]
async fn a_subscriber_that_does_not_read_has_a_bounded_queue_and_starts_anew() {
    let desk = desk();
    let (mut batches, _) = desk.app.hub.join(None, None);
    let mut view = desk.view.expect("the view");
    let present = crate::view::Present::of(&desk.app);
    for seq in 1..=1_000 {
        view.apply(&agent_ready(seq, "8001", "ann"));
        desk.app
            .hub
            .publish(view.rows(&desk.app.directory, &present), seq);
    }
    assert!(
        matches!(batches.recv().await, Err(broadcast::error::RecvError::Lagged(dropped)) if dropped > 700)
    );
    let (_, start) = desk.app.hub.join(None, None);
    assert!(matches!(start, hub::Start::Snapshot { seq: 1_000, .. }));
}

#[tokio::test]
async fn feeds_are_counted_and_a_page_of_another_origin_gets_none() {
    let running = running(16).await;
    let seats = running.desk.app.hub.seats.clone();
    let taken = seats
        .acquire_many(SUBSCRIBERS_MAX as u32 - 1)
        .await
        .expect("seats");
    let _last = Client::open(&running, "leader-token").await;
    let mut request = format!("ws://{}/v1/live", running.address)
        .into_client_request()
        .expect("a request");
    request
        .headers_mut()
        .insert("authorization", "Bearer leader-token".parse().expect("a header"));
    let refused = connect_async(request).await.expect_err("no seat is left");
    assert!(refused.to_string().contains("503"), "{refused}");
    drop(taken);

    let viewer = crate::Viewer::new("ann", crate::Role::Admin);
    let cookie = running.desk.app.logins.open(viewer, std::time::Instant::now());
    let mut request = format!("ws://{}/v1/live", running.address)
        .into_client_request()
        .expect("a request");
    let cookie = format!("{}={}", crate::guard::COOKIE, cookie.reveal());
    request
        .headers_mut()
        .insert("cookie", cookie.parse().expect("a header"));
    request
        .headers_mut()
        .insert("origin", "http://evil.test".parse().expect("a header"));
    let refused = connect_async(request).await.expect_err("a foreign page");
    assert!(refused.to_string().contains("403"), "{refused}");
}

#[tokio::test]
async fn a_logout_ends_the_feed_and_the_end_of_the_gateway_ends_everything() {
    let running = running(16).await;
    let viewer = crate::Viewer::new("ann", crate::Role::Admin);
    let secret = running.desk.app.logins.open(viewer, std::time::Instant::now());
    let cookie = format!("{}={}", crate::guard::COOKIE, secret.reveal());
    let mut request = format!("ws://{}/v1/live", running.address)
        .into_client_request()
        .expect("a request");
    request
        .headers_mut()
        .insert("cookie", cookie.parse().expect("a header"));
    request.headers_mut().insert(
        "origin",
        format!("http://{}", running.address).parse().expect("a header"),
    );
    let mut client = Client(connect_async(request).await.expect("connected").0);
    client.say(json!({"sub": []})).await;
    client.until(is("snap")).await;
    let logout = axum::http::Request::post("/v1/logout")
        .header("host", "hotline.test")
        .header("origin", "http://hotline.test")
        .header("cookie", cookie);
    running
        .desk
        .ask(logout.body(Body::empty()).expect("a request"))
        .await;
    assert_eq!(client.until(is("close")).await["code"], 4401);

    let mut other = Client::open(&running, "leader-token").await;
    other.say(json!({"sub": []})).await;
    other.until(is("snap")).await;
    running.desk.end.send_replace(true);
    drop(running.events);
    assert_eq!(other.until(is("close")).await["code"], 1001);
    timeout(Duration::from_secs(10), running.work)
        .await
        .expect("ends in time")
        .expect("without a panic");
}

#[tokio::test]
async fn a_port_in_use_is_said_with_its_address() {
    let (_listener, address) = serve::bind(([127, 0, 0, 1], 0).into()).await.expect("a port");
    let error = serve::bind(address).await.expect_err("in use");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    assert!(matches!(error, crate::ListenError::InUse { .. }));
}
