//! Samples the stacks of all threads while an engine runs.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result, bail};
use pprof::ProfilerGuardBuilder;

use super::phases::Phases;
use crate::cli::Cli;
use crate::engines::{Engine, Job, Native};
use crate::frames::Frames;
use crate::measure::disk;
use crate::report::text::{Align, table};
use crate::session::Session;
use crate::workload::Workload;

/// Samples a second of processor time: prime, so that it does not beat with anything periodic.
const FREQUENCY: i32 = 997;

/// Runs `name` and writes its flame graph to `path`.
pub fn run(
    cli: &Cli,
    name: &str,
    path: &Path,
    workload: &Workload,
    frames: &Frames,
    session: &Session,
) -> Result<bool> {
    let mut engine = Native::new(name, ome_stream_backends::open(name)?);
    for _ in 0..cli.warmups() {
        once(&mut engine, workload, frames, session)?;
    }
    // The libraries in which a signal must not look for its stack.
    let blocked = ["libc", "libgcc", "pthread", "vdso"];
    let profiler = ProfilerGuardBuilder::default().frequency(FREQUENCY).blocklist(&blocked).build()?;
    let mut seconds = 0.0;
    for _ in 0..cli.iterations() {
        seconds += once(&mut engine, workload, frames, session)?;
    }
    let report = profiler.report().build()?;
    let mut phases = Phases::default();
    for (stack, samples) in &report.data {
        let names: Vec<String> = stack.frames.iter().flatten().map(pprof::Symbol::name).collect();
        let samples = usize::try_from(*samples).unwrap_or(0);
        phases.add(&stack.thread_name_or_id(), names.iter().map(String::as_str), samples);
    }
    if phases.total() == 0 {
        bail!("the runs were too short to be sampled: use larger counts or more --iterations");
    }
    let file = File::create(path).with_context(|| path.display().to_string())?;
    report.flamegraph(file)?;

    let (header, rows) = phases.rows(1.0 / f64::from(FREQUENCY));
    println!("{name}: seconds on a core, in {} run(s) that took {seconds:.2} s altogether", cli.iterations());
    println!("{}", table(&header, &rows, Align::Name));
    println!("Time in which threads waited (for the disk, for each other) is not in it.");
    println!("flame graph: {}", path.display());
    Ok(true)
}

fn once(engine: &mut Native, workload: &Workload, frames: &Frames, session: &Session) -> Result<f64> {
    let folder = session.fresh()?;
    disk::settle(&folder)?;
    let run = engine.run(&Job { workload, frames, folder: &folder, camera: None, window: None })?;
    session.done_with(&folder)?;
    Ok(run.create + run.write)
}
