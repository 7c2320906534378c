//! One live feed: begins or resumes, sends batches and heartbeats, and starts anew rather than grow.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use super::hub::{Batch, Frame, Start};
use super::{Scope, Topic};
use crate::app::App;
use crate::clock::now_ms;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::rights::Right;

/// How often an idle feed says that it lives.
const BEAT_EVERY: Duration = Duration::from_secs(2);
/// Longest wait for the client's first message.
const SUBSCRIBE_TIME_MAX: Duration = Duration::from_secs(5);
/// Longest time a frame may take to leave; a client slower than that is cut.
const SEND_TIME_MAX: Duration = Duration::from_secs(10);
/// Silence from the client (it pings each 10 s) after which the feed ends.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// Longest message of a client.
const MESSAGE_BYTES_MAX: usize = 4 * 1024;
/// Bytes that may wait in the connection's own buffer.
const WRITE_BUFFER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Messages a client may send in a minute.
const MESSAGES_PER_MINUTE_MAX: u32 = 120;

/// Close code: the login is over.
const CLOSE_LOGIN_OVER: u16 = 4401;
/// Close code: too many or unreadable messages (RFC 6455 section 7.4.1, policy violation).
const CLOSE_POLICY: u16 = 1008;
/// Close code: the gateway goes away (RFC 6455 section 7.4.1).
const CLOSE_GOING_AWAY: u16 = 1001;

/// What a client says.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Said {
    /// Answer with the server's clock.
    Ping { ping: u64 },
    /// Begin with these topics (none: all), or go on after this position of this epoch.
    Subscribe {
        sub: BTreeSet<Topic>,
        after: Option<u64>,
        epoch: Option<String>,
    },
}

/// `GET /v1/live`.
pub(crate) async fn live(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        return Problem::new(
            StatusCode::UPGRADE_REQUIRED,
            "websocket_only",
            "This address speaks WebSocket only.",
            "Open it with a WebSocket client.",
        )
        .into_response();
    };
    let Ok(seat) = app.hub.seats.clone().try_acquire_owned() else {
        return Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "feeds_full",
            "All live feeds are taken.",
            "Close live pages that nobody looks at.",
        )
        .retry_after(10)
        .into_response();
    };
    upgrade
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .on_upgrade(move |socket| async move {
            let mut feed = Feed {
                scope: scope_of(&caller),
                socket,
                app,
            };
            if let Err(Ended(Some((code, why)))) = feed.run(caller).await {
                let close = Message::Close(Some(CloseFrame {
                    code,
                    reason: Utf8Bytes::from_static(why),
                }));
                let _gone_already = timeout(SEND_TIME_MAX, feed.socket.send(close)).await;
            }
            drop(seat);
        })
}

fn scope_of(caller: &Caller) -> Scope {
    let own = || {
        caller
            .viewer
            .agent
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default()
    };
    Scope {
        own: (!caller.viewer.has(Right::Live)).then(own),
        topics: BTreeSet::new(),
    }
}

/// Why the feed ends, and what to tell the client, if it still listens.
struct Ended(Option<(u16, &'static str)>);

struct Feed {
    socket: WebSocket,
    scope: Scope,
    app: App,
}

impl Feed {
    async fn run(&mut self, caller: Caller) -> Result<(), Ended> {
        let hello = self.app.hub.hello(&self.app.build);
        self.send(hello).await?;
        let first = timeout(SUBSCRIBE_TIME_MAX, self.subscription()).await;
        let first = first.map_err(|_| Ended(Some((CLOSE_POLICY, "silent"))))??;
        let mut batches = self.start(first).await?;
        let mut beat = interval(BEAT_EVERY);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let login_ends = sleep_until(caller.until.map_or_else(far_future, Instant::from_std));
        tokio::pin!(login_ends);
        let mut minute = (Instant::now(), 0_u32);
        let mut heard = Instant::now();
        let mut ending = self.app.ending.clone();
        loop {
            tokio::select! {
                batch = batches.recv() => match batch {
                    Ok(batch) => self.forward(&batch).await?,
                    Err(RecvError::Lagged(_)) => {
                        self.send(Frame::Reset { why: "slow" }.text()).await?;
                        batches = self.snapshot().await?;
                    }
                    Err(RecvError::Closed) => return Err(Ended(Some((CLOSE_GOING_AWAY, "ending")))),
                },
                said = self.said() => {
                    heard = Instant::now();
                    if minute.0.elapsed() > Duration::from_secs(60) {
                        minute = (heard, 0);
                    }
                    minute.1 += 1;
                    if minute.1 > MESSAGES_PER_MINUTE_MAX {
                        return Err(Ended(Some((CLOSE_POLICY, "too many messages"))));
                    }
                    match said? {
                        Said::Ping { ping } => self.send(Frame::Pong { ping, now: now_ms() }.text()).await?,
                        again @ Said::Subscribe { .. } => batches = self.start(again).await?,
                    }
                },
                _ = beat.tick() => {
                    if heard.elapsed() > SILENCE_MAX {
                        return Err(Ended(Some((CLOSE_POLICY, "silent"))));
                    }
                    // A login may be ended elsewhere: the feed must not outlive it.
                    if !self.app.logins.still_holds(&caller) {
                        return Err(Ended(Some((CLOSE_LOGIN_OVER, "login over"))));
                    }
                    let seq = self.app.hub.read(super::Ledger::seq);
                    self.send(Frame::Beat { seq, now: now_ms() }.text()).await?;
                },
                () = &mut login_ends => return Err(Ended(Some((CLOSE_LOGIN_OVER, "login over")))),
                _ = ending.changed() => return Err(Ended(Some((CLOSE_GOING_AWAY, "ending")))),
            }
        }
    }

    /// The client's first subscription; pings before it are answered.
    async fn subscription(&mut self) -> Result<Said, Ended> {
        loop {
            match self.said().await? {
                Said::Ping { ping } => self.send(Frame::Pong { ping, now: now_ms() }.text()).await?,
                said @ Said::Subscribe { .. } => return Ok(said),
            }
        }
    }

    /// Begins or resumes as the client asks.
    async fn start(
        &mut self,
        said: Said,
    ) -> Result<tokio::sync::broadcast::Receiver<std::sync::Arc<Batch>>, Ended> {
        let Said::Subscribe { sub, after, epoch } = said else {
            return Err(Ended(Some((CLOSE_POLICY, "subscribe first"))));
        };
        self.scope.topics = sub;
        let (batches, start) = self.app.hub.join(epoch.as_deref(), after);
        match start {
            Start::Missed(missed) => {
                for delta in missed {
                    self.send(Frame::Delta(&self.scope.delta(&delta)).text()).await?;
                }
            }
            Start::Snapshot { seq, rows } => {
                if after.is_some() {
                    self.send(Frame::Reset { why: "gap" }.text()).await?;
                }
                self.send_snapshot(seq, rows).await?;
            }
        }
        Ok(batches)
    }

    async fn snapshot(&mut self) -> Result<tokio::sync::broadcast::Receiver<std::sync::Arc<Batch>>, Ended> {
        let sub = self.scope.topics.clone();
        self.start(Said::Subscribe {
            sub,
            after: None,
            epoch: None,
        })
        .await
    }

    async fn send_snapshot(&mut self, seq: u64, rows: super::Changed) -> Result<(), Ended> {
        let rows = self.scope.limit(rows);
        self.send(Frame::Snap { seq, rows: &rows }.text()).await
    }

    async fn forward(&mut self, batch: &Batch) -> Result<(), Ended> {
        if self.scope.is_all() {
            return self.send(batch.text.clone()).await;
        }
        self.send(Frame::Delta(&self.scope.delta(&batch.delta)).text())
            .await
    }

    async fn send(&mut self, text: Utf8Bytes) -> Result<(), Ended> {
        match timeout(SEND_TIME_MAX, self.socket.send(Message::Text(text))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Ended(None)),
        }
    }

    /// The client's next message; pings of the protocol itself are answered by the library.
    async fn said(&mut self) -> Result<Said, Ended> {
        loop {
            match self.socket.recv().await {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text)
                        .map_err(|_| Ended(Some((CLOSE_POLICY, "unreadable"))));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Binary(_))) => return Err(Ended(Some((CLOSE_POLICY, "text only")))),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Ended(None)),
            }
        }
    }
}

fn far_future() -> Instant {
    Instant::now() + Duration::from_secs(365 * 24 * 3_600)
}
