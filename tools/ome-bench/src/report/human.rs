//! Results as a page of text: what was written, where, and one table.

use super::long_run;
use super::results::{Configuration, EngineResult, PyramidConfiguration, Results};
use crate::engines::Role;
use crate::frames::Pixels;
use crate::measure::conditions::Conditions;
use crate::text::{mebibytes, product, short, size, table};

/// The page.
pub fn page(results: &Results) -> String {
    let mut page = configuration(&results.configuration);
    page.push_str(&conditions(&results.conditions));
    if !results.engines.is_empty() {
        page.push_str(&format!("\n{}\n\n{}", summary(results), footnotes(results)));
    }
    for (name, moments) in results.long_runs() {
        let table = long_run::render(moments, results.configuration.frame_bytes);
        page.push_str(&format!("\n{name} over time, worst of each piece:\n{table}\n"));
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
    page
}

/// What each engine wrote at the camera's pace, of that for live readers, and what is on disk afterwards.
fn written(results: &Results) -> String {
    let each = results.engines.iter().filter_map(|engine| {
        let run = &engine.runs.last()?.run;
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
            ("pixels", format!("{pixels}, {} distinct frames", it.distinct_frames)),
            ("camera", camera),
            ("levels", it.pyramid.as_ref().map_or(String::new(), levels)),
            ("durability", durability(&it.durability)),
            ("memory", format!("at most {} in a stream of ours", size(it.memory_limit))),
            ("rounds", rounds),
            ("note", it.notes.join("; ")),
        ],
    )
}

fn levels(it: &PyramidConfiguration) -> String {
    let shapes: Vec<String> = it.shapes.iter().map(|shape| product(shape)).collect();
    format!("{}: {}; {} in all; each engine also without them", it.method, shapes.join(", "), size(it.bytes))
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

/// Head of a column, and what it says of an engine.
type Column = (String, fn(&EngineResult) -> Option<String>);

/// The one table.
fn summary(results: &Results) -> String {
    let mut columns: Vec<Column> = Vec::new();
    let mut add = |name: &str, value| columns.push((name.to_owned(), value));
    add("engine", |it| Some(it.name.clone()));
    add("create ms", |it| (it.role == Role::Engine).then(|| short(it.create_s.median * 1e3)));
    add("append p50 us", |it| Some(short(it.append?.p50_us)));
    add("p99", |it| Some(short(it.append?.p99_us)));
    add("p99.9", |it| Some(short(it.append?.p999_us)));
    add("max", |it| Some(short(it.append?.max_us)));
    add("write s", |it| Some(format!("{:.3}", it.write_s.median)));
    add("create + write ms", |it| Some(short(it.create_write_s.median * 1e3)));
    add("fps", |it| Some(short(it.fps.median)));
    add("GB/s", |it| Some(short(it.gb_per_s.median)));
    if let Some(limit) = results.limit() {
        add(&format!("of {limit}"), |it| Some(format!("{:.2}", it.ratio_to_limit?)));
    }
    if results.configuration.pyramid.is_some() {
        add("levels MiB", |it| it.level_bytes.map(mebibytes));
        add("of itself without", |it| Some(format!("{:.2}", it.ratio_to_without_levels?)));
    }
    add("of best other", |it| Some(format!("{:.2}", it.ratio_to_best_other?)));
    if results.configuration.compression != "none" {
        add("ratio", |it| Some(format!("{:.2}", it.compression_ratio?)));
    }
    add("peak MiB", |it| it.peak_bytes.map(mebibytes));
    add("+MiB", |it| it.increase_bytes.map(mebibytes));
    add("dropped", |it| (it.role == Role::Engine).then(|| it.dropped.to_string()));
    add("durable", |it| Some(it.durability.clone()));
    let header: Vec<&String> = columns.iter().map(|(name, _)| name).collect();
    let cells = |it| columns.iter().map(|(_, value)| value(it).unwrap_or_else(|| "-".into())).collect();
    table(&header, &results.engines.iter().map(cells).collect::<Vec<_>>())
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
    if results.configuration.pyramid.is_some() {
        notes.push(
            "+ pyramid: with levels below full resolution; GB/s of the pixels of all levels. of itself without: that over \
             the GB/s of the same engine's run without them, in the same round; the median over rounds. of best other: \
             among those with levels, or among those without."
                .into(),
        );
    }
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
