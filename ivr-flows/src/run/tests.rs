use std::collections::VecDeque;

use hotline_types::{Rng, WallTime};

use super::*;
use crate::Library;

/// A call that a script walks through a flow in virtual time.
///
/// Words of a script, separated by `;` or new lines:
/// `start`, `key K`, `ended` (the last playout), `open yes|no`, `position N`, `offer`, `offer over`,
/// `exit timeout|full|no_staff|key`, `wait` (to the deadline), `pass 40s` (without a word), `late` (an old playout ends);
/// `expect EFFECT`, `node NAME`, `quiet` (no effect), `timer 5s|none`, `language TAG`.
struct Walk {
    run: Run,
    now: Time,
    effects: VecDeque<Effect>,
    deadline: Option<Time>,
    play: u64,
}

impl Walk {
    fn new(flow: Arc<Flow>) -> Self {
        Self {
            run: Run::new(flow),
            now: Time::ZERO,
            effects: VecDeque::new(),
            deadline: None,
            play: 0,
        }
    }

    fn input(&mut self, input: Input) {
        self.run.handle(Now::new(self.now, WallTime::default()), input);
        for _ in 0..1000 {
            match self.run.poll() {
                Output::Effect(Effect::Node { .. } | Effect::Heard { .. }) => {}
                Output::Effect(effect) => {
                    if let Effect::Play { play, .. } = effect {
                        assert!(play > self.play, "numbers of playouts rise");
                        self.play = play;
                    }
                    self.effects.push_back(effect);
                }
                Output::Timeout(deadline) => {
                    assert!(
                        deadline.is_none_or(|at| at >= self.now),
                        "a deadline lies in the past"
                    );
                    self.deadline = deadline;
                    return;
                }
            }
        }
        panic!("outputs without end");
    }

    fn step(&mut self, line: &str) {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        if !matches!(verb, "expect" | "node" | "quiet" | "timer" | "language") {
            assert!(
                self.effects.is_empty(),
                "before {line:?} nobody expected {:?}",
                self.effects
            );
        }
        match verb {
            "start" => self.input(Input::Start),
            "key" => self.input(Input::Digit(Pii::new(rest.chars().next().unwrap()))),
            "ended" => self.input(Input::PlayEnded(self.play)),
            "late" => self.input(Input::PlayEnded(self.play - 1)),
            "open" => self.input(Input::Open(rest == "yes")),
            "position" => self.input(Input::Position(rest.parse().unwrap())),
            "wait-told" => {
                let minutes = rest.trim_end_matches('m').parse().ok();
                self.input(Input::Wait(
                    minutes.map(|minutes: u64| Duration::from_secs(minutes * 60)),
                ));
            }
            "offer" if rest == "over" => self.input(Input::OfferEnded),
            "offer" => self.input(Input::OfferStarted),
            "exit" => self.input(Input::QueueExit(match rest {
                "timeout" => FlowOutReason::Timeout,
                "full" => FlowOutReason::Full,
                "no_staff" => FlowOutReason::NoStaff,
                _ => FlowOutReason::Key,
            })),
            "wait" => {
                self.now = self.deadline.expect("a timer runs");
                self.input(Input::Timeout);
            }
            "pass" => self.now = self.now + Duration::from_secs(rest.trim_end_matches('s').parse().unwrap()),
            "expect" => assert_eq!(
                self.effects.pop_front().map(|effect| told(&effect)).as_deref(),
                Some(rest)
            ),
            "node" => assert_eq!(self.run.node(), rest),
            "language" => assert_eq!(self.run.language(), rest),
            "quiet" => assert!(self.effects.is_empty(), "{:?}", self.effects),
            "timer" => {
                let left = self
                    .deadline
                    .map(|at| format!("{}s", at.since(self.now).as_secs()));
                assert_eq!(left.as_deref().unwrap_or("none"), rest);
            }
            other => panic!("no such word: {other}"),
        }
    }

    fn walk(&mut self, script: &str) {
        for line in script
            .split(['\n', ';'])
            .map(str::trim)
            .filter(|line| !line.is_empty())
        {
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.step(line)));
            assert!(caught.is_ok(), "in step {line:?} of {script:?}");
        }
        assert!(
            self.effects.is_empty(),
            "at the end nobody expected {:?}",
            self.effects
        );
    }
}

fn told(effect: &Effect) -> String {
    match effect {
        Effect::Play {
            prompts, looped, gap, ..
        } => {
            assert_eq!(*gap, Duration::ZERO);
            let names: Vec<_> = prompts
                .iter()
                .map(|prompt| match prompt.language.as_str() {
                    "" => prompt.id.clone(),
                    language => format!("{language}/{}", prompt.id),
                })
                .collect();
            format!("{} {}", if *looped { "loop" } else { "play" }, names.join(" "))
        }
        Effect::StopPlay => "stop".to_owned(),
        Effect::AskOpen { calendar } => format!("ask-open {calendar}"),
        Effect::AskPosition => "ask-position".to_owned(),
        Effect::AskWait => "ask-wait".to_owned(),
        Effect::Enqueue { queue, priority } if priority.is_zero() => format!("enqueue {queue}"),
        Effect::Enqueue { queue, priority } => format!("enqueue {queue} +{}s", priority.as_secs()),
        Effect::LeaveQueue => "leave".to_owned(),
        Effect::Node { node, .. } => format!("node {node}"),
        Effect::Hangup => "hangup".to_owned(),
        other => format!("{other:?}"),
    }
}

fn shipped(name: &str) -> Arc<Flow> {
    Arc::clone(Library::embedded().unwrap().get(name).unwrap())
}

#[track_caller]
fn check(flow: &str, script: &str) {
    Walk::new(shipped(flow)).walk(script);
}

/// To the main menu in English.
const TO_MAIN: &str = "start; expect play zh-CN/welcome; key 2; expect ask-open any; language en; \
    open yes; expect play en/main-menu-intro en/main-menu-long; ";

fn check_main(script: &str) {
    check("hotline-main", &format!("{TO_MAIN}{script}"));
}

#[test]
fn caller_is_greeted_in_mandarin_and_may_choose_english() {
    check(
        "hotline-main",
        "start; expect play zh-CN/welcome; node welcome; timer 120s
         ended; expect play zh-CN/language-choice en/language-choice; node choose_language
         ended; quiet; timer 3s
         key 2; expect ask-open any; language en; timer none
         open yes; expect play en/main-menu-intro en/main-menu-long; node main",
    );
    check(
        "hotline-main",
        "start; expect play zh-CN/welcome; ended; expect play zh-CN/language-choice en/language-choice
         ended; wait; expect ask-open any; language zh-CN
         open yes; expect play zh-CN/main-menu-intro zh-CN/main-menu-long",
    );
}

#[test]
fn every_menu_path_leads_to_its_queue() {
    const MUSIC: &str = "expect loop music-on-hold";
    for (keys, queue) in [
        ("key 1; expect play en/pre-sales-menu; key 1", "pre-sales"),
        ("key 1; expect play en/pre-sales-menu; key 2", "pre-sales"),
        ("key 1; expect play en/pre-sales-menu; key 0", "pre-sales"),
        ("key 2; expect play en/after-sales-menu; key 1", "after-sales"),
        (
            "key 2; expect play en/after-sales-menu; key 2; expect play en/repair-intro; ended",
            "after-sales",
        ),
        ("key 2; expect play en/after-sales-menu; key 0", "after-sales"),
        (
            "key 3; expect play en/complaints-intro en/complaints-promise; ended",
            "complaints",
        ),
        ("key 4; expect play en/earlier-matter-intro; ended", "after-sales"),
        ("key 0", "after-sales"),
        (
            "key 1; expect play en/pre-sales-menu; key *; expect play en/main-menu-intro en/main-menu-long; key 0",
            "after-sales",
        ),
        (
            "key 9; expect play en/main-menu-intro en/main-menu-long; key 0",
            "after-sales",
        ),
    ] {
        check_main(&format!("{keys}; expect enqueue {queue}; {MUSIC}; timer 1s"));
    }
    check(
        "direct",
        &format!("start; expect play zh-CN/welcome; ended; expect enqueue after-sales; {MUSIC}"),
    );
}

#[test]
fn caller_without_keys_or_with_wrong_ones_comes_to_a_person() {
    check_main(
        "ended; timer 5s; wait; expect play en/no-input en/main-menu-short
         ended; wait; expect play en/too-many-attempts; ended
         expect enqueue after-sales; expect loop music-on-hold; node to_agent",
    );
    check_main(
        "key 7; expect play en/invalid-key en/main-menu-short; key #; expect play en/invalid-key en/main-menu-short
         key 8; expect play en/too-many-attempts; key 5
         expect enqueue after-sales; expect loop music-on-hold",
    );
    check_main(
        "key 7; expect play en/invalid-key en/main-menu-short; ended; wait
         expect play en/no-input en/main-menu-short; key 3
         expect play en/complaints-intro en/complaints-promise",
    );
    check_main(
        "key 1; expect play en/pre-sales-menu; ended; wait; expect play en/no-input en/pre-sales-menu; ended; wait
         expect enqueue pre-sales; expect loop music-on-hold",
    );
}

#[test]
fn queue_lets_the_caller_go_by_each_of_its_rules() {
    const QUEUED: &str = "key 0; expect enqueue after-sales; expect loop music-on-hold; ";
    for (exit, words) in [
        ("timeout", "en/sorry-goodbye"),
        ("full", "en/queue-full en/goodbye"),
    ] {
        check_main(&format!(
            "{QUEUED}exit {exit}; expect play {words}; ended; expect hangup; timer none"
        ));
    }
    check_main(&format!("{QUEUED}exit key; quiet"));
    check(
        "hotline-main",
        "start; expect play zh-CN/welcome; key 1; expect ask-open any; open no
         expect play zh-CN/after-hours zh-CN/closed-menu; ended; timer 5s; wait; expect play zh-CN/goodbye
         key 1; quiet; ended; expect hangup; exit timeout; key 1; offer; position 2; open yes; quiet",
    );
}

#[test]
fn waiting_caller_hears_music_and_the_place_now_and_then() {
    check_main(
        "key 0; expect enqueue after-sales; expect loop music-on-hold
         timer 1s; wait; expect ask-position; timer none; position 3; expect ask-wait; timer none; wait-told 4m
         expect play en/all-agents-busy en/queue-position-prefix en/number-3 en/queue-position-suffix en/wait-prefix en/wait-about en/number-4 en/wait-minutes en/call-back-offer
         timer 120s; ended; expect loop music-on-hold; timer 30s
         wait; expect ask-position; position 1; expect ask-wait; wait-told
         expect play en/queue-next en/call-back-offer; ended; expect loop music-on-hold
         wait; expect ask-position; position 1000; expect ask-wait; wait-told; expect play en/call-back-offer; ended
         expect loop music-on-hold; wait; expect ask-position; position 21; expect ask-wait; wait-told
         expect play en/queue-position-prefix en/number-20 en/number-1 en/queue-position-suffix en/call-back-offer",
    );
}

#[test]
fn nothing_but_music_sounds_while_a_phone_rings() {
    const QUEUED: &str = "key 0; expect enqueue after-sales; expect loop music-on-hold; ";
    check_main(&format!(
        "{QUEUED}offer; quiet; timer none; offer over; timer 1s; wait; expect ask-position"
    ));
    check_main(&format!(
        "{QUEUED}wait; expect ask-position; offer; position 1; quiet; timer none"
    ));
    check_main(&format!(
        "{QUEUED}wait; expect ask-position; position 1; expect ask-wait; wait-told
         expect play en/all-agents-busy en/queue-next en/call-back-offer
         offer; expect loop music-on-hold; late; ended; quiet; timer none
         offer over; quiet; timer 30s"
    ));
}

#[test]
fn announcement_that_fell_due_while_a_phone_rang_leaves_room_for_the_next_offer() {
    const QUEUED: &str = "key 0; expect enqueue after-sales; expect loop music-on-hold; ";
    check_main(&format!(
        "{QUEUED}offer; pass 40s; offer over; quiet; timer 1s; offer; pass 20s; offer over; timer 1s
         wait; expect ask-position"
    ));
}

#[test]
fn number_may_choose_the_language_that_a_call_begins_in() {
    let flow = shipped("hotline-main");
    assert!(flow.speaks("en") && !flow.speaks("fr"));
    for (tag, heard) in [("en", "en"), ("zh-CN", "zh-CN"), ("fr", "zh-CN")] {
        let mut walk = Walk::new(Arc::clone(&flow));
        walk.run = Run::in_language(Arc::clone(&flow), tag);
        walk.walk(&format!("start; expect play {heard}/welcome; language {heard}"));
        walk.walk("key 1; expect ask-open any; language zh-CN");
    }
}

#[test]
fn playout_whose_end_is_never_told_counts_as_ended() {
    let mut walk = Walk::new(shipped("hotline-main"));
    walk.walk(
        "start; expect play zh-CN/welcome; wait; expect play zh-CN/language-choice en/language-choice
         wait; quiet; timer 3s",
    );
    assert_eq!(walk.run.counts().plays_overdue, 2);
    walk.walk("late; ended; quiet; timer 3s");
}

/// A flow for what the shipped ones do not use.
fn odd(defaults: &str) -> Arc<Flow> {
    let text = format!(
        "\
flow: odd
languages: [en]
start: notice
defaults: {defaults}
while_waiting:
  hold: {{music: music-on-hold, announce: {{after: 5s, every: 10s, then: [thanks-for-waiting]}}, leave_key: '*'}}
  plain: {{music: music-on-hold}}
nodes:
  notice:
    play: {{prompts: [recording-notice], next: menu}}
  menu:
    menu:
      long: [menu-agent]
      barge_in: false
      keys: {{'1': vip, '2': menu, '3': plain, '4': early}}
      no_input: {{max: 1, next: bye}}
      no_match: {{max: 1, next: bye}}
  early:
    play: {{prompts: [welcome], barge_in: true, next: deep}}
  deep:
    menu:
      long: [menu-back]
      keys: {{'5': early2, '6': bye}}
      no_input: {{max: 1, next: bye}}
      no_match: {{max: 2, next: bye}}
  early2:
    play: {{prompts: [please-hold], barge_in: true, next: deep}}
  vip:
    queue:
      name: vip
      priority: 2m
      while_waiting: hold
      exits: {{timeout: bye, full: bye, no_staff: bye, key: plain}}
  plain:
    queue: {{name: plain, while_waiting: plain, exits: {{timeout: bye, full: bye, no_staff: bye}}}}
  bye:
    hangup: {{}}
"
    );
    Arc::new(Flow::parse("odd.yaml", &text).unwrap_or_else(|problems| panic!("{problems:#?}")))
}

#[test]
fn key_leaves_the_queue_but_not_while_a_phone_rings() {
    const TO_VIP: &str = "start; expect play en/recording-notice; ended; expect play en/menu-agent; ended
        key 1; expect enqueue vip +120s; expect loop music-on-hold; timer 5s; ";
    let check = |script: &str| Walk::new(odd("{}")).walk(&format!("{TO_VIP}{script}"));
    const LEFT: &str =
        "expect leave; expect enqueue plain; expect loop music-on-hold; timer none; node plain";
    check(&format!(
        "key 3; quiet; key *; {LEFT}; exit key; quiet; node plain"
    ));
    check(&format!("offer; key *; quiet; offer over; {LEFT}"));
    check("offer; key 1; quiet; offer over; quiet; wait; expect play en/thanks-for-waiting; timer 120s");
    check(&format!("wait; expect play en/thanks-for-waiting; key *; {LEFT}"));
    check("exit full; expect hangup");
}

#[test]
fn keys_pressed_early_are_kept_where_prompts_may_be_cut_and_dropped_where_not() {
    let mut walk = Walk::new(odd("{}"));
    // The 5 cuts the welcome, chooses in the menu behind it, and is then used up: the next prompt is heard.
    walk.walk(
        "start; expect play en/recording-notice; key 1; quiet; ended; expect play en/menu-agent; key 1; quiet
         ended; key 4; expect play en/welcome; key 5; expect play en/please-hold; node early2
         key 7; expect play en/menu-back; key 6; expect hangup",
    );
    assert_eq!(walk.run.counts().digits_dropped, 2);
}

#[test]
fn call_that_turns_round_too_often_is_rescued_once_and_then_ended() {
    let mut walk = Walk::new(odd("{max_steps: 5, on_error: plain}"));
    walk.walk("start; expect play en/recording-notice; ended; expect play en/menu-agent");
    for _ in 0..3 {
        walk.walk("ended; key 2; expect play en/menu-agent");
    }
    walk.walk("ended; key 2; expect enqueue plain; expect loop music-on-hold");
    assert_eq!(walk.run.counts().steps_exhausted, 1);
    let mut walk = Walk::new(odd("{max_steps: 1}"));
    walk.walk("start; expect play en/recording-notice; ended; expect hangup");
}

#[test]
fn random_keys_and_events_never_hang_a_call() {
    for seed in 0..400 {
        let mut rng = Rng::from_seed(seed);
        let flows = [
            shipped("hotline-main"),
            shipped("direct"),
            odd("{}"),
            odd("{max_steps: 7}"),
        ];
        let mut walk = Walk::new(Arc::clone(&flows[usize::try_from(seed).unwrap() % flows.len()]));
        walk.input(Input::Start);
        let mut asked = false;
        for _ in 0..300 {
            for effect in walk.effects.drain(..) {
                asked = matches!(
                    effect,
                    Effect::AskOpen { .. }
                        | Effect::AskPosition
                        | Effect::AskWait
                        | Effect::AskEstimate { .. }
                );
            }
            if walk.run.is_over() {
                break;
            }
            let waits = walk.deadline.is_some() || walk.run.is_queued() || asked;
            assert!(waits, "seed {seed}: node {} waits for nothing", walk.run.node());
            let play = walk.play;
            match rng.below(14) {
                0..=4 => {
                    let key = "0123456789*#".as_bytes()[usize::try_from(rng.below(12)).unwrap()];
                    walk.input(Input::Digit(Pii::new(char::from(key))));
                }
                5 => walk.input(Input::PlayEnded(play)),
                6 => walk.input(Input::Open(rng.below(8) > 0)),
                7 => walk.input(Input::Position(u32::try_from(rng.below(1200)).unwrap())),
                11 => walk.input(Input::Wait(None)),
                12 => walk.input(Input::CallBackKept(rng.below(2) > 0)),
                13 if rng.below(10) == 0 => walk.input(Input::AgentLeft),
                8 => walk.input(Input::OfferStarted),
                9 => walk.input(Input::OfferEnded),
                10 if rng.below(10) == 0 => walk.input(Input::QueueExit(FlowOutReason::Timeout)),
                _ => {
                    walk.now = walk.deadline.unwrap_or(walk.now);
                    walk.input(Input::Timeout);
                }
            }
        }
        // Whoever then only listens comes to a queue or to the end.
        for _ in 0..400 {
            if walk.run.is_over() || walk.run.is_queued() {
                break;
            }
            walk.input(Input::Open(true));
            walk.now = walk.deadline.unwrap_or(walk.now);
            walk.input(Input::Timeout);
        }
        assert!(
            walk.run.is_over() || walk.run.is_queued(),
            "seed {seed}: stuck at {}",
            walk.run.node()
        );
    }
}
