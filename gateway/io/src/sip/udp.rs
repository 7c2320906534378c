//! Datagrams: received in batches, sent at once or from a short queue.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hotline_sip::{Input, Transport};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::counters::SipCount;
use super::gate::Gate;

/// Datagrams taken each time the socket is readable, before other tasks get their turn.
const BATCH: usize = 32;
/// Longest datagram.
const DATAGRAM_BYTES_MAX: usize = 65_535;
/// Pause after a failed receive, so that a failure that stays does not take a core.
const FAILED_PAUSE: Duration = Duration::from_millis(20);

/// Receives for ever.
pub(super) async fn receive(socket: Arc<UdpSocket>, gate: Arc<Gate>) {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let ready = socket.readable().await;
        if let Err(error) = ready.and_then(|()| batch(&socket, &gate, &mut buffer)) {
            gate.count(SipCount::UdpReceiveFailed);
            tracing::debug!(%error, listener = gate.id.0, "receiving failed");
            tokio::time::sleep(FAILED_PAUSE).await;
        }
        tokio::task::yield_now().await;
    }
}

fn batch(socket: &UdpSocket, gate: &Gate, buffer: &mut [u8]) -> io::Result<()> {
    for _ in 0..BATCH {
        match socket.try_recv_from(buffer) {
            Ok((len, peer)) => {
                gate.count(SipCount::ReceivedUdp);
                if let Some(answer) = gate.datagram(peer, &buffer[..len]) {
                    // A refusal that cannot be sent at once is not worth keeping.
                    let sent = socket.try_send_to(&answer, peer).is_ok();
                    gate.count(if sent {
                        SipCount::SentUdp
                    } else {
                        SipCount::UdpSendFailed
                    });
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Sends for ever what found the socket full.
pub(super) async fn send_queued(
    socket: Arc<UdpSocket>,
    mut queue: mpsc::Receiver<(SocketAddr, Vec<u8>)>,
    gate: Arc<Gate>,
) {
    while let Some((to, bytes)) = queue.recv().await {
        match socket.send_to(&bytes, to).await {
            Ok(_) => gate.count(SipCount::SentUdp),
            Err(error) => {
                gate.count(SipCount::UdpSendFailed);
                tracing::debug!(%error, listener = gate.id.0, "sending failed");
                let failed = Input::TransportFailed {
                    transport: Transport::Udp,
                    to,
                };
                let _driver_gone = gate.inbound.send(failed).await;
            }
        }
    }
    // The sender is gone; the listener still receives.
    std::future::pending().await
}
