//! Where the time goes: a flame graph of all threads, and the samples by thread and by phase.

#[cfg(target_os = "linux")]
mod phases;
#[cfg(target_os = "linux")]
mod sampled;

use std::path::Path;

use anyhow::{Result, bail};

use crate::cli::Cli;
use crate::frames::Frames;
use crate::session::Session;
use crate::workload::Workload;

/// The engine to look into: one of ours.
fn engine_name(cli: &Cli) -> Result<&str> {
    match cli.backends.as_slice() {
        [one] if one == "all" => Ok(ome_stream_backends::DEFAULT),
        [one] => Ok(one),
        _ => bail!("a flame graph shows one engine: give --backend once"),
    }
}

/// Runs one engine as often as `cli` says and draws what its threads did.
#[cfg(target_os = "linux")]
pub fn run(cli: &Cli, path: &Path, workload: &Workload, frames: &Frames, session: &Session) -> Result<bool> {
    sampled::run(cli, engine_name(cli)?, path, workload, frames, session)
}

/// Only Linux is looked into.
#[cfg(not(target_os = "linux"))]
pub fn run(cli: &Cli, _path: &Path, _workload: &Workload, _frames: &Frames, _session: &Session) -> Result<bool> {
    bail!("--profile of {} works on Linux alone", engine_name(cli)?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn one_engine_is_looked_into_at_a_time() {
        let parse = |more: &[&str]| Cli::try_parse_from([&["ome-bench", "-d", "t:2,y:8"], more].concat()).unwrap();
        assert_eq!(engine_name(&parse(&[])).unwrap(), "zarrs");
        assert_eq!(engine_name(&parse(&["-b", "acquire"])).unwrap(), "acquire");
        assert!(engine_name(&parse(&["-b", "zarrs", "-b", "raw"])).is_err());
    }
}
