//! One call in a flow: the machine that plays, listens and decides.

mod enter;
mod listen;
mod validate;
mod waiting;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use hotline_types::{FlowOutReason, Now, Pii, Time};

use crate::expr::Value;
use crate::model::{ByCaller, NEXT, NodeIndex, NodeKind, Prompt, given};
use crate::{CallerFacts, Effect, Facts, Flow, Input, LookupAnswer, Output, PromptRef, TransferFailure};
use listen::Listen;
use waiting::Waiting;

/// Keys kept that were pressed before their menu; the newest beyond are dropped.
pub const EARLY_DIGITS_MAX: usize = 8;

/// A playout whose end is not told by then is taken as ended: a caller never hangs in silence.
pub const PLAY_WAIT_MAX: Duration = Duration::from_secs(120);

/// Longest wait for the answer to a question about the caller; then it is anybody.
const CALLER_WAIT_MAX: Duration = Duration::from_secs(1);
/// Longest wait for a call-back to be registered; then it is not.
const CALL_BACK_WAIT_MAX: Duration = Duration::from_secs(5);
/// Longest wait for the caller's ACK; SIP ends the call before.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(40);
/// The tone before a message is recorded, a prompt without language.
pub(crate) const TONE: &str = "tone";

/// A call in a flow.
///
/// The order of calls: [`Run::handle`] with `Input::Start`, then [`Run::poll`] until it answers
/// `Output::Timeout`; the same after each further input. `AskOpen` and `AskPosition` are answered by the next
/// input about them. After `LeaveQueue` the flow is out of the queue at once; `QueueExit` of a key is not needed.
/// Inputs that do not fit the state (a late end of a playout, an exit of a queue left already) change nothing.
#[derive(Clone, Debug)]
pub struct Run {
    flow: Arc<Flow>,
    language: usize,
    state: State,
    /// The node the call is at.
    node: NodeIndex,
    early: VecDeque<Pii<char>>,
    outputs: VecDeque<Effect>,
    plays: u64,
    lookups: u64,
    /// What the variables hold.
    vars: Vec<Value>,
    /// Whether the call is answered, and whether 183 was sent before.
    answered: bool,
    progressed: bool,
    steps: u32,
    /// Whether `max_steps` was reached once, and `on_error` taken.
    rescued: bool,
    counts: RunCounts,
}

/// What a run met that its flow did not foresee.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunCounts {
    /// Keys dropped: pressed where none is taken, or beyond `EARLY_DIGITS_MAX`.
    pub digits_dropped: u32,
    /// Times that `max_steps` was reached.
    pub steps_exhausted: u32,
    /// Playouts whose end was not told within `PLAY_WAIT_MAX`.
    pub plays_overdue: u32,
}

#[derive(Clone, Debug)]
enum State {
    /// Not started.
    Fresh,
    /// In a play node.
    Playing {
        sound: Sound,
        barge_in: bool,
        next: NodeIndex,
    },
    /// In a menu, a collect or a survey.
    Listening(Listen),
    /// Waits for `Open`.
    Asking { open: NodeIndex, closed: NodeIndex },
    /// Waits for `Wait`.
    Estimating,
    /// Waits for `Answered`.
    Answering { until: Time, next: NodeIndex },
    /// Waits for `Caller`.
    AskingCaller { until: Time },
    /// Waits for `LookedUp`.
    LookingUp { until: Time, lookup: u64, retries: u32 },
    /// Says what is to be recorded.
    Greeting { sound: Sound },
    /// Records a message.
    Recording { since: Time, until: Time },
    /// Waits for `CallBackKept`.
    CallingBack { until: Time },
    /// Waits for what becomes of a transfer.
    Transferring,
    /// In a queue node.
    Queued(Waiting),
    /// Says the last words; then hangs up, or refuses with this status.
    Closing { sound: Sound, status: Option<u16> },
    /// Over.
    Over,
}

/// A playout that will end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sound {
    play: u64,
    overdue: Time,
}

/// The one timer that can run, per state.
enum Timer {
    PlayOverdue(u64),
    Listening,
    Waiting,
    Message,
    /// Nobody answered what was asked.
    Unanswered,
}

impl Run {
    /// A call that has not started, in the flow's own language.
    #[must_use]
    pub fn new(flow: Arc<Flow>) -> Self {
        let mut vars = flow.vars.clone();
        if let (Some(slot), Some(language)) =
            (vars.get_mut(given::LANGUAGE), flow.languages.get(flow.language))
        {
            *slot = Value::Text(Pii::new(language.tag.clone()));
        }
        Self {
            language: flow.language,
            node: flow.start,
            vars,
            answered: !flow.answers,
            progressed: false,
            flow,
            state: State::Fresh,
            early: VecDeque::new(),
            outputs: VecDeque::new(),
            plays: 0,
            lookups: 0,
            steps: 0,
            rescued: false,
            counts: RunCounts::default(),
        }
    }

    /// A call that has not started, in the language of this tag; the flow's own where it does not speak it
    /// (see [`Flow::speaks`]).
    #[must_use]
    pub fn in_language(flow: Arc<Flow>, tag: &str) -> Self {
        let known = flow.languages().position(|language| language == tag);
        let mut run = Self::new(flow);
        run.speak(known.unwrap_or(run.language));
        run
    }

    /// The same call with these facts in its variables; to be given before `Start`.
    #[must_use]
    pub fn with_facts(mut self, facts: &Facts) -> Self {
        let number = |number: u32| Value::Number(i64::from(number));
        for (at, value) in [
            (given::CALLER, Value::Text(facts.caller.clone())),
            (given::NUMBER, Value::Text(Pii::new(facts.number.clone()))),
            (given::HOUR, number(facts.minutes / 60)),
            (given::MINUTES, number(facts.minutes)),
            (given::WEEKDAY, number(facts.weekday)),
            (given::TODAY, number(facts.today)),
        ] {
            self.put(at, value);
        }
        self
    }

    /// What a variable holds.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&Value> {
        let at = self.flow.names.iter().position(|known| known == name)?;
        self.vars.get(at)
    }

    fn put(&mut self, at: usize, value: Value) {
        if let Some(slot) = self.vars.get_mut(at) {
            *slot = value;
        }
    }

    fn speak(&mut self, language: usize) {
        self.language = language;
        let tag = self.language().to_owned();
        self.put(given::LANGUAGE, Value::Text(Pii::new(tag)));
    }

    /// The flow that it runs: the version that it began with.
    #[must_use]
    pub fn flow(&self) -> &Arc<Flow> {
        &self.flow
    }

    /// Tag of the language that the caller hears.
    #[must_use]
    pub fn language(&self) -> &str {
        self.flow
            .languages
            .get(self.language)
            .map_or("", |language| language.tag.as_str())
    }

    /// Name of the node it is at.
    #[must_use]
    pub fn node(&self) -> &str {
        self.flow.nodes.get(self.node.0).map_or("", |node| &node.name)
    }

    /// Whether it waits in a queue.
    #[must_use]
    pub fn is_queued(&self) -> bool {
        matches!(self.state, State::Queued(_))
    }

    /// Whether it waits for a key.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        matches!(&self.state, State::Listening(listen) if listen.is_silent())
    }

    /// Whether it is in a node that takes keys, its prompts heard or not.
    #[must_use]
    pub const fn takes_keys(&self) -> bool {
        matches!(self.state, State::Listening(_))
    }

    /// Whether [`Run::poll`] has an effect to tell.
    #[must_use]
    pub fn has_more(&self) -> bool {
        !self.outputs.is_empty()
    }

    /// Whether it takes digits into a variable.
    #[must_use]
    pub fn collects(&self) -> bool {
        let kind = self.flow.nodes.get(self.node.0).map(|node| &node.kind);
        self.takes_keys() && matches!(kind, Some(NodeKind::Collect(_)))
    }

    /// Whether it said `Hangup` or `Reject`.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// What it met that its flow did not foresee.
    #[must_use]
    pub fn counts(&self) -> RunCounts {
        self.counts
    }

    /// Takes one input. Cannot fail: what does not fit changes nothing.
    pub fn handle(&mut self, now: Now, input: Input) {
        let at = now.mono;
        match input {
            Input::Start => {
                if matches!(self.state, State::Fresh) {
                    let start = self.flow.start;
                    self.go(None, Some(start), at);
                }
            }
            Input::Digit(digit) => self.digit(digit, at),
            Input::PlayEnded(play) => self.play_ended(play, at),
            Input::Open(is_open) => {
                if let State::Asking { open, closed } = self.state {
                    if is_open {
                        self.leave("open", open, at);
                    } else {
                        self.leave("closed", closed, at);
                    }
                }
            }
            Input::Position(place) => self.position(place, at),
            Input::Wait(wait) if matches!(self.state, State::Estimating) => self.estimated(wait, at),
            Input::Wait(wait) => self.wait_told(wait, at),
            Input::OfferStarted => self.offer_started(),
            Input::OfferEnded => self.offer_ended(at),
            Input::QueueExit(reason) => self.queue_exit(reason, at),
            Input::Answered => {
                self.answered = true;
                if let State::Answering { next, .. } = self.state {
                    self.leave(NEXT, next, at);
                }
            }
            Input::Caller(facts) => self.caller_told(facts, at),
            Input::LookedUp { lookup, answer } => self.looked_up(lookup, answer, at),
            Input::CallBackKept(kept) => self.call_back_told(kept, at),
            Input::TransferFailed(why) => self.transfer_failed(why, at),
            Input::AgentLeft => {
                if let (State::Queued(_), after @ Some(_)) = (&self.state, self.flow.after_agent) {
                    self.early.clear();
                    self.go(Some(Cow::Borrowed("agent_left")), after, at);
                }
            }
            Input::Timeout => self.timeout(at),
        }
    }

    /// The next effect, or when to come again with `Input::Timeout`.
    #[must_use]
    pub fn poll(&mut self) -> Output {
        match self.outputs.pop_front() {
            Some(effect) => Output::Effect(effect),
            None => Output::Timeout(self.timer().map(|(at, _)| at)),
        }
    }

    fn timer(&self) -> Option<(Time, Timer)> {
        let overdue = |sound: &Sound| Some((sound.overdue, Timer::PlayOverdue(sound.play)));
        match &self.state {
            State::Playing { sound, .. } | State::Closing { sound, .. } | State::Greeting { sound } => {
                overdue(sound)
            }
            State::Listening(listen) => Some(match listen.deadline() {
                Ok(until) => (until, Timer::Listening),
                Err(sound) => (sound.overdue, Timer::PlayOverdue(sound.play)),
            }),
            State::Queued(waiting) => waiting.deadline().map(|at| (at, Timer::Waiting)),
            State::Recording { until, .. } => Some((*until, Timer::Message)),
            State::Answering { until, .. }
            | State::AskingCaller { until }
            | State::LookingUp { until, .. }
            | State::CallingBack { until } => Some((*until, Timer::Unanswered)),
            State::Fresh | State::Asking { .. } | State::Estimating | State::Transferring | State::Over => {
                None
            }
        }
    }

    fn timeout(&mut self, at: Time) {
        match self.timer() {
            Some((due, timer)) if due <= at => match timer {
                Timer::PlayOverdue(play) => {
                    self.counts.plays_overdue += 1;
                    self.play_ended(play, at);
                }
                Timer::Listening => self.silence(at),
                Timer::Waiting => self.waiting_due(at),
                Timer::Message => self.message_ended(at),
                Timer::Unanswered => self.unanswered(at),
            },
            _ => {}
        }
    }

    fn digit(&mut self, digit: Pii<char>, at: Time) {
        match &self.state {
            State::Playing {
                barge_in: true, next, ..
            } => {
                let next = *next;
                self.keep_early(digit);
                self.leave(NEXT, next, at);
            }
            State::Listening(listen) => {
                if listen.is_silent() || self.barge_in() {
                    self.key(*digit.reveal(), at);
                } else {
                    self.counts.digits_dropped += 1;
                }
            }
            State::Asking { .. }
            | State::Estimating
            | State::Answering { .. }
            | State::AskingCaller { .. }
            | State::LookingUp { .. }
            | State::CallingBack { .. } => self.keep_early(digit),
            State::Queued(_) => self.queue_key(*digit.reveal(), at),
            State::Recording { .. } => {
                if self.message_key() == Some(*digit.reveal()) {
                    self.message_ended(at);
                }
            }
            State::Greeting { .. } => self.record(at),
            State::Fresh
            | State::Playing { .. }
            | State::Closing { .. }
            | State::Transferring
            | State::Over => self.counts.digits_dropped += 1,
        }
    }

    fn keep_early(&mut self, digit: Pii<char>) {
        if self.early.len() < EARLY_DIGITS_MAX {
            self.early.push_back(digit);
        } else {
            self.counts.digits_dropped += 1;
        }
    }

    fn play_ended(&mut self, play: u64, at: Time) {
        match &self.state {
            State::Playing { sound, next, .. } if sound.play == play => {
                let next = *next;
                self.leave(NEXT, next, at);
            }
            State::Listening(_) => self.asked(play, at),
            State::Queued(_) => self.announcement_ended(play, at),
            State::Greeting { sound } if sound.play == play => self.record(at),
            State::Closing { sound, status } if sound.play == play => {
                let status = *status;
                self.finish(status);
            }
            _ => {}
        }
    }

    /// Leaves the node by this way.
    fn leave(&mut self, way: &'static str, to: NodeIndex, at: Time) {
        self.go(Some(Cow::Borrowed(way)), Some(to), at);
    }

    /// Walks the nodes until one waits for the world. None: the end.
    fn go(&mut self, way: Option<Cow<'static, str>>, target: Option<NodeIndex>, at: Time) {
        let (mut way, mut target) = (way, target);
        loop {
            if target.is_some() && self.steps >= self.flow.max_steps {
                self.counts.steps_exhausted += 1;
                self.early.clear();
                way = Some(Cow::Borrowed("max_steps"));
                target = if self.rescued { None } else { self.flow.on_error };
                self.rescued = true;
                self.steps = 0;
            }
            self.steps += 1;
            let Some(node) = target else {
                return self.finish(None);
            };
            match self.enter(node, way, at) {
                Some((name, next)) => (way, target) = (Some(name), Some(next)),
                None => return,
            }
        }
    }

    /// The flow is over: hang up, or refuse what was not answered.
    fn finish(&mut self, status: Option<u16>) {
        if !matches!(self.state, State::Over) {
            self.state = State::Over;
            self.outputs.push_back(match status {
                Some(status) if !self.answered => Effect::Reject { status },
                _ => Effect::Hangup,
            });
        }
    }

    /// Plays prompts that end.
    fn play(&mut self, prompts: &[Prompt], more: &[Prompt], at: Time) -> Sound {
        let prompts = prompts
            .iter()
            .chain(more)
            .map(|prompt| self.prompt(prompt))
            .collect();
        self.play_refs(prompts, Duration::ZERO, at)
    }

    fn play_refs(&mut self, prompts: Vec<PromptRef>, gap: Duration, at: Time) -> Sound {
        let play = self.push_play(prompts, gap, false);
        Sound {
            play,
            overdue: at + PLAY_WAIT_MAX,
        }
    }

    fn push_play(&mut self, prompts: Vec<PromptRef>, gap: Duration, looped: bool) -> u64 {
        if !self.answered && !self.progressed {
            self.progressed = true;
            self.outputs.push_back(Effect::Early);
        }
        self.plays += 1;
        let play = self.plays;
        self.outputs.push_back(Effect::Play {
            play,
            prompts,
            gap,
            looped,
        });
        play
    }

    fn prompt(&self, prompt: &Prompt) -> PromptRef {
        let language = prompt.language.unwrap_or(self.language);
        let tag = self
            .flow
            .languages
            .get(language)
            .map_or("", |language| language.tag.as_str());
        PromptRef {
            language: tag.to_owned(),
            id: prompt.id.clone(),
        }
    }

    fn queue_exit(&mut self, reason: FlowOutReason, at: Time) {
        let State::Queued(_) = self.state else { return };
        let flow = Arc::clone(&self.flow);
        let Some(NodeKind::Queue(queue)) = flow.nodes.get(self.node.0).map(|node| &node.kind) else {
            return;
        };
        let next = queue.exit(reason);
        let way = match reason {
            FlowOutReason::Timeout => "timeout",
            FlowOutReason::Full => "full",
            FlowOutReason::NoStaff => "no_staff",
            FlowOutReason::Key => "key",
            // The caller is in another queue already, and the flow stays where it is.
            FlowOutReason::Overflow => return,
        };
        if let Some(next) = next {
            self.waited(at);
            self.leave(way, next, at);
        }
    }
}

#[cfg(test)]
mod tests;
