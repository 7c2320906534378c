//! Names to places: every word of the document is looked up once, and every one that is wrong is told.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use hotline_types::{FlowSlug, QueueSlug};
use serde_saphyr::{Location, Spanned};

use crate::document::{
    Announce, Document, FailureDocument, MenuDocument, NodeDocument, QueueDocument, Waiting, Word,
};
use crate::model::{
    Announcement, Failure, Language, Menu, Node, NodeIndex, NodeKind, Prompt, Queue, WhileWaiting,
};
use crate::problem::Problems;
use crate::say::Grammar;
use crate::{Flow, Place};

/// Nodes of one flow at most.
const NODES_MAX: usize = 250;
/// Prompts of one list at most.
const PROMPTS_MAX: usize = 16;
/// Failures that a menu may forgive at most.
const FAILURES_MAX: u32 = 9;
/// Nodes that a call may pass at most, where the flow does not say.
const MAX_STEPS_DEFAULT: u32 = 200;
const MAX_STEPS_MAX: u32 = 10_000;
/// Longest time that a flow may name.
const DURATION_MAX: Duration = Duration::from_secs(3600);
const MENU_TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);
/// An agent who is free at once should ring before anything is said about waiting.
const ANNOUNCE_AFTER_DEFAULT: Duration = Duration::from_secs(1);
const ANNOUNCE_EVERY_MIN: Duration = Duration::from_secs(5);
const KEYS: &str = "0123456789*#ABCD";

/// Stands for a target that does not exist; a flow that holds one is never handed out.
pub(super) const DANGLING: NodeIndex = NodeIndex(usize::MAX);

struct Names<'a> {
    nodes: BTreeMap<&'a str, NodeIndex>,
    waits: BTreeMap<&'a str, usize>,
    languages: Vec<&'a str>,
}

/// The flow, with `DANGLING` where a target is unknown; None where it has no name or no start.
pub(super) fn resolve(document: &Document, version: String, problems: &mut Problems) -> Option<Flow> {
    let names = Names {
        nodes: document
            .nodes
            .keys()
            .enumerate()
            .map(|(at, name)| (name.as_str(), NodeIndex(at)))
            .collect(),
        waits: document
            .while_waiting
            .keys()
            .enumerate()
            .map(|(at, name)| (name.as_str(), at))
            .collect(),
        languages: document
            .languages
            .iter()
            .map(|language| language.value.as_str())
            .collect(),
    };
    let name: Option<FlowSlug> = slug(&document.flow, problems);
    let languages = languages(document, problems);
    let language = document
        .language
        .as_ref()
        .map_or(Some(0), |word| names.language(word, problems));
    let waits: Vec<_> = document
        .while_waiting
        .values()
        .map(|waiting| names.waiting(waiting, problems))
        .collect();
    let nodes = nodes(document, &names, &waits, problems);
    let start = names.target(
        document.start.as_ref(),
        document.flow.referenced,
        "start",
        problems,
    );
    let on_error = match &document.defaults.on_error {
        Some(word) => Some(names.target(Some(word), word.referenced, "on_error", problems)),
        None => names.nodes.get("to_agent").copied(),
    };
    let max_steps = document
        .defaults
        .max_steps
        .as_ref()
        .map_or(MAX_STEPS_DEFAULT, |steps| {
            within(steps, 1..=MAX_STEPS_MAX, "max_steps", problems);
            steps.value
        });
    Some(Flow {
        file: problems.file().to_owned(),
        name: name?,
        version,
        languages,
        language: language?,
        start,
        on_error,
        max_steps,
        nodes,
        waits,
    })
}

fn languages(document: &Document, problems: &mut Problems) -> Vec<Language> {
    if document.languages.is_empty() {
        problems.add(
            document.flow.referenced,
            "the flow speaks no language",
            "list the languages of its prompts, for instance `languages: [zh-CN, en]`",
        );
    }
    let language = |word: &Word| Language {
        tag: word.value.clone(),
        grammar: Grammar::of(&word.value),
    };
    document.languages.iter().map(language).collect()
}

fn nodes(
    document: &Document,
    names: &Names<'_>,
    waits: &[WhileWaiting],
    problems: &mut Problems,
) -> Vec<Node> {
    if document.nodes.len() > NODES_MAX {
        problems.add(
            document.flow.referenced,
            format!("the flow has {} nodes", document.nodes.len()),
            format!("split it: a flow has at most {NODES_MAX}"),
        );
        return Vec::new();
    }
    let node = |(name, written): (&String, &Spanned<NodeDocument>)| Node {
        name: Arc::from(name.as_str()),
        at: Place::from(written.referenced),
        kind: names.node(written, waits, problems),
    };
    document.nodes.iter().map(node).collect()
}

impl Names<'_> {
    fn node(
        &self,
        written: &Spanned<NodeDocument>,
        waits: &[WhileWaiting],
        problems: &mut Problems,
    ) -> NodeKind {
        let at = written.referenced;
        match &written.value {
            NodeDocument::Play(play) => {
                if play.prompts.is_empty() {
                    problems.add(at, "this node plays nothing", "name a prompt, or use `goto`");
                }
                NodeKind::Play {
                    prompts: self.prompts(&play.prompts, problems),
                    barge_in: play.barge_in,
                    next: self.target(play.next.as_ref(), at, "next", problems),
                }
            }
            NodeDocument::Menu(menu) => NodeKind::Menu(self.menu(menu, at, problems)),
            NodeDocument::Language(choice) => NodeKind::Language {
                language: self.language(&choice.set, problems).unwrap_or(0),
                next: self.target(choice.next.as_ref(), at, "next", problems),
            },
            NodeDocument::Calendar(calendar) => NodeKind::Calendar {
                calendar: calendar.name.value.clone(),
                at: Place::from(calendar.name.referenced),
                open: self.target(calendar.open.as_ref(), at, "open", problems),
                closed: self.target(calendar.closed.as_ref(), at, "closed", problems),
            },
            NodeDocument::Queue(queue) => self.queue(queue, at, waits, problems),
            NodeDocument::Goto(goto) => NodeKind::Goto {
                next: self.target(goto.next.as_ref(), at, "next", problems),
            },
            NodeDocument::Hangup(hangup) => NodeKind::Hangup {
                prompts: self.prompts(&hangup.prompts, problems),
            },
        }
    }

    fn menu(&self, menu: &MenuDocument, at: Location, problems: &mut Problems) -> Menu {
        if menu.long.is_empty() {
            problems.add(at, "this menu says nothing", "name its prompts under `long`");
        }
        if menu.keys.is_empty() {
            problems.add(at, "this menu has no keys", "give it `keys`, or use `play`");
        }
        let mut keys = BTreeMap::new();
        for (text, target) in &menu.keys {
            let to = self.target(Some(target), target.referenced, "key", problems);
            if let Some(key) = key(text, target.referenced, problems) {
                keys.insert(key, to);
            }
        }
        let long = self.prompts(&menu.long, problems);
        Menu {
            short: menu
                .short
                .as_ref()
                .map_or_else(|| long.clone(), |short| self.prompts(short, problems)),
            long,
            barge_in: menu.barge_in,
            timeout: menu.timeout.as_ref().map_or(MENU_TIMEOUT_DEFAULT, |word| {
                duration(word, Duration::from_secs(1), problems)
            }),
            keys,
            no_input: self.failure(menu.no_input.as_ref(), at, "no_input", problems),
            no_match: self.failure(menu.no_match.as_ref(), at, "no_match", problems),
        }
    }

    fn failure(
        &self,
        failure: Option<&FailureDocument>,
        at: Location,
        exit: &str,
        problems: &mut Problems,
    ) -> Failure {
        let Some(failure) = failure else {
            problems.add(
                at,
                format!("this menu has no {exit:?} exit"),
                format!("add `{exit}: {{max: 2, next: NODE}}`, where the caller goes then"),
            );
            return Failure {
                max: 1,
                prompts: Vec::new(),
                next: DANGLING,
            };
        };
        within(&failure.max, 1..=FAILURES_MAX, exit, problems);
        Failure {
            max: failure.max.value,
            prompts: self.prompts(&failure.prompts, problems),
            next: self.target(failure.next.as_ref(), failure.max.referenced, exit, problems),
        }
    }

    fn queue(
        &self,
        queue: &QueueDocument,
        at: Location,
        waits: &[WhileWaiting],
        problems: &mut Problems,
    ) -> NodeKind {
        let name: Option<QueueSlug> = slug(&queue.name, problems);
        let waiting = self.waits.get(queue.while_waiting.value.as_str()).copied();
        let leave_key = waiting
            .and_then(|waiting| waits.get(waiting))
            .and_then(|wait| wait.leave_key);
        if waiting.is_none() {
            problems.add(
                queue.while_waiting.referenced,
                format!(
                    "there is no {:?} under `while_waiting`",
                    queue.while_waiting.value
                ),
                one_of(self.waits.keys()),
            );
        }
        let key = match (&queue.exits.key, leave_key) {
            (None, None) => None,
            (Some(word), None) => {
                problems.add(
                    word.referenced,
                    "no key leaves this queue, but it has an exit for one",
                    "give its `while_waiting` a `leave_key`, or take the exit away",
                );
                None
            }
            (key, Some(_)) => Some(self.target(key.as_ref(), at, "exits: key", problems)),
        };
        let exits = &queue.exits;
        let (timeout, full, no_staff) = (
            self.target(exits.timeout.as_ref(), at, "exits: timeout", problems),
            self.target(exits.full.as_ref(), at, "exits: full", problems),
            self.target(exits.no_staff.as_ref(), at, "exits: no_staff", problems),
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

    fn waiting(&self, waiting: &Spanned<Waiting>, problems: &mut Problems) -> WhileWaiting {
        let leave_key = waiting.value.leave_key.as_ref();
        let music = &waiting.value.music;
        WhileWaiting {
            music: Prompt {
                language: None,
                id: music.value.clone(),
                at: Place::from(music.referenced),
            },
            announce: waiting
                .value
                .announce
                .as_ref()
                .map(|announce| self.announcement(announce, problems)),
            leave_key: leave_key.and_then(|word| key(&word.value, word.referenced, problems)),
        }
    }

    fn announcement(&self, announce: &Announce, problems: &mut Problems) -> Announcement {
        if !announce.position && announce.then.is_empty() {
            problems.add(
                announce.every.referenced,
                "this announcement says nothing again",
                "set `position: true`, or name prompts under `then`",
            );
        }
        let after = announce.after.as_ref();
        Announcement {
            after: after.map_or(ANNOUNCE_AFTER_DEFAULT, |word| {
                duration(word, Duration::ZERO, problems)
            }),
            every: duration(&announce.every, ANNOUNCE_EVERY_MIN, problems),
            first: self.prompts(&announce.first, problems),
            position: announce.position,
            then: self.prompts(&announce.then, problems),
        }
    }

    fn prompts(&self, words: &[Word], problems: &mut Problems) -> Vec<Prompt> {
        if let Some(word) = words.get(PROMPTS_MAX) {
            problems.add(
                word.referenced,
                "too many prompts in one list",
                format!("use at most {PROMPTS_MAX}"),
            );
        }
        words.iter().map(|word| self.prompt(word, problems)).collect()
    }

    /// `ID`, or `LANGUAGE/ID` for one that is always said in that language.
    fn prompt(&self, word: &Word, problems: &mut Problems) -> Prompt {
        let at = Place::from(word.referenced);
        let Some((language, id)) = word.value.split_once('/') else {
            return Prompt {
                language: None,
                id: word.value.clone(),
                at,
            };
        };
        let language = self.language_at(language, word.referenced, problems);
        Prompt {
            language: Some(language.unwrap_or(0)),
            id: id.to_owned(),
            at,
        }
    }

    fn language(&self, word: &Word, problems: &mut Problems) -> Option<usize> {
        self.language_at(&word.value, word.referenced, problems)
    }

    fn language_at(&self, tag: &str, at: Location, problems: &mut Problems) -> Option<usize> {
        let found = self.languages.iter().position(|known| *known == tag);
        if found.is_none() {
            let fix = one_of(self.languages.iter());
            problems.add(at, format!("the flow does not list the language {tag:?}"), fix);
        }
        found
    }

    fn target(&self, word: Option<&Word>, at: Location, exit: &str, problems: &mut Problems) -> NodeIndex {
        let Some(word) = word else {
            problems.add(
                at,
                format!("{exit:?} is missing"),
                "name the node that comes then",
            );
            return DANGLING;
        };
        self.nodes.get(word.value.as_str()).copied().unwrap_or_else(|| {
            let fix = one_of(self.nodes.keys());
            problems.add(word.referenced, format!("there is no node {:?}", word.value), fix);
            DANGLING
        })
    }
}

/// The names that would have been right, as many as one line takes.
fn one_of<T: AsRef<str>>(names: impl Iterator<Item = T>) -> String {
    const NAMES_MAX: usize = 12;
    let names: Vec<_> = names
        .take(NAMES_MAX + 1)
        .map(|name| name.as_ref().to_owned())
        .collect();
    match names.len() {
        0 => "none is defined: define it first".to_owned(),
        more if more > NAMES_MAX => {
            format!(
                "use one that is defined, for instance {}",
                names[..NAMES_MAX].join(", ")
            )
        }
        _ => format!("use one of {}", names.join(", ")),
    }
}

fn slug<T: FromStr<Err = hotline_types::ParseSlugError>>(word: &Word, problems: &mut Problems) -> Option<T> {
    match word.value.parse() {
        Ok(slug) => Some(slug),
        Err(error) => {
            problems.add(word.referenced, "this is no name", error.to_string());
            None
        }
    }
}

fn key(text: &str, at: Location, problems: &mut Problems) -> Option<char> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(key), None) if KEYS.contains(key) => Some(key),
        _ => {
            problems.add(
                at,
                format!("{text:?} is no key of a phone"),
                "use one of 0-9, *, #, A-D, in quotes",
            );
            None
        }
    }
}

fn within(number: &Spanned<u32>, range: std::ops::RangeInclusive<u32>, name: &str, problems: &mut Problems) {
    if !range.contains(&number.value) {
        problems.add(
            number.referenced,
            format!("{} is out of range for {name:?}", number.value),
            format!("use {} to {}", range.start(), range.end()),
        );
    }
}

/// `1500ms`, `5s` or `2m`, in `least..=DURATION_MAX`.
fn duration(word: &Word, least: Duration, problems: &mut Problems) -> Duration {
    let text = word.value.as_str();
    let digits = text.trim_end_matches(|end: char| end.is_ascii_alphabetic());
    let number = digits.parse::<u32>().ok().map(u64::from);
    let read = match (number, &text[digits.len()..]) {
        (Some(number), "ms") => Some(Duration::from_millis(number)),
        (Some(number), "s") => Some(Duration::from_secs(number)),
        (Some(number), "m") => Some(Duration::from_secs(number * 60)),
        _ => None,
    };
    match read {
        Some(read) if (least..=DURATION_MAX).contains(&read) => read,
        Some(_) => {
            let fix = format!("use {} s to {} s", least.as_secs_f32(), DURATION_MAX.as_secs());
            problems.add(word.referenced, format!("{text} is out of range"), fix);
            DURATION_MAX
        }
        None => {
            problems.add(
                word.referenced,
                format!("{text:?} is no time"),
                "write 1500ms, 5s or 2m",
            );
            DURATION_MAX
        }
    }
}
