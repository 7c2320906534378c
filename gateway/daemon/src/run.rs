//! The command `run`: start, say what to do next, wait for the end.

use std::io::Write as _;

use anyhow::Context as _;
use hotline_config::{ListenerKind, Settings};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::Gateway;

/// The signals that end the program.
pub(crate) struct Ends {
    terminate: Signal,
    interrupt: Signal,
}

impl Ends {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Runs the gateway until it is told to stop; a second signal cuts the remaining calls off.
///
/// # Errors
/// What was in the way of starting, or what could not be written at the end.
pub async fn run(settings: &Settings) -> anyhow::Result<()> {
    let mut ends = Ends::new().context("cannot listen for signals")?;
    let mut gateway = Gateway::start(settings).await?;
    greet(&gateway, settings);
    let mut hangups = signal(SignalKind::hangup()).context("cannot listen for signals")?;
    loop {
        tokio::select! {
            () = ends.next() => {
                tracing::info!("Stopping: no new calls; a second signal ends those in progress");
                break;
            }
            () = gateway.failed() => break,
            Some(()) = hangups.recv() => gateway.reload(),
        }
    }
    gateway.stop(ends.next()).await
}

/// Says what to do next, on standard output: it is for the person who started the program.
fn greet(gateway: &Gateway, settings: &Settings) {
    let mut text = format!(
        "\nHotline {} is ready ({}).\n\n",
        env!("CARGO_PKG_VERSION"),
        settings.source
    );
    for listener in &settings.sip.listeners {
        let Some(address) = gateway.listeners.get(&listener.slug) else {
            continue;
        };
        let whom = match listener.role {
            hotline_config::Role::Phones => "Agents' phones register at",
            hotline_config::Role::Trunk => "Calls come in at",
        };
        let transport = match listener.kind {
            ListenerKind::Plain { udp: true, .. } => "",
            ListenerKind::Plain { udp: false, .. } => ";transport=tcp",
            ListenerKind::Tls { .. } => ";transport=tls",
            ListenerKind::Ws { .. } | ListenerKind::Wss { .. } => ";transport=ws",
        };
        text.push_str(&format!("  {whom:<28}sip:{address}{transport}\n"));
    }
    let numbers: Vec<_> = settings
        .numbers
        .iter()
        .flat_map(|number| number.dialled.first())
        .cloned()
        .collect();
    text.push_str(&format!(
        "  {:<28}{}\n",
        "Numbers of the hotline",
        numbers.join(", ")
    ));
    let on_duty: Vec<_> = gateway.on_duty.iter().map(ToString::to_string).collect();
    let on_duty = if on_duty.is_empty() {
        "nobody".to_owned()
    } else {
        on_duty.join(", ")
    };
    text.push_str(&format!("  {:<28}{on_duty}\n", "Agents on duty now"));
    if let Some(secrets) = gateway.secrets() {
        text.push_str(&format!(
            "  {:<28}{}\n",
            "Generated secrets lie in",
            secrets.display()
        ));
    }
    text.push_str(&format!(
        "  {:<28}{}\n",
        "Console, one-time login",
        gateway.login_link().reveal()
    ));
    text.push_str(&format!("  {:<28}{}\n\n", "Data", settings.data.dir.display()));
    text.push_str("Ctrl-C stops it. `hotline demo` shows it at work without any phone.\n\n");
    // A closed standard output is no reason not to run.
    drop(std::io::stdout().write_all(text.as_bytes()));
}
