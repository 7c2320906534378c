//! What must be true of a call when it comes to a node: answered before it listens or waits, not yet answered when it
//! is refused, and told of the recording before a recorded queue.

use crate::Flow;
use crate::model::{Node, NodeIndex, NodeKind, Part};
use crate::problem::Problems;

/// Finds the nodes to which a call can come while `holds` is still false for all nodes before.
fn reached_without(flow: &Flow, holds: impl Fn(&Node) -> bool) -> Vec<bool> {
    let mut reached = vec![false; flow.nodes.len()];
    let mut todo = vec![flow.start];
    while let Some(NodeIndex(at)) = todo.pop() {
        let (Some(seen), Some(node)) = (reached.get_mut(at), flow.nodes.get(at)) else {
            continue;
        };
        if *seen {
            continue;
        }
        *seen = true;
        if !holds(node) {
            todo.extend(node.ways().into_iter().map(|way| way.to));
        }
    }
    reached
}

/// Nodes to which a call can come after it was answered.
fn reached_after_answer(flow: &Flow) -> Vec<bool> {
    let mut reached = vec![false; flow.nodes.len()];
    let answers = flow
        .nodes
        .iter()
        .filter(|node| matches!(node.kind, NodeKind::Answer { .. }));
    let mut todo: Vec<NodeIndex> = answers.flat_map(|node| node.ways()).map(|way| way.to).collect();
    while let Some(NodeIndex(at)) = todo.pop() {
        if let (Some(seen), Some(node)) = (reached.get_mut(at), flow.nodes.get(at))
            && !*seen
        {
            *seen = true;
            todo.extend(node.ways().into_iter().map(|way| way.to));
        }
    }
    reached
}

pub(super) fn check(flow: &Flow, problems: &mut Problems) {
    if !flow.answers {
        for node in &flow.nodes {
            if matches!(node.kind, NodeKind::Answer { .. } | NodeKind::Reject { .. }) {
                problems.add(
                    node.at,
                    format!(
                        "{:?} comes too late: the call is answered at its start",
                        node.name
                    ),
                    "write `answer: flow` at the head of the flow, or take the node away",
                );
            }
        }
        return;
    }
    let unanswered = reached_without(flow, |node| matches!(node.kind, NodeKind::Answer { .. }));
    let answered = reached_after_answer(flow);
    for ((node, unanswered), answered) in flow.nodes.iter().zip(unanswered).zip(answered) {
        match &node.kind {
            NodeKind::Menu(_)
            | NodeKind::Collect(_)
            | NodeKind::Survey(_)
            | NodeKind::Queue(_)
            | NodeKind::Voicemail(_)
            | NodeKind::Transfer(_)
                if unanswered =>
            {
                problems.add(
                    node.at,
                    format!("a call can come to {:?} unanswered", node.name),
                    "lead every way to it through an `answer`",
                );
            }
            NodeKind::Reject { .. } if answered => problems.add(
                node.at,
                format!(
                    "a call can come to {:?} answered, and cannot be refused any more",
                    node.name
                ),
                "use `hangup` on the ways that come through an `answer`",
            ),
            _ => {}
        }
    }
}

/// Queues of a hotline that records, to which a call can come without the notice. A flow that says `notices: []` answers
/// for it that its callers are told elsewhere.
pub(super) fn notice(flow: &Flow, problems: &mut Problems) {
    if flow.notices.is_empty() {
        return;
    }
    let is_notice = |id: &str| flow.notices.iter().any(|notice| notice == id);
    let tells = |node: &Node| match &node.kind {
        NodeKind::Play { parts, .. } => parts
            .iter()
            .any(|part| matches!(part, Part::Prompt(prompt) if is_notice(&prompt.id))),
        NodeKind::Menu(menu) => menu.long.iter().any(|prompt| is_notice(&prompt.id)),
        _ => false,
    };
    for (node, reached) in flow.nodes.iter().zip(reached_without(flow, tells)) {
        if reached && matches!(node.kind, NodeKind::Queue(_)) {
            problems.add(
                node.at,
                format!(
                    "a caller can come to {:?}, where talks are recorded, without being told",
                    node.name
                ),
                format!(
                    "play one of {} on every way to it, or say `notices: []` where callers are told elsewhere",
                    flow.notices.join(", ")
                ),
            );
        }
    }
}
