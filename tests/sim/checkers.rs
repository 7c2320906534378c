//! The checkers: independent of the switch, fed with every event it writes.

use std::collections::{BTreeMap, BTreeSet};

use hotline_journal::{BusinessDays, CounterKey, Counters, Counts, Event, Scope, Seq, What, figures};
use hotline_types::{AgentSlug, ContactId, OfferId, QueueSlug, SegmentId, SegmentKind};

/// Phones that may ring for one caller at once.
const AT_ONCE: usize = 3;

/// What a contact is doing, as its events say.
#[derive(Debug, Default)]
struct Contact {
    connected: bool,
    queue: Option<QueueSlug>,
    offers: BTreeMap<OfferId, AgentSlug>,
    talk: Option<AgentSlug>,
    segments: BTreeMap<SegmentId, SegmentKind>,
    recordings: BTreeSet<SegmentId>,
}

/// All checkers.
#[derive(Debug)]
pub struct Checkers {
    seq: Seq,
    open: BTreeMap<ContactId, Contact>,
    closed: BTreeSet<ContactId>,
    /// Recordings that began and are not sealed, by segment.
    unsealed: BTreeSet<SegmentId>,
    agents: BTreeMap<AgentSlug, ContactId>,
    fences: BTreeMap<ContactId, u64>,
    counters: Counters,
    totals: BTreeMap<CounterKey, Counts>,
    pub opened: u64,
    pub answered: u64,
    pub causes: BTreeSet<String>,
}

/// Business days of Asia/Shanghai from 08:00.
pub fn business_days() -> BusinessDays {
    BusinessDays::fixed(8 * 3_600, 8 * 60)
}

impl Checkers {
    pub fn new() -> Self {
        Self {
            seq: Seq(0),
            open: BTreeMap::new(),
            closed: BTreeSet::new(),
            unsealed: BTreeSet::new(),
            agents: BTreeMap::new(),
            fences: BTreeMap::new(),
            counters: Counters::new(business_days()),
            totals: BTreeMap::new(),
            opened: 0,
            answered: 0,
            causes: BTreeSet::new(),
        }
    }

    /// Having seen these events, which were checked when they were written.
    pub fn replayed(events: &[Event]) -> Result<Self, String> {
        let mut checkers = Self::new();
        for event in events {
            checkers.see(event)?;
        }
        Ok(checkers)
    }

    /// The agent has no call after a restart, whatever it had before.
    pub fn see(&mut self, event: &Event) -> Result<(), String> {
        self.look(event)
            .map_err(|problem| format!("{problem}\nat {event:?}"))?;
        self.counters.apply(event);
        for (key, delta) in self.counters.drain() {
            self.totals.entry(key).or_default().add(&delta);
        }
        Ok(())
    }

    fn look(&mut self, event: &Event) -> Result<(), String> {
        if event.seq != self.seq.next() {
            return Err(format!("position {:?} after {:?}", event.seq, self.seq));
        }
        self.seq = event.seq;
        if event.cause_seq.is_some_and(|cause| cause >= event.seq) {
            return Err("an event is caused by a later one".to_owned());
        }
        let Some(id) = event.contact else { return Ok(()) };
        if let What::ContactOpened { .. } = event.what {
            self.opened += 1;
            let fresh = self.open.insert(id, Contact::default()).is_none() && !self.closed.contains(&id);
            return if fresh {
                Ok(())
            } else {
                Err("a contact is opened twice".to_owned())
            };
        }
        if let What::RecordingSealed { .. } | What::RecordingFailed { .. } = event.what {
            let segment = event.segment.ok_or("a sealed recording without its segment")?;
            return if self.unsealed.remove(&segment) {
                Ok(())
            } else {
                Err("a recording is sealed that was not begun".to_owned())
            };
        }
        let Some(contact) = self.open.get_mut(&id) else {
            // The agent's wrap-up may name its contact after the end.
            return match event.what {
                What::AgentWork { .. } | What::Disposed { .. } => Ok(()),
                // Measures come from the media plane when the talk is taken apart.
                What::MediaMeasured { .. } if self.closed.contains(&id) => Ok(()),
                _ => Err("an event of a contact that is not open".to_owned()),
            };
        };
        contact.look(event, &mut self.agents, &mut self.fences, id)?;
        match &event.what {
            What::RecordingStarted { .. } => {
                self.unsealed.extend(event.segment);
            }
            What::Bridged { .. } => self.answered += 1,
            What::ContactClosed { cause, .. } => {
                let closed = self.open.remove(&id).ok_or("unreachable: it is open")?;
                closed.is_at_rest()?;
                self.closed.insert(id);
                let json = serde_json::to_value(cause).map_err(|error| error.to_string())?;
                self.causes.insert(json["end"].as_str().unwrap_or("?").to_owned());
            }
            _ => {}
        }
        Ok(())
    }

    /// The two balances of design.md section 4, for every scope, over all intervals.
    pub fn balance(&self) -> Result<(), String> {
        let mut by_scope: BTreeMap<&Scope, Counts> = BTreeMap::new();
        for (key, counts) in &self.totals {
            by_scope.entry(&key.scope).or_default().add(counts);
        }
        for (scope, counts) in by_scope {
            let (waiting, in_ivr) = (self.counters.waiting(scope), self.counters.in_ivr(scope));
            figures::balance(&counts, waiting, in_ivr)
                .map_err(|imbalance| format!("{scope:?} does not balance: {imbalance:?}"))?;
        }
        Ok(())
    }

    /// After the last caller has gone nothing may be left.
    pub fn drained(&self) -> Result<(), String> {
        if !self.open.is_empty() {
            return Err(format!(
                "{} contacts were never closed: {:?}",
                self.open.len(),
                self.open
            ));
        }
        if !self.unsealed.is_empty() {
            return Err(format!("{} recordings were never sealed", self.unsealed.len()));
        }
        Ok(())
    }

    /// After a kill the recordings that were begun are repaired by the next start.
    pub fn take_unsealed(&self) -> Vec<SegmentId> {
        self.unsealed.iter().copied().collect()
    }
}

impl Contact {
    fn look(
        &mut self,
        event: &Event,
        agents: &mut BTreeMap<AgentSlug, ContactId>,
        fences: &mut BTreeMap<ContactId, u64>,
        id: ContactId,
    ) -> Result<(), String> {
        let agent = event.agent.clone();
        match &event.what {
            What::CallerConnected if std::mem::replace(&mut self.connected, true) => {
                return Err("a caller is connected twice".to_owned());
            }
            What::SegmentOpened { segment_kind } => {
                let segment = event.segment.ok_or("a segment without its id")?;
                self.segments.insert(segment, *segment_kind);
                self.one_place()?;
            }
            What::SegmentClosed => {
                let segment = event.segment.ok_or("a segment without its id")?;
                self.segments
                    .remove(&segment)
                    .ok_or("a segment is closed that is not open")?;
            }
            What::QueueEntered { .. } => {
                if self.queue.is_some() || self.talk.is_some() || !self.connected {
                    return Err("a caller enters a queue from elsewhere than the flow".to_owned());
                }
                self.queue.clone_from(&event.queue);
            }
            What::QueueLeft { .. } => {
                self.queue
                    .take()
                    .ok_or("a caller leaves a queue that it is not in")?;
            }
            What::OfferMade { fence, .. } => self.look_offer(event, *fence, agents, fences, id)?,
            What::OfferEnded { outcome, .. } => {
                let offer = event.offer.ok_or("an offer without its id")?;
                let agent = self
                    .offers
                    .remove(&offer)
                    .ok_or("an offer ends that is not out")?;
                if *outcome != hotline_types::OfferOutcome::Answered {
                    agents.remove(&agent);
                }
            }
            What::Bridged { .. } => {
                let agent = agent.ok_or("a bridge without its agent")?;
                if agents.get(&agent) != Some(&id) {
                    return Err("an agent talks to a caller that was not offered".to_owned());
                }
                if self.queue.is_some() || self.talk.replace(agent).is_some() {
                    return Err("a caller talks while waiting, or to two agents".to_owned());
                }
            }
            What::Unbridged => {
                let agent = self.talk.take().ok_or("a talk ends that is not")?;
                agents.remove(&agent);
            }
            What::RecordingStarted { .. } => {
                self.recordings.extend(event.segment);
            }
            _ => {}
        }
        Ok(())
    }

    fn look_offer(
        &mut self,
        event: &Event,
        fence: u64,
        agents: &mut BTreeMap<AgentSlug, ContactId>,
        fences: &mut BTreeMap<ContactId, u64>,
        id: ContactId,
    ) -> Result<(), String> {
        let agent = event.agent.clone().ok_or("an offer without its agent")?;
        let offer = event.offer.ok_or("an offer without its id")?;
        if self.queue.is_none() || self.offers.len() >= AT_ONCE {
            return Err("an offer for a caller that is not waiting, or one too many".to_owned());
        }
        if let Some(other) = agents.insert(agent.clone(), id) {
            return Err(format!("agent {agent} is offered a second call, beside {other}"));
        }
        if fences.insert(id, fence).is_some_and(|newest| newest >= fence) {
            return Err("a fence does not rise".to_owned());
        }
        self.offers.insert(offer, agent);
        Ok(())
    }

    /// A caller is in exactly one place: IVR, wait or talk.
    fn one_place(&self) -> Result<(), String> {
        let places = self
            .segments
            .values()
            .filter(|kind| matches!(kind, SegmentKind::Ivr | SegmentKind::Wait | SegmentKind::Talk))
            .count();
        if places > 1 {
            Err(format!("a caller is in {places} places: {:?}", self.segments))
        } else {
            Ok(())
        }
    }

    fn is_at_rest(&self) -> Result<(), String> {
        if self.queue.is_some() || !self.offers.is_empty() || self.talk.is_some() || !self.segments.is_empty()
        {
            return Err(format!(
                "a contact is closed while something of it is open: {self:?}"
            ));
        }
        Ok(())
    }
}
