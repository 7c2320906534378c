//! What a checked flow asks of the installation that runs it: prompts, queues and calendars.

use crate::model::{Known, NodeKind, Prompt};
use crate::problem::Problems;
use crate::run::{POSITION_NEXT, POSITION_PREFIX, POSITION_SUFFIX};
use crate::{Flow, Place, Problem};

/// The calendar that is on while any band is on.
const CALENDAR_ANY: &str = "any";

pub(crate) fn against(flow: &Flow, known: &Known) -> Vec<Problem> {
    let mut problems = Problems::of(&flow.file);
    let all = |prompts: &[Prompt], problems: &mut Problems| {
        for prompt in prompts {
            spoken(flow, known, prompt, problems);
        }
    };
    for node in &flow.nodes {
        match &node.kind {
            NodeKind::Play { prompts, .. } | NodeKind::Hangup { prompts } => all(prompts, &mut problems),
            NodeKind::Menu(menu) => {
                for prompts in [
                    &menu.long,
                    &menu.short,
                    &menu.no_input.prompts,
                    &menu.no_match.prompts,
                ] {
                    all(prompts, &mut problems);
                }
            }
            NodeKind::Calendar { calendar, at, .. } => {
                if calendar != CALENDAR_ANY && !known.calendars.contains(calendar) {
                    let fix = format!("use `any` or one of {}", known.calendars.join(", "));
                    problems.add(*at, format!("there is no shift band {calendar:?}"), fix);
                }
            }
            NodeKind::Queue(queue) => {
                if !known.queues.iter().any(|name| name == queue.name.as_str()) {
                    let fix = format!("use one of {}, or configure it", known.queues.join(", "));
                    problems.add(
                        queue.at,
                        format!("there is no queue {:?}", queue.name.as_str()),
                        fix,
                    );
                }
            }
            NodeKind::Language { .. } | NodeKind::Goto { .. } => {}
        }
    }
    waits(flow, known, &mut problems);
    let mut list = problems.into_sorted();
    list.dedup();
    list
}

fn waits(flow: &Flow, known: &Known, problems: &mut Problems) {
    for wait in &flow.waits {
        if !known.has_prompt("", &wait.music.id) {
            missing(wait.music.at, "", &wait.music.id, problems);
        }
        let Some(announce) = &wait.announce else { continue };
        for prompt in announce.first.iter().chain(&announce.then) {
            spoken(flow, known, prompt, problems);
        }
        if announce.position {
            position(flow, known, wait.music.at, problems);
        }
    }
}

fn spoken(flow: &Flow, known: &Known, prompt: &Prompt, problems: &mut Problems) {
    for (at, language) in flow.languages.iter().enumerate() {
        let said = prompt.language.is_none_or(|pinned| pinned == at);
        if said && !known.has_prompt(&language.tag, &prompt.id) {
            missing(prompt.at, &language.tag, &prompt.id, problems);
        }
    }
}

fn position(flow: &Flow, known: &Known, at: Place, problems: &mut Problems) {
    for language in &flow.languages {
        let Some(grammar) = language.grammar else {
            problems.add(
                at,
                format!("no numbers are known in the language {:?}", language.tag),
                "take `position` away, or the language",
            );
            continue;
        };
        let mut pieces = grammar.pieces();
        pieces.extend([POSITION_PREFIX, POSITION_SUFFIX, POSITION_NEXT]);
        for piece in pieces {
            if !known.has_prompt(&language.tag, piece) {
                missing(at, &language.tag, piece, problems);
            }
        }
    }
}

fn missing(at: Place, language: &str, id: &str, problems: &mut Problems) {
    let file = if language.is_empty() {
        format!("{id}.wav")
    } else {
        format!("{language}/{id}.wav")
    };
    problems.add(
        at,
        format!("there is no prompt {file}"),
        "record it, or name another",
    );
}
