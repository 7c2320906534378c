//! Which recordings have been kept long enough, by queue and disposition; the gateway erases them once a day.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hotline_config::{Keep, KeepOf, Settings};
use hotline_journal::{Seq, What};
use hotline_recorder::proof::{Evidence, Standing};
use hotline_store::{PAGE_MAX, Reader, RecordedRow, RecordingFilter};
use hotline_types::WallTime;

use crate::reports::wall_now;

/// Time between two rounds of erasing.
const ROUND: Duration = Duration::from_secs(24 * 3600);
/// Time from the start to the first.
const FIRST: Duration = Duration::from_secs(300);
/// Recordings of one page.
const PAGE: u32 = 500;

/// Erases once a day what has been kept long enough, as long as somebody holds the future.
pub(crate) async fn keep_tidy(settings: Settings, reader: Reader, evidence: Arc<Evidence>) {
    let mut rounds = tokio::time::interval_at(tokio::time::Instant::now() + FIRST, ROUND);
    loop {
        rounds.tick().await;
        match plan(&settings, &reader, evidence.dir()).await {
            Ok(plan) => {
                let evidence = Arc::clone(&evidence);
                let erased = tokio::task::spawn_blocking(move || erase(&evidence, &plan)).await;
                tracing::info!(erased = erased.unwrap_or(0), "recordings were kept long enough");
            }
            Err(error) => tracing::error!(%error, "cannot find out which recordings were kept long enough"),
        }
    }
}

fn erase(evidence: &Evidence, plan: &[(String, String)]) -> usize {
    let done = plan.iter().filter(|(path, reason)| {
        let erased = evidence.erase(path, "retention", reason);
        if let Err(error) = &erased {
            tracing::warn!(path, %error, "a recording is kept longer than it should be");
        }
        erased.is_ok()
    });
    done.count()
}

/// The recordings to erase, with why; those that are held or erased already are not among them.
pub(super) async fn plan(
    settings: &Settings,
    reader: &Reader,
    dir: &Path,
) -> anyhow::Result<Vec<(String, String)>> {
    let keep = &settings.recording.keep;
    let Some(shortest) = keep.iter().map(|keep| keep.time).min() else {
        return Ok(Vec::new());
    };
    let by_disposition = keep.iter().any(|keep| matches!(keep.of, KeepOf::Disposition(_)));
    let now = wall_now();
    let filter = RecordingFilter {
        before: Some(now - shortest),
        ..RecordingFilter::default()
    };
    let mut plan = Vec::new();
    let mut cursor = None;
    loop {
        let page = reader.recorded(&filter, cursor.as_deref(), PAGE).await?;
        for row in page.recordings {
            let disposition = if by_disposition {
                disposition(reader, &row).await?
            } else {
                None
            };
            let Some((keep, why)) = rule(keep, row.queue.as_deref(), disposition.as_deref()) else {
                continue;
            };
            if is_over(now, row.recording.started_at, keep.time) {
                let standing = Standing::of(dir, &row.recording.path)?;
                if standing.held.is_none() && standing.erased.is_none() {
                    plan.push((row.recording.path, why));
                }
            }
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(plan);
        }
    }
}

fn is_over(now: WallTime, began: WallTime, time: Duration) -> bool {
    now.since(began) >= time
}

/// What its agent said of the contact.
async fn disposition(reader: &Reader, row: &RecordedRow) -> anyhow::Result<Option<String>> {
    let events = reader.contact_events(row.contact, Seq(0), PAGE_MAX).await?;
    let said = events.into_iter().rev().find_map(|event| match event.what {
        What::Disposed { code } => Some(code),
        _ => None,
    });
    Ok(said)
}

/// The rule for a recording: that of its disposition, else that of its queue, else that of all.
fn rule<'k>(keep: &'k [Keep], queue: Option<&str>, disposition: Option<&str>) -> Option<(&'k Keep, String)> {
    let find = |is: &dyn Fn(&KeepOf) -> bool| keep.iter().find(|keep| is(&keep.of));
    let days = |keep: &Keep| keep.time.as_secs() / 86_400;
    let by_disposition =
        find(&|of| matches!(of, KeepOf::Disposition(code) if Some(code.as_str()) == disposition));
    let by_queue = find(&|of| matches!(of, KeepOf::Queue(slug) if Some(slug.as_str()) == queue));
    let by_default = find(&|of| *of == KeepOf::All);
    let found = by_disposition.or(by_queue).or(by_default)?;
    let of = match &found.of {
        KeepOf::All => "all".to_owned(),
        KeepOf::Queue(slug) => format!("queue {slug}"),
        KeepOf::Disposition(code) => format!("disposition {code}"),
    };
    Some((found, format!("kept {} days, the rule of {of}", days(found))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_of_a_disposition_wins_over_that_of_a_queue_and_that_over_all() {
        let day = Duration::from_secs(86_400);
        let keep = |of, days| Keep { of, time: day * days };
        let rules = [
            keep(KeepOf::All, 365),
            keep(KeepOf::Queue("complaints".into()), 1_000),
            keep(KeepOf::Disposition("test".into()), 7),
        ];
        for (queue, disposition, days) in [
            (None, None, 365),
            (Some("sales"), Some("sold"), 365),
            (Some("complaints"), None, 1_000),
            (Some("complaints"), Some("test"), 7),
        ] {
            let (found, why) = rule(&rules, queue, disposition).unwrap();
            assert_eq!(found.time, day * days, "{queue:?} {disposition:?}");
            assert!(why.contains(&format!("{days} days")), "{why}");
        }
        assert!(
            rule(&rules[1..], Some("sales"), None).is_none(),
            "no rule: for ever"
        );
        let now = WallTime::from_millis(100 * 86_400_000);
        assert!(is_over(now, WallTime::from_millis(93 * 86_400_000), day * 7));
        assert!(!is_over(now, WallTime::from_millis(93 * 86_400_000 + 1), day * 7));
    }
}
