//! A flow as a picture: Mermaid for documents, SVG for everybody. The layout is computed and kept nowhere: layers by the
//! distance from the start, so that the same flow always gives the same picture.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use crate::Flow;
use crate::model::{Cause, NodeIndex};

const BOX_WIDTH: usize = 180;
const BOX_HEIGHT: usize = 44;
const GAP_X: usize = 40;
const GAP_Y: usize = 64;
const MARGIN: usize = 24;

/// Counts of real calls per edge, by node and way, to be shown on the picture.
pub type Counts = BTreeMap<(String, String), u64>;

impl Flow {
    /// The flow as a Mermaid flowchart.
    #[must_use]
    pub fn mermaid(&self, counts: &Counts) -> String {
        let mut text = String::from("flowchart TD\n");
        for (at, node) in self.nodes.iter().enumerate() {
            let (open, close) = match node.kind.word() {
                "menu" | "collect" | "survey" => ("{{", "}}"),
                "queue" | "transfer" => ("([", "])"),
                "hangup" | "reject" => ("((", "))"),
                "branch" | "calendar" | "caller" | "lookup" => ("{", "}"),
                _ => ("[", "]"),
            };
            // Writing into a String cannot fail.
            let _ = writeln!(
                text,
                "    n{at}{open}\"{}<br/>{}\"{close}",
                node.name,
                node.kind.word()
            );
        }
        for (at, node) in self.nodes.iter().enumerate() {
            for way in node.ways() {
                let count = counts.get(&(node.name.as_ref().to_owned(), way.name.to_string()));
                let count = count.map_or_else(String::new, |count| format!(" ({count})"));
                let arrow = if way.cause == Cause::Caller { "-->" } else { "-.->" };
                let _ = writeln!(text, "    n{at} {arrow}|\"{}{count}\"| n{}", way.name, way.to.0);
            }
        }
        text
    }

    /// The flow as SVG. Solid lines are the caller's choice, dashed ones go by themselves.
    #[must_use]
    pub fn svg(&self, counts: &Counts) -> String {
        let places = self.places();
        let width = places.iter().map(|(x, _)| x + BOX_WIDTH).max().unwrap_or(0) + MARGIN;
        let height = places.iter().map(|(_, y)| y + BOX_HEIGHT).max().unwrap_or(0) + MARGIN;
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n<title>{}</title>\n\
             <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" \
             markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#555\"/></marker></defs>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
            escaped(self.name.as_str())
        );
        self.svg_edges(&places, counts, &mut text);
        for (node, (x, y)) in self.nodes.iter().zip(&places) {
            let fill = match node.kind.word() {
                "menu" | "collect" | "survey" => "#e3effd",
                "queue" | "transfer" => "#dff3e4",
                "hangup" | "reject" => "#f6dedb",
                "voicemail" | "call_back" => "#fdf1d6",
                _ => "#f2f2f2",
            };
            let _ = writeln!(
                text,
                "<g><rect x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"8\" \
                 fill=\"{fill}\" stroke=\"#555\"/><text x=\"{}\" y=\"{}\" text-anchor=\"middle\" \
                 font-weight=\"bold\">{}</text><text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">{}</text></g>",
                x + BOX_WIDTH / 2,
                y + 18,
                escaped(&node.name),
                x + BOX_WIDTH / 2,
                y + 34,
                node.kind.word()
            );
        }
        text.push_str("</svg>\n");
        text
    }

    fn svg_edges(&self, places: &[(usize, usize)], counts: &Counts, text: &mut String) {
        for (node, (x, y)) in self.nodes.iter().zip(places) {
            // Ways to the same node are one line with all their names.
            let mut lines: BTreeMap<NodeIndex, (Vec<String>, bool)> = BTreeMap::new();
            for way in node.ways() {
                let count = counts.get(&(node.name.as_ref().to_owned(), way.name.to_string()));
                let label = match count {
                    Some(count) => format!("{} ({count})", way.name),
                    None => way.name.to_string(),
                };
                let line = lines.entry(way.to).or_default();
                line.0.push(label);
                line.1 |= way.cause == Cause::Caller;
            }
            for (to, (labels, chosen)) in lines {
                let Some((to_x, to_y)) = places.get(to.0) else {
                    continue;
                };
                let (from, end) = (x + BOX_WIDTH / 2, to_x + BOX_WIDTH / 2);
                let (top, bottom) = (y + BOX_HEIGHT, *to_y);
                let dash = if chosen { "" } else { " stroke-dasharray=\"5 4\"" };
                let path = if bottom > top {
                    let half = usize::midpoint(top, bottom);
                    format!("M{from} {top}C{from} {half} {end} {half} {end} {bottom}")
                } else {
                    // Back up, round the right-hand side.
                    let side = x.max(to_x) + BOX_WIDTH + GAP_X / 2;
                    let (middle, landing) = (y + BOX_HEIGHT / 2, to_y + BOX_HEIGHT / 2);
                    format!(
                        "M{} {middle}C{side} {middle} {side} {landing} {} {landing}",
                        x + BOX_WIDTH,
                        to_x + BOX_WIDTH
                    )
                };
                let _ = writeln!(
                    text,
                    "<path d=\"{path}\" fill=\"none\" stroke=\"#555\" marker-end=\"url(#tip)\"{dash}/>\
                     <text x=\"{}\" y=\"{}\" text-anchor=\"middle\" font-size=\"10\" fill=\"#333\" \
                     paint-order=\"stroke\" stroke=\"#fff\" stroke-width=\"3\">{}</text>",
                    (from + 2 * end) / 3,
                    if bottom > top {
                        (top + 2 * bottom) / 3
                    } else {
                        to_y + BOX_HEIGHT / 2
                    },
                    escaped(&labels.join(", "))
                );
            }
        }
    }

    /// Where each node lies: layers by distance from the start, in the order in which they are met.
    fn places(&self) -> Vec<(usize, usize)> {
        let mut layer: Vec<Option<usize>> = vec![None; self.nodes.len()];
        let mut todo = VecDeque::new();
        for root in [Some(self.start), self.after_agent, self.on_error]
            .into_iter()
            .flatten()
        {
            if let Some(slot @ None) = layer.get_mut(root.0) {
                *slot = Some(0);
                todo.push_back(root.0);
            }
            while let Some(at) = todo.pop_front() {
                let next = layer.get(at).copied().flatten().map_or(0, |layer| layer + 1);
                for way in self
                    .nodes
                    .get(at)
                    .map(crate::model::Node::ways)
                    .unwrap_or_default()
                {
                    if let Some(slot @ None) = layer.get_mut(way.to.0) {
                        *slot = Some(next);
                        todo.push_back(way.to.0);
                    }
                }
            }
        }
        let mut filled: BTreeMap<usize, usize> = BTreeMap::new();
        layer
            .into_iter()
            .map(|layer| {
                let layer = layer.unwrap_or(0);
                let column = filled.entry(layer).or_default();
                let x = MARGIN + *column * (BOX_WIDTH + GAP_X);
                *column += 1;
                (x, MARGIN + layer * (BOX_HEIGHT + GAP_Y))
            })
            .collect()
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
