//! The command line.

mod parse;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValue;
use clap::{ArgAction, ArgGroup, Parser, ValueEnum};
use ome_stream::settings::{Compression, DataType, Durability, StorageOrder};

use crate::engines::{Choice, Variant};
use crate::frames::Pixels;
use crate::report::{Asked, is_stdout};
use crate::workload::Acquisition;

/// Measures engines that write OME-Zarr, one frame after another, against the machine's own limit.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    long_about = LONG_ABOUT,
    after_long_help = EXAMPLES,
    after_help = "`--help` tells more, with examples.",
    arg_required_else_help = true,
    group(ArgGroup::new("acquisition").required(true).args(["dims", "settings_file"])),
)]
pub struct Cli {
    /// Dimensions, slowest first: name:count[:chunk[:shard]], separated by commas
    ///
    /// Names are x y z c t p. The chunk counts pixels, the shard counts chunks. An omitted chunk is the whole frame in
    /// y and x and 1 elsewhere. x may be left out for a square frame: `t:20,y:1024:256` is 20 frames of 1024 x 1024.
    #[arg(short = 'd', long, value_name = "DIMS", help_heading = "Acquisition")]
    pub dims: Option<String>,

    /// Settings as a JSON file, those of ome-writers or ours, in place of --dims
    ///
    /// Its root_path and engine are replaced; what it does not say about dtype and compression comes from --dtype and
    /// --compression.
    #[arg(short = 'f', long, value_name = "FILE", help_heading = "Acquisition")]
    pub settings_file: Option<PathBuf>,

    /// Type of a pixel, unless the settings file says it
    #[arg(long, value_name = "DTYPE", default_value = "uint16", help_heading = "Acquisition")]
    pub dtype: DataType,

    /// Codec, as name or name:level: none, blosc-zstd, blosc-lz4, zstd, gzip; unless the settings file says it
    #[arg(short = 'c', long, value_name = "CODEC[:LEVEL]", value_parser = parse::setting::<Compression>, help_heading = "Acquisition")]
    pub compression: Option<Compression>,

    /// Order of the axes on disk: ome, acquisition, or names such as t,c,z
    #[arg(long, value_name = "ORDER", value_parser = parse::setting::<StorageOrder>, help_heading = "Acquisition")]
    pub storage_order: Option<StorageOrder>,

    /// What the pixels are
    #[arg(long, value_enum, value_name = "KIND", default_value_t = Pixels::Random, help_heading = "Acquisition")]
    pub frames: Pixels,

    /// Seed of the pixels: the same seed gives the same frames
    #[arg(long, value_name = "NUMBER", default_value_t = 1, help_heading = "Acquisition")]
    pub seed: u64,

    /// Engine to measure; may be given again. `all` is every engine available here and the machine's limit
    #[arg(short = 'b', long = "backend", value_name = "ENGINE", default_value = "all", help_heading = "Engines")]
    pub backends: Vec<String>,

    /// Measure also the engines labs use today, in a Python process each: ome-writers' and acquire-zarr's own package
    #[arg(long, help_heading = "Engines")]
    pub peers: bool,

    /// As --peers, but only those that reach half the pace of the fastest in a short try take part in the rounds
    #[arg(long, help_heading = "Engines")]
    pub best_peers: bool,

    /// Python with ome-writers and acquire-zarr [default: the test environment, target/venv]
    #[arg(long, value_name = "PATH", env = "OME_STREAM_PYTHON", help_heading = "Engines")]
    pub python: Option<PathBuf>,

    /// Leave out the machine's limit (plain writes; with a codec, the codec alone); with --rate there is none
    #[arg(long, help_heading = "Engines")]
    pub no_raw: bool,

    /// When data must be on the medium: finish, shard or none
    #[arg(long, value_name = "WHEN", value_parser = parse::setting::<Durability>, help_heading = "Engines")]
    pub durability: Option<Durability>,

    /// Measure our engines also with other settings, such as durability=shard,live_interval=0.1; may be given again
    #[arg(long = "variant", value_name = "FIELD=VALUE,...", help_heading = "Engines")]
    pub variants: Vec<Variant>,

    /// Most memory that an engine's stream may hold, such as 512MiB; kB, MB, GB are of 1000, KiB and K of 1024
    #[arg(long, value_name = "SIZE", value_parser = parse::bytes, help_heading = "Engines")]
    pub memory_limit: Option<u64>,

    /// Worker threads of our engines [default: chosen for the machine]
    #[arg(long, value_name = "NUMBER", help_heading = "Engines")]
    pub threads: Option<usize>,

    /// Make the disk of the native engine slow: each of its writes takes so many milliseconds longer
    #[arg(
        long,
        value_name = "MILLISECONDS",
        value_parser = clap::value_parser!(u64).range(1..=60_000),
        help_heading = "Engines"
    )]
    pub slow_disk: Option<u64>,

    /// Folder to write in, on the disk to be measured [default: the system's temporary folder]
    #[arg(short = 'r', long, value_name = "FOLDER", alias = "benchmark-drive", help_heading = "Measurement")]
    pub root: Option<PathBuf>,

    /// Rounds before those that count [default: 1; with --sustained 0]
    #[arg(short = 'w', long, value_name = "NUMBER", help_heading = "Measurement")]
    pub warmups: Option<usize>,

    /// Rounds that count; in each, every engine runs once [default: 10; with --sustained 1]
    #[arg(
        short = 'n',
        long,
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u64).range(1..=10_000),
        help_heading = "Measurement"
    )]
    pub iterations: Option<u64>,

    /// One long run of this many bytes, such as 16GiB: the first dimension gets the count that it takes
    #[arg(long, value_name = "SIZE", value_parser = parse::bytes, help_heading = "Long runs")]
    pub sustained: Option<u64>,

    /// Frames per second of the camera; 0 is as fast as the engine goes
    #[arg(
        long,
        value_name = "FPS",
        value_parser = parse::rate,
        default_value = "0",
        help_heading = "Long runs"
    )]
    pub rate: f64,

    /// Frames that the camera itself can hold: one that was not taken before they are full is dropped
    #[arg(
        long,
        value_name = "FRAMES",
        default_value_t = 2,
        value_parser = clap::value_parser!(u64).range(1..=1_000_000),
        requires = "sustained",
        help_heading = "Long runs"
    )]
    pub camera_buffer: u64,

    /// Draw latency, throughput and memory over time as SVG
    #[arg(long, value_name = "FILE", requires = "sustained", help_heading = "Long runs")]
    pub plot: Option<PathBuf>,

    /// Write a flame graph of all threads of one engine as SVG, in place of the benchmark (Linux)
    #[arg(long, value_name = "FILE", help_heading = "Output",
        conflicts_with_all = ["sustained", "peers", "best_peers", "slow_disk", "json", "csv"])]
    pub profile: Option<PathBuf>,

    /// Write everything, raw runs included, as JSON; `-` is standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub json: Option<PathBuf>,

    /// Write raw runs as CSV, a line each; `-` is standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub csv: Option<PathBuf>,

    /// No progress on standard error
    #[arg(short = 'q', long, action = ArgAction::SetTrue, help_heading = "Output")]
    pub quiet: bool,
}

impl ValueEnum for Pixels {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Random, Self::Camera]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Self::Random => ("random", "Uniform random bits: nothing can be compressed"),
            Self::Camera => ("camera", "As from an sCMOS camera: offset, shot noise, read noise, structure"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}

const LONG_ABOUT: &str = "\
Measures engines that write OME-Zarr, one frame after another, against the machine's own limit.

Frames are made before the clock starts. Engines take turns, round by round, each time in a fresh folder; create, append
and finish are timed apart, and the table shows medians. `write` goes from the first frame until finish returns,
`create + write` from the call that makes the store until then: how long an acquisition takes from nothing (the median of
whole runs, not the sum of two medians). The limit is `raw`: the same files by the best plain writes this machine can do, at
the same durability. Where a codec is set it is `codec`: the same codec alone on all cores.

Results go to standard output, progress and warnings to standard error. The exit code is 1 where nothing could be
measured.";

const EXAMPLES: &str = "\
Examples:
  20 frames in chunk files of 128 KiB, the native engine and the limit:
      ome-bench -d t:20,y:1024:256,x:1024:256 -b zarrs

  Shards of ten frames, against the engines labs use today, on the disk at /data:
      ome-bench -d t:200:1:10,y:2048:512:4,x:2048:512:4 --peers -r /data

  A codec on realistic pixels, raw runs kept:
      ome-bench -d t:200:1:10,y:2048:512:4 -c blosc-zstd:3 --frames camera --json runs.json

  How long 1, 20 and 200 frames take from nothing, making the store included, in memory (Linux; `create + write`):
      for n in 1 20 200; do ome-bench -d t:$n,y:2048:256:8,x:2048:256:8 --peers -r /dev/shm; done

  A settings file, three rounds and no warm-up:
      ome-bench -f settings.json -w 0 -n 3

  16 GiB from a camera of 100 frames per second, drawn over time:
      ome-bench -d t:inf:1:10,y:2048:512:4 --sustained 16GiB --rate 100 --plot camera.svg

  Where the time goes:
      ome-bench -d t:200:1:10,y:2048:512:4 -b zarrs --profile flames.svg";

impl Cli {
    /// What is to be written.
    pub fn acquisition(&self) -> Acquisition {
        Acquisition {
            dims: self.dims.clone(),
            settings_file: self.settings_file.clone(),
            dtype: self.dtype,
            compression: self.compression,
            storage_order: self.storage_order.clone(),
            durability: self.durability,
            memory_limit: self.memory_limit,
            threads: self.threads,
            sustained: self.sustained,
        }
    }

    /// Which engines.
    pub fn choice(&self) -> Choice {
        Choice {
            names: self.backends.clone(),
            peers: self.peers || self.best_peers,
            python: self.python.clone(),
            // A camera with a rate of its own sets the pace: then there is no race to be lost against a limit.
            limit: !self.no_raw && self.rate == 0.0,
            variants: self.variants.clone(),
            slow_disk: self.slow_disk.map(Duration::from_millis),
        }
    }

    /// What else the report tells.
    pub fn asked(&self) -> Asked {
        Asked {
            pixels: self.frames,
            seed: self.seed,
            slow_disk: self.slow_disk,
            rate: self.rate,
            sustained: self.sustained.is_some(),
            peers: self.peers || self.best_peers,
        }
    }

    /// True where a machine-readable result takes standard output.
    pub fn machine_stdout(&self) -> bool {
        [&self.json, &self.csv].iter().any(|each| each.as_deref().is_some_and(is_stdout))
    }

    /// Rounds that do not count.
    pub fn warmups(&self) -> usize {
        self.warmups.unwrap_or(if self.sustained.is_some() { 0 } else { 1 })
    }

    /// Rounds that count.
    pub fn iterations(&self) -> usize {
        let default = if self.sustained.is_some() { 1 } else { 10 };
        self.iterations.map_or(default, |given| usize::try_from(given).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests;
