//! Clocks and gauges: what one run cost.

pub mod conditions;
pub mod disk;
mod latency;
mod memory;
mod spread;

pub use latency::{Recorder, Window, histogram};
pub use memory::{PeakMemory, ResidentMemory, resident};
pub use spread::Spread;

use hdrhistogram::Histogram;

/// What one run of an engine cost. Durations in seconds.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// Until the first frame could be given.
    pub create: f64,
    /// All appends; `None` for limits, which take no frames.
    pub append: Option<f64>,
    /// From the last append until the data were as durable as was asked.
    pub finish: Option<f64>,
    /// Append and finish on one clock.
    pub write: f64,
    /// The whole run on one clock: from the call that makes the store until the data were as durable as was asked.
    pub create_write: f64,
    /// Time of each append, in nanoseconds.
    pub latencies: Option<Histogram<u64>>,
    /// Resident memory of the process; `None` where the system does not tell.
    pub memory: Option<ResidentMemory>,
    /// Frames that were lost because the engine could not take them in time.
    pub dropped: u64,
    /// Bytes that the engine stored, where it tells.
    pub stored: Option<u64>,
    /// Of these, what was written only for readers that look while the run goes on.
    pub for_live_readers: Option<u64>,
    /// Bytes that the store takes on disk when the run is over.
    pub on_disk: Option<u64>,
    /// The run over time; empty for short ones.
    pub timeline: Vec<Moment>,
}

impl Run {
    /// A run of a limit, which took `write` seconds for `stored` bytes. A limit makes no store (folders that it needs
    /// are made while it writes), so that the whole run is its write.
    pub fn of_limit(write: f64, stored: u64) -> Self {
        Self { write, create_write: write, stored: Some(stored), ..Self::default() }
    }
}

/// A long run, cut into equal pieces of time.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct Moment {
    /// End of the piece, in seconds since the first frame.
    pub seconds: f64,
    /// Frames accepted in it.
    pub frames: u64,
    /// Frames dropped in it.
    pub dropped: u64,
    /// Median of append in it, in microseconds.
    pub p50_us: f64,
    /// 99th percentile of append in it.
    pub p99_us: f64,
    /// Longest append in it.
    pub max_us: f64,
    /// Highest resident memory seen in it, in bytes.
    pub resident: Option<u64>,
    /// Most bytes seen on their way to disk in it.
    pub in_flight: Option<u64>,
}

/// Bytes per second as GB/s.
pub fn gigabytes_per_second(bytes: u64, seconds: f64) -> f64 {
    bytes as f64 / 1e9 / seconds.max(1e-9)
}
