//! The command line: what can be typed, and nothing else.

pub mod recording;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Hotline: answers a hotline's calls, queues them for the shift on duty, records and counts them.
#[derive(Debug, Parser)]
#[command(name = "hotline", version, max_term_width = 100)]
pub struct Cli {
    /// Configuration file [default: $HOTLINE_CONFIG, else ./config/hotline.toml, else the one built in]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Data folder [default: $HOTLINE_DATA, else the configuration's, else ./data]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// What to do [default: run the gateway]
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the program can do besides running.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the gateway until SIGTERM or Ctrl-C (the default)
    Run,
    /// Run the real gateway with built-in callers and agents on loopback, and show what happens
    Demo(Demo),
    /// Check the configuration and print every problem at once
    Check {
        /// Print the effective settings as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the figures of any stretch of time, or list the contacts behind one
    Report(Report),
    /// Forecast the calls of days to come and say how many seats they need
    Staffing(Staffing),
    /// Replay recorded callers through the queue engine with other rosters, policies or demand
    Simulate(Simulate),
    /// Check, test, draw, compare and activate flows
    Flow {
        /// What to do
        #[command(subcommand)]
        command: FlowCommand,
    },
    /// Switch a number's emergency announcement
    Emergency {
        /// On or off
        #[arg(value_enum)]
        state: EmergencyState,
        /// The number's name in the configuration
        number: String,
    },
    /// Say in one sentence why a contact waits or an agent has no call
    Why {
        /// About whom
        #[command(subcommand)]
        command: WhyCommand,
    },
    /// Look at agents and command them
    Agent {
        /// What to do
        #[command(subcommand)]
        command: AgentCommand,
    },
    /// List, export, verify, hold and erase recordings
    Recording {
        /// What to do
        #[command(subcommand)]
        command: recording::RecordingCommand,
    },
    /// Look at who is banned for wrong passwords, and lift bans
    Ban {
        /// What to do
        #[command(subcommand)]
        command: BanCommand,
    },
}

/// Commands about bans; they go through the API of the running gateway.
#[derive(Debug, Subcommand)]
pub enum BanCommand {
    /// List every ban in force
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Hear an address, or a user at it, again at once
    Lift {
        /// The address, as the list shows it
        source: std::net::IpAddr,
        /// Only the ban of this user there
        #[arg(long)]
        user: Option<String>,
    },
}

/// What can be asked why.
#[derive(Debug, Subcommand)]
pub enum WhyCommand {
    /// Why a contact waits, or why it was offered to whom it was
    Contact {
        /// Its id
        id: String,
    },
    /// Why an agent is offered no call
    Agent {
        /// The agent
        id: String,
    },
}

/// Options of the demonstration.
#[derive(Debug, Args)]
pub struct Demo {
    /// End after this time, for instance 60s or 5m [default: on Ctrl-C]
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
    pub length: Option<Duration>,
    /// Print one JSON object at the end instead of the table
    #[arg(long)]
    pub json: bool,
    /// Calls a minute on average
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub rate: u32,
    /// Agents at work, at most those of the configuration
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub agents: u32,
}

/// How a listing is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// RFC 4180
    Csv,
    /// One JSON document
    Json,
}

/// What a report shows. It is read from the journal of the data folder, whether a gateway runs on it or not.
#[derive(Debug, Args)]
pub struct Report {
    /// First business date, YYYY-MM-DD [default: today]
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
    /// Last business date [default: the first]
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
    /// Rows by: total, number, queue, agent, team, coverage (bands by arrival), roster (bands by agents)
    #[arg(long, value_name = "GROUP", default_value = "queue")]
    pub by: String,
    /// Time of a row: whole, interval (15 minutes), hour, day, week, month
    #[arg(long, value_name = "PERIOD", default_value = "whole")]
    pub per: String,
    /// Only the row of this slug
    #[arg(long, value_name = "SLUG")]
    pub only: Option<String>,
    /// T of the service levels, seconds; applies to old data too [default: 15, three rings]
    #[arg(long, value_name = "SECONDS")]
    pub within: Option<u64>,
    /// Longest wait of a short abandon, seconds [default: 5]
    #[arg(long, value_name = "SECONDS")]
    pub short: Option<u64>,
    /// Only these figures, comma between them; --json shows all with their definitions
    #[arg(long, value_name = "NAMES")]
    pub figures: Option<String>,
    /// List the contacts that stand behind this figure
    #[arg(long, value_name = "FIGURE")]
    pub contacts: Option<String>,
    /// How it is written
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
    /// The same as --format json
    #[arg(long)]
    pub json: bool,
}

/// What is planned, from the journal of the data folder.
#[derive(Debug, Args)]
pub struct Staffing {
    /// First business date to plan, YYYY-MM-DD [default: tomorrow]
    #[arg(long, value_name = "DATE")]
    pub date: Option<String>,
    /// Dates to plan, 1 to 31
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub days: u32,
    /// Past days to learn from, 1 to 400
    #[arg(long, value_name = "N", default_value_t = 56)]
    pub history: u32,
    /// Only the calls of this queue [default: all, shared by all agents]
    #[arg(long, value_name = "QUEUE")]
    pub queue: Option<String>,
    /// Holidays besides those of `[[holiday]]`, past and to come: a class of days of their own; may be given several times
    #[arg(long = "holiday", value_name = "DATE")]
    pub holidays: Vec<String>,
    /// Calls against the forecast, such as 1.2
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub demand: f64,
    /// Share to be answered [default: hotline.answer_rate_target]
    #[arg(long, value_name = "SHARE")]
    pub answer_rate: Option<f64>,
    /// Share to be answered within --within
    #[arg(long, value_name = "SHARE", default_value_t = 0.8)]
    pub level: f64,
    /// Seconds [default: hotline.answer_within]
    #[arg(long, value_name = "SECONDS")]
    pub within: Option<u32>,
    /// Share of paid time in which an agent is not there
    #[arg(long, value_name = "SHARE", default_value_t = 0.15)]
    pub shrinkage: f64,
    /// By Erlang C, in which nobody gives up, instead of Erlang A
    #[arg(long)]
    pub erlang_c: bool,
    /// How it is written
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
    /// The same as --format json
    #[arg(long)]
    pub json: bool,
}

/// What is simulated, from the journal of the data folder.
#[derive(Debug, Args)]
pub struct Simulate {
    /// First business date, YYYY-MM-DD [default: today]
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
    /// Last business date [default: the first]
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
    /// Only callers of this queue
    #[arg(long, value_name = "QUEUE")]
    pub queue: Option<String>,
    /// Another configuration, whose queues, policies, bands and seed roster take the place of today's
    #[arg(long = "with", value_name = "FILE")]
    pub changed: Option<PathBuf>,
    /// More or fewer agents on a band, such as night=+1; may be given several times
    #[arg(long, value_name = "BAND=+N", allow_hyphen_values = true)]
    pub seats: Vec<String>,
    /// Callers for each recorded one, such as 1.2
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub demand: f64,
    /// Share of the rostered time in which an agent is not there, where a roster is changed
    #[arg(long, value_name = "SHARE", default_value_t = 0.15)]
    pub shrinkage: f64,
    /// T of the service levels, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    pub within: u64,
    /// Runs, 2 to 1000: more make the intervals narrower
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub runs: u32,
    /// What is drawn follows from it: equal seeds give equal answers
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How it is written
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
    /// The same as --format json
    #[arg(long)]
    pub json: bool,
}

/// State of the emergency announcement.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum EmergencyState {
    /// Callers hear the announcement and are refused
    On,
    /// Callers come to the number's flow again
    Off,
}

/// Commands about flows. A flow is named by its file, or by its name where it is one of the configured ones.
#[derive(Debug, Subcommand)]
pub enum FlowCommand {
    /// Print every problem of the flows at once, and the longest time to a person
    Check {
        /// The flows [default: all that are configured]
        flows: Vec<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Run the tests beside the flows, and tell which edges none of them goes
    Test {
        /// The flows [default: all that are configured]
        flows: Vec<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Draw a flow as SVG or Mermaid
    Draw {
        /// The flow
        flow: String,
        /// Mermaid instead of SVG
        #[arg(long)]
        mermaid: bool,
        /// Show how many callers went each edge, from the running gateway
        #[arg(long)]
        counts: bool,
        /// Write to this file; one that ends in .mmd is Mermaid
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Print the JSON Schema of flow files, for editors
    Schema,
    /// Run the keys of real calls against a flow and list whose outcome would change
    Replay {
        /// The flow
        flow: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Let a flow answer calls, after its checks and tests; calls in progress stay on theirs
    Activate {
        /// The flow
        flow: String,
        /// Only calls to this number
        #[arg(long)]
        number: Option<String>,
        /// Percent of the calls
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u8).range(1..=100))]
        share: u8,
    },
    /// Go back to the version before the active one
    Rollback {
        /// The flow's name
        flow: String,
    },
    /// List the flows, their active versions and who activated them
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List the messages that callers left
    Messages {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Commands about agents; they go through the API of the running gateway.
#[derive(Debug, Subcommand)]
pub enum AgentCommand {
    /// List all agents with their three states
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Give the agent no more calls; a call in progress goes on
    Pause {
        /// The agent
        agent: String,
        /// Code of the reason
        #[arg(long, default_value = "break")]
        reason: String,
    },
    /// Log the agent in and give it calls, the same as ready
    Login {
        /// The agent
        agent: String,
    },
    /// Say what came of the contact that the agent wraps up
    Dispose {
        /// The agent
        agent: String,
        /// Code of the disposition
        code: String,
    },
    /// Give the agent calls
    Ready {
        /// The agent
        agent: String,
    },
    /// Free the agent from whatever state it is stuck in; a talk in progress is ended
    Release {
        /// The agent
        agent: String,
    },
    /// Take the agent off duty
    Logout {
        /// The agent
        agent: String,
    },
}

/// Reads `90`, `90s`, `5m`, `1h`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        other => return Err(format!("unknown unit {other:?}: use s, m or h, for instance 60s")),
    };
    let number: u64 = digits
        .parse()
        .map_err(|_| format!("{text:?} is no time: use for instance 60s"))?;
    number
        .checked_mul(unit)
        .filter(|seconds| (1..=7 * 24 * 3600).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| format!("{text:?} is out of range: from 1s to 168h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units_and_bounds() {
        assert_eq!(parse_duration("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(parse_duration("5m"), Ok(Duration::from_secs(300)));
        for bad in ["", "s", "0s", "5d", "-1s", "99999h", "1.5s"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }
}
