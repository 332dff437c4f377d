//! Raw runs as CSV, a line each.

use std::io::Write;

use anyhow::Result;
use serde::Serialize;

use super::results::{Percentiles, RunRecord};
use super::{Exporter, Results};

/// A line for each run of each engine, other ways to the limit included.
pub struct Csv;

#[derive(Serialize)]
struct Line<'a> {
    engine: &'a str,
    variant: Option<&'a str>,
    round: usize,
    place: usize,
    create_s: f64,
    append_s: Option<f64>,
    finish_s: Option<f64>,
    write_s: f64,
    fps: f64,
    gb_per_s: f64,
    append_p50_us: Option<f64>,
    append_p99_us: Option<f64>,
    append_p999_us: Option<f64>,
    append_max_us: Option<f64>,
    before_bytes: Option<u64>,
    peak_bytes: Option<u64>,
    dropped: u64,
    stored_bytes: Option<u64>,
    durability: &'a str,
    // Last, so that the columns before it stay where programs that count them look.
    create_write_s: f64,
}

impl Exporter for Csv {
    fn export(&self, results: &Results, target: &mut dyn Write) -> Result<()> {
        let mut writer = csv::Writer::from_writer(target);
        let (frames, frame_bytes) = (results.configuration.frames, results.configuration.frame_bytes);
        for engine in results.engines.iter().chain(&results.other_ways) {
            for run in &engine.runs {
                let taken = (frames - run.dropped.min(frames)) as f64;
                let at = |value: fn(&Percentiles) -> f64| run.append.as_ref().map(value);
                let RunRecord { round, place, create_s, append_s, finish_s, write_s, create_write_s, .. } = *run;
                writer.serialize(Line {
                    engine: &engine.name,
                    variant: engine.variant.as_deref(),
                    round,
                    place,
                    create_s,
                    append_s,
                    finish_s,
                    write_s,
                    fps: taken / write_s.max(1e-9),
                    gb_per_s: taken * frame_bytes as f64 / 1e9 / write_s.max(1e-9),
                    append_p50_us: at(|append| append.p50_us),
                    append_p99_us: at(|append| append.p99_us),
                    append_p999_us: at(|append| append.p999_us),
                    append_max_us: at(|append| append.max_us),
                    before_bytes: run.before_bytes,
                    peak_bytes: run.peak_bytes,
                    dropped: run.dropped,
                    stored_bytes: run.stored_bytes,
                    durability: &engine.durability,
                    create_write_s,
                })?;
            }
        }
        Ok(writer.flush()?)
    }
}
