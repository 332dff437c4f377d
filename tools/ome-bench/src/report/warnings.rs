//! What is to be said against the numbers, and what could be tried next.

use super::Results;
use crate::engines::Role;
use crate::frames::Pixels;
use crate::text::short;

/// Slowest run compared with the fastest from which something else was at work.
const UNREST: f64 = 2.0;

/// Fewest runs of which a median says something.
const FEWEST: usize = 7;

/// Seconds below which a run is mostly beginning and end.
const SHORTEST: f64 = 0.02;

/// Doubts about the numbers.
pub fn judge(results: &Results) -> Vec<String> {
    let mut said = Vec::new();
    let (configuration, conditions) = (&results.configuration, &results.conditions);
    if results.engines.is_empty() {
        return said;
    }
    if !conditions.optimized {
        said.push("this is a debug build: it says nothing about speed; use cargo run --release".into());
    }
    if conditions.in_memory() {
        said.push(format!(
            "{} lies in memory, not on a disk: use --root FOLDER on the disk to be measured",
            conditions.folder
        ));
    }
    if conditions.load.is_some_and(|load| load > conditions.cores as f64 / 2.0) {
        said.push(format!(
            "the machine was not idle at the start (load {} on {} cores): close other programs",
            short(conditions.load.unwrap_or_default()),
            conditions.cores
        ));
    }
    if configuration.durability == "none" {
        said.push(
            "nothing was made durable: much of this was written to memory; --durability finish measures the disk"
                .into(),
        );
    }
    if !configuration.sustained && configuration.iterations < FEWEST {
        said.push(format!(
            "medians of {} run(s) say little: use --iterations {FEWEST} or more",
            configuration.iterations
        ));
    }
    for engine in &results.engines {
        let unrest = engine.write_s.unrest();
        if unrest > UNREST && engine.runs.len() > 1 {
            said.push(format!(
                "{}: the slowest run took {} times as long as the fastest: something else used the disk or the processor, \
                 or the disk is unsteady; more --iterations help, and --warmups where the first runs are the slow ones",
                engine.name,
                short(unrest)
            ));
        }
        if engine.role == Role::Engine && engine.create_s.median > engine.write_s.median / 2.0 {
            said.push(format!(
                "{}: create took {} ms beside {} ms of write: what is done before the first frame is not in GB/s, but in \
                 `create + write`",
                engine.name,
                short(engine.create_s.median * 1e3),
                short(engine.write_s.median * 1e3)
            ));
        }
        if engine.dropped > 0 {
            said.push(format!(
                "{}: {} frame(s) were dropped: it does not keep up with the camera",
                engine.name, engine.dropped
            ));
        }
    }
    let fastest = results.engines.iter().map(|engine| engine.write_s.median).fold(f64::INFINITY, f64::min);
    if fastest < SHORTEST {
        said.push(format!("the fastest run took {} ms: larger counts give steadier numbers", short(fastest * 1e3)));
    }
    said
}

/// Options that were not tried and would say more.
pub fn suggest(results: &Results) -> Vec<String> {
    let mut said = Vec::new();
    let configuration = &results.configuration;
    if !results.any_engine() {
        return said;
    }
    let failed = results.failures.iter().map(|failure| &failure.name);
    let mut names = results.engines.iter().map(|engine| &engine.name).chain(failed);
    if !names.any(|name| name == "peers" || name.contains('/')) {
        said.push("--peers measures also the engines labs use today".into());
    }
    if !configuration.compression.starts_with("none") && configuration.pixels == Pixels::Random {
        said.push("random pixels cannot be compressed; --frames camera makes realistic ones".into());
    }
    if !configuration.sustained {
        said.push("--sustained 16GiB shows whether a long run keeps this pace".into());
    }
    said
}
