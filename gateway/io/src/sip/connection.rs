//! One connection: framed reading with deadlines, and a writer that a slow peer cannot hold for ever.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hotline_sip::frame::{Frame, FrameError, Framer};
use hotline_sip::{ConnId, Input, Transport};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use super::TcpLimits;
use super::counters::SipCount;
use super::gate::Gate;
use super::table::Table;

/// Bytes read at once.
const PIECE_BYTES: usize = 8 * 1024;
/// The answer to a double CRLF (RFC 5626 §4.4.1).
const PONG: &[u8] = b"\r\n";
/// A keep-alive of ours.
const PING: &[u8] = b"\r\n\r\n";
/// Pause after which a connection that we made is kept alive, for the sake of NATs (RFC 5626 §4.4.1: 95 to 120 s).
const PING_PAUSE: Duration = Duration::from_secs(100);
/// Longest wait for the answer of a peer that has answered before (RFC 5626 §4.4.1).
const PONG_WAIT: Duration = Duration::from_secs(10);

/// What a connection's task knows.
pub(super) struct Connection {
    pub(super) id: ConnId,
    pub(super) transport: Transport,
    pub(super) peer: SocketAddr,
    pub(super) limits: TcpLimits,
    pub(super) gate: Arc<Gate>,
    pub(super) table: Arc<Table>,
    /// Weak, so that removing the connection from the table ends its writer.
    pub(super) queue: mpsc::WeakSender<Vec<u8>>,
    /// Whether we made it, and keep it alive.
    pub(super) made: bool,
}

/// What reader and writer of a stream tell each other.
#[derive(Default)]
struct Pulse {
    /// Something came since it was last asked.
    heard: AtomicBool,
}

impl Connection {
    /// Serves a stream until it ends, then tells the driver.
    pub(super) async fn serve(
        self,
        (reader, writer): (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
        mut queue: mpsc::Receiver<Vec<u8>>,
    ) {
        let pulse = Pulse::default();
        let end = tokio::select! {
            end = self.read(reader, &pulse) => Some(end),
            end = self.write(writer, &mut queue, &pulse) => end,
        };
        self.finish(end, queue).await;
    }

    /// Serves a WebSocket in the same way.
    pub(super) async fn serve_websocket<S: AsyncRead + AsyncWrite + Unpin>(
        self,
        socket: tokio_tungstenite::WebSocketStream<S>,
        mut queue: mpsc::Receiver<Vec<u8>>,
    ) {
        let end = super::websocket::carry(&self, socket, &mut queue).await;
        self.finish(end, queue).await;
    }

    async fn finish(self, end: Option<SipCount>, mut queue: mpsc::Receiver<Vec<u8>>) {
        if let Some(end) = end {
            self.gate.count(end);
        }
        tracing::debug!(
            conn = self.id.0,
            end = end.map(SipCount::as_str),
            "connection closed"
        );
        self.table.remove(self.id);
        queue.close();
        if queue.try_recv().is_ok() {
            self.tell_failed().await;
        }
        let _driver_gone = self.gate.inbound.send(Input::Closed(self.id)).await;
    }

    /// A connection that never came up: room is made, and the driver told only where it asked for it.
    pub(super) async fn give_up(self, why: SipCount) {
        self.gate.count(why);
        self.table.remove(self.id);
        if self.made {
            self.tell_failed().await;
        }
    }

    /// Reads until the connection ends; answers why it did.
    async fn read(&self, mut reader: impl AsyncRead + Unpin, pulse: &Pulse) -> SipCount {
        let mut framer = Framer::new(self.limits.frame);
        let mut piece = vec![0; PIECE_BYTES];
        // A new connection owes its first message as one that has begun owes its rest.
        let mut owed_by = Some(Instant::now() + self.limits.message_time);
        loop {
            let deadline = owed_by.unwrap_or_else(|| Instant::now() + self.limits.idle);
            let len = match timeout_at(deadline, reader.read(&mut piece)).await {
                Ok(Ok(0)) => return SipCount::ClosedByPeer,
                Ok(Ok(len)) => len,
                Ok(Err(error)) => return broken(&error),
                Err(_) if owed_by.is_some() => return SipCount::ClosedSlow,
                Err(_) => return SipCount::ClosedIdle,
            };
            pulse.heard.store(true, Ordering::Relaxed);
            framer.push(&piece[..len]);
            let had = match self.take_frames(&mut framer).await {
                Ok(had) => had,
                Err(end) => return end,
            };
            owed_by = match (framer.is_partial(), had) {
                (true, true) => Some(Instant::now() + self.limits.message_time),
                (true, false) => Some(owed_by.unwrap_or_else(|| Instant::now() + self.limits.message_time)),
                (false, true) => None,
                (false, false) => owed_by,
            };
        }
    }

    /// Hands out every whole message; answers whether there was one, or why the connection must end.
    async fn take_frames(&self, framer: &mut Framer) -> Result<bool, SipCount> {
        let mut had = false;
        loop {
            let answer = match framer.next_frame() {
                Ok(None) => return Ok(had),
                Ok(Some(Frame::Ping)) => Some(PONG.to_vec()),
                Ok(Some(Frame::Message(bytes))) => self.message(bytes).await,
                Err(error) => {
                    tracing::debug!(%error, conn = self.id.0, "a connection cannot be framed");
                    return Err(match error {
                        FrameError::HeadTooLong | FrameError::BodyTooLong => SipCount::ClosedTooLarge,
                        FrameError::NoContentLength | FrameError::Malformed(_) => SipCount::ClosedMalformed,
                    });
                }
            };
            had = true;
            if let Some(answer) = answer
                && !self.answer(answer)
            {
                return Err(SipCount::ClosedNotRead);
            }
        }
    }

    /// Takes one whole message in; answers what to send back at once.
    pub(super) async fn message(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.gate.count(SipCount::received(self.transport));
        self.gate.message(self.transport, self.id, self.peer, bytes).await
    }

    /// Queues an answer; whether there was room.
    pub(super) fn answer(&self, bytes: Vec<u8>) -> bool {
        self.queue
            .upgrade()
            .is_some_and(|queue| queue.try_send(bytes).is_ok())
    }

    pub(super) fn count_sent(&self) {
        self.gate.count(SipCount::sent(self.transport));
    }

    /// What to count where the peer does not read: given up for a full queue, it was counted then.
    pub(super) fn not_read(&self) -> Option<SipCount> {
        (self.queue.strong_count() > 0).then_some(SipCount::ClosedNotRead)
    }

    /// Writes until the connection ends; answers why, or none where it was given up and counted elsewhere.
    async fn write(
        &self,
        mut writer: impl AsyncWrite + Unpin,
        queue: &mut mpsc::Receiver<Vec<u8>>,
        pulse: &Pulse,
    ) -> Option<SipCount> {
        // Whether the peer has ever answered a ping, and until when the answer to the last one is awaited.
        let (mut answers, mut awaited) = (false, None);
        loop {
            let next = awaited.unwrap_or_else(|| Instant::now() + PING_PAUSE);
            let bytes = match timeout_at(next, queue.recv()).await {
                Ok(bytes) => bytes?,
                // The peer who connected keeps its connection alive itself.
                Err(_) if !self.made => continue,
                Err(_) if awaited.take().is_some() => {
                    let heard = pulse.heard.load(Ordering::Relaxed);
                    if answers && !heard {
                        return Some(SipCount::ClosedDead);
                    }
                    answers |= heard;
                    continue;
                }
                Err(_) => {
                    pulse.heard.store(false, Ordering::Relaxed);
                    awaited = Some(Instant::now() + PONG_WAIT);
                    PING.to_vec()
                }
            };
            // TLS keeps what is not flushed.
            let written = async {
                writer.write_all(&bytes).await?;
                writer.flush().await
            };
            match timeout(self.limits.write_time, written).await {
                Ok(Ok(())) if bytes == PING => {}
                Ok(Ok(())) => self.count_sent(),
                Ok(Err(error)) => {
                    self.tell_failed().await;
                    return Some(broken(&error));
                }
                Err(_) => {
                    self.tell_failed().await;
                    return self.not_read();
                }
            }
        }
    }

    pub(super) async fn tell_failed(&self) {
        let failed = Input::TransportFailed {
            transport: self.transport,
            to: self.peer,
        };
        let _driver_gone = self.gate.inbound.send(failed).await;
    }
}

pub(super) fn broken(error: &io::Error) -> SipCount {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
            SipCount::ClosedByPeer
        }
        _ => SipCount::ClosedBroken,
    }
}
