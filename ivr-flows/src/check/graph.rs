//! What the edges of a flow must hold: every node is reached, every way ends, no way turns without the caller.

use crate::Flow;
use crate::model::{Node, NodeIndex, NodeKind};
use crate::problem::Problems;

/// What has to happen for a call to take an edge.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// Nothing: the call goes on by itself.
    Itself,
    /// The caller pressed a key, or waited in a queue.
    Caller,
}

pub(super) fn check(flow: &Flow, problems: &mut Problems) {
    unreachable_nodes(flow, problems);
    nodes_without_end(flow, problems);
    loops_without_caller(flow, problems);
}

fn edges(node: &Node) -> Vec<(NodeIndex, Cause)> {
    match &node.kind {
        NodeKind::Play { next, .. } | NodeKind::Language { next, .. } | NodeKind::Goto { next } => {
            vec![(*next, Cause::Itself)]
        }
        NodeKind::Calendar { open, closed, .. } => vec![(*open, Cause::Itself), (*closed, Cause::Itself)],
        NodeKind::Menu(menu) => {
            let mut edges: Vec<_> = menu.keys.values().map(|next| (*next, Cause::Caller)).collect();
            edges.push((menu.no_match.next, Cause::Caller));
            edges.push((menu.no_input.next, Cause::Itself));
            edges
        }
        NodeKind::Queue(queue) => {
            let mut edges = vec![
                (queue.full, Cause::Itself),
                (queue.no_staff, Cause::Itself),
                (queue.timeout, Cause::Caller),
            ];
            edges.extend(queue.key.map(|key| (key, Cause::Caller)));
            edges
        }
        NodeKind::Hangup { .. } => Vec::new(),
    }
}

fn unreachable_nodes(flow: &Flow, problems: &mut Problems) {
    let mut reached = vec![false; flow.nodes.len()];
    let mut todo: Vec<NodeIndex> = [Some(flow.start), flow.on_error].into_iter().flatten().collect();
    while let Some(at) = todo.pop() {
        if let (Some(seen), Some(node)) = (reached.get_mut(at.0), flow.nodes.get(at.0))
            && !*seen
        {
            *seen = true;
            todo.extend(edges(node).into_iter().map(|(next, _)| next));
        }
    }
    for (node, reached) in flow.nodes.iter().zip(&reached) {
        if !reached {
            problems.add(
                node.at,
                format!("no call can come to node {:?}", node.name),
                "lead an edge to it, or take it away",
            );
        }
    }
}

/// A node must have a way to a queue or to the end of the call; an unknown target, told already, counts as one.
fn nodes_without_end(flow: &Flow, problems: &mut Problems) {
    let mut ends = vec![false; flow.nodes.len()];
    let mut changed = true;
    while changed {
        changed = false;
        for (at, node) in flow.nodes.iter().enumerate() {
            let is_end = matches!(node.kind, NodeKind::Queue(_) | NodeKind::Hangup { .. });
            let leads = || {
                edges(node)
                    .iter()
                    .any(|(next, _)| ends.get(next.0).copied().unwrap_or(true))
            };
            if !ends[at] && (is_end || leads()) {
                ends[at] = true;
                changed = true;
            }
        }
    }
    for (node, ends) in flow.nodes.iter().zip(&ends) {
        if !ends {
            problems.add(
                node.at,
                format!("from node {:?} a call comes to no agent and to no end", node.name),
                "lead a way to a `queue` or a `hangup`",
            );
        }
    }
}

/// Each node is coloured once: white unseen, grey on the current way, black done (depth-first, own stack).
fn loops_without_caller(flow: &Flow, problems: &mut Problems) {
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Colour {
        White,
        Grey,
        Black,
    }
    let mut colours = vec![Colour::White; flow.nodes.len()];
    for root in 0..flow.nodes.len() {
        if colours[root] != Colour::White {
            continue;
        }
        colours[root] = Colour::Grey;
        let mut way = vec![(root, alone(flow, root))];
        while let Some((at, rest)) = way.last_mut() {
            let (at, next) = (*at, rest.pop());
            let Some(next) = next else {
                colours[at] = Colour::Black;
                way.pop();
                continue;
            };
            match colours[next] {
                Colour::White => {
                    colours[next] = Colour::Grey;
                    let edges = alone(flow, next);
                    way.push((next, edges));
                }
                Colour::Grey => told_loop(flow, way.iter().map(|(at, _)| *at), next, problems),
                Colour::Black => {}
            }
        }
    }
}

/// The edges that a call takes by itself.
fn alone(flow: &Flow, at: usize) -> Vec<usize> {
    let known = |(next, cause): (NodeIndex, Cause)| {
        (cause == Cause::Itself && next.0 < flow.nodes.len()).then_some(next.0)
    };
    edges(&flow.nodes[at]).into_iter().filter_map(known).collect()
}

fn told_loop(flow: &Flow, way: impl Iterator<Item = usize>, from: usize, problems: &mut Problems) {
    let mut names: Vec<&str> = way
        .skip_while(|at| *at != from)
        .map(|at| &*flow.nodes[at].name)
        .collect();
    names.push(&flow.nodes[from].name);
    problems.add(
        flow.nodes[from].at,
        format!(
            "{} turns round without a word from the caller",
            names.join(" -> ")
        ),
        "lead one of its edges to a `queue` or a `hangup`",
    );
}
