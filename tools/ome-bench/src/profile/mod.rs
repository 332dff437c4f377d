//! Where the time goes: a flame graph of all threads, and the samples by thread and by phase.

#[cfg(target_os = "linux")]
mod phases;
#[cfg(target_os = "linux")]
mod sampled;

use std::path::Path;

use anyhow::{Result, bail};

use crate::frames::Frames;
use crate::schedule::Rounds;
use crate::session::Session;
use crate::workload::Workload;

/// The engine to look into: one of ours.
fn engine_name(backends: &[String]) -> Result<&str> {
    match backends {
        [one] if one == "all" => Ok(ome_stream_backends::DEFAULT),
        [one] => Ok(one),
        _ => bail!("a flame graph shows one engine: give --backend once"),
    }
}

/// Runs one engine as often as `rounds` says and draws what its threads did.
#[cfg(target_os = "linux")]
pub fn run(
    backends: &[String],
    rounds: Rounds,
    path: &Path,
    workload: &Workload,
    frames: &Frames,
    session: &Session,
) -> Result<bool> {
    sampled::run(engine_name(backends)?, rounds, path, workload, frames, session)
}

/// Only Linux is looked into.
#[cfg(not(target_os = "linux"))]
pub fn run(
    backends: &[String],
    _rounds: Rounds,
    _path: &Path,
    _workload: &Workload,
    _frames: &Frames,
    _session: &Session,
) -> Result<bool> {
    bail!("--profile of {} works on Linux alone", engine_name(backends)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_engine_is_looked_into_at_a_time() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(engine_name(&names(&["all"])).unwrap(), "zarrs");
        assert_eq!(engine_name(&names(&["acquire"])).unwrap(), "acquire");
        assert!(engine_name(&names(&["zarrs", "raw"])).is_err());
    }
}
