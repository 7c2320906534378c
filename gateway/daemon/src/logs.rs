//! What the program writes to standard error.

use anyhow::Context as _;
use hotline_config::{Log, LogFormat};
use tracing_subscriber::EnvFilter;

/// Starts logging; the first call counts.
///
/// # Errors
/// Where the level is no filter.
pub fn start(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::builder().parse(&log.level).with_context(|| {
        format!("log.level {:?} is no filter\nhint: use error, warn, info, debug, trace, or info,hotline_sip=debug", log.level)
    })?;
    let coloured = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(coloured)
        .with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Pretty => builder.compact().try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    // A second start in one process (the demo's) keeps the first one's logging.
    drop(started);
    Ok(())
}
