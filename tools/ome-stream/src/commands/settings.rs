//! `ome-stream settings`: whether a settings file can be used here, and what it means; the form of all of them.

use std::path::PathBuf;

use ome_stream::{Plan, Settings, backend};
use serde_json::Value;

use crate::failure::Failure;
use crate::{output, settings};

const EXAMPLES: &str = "\
Examples:
  ome-stream settings run1.json                whether a run could be started with it, and what it means
  ome-stream settings run1.json > full.json    the same settings with nothing left to be inferred
  ome-stream settings --schema > schema.json   for editors and programs that know JSON Schema

Exit codes:
  0  a run could be started with it here
  1  it could not: the message says which field, and what would work
  2  the command line is not understood";

/// Check a settings file and print what it means, or print the JSON schema of settings files.
///
/// The settings go to standard output as JSON in their normal form: types inferred, units given their OME-NGFF names,
/// sizes clamped, positions listed. Notes and problems go to standard error. Nothing is written, and the folder of the
/// store is not looked at.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Settings file (JSON, as of ome-writers); - for standard input.
    #[arg(value_name = "FILE", required_unless_present = "schema", conflicts_with = "schema")]
    pub file: Option<PathBuf>,

    /// Print the JSON schema of settings files.
    #[arg(long)]
    pub schema: bool,

    /// No notes.
    #[arg(short, long)]
    pub quiet: bool,
}

/// Runs the command.
pub fn run(options: &Options) -> Result<(), Failure> {
    let document = match &options.file {
        Some(file) => checked(&settings::read_file(file)?, options.quiet)?,
        None => Settings::schema(),
    };
    output::print(&format!("{document:#}\n"))
}

/// The settings as a run would take them, for the engine that it would take.
fn checked(settings: &Settings, quiet: bool) -> Result<Value, Failure> {
    let backend = ome_stream_backends::open(&settings.format.backend)?;
    let plan = Plan::new(settings, &backend.capabilities())?;
    backend::check(&*backend, &plan)?;
    if !quiet {
        plan.notes().iter().for_each(|note| eprintln!("note: {note}"));
    }
    serde_json::to_value(plan.settings()).map_err(|error| Failure::input(error.to_string()))
}
