//! From runs to results.

use hdrhistogram::Histogram;

use super::results::{Configuration, EngineResult, Percentiles, Results, RunRecord};
use super::warnings;
use crate::engines::{Failure, Role};
use crate::frames::{Frames, Pixels};
use crate::measure::conditions::Conditions;
use crate::measure::{Run, Spread, gigabytes_per_second};
use crate::schedule::{Measured, Rounds};
use crate::workload::Workload;

/// What the host asks for that is in neither the workload nor the rounds.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What the pixels are.
    pub pixels: Pixels,
    /// Their seed.
    pub seed: u64,
    /// Milliseconds that each write of the native engine takes longer.
    pub slow_disk: Option<u64>,
    /// Frames per second of a camera; 0 is as fast as the engine goes.
    pub rate: f64,
    /// One long run.
    pub sustained: bool,
    /// Engines of Python are measured too.
    pub peers: bool,
}

/// What was to be measured, and where.
#[derive(Debug, Clone)]
pub struct Description {
    /// What is written.
    pub configuration: Configuration,
    /// Where.
    pub conditions: Conditions,
    /// Engines of Python were measured too.
    pub peers: bool,
}

impl Description {
    /// What is asked for.
    pub fn new(asked: &Asked, workload: &Workload, frames: &Frames, rounds: Rounds, conditions: Conditions) -> Self {
        let (plan, settings) = (workload.plan(), workload.plan().settings());
        let geometry = plan.geometry();
        let slow = asked.slow_disk.map(|more| format!("a slow disk: each write takes {more} ms longer"));
        let configuration = Configuration {
            dimensions: dimensions(workload),
            axes: plan.axis_names().map(str::to_owned).collect(),
            shape: geometry.shape().to_vec(),
            chunk: geometry.chunk().to_vec(),
            shard: geometry.shard().map(<[u64]>::to_vec),
            positions: plan.positions().len(),
            dtype: plan.dtype().name().to_owned(),
            compression: settings.compression.to_string(),
            storage_order: settings.storage_order.to_string(),
            durability: settings.durability.name().to_owned(),
            frame_bytes: workload.frame_bytes(),
            frames: workload.frames(),
            bytes: workload.bytes(),
            pixels: asked.pixels,
            seed: asked.seed,
            distinct_frames: frames.distinct(),
            memory_limit: settings.memory_limit,
            threads: settings.threads,
            rate: (asked.rate > 0.0).then_some(asked.rate),
            sustained: asked.sustained,
            warmups: rounds.warmups,
            iterations: rounds.counted,
            folders_kept: false,
            notes: plan.notes().iter().cloned().chain(slow).collect(),
        };
        Self { configuration, conditions, peers: asked.peers }
    }

    /// Results of what was measured.
    pub fn results(self, workload: &Workload, measured: &[Measured], failures: Vec<Failure>) -> Results {
        let (mut engines, mut other_ways) = (Vec::new(), Vec::new());
        for entry in measured {
            let Some(result) = engine(workload, entry) else { continue };
            place(result, &mut engines, &mut other_ways);
        }
        compare(&mut engines);
        let mut results = Results {
            format: 1,
            configuration: self.configuration,
            conditions: self.conditions,
            engines,
            other_ways,
            failures,
            warnings: Vec::new(),
            suggestions: Vec::new(),
        };
        results.warnings = warnings::judge(&results);
        results.suggestions = warnings::suggest(&results, self.peers);
        results
    }
}

/// Dimensions as `--dims` takes them.
fn dimensions(workload: &Workload) -> String {
    let each = workload.plan().settings().dimensions.iter().map(|dimension| {
        let count = dimension.count.map_or("inf".into(), |count| count.to_string());
        let chunk = dimension.chunk_size.map_or(String::new(), |chunk| format!(":{chunk}"));
        let shard = dimension.shard_size_chunks.map_or(String::new(), |shard| format!(":{shard}"));
        format!("{}:{count}{chunk}{shard}", dimension.name)
    });
    each.collect::<Vec<_>>().join(",")
}

/// One engine over its runs; `None` where none counted.
fn engine(workload: &Workload, entry: &Measured) -> Option<EngineResult> {
    let runs = || entry.turns.iter().map(|turn| &turn.run);
    let bytes = workload.bytes();
    let frames = |run: &Run| (workload.frames() - run.dropped.min(workload.frames())) as f64;
    let taken = |run: &Run| (frames(run) * workload.frame_bytes() as f64) as u64;
    let last = runs().next_back()?;
    let whole = last.stored.filter(|stored| *stored > 0 && last.dropped == 0);
    Some(EngineResult {
        name: entry.engine.name().to_owned(),
        variant: entry.engine.variant().map(str::to_owned),
        role: entry.engine.role(),
        version: entry.engine.version(),
        durability: entry.engine.durability(workload).to_owned(),
        create_s: Spread::of(runs().map(|run| run.create))?,
        append: merged(runs()).as_ref().and_then(percentiles),
        write_s: Spread::of(runs().map(|run| run.write))?,
        create_write_s: Spread::of(runs().map(|run| run.create_write))?,
        fps: Spread::of(runs().map(|run| frames(run) / run.write.max(1e-9)))?,
        gb_per_s: Spread::of(runs().map(|run| gigabytes_per_second(taken(run), run.write)))?,
        ratio_to_limit: None,
        ratio_to_best_other: None,
        best_other: None,
        peak_bytes: runs().filter_map(|run| run.memory).map(|memory| memory.peak).max(),
        increase_bytes: runs().filter_map(|run| run.memory).map(|memory| memory.increase()).max(),
        dropped: runs().map(|run| run.dropped).sum(),
        compression_ratio: whole.map(|stored| bytes as f64 / stored as f64),
        runs: entry
            .turns
            .iter()
            .map(|turn| RunRecord {
                round: turn.round,
                place: turn.place,
                create_s: turn.run.create,
                append_s: turn.run.append,
                finish_s: turn.run.finish,
                write_s: turn.run.write,
                create_write_s: turn.run.create_write,
                append: turn.run.latencies.as_ref().and_then(percentiles),
                before_bytes: turn.run.memory.map(|memory| memory.before),
                peak_bytes: turn.run.memory.map(|memory| memory.peak),
                dropped: turn.run.dropped,
                stored_bytes: turn.run.stored,
                live_bytes: turn.run.for_live_readers,
                disk_bytes: turn.run.on_disk,
                timeline: turn.run.timeline.clone(),
            })
            .collect(),
    })
}

/// Puts a result in the table; of several ways under one name the one with the best median stays there.
fn place(result: EngineResult, engines: &mut Vec<EngineResult>, other_ways: &mut Vec<EngineResult>) {
    let known = engines.iter_mut().find(|known| known.role == Role::Limit && known.name == result.name);
    match known {
        Some(known) if result.write_s.median < known.write_s.median => {
            other_ways.push(std::mem::replace(known, result));
        }
        Some(_) => other_ways.push(result),
        None => engines.push(result),
    }
}

/// Fills in the ratios, by median throughput.
fn compare(engines: &mut [EngineResult]) {
    let limit = engines.iter().find(|engine| engine.role == Role::Limit).map(|engine| engine.gb_per_s.median);
    let rates: Vec<(String, Role, f64)> =
        engines.iter().map(|engine| (engine.name.clone(), engine.role, engine.gb_per_s.median)).collect();
    for (nth, engine) in engines.iter_mut().enumerate() {
        engine.ratio_to_limit = limit.filter(|limit| *limit > 0.0).map(|limit| engine.gb_per_s.median / limit);
        if engine.role == Role::Limit {
            continue;
        }
        let others = rates.iter().enumerate().filter(|(other, (_, role, _))| *other != nth && *role == Role::Engine);
        let best = others.map(|(_, rate)| rate).max_by(|one, two| one.2.total_cmp(&two.2));
        if let Some((name, _, rate)) = best.filter(|(_, _, rate)| *rate > 0.0) {
            engine.ratio_to_best_other = Some(engine.gb_per_s.median / rate);
            engine.best_other = Some(name.clone());
        }
    }
}

/// Times of append of all runs together.
fn merged<'a>(runs: impl Iterator<Item = &'a Run>) -> Option<Histogram<u64>> {
    runs.filter_map(|run| run.latencies.as_ref()).fold(None, |all, each| match all {
        None => Some(each.clone()),
        Some(mut all) => {
            // All are made with the same bounds, so that nothing can be out of range.
            all.add(each).ok()?;
            Some(all)
        }
    })
}

fn percentiles(nanoseconds: &Histogram<u64>) -> Option<Percentiles> {
    let at = |quantile: f64| nanoseconds.value_at_quantile(quantile) as f64 / 1e3;
    (!nanoseconds.is_empty()).then(|| Percentiles {
        count: nanoseconds.len(),
        p50_us: at(0.5),
        p99_us: at(0.99),
        p999_us: at(0.999),
        max_us: nanoseconds.max() as f64 / 1e3,
    })
}
