//! The program `hotline`: reads the command line and does what it says.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use hotline_config::{LoadError, Source};
use hotline_daemon::agent::NoGateway;
use hotline_daemon::cli::{Cli, Command};
use hotline_daemon::{agent, ban, check, demo, flow, logs, planning, recordings, reports, run, why};

/// How long the program waits at its end for threads that are stuck.
const STUCK_MAX: Duration = Duration::from_secs(2);
/// Something failed.
const FAILED: u8 = 1;
/// The configuration is invalid.
const INVALID_CONFIG: u8 = 3;
/// No gateway runs.
const NO_GATEWAY: u8 = 4;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match command(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprint(&error);
            ExitCode::from(if error.is::<LoadError>() {
                INVALID_CONFIG
            } else if error.is::<NoGateway>() {
                NO_GATEWAY
            } else {
                FAILED
            })
        }
    }
}

/// The one place that writes errors to the terminal.
#[expect(
    clippy::print_stderr,
    reason = "the command line's errors go to standard error"
)]
fn eprint(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}

fn command(cli: Cli) -> anyhow::Result<()> {
    let data = cli.data.clone();
    let settings = hotline_config::load(&Source::from_process(cli.config, cli.data))?;
    match cli.command.unwrap_or(Command::Run) {
        Command::Run => {
            logs::start(&settings.log)?;
            block_on(run::run(&settings))
        }
        Command::Demo(options) => block_on(demo::demo(&options, settings, data.as_deref())),
        Command::Check { json } => check::check(&settings, json),
        Command::Report(command) => block_on(reports::report(&settings, &command)),
        Command::Staffing(command) => block_on(planning::staffing(&settings, &command)),
        Command::Simulate(command) => {
            let other = command.changed.clone();
            let other = other.map(|file| hotline_config::load(&Source::from_process(Some(file), data)));
            block_on(planning::simulate(
                &settings,
                other.transpose()?.as_ref(),
                &command,
            ))
        }
        Command::Recording { command } => block_on(recordings::recording(&settings, &command)),
        Command::Ban { command } => ban::ban(&settings.data.dir, &command),
        Command::Flow { command } => flow::flow(&settings, &command),
        Command::Emergency { state, number } => flow::emergency(&settings, state, &number),
        Command::Why { command } => why::why(&settings.data.dir, &command),
        Command::Agent { command } => agent::agent(&settings.data.dir, &command),
    }
}

/// Runs on one async thread: tasks that wake each other all the time are cheaper side by side than across cores, and
/// whatever takes long (media, SQLite, recordings, password hashes) has threads of its own. Those that are stuck at the
/// end do not keep the program.
fn block_on(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(STUCK_MAX);
    done
}
