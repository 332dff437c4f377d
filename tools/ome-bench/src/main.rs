//! `ome-bench`: engines that write OME-Zarr, measured against each other and against the machine's own limit.

mod cli;
mod engines;
mod frames;
mod measure;
mod parse;
mod progress;
mod raw;
mod report;
mod schedule;
mod session;
mod sustained;
mod text;
mod workload;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use cli::Cli;
use engines::{Gathered, Role, gather};
use frames::Frames;
use measure::conditions::Conditions;
use progress::Progress;
use report::Results;
use schedule::{Setting, count_runs, measure};
use session::Session;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("ome-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures and reports; false where nothing could be measured.
fn run(cli: &Cli) -> Result<bool> {
    let workload = cli.workload()?;
    let mut session = Session::new(cli.root.as_deref())?;
    Session::remove_when_interrupted()?;
    let (rounds, long_run) = (cli.rounds(), &cli.long_run);
    let conditions = Conditions::of(session.path().parent().unwrap_or(session.path()));
    session.plan_room(workload.most_bytes(), 1, conditions.memory_available)?;

    let mut progress = Progress::new(cli.quiet);
    progress.note("making frames");
    let frames = Frames::generate(&workload, cli.frames)?;
    let paced = long_run.camera().is_some();
    let Gathered { engines, mut failures } = gather(&cli.engines, paced, &workload, &frames, session.scratch());
    let each = workload.most_bytes() + frames.slab().len() as u64;
    session.plan_room(each, count_runs(&engines, rounds), conditions.memory_available)?;

    let only_limits = engines.iter().all(|engine| engine.role() == Role::Limit);
    let setting = Setting { workload: &workload, frames: &frames, session: &session, long_run, rounds };
    let mut measured = Vec::new();
    if !engines.is_empty() && (failures.is_empty() || !only_limits) {
        let (counted, failed) = measure(engines, &setting, &mut progress)?;
        measured = counted;
        failures.extend(failed);
    }
    let asked_for_engines = !only_limits || !failures.is_empty();
    let results = report::results(&setting, conditions, measured, failures);
    publish(cli, &results)?;
    Ok(if asked_for_engines { results.any_engine() } else { !results.engines.is_empty() })
}

/// Results to standard output and files, doubts to standard error.
fn publish(cli: &Cli, results: &Results) -> Result<()> {
    let page = report::page(results);
    if cli.machine_stdout() {
        eprint!("{page}");
    } else {
        print!("{page}");
    }
    if let Some(path) = &cli.json {
        report::write_json(path, results)?;
    }
    if let Some(path) = &cli.plot {
        report::draw(path, results)?;
    }
    for line in &results.warnings {
        eprintln!("warning: {line}");
    }
    for line in &results.suggestions {
        eprintln!("hint: {line}");
    }
    Ok(())
}
