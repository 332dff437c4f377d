//! From names to engines.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use ome_stream::{Plan, backend};

use super::codec::Codec;
use super::native::Native;
use super::peer::{Peers, is_peer};
use super::variant::Variant;
use super::{Engine, Failure};
use crate::frames::Frames;
use crate::raw;
use crate::workload::Workload;

/// Which engines are to be measured, and how.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Names; `all` is every engine that is available here.
    pub names: Vec<String>,
    /// The engines of Python too.
    pub peers: bool,
    /// Their Python, where it is not the test environment's.
    pub python: Option<PathBuf>,
    /// The machine's limit too.
    pub limit: bool,
    /// Other settings with which our engines are measured again.
    pub variants: Vec<Variant>,
    /// What each write of the native engine takes longer.
    pub slow_disk: Option<Duration>,
}

/// Engines that can be measured, and those that cannot.
#[derive(Default)]
pub struct Gathered {
    pub engines: Vec<Box<dyn Engine>>,
    pub failures: Vec<Failure>,
}

/// Everything that is chosen. `scratch` is a folder for what engines need beside their runs.
pub fn gather(choice: &Choice, workload: &Workload, frames: &Frames, scratch: &Path) -> Gathered {
    let names = Names::of(choice, workload);
    let mut gathered = Gathered::default();
    for name in &names.ours {
        let delay = choice.slow_disk;
        gathered.add(name, ours(name, workload).map(|engine| boxed(engine, delay)));
        for variant in &choice.variants {
            let engine = ours_as(name, variant, workload).map(|engine| boxed(engine, delay));
            gathered.add(&format!("{name} {variant}"), engine);
        }
    }
    if names.all_peers || !names.peers.is_empty() {
        add_peers(&mut gathered, &names, choice, workload, frames, scratch);
    }
    if names.raw {
        match raw::candidates(workload) {
            Ok(ways) => gathered.engines.extend(ways.into_iter().map(|way| Box::new(way) as Box<dyn Engine>)),
            Err(error) => gathered.failures.push(Failure::new("raw", &error)),
        }
    }
    if names.codec {
        gathered.add("codec", Codec::new(workload, frames, scratch).map(|codec| Box::new(codec) as Box<dyn Engine>));
    }
    gathered
}

impl Gathered {
    fn add(&mut self, name: &str, engine: Result<Box<dyn Engine>>) {
        match engine {
            Ok(engine) => self.engines.push(engine),
            Err(error) => self.failures.push(Failure::new(name, &error)),
        }
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
    fn of(choice: &Choice, workload: &Workload) -> Self {
        let mut names = Self { all_peers: choice.peers, ..Self::default() };
        let ours = |name: &str, list: &mut Vec<String>| {
            if !list.iter().any(|known| known == name) {
                list.push(name.to_owned());
            }
        };
        for name in &choice.names {
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
        if choice.limit {
            let limit = if workload.plan().forms()[0].is_uncompressed() { &mut names.raw } else { &mut names.codec };
            *limit = true;
        }
        names
    }
}

fn boxed(engine: Native, delay: Option<Duration>) -> Box<dyn Engine> {
    Box::new(match delay {
        Some(delay) => engine.on_slow_disk(delay),
        None => engine,
    })
}

fn ours(name: &str, workload: &Workload) -> Result<Native> {
    let backend = ome_stream_backends::open(name)?;
    // What a run would refuse is told before the first one.
    backend::check(&*backend, &Plan::new(workload.plan().settings(), &backend.capabilities())?)?;
    Ok(Native::new(name, backend))
}

fn ours_as(name: &str, variant: &Variant, workload: &Workload) -> Result<Native> {
    let backend = ome_stream_backends::open(name)?;
    backend::check(&*backend, &Plan::new(&variant.apply(workload.plan().settings())?, &backend.capabilities())?)?;
    Ok(Native::variant(name, backend, variant))
}

fn add_peers(
    gathered: &mut Gathered,
    names: &Names,
    choice: &Choice,
    workload: &Workload,
    frames: &Frames,
    scratch: &Path,
) {
    let listed = Peers::new(choice.python.as_deref(), scratch).and_then(|peers| Ok((peers.list()?, peers)));
    let (known, peers) = match listed {
        Ok(listed) => listed,
        Err(error) => {
            let asked = names.peers.iter().map(String::as_str);
            let everything = names.all_peers.then_some("peers");
            gathered.failures.extend(asked.chain(everything).map(|name| Failure::new(name, &error)));
            return;
        }
    };
    for name in &names.peers {
        if !known.iter().any(|known| known.name == *name) {
            let all: Vec<&str> = known.iter().map(|known| known.name.as_str()).collect();
            let error = anyhow::anyhow!("there is no such engine; use one of: {}", all.join(", "));
            gathered.failures.push(Failure::new(name, &error));
        }
    }
    for known in known.iter().filter(|known| names.all_peers || names.peers.contains(&known.name)) {
        let opened = workload.peer_settings().and_then(|_| peers.open(known, frames));
        gathered.add(&known.name, opened.map(|peer| Box::new(peer) as Box<dyn Engine>));
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    fn names(arguments: &str) -> Names {
        let line = format!("ome-bench {arguments}");
        let cli = Cli::try_parse_from(line.split_whitespace()).unwrap();
        Names::of(&cli.choice(), &Workload::asked_for(&cli.acquisition()).unwrap())
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
