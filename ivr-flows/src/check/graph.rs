//! What the edges of a flow must hold: every node is reached, every way ends, no way turns without the caller.

use crate::Flow;
use crate::model::{Cause, NodeIndex, NodeKind};
use crate::problem::Problems;

pub(super) fn check(flow: &Flow, problems: &mut Problems) {
    unreachable_nodes(flow, problems);
    nodes_without_end(flow, problems);
    loops_without_caller(flow, problems);
}

fn unreachable_nodes(flow: &Flow, problems: &mut Problems) {
    let mut reached = vec![false; flow.nodes.len()];
    let mut todo: Vec<NodeIndex> = [Some(flow.start), flow.on_error, flow.after_agent]
        .into_iter()
        .flatten()
        .collect();
    while let Some(at) = todo.pop() {
        if let (Some(seen), Some(node)) = (reached.get_mut(at.0), flow.nodes.get(at.0))
            && !*seen
        {
            *seen = true;
            todo.extend(node.ways().into_iter().map(|way| way.to));
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
            let is_end = matches!(
                node.kind,
                NodeKind::Queue(_)
                    | NodeKind::Hangup { .. }
                    | NodeKind::Reject { .. }
                    | NodeKind::Transfer(_)
            );
            let leads = || {
                node.ways()
                    .iter()
                    .any(|way| ends.get(way.to.0).copied().unwrap_or(true))
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
    let ways = flow.nodes[at].ways().into_iter();
    ways.filter(|way| way.cause == Cause::Itself && way.to.0 < flow.nodes.len())
        .map(|way| way.to.0)
        .collect()
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
