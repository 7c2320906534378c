//! SIP over WebSocket (RFC 7118): the opening handshake with its rules, and one SIP message in each message.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use super::TcpLimits;
use super::connection::Connection;
use super::counters::SipCount;

/// The subprotocol that both sides must name (RFC 7118 §4.1).
const SUBPROTOCOL: &str = "sip";
/// Pause after which a silent connection is pinged: web proxies in between give up after a minute.
const PING_PAUSE: Duration = Duration::from_secs(25);
/// Bytes read at once; the library's own default is 128 KiB for each connection.
const READ_BYTES: usize = 8 * 1024;
/// A keep-alive (RFC 5626 §3.5.1), which some phones send here too, and its answer.
const PING: &[u8] = b"\r\n\r\n";
const PONG: &str = "\r\n";

/// Which web pages may connect. What is no browser sends no origin, and may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Pages of every origin.
    Any,
    /// Pages of these, as `https://desk.example.com`, lower-case.
    These(Arc<[String]>),
}

impl Origins {
    fn allow(&self, origin: Option<&HeaderValue>) -> bool {
        match (self, origin) {
            (Self::Any, _) | (_, None) => true,
            (Self::These(known), Some(origin)) => origin
                .to_str()
                .is_ok_and(|origin| known.iter().any(|known| known.eq_ignore_ascii_case(origin))),
        }
    }
}

/// Carries out the opening handshake; the error is what to count.
pub(super) async fn accept<S>(
    stream: S,
    origins: &Origins,
    limits: &TcpLimits,
) -> Result<WebSocketStream<S>, SipCount>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let size = limits.frame.head_bytes + limits.frame.body_bytes;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(size))
        .max_frame_size(Some(size));
    let mut refused = false;
    #[expect(clippy::result_large_err, reason = "the library's type")]
    let check = |request: &Request, response: Response| {
        answer(request, response, origins).inspect_err(|_| refused = true)
    };
    accept_hdr_async_with_config(stream, check, Some(config))
        .await
        .map_err(|error| {
            tracing::debug!(%error, "a WebSocket handshake failed");
            if refused {
                SipCount::HandshakeRefused
            } else {
                SipCount::HandshakeFailed
            }
        })
}

#[expect(clippy::result_large_err, reason = "the library's type")]
fn answer(request: &Request, mut response: Response, origins: &Origins) -> Result<Response, ErrorResponse> {
    let refuse = |status: StatusCode, why: &str| {
        let mut refusal = ErrorResponse::new(Some(why.to_owned()));
        *refusal.status_mut() = status;
        Err(refusal)
    };
    let asked = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let sip = asked
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|protocol| protocol.trim().eq_ignore_ascii_case(SUBPROTOCOL));
    if !sip {
        return refuse(StatusCode::BAD_REQUEST, "the subprotocol must be sip");
    }
    if !origins.allow(request.headers().get(header::ORIGIN)) {
        return refuse(StatusCode::FORBIDDEN, "this page may not connect");
    }
    response.headers_mut().insert(
        header::SEC_WEBSOCKET_PROTOCOL,
        HeaderValue::from_static(SUBPROTOCOL),
    );
    Ok(response)
}

/// Reads and writes until the connection ends; answers why, or none where it was counted elsewhere.
pub(super) async fn carry<S>(
    connection: &Connection,
    socket: WebSocketStream<S>,
    queue: &mut mpsc::Receiver<Vec<u8>>,
) -> Option<SipCount>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (sink, stream) = socket.split();
    let heard = AtomicBool::new(true);
    tokio::select! {
        end = read(connection, stream, &heard) => Some(end),
        end = write(connection, sink, queue, &heard) => end,
    }
}

async fn read<S>(
    connection: &Connection,
    mut stream: SplitStream<WebSocketStream<S>>,
    heard: &AtomicBool,
) -> SipCount
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let limits = &connection.limits;
    let mut deadline = Instant::now() + limits.message_time;
    let mut greeted = false;
    loop {
        let message = match timeout_at(deadline, stream.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(None | Some(Err(Error::ConnectionClosed | Error::AlreadyClosed))) => {
                return SipCount::ClosedByPeer;
            }
            Ok(Some(Err(error))) => return broken(&error),
            Err(_) if greeted => return SipCount::ClosedIdle,
            Err(_) => return SipCount::ClosedSlow,
        };
        heard.store(true, Ordering::Relaxed);
        let answer = match &message {
            Message::Text(text) => take(connection, text.as_bytes()).await,
            Message::Binary(bytes) => take(connection, bytes).await,
            Message::Close(_) => return SipCount::ClosedByPeer,
            // The library answers pings.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
        };
        greeted = true;
        deadline = Instant::now() + limits.idle;
        if let Some(answer) = answer
            && !connection.answer(answer)
        {
            return SipCount::ClosedNotRead;
        }
    }
}

/// One message of the peer; answers what to send back at once.
async fn take(connection: &Connection, bytes: &[u8]) -> Option<Vec<u8>> {
    match bytes {
        PING => Some(PONG.as_bytes().to_vec()),
        _ if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n')) => None,
        _ => connection.message(bytes).await,
    }
}

async fn write<S>(
    connection: &Connection,
    mut sink: SplitSink<WebSocketStream<S>, Message>,
    queue: &mut mpsc::Receiver<Vec<u8>>,
    heard: &AtomicBool,
) -> Option<SipCount>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let limits = &connection.limits;
    loop {
        let (message, sip) = match timeout(PING_PAUSE, queue.recv()).await {
            Ok(Some(bytes)) => (frame(bytes), true),
            Ok(None) => {
                drop(timeout(limits.write_time, sink.close()).await);
                return None;
            }
            Err(_) if heard.swap(false, Ordering::Relaxed) => (Message::Ping(Vec::new().into()), false),
            // A whole pause after the last ping, and nothing came back.
            Err(_) => return Some(SipCount::ClosedDead),
        };
        match timeout(limits.write_time, sink.send(message)).await {
            Ok(Ok(())) if sip => connection.count_sent(),
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                connection.tell_failed().await;
                return Some(broken(&error));
            }
            Err(_) => {
                connection.tell_failed().await;
                return connection.not_read();
            }
        }
    }
}

/// Browsers read text best; a body that is no UTF-8 goes as bytes (RFC 7118 §5.1).
fn frame(bytes: Vec<u8>) -> Message {
    match String::from_utf8(bytes) {
        Ok(text) => Message::Text(text.into()),
        Err(error) => Message::Binary(error.into_bytes().into()),
    }
}

fn broken(error: &Error) -> SipCount {
    tracing::debug!(%error, "a WebSocket broke");
    match error {
        Error::Capacity(_) => SipCount::ClosedTooLarge,
        Error::Io(error) => super::connection::broken(error),
        Error::Protocol(_) | Error::Utf8(_) => SipCount::ClosedMalformed,
        _ => SipCount::ClosedBroken,
    }
}
