//! The media plane of the simulator: ports, playouts, bridges and recordings as bookkeeping, strict about order.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hotline_media::{
    AfterPlay, Heard, LegStats, MediaCommand, MediaEvent, OpenFailure, PlayId, Quality, Stretch,
};
use hotline_switch::Input;
use hotline_types::{LegId, Pii, SegmentId, Time};

/// Something the media plane will tell the switch.
pub struct Due {
    pub after: Duration,
    pub input: Input,
    /// A playout's end counts only if it still plays.
    pub play: Option<(LegId, PlayId)>,
}

#[derive(Debug)]
struct Leg {
    port: u16,
    play: Option<PlayId>,
    bridged: Option<LegId>,
    recording: Option<(SegmentId, String, Time)>,
    measured: Option<Stretch>,
}

/// Legs by id.
#[derive(Debug, Default)]
pub struct MediaDouble {
    legs: BTreeMap<LegId, Leg>,
    by_port: BTreeMap<u16, LegId>,
    next_port: u16,
    pub recordings_started: u64,
    pub recordings_sealed: u64,
}

/// How long a recorder takes to seal.
const SEAL: Duration = Duration::from_millis(15);

fn soon(event: MediaEvent) -> Due {
    Due {
        after: Duration::from_millis(1),
        input: Input::Media(event),
        play: None,
    }
}

/// A measure of a leg that heard something.
fn measured(stretch: Stretch) -> Due {
    let heard = Heard {
        received: 100,
        ..Heard::default()
    };
    let quality = Quality {
        heard,
        ..Quality::default()
    };
    soon(MediaEvent::Measured { stretch, quality })
}

impl MediaDouble {
    pub fn is_empty(&self) -> bool {
        self.legs.is_empty()
    }

    pub fn leg_of_port(&self, port: u16) -> Option<LegId> {
        self.by_port.get(&port).copied()
    }

    pub fn digit(leg: LegId, digit: char) -> Input {
        Input::Media(MediaEvent::Digit {
            leg,
            digit: Pii::new(digit),
        })
    }

    /// Whether this playout still runs on this leg; it then ends.
    pub fn end_play(&mut self, leg: LegId, play: PlayId) -> bool {
        match self.legs.get_mut(&leg) {
            Some(leg) if leg.play == Some(play) => {
                leg.play = None;
                true
            }
            _ => false,
        }
    }

    /// A leg that is bridged now, for a fault.
    pub fn bridged_leg(&self, nth: u64) -> Option<LegId> {
        let bridged: Vec<_> = self
            .legs
            .iter()
            .filter(|(_, leg)| leg.bridged.is_some())
            .collect();
        let len = bridged.len() as u64;
        (len > 0).then(|| *bridged[(nth % len) as usize].0)
    }

    /// Carries a command out, or says what is wrong with it.
    pub fn command(
        &mut self,
        now: Time,
        command: MediaCommand,
        refuse_ports: bool,
        play_time: Duration,
    ) -> Result<Vec<Due>, String> {
        match command {
            MediaCommand::Open { leg, interface, .. } => self.open(leg, interface, refuse_ports),
            MediaCommand::Play { clips, .. } if clips.is_empty() => Err("a leg plays nothing".to_owned()),
            MediaCommand::Play { leg, play, after, .. } => Ok(self.play(leg, play, after, play_time)),
            MediaCommand::StopPlay { leg } => {
                if let Some(leg) = self.legs.get_mut(&leg) {
                    leg.play = None;
                }
                Ok(Vec::new())
            }
            MediaCommand::Bridge { caller, agent } => self.bridge(caller, agent).map(|()| Vec::new()),
            MediaCommand::Unbridge { leg } => Ok(self.unbridge(leg)),
            MediaCommand::Record { caller, spec } => {
                let leg = self
                    .legs
                    .get_mut(&caller)
                    .ok_or(format!("{caller} records but is not open"))?;
                if leg.bridged.is_none() || leg.recording.is_some() {
                    return Err(format!("{caller} records unbridged or twice"));
                }
                leg.recording = Some((spec.segment, spec.path.to_string(), now));
                self.recordings_started += 1;
                Ok(Vec::new())
            }
            MediaCommand::StopRecord { caller } => Ok(self.stop_record(now, caller).into_iter().collect()),
            MediaCommand::Close { leg } => Ok(self.close(now, leg)),
            MediaCommand::Measure { leg, stretch } => {
                let leg = self
                    .legs
                    .get_mut(&leg)
                    .ok_or(format!("{leg} is measured but not open"))?;
                if leg.bridged.is_none() {
                    return Err("a measure without a bridge".to_owned());
                }
                Ok(leg.measured.replace(stretch).map(measured).into_iter().collect())
            }
            MediaCommand::MarkRecording { caller, .. } => match self.legs.get(&caller) {
                Some(leg) if leg.recording.is_some() => Ok(Vec::new()),
                _ => Err(format!("{caller} is marked but not recorded")),
            },
            MediaCommand::Connect { .. } | MediaCommand::Hold { .. } | MediaCommand::Watch { .. } => {
                Ok(Vec::new())
            }
        }
    }

    fn open(&mut self, leg: LegId, interface: IpAddr, refuse: bool) -> Result<Vec<Due>, String> {
        if refuse {
            let failure = OpenFailure::NoPorts;
            return Ok(vec![soon(MediaEvent::OpenFailed { leg, failure })]);
        }
        self.next_port = self.next_port.checked_add(2).unwrap_or(20_000).max(20_000);
        let port = self.next_port;
        let fresh = Leg {
            port,
            play: None,
            bridged: None,
            recording: None,
            measured: None,
        };
        if self.legs.insert(leg, fresh).is_some() {
            return Err(format!("{leg} is opened twice"));
        }
        self.by_port.insert(port, leg);
        Ok(vec![soon(MediaEvent::Opened {
            leg,
            rtp: SocketAddr::new(interface, port),
        })])
    }

    fn play(&mut self, leg: LegId, play: PlayId, after: AfterPlay, play_time: Duration) -> Vec<Due> {
        let Some(open) = self.legs.get_mut(&leg) else {
            return Vec::new();
        };
        open.play = Some(play);
        match after {
            AfterPlay::Loop => Vec::new(),
            AfterPlay::Stop => {
                let input = Input::Media(MediaEvent::PlayEnded { leg, play });
                vec![Due {
                    after: play_time,
                    input,
                    play: Some((leg, play)),
                }]
            }
        }
    }

    fn close(&mut self, now: Time, leg: LegId) -> Vec<Due> {
        let sealed = self.stop_record(now, leg);
        let told = self.unbridge(leg);
        let Some(closed) = self.legs.remove(&leg) else {
            return Vec::new();
        };
        self.by_port.remove(&closed.port);
        let stats = LegStats::default();
        sealed
            .into_iter()
            .chain(told)
            .chain([soon(MediaEvent::Closed { leg, stats })])
            .collect()
    }

    fn bridge(&mut self, caller: LegId, agent: LegId) -> Result<(), String> {
        for (leg, other) in [(caller, agent), (agent, caller)] {
            let open = self
                .legs
                .get_mut(&leg)
                .ok_or(format!("{leg} is bridged but not open"))?;
            if open.bridged.is_some() {
                return Err(format!("{leg} is bridged twice"));
            }
            open.bridged = Some(other);
            open.play = None;
        }
        Ok(())
    }

    /// Ends a bridge with the measures of both its legs.
    fn unbridge(&mut self, leg: LegId) -> Vec<Due> {
        let other = self.legs.get_mut(&leg).and_then(|leg| leg.bridged.take());
        let mut told = Vec::new();
        for leg in other.into_iter().flat_map(|other| [leg, other]) {
            if let Some(leg) = self.legs.get_mut(&leg) {
                leg.bridged = None;
                told.extend(leg.measured.take().map(measured));
            }
        }
        told
    }

    fn stop_record(&mut self, now: Time, leg: LegId) -> Option<Due> {
        let (segment, path, since) = self.legs.get_mut(&leg)?.recording.take()?;
        self.recordings_sealed += 1;
        let length_ms = u64::try_from(now.since(since).as_millis()).unwrap_or(u64::MAX);
        Some(Due {
            after: SEAL,
            input: Input::RecordingSealed {
                segment,
                path,
                length_ms,
            },
            play: None,
        })
    }

    /// The process was killed: all ports are gone.
    pub fn kill(&mut self) {
        self.legs.clear();
        self.by_port.clear();
        self.recordings_sealed = self.recordings_started;
    }
}

/// The address the double's ports are on.
pub fn interface() -> IpAddr {
    IpAddr::from([192, 0, 2, 1])
}
