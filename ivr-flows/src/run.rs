//! One call in a flow: the machine that plays, listens and decides.

mod waiting;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use hotline_types::{FlowOutReason, Now, Pii, Time};

use crate::model::{Failure, Menu, NodeIndex, NodeKind, Prompt};
use crate::{Effect, Flow, Input, Output, PromptRef};
use waiting::Waiting;

/// Said before the caller's place in the queue.
pub(crate) const POSITION_PREFIX: &str = "queue-position-prefix";
/// Said after the caller's place in the queue.
pub(crate) const POSITION_SUFFIX: &str = "queue-position-suffix";
/// Said in place of it to the caller who is next.
pub(crate) const POSITION_NEXT: &str = "queue-next";

/// Keys kept that were pressed before their menu; the newest beyond are dropped.
pub const EARLY_DIGITS_MAX: usize = 8;

/// A playout whose end is not told by then is taken as ended: a caller never hangs in silence.
pub const PLAY_WAIT_MAX: Duration = Duration::from_secs(120);

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
    /// In a menu.
    Choosing {
        phase: Choosing,
        no_input: u32,
        no_match: u32,
    },
    /// Waits for `Open`.
    Asking { open: NodeIndex, closed: NodeIndex },
    /// In a queue node.
    Queued(Waiting),
    /// Says the last words.
    Closing { sound: Sound },
    /// Over.
    Over,
}

/// A playout that will end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sound {
    play: u64,
    overdue: Time,
}

#[derive(Clone, Copy, Debug)]
enum Choosing {
    Prompting(Sound),
    Listening { until: Time },
}

/// The one timer that can run, per state.
enum Timer {
    PlayOverdue(u64),
    MenuTimeout,
    Waiting,
}

impl Run {
    /// A call that has not started, in the flow's own language.
    #[must_use]
    pub fn new(flow: Arc<Flow>) -> Self {
        Self {
            language: flow.language,
            node: flow.start,
            flow,
            state: State::Fresh,
            early: VecDeque::new(),
            outputs: VecDeque::new(),
            plays: 0,
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
        run.language = known.unwrap_or(run.language);
        run
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

    /// Whether it said `Hangup`.
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
                    self.go(Some(start), at);
                }
            }
            Input::Digit(digit) => self.digit(digit, at),
            Input::PlayEnded(play) => self.play_ended(play, at),
            Input::Open(is_open) => {
                if let State::Asking { open, closed } = self.state {
                    self.go(Some(if is_open { open } else { closed }), at);
                }
            }
            Input::Position(place) => self.position(place, at),
            Input::OfferStarted => self.offer_started(),
            Input::OfferEnded => self.offer_ended(at),
            Input::QueueExit(reason) => self.queue_exit(reason, at),
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
            State::Playing { sound, .. }
            | State::Closing { sound }
            | State::Choosing {
                phase: Choosing::Prompting(sound),
                ..
            } => overdue(sound),
            State::Choosing {
                phase: Choosing::Listening { until },
                ..
            } => Some((*until, Timer::MenuTimeout)),
            State::Queued(waiting) => waiting.deadline().map(|at| (at, Timer::Waiting)),
            State::Fresh | State::Asking { .. } | State::Over => None,
        }
    }

    fn timeout(&mut self, at: Time) {
        match self.timer() {
            Some((due, timer)) if due <= at => match timer {
                Timer::PlayOverdue(play) => {
                    self.counts.plays_overdue += 1;
                    self.play_ended(play, at);
                }
                Timer::MenuTimeout => self.menu_failed(Failed::NoInput, at),
                Timer::Waiting => self.waiting_due(at),
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
                self.go(Some(next), at);
            }
            State::Choosing { phase, .. } => {
                let deaf =
                    matches!(phase, Choosing::Prompting(_)) && !self.menu().is_some_and(|menu| menu.barge_in);
                if deaf {
                    self.counts.digits_dropped += 1;
                } else {
                    self.key(*digit.reveal(), at);
                }
            }
            State::Asking { .. } => self.keep_early(digit),
            State::Queued(_) => self.queue_key(*digit.reveal(), at),
            State::Fresh | State::Playing { .. } | State::Closing { .. } | State::Over => {
                self.counts.digits_dropped += 1;
            }
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
        match &mut self.state {
            State::Playing { sound, next, .. } if sound.play == play => {
                let next = *next;
                self.go(Some(next), at);
            }
            State::Choosing { phase, .. } => {
                if matches!(phase, Choosing::Prompting(sound) if sound.play == play) {
                    self.listen(at);
                }
            }
            State::Queued(_) => self.announcement_ended(play, at),
            State::Closing { sound } if sound.play == play => self.finish(),
            _ => {}
        }
    }

    /// Walks the nodes until one waits for the world. None: the end.
    fn go(&mut self, target: Option<NodeIndex>, at: Time) {
        let mut target = target;
        loop {
            if target.is_some() && self.steps >= self.flow.max_steps {
                self.counts.steps_exhausted += 1;
                self.early.clear();
                target = if self.rescued { None } else { self.flow.on_error };
                self.rescued = true;
                self.steps = 0;
            }
            self.steps += 1;
            let Some(node) = target else { return self.finish() };
            match self.enter(node, at) {
                Some(next) => target = Some(next),
                None => return,
            }
        }
    }

    /// Enters a node; the next one where this one is passed through.
    fn enter(&mut self, index: NodeIndex, at: Time) -> Option<NodeIndex> {
        let flow = Arc::clone(&self.flow);
        let Some(node) = flow.nodes.get(index.0) else {
            self.finish();
            return None;
        };
        self.node = index;
        self.outputs.push_back(Effect::Node {
            node: node.name.as_ref().to_owned(),
        });
        match &node.kind {
            NodeKind::Play {
                next, barge_in: true, ..
            } if !self.early.is_empty() => return Some(*next),
            NodeKind::Play {
                prompts,
                barge_in,
                next,
            } => {
                let sound = self.play(prompts, &[], at);
                self.state = State::Playing {
                    sound,
                    barge_in: *barge_in,
                    next: *next,
                };
            }
            NodeKind::Menu(menu) => self.enter_menu(menu, at),
            NodeKind::Language { language, next } => {
                self.language = *language;
                return Some(*next);
            }
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
            NodeKind::Queue(queue) => self.enter_queue(queue, at),
            NodeKind::Goto { next } => return Some(*next),
            NodeKind::Hangup { prompts } if prompts.is_empty() => self.finish(),
            NodeKind::Hangup { prompts } => {
                let sound = self.play(prompts, &[], at);
                self.state = State::Closing { sound };
            }
        }
        None
    }

    fn finish(&mut self) {
        if !matches!(self.state, State::Over) {
            self.state = State::Over;
            self.outputs.push_back(Effect::Hangup);
        }
    }

    fn enter_menu(&mut self, menu: &Menu, at: Time) {
        if !menu.barge_in {
            self.early.clear();
        }
        match self.early.pop_front() {
            Some(digit) => {
                self.state = State::Choosing {
                    phase: Choosing::Listening { until: at },
                    no_input: 0,
                    no_match: 0,
                };
                self.key(digit.into_inner(), at);
            }
            None => {
                let sound = self.play(&menu.long, &[], at);
                self.state = State::Choosing {
                    phase: Choosing::Prompting(sound),
                    no_input: 0,
                    no_match: 0,
                };
            }
        }
    }

    fn menu(&self) -> Option<&Menu> {
        match self.flow.nodes.get(self.node.0).map(|node| &node.kind) {
            Some(NodeKind::Menu(menu)) => Some(menu),
            _ => None,
        }
    }

    fn key(&mut self, key: char, at: Time) {
        match self.menu().and_then(|menu| menu.keys.get(&key).copied()) {
            Some(next) => self.go(Some(next), at),
            None => self.menu_failed(Failed::NoMatch, at),
        }
    }

    fn listen(&mut self, at: Time) {
        let timeout = self.menu().map_or(Duration::ZERO, |menu| menu.timeout);
        if let State::Choosing { phase, .. } = &mut self.state {
            *phase = Choosing::Listening { until: at + timeout };
        }
    }

    /// Counts the failure; says the menu again, or leaves it. What was typed ahead of a failure is no longer meant.
    fn menu_failed(&mut self, failed: Failed, at: Time) {
        let flow = Arc::clone(&self.flow);
        let Some(NodeKind::Menu(menu)) = flow.nodes.get(self.node.0).map(|node| &node.kind) else {
            return;
        };
        let State::Choosing {
            no_input, no_match, ..
        } = &mut self.state
        else {
            return;
        };
        let (count, failure): (_, &Failure) = match failed {
            Failed::NoInput => (no_input, &menu.no_input),
            Failed::NoMatch => (no_match, &menu.no_match),
        };
        *count += 1;
        self.early.clear();
        if *count >= failure.max {
            let next = failure.next;
            return self.go(Some(next), at);
        }
        let sound = self.play(&failure.prompts, &menu.short, at);
        if let State::Choosing { phase, .. } = &mut self.state {
            *phase = Choosing::Prompting(sound);
        }
    }

    /// Plays prompts that end.
    fn play(&mut self, prompts: &[Prompt], more: &[Prompt], at: Time) -> Sound {
        let prompts = prompts
            .iter()
            .chain(more)
            .map(|prompt| self.prompt(prompt))
            .collect();
        self.play_refs(prompts, at)
    }

    fn play_refs(&mut self, prompts: Vec<PromptRef>, at: Time) -> Sound {
        let play = self.push_play(prompts, false);
        Sound {
            play,
            overdue: at + PLAY_WAIT_MAX,
        }
    }

    fn push_play(&mut self, prompts: Vec<PromptRef>, looped: bool) -> u64 {
        self.plays += 1;
        let play = self.plays;
        self.outputs.push_back(Effect::Play {
            play,
            prompts,
            gap: Duration::ZERO,
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
        let Some(NodeKind::Queue(queue)) = self.flow.nodes.get(self.node.0).map(|node| &node.kind) else {
            return;
        };
        if let Some(next) = queue.exit(reason) {
            self.go(Some(next), at);
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Failed {
    NoInput,
    NoMatch,
}

#[cfg(test)]
mod tests;
