//! One media thread: wait, take what came, send what is due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::mem::MaybeUninit;
use std::net::{SocketAddr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use hotline_media::leg::{Content, FRAME_BYTES_MAX, Taken};
use hotline_media::rtcp::REPORT_BYTES_MAX;
use hotline_media::rtp::Header;
use hotline_media::tap::Channel;
use hotline_media::{Library, MediaCommand, MediaEvent};
use hotline_types::{LegId, Pii, Rng, Time};
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use super::counters::MediaCounters;
use super::outbox::Outbox;
use super::ports::Ports;
use super::slots::{Bridge, Place, Slot, Slots};
use super::taps::{Spoken, Taps};
use super::transport::Kind;
use super::{MediaConfig, Routes, Shared};

/// Sockets that one wait reports at most.
const READY_MAX: usize = 256;
/// Commands carried out before packets get their turn again.
const COMMANDS_PER_TURN: usize = 64;
/// Frames sent before packets get their turn again.
const FRAMES_PER_TURN: usize = 512;
/// How early a frame may go, so that those that are due soon share a wake-up. Nobody hears a millisecond.
const FRAME_EARLY: Duration = Duration::from_millis(1);
/// Time between two rounds of what is not urgent: watches, reports, batches, figures.
const ROUND: Duration = Duration::from_millis(100);
/// A datagram that does not fit is none of ours; its rest is cut off and it is refused.
pub(super) const DATAGRAM_BYTES: usize = 2_048;
/// How long a stopping thread waits for the recorder to take its stops.
const STOP_PATIENCE: Duration = Duration::from_secs(1);
/// Nice value of a media thread, where the process may lower it.
const NICE: i32 = -10;
/// The eventfd among the sockets.
const WAKE: u64 = u64::MAX;

/// What a thread is made of.
pub(super) struct Parts<E> {
    pub(super) number: usize,
    pub(super) config: MediaConfig,
    pub(super) library: Arc<Library>,
    pub(super) inbox: Receiver<MediaCommand>,
    pub(super) shared: Arc<Shared>,
    pub(super) routes: Routes,
    pub(super) open: Arc<AtomicUsize>,
    pub(super) taps: Taps,
    pub(super) outbox: Outbox<E>,
    pub(super) rng: Rng,
}

/// A media thread.
pub(super) struct Worker<E> {
    pub(super) parts: Parts<E>,
    pub(super) epoll: OwnedFd,
    pub(super) slots: Slots,
    pub(super) ports: Ports,
    /// When each playing leg's next frame is due; one entry per leg.
    frames: BinaryHeap<Reverse<(Time, Place)>>,
    pub(super) counters: MediaCounters,
    round_due: Time,
    /// Commands were left for the next turn.
    more: bool,
}

/// Where a readiness event points.
pub(super) fn token(place: Place, rtcp: bool) -> epoll::EventData {
    let bits = (u64::from(place.generation) << 32) | (u64::from(place.at) << 1) | u64::from(rtcp);
    epoll::EventData::new_u64(bits)
}

fn place_of(token: u64) -> (Place, bool) {
    let at = u32::try_from((token & 0xFFFF_FFFF) >> 1).unwrap_or(0);
    let generation = u32::try_from(token >> 32).unwrap_or(0);
    (Place { at, generation }, token & 1 == 1)
}

impl<E: Fn(MediaEvent) -> bool> Worker<E> {
    pub(super) fn new(mut parts: Parts<E>) -> std::io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let wake = epoll::EventData::new_u64(WAKE);
        epoll::add(&epoll, &parts.shared.wake, wake, epoll::EventFlags::IN)?;
        let ports = fresh_ports(&mut parts);
        let round_due = parts.config.clock.mono() + ROUND;
        Ok(Self {
            parts,
            epoll,
            slots: Slots::default(),
            ports,
            frames: BinaryHeap::new(),
            counters: MediaCounters::default(),
            round_due,
            more: false,
        })
    }

    /// Runs until the plane stops. A panic ends the calls of this thread, not the thread.
    pub(super) fn run(mut self) {
        // Audio is late before anything else is. A system that does not let us go first is no error.
        let _first = rustix::process::setpriority_process(None, NICE);
        while !self.parts.shared.stop.load(Ordering::SeqCst) {
            let ran = catch_unwind(AssertUnwindSafe(|| {
                let mut ready = [const { MaybeUninit::uninit() }; READY_MAX];
                while !self.parts.shared.stop.load(Ordering::SeqCst) {
                    self.turn(&mut ready);
                }
            }));
            if ran.is_err() {
                self.start_anew();
            }
        }
        self.end();
    }

    fn turn(&mut self, ready: &mut [MaybeUninit<epoll::Event>; READY_MAX]) {
        let timeout = self.timeout();
        let Ok((events, _)) = epoll::wait(&self.epoll, &mut ready[..], Some(&timeout)) else {
            return;
        };
        let woke = self.parts.config.clock.mono();
        let mut commands = self.more;
        for event in events.iter() {
            let token = event.data.u64();
            if token == WAKE {
                commands = true;
                let mut count = [0; 8];
                let _read = rustix::io::read(&self.parts.shared.wake, &mut count[..]);
                self.parts.shared.woken.store(false, Ordering::SeqCst);
                continue;
            }
            match place_of(token) {
                (place, false) => self.take_rtp(place),
                (place, true) => self.take_rtcp(place),
            }
        }
        if commands {
            self.take_commands();
        }
        self.send_frames();
        if self.parts.config.clock.mono() >= self.round_due {
            self.round();
        }
        self.rest(woke);
    }

    /// Until the next frame or round.
    fn timeout(&self) -> Timespec {
        if self.more {
            return Timespec::default();
        }
        let next = self
            .frames
            .peek()
            .map_or(self.round_due, |Reverse((due, _))| self.round_due.min(*due));
        let left = next.since(self.parts.config.clock.mono());
        Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(0),
            tv_nsec: i64::from(left.subsec_nanos()),
        }
    }

    /// With coalescing, lets packets gather until the interval since the wake-up is over.
    fn rest(&self, woke: Time) {
        let coalesce = self.parts.config.coalesce;
        if coalesce.is_zero() || self.more {
            return;
        }
        let now = self.parts.config.clock.mono();
        let next = self
            .frames
            .peek()
            .map_or(self.round_due, |Reverse((due, _))| *due);
        let left = (woke + coalesce).min(next).since(now);
        if !left.is_zero() {
            let left = Timespec {
                tv_sec: 0,
                tv_nsec: i64::from(left.subsec_nanos()),
            };
            let _rested = rustix::thread::nanosleep(&left);
        }
    }

    fn take_commands(&mut self) {
        self.more = false;
        for _ in 0..COMMANDS_PER_TURN {
            match self.parts.inbox.try_recv() {
                Ok(command) => self.carry_out(command),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return,
            }
        }
        self.more = true;
    }

    fn take_rtp(&mut self, place: Place) {
        let mut room = [const { MaybeUninit::uninit() }; DATAGRAM_BYTES];
        let Some(slot) = self.slots.get_at(place) else {
            return;
        };
        let Some((packet, from)) = receive(&slot.sockets.rtp, &mut room) else {
            return;
        };
        let now = self.parts.config.clock.mono();
        let Some(packet) = slot.transport.open(Kind::Rtp, packet, &mut self.counters) else {
            return;
        };
        let Some(taken) = slot.leg.take(now, from, packet) else {
            self.counters.refused += 1;
            return;
        };
        self.counters.received += 1;
        // Also where a silence made us let go of a source that then went on: the kernel filters the rest.
        if taken.choose || !slot.connected {
            slot.connected = rustix::net::connect(&slot.sockets.rtp, &from).is_ok();
        }
        if let (Content::Event(Some(digit)), _) | (_, Some(digit)) = (taken.content, taken.key) {
            let digit = Pii::new(digit);
            self.parts.outbox.tell(MediaEvent::Digit { leg: slot.id, digit });
        }
        if let Some(bridge) = slot.bridge {
            self.relay(now, place.at, bridge, &taken, packet);
        } else if let (Some(recording), Content::Audio(codec)) = (&mut slot.recording, taken.content) {
            // A message, or the caller alone with our prompts.
            let spoken = Spoken {
                channel: Channel::Caller,
                codec,
                header: &taken.header,
                payload: taken.header.payload(packet),
            };
            self.parts.taps.frame(now, recording, spoken);
        }
    }

    fn relay(&mut self, now: Time, from: u32, bridge: Bridge, taken: &Taken, packet: &mut [u8]) {
        let Some((from, to)) = self.slots.pair(from, bridge.peer) else {
            return;
        };
        let (caller, channel) = if bridge.caller {
            (from, Channel::Caller)
        } else {
            (&mut *to, Channel::Agent)
        };
        if caller.held {
            return;
        }
        if let (Some(recording), Content::Audio(codec)) = (&mut caller.recording, taken.content) {
            let payload = taken.header.payload(packet);
            let spoken = Spoken {
                channel,
                codec,
                header: &taken.header,
                payload,
            };
            self.parts.taps.frame(now, recording, spoken);
        }
        let Some(to) = self.slots.get(bridge.peer) else {
            return;
        };
        if to.leg.forward(now, taken, packet) {
            if send(to, packet) {
                self.counters.relayed += 1;
            } else {
                self.counters.send_failed += 1;
            }
        }
    }

    fn take_rtcp(&mut self, place: Place) {
        let mut room = [const { MaybeUninit::uninit() }; DATAGRAM_BYTES];
        let Some(slot) = self.slots.get_at(place) else {
            return;
        };
        let Some((packet, from)) = receive(&slot.sockets.rtcp, &mut room) else {
            return;
        };
        let now = self.parts.config.clock.mono();
        let Some(packet) = slot.transport.open(Kind::Rtcp, packet, &mut self.counters) else {
            return;
        };
        if slot.leg.take_rtcp(now, from, packet) {
            self.counters.rtcp_received += 1;
        } else {
            self.counters.refused += 1;
        }
    }

    /// Puts a leg that plays into the schedule, unless it is there.
    pub(super) fn schedule(&mut self, at: u32) {
        let place = self.slots.place(at);
        let Some(slot) = self.slots.get(at) else { return };
        if let (false, Some(due)) = (slot.scheduled, slot.leg.frame_due()) {
            slot.scheduled = true;
            self.frames.push(Reverse((due, place)));
        }
    }

    fn send_frames(&mut self) {
        let mut frame = [0; FRAME_BYTES_MAX];
        for _ in 0..FRAMES_PER_TURN {
            let now = self.parts.config.clock.mono();
            let horizon = now + FRAME_EARLY;
            let Some(mut entry) = self.frames.peek_mut().filter(|entry| entry.0.0 <= horizon) else {
                return;
            };
            let Some(slot) = self.slots.get_at(entry.0.1) else {
                std::collections::binary_heap::PeekMut::pop(entry);
                continue;
            };
            if slot.leg.frame_due().is_some_and(|due| due <= horizon) {
                let made = slot.leg.frame(now, &self.parts.library, &mut frame);
                self.counters.ticks_lost += made.missed;
                if let Some(packet) = frame.get(..made.len).filter(|packet| !packet.is_empty()) {
                    if slot.bridge.is_none()
                        && let (Some(recording), Some(codec)) = (&mut slot.recording, slot.leg.codec())
                        && let Some(header) = Header::read(packet)
                    {
                        let spoken = Spoken {
                            channel: Channel::Agent,
                            codec,
                            header: &header,
                            payload: header.payload(packet),
                        };
                        self.parts.taps.frame(now, recording, spoken);
                    }
                    if send(slot, packet) {
                        self.counters.played += 1;
                    } else {
                        self.counters.send_failed += 1;
                    }
                }
                if let Some(play) = made.ended {
                    self.parts
                        .outbox
                        .tell(MediaEvent::PlayEnded { leg: slot.id, play });
                }
            }
            match slot.leg.frame_due() {
                Some(due) => entry.0.0 = due,
                None => {
                    slot.scheduled = false;
                    std::collections::binary_heap::PeekMut::pop(entry);
                }
            }
        }
    }

    /// What is not urgent.
    fn round(&mut self) {
        let now = self.parts.config.clock.now();
        self.round_due = now.mono + ROUND;
        self.parts.outbox.retry();
        self.parts.taps.retry();
        self.parts.taps.recycle();
        self.ports.settle(now.mono);
        let mut report = [0; REPORT_BYTES_MAX];
        for slot in self.slots.iter_mut() {
            if slot.leg.is_lost(now.mono) {
                self.parts.outbox.tell(MediaEvent::MediaLost { leg: slot.id });
            }
            if slot.connected && slot.leg.is_stale(now.mono) {
                disconnect(slot);
            }
            if let Some((len, to)) = slot.leg.report(now, &mut report) {
                let Slot {
                    transport, sockets, ..
                } = slot;
                let _sent = transport.seal(Kind::Rtcp, &report[..len], |packet| {
                    rustix::net::sendto(&sockets.rtcp, packet, SendFlags::DONTWAIT, &to).is_ok()
                });
            }
            if let Some(recording) = &mut slot.recording {
                self.parts.taps.flush_if_due(now.mono, recording);
            }
        }
        self.publish();
    }

    fn publish(&mut self) {
        self.counters.ports_noisy = self.ports.noisy;
        self.counters.legs_open = self.slots.len() as u64;
        self.counters.tap_dropped = self.parts.taps.dropped;
        self.counters.events_dropped = self.parts.outbox.dropped;
        self.parts.shared.published.store(&self.counters);
    }

    /// After a panic: the calls of this thread are gone, their recordings end, new ones may come.
    fn start_anew(&mut self) {
        let now = self.parts.config.clock.mono();
        let legs: Vec<LegId> = self.slots.legs().collect();
        tracing::error!(
            thread = self.parts.number,
            legs = legs.len(),
            "media thread failed and starts anew"
        );
        self.drop_legs(now);
        self.counters.failures += 1;
        self.more = true;
        self.parts.outbox.tell(MediaEvent::ThreadFailed { legs });
        self.publish();
    }

    fn drop_legs(&mut self, now: Time) {
        let mut slots = std::mem::take(&mut self.slots);
        self.parts.open.fetch_sub(slots.len(), Ordering::SeqCst);
        for slot in slots.iter_mut() {
            if let Some(recording) = slot.recording.take() {
                self.parts.taps.stop(now, recording);
            }
            self.forget(slot.id);
        }
        self.frames.clear();
        let noisy = self.ports.noisy;
        self.ports = fresh_ports(&mut self.parts);
        self.ports.noisy = noisy;
    }

    /// Takes the leg out of the routes.
    pub(super) fn forget(&self, leg: LegId) {
        self.parts
            .routes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&leg);
    }

    /// The plane stops: recordings end, and the recorder gets a moment to take that.
    fn end(&mut self) {
        self.drop_legs(self.parts.config.clock.mono());
        let patience = self.parts.config.clock.mono() + STOP_PATIENCE;
        while !self.parts.taps.retry() && self.parts.config.clock.mono() < patience {
            let _rested = rustix::thread::nanosleep(&Timespec {
                tv_sec: 0,
                tv_nsec: 2_000_000,
            });
        }
        self.parts.outbox.retry();
        self.publish();
    }
}

fn fresh_ports<E>(parts: &mut Parts<E>) -> Ports {
    let share = (parts.number, parts.config.threads);
    Ports::new(&parts.config.ports, share, parts.config.port_rest, &mut parts.rng)
}

/// One datagram, if there is one. Errors are those of ICMP, told by the socket once: a peer's port that is closed for
/// a moment is no event.
fn receive<'a>(
    socket: &UdpSocket,
    room: &'a mut [MaybeUninit<u8>; DATAGRAM_BYTES],
) -> Option<(&'a mut [u8], SocketAddr)> {
    let received = rustix::net::recvfrom(socket, &mut room[..], RecvFlags::DONTWAIT);
    let ((packet, _), _, from) = received.ok()?;
    Some((packet, SocketAddr::try_from(from?).ok()?))
}

/// Forgets the chosen source at the socket; the leg decides what it believes then.
pub(super) fn disconnect(slot: &mut Slot) {
    if slot.connected {
        slot.connected = rustix::net::connect_unspec(&slot.sockets.rtp).is_err();
    }
}

/// Sends RTP to the leg's peer; false where the system did not take it.
fn send(slot: &mut Slot, packet: &[u8]) -> bool {
    let Slot {
        transport,
        sockets,
        leg,
        connected,
        ..
    } = slot;
    transport.seal(Kind::Rtp, packet, |packet| {
        let once = || {
            if *connected {
                return rustix::net::send(&sockets.rtp, packet, SendFlags::DONTWAIT);
            }
            let target = leg.target().ok_or(Errno::NOTCONN)?;
            rustix::net::sendto(&sockets.rtp, packet, SendFlags::DONTWAIT, &target)
        };
        match once() {
            Ok(_) => true,
            Err(Errno::AGAIN | Errno::NOTCONN) => false,
            // A refusal is that of an earlier packet, told late by ICMP: this one was not sent yet.
            Err(_) => once().is_ok(),
        }
    })
}
