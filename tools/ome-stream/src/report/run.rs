//! What came of a run.

use std::path::PathBuf;
use std::time::Instant;

use ome_stream::Plan;
use ome_stream::stream::Summary;
use serde::Serialize;

use super::numbers::{bytes, duration, rate};

/// A run, as far as it is known before its end.
pub struct Run {
    start: Instant,
    /// The store, as the user named it.
    path: PathBuf,
    json: bool,
    backend: String,
    axes: Vec<String>,
    /// Of an image, full resolution included.
    levels: usize,
    dtype: &'static str,
    frame_bytes: u64,
    expected: Option<u64>,
    notes: Vec<String>,
}

/// How a run ended.
#[derive(Clone, Copy)]
pub enum Outcome<'a> {
    /// With everything that was expected.
    Complete,
    /// Early, for this reason.
    Incomplete(&'a str),
}

/// The result as JSON.
#[derive(Serialize)]
struct JsonSummary<'a> {
    path: &'a std::path::Path,
    backend: &'a str,
    complete: bool,
    error: Option<&'a str>,
    frames: u64,
    expected: Option<u64>,
    dropped: u64,
    axes: &'a [String],
    shapes: &'a [Vec<u64>],
    levels: usize,
    dtype: &'a str,
    bytes_in: u64,
    bytes_written: u64,
    seconds: f64,
    notes: &'a [String],
}

impl Run {
    /// A run that starts now, with what was noted before it.
    pub fn new(plan: &Plan, backend: &str, json: bool, notes: Vec<String>) -> Self {
        Self {
            start: Instant::now(),
            path: plan.settings().output_path(),
            json,
            backend: backend.to_owned(),
            axes: plan.axis_names().map(str::to_owned).collect(),
            levels: 1 + plan.levels_of(0).count(),
            dtype: plan.dtype().name(),
            frame_bytes: plan.geometry().frame_bytes(),
            expected: plan.router().total(),
            notes,
        }
    }

    /// The result, for standard output: JSON, or text whose first line is the path of the store.
    pub fn text(&self, summary: &Summary, outcome: Outcome<'_>) -> String {
        let seconds = self.start.elapsed().as_secs_f64();
        let bytes_in = summary.frames.saturating_mul(self.frame_bytes);
        if !self.json {
            return self.plain(summary, outcome, bytes_in, seconds);
        }
        let error = match outcome {
            Outcome::Complete => None,
            Outcome::Incomplete(reason) => Some(reason),
        };
        let told = JsonSummary {
            path: &self.path,
            backend: &self.backend,
            complete: error.is_none(),
            error,
            frames: summary.frames,
            expected: self.expected,
            dropped: summary.dropped,
            axes: &self.axes,
            shapes: &summary.shapes,
            levels: self.levels,
            dtype: self.dtype,
            bytes_in,
            bytes_written: summary.bytes_written,
            seconds,
            notes: &self.notes,
        };
        // Numbers, texts and lists of them: nothing that JSON could refuse.
        serde_json::to_string_pretty(&told).unwrap_or_default() + "\n"
    }

    fn plain(&self, summary: &Summary, outcome: Outcome<'_>, bytes_in: u64, seconds: f64) -> String {
        let frames = match (outcome, self.expected) {
            (Outcome::Incomplete(_), Some(expected)) => format!("{} of {expected} frames", summary.frames),
            _ => format!("{} frames", summary.frames),
        };
        let dropped = match summary.dropped {
            0 => String::new(),
            dropped => format!(" ({dropped} dropped)"),
        };
        let images = match summary.shapes.len() {
            1 => String::new(),
            count => format!("{count} images, "),
        };
        let shape = summary.shapes.iter().max().map(|shape| {
            let axes: Vec<String> =
                self.axes.iter().zip(shape).map(|(name, extent)| format!("{name} {extent}")).collect();
            axes.join(", ")
        });
        let levels = match self.levels {
            1 => String::new(),
            count => format!(", {count} levels"),
        };
        format!(
            "{}\n{frames}{dropped}, {} in {}, {}\n{images}{}, {}{levels}; {} on disk\n",
            self.path.display(),
            bytes(bytes_in),
            duration(seconds),
            rate(bytes_in, seconds),
            shape.unwrap_or_default(),
            self.dtype,
            bytes(summary.bytes_written),
        )
    }
}
