//! Clocks and gauges: what one run cost.

pub mod conditions;
pub mod disk;
mod latency;
mod memory;
mod race;
mod spread;

pub use latency::{Moment, Percentiles, Recorder};
pub use memory::{PeakMemory, resident};
pub use race::{cores, race};
pub use spread::Spread;

use hdrhistogram::Histogram;
use serde::Serialize;

/// What one run of an engine cost.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Run {
    /// Seconds until the first frame could be given.
    pub create_s: f64,
    /// Seconds of all appends; `None` for limits, which take no frames.
    pub append_s: Option<f64>,
    /// Seconds from the last append until the data were as durable as was asked.
    pub finish_s: Option<f64>,
    /// Append and finish on one clock.
    pub write_s: f64,
    /// The whole run on one clock: from the call that makes the store until the data were as durable as was asked.
    pub create_write_s: f64,
    /// Time of each append, in nanoseconds.
    #[serde(rename = "append", serialize_with = "latency::as_percentiles")]
    pub latencies: Option<Histogram<u64>>,
    /// Resident memory of the process just before the run, its frames included; `None` where the system does not tell.
    pub before_bytes: Option<u64>,
    /// Highest resident memory during it.
    pub peak_bytes: Option<u64>,
    /// Frames that were lost because the engine could not take them in time.
    pub dropped: u64,
    /// Bytes that the engine stored, where it tells.
    pub stored_bytes: Option<u64>,
    /// Of these, what was written only for readers that look while the run goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_bytes: Option<u64>,
    /// Bytes of the pixels of all levels, where there are levels below full resolution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level_bytes: Option<u64>,
    /// Bytes that the store takes on disk when the run is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_bytes: Option<u64>,
    /// The run over time; empty for short ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<Moment>,
}

impl Run {
    /// A run of a limit, which took `write` seconds for `stored` bytes. A limit makes no store (folders that it needs
    /// are made while it writes), so that the whole run is its write.
    pub fn of_limit(write: f64, stored: u64) -> Self {
        Self { write_s: write, create_write_s: write, stored_bytes: Some(stored), ..Self::default() }
    }

    /// Resident memory that the run itself added at most.
    pub fn increase(&self) -> Option<u64> {
        Some(self.peak_bytes?.saturating_sub(self.before_bytes?))
    }
}

/// Bytes per second as GB/s.
pub fn gigabytes_per_second(bytes: u64, seconds: f64) -> f64 {
    bytes as f64 / 1e9 / seconds.max(1e-9)
}
