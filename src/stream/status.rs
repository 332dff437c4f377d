//! What a host may ask at any time.

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::error::{Error, Result};

/// Longest duration that a histogram tells apart: an hour, in nanoseconds.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// An empty histogram of nanoseconds, good to one percent.
pub(super) fn histogram() -> Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, LONGEST_NS, 2)
        .map_err(|error| Error::Internal { place: "the latency histogram", message: error.to_string() })
}

/// How a run stands. Counts are frame numbers: every frame below `written` is given to the operating system, every
/// frame below `durable` is on the medium; skipped and dropped frames need neither.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Frames accepted or skipped: the number that the next frame will get.
    pub accepted: u64,
    /// Every frame below this is given to the operating system: it survives the death of this process.
    pub written: u64,
    /// Every frame below this is on the medium: it survives power loss.
    pub durable: u64,
    /// Frames that were skipped on purpose.
    pub skipped: u64,
    /// Frames that were dropped because there was no room (`when_full: "drop"`).
    pub dropped: u64,
    /// Frames that were accepted and that `abort` gave up.
    pub lost: u64,
    /// Frames that the dimensions declare; `None` where the first is unbounded.
    pub declared: Option<u64>,
    /// Bytes of buffers that hold frames which are not written yet.
    pub bytes_in_flight: u64,
    /// Most bytes that were ever in flight.
    pub bytes_high_water: u64,
    /// Bytes that may be in flight: the part of `memory_limit` that slabs may take.
    pub bytes_limit: u64,
    /// Bytes handed to the disk: payload after encoding, indices and array metadata.
    pub bytes_written: u64,
    /// Times of `append` so far, waiting included.
    pub append: Latencies,
    /// Where the time went.
    pub phases: Phases,
    /// The first cause, once writing has failed.
    pub failure: Option<String>,
    /// True once the run is being ended.
    pub finished: bool,
    /// True once it was given up by `abort`.
    pub aborted: bool,
    /// What a person should know about this run and where it is stored.
    pub notes: Vec<String>,
    /// What the run keeps beside the pixels and could not bring up to date, with the reason: it is tried again, and
    /// told by `finish` if it never goes well. `None` where all is well.
    pub housekeeping: Option<String>,
    /// Of `bytes_written`, what was written only so that readers see the run while it goes on: copies of incomplete
    /// compressed chunks, and indices of shards that are still being filled.
    pub bytes_for_live_readers: u64,
}

/// How a source of frames stands, in numbers of its own frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SourceStatus {
    /// Frames accepted or skipped: the number that the next frame will get.
    pub accepted: u64,
    /// Every frame below this is given to the operating system, on all levels.
    pub written: u64,
    /// Every frame below this is on the medium, on all levels.
    pub durable: u64,
}

/// Where the time of a run went, in milliseconds; what several threads spent is added up.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Phases {
    /// `append`, copying frames into chunk order.
    pub copy_ms: f64,
    /// `append`, waiting for room.
    pub wait_ms: f64,
    /// Workers, encoding.
    pub encode_ms: f64,
    /// Workers, writing files.
    pub write_ms: f64,
    /// `finish`, making everything durable.
    pub sync_ms: f64,
}

/// Percentiles of a duration, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Latencies {
    /// How many were measured.
    pub count: u64,
    /// Median.
    pub p50_us: f64,
    /// 99th percentile.
    pub p99_us: f64,
    /// 99.9th percentile.
    pub p999_us: f64,
    /// Longest.
    pub max_us: f64,
}

impl Latencies {
    /// Percentiles of a histogram that counts nanoseconds.
    #[must_use]
    pub fn of(nanoseconds: &Histogram<u64>) -> Self {
        let at = |quantile: f64| nanoseconds.value_at_quantile(quantile) as f64 / 1e3;
        Self {
            count: nanoseconds.len(),
            p50_us: at(0.5),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: nanoseconds.max() as f64 / 1e3,
        }
    }
}

/// What `finish` says when all went well.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The store.
    pub path: std::path::PathBuf,
    /// Frames of this run that hold data.
    pub frames: u64,
    /// Frames that were skipped on purpose.
    pub skipped: u64,
    /// Frames that were dropped for want of room.
    pub dropped: u64,
    /// Frames that were accepted and that `abort` gave up.
    pub lost: u64,
    /// True where `abort` ended the run before all was stored.
    pub aborted: bool,
    /// Final shape of each position's array, in storage order.
    pub shapes: Vec<Vec<u64>>,
    /// Bytes handed to the disk.
    pub bytes_written: u64,
    /// Most bytes that were in flight.
    pub bytes_high_water: u64,
}
