//! From names to engines.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use super::codec::Codec;
use super::native::{Native, named_with_levels};
use super::peer::{self, is_peer};
use super::variant::Variant;
use super::{Engine, Failure};
use crate::frames::Frames;
use crate::raw;
use crate::workload::Workload;

/// Which engines are to be measured, and how.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Engines")]
pub struct Choice {
    /// Engine to measure; may be given again. `all` is every engine available here and the machine's limit
    #[arg(short = 'b', long = "backend", value_name = "ENGINE", default_value = "all")]
    pub backends: Vec<String>,

    /// Measure also the engines labs use today, in a Python process each: ome-writers' and acquire-zarr's own package
    #[arg(long)]
    pub peers: bool,

    /// Python with ome-writers and acquire-zarr [default: the test environment, target/venv]
    #[arg(long, value_name = "PATH", env = "OME_STREAM_PYTHON")]
    pub python: Option<PathBuf>,

    /// Leave out the machine's limit (plain writes; with a codec, the codec alone); with --rate there is none
    #[arg(long)]
    pub no_raw: bool,

    /// Measure our engines also with other settings, such as durability=shard,live_interval=0.1; may be given again
    #[arg(long = "variant", value_name = "FIELD=VALUE,...")]
    pub variants: Vec<Variant>,
}

/// Engines that can be measured, and those that cannot.
#[derive(Default)]
pub struct Gathered {
    pub engines: Vec<Box<dyn Engine>>,
    pub failures: Vec<Failure>,
}

/// Everything that is chosen. A camera with a rate of its own sets the pace: then (`paced`) there is no race to be lost
/// against a limit. `scratch` is a folder for what engines need beside their runs.
pub fn gather(choice: &Choice, paced: bool, workload: &Workload, frames: &Frames, scratch: &Path) -> Gathered {
    let names = Names::of(choice, paced, workload);
    let mut gathered = Gathered::default();
    for name in &names.ours {
        for variant in std::iter::once(&Variant::default()).chain(&choice.variants) {
            let own = variant.name_of(name);
            gathered.add(&own, Native::new(name, variant, false, workload));
            if workload.levels().is_some() {
                gathered.add(&named_with_levels(&own), Native::new(name, variant, true, workload));
            }
        }
    }
    if (names.all_peers || !names.peers.is_empty())
        && let Err(error) = gathered.add_peers(&names, choice.python.as_deref(), workload, frames, scratch)
    {
        let asked = names.peers.iter().map(String::as_str).chain(names.all_peers.then_some("peers"));
        gathered.failures.extend(asked.map(|name| Failure::new(name, &error)));
    }
    if names.raw {
        match raw::candidates(workload) {
            Ok(ways) => ways.into_iter().for_each(|way| gathered.engines.push(Box::new(way))),
            Err(error) => gathered.failures.push(Failure::new("raw", &error)),
        }
    }
    if names.codec {
        gathered.add("codec", Codec::new(workload, frames));
    }
    gathered
}

impl Gathered {
    fn add(&mut self, name: &str, engine: Result<impl Engine + 'static>) {
        match engine {
            Ok(engine) => self.engines.push(Box::new(engine)),
            Err(error) => self.failures.push(Failure::new(name, &error)),
        }
    }

    /// Fails where nothing can be told of any peer.
    fn add_peers(
        &mut self,
        names: &Names,
        python: Option<&Path>,
        workload: &Workload,
        frames: &Frames,
        scratch: &Path,
    ) -> Result<()> {
        let known = peer::list(python, scratch, frames)?;
        for name in names.peers.iter().filter(|name| known.iter().all(|(known, _)| known != *name)) {
            let all: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
            let error = anyhow!("there is no such engine; use one of: {}", all.join(", "));
            self.failures.push(Failure::new(name, &error));
        }
        for (name, peer) in known {
            if names.all_peers || names.peers.contains(&name) {
                let with_levels = peer.as_ref().ok().and_then(|peer| peer.with_own_levels(workload));
                self.add(&name, workload.peer_settings().and(peer));
                if let Some((name, peer)) = with_levels {
                    self.add(&name, workload.peer_settings().and(peer));
                }
            }
        }
        Ok(())
    }
}

/// Names by what they stand for, each once.
#[derive(Debug, Default, PartialEq, Eq)]
struct Names {
    ours: Vec<String>,
    peers: Vec<String>,
    all_peers: bool,
    raw: bool,
    codec: bool,
}

impl Names {
    fn of(choice: &Choice, paced: bool, workload: &Workload) -> Self {
        let mut names = Self { all_peers: choice.peers, ..Self::default() };
        let ours = |name: &str, list: &mut Vec<String>| {
            if !list.iter().any(|known| known == name) {
                list.push(name.to_owned());
            }
        };
        for name in &choice.backends {
            match name.as_str() {
                "all" => {
                    for listing in ome_stream_backends::list().iter().filter(|listing| listing.is_available()) {
                        ours(listing.name, &mut names.ours);
                    }
                }
                "raw" => names.raw = true,
                "codec" => names.codec = true,
                peer if is_peer(peer) => ours(peer, &mut names.peers),
                other => ours(other, &mut names.ours),
            }
        }
        if !choice.no_raw && !paced {
            let limit = if workload.plan().forms()[0].is_verbatim() { &mut names.raw } else { &mut names.codec };
            *limit = true;
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    fn names(arguments: &str) -> Names {
        let cli = Cli::try_parse_from(format!("ome-bench {arguments}").split_whitespace()).unwrap();
        Names::of(&cli.engines, cli.long_run.camera().is_some(), &cli.workload().unwrap())
    }

    #[test]
    fn by_default_every_available_engine_and_the_limit_are_measured() {
        let found = names("-d t:2,y:8");
        assert!(found.ours.contains(&"zarrs".to_owned()) && found.raw && !found.codec && !found.all_peers);
    }

    #[test]
    fn the_limit_of_a_compressed_workload_is_the_codec() {
        let found = names("-d t:2,y:8 -c zstd -b zarrs");
        assert!(found.codec && !found.raw);
    }

    #[test]
    fn without_a_limit_there_is_none_unless_it_is_asked_for_by_name() {
        let found = names("-d t:2,y:8 -b zarrs --no-raw");
        assert!(!found.codec && !found.raw);
        assert!(names("-d t:2,y:8 -b zarrs -b raw --no-raw").raw);
    }

    #[test]
    fn a_paced_camera_is_not_compared_with_the_limit() {
        assert!(!names("-d t:2,y:8 -b zarrs --sustained 1MiB --rate 10").raw);
        assert!(names("-d t:2,y:8 -b zarrs --sustained 1MiB").raw);
    }

    #[test]
    fn engines_named_twice_run_once_and_peers_are_told_apart() {
        let found = names("-d t:2,y:8 -b zarrs -b zarrs -b ome-writers/tensorstore -b python/acquire-zarr -b other");
        assert_eq!(found.ours, ["zarrs", "other"]);
        assert_eq!(found.peers, ["ome-writers/tensorstore", "python/acquire-zarr"]);
    }
}
