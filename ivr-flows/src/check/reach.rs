//! The longest time to a human: every prompt heard to its end, every time-out waited for, every failure forgiven.

use std::time::Duration;

use crate::Flow;
use crate::model::{Failure, Known, NodeKind, Part, Prompt, Reach};

/// What a value takes to be said, about.
const VALUE: Duration = Duration::from_secs(3);

/// A node's answer: not asked yet, on the way that is being walked, or known.
#[derive(Clone, Copy)]
enum Found {
    New,
    Walking,
    Known(Option<(Duration, usize)>),
}

/// The longest way from the start to a queue that passes no node twice in a row of choices. None: there is none.
pub(crate) fn longest(flow: &Flow, known: &Known) -> Option<Reach> {
    let mut found = vec![Found::New; flow.nodes.len()];
    let time = walk(flow, known, flow.start.0, &mut found)?;
    let mut nodes = Vec::new();
    let mut at = flow.start.0;
    while let (Some(node), true) = (flow.nodes.get(at), nodes.len() <= flow.nodes.len()) {
        nodes.push(node.name.as_ref().to_owned());
        match found.get(at) {
            Some(Found::Known(Some((_, next)))) if *next != at => at = *next,
            _ => break,
        }
    }
    Some(Reach { time, nodes })
}

/// Depth first; a flow has at most 250 nodes, which bounds the depth.
fn walk(flow: &Flow, known: &Known, at: usize, found: &mut [Found]) -> Option<Duration> {
    match found.get(at)? {
        Found::New => {}
        Found::Walking => return None,
        Found::Known(best) => return best.map(|(time, _)| time),
    }
    let node = flow.nodes.get(at)?;
    if matches!(node.kind, NodeKind::Queue(_)) {
        found[at] = Found::Known(Some((Duration::ZERO, at)));
        return Some(Duration::ZERO);
    }
    found[at] = Found::Walking;
    let mut best: Option<(Duration, usize)> = None;
    for way in node.ways() {
        if let Some(rest) = walk(flow, known, way.to.0, found) {
            let time = rest + length(flow, known, &node.kind, &way.name);
            if best.is_none_or(|(longest, _)| time > longest) {
                best = Some((time, way.to.0));
            }
        }
    }
    found[at] = Found::Known(best);
    best.map(|(time, _)| time)
}

/// The longest that a node takes to be left this way.
fn length(flow: &Flow, known: &Known, kind: &NodeKind, way: &str) -> Duration {
    let all =
        |prompts: &[Prompt]| -> Duration { prompts.iter().map(|prompt| one(flow, known, prompt)).sum() };
    let asked = |first: &[Prompt], again: &[Prompt], timeout: Duration, failures: [&Failure; 2]| {
        // Whoever leaves by a failure met it `max` times; whoever does not can have met both just short of it.
        let forgiven = |failure: &Failure| {
            let times = failure.max - u32::from(way != "no_input");
            (all(&failure.prompts) + all(again) + timeout) * times.min(failure.max)
        };
        all(first) + timeout + failures.into_iter().map(forgiven).sum::<Duration>()
    };
    match kind {
        NodeKind::Play { parts, .. } => parts
            .iter()
            .map(|part| match part {
                Part::Prompt(prompt) => one(flow, known, prompt),
                Part::Value(..) => VALUE,
            })
            .sum(),
        NodeKind::Menu(menu) => asked(
            &menu.long,
            &menu.short,
            menu.timeout,
            [&menu.no_input, &menu.no_match],
        ),
        NodeKind::Collect(collect) => {
            let digits = u32::try_from(collect.max).unwrap_or(u32::MAX);
            let timeout = collect.timeout + collect.inter_digit.saturating_mul(digits);
            asked(
                &collect.prompts,
                &collect.prompts,
                timeout,
                [&collect.no_input, &collect.no_match],
            )
        }
        NodeKind::Survey(survey) => asked(
            &survey.prompts,
            &survey.prompts,
            survey.timeout,
            [&survey.no_input, &survey.no_match],
        ),
        NodeKind::Lookup(lookup) => lookup.deadline,
        NodeKind::Voicemail(voicemail) => all(&voicemail.prompts) + voicemail.max,
        NodeKind::Transfer(transfer) => transfer.ring,
        _ => Duration::ZERO,
    }
}

fn one(flow: &Flow, known: &Known, prompt: &Prompt) -> Duration {
    let length = |at: usize| {
        flow.languages
            .get(at)
            .map_or(Duration::ZERO, |language| known.length(&language.tag, &prompt.id))
    };
    match prompt.language {
        Some(at) => length(at),
        None => (0..flow.languages.len()).map(length).max().unwrap_or_default(),
    }
}
