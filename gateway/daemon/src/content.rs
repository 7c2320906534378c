//! Flows and prompts: those built in, or those of the folders that the settings name; checked as a whole.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use hotline_config::{DIRECT_PREFIX, Settings};
use hotline_media::ClipId;
use hotline_types::FlowSlug;
use ivr_flows::{Flow, Known, Library, PromptRef, is_tests, prompts};

/// Id of the music that a held caller hears.
const HOLD_MUSIC: &str = "music-on-hold";
/// Largest flow or prompt file that is read, bytes.
const FILE_BYTES_MAX: u64 = 32 << 20;

/// What callers hear and where they are led.
#[derive(Debug)]
pub struct Content {
    /// The flows by name.
    pub flows: BTreeMap<FlowSlug, Arc<Flow>>,
    /// The clip of each prompt.
    pub clips: BTreeMap<PromptRef, ClipId>,
    /// The clip a held caller hears.
    pub hold_music: ClipId,
    /// The tone that acknowledges a feature code.
    pub tone: ClipId,
    /// All clips, coded.
    pub library: Arc<hotline_media::Library>,
    /// What the checker knows of the installation.
    pub known: Known,
    /// The texts of the flows by version, those of the files and those that were activated.
    pub texts: BTreeMap<String, String>,
}

/// Reads and checks flows and prompts. `active` holds the texts of flows that were activated, by flow: they stand in
/// place of the files'.
///
/// # Errors
/// Every problem that there is, each with its place and what to do.
pub fn load(settings: &Settings, active: &BTreeMap<String, String>) -> anyhow::Result<Content> {
    let (clips, mut samples) = read_prompts(settings)?;
    let mut files = flow_files(settings)?;
    for (flow, text) in active {
        let named = |(_, file): &(String, String)| {
            Flow::parse("", file).is_ok_and(|known| known.name().as_str() == flow)
        };
        match files.iter().position(named) {
            Some(at) => files[at].1.clone_from(text),
            None => files.push((format!("{flow} (activated)"), text.clone())),
        }
    }
    let flows = Library::from_texts(files.iter().map(|(name, text)| (name.as_str(), text.as_str())))
        .map_err(|problems| problems_error(&problems))?;
    let known = known(settings, &clips, &samples);
    let tone = ClipId(u32::try_from(samples.len())?);
    samples.push(acknowledgement());
    check(settings, &flows, &known)?;
    let texts = files
        .into_iter()
        .filter_map(|(name, text)| Some((Flow::parse(&name, &text).ok()?.version().to_owned(), text)))
        .collect();
    let music = PromptRef {
        language: String::new(),
        id: HOLD_MUSIC.to_owned(),
    };
    let hold_music = *clips
        .get(&music)
        .context("there is no music on hold\nhint: add music-on-hold.wav to the folder of prompts")?;
    let flows = flows
        .iter()
        .map(|flow| (flow.name().clone(), Arc::clone(flow)))
        .collect();
    Ok(Content {
        flows,
        clips,
        hold_music,
        tone,
        library: Arc::new(hotline_media::Library::build(samples)),
        known,
        texts,
    })
}

/// The clip of each prompt, and the samples of each clip.
type Prompts = (BTreeMap<PromptRef, ClipId>, Vec<Vec<i16>>);

fn read_prompts(settings: &Settings) -> anyhow::Result<Prompts> {
    let mut clips = BTreeMap::new();
    let mut samples = Vec::new();
    let mut add = |language: String, id: String, wav: &[u8], name: &str| -> anyhow::Result<()> {
        let decoded = prompts::decode(wav).with_context(|| format!("prompt {name}"))?;
        if let Some(fault) = prompts::fault(&decoded) {
            tracing::warn!(prompt = name, fault, "A prompt sounds wrong");
        }
        let clip = ClipId(u32::try_from(samples.len())?);
        samples.push(decoded);
        clips.insert(PromptRef { language, id }, clip);
        Ok(())
    };
    match &settings.flows.prompts {
        None => {
            for (language, id, wav) in prompts::embedded() {
                let name = format!("{language}/{id}");
                add(language, id, wav, &name)?;
            }
        }
        Some(dir) => {
            for (name, path) in files(dir, "wav")? {
                let Some((language, id)) = prompts::split(&name) else {
                    continue;
                };
                add(language.to_owned(), id.to_owned(), &read(&path)?, &name)?;
            }
        }
    }
    Ok((clips, samples))
}

/// Two short rising tones of 8000 samples a second, between two silences.
fn acknowledgement() -> Vec<i16> {
    let tone = |hertz: f64| {
        (0..1_200).map(move |at| {
            let angle = f64::from(at) * hertz * std::f64::consts::TAU / 8_000.0;
            #[expect(clippy::cast_possible_truncation, reason = "below 6000 by its factor")]
            let sample = (angle.sin() * 6_000.0) as i16;
            sample
        })
    };
    let pause = || std::iter::repeat_n(0, 800);
    pause()
        .chain(tone(660.0))
        .chain(pause())
        .chain(tone(880.0))
        .chain(pause())
        .collect()
}

/// The flow files: name and text.
///
/// # Errors
/// A folder or a file that cannot be read.
pub fn flow_files(settings: &Settings) -> anyhow::Result<Vec<(String, String)>> {
    let mut files = match &settings.flows.dir {
        None => Library::embedded_texts(),
        Some(dir) => texts(dir, |name| !is_tests(name))?,
    };
    for number in &settings.numbers {
        let file = format!("{}.yaml", number.flow);
        let queue = number.flow.as_str().strip_prefix(DIRECT_PREFIX);
        if let Some(queue) = queue
            && !files.iter().any(|(known, _)| *known == file)
        {
            files.push((file, direct(queue)));
        }
    }
    Ok(files)
}

/// The flow that leads straight to a queue: the shipped one, with this queue.
fn direct(queue: &str) -> String {
    let shipped = Library::embedded_texts();
    let text = shipped.into_iter().find(|(file, _)| file == "direct.yaml");
    text.map(|(_, text)| text)
        .unwrap_or_default()
        .replace("flow: direct", &format!("flow: {DIRECT_PREFIX}{queue}"))
        .replace("name: after-sales", &format!("name: {queue}"))
}

/// The files of tests: name and text.
///
/// # Errors
/// A folder or a file that cannot be read.
pub fn test_files(settings: &Settings) -> anyhow::Result<Vec<(String, String)>> {
    match &settings.flows.dir {
        None => Ok(Library::embedded_tests()),
        Some(dir) => texts(dir, is_tests),
    }
}

fn texts(dir: &Path, wanted: impl Fn(&str) -> bool) -> anyhow::Result<Vec<(String, String)>> {
    let mut texts = Vec::new();
    for (name, path) in files(dir, "yaml")? {
        if wanted(&name) {
            let text = String::from_utf8(read(&path)?)
                .with_context(|| format!("{} is not UTF-8 text", path.display()))?;
            texts.push((name, text));
        }
    }
    Ok(texts)
}

/// What the checker knows of this installation.
fn known(settings: &Settings, clips: &BTreeMap<PromptRef, ClipId>, samples: &[Vec<i16>]) -> Known {
    let mut lengths: BTreeMap<String, BTreeMap<String, std::time::Duration>> = BTreeMap::new();
    for (prompt, clip) in clips {
        let clip = usize::try_from(clip.0).ok().and_then(|at| samples.get(at));
        let count = clip.map_or(0, |samples| u32::try_from(samples.len()).unwrap_or(u32::MAX));
        lengths
            .entry(prompt.language.clone())
            .or_default()
            .insert(prompt.id.clone(), prompts::length(count));
    }
    Known {
        queues: settings
            .queues
            .iter()
            .map(|queue| queue.slug.to_string())
            .collect(),
        calendars: settings.bands.iter().map(|band| band.slug.to_string()).collect(),
        prompts: lengths,
        lookups: None,
        recorded: settings.recording.enabled,
    }
}

/// What the checker knows, for the command line.
///
/// # Errors
/// Prompts that cannot be read.
pub fn installation(settings: &Settings) -> anyhow::Result<Known> {
    let (clips, samples) = read_prompts(settings)?;
    Ok(known(settings, &clips, &samples))
}

/// What is wrong with how the prompts sound, one line each.
///
/// # Errors
/// Prompts that cannot be read.
pub fn prompt_faults(settings: &Settings) -> anyhow::Result<Vec<String>> {
    let (clips, samples) = read_prompts(settings)?;
    let faults = clips.iter().filter_map(|(prompt, clip)| {
        let samples = samples.get(usize::try_from(clip.0).ok()?)?;
        let fault = prompts::fault(samples)?;
        Some(format!("{}/{}.wav: {fault}", prompt.language, prompt.id))
    });
    Ok(faults.collect())
}

/// The flows against what there is: queues, bands, prompts, and the numbers against the flows.
fn check(settings: &Settings, flows: &Library, known: &Known) -> anyhow::Result<()> {
    let used = |flow: &&Arc<Flow>| settings.numbers.iter().any(|number| number.flow == *flow.name());
    let problems: Vec<_> = flows
        .iter()
        .filter(used)
        .flat_map(|flow| flow.check(known))
        .collect();
    if !problems.is_empty() {
        return Err(problems_error(&problems));
    }
    for number in &settings.numbers {
        let Some(flow) = flows.get(number.flow.as_str()) else {
            let names: Vec<_> = flows.iter().map(|flow| flow.name().to_string()).collect();
            bail!(
                "number {} is answered by the flow {:?}, which does not exist\nhint: name one of {}",
                number.slug,
                number.flow.as_str(),
                names.join(", ")
            );
        };
        if let Some(language) = number.language.as_ref().filter(|language| !flow.speaks(language)) {
            let spoken: Vec<_> = flow.languages().collect();
            bail!(
                "number {} begins in {language:?}, which the flow {:?} does not speak\nhint: use one of {}",
                number.slug,
                number.flow.as_str(),
                spoken.join(", ")
            );
        }
    }
    Ok(())
}

fn problems_error(problems: &[ivr_flows::Problem]) -> anyhow::Error {
    let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
    anyhow::anyhow!(
        "the flows have {} problem(s)\n{}",
        problems.len(),
        list.join("\n")
    )
}

/// The files of a folder and its folders one level down with this ending, by name relative to it.
fn files(dir: &Path, ending: &str) -> anyhow::Result<Vec<(String, std::path::PathBuf)>> {
    let mut found = Vec::new();
    let list = |dir: &Path| {
        std::fs::read_dir(dir).with_context(|| {
            format!(
                "cannot read the folder {}\nhint: correct [flows] in the configuration",
                dir.display()
            )
        })
    };
    let wanted = |path: &Path| path.extension().is_some_and(|has| has == ending);
    for entry in list(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            for inner in list(&path)? {
                let inner = inner?.path();
                if wanted(&inner) {
                    found.push(inner);
                }
            }
        } else if wanted(&path) {
            found.push(path);
        }
    }
    found.sort();
    let name = |path: &Path| {
        path.strip_prefix(dir)
            .unwrap_or(path)
            .to_string_lossy()
            .into_owned()
    };
    Ok(found.into_iter().map(|path| (name(&path), path)).collect())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let context = || format!("cannot read {}", path.display());
    let length = std::fs::metadata(path).with_context(context)?.len();
    if length > FILE_BYTES_MAX {
        bail!(
            "{} has {length} bytes; at most {FILE_BYTES_MAX} are read",
            path.display()
        );
    }
    std::fs::read(path).with_context(context)
}
