//! The command line of recordings.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Commands about recordings; they work on the folder, whether a gateway runs or not.
#[derive(Debug, Subcommand)]
pub enum RecordingCommand {
    /// List recordings of contacts that are over, newest first
    List(List),
    /// Write a recording, or all of a contact, to a folder, decrypted
    Export(Export),
    /// Check manifest, signatures and files; nothing but the folder and the public key is needed
    Verify(Verify),
    /// Put right files that a crash cut; only while no gateway runs, whose start does the same
    Repair {
        /// Contacts, or paths relative to the folder
        #[arg(required = true)]
        recordings: Vec<String>,
    },
    /// Hold recordings, so that no rule erases them, or release them
    Hold(Hold),
    /// Erase what was kept long enough by `recording.keep`, or one contact's recordings by hand
    Purge(Purge),
}

/// What is listed.
#[derive(Debug, Args)]
pub struct List {
    /// First business date, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
    /// Last business date
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
    /// Digits of the caller's number
    #[arg(long, value_name = "DIGITS")]
    pub caller: Option<String>,
    /// Only of this queue
    #[arg(long, value_name = "QUEUE")]
    pub queue: Option<String>,
    /// Only with this agent
    #[arg(long, value_name = "AGENT")]
    pub agent: Option<String>,
    /// Only contacts that ended so: completed, abandoned, ...
    #[arg(long, value_name = "OUTCOME")]
    pub outcome: Option<String>,
    /// Rows at most
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub limit: usize,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Formats that recordings are exported to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Stereo, 16 bits, 8 kHz
    Wav,
    /// The same without loss, about half as long
    Flac,
}

/// What is exported.
#[derive(Debug, Args)]
pub struct Export {
    /// A contact, or a path relative to the folder
    pub recording: String,
    /// Folder to write to
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub to: PathBuf,
    /// How
    #[arg(long, value_enum, default_value = "wav")]
    pub format: ExportFormat,
}

/// What is verified.
#[derive(Debug, Args)]
pub struct Verify {
    /// A contact, or a path relative to the folder [default: everything]
    pub recording: Option<String>,
    /// Folder of the recordings, or a copy of it [default: that of the configuration]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Public key [default: manifest.pub in the folder]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What is held.
#[derive(Debug, Args)]
pub struct Hold {
    /// A contact, or a path relative to the folder
    pub recording: String,
    /// Why
    #[arg(long)]
    pub reason: String,
    /// Release instead
    #[arg(long)]
    pub release: bool,
}

/// What is erased.
#[derive(Debug, Args)]
pub struct Purge {
    /// A contact, or a path [default: whatever was kept long enough]
    pub recording: Option<String>,
    /// Why, where something is named
    #[arg(long)]
    pub reason: Option<String>,
    /// Only say what would be erased
    #[arg(long)]
    pub dry_run: bool,
}
