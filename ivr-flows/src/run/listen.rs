//! Nodes that take keys: menus, collects and surveys, with what they forgive.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use hotline_types::{Pii, Time};

use super::{Effect, NEXT, NodeIndex, NodeKind, Prompt, Run, Sound, State, Value, validate};
use crate::model::{Collect, Failure, NO_INPUT, NO_MATCH, Validator};

/// How far a node that takes keys is.
#[derive(Clone, Debug)]
pub(super) struct Listen {
    phase: Phase,
    typed: Pii<String>,
    no_input: u32,
    no_match: u32,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Prompting(Sound),
    Silent { until: Time },
}

impl Listen {
    /// Whether its prompts are over or cut.
    pub(super) const fn is_silent(&self) -> bool {
        matches!(self.phase, Phase::Silent { .. })
    }

    /// When its time is over; the playout that has to end first, where one plays.
    pub(super) const fn deadline(&self) -> Result<Time, Sound> {
        match self.phase {
            Phase::Silent { until } => Ok(until),
            Phase::Prompting(sound) => Err(sound),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failed {
    NoInput,
    NoMatch,
}

/// What a key did.
enum Took {
    /// More may follow.
    More,
    /// It fits nothing.
    Wrong,
    /// The node is left.
    Left(Cow<'static, str>, NodeIndex),
}

impl Run {
    /// Begins to ask; keys pressed before count as answers.
    pub(super) fn ask(&mut self, prompts: &[Prompt], barge_in: bool, at: Time) {
        if !barge_in {
            self.early.clear();
        }
        let early = self.early.pop_front();
        let phase = match early {
            Some(_) => Phase::Silent { until: at },
            None => Phase::Prompting(self.play(prompts, &[], at)),
        };
        self.state = State::Listening(Listen {
            phase,
            typed: Pii::default(),
            no_input: 0,
            no_match: 0,
        });
        if let Some(digit) = early {
            self.key(digit.into_inner(), at);
        }
    }

    /// Whether the node it is at lets keys cut its prompts.
    pub(super) fn barge_in(&self) -> bool {
        match self.kind() {
            Some(NodeKind::Menu(menu)) => menu.barge_in,
            Some(NodeKind::Collect(collect)) => collect.barge_in,
            _ => true,
        }
    }

    fn kind(&self) -> Option<&NodeKind> {
        self.flow.nodes.get(self.node.0).map(|node| &node.kind)
    }

    /// The prompts are over: now the time for a key runs.
    pub(super) fn asked(&mut self, play: u64, at: Time) {
        let timeout = match self.kind() {
            Some(NodeKind::Menu(menu)) => menu.timeout,
            Some(NodeKind::Collect(collect)) => collect.timeout,
            Some(NodeKind::Survey(survey)) => survey.timeout,
            _ => Duration::ZERO,
        };
        if let State::Listening(listen) = &mut self.state
            && matches!(listen.phase, Phase::Prompting(sound) if sound.play == play)
        {
            listen.phase = Phase::Silent { until: at + timeout };
        }
    }

    /// Takes a key, and those that were pressed ahead as long as the node wants more.
    pub(super) fn key(&mut self, key: char, at: Time) {
        let mut key = Some(key);
        while let Some(one) = key.take() {
            match self.take_key(one, at) {
                Took::Left(way, to) => return self.go(Some(way), Some(to), at),
                Took::Wrong => return self.failed(Failed::NoMatch, at),
                Took::More => key = self.early.pop_front().map(Pii::into_inner),
            }
        }
    }

    fn take_key(&mut self, key: char, at: Time) -> Took {
        let flow = Arc::clone(&self.flow);
        let kind = flow.nodes.get(self.node.0).map(|node| &node.kind);
        let State::Listening(listen) = &mut self.state else {
            return Took::More;
        };
        let mut typed = listen.typed.reveal().clone();
        let inter_digit = match kind {
            Some(NodeKind::Menu(menu)) => {
                typed.push(key);
                if let Some((keys, to)) = menu.keys.get_key_value(&typed) {
                    let way = Cow::Owned(format!("key {keys}"));
                    self.outputs.push_back(Effect::Heard {
                        keys: Cow::Owned(typed),
                    });
                    return Took::Left(way, *to);
                }
                if !menu.keys.keys().any(|keys| keys.starts_with(&typed)) {
                    self.outputs.push_back(Effect::Heard {
                        keys: Cow::Owned(typed),
                    });
                    return Took::Wrong;
                }
                menu.inter_digit
            }
            Some(NodeKind::Collect(collect)) => {
                if key == collect.end {
                    return self.collected(collect);
                }
                typed.push(key);
                if typed.len() >= collect.max {
                    listen.typed = Pii::new(typed);
                    return self.collected(collect);
                }
                collect.inter_digit
            }
            Some(NodeKind::Survey(survey)) => {
                let score = key
                    .to_digit(10)
                    .filter(|score| (survey.from..=survey.to).contains(score));
                let Some(score) = score else { return Took::Wrong };
                self.outputs.push_back(Effect::Survey {
                    question: survey.question.clone(),
                    score: Some(score),
                });
                return Took::Left(Cow::Borrowed(NEXT), survey.next);
            }
            _ => return Took::More,
        };
        if !listen.is_silent() {
            self.outputs.push_back(Effect::StopPlay);
        }
        listen.typed = Pii::new(typed);
        listen.phase = Phase::Silent {
            until: at + inter_digit,
        };
        Took::More
    }

    /// Digits are complete: into the variable, or wrong.
    fn collected(&mut self, collect: &Collect) -> Took {
        let State::Listening(listen) = &mut self.state else {
            return Took::More;
        };
        let typed = std::mem::take(&mut listen.typed);
        let fits = typed.reveal().len() >= collect.min
            && collect
                .validate
                .iter()
                .all(|validator| holds(validator, &typed, &self.vars));
        if !fits {
            return Took::Wrong;
        }
        self.put(collect.var, Value::Text(typed));
        Took::Left(Cow::Borrowed(NEXT), collect.next)
    }

    /// The time for a key is over.
    pub(super) fn silence(&mut self, at: Time) {
        let flow = Arc::clone(&self.flow);
        let State::Listening(listen) = &self.state else {
            return;
        };
        if listen.typed.reveal().is_empty() {
            if matches!(self.kind(), Some(NodeKind::Menu(_))) {
                self.outputs.push_back(Effect::Heard {
                    keys: Cow::Borrowed("none"),
                });
            }
            return self.failed(Failed::NoInput, at);
        }
        let took = match flow.nodes.get(self.node.0).map(|node| &node.kind) {
            Some(NodeKind::Collect(collect)) => self.collected(collect),
            _ => Took::Wrong,
        };
        match took {
            Took::Left(way, to) => self.go(Some(way), Some(to), at),
            Took::Wrong | Took::More => self.failed(Failed::NoMatch, at),
        }
    }

    /// Counts the failure; asks again, or leaves. What was typed ahead of a failure is no longer meant.
    fn failed(&mut self, failed: Failed, at: Time) {
        let flow = Arc::clone(&self.flow);
        let Some(kind) = flow.nodes.get(self.node.0).map(|node| &node.kind) else {
            return;
        };
        let (again, no_input, no_match) = match kind {
            NodeKind::Menu(menu) => (&menu.short, &menu.no_input, &menu.no_match),
            NodeKind::Collect(collect) => (&collect.prompts, &collect.no_input, &collect.no_match),
            NodeKind::Survey(survey) => (&survey.prompts, &survey.no_input, &survey.no_match),
            _ => return,
        };
        let State::Listening(listen) = &mut self.state else {
            return;
        };
        let (count, failure, way): (_, &Failure, _) = match failed {
            Failed::NoInput => (&mut listen.no_input, no_input, NO_INPUT),
            Failed::NoMatch => (&mut listen.no_match, no_match, NO_MATCH),
        };
        *count += 1;
        listen.typed = Pii::default();
        self.early.clear();
        if *count >= failure.max {
            if let NodeKind::Survey(survey) = kind {
                self.outputs.push_back(Effect::Survey {
                    question: survey.question.clone(),
                    score: None,
                });
            }
            return self.leave(way, failure.next, at);
        }
        let sound = self.play(&failure.prompts, again, at);
        if let State::Listening(listen) = &mut self.state {
            listen.phase = Phase::Prompting(sound);
        }
    }
}

fn holds(validator: &Validator, typed: &Pii<String>, vars: &[Value]) -> bool {
    let text = typed.reveal();
    match validator {
        Validator::Regex(regex) => regex.is_match(text),
        Validator::Luhn => validate::luhn(text),
        Validator::Mod11 => validate::mod11(text),
        Validator::Date => validate::date(text),
        Validator::If(expr) => {
            let mut vars = vars.to_vec();
            vars.push(Value::Text(typed.clone()));
            expr.value(&vars).flag()
        }
    }
}
