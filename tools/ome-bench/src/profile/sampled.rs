//! Samples the stacks of all threads while an engine runs.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result, bail};
use pprof::ProfilerGuardBuilder;

use super::phases::Phases;
use crate::engines::{Engine, Job, Native};
use crate::frames::Frames;
use crate::measure::disk;
use crate::schedule::Rounds;
use crate::session::Session;
use crate::text::{Align, table};
use crate::workload::Workload;

/// Samples wanted a second of processor time: prime, so that it does not beat with anything periodic. Many kernels give
/// fewer (one for each tick of their clock), so that a sample's worth is measured and not taken from this.
const FREQUENCY: i32 = 997;

/// Units of processor time in `/proc` a second (USER_HZ of Linux, the same on all its common platforms).
const TICKS_PER_SECOND: f64 = 100.0;

/// Runs `name` and writes its flame graph to `path`.
pub fn run(
    name: &str,
    rounds: Rounds,
    path: &Path,
    workload: &Workload,
    frames: &Frames,
    session: &Session,
) -> Result<bool> {
    let mut engine = Native::new(name, ome_stream_backends::open(name)?);
    for _ in 0..rounds.warmups {
        once(&mut engine, workload, frames, session)?;
    }
    // No library is left out: copies and system calls happen in libc, and this way of unwinding takes no locks there.
    let profiler = ProfilerGuardBuilder::default().frequency(FREQUENCY).build()?;
    let mut seconds = 0.0;
    let before = processor_seconds();
    for _ in 0..rounds.counted {
        seconds += once(&mut engine, workload, frames, session)?;
    }
    let used = (processor_seconds() - before).max(0.0);
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

    let (header, rows) = phases.rows(used / phases.total() as f64);
    let runs = rounds.counted;
    println!(
        "{name}: seconds on a core, in {runs} run(s) that took {seconds:.2} s altogether; {} samples",
        phases.total()
    );
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
    Ok(run.create_write)
}

/// Time that all threads of this process together have spent on a core.
fn processor_seconds() -> f64 {
    fs::read_to_string("/proc/self/stat").map_or(0.0, |stat| parse_stat(&stat).unwrap_or(0.0))
}

/// User and system time: the 14th and 15th field, counted behind the name in brackets, which may hold anything.
fn parse_stat(stat: &str) -> Option<f64> {
    let (_, behind) = stat.rsplit_once(')')?;
    let mut fields = behind.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_behind_a_name_with_brackets() {
        let stat = "42 (a ) b) S 1 2 3 4 5 6 7 8 9 10 250 150 1 2";
        assert_eq!(parse_stat(stat), Some(4.0));
        assert_eq!(parse_stat("nonsense"), None);
    }

    #[test]
    fn work_takes_processor_time() {
        let before = processor_seconds();
        let mut sum = 0u64;
        while processor_seconds() < before + 0.02 {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(sum > 0);
    }
}
