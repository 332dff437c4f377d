//! One step of a command: told, timed, and the end of everything if it fails.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::places;

/// Runs `work` under a heading and says how long it took.
pub(crate) fn timed<T>(heading: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("== {heading}");
    let start = Instant::now();
    let done = work().with_context(|| heading.to_owned())?;
    eprintln!("== {heading}: {:.1} s", start.elapsed().as_secs_f64());
    Ok(done)
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

/// A command that runs cargo in the workspace.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(places::root());
    cargo
}
