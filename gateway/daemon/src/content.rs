//! Flows and prompts: those built in, or those of the folders that the settings name; checked as a whole.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use hotline_config::Settings;
use hotline_media::ClipId;
use hotline_types::FlowSlug;
use ivr_flows::{Flow, Known, Library, PromptRef, prompts};

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
}

/// Reads and checks flows and prompts.
///
/// # Errors
/// Every problem that there is, each with its place and what to do.
pub fn load(settings: &Settings) -> anyhow::Result<Content> {
    let (clips, mut samples) = read_prompts(settings)?;
    let tone = ClipId(u32::try_from(samples.len())?);
    samples.push(acknowledgement());
    let flows = read_flows(settings)?;
    check(settings, &flows, &clips)?;
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
    })
}

/// The clip of each prompt, and the samples of each clip.
type Prompts = (BTreeMap<PromptRef, ClipId>, Vec<Vec<i16>>);

fn read_prompts(settings: &Settings) -> anyhow::Result<Prompts> {
    let mut clips = BTreeMap::new();
    let mut samples = Vec::new();
    let mut add = |language: String, id: String, wav: &[u8], name: &str| -> anyhow::Result<()> {
        let decoded = prompts::decode(wav).with_context(|| format!("prompt {name}"))?;
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

fn read_flows(settings: &Settings) -> anyhow::Result<Library> {
    let library = match &settings.flows.dir {
        None => Library::embedded(),
        Some(dir) => {
            let mut texts = Vec::new();
            for (name, path) in files(dir, "yaml")? {
                let text = String::from_utf8(read(&path)?)
                    .with_context(|| format!("{} is not UTF-8 text", path.display()))?;
                texts.push((name, text));
            }
            Library::from_texts(texts.iter().map(|(name, text)| (name.as_str(), text.as_str())))
        }
    };
    library.map_err(|problems| problems_error(&problems))
}

/// The flows against what there is: queues, bands, prompts, and the numbers against the flows.
fn check(settings: &Settings, flows: &Library, clips: &BTreeMap<PromptRef, ClipId>) -> anyhow::Result<()> {
    let mut prompts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for prompt in clips.keys() {
        prompts
            .entry(prompt.language.clone())
            .or_default()
            .push(prompt.id.clone());
    }
    let known = Known {
        queues: settings
            .queues
            .iter()
            .map(|queue| queue.slug.to_string())
            .collect(),
        calendars: settings.bands.iter().map(|band| band.slug.to_string()).collect(),
        prompts,
    };
    let used = |flow: &&Arc<Flow>| settings.numbers.iter().any(|number| number.flow == *flow.name());
    let problems: Vec<_> = flows
        .iter()
        .filter(used)
        .flat_map(|flow| flow.check(&known))
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
