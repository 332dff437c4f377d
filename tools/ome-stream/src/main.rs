//! `ome-stream`: streams frames into OME-Zarr stores, and shows what a store holds.
//!
//! Results go to standard output, diagnostics to standard error.

mod check;
mod commands;
mod failure;
mod input;
mod interrupt;
mod output;
mod planes;
mod preview;
mod progress;
mod report;
mod settings;
mod store;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::{
    check as check_command, convert, info, preview as preview_command, recover, settings as settings_command, write,
    write_options,
};

/// Attribute of the root group in which `write` keeps notes that `info` shows.
const NOTES_NAMESPACE: &str = "ome_stream_write";

/// Stream microscope frames into OME-Zarr, and look at what is there.
#[derive(Debug, Parser)]
#[command(name = "ome-stream", version, propagate_version = true, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Write(Box<write_options::Options>),
    Info(info::Options),
    Preview(preview_command::Options),
    Check(check_command::Options),
    Recover(recover::Options),
    Convert(convert::Options),
    Settings(settings_command::Options),
}

fn main() -> ExitCode {
    let command_line = CommandLine::parse();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_writer(std::io::stderr)
        .init();
    let outcome = match &command_line.command {
        Command::Write(options) => write::run(options),
        Command::Info(options) => info::run(options),
        Command::Preview(options) => preview_command::run(options),
        Command::Settings(options) => settings_command::run(options),
        Command::Convert(options) => convert::run(options),
        // Their exit codes tell more than well or not.
        Command::Check(options) => return check_command::run(options),
        Command::Recover(options) => return recover::run(options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.exit_code()
        }
    }
}
