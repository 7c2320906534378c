//! What each kind of node does when a call comes to it, and with the answers to what it asked.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use hotline_types::{Pii, Time};

use super::{
    ANSWER_WAIT_MAX, ByCaller, CALL_BACK_WAIT_MAX, CALLER_WAIT_MAX, CallerFacts, Effect, LookupAnswer, NEXT,
    NodeIndex, NodeKind, PromptRef, Run, State, TONE, TransferFailure, Value,
};
use crate::model::{Lookup, Part, Voicemail};
use crate::say::Spoken;

/// Between digits that are read out one by one.
const DIGIT_GAP: Duration = Duration::from_millis(80);

/// The way and the node that come next where a node is passed through.
type Passed = Option<(Cow<'static, str>, NodeIndex)>;

const fn next(to: NodeIndex) -> Passed {
    Some((Cow::Borrowed(NEXT), to))
}

impl Run {
    /// Enters a node; the next one where this one is passed through.
    pub(super) fn enter(&mut self, index: NodeIndex, way: Option<Cow<'static, str>>, at: Time) -> Passed {
        let flow = Arc::clone(&self.flow);
        let Some(node) = flow.nodes.get(index.0) else {
            self.finish(None);
            return None;
        };
        self.node = index;
        self.outputs.push_back(Effect::Node {
            node: node.name.as_ref().to_owned(),
            way,
        });
        match &node.kind {
            NodeKind::Play {
                parts,
                barge_in,
                next: to,
            } => return self.enter_play(parts, *barge_in, *to, at),
            NodeKind::Menu(menu) => self.ask(&menu.long, menu.barge_in, at),
            NodeKind::Collect(collect) => self.ask(&collect.prompts, collect.barge_in, at),
            NodeKind::Survey(survey) => self.ask(&survey.prompts, true, at),
            NodeKind::Set { vars, next: to } => {
                let values: Vec<_> = vars
                    .iter()
                    .map(|(at, expr)| (*at, expr.value(&self.vars)))
                    .collect();
                for (at, value) in values {
                    self.put(at, value);
                }
                return next(*to);
            }
            NodeKind::Branch { cases, otherwise } => {
                let holds = cases.iter().position(|(when, _)| when.value(&self.vars).flag());
                return match holds.and_then(|at| Some((at, cases.get(at)?.1))) {
                    Some((at, to)) => Some((Cow::Owned(format!("if {}", at + 1)), to)),
                    None => Some((Cow::Borrowed("else"), *otherwise)),
                };
            }
            NodeKind::Note {
                name,
                value,
                next: to,
            } => {
                self.outputs.push_back(Effect::Note {
                    name: name.clone(),
                    value: Pii::new(value.value(&self.vars).text()),
                });
                return next(*to);
            }
            NodeKind::Language { language, next: to } => {
                self.speak(*language);
                return next(*to);
            }
            NodeKind::Goto { next: to } => return next(*to),
            NodeKind::Answer { next: to } if self.answered => return next(*to),
            kind => self.enter_waiting(kind, at),
        }
        None
    }

    /// The kinds that wait for the world's answer.
    fn enter_waiting(&mut self, kind: &NodeKind, at: Time) {
        match kind {
            NodeKind::Answer { next } => {
                self.outputs.push_back(Effect::Answer);
                self.state = State::Answering {
                    until: at + ANSWER_WAIT_MAX,
                    next: *next,
                };
            }
            NodeKind::Caller(_) => {
                self.outputs.push_back(Effect::AskCaller);
                self.state = State::AskingCaller {
                    until: at + CALLER_WAIT_MAX,
                };
            }
            NodeKind::Lookup(lookup) => self.enter_lookup(lookup, at),
            NodeKind::Calendar {
                calendar,
                open,
                closed,
                ..
            } => {
                self.outputs.push_back(Effect::AskOpen {
                    calendar: calendar.clone(),
                });
                self.state = State::Asking {
                    open: *open,
                    closed: *closed,
                };
            }
            NodeKind::Estimate { queue, .. } => {
                self.outputs
                    .push_back(Effect::AskEstimate { queue: queue.clone() });
                self.state = State::Estimating;
            }
            NodeKind::Queue(queue) => self.enter_queue(queue, at),
            NodeKind::Voicemail(voicemail) => self.greet(voicemail, at),
            NodeKind::CallBack { queue, number, .. } => {
                let number = number.and_then(|at| self.vars.get(at));
                self.outputs.push_back(Effect::CallBack {
                    queue: queue.clone(),
                    number: number.map(|number| Pii::new(number.text())),
                });
                self.state = State::CallingBack {
                    until: at + CALL_BACK_WAIT_MAX,
                };
            }
            NodeKind::Transfer(transfer) => {
                self.outputs.push_back(Effect::Transfer {
                    to: Pii::new(transfer.to.value(&self.vars).text()),
                    ring: transfer.ring,
                });
                self.state = State::Transferring;
            }
            NodeKind::Reject { status, prompts } => self.close(prompts, Some(*status), at),
            NodeKind::Hangup { prompts } => self.close(prompts, None, at),
            NodeKind::Play { .. }
            | NodeKind::Menu(_)
            | NodeKind::Collect(_)
            | NodeKind::Survey(_)
            | NodeKind::Set { .. }
            | NodeKind::Branch { .. }
            | NodeKind::Note { .. }
            | NodeKind::Language { .. }
            | NodeKind::Goto { .. } => {}
        }
    }

    fn close(&mut self, prompts: &[crate::model::Prompt], status: Option<u16>, at: Time) {
        if prompts.is_empty() {
            return self.finish(status);
        }
        let sound = self.play(prompts, &[], at);
        self.state = State::Closing { sound, status };
    }

    fn enter_play(&mut self, parts: &[Part], barge_in: bool, to: NodeIndex, at: Time) -> Passed {
        if barge_in && !self.early.is_empty() {
            return next(to);
        }
        let mut prompts = Vec::with_capacity(parts.len());
        let mut gap = Duration::ZERO;
        for part in parts {
            match part {
                Part::Prompt(prompt) => prompts.push(self.prompt(prompt)),
                Part::Value(how, expr, _) => {
                    if *how == Spoken::Digits {
                        gap = DIGIT_GAP;
                    }
                    prompts.extend(self.spoken(*how, &expr.value(&self.vars).text()));
                }
            }
        }
        if prompts.is_empty() {
            // Nothing that can be said, such as a date that is none.
            return next(to);
        }
        let sound = self.play_refs(prompts, gap, at);
        self.state = State::Playing {
            sound,
            barge_in,
            next: to,
        };
        None
    }

    /// Whoever is unknown within the time is anybody.
    pub(super) fn caller_told(&mut self, facts: CallerFacts, at: Time) {
        let flow = Arc::clone(&self.flow);
        let (State::AskingCaller { .. }, Some(NodeKind::Caller(by))) =
            (&self.state, flow.nodes.get(self.node.0).map(|node| &node.kind))
        else {
            return;
        };
        let ByCaller {
            blocked,
            anonymous,
            vip,
            seen,
            otherwise,
        } = by;
        let fits = [
            ("blocked", facts.blocked, blocked),
            ("anonymous", facts.anonymous, anonymous),
            ("vip", facts.vip, vip),
            ("seen", facts.seen, seen),
        ];
        let found = fits
            .into_iter()
            .find_map(|(way, holds, to)| Some((way, to.filter(|_| holds)?)));
        let (way, to) = found.unwrap_or(("else", *otherwise));
        self.leave(way, to, at);
    }

    fn enter_lookup(&mut self, lookup: &Lookup, at: Time) {
        if let Some(filler) = &lookup.filler {
            // Music has no language; a spoken filler has the caller's.
            let music = filler.language.is_none() && filler.id.starts_with("music");
            let prompt = if music {
                PromptRef {
                    language: String::new(),
                    id: filler.id.clone(),
                }
            } else {
                self.prompt(filler)
            };
            self.push_play(vec![prompt], Duration::ZERO, true);
        }
        self.look_up(lookup, at + lookup.deadline, lookup.retries, at);
    }

    fn look_up(&mut self, lookup: &Lookup, until: Time, retries: u32, at: Time) {
        self.lookups += 1;
        let with = lookup
            .with
            .iter()
            .map(|(field, value)| (field.clone(), Pii::new(value.value(&self.vars).text())));
        self.outputs.push_back(Effect::Lookup {
            lookup: self.lookups,
            name: lookup.name.clone(),
            with: with.collect(),
            deadline: until.since(at),
        });
        self.state = State::LookingUp {
            until,
            lookup: self.lookups,
            retries,
        };
    }

    pub(super) fn looked_up(&mut self, number: u64, answer: LookupAnswer, at: Time) {
        let flow = Arc::clone(&self.flow);
        let State::LookingUp {
            until,
            lookup: asked,
            retries,
        } = self.state
        else {
            return;
        };
        let Some(NodeKind::Lookup(lookup)) = flow.nodes.get(self.node.0).map(|node| &node.kind) else {
            return;
        };
        if asked != number {
            return;
        }
        match answer {
            LookupAnswer::Found(fields) => {
                for (at, field) in &lookup.into {
                    let found = fields.iter().find(|(name, _)| name == field);
                    let kind = self.vars.get(*at).map(Value::kind);
                    if let (Some((_, text)), Some(kind)) = (found, kind) {
                        self.put(*at, Value::read(kind, text.reveal()));
                    }
                }
                self.leave("found", lookup.found, at);
            }
            LookupAnswer::NotFound => self.leave("not_found", lookup.not_found, at),
            LookupAnswer::Failed if retries > 0 => self.look_up(lookup, until, retries - 1, at),
            LookupAnswer::Failed => self.leave("error", lookup.error, at),
        }
    }

    pub(super) fn call_back_told(&mut self, kept: bool, at: Time) {
        let flow = Arc::clone(&self.flow);
        let node = flow.nodes.get(self.node.0).map(|node| &node.kind);
        if let (
            State::CallingBack { .. },
            Some(NodeKind::CallBack {
                registered, failed, ..
            }),
        ) = (&self.state, node)
        {
            if kept {
                self.leave("registered", *registered, at);
            } else {
                self.leave("failed", *failed, at);
            }
        }
    }

    pub(super) fn estimated(&mut self, wait: Option<Duration>, at: Time) {
        let flow = Arc::clone(&self.flow);
        let node = flow.nodes.get(self.node.0).map(|node| &node.kind);
        let Some(NodeKind::Estimate {
            var, no_staff, next, ..
        }) = node
        else {
            return;
        };
        match wait {
            Some(wait) => {
                let seconds = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
                self.put(*var, Value::Number(seconds));
                self.leave(NEXT, *next, at);
            }
            None => self.leave("no_staff", *no_staff, at),
        }
    }

    pub(super) fn transfer_failed(&mut self, why: TransferFailure, at: Time) {
        let flow = Arc::clone(&self.flow);
        let node = flow.nodes.get(self.node.0).map(|node| &node.kind);
        if let (State::Transferring, Some(NodeKind::Transfer(transfer))) = (&self.state, node) {
            let (way, to) = match why {
                TransferFailure::Busy => ("busy", transfer.busy),
                TransferFailure::NoAnswer => ("no_answer", transfer.no_answer),
                TransferFailure::Failed => ("failed", transfer.failed),
            };
            self.leave(way, to, at);
        }
    }

    /// The answer to what a node asked did not come in time.
    pub(super) fn unanswered(&mut self, at: Time) {
        let flow = Arc::clone(&self.flow);
        match (&self.state, flow.nodes.get(self.node.0).map(|node| &node.kind)) {
            (State::AskingCaller { .. }, _) => self.caller_told(CallerFacts::default(), at),
            (State::LookingUp { .. }, Some(NodeKind::Lookup(lookup))) => {
                self.leave("timeout", lookup.timeout, at);
            }
            (State::CallingBack { .. }, _) => self.call_back_told(false, at),
            _ => self.finish(None),
        }
    }

    fn greet(&mut self, voicemail: &Voicemail, at: Time) {
        self.early.clear();
        let mut prompts: Vec<_> = voicemail
            .prompts
            .iter()
            .map(|prompt| self.prompt(prompt))
            .collect();
        prompts.push(PromptRef {
            language: String::new(),
            id: TONE.to_owned(),
        });
        let sound = self.play_refs(prompts, Duration::ZERO, at);
        self.state = State::Greeting { sound };
    }

    fn voicemail(&self) -> Option<&Voicemail> {
        match self.flow.nodes.get(self.node.0).map(|node| &node.kind) {
            Some(NodeKind::Voicemail(voicemail)) => Some(voicemail),
            _ => None,
        }
    }

    /// The key that ends a message.
    pub(super) fn message_key(&self) -> Option<char> {
        self.voicemail().map(|voicemail| voicemail.end)
    }

    /// Begins to record; a key cut the words before.
    pub(super) fn record(&mut self, at: Time) {
        let Some(voicemail) = self.voicemail() else { return };
        let (mailbox, min, max) = (voicemail.mailbox.clone(), voicemail.min, voicemail.max);
        self.outputs.push_back(Effect::StopPlay);
        self.outputs.push_back(Effect::Record { mailbox, min });
        self.state = State::Recording {
            since: at,
            until: at + max,
        };
    }

    /// The caller ended the message, or it is as long as it may be.
    pub(super) fn message_ended(&mut self, at: Time) {
        let (Some(voicemail), State::Recording { since, .. }) = (self.voicemail(), &self.state) else {
            return;
        };
        let keep = at.since(*since) >= voicemail.min;
        let (way, to) = if keep {
            ("saved", voicemail.saved)
        } else {
            ("short", voicemail.short)
        };
        self.outputs.push_back(Effect::StopRecord { keep });
        self.leave(way, to, at);
    }
}
