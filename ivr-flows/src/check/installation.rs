//! What a checked flow asks of the installation that runs it: prompts, queues, calendars and look-ups.

use crate::model::{Failure, Known, Node, NodeKind, Part, Prompt};
use crate::problem::Problems;
use crate::run::TONE;
use crate::say::Spoken;
use crate::{Flow, Place, Problem};

/// The calendar that is on while any band is on.
const CALENDAR_ANY: &str = "any";

pub(crate) fn against(flow: &Flow, known: &Known) -> Vec<Problem> {
    let mut check = Check {
        flow,
        known,
        problems: Problems::of(&flow.file),
    };
    for node in &flow.nodes {
        check.node(node);
    }
    check.waits();
    let mut problems = check.problems;
    if known.recorded {
        super::states::notice(flow, &mut problems);
    }
    let mut list = problems.into_sorted();
    list.dedup();
    list
}

struct Check<'a> {
    flow: &'a Flow,
    known: &'a Known,
    problems: Problems,
}

impl Check<'_> {
    fn node(&mut self, node: &Node) {
        match &node.kind {
            NodeKind::Play { parts, .. } => {
                for part in parts {
                    match part {
                        Part::Prompt(prompt) => self.spoken(prompt),
                        Part::Value(how, _, at) => self.value(*how, *at),
                    }
                }
            }
            NodeKind::Hangup { prompts } | NodeKind::Reject { prompts, .. } => self.all(prompts),
            NodeKind::Voicemail(voicemail) => {
                self.all(&voicemail.prompts);
                if !self.known.has_prompt("", TONE) {
                    self.missing(node.at, "", TONE);
                }
            }
            NodeKind::Menu(menu) => {
                self.all(&menu.long);
                self.all(&menu.short);
                self.failures([&menu.no_input, &menu.no_match]);
            }
            NodeKind::Collect(collect) => {
                self.all(&collect.prompts);
                self.failures([&collect.no_input, &collect.no_match]);
            }
            NodeKind::Survey(survey) => {
                self.all(&survey.prompts);
                self.failures([&survey.no_input, &survey.no_match]);
            }
            NodeKind::Lookup(lookup) => {
                if let Some(names) = &self.known.lookups
                    && !names.contains(&lookup.name)
                {
                    let what = format!("there is no look-up {:?}", lookup.name);
                    self.problems.add(lookup.at, what, one_of(names));
                }
                if let Some(filler) = &lookup.filler
                    && !self.known.has_prompt("", &filler.id)
                {
                    self.spoken(filler);
                }
            }
            NodeKind::Calendar { calendar, at, .. } => {
                if calendar != CALENDAR_ANY && !self.known.calendars.contains(calendar) {
                    let fix = format!("use `any` or one of {}", self.known.calendars.join(", "));
                    self.problems
                        .add(*at, format!("there is no shift band {calendar:?}"), fix);
                }
            }
            NodeKind::Queue(queue) => self.queue(queue.name.as_str(), queue.at),
            NodeKind::CallBack { queue, at, .. } | NodeKind::Estimate { queue, at, .. } => {
                self.queue(queue.as_str(), *at)
            }
            NodeKind::Language { .. }
            | NodeKind::Goto { .. }
            | NodeKind::Set { .. }
            | NodeKind::Branch { .. }
            | NodeKind::Caller(_)
            | NodeKind::Transfer(_)
            | NodeKind::Note { .. }
            | NodeKind::Answer { .. } => {}
        }
    }

    fn queue(&mut self, name: &str, at: Place) {
        if !self.known.queues.iter().any(|known| known == name) {
            let fix = format!("use one of {}, or configure it", self.known.queues.join(", "));
            self.problems.add(at, format!("there is no queue {name:?}"), fix);
        }
    }

    fn failures(&mut self, failures: [&Failure; 2]) {
        for failure in failures {
            self.all(&failure.prompts);
        }
    }

    fn waits(&mut self) {
        for wait in &self.flow.waits {
            if !self.known.has_prompt("", &wait.music.id) {
                self.missing(wait.music.at, "", &wait.music.id);
            }
            let Some(announce) = &wait.announce else { continue };
            self.all(&announce.first);
            self.all(&announce.then);
            if announce.position {
                self.value(Spoken::Position, wait.music.at);
            }
            if announce.wait {
                self.value(Spoken::Wait, wait.music.at);
            }
        }
    }

    fn all(&mut self, prompts: &[Prompt]) {
        for prompt in prompts {
            self.spoken(prompt);
        }
    }

    fn spoken(&mut self, prompt: &Prompt) {
        for (at, language) in self.flow.languages.iter().enumerate() {
            let said = prompt.language.is_none_or(|pinned| pinned == at);
            if said && !self.known.has_prompt(&language.tag, &prompt.id) {
                self.missing(prompt.at, &language.tag, &prompt.id);
            }
        }
    }

    fn value(&mut self, how: Spoken, at: Place) {
        for language in &self.flow.languages {
            let Some(grammar) = language.grammar else {
                self.problems.add(
                    at,
                    format!("no numbers are known in the language {:?}", language.tag),
                    "take what says them away, or the language",
                );
                continue;
            };
            for piece in grammar.pieces_of(how) {
                if !self.known.has_prompt(&language.tag, piece) {
                    self.missing(at, &language.tag, piece);
                }
            }
        }
    }

    fn missing(&mut self, at: Place, language: &str, id: &str) {
        let file = if language.is_empty() {
            format!("{id}.wav")
        } else {
            format!("{language}/{id}.wav")
        };
        self.problems.add(
            at,
            format!("there is no prompt {file}"),
            "record it, or name another",
        );
    }
}

fn one_of(names: &[String]) -> String {
    if names.is_empty() {
        "configure it: there is none".to_owned()
    } else {
        format!("use one of {}, or configure it", names.join(", "))
    }
}
