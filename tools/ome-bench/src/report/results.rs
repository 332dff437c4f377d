//! Results as data: what `--json` writes.

use serde::Serialize;

use crate::engines::{Failure, Role};
use crate::frames::Pixels;
use crate::measure::conditions::Conditions;
use crate::measure::{Moment, Percentiles, Spread};
use crate::schedule::Turn;

/// Everything that is known after a benchmark.
#[derive(Debug, Clone, Serialize)]
pub struct Results {
    /// Version of this format: fields are added, never changed.
    pub format: u32,
    /// What was written.
    pub configuration: Configuration,
    /// Where.
    pub conditions: Conditions,
    /// One entry for each row of the table.
    pub engines: Vec<EngineResult>,
    /// Ways to the limit that took part and were not the best.
    pub other_ways: Vec<EngineResult>,
    /// Engines that could not be measured.
    pub failures: Vec<Failure>,
    /// What is to be said against the numbers.
    pub warnings: Vec<String>,
    /// What could be tried next.
    pub suggestions: Vec<String>,
}

/// What was written, and how often.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Configuration {
    /// Dimensions in acquisition order, as `--dims` takes them.
    pub dimensions: String,
    /// Names of the axes in storage order.
    pub axes: Vec<String>,
    /// Extent of each axis.
    pub shape: Vec<u64>,
    /// Pixels of a chunk along each axis.
    pub chunk: Vec<u64>,
    /// Chunks of a shard along each axis.
    pub shard: Option<Vec<u64>>,
    /// Positions, each an array of this shape.
    pub positions: usize,
    /// Type of a pixel.
    pub dtype: String,
    /// Codec and level.
    pub compression: String,
    /// Order of the axes on disk.
    pub storage_order: String,
    /// When data must be on the medium.
    pub durability: String,
    /// Bytes of one frame.
    pub frame_bytes: u64,
    /// Frames, all positions together.
    pub frames: u64,
    /// Bytes of all frames.
    pub bytes: u64,
    /// What the pixels are.
    pub pixels: Pixels,
    /// Frames that differ; they are used in turn.
    pub distinct_frames: usize,
    /// Most bytes that our engines may hold.
    pub memory_limit: u64,
    /// Worker threads of our engines, where they were set.
    pub threads: Option<usize>,
    /// Frames per second of the camera; `None` for as fast as it goes.
    pub rate: Option<f64>,
    /// True for one long run.
    pub sustained: bool,
    /// Rounds that did not count.
    pub warmups: usize,
    /// Rounds that counted.
    pub iterations: usize,
    /// True where the folders of all runs stayed until the end.
    pub folders_kept: bool,
    /// Levels below full resolution, where engines were measured with them, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pyramid: Option<PyramidConfiguration>,
    /// What was changed about the settings.
    pub notes: Vec<String>,
}

/// Levels below full resolution.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PyramidConfiguration {
    /// How pixels are combined.
    pub method: String,
    /// Shapes of an image's arrays, full resolution first.
    pub shapes: Vec<Vec<u64>>,
    /// Bytes of the pixels of all levels of all positions.
    pub bytes: u64,
}

/// One engine over all its runs.
#[derive(Debug, Clone, Serialize)]
pub struct EngineResult {
    /// Its name.
    pub name: String,
    /// The way it was done, for limits.
    pub variant: Option<String>,
    /// What it is in the comparison.
    pub role: Role,
    /// What exactly was measured.
    pub version: Option<String>,
    /// How durable its data were when a run ended.
    pub durability: String,
    /// Seconds until the first frame could be given.
    pub create_s: Spread,
    /// Times of append over all runs together.
    pub append: Option<Percentiles>,
    /// Seconds from the first frame until all is as durable as asked.
    pub write_s: Spread,
    /// Seconds of the whole run, from the call that makes the store until all is as durable as asked. Taken run by run
    /// on one clock: the median is not the sum of the medians of `create_s` and `write_s`. For limits, which make no
    /// store, it is `write_s`.
    pub create_write_s: Spread,
    /// Frames per second of that time.
    pub fps: Spread,
    /// Pixel bytes per second of that time, of all levels, in GB/s.
    pub gb_per_s: Spread,
    /// Throughput compared with the limit's.
    pub ratio_to_limit: Option<f64>,
    /// Throughput compared with the best other engine's.
    pub ratio_to_best_other: Option<f64>,
    /// Name of that engine.
    pub best_other: Option<String>,
    /// Of an engine that makes levels below full resolution: the name of its row without them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_levels: Option<String>,
    /// Throughput of all levels compared with that row's: the median over rounds, both of the same one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio_to_without_levels: Option<f64>,
    /// Bytes of the pixels of all its levels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level_bytes: Option<u64>,
    /// Highest resident memory of its process in any run, in bytes.
    pub peak_bytes: Option<u64>,
    /// Highest that a run added to what was resident before it.
    pub increase_bytes: Option<u64>,
    /// Frames dropped in all runs.
    pub dropped: u64,
    /// Pixel bytes for one stored byte, where the engine tells what it stored.
    pub compression_ratio: Option<f64>,
    /// The runs themselves.
    pub runs: Vec<Turn>,
}

impl Results {
    /// Name of the limit that was measured.
    pub fn limit(&self) -> Option<&str> {
        self.engines.iter().find(|engine| engine.role == Role::Limit).map(|engine| engine.name.as_str())
    }

    /// The last run over time of every engine that was followed.
    pub fn long_runs(&self) -> impl Iterator<Item = (&str, &[Moment])> {
        let runs = self.engines.iter().filter_map(|engine| Some((engine.name.as_str(), engine.runs.last()?)));
        runs.map(|(name, turn)| (name, turn.run.timeline.as_slice())).filter(|(_, moments)| !moments.is_empty())
    }

    /// True where an engine (not a limit alone) was measured.
    pub fn any_engine(&self) -> bool {
        self.engines.iter().any(|engine| engine.role == Role::Engine)
    }
}
