//! One connection: framed reading with deadlines, and a writer that a slow peer cannot hold for ever.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hotline_sip::frame::{Frame, Framer};
use hotline_sip::{ConnId, Input, Transport};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
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

/// What a connection's task knows.
pub(super) struct Connection {
    pub(super) id: ConnId,
    pub(super) peer: SocketAddr,
    pub(super) limits: TcpLimits,
    pub(super) gate: Arc<Gate>,
    pub(super) table: Arc<Table>,
    /// Weak, so that removing the connection from the table ends its writer.
    pub(super) queue: mpsc::WeakSender<Vec<u8>>,
}

/// Serves a connection until it ends, then tells the driver.
pub(super) async fn serve(connection: Connection, stream: TcpStream, mut queue: mpsc::Receiver<Vec<u8>>) {
    // Small messages must not wait for each other; a socket that refuses this still works.
    let _works_without = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    let end = tokio::select! {
        end = connection.read(reader) => Some(end),
        end = connection.write(writer, &mut queue) => end,
    };
    if let Some(end) = end {
        connection.gate.count(end);
    }
    tracing::debug!(
        conn = connection.id.0,
        end = end.map(SipCount::as_str),
        "connection closed"
    );
    connection.table.remove(connection.id);
    queue.close();
    let inbound = &connection.gate.inbound;
    if queue.try_recv().is_ok() {
        let failed = Input::TransportFailed {
            transport: Transport::Tcp,
            to: connection.peer,
        };
        let _driver_gone = inbound.send(failed).await;
    }
    let _driver_gone = inbound.send(Input::Closed(connection.id)).await;
}

impl Connection {
    /// Reads until the connection ends; answers why it did.
    async fn read(&self, mut reader: OwnedReadHalf) -> SipCount {
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
                Ok(Some(Frame::Message(bytes))) => {
                    self.gate.count(SipCount::ReceivedTcp);
                    self.gate.message(self.id, self.peer, bytes).await
                }
                Err(error) => {
                    tracing::debug!(%error, conn = self.id.0, "a connection cannot be framed");
                    return Err(SipCount::ClosedMalformed);
                }
            };
            had = true;
            if let Some(answer) = answer
                && self
                    .queue
                    .upgrade()
                    .is_none_or(|queue| queue.try_send(answer).is_err())
            {
                return Err(SipCount::ClosedNotRead);
            }
        }
    }

    /// Writes until the connection ends; answers why, or none where it was given up and counted elsewhere.
    async fn write(
        &self,
        mut writer: OwnedWriteHalf,
        queue: &mut mpsc::Receiver<Vec<u8>>,
    ) -> Option<SipCount> {
        while let Some(bytes) = queue.recv().await {
            match timeout(self.limits.write_time, writer.write_all(&bytes)).await {
                Ok(Ok(())) => self.gate.count(SipCount::SentTcp),
                Ok(Err(error)) => {
                    self.tell_failed().await;
                    return Some(broken(&error));
                }
                Err(_) => {
                    self.tell_failed().await;
                    // Given up for a full queue, it was counted then.
                    return (self.queue.strong_count() > 0).then_some(SipCount::ClosedNotRead);
                }
            }
        }
        None
    }

    async fn tell_failed(&self) {
        let failed = Input::TransportFailed {
            transport: Transport::Tcp,
            to: self.peer,
        };
        let _driver_gone = self.gate.inbound.send(failed).await;
    }
}

fn broken(error: &io::Error) -> SipCount {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => SipCount::ClosedByPeer,
        _ => SipCount::ClosedBroken,
    }
}
