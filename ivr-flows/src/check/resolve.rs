//! Names to places: every word of the document is looked up once, and every one that is wrong is told.

mod nodes;
mod parts;

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use hotline_types::FlowSlug;
use serde_saphyr::{Location, Spanned};

use crate::document::{AnswerDocument, Document, NodeDocument, Said, VarType, Word};
use crate::expr::{self, Expr, Named, Type, Value};
use crate::model::{Language, Node, NodeIndex, WhileWaiting, given};
use crate::problem::Problems;
use crate::say::Grammar;
use crate::{Flow, Place};

/// Nodes of one flow at most, those of its sub-flows counted at every call.
const NODES_MAX: usize = 250;
/// Variables of one flow at most.
const VARS_MAX: usize = 64;
/// Calls of sub-flows inside each other at most.
const CALLS_MAX: usize = 4;
/// Prompts of one list at most.
const PROMPTS_MAX: usize = 16;
/// Failures that a menu may forgive at most.
const FAILURES_MAX: u32 = 9;
/// Nodes that a call may pass at most, where the flow does not say.
const MAX_STEPS_DEFAULT: u32 = 200;
const MAX_STEPS_MAX: u32 = 10_000;
/// Longest time that a flow may name.
const DURATION_MAX: Duration = Duration::from_secs(3600);
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);
const INTER_DIGIT_DEFAULT: Duration = Duration::from_secs(3);
/// An agent who is free at once should ring before anything is said about waiting.
const ANNOUNCE_AFTER_DEFAULT: Duration = Duration::from_secs(1);
const ANNOUNCE_EVERY_MIN: Duration = Duration::from_secs(5);
const KEYS: &str = "0123456789*#ABCD";
/// Prompts that tell of the recording, where the flow does not say.
const NOTICES_DEFAULT: [&str; 2] = ["welcome", "recording-notice"];

/// Stands for a target that does not exist; a flow that holds one is never handed out.
pub(super) const DANGLING: NodeIndex = NodeIndex(usize::MAX);

/// A node with its full name and the scope its edges are looked up in.
struct Written<'a> {
    name: String,
    node: &'a Said<NodeDocument>,
    scope: usize,
}

/// The nodes that see each other: the flow's own, or those of one call of a sub-flow.
struct Scope<'a> {
    /// Before the names of its nodes.
    prefix: String,
    /// Where its `return`s lead, looked up in the scope of the call; none at the top.
    exits: Option<(&'a BTreeMap<String, Word>, usize)>,
}

/// All names of a flow.
struct Names<'a> {
    document: &'a Document,
    scopes: Vec<Scope<'a>>,
    nodes: BTreeMap<String, NodeIndex>,
    waits: BTreeMap<&'a str, usize>,
    languages: Vec<&'a str>,
    vars: Vec<Named>,
    sensitive: Vec<bool>,
    /// Digits that the caller entered, and the caller's number.
    personal: Vec<bool>,
    on_error: Option<NodeIndex>,
}

impl<'a> Names<'a> {
    /// The names that the document gives, but for its variables.
    fn new(document: &'a Document, scopes: Vec<Scope<'a>>, written: &[Written<'_>]) -> Self {
        let nodes = written.iter().enumerate();
        let waits = document.while_waiting.keys().enumerate();
        let languages = document.languages.iter();
        Self {
            document,
            scopes,
            nodes: nodes
                .map(|(at, written)| (written.name.clone(), NodeIndex(at)))
                .collect(),
            waits: waits.map(|(at, name)| (name.as_str(), at)).collect(),
            languages: languages.map(|language| language.value.as_str()).collect(),
            vars: Vec::new(),
            sensitive: Vec::new(),
            personal: Vec::new(),
            on_error: None,
        }
    }
}

/// The names as one scope sees them.
#[derive(Clone, Copy)]
struct Seen<'a> {
    names: &'a Names<'a>,
    scope: usize,
}

/// The flow, with `DANGLING` where a target is unknown; None where it has no name or no start.
pub(super) fn resolve(document: &Document, version: String, problems: &mut Problems) -> Option<Flow> {
    let (written, scopes) = expand(document, problems);
    let mut names = Names::new(document, scopes, &written);
    let vars = variables(document, &mut names, problems);
    let name: Option<FlowSlug> = slug(&document.flow, problems);
    let languages = languages(document, problems);
    let top = Seen {
        names: &names,
        scope: 0,
    };
    let on_error = match &document.defaults.on_error {
        Some(word) => Some(top.target(Some(word), word.referenced, "on_error", problems)),
        None => names.nodes.get("to_agent").copied(),
    };
    names.on_error = on_error;
    let top = Seen {
        names: &names,
        scope: 0,
    };
    let language = document
        .language
        .as_ref()
        .map_or(Some(0), |word| top.language(word, problems));
    let waits: Vec<_> = document
        .while_waiting
        .values()
        .map(|waiting| top.waiting(waiting, problems))
        .collect();
    let nodes = nodes(document, &written, &names, &waits, problems);
    let start = top.target(
        document.start.as_ref(),
        document.flow.referenced,
        "start",
        problems,
    );
    let after = document.after_agent.as_ref();
    let after_agent = after.map(|word| top.target(Some(word), word.referenced, "after_agent", problems));
    let max_steps = document
        .defaults
        .max_steps
        .as_ref()
        .map_or(MAX_STEPS_DEFAULT, |steps| {
            within(steps, 1..=MAX_STEPS_MAX, "max_steps", problems);
            steps.value
        });
    let notices = document.notices.as_ref().map_or_else(
        || NOTICES_DEFAULT.map(str::to_owned).to_vec(),
        |words| words.iter().map(|word| word.value.clone()).collect(),
    );
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
        vars,
        names: names.vars.iter().map(|var| var.name.clone()).collect(),
        answers: document.answer == AnswerDocument::Flow,
        after_agent,
        notices,
    })
}

/// All nodes, those of sub-flows once for every call, named `CALL/NODE`.
fn expand<'a>(document: &'a Document, problems: &mut Problems) -> (Vec<Written<'a>>, Vec<Scope<'a>>) {
    let mut scopes = vec![Scope {
        prefix: String::new(),
        exits: None,
    }];
    let mut written: Vec<Written<'a>> = Vec::new();
    let top = document.nodes.iter().map(|(name, node)| Written {
        name: name.clone(),
        node,
        scope: 0,
    });
    written.extend(top);
    let mut at = 0;
    while let Some(Written { name, node, scope }) = written.get(at) {
        at += 1;
        let NodeDocument::Call(call) = &node.value else {
            continue;
        };
        let Some(sub) = document.sub_flows.get(&call.flow.value) else {
            let fix = one_of(document.sub_flows.keys());
            let what = format!("there is no {:?} under `sub_flows`", call.flow.value);
            problems.add(call.flow.referenced, what, fix);
            continue;
        };
        let prefix = format!("{name}/");
        let deep = prefix.matches('/').count() > CALLS_MAX;
        if deep || written.len() + sub.value.nodes.len() > NODES_MAX {
            problems.add(
                call.flow.referenced,
                "sub-flows call each other without end, or too many nodes come of it",
                format!("call at most {CALLS_MAX} deep, and at most {NODES_MAX} nodes in all"),
            );
            break;
        }
        let exits = Some((&call.exits, *scope));
        let inner = scopes.len();
        let nodes: Vec<_> = sub
            .value
            .nodes
            .iter()
            .map(|(name, node)| Written {
                name: format!("{prefix}{name}"),
                node,
                scope: inner,
            })
            .collect();
        scopes.push(Scope { prefix, exits });
        written.extend(nodes);
    }
    (written, scopes)
}

/// The variables: those that every flow has, then its own.
fn variables(document: &Document, names: &mut Names<'_>, problems: &mut Problems) -> Vec<Value> {
    const GIVEN: [(usize, &str, Type); given::COUNT] = [
        (given::CALLER, "caller", Type::Text),
        (given::NUMBER, "number", Type::Text),
        (given::HOUR, "hour", Type::Number),
        (given::MINUTES, "minutes", Type::Number),
        (given::WEEKDAY, "weekday", Type::Number),
        (given::TODAY, "today", Type::Number),
        (given::WAITED, "waited", Type::Number),
        (given::LANGUAGE, "language", Type::Text),
    ];
    let mut values = Vec::new();
    for (_, name, kind) in GIVEN {
        names.vars.push(Named {
            name: name.to_owned(),
            kind,
        });
        names.sensitive.push(false);
        names.personal.push(name == "caller");
        values.push(kind.empty());
    }
    for (at, (name, var)) in document.vars.iter().enumerate() {
        let plain = !name.is_empty()
            && name.len() <= 32
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name
                .bytes()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_');
        let taken = names.vars.iter().any(|var| var.name == *name);
        let word = matches!(name.as_str(), "or" | "and" | "not" | "true" | "false" | "input");
        if !plain || taken || word || at == VARS_MAX {
            problems.add(
                var.referenced,
                format!("{name:?} cannot name a variable"),
                format!("use 1 to 32 of a-z 0-9 _, no word of expressions, at most {VARS_MAX} in all"),
            );
        }
        let kind = type_of(var.value.kind);
        let mut value = kind.empty();
        if let Some(word) = &var.value.value {
            match expr::read(&word.value, &[]) {
                Ok(read) if read.kind == kind => value = read.value(&[]),
                Ok(read) => problems.add(
                    word.referenced,
                    format!("{name:?} is {}, this is {}", kind.name(), read.kind.name()),
                    "write a value of its type; text stands in quotes: \"'text'\"",
                ),
                Err(error) => problems.add(word.referenced, error, "correct the value"),
            }
        }
        names.vars.push(Named {
            name: name.clone(),
            kind,
        });
        names.sensitive.push(var.value.sensitive);
        names
            .personal
            .push(var.value.kind == VarType::Digits && !var.value.sensitive);
        values.push(value);
    }
    values
}

const fn type_of(kind: VarType) -> Type {
    match kind {
        VarType::Text | VarType::Digits => Type::Text,
        VarType::Number => Type::Number,
        VarType::Flag => Type::Flag,
    }
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
    written: &[Written<'_>],
    names: &Names<'_>,
    waits: &[WhileWaiting],
    problems: &mut Problems,
) -> Vec<Node> {
    if written.len() > NODES_MAX {
        problems.add(
            document.flow.referenced,
            format!("the flow has {} nodes", written.len()),
            format!("split it: a flow has at most {NODES_MAX}"),
        );
        return Vec::new();
    }
    let node = |written: &Written<'_>| Node {
        name: Arc::from(written.name.as_str()),
        at: Place::from(written.node.referenced),
        kind: Seen {
            names,
            scope: written.scope,
        }
        .node(&written.name, written.node, waits, problems),
    };
    written.iter().map(node).collect()
}

impl Seen<'_> {
    fn language(&self, word: &Word, problems: &mut Problems) -> Option<usize> {
        self.language_at(&word.value, word.referenced, problems)
    }

    fn language_at(&self, tag: &str, at: Location, problems: &mut Problems) -> Option<usize> {
        let languages = &self.names.languages;
        let found = languages.iter().position(|known| *known == tag);
        if found.is_none() {
            let fix = one_of(languages.iter());
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
        let prefix = self
            .names
            .scopes
            .get(self.scope)
            .map_or("", |scope| &scope.prefix);
        let found = self.names.nodes.get(&format!("{prefix}{}", word.value));
        found.copied().unwrap_or_else(|| {
            let seen = |name: &&String| name.strip_prefix(prefix).is_some_and(|own| !own.contains('/'));
            let own = self.names.nodes.keys().filter(seen);
            let fix = one_of(own.map(|name| &name[prefix.len()..]));
            problems.add(word.referenced, format!("there is no node {:?}", word.value), fix);
            DANGLING
        })
    }

    /// Where a `return` leads.
    fn returned(&self, exit: &Word, problems: &mut Problems) -> NodeIndex {
        let exits = self.names.scopes.get(self.scope).and_then(|scope| scope.exits);
        let Some((exits, scope)) = exits else {
            problems.add(
                exit.referenced,
                "there is nothing to return to",
                "use `goto`; `return` is for `sub_flows`",
            );
            return DANGLING;
        };
        let caller = Seen {
            names: self.names,
            scope,
        };
        match exits.get(&exit.value) {
            Some(word) => caller.target(Some(word), word.referenced, "exit", problems),
            None => {
                let what = format!("a `call` of this part has no exit {:?}", exit.value);
                problems.add(exit.referenced, what, one_of(exits.keys()));
                DANGLING
            }
        }
    }

    /// The expression; where it is wrong or not of this type, that is told and an empty value stands in.
    fn expr(&self, word: &Word, want: Type, problems: &mut Problems) -> Expr {
        self.expr_with(word, want, &self.names.vars, problems)
    }

    fn expr_with(&self, word: &Word, want: Type, vars: &[Named], problems: &mut Problems) -> Expr {
        match expr::read(&word.value, vars) {
            Ok(expr) if expr.kind == want => return expr,
            Ok(expr) => problems.add(
                word.referenced,
                format!("this is {}, and should be {}", expr.kind.name(), want.name()),
                "correct the expression",
            ),
            Err(error) => problems.add(word.referenced, error, "correct the expression"),
        }
        Expr::constant(want.empty())
    }

    /// An expression of any type.
    fn expr_any(&self, word: &Word, problems: &mut Problems) -> Expr {
        expr::read(&word.value, &self.names.vars).unwrap_or_else(|error| {
            problems.add(word.referenced, error, "correct the expression");
            Expr::constant(Type::Text.empty())
        })
    }

    /// Tells where a sensitive variable would leave the call.
    fn not_sensitive(&self, expr: &Expr, at: Location, whither: &str, problems: &mut Problems) {
        let read = expr
            .reads
            .iter()
            .find(|at| self.names.sensitive.get(**at) == Some(&true));
        if let Some(named) = read.and_then(|at| self.names.vars.get(*at)) {
            problems.add(
                at,
                format!("the sensitive variable {:?} would reach {whither}", named.name),
                "take it away, or collect into a variable that is not sensitive",
            );
        }
    }

    /// Tells where digits of the caller would be written down.
    fn not_personal(&self, expr: &Expr, at: Location, problems: &mut Problems) {
        let read = expr
            .reads
            .iter()
            .find(|at| self.names.personal.get(**at) == Some(&true));
        if let Some(named) = read.and_then(|at| self.names.vars.get(*at)) {
            problems.add(
                at,
                format!("the digits in {:?} would reach the record", named.name),
                "note what a look-up found with them instead",
            );
        }
    }

    fn var(&self, word: &str, at: Location, problems: &mut Problems) -> Option<usize> {
        let found = self.names.vars.iter().position(|var| var.name == word);
        match found {
            Some(at) if at >= given::COUNT => Some(at),
            _ => {
                let own = self.names.vars.iter().skip(given::COUNT).map(|var| &var.name);
                problems.add(
                    at,
                    format!("there is no variable {word:?} under `vars`"),
                    one_of(own),
                );
                None
            }
        }
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
