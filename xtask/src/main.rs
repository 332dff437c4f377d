//! The project's own commands: `cargo xtask test`.

mod crash;
mod dependencies;
mod dist;
mod fuzz;
mod header;
mod images;
mod licenses;
mod node;
mod perf;
mod places;
mod python;
mod step;
mod tensorstore;
mod test;
mod tsan;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run all tests: makes the Python environment of the foreign readers, fetches real images, then tests everything.
    Test(test::Options),
    /// Kill writers at random moments, read stores while they are written, lose power: nothing may be lost.
    Crash(crash::CrashOptions),
    /// Full, failing, vanishing and slow disks (as root also real small file systems).
    Faults,
    /// Look for races between threads with ThreadSanitizer; needs a nightly compiler.
    Tsan(tsan::Options),
    /// Measure every workload of docs/PERFORMANCE.md and write its table.
    Perf(perf::Options),
    /// Make only the Python environment, and print its interpreter.
    Python,
    /// Look at the licenses of all packages that are built, and at those that are there in two versions.
    Dependencies,
    /// Lay out the seeds of the fuzz targets for a run, or keep those that a run has found.
    Fuzz(fuzz::Options),
    /// Make the folder and the archive that a C or C++ host developer uses.
    Dist(dist::Options),
    /// Make the C header from the exported functions, or compare it with --check.
    Header(header::Options),
    /// Make the native library of the TensorStore engine in a cache folder; repeats only what has changed.
    Tensorstore(tensorstore::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Test(options) => test::run(&options),
        Command::Crash(options) => crash::crash(&options),
        Command::Faults => crash::faults(),
        Command::Tsan(options) => tsan::run(&options),
        Command::Dependencies => dependencies::check(),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Dist(options) => dist::run(&options),
        Command::Header(options) => header::run(&options),
        Command::Tensorstore(options) => tensorstore::run(&options),
        Command::Perf(options) => perf::run(&options),
        Command::Python => python::environment().map(|python| println!("{}", python.display())),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
