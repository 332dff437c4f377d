//! The command line.

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

use crate::engines::Choice;
use crate::frames::Pixels;
use crate::report::is_stdout;
use crate::schedule::Rounds;
use crate::sustained::LongRun;
use crate::workload::{Acquisition, Workload};

/// Measures engines that write OME-Zarr, one frame after another, against the machine's own limit.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    long_about = LONG_ABOUT,
    after_long_help = EXAMPLES,
    after_help = "`--help` tells more, with examples.",
    arg_required_else_help = true,
)]
pub struct Cli {
    #[command(flatten)]
    acquisition: Acquisition,

    /// What the pixels are
    #[arg(long, value_enum, value_name = "KIND", default_value_t = Pixels::Random, help_heading = "Acquisition")]
    pub frames: Pixels,

    #[command(flatten)]
    pub engines: Choice,

    /// Folder to write in, on the disk to be measured [default: the system's temporary folder]
    #[arg(short, long, value_name = "FOLDER", alias = "benchmark-drive", help_heading = "Measurement")]
    pub root: Option<PathBuf>,

    /// Rounds before those that count [default: 1; with --sustained 0]
    #[arg(short, long, value_name = "NUMBER", help_heading = "Measurement")]
    warmups: Option<usize>,

    /// Rounds that count; in each, every engine runs once [default: 10; with --sustained 1]
    #[arg(short = 'n', long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=10_000), help_heading = "Measurement")]
    iterations: Option<u16>,

    #[command(flatten)]
    pub long_run: LongRun,

    /// Draw latency, throughput and memory over time as SVG
    #[arg(long, value_name = "FILE", requires = "sustained", help_heading = "Long runs")]
    pub plot: Option<PathBuf>,

    /// Write everything, raw runs included, as JSON; `-` is standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub json: Option<PathBuf>,

    /// No progress on standard error
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
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

  What levels below full resolution cost, and acquire-zarr's own beside them:
      ome-bench -d t:40,y:2048:256:8,x:2048:256:8 --pyramid mean -b zarrs -b python/acquire-zarr

  A settings file, three rounds and no warm-up:
      ome-bench -f settings.json -w 0 -n 3

  16 GiB from a camera of 100 frames per second, drawn over time:
      ome-bench -d t:inf:1:10,y:2048:512:4 --sustained 16GiB --rate 100 --plot camera.svg";

impl Cli {
    /// What is to be written.
    pub fn workload(&self) -> Result<Workload> {
        Workload::asked_for(&self.acquisition, self.long_run.sustained)
    }

    /// How often; a long run is a single one.
    pub fn rounds(&self) -> Rounds {
        let (warmups, counted) = if self.long_run.sustained.is_some() { (0, 1) } else { (1, 10) };
        Rounds { warmups: self.warmups.unwrap_or(warmups), counted: self.iterations.map_or(counted, usize::from) }
    }

    /// True where a machine-readable result takes standard output.
    pub fn machine_stdout(&self) -> bool {
        self.json.as_deref().is_some_and(is_stdout)
    }
}

#[cfg(test)]
mod tests;
