//! The part of a flow that runs while the caller waits in a queue: music, the place in the queue, a key to leave.

use std::sync::Arc;
use std::time::Duration;

use hotline_types::{QueueSlug, Time};

use super::{Effect, Flow, NodeIndex, NodeKind, PromptRef, Run, Sound, State};
use crate::expr::Value;
use crate::model::{Announcement, Queue, WhileWaiting, given};
use crate::say::Spoken;

/// From an offer in vain to an announcement that fell due meanwhile: the next agent's phone may ring at once.
const AFTER_OFFER: Duration = Duration::from_secs(1);

/// Where the waiting part is.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    phase: Phase,
    /// When the next announcement is due; none where there are none.
    next: Option<Time>,
    /// Whether the prompts that are said once were said.
    greeted: bool,
    since: Time,
}

#[derive(Clone, Debug)]
enum Phase {
    /// Music.
    Music,
    /// The place is asked for; music goes on.
    Asking,
    /// The estimated wait is asked for, the place is known where it is to be said; music goes on.
    AskingWait(Option<u32>),
    /// An announcement is said.
    Announcing(Sound),
    /// A phone rings for the caller: nothing but music. A key to leave is taken only when it stopped ringing in vain.
    Ringing { leave: bool },
}

impl Waiting {
    pub(super) fn deadline(&self) -> Option<Time> {
        match &self.phase {
            Phase::Music => self.next,
            Phase::Announcing(sound) => Some(sound.overdue),
            Phase::Asking | Phase::AskingWait(_) | Phase::Ringing { .. } => None,
        }
    }
}

impl Run {
    pub(super) fn enter_queue(&mut self, queue: &Queue, at: Time) {
        let flow = Arc::clone(&self.flow);
        let Some(wait) = flow.waits.get(queue.waiting) else {
            return self.finish(None);
        };
        self.early.clear();
        self.outputs.push_back(Effect::Enqueue {
            queue: queue.name.clone(),
            priority: queue.priority,
        });
        let next = wait.announce.as_ref().map(|announce| at + announce.after);
        self.state = State::Queued(Waiting {
            phase: Phase::Music,
            next,
            greeted: false,
            since: at,
        });
        self.music(wait);
    }

    /// Back into a queue from outside the flow: after a talk, by a transfer. Music and announcements are those of this
    /// queue's node, or of the first queue node where the flow has none for it, whose exits are then taken.
    pub fn requeue(&mut self, queue: QueueSlug, priority: Duration, at: Time) {
        let flow = Arc::clone(&self.flow);
        let named = |name: Option<&QueueSlug>| {
            flow.nodes.iter().position(|node| {
                matches!(&node.kind, NodeKind::Queue(own) if name.is_none_or(|name| own.name == *name))
            })
        };
        let Some(found) = named(Some(&queue)).or_else(|| named(None)) else {
            return self.finish(None);
        };
        let Some(NodeKind::Queue(own)) = flow.nodes.get(found).map(|node| &node.kind) else {
            return;
        };
        self.node = NodeIndex(found);
        self.steps = 0;
        let asked = Queue {
            name: queue,
            priority,
            ..own.clone()
        };
        self.enter_queue(&asked, at);
    }

    pub(super) fn offer_started(&mut self) {
        let flow = Arc::clone(&self.flow);
        let (Some(wait), State::Queued(waiting)) = (self.wait(&flow), &mut self.state) else {
            return;
        };
        let was_announcing = matches!(waiting.phase, Phase::Announcing(_));
        if !matches!(waiting.phase, Phase::Ringing { .. }) {
            waiting.phase = Phase::Ringing { leave: false };
        }
        if was_announcing {
            self.music(wait);
        }
    }

    pub(super) fn offer_ended(&mut self, at: Time) {
        let State::Queued(waiting) = &mut self.state else {
            return;
        };
        if let Phase::Ringing { leave } = waiting.phase {
            waiting.phase = Phase::Music;
            waiting.next = waiting.next.map(|next| next.max(at + AFTER_OFFER));
            if leave {
                self.leave_queue(at);
            }
        }
    }

    /// An announcement is due, or its end was never told.
    pub(super) fn waiting_due(&mut self, at: Time) {
        let flow = Arc::clone(&self.flow);
        let (Some(wait), State::Queued(waiting)) = (self.wait(&flow), &mut self.state) else {
            return;
        };
        match waiting.phase {
            Phase::Announcing(sound) => {
                self.counts.plays_overdue += 1;
                self.announcement_ended(sound.play, at);
            }
            Phase::Music => match &wait.announce {
                Some(announce) if announce.position => {
                    waiting.phase = Phase::Asking;
                    self.outputs.push_back(Effect::AskPosition);
                }
                Some(announce) if announce.wait => {
                    waiting.phase = Phase::AskingWait(None);
                    self.outputs.push_back(Effect::AskWait);
                }
                Some(announce) => self.announce(announce, Vec::new(), at),
                None => waiting.next = None,
            },
            Phase::Asking | Phase::AskingWait(_) | Phase::Ringing { .. } => {}
        }
    }

    pub(super) fn position(&mut self, place: u32, at: Time) {
        let flow = Arc::clone(&self.flow);
        let (Some(wait), State::Queued(waiting)) = (self.wait(&flow), &self.state) else {
            return;
        };
        if let (Phase::Asking, Some(announce)) = (&waiting.phase, &wait.announce) {
            if announce.wait {
                if let State::Queued(waiting) = &mut self.state {
                    waiting.phase = Phase::AskingWait(Some(place));
                }
                return self.outputs.push_back(Effect::AskWait);
            }
            let place = self.spoken(Spoken::Position, &place.to_string());
            self.announce(announce, place, at);
        }
    }

    /// The estimated wait, where there is one.
    pub(super) fn wait_told(&mut self, wait: Option<Duration>, at: Time) {
        let flow = Arc::clone(&self.flow);
        let (Some(waits), State::Queued(waiting)) = (self.wait(&flow), &self.state) else {
            return;
        };
        if let (Phase::AskingWait(place), Some(announce)) = (&waiting.phase, &waits.announce) {
            let place = *place;
            let mut said = place.map_or_else(Vec::new, |place| {
                self.spoken(Spoken::Position, &place.to_string())
            });
            if let Some(wait) = wait {
                said.extend(self.spoken(Spoken::Wait, &wait.as_secs().to_string()));
            }
            self.announce(announce, said, at);
        }
    }

    /// Remembers how long the caller waited, on the way out of the queue.
    pub(super) fn waited(&mut self, at: Time) {
        if let State::Queued(waiting) = &self.state {
            let seconds = i64::try_from(at.since(waiting.since).as_secs()).unwrap_or(i64::MAX);
            self.put(given::WAITED, Value::Number(seconds));
        }
    }

    pub(super) fn announcement_ended(&mut self, play: u64, at: Time) {
        let flow = Arc::clone(&self.flow);
        let (Some(wait), State::Queued(waiting)) = (self.wait(&flow), &mut self.state) else {
            return;
        };
        if matches!(waiting.phase, Phase::Announcing(sound) if sound.play == play) {
            waiting.phase = Phase::Music;
            waiting.next = wait.announce.as_ref().map(|announce| at + announce.every);
            self.music(wait);
        }
    }

    pub(super) fn queue_key(&mut self, key: char, at: Time) {
        let flow = Arc::clone(&self.flow);
        let leaves = self.wait(&flow).is_some_and(|wait| wait.leave_key == Some(key));
        match &mut self.state {
            State::Queued(Waiting {
                phase: Phase::Ringing { leave },
                ..
            }) if leaves => *leave = true,
            State::Queued(_) if leaves => self.leave_queue(at),
            _ => self.counts.digits_dropped += 1,
        }
    }

    fn leave_queue(&mut self, at: Time) {
        if let Some(key) = self.queue_node().and_then(|queue| queue.key) {
            self.outputs.push_back(Effect::LeaveQueue);
            self.waited(at);
            self.leave("key", key, at);
        }
    }

    fn announce(&mut self, announce: &Announcement, place: Vec<PromptRef>, at: Time) {
        let State::Queued(waiting) = &mut self.state else {
            return;
        };
        let first: &[_] = if waiting.greeted { &[] } else { &announce.first };
        waiting.greeted = true;
        let mut prompts: Vec<PromptRef> = first.iter().map(|prompt| self.prompt(prompt)).collect();
        prompts.extend(place);
        prompts.extend(announce.then.iter().map(|prompt| self.prompt(prompt)));
        let sound = if prompts.is_empty() {
            None
        } else {
            Some(self.play_refs(prompts, Duration::ZERO, at))
        };
        if let State::Queued(waiting) = &mut self.state {
            // A place too high to be spoken leaves nothing to say: music goes on until the next time.
            waiting.next = Some(at + announce.every);
            waiting.phase = sound.map_or(Phase::Music, Phase::Announcing);
        }
    }

    /// A value in the language of the call.
    pub(super) fn spoken(&self, how: Spoken, text: &str) -> Vec<PromptRef> {
        let Some(language) = self.flow.languages.get(self.language) else {
            return Vec::new();
        };
        let pieces = language
            .grammar
            .map_or_else(Vec::new, |grammar| grammar.say(how, text));
        let said = |id: &str| PromptRef {
            language: language.tag.clone(),
            id: id.to_owned(),
        };
        pieces.into_iter().map(said).collect()
    }

    fn music(&mut self, wait: &WhileWaiting) {
        let music = PromptRef {
            language: String::new(),
            id: wait.music.id.clone(),
        };
        self.push_play(vec![music], Duration::ZERO, true);
    }

    fn queue_node(&self) -> Option<&Queue> {
        let NodeIndex(at) = self.node;
        match self.flow.nodes.get(at).map(|node| &node.kind) {
            Some(NodeKind::Queue(queue)) => Some(queue),
            _ => None,
        }
    }

    fn wait<'a>(&self, flow: &'a Flow) -> Option<&'a WhileWaiting> {
        self.queue_node().and_then(|queue| flow.waits.get(queue.waiting))
    }
}
