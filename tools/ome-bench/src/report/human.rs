//! Results as a page of text: what was written, where, and one table.

use std::io::Write;

use anyhow::Result;

use super::results::{Configuration, EngineResult, Results};
use super::{Exporter, long_run};
use crate::engines::Role;
use crate::frames::Pixels;
use crate::measure::conditions::Conditions;
use crate::text::{Align, mebibytes, product, short, size, table};

/// The page.
pub struct Human;

impl Exporter for Human {
    fn export(&self, results: &Results, target: &mut dyn Write) -> Result<()> {
        let mut page = configuration(&results.configuration);
        page.push_str(&conditions(&results.conditions));
        if !results.engines.is_empty() {
            page.push_str(&format!("\n{}\n\n", summary(results)));
            page.push_str(&footnotes(results));
        }
        for (engine, moments) in long_runs(results) {
            page.push_str(&format!("\n{} over time, worst of each piece:\n", engine.name));
            page.push_str(&format!("{}\n", long_run::render(moments, results.configuration.frame_bytes)));
        }
        if results.configuration.rate.is_some() {
            page.push_str(&written(results));
        }
        for failure in &results.failures {
            page.push_str(&format!("\nnot measured: {}: {}", failure.name, failure.reason));
        }
        if !results.failures.is_empty() {
            page.push('\n');
        }
        Ok(target.write_all(page.as_bytes())?)
    }
}

/// What each engine wrote at the camera's pace, of that for live readers, and what is on disk afterwards.
fn written(results: &Results) -> String {
    let each = results.engines.iter().filter_map(|engine| {
        let run = engine.runs.last()?;
        let (stored, live, disk) = (run.stored_bytes?, run.live_bytes?, run.disk_bytes);
        let disk = disk.map_or(String::new(), |disk| format!(", {} MiB on disk", mebibytes(disk)));
        let name = &engine.name;
        Some(format!(
            "\n{name}: {} MiB written, of which {} for live readers{disk}\n",
            mebibytes(stored),
            mebibytes(live)
        ))
    });
    each.collect()
}

/// Each engine with its last long run.
fn long_runs(results: &Results) -> impl Iterator<Item = (&EngineResult, &[crate::measure::Moment])> {
    results
        .engines
        .iter()
        .filter_map(|engine| engine.runs.last().map(|run| (engine, run.timeline.as_slice())))
        .filter(|(_, timeline)| !timeline.is_empty())
}

fn lines(title: &str, entries: &[(&str, String)]) -> String {
    let mut text = format!("{title}\n");
    for (name, value) in entries.iter().filter(|(_, value)| !value.is_empty()) {
        text.push_str(&format!("  {name:<11} {value}\n"));
    }
    text
}

fn configuration(it: &Configuration) -> String {
    let chunk_bytes = it.chunk.iter().product::<u64>() * (it.frame_bytes / frame_pixels(it).max(1));
    let shards = it.shard.as_ref().map_or("none".to_owned(), |shard| {
        let pixels: Vec<u64> = shard.iter().zip(&it.chunk).map(|(chunks, chunk)| chunks * chunk).collect();
        let bytes = chunk_bytes * shard.iter().product::<u64>();
        format!("{} chunks = {} ({})", product(shard), product(&pixels), size(bytes))
    });
    let several = if it.positions > 1 { format!(", {} positions", it.positions) } else { String::new() };
    let pixels = match it.pixels {
        Pixels::Random => "random",
        Pixels::Camera => "camera",
    };
    let rounds = format!("{} warm-up, {} counted; engines take turns in each", it.warmups, it.iterations);
    let camera =
        it.rate.map_or(String::new(), |rate| format!("{rate} frames per second, whether they are taken or not"));
    lines(
        "Workload",
        &[
            ("dimensions", it.dimensions.clone()),
            ("array", format!("{} = {} {}{several}", it.axes.join(","), product(&it.shape), it.dtype)),
            ("chunks", format!("{} ({})", product(&it.chunk), size(chunk_bytes))),
            ("shards", shards),
            ("codec", it.compression.clone()),
            ("frames", format!("{} of {}, {} in all", it.frames, size(it.frame_bytes), size(it.bytes))),
            ("pixels", format!("{pixels}, {} distinct frames, seed {}", it.distinct_frames, it.seed)),
            ("camera", camera),
            ("durability", durability(&it.durability)),
            ("memory", format!("at most {} in a stream of ours", size(it.memory_limit))),
            ("rounds", rounds),
            ("note", it.notes.join("; ")),
        ],
    )
}

fn durability(name: &str) -> String {
    let meaning = match name {
        "finish" => "on the medium when finish returns; that time is part of `write`",
        "shard" => "each shard on the medium when it is sealed",
        _ => "the operating system writes when it likes: not the speed of the disk",
    };
    format!("{name}: {meaning}")
}

fn frame_pixels(it: &Configuration) -> u64 {
    it.shape.iter().rev().take(2).product()
}

fn conditions(it: &Conditions) -> String {
    let processor = it.processor.as_ref().map_or(String::new(), |name| format!(" ({name})"));
    let memory = match (it.memory, it.memory_available) {
        (Some(all), Some(available)) => format!(", {} memory, {} available", size(all), size(available)),
        _ => String::new(),
    };
    let load = it.load.map_or(String::new(), |load| format!(", load {load:.1}"));
    let free = it.free.map_or(String::new(), |free| format!(", {} free", size(free)));
    let build = if it.optimized { "" } else { ", debug build" };
    lines(
        "Conditions",
        &[
            ("machine", format!("{} cores{processor}{memory}{load}", it.cores)),
            ("system", it.system.clone()),
            ("disk", format!("{} at {}{free}", it.file_system.as_deref().unwrap_or("unknown"), it.folder)),
            ("program", format!("ome-stream {}, {} file calls{build}", it.version, it.platform)),
        ],
    )
}

/// The one table.
fn summary(results: &Results) -> String {
    let limit = results.limit();
    let compressed = results.configuration.compression != "none";
    let mut header = vec![
        "engine".to_owned(),
        "create ms".into(),
        "append p50 us".into(),
        "p99".into(),
        "p99.9".into(),
        "max".into(),
        "write s".into(),
        "create + write ms".into(),
        "fps".into(),
        "GB/s".into(),
    ];
    header.extend(limit.map(|name| format!("of {name}")));
    header.push("of best other".into());
    header.extend(compressed.then(|| "ratio".into()));
    header.extend(["peak MiB", "+MiB", "dropped", "durable"].map(str::to_owned));
    let rows: Vec<Vec<String>> = results
        .engines
        .iter()
        .map(|engine| {
            let is_engine = engine.role == Role::Engine;
            let us = |value: fn(&super::results::Percentiles) -> f64| {
                engine.append.as_ref().map_or_else(|| "-".into(), |append| short(value(append)))
            };
            let known = |value: Option<String>| value.unwrap_or_else(|| "-".into());
            let mut row = vec![
                engine.name.clone(),
                known(is_engine.then(|| short(engine.create_s.median * 1e3))),
                us(|append| append.p50_us),
                us(|append| append.p99_us),
                us(|append| append.p999_us),
                us(|append| append.max_us),
                format!("{:.3}", engine.write_s.median),
                short(engine.create_write_s.median * 1e3),
                short(engine.fps.median),
                short(engine.gb_per_s.median),
            ];
            if limit.is_some() {
                row.push(known(engine.ratio_to_limit.map(|ratio| format!("{ratio:.2}"))));
            }
            row.push(known(engine.ratio_to_best_other.map(|ratio| format!("{ratio:.2}"))));
            if compressed {
                row.push(known(engine.compression_ratio.map(|ratio| format!("{ratio:.2}"))));
            }
            row.push(known(engine.peak_bytes.map(mebibytes)));
            row.push(known(engine.increase_bytes.map(mebibytes)));
            row.push(if is_engine { engine.dropped.to_string() } else { "-".into() });
            row.push(engine.durability.clone());
            row
        })
        .collect();
    table(&header, &rows, Align::Name)
}

fn footnotes(results: &Results) -> String {
    let mut notes = vec![format!(
        "Medians of {} run(s); append over all of them. write: from the first frame until finish returns. create + write: \
         from the call that makes the store until finish returns, in each run; a limit makes no store. GB/s: pixels, 10^9 \
         bytes, over write. peak: highest resident memory of the process, its {} of frames included; +: what a run added \
         at most.",
        results.configuration.iterations,
        size(results.configuration.frame_bytes * results.configuration.distinct_frames as u64),
    )];
    for engine in results.engines.iter().filter(|engine| engine.role == Role::Limit) {
        notes.extend(engine.version.as_ref().map(|version| format!("{}: {version}.", engine.name)));
    }
    let best = results.engines.iter().find_map(|engine| {
        let name = engine.best_other.as_ref()?;
        (engine.ratio_to_best_other? >= 1.0).then(|| format!("Best other of {}: {name}.", engine.name))
    });
    notes.extend(best);
    notes.iter().map(|note| format!("{note}\n")).collect()
}
