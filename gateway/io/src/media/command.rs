//! The commands of the switch, carried out on the thread of their leg.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::time::Duration;

use hotline_media::leg::Leg;
use hotline_media::{MediaCommand, MediaEvent, OpenFailure, Playout, RecordingMark, RecordingSpec, Stretch};
use hotline_types::{LegId, Time};
use rustix::event::epoll;

use super::ports::Pair;
use super::slots::{Bridge, Slot};
use super::transport::Transport;
use super::worker::{Worker, disconnect, token};

/// Playouts of legs opened one after the other begin at different places of the 20 ms.
const PHASE_STEP_MS: u64 = 7;
const PHASES_MS: u64 = 20;

impl<E: Fn(MediaEvent) -> bool> Worker<E> {
    /// Carries one command out.
    pub(super) fn carry_out(&mut self, command: MediaCommand) {
        let now = self.parts.config.clock.mono();
        let known = match command {
            MediaCommand::Open { leg, interface, .. } => {
                self.open(now, leg, interface);
                Some(())
            }
            MediaCommand::Close { leg } => {
                self.close(now, leg);
                Some(())
            }
            MediaCommand::Bridge { caller, agent } => self.bridge(caller, agent),
            MediaCommand::Unbridge { leg } => self.slots.find(leg).map(|at| self.unbridge(at)),
            MediaCommand::Record { caller, spec } => self.record(now, caller, spec),
            MediaCommand::StopRecord { caller } => self.stop_record(now, caller),
            MediaCommand::MarkRecording { caller, mark } => self.mark_recording(now, caller, mark),
            MediaCommand::Hold { caller, held } => self.hold(caller, held),
            MediaCommand::Connect {
                leg,
                negotiated,
                trust,
            } => self.with(leg, |slot| {
                disconnect(slot);
                slot.transport.agree(negotiated.srtp.as_deref());
                slot.leg.connect(now, negotiated, trust);
            }),
            MediaCommand::Play {
                leg,
                play,
                clips,
                gap,
                after,
            } => {
                #[cfg(test)]
                assert_ne!(
                    play,
                    super::tests::PLAY_THAT_PANICS,
                    "the panic that a test asked for"
                );
                self.with(leg, |slot| {
                    slot.leg.play(now, Playout::new(play, clips, gap, after))
                })
            }
            MediaCommand::StopPlay { leg } => self.with(leg, |slot| slot.leg.stop_play()),
            MediaCommand::Measure { leg, stretch } => self.measure(now, leg, stretch),
            MediaCommand::Watch { leg, silence } => self.with(leg, |slot| slot.leg.watch(now, silence)),
        };
        if known.is_none() {
            self.counters.commands_stray += 1;
        }
    }

    /// Changes a leg, which may then have something to play.
    fn with(&mut self, leg: LegId, change: impl FnOnce(&mut Slot)) -> Option<()> {
        let at = self.slots.find(leg)?;
        change(self.slots.get(at)?);
        self.schedule(at);
        Some(())
    }

    fn open(&mut self, now: Time, leg: LegId, interface: IpAddr) {
        if self.slots.find(leg).is_some() {
            self.counters.commands_stray += 1;
            return;
        }
        let opened = self.try_open(now, leg, interface);
        self.parts.outbox.tell(match opened {
            Ok(rtp) => MediaEvent::Opened { leg, rtp },
            Err(failure) => {
                self.forget(leg);
                MediaEvent::OpenFailed { leg, failure }
            }
        });
    }

    fn try_open(&mut self, now: Time, leg: LegId, interface: IpAddr) -> Result<SocketAddr, OpenFailure> {
        let open = &self.parts.open;
        if open.fetch_add(1, Ordering::SeqCst) >= self.parts.config.legs_max {
            open.fetch_sub(1, Ordering::SeqCst);
            return Err(OpenFailure::Unavailable);
        }
        let sockets = self
            .ports
            .take(now, interface)
            .and_then(|pair| self.listen(now, pair));
        let sockets = sockets.inspect_err(|_| {
            self.parts.open.fetch_sub(1, Ordering::SeqCst);
        })?;
        let rtp = SocketAddr::new(interface, sockets.port);
        let phase = Duration::from_millis(leg.0.wrapping_mul(PHASE_STEP_MS) % PHASES_MS);
        self.slots.put(Slot {
            id: leg,
            leg: Leg::new(now, phase, &mut self.parts.rng),
            sockets,
            transport: Transport::Plain,
            connected: false,
            bridge: None,
            held: false,
            recording: None,
            measured: None,
            scheduled: false,
        });
        Ok(rtp)
    }

    fn listen(&mut self, now: Time, pair: Pair) -> Result<Pair, OpenFailure> {
        let place = self.slots.next_place();
        let flags = epoll::EventFlags::IN;
        let added = epoll::add(&self.epoll, &pair.rtp, token(place, false), flags)
            .and_then(|()| epoll::add(&self.epoll, &pair.rtcp, token(place, true), flags));
        if added.is_err() {
            self.give_back(now, pair);
            return Err(OpenFailure::Unavailable);
        }
        Ok(pair)
    }

    /// A resting pair is not listened to, only looked into when its rest is over.
    fn give_back(&mut self, now: Time, pair: Pair) {
        for socket in [&pair.rtp, &pair.rtcp] {
            // One that was never added is no error.
            let _gone = epoll::delete(&self.epoll, socket);
        }
        self.ports.give_back(now, pair);
    }

    fn close(&mut self, now: Time, leg: LegId) {
        let mut stats = hotline_media::LegStats::default();
        if let Some(at) = self.slots.find(leg) {
            self.unbridge(at);
            self.end_measure(at);
            if let Some(slot) = self.slots.remove(at) {
                if let Some(recording) = slot.recording {
                    self.parts.taps.stop(now, recording);
                }
                stats = slot.leg.stats();
                self.give_back(now, slot.sockets);
                self.parts.open.fetch_sub(1, Ordering::SeqCst);
            }
            self.forget(leg);
        } else {
            self.counters.commands_stray += 1;
        }
        self.parts.outbox.tell(MediaEvent::Closed { leg, stats });
    }

    fn bridge(&mut self, caller: LegId, agent: LegId) -> Option<()> {
        let (caller, agent) = (self.slots.find(caller)?, self.slots.find(agent)?);
        self.unbridge(caller);
        self.unbridge(agent);
        for (at, peer, is_caller) in [(caller, agent, true), (agent, caller, false)] {
            let slot = self.slots.get(at)?;
            slot.leg.stop_play();
            slot.leg.switch();
            slot.held = false;
            slot.bridge = Some(Bridge {
                peer,
                caller: is_caller,
            });
        }
        Some(())
    }

    fn unbridge(&mut self, at: u32) {
        let peer = self
            .slots
            .get(at)
            .and_then(|slot| slot.bridge.take())
            .map(|bridge| bridge.peer);
        for at in [Some(at), peer].into_iter().flatten() {
            if peer.is_some() {
                self.end_measure(at);
            }
            if let Some(slot) = self.slots.get(at) {
                slot.bridge = None;
                slot.held = false;
                slot.leg.switch();
            }
        }
    }

    fn measure(&mut self, now: Time, leg: LegId, stretch: Stretch) -> Option<()> {
        let at = self.slots.find(leg)?;
        self.end_measure(at);
        let slot = self.slots.get(at)?;
        slot.leg.mark(now);
        slot.measured = Some(stretch);
        Some(())
    }

    fn end_measure(&mut self, at: u32) {
        let ended = self
            .slots
            .get(at)
            .and_then(|slot| slot.measured.take().map(|stretch| (stretch, slot.leg.quality())));
        if let Some((stretch, quality)) = ended {
            self.parts.outbox.tell(MediaEvent::Measured { stretch, quality });
        }
    }

    fn record(&mut self, now: Time, caller: LegId, spec: RecordingSpec) -> Option<()> {
        let at = self.slots.find(caller)?;
        let slot = self.slots.get(at)?;
        if let Some(before) = slot.recording.take() {
            self.parts.taps.stop(now, before);
        }
        slot.recording = Some(self.parts.taps.start(now, spec));
        Some(())
    }

    fn stop_record(&mut self, now: Time, caller: LegId) -> Option<()> {
        let at = self.slots.find(caller)?;
        let recording = self.slots.get(at)?.recording.take()?;
        self.parts.taps.stop(now, recording);
        Some(())
    }

    fn mark_recording(&mut self, now: Time, caller: LegId, mark: RecordingMark) -> Option<()> {
        let at = self.slots.find(caller)?;
        let recording = self.slots.get(at)?.recording.as_mut()?;
        self.parts.taps.mark(now, recording, mark);
        Some(())
    }

    fn hold(&mut self, caller: LegId, held: bool) -> Option<()> {
        let at = self.slots.find(caller)?;
        let slot = self.slots.get(at)?;
        slot.held = held;
        slot.leg.switch();
        let peer = slot.bridge?.peer;
        self.slots.get(peer)?.leg.switch();
        Some(())
    }
}
