//! `cargo xtask crash` and `cargo xtask faults`: the tests that kill writers and break disks.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::{places, python, step};

/// Options of `cargo xtask crash`.
#[derive(Debug, clap::Args)]
pub(crate) struct CrashOptions {
    /// How many writers are killed.
    #[arg(long, default_value_t = 20)]
    kills: u32,
    /// Seed of the random moments; another one each time where not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Seconds for which readers look at stores that are being written.
    #[arg(long, default_value_t = 5.0)]
    live_seconds: f64,
}

/// Kills writers, reads growing stores, and loses power.
pub(crate) fn crash(options: &CrashOptions) -> Result<()> {
    let python = step::timed("Python environment", python::environment)?;
    let program = program()?;
    let run = |arguments: &[String]| {
        let mut crash = Command::new(&program);
        step::run(crash.args(arguments).env("OME_STREAM_PYTHON", &python).env("OME_STREAM_REQUIRE_PYTHON", "1"))
    };
    let mut kills = vec!["kills".to_owned(), format!("--kills={}", options.kills)];
    kills.extend(options.seed.map(|seed| format!("--seed={seed}")));
    step::timed("killed writers", || run(&kills))?;
    step::timed("live readers", || run(&["live".to_owned(), format!("--seconds={}", options.live_seconds)]))?;
    step::timed("power losses", || run(&["power".to_owned()]))
}

/// Full, failing, vanishing and slow disks.
pub(crate) fn faults() -> Result<()> {
    let program = program()?;
    step::timed("faults", || step::run(Command::new(program).arg("faults")))
}

/// The program that does it, built. A test is named with it, and the whole workspace: else cargo chooses other features
/// of the dependencies than for the tests, and compiles those once more.
fn program() -> Result<PathBuf> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(places::root()).args(["build", "--quiet", "--workspace"]);
    step::run(cargo.args(["--bin", "ome-stream-crash", "--test", "plans"]))?;
    Ok(places::programs()?.join(format!("ome-stream-crash{}", env::consts::EXE_SUFFIX)))
}
