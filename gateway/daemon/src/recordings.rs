//! The commands `recording`: they work on the folder of the recordings, whether a gateway runs on it or not.

mod purge;

use std::fs::File;
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use hotline_config::Settings;
use hotline_recorder::proof::{Evidence, PublicKey, Standing, Verified, verify, verify_one};
use hotline_recorder::{RecordingFile, checked_path, is_encrypted};
use hotline_store::{Reader, RecordedRow, RecordingFilter};
use hotline_types::{ContactId, Pii};
use serde_json::json;

use crate::agent::print;
use crate::cli::recording::{Export, ExportFormat, Hold, List, Purge, RecordingCommand, Verify};

pub(crate) use purge::keep_tidy;

/// Rows read at once.
const PAGE: u32 = 500;
/// Who the command line is, in the manifest.
const BY: &str = "command line";

/// Carries one of them out.
///
/// # Errors
/// What is in the way, and what to do about it.
pub async fn recording(settings: &Settings, command: &RecordingCommand) -> anyhow::Result<()> {
    match command {
        RecordingCommand::List(asked) => list(settings, asked).await,
        RecordingCommand::Export(asked) => export(settings, asked).await,
        RecordingCommand::Verify(asked) => check(settings, asked).await,
        RecordingCommand::Repair { recordings } => repair(settings, recordings).await,
        RecordingCommand::Hold(asked) => hold(settings, asked).await,
        RecordingCommand::Purge(asked) => clean(settings, asked).await,
    }
}

fn evidence(settings: &Settings) -> anyhow::Result<Evidence> {
    let recording = &settings.recording;
    Evidence::open(&recording.dir, &recording.keys)
        .with_context(|| format!("cannot open the recordings in {}", recording.dir.display()))
}

/// Every recording that the filter lets through.
async fn all(reader: &Reader, filter: &RecordingFilter, most: usize) -> anyhow::Result<Vec<RecordedRow>> {
    let mut rows = Vec::new();
    let mut cursor = None;
    loop {
        let page = reader.recorded(filter, cursor.as_deref(), PAGE).await?;
        rows.extend(page.recordings);
        cursor = page.next;
        if cursor.is_none() || rows.len() >= most {
            rows.truncate(most);
            return Ok(rows);
        }
    }
}

/// The paths that a word names: a path, or all of a contact.
async fn named(settings: &Settings, word: &str) -> anyhow::Result<Vec<String>> {
    if let Ok(contact) = word.parse::<ContactId>() {
        let reader = Reader::open(&settings.data.dir)?;
        let filter = RecordingFilter {
            contact: Some(contact),
            ..RecordingFilter::default()
        };
        let rows = all(&reader, &filter, usize::MAX).await?;
        if rows.is_empty() {
            bail!("contact {word} has no recording\nhint: `hotline recording list` names them all");
        }
        return Ok(rows.into_iter().map(|row| row.recording.path).collect());
    }
    checked_path(&settings.recording.dir, word)
        .with_context(|| format!("{word:?} is neither a contact nor the path of a recording"))?;
    Ok(vec![word.to_owned()])
}

fn state(standing: &Standing, failed: bool) -> &'static str {
    match standing {
        Standing { erased: Some(_), .. } => "erased",
        Standing { held: Some(_), .. } => "held",
        _ if failed => "failed",
        Standing { sealing: Some(_), .. } => "sealed",
        _ => "unproven",
    }
}

async fn list(settings: &Settings, asked: &List) -> anyhow::Result<()> {
    let reader = Reader::open(&settings.data.dir)?;
    let filter = RecordingFilter {
        from: asked.from.clone(),
        to: asked.to.clone(),
        caller: asked.caller.clone().map(Pii::new),
        queue: asked.queue.clone(),
        agent: asked.agent.clone(),
        outcome: asked.outcome.clone(),
        ..RecordingFilter::default()
    };
    let rows = all(&reader, &filter, asked.limit).await?;
    let dir = &settings.recording.dir;
    let mut out = String::new();
    let mut items = Vec::new();
    if !asked.json {
        out.push_str(&format!(
            "{:<12}{:<14}{:<10}{:>8}  {:<10}PATH\n",
            "DATE", "QUEUE", "AGENT", "SECONDS", "STATE"
        ));
    }
    for row in &rows {
        let recording = &row.recording;
        let standing = Standing::of(dir, &recording.path).unwrap_or_default();
        let state = state(&standing, recording.failed.is_some());
        if asked.json {
            items.push(json!({
                "contact": row.contact.to_string(), "segment": recording.segment.to_string(),
                "path": recording.path, "business_date": row.business_date.0, "queue": row.queue,
                "agent": row.agent, "outcome": row.outcome, "started_at": recording.started_at.as_millis(),
                "length_ms": recording.length_ms, "state": state, "encrypted": is_encrypted(&recording.path),
                "held": standing.held, "sha256": standing.sealing.map(|sealing| sealing.sha256),
            }));
            continue;
        }
        let word = |word: &Option<String>| word.clone().unwrap_or_else(|| "-".into());
        let seconds = recording
            .length_ms
            .map_or_else(|| "-".into(), |ms| format!("{}.{}", ms / 1000, ms % 1000 / 100));
        out.push_str(&format!(
            "{:<12}{:<14}{:<10}{seconds:>8}  {state:<10}{}\n",
            row.business_date.0,
            word(&row.queue),
            word(&row.agent),
            recording.path
        ));
    }
    if asked.json {
        out = serde_json::to_string_pretty(&json!({ "items": items }))? + "\n";
    }
    print(&out)
}

async fn export(settings: &Settings, asked: &Export) -> anyhow::Result<()> {
    let paths = named(settings, &asked.recording).await?;
    let evidence = evidence(settings)?;
    let suffix = match asked.format {
        ExportFormat::Wav => "wav",
        ExportFormat::Flac => "flac",
    };
    let mut out = String::new();
    for path in paths {
        let mut file = RecordingFile::open_with(evidence.dir(), &path, Some(evidence.vault()))
            .with_context(|| format!("cannot open {path}: it may be erased"))?;
        let name = path.rsplit('/').next().unwrap_or(&path);
        let name = name.split('.').next().unwrap_or(name);
        let to: PathBuf = asked.to.join(format!("{name}.{suffix}"));
        let made = File::create_new(&to).with_context(|| format!("cannot make {}", to.display()))?;
        let mut made = BufWriter::new(made);
        match asked.format {
            ExportFormat::Wav => {
                file.seek(SeekFrom::Start(0))?;
                io::copy(&mut file, &mut made)?;
                made.flush()?;
            }
            ExportFormat::Flac => hotline_recorder::flac(file, &mut made)?,
        }
        out.push_str(&format!("{}\n", to.display()));
    }
    print(&out)
}

async fn check(settings: &Settings, asked: &Verify) -> anyhow::Result<()> {
    let dir = asked.dir.as_ref().unwrap_or(&settings.recording.dir);
    let key = asked.key.clone().unwrap_or_else(|| dir.join("manifest.pub"));
    let text = std::fs::read_to_string(&key).with_context(|| {
        format!(
            "cannot read the public key {}\nhint: name it with --key",
            key.display()
        )
    })?;
    let key = PublicKey::parse(&text)?;
    let verified = match &asked.recording {
        None => verify(dir, &key, progress)?,
        Some(word) => {
            let mut sum = Verified::default();
            for path in named(settings, word).await? {
                let one =
                    verify_one(dir, &key, &path)?.with_context(|| format!("{path} was never sealed"))?;
                sum.entries += one.entries;
                sum.whole += one.whole;
                sum.erased += one.erased;
                sum.held += one.held;
                sum.findings.extend(one.findings);
            }
            sum
        }
    };
    print(&told(&verified, asked.json)?)?;
    if !verified.findings.is_empty() {
        bail!(
            "{} findings: what lies there is not what was sealed",
            verified.findings.len()
        );
    }
    Ok(())
}

/// Long work shows that it goes on.
fn progress(done: u64) {
    if done.is_multiple_of(1_000) {
        tracing::info!(done, "recordings verified");
    }
}

fn told(verified: &Verified, as_json: bool) -> anyhow::Result<String> {
    if as_json {
        let findings: Vec<_> = verified
            .findings
            .iter()
            .map(|finding| json!({ "place": finding.place, "what": finding.what }))
            .collect();
        let all = json!({
            "entries": verified.entries, "whole": verified.whole, "erased": verified.erased, "held": verified.held,
            "head": verified.head, "findings": findings,
        });
        return Ok(serde_json::to_string_pretty(&all)? + "\n");
    }
    let mut text = String::new();
    for finding in &verified.findings {
        text.push_str(&format!("{}: {}\n", finding.place, finding.what));
    }
    text.push_str(&format!(
        "{} entries, {} recordings as they were sealed, {} erased, {} held\n",
        verified.entries, verified.whole, verified.erased, verified.held
    ));
    if !verified.head.is_empty() {
        text.push_str(&format!("last entry {}\n", verified.head));
    }
    Ok(text)
}

async fn repair(settings: &Settings, words: &[String]) -> anyhow::Result<()> {
    // Whatever is open is being written: only without a gateway is a file that looks cut really cut.
    let _place = crate::place::Place::take(&settings.data.dir)?;
    let evidence = evidence(settings)?;
    let mut out = String::new();
    for word in words {
        for path in named(settings, word).await? {
            let standing = Standing::of(evidence.dir(), &path)?;
            if standing.sealing.is_some() {
                out.push_str(&format!(
                    "{path}: sealed, not touched; `hotline recording verify` checks it\n"
                ));
                continue;
            }
            let repaired = hotline_recorder::repair(&evidence.dir().join(&path))?;
            let seconds = repaired.length_ms / 1000;
            let what = if repaired.changed { "repaired" } else { "whole" };
            out.push_str(&format!("{path}: {what}, {seconds} s\n"));
        }
    }
    print(&out)
}

async fn hold(settings: &Settings, asked: &Hold) -> anyhow::Result<()> {
    let evidence = evidence(settings)?;
    let mut out = String::new();
    for path in named(settings, &asked.recording).await? {
        evidence.hold(&path, !asked.release, BY, &asked.reason)?;
        let what = if asked.release { "released" } else { "held" };
        out.push_str(&format!("{path}: {what}\n"));
    }
    print(&out)
}

async fn clean(settings: &Settings, asked: &Purge) -> anyhow::Result<()> {
    let reader = Reader::open(&settings.data.dir)?;
    let evidence = evidence(settings)?;
    let plan = match &asked.recording {
        Some(word) => {
            let reason = asked.reason.clone().context("say why with --reason")?;
            let paths = named(settings, word).await?;
            paths.into_iter().map(|path| (path, reason.clone())).collect()
        }
        None => purge::plan(settings, &reader, Path::new(evidence.dir())).await?,
    };
    let mut out = String::new();
    for (path, reason) in &plan {
        if asked.dry_run {
            out.push_str(&format!("would erase {path}: {reason}\n"));
            continue;
        }
        match evidence.erase(path, BY, reason) {
            Ok(entry) => out.push_str(&format!("erased {path}: {reason}; entry {}\n", entry.n)),
            Err(error) => out.push_str(&format!("kept {path}: {error}\n")),
        }
    }
    out.push_str(&format!(
        "{} recordings {}\n",
        plan.len(),
        if asked.dry_run {
            "would be erased"
        } else {
            "looked at"
        }
    ));
    print(&out)
}
