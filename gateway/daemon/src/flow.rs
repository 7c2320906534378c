//! The command `flow`: checks, tests, draws and compares flow files here; activates them through the running gateway.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use hotline_config::Settings;
use ivr_flows::{Counts, Flow, Trials};
use serde_json::{Value, json};

use crate::agent::{print, request};
use crate::cli::{EmergencyState, FlowCommand};
use crate::content;

/// A flow file with the tests beside it.
struct Source {
    file: String,
    text: String,
    tests: Option<(String, String)>,
}

/// Carries the command out and prints what came of it.
///
/// # Errors
/// Every problem of the flows, or what the gateway refused and why.
pub fn flow(settings: &Settings, command: &FlowCommand) -> anyhow::Result<()> {
    match command {
        FlowCommand::Schema => print(&ivr_flows::schema()),
        FlowCommand::Check { flows, json } => check(settings, flows, *json),
        FlowCommand::Test { flows, json } => test(settings, flows, *json),
        FlowCommand::Draw {
            flow,
            mermaid,
            counts,
            output,
        } => draw(settings, flow, *mermaid, *counts, output.as_deref()),
        FlowCommand::Activate { flow, number, share } => {
            let source = one(settings, flow)?;
            let body = json!({
                "text": source.text,
                "tests": source.tests.map(|(_, text)| text),
                "number": number,
                "share": share,
            });
            let answer = api(settings, "POST", "/v1/flows/activate", Some(&body))?;
            activated(&answer)
        }
        FlowCommand::Rollback { flow } => {
            let answer = api(
                settings,
                "POST",
                &format!("/v1/flows/{flow}/rollback"),
                Some(&json!({})),
            )?;
            activated(&answer)
        }
        FlowCommand::Replay { flow, json } => {
            let source = one(settings, flow)?;
            let answer = api(
                settings,
                "POST",
                "/v1/flows/replay",
                Some(&json!({ "text": source.text })),
            )?;
            replayed(&answer, *json)
        }
        FlowCommand::List { json } => list(settings, *json),
        FlowCommand::Messages { json } => messages(settings, *json),
    }
}

/// The command `emergency`.
///
/// # Errors
/// [`NoGateway`], or what the gateway refused and why.
pub fn emergency(settings: &Settings, state: EmergencyState, number: &str) -> anyhow::Result<()> {
    let word = match state {
        EmergencyState::On => "on",
        EmergencyState::Off => "off",
    };
    let path = format!("/v1/numbers/{number}/emergency/{word}");
    api(settings, "POST", &path, Some(&json!({})))?;
    print(&format!("{number}: emergency announcement {word}\n"))
}

fn api(settings: &Settings, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
    request(&settings.data.dir, method, path, body)
}

/// The flows that are named: files, or names of the configured ones; all of those where none is named.
fn sources(settings: &Settings, named: &[String]) -> anyhow::Result<Vec<Source>> {
    if named.is_empty() {
        return configured(settings);
    }
    let mut sources = Vec::new();
    for name in named {
        if Path::new(name).is_file() {
            sources.push(read(Path::new(name))?);
            continue;
        }
        let found = configured(settings)?.into_iter().find(|source| {
            source.file == format!("{name}.yaml")
                || Flow::parse("", &source.text).is_ok_and(|flow| flow.name().as_str() == name)
        });
        match found {
            Some(source) => sources.push(source),
            None => bail!(
                "there is no flow and no file {name:?}\nhint: name a file, or one of `hotline flow list`"
            ),
        }
    }
    Ok(sources)
}

fn one(settings: &Settings, name: &str) -> anyhow::Result<Source> {
    let mut found = sources(settings, std::slice::from_ref(&name.to_owned()))?;
    found.pop().context("no flow is named")
}

fn configured(settings: &Settings) -> anyhow::Result<Vec<Source>> {
    let tests = content::test_files(settings)?;
    let files = content::flow_files(settings)?.into_iter().map(|(file, text)| {
        let beside = file.strip_suffix(".yaml").map(|stem| format!("{stem}.test.yaml"));
        let tests = tests
            .iter()
            .find(|(name, _)| Some(name) == beside.as_ref())
            .cloned();
        Source { file, text, tests }
    });
    Ok(files.collect())
}

fn read(path: &Path) -> anyhow::Result<Source> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let beside = path.with_extension("test.yaml");
    let tests = match std::fs::read_to_string(&beside) {
        Ok(tests) => Some((beside.display().to_string(), tests)),
        Err(_) => None,
    };
    Ok(Source {
        file: path.display().to_string(),
        text,
        tests,
    })
}

fn check(settings: &Settings, named: &[String], as_json: bool) -> anyhow::Result<()> {
    let known = content::installation(settings)?;
    let mut problems: Vec<String> = content::prompt_faults(settings)?;
    let mut rows = Vec::new();
    let mut told = String::new();
    for source in sources(settings, named)? {
        match Flow::parse(&source.file, &source.text) {
            Err(more) => problems.extend(more.iter().map(ToString::to_string)),
            Ok(flow) => {
                let more = flow.check(&known);
                if !more.is_empty() {
                    problems.extend(more.iter().map(ToString::to_string));
                    continue;
                }
                let reach = flow.longest_to_human(&known);
                let longest = reach.as_ref().map_or_else(
                    || "leads to no person".to_owned(),
                    |reach| {
                        format!(
                            "longest time to a person {} s ({})",
                            reach.time.as_secs(),
                            reach.nodes.join(" -> ")
                        )
                    },
                );
                told.push_str(&format!("{}: good; {longest}\n", source.file));
                rows.push(json!({
                    "file": source.file,
                    "flow": flow.name().as_str(),
                    "version": flow.version(),
                    "longest_to_human_s": reach.map(|reach| reach.time.as_secs()),
                }));
            }
        }
    }
    if as_json {
        print(&format!("{:#}\n", json!({ "flows": rows, "problems": problems })))?;
    } else {
        print(&told)?;
    }
    if problems.is_empty() {
        Ok(())
    } else {
        bail!(
            "the flows have {} problem(s)\n{}",
            problems.len(),
            problems.join("\n")
        )
    }
}

fn parsed(source: &Source) -> anyhow::Result<Arc<Flow>> {
    match Flow::parse(&source.file, &source.text) {
        Ok(flow) => Ok(Arc::new(flow)),
        Err(problems) => {
            let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
            bail!("the flow has {} problem(s)\n{}", lines.len(), lines.join("\n"))
        }
    }
}

fn test(settings: &Settings, named: &[String], as_json: bool) -> anyhow::Result<()> {
    let mut text = String::new();
    let mut rows = Vec::new();
    let mut failed = 0;
    for source in sources(settings, named)? {
        let flow = parsed(&source)?;
        let Some((file, tests)) = &source.tests else {
            text.push_str(&format!("{}: no tests beside it\n", source.file));
            continue;
        };
        let trials = Trials::parse(file, tests).map_err(|problem| anyhow::anyhow!("{problem}"))?;
        let verdict = trials.run(&flow);
        for outcome in &verdict.outcomes {
            failed += usize::from(!outcome.failures.is_empty());
            for failure in &outcome.failures {
                text.push_str(&format!("{file}:{}: {}: {failure}\n", outcome.line, outcome.name));
            }
        }
        let coverage = &verdict.coverage;
        text.push_str(&format!(
            "{}: {} tests, {} of {} edges ({} %)\n",
            flow.name(),
            verdict.outcomes.len(),
            coverage.edges - coverage.missed.len(),
            coverage.edges,
            coverage.percent()
        ));
        for edge in &coverage.missed {
            let place = format!("{}:{}", source.file, edge.line);
            text.push_str(&format!(
                "  {place}: nobody goes {} from {} to {}\n",
                edge.way, edge.from, edge.to
            ));
        }
        rows.push(json!({
            "flow": flow.name().as_str(),
            "tests": verdict.outcomes.len(),
            "failed": verdict.outcomes.iter().filter(|outcome| !outcome.failures.is_empty()).count(),
            "edges": coverage.edges,
            "missed": coverage.missed.iter().map(|edge| format!("{} {}", edge.from, edge.way)).collect::<Vec<_>>(),
        }));
    }
    if as_json {
        print(&format!("{:#}\n", json!({ "flows": rows })))?;
    } else {
        print(&text)?;
    }
    if failed == 0 {
        Ok(())
    } else {
        bail!("{failed} test(s) failed")
    }
}

fn draw(
    settings: &Settings,
    name: &str,
    mermaid: bool,
    counted: bool,
    output: Option<&Path>,
) -> anyhow::Result<()> {
    let source = one(settings, name)?;
    let flow = parsed(&source)?;
    let mut counts = Counts::new();
    if counted {
        let answer = api(
            settings,
            "GET",
            &format!("/v1/flows/{}/funnel", flow.name()),
            None,
        )?;
        for row in answer["edges"].as_array().into_iter().flatten() {
            let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
            counts.insert((text("node"), text("way")), row["count"].as_u64().unwrap_or(0));
        }
    }
    let mermaid = mermaid || output.is_some_and(|path| path.extension().is_some_and(|end| end == "mmd"));
    let text = if mermaid {
        flow.mermaid(&counts)
    } else {
        flow.svg(&counts)
    };
    match output {
        None => print(&text),
        Some(path) => {
            let path = PathBuf::from(path);
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
        }
    }
}

fn activated(answer: &Value) -> anyhow::Result<()> {
    let text = |key: &str| {
        answer[key]
            .as_str()
            .unwrap_or("none")
            .chars()
            .take(12)
            .collect::<String>()
    };
    print(&format!(
        "{}: version {} is active for {} % of {}; before it {}; {} lines\n",
        answer["flow"].as_str().unwrap_or_default(),
        text("version"),
        answer["share"],
        answer["number"].as_str().unwrap_or("all numbers"),
        text("previous"),
        answer["difference"].as_str().unwrap_or_default()
    ))
}

fn replayed(answer: &Value, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        return print(&format!("{answer:#}\n"));
    }
    let mut text = format!(
        "{} of {} callers would now end elsewhere; {} could not be replayed, because they entered digits\n",
        answer["changed"], answer["calls"], answer["skipped"]
    );
    for row in answer["items"].as_array().into_iter().flatten() {
        let cell = |key: &str| row[key].as_str().unwrap_or_default();
        text.push_str(&format!(
            "{}  {} -> {}\n",
            cell("contact"),
            cell("was"),
            cell("would_be")
        ));
    }
    print(&text)
}

fn list(settings: &Settings, as_json: bool) -> anyhow::Result<()> {
    let answer = api(settings, "GET", "/v1/flows", None)?;
    if as_json {
        return print(&format!("{answer:#}\n"));
    }
    let mut text = format!(
        "{:<24}{:<14}{:>6}{:>7}  {}\n",
        "FLOW", "VERSION", "NODES", "EDGES", "LAST ACTIVATION"
    );
    for row in answer["items"].as_array().into_iter().flatten() {
        let version: String = row["version"]
            .as_str()
            .unwrap_or_default()
            .chars()
            .take(12)
            .collect();
        let newest = &row["history"][0];
        let last = newest["author"].as_str().map_or_else(
            || "as in its file".to_owned(),
            |author| {
                format!(
                    "by {author}, {} lines",
                    newest["difference"].as_str().unwrap_or_default()
                )
            },
        );
        text.push_str(&format!(
            "{:<24}{version:<14}{:>6}{:>7}  {last}\n",
            row["flow"].as_str().unwrap_or_default(),
            row["nodes"],
            row["edges"]
        ));
    }
    print(&text)
}

fn messages(settings: &Settings, as_json: bool) -> anyhow::Result<()> {
    let answer = api(settings, "GET", "/v1/messages", None)?;
    if as_json {
        return print(&format!("{answer:#}\n"));
    }
    let mut text = format!("{:<16}{:<26}{}\n", "BOX", "AT", "RECORDING");
    for row in answer["items"].as_array().into_iter().flatten() {
        let at = jiff::Timestamp::from_millisecond(row["at"].as_i64().unwrap_or(0)).unwrap_or_default();
        text.push_str(&format!(
            "{:<16}{:<26}{}\n",
            row["mailbox"].as_str().unwrap_or_default(),
            at.to_string(),
            row["recording"].as_str().unwrap_or_default()
        ));
    }
    print(&text)
}
