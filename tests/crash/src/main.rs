//! Kills writers, pulls the plug, fills disks: what was written must be there.
//!
//! `kills`: a writer in another process is killed at a random moment, and foreign readers look at once. `live`: readers
//! look while a writer writes. `power`: the recorded operations of a run are replayed with everything unsynced lost.
//! `faults`: full, failing, vanishing and slow disks. Each prints a table of what was tried; exit code 1 when something
//! was lost. `docs/DURABILITY.md` says what is promised.

mod after;
mod cases;
mod faults;
mod foreign;
mod judge;
mod kills;
mod levels;
mod live;
mod power;
mod random;
mod table;
mod watermarks;
mod writer;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about, version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Kills a writer again and again and looks at what it left.
    Kills {
        /// How often.
        #[arg(long, default_value_t = 20)]
        kills: u32,
        /// Seed of the random moments; another one each time where not given.
        #[arg(long)]
        seed: Option<u64>,
        /// Only cases whose name contains this.
        #[arg(long, default_value = "")]
        only: String,
        /// Folder for the stores; the system's temporary folder where not given.
        #[arg(long)]
        folder: Option<PathBuf>,
    },
    /// Reads stores over and over while they are being written.
    Live {
        /// Seconds for each of the writers.
        #[arg(long, default_value_t = 5.0)]
        seconds: f64,
    },
    /// Loses everything unsynced at every operation of recorded runs.
    Power {
        /// Seed of what survives by chance.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Full, failing, vanishing and slow disks.
    Faults {
        /// Only faults whose name contains this.
        #[arg(long, default_value = "")]
        only: String,
    },
    /// The writer that the others start: takes its order as a JSON file.
    #[command(hide = true)]
    Write {
        /// The order.
        order: PathBuf,
    },
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Kills { kills, seed, only, folder } => kills::run(kills, seed, &only, folder.as_deref()),
        Command::Live { seconds } => live::run(seconds),
        Command::Power { seed } => power::run(seed),
        Command::Faults { only } => faults::run(&only),
        Command::Write { order } => writer::run(&order).map(|()| true),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
