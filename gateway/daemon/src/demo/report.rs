//! What the demo prints at its end.

use std::fmt::Write as _;
use std::path::Path;

use hotline_journal::figures;
use serde::Serialize;

use super::watch::Outcome;

/// The end as one JSON object.
#[derive(Serialize)]
struct Report<'a> {
    reached: u64,
    offered: u64,
    answered: u64,
    abandoned: u64,
    flowed_out: u64,
    lost: u64,
    waiting: u64,
    /// Answered of the offered, 0 to 1; none where nothing was offered.
    answer_rate: Option<f64>,
    /// Answered of those that reached the hotline.
    hotline_answer_rate: Option<f64>,
    /// Answered within 15 s of the offered.
    within_three_rings: Option<f64>,
    /// Seconds.
    longest_wait: f64,
    recordings: Vec<&'a Path>,
    data: &'a Path,
}

#[expect(clippy::cast_precision_loss, reason = "a wait is far below 2^53 microseconds")]
fn report<'a>(outcome: &'a Outcome, data: &'a Path) -> Report<'a> {
    let counts = &outcome.counts;
    Report {
        reached: counts.reached,
        offered: counts.offered,
        answered: counts.answered,
        abandoned: counts.abandoned,
        flowed_out: counts.flowed_out(),
        lost: counts.lost,
        waiting: outcome.waiting,
        answer_rate: figures::answer_rate(counts),
        hotline_answer_rate: figures::hotline_answer_rate(counts),
        within_three_rings: figures::within_three_rings_of_offered(counts),
        longest_wait: counts.wait_max_us as f64 / 1e6,
        recordings: outcome
            .recordings
            .iter()
            .map(std::path::PathBuf::as_path)
            .collect(),
        data,
    }
}

/// One JSON object on one line.
///
/// # Errors
/// Where a path is not UTF-8.
pub(crate) fn json(outcome: &Outcome, data: &Path) -> anyhow::Result<String> {
    Ok(serde_json::to_string(&report(outcome, data))? + "\n")
}

/// A table and the paths.
pub(crate) fn table(outcome: &Outcome, data: &Path) -> String {
    let report = report(outcome, data);
    let percent = |rate: Option<f64>| rate.map_or("-".to_owned(), |rate| format!("{:.1} %", rate * 100.0));
    let rows = [
        ("Calls that reached the hotline", report.reached.to_string()),
        ("Offered to a queue", report.offered.to_string()),
        ("Answered", report.answered.to_string()),
        ("Answer rate", percent(report.answer_rate)),
        ("Hotline answer rate", percent(report.hotline_answer_rate)),
        ("Within three rings (15 s)", percent(report.within_three_rings)),
        ("Longest wait", format!("{:.1} s", report.longest_wait)),
        ("Abandoned", report.abandoned.to_string()),
        ("Flowed out", report.flowed_out.to_string()),
        ("Lost", report.lost.to_string()),
        ("Waiting", report.waiting.to_string()),
    ];
    let mut text = String::from("\n");
    for (label, value) in rows {
        let _ = writeln!(text, "  {label:<32}{value:>9}");
    }
    let _ = writeln!(
        text,
        "\n  Recordings, the caller left, the agent right: {}",
        report.recordings.len()
    );
    for path in report.recordings {
        let _ = writeln!(text, "    {}", path.display());
    }
    let _ = writeln!(text, "\n  Data: {}", data.display());
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotline_journal::Counts;

    fn outcome() -> Outcome {
        let mut counts = Counts {
            reached: 5,
            offered: 4,
            answered: 3,
            abandoned: 1,
            ..Default::default()
        };
        counts.wait_max_us = 12_340_000;
        counts.answered_waits[0] = 2;
        Outcome {
            counts,
            waiting: 0,
            recordings: vec!["/data/recordings/a.wav".into()],
        }
    }

    #[test]
    fn json_is_one_object_with_the_promised_keys() {
        let text = json(&outcome(), Path::new("/data")).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let expected = serde_json::json!({
            "reached": 5, "offered": 4, "answered": 3, "abandoned": 1, "flowed_out": 0, "lost": 0, "waiting": 0,
            "answer_rate": 0.75, "hotline_answer_rate": 0.6, "within_three_rings": 0.5, "longest_wait": 12.34,
            "recordings": ["/data/recordings/a.wav"], "data": "/data",
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn the_table_names_every_figure_and_recording() {
        let text = table(&outcome(), Path::new("/data"));
        for part in [
            "Answer rate                        75.0 %",
            "12.3 s",
            "/data/recordings/a.wav",
        ] {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
        assert!(
            table(&Outcome::default(), Path::new("/data"))
                .contains("Answer rate                             -")
        );
    }
}
