//! Each kind of node, resolved.

use std::collections::BTreeMap;
use std::time::Duration;

use hotline_types::QueueSlug;
use regex_lite::Regex;
use serde_saphyr::Location;

use super::{DANGLING, INTER_DIGIT_DEFAULT, KEYS, Seen, duration, key, one_of, slug, within};
use crate::Place;
use crate::document::{
    BranchDocument, CallBackDocument, CallerDocument, CollectDocument, EstimateDocument, Exits,
    LookupDocument, MenuDocument, NodeDocument, NoteDocument, PlayDocument, QueueDocument, RejectCause,
    SetDocument, SurveyDocument, TransferDocument, ValidatorDocument, VoicemailDocument, Word,
};
use crate::expr::{Named, Type};
use crate::model::{
    ByCaller, Collect, Lookup, Menu, NodeIndex, NodeKind, Part, Queue, Survey, Transfer, Validator,
    Voicemail, WhileWaiting,
};
use crate::problem::Problems;

/// Digits of one collect at most.
const DIGITS_MAX: u32 = 32;
/// Keys of one choice at most.
const CHOICE_KEYS_MAX: usize = 4;
/// Longest regular expression, bytes.
const REGEX_MAX: usize = 200;
const DEADLINE_DEFAULT: Duration = Duration::from_millis(1_500);
const DEADLINE_MAX: Duration = Duration::from_secs(30);
const MESSAGE_MIN: Duration = Duration::from_secs(2);
const MESSAGE_MAX: Duration = Duration::from_secs(120);
const RING_DEFAULT: Duration = Duration::from_secs(30);

impl Seen<'_> {
    pub(super) fn node(
        &self,
        name: &str,
        written: &serde_saphyr::Spanned<NodeDocument>,
        waits: &[WhileWaiting],
        problems: &mut Problems,
    ) -> NodeKind {
        let at = written.referenced;
        let next =
            |next: &Option<Word>, problems: &mut Problems| self.target(next.as_ref(), at, "next", problems);
        match &written.value {
            NodeDocument::Play(play) => self.play(play, at, problems),
            NodeDocument::Say(say) => NodeKind::Play {
                parts: self.said(say, at, problems),
                barge_in: say.barge_in,
                next: next(&say.next, problems),
            },
            NodeDocument::Menu(menu) => NodeKind::Menu(self.menu(menu, at, problems)),
            NodeDocument::Collect(collect) => self.collect(collect, at, problems),
            NodeDocument::Survey(survey) => self.survey(survey, at, problems),
            NodeDocument::Set(set) => NodeKind::Set {
                vars: self.set(set, problems),
                next: next(&set.next, problems),
            },
            NodeDocument::Branch(branch) => self.branch(branch, at, problems),
            NodeDocument::Caller(by) => self.by_caller(by, at, problems),
            NodeDocument::Lookup(lookup) => NodeKind::Lookup(self.lookup(lookup, at, problems)),
            NodeDocument::Language(choice) => NodeKind::Language {
                language: self.language(&choice.set, problems).unwrap_or(0),
                next: next(&choice.next, problems),
            },
            NodeDocument::Calendar(calendar) => NodeKind::Calendar {
                calendar: calendar.name.value.clone(),
                at: Place::from(calendar.name.referenced),
                open: self.target(calendar.open.as_ref(), at, "open", problems),
                closed: self.target(calendar.closed.as_ref(), at, "closed", problems),
            },
            NodeDocument::Estimate(estimate) => self.estimate(estimate, at, problems),
            NodeDocument::Queue(queue) => self.queue(queue, at, waits, problems),
            NodeDocument::Voicemail(voicemail) => self.voicemail(voicemail, at, problems),
            NodeDocument::CallBack(back) => self.call_back(back, at, problems),
            NodeDocument::Transfer(transfer) => self.transfer(transfer, at, problems),
            NodeDocument::Note(note) => self.note(note, at, problems),
            NodeDocument::Answer(answer) => NodeKind::Answer {
                next: next(&answer.next, problems),
            },
            NodeDocument::Reject(reject) => NodeKind::Reject {
                status: status(reject.cause),
                prompts: self.prompts(&reject.prompts, problems),
            },
            NodeDocument::Goto(goto) => NodeKind::Goto {
                next: next(&goto.next, problems),
            },
            NodeDocument::Call(call) => NodeKind::Goto {
                next: self.called(name, &call.flow),
            },
            NodeDocument::Return(back) => NodeKind::Goto {
                next: self.returned(&back.exit, problems),
            },
            NodeDocument::Hangup(hangup) => NodeKind::Hangup {
                prompts: self.prompts(&hangup.prompts, problems),
            },
        }
    }

    fn play(&self, play: &PlayDocument, at: Location, problems: &mut Problems) -> NodeKind {
        if play.prompts.is_empty() {
            problems.add(at, "this node plays nothing", "name a prompt, or use `goto`");
        }
        let prompts = self.prompts(&play.prompts, problems);
        NodeKind::Play {
            parts: prompts.into_iter().map(Part::Prompt).collect(),
            barge_in: play.barge_in,
            next: self.target(play.next.as_ref(), at, "next", problems),
        }
    }

    fn note(&self, note: &NoteDocument, at: Location, problems: &mut Problems) -> NodeKind {
        let value = self.expr_any(&note.value, problems);
        self.not_sensitive(&value, note.value.referenced, "the record", problems);
        self.not_personal(&value, note.value.referenced, problems);
        named(&note.name, problems);
        NodeKind::Note {
            name: note.name.value.clone(),
            value,
            next: self.target(note.next.as_ref(), at, "next", problems),
        }
    }

    /// The first node of the sub-flow that this node calls; an unknown one is told already.
    fn called(&self, name: &str, flow: &Word) -> NodeIndex {
        let sub = self.names.document.sub_flows.get(&flow.value);
        let start = sub.map(|sub| format!("{name}/{}", sub.value.start.value));
        let found = start.and_then(|start| self.names.nodes.get(&start));
        found.copied().unwrap_or(DANGLING)
    }

    fn menu(&self, menu: &MenuDocument, at: Location, problems: &mut Problems) -> Menu {
        if menu.long.is_empty() {
            problems.add(at, "this menu says nothing", "name its prompts under `long`");
        }
        if menu.keys.is_empty() {
            problems.add(at, "this menu has no keys", "give it `keys`, or use `play`");
        }
        let mut keys: BTreeMap<String, NodeIndex> = BTreeMap::new();
        for (text, target) in &menu.keys {
            let to = self.target(Some(target), target.referenced, "key", problems);
            let count = text.chars().count();
            if !(1..=CHOICE_KEYS_MAX).contains(&count) || !text.chars().all(|key| KEYS.contains(key)) {
                problems.add(
                    target.referenced,
                    format!("{text:?} is no key of a phone"),
                    format!("use one to {CHOICE_KEYS_MAX} of 0-9, *, #, A-D, in quotes"),
                );
                continue;
            }
            let begins = keys.keys().find(|known| text.starts_with(known.as_str()));
            if let Some(begins) = begins {
                problems.add(
                    target.referenced,
                    format!("the keys {begins:?} and {text:?} are ambiguous: nobody can press the second"),
                    "let none of a menu's keys begin another",
                );
                continue;
            }
            keys.insert(text.clone(), to);
        }
        let long = self.prompts(&menu.long, problems);
        Menu {
            short: menu
                .short
                .as_ref()
                .map_or_else(|| long.clone(), |short| self.prompts(short, problems)),
            long,
            barge_in: menu.barge_in,
            timeout: self.timeout(menu.timeout.as_ref(), problems),
            inter_digit: inter_digit(menu.inter_digit.as_ref(), problems),
            keys,
            no_input: self.failure(menu.no_input.as_ref(), at, "no_input", problems),
            no_match: self.failure(menu.no_match.as_ref(), at, "no_match", problems),
        }
    }

    fn collect(&self, collect: &CollectDocument, at: Location, problems: &mut Problems) -> NodeKind {
        if collect.prompts.is_empty() {
            problems.add(at, "this node asks nothing", "name its prompts");
        }
        within(&collect.max, 1..=DIGITS_MAX, "max", problems);
        if let Some(min) = &collect.min {
            within(min, 1..=collect.max.value.max(1), "min", problems);
        }
        let var = self.var(&collect.var.value, collect.var.referenced, problems);
        if var.is_some_and(|var| self.names.vars[var].kind != Type::Text) {
            problems.add(
                collect.var.referenced,
                format!("{:?} does not hold digits", collect.var.value),
                "give the variable the type `digits`",
            );
        }
        let end = collect.end.as_ref();
        let validate = collect
            .validate
            .iter()
            .filter_map(|written| self.validator(&written.value, problems));
        let validate = validate.collect();
        let narrow = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        NodeKind::Collect(Collect {
            var: var.unwrap_or(0),
            prompts: self.prompts(&collect.prompts, problems),
            min: narrow(collect.min.as_ref().map_or(1, |min| min.value)),
            max: narrow(collect.max.value),
            end: end
                .and_then(|word| key(&word.value, word.referenced, problems))
                .unwrap_or('#'),
            validate,
            barge_in: collect.barge_in,
            timeout: self.timeout(collect.timeout.as_ref(), problems),
            inter_digit: inter_digit(collect.inter_digit.as_ref(), problems),
            no_input: self.failure(collect.no_input.as_ref(), at, "no_input", problems),
            no_match: self.failure(collect.no_match.as_ref(), at, "no_match", problems),
            next: self.target(collect.next.as_ref(), at, "next", problems),
        })
    }

    fn validator(&self, validator: &ValidatorDocument, problems: &mut Problems) -> Option<Validator> {
        Some(match validator {
            ValidatorDocument::Luhn => Validator::Luhn,
            ValidatorDocument::Mod11 => Validator::Mod11,
            ValidatorDocument::Date => Validator::Date,
            ValidatorDocument::If(word) => {
                let mut vars = self.names.vars.clone();
                vars.push(Named {
                    name: "input".to_owned(),
                    kind: Type::Text,
                });
                Validator::If(self.expr_with(word, Type::Flag, &vars, problems))
            }
            ValidatorDocument::Regex(word) => {
                let short = word.value.len() <= REGEX_MAX;
                match Regex::new(&format!("^(?:{})$", word.value)) {
                    Ok(regex) if short => Validator::Regex(regex),
                    _ => {
                        problems.add(
                            word.referenced,
                            "this is no regular expression",
                            format!("write one such as `1[3-9][0-9]{{9}}`, of at most {REGEX_MAX} bytes"),
                        );
                        return None;
                    }
                }
            }
        })
    }

    fn survey(&self, survey: &SurveyDocument, at: Location, problems: &mut Problems) -> NodeKind {
        within(&survey.from, 0..=9, "from", problems);
        within(&survey.to, survey.from.value.min(9)..=9, "to", problems);
        named(&survey.question, problems);
        if survey.prompts.is_empty() {
            problems.add(at, "this survey asks nothing", "name its prompts");
        }
        NodeKind::Survey(Survey {
            question: survey.question.value.clone(),
            prompts: self.prompts(&survey.prompts, problems),
            from: survey.from.value,
            to: survey.to.value,
            timeout: self.timeout(survey.timeout.as_ref(), problems),
            no_input: self.failure(survey.no_input.as_ref(), at, "no_input", problems),
            no_match: self.failure(survey.no_match.as_ref(), at, "no_match", problems),
            next: self.target(survey.next.as_ref(), at, "next", problems),
        })
    }

    fn set(&self, set: &SetDocument, problems: &mut Problems) -> Vec<(usize, crate::expr::Expr)> {
        let mut vars = Vec::new();
        for (name, word) in &set.vars {
            let Some(at) = self.var(name, word.referenced, problems) else {
                continue;
            };
            let value = self.expr(word, self.names.vars[at].kind, problems);
            if self.names.sensitive.get(at) != Some(&true) {
                let whither = format!("{name:?}, which is not sensitive");
                self.not_sensitive(&value, word.referenced, &whither, problems);
            }
            vars.push((at, value));
        }
        vars
    }

    fn branch(&self, branch: &BranchDocument, at: Location, problems: &mut Problems) -> NodeKind {
        let cases = branch.cases.iter().map(|case| {
            let when = self.expr(&case.when, Type::Flag, problems);
            let to = self.target(case.next.as_ref(), case.when.referenced, "next", problems);
            (when, to)
        });
        let cases = cases.collect();
        NodeKind::Branch {
            cases,
            otherwise: self.target(branch.otherwise.as_ref(), at, "else", problems),
        }
    }

    fn by_caller(&self, by: &CallerDocument, at: Location, problems: &mut Problems) -> NodeKind {
        let given = |word: &Option<Word>, exit: &str, problems: &mut Problems| {
            let word = word.as_ref();
            word.map(|word| self.target(Some(word), word.referenced, exit, problems))
        };
        NodeKind::Caller(ByCaller {
            blocked: given(&by.blocked, "blocked", problems),
            anonymous: given(&by.anonymous, "anonymous", problems),
            vip: given(&by.vip, "vip", problems),
            seen: given(&by.seen, "seen", problems),
            otherwise: self.target(by.otherwise.as_ref(), at, "else", problems),
        })
    }

    fn lookup(&self, lookup: &LookupDocument, at: Location, problems: &mut Problems) -> Lookup {
        let with = lookup.with.iter().map(|(field, word)| {
            let value = self.expr_any(word, problems);
            self.not_sensitive(&value, word.referenced, "another system", problems);
            (field.clone(), value)
        });
        let with = with.collect();
        let into = lookup.into.iter().filter_map(|(var, field)| {
            let at = self.var(var, field.referenced, problems)?;
            Some((at, field.value.clone()))
        });
        let into = into.collect();
        let fallen =
            |word: &Option<Word>, exit: &str, problems: &mut Problems| match (word, self.names.on_error) {
                (None, Some(on_error)) => on_error,
                (word, _) => self.target(word.as_ref(), at, exit, problems),
            };
        let deadline = lookup.deadline.as_ref().map_or(DEADLINE_DEFAULT, |word| {
            duration(word, Duration::from_millis(100), problems).min(DEADLINE_MAX)
        });
        if let Some(retries) = &lookup.retries {
            within(retries, 0..=3, "retries", problems);
        }
        Lookup {
            name: lookup.name.value.clone(),
            at: Place::from(lookup.name.referenced),
            with,
            into,
            deadline,
            retries: lookup.retries.as_ref().map_or(0, |retries| retries.value),
            filler: lookup.filler.as_ref().map(|word| self.prompt(word, problems)),
            found: self.target(lookup.found.as_ref(), at, "found", problems),
            not_found: self.target(lookup.not_found.as_ref(), at, "not_found", problems),
            timeout: fallen(&lookup.timeout, "timeout", problems),
            error: fallen(&lookup.error, "error", problems),
        }
    }

    fn queue(
        &self,
        queue: &QueueDocument,
        at: Location,
        waits: &[WhileWaiting],
        problems: &mut Problems,
    ) -> NodeKind {
        let defaults = &self.names.document.defaults;
        let name: Option<QueueSlug> = slug(&queue.name, problems);
        let word = queue.while_waiting.as_ref().or(defaults.while_waiting.as_ref());
        let Some(word) = word else {
            problems.add(
                at,
                "\"while_waiting\" is missing",
                one_of(self.names.waits.keys()),
            );
            return NodeKind::Goto { next: DANGLING };
        };
        let waiting = self.names.waits.get(word.value.as_str()).copied();
        let leave_key = waiting
            .and_then(|waiting| waits.get(waiting))
            .and_then(|wait| wait.leave_key);
        if waiting.is_none() {
            problems.add(
                word.referenced,
                format!("there is no {:?} under `while_waiting`", word.value),
                one_of(self.names.waits.keys()),
            );
        }
        let exits = &queue.exits;
        let key = match (&exits.key, leave_key) {
            (None, None) => None,
            (Some(word), None) => {
                problems.add(
                    word.referenced,
                    "no key leaves this queue, but it has an exit for one",
                    "give its `while_waiting` a `leave_key`, or take the exit away",
                );
                None
            }
            (_, Some(_)) => Some(self.exit(exits, |exits| &exits.key, at, "exits: key", problems)),
        };
        let (timeout, full, no_staff) = (
            self.exit(exits, |exits| &exits.timeout, at, "exits: timeout", problems),
            self.exit(exits, |exits| &exits.full, at, "exits: full", problems),
            self.exit(exits, |exits| &exits.no_staff, at, "exits: no_staff", problems),
        );
        let priority = queue.priority.as_ref();
        let priority = priority.map_or(Duration::ZERO, |word| duration(word, Duration::ZERO, problems));
        // A flow without a good name for its queue is refused; the jump stands in until then.
        let (Some(name), Some(waiting)) = (name, waiting) else {
            return NodeKind::Goto { next: DANGLING };
        };
        NodeKind::Queue(Queue {
            name,
            at: Place::from(queue.name.referenced),
            priority,
            waiting,
            timeout,
            full,
            no_staff,
            key,
        })
    }

    /// An exit of a queue: its own, or the one that all queues inherit, which names a node of the flow itself.
    fn exit(
        &self,
        own: &Exits,
        which: impl Fn(&Exits) -> &Option<Word>,
        at: Location,
        name: &str,
        problems: &mut Problems,
    ) -> NodeIndex {
        let inherited = self.names.document.defaults.exits.as_ref().map(&which);
        let inherited = inherited.and_then(Option::as_ref);
        match (which(own).as_ref(), inherited) {
            (None, Some(word)) => {
                let top = Seen {
                    names: self.names,
                    scope: 0,
                };
                top.target(Some(word), word.referenced, name, problems)
            }
            (word, _) => self.target(word, at, name, problems),
        }
    }

    fn voicemail(&self, voicemail: &VoicemailDocument, at: Location, problems: &mut Problems) -> NodeKind {
        named(&voicemail.mailbox, problems);
        let second = Duration::from_secs(1);
        let timed = |word: &Option<Word>, without: Duration, problems: &mut Problems| {
            let word = word.as_ref();
            word.map_or(without, |word| duration(word, second, problems))
        };
        let end = voicemail.end.as_ref();
        NodeKind::Voicemail(Voicemail {
            mailbox: voicemail.mailbox.value.clone(),
            prompts: self.prompts(&voicemail.prompts, problems),
            end: end
                .and_then(|word| key(&word.value, word.referenced, problems))
                .unwrap_or('#'),
            min: timed(&voicemail.min, MESSAGE_MIN, problems),
            max: timed(&voicemail.max, MESSAGE_MAX, problems),
            saved: self.target(voicemail.saved.as_ref(), at, "saved", problems),
            short: self.target(voicemail.short.as_ref(), at, "short", problems),
        })
    }

    fn estimate(&self, estimate: &EstimateDocument, at: Location, problems: &mut Problems) -> NodeKind {
        let var = self.var(&estimate.var.value, estimate.var.referenced, problems);
        if var.is_some_and(|var| self.names.vars[var].kind != Type::Number) {
            let what = format!("{:?} does not hold a number", estimate.var.value);
            problems.add(
                estimate.var.referenced,
                what,
                "give the variable the type `number`",
            );
        }
        let no_staff = self.target(estimate.no_staff.as_ref(), at, "no_staff", problems);
        let next = self.target(estimate.next.as_ref(), at, "next", problems);
        match slug(&estimate.queue, problems) {
            Some(queue) => NodeKind::Estimate {
                queue,
                at: Place::from(estimate.queue.referenced),
                var: var.unwrap_or(0),
                no_staff,
                next,
            },
            None => NodeKind::Goto { next: DANGLING },
        }
    }

    fn call_back(&self, back: &CallBackDocument, at: Location, problems: &mut Problems) -> NodeKind {
        let number = back.number.as_ref();
        let number = number.and_then(|word| self.var(&word.value, word.referenced, problems));
        let registered = self.target(back.registered.as_ref(), at, "registered", problems);
        let failed = self.target(back.failed.as_ref(), at, "failed", problems);
        match slug(&back.queue, problems) {
            Some(queue) => NodeKind::CallBack {
                queue,
                at: Place::from(back.queue.referenced),
                number,
                registered,
                failed,
            },
            None => NodeKind::Goto { next: DANGLING },
        }
    }

    fn transfer(&self, transfer: &TransferDocument, at: Location, problems: &mut Problems) -> NodeKind {
        let to = self.expr(&transfer.to, Type::Text, problems);
        self.not_sensitive(&to, transfer.to.referenced, "a header of the call", problems);
        let ring = transfer.ring.as_ref();
        NodeKind::Transfer(Transfer {
            to,
            ring: ring.map_or(RING_DEFAULT, |word| {
                duration(word, Duration::from_secs(5), problems)
            }),
            busy: self.target(transfer.busy.as_ref(), at, "busy", problems),
            no_answer: self.target(transfer.no_answer.as_ref(), at, "no_answer", problems),
            failed: self.target(transfer.failed.as_ref(), at, "failed", problems),
        })
    }
}

fn inter_digit(word: Option<&Word>, problems: &mut Problems) -> Duration {
    word.map_or(INTER_DIGIT_DEFAULT, |word| {
        duration(word, Duration::from_secs(1), problems)
    })
}

/// A name that stands in records and figures.
fn named(word: &Word, problems: &mut Problems) {
    let sign = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'_';
    if word.value.is_empty() || word.value.len() > 63 || !word.value.bytes().all(sign) {
        problems.add(word.referenced, "this is no name", "use 1 to 63 of a-z 0-9 - _");
    }
}

const fn status(cause: RejectCause) -> u16 {
    match cause {
        RejectCause::Busy => 486,
        RejectCause::Unavailable => 480,
        RejectCause::Declined => 603,
        RejectCause::NotFound => 404,
        RejectCause::Anonymous => 433,
        RejectCause::Unwanted => 607,
    }
}
