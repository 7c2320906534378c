//! The demonstration: the real gateway in this process, and built-in callers and agents who speak real SIP and RTP to it
//! over loopback.

mod cast;
mod report;
mod stage;
mod watch;

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use hotline_config::{Role, Settings};
use hotline_io::clock::Clock;
use tokio::sync::mpsc;

use crate::cli::Demo;
use crate::gateway::entropy;
use crate::run::Ends;
use crate::{Gateway, logs};
use cast::{Cast, Cue, Scene};
use watch::Watcher;

/// Longest time for the cast to leave the stage.
const CAST_MAX: Duration = Duration::from_secs(12);
/// Calls a minute that one agent copes with here.
const CALLS_PER_AGENT: u32 = 4;

/// Where the demo shows what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    /// Standard output is for people.
    Out,
    /// Standard output is kept for the JSON: people read the standard error.
    Err,
}

impl Show {
    /// One line.
    pub(crate) fn line(self, text: &str) {
        self.text(&format!("{text}\n"));
    }

    fn text(self, text: &str) {
        // A closed terminal is no reason not to go on.
        match self {
            Self::Out => drop(std::io::stdout().write_all(text.as_bytes())),
            Self::Err => drop(std::io::stderr().write_all(text.as_bytes())),
        }
    }
}

/// Plays until Ctrl-C or the end of the given time, then tells what it came to. `data` is the folder that was named.
///
/// # Errors
/// What was in the way of starting, or what could not be written at the end.
pub async fn demo(options: &Demo, mut settings: Settings, data: Option<&Path>) -> anyhow::Result<()> {
    if settings.log.level == "info" {
        // The demo tells itself what happens.
        "warn".clone_into(&mut settings.log.level);
    }
    logs::start(&settings.log)?;
    let mut ends = Ends::new().context("cannot listen for signals")?;
    let mut rng = entropy()?;
    let dir = stage::folder(data, Clock::start().now().wall.as_millis() / 1_000)?;
    stage::set(&mut settings, dir.clone(), &mut rng)?;
    let crew = stage::crew(&settings, usize::try_from(options.agents).unwrap_or(usize::MAX));
    let accounts = stage::furnish(&settings, &crew, &mut rng).await?;
    let agents = accounts.len();

    let (mut gateway, watch) = Gateway::start_watched(&settings).await?;
    let show = if options.json { Show::Err } else { Show::Out };
    show.text(&greeting(&gateway, options, agents, &dir));
    let watcher = tokio::spawn(Watcher::new(watch, &settings, show).run());
    let address = |role| -> anyhow::Result<_> {
        let slug = stage::listener(&settings, role)?;
        gateway
            .listeners
            .get(slug)
            .copied()
            .context("a listener of the demo is not bound")
    };
    let scene = Scene {
        phones: address(Role::Phones)?,
        trunk: address(Role::Trunk)?,
        numbers: settings
            .numbers
            .iter()
            .filter_map(|number| number.dialled.first().cloned())
            .collect(),
        rate: options.rate,
    };
    let (cue, cues) = mpsc::channel(2);
    let mut cast = tokio::spawn(Cast::new(scene, accounts, rng.fork()).await?.play(cues));
    tokio::select! {
        () = ends.next() => {}
        () = time_is_over(options.length) => {}
        () = gateway.failed() => {}
    }
    show.line("\nThe last calls are ending.\n");
    // The cast may be gone after a fault; then there is nobody to tell.
    let _nobody = cue.send(Cue::End).await;
    tokio::select! {
        () = ends.next() => {
            let _nobody = cue.send(Cue::Cut).await;
            drop(tokio::time::timeout(Duration::from_secs(1), &mut cast).await);
        }
        _ = tokio::time::timeout(CAST_MAX, &mut cast) => {}
    }
    cast.abort();
    let stopped = gateway.stop(ends.next()).await;
    let outcome = watcher.await.context("the watcher failed")?;
    if options.json {
        Show::Out.text(&report::json(&outcome, &dir)?);
    } else {
        Show::Out.text(&report::table(&outcome, &dir));
    }
    stopped
}

async fn time_is_over(length: Option<Duration>) {
    match length {
        Some(length) => tokio::time::sleep(length).await,
        None => std::future::pending().await,
    }
}

fn greeting(gateway: &Gateway, options: &Demo, agents: usize, dir: &Path) -> String {
    let mut text = format!(
        "\nHotline {}, a demonstration: {} calls a minute for {agents} agents, over SIP and RTP on loopback.\n\n",
        env!("CARGO_PKG_VERSION"),
        options.rate
    );
    text.push_str(&format!(
        "  {:<28}{}\n",
        "Console, one-time login",
        gateway.login_link().reveal()
    ));
    text.push_str(&format!("  {:<28}{}\n", "Data, kept afterwards", dir.display()));
    if options.rate > CALLS_PER_AGENT * u32::try_from(agents).unwrap_or(u32::MAX) {
        text.push_str("\nThat is more than these agents can answer: callers will wait, and some give up.\n");
    }
    text.push_str("\nCtrl-C ends it.\n\n");
    text
}
