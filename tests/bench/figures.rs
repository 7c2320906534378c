//! Figures: gathered, shown beside their bars, and appended to `target/bench.jsonl`.

use std::io::Write as _;
use std::path::Path;

/// What a figure must keep to.
#[derive(Clone, Copy)]
pub enum Bar {
    /// No more than this.
    AtMost(f64),
}

struct Figure {
    name: &'static str,
    value: f64,
    unit: &'static str,
    bar: Option<Bar>,
    conditions: String,
}

/// The figures of one benchmark.
pub struct Table {
    bench: &'static str,
    figures: Vec<Figure>,
}

impl Table {
    /// An empty table.
    pub const fn new(bench: &'static str) -> Self {
        Self {
            bench,
            figures: Vec::new(),
        }
    }

    /// Adds a figure, and writes it down at once.
    pub fn add(
        &mut self,
        name: &'static str,
        value: f64,
        unit: &'static str,
        bar: Option<Bar>,
        conditions: &str,
    ) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench.jsonl");
        let line = serde_json::json!({
            "bench": self.bench, "figure": name, "value": value, "unit": unit, "conditions": conditions,
        });
        let folder = path.parent().unwrap();
        std::fs::create_dir_all(folder).unwrap();
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        writeln!(file, "{line}").unwrap();
        println!("{name}: {value:.3} {unit}");
        self.figures.push(Figure {
            name,
            value,
            unit,
            bar,
            conditions: conditions.to_owned(),
        });
    }

    /// All figures beside their bars.
    pub fn print(&self) {
        println!();
        for figure in &self.figures {
            let bar = match figure.bar {
                None => String::new(),
                Some(Bar::AtMost(most)) => {
                    let verdict = if figure.value <= most { "kept" } else { "MISSED" };
                    format!("at most {most} {}: {verdict}", figure.unit)
                }
            };
            println!(
                "{:<32}{:>10.3} {:<4}{bar}",
                figure.name, figure.value, figure.unit
            );
            println!("    {}", figure.conditions);
        }
    }
}

/// The value below which this share of the values lies; NaN where there are none.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let index = (sorted.len().saturating_sub(1) as f64 * share).ceil() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}
