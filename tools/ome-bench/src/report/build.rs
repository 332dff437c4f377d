//! From runs to results.

use hdrhistogram::Histogram;

use super::results::{Configuration, EngineResult, PyramidConfiguration, Results};
use super::warnings;
use crate::engines::{Failure, Role};
use crate::measure::conditions::Conditions;
use crate::measure::{Percentiles, Run, Spread, gigabytes_per_second};
use crate::schedule::{Measured, Setting, Turn};
use crate::workload::Workload;

/// Version of the results as data: fields are added to one, never changed. Version 1 also named the seed of the pixels.
const FORMAT: u32 = 2;

/// Results of what was measured.
pub fn results(
    setting: &Setting<'_>,
    conditions: Conditions,
    measured: Vec<Measured>,
    failures: Vec<Failure>,
) -> Results {
    let (mut engines, mut other_ways) = (Vec::new(), Vec::new());
    for result in measured.into_iter().filter_map(|entry| engine(setting.workload, entry)) {
        place(result, &mut engines, &mut other_ways);
    }
    compare(&mut engines);
    compare_levels(&mut engines, setting.workload);
    let mut results = Results {
        format: FORMAT,
        configuration: configuration(setting),
        conditions,
        engines,
        other_ways,
        failures,
        warnings: Vec::new(),
        suggestions: Vec::new(),
    };
    results.warnings = warnings::judge(&results);
    results.suggestions = warnings::suggest(&results);
    results
}

fn configuration(setting: &Setting<'_>) -> Configuration {
    let Setting { workload, frames, session, long_run, rounds } = *setting;
    let (plan, settings, geometry) = (workload.plan(), workload.plan().settings(), workload.plan().geometry());
    Configuration {
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
        pixels: frames.pixels,
        distinct_frames: frames.distinct(),
        memory_limit: settings.memory_limit,
        threads: settings.threads,
        rate: long_run.camera().map(|camera| camera.rate()),
        sustained: long_run.sustained.is_some(),
        warmups: rounds.warmups,
        iterations: rounds.counted,
        folders_kept: session.keeps_folders(),
        pyramid: workload.levels().map(|levels| PyramidConfiguration {
            method: levels.pyramid().method.name().to_owned(),
            shapes: levels.shapes(),
            bytes: levels.bytes(),
        }),
        notes: plan.notes().to_vec(),
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
fn engine(workload: &Workload, entry: Measured) -> Option<EngineResult> {
    let runs = || entry.turns.iter().map(|turn| &turn.run);
    let frames = |run: &Run| workload.frames().saturating_sub(run.dropped);
    let taken = |run: &Run| taken(run, workload);
    let last = runs().next_back()?;
    let whole = last.stored_bytes.filter(|stored| *stored > 0 && last.dropped == 0);
    Some(EngineResult {
        name: entry.engine.name().to_owned(),
        variant: entry.engine.variant().map(str::to_owned),
        role: entry.engine.role(),
        version: entry.engine.version(),
        durability: entry.engine.durability(workload).to_owned(),
        create_s: Spread::of(runs().map(|run| run.create_s))?,
        append: merged(runs()).as_ref().and_then(Percentiles::of),
        write_s: Spread::of(runs().map(|run| run.write_s))?,
        create_write_s: Spread::of(runs().map(|run| run.create_write_s))?,
        fps: Spread::of(runs().map(|run| frames(run) as f64 / run.write_s.max(1e-9)))?,
        gb_per_s: Spread::of(runs().map(|run| gigabytes_per_second(taken(run), run.write_s)))?,
        ratio_to_limit: None,
        ratio_to_best_other: None,
        best_other: None,
        peak_bytes: runs().filter_map(|run| run.peak_bytes).max(),
        increase_bytes: runs().filter_map(Run::increase).max(),
        dropped: runs().map(|run| run.dropped).sum(),
        without_levels: entry.engine.without_levels().map(str::to_owned),
        ratio_to_without_levels: None,
        level_bytes: last.level_bytes,
        compression_ratio: whole.map(|stored| taken(last) as f64 / stored as f64),
        runs: entry.turns,
    })
}

/// Bytes of the pixels that a run stored, of all levels.
fn taken(run: &Run, workload: &Workload) -> u64 {
    let frames = workload.frames().saturating_sub(run.dropped);
    match run.level_bytes {
        // What was dropped is missing in each level.
        Some(bytes) => (u128::from(bytes) * u128::from(frames) / u128::from(workload.frames().max(1))) as u64,
        None => frames * workload.frame_bytes(),
    }
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

/// Fills in the ratios of engines with levels to themselves without, each of two runs of a round.
fn compare_levels(engines: &mut [EngineResult], workload: &Workload) {
    let rates = |engine: &EngineResult| -> Vec<(usize, f64)> {
        let rate = |turn: &Turn| gigabytes_per_second(taken(&turn.run, workload), turn.run.write_s);
        engine.runs.iter().map(|turn| (turn.round, rate(turn))).collect()
    };
    let all: Vec<(String, Vec<(usize, f64)>)> =
        engines.iter().map(|engine| (engine.name.clone(), rates(engine))).collect();
    for engine in engines.iter_mut() {
        let Some(without) = all.iter().find(|(name, _)| Some(name) == engine.without_levels.as_ref()) else { continue };
        let of_round = |round| without.1.iter().find(|(other, rate)| *other == round && *rate > 0.0);
        let ratios = rates(engine).into_iter().filter_map(|(round, rate)| Some(rate / of_round(round)?.1));
        engine.ratio_to_without_levels = Spread::of(ratios).map(|spread| spread.median);
    }
}

/// Fills in the ratios, by median throughput. Engines with levels are compared among themselves.
fn compare(engines: &mut [EngineResult]) {
    let limit = engines.iter().find(|engine| engine.role == Role::Limit).map(|engine| engine.gb_per_s.median);
    let of = |engine: &EngineResult| (engine.role, engine.without_levels.is_some());
    let rates: Vec<(String, _, f64)> =
        engines.iter().map(|engine| (engine.name.clone(), of(engine), engine.gb_per_s.median)).collect();
    for (nth, engine) in engines.iter_mut().enumerate() {
        engine.ratio_to_limit = limit.filter(|limit| *limit > 0.0).map(|limit| engine.gb_per_s.median / limit);
        if engine.role == Role::Limit {
            continue;
        }
        let own = of(engine);
        let others = rates.iter().enumerate().filter(|(other, (_, kind, _))| *other != nth && *kind == own);
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
