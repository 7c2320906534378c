//! Real calls against another version: the keys and the world's answers that the journal holds, in virtual time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use hotline_types::{FlowOutReason, Now, Pii, Time, WallTime};

use crate::{CallerFacts, Effect, Flow, Input, LookupAnswer, Output, Run};

/// Effects of one replayed call at most.
const EFFECTS_MAX: usize = 5_000;

/// What the journal holds of one call's way through its flow.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// What menus heard, in order; `none` for a time-out.
    pub heard: VecDeque<String>,
    /// The ways taken from each node, in order.
    pub ways: BTreeMap<String, VecDeque<String>>,
    /// Where it came to: see [`Trace::replay`].
    pub outcome: String,
}

impl Trace {
    /// Goes through this version as the call did: `queue NAME` for the first queue that it comes to, else `at NODE` where
    /// the caller's keys or the flow end. None: digits were collected, which nobody keeps.
    #[must_use]
    pub fn replay(&self, flow: &Arc<Flow>) -> Option<String> {
        let mut trace = self.clone();
        let mut run = Run::new(Arc::clone(flow));
        let mut now = Time::ZERO;
        let mut inputs = VecDeque::from([Input::Start]);
        let mut deadline = None;
        let mut sound = None;
        for _ in 0..EFFECTS_MAX {
            if let Some(input) = inputs.pop_front() {
                run.handle(Now::new(now, WallTime::default()), input);
            }
            match run.poll() {
                Output::Effect(Effect::Enqueue { queue, .. }) => return Some(format!("queue {queue}")),
                Output::Effect(Effect::Hangup | Effect::Reject { .. }) => break,
                Output::Effect(Effect::Play {
                    play, looped: false, ..
                }) => sound = Some(play),
                Output::Effect(effect) => inputs.extend(trace.answer(&effect, run.node())),
                Output::Timeout(at) => deadline = at,
            }
            if !inputs.is_empty() || run.has_more() {
                continue;
            }
            if run.takes_keys() {
                let Some(keys) = trace.heard.pop_front() else {
                    break;
                };
                if keys == "none" {
                    if let Some(play) = sound.take() {
                        run.handle(Now::new(now, WallTime::default()), Input::PlayEnded(play));
                    }
                    while let Output::Effect(_) = run.poll() {}
                    if let Output::Timeout(Some(at)) = run.poll() {
                        now = at;
                    }
                    inputs.push_back(Input::Timeout);
                } else {
                    inputs.extend(keys.chars().map(|key| Input::Digit(Pii::new(key))));
                }
            } else if let Some(play) = sound.take() {
                inputs.push_back(Input::PlayEnded(play));
            } else if let Some(at) = deadline.take() {
                now = at;
                inputs.push_back(Input::Timeout);
            } else {
                break;
            }
            if run.collects() {
                return None;
            }
        }
        Some(format!("at {}", run.node()))
    }

    /// What the world answered then.
    fn answer(&mut self, effect: &Effect, node: &str) -> Option<Input> {
        let mut way = || {
            self.ways
                .get_mut(node)
                .and_then(VecDeque::pop_front)
                .unwrap_or_default()
        };
        match effect {
            Effect::AskOpen { .. } => Some(Input::Open(way() != "closed")),
            Effect::AskPosition => Some(Input::Position(1)),
            Effect::AskWait => Some(Input::Wait(None)),
            Effect::Answer => Some(Input::Answered),
            Effect::AskCaller => {
                let way = way();
                Some(Input::Caller(CallerFacts {
                    blocked: way == "blocked",
                    anonymous: way == "anonymous",
                    vip: way == "vip",
                    seen: way == "seen",
                }))
            }
            Effect::Lookup { lookup, .. } => Some(Input::LookedUp {
                lookup: *lookup,
                answer: match way().as_str() {
                    "found" => LookupAnswer::Found(Vec::new()),
                    "not_found" => LookupAnswer::NotFound,
                    _ => LookupAnswer::Failed,
                },
            }),
            Effect::CallBack { .. } => Some(Input::CallBackKept(way() != "failed")),
            Effect::Transfer { .. } => Some(Input::TransferFailed(crate::TransferFailure::Failed)),
            Effect::LeaveQueue => Some(Input::QueueExit(FlowOutReason::Key)),
            _ => None,
        }
    }
}
