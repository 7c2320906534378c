//! The media plane: RTP on plain threads of its own, commands down, events up (design.md, Media).
//!
//! Each thread owns its legs with their sockets, its share of the ports and one level-triggered epoll. Commands
//! come over a bounded queue and an eventfd; no lock, no allocation and no log line is spent on a packet.

mod command;
mod counters;
mod outbox;
mod ports;
mod slots;
mod taps;
mod transport;
mod worker;

use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use hotline_media::tap::{TapBatch, TapMessage};
use hotline_media::{Library, MediaCommand, MediaEvent};
use hotline_types::{LegId, Rng};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;
use thiserror::Error;

pub use counters::MediaCounters;
use counters::Published;

use crate::clock::Clock;

/// Commands that wait for one media thread at most.
pub const COMMANDS_MAX: usize = 8_192;
/// Longest setting of [`MediaConfig::coalesce`].
pub const COALESCE_MAX: Duration = Duration::from_millis(1);

/// How the media plane is set up.
#[derive(Clone, Debug)]
pub struct MediaConfig {
    /// Media threads, at least one; one per core at most is sensible.
    pub threads: usize,
    /// UDP ports: each leg takes an even one for RTP and the one above for RTCP.
    pub ports: RangeInclusive<u16>,
    /// How long a pair rests after use, so that stale packets meet nobody.
    pub port_rest: Duration,
    /// A thread wakes at most once in this time, 0 to 1 ms: less CPU under load for a little delay.
    pub coalesce: Duration,
    /// Legs at once over all threads; further ones fail with `Unavailable`.
    pub legs_max: usize,
    /// The clock of the process.
    pub clock: Clock,
    /// Seed of SSRCs, sequence numbers and ports.
    pub seed: [u8; 32],
}

/// Why the media plane cannot start.
#[derive(Debug, Error)]
pub enum MediaError {
    /// No media thread is asked for.
    #[error("at least one media thread is needed")]
    NoThreads,
    /// The range holds fewer pairs than threads.
    #[error(
        "the RTP port range {first}-{last} holds {pairs} even/odd port pairs, at least {needed} are needed"
    )]
    Ports {
        /// First port.
        first: u16,
        /// Last port.
        last: u16,
        /// Pairs in it.
        pairs: usize,
        /// Pairs needed.
        needed: usize,
    },
    /// Coalescing beyond a millisecond would be heard.
    #[error("media coalescing is at most {COALESCE_MAX:?}")]
    Coalesce,
    /// The system refused epoll, eventfd or a thread.
    #[error("the system refuses a media thread: {0}")]
    System(#[from] std::io::Error),
}

/// A command was not taken: the thread's queue is full or the plane stops. It may be tried again.
#[derive(Debug, Error)]
#[error("the media plane does not take the command now")]
pub struct MediaBusy(pub MediaCommand);

/// The running media plane. Dropping it stops it.
#[derive(Debug)]
pub struct MediaPlane {
    threads: Vec<Thread>,
    routes: Routes,
}

#[derive(Debug)]
struct Thread {
    commands: SyncSender<MediaCommand>,
    shared: Arc<Shared>,
    join: Option<JoinHandle<()>>,
}

/// Which thread a leg lives on. Locked per command, never per packet.
type Routes = Arc<Mutex<BTreeMap<LegId, usize>>>;

/// What a thread and its owner both touch.
#[derive(Debug)]
struct Shared {
    wake: OwnedFd,
    /// Set while a wake-up is under way, so that a burst of commands costs one.
    woken: AtomicBool,
    stop: AtomicBool,
    published: Published,
}

impl Shared {
    fn wake(&self) {
        if !self.woken.swap(true, Ordering::SeqCst) {
            // An eventfd of our own takes a count of one unless it is full, and then it wakes anyway.
            let _written = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
        }
    }
}

impl MediaPlane {
    /// Starts the threads. `tap` leads to the recorder and `tap_return` brings its empty boxes back; `events` must
    /// not block and says whether it took the event (it is offered again where not).
    pub fn start<E>(
        config: &MediaConfig,
        library: &Arc<Library>,
        tap: &SyncSender<TapMessage>,
        tap_return: Receiver<Box<TapBatch>>,
        events: &E,
    ) -> Result<Self, MediaError>
    where
        E: Fn(MediaEvent) -> bool + Send + Clone + 'static,
    {
        check(config)?;
        let routes = Routes::default();
        let returned = Arc::new(Mutex::new(tap_return));
        let open = Arc::new(AtomicUsize::new(0));
        let mut rng = Rng::from_entropy(config.seed);
        let mut plane = Self {
            threads: Vec::with_capacity(config.threads),
            routes: Arc::clone(&routes),
        };
        for number in 0..config.threads {
            let (commands, inbox) = sync_channel(COMMANDS_MAX);
            let wake =
                eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(std::io::Error::from)?;
            let shared = Arc::new(Shared {
                wake,
                woken: AtomicBool::new(false),
                stop: AtomicBool::new(false),
                published: Published::default(),
            });
            let parts = worker::Parts {
                number,
                config: config.clone(),
                library: Arc::clone(library),
                inbox,
                shared: Arc::clone(&shared),
                routes: Arc::clone(&routes),
                open: Arc::clone(&open),
                taps: taps::Taps::new(tap.clone(), Arc::clone(&returned)),
                outbox: outbox::Outbox::new(events.clone()),
                rng: rng.fork(),
            };
            let worker = worker::Worker::new(parts)?;
            let name = format!("media-{number}");
            let join = std::thread::Builder::new()
                .name(name)
                .spawn(move || worker.run())?;
            plane.threads.push(Thread {
                commands,
                shared,
                join: Some(join),
            });
        }
        Ok(plane)
    }

    /// Hands a command to the thread of its leg. Never blocks.
    pub fn send(&self, command: MediaCommand) -> Result<(), MediaBusy> {
        let thread = self.queue(command)?;
        thread.shared.wake();
        Ok(())
    }

    /// Hands over commands in order, as many as there is room for; the rest stays. Each thread is woken once, when it
    /// has them all: woken between two, it would run between two.
    pub fn send_all(&self, commands: &mut VecDeque<MediaCommand>) {
        let mut told: Vec<&Thread> = Vec::new();
        while let Some(command) = commands.pop_front() {
            match self.queue(command) {
                Ok(thread) if told.iter().any(|other| std::ptr::eq(*other, thread)) => {}
                Ok(thread) => told.push(thread),
                Err(MediaBusy(command)) => {
                    commands.push_front(command);
                    break;
                }
            }
        }
        for thread in told {
            thread.shared.wake();
        }
    }

    /// Puts a command into its thread's queue; the thread is to be woken.
    fn queue(&self, command: MediaCommand) -> Result<&Thread, MediaBusy> {
        let at = self.route(&command);
        let Some(thread) = self.threads.get(at) else {
            return Err(MediaBusy(command));
        };
        match thread.commands.try_send(command) {
            Ok(()) => Ok(thread),
            Err(TrySendError::Full(command) | TrySendError::Disconnected(command)) => {
                if let MediaCommand::Open { leg, .. } = &command {
                    self.routes().remove(leg);
                }
                Err(MediaBusy(command))
            }
        }
    }

    fn route(&self, command: &MediaCommand) -> usize {
        let leg = match command {
            MediaCommand::Open { leg, affinity, .. } => {
                let threads = self.threads.len().max(1) as u64;
                let at = usize::try_from(affinity % threads).unwrap_or(0);
                self.routes().insert(*leg, at);
                return at;
            }
            MediaCommand::Bridge { caller, .. }
            | MediaCommand::Record { caller, .. }
            | MediaCommand::StopRecord { caller }
            | MediaCommand::MarkRecording { caller, .. }
            | MediaCommand::Hold { caller, .. } => caller,
            MediaCommand::Connect { leg, .. }
            | MediaCommand::Play { leg, .. }
            | MediaCommand::StopPlay { leg }
            | MediaCommand::Unbridge { leg }
            | MediaCommand::Measure { leg, .. }
            | MediaCommand::Watch { leg, .. }
            | MediaCommand::Close { leg } => leg,
        };
        // A leg that nobody knows is told so by the first thread.
        self.routes().get(leg).copied().unwrap_or(0)
    }

    fn routes(&self) -> std::sync::MutexGuard<'_, BTreeMap<LegId, usize>> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The figures of all threads.
    #[must_use]
    pub fn counters(&self) -> MediaCounters {
        let mut sum = MediaCounters::default();
        for thread in &self.threads {
            thread.shared.published.add_to(&mut sum);
        }
        sum
    }

    /// Ends all recordings, closes all legs and waits for the threads.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for MediaPlane {
    fn drop(&mut self) {
        for thread in &self.threads {
            thread.shared.stop.store(true, Ordering::SeqCst);
            // Without the flag of `wake`: the thread must not sleep through this.
            let _written = rustix::io::write(&thread.shared.wake, &1_u64.to_ne_bytes());
        }
        for thread in &mut self.threads {
            if let Some(join) = thread.join.take() {
                // A thread that panicked beyond its guard has nothing more to tell.
                let _ended = join.join();
            }
        }
    }
}

fn check(config: &MediaConfig) -> Result<(), MediaError> {
    if config.threads == 0 {
        return Err(MediaError::NoThreads);
    }
    if config.coalesce > COALESCE_MAX {
        return Err(MediaError::Coalesce);
    }
    let pairs = ports::pairs(&config.ports);
    if pairs < config.threads {
        let (first, last) = (*config.ports.start(), *config.ports.end());
        return Err(MediaError::Ports {
            first,
            last,
            pairs,
            needed: config.threads,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
