//! The stage on which a test's call takes place: virtual time, and a world that answers as the test says.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use hotline_types::{FlowOutReason, Now, Pii, Time, WallTime};

use super::{Exit, LookupStub, Step, TransferStub, Trial};
use crate::{CallerFacts, Effect, Facts, Flow, Input, LookupAnswer, Output, PromptRef, Run, TransferFailure};

/// Playouts that may pass before a prompt that must be heard.
const PLAYS_MAX: usize = 64;
/// Deadlines that may pass in one `pass`.
const DEADLINES_MAX: usize = 10_000;

/// What plays.
struct Playing {
    play: u64,
    prompts: Vec<PromptRef>,
    looped: bool,
}

pub(super) struct Stage<'a> {
    test: &'a Trial,
    run: Run,
    now: Time,
    deadline: Option<Time>,
    playing: Option<Playing>,
    /// Edges gone: node and way.
    pub(super) gone: BTreeSet<(String, String)>,
    last: Option<String>,
    visited: Vec<String>,
    queued: Option<(String, Duration)>,
    ended: Option<String>,
    answered: bool,
    survey: BTreeMap<String, u32>,
    kept: Vec<String>,
    mailbox: String,
    called_back: Vec<String>,
    notes: BTreeMap<String, String>,
    failures: Vec<String>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(flow: Arc<Flow>, test: &'a Trial) -> Self {
        let answered = !flow.answers();
        let run = match &test.language {
            Some(language) => Run::in_language(flow, language),
            None => Run::new(flow),
        };
        Self {
            test,
            run,
            now: Time::ZERO,
            deadline: None,
            playing: None,
            gone: BTreeSet::new(),
            last: None,
            visited: Vec::new(),
            queued: None,
            ended: None,
            answered,
            survey: BTreeMap::new(),
            kept: Vec::new(),
            mailbox: String::new(),
            called_back: Vec::new(),
            notes: BTreeMap::new(),
            failures: Vec::new(),
        }
    }

    /// Plays the call; what differed from what was expected.
    pub(super) fn play(&mut self) -> Vec<String> {
        match facts(self.test) {
            Ok(facts) => self.run = self.run.clone().with_facts(&facts),
            Err(error) => self.failures.push(error),
        }
        self.input(Input::Start);
        for (at, step) in self.test.steps.iter().enumerate() {
            if !self.failures.is_empty() {
                break;
            }
            let before = self.failures.len();
            self.step(&step.value);
            if self.failures.len() > before
                && let Some(told) = self.failures.last_mut()
            {
                *told = format!("step {} (line {}): {told}", at + 1, step.referenced.line());
            }
        }
        if self.failures.is_empty() {
            self.settle();
            self.compare();
        }
        std::mem::take(&mut self.failures)
    }

    fn fail(&mut self, what: String) {
        self.failures.push(what);
    }

    fn step(&mut self, step: &Step) {
        if self.ended.is_some() {
            return self.fail(format!(
                "the call is over at {:?}, before {step:?}",
                self.run.node()
            ));
        }
        match step {
            Step::Hear(id) => self.hear(id),
            Step::Press(keys) => {
                for key in keys.chars() {
                    self.input(Input::Digit(Pii::new(key)));
                }
            }
            Step::Silence => {
                self.settle();
                match self.deadline {
                    Some(at) if !self.run.is_queued() => {
                        self.now = at;
                        self.input(Input::Timeout);
                    }
                    _ => self.fail(format!("{:?} does not wait for the caller", self.run.node())),
                }
            }
            Step::Pass(time) => match seconds(time) {
                Some(time) => self.pass(time),
                None => self.fail(format!("{time:?} is no time: write 40s")),
            },
            Step::Offer => self.input(Input::OfferStarted),
            Step::OfferOver => self.input(Input::OfferEnded),
            Step::Talk => {
                self.settle();
                if !self.run.is_queued() {
                    return self.fail(format!("nobody waits at {:?}", self.run.node()));
                }
                self.input(Input::OfferStarted);
                let node = self.run.node().to_owned();
                self.input(Input::AgentLeft);
                if self.run.node() == node {
                    self.ended = Some("gone".to_owned());
                }
            }
            Step::Queue(exit) => {
                self.settle();
                self.input(Input::QueueExit(match exit {
                    Exit::Timeout => FlowOutReason::Timeout,
                    Exit::Full => FlowOutReason::Full,
                    Exit::NoStaff => FlowOutReason::NoStaff,
                }));
            }
            Step::HangUp => self.ended = Some("gone".to_owned()),
        }
    }

    /// Lets playouts end until this prompt is heard.
    fn hear(&mut self, id: &str) {
        for _ in 0..PLAYS_MAX {
            let Some(playing) = &mut self.playing else {
                let due = self.deadline.filter(|_| self.run.is_queued());
                let Some(at) = due else { break };
                self.now = at;
                self.input(Input::Timeout);
                continue;
            };
            let name = |prompt: &PromptRef| match prompt.language.as_str() {
                "" => prompt.id.clone(),
                language => format!("{language}/{}", prompt.id),
            };
            let found = playing
                .prompts
                .iter()
                .position(|prompt| prompt.id == id || name(prompt) == id);
            if let Some(at) = found {
                // What was heard is behind the caller; the same words must be said again to be heard again.
                playing.prompts.drain(..=at);
                return;
            }
            if playing.looped {
                let due = self.deadline.filter(|_| self.run.is_queued());
                let Some(at) = due else { break };
                self.now = at;
                self.input(Input::Timeout);
            } else {
                let play = playing.play;
                self.playing = None;
                self.input(Input::PlayEnded(play));
            }
            if self.ended.is_some() {
                break;
            }
        }
        self.fail(format!(
            "{id:?} was not heard; the call is at {:?}",
            self.run.node()
        ));
    }

    /// Lets what plays come to its end, until the flow waits for the caller, a queue or the world.
    fn settle(&mut self) {
        for _ in 0..PLAYS_MAX {
            match &self.playing {
                Some(playing) if !playing.looped && self.ended.is_none() => {
                    let play = playing.play;
                    self.playing = None;
                    self.input(Input::PlayEnded(play));
                }
                _ => return,
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        self.settle();
        let until = self.now + time;
        for _ in 0..DEADLINES_MAX {
            match self.deadline {
                Some(at) if at <= until && self.ended.is_none() => {
                    self.now = at.max(self.now);
                    self.input(Input::Timeout);
                    self.settle();
                }
                _ => break,
            }
        }
        self.now = until;
    }

    fn input(&mut self, input: Input) {
        let mut answers = vec![input];
        while let Some(input) = answers.pop() {
            self.run.handle(Now::new(self.now, WallTime::default()), input);
            loop {
                match self.run.poll() {
                    Output::Timeout(at) => {
                        self.deadline = at;
                        break;
                    }
                    Output::Effect(effect) => answers.extend(self.effect(effect)),
                }
            }
        }
    }

    /// Carries an effect out; the world's answer where there is one.
    fn effect(&mut self, effect: Effect) -> Option<Input> {
        let stub = &self.test.stub;
        match effect {
            Effect::Play {
                play,
                prompts,
                looped,
                ..
            } => {
                self.playing = Some(Playing {
                    play,
                    prompts,
                    looped,
                });
            }
            Effect::StopPlay => self.playing = None,
            Effect::AskOpen { calendar } => return Some(Input::Open(!stub.closed.contains(&calendar))),
            Effect::AskPosition => return Some(Input::Position(stub.position.unwrap_or(1))),
            Effect::AskWait | Effect::AskEstimate { .. } => {
                return Some(Input::Wait(stub.wait.map(Duration::from_secs)));
            }
            Effect::Answer => {
                self.answered = true;
                return Some(Input::Answered);
            }
            Effect::Reject { status } => self.ended = Some(format!("rejected {status}")),
            Effect::AskCaller => {
                let has = |what: &str| stub.caller.iter().any(|known| known == what);
                return Some(Input::Caller(CallerFacts {
                    blocked: has("blocked"),
                    anonymous: has("anonymous"),
                    vip: has("vip"),
                    seen: has("seen"),
                }));
            }
            Effect::Lookup { lookup, name, .. } => return lookup_answer(stub.lookup.get(&name), lookup),
            Effect::Record { mailbox, .. } => {
                self.playing = None;
                self.mailbox = mailbox;
            }
            Effect::StopRecord { keep } => self.kept.extend(keep.then(|| self.mailbox.clone())),
            Effect::CallBack { queue, .. } => {
                let kept = stub.call_back.unwrap_or(true);
                self.called_back.extend(kept.then(|| queue.to_string()));
                return Some(Input::CallBackKept(kept));
            }
            Effect::Survey { question, score } => {
                self.survey.extend(score.map(|score| (question, score)));
            }
            Effect::Transfer { .. } => match stub.transfer {
                Some(why) => {
                    return Some(Input::TransferFailed(match why {
                        TransferStub::Busy => TransferFailure::Busy,
                        TransferStub::NoAnswer => TransferFailure::NoAnswer,
                        TransferStub::Failed => TransferFailure::Failed,
                    }));
                }
                None => self.ended = Some("transferred".to_owned()),
            },
            Effect::Note { name, value } => {
                self.notes.insert(name, value.into_inner());
            }
            Effect::Enqueue { queue, priority } => self.queued = Some((queue.to_string(), priority)),
            Effect::Node { node, way } => self.visit(node, way.map(Cow::into_owned)),
            Effect::Hangup => self.ended = Some("hung_up".to_owned()),
            Effect::Early | Effect::LeaveQueue | Effect::Heard { .. } => {}
        }
        None
    }

    fn visit(&mut self, node: String, way: Option<String>) {
        if let (Some(last), Some(way)) = (self.last.take(), way) {
            self.gone.insert((last, way));
        }
        self.last = Some(node.clone());
        self.visited.push(node);
    }

    fn compare(&mut self) {
        let expect = &self.test.expect;
        let mut told = Vec::new();
        let mut check = |what: &str, is: String, should: Option<String>| {
            if let Some(should) = should
                && should != is
            {
                told.push(format!("{what} is {is}, expected {should}"));
            }
        };
        let queued = self.queued.as_ref();
        check(
            "queued",
            queued.map_or_else(|| "nowhere".to_owned(), |(queue, _)| queue.clone()),
            expect.queued.clone(),
        );
        check(
            "priority",
            format!("{}s", queued.map_or(0, |(_, priority)| priority.as_secs())),
            expect.priority.clone(),
        );
        check(
            "visited",
            self.visited.join(" "),
            expect.visited.as_ref().map(|nodes| nodes.join(" ")),
        );
        check("node", self.run.node().to_owned(), expect.node.clone());
        let ended = self.ended.clone().unwrap_or_else(|| "waiting".to_owned());
        check("ended", ended, expect.ended.clone());
        check(
            "language",
            self.run.language().to_owned(),
            expect.language.clone(),
        );
        let shown = |map: &BTreeMap<String, u32>| format!("{map:?}");
        check("survey", shown(&self.survey), expect.survey.as_ref().map(shown));
        check(
            "voicemail",
            self.kept.join(" "),
            expect.voicemail.as_ref().map(|all| all.join(" ")),
        );
        check(
            "call_back",
            self.called_back.join(" "),
            expect.call_back.as_ref().map(|all| all.join(" ")),
        );
        let shown = |map: &BTreeMap<String, String>| format!("{map:?}");
        check("notes", shown(&self.notes), expect.notes.as_ref().map(shown));
        check(
            "answered",
            self.answered.to_string(),
            expect.answered.map(|answered| answered.to_string()),
        );
        for (name, should) in expect.vars.iter().flatten() {
            let is = self
                .run
                .variable(name)
                .map_or_else(|| "unknown".to_owned(), |value| value.text());
            check(&format!("variable {name}"), is, Some(should.clone()));
        }
        self.failures.append(&mut told);
    }
}

fn lookup_answer(stub: Option<&LookupStub>, lookup: u64) -> Option<Input> {
    let answer = match stub {
        Some(LookupStub::Found(fields)) => LookupAnswer::Found(
            fields
                .iter()
                .map(|(name, text)| (name.clone(), Pii::new(text.clone())))
                .collect(),
        ),
        Some(LookupStub::Error) => LookupAnswer::Failed,
        Some(LookupStub::Timeout) => return None,
        Some(LookupStub::NotFound) | None => LookupAnswer::NotFound,
    };
    Some(Input::LookedUp { lookup, answer })
}

/// `40s`, `2m` or `1500ms`.
fn seconds(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|end: char| end.is_ascii_alphabetic());
    let number: u32 = digits.parse().ok()?;
    let milliseconds = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return None,
    };
    Some(Duration::from_millis(u64::from(number) * milliseconds))
}

/// What the call knows of its time: `2026-11-21T23:10`, with or without seconds and zone.
fn facts(test: &Trial) -> Result<Facts, String> {
    let mut facts = Facts {
        caller: Pii::new(test.caller.clone()),
        number: test.number.clone(),
        minutes: 600,
        weekday: 1,
        today: 20_260_105,
    };
    let Some(at) = &test.at else { return Ok(facts) };
    let number = |from: usize, to: usize| at.get(from..to).and_then(|text| text.parse::<u32>().ok());
    let (Some(year), Some(month), Some(day), Some(hour), Some(minute)) = (
        number(0, 4),
        number(5, 7),
        number(8, 10),
        number(11, 13),
        number(14, 16),
    ) else {
        return Err(format!("{at:?} is no time: write 2026-11-21T23:10"));
    };
    facts.minutes = hour % 24 * 60 + minute % 60;
    facts.today = year * 10_000 + month * 100 + day;
    facts.weekday = weekday(year, month, day);
    Ok(facts)
}

/// Sakamoto's rule; 1 for Monday.
fn weekday(year: u32, month: u32, day: u32) -> u32 {
    const OFFSETS: [u32; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
    let year = year - u32::from(month < 3);
    let offset = usize::try_from(month.saturating_sub(1)).ok();
    let offset = offset.and_then(|at| OFFSETS.get(at)).copied().unwrap_or(0);
    let sunday = (year + year / 4 - year / 100 + year / 400 + offset + day) % 7;
    if sunday == 0 { 7 } else { sunday }
}
