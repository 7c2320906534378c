//! The listener: HTTP/1.1 with limits on connections, headers and time, and an orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tower_service::Service;

use crate::guard::Peer;

/// Connections at once; the next waits in the kernel's queue until one ends.
const CONNECTIONS_MAX: usize = 512;
/// Headers of a request at most.
const HEADERS_MAX: usize = 64;
/// Bytes of a request's head at most.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Longest time a request's head may take.
const HEAD_TIME_MAX: Duration = Duration::from_secs(10);
/// Pause after a failed accept (out of file descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long open requests may go on once the gateway ends.
const END_TIME_MAX: Duration = Duration::from_secs(3);

/// Why the console does not listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else listens there.
    #[error(
        "the console's address {address} is in use\nhint: stop the program that listens there, or set another address for the console"
    )]
    InUse {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be used.
    #[error("the console cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// Binds the listener.
pub(crate) async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ListenError> {
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AddrInUse => ListenError::InUse { address },
        _ => ListenError::Bind { address, source },
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Serves until `ending` becomes true, then lets open requests end.
pub(crate) async fn serve(listener: TcpListener, router: Router, mut ending: watch::Receiver<bool>) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let seat = tokio::select! {
            seat = Arc::clone(&seats).acquire_owned() => seat,
            () = ended(&mut ending) => break,
        };
        let Ok(seat) = seat else { break };
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection(stream, peer, router.clone(), ending.clone(), seat));
                }
                Err(error) => {
                    tracing::warn!(%error, "the console could not take a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            () = ended(&mut ending) => break,
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let last = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(END_TIME_MAX, last).await.is_err() {
        connections.shutdown().await;
    }
}

/// Waits until the gateway ends; a sender that is gone means the same.
async fn ended(ending: &mut watch::Receiver<bool>) {
    let _gone_is_ended = ending.wait_for(|ending| *ending).await.is_ok();
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    mut ending: watch::Receiver<bool>,
    seat: OwnedSemaphorePermit,
) {
    // Small frames of the live feed must not wait for an acknowledgement.
    let _works_without = stream.set_nodelay(true);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut router = router.clone();
        let mut request: Request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(Peer(peer));
        router.call(request)
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(serving);
    let result = tokio::select! {
        result = serving.as_mut() => result,
        () = ended(&mut ending) => {
            serving.as_mut().graceful_shutdown();
            serving.as_mut().await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection to the console ended");
    }
    drop(seat);
}
