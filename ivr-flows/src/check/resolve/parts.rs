//! What several nodes share: prompts, failures, and the waiting part of queues.

use serde_saphyr::Location;

use super::{
    ANNOUNCE_AFTER_DEFAULT, ANNOUNCE_EVERY_MIN, DANGLING, FAILURES_MAX, PROMPTS_MAX, Seen, TIMEOUT_DEFAULT,
    duration, key, within,
};
use crate::Place;
use crate::document::{Announce, FailureDocument, PartDocument, SayDocument, Waiting, Word};
use crate::expr::Type;
use crate::model::{Announcement, Failure, Part, Prompt, WhileWaiting};
use crate::problem::Problems;
use crate::say::Spoken;

impl Seen<'_> {
    pub(super) fn failure(
        &self,
        failure: Option<&FailureDocument>,
        at: Location,
        exit: &str,
        problems: &mut Problems,
    ) -> Failure {
        let defaults = &self.names.document.defaults;
        let inherited = if exit == "no_input" {
            &defaults.no_input
        } else {
            &defaults.no_match
        };
        // What is inherited names nodes of the flow itself.
        let scope = if failure.is_some() { self.scope } else { 0 };
        let seen = Seen {
            names: self.names,
            scope,
        };
        let Some(failure) = failure.or(inherited.as_ref()) else {
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
            prompts: seen.prompts(&failure.prompts, problems),
            next: seen.target(failure.next.as_ref(), failure.max.referenced, exit, problems),
        }
    }

    pub(super) fn timeout(&self, word: Option<&Word>, problems: &mut Problems) -> std::time::Duration {
        let word = word.or(self.names.document.defaults.timeout.as_ref());
        word.map_or(TIMEOUT_DEFAULT, |word| {
            duration(word, std::time::Duration::from_secs(1), problems)
        })
    }

    pub(super) fn waiting(
        &self,
        waiting: &serde_saphyr::Spanned<Waiting>,
        problems: &mut Problems,
    ) -> WhileWaiting {
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
        if !announce.position && !announce.wait && announce.then.is_empty() {
            problems.add(
                announce.every.referenced,
                "this announcement says nothing again",
                "set `position: true`, or name prompts under `then`",
            );
        }
        let after = announce.after.as_ref();
        Announcement {
            after: after.map_or(ANNOUNCE_AFTER_DEFAULT, |word| {
                duration(word, std::time::Duration::ZERO, problems)
            }),
            every: duration(&announce.every, ANNOUNCE_EVERY_MIN, problems),
            first: self.prompts(&announce.first, problems),
            position: announce.position,
            wait: announce.wait,
            then: self.prompts(&announce.then, problems),
        }
    }

    pub(super) fn prompts(&self, words: &[Word], problems: &mut Problems) -> Vec<Prompt> {
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
    pub(super) fn prompt(&self, word: &Word, problems: &mut Problems) -> Prompt {
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

    pub(super) fn said(&self, say: &SayDocument, at: Location, problems: &mut Problems) -> Vec<Part> {
        if say.parts.is_empty() {
            problems.add(at, "this node says nothing", "name its `parts`, or use `goto`");
        }
        if let Some(part) = say.parts.get(PROMPTS_MAX) {
            problems.add(
                part.referenced,
                "too many parts in one list",
                format!("use at most {PROMPTS_MAX}"),
            );
        }
        let part = |part: &crate::document::Said<PartDocument>, problems: &mut Problems| match &part.value {
            PartDocument::Prompt(word) => Part::Prompt(self.prompt(word, problems)),
            PartDocument::Digits(word) => self.value(Spoken::Digits, word, Type::Text, problems),
            PartDocument::Number(word) => self.value(Spoken::Number, word, Type::Number, problems),
            PartDocument::Date(word) => self.value(Spoken::Date, word, Type::Number, problems),
            PartDocument::Time(word) => self.value(Spoken::Time, word, Type::Number, problems),
            PartDocument::Money(word) => self.value(Spoken::Money, word, Type::Number, problems),
            PartDocument::Wait(word) => self.value(Spoken::Wait, word, Type::Number, problems),
            PartDocument::Position(word) => self.value(Spoken::Position, word, Type::Number, problems),
        };
        say.parts.iter().map(|written| part(written, problems)).collect()
    }

    fn value(&self, how: Spoken, word: &Word, kind: Type, problems: &mut Problems) -> Part {
        let at = Place::from(word.referenced);
        Part::Value(how, self.expr(word, kind, problems), at)
    }
}
