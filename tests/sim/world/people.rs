//! Callers and agents: what they do, and when.

use std::time::Duration;

use hotline_media::{Direction, Offer};
use hotline_sip::{PhoneCommand, PhoneEvent, Transport};
use hotline_types::{LegId, Pii};

use super::{End, Next, World, setup};

/// The longest a phone stays in one call, ringing or talking.
const PHONE_LIMIT: Duration = Duration::from_secs(900);

/// Something a person does to a call.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    Hangup,
    Ring,
    Answer,
    Reject(u16),
    Hold,
    Resume,
}

impl World {
    /// A caller dials.
    pub(super) fn arrive(&mut self, call: u32) {
        let leg = self.carrier.phone.new_leg();
        let dialled = if self.rng.below(100) < self.options.misdialled {
            setup::DIALLED[3]
        } else {
            setup::DIALLED[self.rng.below(3) as usize]
        };
        let port = 30_000 + (call % 10_000) as u16 * 2;
        self.command_phone(
            End::Carrier,
            PhoneCommand::Call {
                leg,
                uri: format!("sip:{dialled}@192.0.2.1:5080"),
                server: setup::TRUNK_LISTENER,
                transport: Transport::Udp,
                from: Pii::new(format!("138{call:08}")),
                display: Pii::default(),
                sdp: setup::offer(setup::CARRIER.ip(), port),
                headers: Vec::new(),
            },
        );
        // Patience of the caller as a whole; the impatient hang up at any moment, even before the answer.
        let patience = if self.rng.below(100) < self.options.impatient {
            self.rng.below(20_000)
        } else {
            400_000 + self.rng.below(200_000)
        };
        self.schedule(
            Duration::from_millis(patience),
            Next::Person(End::Carrier, leg, Deed::Hangup),
        );
    }

    pub(super) fn on_phone(&mut self, end: End, event: PhoneEvent) {
        match event {
            PhoneEvent::Incoming { leg, .. } => self.on_ring(leg),
            PhoneEvent::Answered { leg, sdp } => self.on_caller_answered(leg, &sdp),
            PhoneEvent::Confirmed { leg } if end == End::Phones => self.on_talk(leg),
            PhoneEvent::Reoffered { leg, offer } => self.on_reoffer(end, leg, offer.as_deref()),
            PhoneEvent::Ended { leg, .. } | PhoneEvent::Failed { leg, .. } => {
                self.far(end).ports.remove(&leg);
            }
            PhoneEvent::Registered { .. }
            | PhoneEvent::RegisterFailed { .. }
            | PhoneEvent::Confirmed { .. }
            | PhoneEvent::Ringing { .. }
            | PhoneEvent::ReofferAnswered { .. }
            | PhoneEvent::ReferProgress { .. }
            | PhoneEvent::ReofferRefused { .. } => {}
        }
    }

    /// The gateway answered: the caller presses keys through the menu.
    fn on_caller_answered(&mut self, leg: LegId, sdp: &[u8]) {
        let local = setup::local(setup::CARRIER.ip(), 30_000);
        let Ok(negotiated) = hotline_media::read_answer(&local, sdp) else {
            return;
        };
        let port = negotiated.rtp.port();
        self.carrier.ports.insert(leg, port);
        let mut at = Duration::from_millis(500);
        for _ in 0..self.rng.below(6) {
            at += Duration::from_millis(300 + self.rng.below(4_000));
            let key = char::from(b"0123459*#1222"[self.rng.below(13) as usize]);
            self.schedule(at, Next::Press(port, key));
        }
    }

    /// An agent's phone is called.
    fn on_ring(&mut self, leg: LegId) {
        let ring = Duration::from_millis(100 + self.rng.below(400));
        // A phone does not ring for ever, even if the gateway is killed and no CANCEL comes.
        self.schedule(PHONE_LIMIT, Next::Person(End::Phones, leg, Deed::Hangup));
        if self.rng.below(100) < self.options.unwilling {
            match self.rng.below(6) {
                0 => self.schedule(ring, Next::Person(End::Phones, leg, Deed::Reject(486))),
                1 => self.schedule(ring, Next::Person(End::Phones, leg, Deed::Reject(603))),
                2 => self.schedule(ring, Next::Person(End::Phones, leg, Deed::Reject(480))),
                3 => self.schedule(ring, Next::Person(End::Phones, leg, Deed::Reject(500))),
                // Rings and is never answered.
                4 => self.schedule(ring, Next::Person(End::Phones, leg, Deed::Ring)),
                // Says nothing at all.
                _ => {}
            }
            return;
        }
        self.schedule(ring, Next::Person(End::Phones, leg, Deed::Ring));
        let answer = ring + Duration::from_millis(200 + self.rng.below(12_000));
        self.schedule(answer, Next::Person(End::Phones, leg, Deed::Answer));
    }

    /// An agent talks.
    fn on_talk(&mut self, leg: LegId) {
        let length = Duration::from_millis(1_000 + self.rng.below(60_000));
        if self.rng.below(100) < self.options.holds {
            self.schedule(length / 3, Next::Person(End::Phones, leg, Deed::Hold));
            self.schedule(length / 2, Next::Person(End::Phones, leg, Deed::Resume));
        }
        self.schedule(length, Next::Person(End::Phones, leg, Deed::Hangup));
    }

    fn on_reoffer(&mut self, end: End, leg: LegId, offer: Option<&[u8]>) {
        let ip = self.far(end).address.ip();
        let local = setup::local(ip, 40_000);
        let answer = match offer.map(Offer::read) {
            None => Some(hotline_media::offer(&local)),
            Some(Ok(offer)) => offer.answer(&local).ok().map(|(sdp, _)| sdp),
            Some(Err(_)) => None,
        };
        let command = match answer {
            Some(sdp) => PhoneCommand::AnswerReoffer { leg, sdp },
            None => PhoneCommand::RejectReoffer { leg, status: 488 },
        };
        // Answered from within the phone's own turn: it is drained by the caller of this.
        let now = self.now;
        self.far(end)
            .phone
            .handle(now, hotline_sip::PhoneInput::Command(command));
    }

    pub(super) fn do_deed(&mut self, end: End, leg: LegId, deed: Deed) {
        let port = 40_000 + (leg.0 % 10_000) as u16 * 2;
        let ip = self.far(end).address.ip();
        let with = |direction| {
            let mut local = setup::local(ip, port);
            local.direction = direction;
            local.version = 2;
            hotline_media::offer(&local)
        };
        let command = match deed {
            Deed::Hangup => PhoneCommand::Hangup { leg },
            Deed::Ring => PhoneCommand::Ring { leg },
            Deed::Answer => PhoneCommand::Answer {
                leg,
                sdp: with(Direction::SendRecv),
            },
            Deed::Reject(status) => PhoneCommand::Reject { leg, status },
            Deed::Hold => PhoneCommand::Reoffer {
                leg,
                sdp: with(Direction::SendOnly),
            },
            Deed::Resume => PhoneCommand::Reoffer {
                leg,
                sdp: with(Direction::SendRecv),
            },
        };
        self.command_phone(end, command);
    }
}
